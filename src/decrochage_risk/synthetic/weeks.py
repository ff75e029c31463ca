"""The school weeks of one year, as arrays: which days have school, and how many half-days each holds.

The chain goes by school weeks, not by those of the calendar: holidays are no weeks. Here too are the blocks of
numbered rows that the steps of a year pass on, one array per column, all of one length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from decrochage_risk.school_year import SchoolCalendar


__all__ = ["Columns", "SchoolWeeks", "school_weeks", "stack"]

_MONDAY = 4  # 1970-01-01 was a Thursday: day 4 is the first Monday of the day numbers
_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class SchoolWeeks:
    """Weeks (Monday to Sunday) of a school year that hold at least one school half-day.

    Attributes
    ----------
    school_year : int
        2024 = 2024-25.
    days : int32 array of shape (weeks, 7)
        School days as days since 1970-01-01, in order; 0 beyond ``count``.
    half_days : int8 array of shape (weeks, 7)
        Half-days of those days; 0 beyond ``count``.
    count : int array of shape (weeks,)
        School days of the week.
    month : int array of shape (weeks,)
        Month of the first school day, 1 to 12.
    """

    school_year: int
    days: npt.NDArray[np.int32]
    half_days: npt.NDArray[np.int8]
    count: npt.NDArray[np.intp]
    month: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.count)

    @property
    def first_day(self) -> int:
        """First school day of the year."""
        return int(self.days[0, 0])

    @property
    def last_days(self) -> npt.NDArray[np.int32]:
        """Last school day of each week."""
        last: npt.NDArray[np.int32] = self.days[np.arange(len(self)), self.count - 1]
        return last

    def monday(self, week: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        """Monday of each of these weeks, whether it has school or not."""
        first = self.days[week, 0]
        mondays: npt.NDArray[np.int32] = (first - (first - _MONDAY) % _DAYS_A_WEEK).astype(np.int32)
        return mondays

    def days_before(self, week: int, day: int) -> int:
        """How many school days of ``week`` lie before ``day``."""
        return int((self.days[week, : self.count[week]] < day).sum())

    def week_at(self, day: int) -> int:
        """First week that is not over on the morning of ``day`` (its last school day is ``day`` or later)."""
        return int(np.searchsorted(self.last_days, day, side="left"))


def school_weeks(calendar: SchoolCalendar, school_year: int) -> SchoolWeeks:
    """Cut the school days of a year into weeks.

    Parameters
    ----------
    calendar : SchoolCalendar
        Must hold the whole year.
    school_year : int
        2024 = 1 September 2024 to 31 August 2025.
    """
    first = int(np.datetime64(f"{school_year}-09-01").astype(np.int64))
    after = int(np.datetime64(f"{school_year + 1}-09-01").astype(np.int64))
    every_day = np.arange(first, after, dtype=np.int32)
    half_days = calendar.values[every_day - calendar.first_day_number]
    days, half_days = every_day[half_days > 0], half_days[half_days > 0].astype(np.int8)
    _, week, count = np.unique((days - _MONDAY) // _DAYS_A_WEEK, return_inverse=True, return_counts=True)
    place = np.arange(days.size) - (np.cumsum(count) - count)[week]
    grid_days = np.zeros((count.size, _DAYS_A_WEEK), dtype=np.int32)
    grid_half_days = np.zeros((count.size, _DAYS_A_WEEK), dtype=np.int8)
    grid_days[week, place] = days
    grid_half_days[week, place] = half_days
    months = grid_days[:, 0].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return SchoolWeeks(school_year, grid_days, grid_half_days, count.astype(np.intp), months.astype(np.intp))


Columns = dict[str, "npt.NDArray[Any]"]
"""Column name to array. ``pupil`` is a position, days count from 1970-01-01, choices are codes."""


def stack(blocks: Iterable[Columns], pupils: npt.NDArray[np.intp] | None = None) -> Columns:
    """Put blocks of the same columns one after the other.

    Parameters
    ----------
    blocks : iterable of Columns
        At least one.
    pupils : int array, optional
        Position, among all pupils, of each pupil that ``pupil`` counts.
    """
    all_blocks = list(blocks)
    columns = {name: np.concatenate([block[name] for block in all_blocks]) for name in all_blocks[0]}
    if pupils is not None:
        columns["pupil"] = pupils[columns["pupil"]]
    return columns
