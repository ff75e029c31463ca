from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.importers import Imported


HEADER = (
    "nom_apprenant;date_de_naissance_apprenant;annee_scolaire;ine_apprenant;statut_apprenant;date_metier_mise_a_jour_statut;"
    "date_entree_formation;date_fin_formation;obtention_diplome_formation;contrat_date_debut;contrat_date_rupture\n"
)


def closed_year(siecle: Callable[..., bytes], pupil: Callable[..., object]) -> dict[str, bytes]:
    """Six pupils of a closed year, of whom the year after shows two in school and one in a formation outside the tables."""
    first = [
        pupil(101), pupil(102), pupil(103), pupil(104, mef="24731209330"), pupil(105), pupil(106),
    ]  # fmt: skip
    second = [
        pupil(101, mef="24731209310"),
        pupil(105, mef="25331209110"),
        pupil(106, status="AP", mef="24124127210"),
    ]
    old = {"DATE_ENTREE": "04/09/2023"}
    for one in first:
        one.more |= old
    return {
        "a.xml": siecle(first, year=2023, exported="01/06/2024"),
        "b.xml": siecle(second, year=2024, exported="15/11/2024"),
    }


def outcome_of(done: Imported, pseudonym: Callable[[str], str], number: int) -> str:
    table = done.records.outcomes.set_index("pupil_id")["outcome"]
    return table[pseudonym(f"{number:09d}AA")]


