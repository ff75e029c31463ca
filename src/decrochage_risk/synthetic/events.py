"""Rows of ``absences`` and ``orientation`` of one year, half-day by half-day and step by step.

Absences that are not excused come from the chain and are recorded the same day, so that its state can be read off the
records; illness, exclusions, placements and lateness are drawn around them. The round of the 3e gives wishes, council
decisions and assignments; changes of track are known on the first day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.levels import USUAL_LEVEL_NAMES, USUAL_LEVELS
from decrochage_risk.synthetic.chain import MARKED
from decrochage_risk.synthetic.population import IN_3E, NO_RANK
from decrochage_risk.synthetic.settings import ABSENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain, Walk
    from decrochage_risk.synthetic.population import Orientation
    from decrochage_risk.synthetic.weeks import Columns, SchoolWeeks


__all__ = ["EVENTS", "KINDS", "NOT_KNOWN", "absence_rows", "away_in", "first_day_rows", "round_rows"]

KINDS = ("absence", "lateness", "exclusion", "placement")
_ABSENCE, _LATENESS, _EXCLUSION, _PLACEMENT = range(4)
NOT_KNOWN = -1
"""A flag (``justified``) that is not known."""

_HERE, _NOT_EXCUSED, _ILL, _EXCLUDED, _PLACED = range(5)
_KIND = np.array([-1, _ABSENCE, _ABSENCE, _EXCLUSION, _PLACEMENT])
_ILLNESS = np.array([dict(ABSENCE.illness)[level.pathway] for level in USUAL_LEVELS])
_LONGEST = 4  # episodes last 1 to 3 days
_SETTLED_AFTER = (2, 15)
_RECORDED_AFTER = (1, 7)


def absence_rows(
    chain: Chain,
    walk: Walk,
    weeks: SchoolWeeks,
    level: npt.NDArray[np.intp],
    rng: np.random.Generator,
) -> Iterator[Columns]:
    """Yield the rows of each week, week by week; ``level`` of each pupil.

    An absence that is not excused is recorded the same day, so that the state can be read off the records; some of these
    are settled days later. An illness is excused when it is recorded, which may be late; then ``justified_on`` is
    ``recorded_on``.
    """
    for week in range(len(weeks)):
        here = np.flatnonzero(walk.leaving_week >= week)
        away = away_in(chain, walk, weeks, week, (here, _ILLNESS[level[here]]), rng)
        marked_weeks = MARKED[walk.states[week, here]]
        yield _away_rows(here, away, marked_weeks, weeks, week, rng)
        yield _lateness_rows(here, away, marked_weeks, weeks, week, rng)


def away_in(
    chain: Chain,
    walk: Walk,
    weeks: SchoolWeeks,
    week: int,
    pupils: tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]],
    rng: np.random.Generator,
) -> npt.NDArray[np.int8]:
    """Why each pupil is away on each school day of a week (0 = is there), shape (pupils, days).

    ``pupils``: those who are still enrolled, and how likely each is to be ill in a week.
    """
    here, illness = pupils
    days = int(weeks.count[week])
    # One bit per school day of the week.
    bits = (walk.absent_days[week, here][:, None] >> np.arange(days)) & 1
    away = np.where(bits == 1, _NOT_EXCUSED, _HERE).astype(np.int8)
    marked_weeks = MARKED[walk.states[week, here]]
    episodes = ((_ILL, illness), (_EXCLUDED, np.take(ABSENCE.exclusion, marked_weeks)))
    for reason, chance in episodes:
        # An episode covers no absence of the chain: the state is read off those.
        spell = _episode(chance, days, rng)
        away[spell & (away == _HERE)] = reason
    # Last: a week in a company overrides whatever was drawn.
    away[chain.placement[walk.row[here], week]] = _PLACED
    return away


def _episode(chance: npt.NDArray[np.float64], days: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Spells of 1 to 3 school days within a week, shape (pupils, days)."""
    starts = rng.integers(0, days, chance.size)
    # Drawn for everybody, also who is not ill: the stream of random numbers then depends on no outcome.
    ends = starts + rng.integers(1, _LONGEST, chance.size)
    day = np.arange(days)
    within = (day >= starts[:, None]) & (day < ends[:, None])
    spell: npt.NDArray[np.bool_] = within & (rng.random(chance.size) < chance)[:, None]
    return spell


