from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.records.levels import FROM_4E, LEVEL_NAMES

LAWS = settings(max_examples=60)
RISKS = st.one_of(st.just(math.nan), st.floats(0, 1))
PUPILS = st.lists(st.tuples(st.sampled_from(LEVEL_NAMES), RISKS), max_size=30)


def _tier_by_hand(policy: Policy, level: str, risk: float) -> int:
    group = next(group for group in policy.table.groups if level in group.levels)
    if math.isnan(risk):
        return 0
    if risk >= group.secured:
        return 3
    return 2 if risk >= group.targeted else 1


@LAWS
@given(PUPILS)
def test_tiers_equal_a_pupil_by_pupil_reading_of_the_table(pupils: list[tuple[str, float]]) -> None:
    """The vectorised tiers, flags and thresholds are those that a reader of the table gives each pupil."""
    policy = load_policy()
    levels, risks = [level for level, _ in pupils], [risk for _, risk in pupils]

    found = policy.assess(levels, risks)

    expected = [_tier_by_hand(policy, level, risk) for level, risk in pupils]
    assert found.tier.tolist() == expected
    assert found.flagged.tolist() == [tier >= 2 for tier in expected]
    assert found.threshold.tolist() == [policy.table.group_of(level).targeted for level in levels]
    assert found.reinforced.tolist() == [policy.table.group_of(level).reinforced for level in levels]
    assert len(found.rule) == len(pupils)


@LAWS
@given(st.sampled_from(LEVEL_NAMES), RISKS, PUPILS)
def test_a_flag_does_not_depend_on_who_else_is_there(
    level: str, risk: float, others: list[tuple[str, float]]
) -> None:
    """Thresholds are absolute: a pupil alone and in any batch has the same tier and rule."""
    policy = load_policy()
    alone = policy.assess([level], [risk])
    batch = policy.assess(
        [level, *(name for name, _ in others)], np.array([risk, *(value for _, value in others)])
    )

    assert (batch.tier[0], batch.rule[0]) == (alone.tier[0], alone.rule[0])


def test_a_risk_on_the_threshold_is_flagged_and_one_bit_below_is_not(policy: Policy) -> None:
    """Tier 2 begins exactly at the group's threshold, tier 3 exactly at the next."""
    for group in policy.table.groups:
        edges = np.array([group.targeted, np.nextafter(group.targeted, 0), group.secured])
        found = policy.assess([group.levels[0]] * 3, edges)
        assert found.tier.tolist() == [2, 1, 3]


def test_every_level_is_in_exactly_one_group(policy: Policy) -> None:
    """No level is forgotten and none is judged twice."""
    listed = [level for group in policy.table.groups for level in group.levels]
    assert sorted(listed) == sorted(LEVEL_NAMES)


def test_reinforced_vigilance_begins_with_the_4e(policy: Policy) -> None:
    """Every level from the 4e on is under reinforced vigilance, and no level before it."""
    reinforced = {level for group in policy.table.groups if group.reinforced for level in group.levels}
    assert reinforced == FROM_4E


def test_vigilance_grows_from_the_4e_and_lycee_professionnel_comes_first(policy: Policy) -> None:
    """The 4e-3e have lower thresholds than the 6e-5e, and LP has the least multiple of its own published rate."""
    groups = {group.code: group for group in policy.table.groups}
    multiple = {code: group.targeted / group.base_rate for code, group in groups.items()}

    assert multiple["pro"] < multiple["college_4e_3e"] == multiple["gt"] < multiple["college_6e_5e"]
    assert groups["college_4e_3e"].targeted < groups["college_6e_5e"].targeted


def test_published_rates_follow_from_the_figures_of_the_letter(policy: Policy) -> None:
    """The base rates in the table are those that the letter's counts and shares give."""
    leavers, share, leavers_lp, share_lp = 13_720, 0.066, 8_408, 0.18
    elsewhere = (leavers - leavers_lp) / (leavers / share - leavers_lp / share_lp)
    rates = {group.code: group.base_rate for group in policy.table.groups}

    assert rates["pro"] == share_lp
    assert rates["gt"] == pytest.approx(elsewhere, abs=5e-4)


