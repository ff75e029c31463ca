from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk import PupilRecords
from decrochage_risk.errors import RecordsError
from decrochage_risk.importers.earlier_import import EarlierImport, date_events, read_earlier

if TYPE_CHECKING:
    from pathlib import Path

ENROLMENTS = pd.DataFrame(
    {
        "pupil_id": ["a"],
        "school_year": [2024],
        "school_id": ["0990001N"],
        "level": ["3e"],
        "start_date": ["2024-09-02"],
    }
)
COVERAGE = pd.DataFrame(
    {
        "school_id": ["0990001N"] * 2,
        "table": ["absences", "grades"],
        "start": ["2024-09-02"] * 2,
        "end": ["2024-11-30"] * 2,
    }
)


def absences(*rows: tuple[str, bool | None]) -> pd.DataFrame:
    days, flags = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "pupil_id": "a",
            "date": pd.to_datetime(list(days)),
            "half_days": 1,
            "kind": "absence",
            "justified": list(flags),
        }
    )


def earlier(table: pd.DataFrame, **more: pd.DataFrame) -> EarlierImport:
    records = PupilRecords(
        pupils=pd.DataFrame({"pupil_id": ["a"]}),
        enrolments=ENROLMENTS,
        absences=table,
        coverage=COVERAGE,
        **more,
    )
    return EarlierImport(records, "x")


def dated(now: pd.DataFrame, before: EarlierImport, name: str = "absences") -> pd.DataFrame:
    rows, _ = date_events(name, now.assign(exported=pd.Timestamp("2025-01-15")), before, ENROLMENTS)
    return rows


def days(rows: pd.DataFrame, column: str) -> list[str | None]:
    return [None if pd.isna(day) else f"{day:%Y-%m-%d}" for day in rows[column]]


def test_a_late_row_is_known_from_the_export_in_which_it_first_stands() -> None:
    """A row on a day that was vouched for and was not there is dated; one on a later day is not; one that was there neither."""
    rows = dated(
        absences(("2024-11-05", False), ("2024-11-06", False), ("2024-12-10", False)),
        earlier(absences(("2024-11-05", False))),
    )
    assert days(rows, "recorded_on") == [None, "2025-01-15", None]


def test_a_justification_is_known_from_the_export_in_which_it_first_stands() -> None:
    """Justified before stays; justified since, on an old row or a new one, is dated by the export; unjustified has no day."""
    now = absences(("2024-11-05", True), ("2024-11-06", True), ("2024-12-10", True), ("2024-12-11", False))
    rows = dated(now, earlier(absences(("2024-11-05", True), ("2024-11-06", False))))
    assert days(rows, "justified_on") == [None, "2025-01-15", "2025-01-15", None]


def test_what_the_earlier_import_knew_is_carried_on() -> None:
    """Days of an earlier comparison stay as they are in the next; a justification that was taken back loses its day."""
    before = absences(("2024-11-05", True), ("2024-11-06", True)).assign(
        recorded_on=pd.to_datetime(["2024-11-20", None]),
        justified_on=pd.to_datetime(["2024-11-25", "2024-11-25"]),
    )
    rows = dated(absences(("2024-11-05", True), ("2024-11-06", False)), earlier(before))
    assert days(rows, "recorded_on") == ["2024-11-20", None]
    assert days(rows, "justified_on") == ["2024-11-25", None]


def test_the_law_of_time_holds_with_the_days_of_two_imports() -> None:
    """A training on a day between the two exports sees the late absence not at all, and the other as not justified."""
    rows = dated(
        absences(("2024-11-05", True), ("2024-11-06", False)), earlier(absences(("2024-11-05", False)))
    )
    records = PupilRecords(
        pupils=pd.DataFrame({"pupil_id": ["a"]}),
        enrolments=ENROLMENTS,
        absences=rows.drop(columns="exported"),
        coverage=COVERAGE,
    )
    known = records.known_on("2024-12-15").absences
    assert known is not None
    assert known[["date", "justified"]].astype(str).to_numpy().tolist() == [["2024-11-05", "False"]]


