"""The levels: names, ages and codes."""

from __future__ import annotations

import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.features import build_features
from decrochage_risk.model import MATRIX_COLUMNS, values_with_context
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
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
from decrochage_risk.score import load_demo_model
from decrochage_risk.synthetic import make_cohort


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


def test_a_cap_in_three_years_repeats_no_year() -> None:
    """MEFSTAT4 2331, 2332 and 2333 are three levels, at their normal ages: no repeat, none behind, and policy and model know the third."""
    levels = [level_of_mefstat4(code).name for code in ("2331", "2332", "2333")]
    assert levels == ["cap1", "cap2", "cap3"]
    enrolments = [
        {
            "pupil_id": "a",
            "school_year": year,
            "school_id": "0990001N",
            "level": level,
            "start_date": f"{year}-09-02",
        }
        for year, level in zip((2022, 2023, 2024), levels, strict=True)
    ]
    records = PupilRecords(pupils=[{"pupil_id": "a", "birth_date": "2007-05-05"}], enrolments=enrolments)
    features = build_features(records, "2025-03-05").loc["a"]
    assert (features["repeated_years"], features["years_behind"]) == (0, 0)
    cut = records.known_on("2025-03-05")
    assert values_with_context(cut)[0, MATRIX_COLUMNS.index("level_cap3")] == 1
    policy = load_policy()
    assert policy.table.group_of("cap3") == policy.table.group_of("cap2")
    assert "cap3" in load_demo_model().levels
    assert "cap3" in set(make_cohort(3000, [2024], seed=1).tables["enrolments"]["level"].astype(str))


def test_unknown_code_says_what_to_do() -> None:
    """An unknown code is refused with what came, the known codes and the remedy."""
    with pytest.raises(RecordsError, match=r"(?s)'9999'.*Expected: one of 2111.*Hint: .*3e_pm"):
        level_of_mefstat4("9999")
