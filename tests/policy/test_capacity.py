from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.policy import CapacityList, capacity_list

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

LAWS = settings(max_examples=60)
SCHOOLS = ("0990001N", "0990002P")
PUPIL = st.tuples(st.sampled_from(SCHOOLS), st.sampled_from([None, 0.1, 0.2, 0.2, 0.5, 0.9]))


def _scores(pupils: list[tuple[str, float | None]]) -> Any:
    risks = np.array([np.nan if risk is None else risk for _, risk in pupils])
    return SimpleNamespace(
        frame=pd.DataFrame(
            {
                "pupil_id": [f"p{number:03}" for number in range(len(pupils))],
                "school_id": [school for school, _ in pupils],
                "class_id": None,
                "level": "2de_pro",
                "risk": risks,
                "risk_low": risks * 0.9,
                "risk_high": np.minimum(1.0, risks * 1.1),
                "tier": np.where(np.isnan(risks), 0, np.where(risks >= 0.27, 2, 1)),
                "flagged": risks >= 0.27,
            }
        )
    )


def _probability_at_most(risks: list[float], most: int) -> float:
    """Probability of at most so many events, by every possible outcome."""
    return sum(
        float(
            np.prod([risk if happened else 1 - risk for risk, happened in zip(risks, outcome, strict=True)])
        )
        for outcome in product((0, 1), repeat=len(risks))
        if sum(outcome) <= most
    )


@pytest.mark.whole
@LAWS
@given(st.lists(PUPIL, min_size=1, max_size=12), st.integers(1, 12))
def test_the_list_is_the_head_of_the_ranking(pupils: list[tuple[str, float | None]], places: int) -> None:
    """In each school nobody left out has a higher risk than somebody listed, and of equal ones the first ids are in."""
    scores = _scores(pupils)
    sizes = scores.frame["school_id"].value_counts()
    places = min(places, int(sizes.min()))

    found = capacity_list(scores, places, least_risk=0)

    for school in sizes.index:
        own = scores.frame[(scores.frame["school_id"] == school) & scores.frame["risk"].notna()]
        expected = sorted(zip(-own["risk"], own["pupil_id"], strict=True))[:places]
        listed = found.pupils[found.pupils["school_id"] == school]
        assert sorted(listed["pupil_id"]) == sorted(pupil for _, pupil in expected)
        row = found.schools.set_index("school_id").loc[school]
        left_out = own[~own["pupil_id"].isin(listed["pupil_id"])]
        assert row["tied_out"] == (left_out["risk"] == listed["risk"].min()).sum()
        assert listed["tied"].any() == bool(row["tied_out"])
        assert row["flagged_not_listed"] == left_out["flagged"].sum()
        assert row["expected"] == pytest.approx(listed["risk"].sum())


@pytest.mark.whole
@LAWS
@given(st.lists(st.floats(0.01, 0.8), min_size=1, max_size=7))
def test_the_interval_holds_the_number_of_leavers(risks: list[float]) -> None:
    """The bounds are exact: at least 95 % lie at or above the low one and at or below the high one."""
    row = capacity_list(
        _scores([(SCHOOLS[0], risk) for risk in risks]), len(risks), least_risk=0
    ).schools.iloc[0]

    assert 1 - _probability_at_most([0.9 * risk for risk in risks], row["low"] - 1) >= 0.95 - 1e-9
    assert _probability_at_most([1.1 * risk for risk in risks], row["high"]) >= 0.95 - 1e-9
    assert row["low"] - 1 < row["expected"] < row["high"] + 1
    assert row["high"] == 0 or _probability_at_most([1.1 * risk for risk in risks], row["high"] - 1) < 0.95


def test_the_order_of_the_rows_changes_nothing() -> None:
    """Shuffled scores give the same list, in the order of schools, classes and ids, never of the risk."""
    scores = _scores([(SCHOOLS[number % 2], [0.2, 0.5, 0.2, 0.1][number % 4]) for number in range(20)])
    shuffled = SimpleNamespace(frame=scores.frame.sample(frac=1, random_state=1))
    first, second = (capacity_list(one, 4, least_risk=0) for one in (scores, shuffled))

    pd.testing.assert_frame_equal(first.pupils, second.pupils)
    pd.testing.assert_frame_equal(first.schools, second.schools)
    assert first.pupils.equals(first.pupils.sort_values(["school_id", "pupil_id"], ignore_index=True))


def test_a_school_left_out_of_the_mapping_has_no_list() -> None:
    """Capacities per school list those schools alone."""
    found = capacity_list(_scores([(SCHOOLS[0], 0.2), (SCHOOLS[1], 0.5)]), {SCHOOLS[1]: 1})
    assert found.schools["school_id"].tolist() == [SCHOOLS[1]]
    assert found.pupils["school_id"].tolist() == [SCHOOLS[1]]


