"""The school's model: labelled snapshots, the trained model that is saved, and what may be updated between years.

The numeric part lies in :mod:`decrochage_risk.risk`; ``RiskModel`` and ``FitOptions`` are named here too, where others look for them.
"""

from __future__ import annotations

from decrochage_risk.model.scored_rows import ScoredRows, score_rows
from decrochage_risk.model.snapshots import (
    DEFAULT_CLOSES,
    HORIZONS,
    MATRIX_COLUMNS,
    MINIMUM_DAYS,
    Snapshots,
    check_horizon,
    closing_day,
    days_of_data,
    default_as_of_dates,
    matrix_with_context,
    take_snapshots,
    values_with_context,
)
from decrochage_risk.model.trained_model import SCORE, FeatureDistributions, TrainedModel, load_trained_model
from decrochage_risk.model.updating import previous_model, recalibrate
from decrochage_risk.risk import FitOptions, RiskModel

__all__ = [
    "DEFAULT_CLOSES",
    "HORIZONS",
    "MATRIX_COLUMNS",
    "MINIMUM_DAYS",
    "SCORE",
    "FeatureDistributions",
    "FitOptions",
    "RiskModel",
    "ScoredRows",
    "Snapshots",
    "TrainedModel",
    "check_horizon",
    "closing_day",
    "days_of_data",
    "default_as_of_dates",
    "load_trained_model",
    "matrix_with_context",
    "previous_model",
    "recalibrate",
    "score_rows",
    "take_snapshots",
    "values_with_context",
]
