from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.errors import RecordsError, UnreadableExportError
from decrochage_risk.importers.extract import ImportOptions, SchoolFacts, SourceFile
from decrochage_risk.importers.recognition import readers_of, recognise

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.importers.extract import Extract

GEPI = (
    "Extraction des saisies d'absence Collège 2024/2025\nExtraction faite le 15/03/2025 - 18:42\n"
    "Nom,Prenom,Classe,Debut absence,Fin absence, Type, Manquement a l'obligation de presence, "
    "Sous responsabilite etablissement, Motif valable\n"
)
KOSMOS = "Élève;Classe;Date séance;Heure de début;Durée (minutes);Type de dossier;Justifié;Valable;Motif\n"
EVENTS = (
    "Nom Élève;Prénom Élève;Classe;Type d'événement;Motif;déclaré par;Date;Heure;Commentaire;Régularisé;Id;\n"
)
ABSENCES = "Nom Élève;Prénom Élève;Classe;Motif;déclaré par;Date de début;Date de fin;Régularisé;Id;\n"
PRONOTE = "Nom;Prénom;Classe;Du;Au;DJ;Justifiée;Motif;Santé\n"


def read(content: str | bytes, *maps: Path, **options: object) -> Extract:
    """Recognise a content and read it with the reader that it is recognised for."""
    given = content.encode() if isinstance(content, str) else content
    settled = ImportOptions(column_maps=maps, **options)
    reader = recognise(given, "file", readers_of(maps))
    assert reader is not None
    return reader.read(SourceFile("file", given, "", reader.kind), settled)


def halves(extract: Extract) -> list[tuple[str, int, str, object]]:
    """Day, half, kind, justified of every row."""
    rows = extract.tables["absences"]
    flags = [None if pd.isna(flag) else bool(flag) for flag in rows["justified"]]
    return [
        (f"{row.date:%d/%m}", int(row.half), str(row.kind), flag)
        for row, flag in zip(rows.itertuples(), flags, strict=True)
    ]


def gepi(span: str, name: str, duty: str = "oui", valid: str = "non") -> str:
    start, end = span.split(" > ")
    return f"{GEPI}BATECO,Dipo,3 A,{start},{end},{name},{duty},non,{valid}\n"


MORNING = "05/11/2024 - 08:00 > 05/11/2024 - 09:00"


def test_gepi_cuts_the_day_at_ten_to_twelve_and_the_caller_may_cut_it_elsewhere() -> None:
    """What ends at 11:50 is a morning for GEPI; a cut of the caller goes before that of the software."""
    until_noon = gepi("05/11/2024 - 08:00 > 05/11/2024 - 12:00", "Absence scolaire - ")
    assert [half for _, half, *_ in halves(read(until_noon))] == [0, 1]
    assert [half for _, half, *_ in halves(read(until_noon, half_day_cut=time(12)))] == [0]
    assert read(until_noon).exported_on == date(2025, 3, 15)
    assert read(until_noon).covers["absences"] == (date(2024, 9, 1), date(2025, 3, 15))


@pytest.mark.parametrize(
    ("name", "duty", "kinds", "reason"),
    [
        ("Absence scolaire - ", "oui", ["absence"], None),
        ("", "oui", ["absence"], None),
        ("", "non", [], "no_obligation"),
        ("Absence scolaire - ", "non", [], "no_obligation"),
        ("Retard extérieur - ", "oui", ["lateness"], None),
        ("Retard intercours - ", "non", ["lateness"], None),
        ("Exclusion de l'établissement - ", "non", ["exclusion"], None),
        ("Exclusion de cours - ", "oui", [], "dropped_type"),
        ("Stage - ", "non", ["placement"], None),
        ("Infirmerie - ", "non", [], "dropped_type"),
        ("Absence scolaire - Erreur de saisie - ", "oui", [], "entry_error"),
        ("Retard extérieur - Absence scolaire - ", "oui", ["absence"], None),
        ("Club du midi - ", "oui", ["absence"], None),
        ("Club du midi - ", "non", [], "unknown_type"),
    ],
)
def test_a_type_of_gepi_is_an_absence_a_lateness_an_exclusion_a_placement_or_counted(
    name: str, duty: str, kinds: list[str], reason: str | None
) -> None:
    """Each type becomes its kind or is counted under its reason; an unknown one is an absence only where presence was due."""
    extract = read(gepi(MORNING, name, duty))
    assert [kind for *_, kind, _ in halves(extract)] == kinds
    assert extract.counts == ({} if reason is None else {reason: [4]})


