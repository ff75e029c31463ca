"""The command ``cohort``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.synthetic import FAULTS_OF_EXTRACT, make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


@pytest.mark.whole
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_cohort_writes_what_make_cohort_draws(
    file_format: str, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """The command writes the very cohort of its options, which reads back without error."""
    options = [
        "--pupils",
        40,
        "--school-year",
        2023,
        "--school-year",
        2024,
        "--seed",
        3,
        "--format",
        file_format,
    ]
    result = run("cohort", tmp_path / "c", *options)
    assert result.exit_code == 0, result.output
    expected = make_cohort(40, [2023, 2024], 3)
    read = dr.PupilRecords.read(tmp_path / "c")
    assert read.pupils["pupil_id"].tolist() == expected.tables["pupils"]["pupil_id"].tolist()
    assert read.grades is not None
    assert len(read.grades) == len(expected.tables["grades"])
    assert (tmp_path / "c" / f"truth.{file_format}").is_file()


@pytest.mark.parametrize(
    ("options", "came"),
    [
        (["--pupils", 0], "pupils=0"),
        (["--school-year", 2022, "--school-year", 2024], "school_years=[2022, 2024]"),
        (["--school-year", 1999], "school_years=[1999]"),
        (["--seed", -1], "seed=-1"),
        (["--difficulty", "facile"], "difficulty='facile'"),
        (["--youngest", "4e"], "youngest='4e'"),
        (["--regime", "tempête"], "'tempête'"),
    ],
)
def test_cohort_refuses(
    options: list[object], came: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A cohort that cannot be drawn is refused with what came."""
    assert came in refused("cohort", tmp_path / "c", *options)
    assert not (tmp_path / "c").exists()


def test_cohort_refuses_a_target_that_is_a_file(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Tables are not written over a file, nor under one."""
    target = tmp_path / "c"
    target.touch()
    assert f"{target} est un fichier" in refused("cohort", target)
    assert "qui est un fichier" in refused("cohort", target / "dedans")


def test_cohort_passes_every_option_on(tmp_path: Path, run: Callable[..., Result]) -> None:
    """Difficulty, youngest level and regimes are those asked for."""
    options = ["--pupils", 300, "--school-year", 2024, "--difficulty", "hard", "--youngest", "3e"]
    result = run("cohort", tmp_path, *options, "--regime", "prior_shift", "--regime", "stops_recording")
    assert result.exit_code == 0, result.output
    expected = make_cohort(300, [2024], 0, "hard", youngest="3e", regimes=["prior_shift", "stops_recording"])
    truth = pd.read_parquet(tmp_path / "truth.parquet")
    assert truth["probability"].tolist() == expected.truth["probability"].tolist()
    assert f"coverage : {len(expected.tables['coverage'])} lignes" in result.stdout


@pytest.mark.whole
def test_check_finds_every_fault_of_a_messy_cohort(tmp_path: Path, run: Callable[..., Result]) -> None:
    """``check`` names each fault of rows and columns that ``cohort --messy`` wrote, and refuses the other extracts."""
    assert run("cohort", tmp_path, "--pupils", 200, "--school-year", 2024, "--messy").exit_code == 0
    for extract in ("rows", "columns"):
        checked = run("check", tmp_path / extract)
        assert checked.exit_code == 1
        assert not [rule for rule in FAULTS_OF_EXTRACT[extract] if f" {rule} :" not in checked.output]
    without_tables = run("check", tmp_path / "tables")
    assert without_tables.exit_code == 1
    assert "empty_table : table pupils" in without_tables.output
    assert "missing_table : table enrolments" in without_tables.output
    assert "abscences.csv" in without_tables.output
    twice = run("check", tmp_path / "twice")
    assert twice.exit_code == 2
    assert "value" in twice.output


@pytest.mark.whole
def test_cohort_writes_exports_that_import_reads(tmp_path: Path, run: Callable[..., Result]) -> None:
    """Exports, key, import, check: the demonstration begins where a school begins, and no pupil is lost on the way."""
    exports, key, tables = tmp_path / "exports", tmp_path / "key", tmp_path / "tables"
    made = run("cohort", exports, "--pupils", 12, "--school-year", 2024, "--as", "siecle,gepi")
    assert made.exit_code == 0, made.output
    assert run("new-key", key).exit_code == 0
    done = run("import", exports, "--out", tables, "--key", key, "--columns", exports / "declarations.toml")
    assert done.exit_code == 0, done.output
    assert run("check", tables).exit_code == 0
    assert len(dr.PupilRecords.read(tables).pupils) == 12


def test_cohort_refuses_faulty_tables_as_exports(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Faulty extracts are tables: asking for them as exports is refused."""
    assert "--messy" in refused("cohort", tmp_path / "c", "--messy", "--as", "siecle")
