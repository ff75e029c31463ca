from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cohort_parts import told_of

import decrochage_risk.score.scoring as scoring_module
from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.records import PupilRecords
from decrochage_risk.score import DEMO_NOTICE, score_pupils

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from decrochage_risk.explain import Attribution
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

SCHOOL = "0990001N"


def enrolled(
    pupil: str, level: str = "2de_pro", start: str = "2024-09-02", end: str | None = None
) -> dict[str, Any]:
    return {
        "pupil_id": pupil,
        "school_year": 2024,
        "school_id": SCHOOL,
        "level": level,
        "start_date": start,
        "end_date": end,
    }


@pytest.fixture(scope="module")
def odd_pupils() -> PupilRecords:
    """Write one pupil per reason not to be scored, among two who can be."""
    pupils = ["scored", "refused", "left", "never", "newcomer", "other level", "no data", "also scored"]
    return PupilRecords(
        pupils=[{"pupil_id": pupil} for pupil in pupils],
        enrolments=[
            enrolled("scored"),
            enrolled("refused"),
            enrolled("left", end="2025-01-10"),
            enrolled("newcomer", start="2025-02-20"),
            enrolled("other level", level="6e_segpa"),
            enrolled("no data"),
            enrolled("also scored", level="4e"),
        ],
        absences=[
            {"pupil_id": "refused", "date": f"2025-02-{day:02d}", "half_days": 2, "kind": "absence"}
            for day in (3, 4, 6, 7)
        ],
        not_sent={"absences": ["no data"]},
    )


def test_as_many_results_as_pupils_in_their_order(small_cohort: Cohort, small_scores: RiskScores) -> None:
    """There is one result per pupil, in the order of the pupils table, in every table and in the iteration."""
    ids = small_cohort.tables["pupils"]["pupil_id"].tolist()
    assert len(small_scores) == len(ids)
    assert small_scores.frame["pupil_id"].tolist() == ids
    assert [pupil.pupil_id for pupil in small_scores] == ids
    assert small_scores.features.index.tolist() == ids
    assert small_scores.contributions.index.tolist() == ids
    assert (small_scores.frame["risk"].isna() == small_scores.frame["cause"].notna()).all()


def test_who_cannot_be_scored_comes_back_with_the_cause(
    odd_pupils: PupilRecords, gap_model: TrainedModel, score: Callable[..., RiskScores]
) -> None:
    """Refused, left, never enrolled, newcomer, level never seen, no data: each has no risk, and its own cause."""
    model = replace(gap_model, levels=tuple(level for level in gap_model.levels if level != "6e_segpa"))
    scores = score(odd_pupils, model=model, exclude=["refused"], explain="all", gaps=["absences", "grades"])
    causes = {
        "scored": None,
        "refused": "traitement refusé",
        "left": "non inscrit à cette date",
        "never": "non inscrit à cette date",
        "newcomer": "moins de 3 semaines de données",
        "other level": "niveau jamais vu par le modèle",
        "no data": "moins de 3 semaines de données",
        "also scored": None,
    }
    assert {pupil.pupil_id: pupil.cause for pupil in scores} == causes
    enrolled = scores.frame.set_index("pupil_id")["enrolled"]
    assert enrolled[~enrolled].index.tolist() == ["left", "never"]
    for pupil in scores:
        assert (pupil.risk is None) == (pupil.cause is not None)
        assert pupil.data.sufficient == (pupil.cause is None)
        if pupil.cause is not None:
            assert (pupil.tier, pupil.flagged, pupil.tier_label, pupil.flag_rule) == (0, False, None, None)
            assert pupil.interval is pupil.comparable is pupil.reference_risk is None
            assert pupil.reasons == pupil.protective == ()
            assert pupil.other_points is None
            assert (pupil.explained, pupil.explanation_cause) == (False, "pas de score, donc pas de motif")


def test_outside_the_training_there_is_no_risk(
    small_cohort: Cohort, small_model: TrainedModel, score: Callable[..., RiskScores]
) -> None:
    """Pupils with many values far from any of the training come back without a risk and with that cause, all of them."""
    own = small_model.risk_model.training_range
    assert own is not None
    shifted = replace(own, lowest=own.lowest + 1e4, highest=own.highest + 1e4)
    model = replace(small_model, risk_model=replace(small_model.risk_model, training_range=shifted))
    before, after = (
        score(small_cohort.records, model=one, explain="none").frame for one in (small_model, model)
    )
    scored = before["risk"].notna()
    assert scored.sum() > 100
    assert after.loc[scored, "cause"].str.startswith("hors du domaine d'apprentissage").all()
    assert after["risk"].isna().all()
    assert len(after) == len(before)
    assert after.loc[~scored, "cause"].tolist() == before.loc[~scored, "cause"].tolist()


