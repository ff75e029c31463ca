from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_text import LEVELS, RandomTree, shapley_by_hand

from decrochage_risk.explain.attribution import Trees, shapley_values, shapley_weights, trees_of

if TYPE_CHECKING:
    from explained import Explained

    from decrochage_risk.model import TrainedModel

COLUMNS = 4


def drawn(seed: int, trees: int, leaves: int) -> tuple[list[RandomTree], np.ndarray, np.ndarray]:
    """Draw trees, five rows and their references."""
    rng = np.random.default_rng(seed)
    grown = [RandomTree(rng, COLUMNS, leaves) for _ in range(trees)]
    rows, references = rng.integers(LEVELS + 1, size=(2, 5, COLUMNS)).astype(float)
    return grown, rows, references


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), trees=st.integers(1, 3), leaves=st.integers(1, 9))
def test_values_are_those_of_all_coalitions(seed: int, trees: int, leaves: int) -> None:
    """On random trees, columns split again and ties included, each value is the average over all 16 coalitions."""
    grown, rows, references = drawn(seed, trees, leaves)
    found = shapley_values(Trees.read(["".join(tree.text() for tree in grown)]), rows, references)
    expected = [shapley_by_hand(grown, row, base) for row, base in zip(rows, references, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_add_up_and_give_no_credit_to_what_equals_the_reference(seed: int) -> None:
    """The values of a row add up to its score minus the reference's; a column as the reference has exactly 0."""
    grown, rows, references = drawn(seed, 5, 12)
    found = shapley_values(Trees.read(["".join(tree.text() for tree in grown)]), rows, references)
    gap = [sum(t(row) - t(base) for t in grown) for row, base in zip(rows, references, strict=True)]
    np.testing.assert_allclose(found.sum(axis=1), gap, rtol=0, atol=1e-12)
    assert not found[rows == references].any()


def test_the_bag_is_the_mean_of_its_boosters() -> None:
    """Two boosters give the mean of what each gives alone."""
    grown, rows, references = drawn(3, 2, 8)
    texts = [tree.text() for tree in grown]
    alone = [shapley_values(Trees.read([text]), rows, references) for text in texts]
    np.testing.assert_allclose(
        shapley_values(Trees.read(texts), rows, references), np.mean(alone, axis=0), rtol=0, atol=1e-15
    )
    assert np.abs(alone[0] - alone[1]).max() > 0.01


def test_a_row_alone_is_as_in_the_batch(explained: Explained, small_model: TrainedModel) -> None:
    """Pupils of the small cohort, alone and together, have the same values to the bit."""
    trees = trees_of(small_model.risk_model)
    filled, references = explained.attribution.filled, explained.attribution.references
    for row in range(0, len(filled), 97):
        alone = shapley_values(trees, filled[row : row + 1], references[row : row + 1])
        np.testing.assert_array_equal(alone[0], explained.attribution.raw[row])


def test_values_are_those_of_shap(explained: Explained, small_model: TrainedModel) -> None:
    """The package shap, with the reference pupil as its one background row, gives the same to 1e-6.

    It holds thresholds and sums in single precision; nothing tighter can be asked of it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        from shap import TreeExplainer  # noqa: PLC0415 - seconds, for this test alone
    attribution = explained.attribution
    rows = np.arange(0, len(attribution.raw), 211)
    for row in rows:
        background = attribution.references[row][None]
        by_shap = [
            TreeExplainer(
                booster, data=background, feature_perturbation="interventional", model_output="raw"
            ).shap_values(attribution.filled[row][None], check_additivity=False)[0]
            for booster in small_model.risk_model.boosters
        ]
        np.testing.assert_allclose(attribution.raw[row], np.mean(by_shap, axis=0), rtol=0, atol=1e-6)
    assert np.abs(attribution.raw[rows]).max() > 0.1


@pytest.mark.parametrize("size", [1, 3, 9])
def test_the_weights_of_a_coalition_share_one(size: int) -> None:
    """Over the ways in which ``size`` columns can be held or missed in turn, one column's weights sum to 1."""
    weights = shapley_weights(size)
    others = size - 1
    ways = [np.prod([(others - k) / (k + 1) for k in range(held)]) for held in range(size)]
    assert sum(way * weights[held + 1, others - held] for held, way in enumerate(ways)) == pytest.approx(1.0)
