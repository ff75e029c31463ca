from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from decrochage_risk.explain import Attribution, Reason, ReasonTable, find_reasons
from decrochage_risk.explain.reasons import (
    FLOOR,
    LEAST_DIFFERENCE,
    MOST_AGGRAVATING,
    MOST_PROTECTIVE,
    SUPPORT_FLOOR,
)
from decrochage_risk.features import CATALOGUE, FAMILIES, FEATURE_BY_NAME

if TYPE_CHECKING:
    from explained import Explained

    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score import RiskScores

NAMES = tuple(feature.name for feature in CATALOGUE)
ONE_PER_FAMILY = {
    family.code: next(f.name for f in CATALOGUE if f.family is family)
    for family in FAMILIES
    if any(f.family is family for f in CATALOGUE)
}
"""A feature of each family."""
PAST = {"path", "path_since_4e"}
TOLD = [family.code for family in FAMILIES if family.told and family.code in ONE_PER_FAMILY]


def made_up(*rows: dict[str, float], base: float = -2.0) -> Attribution:
    """Attribute made-up contributions, one dict of feature to log-odds per pupil."""
    contributions = np.array([[row.get(name, 0.0) for name in NAMES] for row in rows])
    return Attribution(
        columns=NAMES,
        raw=contributions,
        raw_base=np.full(len(rows), base),
        contributions=contributions,
        base=np.full(len(rows), base),
        log_odds=base + contributions.sum(axis=1),
        additive=np.ones(len(rows), dtype=bool),
        filled=np.full_like(contributions, 2.0),
        references=np.zeros_like(contributions),
        general=np.zeros(contributions.shape, dtype=bool),
    )


def of_families(**log_odds: float) -> dict[str, float]:
    """Put the log-odds of a family on its first feature."""
    return {ONE_PER_FAMILY[family]: value for family, value in log_odds.items()}


def told(attribution: Attribution, known: KnownRecords) -> ReasonTable:
    """Find the reasons of made-up pupils whose every value is 2, and the reference pupil's 0."""
    return find_reasons(attribution, attribution.filled, known)


def test_points_add_up_to_the_risk_against_the_reference(small_scores: RiskScores) -> None:
    """For each pupil, the points of all reasons plus "autres éléments" are 100 times the risk minus that of reference."""
    explained = 0
    for pupil in small_scores:
        if not pupil.explained:
            continue
        explained += 1
        points = [reason.points for reason in (*pupil.reasons, *pupil.protective)]
        gap = 100 * (pupil.risk - pupil.reference_risk)
        assert math.fsum([*points, pupil.other_points]) == pytest.approx(gap, abs=1e-8)
    assert explained >= 1_000


def test_points_share_the_gap_as_the_log_odds_do(small_scores: RiskScores) -> None:
    """A reason has the share of the gap in points that its family has of the gap in log-odds (the secant).

    Where a family has both a reason and a point of support, the two share it.
    """
    checked = 0
    for pupil in small_scores:
        if not pupil.explained:
            continue
        told = small_scores.contributions.loc[pupil.pupil_id]
        moved = told.drop("base").sum()
        points: dict[str, list[float]] = {}
        for reason in (*pupil.reasons, *pupil.protective):
            points.setdefault(reason.family, []).append(reason.points)
        for family, own in points.items():
            alone_support = len(own) == 1 and own[0] < 0 and told[family] > -FLOOR
            if abs(moved) > 0.1 and not alone_support:
                checked += 1
                gap = 100 * (pupil.risk - pupil.reference_risk)
                assert sum(own) == pytest.approx(told[family] / moved * gap, rel=1e-4)
    assert checked > 1_000


def test_reasons_are_few_in_order_and_apart(small_scores: RiskScores) -> None:
    """At most 4 aggravating and 2 protective reasons, each with the sign of its side, this year's first, then the strongest."""
    for pupil in small_scores:
        up = [reason.points for reason in pupil.reasons]
        down = [reason.points for reason in pupil.protective]
        assert len(up) <= MOST_AGGRAVATING + 1
        assert len(down) <= MOST_PROTECTIVE
        past = [reason.family in PAST for reason in pupil.reasons]
        assert past == sorted(past)
        shared = {reason.family for reason in pupil.protective}
        for late in (True, False):
            own = [r.points for r in pupil.reasons if (r.family in PAST) is late and r.family not in shared]
            assert own == sorted(own, reverse=True)
            own = [r.points for r in pupil.protective if (r.family in PAST) is late]
            assert own == sorted(own)
        assert all(points > 0 for points in up)
        assert all(points < 0 for points in down)


