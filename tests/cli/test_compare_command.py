"""The commands ``compare`` and ``recalibrate``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.artefact import seal, unseal
from decrochage_risk.cli.model_commands import COMPARISON_EXIT_CODES
from decrochage_risk.evaluate.verdict import Cause
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from decrochage_risk.evaluate import ModelComparison
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole

ASKED = ("--as-of", "2025-03-05", "--labels-known-on", "2025-11-01")


@pytest.fixture(scope="module")
def models(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of a model of the first year, and of the same one badly calibrated."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.warns(dr.TrainingWarning, match="No year is untouched"):
        good = dr.train_model(
            cohort.records,
            cohort.outcomes,
            school_years=[2023],
            name="bon",
            options=FitOptions(max_rounds=30, members=2, linear_share=0.5, penalty=100.0),
        )
    good.save(folder / "bon")
    poor = replace(good.risk_model, calibration=Calibration("platt", 1.0, 0.4))
    replace(good, name="mauvais", risk_model=poor).save(folder / "mauvais")
    return folder / "bon", folder / "mauvais"


def test_the_comparison_is_that_of_the_library(
    extracts: Path, models: tuple[Path, Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Printed, written and told by the exit code: the comparison of the library, pupils in the file asked for only."""
    good, poor = models
    target, changes = tmp_path / "out" / "c.json", tmp_path / "out" / "qui.csv"
    result = run(
        "compare", extracts, "--champion", poor, "--challenger", good, *ASKED, "--json", target, "--changes", changes
    )  # fmt: skip
    expected = dr.compare_models(
        dr.load_model(poor),
        dr.load_model(good),
        dr.PupilRecords.read(extracts),
        as_of_dates=["2025-03-05"],
        labels_known_on="2025-11-01",
    )
    assert target.read_text(encoding="utf-8") == expected.to_json()
    assert result.exit_code == COMPARISON_EXIT_CODES[expected.verdict], result.output
    assert f"({expected.verdict})" in result.stdout
    listed = pd.read_csv(changes, sep=";", decimal=",")
    assert expected.changes is not None
    assert len(listed) == len(expected.changes) > 0
    shown = re.sub(r"\s+", " ", result.stdout)
    assert all(cause.sentence in shown for cause in expected.causes)
    assert not any(pupil in result.stdout for pupil in listed["pupil_id"])


@pytest.mark.parametrize(("verdict", "code"), [("promote", 0), ("keep", 3), ("review", 4)])
def test_the_exit_code_tells_the_verdict(
    verdict: str,
    code: int,
    extracts: Path,
    models: tuple[Path, Path],
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0 promotes, 3 keeps, 4 asks for a look; the help says so."""
    found = dr.compare_models(
        *map(dr.load_model, models),
        dr.PupilRecords.read(extracts),
        as_of_dates=["2025-03-05"],
        labels_known_on="2025-11-01",
    )
    cause = Cause(code="better", calls_for="promote", sentence="essai")
    changed = found.model_copy(update={"verdict": verdict, "causes": (cause,)})

    def compared(*_: object, **__: object) -> ModelComparison:
        return changed

    monkeypatch.setattr(dr, "compare_models", compared)
    result = run("compare", extracts, "--champion", models[0], "--challenger", models[1], *ASKED)
    assert result.exit_code == code
    told = re.sub(r"\s+", " ", run("compare", "--help").output)
    assert "0 mettre en service ; 3 garder le modèle en place ; 4 à examiner" in told


def test_labels_that_are_not_mature_are_refused(
    extracts: Path, models: tuple[Path, Path], refused: Callable[..., str]
) -> None:
    """Outcomes extracted before they close compare nothing."""
    early = ("--as-of", "2025-03-05", "--labels-known-on", "2025-06-30")
    message = refused("compare", extracts, "--champion", models[0], "--challenger", models[1], *early)
    assert "Les issues ne sont pas closes" in message


def test_a_model_of_other_features_is_refused_with_the_way_out(
    extracts: Path, models: tuple[Path, Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A champion whose features mean something else here is refused, and the hint says what can be done."""
    sealed = unseal(models[0])
    for entry in sealed.manifest["feature_contract"]:
        entry["revision"] = 99
    seal(tmp_path / "autre", sealed.files, sealed.manifest)
    message = refused(
        "compare", extracts, "--champion", tmp_path / "autre", "--challenger", models[0], *ASKED
    )
    assert "autres définitions d'indicateurs" in message
    assert "réentraîner sa configuration" in message


def test_recalibrate_saves_what_the_library_moves(
    extracts: Path, models: tuple[Path, Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    """The command saves the very model of the library, and prints the section that its card got."""
    result = run(
        "recalibrate", extracts, "--model", models[1], "--out", tmp_path / "m", *ASKED, "--reason", "niveau de 2024"
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    expected = dr.recalibrate(
        dr.load_model(models[1]),
        dr.PupilRecords.read(extracts),
        as_of_dates=["2025-03-05"],
        labels_known_on="2025-11-01",
        reason="niveau de 2024",
    )
    assert dr.load_model(tmp_path / "m").sha256 == expected.sha256
    assert "Motif : niveau de 2024" in result.stdout
    assert expected.model_id in result.stdout


def test_recalibrate_refuses_an_empty_reason(
    extracts: Path, models: tuple[Path, Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Without a reason nothing is changed."""
    message = refused(
        "recalibrate", extracts, "--model", models[0], "--out", tmp_path / "m", *ASKED, "--reason", " "
    )
    assert "the audit record says why" in message
    assert not (tmp_path / "m").exists()