def test_three_weeks_of_data_are_enough(score: Callable[..., RiskScores], gap_model: TrainedModel) -> None:
    """A pupil is scored from the 21st enrolled day before the as-of date on, not before."""
    starts = {"20 days": "2025-02-13", "21 days": "2025-02-12"}
    records = PupilRecords(
        pupils=[{"pupil_id": pupil} for pupil in starts],
        enrolments=[enrolled(pupil, start=start) for pupil, start in starts.items()],
        absences=[{"pupil_id": "20 days", "date": "2025-03-03", "half_days": 1, "kind": "absence"}],
    )
    scores = score(records, gaps=["grades"], model=gap_model)
    assert scores.frame["days_of_data"].tolist() == [20, 21]
    assert scores.frame["cause"].isna().tolist() == [False, True]


def test_in_the_summer_an_ended_enrolment_is_no_enrolment(
    score: Callable[..., RiskScores], gap_model: TrainedModel
) -> None:
    """In July, who is known to have ended the year is not enrolled; on 1 September, nobody of the year before is."""
    records = PupilRecords(
        pupils=[{"pupil_id": "ended"}, {"pupil_id": "open"}],
        enrolments=[enrolled("ended", end="2025-07-04"), enrolled("open")],
        absences=[{"pupil_id": "open", "date": "2025-03-03", "half_days": 1, "kind": "absence"}],
    )
    july = score(records, as_of="2025-07-20", gaps=["grades"], model=gap_model).frame["cause"]
    september = score(records, as_of="2025-09-01").frame["cause"]
    assert july.iloc[0] == "non inscrit à cette date"
    assert july.isna().tolist() == [False, True]
    assert september.tolist() == ["non inscrit à cette date"] * 2


@pytest.mark.whole
def test_a_refusal_leaves_nothing_of_the_pupil_and_changes_nobody_else(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores]
) -> None:
    """Excluded pupils have no feature, reason, contribution or measure; everybody else keeps every byte."""
    with_measures = [p.pupil_id for p in small_scores if any(m.facts for m in p.measures)][:2]
    refused = [*with_measures, *small_scores.flagged["pupil_id"].tolist()[:3]]
    assert with_measures
    scores = score(small_cohort.records, explain="all", exclude=refused)
    for pupil_id in refused:
        pupil = scores[pupil_id]
        assert (pupil.risk, pupil.cause) == (None, "traitement refusé")
        assert pupil.measures == ()
        assert scores.features.loc[pupil_id, list(FEATURE_BY_NAME)].isna().all()
        assert scores.contributions.loc[pupil_id].isna().all()
        assert pupil_id not in set(scores.reasons["pupil_id"])
    before, after = told_of(small_scores), told_of(scores)
    assert {p for p in before if before[p] != after[p]} == set(refused)


@pytest.mark.parametrize("explain", ["flagged", pytest.param("all", marks=pytest.mark.whole), "none", "ids"])
def test_only_who_was_asked_for_is_explained(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], explain: str
) -> None:
    """Reasons are always tuples; who was not asked for is not explained, and the cause says so."""
    frame = small_scores.frame
    scored = frame["risk"].notna()
    ids = [*frame.loc[scored & ~frame["flagged"], "pupil_id"][:4], frame.loc[~scored, "pupil_id"].iloc[0]]
    expected = {
        "flagged": frame["flagged"],
        "all": scored,
        "none": scored & False,
        "ids": scored & frame["pupil_id"].isin(ids),
    }[explain]
    scores = score(small_cohort.records, explain=set(ids) if explain == "ids" else explain)
    assert scores.frame["explained"].tolist() == expected.tolist()
    for pupil, asked in zip(scores, expected, strict=True):
        assert isinstance(pupil.reasons, tuple)
        assert isinstance(pupil.protective, tuple)
        assert pupil.explained == asked == (pupil.explanation_cause is None)
        if asked:
            assert pupil.reasons == small_scores[pupil.pupil_id].reasons
    np.testing.assert_array_equal(scores.contributions.notna().all(axis=1), expected)


def test_a_pupil_like_the_reference_has_an_empty_list(small_scores: RiskScores) -> None:
    """Some explained pupils have nothing that stands out: no reason, and no cause for having none."""
    empty = [p for p in small_scores if p.explained and not p.reasons and not p.protective]
    assert empty
    assert all(pupil.explanation_cause is None for pupil in empty)


def failing(rows: list[int]) -> Callable[..., Attribution]:
    """Attribute as usual, but find some rows not additive."""
    real = scoring_module.attribute

    def attribute(*arguments: Any, **options: Any) -> Attribution:
        found = real(*arguments, **options)
        additive = found.additive.copy()
        additive[rows] = False
        return replace(found, additive=additive)

    return attribute


