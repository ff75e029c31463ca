"""Laws of honest tables of any making: each column type gives a result or an error of ours, never a bare exception."""

from __future__ import annotations

import datetime as dt
import decimal
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decrochage_risk import DecrochageError, PupilRecords, score_pupils
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.records.conftest import Rows

_DAYS = [dt.date(2024, 10, 7), dt.date(2024, 11, 18)]
_TIMES = [dt.datetime(2024, 10, 6, 22), dt.datetime(2024, 11, 17, 23)]
_LOOP: list[Any] = []
_LOOP.append(_LOOP)
_DEEP: list[Any] = []
for _ in range(5_000):
    _DEEP = [_DEEP]


class _Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


def _dictionary(codes: Any, words: Any) -> Any:
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, words)])


def _duck_enum(values: list[Any]) -> Any:
    words = [*sorted({str(value) for value in values if value is not None}), "never used"]
    codes = [None if value is None else words.index(str(value)) for value in values]
    return _dictionary(pa.array(codes, pa.uint8()), pa.array(words))


_ARROW: dict[str, Callable[[list[Any]], Any]] = {
    "uint8 dictionary": _duck_enum,
    "dictionary that names a text twice": lambda values: _dictionary(
        pa.array([place % 2 for place in range(len(values))], pa.uint32()), pa.array(["a", "a"])
    ),
    "dictionary with a missing word": lambda values: _dictionary(
        pa.array([place % 2 for place in range(len(values))], pa.int8()), pa.array(["a", None])
    ),
    "dictionary of numbers": lambda values: _dictionary(
        pa.array([0] * len(values), pa.int8()), pa.array([2024])
    ),
    "binary": lambda values: pa.array([str(value).encode() for value in values], pa.binary()),
    "latin binary": lambda values: pa.array(["é".encode("latin-1")] * len(values), pa.large_binary()),
    "fixed binary": lambda values: pa.array([b"0101"] * len(values), pa.binary(4)),
    "latin bytes under the mark of text": lambda values: pa.chunked_array(
        [pa.array([b"\xe9"] * len(values), pa.binary()).view(pa.string())]
    ),
    "string view": lambda values: pa.array([str(value) for value in values], pa.string_view()),
    "large string": lambda values: pa.array([str(value) for value in values], pa.large_string()),
    "decimal": lambda values: pa.array([decimal.Decimal("12.50")] * len(values), pa.decimal128(6, 2)),
    "wide decimal": lambda values: pa.array([decimal.Decimal(1)] * len(values), pa.decimal256(60, 2)),
    "list": lambda values: pa.array([[1, None]] * len(values), pa.list_(pa.int64())),
    "structure": lambda values: pa.array([{"a": 1}] * len(values), pa.struct([("a", pa.int8())])),
    "map": lambda values: pa.array([[("a", 1)]] * len(values), pa.map_(pa.string(), pa.int8())),
    "far time": lambda values: pa.array([9_223_372_036_854_775_807] * len(values)).cast(pa.timestamp("us")),
    "far day": lambda values: pa.array([2_000_000_000] * len(values), pa.int32()).cast(pa.date32()),
    "days": lambda values: pa.array([_DAYS[place % 2] for place in range(len(values))], pa.date64()),
    "zoned times": lambda values: pa.array([_TIMES[0]] * len(values), pa.timestamp("ns", "Europe/Paris")),
    "times of no zone": lambda values: pa.array([_TIMES[0]] * len(values), pa.timestamp("ms", "+25:99")),
    "time of day": lambda values: pa.array([dt.time(8, 30)] * len(values), pa.time64("us")),
    "duration": lambda values: pa.array([dt.timedelta(days=1)] * len(values), pa.duration("s")),
    "interval": lambda values: pa.array([(1, 2, 3)] * len(values), pa.month_day_nano_interval()),
    "half float": lambda values: pa.array(np.full(len(values), 1.5, np.float16), pa.float16()),
    "big unsigned": lambda values: pa.array([2**64 - 1] * len(values), pa.uint64()),
    "nothing": lambda values: pa.nulls(len(values)),
    "runs": lambda values: pa.RunEndEncodedArray.from_arrays(
        pa.array([len(values)], pa.int32()), pa.array(["4e"])
    ),
}

