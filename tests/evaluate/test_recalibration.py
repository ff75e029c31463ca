"""Slope, intercept and ICI against independent fits, and on risks whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from decrochage_risk.evaluate.baselines import fit_logistic, log_odds, probability
from decrochage_risk.evaluate.reliability import (
    _spline_columns,
    calibration_slope_intercept,
    ici,
    smooth_frequency,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows


def test_slope_and_intercept_equal_independent_fits(simulate: Callable[..., Rows]) -> None:
    """The slope is scikit-learn's without penalty; the intercept solves sum(outcome) = sum(risk)."""
    case = simulate(1500, slope=0.7, shift=0.3)
    scores = log_odds(case.risk)
    found = calibration_slope_intercept(case.outcome, scores)
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(scores[:, None], case.outcome)
    assert found.slope == pytest.approx(float(fit.coef_[0, 0]), abs=1e-4)
    root = optimize.brentq(lambda a: (case.outcome - 1 / (1 + np.exp(-(a + scores)))).sum(), -5, 5)
    assert found.intercept == pytest.approx(root, abs=1e-8)


def test_intervals_come_from_the_information_matrix(simulate: Callable[..., Rows]) -> None:
    """The half-width is 1.96 standard errors of the inverse information at the estimate."""
    case = simulate(1500)
    scores = log_odds(case.risk)
    found = calibration_slope_intercept(case.outcome, scores)
    design = np.column_stack([np.ones_like(scores), scores])
    fit = fit_logistic([*design.T], case.outcome)
    assert fit is not None
    weight = np.diag(probability(design @ fit.coefficients) * (1 - probability(design @ fit.coefficients)))
    error = np.sqrt(np.linalg.inv(design.T @ weight @ design)[1, 1])
    assert found.slope is not None
    assert found.slope_low == pytest.approx(found.slope - 1.959964 * error, abs=1e-6)
    assert found.slope_high == pytest.approx(found.slope + 1.959964 * error, abs=1e-6)


def test_true_risks_have_slope_1_and_intercept_0_within_the_intervals(simulate: Callable[..., Rows]) -> None:
    """Over 100 draws of true risks, 95 % intervals of slope and intercept hold 1 and 0 about 95 times."""
    fits = [
        calibration_slope_intercept(c.outcome, log_odds(c.risk))
        for c in (simulate(800, s) for s in range(100))
    ]
    assert 88 <= sum(fit.slope_low <= 1 <= fit.slope_high for fit in fits) <= 100
    assert 88 <= sum(fit.intercept_low <= 0 <= fit.intercept_high for fit in fits) <= 100
    assert np.mean([fit.slope for fit in fits]) == pytest.approx(1, abs=0.05)


def test_a_known_distortion_is_found(simulate: Callable[..., Rows]) -> None:
    """A truth with half the log-odds gives a slope of 0.5; one shifted by 0.4 an intercept of 0.4."""
    half, moved = simulate(20_000, slope=0.5), simulate(20_000, shift=0.4)
    assert calibration_slope_intercept(half.outcome, log_odds(half.risk)).slope == pytest.approx(
        0.5, abs=0.05
    )
    assert calibration_slope_intercept(moved.outcome, log_odds(moved.risk)).intercept == pytest.approx(
        0.4, abs=0.05
    )


def test_copies_of_a_pupil_add_no_certainty(simulate: Callable[..., Rows]) -> None:
    """Every row four times: the naive interval halves, the one that knows the pupils stays as wide."""
    case = simulate(1000)
    scores, pupils = log_odds(case.risk), np.arange(1000)
    four = [np.repeat(values, 4) for values in (case.outcome, scores, pupils)]
    once = calibration_slope_intercept(case.outcome, scores, pupils=pupils)
    naive = calibration_slope_intercept(four[0], four[1])
    known = calibration_slope_intercept(four[0], four[1], pupils=four[2])
    single = calibration_slope_intercept(case.outcome, scores)
    assert known.slope_high - known.slope_low == pytest.approx(once.slope_high - once.slope_low, rel=1e-6)
    assert naive.slope_high - naive.slope_low == pytest.approx(
        (single.slope_high - single.slope_low) / 2, rel=1e-6
    )
    assert known.slope == pytest.approx(once.slope, rel=1e-6)
    widths = [fit.intercept_high - fit.intercept_low for fit in (known, once, naive, single)]
    assert widths[0] == pytest.approx(widths[1], rel=1e-6)
    assert widths[2] == pytest.approx(widths[3] / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("outcome", "scores", "cause"),
    [
        ([0, 0], [0.1, 0.2], "même issue"),
        ([0, 1, 0, 1], [0.5] * 4, "tous les risques sont égaux"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], "séparent entièrement"),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], "séparent entièrement"),
    ],
)
def test_a_slope_that_does_not_exist_has_its_cause(
    outcome: list[int], scores: list[float], cause: str
) -> None:
    """One outcome, equal risks or separated outcomes: no slope is invented, and the cause is stated."""
    found = calibration_slope_intercept(outcome, scores)
    assert (found.slope, found.slope_low, found.slope_high) == (None, None, None)
    assert cause in found.causes[0]


