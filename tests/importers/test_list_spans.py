"""Which days a list vouches for: its own school years, the period that it says, no more than it may hold."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from decrochage_risk.importers.extract import ImportOptions
from decrochage_risk.importers.list_spans import (
    LEAST_DAYS,
    LEAST_ROWS,
    LEAST_SHARE,
    ListYears,
    told_by_titles,
    years_of_list,
)
from decrochage_risk.importers.merging import merge_events
from decrochage_risk.importers.report import FileReport
from decrochage_risk.school_year import SchoolCalendar, school_year_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.importers import Imported

HEAD = "Nom;Prénom;Classe;Du;Au;Justifiée\n"
TYPED = "Nom;Prénom;Classe;Type;Du;Au;Justifiée\n"
MARKS = "Nom;Prénom;Classe;Date;Matière;Note\n"
EXPORT = date(2025, 3, 5)
NOTES = """
[maps.notes]
reads = "marks"
recognised_by = ["Nom", "Prénom", "Classe", "Date", "Matière", "Note"]
[maps.notes.columns]
family_name = ["Nom"]
first_name = ["Prénom"]
class_name = ["Classe"]
date = ["Date"]
subject = ["Matière"]
value = ["Note"]
"""

school_days = st.dates(date(2017, 9, 1), date(2027, 8, 31))


def days_of_school(start: date, count: int, step: int = 1) -> list[date]:
    """Give school days of zone B from a day on."""
    calendar = SchoolCalendar.for_zone("B")
    days = (start + timedelta(days=at) for at in range(0, 400, step))
    return [day for day in days if calendar.half_days(day)][:count]


def absences(number: int, division: str, days: list[date]) -> str:
    """Write a morning of a pupil on each day."""
    return "".join(
        f"FAMILLE{number};Zoé;{division};{day:%d/%m/%Y} 08h00;{day:%d/%m/%Y} 10h00;Non\n" for day in days
    )


def spans(done: Imported, table: str) -> set[tuple[str | None, date, date]]:
    """Give pupil (None: the whole school), first and last day of the coverage of a table."""
    coverage = done.records.coverage
    if coverage is None:
        return set()
    rows = coverage[coverage["table"] == table]
    return {
        (None if pd.isna(row.pupil_id) else str(row.pupil_id), row.start.date(), row.end.date())
        for row in rows.itertuples()
    }


def notices(done: Imported) -> dict[str, tuple[int, ...]]:
    return {notice.code: notice.lines for file in done.report.files for notice in file.notices}


def left_out(done: Imported, path: str) -> dict[str, list[int]]:
    (file,) = [file for file in done.report.files if file.path == path]
    return file.left_out


@pytest.fixture
def lists(siecle: Callable[..., bytes], pupil: Callable[..., object]) -> dict[str, bytes]:
    """Give the lists of pupils of two years: the same three, in 4 A and 4 B, then in 3 A and 3 B."""
    now = [pupil(101), pupil(102), pupil(103, division="3 B")]
    entered = {"DATE_ENTREE": "04/09/2023"}
    before = [
        pupil(number, mef="10210001110", division=division, more=entered)
        for number, division in ((101, "4 A"), (102, "4 A"), (103, "4 B"))
    ]
    return {"now.xml": siecle(now), "before.xml": siecle(before, year=2023, exported="05/07/2024")}


# Years


@given(st.dictionaries(school_days, st.integers(1, 40), min_size=1, max_size=60))
@example({date(2024, 11, 5): 200, date(2023, 9, 5): 1})
@example({date(2024, 9, 2): 1, date(2024, 8, 30): 1})
def test_a_year_beside_the_main_one_is_one_of_the_list_with_enough_rows_days_and_share(
    rows_of_day: dict[date, int],
) -> None:
    """The main year has most rows; another is one of the list with 20 rows, on 5 days, and a tenth of all; the rest is stray."""
    rows, days = {}, {}
    for day, count in rows_of_day.items():
        year = school_year_of(day)
        rows[year] = rows.get(year, 0) + count
        days[year] = days.get(year, 0) + 1
    main, *others = years_of_list(rows_of_day)
    assert (rows[main], main) == max((count, year) for year, count in rows.items())
    assert others == sorted(
        year
        for year in rows
        if year != main
        and rows[year] >= LEAST_ROWS
        and days[year] >= LEAST_DAYS
        and rows[year] >= LEAST_SHARE * sum(rows.values())
    )
    spread = ListYears.of(rows_of_day, None)
    assert [year for year in rows if not spread.is_stray(year)] == [
        year for year in rows if year in (main, *others)
    ]
    # A list that says its year keeps it, whatever its rows say: those of a year with enough of them are of that year alone.
    told = ListYears.of(rows_of_day, 2030)
    assert (told.own, told.elsewhere, told.holds_rows) == ((2030,), {main, *others}, False)


@pytest.mark.parametrize("stray", [date(2023, 9, 5), date(2014, 9, 5), date(2025, 9, 5)])
@pytest.mark.parametrize("count", [2, 40])
def test_one_wrong_digit_of_a_year_moves_no_span_and_leaves_its_pupil_not_known(
    run: Callable[..., Imported],
    lists: dict[str, bytes],
    pseudonym: Callable[[str], str],
    stray: date,
    count: int,
) -> None:
    """A list begins and ends with its main year; the row of another is left out, told, and its pupil not known."""
    rows = absences(102, "3 A", days_of_school(date(2024, 9, 3), count, 3)) + absences(101, "3 A", [stray])
    done = run({**lists, "a.csv": HEAD + rows}, extracted_on=EXPORT)
    assert left_out(done, "a.csv") == {"outside_school_year": [count + 2]}
    assert notices(done)["unread_rows"] == (count + 2,)
    covered = spans(done, "absences")
    assert {who for who, *_ in covered} == {pseudonym("000000102AA"), pseudonym("000000103AA")}
    assert {school_year_of(day) for _, *days in covered for day in days} == {2024}
    assert len(done.records.absences) == count


def test_a_list_over_two_years_joins_and_vouches_for_each_row_in_its_own(
    run: Callable[..., Imported], lists: dict[str, bytes], pseudonym: Callable[[str], str]
) -> None:
    """Rows of last year are joined to last year's classes, those of this year to this year's, and both years are covered."""
    before = absences(101, "4 A", days_of_school(date(2023, 9, 5), 24, 4))
    now = absences(101, "3 A", days_of_school(date(2024, 9, 3), 30, 4))
    done = run({**lists, "a.csv": HEAD + before + now}, extracted_on=EXPORT)
    assert left_out(done, "a.csv") == {}
    assert "several_years" in notices(done)
    assert len(done.records.absences) == 54
    assert set(done.records.absences["pupil_id"]) == {pseudonym("000000101AA")}
    assert spans(done, "absences") == {(None, date(2023, 9, 1), EXPORT)}


def test_a_year_of_which_no_row_is_joined_is_not_vouched_for(
    run: Callable[..., Imported], lists: dict[str, bytes]
) -> None:
    """Without last year's list of pupils its rows are joined to nobody: last year stays not known, this year is covered."""
    del lists["before.xml"]
    before = absences(101, "4 A", days_of_school(date(2023, 9, 5), 24, 4))
    now = absences(101, "3 A", days_of_school(date(2024, 9, 3), 30, 4))
    done = run({**lists, "a.csv": HEAD + before + now}, extracted_on=EXPORT)
    assert spans(done, "absences") == {(None, date(2024, 9, 1), EXPORT)}
    assert "nobody_joined" in notices(done)
    assert len(left_out(done, "a.csv")["no_roster"]) == 24


