"""Affine calibration of log-odds: raw scores of the boosters into honest probabilities.

The calibrated log-odds are ``intercept + slope * raw`` with a positive slope. Nothing more flexible, on purpose:
an affine map keeps contributions exactly additive and the order of pupils as it is, and two parameters can be
learnt from few outcomes (isotonic and beta calibration do neither).

The ladder is *identity*, *intercept* (slope 1) and *platt* (both; Platt 1999), the last two shrunk towards
identity, each fitted on the past and judged on what came after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.model.folds import pupil_folds, sorted_codes
from decrochage_risk.model.numeric_table import FloatArray, binary_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LABELS_FOR_UPDATE",
    "Calibration",
    "choose_calibration",
    "fit_calibration",
    "fit_offset",
    "log_loss",
    "probability",
    "update_intercept",
]

CalibrationKind: TypeAlias = Literal["identity", "intercept", "platt"]
KINDS: Final[tuple[CalibrationKind, ...]] = get_args(CalibrationKind)  # simplest first

INTERCEPT_SD = 1.0
"""Prior standard deviation of the intercept around 0, in log-odds."""
SLOPE_SD = 0.5
"""Prior standard deviation of the slope around 1. Some dozens of outcomes outweigh both priors; five do not."""
LEAST_SLOPE = 0.05
"""A slope is never smaller: a calibration may flatten a score, never reverse it."""
TOLERANCE = 1e-4
"""Mean log loss (nats per row) by which a richer calibration must win to be preferred to a simpler one."""
LABELS_FOR_UPDATE = 300
"""Matured outcomes without which the intercept is not updated between trainings."""
LEAST_OF_A_CLASS = 5
CROSS_FIT_FOLDS = 5


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


def fit_calibration(kind: CalibrationKind, log_odds: FloatArray, outcome: FloatArray) -> Calibration:
    """Fit one rung of the ladder by penalised maximum likelihood.

    The loss is ``sum(log loss) + intercept**2 / (2 * INTERCEPT_SD**2) + (slope - 1)**2 / (2 * SLOPE_SD**2)``. The
    penalty is 0 at identity, so the fit never has a greater log loss than identity on its own rows. The loss is
    convex: Newton's method with step halving finds its one minimum; a slope that would fall under
    ``LEAST_SLOPE`` is held there.

    Parameters
    ----------
    kind : {"identity", "intercept", "platt"}
        The rung.
    log_odds : (n,) array
        Raw log-odds of rows that the score did not learn from.
    outcome : (n,) array of 0/1
        What happened.

    Returns
    -------
    Calibration

    Examples
    --------
    >>> raw = np.repeat([-1.0, 1.0], 1000)
    >>> happened = np.tile(np.arange(1000) < 500, 2).astype(float)  # half of them, whatever the score
    >>> fit_calibration("platt", raw, happened)
    Calibration(kind='platt', intercept=0.0, slope=0.05)
    """
    if kind == "identity":
        return Calibration("identity")
    free = np.array([True, kind == "platt"])
    found = _newton(log_odds, outcome, np.array([0.0, 1.0]), free)
    if found[1] < LEAST_SLOPE:
        found = _newton(log_odds, outcome, np.array([0.0, LEAST_SLOPE]), np.array([True, False]))
    return Calibration(kind, float(found[0]), float(found[1]))


def _newton(
    log_odds: FloatArray, outcome: FloatArray, start: FloatArray, free: npt.NDArray[np.bool_]
) -> FloatArray:
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    precision = np.array([INTERCEPT_SD**-2, SLOPE_SD**-2])
    identity = np.array([0.0, 1.0])

    def loss(at: FloatArray) -> float:
        return len(outcome) * log_loss(design @ at, outcome) + float(precision @ (at - identity) ** 2) / 2

    at = start
    for _ in range(100):
        chance = probability(design @ at)
        gradient = design.T @ (chance - outcome) + precision * (at - identity)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(precision)
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        here = loss(at)
        while loss(at - step) > here and np.abs(step).max() > 1e-12:  # noqa: PLR2004  # the precision sought
            step = step / 2
        if np.abs(step).max() <= 1e-12:  # noqa: PLR2004  # the precision sought
            break
        at = at - step
    return at


def choose_calibration(
    log_odds: FloatArray,
    outcome: FloatArray,
    block: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Calibration:
    """Choose the rung that predicts best what it has not seen, then fit it on everything.

    With two or more blocks, in time order: for each block after the first, every rung is fitted on the blocks before
    and scored on the block. With one block: cross-fitted over five folds of pupils. The smallest mean log loss
    wins; within ``TOLERANCE`` of it the simplest rung does.

    Parameters
    ----------
    log_odds : (n,) array
        Raw log-odds of rows that the score did not learn from.
    outcome : (n,) array of 0/1
        What happened.
    block : (n,) array_like
        The period of each row, sortable.
    groups : (n,) array_like, optional
        The pupil of each row, for the cross-fit of a single block; each row by itself when absent.
    seed : int
        Seed of the pupil folds.

    Returns
    -------
    Calibration

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(-1, 1.5, 6000)
    >>> happened = (rng.random(6000) < probability(truth)).astype(float)
    >>> choose_calibration(truth, happened, np.repeat([2022, 2023, 2024], 2000)).kind
    'identity'
    >>> choose_calibration(truth / 2, happened, np.repeat([2022, 2023, 2024], 2000)).kind
    'platt'
    """
    outcome = binary_outcome(outcome, len(log_odds))
    codes, values = sorted_codes(block, len(log_odds), "block")
    if len(values) > 1:
        splits = [(codes < position, codes == position) for position in range(1, len(values))]
    else:
        owners = np.arange(len(log_odds)) if groups is None else groups
        distinct = len(sorted_codes(owners, len(log_odds), "groups")[1])
        fold = pupil_folds(owners, min(CROSS_FIT_FOLDS, distinct), seed, outcome=outcome)
        splits = [(fold != held, fold == held) for held in range(int(fold.max()) + 1)]
    losses = [_held_out_loss(kind, log_odds, outcome, splits) for kind in KINDS]
    chosen = next(kind for kind, loss in zip(KINDS, losses, strict=True) if loss <= min(losses) + TOLERANCE)
    return fit_calibration(chosen, log_odds, outcome)


def _held_out_loss(
    kind: CalibrationKind,
    log_odds: FloatArray,
    outcome: FloatArray,
    splits: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
) -> float:
    total, rows = 0.0, 0
    for train, test in splits:
        fitted = fit_calibration(kind, log_odds[train], outcome[train])
        total += log_loss(fitted.apply(log_odds[test]), outcome[test]) * int(test.sum())
        rows += int(test.sum())
    return total / rows


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
