"""Evaluation measures what scoring gives, and says what it could not measure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

import decrochage_risk as dr
from decrochage_risk.errors import NotEnoughDataError, TrainingWarning
from decrochage_risk.evaluate.report import STANDING
from decrochage_risk.french import HIDDEN
from decrochage_risk.model import recalibrate
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk.numeric_table import TrainingRange
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.train import evaluate_model, train_model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.risk import FitOptions
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole

DATES = ("2023-12-04", "2024-03-18")
LEARNT = {"régression logistique", "taux de l'établissement seul"}


def scored(
    cohort: Cohort, model: TrainedModel, closing: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Score on the dates and label by hand: outcome and risk of every pupil with both."""
    outcomes = cohort.outcomes[cohort.outcomes["school_year"] == 2023].set_index("pupil_id")
    found: list[tuple[float, float]] = []
    for day in DATES:
        frame = dr.score_pupils(cohort.records, as_of=day, model=model, explain="none").frame
        for pupil, risk in zip(frame["pupil_id"], frame["risk"], strict=True):
            if pd.isna(risk) or pupil not in outcomes.index:
                continue
            what, left = outcomes.loc[pupil, "outcome"], outcomes.loc[pupil, "date"]
            gone = what == "left_without_diploma"
            if what == "unknown" or (gone and left < pd.Timestamp(day)):
                continue
            found.append((float(gone and not left >= pd.Timestamp(closing)), float(risk)))
    outcome, risk = np.array(found).T
    return outcome, risk


@pytest.mark.parametrize(("closes", "closing"), [(None, "2024-11-01"), ((3, 25), "2024-03-25")])
def test_figures_equal_a_recomputation_from_score_pupils(
    cohort: Cohort, earlier_model: TrainedModel, closes: tuple[int, int] | None, closing: str
) -> None:
    """Counts and scores of the report equal those computed apart from what score_pupils gives on the same dates."""
    report = evaluate_model(
        earlier_model, cohort.records, cohort.outcomes, as_of_dates=DATES, outcome_closes=closes
    )
    outcome, risk = scored(cohort, earlier_model, closing)
    figures = report.figures
    assert (figures.rows, figures.events) == (len(outcome), outcome.sum())
    assert 0 < figures.events < figures.rows
    for name, expected in {
        "auc": roc_auc_score(outcome, risk),
        "average_precision": average_precision_score(outcome, risk),
        "brier": np.mean((risk - outcome) ** 2),
        "log_loss": log_loss(outcome, risk),
        "mean_risk": risk.mean(),
        "base_rate": outcome.mean(),
    }.items():
        assert getattr(figures, name) == pytest.approx(expected, abs=1e-9), name


