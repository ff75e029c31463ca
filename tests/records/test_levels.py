"""The levels: names, ages and codes."""

from __future__ import annotations

import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.records.levels import (
    AT_3E,
    AT_4E,
    FROM_4E,
    LEVEL_BY_NAME,
    LEVEL_NAMES,
    LEVELS,
    LYCEE,
    level_of_mefstat4,
)


def test_names_are_those_of_the_design_in_its_order() -> None:
    """The level names are the contract of the design, in the order in which it lists them."""
    design = "6e 5e 4e 3e 3e_pm 6e_segpa 5e_segpa 4e_segpa 3e_segpa 2de_gt 1re_gt tle_gt 2de_pro 1re_pro tle_pro cap1 cap2 cap3"
    assert " ".join(LEVEL_NAMES) == design
    assert [LEVEL_BY_NAME[name] for name in LEVEL_NAMES] == list(LEVELS)


def test_normal_age_follows_the_name() -> None:
    """The normal age depends on the year of schooling alone, whatever the pathway."""
    ages = {
        "6e": 11,
        "5e": 12,
        "4e": 13,
        "3e": 14,
        "2de": 15,
        "cap1": 15,
        "1re": 16,
        "cap2": 16,
        "cap3": 17,
        "tle": 17,
    }
    for level in LEVELS:
        assert level.normal_age == ages[level.name.split("_")[0]]


def test_groups_hold_together() -> None:
    """Reinforced vigilance begins at the 4e: everything but the levels under 13 years of age."""
    assert {level.name for level in LEVELS if level.normal_age >= 13} == FROM_4E
    assert {level.name for level in LEVELS if level.normal_age == 13} == AT_4E
    assert {level.name for level in LEVELS if level.normal_age == 14} == AT_3E
    assert {level.name for level in LEVELS if level.normal_age >= 15} == LYCEE


def test_every_code_leads_back_to_its_level() -> None:
    """No MEFSTAT4 code belongs to two levels, and each leads to its own, also as the start of a longer code."""
    codes = [code for level in LEVELS for code in level.mefstat4]
    assert len(codes) == len(set(codes))
    for level in LEVELS:
        for code in level.mefstat4:
            assert level_of_mefstat4(code) is level
            assert level_of_mefstat4(f"{code}0010011") is level


def test_unknown_code_says_what_to_do() -> None:
    """An unknown code is refused with what came, the known codes and the remedy."""
    with pytest.raises(RecordsError, match=r"(?s)'9999'.*Expected: one of 2111.*Hint: .*3e_pm"):
        level_of_mefstat4("9999")
