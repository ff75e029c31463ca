"""Cohorts shared by the laws on the synthetic cohort, drawn once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.synthetic import Cohort, make_cohort


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """Draw two years of pupils, enough for shares to be within a point or so."""
    return make_cohort(9_000, [2023, 2024], seed=20)


@pytest.fixture(scope="session")
def hidden_cohort() -> Cohort:
    """Draw pupils of whom the records do not show everything."""
    return make_cohort(9_000, [2023, 2024], seed=21, difficulty="realistic")


def truth_and_outcome(cohort: Cohort, *days: str) -> pd.DataFrame:
    """Join the truth of some days with what became of the pupils; unknown outcomes left out."""
    truth = cohort.truth_at(*days)
    month = truth["as_of"].dt.month
    truth["school_year"] = np.where(month >= 9, truth["as_of"].dt.year, truth["as_of"].dt.year - 1)
    joined = truth.merge(cohort.outcomes, on=["pupil_id", "school_year"], validate="many_to_one")
    known = joined[joined["outcome"] != "unknown"].copy()
    known["left"] = (known["outcome"] == "left_without_diploma").astype(float)
    return known


def surprise(probability: pd.Series, happened: pd.Series) -> float:
    """How many standard errors the number of events lies from the sum of its probabilities."""
    error = np.sqrt((probability * (1 - probability)).sum())
    return float((happened.sum() - probability.sum()) / error)
