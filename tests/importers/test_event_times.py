"""When an absence was: times of day, half-days told by a word, and numbers of half-days, wherever a list writes them."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.importers.extract import ImportOptions, SourceFile
from decrochage_risk.importers.recognition import readers_of, recognise

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.importers.extract import Extract

HEAD = "Nom;Prénom;Classe;Du;Au;Justifiée\n"
COUNTS = "Nom;Prénom;Classe;Du;Au;DJ;Justifiée\n"


def read(text: str, *maps: Path, **options: object) -> Extract:
    """Read a list with the reader that it is recognised for."""
    content = text.encode()
    settled = ImportOptions(column_maps=maps, extracted_on=date(2025, 3, 5), **options)
    reader = recognise(content, "file", readers_of(maps))
    assert reader is not None
    return reader.read(SourceFile("file", content, "", reader.kind), settled)


def halves(extract: Extract) -> list[tuple[int, int]]:
    """Day of November and half of every row."""
    rows = extract.tables["absences"]
    return [(row.date.day, int(row.half)) for row in rows.itertuples()]


def codes(extract: Extract) -> dict[str, tuple[int, ...]]:
    return {warning.code: warning.lines for warning in extract.warnings}


def row(start: str, end: str, count: str | None = None) -> str:
    more = "" if count is None else f"{count};"
    return f"BATECO;Dipo;3 A;{start};{end};{more}Non\n"


MORNING = ["matin", "M", "Matinée", "- matin", "08h00", "08.00", "8:00"]
AFTERNOON = ["après-midi", "PM", "aprem", "Après midi", "14h00", "14.30"]


@settings(max_examples=40)
@given(
    st.sampled_from(MORNING + AFTERNOON),
    st.sampled_from(MORNING + AFTERNOON),
    st.sampled_from([4, 5, 7, 8]),
    st.sampled_from([4, 5, 7, 8]),
)
def test_a_word_of_a_half_day_is_the_hours_of_that_half(first: str, last: str, start: int, end: int) -> None:
    """From the half that the beginning names to the one that the end names, both included; Wednesday has one half-day."""
    low, high = (start, int(first in AFTERNOON)), (end, int(last in AFTERNOON))
    extract = read(HEAD + row(f"{start:02d}/11/2024 {first}", f"{end:02d}/11/2024 {last}"))
    expected = [
        (day, half)
        for day in range(start, end + 1)
        for half in ((0,) if day == 6 else (0, 1))
        if low <= (day, half) <= high
    ]
    # Two times of one half-day may stand in the wrong order; a half-day after another never ends in it.
    is_backwards = "end_before_start" in extract.counts
    assert is_backwards >= (low > high)
    assert is_backwards <= (low >= high)
    assert halves(extract) == ([] if is_backwards else expected)
    assert "hours_not_read" not in codes(extract)


@pytest.mark.parametrize("word", ["matin", "M", "AM", "après-midi", "PM", "½ journée"])
@pytest.mark.parametrize("where", ["day", "both", "count"])
def test_one_half_day_told_by_a_word_is_one_half_day(word: str, where: str) -> None:
    """Whatever half it is, and where nobody can tell which: one, never the whole day, and nothing is left to say."""
    cells = {
        "day": ("05/11/2024 " + word, ""),
        "both": (f"05/11/2024 {word}", f"05/11/2024 {word}"),
        "count": ("05/11/2024", "05/11/2024"),
    }[where]
    extract = read(COUNTS + row(*cells, word if where == "count" else ""))
    assert len(halves(extract)) == 1
    assert codes(extract) == {}


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("05/11/2024 M1", "05/11/2024 M4", ""),
        ("05/11/2024 25h00", "05/11/2024 26h00", ""),
        ("05/11/2024 AM", "07/11/2024 AM", ""),
        ("05/11/2024", "05/11/2024", "deux"),
        ("05/11/2024", "07/11/2024", "matin"),
    ],
)
def test_hours_that_cannot_be_read_are_whole_days_and_said(start: str, end: str, count: str) -> None:
    """What is written where hours stand and is none of them is told with its line: the whole days count."""
    extract = read(COUNTS + row(start, end, count))
    assert len(halves(extract)) == (2 if end.startswith("05") else 5)
    assert codes(extract)["hours_not_read"] == (2,)


@pytest.mark.parametrize("whole", ["", "journée", "Journée entière"])
def test_a_day_alone_is_a_whole_day_without_a_word(whole: str) -> None:
    """A day without hours, or called a day, is what it says."""
    extract = read(HEAD + row(f"05/11/2024 {whole}", f"05/11/2024 {whole}"))
    assert halves(extract) == [(5, 0), (5, 1)]
    assert codes(extract) == {}


def test_hours_in_columns_beside_the_days_are_read() -> None:
    """Beginning and end have a day and an hour each, in two columns."""
    head = "Nom;Prénom;Classe;Du;Heure début;Au;Heure fin;Justifiée\n"
    extract = read(
        head
        + "BATECO;Dipo;3 A;05/11/2024;08h00;05/11/2024;10h00;Non\n"
        + "BATECO;Dipo;3 A;07/11/2024;14.00;08/11/2024;10.00;Non\n"
        + "BATECO;Dipo;3 A;12/11/2024;matin;12/11/2024;matin;Non\n"
    )
    assert halves(extract) == [(5, 0), (7, 1), (8, 0), (12, 0)]
    assert codes(extract) == {}


def test_a_column_of_hours_that_nothing_reads_is_named(tmp_path: Path) -> None:
    """Whole days that a column nobody declared might shorten: the column is said, and is read once it is declared."""
    text = (
        "Nom;Prénom;Classe;Du;Heure d'arrivée;Au;Heure du retour;Justifiée\n"
        "BATECO;Dipo;3 A;05/11/2024;08h00;05/11/2024;10h00;Non\n"
    )
    extract = read(text)
    (told,) = [warning.text for warning in extract.warnings if warning.code == "hour_columns_not_read"]
    assert "« Heure d'arrivée »" in told
    assert "« Heure du retour »" in told
    assert "start_time" in told
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[maps.mine]\nlike = "pronote_events"\nrecognised_by = ["Du", "Heure du retour"]\n[maps.mine.columns]\n'
        'start_time = ["Heure d\'arrivée"]\nend_time = ["Heure du retour"]\n',
        encoding="utf-8",
    )
    declared = read(text, mine)
    assert halves(declared) == [(5, 0)]
    assert codes(declared) == {}


def test_a_day_with_its_half_in_a_column_beside_it_is_that_half(tmp_path: Path) -> None:
    """A list with one day per row and the word of its half: morning, afternoon, or the whole day."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[maps.mine]\nreads = "absence_events"\nrecognised_by = ["Nom", "Jour", "Moment"]\n[maps.mine.columns]\n'
        'family_name = ["Nom"]\nclass_name = ["Classe"]\ndate = ["Jour"]\ntime_span = ["Moment"]\n',
        encoding="utf-8",
    )
    rows = (("05", "Matin"), ("07", "Après-midi"), ("08", "Journée"), ("12", "08h00 - 10h00"))
    text = "Nom;Classe;Jour;Moment\n" + "".join(f"BATECO;3 A;{day}/11/2024;{at}\n" for day, at in rows)
    assert halves(read(text, mine)) == [(5, 0), (7, 1), (8, 0), (8, 1), (12, 0)]


