"""How far announced risks are from observed frequencies: log loss, Brier and its parts, ECE, Spiegelhalter.

The risks must be probabilities. Rows are sorted before they are summed, so a figure does not depend on their
order. Slope, intercept and ICI, which need a fit, are in `decrochage_risk.evaluate.reliability`.

Calibration seen through a fit: slope, calibration-in-the-large, smooth observed frequency, ICI.

Rows are sorted before they are summed, so a figure does not depend on their order. Where the pupils are given,
intervals allow for several as-of dates of one pupil.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import erfc, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.baselines import fit_logistic, log_odds, probability
from decrochage_risk.evaluate.rows import (
    canonical_order,
    checked_rows,
    is_one_class,
    sorted_codes,
    sorted_rows,
)
from decrochage_risk.small_cells import is_small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from decrochage_risk.evaluate.baselines import LogisticFit
    from decrochage_risk.evaluate.rows import Codes, Floats


_BINS = 10
_SMALLEST_RISK = 1e-15


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Brier score and its parts: ``brier = reliability - resolution + uncertainty + within_bins``.

    Attributes
    ----------
    brier : float
        Mean of (risk - outcome) squared.
    reliability : float
        Mean squared gap between announced and observed frequency over the bins; 0 is best.
    resolution : float
        Variance of the observed frequency between bins; larger is better.
    uncertainty : float
        Variance of the outcome.
    within_bins : float
        What the binning leaves out (variance of the risk within bins, less twice its covariance with the
        outcome); 0 when all risks of a bin are equal.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def log_loss(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> float:
    """Mean of -log of the probability given to what happened; risks are kept 1e-15 away from 0 and 1.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> round(log_loss([0, 1], [0.5, 0.5]), 6)
    0.693147
    """
    outcomes, risks = sorted_rows(outcome, risk)
    chance = np.clip(risks, _SMALLEST_RISK, 1 - _SMALLEST_RISK)
    return float(-np.mean(np.where(outcomes == 1, np.log(chance), np.log1p(-chance))))


def brier_score(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> float:
    """Mean of (risk - outcome) squared (Brier, Monthly Weather Review 78, 1950, 1-3).

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> brier_score([0, 1], [0.5, 0.5])
    0.25
    """
    outcomes, risks = sorted_rows(outcome, risk)
    return float(np.mean((risks - outcomes) ** 2))


def equal_mass_bins(risk: Floats, bins: int = _BINS) -> Codes:
    """Bin of each row, numbered from 0: cut at the quantiles k / `bins`, equal risks always in one bin.

    Fewer bins come back when risks repeat so much that quantiles coincide.

    Examples
    --------
    >>> equal_mass_bins(np.array([0.1, 0.2, 0.3, 0.3]), bins=2)
    array([0, 0, 1, 1])
    """
    # Edges that occur as risks, so that equal risks never fall on both sides.
    edges = np.unique(np.quantile(risk, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.unique(np.searchsorted(edges, risk, side="left"), return_inverse=True)[1].astype(np.intp)


def _bin_means(outcomes: Floats, risks: Floats, bins: int) -> tuple[Floats, Floats, Floats, Codes]:
    codes = equal_mass_bins(risks, bins)
    size = np.bincount(codes).astype(np.float64)
    frequency = np.bincount(codes, weights=outcomes) / size
    return size, frequency, np.bincount(codes, weights=risks) / size, codes


def brier_parts(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, bins: int = _BINS) -> BrierParts:
    """Brier score split over `bins` bins of equal mass (`equal_mass_bins`).

    Murphy, Journal of Applied Meteorology 12, 1973, 595-600; the within-bin terms after Stephenson, Coelho and
    Jolliffe, Weather and Forecasting 23, 2008, 752-757, so that the parts always sum to the score.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> parts = brier_parts([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75])
    >>> parts.brier, parts.reliability, parts.resolution, parts.uncertainty
    (0.3125, 0.0625, 0.0, 0.25)
    """
    outcomes, risks = sorted_rows(outcome, risk)
    size, frequency, mean_risk, codes = _bin_means(outcomes, risks, bins)
    base, weight = outcomes.mean(), size / size.sum()
    spread = risks - mean_risk[codes]
    return BrierParts(
        brier=float(np.mean((risks - outcomes) ** 2)),
        reliability=float((weight * (mean_risk - frequency) ** 2).sum()),
        resolution=float((weight * (frequency - base) ** 2).sum()),
        uncertainty=float(base * (1 - base)),
        # Murphy's three parts add up only for constant risks within a bin; this is what they leave.
        within_bins=float(np.mean(spread**2 - 2 * spread * (outcomes - frequency[codes]))),
    )


def reliability_table(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, bins: int = _BINS) -> pd.DataFrame:
    """Announced and observed frequency per bin of equal mass, with a 95 % Jeffreys interval.

    Jeffreys interval: quantiles of Beta(events + 1/2, non-events + 1/2) (Brown, Cai and DasGupta, Statistical
    Science 16, 2001, 101-133); rows are counted as independent.

    Returns
    -------
    pandas.DataFrame
        One row per bin: ``rows``, ``events``, ``mean_risk``, ``observed``, ``low``, ``high``.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> reliability_table([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75])[["rows", "events", "mean_risk", "observed"]]
       rows  events  mean_risk  observed
    0     2       1       0.25       0.5
    1     2       1       0.75       0.5
    """
    from scipy.stats import beta  # noqa: PLC0415  # heavy: loaded on first use

    outcomes, risks = sorted_rows(outcome, risk)
    size, frequency, mean_risk, codes = _bin_means(outcomes, risks, bins)
    events = np.bincount(codes, weights=outcomes)
    shape = (events + 0.5, size - events + 0.5)
    return pd.DataFrame(
        {
            "rows": size.astype(np.int64),
            "events": events.astype(np.int64),
            "mean_risk": mean_risk,
            "observed": frequency,
            "low": beta.ppf(0.025, *shape),
            "high": beta.ppf(0.975, *shape),
        }
    )


def ece(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, bins: int = _BINS) -> float:
    """Give the expected calibration error: mean absolute gap between announced and observed frequency over the bins.

    Bins of equal mass. Above 0 even for perfect risks, since each bin's frequency has its own noise: see
    `ece_debiased`.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> ece([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75])
    0.25
    """
    size, frequency, mean_risk, _ = _bin_means(*sorted_rows(outcome, risk), bins)
    return float((size / size.sum() * np.abs(frequency - mean_risk)).sum())


def squared_gap_debiased(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, bins: int = _BINS) -> float:
    """Mean squared calibration gap over the bins less its sampling noise; may be below 0, its mean is not biased.

    The variance of a bin's frequency, ``observed (1 - observed) / (rows - 1)``, is taken off its squared gap
    (Bröcker, Climate Dynamics 39, 2012, 655-667; Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS
    2019). Rows are counted as independent: with several as-of dates per pupil too little noise is taken off.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> round(squared_gap_debiased([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75]), 4)
    -0.1875
    """
    size, frequency, mean_risk, _ = _bin_means(*sorted_rows(outcome, risk), bins)
    # Of the observed frequency alone: even perfect risks show this gap.
    noise = frequency * (1 - frequency) / np.maximum(size - 1, 1)
    return float((size / size.sum() * ((frequency - mean_risk) ** 2 - noise)).sum())


def ece_debiased(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, bins: int = _BINS) -> float:
    """Root mean squared calibration gap over the bins without its sampling noise, 0 when noise explains it all.

    The square root of `squared_gap_debiased` where that is positive. A quadratic mean: it may exceed `ece` when
    the gaps are uneven and large against the noise.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> ece_debiased([0, 1, 0, 1], [0.25, 0.25, 0.75, 0.75])
    0.0
    """
    return sqrt(max(0.0, squared_gap_debiased(outcome, risk, bins=bins)))


def spiegelhalter(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> tuple[float, float] | None:
    """Spiegelhalter's test that the risks are calibrated: z, and its two-sided p-value.

    z is the Brier score less its expectation under the risks, over its standard deviation (Spiegelhalter,
    Statistics in Medicine 5, 1986, 421-433). Rows are counted as independent.

    Returns
    -------
    tuple of float or None
        None when every risk is 0, 1/2 or 1, which leaves no variance.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> z, p = spiegelhalter([0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25])
    >>> z, p
    (0.0, 1.0)
    """
    outcomes, risks = sorted_rows(outcome, risk)
    lean = 1 - 2 * risks
    variance = float((lean**2 * risks * (1 - risks)).sum())
    if variance == 0:
        return None
    z = float(((outcomes - risks) * lean).sum()) / sqrt(variance)
    return z, erfc(abs(z) / sqrt(2))


# Harrell 2015, table 2.3.
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
    outcomes, logits = checked_rows(outcome, scores, columns=others)
    codes = np.arange(len(outcomes)) if pupils is None else sorted_codes(pupils)
    order = canonical_order(outcomes, logits, codes)
    clusters = None if pupils is None else codes[order]
    return _recalibration(outcomes[order], logits[order], clusters, NormalDist().inv_cdf((1 + level) / 2))


def _recalibration(outcomes: Floats, logits: Floats, clusters: Codes | None, reach: float) -> Recalibration:
    ones = np.ones_like(outcomes)
    if is_one_class(outcomes):
        cause = "pente et ordonnée à l'origine non mesurées : toutes les lignes ont la même issue"
        return Recalibration(None, None, None, None, None, None, (cause,))
    # Slope fixed at 1: calibration-in-the-large asks about the level alone.
    large = fit_logistic([ones], outcomes, offset=logits, clusters=clusters)
    slope_cause = _no_slope_cause(outcomes, logits)
    slope = None if slope_cause else fit_logistic([ones, logits], outcomes, clusters=clusters)
    causes = []
    if slope is None:
        causes.append(slope_cause or "pente non mesurée : le calcul ne converge pas")
    if large is None:
        causes.append("ordonnée à l'origine non mesurée : le calcul ne converge pas")
    return Recalibration(*_last_interval(slope, reach), *_last_interval(large, reach), tuple(causes))


def _no_slope_cause(outcomes: Floats, logits: Floats) -> str | None:
    if logits.min() == logits.max():
        return "pente non mesurée : tous les risques sont égaux"
    with_event, without = logits[outcomes == 1], logits[outcomes == 0]
    # Then the slope that fits best is infinite.
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
    outcomes, risks = checked_rows(outcome, risk, probability=True)
    order = canonical_order(outcomes, risks)
    logits = log_odds(risks[order])
    if is_one_class(outcomes):
        return None
    for columns in _spline_designs(logits):
        fit = fit_logistic(columns, outcomes[order])
        if fit is not None:
            smooth = np.empty_like(risks)
            terms = zip(columns, fit.coefficients, strict=True)
            smooth[order] = probability(
                sum((column * slope for column, slope in terms), np.zeros_like(logits))
            )
            return smooth
    return None


def _spline_designs(logits: Floats) -> list[list[Floats]]:
    """Designs to try in turn: 5, 4, 3 knots, a line, a constant when all risks are equal."""
    ones = np.ones_like(logits)
    if logits.min() == logits.max():
        return [[ones]]
    centre, scale = logits.mean(), logits.std()
    line = (logits - centre) / scale
    designs = []
    for quantiles in _KNOTS.values():
        knots = np.unique(np.quantile(line, quantiles, method="inverted_cdf"))
        # Equal knots, where many risks are the same, would divide by zero: fewer are tried.
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
    outcomes, risks = sorted_rows(outcome, risk)
    smooth = smooth_frequency(outcomes, risks)
    return None if smooth is None else float(np.mean(np.abs(smooth - risks)))


class ReliabilityBin(BaseModel):
    """Announced and observed frequency of rows of neighbouring risk.

    Attributes
    ----------
    rows : int
    mean_risk, observed : float
    low, high : float
        95 % Jeffreys interval of ``observed``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    mean_risk: float
    observed: float
    low: float
    high: float


