"""No name, no number of a pupil, no address and no birth place of any input can be found in what an import puts out."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from decrochage_risk.cli.program import app
from decrochage_risk.errors import UnreadableExportError
from decrochage_risk.importers import import_exports
from decrochage_risk.records.pseudonyms import generate_key_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


SECRETS = (
    "ZORGLUB", "Quetzalcoatl", "WXYZABERNATHY", "VILLENEUVE-SECRETE", "RUE CACHEE", "PLACE DEROBEE", "000000101AA", "000000102AA",
    "0000000009X", "9000101", "SECRETMEL", "0612345678", "MOLEVRAULT", "GRANDPASTIS",
)  # fmt: skip


@pytest.fixture
def sources(
    tmp_path: Path, siecle: Callable[..., bytes], pupil: Callable[..., object], nomenclature: bytes
) -> Path:
    """One of every kind of source that names people, each with something that is left out."""
    folder = tmp_path / "exports"
    folder.mkdir()
    pupils = [
        pupil(
            101,
            family="ZORGLUB",
            first="Quetzalcoatl",
            before=("10210001110", "0990002P", "4 B"),
            more={"MEL": "SECRETMEL@x.fr", "TEL_PORTABLE": "0612345678"},
        ),
        pupil(102, family="WXYZABERNATHY", division="Inactifs"),
        pupil(103, family="WXYZABERNATHY", ine=None, birth="31/02/2010"),
        pupil(104, family="ZORGLUB", ine="000000101AA", birth="01/01/2009", first="QUETZALCOATL"),
    ]
    (folder / "eleves.xml").write_bytes(siecle(pupils))
    (folder / "nomenclature.xml").write_bytes(nomenclature)
    (folder / "cut.xml").write_bytes(siecle(pupils)[:-300])
    (folder / "bad.xml").write_bytes(siecle(pupils).replace(b"</PRENOM>", b"</PRENOMS>", 1))
    (folder / "entity.xml").write_text('<!DOCTYPE a [<!ENTITY z "ZORGLUB">]><BEE_ELEVES>&z;</BEE_ELEVES>')
    (folder / "cut.json").write_text('[{"ine": "0000000009X", "nom": "ZORGLUB"')
    (folder / "sygne.json").write_text(
        json.dumps(
            [
                {
                    "ine": "0000000009X",
                    "nom": "WXYZABERNATHY",
                    "prenom": "Quetzalcoatl",
                    "codeUai": "0990002P",
                    "anneeScolaire": 2024,
                    "codeMef": "10310019110",
                    "niveau": "2116",
                    "codeStatut": "ST",
                    "dateNaissance": "2010-01-01",
                }
            ]
        )
    )
    (folder / "pronote.csv").write_text(
        "Nom;Prénom;S.;Né(e) le;Classe\nZORGLUB;Quetzalcoatl;F;03/04/2010;3E A\n"
    )
    (folder / "cfa.csv").write_text(
        "nom_apprenant;ine_apprenant;statut_apprenant;annee_scolaire;adresse_apprenant\nZORGLUB;;3;2024-2025;RUE CACHEE\n"
        "ZORGLUB;0000000009X;3;rien;RUE CACHEE\n"
    )
    events = "Nom,Prenom,Classe,Debut absence,Fin absence, Type, Manquement a l'obligation de presence, Sous responsabilite "
    (folder / "saisies.csv").write_text(
        f"ZORGLUB\nle 15/03/2025\n{events}etablissement, Motif valable\nZORGLUB,Quetzalcoatl,3 A,05/11/2024 - 08:00,"
        "05/11/2024 - 12:00, Absence ZORGLUB - ,oui,non,non\nWXYZABERNATHY,Quetzalcoatl,3 Z,05/11/2024 - 08:00,"
        "05/11/2024 - 12:00, ,oui,non,non\n"
    )
    (folder / "presences.csv").write_text(
        "Nom Élève;Prénom Élève;Classe;Motif;déclaré par;Date de début;Date de fin;Régularisé;Id;\n"
        "ZORGLUB;Quetzalcoatl; 3 A;chez SECRETMEL;WXYZABERNATHY;18/11/2024 08:00;18/11/2024 17:00;true;1;\n"
    )
    (folder / "moyennes.csv").write_text(
        '3 A;;;MATHS;;ZORGLUB;\nNom;S.;Classe;Moy.;Abs;Moy.;Abs\n"ZORGLUB Quetzalcoatl";♀;3 A;12,40;;QUETZALCOATL;\n'
    )
    for at, teachers in enumerate(
        (
            ";;Mme MOLEVRAULT;;M. GRANDPASTIS;",
            ";;MOLEVRAULT;;GRANDPASTIS;",
            ";;MOLEVRAULT J.;;GRANDPASTIS Paul;",
        )
    ):
        (folder / f"professeurs{at}.csv").write_text(
            f"3 A;;MATHS;;FRANCAIS;\n{teachers}\nNom;Classe;Moy.;Abs;Moy.;Abs\nZORGLUB Quetzalcoatl;3 A;{at};;13;\n"
        )
        (folder / f"sans_matieres{at}.csv").write_text(
            f"{teachers}\nNom;Classe;Moy.;Abs;Moy.;Abs\nZORGLUB Quetzalcoatl;3 A;{at};;9;\n"
        )
    (folder / "matiere_et_professeur.csv").write_text(
        "3 A;;MATHS;;Projet Mme MOLEVRAULT;\nNom;Classe;Moy.;Abs;Moy.;Abs\nZORGLUB Quetzalcoatl;3 A;8;;9;\n"
    )
    (folder / "voeux.csv").write_text(
        '"INE";"Nom de l\'élève";"Prénom 1";"Rang du vœu";"Code offre de formation (vœu)";"Code MEF";"Code UAI étab. origine"\n'
        '"000000101AA";"ZORGLUB";"Quetzalcoatl";"ZORGLUB";"06700001";"20010015110";"0990001N"\n'
    )
    (folder / "unknown.csv").write_text("Truc;Nom\n1;ZORGLUB\n")
    (folder / "open_quote.csv").write_text('Identifiant;Nom\n1;"ZORGLUB\n')
    return folder


def texts_of(folder: Path) -> Iterator[str]:
    """Give every file of a folder as text: Parquet by its cells and its bytes."""
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            yield pd.read_parquet(path).to_csv()
            yield path.read_bytes().decode("latin-1")
        elif path.is_file():
            yield path.read_text(encoding="utf-8")


def hits(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret.lower() in text.lower()]


def test_no_output_log_or_report_names_anybody(
    sources: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Tables, reports, what the command prints and what any library logs hold none of the names, numbers and addresses."""
    generate_key_file(tmp_path / "key")
    caplog.set_level(logging.DEBUG)
    ran = CliRunner().invoke(
        app,
        [
            "import",
            str(sources),
            "--out",
            str(tmp_path / "out"),
            "--key",
            str(tmp_path / "key"),
            "--outcomes",
            "2024",
        ],
    )
    assert ran.exit_code == 0, ran.output
    assert hits(ran.output) == []
    assert hits(caplog.text) == []
    for text in texts_of(tmp_path / "out"):
        assert hits(text) == []
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "out")])
    assert hits(checked.output) == []


