"""A ridge logistic regression whose slopes have the declared signs: of the linear bag, and of the linear start of the trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["fit_signed_logistic"]

PENALTY: Final = 1.0
"""Ridge penalty on standardised slopes (half of it times their squares, added to the summed log loss)."""
_ITERATIONS: Final = 2_000


def fit_signed_logistic(
    matrix: FloatArray, outcome: FloatArray, directions: IntArray, *, tolerance: float = 1e-13
) -> tuple[float, FloatArray]:
    """Fit a ridge logistic regression whose slopes have the declared signs.

    Columns are standardised for the fit; a constant one has slope 0. The loss is convex and the signs are bounds, so
    that L-BFGS-B finds its one minimum. For the same bits on any machine, hold BLAS to one thread around the call
    (`decrochage_risk.model.threads.one_blas_thread`).

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN.
    outcome : (n,) array of 0/1
        What happened.
    directions : (p,) int array
        1: the slope is 0 or above; -1: 0 or below; 0: either.
    tolerance : float
        Relative gain of the loss at which the search stops.

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

    means, scales = matrix.mean(axis=0), matrix.std(axis=0)
    varying = (scales > 0) & (matrix.max(axis=0) > matrix.min(axis=0))  # 901 times 0.1 has a spread of 1e-15
    standard = (matrix[:, varying] - means[varying]) / scales[varying]

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        scores = at[0] + standard @ at[1:]
        value = np.logaddexp(0.0, scores).sum() - outcome @ scores + PENALTY * (at[1:] @ at[1:]) / 2
        miss = np.exp(-np.logaddexp(0.0, -scores)) - outcome
        return float(value), np.r_[miss.sum(), miss @ standard + PENALTY * at[1:]]

    bounds = [(None, None), *(_BOUNDS[int(way)] for way in directions[varying])]
    start = np.zeros(1 + standard.shape[1])
    start[0] = np.log(outcome.mean() / (1 - outcome.mean()))
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _ITERATIONS, "ftol": tolerance, "gtol": 1e-6},
    )
    slopes = np.zeros(matrix.shape[1])
    slopes[varying] = found.x[1:] / scales[varying]
    return float(found.x[0] - (slopes * means).sum()), slopes


_BOUNDS: Final[dict[int, tuple[float | None, float | None]]] = {
    1: (0.0, None),
    -1: (None, 0.0),
    0: (None, None),
}
