"""Laws of the yearly retraining: the same inputs give the same bytes, stopped or not, and only what changed is redone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import ModelError, NotEnoughDataError, TamperedArtefactError, TrainingWarning
from decrochage_risk.evaluate import ModelComparison
from decrochage_risk.evaluate.card import CHANGES
from decrochage_risk.evaluate.comparison import overall_verdict
from decrochage_risk.model import load_trained_model, take_snapshots
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import probability
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import retrain, train_model
from decrochage_risk.train.retraining import NO_CHAMPION
from decrochage_risk.train.supported import SUPPORTED

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.slow  # each trains whole models: run by make test-all

STEPS = ("check", "train", "candidate", "evaluate", "compare", "card")
DAYS = ["2021-11-05", "2022-11-05", "2023-11-06"]
CONFIG = """
records = "extraits"
run = "run"
champion = "champion"
labels_known_on = 2024-11-15
as_of = [2021-11-05, 2022-11-05, 2023-11-06]
synthetic = true
[options]
max_rounds = 12
members = 2
"""


class StoppedError(Exception):
    """Stands for the machine that was switched off."""


@pytest.fixture(scope="module")
def three_years() -> Cohort:
    return make_cohort(1_000, [2021, 2022, 2023], seed=3)


@pytest.fixture(scope="module")
def home(three_years: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with extracts, a champion and a configuration; no test may change it."""
    folder = tmp_path_factory.mktemp("home")
    three_years.write(folder / "extraits")
    options = FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=100.0)
    with pytest.warns(TrainingWarning, match="No year is untouched"):
        champion = train_model(
            three_years.records, three_years.outcomes, as_of_dates=DAYS[:1], options=options, synthetic=True
        )
    champion.save(folder / "champion")
    (folder / "c.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def done(home: Path) -> Path:
    """Run it once, whole."""
    result = retrain(home / "c.toml")
    assert result.redone == STEPS
    assert result.kept == ()
    return home / "run"


@pytest.fixture
def copied(home: Path, done: Path, tmp_path: Path) -> Path:  # noqa: ARG001 - done is in home
    """Copy everything to another place, the run included."""
    return shutil.copytree(home, tmp_path / "copy")


def tree(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edited(copy: Path, **values: Any) -> Path:
    """Change top-level lines of the configuration; None takes a line out."""
    kept = [line for line in CONFIG.splitlines() if line.split(" ")[0] not in values]
    added = [f"{name} = {value}" for name, value in values.items() if value is not None]
    (copy / "c.toml").write_text("\n".join([*added, *kept]), encoding="utf-8")
    return copy / "c.toml"


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(home: Path, done: Path, tmp_path: Path) -> None:
    """Stopped before the evaluation, in another folder, and continued: every file has the bytes of the whole run."""
    other = tmp_path / "elsewhere"
    shutil.copytree(home, other, ignore=shutil.ignore_patterns("run"))

    def stop(line: str) -> None:
        if line == "Évaluation":
            raise StoppedError

    with pytest.raises(StoppedError):
        retrain(other / "c.toml", progress=stop)
    assert not (other / "run" / "model").exists()
    result = retrain(other / "c.toml")
    assert result.kept == STEPS[:3]
    assert result.redone == STEPS[3:]
    assert tree(other / "run") == tree(done)


def test_a_second_run_does_nothing(copied: Path, done: Path) -> None:
    """With the same inputs every step is found done, and not one byte changes."""
    result = retrain(copied / "c.toml")
    assert (result.redone, result.kept) == ((), STEPS)
    assert tree(copied / "run") == tree(done)


def test_what_was_checked_counts_no_pupils(done: Path) -> None:
    """check.json lies beside a report and a comparison of the same pupils: it has no count that they could be subtracted from."""
    found = json.loads((done / "check.json").read_text(encoding="utf-8"))
    assert not {"pupils", "enrolments", "outcomes"} & set(found["rows"])
    assert found["rows"]["absences"] > 0
    assert set(found["outcomes"]) == {"2021", "2022", "2023"}
    for kinds in found["outcomes"].values():
        assert {"continued", "graduated"} <= set(kinds)
        assert all(isinstance(kind, str) for kind in kinds)


def test_every_input_is_on_record(home: Path, done: Path) -> None:
    """inputs.json names every file that was read, with its checksum, and no place of the machine."""
    text = (done / "inputs.json").read_text(encoding="utf-8")
    found = json.loads(text)
    expected = {f"records/{path.name}" for path in (home / "extraits").iterdir()}
    expected |= {f"champion/{path.name}" for path in (home / "champion").iterdir()}
    assert set(found["files"]) == expected
    assert all(len(sha256) == 64 for sha256 in found["files"].values())
    assert not any(str(home) in content.decode("utf-8") for content in tree(done).values())


def test_the_shipped_model_is_trained_on_every_year_and_the_judged_one_is_not(done: Path) -> None:
    """The candidate has not seen the last year, the model has; the verdict is of the candidate, the card holds it."""
    model, candidate = load_trained_model(done / "model"), load_trained_model(done / "candidate")
    assert model.trained_on["school_years"] == [2021, 2022, 2023]
    assert candidate.trained_on["school_years"] == [2021, 2022]
    comparison, shipped = (
        ModelComparison.from_json((done / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("comparison", "shipped")
    )
    assert comparison.challenger == candidate.model_id
    assert shipped.challenger == load_trained_model(done / "trained").model_id
    assert (shipped.test_years, shipped.champion_years) == ((2023,), (2021,))
    assert shipped.challenger_years == (2021, 2022, 2023)
    assert "year_in_training" not in {cause.code for cause in shipped.causes}
    assert shipped.causes[0].sentence in model.card
    assert (
        "Le modèle en place a appris 2021-2022 ; le nouveau, 2021-2022, 2022-2023 et 2023-2024" in model.card
    )
    assert "prédit par le seul membre du nouveau modèle qui ne l'a pas appris" in model.card
    assert comparison.test_years == (2023,)
    assert "year_in_training" not in {cause.code for cause in comparison.causes}
    before, after = model.card.split(CHANGES)
    assert load_trained_model(done / "trained").card.startswith(before)
    assert comparison.causes[0].sentence in after
    assert "2021-2022 ; désormais 2021-2022, 2022-2023 et 2023-2024" in after
    assert "Aucun modèle précédent" not in model.card
    assert "## Usages interdits" in after
    verdict = json.loads((done / "verdict.json").read_text(encoding="utf-8"))
    assert (verdict["verdict"], verdict["sha256"]) == (overall_verdict([comparison, shipped]), model.sha256)
    assert {cause["judged"] for cause in verdict["causes"]} == {"candidate", "shipped"}


def test_the_left_out_risks_are_those_of_members_that_have_not_learnt_the_pupil(
    done: Path, three_years: Cohort
) -> None:
    """Each risk of the last year is that of one member of the shipped model; only the owner may read the file."""
    path = done / "left_out.json"
    assert path.stat().st_mode & 0o077 == 0
    told = pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
    model = load_trained_model(done / "model")
    rows = take_snapshots(three_years.records, three_years.outcomes, DAYS[2:])
    assert told["pupil_id"].tolist() == rows.rows["pupil_id"].tolist()
    filled = model.risk_model.filled(rows.features, rows.rows["reference_group"].to_numpy())
    members = probability(model.risk_model.calibration.apply(model.risk_model.member_log_odds(filled)))
    assert np.abs(members - told["risk"].to_numpy()[:, None]).min(axis=1).max() < 1e-12


def test_another_champion_than_the_one_asked_for_is_refused(copied: Path) -> None:
    """The checksum of the champion, kept in the configuration, tells it from any other model in its folder."""
    sha256 = load_trained_model(copied / "champion").sha256
    assert retrain(edited(copied, champion_sha256=f'"{sha256}"')).redone == ()
    shutil.rmtree(copied / "champion")
    shutil.copytree(copied / "run" / "candidate", copied / "champion")
    with pytest.raises(TamperedArtefactError, match="another model than the one asked for"):
        retrain(copied / "c.toml")
    # The steps are done for this champion without a checksum: one that is added is held all the same.
    retrain(edited(copied))
    with pytest.raises(TamperedArtefactError, match="another model than the one asked for"):
        retrain(edited(copied, champion_sha256=f'"{sha256}"'))
    with pytest.raises(ModelError, match="champion_sha256 without champion"):
        retrain(edited(copied, champion=None, champion_sha256=f'"{sha256}"'))


def test_another_champion_redoes_the_comparison_alone(copied: Path) -> None:
    """No training is repeated because another model is in use."""
    shutil.rmtree(copied / "champion")
    shutil.copytree(copied / "run" / "candidate", copied / "champion")
    result = retrain(copied / "c.toml")
    assert result.redone == ("compare", "card")
    assert result.comparison is not None
    assert result.comparison.difference("log_loss").difference == 0
    assert [cause.code for cause in result.comparison.causes] == ["same_model"]
    assert result.shipped is not None
    assert result.shipped.difference("log_loss").difference != 0
    assert result.verdict in {"review", "keep"}
    assert "rien n'a été comparé" in result.model.card


def test_another_margin_redoes_the_comparison_alone(copied: Path) -> None:
    """A setting redoes the steps that read it."""
    assert retrain(edited(copied, margin=0.2)).redone == ("compare", "card")


def test_history_turned_off_is_unlearnt(copied: Path, done: Path) -> None:
    """A model of past attendance does not stay when its setting is gone: what is shipped is that of a new run."""
    assert load_trained_model(done / "model").trained_on["past_attendance"]
    result = retrain(edited(copied, history="false"))
    assert result.redone == STEPS[1:]
    assert not result.model.trained_on["past_attendance"]


def test_the_first_year_has_nothing_to_compare(copied: Path, done: Path) -> None:
    """Without champion the same model is trained, its card has no comparison, and none is left in the folder."""
    result = retrain(edited(copied, champion=None))
    assert result.verdict == NO_CHAMPION
    assert result.comparison is None
    assert result.redone == ("card",)
    assert result.model.sha256 == load_trained_model(done / "trained").sha256
    assert not (copied / "run" / "comparison.json").exists()


def test_what_is_no_longer_asked_for_is_not_left_behind(copied: Path) -> None:
    """With one year there is nothing to judge on: candidate, evaluation and comparison of an earlier run are gone."""
    with pytest.warns(TrainingWarning, match="No year is untouched"):
        result = retrain(edited(copied, school_years="[2021]", as_of="[2021-11-05]"))
    assert result.verdict == NO_CHAMPION
    left = {path.name for path in (copied / "run").iterdir()}
    assert left == {"check.json", "inputs.json", "left_out.json", "model", "steps", "trained", "verdict.json"}
    assert "Aucun modèle précédent" in result.model.card


def test_years_that_are_not_mature_are_left_out(home: Path, done: Path, tmp_path: Path) -> None:  # noqa: ARG001
    """Outcomes extracted before a year closed: it is neither learnt nor judged on; before them all, nothing is done."""
    copy = shutil.copytree(home, tmp_path / "copy", ignore=shutil.ignore_patterns("run"))
    with pytest.warns(TrainingWarning):
        result = retrain(edited(copy, labels_known_on="2024-10-31", champion=None))
    assert result.model.trained_on["school_years"] == [2021, 2022]
    with pytest.raises(NotEnoughDataError, match="had closed on 2022-10-31"):
        retrain(edited(copy, labels_known_on="2022-10-31"))


def test_a_file_of_outcomes_apart_is_read(copied: Path, done: Path) -> None:
    """Outcomes moved out of the folder of the extracts into a file of their own give the same model."""
    (copied / "extraits" / "outcomes.parquet").rename(copied / "issues.parquet")
    result = retrain(edited(copied, outcomes='"issues.parquet"'))
    assert result.redone[:2] == STEPS[:2]
    assert result.model.risk_model.to_files() == load_trained_model(done / "model").risk_model.to_files()


def test_supported_pupils_are_treated_as_asked(copied: Path, three_years: Cohort) -> None:
    """The table of supports is an input like the others: its checksum is kept, and what reads it is redone."""
    pupils = three_years.outcomes.loc[three_years.outcomes["school_year"] == 2022, "pupil_id"].head(40)
    starts = pd.DataFrame({"pupil_id": pupils, "started_on": "2022-10-03"})
    starts.to_csv(copied / "mesures.csv", index=False)
    path = edited(copied, supported="'mesures.csv'", helped="'exclude'")
    result = retrain(path)
    assert {"train", "candidate"} <= set(result.redone)
    assert "check" in result.kept
    inputs = json.loads((copied / "run" / "inputs.json").read_text(encoding="utf-8"))
    assert "supported/mesures.csv" in inputs["files"]
    assert inputs["settings"]["helped"] == "exclude"
    count = result.model.trained_on["left_out"][SUPPORTED]
    assert count is None or count > 20  # None: hidden, it would give a smaller count away
