"""Days, periods, months and school years in French."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decrochage_risk.french.words import refused

if TYPE_CHECKING:
    from datetime import date

__all__ = ["SHORT_MONTHS", "day", "month", "period", "school_year", "since", "until"]

MONTHS: Final = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
SHORT_MONTHS: Final = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
"""As the Imprimerie nationale shortens them, for axes."""


def day(date: date, *, with_year: bool = False) -> str:
    """Write a day: "3 février", "1er mars 2025".

    Examples
    --------
    >>> from datetime import date
    >>> day(date(2025, 2, 3)), day(date(2025, 3, 1), with_year=True)
    ('3 février', '1er mars 2025')
    """
    return f"{_day_of_month(date)} {month(date, with_year=with_year)}"


def since(date: date, *, with_year: bool = False) -> str:
    """Write the start of a window that goes on.

    Examples
    --------
    >>> from datetime import date
    >>> since(date(2025, 2, 3))
    'depuis le 3 février'
    """
    return f"depuis le {day(date, with_year=with_year)}"


def until(date: date, *, with_year: bool = False) -> str:
    """Write the last day of a window, included.

    Examples
    --------
    >>> from datetime import date
    >>> until(date(2024, 8, 31), with_year=True)
    "jusqu'au 31 août 2024"
    """
    return f"jusqu'au {day(date, with_year=with_year)}"


def period(start: date, end: date, *, with_year: bool = False) -> str:
    """Write a window, both days included; what both days share is written once.

    Examples
    --------
    >>> from datetime import date
    >>> period(date(2025, 2, 3), date(2025, 3, 2)), period(date(2025, 2, 3), date(2025, 2, 28), with_year=True)
    ('du 3 février au 2 mars', 'du 3 au 28 février 2025')
    """
    if start > end:
        raise refused(f"The period {start} to {end}", "a start on or before the end", "Swap the two days.")
    written_end = day(end, with_year=with_year)
    # By parts, as a datetime never equals a date.
    if (start.year, start.month, start.day) == (end.year, end.month, end.day):
        return f"le {written_end}"
    if (start.year, start.month) == (end.year, end.month):
        return f"du {_day_of_month(start)} au {written_end}"
    return f"du {day(start, with_year=with_year and start.year != end.year)} au {written_end}"


def month(date: date, *, with_year: bool = False) -> str:
    """Write the month of a day.

    Examples
    --------
    >>> from datetime import date
    >>> month(date(2025, 8, 3), with_year=True)
    'août 2025'
    """
    name = MONTHS[date.month - 1]
    return f"{name} {date.year}" if with_year else name


def school_year(y: int) -> str:
    """Write a school year.

    Examples
    --------
    >>> school_year(2024)
    '2024-2025'
    """
    return f"{y}-{y + 1}"


def _day_of_month(date: date) -> str:
    return "1er" if date.day == 1 else str(date.day)
