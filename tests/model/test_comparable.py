from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from decrochage_risk.errors import ModelError, NotEnoughDataError
from decrochage_risk.risk.comparable import PUPILS_PER_OUTCOME, ROWS_PER_BIN, Comparable, jeffreys_interval


@settings(max_examples=60)
@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.5, 0.99))
def test_jeffreys_bounds_are_beta_quantiles(rows: int, share: float, level: float) -> None:
    """Those of scipy's beta distribution, 0 and 1 at the ends."""
    left = round(share * rows)
    low, high = jeffreys_interval(left, rows, level=level)
    law = beta(left + 0.5, rows - left + 0.5)
    assert low == pytest.approx(0.0 if left == 0 else law.ppf((1 - level) / 2), rel=1e-9)
    assert high == pytest.approx(1.0 if left == rows else law.ppf((1 + level) / 2), rel=1e-9)
    assert low <= left / rows <= high


def draw(rows: int, seed: int, centre: float = -2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = (1 / (1 + np.exp(-rng.normal(centre, 1.2, rows)))).round(3)
    return risk, (rng.random(rows) < risk).astype(float)


@settings(max_examples=30)
@given(st.integers(1, 4000), st.integers(0, 1000), st.sampled_from([-5.0, -2.0, 0.0]))
def test_bins_share_out_all_rows_and_count_them_right(rows: int, seed: int, centre: float) -> None:
    """Every row is in one bin; a lookup gives exactly the rows between the bounds of its bin; bins are large enough."""
    risk, outcome = draw(rows, seed, centre)
    comparable = Comparable.fit(risk, outcome)
    assert comparable.rows.sum() == rows
    assert comparable.positives.sum() == outcome.sum()
    upper = np.r_[comparable.lower[1:], np.inf]
    for lower, end, count, left in zip(
        comparable.lower, upper, comparable.rows, comparable.positives, strict=True
    ):
        inside = (risk >= lower) & (risk < end)
        assert (inside.sum(), outcome[inside].sum()) == (count, left)
        found = comparable.lookup([lower])
        assert (found["n"][0], found["left"][0], found["share"][0]) == (count, left, left / count)
    if rows >= ROWS_PER_BIN:
        assert comparable.rows.min() >= ROWS_PER_BIN
    if outcome.sum() >= PUPILS_PER_OUTCOME:
        assert (comparable.positives[1:] >= PUPILS_PER_OUTCOME).all()


def test_one_row_per_pupil_and_period_is_counted() -> None:
    """Snapshots of a pupil in a year are one pupil; another year counts again; row order changes nothing."""
    risk, _ = draw(1200, 7)
    groups = np.repeat(np.arange(200), 6)
    outcome = (groups < 50).astype(float)
    time = np.tile([2022, 2022, 2022, 2023, 2023, 2023], 200)
    counted = Comparable.fit(risk, outcome, groups=groups, time=time)
    assert (counted.rows.sum(), counted.positives.sum()) == (400, 100)
    assert Comparable.fit(risk, outcome, groups=groups).rows.sum() == 200
    order = np.random.default_rng(0).permutation(1200)
    again = Comparable.fit(risk[order], outcome[order], groups=groups[order], time=time[order])
    assert again.to_dict() == counted.to_dict()


def test_the_row_kept_of_a_pupil_does_not_depend_on_its_risk() -> None:
    """The draw neither prefers the high nor the low snapshots of a pupil."""
    groups = np.repeat(np.arange(4000), 2)
    risk = np.tile([0.2, 0.6], 4000)
    counted = Comparable.fit(risk + groups * 1e-9, (risk > 0.5).astype(float), groups=groups)
    assert counted.rows.sum() == 4000
    assert counted.positives.sum() == pytest.approx(2000, abs=130)  # four standard errors of a fair draw


def test_a_risk_beyond_all_others_finds_the_nearest_bin() -> None:
    """Nobody is without comparable pupils."""
    comparable = Comparable.fit(*draw(2000, 3))
    found = comparable.lookup([0.0, 1.0])
    assert found["n"].tolist() == [comparable.rows[0], comparable.rows[-1]]
    assert (found["low"] <= found["share"]).all()
    assert (found["share"] <= found["high"]).all()


def test_counts_survive_json() -> None:
    """What is written is what is read."""
    comparable = Comparable.fit(*draw(700, 4))
    again = Comparable.from_dict(json.loads(json.dumps(comparable.to_dict(), allow_nan=False)))
    assert again.to_dict() == comparable.to_dict()
    assert again.lower.tobytes() == comparable.lower.tobytes()


@pytest.mark.parametrize("risk", [[0.5, np.nan], [1.2], [-0.1]])
def test_a_risk_that_is_none_is_not_looked_up(risk: list[float]) -> None:
    """A pupil without a risk has no comparable pupils."""
    with pytest.raises(ModelError, match=r"1 risks are missing or outside 0\.\.1") as error:
        Comparable.fit(*draw(200, 1)).lookup(risk)
    assert "Hint" in str(error.value)


def test_nothing_held_out_gives_no_counts() -> None:
    """An empty table is refused."""
    with pytest.raises(NotEnoughDataError, match="No held-out row") as error:
        Comparable.fit(np.empty(0), np.empty(0))
    assert "Hint" in str(error.value)


def test_the_table_of_bins_is_what_lookup_gives() -> None:
    """The row of a risk's bin in ``table`` holds the columns of ``lookup``."""
    rng = np.random.default_rng(3)
    risk = rng.random(3_000)
    comparable = Comparable.fit(risk, (rng.random(3_000) < risk).astype(float))
    asked = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    found = comparable.lookup(asked)[["n", "left", "share", "low", "high"]].to_numpy(dtype=float)
    np.testing.assert_array_equal(comparable.table[comparable.bins_of(asked)], found)