_PANDAS: dict[str, Callable[[list[Any]], Any]] = {
    "unused category": lambda values: pd.Categorical(
        [None if value is None else str(value) for value in values],
        categories=[*dict.fromkeys(str(value) for value in values if value is not None), "bts1"],
    ),
    "category of numbers": lambda values: pd.Categorical([1] * len(values), categories=[1, 2]),
    "bytes": lambda values: pd.Series([str(value).encode() for value in values], dtype=object),
    "mixed": lambda values: pd.Series(
        [values[0], b"\xff", 1, 2.5, _LOOP, _DEEP, _Unshowable(), None][: len(values)], dtype=object
    ),
    "loops": lambda values: pd.Series([_LOOP] * len(values), dtype=object),
    "deep": lambda values: pd.Series([_DEEP] * len(values), dtype=object),
    "unshowable": lambda values: pd.Series([_Unshowable() for _ in values], dtype=object),
    "period": lambda values: pd.Series(pd.PeriodIndex(["2024-10"] * len(values), freq="M")),
    "interval": lambda values: pd.Series(pd.IntervalIndex.from_breaks(range(len(values) + 1))),
    "sparse": lambda values: pd.Series(pd.arrays.SparseArray([0.0] * len(values))),
    "complex": lambda values: pd.Series([1j] * len(values)),
    "durations": lambda values: pd.Series(pd.to_timedelta([1] * len(values))),
    "far times": lambda values: pd.Series(np.full(len(values), np.datetime64(2**62, "s"))),
    "utc midnights": lambda values: pd.Series([_TIMES[place % 2] for place in range(len(values))]),
    "times of two zones": lambda values: pd.Series(
        [
            dt.datetime(2024, 10, 6, tzinfo=dt.timezone(dt.timedelta(hours=place)))
            for place in range(len(values))
        ],
        dtype=object,
    ),
    "decimals": lambda values: pd.Series([decimal.Decimal("sNaN")] * len(values), dtype=object),
    "huge integers": lambda values: pd.Series([10**400] * len(values), dtype=object),
    "arrow lists": lambda values: pd.Series(
        pd.arrays.ArrowExtensionArray(pa.array([[1]] * len(values), pa.list_(pa.int8())))
    ),
    "arrow decimals": lambda values: pd.Series([1] * len(values), dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    "arrow binary": lambda values: pd.Series([b"a"] * len(values), dtype=pd.ArrowDtype(pa.binary())),
}


def _tables(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    return rows.tables(
        "abcd",
        absences=[rows.absence(pupil) for pupil in "abcd"],
        grades=[rows.grade(pupil) for pupil in "abcd"],
        orientation=[rows.event(pupil) for pupil in "abcd"],
        coverage=[
            {"school_id": "0990001N", "table": "absences", "start": "2024-09-01", "end": "2025-07-01"}
            for _ in "abcd"
        ],
        outcomes=[
            {"pupil_id": pupil, "school_year": 2024, "outcome": "continued", "date": None} for pupil in "abcd"
        ],
    )


def _read_and_score(tables: dict[str, Any], on_fault: Any) -> None:
    try:
        records = PupilRecords(**tables, on_fault=on_fault)
        str(records.faults), records.faults.frame, records.faults.to_dict()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert len(score_pupils(records, as_of="2025-03-05")) == len(records)
    except DecrochageError as error:
        assert str(error)  # noqa: PT017 - an error of ours that can be shown is an answer


@pytest.mark.whole
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_column_type_gives_a_result_or_an_error_of_ours(rows: Rows, data: st.DataObject) -> None:
    """Types x tables x columns x modes x forms: a result or a DecrochageError, never a bare exception."""
    tables: dict[str, Any] = _tables(rows)
    name = data.draw(st.sampled_from(sorted(tables)))
    column = data.draw(st.sampled_from(TABLES[name].column_names))
    values = [row.get(column) for row in tables[name]]
    form = data.draw(st.sampled_from(["pandas", "arrow"]))
    if form == "arrow":
        kind = data.draw(st.sampled_from(sorted(_ARROW)))
        columns = {key: [row[key] for row in tables[name]] for key in tables[name][0]}
        tables[name] = pa.table(columns | {column: _ARROW[kind](values)})
    else:
        kind = data.draw(st.sampled_from(sorted(_PANDAS)))
        tables[name] = pd.DataFrame(tables[name]).assign(**{column: _PANDAS[kind](values)})
    _read_and_score(tables, data.draw(st.sampled_from(["raise", "quarantine"])))


@pytest.mark.parametrize("kind", sorted(_ARROW))
def test_a_column_that_nobody_needs_may_be_of_any_type(rows: Rows, kind: str, tmp_path: Path) -> None:
    """A column that no table declares is a warning whatever its type, in memory and in a Parquet file."""
    tables: dict[str, Any] = _tables(rows)
    whole = pa.Table.from_pylist(tables["grades"])
    tables["grades"] = whole.append_column("remarque", _ARROW[kind]([None] * 4))
    assert ("grades", "unknown_column") in PupilRecords(**tables).faults.counts
    for name, table in tables.items():
        frame = pa.Table.from_pylist(table) if isinstance(table, list) else table
        try:
            pq.write_table(frame, tmp_path / f"{name}.parquet")
        except pa.ArrowException:
            return  # Parquet has no such type
    try:
        assert ("grades", "unknown_column") in PupilRecords.read(tmp_path).faults.counts
    except DecrochageError as error:
        assert kind == "latin bytes under the mark of text", error  # noqa: PT017


def test_dictionaries_of_any_making_are_the_same_text(rows: Rows) -> None:
    """Categories of pandas, Categorical and Enum of polars, ENUM of DuckDB: the same records as plain text."""
    tables: dict[str, Any] = _tables(rows)
    plain = PupilRecords(**tables).enrolments
    enrolments = pl.DataFrame(tables["enrolments"])
    for kind in (pl.Categorical, pl.Enum(["3e", "4e", "bts1"])):
        made = PupilRecords(**tables | {"enrolments": enrolments.with_columns(pl.col("level").cast(kind))})
        pd.testing.assert_frame_equal(made.enrolments, plain)
    levels = _duck_enum([row["level"] for row in tables["enrolments"]])
    arrow = pa.Table.from_pylist(tables["enrolments"]).drop_columns("level").append_column("level", levels)
    pd.testing.assert_frame_equal(PupilRecords(**tables | {"enrolments": arrow}).enrolments, plain)
    frame = pd.DataFrame(tables["enrolments"]).astype({"level": pd.CategoricalDtype(["4e", "bts1"])})
    pd.testing.assert_frame_equal(PupilRecords(**tables | {"enrolments": frame}).enrolments, plain)


def test_bytes_are_text_with_a_warning_and_undecodable_ones_are_named(rows: Rows) -> None:
    """BINARY is read as UTF-8, the warning names the column; bytes of another encoding are a fault with their row."""
    tables: dict[str, Any] = _tables(rows)
    absences = pa.Table.from_pylist(tables["absences"])
    ids = [b"a", b"b", "é".encode("latin-1"), b"d"]
    for wrong in (False, True):
        cells = pa.array(ids if wrong else [b"a", b"b", b"c", b"d"], pa.binary())
        came = tables | {"absences": absences.drop_columns("pupil_id").append_column("pupil_id", cells)}
        records = PupilRecords(**came, on_fault="quarantine")
        named = {(group.rule, group.column) for group in records.faults.groups}
        assert ("bytes_as_text", "pupil_id") in named
        assert (("bad_bytes", "pupil_id") in named) == wrong
        assert records.faults.rows("absences", "error").tolist() == ([2] if wrong else [])


@pytest.mark.parametrize("hour", [22, 23])
@pytest.mark.parametrize("as_text", [False, True])
def test_midnights_stored_as_utc_are_moved_to_their_day(rows: Rows, hour: int, *, as_text: bool) -> None:
    """Every time of a column a midnight of Paris in UTC: births and absences stand on the day that begins there."""
    summer = hour == 22
    eve = dt.datetime(2024, 9, 15, hour) if summer else dt.datetime(2024, 11, 17, hour)
    born = dt.datetime(2010, 6, 1, 22) if summer else dt.datetime(2010, 1, 1, 23)
    write = str if as_text else (lambda time: time)
    tables: dict[str, Any] = rows.tables("a", absences=pd.DataFrame([rows.absence(date=write(eve))]))
    tables["pupils"] = pd.DataFrame([{"pupil_id": "a", "birth_date": write(born)}])
    records = PupilRecords(**tables)
    assert records.absences is not None
    assert records.absences["date"].dt.date.tolist() == [eve.date() + dt.timedelta(days=1)]
    assert records.pupils["birth_date"].dt.date.tolist() == [born.date() + dt.timedelta(days=1)]
    assert {name for (name, rule) in records.faults.counts if rule == "utc_midnights"} == {
        "pupils",
        "absences",
    }
    mixed = pd.DataFrame([rows.absence(date=write(eve)), rows.absence(date=write(eve.replace(hour=9)))])
    kept = PupilRecords(**tables | {"absences": mixed}).absences
    assert kept is not None
    assert kept["date"].dt.date.tolist() == [eve.date()] * 2


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-11-18T00:00:00Z", "2024-11-18"),
        ("2024-11-17T23:00:00Z", "2024-11-18"),
        ("2024-11-17T23:00:00.000Z", "2024-11-18"),
        ("2024-11-18T08:30:00+01:00", "2024-11-18"),
        ("2024-11-18 00:00:00", "2024-11-18"),
        ("18/11/2024 00:00", "2024-11-18"),
    ],
)
def test_iso_times_with_a_zone_are_read(rows: Rows, text: str, day: str) -> None:
    """A time with Z is the day in France, one with an offset the day where it was written."""
    records = PupilRecords(
        **rows.tables("a", absences=[rows.absence(date=text), rows.absence(date="2024-10-07")])
    )
    assert records.absences is not None
    assert str(records.absences["date"].dt.date[0]) == day


