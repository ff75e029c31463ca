"""Laws on cohorts that are drawn and written block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.records import PupilRecords
from decrochage_risk.synthetic import blocks, make_cohort, write_cohort

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"pupils": 700, "school_years": [2023, 2024], "seed": 3}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a block hold 500 pupil-years, so that a small cohort has three."""
    monkeypatch.setattr(blocks, "_MOST_PUPIL_YEARS", 500)


@pytest.mark.whole
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_written_blocks_are_the_cohort(tmp_path: Path, file_format: str) -> None:
    """Written block by block, the tables and the truth are those of the cohort in memory, and have no fault."""
    cohort = make_cohort(**ASKED)  # type: ignore[arg-type]  # a dict of all arguments
    paths = write_cohort(tmp_path, **ASKED, file_format=file_format)  # type: ignore[arg-type]  # same
    assert {path.stem for path in paths} == {*cohort.tables, "truth"}
    records = PupilRecords.read(tmp_path)
    assert not records.faults
    for name in ("pupils", "enrolments", "absences", "grades", "orientation"):
        pd.testing.assert_frame_equal(getattr(records, name), getattr(cohort.records, name))
    if file_format == "parquet":
        truth = pd.read_parquet(tmp_path / "truth.parquet").astype({"as_of": "datetime64[s]"})
        order = ["as_of", "pupil_id"]
        expected = cohort.truth.sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(truth.sort_values(order, ignore_index=True), expected)


def test_same_seed_same_bytes_block_by_block(tmp_path: Path) -> None:
    """The same seed writes the same bytes, another seed others."""
    written = [
        {path.name: path.read_bytes() for path in write_cohort(tmp_path / str(number), 700, [2024], seed)}
        for number, seed in enumerate((5, 5, 6))
    ]
    assert written[0] == written[1]
    assert all(written[0][name] != content for name, content in written[2].items())


def test_blocks_share_neither_pupils_nor_schools_nor_networks() -> None:
    """Each block has its own pupils, schools and networks; together there are as many pupils as asked for."""
    cohort = make_cohort(**ASKED)  # type: ignore[arg-type]  # a dict of all arguments
    assert len(cohort._blocks) == 3
    assert cohort.tables["pupils"]["pupil_id"].nunique() == len(cohort.tables["pupils"]) == 700
    schools = [school for block in cohort._blocks for school in block.schools.uai]
    networks = [set(block.schools.network) for block in cohort._blocks]
    assert len(set(schools)) == len(schools)
    assert sum(map(len, networks)) == len(set().union(*networks))


def test_progress_names_the_blocks() -> None:
    """The caller hears of each year of each block."""
    heard: list[str] = []
    make_cohort(**ASKED, progress=heard.append)  # type: ignore[arg-type]  # a dict of all arguments
    assert heard[:3] == ["2023-2024 (1/3)", "2024-2025 (1/3)", "2023-2024 (2/3)"]
    assert len(heard) == 6
