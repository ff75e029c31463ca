"""What a result says of its tier and of the measures that facts open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.features import MonthlyAbsence
from decrochage_risk.score.writing import school_list

if TYPE_CHECKING:
    from datetime import date

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


def test_each_result_carries_what_its_tier_meant(small_scores: RiskScores, small_model: TrainedModel) -> None:
    """Scored pupils of one level group and tier have the same counts, those that the model keeps; others have none."""
    kept = {(row["group"], row["tier"]): row for row in small_model.held_out["tiers"]}
    group_of = {level: row["group"] for row in kept.values() for level in row["levels"]}
    scored = 0
    for pupil in small_scores:
        if pupil.risk is None:
            assert pupil.tier_precision is None
            continue
        assert pupil.level is not None
        assert pupil.tier_precision is not None
        row = kept[group_of[pupil.level], pupil.tier]
        assert (pupil.tier_precision.pupils, pupil.tier_precision.left) == (
            row["pupils"] or None,
            row["left"] if row["pupils"] else None,
        )
        assert pupil.tier_precision.school_years == (2024,)
        assert pupil.tier_precision.synthetic
        scored += 1
    assert scored > 100


def test_the_legal_months_open_the_commission_for_exactly_those_pupils(
    small_scores: RiskScores, small_cohort: Cohort, as_of: date
) -> None:
    """A commission is suggested from 4 unjustified half-days in a calendar month on, and the fact is said."""
    months = MonthlyAbsence.of(small_cohort.records.known_on(as_of))
    opened = 0
    for row, pupil in enumerate(small_scores):
        commissions = [one for one in pupil.measures if one.code.startswith("commission_educative")]
        has_left = pupil.departure is not None and pupil.departure.listed
        expected = pupil.level is not None and months.most(row) >= 4 and not has_left
        assert (len(commissions) == 1) is expected
        for measure in commissions:
            (fact,) = measure.facts
            assert (fact.value, fact.text) == (months.most(row), months.told(row))
            opened += 1
    assert opened > 10


def test_lists_say_the_fact_and_what_the_tier_meant(small_scores: RiskScores) -> None:
    """A school reads beside each situation what opened a measure and how many of such a tier left."""
    rows = small_scores.flagged
    table = school_list(small_scores, rows)
    columns = ("Mesures possibles", "En cas de sortie ou d'échec", "Devenir des élèves de ce palier")
    for pupil_id, measures, later, meant in zip(
        rows["pupil_id"], *(table[name] for name in columns), strict=True
    ):
        pupil = small_scores[pupil_id]
        assert pupil.tier_precision is not None
        assert meant == pupil.tier_precision.text
        assert all(fact.text in measures for measure in pupil.measures for fact in measure.facts)
        for measure in pupil.measures:
            is_to_come = measure.after_leaving and "departure" not in pupil.ways
            column, other = (later, measures) if is_to_come else (measures, later)
            assert measure.label in column.split(" ; ") or f"{measure.label} (" in column
            assert measure.label not in other.split(" ; ")
            assert all(line in column for line in measure.to_check)
