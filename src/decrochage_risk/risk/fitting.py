"""The steps of a fit: the bag of either kind, the range of the training, calibration and comparable pupils.

Predictions for rows that the predicting boosters did not learn from: the ground of calibration and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.boosting import train_bag, train_members, with_defaults
from decrochage_risk.risk.calibration import Calibration, choose_rung, probability
from decrochage_risk.risk.comparable import Comparable
from decrochage_risk.risk.fit_input import FitInput, enough
from decrochage_risk.risk.folds import BoolArray, pupil_folds, rolling_origin
from decrochage_risk.risk.members import ROWS_ROUNDED_TO, outward, train_linear_bag, train_linear_members
from decrochage_risk.risk.numeric_table import TrainingRange
from decrochage_risk.risk.uncertainty import member_mean

if TYPE_CHECKING:
    from decrochage_risk.risk.fit_input import FitOptions
    from decrochage_risk.risk.members import Bag, Progress
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray


__all__ = [
    "HeldOut",
    "calibrate",
    "out_of_fold",
    "out_of_time",
    "range_of",
    "refuse_seed",
    "train_members_of",
]


def train_members_of(
    table: FitInput, fold: IntArray, options: FitOptions, seed: int, progress: Progress | None
) -> Bag:
    """Train the bag of the kind that the options ask for."""
    rows = (table.matrix, table.outcome, fold, table.directions)
    if options.kind == "logistic":
        return train_linear_bag(*rows, members=options.members)
    return train_bag(*rows, options=options, seed=seed, progress=progress)


def range_of(table: FitInput) -> TrainingRange | None:
    """Range of the columns that have a meaning of their own, rounded outward; None when there is none."""
    columns, context = table.references.columns, table.references.context
    own = [at for at, name in enumerate(columns) if name not in context]
    if not own:
        return None
    # The exact extremes of a training are those of one pupil: the 50th row from each end (a twentieth of a small
    # training), rounded outward. Unknown values were filled by medians, which move neither bound.
    place = min(ROWS_ROUNDED_TO, len(table.matrix) // 20)
    low, high = np.partition(table.matrix, [place, len(table.matrix) - 1 - place], axis=0)[
        [place, -1 - place]
    ]
    return TrainingRange(tuple(columns[at] for at in own), *outward(low[own], high[own]))


def calibrate(by_time: HeldOut | None, by_fold: HeldOut, seed: int) -> tuple[Calibration, Comparable]:
    """Choose the calibration, and count comparable pupils, on rows that no member learnt from."""
    held = by_fold if by_time is None else by_time
    block = np.zeros(len(held.outcome)) if by_time is None or by_time.time is None else by_time.time
    rung = choose_rung(
        held.log_odds, held.outcome, block, groups=held.groups, growth=held.growth, seed=seed + 2
    )
    risk = probability(rung.apply(held.log_odds, held.growth))
    return rung.calibration, Comparable.fit(risk, held.outcome, groups=held.groups, time=held.time)


def refuse_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises
    ------
    ModelError
        Not a whole number from 0 to 2147483645.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31 - 2:
        raise ModelError(
            explain_error(
                f"seed={seed!r}", expected="a whole number from 0 to 2147483645", hint="Pass seed=0."
            )
        )


LEAST_TIMES = 3
"""Periods below which nothing is predicted out of time: a choice needs a period to fit and one to judge."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out predictions, kept in memory for evaluation and never saved.

    Attributes
    ----------
    log_odds : (m,) array
        Raw, before calibration.
    outcome : (m,) array of 0/1
    time : (m,) array or None
        Period of each row.
    groups : (m,) int array
        Number of the pupil.
    rows : (m,) int array
        Position of each row in the table given to ``fit``.
    growth : (m,) array
        How many times more events the final bag learnt from than the boosters that predicted the row, see
        :mod:`decrochage_risk.risk.calibration`.
    """

    log_odds: FloatArray
    outcome: FloatArray
    time: npt.NDArray[Any] | None
    groups: IntArray
    rows: IntArray
    growth: FloatArray


def out_of_fold(fit_input: FitInput, bag: Bag) -> HeldOut:
    """Every row, predicted by the member that did not see its pupil (but may have seen its period).

    Its growth counts as 1: the members are those of the final bag, each of which saw nearly everybody.
    """
    growth = np.ones(len(fit_input.outcome))
    return HeldOut(bag.left_out, fit_input.outcome, fit_input.time, fit_input.groups, fit_input.order, growth)


def out_of_time(
    fit_input: FitInput, *, rounds: int, options: FitOptions, seed: int, progress: Progress | None = None
) -> HeldOut | None:
    """Predict each of the latest periods from earlier ones, by bags that saw neither the period nor the pupil.

    For each test period of the rolling origin and each fold of pupils, a bag learns from the earlier, matured rows
    of the *other* folds and predicts the test rows of this fold (see
    :func:`decrochage_risk.risk.folds.rolling_origin` for why pupils are kept apart this way). A period with too
    little to learn from, in any fold, is left out. The number of rounds and the medians come from the whole
    table.

    Parameters
    ----------
    fit_input : FitInput
        The training table.
    rounds : int
        Rounds of the final bag.
    options : FitOptions
        How to train, how many folds, how many periods.
    seed : int
        Seed of the folds and of the training.
    progress : callable, optional
        Told ``("out of time", done, total)``.

    Returns
    -------
    HeldOut or None
        None with fewer than three periods, or when fewer than two of them can be predicted.
    """
    if fit_input.time is None:
        return None
    splits = rolling_origin(fit_input.time, observed=fit_input.observed, matured=fit_input.matured)
    if len(splits) + 1 < LEAST_TIMES:
        return None
    options = with_defaults(options, len(fit_input.outcome))
    fold = pupil_folds(fit_input.groups, options.pupil_folds, seed + 1, outcome=fit_input.outcome)
    numbers = range(options.pupil_folds)
    usable = [
        (train, test)
        for _, train, test in splits
        if all(
            enough(fit_input.outcome[part], fit_input.groups[part])
            for part in (train & (fold != k) for k in numbers)
        )
    ][-options.test_times :]
    if len(usable) < LEAST_TIMES - 1:
        return None
    log_odds, growth = np.full(len(fold), np.nan), np.ones(len(fold))
    total = len(usable) * options.pupil_folds
    parts = [(train & (fold != k), test & (fold == k)) for train, test in usable for k in numbers]
    for done, (train, test) in enumerate(parts, start=1):
        log_odds[test] = _learn_and_predict(fit_input, train, test, rounds, options, seed)
        growth[test] = fit_input.outcome.sum() / fit_input.outcome[train].sum()
        if progress is not None:
            progress("out of time", done, total)
    rows = np.flatnonzero(~np.isnan(log_odds))
    return HeldOut(
        log_odds[rows],
        fit_input.outcome[rows],
        fit_input.time[rows],
        fit_input.groups[rows],
        fit_input.order[rows],
        growth[rows],
    )


def _learn_and_predict(
    fit_input: FitInput, train: BoolArray, test: BoolArray, rounds: int, options: FitOptions, seed: int
) -> FloatArray:
    outcome, groups = fit_input.outcome[train], fit_input.groups[train]
    fold = pupil_folds(groups, options.members, seed, outcome=outcome)
    count = min(options.out_of_time_members, options.members)
    if options.kind == "logistic":
        kept = [fold != member for member in range(count)]
        linear = train_linear_members(fit_input.matrix[train], outcome, kept, fit_input.directions)
        return member_mean(linear.log_odds(fit_input.matrix[test]))
    members = train_members(
        fit_input.matrix[train],
        outcome,
        fold,
        fit_input.directions,
        options=options,
        seed=seed,
        rounds=rounds,
        count=count,
    )
    return member_mean(members.log_odds(fit_input.matrix[test]))
