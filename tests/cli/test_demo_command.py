"""The command ``demo``, with the bundled demonstration model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.mark.whole
def test_demo_shows_the_whole_path(tmp_path: Path, run: Callable[..., Result]) -> None:
    """The demonstration writes extracts and scores of every pupil, tells reasons, and says what its model is."""
    out = tmp_path / "demo"
    result = run("demo", "--out", out, "--pupils", 600)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("Attention : Modèle de démonstration") == 1
    for told in (
        "modèle de démonstration",
        str(out / "extraits"),
        str(out / "scores"),
    ):
        assert told in result.stdout.replace("\n", " ") or told in result.stdout
    assert re.search(r"élève\s+type,\s+médian\s+du\s+même\s+niveau", result.stdout)
    scores = pd.read_parquet(out / "scores" / "scores.parquet")
    assert len(scores) == len(dr.PupilRecords.read(out / "extraits")) == 600
    assert scores["flagged"].any()
    assert json.loads((out / "scores" / "run.json").read_text(encoding="utf-8"))["model"]["demo"] is True


@pytest.mark.whole
def test_extracts_of_the_demo_pass_the_check(tmp_path: Path, run: Callable[..., Result]) -> None:
    """What the demonstration suggests to do next works, and so does what a school begins with: exports, import, check."""
    out = tmp_path / "demo"
    shown = run("demo", "--out", out, "--pupils", 150).stdout.replace("\n", " ")
    assert run("check", out / "extraits").exit_code == 0
    assert run("check", out / "importes").exit_code == 0
    report = json.loads((out / "importes" / "rapport-import.json").read_text(encoding="utf-8"))
    assert {"siecle_eleves", "gepi_saisies", "gepi_book"} <= {file["kind"] for file in report["files"]}
    assert (
        sum(file["refusal"] != "" for file in report["files"] if file["path"] != "fichiers/declarations.toml")
        == 0
    )
    assert "0 laissée" in shown


@pytest.mark.whole
def test_demo_again_replaces_its_files(tmp_path: Path, run: Callable[..., Result]) -> None:
    """A second demonstration into the same folder succeeds and gives the same scores for the same seed."""
    scores = tmp_path / "scores" / "scores.parquet"
    run("demo", "--out", tmp_path, "--pupils", 150, "--seed", 4)
    first = pd.read_parquet(scores)
    assert run("demo", "--out", tmp_path, "--pupils", 150, "--seed", 4).exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(scores), first, check_exact=True)


def test_demo_refuses_a_target_that_is_a_file(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A target that is a file is refused before anything is drawn."""
    target = tmp_path / "demo"
    target.touch()
    assert "qui est un fichier" in refused("demo", "--out", target)


def test_demo_refuses_no_pupil(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Less than one pupil cannot be drawn."""
    assert "pupils=0" in refused("demo", "--out", tmp_path, "--pupils", 0)
