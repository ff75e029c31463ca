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
from dataclasses import dataclass, field, fields
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from decrochage_risk.model.numeric_table import FloatArray, IntArray

__all__ = ["Bag", "FitOptions", "Members", "Progress", "train_bag"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``, in the thread that fits."""

SMALL_BATCH = 5_000
"""Rows up to which a prediction uses one thread: starting more costs longer than the prediction."""
SMALL_TRAINING = 200_000
"""Cells (rows times columns) up to which a training uses one thread, for the same reason."""


@dataclass(frozen=True)
class FitOptions:
    """How the bag is trained. The class balance cannot be changed: it would wreck the calibration.

    Attributes
    ----------
    members : int
        Boosters of the bag, 2 to 5.
    leaves : int
        Leaves of a tree, 2 to 15.
    learning_rate : float
        Shrinkage of each round.
    max_rounds, min_rounds : int
        Bounds of the number of rounds, which is chosen on the left-out pupils.
    patience : int
        Rounds without a better left-out log loss after which the training stops.
    l2 : float
        Ridge penalty on leaf values.
    column_share : float
        Share of the columns that each tree may use.
    rows_per_leaf : int or None
        Least rows of a leaf; by default one row in 200, within 20 (one in 15 of a small table) and 100.
    pupil_folds : int
        Folds of pupils in the out-of-time predictions.
    test_times : int
        Latest periods that are predicted out of time.

    Raises
    ------
    ModelError
        An option out of its bounds; all of them are named.

    Examples
    --------
    >>> FitOptions(max_rounds=50).leaves
    15
    """

    members: int = 5
    leaves: int = 15
    learning_rate: float = 0.05
    max_rounds: int = 400
    min_rounds: int = 10
    patience: int = 40
    l2: float = 5.0
    column_share: float = 0.7
    rows_per_leaf: int | None = None
    pupil_folds: int = 3
    test_times: int = 5

    def __post_init__(self) -> None:
        bounds: dict[str, tuple[float, float]] = {
            "members": (2, 5),
            "leaves": (2, 15),
            "learning_rate": (1e-4, 1.0),
            "max_rounds": (self.min_rounds, 10_000),
            "min_rounds": (1, 10_000),
            "patience": (1, 10_000),
            "l2": (0.0, 1e6),
            "column_share": (0.01, 1.0),
            "pupil_folds": (2, 5),
            "test_times": (2, 100),
        }
        if self.rows_per_leaf is not None:
            bounds["rows_per_leaf"] = (1, 1_000_000)
        faults = [
            f"{name}={getattr(self, name)!r} (from {low:g} to {high:g})"
            for name, (low, high) in bounds.items()
            if not low <= getattr(self, name) <= high
        ]
        if faults:
            raise ModelError(
                explain_error(
                    f"Options out of their bounds: {', '.join(faults)}",
                    expected="values within the bounds given in brackets",
                    hint="Leave an option out to take its default.",
                )
            )

    def to_dict(self) -> dict[str, Any]:
        """Give the options as JSON values."""
        return {option.name: getattr(self, option.name) for option in fields(self)}


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
    members : Members
        The boosters.
    rounds : int
        Trees of each.
    left_out : (n,) array
        For each training row, the raw log-odds of the member that did not see its pupil.
    """

    members: Members
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
    rounds: int | None = None,
    progress: Progress | None = None,
) -> Bag:
    """Train the members in step, and stop all of them where the pupils they left out are predicted best.

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
    rounds : int, optional
        Trains exactly so many rounds; by default the number with the least left-out log loss.
    progress : callable, optional
        Told ``("members", round, max_rounds)``.

    Returns
    -------
    Bag
    """
    import lightgbm  # noqa: PLC0415  # loads on first use

    params = _parameters(matrix, directions, options, seed)
    whole = lightgbm.Dataset(matrix, label=outcome, params=params, free_raw_data=True).construct()
    boosters = []
    for member in range(options.members):
        booster = lightgbm.Booster(params, whole.subset(np.flatnonzero(fold != member).tolist()))
        if rounds is None:
            booster.add_valid(whole.subset(np.flatnonzero(fold == member).tolist()), "left_out")
        boosters.append(booster)
    weights = np.bincount(fold, minlength=options.members) / len(fold)
    best = _grow(boosters, weights, options, rounds, progress)
    members = Members(tuple(_text(booster, best) for booster in boosters))
    return Bag(members, best, members.log_odds(matrix)[np.arange(len(fold)), fold])


def _parameters(matrix: FloatArray, directions: IntArray, options: FitOptions, seed: int) -> dict[str, Any]:
    leaf_rows = options.rows_per_leaf or int(np.clip(len(matrix) // 200, min(20, len(matrix) // 15), 100))
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "boost_from_average": True,
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "lambda_l2": options.l2,
        "feature_fraction": options.column_share,
        "min_data_in_leaf": leaf_rows,
        "max_bin": 255,
        "feature_pre_filter": False,
        "use_missing": False,
        "monotone_constraints": directions.tolist(),
        "monotone_constraints_method": "intermediate",
        "seed": seed % 2**31,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1 if matrix.size <= SMALL_TRAINING else _threads(),
        "verbosity": -1,
    }


def _threads() -> int:
    return max(1, min(os.cpu_count() or 1, 8))


def _grow(
    boosters: list[Any],
    weights: npt.NDArray[np.float64],
    options: FitOptions,
    rounds: int | None,
    progress: Progress | None,
) -> int:
    """Add trees to all boosters in step; return the number of rounds to keep."""
    most = options.max_rounds if rounds is None else rounds
    best, least = 0, np.inf
    for done in range(1, most + 1):
        for booster in boosters:
            booster.update()
        if progress is not None:
            progress("members", done, most)
        if rounds is not None or done < options.min_rounds:
            continue
        losses = np.array([booster.eval_valid()[0][2] for booster in boosters])
        loss = float(np.sum(weights * losses))
        if loss < least:
            best, least = done, loss
        elif done - best >= options.patience:
            break
    return rounds if rounds is not None else best


def _text(booster: Any, rounds: int) -> str:  # noqa: ANN401  # lightgbm ships no types
    text: str = booster.model_to_string(num_iteration=rounds)
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 1]", text)
