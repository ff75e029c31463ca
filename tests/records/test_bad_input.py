"""Every bad input of the project's list, through the public door: what came, what was expected, what to do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import decrochage_risk as dr
from decrochage_risk.features import build_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows

    Paragraph = Callable[[object, str, str], dict[str, str]]

Words = tuple[str, str, str]
"""What must stand in ``came``, ``expected`` and ``hint``."""

MARK = {"subject": "maths", "status": "graded", "kind": "assessment", "date": "2024-10-07"}

ERRORS: list[tuple[str, str, dict[str, Any], str, Words]] = [
    # table, writer, cells, rule, and what must stand in came, expected and hint
    ("enrolments", "enrolment", {"without": "level"}, "missing_column",
     ("columns pupil_id, school_year, school_id, start_date", "'level'", "Add the column")),
    ("grades", "grade", {"value": "douze"}, "wrong_type",
     ("row 0 'douze'", "a number", "plain number")),
    ("grades", "grade", {"date": 455}, "wrong_type",
     ("row 0 455", "a day", "spreadsheet")),
    ("enrolments", "enrolment", {"level": "4eme"}, "unknown_choice",
     ("row 0 '4eme'", "4e_segpa", "may be '4e'")),
    ("grades", "grade", {"subject": "math"}, "unknown_choice",
     ("row 0 'math'", "one of french, maths", "'maths'")),
    ("absences", "absence", {"kind": "absense"}, "unknown_choice",
     ("'absense'", "placement", "'absence'")),
    ("grades", "grade", {"status": "Abs", "value": None}, "unknown_choice",
     ("'Abs'", "not_handed_in", "'absent'")),
    ("orientation", "event", {"event": "wishes"}, "unknown_choice",
     ("'wishes'", "council_decision", "'wish'")),
    ("enrolments", "enrolment", {"school_id": "0990001A"}, "bad_check_letter",
     ("row 0 '0990001A'", "0990001 has N", "national directory")),
    ("grades", "grade", {"value": 25}, "value_above_out_of",
     ("row 0 25", "between 0 and out_of", "out_of 100")),
    ("grades", "grade", {"out_of": 0}, "out_of_range",
     ("row 0 0", "more than 0", "such as 20")),
    ("grades", "grade", {"value": "Disp"}, "mark_word",
     ("'Disp'", "an empty cell with the status", "'exempt'")),
    ("grades", "grade", {"value": math.inf}, "not_finite",
     ("row 0 inf", "a finite number", "division by zero")),
    ("grades", "grade", {"value": math.nan}, "graded_without_value",
     ("row 0", "a value where status", "'absent'")),
    ("grades", "grade", {"coefficient": 1e300}, "out_of_range",
     ("1e+300", "between 0 and 100", "huge number")),
    ("absences", "absence", {"half_days": 3}, "out_of_range",
     ("row 0 3", "between 0 and 2", "one row per day")),
    ("absences", "absence", {"half_days": math.nan}, "missing_value",
     ("row 0", "a value in every row", "Fill the cell")),
    ("absences", "absence", {"pupil": "zz"}, "unknown_pupil",
     ("'zz'", "of the table pupils", "same ids")),
    ("grades", "grade", {"pupil": "zz"}, "unknown_pupil",
     ("'zz'", "of the table pupils", "same ids")),
    ("orientation", "event", {"pupil": "zz"}, "unknown_pupil",
     ("'zz'", "of the table pupils", "same ids")),
    ("enrolments", "enrolment", {"end_date": "2024-08-30"}, "end_before_start",
     ("2024-08-30", "on or after start_date", "Swap the two days")),
    ("absences", "absence", {"date": "0025-03-03"}, "out_of_range",
     ("'0025-03-03'", "1990-01-01", "write four")),
    ("enrolments", "enrolment", {"start_date": "0025-09-01"}, "out_of_range",
     ("'0025-09-01'", "1990", "write four")),
    ("enrolments", "enrolment", {"school_year": 10**30}, "out_of_range",
     ("10000", "between 1990", "huge number")),
    ("enrolments", "enrolment", {"school_year": math.inf}, "not_finite",
     ("inf", "a finite number", "correct")),
    ("absences", "absence", {"date": "2024-02-30"}, "bad_date",
     ("'2024-02-30'", "a day", "four digits")),
]  # fmt: skip


def cells_of(rows: Rows, writer: str, cells: dict[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = getattr(rows, writer)(**cells)
    return written


def check_words(said: dict[str, str], words: Words) -> None:
    for name, part in zip(("came", "expected", "hint"), words, strict=True):
        assert part in said[name]


@pytest.mark.parametrize(
    ("table", "writer", "cells", "rule", "words"),
    ERRORS,
    ids=[f"{table}-{rule}-{n}" for n, (table, _, _, rule, _) in enumerate(ERRORS)],
)
def test_each_error_says_what_came_what_was_expected_and_what_to_do(
    rows: Rows, paragraph: Paragraph, table: str, writer: str, cells: dict[str, Any], rule: str, words: Words
) -> None:
    """A bad cell or column is refused with what came, what was expected and what to do."""
    bad = cells_of(rows, writer, cells)
    others = [rows.enrolment("b", without=cells.get("without", ""))] if table == "enrolments" else []
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**rows.tables(**{table: [bad, *others]}))
    check_words(paragraph(caught.value, rule, table), words)


@pytest.mark.parametrize(
    ("table", "writer", "cells", "rule"),
    [(table, writer, cells, rule) for table, writer, cells, rule, *_ in ERRORS if "without" not in cells],
)
def test_quarantine_sets_the_bad_row_aside_and_loses_nobody(
    rows: Rows, table: str, writer: str, cells: dict[str, Any], rule: str
) -> None:
    """Set aside, a bad row is gone from its table, counted for its pupil, reported, and every pupil is still there."""
    good, bad = cells_of(rows, writer, {"pupil": "b"}), cells_of(rows, writer, cells)
    records = dr.PupilRecords(**rows.tables(**{table: [bad, good]}), on_fault="quarantine")
    kept = getattr(records, table)
    assert kept["pupil_id"].tolist() == ["b"]
    assert records.faults.errors.counts == {(table, rule): 1}
    assert records.set_aside.to_dict() == {"a": 0 if bad["pupil_id"] == "zz" else 1, "b": 0}
    assert build_features(records, "2025-01-20").index.tolist() == ["a", "b"]


def test_two_rows_that_make_three_half_days_are_refused(rows: Rows, paragraph: Paragraph) -> None:
    """Half-days of one pupil and day above 2 are an error that names every row of that day."""
    twice = [rows.absence(half_days=2), rows.absence(half_days=1, kind="exclusion")]
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**rows.tables(absences=twice))
    said = paragraph(caught.value, "too_many_half_days", "absences")
    assert said["came"] == "row 0 2, row 1 1"
    assert "at most 2 half-days" in said["expected"]
    assert "Keep the rows that are true" in said["hint"]


def test_a_pupil_given_twice_is_refused_and_quarantined_once(rows: Rows, paragraph: Paragraph) -> None:
    """A duplicate pupil is an error; set aside, the pupil is there once and the other row is counted."""
    pupils = [{"pupil_id": "a", "sex": "F"}, {"pupil_id": "b"}, {"pupil_id": "a", "sex": "M"}]
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**rows.tables() | {"pupils": pupils})
    said = paragraph(caught.value, "duplicate_pupil", "pupils")
    assert said["came"] == "row 2 'a'"
    assert said["expected"] == "one row per pupil"
    assert "contradict each other" in said["hint"]
    records = dr.PupilRecords(**rows.tables() | {"pupils": pupils}, on_fault="quarantine")
    assert sorted(records.pupils["pupil_id"]) == ["a", "b"]
    assert records.set_aside.to_dict() == {"a": 1, "b": 0}


def test_two_enrolments_open_on_one_day_are_refused(rows: Rows, paragraph: Paragraph) -> None:
    """Two enrolments open on one day are an error; in quarantine the newest counts from its first day on."""
    moved = rows.enrolment(start_date="2024-11-04", school_id=rows.schools[1])
    enrolments = [rows.enrolment(), moved, rows.enrolment("b")]
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**rows.tables(enrolments=enrolments))
    said = paragraph(caught.value, "overlapping_enrolments", "enrolments")
    assert said["came"] == "row 1 2024-11-04"
    assert "no day" in said["expected"]
    assert "End the earlier enrolment" in said["hint"]
    records = dr.PupilRecords(**rows.tables(enrolments=enrolments), on_fault="quarantine")
    days = {"2024-11-04": 0, "2024-11-05": 1}
    for day, school in days.items():
        known = records.known_on(day)
        assert known.school_ids[known.school[0]] == rows.schools[school]


def test_faults_of_all_tables_come_in_one_report(rows: Rows) -> None:
    """Faults of cells, rows, tables and links between tables, of six tables, come at once with their counts."""
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(
            pupils=[{"pupil_id": "a", "birth_date": "0025-01-01"}, {"pupil_id": "b"}, {"pupil_id": "b"}],
            enrolments=[rows.enrolment(level="4eme"), rows.enrolment("b"), rows.enrolment("b")],
            absences=[rows.absence(half_days=3), rows.absence("zz")],
            grades=[rows.grade(value=25), rows.grade(value="NN")],
            orientation=[rows.event(without="date")],
            coverage=[{"table": "absences", "start": "2024-09-01", "end": "2024-10-01"}],
        )
    assert caught.value.report.errors.counts == {
        ("pupils", "out_of_range"): 1, ("pupils", "duplicate_pupil"): 1,
        ("enrolments", "unknown_choice"): 1, ("enrolments", "overlapping_enrolments"): 1,
        ("absences", "out_of_range"): 1, ("absences", "unknown_pupil"): 1,
        ("grades", "value_above_out_of"): 1, ("grades", "mark_word"): 1,
        ("orientation", "missing_column"): 1, ("coverage", "covers_nobody"): 1,
    }  # fmt: skip
    assert str(caught.value).startswith("10 errors in the records")


def test_a_pupil_with_a_blanked_cell_is_kept(rows: Rows) -> None:
    """A bad birth date is blanked and counted, and its pupil is scored like one whose date is not known."""
    bad = rows.tables() | {"pupils": [{"pupil_id": "a", "birth_date": "0025-01-01"}, {"pupil_id": "b"}]}
    records = dr.PupilRecords(**bad, on_fault="quarantine")
    assert records.pupils["birth_date"].isna().tolist() == [True, True]
    assert records.set_aside.to_dict() == {"a": 1, "b": 0}
    blank = dr.PupilRecords(**rows.tables())
    pd.testing.assert_frame_equal(build_features(records, "2025-01-20"), build_features(blank, "2025-01-20"))


def test_a_table_that_cannot_be_used_is_not_known_after_quarantine(rows: Rows) -> None:
    """A table without a required column is reported and becomes not known: never a table without rows."""
    records = dr.PupilRecords(**rows.tables(absences=[rows.absence(without="kind")]), on_fault="quarantine")
    assert records.absences is None
    assert records.faults.errors.counts == {("absences", "missing_column"): 1}
    assert build_features(records, "2025-01-20")["unjustified_half_days_year"].isna().all()


@pytest.mark.parametrize("empty", [[], pd.DataFrame(), pl.DataFrame()], ids=["list", "pandas", "polars"])
@pytest.mark.parametrize("on_fault", ["raise", "quarantine"])
@pytest.mark.parametrize("table", ["pupils", "enrolments"])
def test_empty_required_tables_are_refused(
    rows: Rows, paragraph: Paragraph, table: str, on_fault: str, empty: object
) -> None:
    """Without a row in a required table there is nobody to score: refused even under quarantine."""
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**rows.tables() | {table: empty}, on_fault=on_fault)
    said = paragraph(caught.value, "empty_table", table)
    assert said["came"] == "0 rows"
    assert said["expected"] == "at least one row"
    assert "nobody to score" in said["hint"]


def test_empty_tables_of_events_mean_known_and_no_rows(rows: Rows) -> None:
    """An empty table of events is known: no absence is 0 half-days, whereas an absent table is missing."""
    none_at_all = dr.PupilRecords(**rows.tables(absences=[], grades=[], orientation=[]))
    features = build_features(none_at_all, "2025-01-20")
    assert (features["unjustified_half_days_year"] == 0).all()
    assert features["mean_grade_year"].isna().all()
    unknown = build_features(dr.PupilRecords(**rows.tables()), "2025-01-20")
    assert unknown["unjustified_half_days_year"].isna().all()


def test_a_single_pupil_without_any_event_has_features(rows: Rows) -> None:
    """One pupil alone, with no event at all, has the features of an enrolment and nothing more."""
    features = build_features(dr.PupilRecords(**rows.tables("a")), "2025-01-20")
    assert features.shape[0] == 1
    assert features.loc["a", "school_changes_3y"] == 0
    assert math.isnan(features.loc["a", "absence_rate_year"])


@pytest.mark.parametrize("pupil_id", ["élève 7", "Zoë n° 3", "🎒", "№ 7 ŒUVRE", "0001", "x" * 256])
def test_ids_may_hold_accents_inner_spaces_and_emoji(rows: Rows, pupil_id: str) -> None:
    """An id is opaque: accents, inner spaces, emoji and leading zeros come back as they were."""
    tables = rows.tables() | {
        "pupils": [{"pupil_id": pupil_id}],
        "enrolments": [rows.enrolment(pupil_id)],
        "absences": [rows.absence(pupil_id)],
    }
    features = build_features(dr.PupilRecords(**tables), "2025-01-20")
    assert features.index.tolist() == [pupil_id]
    assert features.loc[pupil_id, "unjustified_half_days_year"] == 1


@pytest.mark.parametrize(
    ("pupil_id", "rule", "words"),
    [
        ("x" * 10_000, "too_long", ("(10000 characters)", "at most 256", "which column was read")),
        (" a", "bad_pattern", ("' a'", "without a blank at either end", "Trim the text")),
        (None, "missing_value", ("row 0", "a value in every row", "Fill the cell")),
        (1.5, "wrong_type", ("1.5", "text", "leading zeros")),
    ],
)
def test_ids_that_cannot_be_used_are_refused(
    rows: Rows, paragraph: Paragraph, pupil_id: object, rule: str, words: Words
) -> None:
    """An id of 10,000 characters, with a blank at an end, missing or read as a number is refused and not echoed whole."""
    tables = rows.tables() | {"pupils": [{"pupil_id": pupil_id}, {"pupil_id": "a"}, {"pupil_id": "b"}]}
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords(**tables)
    check_words(paragraph(caught.value, rule, "pupils"), words)
    assert len(str(caught.value)) < 2_000


WARNINGS: list[tuple[str, list[dict[str, Any]], str, str]] = [
    ("identical_rows", [{}, {}], "row 1", "extract was not appended twice"),
    ("outside_enrolment", [{"date": "2024-08-30"}], "2024-08-30", "the row is kept"),
    ("no_school_day", [{"date": "2024-10-06"}], "2024-10-06", "Check the date"),
    ("no_school_day", [{"date": "2024-11-11"}], "2024-11-11", "Check the date"),
    ("no_school_day", [{"date": "2024-12-24"}], "2024-12-24", "Check the date"),
    ("beyond_the_day", [{"date": "2024-10-09", "half_days": 2}], "row 0 2", "count for what the day holds"),
    ("no_justified_on", [{"without": "justified_on"}], "no such column", "Extract the day"),
]


@pytest.mark.parametrize(("rule", "absences", "came", "hint"), WARNINGS)
def test_odd_rows_are_kept_reported_and_counted(
    rows: Rows, paragraph: Paragraph, rule: str, absences: list[dict[str, Any]], came: str, hint: str
) -> None:
    """Rows that are odd but may be true are kept, and the report says what is odd about them."""
    records = dr.PupilRecords(**rows.tables(absences=[rows.absence(**cells) for cells in absences]))
    assert records.absences is not None
    assert len(records.absences) == len(absences)
    assert not records.faults.errors
    assert records.faults.warnings.counts["absences", rule] == 1
    said = paragraph(records.faults, rule, "absences")
    assert came in said["came"]
    assert hint in said["hint"]
    assert records.set_aside.sum() == 0


@pytest.mark.parametrize(
    ("as_of", "error", "words"),
    [
        ("2031-01-20", dr.CalendarError, ("2031-01-20", "a calendar that holds the school year", "from_csv")),
        ("2015-01-20", dr.CalendarError, ("2015-01-20", "a calendar that holds the school year", "from_csv")),
        ("0025-01-20", dr.CalendarError, ("0025-01-20", "a calendar that holds the school year", "from_csv")),
        ("2024-09-02", dr.AsOfError, ("first on 2024-09-02", "after the start of at least one", "Check the as-of date")),
        ("20/01/2025", dr.AsOfError, ("'20/01/2025'", "ISO text", "year-month-day")),
        (math.nan, dr.AsOfError, ("nan", "a date", "year-month-day")),
        (None, dr.AsOfError, ("None", "a date", "year-month-day")),
    ],
)  # fmt: skip
def test_as_of_dates_that_cannot_be_used_are_refused(
    rows: Rows, as_of: object, error: type[Exception], words: Words
) -> None:
    """An as-of outside the calendar, before every enrolment, or that is no day, is refused by every door."""
    records = dr.PupilRecords(**rows.tables())
    for door in (records.known_on, lambda day: build_features(records, day)):
        with pytest.raises(error) as caught:
            door(as_of)
        for line, part in zip(str(caught.value).split("\n"), words, strict=True):
            assert part in line


def test_json_and_tables_give_the_same_faults(rows: Rows) -> None:
    """A payload is checked like tables: its faults come in one report."""
    enrolment = {name: cell for name, cell in rows.enrolment().items() if name != "pupil_id"}
    absence = {name: cell for name, cell in rows.absence(half_days=3).items() if name != "pupil_id"}
    payload = [
        {"pupil_id": "a", "enrolments": [enrolment | {"level": "4eme"}], "absences": [absence]},
        {"pupil_id": "b", "sex": "X", "enrolments": [enrolment]},
    ]
    with pytest.raises(dr.FaultyRecordsError) as caught:
        dr.PupilRecords.from_json(payload)
    assert caught.value.report.errors.counts == {
        ("pupils", "unknown_choice"): 1, ("enrolments", "unknown_choice"): 1, ("absences", "out_of_range"): 1,
    }  # fmt: skip
    records = dr.PupilRecords.from_json(payload, on_fault="quarantine")
    assert records.set_aside.to_dict() == {"a": 2, "b": 1}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300])
def test_no_number_reaches_a_feature_unchecked(rows: Rows, value: float) -> None:
    """Whatever number stands in a mark, no feature is infinite or huge."""
    tables = rows.tables(grades=[rows.grade(), rows.grade(value=value), rows.grade("b", coefficient=value)])
    features = build_features(dr.PupilRecords(**tables, on_fault="quarantine"), "2025-01-20")
    assert (features.fillna(0).abs() < 1_000).all(axis=None)
