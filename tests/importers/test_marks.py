from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import RecordsError, UnreadableExportError
from decrochage_risk.importers.extract import ImportOptions, SchoolFacts, SourceFile, Subject
from decrochage_risk.importers.mark_cells import mark_of, scale_of, weight_of
from decrochage_risk.importers.marks import term_of_text
from decrochage_risk.importers.nomenclatures import SUBJECTS, SubjectNames, subject_of_code
from decrochage_risk.importers.recognition import readers_of, recognise

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.importers.extract import Extract

PERIODS = pd.DataFrame(
    {
        "code": ["T1", "T2"],
        "label": ["1er TRIMESTRE", "2e TRIMESTRE"],
        "index": [1, 2],
        "type": ["T", "T"],
        "start": [date(2024, 9, 2), date(2024, 11, 30)],
        "end": [date(2024, 11, 29), date(2025, 3, 14)],
    }
)
FACTS = {("0990001N", 2024): SchoolFacts(uai="0990001N", school_year=2024, periods=PERIODS)}

BOOK = (
    "GEPI_INFOS;GEPI_LOGIN_ELEVE;NOM;PRENOM;CLASSE;MOYENNE;GEPI_COL_1ER_DEVOIR\n"
    "GEPI_DEV_NOM_COURT;;;;;Nom court du devoir:;DS1;DM2\n"
    "GEPI_DEV_COEF;;;;;Coefficient:;2,0;0,5\n"
    "GEPI_DEV_NOTE_SUR;;;;;Notation sur:;20;10\n"
    "GEPI_DEV_DATE;;;;;Date:;04/10/2024;11/10/2024\n"
    "INFOS;Login;Nom;Prénom;Classe;Moyennes:;12,3;7,5\n"
)
REPORTS = '"ID_ELEVE";"NOM";"PRENOM";"NOM_DE_CLASSE";"NOM_COURT_DE_MATIERE";"NOM_LONG_DE_MATIERE";"NUMERO_DE_PERIODE";"NOM_DE_PERIODE";"NOTE_BULLETIN"\r\n'
GRID = "3E A;;;MATHS;;AGL1;;;EPS;\nNom;S.;Classe;Moy.;Abs;Moy.;Écrit;Oral;Moy.;Abs\n"


def read(content: str | bytes, *maps: Path, **options: object) -> Extract:
    """Recognise a content and read it with the reader that it is recognised for."""
    given_bytes = content.encode() if isinstance(content, str) else content
    reader = recognise(given_bytes, "file", readers_of(maps))
    assert reader is not None
    settled = ImportOptions(column_maps=maps, **options)
    return reader.read(SourceFile("cahier maths.csv", given_bytes, "", reader.kind), settled)


def marks(extract: Extract) -> list[tuple[str, str, object, float, float, str]]:
    """Day, subject, value, scale, weight and status of every row."""
    return [
        (
            f"{row.date:%d/%m}",
            str(row.subject),
            None if pd.isna(row.value) else float(row.value),
            float(row.out_of),
            float(row.coefficient),
            str(row.status),
        )
        for row in extract.tables["grades"].frame().itertuples()
    ]


# Cells


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Abs", "absent"),
        ("abs ", "absent"),
        ("Absent", "absent"),
        ("Disp", "exempt"),
        ("Dispensé", "exempt"),
        ("Inapte", "exempt"),
        ("NE", "exempt"),
        ("NN", "exempt"),
        ("N.Not", "exempt"),
        ("NR", "not_handed_in"),
        ("N.Rdu", "not_handed_in"),
        ("—", "exempt"),
        ("-", "exempt"),
        ("|1", "absent"),
        ("|2", "exempt"),
        ("|5", "not_handed_in"),
        ("|6", "absent"),
        ("|7", "not_handed_in"),
        ("Abs/20", "absent"),
        ("undefined/20", ""),
        ("NaN/20", ""),
        ("NaN", ""),
        ("|9", ""),
        ("Bien", ""),
        ("-3", ""),
        ("12/0", ""),
    ],
)
def test_a_word_in_place_of_a_mark_is_what_it_says_and_never_a_number(text: str, status: str) -> None:
    """Absent, exempt, not handed in, or nothing that is known: in no case a 0."""
    mark = mark_of(text)
    assert (mark.value, mark.status) == (None, status)
    assert mark.is_zero == (text in {"|6", "|7"})


