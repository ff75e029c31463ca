"""The model card: every fact in it, the same bytes for the same facts, warnings where they are due."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.errors import ModelError
from decrochage_risk.evaluate.card import (
    CHANGES,
    BaseRate,
    CardFacts,
    LevelThreshold,
    model_card,
    with_changes,
)
from decrochage_risk.evaluate.report import MeasuredRows, build_report
from decrochage_risk.french import forbidden_in, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows


@pytest.fixture
def facts(simulate: Callable[..., Rows]) -> CardFacts:
    """Facts of a model that does not exist, each with a value of its own."""
    case = simulate()
    report = build_report(
        MeasuredRows(case.outcome, case.risk, case.pupils, case.schools, {"school": case.schools}),
        title="Année 2024-2025",
        synthetic=False,
        test_years=[2024],
        as_of=[date(2025, 3, 3)],
    )
    return CardFacts(
        model_id="essai-7",
        package_version="2026.11.0",
        synthetic=False,
        members=4,
        leaves=13,
        features=["absence_rate_4w", "mean_grade_12w"],
        reference_groups="niveau et mois",
        train_years=[2021, 2022],
        as_of=[date(2021, 11, 2), date(2022, 3, 1)],
        levels=["3e", "cap1"],
        rows=12345,
        pupils=6789,
        events=432,
        censored=21,
        outcome_closes=(10, 15),
        base_rates=[BaseRate("ensemble", 12345, 0.035), BaseRate("voie professionnelle", 3000, 0.181)],
        calibration_kind="platt",
        calibration_chosen_on="2023-2024, hors période",
        report=report,
        untouched=True,
        dropped_features=["assigned_wish_rank"],
        warnings=[
            "aucune colonne justified_on : les absences paraissent plus justifiées qu'au moment du calcul"
        ],
        references=["Note interne 12"],
        spread_factor=2.4,
        linear_share=0.35,
    )


def test_every_fact_is_in_the_card(facts: CardFacts) -> None:
    """Each fact appears in the card in its French writing."""
    card = model_card(facts)
    for part in (
        "# Fiche du modèle essai-7",
        "2026.11.0",
        "moyenne de 4 ensembles",
        "13 feuilles",
        "d'une part (35,0\u00a0%) d'une régression logistique",
        "| `absence_rate_4w` | Volume des absences |",
        "| `mean_grade_12w` | Niveau des notes |",
        "| `assigned_wish_rank` | Orientation | écartée",
        "niveau et mois",
        "2021-2022 et 2022-2023",
        "2 novembre 2021 et 1er mars 2022",
        "3e et cap1",
        f"{number(12345)} lignes ({number(6789)} élèves), dont 432 sorties sans diplôme",
        "21 lignes laissées de côté",
        "15 octobre",
        f"| voie professionnelle | {number(3000)} | {percent(0.181, 1)} |",
        "Platt",
        "2023-2024, hors période",
        number(facts.report.figures.auc, 4),
        "aucune colonne justified_on",
        "Note interne 12",
        "multipliée par 2,40",
    ):
        assert part in card


def test_the_report_stands_below_the_results(facts: CardFacts) -> None:
    """The report's headings go two levels down, its tables are the report's own, and the title stays unique."""
    lines = model_card(facts).splitlines()
    assert "### Année 2024-2025" in lines
    assert "#### Modèle et repères" in lines
    assert sum(line.startswith("# ") for line in lines) == 1
    assert {line for line in facts.report.to_markdown().splitlines() if line.startswith("|")} <= set(lines)


@pytest.mark.parametrize(
    "part",
    [
        "Toute décision automatisée",
        "Toute sanction",
        "Tout classement d'établissements, d'équipes ou d'élèves",
        "L311-3-1",
        "RGPD, art. 22",
        "annexe III, point 3",
        "Le sexe, la nationalité",
    ],
)
def test_forbidden_uses_and_law_are_in_every_card(facts: CardFacts, part: str) -> None:
    """No automated decision, no sanction, no ranking, and the texts that say so."""
    assert part in model_card(facts)


def test_a_card_of_synthetic_pupils_opens_with_a_warning(facts: CardFacts) -> None:
    """The warning is there for a demonstration model and only for it."""
    demo = replace(facts, synthetic=True)
    assert "Modèle de démonstration" in model_card(demo)
    assert "Modèle de démonstration" not in model_card(facts)


def test_a_card_without_an_untouched_period_says_so(facts: CardFacts) -> None:
    """Figures that a choice has used are said to be optimistic."""
    assert "optimistes" in model_card(replace(facts, untouched=False))
    assert "optimistes" not in model_card(facts)


def test_optional_facts_leave_no_empty_heading(facts: CardFacts) -> None:
    """Without dropped features and warnings, their lines are not there."""
    card = model_card(replace(facts, dropped_features=(), warnings=(), references=()))
    assert "Variables écartées" not in card
    assert "Avertissements sur les données" not in card
    assert "\n\n\n" not in card
    assert "\n\n\n" not in model_card(facts)


def test_the_same_facts_give_the_same_bytes_and_clean_words(facts: CardFacts) -> None:
    """No clock, no forbidden word, no unfilled place, one line feed at the end."""
    card = model_card(facts)
    assert card == model_card(replace(facts))
    assert forbidden_in(card) == []
    assert "{{" not in card
    assert "None" not in card
    assert card.endswith("\n")
    assert not card.endswith("\n\n")


def test_what_has_changed_takes_the_place_of_nothing_compared(facts: CardFacts) -> None:
    """The section is replaced, every other line stays, and a text without that section is refused."""
    card = model_card(facts)
    changed = with_changes(card, f"{CHANGES}\n\n- Une année de plus\n\n### Chiffres\n\n| a |\n")
    assert "- Une année de plus" in changed
    assert "Aucun modèle précédent" in card
    assert "Aucun modèle précédent" not in changed
    assert set(card.splitlines()) - set(changed.splitlines()) == {
        "Aucun modèle précédent n'a été comparé à celui-ci."
    }
    with pytest.raises(ModelError, match="0 sections"):
        with_changes("# Fiche\n", CHANGES)


def test_workload_and_recall_of_each_level_are_printed(facts: CardFacts) -> None:
    """A level has its threshold, workload and recall with its interval; a hidden one says so and no line is doubled."""
    shown = LevelThreshold(
        level="4e", threshold=0.27, listed_per_100=9.8, recall=0.53, recall_low=0.43, recall_high=0.61
    )
    hidden = LevelThreshold(
        level="3e SEGPA", threshold=0.39, listed_per_100=None, recall=None, recall_low=None, recall_high=None
    )
    card = model_card(replace(facts, level_thresholds=[shown, hidden]))
    space = "\u00a0"
    assert f"| 4e | 27,0{space}% | 9,8 | 53,0{space}% [43,0{space}% - 61,0{space}%] |" in card
    assert f"| 3e SEGPA | 39,0{space}% | masqué | masqué |" in card
    assert "\n\n\n" not in card
    assert "None" not in card
    assert "Seuils par niveau" not in model_card(facts)


@pytest.mark.whole
def test_every_fact_is_read(facts: CardFacts) -> None:
    """Changing any one fact changes the card: none is collected in vain."""
    changed = {
        "model_id": "autre", "package_version": "1", "synthetic": True, "members": 2, "leaves": 7, "features": ["x"],
        "reference_groups": "voie", "train_years": [2019], "as_of": [date(2020, 1, 6)], "levels": ["4e"], "rows": 99999,
        "pupils": 5, "events": 7, "censored": 0, "outcome_closes": (9, 30), "base_rates": [], "calibration_kind": "identity",
        "calibration_chosen_on": "z", "untouched": False, "changes": ["Seuil revu."], "spread_factor": 3.1, "linear_share": 0.5, "kind": "logistic", "dropped_features": [], "warnings": [], "references": [],
        "penalty": 3.0, "unknown_flags": ["absences"], "calibration_groups": ["4e"], "school_spread": 0.4, "horizon_years": 3,
        "level_thresholds": [LevelThreshold(level="4e", threshold=0.27, listed_per_100=9.8, recall=0.53, recall_low=0.43, recall_high=0.61)],
        "report": facts.report.model_copy(update={"title": "Autre"}),
    }  # fmt: skip
    assert set(changed) == {field.name for field in fields(CardFacts)}
    for name, value in changed.items():
        assert model_card(replace(facts, **{name: value})) != model_card(facts), name


def test_facts_that_contradict_each_other_are_all_listed(facts: CardFacts) -> None:
    """An unknown calibration, an impossible day, too many events and a hidden synthetic report: one message."""
    report = facts.report.model_copy(update={"synthetic": True})
    wrong = replace(facts, calibration_kind="isotonic", outcome_closes=(2, 31), events=99999, report=report)
    with pytest.raises(ModelError) as caught:
        model_card(wrong)
    for part in (
        "calibration 'isotonic'",
        "outcome_closes (2, 31)",
        "99999 events",
        "a report on synthetic pupils",
        "Expected: calibration among identity, intercept, platt",
        "Hint: Take every fact from the trained model",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["rows", "pupils", "events"])
def test_a_hidden_count_of_the_training_is_not_in_its_card(facts: CardFacts, name: str) -> None:
    """Rows, pupils and leavers of the training are each said to be hidden where they are, and the card still stands."""
    line = next(
        line
        for line in model_card(replace(facts, **{name: None})).splitlines()
        if line.startswith("- ") and "), dont " in line
    )
    told = {"rows": "12\u202f345", "pupils": "6\u202f789", "events": "432"}
    assert "masqué" in line
    assert {one for one, text in told.items() if text in line} == set(told) - {name}
