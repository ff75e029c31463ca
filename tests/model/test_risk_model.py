from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.risk import FitOptions, RiskModel, fit_spread_factor

if TYPE_CHECKING:
    from conftest import Table

QUICK = FitOptions(max_rounds=30, min_rounds=5, patience=10)


def test_no_step_of_a_sweep_moves_the_risk_the_wrong_way(model: RiskModel, table: Table) -> None:
    """More absences never lower the risk, better marks never raise it, whatever the rest of the row."""
    rows = table.features.head(60)
    for column, sign, steps in (
        ("absences", 1, np.arange(-1, 25, 0.5)),
        ("mean_grade", -1, np.arange(0, 20.5, 0.5)),
    ):
        risks = np.array([model.risk(rows.assign(**{column: step})) for step in steps])
        assert (sign * np.diff(risks, axis=0) >= 0).all()
        assert np.ptp(risks, axis=0).max() > 0.1  # the sweep does move the risk


@pytest.mark.parametrize("label", ["pro", "gt", "other", None])
def test_not_known_scores_exactly_as_the_reference_who_is_not_known_either(
    model: RiskModel, table: Table, label: str | None
) -> None:
    """A column that is not known, and the value there of the reference who is not known there either: the same bits."""
    rows = table.features.head(50)
    labels = None if label is None else [label] * 50
    flags = slice(len(model.columns), None)
    for position, column in enumerate(model.columns):
        missing = rows.assign(**{column: np.nan})
        reference, replaced = model.reference_rows(missing, labels), model.filled(missing, labels)
        assert (reference[:, flags] == replaced[:, flags]).all()
        replaced[:, position] = reference[:, position]
        assert model.log_odds(missing, labels).tobytes() == model.log_odds(replaced, labels).tobytes()


def test_twice_the_same_training_gives_the_same_bytes(model: RiskModel, table: Table) -> None:
    """Every file of two trainings from the same rows is equal."""
    assert table.fit().to_files() == model.to_files()


def test_the_order_of_rows_and_labels_of_the_index_change_no_byte(model: RiskModel, table: Table) -> None:
    """A shuffled table gives the same files, and its held-out predictions lead back to the same rows."""
    order = np.random.default_rng(5).permutation(len(table.outcome))
    shuffled = table.fit(order)
    assert shuffled.to_files() == model.to_files()
    assert shuffled.out_of_time is not None
    assert model.out_of_time is not None
    np.testing.assert_array_equal(order[shuffled.out_of_time.rows], model.out_of_time.rows)


def test_without_pupils_the_order_of_rows_changes_no_byte(table: Table) -> None:
    """Also where every row stands for itself, and some rows are the same."""
    rows = np.tile(np.arange(150), 2)
    order = np.random.default_rng(6).permutation(300)
    one, other = table.fit(rows, time=None, groups=None), table.fit(rows[order], time=None, groups=None)
    assert one.to_files() == other.to_files()


def test_another_seed_is_another_model(model: RiskModel, table: Table) -> None:
    """The seed decides on folds and columns."""
    assert table.fit(seed=1).to_files() != model.to_files()


def test_a_row_alone_has_the_bits_of_a_row_in_a_batch(model: RiskModel, table: Table) -> None:
    """Risk, interval and reference of a pupil do not depend on who else is scored, as a frame or as numbers."""
    frame, labels = table.features.head(80), table.labels[:80]
    risk, (low, high) = model.risk(frame, labels), model.interval(frame, reference_groups=labels)
    reference = model.reference_rows(frame, labels)
    numbers = frame[list(model.columns)].to_numpy(dtype=np.float64)
    for row in range(80):
        one, label = frame.iloc[[row]], labels[row : row + 1]
        assert model.risk(one, label)[0] == risk[row]
        assert model.risk(numbers[row : row + 1], label)[0] == risk[row]
        assert model.interval(one, reference_groups=label) == (low[row], high[row])
        assert model.reference_rows(one, label).tolist() == [reference[row].tolist()]


