from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decrochage_risk.explain.reasons import (
    families_with_a_fact,
    sum_by_family,
    tell_past,
    told_families,
)

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


@given(
    families=arrays(np.float64, (3, 4), elements=STRENGTHS),
    push=arrays(np.float64, (3, 6), elements=STRENGTHS),
    family=arrays(np.intp, 6, elements=st.integers(-1, 3)),
)
def test_a_family_is_told_by_a_fact_of_its_own_direction(
    families: np.ndarray, push: np.ndarray, family: np.ndarray
) -> None:
    """A family keeps its sum where one of its own facts pushes the same way, and is 0 otherwise."""
    kept = families_with_a_fact(families, push, family)
    for row in range(3):
        for code in range(4):
            own = push[row][family == code]
            has_fact = bool((own * np.sign(families[row, code]) > 0).any())
            assert kept[row, code] == (families[row, code] if has_fact else 0.0)


@given(
    families=arrays(np.float64, 9, elements=STRENGTHS),
    is_past=arrays(np.bool_, 9),
    side=st.sampled_from([1.0, -1.0]),
    most=st.integers(0, 4),
)
def test_earlier_years_take_the_places_that_are_left(
    families: np.ndarray, is_past: np.ndarray, side: float, most: int
) -> None:
    """Of one side, families of earlier years are told by strength in the places that those told already leave, no more."""
    choice = (~is_past & (np.abs(families) >= 0.3))[None].copy()
    before = choice.copy()
    tell_past(choice, families[None], np.where(is_past, families, 0.0)[None], FLOOR, most, side)
    free = most - int((before[0] & (side * families > 0)).sum())
    strong = [at for at in range(9) if is_past[at] and side * families[at] >= FLOOR]
    told = sorted(strong, key=lambda at: (-side * families[at], at))[: max(free, 0)]
    assert set(np.flatnonzero(choice[0] & ~before[0]).tolist()) == set(told)
