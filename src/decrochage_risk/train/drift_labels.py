"""The checks of the drift watch that read matured labels: level and slope of the calibration, and what each table tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.evaluate import calibration_slope_intercept
from decrochage_risk.evaluate.drift import ALPHA
from decrochage_risk.french import join, school_year
from decrochage_risk.model import fit_offset, score_rows, take_snapshots
from decrochage_risk.model.scored_rows import mature_dates
from decrochage_risk.model.updating import refuse_training_years, updated_years
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.school_year import school_year_of
from decrochage_risk.train.drift_signs import bounded_sign, not_measured
from decrochage_risk.train.drift_tables import judged_tables, table_signs, told_by_table
from decrochage_risk.train.drift_windows import alike_extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from decrochage_risk.evaluate.drift import DriftSign
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.model.scored_rows import ScoredRows
    from decrochage_risk.records.pupil_records import PupilRecords

    Floats = npt.NDArray[np.float64]

__all__ = ["calibration_signs", "training_error"]

LEVEL_WATCH: Final = 0.10
LEVEL_STOP: Final = 0.25
SLOPE_WATCH: Final = (0.9, 1.1)
SLOPE_STOP: Final = (0.75, 1.33)
"""Calibration: to watch when the figure lies beyond the bounds that a model must meet when it is trained and its interval
excludes what is expected; to stop when the whole interval lies beyond those at which it is not used (the bounds are the
gates' of :mod:`decrochage_risk.evaluate.gates`)."""
LEAST_LABELS: Final = 300
_NORMAL_975: Final = 1.959963984540054


def calibration_signs(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any,  # noqa: ANN401 - any table
    labels_as_of: Iterable[object],
    labels_known_on: object,
) -> list[DriftSign]:
    """Hold the risks against matured labels: the level, the slope, and what each table tells.

    Each interval counts the error of the training too (:func:`training_error`), and the chance of a false alarm
    (:data:`~decrochage_risk.evaluate.drift.ALPHA`) is divided among all of them (Bonferroni). A level that an update has
    moved to these outcomes is not judged on them.
    """
    asked = list(labels_as_of)
    if not asked:
        return [not_measured("calibration", "niveau moyen", "aucune issue close n'a été donnée")]
    month, last = model.trained_on["outcome_closes"]
    dates, _ = mature_dates(asked, labels_known_on, (month, last))
    refuse_training_years(model, dates)
    scored = score_rows(
        model, take_snapshots(records, outcomes_for(records, outcomes), dates, closes=(month, last))
    )
    left = scored.snapshots.rows[["pupil_id"]].assign(left=scored.snapshots.outcome)
    people = left.groupby("pupil_id")["left"].max()
    if len(people) < LEAST_LABELS or not 0 < people.mean() < 1:
        why = f"moins de {LEAST_LABELS} issues closes, ou une seule issue"
        return [not_measured("calibration", "niveau moyen", why)]
    moved = sorted({school_year_of(day) for day in dates} & updated_years(model))
    return _judged(model, scored, training_error(model, float(people.sum())), moved)


def _judged(
    model: TrainedModel, scored: ScoredRows, own_error: float, moved: Sequence[int] = ()
) -> list[DriftSign]:
    """Judge level, slope and tables, each with its share of the chance of a false alarm."""
    from scipy.stats import norm  # noqa: PLC0415  # heavy: loaded on first use

    parts = judged_tables(told_by_table(model, scored))
    reach = float(norm.isf(ALPHA / (2 * (2 + len(parts))))) * own_error
    outcome, pupils = scored.snapshots.outcome, scored.snapshots.rows["pupil_id"].to_numpy()
    odds = model.risk_model.calibration.apply(scored.raw_log_odds)
    signs = [_level_sign(model, scored, odds, reach, moved)]
    fitted = calibration_slope_intercept(outcome, odds, pupils=pupils)
    if fitted.slope is not None and fitted.slope_low is not None and fitted.slope_high is not None:
        half = reach * (fitted.slope_high - fitted.slope_low) / (2.0 * _NORMAL_975)
        found = (fitted.slope, half), 1.0, SLOPE_WATCH, SLOPE_STOP
        signs.append(bounded_sign("slope", "pente", "pente de calibration", *found))
    return [*signs, *table_signs(outcome, odds, parts, pupils, reach=reach)]


def _level_sign(
    model: TrainedModel, scored: ScoredRows, odds: Floats, reach: float, moved: Sequence[int]
) -> DriftSign:
    """Judge the level, unless an update has moved it to these very outcomes: it would then be right by itself."""
    if moved:
        years = join([school_year(year) for year in moved])
        why = f"le niveau du modèle a été mis à jour sur les issues de {years}"
        return not_measured("calibration", "niveau moyen", why)
    outcome, pupils = scored.snapshots.outcome, scored.snapshots.rows["pupil_id"].to_numpy()
    offset, error = fit_offset(odds, outcome, pupils)
    bounds = (-LEVEL_WATCH, LEVEL_WATCH), (-LEVEL_STOP, LEVEL_STOP)
    words = f"niveau moyen de calibration{_other_extent(model, scored)}"
    return bounded_sign("calibration", "niveau moyen", words, (offset, reach * error), 0.0, *bounds)


def _other_extent(model: TrainedModel, scored: ScoredRows) -> str:
    """Say when these pupils' records go back otherwise than those of the training: that alone moves the level."""
    kept = model.distributions
    if kept is None:
        return ""
    known = np.isin(scored.groups, list(kept.counts))
    features = scored.snapshots.features[known].reset_index(drop=True)
    if not known.any() or alike_extent(kept, features, scored.groups[known]):
        return ""
    return " (historique d'une autre étendue qu'à l'apprentissage, qui à lui seul le déplace)"


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
