"""The report: model beside baselines on the same rows, the same facts in every printed form."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.evaluate.baselines import Baseline, school_rate
from decrochage_risk.evaluate.figures import measure
from decrochage_risk.evaluate.report import (
    STANDING,
    SYNTHETIC_WARNING,
    EvaluationReport,
    MeasuredRows,
    build_report,
)
from decrochage_risk.french import forbidden_in, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows


def report_of(case: Rows, *, synthetic: bool = False, extra: tuple[Baseline, ...] = ()) -> EvaluationReport:
    """Build a report with the school baseline, groups and kinds of exit."""
    kinds = np.where(np.arange(len(case.outcome)) % 2 == 0, "in_year", "non_return")
    rows = MeasuredRows(case.outcome, case.risk, case.pupils, case.schools, {"school": case.schools}, kinds)
    baseline = school_rate(case.schools, case.outcome, case.schools)
    return build_report(
        rows,
        (baseline, *extra),
        title="Évaluation d'essai",
        synthetic=synthetic,
        test_years=[2024],
        as_of=[date(2024, 11, 4), date(2025, 3, 3)],
        notes=["aucune colonne justified_on"],
    )


def test_model_and_baselines_are_measured_on_the_same_rows(simulate: Callable[..., Rows]) -> None:
    """The report holds `measure` of the model and of each baseline, and every baseline's note."""
    case = simulate()
    report = report_of(case)
    baseline = school_rate(case.schools, case.outcome, case.schools)
    assert report.figures == measure(case.outcome, case.risk, pupils=case.pupils, schools=case.schools)
    assert report.baselines == {
        baseline.name: measure(case.outcome, baseline.score, pupils=case.pupils, schools=case.schools)
    }
    assert report.notes == ("aucune colonne justified_on", f"{baseline.name} : {baseline.note}")
    assert [part.dimension for part in report.groups] == ["school"] * 7 + ["exit_kind"] * 2


def test_json_and_back_is_the_same_report(simulate: Callable[..., Rows]) -> None:
    """`from_json` reads what `to_json` wrote, exactly; the JSON is plain, without NaN."""
    report = report_of(simulate())
    assert EvaluationReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["figures"]["auc"] == report.figures.auc
    assert "NaN" not in report.to_json()


def test_the_same_rows_in_another_order_give_the_same_bytes(simulate: Callable[..., Rows]) -> None:
    """A report is a function of the set of rows: shuffled, its JSON has the same bytes."""
    case = simulate(600)
    order = np.random.default_rng(3).permutation(600)
    given = MeasuredRows(case.outcome, case.risk, case.pupils, case.schools, {"school": case.schools})
    mixed = MeasuredRows(
        *(column[order] for column in (case.outcome, case.risk, case.pupils, case.schools)),
        {"school": case.schools[order]},
    )
    told = {"title": "t", "synthetic": False, "test_years": [2024], "as_of": [date(2025, 3, 3)]}
    assert build_report(given, **told).to_json() == build_report(mixed, **told).to_json()


def test_frames_hold_every_figure(simulate: Callable[..., Rows]) -> None:
    """`to_frame` has the model first and every figure; `groups_frame` one row per group."""
    report = report_of(simulate())
    frame = report.to_frame()
    assert frame.index.tolist() == ["modèle", "taux de l'établissement seul"]
    assert frame.loc["modèle", "auc"] == report.figures.auc
    assert frame.loc["modèle", "events"] == report.figures.events
    assert "notes" not in frame.columns
    assert len(report.groups_frame()) == len(report.groups)