@given(
    st.integers(0, 2000),
    st.sampled_from([10, 20, 40, 100]),
    st.sampled_from([",", "."]),
    st.sampled_from(["scale", "bare"]),
)
def test_every_way_of_writing_a_number_is_that_number(
    hundredths: int, out_of: int, point: str, form: str
) -> None:
    """Comma or point, with its scale or bare: the value and the scale are those written."""
    value = hundredths / 100
    text = f"{value:.2f}".replace(".", point) + (f"/{out_of}" if form == "scale" else "")
    assert mark_of(text)[:3] == (value, float(out_of) if form == "scale" else None, "graded")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Trimestre 1", ("T", 1)),
        ("1er TRIMESTRE", ("T", 1)),
        ("2e Trimestre", ("T", 2)),
        ("T3", ("T", 3)),
        ("Semestre 2", ("S", 2)),
        ("2nd semestre", ("S", 2)),
        ("S1", ("S", 1)),
        ("Année", None),
        ("3E A", None),
    ],
)
def test_the_number_of_a_period_is_found_in_its_name(text: str, term: object) -> None:
    """Every usual way of naming a term or a semester; nothing in the name of a class."""
    assert term_of_text(text) == term


# GEPI


def test_a_mark_book_gives_scale_weight_and_day_of_each_assessment_and_no_class_mean() -> None:
    """Each cell is a mark on its own scale; an empty one is nothing; the line of class means is not read."""
    book = (
        BOOK
        + "GEPI_LOGIN_ELEVE;bateco_d;BATECO;Dipo;3 A;;14,5;8\nGEPI_LOGIN_ELEVE;fo_j;FOGUHA;Jiko;3 A;;abs;\n"
    )
    assert marks(read(book.encode("cp1252"))) == [
        ("04/10", "other", 14.5, 20.0, 2.0, "graded"),
        ("11/10", "other", 8.0, 10.0, 0.5, "graded"),
        ("04/10", "other", None, 20.0, 2.0, "absent"),
    ]


def test_a_mark_book_without_scales_or_weights_is_on_20_and_weighs_1() -> None:
    """Bug 14: some servers leave the scale and the weight out; a weight of 0 that is written stays 0."""
    lines = [line for line in BOOK.splitlines() if "NOTE_SUR" not in line]
    book = "\n".join(lines).replace("2,0;0,5", "0;") + "\nGEPI_LOGIN_ELEVE;bateco_d;BATECO;Dipo;3 A;;14,5;8\n"
    assert marks(read(book)) == [
        ("04/10", "other", 14.5, 20.0, 0.0, "graded"),
        ("11/10", "other", 8.0, 20.0, 1.0, "graded"),
    ]


def test_two_pupils_of_one_name_in_a_mark_book_are_left_out_both() -> None:
    """Only the login tells them apart, and nobody knows whose it is: neither gets a mark, both lines are counted."""
    book = BOOK + "".join(f"GEPI_LOGIN_ELEVE;bateco_{at};BATECO;Dipo;3 A;;{at};\n" for at in (1, 2))
    extract = read(book)
    assert marks(extract) == []
    assert set(extract.counts["name_ambiguous"]) == {7, 8}


def test_the_subject_of_a_mark_book_is_the_one_declared_for_its_file(tmp_path: Path) -> None:
    """The file does not say it; a pattern of its name does, in our words or in the school's."""
    book = BOOK + "GEPI_LOGIN_ELEVE;bateco_d;BATECO;Dipo;3 A;;14,5;\n"
    assert "no_subject" in {warning.code for warning in read(book).warnings}
    for subject in ("maths", "Mathématiques"):
        mine = tmp_path / f"{subject}.toml"
        mine.write_text(f'[files."*maths*"]\nsubject = "{subject}"\n', encoding="utf-8")
        extract = read(book, mine)
        assert {subject for _, subject, *_ in marks(extract)} == {"maths"}
        assert extract.warnings == []


