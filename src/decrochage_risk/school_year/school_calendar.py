"""The half-days of school of every day of a span: the official calendar of a zone, or a school's own.

A school's own comes as a CSV file, ``date`` and ``half_days``, one row a day; every fault of it is reported at once, each with
its line. The official one holds zones A, B and C, school years 2017-2018 to 2026-2027.

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

Corsica and the overseas départements have calendars of their rectors: ``calendars.toml`` holds the dates that were read at a source,
which it names, and nothing else. An installed package adds or renews calendars by the same file (entry point
``decrochage_risk.calendars``).
"""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from datetime import date
from functools import cache, lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from decrochage_risk.errors import CalendarError, explain_error
from decrochage_risk.school_year.dates import (
    checked_day_numbers,
    checked_half_days,
    date_of_number,
    day_number,
    to_date,
    whole_years,
    year_end,
    year_start,
)
from decrochage_risk.school_year.day_cells import read_half_days, write_half_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from os import PathLike

    import numpy.typing as npt

    from decrochage_risk.school_year.dates import DateLike

__all__ = [
    "DAYS_OFF",
    "FIRST_DAY",
    "LAST_DAY",
    "OFFICIAL_TEXTS",
    "SCHOOL_DAYS",
    "ZONES",
    "Correction",
    "SchoolCalendar",
    "declared_tables",
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
        "outre-mer": "971 972 973 974 975 976 977 978 986 987 988",
    }
)
"""The first three characters of school numbers (département) of each zone: académies of A, B and C by the arrêtés of the
school calendars since 2015. Corsica and overseas have calendars of their own, set by their rectors: those that are known stand
in ``calendars.toml``, with their départements."""
_ZONE_OF_DEPARTMENT: Final = {
    department: zone for zone, departments in _DEPARTMENTS.items() for department in departments.split()
}


def zone_of_school(school_id: str) -> str | None:
    """Find the zone of a school by its number (UAI): A, B, C, an académie that has a calendar of its own, or "outre-mer".

    None for a place that is in none of them.

    Examples
    --------
    >>> zone_of_school("0671234C"), zone_of_school("6200001A"), zone_of_school("9740001X"), zone_of_school("0990001N")
    ('B', 'Corse', 'Réunion', None)
    """
    return _own_departments().get(school_id[:3], _ZONE_OF_DEPARTMENT.get(school_id[:3]))


class DeclaredCalendar(NamedTuple):
    """A calendar declared as data: that of an académie, or of an installed package."""

    name: str
    departments: tuple[str, ...]
    """First three characters of the numbers of its schools."""
    first_day: date
    last_day: date
    holidays: tuple[tuple[date, date], ...]
    """Last day of class and day of return, as an arrêté prints them: the days between are off."""
    days_off: tuple[date, ...]
    public_holidays: str | None
    """Subdivision of France in the library ``holidays`` whose public holidays are off too."""
    source: str