def test_a_few_rows_of_last_years_classes_make_no_year_and_leave_their_pupil_alone_not_known(
    run: Callable[..., Imported], lists: dict[str, bytes], pseudonym: Callable[[str], str]
) -> None:
    """Too few rows for a second year: left out and told; whose they are by a name that is the school's only one is not known."""
    rows = absences(101, "4 A", days_of_school(date(2024, 1, 15), 4)) + absences(
        101, "3 A", days_of_school(date(2024, 11, 12), 6)
    )
    done = run({**lists, "a.csv": HEAD + rows}, extracted_on=EXPORT)
    assert left_out(done, "a.csv") == {"outside_school_year": [2, 3, 4, 5]}
    others = {pseudonym("000000102AA"), pseudonym("000000103AA")}
    assert {pupil for pupil, _, _ in spans(done, "absences")} == others
    assert {last for _, _, last in spans(done, "absences")} == {EXPORT}


def test_a_list_without_a_row_of_the_year_it_is_said_to_be_of_vouches_for_nobody(
    run: Callable[..., Imported], lists: dict[str, bytes]
) -> None:
    """Last year's list, given as this year's, does not say that nobody was away this year."""
    rows = absences(101, "3 A", days_of_school(date(2023, 11, 7), 3))
    done = run({**lists, "a.csv": HEAD + rows}, extracted_on=EXPORT, school_year=2024)
    assert spans(done, "absences") == set()
    assert "no_row_of_its_year" in notices(done)


def test_the_last_day_that_there_is_makes_no_year(
    run: Callable[..., Imported], lists: dict[str, bytes]
) -> None:
    """31/12/9999 stands for no day: a list of it alone is told, and covers nobody."""
    done = run({**lists, "a.csv": HEAD + absences(101, "3 A", [date.max])}, extracted_on=EXPORT)
    assert left_out(done, "a.csv") == {"bad_date": [2]}
    assert spans(done, "absences") == set()


