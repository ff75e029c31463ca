from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from french_numbers import numbers_in
from pydantic import ValidationError

from decrochage_risk import french
from decrochage_risk.errors import RecordsError
from decrochage_risk.score import DEMO_NOTICE, PupilRisk

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores


@pytest.fixture(scope="module")
def pupil(small_scores: RiskScores) -> PupilRisk:
    """Choose a flagged pupil with reasons."""
    return next(p for p in small_scores if p.flagged and p.reasons)


@pytest.mark.parametrize("name", sorted(PupilRisk.model_fields))
def test_no_field_of_a_result_can_be_changed(pupil: PupilRisk, name: str) -> None:
    """A result is frozen, field by field."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(pupil, name, getattr(pupil, name))


def test_no_result_is_an_automated_decision(pupil: PupilRisk, small_scores: RiskScores) -> None:
    """``automated_decision`` is False for everybody, and no result can be made that says otherwise."""
    assert all(one.automated_decision is False for one in small_scores)
    with pytest.raises(ValidationError, match="automated_decision"):
        PupilRisk.model_validate(pupil.model_dump() | {"automated_decision": True})


def test_json_of_a_pupil_reads_back_equal(small_scores: RiskScores) -> None:
    """A result written as JSON and read again is the same result, to the last bit."""
    for pupil in small_scores:
        assert PupilRisk.model_validate_json(pupil.model_dump_json()) == pupil


def test_every_result_says_which_model_gave_it(small_scores: RiskScores, small_model: TrainedModel) -> None:
    """Each pupil names the model, its checksum, its school years, and that it is a demonstration."""
    for pupil in small_scores:
        assert pupil.model.id == small_model.model_id
        assert pupil.model.sha256 == small_model.sha256
        assert pupil.model.trained_on == (2022, 2023, 2024)
        assert pupil.model.demo
        assert pupil.model.notice == DEMO_NOTICE


def test_the_interval_holds_the_risk(small_scores: RiskScores) -> None:
    """Risk, interval and reference risk are probabilities, the risk inside its interval."""
    for pupil in small_scores:
        if pupil.risk is not None:
            assert pupil.interval is not None
            assert pupil.reference_risk is not None
            assert 0 < pupil.interval.low <= pupil.risk <= pupil.interval.high < 1
            assert 0 < pupil.reference_risk < 1


def test_the_sentence_of_comparable_pupils_holds_its_counts(small_scores: RiskScores) -> None:
    """The numbers told of comparable pupils are the counts, their share (to a tenth under 1 %) and its interval."""
    for comparable in {pupil.comparable for pupil in small_scores if pupil.comparable is not None}:
        text = comparable.text
        assert comparable.share == pytest.approx(comparable.left / comparable.pupils)
        assert 0 <= comparable.low <= comparable.share <= comparable.high <= 1
        finer = 10 if comparable.share < 0.01 else 1
        shares = (comparable.share, comparable.low, comparable.high)
        share, *percents = [math.floor(100 * finer * part + 0.5) / finer for part in shares]
        told = [comparable.left] if comparable.left else []
        assert numbers_in(text) == [comparable.pupils, *told, share, *dict.fromkeys(percents)]
        assert (share > 0) == (comparable.left / comparable.pupils >= 0.0005)
        verb = (
            "ont quitté" if comparable.left > 1 else "1 a quitté" if comparable.left else "aucun n'a quitté"
        )
        assert verb in text
        assert not french.forbidden_in(text)


def test_what_is_missing_is_said(small_scores: RiskScores) -> None:
    """The features that are not known are listed, counted in the frame, and never a reason."""
    counts = small_scores.frame["missing_features"]
    for pupil, count in zip(small_scores, counts, strict=True):
        assert len(pupil.data.missing) == count
        told = {reason.code for reason in (*pupil.reasons, *pupil.protective)}
        assert not told & set(pupil.data.missing)
    assert counts.nunique() > 1


@pytest.mark.parametrize("pupil", [["a"], 5, None])
def test_what_is_no_id_is_refused(small_scores: RiskScores, pupil: object) -> None:
    """A list, a number or nothing in place of an id says what was expected, like an id that is not there."""
    for asked in (
        small_scores.__getitem__,
        small_scores.explanation,
        small_scores.measures,
        small_scores.facts,
    ):
        with pytest.raises(RecordsError, match=r"No pupil .*\nExpected"):
            asked(pupil)  # type: ignore[arg-type]


def test_pupils_are_found_by_their_id(small_scores: RiskScores) -> None:
    """``scores[id]`` is the pupil of that id; an unknown one is refused with what to look at."""
    some = small_scores.frame["pupil_id"].tolist()[::200]
    assert [small_scores[pupil_id].pupil_id for pupil_id in some] == some
    assert all(pupil_id in small_scores for pupil_id in some)
    assert "nobody" not in small_scores
    with pytest.raises(
        RecordsError, match=r"(?s)No pupil 'nobody' among the 1400.*Expected: .*Hint: .*scores.frame"
    ):
        small_scores["nobody"]


@pytest.mark.whole
def test_the_json_of_a_run_is_strict_and_stable(small_scores: RiskScores) -> None:
    """The JSON of a run has no NaN, is the same text twice, and holds each pupil as it stands."""
    text = small_scores.to_json()
    assert text == small_scores.to_json()

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} in the JSON")

    read = json.loads(text, parse_constant=refuse)
    assert json.loads(small_scores.to_json(indent=1)) == read
    assert read["run"]["as_of"] == "2025-03-05"
    assert [PupilRisk.model_validate(row, strict=False) for row in read["pupils"]] == list(small_scores)


def test_the_summary_counts_and_names_the_demonstration(small_scores: RiskScores) -> None:
    """The summary and the repr tell how many pupils, scores and situations there are, and of which model."""
    frame = small_scores.frame
    scored, flagged = int(frame["risk"].notna().sum()), int(frame["flagged"].sum())
    lists = [int(frame[f"{way}_listed"].sum()) for way in ("legal", "departure")]
    assert numbers_in(small_scores.summary) == [len(frame), scored, flagged, *lists, len(frame) - scored]
    assert "modèle de démonstration" in small_scores.summary
    assert small_scores.summary in repr(small_scores)
    assert frame["demo"].all()
    assert frame["model_id"].eq(small_scores.run.model.id).all()
