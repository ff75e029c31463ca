"""The spans of days that features look at, all ending before the as-of date.

After them, what is the same for every pupil of a day and is found once: the edges of weeks, months and school years, and the
sums of a calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.features.kernels import DAYS_A_WEEK, THURSDAY
from decrochage_risk.school_year import day_number, year_start
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.school_year import SchoolCalendar

    Ints = npt.NDArray[np.int64]

__all__ = [
    "BEFORE_4W",
    "BEFORE_6W",
    "BEFORE_12W",
    "EARLIER_YEARS",
    "EVER",
    "LAST_4W",
    "LAST_6W",
    "LAST_12W",
    "PRECEDING_4W",
    "PREVIOUS_YEAR",
    "SINCE_FIRST",
    "THREE_YEARS",
    "WITHIN_THE_YEAR",
    "YEAR",
    "YEAR_AND_FIRST_4E",
    "YEAR_AND_PREVIOUS",
    "YEAR_BACK",
    "Window",
    "calendar_sums",
    "days_after_holidays",
    "monday_of",
    "months_and_edges",
    "week_edges",
    "years_of_days",
]


@dataclass(frozen=True)
class Window:
    """A half-open span of days, the same for every pupil.

    Attributes
    ----------
    name : str
        Code written into the feature contract.
    label : str
        What it is, in French.
    span : callable
        From known records to (first day, day after the last), as day numbers.
    open_start : bool
        It goes back as far as a pupil's own records do, so that its first day is nobody's in particular.
    """

    name: str
    label: str
    span: Callable[[KnownRecords], tuple[int, int]]
    open_start: bool = False

    def period(self, known: KnownRecords) -> str:
        """Write the days as an ISO 8601 interval, last day included; ".." for an open start."""
        first, after = self.span(known)
        last = date_of_number(after - 1)
        return f"{'..' if self.open_start else date_of_number(first)}/{last}"


def _trailing(days: int) -> Callable[[KnownRecords], tuple[int, int]]:
    # cut at 1 September: a window of this year never reaches into the year before
    return lambda known: (max(known.year_start_day, known.as_of_day - days), known.as_of_day)


def _before_trailing(days: int) -> Callable[[KnownRecords], tuple[int, int]]:
    # Empty in September, when the trailing window reaches back to the start of the year.
    return lambda known: (known.year_start_day, max(known.year_start_day, known.as_of_day - days))


def _preceding(days: int) -> Callable[[KnownRecords], tuple[int, int]]:
    return lambda known: (
        max(known.year_start_day, known.as_of_day - 2 * days),
        max(known.year_start_day, known.as_of_day - days),
    )


def _year(known: KnownRecords) -> tuple[int, int]:
    return known.year_start_day, known.as_of_day


def _previous_year(known: KnownRecords) -> tuple[int, int]:
    return day_number(year_start(known.school_year - 1)), known.year_start_day


def _year_and_previous(known: KnownRecords) -> tuple[int, int]:
    return day_number(year_start(known.school_year - 1)), known.as_of_day


def _three_years(known: KnownRecords) -> tuple[int, int]:
    return day_number(year_start(known.school_year - 2)), known.as_of_day


def _since_first(known: KnownRecords) -> tuple[int, int]:
    return _earlier_years(known)[0], known.as_of_day


def _year_back(known: KnownRecords) -> tuple[int, int]:
    # 52 whole weeks: as many of each weekday at both ends
    return known.as_of_day - 364, known.as_of_day


def _before_6w(known: KnownRecords) -> tuple[int, int]:
    return _trailing(84)(known)[0], _trailing(42)(known)[0]


def _earlier_years(known: KnownRecords) -> tuple[int, int]:
    first = known.arrays.enrolments.start
    # The earliest of all pupils serves coverage alone, which looks at each pupil's own enrolled days.
    return int(first.min()) if first.size else known.year_start_day, known.year_start_day


LAST_4W = Window("4w", "4 dernières semaines", _trailing(28))
LAST_6W = Window("6w", "6 dernières semaines", _trailing(42))
BEFORE_6W = Window("before_6w", "de 12 à 6 semaines avant la date", _before_6w)
LAST_12W = Window("12w", "12 dernières semaines", _trailing(84))
YEAR = Window("year", "année scolaire en cours", _year)
BEFORE_4W = Window("before_4w", "du 1er septembre aux 4 dernières semaines", _before_trailing(28))
BEFORE_12W = Window("before_12w", "du 1er septembre aux 12 dernières semaines", _before_trailing(84))
PRECEDING_4W = Window("preceding_4w", "4 semaines d'avant les 4 dernières", _preceding(28))
PREVIOUS_YEAR = Window("previous_year", "année scolaire précédente", _previous_year)
YEAR_AND_PREVIOUS = Window("year_and_previous", "année en cours et année précédente", _year_and_previous)
EARLIER_YEARS = Window("earlier_years", "années scolaires précédentes", _earlier_years, open_start=True)
THREE_YEARS = Window("3y", "année en cours et deux années précédentes", _three_years)
YEAR_AND_FIRST_4E = Window(
    "year_and_first_4e", "année en cours et première année de 4e", _year, open_start=True
)
SINCE_FIRST = Window("since_first", "année en cours et années précédentes", _since_first, open_start=True)
YEAR_BACK = Window("52w", "52 dernières semaines", _year_back)
EVER = Window("ever", "scolarité connue", _year, open_start=True)
WITHIN_THE_YEAR: Final = frozenset(
    window.name
    for window in (LAST_4W, LAST_6W, BEFORE_6W, LAST_12W, YEAR, BEFORE_4W, BEFORE_12W, PRECEDING_4W)
)
"""Windows that hold no day of an earlier school year."""


def monday_of(day: int) -> int:
    """Return the Monday of the week of a day."""
    return day - (day + THURSDAY) % DAYS_A_WEEK


# Windows are few and the same for every pupil of a day.
@lru_cache(maxsize=256)
def week_edges(first: int, after: int) -> Ints:
    """Edges of the ISO weeks of [first, after)."""
    # Weeks begin on Mondays, but the first and the last are cut at the window.
    mondays = np.arange(monday_of(first), after, DAYS_A_WEEK, dtype=np.int64)
    edges: Ints = np.maximum(np.append(mondays, after), first)
    return edges


@lru_cache(maxsize=256)
def years_of_days(first: int, last: int) -> npt.NDArray[np.int64]:
    """Give each day of the school years ``first`` to ``last`` the number of its year, 0 for ``first``."""
    starts = [day_number(year_start(year)) for year in range(first, last + 2)]
    years: npt.NDArray[np.int64] = np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
    return years


@lru_cache(maxsize=32)
def months_and_edges(first: int, after: int) -> tuple[Ints, Ints]:
    """Calendar months of [first, after), since January 1970, and the first day of each, then ``after``."""
    edges = np.array([first, max(after - 1, first)], dtype="datetime64[D]").astype("datetime64[M]")
    months = np.arange(edges[0], edges[1] + 1)
    starts = np.append(months, months[-1] + 1).astype("datetime64[D]").astype(np.int64)
    return months.astype(np.int64), np.minimum(starts, after)


HOLIDAY_DAYS = 5
"""Consecutive days without school from which the next school day is one after holidays: longer than any weekend
with a bridge of one day."""

DAYS_AFTER = 2
"""School days after holidays that are looked at."""


# One calendar serves every part and every date of a run.
@lru_cache(maxsize=32)
def days_after_holidays(calendar: SchoolCalendar) -> npt.NDArray[np.bool_]:
    """Which days of the calendar are one of the first two school days after five days or more without school."""
    school = np.flatnonzero(calendar.values > 0)
    # -1 is the eve of the calendar: its first school day follows holidays only if days without school come
    # first.
    gap = np.diff(school, prepend=-1) - 1
    first = np.flatnonzero(gap >= HOLIDAY_DAYS)
    after = (first[:, None] + np.arange(DAYS_AFTER)).ravel()
    is_after = np.zeros(calendar.values.size, dtype=np.bool_)
    is_after[school[after[after < school.size]]] = True
    return is_after


_PER_DAY: dict[str, Callable[[SchoolCalendar], npt.NDArray[np.integer]]] = {
    "half-days": lambda calendar: calendar.values,
    "days": lambda calendar: (calendar.values > 0).astype(np.int64),
    "after holidays": lambda calendar: np.where(days_after_holidays(calendar), calendar.values, 0),
}


@lru_cache(maxsize=96)
def calendar_sums(calendar: SchoolCalendar, what: str) -> Ints:
    """Half-days, school days or half-days after holidays before each day of the calendar, and in all of it.

    Found once per calendar, which never changes.
    """
    # Whole numbers, so that differences are exact, and a zero in front for windows from the first day.
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(_PER_DAY[what](calendar), dtype=np.int64)))
