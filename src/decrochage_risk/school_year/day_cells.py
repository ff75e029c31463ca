"""Days out of the cells of a column: ISO and French text, times, day counts of a spreadsheet; the file of a calendar.

What only a whole column can tell is mended here, and told: times that are all midnights of France stored as UTC (every day
would be the one before), and numbers that are all day counts of a spreadsheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import lines_of_rows, read_csv, write_csv
from decrochage_risk.errors import CalendarError, UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from datetime import date
    from os import PathLike

    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]
    Seconds = npt.NDArray[np.int64]

__all__ = [
    "Days",
    "days_of_serials",
    "days_of_texts",
    "days_of_times",
    "days_of_zoned",
    "read_half_days",
    "write_half_days",
]

_TIME = r"(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)"
_ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    rf"(?:[T ]{_TIME}\s?(?P<zone>Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?)?$"
)
_FRENCH = rf"^(?P<day>[0-9]{{1,2}})/(?P<month>[0-9]{{1,2}})/(?P<year>[0-9]{{4}})(?: {_TIME})?$"
_PLAIN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Five digits are 1927 to 2173; four could be a year, six a date without separators.
_SERIAL = r"[0-9]{5}(?:[.,][0-9]+)?"
_UTC = frozenset({"Z", "+00", "+0000", "+00:00", "-00:00"})
_MONTHS = 12
_DAY: Final = 86_400

_ZONES: Final = ("Europe/Paris", "Indian/Reunion", "Indian/Mayotte")
"""Zones east of Greenwich: read as UTC, their midnights fall on the day before. Those of the zones west of it (Guadeloupe,
Martinique, Guyane, Saint-Pierre) keep their day."""

_FIRST, _LAST = (int(np.datetime64(day, "s").astype(np.int64)) for day in ("1900-01-01", "2200-01-01"))
_EXCEL_EPOCH: Final = int(np.datetime64("1899-12-30", "D").astype(np.int64))
"""Day 0 of a spreadsheet's count from March 1900 on (it takes 1900 for a leap year, as Lotus 1-2-3 did)."""
_SERIAL_FIRST, _SERIAL_LAST = (
    int(np.datetime64(day, "D").astype(np.int64)) - _EXCEL_EPOCH for day in ("1990-01-01", "2100-12-31")
)


@dataclass(frozen=True, slots=True)
class Days:
    """Days that were read.

    Attributes
    ----------
    days : array of datetime64[D]
        ``NaT`` where there is none.
    unreadable : array of bool
        Cells that are no day.
    has_time : array of bool
        Cells whose time of day was cut off.
    moved : array of bool
        Cells that a UTC time placed on the day before, moved to their day one by one.
    serial : array of bool
        Unreadable cells that look like day counts of a spreadsheet.
    mended : {"", "serials", "utc"}
        What was mended in the column as a whole.
    """

    days: npt.NDArray[np.datetime64]
    unreadable: Mask
    has_time: Mask
    moved: Mask
    serial: Mask
    mended: Literal["", "serials", "utc"] = ""


def days_of_texts(texts: pd.Series, *, is_column: bool = True) -> Days:
    """Read texts such as 2024-11-05, 05/11/2024, 2024-11-05T00:00:00Z; missing cells stay missing.

    Parameters
    ----------
    texts : Series of str
        Trimmed.
    is_column : bool
        Whether they are all the different cells of a column.

    Examples
    --------
    >>> days_of_texts(pd.Series(["2024-11-05", "05/11/2024", "2024-11-04T23:00:00Z"])).days.astype(str).tolist()
    ['2024-11-05', '2024-11-05', '2024-11-05']
    """
    # The usual case costs one match and one conversion; all that follows is for the others.
    plain = _plain_days(texts)
    if plain is not None:
        return _unmarked(plain)
    serial = texts.str.fullmatch(_SERIAL).fillna(value=False).to_numpy(dtype=np.bool_)
    if is_column and serial.any():
        counts = pd.to_numeric(texts.where(serial).str.replace(",", "."), errors="coerce")
        # Beside one readable date the numbers may be anything: then each of them is a fault.
        only_serials = bool((serial | texts.isna().to_numpy(dtype=np.bool_)).all())
        read = days_of_serials(counts.to_numpy(dtype=np.float64)) if only_serials else None
        if read is not None:
            return read
    iso, french = texts.str.extract(_ISO), texts.str.extract(_FRENCH)
    # The two forms cannot both match: one begins with four digits, the other with at most two.
    fields = iso.where(iso["year"].notna(), french.reindex(columns=iso.columns))
    # Day before month, always: pandas' own parser falls back to month first for 11/25/2024, row by row.
    days, is_day = _days_of_fields(fields)
    seconds = days.astype("datetime64[s]").astype(np.int64) + _seconds_of(fields["time"])
    is_utc = fields["zone"].isin(_UTC).to_numpy(dtype=np.bool_)
    # A time with another offset shows the day where it was written down.
    is_naive = fields["zone"].isna().to_numpy(dtype=np.bool_)
    places = _settle(seconds, is_day, is_naive=is_naive, is_utc=is_utc, is_column=is_column)
    present = texts.notna().to_numpy(dtype=np.bool_)
    return Days(
        places.days, present & ~is_day, places.has_time, places.moved, serial & ~is_day, places.mended
    )


