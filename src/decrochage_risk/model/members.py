"""The bag: a few small monotone LightGBM boosters, each blind to its part of the pupils.

Member ``k`` is trained without the ``k``-th part. So every row has one prediction of a booster that did not see
its pupil (out-of-fold), and the spread of the members is a delete-a-group jackknife.

Boosters are kept as LightGBM text and parsed on first use. The text does not depend on the number of threads:
``deterministic`` with column-wise histograms, each summed by one thread, gives the same trees whatever the number,
and the one line that records it is set to 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from decrochage_risk.model.fit_options import FitOptions
    from decrochage_risk.model.folds import BoolArray
    from decrochage_risk.model.linear_members import LinearMembers
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["Bag", "Members", "Progress", "train_bag", "train_members", "with_thresholds"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``, in the thread that fits."""

SMALL_BATCH = 5_000
"""Rows up to which a prediction uses one thread: starting more costs longer than the prediction."""
MANY_ROWS = 5_000
"""Rows of a training from which the thresholds of splits are drawn by lot."""
SMALL_TRAINING = 2_000_000
"""Cells (rows times columns) up to which a training uses one thread, for the same reason."""


@dataclass(frozen=True, eq=False)
class Members:
    """The trained boosters, as LightGBM text.

    Attributes
    ----------
    texts : tuple of str
        One model text per member.

    Examples
    --------
    >>> Members(("not a booster",)).boosters
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.ModelError: Booster 0 cannot be parsed: ...
    """

    texts: tuple[str, ...]
    _parsing: Lock = field(default_factory=Lock, repr=False)

    def __reduce__(self) -> tuple[type[Members], tuple[tuple[str, ...]]]:
        return Members, (self.texts,)  # another process parses the texts again

    @cached_property
    def _parsed(self) -> list[Any]:
        return []

    @property
    def boosters(self) -> tuple[Any, ...]:
        """The ``lightgbm.Booster`` objects, parsed once. Their ``predict`` may be called from several threads."""
        if len(self._parsed) != len(self.texts):
            with self._parsing:
                if len(self._parsed) != len(self.texts):
                    self._parsed[:] = [_parse(number, text) for number, text in enumerate(self.texts)]
        return tuple(self._parsed)

    def log_odds(self, filled: FloatArray) -> FloatArray:
        """Raw log-odds of every member.

        Parameters
        ----------
        filled : (n, p) float64 array
            Rows without NaN, in the order of the columns at training.

        Returns
        -------
        (n, K) float64 array
            A row's values do not depend on the other rows.
        """
        if not len(filled):
            return np.empty((0, len(self.texts)))
        threads = 1 if len(filled) <= SMALL_BATCH else _threads()
        scores = [
            booster.predict(np.ascontiguousarray(filled), raw_score=True, num_threads=threads)
            for booster in self.boosters
        ]
        return np.column_stack(scores)


def _parse(number: int, text: str) -> Any:  # noqa: ANN401  # lightgbm ships no types
    import lightgbm  # noqa: PLC0415  # loads on first use

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(
            explain_error(
                f"Booster {number} cannot be parsed: {error}",
                expected="the text of a LightGBM model",
                hint="The file is damaged; load the model from another copy.",
            )
        ) from error


@dataclass(frozen=True, eq=False)
class Bag:
    """What a training gives.

    Attributes
    ----------
    members : Members or LinearMembers
        The boosters, or the logistic regressions.
    rounds : int
        Trees of each.
    left_out : (n,) array
        For each training row, the raw log-odds of the member that did not see its pupil.
    """

    members: Members | LinearMembers
    rounds: int
    left_out: FloatArray


def train_bag(
    matrix: FloatArray,
    outcome: FloatArray,
    fold: IntArray,
    directions: IntArray,
    *,
    options: FitOptions,
    seed: int,
    progress: Progress | None = None,
) -> Bag:
    """Train the members in step, and cut all of them where the pupils they left out are predicted best.

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN, in an order that does not depend on how they came.
    outcome : (n,) array of 0/1
        What happened.
    fold : (n,) int array
        The member, 0 to ``options.members - 1``, that leaves the row out.
    directions : (p,) int array
        -1, 0 or 1: the way in which a column may move the risk.
    options : FitOptions
        How to train.
    seed : int
        Seed of the columns drawn for each tree; the same for all members, so that their spread comes from the pupils
        left out and from nothing else.
    progress : callable, optional
        Told ``("members", round, max_rounds)``.

    Returns
    -------
    Bag
    """
    parts = range(options.members)
    boosters = _boosters(matrix, outcome, directions, [fold != member for member in parts], options, seed)
    weights = np.bincount(fold, minlength=options.members) / len(fold)
    rounds = _grow(boosters, weights, options, progress)
    members = Members(tuple(_text(booster, rounds) for booster in boosters))
    left_out = np.empty(len(fold))
    for member, booster in enumerate(members.boosters):
        blind = fold == member
        left_out[blind] = booster.predict(matrix[blind], raw_score=True, num_threads=1)
    return Bag(members, rounds, left_out)


