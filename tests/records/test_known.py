"""Laws of the one cut in time: what was known on a morning, in frames and in arrays alike."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decrochage_risk as dr
from decrochage_risk.features import build_features

if TYPE_CHECKING:
    from conftest import Rows
    from decrochage_risk.records import KnownRecords

AS_OF = date(2025, 1, 20)
EARLIER, LATER = "2025-01-19", "2025-01-20"
EVENTS = ("absences", "grades", "orientation")
EPOCH = np.datetime64("1970-01-01")


def known_tables(rows: Rows) -> dict[str, Any]:
    """Write rows that are all known on the as-of date."""
    return rows.tables(
        "abc",
        absences=[rows.absence(), rows.absence("b", date=EARLIER, recorded_on=EARLIER)],
        grades=[rows.grade(), rows.grade("c", date=EARLIER, value=3)],
        orientation=[rows.event("b"), rows.event("c", event="council_decision", rank=None, granted=True)],
    )


def future_rows(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Write rows dated or recorded on or after the as-of date, with the most extreme values the checks allow."""
    when = [
        {"date": LATER}, {"date": "2025-06-30"}, {"date": "2024-10-08", "recorded_on": LATER},
        {"date": EARLIER, "recorded_on": "2099-12-31"},
    ]  # fmt: skip
    exclusion = {"half_days": 2, "kind": "exclusion", "justified": None}
    return {
        "absences": [rows.absence(**cells, **exclusion) for cells in when],
        "grades": [rows.grade(**cells, value=0, out_of=1000, coefficient=100) for cells in when],
        "orientation": [rows.event(**cells, event="track_change", rank=None) for cells in when],
        "enrolments": [
            rows.enrolment("c", start_date=LATER, school_id=rows.schools[2], level="cap1"),
            rows.enrolment("b", start_date="2025-09-01", school_year=2025, level="tle_pro"),
        ],
    }


def with_future(rows: Rows, tables: dict[str, Any]) -> dict[str, Any]:
    """Add the future rows; ``c`` leaves the old school the day before the new one begins."""
    added = {name: [*table, *future_rows(rows).get(name, [])] for name, table in tables.items()}
    for row in added["enrolments"]:
        if row["pupil_id"] == "c" and row["level"] == "4e":
            row["start_date"], row["end_date"] = "2024-09-02", "2025-01-19"
    return added


def assert_frames_equal(first: KnownRecords, second: KnownRecords) -> None:
    for name in ("pupils", "enrolments", *EVENTS):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_future_rows_change_nothing_in_any_frame(rows: Rows) -> None:
    """Rows dated or recorded on or after the as-of date, however extreme, leave every frame and feature as it was."""
    tables = known_tables(rows)
    tables["enrolments"][2]["end_date"] = "2025-01-19"
    before = dr.PupilRecords(**tables)
    after = dr.PupilRecords(**with_future(rows, known_tables(rows)))
    assert len(after.enrolments) == 5
    assert_frames_equal(before.known_on(AS_OF), after.known_on(AS_OF))
    pd.testing.assert_frame_equal(build_features(before, AS_OF), build_features(after, AS_OF))


def test_the_day_after_the_same_rows_are_known(rows: Rows) -> None:
    """What was hidden by one day is there the day after: the cut hides, it does not lose."""
    after = dr.PupilRecords(**with_future(rows, known_tables(rows)))
    today, tomorrow = after.known_on(AS_OF), after.known_on("2025-01-21")
    for name in EVENTS:
        assert len(getattr(tomorrow, name)) == len(getattr(today, name)) + 2
    assert tomorrow.level[2] != today.level[2]


@pytest.mark.parametrize(
    ("end", "known_end", "enrolled"),
    [(None, None, True), ("2025-01-18", "2025-01-18", False), (EARLIER, EARLIER, False), (LATER, None, True), ("2025-07-04", None, True)],
)  # fmt: skip
def test_an_end_on_or_after_the_as_of_date_is_not_known(
    rows: Rows, *, end: str | None, known_end: str | None, enrolled: bool
) -> None:
    """An enrolment whose end was not over the day before is open, and looks like one without an end."""
    records = dr.PupilRecords(**rows.tables("a", enrolments=[rows.enrolment(end_date=end)]))
    known = records.known_on(AS_OF)
    ends = known.enrolments["end_date"]
    assert (ends.iloc[0] == pd.Timestamp(known_end)) if known_end else ends.isna().all()
    assert known.enrolled.tolist() == [enrolled]
    shown = np.datetime64(known_end or "2025-08-31")
    assert (EPOCH + known.arrays.enrolments.end).tolist() == [shown.item()]


@pytest.mark.parametrize(("start", "is_known"), [(EARLIER, True), (LATER, False), ("2025-01-21", False)])
def test_an_enrolment_is_known_once_it_has_started(rows: Rows, *, start: str, is_known: bool) -> None:
    """An enrolment that starts on or after the as-of date is not known."""
    records = dr.PupilRecords(
        **rows.tables("ab", enrolments=[rows.enrolment(start_date=start), rows.enrolment("b")])
    )
    known = records.known_on(AS_OF)
    assert known.enrolled.tolist() == [is_known, True]
    assert ("a" in known.enrolments["pupil_id"].tolist()) is is_known