def test_marks_of_two_years_and_a_stray_one_follow_the_same_rule(
    run: Callable[..., Imported],
    lists: dict[str, bytes],
    pseudonym: Callable[[str], str],
    tmp_path: object,
) -> None:
    """A long list of marks is joined year by year; the mark of a year of its own alone is left out and its pupil not known."""
    columns = tmp_path / "notes.toml"
    columns.write_text(NOTES, encoding="utf-8")

    def marks(number: int, division: str, days: list[date]) -> str:
        return "".join(f"FAMILLE{number};Zoé;{division};{day:%d/%m/%Y};Maths;12\n" for day in days)

    before = marks(101, "4 A", days_of_school(date(2023, 9, 5), 24, 4))
    now = marks(101, "3 A", days_of_school(date(2024, 9, 3), 30, 4))
    contents = {**lists, "n.csv": MARKS + before + now}
    done = run(contents, extracted_on=EXPORT, column_maps=(columns,))
    assert len(done.records.grades) == 54
    assert spans(done, "grades") == {(None, date(2023, 9, 1), EXPORT)}
    contents["n.csv"] = MARKS + now + marks(102, "3 A", [date(2023, 9, 5)])
    done = run(contents, extracted_on=EXPORT, column_maps=(columns,))
    assert left_out(done, "n.csv") == {"outside_school_year": [32]}
    covered = spans(done, "grades")
    assert {who for who, *_ in covered} == {pseudonym("000000101AA"), pseudonym("000000103AA")}
    assert min(start for _, start, _ in covered).year == 2024


# Types


def test_the_pupil_of_an_unknown_type_is_not_known(
    run: Callable[..., Imported], lists: dict[str, bytes], pseudonym: Callable[[str], str]
) -> None:
    """What nobody knows the meaning of may be an absence: counted, and not zero for its pupil."""
    rows = (
        "FAMILLE101;Zoé;3 A;Abs. cours;05/11/2024 08h00;05/11/2024 17h00;Non\n"
        "FAMILLE102;Zoé;3 A;Absence;05/11/2024 08h00;05/11/2024 10h00;Non\n"
        "FAMILLE103;Zoé;3 B;Infirmerie;05/11/2024 08h00;05/11/2024 10h00;Non\n"
    )
    done = run({**lists, "a.csv": TYPED + rows}, extracted_on=EXPORT)
    assert left_out(done, "a.csv") == {"unknown_type": [2], "dropped_type": [4]}
    assert {who for who, *_ in spans(done, "absences")} == {
        pseudonym("000000102AA"),
        pseudonym("000000103AA"),
    }


# Titles and lists that are cut


@pytest.mark.parametrize(
    ("title", "day"),
    [
        ("Liste des absences extraites du 02/09/2024 au 05/03/2025", None),
        ("Absences extraites entre le 02/09/2024 et le 05/03/2025", None),
        ("Absences extraites depuis le 02/09/2024", None),
        ("Export du 02/09/2024 08h00 au 05/03/2025", None),
        ("Édition : 2024-09-02 - 2025-03-05", None),
        ("Absences du 02/09/2024 au 01/03/2025, éditées le 05/03/2025", EXPORT),
        ("Absences depuis le 02/09/2024 (exporté le 05/03/2025)", EXPORT),
        ("Classe de 3 A au 04/11/2024 : imprimé le 05/03/2025 à 10:12", EXPORT),
        ("05/03/2025 : extraction complète", EXPORT),
        ("Extraction faite le 05/03/2025 - 18:42", EXPORT),
    ],
)
def test_the_days_of_a_period_are_never_the_day_of_the_export(title: str, day: date | None) -> None:
    """A title tells the day on which it was made, or none: the bounds of its rows are not that day."""
    assert told_by_titles((title,), ImportOptions()) == (None, day)
    given = date(2025, 4, 1)
    assert told_by_titles((title,), ImportOptions(extracted_on=given)) == (None, day or given)


@pytest.mark.parametrize(
    ("title", "span"),
    [
        ("Liste des absences extraites du 02/09/2024 au 05/03/2025", (date(2024, 9, 1), EXPORT)),
        ("Absences du 12/11/2024 au 29/11/2024", (date(2024, 11, 12), date(2024, 11, 29))),
        ("Absences du 12/11/2024 au 31/08/2025", (date(2024, 11, 12), EXPORT)),
        ("Absences du 20/11/2024 au 29/11/2024", (date(2024, 11, 14), date(2024, 11, 29))),
        ("Absences du 01/09/2019 au 05/03/2020", (date(2024, 9, 1), EXPORT)),
    ],
)
def test_a_list_does_not_vouch_beyond_the_period_that_it_says(
    run: Callable[..., Imported], lists: dict[str, bytes], title: str, span: tuple[date, date]
) -> None:
    """A list of November says nothing of September nor of March; its own rows always lie in what it covers."""
    rows = absences(101, "3 A", [date(2024, 11, 14), date(2024, 11, 28)])
    done = run({**lists, "a.csv": f"{title}\n{HEAD}{rows}"}, extracted_on=EXPORT)
    assert spans(done, "absences") == {(None, *span)}


