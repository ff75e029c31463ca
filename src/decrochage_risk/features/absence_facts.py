"""What several features ask of the absences and the calendar: blocks of four weeks, days after holidays, past years."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import kernels, trajectory_kernels
from decrochage_risk.features.facts import rate
from decrochage_risk.features.windows import LAST_12W
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.school_year import SchoolCalendar

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = [
    "BLOCK_DAYS",
    "absent_weeks",
    "block_rates",
    "calendar_sums",
    "days_after_holidays",
    "enrolled_sum",
    "enrolled_sum_from",
    "last_year_span",
    "months_of",
    "rate_of_year_at",
    "same_weeks_last_year",
    "school_day_numbers",
    "since_4e_rate",
]

BLOCK_DAYS = 28
"""Days of a block: four weeks, so that each weekday counts as often."""

HOLIDAY_DAYS = 5
"""Consecutive days without school from which the next school day is one after holidays: longer than any weekend
with a bridge of one day."""

DAYS_AFTER = 2
"""School days after holidays that are looked at."""

SAME_WEEKDAY_LAST_YEAR = 364


@lru_cache(maxsize=32)
def days_after_holidays(calendar: SchoolCalendar) -> npt.NDArray[np.bool_]:
    """Which days of the calendar are one of the first two school days after five days or more without school."""
    school = np.flatnonzero(calendar.values > 0)
    gap = np.diff(school, prepend=-1) - 1
    first = np.flatnonzero(gap >= HOLIDAY_DAYS)
    after = (first[:, None] + np.arange(DAYS_AFTER)).ravel()
    found = np.zeros(calendar.values.size, dtype=np.bool_)
    found[school[after[after < school.size]]] = True
    return found


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
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(_PER_DAY[what](calendar), dtype=np.int64)))


def _inside(facts: Facts, day: int) -> int:
    calendar = facts.known.calendar
    return int(np.clip(day, calendar.first_day_number, calendar.first_day_number + calendar.values.size))


def enrolled_sum(facts: Facts, what: str, spans: Sequence[tuple[int, int]]) -> Floats:
    """Sum half-days, school days or half-days after holidays while enrolled, shape (pupils, spans).

    Days outside the calendar count for nothing.
    """
    rows = facts.known.arrays.enrolments
    lows, highs = (np.array([_inside(facts, span[edge]) for span in spans], np.int64) for edge in (0, 1))
    return trajectory_kernels.enrolled_blocks(
        calendar_sums(facts.known.calendar, what), facts.enrolment_starts, rows.start, rows.end, lows, highs,
        facts.known.calendar.first_day_number,
    )  # fmt: skip


def enrolled_sum_from(facts: Facts, what: str, lows: Ints, after: int) -> Floats:
    """Sum from a day of each pupil's own, included, to ``after``, left out, while enrolled."""
    rows, calendar = facts.known.arrays.enrolments, facts.known.calendar
    first = calendar.first_day_number
    return trajectory_kernels.enrolled_from(
        calendar_sums(facts.known.calendar, what), facts.enrolment_starts, rows.start, rows.end,
        np.clip(lows, first, first + calendar.values.size), _inside(facts, after), first,
    )  # fmt: skip


def block_rates(facts: Facts) -> Floats:
    """Absence rate of each whole block of four weeks of the year, the latest first, shape (pupils, blocks)."""

    def computed() -> Floats:
        start, as_of = facts.known.year_start_day, facts.known.as_of_day
        blocks = (as_of - start) // BLOCK_DAYS
        spans = [(as_of - BLOCK_DAYS * (k + 1), as_of - BLOCK_DAYS * k) for k in range(blocks)]
        events = facts.absence_events
        absent, away = trajectory_kernels.absence_blocks(
            events.day, facts.absence_values("absent"), facts.absence_values("away"), events.bound(start),
            events.bound(as_of), as_of, BLOCK_DAYS, blocks,
        )  # fmt: skip
        return rate(absent, enrolled_sum(facts, "half-days", spans) - away)

    return facts.once("block rates", computed)


def absent_weeks(facts: Facts, first: int, after: int) -> Floats:
    """ISO weeks of [first, after) with at least one absent half-day."""
    events = facts.absence_events
    return kernels.count_weeks(
        events.day, facts.absence_values("absent"), events.bound(first), events.bound(after)
    )


def school_day_numbers(facts: Facts) -> npt.NDArray[np.int32]:
    """Count the school days up to the day of each counted row of absences, included."""

    def numbered() -> npt.NDArray[np.int32]:
        calendar = facts.known.calendar
        count = calendar_sums(calendar, "days")[1:].astype(np.int32)
        return count[np.clip(facts.absence_events.day - calendar.first_day_number, 0, count.size - 1)]

    return facts.once("school day numbers", numbered)


def months_of(facts: Facts) -> npt.NDArray[np.int32]:
    """Calendar month of each counted row of absences, in months since January 1970."""

    def looked_up() -> npt.NDArray[np.int32]:
        days = facts.absence_events.day
        if not days.size:
            return np.zeros(0, dtype=np.int32)
        first = int(days.min())
        every = np.arange(first, int(days.max()) + 1).astype("datetime64[D]").astype("datetime64[M]")
        return every.astype(np.int32)[days - first]

    return facts.once("months", looked_up)


def last_year_span(facts: Facts) -> tuple[int, int]:
    """Find the same days of the school year before: from its 1 September, as many days as this year has had."""
    known = facts.known
    first = day_number(year_start(known.school_year - 1))
    return first, min(first + known.as_of_day - known.year_start_day, known.year_start_day)


def same_weeks_last_year(facts: Facts) -> tuple[int, int]:
    """Find the last 12 weeks, 52 weeks earlier, within the school year before."""
    known = facts.known
    first, after = (day - SAME_WEEKDAY_LAST_YEAR for day in LAST_12W.span(known))
    return max(first, day_number(year_start(known.school_year - 1))), min(after, known.year_start_day)


def since_4e_rate(facts: Facts, first_years: Ints) -> Floats:
    """Absence rate of the known school years before this one, from each pupil's first year in 4e or above."""
    return facts.once("since 4e rate", lambda: facts.absence_rate_of_years(first_years))


def rate_of_year_at(facts: Facts, years: Ints, of_year: Callable[[int, int], Floats]) -> Floats:
    """Value of a past school year of each pupil's own: NaN where it is this year, later, or outside the calendar."""
    values = np.full(facts.pupils, np.nan)
    for year in range(facts.first_year, facts.known.school_year):
        at = years == year
        if at.any() and facts.known.calendar.covers_year(year):
            span = day_number(year_start(year)), day_number(year_start(year + 1))
            values = np.where(at, of_year(*span), values)
    return values