def test_every_figure_of_the_card_is_a_row_of_the_tidy_table(simulate: Callable[..., Rows]) -> None:
    """The tidy table holds each number of the report once, with its interval, and nothing that is hidden."""
    report = report_of(simulate())
    tidy = report.to_frame(tidy=True)
    assert not tidy.duplicated(["section", "of", "figure"]).any()
    assert tidy["value"].notna().all()
    figures = tidy[tidy["section"] == "figures"].set_index("figure")
    numbers = {
        name: value for name, value in report.figures.model_dump().items() if isinstance(value, int | float)
    }
    bounds = {name for name in numbers if name.endswith(("_low", "_high"))}
    assert set(figures.index) == set(numbers) - bounds
    assert figures.loc["slope", ["value", "low", "high"]].tolist() == [
        report.figures.slope, report.figures.slope_low, report.figures.slope_high,
    ]  # fmt: skip
    shown = [group for group in report.groups if group.auc is not None]
    assert (tidy[(tidy["section"] == "groups") & (tidy["figure"] == "auc")]["value"].tolist()) == [
        group.auc for group in shown
    ]
    assert set(tidy["section"]) >= {"figures", "baselines", "groups", "differences", "reliability"}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_essentials_fit_a_terminal(simulate: Callable[..., Rows], width: int) -> None:
    """The page for a terminal has no line wider than it, fewer than 50 lines, and the main figures."""
    report = report_of(simulate())
    page = report.essentials(width)
    assert max(map(len, page.splitlines())) <= width
    assert len(page.splitlines()) < 50
    for part in (number(report.figures.auc, 4), number(report.figures.slope, 4), report.title):
        assert part in page
    assert forbidden_in(page) == []


@pytest.mark.parametrize("form", [str, EvaluationReport.to_markdown])
def test_every_printed_form_states_figures_dates_groups_and_notes(
    simulate: Callable[..., Rows], form: Callable[[EvaluationReport], str]
) -> None:
    """Text and Markdown hold the figures in French writing, the dates, groups and notes, and no forbidden word."""
    report = report_of(simulate())
    text = form(report)
    slope = report.figures
    for part in (
        number(report.figures.auc, 4),
        f"{number(slope.slope, 2)} [{number(slope.slope_low, 2)} ; {number(slope.slope_high, 2)}]",
        "2024-2025",
        "4 novembre 2024 et 3 mars 2025",
        "AUC dans l'établissement",
        "moment de la sortie",
        "aucune colonne justified_on",
        "taux de l'établissement seul",
    ):
        assert part in text
    assert forbidden_in(text) == []
    assert SYNTHETIC_WARNING not in text


@pytest.mark.parametrize("form", [str, EvaluationReport.to_markdown])
def test_synthetic_rows_are_always_said(
    simulate: Callable[..., Rows], form: Callable[[EvaluationReport], str]
) -> None:
    """A report on synthetic pupils says so in every printed form."""
    assert SYNTHETIC_WARNING in form(report_of(simulate(), synthetic=True))


def test_a_baseline_that_wins_is_named(simulate: Callable[..., Rows]) -> None:
    """Each figure on which a baseline is as good as or better than the model is stated with both numbers."""
    case = simulate()
    oracle = Baseline("repère parfait", case.outcome, is_probability=False, not_judged=0, note="essai")
    equal = Baseline("repère égal", case.risk, is_probability=True, not_judged=0, note="essai")
    report = report_of(case, extra=(oracle, equal))
    named = [sentence.split(" : ")[0] for sentence in report.not_beaten()]
    assert named == ["repère parfait"] * 3 + ["repère égal"] * 4
    assert f"repère parfait : AUC 1,0000, modèle {number(report.figures.auc, 4)}" in str(report)


def test_a_model_that_wins_everywhere_is_said_to(simulate: Callable[..., Rows]) -> None:
    """When no baseline is as good, the verdict says so; without baselines it says that none was measured."""
    case = simulate()
    assert report_of(case).not_beaten() == ()
    assert "Le modèle dépasse chaque repère" in str(report_of(case))
    told = {"title": "t", "synthetic": False, "test_years": [2024], "as_of": [date(2025, 3, 3)]}
    assert "Aucun repère" in str(build_report(MeasuredRows(case.outcome, case.risk), **told))


def test_a_group_of_few_pupils_has_no_size_nor_what_would_tell_it(simulate: Callable[..., Rows]) -> None:
    """Nowhere in a report does a group of four pupils show how many they are, nor another one that would tell it."""
    case = simulate()
    few = np.isin(case.pupils, ["p0", "p1", "p2", "p3"])
    sex = np.where(few, "?", np.where(np.arange(len(few)) % 2, "F", "M"))
    rows = MeasuredRows(case.outcome, case.risk, case.pupils, case.schools, {"sex": sex})
    told = {"title": "t", "synthetic": False, "test_years": [2024], "as_of": [date(2025, 3, 3)]}
    report = build_report(rows, **told)
    hidden = {group.group for group in report.groups if group.hidden}
    assert len(hidden) == 2
    assert "?" in hidden
    assert all(group.rows is group.pupils is None for group in report.groups if group.hidden)
    assert "| sexe | ? | masqué | masqué | trop petit |" in report.to_markdown()


