"""Days, school years and terms: one reading of a date for the whole package.

A school year is named by the year it starts in: 2024 is 2024-2025, from 1 September 2024 to 31 August 2025.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, CalendarError, explain_error

if TYPE_CHECKING:
    import numpy.typing as npt


__all__ = [
    "DateLike",
    "checked_day_numbers",
    "checked_half_days",
    "date_of_number",
    "day_number",
    "school_year_of",
    "term_of",
    "to_date",
    "to_dates",
    "weeks_since_september",
    "whole_years",
    "year_end",
    "year_start",
]

DateLike = date | np.datetime64 | str
"""What :func:`to_date` reads (``datetime`` and ``pandas.Timestamp`` are ``date`` too)."""

EPOCH = date(1970, 1, 1).toordinal()
SEPTEMBER = 9
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COARSER_THAN_A_DAY = ("generic", "Y", "M", "W")


def to_date(value: object) -> date:
    """Read a day; times are dropped, nothing is guessed.

    Parameters
    ----------
    value : date, datetime, pandas.Timestamp, numpy.datetime64 or str
        Text must be an ISO day, ``"2024-11-05"``. A time of day is dropped, in the value's own time zone.

    Raises
    ------
    AsOfError
        Anything else: a number, ``"05/11/2024"``, ``NaT``, a ``datetime64`` of months, a day that does not exist.

    Examples
    --------
    >>> to_date("2024-11-05")
    datetime.date(2024, 11, 5)
    >>> to_date(np.datetime64("2024-11-05T08:30"))
    datetime.date(2024, 11, 5)
    """
    if isinstance(value, np.datetime64):
        return _from_datetime64(value)
    # before datetime: NaT is an instance of it
    if value is pd.NaT:
        raise _not_a_day(value)
    # before date: a datetime is one too, and would keep its hour
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _ISO_DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise _not_a_day(value) from None
    raise _not_a_day(value)


def to_dates(values: object, name: str = "as_of_dates") -> list[date]:
    """Read several days, each as :func:`to_date` does, in the order in which they come.

    Parameters
    ----------
    values : iterable of date or ISO text
        A list, a column, or whatever gives days one after the other; one day alone is none.
    name : str
        How an error calls them.

    Raises
    ------
    AsOfError
        No list, or something in it that is no day.

    Examples
    --------
    >>> to_dates(["2024-11-05", date(2025, 3, 5)])
    [datetime.date(2024, 11, 5), datetime.date(2025, 3, 5)]
    """
    # A text is iterable too: its letters are no days.
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise AsOfError(
            explain_error(
                f"{name} is a {type(values).__name__}, not a list of days",
                expected="a list of dates or ISO texts",
                hint=f'Put one day into a list too: {name}=["2024-11-05"].',
            )
        )
    return [to_date(value) for value in values]


def _from_datetime64(value: np.datetime64) -> date:
    # A month is no day: numpy would take its first one, and a cut in time would fall there.
    if np.isnat(value) or np.datetime_data(value.dtype)[0] in _COARSER_THAN_A_DAY:
        raise _not_a_day(value)
    # Outside the years 1 to 9999 numpy gives a number instead of a date.
    day = value.astype("datetime64[D]").item()
    if not isinstance(day, date):
        raise _not_a_day(value)
    return day


def _not_a_day(value: object) -> AsOfError:
    return AsOfError(
        explain_error(
            f"{value!r} ({type(value).__name__}) is not a day",
            expected='a date, a datetime, a pandas.Timestamp, a numpy.datetime64 of days or finer, or ISO text "2024-11-05"',
            hint='Write the day as year-month-day, for example "2024-11-05" for 5 November 2024.',
        ),
    )


def day_number(day: DateLike) -> int:
    """Count the days from 1 January 1970 to ``day``.

    Examples
    --------
    >>> day_number("1970-01-02")
    1
    """
    return to_date(day).toordinal() - EPOCH


def date_of_number(number: int) -> date:
    """Return the day that is ``number`` days after 1 January 1970.

    Examples
    --------
    >>> date_of_number(1)
    datetime.date(1970, 1, 2)
    """
    return date.fromordinal(number + EPOCH)


def school_year_of(day: DateLike) -> int:
    """Return the school year that holds ``day``: ``y`` from 1 September ``y`` to 31 August ``y + 1``.

    Examples
    --------
    >>> school_year_of("2025-08-31"), school_year_of("2025-09-01")
    (2024, 2025)
    """
    date_of_day = to_date(day)
    return date_of_day.year if date_of_day.month >= SEPTEMBER else date_of_day.year - 1


def year_start(school_year: int) -> date:
    """Return the first day of a school year, 1 September.

    Examples
    --------
    >>> year_start(2024)
    datetime.date(2024, 9, 1)
    """
    return date(school_year, SEPTEMBER, 1)


def year_end(school_year: int) -> date:
    """Return the last day of a school year, 31 August of the year after.

    Examples
    --------
    >>> year_end(2024)
    datetime.date(2025, 8, 31)
    """
    return date(school_year + 1, SEPTEMBER - 1, 31)


def term_of(day: DateLike) -> str:
    """Return the term of ``day``, in French.

    The dates are the usual ones of councils in French schools: the first term ends with November, the second
    in mid-March (15 March); each school moves them by some days.

    Examples
    --------
    >>> term_of("2024-11-30"), term_of("2024-12-01"), term_of("2025-03-16")
    ('1er trimestre', '2e trimestre', '3e trimestre')
    """
    date_of_day = to_date(day)
    in_year = (date_of_day.month - SEPTEMBER) % 12, date_of_day.day
    # Counted from September, as (months, day): the first of December and the fifteenth of March are the usual
    # ends.
    if in_year < (3, 1):
        return "1er trimestre"
    return "2e trimestre" if in_year <= (6, 15) else "3e trimestre"


def weeks_since_september(day: DateLike) -> float:
    """Count the weeks (days / 7) from 1 September of the school year of ``day``.

    Examples
    --------
    >>> weeks_since_september("2024-09-15")
    2.0
    """
    date_of_day = to_date(day)
    return (date_of_day - year_start(school_year_of(date_of_day))).days / 7


MOST_HALF_DAYS = 2


def checked_half_days(half_days: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Return a read-only int8 copy of half-days, or raise :class:`CalendarError` with every bad value."""
    values = np.asarray(half_days)
    if values.ndim != 1 or values.size == 0 or not np.issubdtype(values.dtype, np.integer):
        raise CalendarError(
            explain_error(
                f"The half-days are an array of {values.dtype}, of shape {values.shape}",
                expected="whole numbers 0, 1 or 2, one per day, at least one day",
                hint="Pass a one-dimensional int8 array that starts on first_day and has no gap.",
            ),
        )
    bad = np.flatnonzero((values < 0) | (values > MOST_HALF_DAYS))
    if bad.size:
        places = ", ".join(f"{values[position]} at position {position}" for position in bad)
        raise CalendarError(
            explain_error(
                f"{bad.size} value(s) are not half-days of a day: {places}",
                expected="0, 1 or 2 half-days a day",
                hint="Count half-days, not hours: 2 on a full day, 1 on a Wednesday morning, 0 without school.",
            ),
        )
    values = values.astype(np.int8)
    # Calendars are shared between threads and serve as keys of caches.
    values.setflags(write=False)
    return values


def checked_day_numbers(days: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return days from 1 January 1970 as int64, or raise :class:`CalendarError` when they are not integers."""
    numbers = np.asarray(days)
    if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
        raise CalendarError(
            explain_error(
                f"The days are an array of {numbers.dtype}",
                expected="whole numbers, days from 1 January 1970",
                hint='Convert with day_number(), or with series.to_numpy("datetime64[D]").astype("int64").',
            ),
        )
    return numbers.astype(np.int64)


def whole_years(first_day: date, last_day: date) -> tuple[int, ...]:
    """Give the school years, 1 September to 31 August, that lie wholly in a span.

    Examples
    --------
    >>> from datetime import date
    >>> whole_years(date(2022, 9, 1), date(2025, 7, 4))
    (2022, 2023)
    """
    first, last = school_year_of(first_day), school_year_of(last_day)
    # A year that is cut at an end is no known one: its rates would be of half a year.
    first += first_day > year_start(first)
    last -= last_day < year_end(last)
    return tuple(range(first, last + 1))
