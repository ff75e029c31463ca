"""A level from the 4e on none of whose leavers is on the list: said in the advice, and never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.evaluate import EvaluationReport
from decrochage_risk.train.training import _with_blind_levels

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel


@pytest.mark.parametrize(
    ("level", "hits", "left", "horizon", "is_blind"),
    [
        ("2de_gt", 0, 40, 1, True),
        ("2de_gt", 3, 40, 1, False),
        ("2de_gt", 0, 0, 1, False),
        ("2de_gt", None, None, 1, False),
        ("4e", 0, 40, 1, False),
        ("4e", 0, 40, 3, True),
    ],
)
def test_a_blind_level_is_told(
    small_model: TrainedModel, level: str, hits: int | None, left: int | None, horizon: int, *, is_blind: bool
) -> None:
    """Recall 0 with known leavers is told, of 4e and 3e for the path alone; a hidden count is not taken for zero."""
    known = {key: value for key, value in small_model.report.items() if key in EvaluationReport.model_fields}
    report = EvaluationReport.model_validate(known)
    recalls = pd.DataFrame({"level": [level], "hits": [hits], "left": [left]}).astype(
        {"hits": "Int64", "left": "Int64"}
    )
    told = _with_blind_levels(report, recalls, horizon)
    assert ("blind_level" in {one.code for one in told.advice}) == is_blind
    assert not (is_blind and told.verdict == "pass")
