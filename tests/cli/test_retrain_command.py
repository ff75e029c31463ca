"""The command ``retrain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import decrochage_risk as dr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.mark.slow
def test_the_first_year_is_retrained_and_found_done_again(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Without champion the command trains, writes, and exits with the verdict's code; run again it says what was done."""
    config = tmp_path / "c.toml"
    config.write_text(
        f'records = "{extracts.as_posix()}"\nrun = "run"\nlabels_known_on = 2025-11-15\nsynthetic = true\n'
        "as_of = [2024-03-05, 2025-03-05]\n[options]\nmax_rounds = 10\nmembers = 2\n",
        encoding="utf-8",
    )
    first, second = run("retrain", config), run("retrain", config)
    for result in (first, second):
        assert result.exit_code == 4, result.output
        assert "rien n'a été comparé" in result.stdout
        assert "Verdict : à examiner avant la mise en service (review)" in result.stdout
    model = dr.load_model(tmp_path / "run" / "model")
    assert model.model_id in first.stdout
    assert "Étapes déjà faites" not in first.stdout
    assert "Étapes déjà faites : check, train, candidate, evaluate, card" in second.stdout


def test_a_configuration_at_fault_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Every fault of the configuration is told at once, in French, without traceback."""
    (tmp_path / "c.toml").write_text('records = "x"\ncolour = "red"\n', encoding="utf-8")
    message = refused("retrain", tmp_path / "c.toml")
    assert "colour : clé inconnue" in message
    assert "labels_known_on : obligatoire" in message
    assert "(fichier ou dossier absent)" in refused("retrain", tmp_path / "nope.toml")
