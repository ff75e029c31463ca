from __future__ import annotations

from decrochage_risk.report.school_pages import school_page
from decrochage_risk.report.situations import Way, schools_of, way_onto_list
from decrochage_risk.score import RiskScores


def test_everybody_enrolled_is_on_a_page_once(small_scores: RiskScores) -> None:
    """Each enrolled pupil stands in one class, on its list or among the others; nobody is lost or counted twice."""
    enrolled = set(small_scores.frame.loc[small_scores.frame["enrolled"], "pupil_id"])
    shown: list[str] = []
    for school in schools_of(small_scores, despite_verdict=True):
        for group in school.classes:
            listed = [one.pupil.pupil_id for one in group.situations if one.left_on is None]
            assert group.pupils == len(listed) + len(group.others)
            shown += [*listed, *group.others]
    assert sorted(shown) == sorted(enrolled)


def test_the_three_ways_are_named_and_never_mixed(small_scores: RiskScores) -> None:
    """A pupil is on a page by the ways of the result, each by itself; all three are met in the cohort."""
    seen = set()
    listed = set()
    for school in schools_of(small_scores, despite_verdict=True):
        for one in school.situations:
            assert one.ways == way_onto_list(one.pupil)
            assert (one.left_on is not None) == (Way.DEPARTURE in one.ways)
            listed.add(one.pupil.pupil_id)
            seen.update(one.ways)
    assert seen == set(Way)
    assert listed == {pupil.pupil_id for pupil in small_scores if pupil.ways}


def test_the_verdict_withholds_the_risk_and_nothing_else(small_scores: RiskScores) -> None:
    """Where the card says not to issue a list, the risk is no way; legal signals and departures stay, nobody is lost."""
    advice = {"fairness_block": "L'équité fait obstacle : ne pas émettre de liste avec ce modèle."}
    run = small_scores.run.model_copy(update={"advice": advice})
    blocked = RiskScores(small_scores._results, run, small_scores._policy, small_scores._model)
    shown = {one.pupil.pupil_id: one.ways for school in schools_of(blocked) for one in school.situations}
    for pupil in small_scores:
        others = tuple(way for way in way_onto_list(pupil) if way is not Way.RISK)
        assert shown.get(pupil.pupil_id, ()) == others
    school = next(school for school in schools_of(blocked) if school.situations)
    page = school_page(school, run, classes={})
    assert "Avis de la fiche du modèle" in page
    assert "ne pas émettre de liste" in page
    assert sum(group.pupils for group in school.classes) == school.pupils


def test_nobody_over_the_legal_threshold_is_without_a_list(small_scores: RiskScores) -> None:
    """Whoever has the signal that the law counts is on a list, flagged or not, whatever the verdict."""
    for despite in (True, False):
        listed = {
            one.pupil.pupil_id
            for school in schools_of(small_scores, despite_verdict=despite)
            for one in school.situations
        }
        over = {pupil.pupil_id for pupil in small_scores if "legal" in pupil.ways}
        assert over
        assert over <= listed


def test_the_order_is_never_that_of_the_risk(small_scores: RiskScores) -> None:
    """A class is in the order of the ways, then of the names; another risk changes nothing."""
    for school in schools_of(small_scores, despite_verdict=True):
        for group in school.classes:
            places = [[list(Way).index(way) for way in one.ways] for one in group.situations]
            assert places == sorted(places)
            for ways in {one.ways for one in group.situations}:
                names = [one.name for one in group.situations if one.ways == ways]
                assert names == sorted(names, key=str.casefold)


def test_the_first_fact_is_of_the_pupil_and_short(small_scores: RiskScores) -> None:
    """The first fact of a flagged pupil begins as the first reason, without what the reference pupil had."""
    for school in schools_of(small_scores, despite_verdict=True):
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
    for school in schools_of(small_scores, names, despite_verdict=True):
        for group in school.classes:
            assert all(one.name == names[one.pupil.pupil_id] for one in group.situations)
            assert all(name.startswith("Nom ") for name in group.others)
            assert group.others == sorted(group.others)
