from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.importers.extract import Extract, make_persons
from decrochage_risk.importers.identity import Register, class_key, local_key
from decrochage_risk.records.pseudonyms import Pseudonymiser

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.importers.identity import Resolved


KEY = Pseudonymiser(bytes(range(32)))


def roster(*rows: dict[str, object], uai: str | None = "0990001N", year: int = 2024) -> Extract:
    columns = {
        name: [row.get(name) for row in rows] for name in sorted({name for row in rows for name in row})
    }
    extract = Extract("siecle_eleves", uai=uai, school_year=year, is_roster=True)
    extract.persons = make_persons(columns, len(rows))
    return extract


def events(*rows: dict[str, object], uai: str | None = None, year: int = 2024) -> Extract:
    extract = roster(*rows, uai=uai, year=year)
    extract.is_roster = False
    return extract


def person(
    ine: str | None = "000000001AA",
    family: str = "TESTARD",
    first: str = "Zoé",
    class_name: str = "3 A",
    birth: str | None = "2010-04-03",
    **more: object,
) -> dict[str, object]:
    return {
        "ine": ine, "family_name": family, "first_name": first, "class_name": class_name,
        "birth_date": None if birth is None else pd.Timestamp(birth), **more,
    }  # fmt: skip


def register_of(*extracts: Extract, **options: object) -> tuple[Register, list[Resolved]]:
    register = Register(KEY, **options)
    for extract in extracts:
        register.meet(extract)
    answers = [register.resolve(extract) for extract in extracts]
    return register, answers


def by_name(register: Register, **asked: object) -> tuple[str | None, str | None]:
    answer = register.resolve(events(asked))
    return answer.pupil_ids[0], answer.reasons.get(0)


def test_the_rnie_comes_before_the_bea(pseudonym: Callable[[str], str]) -> None:
    """A pupil known by BEA last year and by RNIE and BEA this year has one pseudonym: that of the RNIE."""
    last = roster(person(ine="0000000001B"), year=2023)
    now = roster(person(ine="000000001AA", other_ine="0000000001B"))
    _, (first, second) = register_of(last, now)
    assert first.pupil_ids == second.pupil_ids == [pseudonym("000000001AA")]


def test_a_number_that_comes_later_joins_the_local_one(pseudonym: Callable[[str], str]) -> None:
    """A pupil without INE in September who has one in March is one pupil, under the INE."""
    september = roster(person(ine=None, elenoet="101"))
    march = roster(person(elenoet="101"))
    _, (first, second) = register_of(september, march)
    assert first.pupil_ids == second.pupil_ids == [pseudonym("000000001AA")]
    assert first.local == []


def test_without_any_ine_the_number_of_the_school_counts_and_is_told(pseudonym: Callable[[str], str]) -> None:
    """UAI and ELENOET stand in, zeros in front or not; the answer says who goes by them."""
    _, (one,) = register_of(roster(person(ine=None, elenoet="00101")))
    assert one.pupil_ids == [pseudonym("0990001N-101")]
    assert one.local == [0]


def test_nobody_is_known_by_nothing() -> None:
    """A list row without INE nor number is refused: a name alone makes no pupil."""
    _, (answer,) = register_of(roster(person(ine=None)))
    assert not any(answer.pupil_ids)
    assert answer.reasons == {0: "no_identity"}


def test_one_ine_with_two_birth_dates_is_never_merged(pseudonym: Callable[[str], str]) -> None:
    """Bugs 2 and 3 (PIX#1069, #4634): in one file both go by their school's number; across files the second is refused."""
    both = roster(person(elenoet="101"), person(elenoet="102", family="AUTRE", birth="2009-01-01"))
    _, (answer,) = register_of(both)
    assert answer.pupil_ids == [pseudonym("0990001N-101"), pseudonym("0990001N-102")]
    _, (_, other) = register_of(roster(person()), roster(person(birth="2009-01-01"), uai="0990002P"))
    assert other.reasons == {0: "ine_two_birth_dates"}


