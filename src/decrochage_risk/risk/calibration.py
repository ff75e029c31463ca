"""Affine calibration of log-odds: raw scores of the boosters into honest probabilities.

The calibrated log-odds are ``intercept + slope * raw`` with a positive slope. Nothing more flexible, on purpose:
an affine map keeps contributions exactly additive and the order of pupils as it is, and two parameters can be
learnt from few outcomes (isotonic and beta calibration do neither).

The ladder is *identity*, *intercept* (slope 1) and *platt* (both; Platt 1999): chosen by ``calibration_ladder``, moved between
trainings by ``updating``.

The choice of a calibration: identity, intercept or platt, each fitted on the past and judged on what came after.

A held-out row is predicted by boosters that learnt from fewer events than the final ones, an early period from far
fewer. What is noise in a score spreads it and flattens its calibration, and that noise is in inverse proportion to the events
learnt from: as in regression on a variable with an error, a score whose slope is ``s`` when everything is
learnt from has the slope ``s / (s + growth * (1 - s))`` when ``growth`` times fewer events are (attenuation; Fuller 1987,
Measurement Error Models, 1.1; for the shrinkage of predictions van Houwelingen and Le Cessie 1990). Without this the final
model is flattened for the noise of the models that stood in for it.

A group of rows may have a calibration of its own: a second affine step on the log-odds that the common one gave, shrunk to
nothing by the same penalties and chosen by the same ladder, so a group keeps the common calibration unless its own predicts
what it has not seen better. Which group a row is of is read in columns of the context, which equal the reference by
construction: a reason scales with its row's slope and stays exactly additive, and no column that has a direction changes the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.folds import pupil_folds, sorted_codes
from decrochage_risk.risk.numeric_table import FloatArray, binary_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.risk.numeric_table import IntArray, TableArray

__all__ = [
    "KINDS",
    "Calibration",
    "CalibrationKind",
    "GroupCalibration",
    "RowCalibration",
    "Rung",
    "choose_calibration",
    "choose_group_rungs",
    "choose_rung",
    "fit_calibration",
    "fit_offset",
    "fit_rung",
    "group_codes",
    "log_loss",
    "probability",
    "row_calibration",
    "slope_at",
]

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

    def scaled(self, contributions: FloatArray) -> FloatArray:
        """Bring contributions to raw log-odds, of any shape, to the calibrated scale."""
        return self.slope * contributions

    def moved(self, shift: float) -> Calibration:
        """Give the same map with a constant added to its intercept."""
        # the slope stays: an update between two trainings moves the level, nothing else
        kind: CalibrationKind = "platt" if self.kind == "platt" else "intercept"
        return Calibration(kind, self.intercept + shift, self.slope)

    def then(self, later: Calibration) -> Calibration:
        """Give the map that applies this one first and another after it.

        Examples
        --------
        >>> Calibration("platt", 1.0, 2.0).then(Calibration("platt", 0.5, 3.0))
        Calibration(kind='platt', intercept=3.5, slope=6.0)
        """
        kind = KINDS[max(KINDS.index(self.kind), KINDS.index(later.kind))]
        return Calibration(kind, later.intercept + later.slope * self.intercept, later.slope * self.slope)

    def to_dict(self) -> dict[str, Any]:
        """Give the three values as JSON values."""
        return {"kind": self.kind, "intercept": self.intercept, "slope": self.slope}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(values["kind"], float(values["intercept"]), float(values["slope"]))


@dataclass(frozen=True)
class GroupCalibration:
    """The calibration of some rows of their own.

    Attributes
    ----------
    name : str
        What to call the group.
    columns : tuple of str
        Context columns: a row is of the group when one of them is above one half. Of two groups, the first counts.
    calibration : Calibration
        The whole map of raw log-odds, the common one included.
    """

    name: str
    columns: tuple[str, ...]
    calibration: Calibration

    def to_dict(self) -> dict[str, Any]:
        """Give the group as JSON values."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "calibration": self.calibration.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GroupCalibration:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(values["name"], tuple(values["columns"]), Calibration.from_dict(values["calibration"]))


@dataclass(frozen=True, eq=False)
class RowCalibration:
    """An affine map per row: ``intercept`` and ``slope`` are (n,) arrays.

    Examples
    --------
    >>> own = RowCalibration(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    >>> own.apply(np.array([[3.0, 4.0], [3.0, 4.0]]))
    array([[3., 4.],
           [7., 9.]])
    """

    intercept: FloatArray
    slope: FloatArray

    def apply(self, log_odds: FloatArray) -> FloatArray:
        """Calibrate raw log-odds, shape (n,) or (n, K): each row by its own map."""
        by_row = (-1,) + (1,) * (log_odds.ndim - 1)
        return self.intercept.reshape(by_row) + self.scaled(log_odds)

    def scaled(self, contributions: FloatArray) -> FloatArray:
        """Bring contributions to raw log-odds, shape (n,) or (n, K), to the calibrated scale."""
        scale: FloatArray = self.slope.reshape((-1,) + (1,) * (contributions.ndim - 1)) * contributions
        return scale


