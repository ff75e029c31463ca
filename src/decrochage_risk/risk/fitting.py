"""The steps of a fit: who may learn from whom, the bag of either kind, held-out predictions, calibration, comparable pupils.

Held-out predictions are those of rows that the predicting members did not learn from: the ground of calibration and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.boosting import train_bag, train_members, with_defaults
from decrochage_risk.risk.calibration import (
    Calibration,
    GroupCalibration,
    choose_group_rungs,
    choose_rung,
    probability,
)
from decrochage_risk.risk.comparable import Comparable, one_per_pupil
from decrochage_risk.risk.fit_input import FitInput, enough
from decrochage_risk.risk.folds import BoolArray, cluster_folds, pupil_folds, rolling_origin, rows_to_learn
from decrochage_risk.risk.members import ROWS_ROUNDED_TO, outward, train_linear_bag, train_linear_members
from decrochage_risk.risk.numeric_table import TrainingRange, give_back, rows_of
from decrochage_risk.risk.signed_logistic import PENALTY
from decrochage_risk.risk.uncertainty import fit_cluster_spread, member_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.risk.fit_input import FitOptions
    from decrochage_risk.risk.members import Bag, Progress
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray


__all__ = [
    "Calibrated",
    "HeldOut",
    "calibrate",
    "folds_of",
    "out_of_fold",
    "out_of_time",
    "range_of",
    "refuse_seed",
    "train_members_of",
]


def folds_of(table: FitInput, count: int, seed: int) -> IntArray:
    """Deal schools into folds where they are known and the context may learn them, pupils otherwise."""
    if table.clusters is not None:
        return cluster_folds(table.clusters, count, seed, outcome=table.outcome)
    return pupil_folds(table.groups, count, seed, outcome=table.outcome)


def train_members_of(
    table: FitInput, fold: IntArray, options: FitOptions, seed: int, progress: Progress | None
) -> Bag:
    """Train the bag of the kind that the options ask for."""
    rows = (table.matrix, table.outcome, fold, table.directions)
    learnt = [rows_to_learn(fold, table.groups, number) for number in range(options.members)]
    if options.kind == "logistic":
        return train_linear_bag(*rows, learnt=learnt, penalty=options.penalty or PENALTY)
    return train_bag(*rows, learnt=learnt, options=options, seed=seed, progress=progress)


def range_of(table: FitInput) -> TrainingRange | None:
    """Range of the columns that have a meaning of their own, rounded outward; None when there is none."""
    columns, context = table.references.columns, table.references.context
    own = [at for at, name in enumerate(columns) if name not in context]
    if not own:
        return None
    # The exact extremes of a training are those of one pupil: the 50th row from each end (a twentieth of a
    # small
    # training), rounded outward. Unknown values were filled by medians, which move neither bound.
    place = min(ROWS_ROUNDED_TO, len(table.matrix) // 20)
    bounds = np.empty((2, len(own)))
    for number, at in enumerate(own):
        # partition, as a whole sort of each column is not needed for two of its rows.
        ranked = np.partition(table.matrix[:, at], [place, len(table.matrix) - 1 - place])
        bounds[:, number] = ranked[[place, -1 - place]]
    give_back(table.matrix)
    return TrainingRange(tuple(columns[at] for at in own), *outward(*bounds))


@dataclass(frozen=True)
class Calibrated:
    """What held-out predictions settle.

    Attributes
    ----------
    calibration : Calibration
        The common one.
    groups : tuple of GroupCalibration
        Of the groups that have one of their own.
    numbers : tuple of int
        Their codes among all groups that were asked for.
    comparable : Comparable
    cluster_spread : float
        How far held-out schools lie apart, in log-odds.
    """

    calibration: Calibration
    groups: tuple[GroupCalibration, ...]
    numbers: tuple[int, ...]
    comparable: Comparable
    cluster_spread: float


def calibrate(
    by_time: HeldOut | None, by_fold: HeldOut, seed: int, groups: Mapping[str, Sequence[str]] | None = None
) -> Calibrated:
    """Choose the calibration, count comparable pupils, and measure how far held-out schools lie apart.

    ``groups`` are the context columns of those that may have a calibration of their own, by name, in the order of their codes.
    """
    predictions = by_fold if by_time is None else by_time
    block = np.zeros(len(predictions.outcome)) if by_time is None or by_time.time is None else by_time.time
    rung = choose_rung(
        predictions.log_odds,
        predictions.outcome,
        block,
        groups=predictions.groups,
        growth=predictions.growth,
        seed=seed + 2,
    )
    log_odds = rung.apply(predictions.log_odds, predictions.growth)
    own: dict[int, GroupCalibration] = {}
    codes = predictions.calibration_group
    if codes is not None:
        rungs = choose_group_rungs(
            log_odds, predictions.outcome, block, codes, groups=predictions.groups, seed=seed + 3
        )
        for number, step in rungs.items():
            rows = codes == number
            log_odds[rows] = step.apply(log_odds[rows], np.ones(int(rows.sum())))
            name, columns = list((groups or {}).items())[number - 1]
            own[number] = GroupCalibration(name, tuple(columns), rung.calibration.then(step.calibration))
    risk = probability(log_odds)
    comparable = Comparable.fit(risk, predictions.outcome, groups=predictions.groups, time=predictions.time)
    if predictions.clusters is None:
        return Calibrated(rung.calibration, tuple(own.values()), tuple(own), comparable, 0.0)
    firsts = one_per_pupil(risk, predictions.outcome, predictions.groups, predictions.time)
    spread = fit_cluster_spread(log_odds[firsts], predictions.outcome[firsts], predictions.clusters[firsts])
    return Calibrated(rung.calibration, tuple(own.values()), tuple(own), comparable, spread)


def refuse_seed(seed: int) -> None:
    """Refuse a seed that is not a whole number in LightGBM's range.

    Raises
    ------
    ModelError
        Not a whole number from 0 to 2147483645.
    """
    # LightGBM holds seeds in 32 bits with a sign; room is left to count on from this one.
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
    clusters : (m,) int array or None
        Number of the school, where whole schools were held out.
    rows : (m,) int array
        Position of each row in the table given to ``fit``.
    growth : (m,) array
        How many times more events the final bag learnt from than the boosters that predicted the row, see
        :mod:`decrochage_risk.risk.calibration`.
    calibration_group : (m,) int array or None
        Number of the group whose calibration is its own, 0 for none.
    """

    log_odds: FloatArray
    outcome: FloatArray
    time: npt.NDArray[Any] | None
    groups: IntArray
    clusters: IntArray | None
    rows: IntArray
    growth: FloatArray
    calibration_group: IntArray | None = None

    def with_groups(self, numbers: Sequence[int]) -> HeldOut:
        """Give the rows new numbers, by the groups that have a calibration of their own, in the order of ``numbers``."""
        if self.calibration_group is None:
            return self
        position = np.zeros(
            int(self.calibration_group.max(initial=0)) + 1 + max(numbers, default=0), dtype=np.int64
        )
        position[list(numbers)] = np.arange(1, len(numbers) + 1)
        return replace(self, calibration_group=position[self.calibration_group])


