"""Advice: each follows from the figure that it names, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from decrochage_risk.evaluate.baselines import Baseline
from decrochage_risk.evaluate.bootstrap import PairedDifference
from decrochage_risk.evaluate.figures import Figures
from decrochage_risk.evaluate.gates import GateResult
from decrochage_risk.evaluate.report import MeasuredRows, build_report
from decrochage_risk.evaluate.verdict import LOGISTIC, advise
from decrochage_risk.french import forbidden_in, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows
    from decrochage_risk.evaluate.bootstrap import Statistic
    from decrochage_risk.evaluate.gates import Verdict

GOOD = Figures(rows=900, events=90, base_rate=0.1, auc=0.8, within_school_auc=0.7)


def gap(statistic: Statistic, low: float, high: float) -> PairedDifference:
    middle = (low + high) / 2
    return PairedDifference(
        statistic=statistic,
        first=0.5 + middle,
        second=0.5,
        difference=middle,
        low=low,
        high=high,
        level=0.95,
        draws=99,
    )


def gate(verdict: Verdict) -> GateResult:
    return GateResult(
        name="n", dimension="d", group="g", verdict=verdict, figure=None, low=None, high=None, reason="r"
    )


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"above_chance": gap("auc", -0.01, 0.05)}, "no_better_than_chance"),
        ({"above_chance": gap("auc", 0.01, 0.05)}, None),
        ({"differences": {LOGISTIC: (gap("log_loss", 0.001, 0.01),)}}, "ship_logistic"),
        ({"differences": {LOGISTIC: (gap("log_loss", -0.001, 0.01),)}}, "logistic_undecided"),
        ({"differences": {LOGISTIC: (gap("log_loss", -0.01, -0.001),)}}, None),
        ({"differences": {LOGISTIC: (gap("auc", -0.1, -0.01),)}}, None),
        ({"differences": {"autre": (gap("log_loss", 0.001, 0.01),)}}, None),
        ({"gates": [gate("pass"), gate("block"), gate("review")]}, "fairness_block"),
        ({"gates": [gate("pass"), gate("review")]}, "fairness_review"),
        ({"gates": [gate("pass"), gate("not_applicable")]}, None),
    ],
)
def test_each_advice_follows_from_its_figure(told: dict[str, Any], code: str | None) -> None:
    """The interval decides, not the point; the log loss of the logistic regression alone can ship it."""
    found = advise(GOOD, **told)
    assert [one.code for one in found] == ([] if code is None else [code])
    assert all(not forbidden_in(one.sentence) for one in found)


@pytest.mark.parametrize(("within", "advised"), [(0.649, True), (0.65, False), (None, False)])
def test_a_score_that_tells_schools_apart_says_so(within: float | None, *, advised: bool) -> None:
    """Under 0.65 within schools the report says to act on the school, with the figure."""
    found = advise(GOOD.model_copy(update={"within_school_auc": within}))
    assert [one.code for one in found] == (["act_on_schools"] if advised else [])
    if advised:
        assert number(0.649, 3) in found[0].sentence
        assert "agir sur l'établissement" in found[0].sentence


def test_the_report_and_its_printed_forms_carry_the_advice(simulate: Callable[..., Rows]) -> None:
    """Against a logistic regression that knows the truth, a flattened score is told to give way, in every form."""
    case = simulate(3000)
    flattened = 0.5 * case.risk + 0.5 * case.risk.mean()
    truth = Baseline(LOGISTIC, case.risk, is_probability=True, not_judged=0, note="n")
    rows = MeasuredRows(case.outcome, flattened, case.pupils, case.schools)
    report = build_report(rows, [truth], title="t", synthetic=False, test_years=[2024], as_of=[])
    (said,) = [one.sentence for one in report.advice if one.code == "ship_logistic"]
    assert said in report.to_markdown()
    assert said in str(report)
    assert type(report).from_json(report.to_json()).advice == report.advice


def test_a_score_that_says_nothing_is_caught(simulate: Callable[..., Rows]) -> None:
    """Risks drawn by lot rank no better than chance, and the report says not to use them."""
    case = simulate(2000)
    lot = np.random.default_rng(9).uniform(0.05, 0.4, 2000)
    rows = MeasuredRows(case.outcome, lot, case.pupils, case.schools)
    report = build_report(rows, title="t", synthetic=False, test_years=[2024], as_of=[])
    assert "no_better_than_chance" in {one.code for one in report.advice}