def test_an_unknown_type_is_told_but_never_with_a_pupils_name() -> None:
    """The report names the types that the map does not know, unless a word of one is a word of a pupil's name."""
    told = {warning.code: warning.text for warning in read(gepi(MORNING, "Club du midi - ")).warnings}
    assert "Club du midi" in told["unknown_types"]
    told = {warning.code: warning.text for warning in read(gepi(MORNING, "Cas Bateco - ")).warnings}
    assert "Bateco" not in told["unknown_types"]


@pytest.mark.parametrize(("valid", "justified"), [("oui", True), ("non", False), ("", None)])
def test_justified_is_what_the_file_says_and_not_known_where_it_says_nothing(
    valid: str, justified: object
) -> None:
    """An entry that nobody treated yet is neither justified nor unjustified."""
    ((*_, flag),) = halves(read(gepi(MORNING, "Absence scolaire - ", valid=valid)))
    assert flag is justified


def test_sessions_of_one_half_day_are_one_half_day_and_both_flags_must_say_yes() -> None:
    """Two lessons of a morning are one half-day, unjustified when one of them is; "justified" needs a valid motive too."""
    extract = read(
        KOSMOS
        + "BATECO Dipo;3 A;05/11/2024;08:00;55;Absence;Oui;Oui;Maladie\n"
        + "BATECO Dipo;3 A;05/11/2024;09:00;55;Absence;Oui;Oui;Maladie\n"
        + "BATECO Dipo;3 A;07/11/2024;14:00;55;Absence;Oui;Oui;\n"
        + "BATECO Dipo;3 A;07/11/2024;15:00;55;Absence;Oui;Non;\n"
        + "BATECO Dipo;3 A;18/11/2024;08:00;15;Retard;Non;Non;\n"
    )
    assert halves(extract) == [
        ("05/11", 0, "absence", True),
        ("07/11", 1, "absence", False),
        ("18/11", -1, "lateness", False),
    ]


def test_a_day_of_kosmos_is_read_as_a_day_whatever_the_digits() -> None:
    """The date is read whole: a reader that takes characters by place turns 12/11 into 11/12 (GEPI, l. 836)."""
    for day, expected in (("12/11/2024", "12/11"), ("2024-12-11", "11/12"), ("12/11/24", "12/11")):
        line = f"BATECO Dipo;3 A;{day};08:00;55;Absence;Oui;Oui;\n"
        assert [told for told, *_ in halves(read(KOSMOS + line))] == [expected]


def test_both_lists_of_presences_are_read() -> None:
    """Events by slot and absences by span, with a last separator and a class that begins with a blank."""
    events = read(
        EVENTS
        + "BATECO;Dipo; 3 A;Absence;Maladie;CPE;05/11/2024;08:00 - 12:00;;Oui;41;\n"
        + "BATECO;Dipo; 3 A;Retard;;PROF;18/11/2024;08:05 - 08:20;;Non;42;\n"
        + "BATECO;Dipo; 3 A;Départ anticipé;;PROF;19/11/2024;16:00 - 17:00;;Non;43;\n"
    )
    assert halves(events) == [("05/11", 0, "absence", True), ("18/11", -1, "lateness", False)]
    assert [person.class_name for person in events.persons] == ["3 A"]
    assert events.counts == {"dropped_type": [4]}
    spans = read(ABSENCES + "BATECO;Dipo;3 A;;PARENT;07/11/2024 08:00;08/11/2024 17:30;true;7;\n")
    assert [(day, half) for day, half, *_ in halves(spans)] == [
        ("07/11", 0),
        ("07/11", 1),
        ("08/11", 0),
        ("08/11", 1),
    ]


