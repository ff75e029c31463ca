"""Shares over whole pupils: their intervals cover, repeated rows are worth what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.evaluate.groups import difference, share_of


@given(st.integers(1, 40), st.integers(0, 10_000), st.integers(1, 4))
def test_a_share_lies_in_its_interval(pupils: int, seed: int, each: int) -> None:
    """Bounds hold the share, stay in [0, 1], and rows are never worth more than they are."""
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(pupils), each)
    hits = random.random(len(owner)) < 0.4
    share = share_of(hits, np.ones(len(owner), dtype=bool), owner)
    assert share is not None
    assert 0 <= share.low <= share.share <= share.high <= 1
    assert share.share == hits.mean()
    assert share.effective_rows <= len(owner)


def test_rows_outside_the_denominator_do_not_count() -> None:
    """Hits outside `among` change nothing; nothing in `among` is no share."""
    among = np.array([True, True, False, False])
    owner = np.arange(4)
    first = share_of(np.array([True, False, True, True]), among, owner)
    assert first == share_of(np.array([True, False, False, False]), among, owner)
    assert share_of(np.ones(4, dtype=bool), np.zeros(4, dtype=bool), owner) is None


@pytest.mark.parametrize("each", [1, 4])
def test_intervals_over_pupils_cover(each: int) -> None:
    """At 95 %, 92 to 98 % of the intervals of 400 draws hold the true share, however often a pupil comes back."""
    random = np.random.default_rng(each)
    everyone, owner = np.ones(120 * each, dtype=bool), np.repeat(np.arange(120), each)
    covered = 0
    for _ in range(400):
        tendency = np.repeat(random.beta(0.6, 1.4, 120), each)  # mean 0.3, pupils unlike one another
        share = share_of(random.random(120 * each) < tendency, everyone, owner)
        covered += share is not None and share.low <= 0.3 <= share.high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_interval_of_a_difference_covers() -> None:
    """At 95 %, 92 to 98 % of the intervals of 400 draws hold the true difference of two shares."""
    random = np.random.default_rng(5)
    owner, everyone = np.arange(80), np.ones(80, dtype=bool)
    covered = 0
    for _ in range(400):
        first, second = (share_of(random.random(80) < p, everyone, owner) for p in (0.5, 0.3))
        assert first is not None
        assert second is not None
        _, low, high = difference(first, second)
        covered += low <= 0.2 <= high
    assert 0.92 <= covered / 400 <= 0.98
