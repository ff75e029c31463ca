"""Outcomes of one year: what became of the pupils, and what the list of leavers says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.settings import RISK

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.difficulty import Difficulty
    from decrochage_risk.synthetic.pathways import YearEnd
    from decrochage_risk.synthetic.walk import Walk
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["CONTINUED", "NO_DATE", "OUTCOMES", "as_listed", "draw_outcomes", "outcome_rows"]

NO_DATE = -1
"""Day of an outcome without one."""
OUTCOMES = ("continued", "graduated", "left_without_diploma", "unknown")
CONTINUED, _GRADUATED, _LEFT, _UNKNOWN = range(4)


def draw_outcomes(walk: Walk, year_end: YearEnd, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Outcome of each pupil; unknown falls on anyone, whatever became of them."""
    outcome = np.where(walk.left, _LEFT, np.where(year_end.graduates, _GRADUATED, CONTINUED))
    return np.where(rng.random(outcome.size) < RISK.unknown, _UNKNOWN, outcome)


def as_listed(
    outcome: npt.NDArray[np.intp], walk: Walk, difficulty: Difficulty, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Outcome as the lists have it: some who stay are listed as leavers, some who are not back are not listed."""
    draw = rng.random(outcome.size)
    stays = (outcome == CONTINUED) | (outcome == _GRADUATED)
    not_back = (outcome == _LEFT) & walk.not_back
    listed = np.where(stays & (draw < difficulty.wrongly_left), _LEFT, outcome)
    return np.where(not_back & (draw < difficulty.wrongly_stayed), CONTINUED, listed)


def outcome_rows(outcome: npt.NDArray[np.intp], walk: Walk, weeks: SchoolWeeks) -> Columns:
    """One row per pupil; dated for who left within the year only."""
    in_year = (walk.leaving_week < len(weeks)) & (outcome == _LEFT)
    last_week = np.minimum(walk.leaving_week, len(weeks) - 1)
    return {
        "pupil": np.arange(outcome.size),
        "school_year": np.full(outcome.size, weeks.school_year),
        "outcome": outcome.astype(np.int8),
        "date": np.where(in_year, weeks.last_days[last_week], NO_DATE).astype(np.int32),
    }