def test_a_list_as_long_as_the_software_allows_is_said_to_be_cut() -> None:
    """OPEN ENT exports 1,000 rows at most: a list of 1,000 is a part of something."""
    line = "BATECO;Dipo; 3 A;Retard;;PROF;18/11/2024;08:05 - 08:20;;Non;42;\n"
    assert "cut_at_most" in {warning.code for warning in read(EVENTS + line * 1000).warnings}
    assert "cut_at_most" not in {warning.code for warning in read(EVENTS + line * 999).warnings}


def test_pronote_recomputes_half_days_from_hours_and_rounds_up_only_without_them() -> None:
    """With hours the number of half-days is not read; without, it is rounded up and told; a negative wording is a no."""
    extract = read(
        PRONOTE
        + "BATECO;Dipo;3E A;05/11/2024 08h00;05/11/2024 12h00;9;Oui;MALADIE;Oui\n"
        + "BATECO;Dipo;3E A;07/11/2024;07/11/2024;0,5;Injustifiée;;\n"
        + "BATECO;Dipo;3E A;12/11/2024;12/11/2024;1,5;Non justifiée;;\n"
        + "BATECO;Dipo;3E A;02/12/2024 08h00;03/12/2024 17h00;4;;STAGE EN ENTREPRISE;\n"
    )
    assert halves(extract) == [
        ("05/11", 0, "absence", True),
        ("07/11", 0, "absence", False),
        ("12/11", 0, "absence", False),
        ("12/11", 1, "absence", False),
        *((day, half, "placement", None) for day in ("02/12", "03/12") for half in (0, 1)),
    ]
    (told,) = [warning for warning in extract.warnings if warning.code == "half_days_told"]
    assert told.lines == (3, 4)


def test_the_same_list_in_any_encoding_and_separator_is_the_same_list() -> None:
    """UTF-8 with a mark, UTF-16 with tabs, Windows-1252: the rows do not depend on how the text was saved."""
    text = PRONOTE + "BATÉCO;Dipo;3E A;05/11/2024 08h00;05/11/2024 12h00;1;Injustifiée;;\n"
    forms = [
        text.encode("utf-8-sig"),
        text.replace(";", "\t").replace("\n", "\r\n").encode("utf-16-le"),
        text.replace("\n", "\r\n").encode("cp1252"),
    ]
    assert len({str(halves(read(form))) for form in forms}) == 1


def test_a_column_that_is_missing_is_named_with_how_to_declare_it(tmp_path: Path) -> None:
    """A list without its columns of days is refused as a whole, and says which column it lacks."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[maps.mine]\nlike = "pronote_events"\nrecognised_by = ["Élève", "Pour quoi"]\n', encoding="utf-8"
    )
    with pytest.raises(UnreadableExportError) as error:
        read("Élève;Pour quoi\nBATECO Dipo;rien\n", mine)
    assert "Du" in error.value.french
    assert "--columns" in error.value.french


def test_a_list_of_ones_own_is_read_by_a_declared_map(tmp_path: Path) -> None:
    """A map in TOML makes any dated list readable: columns, types, motives, hour of the cut, without code."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        """
        [maps.lycee]
        like = "pronote_events"
        label = "Liste du lycée"
        half_day_cut = "13:00"
        recognised_by = ["Qui", "Depuis", "Jusque"]
        [maps.lycee.columns]
        full_name = ["Qui"]
        class_name = ["Groupe"]
        start = ["Depuis"]
        end = ["Jusque"]
        type = ["Quoi"]
        justified = []
        motive = ["Pourquoi"]
        [maps.lycee.types]
        "Pas là" = "absence"
        [motives]
        "Certificat" = true
        "Panne de réveil" = false
        """,
        encoding="utf-8",
    )
    text = (
        "Qui;Groupe;Depuis;Jusque;Quoi;Pourquoi\n"
        "BATECO Dipo;3A;05/11/2024 08:00;05/11/2024 12:30;Pas là;certificat\n"
        "BATECO Dipo;3A;07/11/2024 08:00;07/11/2024 12:30;Pas là;Panne de réveil\n"
        "BATECO Dipo;3A;12/11/2024 08:00;12/11/2024 12:30;Pas là;autre\n"
    )
    extract = read(text, mine)
    assert extract.kind == "lycee"
    assert halves(extract) == [
        ("05/11", 0, "absence", True),
        ("07/11", 0, "absence", False),
        ("12/11", 0, "absence", None),
    ]


def test_every_fault_of_a_declared_map_is_said_at_once(tmp_path: Path) -> None:
    """A field, a section and a base that do not exist are all in one message."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[maps.a]\nlike = "nothing"\nreads = "absence_events"\ncolour = 1\n[maps.a.columns]\nwho = ["x"]\n'
    )
    with pytest.raises(RecordsError) as error:
        readers_of([mine])
    for told in ("nothing", "colour", "who", "faults"):
        assert told in str(error.value)