def test_small_levels_are_joined_before_anything_is_hidden(simulate: Callable[..., Rows]) -> None:
    """A level of four pupils is measured together with the next smallest one."""
    case = simulate()
    level = np.where(np.isin(case.pupils, ["p0", "p1", "p2", "p3"]), "3e", "2de_pro")
    rows = MeasuredRows(case.outcome, case.risk, case.pupils, case.schools, {"level": level})
    report = build_report(rows, title="t", synthetic=False, test_years=[2024], as_of=[date(2025, 3, 3)])
    assert [(group.group, group.rows) for group in report.groups] == [("2de_pro et 3e", len(level))]


def test_nothing_compared_is_not_called_beaten(simulate: Callable[..., Rows]) -> None:
    """Without an event nothing ranks: the report claims no victory, and names the figures it does compare."""
    case = simulate()
    never = replace(case, outcome=np.zeros_like(case.outcome))
    flag = Baseline(
        "règle légale d'absence", never.schools == "s1", is_probability=False, not_judged=0, note="n"
    )
    told = {"title": "t", "synthetic": False, "test_years": [2024], "as_of": [date(2025, 3, 3)]}
    report = str(build_report(MeasuredRows(never.outcome, never.risk), (flag,), **told))
    assert "Aucun chiffre n'a pu être comparé à un repère" in report
    assert "dépasse" not in report
    assert "(AUC, précision moyenne)" in str(
        build_report(MeasuredRows(case.outcome, case.risk), (flag,), **told)
    )


def test_a_standing_baseline_that_is_not_there_is_named(simulate: Callable[..., Rows]) -> None:
    """All five are named in every report: measured, or said not to be."""
    written = str(report_of(simulate()))
    assert "Repères non mesurés sur ces lignes : régression logistique, repère de Chicago" in written
    assert all(name in written for name in STANDING)


def test_the_printed_parts_of_the_brier_score_sum_to_it(simulate: Callable[..., Rows]) -> None:
    """Reliability less resolution, plus uncertainty and what the bins leave out, is the score; each part is printed."""
    report = report_of(simulate(slope=0.7))
    found = report.figures
    assert found.reliability is not None
    assert found.resolution is not None
    assert found.uncertainty is not None
    assert found.within_bins is not None
    parts = found.reliability - found.resolution + found.uncertainty + found.within_bins
    assert parts == pytest.approx(found.brier, abs=1e-9)
    for value in (found.reliability, found.resolution, found.within_bins, found.spiegelhalter_z):
        assert number(value, 4) in report.to_markdown()


def test_tables_are_aligned(simulate: Callable[..., Rows]) -> None:
    """All lines of the text table of figures end at the same column, and Markdown rows have one cell per column."""
    report = report_of(simulate())
    first = str(report).split("\n\n")[2].splitlines()
    assert len({len(line) for line in first}) == 1
    cells = [line.count("|") for line in report.to_markdown().splitlines() if line.startswith("| AUC")]
    assert cells == [4] * len(cells)


def test_a_group_that_was_joined_is_not_found_in_another_table() -> None:
    """Eight girls two years behind are joined with boys; the girls less the other girls do not give them back."""
    sizes = {("F", "0"): 300, ("F", "1"): 60, ("F", "2"): 8, ("M", "0"): 280, ("M", "1"): 70, ("M", "2"): 14}
    sex, behind = (np.repeat([key[at] for key in sizes], list(sizes.values())) for at in (0, 1))
    both = np.char.add(np.char.add(sex, ", "), behind)
    outcome = np.arange(len(sex)) % 7 == 0
    rows = MeasuredRows(
        outcome.astype(float),
        np.linspace(0.01, 0.5, len(sex)),
        dimensions={"sex": sex, "years_behind": behind, "sex_years_behind": both},
    )
    report = build_report(rows, title="t", synthetic=False, test_years=[2024], as_of=[date(2025, 3, 3)])
    told = {group.group: group.rows for group in report.groups}
    girls = [told["F"], told["F, 0"], told["F, 1"]]
    assert None in girls
