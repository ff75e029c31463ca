"""The commands ``train`` and ``evaluate``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import decrochage_risk as dr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.whole

REVIEW = 4
EVALUATED = ("--as-of", "2025-01-10")


def test_train_saves_what_the_library_trains(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """The command trains, measures and saves the very model of the library, and prints its report and id."""
    target = tmp_path / "modeles" / "2024"
    dates = ["2023-11-05", "2024-03-05", "2024-11-05", "2025-03-05"]
    options = [argument for day in dates for argument in ("--as-of", day)]
    result = run("train", extracts, "--out", target, "--name", "essai", "--seed", 2, "--synthetic", *options)
    assert result.exit_code == REVIEW, result.output
    expected = dr.train_model(
        dr.PupilRecords.read(extracts), as_of_dates=dates, name="essai", seed=2, synthetic=True
    )
    saved = dr.load_model(target)
    assert saved.sha256 == expected.sha256
    assert saved.demo
    assert f"Modèle : {saved.model_id}, de démonstration" in result.stdout
    assert f"SHA-256 : {saved.sha256}" in result.stdout
    assert result.stdout.rstrip().endswith("Verdict : à examiner avant la mise en service (review)")
    for text in (result.stdout.replace("\n", " "), saved.card.replace("\n> ", " ")):
        assert "Ces chiffres ne sont pas ceux du modèle livré, qui a appris 2023-2024 et 2024-2025" in text
        assert "Le remplaçant n'a appris qu'une année" in text
    assert "Dates d'observation : 5 novembre 2024 et 5 mars 2025" in result.stdout
    assert str(target / "card.md") in result.stdout


@pytest.mark.slow
def test_training_in_parts_gives_the_same_model(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """With --partitions the saved model is the same, and no work in progress is left beside it."""
    options = ["--as-of", "2024-11-05", "--as-of", "2025-03-05", "--name", "essai"]
    for parts in (1, 3):
        target = tmp_path / str(parts) / "modele"
        result = run("train", extracts, "--out", target, *options, "--partitions", parts)
        assert result.exit_code == REVIEW, result.output
        assert [path.name for path in target.parent.iterdir()] == ["modele"]
    models = [dr.load_model(tmp_path / str(parts) / "modele") for parts in (1, 3)]
    assert models[0].sha256 == models[1].sha256


@pytest.mark.slow
def test_training_on_one_year_tells_its_limits(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """With one school year no year is untouched: told once on stderr, and the model is made all the same."""
    result = run("train", extracts, "--out", tmp_path / "m", "--school-year", 2024)
    assert result.exit_code == REVIEW, result.output
    assert result.stderr.count("Attention : No year is untouched: there is no earlier school year") == 1
    assert dr.load_model(tmp_path / "m").trained_on["school_years"] == [2024]


def test_training_again_replaces_the_model(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """A saved model may be replaced by a new one."""
    own = shutil.copytree(model_folder, tmp_path / "modele")
    run("train", extracts, "--out", own, "--name", "nouveau", "--school-year", 2024)
    assert dr.load_model(own).name == "nouveau"


@pytest.mark.parametrize(
    ("options", "came"),
    [
        (["--as-of", "hier"], "'hier' (str) n'est pas un jour"),
        (["--outcome-closes", "novembre"], "--outcome-closes 'novembre'"),
        (["--outcome-closes", "13-45"], "outcome_closes=(13, 45)"),
        (["--school-year", "1999"], "Aucune date d'observation par défaut"),
        (["--zone", "D"], "La zone 'D' n'existe pas"),
    ],
)
def test_trainings_that_are_refused(
    options: list[str], came: str, extracts: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A bad date, closing day, school year or zone is refused, and no model is written."""
    assert came in refused("train", extracts, "--out", tmp_path / "m", *options)
    assert not (tmp_path / "m").exists()


