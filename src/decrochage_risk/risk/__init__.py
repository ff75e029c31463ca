"""A calibrated, monotone and explained risk from any numeric table: columns, an outcome, directions; it knows no school."""

from __future__ import annotations

from decrochage_risk.risk.calibration import (
    Calibration,
    GroupCalibration,
    choose_calibration,
    fit_calibration,
    fit_offset,
)
from decrochage_risk.risk.comparable import Comparable, jeffreys_interval, one_per_pupil
from decrochage_risk.risk.fit_input import FitOptions
from decrochage_risk.risk.fitting import HeldOut
from decrochage_risk.risk.folds import pupil_folds, rolling_origin
from decrochage_risk.risk.members import Members
from decrochage_risk.risk.references import References
from decrochage_risk.risk.risk_model import RiskModel
from decrochage_risk.risk.uncertainty import fit_spread_factor

__all__ = [
    "Calibration",
    "Comparable",
    "FitOptions",
    "GroupCalibration",
    "HeldOut",
    "Members",
    "References",
    "RiskModel",
    "choose_calibration",
    "fit_calibration",
    "fit_offset",
    "fit_spread_factor",
    "jeffreys_interval",
    "one_per_pupil",
    "pupil_folds",
    "rolling_origin",
]
