from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import decrochage_risk as dr
from decrochage_risk.errors import FaultyRecordsError, RecordsError
from decrochage_risk.importers.hand_made import draft_mapping
from decrochage_risk.records.table_mapping import read_mapping

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "tables"
    place.mkdir()
    (place / "eleves.csv").write_text(
        "Identifiant;Sexe;Né(e) le;Nom\na1;Féminin;03/04/2007;SECRET\na2;Masculin;03/04/2009;SECRET\n"
    )
    (place / "scolarites.csv").write_text(
        "Identifiant;Année scolaire;UAI;Formation;Début\n"
        "a1;2023-2024;0990001N;TERMINALE PRO MELEC;04/09/2023\n"
        "a2;2023-2024;0990001N;24124127210;04/09/2023\n"
        "a2;2023-2024;0990001N;1CAP2 EN APPRENTISSAGE;04/09/2023\n"
    )
    (place / "notes.csv").write_text(
        "Identifiant;Date;Matiere;Note;Statut;Type\na1;05/10/2023;Mathématiques;12,5;Noté;Devoir\n"
    )
    return place


def test_a_draft_is_read_once_a_person_confirmed_it(folder: Path, tmp_path: Path) -> None:
    """The draft of a folder in French names gives records when it is confirmed, and is refused before."""
    file = tmp_path / "export.toml"
    file.write_text(draft_mapping(folder))
    with pytest.raises(RecordsError, match="confirmed"):
        dr.PupilRecords.read(folder, mapping=file)
    file.write_text(file.read_text().replace("confirmed = false", "confirmed = true"))
    records = dr.PupilRecords.read(folder, mapping=file)
    assert records.enrolments[["school_year", "level"]].to_numpy().tolist() == [
        [2023, "tle_pro"],
        [2023, "cap1"],
    ]
    assert records.pupils["sex"].tolist() == ["F", "M"]
    assert records.grades[["subject", "value", "kind", "status"]].to_numpy().tolist() == [
        ["maths", 12.5, "assessment", "graded"]
    ]


def test_an_apprentice_is_left_out_and_never_taken_for_a_first_year(folder: Path) -> None:
    """A label that is near "cap1" and says apprenticeship is out of scope: the row is left out, and the mapping says so."""
    text = draft_mapping(folder)
    assert 'level = ["1CAP2 EN APPRENTISSAGE"]' in text
    records_text = text.replace("confirmed = false", "confirmed = true")
    (folder.parent / "m.toml").write_text(records_text)
    records = dr.PupilRecords.read(folder, mapping=folder.parent / "m.toml")
    assert any("1 rows left out by the mapping" in note for note in records.notes)


def test_a_draft_lists_no_value_of_a_column_that_may_hold_names(folder: Path) -> None:
    """Values are listed of columns with declared choices only: names of persons never enter the file."""
    assert "SECRET" not in draft_mapping(folder)


def test_what_is_only_like_a_word_is_a_comment_until_confirmed(tmp_path: Path) -> None:
    """Likeness is a proposal in a comment, what is unknown an empty one: neither is read."""
    (tmp_path / "absences.csv").write_text(
        "Identifiant;Date;Demi-journés;Type\na1;05/10/2023;1;Absense\na1;06/10/2023;1;Zut\n"
    )
    text = draft_mapping(tmp_path)
    assert '# "Absense" = "absence"  # à confirmer : par ressemblance' in text
    assert '# "Zut" = ""  # à dire' in text
    assert '"Demi-journés" = "half_days"  # à confirmer' in text


def test_several_files_are_one_table(folder: Path, tmp_path: Path) -> None:
    """Files of several years that are declared as one table are read one under the other."""
    (folder / "scolarites.csv").rename(folder / "scolarites 2023.csv")
    (folder / "scolarites 2024.csv").write_text(
        "Identifiant;Année scolaire;UAI;Formation;Début\na2;2024-2025;0990001N;TLE CAP;02/09/2024\n"
    )
    file = tmp_path / "m.toml"
    file.write_text(draft_mapping(folder).replace("confirmed = false", "confirmed = true"))
    records = dr.PupilRecords.read(folder, mapping=file)
    assert sorted(records.enrolments["level"]) == ["cap1", "cap2", "tle_pro"]


