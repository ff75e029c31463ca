"""The bag when it is a logistic regression: additive members, signed where a direction is declared.

It is what is shipped when it predicts later years better than the trees. Everything around it stays the same: members
that each leave out a part of the pupils, calibration, intervals, reasons. A contribution is the slope times the distance
to the reference, so that it is exact, zero at the reference and never the wrong way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from decrochage_risk.model.members import Bag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.model.folds import BoolArray
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["LinearMembers", "fit_signed_logistic", "train_linear_bag", "train_linear_members"]

PENALTY: Final = 1.0
"""Ridge penalty on standardised slopes (half of it times their squares, added to the summed log loss)."""
_ITERATIONS: Final = 2_000


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
    found = [fit_signed_logistic(matrix[seen], outcome[seen], directions) for seen in kept]
    return LinearMembers(np.array([level for level, _ in found]), np.array([slopes for _, slopes in found]))


def fit_signed_logistic(
    matrix: FloatArray, outcome: FloatArray, directions: npt.NDArray[np.int64]
) -> tuple[float, FloatArray]:
    """Fit a ridge logistic regression whose slopes have the declared signs.

    Columns are standardised for the fit; a constant one has slope 0. The loss is convex and the signs are bounds, so
    that L-BFGS-B finds its one minimum.

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN.
    outcome : (n,) array of 0/1
        What happened.
    directions : (p,) int array
        1: the slope is 0 or above; -1: 0 or below; 0: either.

    Returns
    -------
    intercept, slopes
        Per unit of the columns as they came.

    Examples
    --------
    >>> absences = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    >>> left = np.r_[np.arange(20) < 2, np.arange(20) < 6, np.arange(20) < 12].astype(float)
    >>> _, slopes = fit_signed_logistic(absences, left, np.array([1]))
    >>> _, against = fit_signed_logistic(absences, left, np.array([-1]))
    >>> bool(slopes[0] > 1), float(against[0])
    (True, 0.0)
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # scipy loads on first use
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # only here

    means, scales = matrix.mean(axis=0), matrix.std(axis=0)
    varying = scales > 0
    standard = (matrix[:, varying] - means[varying]) / scales[varying]

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        scores = at[0] + standard @ at[1:]
        value = np.logaddexp(0.0, scores).sum() - outcome @ scores + PENALTY * (at[1:] @ at[1:]) / 2
        miss = np.exp(-np.logaddexp(0.0, -scores)) - outcome
        return float(value), np.r_[miss.sum(), miss @ standard + PENALTY * at[1:]]

    bounds = [(None, None), *(_BOUNDS[int(way)] for way in directions[varying])]
    start = np.zeros(1 + standard.shape[1])
    start[0] = np.log(outcome.mean() / (1 - outcome.mean()))
    with threadpool_limits(1):  # sums in another order for another number of threads change the last bits
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ITERATIONS, "ftol": 1e-13, "gtol": 1e-6},
        )
    slopes = np.zeros(matrix.shape[1])
    slopes[varying] = found.x[1:] / scales[varying]
    return float(found.x[0] - (slopes * means).sum()), slopes


_BOUNDS: Final[dict[int, tuple[float | None, float | None]]] = {
    1: (0.0, None),
    -1: (None, 0.0),
    0: (None, None),
}
