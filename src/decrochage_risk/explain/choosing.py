"""Which families of reasons are told: sums per family and their ranks, one compiled pass per pupil."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.kernels import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]
    Flags = npt.NDArray[np.bool_]

__all__ = ["sum_by_family", "told_families"]


@compiled
def sum_by_family(contributions: Floats, family: Ints, families: int) -> Floats:
    """Sum the contributions of each family, column by column: a pupil alone and in a batch add up alike.

    ``family`` is the family of each column, -1 for columns that are never told.
    """
    sums = np.zeros((contributions.shape[0], families))
    for row in range(contributions.shape[0]):
        for column in range(contributions.shape[1]):
            if family[column] >= 0:
                sums[row, family[column]] += contributions[row, column]
    return sums


@compiled
def told_families(families: Floats, floor: float, most: int, most_protective: int, share: float) -> Flags:
    """Which families are told: the strongest on each side from the floor on, the first of equal ones.

    One more than ``most`` aggravating families are told when the first ``most`` hold less than ``share`` of the
    aggravating sum.
    """
    told = np.zeros(families.shape, np.bool_)
    for row in range(families.shape[0]):
        held = _tell_strongest(families[row], told[row], 1.0, floor, most)
        whole = 0.0
        for value in families[row]:
            whole += max(value, 0.0)
        if held < share * whole:
            _tell_strongest(families[row], told[row], 1.0, floor, 1)
        _tell_strongest(families[row], told[row], -1.0, floor, most_protective)
    return told


@compiled
def _tell_strongest(values: Floats, told: Flags, side: float, floor: float, most: int) -> float:
    """Mark up to ``most`` further families of one side as told; give their sum."""
    held = 0.0
    for _ in range(most):
        best = -1
        for family in range(values.size):
            strength = side * values[family]
            if strength >= floor and not told[family] and (best < 0 or strength > side * values[best]):
                best = family
        if best < 0:
            break
        told[best] = True
        held += side * values[best]
    return held