def test_separated_outcomes_still_have_an_intercept() -> None:
    """The intercept needs no slope: it is measured when the slope is not."""
    assert calibration_slope_intercept([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]).intercept is not None


def test_ici_of_the_truth_is_small_and_of_a_shift_is_the_shift(simulate: Callable[..., Rows]) -> None:
    """True risks have an ICI near 0; risks moved by five points one near 0.05."""
    case = simulate(20_000)
    moved = np.clip(case.risk + 0.05, 0, 1)
    assert ici(case.outcome, case.risk) == pytest.approx(0, abs=0.008)
    assert ici(case.outcome, moved) == pytest.approx(0.05, abs=0.012)


def test_the_smooth_curve_follows_a_bent_truth(simulate: Callable[..., Rows]) -> None:
    """A truth that no straight recalibration can give is followed to two points on average."""
    case = simulate(30_000)
    scores = log_odds(case.risk)
    truth = probability(-1.5 + 0.6 * np.abs(scores + 1.5))
    outcome = (np.random.default_rng(1).random(len(truth)) < truth).astype(float)
    smooth = smooth_frequency(outcome, case.risk)
    assert smooth is not None
    assert np.mean(np.abs(smooth - truth)) < 0.02
    assert ici(outcome, case.risk) == pytest.approx(np.mean(np.abs(truth - case.risk)), abs=0.02)


def test_few_distinct_risks_are_smoothed_by_their_frequencies() -> None:
    """With three distinct risks a spline of three knots gives back each one's observed frequency."""
    risk = np.repeat([0.1, 0.3, 0.6], 20)
    outcome = np.concatenate(
        [np.repeat([1.0, 0.0], [3, 17]), np.repeat([1.0, 0.0], [10, 10]), np.repeat([1.0, 0.0], [9, 11])]
    )
    smooth = smooth_frequency(outcome, risk)
    assert smooth is not None
    assert smooth[[0, 20, 40]].round(6).tolist() == [0.15, 0.5, 0.45]


def test_one_risk_for_all_is_smoothed_by_the_base_rate() -> None:
    """Equal risks: the smooth frequency is the base rate, and the ICI its distance to the risk."""
    assert ici([0, 0, 0, 1], [0.5] * 4) == pytest.approx(0.25)


def test_ici_that_cannot_be_measured_is_none() -> None:
    """One outcome, or outcomes that the risks separate, have no ICI."""
    assert ici([0, 0], [0.1, 0.2]) is None
    assert ici([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]) is None


def test_risks_of_0_and_1_do_not_break_the_log_odds() -> None:
    """Certain risks are moved 1e-15 away from 0 and 1, symmetrically."""
    assert log_odds(np.array([0.0])) == pytest.approx(-log_odds(np.array([1.0])), rel=1e-2)
    assert probability(log_odds(np.array([0.2, 0.9]))) == pytest.approx([0.2, 0.9])


def test_collinear_columns_have_no_fit() -> None:
    """Twice the same column leaves the coefficients undetermined: None, not numbers."""
    column = np.array([0.0, 1.0, 2.0, 3.0])
    assert fit_logistic([np.ones(4), column, column], np.array([0.0, 1.0, 0.0, 1.0])) is None


def test_the_spline_is_straight_beyond_the_outer_knots_and_bent_between() -> None:
    """Second differences of every spline column vanish outside the knots and not between them."""
    line = np.linspace(-5, 5, 101)
    for column in _spline_columns(line, np.array([-2.0, -0.5, 0.5, 2.0])):
        bend = np.diff(column, 2)
        assert bend[(line[2:] <= -2) | (line[:-2] >= 2)] == pytest.approx(0, abs=1e-12)
        assert np.abs(bend).max() > 1e-3


def test_clustered_covariance_is_the_sandwich(simulate: Callable[..., Rows]) -> None:
    """The covariance over pupils is the inverse information around the summed scores, times G / (G - 1)."""
    case = simulate(60)
    design = np.column_stack([np.ones(60), log_odds(case.risk)])
    pupils = np.arange(60) // 6
    fit = fit_logistic([*design.T], case.outcome, clusters=pupils)
    assert fit is not None
    risk = probability(design @ fit.coefficients)
    bread = np.linalg.inv(design.T @ (design * (risk * (1 - risk))[:, None]))
    totals = np.array(
        [
            (design[pupils == one] * (case.outcome - risk)[pupils == one, None]).sum(axis=0)
            for one in range(10)
        ]
    )
    assert fit.covariance == pytest.approx(bread @ totals.T @ totals @ bread * 10 / 9, rel=1e-6)
