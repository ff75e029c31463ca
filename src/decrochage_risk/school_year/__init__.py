"""School years, terms, holidays and possible half-days.

``dates``
    what a day is, the school year and the term that hold it;
``day_cells``
    days out of the cells of a column, and the CSV file of a calendar;
``school_calendar``
    :class:`SchoolCalendar`, the half-days of school of every day of a span: zones A, B and C for the school years 2017-2018 to
    2026-2027 with their sources and corrections, académies of ``calendars.toml``, those of installed packages.
"""

from __future__ import annotations

from decrochage_risk.school_year.dates import (
    DateLike,
    day_number,
    school_year_of,
    term_of,
    to_date,
    to_dates,
    weeks_since_september,
    year_end,
    year_start,
)
from decrochage_risk.school_year.school_calendar import SchoolCalendar, zone_of_school

__all__ = [
    "DateLike",
    "SchoolCalendar",
    "day_number",
    "school_year_of",
    "term_of",
    "to_date",
    "to_dates",
    "weeks_since_september",
    "year_end",
    "year_start",
    "zone_of_school",
]