def test_a_duplicate_ine_without_a_local_number_is_refused() -> None:
    """The same INE twice with two birth dates and no number of the school: both are refused, by record."""
    _, (answer,) = register_of(roster(person(), person(birth="2009-01-01")))
    assert answer.reasons == {0: "duplicate_ine", 1: "duplicate_ine"}


def test_numbers_are_read_in_any_case(pseudonym: Callable[[str], str]) -> None:
    """Affelnet writes an INE in lower case: it is the same pupil."""
    register, _ = register_of(roster(person()))
    assert register.resolve(events({"ine": "000000001aa"})).pupil_ids == [pseudonym("000000001AA")]


@pytest.mark.parametrize(
    "asked",
    [
        {"family_name": "testard", "first_name": "ZOE"},
        {"family_name": "Testard", "first_name": "Zoé Marie"},
        {"full_name": "TESTARD Zoé"},
        {"full_name": "TESTARD\u00a0Zoé"},
    ],
)
def test_names_join_by_exact_folded_match_with_the_class(
    pseudonym: Callable[[str], str], asked: dict[str, str]
) -> None:
    """Case, accents and blanks do not count; the class does."""
    register, _ = register_of(roster(person(), person(ine="000000002AB", family="AUTRE")))
    assert by_name(register, class_name="3 A", **asked) == (pseudonym("000000001AA"), None)
    assert by_name(register, class_name="3 B", **asked)[1] == "class_unknown"


@pytest.mark.parametrize("family", ["TESTAR", "TESTARDE", "TESTARD-DUPONT", "TEST"])
def test_the_closest_name_is_never_taken(family: str) -> None:
    """A name that is nearly one of the class's is nobody's."""
    register, _ = register_of(roster(person()))
    assert by_name(register, family_name=family, first_name="Zoé", class_name="3 A")[1] == "name_unmatched"


def test_homonyms_are_told_apart_by_birth_date_or_not_at_all(pseudonym: Callable[[str], str]) -> None:
    """Bug 13: two of one name in one class are ambiguous, unless the file has a birth date that only one of them has."""
    register, _ = register_of(roster(person(), person(ine="000000003AC", birth="2012-02-29")))
    asked = {"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 A"}
    assert by_name(register, **asked)[1] == "name_ambiguous"
    assert by_name(register, **asked, birth_date=pd.Timestamp("2012-02-29"))[0] == pseudonym("000000003AC")


def test_usage_names_and_first_names_in_part(pseudonym: Callable[[str], str]) -> None:
    """Family or usage name; the first of several first names when one side holds it alone, never when both hold more."""
    rows = [person(usage_name="NOËLÉ", first="Léo Paul"), person(ine="000000002AB", family="X", first="Ana")]
    register, _ = register_of(roster(*rows))
    assert by_name(register, family_name="NOELE", first_name="Léo", class_name="3 A")[0] == pseudonym(
        "000000001AA"
    )
    assert by_name(register, family_name="TESTARD", first_name="Léo Paul", class_name="3 A")[0] == pseudonym(
        "000000001AA"
    )
    assert (
        by_name(register, family_name="TESTARD", first_name="Léo Marie", class_name="3 A")[1]
        == "name_unmatched"
    )
    assert (
        by_name(register, family_name="TESTARD", first_name="Paul", class_name="3 A")[1] == "name_unmatched"
    )


def test_classes_are_known_by_their_year_or_by_an_alias(pseudonym: Callable[[str], str]) -> None:
    """The text "3E A" is the class "3 A" where it can be no other; an alias of the school's own settles the rest."""
    register, _ = register_of(roster(person(), person(ine="000000002AB", family="B", class_name="3 B")))
    asked = {"family_name": "TESTARD", "first_name": "Zoé"}
    assert by_name(register, **asked, class_name="3EME A")[0] == pseudonym("000000001AA")
    assert by_name(register, **asked, class_name="Troisième 1")[1] == "class_unknown"
    aliased, _ = register_of(roster(person()), class_aliases={"Troisième 1": "3 A"})
    assert by_name(aliased, **asked, class_name="troisieme 1")[0] == pseudonym("000000001AA")
    two, _ = register_of(roster(person(), person(ine="000000002AB", family="B", class_name="3E-A")))
    assert by_name(two, **asked, class_name="3ème A")[1] == "class_unknown"


