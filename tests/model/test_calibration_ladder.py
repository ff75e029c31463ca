from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from decrochage_risk.risk.calibration import (
    KINDS,
    LEAST_SLOPE,
    LEVEL_SD,
    SLOPE_SD,
    Calibration,
    Rung,
    choose_calibration,
    fit_calibration,
    fit_rung,
    log_loss,
    probability,
    slope_at,
)

rows_of_scores = st.lists(
    st.tuples(st.floats(-8, 8, allow_subnormal=False), st.booleans()), min_size=10, max_size=60
).map(lambda rows: (np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])))


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.5, 1.5, rows)
    return truth, (rng.random(rows) < probability(truth)).astype(float)


@settings(max_examples=60)
@given(rows_of_scores, st.sampled_from(KINDS))
def test_a_fit_is_never_worse_than_identity_and_never_turns_risks_over(
    rows: tuple[np.ndarray, np.ndarray], kind: str
) -> None:
    """On any scores and outcomes, one class alone included: the slope is positive, the log loss at most identity's."""
    fitted = fit_calibration(kind, *rows)  # type: ignore[arg-type]  # sampled from the kinds
    assert fitted.slope >= LEAST_SLOPE
    assert log_loss(fitted.apply(rows[0]), rows[1]) <= log_loss(*rows) + 1e-12


