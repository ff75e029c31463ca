"""Which features of two days may be compared: a window of four weeks that holds holidays is not one that holds none."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from decrochage_risk.errors import CalendarError
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.school_year import school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["comparable_columns"]

_SHORT: Final = {"4w": 28, "12w": 84}
_TOLERANCE: Final = 0.05


def comparable_columns(
    columns: Iterable[str], calendar: SchoolCalendar, day: date, others: Iterable[date]
) -> list[str]:
    """Keep the columns whose windows hold about as many half-days on one day as on the others.

    Windows since September always do. Windows of some weeks, and the score, which rests on them, do where their
    possible half-days differ by 5 % at most from those of each other day; days outside the calendar cannot be told.

    Examples
    --------
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> zone_b = SchoolCalendar.for_zone("B")
    >>> names = ["absence_rate_4w", "absence_rate_year", "score"]
    >>> comparable_columns(names, zone_b, date(2025, 3, 5), [date(2024, 12, 5)])
    ['absence_rate_year']
    """
    days = list(others)
    fits = {name: all(_alike(calendar, span, day, other) for other in days) for name, span in _SHORT.items()}
    return [
        name
        for name in columns
        if (
            fits.get(FEATURE_BY_NAME[name].window.name, True)
            if name in FEATURE_BY_NAME
            else all(fits.values())
        )
    ]


def _alike(calendar: SchoolCalendar, span: int, day: date, other: date) -> bool:
    try:
        here, there = (_half_days(calendar, span, one) for one in (day, other))
    except CalendarError:
        return False
    return abs(here - there) <= _TOLERANCE * max(here, there)


def _half_days(calendar: SchoolCalendar, span: int, day: date) -> int:
    return calendar.half_days_between(max(day - timedelta(days=span), year_start(school_year_of(day))), day)