def test_names_of_another_year_or_school_are_not_looked_at() -> None:
    """A file of 2024 is joined to the lists of 2024 of its school, to no other."""
    register, _ = register_of(roster(person(), year=2023))
    asked = {"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 A"}
    assert by_name(register, **asked)[1] == "no_roster"
    other = register.resolve(events(asked, uai="0990002P", year=2023))
    assert other.reasons == {0: "no_roster"}


def test_ids_of_one_export_join_within_their_school(pseudonym: Callable[[str], str]) -> None:
    """ELEVE_ID (id-be of LSU) leads to the pupil of the same school; an id of two pupils leads to nobody."""
    register, _ = register_of(roster(person(eleve_id="9000001")))
    assert register.resolve(events({"eleve_id": "9000001"}, uai="0990001N")).pupil_ids == [
        pseudonym("000000001AA")
    ]
    assert not any(register.resolve(events({"eleve_id": "9000001"}, uai="0990002P")).pupil_ids)
    twice, _ = register_of(
        roster(person(eleve_id="1")), roster(person(ine="000000002AB", eleve_id="1"), year=2023)
    )
    assert not any(twice.resolve(events({"eleve_id": "1"}, uai="0990001N")).pupil_ids)


def test_links_are_kept_only_when_asked_for() -> None:
    """The way back to names exists in memory only where the caller wants it."""
    plain, _ = register_of(roster(person()))
    kept, _ = register_of(roster(person()), keep_links=True)
    assert plain.links().empty
    assert kept.links()[["ine", "family_name"]].to_numpy().tolist() == [["000000001AA", "TESTARD"]]
    assert kept.links()["birth_date"].tolist() == [date(2010, 4, 3)]


@given(st.integers(min_value=1, max_value=99_999), st.integers(min_value=0, max_value=4))
def test_zeros_in_front_of_a_local_number_count_for_nothing(number: int, zeros: int) -> None:
    """00101, 101 and 101.0 of a spreadsheet are one pupil of the school."""
    keys = {local_key("0990001N", text) for text in (str(number), "0" * zeros + str(number), f"{number}.0")}
    assert keys == {f"0990001N-{number}"}


@pytest.mark.parametrize(
    ("name", "key"),
    [("3E A", "3A"), ("3e", "3E"), ("6EME 1", "61"), ("2PRO1", "2PRO1"), ("TLE MELEC", "TMELEC")],
)
def test_the_year_of_a_class_is_folded_only_where_more_follows(name: str, key: str) -> None:
    """The text "3E" alone is a class; "3E A" is the class A of the third."""
    assert class_key(name) == key


def test_a_pupil_who_changed_class_is_found_by_a_name_that_the_school_has_once(
    pseudonym: Callable[[str], str],
) -> None:
    """A row of another class than the list's is the pupil's whose name is the only one of its kind in the school, and is told."""
    others = [
        person(ine="000000002AB", family="B", class_name="3 A"),
        person(ine="000000003AC", family="B", first="Zoé", class_name="3 C"),
    ]
    register, _ = register_of(roster(person(class_name="3 B"), *others))
    answer = register.resolve(events({"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 A"}))
    assert (answer.pupil_ids, answer.elsewhere) == ([pseudonym("000000001AA")], [0])
    own = register.resolve(events({"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 B"}))
    assert own.elsewhere == []


@pytest.mark.parametrize("homonym", ["Zoé", "Zoé Marie"])
def test_two_of_a_name_in_other_classes_are_both_in_doubt(
    pseudonym: Callable[[str], str], homonym: str
) -> None:
    """Where the school has the name twice, in full or by its first first name, the row is nobody's and neither pupil is vouched for."""
    rows = [
        person(class_name="3 B"),
        person(ine="000000003AC", first=homonym, class_name="3 C"),
        person(ine="000000002AB", family="B"),
    ]
    register, _ = register_of(roster(*rows))
    answer = register.resolve(events({"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 A"}))
    assert answer.reasons == {0: "other_class"}
    assert answer.doubtful == {pseudonym("000000001AA"), pseudonym("000000003AC")}