def test_rows_of_another_year_than_the_list_says_are_counted() -> None:
    """A list of 2024-2025 with a row of the year before: the row is left out with its line."""
    extract = read(gepi("05/11/2023 - 08:00 > 05/11/2023 - 09:00", "Absence scolaire - "))
    assert extract.counts == {"outside_school_year": [4]}
    assert extract.tables["absences"].empty


def test_a_list_without_a_row_still_gives_the_table_and_its_coverage() -> None:
    """Nothing happened, and the file says until when: an empty table that is known, not an unknown one."""
    extract = read(GEPI)
    assert extract.tables["absences"].empty
    assert extract.covers == {"absences": (date(2024, 9, 1), date(2025, 3, 15))}


def test_a_list_of_november_alone_covers_november_alone() -> None:
    """A list dense enough to know its pace, silent from September on, does not say that nobody was away in September."""
    days = pd.bdate_range("2024-11-12", "2024-11-29")
    lines = "".join(
        f"BATECO,Dipo,3 A,{day:%d/%m/%Y} - 08:00,{day:%d/%m/%Y} - 09:00,Absence scolaire - ,oui,non,non\n"
        f"FOGUHA,Jiko,3 A,{day:%d/%m/%Y} - 08:00,{day:%d/%m/%Y} - 09:00,Absence scolaire - ,oui,non,non\n"
        for day in days
    )
    extract = read(GEPI.replace("15/03/2025", "30/11/2024") + lines)
    assert extract.covers["absences"] == (date(2024, 11, 12), date(2024, 11, 30))
    assert "part_of_year" in {warning.code for warning in extract.warnings}


def test_a_day_on_which_the_school_is_closed_holds_no_half_day() -> None:
    """The closures that Communs.xml tells count for the half-days of that school."""
    closures = pd.DataFrame({"start": [date(2024, 11, 5)], "end": [date(2024, 11, 5)], "label": [None]})
    facts = {("0990001N", 2024): SchoolFacts(uai="0990001N", school_year=2024, closures=closures)}
    extract = read(gepi(MORNING, "Absence scolaire - "), schools=facts)
    assert extract.counts == {"no_school_day": [4]}


