"""Laws of data to complete: nobody is on the list of the risk for what is not known of them alone, and nobody is forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import DecrochageWarning, RecordsWarning, TrainingWarning
from decrochage_risk.evaluate.report import MeasuredRows, build_report, list_marks
from decrochage_risk.french.words import forbidden_in
from decrochage_risk.journal import scoring_entry
from decrochage_risk.model import score_rows, take_snapshots
from decrochage_risk.partitions import score_folder
from decrochage_risk.policy import capacity_list, load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.report.situations import schools_of
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import Calibration, probability
from decrochage_risk.score.workbooks import write_workbooks
from decrochage_risk.train import evaluate_model
from decrochage_risk.train.backtest import backtest, fit_risk_model, rows_to_complete

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.model import Snapshots, TrainedModel
    from decrochage_risk.risk import RiskModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

DAYS = ["2023-01-09", "2023-03-06", "2023-05-09", "2024-01-08", "2024-03-06", "2024-05-06"]
OPTIONS = FitOptions(kind="logistic", members=2, penalty=3.0)
TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")


@pytest.fixture(scope="module")
def tables(small_cohort: Cohort) -> dict[str, Any]:
    return {name: small_cohort.tables[name] for name in TABLES}


@pytest.fixture(scope="module")
def silent_rows(small_cohort: Cohort, tables: dict[str, Any]) -> Snapshots:
    """Take rows of two years, of pupils whose marks are not known more often where they leave."""
    rng = np.random.default_rng(0)
    outcomes = small_cohort.tables["outcomes"]
    left = set(outcomes.loc[outcomes["outcome"] == "left_without_diploma", "pupil_id"])
    pupils = tables["pupils"]["pupil_id"].sort_values()
    silent = pupils[rng.random(len(pupils)) < np.where(pupils.isin(left), 0.9, 0.15)].tolist()
    records = PupilRecords(**tables, not_sent={"grades": silent}, calendar=small_cohort.calendar)
    return take_snapshots(records, outcomes, DAYS)


@pytest.fixture(scope="module")
def silent_model(small_model: TrainedModel, silent_rows: Snapshots) -> TrainedModel:
    """Learn from them: a regression, which is fitted at once."""
    return replace(small_model, risk_model=plain_fit(silent_rows))


def plain_fit(snapshots: Snapshots, **_: object) -> RiskModel:
    """Fit without a calibration, and score every gap."""
    risk_model = fit_risk_model(snapshots, seed=0, options=OPTIONS)
    # Of so few leavers a calibration would leave little: the law is of lists, and every gap here is to be scored.
    references = replace(risk_model.references, knowledge=replace(risk_model.knowledge, rows={}))
    plain = Calibration(kind="identity", intercept=0.0, slope=1.0)
    return replace(risk_model, references=references, calibration=plain)


@pytest.fixture(scope="module")
def half_known(small_cohort: Cohort, tables: dict[str, Any]) -> PupilRecords:
    """Give the records of this year without the marks of every second pupil."""
    pupils = tables["pupils"]["pupil_id"].sort_values()
    return PupilRecords(**tables, not_sent={"grades": pupils[::2].tolist()}, calendar=small_cohort.calendar)


@pytest.fixture(scope="module")
def scores(
    silent_model: TrainedModel, half_known: PupilRecords, score: Callable[..., RiskScores]
) -> RiskScores:
    with pytest.warns(RecordsWarning, match="Less is known of these pupils"):
        return score(half_known, model=silent_model, gaps=["grades"], explain="all")


def test_nobody_is_on_the_list_for_what_is_not_known_alone(scores: RiskScores) -> None:
    """Above a threshold without a fact that raises the risk, and with something unknown: never on the list, always on the other."""
    frame = scores.frame
    assert frame["to_complete"].any()
    assert not (frame["flagged"] & frame["to_complete"]).any()
    year = load_policy().of_horizon(1)
    above = np.array([
        not np.isnan(risk) and risk >= year.table.group_of(level).targeted
        for risk, level in zip(frame["risk"], frame["level"], strict=True)
    ])  # fmt: skip
    assert (above == (frame["flagged"] | frame["to_complete"])).all()
    raised = set(scores.reasons.query("direction == 'aggravating'")["pupil_id"])
    for pupil in (scores[pupil_id] for pupil_id in frame.loc[frame["to_complete"], "pupil_id"]):
        assert pupil.pupil_id not in raised
        assert "notes de l'année" in pupil.to_complete
        assert (pupil.tier, pupil.flagged, pupil.flag_horizons, pupil.tier_precision) == (1, False, (), None)
        assert "risk" not in pupil.ways
        assert pupil.flag_rule is not None
        assert pupil.flag_rule.startswith("données à compléter")
        assert not forbidden_in(pupil.flag_rule)
    others = frame.loc[~frame["to_complete"], "pupil_id"].tolist()
    assert all(not scores[pupil_id].to_complete for pupil_id in others[:50])


def test_who_is_listed_without_marks_has_a_fact(scores: RiskScores) -> None:
    """A pupil without marks who is on the list of the risk has a reason; one of whom all is known may be there without."""
    frame = scores.frame
    lacks = scores.features["mean_grade_year"].isna().to_numpy()
    raised = frame["pupil_id"].isin(scores.reasons.query("direction == 'aggravating'")["pupil_id"])
    assert (frame["flagged"] & lacks).sum() >= 5
    assert raised[frame["flagged"] & lacks].all()


def test_the_list_does_not_hang_on_who_is_explained(
    scores: RiskScores, silent_model: TrainedModel, half_known: PupilRecords, score: Callable[..., RiskScores]
) -> None:
    """Explained or not, the same pupils are to complete, with the same tiers."""
    with pytest.warns(RecordsWarning, match="Less is known of these pupils"):
        plain = score(half_known, model=silent_model, gaps=["grades"], explain="none")
    columns = ["to_complete", "flagged", "tier", "year_tier", "flag_rule"]
    pd.testing.assert_frame_equal(plain.frame[columns], scores.frame[columns])


def test_data_to_complete_are_counted_and_listed(scores: RiskScores, tmp_path: Path) -> None:
    """The run and the summary count them; each of their schools has a list by class and id, without any estimate."""
    count = int(scores.frame["to_complete"].sum())
    scores.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["to_complete"] == count
    assert f"{count} élèves dont les données sont à compléter" in scores.summary
    rows = scores.to_complete
    assert rows["pupil_id"].is_unique
    files = sorted((tmp_path / "out" / "listes").glob("*_donnees-a-completer.csv"))
    assert [path.name.partition("_")[0] for path in files] == sorted(rows["school_id"].unique())
    lists = [pd.read_csv(path, sep=";", encoding="utf-8-sig", dtype=str) for path in files]
    assert pd.concat(lists)["Élève"].tolist() == rows["pupil_id"].tolist()
    assert not any("Risque" in name for table in lists for name in table)
    assert all(table["À compléter"].str.contains("notes de l'année").all() for table in lists)
    risk = pd.concat(
        [pd.read_csv(path, sep=";", encoding="utf-8-sig", dtype=str) for path in (tmp_path / "out" / "listes").glob("*_risque.csv")]
    )  # fmt: skip
    assert not set(risk["Élève"]) & set(rows["pupil_id"])


def test_they_stand_wherever_a_list_stands(scores: RiskScores, tmp_path: Path) -> None:
    """The page of the class, a sheet of the school's workbook and the journal hold them; no page says that nothing is noted of them."""
    ids = scores.to_complete["pupil_id"].tolist()
    assert scoring_entry(scores, at="2025-03-05T08:00:00+01:00")["counts"]["to_complete"] == len(ids)
    schools = {school.school_id: school for school in schools_of(scores)}
    named = [name for school in schools.values() for each in school.classes for name, _ in each.to_complete]
    others = {name for school in schools.values() for each in school.classes for name in each.others}
    assert sorted(named) == sorted(ids)
    assert not others & set(ids)
    scores.report(tmp_path / "pages", despite_verdict=True)
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "pages").rglob("classe-*.html")]
    assert (
        sum(page.count("Données à compléter d’abord") for page in pages)
        == scores.to_complete.groupby(["school_id", "class_id"]).ngroups
    )
    (tmp_path / "listes").mkdir()
    books = write_workbooks(scores, tmp_path, despite_verdict=True)
    assert {book.stem for book in books} >= set(scores.to_complete["school_id"])
    texts = {book.stem: ZipFile(book).read("xl/sharedStrings.xml").decode() for book in books}
    assert all(
        pupil in texts[school] for pupil, school in zip(ids, scores.to_complete["school_id"], strict=True)
    )