def _away_rows(
    here: npt.NDArray[np.intp],
    away: npt.NDArray[np.int8],
    marked_weeks: npt.NDArray[np.intp],
    weeks: SchoolWeeks,
    week: int,
    rng: np.random.Generator,
) -> Columns:
    pupil, place = np.nonzero(away)
    reason = away[pupil, place]
    day = weeks.days[week, place]
    possible = weeks.half_days[week, place]
    whole_day = np.where(reason == _ILL, ABSENCE.whole_day_ill, ABSENCE.whole_day)
    whole = (rng.random(pupil.size) < whole_day) | (reason >= _EXCLUDED)
    late = (reason == _ILL) & (rng.random(pupil.size) < ABSENCE.recorded_late)
    # Late entries are what an as-of date must not see yet.
    entry_day = day + np.where(late, rng.integers(*_RECORDED_AFTER, pupil.size), 0)
    is_settled = (reason == _NOT_EXCUSED) & (
        rng.random(pupil.size) < np.take(ABSENCE.settled_late, marked_weeks[pupil])
    )
    justification = np.where(reason == _NOT_EXCUSED, is_settled, np.where(reason == _ILL, 1, NOT_KNOWN))
    settled_on = np.where(is_settled, day + rng.integers(*_SETTLED_AFTER, pupil.size), entry_day)
    return {
        "pupil": here[pupil],
        "date": day,
        "half_days": np.where(whole, possible, np.minimum(possible, 1)).astype(np.int8),
        "kind": _KIND[reason].astype(np.int8),
        "justified": justification.astype(np.int8),
        "recorded_on": entry_day.astype(np.int32),
        "justified_on": np.where(justification == 1, settled_on, NOT_KNOWN).astype(np.int32),
    }


def _lateness_rows(
    here: npt.NDArray[np.intp],
    away: npt.NDArray[np.int8],
    marked_weeks: npt.NDArray[np.intp],
    weeks: SchoolWeeks,
    week: int,
    rng: np.random.Generator,
) -> Columns:
    place = rng.integers(0, away.shape[1], here.size)
    late = rng.random(here.size) < np.take(ABSENCE.lateness, marked_weeks)
    pupil = np.flatnonzero(late & (away[np.arange(here.size), place] == _HERE))
    day = weeks.days[week, place[pupil]]
    unknown = np.full(pupil.size, NOT_KNOWN, dtype=np.int8)
    return {
        "pupil": here[pupil],
        "date": day,
        "half_days": np.zeros(pupil.size, dtype=np.int8),
        "kind": np.full(pupil.size, _LATENESS, dtype=np.int8),
        "justified": unknown,
        "recorded_on": day,
        "justified_on": unknown.astype(np.int32),
    }


EVENTS = ("wish", "council_decision", "assignment", "track_change")
_WISH, _COUNCIL, _ASSIGNMENT, _TRACK_CHANGE = range(4)
_WISHES, _COUNCILS, _ASSIGNMENTS = 8, 4, 1
"""Weeks before the end of the year: wishes in May, class councils in June, assignments at the end of June."""
_MOST_WISHES = 3
_FURTHER_TARGETS = np.array([USUAL_LEVEL_NAMES.index(name) for name in ("2de_pro", "cap1")])


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
    yield _rows(who, _day(weeks, _COUNCILS), _COUNCIL, target=orientation.wished[who], grants=follows)
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
    grants: npt.NDArray[np.bool_] | int = NOT_KNOWN,
) -> Columns:
    return {
        "pupil": who,
        "date": np.full(who.size, day, dtype=np.int32),
        "event": np.full(who.size, event, dtype=np.int8),
        "rank": np.broadcast_to(np.asarray(rank, dtype=np.int8), who.shape),
        "target": target.astype(np.int8),
        "granted": np.broadcast_to(np.asarray(grants, dtype=np.int8), who.shape),
    }
