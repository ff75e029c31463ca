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
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import lines_of_rows, read_csv, write_csv
from decrochage_risk.errors import CalendarError, UnreadableRecordsError, explain_error
from decrochage_risk.school_year.dates import (
    checked_day_numbers,
    checked_half_days,
    date_of_number,
    day_number,
    school_year_of,
    to_date,
    year_end,
    year_start,
)
from decrochage_risk.school_year.day_cells import days_of_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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
    "official_half_days",
    "read_half_days",
    "write_half_days",
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
        # 2A and 2B in numbers of schools, which hold digits only.
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


def _in_public_holidays(days: npt.NDArray[np.int64], *, alsace_moselle: bool) -> npt.NDArray[np.bool_]:
    from holidays import country_holidays  # noqa: PLC0415 (first use: 150 countries are slow to import)

    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    # Moselle stands for Alsace too: both have Good Friday and 26 December.
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


COLUMNS = ("date", "half_days")
EXPECTED = (
    "columns date (2024-11-05) and half_days (0, 1 or 2), one row for every day from the first to the last"
)
HINT = "Correct these lines; SchoolCalendar.for_zone(...).to_csv(path) writes a file to start from."


def read_half_days(path: str | PathLike[str]) -> tuple[date, npt.NDArray[np.int8], str]:
    """Read a calendar file.

    Returns
    -------
    first_day : date
        Earliest day of the file.
    half_days : numpy.ndarray of int8, shape (n_days,)
        Values from the first to the last day.
    file_name : str
        Name of the file, without its folder.

    Raises
    ------
    CalendarError
        The file cannot be read, is empty, lacks a column, or holds faulty lines: all are listed.
    """
    file = Path(path)
    rows = _split(file)
    faults = _faulty_days(rows["date"]) + _faulty_half_days(rows["half_days"])
    days = _read_days(rows["date"])
    faults += _repeated(days) + _gaps(days)
    if faults:
        raise _bad_file(file, f"has {len(faults)} fault(s):\n  " + "\n  ".join(faults))
    # Only now sorted: until here faults are told by the lines of the file.
    in_order = _read_half_days(rows["half_days"]).set_axis(days.to_numpy()).sort_index()
    return in_order.index[0].date(), in_order.to_numpy().astype(np.int8), file.name


def write_half_days(path: str | PathLike[str], first_day: date, half_days: npt.NDArray[np.int8]) -> None:
    """Write ``half_days``, one row a day from ``first_day``, with ISO days and ``;``, in UTF-8."""
    days = np.datetime64(first_day, "D") + np.arange(len(half_days))
    frame = pd.DataFrame({"date": days.astype(str), "half_days": half_days})
    write_csv(frame, Path(path), for_machines=True)


def _split(file: Path) -> pd.DataFrame:
    """Return the two columns as text, indexed by line number, blank lines left out."""
    try:
        frame, _ = read_csv(file)
        lines = lines_of_rows(file)
    except UnreadableRecordsError as error:
        came = str(error).splitlines()[0].removeprefix(f"{file.name} ").rstrip(".")
        # The words of csv_files.py: a test fails when they change.
        is_empty = came in {"holds no line", "holds separators only"}
        raise _bad_file(file, "is empty" if is_empty else came) from error
    frame.columns = frame.columns.str.lower()
    header = frame.columns.tolist()
    missing = [column for column in COLUMNS if header.count(column) != 1]
    if missing:
        raise _bad_file(
            file, f"does not have exactly one column {' and one '.join(missing)} (header: {header})"
        )
    rows: pd.DataFrame = frame[list(COLUMNS)].fillna("").apply(lambda column: column.str.strip())
    if rows.empty:
        raise _bad_file(file, "has a header and no day")
    rows.index = pd.Index(lines)
    return rows


def _read_days(text: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    days = days_of_texts(text.where(text != "").reset_index(drop=True)).days
    return pd.Series(days.astype("datetime64[s]"), index=text.index)


def _faulty_days(text: pd.Series[str]) -> list[str]:
    bad = text[_read_days(text).isna()]
    return [f"line {line}: {value!r} is not a day such as 2024-11-05" for line, value in bad.items()]


def _read_half_days(text: pd.Series[str]) -> pd.Series[float]:
    return pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")


def _faulty_half_days(text: pd.Series[str]) -> list[str]:
    bad = text[~_read_half_days(text).isin([0, 1, 2])]
    return [f"line {line}: half_days {value!r} is not 0, 1 or 2" for line, value in bad.items()]


def _repeated(days: pd.Series[pd.Timestamp]) -> list[str]:
    doubles = days[days.notna() & days.duplicated()]
    return [f"line {line}: {day:%Y-%m-%d} is there already" for line, day in doubles.items()]


def _gaps(days: pd.Series[pd.Timestamp]) -> list[str]:
    in_order = days.dropna().drop_duplicates().sort_values().reset_index(drop=True)
    steps = in_order.diff().dt.days
    one_day = pd.Timedelta(days=1)
    return [
        f"no line for {in_order[end - 1] + one_day:%Y-%m-%d} to {in_order[end] - one_day:%Y-%m-%d} ({steps[end] - 1:.0f} day(s))"
        for end in steps.index[steps > 1]
    ]


def _bad_file(file: Path, came: str) -> CalendarError:
    return CalendarError(
        explain_error(f"The calendar file {file.name!r} {came}", expected=EXPECTED, hint=HINT),
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
        self._known_years = self._whole_years()
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
        """Return the official calendar of a zone, school years 2017-2018 to 2026-2027, built once.

        Parameters
        ----------
        zone : {"A", "B", "C"}
            Zone of the académie. Nancy-Metz, Reims and Strasbourg are in zone B.
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
        if zone not in ZONES:
            raise CalendarError(
                explain_error(
                    f"Zone {zone!r} is not known",
                    expected=f"one of {', '.join(ZONES)}",
                    hint="The académies of Nancy-Metz, Reims and Strasbourg are in zone B; for Corsica and overseas, "
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

    def _whole_years(self) -> tuple[int, ...]:
        first, last = school_year_of(self.first_day), school_year_of(self.last_day)
        # A year that is cut at an end is no known one: its rates would be of half a year.
        first += self.first_day > year_start(first)
        last -= self.last_day < year_end(last)
        return tuple(range(first, last + 1))

    @property
    def official_years(self) -> tuple[int, ...]:
        """Known school years that an official text fixes (all those of the zones; none of a file)."""
        return self._official_years

    @property
    def official_zone(self) -> str | None:
        """The zone (A, B, C) whose official calendar this is; None for a calendar of a school's own."""
        zone = self._name.removeprefix("zone ")[:1]
        return zone if self._official_years and zone in ZONES else None

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
