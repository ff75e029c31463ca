from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from decrochage_risk.cli.program import app
from decrochage_risk.records.pseudonyms import generate_key_file

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


XML = """<?xml version="1.0" encoding="UTF-8"?><BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>0990001N</UAJ>
<ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE><DATE_EXPORT>15/03/2025</DATE_EXPORT></PARAMETRES><DONNEES><ELEVES>
<ELEVE ELEVE_ID="1" ELENOET="101"><INE_RNIE>000000001AA</INE_RNIE><DATE_NAISS>03/04/2010</DATE_NAISS>
<CODE_STATUT>ST</CODE_STATUT><CODE_MEF>10310019110</CODE_MEF></ELEVE></ELEVES></DONNEES></BEE_ELEVES>"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "eleves.xml").write_text(XML)
    generate_key_file(tmp_path / "key")
    return tmp_path


def run(place: Path, *more: str, source: str = "eleves.xml") -> Result:
    return CliRunner().invoke(
        app, ["import", str(place / source), "--out", str(place / "out"), "--key", str(place / "key"), *more]
    )


def test_from_files_to_a_list_in_three_commands(place: Path) -> None:
    """import, check and score run one after the other on what the first one wrote."""
    ran = run(place)
    assert ran.exit_code == 0, ran.output
    assert "1 élève, 1 scolarité" in ran.output
    checked = CliRunner().invoke(app, ["check", str(place / "out")])
    assert checked.exit_code == 0, checked.output
    scored = CliRunner().invoke(
        app, ["score", str(place / "out"), "--as-of", "2025-03-10", "--out", str(place / "scores")]
    )
    assert scored.exit_code == 0, scored.output
    report = json.loads((place / "out" / "rapport-import.json").read_text(encoding="utf-8"))
    assert report["files"][0]["kind"] == "siecle_eleves"


def test_nothing_is_written_without_a_key(place: Path) -> None:
    """A missing key is refused before anything is read, and no folder is made."""
    (place / "key").unlink()
    ran = run(place)
    assert ran.exit_code == 2
    assert not (place / "out").exists()


def test_nothing_readable_is_said_in_french(place: Path) -> None:
    """When no list of pupils is read the command stops with 2, says so in French with what became of each file, and writes nothing."""
    (place / "eleves.xml").write_text("Truc;Machin\n1;2\n")
    ran = run(place)
    assert ran.exit_code == 2
    assert "Aucune liste d’élèves" in ran.output
    assert "Hint" not in ran.output
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    "more",
    [
        ("--extracted-on", "15/03/2025"),
        ("--half-day-cut", "midi"),
        ("--uai", "0990001A"),
        ("--campaign-date", "x"),
    ],
)
def test_an_option_that_cannot_be_is_refused(place: Path, more: tuple[str, ...]) -> None:
    """Days, times and school numbers that cannot be read stop the command with 2."""
    assert run(place, *more).exit_code == 2


def test_a_draft_is_never_written_over(place: Path) -> None:
    """Check --draft-mapping writes a new file, tells the faults that remain, and refuses a file that is there."""
    tables = place / "tables"
    tables.mkdir()
    (tables / "eleves.csv").write_text("Identifiant;Sexe\na1;Féminin\n")
    (tables / "scolarites.csv").write_text(
        "Identifiant;Année;UAI;Niveau;Début\na1;2024-2025;0990001N;3EME;02/09/2024\n"
    )
    command = ["check", str(tables), "--draft-mapping", str(place / "m.toml")]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    assert (place / "m.toml").is_file()
    assert CliRunner().invoke(app, command).exit_code == 2
    unread = CliRunner().invoke(app, ["check", str(tables), "--mapping", str(place / "m.toml")])
    assert unread.exit_code == 2
    (place / "m.toml").write_text(
        (place / "m.toml").read_text().replace("confirmed = false", "confirmed = true")
    )
    assert CliRunner().invoke(app, ["check", str(tables), "--mapping", str(place / "m.toml")]).exit_code == 0
    written = CliRunner().invoke(
        app,
        [
            "pseudonymise",
            str(tables),
            str(place / "ours"),
            "--key",
            str(place / "key"),
            "--mapping",
            str(place / "m.toml"),
        ],
    )
    assert written.exit_code == 0, written.output
    assert CliRunner().invoke(app, ["check", str(place / "ours")]).exit_code == 0
