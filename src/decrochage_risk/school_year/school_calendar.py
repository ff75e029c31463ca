"""A school's own calendar as a CSV file: ``date`` and ``half_days``, one row a day.

Every fault of a file is reported at once, each with its line.

The half-days of school of every day of a span: a zone's official calendar, or a school's own.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import lines_of_rows, read_csv
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
from decrochage_risk.school_year.official_calendar import FIRST_DAY, OFFICIAL_TEXTS, ZONES, official_half_days

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from os import PathLike

    import numpy.typing as npt

    from decrochage_risk.school_year.dates import DateLike


__all__ = ["SchoolCalendar", "read_half_days", "write_half_days"]

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
    in_order = _read_half_days(rows["half_days"]).set_axis(days.to_numpy()).sort_index()
    return in_order.index[0].date(), in_order.to_numpy().astype(np.int8), file.name


def write_half_days(path: str | PathLike[str], first_day: date, half_days: npt.NDArray[np.int8]) -> None:
    """Write ``half_days``, one row a day from ``first_day``, with ISO days and commas, in UTF-8."""
    days = np.datetime64(first_day, "D") + np.arange(len(half_days))
    frame = pd.DataFrame({"date": days.astype(str), "half_days": half_days})
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def _split(file: Path) -> pd.DataFrame:
    """Return the two columns as text, indexed by line number, blank lines left out."""
    try:
        frame, _ = read_csv(file)
        lines = lines_of_rows(file)
    except UnreadableRecordsError as error:
        came = str(error).splitlines()[0].removeprefix(f"{file.name} ").rstrip(".")
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
    May 2020 are not holidays) are in :mod:`decrochage_risk.school_year.official_calendar`.

    Examples
    --------
    >>> calendar = SchoolCalendar.for_zone("B")
    >>> calendar.half_days("2024-11-06")  # a Wednesday
    1
    >>> calendar.half_days_between("2024-09-01", "2025-09-01")
    310
    """

    __slots__ = ("_first_day_number", "_name", "_official_years", "_running", "_values", "_version")

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
        self._running = np.concatenate([[0], np.cumsum(self._values, dtype=np.int64)])
        self._version = self._digest()
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
        first, last = school_year_of(self.first_day), school_year_of(self.last_day)
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
        return hash(self._key())

    def __repr__(self) -> str:
        return f"<SchoolCalendar {self._name!r}, {self._span()}, version {self._version}>"

    def _key(self) -> tuple[str, int, bytes]:
        return self._name, self._first_day_number, self._values.tobytes()

    def _digest(self) -> str:
        name, first_day_number, values = self._key()
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
