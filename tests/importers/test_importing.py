from __future__ import annotations

import json
import re
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.errors import RecordsError, UnreadableExportError
from decrochage_risk.importers import import_exports
from decrochage_risk.importers.extract import REASONS, Extract, ImportOptions, Notice, SchoolFacts
from decrochage_risk.importers.merging import merge_events
from decrochage_risk.importers.nomenclatures import find_level, level_of_label
from decrochage_risk.importers.report import FileReport, ImportReport
from decrochage_risk.result_folders import hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.importers import Imported


KEY = bytes(range(32))
SYGNE = {
    "ine": "000000101AA", "nom": "FAMILLE101", "prenom": "Zoé", "dateNaissance": "2010-04-03", "codeSexe": "2",
    "codeUai": "0990001N", "anneeScolaire": 2024, "niveau": "2116", "codeMef": "10310019110", "classe": "3 A",
    "codeRegime": "2", "codeStatut": "ST", "dateDebSco": "2024-09-02",
}  # fmt: skip
COMPLETE = (
    "Sexe;Elève No Etab;Num. Elève Etab;Nom de famille;Prénom;Date Naissance;Doublement;Id National;Date Entrée;Date Sortie;"
    "Code Régime;Lib. Régime;Motif Sortie;Code MEF;Lib. MEF;Code Structure;Type Structure\n"
)


def sygne(*changes: dict[str, object]) -> str:
    return json.dumps([SYGNE | change for change in changes])


