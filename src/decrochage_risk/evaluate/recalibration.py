"""Calibration seen through a fit: slope, calibration-in-the-large, smooth observed frequency, ICI.

Rows are sorted before they are summed, so a figure does not depend on their order. Where the pupils are given,
intervals allow for several as-of dates of one pupil.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.evaluate.logistic import fit_logistic, log_odds, probability
from decrochage_risk.evaluate.rows import (
    canonical_order,
    checked_rows,
    is_one_class,
    sorted_codes,
    sorted_rows,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.logistic import LogisticFit
    from decrochage_risk.evaluate.rows import Codes, Floats

_KNOTS = {5: (0.05, 0.275, 0.5, 0.725, 0.95), 4: (0.05, 0.35, 0.65, 0.95), 3: (0.1, 0.5, 0.9)}


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Logistic recalibration of announced risks: slope, intercept, their 95 % intervals, causes of what is missing.

    Attributes
    ----------
    slope, slope_low, slope_high : float or None
        Coefficient of the log-odds; 1 is best, below 1 the risks are too extreme.
    intercept, intercept_low, intercept_high : float or None
        Calibration-in-the-large on the log-odds scale; 0 is best, above 0 the risks are too low.
    causes : tuple of str
        Why a figure is None, in French.
    """

    slope: float | None
    slope_low: float | None
    slope_high: float | None
    intercept: float | None
    intercept_low: float | None
    intercept_high: float | None
    causes: tuple[str, ...] = ()


def calibration_slope_intercept(
    outcome: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    level: float = 0.95,
) -> Recalibration:
    """Slope and calibration-in-the-large of the log-odds, with their intervals.

    Slope: the coefficient b of ``logit P(outcome) = a + b * scores``. Intercept: the a of ``logit P(outcome) =
    a + scores``. Cox, Biometrika 45, 1958, 562-565; Van Calster et al., BMC Medicine 17, 2019, 230. Intervals:
    estimate -+ 1.96 standard errors (at 95 %), from the information matrix, or from its sandwich over `pupils`.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1.
    scores : array_like of shape (rows,)
        Log-odds of the announced risk.
    pupils : array_like of shape (rows,), optional
        Pupil of each row.
    level : float
        Nominal coverage of the intervals, above 0 and under 1.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    Half of the log-odds would have been enough:

    >>> outcome = [0] * 3 + [1] + [0] + [1] * 3
    >>> fit = calibration_slope_intercept(outcome, [-2 * np.log(3)] * 4 + [2 * np.log(3)] * 4)
    >>> round(fit.slope, 6), round(abs(fit.intercept), 6)
    (0.5, 0.0)
    """
    others = {} if pupils is None else {"pupils": pupils}
    measured, scored = checked_rows(outcome, scores, columns=others)
    codes = np.arange(len(measured)) if pupils is None else sorted_codes(pupils)
    order = canonical_order(measured, scored, codes)
    clusters = None if pupils is None else codes[order]
    return _recalibration(measured[order], scored[order], clusters, NormalDist().inv_cdf((1 + level) / 2))


def _recalibration(measured: Floats, scored: Floats, clusters: Codes | None, reach: float) -> Recalibration:
    ones = np.ones_like(measured)
    if is_one_class(measured):
        cause = "pente et ordonnée à l'origine non mesurées : toutes les lignes ont la même issue"
        return Recalibration(None, None, None, None, None, None, (cause,))
    large = fit_logistic([ones], measured, offset=scored, clusters=clusters)
    slope_cause = _no_slope_cause(measured, scored)
    slope = None if slope_cause else fit_logistic([ones, scored], measured, clusters=clusters)
    causes = []
    if slope is None:
        causes.append(slope_cause or "pente non mesurée : le calcul ne converge pas")
    if large is None:
        causes.append("ordonnée à l'origine non mesurée : le calcul ne converge pas")
    return Recalibration(*_last_interval(slope, reach), *_last_interval(large, reach), tuple(causes))


def _no_slope_cause(measured: Floats, scored: Floats) -> str | None:
    if scored.min() == scored.max():
        return "pente non mesurée : tous les risques sont égaux"
    with_event, without = scored[measured == 1], scored[measured == 0]
    if with_event.min() >= without.max() or with_event.max() <= without.min():
        return "pente non mesurée : les risques séparent entièrement les deux issues"
    return None


def _last_interval(fit: LogisticFit | None, reach: float) -> tuple[float | None, float | None, float | None]:
    """Estimate of the last coefficient of a fit, and `reach` standard errors on each side."""
    if fit is None:
        return None, None, None
    estimate, half = float(fit.coefficients[-1]), reach * sqrt(fit.covariance[-1, -1])
    return estimate, estimate - half, estimate + half


def smooth_frequency(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> Floats | None:
    """Observed frequency as a smooth function of the announced risk, at each row, in the order of the rows.

    A logistic regression on a restricted cubic spline of the log-odds, with 5 knots at Harrell's quantiles
    (Regression Modeling Strategies, 2015, table 2.3), 4 or 3 when risks repeat, a straight line otherwise. Linear
    beyond the outer knots, hence steady in the tails, where a local regression is not.

    Returns
    -------
    ndarray of shape (rows,) or None
        None when rows have one outcome or are entirely separated.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> smooth_frequency([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75]).round(6).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    measured, announced = checked_rows(outcome, risk, probability=True)
    order = canonical_order(measured, announced)
    scored = log_odds(announced[order])
    if is_one_class(measured):
        return None
    for columns in _spline_designs(scored):
        fit = fit_logistic(columns, measured[order])
        if fit is not None:
            smooth = np.empty_like(announced)
            terms = zip(columns, fit.coefficients, strict=True)
            smooth[order] = probability(
                sum((column * slope for column, slope in terms), np.zeros_like(scored))
            )
            return smooth
    return None


def _spline_designs(scored: Floats) -> list[list[Floats]]:
    """Designs to try in turn: 5, 4, 3 knots, a line, a constant when all risks are equal."""
    ones = np.ones_like(scored)
    if scored.min() == scored.max():
        return [[ones]]
    centre, scale = scored.mean(), scored.std()
    line = (scored - centre) / scale
    designs = []
    for quantiles in _KNOTS.values():
        knots = np.unique(np.quantile(line, quantiles, method="inverted_cdf"))
        if len(knots) == len(quantiles):
            designs.append([ones, line, *_spline_columns(line, knots)])
    return [*designs, [ones, line]]


def _spline_columns(line: Floats, knots: Floats) -> list[Floats]:
    """Restricted cubic spline terms (Harrell 2015, section 2.4.5), divided by the squared span of the knots."""
    last, before = knots[-1], knots[-2]

    def cube(knot: np.float64) -> Floats:
        return np.asarray(np.maximum(line - knot, 0.0) ** 3, dtype=np.float64)

    return [
        (cube(k) - cube(before) * (last - k) / (last - before) + cube(last) * (before - k) / (last - before))
        / (last - knots[0]) ** 2
        for k in knots[:-2]
    ]


def ici(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> float | None:
    """Integrated calibration index: mean absolute gap between the risk and the smooth observed frequency.

    Austin and Steyerberg, Statistics in Medicine 38, 2019, 4051-4065, with `smooth_frequency` as the smoother.

    Returns
    -------
    float or None
        None when rows have one outcome or are entirely separated.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> round(ici([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75]), 6)
    0.25
    """
    measured, announced = sorted_rows(outcome, risk)
    smooth = smooth_frequency(measured, announced)
    return None if smooth is None else float(np.mean(np.abs(smooth - announced)))
