"""What predicts the last year better is what is shipped, and the report is of what is shipped."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from tests.train.one_year_each import one_year_each

import decrochage_risk as dr
from decrochage_risk.model import load_trained_model
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.members import LinearMembers
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.slow  # each trains whole models: run by make test-all

STUNTED = FitOptions(members=2, leaves=2, min_rounds=1, max_rounds=1, linear_share=0.0)


@pytest.fixture(scope="module")
def shipped(cohort: Cohort) -> TrainedModel:
    """Train with one stump per member on leavers who are often absent that year: the logistic regression predicts far better."""
    records, outcomes = one_year_each(cohort)
    rows = cohort.tables["absences"]
    year = (pd.to_datetime(rows["date"]) - pd.DateOffset(months=8)).dt.year
    absences = rows.groupby([rows["pupil_id"], year.rename("school_year")]).size()
    own = pd.MultiIndex.from_frame(outcomes[["pupil_id", "school_year"]])
    often = absences.reindex(own, fill_value=0).to_numpy() > absences.median()
    labels = outcomes.assign(outcome=np.where(often, "left_without_diploma", "continued"), date=None)
    return train_model(records, labels, synthetic=True, options=STUNTED, hold_out_schools=False)


def test_a_logistic_regression_that_wins_is_shipped_and_said(shipped: TrainedModel) -> None:
    """The members are logistic, the first advice says so with the paired interval, the card too, on its own figures."""
    assert isinstance(shipped.risk_model.members, LinearMembers)
    assert shipped.risk_model.options.kind == "logistic"
    first = shipped.report["advice"][0]
    assert first["code"] == "logistic_shipped"
    assert first["sentence"] in shipped.card
    assert "régressions logistiques" in shipped.card
    assert "ensembles d'arbres" not in shipped.card
    assert shipped.report["untouched"] is False
    codes = {one["code"] for one in shipped.report["advice"]}
    assert not codes & {"ship_logistic", "logistic_undecided"}


def test_the_report_is_of_what_is_shipped(shipped: TrainedModel) -> None:
    """Its log loss is at least near that of the plain logistic regression beside it, not that of the stunted trees."""
    ours = shipped.report["figures"]["log_loss"]
    plain = shipped.report["baselines"]["régression logistique"]["log_loss"]
    base = shipped.report["figures"]["base_rate"]
    nothing = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    assert ours < nothing
    assert ours < plain + 0.5 * (nothing - plain)


def test_trees_that_win_are_shipped(demo_model: TrainedModel) -> None:
    """Trees that are not beaten stay, and nothing says otherwise."""
    assert demo_model.risk_model.options.kind == "trees"
    assert "logistic_shipped" not in {one["code"] for one in demo_model.report["advice"]}
    assert "ensembles d'arbres" in demo_model.card


def test_what_is_shipped_scores_and_explains(cohort: Cohort, shipped: TrainedModel, tmp_path: Path) -> None:
    """Saved, loaded and scored it gives the same risks; every pupil with a risk gets verified reasons."""
    shipped.save(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DemoModelWarning)
        before = dr.score_pupils(cohort.records, as_of="2024-03-05", model=shipped, explain="all")
        after = dr.score_pupils(
            cohort.records, as_of="2024-03-05", model=load_trained_model(tmp_path / "model"), explain="all"
        )
    assert before.frame["risk"].notna().sum() > 100
    assert (before.frame["risk"].dropna() == after.frame["risk"].dropna()).all()
    assert (before.frame["explained"] == before.frame["risk"].notna()).all()
    assert len(before.reasons) > 100
