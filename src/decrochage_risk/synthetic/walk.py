"""Drawing the weeks of one year: states, absences that are not excused, low maths marks, and who leaves when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.chain import next_states, sigmoid

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["Walk", "assessment_day", "walk_year"]


@dataclass(frozen=True, slots=True)
class Walk:
    """What the weeks of one year brought; weeks first, so that one week is one contiguous row.

    Attributes
    ----------
    row : int array of shape (pupils,)
        Row of the chain (cell and hidden class).
    states : uint8 array of shape (weeks + 1, pupils)
        State at the start of each week, and after the last.
    absent_days : uint8 array of shape (weeks, pupils)
        Bit d: absent, not excused, on the d-th school day of the week.
    low : bool array of shape (weeks, pupils)
        Low or missing mark in the maths assessment of the week, if there is one.
    leaving_week : int array of shape (pupils,)
        Week at whose end the pupil leaves; the number of weeks for those who stay to the end.
    not_back : bool array of shape (pupils,)
        Stayed to the end, and not enrolled anywhere by 1 November.
    """

    row: npt.NDArray[np.intp]
    states: npt.NDArray[np.uint8]
    absent_days: npt.NDArray[np.uint8]
    low: npt.NDArray[np.bool_]
    leaving_week: npt.NDArray[np.intp]
    not_back: npt.NDArray[np.bool_]

    @property
    def left(self) -> npt.NDArray[np.bool_]:
        """Whether the pupil leaves in the year or is not back after it."""
        weeks = len(self.absent_days)
        return (self.leaving_week < weeks) | self.not_back


def assessment_day(group: npt.NDArray[np.intp], subject: int, week: int, days: int) -> npt.NDArray[np.intp]:
    """School day (0 = first of the week) of an assessment: the same for a whole class."""
    return (group + 3 * subject + week) % days


def walk_year(chain: Chain, cell: npt.NDArray[np.intp], weeks: SchoolWeeks, rng: np.random.Generator) -> Walk:
    """Draw one year for pupils whose cells are given."""
    pupils = cell.size
    row = cell * chain.hidden_classes + rng.choice(chain.hidden_classes, size=pupils, p=chain.shares)
    states = np.zeros((len(weeks) + 1, pupils), dtype=np.uint8)
    absent_days = np.zeros((len(weeks), pupils), dtype=np.uint8)
    low = np.zeros((len(weeks), pupils), dtype=np.bool_)
    leaving_week = np.full(pupils, len(weeks), dtype=np.intp)
    state = np.zeros(pupils, dtype=np.intp)
    for week in range(len(weeks)):
        if week > 0:
            absent_days[week] = _draw_days(chain.absence_in(week)[row, state], int(weeks.count[week]), rng)
        low[week] = rng.random(pupils) < sigmoid(chain.low[row, state])
        after = next_states(
            state, marked=absent_days[week] > 0, low=low[week] if chain.has_round(week) else None
        )
        state = np.where(chain.placement[row, week] | (week == 0), state, after)
        states[week + 1] = state
        leaves = rng.random(pupils) < chain.leaving_in(week)[row, state]
        leaving_week[leaves & (leaving_week > week)] = week
    not_back = (rng.random(pupils) < sigmoid(chain.summer[row, state])) & (leaving_week == len(weeks))
    return Walk(row, states, absent_days, low, leaving_week, not_back)


def _draw_days(
    probability: npt.NDArray[np.float64], days: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw each school day of a week; bit d is the d-th day."""
    absent = rng.random((days, probability.size)) < probability
    bits: npt.NDArray[np.uint8] = np.packbits(absent, axis=0, bitorder="little")[0]
    return bits
