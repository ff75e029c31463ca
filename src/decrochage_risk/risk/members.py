"""The bag: a few small monotone LightGBM boosters, or signed logistic regressions, each blind to its part of the pupils.

Member ``k`` is trained without the ``k``-th part. So every row has one prediction of a member that did not see its pupil
(out-of-fold), and the spread of the members is a delete-a-group jackknife. Boosters are kept as LightGBM text and parsed on
first use; `decrochage_risk.risk.boosting` trains them. Logistic regressions are shipped when they predict later years better
than the trees; calibration, intervals and reasons stay the same. A contribution is then the slope times the distance to the
reference: exact, zero at the reference and never the wrong way.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.booster_audit import without_parameters
from decrochage_risk.risk.numeric_table import row_blocks
from decrochage_risk.risk.signed_logistic import fit_signed_logistic
from decrochage_risk.threads import one_blas_thread, over_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.risk.folds import BoolArray
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray, TableArray


__all__ = [
    "Bag",
    "LinearMembers",
    "Members",
    "Progress",
    "joined",
    "outward",
    "parse",
    "train_linear_bag",
    "train_linear_members",
    "without_counts",
]

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
        # What was not audited as trees is not LightGBM's to read.
        boosters: tuple[Any, ...] = self._of_process(
            "boosters",
            lambda: tuple(parse(at, text) for at, text in enumerate(map(without_parameters, self.texts))),
        )
        return boosters

    @property
    def _as_one(self) -> Any:  # noqa: ANN401  # lightgbm ships no types
        """All members as one booster that gives each its own score: a call costs one row more than its trees."""

        def parsed() -> Any:  # noqa: ANN401  # same
            # Each by itself first: a text that is cut off would join as a member without trees.
            _ = self.boosters
            return parse(0, joined([without_parameters(text) for text in self.texts]))

        return self._of_process("booster_of_all", parsed)

    def _of_process(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401  # same
        # A forked process parses anew, since LightGBM's own lock may have been held at the fork; a lock of
        # ours here would
        # be in the same danger, so two threads may both parse, and the first is kept.
        key = f"_{name}_of_process_{os.getpid()}"
        return self.__dict__[key] if key in self.__dict__ else self.__dict__.setdefault(key, make())

    def log_odds(self, filled: TableArray) -> FloatArray:
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
        rows, members = np.ascontiguousarray(filled), len(self.texts)
        scores = np.empty((len(rows), members))
        booster: Any = self._as_one if len(rows) else None

        def predict(part: slice) -> None:
            # One thread of LightGBM's own: the default costs 8 ms on one row, and hangs in a forked
            # process.
            scores[part] = booster.predict(rows[part], raw_score=True, num_threads=1).reshape(-1, members)

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


_NO_SPLIT: Final = "num_leaves=1\nnum_cat=0\nleaf_value=0\nis_linear=0\nshrinkage=1\n\n\n"
"""A tree that adds nothing to any row."""


def joined(texts: Sequence[str]) -> str:
    """Write some boosters as one of as many classes: its raw scores of a row are theirs, to the last bit.

    Member ``k`` is class ``k``, its trees in their order; one with fewer trees than the others gets trees that add 0.

    Parameters
    ----------
    texts : sequence of str
        Boosters of one score over the same columns, as ``Booster.model_to_string`` writes them, without what follows the trees.
    """
    heads, trees = [], []
    for text in texts:
        head, *own = re.split(r"(?m)^Tree=\d+\n", text.removesuffix("end of trees\n"))
        heads.append(head)
        trees.append(own)
    # The bytes of each tree are those of one booster, and its objective is of one class: neither is read for a raw score.
    head = re.sub(r"(?m)^(tree_sizes|objective)=.*\n", "", heads[0])
    head = re.sub(r"(?m)^(num_class|num_tree_per_iteration)=1$", rf"\1={len(texts)}", head)
    rounds = zip_longest(*trees, fillvalue=_NO_SPLIT)
    each = enumerate(tree for of_round in rounds for tree in of_round)
    return head + "".join(f"Tree={number}\n{tree}" for number, tree in each) + "end of trees\n"


ROWS_ROUNDED_TO: Final = 50
"""Training rows of a leaf are written rounded up to a multiple of this: some twelve pupils of four dates."""
_OF_NODES: Final = (
    "split_gain",
    "internal_value",
    "internal_weight",
    "internal_count",
    "leaf_weight",
    "leaf_count",
)


def without_counts(text: str) -> str:
    """Round what a booster says of the rows that it learnt from, and nothing else.

    A model is read by many, and LightGBM writes the rows of each leaf (some are of one pupil), the gain of each split,
    from which they follow, and the exact extremes of each column. None of it is read in scoring or explaining: leaves get
    their rows rounded up to a multiple of 50, nodes the sums and means of these, gains are 0, and extremes are
    powers of ten. Splits and leaf values stay, bit by bit.

    Parameters
    ----------
    text : str
        As ``Booster.model_to_string`` gives it.
    """
    head, *trees = re.split(r"(?m)^(?=Tree=)", text)
    # the bytes of each tree as it was: they are other ones once it is rounded, and LightGBM reads by them
    head = re.sub(r"(?m)^tree_sizes=.*\n", "", head)
    head = re.sub(r"\[([^\[\]:]+):([^\[\]:]+)\]", _outward_text, head)
    whole: str = parse(0, head + "".join(_rounded_tree(tree) for tree in trees)).model_to_string()
    return whole


def _outward_text(match: re.Match[str]) -> str:
    """Write the powers of ten around the extremes of a column: LightGBM keeps them and never reads them again."""
    low, high = float(match[1]), float(match[2])
    below, above = (10.0 ** math.ceil(math.log10(max(size, 1.0))) for size in (-low, high))
    return f"[{-below if low < 0 else 0:g}:{above if high > 0 else 0:g}]"


def outward(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Round the extremes of columns outward, to a twentieth of a round number of the size of their span.

    Examples
    --------
    >>> low, high = outward(np.array([0.0, -0.293]), np.array([47.0, 0.267]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, -0.3], [50.0, 0.3])
    """
    # A column of one value has no span to round by.
    span = np.where(high > low, high - low, 1.0)
    step = 10.0 ** np.floor(np.log10(span)) / 2.0
    return np.floor(low / step) * step, np.ceil(high / step) * step


