"""Laws of data to complete: nobody is on the list of the risk for what is not known of them alone, and nobody is forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import DecrochageWarning, RecordsWarning
from decrochage_risk.french.words import forbidden_in
from decrochage_risk.model import take_snapshots
from decrochage_risk.partitions import score_folder
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import Calibration
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

DAYS = ["2023-01-09", "2023-03-06", "2023-05-09", "2024-01-08", "2024-03-06", "2024-05-06"]
TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")


@pytest.fixture(scope="module")
def tables(small_cohort: Cohort) -> dict[str, Any]:
    return {name: small_cohort.tables[name] for name in TABLES}


@pytest.fixture(scope="module")
def silent_model(small_cohort: Cohort, small_model: TrainedModel, tables: dict[str, Any]) -> TrainedModel:
    """Learn from pupils whose marks are not known more often where they leave: a regression, which is fitted at once."""
    rng = np.random.default_rng(0)
    outcomes = small_cohort.tables["outcomes"]
    left = set(outcomes.loc[outcomes["outcome"] == "left_without_diploma", "pupil_id"])
    pupils = tables["pupils"]["pupil_id"].sort_values()
    silent = pupils[rng.random(len(pupils)) < np.where(pupils.isin(left), 0.9, 0.15)].tolist()
    records = PupilRecords(**tables, not_sent={"grades": silent}, calendar=small_cohort.calendar)
    snapshots = take_snapshots(records, outcomes, DAYS)
    options = FitOptions(kind="logistic", members=2, penalty=3.0)
    risk_model = fit_risk_model(snapshots, seed=0, options=options)
    # Of so few leavers a calibration would leave little: the law is of lists, and every gap here is to be scored.
    references = replace(risk_model.references, knowledge=replace(risk_model.knowledge, rows={}))
    plain = Calibration(kind="identity", intercept=0.0, slope=1.0)
    return replace(small_model, risk_model=replace(risk_model, references=references, calibration=plain))


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