def group_codes(matrix: TableArray, names: Sequence[str], groups: Sequence[Sequence[str]]) -> IntArray:
    """Give the number of the group of each row: 1 for the first group, 0 for a row of none.

    Parameters
    ----------
    matrix : (n, p) array
        Rows, with the columns ``names``.
    names : sequence of str
    groups : sequence of sequences of str
        The columns of each group; those that the matrix lacks say of nobody that it is of the group.

    Examples
    --------
    >>> group_codes(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), ["a", "b"], [["b"], ["a", "c"]])
    array([2, 1, 0])
    """
    place = {name: at for at, name in enumerate(names)}
    codes = np.zeros(len(matrix), dtype=np.int64)
    for number, columns in reversed(list(enumerate(groups, start=1))):
        at = [place[name] for name in columns if name in place]
        codes[(matrix[:, at] > _HALF).any(axis=1)] = number
    return codes


def row_calibration(common: Calibration, groups: Sequence[Calibration], codes: IntArray) -> RowCalibration:
    """Give each row the map of its group, the common one for code 0."""
    maps = [common, *groups]
    return RowCalibration(
        np.array([one.intercept for one in maps])[codes], np.array([one.slope for one in maps])[codes]
    )


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

    # beyond 40 in log-odds a chance is 0 or 1 to the last bit: with both outcomes, the root lies between
    reach = float(np.abs(log_odds).max()) + 40.0
    offset = float(brentq(lambda at: float((probability(log_odds + at) - outcome).sum()), -reach, reach))
    chance = probability(log_odds + offset)
    owners = np.arange(len(outcome)) if groups is None else sorted_codes(groups, len(outcome), "groups")[0]
    scores = np.bincount(owners, weights=outcome - chance)
    return offset, float(np.sqrt((scores**2).sum()) / (chance * (1.0 - chance)).sum())


LEVEL_SD = 1.0
"""Prior standard deviation of the shift at the centre around 0, in log-odds."""
SLOPE_SD = 0.5
"""Prior standard deviation of the slope around 1. Some dozens of outcomes outweigh both priors; five do not."""
LEAST_SLOPE = 0.05
"""A slope is never smaller: a calibration may flatten a score, never reverse it."""
TOLERANCE = 1e-4
"""Mean log loss (nats per row) by which a richer calibration must win to be preferred to a simpler one."""
CROSS_FIT_FOLDS = 5
LEAST_OF_A_GROUP = 50
"""Pupils of each outcome without which a group has no calibration of its own: a slope is worth less than its noise below."""
_SURE: Final = 1.645
"""Standard errors by which a group's own calibration must gain: one chance in twenty that a gain is none."""
_HALF: Final = 0.5
LEAST_WEIGHT = 1e-9


def slope_at(slope: float, growth: FloatArray) -> FloatArray:
    """Slope of a score that learnt from ``growth`` times fewer events than the one whose slope is given.

    Above 1 (a score that says too little) the distance from 1 grows in proportion; both halves meet at 1 with the same tangent.

    Examples
    --------
    >>> slope_at(0.9, np.array([1.0, 4.0])).round(2), slope_at(1.1, np.array([1.0, 4.0])).round(2)
    (array([0.9 , 0.69]), array([1.1, 1.4]))
    """
    if slope > 1:
        return 1.0 + growth * (slope - 1.0)
    return slope / (slope + growth * (1.0 - slope))


