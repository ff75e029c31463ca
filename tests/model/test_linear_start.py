"""Where boosting starts: steps of a regression that LightGBM reads as trees of its own."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.explain.attribution import Trees
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk import signed_logistic as linear_start
from decrochage_risk.risk.signed_logistic import (
    MOST_STEPS,
    StepTree,
    fit_signed_logistic,
    fit_start,
    start_log_odds,
    step_tree,
    with_start,
)

COLUMNS = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=60).map(np.array)


def risky_table(rows: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw two columns that move the risk and one that does not."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "absences": rng.poisson(3, rows),
            "mean_grade": rng.normal(11, 3, rows),
            "noise": rng.normal(size=rows),
        }
    )
    odds = 0.5 * table["absences"] - 0.3 * table["mean_grade"]
    return table, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)


def bag_of(share: float, seed: int = 0) -> tuple[RiskModel, pd.DataFrame, np.ndarray]:
    """Fit a small bag that starts from a share of the regression."""
    table, left = risky_table(seed=seed)
    options = FitOptions(linear_share=share, max_rounds=30)
    model = RiskModel.fit(table, left, directions={"absences": 1, "mean_grade": -1}, options=options)
    return model, table, left


@given(column=COLUMNS, slope=st.floats(-5, 5).filter(lambda slope: abs(slope) > 1e-3))
def test_steps_go_the_way_of_the_slope(column: np.ndarray, slope: float) -> None:
    """Never more than fifteen steps, each rising (or each falling), around 0 over the rows that they were made from."""
    tree = step_tree(0, column, slope)
    if tree is None:
        assert len(np.unique(column)) == 1
        return
    assert 2 <= len(tree.values) <= MOST_STEPS
    assert len(tree.cuts) == len(tree.values) - 1
    assert tree.counts.sum() == len(column)
    assert (np.diff(tree.values) * np.sign(slope) >= 0).all()
    size = np.abs(slope) * np.abs(column).max() + 1e-9
    assert abs(np.average(tree.of(column))) <= 1e-9 * size


def test_few_values_are_told_exactly() -> None:
    """With no more values than steps, each has its own step: the slope times the distance to the mean."""
    column = np.array([0.0, 1.0, 1.0, 2.0, 6.0])
    tree = step_tree(0, column, 0.3)
    assert tree is not None
    assert tree.of(column) == pytest.approx(0.3 * (column - 2.0), abs=1e-15)


def test_many_values_lose_little() -> None:
    """Fifteen steps keep 98.5 % of the variance of a bell-shaped column and of a skewed one."""
    rng = np.random.default_rng(3)
    for column in (rng.normal(11, 3, 5_000), rng.gamma(0.7, 3.0, 5_000)):
        tree = step_tree(0, column, 1.0)
        assert tree is not None
        assert np.var(tree.of(column) - column) <= 0.015 * np.var(column)


def test_beyond_the_training_the_last_step_holds() -> None:
    """A value that no training row had moves the risk no further than the last one that was there."""
    tree = step_tree(0, np.arange(100.0), 0.1)
    assert tree is not None
    assert tree.of(np.array([-1e9, 1e9])).tolist() == tree.of(np.array([0.0, 99.0])).tolist()


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_a_value_far_away_has_a_step_of_its_own(far: float) -> None:
    """One outlier on either side beside forty values: the steps keep its distance."""
    column = np.r_[np.arange(40.0), far]
    tree = step_tree(0, column, 1.0)
    assert tree is not None
    assert np.var(tree.of(column)) >= 0.999 * np.var(column)


def test_lightgbm_reads_the_steps_as_they_are() -> None:
    """What LightGBM predicts from the merged text is the sum of the steps and of the boosted trees."""
    table, left = risky_table()
    matrix = table.to_numpy(dtype=float)
    start = fit_start(matrix, left, np.array([1, -1, 0]), 0.5)
    level = start_log_odds(start, matrix)
    data = lightgbm.Dataset(matrix, label=left, init_score=level, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "binary", "num_leaves": 4, "verbosity": -1}, data, 5)
    merged = lightgbm.Booster(model_str=with_start(booster.model_to_string(), start))
    assert merged.num_trees() == 5 + len(start)
    assert level is not None
    assert (
        np.abs(merged.predict(matrix, raw_score=True) - level - booster.predict(matrix, raw_score=True)).max()
        < 1e-12
    )


def test_the_start_is_a_share_of_the_regression() -> None:
    """The steps sum to the share of the regression and the rest of the base log-odds, but for the width of the steps."""
    table, left = risky_table(4_000)
    matrix, ways = table.round(0).to_numpy(dtype=float), np.array([1, -1, 0])
    level, slopes = fit_signed_logistic(matrix, left, ways)
    base = np.log(left.mean() / (1 - left.mean()))
    for share in (0.3, 1.0):
        sought = share * (level + matrix @ slopes) + (1 - share) * base
        found = start_log_odds(fit_start(matrix, left, ways, share), matrix)
        assert found is not None
        assert np.sqrt(np.mean((found - sought) ** 2)) < 0.06 * share
    assert fit_start(matrix, left, ways, 0.0) == ()


def test_of_many_rows_the_regression_learns_from_every_third(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than twice as many rows as it may learn from, the others might as well not be there."""
    monkeypatch.setattr(linear_start, "MOST_ROWS", 250)
    table, left = risky_table(600)
    matrix, left, ways = table.to_numpy(dtype=float), np.asarray(left), np.array([1, -1, 0])
    third = np.arange(len(matrix)) % 3 == 0
    found = fit_start(matrix, left, ways, 0.5)
    expected = fit_start(matrix[third], left[third], ways, 0.5)
    assert [tree.text(0) for tree in found] == [tree.text(0) for tree in expected]
    assert found[0].counts.sum() == third.sum() == 200


