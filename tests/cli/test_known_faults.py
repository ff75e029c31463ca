"""From the command line: what is judged is what was known on the as-of date, at once and in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

AS_OF, LATER = "2025-03-05", "2025-03-12"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """Write six pupils with their absences; nothing is wrong."""
    folder = tmp_path / "extraits"
    folder.mkdir()
    pupils = [f"a{number}" for number in range(6)]
    stay = {"school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
    days = ["2024-11-04", "2024-12-02", "2025-02-03"]
    write(folder, "pupils", [{"pupil_id": pupil} for pupil in pupils])
    write(folder, "enrolments", [{"pupil_id": pupil} | stay for pupil in pupils])
    write(folder, "absences", [absence(pupil, day) for pupil in pupils for day in days])
    return folder


def absence(pupil: str, day: str, half_days: int = 1) -> dict[str, object]:
    """Write one row."""
    return {"pupil_id": pupil, "date": day, "half_days": half_days, "kind": "absence", "justified": False}


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    """Write a table."""
    pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet", index=False)


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder of results."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.whole
@pytest.mark.parametrize("parts", [1, 2])
def test_a_faulty_row_of_the_future_refuses_no_score(
    extract: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], parts: int
) -> None:
    """Strict by default: the same files, run.json included, as without that row; once the row is known it is refused."""
    out = tmp_path / "scores"
    command = ("score", extract, "--model", model_folder, "--out", out, "--partitions", parts, "--as-of")
    assert run(*command, AS_OF).exit_code == 0
    before = files_of(out)
    rows = pd.read_parquet(extract / "absences.parquet").to_dict("records")
    write(extract, "absences", [*rows, absence("a1", "2025-03-10", half_days=9)])  # type: ignore[list-item]
    result = run(*command, AS_OF)
    assert result.exit_code == 0, result.output
    assert files_of(out) == before
    refused = run(*command, LATER)
    assert refused.exit_code == 2
    assert "ERREUR out_of_range : table absences, colonne half_days, 1 ligne" in refused.stderr
    assert files_of(out) == before


def test_check_tells_all_faults_or_those_of_a_day(
    extract: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Without a day every fault is told; with one, those of what was known by then, and the exit code is theirs."""
    rows = pd.read_parquet(extract / "absences.parquet").to_dict("records")
    write(extract, "absences", [*rows, absence("a1", "2025-03-10", half_days=9)])  # type: ignore[list-item]
    assert run("check", extract).exit_code == 1
    assert run("check", extract, "--as-of", LATER).exit_code == 1
    result = run("check", extract, "--as-of", AS_OF, "--report", tmp_path / "fautes.csv")
    assert result.exit_code == 0, result.output
    assert "out_of_range" not in result.output
    assert "out_of_range" not in (tmp_path / "fautes.csv").read_text(encoding="utf-8-sig")


def test_signals_and_notices_judge_what_was_known(
    extract: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Lists without a model, notices and pages come out of an extract whose only fault is of a later row."""
    rows = pd.read_parquet(extract / "absences.parquet").to_dict("records")
    write(extract, "absences", [*rows, absence("a1", "2025-03-10", half_days=9)])  # type: ignore[list-item]
    given = ("--model", model_folder)
    commands: tuple[tuple[object, ...], ...] = (
        ("score", extract, "--as-of", AS_OF, "--signals-only", "--out", tmp_path / "signaux"),
        ("notice", extract, "--pupil", "a1", "--as-of", AS_OF, *given, "--out", tmp_path / "notices"),
        ("score", extract, "--as-of", AS_OF, *given, "--out", tmp_path / "scores"),
        ("report", tmp_path / "scores", "--records", extract, *given, "--out", tmp_path / "pages"),
    )
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert "mises de côté" not in result.output