def test_one_reason_per_family_above_the_floor(small_scores: RiskScores) -> None:
    """A pupil's reasons of one side are of different families, each moving the log-odds by at least the floor.

    A point of support, one at most, may be a single fact of a family that is not protective as a whole.
    """
    reasons = small_scores.reasons
    assert not reasons.duplicated(["pupil_id", "family", "direction"]).any()
    supports: dict[str, int] = {}
    for reason in reasons.itertuples():
        moved = small_scores.contributions.loc[reason.pupil_id, reason.family]
        if reason.direction == "protective" and moved > -FLOOR:
            supports[reason.pupil_id] = supports.get(reason.pupil_id, 0) + 1
            continue
        assert abs(moved) >= FLOOR
        assert (moved > 0) == (reason.direction == "aggravating")
    assert supports
    assert max(supports.values()) == 1


def test_a_reason_is_worded_by_a_known_feature_of_its_family(
    explained: Explained, small_scores: RiskScores
) -> None:
    """The feature that words a reason is known, is of the family, and pushes most in the reason's direction."""
    position = {pupil: row for row, pupil in enumerate(explained.frame["pupil_id"])}
    columns = list(explained.attribution.columns)
    for reason in small_scores.reasons.itertuples():
        feature = FEATURE_BY_NAME[reason.code]
        assert (feature.family.code, feature.unit) == (reason.family, reason.unit)
        row = position[reason.pupil_id]
        assert not np.isnan(explained.known[row, columns.index(reason.code)])
        sign = 1 if reason.direction == "aggravating" else -1
        pushes = {
            name: sign * explained.attribution.contributions[row, columns.index(name)]
            for name in columns
            if name in FEATURE_BY_NAME and FEATURE_BY_NAME[name].family.code == reason.family
        }
        fit = {
            name
            for name in pushes
            if FEATURE_BY_NAME[name].wording.is_reason
            and abs(
                explained.known[row, columns.index(name)]
                - explained.attribution.references[row, columns.index(name)]
            )
            >= LEAST_DIFFERENCE.get(FEATURE_BY_NAME[name].unit, 0.0) - 1e-9
        }
        assert reason.code in fit
        if reason.direction == "aggravating":
            assert pushes[reason.code] == max(pushes[name] for name in fit) > 0


def test_a_directed_reason_says_what_its_value_says(small_scores: RiskScores) -> None:
    """A value on the side of more risk is never told as protective, one on the other side never as aggravating."""
    checked = 0
    for reason in small_scores.reasons.itertuples():
        direction = FEATURE_BY_NAME[reason.code].direction
        gap = direction * (reason.value - reason.reference)
        assert gap >= 0 if reason.direction == "aggravating" else gap <= 0
        checked += direction != 0
    assert checked > 500


def test_three_are_told_when_they_hold_half(known: KnownRecords) -> None:
    """Of four aggravating families the fourth is left out when the first three hold half of the sum."""
    row = of_families(absence_level=1.0, marks_level=0.9, missed_work=0.8, orientation=0.7)
    table = told(made_up(row), known).reasons
    assert table["family"].tolist() == ["absence_level", "marks_level", "missed_work"]
    assert table["position"].tolist() == [1, 2, 3]


def test_a_fourth_is_told_when_three_hold_less_than_half(known: KnownRecords) -> None:
    """With eight families of about the same weight, a fourth aggravating reason is told."""
    table = told(made_up(of_families(**dict.fromkeys(TOLD[:8], 0.3))), known).reasons
    assert table["family"].tolist() == TOLD[:4]


def test_a_family_that_is_never_told_goes_to_the_others(known: KnownRecords) -> None:
    """What is not fit to be said is no reason, however strong; its points are in "autres éléments"."""
    silent = [family.code for family in FAMILIES if not family.told and family.code in ONE_PER_FAMILY]
    table = told(made_up(of_families(marks_level=0.5, **dict.fromkeys(silent, 3.0))), known)
    assert table.reasons["family"].tolist() == ["marks_level"]
    total = 100 / (1 + math.exp(2 - 0.5 - 3.0 * len(silent))) - 100 / (1 + math.exp(2))
    assert table.reasons["points"][0] + table.other_points[0] == pytest.approx(total, abs=1e-9)


