"""Laws of training: the same bytes from the same records, and nothing left unsaid about how it was measured."""

from __future__ import annotations

import json
import sys
import warnings
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.train.one_year_each import one_year_each

import decrochage_risk as dr
import decrochage_risk.train.training as training_module
from decrochage_risk.errors import (
    FaultyRecordsError,
    ModelError,
    NotEnoughDataError,
    RecordsError,
    TrainingWarning,
)
from decrochage_risk.model import default_as_of_dates, load_trained_model, take_snapshots
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk import FitOptions
from decrochage_risk.train import train_model
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole


def shuffled(cohort: Cohort, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Shuffle the rows of every table."""
    rng = np.random.default_rng(seed)
    return {
        name: table.iloc[rng.permutation(len(table))].reset_index(drop=True)
        for name, table in cohort.tables.items()
    }


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"class_weight": "balanced"}, "class_weight: weights and resampling change the share of leavers"),
        ({"oversample": True}, "oversample: weights and resampling change the share of leavers"),
        ({"prior": 0.1}, "prior: a level guessed without outcomes"),
    ],
)
def test_what_wrecks_a_calibration_is_refused_with_its_reason(
    cohort: Cohort, asked: dict[str, Any], why: str
) -> None:
    """Weights, resampling and priors stop a training before it begins; an unknown word is a TypeError."""
    with pytest.raises(ModelError, match=why):
        train_model(cohort.records, cohort.outcomes, **asked)
    with pytest.raises(TypeError, match=r"train_model\(\) got unexpected keyword arguments: colour"):
        train_model(cohort.records, cohort.outcomes, colour="red")


def test_two_trainings_give_the_same_bytes(
    cohort: Cohort, demo_model: TrainedModel, quick: FitOptions, tmp_path: Path
) -> None:
    """Trained again from the same records, with every table shuffled, the artefact is byte for byte the same."""
    records = PupilRecords(**shuffled(cohort), calendar=cohort.calendar)
    again = train_model(records, name="essai", synthetic=True, options=quick)
    demo_model.save(tmp_path / "first")
    again.save(tmp_path / "second")
    first, second = folder_bytes(tmp_path / "first"), folder_bytes(tmp_path / "second")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_the_manifest_holds_the_versions_that_its_bytes_depend_on(
    demo_model: TrainedModel, tmp_path: Path
) -> None:
    """Between two sets of versions the bytes of a training may differ: the folder names those it was made with."""
    demo_model.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text(encoding="utf-8"))
    named = manifest["trained_on"]["libraries"]
    assert named == {
        name: "{}.{}".format(*sys.version_info) if name == "python" else version(name) for name in named
    }
    assert {"python", "numpy", "pandas", "lightgbm", "scipy", "scikit-learn", "numba"} <= set(named)


def test_save_load_and_score_differ_by_nothing(
    cohort: Cohort, demo_model: TrainedModel, tmp_path: Path
) -> None:
    """Every risk and every reason of a loaded model equals those of the model that was saved."""
    demo_model.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DemoModelWarning)
        before = dr.score_pupils(cohort.records, as_of="2024-03-05", model=demo_model)
        after = dr.score_pupils(cohort.records, as_of="2024-03-05", model=loaded)
    risks = before.frame["risk"].astype("float64")
    assert (risks - after.frame["risk"].astype("float64")).abs().max() == 0.0
    assert risks.nunique() > 10
    pd.testing.assert_frame_equal(after.reasons, before.reasons, check_exact=True)


def test_the_model_is_fitted_on_every_row(
    cohort: Cohort, demo_model: TrainedModel, quick: FitOptions
) -> None:
    """What is shipped equals the risk model fitted on the snapshots of all years: the report costs it no row."""
    snapshots = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(cohort.school_years))
    assert fit_risk_model(snapshots, seed=0, options=quick).to_files() == demo_model.risk_model.to_files()
    assert demo_model.trained_on["rows"] == len(snapshots.outcome)
    assert demo_model.trained_on["pupils"] == snapshots.rows["pupil_id"].nunique()
    assert demo_model.trained_on["events"] == snapshots.outcome.sum()
    assert demo_model.trained_on["left_out"] == snapshots.told_left_out()
    assert set(demo_model.levels) == set(snapshots.rows["level"])
    assert demo_model.trained_on["as_of"] == sorted({day.isoformat() for day in snapshots.rows["as_of"]})
    assert demo_model.trained_on["closes_on"] == ["2022-11-01", "2023-11-01", "2024-11-01"]


@pytest.mark.slow
def test_another_seed_is_another_model(cohort: Cohort, demo_model: TrainedModel, quick: FitOptions) -> None:
    """The seed reaches the boosters."""
    other = train_model(cohort.records, cohort.outcomes, name="essai", synthetic=True, options=quick, seed=1)
    assert other.sha256 != demo_model.sha256
    assert other.risk_model.members.texts != demo_model.risk_model.members.texts


def test_a_demonstration_model_says_so_everywhere(demo_model: TrainedModel) -> None:
    """Trained on synthetic pupils, the model, its report, its card and its saved form say so."""
    assert demo_model.demo is True
    assert demo_model.report["synthetic"] is True
    assert "Modèle de démonstration" in demo_model.card
    assert "élèves synthétiques" in demo_model.card.lower()


def test_a_model_of_real_pupils_is_not_called_a_demonstration(earlier_model: TrainedModel) -> None:
    """Without synthetic=True nothing calls the pupils synthetic."""
    assert earlier_model.demo is False
    assert earlier_model.report["synthetic"] is False
    assert "synthétique" not in earlier_model.card
    assert "démonstration" not in earlier_model.card


def test_several_years_leave_the_last_one_untouched(demo_model: TrainedModel, cohort: Cohort) -> None:
    """With earlier years to learn from, the report is of the last year alone, with every baseline beside it."""
    assert demo_model.report["untouched"] is True
    assert demo_model.report["test_years"] == [2023]
    assert len(demo_model.report["baselines"]) == 5
    dates = default_as_of_dates([2023])
    of_last_year = take_snapshots(cohort.records, cohort.outcomes, dates)
    assert demo_model.report["figures"]["rows"] == len(of_last_year.outcome)
    assert demo_model.report["figures"]["events"] == of_last_year.outcome.sum()


@pytest.mark.parametrize("years", [[2023], [2022, 2023]])
def test_the_card_measures_the_list_of_the_policy_that_was_given(
    cohort: Cohort, quick: FitOptions, years: list[int]
) -> None:
    """The list of the report, and what follows from it, is that of the given thresholds, on an untouched year or on left-out pupils."""
    bundled = load_policy()
    values = bundled.table.model_dump()
    for group in values["groups"]:
        group |= {"base_rate": 0.0005, "targeted": 0.001, "secured": 0.9}
    everybody = bundled.model_copy(update={"table": type(bundled.table).model_validate(values)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        model = train_model(
            cohort.records, cohort.outcomes, as_of_dates=[f"{year}-11-06" for year in years], options=quick,
            hold_out_schools=False, policy=everybody,
        )  # fmt: skip
    listed, rows = model.report["lists"][0]["listed"], model.report["figures"]["rows"]
    # The bundled thresholds list under a third; here who is above a threshold without a known fact alone stands on no list.
    assert listed > rows / 2
    assert model.held_out["policy_version"] == everybody.version


def test_a_single_year_is_warned_about(cohort: Cohort, quick: FitOptions) -> None:
    """With one school year nothing is untouched: a warning, and the report and the card say so."""
    with pytest.warns(TrainingWarning, match="no earlier school year") as caught:
        model = train_model(cohort.records, cohort.outcomes, school_years=[2023], options=quick)
    assert caught[0].filename == __file__
    assert "Hint: add records and outcomes of one more school year" in str(caught[0].message)
    assert model.report["untouched"] is False
    assert "Aucune période n'a été gardée hors de tous les choix" in model.card
    assert model.trained_on["school_years"] == [2023]
    assert model.report["figures"]["rows"] == model.trained_on["rows"]


def test_outcomes_not_yet_closed_leave_no_untouched_year(cohort: Cohort, quick: FitOptions) -> None:
    """When the earlier year closes after the first date of the last one, it had not matured: nothing is untouched."""
    with pytest.warns(TrainingWarning, match="no earlier school year"):
        model = train_model(
            cohort.records, cohort.outcomes, school_years=[2022, 2023], outcome_closes=(12, 1), options=quick
        )
    assert model.report["untouched"] is False
    assert model.trained_on["outcome_closes"] == [12, 1]


@pytest.mark.slow
def test_records_without_justified_on_are_warned_about_in_the_card(cohort: Cohort, quick: FitOptions) -> None:
    """Without the day of the justification training sees more motives than serving: warned, and said in the card."""
    tables = {name: table for name, table in cohort.tables.items() if name != "outcomes"}
    tables["absences"] = tables["absences"].drop(columns="justified_on")
    records = PupilRecords(**tables, calendar=cohort.calendar)
    with pytest.warns(TrainingWarning, match="absences has no justified_on") as caught:
        model = train_model(records, cohort.outcomes, school_years=[2021, 2022], options=quick)
    assert caught[0].filename == __file__
    assert "Hint: export justified_on" in str(caught[0].message)
    said = [line for line in model.card.splitlines() if "no_justified_on" in line]
    assert len(said) == 1
    assert "La colonne « justified_on » manque" in said[0]
    assert said[0].removeprefix("- ") in model.trained_on["records_warnings"]


@pytest.mark.slow
def test_records_that_begin_with_the_training_are_told(cohort: Cohort, quick: FitOptions) -> None:
    """The card says that the year before is known of nobody in the first year; with an earlier year on record it does not."""
    for years, expected in (([2021, 2022], 1), ([2022], 0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            model = train_model(cohort.records, cohort.outcomes, school_years=years, options=quick)
        assert model.card.count("n'est connu de presque personne en 2021-2022") == expected


@pytest.mark.slow
def test_the_card_counts_the_censored_apart_from_those_with_too_little_data(
    cohort: Cohort, quick: FitOptions
) -> None:
    """Unknown outcomes are said to be unknown; pupils with under three weeks of data are not called so."""
    tables = dict(cohort.tables)
    enrolments = tables["enrolments"].copy()
    late = enrolments.index[enrolments["school_year"] == 2022][:17]
    enrolments.loc[late, "start_date"] = pd.Timestamp("2023-04-25")
    outcomes = tables.pop("outcomes").copy()
    unknown = outcomes.index[outcomes["school_year"] == 2021][:15]
    outcomes.loc[unknown, ["outcome", "date"]] = ["unknown", None]
    records = PupilRecords(
        **tables | {"enrolments": enrolments}, calendar=cohort.calendar, on_fault="quarantine"
    )
    model = train_model(records, outcomes, school_years=[2021, 2022], options=quick)
    left_out = model.trained_on["left_out"]
    assert left_out["under 3 weeks of covered data"] == 17
    assert "- 17 lignes laissées de côté : moins de 3 semaines de données" in model.card
    assert left_out["outcome unknown"] >= 15
    assert (
        f"{left_out['outcome unknown']} lignes laissées de côté ; ces lignes ne comptent jamais" in model.card
    )


@pytest.mark.slow
def test_labels_without_meaning_give_no_ranking(cohort: Cohort) -> None:
    """Leavers drawn by lot are ranked no better than by chance; leavers drawn by their absences are."""
    records, outcomes = one_year_each(cohort)
    outcomes = outcomes.assign(outcome="continued", date=None)
    rng = np.random.default_rng(0)
    by_lot = rng.random(len(outcomes)) < 0.3
    absences = cohort.tables["absences"].groupby("pupil_id").size()
    often = (outcomes["pupil_id"].map(absences).fillna(0) > absences.median()).to_numpy()
    auc = {}
    for name, leaves in (("by lot", by_lot), ("by absences", often)):
        labels = outcomes.assign(outcome=np.where(leaves, "left_without_diploma", "continued"))
        options = FitOptions(max_rounds=20, members=2, linear_share=0.5, penalty=100.0)
        auc[name] = train_model(records, labels, options=options).report["figures"]["auc"]
    assert abs(auc["by lot"] - 0.5) < 0.1
    assert auc["by absences"] > 0.75


def test_one_outcome_only_is_refused(cohort: Cohort, quick: FitOptions) -> None:
    """When nobody left there is nothing to learn: refused with what to do."""
    nobody = cohort.outcomes.assign(outcome="continued", date=None)
    with pytest.raises(NotEnoughDataError) as caught:
        train_model(cohort.records, nobody, school_years=[2021, 2022], options=quick)
    assert "Expected:" in str(caught.value)
    assert "Hint:" in str(caught.value)


def test_what_cannot_be_trained_on_is_refused(cohort: Cohort) -> None:
    """No outcomes, faulty outcomes and years without an as-of date are refused before any fit."""
    with pytest.raises(RecordsError, match="There is no outcomes table"):
        train_model(cohort.records)
    with pytest.raises(FaultyRecordsError, match="duplicate_outcome"):
        train_model(cohort.records, pd.concat([cohort.outcomes, cohort.outcomes.iloc[:1]]))
    with pytest.raises(NotEnoughDataError, match=r"of the school years \[\] lies in the records") as caught:
        train_model(cohort.records, cohort.outcomes, school_years=[1999])
    assert "Hint: Pass as_of_dates" in str(caught.value)


def test_records_without_a_usable_enrolment_cannot_be_trained_on() -> None:
    """When every enrolment was set aside, training is refused as having no as-of date, not by an accident."""
    enrolment = {
        "pupil_id": "a",
        "school_year": 2023,
        "school_id": "0990001N",
        "level": "4eme",
        "start_date": "2023-09-04",
    }
    records = PupilRecords([{"pupil_id": "a"}], [enrolment], on_fault="quarantine")
    with pytest.raises(NotEnoughDataError, match="No default as-of date"):
        train_model(records, [{"pupil_id": "a", "school_year": 2023, "outcome": "continued"}])


def test_explicit_dates_and_years_are_crossed(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Explicit as-of dates are used as they are, and only those of the school years asked for."""
    asked: list[list[date]] = []

    def stop(_records: object, _outcomes: object, dates: list[date], **_: object) -> None:
        asked.append(list(dates))
        raise NotEnoughDataError("stop here")

    monkeypatch.setattr(training_module, "take_snapshots", stop)
    days = ["2022-02-01", "2023-02-01", "2024-02-01"]
    for years in (None, [2021, 2023]):
        with pytest.raises(NotEnoughDataError, match="stop here"):
            train_model(cohort.records, cohort.outcomes, as_of_dates=days, school_years=years)
    assert asked == [
        [date(2022, 2, 1), date(2023, 2, 1), date(2024, 2, 1)],
        [date(2022, 2, 1), date(2024, 2, 1)],
    ]


def test_default_dates_after_their_closing_day_are_left_out(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a closing day within the school year, only default dates before it are used; over three years all are."""
    asked: list[date] = []

    def stop(_records: object, _outcomes: object, dates: list[date], **_: object) -> None:
        asked.extend(dates)
        raise NotEnoughDataError("stop here")

    monkeypatch.setattr(training_module, "take_snapshots", stop)
    for horizon, count in ((1, 2), (3, 4)):
        asked.clear()
        with pytest.raises(NotEnoughDataError, match="stop here"):
            train_model(
                cohort.records, cohort.outcomes, school_years=[2021], outcome_closes=(2, 1), horizon_years=horizon
            )  # fmt: skip
        assert asked == list(default_as_of_dates([2021]))[:count]


def test_default_dates_outside_the_records_or_the_calendar_are_left_out(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Years of outcomes that the records do not reach back to give no as-of date, and no error."""
    asked: list[date] = []

    def stop(_records: object, _outcomes: object, dates: list[date], **_: object) -> None:
        asked.extend(dates)
        raise NotEnoughDataError("stop here")

    monkeypatch.setattr(training_module, "take_snapshots", stop)
    earlier = cohort.outcomes.iloc[:3].assign(school_year=[2015, 2018, 2020])
    with pytest.raises(NotEnoughDataError, match="stop here"):
        train_model(cohort.records, pd.concat([earlier, cohort.outcomes], ignore_index=True))
    assert asked == list(default_as_of_dates(cohort.school_years))


@pytest.mark.slow
def test_progress_is_told_in_french(cohort: Cohort, quick: FitOptions) -> None:
    """Every date, the fit on all years and every part of the test year are announced."""
    told: list[str] = []
    train_model(
        cohort.records, cohort.outcomes, school_years=[2021, 2022], options=quick, progress=told.append
    )
    assert sum(line.startswith("Lecture au ") for line in told) == 8
    assert sum(line.startswith("Année témoin, partie ") for line in told) == 3
    assert told[8] == "Apprentissage sur toutes les années"
    assert told[-1] == "Année témoin, établissements tenus à l'écart"
    assert len(told) == 8 + 1 + 3 + 1


@pytest.mark.slow
def test_too_few_leavers_before_the_last_year_do_not_stop_a_training(
    cohort: Cohort, quick: FitOptions
) -> None:
    """When the earlier years alone cannot be learnt from, the model is trained, no year is called untouched, and why."""
    outcomes = cohort.outcomes.copy()
    earlier = outcomes["school_year"] < outcomes["school_year"].max()
    outcomes.loc[earlier, "outcome"] = "continued"
    outcomes.loc[earlier, "date"] = pd.NaT
    with pytest.warns(TrainingWarning, match="the earlier school years are not enough to learn from"):
        model = train_model(cohort.records, outcomes, synthetic=True, options=quick)
    assert model.report["untouched"] is False


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No year is untouched")
@pytest.mark.parametrize(("late", "is_told"), [(2, False), (40, True)])
def test_the_card_of_two_dates_tells_of_few_pupils_neither_that_they_came_late_nor_that_they_left(
    cohort: Cohort,
    quick: FitOptions,
    late: int,
    is_told: bool,  # noqa: FBT001 - of the table above
) -> None:
    """Twice the pupils of a training on two dates less its rows are nobody or 11 at least; leavers are told from 11 on."""
    days = ["2023-11-06", "2024-03-05"]
    rows = take_snapshots(cohort.records, cohort.outcomes, days).rows.groupby("pupil_id").size()
    tables = dict(cohort.tables)
    enrolments = tables["enrolments"].copy()
    # all who are there on one date alone, but so many newcomers
    alone = rows.index[rows == 1]
    newcomers = rows.index[rows == 2][:late]
    enrolments = enrolments[~enrolments["pupil_id"].isin(alone)]
    of_newcomers = enrolments["pupil_id"].isin(newcomers) & (enrolments["school_year"] == 2023)
    enrolments.loc[of_newcomers, "start_date"] = pd.Timestamp("2024-01-08")
    outcomes = tables.pop("outcomes")
    records = PupilRecords(
        **tables | {"enrolments": enrolments}, calendar=cohort.calendar, on_fault="quarantine"
    )
    outcomes = outcomes[~outcomes["pupil_id"].isin(alone)]
    left = outcomes.index[(outcomes["outcome"] == "left_without_diploma") & (outcomes["school_year"] == 2023)]
    if not is_told:
        outcomes.loc[left[7:], ["outcome", "date"]] = ["continued", None]
    model = train_model(records, outcomes, as_of_dates=days, options=quick, hold_out_schools=False)
    line = next(line for line in model.card.splitlines() if line.startswith("- ") and " lignes (" in line)
    told = model.trained_on
    assert ("(élèves : masqué)" in line) != is_told
    assert (told["pupils"] is None) != is_told
    assert ("dont sorties sans diplôme : masqué" in line) != is_told
    assert (told["events"] is None) != is_told
    if is_told:
        assert 2 * told["pupils"] - told["rows"] >= 11