def test_who_may_be_of_a_class_that_is_no_more_is_in_doubt(pseudonym: Callable[[str], str]) -> None:
    """A row of a class that the list has not is taken for nobody's; the pupil of that name is not vouched for."""
    register, _ = register_of(roster(person(class_name="3 B")))
    answer = register.resolve(events({"family_name": "TESTARD", "first_name": "Zoé", "class_name": "3 Z"}))
    assert answer.reasons == {0: "class_unknown"}
    assert answer.doubtful == {pseudonym("000000001AA")}


def test_a_pupil_of_two_divisions_is_found_in_both(pseudonym: Callable[[str], str]) -> None:
    """Each division that the list gives a pupil tells him from a homonym of another one."""
    listed = roster(person(class_name="3 A"), person(ine="000000003AC", class_name="3 C"))
    listed.other_classes = {0: ("3 B",)}
    register, _ = register_of(listed)
    for name, number in (("3 A", "000000001AA"), ("3 B", "000000001AA"), ("3 C", "000000003AC")):
        asked = {"family_name": "TESTARD", "first_name": "Zoé", "class_name": name}
        assert by_name(register, **asked) == (pseudonym(number), None)


BIRTHS = st.sampled_from(["2010-04-03", "2009-01-01", None])


@given(births=st.tuples(BIRTHS, BIRTHS), order=st.permutations([0, 1, 2]))
def test_a_number_given_again_the_next_year_joins_nobody(
    births: tuple[str | None, str | None], order: list[int]
) -> None:
    """Two national numbers under one number of a school are two pupils, whatever their birth dates and the order of the files."""
    first = person(birth=births[0], elenoet="101")
    second = person(ine="000000005AE", family="MOREAU", first="Quetzal", birth=births[1], elenoet="101")
    extracts = [
        roster(first, year=2023),
        roster(second, year=2024),
        roster(first | {"elenoet": "7"}, uai="0990002P", year=2024),
    ]
    register, answers = register_of(*(extracts[at] for at in order))
    ids = {at: answer.pupil_ids[0] for at, answer in zip(order, answers, strict=True)}
    assert ids[0] == ids[2] != ids[1]
    assert None not in ids.values()
    # A row that has the school's number alone is the pupil's who had it in that year.
    for year, at in ((2023, 0), (2024, 1)):
        row = events({"elenoet": "101"}, uai="0990001N", year=year)
        assert register.resolve(row).pupil_ids == [ids[at]]
    of_no_year = events({"elenoet": "101"}, uai="0990001N")
    of_no_year.school_year = None
    told = register.resolve(of_no_year)
    assert (told.reasons, told.doubtful) == ({0: "number_of_two"}, {ids[0], ids[1]})


def test_numbers_of_one_pupil_join_where_a_file_or_a_year_of_the_school_says_so(
    pseudonym: Callable[[str], str],
) -> None:
    """A file that carries both joins two national numbers across years; within a year number, name and birth date of the school do."""
    _, carried = register_of(
        roster(person(ine="0000000001B", elenoet="101"), year=2023),
        roster(person(other_ine="0000000001B", elenoet="7"), year=2024),
    )
    assert [answer.pupil_ids for answer in carried] == [[pseudonym("000000001AA")]] * 2
    _, of_one_year = register_of(
        roster(person(ine="0000000001B", elenoet="101")), roster(person(elenoet="101"))
    )
    assert [answer.pupil_ids for answer in of_one_year] == [[pseudonym("000000001AA")]] * 2


def test_a_pupil_without_a_number_is_not_the_one_who_had_it_before(pseudonym: Callable[[str], str]) -> None:
    """A newcomer without INE who gets the number of a pupil of last year goes by it alone."""
    last = roster(person(elenoet="101"), year=2023)
    new = roster(person(ine=None, family="MOREAU", first="Quetzal", elenoet="101"), year=2024)
    _, (_, answer) = register_of(last, new)
    assert answer.pupil_ids == [pseudonym("0990001N-101")]
    assert answer.local == [0]
