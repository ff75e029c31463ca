"""Laws of a comparison on plain arrays: churn, suppression, words, and the verdict the gates lead to."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from decrochage_risk.evaluate import ComparedRows, ModelComparison, changes_section, compare_rows
from decrochage_risk.evaluate.disclosure import WITHHELD
from decrochage_risk.french import forbidden_in, percent

ROWS = 6_000
FACTS: dict[str, Any] = {
    "champion": "ancien-1",
    "challenger": "nouveau-2",
    "synthetic": True,
    "test_years": (2024,),
    "as_of": (date(2025, 3, 5),),
    "labels_known_on": date(2025, 11, 1),
    "left_out": {"outcome unknown": 3},
    "known_share": 0.5,
    "draws": 100,
}


def expit(odds: np.ndarray) -> np.ndarray:
    """Turn log-odds into probabilities."""
    risk: np.ndarray = 1 / (1 + np.exp(-odds))
    return risk


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """Draw girls and boys with the same risks, a champion that is badly spread, and the truth as a challenger."""
    rng = np.random.default_rng(7)
    odds = rng.normal(-1.8, 1.3, ROWS)
    return {
        "odds": odds,
        "outcome": (rng.random(ROWS) < expit(odds)).astype(float),
        "sex": np.where(np.arange(ROWS) % 2, "F", "M").astype(object),
        "poor": expit(2.2 * odds + 1),
    }


def compared(drawn: dict[str, np.ndarray], challenger: np.ndarray, **changed: Any) -> ModelComparison:
    """Compare the poor champion with a challenger."""
    tiers = [np.digitize(risk, [0.2, 0.4]) + 1 for risk in (drawn["poor"], challenger)]
    groups = {"overall": np.full(ROWS, "ensemble", dtype=object), "sex": drawn["sex"]}
    groups |= changed.pop("groups", {})
    rows = ComparedRows(
        outcome=drawn["outcome"],
        champion=drawn["poor"],
        challenger=challenger,
        pupils=np.arange(ROWS),
        tiers=(tiers[0], tiers[1]),
        groups=groups,
        told={"sex": drawn["sex"]},
    )
    return compare_rows(rows, **{**FACTS, **changed})


def test_a_better_and_fair_challenger_is_promoted(drawn: dict[str, np.ndarray]) -> None:
    """The truth itself, against a champion that is badly calibrated, is promoted."""
    found = compared(drawn, expit(drawn["odds"]))
    assert found.verdict == "promote"
    assert [cause.code for cause in found.causes] == ["better"]


def test_a_better_but_unfair_challenger_is_not(drawn: dict[str, np.ndarray]) -> None:
    """A challenger that halves the odds of girls is better than the champion, and is not promoted."""
    unfair = expit(drawn["odds"] - np.where(drawn["sex"] == "F", 0.8, 0.0))
    found = compared(drawn, unfair)
    codes = {cause.code for cause in found.causes}
    assert "better" in codes
    assert found.verdict == "keep"
    blocked = {(gate.name, gate.group) for gate in found.gates if gate.verdict == "block"}
    assert ("calibration_intercept", "F") in blocked
    assert any(name == "fnr_gap" for name, _ in blocked)


def test_a_worse_challenger_is_kept_out(drawn: dict[str, np.ndarray]) -> None:
    """Noise added to the champion is worse, whatever else it changes."""
    noise = np.random.default_rng(1).normal(0, 3, ROWS)
    found = compared(drawn, expit(2.2 * drawn["odds"] + 1 + noise))
    assert found.verdict == "keep"
    assert found.causes[0].code == "worse"


def test_the_churn_counts_what_changes(drawn: dict[str, np.ndarray]) -> None:
    """Kept, entering and leaving rows are those of the two lists, and the share is of their union."""
    challenger = expit(drawn["odds"])
    found = compared(drawn, challenger)
    old, new = drawn["poor"] >= 0.2, challenger >= 0.2
    churn = found.churn[0]
    assert (churn.kept, churn.enters, churn.leaves) == (
        (old & new).sum(),
        (new & ~old).sum(),
        (old & ~new).sum(),
    )
    assert churn.changed_share == pytest.approx((old != new).sum() / (old | new).sum())
    sides = {(side.side, side.group): side.pupils for side in found.sides}
    assert sides["enters", "F"] == (new & ~old & (drawn["sex"] == "F")).sum()


def test_small_counts_are_nowhere(drawn: dict[str, np.ndarray]) -> None:
    """A cell of one to ten pupils is not told, nor what would give it away by subtraction."""
    challenger = drawn["poor"].copy()
    low = np.flatnonzero(drawn["poor"] < 0.2)
    some = np.concatenate([low[drawn["sex"][low] == "F"][:3], low[drawn["sex"][low] == "M"][:9]])
    challenger[some] = 0.3
    found = compared(drawn, challenger)
    assert {side.group: side.pupils for side in found.sides if side.side == "enters"} == {
        "F": None,
        "M": None,
    }
    challenger[some[3:]] = drawn["poor"][some[3:]]
    churn = compared(drawn, challenger).churn[0]
    assert (churn.enters, churn.changed_share) == (None, None)
    assert None in (churn.kept, churn.challenger)


def test_the_words_tell_everything_in_plain_french(drawn: dict[str, np.ndarray]) -> None:
    """Text and Markdown tell the verdict, each cause and who is left out; the card section begins under level 1."""
    found = compared(drawn, expit(drawn["odds"]))
    for written in (str(found), found.to_markdown(), changes_section(found)):
        assert "mettre en service le nouveau modèle (promote)" in written
        assert all(cause.sentence in written for cause in found.causes)
        assert "issue inconnue (masqué)" in written
        assert "Élèves synthétiques" in written
        assert not forbidden_in(written)
    assert changes_section(found).startswith("## Ce qui a changé")
    assert "\n# " not in changes_section(found)


def test_the_gates_judge_the_list_that_would_be_issued(drawn: dict[str, np.ndarray]) -> None:
    """Missed leavers are those in tier 1: tiers 2 and 3 are both on the list."""
    truth = expit(drawn["odds"])
    found = compared(drawn, truth)
    girls = (drawn["sex"] == "F") & (drawn["outcome"] == 1)
    for gates, risk in ((found.gates, truth), (found.champion_gates, drawn["poor"])):
        told = next(gate for gate in gates if (gate.name, gate.dimension, gate.group) == ("fnr", "sex", "F"))
        assert told.figure == pytest.approx((risk[girls] < 0.2).mean())


@pytest.mark.whole
def test_what_is_not_judged_is_said(drawn: dict[str, np.ndarray]) -> None:
    """Groups too small are counted, missed leavers by pathway are told with the reason why they are no criterion."""
    pathway = np.where(np.arange(ROWS) < 60, "SEGPA", "voie pro").astype(object)
    hidden = compared(drawn, expit(drawn["odds"]), groups={"pathway": pathway})
    missed = next(gate for gate in hidden.gates if (gate.name, gate.group) == ("fnr", "voie pro"))
    assert missed.figure is None  # with the leavers of all it would tell the few of the other pathway
    assert missed.reason == WITHHELD
    pathway[60 : ROWS // 2] = "voie GT"
    found = compared(drawn, expit(drawn["odds"]), groups={"pathway": pathway})
    (missed,) = [
        gate
        for gate in found.gates
        if (gate.name, gate.dimension) == ("fnr", "pathway") and gate.figure is not None
    ]
    assert missed.figure is not None
    assert missed.figure is not None
    for written in (str(found), found.to_markdown(), changes_section(found)):
        assert (
            "Trop petits pour être jugés (moins de 100 élèves, de 20 sortis ou de 20 restés) : voie : 1"
            in written
        )
        assert "jamais un critère" in written
        assert f"{missed.group} {percent(missed.figure, 0)}" in written
        assert "ensemble : ensemble" not in written


def test_json_gives_the_comparison_back(drawn: dict[str, np.ndarray]) -> None:
    """Written and read back it is the same comparison, and the same bytes; no pupil is in it."""
    found = compared(drawn, expit(drawn["odds"]))
    again = ModelComparison.from_json(found.to_json())
    assert again == found
    assert hash(again) == hash(found)
    assert again.to_json() == found.to_json()
    assert again.changes is None
    assert found != compared(drawn, expit(drawn["odds"]), known_share=None)


@pytest.mark.parametrize(("late", "is_told"), [(3, False), (40, True)])
def test_of_two_dates_nobody_finds_who_is_there_on_one(
    drawn: dict[str, np.ndarray],
    late: int,
    is_told: bool,  # noqa: FBT001 - of the table above
) -> None:
    """Rows, pupils and leavers of two dates of a year never tell together how few came after the first."""
    first = np.arange(late, ROWS)
    at = np.concatenate([first, np.arange(ROWS)])
    risk, outcome = expit(drawn["odds"]), drawn["outcome"].copy()
    outcome[:late] = np.arange(late) % 2
    tiers = [np.digitize(one, [0.2, 0.4]) + 1 for one in (drawn["poor"], risk)]
    rows = ComparedRows(
        outcome=outcome[at],
        champion=drawn["poor"][at],
        challenger=risk[at],
        pupils=at,
        tiers=(tiers[0][at], tiers[1][at]),
        as_of=np.repeat(["2024-11-05", "2025-03-05"], [len(first), ROWS]),
        groups={"overall": np.full(len(at), "ensemble", dtype=object)},
        told={"sex": drawn["sex"][at]},
    )
    found = compare_rows(rows, **{**FACTS, "known_share": 1234 / ROWS})
    assert found.rows == len(at)
    assert found.pupils == (ROWS if is_told else None)
    assert found.leavers == (int(outcome.sum()) if is_told else None)
    assert found.known_share == (1234 / ROWS if is_told else 0.21)
    assert ("lignes d'élèves (masqué), dont partis sans diplôme (masqué)" in str(found)) != is_told


def test_causes_are_told_by_their_pupils(drawn: dict[str, np.ndarray]) -> None:
    """Twelve rows of three pupils on four dates are of few: they are hidden, and what their sum would give with them."""
    rows = {"outcome unknown": 12, "under 3 weeks of covered data": 60, "level not seen in training": 300}
    people = {"outcome unknown": 3, "under 3 weeks of covered data": 40, "level not seen in training": 75}
    found = compared(drawn, expit(drawn["odds"]), left_out=rows, people_left_out=people)
    assert found.left_out["outcome unknown"] is None
    assert sorted(str(count) for count in found.left_out.values()) == ["300", "None", "None"]