def declared_tables(group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the TOML tables that installed packages declare under an entry point, by its name.

    Parameters
    ----------
    group : str
        Such as ``decrochage_risk.calendars``; each entry is ``package:file.toml``.

    Yields
    ------
    tuple of str and dict
        The name of the entry point, and its table: an empty one when the package is not there, which whoever reads it refuses.
    """
    for entry in sorted(entry_points(group=group), key=lambda one: one.name):
        # Found, not imported: a package of levels and features would import a module that is being made.
        spec = find_spec(entry.module)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        file = Path(places[0]) / entry.attr if places else None
        yield entry.name, {} if file is None else tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def declared_calendars() -> Mapping[str, DeclaredCalendar]:
    """Give the calendars of académies that are bundled, and those of installed packages, by their names.

    A package knows the dates of its académie better than this one does: its calendar takes the place of a bundled one of the
    same name.

    Raises
    ------
    CalendarError
        The file of a package cannot be used; every fault of it is named.

    Examples
    --------
    >>> sorted(declared_calendars())
    ['Corse', 'Guadeloupe', 'Guyane', 'Martinique', 'Mayotte', 'Réunion']
    """
    bundled = tomllib.loads(Path(__file__).with_name("calendars.toml").read_text(encoding="utf-8"))
    own: dict[str, DeclaredCalendar] = {}
    for entry, table in declared_tables("decrochage_risk.calendars"):
        faults = _table_faults(table, {*ZONES, *own})
        if faults:
            raise _refused(entry, faults)
        own |= _calendars_of(table)
    return MappingProxyType(_calendars_of(bundled) | own)


def _calendars_of(table: Mapping[str, Any]) -> dict[str, DeclaredCalendar]:
    return {
        row["name"]: DeclaredCalendar(
            row["name"],
            tuple(row["departments"]),
            row["first_day"],
            row["last_day"],
            tuple((leave, back) for leave, back in row["holidays"]),
            tuple(row.get("days_off", ())),
            row.get("public_holidays"),
            table["source"],
        )
        for row in table["calendars"]
    }


_KINDS = {"name": str, "departments": list, "first_day": date, "last_day": date, "holidays": list}
_OPTIONAL_KINDS = {"days_off": list, "public_holidays": str}


def _table_faults(table: Mapping[str, Any], names: set[str]) -> list[str]:
    """List everything that is wrong with the declared calendars of one package."""
    faults = [] if str(table.get("source", "")).strip() else ["it names no source"]
    faults += [] if table.get("calendars") else ["it declares no calendar ([[calendars]])"]
    for number, row in enumerate(table.get("calendars", ())):
        where = f"calendar {row.get('name', number)!r}"
        kinds = {**_KINDS, **{key: kind for key, kind in _OPTIONAL_KINDS.items() if key in row}}
        odd = [key for key, kind in kinds.items() if type(row.get(key)) is not kind]
        odd += sorted(set(row) - set(kinds))
        if odd:
            faults.append(f"{where}: {', '.join(odd)} missing, unknown or of another type")
            continue
        if row["name"] in names:
            faults.append(f"{where} is there already")
        names.add(row["name"])
        faults += [f"{where}: {fault}" for fault in _day_faults(row)]
    return faults


def _day_faults(row: Mapping[str, Any]) -> list[str]:
    departments = [each for each in row["departments"] if not (isinstance(each, str) and len(each) == 3)]  # noqa: PLR2004 - as 974
    faults = [f"{each!r} is no beginning of a school number, such as 974" for each in departments]
    faults += [f"{each} is no day" for each in row.get("days_off", ()) if type(each) is not date]
    pairs: list[Any] = []
    strange: list[Any] = []
    for each in row["holidays"]:
        is_pair = isinstance(each, list) and [type(day) for day in each] == [date, date] and each[0] < each[1]
        (pairs if is_pair else strange).append(each)
    faults += [f"{each} is not a last day of class and a later day of return" for each in strange]
    faults += [
        f"the holidays from {later[0]} begin before the return of {earlier[1]}"
        for earlier, later in pairwise(pairs)
        if later[0] < earlier[1]
    ]
    if not whole_years(row["first_day"], row["last_day"]):
        faults.append(f"{row['first_day']} to {row['last_day']} holds no whole school year")
    return faults


def _refused(entry: str, faults: list[str]) -> CalendarError:
    return CalendarError(
        explain_error(
            f"The calendars of the entry point {entry!r} cannot be used: {'; '.join(faults)}",
            expected="source, and [[calendars]] with name, departments, first_day, last_day, holidays, and where there are some "
            "days_off and public_holidays",
            hint="Correct the file of that package, or uninstall it; docs/guides/indicateur.md shows one.",
        )
    )


@cache
def _own_departments() -> Mapping[str, str]:
    return {
        department: calendar.name
        for calendar in declared_calendars().values()
        for department in calendar.departments
    }


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
    # Moselle stands for Alsace too: both have Good Friday and 26 December.
    place = "57" if alsace_moselle else None
    return _half_days(zone, FIRST_DAY, LAST_DAY, lambda days: _in_vacations(days, zone), place)


def _half_days(
    zone: str,
    first_day: date,
    last_day: date,
    in_vacations: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]],
    place: str | None,
) -> npt.NDArray[np.int8]:
    """Half-days of every day of a span, without its vacations and the public holidays of a place."""
    days = np.arange(day_number(first_day), day_number(last_day) + 1)
    # 1 January 1970 was a Thursday, number 3 of a week that starts on Monday.
    half_days = np.array(HALF_DAYS_OF_WEEK, dtype=np.int8)[(days + 3) % 7]
    half_days[in_vacations(days) | _in_public_holidays(days, place)] = 0
    _refuse_holes(half_days, first_day, last_day, zone)
    return half_days


def _in_declared_holidays(days: npt.NDArray[np.int64], declared: DeclaredCalendar) -> npt.NDArray[np.bool_]:
    off = np.isin(days, [day_number(day) for day in declared.days_off])
    for leave, back in declared.holidays:
        off |= (days > day_number(leave)) & (days < day_number(back))
    return off


def _in_vacations(days: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.bool_]:
    from vacances_scolaires_france import SchoolHolidayDates  # noqa: PLC0415 (first use: it reads a file)

    source = SchoolHolidayDates()
    numbers = [
        day_number(day)
        for year in range(FIRST_DAY.year, LAST_DAY.year + 1)
        for day in source.holidays_for_year_and_zone(year, zone)
    ]
    off = np.isin(days, numbers)
    # First the days given back, then those taken away: where both name a day, it is off.
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


def _in_public_holidays(days: npt.NDArray[np.int64], place: str | None) -> npt.NDArray[np.bool_]:
    from holidays import country_holidays  # noqa: PLC0415 (first use: 150 countries are slow to import)

    years = range(date_of_number(int(days[0])).year, date_of_number(int(days[-1])).year + 1)
    try:
        public = country_holidays("FR", subdiv=place, years=years)
    except NotImplementedError as error:
        raise CalendarError(
            explain_error(
                f"public_holidays = {place!r} is no part of France that the library holidays knows",
                expected="a département of overseas, such as 974, or nothing",
                hint="Correct the file of the calendar, or leave public_holidays out and name the days in days_off.",
            )
        ) from error
    return np.isin(days, [day_number(day) for day in public])


def _refuse_holes(half_days: npt.NDArray[np.int8], first_day: date, last_day: date, zone: str) -> None:
    start = day_number(first_day)
    totals = {
        year: int(
            half_days[day_number(year_start(year)) - start : day_number(year_end(year)) - start + 1].sum()
        )
        for year in whole_years(first_day, last_day)
    }
    odd = [f"{year}-{year + 1}: {total}" for year, total in totals.items() if total not in PLAUSIBLE_YEAR]
    if odd:
        raise CalendarError(
            explain_error(
                f"The installed calendar libraries give, in zone {zone}, half-days that cannot be ({', '.join(odd)})",
                expected=f"{PLAUSIBLE_YEAR[0]} to {PLAUSIBLE_YEAR[-1]} half-days in every school year",
                hint="Upgrade vacances-scolaires-france (0.12 or later) and holidays, correct the calendar that a package declares, or "
                "pass your own with SchoolCalendar.from_csv.",
            ),
        )


DAYS_SHOWN = 3
VERSION_LENGTH = 12
# Two threads would both spend the time of a build, and hand out two calendars that are equal but not one.
_ONE_BUILD = Lock()


class SchoolCalendar:
    """Half-days of school, 0, 1 or 2, of every day from ``first_day`` to ``last_day``.

    Immutable, safe to share between threads. Two calendars are equal when their name, first day and values are.
    A day outside the span is a :class:`CalendarError`, never "no school".

    Parameters
    ----------
    first_day : date
        Day of the first value.
    half_days : array of int, shape (n_days,)
        One value per day, without a gap; copied.
    name : str
        How results call this calendar, for example ``"zone B"``.
    official_years : iterable of int
        The known school years that an official text fixes.

    Raises
    ------
    CalendarError
        No value, a value that is not 0, 1 or 2, or official years that are not wholly inside the span.

    Notes
    -----
    The sources of the zones, their official years and what is left out on purpose (the closures of March to
    May 2020 are not holidays) are in :mod:`decrochage_risk.school_year.school_calendar`.

    Examples
    --------
    >>> calendar = SchoolCalendar.for_zone("B")
    >>> calendar.half_days("2024-11-06")  # a Wednesday
    1
    >>> calendar.half_days_between("2024-09-01", "2025-09-01")
    310
    """

    __slots__ = (
        "_first_day_number",
        "_known_years",
        "_name",
        "_official_years",
        "_running",
        "_values",
        "_version",
    )

    def __init__(
        self,
        first_day: DateLike,
        half_days: npt.ArrayLike,
        *,
        name: str,
        official_years: Iterable[int] = (),
    ) -> None:
        self._values = checked_half_days(half_days)
        self._first_day_number = day_number(first_day)
        self._name = name
        # With a zero in front, so that a window may begin on the first day and end after the last.
        self._running = np.concatenate([[0], np.cumsum(self._values, dtype=np.int64)])
        self._version = self._digest()
        self._known_years = whole_years(self.first_day, self.last_day)
        self._official_years = tuple(sorted(set(official_years)))
        unknown = [year for year in self._official_years if not self.covers_year(year)]
        if unknown:
            raise CalendarError(
                explain_error(
                    f"The official years {unknown} are not wholly inside {self._span()}",
                    expected=f"some of the known school years {list(self.known_years)}",
                    hint="Give values for every day of these years, or leave them out of official_years.",
                ),
            )

    @classmethod
    def for_zone(cls, zone: str, *, alsace_moselle: bool = False) -> SchoolCalendar:
        """Return the official calendar of a zone or an académie, built once.

        Zones hold the school years 2017-2018 to 2026-2027; an académie with a calendar of its rector holds the days that were read at a
        source (``calendars.toml``), or that an installed package declares.

        Parameters
        ----------
        zone : str
            "A", "B" or "C"; Nancy-Metz, Reims and Strasbourg are in zone B. Or "Corse", "Guadeloupe", "Guyane", "Martinique",
            "Mayotte", "Réunion", or the name that a package gives; accents and capitals do not matter.
        alsace_moselle : bool
            Good Friday and 26 December are off too (Bas-Rhin, Haut-Rhin and Moselle, all in zone B).

        Raises
        ------
        CalendarError
            Another zone, or ``alsace_moselle`` outside zone B.

        Examples
        --------
        >>> SchoolCalendar.for_zone("B", alsace_moselle=True).half_days_between("2024-09-01", "2025-09-01")
        310
        """
        declared = {_plain(name): name for name in declared_calendars()}
        own_name = None if zone in ZONES else declared.get(_plain(str(zone)))
        if zone not in ZONES and own_name is None:
            raise CalendarError(
                explain_error(
                    f"Zone {zone!r} is not known",
                    expected=f"one of {', '.join([*ZONES, *sorted(declared.values())])}",
                    hint="The académies of Nancy-Metz, Reims and Strasbourg are in zone B; for another place overseas, "
                    "pass your own calendar with SchoolCalendar.from_csv.",
                ),
            )
        if alsace_moselle and zone != "B":
            raise CalendarError(
                explain_error(
                    f"alsace_moselle=True came with zone {zone}",
                    expected="zone B, which holds Alsace and Moselle",
                    hint='Use SchoolCalendar.for_zone("B", alsace_moselle=True), or leave alsace_moselle out.',
                ),
            )
        with _ONE_BUILD:
            if own_name is not None:
                return _declared_calendar(own_name)
            return _zone_calendar(zone, alsace_moselle=bool(alsace_moselle))

    @classmethod
    def from_csv(cls, path: str | PathLike[str], *, name: str | None = None) -> SchoolCalendar:
        """Read a school's own calendar: columns ``date`` (2024-11-05) and ``half_days`` (0, 1 or 2).

        Its span goes from its first to its last day, every day of which must be there, in any order; other
        columns are ignored. Separators ``,``, ``;`` and tab are recognised.

        Parameters
        ----------
        path : path
            The CSV file, UTF-8.
        name : str, optional
            Name of the calendar; by default "calendrier" and the name of the file.

        Raises
        ------
        CalendarError
            The file cannot be used; the message holds every fault of the file, by line.
        """
        first_day, half_days, file_name = read_half_days(path)
        return cls(first_day, half_days, name=name or f"calendrier {file_name}")

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the columns ``date`` and ``half_days``, one row a day; :meth:`from_csv` reads them back."""
        write_half_days(path, self.first_day, self._values)

    @property
    def name(self) -> str:
        """Name, for example ``"zone B"``."""
        return self._name

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the name, the first day and the values."""
        return self._version

    @property
    def values(self) -> npt.NDArray[np.int8]:
        """Half-days of every day of the span, shape (n_days,), read-only."""
        return self._values

    @property
    def first_day(self) -> date:
        """First day of the span."""
        return date_of_number(self._first_day_number)

    @property
    def last_day(self) -> date:
        """Last day of the span, included."""
        return date_of_number(self._first_day_number + len(self._values) - 1)

    @property
    def first_day_number(self) -> int:
        """First day, counted in days from 1 January 1970."""
        return self._first_day_number

    @property
    def known_years(self) -> tuple[int, ...]:
        """School years wholly inside the span (2024 is 2024-2025)."""
        return self._known_years

    @property
    def official_years(self) -> tuple[int, ...]:
        """Known school years that an official text fixes (all those of zones and académies; none of a file)."""
        return self._official_years

    @property
    def official_zone(self) -> str | None:
        """The zone (A, B, C) or académie whose calendar this is; None for a calendar of a school's own."""
        if not self._official_years:
            return None
        zone = self._name.removeprefix("zone ")[:1]
        return zone if zone in ZONES and self._name.startswith("zone ") else self._name

    @property
    def unofficial_years(self) -> tuple[int, ...]:
        """Known school years that no official text was found for, or that a school set itself."""
        return tuple(year for year in self.known_years if year not in self._official_years)

    def covers_year(self, school_year: int) -> bool:
        """Tell whether the whole school year, 1 September to 31 August, is inside the span."""
        return school_year in self.known_years

    def half_days(self, day: DateLike) -> int:
        """Return the half-days of school of one day, 0, 1 or 2.

        Raises
        ------
        CalendarError
            The day is outside the span.
        """
        return int(self.half_days_on(np.array([day_number(day)]))[0])

    def half_days_between(self, start: DateLike, end: DateLike) -> int:
        """Add up the half-days of school from ``start`` to the day before ``end``.

        Raises
        ------
        CalendarError
            Either bound is outside the span (``end`` may be the day after it), or ``start`` is after ``end``.
        """
        low, high = day_number(start) - self._first_day_number, day_number(end) - self._first_day_number
        if low > high:
            raise CalendarError(
                explain_error(
                    f"The window starts on {to_date(start)} and ends on {to_date(end)}",
                    expected="a start on or before the end",
                    hint="Swap the two days; the end itself is left out of the window.",
                ),
            )
        outside = [bound for bound in (low, high) if not 0 <= bound <= len(self._values)]
        if outside:
            raise self._outside(np.array(outside) + self._first_day_number)
        return int(self._running[high] - self._running[low])

    def half_days_on(self, days: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Return the half-days of school of many days at once.

        Parameters
        ----------
        days : array of int, any shape
            Days from 1 January 1970 (see :func:`day_number`).

        Returns
        -------
        numpy.ndarray of int8, same shape

        Raises
        ------
        CalendarError
            Some days are outside the span (the message counts them and shows the first), or are not integers.
        """
        numbers = checked_day_numbers(days)
        inside = self._inside(numbers)
        if not inside.all():
            raise self._outside(numbers[~inside])
        return self._values[numbers - self._first_day_number]

    def half_days_zero_outside(self, days: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Return the half-days of many days, 0 for those outside the span.

        Only for school years that are left out on purpose: elsewhere, :meth:`half_days_on` refuses such days.

        Parameters
        ----------
        days : array of int, any shape
            Days from 1 January 1970 (see :func:`day_number`).
        """
        numbers = checked_day_numbers(days)
        inside = self._inside(numbers)
        return np.where(
            inside, self._values[np.where(inside, numbers - self._first_day_number, 0)], np.int8(0)
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SchoolCalendar):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        # A digest of the same key: sums of a calendar are looked up some hundred times for each pupil.
        return hash(self._version)

    def __repr__(self) -> str:
        return f"<SchoolCalendar {self._name!r}, {self._span()}, version {self._version}>"

    def _key(self) -> tuple[str, int, bytes]:
        return self._name, self._first_day_number, self._values.tobytes()

    def _digest(self) -> str:
        name, first_day_number, values = self._key()
        # NUL between the parts: no name can run into the number.
        digest = hashlib.sha256(f"{name}\0{first_day_number}\0".encode())
        digest.update(values)
        return digest.hexdigest()[:VERSION_LENGTH]

    def _span(self) -> str:
        return f"{self.first_day} to {self.last_day}"

    def _inside(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return (numbers >= self._first_day_number) & (numbers < self._first_day_number + len(self._values))

    def _outside(self, numbers: npt.NDArray[np.int64]) -> CalendarError:
        first_days = ", ".join(
            str(np.datetime64(int(number), "D")) for number in np.unique(numbers)[:DAYS_SHOWN]
        )
        return CalendarError(
            explain_error(
                f"{len(numbers)} day(s) outside the calendar {self._name!r} (first: {first_days})",
                expected=f"days from {self._span()}",
                hint="Check these dates; for other years, pass a calendar that holds them with "
                "SchoolCalendar.from_csv.",
            ),
        )


@cache
def _zone_calendar(zone: str, *, alsace_moselle: bool) -> SchoolCalendar:
    return SchoolCalendar(
        FIRST_DAY,
        official_half_days(zone, alsace_moselle=alsace_moselle),
        name=f"zone {zone}, Alsace-Moselle" if alsace_moselle else f"zone {zone}",
        official_years=OFFICIAL_TEXTS,
    )


@cache
def _declared_calendar(name: str) -> SchoolCalendar:
    declared = declared_calendars()[name]
    first, last = declared.first_day, declared.last_day
    values = _half_days(
        name, first, last, lambda days: _in_declared_holidays(days, declared), declared.public_holidays
    )
    return SchoolCalendar(first, values, name=name, official_years=whole_years(first, last))


# Each of a service's pupils asks for the calendar by its name.
@lru_cache(maxsize=64)
def _plain(name: str) -> str:
    """Name without accents and capitals, as a terminal may give it."""
    letters = unicodedata.normalize("NFD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
