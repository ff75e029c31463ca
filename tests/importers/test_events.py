"""What becomes of rows that name pupils, whatever export they come from: a reader made for the test stands in for all."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.importers import recognition
from decrochage_risk.importers.cells import days_of
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import Extract, Head, ImportOptions, Reader, SourceFile, make_persons

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.importers import Imported

COLUMNS = ("Nom", "Prenom", "Classe", "Jour Test")


def read_days(source: SourceFile, options: ImportOptions) -> Extract:
    """Read one wish a line; the file vouches for September to the day of its export."""
    table = read_delimited(source.content, expected=COLUMNS, name=source.path)
    extract = Extract(source.kind, school_year=2024, exported_on=options.extracted_on or date(2025, 3, 15))
    table.count_into(extract)
    names = {"family_name": "Nom", "first_name": "Prenom", "class_name": "Classe"}
    extract.persons = make_persons({ours: table.text(name) for ours, name in names.items()}, len(table.frame))
    extract.tables["orientation"] = pd.DataFrame(
        {
            "person": range(len(table.frame)),
            "line": table.lines,
            "date": days_of(table.text("Jour Test")),
            "event": "wish",
            "rank": 1,
        }
    )
    extract.covers["orientation"] = (date(2024, 9, 2), extract.exported_on)
    return extract


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def recognises(head: Head) -> bool:
        return head.has(*COLUMNS)

    reader = Reader("test_days", "Jours d’essai", recognises, read_days, 2)
    monkeypatch.setattr(recognition, "READERS", (*recognition.READERS, reader))


def lines(*rows: str) -> str:
    return "\n".join([";".join(COLUMNS), *rows]) + "\n"


def left_out(done: Imported) -> dict[str, list[int]]:
    return next(file.left_out for file in done.report.files if file.kind == "test_days")


def test_rows_go_to_the_pupil_they_name_and_the_others_are_counted(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Exact names in the class are joined; homonyms, unknown names and classes, and pupils outside the tables are counted by line."""
    pupils = [
        pupil(101, family="UN"),
        pupil(102, family="DEUX"),
        pupil(103, family="DEUX"),
        pupil(104, family="TROIS", status="AP"),
    ]
    text = lines(
        "UN;Zoé;3 A;05/11/2024",
        "DEUX;Zoé;3 A;05/11/2024",
        "INCONNU;Zoé;3 A;05/11/2024",
        "UN;Zoé;4 Z;05/11/2024",
        "TROIS;Zoé;3 A;05/11/2024",
        "Total;;;5",
    )
    done = run({"j.csv": text, "a.xml": siecle(pupils)})
    assert done.records.orientation["pupil_id"].tolist() == [pseudonym("000000101AA")]
    assert left_out(done) == {
        "total_row": [7],
        "name_ambiguous": [3],
        "name_unmatched": [4],
        "class_unknown": [5],
        "not_in_tables": [6],
    }