def test_averages_of_gepi_are_dated_by_the_end_of_their_period() -> None:
    """The period ends where Communs.xml says; an average above 20 and a word that means nothing are counted."""
    row = '"{}";"{}";"Dipo";"3 A";"MATHS";"Mathématiques";"{}";"Trimestre {}";"{}"\r\n'
    rows = [
        (1, "BATECO", 1, 1, "12.4"),
        (2, "FOGUHA", 2, 2, "abs"),
        (3, "JIKOLU", 1, 1, "21"),
        (4, "MENIPO", 1, 1, "x"),
    ]
    extract = read(REPORTS + "".join(row.format(*told) for told in rows), uai="0990001N", schools=FACTS)
    assert marks(extract) == [
        ("29/11", "maths", 12.4, 20.0, 1.0, "graded"),
        ("14/03", "maths", None, 20.0, 1.0, "absent"),
    ]
    assert extract.counts == {"mark_above_out_of": [4], "not_a_mark": [5]}


def test_averages_of_periods_that_nobody_dates_are_refused_unless_they_are_declared(tmp_path: Path) -> None:
    """A day is asked for, never made up; declared, it counts."""
    text = REPORTS + '"1";"BATECO";"Dipo";"3 A";"MATHS";"Mathématiques";"1";"Trimestre 1";"12.4"\r\n'
    with pytest.raises(UnreadableExportError) as error:
        read(text)
    assert "Communs.xml" in error.value.french
    mine = tmp_path / "mine.toml"
    mine.write_text('[periods]\n"Trimestre 1" = 2024-11-30\n', encoding="utf-8")
    assert [day for day, *_ in marks(read(text, mine))] == ["30/11"]


# PRONOTE


def test_a_grid_gives_one_average_per_subject_and_nothing_of_its_sub_columns() -> None:
    """Written and oral marks and counts of absences are not averages; the mean of the class is nobody's."""
    text = (
        GRID
        + '"BATECO Dipo";♀;3E A;12,40;;14,00;13,00;15,00;Disp;2\n'
        + '"FOGUHA Jiko";♂;3E A;Abs;3;9,5;8;11;N.Not;\n'
        + '"Moyenne de la classe";;;11,20;;12,00;;;14,00;\n'
    )
    extract = read(text, extracted_on=date(2025, 3, 15))
    assert sorted(marks(extract), key=str) == sorted(
        [
            ("15/03", "maths", 12.4, 20.0, 1.0, "graded"),
            ("15/03", "maths", None, 20.0, 1.0, "absent"),
            ("15/03", "modern_language_1", 14.0, 20.0, 1.0, "graded"),
            ("15/03", "modern_language_1", 9.5, 20.0, 1.0, "graded"),
            ("15/03", "pe", None, 20.0, 1.0, "exempt"),
            ("15/03", "pe", None, 20.0, 1.0, "exempt"),
        ],
        key=str,
    )
    assert extract.counts == {"total_row": [5]}
    (told,) = [warning.text for warning in extract.warnings if warning.code == "parts_not_read"]
    assert "sans 4 sous-colonnes (" in told
    one = read(
        "3E A;;;MATHS;\nNom;S.;Classe;Moy.;Abs\nBATECO Dipo;F;3E A;12;1\n", extracted_on=date(2025, 3, 15)
    )
    assert "sans 1 sous-colonne (" in " ".join(warning.text for warning in one.warnings)


