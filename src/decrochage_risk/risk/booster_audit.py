"""What the text of a booster must mean before LightGBM sees it.

LightGBM trusts the text it reads: one child that points nowhere ends the process, one that points back never ends. So the
text is parsed here first, key by key and node by node, and only what is a bag of whole trees on the model's own columns goes on.

The grammar is that of ``Booster.model_to_string`` of LightGBM 4 for what :meth:`RiskModel.fit` trains: one binary task, numerical
splits without missing values, constant leaves. Anything else is refused, whether LightGBM would know it or not.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from decrochage_risk.risk.numeric_table import LARGEST_SAVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt


__all__ = ["LARGEST_TEXT", "Frame", "booster_faults", "without_parameters"]

LARGEST_TEXT: Final = 64_000_000
"""Characters of a booster: 10,000 trees of 15 leaves take 25 million."""
LARGEST_LEAF: Final = 1e4
"""Log-odds of a leaf: beyond 745 no double tells the probability from 0 or 1, and sums of as many trees stay finite."""
LARGEST: Final = 1e300
"""Of what is finite and read by nobody: gains, weights, means of nodes."""
LARGEST_COUNT: Final = 2**31 - 1
TOLD: Final = 5
"""Faults that are told of one booster; the others are counted."""

Kind: TypeAlias = type[int] | type[float]

_FIXED: Final = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "binary sigmoid:1",
}
_HEADER: Final = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "monotone_constraints",
    "feature_infos",
    "tree_sizes",
)
_NODES: Final[dict[str, Kind]] = {
    "split_feature": int,
    "split_gain": float,
    "threshold": float,
    "decision_type": int,
    "left_child": int,
    "right_child": int,
    "internal_value": float,
    "internal_weight": float,
    "internal_count": int,
}
"""Keys with one value per node, and the kind of their values."""
_LEAVES: Final[dict[str, Kind]] = {"leaf_value": float, "leaf_weight": float, "leaf_count": int}
_UNSET_IN_A_STUMP: Final = ("leaf_weight", "leaf_count")
"""Keys that LightGBM may leave empty in a tree of one leaf."""
_OF_A_TREE: Final = (
    *(
        "num_leaves",
        "num_cat",
        "split_feature",
        "split_gain",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
    ),
    *_LEAVES,
    *("internal_value", "internal_weight", "internal_count", "is_linear", "shrinkage"),
)
"""Keys of a tree, in the order in which LightGBM writes them."""
_DECISIONS: Final = frozenset({0, 2})
"""``decision_type``: bit 0 is categorical, bit 1 the default side, bits 2 and 3 how missing values are read. With 0 and 2 a
known number is compared with a threshold, as the reasons are computed."""

_WHOLE = r"-?\d{1,18}"
_REAL = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_ROWS: Final = {
    int: re.compile(rf"(?:{_WHOLE}(?: {_WHOLE})*)?"),
    float: re.compile(rf"(?:{_REAL}(?: {_REAL})*)?"),
}
"""Only what Python and LightGBM read as the same number: no sign before a plus, no hexadecimals, no NaN, no infinity."""
_SPAN = re.compile(rf"\[({_REAL}):({_REAL})\]")
_PARAMETERS = "\nparameters:\n"
_TAIL = re.compile(
    r"end of trees\n\nfeature_importances:\n(?P<importances>(?:Column_\d{1,6}=\d{1,10}\n)*)"
    r"\nparameters:\n(?:\[[a-z0-9_]{1,60}: [^\[\]\n]{0,200000}\]\n)*\nend of parameters\n\npandas_categorical:null\n"
)


@dataclass(frozen=True)
class Frame:
    """What the rest of the artefact says of its boosters.

    Attributes
    ----------
    directions : tuple of int
        -1, 0 or 1 for each column, in the order of the model's columns.
    leaves : int
        Leaves of a tree at most.
    trees : int
        Trees at most.
    """

    directions: tuple[int, ...]
    leaves: int
    trees: int


def without_parameters(text: str) -> str:
    r"""Leave out of a text what predicts nothing: importances and parameters of the training, which LightGBM would read too.

    Examples
    --------
    >>> without_parameters("Tree=0\n...\nend of trees\n\nfeature_importances:\n")
    'Tree=0\n...\nend of trees\n'
    """
    trees, mark, _ = text.partition("\nend of trees\n")
    return trees + mark


def booster_faults(text: str, frame: Frame) -> list[str]:
    r"""Say what is wrong with a booster's text; nothing when LightGBM may read it.

    Parameters
    ----------
    text : str
        As ``Booster.model_to_string`` writes it.
    frame : Frame
        What it must agree with.

    Returns
    -------
    list of str
        One phrase per fault, the first five and how many more.

    Examples
    --------
    >>> booster_faults("tree\nversion=v4\n", Frame((1, 0), leaves=8, trees=100))
    ['no header that an empty line ends']
    """
    # Before any regular expression: on a text without end it would run for ever.
    if len(text) > LARGEST_TEXT:
        return [f"{len(text)} characters, more than {LARGEST_TEXT}"]
    if not text.isascii():
        return ["characters other than ASCII"]
    faults = list(_faults(text, frame))
    more = len(faults) - TOLD
    return [*faults[:TOLD], f"{more} more"] if more > 0 else faults


def _faults(text: str, frame: Frame) -> Iterator[str]:
    head, gap, trees = text.partition("\n\n")
    if not gap:
        yield "no header that an empty line ends"
        return
    # Stage by stage: what a later check leans on was held by an earlier one.
    header, faults = _header(head)
    if not faults:
        faults = [*_header_faults(header, frame)]
    yield from faults
    if faults:
        return
    sizes = [int(size) for size in header["tree_sizes"].split()]
    if not 1 <= len(sizes) <= frame.trees:
        yield f"tree_sizes names {len(sizes)} trees, the model has 1 to {frame.trees}"
        return
    blocks: list[str] = []
    start = 0
    for number, size in enumerate(sizes):
        # By the sizes that the header names, as LightGBM cuts them: a tree hidden between two others is found
        # out.
        block = trees[start : start + max(size, 0)]
        start += max(size, 0)
        title = f"Tree={number}\n"
        if not (block.startswith(title) and block.endswith("\n\n\n")):
            yield f"tree {number} does not fill the {size} characters that tree_sizes gives it"
            return
        blocks.append(block[len(title) : -3])
    yield from _trees_faults(blocks, frame)
    yield from _tail_faults(trees[start:], len(frame.directions))


def _keyed(lines: Sequence[str], keys: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
    """Hold the keys of some lines against those that must be there, each once."""
    if [line.partition("=")[0] for line in lines] == list(keys) and all("=" in line for line in lines):
        return []
    counts = Counter(line.partition("=")[0] if "=" in line else line[:40] for line in lines)
    faults = [f"{key} is missing" for key in keys if key not in counts and key not in optional]
    faults += [f"{key!r} is not known" for key in counts if key not in keys]
    return [*faults, *(f"{key} comes {count} times" for key, count in counts.items() if count > 1)]


def _header(head: str) -> tuple[dict[str, str], list[str]]:
    first, *lines = head.split("\n")
    faults = [] if first == "tree" else [f"it begins with {first[:40]!r}, not 'tree'"]
    faults += _keyed(lines, _HEADER, optional=("monotone_constraints",))
    return dict(line.split("=", 1) for line in lines if "=" in line), faults


def _header_faults(header: dict[str, str], frame: Frame) -> Iterator[str]:
    width = len(frame.directions)
    lines = {
        **_FIXED,
        "max_feature_idx": str(width - 1),
        "feature_names": " ".join(f"Column_{at}" for at in range(width)),
        "monotone_constraints": " ".join(map(str, frame.directions)),
    }
    for key, value in lines.items():
        unset = key == "monotone_constraints" and key not in header and not any(frame.directions)
        if not unset and header.get(key) != value:
            yield f"{key} is {_short(header.get(key))}, the model says {_short(value)}"
    spans = header["feature_infos"].split(" ")
    if len(spans) != width or any(not _is_span(span) for span in spans):
        yield f"feature_infos holds no {width} ranges of finite numbers"
    if not _ROWS[int].fullmatch(header["tree_sizes"]):
        yield "tree_sizes holds no whole numbers"


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= 40 else f"{value[:37]}...")  # noqa: PLR2004  # of a message


def _is_span(text: str) -> bool:
    span = _SPAN.fullmatch(text)
    return text == "none" or (span is not None and -np.inf < float(span[1]) <= float(span[2]) < np.inf)


def _trees_faults(blocks: Sequence[str], frame: Frame) -> Iterator[str]:
    """Say what is wrong with the trees: first their keys, then how many values each has, then the values."""
    trees: list[dict[str, str]] = []
    faults: list[str] = []
    for number, block in enumerate(blocks):
        lines = block.split("\n")
        faults += [f"tree {number}: {fault}" for fault in _keyed(lines, _OF_A_TREE)]
        trees.append(dict(line.partition("=")[::2] for line in lines))
    if not faults:
        faults += _scalar_faults(trees, frame)
    yield from faults
    if not faults:
        leaves = np.array([int(tree["num_leaves"]) for tree in trees])
        yield from _array_faults(trees, leaves, frame.directions)


def _scalar_faults(trees: Sequence[dict[str, str]], frame: Frame) -> Iterator[str]:
    for number, tree in enumerate(trees):
        count = tree["num_leaves"]
        # Digits bounded first: int() of a million of them takes minutes.
        if not (re.fullmatch(r"\d{1,4}", count) and 1 <= int(count) <= frame.leaves):
            yield f"tree {number}: num_leaves is {_short(count)}, the model has 1 to {frame.leaves}"
        for key in ("num_cat", "is_linear"):
            if tree[key] != "0":
                yield (
                    f"tree {number}: {key} is {_short(tree[key])}, only numerical splits and constant leaves are known"
                )


def _array_faults(
    trees: Sequence[dict[str, str]], leaves: npt.NDArray[np.int64], directions: Sequence[int]
) -> Iterator[str]:
    """Hold the arrays of all trees against their lengths, kinds and bounds, one key after the other; then their shape and way."""
    values: dict[str, npt.NDArray[Any]] = {}
    bounds = _bounds(len(directions))
    for key, kind in {**_NODES, **_LEAVES, "shrinkage": float}.items():
        # Key by key over all trees: 2,000 trees are then some dozen arrays, not thousands of small loops.
        rows = [tree[key] for tree in trees]
        sizes = np.array([row.count(" ") + (row != "") for row in rows])
        lengths = leaves - 1 if key in _NODES else leaves if key in _LEAVES else np.ones_like(leaves)
        empty = (leaves == 1) & (sizes == 0) & (key in _UNSET_IN_A_STUMP)
        at = np.flatnonzero((sizes != lengths) & ~empty)
        if len(at):
            yield f"tree {at[0]}: {key} holds {sizes[at[0]]} values for {leaves[at[0]]} leaves"
            continue
        bad = next((number for number, row in enumerate(rows) if not _ROWS[kind].fullmatch(row)), None)
        if bad is not None:
            yield f"tree {bad}: {key} holds other things than {'whole numbers' if kind is int else 'numbers'}"
            continue
        cells = " ".join(rows).split()
        values[key] = array = np.fromiter(map(kind, cells), np.float64, len(cells))
        low, high = bounds.get(key, (-LARGEST, LARGEST))
        # Written as "not inside", so that NaN is outside too.
        outside = np.flatnonzero(~((array >= low) & (array <= high)))
        if len(outside):
            number = int(np.repeat(np.arange(len(trees)), sizes)[outside[0]])
            yield f"tree {number}: {key} has {array[outside[0]]:g}, expected {low:g} to {high:g}"
    whole = {*_NODES, *_LEAVES} <= set(values)
    splits = values.get("decision_type", np.zeros(0))
    if unknown := set(splits.astype(int).tolist()) - _DECISIONS:
        yield f"decision_type has {min(unknown)}, only 0 and 2 are known"
    if "left_child" in values and "right_child" in values:
        left, right = (values[f"{side}_child"].astype(np.int64) for side in ("left", "right"))
        faults = [*_shape_faults(left, right, leaves - 1)]
        yield from faults
        # Of trees that are none nobody can say which way they go.
        if whole and not faults:
            splits_at = values["split_feature"].astype(np.int64)
            if splits_at.size and (splits_at.min() < 0 or splits_at.max() >= len(directions)):
                return
            yield from _direction_faults(_Trees(values, left, right, leaves), np.array(directions))


def _bounds(columns: int) -> dict[str, tuple[float, float]]:
    return {
        "split_feature": (0, columns - 1),
        "threshold": (-LARGEST_SAVED, LARGEST_SAVED),
        "leaf_value": (-LARGEST_LEAF, LARGEST_LEAF),
        "leaf_weight": (0, LARGEST),
        "leaf_count": (0, LARGEST_COUNT),
        "internal_count": (0, LARGEST_COUNT),
        "internal_weight": (0, LARGEST),
    }


def _shape_faults(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64]
) -> Iterator[str]:
    """Hold the children against trees: LightGBM numbers a child after its parent, and reaches each part once."""
    tree = np.tile(np.repeat(np.arange(len(nodes)), nodes), 2)
    first = np.r_[0, np.cumsum(nodes)]
    parent = np.tile(np.arange(len(left)), 2) - first[tree]
    # Negative children are leaves: -1 is leaf 0, -2 leaf 1.
    child = np.r_[left, right]
    outside = np.flatnonzero((child >= nodes[tree]) | (child < -nodes[tree] - 1))
    if len(outside):
        at = outside[0]
        yield f"tree {tree[at]}: a child is {child[at]}, of {nodes[tree[at]]} nodes"
        return
    back = np.flatnonzero((child >= 0) & (child <= parent))
    if len(back):
        yield f"tree {tree[back[0]]}: node {parent[back[0]]} leads back to node {child[back[0]]}"
        return
    # Every tree has as many children as parts but its root: reached twice and not reached come together.
    place = np.where(child >= 0, child, nodes[tree] + (-1 - child)) + (2 * first[tree] + tree)
    parts, counts = np.unique(place, return_counts=True)
    if len(parts) < len(child):
        at = np.flatnonzero(place == parts[counts > 1][0])[0]
        yield f"tree {tree[at]}: {'node' if child[at] >= 0 else 'leaf'} {child[at]} is reached twice"


@dataclass(frozen=True, eq=False)
class _Trees:
    """All trees of a booster in one array per key, tree after tree; trees of the right shape.

    Attributes
    ----------
    values : mapping of str to array
        By the key of the text.
    left, right : array of int
        Children: a node of the same tree, or a leaf where negative (-1 is leaf 0).
    leaves : array of int
        Leaves of each tree.
    """

    values: dict[str, npt.NDArray[Any]]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.int64]

    def firsts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Place of the first node and of the first leaf of each tree."""
        return np.cumsum(self.leaves - 1) - (self.leaves - 1), np.cumsum(self.leaves) - self.leaves


