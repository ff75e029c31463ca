"""How sure a risk is: an interval from the spread of the bag, scaled where the truth is known; wider where a school is new.

A school that the model never saw has a level of its own, which no column tells. How far such levels lie apart is measured on
schools that were held out (``fit_cluster_spread``), and added to every interval of a new one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.risk.calibration import probability

if TYPE_CHECKING:
    from decrochage_risk.risk.numeric_table import FloatArray


__all__ = [
    "fit_cluster_spread",
    "fit_spread_factor",
    "jackknife_error",
    "jackknife_interval",
    "member_mean",
    "normal_quantile",
    "rarity_factor",
]

RARE_RISK, COMMON_RISK = 0.002, 0.02
RARE_FACTOR = 1.75
"""At risks of 0.2 % or less the interval is wider by this factor, from 2 % on by none, in between by a straight line in
log-odds. Where the event is rare the members err together more than they differ: there is little to learn from,
and the same few pupils teach all of them. Measured where the truth is known (``benchmarks/spread_factor.py``)."""


def rarity_factor(log_odds: FloatArray) -> FloatArray:
    """Factor by which the interval is wider where the event is rare.

    Examples
    --------
    >>> rarity_factor(np.log(np.array([0.0005, 0.0019, 0.021, 0.4]))).round(2)
    array([1.75, 1.75, 1.  , 1.  ])
    """
    bounds = [float(np.log(risk / (1 - risk))) for risk in (RARE_RISK, COMMON_RISK)]
    # interp holds the end values beyond both bounds.
    return np.asarray(np.interp(log_odds, bounds, [RARE_FACTOR, 1.0]), dtype=np.float64)


def member_mean(members: FloatArray) -> FloatArray:
    """Mean over the members (columns), added one by one: a row alone and in a batch give the same bits.

    Examples
    --------
    >>> member_mean(np.array([[1.0, 2.0, 6.0]]))
    array([3.])
    """
    total = np.zeros(len(members))
    for member in members.T:
        total = total + member
    mean: FloatArray = total / members.shape[1]
    return mean


def jackknife_error(members: FloatArray) -> FloatArray:
    """Compute the standard error of the bag by the delete-a-group jackknife.

    Member ``k`` did not see the ``k``-th part of the pupils, so with K members
    ``se**2 = (K - 1) / K * sum((m_k - mean)**2)`` (Kott 2001, the delete-a-group jackknife).

    Parameters
    ----------
    members : (n, K) array
        Log-odds of the members.

    Returns
    -------
    (n,) array
        In log-odds.

    Examples
    --------
    >>> jackknife_error(np.array([[1.0, 2.0, 3.0]])) ** 2  # 2/3 * (1 + 0 + 1)
    array([1.33333333])
    """
    count = members.shape[1]
    mean = member_mean(members)
    total = np.zeros(len(members))
    for member in members.T:
        total = total + (member - mean) ** 2
    error: FloatArray = np.sqrt((count - 1) / count * total)
    return error


def jackknife_interval(
    members: FloatArray,
    *,
    level: float = 0.9,
    spread_factor: float = 1.0,
    cluster_spread: npt.ArrayLike = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Interval of the risk from calibrated log-odds of the members.

    Parameters
    ----------
    members : (n, K) array
        Calibrated log-odds.
    level : float
        Nominal coverage, between 0 and 1.
    spread_factor : float
        Factor on the standard error; see :func:`fit_spread_factor`.
    cluster_spread : float or (n,) array
        Standard deviation of the level of a school that the model never saw, in log-odds; 0 for one that it did.

    Returns
    -------
    low, high : (n,) arrays of probabilities

    Examples
    --------
    >>> low, high = jackknife_interval(np.array([[-1.1, -0.9, -1.0]]))
    >>> bool(low[0] < probability(np.array([-1.0]))[0] < high[0])
    True
    """
    mean = member_mean(members)
    own = spread_factor * rarity_factor(mean) * jackknife_error(members)
    # Two sources of error that know nothing of each other: their squares add up.
    half = normal_quantile(level) * np.hypot(own, np.asarray(cluster_spread, dtype=np.float64))
    return probability(mean - half), probability(mean + half)


