"""One small cohort of three school years, and quick models of it, shared by the tests of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="session")
def quick() -> FitOptions:
    """Return options that make a small model within a second."""
    return FitOptions(max_rounds=25, members=2, linear_share=0.5, penalty=100.0)


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    return make_cohort(1_000, [2021, 2022, 2023], seed=3)


@pytest.fixture(scope="session")
def demo_model(cohort: Cohort, quick: FitOptions, trained_once: Callable[..., TrainedModel]) -> TrainedModel:
    """Train on all three years, as on synthetic pupils."""
    return trained_once(
        "three-years",
        lambda: train_model(cohort.records, cohort.outcomes, name="essai", synthetic=True, options=quick),
    )


@pytest.fixture(scope="session")
def earlier_model(
    cohort: Cohort, quick: FitOptions, trained_once: Callable[..., TrainedModel]
) -> TrainedModel:
    """Train on 2021-22 and 2022-23, as on real pupils: 2023-24 is left to be evaluated."""
    return trained_once(
        "two-years",
        lambda: train_model(cohort.records, cohort.outcomes, school_years=[2021, 2022], options=quick),
    )
