"""The bag when it is a logistic regression: additive members, signed where a direction is declared.

It is what is shipped when it predicts later years better than the trees. Everything around it stays the same: members
that each leave out a part of the pupils, calibration, intervals, reasons. A contribution is the slope times the distance
to the reference, so that it is exact, zero at the reference and never the wrong way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.model.members import Bag
from decrochage_risk.model.signed_logistic import fit_signed_logistic
from decrochage_risk.model.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.model.folds import BoolArray
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["LinearMembers", "train_linear_bag", "train_linear_members"]


@dataclass(frozen=True, eq=False)
class LinearMembers:
    """The fitted members.

    Attributes
    ----------
    intercepts : (K,) array
    slopes : (K, p) array
        Log-odds per unit of each column, in the order of the columns at training.

    Examples
    --------
    >>> members = LinearMembers(np.array([-1.0, -2.0]), np.array([[1.0, 0.0], [2.0, -1.0]]))
    >>> members.log_odds(np.array([[3.0, 1.0]]))
    array([[2., 3.]])
    >>> members.contributions(np.array([[3.0, 1.0]]), np.array([[2.0, 1.0]]))
    array([[1.5, 0. ]])
    """

    intercepts: FloatArray
    slopes: FloatArray

    @property
    def boosters(self) -> tuple[Any, ...]:
        """No tree at all."""
        return ()

    def log_odds(self, filled: FloatArray) -> FloatArray:
        """Raw log-odds of every member, shape (n, K); a row's values do not depend on the other rows."""
        rows = np.ascontiguousarray(filled, dtype=np.float64)
        parts = zip(self.intercepts, self.slopes, strict=True)
        return np.column_stack([level + (rows * slope).sum(axis=1) for level, slope in parts])

    def contributions(self, filled: FloatArray, references: FloatArray) -> FloatArray:
        """Contribution of every column to the mean raw log-odds, against the reference row, shape (n, p)."""
        return np.asarray((filled - references) * self.slopes.mean(axis=0) + 0.0, dtype=np.float64)  # no -0

    def to_dict(self) -> dict[str, Any]:
        """Give the numbers as JSON values, exact to the last bit."""
        return {"intercepts": self.intercepts.tolist(), "slopes": self.slopes.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinearMembers:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(
            np.array(values["intercepts"], dtype=np.float64), np.array(values["slopes"], dtype=np.float64)
        )


def train_linear_bag(
    matrix: FloatArray, outcome: FloatArray, fold: IntArray, directions: IntArray, *, members: int
) -> Bag:
    """Train the members, each without its fold; see :func:`decrochage_risk.model.members.train_bag`."""
    kept = [fold != member for member in range(members)]
    bag = train_linear_members(matrix, outcome, kept, directions)
    every = bag.log_odds(matrix)
    return Bag(bag, 0, every[np.arange(len(fold)), fold])


def train_linear_members(
    matrix: FloatArray, outcome: FloatArray, kept: Sequence[BoolArray], directions: IntArray
) -> LinearMembers:
    """Train one member per mask of rows that it may see."""
    with one_blas_thread():
        found = [fit_signed_logistic(matrix[seen], outcome[seen], directions) for seen in kept]
    return LinearMembers(np.array([level for level, _ in found]), np.array([slopes for _, slopes in found]))
