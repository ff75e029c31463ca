"""The level of the risks moved to newer outcomes: one constant on the log-odds, the slope stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import NotEnoughDataError, explain_error
from decrochage_risk.model.calibration import Calibration, probability
from decrochage_risk.model.folds import sorted_codes
from decrochage_risk.model.numeric_table import binary_outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model.calibration import CalibrationKind
    from decrochage_risk.model.numeric_table import FloatArray

__all__ = ["LABELS_FOR_UPDATE", "LEAST_OF_A_CLASS", "fit_offset", "update_intercept"]

LABELS_FOR_UPDATE = 300
"""Matured outcomes without which the intercept is not updated between trainings."""
LEAST_OF_A_CLASS = 5


def fit_offset(
    log_odds: FloatArray, outcome: FloatArray, groups: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """Fit the one constant that, added to log-odds, makes the mean risk the observed share; and its standard error.

    Maximum likelihood in one parameter, without penalty (the calibration-in-the-large of Cox 1958 as an offset). The
    standard error is the sandwich one, rows of a group counting together.

    Parameters
    ----------
    log_odds : (n,) array
        Log-odds before the shift.
    outcome : (n,) array of 0/1
        What happened, both values.
    groups : (n,) array_like, optional
        The pupil of each row; each row by itself when absent.

    Returns
    -------
    offset, standard_error : float
        In log-odds.

    Examples
    --------
    >>> offset, error = fit_offset(np.zeros(1000), (np.arange(1000) < 250).astype(float))
    >>> round(offset, 4), round(error, 4)
    (-1.0986, 0.073)
    """
    from scipy.optimize import brentq  # noqa: PLC0415  # heavy: loaded on first use

    reach = float(np.abs(log_odds).max()) + 40.0
    offset = float(brentq(lambda at: float((probability(log_odds + at) - outcome).sum()), -reach, reach))
    chance = probability(log_odds + offset)
    owners = np.arange(len(outcome)) if groups is None else sorted_codes(groups, len(outcome), "groups")[0]
    scores = np.bincount(owners, weights=outcome - chance)
    return offset, float(np.sqrt((scores**2).sum()) / (chance * (1.0 - chance)).sum())


def update_intercept(calibration: Calibration, log_odds: FloatArray, outcome: npt.ArrayLike) -> Calibration:
    """Move the intercept alone to the level of newer outcomes; the slope stays.

    Parameters
    ----------
    calibration : Calibration
        The calibration in force.
    log_odds : (n,) array
        Raw log-odds of rows whose outcome window has closed since.
    outcome : (n,) array of 0/1
        What happened.

    Returns
    -------
    Calibration
        Under which the mean risk of these rows is their observed share.

    Raises
    ------
    NotEnoughDataError
        Fewer than ``LABELS_FOR_UPDATE`` outcomes, or fewer than 5 of a class.

    Examples
    --------
    >>> raw = np.zeros(1000)
    >>> happened = (np.arange(1000) < 250).astype(float)
    >>> moved = update_intercept(Calibration("identity"), raw, happened)
    >>> moved.kind, round(moved.intercept, 2)
    ('intercept', -1.1)
    """
    happened = binary_outcome(outcome, len(log_odds))
    positives = int(happened.sum())
    if len(happened) < LABELS_FOR_UPDATE or min(positives, len(happened) - positives) < LEAST_OF_A_CLASS:
        raise NotEnoughDataError(
            explain_error(
                f"{len(happened)} matured outcomes came, {positives} of them positive",
                expected=f"at least {LABELS_FOR_UPDATE} outcomes, at least {LEAST_OF_A_CLASS} of each class",
                hint="Keep the calibration in force until more outcome windows have closed.",
            )
        )
    shift, _ = fit_offset(calibration.apply(log_odds), happened)
    kind: CalibrationKind = "platt" if calibration.kind == "platt" else "intercept"
    return Calibration(kind, calibration.intercept + shift, calibration.slope)