def test_equal_families_are_told_in_the_order_of_the_families(known: KnownRecords) -> None:
    """Ties go by the order of FAMILIES, aggravating reasons before protective ones."""
    row = of_families(
        lateness_exclusions=0.5, marks_level=0.5, missed_work=-0.5, absence_pattern=-0.5, orientation=-0.5
    )
    table = told(made_up(row), known).reasons
    assert table["family"].tolist() == [
        "lateness_exclusions",
        "marks_level",
        "absence_pattern",
        "missed_work",
    ]
    assert table["direction"].tolist() == ["aggravating"] * 2 + ["protective"] * 2


def test_what_lies_under_the_floor_goes_to_the_others(known: KnownRecords) -> None:
    """A family under the floor is no reason; its points are in "autres éléments"."""
    row = of_families(absence_level=FLOOR, marks_level=0.999 * FLOOR, path=-0.999 * FLOOR)
    table = told(made_up(row), known)
    assert table.reasons["family"].tolist() == ["absence_level"]
    risk = [100 / (1 + math.exp(-odds)) for odds in (-2.0, -2.0 + FLOOR)]
    assert table.reasons["points"][0] + table.other_points[0] == pytest.approx(risk[1] - risk[0], abs=1e-9)


def test_what_is_not_told_goes_to_the_others(known: KnownRecords) -> None:
    """A family that is never told is no reason, however strong, and takes no place; its points are in the others."""
    silent = [family.code for family in FAMILIES if not family.told]
    assert silent
    table = told(made_up(of_families(**dict.fromkeys(silent, 5.0), marks_level=0.5)), known)
    assert table.reasons["family"].tolist() == ["marks_level"]
    total = 100 / (1 + math.exp(2.0 - 5.0 * len(silent) - 0.5)) - 100 / (1 + math.exp(2.0))
    assert table.reasons["points"][0] + table.other_points[0] == pytest.approx(total, abs=1e-9)
    assert table.families[silent[0]].tolist() == [5.0]


def test_opposite_families_are_told_though_the_risk_does_not_move(known: KnownRecords) -> None:
    """When everything cancels out, points follow the tangent and sum to 0: no division by the zero gap."""
    table = told(made_up(of_families(absence_level=1.0, marks_level=-1.0)), known)
    share = 1 / (1 + math.exp(2.0))
    assert table.reasons["points"].tolist() == pytest.approx(
        [100 * share * (1 - share)] * 2 * np.array([1, -1])
    )
    assert table.other_points[0] == pytest.approx(0, abs=1e-12)


def test_the_strongest_feature_words_its_family(known: KnownRecords) -> None:
    """Of two features of one family, the one that pushes most in the family's direction is told."""
    row = {
        "unjustified_half_days_4w": -0.9,
        "unjustified_half_days_12w": 0.6,
        "unjustified_half_days_year": 0.7,
    }
    table = told(made_up(row), known).reasons
    assert table["code"].tolist() == ["unjustified_half_days_year"]
    assert table["direction"].tolist() == ["aggravating"]


def test_a_missing_value_is_never_told(known: KnownRecords) -> None:
    """The feature that words a family is one whose value is known, even if another contributed more."""
    attribution = made_up({"unjustified_half_days_4w": 0.9, "unjustified_half_days_year": 0.2})
    values = attribution.filled.copy()
    values[0, NAMES.index("unjustified_half_days_4w")] = np.nan
    table = find_reasons(attribution, values, known).reasons
    assert table["code"].tolist() == ["unjustified_half_days_year"]
    assert table["value"].notna().all()


def test_nothing_that_stands_out_gives_no_reason(known: KnownRecords) -> None:
    """A pupil like the reference has no reason, and nobody at all gives an empty table."""
    still = told(made_up({}), known)
    assert still.reasons.empty
    assert still.other_points.tolist() == [0.0]
    nobody = made_up({})
    nobody = replace(
        nobody,
        **{
            name: getattr(nobody, name)[:0]
            for name in ("raw", "raw_base", "contributions", "base", "log_odds", "additive")
        },
        filled=nobody.filled[:0],
        references=nobody.references[:0],
    )
    table = find_reasons(nobody, nobody.filled, known)
    assert table.reasons.empty
    assert set(Reason.model_fields) | {"row", "position"} == set(table.reasons.columns)
    assert table.families.shape == (0, len(FAMILIES) + 1)


