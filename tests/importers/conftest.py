"""Exports made by the tests themselves, in the shapes of the real ones; every person in them is invented."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest

from decrochage_risk.importers import import_exports
from decrochage_risk.records.pseudonyms import Pseudonymiser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.importers import Imported

KEY = bytes(range(32))
UAI = "0990001N"

NOMENCLATURE = """<?xml version="1.0" encoding="ISO-8859-15"?>
<BEE_NOMENCLATURES VERSION="3.1"><PARAMETRES><UAJ>{uai}</UAJ><ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE>
<DATE_EXPORT>{exported}</DATE_EXPORT></PARAMETRES><DONNEES>
<MEFS><MEF CODE_MEF="9990000LOCA"><LIBELLE_LONG>3EME PREPA METIERS</LIBELLE_LONG><MEF_RATTACHEMENT>10310019110</MEF_RATTACHEMENT>
<CODE_MEFSTAT>21160010019</CODE_MEFSTAT></MEF></MEFS>
<MATIERES><MATIERE CODE_MATIERE="061300"><CODE_GESTION>MATHS</CODE_GESTION><LIBELLE_LONG>MATHEMATIQUES</LIBELLE_LONG></MATIERE>
<MATIERE><CODE_GESTION>AGL 8</CODE_GESTION><LIBELLE_LONG>ATELIER</LIBELLE_LONG></MATIERE></MATIERES>
<REGIMES><REGIME CODE_REGIME="7"><LIBELLE_COURT>INTERN</LIBELLE_COURT></REGIME></REGIMES>
<MOTIFS><MOTIF_SORTIE CODE_MOTIF_SORTIE="77"><LIBELLE_COURT>SE 2D PRAC</LIBELLE_COURT></MOTIF_SORTIE>
<MOTIF_SORTIE CODE_MOTIF="43"><LIBELLE_COURT>DECES</LIBELLE_COURT></MOTIF_SORTIE></MOTIFS>
</DONNEES></BEE_NOMENCLATURES>"""


@dataclass
class Pupil:
    """One invented pupil of a SIECLE export; ``more`` are further tags of the record."""

    number: int
    family: str = ""
    first: str = "Zoé"
    ine: str | None = ""
    birth: str = "03/04/2010"
    mef: str = "10310019110"
    division: str | None = "3 A"
    status: str = "ST"
    before: tuple[str, str, str] | None = None
    more: dict[str, str] = field(default_factory=dict)

    def record(self) -> str:
        """Write ELEVE."""
        ine = f"{self.number:09d}AA" if self.ine == "" else self.ine
        tags = {
            **({"INE_RNIE": ine, "ID_NATIONAL": ine} if ine else {}),
            "ELENOET": str(self.number),
            "NOM_DE_FAMILLE": self.family or f"FAMILLE{self.number}",
            "PRENOM": self.first,
            "DATE_NAISS": self.birth,
            "DOUBLEMENT": "0",
            "CODE_REGIME": "2",
            "DATE_ENTREE": "02/09/2024",
            "CODE_SEXE": "2",
            "CODE_STATUT": self.status,
            "CODE_MEF": self.mef,
            "VILLE_NAISS": "VILLENEUVE-SECRETE",
            "LIGNE1_ADRESSE": "12 RUE CACHEE",
            **self.more,
        }
        inside = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in tags.items() if text is not None)
        if self.before is not None:
            mef, uai, division = self.before
            inside += (
                f"<SCOLARITE_AN_DERNIER><CODE_MEF>{mef}</CODE_MEF><CODE_STRUCTURE>{division}</CODE_STRUCTURE>"
                f"<CODE_RNE>{uai}</CODE_RNE><LIGNE1_ADRESSE>3 PLACE DEROBEE</LIGNE1_ADRESSE></SCOLARITE_AN_DERNIER>"
            )
        return f'<ELEVE ELEVE_ID="{9_000_000 + self.number}" ELENOET="{self.number}">{inside}</ELEVE>'

    def structures(self) -> str:
        """Write STRUCTURES_ELEVE."""
        if self.division is None:
            return ""
        return (
            f'<STRUCTURES_ELEVE ELEVE_ID="{9_000_000 + self.number}"><STRUCTURE><CODE_STRUCTURE>{self.division}</CODE_STRUCTURE>'
            "<TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE><STRUCTURE><CODE_STRUCTURE>GR1</CODE_STRUCTURE>"
            "<TYPE_STRUCTURE>G</TYPE_STRUCTURE></STRUCTURE></STRUCTURES_ELEVE>"
        )


def siecle_xml(
    pupils: list[Pupil],
    *,
    uai: str = UAI,
    year: int | None = 2024,
    exported: str = "15/03/2025",
    structures_first: bool = False,
    declared: str = "ISO-8859-15",
) -> str:
    """Write ElevesSansAdresses.xml as text."""
    eleves = "<ELEVES>" + "\n".join(pupil.record() for pupil in pupils) + "</ELEVES>"
    structures = "<STRUCTURES>" + "".join(pupil.structures() for pupil in pupils) + "</STRUCTURES>"
    sections = (structures, eleves) if structures_first else (eleves, "<OPTIONS/>", structures)
    told = "" if year is None else f"<ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE>"
    return (
        f'<?xml version="1.0" encoding="{declared}"?>\n<BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>{uai}</UAJ>{told}'
        f"<DATE_EXPORT>{exported}</DATE_EXPORT></PARAMETRES><DONNEES>{''.join(sections)}</DONNEES></BEE_ELEVES>"
    )


@pytest.fixture
def pupil() -> type[Pupil]:
    return Pupil


@pytest.fixture
def siecle() -> Callable[..., bytes]:
    """Give the bytes of ElevesSansAdresses.xml in its declared encoding."""
    return lambda pupils, **told: siecle_xml(pupils, **told).encode("iso-8859-15", "replace")


@pytest.fixture
def nomenclature() -> bytes:
    return NOMENCLATURE.format(uai=UAI, year=2024, exported="15/03/2025").encode("iso-8859-15")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Imported]:
    """Write contents as files and import them under the test key: ``run({"name": bytes}, **options)``."""

    def imported(contents: dict[str, bytes | str], **options: object) -> Imported:
        folder = tmp_path / f"sources{len(list(tmp_path.glob('sources*')))}"
        folder.mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return import_exports([folder / name for name in contents], key=KEY, **options)

    return imported


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Write a zip of members."""

    def write(name: str, members: dict[str, bytes]) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return write


@pytest.fixture
def pseudonym() -> Callable[[str], str]:
    """Give the pseudonym of a number under the test key."""
    import pandas as pd  # noqa: PLC0415 - only here

    by_key = Pseudonymiser(KEY)
    return lambda number: str(by_key.pseudonym(pd.Series([number], dtype="str")).iloc[0])