def test_an_explanation_that_fails_its_check_is_not_given(
    small_cohort: Cohort,
    small_scores: RiskScores,
    score: Callable[..., RiskScores],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row whose contributions do not add up keeps its risk and has no reasons, with the cause; the others keep all."""
    scored = small_scores.frame.loc[small_scores.frame["risk"].notna(), "pupil_id"].tolist()
    monkeypatch.setattr(scoring_module, "attribute", failing([0, 3]))
    scores = score(small_cohort.records, explain="all")
    before, after = told_of(small_scores), told_of(scores)
    assert {p for p in before if before[p] != after[p]} == {scored[0], scored[3]}
    for pupil_id in (scored[0], scored[3]):
        pupil = scores[pupil_id]
        assert pupil.risk == small_scores[pupil_id].risk
        assert pupil.reasons == pupil.protective == ()
        assert pupil.other_points is pupil.reference_risk is None
        assert pupil.explanation_cause is not None
        assert pupil.explanation_cause.startswith("explication non vérifiée")
        assert scores.contributions.loc[pupil_id].isna().all()
        assert pupil_id not in set(scores.reasons["pupil_id"])


def test_the_check_is_made_on_every_call(
    small_cohort: Cohort,
    small_scores: RiskScores,
    score: Callable[..., RiskScores],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a tolerance that nothing can meet, nobody is explained and everybody keeps their risk."""
    monkeypatch.setattr("decrochage_risk.explain.attribution.ADDITIVITY_TOLERANCE", -1.0)
    scores = score(small_cohort.records, explain="all")
    assert scores.reasons.empty
    assert not scores.frame["explained"].any()
    assert scores.frame["explanation_cause"].notna().all()
    assert scores.frame["risk"].equals(small_scores.frame["risk"])


def test_the_demonstration_model_warns_once_per_call(
    small_cohort: Cohort, small_model: TrainedModel, as_of: date
) -> None:
    """Each call with a demonstration model warns exactly once, at the line of the caller."""
    for _ in range(2):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            score_pupils(small_cohort.records, as_of=as_of, model=small_model, explain="none")
        assert [item.category for item in seen] == [DemoModelWarning]
        assert DEMO_NOTICE in str(seen[0].message)
        assert seen[0].filename == __file__


def test_the_bundled_model_is_used_when_none_is_given(small_cohort: Cohort, as_of: date) -> None:
    """Without a model, the bundled demonstration model scores, and says so."""
    with pytest.warns(DemoModelWarning, match="train_model"):
        scores = score_pupils(small_cohort.records, as_of=as_of)
    assert scores.run.model.demo
    assert scores.run.model.id.startswith("demo-")
    assert scores.frame["risk"].notna().sum() > 1_000


def test_a_model_of_real_pupils_is_not_called_a_demonstration(
    small_cohort: Cohort, small_model: TrainedModel, as_of: date
) -> None:
    """A model that is no demonstration brings no warning (an error here) and no notice anywhere."""
    model = replace(small_model, demo=False)
    scores = score_pupils(small_cohort.records, as_of=as_of, model=model, explain="none")
    assert not scores.frame["demo"].any()
    assert scores.run.model.notice is None
    assert "démonstration" not in scores.summary + scores.to_json() + scores._repr_html_()


def test_measures_rest_on_completed_years(
    small_cohort: Cohort, small_scores: RiskScores, as_of: date
) -> None:
    """The age is the number of birthdays up to the as-of date, that day included."""
    born = small_cohort.tables["pupils"]["birth_date"]
    ages = small_scores.frame["age_years"]
    for birth, age in zip(born, ages, strict=True):
        birthdays = sum(
            (birth.year + k, birth.month, birth.day) <= (as_of.year, as_of.month, as_of.day)
            for k in range(1, 40)
        )
        assert age == birthdays


def test_no_output_holds_a_birth_date(small_cohort: Cohort, small_scores: RiskScores) -> None:
    """The age is enough: no column and no JSON gives a day of birth."""
    assert not [name for name in small_scores.frame if "birth" in name]
    days = set(re.findall(r"\d{4}-\d\d-\d\d", small_scores.to_json()))
    assert "2025-03-05" in days
    born = {day.date().isoformat() for day in small_cohort.tables["pupils"]["birth_date"]}
    assert not days & born


def test_a_day_on_which_nobody_can_be_scored_still_gives_everybody(
    small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """On 10 September everybody is new: as many results as pupils, no risk, no reason, and the tables have their columns."""
    scores = score(small_cohort.records, as_of="2024-09-10", explain="all")
    assert len(list(scores)) == len(small_cohort.tables["pupils"])
    assert scores.frame["risk"].isna().all()
    assert scores.frame["cause"].isin(["moins de 3 semaines de données", "non inscrit à cette date"]).all()
    assert scores.reasons.empty
    assert list(scores.contributions.columns) == [*(family.code for family in FAMILIES), "base"]
    assert not any(math.isfinite(value) for value in scores.frame["reference_risk"])
