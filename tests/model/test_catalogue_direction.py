from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.features import CATALOGUE, FEATURE_BY_NAME
from decrochage_risk.features.definition import AGAINST_CLASS

if TYPE_CHECKING:
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores

    Rows = tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]

pytestmark = pytest.mark.whole

LACKED = {
    "boarding_change_year", "first_wish_changed_year",
    *(feature.name for feature in CATALOGUE if feature.family is AGAINST_CLASS),
}  # fmt: skip
"""What nobody of the cohort has: no table of the class, no second wish, no change of boarding."""
DIRECTED = [feature for feature in CATALOGUE if feature.direction]
PRESENT = [feature.name for feature in CATALOGUE if feature.name not in LACKED]
PUPILS = 40


@pytest.fixture(scope="module")
def rows(small_scores: RiskScores, small_model: TrainedModel, as_of: date) -> Rows:
    """Give the values of scored pupils, spread over the cohort, in the model's columns, and their reference groups."""
    scored = np.flatnonzero(small_scores.frame["risk"].notna())
    chosen = scored[:: len(scored) // PUPILS]
    values = small_scores.features.iloc[chosen][list(small_model.risk_model.columns)].to_numpy()
    return values, small_model.reference_groups(small_scores.frame["level"].iloc[chosen], as_of)


def steps_of(model: TrainedModel, column: int) -> npt.NDArray[np.float64]:
    """List values on both sides of every threshold at which a tree of the model splits the column."""
    trees = [booster.trees_to_dataframe() for booster in model.risk_model.boosters]
    splits = np.concatenate(
        [tree.loc[tree["split_feature"] == f"Column_{column}", "threshold"] for tree in trees]
    )
    cuts = np.unique(splits.astype(float))
    middle = (cuts[1:] + cuts[:-1]) / 2
    return np.sort(np.concatenate([cuts, middle, [-1e6, 1e6]]))


def swept(model: TrainedModel, rows: Rows, name: str) -> npt.NDArray[np.float64]:
    """Return the risks, one line per step of the feature, one column per pupil."""
    values, groups = rows
    column = model.risk_model.columns.index(name)
    risks = []
    for step in steps_of(model, column):
        moved = values.copy()
        moved[:, column] = step
        risks.append(model.risk_model.risk(moved, groups))
    return np.array(risks)


def test_the_trees_read_most_directed_features(small_model: TrainedModel) -> None:
    """The law below is not empty: of the directed features, the trees split on three in five or more."""
    columns = small_model.risk_model.columns
    known = [feature.name for feature in DIRECTED if feature.name in columns]
    read = [name for name in known if steps_of(small_model, columns.index(name)).size > 2]
    assert len(read) >= 0.6 * len(known)
    assert len(known) >= 0.9 * len(DIRECTED)


def test_only_what_the_cohort_lacks_is_left_out(small_model: TrainedModel) -> None:
    """Features that the model does not have are those of tables and columns that the cohort does not hold."""
    assert {feature.name for feature in CATALOGUE} & set(small_model.risk_model.dropped) == LACKED


@pytest.mark.parametrize("name", [feature.name for feature in DIRECTED if feature.name in PRESENT])
def test_no_feature_of_the_catalogue_moves_the_risk_the_wrong_way(
    small_model: TrainedModel, rows: Rows, name: str
) -> None:
    """Over every split of the trees, a directed feature never moves the risk of any pupil against its direction."""
    direction = FEATURE_BY_NAME[name].direction
    assert (direction * np.diff(swept(small_model, rows, name), axis=0) >= 0).all()


@pytest.mark.parametrize("name", PRESENT)
def test_a_feature_that_is_not_known_scores_as_its_reference(
    small_model: TrainedModel, rows: Rows, name: str
) -> None:
    """Of any feature and pupil, a missing value and that of the reference who is not known there either: the same bits."""
    values, groups = rows
    model = small_model.risk_model
    column, missing = model.columns.index(name), values.copy()
    missing[:, column] = np.nan
    reference, same = model.reference_rows(missing, groups), model.filled(missing, groups)
    assert (reference[:, len(model.columns) :] == same[:, len(model.columns) :]).all()
    same[:, column] = reference[:, column]
    assert model.risk(missing, groups).tobytes() == model.risk(same, groups).tobytes()
