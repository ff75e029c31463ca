"""How far announced risks are from observed frequencies: log loss, Brier and its parts, ECE, Spiegelhalter.

The risks must be probabilities. Rows are sorted before they are summed, so a figure does not depend on their
order. Slope, intercept and ICI, which need a fit, are in `decrochage_risk.evaluate.recalibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.evaluate.rows import sorted_rows

if TYPE_CHECKING:
    import numpy.typing as npt

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
    measured, announced = sorted_rows(outcome, risk)
    kept = np.clip(announced, _SMALLEST_RISK, 1 - _SMALLEST_RISK)
    return float(-np.mean(np.where(measured == 1, np.log(kept), np.log1p(-kept))))


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
    measured, announced = sorted_rows(outcome, risk)
    return float(np.mean((announced - measured) ** 2))


def equal_mass_bins(risk: Floats, bins: int = _BINS) -> Codes:
    """Bin of each row, numbered from 0: cut at the quantiles k / `bins`, equal risks always in one bin.

    Fewer bins come back when risks repeat so much that quantiles coincide.

    Examples
    --------
    >>> equal_mass_bins(np.array([0.1, 0.2, 0.3, 0.3]), bins=2)
    array([0, 0, 1, 1])
    """
    edges = np.unique(np.quantile(risk, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.unique(np.searchsorted(edges, risk, side="left"), return_inverse=True)[1].astype(np.intp)


def _bin_means(measured: Floats, announced: Floats, bins: int) -> tuple[Floats, Floats, Floats, Codes]:
    codes = equal_mass_bins(announced, bins)
    size = np.bincount(codes).astype(np.float64)
    observed = np.bincount(codes, weights=measured) / size
    return size, observed, np.bincount(codes, weights=announced) / size, codes


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
    measured, announced = sorted_rows(outcome, risk)
    size, observed, mean_risk, codes = _bin_means(measured, announced, bins)
    base, weight = measured.mean(), size / size.sum()
    spread = announced - mean_risk[codes]
    return BrierParts(
        brier=float(np.mean((announced - measured) ** 2)),
        reliability=float((weight * (mean_risk - observed) ** 2).sum()),
        resolution=float((weight * (observed - base) ** 2).sum()),
        uncertainty=float(base * (1 - base)),
        within_bins=float(np.mean(spread**2 - 2 * spread * (measured - observed[codes]))),
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

    measured, announced = sorted_rows(outcome, risk)
    size, observed, mean_risk, codes = _bin_means(measured, announced, bins)
    events = np.bincount(codes, weights=measured)
    shape = (events + 0.5, size - events + 0.5)
    return pd.DataFrame(
        {
            "rows": size.astype(np.int64),
            "events": events.astype(np.int64),
            "mean_risk": mean_risk,
            "observed": observed,
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
    size, observed, mean_risk, _ = _bin_means(*sorted_rows(outcome, risk), bins)
    return float((size / size.sum() * np.abs(observed - mean_risk)).sum())


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
    size, observed, mean_risk, _ = _bin_means(*sorted_rows(outcome, risk), bins)
    noise = observed * (1 - observed) / np.maximum(size - 1, 1)
    return float((size / size.sum() * ((observed - mean_risk) ** 2 - noise)).sum())


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
    measured, announced = sorted_rows(outcome, risk)
    lean = 1 - 2 * announced
    variance = float((lean**2 * announced * (1 - announced)).sum())
    if variance == 0:
        return None
    z = float(((measured - announced) * lean).sum()) / sqrt(variance)
    return z, erfc(abs(z) / sqrt(2))
