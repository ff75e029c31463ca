"""The law and the administrative texts, fact by fact, as they were read: written here a second time, not copied from the tables.

A measure is held by its code: text and NOR, first and last day in force, ages, levels, who decides, and what was read of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.features import LEGAL_MONTHLY_THRESHOLD, PERSISTENT_MONTHLY_THRESHOLD
from decrochage_risk.policy import load_policy
from decrochage_risk.score.run_facts import AI_ACT, mention_of
from decrochage_risk.small_cells import INSIDE, PUBLISHED
from devices_page import DEVICES, devices_page

if TYPE_CHECKING:
    from decrochage_risk.policy import MeasureRule

ROOT = Path(__file__).resolve().parents[2]
MONTH = "unjustified_half_days_month"
COLLEGE = {"6e", "5e", "4e", "3e", "3e_pm", "6e_segpa", "5e_segpa", "4e_segpa", "3e_segpa"}
LAST_PROFESSIONAL_YEAR = {"tle_pro", "cap2", "cap3"}


@dataclass(frozen=True)
class Law:
    """What is known of a measure's text; ``words`` are in its sentence."""

    text: str
    begins: date
    read: str
    nor: str = ""
    ends: date | None = None
    ages: tuple[int | None, int | None] = (None, None)
    levels: set[str] | None = None
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, float], ...] = ()
    at_departure: bool = False
    for_later: bool = False
    window: tuple[str, str] | None = None


