"""The commands ``check``, ``pseudonymise`` and ``new-key``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def own(extracts: Path, tmp_path: Path) -> Path:
    """Copy the extracts, to be spoilt."""
    return shutil.copytree(extracts, tmp_path / "extraits")


def _spoil(folder: Path, rows: int) -> None:
    """Give some marks a value above their scale."""
    grades = pd.read_parquet(folder / "grades.parquet")
    grades.loc[: rows - 1, "value"] = 99.0
    grades.to_parquet(folder / "grades.parquet", index=False)


def test_check_of_clean_extracts(extracts: Path, run: Callable[..., Result]) -> None:
    """Extracts without fault end with 0, and every table is told with its rows."""
    result = run("check", extracts)
    assert result.exit_code == 0
    assert "Aucune faute dans les données." in result.stdout
    assert "Tables non fournies, donc inconnues : coverage" in result.stdout
    for name in ("pupils", "enrolments", "absences", "grades", "orientation", "outcomes"):
        assert f"{name} : " in result.stdout


def test_check_with_only_warnings_ends_with_0(own: Path, run: Callable[..., Result]) -> None:
    """Warnings are told and do not make the check fail."""
    grades = pd.read_parquet(own / "grades.parquet")
    pd.concat([grades, grades.iloc[[0]]]).to_parquet(own / "grades.parquet", index=False)
    result = run("check", own)
    assert result.exit_code == 0
    assert "AVERTISSEMENT identical_rows" in result.stdout


def test_check_with_errors_ends_with_1(own: Path, tmp_path: Path, run: Callable[..., Result]) -> None:
    """Every fault is told, and the report file holds one line for each."""
    _spoil(own, 7)
    report = tmp_path / "rapports" / "fautes.csv"
    result = run("check", own, "--report", report)
    assert result.exit_code == 1
    assert "7 erreurs dans les données" in result.stdout
    table = pd.read_csv(report, sep=";", encoding="utf-8-sig")
    assert table["row"].tolist() == list(range(7))
    assert set(table["table"]) == {"grades"}


def test_check_without_a_required_table_ends_with_1(own: Path, run: Callable[..., Result]) -> None:
    """A required table that is not there is an error of the records, told with the others."""
    (own / "enrolments.parquet").unlink()
    result = run("check", own)
    assert result.exit_code == 1
    assert "table enrolments" in result.stdout


def test_check_tells_unread_files_and_encodings(tmp_path: Path, run: Callable[..., Result]) -> None:
    """Files that were not read, and the encodings that were recognised, are told."""
    (tmp_path / "pupils.csv").write_bytes("pupil_id;sex\né1;F\n".encode("iso-8859-15"))
    enrolments = "pupil_id;school_year;school_id;level;start_date\né1;2024;0990001N;4e;2024-09-02\n"
    (tmp_path / "enrolments.csv").write_bytes(enrolments.encode("iso-8859-15"))
    (tmp_path / "notes.xlsx").write_bytes(b"x")
    result = run("check", tmp_path)
    assert result.exit_code == 0, result.output
    assert "Fichiers non lus : notes.xlsx" in result.stdout
    assert "pupils.csv : lu en ISO-8859-15, séparateur ';'" in result.stdout


def test_check_of_a_missing_folder_ends_with_2(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A folder that is not there is refused."""
    assert "n'existe pas" in refused("check", tmp_path / "nulle-part")


def test_check_of_a_truncated_file_ends_with_2(own: Path, refused: Callable[..., str]) -> None:
    """A Parquet file cut short cannot be read at all."""
    path = own / "grades.parquet"
    path.write_bytes(path.read_bytes()[:500])
    assert "grades.parquet" in refused("check", own)


