"""A school's own calendar as a CSV file: ``date`` and ``half_days``, one row a day.

Every fault of a file is reported at once, each with its line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.errors import CalendarError, explain_error

if TYPE_CHECKING:
    from datetime import date
    from os import PathLike

    import numpy.typing as npt

__all__ = ["read_half_days", "write_half_days"]

COLUMNS = ("date", "half_days")
SEPARATORS = (";", "\t", ",")
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
    in_order = rows["half_days"].set_axis(days.to_numpy()).sort_index()
    return in_order.index[0].date(), in_order.to_numpy(dtype=np.int8), file.name


def write_half_days(path: str | PathLike[str], first_day: date, half_days: npt.NDArray[np.int8]) -> None:
    """Write ``half_days``, one row a day from ``first_day``, with ISO days and commas, in UTF-8."""
    days = np.datetime64(first_day, "D") + np.arange(len(half_days))
    frame = pd.DataFrame({"date": days.astype(str), "half_days": half_days})
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def _split(file: Path) -> pd.DataFrame:
    """Return the two columns as text, indexed by line number, blank lines left out."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise _bad_file(file, f"cannot be opened ({error.strerror})") from error
    lines = pd.Series(text.splitlines(), dtype="str")
    lines.index = lines.index + 1
    lines = lines[lines.str.strip(' \t;,"') != ""]
    if lines.empty:
        raise _bad_file(file, "is empty")
    separator = next((mark for mark in SEPARATORS if mark in lines.iloc[0]), ",")
    cells = lines.str.split(separator, expand=True, regex=False).apply(lambda column: column.str.strip(' "'))
    header = cells.iloc[0].str.lower().tolist()
    missing = [column for column in COLUMNS if header.count(column) != 1]
    if missing:
        raise _bad_file(
            file, f"does not have exactly one column {' and one '.join(missing)} (header: {header})"
        )
    rows: pd.DataFrame = cells.iloc[1:].fillna("").set_axis(header, axis=1)[list(COLUMNS)]
    if rows.empty:
        raise _bad_file(file, "has a header and no day")
    return rows


def _read_days(text: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    iso = text.where(text.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
    return pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce")


def _faulty_days(text: pd.Series[str]) -> list[str]:
    bad = text[_read_days(text).isna()]
    return [f"line {line}: {value!r} is not a day such as 2024-11-05" for line, value in bad.items()]


def _faulty_half_days(text: pd.Series[str]) -> list[str]:
    bad = text[~text.isin(["0", "1", "2"])]
    return [f"line {line}: half_days {value!r} is not 0, 1 or 2" for line, value in bad.items()]


def _repeated(days: pd.Series[pd.Timestamp]) -> list[str]:
    repeated = days[days.notna() & days.duplicated()]
    return [f"line {line}: {day:%Y-%m-%d} is there already" for line, day in repeated.items()]


def _gaps(days: pd.Series[pd.Timestamp]) -> list[str]:
    known = days.dropna().drop_duplicates().sort_values().reset_index(drop=True)
    steps = known.diff().dt.days
    one_day = pd.Timedelta(days=1)
    return [
        f"no line for {known[end - 1] + one_day:%Y-%m-%d} to {known[end] - one_day:%Y-%m-%d} ({steps[end] - 1:.0f} day(s))"
        for end in steps.index[steps > 1]
    ]


def _bad_file(file: Path, came: str) -> CalendarError:
    return CalendarError(
        explain_error(f"The calendar file {file.name!r} {came}", expected=EXPECTED, hint=HINT),
    )
