from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tree_text import RandomTree

from decrochage_risk.errors import ModelError
from decrochage_risk.explain.attribution import Trees, trees_of

if TYPE_CHECKING:
    from explained import Explained

    from decrochage_risk.model import TrainedModel

WHOLE = RandomTree(np.random.default_rng(0), 3, 5).text()


def walked(trees: Trees, row: np.ndarray, first_trees: set[int]) -> np.ndarray:
    """Walk down every tree, and add up its leaves in the order of the trees, from each booster's first tree on."""
    total: list[float] = []
    for tree in range(trees.first_leaf.size - 1):
        node = 0 if trees.first_node[tree + 1] > trees.first_node[tree] else -1
        while node >= 0:
            at = trees.first_node[tree] + node
            goes_left = row[trees.feature[at]] <= trees.threshold[at]
            node = trees.left[at] if goes_left else trees.right[at]
        if tree in first_trees:
            total.append(0.0)
        total[-1] += trees.value[trees.first_leaf[tree] - 1 - node]
    return np.array(total)


def test_the_trees_that_were_read_score_as_lightgbm(explained: Explained, small_model: TrainedModel) -> None:
    """For every booster, walking through the arrays gives LightGBM's raw score to the bit."""
    model = small_model.risk_model
    filled = explained.attribution.filled[::50]
    counts = [booster.num_trees() for booster in model.boosters]
    first_trees = {0, *np.cumsum(counts[:-1]).tolist()}
    found = np.array([walked(trees_of(model), row, first_trees) for row in filled])
    np.testing.assert_array_equal(found, model.member_log_odds(filled))


def test_a_tree_of_one_leaf_is_read() -> None:
    """A booster may hold trees without a split."""
    trees = Trees.read([RandomTree(np.random.default_rng(0), 3, 1).text() + WHOLE])
    assert trees.first_node.tolist() == [0, 0, 4]
    assert trees.first_leaf.tolist() == [0, 1, 6]


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("decision_type=2", "decision_type=1"),
        WHOLE.replace("decision_type=2", "decision_type=10"),
        WHOLE.replace("is_linear=0", "is_linear=1"),
        WHOLE[: WHOLE.index("leaf_value")],
        WHOLE.replace("left_child=", "left_child=0 "),
        WHOLE.replace("leaf_value=", "leaf_value=0.5 "),
    ],
    ids=["categorical", "missing apart", "linear", "cut off", "a child too many", "a leaf too many"],
)
def test_trees_that_cannot_be_explained_are_refused(text: str) -> None:
    """What the values would be wrong for is an error with a hint, never a wrong explanation."""
    assert text != WHOLE
    with pytest.raises(ModelError, match=r"(?s)cannot be explained.*Expected.*Hint"):
        Trees.read([text])
