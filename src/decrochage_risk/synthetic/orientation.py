"""Rows of ``orientation`` of one year: wishes, council decisions and assignments of the 3e, changes of track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.synthetic.events import NOT_KNOWN
from decrochage_risk.synthetic.pathways import IN_3E, NO_RANK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.pathways import Orientation
    from decrochage_risk.synthetic.walk import Walk
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["EVENTS", "first_day_rows", "round_rows"]

EVENTS = ("wish", "council_decision", "assignment", "track_change")
_WISH, _COUNCIL, _ASSIGNMENT, _TRACK_CHANGE = range(4)
_WISHES, _COUNCILS, _ASSIGNMENTS = 8, 4, 1
"""Weeks before the end of the year: wishes in May, class councils in June, assignments at the end of June."""
_MOST_WISHES = 3
_FURTHER_TARGETS = np.array([LEVEL_NAMES.index(name) for name in ("2de_pro", "cap1")])


def round_rows(
    orientation: Orientation,
    repeats: npt.NDArray[np.bool_],
    level: npt.NDArray[np.intp],
    walk: Walk,
    weeks: SchoolWeeks,
) -> Iterator[Columns]:
    """Yield the rows of the round of the 3e; whoever has left by then has none, who repeats has no assignment."""
    last = len(weeks)

    def there(before_end: int) -> npt.NDArray[np.bool_]:
        return IN_3E[level] & (walk.leaving_week >= last - before_end)

    for number in range(1, _MOST_WISHES + 1):
        who = np.flatnonzero(there(_WISHES) & (orientation.wishes >= number))
        further = _FURTHER_TARGETS[(who + number) % _FURTHER_TARGETS.size]
        target = orientation.wished[who] if number == 1 else further
        yield _rows(who, _day(weeks, _WISHES), _WISH, rank=number, target=target)
    who = np.flatnonzero(there(_COUNCILS))
    follows = (orientation.granted & ~repeats)[who]
    yield _rows(who, _day(weeks, _COUNCILS), _COUNCIL, target=orientation.wished[who], granted=follows)
    who = np.flatnonzero(there(_ASSIGNMENTS) & ~repeats)
    yield _rows(
        who,
        _day(weeks, _ASSIGNMENTS),
        _ASSIGNMENT,
        rank=orientation.rank[who],
        target=orientation.assigned[who],
    )


def first_day_rows(
    weeks: SchoolWeeks,
    level: npt.NDArray[np.intp],
    rank: npt.NDArray[np.intp],
    assigned: npt.NDArray[np.intp],
    changed: npt.NDArray[np.intp],
) -> Iterator[Columns]:
    """Yield assignments that come with a pupil new to the cohort, and changes of track: known on the first day."""
    yield _rows(assigned, weeks.first_day, _ASSIGNMENT, rank=rank, target=level[assigned])
    yield _rows(changed, weeks.first_day, _TRACK_CHANGE, target=level[changed])


def _day(weeks: SchoolWeeks, before_end: int) -> int:
    return int(weeks.days[len(weeks) - before_end, 0])


def _rows(
    who: npt.NDArray[np.intp],
    day: int,
    event: int,
    *,
    target: npt.NDArray[np.intp],
    rank: npt.NDArray[np.intp] | int = NO_RANK,
    granted: npt.NDArray[np.bool_] | int = NOT_KNOWN,
) -> Columns:
    return {
        "pupil": who,
        "date": np.full(who.size, day, dtype=np.int32),
        "event": np.full(who.size, event, dtype=np.int8),
        "rank": np.broadcast_to(np.asarray(rank, dtype=np.int8), who.shape),
        "target": target.astype(np.int8),
        "granted": np.broadcast_to(np.asarray(granted, dtype=np.int8), who.shape),
    }
