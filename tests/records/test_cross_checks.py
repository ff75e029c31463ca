"""The checks between rows and between tables."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import RecordsWarning
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.checks import conform, cross_check
from decrochage_risk.records.cross_checks import _alike_ids, alike_id, first_days_of_years
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from decrochage_risk.records.faults import FaultGroup

CALENDAR = SchoolCalendar.for_zone("B")
STAY = {
    "pupil_id": "a",
    "school_year": 2024,
    "school_id": "0990001N",
    "level": "3e",
    "start_date": "2024-09-02",
}
ABSENCE = {"pupil_id": "a", "date": "2024-10-01", "half_days": 1, "kind": "absence"}
MARK = {
    "pupil_id": "a",
    "date": "2024-10-01",
    "subject": "maths",
    "value": 12,
    "status": "graded",
    "kind": "assessment",
}


def _frames(**tables: Sequence[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    given_tables = {"pupils": [{"pupil_id": "a"}, {"pupil_id": "b"}], "enrolments": [STAY], **tables}
    frames = {}
    for name, rows in given_tables.items():
        conformed = conform(TABLES[name], pd.DataFrame(list(rows)))
        assert conformed.faults == ()
        frames[name] = conformed.frame
    return frames


def _faults(**tables: Sequence[dict[str, Any]]) -> list[FaultGroup]:
    return cross_check(_frames(**tables), CALENDAR)


def _only_fault(**tables: Sequence[dict[str, Any]]) -> FaultGroup:
    (fault,) = _faults(**tables)
    assert fault.expected
    assert "{" not in fault.expected + fault.hint
    return fault


def _came(fault: FaultGroup) -> list[object]:
    return list(fault.values)


def test_good_records_have_no_fault() -> None:
    """One enrolled pupil with an absence, marks, an orientation event and an outcome has no fault."""
    wish = {"pupil_id": "a", "date": "2025-03-03", "event": "wish", "rank": 1}
    outcome = {"pupil_id": "a", "school_year": 2024, "outcome": "continued"}
    assert _faults(absences=[ABSENCE], grades=[MARK], orientation=[wish], outcomes=[outcome]) == []


def test_empty_frames_and_a_single_pupil() -> None:
    """A single pupil without any event, and tables without any row, are no faults."""
    assert _faults(pupils=[{"pupil_id": "a"}]) == []
    frames = _frames(pupils=[{"pupil_id": "a"}])
    for name, table in TABLES.items():
        if not table.mandatory:
            frames[name] = conform(table, pd.DataFrame()).frame
    assert cross_check(frames, CALENDAR) == []
    empty = {name: conform(table, pd.DataFrame()).frame for name, table in TABLES.items()}
    assert cross_check(empty, CALENDAR) == []


def test_missing_and_unknown_tables() -> None:
    """A mandatory table that is not there and a table of unknown name are errors that name the known ones."""
    frames = _frames()
    frames["abscences"] = frames.pop("enrolments")
    missing, unknown = cross_check(frames, CALENDAR)
    assert (missing.table, missing.rule, missing.severity) == ("enrolments", "missing_table", "error")
    assert "abscences" in str(_came(missing)[0])
    assert (unknown.table, unknown.rule, unknown.severity) == ("abscences", "unknown_table", "error")
    assert "did you mean 'absences'?" in unknown.hint
    assert [fault.table for fault in cross_check({}, CALENDAR)] == ["pupils", "enrolments"]


def test_duplicate_pupils_identical_and_conflicting() -> None:
    """Of a pupil given twice the first in the order of all columns is kept; the hint says whether the rows agree."""
    pupils = [
        {"pupil_id": "a", "birth_date": "2009-02-01"},
        {"pupil_id": "b", "birth_date": "2009-03-01"},
        {"pupil_id": "a", "birth_date": "2009-01-01"},
        {"pupil_id": "b", "birth_date": "2009-03-01"},
    ]
    identical, conflicting = _faults(pupils=pupils)
    assert {identical.rule, conflicting.rule} == {"duplicate_pupil"}
    assert {identical.severity, conflicting.severity} == {"error"}
    assert (identical.rows.tolist(), conflicting.rows.tolist()) == ([3], [0])
    assert "identical" in identical.hint
    assert "contradict" in conflicting.hint


def test_unknown_pupils_of_every_table() -> None:
    """Rows of a pupil who is not in pupils are an error in every table about pupils, with the id and the remedy."""
    ghost = {"pupil_id": "z"}
    outcome = {"pupil_id": "z", "school_year": 2024, "outcome": "continued"}
    coverage = {"pupil_id": "z", "table": "grades", "start": "2024-09-01", "end": "2025-08-31"}
    wish = {"pupil_id": "z", "date": "2025-03-03", "event": "wish"}
    faults = _faults(
        enrolments=[STAY, STAY | ghost],
        absences=[ABSENCE | ghost],
        grades=[MARK, MARK | ghost],
        orientation=[wish],
        outcomes=[outcome],
        coverage=[coverage],
    )
    assert {fault.rule for fault in faults} == {"unknown_pupil"}
    assert [fault.table for fault in faults] == [name for name in TABLES if name not in {"pupils", "context"}]
    assert [fault.rows.tolist() for fault in faults] == [[1], [0], [1], [0], [0], [0]]
    assert all(_came(fault) == ["z"] and "leading zeros" in fault.hint for fault in faults)


def test_two_enrolments_on_one_day() -> None:
    """Two enrolments open on one day are an error of the later one; without an end the first lasts until 31 August."""
    other = STAY | {"school_id": "0595121W", "start_date": "2024-11-04"}
    fault = _only_fault(enrolments=[other, STAY])
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("overlapping_enrolments", "error", [0])
    assert "31 August" in fault.hint
    assert _only_fault(enrolments=[STAY | {"end_date": "2024-11-04"}, other]).rows.tolist() == [1]
    assert _faults(enrolments=[STAY | {"end_date": "2024-11-03"}, other]) == []
    next_year = STAY | {"school_year": 2025, "level": "2de_gt", "start_date": "2025-09-01"}
    assert _faults(enrolments=[STAY, next_year, STAY | {"pupil_id": "b"}]) == []


def test_an_enrolment_is_not_blamed_for_one_that_is_left_out() -> None:
    """A third enrolment that shares days only with a second, faulty one stays."""
    enrolments = [
        STAY | {"end_date": "2024-11-30"},
        STAY | {"start_date": "2024-11-01", "end_date": "2025-03-31"},
        STAY | {"start_date": "2025-01-06"},
    ]
    assert _only_fault(enrolments=enrolments).rows.tolist() == [1]


stays = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.one_of(st.none(), st.integers(0, 20))), max_size=8
)


@settings(max_examples=30)
@given(stays, st.randoms(use_true_random=False))
def test_what_is_left_never_overlaps_and_order_does_not_matter(
    drawn: list[tuple[str, int, int | None]], random: Random
) -> None:
    """Reported enrolments share a day with an earlier one, the others at most the day of a transfer, in any order."""
    start = np.datetime64("2024-09-02")
    rows = [
        STAY
        | {
            "pupil_id": pupil,
            "start_date": str(start + day),
            "end_date": None if length is None else str(start + day + length),
        }
        for pupil, day, length in drawn
    ]
    if not rows:
        return

    def left_out(enrolments: list[dict[str, Any]]) -> set[int]:
        found = [fault for fault in _faults(enrolments=enrolments) if fault.rule == "overlapping_enrolments"]
        return {int(row) for fault in found for row in fault.rows}

    out = left_out(rows)
    days = [
        {(row["pupil_id"], row["start_date"])}
        if row["end_date"] == row["start_date"]
        else {
            (row["pupil_id"], str(day))
            for day in np.arange(
                np.datetime64(row["start_date"]), np.datetime64(row["end_date"] or "2025-08-31") + 1
            )
        }
        for row in rows
    ]
    kept = [place for place in range(len(rows)) if place not in out]

    def shared(one: int, two: int) -> set[tuple[str, str]]:
        """Days that two stays share, but for the day of a transfer: the first of the one, the last of the other."""
        earlier, later = sorted((rows[one], rows[two]), key=lambda row: str(row["start_date"]))
        first = later["start_date"]
        both = days[one] & days[two]
        is_transfer = earlier["end_date"] == first != earlier["start_date"]
        return both - {(later["pupil_id"], first)} if is_transfer else both

    assert all(not shared(one, two) for one in kept for two in kept if one < two)
    for place in out:
        assert any(
            shared(place, other) and rows[other]["start_date"] <= rows[place]["start_date"] for other in kept
        )
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = left_out([rows[place] for place in order])
    key = lambda row: (row["pupil_id"], row["start_date"], row["end_date"] or "")  # noqa: E731 - one line, used once
    assert sorted(key(rows[order[place]]) for place in shuffled) == sorted(key(rows[place]) for place in out)


def test_start_outside_the_school_year() -> None:
    """A start outside 1 September to 31 August of its school year is a warning; the edges are inside."""
    for start, outside in (
        ("2024-08-31", True),
        ("2024-09-01", False),
        ("2025-08-31", False),
        ("2025-09-01", True),
    ):
        faults = _faults(enrolments=[STAY | {"start_date": start}])
        assert [fault.rule for fault in faults] == (["outside_school_year"] if outside else [])
        assert all(fault.severity == "warning" and "2024-25" in fault.hint for fault in faults)


def test_unlikely_ages() -> None:
    """A pupil of 6 or of 30 at the start of the school year is a warning, one of 8 to 25 is none."""
    for born, unlikely in (
        ("2018-09-01", True),
        ("2016-09-01", False),
        ("1999-05-05", False),
        ("1994-01-01", True),
    ):
        faults = _faults(pupils=[{"pupil_id": "a", "birth_date": born}])
        assert [(fault.rule, fault.severity) for fault in faults] == (
            [("unlikely_age", "warning")] if unlikely else []
        )


def test_identical_rows() -> None:
    """Rows that repeat another in every column are a warning that names the repeats, not the first."""
    rows = [MARK, MARK | {"value": 13}, MARK, MARK | {"pupil_id": "b"}, MARK]
    stays_of_both = [STAY, STAY | {"pupil_id": "b"}]
    fault = _only_fault(enrolments=stays_of_both, grades=rows)
    assert (fault.table, fault.rule, fault.severity) == ("grades", "identical_rows", "warning")
    assert fault.rows.tolist() == [2, 4]
    assert _came(fault) == ["a on 2024-10-01"] * 2
    lateness = ABSENCE | {"kind": "lateness", "half_days": 0}
    assert _only_fault(absences=[lateness, lateness]).rows.tolist() == [1]


def test_rows_outside_an_enrolment() -> None:
    """A row before, between or after the enrolments of its pupil is a warning; the first and last day are inside."""
    enrolments = [
        STAY | {"end_date": "2024-09-30"},
        STAY | {"start_date": "2024-11-04", "end_date": "2025-01-31"},
    ]
    days = ["2024-09-01", "2024-09-02", "2024-09-30", "2024-10-01", "2024-11-04", "2025-01-31", "2025-02-03"]
    grades = [MARK | {"date": day} for day in days] + [MARK | {"pupil_id": "b"}]
    fault = _only_fault(enrolments=enrolments, grades=grades)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("outside_enrolment", "warning", [0, 3, 6, 7])
    assert "the row is kept" in fault.hint


def test_no_justified_on_column() -> None:
    """Absences that came without the column justified_on are a warning about the training that they would give."""
    frames = _frames(absences=[ABSENCE])
    (fault,) = cross_check(frames, CALENDAR, missing_optional={"absences": ("justified_on",)})
    assert (fault.rule, fault.severity, fault.column) == ("no_justified_on", "warning", "justified_on")
    assert "training looks more justified" in fault.hint
    assert cross_check(_frames(), CALENDAR, missing_optional={"absences": ("justified_on",)}) == []


def test_duplicate_outcomes() -> None:
    """Two outcomes of a pupil and school year are an error; another year is another outcome."""
    outcome = {"pupil_id": "a", "school_year": 2024, "outcome": "graduated"}
    rows = [outcome, outcome | {"outcome": "continued"}, outcome | {"school_year": 2023}]
    fault = _only_fault(outcomes=rows)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("duplicate_outcome", "error", [0])
    assert "contradict" in fault.hint
    assert "identical" in _only_fault(outcomes=[outcome, outcome]).hint


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (["left_without_diploma", "continued"], "unknown"),
        (["continued", "left_without_diploma", "left_without_diploma"], "unknown"),
        (["graduated", "unknown"], "unknown"),
        (["left_without_diploma", "left_without_diploma"], "left_without_diploma"),
    ],
)
def test_outcomes_that_contradict_each_other_are_unknown(told: list[str], kept: str) -> None:
    """A quarantine keeps one row of each pupil and year, which tells none of two outcomes, whatever the order of the rows."""
    rows = [{"pupil_id": "a", "school_year": 2024, "outcome": one, "date": "2025-02-01"} for one in told]
    rows.append({"pupil_id": "b", "school_year": 2024, "outcome": "continued", "date": None})
    pupils = [{"pupil_id": "a"}, {"pupil_id": "b"}]
    for outcomes in (rows, rows[::-1]):
        records = PupilRecords(
            pupils=pupils,
            enrolments=[{**STAY, "pupil_id": pupil["pupil_id"]} for pupil in pupils],
            outcomes=outcomes,
            on_fault="quarantine",
        )
        table = records.outcomes
        assert table is not None
        own = table[table["pupil_id"] == "a"]
        assert own["outcome"].tolist() == [kept]
        assert own["date"].isna().tolist() == [kept == "unknown"]
        assert table.loc[table["pupil_id"] == "b", "outcome"].tolist() == ["continued"]
        assert records.faults.counts == {("outcomes", "duplicate_outcome"): len(told) - 1}


@pytest.mark.parametrize(
    ("day", "start", "end", "told"),
    [
        (None, "2025-09-01", None, True),
        (None, "2025-11-01", None, True),
        (None, "2025-11-02", None, False),
        (None, "2025-09-01", "2025-10-31", False),
        (None, "2025-09-01", "2025-11-01", True),
        ("2025-03-01", "2025-09-01", None, True),
        ("2025-10-15", "2025-09-01", None, False),
        ("2025-12-15", "2025-09-01", None, False),
    ],
)
def test_a_leaver_who_is_enrolled_after_it_is_told(
    day: str | None, start: str, end: str | None, *, told: bool
) -> None:
    """A stay of a later year, begun after the leaving and open on 1 November, is a warning, known from its first day on."""
    stays = [
        {**STAY, "pupil_id": pupil, "school_year": year, "start_date": first, "end_date": last}
        for pupil in "ab"
        for year, first, last in ((2024, "2024-09-02", None), (2025, start, end))
    ]
    outcomes = [
        {"pupil_id": "a", "school_year": 2024, "outcome": "left_without_diploma", "date": day},
        {"pupil_id": "b", "school_year": 2024, "outcome": "continued", "date": None},
    ]
    tables = {"pupils": [{"pupil_id": "a"}, {"pupil_id": "b"}], "enrolments": stays, "outcomes": outcomes}
    records = PupilRecords(**tables)
    assert records.faults.counts == ({("enrolments", "left_but_enrolled"): 1} if told else {})
    if told:
        (group,) = records.faults.groups
        assert (group.severity, group.rows.tolist()) == ("warning", [1])
        assert group.known is not None
        assert group.known.astype("datetime64[D]").astype(str).tolist() == [start]
        with pytest.warns(RecordsWarning, match="left_but_enrolled"):
            outcomes_for(PupilRecords(**{**tables, "outcomes": None}), outcomes)


def test_duplicate_context() -> None:
    """Two values of one school, measure and day are an error, a class or subject missing too; another class is none."""
    value = {
        "as_of": "2025-01-06",
        "school_id": "0990001N",
        "measure": "mean_grade_year",
        "value": 11,
        "pupils": 30,
    }
    rows = [value, value | {"value": 12}, value | {"class_id": "A"}, value | {"subject": "maths"}]
    fault = _only_fault(context=rows)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("duplicate_context", "error", [1])
    assert "contradict" in fault.hint
    assert "identical" in _only_fault(context=[value, value]).hint


def test_coverage_of_an_unknown_school() -> None:
    """A coverage that names a school without any enrolment is a warning."""
    span = {"table": "grades", "start": "2024-09-01", "end": "2025-08-31"}
    rows = [span | {"school_id": "0990001N"}, span | {"school_id": "0595121W"}]
    fault = _only_fault(coverage=rows)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("unknown_school", "warning", [1])


def test_rows_are_told_by_their_index() -> None:
    """After rows were left out, faults still name the rows by where they stood at first."""
    frames = _frames(grades=[MARK, MARK | {"pupil_id": "z"}, MARK | {"value": 3}, MARK | {"pupil_id": "y"}])
    frames["grades"] = frames["grades"].drop(index=[1])
    (fault,) = cross_check(frames, CALENDAR)
    assert (fault.rule, fault.rows.tolist()) == ("unknown_pupil", [3])


def test_columns_in_several_chunks() -> None:
    """Text columns that come in several Arrow chunks, as from a Parquet file of several row groups, are read alike."""
    pieces = [pd.DataFrame({"pupil_id": pd.Series([name], dtype="str")}) for name in "ab"]
    table = pa.concat_tables([pa.Table.from_pandas(piece) for piece in pieces])
    pupils = conform(TABLES["pupils"], table.to_pandas()).frame
    marks = pa.concat_tables([pa.Table.from_pylist([MARK | {"pupil_id": name}]) for name in "abz"])
    grades = conform(TABLES["grades"], marks.to_pandas()).frame
    (fault, *_) = cross_check(_frames() | {"pupils": pupils, "grades": grades}, CALENDAR)
    assert (fault.rule, fault.rows.tolist()) == ("unknown_pupil", [2])


def test_blanked_cells_are_not_reported_again() -> None:
    """Rows whose id, day, level or kind could not be read bring no further fault."""
    frames = _frames(absences=[ABSENCE], grades=[MARK, MARK])
    for name in ("enrolments", "absences", "grades"):
        frames[name].loc[:, :] = np.nan
    assert cross_check(frames, CALENDAR) == []


def test_school_years_begin_on_the_first_of_september() -> None:
    """Every year that a cell may hold begins on its 1 September, leap years included; a missing year on no day."""
    years = np.arange(1990, 2102)
    expected = [(date(year, 9, 1) - date(1970, 1, 1)).days for year in years.tolist()]
    assert first_days_of_years(np.append(years, np.nan).astype(np.float64)).tolist() == [*expected, 0]


@given(
    st.lists(st.text(st.sampled_from("0aAéÉ1 \t\n\x1c\u00a0"), max_size=4), max_size=5)
    | st.lists(st.text("0aA1"))
)
def test_ids_are_alike_one_by_one_or_all_at_once(words: list[str]) -> None:
    """What an export may lose is left out of many ids as it is of each, whatever blanks, zeros and accents they hold."""
    assert _alike_ids(words) == [alike_id(word) for word in words]
