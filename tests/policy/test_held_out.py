from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.policy import HeldOutPupils, Policy, load_policy, tier_counts
from decrochage_risk.policy.tier_counts import HeldOutTables, tier_precision
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.small_cells import Publication, is_small

LAWS = settings(max_examples=60)
ROWS = st.lists(
    st.tuples(st.sampled_from(LEVEL_NAMES), st.floats(0, 1), st.booleans(), st.sampled_from("abcdefgh")),
    max_size=60,
)


def _held_out(rows: list[tuple[str, float, bool, str]]) -> HeldOutPupils:
    levels, risks, left, pupils = zip(*rows, strict=True) if rows else ((), (), (), ())
    return HeldOutPupils.of(list(levels), list(risks), [float(one) for one in left], pupils=list(pupils))


@LAWS
@given(ROWS)
def test_a_pupil_counts_once_whatever_the_order(rows: list[tuple[str, float, bool, str]]) -> None:
    """One row is drawn per pupil, the same one in any order of the rows."""
    found, turned = _held_out(rows), _held_out(rows[::-1])
    assert len(found.risk) == len({pupil for *_, pupil in rows})
    assert sorted(zip(found.levels, found.risk, found.left, strict=True)) == sorted(
        zip(turned.levels, turned.risk, turned.left, strict=True)
    )


@pytest.mark.whole
@LAWS
@given(
    st.lists(st.tuples(st.sampled_from(LEVEL_NAMES), st.floats(0, 1), st.booleans()), max_size=200),
)
def test_tiers_count_those_whom_the_policy_puts_there(rows: list[tuple[str, float, bool]]) -> None:
    """Every count is that of the pupils whom ``assess`` puts in the tier; small ones are hidden, and others only with them."""
    policy = load_policy()
    levels, risks, left = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    tiers = policy.assess(levels, risks).tier if rows else np.zeros(0)
    counted = tier_counts(HeldOutPupils.of(levels, risks, [float(one) for one in left]), policy)

    assert [(row["group"], row["tier"]) for row in counted] == [
        (group.code, tier) for group in policy.table.groups for tier in (1, 2, 3)
    ]
    for row in counted:
        inside = [
            gone for level, tier, gone in zip(levels, tiers, left, strict=True)
            if level in row["levels"] and tier == row["tier"]
        ]  # fmt: skip
        if is_small(len(inside), sum(inside), len(inside) - sum(inside)):
            assert row["pupils"] is row["left"] is None
        elif row["pupils"] is not None:
            assert (row["pupils"], row["left"]) == (len(inside), sum(inside))
    if all(row["pupils"] is None for row in counted):
        sizes = [sum(level in group.levels for level in levels) for group in policy.table.groups]
        assert any(sizes)


def test_rows_without_risk_or_outcome_are_left_out() -> None:
    """What is not known is no pupil, and never somebody who stayed."""
    found = HeldOutPupils.of(["4e"] * 3, [0.1, math.nan, 0.3], [1, 0, math.nan])
    assert (found.risk.tolist(), found.left.tolist()) == ([0.1], [True])


@pytest.mark.parametrize(
    ("levels", "risk", "outcome", "came"),
    [
        (["7e"], [0.1], [0], "unknown levels '7e'"),
        (["4e"], [1.2], [0], "1 risks outside 0..1, for example 1.2"),
        (["4e"], [0.1], [2], "1 outcomes neither 0 nor 1"),
        (["4e", "3e"], [0.1], [0], "shapes differ"),
    ],
)
def test_rows_that_cannot_be_counted_are_refused(
    levels: list[str], risk: list[float], outcome: list[float], came: str
) -> None:
    """A level, a risk or an outcome that cannot be says what came, what was expected and what to do."""
    with pytest.raises(PolicyError) as refused:
        HeldOutPupils.of(levels, risk, outcome)
    for part in (came, "Expected:", "Hint:"):
        assert part in str(refused.value)


def test_all_faults_of_rows_come_at_once() -> None:
    """Faults of levels, risks and outcomes are told together."""
    with pytest.raises(PolicyError, match=r"1 risks outside.*1 outcomes neither.*unknown levels"):
        HeldOutPupils.of(["7e"], [-1.0], [3])