def test_who_is_found_nowhere_is_unknown_until_the_look_is_complete(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Nobody has left without a diploma but by the caller's word; then those found nowhere have, terminal years excepted."""
    contents = closed_year(siecle, pupil)
    careful = run(contents, outcomes_of=2023)
    assert [outcome_of(careful, pseudonym, number) for number in (101, 102, 103, 104)] == [
        "continued",
        "unknown",
        "unknown",
        "unknown",
    ]
    assert any(notice.code == "search_incomplete" for notice in careful.report.notices)
    complete = run(contents, outcomes_of=2023, search_complete=True)
    assert [outcome_of(complete, pseudonym, number) for number in (101, 102, 103, 104)] == [
        "continued", "left_without_diploma", "left_without_diploma", "unknown",
    ]  # fmt: skip
    assert [outcome_of(complete, pseudonym, number) for number in (105, 106)] == ["continued", "continued"]
    assert complete.report.outcomes == {
        "apprenticeship": 1,
        "enrolled": 1,
        "enrolled_elsewhere": 1,
        "left": 2,
        "unknown": 1,
    }
    assert "compte toujours trop de monde" in str(complete.report)


def test_a_list_from_before_the_closing_day_settles_nothing(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """Lists of the year after that are older than 1 November leave outcomes unknown, whatever the caller says."""
    contents = closed_year(siecle, pupil)
    contents["b.xml"] = contents["b.xml"].replace(b"15/11/2024", b"15/09/2024")
    done = run(contents, outcomes_of=2023, search_complete=True)
    assert outcome_of(done, pseudonym, 102) == "unknown"
    assert any("01/11/2024" in notice.text for notice in done.report.notices)


def test_apprenticeship_is_evidence_and_never_a_level(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """An apprentice found by INE goes on; one who gave up before the closing day does not; nobody gets a level from it."""
    contents = closed_year(siecle, pupil)
    contents["cfa.csv"] = HEADER + (
        "X;2010-04-03;2024-2025;000000102AA;3;2024-10-01;2024-09-15;2026-06-30;;2024-09-15;2025-01-17\n"
        "Y;2010-04-03;2024/2025;000000103AA;0;2024-10-15;2024-09-15;2026-06-30;;2024-09-15;\n"
    )
    done = run(contents, outcomes_of=2023, search_complete=True)
    assert outcome_of(done, pseudonym, 102) == "continued"
    assert outcome_of(done, pseudonym, 103) == "left_without_diploma"
    assert set(done.records.enrolments.query("school_year == 2024")["pupil_id"]) == {pseudonym("000000101AA")}


def test_a_diploma_of_the_year_graduates(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A diploma of the session that ends the year graduates; the brevet does not, a failure neither."""
    contents = closed_year(siecle, pupil)
    contents["jury.csv"] = (
        "INE;Examen;Session;Résultat\n000000104AA;BAC PRO MELEC;2024;ADMIS\n000000102AA;DNB;2024;ADMIS\n"
        "000000103AA;CAP CUISINE;2024;REFUSE\n"
    )
    done = run(contents, outcomes_of=2023, search_complete=True)
    assert [outcome_of(done, pseudonym, number) for number in (104, 102, 103)] == [
        "graduated", "left_without_diploma", "left_without_diploma",
    ]  # fmt: skip
    assert done.report.left_out()["no_diploma"] == 2


@pytest.mark.parametrize(
    ("exam", "result", "outcome"),
    [
        ("Brevet", "Admis", "left_without_diploma"),
        ("Brevet série professionnelle", "Admis mention bien", "left_without_diploma"),
        ("Brevet d’initiation aéronautique", "Admis", "left_without_diploma"),
        ("Attestation de sécurité routière", "Admis", "left_without_diploma"),
        ("Épreuves anticipées", "Reçu", "left_without_diploma"),
        ("Brevet professionnel", "Admis", "graduated"),
        ("Brevet des métiers d’art", "Admise", "graduated"),
        ("Bac pro", "Admissible", "left_without_diploma"),
        ("Baccalauréat", "Admis à passer le second groupe", "left_without_diploma"),
        ("Baccalauréat", "Admis au 2nd groupe", "left_without_diploma"),
        ("Baccalauréat", "Admise à l’issue du second groupe", "graduated"),
        ("Bac pro", "Reçue avec mention", "graduated"),
    ],
)
def test_only_a_diploma_that_was_given_graduates(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    exam: str,
    result: str,
    outcome: str,
) -> None:
    """Neither a brevet of collège or a certificate under any name, nor the right to another round of an exam, is a diploma."""
    contents = {
        "a.xml": siecle(
            [pupil(101, mef="24731209310", more={"DATE_ENTREE": "04/09/2023"})],
            year=2023,
            exported="01/06/2024",
        ),
        "b.xml": siecle([pupil(102)], year=2024, exported="15/11/2024"),
        "jury.csv": f"INE;Examen;Session;Résultat\n000000101AA;{exam};2024;{result}\n",
    }
    done = run(contents, outcomes_of=2023, search_complete=True)
    assert outcome_of(done, pseudonym, 101) == outcome


def test_nobody_graduates_in_college(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
) -> None:
    """A list of results that names no exam gives a pupil of a 3e no diploma, and the report says so."""
    contents = closed_year(siecle, pupil)
    contents["jury.csv"] = "INE;Session;Résultat\n000000102AA;2024;ADMIS\n000000104AA;2024;ADMIS\n"
    done = run(contents, outcomes_of=2023, search_complete=True)
    assert [outcome_of(done, pseudonym, number) for number in (102, 104)] == [
        "left_without_diploma",
        "graduated",
    ]
    (told,) = [notice for notice in done.report.notices if notice.code == "diploma_in_college"]
    assert "1 élève de collège" in told.text


@pytest.mark.parametrize(
    ("motive", "outcome"),
    [("10", "continued"), ("99", "left_without_diploma"), ("43", None), ("88", "left_without_diploma")],
)
def test_a_motive_of_departure_never_makes_a_leaver(
    run: Callable[..., Imported],
    siecle: Callable[..., bytes],
    pupil: Callable[..., object],
    pseudonym: Callable[[str], str],
    motive: str,
    outcome: str | None,
) -> None:
    """A motive that says the studies go on continues; an unknown one says nothing; the deceased are no pupils of the tables."""
    gone = pupil(
        102,
        division=None,
        more={"DATE_ENTREE": "04/09/2023", "DATE_SORTIE": "12/11/2023", "CODE_MOTIF_SORTIE": motive},
    )
    stays = pupil(101, more={"DATE_ENTREE": "04/09/2023"})
    contents = {
        "a.xml": siecle([stays, gone], year=2023, exported="01/06/2024"),
        "b.xml": siecle([pupil(101)], exported="15/11/2024"),
    }
    done = run(contents, outcomes_of=2023, search_complete=True)
    table = done.records.outcomes.set_index("pupil_id")
    who = pseudonym("000000102AA")
    assert (table["outcome"].get(who)) == outcome
    if outcome == "left_without_diploma":
        assert table.loc[who, "date"].date() == date(2023, 11, 12)


def test_who_is_only_remembered_is_no_pupil_of_the_closed_year(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Outcomes are those of a list of that year: the memory of the list after it holds only those who were found again."""
    done = run({"b.xml": siecle([pupil(101, before=("10210001110", "0990001N", "4 B"))])}, outcomes_of=2023)
    assert len(done.records.outcomes) == 0