def test_zeros_that_pronote_counts_are_an_absence_and_said() -> None:
    """|6 and |7 count as 0 in PRONOTE; here they are an absence and a piece of work not handed in, and the report says so."""
    extract = read(GRID + '"BATECO Dipo";♀;3E A;|6;;|7;;;14;\n', extracted_on=date(2025, 3, 15))
    assert {status for *_, status in marks(extract)} == {"absent", "not_handed_in", "graded"}
    (told,) = [warning for warning in extract.warnings if warning.code == "zeros_that_count"]
    assert told.lines == (3, 3)


@pytest.mark.parametrize(
    "teachers",
    [";;Mme TARTEMPI;;M. BELLEFORET;", ";;TARTEMPI A.;;BELLEFORET Ursule;", ";;TARTEMPI;;BELLEFORET;"],
)
@pytest.mark.parametrize("above", [False, True])
def test_subjects_of_a_grid_are_read_past_a_row_of_teachers(teachers: str, above: bool) -> None:  # noqa: FBT001 - a case
    """Of the rows above the header the one with subjects names them, wherever the one of teachers stands."""
    rows = ["3 A;;MATHS;;FRANCAIS;", teachers]
    head = "\n".join(reversed(rows) if above else rows)
    grid = f"{head}\nNom;Classe;Moy.;Abs;Moy.;Abs\nTESTARD Zoé;3 A;12;;13;\n"
    extract = read(grid, extracted_on=date(2025, 3, 15))
    assert {(subject, value) for _, subject, value, *_ in marks(extract)} == {
        ("maths", 12.0),
        ("french", 13.0),
    }
    assert not [told for told in extract.warnings if told.code == "unknown_subjects"]


def test_a_grid_is_dated_by_the_period_in_its_title_or_its_export_or_not_read() -> None:
    """The end of the period where the title names it, the day of the export otherwise, and a refusal without either."""
    row = '"BATECO Dipo";♀;3E A;12;;;;;;\n'
    titled = read("Moyennes du Trimestre 1;;;\n" + GRID + row, uai="0990001N", schools=FACTS)
    assert [day for day, *_ in marks(titled)] == ["29/11"]
    with pytest.raises(UnreadableExportError, match="end of"):
        read(GRID + row)


def test_a_grid_that_does_not_name_its_period_has_the_one_declared_of_its_file(tmp_path: Path) -> None:
    """[files."..."] period = "Trimestre 1" dates the averages by the end of that period, before any day of export."""
    declared = tmp_path / "columns.toml"
    declared.write_text('[files."*"]\nperiod = "Trimestre 1"\n')
    row = '"BATECO Dipo";♀;3E A;12;;;;;;\n'
    grid = read(GRID + row, declared, uai="0990001N", schools=FACTS, extracted_on=date(2025, 3, 15))
    assert [day for day, *_ in marks(grid)] == ["29/11"]


@pytest.mark.parametrize("name", ["Premier trimestre", "Trimestre 1", "Bilan d’automne"])
def test_a_period_that_is_declared_has_the_end_declared_of_its_name(tmp_path: Path, name: str) -> None:
    """Any name may be declared of a file and of the end of a period: it is looked up as it is written."""
    declared = tmp_path / "columns.toml"
    declared.write_text(
        f'[files."*"]\nperiod = "{name}"\n[periods]\n"{name}" = 2024-11-27\n', encoding="utf-8"
    )
    row = '"BATECO Dipo";♀;3E A;12;;;;;;\n'
    grid = read(GRID + row, declared, extracted_on=date(2025, 3, 15))
    assert [day for day, *_ in marks(grid)] == ["27/11"]
    assert "unnamed_period" not in {warning.code for warning in grid.warnings}


