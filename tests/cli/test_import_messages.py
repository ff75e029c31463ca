"""What ``import`` prints of bad files and options is French, whatever is wrong with them."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from decrochage_risk.cli.program import app
from decrochage_risk.records.pseudonyms import generate_key_file

if TYPE_CHECKING:
    from pathlib import Path

ENGLISH = re.compile(
    r"\b(?:the|rows?|columns?|expected|hint|errors?|warning|missing|of|and|or|with|without|write|check|was|were|not|are|is|has|"
    r"have|each|every|only|which|that|days?|school|pupils?|file|folder|cannot|fault)\b(?![\w.=])",
    re.IGNORECASE,
)
NAMES = re.compile(
    r"--?[a-z][a-z-]*|'[^']*'|\[[^\]]*\]|\S+\.(?:csv|parquet|toml|xlsx|xml|json|pdf|zip)|\b\w+_\w+\b|decrochage-risk \w+"
)
"""What is no French in French sentences: options, quoted values, files."""

PUPILS = """<?xml version="1.0" encoding="ISO-8859-15"?><BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>{uai}</UAJ>
<ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE><DATE_EXPORT>15/03/2025</DATE_EXPORT></PARAMETRES><DONNEES><ELEVES>
<ELEVE ELEVE_ID="1" ELENOET="101"><INE_RNIE>000000001AA</INE_RNIE><DATE_NAISS>03/04/2010</DATE_NAISS>
<NOM_DE_FAMILLE>BATECO</NOM_DE_FAMILLE><PRENOM>Dipo</PRENOM><CODE_STATUT>ST</CODE_STATUT><CODE_MEF>10310019110</CODE_MEF></ELEVE>
</ELEVES></DONNEES></BEE_ELEVES>"""


def zip_of(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


GOOD = PUPILS.format(uai="0990001N", year=2024).encode("iso-8859-15")
BAD_FILES = {
    "coupe.xml": GOOD[:-80],
    "entite.xml": b'<!DOCTYPE a [<!ENTITY z "x">]><BEE_ELEVES>&z;</BEE_ELEVES>',
    "retour.xml": b'<IMPORT_ELEVES VERSION="3.0"><DONNEES/></IMPORT_ELEVES>',
    "sans_annee.xml": GOOD.replace(b"<ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE>", b""),
    "uai.xml": PUPILS.format(uai="0990001A", year=2024).encode(),
    "coupe.json": b'[{"ine": "0000',
    "page.pdf": b"%PDF-1.7\n",
    "vide.csv": b"",
    "octets.csv": bytes(range(256)) * 4,
    "coupe.zip": zip_of(("a.xml", GOOD))[:-30],
    "bombe.zip": zip_of(("a.xml", b"0" * (40 << 20))),
    "une_colonne.csv": b"Nom Prenom Classe\nBATECO Dipo 3A\n",
    "totaux.csv": b"ELENOET;NBABS;NBNJ;NBNVAL;NBRET;\n101;6;2;4;3;\n",
    "pronote.csv": "Nom;Prénom;S.;Né(e) le;Classe\nBATECO;Dipo;F;03/04/2010;3A\n".encode(),
    "evenements.csv": (
        "Nom Élève;Prénom Élève;Classe;Motif;déclaré par;Date de début;Date de fin;Régularisé;Id;\n"
        "X;Y;3 Z;m;d;18/11/2024 08:00;18/11/2024 17:00;true;1;\nX;Y\nTotal;;;;;;;;;\n"
    ).encode(),
    "periode.csv": (
        b'3 A;;;MATHS;;\nNom;S.;Classe;Moy.;Abs\n"BATECO Dipo";F;3 A;12,40;\n'
    ),
}  # fmt: skip
BAD_OPTIONS = {
    "a path that is not there": ["absent.xml"],
    "a number of no school": ["--uai", "0990001A"],
    "a day": ["--extracted-on", "hier"],
    "an hour": ["--half-day-cut", "midi"],
    "midnight": ["--half-day-cut", "00:00"],
    "an earlier import that is none": ["--previous", "."],
    "columns that are not there": ["--columns", "absent.toml"],
    "columns that are no TOML": ["--columns", "non.toml"],
    "a map with faults": ["--columns", "fautes.toml"],
    "a fact that cannot be": ["--columns", "faits.toml"],
    "a subject that cannot be": ["--columns", "matiere.toml"],
    "links beside the tables": ["--links", "tables/liens.csv"],
}


def english_in(text: str, *paths: Path) -> list[str]:
    for path in paths:
        text = text.replace(str(path), "")
    return ENGLISH.findall(NAMES.sub("", text))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    generate_key_file("cle")
    (tmp_path / "eleves.xml").write_bytes(GOOD)
    (tmp_path / "non.toml").write_text("[classes\n")
    (tmp_path / "fautes.toml").write_text('[maps.a]\nlike = "rien"\nreads = "marks"\ncolour = 1\n')
    (tmp_path / "faits.toml").write_text('[files."*"]\nannee = 2024\n')
    (tmp_path / "matiere.toml").write_text('[subjects]\n"Plein air" = "sport"\n')
    return tmp_path


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_said_of_a_bad_file_is_french(name: str, place: Path) -> None:
    """A bad file is a line of the report in French, with what to do, and the other files are read."""
    (place / name).write_bytes(BAD_FILES[name])
    result = CliRunner().invoke(app, ["import", "eleves.xml", name, "--out", "tables", "--key", "cle"])
    assert result.exit_code == 0, result.output
    assert name in result.output
    assert english_in(result.output, place) == []
    assert english_in((place / "tables" / "rapport-import.txt").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_what_is_said_of_a_bad_option_is_french(case: str, place: Path) -> None:
    """An option that cannot be stops the import with a French sentence; nothing is written."""
    (place / "moyennes.csv").write_bytes(BAD_FILES["periode.csv"])
    sources = [] if case.startswith("a path") else ["eleves.xml", "moyennes.csv"]
    if case == "midnight":
        (place / "evenements.csv").write_bytes(BAD_FILES["evenements.csv"])
        sources.append("evenements.csv")
    options = ["--extracted-on", "2025-03-15"] if "subject" in case else []
    result = CliRunner().invoke(
        app, ["import", *sources, *BAD_OPTIONS[case], *options, "--out", "tables", "--key", "cle"]
    )
    assert result.exit_code != 0, result.output
    assert not (place / "tables").exists()
    assert "Erreur" in result.output
    assert english_in(result.output, place) == []
