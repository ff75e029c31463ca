"""The model layer: a calibrated, monotone risk from any numeric table."""

from __future__ import annotations

from decrochage_risk.model.calibration import (
    Calibration,
    choose_calibration,
    fit_calibration,
    update_intercept,
)
from decrochage_risk.model.comparable import Comparable, jeffreys_interval
from decrochage_risk.model.folds import pupil_folds, rolling_origin
from decrochage_risk.model.held_out import HeldOut
from decrochage_risk.model.members import FitOptions, Members
from decrochage_risk.model.references import References
from decrochage_risk.model.risk_model import RiskModel
from decrochage_risk.model.uncertainty import fit_spread_factor

__all__ = [
    "Calibration",
    "Comparable",
    "FitOptions",
    "HeldOut",
    "Members",
    "References",
    "RiskModel",
    "choose_calibration",
    "fit_calibration",
    "fit_spread_factor",
    "jeffreys_interval",
    "pupil_folds",
    "rolling_origin",
    "update_intercept",
]