def out_of_fold(fit_input: FitInput, bag: Bag) -> HeldOut:
    """Every row, predicted by the member that did not see its pupil (but may have seen its period).

    Its growth counts as 1: the members are those of the final bag, each of which saw nearly everybody.
    """
    growth = np.ones(len(fit_input.outcome))
    return HeldOut(
        bag.left_out,
        fit_input.outcome,
        fit_input.time,
        fit_input.groups,
        fit_input.clusters,
        fit_input.order,
        growth,
        fit_input.calibration_group,
    )


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
    # By the whole training: a part of it must not be trained with other settings because it is smaller.
    options = with_defaults(options, len(fit_input.outcome))
    # Other folds than those of the bag, so that the two estimates do not share their luck.
    fold = folds_of(fit_input, options.pupil_folds, seed + 1)
    numbers = range(options.pupil_folds)
    learnt = [rows_to_learn(fold, fit_input.groups, number) for number in numbers]
    usable = [
        (train, test)
        for _, train, test in splits
        if all(
            enough(fit_input.outcome[part], fit_input.groups[part])
            for part in (train & learnt[number] for number in numbers)
        )
        # The latest ones: older years say less of the next, and each costs a training.
    ][-options.test_times :]
    if len(usable) < LEAST_TIMES - 1:
        return None
    log_odds, growth = np.full(len(fold), np.nan), np.ones(len(fold))
    total = len(usable) * options.pupil_folds
    parts = [(train & learnt[k], test & (fold == k)) for train, test in usable for k in numbers]
    for number_of_part, (train, test) in enumerate(parts, start=1):
        log_odds[test] = _learn_and_predict(fit_input, train, test, rounds, options, seed)
        # In events, not in rows: they are what a rare outcome is learnt from.
        growth[test] = fit_input.outcome.sum() / fit_input.outcome[train].sum()
        if progress is not None:
            progress("out of time", number_of_part, total)
    rows = np.flatnonzero(~np.isnan(log_odds))
    return HeldOut(
        log_odds[rows],
        fit_input.outcome[rows],
        fit_input.time[rows],
        fit_input.groups[rows],
        None if fit_input.clusters is None else fit_input.clusters[rows],
        fit_input.order[rows],
        growth[rows],
        None if fit_input.calibration_group is None else fit_input.calibration_group[rows],
    )


def _learn_and_predict(
    fit_input: FitInput, train: BoolArray, test: BoolArray, rounds: int, options: FitOptions, seed: int
) -> FloatArray:
    part = fit_input.take(train)
    fold = folds_of(part, options.members, seed)
    count = min(options.out_of_time_members, options.members)
    learnt = [rows_to_learn(fold, part.groups, number) for number in range(count)]
    rows = (part.matrix, part.outcome)
    if options.kind == "logistic":
        linear = train_linear_members(*rows, learnt, part.directions, penalty=options.penalty or PENALTY)
        return member_mean(linear.log_odds(rows_of(fit_input.matrix, test)))
    members = train_members(*rows, part.directions, learnt=learnt, options=options, seed=seed, rounds=rounds)
    return member_mean(members.log_odds(rows_of(fit_input.matrix, test)))
