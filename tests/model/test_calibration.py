from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from decrochage_risk.errors import ModelError, NotEnoughDataError
from decrochage_risk.model.calibration import (
    INTERCEPT_SD,
    KINDS,
    LEAST_SLOPE,
    SLOPE_SD,
    Calibration,
    choose_calibration,
    fit_calibration,
    log_loss,
    probability,
    update_intercept,
)

rows_of_scores = st.lists(
    st.tuples(st.floats(-8, 8, allow_subnormal=False), st.booleans()), min_size=10, max_size=60
).map(lambda rows: (np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])))


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.5, 1.5, rows)
    return truth, (rng.random(rows) < probability(truth)).astype(float)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(rows_of_scores, st.sampled_from(KINDS))
def test_a_fit_is_never_worse_than_identity_and_never_turns_risks_over(
    rows: tuple[np.ndarray, np.ndarray], kind: str
) -> None:
    """On any scores and outcomes, one class alone included: the slope is positive, the log loss at most identity's."""
    fitted = fit_calibration(kind, *rows)  # type: ignore[arg-type]  # sampled from the kinds
    assert fitted.slope >= LEAST_SLOPE
    assert log_loss(fitted.apply(rows[0]), rows[1]) <= log_loss(*rows) + 1e-12


@settings(deadline=None, derandomize=True, max_examples=30)
@given(rows_of_scores)
def test_the_fit_is_the_least_of_the_penalised_loss(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """A general optimiser with the slope bounded finds no smaller loss."""
    score, outcome = rows

    def loss(at: np.ndarray) -> float:
        penalty = at[0] ** 2 / (2 * INTERCEPT_SD**2) + (at[1] - 1) ** 2 / (2 * SLOPE_SD**2)
        return len(score) * log_loss(at[0] + at[1] * score, outcome) + penalty

    found = fit_calibration("platt", score, outcome)
    best = minimize(loss, [0.0, 1.0], method="L-BFGS-B", bounds=[(None, None), (LEAST_SLOPE, None)])
    assert loss(np.array([found.intercept, found.slope])) <= best.fun + 1e-6


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


def test_the_updated_intercept_meets_the_new_level() -> None:
    """The mean risk becomes the observed share, the slope stays."""
    truth, outcome = draw(20_000, 5)
    moved = update_intercept(Calibration("platt", 0.9, 1.3), truth, outcome)
    assert moved.slope == 1.3
    assert moved.kind == "platt"
    assert probability(moved.apply(truth)).mean() == pytest.approx(outcome.mean(), abs=1e-3)


@pytest.mark.parametrize(("rows", "positives"), [(299, 40), (400, 4), (400, 397)])
def test_too_few_new_outcomes_move_nothing(rows: int, positives: int) -> None:
    """Under 300 labels, or five of a class, the update is refused with what came."""
    outcome = (np.arange(rows) < positives).astype(float)
    with pytest.raises(
        NotEnoughDataError, match=f"{rows} matured outcomes came, {positives} of them positive"
    ) as error:
        update_intercept(Calibration("identity"), np.zeros(rows), outcome)
    assert "at least 300 outcomes" in str(error.value)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("isotonic", 0.0, 1.0), "kind 'isotonic'"),
        (("platt", float("nan"), 1.0), "intercept nan"),
        (("platt", 0.0, 0.0), "slope 0.0"),
        (("platt", 0.0, -1.0), "slope -1.0"),
        (("platt", 0.0, float("inf")), "slope inf"),
    ],
)
def test_a_calibration_that_would_lose_the_order_is_refused(
    values: tuple[str, float, float], said: str
) -> None:
    """Only a positive finite slope keeps the order of risks."""
    with pytest.raises(ModelError) as error:
        Calibration(*values)  # type: ignore[arg-type]  # on purpose
    assert said in str(error.value)
    assert "Hint" in str(error.value)


@settings(deadline=None, derandomize=True)
@given(st.floats(-700, 700))
def test_probabilities_are_those_of_the_logistic_function(value: float) -> None:
    """Exact relative to the probability itself, however small, and never outside 0..1."""
    found = probability(np.array([value]))[0]
    assert 0 <= found <= 1
    expected = np.exp(value) / (1 + np.exp(value)) if value < 0 else 1 / (1 + np.exp(-value))
    assert found == pytest.approx(expected, rel=1e-12)
