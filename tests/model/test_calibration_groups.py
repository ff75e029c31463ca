"""Laws of a calibration that differs by group: better where the groups differ, and in all else a calibration like any other."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.evaluate import calibration_slope_intercept
from decrochage_risk.explain.attribution import attribute
from decrochage_risk.model import TrainedModel, load_trained_model, previous_model, take_snapshots
from decrochage_risk.model.updating import recalibrate
from decrochage_risk.risk import Calibration, FitOptions, GroupCalibration, RiskModel
from decrochage_risk.risk.calibration import choose_group_rungs, group_codes, probability, row_calibration
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {"first": ("level_a",), "second": ("level_b",)}
ROWS = 6_000


@dataclass(frozen=True)
class Levels:
    """A table in which one column weighs more at one level than at another, which a regression without products cannot learn."""

    features: pd.DataFrame
    outcome: npt.NDArray[np.float64]

    def fit(self, **changes: Any) -> RiskModel:  # any argument of fit
        """Fit a regression: its slopes are the same at every level."""
        arguments: dict[str, Any] = {
            "directions": {"absences": 1},
            "context": ["level_a", "level_b"],
            "options": FitOptions(kind="logistic", members=2, penalty=1.0),
        } | changes
        return RiskModel.fit(self.features, self.outcome, **arguments)


def make_levels(seed: int, weights: tuple[float, float, float] = (1.6, 0.5, 1.0)) -> Levels:
    """Draw three levels, and the weight of the absences at each."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 3, ROWS)
    absences = rng.normal(size=ROWS).round(2)
    features = pd.DataFrame(
        {"absences": absences, "marks": rng.normal(size=ROWS), "level_a": level == 0, "level_b": level == 1}
    ).astype(float)
    truth = -1.0 + np.array(weights)[level] * absences
    return Levels(features, (rng.random(ROWS) < probability(truth)).astype(float))


@pytest.fixture(scope="module")
def levels() -> Levels:
    """Draw the table once."""
    return make_levels(3)


@pytest.fixture(scope="module")
def model(levels: Levels) -> RiskModel:
    """Fit with groups, once."""
    return levels.fit(calibration_groups=GROUPS)


def test_a_group_that_differs_has_its_own_slope_and_is_calibrated_on_other_rows(model: RiskModel) -> None:
    """On rows of another draw the slope within each level is near 1, where the common calibration is far from it."""
    other = make_levels(4)
    assert [group.name for group in model.group_calibrations] == ["first", "second"]
    for column in ("level_a", "level_b"):
        own = (other.features[column] == 1).to_numpy()
        slopes = [
            calibration_slope_intercept(other.outcome[own], odds[own]).slope
            for odds in (
                model.log_odds(other.features),
                model.calibration.apply(model.raw_log_odds(other.features)),
            )
        ]
        assert abs(slopes[0] - 1) < 0.15 < abs(slopes[1] - 1)  # type: ignore[operator]  # both outcomes are there


def test_groups_that_do_not_differ_keep_the_common_calibration() -> None:
    """With the same weight at every level the model is, to the last byte, the one that was asked for no groups."""
    same = make_levels(5, (1.0, 1.0, 1.0))
    assert same.fit(calibration_groups=GROUPS).to_files() == same.fit().to_files()


def test_a_group_of_few_leavers_keeps_the_common_calibration() -> None:
    """Under fifty pupils of an outcome nothing is fitted for a group, however far it seems to lie."""
    rng = np.random.default_rng(0)
    announced = rng.normal(-2, 1, 400)
    happened = (np.arange(400) < 40).astype(float)
    rungs = choose_group_rungs(
        announced, happened, np.zeros(400), np.ones(400, dtype=np.int64), groups=np.arange(400)
    )
    assert rungs == {}


def test_reasons_add_up_to_the_calibrated_log_odds_of_each_group(model: RiskModel, levels: Levels) -> None:
    """Base and contributions are the log-odds of every row, and what equals the reference contributes exactly nothing."""
    rows = levels.features.head(200)
    filled, references = model.filled(rows), model.reference_rows(rows)
    explanation = attribute(model, filled, references)
    total = explanation.base + explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(total, model.log_odds(rows), atol=1e-9)
    assert (explanation.contributions[filled == references] == 0).all()
    assert np.isfinite(explanation.contributions).all()


@settings(max_examples=25, deadline=None)
@given(absences=st.floats(-3, 3), more=st.floats(0, 3), level=st.integers(0, 2))
def test_more_absences_never_lower_the_risk_in_any_group(
    model: RiskModel, absences: float, more: float, level: int
) -> None:
    """The group is read in the context, so a column with a direction moves along one map, whose slope is positive."""
    row = {"marks": 0.0, "level_a": float(level == 0), "level_b": float(level == 1)}
    low, high = model.risk(
        pd.DataFrame([{"absences": absences, **row}, {"absences": absences + more, **row}])
    )
    assert low <= high