def test_an_export_without_a_row_still_says_that_there_was_nothing(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """No row is a table without rows, and its coverage: nothing happened, which is not the same as not known."""
    done = run({"a.xml": siecle([pupil(101)]), "j.csv": lines()})
    assert done.records.orientation is not None
    assert len(done.records.orientation) == 0
    assert done.records.coverage[["school_id", "table"]].to_numpy().tolist() == [["0990001N", "orientation"]]
    assert done.records.coverage["end"].dt.date.tolist() == [date(2025, 3, 15)]
    assert run({"a.xml": siecle([pupil(101)])}).records.orientation is None


def test_a_file_of_no_known_school_covers_nobody(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """With two schools and no row, nobody can tell whose file it is: no coverage is made up, and the report asks for the school."""
    contents = {
        "a.xml": siecle([pupil(101)]),
        "b.xml": siecle([pupil(102)], uai="0990002P"),
        "j.csv": lines(),
    }
    done = run(contents)
    assert done.records.coverage is None
    assert any(notice.code == "coverage_of_nobody" for file in done.report.files for notice in file.notices)
    named = run({**contents, "j.csv": lines("FAMILLE102;Zoé;3 A;05/11/2024")})
    assert named.records.coverage["school_id"].tolist() == ["0990002P"]


def notices(done: Imported) -> list[str]:
    return [notice.code for file in done.report.files for notice in file.notices]


def test_homonyms_whose_rows_are_left_out_are_not_known_and_the_others_are(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Silence is not zero for a pupil whose row may have been lost: the file vouches, pupil by pupil, for the others alone."""
    pupils = [pupil(101, family="UN"), pupil(102, family="DEUX"), pupil(103, family="DEUX"), pupil(104)]
    text = lines("UN;Zoé;3 A;05/11/2024", "DEUX;Zoé;3 A;05/11/2024")
    done = run({"a.xml": siecle(pupils), "j.csv": text})
    coverage = done.records.coverage
    assert coverage["school_id"].isna().all()
    assert set(coverage["pupil_id"]) == {pseudonym("000000101AA"), pseudonym("000000104AA")}
    assert coverage["end"].dt.date.tolist() == [date(2025, 3, 15)] * 2
    assert "pupils_not_vouched_for" in notices(done)


def test_a_file_that_joins_nobody_says_nothing_of_anybody(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Rows of which none is joined are no proof that nobody has any: no table, no coverage, and the report says it."""
    done = run({"a.xml": siecle([pupil(101)]), "j.csv": lines("INCONNU;Zoé;3 A;05/11/2024")})
    assert done.records.orientation is None
    assert done.records.coverage is None
    assert "nobody_joined" in notices(done)


def test_pupils_of_a_class_that_is_not_joined_are_not_known(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A file that calls a class as nobody does may have lost its rows: it vouches for the classes that it names alone."""
    pupils = [pupil(101, division="3 A"), pupil(102, division="3 A"), pupil(103, division="3 B")]
    text = lines("FAMILLE101;Zoé;3 A;05/11/2024", "FAMILLE103;Zoé;Troisième Bêta;05/11/2024")
    done = run({"a.xml": siecle(pupils), "j.csv": text})
    assert set(done.records.coverage["pupil_id"]) == {pseudonym("000000101AA"), pseudonym("000000102AA")}


def test_rows_of_no_known_school_do_not_make_the_others_known(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Rows that a file of two schools gives are kept, and vouch for the day of the first of them alone."""
    contents = {
        "a.xml": siecle([pupil(101)]),
        "b.xml": siecle([pupil(102)], uai="0990002P"),
        "j.csv": lines("FAMILLE101;Zoé;3 A;05/11/2024", "FAMILLE102;Zoé;3 A;06/11/2024"),
    }
    done = run(contents)
    assert len(done.records.orientation) == 2
    assert done.records.coverage["school_id"].isna().all()
    assert done.records.coverage["start"].equals(done.records.coverage["end"])


def test_a_declared_class_joins_what_the_file_calls_otherwise(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """[classes] of a column map leads from the name of another software to the division."""
    declared = tmp_path / "columns.toml"
    declared.write_text('[classes]\n"Troisième Alpha" = "3 A"\n')
    contents = {"a.xml": siecle([pupil(101)]), "j.csv": lines("FAMILLE101;Zoé;troisieme alpha;05/11/2024")}
    assert run(contents).records.orientation is None
    assert len(run(contents, column_maps=(declared,)).records.orientation) == 1


def test_what_is_new_since_the_import_before_is_dated(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """A day that the import before vouched for and did not hold is known from the export in which it first stands."""
    first = run(
        {"a.xml": siecle([pupil(101)]), "j.csv": lines("FAMILLE101;Zoé;3 A;05/11/2024")},
        extracted_on=date(2024, 12, 1),
    )
    first.write(tmp_path / "december")
    rows = ("FAMILLE101;Zoé;3 A;05/11/2024", "FAMILLE101;Zoé;3 A;07/11/2024", "FAMILLE101;Zoé;3 A;09/01/2025")
    now = run(
        {"a.xml": siecle([pupil(101)]), "j.csv": lines(*rows)},
        extracted_on=date(2025, 2, 1),
        previous=tmp_path / "december",
    )
    days = now.records.orientation["recorded_on"]
    assert days.isna().tolist() == [True, False, True]
    assert days.iloc[1] == pd.Timestamp("2025-02-01")
    assert any(notice.code == "late_rows" for notice in now.report.notices)


# What an import could not read is not known


ABSENCES = "Nom;Prénom;Classe;Du;Au;Motif\n"
GRADES = "3E A;;MATHS\nNom;Classe;Moy.\n"
EXPORT = date(2025, 3, 15)


def unknown(done: Imported, table: str, as_of: date = EXPORT) -> set[str]:
    """Give the pupils of whom the coverage says nothing on a day; all of them where nothing covers anybody."""
    coverage = done.records.coverage
    on_day = coverage[
        (coverage["table"] == table)
        & (coverage["start"] <= pd.Timestamp(as_of))
        & (coverage["end"] >= pd.Timestamp(as_of))
    ]
    rows = done.records.enrolments
    whole = rows["school_id"].isin(set(on_day["school_id"].dropna()))
    return set(rows.loc[~whole & ~rows["pupil_id"].isin(on_day["pupil_id"].dropna()), "pupil_id"])


UNREADABLE = [
    "FAMILLE102;Zoé;3 A;6 janvier 2025;6 janvier 2025;",
    "FAMILLE102;Zoé;3 A;31/11/2024;31/11/2024;",
    "FAMILLE102;Zoé;3 A;06/01/2025;99/01/2025;",
    "FAMILLE102;Zoé;3 A;09/01/2025;06/01/2025;",
    "FAMILLE102;Zoé;3 A;06/01/2025;06/01/2025;grippe;toux;fièvre",
    "FAMILLE102;Zoé;3 A;06/01/2025",
]


@pytest.mark.parametrize("row", UNREADABLE)
@pytest.mark.parametrize("readable", [True, False])
def test_a_pupil_of_whom_a_row_could_not_be_read_is_not_known_and_the_others_are(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    row: str,
    readable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Days or a length that cannot be read: what the row said is not zero, for its pupil alone, whatever else he has."""
    rows = ["FAMILLE101;Zoé;3 A;05/11/2024;05/11/2024;", row]
    rows += ["FAMILLE102;Zoé;3 A;07/11/2024;07/11/2024;"] if readable else []
    contents = {"a.xml": siecle([pupil(101), pupil(102), pupil(103, division="3 B")])}
    done = run({**contents, "p.csv": ABSENCES + "\n".join(rows) + "\n"}, extracted_on=EXPORT)
    assert unknown(done, "absences") == {pseudonym("000000102AA")}
    (told,) = [
        notice for file in done.report.files for notice in file.notices if notice.code == "unread_rows"
    ]
    assert told.lines == (3,)
    mended = run({**contents, "p.csv": ABSENCES + rows[0] + "\n"}, extracted_on=EXPORT)
    assert unknown(mended, "absences") == set()


def test_a_pupil_not_known_by_one_list_is_made_known_by_no_other_on_its_days(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """An older extract and a list of other pupils do not vouch for the days on which the newer had something to say."""
    old = "FAMILLE101;Zoé;3 A;05/11/2024;05/11/2024;\n"
    contents = {
        "a.xml": siecle([pupil(101), pupil(102)]),
        "old.csv": ABSENCES + old,
        "new.csv": ABSENCES + old + "FAMILLE102;Zoé;3 A;le 6;le 6;\n",
    }
    done = run(contents, extracted_on=EXPORT)
    assert unknown(done, "absences") == {pseudonym("000000102AA")}
    assert unknown(done, "absences", date(2024, 11, 5)) == {pseudonym("000000102AA")}


@pytest.mark.parametrize(
    ("row", "who"),
    [
        ("???;;3 B;06/01/2025", {"103", "104"}),
        ("FAMILLE199;Zoé;3 B;06/01/2025", {"103", "104"}),
        ("???;06/01/2025", {"101", "102", "103", "104"}),
    ],
)
def test_a_row_that_says_no_pupil_leaves_its_class_or_its_school_not_known(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    row: str,
    who: set[str],
) -> None:
    """All whom a broken row may be of are not known, no more than those, and the report says how many and which line."""
    pupils = [pupil(number, division="3 A" if number < 103 else "3 B") for number in range(101, 105)]
    text = ABSENCES + "FAMILLE101;Zoé;3 A;05/11/2024;05/11/2024;\n" + row + "\n"
    done = run({"a.xml": siecle(pupils), "p.csv": text}, extracted_on=EXPORT)
    known = {pseudonym(f"000000{number}AA") for number in {"101", "102", "103", "104"} - who}
    everyone = {pseudonym(f"000000{number}AA") for number in ("101", "102", "103", "104")}
    assert unknown(done, "absences") == everyone - known
    (told,) = [
        notice
        for file in done.report.files
        for notice in file.notices
        if notice.code == "unread_rows_of_nobody"
    ]
    assert told.lines == (3,)
    assert f"{len(who)} élèves" in told.text


def test_a_list_of_which_no_row_could_be_read_says_nothing_of_anybody(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Rows that are all too long are no proof that nobody was away: no table, no coverage."""
    rows = "FAMILLE101;Zoé;3 A;05/11/2024;05/11/2024;grippe;toux\n" * 3
    contents = {"a.xml": siecle([pupil(101), pupil(102)]), "p.csv": ABSENCES + rows}
    done = run(contents, extracted_on=EXPORT, school_year=2024)
    assert done.records.absences is None
    assert done.records.coverage is None
    assert "nobody_joined" in notices(done)


def test_a_broken_row_of_a_table_of_averages_leaves_the_classes_of_that_table_alone_not_known(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Averages come class by class: a row of nobody in the one does not make the others unknown."""
    contents = {
        "a.xml": siecle([pupil(101), pupil(102), pupil(103, division="3 B")]),
        "3a.csv": GRADES + "FAMILLE101 Zoé;3 A;12\n???;12\n",
        "3b.csv": GRADES + "FAMILLE103 Zoé;3 B;12\n",
    }
    done = run(contents, extracted_on=EXPORT)
    assert unknown(done, "grades") == {pseudonym("000000101AA"), pseudonym("000000102AA")}


LIKE_TOTALS = ["TOTAL", "Total", "TOTAUX", "ENSEMBLE", "EFFECTIF", "TOTAL-GRAND"]


@pytest.mark.parametrize("family", LIKE_TOTALS)
@pytest.mark.parametrize("form", ["two cells", "one cell"])
def test_a_pupil_whose_name_reads_like_a_total_keeps_his_rows(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    family: str,
    form: str,
) -> None:
    """A list of pupils that knows him tells his rows from those of totals, which stay none; without it they are totals."""
    head = ABSENCES if form == "two cells" else "Élève;Classe;Du;Au;Motif\n"
    name = f"{family};Éric" if form == "two cells" else f"{family} Éric"
    total = f"{family};;" if form == "two cells" else f"{family};"
    text = head + f"{name};3 A;05/11/2024;05/11/2024;\n{total};;;34\n"
    contents = {"a.xml": siecle([pupil(101, family=family, first="Éric Paul")]), "p.csv": text}
    done = run(contents, extracted_on=EXPORT)
    assert set(done.records.absences["pupil_id"]) == {pseudonym("000000101AA")}
    assert done.report.left_out() == {"total_row": 1}
    assert unknown(done, "absences") == set()


# What the report says


def test_the_rows_taken_from_a_file_are_those_that_its_table_gets(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Half-days of one day, spans of weeks, two lines of one half-day: the file and the whole count one thing, rows of the table."""
    rows = [
        "FAMILLE101;Zoé;3 A;05/11/2024 08h00;05/11/2024 17h00;",
        "FAMILLE101;Zoé;3 A;05/11/2024 08h00;05/11/2024 09h00;",
        "FAMILLE102;Zoé;3 A;12/11/2024;22/11/2024;",
        "INCONNU;Zoé;3 A;12/11/2024;22/11/2024;",
    ]
    contents = {"a.xml": siecle([pupil(101), pupil(102)]), "p.csv": ABSENCES + "\n".join(rows) + "\n"}
    done = run(contents, extracted_on=EXPORT)
    (file,) = [file for file in done.report.files if file.path == "p.csv"]
    assert file.rows["absences"] == done.report.tables["absences"] == len(done.records.absences)


@pytest.mark.parametrize(
    "content", [b"", b"Rien;de connu\n1;2\n", b'Nom;Classe;Du;Au\nA;3 A;"x;y\nB;3 A;x;y\n']
)
def test_the_copy_of_a_file_that_is_not_read_is_not_said_to_be_read(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], content: bytes
) -> None:
    """Empty, unknown or refused once opened: the second file of that content is told as not read either."""
    done = run(
        {"a.xml": siecle([pupil(101)]), "b.csv": content, "c.csv": content, "d.xml": siecle([pupil(101)])}
    )
    refusals = {file.path: file.refusal for file in done.report.files}
    assert refusals["b.csv"]
    assert refusals["c.csv"] == "Même contenu que b.csv, qui n’est pas lu non plus."
    assert refusals["d.xml"] == "Même contenu que a.xml : lu une fois."


def averages(title: str, mark: int = 12) -> str:
    return f"{title};;\n{GRADES}FAMILLE101 Zoé;3 A;{mark}\n"


def days_of_grades(done: Imported) -> list[str]:
    return [] if done.records.grades is None else [f"{day:%d/%m}" for day in done.records.grades["date"]]


@pytest.mark.parametrize(
    ("term", "exported", "refused"),
    [
        ("Trimestre 1", date(2024, 11, 28), False),
        ("Trimestre 1", date(2025, 3, 4), True),
        ("1er TRIMESTRE", date(2025, 1, 6), True),
        ("Trimestre 2", date(2025, 3, 4), False),
        ("Trimestre 2", date(2025, 6, 4), True),
        ("Trimestre 3", date(2025, 6, 4), False),
        ("Semestre 1", date(2025, 1, 20), False),
        ("Semestre 1", date(2025, 6, 4), True),
        ("Semestre 2", date(2025, 6, 4), False),
    ],
)
def test_averages_of_a_term_that_is_over_are_not_dated_by_their_export(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    tmp_path: Path,
    term: str,
    exported: date,
    refused: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The end of a term that is over is asked for, with the option that gives it; of one that may still run, the export says so."""
    contents = {"a.xml": siecle([pupil(101)]), "m.csv": averages(f"Moyennes du {term}")}
    done = run(contents, extracted_on=exported)
    (file,) = [file for file in done.report.files if file.path == "m.csv"]
    if refused:
        assert "--columns" in file.refusal
        assert "[periods]" in file.refusal
        assert done.records.grades is None
        assert done.records.coverage is None
    else:
        assert days_of_grades(done) == [f"{exported:%d/%m}"]
        assert "undated_term" in notices(done)
    declared = tmp_path / "mine.toml"
    declared.write_text(f'[periods]\n"{term}" = {exported.replace(day=3)}\n', encoding="utf-8")
    told = run(contents, extracted_on=exported, column_maps=(declared,))
    assert days_of_grades(told) == [f"03/{exported:%m}"]
    assert "undated_term" not in notices(told)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_a_file_of_a_later_term_says_that_the_one_before_is_over(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    tmp_path: Path,
    order: tuple[int, int],
    known: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Two terms exported on one day never have one day: the earlier is asked for, whatever the order of the files."""
    declared = tmp_path / "mine.toml"
    declared.write_text('[periods]\n"Trimestre 2" = 2025-03-14\n' if known else "", encoding="utf-8")
    contents = {"a.xml": siecle([pupil(101)])}
    contents |= {f"m{at}.csv": averages(f"Trimestre {term}", term) for at, term in enumerate(order)}
    done = run(contents, extracted_on=date(2024, 12, 5), column_maps=(declared,))
    assert done.records.grades["value"].tolist() == [2.0]
    refused = [file for file in done.report.files if file.refusal]
    assert [file.path for file in refused] == [f"m{order.index(1)}.csv"]
    assert "Trimestre 1" in refused[0].refusal
