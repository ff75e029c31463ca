"""Exact baseline Shapley values of a sum of trees, one reference row per explained row.

In a tree, a coalition of columns takes the row's values and the others those of the reference. Where both go the same
way in a node, so does every coalition; where they part, the leaf that is reached depends on whose side the column of
that node is on. A leaf reached by coalitions that hold the ``u`` columns U and miss the ``v`` columns V gives its value
times ``(u - 1)! v! / (u + v)!`` to each column of U and takes its value times ``u! (v - 1)! / (u + v)!`` from each of V:
the Shapley value of the game "all of U, none of V". Only leaves that some coalition reaches are visited.

Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
Intelligence 2, 2020 (independent tree SHAP); Shapley, "A value for n-person games", 1953. The package ``shap`` computes the
same with thresholds in single precision; the tests hold both, and the sum over all coalitions, against this one.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.kernels import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.explain.trees import Trees

    Floats = npt.NDArray[np.float64]
    Starts = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Nodes = tuple[npt.NDArray[np.int32], Floats, npt.NDArray[np.int32], npt.NDArray[np.int32]]

__all__ = ["shapley_values", "shapley_weights"]


def shapley_weights(most: int) -> Floats:
    """Share of a leaf's value for one column of U, ``(u - 1)! v! / (u + v)!``, at [u, v]; that of V is at [v, u].

    Examples
    --------
    >>> shapley_weights(2)[1:, :2]
    array([[1.        , 0.5       ],
           [0.5       , 0.16666667]])
    """
    weights = np.zeros((most + 1, most + 1))
    for held in range(1, most + 1):
        for missed in range(most + 1):
            weights[held, missed] = factorial(held - 1) * factorial(missed) / factorial(held + missed)
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
    found = np.zeros(rows.shape)
    nodes = (trees.feature, trees.threshold, trees.left, trees.right)
    weights = shapley_weights(trees.longest_path)
    _add_trees(rows, references, nodes, trees.first_node, trees.value, trees.first_leaf, weights, found)
    found /= trees.boosters
    return found


@compiled
def _add_trees(
    rows: Floats,
    references: Floats,
    nodes: Nodes,
    first_node: Starts,
    value: Floats,
    first_leaf: Starts,
    weights: Floats,
    found: Floats,
) -> None:
    """Add the contributions of every tree to ``found``, row by row and tree by tree."""
    most = weights.shape[0]
    # Where row and reference have parted, from the root down: the column, whether the coalition holds it (and so
    # follows the row), and the reference's side, which waits to be visited.
    column, held, waiting = np.empty(most, np.int64), np.empty(most, np.bool_), np.empty(most, np.int64)
    for row in range(rows.shape[0]):
        own, base, total = rows[row], references[row], found[row]
        for tree in range(first_node.size - 1):
            if first_node[tree] == first_node[tree + 1]:
                continue
            node, parted = 0, 0
            while True:
                leaf, parted = _descend(
                    node, parted, own, base, nodes, first_node[tree], column, held, waiting
                )
                _credit(value[first_leaf[tree] + leaf], parted, column, held, weights, total)
                parted = _other_side(parted, held)
                if parted == 0:
                    break
                node = int(waiting[parted - 1])


@compiled
def _descend(  # noqa: PLR0913, PLR0917 - a kernel takes plain arrays
    node: int,
    parted: int,
    row: Floats,
    reference: Floats,
    nodes: Nodes,
    first: int,
    column: Starts,
    held: Flags,
    waiting: Starts,
) -> tuple[int, int]:
    """Go down to a leaf, on the row's side of every new parting; give the leaf, and how many partings lead to it."""
    feature, threshold, left, right = nodes
    while node >= 0:
        at = first + node
        split = feature[at]
        goes_left = row[split] <= threshold[at]
        node = int(left[at] if goes_left else right[at])
        if goes_left != (reference[split] <= threshold[at]):
            known = 0
            while known < parted and column[known] != split:
                known += 1
            other = int(right[at] if goes_left else left[at])
            if known == parted:
                column[parted], held[parted], waiting[parted] = split, True, other
                parted += 1
            elif not held[known]:
                node = other
    return -1 - node, parted


@compiled
def _credit(value: float, parted: int, column: Starts, held: Flags, weights: Floats, found: Floats) -> None:
    """Share the value of a leaf among the columns that lead to it."""
    holds = 0
    for step in range(parted):
        holds += int(held[step])
    gain, loss = value * weights[holds, parted - holds], value * weights[parted - holds, holds]
    for step in range(parted):
        if held[step]:
            found[column[step]] += gain
        else:
            found[column[step]] -= loss


@compiled
def _other_side(parted: int, held: Flags) -> int:
    """Turn to the reference's side of the last parting that is still on the row's; 0 when none is left."""
    while parted > 0 and not held[parted - 1]:
        parted -= 1
    if parted > 0:
        held[parted - 1] = False
    return parted
