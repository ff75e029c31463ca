"""The gates of labels: shuffled ones, those of another year and those not yet mature are each caught."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import NotEnoughDataError, RecordsError, RecordsWarning, TrainingWarning
from decrochage_risk.model import default_as_of_dates, recalibrate, take_snapshots
from decrochage_risk.risk import FitOptions
from decrochage_risk.train import compare_models, evaluate_model, train_model, watch_drift
from decrochage_risk.train.training import NOT_CLOSED, mature_only

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole

QUICK = FitOptions(max_rounds=20, members=2, linear_share=0.5, penalty=100.0)


@pytest.mark.slow
def test_shuffled_labels_rank_no_better_than_chance(cohort: Cohort) -> None:
    """With outcomes dealt anew among pupils the AUC falls to 0.5 within its own noise, and the report forbids the use."""
    outcomes = cohort.outcomes.copy()
    rng = np.random.default_rng(4)
    many = np.where(rng.random(len(outcomes)) < 0.2, "left_without_diploma", "continued")
    outcomes["outcome"], outcomes["date"] = many, pd.NaT
    with pytest.warns(RecordsWarning, match="left_but_enrolled"):
        model = train_model(cohort.records, outcomes, options=QUICK, hold_out_schools=False)
    above = model.report["above_chance"]
    assert above["low"] <= 0 <= above["high"]
    assert abs(above["difference"]) < 0.06
    assert "no_better_than_chance" in [one["code"] for one in model.report["advice"]]
    assert "ne se distingue pas du hasard" in model.card


def test_labels_that_mean_something_are_not_accused(demo_model: TrainedModel) -> None:
    """The same gate lets the true outcomes pass."""
    assert "no_better_than_chance" not in [one["code"] for one in demo_model.report["advice"]]


def swapped(outcomes: pd.DataFrame, years: dict[int, int], *, dated: bool) -> pd.DataFrame:
    """Exchange school years; without the days of exit if they are not dated."""
    other = outcomes.assign(school_year=outcomes["school_year"].map(years))
    return other if dated else other.assign(date=pd.NaT)


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize(
    "years", [{2021: 2022, 2022: 2021, 2023: 2023}, {2021: 2020, 2022: 2021, 2023: 2022}]
)
def test_swapped_or_shifted_school_years_are_refused_everywhere(
    cohort: Cohort, earlier_model: TrainedModel, years: dict[int, int], *, dated: bool
) -> None:
    """Dated or not, wherever labels are read: leavers who are there a year later give it away."""
    outcomes = swapped(cohort.outcomes, years, dated=dated)
    records, model = cohort.records, earlier_model
    day: dict[str, Any] = {"as_of_dates": ["2024-03-18"]}
    known: dict[str, Any] = {"labels_known_on": "2024-11-15"}
    for asked in (
        lambda: train_model(records, outcomes, options=QUICK),
        lambda: evaluate_model(model, records, outcomes, **day),
        lambda: compare_models(model, model, records, outcomes, **day, **known),
        lambda: recalibrate(model, records, outcomes, reason="essai", **day, **known),
        lambda: watch_drift(model, records, "2024-03-18", outcomes, labels_as_of=["2024-03-18"], **known),
    ):
        with pytest.raises(RecordsError, match="Hint: Check that the school years"):
            asked()


def test_swapped_school_years_are_refused(cohort: Cohort) -> None:
    """Outcomes whose school years were exchanged are dated outside them: refused in training and in evaluation."""
    outcomes = cohort.outcomes.copy()
    outcomes["school_year"] = outcomes["school_year"].map({2021: 2022, 2022: 2021, 2023: 2023})
    dated = outcomes["date"].notna()
    assert dated.sum() > 20
    with pytest.raises(RecordsError, match=r"dated outside their school year(.|\n)*Hint: Check") as error:
        train_model(cohort.records, outcomes, options=QUICK)
    assert "of 2021" in str(error.value)
    assert "of 2022" in str(error.value)
    assert "of 2023" not in str(error.value)


@pytest.mark.slow
def test_a_model_of_later_years_is_no_evaluation_in_time(cohort: Cohort, quick: FitOptions) -> None:
    """Trained on 2022 and 2023 and measured on 2021-22, a model is told to know the future."""
    model = train_model(
        cohort.records, cohort.outcomes, school_years=[2022, 2023], options=quick, hold_out_schools=False
    )
    with pytest.warns(TrainingWarning, match=r"2023-11-01, 2024-11-01\): this is no evaluation in time"):
        report = evaluate_model(model, cohort.records, cohort.outcomes, as_of_dates=["2022-03-07"])
    assert any("pas ceux d'une évaluation dans le temps" in note for note in report.notes)


@pytest.mark.slow
def test_labels_not_yet_mature_are_left_out_and_counted(cohort: Cohort, quick: FitOptions) -> None:
    """Outcomes extracted before a window closed teach nothing: that year is left out, counted, and the card says so."""
    early = train_model(
        cohort.records, cohort.outcomes, options=quick, labels_known_on="2024-06-30", hold_out_schools=False
    )
    alone = train_model(
        cohort.records, cohort.outcomes, school_years=[2021, 2022], options=quick, hold_out_schools=False
    )
    rows = len(take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates([2023])).outcome)
    assert early.trained_on["left_out"][NOT_CLOSED] == rows
    assert early.trained_on["school_years"] == [2021, 2022]
    assert early.risk_model.to_files() == alone.risk_model.to_files()
    assert "issue pas encore close à l'extraction" in early.card


def test_nothing_mature_is_refused(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """When no window had closed there is nothing to learn from and nothing to measure on."""
    with pytest.raises(NotEnoughDataError, match=r"labels was known on 2022-01-01(.|\n)*Hint"):
        train_model(cohort.records, cohort.outcomes, labels_known_on="2022-01-01", options=QUICK)
    with pytest.raises(NotEnoughDataError, match="known on 2024-10-31"):
        evaluate_model(
            earlier_model,
            cohort.records,
            cohort.outcomes,
            as_of_dates=["2024-03-05"],
            labels_known_on="2024-10-31",
        )


def test_without_a_day_every_label_counts(cohort: Cohort) -> None:
    """No day of extraction, or one after every window, leaves the rows as they are."""
    rows = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates([2023]))
    assert mature_only(rows, None) is rows
    assert mature_only(rows, date(2024, 11, 1)) is rows


def test_the_report_says_which_labels_the_last_year_could_use(demo_model: TrainedModel) -> None:
    """Labels of the earlier years were known on the first date of the last one, its own were not."""
    known = {(row["school_year"], row["mature"]) for row in demo_model.report["maturity"]}
    assert known == {(2021, True), (2022, True), (2023, False)}
    assert all(row["events"] is None for row in demo_model.report["maturity"] if not row["mature"])


def test_unseen_schools_are_a_second_view(demo_model: TrainedModel) -> None:
    """The figures on schools that were held out stand beside the headline, on fewer rows, and never replace it."""
    held = demo_model.report["hold_out"]
    assert held is not None
    rows, headline = held["rows"], demo_model.report["figures"]["rows"]
    assert (
        rows is None or headline is None or 0 < rows < headline
    )  # None: hidden, one count would give another away
    assert "Seconde vue, jamais le chiffre principal" in demo_model.card
