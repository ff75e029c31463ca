"""From the command line: what holds pupils' data is closed to others, or open to the group alone; what kills left is removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.records.pseudonyms import generate_key_file
from decrochage_risk.result_folders import WORK_KEY, hold, work_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

AS_OF = "2025-03-05"
XML = """<?xml version="1.0" encoding="UTF-8"?><BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>0990001N</UAJ>
<ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE><DATE_EXPORT>15/03/2025</DATE_EXPORT></PARAMETRES><DONNEES><ELEVES>
<ELEVE ELEVE_ID="1" ELENOET="101"><INE_RNIE>000000001AA</INE_RNIE><DATE_NAISS>03/04/2010</DATE_NAISS>
<CODE_STATUT>ST</CODE_STATUT><CODE_MEF>10310019110</CODE_MEF></ELEVE></ELEVES></DONNEES></BEE_ELEVES>"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Write a few pupils and a key; the umask lets everybody read, so that only what a command does protects."""
    former = os.umask(0)
    extract = tmp_path / "extraits"
    extract.mkdir()
    pupils = [f"a{number}" for number in range(4)]
    (extract / "pupils.csv").write_text("pupil_id\n" + "\n".join(pupils) + "\n")
    stays = [f"{pupil};2024;0990001N;4e;2024-09-02" for pupil in pupils]
    (extract / "enrolments.csv").write_text(
        "pupil_id;school_year;school_id;level;start_date\n" + "\n".join(stays) + "\n"
    )
    absences = [f"{pupil};2024-11-{day:02};2;absence;non" for pupil in pupils for day in (4, 5, 7, 8)]
    (extract / "absences.csv").write_text(
        "pupil_id;date;half_days;kind;justified\n" + "\n".join(absences) + "\n"
    )
    (tmp_path / "eleves.xml").write_text(XML)
    generate_key_file(tmp_path / "key")
    try:
        yield tmp_path
    finally:
        os.umask(former)


def rights(*places: Path) -> tuple[set[int], set[int]]:
    """Give the rights of every file, and of every folder, of some places."""
    whole = [path for place in places for path in (place, *(place.rglob("*") if place.is_dir() else ()))]
    files, folders = (
        {path.stat().st_mode & 0o777 for path in whole if path.is_dir() is kind} for kind in (False, True)
    )
    return files, folders


@pytest.mark.whole
@pytest.mark.parametrize("group", [False, True])
def test_what_every_command_writes_of_pupils_is_closed(
    place: Path, model_folder: Path, run: Callable[..., Result], *, group: bool
) -> None:
    """Scores, lists, pages, notices, imports, pseudonymised tables and fault reports: 0600 in 0700, or 0640 in 0750 with --group."""
    extract, more = place / "extraits", ["--group"] if group else []
    commands: tuple[tuple[object, ...], ...] = (
        ("score", extract, "--as-of", AS_OF, "--model", model_folder, "--out", place / "scores", *more),
        ("score", extract, "--as-of", AS_OF, "--signals-only", "--out", place / "signaux", *more),
        ("notice", extract, "--pupil", "a1", "--as-of", AS_OF, "--model", model_folder, "--out", place / "notices", *more),
        ("import", place / "eleves.xml", "--out", place / "tables", "--key", place / "key", *more),
        ("pseudonymise", extract, place / "codes", "--key", place / "key", *more),
        ("check", extract, "--report", place / "fautes.csv", *more),
    )  # fmt: skip
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0, result.output
    outputs = [place / name for name in ("scores", "signaux", "notices", "tables", "codes", "fautes.csv")]
    assert list((place / "scores" / "listes").iterdir())
    assert rights(*outputs) == (({0o640}, {0o750}) if group else ({0o600}, {0o700}))


@pytest.mark.whole
@pytest.mark.parametrize("group", [False, True])
def test_pages_are_closed_and_a_second_run_says_who_writes_them(
    place: Path, model_folder: Path, run: Callable[..., Result], refused: Callable[..., str], *, group: bool
) -> None:
    """The folder of pages: 0600 in 0700, or 0640 in 0750; held by another run, edited or foreign, it is refused in French."""
    extract, more = place / "extraits", ["--group"] if group else []
    given = ("--model", model_folder)
    assert run("score", extract, "--as-of", AS_OF, *given, "--out", place / "scores").exit_code == 0
    command = (
        "report",
        place / "scores",
        "--records",
        extract,
        *given,
        "--no-notices",
        "--out",
        place / "pages",
        *more,
    )
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert rights(place / "pages") == (({0o640}, {0o750}) if group else ({0o600}, {0o700}))
    with hold(place / "pages"):
        assert "Un autre passage écrit dans" in refused(*command)
    (place / "pages" / "index.html").write_text("une note")
    assert "index.html" in refused(*command)


def test_an_import_names_what_it_does_not_replace(
    place: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """A file of somebody's own, an edited one, a link and a run at the same time stop an import before it reads anything."""
    command = ("import", place / "eleves.xml", "--out", place / "tables", "--key", place / "key")
    assert run(*command).exit_code == 0
    assert run(*command).exit_code == 0
    with hold(place / "tables"):
        assert f"processus {os.getpid()}" in refused(*command)
    (place / "tables" / "coverage.csv").symlink_to(place / "key")
    assert "coverage.csv (un lien)" in refused(*command)
    (place / "tables" / "coverage.csv").unlink()
    (place / "tables" / "pupils.parquet").write_bytes(b"mine")
    assert "pupils.parquet (modifié depuis)" in refused(*command)
    assert (place / "tables" / "pupils.parquet").read_bytes() == b"mine"


def test_clean_removes_what_kills_left(place: Path, run: Callable[..., Result]) -> None:
    """The next run announces the working copies of extracts; clean removes them, spares a run at work and what is not ours."""
    copies = [work_beside(place / name) for name in ("un", "deux")]
    for copy in copies:
        copy.mkdir()
        (copy / WORK_KEY).write_text("key", encoding="utf-8")
    (place / ".un.partial").mkdir()
    (place / ".autre.partitions").mkdir()
    told = run("score", place / "extraits", "--as-of", AS_OF, "--signals-only", "--out", place / "s").output
    assert all(str(copy) in told for copy in copies)
    assert f"decrochage-risk clean {place}" in told
    with hold(place / "deux"):
        cleaned = run("clean", place)
    assert cleaned.exit_code == 0, cleaned.output
    assert f"Supprimé : {copies[0]}" in cleaned.output
    assert f"Gardé, un passage y travaille : {copies[1]}" in cleaned.output
    assert {path.name for path in place.iterdir() if path.name.startswith(".")} == {
        ".deux.partitions",
        ".autre.partitions",
    }
    assert f"Supprimé : {copies[1]}" in run("clean", place).output
    assert "Aucune copie de travail" in run("clean", place).output