def _slope_change(slope: float, growth: FloatArray) -> FloatArray:
    """Differentiate :func:`slope_at` by the slope."""
    if slope > 1:
        return growth
    return growth / (slope + growth * (1.0 - slope)) ** 2


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder, fitted: a shift at the centre of the scores, and a slope around it.

    Attributes
    ----------
    kind : {"identity", "intercept", "platt"}
    centre : float
        Log-odds where the outcomes tell most: the mean weighted by ``p (1 - p)``.
    level : float
        Log-odds added there.
    slope : float
        Of the final score.
    """

    kind: CalibrationKind
    centre: float = 0.0
    level: float = 0.0
    slope: float = 1.0

    def apply(self, log_odds: FloatArray, growth: FloatArray) -> FloatArray:
        """Calibrate held-out log-odds of scores that learnt from ``growth`` times fewer events."""
        slope = slope_at(self.slope, growth)
        return self.level + self.centre * (1.0 - slope) + slope * log_odds

    @property
    def calibration(self) -> Calibration:
        """The map of the final score."""
        return Calibration(self.kind, self.level + self.centre * (1.0 - self.slope), self.slope)


def fit_rung(
    kind: CalibrationKind, log_odds: FloatArray, outcome: FloatArray, growth: FloatArray | None = None
) -> Rung:
    """Fit one rung of the ladder by penalised maximum likelihood.

    The loss is ``sum(log loss) + level**2 / (2 * LEVEL_SD**2) + (slope - 1)**2 / (2 * SLOPE_SD**2)``. The
    penalty is 0 at identity, so the fit never has a greater log loss than identity on its own rows. Fisher scoring with step halving
    finds its minimum; a slope that would fall under ``LEAST_SLOPE`` is held there.

    Parameters
    ----------
    kind : {"identity", "intercept", "platt"}
        The rung.
    log_odds : (n,) array
        Raw log-odds of rows that the score did not learn from.
    outcome : (n,) array of 0/1
        What happened.
    growth : (n,) array, optional
        How many times more events the final score learns from than the one that gave the row; 1 when absent.

    Returns
    -------
    Rung
    """
    if kind == "identity":
        return Rung("identity")
    times = np.ones_like(log_odds) if growth is None else growth
    chance = probability(log_odds)
    centre = float(np.average(log_odds, weights=np.maximum(chance * (1.0 - chance), LEAST_WEIGHT)))
    free = np.array([True, kind == "platt"])
    parameters = _scored(kind, centre, (log_odds, outcome, times), np.array([0.0, 1.0]), free)
    if parameters[1] < LEAST_SLOPE:
        least_slope = np.array([0.0, LEAST_SLOPE])
        parameters = _scored(kind, centre, (log_odds, outcome, times), least_slope, np.array([True, False]))
    return Rung(kind, centre, float(parameters[0]), float(parameters[1]))


def _scored(
    kind: CalibrationKind,
    centre: float,
    rows: tuple[FloatArray, FloatArray, FloatArray],
    start: FloatArray,
    free: npt.NDArray[np.bool_],
) -> FloatArray:
    """Level and slope of the least penalised loss, by Fisher scoring from ``start``."""
    log_odds, outcome, growth = rows
    precision, identity = np.array([LEVEL_SD**-2, SLOPE_SD**-2]), np.array([0.0, 1.0])

    def loss(at: FloatArray) -> float:
        odds = Rung(kind, centre, *at).apply(log_odds, growth)
        return len(outcome) * log_loss(odds, outcome) + float(precision @ (at - identity) ** 2) / 2

    at, here = start, loss(start)
    for _ in range(100):
        chance = probability(Rung(kind, centre, *at).apply(log_odds, growth))
        design = np.column_stack(
            [np.ones_like(log_odds), _slope_change(float(at[1]), growth) * (log_odds - centre)]
        )
        gradient = design.T @ (chance - outcome) + precision * (at - identity)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(precision)
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        while (there := loss(at - step)) > here and np.abs(step).max() > 1e-12:  # noqa: PLR2004  # the precision sought
            step = step / 2
        if np.abs(step).max() <= 1e-12:  # noqa: PLR2004  # the precision sought
            break
        at, here = at - step, there
    return at


def fit_calibration(
    kind: CalibrationKind, log_odds: FloatArray, outcome: FloatArray, growth: FloatArray | None = None
) -> Calibration:
    """Fit one rung, see :func:`fit_rung`, and give its map of the final score.

    Examples
    --------
    >>> raw = np.repeat([-1.0, 1.0], 1000)
    >>> happened = np.tile(np.arange(1000) < 500, 2).astype(float)  # half of them, whatever the score
    >>> fit_calibration("platt", raw, happened)
    Calibration(kind='platt', intercept=0.0, slope=0.05)
    """
    return fit_rung(kind, log_odds, outcome, growth).calibration


def choose_rung(
    log_odds: FloatArray,
    outcome: FloatArray,
    block: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    growth: FloatArray | None = None,
    seed: int = 0,
) -> Rung:
    """Choose the rung that predicts best what it has not seen, then fit it on everything; see :func:`choose_calibration`."""
    outcome = binary_outcome(outcome, len(log_odds))
    times = np.ones(len(log_odds)) if growth is None else growth
    splits = _splits(block, groups, outcome, seed)
    losses = [_held_out_loss(kind, (log_odds, outcome, times), splits) for kind in KINDS]
    best_kind = next(
        kind for kind, loss in zip(KINDS, losses, strict=True) if loss <= min(losses) + TOLERANCE
    )
    return fit_rung(best_kind, log_odds, outcome, times)


def _splits(
    block: npt.ArrayLike, groups: npt.ArrayLike | None, outcome: FloatArray, seed: int
) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """Rows to fit on and rows to judge on: each block after the first from those before it, or folds of pupils."""
    codes, values = sorted_codes(block, len(outcome), "block")
    if len(values) > 1:
        return [(codes < position, codes == position) for position in range(1, len(values))]
    owners = np.arange(len(outcome)) if groups is None else groups
    distinct = len(sorted_codes(owners, len(outcome), "groups")[1])
    fold = pupil_folds(owners, min(CROSS_FIT_FOLDS, distinct), seed, outcome=outcome)
    return [(fold != number, fold == number) for number in range(int(fold.max()) + 1)]


def choose_group_rungs(
    log_odds: FloatArray,
    outcome: FloatArray,
    block: npt.NDArray[Any],
    codes: IntArray,
    *,
    groups: IntArray,
    seed: int = 0,
) -> dict[int, Rung]:
    """Choose the second step of each group that has outcomes enough, where it predicts better than none.

    The same ladder as :func:`choose_rung`, on the rows of one group and on what the common calibration gave: identity is the
    common calibration, and the penalties shrink to it.

    Parameters
    ----------
    log_odds : (n,) array
        Held-out log-odds, after the common calibration.
    outcome, block, groups
        As in :func:`choose_calibration`; ``groups`` are the pupils.
    codes : (n,) int array
        Group of each row, 0 for none, see :func:`group_codes`.
    seed : int
        Seed of the pupil folds.

    Returns
    -------
    dict of int to Rung
        By code; groups that keep the common calibration are not in it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> announced, code = rng.normal(-1, 1.5, 6000), np.arange(6000) % 2
    >>> happened = (rng.random(6000) < probability(announced * np.where(code == 1, 0.5, 1.0))).astype(float)
    >>> rungs = choose_group_rungs(announced, happened, np.zeros(6000), code, groups=np.arange(6000))
    >>> {number: (rung.kind, round(rung.slope, 1)) for number, rung in rungs.items()}
    {1: ('platt', 0.5)}
    """
    rungs = {}
    for number in range(1, int(codes.max(initial=0)) + 1):
        own = codes == number
        pupils = [len(np.unique(groups[own & (outcome == value)])) for value in (0, 1)]
        if min(pupils) < LEAST_OF_A_GROUP:
            continue
        rung = choose_rung(log_odds[own], outcome[own], block[own], groups=groups[own], seed=seed)
        if rung.kind != "identity" and _wins(
            rung.kind, (log_odds[own], outcome[own], block[own], groups[own]), seed
        ):
            rungs[number] = rung
    return rungs


def _wins(
    kind: CalibrationKind, rows: tuple[FloatArray, FloatArray, npt.NDArray[Any], IntArray], seed: int
) -> bool:
    """Tell whether a rung of a group gains log loss on rows that it was not fitted on, beyond the scatter between pupils.

    The levels of a school are many and their leavers few: a gain that one pupil in a hundred makes is chance, and a calibration
    chosen for it does harm.
    """
    log_odds, outcome, block, groups = rows
    gain = np.full(len(outcome), np.nan)
    for train, test in _splits(block, groups, outcome, seed):
        step = fit_rung(kind, log_odds[train], outcome[train])
        new_log_odds = step.apply(log_odds[test], np.ones(int(test.sum())))
        gain[test] = _losses(log_odds[test], outcome[test]) - _losses(new_log_odds, outcome[test])
    has_gain = ~np.isnan(gain)
    by_pupil = np.bincount(groups[has_gain], weights=gain[has_gain])
    return float(by_pupil.sum()) > _SURE * float(np.sqrt((by_pupil**2).sum()))


def _losses(log_odds: FloatArray, outcome: FloatArray) -> FloatArray:
    losses: FloatArray = np.logaddexp(0.0, log_odds) - outcome * log_odds
    return losses


def choose_calibration(
    log_odds: FloatArray,
    outcome: FloatArray,
    block: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    growth: FloatArray | None = None,
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
    growth : (n,) array, optional
        How many times more events the final score learns from than the one that gave the row; 1 when absent.
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
    return choose_rung(log_odds, outcome, block, groups=groups, growth=growth, seed=seed).calibration


def _held_out_loss(
    kind: CalibrationKind,
    rows: tuple[FloatArray, FloatArray, FloatArray],
    splits: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
) -> float:
    """Mean log loss of the later rows under the rung fitted on the earlier ones."""
    total, count = 0.0, 0
    for train, test in splits:
        rung = fit_rung(kind, *(values[train] for values in rows))
        log_odds, outcome, growth = (values[test] for values in rows)
        total += log_loss(rung.apply(log_odds, growth), outcome) * len(outcome)
        count += len(outcome)
    return total / count
