from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decrochage_risk.errors import ModelError, NotEnoughDataError
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.uncertainty import (
    fit_spread_factor,
    jackknife_error,
    jackknife_interval,
    member_mean,
    normal_quantile,
    rarity_factor,
)


def test_the_jackknife_error_is_the_one_computed_by_hand() -> None:
    """Members 1, 2, 3, 4, 10: mean 4, squares 9 + 4 + 1 + 0 + 36 = 50, times 4/5 = 40."""
    members = np.array([[1.0, 2.0, 3.0, 4.0, 10.0], [7.0] * 5])
    np.testing.assert_allclose(jackknife_error(members) ** 2, [40.0, 0.0])


@settings(max_examples=50)
@given(arrays(np.float64, (7, 5), elements=st.floats(-6, 6)), st.floats(0.5, 0.99), st.floats(0.1, 4))
def test_the_interval_is_symmetric_in_log_odds_around_the_mean(
    members: np.ndarray, level: float, factor: float
) -> None:
    """Its half width is quantile times factors times error; it holds the mean risk and lies within 0..1."""
    low, high = jackknife_interval(members, level=level, spread_factor=factor)
    middle = probability(members.mean(axis=1))
    assert ((low <= middle + 1e-12) & (middle <= high + 1e-12) & (low >= 0) & (high <= 1)).all()
    half = (
        normal_quantile(level)
        * factor
        * rarity_factor(members.mean(axis=1))
        * np.sqrt(4 / 5 * ((members - members.mean(axis=1)[:, None]) ** 2).sum(axis=1))
    )
    np.testing.assert_allclose(low, probability(members.mean(axis=1) - half), atol=1e-12)


@settings(max_examples=50)
@given(arrays(np.float64, (9, 5), elements=st.floats(-6, 6)))
def test_a_row_alone_has_the_bits_of_a_row_in_a_batch(members: np.ndarray) -> None:
    """Mean, error and interval of a row do not depend on its neighbours."""
    low, high = jackknife_interval(members)
    for row in range(9):
        one = members[row : row + 1]
        assert member_mean(one)[0] == member_mean(members)[row]
        assert jackknife_error(one)[0] == jackknife_error(members)[row]
        assert jackknife_interval(one) == (low[row], high[row])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.5, 0.95))
def test_the_fitted_factor_covers_the_truth_at_its_level(seed: int, level: float) -> None:
    """At least the level is covered with the factor, less than the level with a slightly smaller one."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=400)
    members = truth[:, None] + rng.normal(size=(400, 1)) + 0.3 * rng.normal(size=(400, 5))
    factor = fit_spread_factor(members, truth, level=level)

    def covered(with_factor: float) -> float:
        low, high = jackknife_interval(members, level=level, spread_factor=with_factor)
        return float(np.mean((low <= probability(truth)) & (probability(truth) <= high)))

    assert covered(factor * (1 + 1e-9)) >= level
    assert covered(factor * (1 - 1e-6)) < level


def test_members_that_agree_have_no_spread_to_scale() -> None:
    """No factor makes an interval of width 0 cover anything."""
    with pytest.raises(NotEnoughDataError, match="agree exactly in 4 of 4 rows") as error:
        fit_spread_factor(np.zeros((4, 5)), np.ones(4))
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("truth", [np.zeros(3), np.array([0.0, np.inf, 0.0, 0.0])])
def test_a_truth_that_does_not_fit_is_refused(truth: np.ndarray) -> None:
    """Another length, or log-odds of a certainty."""
    with pytest.raises(ModelError, match="true_log_odds has shape") as error:
        fit_spread_factor(np.zeros((4, 5)), truth)
    assert "4 finite values" in str(error.value)


@pytest.mark.parametrize("level", [0.0, 1.0, 90, float("nan")])
def test_a_level_outside_0_to_1_is_refused(level: float) -> None:
    """90 is not 90 %."""
    with pytest.raises(ModelError, match="level") as error:
        jackknife_interval(np.zeros((1, 5)), level=level)
    assert "between 0 and 1" in str(error.value)


def test_the_interval_widens_only_where_the_event_is_rare() -> None:
    """The factor is 1 from 2 % on, never under 1, and grows without a jump as the risk falls."""
    risk = np.geomspace(1e-5, 0.9, 400)
    factor = rarity_factor(np.log(risk / (1 - risk)))
    assert (factor[risk >= 0.02] == 1).all()
    assert (np.diff(factor) <= 0).all()
    assert np.abs(np.diff(factor)).max() < 0.05
    assert factor[0] > 1.5
