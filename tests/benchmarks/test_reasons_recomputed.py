"""The recomputation of told numbers, on few reasons: the benchmark checks 10,000."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from decrochage_risk.features import CATALOGUE
from decrochage_risk.features.definition import AGAINST_CLASS
from reasons_recomputed import fault_of, recomputed

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.mark.whole
def test_told_numbers_are_those_of_an_independent_recomputation(
    small_cohort: Cohort, small_scores: RiskScores
) -> None:
    """Value, written amount and written reference of hundreds of reasons are what the records give by another way."""
    ids = set(small_scores.reasons["pupil_id"].drop_duplicates().sample(120, random_state=0))
    told = small_scores.reasons[small_scores.reasons["pupil_id"].isin(ids)]
    values = recomputed(small_cohort, ids)
    assert [
        fault for reason in told.itertuples() if (fault := fault_of(reason, values[reason.pupil_id]))
    ] == []
    assert len(told) > 100
    names = {
        feature.name for feature in CATALOGUE if feature.family is not AGAINST_CLASS
    }  # no table context here
    assert names <= set(values[told["pupil_id"].iloc[0]])


def test_a_wrong_number_is_seen(small_cohort: Cohort, small_scores: RiskScores) -> None:
    """A value, a written amount or a written reference that is off is a fault."""
    told = small_scores.reasons
    reason = next(told[(told["unit"] == "half-days") & (told["value"] > 0)].itertuples())
    values = recomputed(small_cohort, {reason.pupil_id})[reason.pupil_id]
    assert fault_of(reason, values) is None
    amount = str(int(reason.value))
    for wrong in (
        reason._replace(value=reason.value + 1),
        reason._replace(text=reason.text.replace(amount, "999", 1)),
        reason._replace(reference=reason.reference + 1),
    ):
        assert fault_of(wrong, values)
