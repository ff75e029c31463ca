"""Reading columns of the usual type: the quick way and the one that knows every spelling give the same."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.records.cells import read_cells
from decrochage_risk.records.checks import conform
from decrochage_risk.records.coded_columns import NO_DAY, Texts
from decrochage_risk.records.kernels import OUTSIDE, gaps_of_days, gaps_of_numbers
from decrochage_risk.records.raw_tables import RawTable
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.records.usual_cells import read_quickly

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.records.table_schemas import Column

COLUMNS = [column for table in TABLES.values() for column in table.columns]
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31)).map(date.isoformat)
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(codec="utf-8"), min_size=1, max_size=4),
    "day": DAYS,
    "integer": st.integers(-3, 2**40),
    "number": st.floats(allow_nan=False) | st.integers(-9, 9),
    "flag": st.booleans(),
}


def cells_of(column: Column) -> st.SearchStrategy[list[Any]]:
    """Draw usual cells of a column, some of them missing."""
    usual = st.sampled_from(column.choices) if column.kind == "choice" else CELLS[column.kind]
    return st.lists(st.none() | usual, max_size=12)


def plain(values: Any) -> list[Any]:
    """Write values out, so that two codings of the same texts are equal."""
    if isinstance(values, Texts):
        return [values.words[code] if code >= 0 else None for code in values.codes]
    return [None if cell != cell else cell for cell in values.tolist()]  # noqa: PLR0124 - NaN


@settings(max_examples=150)
@given(st.data())
def test_a_list_is_read_like_cell_by_cell(data: st.DataObject) -> None:
    """Whatever the quick reader reads, the reader of cells reads as the same values, without a fault, the first time and later."""
    column = data.draw(st.sampled_from(COLUMNS))
    cells = data.draw(cells_of(column))
    quick = read_quickly(column, cells)
    again = read_quickly(column, list(cells))
    slow = read_cells(column, pd.Series(cells) if cells else pd.Series(dtype="str")).coded(column)
    assert quick is not None
    assert not slow.marks
    assert plain(quick) == plain(again) == plain(slow.array)
    assert (
        getattr(quick, "dtype", None) == getattr(again, "dtype", None) == getattr(slow.array, "dtype", None)
    )


def _arrow(column: Column, cells: list[Any]) -> Any:
    kinds = {"text": pa.string(), "choice": pa.string(), "flag": pa.bool_(), "integer": pa.int64()}
    if column.kind == "day":
        return pa.array([None if cell is None else date.fromisoformat(cell) for cell in cells], pa.date32())
    return pa.array(
        [float(cell) if column.kind == "number" and cell is not None else cell for cell in cells],
        kinds.get(column.kind, pa.float64()),
    )


ARROW_FORMS: dict[str, Callable[[Any], Any]] = {
    "one chunk": lambda cells: pa.chunked_array([cells]),
    "two chunks": lambda cells: pa.chunked_array([cells[:3], cells[3:]]),
    "dictionary": lambda cells: pa.chunked_array(
        [cells[:2].dictionary_encode(), cells[2:].dictionary_encode()]
    ),
    "times": lambda cells: pa.chunked_array(
        [cells.cast(pa.timestamp("ms")) if cells.type == pa.date32() else cells]
    ),
    "pandas": lambda cells: cells.to_pandas(date_as_object=False),
}


@settings(max_examples=150)
@given(st.data())
def test_every_form_of_a_column_is_read_alike(data: st.DataObject) -> None:
    """Lists, Arrow columns in any number of chunks, dictionaries, times at midnight and pandas give the same values."""
    column = data.draw(st.sampled_from(COLUMNS))
    cells = data.draw(cells_of(column))
    form = data.draw(st.sampled_from(list(ARROW_FORMS)))
    came = ARROW_FORMS[form](_arrow(column, cells))
    read = RawTable((column.name,), (came,), len(cells))
    quick = read_quickly(column, came)
    values = read_cells(column, read.series(0)).coded(column).array if quick is None else quick
    assert plain(values) == plain(read_quickly(column, cells))


@pytest.mark.parametrize(
    ("name", "cells"),
    [("date", [" 2024-10-01"]), ("date", ["2024-W40-2"]), ("date", ["2024-02-30"]), ("subject", ["Maths"]),
     ("value", [True]), ("value", [10**400]), ("pupil_id", [7]), ("status", [1])],
)  # fmt: skip
def test_anything_unusual_is_left_to_the_reader_of_cells(name: str, cells: list[Any]) -> None:
    """A text to trim or translate, another type, a number that no float holds: the quick reader says nothing."""
    assert read_quickly(TABLES["grades"].column(name), cells) is None


def test_a_time_of_day_in_arrow_is_still_a_fault() -> None:
    """A timestamp that is not midnight is reported, not cut to its day."""
    when = pa.chunked_array([pa.array([np.datetime64("2009-05-17T08:30", "ms")])])
    came = RawTable(("pupil_id", "birth_date"), (["a"], when), 1)
    (fault,) = conform(TABLES["pupils"], came).faults
    assert (fault.rule, fault.column, fault.rows.tolist()) == ("time_of_day", "birth_date", [0])


def test_a_word_that_no_cell_uses_is_no_fault() -> None:
    """An Arrow dictionary may hold more texts than its column: only those in use are held against the rules."""
    ids = pa.chunked_array([pa.DictionaryArray.from_arrays([0, 0, 2], ["a", " bad ", "b"])])
    conformed = conform(TABLES["pupils"], RawTable(("pupil_id",), (ids,), 3))
    assert conformed.faults == ()
    assert conformed.frame["pupil_id"].tolist() == ["a", "a", "b"]


TIMES = st.builds(
    lambda day, more: day * 86_400 + more,
    st.integers(-40_000, 60_000),
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1, 43_200]),
)


@settings(max_examples=100)
@given(st.lists(st.none() | TIMES, max_size=8), st.sampled_from(["s", "ms", "us", "ns"]), st.integers(0, 8))
def test_midnights_are_their_days_in_every_unit(times: list[int | None], unit: str, cut: int) -> None:
    """Times are read as days where all of them are midnights, in any unit, with gaps and cut anywhere; else not at all."""
    units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    cells = pa.array([None if time is None else time * units for time in times], pa.timestamp(unit))
    days = read_quickly(TABLES["grades"].column("date"), pa.chunked_array([cells[:cut], cells[cut:]]))
    if any(time is not None and time % 86_400 for time in times):
        assert days is None
    else:
        assert days.tolist() == [NO_DAY if time is None else time // 86_400 for time in times]


@pytest.mark.parametrize("moment", [1, -1, 2**62, -(2**63), 2**31 * 86_400, -(2**31 + 1) * 86_400])
def test_a_time_that_no_day_number_holds_is_left_to_the_reader_of_cells(moment: int) -> None:
    """A second beside midnight, and midnights beyond 32 bits, are not read as some other day."""
    cells = pa.chunked_array([pa.array([0, moment, None], pa.int64()).view(pa.timestamp("s"))])
    assert read_quickly(TABLES["grades"].column("date"), cells) is None


NUMBERS = st.sampled_from(
    [np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, 1.0, 2.5, 3.0, np.nextafter(3, 4), -1.0]
)


@settings(max_examples=150)
@given(
    numbers=st.lists(NUMBERS, max_size=6),
    low=st.sampled_from([0.0, 1.0]),
    above=st.booleans(),
    whole=st.booleans(),
    before=st.integers(0, 9000),
)
def test_limits_of_numbers_are_those_of_each_number(
    numbers: list[float], low: float, *, above: bool, whole: bool, before: int
) -> None:
    """One pass counts the gaps and finds a number outside, wherever it stands, just as looking at each number does."""
    values = np.array([1.0] * (before if low < 1 or not above else 0) + numbers)
    fits = [
        (low < value if above else low <= value) and value <= 3 and (not whole or value.is_integer())
        for value in values.tolist()
        if value == value  # noqa: PLR0124 - NaN
    ]
    gaps = values.size - len(fits)
    assert gaps_of_numbers(values, low, 3.0, above, whole) == (gaps if all(fits) else OUTSIDE)


@settings(max_examples=80)
@given(st.lists(st.sampled_from([NO_DAY, -1, 0, 5, 9, 10, 2**31 - 1]), max_size=6), st.integers(0, 9000))
def test_limits_of_days_are_those_of_each_day(days: list[int], before: int) -> None:
    """One pass counts the missing days and finds a day outside, wherever it stands; a missing day breaks no limit."""
    values = np.array([5] * before + days, dtype=np.int32)
    fits = [0 <= day <= 9 for day in days if day != NO_DAY]
    assert gaps_of_days(values, 0, 9, NO_DAY) == (days.count(NO_DAY) if all(fits) else OUTSIDE)


def test_more_days_than_are_remembered_are_read_too() -> None:
    """Days stay what they are when more different ones came than the reader remembers."""
    column = TABLES["grades"].column("date")
    days = np.arange(-30_000, 30_000)
    for part in np.array_split(days, 9):
        cells = np.datetime_as_string(part.astype("datetime64[D]")).tolist()
        for _ in range(2):
            assert read_quickly(column, [*cells, None]).tolist() == [*part.tolist(), NO_DAY]
