"""Laws of a pupil's whole page of reasons: nothing is praised and held against at once, no day is told before the pupil was there."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_up_school import MadeUpSchool

from decrochage_risk.explain.attribution import Attribution
from decrochage_risk.explain.changes import Side, find_changes
from decrochage_risk.explain.reasons import ABSENCE_LEVEL, ABSENCE_PATTERN, find_reasons
from decrochage_risk.features import CATALOGUE, FEATURE_BY_NAME
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.features.wording import first_days_enrolled
from one_pupil import known_on

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

MONTHS_OVER = "months_over_threshold_year"
LEVELS_OF_ABSENCE = [
    feature.name
    for feature in CATALOGUE
    if feature.family in {ABSENCE_LEVEL, ABSENCE_PATTERN}
    and feature.wording.is_reason
    and feature.wording.negative is None
    and feature.unit != "0/1"
    and feature.name != MONTHS_OVER
]


def attribution_of(values: dict[str, tuple[float, float, float]]) -> tuple[Attribution, np.ndarray]:
    """Attribute one pupil: per feature its value, that of the reference and its log-odds."""
    value, reference, push = (np.array([[row[at] for row in values.values()]]) for at in range(3))
    made = Attribution(
        columns=tuple(values),
        raw=push,
        raw_base=np.array([-2.0]),
        contributions=push,
        base=np.array([-2.0]),
        log_odds=-2.0 + push.sum(axis=1),
        additive=np.ones(1, dtype=np.bool_),
        filled=value,
        references=reference,
        general=np.zeros(value.shape, dtype=np.bool_),
    )
    return made, value


def told(values: dict[str, tuple[float, float, float]]) -> set[tuple[str, str]]:
    """Which features are told, on which side."""
    attribution, known = attribution_of(values)
    columns = find_reasons(attribution, known, known_on(date(2025, 3, 5))).columns
    return set(zip(columns["code"].tolist(), columns["direction"].tolist(), strict=True))


@pytest.mark.parametrize("name", LEVELS_OF_ABSENCE)
def test_absences_are_no_credit_of_who_reached_the_threshold_of_the_law(name: str) -> None:
    """Some absences, though fewer than others have, are a point of support of a pupil without a month at 4, and of no other."""
    for push in (-0.9, -0.05):
        fewer = (3.0, 9.0, push)
        assert (name, "protective") in told({MONTHS_OVER: (0.0, 0.0, 0.0), name: fewer})
        assert (name, "protective") not in told({MONTHS_OVER: (1.0, 0.0, 0.0), name: fewer})
        # None at all stays good news.
        assert (name, "protective") in told({MONTHS_OVER: (1.0, 0.0, 0.0), name: (0.0, 9.0, push)})


def test_an_amount_is_no_support_where_its_family_is_held_against() -> None:
    """A family that is told as raising the risk gives a support by a movement or by nothing at all, never by an amount."""
    against = {"low_marks_share_12w": (0.9, 0.1, 0.9)}
    amount = {"mean_grade_12w": (10.0, 8.0, -0.05)}
    assert FEATURE_BY_NAME["low_marks_share_12w"].family == FEATURE_BY_NAME["mean_grade_12w"].family
    assert told(against | amount) == {("low_marks_share_12w", "aggravating")}
    assert ("mean_grade_12w", "protective") in told(amount)


def test_no_pupil_is_praised_for_what_is_held_against_him(small_scores: RiskScores) -> None:
    """Over a whole cohort no family stands on both sides but by a movement or by a count of nothing."""
    reasons = small_scores.reasons
    both = reasons[reasons.duplicated(["pupil_id", "family"], keep=False)]
    for reason in both[both["direction"] == "protective"].itertuples():
        assert reason.value == 0 or FEATURE_BY_NAME[reason.code].wording.negative is not None, reason.text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 120)), min_size=1, max_size=3))
def test_the_days_of_a_fact_begin_with_the_pupil(stays: list[tuple[int, int]]) -> None:
    """The first day told of each window is its first day with an open enrolment, counted day by day; its own first day without one."""
    school = MadeUpSchool()
    ordinal = date(2024, 9, 2).toordinal()
    taken: set[int] = set()
    for start, days in stays:
        span = set(range(ordinal + start, ordinal + start + days))
        if span & taken:
            continue
        taken |= span
        first, last = (date.fromordinal(day).isoformat() for day in (min(span), max(span)))
        school.add("a", start=first, end=last)
    school.add("b")
    school.absent("b", "2024-09-10")
    known = school.records().known_on("2025-06-20")
    facts = Facts(known)
    epoch = date(1970, 1, 1).toordinal()
    for window in {feature.window.name: feature.window for feature in CATALOGUE}.values():
        first, after = window.span(known)
        own = [day for day in range(first, after) if day + epoch in taken]
        expected = own[0] if own and not window.open_start else first
        assert first_days_enrolled(window, facts)[0] == expected, window.name


def test_a_pupil_who_came_back_is_told_of_the_days_since() -> None:
    """No sentence about a pupil who was away until February begins before the day of the return, where its window is shorter."""
    school = MadeUpSchool()
    school.crowd(12)
    school.add("back", end="2024-11-15")
    school.add("back", start="2025-02-03")
    school.marked("back", "2024-09-10", "2024-11-10", mean=6.0)
    school.marked("back", "2025-02-04", "2025-03-18", mean=6.0)
    pupil = school.scores("2025-03-20")["back"]
    texts = [reason.text for reason in (*pupil.reasons, *pupil.protective) if "12w" in reason.code]
    assert texts
    for text in texts:
        days = re.findall(r"depuis (?:la rentrée du|le) (\d+\S* \S+?)[ ,;(]", text)
        assert set(days) <= {"3 février"}, text


def test_fewer_absences_are_not_told_as_raising_a_risk() -> None:
    """A value that moved for the better words no rise, though its contribution rose with the reference pupil's."""
    values = {"unjustified_half_days_12w": (4.0, 0.0, 0.9)}
    now, value = attribution_of(values)
    before, earlier = attribution_of({"unjustified_half_days_12w": (6.0, 6.0, 0.0)})
    known = known_on(date(2025, 3, 5))
    sides = Side(now, value, known), Side(before, earlier, known_on(date(2024, 12, 1)))
    assert find_changes(*sides).reasons.empty
    before, earlier = attribution_of({"unjustified_half_days_12w": (0.0, 0.0, 0.0)})
    sides = Side(now, value, known), Side(before, earlier, known_on(date(2024, 12, 1)))
    assert find_changes(*sides).reasons["direction"].tolist() == ["up"]
