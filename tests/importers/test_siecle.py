from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.errors import UnreadableExportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.importers import Imported


def enrolment_of(done: Imported, pupil_id: str, year: int = 2024) -> pd.Series:
    rows = done.records.enrolments
    return rows[(rows["pupil_id"] == pupil_id) & (rows["school_year"] == year)].iloc[0]


def left_out(done: Imported, at: int = 0) -> dict[str, list[int]]:
    return {reason: sorted(set(lines)) for reason, lines in done.report.files[at].left_out.items()}


def notices(done: Imported, at: int = 0) -> dict[str, tuple[int, ...]]:
    return {notice.code: notice.lines for notice in done.report.files[at].notices}


def test_a_pupil_gives_one_row_of_each_table(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A plain record gives the pupil, this year's stay and the stay of the year before, under the pseudonym of its INE."""
    done = run({"a.xml": siecle([pupil(101, before=("10210001110", "0990002P", "4 B"))])})
    who = pseudonym("000000101AA")
    assert done.records.pupils[["pupil_id", "sex"]].to_numpy().tolist() == [[who, "F"]]
    assert done.records.pupils["birth_date"].dt.date.tolist() == [date(2010, 4, 3)]
    now, before = enrolment_of(done, who), enrolment_of(done, who, 2023)
    assert (now["level"], now["class_id"], now["school_id"]) == ("3e", "3 A", "0990001N")
    assert not now["boarder"]
    assert now["start_date"].date() == date(2024, 9, 2)
    assert pd.isna(now["end_date"])
    assert (before["level"], before["school_id"], before["start_date"].date()) == (
        "4e",
        "0990002P",
        date(2023, 9, 1),
    )


def test_sections_may_stand_in_any_order(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """STRUCTURES before ELEVES gives the same records as after."""
    pupils = [pupil(101), pupil(102, division="3 B")]
    one, other = (run({"a.xml": siecle(pupils, structures_first=first)}) for first in (False, True))
    pd.testing.assert_frame_equal(one.records.enrolments, other.records.enrolments)


def test_options_of_pupils_change_nothing_and_stand_nowhere(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """OPTIONS, one chosen twice among them, gives the same records as none, wherever it stands: no option is a fact of ours."""
    option = (
        b'<OPTION ELEVE_ID="9000101" ELENOET="101"><OPTIONS_ELEVE><NUM_OPTION>1</NUM_OPTION><CODE_MODALITE_ELECT>S'
        b"</CODE_MODALITE_ELECT><CODE_MATIERE>030201</CODE_MATIERE></OPTIONS_ELEVE><OPTIONS_ELEVE><NUM_OPTION>1</NUM_OPTION>"
        b"<CODE_MODALITE_ELECT>F</CODE_MODALITE_ELECT><CODE_MODALITE_ELECT>O</CODE_MODALITE_ELECT><CODE_MATIERE>030602"
        b"</CODE_MATIERE></OPTIONS_ELEVE></OPTION>"
    )
    plain = siecle([pupil(101), pupil(102)])
    section = b"<OPTIONS>" + option + b"</OPTIONS>"
    without = run({"a.xml": plain})
    for text in (plain.replace(b"<OPTIONS/>", section), plain.replace(b"<ELEVES>", section + b"<ELEVES>", 1)):
        done = run({"a.xml": text})
        pd.testing.assert_frame_equal(done.records.enrolments, without.records.enrolments)
        pd.testing.assert_frame_equal(done.records.pupils, without.records.pupils)
        assert (left_out(done), notices(done)) == (left_out(without), notices(without))
        assert "030602" not in done.report.to_json()


def test_a_name_of_the_file_tells_nothing(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A file is recognised by its content: the extension is not looked at."""
    assert len(run({"export.txt": siecle([pupil(101)])}).records) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"division": "Inactifs"}, "inactive"),
        ({"status": "AP"}, "apprentice"),
        ({"mef": "25331209110"}, "post_diploma"),
        ({"mef": "123456789"}, "unknown_level"),
        ({"more": {"CODE_MOTIF_SORTIE": "43", "DATE_SORTIE": "12/11/2024"}}, "deceased"),
        ({"mef": "28021201991"}, "agricultural_capa"),
    ],
)
def test_who_is_outside_the_tables_is_counted_with_its_record(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    change: dict[str, object],
    reason: str | None,
) -> None:
    """Inactive, apprentice, after a diploma, of no known level, deceased: counted with the record's number, never guessed."""
    done = run({"a.xml": siecle([pupil(101), pupil(102, **change)])})
    assert left_out(done) == {reason: [2]}
    assert len(done.records) == 1


def test_leavers_are_kept_with_their_date(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Bug 1 (PIX#832): a leaver is a pupil until the day of leaving, neither dropped nor still there."""
    gone = pupil(102, division=None, more={"DATE_SORTIE": "12/11/2024", "CODE_MOTIF_SORTIE": "10"})
    done = run({"a.xml": siecle([pupil(101), gone])})
    assert enrolment_of(done, pseudonym("000000102AA"))["end_date"].date() == date(2024, 11, 12)


def test_the_end_of_the_year_written_in_advance_is_no_departure(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A date of leaving after the export and without a motive leaves the stay open."""
    done = run({"a.xml": siecle([pupil(101, more={"DATE_SORTIE": "06/06/2025"})])})
    assert pd.isna(enrolment_of(done, pseudonym("000000101AA"))["end_date"])
    assert notices(done)["planned_exit"] == (1,)


def test_a_leaver_without_a_date_leaves_on_the_day_of_the_export(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A motive without a date: the export's day stands in, and is told."""
    done = run({"a.xml": siecle([pupil(101, division=None, more={"CODE_MOTIF_SORTIE": "99"})])})
    assert enrolment_of(done, pseudonym("000000101AA"))["end_date"].date() == date(2025, 3, 15)
    assert notices(done)["undated_exit"] == (1,)


def test_who_left_before_the_year_began_is_not_enrolled_in_it(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A date of leaving before the first school day gives no stay of this year, but keeps the one of the year before."""
    gone = pupil(
        102,
        division=None,
        before=("10210001110", "0990001N", "4 B"),
        more={"DATE_SORTIE": "01/09/2024", "CODE_MOTIF_SORTIE": "99"},
    )
    done = run({"a.xml": siecle([pupil(101), gone])})
    assert left_out(done) == {"never_came": [2]}
    rows = done.records.enrolments
    assert rows.loc[rows["pupil_id"] == pseudonym("000000102AA"), "school_year"].tolist() == [2023]


def test_an_entry_of_years_ago_starts_on_the_first_school_day(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """DATE_ENTREE is the entry into the school: before the year, the stay starts with the year; within it, on that day."""
    old, late = pupil(101, more={"DATE_ENTREE": "04/09/2017"}), pupil(102, more={"DATE_ENTREE": "18/11/2024"})
    done = run({"a.xml": siecle([old, late])})
    assert enrolment_of(done, pseudonym("000000101AA"))["start_date"].date() == date(2024, 9, 2)
    assert enrolment_of(done, pseudonym("000000102AA"))["start_date"].date() == date(2024, 11, 18)


def test_the_nomenclature_comes_before_what_is_bundled(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    nomenclature: bytes,
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Local MEF, regimes and motives are what the school's Nomenclature says, wherever it stands among the files."""
    local = pupil(101, mef="9990000LOCA", more={"CODE_REGIME": "7"})
    done = run({"a.xml": siecle([local]), "z.xml": nomenclature})
    row = enrolment_of(done, pseudonym("000000101AA"))
    assert (row["level"], row["boarder"]) == ("3e_pm", True)
    alone = run({"a.xml": siecle([pupil(101), local])})
    assert left_out(alone) == {"unknown_level": [2]}


def test_structures_give_the_level_of_a_pupil_without_a_mef(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Without CODE_MEF the division's own MEF counts, and is told."""
    structures = (
        "<BEE_STRUCTURES><PARAMETRES><UAJ>0990001N</UAJ><ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE></PARAMETRES><DONNEES>"
        '<DIVISIONS><DIVISION CODE_STRUCTURE="3 A"><MEFS_APPARTENANCE><MEF_APPARTENANCE><CODE_MEF>10310019110</CODE_MEF>'
        "</MEF_APPARTENANCE></MEFS_APPARTENANCE></DIVISION></DIVISIONS></DONNEES></BEE_STRUCTURES>"
    )
    done = run({"a.xml": siecle([pupil(101, mef="")]), "s.xml": structures})
    assert enrolment_of(done, pseudonym("000000101AA"))["level"] == "3e"
    assert notices(done)["class_level"] == (1,)


def test_communs_gives_a_calendar(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], tmp_path: Path
) -> None:
    """Closures of Communs.xml, whatever wraps them, are days without school in the calendar that is written."""
    communs = (
        "<BEE_COMMUN><PARAMETRES><UAJ>0990001N</UAJ><ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE></PARAMETRES><DONNEES><WHO><KNOWS>"
        "<LC_MOTIF>PONT</LC_MOTIF><DATE_DEBUT>14/10/2024</DATE_DEBUT><DATE_FIN>15/10/2024</DATE_FIN></KNOWS></WHO><T><U>"
        "<CODE_PERIODE>T1</CODE_PERIODE><DATE_DEBUT>02/09/2024</DATE_DEBUT><DATE_FIN>29/11/2024</DATE_FIN></U></T>"
        "</DONNEES></BEE_COMMUN>"
    )
    done = run({"a.xml": siecle([pupil(101)]), "c.xml": communs})
    assert done.calendar is not None
    assert [done.calendar.half_days(date(2024, 10, day)) for day in (14, 15)] == [0, 0]
    assert done.calendar.half_days(date(2024, 10, 17)) == 2
    written = {path.name for path in done.write(tmp_path / "out")}
    assert "calendar.csv" in written
    assert any(notice.code == "assumed_wrappers" for file in done.report.files for notice in file.notices)


def test_a_file_saved_again_under_a_latin_declaration_is_read_as_it_is(
    run: Callable[..., Imported],
    pupil: Callable[..., object],
    siecle: Callable[..., bytes],
) -> None:
    """Bug 5 (PIX#15257): UTF-8 bytes under ISO-8859-15 give the same names, and the report tells."""
    honest = siecle([pupil(101, family="NOËLÉ")])
    again = honest.decode("iso-8859-15").encode("utf-8")
    done = run({"a.xml": again}, links=True)
    assert done.links["family_name"].tolist() == ["NOËLÉ"]
    assert "saved_again" in notices(done)
    assert "saved_again" not in notices(run({"a.xml": honest}))


def test_a_byte_order_mark_wins_over_the_declaration(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Bug 6 (PIX#16733): a UTF-8 mark under an ISO-8859-15 declaration; and œ of ISO-8859-15 stays œ."""
    text = siecle([pupil(101, family="SŒUR")])
    marked = b"\xef\xbb\xbf" + text.decode("iso-8859-15").encode("utf-8")
    for content in (text, marked):
        assert run({"a.xml": content}, links=True).links["family_name"].tolist() == ["SŒUR"]


def test_names_broken_twice_are_told(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A name with "Ã" and a sign was encoded twice: its record is told, for it will match nobody."""
    done = run({"a.xml": siecle([pupil(101), pupil(102, family="NOÃ‰L".replace("‰", "\x89"))])})
    assert notices(done)["mojibake"] == (2,)


def test_the_tag_and_the_attribute_of_a_number_may_differ(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """ID_ELEVE_ETAB decides between the two numbers of one record, and the record is told."""
    done = run(
        {"a.xml": siecle([pupil(101, more={"ELENOET": "100", "ID_ELEVE_ETAB": "00101990001"})])}, links=True
    )
    assert done.links["elenoet"].tolist() == ["101"]
    assert notices(done)["two_elenoet"] == (1,)


def test_the_way_back_into_siecle_is_refused(run: Callable[..., Imported]) -> None:
    """IMPORT_ELEVES is no export: it is refused by name, with what to ask for."""
    with pytest.raises(UnreadableExportError) as error:
        run({"a.xml": "<IMPORT_ELEVES VERSION='3.0'><x/></IMPORT_ELEVES>"})
    assert "ElevesSansAdresses.xml" in error.value.french


def test_a_school_that_cannot_be_is_said(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A wrong check letter is no school: nothing is taken, unless the caller says which school it is."""
    content = siecle([pupil(101)], uai="0750001A")
    with pytest.raises(UnreadableExportError) as error:
        run({"a.xml": content})
    assert "numéro UAI impossible" in error.value.french
    done = run({"a.xml": content}, uai="0990001N")
    assert set(done.records.enrolments["school_id"]) == {"0990001N"}
    assert "bad_uai_replaced" in notices(done)


def test_another_school_of_the_site_is_refused(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Bug 4 (PIX#2023): when a school is asked for, the file of its neighbour is refused whole, and named."""
    done = run({"a.xml": siecle([pupil(101)]), "b.xml": siecle([pupil(102)], uai="0990002P")}, uai="0990001N")
    assert len(done.records) == 1
    assert "0990002P" in done.report.files[1].refusal


def test_a_file_without_a_year_needs_one(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Without ANNEE_SCOLAIRE nothing is taken; with the caller's year it is."""
    content = siecle([pupil(101)], year=None)
    with pytest.raises(UnreadableExportError) as error:
        run({"a.xml": content})
    assert "année scolaire inconnue" in error.value.french
    assert run({"a.xml": content}, school_year=2024).records.enrolments["school_year"].tolist() == [2024]


def test_an_export_of_no_pupil_still_says_so(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A list without a row beside one with rows is read, and told to hold none."""
    done = run({"a.xml": siecle([]), "b.xml": siecle([pupil(101)], uai="0990002P")})
    assert done.report.files[0].rows_read == 0
    assert done.report.files[0].refusal == ""


def test_a_thousand_pupils_stream(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A large export is read record by record: all of its pupils come out."""
    done = run({"a.xml": siecle([pupil(number) for number in range(1, 1001)])})
    assert len(done.records) == 1000