LAWS = {
    "commission_educative": Law(
        "L131-8 et R131-7, I", date(2014, 11, 21), "text", ages=(None, 15), facts=((MONTH, 4),),
        words=("4 demi-journées", "dans le mois", "DSDEN"),
    ),
    "commission_educative_16": Law(
        "2014-159", date(2015, 1, 1), "secondary", "MENE1427925C", ages=(16, None), facts=((MONTH, 4),),
        words=("au-delà de 16 ans",),
    ),
    "personnel_referent": Law(
        "R131-7, II", date(2015, 1, 1), "secondary", "MENE1427925C", facts=((MONTH, 10),),
        words=("10 demi-journées", "personnel référent", "sans nombre"),
    ),
    "perseverance": Law("partie 1", date(2024, 4, 23), "letter", words=("pour tous les élèves",)),
    "gpds": Law("2013-035", date(2013, 4, 4), "secondary", "MENE1306159C", words=("référent décrochage",)),
    "actions_etablissement": Law("partie 2", date(2024, 4, 23), "letter", words=("réseau FoQualE",)),
    "dispositif_relais": Law(
        "19 février 2021", date(2021, 2, 25), "secondary", "MENE2105909C", levels=COLLEGE,
        words=("12 élèves au plus", "accord écrit des parents"),
    ),
    "periode_consolidation": Law(
        "2016-055", date(2016, 3, 31), "secondary", levels={"2de_pro", "cap1"}, window=("09-01", "10-31"),
        words=("proposé par l'équipe", "accord des parents", "vacances de la Toussaint", "DASEN"),
    ),
    "pafi": Law(
        "guide", date(2016, 1, 1), "text", ages=(15, 18), words=("un an au plus", "statut scolaire", "bourse", "GPDS"),
    ),
    "mlds": Law("2013-035", date(2013, 4, 4), "secondary", "MENE1306159C", at_departure=True),
    "temps_de_bilan": Law("partie 3", date(2024, 4, 23), "letter", at_departure=True),
    "tdo": Law(
        "18 juillet 2023", date(2023, 7, 20), "secondary", "MENE2315401C", ages=(15, None), at_departure=True,
        words=("Quatre mois au plus", "reste inscrit", "bourse", "tout élève qui quitte le système éducatif sans qualification"),
    ),
    "droit_maintien": Law(
        "2017-066", date(2017, 4, 12), "title", "MENE1710739C", at_departure=True, words=("démission",),
    ),
    "suivi_commun": Law("partie 3", date(2024, 4, 23), "letter", at_departure=True, for_later=True, words=("datés",)),
    "nouvelle_preparation": Law(
        "D331-42", date(2016, 9, 1), "text", levels={"tle_gt", *LAST_PROFESSIONAL_YEAR}, for_later=True,
        words=("droit", "dans son établissement", "rentrée suivante", "une seule fois"),
    ),
    "obligation_instruction": Law(
        "L131-1", date(2019, 9, 1), "memory", ages=(None, 15), at_departure=True, for_later=True,
    ),
    "obligation_formation": Law(
        "L114-1", date(2020, 9, 1), "secondary", "MENE2027186J", ages=(16, 17), at_departure=True, for_later=True,
        words=("mission locale",),
    ),
    "psad": Law(
        "D313-59", date(2011, 2, 9), "text", "MENE1101811C", ages=(16, None), at_departure=True, for_later=True,
    ),
    "droit_au_retour": Law(
        "L122-2", date(2014, 12, 5), "secondary", "MENE1505327C", ages=(16, 25), at_departure=True, for_later=True,
        words=("25 ans révolus", "15 jours"),
    ),
    "ambition_emploi": Law(
        "18 juillet 2023", date(2023, 7, 29), "text", "MENE2318171A", ends=date(2025, 12, 10),
        levels=LAST_PROFESSIONAL_YEAR, for_later=True, words=("4 mois au plus", "réussi ou non", "statut scolaire"),
    ),
    "avenir_pro_2024": Law(
        "Avenir Pro", date(2024, 9, 1), "secondary", ends=date(2025, 12, 10), levels=LAST_PROFESSIONAL_YEAR,
    ),
    "avenir_pro": Law(
        "28 novembre 2025", date(2025, 12, 11), "text", levels=LAST_PROFESSIONAL_YEAR,
        words=("quatre ateliers", "entretiens volontaires"),
    ),
    "avenir_pro_plus": Law(
        "28 novembre 2025", date(2025, 12, 11), "text", levels=LAST_PROFESSIONAL_YEAR, for_later=True,
        words=("Après l'examen", "4 mois au plus", "statut scolaire"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> dict[str, MeasureRule]:
    return {rule.code: rule for rule in load_policy().measures}


def test_every_measure_has_its_law(rules: dict[str, MeasureRule]) -> None:
    """No law that was checked is missing, and a measure without a checked fact says that its text was not read."""
    assert set(LAWS) <= set(rules)
    assert [code for code, rule in rules.items() if code not in LAWS and rule.reading == "text"] == []


@pytest.mark.parametrize("code", LAWS)
def test_a_measure_is_what_its_text_says(code: str, rules: dict[str, MeasureRule]) -> None:
    """Text, NOR, dates, ages, levels, window, facts and reading status, and the words that carry the rule."""
    law, rule = LAWS[code], rules[code]
    assert law.text in rule.source
    assert (rule.nor, rule.valid_from, rule.valid_to, rule.reading) == (
        law.nor,
        law.begins,
        law.ends,
        law.read,
    )
    assert (rule.min_age, rule.max_age) == law.ages
    assert law.levels is None or set(rule.levels) == law.levels
    assert tuple((fact.feature, fact.at_least) for fact in rule.facts) == law.facts
    assert (rule.departure, rule.after_leaving) == (law.at_departure, law.for_later)
    window = None if rule.window is None else (rule.window.start, rule.window.end)
    assert window == law.window
    for words in law.words:
        assert words in rule.text


def test_avenir_pro_takes_the_place_of_ambition_emploi_without_a_gap() -> None:
    """On the last day of the old arrangements the new ones are not there yet; the day after, the old ones are not any more."""
    old, new = {"ambition_emploi", "avenir_pro_2024"}, {"avenir_pro", "avenir_pro_plus"}

    def codes(day: date) -> set[str]:
        suggested = load_policy().measures_for(level="tle_pro", age_years=18.0, as_of=day, tier=3, facts={})
        return {measure.code for measure in suggested} & (old | new)

    assert codes(date(2025, 12, 10)) == old
    assert codes(date(2025, 12, 11)) == new


@pytest.mark.parametrize("level", ["5e_segpa", "3e", "2de_gt", "tle_pro", "cap3"])
def test_every_pupil_who_leaves_is_offered_the_way_back(level: str) -> None:
    """From 15 on, whatever the level: TDO, MLDS and a moment of review; at 16, obligation of training and PSAD too."""
    left = load_policy().measures_for(
        level=level, age_years=16.5, as_of=date(2026, 3, 2), tier=0, facts={}, departed=True
    )
    codes = {measure.code for measure in left}
    assert {
        "tdo",
        "temps_de_bilan",
        "suivi_commun",
        "obligation_formation",
        "psad",
        "droit_au_retour",
    } <= codes
    assert "obligation_instruction" not in codes


def test_the_thresholds_of_absence_are_four_and_ten() -> None:
    """4 half-days in a month by the law, 10 by the circular; a list of facts and no score."""
    assert (LEGAL_MONTHLY_THRESHOLD, PERSISTENT_MONTHLY_THRESHOLD) == (4, 10)


def test_small_cells_are_five_inside_and_eleven_in_what_is_published() -> None:
    """Cells of 1 to 4 stay hidden inside an academy, of 1 to 10 in what is published; the outline of the AIPD says the same."""
    assert (INSIDE, PUBLISHED) == (5, 11)
    assert "cases de 1 à 4 cachées (de 1 à 10 dans ce qui est publié)" in _page("aipd.md")


@pytest.mark.parametrize(
    "fact",
    [
        "annexe III, point 3, b) et c)", "à déclarer dès maintenant", "2 décembre 2027", "2 août 2030", "2026/1744",
        "6(3)", "26(6)", "26(8)", "26(9)", "26(11), 86", "| 27 |", "| 9, 10, 11, 15 |", "art. 4)", "stade de projet",
        "R131-6", "« ouvert pour la seule année scolaire »", "2012-184", "n'a plus d'effet depuis le RGPD", "livret scolaire (cycle et un an)",
        "`history=True`", "`legal_basis`", "art. 4(5)", "cinq des neuf critères", "L312-1-3", "peine de nullité", "art. 13 et 14",
        "R311-3-1-1", "R311-3-1-2", "pas en direct sur Légifrance",
    ],
)  # fmt: skip
def test_the_outline_of_the_impact_assessment_holds_each_fact(fact: str) -> None:
    """What a controller must decide or declare stands in the outline, with its article."""
    assert fact in _page("aipd.md")


@pytest.mark.parametrize(
    "fact",
    [
        "4 demi-journées non justifiées dans un mois", "L311-3-1 et R311-3-1-2", "RGPD, art. 21", "CADA", "CNIL", "Un élève majeur",
        "Il ne décide de rien", "les absences d'une année passée", "1er novembre",
    ],
)  # fmt: skip
def test_the_page_for_families_holds_each_fact(fact: str) -> None:
    """What is done, what is not, and what may be asked, with the articles."""
    assert fact in _page("familles.md")


def test_the_card_declares_high_risk_and_does_not_present_its_duties_as_in_force() -> None:
    """The card names points b and c of annex III, and the days from which the duties hold."""
    card = (ROOT / "src" / "decrochage_risk" / "evaluate" / "card.md.j2").read_text(encoding="utf-8")
    line = next(line for line in card.splitlines() if "annexe III, point 3" in line)
    for fact in ("b) et c)", "dès maintenant", "s'appliqueront le 2 décembre 2027", "2 août 2030"):
        assert fact in line
    assert "exigés" not in line


def test_the_notice_has_the_law_of_artificial_intelligence_and_the_mention() -> None:
    """Articles 26(11) and 86 with their days; the mention names purpose, right, how to ask, and the CADA within two months."""
    for fact in (
        "annexe III, point 3, b et c",
        "26(11)",
        "86",
        "2 décembre 2027",
        "2 août 2030",
        "s'imposeront",
    ):
        assert fact in AI_ACT
    mention = mention_of("le proviseur")
    for fact in (
        "L311-3-1",
        "R311-3-1-1",
        "le proviseur",
        "dans le mois",
        "CADA",
        "deux mois",
        "ne décide de rien",
    ):
        assert fact in mention


LETTER = (
    "Persévérance scolaire", "entrée en 4e", "Actions spécifiques en établissement", "PAFI", "FoQualE", "MLDS",
    "Temps de bilan", "Tous droits ouverts", "PSAD", "SIEI", "Suivi commun des premiers temps", "Droit au retour", "Obligation de formation",
    "Droit au maintien", "Droit à l'erreur", "diagnostic de territoire", "mission locale", "CFA", "École de la 2e chance", "Afpa",
    "Sortie avérée",
)  # fmt: skip
"""The devices, networks and partners that the rector's letter names."""


@pytest.mark.parametrize("name", LETTER)
def test_each_device_of_the_letter_has_its_row(name: str) -> None:
    """Every device that the letter names is a row of the page, and none is of memory alone but what is marked so."""
    assert any(name in device.name for device in DEVICES)
    assert any(line.startswith("| ") and name in line for line in devices_page().splitlines())


def test_the_page_says_what_was_read_of_each_text(rules: dict[str, MeasureRule]) -> None:
    """Every row ends with what was read; what was not read is said to be of memory."""
    rows = {code: row for row in devices_page().splitlines() for code in re.findall(r"\(`(\w+)`\)", row)}
    assert set(rows) >= set(rules)
    assert rows["obligation_instruction"].endswith("| de mémoire |")
    for code, rule in rules.items():
        assert not rule.nor or rule.nor in rows[code]


def _page(name: str) -> str:
    """Give a page as one line, so that a sentence may go over its end."""
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())
