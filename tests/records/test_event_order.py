"""The order of event rows, and the repeats that it shows, against numpy and pandas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk import threads
from decrochage_risk.records import encoded_tables as event_order
from decrochage_risk.records.checks import conform
from decrochage_risk.records.encoded_tables import EventOrder, PupilCodes
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from decrochage_risk.records.coded_columns import CodedTable

PUPILS = {"a": 0, "b": 1}
DAYS = ["2024-10-01", "2024-10-02", "2024-11-05"]
MAYBE_DAY: list[Any] = [None, *DAYS]
CELLS: dict[str, dict[str, list[Any]]] = {
    "absences": {
        "half_days": [1, 2], "kind": ["absence", "exclusion"], "justified": [None, True, False],
        "justified_on": MAYBE_DAY, "recorded_on": MAYBE_DAY,
    },
    "grades": {
        "subject": ["maths", "french"], "value": [5.0, 10.0, None], "out_of": [10.0, 20.0], "coefficient": [1.0, 2.0],
        "status": ["graded", "absent"], "kind": ["assessment", "term_average"], "recorded_on": MAYBE_DAY,
    },
    "orientation": {
        "event": ["wish", "assignment"], "rank": [None, 1, 2], "target": [None, "cap1", "2de_gt"],
        "granted": [None, True, False], "recorded_on": MAYBE_DAY,
    },
}  # fmt: skip
"""Few values, so that ties and repeats are common."""

LEXSORTED: dict[str, list[str]] = {
    "absences": ["date", "kind", "half_days", "is_justified", "justified_on", "recorded_on"],
    "grades": ["date", "subject", "mark", "coefficient", "status", "kind", "recorded_on"],
    "orientation": ["date", "recorded_on", "rank_first", "granted_last", "target", "event"],
}


def drawn(table: str, seed: int, rows: int) -> CodedTable:
    """Draw rows of three pupils, one of whom nobody knows."""
    random = np.random.default_rng(seed)
    cells = {"pupil_id": ["a", "b", "z"], "date": DAYS, **CELLS[table]}
    columns = {
        name: [values[place] for place in random.integers(0, len(values), rows)]
        for name, values in cells.items()
    }
    return conform(TABLES[table], pd.DataFrame(columns, dtype=object)).coded


def plain_keys(events: CodedTable) -> pd.DataFrame:
    """Compute the columns that rows are ordered by, from the frame."""
    frame = events.frame()
    keys = frame.drop(columns="pupil_id").copy()
    for name in keys.columns:
        if isinstance(keys[name].dtype, pd.CategoricalDtype):
            keys[name] = keys[name].cat.codes
        elif keys[name].dtype.kind == "M":
            keys[name] = (keys[name] - pd.Timestamp(0)).dt.days.fillna(-1)
    if "granted" in keys:
        keys["granted_last"] = frame["granted"].map({True: 0, False: 2}).astype("float64").fillna(1)
        keys["rank_first"] = frame["rank"].astype("float64").fillna(-1)
        keys["target"] = pd.factorize(frame["target"], sort=True)[0]
    if "justified" in keys:
        keys["is_justified"] = frame["justified"].fillna(value=False).astype(bool)
    if "value" in keys:
        keys["mark"] = 20.0 * frame["value"] / frame["out_of"]
    return keys[LEXSORTED[events.table.name]].astype("float64")


def pupils_of(events: CodedTable) -> PupilCodes:
    return PupilCodes.of(PUPILS, len(PUPILS), events["pupil_id"])


@settings(max_examples=60)
@given(st.sampled_from(list(CELLS)), st.integers(0, 2**16), st.integers(0, 120))
def test_rows_are_ordered_by_pupil_and_every_column(table: str, seed: int, rows: int) -> None:
    """The order is that of a lexicographic sort of all columns, the unknown pupil last; its starts bound each pupil."""
    events = drawn(table, seed, rows)
    pupils = pupils_of(events)
    order = EventOrder.of(events, pupils)
    keys = plain_keys(events)
    expected = np.lexsort([*(keys[name] for name in reversed(keys.columns)), pupils.codes])
    both = [keys.iloc[found].reset_index(drop=True) for found in (order.rows, expected)]
    pd.testing.assert_frame_equal(*both)
    assert pupils.codes[order.rows].tolist() == np.sort(pupils.codes).tolist()
    assert np.diff(order.starts).tolist() == np.bincount(pupils.codes, minlength=pupils.kinds).tolist()


@settings(max_examples=60)
@given(st.sampled_from(list(CELLS)), st.integers(0, 2**16), st.integers(0, 120))
def test_repeats_are_the_rows_that_pandas_calls_duplicates(table: str, seed: int, rows: int) -> None:
    """A row is a repeat when an earlier one is the same in every column, whatever stands between them in the order."""
    events = drawn(table, seed, rows)
    order = EventOrder.of(events, pupils_of(events))
    assert order.repeated.tolist() == events.frame().duplicated(keep="first").tolist()


@settings(max_examples=40)
@given(
    st.sampled_from(list(CELLS)), st.integers(0, 2**16), st.integers(0, 60), st.randoms(use_true_random=False)
)
def test_leaving_rows_out_is_sorting_the_others(table: str, seed: int, rows: int, random: Any) -> None:
    """The order of the rows that are kept is the order they would have had alone, columns read back included."""
    events = drawn(table, seed, rows)
    keep = np.array([random.random() < 0.7 for _ in range(rows)], dtype=np.bool_)
    kept = EventOrder.of(events, pupils_of(events)).kept(keep, len(PUPILS))
    alone = events.take(keep)
    expected = EventOrder.of(alone, pupils_of(alone)).kept(np.ones(len(alone), dtype=np.bool_), len(PUPILS))
    assert kept.starts.tolist() == expected.starts.tolist()
    assert plain_keys(alone).iloc[kept.rows].equals(plain_keys(alone).iloc[expected.rows])
    for name, values in kept.columns.items():
        np.testing.assert_array_equal(values, expected.columns[name])


@pytest.mark.parametrize("table", CELLS)
def test_columns_read_back_from_the_keys_are_those_of_the_table(table: str) -> None:
    """What stands in the keys is read back as it went in, missing cells included."""
    events = drawn(table, seed=5, rows=200)
    order = EventOrder.of(events, pupils_of(events))
    for name in set(order.columns) & set(events.columns) - {"half_days"}:
        np.testing.assert_array_equal(order.columns[name], events[name][order.rows])


@pytest.mark.parametrize("table", CELLS)
def test_threads_change_nothing(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three threads give the order that one gives, and the same conformed columns."""
    alone, one = drawn(table, 7, 400), EventOrder.of(drawn(table, 7, 400), pupils_of(drawn(table, 7, 400)))
    monkeypatch.setattr(threads, "_LARGE_TABLE", 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads.threads_for(400) == 3
    events = drawn(table, 7, 400)
    three = EventOrder.of(events, pupils_of(events))
    assert event_order._equal_parts(three.starts, 3)[-1][1] == three.starts.size - 1
    np.testing.assert_array_equal(one.rows, three.rows)
    pd.testing.assert_frame_equal(alone.frame(), events.frame())


@pytest.mark.parametrize("table", CELLS)
@pytest.mark.parametrize("kind", ["integer", "text"])
def test_a_column_declared_tomorrow_counts_on_that_day(table: str, kind: str) -> None:
    """Rows that differ only in a newly declared column are not called identical, and keep one order however they came."""
    declared = TABLES[table]
    template = {
        "integer": TABLES["orientation"].column("rank"),
        "text": TABLES["orientation"].column("target"),
    }[kind]
    column = replace(template, name="period", required=False, nullable=True)
    wider = replace(declared, columns=(*declared.columns, column))
    row = {"pupil_id": "a", "date": DAYS[0], **{name: values[-1] for name, values in CELLS[table].items()}}
    periods: list[Any] = [3, 1, None, 2, 1] if kind == "integer" else ["c", "a", None, "b", "a"]
    frame = pd.DataFrame([{**row, "period": period} for period in periods], dtype=object)
    orders = []
    for shuffle in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3]):
        events = conform(wider, frame.iloc[shuffle].reset_index(drop=True)).coded
        order = EventOrder.of(events, pupils_of(events))
        assert order.repeated.sum() == 1
        orders.append(frame["period"].iloc[shuffle].iloc[order.rows].tolist())
    assert orders[0] == orders[1]


@given(seed=st.integers(0, 500), table=st.sampled_from(sorted(CELLS)))
@settings(max_examples=30)
def test_a_new_column_without_a_cell_changes_no_order(seed: int, table: str) -> None:
    """A newly declared column that nobody fills leaves the order and the repeats of today as they are."""
    events = drawn(table, seed, 60)
    column = replace(TABLES["orientation"].column("rank"), name="period", required=False, nullable=True)
    wider = replace(events.table, columns=(*events.table.columns, column))
    same = conform(wider, events.frame().astype(object)).coded
    before, after = EventOrder.of(events, pupils_of(events)), EventOrder.of(same, pupils_of(same))
    np.testing.assert_array_equal(before.repeated, after.repeated)
    for name in ("date", *(set(CELLS[table]) - {"value", "out_of"})):
        np.testing.assert_array_equal(
            _plain(events[name])[before.rows], _plain(same[name])[after.rows], err_msg=name
        )


def _plain(cells: Any) -> Any:
    return cells.ranks() if hasattr(cells, "ranks") else cells
