"""The law of the calibration's interval: two years without a change differ by the chance of both."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from decrochage_risk.train.drift_labels import training_error


def trained(leavers: int, years: int, days: int) -> Any:  # noqa: ANN401 - stands for a model
    """Stand for a model trained on some leavers a year, each seen on as many days of it."""
    told = {
        "events": leavers * years * days,
        "as_of": [f"{year}-{day}" for year in range(years) for day in range(days)],
        "school_years": list(range(years)),
    }
    return SimpleNamespace(trained_on=told)


@pytest.mark.parametrize("years", [1, 2, 5])
def test_the_error_is_that_of_a_difference_of_two_counts(years: int) -> None:
    """The logarithms of the leavers of a training and of a year scatter as much more than those of the year alone."""
    rng = np.random.default_rng(7)
    now, before = rng.poisson(400, 20_000), rng.poisson(400 * years, 20_000)
    ratio = np.std(np.log(now) - np.log(before)) / np.std(np.log(now))
    assert training_error(trained(400, years, 4), 400.0) == pytest.approx(ratio, rel=0.03)


def test_the_days_of_a_year_are_one_leaver() -> None:
    """The same leavers seen on more days are no more of them."""
    assert training_error(trained(300, 2, 1), 100.0) == pytest.approx(
        training_error(trained(300, 2, 6), 100.0)
    )