def _direction_faults(trees: _Trees, directions: npt.NDArray[np.int64]) -> Iterator[str]:
    """Find a split on a directed column after which a leaf on its lower side and one on its higher lie the wrong way.

    A tree goes the way of a column when of any two leaves that differ in that column alone the higher one has the value that
    it should have. Leaves apart in another column too are never compared: what LightGBM trains goes so far and no further.
    """
    first_node, first_leaf = trees.firsts()
    ways = directions[trees.values["split_feature"].astype(np.int64)]
    leaf = trees.values["leaf_value"]
    tree = np.repeat(np.arange(len(trees.leaves)), trees.leaves - 1)
    low, high = np.empty((2, len(tree)))
    sides: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = [
        (np.empty(len(tree)), np.empty(len(tree))) for _ in range(2)
    ]
    place = np.arange(len(tree)) - first_node[tree]
    # A child has a larger number than its parent: from the last node of every tree up, each is whole when it is asked.
    for number in range(int(place.max(initial=-1)), -1, -1):
        at = np.flatnonzero(place == number)
        for child, (least, most) in zip((trees.left[at], trees.right[at]), sides, strict=True):
            is_leaf = child < 0
            leaf_at = first_leaf[tree[at]] + np.where(is_leaf, -1 - child, 0)
            node_at = first_node[tree[at]] + np.where(is_leaf, 0, child)
            least[at] = np.where(is_leaf, leaf[leaf_at], low[node_at])
            most[at] = np.where(is_leaf, leaf[leaf_at], high[node_at])
        low[at] = np.minimum(sides[0][0][at], sides[1][0][at])
        high[at] = np.maximum(sides[0][1][at], sides[1][1][at])
    (low_left, high_left), (low_right, high_right) = sides
    # Most splits are told by the extremes of both sides; of the others, the leaves are held against each other.
    doubtful = ((ways > 0) & (high_left > low_right)) | ((ways < 0) & (low_left < high_right))
    for node in np.flatnonzero(doubtful).tolist():
        if _goes_the_wrong_way(
            trees, node, int(first_node[tree[node]]), int(first_leaf[tree[node]]), int(ways[node])
        ):
            yield (
                f"tree {tree[node]}: node {place[node]} goes against the declared direction of column "
                f"{int(trees.values['split_feature'][node])}"
            )


