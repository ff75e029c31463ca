"""Affine calibration of log-odds: raw scores of the boosters into honest probabilities.

The calibrated log-odds are ``intercept + slope * raw`` with a positive slope. Nothing more flexible, on purpose:
an affine map keeps contributions exactly additive and the order of pupils as it is, and two parameters can be
learnt from few outcomes (isotonic and beta calibration do neither).

The ladder is *identity*, *intercept* (slope 1) and *platt* (both; Platt 1999): chosen by ``calibration_ladder``, moved between
trainings by ``updating``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.model.folds import sorted_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.model.numeric_table import FloatArray

__all__ = ["KINDS", "Calibration", "CalibrationKind", "fit_offset", "log_loss", "probability"]

CalibrationKind: TypeAlias = Literal["identity", "intercept", "platt"]
KINDS: Final[tuple[CalibrationKind, ...]] = get_args(CalibrationKind)  # simplest first


def probability(log_odds: FloatArray) -> FloatArray:
    """Turn log-odds into probabilities, without overflow and exact for small ones.

    Examples
    --------
    >>> probability(np.array([0.0, -800.0]))
    array([0.5, 0. ])
    """
    result: FloatArray = np.exp(-np.logaddexp(0.0, -log_odds))
    return result


def log_loss(log_odds: FloatArray, outcome: FloatArray) -> float:
    """Mean negative log likelihood of 0/1 outcomes, in nats per row.

    Examples
    --------
    >>> round(log_loss(np.array([0.0, 0.0]), np.array([0.0, 1.0])), 6)
    0.693147
    """
    return float(np.mean(np.logaddexp(0.0, log_odds) - outcome * log_odds))


@dataclass(frozen=True)
class Calibration:
    """The affine map ``intercept + slope * log_odds``.

    Attributes
    ----------
    kind : {"identity", "intercept", "platt"}
        The rung of the ladder.
    intercept : float
        Log-odds added.
    slope : float
        Positive factor.

    Examples
    --------
    >>> Calibration("platt", intercept=-0.5, slope=2.0).apply(np.array([1.0]))
    array([1.5])
    """

    kind: CalibrationKind
    intercept: float = 0.0
    slope: float = 1.0

    def __post_init__(self) -> None:
        faults = [] if self.kind in KINDS else [f"kind {self.kind!r}"]
        if not np.isfinite(self.intercept):
            faults.append(f"intercept {self.intercept!r}")
        if not (np.isfinite(self.slope) and self.slope > 0):
            faults.append(f"slope {self.slope!r}")
        if faults:
            raise ModelError(
                explain_error(
                    f"A calibration came with {', '.join(faults)}",
                    expected=f"a kind among {', '.join(KINDS)}, a finite intercept and a finite slope above 0",
                    hint="A slope of 0 or less would erase or reverse the order of risks: fit it again.",
                )
            )

    def apply(self, log_odds: FloatArray) -> FloatArray:
        """Calibrate raw log-odds of any shape."""
        return self.intercept + self.slope * log_odds

    def to_dict(self) -> dict[str, Any]:
        """Give the three values as JSON values."""
        return {"kind": self.kind, "intercept": self.intercept, "slope": self.slope}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(values["kind"], float(values["intercept"]), float(values["slope"]))


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