@settings(max_examples=30)
@given(rows_of_scores)
def test_the_fit_is_the_least_of_the_penalised_loss(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """A general optimiser with the slope bounded finds no smaller loss; the shift is that at the centre of the scores."""
    score, outcome = rows
    weight = probability(score) * probability(-score)
    centre = (weight * score).sum() / weight.sum()

    def loss(at: np.ndarray) -> float:
        penalty = at[0] ** 2 / (2 * LEVEL_SD**2) + (at[1] - 1) ** 2 / (2 * SLOPE_SD**2)
        return len(score) * log_loss(centre + at[0] + at[1] * (score - centre), outcome) + penalty

    found = fit_calibration("platt", score, outcome)
    level = float(found.apply(np.array([centre]))[0]) - centre
    best = minimize(loss, [0.0, 1.0], method="L-BFGS-B", bounds=[(None, None), (LEAST_SLOPE, None)])
    assert loss(np.array([level, found.slope])) <= best.fun + 1e-6


@pytest.mark.parametrize(("intercept", "slope"), [(0.6, 1.7), (-0.8, 0.6), (0.0, 3.0)])
def test_a_distorted_score_is_put_right(intercept: float, slope: float) -> None:
    """The distortion of a known truth is recovered, from several periods and from one."""
    truth, outcome = draw(40_000, 1)
    distorted = (truth - intercept) / slope
    for block in (np.repeat([1, 2, 3, 4], 10_000), np.zeros(40_000)):
        found = choose_calibration(distorted, outcome, block)
        assert found.kind == "platt"
        assert found.intercept == pytest.approx(intercept, abs=0.12)
        assert found.slope == pytest.approx(slope, rel=0.05)


def test_a_true_score_is_left_alone_and_a_shifted_one_only_shifted() -> None:
    """The simplest rung that predicts as well is taken."""
    truth, outcome = draw(40_000, 2)
    block = np.repeat([1, 2], 20_000)
    assert choose_calibration(truth, outcome, block) == Calibration("identity")
    shifted = choose_calibration(truth + 0.5, outcome, block)
    assert shifted.kind == "intercept"
    assert shifted.slope == 1.0
    assert shifted.intercept == pytest.approx(-0.5, abs=0.06)


def test_the_choice_is_made_on_what_came_after() -> None:
    """A shift that fits both periods together, but not the second from the first, is not taken."""
    truth, outcome = draw(20_000, 3)
    block = np.repeat([1, 2], [2_000, 18_000])
    score = truth + np.where(block == 1, -1.0, 1.0)
    assert log_loss(fit_calibration("intercept", score, outcome).apply(score), outcome) < log_loss(
        score, outcome
    )
    assert choose_calibration(score, outcome, block).kind == "identity"


def test_the_order_of_rows_does_not_change_the_choice() -> None:
    """A single block is cross-fitted over pupils, whatever the order of the rows."""
    truth, outcome = draw(600, 4)
    groups = np.arange(600) // 2
    order = np.random.default_rng(0).permutation(600)
    one = choose_calibration(truth * 2, outcome, np.zeros(600), groups=groups)
    other = choose_calibration(truth[order] * 2, outcome[order], np.zeros(600), groups=groups[order])
    assert one.kind == other.kind
    assert other.slope == pytest.approx(one.slope, abs=1e-9)


@given(st.floats(0.05, 3), st.floats(1, 20), st.floats(1, 20))
def test_slopes_of_smaller_trainings_follow_one_law(slope: float, fewer: float, still_fewer: float) -> None:
    """As much learnt from: the same slope; in two steps as in one; the further from 1, the fewer events are learnt from."""
    assert slope_at(slope, np.ones(1))[0] == pytest.approx(slope)
    once = float(slope_at(slope, np.array([fewer]))[0])
    twice = slope_at(once, np.array([still_fewer]))[0]
    assert twice == pytest.approx(slope_at(slope, np.array([fewer * still_fewer]))[0])
    assert abs(once - 1) >= abs(slope - 1) - 1e-12
    assert once > 0
    assert (once - 1) * (slope - 1) >= 0


def test_the_noise_of_smaller_trainings_is_not_taken_for_that_of_the_final_one() -> None:
    """Scores of periods whose noise is that of fewer events give the slope and level of the final score's own noise."""
    rng = np.random.default_rng(7)
    truth, outcome = draw(60_000, 6)
    noise, growth = 0.05, np.repeat([4.5, 2.25, 1.5], 20_000)
    score = truth + rng.normal(size=60_000) * 1.5 * np.sqrt(noise * growth)
    found = choose_calibration(score, outcome, np.repeat([1, 2, 3], 20_000), growth=growth)
    final = fit_calibration("platt", truth + rng.normal(size=60_000) * 1.5 * np.sqrt(noise), outcome)
    assert found.slope == pytest.approx(final.slope, abs=0.03)
    assert found.intercept == pytest.approx(final.intercept, abs=0.05)
    assert fit_calibration("platt", score, outcome).slope < final.slope - 0.07


@pytest.mark.parametrize("slope", [0.8, 0.95, 1.2])
def test_the_slope_of_the_final_score_is_found_again(slope: float) -> None:
    """Outcomes drawn by the law itself, from scores of three sizes of training: level and slope are those put in."""
    rng = np.random.default_rng(8)
    score, growth = rng.normal(-2.0, 1.5, 90_000), np.repeat([4.0, 2.0, 1.5], 30_000)
    centre = float(np.average(score, weights=probability(score) * probability(-score)))
    chance = probability(Rung("platt", centre, 0.2, slope).apply(score, growth))
    found = fit_rung("platt", score, (rng.random(len(score)) < chance).astype(float), growth)
    assert found.slope == pytest.approx(slope, abs=0.02)
    assert found.level == pytest.approx(0.2, abs=0.04)


@settings(max_examples=60)
@given(rows_of_scores, st.lists(st.floats(1, 8), min_size=60, max_size=60))
def test_with_growth_a_fit_is_never_worse_than_identity_where_it_was_fitted(
    rows: tuple[np.ndarray, np.ndarray], growth: list[float]
) -> None:
    """Each row at its own growth: log loss at most identity's; the order within one growth stays."""
    times = np.array(growth[: len(rows[0])])
    rung = fit_rung("platt", *rows, times)
    assert log_loss(rung.apply(rows[0], times), rows[1]) <= log_loss(*rows) + 1e-12
    assert rung.slope >= LEAST_SLOPE
    assert (slope_at(rung.slope, times) > 0).all()
    one = np.ones(len(times))
    np.testing.assert_allclose(rung.apply(rows[0], one), rung.calibration.apply(rows[0]), atol=1e-12)
