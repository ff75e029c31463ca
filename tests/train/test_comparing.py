"""Laws of a comparison of two models on records: the same rows, an untouched year, mature labels, and a fair verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import ModelError, NotEnoughDataError
from decrochage_risk.features import build_features
from decrochage_risk.model import Snapshots, TrainedModel, recalibrate, take_snapshots
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.calibration import Calibration
from decrochage_risk.risk.numeric_table import numeric_matrix
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import compare_models
from decrochage_risk.train.backtest import fit_risk_model
from decrochage_risk.train.evaluating import learnt_later

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.evaluate import ModelComparison
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole

DAYS = ["2024-11-05", "2025-03-05"]
MARK = "mean_grade_year"


@dataclass(frozen=True, eq=False)
class UnfairModel(RiskModel):
    """A model that lowers the risk of one half of the pupils, told apart by a mark."""

    def member_log_odds(self, filled: np.ndarray) -> np.ndarray:
        """Take 1.6 off the log-odds of those whose mark is an even number of tenths."""
        half = filled[:, self.columns.index(MARK)] * 10 % 2 < 1
        return super().member_log_odds(filled) - 1.6 * half[:, None]


@pytest.fixture(scope="module")
def two_years() -> Cohort:
    """Draw two years from the 3e on, the second to be compared on."""
    return make_cohort(3_600, [2023, 2024], seed=13, youngest="3e")


@pytest.fixture(scope="module")
def good(two_years: Cohort) -> TrainedModel:
    """Fit on the first year."""
    rows = take_snapshots(
        two_years.records, two_years.outcomes, ["2023-11-06", "2024-01-08", "2024-03-05", "2024-05-06"]
    )
    return TrainedModel(
        risk_model=fit_risk_model(rows, seed=0, options=FitOptions(max_rounds=200, members=4)),
        name="nouveau",
        demo=True,
        levels=tuple(sorted(set(rows.rows["level"]))),
        trained_on={"school_years": [2023], "as_of": ["2024-03-05"], "outcome_closes": [11, 1]},
        report={},
        card="# Fiche\n",
    )


@pytest.fixture(scope="module")
def poor(good: TrainedModel) -> TrainedModel:
    """Return the same trees, badly calibrated."""
    return replace(
        good, name="ancien", risk_model=replace(good.risk_model, calibration=Calibration("platt", 1.0, 0.4))
    )


@pytest.fixture(scope="module")
def compare(two_years: Cohort) -> Callable[..., ModelComparison]:
    def _compare(champion: TrainedModel, challenger: TrainedModel, **changed: Any) -> ModelComparison:
        asked: dict[str, Any] = {
            "records": two_years.records,
            "outcomes": two_years.outcomes,
            "as_of_dates": DAYS,
            "labels_known_on": "2025-11-01",
            **changed,
        }
        return compare_models(champion, challenger, asked.pop("records"), asked.pop("outcomes"), **asked)

    return _compare


@pytest.fixture(scope="module")
def promoted(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel
) -> ModelComparison:
    return compare(poor, good)


@pytest.mark.slow
def test_a_challenger_that_is_worse_is_kept_out(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel
) -> None:
    """With champion and challenger exchanged, the worse one is not promoted, for that cause."""
    found = compare(good, poor)
    assert found.verdict == "keep"
    assert "worse" in {cause.code for cause in found.causes}


def test_a_challenger_that_is_better_is_found_better(promoted: ModelComparison) -> None:
    """The log loss falls beyond its interval; no gate is worse for it than review by chance of a small group."""
    assert promoted.difference("log_loss").high < 0
    assert promoted.causes[0].code == "better"
    assert promoted.verdict in {"promote", "review"}
    assert not any(gate.verdict == "block" for gate in promoted.gates)


@pytest.mark.slow
def test_a_challenger_that_is_better_but_unfair_is_blocked(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel, two_years: Cohort
) -> None:
    """A challenger that lowers the risk of one sex is better than the champion and is not promoted, for that cause."""
    # The mark as the members see it: rounded to their precision.
    marks = numeric_matrix(build_features(two_years.records, DAYS[1])[[MARK]])[:, 0]
    tables = two_years.tables
    half = marks * 10 % 2 < 1
    pupils = tables["pupils"].assign(sex=np.where(half, "F", "M"))
    records = PupilRecords(
        pupils, tables["enrolments"], absences=tables["absences"], grades=tables["grades"],
        orientation=tables["orientation"], calendar=two_years.calendar,
    )  # fmt: skip
    parts = {field.name: getattr(good.risk_model, field.name) for field in fields(good.risk_model)}
    unfair = replace(good, risk_model=UnfairModel(**parts))
    found = compare(poor, unfair, records=records, as_of_dates=DAYS[1:])
    codes = {cause.code for cause in found.causes}
    assert "better" in codes
    assert found.verdict in {"keep", "review"}
    assert any(gate.dimension == "sex" and gate.verdict in {"block", "review"} for gate in found.gates)
    fair = compare(poor, good, records=records, as_of_dates=DAYS[1:])
    assert not any(gate.dimension == "sex" and gate.verdict == "block" for gate in fair.gates)


def test_labels_that_are_not_mature_are_refused(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel
) -> None:
    """Outcomes extracted the day before they close decide nothing."""
    with pytest.raises(ModelError, match="Labels are not mature"):
        compare(poor, good, labels_known_on="2025-10-31")


@pytest.mark.slow
def test_a_year_of_the_training_is_only_looked_at(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel
) -> None:
    """A year that one of the models has learnt from gives review, whatever the figures."""
    seen = replace(good, trained_on={**good.trained_on, "school_years": [2023, 2024]})
    found = compare(poor, seen)
    assert found.verdict == "review"
    assert "year_in_training" in {cause.code for cause in found.causes}


def test_a_year_that_a_level_was_moved_to_is_only_looked_at(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel, two_years: Cohort
) -> None:
    """A champion brought to the outcomes of the compared year has seen them: review, whatever the figures."""
    moved = recalibrate(
        poor,
        two_years.records,
        two_years.outcomes,
        as_of_dates=DAYS,
        labels_known_on="2025-11-01",
        reason="essai",
    )
    found = compare(moved, good)
    assert found.verdict == "review"
    assert "year_in_training" in {cause.code for cause in found.causes}


@pytest.mark.parametrize(
    ("years", "horizon", "later"),
    [([2023], 1, []), ([2022, 2023], 1, [date(2024, 11, 1)]), ([2022], 3, [date(2025, 11, 1)]), ([2025], 1, [date(2026, 11, 1)]), ([2024], 1, [])],
)  # fmt: skip
def test_outcomes_that_closed_after_the_first_date_are_found(
    good: TrainedModel, years: list[int], horizon: int, later: list[date]
) -> None:
    """A label of another year counts as known only from the day on which its window closes, by the horizon of the model."""
    first = date(2024, 11, 1) if later == [] else date(2024, 10, 7)
    rows = pd.DataFrame({"as_of": [date(2025, 3, 3), first], "school_year": [2024, 2024]})
    test = Snapshots(pd.DataFrame(index=[0, 1]), np.zeros(2), rows, {})
    model = replace(good, trained_on={**good.trained_on, "school_years": years, "horizon_years": horizon})
    assert learnt_later(model, test) == later


@pytest.mark.slow
def test_labels_not_known_yet_are_only_looked_at(
    two_years: Cohort, poor: TrainedModel, good: TrainedModel
) -> None:
    """Compared before the outcomes of its last year closed, a model is not promoted: review, with the day, in French."""
    found = compare_models(
        poor, good, two_years.records, two_years.outcomes, as_of_dates=["2024-10-07"], labels_known_on="2025-11-15"
    )  # fmt: skip
    assert found.verdict == "review"
    (cause,) = [cause for cause in found.causes if cause.code == "learnt_later"]
    assert "connues seulement le 1er novembre 2024, après la première date comparée" in cause.sentence
    assert cause.sentence in found.to_markdown()


def test_only_rows_that_both_can_score_are_compared(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel, promoted: ModelComparison
) -> None:
    """Rows of a level that one model never saw are counted, not compared; without a common level nothing is."""
    narrow = replace(good, levels=tuple(level for level in good.levels if level != "3e"))
    found = compare(poor, narrow)
    gone = found.left_out["level not seen in training"]
    assert gone > 0
    assert found.rows + gone == promoted.rows
    with pytest.raises(NotEnoughDataError, match="both models know"):
        compare(replace(poor, levels=("3e",)), replace(good, levels=("cap1",)))


def test_rows_without_a_risk_are_not_compared(
    compare: Callable[..., ModelComparison], poor: TrainedModel, good: TrainedModel, promoted: ModelComparison
) -> None:
    """Rows outside the training of either model get no risk when scoring: they are counted, not compared."""
    seen = good.risk_model.training_range
    assert seen is not None
    narrow = replace(seen, highest=seen.lowest + 0.25 * (seen.highest - seen.lowest))
    shy = replace(good, risk_model=replace(good.risk_model, training_range=narrow))
    for models in ((poor, shy), (shy, good)):
        found = compare(*models)
        gone = found.left_out["outside the range of the training"]
        assert gone > 0
        assert found.rows + gone == promoted.rows
        assert "hors du domaine d'apprentissage d'un des deux modèles" in str(found)


def test_those_who_change_side_are_told_with_their_family(
    promoted: ModelComparison,
) -> None:
    """The pupil-level table holds exactly the rows on one list only, and its moves sum to the change of log-odds."""
    changes = promoted.changes
    assert changes is not None
    assert (changes["side"] == "leaves").any()
    flagged = [
        load_policy().assess(changes["level"].to_numpy(dtype=object), changes[f"risk_{name}"]).flagged
        for name in ("champion", "challenger")
    ]
    assert (flagged[0] != flagged[1]).all()
    churn = promoted.churn[0]
    counted = [0 if count is None else count for count in (churn.enters, churn.leaves)]
    assert sum(counted) == pytest.approx(len(changes), abs=4)
    odds = [
        np.log(changes[f"risk_{name}"] / (1 - changes[f"risk_{name}"])) for name in ("champion", "challenger")
    ]
    moved = changes.filter(like="moved_").sum(axis=1)
    assert np.abs(moved - (odds[1] - odds[0])).max() < 1e-6


def test_the_lists_at_capacity_have_the_same_length(
    compare: Callable[..., ModelComparison], good: TrainedModel, two_years: Cohort
) -> None:
    """The precision at capacity of a model is that of the highest risks of each school, whoever it is compared with."""
    found = compare(good, good, capacity=6, as_of_dates=DAYS[1:])
    precision = found.difference("precision_at_capacity")
    assert precision.difference == 0
    rows = take_snapshots(two_years.records, two_years.outcomes, DAYS[1:])
    risk = good.risk_model.risk(
        rows.features, good.reference_groups(rows.rows["level"], rows.rows["as_of"][0])
    )
    frame = rows.rows.assign(risk=risk, left=rows.outcome).sort_values(
        ["risk", "pupil_id"], ascending=[False, True]
    )
    top = frame.groupby("school_id").head(6)
    assert precision.champion == pytest.approx(top["left"].mean())


def test_the_same_comparison_is_the_same_bytes(
    compare: Callable[..., ModelComparison], promoted: ModelComparison, poor: TrainedModel, good: TrainedModel
) -> None:
    """Compared again, the JSON has the same bytes."""
    assert compare(poor, good).to_json() == promoted.to_json()


def test_arguments_that_cannot_be_are_told_at_once(
    compare: Callable[..., ModelComparison], good: TrainedModel
) -> None:
    """Another kind of object, a capacity under 1, a margin below 0: one message; outcomes that differ too."""
    with pytest.raises(ModelError, match=r"challenger is a str.*capacity=0.*margin=-1"):
        compare(good, "x", capacity=0, margin=-1)  # type: ignore[arg-type]  # on purpose
    other = replace(good, trained_on={**good.trained_on, "outcome_closes": [10, 1]})
    with pytest.raises(ModelError, match=r"closes on \(11, 1\), of the challenger on \(10, 1\)"):
        compare(good, other)
