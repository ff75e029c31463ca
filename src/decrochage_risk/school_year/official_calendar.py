"""The official calendar of zones A, B and C, school years 2017-2018 to 2026-2027.

Vacations come from the library `vacances_scolaires_france` (data of the Ministry), public holidays from
`holidays`. Days of pupils, not of teachers. Where the library departs from the arrêtés, :data:`SCHOOL_DAYS`
and :data:`DAYS_OFF` say the days and why; a correction states what is true, so a library that comes to agree
changes nothing. What is left out on purpose:

- The closures of March to May 2020 (covid) are not holidays of the official calendar: those days count as
  school days, and rates over them mean little. The same holds for the lessons at home of April 2021; the
  spring holidays of 2021, moved to 10-25 April in all three zones, are as moved.
- Friday 11 May 2018 is a school day: 2017-2018 is the one year without a "pont de l'Ascension" (the Tuesday
  of that week was already a holiday).
- In 2018 the académies of Caen, Nantes, Orléans-Tours, Rennes and Rouen (zone B) moved their spring holidays
  to 25 April - 13 May; the zone keeps the national dates, those of Nancy-Metz, Reims and Strasbourg.
- Rectors and schools may move days; a school with its own calendar reads it with ``SchoolCalendar.from_csv``.
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from decrochage_risk.errors import CalendarError, explain_error
from decrochage_risk.school_year.dates import day_number, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = [
    "DAYS_OFF",
    "FIRST_DAY",
    "LAST_DAY",
    "OFFICIAL_TEXTS",
    "SCHOOL_DAYS",
    "ZONES",
    "Correction",
    "official_half_days",
    "zone_of_school",
]

ZONES: Final = ("A", "B", "C")

OFFICIAL_TEXTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        2017: "arrêté du 16 avril 2015",
        2018: "calendriers scolaires 2017-2018 et 2018-2019 (gouvernement.fr)",
        2019: "arrêté du 24 juillet 2018",
        2020: "JORFTEXT000038864922 ; vacances de printemps déplacées par le ministère (avril 2021)",
        2021: "arrêté du 15 décembre 2020 (MENE2032706A)",
        2022: "arrêté du 7 juillet 2021",
        2023: "arrêté paru au Journal officiel du 8 décembre 2022",
        2024: "arrêté paru au Journal officiel du 8 décembre 2022",
        2025: "arrêté paru au Journal officiel du 8 décembre 2022",
        2026: "JORFTEXT000052416058 (octobre 2025)",
    },
)
"""The text that fixes each school year. A year of the zones without a text would not be official."""

FIRST_DAY: Final = year_start(2017)
LAST_DAY: Final = year_end(2026)

HALF_DAYS_OF_WEEK: Final = (2, 2, 1, 2, 2, 0, 0)
"""Monday to Sunday: 9 half-days a week, Wednesday morning included."""

PLAUSIBLE_YEAR: Final = range(290, 331)
"""Half-days of a school year (36 weeks of 9, less the public holidays); outside, a source has a hole."""


_DEPARTMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "025 039 070 090 024 033 040 047 064 003 015 043 063 021 058 071 089 007 026 038 073 074 019 023 087 "
        "001 042 069 016 017 079 086",
        "B": "004 005 013 084 002 060 080 059 062 054 055 057 088 044 049 053 072 085 006 083 014 050 061 027 076 "
        "018 028 036 037 041 045 008 010 051 052 022 029 035 056 067 068",
        "C": "077 093 094 011 030 034 048 066 075 009 012 031 032 046 065 081 082 078 091 092 095",
        "Corse": "620 720",
        "outre-mer": "971 972 973 974 975 976 977 978 986 987 988",
    }
)
"""The first three characters of school numbers (département) of each zone: académies of A, B and C by the arrêtés of the
school calendars since 2015; Corsica and overseas have calendars of their own, set by their rectors."""
_ZONE_OF_DEPARTMENT: Final = {
    department: zone for zone, departments in _DEPARTMENTS.items() for department in departments.split()
}


def zone_of_school(school_id: str) -> str | None:
    """Find the zone of a school by its number (UAI): A, B, C, "Corse", "outre-mer"; None for a place that is in none.

    Examples
    --------
    >>> zone_of_school("0671234C"), zone_of_school("6200001A"), zone_of_school("0990001N")
    ('B', 'Corse', None)
    """
    return _ZONE_OF_DEPARTMENT.get(school_id[:3])


class Correction(NamedTuple):
    """Days, first and last included, on which the vacations of the library are not those of the arrêtés."""

    first: date
    last: date
    zones: tuple[str, ...]
    why: str


_BRIDGE = "pont de l'Ascension de l'arrêté, absent de la bibliothèque"
_SPRING_2021 = "vacances de printemps 2021 unifiées du 10 au 25 avril (annonce du 31 mars 2021)"

SCHOOL_DAYS: Final = (
    Correction(date(2021, 4, 26), date(2021, 5, 9), ("B", "C"), _SPRING_2021),
    Correction(date(2021, 5, 17), date(2021, 5, 17), ZONES, "lundi, jour de reprise après l'Ascension"),
    Correction(date(2021, 7, 6), date(2021, 7, 6), ZONES, "départ le mardi 6 juillet après la classe"),
    Correction(date(2022, 7, 7), date(2022, 7, 7), ZONES, "départ le jeudi 7 juillet après la classe"),
)
"""Days that the library calls vacation and that are not."""

DAYS_OFF: Final = (
    Correction(date(2021, 4, 10), date(2021, 4, 25), ("B", "C"), _SPRING_2021),
    Correction(date(2021, 9, 1), date(2021, 9, 1), ZONES, "rentrée des élèves le jeudi 2 septembre"),
    Correction(date(2023, 5, 19), date(2023, 5, 19), ZONES, _BRIDGE),
    Correction(date(2024, 5, 10), date(2024, 5, 10), ZONES, _BRIDGE),
    Correction(date(2025, 5, 30), date(2025, 5, 30), ZONES, _BRIDGE),
    Correction(date(2026, 5, 15), date(2026, 5, 15), ZONES, _BRIDGE),
)
"""Days without school that the library does not have."""


def official_half_days(zone: str, *, alsace_moselle: bool) -> npt.NDArray[np.int8]:
    """Compute the half-days of school of every day from :data:`FIRST_DAY` to :data:`LAST_DAY`.

    Parameters
    ----------
    zone : {"A", "B", "C"}
        Zone of the académie (zones of 2015 and after).
    alsace_moselle : bool
        Adds Good Friday and 26 December, public holidays of the local law of Alsace and Moselle.

    Returns
    -------
    numpy.ndarray of int8, shape (3652,)
        0, 1 or 2 half-days a day.

    Raises
    ------
    CalendarError
        The installed libraries give a school year that cannot be.

    Examples
    --------
    >>> int(official_half_days("B", alsace_moselle=False)[:9].sum())  # Friday 1 to Saturday 9 September 2017
    9
    """
    days = np.arange(day_number(FIRST_DAY), day_number(LAST_DAY) + 1)
    # 1 January 1970 was a Thursday, number 3 of a week that starts on Monday.
    half_days = np.array(HALF_DAYS_OF_WEEK, dtype=np.int8)[(days + 3) % 7]
    half_days[_in_vacations(days, zone) | _in_public_holidays(days, alsace_moselle=alsace_moselle)] = 0
    _refuse_holes(half_days, zone)
    return half_days


def _in_vacations(days: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.bool_]:
    from vacances_scolaires_france import SchoolHolidayDates  # noqa: PLC0415 (first use: it reads a file)

    source = SchoolHolidayDates()
    numbers = [
        day_number(day)
        for year in range(FIRST_DAY.year, LAST_DAY.year + 1)
        for day in source.holidays_for_year_and_zone(year, zone)
    ]
    off = np.isin(days, numbers)
    off &= ~_corrected(days, zone, SCHOOL_DAYS)
    return off | _corrected(days, zone, DAYS_OFF)


def _corrected(
    days: npt.NDArray[np.int64],
    zone: str,
    corrections: tuple[Correction, ...],
) -> npt.NDArray[np.bool_]:
    inside = np.zeros(days.shape, dtype=np.bool_)
    for first, last, zones, _ in corrections:
        if zone in zones:
            inside |= (days >= day_number(first)) & (days <= day_number(last))
    return inside


def _in_public_holidays(days: npt.NDArray[np.int64], *, alsace_moselle: bool) -> npt.NDArray[np.bool_]:
    from holidays import country_holidays  # noqa: PLC0415 (first use: 150 countries are slow to import)

    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    public = country_holidays("FR", subdiv="57" if alsace_moselle else None, years=years)
    return np.isin(days, [day_number(day) for day in public])


def _refuse_holes(half_days: npt.NDArray[np.int8], zone: str) -> None:
    start = day_number(FIRST_DAY)
    totals = {
        year: int(
            half_days[day_number(year_start(year)) - start : day_number(year_end(year)) - start + 1].sum()
        )
        for year in range(FIRST_DAY.year, LAST_DAY.year)
    }
    odd = [f"{year}-{year + 1}: {total}" for year, total in totals.items() if total not in PLAUSIBLE_YEAR]
    if odd:
        raise CalendarError(
            explain_error(
                f"The installed calendar libraries give, in zone {zone}, half-days that cannot be ({', '.join(odd)})",
                expected=f"{PLAUSIBLE_YEAR[0]} to {PLAUSIBLE_YEAR[-1]} half-days in every school year",
                hint="Upgrade vacances-scolaires-france (0.12 or later) and holidays, or pass your own calendar "
                "with SchoolCalendar.from_csv.",
            ),
        )
