"""Fairness gates: a calibrated model passes, a distorted group is caught, what is no gate never judges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ColumnsError
from decrochage_risk.evaluate.gates import GateResult, Verdict, fairness_gates, worst_verdict
from decrochage_risk.french import forbidden_in

ROWS = 6000


def drawn(
    seed: int, *, shift: float = 0.0, slope: float = 1.0
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Outcomes and risks, exact but in the group "b" of `level`; two sexes, four levels."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1.5, 1.2, ROWS)
    level, sex = random.choice(list("abcd"), ROWS), random.choice(["F", "M"], ROWS)
    truth = np.where(level == "b", slope * log_odds + shift, log_odds)
    outcome = (random.random(ROWS) < 1 / (1 + np.exp(-truth))).astype(float)
    return outcome, 1 / (1 + np.exp(-log_odds)), {"sex": sex, "level": level}


def of(results: tuple[GateResult, ...], name: str, group: str) -> GateResult:
    (found,) = [one for one in results if (one.name, one.group) == (name, group)]
    return found


@pytest.mark.whole
def test_a_calibrated_model_passes_in_nearly_every_draw() -> None:
    """Of 40 cohorts of a perfectly calibrated model, at least 39 pass every calibration gate and none blocks."""
    verdicts = []
    for seed in range(40):
        outcome, risk, groups = drawn(seed)
        found = fairness_gates(outcome, risk, risk > 0.3, groups)
        verdicts.append(worst_verdict(one for one in found if one.name.startswith("calibration")))
    assert verdicts.count("pass") >= 39
    assert "block" not in verdicts


@pytest.mark.parametrize(
    ("shift", "slope", "name"), [(0.8, 1.0, "calibration_intercept"), (0.0, 0.4, "calibration_slope")]
)
def test_a_miscalibrated_group_is_blocked_and_named(shift: float, slope: float, name: str) -> None:
    """Risks far too low or too extreme in one level block there, by the right gate, and not in other levels."""
    outcome, risk, groups = drawn(1, shift=shift, slope=slope)
    found = fairness_gates(outcome, risk, risk > 0.3, {"level": groups["level"]})
    assert of(found, name, "b").verdict == "block"
    assert worst_verdict(found) == "block"
    assert {one.verdict for one in found if one.group != "b"} <= {"pass", "not_applicable"}


@pytest.mark.parametrize(
    ("name", "admitted", "blocked", "distortions"),
    [
        (
            "calibration_intercept",
            (-0.10, 0.10),
            (-0.25, 0.25),
            [-0.8, -0.5, -0.35, 0.0, 0.35, 0.5, 0.65, 0.8],
        ),
        ("calibration_slope", (0.9, 1.1), (0.75, 1.33), [0.5, 0.6, 0.65, 1.0, 1.2, 1.35, 1.6, 2.0, 2.5]),
    ],
)
def test_the_verdict_follows_from_the_interval(
    name: str, admitted: tuple[float, float], blocked: tuple[float, float], distortions: list[float]
) -> None:
    """Pass, review or block is where the printed interval lies, on either side, whatever the distortion."""
    seen = set()
    for distortion in distortions:
        how = {"shift": distortion} if name.endswith("intercept") else {"slope": distortion}
        outcome, risk, groups = drawn(2, **how)
        one = of(fairness_gates(outcome, risk, risk > 0.3, groups), name, "b")
        assert one.low is not None
        assert one.high is not None
        outside = [one.low > high or one.high < low for low, high in (admitted, blocked)]
        assert one.verdict == ("block" if outside[1] else "review" if outside[0] else "pass")
        seen.add((one.verdict, distortion > distortions[len(distortions) // 2]))
    assert {verdict for verdict, _ in seen} == {"pass", "review", "block"}
    assert {("block", True), ("block", False)} <= seen


def test_more_groups_widen_every_interval() -> None:
    """The level is shared by all figures of a call: asking for more groups never makes an interval narrower."""
    outcome, risk, groups = drawn(3)
    few = of(fairness_gates(outcome, risk, risk > 0.3, {"sex": groups["sex"]}), "calibration_slope", "F")
    many = of(fairness_gates(outcome, risk, risk > 0.3, groups), "calibration_slope", "F")
    assert few.figure == many.figure
    assert few.low is not None
    assert many.low is not None
    assert many.low < few.low


@pytest.mark.parametrize(
    ("missed_by_boys", "each", "verdict"),
    [
        (100, 1000, "pass"),
        (150, 1000, "pass"),
        (155, 1000, "review"),
        (180, 1000, "review"),
        (200, 1000, "review"),
        (205, 1000, "block"),
        (250, 1000, "block"),
        (15, 60, "review"),
    ],
)
def test_the_gap_between_the_sexes(missed_by_boys: int, each: int, verdict: Verdict) -> None:
    """Girls miss a tenth: a gap to 5 points passes, to 10 is for review, above blocks unless 5 is in the interval."""
    girls = np.arange(each) < each // 10
    boys = np.arange(each) < missed_by_boys
    outcome = np.tile(np.repeat([1.0, 0.0], each), 2)
    listed = np.concatenate([~girls, np.zeros(each, dtype=bool), ~boys, np.zeros(each, dtype=bool)])
    sex = np.repeat(["F", "M"], 2 * each)
    found = fairness_gates(outcome, np.full(4 * each, 0.5), listed, {"sex": sex})
    gap = of(found, "fnr_gap", "F / M")
    assert gap.verdict == verdict
    assert gap.figure == pytest.approx(0.1 - missed_by_boys / each)


def test_pupils_of_unknown_sex_are_no_third_part_of_the_gap() -> None:
    """However many there are, the gap is that of girls and boys, the same as without them."""
    outcome, risk, groups = drawn(4)
    untold = np.random.default_rng(0).random(ROWS) < 0.3
    sex = np.where(untold, "?", groups["sex"])
    whole = of(fairness_gates(outcome, risk, risk > 0.3, {"sex": sex}), "fnr_gap", "F / M")
    told = [outcome[~untold], risk[~untold], risk[~untold] > 0.3]
    alone = of(fairness_gates(*told, {"sex": sex[~untold]}), "fnr_gap", "F / M")
    assert whole.verdict == alone.verdict != "not_applicable"
    assert (whole.figure, whole.low, whole.high) == (alone.figure, alone.low, alone.high)


def test_where_rates_differ_misses_differ_and_nothing_is_gated() -> None:
    """Two pathways of a calibrated model miss very different shares of leavers: printed, never a verdict."""
    random = np.random.default_rng(4)
    pathway = np.repeat(["gt", "pro"], ROWS // 2)
    log_odds = random.normal(np.where(pathway == "gt", -3.0, -1.0), 0.8)
    risk = 1 / (1 + np.exp(-log_odds))
    outcome = (random.random(ROWS) < risk).astype(float)
    found = fairness_gates(outcome, risk, risk > 0.3, {"pathway": pathway})
    missed = {one.group: one for one in found if one.name == "fnr"}
    assert missed["gt"].figure - missed["pro"].figure > 0.3
    assert {one.verdict for one in missed.values()} == {"not_applicable"}
    assert "jamais un critère" in missed["gt"].reason
    assert worst_verdict(found) == "pass"
    assert "fnr_gap" not in {one.name for one in found}


def test_small_groups_are_said_to_be_small() -> None:
    """Under 100 pupils or 20 leavers (pupils, not rows) nothing is judged, and nobody is dropped from the answer."""
    outcome, risk, groups = drawn(5)
    level = np.where(np.arange(ROWS) < 60, "rare", groups["level"])
    found = fairness_gates(outcome, risk, risk > 0.3, {"level": level, "sex": groups["sex"]})
    small = of(found, "calibration", "rare")
    assert (small.verdict, small.figure) == ("not_applicable", None)
    assert small.reason.startswith("trop petit")
    by_rows = fairness_gates(outcome, risk, risk > 0.3, {"sex": groups["sex"]})
    by_pupils = fairness_gates(outcome, risk, risk > 0.3, {"sex": groups["sex"]}, pupils=np.arange(ROWS) % 90)
    assert worst_verdict(by_rows) == "pass"
    assert worst_verdict(by_pupils) == "not_applicable"


@settings(max_examples=4)
@given(st.integers(0, 1000))
def test_the_order_of_the_rows_changes_nothing(seed: int) -> None:
    """Shuffled rows give the same results, bit for bit."""
    outcome, risk, groups = drawn(6)
    order = np.random.default_rng(seed).permutation(ROWS)
    pupils = np.arange(ROWS) // 2
    first = fairness_gates(outcome, risk, risk > 0.3, groups, pupils=pupils)
    moved = {name: values[order] for name, values in groups.items()}
    assert first == fairness_gates(
        outcome[order], risk[order], risk[order] > 0.3, moved, pupils=pupils[order]
    )


def test_reasons_are_french_and_say_the_figures() -> None:
    """Every result states its reason in words that a school may read."""
    outcome, risk, groups = drawn(7)
    for one in fairness_gates(outcome, risk, risk > 0.3, groups):
        assert one.reason
        assert not forbidden_in(one.reason)


def test_the_gravest_verdict_wins() -> None:
    """Block over review over pass over not applicable, whatever the order."""

    def gate(verdict: Verdict) -> GateResult:
        return GateResult(
            name="x", dimension="d", group="g", verdict=verdict, figure=None, low=None, high=None, reason="r"
        )

    order: list[Verdict] = ["not_applicable", "pass", "review", "block"]
    for last in range(1, 5):
        assert worst_verdict([gate(one) for one in order[:last]]) == order[last - 1]
        assert worst_verdict([gate(one) for one in reversed(order[:last])]) == order[last - 1]


def test_rows_that_do_not_match_are_refused() -> None:
    """A list of another length than the rows is named."""
    with pytest.raises(ColumnsError, match="lengths differ"):
        fairness_gates([0, 1], [0.1, 0.2], [True], {})