@pytest.mark.parametrize(
    ("count", "reason"), [("0", "zero_half_days"), ("0,0", "zero_half_days"), ("-1", "bad_number")]
)
def test_no_half_day_is_told_by_its_own_reason(count: str, reason: str) -> None:
    """A school day with zero half-days is no day without school; less than zero is no number of half-days."""
    extract = read(COUNTS + row("05/11/2024", "05/11/2024", count) + row("07/11/2024", "07/11/2024", "1"))
    assert halves(extract) == [(7, 0)]
    assert extract.counts == {reason: [2]}
    assert [missed.line for missed in extract.unread] == ([2] if reason == "bad_number" else [])


def test_the_half_of_a_lateness_is_no_minute() -> None:
    """A lateness of a morning has no known minute: two of them are two."""
    head = "Nom;Prénom;Classe;Type;Du;Au;Justifiée\n"
    late = "BATECO;Dipo;3 A;Retard;05/11/2024 matin;05/11/2024 matin;Non\n"
    rows = read(head + late + late).tables["absences"]
    assert rows["at"].tolist() == [-1, -1]


def test_the_cut_of_the_school_ends_its_morning() -> None:
    """A morning is a morning, and an afternoon an afternoon, wherever the day is cut."""
    text = HEAD + row("05/11/2024 matin", "05/11/2024 matin") + row("07/11/2024 PM", "07/11/2024 PM")
    for cut in (time(11, 50), time(12), time(13, 30)):
        assert halves(read(text, half_day_cut=cut)) == [(5, 0), (7, 1)]
