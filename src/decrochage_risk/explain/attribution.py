"""The trees of a bag as flat arrays, read from the text in which LightGBM writes them.

Numbers in that text have 17 significant digits: thresholds and leaf values are those of LightGBM to the last bit.

Exact baseline Shapley values of a sum of trees, one reference row per explained row.

In a tree, a coalition of columns takes the row's values and the others those of the reference. Where both go the same
way in a node, so does every coalition; where they part, the leaf that is reached depends on whose side the column of
that node is on. A leaf reached by coalitions that hold the ``u`` columns U and miss the ``v`` columns V gives its value
times ``(u - 1)! v! / (u + v)!`` to each column of U and takes its value times ``u! (v - 1)! / (u + v)!`` from each of V:
the Shapley value of the game "all of U, none of V". Only leaves that some coalition reaches are visited.

Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
Intelligence 2, 2020 (independent tree SHAP); Shapley, "A value for n-person games", 1953. The package ``shap`` computes the
same with thresholds in single precision; the tests hold both, and the sum over all coalitions, against this one.

Baseline Shapley values: how each column moves a pupil's log-odds away from the reference pupil's.

Against one reference row, the pupil of the same level and time of year with median values: a column that equals its
reference gets exactly no credit, and on a monotone model no contribution can point the wrong way. Source: Sundararajan
and Najmi, "The many Shapley values for model explanation", ICML 2020 (baseline Shapley).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.records.kernels import compiled
from decrochage_risk.risk.members import LinearMembers
from decrochage_risk.risk.uncertainty import member_mean
from decrochage_risk.threads import over_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.risk import RiskModel
    from decrochage_risk.risk.members import Members

    Floats = npt.NDArray[np.float64]
    Starts = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Nodes = tuple[npt.NDArray[np.int32], Floats, npt.NDArray[np.int32], npt.NDArray[np.int32]]


__all__ = [
    "ADDITIVITY_TOLERANCE",
    "Attribution",
    "Trees",
    "attribute",
    "known_of_columns",
    "shapley_values",
    "shapley_weights",
    "trees_of",
]

_NUMERICAL_WITHOUT_MISSING = frozenset({0, 2})
"""``decision_type`` of LightGBM: bit 0 is categorical, bit 1 the default side, bits 2 and 3 how missing is read."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Every tree of every booster, one after the other.

    A row goes left in a node when ``row[feature] <= threshold``. A child from 0 on is a node of the same tree; below 0,
    ``-1 - child`` is its leaf.

    Attributes
    ----------
    feature, threshold, left, right : arrays, shape (nodes,)
        Column, threshold and children of each node.
    value : array, shape (leaves,)
        Raw log-odds of each leaf.
    first_node, first_leaf : arrays, shape (trees + 1,)
        Where the nodes and leaves of each tree start, and one past the end.
    boosters : int
        How many boosters the trees belong to; the bag is their mean.
    longest_path : int
        At least the number of nodes between any root and its deepest leaf.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    first_node: npt.NDArray[np.int64]
    first_leaf: npt.NDArray[np.int64]
    boosters: int
    longest_path: int

    @classmethod
    def read(cls, texts: Sequence[str]) -> Self:
        r"""Read the trees of some boosters.

        Parameters
        ----------
        texts : sequence of str
            The text of each booster, as ``Booster.model_to_string`` writes it.

        Raises
        ------
        ModelError
            Trees that are cut off, or that split otherwise than by ``value <= threshold`` on known numbers.

        Examples
        --------
        >>> stump = "num_leaves=2\nsplit_feature=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\n"
        >>> trees = Trees.read([stump + "leaf_value=-0.25 0.75"])
        >>> trees.feature.tolist(), trees.threshold.tolist(), trees.value.tolist()
        ([1], [0.5], [-0.25, 0.75])
        """
        text = "\n".join(texts)
        feature, nodes = _column(text, "split_feature", np.int32)
        value, leaves = _column(text, "leaf_value", np.float64)
        children = {side: _column(text, f"{side}_child", np.int32) for side in ("left", "right")}
        threshold, _ = _column(text, "threshold", np.float64)
        splits, _ = _column(text, "decision_type", np.int64)
        lengths = {
            feature.size,
            threshold.size,
            splits.size,
            *(column.size for column, _ in children.values()),
        }
        # A binary tree has one leaf more than nodes: anything else was cut or edited.
        whole = len(lengths) == 1 and np.array_equal(nodes + 1, leaves)
        if not whole or not set(splits.tolist()) <= _NUMERICAL_WITHOUT_MISSING or "is_linear=1" in text:
            raise _unreadable()
        return cls(
            feature=feature,
            threshold=threshold,
            left=children["left"][0],
            right=children["right"][0],
            value=value,
            first_node=_starts(nodes),
            first_leaf=_starts(leaves),
            boosters=len(texts),
            longest_path=int(nodes.max(initial=0)),
        )


