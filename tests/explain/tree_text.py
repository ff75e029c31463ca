"""Random small trees in LightGBM's text, and a slow walk through them that knows nothing of the package."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEVELS = 4
"""Values and thresholds are whole numbers under this, so that many values equal a threshold or the reference."""


class RandomTree:
    """A tree grown by splitting random leaves on random columns, again on the same column too.

    Parameters
    ----------
    rng : Generator
    columns, leaves : int
        At most so many of each.
    """

    def __init__(self, rng: np.random.Generator, columns: int, leaves: int) -> None:
        self.values = rng.normal(size=leaves)
        self.nodes: list[list[float]] = []  # column, threshold, left, right
        spots: list[tuple[int, int] | None] = [None]  # where the leaf of each position hangs
        for number in range(leaves - 1):
            leaf = int(rng.integers(len(spots)))
            if (spot := spots[leaf]) is not None:
                self.nodes[spot[0]][spot[1]] = number
            self.nodes.append(
                [int(rng.integers(columns)), float(rng.integers(LEVELS)), -1 - leaf, -1 - len(spots)]
            )
            spots[leaf] = (number, 2)
            spots.append((number, 3))

    def text(self) -> str:
        """Write the tree as LightGBM does."""
        column, threshold, left, right = zip(*self.nodes, strict=True) if self.nodes else ((), (), (), ())
        lines = {
            "num_leaves": [len(self.values)],
            "split_feature": column,
            "threshold": threshold,
            "decision_type": [2] * len(self.nodes),
            "left_child": left,
            "right_child": right,
            "leaf_value": [repr(float(value)) for value in self.values],
            "is_linear": [0],
        }
        return "\n".join(f"{key}={' '.join(map(str, cells))}" for key, cells in lines.items()) + "\n"

    def __call__(self, row: Floats) -> float:
        """Walk down to the leaf of a row."""
        node = 0 if self.nodes else -1
        while node >= 0:
            column, threshold, left, right = self.nodes[node]
            node = int(left if row[int(column)] <= threshold else right)
        return float(self.values[-1 - node])


def shapley_by_hand(trees: list[RandomTree], row: Floats, reference: Floats) -> Floats:
    """Average what each column adds over all coalitions, the others at their reference (Shapley 1953)."""
    count = row.size
    everyone = [frozenset(chosen) for size in range(count + 1) for chosen in combinations(range(count), size)]
    worth = {
        chosen: sum(tree(np.where(np.isin(np.arange(count), list(chosen)), row, reference)) for tree in trees)
        for chosen in everyone
    }
    share = np.zeros(count)
    for chosen in everyone:
        for column in set(range(count)) - chosen:
            weight = factorial(len(chosen)) * factorial(count - len(chosen) - 1) / factorial(count)
            share[column] += weight * (worth[chosen | {column}] - worth[chosen])
    return share
