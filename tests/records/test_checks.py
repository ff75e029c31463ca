"""Bringing one table to its declared shape."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.records.checks import Conformed, conform
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from decrochage_risk.records.faults import FaultGroup

NORMAL: dict[str, dict[str, Any]] = {
    "pupils": {"pupil_id": "a", "birth_date": "2009-05-17", "sex": "F"},
    "enrolments": {
        "pupil_id": "a", "school_year": 2024, "school_id": "0382032C", "level": "2de_pro", "start_date": "2024-09-02",
        "end_date": None, "class_id": "2 PRO é", "network_id": "réseau 1", "boarder": "non",
    },
    "absences": {
        "pupil_id": "a", "date": "2024-10-01", "half_days": 2, "kind": "absence", "justified": True,
        "recorded_on": "2024-10-01", "justified_on": "2024-10-03",
    },
    "grades": {
        "pupil_id": "a", "date": "2024-10-01", "subject": "maths", "value": 12.5, "out_of": 20, "coefficient": 2,
        "status": "graded", "kind": "assessment", "recorded_on": "2024-10-02",
    },
    "orientation": {
        "pupil_id": "a", "date": "2025-03-01", "event": "council_decision", "rank": 1, "target": "2de GT",
        "granted": False, "recorded_on": None,
    },
    "outcomes": {"pupil_id": "a", "school_year": 2024, "outcome": "continued", "date": None},
    "context": {
        "as_of": "2025-03-05", "school_id": "0382032C", "class_id": "4e A", "subject": "maths",
        "measure": "mean_grade_year", "value": 11.5, "pupils": 24,
    },
    "coverage": {
        "school_id": "0382032C", "pupil_id": None, "table": "grades", "start": "2024-09-01", "end": "2025-08-31",
    },
}  # fmt: skip
"""One good row per table."""


def _frame(table: str, *changes: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{**NORMAL[table], **change} for change in changes or ({},)], dtype=object)


def _conform(table: str, *changes: dict[str, Any]) -> Conformed:
    return conform(TABLES[table], _frame(table, *changes))


def _only_fault(conformed: Conformed) -> FaultGroup:
    assert len(conformed.faults) == 1, str(FaultReport(conformed.faults))
    return conformed.faults[0]


def _came(fault: FaultGroup) -> list[object]:
    return list(fault.values)


@pytest.mark.parametrize("table", TABLES)
def test_a_good_row_has_no_fault(table: str) -> None:
    """A good row of every table comes out without a fault, with every declared column in declared order."""
    conformed = _conform(table)
    assert conformed.faults == ()
    assert tuple(conformed.frame.columns) == TABLES[table].column_names
    assert conformed.missing_optional == ()


@pytest.mark.parametrize("table", TABLES)
def test_dtypes_follow_the_declared_kind(table: str) -> None:
    """Every kind of column has one dtype, also when the column did not come or holds no row."""
    dtypes = {
        "text": "str",
        "day": "datetime64[s]",
        "integer": "Int64",
        "number": "float64",
        "flag": "boolean",
    }
    required = list(TABLES[table].required)
    frame = _frame(table)
    for came in (frame, frame[required], frame.iloc[:0], pd.DataFrame()):
        conformed = conform(TABLES[table], came).frame
        for column in TABLES[table].columns:
            if column.kind == "choice":
                assert tuple(conformed[column.name].cat.categories) == column.choices
            else:
                assert conformed[column.name].dtype == dtypes[column.kind]


BAD_CELLS: list[tuple[str, str, object, str, str]] = [
    ("pupils", "pupil_id", 12.0, "wrong_type", "leading zeros"),
    ("pupils", "pupil_id", None, "missing_value", "Fill the cell"),
    ("pupils", "pupil_id", "   ", "missing_value", "Fill the cell"),
    ("pupils", "pupil_id", " a", "bad_pattern", "Trim"),
    ("pupils", "pupil_id", "a\x00b", "bad_pattern", "Trim"),
    ("pupils", "pupil_id", "x" * 10_000, "too_long", "check which column was read"),
    ("pupils", "pupil_id", "\ud800", "wrong_type", "Correct the cells"),
    ("pupils", "birth_date", "0025-09-01", "out_of_range", "Check the year"),
    ("pupils", "birth_date", dt.date(25, 9, 1), "out_of_range", "Check the year"),
    ("pupils", "birth_date", "2O09-05-17", "bad_date", "four digits"),
    ("pupils", "birth_date", "17/05/09", "bad_date", "four digits"),
    ("pupils", "birth_date", "05/17/2009", "bad_date", "day before the month"),
    ("pupils", "birth_date", "2009-02-29", "bad_date", "four digits"),
    ("pupils", "birth_date", 39950, "wrong_type", "spreadsheet"),
    ("pupils", "birth_date", [2009], "wrong_type", "time zone"),
    ("pupils", "sex", "1", "unknown_choice", "Translate"),
    ("enrolments", "level", "4ème", "unknown_choice", "'4ème' may be '4e'"),
    ("enrolments", "level", "2381", "unknown_choice", "level_of_mefstat4"),
    ("enrolments", "school_id", "0382032D", "bad_check_letter", "mistyped"),
    ("enrolments", "school_id", "0382032c", "bad_pattern", "leading zero"),
    ("enrolments", "school_id", "382032C", "bad_pattern", "leading zero"),
    ("enrolments", "school_year", 24, "out_of_range", "Correct the value"),
    ("enrolments", "school_year", "2024-2025", "wrong_type", "Correct the cells"),
    ("enrolments", "boarder", "peut-être", "wrong_type", "Correct the cells"),
    ("enrolments", "boarder", 2, "wrong_type", "Correct the cells"),
    ("absences", "half_days", 3, "out_of_range", "two half-days at most"),
    ("absences", "half_days", -1, "out_of_range", "two half-days at most"),
    ("absences", "half_days", 1.5, "not_whole", "half a half-day"),
    ("absences", "half_days", True, "wrong_type", "Correct the cells"),
    ("absences", "kind", "retard", "unknown_choice", "'retard' may be 'lateness'"),
    ("grades", "subject", "français", "unknown_choice", "'français' may be 'french'"),
    ("grades", "status", "noté", "unknown_choice", "'noté' may be 'graded'"),
    ("grades", "out_of", 0, "out_of_range", "leave the cell empty for 20"),
    ("grades", "coefficient", -1, "out_of_range", "Correct the value"),
    ("grades", "coefficient", 101, "out_of_range", "Correct the value"),
    ("grades", "value", "Abs", "mark_word", "Abs -> 'absent'"),
    ("grades", "value", "Disp", "mark_word", "'exempt'"),
    ("grades", "value", "NN", "mark_word", "'exempt'"),
    ("grades", "value", "NE", "mark_word", "'exempt'"),
    ("grades", "value", "—", "mark_word", "'exempt'"),
    ("grades", "value", "11.5/20", "wrong_type", "value 11.5, out_of 20"),
    ("grades", "value", np.inf, "not_finite", "division by zero"),
    ("grades", "value", -np.inf, "not_finite", "division by zero"),
    ("grades", "value", 1e308, "out_of_range", "lost decimal sign"),
    ("grades", "value", 10**400, "wrong_type", "plain number"),
    ("grades", "value", -0.5, "out_of_range", "Correct the value"),
    ("grades", "date", "demain", "bad_date", "four digits"),
    ("grades", "date", None, "missing_value", "Fill the cell"),
    ("orientation", "rank", 0, "out_of_range", "Correct the value"),
    ("outcomes", "outcome", "parti", "unknown_choice", "Translate"),
    ("coverage", "table", "pupils", "unknown_choice", "Translate"),
]


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("3EME", "3e"),
        ("4ÈME", "4e"),
        ("6eme", "6e"),
        ("Troisième", "3e"),
        ("3EME PREPA METIERS", "3e_pm"),
        ("3eme segpa", "3e_segpa"),
        ("2NDE PRO", "2de_pro"),
        ("Terminale pro", "tle_pro"),
        ("1CAP2", "cap1"),
        ("première année de CAP", "cap1"),
        ("CAP", None),
        ("Terminale", None),
        ("CAP en apprentissage", None),
    ],
)
def test_a_level_is_proposed_by_the_year_that_its_word_says(word: str, level: str | None) -> None:
    """A word that names a level in another spelling is that level; of one that says no year none is guessed."""
    fault = _only_fault(_conform("enrolments", {}, {"level": word}, {"pupil_id": "b"}))
    assert f"{word!r} may be {level!r}" in fault.hint if level else "may be" not in fault.hint


@pytest.mark.parametrize(
    ("table", "column", "value", "rule", "remedy"),
    BAD_CELLS,
    ids=[f"{case[1]}-{case[3]}-{place}" for place, case in enumerate(BAD_CELLS)],
)
def test_each_bad_cell_is_one_fault_that_says_what_to_do(
    table: str, column: str, value: object, rule: str, remedy: str
) -> None:
    """A bad cell is reported once, with its row, its value, what was expected and the remedy, and comes out missing."""
    conformed = _conform(table, {}, {column: value}, {"pupil_id": "b"})
    fault = _only_fault(conformed)
    assert (fault.table, fault.column, fault.rule, fault.severity) == (table, column, rule, "error")
    assert fault.rows.tolist() == [1]
    (came,) = _came(fault)
    assert came is value or came == value
    assert fault.expected
    assert "{" not in fault.expected + fault.hint.replace("{'", "")
    assert remedy in fault.hint
    declared = TABLES[table].column(column)
    if declared.default is None:
        assert pd.isna(conformed.frame[column].iloc[1])
    assert conformed.frame[column].iloc[[0, 2]].notna().all()


BAD_ROWS: list[tuple[str, dict[str, object], str, str, str]] = [
    ("enrolments", {"end_date": "2024-09-01"}, "end_before_start", "error", "Swap the two days"),
    ("absences", {"kind": "lateness"}, "lateness_with_half_days", "error", "Write 0"),
    ("absences", {"half_days": 0}, "no_half_days", "error", "one half-day"),
    ("absences", {"half_days": 0, "kind": "placement"}, "no_half_days", "error", "one half-day"),
    ("absences", {"justified_on": "2024-09-30"}, "justified_before", "warning", "announced beforehand"),
    ("grades", {"value": 20.5}, "value_above_out_of", "error", "out_of 100"),
    ("grades", {"value": 11, "out_of": "10"}, "value_above_out_of", "error", "out_of 100"),
    ("grades", {"value": None}, "graded_without_value", "error", "'not_handed_in'"),
    ("grades", {"status": "absent"}, "value_without_grade", "error", "Empty the value"),
    ("orientation", {"event": "wish"}, "granted_without_decision", "error", "'assignment'"),
    ("coverage", {"school_id": None}, "covers_nobody", "error", "whose rows"),
    ("coverage", {"end": "2024-08-31"}, "end_before_start", "error", "Swap the two days"),
]


@pytest.mark.parametrize(("table", "change", "rule", "severity", "remedy"), BAD_ROWS)
def test_each_bad_row_is_one_fault_that_says_what_to_do(
    table: str, change: dict[str, object], rule: str, severity: str, remedy: str
) -> None:
    """A row whose cells contradict each other is reported once, and its cells are kept as they came."""
    conformed = _conform(table, {}, change)
    fault = _only_fault(conformed)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == (rule, severity, [1])
    assert fault.expected
    assert remedy in fault.hint


def test_edges_of_row_rules_are_allowed() -> None:
    """A mark equal to out_of, an enrolment of one day, a lateness of 0 half-days and a zero mark are no faults."""
    assert not _conform("grades", {"value": 20}, {"value": 0}, {"value": None, "status": "exempt"}).faults
    assert not _conform("enrolments", {"end_date": "2024-09-02"}).faults
    assert not _conform("absences", {"half_days": 0, "kind": "lateness"}).faults


def test_an_unreadable_cell_is_not_reported_twice() -> None:
    """A mark that is a word is one fault, not also a graded row without a value."""
    assert _only_fault(_conform("grades", {"value": "Abs"})).rule == "mark_word"
    assert _only_fault(_conform("absences", {"half_days": 7, "kind": "lateness"})).rule == "out_of_range"


def test_missing_column_names_what_came_and_the_nearest() -> None:
    """A missing required column is one fault of the whole table; a column spelled almost like it is proposed."""
    frame = _frame("grades").rename(columns={"subject": "subjects"})
    missing, unknown = conform(TABLES["grades"], frame).faults
    assert (missing.rule, missing.column, missing.severity) == ("missing_column", "subject", "error")
    assert "subjects" in _came(missing)[0]
    assert "'subject'" in missing.expected
    assert "did you mean 'subjects'?" in missing.hint
    assert (unknown.rule, unknown.column, unknown.severity) == ("unknown_column", "subjects", "warning")
    assert "did you mean 'subject'?" in unknown.hint


def test_a_missing_value_column_does_not_accuse_every_row() -> None:
    """Without its value column the grades have one fault, not one per graded row."""
    fault = _only_fault(conform(TABLES["grades"], _frame("grades", {}, {}).drop(columns="value")))
    assert (fault.rule, fault.rows.size) == ("missing_column", 0)


def test_a_column_given_twice_is_not_read() -> None:
    """Two columns of one name are an error, and neither is chosen in silence."""
    frame = pd.concat([_frame("pupils"), _frame("pupils")[["sex"]]], axis=1)
    conformed = conform(TABLES["pupils"], frame)
    assert _only_fault(conformed).rule == "duplicate_column"
    assert conformed.frame["sex"].isna().all()


def test_empty_tables() -> None:
    """An empty mandatory table is an error; an empty optional one says that there is nothing, with or without columns."""
    for name, table in TABLES.items():
        for frame in (pd.DataFrame(), _frame(name).iloc[:0]):
            rules = [fault.rule for fault in conform(table, frame).faults]
            assert rules == (["empty_table"] if table.mandatory else [])


def test_missing_optional_columns_are_named_and_filled() -> None:
    """Optional columns that did not come are named; those with a default hold it, the others are missing."""
    table = TABLES["grades"]
    conformed = conform(table, _frame("grades")[list(table.required)])
    assert conformed.missing_optional == ("out_of", "coefficient", "recorded_on")
    assert conformed.frame.loc[0, ["out_of", "coefficient"]].tolist() == [20.0, 1.0]
    assert conformed.frame["recorded_on"].isna().all()
    assert _conform("grades", {"out_of": None, "coefficient": ""}).frame.loc[0, "coefficient"] == 1.0


GOOD_CELLS: dict[str, list[object]] = {
    "pupil_id": ["a", "b 2", "é🙂", 17],
    "date": ["2024-10-01", "01/10/2024", dt.date(2024, 10, 1)],
    "subject": ["maths", "pe"],
    "value": [12, 0.0, "7,25", "20"],
    "out_of": [20, "20", None],
    "coefficient": [1, 2.5, None],
    "status": ["graded"],
    "kind": ["assessment", "term_average"],
    "recorded_on": [None, "2024-10-02"],
}
BAD_GRADE_CELLS = [(column, value, rule) for table, column, value, rule, _ in BAD_CELLS if table == "grades"]
rows_of_grades = st.lists(
    st.fixed_dictionaries({key: st.sampled_from(some) for key, some in GOOD_CELLS.items()}),
    min_size=1,
    max_size=12,
)


@pytest.mark.whole
@settings(max_examples=60)
@given(rows_of_grades, st.data())
def test_every_injected_fault_is_reported_and_nothing_else(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    """Of any good rows, those given a bad cell are reported with their rule and value, and no other row is."""
    injected = data.draw(
        st.dictionaries(st.integers(0, len(rows) - 1), st.sampled_from(BAD_GRADE_CELLS), max_size=len(rows))
    )
    for row, (column, value, _) in injected.items():
        rows[row] = {**rows[row], column: value}
    conformed = conform(TABLES["grades"], pd.DataFrame(rows, dtype=object))
    found = [(int(row), fault.rule) for fault in conformed.faults for row in fault.rows]
    assert sorted(found) == sorted((row, rule) for row, (_, _, rule) in injected.items())
    assert len(conformed.frame) == len(rows)


@settings(max_examples=30)
@given(rows_of_grades, st.permutations(list(GOOD_CELLS)))
def test_the_order_of_columns_changes_nothing(rows: list[dict[str, object]], order: list[str]) -> None:
    """Shuffled columns give the same frame and the same faults."""
    frame = pd.DataFrame(rows, dtype=object)
    first, second = conform(TABLES["grades"], frame), conform(TABLES["grades"], frame[order])
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert str(FaultReport(first.faults)) == str(FaultReport(second.faults))


@pytest.mark.whole
@settings(max_examples=30)
@given(rows_of_grades)
def test_conforming_twice_changes_nothing(rows: list[dict[str, object]]) -> None:
    """A conformed frame comes out as it went in, without a fault."""
    once = conform(TABLES["grades"], pd.DataFrame(rows, dtype=object)).frame
    twice = conform(TABLES["grades"], once)
    pd.testing.assert_frame_equal(once, twice.frame)
    assert twice.faults == ()


@pytest.mark.whole
@settings(max_examples=30)
@given(rows_of_grades)
def test_the_type_of_a_column_changes_nothing(rows: list[dict[str, object]]) -> None:
    """Arrow-backed, categorical and plain columns of the same cells give the same frame."""
    plain = conform(TABLES["grades"], pd.DataFrame(rows, dtype=object)).frame
    arrow = plain.convert_dtypes(dtype_backend="pyarrow")
    coded = plain.astype(dict.fromkeys(("pupil_id", "date", "value", "out_of"), "category"))
    for frame in (arrow, coded):
        again = conform(TABLES["grades"], frame)
        pd.testing.assert_frame_equal(again.frame, plain)
        assert again.faults == ()


def test_positions_are_counted_in_the_frame_as_given() -> None:
    """Rows are told by their position, whatever the index of the frame."""
    frame = _frame("grades", {}, {"value": 99}, {})
    frame.index = pd.Index([10, 10, 4])
    conformed = conform(TABLES["grades"], frame)
    assert _only_fault(conformed).rows.tolist() == [1]
    assert conformed.frame.index.tolist() == [0, 1, 2]


def test_the_frame_given_is_left_alone() -> None:
    """Conforming changes nothing in the frame that was given."""
    frame = conform(TABLES["grades"], _frame("grades", {}, {"value": 1})).frame
    frame.loc[0, "value"] = 4000.0
    before = frame.copy(deep=True)
    assert _only_fault(conform(TABLES["grades"], frame)).rule == "out_of_range"
    pd.testing.assert_frame_equal(frame, before)