def test_rule_says_the_threshold_that_was_applied(policy: Policy) -> None:
    """The French rule holds the sign, the threshold and the group."""
    rules = [rule.replace("\u202f", " ").replace("\xa0", " ") for rule in _rules(policy)]
    assert rules == [
        "risque estimé d'au moins 10 % (4e et 3e, vigilance renforcée)",
        "risque estimé inférieur à 20 % (6e et 5e, suivi)",
        "risque estimé d'au moins 54 % (lycée professionnel, vigilance renforcée en priorité)",
        "pas de score",
    ]


def _rules(policy: Policy) -> list[str]:
    rules: list[str] = policy.assess(["4e", "5e", "cap1", "3e"], [0.12, 0.12, 0.6, math.nan]).rule.tolist()
    return rules


@pytest.mark.parametrize("level", [None, "", math.nan])
def test_a_pupil_without_level_or_risk_stays_with_tier_0(policy: Policy, level: str | float | None) -> None:
    """A pupil not enrolled that day is kept, unscored and unflagged, with no threshold."""
    found = policy.assess(np.array([level, "4e"], dtype=object), [math.nan, 0.5])

    assert found.tier.tolist() == [0, 3]
    assert math.isnan(found.threshold[0])
    assert not found.reinforced[0]


@pytest.mark.parametrize(
    ("levels", "risks", "came"),
    [
        (["4e", "7e", "licence"], [0.1, 0.1, 0.1], "'7e', 'licence'"),
        ([None], [0.1], "None"),
        (["7e"], [math.nan], "'7e'"),
        (["4e", "3e"], [0.1, 12.0], "12 at row 1"),
        (["4e"], [math.inf], "inf at row 0"),
        (["4e"], [-0.01], "-0.01 at row 0"),
        (["4e", "3e"], [0.1], "shape (2,)"),
    ],
)
def test_levels_and_risks_that_cannot_be_are_refused(
    policy: Policy, levels: list[str | None], risks: list[float], came: str
) -> None:
    """An unknown level, a risk that is no probability or unequal lengths say what came, was expected, and to do."""
    with pytest.raises(PolicyError) as refused:
        policy.assess(np.array(levels, dtype=object), risks)
    message = str(refused.value)
    assert came in message
    assert "Expected:" in message
    assert "Hint:" in message


def test_labels_of_levels_and_tiers(policy: Policy) -> None:
    """Levels and tiers have the letter's French words; tier 0 has none."""
    assert policy.vigilance("6e") == "suivi"
    assert policy.vigilance("cap2") == "vigilance renforcée en priorité"
    assert [policy.tier_label(tier) for tier in range(4)] == [
        None,
        "persévérance scolaire",
        "prévention ciblée",
        "sécurisation du parcours",
    ]
    with pytest.raises(PolicyError, match="'7e'"):
        policy.vigilance("7e")
    with pytest.raises(PolicyError, match="Tier 4"):
        policy.tier_label(4)


def test_codes_of_levels_are_assessed_as_their_names() -> None:
    """Levels given as positions, none included, get what their names get."""
    table = load_policy().table
    codes = np.array([*range(len(LEVEL_NAMES)), -1] * 3)
    risk = np.repeat([0.02, 0.2, 0.7], len(LEVEL_NAMES) + 1)
    risk[codes == -1] = np.nan
    names = np.array([*LEVEL_NAMES, None], dtype=object)[codes]
    by_code, by_name = table.assess_codes(codes, risk), table.assess(names, risk)
    for field in ("tier", "flagged", "threshold", "rule", "reinforced"):
        np.testing.assert_array_equal(getattr(by_code, field), getattr(by_name, field))
    assert set(by_code.tier.tolist()) == {0, 1, 2, 3}