def reliability_bins(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    bins: int = _BINS,
) -> tuple[ReliabilityBin, ...]:
    """Make the curve of a card: bins of equal mass, joined to the next where few pupils of one left, or stayed.

    Cut from the highest risk down, where the shares of the highest scores end: no row lies between a bin and a share. Equal
    risks are in one bin.

    Parameters
    ----------
    outcome, risk : array_like of shape (rows,)
        0 or 1; the announced probability.
    pupils : array_like of shape (rows,), optional
        Pupil of each row; the rows themselves when left out.
    bins : int
        At most.

    Returns
    -------
    tuple of ReliabilityBin
        From the lowest risk up; empty when all rows together are of few who left, or stayed.

    Examples
    --------
    >>> reliability_bins([0] * 85 + [1] * 15, [0.05] * 50 + [0.15] * 50)[0].rows
    50
    """
    outcomes, risks = checked_rows(outcome, risk, probability=True)
    people = np.arange(len(risks)) if pupils is None else sorted_codes(pupils)
    order = canonical_order(outcomes, risks, people)[::-1]
    outcomes, risks, people = outcomes[order], risks[order], people[order]

    def are_few(part: slice) -> bool:
        left = outcomes[part] == 1
        return is_small(*(len(np.unique(people[part][mask])) for mask in (left, ~left)))

    edges = [0]
    for end in _edges(risks, bins, are_few):
        # Nor may what remains below be of few: it would be the rest of the whole.
        if end > edges[-1] and not (are_few(slice(edges[-1], end)) or are_few(slice(end, None))):
            edges.append(end)
    parts = [slice(first, end) for first, end in pairwise(edges)]
    return tuple(_bin(outcomes[part], risks[part]) for part in reversed(parts))


def _edges(risks: Floats, bins: int, are_few: Callable[[slice], bool]) -> Iterator[int]:
    """Give where equal bins end among risks that fall, each moved to the end of its tie."""
    for at in range(1, bins + 1):
        end = max(1, int(np.floor(at / bins * len(risks) + 0.5)))
        first, last = (int(np.searchsorted(-risks, -risks[end - 1], side=side)) for side in ("left", "right"))
        # A share that ends within a tie of few pupils would tell them beside a bin that ends after it.
        if last == end or last == len(risks) or not are_few(slice(first, last)):
            yield last


def _bin(outcomes: Floats, risks: Floats) -> ReliabilityBin:
    from scipy.stats import beta  # noqa: PLC0415  # heavy: loaded on first use

    rows, events = len(outcomes), int(outcomes.sum())
    shape = (events + 0.5, rows - events + 0.5)
    return ReliabilityBin(
        rows=rows,
        mean_risk=float(risks.mean()),
        observed=events / rows,
        low=float(beta.ppf(0.025, *shape)),
        high=float(beta.ppf(0.975, *shape)),
    )
