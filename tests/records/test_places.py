"""Laws of reports: a payload's faults name their place, JSON is plain, and no value of a pupil is told unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk import FaultyRecordsError, PupilRecords
from decrochage_risk.records.fault_hints import UAI_LETTERS
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.records.conftest import Rows

STAY = {"school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
MARK = {"date": "2024-10-07", "subject": "maths", "value": 12, "status": "graded", "kind": "assessment"}


def _pupils(count: int, marks: int = 2) -> list[dict[str, Any]]:
    return [
        {
            "pupil_id": f"p{number}",
            "enrolments": [dict(STAY)],
            "grades": [dict(MARK, coefficient=1 + mark) for mark in range(marks)],
        }
        for number in range(count)
    ]


@pytest.mark.whole
@given(count=st.integers(1, 12), data=st.data())
def test_a_fault_of_a_payload_names_its_place(count: int, data: st.DataObject) -> None:
    """The wrong cell is named as the sender would reach it, whichever pupil, list and key it is."""
    pupils = _pupils(count)
    lists = [data.draw(st.integers(0, 3)) for _ in pupils]
    for pupil, marks in zip(pupils, lists, strict=True):
        pupil["grades"] = [dict(MARK, coefficient=1 + mark) for mark in range(marks)]
    who = data.draw(st.integers(0, count - 1))
    pupils[who]["grades"].append(MARK | {"value": "douze-secret"})
    path = f"pupils[{who}].grades[{lists[who]}].value"
    with pytest.raises(FaultyRecordsError) as caught:
        PupilRecords.from_json(json.dumps(pupils))
    assert path in str(caught.value)
    assert "douze-secret" not in str(caught.value)
    report = PupilRecords.from_json(pupils, on_fault="quarantine").faults
    (fault,) = [each for each in report.to_dict()["faults"] if each["severity"] == "error"]
    assert fault["paths"] == [path]
    assert report.errors.frame["path"].tolist() == [path]


def test_a_fault_of_the_five_hundredth_pupil_is_named() -> None:
    """Position 500 is position 500, also of a flat table and of the pupil's own cells."""
    pupils = _pupils(501)
    pupils[500]["grades"][0]["value"] = "douze"
    pupils[500]["birth_date"] = "17/05/09"
    report = PupilRecords.from_json({"pupils": pupils}, on_fault="quarantine").faults
    assert "pupils[500].grades[0].value" in str(report)
    assert "pupils[500].birth_date" in str(report)
    flat = {"pupils": [{"pupil_id": "a"}], "enrolments": [{**STAY, "pupil_id": "a", "level": "bts1"}]}
    assert "enrolments[0].level" in str(PupilRecords.from_json(flat, on_fault="quarantine").faults)


def test_reports_are_plain_json_and_tell_values_only_when_asked(rows: Rows, tmp_path: Path) -> None:
    """Text and file hold rows, columns and rules; cells only where they were asked for, whatever their type."""
    secret = [
        "secret-1",
        3.5,
        np.float64("inf"),
        pd.Timestamp("2024-10-07 08:30"),
        b"secret-2",
        ["secret-3"],
        10**30,
    ]
    grades = pd.DataFrame([rows.grade(), *(rows.grade(value=value) for value in secret)])
    report = PupilRecords(**rows.tables("a", grades=grades), on_fault="quarantine").faults
    assert report.errors
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()
    assert "values" not in report.to_dict(values=False)["faults"][0]
    report.to_csv(tmp_path / "without.csv")
    report.to_csv(tmp_path / "with.csv", values=True)
    quiet = (str(report), repr(report), (tmp_path / "without.csv").read_text(encoding="utf-8-sig"))
    assert not any("secret" in text for text in quiet)
    loud = (report.text(values=True), (tmp_path / "with.csv").read_text(encoding="utf-8-sig"))
    assert all("secret-1" in text for text in loud)


@pytest.mark.parametrize(
    ("one", "two"), [("0101", "101"), ("00a7", "a7"), ("A7b", "a7B"), ("é 1", "e\u0301 1"), ("a 1", "a1")]
)
def test_one_pupil_under_two_ids_is_said(rows: Rows, one: str, two: str) -> None:
    """Ids that differ by what an export loses, and share a birth date, are a warning that counts both; others are not."""
    for born, count in (
        (("2009-05-17", "2009-05-17"), 2),
        (("2009-05-17", "2009-05-18"), 0),
        ((None, None), 0),
    ):
        pupils = [{"pupil_id": pupil, "birth_date": day} for pupil, day in zip((one, two), born, strict=True)]
        tables = {"pupils": pupils, "enrolments": [rows.enrolment(one), rows.enrolment(two)]}
        counts = PupilRecords(**tables).faults.counts
        assert counts.get(("pupils", "split_ids"), 0) == count
        assert PupilRecords(**tables, on_fault="quarantine").pupils["pupil_id"].tolist() == [one, two]


@pytest.mark.parametrize(
    ("school", "zone", "said"),
    [
        ("0671234C", "B", False), ("0671234C", "A", True), ("6200001A", "B", True), ("7200001J", "C", True),
        ("9710001G", "B", True), ("9740001X", "A", True), ("0990001N", "C", False),
        ("9740001X", "Réunion", False), ("9740001X", "Mayotte", True), ("6200001A", "Corse", False),
        ("7200001J", "Corse", False), ("0671234C", "Corse", True), ("9750001X", "Guadeloupe", True),
    ],
)  # fmt: skip
def test_a_school_of_another_zone_is_said(rows: Rows, school: str, zone: str, *, said: bool) -> None:
    """Corsica, overseas and other zones are a warning, once per school; a calendar of the school's own says nothing."""
    school = school[:7] + UAI_LETTERS[int(school[:7]) % len(UAI_LETTERS)]
    stays = [rows.enrolment(pupil, school_id=school) for pupil in "ab"]
    calendar = SchoolCalendar.for_zone(zone)
    records = PupilRecords(**rows.tables("ab") | {"enrolments": stays}, calendar=calendar)
    assert records.faults.counts.get(("enrolments", "other_zone"), 0) == int(said)
    own = SchoolCalendar(calendar.first_day, calendar.values, name="calendrier de l'académie")
    assert ("enrolments", "other_zone") not in PupilRecords(
        **rows.tables("ab") | {"enrolments": stays}, calendar=own
    ).faults.counts


@pytest.mark.parametrize(
    ("zone", "day", "said"),
    [("Réunion", "2024-08-19", 0), ("Réunion", "2024-08-16", 1), ("B", "2024-08-19", 1)],
)
def test_a_year_that_begins_in_august_is_no_fault_where_classes_do(
    rows: Rows, zone: str, day: str, *, said: int
) -> None:
    """At La Réunion an enrolment from the day of return in August is of its year; a holiday, or August elsewhere, is reported."""
    stay = rows.enrolment("a", school_id="0990001N") | {"school_year": 2024, "start_date": day}
    tables = rows.tables("a") | {"enrolments": [stay]}
    counts = PupilRecords(**tables, calendar=SchoolCalendar.for_zone(zone)).faults.counts
    assert counts.get(("enrolments", "outside_school_year"), 0) == said