def test_a_later_year_is_measured_beside_every_baseline(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """On a year that the model did not see there is no warning, and all five baselines stand beside it."""
    report = evaluate_model(earlier_model, cohort.records, cohort.outcomes, as_of_dates=DATES)
    assert set(report.baselines) > LEARNT
    assert set(report.baselines) == set(STANDING)
    assert "non mesurés sur ces lignes" not in str(report)
    assert report.test_years == (2023,)
    assert report.as_of == (date(2023, 12, 4), date(2024, 3, 18))
    assert earlier_model.model_id in report.title
    assert report.synthetic is False
    assert not any("non mesurés" in note or "trop favorables" in note for note in report.notes)


def test_the_list_is_that_of_the_policy_asked_for(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """Lists and gates are measured on the thresholds that are given, not on the bundled ones."""
    bundled = load_policy()
    values = bundled.table.model_dump()
    for group in values["groups"]:
        group |= {"base_rate": 0.01, "targeted": 0.02, "secured": 0.3}
    wide = bundled.model_copy(update={"table": type(bundled.table).model_validate(values)})
    lists = [
        evaluate_model(
            earlier_model, cohort.records, cohort.outcomes, as_of_dates=DATES, policy=policy
        ).lists[0]
        for policy in (None, wide)
    ]
    assert lists[0].listed < lists[1].listed


def test_a_year_of_the_training_is_warned_about(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """Measured on a year it learnt from, a model is flattered: a warning and a note say so."""
    with pytest.warns(TrainingWarning, match="school years 2022 were in the training") as caught:
        report = evaluate_model(
            earlier_model, cohort.records, cohort.outcomes, as_of_dates=["2023-03-06", *DATES]
        )
    assert caught[0].filename == __file__
    assert "Hint: evaluate on a later school year" in str(caught[0].message)
    assert "Le modèle a appris sur les années 2022 : ces chiffres sont trop favorables." in report.notes


def test_a_year_that_the_level_was_moved_to_is_warned_about(
    cohort: Cohort, earlier_model: TrainedModel
) -> None:
    """Brought to the outcomes of a year, a model is well calibrated on it by itself: a warning and a note say so."""
    moved = recalibrate(
        earlier_model,
        cohort.records,
        cohort.outcomes,
        as_of_dates=DATES,
        labels_known_on="2024-11-15",
        reason="essai",
    )
    with pytest.warns(TrainingWarning, match="moved to the outcomes of the school years 2023") as caught:
        report = evaluate_model(moved, cohort.records, cohort.outcomes, as_of_dates=DATES)
    assert report.figures.mean_risk == pytest.approx(report.figures.base_rate, abs=1e-9)
    assert caught[0].filename == __file__
    assert "Hint: evaluate on a later school year" in str(caught[0].message)
    assert any(
        "mis à jour sur les issues de 2023-2024 : sa calibration y est" in note for note in report.notes
    )


@pytest.mark.slow
def test_a_demonstration_model_is_reported_as_one(cohort: Cohort, demo_model: TrainedModel) -> None:
    """The report of a demonstration model says that the pupils are synthetic."""
    with pytest.warns(TrainingWarning):
        assert (
            evaluate_model(demo_model, cohort.records, cohort.outcomes, as_of_dates=DATES).synthetic is True
        )


def only_last_year(cohort: Cohort, calendar: SchoolCalendar | None = None) -> PupilRecords:
    """Keep the last year's enrolments and events."""
    tables = {name: table for name, table in cohort.tables.items() if name != "outcomes"}
    tables["enrolments"] = tables["enrolments"][tables["enrolments"]["school_year"] == 2023]
    for name in ("absences", "grades", "orientation"):
        tables[name] = tables[name][tables[name]["date"] >= pd.Timestamp("2023-09-01")]
    return PupilRecords(**tables, calendar=calendar or cohort.calendar)


def assert_not_measured(report: dr.EvaluationReport, why: str) -> None:
    assert set(report.baselines).isdisjoint(LEARNT)
    assert len(report.baselines) == 3
    assert f"Régression logistique et taux d'établissement non mesurés : {why}." in report.notes
    assert "non mesurés sur ces lignes : régression logistique et taux de l'établissement seul" in str(report)


def test_records_without_the_training_years_say_what_was_not_measured(
    cohort: Cohort, earlier_model: TrainedModel
) -> None:
    """When the records do not reach back to the training, the learnt baselines are not measured, and it is said."""
    report = evaluate_model(earlier_model, only_last_year(cohort), cohort.outcomes, as_of_dates=DATES)
    assert_not_measured(report, "années d'apprentissage absentes")


def test_a_calendar_without_the_training_years_is_no_obstacle(
    cohort: Cohort, earlier_model: TrainedModel, tmp_path: Path
) -> None:
    """A calendar of the evaluated year alone is enough: only the learnt baselines are missing."""
    days = pd.date_range("2023-09-01", "2024-08-31")
    half_days = [cohort.calendar.half_days(day.date()) for day in days]
    path = tmp_path / "calendar.csv"
    pd.DataFrame({"date": days.date, "half_days": half_days}).to_csv(path, index=False)
    tables = {name: table for name, table in cohort.tables.items() if name != "outcomes"}
    records = PupilRecords(**tables, calendar=SchoolCalendar.from_csv(path))
    report = evaluate_model(earlier_model, records, cohort.outcomes, as_of_dates=DATES)
    assert_not_measured(report, "années d'apprentissage absentes")


@pytest.mark.parametrize(
    ("earlier", "why"),
    [(None, "aucune ligne d'apprentissage"), ("continued", "une seule issue à l'apprentissage")],
)
def test_training_years_that_teach_nothing_are_said(
    cohort: Cohort, earlier_model: TrainedModel, earlier: str | None, why: str
) -> None:
    """Without outcomes of the training years, or with one outcome only, the learnt baselines are not measured."""
    outcomes = cohort.outcomes
    before = outcomes["school_year"] < 2023
    outcomes = outcomes[~before] if earlier is None else outcomes.assign(
        outcome=outcomes["outcome"].mask(before, earlier), date=outcomes["date"].mask(before)
    )  # fmt: skip
    report = evaluate_model(earlier_model, cohort.records, outcomes, as_of_dates=DATES)
    assert_not_measured(report, why)


def test_who_is_left_out_is_counted_in_french(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """Censored pupils are counted by cause, in French, and no cause is hidden."""
    outcomes = cohort.outcomes.copy()
    of_2023 = outcomes.index[outcomes["school_year"] == 2023]
    outcomes.loc[of_2023[:9], ["outcome", "date"]] = ["unknown", None]
    outcomes = outcomes.drop(index=of_2023[9:13])
    report = evaluate_model(earlier_model, cohort.records, outcomes, as_of_dates=DATES[:1])
    enrolled = int(cohort.records.known_on(DATES[0]).enrolled.sum())
    note = next(note for note in report.notes if note.startswith("Lignes laissées de côté"))
    total = int(note.split(" : ")[1].split(" (")[0])
    assert report.figures.rows + total == enrolled
    assert "issue inconnue : " in note
    assert "pas d'issue pour cette année scolaire : " in note
    assert "outcome" not in note


@pytest.mark.slow
def test_levels_that_the_model_never_saw_are_counted(cohort: Cohort, quick: FitOptions) -> None:
    """Rows of an unknown level are left out as in scoring, counted, and refused when there is no other."""
    enrolments = cohort.tables["enrolments"]
    in_3e = enrolments.loc[enrolments["level"] == "3e", ["pupil_id", "school_year"]].drop_duplicates()
    known = cohort.outcomes.merge(in_3e, how="left", indicator=True)
    known.loc[known["_merge"] == "both", "outcome"] = "unknown"
    known.loc[known["_merge"] == "both", "date"] = pd.NaT
    model = train_model(
        cohort.records, known.drop(columns="_merge"), school_years=[2021, 2022], options=quick
    )
    assert "3e" not in model.levels
    report = evaluate_model(model, cohort.records, cohort.outcomes, as_of_dates=DATES[:1])
    frame = dr.score_pupils(cohort.records, as_of=DATES[0], model=model, explain="none").frame
    not_scored = frame.loc[frame["cause"] == "niveau jamais vu par le modèle", "pupil_id"]
    of_year = cohort.outcomes[cohort.outcomes["school_year"] == 2023].set_index("pupil_id").loc[not_scored]
    counted = (of_year["outcome"] != "unknown") & ~(of_year["date"] < pd.Timestamp(DATES[0]))
    assert counted.sum() > 20
    # The number itself may be hidden: with what else is printed it could give a few pupils away.
    assert any(
        re.search(rf"niveau jamais vu par le modèle : ({counted.sum()}\b|{HIDDEN})", note)
        for note in report.notes
    ), report.notes
    only_3e = known[(known["_merge"] == "both") & (known["school_year"] == 2023)].drop(columns="_merge")
    with pytest.raises(NotEnoughDataError) as caught:
        evaluate_model(model, cohort.records, only_3e.assign(outcome="continued"), as_of_dates=DATES[:1])
    assert "they are of 3e" in str(caught.value)
    assert "Expected: pupils of" in str(caught.value)
    assert "Hint: Take records of these levels" in str(caught.value)


def test_rows_without_a_risk_are_not_measured(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """Rows outside the training get no risk when scoring: counted, and refused when there is no other."""
    names = ("absence_rate_4w", "absence_rate_year", "unjustified_half_days_year")

    def within(lowest: float, highest: float) -> TrainedModel:
        seen = TrainingRange(names, np.full(3, lowest), np.full(3, highest))
        return replace(earlier_model, risk_model=replace(earlier_model.risk_model, training_range=seen))

    whole = evaluate_model(earlier_model, cohort.records, cohort.outcomes, as_of_dates=DATES[:1])
    report = evaluate_model(within(0.0, 0.001), cohort.records, cohort.outcomes, as_of_dates=DATES[:1])
    assert not any("hors du domaine d'apprentissage" in note for note in whole.notes)
    assert any(
        re.search(rf"hors du domaine d'apprentissage : ([0-9]+\b|{HIDDEN})", note) for note in report.notes
    ), report.notes
    with pytest.raises(NotEnoughDataError, match="within the range of the training"):
        evaluate_model(within(-2.0, -1.0), cohort.records, cohort.outcomes, as_of_dates=DATES[:1])


def test_dates_without_outcomes_are_refused(cohort: Cohort, earlier_model: TrainedModel) -> None:
    """A year without outcomes cannot be measured: refused with the cause."""
    outcomes = cohort.outcomes[cohort.outcomes["school_year"] < 2023]
    with pytest.raises(NotEnoughDataError, match="no outcome for this school year"):
        evaluate_model(earlier_model, cohort.records, outcomes, as_of_dates=DATES)
