from __future__ import annotations

import math
import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.french import forbidden_in
from decrochage_risk.policy import Measure, Policy, load_policy
from decrochage_risk.records.levels import LEVEL_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

MARCH = date(2025, 3, 3)
LAWS = settings(max_examples=100)


def _measures(
    level: str | None = "3e",
    age: float | None = 15.0,
    as_of: date = MARCH,
    tier: int = 2,
    facts: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    found = load_policy().measures_for(
        level=level, age_years=age, as_of=as_of, tier=tier, facts={} if facts is None else facts
    )
    return {measure.code: measure for measure in found}


def test_pafi_opens_at_15(policy: Policy) -> None:
    """PAFI is for pupils from 15 completed years to 18, from the 4e on."""
    assert "pafi" not in _measures(age=14.99)
    assert "pafi" in _measures(age=18.9)
    assert "pafi" not in _measures(age=19.0)
    assert _measures(age=15.0)["pafi"].to_check == ()
    assert "pafi" not in _measures(level="5e", age=15.0)
    assert policy.valid_from <= MARCH


@pytest.mark.parametrize("age", [None, math.nan])
def test_an_unknown_age_is_to_be_checked_never_guessed(age: float | None) -> None:
    """An age-bound measure is kept with what must be checked; one without bounds asks nothing."""
    found = _measures(age=age)
    assert found["pafi"].to_check == ("à vérifier : âge non connu (de 15 à 18 ans)",)
    assert found["gpds"].to_check == ()
    assert _measures(age=age, tier=3)["obligation_formation"].to_check == (
        "à vérifier : âge non connu (de 16 à 17 ans)",
    )


def test_upper_age_is_in_completed_years() -> None:
    """A bound of 17 holds until the day before the 18th birthday."""
    assert "obligation_formation" in _measures(age=17.99, tier=3)
    assert "obligation_formation" not in _measures(age=18.0, tier=3)


def test_tdo_is_for_tier_3() -> None:
    """TDO secures a likely exit: tier 3 only, and it carries its source."""
    assert "tdo" not in _measures(tier=2)
    assert "BO n° 29" in _measures(tier=3)["tdo"].source


@pytest.mark.parametrize(
    ("day", "open_"), [(date(2025, 9, 1), True), (date(2025, 10, 31), True), (date(2025, 11, 1), False)]
)
def test_consolidation_closes_after_its_window(day: date, open_: bool) -> None:  # noqa: FBT001 - a table column
    """The consolidation period is suggested until its last day and not after, in the first year only."""
    assert ("periode_consolidation" in _measures(level="2de_pro", as_of=day)) is open_
    assert "periode_consolidation" not in _measures(level="1re_pro", as_of=day)


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
def test_commission_educative_rests_on_the_fact_not_on_the_score(tier: int) -> None:
    """From 4 unjustified half-days on it is suggested at any tier, even without a score, with that fact."""
    feature = "unjustified_half_days_month"
    found = _measures(tier=tier, facts={feature: 4.0})["commission_educative"]

    assert [(fact.feature, fact.value, fact.at_least) for fact in found.facts] == [(feature, 4.0, 4.0)]
    assert "commission_educative" not in _measures(tier=tier, facts={feature: 3.0})
    assert "personnel_referent" not in _measures(tier=tier, facts={feature: 9.0})
    assert "personnel_referent" in _measures(tier=tier, facts={feature: 10.0})


@pytest.mark.parametrize("facts", [{}, {"unjustified_half_days_month": math.nan}])
def test_a_fact_that_is_not_known_opens_nothing(facts: dict[str, float]) -> None:
    """Without absence records nobody is sent to a commission."""
    assert "commission_educative" not in _measures(facts=facts)


def test_without_score_or_enrolment_only_facts_speak() -> None:
    """Tier 0 has no tier-bound measure, and a pupil not enrolled has none at all."""
    assert _measures(tier=0) == {}
    assert _measures(level=None, facts={"unjustified_half_days_month": 12.0}) == {}


def test_a_measure_is_not_suggested_before_it_exists() -> None:
    """TDO was published in July 2023: a score of March 2023 does not suggest it, one of March 2025 does."""
    assert "tdo" not in _measures(tier=3, as_of=date(2023, 3, 1))
    assert "tdo" in _measures(tier=3)


@LAWS
@given(
    st.sampled_from(LEVEL_NAMES),
    st.one_of(st.none(), st.floats(9, 26)),
    st.dates(date(2010, 1, 1), date(2030, 12, 31)),
    st.integers(0, 3),
    st.floats(0, 40),
)
def test_every_suggestion_holds_every_condition_of_its_entry(
    level: str, age: float | None, day: date, tier: int, half_days: float
) -> None:
    """What is suggested fits its entry's level, dates, tier, age and facts; what is left out fails at least one."""
    facts = {"unjustified_half_days_month": half_days}
    found = _measures(level, age, day, tier, facts)
    for rule in load_policy().measures:
        years = None if age is None else math.floor(age)
        after_sept = (day.month - 9) % 12 * 100 + day.day
        conditions = [
            rule.levels == "all" or level in rule.levels,
            rule.valid_from <= day <= (rule.valid_to or date.max),
            tier >= rule.min_tier,
            years is None or (rule.min_age or 0) <= years <= (rule.max_age or 99),
            all(facts[condition.feature] >= condition.at_least for condition in rule.facts),
            rule.window is None or after_sept <= 131,  # 1 September to 31 October, counted from September
        ]
        assert (rule.code in found) is all(conditions), rule.code


def test_more_risk_never_takes_a_measure_away() -> None:
    """A higher tier suggests at least what a lower one does."""
    for level in LEVEL_NAMES:
        by_tier = [set(_measures(level, 16.0, MARCH, tier)) for tier in range(4)]
        assert by_tier[0] <= by_tier[1] <= by_tier[2] <= by_tier[3]


def test_measures_are_worded_without_labels_or_decisions(policy: Policy) -> None:
    """No sentence labels a pupil, names a cause or states a decision."""
    for rule in policy.measures:
        words = f"{rule.label} {rule.text}"
        assert forbidden_in(words) == [], words
        assert not re.search(r"est décidé|doit quitter|sera exclu", words), words
        assert rule.text.endswith(".")


@pytest.mark.parametrize(
    ("level", "tier", "came"), [("7e", 2, "'7e'"), ("4e", 5, "Tier 5"), ("4e", -1, "Tier -1")]
)
def test_unknown_level_or_tier_is_refused(policy: Policy, level: str, tier: int, came: str) -> None:
    """A level or tier that cannot be says what came, what was expected and what to do."""
    with pytest.raises(PolicyError) as refused:
        policy.measures_for(level=level, age_years=15, as_of=MARCH, tier=tier, facts={})
    message = str(refused.value)
    assert came in message
    assert "Expected:" in message
    assert "Hint:" in message
