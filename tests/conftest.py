"""A small synthetic cohort, a small model trained on it and its scores: drawn, trained and scored once per run."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import settings

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.model import load_trained_model
from decrochage_risk.risk import FitOptions
from decrochage_risk.score import RiskScores, score_pupils
from decrochage_risk.synthetic import Cohort, make_cohort
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records import PupilRecords

# The same examples in every run, and no time limit of their own: a busy machine must not turn a law red.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

PUPILS = 1_400
"""Over three years; more than 1,000 of them are enrolled on the as-of date."""


@pytest.fixture(scope="session")
def as_of() -> date:
    """Return the day of every score below: a Wednesday of March in the last year of the cohort."""
    return date(2025, 3, 5)


@pytest.fixture(scope="session")
def small_cohort() -> Cohort:
    """Draw synthetic pupils over three school years."""
    return make_cohort(PUPILS, [2022, 2023, 2024], seed=11)


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TrainedModel]:
    """Return a function that trains a model in one worker of the run; every worker loads what that one saved."""
    base = tmp_path_factory.getbasetemp()
    # Each worker has a folder of its own in that of the run.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def train_or_load(name: str, train: Callable[[], TrainedModel]) -> TrainedModel:
        folder = shared / f"trained-{name}"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                draft = folder.with_name(f"{folder.name}-{os.getpid()}")
                train().save(draft)
                draft.rename(folder)  # as a whole: a run that was stopped leaves no half of a model
        return load_trained_model(folder)

    return train_or_load


@pytest.fixture(scope="session")
def small_model(small_cohort: Cohort, trained_once: Callable[..., TrainedModel]) -> TrainedModel:
    """Train a demonstration model on the small cohort."""
    options = FitOptions(max_rounds=60, members=3, linear_share=0.5, penalty=100.0)
    return trained_once(
        "small",
        lambda: train_model(
            small_cohort.records,
            small_cohort.outcomes,
            synthetic=True,
            hold_out_schools=False,
            options=options,
        ),
    )


@pytest.fixture(scope="session")
def gap_model(small_model: TrainedModel) -> TrainedModel:
    """Give the small model without its counts of what was known together, as one of format 1: every declared gap is scored."""
    risk_model = small_model.risk_model
    references = replace(risk_model.references, knowledge=replace(risk_model.knowledge, rows={}))
    return replace(small_model, risk_model=replace(risk_model, references=references))


@pytest.fixture(scope="session")
def score(small_model: TrainedModel, as_of: date) -> Callable[..., RiskScores]:
    """Return ``score_pupils`` with the small model on the as-of date; it must say that the model is a demonstration."""

    def scored(records: PupilRecords, **arguments: Any) -> RiskScores:
        with pytest.warns(DemoModelWarning):
            return score_pupils(records, **{"as_of": as_of, "model": small_model} | arguments)

    return scored


@pytest.fixture(scope="session")
def small_scores(small_cohort: Cohort, score: Callable[..., RiskScores]) -> RiskScores:
    """Score the small cohort, everybody explained; no test may change it."""
    return score(small_cohort.records, explain="all")
