from __future__ import annotations

import html
import json
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from tests.made_up_school import SECOND, MadeUpSchool

from decrochage_risk.errors import RecordsError
from decrochage_risk.features import CATALOGUE
from decrochage_risk.french import forbidden_in
from decrochage_risk.notices import Notice, notice
from decrochage_risk.notices.building import _method_words
from decrochage_risk.pages import french_spaces
from decrochage_risk.policy import capacity_list, load_policy
from decrochage_risk.score.run_facts import NOT_IN_FORCE
from decrochage_risk.score.scoring import NOT_ENROLLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.score import PupilRisk, RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="module")
def flagged(small_scores: RiskScores) -> PupilRisk:
    """Choose a flagged pupil with a measure that a fact opened."""
    return next(
        pupil for pupil in small_scores if pupil.flagged and any(measure.facts for measure in pupil.measures)
    )


def _plain(text: str) -> str:
    """Give a page with ordinary spaces and apostrophes, as one searches it."""
    return text.replace("\u202f", " ").replace("\xa0", " ").replace("’", "'").replace("&#39;", "'")


def test_the_four_points_of_the_law_are_answered(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """Degree and mode, data and sources, parameters and weights, operations: each has its part, in both pages."""
    made = notice(small_scores, flagged.pupil_id)
    parts = (
        "1. Part de l'estimation", "Mode :", "Degré :", "2. Données utilisées", "3. Paramètres et pondération",
        "4. Opérations effectuées",
    )  # fmt: skip
    for page in map(_plain, (made.to_markdown(), made.to_html())):
        places = [page.index(part) for part in ("R311-3-1-2", *parts)]
        assert places == sorted(places)
        assert "contester" in page
        assert "Aucune décision automatique" in page
        assert "CADA" in page
        assert flagged.model.sha256 in page
        assert flagged.policy_version in page
        assert small_scores.run.calendar_version in page
        assert flagged.model.id in page


# A family is told from 0.10 log-odds on: at most 2.5 points, where the logistic curve is steepest.
_POINTS_OF_FLOOR = 2.5


@pytest.mark.whole
def test_the_weights_are_those_of_the_risk(small_scores: RiskScores) -> None:
    """Of every scored pupil the points of the families sum to the difference from the reference pupil."""
    scored = [pupil for pupil in small_scores if pupil.risk is not None][:150]
    for pupil in scored:
        made = notice(small_scores, pupil)
        assert pupil.risk is not None
        assert pupil.reference_risk is not None
        total = sum(weight.points for weight in made.weights)
        assert total == pytest.approx(100 * (pupil.risk - pupil.reference_risk), abs=1e-6)
        by_family = {weight.family: weight.points for weight in made.weights}
        for reason in (*pupil.reasons, *pupil.protective):
            told = [
                other.points for other in (*pupil.reasons, *pupil.protective) if other.family == reason.family
            ]
            # Additive to 1e-6 log-odds; a single fact of support may stand alone where its whole family is too small to be told.
            is_whole = by_family[reason.family] == pytest.approx(sum(told), abs=1e-4)
            assert is_whole or (reason.points < 0 and by_family[reason.family] > -_POINTS_OF_FLOOR)


def test_every_known_value_is_told_and_every_missing_one_counted(
    small_scores: RiskScores, flagged: PupilRisk
) -> None:
    """Facts and missing values of the families add up to the catalogue; the weights show what was read."""
    made = notice(small_scores, flagged)
    told, missing = (
        sum(len(weight.facts) + len(weight.light) for weight in made.weights),
        sum(weight.missing for weight in made.weights),
    )
    assert told + missing == len(CATALOGUE)
    assert missing == len(flagged.data.missing)
    assert list(made.missing) == [] or sum(map(int, re.findall(r"\((\d+) sur", made.missing[0]))) == missing
    weights = small_scores.feature_weights(flagged.pupil_id)
    facts = small_scores.facts(flagged.pupil_id)
    a_point = sum(abs(weight.points) for weight in made.weights) / sum(
        abs(weight.log_odds) for weight in made.weights
    )
    for name, fact in facts.items():
        assert fact in made.to_json()
        if abs(weights.get(name, 0.0)) * a_point > 0.5001:
            assert fact in made.to_markdown()
    assert sum(weights.values()) == pytest.approx(sum(weight.log_odds for weight in made.weights), abs=1e-9)


def test_what_opened_a_measure_is_told(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """A measure is listed with the dated fact that opened it, and nothing is decided."""
    page = notice(small_scores, flagged).to_markdown()
    for measure in flagged.measures:
        assert measure.label in page
        assert all(fact.text and fact.text in page for fact in measure.facts)
    assert re.search(r"\d+ demi-journées non justifiées en \w+ 20\d\d", page)


def test_a_pupil_without_a_score_has_a_notice_that_says_why(small_scores: RiskScores) -> None:
    """Each cause of abstention is answered: no weights, the cause in words, and how to contest all the same."""
    causes = {pupil.cause: pupil for pupil in small_scores if pupil.risk is None}
    assert causes
    for cause, pupil in causes.items():
        made = notice(small_scores, pupil.pupil_id)
        assert (made.estimated, made.weights, made.risk) == (False, (), None)
        assert cause is not None
        for page in map(_plain, (made.to_markdown(), made.to_html())):
            assert cause in page
            assert "il n'y a pas d'estimation" in page
            assert "contester" in page


def test_a_notice_of_an_objector_says_nothing_of_the_rows(
    small_cohort: Cohort, flagged: PupilRisk, score: Callable[..., RiskScores]
) -> None:
    """No value, weight, measure, class, level, day of data or table of a pupil whose processing was objected to is told."""
    scores = score(small_cohort.records, exclude=[flagged.pupil_id])
    made = notice(scores, flagged.pupil_id)
    assert (made.cause, made.has_objected) == ("traitement refusé", True)
    assert made.weights == made.measures == made.sources == made.on_lists == ()
    assert (made.level, made.school_id, made.class_id, made.is_adult, made.mention) == (None,) * 5
    assert (made.days_of_data, made.set_aside) == (0, 0)
    assert scores.facts(flagged.pupil_id) == {}
    row = scores.frame.set_index("pupil_id").loc[flagged.pupil_id]
    for page in map(_plain, (made.to_markdown(), made.to_html())):
        assert "aucune donnée de l'élève n'a servi" in page
        assert "Le suivi des absences, que la loi impose à l'établissement, continue" in page
        assert not re.search(r"jours? d'inscription|lignes? fautives?|Lecture et vérification", page)
        assert row["school_id"] not in page
        assert row["class_id"] not in page


def test_the_notice_of_who_objected_does_not_hang_on_the_records(
    small_cohort: Cohort, flagged: PupilRisk, score: Callable[..., RiskScores]
) -> None:
    """Another pupil's rows in their place give the same notice of an objector but for the id."""
    other = next(
        pupil for pupil in small_cohort.tables["pupils"]["pupil_id"].tolist() if pupil != flagged.pupil_id
    )
    scores = score(small_cohort.records, exclude=[flagged.pupil_id, other], explain="none")
    one, two = (notice(scores, pupil).to_markdown() for pupil in (flagged.pupil_id, other))
    assert one.replace(flagged.pupil_id, other) == two


def test_what_only_the_controller_knows_is_filled_or_said_to_be_missing(
    small_scores: RiskScores, flagged: PupilRisk
) -> None:
    """Articles 13 and 14 of the RGPD: each of the five items is told, or named as still to fill; an unknown one is refused."""
    facts = {"controller": "Rectorat", "dpo": "dpo@exemple.fr", "legal_basis": "mission publique"}
    made = notice(small_scores, flagged, processing=facts)
    for page in map(_plain, (made.to_markdown(), made.to_html())):
        assert (
            "Responsable du traitement : Rectorat ; délégué à la protection des données : dpo@exemple.fr"
            in page
        )
        assert (
            "À compléter par l'établissement (RGPD, art. 13 et 14) : destinataires et durée de conservation"
            in page
        )
    whole = notice(small_scores, flagged, processing=facts | {"recipients": "équipe", "retention": "un an"})
    assert "À compléter" not in whole.to_markdown()
    assert notice(small_scores, flagged, processing=whole.processing) == whole
    with pytest.raises(
        RecordsError, match=r"processing\['dpo'\]=''; processing names 'cnil', which is none of controller"
    ):
        notice(small_scores, flagged, processing={"dpo": "", "cnil": "x"})


def test_the_law_on_artificial_intelligence_is_declared_and_not_said_to_be_in_force(
    small_scores: RiskScores, flagged: PupilRisk
) -> None:
    """Annex III, point 3, b and c; articles 26(11) and 86; 2 December 2027, and 2 August 2030 for what is in use by then."""
    for page in map(
        _plain, (notice(small_scores, flagged).to_markdown(), notice(small_scores, flagged).to_html())
    ):
        # The page names the regulation a first time where the law begins, which is what paper has room for.
        law = page.rpartition("2024/1689")[2][:500]
        for fact in ("annexe III, point 3, b et c", "26(11)", "art. 86", "2 décembre 2027", "2 août 2030"):
            assert fact in law
        assert "s'imposeront" in law


def test_the_mention_is_ready_to_be_pasted(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """R311-3-1-1: the purpose, the right to the rules and main features, how to ask, and the CADA; none without an estimate."""
    made = notice(small_scores, flagged, contact="le proviseur")
    assert made.mention is not None
    for part in (
        "traitement algorithmique", "repérer à temps", "communication des règles", "principales caractéristiques",
        "Interlocuteur : le proviseur.", "CADA", "L311-3-1", "R311-3-1-1",
    ):  # fmt: skip
        assert part in made.mention
    assert made.mention in made.to_markdown()
    assert all(notice(small_scores, pupil).mention is None for pupil in small_scores if pupil.risk is None)


@pytest.mark.whole
def test_who_is_of_age_reads_a_notice_of_their_own(small_scores: RiskScores) -> None:
    """From 18 on the notice is for the pupil, before for the pupil and the family; the age itself is not told."""
    ages = small_scores.frame.set_index("pupil_id")["age_years"]
    seen = set()
    for pupil in small_scores:
        if pupil.risk is None or not pupil.explained:
            continue
        made = notice(small_scores, pupil)
        age = ages[pupil.pupil_id]
        assert made.is_adult == (None if math.isnan(age) else age >= 18)
        readers = "pour l'élève, répond" if made.is_adult else "pour l'élève et sa famille, répond"
        assert readers in made.to_markdown()
        seen.add(made.is_adult)
    assert {True, False} <= seen


def test_who_has_left_reads_of_now_and_of_the_list(small_scores: RiskScores) -> None:
    """A leaver's measures are for now, none for "if the pupil left"; the list and its fact are told, as is the legal one."""
    gone = [pupil for pupil in small_scores if "departure" in pupil.ways][:10]
    legal = [pupil for pupil in small_scores if pupil.ways == ("legal",)][:5]
    assert gone
    assert legal
    for pupil in [*gone, *legal]:
        made = notice(small_scores, pupil)
        fact = pupil.departure if pupil in gone else pupil.legal
        assert fact is not None
        for page in map(_plain, (made.to_markdown(), made.to_html())):
            assert fact.text in page
            assert ("sortie à vérifier" in page) == (pupil in gone)
            if pupil in gone:
                assert "Si l'élève quittait" not in page
                assert all(f"{measure.label}." in page for measure in pupil.measures)


def test_a_list_by_places_is_never_denied(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """The thresholds compare nobody; a list by number of places does, and the notice says so and whether the pupil is on it."""
    sizes = small_scores.frame.loc[small_scores.frame["enrolled"], "school_id"].value_counts()
    places = capacity_list(small_scores, dict.fromkeys(sizes.index, 1))
    told = set()
    for pupil in [pupil for pupil in small_scores if pupil.flagged][:20]:
        made = notice(small_scores, pupil, capacity=places)
        is_listed = pupil.pupil_id in set(places.pupils["pupil_id"])
        sentence = (
            f"qui compare les estimations entre elles : l'élève {'y est' if is_listed else 'en est absent'}"
        )
        assert sentence in made.to_markdown()
        told.add(is_listed)
    assert told == {True, False}
    alone = notice(small_scores, flagged).to_markdown()
    assert "aucun classement" not in alone
    assert "si l'établissement en fait une, compare en plus les estimations" in alone


def test_the_verdict_of_the_card_is_told_first(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """Where the card says not to issue a list, both pages say so before anything else; otherwise neither does."""
    made = notice(small_scores, flagged)
    assert bool(made.verdict) == small_scores.run.is_blocked
    blocked = made.model_copy(update={"verdict": "Ne pas émettre de liste."})
    for page in map(_plain, (blocked.to_markdown(), blocked.to_html())):
        assert "Avis de la fiche du modèle : Ne pas émettre de liste." in page.partition("R311-3-1-2")[0]
    plain = made.model_copy(update={"verdict": ""})
    assert "Avis de la fiche" not in plain.to_markdown() + plain.to_html()


def test_the_same_result_gives_the_same_bytes(
    small_scores: RiskScores, small_cohort: Cohort, flagged: PupilRisk, score: Callable[..., RiskScores]
) -> None:
    """Asked again, of another run of the same records, or with only this pupil explained: not a byte differs."""
    again = score(small_cohort.records, explain=[flagged.pupil_id])
    for form in (Notice.to_markdown, Notice.to_html, Notice.to_json):
        assert form(notice(again, flagged.pupil_id)) == form(notice(small_scores, flagged))


def test_json_reads_back(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """The JSON form is the notice itself, and never calls itself a decision."""
    made = notice(small_scores, flagged)
    assert Notice.model_validate_json(made.to_json()) == made
    assert json.loads(made.to_json())["automated_decision"] is False


def test_what_concerns_a_pupil_who_leaves_stands_apart(small_scores: RiskScores) -> None:
    """A measure for one who has left, or failed, is never among those that may be proposed now; nor lost."""
    seen = 0
    for pupil in small_scores:
        if not any(measure.after_leaving for measure in pupil.measures) or not pupil.explained:
            continue
        seen += 1
        for page in (notice(small_scores, pupil).to_markdown(), notice(small_scores, pupil).to_html()):
            now, _, later = _plain(page).partition("Si l'élève quittait l'établissement")
            for measure in pupil.measures:
                own, other = (later, now) if measure.after_leaving else (now, later)
                assert f"{measure.label}." in own
                assert f"{measure.label}." not in other
    assert seen > 3


def test_the_reasons_are_told_before_the_table(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """A family reads first what weighs most, word for word as the school does, then everything."""
    page = notice(small_scores, flagged).to_markdown()
    before, _, _ = page.partition("## 2. Données utilisées")
    assert flagged.reasons
    assert all(reason.text in before for reason in (*flagged.reasons, *flagged.protective))


def test_a_page_begins_with_the_help_and_ends_with_the_law(
    small_scores: RiskScores, flagged: PupilRisk
) -> None:
    """What may be proposed, what goes well and what was seen stand on the first page, before any article."""
    help_first, _, law = _plain(notice(small_scores, flagged).to_html()).partition("Ce que dit la loi")
    assert flagged.reasons
    for measure in flagged.measures:
        assert f"{measure.label}." in help_first
    for reason in (*flagged.reasons, *(flagged.protective or ())):
        fact = _plain(reason.text.partition(" ; élève type")[0])
        assert fact[1:] in help_first
    assert "R311-3-1-2" not in help_first
    assert "RGPD, art. 22" in law


def test_every_value_is_on_the_page_folded_or_not(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """Article R311-3-1-2 asks for all parameters: a value that weighs little is folded, never absent."""
    page = html.unescape(notice(small_scores, flagged).to_html())
    for fact in small_scores.facts(flagged.pupil_id).values():
        assert french_spaces(fact) in page


def test_the_operations_name_the_method_of_the_model(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """Trees are called trees and a logistic regression by its name, each with how many are averaged."""
    made = notice(small_scores, flagged)
    kind, members = small_scores.method
    assert kind == "trees"
    told = f"la moyenne de {members} ensembles d'arbres" if members > 1 else "un ensemble d'arbres"
    assert told in made.operations[2]
    assert _method_words("logistic", 5).startswith("la moyenne de 5 régressions logistiques, apprises")
    assert _method_words("logistic", 1).startswith("une régression logistique, apprise ")


@pytest.mark.whole
def test_notices_are_plain_and_short(small_scores: RiskScores) -> None:
    """No label, no cause, no mark of the template, no capital after a colon, and no more than fits on one sheet of A4, both sides.

    The longest of 24 drawn, of 9,700 signs in Markdown, filled 1.7 sides; the mention of the decision and the items of articles 13 and
    14 came since, and the pages are measured in a browser (`tests/pages`).
    """
    for pupil in small_scores:
        page = notice(small_scores, pupil).to_markdown()
        assert forbidden_in(page) == []
        assert not re.search(r"\{\{|\{%|None|\bnan\b|\n\n\n", page), page
        assert not re.search(r" : [A-ZÀ-Ý][a-zà-ÿ]", re.sub(r" : Modèle", "", page)), page
        assert len(page) < 12_000


def test_a_demonstration_model_says_that_it_is_one(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """Whoever reads a notice of the demonstration model reads that it describes nobody."""
    for page in (notice(small_scores, flagged).to_markdown(), notice(small_scores, flagged).to_html()):
        assert "Modèle de démonstration" in page


def test_odd_ids_stay_text(odd: tuple[RiskScores, str]) -> None:
    """An id that looks like HTML or Markdown is shown as it is and does nothing; so is what the caller gives."""
    scores, pupil = odd
    made = notice(scores, pupil, contact="<b>cpe</b> | *ici*", sources={"grades": "<i>export</i>"})
    page = made.to_html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert r"\<script\>" in made.to_markdown()
    assert r"\<b\>cpe\</b\> \| \*ici\*" in made.to_markdown()
    plain = notice(scores, pupil, contact="tle_pro-1 _ici_ __la__").to_markdown()
    assert r"tle_pro-1 \_ici\_ \_\_la\_\_" in plain


@pytest.fixture(scope="module")
def odd(small_cohort: Cohort, flagged: PupilRisk, score: Callable[..., RiskScores]) -> tuple[RiskScores, str]:
    """Score a flagged pupil alone, under an id that a browser would read as a script."""
    from decrochage_risk.records import PupilRecords  # noqa: PLC0415 - only here

    name = "<script>alert(1)</script>"
    tables: dict[str, Any] = {}
    for table in ("pupils", "enrolments", "absences", "grades", "orientation"):
        rows = small_cohort.tables[table]
        tables[table] = (
            rows[rows["pupil_id"] == flagged.pupil_id].assign(pupil_id=name).reset_index(drop=True)
        )
    return score(PupilRecords(**tables), explain="all"), name


def test_sources_are_those_of_the_school(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """A source that the school names stands beside its table; each table stands once."""
    made = notice(small_scores, flagged, sources={"absences": "export du 4 mars 2025"})
    assert [source.source for source in made.sources if source.table == "absences"] == [
        "export du 4 mars 2025"
    ]
    assert len({source.table for source in made.sources}) == len(made.sources)


def test_a_notice_without_weights_is_refused(
    small_cohort: Cohort, flagged: PupilRisk, score: Callable[..., RiskScores]
) -> None:
    """A scored pupil who was not explained, an unknown one, a result of another run or an unknown source: all refused."""
    scores = score(small_cohort.records, explain="none")
    with pytest.raises(RecordsError, match=r"no weights are known.*\n.*\n.*explain="):
        notice(scores, flagged.pupil_id)
    with pytest.raises(RecordsError, match="No pupil 'nobody'"):
        notice(scores, "nobody")
    with pytest.raises(RecordsError, match=r"not of this run; .*sources names the tables 'bulletins'"):
        notice(scores, flagged, sources={"bulletins": "?"})


def test_a_refusal_says_what_to_do_about_its_own_fault(small_scores: RiskScores, flagged: PupilRisk) -> None:
    """An unknown table is no matter of the explanation: the hint is about the table."""
    with pytest.raises(RecordsError, match="Hint: Name a table") as refused:
        notice(small_scores, flagged.pupil_id, sources={"bulletins": "?"})
    assert "explain=" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "came"),
    [
        ({"contact": " ", "sources": {"absences": ""}}, "contact=' '; sources['absences']=''"),
        ({"contact": None, "sources": {"absences": 5}}, "contact=None; sources['absences']=5"),
        ({"sources": ["absences"]}, "sources is a list"),
        ({"pupil": ["a"]}, "pupil is a list"),
        ({"scores": 5, "pupil": 3}, "scores is a int; pupil is a int"),
    ],
)
def test_texts_that_say_nothing_and_other_objects_are_refused(
    small_scores: RiskScores, flagged: PupilRisk, arguments: dict[str, Any], came: str
) -> None:
    """A notice never names an empty contact or source; what is no score, pupil or text is told, all at once."""
    given = {"scores": small_scores, "pupil": flagged.pupil_id} | arguments
    with pytest.raises(RecordsError, match="Hint:") as refused:
        notice(**given)
    assert came in str(refused.value)


@pytest.mark.whole
def test_who_is_not_enrolled_is_not_said_to_be_in_a_class(small_scores: RiskScores) -> None:
    """The class and school of a pupil without an open enrolment are those of the last one known, and said so."""
    for pupil in small_scores:
        made = notice(small_scores, pupil)
        assert made.enrolled == (pupil.cause != NOT_ENROLLED)  # nobody of this run objected
        if pupil.risk is None or pupil.flagged:
            for page in (made.to_markdown(), made.to_html()):
                assert ("dernière inscription connue" in page) == (not made.enrolled)


def test_thresholds_that_were_not_in_force_are_told(
    small_cohort: Cohort, score: Callable[..., RiskScores], flagged: PupilRisk
) -> None:
    """The rule that was applied is given with the fact that it was not in force on that day."""
    ended = load_policy().model_copy(
        update={"table": load_policy().table.model_copy(update={"valid_to": date(2024, 12, 31)})}
    )
    scores = score(small_cohort.records, policy=ended)
    assert any(NOT_IN_FORCE in line for line in notice(scores, flagged.pupil_id).contribution)


def test_a_zero_that_denies_nothing_is_told_as_counted() -> None:
    """Of a row that was set aside, and of weeks without a day to attend, a notice never says "aucune" alone."""
    school = MadeUpSchool()
    school.crowd(12)
    school.add("typed")
    school.marked("typed", "2024-09-10", "2025-03-01", mean=6.0)
    school.absent("typed", "2024-09-10", "2024-10-01", justified=True)
    school.absent("typed", "2025-02-25", half_days=7)
    school.add("placed")
    school.marked("placed", "2024-09-10", "2024-11-28")
    school.away("placed", "2024-12-02", "2025-03-04", kind="placement")
    scores = school.scores("2025-03-05", on_fault="quarantine")
    for pupil, why in (
        ("typed", "(compté 0 : des lignes sont mises de côté)"),
        ("placed", "(compté 0 : il n'y avait rien à compter)"),
    ):
        facts = scores.facts(pupil)
        assert facts["unjustified_half_days_4w"].endswith(why)
        page = _plain(notice(scores, pupil).to_html())
        for match in re.finditer("aucune demi-journée non justifiée depuis le 5 février", page):
            assert page[match.end() :].startswith(f" {why}")
    # A count of nothing that is one stays as it was.
    assert "compté" not in scores.facts("1N-2de_pro-00")["exclusion_half_days_year"]


def test_comparable_pupils_are_told_with_their_horizon() -> None:
    """With two estimates a notice tells both groups of comparable pupils, each with its horizon, in both forms; with one, one."""
    school = MadeUpSchool()
    school.crowd(12, level="4e")
    school.crowd(12, school=SECOND)
    scores = school.scores("2025-03-05")
    pupil = next(one for one in scores if one.level == "4e" and one.path is not None)
    assert pupil.comparable is not None
    assert pupil.path is not None
    assert pupil.path.comparable is not None
    made = notice(scores, pupil.pupil_id)
    for page in map(_plain, (made.to_markdown(), made.to_html())):
        for horizon, each in (
            ("Sur l'année", pupil.comparable),
            ("sur le parcours (trois années scolaires)", pupil.path.comparable),
        ):
            words = _plain(f"{horizon}, {each.text[0].lower()}{each.text[1:]}")
            assert words in page
    other = next(one for one in scores if one.level == "2de_pro" and one.comparable is not None)
    assert other.comparable is not None
    assert notice(scores, other.pupil_id).comparable == other.comparable.text
