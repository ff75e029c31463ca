"""The model layer: a calibrated, monotone risk from any numeric table."""

from __future__ import annotations

from decrochage_risk.model.calibration import Calibration, fit_offset
from decrochage_risk.model.calibration_ladder import choose_calibration, fit_calibration
from decrochage_risk.model.comparable import Comparable, jeffreys_interval, one_per_pupil
from decrochage_risk.model.distributions import SCORE, FeatureDistributions
from decrochage_risk.model.fit_options import FitOptions
from decrochage_risk.model.folds import pupil_folds, rolling_origin
from decrochage_risk.model.held_out import HeldOut
from decrochage_risk.model.members import Members
from decrochage_risk.model.outcome import DEFAULT_CLOSES, closing_day
from decrochage_risk.model.references import References
from decrochage_risk.model.risk_model import RiskModel
from decrochage_risk.model.scored_rows import ScoredRows, score_rows
from decrochage_risk.model.snapshots import (
    MATRIX_COLUMNS,
    MINIMUM_DAYS,
    Snapshots,
    days_of_data,
    default_as_of_dates,
    matrix_with_context,
    take_snapshots,
    values_with_context,
)
from decrochage_risk.model.trained_model import TrainedModel, load_trained_model
from decrochage_risk.model.uncertainty import fit_spread_factor
from decrochage_risk.model.updating import previous_model, recalibrate

__all__ = [
    "DEFAULT_CLOSES",
    "MATRIX_COLUMNS",
    "MINIMUM_DAYS",
    "SCORE",
    "Calibration",
    "Comparable",
    "FeatureDistributions",
    "FitOptions",
    "HeldOut",
    "Members",
    "References",
    "RiskModel",
    "ScoredRows",
    "Snapshots",
    "TrainedModel",
    "choose_calibration",
    "closing_day",
    "days_of_data",
    "default_as_of_dates",
    "fit_calibration",
    "fit_offset",
    "fit_spread_factor",
    "jeffreys_interval",
    "load_trained_model",
    "matrix_with_context",
    "one_per_pupil",
    "previous_model",
    "pupil_folds",
    "recalibrate",
    "rolling_origin",
    "score_rows",
    "take_snapshots",
    "values_with_context",
]