def test_training_needs_outcomes(extracts: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    """Extracts without outcomes cannot be trained on, and the message says which file to add."""
    own = shutil.copytree(extracts, tmp_path / "extraits")
    (own / "outcomes.parquet").unlink()
    message = refused("train", own, "--out", tmp_path / "m")
    assert "La table outcomes (les issues) manque" in message
    assert "outcomes.csv" in message


def test_training_refuses_its_target_before_the_work(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A target that is a file, or holds something else than a model, is refused before the extracts are read."""
    file, full = tmp_path / "fichier", tmp_path / "plein"
    file.touch()
    full.mkdir()
    (full / "these.txt").touch()
    nowhere = tmp_path / "nulle-part"
    assert f"{file} est un fichier" in refused("train", nowhere, "--out", file)
    assert "autre chose qu'un modèle" in refused("train", nowhere, "--out", full)
    assert "n'existe pas" in refused("train", nowhere, "--out", tmp_path / "m")
    assert [path.name for path in full.iterdir()] == ["these.txt"]


def test_evaluate_prints_the_report_of_the_library(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """The report is printed, and written as JSON and Markdown, as the library makes it; seen years are told."""
    as_json, as_markdown = tmp_path / "r" / "rapport.json", tmp_path / "r" / "rapport.md"
    files = ["--json", as_json, "--markdown", as_markdown]
    result = run("evaluate", extracts, "--model", model_folder, *EVALUATED, "--capacity", 7, *files)
    assert result.exit_code == 0, result.output
    report = dr.EvaluationReport.from_json(as_json.read_text(encoding="utf-8"))
    assert str(report) in result.stdout
    assert as_markdown.read_text(encoding="utf-8") == report.to_markdown()
    with pytest.warns(dr.TrainingWarning, match="2024"):
        expected = dr.evaluate_model(
            dr.load_model(model_folder),
            dr.PupilRecords.read(extracts),
            as_of_dates=["2025-01-10"],
            capacity=7,
        )
    assert report == expected
    assert result.stderr.count("Attention : The school years 2024 were in the training") == 1


@pytest.mark.parametrize(
    ("options", "came"),
    [
        (["--as-of", "10/01/2025"], "'10/01/2025' (str) n'est pas un jour"),
        ([*EVALUATED, "--outcome-closes", "1er novembre"], "--outcome-closes '1er novembre'"),
        ([*EVALUATED, "--json", "."], "est un dossier"),
        ([*EVALUATED, "--labels-known-on", "2025-10-31"], "issues n'était connue le 2025-10-31"),
        (["--as-of", "2060-01-01"], "2060"),
    ],
)
def test_evaluations_that_are_refused(
    options: list[str], came: str, extracts: Path, model_folder: Path, refused: Callable[..., str]
) -> None:
    """A bad date, closing day or report file is refused."""
    assert came in refused("evaluate", extracts, "--model", model_folder, *options)


def test_evaluate_refuses_what_is_no_model(
    extracts: Path, model_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A model that is not there, or was truncated, is refused."""
    own = shutil.copytree(model_folder, tmp_path / "modele")
    booster = own / "booster-0.txt"
    booster.write_bytes(booster.read_bytes()[:100])
    assert "n'existe pas" in refused("evaluate", extracts, "--model", tmp_path / "rien", *EVALUATED)
    assert "booster-0.txt est coupé" in refused("evaluate", extracts, "--model", own, *EVALUATED)


def test_evaluate_needs_a_date(extracts: Path, model_folder: Path, run: Callable[..., Result]) -> None:
    """Without a date to evaluate on, the usage error names the option."""
    result = run("evaluate", extracts, "--model", model_folder)
    assert result.exit_code == 2
    assert "--as-of" in result.stderr


@pytest.mark.parametrize("command", ["score", "thresholds", "evaluate", "drift", "notice"])
def test_another_model_than_the_one_of_the_checksum_is_refused(
    command: str, extracts: Path, model_folder: Path, refused: Callable[..., str], tmp_path: Path
) -> None:
    """With --model-sha256 each command that takes a model refuses another, before it reads anything."""
    more = {
        "score": (extracts, "--as-of", "2025-01-10", "--out", tmp_path / "out"),
        "thresholds": (),
        "evaluate": (extracts, *EVALUATED),
        "drift": (extracts, *EVALUATED),
        "notice": (extracts, "--as-of", "2025-01-10", "--pupil", "x", "--out", tmp_path / "out"),
    }[command]
    message = refused(command, *more, "--model", model_folder, "--model-sha256", "0" * 64)
    assert "un autre modèle que celui demandé" in message
    assert dr.load_model(model_folder).sha256 in message.replace("\n", "")


def test_the_demonstration_model_has_a_checksum_too(
    refused: Callable[..., str], run: Callable[..., Result]
) -> None:
    """Without --model the checksum is held against the bundled model."""
    from decrochage_risk.score import load_demo_model  # noqa: PLC0415 - only here

    assert run("thresholds", "--model-sha256", load_demo_model().sha256).exit_code == 0
    assert "un autre modèle" in refused("thresholds", "--model-sha256", "0" * 64)
