"""A ridge logistic regression whose slopes have the declared signs: of the linear bag, and of the linear start of the trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["fit_signed_logistic"]

PENALTY: Final = 1.0
"""Ridge penalty on standardised slopes (half of it times their squares, added to the summed log loss)."""
_ITERATIONS: Final = 100
_ROWS_AT_A_TIME: Final = 32_768
"""Rows whose weighted copy stays in the caches while their part of the curvature is summed."""
_SUFFICIENT: Final = 1e-4
"""Share of the promised gain that a step must bring (Armijo's rule)."""
_SHORTEST: Final = 1e-10
_LOW: Final = {1: 0.0, -1: -np.inf, 0: -np.inf}
_HIGH: Final = {1: np.inf, -1: 0.0, 0: np.inf}
"""Bounds of a slope, by its direction."""


def fit_signed_logistic(
    matrix: FloatArray, outcome: FloatArray, directions: IntArray, *, tolerance: float = 1e-13
) -> tuple[float, FloatArray]:
    """Fit a ridge logistic regression whose slopes have the declared signs.

    Columns are standardised for the fit; a constant one has slope 0. The loss is convex and the signs are bounds: Newton's
    method, whose every step is the least of the quadratic model within the bounds, finds its one minimum in some ten passes
    over the rows. For the same bits on any machine, hold BLAS to one thread around the call
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
        Relative gain of the loss, promised by the next step, at which the search stops.

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
    means, scales = matrix.mean(axis=0), matrix.std(axis=0)
    varying = (scales > 0) & (matrix.max(axis=0) > matrix.min(axis=0))  # 901 times 0.1 has a spread of 1e-15
    design = np.ones((len(matrix), 1 + int(varying.sum())))
    np.divide(matrix[:, varying] - means[varying], scales[varying], out=design[:, 1:])
    low, high = (
        np.array([bounds[int(way)] for way in (0, *directions[varying])]) for bounds in (_LOW, _HIGH)
    )
    start = np.zeros(design.shape[1])
    start[0] = np.log(outcome.mean() / (1 - outcome.mean()))
    found = _newton(design, outcome, start, (low, high), tolerance)
    slopes = np.zeros(matrix.shape[1])
    slopes[varying] = found[1:] / scales[varying]
    return float(found[0] - (slopes * means).sum()), slopes


def _newton(
    design: FloatArray,
    outcome: FloatArray,
    at: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    tolerance: float,
) -> FloatArray:
    ridge = np.r_[0.0, np.full(len(at) - 1, PENALTY)]

    def loss(place: FloatArray) -> float:
        scores = design @ place
        return float(np.logaddexp(0.0, scores).sum() - outcome @ scores + ridge @ place**2 / 2)

    here = loss(at)
    for _ in range(_ITERATIONS):
        gradient, curvature = _slope_and_curvature(design, outcome, at)
        gradient += ridge * at
        step = _least_within(gradient, curvature + np.diag(ridge), at, bounds) - at
        gain, length = -float(gradient @ step), 1.0
        if gain <= tolerance * max(here, 1.0):
            break
        while (there := loss(at + length * step)) > here - _SUFFICIENT * length * gain and length > _SHORTEST:
            length /= 2
        if there >= here:
            break
        at, here = np.clip(at + length * step, *bounds), there
    return at


def _slope_and_curvature(
    design: FloatArray, outcome: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gradient and second derivatives of the summed log loss, some rows at a time."""
    gradient, curvature = np.zeros(len(at)), np.zeros((len(at), len(at)))
    for first in range(0, len(design), _ROWS_AT_A_TIME):
        rows = design[first : first + _ROWS_AT_A_TIME]
        chance = np.exp(-np.logaddexp(0.0, -(rows @ at)))
        gradient += (chance - outcome[first : first + _ROWS_AT_A_TIME]) @ rows
        weighted = rows * np.sqrt(chance * (1 - chance))[:, None]
        curvature += weighted.T @ weighted
    return gradient, curvature


def _least_within(
    gradient: FloatArray, curvature: FloatArray, at: FloatArray, bounds: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Minimum of the quadratic model within the bounds, as bounded least squares on the Cholesky factor."""
    from scipy.linalg import cholesky, solve_triangular  # noqa: PLC0415  # scipy loads on first use
    from scipy.optimize import lsq_linear  # noqa: PLC0415  # scipy loads on first use

    factor = cholesky(curvature)
    target = factor @ at - solve_triangular(factor, gradient, trans="T")
    found = lsq_linear(factor, target, bounds=bounds, method="bvls", tol=1e-14)
    least: FloatArray = np.clip(found.x, *bounds)
    return least