def days_of_times(times: npt.NDArray[np.datetime64], *, is_column: bool = True) -> Days:
    """Take the days of times without a zone.

    Examples
    --------
    >>> utc = np.array(["2024-11-17T23:00", "2025-06-01T22:00"], dtype="datetime64[s]")  # midnights of Paris
    >>> days_of_times(utc).days.astype(str).tolist(), days_of_times(utc).mended
    (['2024-11-18', '2025-06-02'], 'utc')
    """
    days = times.astype("datetime64[D]")
    has_time = ~np.isnat(times) & (days != times)
    if not has_time.any():
        return _unmarked(days)
    # NaT as a number would be far outside any calendar.
    within = has_time | ~np.isnat(times)
    seconds = np.where(within, times, np.datetime64(0, "s")).astype("datetime64[s]").astype(np.int64)
    always = np.ones(times.size, dtype=np.bool_)
    places = _settle(seconds, within, is_naive=always, is_utc=~always, is_column=is_column)
    return Days(places.days, ~always, places.has_time, places.moved, ~always, places.mended)


def days_of_zoned(times: pd.Series, *, is_column: bool = True) -> Days:
    """Take the days of times with a zone: the day there, for times in UTC the day in France."""
    offset_free = times.dt.tz_localize(None).to_numpy()
    # A real zone was chosen by somebody, so its wall clock is meant; UTC mostly means that nobody chose.
    if str(times.dt.tz) not in {"UTC", "UTC+00:00", "Etc/UTC", "Etc/GMT", "GMT"}:
        days = offset_free.astype("datetime64[D]")
        none = np.zeros(days.size, dtype=np.bool_)
        return Days(days, none, ~np.isnat(offset_free) & (days != offset_free), none, none)
    present = ~np.isnat(offset_free)
    seconds = np.where(present, offset_free, np.datetime64(0, "s")).astype("datetime64[s]").astype(np.int64)
    none = np.zeros(present.size, dtype=np.bool_)
    places = _settle(seconds, present, is_naive=none, is_utc=~none, is_column=is_column)
    return Days(places.days, none, places.has_time, places.moved, none, places.mended)


def days_of_serials(counts: npt.NDArray[np.float64]) -> Days | None:
    """Read day counts of a spreadsheet (1 March 1900 is 61); None when one of them is no day that can be meant.

    Examples
    --------
    >>> days_of_serials(np.array([45614.0, np.nan])).days.astype(str).tolist()
    ['2024-11-18', 'NaT']
    >>> days_of_serials(np.array([45614.0, 3.0])) is None
    True
    """
    present = ~np.isnan(counts)
    if (
        not present.any()
        or not ((counts[present] >= _SERIAL_FIRST) & (counts[present] <= _SERIAL_LAST)).all()
    ):
        return None
    # The fraction of a count is the time of day.
    whole = np.floor(np.where(present, counts, 0))
    days = (whole.astype(np.int64) + _EXCEL_EPOCH).astype("datetime64[D]")
    days[~present] = np.datetime64("NaT", "D")
    none = np.zeros(counts.size, dtype=np.bool_)
    return Days(days, none, present & (whole != np.where(present, counts, 0)), none, none, "serials")


def _unmarked(days: npt.NDArray[np.datetime64]) -> Days:
    none = np.zeros(days.size, dtype=np.bool_)
    return Days(days, none, none, none, none)


