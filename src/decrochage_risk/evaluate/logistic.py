"""A small logistic fit with an offset, its information matrix, and variances that allow for repeated pupils.

Scikit-learn has neither an offset nor a covariance; a calibration needs both. Sums go column by column over
contiguous arrays, never through a BLAS, so that the same rows give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from decrochage_risk.evaluate.rows import Codes, Floats

_STEPS = 100
_HALVINGS = 30
_TOLERANCE = 1e-9
_CONDITION = 1e12


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A fitted logistic regression.

    Attributes
    ----------
    coefficients : ndarray of shape (columns,)
        On the log-odds scale.
    covariance : ndarray of shape (columns, columns)
        Inverse information; the sandwich over clusters when they were given.
    """

    coefficients: Floats
    covariance: Floats


def log_odds(risk: Floats, *, smallest: float = 1e-15) -> Floats:
    """Log-odds of probabilities, those nearer than `smallest` to 0 or 1 moved to that distance.

    Examples
    --------
    >>> log_odds(np.array([0.5, 0.0])).round(2).tolist()
    [0.0, -34.54]
    """
    kept = np.clip(risk, smallest, 1 - smallest)
    return np.asarray(np.log(kept) - np.log1p(-kept), dtype=np.float64)


def probability(scores: Floats) -> Floats:
    """Probability of log-odds, without overflow.

    Examples
    --------
    >>> probability(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(np.exp(-np.logaddexp(0.0, -scores)), dtype=np.float64)


def fit_logistic(
    columns: list[Floats], outcome: Floats, *, offset: Floats | None = None, clusters: Codes | None = None
) -> LogisticFit | None:
    """Maximum likelihood by Newton's method with step halving.

    Parameters
    ----------
    columns : list of ndarray of shape (rows,)
        The design, one array per coefficient (a column of ones for an intercept).
    outcome : ndarray of shape (rows,)
        0 or 1.
    offset : ndarray of shape (rows,), optional
        Added to the log-odds with the fixed coefficient 1.
    clusters : ndarray of int of shape (rows,), optional
        Pupil of each row. The covariance is then the cluster-robust sandwich (Liang and Zeger, Biometrika
        73, 1986, 13-22): several as-of dates of one pupil share one outcome and are not independent.

    Returns
    -------
    LogisticFit or None
        None when there is no finite maximum (separated classes) or the columns are collinear.

    Examples
    --------
    >>> fit = fit_logistic([np.ones(4)], np.array([0.0, 0.0, 0.0, 1.0]))
    >>> round(float(fit.coefficients[0]), 6), round(float(np.log(1 / 3)), 6)
    (-1.098612, -1.098612)
    """
    fixed = np.zeros_like(outcome) if offset is None else offset
    beta = np.zeros(len(columns))
    for _ in range(_STEPS):
        slopes = probability(_linear(columns, beta, fixed))
        information = _information(columns, slopes)
        if not np.isfinite(information).all() or np.linalg.cond(information) > _CONDITION:
            return None
        gradient = np.array([(column * (outcome - slopes)).sum() for column in columns])
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() <= _TOLERANCE * (1 + np.abs(beta).max()):
            return LogisticFit(beta, _covariance(columns, outcome - slopes, information, clusters))
        beta = _improved(columns, outcome, fixed, beta, step)
    return None


def _linear(columns: list[Floats], beta: Floats, fixed: Floats) -> Floats:
    total = fixed.copy()
    for column, coefficient in zip(columns, beta, strict=True):
        total += coefficient * column
    return total


def _information(columns: list[Floats], slopes: Floats) -> Floats:
    weight = slopes * (1 - slopes)
    sums: Floats = np.asarray(
        [[(left * weight * right).sum() for right in columns] for left in columns], dtype=np.float64
    )
    return sums


def _loss(columns: list[Floats], outcome: Floats, fixed: Floats, beta: Floats) -> float:
    scores = _linear(columns, beta, fixed)
    return float((np.logaddexp(0.0, scores) - outcome * scores).sum())


def _improved(columns: list[Floats], outcome: Floats, fixed: Floats, beta: Floats, step: Floats) -> Floats:
    """Take the Newton step, halved until it does not worsen the likelihood beyond rounding."""
    before = _loss(columns, outcome, fixed, beta)
    for halving in range(_HALVINGS):
        candidate: Floats = beta + step * 0.5**halving
        if _loss(columns, outcome, fixed, candidate) <= before + 1e-12 * (1 + abs(before)):
            return candidate
    return beta


def _covariance(
    columns: list[Floats], residual: Floats, information: Floats, clusters: Codes | None
) -> Floats:
    inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if clusters is None:
        return inverse
    totals = [np.bincount(clusters, weights=column * residual) for column in columns]
    meat = np.array([[(left * right).sum() for right in totals] for left in totals])
    groups = int(clusters.max()) + 1
    return np.asarray(inverse @ meat @ inverse * (groups / max(groups - 1, 1)), dtype=np.float64)
