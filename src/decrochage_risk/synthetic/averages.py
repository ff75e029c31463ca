"""Term averages and marking habits: what becomes of the marks of a year once every assessment is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.columns import stack
from decrochage_risk.synthetic.settings import SUBJECTS

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.walk import Walk
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["GRADE_KINDS", "with_averages", "with_habits"]

GRADE_KINDS = ("assessment", "term_average")
_TERM_ENDS = ((0, "11-30"), (1, "03-15"), (1, "06-10"))
_TOP, _GRADED = 20.0, 0


def with_habits(rows: Columns, points: npt.NDArray[np.float64]) -> Columns:
    """Add points of 20 to every mark; ``points`` of each pupil of the year."""
    if not points.any():
        return rows
    scale = rows["out_of"] / _TOP
    value = np.clip(rows["value"] + points[rows["pupil"]] * scale, 0.0, rows["out_of"])
    return {**rows, "value": value}


def with_averages(rows: Columns, walk: Walk, weeks: SchoolWeeks) -> Columns:
    """Add the average of each subject at the end of each term, for those who are still there.

    Weighted by coefficient, on 20, to the hundredth; dated and recorded on the last school day of the term (30
    November, 15 March, 10 June, or before). Marks after the last term are in no average.
    """
    ends = _term_ends(weeks)
    term = np.searchsorted(ends, rows["date"], side="left")
    graded = (rows["status"] == _GRADED) & (term < ends.size)
    key = (rows["pupil"] * len(SUBJECTS) + rows["subject"])[graded] * ends.size + term[graded]
    on_20 = _TOP * rows["value"][graded] / rows["out_of"][graded]
    weight = np.bincount(key, weights=rows["coefficient"][graded])
    total = np.bincount(key, weights=rows["coefficient"][graded] * on_20)
    found = np.flatnonzero(weight)
    pupil, day = found // (len(SUBJECTS) * ends.size), ends[found % ends.size]
    last_day = weeks.last_days[np.minimum(walk.leaving_week, len(weeks) - 1)]
    there = last_day[pupil] >= day
    found, pupil, day = found[there], pupil[there], day[there]
    return stack(
        [
            rows,
            {
                "pupil": pupil,
                "date": day,
                "subject": (found // ends.size % len(SUBJECTS)).astype(np.int8),
                "value": np.round(total[found] / weight[found], 2),
                "out_of": np.full(found.size, _TOP),
                "coefficient": np.ones(found.size),
                "status": np.zeros(found.size, dtype=np.int8),
                "recorded_on": day,
                "kind": np.ones(found.size, dtype=np.int8),
            },
        ]
    )


def _term_ends(weeks: SchoolWeeks) -> npt.NDArray[np.int32]:
    """Last school day of each term."""
    days = np.sort(weeks.days[weeks.half_days > 0])
    after = [
        int(np.datetime64(f"{weeks.school_year + later}-{day}").astype(np.int64)) for later, day in _TERM_ENDS
    ]
    ends: npt.NDArray[np.int32] = days[np.searchsorted(days, after, side="right") - 1]
    return ends