@pytest.mark.parametrize(
    ("justified", "justified_on", "expected"),
    [(True, None, True), (True, EARLIER, True), (True, LATER, False), (True, "2025-03-01", False),
     (False, None, False), (False, LATER, False), (None, None, None), (None, LATER, False)],
)  # fmt: skip
def test_an_absence_is_justified_once_its_motive_is_settled(
    rows: Rows, *, justified: bool | None, justified_on: str | None, expected: bool | None
) -> None:
    """An absence justified on or after the as-of date is not justified yet, and the later day leaves no trace."""
    absence = rows.absence(justified=justified, justified_on=justified_on)
    known = dr.PupilRecords(**rows.tables(absences=[absence])).known_on(AS_OF)
    assert known.absences is not None
    seen = known.absences["justified"].iloc[0]
    assert (seen is pd.NA) if expected is None else bool(seen) is expected
    assert known.absences["justified_on"].isna().iloc[0] == (justified_on != EARLIER)
    assert known.arrays.absences is not None
    assert known.arrays.absences.justified.tolist() == [bool(expected)]


@pytest.mark.parametrize(("recorded_on", "is_known"), [(None, True), (EARLIER, True), (LATER, False)])
@pytest.mark.parametrize("table", EVENTS)
def test_a_row_is_known_once_it_was_recorded(
    rows: Rows, *, table: str, recorded_on: str | None, is_known: bool
) -> None:
    """A row of the past recorded on or after the as-of date is not known; without a day of record it is."""
    write = {"absences": rows.absence, "grades": rows.grade, "orientation": rows.event}[table]
    records = dr.PupilRecords(**rows.tables(**{table: [write(recorded_on=recorded_on)]}))
    assert len(getattr(records.known_on(AS_OF), table)) == is_known


days = st.dates(date(2024, 9, 1), date(2025, 7, 31))
maybe = st.none() | days


@st.composite
def random_tables(draw: st.DrawFn, rows: Rows) -> dict[str, Any]:
    pupils = st.sampled_from("abc")
    cells = {"pupil": pupils, "date": days, "recorded_on": maybe}
    absences = draw(st.lists(st.fixed_dictionaries(
        {**cells, "justified": st.sampled_from([True, False, None]), "justified_on": maybe}
    ), max_size=12, unique_by=lambda row: (row["pupil"], row["date"])))  # fmt: skip
    grades = draw(st.lists(st.fixed_dictionaries({**cells, "value": st.integers(0, 20)}), max_size=8))
    events = draw(st.lists(st.fixed_dictionaries({**cells, "rank": st.integers(1, 5)}), max_size=8))
    ends = [draw(maybe) for _ in "abc"]
    return rows.tables(
        "abc",
        enrolments=[
            rows.enrolment(pupil, start_date="2024-09-01", end_date=end)
            for pupil, end in zip("abc", ends, strict=True)
        ],
        absences=[rows.absence(**row) for row in absences],
        grades=[rows.grade(**row) for row in grades],
        orientation=[rows.event(**row) for row in events],
    )


@settings(max_examples=15)
@given(st.data())
def test_frames_and_arrays_hold_the_same_rows(rows: Rows, data: st.DataObject) -> None:
    """For any records, the known frames are what a plain filter keeps, and the arrays are the same rows, sorted."""
    tables = data.draw(random_tables(rows))
    as_of = data.draw(st.dates(date(2024, 9, 3), date(2025, 7, 31)))
    records = dr.PupilRecords(**tables)
    known = records.known_on(as_of)
    morning = pd.Timestamp(as_of)
    for name in EVENTS:
        table, frame, arrays = (getattr(part, name) for part in (records, known, known.arrays))
        kept = table[(table["date"] < morning) & ~(table["recorded_on"] >= morning)]
        assert kept["date"].tolist() == frame["date"].tolist()
        assert kept["pupil_id"].tolist() == frame["pupil_id"].tolist()
        by_row = kept.reset_index(drop=True).iloc[np.argsort(np.argsort(kept.index))]
        order = np.argsort(arrays.row)
        assert known.pupil_ids[arrays.pupil[order]].tolist() == by_row["pupil_id"].tolist()
        assert (EPOCH + arrays.day[order]).tolist() == by_row["date"].dt.date.tolist()
        for field in fields(arrays):
            assert len(getattr(arrays, field.name)) == len(kept)
    assert known.absences is not None
    assert known.arrays.absences is not None
    settled = known.absences["justified"].fillna(value=False).to_numpy(dtype=bool)
    assert known.arrays.absences.justified[np.argsort(known.arrays.absences.row)].tolist() == settled.tolist()
    assert known.arrays.grades is not None
    assert np.isfinite(known.arrays.grades.mark).all()


def test_the_current_enrolment_is_the_one_that_started_last(rows: Rows) -> None:
    """Level, school and row are those of the latest known start, whatever the order of the rows."""
    enrolments = [
        rows.enrolment(start_date="2024-12-02", school_id=rows.schools[1], level="3e"),
        rows.enrolment("b", level="cap1", start_date="2025-03-03"),
        rows.enrolment(end_date="2024-12-01"),
    ]
    known = dr.PupilRecords(**rows.tables("ab", enrolments=enrolments)).known_on(AS_OF)
    assert known.arrays.school_ids[known.school[0]] == rows.schools[1]
    assert known.current_enrolment_row.tolist() == [0, -1]
    assert (known.level[1], known.school[1]) == (-1, -1)


def test_changing_a_known_frame_changes_nothing_in_the_records(rows: Rows) -> None:
    """Frames of a cut belong to their reader: changing one changes neither the records nor the next cut."""
    records = dr.PupilRecords(**known_tables(rows))
    first = records.known_on(AS_OF)
    expected = build_features(records, AS_OF)
    for name in ("pupils", "enrolments", *EVENTS):
        getattr(first, name)["pupil_id"] = "changed"
    assert_frames_equal(records.known_on(AS_OF), dr.PupilRecords(**known_tables(rows)).known_on(AS_OF))
    pd.testing.assert_frame_equal(build_features(records, AS_OF), expected)