def fit_spread_factor(members: FloatArray, true_log_odds: npt.ArrayLike, *, level: float = 0.9) -> float:
    """Find the factor with which the interval covers a known truth at its level.

    Parameters
    ----------
    members : (n, K) array
        Calibrated log-odds of the members, for rows they did not learn from.
    true_log_odds : (n,) array_like
        The true log-odds (of a synthetic cohort: nobody knows them for real pupils).
    level : float
        Coverage sought.

    Returns
    -------
    float
        The smallest factor for which at least the share ``level`` of these rows is covered.

    Raises
    ------
    NotEnoughDataError
        No row, or members that agree exactly (no spread to scale).
    ModelError
        ``level`` not between 0 and 1, or another number of true values.

    Examples
    --------
    >>> members = np.array([[-0.1, 0.1]] * 10)  # standard error 0.1
    >>> round(fit_spread_factor(members, np.linspace(0, 0.9, 10), level=0.9), 3)
    4.864
    """
    truth = np.asarray(true_log_odds, dtype=np.float64)
    if truth.shape != (len(members),) or not np.isfinite(truth).all():
        raise ModelError(
            explain_error(
                f"true_log_odds has shape {truth.shape}, {int((~np.isfinite(truth)).sum())} values not finite",
                expected=f"{len(members)} finite values, one per row of members",
                hint="Turn true probabilities of exactly 0 or 1 away from the bounds first.",
            )
        )
    mean = member_mean(members)
    reach = normal_quantile(level) * rarity_factor(mean) * jackknife_error(members)
    miss = np.abs(mean - truth)
    # members that agree on the truth are covered by any factor, on anything else by none
    ratio = np.divide(miss, reach, out=np.where(miss > 0, np.inf, 0.0), where=reach > 0)
    # A ratio that occurred, not one between two: the share covered is then at least the level.
    factor = float(np.quantile(ratio, level, method="inverted_cdf")) if len(ratio) else np.inf
    if not np.isfinite(factor):
        raise NotEnoughDataError(
            explain_error(
                f"The members agree exactly in {int((reach == 0).sum())} of {len(members)} rows",
                expected="members that differ, in enough rows",
                hint="Fit the factor on a larger cohort.",
            )
        )
    return factor


def normal_quantile(level: float) -> float:
    """Give the number of standard errors on each side of a normal interval.

    Examples
    --------
    >>> round(normal_quantile(0.9), 3)
    1.645
    """
    if not 0 < level < 1:
        raise ModelError(
            explain_error(
                f"level {level!r}", expected="a share between 0 and 1, both left out", hint="Pass level=0.9."
            )
        )
    return NormalDist().inv_cdf((1 + level) / 2)


LEAST_CLUSTERS = 10
"""Held-out schools under which nothing is said of how far they lie apart."""


def fit_cluster_spread(log_odds: FloatArray, outcome: FloatArray, clusters: npt.ArrayLike) -> float:
    """Find how far the levels of schools that were held out lie apart, in log-odds.

    Each school has ``O`` events where ``E`` were expected, with the variance ``V = sum(p (1 - p))``; a level of its own
    of standard deviation ``t`` log-odds adds ``t**2 V**2``. The spread is the ``t`` for which the squared ``z = (O - E) /
    sqrt(V + t**2 V**2)`` have the mean 1 (the moment estimator of Paule and Mandel, Journal of Research of the NBS 87,
    1982).

    Parameters
    ----------
    log_odds : (n,) array
        Calibrated, of rows whose school the predicting members did not see; one per pupil and period.
    outcome : (n,) array of 0/1
    clusters : (n,) array_like
        School of each row.

    Returns
    -------
    float
        0 where the schools scatter no more than chance does, or are fewer than ``LEAST_CLUSTERS``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> school = np.repeat(np.arange(200), 100)
    >>> level = np.repeat(rng.normal(0, 0.5, 200), 100)
    >>> happened = (rng.random(20_000) < probability(-1 + level)).astype(float)
    >>> 0.4 < fit_cluster_spread(np.full(20_000, -1.0), happened, school) < 0.6
    True
    """
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    risk = probability(log_odds)
    excess = np.bincount(codes, weights=outcome - risk)
    variance = np.bincount(codes, weights=risk * (1 - risk))
    if len(excess) < LEAST_CLUSTERS:
        return 0.0

    def mean_square(spread: float) -> float:
        return float(np.mean(excess**2 / (variance + (spread * variance) ** 2)))

    # Log-odds: schools four apart would be 2 % against 50 %, more than any known.
    low, high = 0.0, 4.0
    if mean_square(low) <= 1.0:
        return 0.0
    # Bisection: the mean square falls as the spread grows, and 60 halvings reach the last bit.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_square(middle) > 1.0 else (low, middle)
    return high