def _plain_days(texts: pd.Series) -> npt.NDArray[np.datetime64] | None:
    """Days of texts that are all written 2024-11-05 and exist; None as soon as one does not."""
    if not texts.str.fullmatch(_PLAIN).all():
        return None
    try:
        days: npt.NDArray[np.datetime64] = texts.to_numpy(dtype="U10").astype("datetime64[D]")
    except ValueError:
        return None
    return days


def _days_of_fields(fields: pd.DataFrame) -> tuple[npt.NDArray[np.datetime64], Mask]:
    has_form = fields["year"].notna().to_numpy(dtype=np.bool_)
    # An empty field becomes 1 so that integers can hold it; has_form masks it out below.
    year, month, day = (
        fields[name].fillna("1").astype("int64").to_numpy() for name in ("year", "month", "day")
    )
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (np.clip(month, 1, _MONTHS) - 1)
    days = months.astype("datetime64[D]") + (day - 1)
    # 31 April runs over into May: its month tells that there is no such day.
    same_month = days.astype("datetime64[M]") == months
    exists = has_form & (month >= 1) & (month <= _MONTHS) & (day >= 1) & same_month
    return np.asarray(days, dtype="datetime64[D]"), np.asarray(exists, dtype=np.bool_)


def _seconds_of(times: pd.Series) -> Seconds:
    """Seconds since midnight; a fraction of a second counts as one, so that it does not pass for a midnight."""
    parts = times.fillna("0:0").str.extract(r"^([0-9]+):([0-9]+)(?::([0-9]+)(?:[.,]([0-9]+))?)?$").fillna("0")
    hours, minutes, seconds = (parts[place].astype("int64").to_numpy() for place in range(3))
    fraction = parts[3].str.strip("0").ne("").to_numpy(dtype=np.int64)
    return np.asarray(hours * 3600 + minutes * 60 + seconds + fraction, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Settled:
    days: npt.NDArray[np.datetime64]
    has_time: Mask
    moved: Mask
    mended: Literal["", "utc"]


def _settle(seconds: Seconds, present: Mask, *, is_naive: Mask, is_utc: Mask, is_column: bool) -> _Settled:
    """Place times on days: those without a zone where they stand, unless all of them are midnights stored as UTC."""
    at_midnight = seconds % _DAY == 0
    days = np.floor_divide(seconds, _DAY)
    is_moved = np.zeros(seconds.size, dtype=np.bool_)
    has_time = present & ~at_midnight
    repair: Literal["", "utc"] = ""
    naive = present & is_naive
    # Paris first, and alone for single cells: 20:00 UTC is midnight in La Réunion, and an evening in Paris.
    for zone in _ZONES if is_column and (naive & ~at_midnight).any() else _ZONES[:1]:
        local = _local_seconds(seconds, zone)
        midnights = (local % _DAY == 0) & ~at_midnight
        # Days that carry no time stay where they are: they say nothing about the others.
        with_time = naive & ~at_midnight
        if is_column and with_time.any() and midnights[with_time].all():
            days[with_time], has_time[with_time], repair = local[with_time] // _DAY, False, "utc"
            break
        if not is_column:
            here = naive & midnights
            days[here], has_time[here] = local[here] // _DAY, False
            is_moved |= here
    # Midnight UTC is how a day without a time is written: it stays where it is.
    utc = present & is_utc & ~at_midnight
    if utc.any():
        local = _local_seconds(seconds, _zone_of_midnights(seconds[utc]))
        days[utc], has_time[utc] = local[utc] // _DAY, (local % _DAY != 0)[utc]
    dates = days.astype("datetime64[D]")
    dates[~present] = np.datetime64("NaT", "D")
    return _Settled(dates, has_time, is_moved, repair)


def _zone_of_midnights(seconds: Seconds) -> str:
    return next((zone for zone in _ZONES if (_local_seconds(seconds, zone) % _DAY == 0).all()), _ZONES[0])


def _local_seconds(seconds: Seconds, zone: str) -> Seconds:
    """Wall-clock seconds in a zone of UTC seconds; far away years, of which no clock is known, stay as they are."""
    near = (seconds >= _FIRST) & (seconds < _LAST)
    # Converting a zone is slow, and a column of days holds few different ones.
    distinct, place = np.unique(seconds[near], return_inverse=True)
    stamps: Any = pd.DatetimeIndex(distinct.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone)
    local = seconds.copy()
    local[near] = stamps.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)[place]
    return local


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