def test_reasons_do_not_depend_on_the_order_of_the_pupils(known: KnownRecords) -> None:
    """Several pupils at once are told as each alone, to the last bit of the points."""
    rng = np.random.default_rng(8)
    rows = [dict(zip(NAMES, rng.normal(0, 0.3, len(NAMES)), strict=True)) for _ in range(40)]
    together = told(made_up(*rows), known)
    for at, row in enumerate(rows):
        alone = told(made_up(row), known)
        own = together.reasons[together.reasons["row"] == at].drop(columns="row")
        pd.testing.assert_frame_equal(
            own.reset_index(drop=True), alone.reasons.drop(columns="row"), check_exact=True
        )
        assert together.other_points[at] == alone.other_points[0]


def test_a_reason_cannot_be_changed(small_scores: RiskScores) -> None:
    """Reasons are frozen: what was told stays what was told."""
    reason = next(pupil.reasons[0] for pupil in small_scores if pupil.reasons)
    with pytest.raises(ValidationError, match="frozen"):
        reason.points = 0.0


def test_this_years_facts_come_before_the_path_however_strong_it_is(known: KnownRecords) -> None:
    """The path takes a place that this year leaves free, and stands last; with three facts of this year it has none."""
    row = of_families(path=2.0, marks_level=0.3, absence_level=0.2)
    assert told(made_up(row), known).reasons["family"].tolist() == ["marks_level", "absence_level", "path"]
    row = of_families(path=2.0, marks_level=0.3, absence_level=0.2, orientation=0.2)
    assert "path" not in told(made_up(row), known).reasons["family"].tolist()


def test_no_reason_tells_absence_of_an_earlier_year(small_scores: RiskScores) -> None:
    """No fact of the absence file of an earlier year is a reason: that file is closed with its year (R131-6)."""
    earlier = {"previous_year", "earlier_years", "year_and_previous", "since_first"}
    codes = {
        feature.name
        for feature in CATALOGUE
        if feature.table == "absences" and feature.window.name in earlier and feature.unit != "half-days"
    }
    assert {
        "absent_weeks_share_last_year",
        "absence_rate_since_4e",
        "absence_rate_against_last_year",
    } <= codes
    assert not codes & set(small_scores.reasons["code"])


def test_a_fact_that_hardly_differs_is_not_told(small_scores: RiskScores, known: KnownRecords) -> None:
    """2 against 1 is no reason, however much it weighs; what is told differs by at least the least difference."""
    for reason in small_scores.reasons.itertuples():
        assert abs(reason.value - reason.reference) >= LEAST_DIFFERENCE.get(reason.unit, 0.0) - 1e-9
    attribution = made_up({"missed_assessments_12w": 0.9})
    near = replace(attribution, references=np.ones_like(attribution.contributions))
    assert told(near, known).reasons.empty
    assert told(attribution, known).reasons["code"].tolist() == ["missed_assessments_12w"]


def test_a_point_of_support_leaves_its_family(known: KnownRecords) -> None:
    """A good fact inside an aggravating family is told with its own points, which the family's reason no longer holds."""
    row = {"absence_rate_change": -0.05, "longest_absence_run_year": 0.55}
    attribution = made_up(row)
    values = attribution.filled.copy()
    values[0, NAMES.index("absence_rate_change")] = -0.3
    table = find_reasons(attribution, values, known)
    assert table.reasons["code"].tolist() == ["longest_absence_run_year", "absence_rate_change"]
    up, down = table.reasons["points"]
    assert up / down == pytest.approx(0.55 / -0.05)
    total = 100 / (1 + math.exp(2 - 0.5)) - 100 / (1 + math.exp(2))
    assert up + down + table.other_points[0] == pytest.approx(total, abs=1e-9)
    assert SUPPORT_FLOOR <= 0.05


def test_a_change_that_goes_the_wrong_way_is_no_support(known: KnownRecords) -> None:
    """Marks that fall less than the reference's are better than it, and still no point of support."""
    attribution = made_up({"worst_subject_fall_12w": -0.05})
    values = attribution.filled.copy()
    values[0, NAMES.index("worst_subject_fall_12w")] = -0.6
    falling = replace(attribution, references=np.full_like(attribution.references, -2.8))
    assert find_reasons(falling, values, known).reasons.empty