def test_check_refuses_a_report_that_is_a_folder(
    extracts: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """The report goes into a file."""
    assert f"{tmp_path} est un dossier" in refused("check", extracts, "--report", tmp_path)


@pytest.mark.parametrize(
    ("options", "came"),
    [
        (["--zone", "D"], "La zone 'D' n'existe pas"),
        (["--zone", "A", "--alsace-moselle"], "--alsace-moselle est venu avec la zone A"),
        (["--calendar", "jours.csv", "--zone", "B"], "--calendar est venu avec --zone"),
        (["--calendar", "jours.csv"], "jours.csv"),
    ],
)
def test_calendars_that_cannot_be_used(
    options: list[str], came: str, extracts: Path, refused: Callable[..., str]
) -> None:
    """An unknown zone, two calendars at once, or a calendar file that is not there are refused."""
    assert came in refused("check", extracts, *options)


def test_calendar_options_are_used(own: Path, run: Callable[..., Result]) -> None:
    """Extracts are judged by the calendar asked for: zone B by default or as a file is clean, zone C is not."""
    days = own.parent / "jours.csv"
    dr.SchoolCalendar.for_zone("B").to_csv(days)
    assert "AVERTISSEMENT" not in run("check", own, "--calendar", days).stdout
    assert "AVERTISSEMENT" in run("check", own, "--zone", "C").stdout


def test_new_key_then_pseudonymise(extracts: Path, tmp_path: Path, run: Callable[..., Result]) -> None:
    """With a new key, every table comes out with as many rows and no id of the source."""
    key, target = tmp_path / "eleves.key", tmp_path / "pseudo"
    made = run("new-key", key)
    assert made.exit_code == 0
    result = run("pseudonymise", extracts, target, "--key", key)
    assert result.exit_code == 0, result.output
    before, after = pd.read_parquet(extracts / "pupils.parquet"), pd.read_parquet(target / "pupils.parquet")
    assert len(before) == len(after)
    assert set(before["pupil_id"]).isdisjoint(after["pupil_id"])
    fingerprint = made.stdout.split("empreinte ")[1].rstrip(")\n")
    assert f"d'une année à l'autre : {fingerprint}" in result.stdout
    assert run("check", target).exit_code == 0


def test_pseudonymise_tells_what_is_not_written(
    own: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Columns that are not declared and files that are not tables are told, since they are not written."""
    pupils = pd.read_parquet(own / "pupils.parquet")
    pupils.assign(surname="x").to_parquet(own / "pupils.parquet", index=False)
    (own / "lisez-moi.txt").write_text("x", encoding="utf-8")
    run("new-key", tmp_path / "k")
    told = run("pseudonymise", own, tmp_path / "pseudo", "--key", tmp_path / "k").stdout
    assert "Colonnes de pupils non écrites : surname" in told
    assert "Fichiers non lus, non écrits : lisez-moi.txt" in told


def test_new_key_never_replaces_a_key(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A key that is there stays as it is."""
    key = tmp_path / "k"
    key.write_text("secret", encoding="utf-8")
    assert "existe déjà" in refused("new-key", key)
    assert key.read_text(encoding="utf-8") == "secret"


def test_pseudonymise_refuses_bad_keys(extracts: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    """A key that is not there, or too short, is refused and nothing is written."""
    target, short = tmp_path / "pseudo", tmp_path / "court"
    short.write_bytes(b"abc")
    short.chmod(0o600)
    assert "ne peut pas être lu" in refused("pseudonymise", extracts, target, "--key", tmp_path / "rien")
    assert "Une clé de 3 octets" in refused("pseudonymise", extracts, target, "--key", short)
    assert not target.exists()


def test_pseudonymise_refuses_targets(
    extracts: Path, own: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """A target that is the source, holds something, or is a file is refused."""
    key, file = tmp_path / "k", tmp_path / "fichier"
    file.touch()
    run("new-key", key)
    assert "est la source, ou dedans" in refused("pseudonymise", own, own, "--key", key)
    assert "contient déjà quelque chose" in refused("pseudonymise", extracts, own, "--key", key)
    assert f"{file} est un fichier" in refused("pseudonymise", extracts, file, "--key", key)
    assert "n'existe pas" in refused("pseudonymise", tmp_path / "nulle-part", tmp_path / "p", "--key", key)
