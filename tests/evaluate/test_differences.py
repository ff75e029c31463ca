"""Laws of paired differences: the figures are scikit-learn's, the interval is of pupils, nothing depends on row order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from decrochage_risk.errors import ColumnsError, NotEnoughDataError
from decrochage_risk.evaluate import paired_differences


def drawn(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw outcomes, two risks with ties, and pupils with two rows each."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1.5, rows)
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    good = np.round(1 / (1 + np.exp(-truth)), 2).clip(0.01, 0.99)
    poor = np.round(1 / (1 + np.exp(-(truth + rng.normal(0, 2, rows)))), 2).clip(0.01, 0.99)
    return outcome, poor, good, np.repeat(np.arange(rows // 2), 2)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_figures_are_those_of_scikit_learn(seed: int) -> None:
    """Log loss, AUC and average precision equal an independent computation, ties included."""
    outcome, poor, good, pupils = drawn(seed, 120)
    found = {one.name: one for one in paired_differences(outcome, poor, good, pupils=pupils, draws=20)}
    for name, figure in (
        ("log_loss", log_loss),
        ("auc", roc_auc_score),
        ("average_precision", average_precision_score),
    ):
        assert found[name].champion == pytest.approx(figure(outcome, poor), abs=1e-12)
        assert found[name].challenger == pytest.approx(figure(outcome, good), abs=1e-12)
        assert found[name].difference == found[name].challenger - found[name].champion


def test_the_precision_is_of_the_lists_given() -> None:
    """Precision at capacity is the share of leavers on each list."""
    outcome, poor, good, pupils = drawn(1)
    lists = poor >= np.quantile(poor, 0.8), good >= np.quantile(good, 0.8)
    found = paired_differences(outcome, poor, good, pupils=pupils, lists=lists, draws=20)[-1]
    assert found.name == "precision_at_capacity"
    assert found.champion == pytest.approx(outcome[lists[0]].mean())
    assert found.challenger == pytest.approx(outcome[lists[1]].mean())


def test_an_empty_list_has_no_precision() -> None:
    """Where nobody is listed, the other figures are given and no precision is."""
    outcome, poor, good, pupils = drawn(1)
    nobody = np.zeros(len(outcome), dtype=bool)
    found = paired_differences(outcome, poor, good, pupils=pupils, lists=(nobody, good > 0.5), draws=20)
    assert [one.name for one in found] == ["log_loss", "auc", "average_precision"]


def test_a_better_score_is_found_better_and_itself_the_same() -> None:
    """The interval of a clearly better score excludes 0; a score against itself differs by exactly 0."""
    outcome, poor, good, pupils = drawn(2, 1_000)
    found = {one.name: one for one in paired_differences(outcome, poor, good, pupils=pupils, draws=200)}
    assert found["log_loss"].high < 0 < found["auc"].low
    for one in paired_differences(outcome, poor, poor, pupils=pupils, draws=20):
        assert (one.difference, one.low, one.high) == (0.0, 0.0, 0.0)


def test_rows_of_one_pupil_are_drawn_together() -> None:
    """Every row written five times under its pupil changes no interval; as new pupils it narrows it."""
    outcome, poor, good, _ = drawn(3)
    pupils = np.arange(len(outcome))
    once = paired_differences(outcome, poor, good, pupils=pupils, draws=300)[0]
    five = [np.repeat(values, 5) for values in (outcome, poor, good, pupils)]
    together = paired_differences(*five[:3], pupils=five[3], draws=300)[0]
    apart = paired_differences(*five[:3], pupils=np.arange(len(five[0])), draws=300)[0]
    assert together.low == pytest.approx(once.low, abs=1e-12)
    assert together.high == pytest.approx(once.high, abs=1e-12)
    assert apart.high - apart.low < 0.7 * (once.high - once.low)


def test_the_order_of_the_rows_changes_nothing() -> None:
    """Shuffled rows give the same differences and the same intervals."""
    outcome, poor, good, pupils = drawn(4)
    order = np.random.default_rng(0).permutation(len(outcome))
    shuffled = [values[order] for values in (outcome, poor, good)]
    for one, other in zip(
        paired_differences(outcome, poor, good, pupils=pupils, draws=20),
        paired_differences(*shuffled, pupils=pupils[order], draws=20),
        strict=True,
    ):
        assert one.model_dump(exclude={"name"}) == pytest.approx(
            other.model_dump(exclude={"name"}), abs=1e-12
        )


def test_rows_that_cannot_be_compared_are_refused() -> None:
    """One outcome only, or risks that are no probability, are refused with what came."""
    with pytest.raises(NotEnoughDataError, match="All 3 rows have the outcome 1"):
        paired_differences([1, 1, 1], [0.1] * 3, [0.2] * 3, pupils=range(3))
    with pytest.raises(ColumnsError):
        paired_differences([1, 0], [0.1, 0.2], [0.1, 1.2], pupils=range(2))
