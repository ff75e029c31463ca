"""The command ``journal``: reading, purging, erasing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import decrochage_risk as dr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def scores(extracts: Path, model_folder: Path) -> dr.RiskScores:
    """Score the extracts."""
    model = dr.load_model(model_folder)
    return dr.score_pupils(dr.PupilRecords.read(extracts), as_of="2025-03-05", model=model, explain="none")


@pytest.fixture
def log(scores: dr.RiskScores, tmp_path: Path) -> Path:
    """Write a journal of two scorings, one old and one recent."""
    for year in (2024, 2025):
        dr.Journal(tmp_path / "j.jsonl").record(scores, at=datetime(year, 3, 5, 8, tzinfo=UTC))
    return tmp_path / "j.jsonl"


def test_each_scoring_is_a_line(log: Path, scores: dr.RiskScores, run: Callable[..., Result]) -> None:
    """Without options nothing is written, and every entry is told with its time, model and counts."""
    before = log.read_bytes()
    lines = run("journal", log).stdout.splitlines()
    assert [line[:10] for line in lines] == ["2024-03-05", "2025-03-05"]
    assert all(scores.run.model.id in line for line in lines)
    assert log.read_bytes() == before


def test_old_lines_and_a_pupil_go(log: Path, scores: dr.RiskScores, run: Callable[..., Result]) -> None:
    """A purge keeps what is recent, an erasure takes the id out, and both are counted in the journal."""
    pupil = scores.flagged["pupil_id"].iloc[0]
    told = run("journal", log, "--purge-before", "2025-01-01", "--erase", pupil).stdout
    assert "1 ligne retirée" in told
    assert "effacé de 1 ligne" in told
    assert [entry["kind"] for entry in dr.Journal(log).entries()] == ["scoring", "purge", "erasure"]
    assert pupil not in log.read_text(encoding="utf-8")
    assert len(run("journal", log).stdout.splitlines()) == 3


def test_a_journal_that_is_not_there_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A wrong path is told, and no file is made."""
    assert "n'existe pas" in refused("journal", tmp_path / "j.jsonl")
    assert list(tmp_path.iterdir()) == []