def test_they_are_not_told_as_no_longer_on_the_list(
    small_cohort: Cohort,
    half_known: PupilRecords,
    silent_model: TrainedModel,
    score: Callable[..., RiskScores],
) -> None:
    """A pupil who was on the list and whose data are to be completed now has left it by that alone: the comparison says so."""
    with pytest.warns(RecordsWarning, match="Less is known of these pupils"):
        now = score(half_known, model=silent_model, gaps=["grades"])
    before = score(small_cohort.records, model=silent_model, as_of="2025-01-15")
    # So few of them were on the list when their marks were known that those of this cohort are put on it.
    before._results.columns["flagged"] |= now.frame["to_complete"].to_numpy()
    changes = now.since(before)
    frame = changes.frame.set_index("pupil_id")
    moved = frame[frame["flagged_before"] & frame["to_complete"]]
    assert len(moved)
    assert not moved["no_longer_flagged"].any()
    assert "dont les données sont à compléter" in changes.summary
    assert changes[moved.index[0]].to_complete


def test_no_capacity_list_holds_them(scores: RiskScores) -> None:
    """Whatever the places, a pupil to complete is on no list by places, of either horizon; each school says how many it has."""
    frame = scores.frame
    rows = frame[frame["to_complete"]]
    schools = sorted(rows["school_id"].unique())
    sizes = frame[frame["enrolled"]].groupby("school_id").size()
    capacity = capacity_list(scores, {school: int(sizes[school]) for school in schools}, least_risk=0)
    assert not set(capacity.pupils["pupil_id"]) & set(rows["pupil_id"])
    counted = capacity.schools.set_index("school_id")["to_complete"]
    assert counted.to_dict() == rows.groupby("school_id").size().to_dict()
    assert capacity.text.count("à compléter, hors liste") == len(schools)
    scored = frame["risk"].notna() & frame["school_id"].isin(schools)
    assert len(capacity.pupils) == (scored & ~frame["to_complete"]).sum()
    # The places are those of whom a fact is known: nobody takes one for what is not known of them.
    assert (capacity.schools["unfilled"] == 0).all()