def test_no_representation_or_error_names_anybody(sources: Path) -> None:
    """Results, their reports, and errors hold none of them either."""
    done = import_exports(sources, key=bytes(range(32)))
    for thing in (
        done,
        done.records,
        done.report,
        done.report.to_json(),
        done.report.to_html(),
        done.records.faults,
    ):
        assert hits(f"{thing!r} {thing}") == []
    for name in (
        "cut.xml",
        "bad.xml",
        "entity.xml",
        "cut.json",
        "pronote.csv",
        "cfa.csv",
        "unknown.csv",
        "open_quote.csv",
    ):
        with pytest.raises(UnreadableExportError) as error:
            import_exports(sources / name, key=bytes(range(32)))
        assert hits(f"{error.value} {error.value.french} {error.value.__cause__} {error.value!r}") == []


def test_the_secrets_are_in_what_is_read(sources: Path) -> None:
    """The law above would see something: every secret stands in some input."""
    everything = " ".join(path.read_bytes().decode("latin-1") for path in sources.iterdir())
    assert set(hits(everything)) == set(SECRETS)


def test_only_the_link_table_leads_back(sources: Path, tmp_path: Path) -> None:
    """Names leave the memory by the link table alone, which stands outside the folder of the tables."""
    generate_key_file(tmp_path / "key")
    options = ["import", str(sources), "--key", str(tmp_path / "key"), "--out", str(tmp_path / "out")]
    inside = CliRunner().invoke(app, [*options, "--links", str(tmp_path / "out" / "links.csv")])
    assert inside.exit_code == 2
    ran = CliRunner().invoke(app, [*options, "--links", str(tmp_path / "links.csv")])
    assert ran.exit_code == 0, ran.output
    assert hits(ran.output) == []
    assert "ZORGLUB" in (tmp_path / "links.csv").read_text(encoding="utf-8-sig")
    for text in texts_of(tmp_path / "out"):
        assert hits(text) == []