def test_a_list_as_long_as_its_software_allows_covers_no_day_beyond_its_rows(
    run: Callable[..., Imported], lists: dict[str, bytes]
) -> None:
    """What was cut off may be of any day before the first row or after the last one."""
    head = "Nom Élève;Prénom Élève;Classe;Type d'événement;Motif;déclaré par;Date;Heure;Commentaire;Régularisé;Id;\n"
    days = days_of_school(date(2024, 10, 7), 10)
    rows = "".join(
        f"FAMILLE101;Zoé;3 A;Retard;;P;{days[at % 10]:%d/%m/%Y};08:{at % 60:02d} - 09:00;;Non;{at};\n"
        for at in range(1000)
    )
    done = run({**lists, "a.csv": head + rows}, extracted_on=EXPORT)
    assert spans(done, "absences") == {(None, days[0], days[-1])}
    done = run({**lists, "a.csv": head + rows.partition("\n")[2]}, extracted_on=EXPORT)
    assert spans(done, "absences") == {(None, days[0], EXPORT)}


# The same row in two lists that do not say their day


@given(
    st.lists(st.sampled_from([True, False, None]), max_size=3),
    st.lists(st.sampled_from([True, False, None]), max_size=3),
)
def test_a_lateness_without_a_minute_counts_as_often_as_the_list_that_tells_it_most(
    first: list[bool | None], second: list[bool | None]
) -> None:
    """Two lists of one lateness tell one, two latenesses of one list are two; which list is read first changes nothing."""
    merged = []
    for files in ((first, second), (second, first)):
        rows = pd.DataFrame(
            {
                "pupil_id": "x",
                "line": [2 + at for flags in files for at in range(len(flags))],
                "date": pd.Timestamp("2024-11-05"),
                "half": -1,
                "at": -1,
                "half_days": 0,
                "kind": "lateness",
                "justified": pd.array([flag for flags in files for flag in flags], dtype="boolean"),
                "recorded_on": pd.NaT,
                "justified_on": pd.NaT,
                "file": [at for at, flags in enumerate(files) for _ in flags],
                "source": "s",
                "covered_from": pd.Timestamp("2024-09-01"),
                "covered_to": pd.Timestamp("2025-03-01"),
            }
        )
        reports = [FileReport("a.csv"), FileReport("b.csv")]
        table = merge_events("absences", rows, reports)
        assert len(table) == max(len(first), len(second))
        told = sum(len(report.left_out.get("repeated_row", ())) for report in reports)
        assert told == min(len(first), len(second))
        merged.append(sorted(str(flag) for flag in table["justified"]) if len(table) else [])
    assert merged[0] == merged[1]


@pytest.mark.parametrize("order", [("Non", "Oui"), ("Oui", "Non")])
def test_a_justification_that_one_of_two_lists_tells_is_said(
    run: Callable[..., Imported], lists: dict[str, bytes], order: tuple[str, str], tmp_path: object
) -> None:
    """Nothing says which list is the newer: the absence counts as unjustified, in words; with their days, the newer list is right."""
    row = "FAMILLE101;Zoé;3 A;05/11/2024 08h00;05/11/2024 10h00;"
    more = "FAMILLE102;Zoé;3 A;07/11/2024 08h00;07/11/2024 10h00;Non\n"
    contents = {
        name: f"{HEAD}{row}{flag}\n{more}" for name, flag in zip(("a.csv", "b.csv"), order, strict=True)
    }
    done = run({**lists, **contents})
    assert done.records.absences["justified"].tolist() == [False, False]
    (told,) = [
        (file.path, notice.lines)
        for file in done.report.files
        for notice in file.notices
        if notice.code == "justified_in_one_file"
    ]
    assert told == (("a.csv", "b.csv")[order.index("Oui")], (2,))
    days = tmp_path / "days.toml"
    days.write_text(
        '[files."a.csv"]\nextracted_on = 2024-12-01\n[files."b.csv"]\nextracted_on = 2025-01-05\n',
        encoding="utf-8",
    )
    done = run({**lists, **contents}, column_maps=(days,))
    assert sorted(done.records.absences["justified"]) == sorted([order[1] == "Oui", False])
    assert "justified_in_one_file" not in notices(done)
