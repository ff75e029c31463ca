"""Cohorts shared by the laws on the synthetic cohort, drawn once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.synthetic import Cohort, make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """Draw two years of pupils, whose shares are within a point or so."""
    return make_cohort(9_000, [2023, 2024], seed=20)


@pytest.fixture(scope="session")
def hidden_cohort() -> Cohort:
    """Draw pupils of whom the records do not show everything."""
    return make_cohort(9_000, [2023, 2024], seed=21, difficulty="realistic")


@pytest.fixture(scope="session")
def long_cohort() -> Cohort:
    """Draw four years: pupils of the first have a label over three years, and leavers come back."""
    return make_cohort(9_000, [2020, 2021, 2022, 2023], seed=23)


@pytest.fixture(scope="session")
def truth_and_outcome() -> Callable[..., pd.DataFrame]:
    """Join the truth of some days with what became of the pupils; unknown outcomes left out."""

    def join(cohort: Cohort, *days: str) -> pd.DataFrame:
        truth = cohort.truth_at(*days)
        day = truth["as_of"].dt
        truth["school_year"] = np.where(day.month >= 9, day.year, day.year - 1)
        joined = truth.merge(cohort.outcomes, on=["pupil_id", "school_year"], validate="many_to_one")
        known = joined[joined["outcome"] != "unknown"].copy()
        known["left"] = (known["outcome"] == "left_without_diploma").astype(float)
        return known

    return join


@pytest.fixture(scope="session")
def surprise() -> Callable[..., float]:
    """Tell how many standard errors the number of events lies from the sum of its probabilities."""

    def errors(probability: pd.Series, happened: pd.Series) -> float:
        spread = np.sqrt((probability * (1 - probability)).sum())
        return abs(float((happened.sum() - probability.sum()) / spread))

    return errors
