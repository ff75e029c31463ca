"""Laws on attendance of earlier school years: of named pupils it is neither learnt nor read, unless a legal basis is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from decrochage_risk.errors import ModelError
from decrochage_risk.model import TrainedModel, load_trained_model
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.risk import FitOptions
from decrochage_risk.score import score_pupils
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model
from decrochage_risk.train.training import PAST_ATTENDANCE

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.synthetic import Cohort

AS_OF = "2025-03-05"
CHOICES: dict[str, Any] = {
    "as_of_dates": ["2023-03-06", "2024-03-06"],
    "hold_out_schools": False,
    "options": FitOptions(kind="logistic", members=2, penalty=100.0),
}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Draw four years: the year before is known in every year of the training."""
    return make_cohort(1_000, [2021, 2022, 2023, 2024], seed=12)


@pytest.fixture(scope="module")
def model(cohort: Cohort) -> TrainedModel:
    """Train as on pupils who exist."""
    return train_model(cohort.records, cohort.outcomes, **CHOICES)


def of_this_year_alone(cohort: Cohort) -> PupilRecords:
    """Leave out every absence before the school year of the as-of date."""
    tables = dict(cohort.tables)
    absences = tables["absences"]
    names = ("absences", "grades", "orientation")
    tables["absences"] = absences[absences["date"] >= "2024-09-01"]
    return PupilRecords(
        tables["pupils"],
        tables["enrolments"],
        **{name: tables[name] for name in names},
        calendar=cohort.calendar,
    )


def test_by_default_no_feature_of_earlier_attendance_is_learnt_and_marks_stay(model: TrainedModel) -> None:
    """Every feature of attendance whose window leaves the year is dropped; missed work of the year before is learnt."""
    assert len(PAST_ATTENDANCE) > 5
    assert not set(PAST_ATTENDANCE) & set(model.risk_model.columns)
    assert set(PAST_ATTENDANCE) <= set(model.risk_model.dropped)
    assert "missed_assessments_last_year" in model.risk_model.columns
    assert model.trained_on["past_attendance"] is False


def test_earlier_absences_move_no_bit_of_a_risk(cohort: Cohort, model: TrainedModel) -> None:
    """With the absences of earlier years left out of the extract, every risk of a named pupil is the same to the last bit."""
    both = [
        score_pupils(records, as_of=AS_OF, model=model, explain="none").frame["risk"]
        for records in (cohort.records, of_this_year_alone(cohort))
    ]
    assert both[0].notna().any()
    assert both[0].to_numpy().tobytes() == both[1].to_numpy().tobytes()


@pytest.mark.parametrize("legal_basis", [None, "", "  "])
def test_history_without_a_legal_basis_is_refused(cohort: Cohort, legal_basis: str | None) -> None:
    """Who asks for attendance of earlier years says on which basis, in words."""
    with pytest.raises(ModelError, match="legal basis"):
        train_model(cohort.records, cohort.outcomes, history=True, legal_basis=legal_basis, **CHOICES)


@pytest.mark.whole
def test_a_stated_basis_is_recorded_and_printed(cohort: Cohort, tmp_path: Path) -> None:
    """The model that learnt from earlier attendance reads it, keeps the basis when saved, and its card says it."""
    basis = "convention du 3 mars avec l'académie"
    model = train_model(cohort.records, cohort.outcomes, history=True, legal_basis=basis, **CHOICES)
    assert set(PAST_ATTENDANCE) & set(model.risk_model.columns)
    model.save(tmp_path / "modele")
    loaded = load_trained_model(tmp_path / "modele")
    assert loaded.trained_on["legal_basis"] == basis
    assert f"base légale déclarée : {basis}" in loaded.card


@pytest.mark.whole
def test_synthetic_pupils_are_learnt_from_whole(cohort: Cohort) -> None:
    """Nobody's attendance is kept in a synthetic cohort: it is learnt from, unless history=False."""
    choices = CHOICES | {"synthetic": True}
    whole = train_model(cohort.records, cohort.outcomes, **choices)
    without = train_model(cohort.records, cohort.outcomes, history=False, **choices)
    read = [bool(set(PAST_ATTENDANCE) & set(one.risk_model.columns)) for one in (whole, without)]
    assert read == [True, False]
