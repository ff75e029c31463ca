"""All figures of one score on one set of rows, measured together: `Figures` and `measure`.

Figures are rounded, so that a report holds no rounding noise; a figure that the rows cannot give (one class of outcome, a score
that is no probability) is None, and a note says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate import ranking, reliability
from decrochage_risk.evaluate import reliability as recalibration
from decrochage_risk.evaluate.baselines import log_odds
from decrochage_risk.evaluate.rows import checked_rows, is_one_class, sorted_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats

SHARES = (0.05, 0.10)
# Agreed to 1e-9 by anyone who computes a figure; the digits after that differ between machines.
_DIGITS = 10


class Figures(BaseModel):
    """Figures of a score; None where a figure cannot be measured, with the cause in `notes`.

    Attributes
    ----------
    rows, pupils, events : int or None
        Rows (a pupil at an as-of date), distinct pupils (None when not told), rows with the event; None when hidden.
    base_rate : float or None
        Events over rows.
    mean_risk : float or None
        Mean announced risk.
    auc, average_precision, within_school_auc, school_only_auc : float or None
        See `decrochage_risk.evaluate.ranking`.
    precision_at_5, recall_at_5, lift_at_5, precision_at_10, recall_at_10, lift_at_10 : float or None
        Among the 5 % and 10 % of the rows with the highest scores; ties at the edge share the places.
    log_loss, brier, brier_skill : float or None
        Skill: ``1 - brier / uncertainty``, against announcing the base rate of these rows to everybody.
    reliability, resolution, uncertainty, within_bins : float or None
        Parts of the Brier score over ten bins, see `decrochage_risk.evaluate.reliability.BrierParts`.
    slope, slope_low, slope_high, intercept, intercept_low, intercept_high : float or None
        See `decrochage_risk.evaluate.reliability.Recalibration`.
    ece, ece_debiased, ici : float or None
        Calibration errors.
    spiegelhalter_z, spiegelhalter_p : float or None
        Test of calibration.
    notes : tuple of str
        Why figures are None, in French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: int | None
    pupils: int | None = None
    events: int | None
    base_rate: float | None
    mean_risk: float | None = None
    auc: float | None = None
    average_precision: float | None = None
    within_school_auc: float | None = None
    school_only_auc: float | None = None
    precision_at_5: float | None = None
    recall_at_5: float | None = None
    lift_at_5: float | None = None
    precision_at_10: float | None = None
    recall_at_10: float | None = None
    lift_at_10: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    brier_skill: float | None = None
    reliability: float | None = None
    resolution: float | None = None
    uncertainty: float | None = None
    within_bins: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    intercept: float | None = None
    intercept_low: float | None = None
    intercept_high: float | None = None
    ece: float | None = None
    ece_debiased: float | None = None
    ici: float | None = None
    spiegelhalter_z: float | None = None
    spiegelhalter_p: float | None = None
    notes: tuple[str, ...] = ()


def measure(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    schools: Any = None,  # noqa: ANN401  # any column
    probability: bool = True,
) -> Figures:
    """Measure one score. Figures are rounded to 10 decimals, so that reports do not hold rounding noise.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1; censored rows are left out by the caller.
    risk : array_like of shape (rows,)
        Announced risk in [0, 1]; any finite score when `probability` is false.
    pupils : array_like of shape (rows,), optional
        Pupil of each row: counted, and the intervals then allow for several rows of one pupil.
    schools : array_like of shape (rows,), optional
        School of each row, for the figures within schools.
    probability : bool
        False for a score that only ranks (a flag): its calibration figures are None, with the cause.

    Raises
    ------
    ColumnsError
        Every fault of the arrays in one message.
    NotEnoughDataError
        No row.

    Examples
    --------
    >>> figures = measure([0, 0, 0, 1, 0, 1], [0.1, 0.1, 0.2, 0.2, 0.6, 0.7])
    >>> figures.events, figures.auc, round(figures.brier, 4)
    (2, 0.8125, 0.1917)
    """
    optional = {"pupils": pupils, "schools": schools}
    columns = {name: values for name, values in optional.items() if values is not None}
    outcomes, scores = checked_rows(outcome, risk, probability=probability, columns=columns)
    codes = {name: sorted_codes(values) for name, values in columns.items()}
    figures: dict[str, Any] = _ranking_figures(outcomes, scores, codes.get("schools"))
    if probability:
        figures |= _reliability_figures(outcomes, scores, codes.get("pupils"))
    else:
        figures["notes"] = ("calibration non mesurée : ce score classe, il n'annonce pas de probabilité",)
    if is_one_class(outcomes):
        cause = "classement non mesuré : toutes les lignes ont la même issue"
        figures["notes"] = (cause, *figures["notes"])
    people = int(codes["pupils"].max()) + 1 if "pupils" in codes else None
    entries = {
        key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in figures.items()
    }
    return Figures(rows=len(outcomes), pupils=people, events=int(outcomes.sum()), **entries)


def _ranking_figures(outcomes: Floats, scores: Floats, schools: Codes | None) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "base_rate": float(outcomes.mean()),
        "auc": ranking.auc(outcomes, scores),
        "average_precision": ranking.average_precision(outcomes, scores),
    }
    for share in SHARES:
        top = ranking.at_k(outcomes, scores, share=share)
        part = round(100 * share)
        figures |= {
            f"precision_at_{part}": top.precision,
            f"recall_at_{part}": top.recall,
            f"lift_at_{part}": top.lift,
        }
    if schools is not None:
        figures["within_school_auc"] = ranking.within_group_auc(outcomes, scores, schools)
        figures["school_only_auc"] = ranking.school_only_auc(outcomes, schools)
    return figures


def _reliability_figures(outcomes: Floats, risk: Floats, pupils: Codes | None) -> dict[str, Any]:
    parts = reliability.brier_parts(outcomes, risk)
    fit = recalibration.calibration_slope_intercept(outcomes, log_odds(risk), pupils=pupils)
    test = reliability.spiegelhalter(outcomes, risk)
    smooth = recalibration.ici(outcomes, risk)
    return {
        # Sorted, so that the sum does not hang on the order of the rows.
        "mean_risk": float(np.sort(risk).mean()),
        "log_loss": reliability.log_loss(outcomes, risk),
        "brier": parts.brier,
        "brier_skill": 1 - parts.brier / parts.uncertainty if parts.uncertainty else None,
        "reliability": parts.reliability,
        "resolution": parts.resolution,
        "uncertainty": parts.uncertainty,
        "within_bins": parts.within_bins,
        "slope": fit.slope,
        "slope_low": fit.slope_low,
        "slope_high": fit.slope_high,
        "intercept": fit.intercept,
        "intercept_low": fit.intercept_low,
        "intercept_high": fit.intercept_high,
        "ece": reliability.ece(outcomes, risk),
        "ece_debiased": reliability.ece_debiased(outcomes, risk),
        "ici": smooth,
        "spiegelhalter_z": test[0] if test else None,
        "spiegelhalter_p": test[1] if test else None,
        "notes": (*fit.causes, *_causes_of_none(smooth, test)),
    }


def _causes_of_none(smooth: float | None, test: tuple[float, float] | None) -> tuple[str, ...]:
    causes = {
        "ICI non mesuré : une seule issue, ou des risques qui séparent entièrement les deux issues": smooth,
        "test de Spiegelhalter non mesuré : tous les risques valent 0, 1/2 ou 1": test,
    }
    return tuple(cause for cause, value in causes.items() if value is None)