def test_two_marks_of_one_day_have_each_their_partner() -> None:
    """Marks that share day and subject are matched one to one: the one that was added is the late one."""
    base = {
        "pupil_id": "a",
        "date": pd.Timestamp("2024-11-05"),
        "subject": "maths",
        "kind": "assessment",
        "status": "graded",
    }
    before = pd.DataFrame([base | {"value": 12.0}])
    now = pd.DataFrame([base | {"value": 12.0}, base | {"value": 15.0}])
    rows = dated(now, earlier(absences(("2024-11-05", False)), grades=before), "grades")
    assert days(rows, "recorded_on") == [None, "2025-01-15"]


@given(
    halves=st.lists(
        st.tuples(st.sampled_from([True, False]), st.sampled_from([True, False])), min_size=2, max_size=2
    ),
    new_half=st.booleans(),
)
def test_each_half_day_is_known_since_its_own_day(halves: list[tuple[bool, bool]], new_half: bool) -> None:  # noqa: FBT001 - drawn
    """A half-day that was there is not late, whatever became of its justification; one that was added is, and it alone."""

    def table(flags: list[bool]) -> pd.DataFrame:
        # As absence_table writes it: two half-days that agree are one row.
        rows = absences(*(("2024-11-05", flag) for flag in flags))
        return rows.groupby(["pupil_id", "date", "kind", "justified"], as_index=False)["half_days"].sum()

    was = [before for before, _ in halves][1:] if new_half else [before for before, _ in halves]
    now = [after for _, after in halves]
    rows = dated(table(now), earlier(table(was)))
    late = rows["recorded_on"].notna()
    assert rows["half_days"].sum() == 2
    assert rows.loc[late, "half_days"].sum() == new_half
    assert not rows["justified_on"].notna()[~rows["justified"].astype(bool)].any()
    # Which half of a day it is no table says: as few as can be are justified since.
    since = max(0, sum(now) - sum(was))
    assert rows.loc[rows["justified_on"].notna(), "half_days"].sum() == since


@pytest.mark.parametrize("added", [8.0, 15.0])
def test_the_mark_that_was_there_is_not_the_late_one(added: float) -> None:
    """Of two marks of one day and subject the one that agrees with the earlier import is its partner, the lower or the higher."""
    base = {
        "pupil_id": "a",
        "date": pd.Timestamp("2024-11-05"),
        "subject": "maths",
        "kind": "assessment",
        "status": "graded",
        "out_of": 20.0,
    }
    before = pd.DataFrame([base | {"value": 12.0}])
    now = pd.DataFrame([base | {"value": value} for value in sorted((12.0, added))])
    rows = dated(now, earlier(absences(("2024-11-05", False)), grades=before), "grades")
    assert rows.loc[rows["recorded_on"].notna(), "value"].tolist() == [added]


def test_another_key_or_folder_is_refused(tmp_path: Path) -> None:
    """A folder that no import wrote, and one whose pseudonyms are of another key, cannot be compared with."""
    with pytest.raises(RecordsError, match="no folder"):
        read_earlier(tmp_path, "rapport-import", "abc")
    (tmp_path / "rapport-import.json").write_text(json.dumps({"key_fingerprint": "other"}))
    with pytest.raises(RecordsError, match="another key"):
        read_earlier(tmp_path, "rapport-import", "abc")


def test_the_earlier_import_must_be_the_earlier_one() -> None:
    """Two imports in the wrong order are refused: every date would be wrong."""
    before = earlier(absences(("2024-11-05", False)))
    before.exported_on = {"absences": "2025-06-01"}
    with pytest.raises(RecordsError, match="order of time"):
        dated(absences(("2024-11-05", False)), before)