@settings(max_examples=15)
@given(st.permutations(["absences", "mean_grade", "level", "noise", "flag", "further"]))
def test_columns_come_in_any_order_and_further_ones_are_ignored(
    model: RiskModel, table: Table, names: list[str]
) -> None:
    """Only the names count."""
    rows = table.features.head(20).assign(further="text")
    assert model.risk(rows[names]).tobytes() == model.risk(table.features.head(20)).tobytes()


def test_a_saved_model_scores_with_a_difference_of_zero(model: RiskModel, table: Table) -> None:
    """Risk, interval, reference rows, comparable pupils and the files themselves are the same after a round trip."""
    scaled = model.with_spread_factor(2.5)
    again = RiskModel.from_files(scaled.to_files())
    frame, labels = table.features, table.labels
    assert again.risk(frame, labels).tobytes() == model.risk(frame, labels).tobytes()
    np.testing.assert_array_equal(again.interval(frame), scaled.interval(frame))
    np.testing.assert_array_equal(again.reference_rows(frame, labels), model.reference_rows(frame, labels))
    pd.testing.assert_frame_equal(again.comparable.lookup([0.1, 0.9]), model.comparable.lookup([0.1, 0.9]))
    assert again.to_files() == scaled.to_files()
    assert again.directions == model.directions
    assert (again.rounds, again.seed, again.rows, again.base_rate) == (
        model.rounds,
        0,
        900,
        table.outcome.mean(),
    )


def test_the_risk_is_the_mean_of_the_members_calibrated(model: RiskModel, table: Table) -> None:
    """Recomputed from LightGBM's own raw scores."""
    filled = model.filled(table.features, table.labels)
    raw = np.mean([booster.predict(filled, raw_score=True) for booster in model.boosters], axis=0)
    log_odds = model.calibration.intercept + model.calibration.slope * raw
    np.testing.assert_allclose(model.log_odds(table.features, table.labels), log_odds, atol=1e-12)
    np.testing.assert_allclose(
        model.risk(table.features, table.labels), 1 / (1 + np.exp(-log_odds)), atol=1e-12
    )


def test_the_truth_is_found(model: RiskModel, table: Table) -> None:
    """Held out, the model ranks nearly as well as the truth itself, and its mean risk is the base rate, but for chance.

    Two standard errors of the share of 678 rows are 0.033.
    """
    held = model.out_of_time
    assert held is not None
    assert model.calibrated_on == "out-of-time"
    best = roc_auc_score(held.outcome, table.truth[held.rows])
    assert roc_auc_score(held.outcome, held.log_odds) > best - 0.08
    risk = 1 / (1 + np.exp(-model.calibration.apply(held.log_odds)))
    assert risk.mean() == pytest.approx(held.outcome.mean(), abs=0.033)


def test_shuffled_outcomes_teach_nothing(table: Table) -> None:
    """Out-of-fold AUC is a half, and the mean risk still is the base rate."""
    rng = np.random.default_rng(1)
    outcome = rng.permutation(table.outcome)
    model = RiskModel.fit(table.features, outcome, directions={}, groups=table.groups, options=QUICK)
    held = model.out_of_fold
    assert held is not None
    positives = outcome.sum()
    error = np.sqrt(
        (len(outcome) + 1) / (12 * positives * (len(outcome) - positives))
    )  # of an AUC under chance
    assert roc_auc_score(held.outcome, held.log_odds) == pytest.approx(0.5, abs=4 * error)
    assert model.risk(table.features).mean() == pytest.approx(outcome.mean(), abs=0.03)


@pytest.mark.whole
@pytest.mark.parametrize("periods", [None, 1, 2])
def test_with_few_periods_the_calibration_is_out_of_fold(table: Table, periods: int | None) -> None:
    """The model says on what it was calibrated."""
    model = table.fit(time=None if periods is None else table.time % periods)
    assert model.calibrated_on == "out-of-fold pupils"
    assert model.out_of_time is None
    if periods is None:
        assert model.comparable.rows.sum() == len(pd.unique(table.groups))


def test_constant_and_empty_columns_do_no_harm(table: Table) -> None:
    """A constant is kept, a column never known is dropped, and neither changes a risk."""
    model = RiskModel.fit(
        table.features.assign(constant=4.0, never=np.nan),
        table.outcome,
        directions={"constant": 1},
        options=QUICK,
    )
    assert model.dropped == ("never",)
    rows = table.features.head(30)
    assert (
        model.risk(rows.assign(constant=4.0)).tobytes()
        == model.risk(rows.assign(constant=-9.0, never=1.0)).tobytes()
    )


