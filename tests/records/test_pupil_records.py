"""Laws of the records themselves: what is kept, what is said, what is never lost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.features import build_features
from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Rows


def test_a_table_that_did_not_come_is_none(rows: Rows) -> None:
    """A table that did not come is None; one that came without rows is a frame without rows."""
    records = PupilRecords(**rows.tables(absences=[]))
    assert records.absences is not None
    assert records.absences.empty
    assert (records.grades, records.orientation, records.coverage, records.outcomes) == (None,) * 4


def test_the_length_is_the_number_of_pupils(rows: Rows) -> None:
    """The records are as long as there are pupils, whatever the number of rows about them."""
    records = PupilRecords(**rows.tables("abc", absences=[rows.absence()]))
    assert len(records) == 3
    assert "pupils 3, enrolments 3, absences 1; 0 errors, 0 warnings" in repr(records)


def test_another_choice_for_faults_is_refused(rows: Rows) -> None:
    """A wrong on_fault is refused with the two that are known."""
    with pytest.raises(dr.RecordsError, match="on_fault='ignore'") as caught:
        PupilRecords(**rows.tables(), on_fault="ignore")
    assert 'Expected: "raise" or "quarantine"' in str(caught.value)
    assert "Hint: Leave it out" in str(caught.value)


@pytest.mark.parametrize(
    ("not_sent", "came"),
    [({"absence": ["a"]}, "the table 'absence'"), ({"grades": "a"}, "the text 'a' for grades")],
)
def test_a_wrong_not_sent_is_refused(rows: Rows, not_sent: dict[str, object], came: str) -> None:
    """A table that is always sent whole, or one id in the place of a list, is refused instead of passed over."""
    with pytest.raises(dr.RecordsError) as caught:
        PupilRecords(**rows.tables(grades=[]), not_sent=not_sent)
    assert came in str(caught.value)
    assert "Expected: lists of pupil ids under absences, grades, orientation" in str(caught.value)
    assert "Hint: For example" in str(caught.value)


def test_without_notes_the_repr_is_the_counts_alone(rows: Rows) -> None:
    """Records that were not read from files have no notes."""
    assert PupilRecords(**rows.tables()).notes == ()


def test_a_calendar_file_in_the_folder_is_the_calendar(rows: Rows, tmp_path: Path) -> None:
    """The folder's calendar.csv is used, unless another calendar is given."""
    for name, table in rows.tables().items():
        pd.DataFrame(table).to_csv(tmp_path / f"{name}.csv", index=False)
    days = pd.date_range("2024-09-01", "2025-08-31")
    calendar = pd.DataFrame({"date": days.date, "half_days": (days.day_of_week < 5) * 1})
    calendar.to_csv(tmp_path / "calendar.csv", index=False)
    assert PupilRecords.read(tmp_path).calendar.half_days(date(2024, 10, 7)) == 1
    zone_a = dr.SchoolCalendar.for_zone("A")
    assert PupilRecords.read(tmp_path, calendar=zone_a).calendar is zone_a


def test_rows_set_aside_are_counted_per_pupil_over_all_tables(rows: Rows) -> None:
    """What is set aside is the number of bad rows of each pupil, over all tables, a row with two faults once."""
    records = PupilRecords(
        **rows.tables(
            "abc",
            absences=[rows.absence(half_days=3, kind="absense"), rows.absence("b"), rows.absence("zz")],
            grades=[rows.grade(value=25), rows.grade(out_of=0), rows.grade("b", subject="math")],
        ),
        on_fault="quarantine",
    )
    assert records.set_aside.to_dict() == {"a": 3, "b": 1, "c": 0}
    assert records.faults.rows("absences", "error").tolist() == [0, 2]


def test_a_pupil_whose_enrolment_is_set_aside_is_still_there(rows: Rows) -> None:
    """Without a usable enrolment a pupil stays in the records, enrolled nowhere."""
    enrolments = [rows.enrolment(level="4eme"), rows.enrolment("b")]
    records = PupilRecords(**rows.tables(enrolments=enrolments), on_fault="quarantine")
    known = records.known_on("2025-01-20")
    assert known.pupil_ids.tolist() == ["a", "b"]
    assert known.enrolled.tolist() == [False, True]


def test_a_json_pupil_without_a_key_is_not_known_in_that_table(rows: Rows) -> None:
    """Of three pupils sent together, only the one without the key is unknown; the one with [] is known."""
    enrolment = {name: cell for name, cell in rows.enrolment().items() if name != "pupil_id"}
    absence = {name: cell for name, cell in rows.absence().items() if name != "pupil_id"}
    sent = [
        {"pupil_id": 7, "enrolments": [enrolment], "absences": [absence]},
        {"pupil_id": 8, "enrolments": [enrolment]},
        {"pupil_id": 9, "enrolments": [enrolment], "absences": []},
    ]
    features = build_features(PupilRecords.from_json(sent), "2025-01-20")
    assert features["unjustified_half_days_year"].fillna(-1).to_dict() == {"7": 1, "8": -1, "9": 0}


@pytest.mark.parametrize("pupil_id", [" a", 1.5, True, "x" * 300])
def test_a_json_pupil_set_aside_does_not_make_another_unknown(rows: Rows, pupil_id: object) -> None:
    """When a pupil without usable id is set aside, what the others sent is known as before."""
    enrolment = {name: cell for name, cell in rows.enrolment().items() if name != "pupil_id"}
    sent = [
        {"pupil_id": pupil_id, "enrolments": [enrolment]},
        {"pupil_id": "b", "enrolments": [enrolment], "absences": []},
        {"pupil_id": "c", "enrolments": [enrolment], "absences": []},
    ]
    records = PupilRecords.from_json(sent, on_fault="quarantine")
    assert records.pupils["pupil_id"].tolist() == ["b", "c", str(pupil_id)]
    features = build_features(records, "2025-01-20")
    assert features["unjustified_half_days_year"].fillna(-1).tolist() == [0, 0, -1]