def test_every_fault_of_a_mapping_is_said_at_once(tmp_path: Path) -> None:
    """Unknown tables, columns, values and parts are all in one error."""
    file = tmp_path / "m.toml"
    file.write_text(
        'confirmed = true\n[files]\n"a.csv" = "pupil"\n[pupils.columns]\n"X" = "pupil"\n"Y" = "sex"\n"Z" = "sex"\n'
        '[pupils.values.sex]\n"f" = "Q"\n[pupils.odd]\n[nothing.columns]\n'
    )
    with pytest.raises(RecordsError) as error:
        read_mapping(file)
    for said in (
        "'pupil', which is no table",
        "'pupil' is no column",
        "two columns are said to be 'sex'",
        "'Q'",
        "'odd'",
        "'nothing'",
    ):
        assert said in str(error.value)


def test_constants_fill_columns_that_the_extract_does_not_have(folder: Path, tmp_path: Path) -> None:
    """A column that every row shares, such as the school, is declared once."""
    (folder / "scolarites.csv").write_text(
        "Identifiant;Année scolaire;Formation;Début\na1;2023-2024;3EME;04/09/2023\n"
    )
    file = tmp_path / "m.toml"
    text = draft_mapping(folder).replace("confirmed = false", "confirmed = true")
    assert "# school_id" in text
    file.write_text(text.replace('# school_id = ""', 'school_id = "0990001N"'))
    assert dr.PupilRecords.read(folder, mapping=file).enrolments["school_id"].tolist() == ["0990001N"]


def test_values_at_fault_are_told_with_missing_columns() -> None:
    """A table without a needed column still has the faults of its other cells told, and no level is proposed to an apprentice."""
    with pytest.raises(FaultyRecordsError) as error:
        dr.PupilRecords(
            pupils=[{"pupil_id": "a1"}],
            enrolments=[
                {
                    "pupil_id": "a1",
                    "school_year": "2023-2024",
                    "level": "cap1 apprentissage",
                    "start_date": "2023-09-04",
                }
            ],
        )
    text = str(error.value)
    assert "missing_column" in text
    assert "unknown_choice" in text
    assert "wrong_type" in text
    assert "may be 'cap1'" not in text
    assert "Out of scope" in text


def test_title_lines_of_an_extract_of_ones_own_are_left_out_and_told(folder: Path, tmp_path: Path) -> None:
    """With a mapping, and in its draft, title lines above a header are no rows; without one they are refused."""
    plain = (folder / "scolarites.csv").read_text()
    title = "Extraction du 28/02/2025, lycée, fermé\n\n"
    (folder / "scolarites.csv").write_bytes((title + plain).encode("latin-1"))
    file = tmp_path / "m.toml"
    text = draft_mapping(folder)
    assert "illisible" not in text
    file.write_text(text.replace("confirmed = false", "confirmed = true"))
    records = dr.PupilRecords.read(folder, mapping=file)
    assert records.enrolments["level"].tolist() == ["tle_pro", "cap1"]
    assert any(
        "title lines above the header left out: 1 (header on line 3)" in note for note in records.notes
    )


def test_words_in_the_place_of_marks_become_their_status(folder: Path, tmp_path: Path) -> None:
    """A word ("Abs") in the column of marks is drafted as its status: the mark is empty then, the other rows are graded."""
    (folder / "notes.csv").write_text(
        "Identifiant;Date;Matiere;Note\na1;05/10/2023;Mathématiques;12,5\na1;06/10/2023;Mathématiques;Abs\n"
    )
    text = draft_mapping(folder)
    assert '"Abs" = "absent"' in text
    assert '# kind = "assessment"  # colonne nécessaire absente : Nature ; ou "term_average"' in text
    confirmed = text.replace("confirmed = false", "confirmed = true").replace("# kind =", "kind =")
    for status in ("# status =", "status ="):
        file = tmp_path / "m.toml"
        file.write_text(confirmed.replace("# status =", status))
        grades = dr.PupilRecords.read(folder, mapping=file).grades
        assert grades["status"].tolist() == ["graded", "absent"]
        assert grades["value"].fillna(-1).tolist() == [12.5, -1]


def test_a_file_that_cannot_be_read_is_said_in_the_language_of_the_draft(folder: Path) -> None:
    """The comment on an unreadable file is what the translation makes of its message."""
    (folder / "absences.csv").write_text("Identifiant;Date\na1;05/10/2023;1\n")
    assert "# illisible : X" in draft_mapping(folder, translate=lambda _: "X")