def test_not_known_scores_as_the_reference_in_every_group(model: RiskModel, levels: Levels) -> None:
    """A missing value and that of the reference give the same bits, whatever the calibration of the row."""
    rows = levels.features.head(60)
    missing = rows.assign(marks=np.nan)
    reference = pd.DataFrame(model.reference_rows(missing)[:, : len(model.columns)], columns=model.columns)
    replaced = missing.assign(marks=reference["marks"].to_numpy())
    assert model.log_odds(missing).tobytes() == model.log_odds(replaced).tobytes()


def test_a_row_alone_and_in_a_batch_has_the_same_bits(model: RiskModel, levels: Levels) -> None:
    """The calibration of a row depends on no other row; the interval holds the risk."""
    rows = levels.features.head(30)
    alone = np.concatenate([model.risk(rows.iloc[[at]]) for at in range(len(rows))])
    assert alone.tobytes() == model.risk(rows).tobytes()
    filled = model.filled(rows)
    risk, low, high = model.risk_and_interval(filled, model.member_log_odds(filled))
    assert risk.tobytes() == model.risk(rows).tobytes()
    assert ((low <= risk) & (risk <= high)).all()


def test_saved_and_read_back_it_scores_the_same(model: RiskModel, levels: Levels) -> None:
    """The files hold the calibration of each group, exactly, and are the same bytes when written again."""
    files = model.to_files()
    again = RiskModel.from_files(files)
    assert again.group_calibrations == model.group_calibrations
    assert again.to_files() == files
    assert again.risk(levels.features).tobytes() == model.risk(levels.features).tobytes()


def test_held_out_predictions_are_calibrated_by_their_group(model: RiskModel, levels: Levels) -> None:
    """Each held-out row has the map of the group that its row of the table is of."""
    held = model.out_of_fold
    assert held is not None
    codes = group_codes(
        levels.features.to_numpy()[held.rows],
        list(levels.features),
        [group.columns for group in model.group_calibrations],
    )
    maps = row_calibration(
        model.calibration, [group.calibration for group in model.group_calibrations], codes
    )
    np.testing.assert_array_equal(model.held_out_log_odds(held), maps.apply(held.log_odds))


def test_moving_the_intercept_moves_every_group_alike(model: RiskModel, levels: Levels) -> None:
    """One shift in log-odds for every row: neither an order within a group nor a slope changes."""
    moved = model.with_intercepts_moved(0.3)
    gap = moved.log_odds(levels.features) - model.log_odds(levels.features)
    np.testing.assert_allclose(gap, 0.3, atol=1e-12)
    slopes = [[group.calibration.slope for group in one.group_calibrations] for one in (model, moved)]
    assert slopes[0] == slopes[1]


def test_a_group_by_a_column_outside_the_context_is_refused(levels: Levels) -> None:
    """A column with reasons of its own cannot choose the calibration, at training or in a file."""
    with pytest.raises(ModelError, match="calibration_groups names 'absences'"):
        levels.fit(calibration_groups={"own": ("absences",)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ["absences"]}, "no column of the context"),
        ({"calibration": {"kind": "platt", "intercept": 0.0, "slope": -1.0}}, "greater than 0"),
        ({"calibration": {"kind": "intercept", "intercept": 0.0, "slope": 2.0}}, "slope 2 of kind intercept"),
        ({"name": "second"}, "names a group twice"),
        ({"columns": []}, "at least 1 item"),
    ],
)
def test_a_file_with_a_group_that_no_training_gives_is_refused(
    model: RiskModel, change: dict[str, Any], message: str
) -> None:
    """Columns outside the context, slopes that reverse the order, kinds that contradict, names twice: each is told."""
    files = model.to_files()
    calibration = json.loads(files["calibration.json"])
    calibration["calibration_groups"][0] |= change
    with pytest.raises(ModelError, match=message):
        RiskModel.from_files(files | {"calibration.json": json.dumps(calibration)})


def test_an_update_between_two_trainings_moves_groups_and_can_be_undone(tmp_path: Path) -> None:
    """The intercept of every group moves by the shift on record; saved, read back and undone, the model is the one before."""
    cohort = make_cohort(1_400, [2023, 2024], seed=8, regimes=["prior_shift"])
    rows = take_snapshots(cohort.records, cohort.outcomes, ["2024-03-05"])
    risk_model = fit_risk_model(rows, seed=0, options=FitOptions(kind="logistic", members=2, penalty=100.0))
    own = GroupCalibration("2de pro", ("level_2de_pro",), Calibration("platt", 0.1, 1.2))
    before = TrainedModel(
        risk_model=replace(risk_model, group_calibrations=(own,)),
        name="essai",
        demo=True,
        levels=tuple(sorted(set(rows.rows["level"]))),
        trained_on={"school_years": [2023], "as_of": ["2024-03-05"], "outcome_closes": [11, 1]},
        report={},
        card="# Fiche\n",
    )
    moved = recalibrate(
        before,
        cohort.records,
        cohort.outcomes,
        as_of_dates=["2025-03-05"],
        labels_known_on="2025-11-01",
        reason="niveau de 2024-2025",
    )
    shift = moved.updates[0]["shift"]
    (group,) = moved.risk_model.group_calibrations
    assert group.calibration == Calibration("platt", 0.1 + shift, 1.2)
    moved.save(tmp_path / "modele")
    assert previous_model(load_trained_model(tmp_path / "modele")).sha256 == before.sha256
