"""The trees of a bag as flat arrays, read from the text in which LightGBM writes them.

Numbers in that text have 17 significant digits: thresholds and leaf values are those of LightGBM to the last bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Trees"]

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
        lengths = {feature.size, threshold.size, splits.size, *(found.size for found, _ in children.values())}
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
    lines: list[str] = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    cells = [line.split() for line in lines]
    sizes = np.array([len(found) for found in cells], dtype=np.int64)
    return np.array([cell for found in cells for cell in found], dtype=object).astype(kind), sizes


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
