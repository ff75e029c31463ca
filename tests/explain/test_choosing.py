from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decrochage_risk.explain.reasons import sum_by_family, told_families

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOOR, MOST, PROTECTIVE, SHARE = 0.1, 3, 2, 0.5
STRENGTHS = st.sampled_from([-0.6, -0.3, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.6])


def one_by_one(values: Iterable[float]) -> float:
    """Add in order, each sum rounded: from Python 3.12 on ``sum`` compensates the rounding of floats."""
    return reduce(operator.add, values, 0.0)


def told_by_hand(values: list[float]) -> set[int]:
    """Choose the families of one pupil by sorting, ties by position."""
    up = sorted((f for f, v in enumerate(values) if v >= FLOOR), key=lambda f: (-values[f], f))
    down = sorted((f for f, v in enumerate(values) if v <= -FLOOR), key=lambda f: (values[f], f))
    held = one_by_one(values[f] for f in up[:MOST])
    most = MOST + (held < SHARE * one_by_one(v for v in values if v > 0))
    return {*up[:most], *down[:PROTECTIVE]}


@given(families=arrays(np.float64, (4, 9), elements=STRENGTHS))
def test_the_told_families_are_those_of_a_sort(families: np.ndarray) -> None:
    """With ties, values at the floor and few families, those told are the first of a sort by strength and position."""
    told = told_families(families, FLOOR, MOST, PROTECTIVE, SHARE)
    assert [set(np.flatnonzero(row).tolist()) for row in told] == [
        told_by_hand(row) for row in families.tolist()
    ]


@pytest.mark.whole
@given(
    values=arrays(np.float64, (3, 6), elements=st.floats(-5, 5)),
    family=arrays(np.intp, 6, elements=st.integers(-1, 3)),
)
def test_sums_are_those_of_the_columns_of_a_family(values: np.ndarray, family: np.ndarray) -> None:
    """Each family sums its own columns one by one; columns of no family count nowhere, a family without columns is 0."""
    found = sum_by_family(values, family, 4)
    for row in range(3):
        for code in range(4):
            assert found[row, code] == one_by_one(values[row][family == code].tolist())