def test_a_day_in_utc_is_the_same_alone_and_in_a_batch() -> None:
    """In JSON each cell is judged by itself: a pupil sent alone is read as with others."""
    enrolled = {"school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
    row = {"date": "2024-11-17T23:00:00", "half_days": 1, "kind": "absence"}
    pupils = [
        {"pupil_id": "a", "enrolments": [enrolled], "absences": [row]},
        {"pupil_id": "b", "enrolments": [enrolled], "absences": [row | {"date": "2024-11-17T09:00:00"}]},
    ]
    days = [
        PupilRecords.from_json(sent).absences["date"].dt.date.tolist()[0]  # type: ignore[index]
        for sent in (pupils, pupils[:1])
    ]
    assert days == [dt.date(2024, 11, 18)] * 2


def test_day_counts_of_a_spreadsheet_are_read_when_the_whole_column_holds_them(rows: Rows) -> None:
    """Excel's 45614 is 18 November 2024 in a column of day counts, and elsewhere a fault whose hint names Excel."""
    for cell in ("45614", 45614, 45614.0, "45614,0"):
        whole = PupilRecords(**rows.tables("a", absences=[rows.absence(date=cell)]))
        assert whole.absences is not None
        assert whole.absences["date"].astype(str).tolist() == ["2024-11-18"]
        assert ("absences", "serial_dates") in whole.faults.counts
    mixed = [rows.absence(date="45614"), rows.absence(date="18/11/2024")]
    faults = PupilRecords(**rows.tables("a", absences=mixed), on_fault="quarantine").faults
    assert faults.counts["absences", "serial_date"] == 1
    assert "Excel" in str(faults)


@pytest.mark.parametrize(
    "as_of", ["0001-01-01", "9999-12-31", "1000-09-01", np.datetime64("2024", "Y"), 5, None]
)
def test_any_as_of_date_gives_a_result_or_an_error_of_ours(rows: Rows, as_of: Any) -> None:
    """A day at the end of time is an error of ours, like a value that is no day."""
    with pytest.raises(DecrochageError):
        PupilRecords(**rows.tables("a")).known_on(as_of)
