"""The bag: a few small monotone LightGBM boosters, or signed logistic regressions, each blind to its part of the pupils.

Member ``k`` is trained without the ``k``-th part. So every row has one prediction of a member that did not see its pupil
(out-of-fold), and the spread of the members is a delete-a-group jackknife. Boosters are kept as LightGBM text and parsed on
first use; `decrochage_risk.risk.boosting` trains them. Logistic regressions are shipped when they predict later years better
than the trees; calibration, intervals and reasons stay the same. A contribution is then the slope times the distance to the
reference: exact, zero at the reference and never the wrong way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.signed_logistic import fit_signed_logistic
from decrochage_risk.threads import one_blas_thread, over_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.risk.folds import BoolArray
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray


__all__ = ["Bag", "LinearMembers", "Members", "Progress", "parse", "train_linear_bag", "train_linear_members"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``, in the thread that fits."""


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

    def __reduce__(self) -> tuple[type[Members], tuple[tuple[str, ...]]]:
        return Members, (self.texts,)  # another process parses the texts again

    @property
    def boosters(self) -> tuple[Any, ...]:
        """The ``lightgbm.Booster`` objects, parsed once. Their ``predict`` may be called from several threads."""
        # A forked process parses anew, since LightGBM's own lock may have been held at the fork; a lock of ours here would
        # be in the same danger, so two threads may both parse, and the first is kept.
        key = f"_boosters_of_process_{os.getpid()}"
        found: tuple[Any, ...] | None = self.__dict__.get(key)
        if found is None:
            parsed = tuple(parse(number, text) for number, text in enumerate(self.texts))
            found = self.__dict__.setdefault(key, parsed)
        return found

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
        rows, boosters = np.ascontiguousarray(filled), self.boosters if len(filled) else ()
        scores = np.empty((len(rows), len(self.texts)))

        def predict(part: slice) -> None:
            for member, booster in enumerate(boosters):
                # One thread of LightGBM's own: the default costs 8 ms on one row, and hangs in a forked process.
                scores[part, member] = booster.predict(rows[part], raw_score=True, num_threads=1)

        over_rows(predict, len(rows))
        return scores


def parse(number: int, text: str) -> Any:  # noqa: ANN401  # lightgbm ships no types
    """Read the text of a booster.

    Raises
    ------
    ModelError
        It is none; the message says which of the bag.
    """
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


@dataclass(frozen=True, eq=False)
class LinearMembers:
    """The fitted members.

    Attributes
    ----------
    intercepts : (K,) array
    slopes : (K, p) array
        Log-odds per unit of each column, in the order of the columns at training.

    Examples
    --------
    >>> members = LinearMembers(np.array([-1.0, -2.0]), np.array([[1.0, 0.0], [2.0, -1.0]]))
    >>> members.log_odds(np.array([[3.0, 1.0]]))
    array([[2., 3.]])
    >>> members.contributions(np.array([[3.0, 1.0]]), np.array([[2.0, 1.0]]))
    array([[1.5, 0. ]])
    """

    intercepts: FloatArray
    slopes: FloatArray

    @property
    def boosters(self) -> tuple[Any, ...]:
        """No tree at all."""
        return ()

    def log_odds(self, filled: FloatArray) -> FloatArray:
        """Raw log-odds of every member, shape (n, K); a row's values do not depend on the other rows."""
        rows = np.ascontiguousarray(filled, dtype=np.float64)
        parts = zip(self.intercepts, self.slopes, strict=True)
        return np.column_stack([level + (rows * slope).sum(axis=1) for level, slope in parts])

    def contributions(self, filled: FloatArray, references: FloatArray) -> FloatArray:
        """Contribution of every column to the mean raw log-odds, against the reference row, shape (n, p)."""
        return np.asarray((filled - references) * self.slopes.mean(axis=0) + 0.0, dtype=np.float64)  # no -0

    def to_dict(self) -> dict[str, Any]:
        """Give the numbers as JSON values, exact to the last bit."""
        return {"intercepts": self.intercepts.tolist(), "slopes": self.slopes.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinearMembers:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(
            np.array(values["intercepts"], dtype=np.float64), np.array(values["slopes"], dtype=np.float64)
        )


def train_linear_bag(
    matrix: FloatArray,
    outcome: FloatArray,
    fold: IntArray,
    directions: IntArray,
    *,
    learnt: Sequence[BoolArray],
    penalty: float,
) -> Bag:
    """Train the members, each on its rows; see :func:`decrochage_risk.risk.boosting.train_bag`."""
    bag = train_linear_members(matrix, outcome, learnt, directions, penalty=penalty)
    every = bag.log_odds(matrix)
    return Bag(bag, 0, every[np.arange(len(fold)), fold])


def train_linear_members(
    matrix: FloatArray,
    outcome: FloatArray,
    learnt: Sequence[BoolArray],
    directions: IntArray,
    *,
    penalty: float,
) -> LinearMembers:
    """Train one member per mask of rows that it may learn from."""
    with one_blas_thread():
        fits = [
            fit_signed_logistic(matrix[rows], outcome[rows], directions, penalty=penalty) for rows in learnt
        ]
    return LinearMembers(np.array([level for level, _ in fits]), np.array([slopes for _, slopes in fits]))
