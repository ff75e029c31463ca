"""Into how many parts an extract is split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.partitions import runs as sizing
from decrochage_risk.partitions.runs import BYTES_PER_ROW, choose_parts, free_memory, memory_needed
from decrochage_risk.partitions.splitting import MOST_PARTS

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a table of some thousand rows as Parquet, and one part of another in a folder."""
    rows = pd.DataFrame({"pupil_id": [f"p{number}" for number in range(ROWS)]})
    rows.to_parquet(tmp_path / "pupils.parquet", index=False)
    (tmp_path / "grades").mkdir()
    rows.to_parquet(tmp_path / "grades" / "0.parquet", index=False)
    return tmp_path


def test_what_fits_is_read_at_once_and_the_rest_in_parts_that_fit(folder: Path) -> None:
    """Twice what is needed is enough for everything at once; with less, each part takes at most a fifth of it."""
    needed = memory_needed(folder)
    assert needed == 2 * ROWS * BYTES_PER_ROW
    assert choose_parts(folder, 2 * needed) == 1
    for memory in (2 * needed - 1, needed, needed // 3):
        parts = choose_parts(folder, memory)
        assert parts > 1
        assert needed / parts <= 0.2 * memory
        assert needed / (parts - 1) > 0.2 * memory
    assert choose_parts(folder, 0) == MOST_PARTS


def test_rows_of_csv_are_guessed_from_its_size(tmp_path: Path) -> None:
    """A CSV counts by its bytes, a packed one for more; files that are neither, or broken, count nothing."""
    (tmp_path / "grades.csv").write_bytes(b"x" * 50_000)
    plain = memory_needed(tmp_path)
    assert plain > 0
    (tmp_path / "grades.csv").rename(tmp_path / "grades.csv.gz")
    assert memory_needed(tmp_path) > plain
    (tmp_path / "grades.csv.gz").rename(tmp_path / "grades.parquet")
    (tmp_path / "notes.txt").write_bytes(b"x" * 50_000)
    assert memory_needed(tmp_path) == 0
    assert choose_parts(tmp_path / "nowhere", 1) == 1


def test_without_an_answer_of_the_system_everything_is_read_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody says how much memory is free, nothing is split unless it is asked for."""
    monkeypatch.setattr(sizing, "_system_memory", lambda: None)
    monkeypatch.setattr(sizing, "_group_memory", lambda: None)
    assert free_memory() is None
    assert choose_parts(folder) == 1


def test_a_container_counts_when_it_allows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free is the least of what the system and the container allow."""
    monkeypatch.setattr(sizing, "_group_memory", lambda: 1_000)
    assert free_memory() == 1_000
    monkeypatch.setattr(sizing, "_group_memory", lambda: None)
    found = free_memory()
    assert found is None or found > 1_000_000
