"""Laws of the verdict: worse is kept out, better but unfair too, and what cannot be trusted is looked at."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from decrochage_risk.evaluate.bootstrap import Difference
from decrochage_risk.evaluate.gates import GateResult
from decrochage_risk.evaluate.verdict import decide

if TYPE_CHECKING:
    from decrochage_risk.evaluate.gates import Verdict


def loss(low: float, high: float) -> Difference:
    """Make a difference of log loss with this interval."""
    middle = (low + high) / 2
    return Difference(
        name="log_loss", champion=0.2, challenger=0.2 + middle, difference=middle, low=low, high=high
    )


def gate(verdict: Verdict, name: str = "fnr_gap", dimension: str = "sex") -> GateResult:
    """Make a gate of this verdict."""
    return GateResult(
        name=name,
        dimension=dimension,
        group="F / M",
        verdict=verdict,
        figure=0.1,
        low=0.0,
        high=0.2,
        reason="écart",
    )


BETTER, WORSE, SAME = loss(-0.03, -0.01), loss(0.01, 0.03), loss(-0.01, 0.01)
PASS = [gate("pass")]


@pytest.mark.parametrize(
    ("difference", "gates", "champion_gates", "more", "verdict", "code"),
    [
        (BETTER, PASS, PASS, {}, "promote", "better"),
        (WORSE, PASS, PASS, {}, "keep", "worse"),
        (SAME, PASS, PASS, {}, "keep", "not_better"),
        (loss(-0.002, 0.0009), PASS, PASS, {}, "promote", "not_worse"),
        (loss(0, 0), PASS, PASS, {"same": "model"}, "review", "same_model"),
        (BETTER, PASS, PASS, {"same": "boosters"}, "review", "same_boosters"),
        (WORSE, PASS, PASS, {"same": "boosters"}, "keep", "same_boosters"),
        (SAME, PASS, PASS, {"margin": 0.02}, "promote", "not_worse"),
        (WORSE, PASS, PASS, {"margin": 0.02}, "keep", "worse"),
        (loss(-0.03, 0.001), PASS, PASS, {}, "keep", "not_better"),
        (loss(-0.01, 0.03), PASS, PASS, {"margin": 0.02}, "keep", "not_better"),
        (BETTER, [gate("block")], PASS, {}, "keep", "gate_blocked"),
        (BETTER, [gate("block")], [gate("block")], {}, "review", "both_blocked"),
        (WORSE, [gate("block")], [gate("block")], {}, "keep", "both_blocked"),
        (BETTER, [gate("review")], PASS, {}, "review", "gate_review"),
        (WORSE, [gate("review")], PASS, {}, "keep", "worse"),
        (BETTER, [gate("not_applicable")], PASS, {}, "review", "fairness_not_measured"),
        (BETTER, [], PASS, {}, "review", "fairness_not_measured"),
        (BETTER, PASS, PASS, {"seen_years": [2024]}, "review", "year_in_training"),
        (WORSE, PASS, PASS, {"seen_years": [2024]}, "review", "year_in_training"),
        (BETTER, PASS, PASS, {"learnt_later": [date(2025, 11, 1)]}, "review", "learnt_later"),
        (WORSE, PASS, PASS, {"learnt_later": [date(2025, 11, 1)]}, "review", "learnt_later"),
        (BETTER, PASS, PASS, {"leavers": 99, "stayers": 900}, "review", "too_few_pupils"),
        (BETTER, PASS, PASS, {"leavers": 900, "stayers": 99}, "review", "too_few_pupils"),
        (BETTER, PASS, PASS, {"leavers": 100, "stayers": 100}, "promote", "better"),
    ],
)
def test_each_situation_has_its_verdict_and_its_cause(
    difference: Difference,
    gates: list[GateResult],
    champion_gates: list[GateResult],
    more: dict[str, Any],
    verdict: str,
    code: str,
) -> None:
    """Only a challenger that is better (or not worse, when that is asked), measured and fair is promoted."""
    found, causes = decide(difference, gates, champion_gates, **more)
    assert found == verdict
    assert code in {cause.code for cause in causes}
    assert all(cause.sentence for cause in causes)


def test_a_blocked_gate_is_told_with_its_reason() -> None:
    """Each gate that does not pass is a cause of its own, in French, with the reason of the gate."""
    _, causes = decide(BETTER, [gate("block"), gate("review", "calibration_slope", "level")], PASS)
    told = [cause.sentence for cause in causes if cause.code.startswith("gate")]
    assert told == ["sexe, F / M : écart", "niveau, F / M : écart"]