Box: TypeAlias = dict[int, tuple[float, float]]


def _goes_the_wrong_way(trees: _Trees, node: int, first_node: int, first_leaf: int, way: int) -> bool:
    split = int(trees.values["split_feature"][node])
    lower, higher = (
        [*_boxes(trees, first_node, first_leaf, int(child[node]), {})] for child in (trees.left, trees.right)
    )
    return any(
        way * (value - other) > 0 and _differ_in_one(box, box_of_other, split)
        for value, box in lower
        for other, box_of_other in higher
    )


def _boxes(
    trees: _Trees, first_node: int, first_leaf: int, child: int, box: Box
) -> Iterator[tuple[float, Box]]:
    """Give the value of each leaf under a child, with the ranges in which the splits on the way put it."""
    if child < 0:
        yield float(trees.values["leaf_value"][first_leaf - 1 - child]), box
        return
    at = first_node + child
    column, cut = int(trees.values["split_feature"][at]), float(trees.values["threshold"][at])
    low, high = box.get(column, (-np.inf, np.inf))
    for side, span in ((trees.left, (low, min(high, cut))), (trees.right, (max(low, cut), high))):
        yield from _boxes(trees, first_node, first_leaf, int(side[at]), {**box, column: span})


def _differ_in_one(box: Box, other: Box, split: int) -> bool:
    """Tell whether two leaves share values of every column but one; an empty range shares none."""
    everywhere = (-np.inf, np.inf)
    for column in {*box, *other} - {split}:
        (low, high), (other_low, other_high) = box.get(column, everywhere), other.get(column, everywhere)
        if max(low, other_low) >= min(high, other_high):
            return False
    return all(low < high for low, high in (one.get(split, everywhere) for one in (box, other)))


def _tail_faults(tail: str, columns: int) -> Iterator[str]:
    """Say what is wrong after the trees; LightGBM is not given it, other readers may be."""
    match = _TAIL.fullmatch(tail)
    if match is None:
        yield "what follows the trees is not the importances and parameters as LightGBM writes them"
        return
    numbers = [int(number) for number in re.findall(r"Column_(\d+)=", match["importances"])]
    if len(set(numbers)) < len(numbers) or max(numbers, default=0) >= columns:
        yield f"feature_importances names a column twice, or none of the {columns}"
