"""Laws of coverage: a day outside the extract is not known, and never a day without rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decrochage_risk as dr
from decrochage_risk.features import build_features

if TYPE_CHECKING:
    from conftest import Row, Rows

AS_OF = date(2025, 1, 20)
TABLES = ("absences", "grades", "orientation")
SPAN = tuple[str | None, str | None, str, str]


def span(
    school: str | None = None, pupil: str | None = None, start: str = "2024-09-01", end: str = "2025-07-31",
    table: str = "absences",
) -> Row:  # fmt: skip
    return {"school_id": school, "pupil_id": pupil, "table": table, "start": start, "end": end}


def number(day: str | date) -> int:
    return (date.fromisoformat(str(day)) - date(1970, 1, 1)).days


def missing(records: dr.PupilRecords, first: str, after: str, table: str = "absences") -> list[bool]:
    unknown: list[bool] = records.known_on(AS_OF).not_covered(table, number(first), number(after)).tolist()
    return unknown


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([("s0", None, "2024-09-01", "2025-07-31")], False),
        ([("s0", None, "2024-10-01", "2024-10-31")], False),
        ([("s0", None, "2024-10-02", "2024-10-31")], True),
        ([("s0", None, "2024-10-01", "2024-10-30")], True),
        ([("s1", None, "2024-09-01", "2025-07-31")], True),
        ([(None, "a", "2024-09-01", "2025-07-31")], False),
        ([(None, "b", "2024-09-01", "2025-07-31")], True),
        ([("s0", None, "2024-10-01", "2024-10-15"), ("s0", None, "2024-10-16", "2024-10-31")], False),
        ([("s0", None, "2024-10-01", "2024-10-15"), ("s0", None, "2024-10-17", "2024-10-31")], True),
        ([("s0", None, "2024-10-01", "2024-10-20"), (None, "a", "2024-10-10", "2024-10-31")], False),
        ([("s0", None, "2024-09-01", "2024-12-31"), ("s0", None, "2024-10-05", "2024-10-08")], False),
        ([("s0", None, "2024-10-20", "2024-10-31"), ("s0", None, "2024-09-01", "2024-10-12")], True),
        ([("s0", None, "2024-10-01", "2024-10-15"), ("s0", None, "2024-10-10", "2024-10-30")], True),
    ],
)  # fmt: skip
def test_a_window_is_known_when_spans_hold_each_of_its_days(
    rows: Rows, *, spans: list[SPAN], expected: bool
) -> None:
    """October is known when school and pupil spans, overlapping or side by side, hold all of its days."""
    schools = {"s0": rows.schools[0], "s1": rows.schools[1], None: None}
    coverage = [span(schools[school], pupil, start, end) for school, pupil, start, end in spans]
    records = dr.PupilRecords(**rows.tables("a", absences=[], coverage=coverage), on_fault="quarantine")
    if any(pupil == "b" for _, pupil, *_ in spans):
        assert records.faults.errors.counts == {("coverage", "unknown_pupil"): 1}
    assert missing(records, "2024-10-01", "2024-11-01") == [expected]


def test_only_the_tables_that_coverage_names_are_restricted(rows: Rows) -> None:
    """A table that no row of coverage names covers everyone."""
    coverage = [span(rows.schools[1], table="grades")]
    records = dr.PupilRecords(**rows.tables("a", absences=[], grades=[], coverage=coverage))
    assert missing(records, "2024-10-01", "2024-11-01", "absences") == [False]
    assert missing(records, "2024-10-01", "2024-11-01", "grades") == [True]
    features = build_features(records, AS_OF).loc["a"]
    assert features["unjustified_half_days_year"] == 0
    assert pd.isna(features["missed_assessments_12w"])


def test_a_mover_is_known_where_the_extract_holds_the_school(rows: Rows) -> None:
    """Of a pupil who left a covered school for another, the days in the first are known, those in the second not."""
    enrolments = [
        rows.enrolment(end_date="2024-11-30"),
        rows.enrolment(start_date="2024-12-01", school_id=rows.schools[1]),
    ]
    coverage = [span(rows.schools[0])]
    absences = [rows.absence(date="2024-11-18"), rows.absence(date="2025-01-13")]
    records = dr.PupilRecords(**rows.tables("a", enrolments=enrolments, absences=absences, coverage=coverage))
    assert missing(records, "2024-10-01", "2024-12-01") == [False]
    assert missing(records, "2024-11-30", "2024-12-02") == [True]
    before_the_move = build_features(records, "2024-11-25").loc["a"]
    assert before_the_move["unjustified_half_days_4w"] == 1
    assert pd.isna(build_features(records, AS_OF).loc["a", "unjustified_half_days_4w"])


def test_days_without_enrolment_need_no_coverage(rows: Rows) -> None:
    """Nothing is missing on days on which a pupil was enrolled nowhere."""
    enrolments = [rows.enrolment(start_date="2024-11-04")]
    records = dr.PupilRecords(
        **rows.tables(
            "a", enrolments=enrolments, absences=[], coverage=[span(rows.schools[0], start="2024-11-04")]
        )
    )
    assert missing(records, "2024-09-01", "2025-01-20") == [False]
    assert missing(records, "2024-09-01", "2024-10-01") == [False]
    assert missing(records, "2024-10-01", "2024-10-01") == [False]


@pytest.mark.parametrize("start", ["2025-01-20", "2025-03-01"])
@pytest.mark.parametrize(
    "before", [[], [span("0990001N", end="2024-12-31")]], ids=["none before", "one before"]
)
def test_coverage_of_the_future_changes_nothing(rows: Rows, before: list[Row], start: str) -> None:
    """A span that starts on or after the as-of date changes no bit, whether or not the table was restricted before."""
    tables = rows.tables(absences=[rows.absence(), rows.absence("b", date="2024-12-02")])
    plain = dr.PupilRecords(**tables, coverage=before or None)
    later = [span(rows.schools[0], start=start), span(None, "a", start=start, table="grades")]
    added = dr.PupilRecords(**tables, coverage=[*before, *later])
    pd.testing.assert_frame_equal(build_features(added, AS_OF), build_features(plain, AS_OF))


@pytest.mark.parametrize(
    "bad",
    [
        {"start": "2024-02-30"},
        {"end": "2023-01-01"},
        {"school_id": "0990001A"},
        {"table": None},
        {"table": "absence"},
    ],
)
def test_a_coverage_row_set_aside_does_not_make_everyone_covered(rows: Rows, bad: dict[str, Any]) -> None:
    """When the row that restricts a table is set aside, the table does not seem to cover everyone."""
    coverage = [span(rows.schools[0]) | bad]
    tables = rows.tables(absences=[], grades=[], coverage=coverage)
    records = dr.PupilRecords(**tables, on_fault="quarantine")
    assert records.faults.errors
    assert missing(records, "2024-10-01", "2024-11-01") == [True, True]
    assert build_features(records, AS_OF)["unjustified_half_days_year"].isna().all()
    with_another = dr.PupilRecords(
        **tables | {"coverage": [*coverage, span(None, "b")]}, on_fault="quarantine"
    )
    assert missing(with_another, "2024-10-01", "2024-11-01") == [True, False]


def test_a_coverage_table_without_a_column_covers_nobody(rows: Rows) -> None:
    """A coverage table that cannot be used restricts the tables that it names, and all when it names none."""
    coverage = [{name: cell for name, cell in span(rows.schools[0]).items() if name != "end"}]
    records = dr.PupilRecords(**rows.tables(absences=[], grades=[], coverage=coverage), on_fault="quarantine")
    assert missing(records, "2024-10-01", "2024-11-01", "absences") == [True, True]
    assert missing(records, "2024-10-01", "2024-11-01", "grades") == [False, False]
    nameless = [{"school_id": rows.schools[0], "start": "2024-09-01", "end": "2025-07-31"}]
    records = dr.PupilRecords(**rows.tables(absences=[], grades=[], coverage=nameless), on_fault="quarantine")
    assert missing(records, "2024-10-01", "2024-11-01", "grades") == [True, True]


@pytest.mark.parametrize("table", TABLES)
def test_no_feature_turns_an_unsent_table_into_zeros(rows: Rows, table: str) -> None:
    """A pupil for whom a table was not sent has the features of records in which that table is absent altogether."""
    own = {"absences": rows.absence, "grades": rows.grade, "orientation": rows.event}
    sent: dict[str, Any] = {name: [write("b"), write("c")] for name, write in own.items()}
    not_sent = dr.PupilRecords(**rows.tables("abc", **sent), not_sent={table: ["a"]})
    absent = dr.PupilRecords(
        **rows.tables("abc", **{name: part for name, part in sent.items() if name != table})
    )
    everything = dr.PupilRecords(**rows.tables("abc", **sent))
    features = build_features(not_sent, AS_OF)
    pd.testing.assert_series_equal(features.loc["a"], build_features(absent, AS_OF).loc["a"])
    pd.testing.assert_frame_equal(features.loc[["b", "c"]], build_features(everything, AS_OF).loc[["b", "c"]])
    assert features.loc["a"].isna().sum() > build_features(everything, AS_OF).loc["a"].isna().sum()


FIRST = date(2024, 9, 1)
day = st.integers(0, 60).map(lambda offset: FIRST + timedelta(offset))


@st.composite
def stays(draw: st.DrawFn) -> list[tuple[int, date, date]]:
    """Draw one to three enrolments of a pupil, one after the other, in any of three schools."""
    bounds = sorted(draw(st.lists(day, min_size=2, max_size=6, unique=True)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    return [(draw(st.integers(0, 2)), start, end - timedelta(1)) for start, end in pairs]


@settings(max_examples=20)
@given(
    st.lists(stays(), min_size=3, max_size=3),
    st.lists(st.tuples(st.sampled_from([0, 1, 2, "a", "b", "c"]), day, st.integers(0, 25)), min_size=1, max_size=8),
    day,
    st.integers(0, 40),
)  # fmt: skip
def test_coverage_equals_a_count_of_days(
    rows: Rows,
    pupils: list[list[tuple[int, date, date]]],
    spans: list[tuple[int | str, date, int]],
    first: date,
    length: int,
) -> None:
    """For any moves, spans and window, a pupil is unknown exactly when a day by day count finds a day that is not held."""
    after = first + timedelta(length)
    enrolments = [
        rows.enrolment(pupil, start_date=start, end_date=end, school_id=rows.schools[school])
        for pupil, own in zip("abc", pupils, strict=True)
        for school, start, end in own
    ]
    coverage = [
        span(rows.schools[who] if isinstance(who, int) else None, who if isinstance(who, str) else None)
        | {"start": start, "end": start + timedelta(more)}
        for who, start, more in spans
    ]
    records = dr.PupilRecords(**rows.tables("abc", enrolments=enrolments, absences=[], coverage=coverage))
    held = {(who, start + timedelta(n)) for who, start, more in spans for n in range(more + 1)}
    window = [first + timedelta(n) for n in range(length)]
    expected = [
        any(
            start <= one <= end and not {(school, one), (pupil, one)} & held
            for school, start, end in own
            for one in window
        )
        for pupil, own in zip("abc", pupils, strict=True)
    ]
    assert missing(records, str(first), str(after)) == expected