def test_two_years_and_three_schools_come_in_one_call(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Files of several schools and years make one set of records; a memory of a year gives way to that year's own list."""
    before = ("10210001110", "0990001N", "4 Z")
    done = run(
        {
            "a.xml": siecle([pupil(101, before=before)]),
            "b.xml": siecle(
                [pupil(101, mef="10210001110", division="4 B", more={"DATE_ENTREE": "04/09/2023"})],
                year=2023,
                exported="15/05/2024",
            ),
            "c.xml": siecle([pupil(102)], uai="0990002P"),
            "d.xml": siecle([pupil(103)], uai="0990003R"),
        }
    )
    rows = done.records.enrolments
    mine = rows[rows["pupil_id"] == pseudonym("000000101AA")].sort_values("school_year")
    assert mine[["school_year", "level", "class_id"]].to_numpy().tolist() == [
        [2023, "4e", "4 B"],
        [2024, "3e", "3 A"],
    ]
    assert sorted(set(rows["school_id"])) == ["0990001N", "0990002P", "0990003R"]
    assert len(done.records.faults.errors) == 0


def test_the_newest_export_of_a_school_wins(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Two exports of one school: what the newer says holds; who is not in it any more is closed on its day."""
    done = run(
        {
            "old.xml": siecle([pupil(101, division="3 B"), pupil(102)], exported="15/11/2024"),
            "new.xml": siecle([pupil(101)], exported="15/03/2025"),
        }
    )
    rows = done.records.enrolments.set_index("pupil_id")
    assert rows.loc[pseudonym("000000101AA"), "class_id"] == "3 A"
    assert rows.loc[pseudonym("000000102AA"), "end_date"].date() == date(2025, 3, 15)
    assert done.report.files[0].left_out == {"older_extract": [1]}


def test_a_list_of_another_kind_closes_nobody(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
) -> None:
    """A later extract of SYGNE that holds one pupil of a school does not make leavers of the others in SIECLE's list."""
    done = run(
        {"a.xml": siecle([pupil(101), pupil(102)]), "s.json": sygne({})}, extracted_on=date(2025, 5, 1)
    )
    assert done.records.enrolments["end_date"].isna().all()
    assert len(done.records.enrolments) == 2


def test_a_stay_ends_before_the_next_one_begins(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A pupil who moved, and whose first school did not write it, is in one school a day."""
    done = run(
        {
            "a.xml": siecle([pupil(101)]),
            "b.xml": siecle([pupil(101, more={"DATE_ENTREE": "06/01/2025", "ELENOET": "7"})], uai="0990002P"),
        }
    )
    rows = done.records.enrolments.sort_values("start_date")
    assert rows["end_date"].iloc[0].date() == date(2025, 1, 5)
    assert set(rows["pupil_id"]) == {pseudonym("000000101AA")}
    assert len(done.records.faults.errors) == 0
    assert any(notice.code == "overlap_closed" for notice in done.report.notices)


def test_elevescomplete_has_one_row_per_structure(run: Callable[..., Imported]) -> None:
    """Three rows of one pupil are one pupil, of the division; levels come from labels where the MEF is empty."""
    row = "F;101;00101990001;TESTARD;Zoé;03/04/2010;N;000000001AA;02/09/2024;;3;INTERN;;;{};{};{}\n"
    text = COMPLETE + "".join(
        row.format("4EME", *structure) for structure in (("4 GR", "G"), ("4 B", "D"), ("4 LAT", "G"))
    )
    done = run({"a.csv": text.encode("cp1252")}, uai="0990001N", school_year=2024)
    assert done.records.enrolments[["level", "class_id", "boarder"]].to_numpy().tolist() == [
        ["4e", "4 B", True]
    ]
    assert done.report.files[0].rows_read == 3


def test_a_pupil_twice_in_a_list_has_the_same_stay_in_any_order(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Two records of one pupil in one list: level and class are those of a rule, whatever the order, and the report says so."""
    ine = "000000101AA"
    twice = [
        pupil(101, ine=ine),
        pupil(109, ine=ine, family="FAMILLE101", division="4 B", mef="10210001110"),
        pupil(110, ine=ine, family="FAMILLE101", division="3 C"),
    ]
    for order in permutations(twice):
        done = run({"a.xml": siecle(list(order))})
        assert done.records.enrolments[["level", "class_id"]].to_numpy().tolist() == [["3e", "3 A"]]
        (told,) = [notice for notice in done.report.notices if notice.code == "stays_differ"]
        assert "autre niveau : 1, autre division : 1" in told.text


def test_two_divisions_in_any_order_give_the_same_class(run: Callable[..., Imported]) -> None:
    """Of two divisions of ElevesComplete the first in the order of their names is taken, and told with its pupil."""
    row = "F;101;00101990001;TESTARD;Zoé;03/04/2010;N;000000001AA;02/09/2024;;3;INTERN;;10310019110;3EME;{};{}\n"
    rows = [row.format(*structure) for structure in (("3 B", "D"), ("3 GR", "G"), ("3 A", "D"))]
    for order in permutations(rows):
        done = run({"a.csv": COMPLETE + "".join(order)}, uai="0990001N", school_year=2024)
        assert done.records.enrolments["class_id"].tolist() == ["3 A"]
        assert "two_structures" in {notice.code for notice in done.report.files[0].notices}


@pytest.mark.parametrize("names", [("a.xml", "b.xml", "c.xml"), ("c.xml", "b.xml", "a.xml")])
def test_the_names_of_files_settle_nothing(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    names: tuple[str, ...],
) -> None:
    """A pupil in lists of one day of two schools, or in two of one school: the higher level, the longer list; both are told."""
    contents = (
        siecle([pupil(101), pupil(102)]),
        siecle([pupil(101, mef="24731209310", division="2PRO")], uai="0990002P"),
        siecle([pupil(102, division="3 B")]),
    )
    done = run(dict(sorted(zip(names, contents, strict=True))))
    rows = done.records.enrolments.set_index("pupil_id")
    moved, changed = pseudonym("000000101AA"), pseudonym("000000102AA")
    assert rows.loc[moved, ["school_id", "level"]].tolist() == ["0990002P", "2de_pro"]
    assert rows.loc[changed, "class_id"] == "3 A"
    told = {notice.code: notice.text for notice in done.report.notices}
    assert "autre établissement : 1" in told["stays_differ"]
    assert "1 élève" in told["lists_differ"]


def test_rows_of_another_class_are_joined_and_told(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A pupil who changed class, or has two divisions, keeps her absences: the first is told with her lines, the second needs no word."""
    rows = "".join(
        f"FAMILLE{number};Zoé;3 A;{day:02d}/11/2024 08h00;{day:02d}/11/2024 12h00;Non\n"
        for number in (101, 102)
        for day in (5, 7)
    )
    of_two = siecle([pupil(101), pupil(102, division="3 B"), pupil(103)]).replace(
        b"<CODE_STRUCTURE>3 B</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE>",
        b"<CODE_STRUCTURE>3 B</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE>"
        b"<STRUCTURE><CODE_STRUCTURE>3 A</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE>",
    )
    of_one = siecle([pupil(101), pupil(102, division="3 B"), pupil(103)])
    for listed, lines in ((of_one, (4, 5)), (of_two, None)):
        absences = "Nom;Prénom;Classe;Du;Au;Justifiée\n" + rows
        done = run({"a.xml": listed, "b.csv": absences}, extracted_on=date(2025, 3, 5))
        of_pupil = done.records.absences["pupil_id"] == pseudonym("000000102AA")
        assert of_pupil.sum() == 2
        told = {notice.code: notice.lines for notice in done.report.files[1].notices}
        assert told.get("other_class") == lines


def test_elevescomplete_needs_its_school_and_year(run: Callable[..., Imported], nomenclature: bytes) -> None:
    """The list says neither: it is refused without them, read with those of the Nomenclature, refused for another school."""
    row = "F;101;00101990001;TESTARD;Zoé;03/04/2010;N;000000001AA;02/09/2024;;0;;;10310019110;3EME;3 A;D\n"
    with pytest.raises(UnreadableExportError) as error:
        run({"a.csv": COMPLETE + row})
    assert "--uai" in error.value.french
    assert len(run({"a.csv": COMPLETE + row, "n.xml": nomenclature}).records) == 1
    with pytest.raises(UnreadableExportError) as error:
        run({"a.csv": COMPLETE + row}, uai="0990002P", school_year=2024)
    assert "autre établissement" in error.value.french


def test_numbers_that_a_spreadsheet_shortened_are_read(
    run: Callable[..., Imported], pseudonym: Callable[[str], str]
) -> None:
    """The text "10310019110.0" is a MEF and "101.0" a number of a pupil."""
    row = "F;101.0;;TESTARD;Zoé;40271;N;;02/09/2024;;0;;;10310019110.0;3EME;3 A;D\n"
    done = run({"a.csv": COMPLETE + row}, uai="0990001N", school_year=2024)
    assert done.records.pupils["pupil_id"].tolist() == [pseudonym("0990001N-101")]
    assert done.records.pupils["birth_date"].dt.date.tolist() == [date(2010, 4, 3)]


def test_the_agricultural_list_is_read(run: Callable[..., Imported], pseudonym: Callable[[str], str]) -> None:
    """Stars in the headers, no school in the file: read with the caller's school and year."""
    text = (
        "Identifiant unique*;Premier prénom*;Nom de famille*;Code sexe*;Date de naissance (jj/mm/aaaa)*;Statut*;Code MEF*;Division*\n"
        "000000001AA;Zoé;TESTARD;F;03/04/2008;ST;27621301310;2PA\n000000002AB;Léo;X;M;03/04/2008;AP;27621301310;2PA\n"
    )
    done = run({"a.csv": text}, uai="0990001N", school_year=2024)
    assert done.records.enrolments[["pupil_id", "level"]].to_numpy().tolist() == [
        [pseudonym("000000001AA"), "2de_pro"]
    ]
    assert done.report.left_out() == {"apprentice": 1}


def test_sygne_gives_the_enrolments_of_many_schools(
    run: Callable[..., Imported], pseudonym: Callable[[str], str]
) -> None:
    """One object per schooling, levels by MEFSTAT4, a class that is null once gone, two schoolings of one pupil."""
    text = sygne(
        {},
        {
            "ine": "000000102AA",
            "codeUai": "0990002P",
            "niveau": "2381",
            "classe": None,
            "dateFinSco": "2024-11-12",
        },
        {"ine": "000000102AA", "codeUai": "0990003R", "niveau": "2381", "dateDebSco": "2024-11-18"},
        {"ine": "000000103AA", "codeStatut": "AP"},
    )
    done = run({"s.json": text}, extracted_on=date(2025, 3, 15))
    moved = done.records.enrolments.query("pupil_id == @who", local_dict={"who": pseudonym("000000102AA")})
    assert moved[["school_id", "level"]].to_numpy().tolist() == [
        ["0990002P", "2de_pro"],
        ["0990003R", "2de_pro"],
    ]
    assert moved["end_date"].iloc[0].date() == date(2024, 11, 12)
    assert done.report.left_out() == {"apprentice": 1}


def test_lists_that_name_nobody_are_refused_by_name(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """PRONOTE's list of pupils has no number of anybody, and ONDE no level of ours: each is refused with what to ask for."""
    contents = {
        "a.xml": siecle([pupil(101)]),
        "p.csv": "Nom;Prénom;S.;Né(e) le;Classe\nX;Y;F;03/04/2010;3E A\n",
        "o.csv": "Nom élève;INE; Cycle;Niveau;Libellé classe\nX;000000001AA;CYCLE III;CM2;A\n",
    }
    done = run(contents)
    assert [file.kind for file in done.report.files] == ["siecle_eleves", "pronote_pupils", "onde"]
    assert all(file.refusal for file in done.report.files[1:])


def test_one_ine_for_two_pupils_is_told_with_their_lines(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Bugs 2 and 9: two pupils of one INE stay two, and the report says in French which lines to correct."""
    pupils = [pupil(101), pupil(102, ine="000000101AA", birth="05/06/2009"), pupil(103)]
    done = run({"a.xml": siecle(pupils)})
    assert set(done.records.pupils["pupil_id"]) == {
        pseudonym("0990001N-101"),
        pseudonym("0990001N-102"),
        pseudonym("000000103AA"),
    }
    (notice,) = [notice for notice in done.report.files[0].notices if notice.code == "ine_of_two_pupils"]
    assert notice.lines == (1, 2)
    assert "Corrigez l’INE dans SIECLE" in notice.text


def test_totals_are_counted_beside_the_tables_and_days_stay_not_known(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Growing totals, known by the number of the school alone, give a count per period; absences are no table, never zero."""
    declared = tmp_path / "columns.toml"
    declared.write_text(
        '[files."*sept*"]\ntotals = [2024-09-01, 2024-09-30]\n[files."*oct*"]\ntotals = [2024-09-01, 2024-10-31]\n'
    )
    head = "ELENOET;NBABS;NBNJ;NBNVAL;NBRET;\n"
    contents = {
        "a.xml": siecle([pupil(101)]),
        "sept.csv": head + "101;3;1;0;0\n",
        "oct.csv": head + "101;8;5;0;2\n",
    }
    done = run(contents, monthly_totals=True, column_maps=(declared,))
    assert done.records.absences is None
    counts = done.totals.assign(end=done.totals["end"].dt.strftime("%d/%m"))
    assert counts[["pupil_id", "end", "half_days", "unjustified", "lateness"]].to_numpy().tolist() == [
        [pseudonym("000000101AA"), "30/09", 3, 1, 0],
        [pseudonym("000000101AA"), "31/10", 5, 4, 2],
    ]
    written = {path.name for path in done.write(tmp_path / "tables")}
    assert "totaux-mensuels.csv" in written
    assert "absences.parquet" not in written
    assert any("non connues" in line for file in done.report.files for line in file.lines())
    assert dr.PupilRecords.read(tmp_path / "tables").absences is None


def test_nothing_is_imported_without_a_list_of_pupils(run: Callable[..., Imported]) -> None:
    """Without any list of pupils nothing is made, and the error says what became of each file."""
    with pytest.raises(UnreadableExportError) as error:
        run({"notes.md": "# rien"})
    assert "notes.md" in error.value.french


def test_an_option_that_does_not_exist_is_refused(
    siecle: Callable[..., bytes], pupil: Callable[..., object], run: Callable[..., Imported]
) -> None:
    """A misspelt option and a school number that cannot be are errors, never ignored."""
    with pytest.raises(RecordsError, match="shool_year"):
        run({"a.xml": siecle([pupil(101)])}, shool_year=2024)
    with pytest.raises(RecordsError, match="0990001A"):
        run({"a.xml": siecle([pupil(101)])}, uai="0990001A")


def test_the_written_folder_is_read_back_as_it_is(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """The folder of an import is read by PupilRecords without a fault; a second import replaces it whole."""
    done = run({"a.xml": siecle([pupil(101, before=("10210001110", "0990001N", "4 B")), pupil(102)])})
    target = tmp_path / "out"
    done.write(target)
    again = dr.PupilRecords.read(target)
    pd.testing.assert_frame_equal(again.enrolments, done.records.enrolments)
    assert len(again.faults.errors) == 0
    run({"b.xml": siecle([pupil(103)])}).write(target)
    assert len(dr.PupilRecords.read(target)) == 1
    assert not any("files.json" in note for note in again.notes)


def test_an_import_replaces_only_what_a_run_listed(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """Somebody's file, an edited table, a link, a second run at once: each is named, and nothing is touched."""
    done = run({"a.xml": siecle([pupil(101)])})
    target, mine = tmp_path / "out", tmp_path / "mine.csv"
    mine.write_text("mine")
    done.write(target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    with hold(target), pytest.raises(RecordsError, match=r"another run \(process"):
        done.write(target)
    for name, put, said in (
        ("coverage.csv", lambda path: path.write_text("mine"), r"coverage\.csv"),
        ("outcomes.csv", lambda path: path.symlink_to(mine), r"outcomes\.csv \(a link\)"),
    ):
        put(target / name)
        with pytest.raises(RecordsError, match=said):
            done.write(target)
        (target / name).unlink()
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    (target / "rapport-import.txt").write_text("a note of mine")
    with pytest.raises(RecordsError, match=r"rapport-import\.txt \(changed since\)"):
        done.write(target)
    assert (target / "rapport-import.txt").read_text() == "a note of mine"
    assert mine.read_text() == "mine"


def test_the_order_of_files_changes_nothing(
    tmp_path: Path, siecle: Callable[..., bytes], pupil: Callable[..., object], nomenclature: bytes
) -> None:
    """The same files in any order give the same records."""
    contents = {
        "n.xml": nomenclature,
        "a.xml": siecle([pupil(101), pupil(102, mef="9990000LOCA")]),
        "b.xml": siecle([pupil(101, mef="10210001110")], year=2023, exported="15/05/2024"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in contents]
    one = import_exports(paths, key=KEY)
    other = import_exports(paths[::-1], key=KEY)
    pd.testing.assert_frame_equal(one.records.enrolments, other.records.enrolments)
    pd.testing.assert_frame_equal(one.records.pupils, other.records.pupils)


@pytest.mark.parametrize("pile", [1, 50_000])
def test_the_number_of_files_changes_nothing(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    pile: int,
) -> None:
    """The same marks in one mark book, or in one for each pupil, are the same table, and a line that joins nobody is counted."""
    monkeypatch.setattr("decrochage_risk.importers.merging._PILE", pile)
    roster = siecle([pupil(number) for number in range(101, 106)])
    head = (
        "GEPI_INFOS;GEPI_LOGIN_ELEVE;NOM;PRENOM;CLASSE;MOYENNE;GEPI_COL_1ER_DEVOIR\n"
        "GEPI_DEV_DATE;;;;;Date:;04/10/2024;11/10/2024\n"
    )
    lines = [
        f"GEPI_LOGIN_ELEVE;x{number};FAMILLE{number};Zoé;3 A;;{number - 90};{number % 2 or 'abs'}\n"
        for number in range(101, 107)
    ]
    one = run({"a.xml": roster, "b.csv": head + "".join(lines)})
    many = run({"a.xml": roster, **{f"b{at}.csv": head + line for at, line in enumerate(lines)}})
    pd.testing.assert_frame_equal(one.records.grades, many.records.grades)
    unmatched = [file.left_out.get("name_unmatched") for file in many.report.files]
    assert unmatched == [None, None, None, None, None, None, [3]]
    assert len(one.records.grades) == 10


def test_the_link_table_is_private_and_never_replaced(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """Mode 600, written only when asked for, never over a file that is there."""
    done = run({"a.xml": siecle([pupil(101)])}, links=True)
    path = done.write_links(tmp_path / "links.csv")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RecordsError):
        done.write_links(path)
    with pytest.raises(RecordsError):
        run({"a.xml": siecle([pupil(101)])}).write_links(tmp_path / "other.csv")


def test_reports_say_the_same_as_text_json_and_html(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Every reason, its count and its lines are in all three; the page escapes what a file is called."""
    done = run({"<b>.xml": siecle([pupil(101), pupil(102, division="Inactifs")])})
    facts = json.loads(done.report.to_json())
    assert facts["files"][0]["left_out"]["inactive"] == {
        "sentence": REASONS["inactive"],
        "count": 1,
        "lines": [2],
    }
    for text in (str(done.report), done.report.to_html()):
        assert REASONS["inactive"] in text
        assert "ligne 2" in text
    assert "<b>.xml" not in done.report.to_html()
    assert facts["tables"] == {"pupils": 1, "enrolments": 1}
    assert any("non connues pour 0990001N" in line for line in facts["missing"])


def test_every_reason_is_a_french_sentence_and_no_other_is_taken() -> None:
    """A line is left out for a reason that the school can read; another is an error of the program."""
    assert all(re.search(r"[a-zé]", sentence) and not sentence.endswith(".") for sentence in REASONS.values())
    with pytest.raises(KeyError):
        Extract("x").leave_out("because", 1)


# Levels


@pytest.mark.parametrize(
    ("mef", "level", "reason"),
    [
        ("10010012110", "6e", None), ("10310019110", "3e", None), ("1031000K11A", "3e", None), ("16710002110", "3e_segpa", None),
        ("20010015110", "2de_gt", None), ("20211011110", "tle_gt", None), ("24731209310", "2de_pro", None),
        ("24731209320", "1re_pro", None), ("2473120933", "tle_pro", None), ("24124127210", "cap1", None),
        ("24124127220", "cap2", None), ("25021009111", None, "post_diploma"), ("25331209111", None, "post_diploma"),
        ("25831209111", None, "post_diploma"), ("31131209121", None, "unknown_level"), ("123456789", None, "unknown_level"),
        (None, None, "unknown_level"),
    ],
)  # fmt: skip
def test_a_mef_gives_the_level_of_the_nomenclature_or_a_reason(
    mef: str | None, level: str | None, reason: str | None
) -> None:
    """Ten or eleven characters, digits or not: the level of the ministry's nomenclature, or why there is none."""
    known = find_level(mef, SchoolFacts())
    assert (known.level, known.reason) == (level, reason)


def test_a_third_of_preparation_is_told_by_its_label_alone() -> None:
    """The MEFSTAT of a 3e with a label of prépa-métiers is 3e_pm; nothing else makes it one."""
    facts = SchoolFacts(mefstat={"X": "21160010019"}, mef_labels={"X": "3EME PREPA-METIERS"})
    assert find_level("X", facts).level == "3e_pm"
    assert find_level("10310019110", SchoolFacts(), label="3EME PREPA PRO").level == "3e_pm"
    assert find_level("10310019110", SchoolFacts(), label="3EME").level == "3e"


def test_the_two_years_of_a_cap_agricole_are_told_by_the_year_before() -> None:
    """One code for both years: a CAP agricole the year before is the second, a 3e the first, a repeat or nothing is open."""
    code = "28021201991"
    assert find_level(code, SchoolFacts(), last_mef="10310019110").level == "cap1"
    assert find_level(code, SchoolFacts(), last_mef=code).level == "cap2"
    assert find_level(code, SchoolFacts(), last_mef=code, repeats=True).reason == "agricultural_capa"
    assert find_level(code, SchoolFacts()).reason == "agricultural_capa"


@pytest.mark.parametrize(
    ("label", "level"), [("1CAP3 TECHNO", "cap1"), ("2CAP3 TECHNO", "cap2"), ("3CAP3 TECHNO", "cap3")]
)
def test_the_years_of_a_cap_in_three_years_are_three_levels(label: str, level: str) -> None:
    """The third year of a CAP in three years is its own level: nobody repeats by it."""
    assert level_of_label(label) == level


@pytest.mark.parametrize("label", ["BTS 1", "CM2", "CP", "MC BOULANGERIE", "1BP2 PREPARATEUR", "ULIS", ""])
def test_a_label_of_no_level_gives_none(label: str) -> None:
    """What is no level of ours is none, however it begins."""
    assert level_of_label(label) is None


# Events of several files


def wishes(*rows: tuple[int, str, str, int], until: str = "2024-11-30") -> pd.DataFrame:
    """Make rows of wishes of one pupil: file, source, day, rank; each file vouches for September until a day."""
    frame = pd.DataFrame(rows, columns=["file", "source", "date", "rank"])
    return frame.assign(
        pupil_id="a",
        event="wish",
        line=range(2, 2 + len(rows)),
        date=pd.to_datetime(frame["date"]),
        covered_from=np.datetime64("2024-09-01"),
        covered_to=np.datetime64(until),
    )


def test_the_newer_extract_wins_on_the_days_it_vouches_for() -> None:
    """Rows of an older extract of one source give way on the days of the newer; other sources and other days stay."""
    rows = wishes(
        (0, "x", "2024-11-05", 1),
        (0, "x", "2024-12-05", 2),
        (1, "x", "2024-11-05", 3),
        (2, "y", "2024-11-06", 4),
    )
    days = (date(2024, 12, 1), date(2025, 1, 1), date(2024, 1, 1))
    files = [FileReport(name, exported_on=day) for name, day in zip("abc", days, strict=True)]
    assert merge_events("orientation", rows, files)["rank"].tolist() == [2, 3, 4]


def test_a_row_said_by_two_files_counts_once() -> None:
    """The same event in two sources is kept once, and counted where it was repeated."""
    files = [FileReport("a"), FileReport("b")]
    rows = wishes((0, "x", "2024-11-05", 1), (1, "y", "2024-11-05", 1))
    assert len(merge_events("orientation", rows, files)) == 1
    assert files[1].left_out == {"repeated_row": [3]}


def book(file: int, *assessments: tuple[str, list[float | None]], pupils: str = "abcdef") -> pd.DataFrame:
    """Make the marks of one mark book: day and mark of each pupil, None for an absence."""
    rows = [
        (file, pupil, day, value)
        for day, values in assessments
        for pupil, value in zip(pupils, values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["file", "pupil_id", "date", "value"])
    return frame.assign(
        date=pd.to_datetime(frame["date"]),
        value=frame["value"].astype("float64"),
        status=np.where(frame["value"].isna(), "absent", "graded"),
        subject="other",
        kind="assessment",
        out_of=20.0,
        source="gepi_book|0990001N|2024",
        line=range(6, 6 + len(rows)),
        covered_from=np.datetime64("2024-09-01"),
        covered_to=np.datetime64("2025-03-05"),
    )


FIRST, LAST = date(2025, 2, 1), date(2025, 3, 5)
MATHS = [
    ("2024-11-05", [None, 14.0, 8.0, 11.0, 12.0, 9.0]),
    ("2024-11-12", [12.0, 15.0, 9.5, 7.0, 13.0, 16.0]),
]
FRENCH = [
    ("2024-11-05", [None, 8.0, 8.0, 15.0, 6.0, 10.0]),
    ("2024-11-12", [9.0, 15.0, 11.0, 12.0, 13.0, 8.0]),
]


@pytest.mark.parametrize("days", [(LAST, LAST), (FIRST, LAST), (LAST, FIRST)])
def test_two_books_under_one_subject_keep_their_marks(days: tuple[date, date]) -> None:
    """Marks of two books that agree by chance are all marks, on whichever days the books were exported and under whatever name."""
    files = [FileReport(name, exported_on=day) for name, day in zip("ab", days, strict=True)]
    merged = merge_events("grades", pd.concat([book(0, *MATHS), book(1, *FRENCH)]), files)
    assert len(merged) == 24
    assert not files[0].left_out
    assert not files[1].left_out


@pytest.mark.parametrize("days", [(LAST, LAST), (FIRST, LAST)])
def test_a_book_exported_twice_counts_once(days: tuple[date, date]) -> None:
    """Of two exports of one book the newer holds, with its corrections and further marks; of one day, what both hold counts once."""
    files = [FileReport(name, exported_on=day) for name, day in zip("ab", days, strict=True)]
    corrected = [("2024-11-05", [13.0, *MATHS[0][1][1:]]), MATHS[1], ("2024-12-03", [10.0] * 6)]
    is_later = days[0] < days[1]
    rows = pd.concat([book(0, *MATHS), book(1, *(corrected if is_later else [*MATHS, corrected[2]]))])
    merged = merge_events("grades", rows, files)
    assert len(merged) == 18
    first = merged[(merged["pupil_id"] == "a") & (merged["date"] == "2024-11-05")]["value"]
    assert first.tolist() == [13.0] if is_later else first.isna().tolist() == [True]
    told = {"older_event": list(range(6, 18))} if is_later else {}
    assert files[0].left_out == told


@pytest.mark.parametrize("day", ["31/12/9999", "01/01/0001", "05/11/0024", "9999-12-31", "99999"])
def test_a_day_that_no_school_can_mean_is_no_day(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    day: str,
) -> None:
    """An absence on such a day is left out and its pupil not known, no list stops the import, and a stay without an end has none."""
    roster = siecle([pupil(101), pupil(102, more={"DATE_SORTIE": day})])
    absences = f"Nom;Prénom;Classe;Du;Au\nFAMILLE101;Zoé;3 A;05/11/2024 08h00;05/11/2024 10h00\nFAMILLE102;Zoé;3 A;{day};{day}\n"
    marks = (
        "GEPI_INFOS;GEPI_LOGIN_ELEVE;NOM;PRENOM;CLASSE;MOYENNE;GEPI_COL_1ER_DEVOIR\n"
        f"GEPI_DEV_DATE;;;;;Date:;05/11/2024;{day}\nGEPI_LOGIN_ELEVE;x;FAMILLE102;Zoé;3 A;;12;13\n"
    )
    done = run({"a.xml": roster, "b.csv": absences, "c.csv": marks}, extracted_on=date(2025, 3, 5))
    assert done.report.files[1].left_out == {"bad_date": [3]}
    assert done.report.files[2].left_out == {"bad_date": [3]}
    covered = done.records.coverage
    of_absences = set(covered.loc[covered["table"] == "absences", "pupil_id"].dropna())
    assert of_absences == {pseudonym("000000101AA")}
    assert done.records.enrolments["end_date"].isna().all()


def test_facts_are_those_of_the_school_and_year_asked_for() -> None:
    """Facts of one school are not lent to another; without a school, only those of the one that is known."""
    one = SchoolFacts(uai="0990001N", school_year=2024)
    two = SchoolFacts(uai="0990002P", school_year=2024)
    options = ImportOptions(schools={("0990001N", 2024): one, ("0990002P", 2024): two})
    assert options.facts("0990002P", 2024) is two
    assert options.facts(None, 2024).uai is None
    assert options.facts("0990001N", 2023).uai is None


def test_a_pile_of_files_is_told_by_kind() -> None:
    """The essentials tell many files by kind, once each notice, each refusal; they count what the whole report counts."""
    notice = Notice("school", "L’établissement n’est pas connu.")
    books = [
        FileReport(
            f"{number}.csv",
            label="GEPI, carnet de notes",
            uai="0670001A",
            school_year=2024,
            rows_read=3,
            rows={"grades": number},
            left_out={"repeated_row": [1, 2]},
            notices=[notice],
        )
        for number in range(30)
    ]
    refused = FileReport("plan.pdf", refusal="Ce n’est pas un export.")
    report = ImportReport(files=[*books, refused])
    lines = report.essentials(most=12).splitlines()
    assert lines == [
        "GEPI, carnet de notes : 30 fichiers, 0670001A, 2024-2025, 90 lignes lues ; pris : 435 notes",
        "60 lignes laissées, ligne déjà lue dans un autre fichier",
        "Attention : L’établissement n’est pas connu. (et 29 avis de même, dans le rapport)",
        "plan.pdf : non reconnu, non lu. Ce n’est pas un export.",
    ]
    assert report.essentials(most=31) == str(report)