def _rounded_tree(tree: str) -> str:
    """Round the counts of one tree; what follows the last tree is left as it is."""
    lines = {key: rest.split() for key, rest in re.findall(r"(?m)^(\w+)=(.*)$", tree)}
    if "leaf_count" not in lines:
        return tree
    values = [float(value) for value in lines["leaf_value"]]
    leaves = [math.ceil(int(count) / ROWS_ROUNDED_TO) * ROWS_ROUNDED_TO for count in lines["leaf_count"]]
    left, right = ([int(child) for child in lines.get(f"{side}_child", ())] for side in ("left", "right"))
    # Counts and means of the nodes are computed anew from the rounded leaves: exact ones would give them
    # back.
    rows, means = [0] * len(left), [0.0] * len(left)
    # children of a node are written after it
    for node in range(len(left) - 1, -1, -1):
        parts = [
            (leaves[-1 - child], values[-1 - child]) if child < 0 else (rows[child], means[child])
            for child in (left[node], right[node])
        ]
        rows[node] = sum(count for count, _ in parts)
        means[node] = sum(count * value for count, value in parts) / rows[node]
    lists = {
        "split_gain": ["0"] * len(left),
        "internal_value": [repr(mean) for mean in means],
        "internal_weight": [str(count) for count in rows],
        "internal_count": [str(count) for count in rows],
        "leaf_weight": [str(count) for count in leaves],
        "leaf_count": [str(count) for count in leaves],
    }
    for key in _OF_NODES:
        tree = re.sub(rf"(?m)^{key}=.*$", f"{key}={' '.join(lists[key])}", tree)
    return tree


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

    def log_odds(self, filled: TableArray) -> FloatArray:
        """Raw log-odds of every member, shape (n, K); a row's values do not depend on the other rows."""
        odds = np.empty((len(filled), len(self.intercepts)))
        for block in row_blocks(len(filled), filled):
            rows = np.ascontiguousarray(filled[block], dtype=np.float64)
            for member, (level, slope) in enumerate(zip(self.intercepts, self.slopes, strict=True)):
                # Row by row, not a matrix product, whose sums hang on how many rows there are.
                odds[block, member] = level + (rows * slope).sum(axis=1)
        return odds

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
    matrix: TableArray,
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
    matrix: TableArray,
    outcome: FloatArray,
    learnt: Sequence[BoolArray],
    directions: IntArray,
    *,
    penalty: float,
) -> LinearMembers:
    """Train one member per mask of rows that it may learn from."""
    with one_blas_thread():
        fits = [
            fit_signed_logistic(matrix, outcome, directions, penalty=penalty, rows=np.flatnonzero(rows))
            for rows in learnt
        ]
    return LinearMembers(np.array([level for level, _ in fits]), np.array([slopes for _, slopes in fits]))
