"""Laws of the signs of drift: a divergence is 0 for the same shares, chance alone does not alarm, a change does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.evaluate.drift import psi, psi_verdict, worst

SHARES = np.full(10, 0.1)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 500), min_size=2, max_size=12))
def test_the_index_is_zero_for_the_same_shares_and_never_negative(counts: list[int]) -> None:
    """Held against its own shares a histogram gives 0; against others, 0 or more, as computed by hand."""
    own = np.array(counts) / sum(counts)
    assert psi(own, np.array(counts)) == pytest.approx(0, abs=1e-12)
    other = np.full(len(counts), 1 / len(counts))
    assert psi(other, np.array(counts)) == pytest.approx(
        float(((own - other) * np.log(own / other)).sum()), abs=1e-9
    )


def test_chance_alone_hardly_ever_alarms() -> None:
    """Of 2,000 columns drawn from the very shares they are held against, as 50 reports of 40 tests, at most five alarm."""
    rng = np.random.default_rng(0)
    for rows in (40, 300, 3_000):
        drawn = rng.multinomial(rows, SHARES, size=2_000)
        alarms = [psi_verdict(psi(SHARES, one), 10, rows, 1e9, tests=40)[1] != "ok" for one in drawn]
        assert sum(alarms) <= 5


def test_what_chance_gives_is_taken_off() -> None:
    """Without a change the index above chance is 0 on average within a tenth of the first threshold."""
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(400, SHARES, size=500)
    assert np.mean([psi_verdict(psi(SHARES, one), 10, 400, 1e9, tests=40)[0] for one in drawn]) < 0.01


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "ok"), (0.4, "watch"), (0.7, "stop")])
def test_a_shift_is_found_at_its_size(shift: float, verdict: str) -> None:
    """A normal column moved by d standard deviations has an index of about d squared, and the verdict of it."""
    rng = np.random.default_rng(2)
    edges = np.quantile(rng.normal(size=200_000), np.linspace(0.1, 0.9, 9))
    counts = np.bincount(np.searchsorted(edges, rng.normal(shift, 1, 5_000)), minlength=10)
    above, found = psi_verdict(psi(SHARES, counts), 10, 5_000, 1e9, tests=40)
    assert found == verdict
    assert above == pytest.approx(shift**2, abs=0.06)


def test_the_gravest_verdict_wins() -> None:
    """Not measured counts least, stop most."""
    assert worst(["not_measured", "ok"]) == "ok"
    assert worst(["watch", "stop", "ok"]) == "stop"
    assert worst([]) == "not_measured"
