from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.french import about, proportion

LAWS = settings(max_examples=200)


@LAWS
@given(st.floats(0, 1))
def test_a_proportion_is_near_its_share(share: float) -> None:
    """What is said lies within 2.5 points of the share, and within a seventh of its rarer side from 1 in 1000 on."""
    parts, whole = proportion(share)
    rare = min(share, 1 - share)
    allowed = 0.001 if rare < 0.001 else min(0.025, rare / 7) + 1e-12

    assert 0 <= parts <= whole
    assert abs(parts / whole - share) <= allowed


@LAWS
@given(st.integers(0, 1024))
def test_both_sides_add_up_to_everybody(parts_of_1024: int) -> None:
    """Those who left and those who did not, told of the same pupils, add up to the whole."""
    share = parts_of_1024 / 1024  # exact, and so is its complement
    parts, whole = proportion(share)
    if parts_of_1024 != 512:
        assert proportion(1 - share) == (whole - parts, whole)
    assert str(whole) in about(share)


@pytest.mark.parametrize("share", [-0.01, 1.01, 27.0, math.nan])
def test_what_is_no_share_is_refused(share: float) -> None:
    """A percentage, a negative number or a missing one says what to do."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        proportion(share)
