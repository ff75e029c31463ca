"""Paired bootstrap: its figures are scikit-learn's, its intervals cover, equal scores are never told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.evaluate.bootstrap import _measurer, paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows
    from decrochage_risk.evaluate.bootstrap import Statistic

MEASURES: dict[Statistic, Callable[..., float]] = {
    "log_loss": log_loss,
    "brier": brier_score_loss,
    "auc": roc_auc_score,
    "average_precision": average_precision_score,
}


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(sorted(MEASURES)))
def test_a_weighted_statistic_is_that_of_repeated_rows(seed: int, statistic: Statistic) -> None:
    """With a pupil drawn n times, the figure is scikit-learn's on rows that are there n times, ties included."""
    random = np.random.default_rng(seed)
    _, people = np.unique(random.integers(0, 12, 60), return_inverse=True)
    risk = random.choice([0.1, 0.2, 0.35, 0.5, 0.8], 60)
    outcome = (random.random(60) < 0.4).astype(float)
    outcome[:2], weight = [0.0, 1.0], random.integers(0, 4, people.max() + 1)
    weight[people[:2]] += 1
    repeated = np.repeat(np.arange(60), weight[people])
    expected = MEASURES[statistic](outcome[repeated], risk[repeated])
    found = _measurer(statistic, outcome, risk, people)(weight.astype(float))
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_better_score_is_told_apart(simulate: Callable[..., Rows]) -> None:
    """The true risk beats a distorted one, from either side; the sign follows from what is measured."""
    case = simulate(4000)
    worse = np.clip(case.risk**0.5, 0, 1)
    for statistic, rightly in (("log_loss", "first"), ("brier", "first")):
        one = paired_bootstrap(case.outcome, case.risk, worse, statistic, pupils=case.pupils, draws=100)
        other = paired_bootstrap(case.outcome, worse, case.risk, statistic, pupils=case.pupils, draws=100)
        assert one is not None
        assert other is not None
        assert (one.better, other.better) == (rightly, "second")
        assert one.difference == pytest.approx(-other.difference)
        assert one.low < one.difference < one.high
    noisy = case.risk + np.random.default_rng(99).normal(0, 0.3, 4000)
    ranked = paired_bootstrap(case.outcome, case.risk, noisy, "auc", pupils=case.pupils, draws=100)
    assert ranked is not None
    assert ranked.better == "first"
    assert ranked.difference > 0


def test_equal_scores_are_never_told_apart(simulate: Callable[..., Rows]) -> None:
    """A score against itself differs by exactly nothing in every draw."""
    case = simulate(500)
    for statistic in MEASURES:
        found = paired_bootstrap(case.outcome, case.risk, case.risk, statistic, draws=20)
        assert found is not None
        assert (found.difference, found.low, found.high, found.better) == (0.0, 0.0, 0.0, "undecided")


@pytest.mark.whole
def test_intervals_over_pupils_cover() -> None:
    """At 90 %, 84 to 96 % of 150 intervals hold the expected difference, with four rows of one outcome per pupil."""
    random = np.random.default_rng(1)
    covered, pupils = 0, np.repeat(np.arange(200), 4)
    truth, worse = np.repeat([0.2, 0.6], 100), np.repeat([0.3, 0.4], 100)
    expected = np.mean(-truth * np.log(truth / worse) - (1 - truth) * np.log((1 - truth) / (1 - worse)))
    for draw in range(150):
        outcome = np.repeat((random.random(200) < truth).astype(float), 4)
        found = paired_bootstrap(
            outcome, np.repeat(truth, 4), np.repeat(worse, 4), "log_loss",
            pupils=pupils, draws=200, level=0.9, seed=draw,
        )  # fmt: skip
        assert found is not None
        covered += found.low <= expected <= found.high
    assert 0.84 <= covered / 150 <= 0.96


def test_repeated_rows_of_a_pupil_do_not_narrow_the_interval(simulate: Callable[..., Rows]) -> None:
    """Four copies of every row, of the same pupils, give the interval of one copy."""
    case = simulate(600)
    flat, once = np.full(600, case.outcome.mean()), np.arange(600)
    found = paired_bootstrap(case.outcome, case.risk, flat, "brier", pupils=once)
    again = paired_bootstrap(
        np.tile(case.outcome, 4), np.tile(case.risk, 4), np.tile(flat, 4), "brier", pupils=np.tile(once, 4)
    )
    assert found is not None
    assert again is not None
    assert again.low == pytest.approx(found.low)
    assert again.high == pytest.approx(found.high)


@pytest.mark.parametrize("named", [True, False])
def test_the_order_of_the_rows_changes_nothing(simulate: Callable[..., Rows], *, named: bool) -> None:
    """Shuffled rows give the same bits, with or without pupils."""
    case = simulate(400)
    mixed = case.shuffled(2)
    order = np.random.default_rng(2).permutation(400)
    other = np.linspace(0.1, 0.4, 400)
    first = paired_bootstrap(
        case.outcome, case.risk, other, "auc", pupils=case.pupils if named else None, draws=50
    )
    second = paired_bootstrap(
        mixed.outcome, mixed.risk, other[order], "auc", pupils=mixed.pupils if named else None, draws=50
    )
    assert first == second


def test_one_outcome_ranks_nothing() -> None:
    """Without both outcomes a ranking is not compared; a loss is."""
    risk = [0.1, 0.2, 0.3]
    assert paired_bootstrap([0, 0, 0], risk, risk, "auc") is None
    assert paired_bootstrap([0, 0, 0], risk, risk, "brier") is not None


def test_bad_arguments_are_all_named() -> None:
    """An unknown statistic, too few draws and an impossible level come in one message; bad rows are refused."""
    with pytest.raises(ModelError, match=r"'gini', draws=3, level=1(.|\n)*Expected(.|\n)*Hint"):
        paired_bootstrap([0, 1], [0.1, 0.2], [0.1, 0.2], "gini", draws=3, level=1)  # type: ignore[arg-type]
    with pytest.raises(ColumnsError, match="lengths differ"):
        paired_bootstrap([0, 1], [0.1, 0.2], [0.1], "brier")