def test_pupils_who_have_gone_are_no_pupils_of_the_school(small_scores: RiskScores) -> None:
    """Extracts hold earlier years: the size of a school is that of the day, and one that all have left needs no places."""
    frame = small_scores.frame
    sizes = frame.loc[frame["enrolled"], "school_id"].value_counts()
    assert sizes.sum() < len(frame)
    school = str(sizes.index[0])
    found = capacity_list(small_scores, {school: int(sizes.iloc[0])}, least_risk=0)
    assert found.schools["pupils"].tolist() == [sizes.iloc[0]]
    with pytest.raises(PolicyError, match="is above its"):
        capacity_list(small_scores, {school: int(sizes.iloc[0]) + 1})

    left = _scores([(SCHOOLS[0], 0.1), (SCHOOLS[0], 0.2), (SCHOOLS[1], None)])
    left.frame["enrolled"] = [True, True, False]
    assert capacity_list(left, 2).schools["school_id"].tolist() == [SCHOOLS[0]]
    with pytest.raises(PolicyError, match="has no pupil enrolled that day"):
        capacity_list(left, {SCHOOLS[1]: 1})


def test_pupils_without_a_score_are_never_listed() -> None:
    """A school with fewer scores than places has a shorter list, and says so."""
    row = capacity_list(_scores([(SCHOOLS[0], None), (SCHOOLS[0], 0.3)]), 2).schools.iloc[0]
    assert (row["pupils"], row["scored"], row["listed"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("capacity", "came"),
    [
        (0, "0 for '0990001N': at least 1 was expected"),
        (-2, "-2 for '0990001N'"),
        (4, "4 for '0990001N' is above its size, 3"),
        (1.5, "1.5 for '0990001N' is no whole number"),
        (True, "True for '0990001N' is no whole number"),
        ({"0990009X": 1}, "school '0990009X' has no pupil"),
        ({}, "no school at all"),
    ],
)
def test_a_capacity_that_cannot_be_is_refused(capacity: Any, came: str) -> None:
    """0, less, more than the school's pupils, no whole number or an unknown school says what was expected."""
    with pytest.raises(PolicyError) as refused:
        capacity_list(_scores([(SCHOOLS[0], 0.1)] * 3), capacity)
    for part in (came, "Expected:", "Hint:"):
        assert part in str(refused.value)


def test_what_is_no_scores_is_refused(small_scores: RiskScores) -> None:
    """The frame of the scores, or anything else in their place, says what to pass."""
    for other in (small_scores.frame, 5, None):
        with pytest.raises(PolicyError, match="scores is a ") as refused:
            capacity_list(other, 3)  # type: ignore[arg-type]
        assert "Hint: capacity_list(scores, 12)" in str(refused.value)


def test_all_faults_of_capacities_come_at_once() -> None:
    """Every school with a capacity that cannot be is named."""
    scores = _scores([(SCHOOLS[0], 0.1), (SCHOOLS[1], 0.1)])
    with pytest.raises(PolicyError, match="capacities cannot be") as refused:
        capacity_list(scores, {SCHOOLS[0]: 0, SCHOOLS[1]: 7, "0990009X": 1})
    assert all(school in str(refused.value) for school in (*SCHOOLS, "0990009X"))


@pytest.mark.parametrize(
    ("risk", "told"), [(0.65, "2,0 sorties sans"), (0.6533, "2,0 sorties sans"), (0.64, "1,9 sortie sans")]
)
def test_the_number_that_is_told_decides_its_plural(risk: float, told: str) -> None:
    """An expected number is singular or plural as it is written, rounded, never as it was before."""
    assert told in capacity_list(_scores([(SCHOOLS[0], risk)] * 3), 3).text


def test_the_text_says_what_the_capacity_leaves_out(small_scores: RiskScores) -> None:
    """One French line per school: places, expected leavers, ties and situations that are not in the list."""
    sizes = small_scores.frame["school_id"].value_counts()
    found = capacity_list(small_scores, dict.fromkeys(sizes.index[:3], 1), least_risk=0)
    lines = found.text.splitlines()
    assert len(lines) == 3
    for line, row in zip(lines, found.schools.to_dict("records"), strict=True):
        assert line.startswith(f"{row['school_id']} : 1 élève retenu pour 1 place")
        assert ("à examiner, hors liste" in line) == bool(row["flagged_not_listed"])
    assert isinstance(found, CapacityList)
    assert repr(found) == "<CapacityList: 3 pupils of 3 schools>"


def test_places_beyond_what_makes_sense_are_left_empty() -> None:
    """Nobody under 5 % takes a place: those places are counted and said; with ``least_risk=0`` they are filled."""
    scores = _scores([(SCHOOLS[0], risk) for risk in (0.4, 0.2, 0.04, 0.01)] + [(SCHOOLS[1], 0.01)])
    capacity = capacity_list(scores, {SCHOOLS[0]: 4, SCHOOLS[1]: 1})
    assert set(capacity.pupils["risk"]) == {0.4, 0.2}
    assert capacity.schools["unfilled"].tolist() == [2, 1]
    assert "2 places non pourvues, faute de risque notable" in capacity.text
    assert capacity_list(scores, {SCHOOLS[0]: 4}, least_risk=0).schools["unfilled"].tolist() == [0]


def test_listed_pupils_under_the_threshold_are_named_as_such(small_scores: RiskScores) -> None:
    """Who is listed without a flag is counted per school and said in its line; those with a flag are not."""
    sizes = small_scores.frame.loc[small_scores.frame["enrolled"], "school_id"].value_counts()
    capacity = capacity_list(small_scores, {str(sizes.index[0]): 30}, least_risk=0)
    under = int((~capacity.pupils["flagged"]).sum())
    assert under > 0
    assert capacity.schools["under_threshold"].tolist() == [under]
    assert f"dont {under} élèves sous le seuil de signalement" in capacity.text
