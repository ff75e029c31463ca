from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk.features import MONTH_FACT
from decrochage_risk.report.situations import Way, schools_of, way_onto_list

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores


def test_everybody_enrolled_is_on_a_page_once(small_scores: RiskScores) -> None:
    """Each enrolled pupil stands in one class, on its list or among the others; nobody is lost or counted twice."""
    enrolled = set(small_scores.frame.loc[small_scores.frame["enrolled"], "pupil_id"])
    shown: list[str] = []
    for school in schools_of(small_scores):
        for group in school.classes:
            listed = [one.pupil.pupil_id for one in group.situations if one.left_on is None]
            assert group.pupils == len(listed) + len(group.others)
            shown += [*listed, *group.others]
    assert sorted(shown) == sorted(enrolled)


def test_the_three_ways_are_named_and_never_mixed(small_scores: RiskScores) -> None:
    """The tier, the legal fact and the departure each put a pupil on a list by themselves, whatever the others say."""
    known = small_scores.known
    ends = (
        known.enrolments.sort_values("start_date")
        .drop_duplicates("pupil_id", keep="last")
        .set_index("pupil_id")
    )
    seen = set()
    for school in schools_of(small_scores):
        for one in school.situations:
            pupil = one.pupil
            assert (Way.RISK in one.ways) == pupil.flagged
            legal = [fact for each in pupil.measures for fact in each.facts if fact.feature == MONTH_FACT]
            assert (Way.LEGAL in one.ways) == any(fact.value >= 4 for fact in legal)
            last = ends.loc[pupil.pupil_id]
            gone = last["school_year"] == known.school_year and last["end_date"] < pd.Timestamp(known.as_of)
            assert (Way.DEPARTURE in one.ways) == gone
            seen.update(one.ways)
    assert seen == set(Way)


def test_nobody_over_the_legal_threshold_is_without_a_list(small_scores: RiskScores) -> None:
    """Whoever has the fact that the law counts is on a list, flagged or not."""
    listed = {one.pupil.pupil_id for school in schools_of(small_scores) for one in school.situations}
    over = {
        pupil.pupil_id
        for pupil in small_scores
        if any(fact.feature == MONTH_FACT for measure in pupil.measures for fact in measure.facts)
    }
    assert over
    assert over <= listed


def test_the_order_is_never_that_of_the_risk(small_scores: RiskScores) -> None:
    """A class is in the order of the ways, then of the names; another risk changes nothing."""
    for school in schools_of(small_scores):
        for group in school.classes:
            places = [[list(Way).index(way) for way in one.ways] for one in group.situations]
            assert places == sorted(places)
            for ways in {one.ways for one in group.situations}:
                names = [one.name for one in group.situations if one.ways == ways]
                assert names == sorted(names, key=str.casefold)


def test_the_first_fact_is_of_the_pupil_and_short(small_scores: RiskScores) -> None:
    """The first fact of a flagged pupil begins as the first reason, without what the reference pupil had."""
    for school in schools_of(small_scores):
        for one in school.situations:
            assert one.fact
            assert "élève type" not in one.fact
            if one.ways[0] is Way.RISK and one.pupil.reasons:
                words = one.pupil.reasons[0].text.split()
                assert one.fact.split()[:3] == words[:3]
                assert len(one.fact) < 140


def test_the_names_of_a_link_table_are_shown(small_scores: RiskScores) -> None:
    """With a link table the school's own names stand in place of the ids, and order the others."""
    ids = small_scores.frame["pupil_id"].tolist()
    names = {pupil: f"Nom {len(ids) - number:04d}" for number, pupil in enumerate(ids)}
    for school in schools_of(small_scores, names):
        for group in school.classes:
            assert all(one.name == names[one.pupil.pupil_id] for one in group.situations)
            assert all(name.startswith("Nom ") for name in group.others)
            assert group.others == sorted(group.others)


def test_a_way_is_decided_in_one_place(small_scores: RiskScores) -> None:
    """A pupil who is not flagged, has no legal fact and did not leave has no way; each of these gives one."""
    quiet = next(
        pupil for pupil in small_scores if pupil.risk is not None and not pupil.flagged and not pupil.measures
    )
    assert way_onto_list(quiet, left=False) == ()
    assert way_onto_list(quiet, left=True) == (Way.DEPARTURE,)
    assert way_onto_list(quiet.model_copy(update={"flagged": True}), left=False) == (Way.RISK,)
