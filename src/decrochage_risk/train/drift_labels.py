"""The check of the drift watch that reads matured labels: level and slope of the calibration, beyond what chance gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.evaluate import calibration_slope_intercept
from decrochage_risk.evaluate.drift import ALPHA, DriftSign
from decrochage_risk.french import signed
from decrochage_risk.model import fit_offset, score_rows, take_snapshots
from decrochage_risk.model.scored_rows import mature_dates
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.train.drift_signs import not_measured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.evaluate.drift import DriftVerdict
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["calibration_signs", "training_error"]

LEVEL_WATCH: Final = 0.10
LEVEL_STOP: Final = 0.25
SLOPE_WATCH: Final = (0.9, 1.1)
SLOPE_STOP: Final = (0.75, 1.33)
"""Calibration: to watch when the figure lies beyond the bounds that a model must meet when it is trained and its interval
excludes what is expected; to stop when the whole interval lies beyond those at which it is not used (the bounds are the
gates' of :mod:`decrochage_risk.evaluate.gates`)."""
LEAST_LABELS: Final = 300
_FIGURES: Final = 2
_NORMAL_975: Final = 1.959963984540054


def calibration_signs(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any,  # noqa: ANN401 - any table
    labels_as_of: Iterable[object],
    labels_known_on: object,
) -> list[DriftSign]:
    """Hold the risks against matured labels: the level, and the slope.

    Each interval counts the error of the training too (:func:`training_error`) and has half of the chance of a false
    alarm (:data:`~decrochage_risk.evaluate.drift.ALPHA`), as there are two of them.
    """
    from scipy.stats import norm  # noqa: PLC0415  # heavy: loaded on first use

    asked = list(labels_as_of)
    if not asked:
        return [not_measured("calibration", "niveau moyen", "aucune issue close n'a été donnée")]
    month, last = model.trained_on["outcome_closes"]
    dates, _ = mature_dates(asked, labels_known_on, (month, last))
    scored = score_rows(
        model, take_snapshots(records, outcomes_for(records, outcomes), dates, closes=(month, last))
    )
    outcome, pupils = scored.snapshots.outcome, scored.snapshots.rows["pupil_id"].to_numpy()
    people = pd.Series(outcome).groupby(pupils).max()
    if len(people) < LEAST_LABELS or not 0 < people.mean() < 1:
        return [
            not_measured(
                "calibration", "niveau moyen", f"moins de {LEAST_LABELS} issues closes, ou une seule issue"
            )
        ]
    wider = float(norm.isf(ALPHA / (2 * _FIGURES))) * training_error(model, float(people.sum()))
    odds = model.risk_model.calibration.apply(scored.raw_log_odds)
    offset, error = fit_offset(odds, outcome, pupils)
    bounds = (-LEVEL_WATCH, LEVEL_WATCH), (-LEVEL_STOP, LEVEL_STOP)
    signs = [_bounded("calibration", "niveau moyen", (offset, wider * error), 0.0, *bounds)]
    fitted = calibration_slope_intercept(outcome, odds, pupils=pupils)
    if fitted.slope is not None and fitted.slope_low is not None and fitted.slope_high is not None:
        error = (fitted.slope_high - fitted.slope_low) / (2.0 * _NORMAL_975)
        signs.append(_bounded("slope", "pente", (fitted.slope, wider * error), 1.0, SLOPE_WATCH, SLOPE_STOP))
    return signs


def training_error(model: TrainedModel, leavers: float) -> float:
    """Give the factor by which the training's own error widens that of the labels.

    A level learnt from k times the leavers has an error of its own, of a k-th of the variance: without a change, the two
    years differ by both. A leaver of the training has a row per as-of date of a school year.

    Parameters
    ----------
    model : TrainedModel
    leavers : float
        Pupils among the labels who left.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> told = {"events": 800, "as_of": ["2022-11-05", "2023-03-05", "2023-11-05", "2024-03-05"], "school_years": [2022, 2023]}
    >>> round(training_error(SimpleNamespace(trained_on=told), 100), 3)
    1.118
    """
    told = model.trained_on
    rows_each = len(told["as_of"]) / len(told["school_years"])
    return float(np.sqrt(1.0 + leavers * rows_each / max(told["events"], 1)))


def _bounded(
    check: str,
    subject: str,
    measured: tuple[float, float],
    expected: float,
    watch: tuple[float, float],
    stop: tuple[float, float],
) -> DriftSign:
    figure, half = measured
    low, high = figure - half, figure + half
    verdict: DriftVerdict = "ok"
    if (low > expected or high < expected) and not watch[0] < figure < watch[1]:
        verdict = "stop" if high < stop[0] or low > stop[1] else "watch"
    sentence = f"{subject} de calibration {signed(figure, 2)} [{signed(low, 2)} ; {signed(high, 2)}]"
    return DriftSign(check=check, subject=subject, figure=figure, verdict=verdict, sentence=sentence)
