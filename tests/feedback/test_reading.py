from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

from decrochage_risk.errors import FaultyRecordsError, RecordsError, UnreadableRecordsError
from decrochage_risk.features import build_features
from decrochage_risk.feedback import Feedback, read_feedback
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.synthetic import Cohort

DAY = "2025-03-05"


def _row(pupil: str = "a", **cells: Any) -> dict[str, Any]:
    return {"pupil_id": pupil, "as_of": DAY, "judgement": "pertinent", **cells}


def _refused(rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    with pytest.raises(FaultyRecordsError) as refused:
        read_feedback(rows, ["a", "b"])
    message = str(refused.value)
    assert "expected:" in message
    assert "hint:" in message
    found: dict[tuple[str, str], int] = refused.value.report.errors.counts  # type: ignore[attr-defined]
    return found


def test_a_row_about_an_unknown_pupil_is_refused() -> None:
    """Feedback on somebody who is not in the records is a fault that names the row, and no pupil."""
    assert _refused([_row("a"), _row("nobody")]) == {("feedback", "unknown_pupil"): 1}
    with pytest.raises(FaultyRecordsError, match="came:     row 1\n") as error:
        read_feedback([_row("a"), _row("nobody")], ["a"])
    assert "nobody" not in str(error.value)


def test_ids_given_as_numbers_are_read_as_those_of_a_table() -> None:
    """12 in the list of pupils and 12 in the table are the same pupil, as in the records."""
    assert len(read_feedback([_row(12), _row("13")], [12, 13])) == 2  # type: ignore[arg-type,list-item]


def test_all_faults_of_feedback_come_at_once() -> None:
    """Unknown pupils, words, days, empty rows and double judgements are told in one report."""
    rows = [
        _row("nobody"),
        _row("a", judgement="peut-être"),
        _row("a", measure_started_on="32/13/2025"),
        _row("b", judgement=None),
        _row("b"),
        _row("b", judgement="not_pertinent"),
    ]
    assert _refused(rows) == {
        ("feedback", "unknown_choice"): 1,
        ("feedback", "bad_date"): 1,
        ("feedback", "unknown_pupil"): 1,
        ("feedback", "nothing_said"): 1,
        ("feedback", "two_judgements"): 2,
    }


def test_a_column_that_is_missing_is_refused_as_a_whole() -> None:
    """Without a pupil or an as-of date there is nothing to keep, not even in quarantine."""
    with pytest.raises(FaultyRecordsError, match="missing_column"):
        read_feedback([{"pupil_id": "a", "judgement": "pertinent"}], ["a"], on_fault="quarantine")


def test_rows_at_fault_are_set_aside_when_asked() -> None:
    """Quarantine keeps the good rows and reports the others."""
    found = read_feedback([_row("a"), _row("nobody")], ["a"], on_fault="quarantine")
    assert found.frame["pupil_id"].tolist() == ["a"]
    assert found.faults.errors.counts == {("feedback", "unknown_pupil"): 1}


def test_a_measure_without_its_day_is_kept_and_said() -> None:
    """A named measure that has no beginning is a warning: it counts for nothing."""
    found = read_feedback([_row("a", measure="pafi")], ["a"])
    assert found.faults.warnings.counts == {("feedback", "measure_without_day"): 1}
    assert found.measures_started().empty


@pytest.mark.parametrize("form", ["pandas", "polars", "csv", "parquet"])
def test_every_form_gives_the_same_feedback(form: str, tmp_path: Path) -> None:
    """A frame, an Arrow table, a CSV or a Parquet file are read alike."""
    rows = [_row("a", measure_started_on="2025-03-17"), _row("b", judgement="already_supported")]
    frame = pd.DataFrame(rows)
    source: Any = frame
    if form == "polars":
        source = pl.DataFrame(rows)
    elif form == "csv":
        source = tmp_path / "feedback.csv"
        frame.to_csv(source, sep=";", index=False)
    elif form == "parquet":
        source = tmp_path / "feedback.parquet"
        frame.to_parquet(source)
    found = read_feedback(source, ["a", "b"])
    pd.testing.assert_frame_equal(found.frame, read_feedback(rows, ["a", "b"]).frame)


def test_measures_started_are_the_days_said_and_the_pupils_already_followed() -> None:
    """A given day is taken; "already followed" without one counts from the as-of date; a judgement alone marks nobody."""
    rows = [
        _row("a", measure_started_on="2025-03-17"),
        _row("a", judgement=None, measure_started_on="2025-04-01"),
        _row("b", judgement="already_supported"),
        _row("c"),
        _row("d", judgement="already_supported", measure_started_on="2024-11-12"),
    ]
    found = read_feedback(rows, list("abcd")).measures_started()
    assert [(pupil, day.date().isoformat()) for pupil, day in found.to_numpy()] == [
        ("a", "2025-03-17"),
        ("a", "2025-04-01"),
        ("b", "2025-03-05"),
        ("d", "2024-11-12"),
    ]


def test_feedback_never_reaches_the_features(small_cohort: Cohort, tmp_path: Path) -> None:
    """A feedback file beside the tables is left unread, and records have no place for one: no bit of a feature moves."""
    pupils = small_cohort.records.pupils["pupil_id"].tolist()[:5]
    folder = tmp_path / "extraits"
    folder.mkdir()
    for name, table in small_cohort.tables.items():
        if name in TABLES:
            table[table["pupil_id"].isin(pupils)].to_parquet(folder / f"{name}.parquet")
    alone = build_features(PupilRecords.read(folder), DAY)
    pd.DataFrame([_row(pupil) for pupil in pupils]).to_csv(folder / "feedback.csv", index=False)
    beside = PupilRecords.read(folder)

    pd.testing.assert_frame_equal(build_features(beside, DAY), alone)
    assert any("feedback.csv" in note for note in beside.notes)
    assert "feedback" not in TABLES
    with pytest.raises(TypeError):
        PupilRecords(
            **{name: getattr(beside, name) for name in ("pupils", "enrolments")}, feedback=[_row("a")]
        )  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize("pupils", ["a", 3, None])
def test_ids_that_are_none_are_refused(pupils: Any) -> None:
    """One text or a number in place of ids says what to pass."""
    with pytest.raises(RecordsError, match="Hint: "):
        read_feedback([_row()], pupils)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A wrong path and another choice of what to do with faults say what was expected."""
    with pytest.raises(UnreadableRecordsError, match="There is no file"):
        read_feedback(tmp_path / "feedback.csv", ["a"])
    with pytest.raises(RecordsError, match="on_fault='drop'"):
        read_feedback([_row()], ["a"], on_fault="drop")  # type: ignore[arg-type]


def test_feedback_tells_its_size() -> None:
    """Rows, pupils and faults are counted in its short form."""
    found = read_feedback([_row("a"), _row("a", judgement=None, measure_started_on=DAY)], PupilRecords(
        pupils=[{"pupil_id": "a"}],
        enrolments=[{"pupil_id": "a", "school_year": 2024, "school_id": "0990001N", "level": "4e",
                     "start_date": "2024-09-02"}],
    ))  # fmt: skip
    assert isinstance(found, Feedback)
    assert (len(found), repr(found)) == (2, "<Feedback: 2 rows of 1 pupils, 0 faults>")


def test_a_common_follow_up_is_a_day_per_meeting() -> None:
    """Each meeting of the common follow-up is a row with its day; first, last and number are told, other measures are not."""
    meetings = [
        _row("b", judgement=None, measure="suivi_commun", measure_started_on=day)
        for day in ("2025-03-24", "2025-03-10", "2025-03-24", "2025-04-14")
    ]
    other = _row("a", measure="pafi", measure_started_on="2025-03-12")
    follow_ups = read_feedback([*meetings, other], ["a", "b"]).follow_ups()
    assert follow_ups["pupil_id"].tolist() == ["b"]
    first, last = (pd.Timestamp(follow_ups[name].iloc[0]).date().isoformat() for name in ("first", "last"))
    assert (first, last, int(follow_ups["times"].iloc[0])) == ("2025-03-10", "2025-04-14", 3)
    assert read_feedback([other], ["a"]).follow_ups().empty
    assert read_feedback([other], ["a"]).follow_ups("pafi")["pupil_id"].tolist() == ["a"]