def _column(text: str, key: str, kind: type[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Values of one key in every tree, and how many each tree has."""
    # One pass of a regular expression over all trees: parsing them one by one would take most of a load.
    lines: list[str] = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    cells = [line.split() for line in lines]
    sizes = np.array([len(tree_cells) for tree_cells in cells], dtype=np.int64)
    return np.array([cell for tree_cells in cells for cell in tree_cells], dtype=object).astype(kind), sizes


def _starts(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _unreadable() -> ModelError:
    return ModelError(
        explain_error(
            "The text of the boosters holds trees that cannot be explained",
            expected="whole trees whose nodes compare one known number with a threshold, as RiskModel.fit trains them",
            hint="Load the model from an unedited copy of its folder, or score with explain='none'.",
        )
    )


@cache
def shapley_weights(most: int) -> Floats:
    """Share of a leaf's value for one column of U, ``(u - 1)! v! / (u + v)!``, at [u, v]; that of V is at [v, u].

    Examples
    --------
    >>> shapley_weights(2)[1:, :2]
    array([[1.        , 0.5       ],
           [0.5       , 0.16666667]])
    """
    # Made once: factorials in the loop over leaves would be most of its work.
    weights = np.zeros((most + 1, most + 1))
    for followers in range(1, most + 1):
        for others in range(most + 1):
            weights[followers, others] = (
                factorial(followers - 1) * factorial(others) / factorial(followers + others)
            )
    # The cache hands out one array to all callers.
    weights.setflags(write=False)
    return weights


def shapley_values(trees: Trees, rows: Floats, references: Floats) -> Floats:
    """Contribution of every column to the mean raw log-odds of the boosters, against each row's own reference.

    Parameters
    ----------
    trees : Trees
        The bag.
    rows, references : arrays of float64, shape (n, columns)
        Without NaN.

    Returns
    -------
    array of float64, shape (n, columns)
        Exactly 0 where a row equals its reference. A row alone and in a batch has the same bits.
    """
    contributions = np.zeros(rows.shape)
    nodes = (trees.feature, trees.threshold, trees.left, trees.right)
    weights = shapley_weights(trees.longest_path)
    _add_trees(
        rows, references, nodes, trees.first_node, trees.value, trees.first_leaf, weights, contributions
    )
    # The mean of the members: Shapley values are linear, so sums may be divided at the end.
    contributions /= trees.boosters
    return contributions


@compiled
def _add_trees(
    rows: Floats,
    references: Floats,
    nodes: Nodes,
    first_node: Starts,
    value: Floats,
    first_leaf: Starts,
    weights: Floats,
    contributions: Floats,
) -> None:
    """Add the contributions of every tree to ``contributions``, row by row and tree by tree."""
    most = weights.shape[0]
    # Where row and reference have parted, from the root down: the column, whether the coalition holds it (and
    # so
    # follows the row), and the reference's side, which waits to be visited.
    column, follows, waiting = np.empty(most, np.int64), np.empty(most, np.bool_), np.empty(most, np.int64)
    for row in range(rows.shape[0]):
        own, base, total = rows[row], references[row], contributions[row]
        for tree in range(first_node.size - 1):
            # A tree of one leaf adds the same to every row and to the reference: no column gets credit.
            if first_node[tree] == first_node[tree + 1]:
                continue
            node, depth = 0, 0
            while True:
                # A stack of our own: compiled recursion is slow, and only the reference's side of a parting
                # is left to do.
                leaf, depth = _descend(
                    node, depth, own, base, nodes, first_node[tree], column, follows, waiting
                )
                _credit(value[first_leaf[tree] + leaf], depth, column, follows, weights, total)
                depth = _other_side(depth, follows)
                if depth == 0:
                    break
                node = int(waiting[depth - 1])


@compiled
def _descend(  # noqa: PLR0913, PLR0917 - a kernel takes plain arrays
    node: int,
    depth: int,
    row: Floats,
    reference: Floats,
    nodes: Nodes,
    first: int,
    column: Starts,
    follows: Flags,
    waiting: Starts,
) -> tuple[int, int]:
    """Go down to a leaf, on the row's side of every new parting; give the leaf, and how many partings lead to it."""
    feature, threshold, left, right = nodes
    while node >= 0:
        at = first + node
        split = feature[at]
        # In double precision, as LightGBM compares: single precision sends values at a threshold to the wrong
        # side.
        goes_left = row[split] <= threshold[at]
        node = int(left[at] if goes_left else right[at])
        if goes_left != (reference[split] <= threshold[at]):
            # A column that parted higher up has chosen its side: the coalition cannot hold it here and miss
            # it there.
            step = 0
            while step < depth and column[step] != split:
                step += 1
            other = int(right[at] if goes_left else left[at])
            if step == depth:
                column[depth], follows[depth], waiting[depth] = split, True, other
                depth += 1
            elif not follows[step]:
                node = other
    # LightGBM writes leaf k as the child -1 - k.
    return -1 - node, depth


@compiled
def _credit(
    value: float, depth: int, column: Starts, follows: Flags, weights: Floats, contributions: Floats
) -> None:
    """Share the value of a leaf among the columns that lead to it."""
    holds = 0
    for step in range(depth):
        holds += int(follows[step])
    gain, loss = value * weights[holds, depth - holds], value * weights[depth - holds, holds]
    for step in range(depth):
        if follows[step]:
            contributions[column[step]] += gain
        else:
            contributions[column[step]] -= loss


@compiled
def _other_side(depth: int, follows: Flags) -> int:
    """Turn to the reference's side of the last parting that is still on the row's; 0 when none is left."""
    while depth > 0 and not follows[depth - 1]:
        depth -= 1
    if depth > 0:
        follows[depth - 1] = False
    return depth


ADDITIVITY_TOLERANCE = 1e-6
"""Largest allowed gap between base plus contributions and LightGBM's own raw score, in log-odds."""

_MOST_REMEMBERED = 10_000
"""Reference rows whose score is kept, per model."""

# Weak keys: a model that nobody holds any more takes its trees with it.
_trees: WeakKeyDictionary[Members, Trees] = WeakKeyDictionary()
_row_scores: WeakKeyDictionary[Members | LinearMembers, dict[bytes, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Attribution:
    """Contributions of some pupils, raw (before calibration) and calibrated.

    Attributes
    ----------
    columns : tuple of str
        Columns that the boosters read: those of the model, then the flags of what is not known.
    raw : array, shape (n, columns)
        Contributions to the mean raw log-odds of the bag.
    raw_base : array, shape (n,)
        Raw log-odds of the reference pupil of each row.
    contributions, base : arrays
        The same on the calibrated scale: ``base + contributions.sum(axis=1)`` are the calibrated log-odds.
    log_odds : array, shape (n,)
        The calibrated log-odds themselves, as the model gives them.
    additive : array of bool, shape (n,)
        Whether base plus contributions equal LightGBM's raw score within ``ADDITIVITY_TOLERANCE``.
    filled, references : arrays, shape (n, columns)
        What the boosters saw, and the reference pupil's values.
    general : array of bool, shape (n, columns)
        Which of these references are those of all levels together.
    """

    columns: tuple[str, ...]
    raw: Floats
    raw_base: Floats
    contributions: Floats
    base: Floats
    log_odds: Floats
    additive: npt.NDArray[np.bool_]
    filled: Floats
    references: Floats
    general: Flags


def attribute(
    model: RiskModel,
    filled: Floats,
    references: Floats,
    scores: Floats | None = None,
    *,
    general: Flags | None = None,
) -> Attribution:
    """Attribute the log-odds of some rows to their columns.

    Parameters
    ----------
    model : RiskModel
        The model.
    filled : array of float64, shape (n, booster columns)
        Rows as the boosters see them, from ``model.filled``.
    references : array of float64, shape (n, booster columns)
        Reference row of each, from ``model.reference_rows``.
    scores : array of float64, shape (n,), optional
        LightGBM's mean raw log-odds of the rows, where the caller has them.
    general : array of bool, shape (n, booster columns), optional
        Which references are of all levels together, from ``model.references.general_of``: asked for by whoever words what
        the pupil is compared with. None by default.

    Returns
    -------
    Attribution
    """
    # A flag of what is not known equals that of the reference: like all of the context it contributes exactly
    # 0.
    raw = _raw_contributions(model, filled, references)
    if scores is None:
        scores = member_mean(model.member_log_odds(filled))
    reference_scores = _reference_scores(model, references)
    # of the row and of its reference alike: the group is read in the context, in which the two are equal
    calibration = model.calibration_of(filled)
    return Attribution(
        columns=model.booster_columns,
        raw=raw,
        raw_base=reference_scores,
        contributions=calibration.scaled(raw),
        base=calibration.apply(reference_scores),
        log_odds=calibration.apply(scores),
        additive=np.abs(reference_scores + raw.sum(axis=1) - scores) <= ADDITIVITY_TOLERANCE,
        filled=filled,
        references=references,
        general=np.zeros(references.shape, dtype=np.bool_) if general is None else general,
    )


def _raw_contributions(model: RiskModel, filled: Floats, references: Floats) -> Floats:
    """Baseline Shapley values of the mean of the members; of an additive model they need no search."""
    if isinstance(model.members, LinearMembers):
        return model.members.contributions(filled, references)
    trees = trees_of(model)
    parts = over_rows(lambda part: shapley_values(trees, filled[part], references[part]), len(filled))
    return np.concatenate(parts) if parts else np.zeros_like(filled)


def trees_of(model: RiskModel) -> Trees:
    """Give the trees of a model, read once.

    Raises
    ------
    ModelError
        When they cannot be read.
    """
    members = model.members
    if isinstance(members, LinearMembers):
        raise ModelError(
            explain_error(
                "The members are logistic regressions",
                expected="a model of trees",
                hint="Their contributions need no tree: attribute(model, ...) gives them.",
            )
        )
    trees = _trees.get(members)
    if trees is None:
        # No lock, which a process forked meanwhile would find held for ever: two threads may both read the
        # trees.
        trees = _trees.setdefault(members, Trees.read(members.texts))
    return trees


def _reference_scores(model: RiskModel, references: Floats) -> Floats:
    """LightGBM's mean raw log-odds of some reference rows; a handful per day are distinct, and each is predicted once."""
    memory = _row_scores.get(model.members)
    if memory is None:
        memory = _row_scores.setdefault(model.members, {})
    # Rows as bytes, so that whole rows are compared at once, and NaN equals NaN. Each distinct one is numbered as it comes.
    number_of: dict[bytes, int] = {}
    number = np.array(
        [number_of.setdefault(row.tobytes(), len(number_of)) for row in references], dtype=np.intp
    )
    row_scores = [memory.get(row) for row in number_of]
    new = {row: at for (row, at), score in zip(number_of.items(), row_scores, strict=True) if score is None}
    if new:
        rows = np.array([np.frombuffer(row, dtype=references.dtype) for row in new])
        scores = member_mean(model.member_log_odds(rows)).tolist()
        for at, score in zip(new.values(), scores, strict=True):
            row_scores[at] = score
        if len(memory) + len(new) > _MOST_REMEMBERED:
            # All at once: which rows are old is not worth keeping account of, they are predicted again in a
            # moment.
            memory.clear()
        memory.update(zip(new, scores, strict=True))
    return np.array(row_scores, dtype=np.float64)[number]


def known_of_columns(attribution: Attribution, values: Floats) -> Floats:
    """Give known values the columns of an attribution: a flag has no value to tell, so NaN.

    Parameters
    ----------
    attribution : Attribution
        Of these rows, or of others.
    values : array, shape (n, columns of the model or of the boosters)
        NaN = not known.

    Returns
    -------
    array, shape (n, booster columns)
    """
    flags = len(attribution.columns) - values.shape[1]
    return np.hstack([values, np.full((len(values), flags), np.nan)]) if flags else values
