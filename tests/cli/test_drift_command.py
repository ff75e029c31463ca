"""The command ``drift``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import decrochage_risk as dr
from decrochage_risk.cli.model_commands import DRIFT_EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.mark.whole
def test_the_watch_is_that_of_the_library(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Printed, written and told by the exit code: the report of the library."""
    target = tmp_path / "out" / "veille.json"
    result = run("drift", extracts, "--model", model_folder, "--as-of", "2025-03-05", "--json", target)
    expected = dr.watch_drift(dr.load_model(model_folder), dr.PupilRecords.read(extracts), "2025-03-05")
    assert target.read_text(encoding="utf-8") == expected.to_json()
    assert result.exit_code == DRIFT_EXIT_CODES[expected.verdict], result.output
    assert f"({expected.verdict})" in result.stdout


def test_labels_that_are_not_mature_are_refused(
    extracts: Path, model_folder: Path, refused: Callable[..., str]
) -> None:
    """Outcomes extracted before they close say nothing of a calibration."""
    labels = ("--labels-as-of", "2025-03-05", "--labels-known-on", "2025-06-30")
    assert "Les issues ne sont pas closes" in refused(
        "drift", extracts, "--model", model_folder, "--as-of", "2025-03-05", *labels
    )