def _told(policy: Policy, left: int, pupils: int, **kept: object) -> str:
    measured = HeldOutPupils.of(["2de_pro"] * pupils, [0.3] * pupils, [1] * left + [0] * (pupils - left))
    held_out = {"tiers": tier_counts(measured, policy), "school_years": [2023], "untouched": True, **kept}
    text = tier_precision(held_out, policy.table.group_of("2de_pro"), 2, synthetic=False).text
    return text.replace("\u202f", " ").replace("\xa0", " ")


def test_both_sides_are_told(policy: Policy) -> None:
    """A tier is told with those who left and those who did not, its group, its year and its interval."""
    assert _told(policy, 52, 200) == (
        "Parmi 200 élèves qui étaient à ce palier (lycée professionnel, 2023-2024), 52 ont quitté l'école sans "
        "diplôme : environ 1 sur 4 [21-31 %]. Environ 3 sur 4 ne l'ont pas quittée."
    )
    assert "(lycée professionnel, 2023-2024, élèves laissés hors de l'apprentissage)" in _told(
        policy, 52, 200, untouched=False
    )


def test_nobody_or_everybody_leaving_reads_well(policy: Policy) -> None:
    """Where nobody left the most that remains possible is said; where all did, nobody is said to have stayed."""
    assert _told(policy, 0, 80).endswith("aucun n'a quitté l'école sans diplôme [au plus 2,4 %].")
    assert _told(policy, 19, 19).endswith("tous ont quitté l'école sans diplôme [au moins 91 %].")


def test_other_thresholds_have_no_figure(policy: Policy) -> None:
    """A count holds for the thresholds and levels it was made with, in any order; for others, and for old models, it says so."""
    group = policy.table.group_of("2de_pro")
    moved = group.model_copy(update={"targeted": 0.25})
    measured = HeldOutPupils.of(["2de_pro"] * 100, [0.3] * 100, [1] * 30 + [0] * 70)
    held_out = {"tiers": tier_counts(measured, policy), "school_years": [2023], "untouched": True}

    assert tier_precision(held_out, group, 2, synthetic=False).share == 0.3
    turned = group.model_copy(update={"levels": group.levels[::-1]})
    assert tier_precision(held_out, turned, 2, synthetic=False).share == 0.3
    for found in (
        tier_precision(held_out, moved, 2, synthetic=False),
        tier_precision({}, group, 2, synthetic=False),
    ):
        assert found.pupils is found.share is None
        assert "n'a pas été mesuré pour ces seuils" in found.text


def test_a_small_tier_is_not_told(policy: Policy) -> None:
    """With 1 to 10 pupils in a cell neither counts nor share are there."""
    for left, pupils in ((10, 200), (190, 200), (1, 4)):
        assert _told(policy, left, pupils).startswith("Trop peu d'élèves")


def test_flagged_tiers_are_counted_together_where_one_is_small(policy: Policy) -> None:
    """Where few pupils were in the highest tier, both flagged tiers say what is known of them together, and say so."""
    risks = np.repeat([0.05, 0.3, 0.6], [700, 150, 8])
    left = np.concatenate([np.arange(700) < 60, np.arange(150) < 45, np.arange(8) < 5])
    measured = HeldOutPupils.of(["2de_pro"] * 858, risks, left.astype(float))
    tables, published = HeldOutTables(measured, policy), Publication()
    tables.add_to(published)
    hidden = published.hidden()
    held_out = {
        "tiers": tables.tiers(hidden),
        "thresholds": tables.thresholds(hidden),
        "school_years": [2023],
        "untouched": True,
    }
    group = policy.table.group_of("2de_pro")
    for tier in (2, 3):
        precision = tier_precision(held_out, group, tier, synthetic=False)
        assert (precision.tiers, precision.pupils, precision.left) == ((2, 3), 158, 50)
        assert "158 élèves qui étaient à l'un des deux paliers signalés" in precision.text
    assert tier_precision(held_out, group, 1, synthetic=False).tiers == (1,)