def train_members(
    matrix: FloatArray,
    outcome: FloatArray,
    fold: IntArray,
    directions: IntArray,
    *,
    options: FitOptions,
    seed: int,
    rounds: int,
    count: int,
) -> Members:
    """Train the first members of a bag for a given number of rounds.

    Parameters
    ----------
    matrix, outcome, fold, directions, options, seed
        As in :func:`train_bag`.
    rounds : int
        Trees of each member.
    count : int
        Members to train, at most ``options.members``.

    Returns
    -------
    Members
    """
    kept = [fold != member for member in range(count)]
    boosters = _boosters(matrix, outcome, directions, kept, options, seed, watch=False)
    for booster in boosters:
        for _ in range(rounds):
            booster.update()
    return Members(tuple(_text(booster, rounds) for booster in boosters))


def _boosters(
    matrix: FloatArray,
    outcome: FloatArray,
    directions: IntArray,
    kept: list[BoolArray],
    options: FitOptions,
    seed: int,
    *,
    watch: bool = True,
) -> list[Any]:
    """Set up one booster per mask of rows it may see; with ``watch``, each is judged on the others."""
    import lightgbm  # noqa: PLC0415  # loads on first use

    params = _parameters(matrix, directions, options, seed)
    whole = lightgbm.Dataset(matrix, label=outcome, params=params).construct()
    boosters = []
    for seen in kept:
        booster = lightgbm.Booster(params, whole.subset(np.flatnonzero(seen).tolist()))
        if watch:
            booster.add_valid(whole.subset(np.flatnonzero(~seen).tolist()), "left_out")
        boosters.append(booster)
    return boosters


def with_thresholds(options: FitOptions, rows: int) -> FitOptions:
    """Settle how thresholds are found, by the rows of the whole training: its parts must learn as fast as it does.

    Examples
    --------
    >>> from decrochage_risk.model.fit_options import FitOptions
    >>> [with_thresholds(FitOptions(), rows).drawn_thresholds for rows in (4_999, 5_000)]
    [False, True]
    """
    if options.drawn_thresholds is not None:
        return options
    return replace(options, drawn_thresholds=rows >= MANY_ROWS)


def _parameters(matrix: FloatArray, directions: IntArray, options: FitOptions, seed: int) -> dict[str, Any]:
    rows = len(matrix)
    leaf_rows = options.rows_per_leaf or int(np.clip(rows // 200, max(1, min(20, rows // 15)), 100))
    drawn = with_thresholds(options, rows).drawn_thresholds
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "boost_from_average": True,
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate or (0.1 if drawn else 0.05),
        "lambda_l2": options.l2 if options.l2 is not None else float(np.clip(rows / 2000, 5, 30)),
        "feature_fraction": options.column_share,
        "extra_trees": drawn,
        "min_data_in_leaf": leaf_rows,
        "max_bin": 255,
        "feature_pre_filter": False,
        "use_missing": False,
        "monotone_constraints": directions.tolist(),
        "monotone_constraints_method": "intermediate",
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1 if matrix.size <= SMALL_TRAINING else _threads(),
        "verbosity": -1,
    }


def _threads() -> int:
    return max(1, min(os.cpu_count() or 1, 8))


def _grow(boosters: list[Any], weights: FloatArray, options: FitOptions, progress: Progress | None) -> int:
    """Add trees to all boosters in step; return the number of rounds to keep."""
    best, least = 0, np.inf
    for done in range(1, options.max_rounds + 1):
        for booster in boosters:
            booster.update()
        if progress is not None:
            progress("members", done, options.max_rounds)
        if done < options.min_rounds:
            continue
        losses = np.array([booster.eval_valid()[0][2] for booster in boosters])
        loss = float(np.sum(weights * losses))
        if loss < least:
            best, least = done, loss
        elif done - best >= options.patience:
            break
    return best


def _text(booster: Any, rounds: int) -> str:  # noqa: ANN401  # lightgbm ships no types
    text: str = booster.model_to_string(num_iteration=rounds)
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 1]", text)