def test_a_slope_against_its_direction_has_no_tree() -> None:
    """A column that the regression would use the wrong way is left to the others."""
    table, left = risky_table()
    start = fit_start(table.to_numpy(dtype=float), left, np.array([-1, -1, 0]), 1.0)
    assert 0 not in {tree.column for tree in start}


def test_a_bag_with_a_start_keeps_every_law_of_a_bag() -> None:
    """Monotone, the same bytes in any order of the rows, saved and read without a difference, at most fifteen leaves."""
    model, table, left = bag_of(0.4)
    shuffled = np.random.default_rng(5).permutation(len(table))
    again = RiskModel.fit(
        table.iloc[shuffled],
        left[shuffled],
        directions={"absences": 1, "mean_grade": -1},
        options=model.options,
    )
    assert again.to_files() == model.to_files()
    assert (RiskModel.from_files(model.to_files()).risk(table) == model.risk(table)).all()
    steps = pd.DataFrame({"absences": np.arange(0, 40.0), "mean_grade": 11.0, "noise": 0.0})
    assert (np.diff(model.risk(steps)) >= 0).all()
    missing = pd.DataFrame({"absences": [np.nan], "mean_grade": [np.nan], "noise": [np.nan]})
    assert model.risk(missing) == model.risk(model.reference_rows(missing))
    trees = Trees.read(model.members.texts)
    assert np.diff(trees.first_leaf).max() <= MOST_STEPS


def test_without_a_share_nothing_changes() -> None:
    """A share of 0 gives boosters without a start; one that is given makes another model."""
    plain, table, _ = bag_of(0.0)
    started, *_ = bag_of(0.4)
    assert all(booster.num_trees() == plain.rounds for booster in plain.boosters)
    assert all(booster.num_trees() > started.rounds for booster in started.boosters)
    assert (plain.risk(table) != started.risk(table)).any()


def test_a_step_tree_shows_what_it_holds() -> None:
    """Each node of the text holds the mean of the steps below it, weighted by their rows."""
    tree = StepTree(2, np.array([1.0, 2.0]), np.array([0.0, 1.0, 3.0]), np.array([2, 1, 1]))
    lines = dict(line.partition("=")[::2] for line in tree.text(7).splitlines())
    assert lines["Tree"] == "7"
    assert lines["split_feature"] == "2 2"
    assert lines["internal_count"] == "4 3"
    assert [float(value) for value in lines["internal_value"].split()] == pytest.approx([1.0, 1 / 3])
