"""Laws of the pages: what was not sent is drawn and counted as that, never as presence; who was lost stands where he is sought."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.made_up_school import FIRST, SECOND, MadeUpSchool

from decrochage_risk.report import count_territory
from decrochage_risk.report.facts import NOT_SENT, PRESENT, PupilFacts
from decrochage_risk.report.school_pages import class_page, school_page
from decrochage_risk.report.situations import School, schools_of

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

AS_OF = "2025-03-20"
STOPPED = "2025-01-10"
"""Day of the last row of the school that stopped."""


@pytest.fixture(scope="module")
def stopped() -> RiskScores:
    """Score two schools of one network, of which one stopped sending its absences in January."""
    school = MadeUpSchool()
    school.crowd(30, network="R1")
    school.crowd(30, school=SECOND, until=STOPPED, network="R1")
    school.add("returned", year=2023, school=SECOND, end="2024-07-05", network="R1")
    for number in range(6):
        school.add(f"gone-{number}", year=2023, end="2024-07-05", network="R1")
    return school.scores(AS_OF)


def pages(scores: RiskScores) -> dict[str, School]:
    return {school.school_id: school for school in schools_of(scores, despite_verdict=True)}


def test_months_after_a_school_stopped_are_nobodys_zero(stopped: RiskScores) -> None:
    """The base of a month holds nobody whose school had stopped sending by its end; the school is named as lacking data."""
    territory = count_territory(stopped, despite_verdict=True)
    bases = {
        key[4]: int(share.base[-1])
        for key, share in territory.shares.items()
        if key[:4] == ("month", "4", "pro", "now")
    }
    assert [bases[f"2024-{month}-01"] for month in ("10", "11", "12")] == [60, 60, 60]
    assert [bases[f"2025-{month}-01"] for month in ("01", "02", "03")] == [30, 30, 30]
    assert [(one.school_id, one.table) for one in territory.missing] == [(SECOND, "absences")]


def test_who_did_not_come_back_counts_where_he_was(stopped: RiskScores) -> None:
    """Departures of a network are those of its schools' pages, the pupils of last year who did not return among them."""
    territory = count_territory(stopped, despite_verdict=True)
    share = territory.shares["situation", "departure", "ensemble"]
    of_pages = sum("departure" in one.ways for school in pages(stopped).values() for one in school.situations)
    assert share.count.tolist() == [of_pages, of_pages]
    assert of_pages == int(stopped.frame["departure_listed"].sum()) == 7


def test_days_after_a_school_stopped_are_not_drawn_as_presence(stopped: RiskScores) -> None:
    """Every half-day after the last day that was sent is drawn as not sent, and its months have no count."""
    facts = PupilFacts(stopped.known, stopped.records, stopped.silence)
    frame = stopped.frame
    row = int((frame["school_id"] == SECOND).to_numpy().nonzero()[0][0])
    presence = facts.presence(row)
    assert presence is not None
    last = max(
        absence["date"].date().isoformat()
        for absence in stopped.records.absences.to_dict("records")
        if absence["pupil_id"].startswith(f"{SECOND[-2:]}-")
    )
    for one in presence.days:
        assert (set(one.half_days) <= {NOT_SENT}) == (one.day.isoformat() > last), one
    assert PRESENT in "".join(one.half_days for one in presence.days)
    assert [month.is_whole for month in presence.months] == [True] * 4 + [False] * 3
    assert all(month.unjustified is None for month in presence.months[-2:])


def test_who_has_no_estimate_is_not_said_to_have_nothing_in_the_records(stopped: RiskScores) -> None:
    """On a class page "rien dans les relevés" is said of pupils with an estimate alone; the others are named apart."""
    school = pages(stopped)[SECOND]
    (group,) = school.classes
    assert group.others == []
    here = [one for one in group.situations if "departure" not in one.ways]
    assert len(group.without_estimate) + len(here) == group.unscored == 30
    text = class_page(school, group, stopped.run, pupils={})
    assert "Rien dans les relevés" not in text
    assert "Sans estimation" in text


def test_an_enrolment_that_was_set_aside_is_no_departure() -> None:
    """A pupil whose enrolment of this year could not be kept has not left: no list says so, and the class page names him."""
    school = MadeUpSchool()
    school.crowd(12)
    school.add("typed", level="3e", year=2023, end="2024-07-05")
    school.add("typed", level="2de pro bac")
    school.marked("typed", "2024-09-05", "2025-03-01")
    scores = school.scores(AS_OF, on_fault="quarantine")
    pupil = scores["typed"]
    assert pupil.departure is None
    assert pupil.ways == ()
    assert pupil.measures == ()
    assert pupil.cause is not None
    assert "mises de côté" in pupil.cause
    first = pages(scores)[FIRST]
    assert [name for group in first.classes for name in group.to_correct] == ["typed"]
    page = re.sub(r"<[^>]+>", "", school_page(first, scores.run, classes={}))
    assert "1 élève en plus, dont l’inscription de cette année" in page.replace("\xa0", " ")