@pytest.mark.parametrize(
    ("title", "day", "is_told"),
    [
        ("Période du 02/09/2024 au 29/11/2024", "29/11", True),
        ("Trimestre 1 (du 02/09/2024 au 28/11/2024)", "28/11", True),
        ("Moyennes du 02/12/2024 au 07/04/2025", "15/03", True),
        ("Moyennes de la classe", "15/03", False),
        ("", "15/03", False),
    ],
)
def test_a_grid_has_the_end_of_the_period_in_its_title_or_says_that_it_has_none(
    title: str,
    day: str,
    is_told: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A period "du ... au ..." dates the averages, never after the export; where nothing names a period the report says so."""
    row = '"BATECO Dipo";♀;3E A;12;;;;;;\n'
    grid = read(f"{title};;\n" + GRID + row, extracted_on=date(2025, 3, 15))
    assert [told for told, *_ in marks(grid)] == [day]
    assert ("unnamed_period" in {warning.code for warning in grid.warnings}) is not is_told
    assert grid.undated_term == ""


# Scales and coefficients

LIST = """
[maps.notes]
reads = "marks"
recognised_by = ["Nom", "Classe", "Date", "Matière", "Note", "Barème", "Coef"]
[maps.notes.columns]
family_name = ["Nom"]
class_name = ["Classe"]
date = ["Date"]
subject = ["Matière"]
value = ["Note"]
out_of = ["Barème"]
coefficient = ["Coef"]
"""


@given(
    st.sampled_from(
        ["{}", "/{}", "/ {}", "sur {}", "Sur {}", "{} pts", "{} points", "{}pt", "sur {} points"]
    ),
    st.sampled_from(["{}", "x{}", "x {}", "×{}", "coef {}", "Coef. {}", "coefficient : {}"]),
    st.sampled_from([5.0, 10.0, 20.0, 40.0, 12.5]),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]),
    st.sampled_from([".", ","]),
)
def test_every_way_of_writing_a_scale_and_a_coefficient_is_that_number(
    scale: str, weight: str, out_of: float, coefficient: float, point: str
) -> None:
    """A word or a sign beside the number does not change it."""
    assert scale_of(scale.format(f"{out_of:g}".replace(".", point))) == out_of
    assert weight_of(weight.format(f"{coefficient:g}".replace(".", point))) == coefficient


@pytest.mark.parametrize(
    ("scale", "weight"),
    [
        ("A à D", "1"),
        ("20", "fort"),
        ("0", "1"),
        ("-20", "1"),
        ("20", "-1"),
        ("10/20", "1"),
        ("20", "1 ou 2"),
    ],
)
@pytest.mark.parametrize("kind", ["list", "book"])
def test_a_mark_on_a_scale_or_with_a_weight_that_cannot_be_read_is_left_out_and_its_pupil_not_known(
    tmp_path: Path, scale: str, weight: str, kind: str
) -> None:
    """It is never taken as on 20 or as weighing 1: counted with its line, and told to the import as not read."""
    if kind == "list":
        mine = tmp_path / "notes.toml"
        mine.write_text(LIST, encoding="utf-8")
        rows = f"BATECO;3 A;04/10/2024;Maths;8;{scale};{weight}\nFOGUHA;3 A;04/10/2024;Maths;8;10;\n"
        extract = read("Nom;Classe;Date;Matière;Note;Barème;Coef\n" + rows, mine)
        assert extract.counts == {"bad_scale": [2]}
    else:
        book = BOOK.replace("2,0;0,5", f"{weight};").replace(";20;10", f";{scale};10")
        rows = "GEPI_LOGIN_ELEVE;b;BATECO;Dipo;3 A;;8;\nGEPI_LOGIN_ELEVE;f;FOGUHA;Jiko;3 A;;;8\n"
        extract = read(book + rows)
        assert extract.counts == {"bad_scale": [7]}
    assert [(value, out_of) for *_, value, out_of, _, _ in marks(extract)] == [(8.0, 10.0)]
    ((_, (person,), _),) = extract.unread
    assert person.family_name == "BATECO"


@pytest.mark.parametrize("cell", ["Abs", "8/10", "8 sur 10"])
def test_a_cell_that_says_its_scale_needs_no_other(tmp_path: Path, cell: str) -> None:
    """A scale that cannot be read matters to marks that have no other; a word in place of a mark needs none."""
    mine = tmp_path / "notes.toml"
    mine.write_text(LIST, encoding="utf-8")
    text = f"Nom;Classe;Date;Matière;Note;Barème;Coef\nBATECO;3 A;04/10/2024;Maths;{cell};A à D;\n"
    extract = read(text, mine)
    assert extract.counts == {}
    assert len(marks(extract)) == 1


# Subjects


@given(st.integers(0, 999_999))
def test_every_national_code_is_one_of_our_subjects_and_its_family_decides(number: int) -> None:
    """Any six digits lead to a subject; languages by the last digit, maths, French and civics by their four first."""
    code = f"{number:06d}"
    subject = subject_of_code(code)
    assert subject in SUBJECTS
    if code.startswith("0613"):
        assert subject == "maths"
    if code.startswith("03") and code[5] in "123":
        assert subject in {f"modern_language_{code[5]}", "other"}


@pytest.mark.parametrize(
    ("label", "subject"),
    [
        ("ANGLAIS LV1", "modern_language_1"),
        ("Espagnol LV2", "modern_language_2"),
        ("LV B ALLEMAND", "modern_language_2"),
        ("Mathématiques", "maths"),
        ("Histoire-Géographie", "history_geography"),
        ("Enseignement moral et civique", "civics"),
        ("Physique-Chimie", "physics_chemistry"),
        ("SVT", "life_sciences"),
        ("EPS", "pe"),
        ("Éducation musicale", "music"),
        ("Prévention Santé Environnement", "health_environment"),
        ("Économie-gestion", "economics"),
        ("Français langue étrangère", "other"),
        ("Anglais", "other"),
    ],
)
def test_a_label_is_told_by_its_words_and_a_language_only_by_its_rank(label: str, subject: str) -> None:
    """Usual labels are our subjects; "Anglais" alone may be the first or the second language, and is neither."""
    assert SubjectNames(SchoolFacts()).subject(label=label) == subject


def test_a_local_subject_is_the_national_one_that_the_nomenclature_attaches_it_to(tmp_path: Path) -> None:
    """What the school declared goes before its nomenclature, and that before the words of a label."""
    local = SchoolFacts(subjects=(Subject("100A00", "AP-EP", "PLEIN AIR", national_code="100100"),))
    assert SubjectNames(local).subject(code="100A00") == "pe"
    assert SubjectNames(local).subject(label="Plein air") == "pe"
    mine = tmp_path / "mine.toml"
    mine.write_text('[subjects]\n"Plein air" = "other"\n"Anglais" = "modern_language_1"\n', encoding="utf-8")
    names = SubjectNames(local, [mine])
    assert (names.subject(label="Plein air"), names.subject(label="anglais")) == (
        "other",
        "modern_language_1",
    )
    mine.write_text('[subjects]\n"Plein air" = "sport"\n', encoding="utf-8")
    with pytest.raises(RecordsError, match="sport"):
        SubjectNames(local, [mine])


def test_unknown_subjects_are_other_and_said_by_their_labels() -> None:
    """A subject that nothing tells is kept as another one, and the report says which."""
    extract = read(
        GRID.replace("MATHS", "CLUB ECHECS") + '"BATECO Dipo";♀;3E A;12;;;;;;\n',
        extracted_on=date(2025, 3, 15),
    )
    assert [subject for _, subject, *_ in marks(extract)] == ["other"]
    (told,) = [warning for warning in extract.warnings if warning.code == "unknown_subjects"]
    assert "CLUB ECHECS" in told.text


# LSU

LSU = """<?xml version="1.0" encoding="UTF-8"?>
<lsun-bilans xmlns="urn:fr:edu:scolarite:lsun:bilans:import" schemaVersion="2.0"><entete><etablissement>0990001N</etablissement></entete>
<donnees><eleves><eleve id="E1" id-be="9000101" nom="Bateco" prenom="Dipo" code-division="3 A" /></eleves>
<periodes><periode id="P1" millesime="2024" indice="1" nb-periodes="3" /></periodes>
<disciplines><discipline id="D1" code="061300" libelle="Mathématiques" /><discipline id="D2" code="030201" libelle="Anglais" />
<discipline id="D3" code="030201" libelle="Anglais" /><discipline id="D4" code="100A00" code-national="100100" libelle="Plein air" /></disciplines>
<bilans-periodiques><bilan-periodique eleve-ref="E1" periode-ref="P1" date-conseil-classe="{council}"><liste-acquis>
{marks}</liste-acquis>{totals}</bilan-periodique></bilans-periodiques></donnees></lsun-bilans>"""


def lsu(marks_told: str, council: str = "2024-12-03", totals: str = "") -> str:
    return LSU.format(marks=marks_told, council=council, totals=totals)


def mark(discipline: str, **told: str) -> str:
    inside = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in told.items())
    return (
        f'<acquis discipline-ref="{discipline}" {inside}><appreciation>Texte secret</appreciation></acquis>'
    )


def test_every_way_of_writing_an_average_of_the_lsu_is_read() -> None:
    """With or without its scale, with comma or point; words are words; on 20 when nothing is said."""
    written = {
        "18/20": (18.0, 20.0),
        "11.5/20": (11.5, 20.0),
        "12,5/20": (12.5, 20.0),
        "57.5/100": (57.5, 100.0),
        "19": (19.0, 20.0),
    }
    for text, (value, out_of) in written.items():
        ((_, subject, got, scale, _, status),) = marks(read(lsu(mark("D1", moyenne_eleve=text))))
        assert (subject, got, scale, status) == ("maths", value, out_of, "graded")
    ((*_, status),) = marks(read(lsu(mark("D1", moyenne_eleve="Abs"))))
    assert status == "absent"
    ((*_, status),) = marks(read(lsu(mark("D1", eleve_non_note="1"))))
    assert status == "exempt"


def test_two_disciplines_of_one_code_are_two_averages_and_a_national_code_goes_first() -> None:
    """Disciplines go by their id: one code may be taught twice; a local code stands for the national one beside it."""
    told = (
        mark("D2", moyenne_eleve="18/20")
        + mark("D3", moyenne_eleve="9/20")
        + mark("D4", moyenne_eleve="15/20")
    )
    assert [(subject, value) for _, subject, value, *_ in marks(read(lsu(told)))] == [
        ("modern_language_1", 18.0),
        ("modern_language_1", 9.0),
        ("pe", 15.0),
    ]


def test_positionings_are_no_marks_and_totals_of_absences_are_said_and_not_read() -> None:
    """A level of competence is counted apart; totals tell no day, and give no table of absences."""
    totals = '<vie-scolaire nb-retards="3" nb-abs-justifiees="2" nb-abs-injustifiees="999" />'
    extract = read(lsu(mark("D1", positionnement="3"), totals=totals))
    assert marks(extract) == []
    assert extract.counts == {"positioning": [1]}
    assert "absences" not in extract.tables
    assert "totals_not_read" in {warning.code for warning in extract.warnings}


def test_averages_of_the_lsu_are_dated_by_communs_then_by_the_council_of_that_year() -> None:
    """The end of the period, else the council of the class; a council of another school year dates nothing."""
    told = mark("D1", moyenne_eleve="12")
    assert [day for day, *_ in marks(read(lsu(told), schools=FACTS))] == ["29/11"]
    assert [day for day, *_ in marks(read(lsu(told)))] == ["03/12"]
    extract = read(lsu(told, council="2015-01-01"))
    assert marks(extract) == []
    assert extract.counts == {"no_term_date": [1]}


def test_pupils_of_the_lsu_go_by_their_siecle_id_and_no_text_is_kept() -> None:
    """The id of SIECLE, name and class are given for joining; texts of teachers are nowhere in what was read."""
    extract = read(lsu(mark("D1", moyenne_eleve="12")))
    person = extract.persons[0]
    assert (person.eleve_id, person.family_name, person.class_name) == ("9000101", "Bateco", "3 A")
    assert "secret" not in str(extract.__dict__).lower()