@pytest.mark.whole
def test_an_evaluation_sets_the_same_pupils_apart(
    scores: RiskScores,
    silent_model: TrainedModel,
    half_known: PupilRecords,
    small_cohort: Cohort,
    as_of: object,
) -> None:
    """Rows of an evaluation that stand on no list for want of a fact are those of whom scoring says so; their number is told."""
    outcomes = small_cohort.tables["outcomes"]
    rows = score_rows(silent_model, take_snapshots(half_known, outcomes, [as_of]))
    marks = rows_to_complete(silent_model.risk_model, rows.snapshots, probability(rows.log_odds), rows.groups)
    pupils = rows.snapshots.rows["pupil_id"]
    frame = scores.frame.set_index("pupil_id")
    # Of the year alone: the model holds no path.
    assert (frame.loc[pupils, "to_complete"].to_numpy() == marks).all()
    assert marks.any()
    with pytest.warns(TrainingWarning):
        report = evaluate_model(silent_model, half_known, outcomes, as_of_dates=[as_of])
    assert sum(note.startswith("Données à compléter : ") for note in report.notes) == 1


@pytest.mark.whole
def test_a_training_sets_such_rows_apart_too(silent_rows: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list that the report of a training measures holds no row that nothing known raises, and the report tells their number."""
    measured: list[MeasuredRows] = []

    def build(rows: MeasuredRows, *args: Any, **kwargs: Any) -> EvaluationReport:
        measured.append(rows)
        return build_report(rows, *args, **kwargs)

    monkeypatch.setattr("decrochage_risk.train.backtest.build_report", build)
    monkeypatch.setattr("decrochage_risk.train.backtest.fit_risk_model", plain_fit)
    report = backtest(
        silent_rows, seed=0, synthetic=True, options=OPTIONS, hold_out_schools=False, publish=False
    )
    (rows,) = measured
    levels = silent_rows.rows.loc[silent_rows.rows["school_year"] == 2023, "level"].to_numpy(dtype=object)
    above = load_policy().of_horizon(1).assess(levels, np.asarray(rows.risk)).flagged
    assert rows.to_complete.any()
    assert (above == (np.asarray(rows.listed) | rows.to_complete)).all()
    assert not (np.asarray(rows.listed) & rows.to_complete).any()
    assert sum(note.startswith("Données à compléter : ") for note in report.notes) == 1


def test_rows_to_complete_take_no_place_in_a_measured_list() -> None:
    """Neither list that a report measures holds them, and their places at school capacity go to the next."""
    risk, schools, days = [0.9, 0.8, 0.7, 0.2], ["a"] * 4, ["2025-03-05"] * 4
    rows = MeasuredRows(
        outcome=[1, 0, 1, 0],
        risk=risk,
        schools=schools,
        as_of=days,
        listed=[True, True, False, False],
        capacity=2,
    )
    plain = [own.tolist() for own in list_marks(rows).values()]
    assert plain == [[True, True, False, False]] * 2
    apart = list_marks(
        replace(rows, listed=[False, True, False, False], to_complete=[True, False, False, False])
    )
    assert [own.tolist() for own in apart.values()] == [
        [False, True, False, False],
        [False, True, True, False],
    ]


@pytest.mark.slow
def test_parts_write_the_same_lists(
    silent_model: TrainedModel, half_known: PupilRecords, tmp_path: Path, as_of: object
) -> None:
    """Scored in parts, a folder gives the same counts and the same lists of data to complete, to the byte."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in TABLES:
        getattr(half_known, name).to_parquet(folder / f"{name}.parquet")
    pupils = half_known.pupils["pupil_id"].sort_values()
    known = pupils[~pupils.isin(pupils[::2])]
    spans = {"table": "grades", "start": "2022-09-01", "end": "2025-08-31"}
    pd.DataFrame({"pupil_id": known, **spans}).to_parquet(folder / "coverage.parquet")
    outs = []
    for parts in (1, 3):
        out = tmp_path / f"out{parts}"
        with pytest.warns(DecrochageWarning):
            score_folder(folder, out, as_of=as_of, model=silent_model, partitions=parts)
        outs.append(out)
    names = [sorted(path.name for path in (out / "listes").iterdir()) for out in outs]
    assert names[0] == names[1]
    assert any(name.endswith("_donnees-a-completer.csv") for name in names[0])
    for name in ("run.json", "scores.parquet", *(f"listes/{each}" for each in names[0])):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
