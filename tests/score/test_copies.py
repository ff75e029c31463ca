"""Laws of copies: records and scores survive pickling and copying, and nobody's edits reach what is written."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
import pytest

from decrochage_risk import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

T = TypeVar("T")


def _pickled(thing: T) -> T:
    again: T = pickle.loads(pickle.dumps(thing))  # noqa: S301 - of our own making
    return again


COPIES: list[Callable[[object], object]] = [_pickled, copy.deepcopy, copy.copy]


@pytest.mark.whole
@pytest.mark.parametrize("again", COPIES)
def test_records_survive_a_copy(
    small_cohort: Cohort,
    small_scores: RiskScores,
    score: Callable[..., RiskScores],
    again: Callable[[object], object],
) -> None:
    """Records that were used, copied or pickled, give the same tables and the same scores, bit for bit."""
    records = small_cohort.records
    records.known_on("2025-03-05")
    twin = again(records)
    assert isinstance(twin, PupilRecords)
    for table in ("pupils", "enrolments", "absences", "grades", "orientation"):
        pd.testing.assert_frame_equal(getattr(twin, table), getattr(records, table))
    assert str(twin.faults) == str(records.faults)
    pd.testing.assert_frame_equal(
        score(twin, explain="none").frame[["pupil_id", "risk"]], small_scores.frame[["pupil_id", "risk"]]
    )


def test_records_of_a_payload_keep_what_was_not_sent() -> None:
    """What came as JSON is vouched for, and what was not sent is known as such, after a copy as before."""
    enrolled = {"school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
    records = PupilRecords.from_json(
        [
            {"pupil_id": "a", "enrolments": [enrolled], "absences": []},
            {"pupil_id": "b", "enrolments": [enrolled]},
        ]
    )
    known = _pickled(records).known_on("2025-03-05")
    assert known.vouched
    assert known.not_covered("absences", known.year_start_day, known.as_of_day).tolist() == [False, True]


@pytest.mark.whole
@pytest.mark.parametrize("again", COPIES)
def test_scores_survive_a_copy(small_scores: RiskScores, again: Callable[[object], object]) -> None:
    """Scores, copied or pickled, give the same results of every pupil."""
    twin = again(small_scores)
    assert twin.to_json() == small_scores.to_json()  # type: ignore[attr-defined]


def test_edits_of_a_frame_reach_neither_a_file_nor_a_result(
    small_cohort: Cohort, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """Whatever is done to frames that were handed out, files and results stay what was scored."""
    scores = score(small_cohort.records)
    pupil = scores.flagged["pupil_id"].iloc[0]
    risk = scores[pupil].risk
    for frame in (scores.frame, scores.reasons, scores.contributions, scores.features):
        for name in frame.columns:
            frame[name] = None
    for name in list(scores.frame.columns):
        del scores.frame[name]
    for name in ("pupils", "enrolments"):
        handed_out = getattr(small_cohort.records, name)
        handed_out["pupil_id"] = "x"
        assert "x" not in set(getattr(small_cohort.records, name)["pupil_id"])
    scores.write(tmp_path)
    written = pd.read_parquet(tmp_path / "scores.parquet").set_index("pupil_id")
    assert written.loc[pupil, "risk"] == risk == scores[pupil].risk
    assert len(written) == len(scores)
    assert pd.read_parquet(tmp_path / "reasons.parquet")["pupil_id"].notna().all()
