"""The headline figures come from models that saw neither the last year nor the pupils they are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import decrochage_risk.train.backtest as backtest_module
from decrochage_risk.model import Snapshots, default_as_of_dates, take_snapshots
from decrochage_risk.train.backtest import backtest, last_year_rows, learnt_baselines

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def snapshots(cohort: Cohort) -> Snapshots:
    """Take the rows of three years; a column says which row it is."""
    taken = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(cohort.school_years))
    numbered = taken.features.assign(row=np.arange(len(taken.outcome), dtype=np.float64))
    return Snapshots(numbered, taken.outcome, taken.rows, taken.left_out)


@dataclass
class Spy:
    """Stands for the fitted models: notes who was learnt from and who was predicted, and predicts from the row."""

    fits: list[tuple[pd.DataFrame, npt.NDArray[np.int64]]]

    def fit(self, train: Snapshots, **_: object) -> FittedSpy:
        """Note the rows that are learnt from."""
        self.fits.append((train.rows, np.empty(0, dtype=np.int64)))
        return FittedSpy(self, len(self.fits) - 1)


@dataclass
class FittedSpy:
    """One fitted model."""

    spy: Spy
    number: int

    def risk(self, features: pd.DataFrame, groups: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
        """Predict something that depends on the row alone."""
        assert len(groups) == len(features)
        rows = features["row"].to_numpy().astype(np.int64)
        self.spy.fits[self.number] = (self.spy.fits[self.number][0], rows)
        return predicted(rows)


def predicted(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return 0.05 + 0.9 * ((rows * 37) % 101) / 101


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    made = Spy([])
    monkeypatch.setattr(backtest_module, "fit_risk_model", made.fit)
    # Who is to complete is read from the trees of a model, and a spy has none; its law is in tests/score/test_to_complete.py.
    monkeypatch.setattr(backtest_module, "rows_to_complete", nobody_to_complete)
    return made


def nobody_to_complete(
    _: object, __: object, risk: npt.NDArray[np.float64], *___: object
) -> npt.NDArray[np.bool_]:
    return np.zeros(len(risk), dtype=np.bool_)


def test_no_model_saw_the_year_or_the_pupils_it_predicts(snapshots: Snapshots, spy: Spy) -> None:
    """Every model learns from earlier years, matured before the first date, of other pupils than those it predicts."""
    backtest(snapshots, seed=0, synthetic=True, hold_out_schools=False)
    first = snapshots.rows.loc[snapshots.rows["school_year"] == 2023, "observed"].min()
    assert len(spy.fits) == 3
    for learnt, predicted_rows in spy.fits:
        assert len(learnt) > 0
        assert (learnt["school_year"] < 2023).all()
        assert (learnt["matured"] <= first).all()
        tested = snapshots.rows.iloc[predicted_rows]
        assert (tested["school_year"] == 2023).all()
        assert set(learnt["pupil_id"]).isdisjoint(tested["pupil_id"])


def test_every_row_of_the_last_year_is_predicted_once(snapshots: Snapshots, spy: Spy) -> None:
    """The folds cover the last year: each of its rows is predicted by one model."""
    backtest(snapshots, seed=0, synthetic=True, hold_out_schools=False)
    told = np.sort(np.concatenate([rows for _, rows in spy.fits]))
    assert told.tolist() == np.flatnonzero(snapshots.rows["school_year"] == 2023).tolist()


def test_pupils_who_come_back_stay_in_the_training(snapshots: Snapshots, spy: Spy) -> None:
    """Earlier rows of pupils of the last year are learnt from in the other folds, so the base rate is not that of leavers."""
    backtest(snapshots, seed=0, synthetic=True, hold_out_schools=False)
    came_back = set(snapshots.rows["pupil_id"][snapshots.rows["school_year"] == 2023])
    earlier = snapshots.rows[snapshots.rows["school_year"] < 2023]
    learnt = pd.concat([rows for rows, _ in spy.fits])
    assert set(learnt["pupil_id"]) == set(earlier["pupil_id"])
    assert came_back & set(learnt["pupil_id"])


def test_the_figures_are_those_of_these_predictions(snapshots: Snapshots, spy: Spy) -> None:
    """AUC, Brier score, mean risk and counts of the report are those of the noted predictions."""
    report = backtest(snapshots, seed=0, synthetic=True, hold_out_schools=False)
    last = (snapshots.rows["school_year"] == 2023).to_numpy()
    outcome, risk = snapshots.outcome[last], predicted(np.flatnonzero(last))
    assert len(spy.fits) == 3
    assert report.figures.auc == pytest.approx(roc_auc_score(outcome, risk), abs=1e-9)
    assert report.figures.brier == pytest.approx(np.mean((risk - outcome) ** 2), abs=1e-9)
    assert report.figures.mean_risk == pytest.approx(risk.mean(), abs=1e-9)
    assert (report.figures.rows, report.figures.events) == (last.sum(), outcome.sum())
    assert report.test_years == (2023,)
    assert report.synthetic is True


def test_without_common_pupils_one_model_learns_from_all_earlier_rows(snapshots: Snapshots, spy: Spy) -> None:
    """When nobody of the last year was there before, all earlier rows are learnt from at once."""
    last, earlier = last_year_rows(snapshots)
    new = ~snapshots.rows["pupil_id"].isin(set(snapshots.rows["pupil_id"][earlier])).to_numpy()
    backtest(snapshots.take(earlier | (last & new)), seed=0, synthetic=True, hold_out_schools=False)
    assert len(spy.fits) == 1
    assert len(spy.fits[0][0]) == earlier.sum()


def test_an_outcome_counts_once_its_window_has_closed(snapshots: Snapshots) -> None:
    """Earlier rows that close after the first date of the last year are not learnt from; on that very day they are."""
    first = int(snapshots.rows.loc[snapshots.rows["school_year"] == 2023, "observed"].min())
    is_2022 = (snapshots.rows["school_year"] == 2022).to_numpy()
    for matured, expected in ((first, True), (first + 1, False)):
        rows = snapshots.rows.assign(matured=np.where(is_2022, matured, snapshots.rows["matured"]))
        last, earlier = last_year_rows(Snapshots(snapshots.features, snapshots.outcome, rows, {}))
        assert earlier[is_2022].all() == expected == earlier[is_2022].any()
        assert not (last & earlier).any()
        assert earlier[(snapshots.rows["school_year"] == 2021).to_numpy()].all()


def test_learnt_baselines_learn_from_the_training_rows_alone(snapshots: Snapshots) -> None:
    """Other outcomes of the rows to predict change no score of the learnt baselines."""
    last, earlier = last_year_rows(snapshots)
    train, test = snapshots.take(earlier), snapshots.take(last)
    turned = Snapshots(test.features, 1 - test.outcome, test.rows, {})
    for one, other in zip(learnt_baselines(train, test), learnt_baselines(train, turned), strict=True):
        np.testing.assert_array_equal(one.score, other.score)
        assert len(one.score) == len(test.outcome)
        assert ((one.score > 0) & (one.score < 1)).all()
