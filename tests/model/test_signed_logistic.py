"""The regression with signs: the least of its loss within the bounds, however the rows are summed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.risk import signed_logistic as module
from decrochage_risk.risk.signed_logistic import PENALTY, fit_signed_logistic

WAYS = st.lists(st.sampled_from([-1, 0, 1]), min_size=4, max_size=4).map(np.array)


def draw(seed: int, rows: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Draw four columns on their own scales, two of them nearly the same, and outcomes of both kinds."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 4))
    matrix[:, 3] = matrix[:, 2] + 1e-3 * rng.normal(size=rows)
    odds = matrix @ rng.normal(size=4) - 1
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)
    outcome[:2] = 0.0, 1.0
    return matrix * [1.0, 40.0, 0.01, 3.0] + [0.0, 500.0, 1.0, -7.0], outcome


@given(seed=st.integers(0, 10_000), ways=WAYS)
@settings(max_examples=60)
def test_it_is_the_least_loss_within_the_signs(seed: int, ways: np.ndarray) -> None:
    """No slope has the wrong sign, a free one has no gradient left, and one held at 0 would lose by its declared way."""
    matrix, outcome = draw(seed)
    level, slopes = fit_signed_logistic(matrix, outcome, ways)
    assert (slopes * ways >= 0).all()
    scales = matrix.std(axis=0)
    gap = 1 / (1 + np.exp(-(level + matrix @ slopes))) - outcome
    gradient = gap @ ((matrix - matrix.mean(axis=0)) / scales) + PENALTY * slopes * scales
    held = (ways != 0) & (slopes == 0)
    assert abs(gap.sum()) < 1e-4
    assert np.abs(gradient[~held]).max(initial=0.0) < 1e-4
    assert (gradient[held] * ways[held] > -1e-4).all()


def test_outcomes_that_a_column_parts_have_a_finite_slope() -> None:
    """The penalty keeps the slope finite where the likelihood alone would let it grow without end."""
    column = np.arange(40.0)[:, None]
    level, slopes = fit_signed_logistic(column, (column[:, 0] >= 20).astype(float), np.array([1]))
    assert np.isfinite([level, slopes[0]]).all()
    assert slopes[0] > 0
    assert level + 19.5 * slopes[0] == pytest.approx(0.0, abs=1e-6)


def test_rows_summed_some_at_a_time_give_the_same_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows are cut for the caches changes nothing but roundings."""
    matrix, outcome = draw(3, rows=1_000)
    ways = np.array([1, -1, 0, 0])
    whole = fit_signed_logistic(matrix, outcome, ways)
    monkeypatch.setattr(module, "_ROWS_AT_A_TIME", 7)
    parts = fit_signed_logistic(matrix, outcome, ways)
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-6, atol=1e-9)