def test_a_table_of_395_rows_and_30_columns_is_enough() -> None:
    """The size of the smallest public table; signal is found, and the interval widens with the level."""
    rng = np.random.default_rng(3)
    features = pd.DataFrame(rng.normal(size=(395, 30)), columns=[f"c{number}" for number in range(30)])
    outcome = rng.random(395) < 1 / (1 + np.exp(1 - 2 * features["c0"] + features["c1"]))
    model = RiskModel.fit(features, outcome, directions={"c0": 1, "c1": -1}, options=QUICK)
    assert model.out_of_fold is not None
    assert roc_auc_score(model.out_of_fold.outcome, model.out_of_fold.log_odds) > 0.75
    (low, high), (lower, higher) = model.interval(features, 0.5), model.interval(features, 0.9)
    assert ((lower < low) & (high < higher)).all()


def test_the_spread_factor_is_fitted_where_the_truth_is_known(fold_model: RiskModel, table: Table) -> None:
    """With it the intervals hold the true risk at their level."""
    members = fold_model.calibration.apply(
        fold_model.member_log_odds(fold_model.filled(table.features, table.labels))
    )
    fitted = fold_model.with_spread_factor(fit_spread_factor(members, table.truth) * (1 + 1e-9))
    low, high = fitted.interval(table.features, reference_groups=table.labels)
    truth = 1 / (1 + np.exp(-table.truth))
    assert np.mean((low <= truth) & (truth <= high)) >= 0.9


def test_missing_columns_are_refused_when_predicting(model: RiskModel, table: Table) -> None:
    """With the names, and what came instead."""
    with pytest.raises(ColumnsError, match="1 of 5 columns are missing: absences") as error:
        model.risk(table.features.rename(columns={"absences": "absence"}))
    assert "not used: absence" in str(error.value)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e16])
def test_infinite_values_are_refused_when_predicting(model: RiskModel, table: Table, value: float) -> None:
    """Never a risk from a number that cannot be."""
    with pytest.raises(ColumnsError, match="'noise' \\(3 rows"):
        model.risk(table.features.head(3).assign(noise=value))


def test_nobody_in_nobody_out(model: RiskModel, table: Table) -> None:
    """An empty table of the right columns gives an empty array."""
    assert model.risk(table.features.head(0)).shape == (0,)


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, True, "0"])
def test_a_seed_that_is_none_is_refused(table: Table, seed: object) -> None:
    """A seed is a whole number from 0."""
    with pytest.raises(ModelError, match="seed=") as error:
        table.fit(seed=seed)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_a_spread_factor_that_is_none_is_refused(model: RiskModel, factor: float) -> None:
    """An interval has a width."""
    with pytest.raises(ModelError, match="spread factor") as error:
        model.with_spread_factor(factor)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("name", ["booster-0.txt", "booster-3.txt", "calibration.json", "references.json"])
def test_a_missing_file_is_named(model: RiskModel, name: str) -> None:
    """No model is built from a part of its files."""
    files = model.to_files()
    del files[name]
    with pytest.raises(ModelError, match=f"missing: {name}") as error:
        RiskModel.from_files(files)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"references": {"columns": 3}}'])
@pytest.mark.parametrize("name", ["calibration.json", "references.json"])
def test_a_file_that_holds_something_else_is_refused(model: RiskModel, name: str, text: str) -> None:
    """Truncated or foreign JSON raises our error."""
    with pytest.raises(ModelError, match=f"{name} holds what no training gives") as error:
        RiskModel.from_files(model.to_files() | {name: text})
    assert "Hint" in str(error.value)


def test_an_edited_slope_is_refused(model: RiskModel) -> None:
    """A calibration that would turn risks over is not loaded."""
    files = model.to_files()
    edited = json.loads(files["calibration.json"])
    edited["calibration"]["slope"] = -1.0
    with pytest.raises(ModelError, match=r"calibration\.slope: .* \(-1\.0 came\)"):
        RiskModel.from_files(files | {"calibration.json": json.dumps(edited)})