@pytest.mark.parametrize(
    "name", ['"Absence scolaire - ', '"Absence, maladie - ', 'Absence "longue - ', '"Absence", longue" - ']
)
def test_a_quote_in_a_list_of_gepi_loses_no_row(name: str) -> None:
    """GEPI writes its cells as they are: a quote or a comma in a type is a letter, and the rows after it are read."""
    days = ("05", "07", "12", "14")
    rows = "".join(
        f"BATECO,Dipo,3 A,{day}/11/2024 - 08:00,{day}/11/2024 - 09:00,{name if day in {'05', '12'} else 'Absence scolaire - '},oui,non,non\n"
        for day in days
    )
    extract = read(GEPI + rows)
    assert [day for day, *_ in halves(extract)] == [f"{day}/11" for day in days]
    assert extract.counts == {}


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ("hier;05/11/2024 12h00", "bad_date"),
        ("31/11/2024 08h00;31/11/2024 12h00", "bad_date"),
        ("05/11/2024 08h00;31/11/2024 12h00", "bad_date"),
        ("05/11/2024 12h00;05/11/2024 08h00", "end_before_start"),
        ("05/11/2023 08h00;05/11/2024 12h00", "event_too_long"),
    ],
)
def test_an_absence_on_days_that_cannot_be_read_says_whose_it_is(span: str, reason: str) -> None:
    """Something happened to this pupil, nobody knows when: counted by its reason, and told to the import as not read."""
    good = "FOGUHA;Jiko;3E A;05/11/2024 08h00;05/11/2024 12h00;1;Non;;\n"
    extract = read(PRONOTE + good + f"BATECO;Dipo;3E A;{span};1;Non;;\n", school_year=None)
    assert extract.counts == {reason: [3]}
    ((line, persons, aligned),) = extract.unread
    assert (line, [person.family_name for person in persons], aligned) == (3, ["BATECO"], True)


@pytest.mark.parametrize("end", ["", "en cours"])
def test_an_absence_without_an_end_is_still_open_and_read(end: str) -> None:
    """What says that there is no end yet is no fault: the half-day of its beginning counts."""
    extract = read(PRONOTE + f"BATECO;Dipo;3E A;05/11/2024 08h00;{end};1;Non;;\n")
    assert [(day, half) for day, half, *_ in halves(extract)] == [("05/11", 0)]
    assert extract.unread == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("grippe; toux;BATECO;Dipo;3E A;05/11/2024;05/11/2024", "wrong_length"),
        ("grippe; toux;BATECO;Dipo;3E A;05/11/2024;", "bad_date"),
        ("BATECO;Dipo;3E A;05/11/2024", "wrong_length"),
    ],
)
def test_a_row_with_a_cell_too_many_or_too_few_still_says_whose_it_may_be(cells: str, reason: str) -> None:
    """Wherever the extra separator stands, the cells are looked at counted from the left and from the right."""
    head = (
        "Motif;Nom;Prénom;Classe;Du;Au\n" if cells.startswith("grippe") else "Nom;Prénom;Classe;Du;Au;Motif\n"
    )
    extract = read(head + cells + "\n")
    assert extract.counts == {reason: [2]}
    ((line, persons, aligned),) = extract.unread
    assert ("BATECO", "Dipo", "3E A") in {
        (person.family_name, person.first_name, person.class_name) for person in persons
    }
    assert (line, aligned) == (2, False)


@pytest.mark.parametrize(
    ("span", "codes"),
    [
        ("09/01/2025 08h00;09/01/2025 17h00", set()),
        ("03/03/2025 08h00;04/03/2025 17h00", set()),
        ("03/03/2025 08h00;05/03/2025 17h00", {"ends_after_export"}),
        ("09/01/2025 08h00;09/06/2025 17h00", {"ends_after_export", "long_events"}),
        ("09/11/2024 08h00;09/01/2025 17h00", {"long_events"}),
        ("09/11/2024;09/01/2025", {"long_events"}),
        ("01/09/2024;31/10/2025", set()),
    ],
)
def test_an_absence_past_the_export_or_of_months_is_read_and_told_with_its_line(
    span: str, codes: set[str]
) -> None:
    """One wrong digit makes months of a day: read as it is written, and said; what is left out is told by its reason alone."""
    extract = read(
        PRONOTE + f"BATECO;Dipo;3E A;{span};;Non;;\n", extracted_on=date(2025, 3, 4), school_year=2024
    )
    told = {warning.code: warning.lines for warning in extract.warnings}
    assert {code for code in told if code in {"ends_after_export", "long_events"}} == codes
    assert all(told[code] == (2,) for code in codes)
