"""The attributions behind the scores of the small cohort, asked for one layer below ``score_pupils``.

It also makes the helpers of this folder importable by name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.explain import attribute
from decrochage_risk.explain.attribution import known_of_columns

sys.path.insert(0, str(Path(__file__).parent))

from explained import Explained

if TYPE_CHECKING:
    from datetime import date

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="session")
def explained(small_scores: RiskScores, small_model: TrainedModel, as_of: date) -> Explained:
    """Attribute the log-odds of every scored pupil of the small cohort."""
    rows = small_scores.frame["risk"].notna().to_numpy()
    frame = small_scores.frame[rows].reset_index(drop=True)
    model = small_model.risk_model
    values = small_scores.features.loc[rows, list(model.columns)].to_numpy()
    groups = small_model.reference_groups(frame["level"], as_of)
    attribution = attribute(model, model.filled(values, groups), model.reference_rows(values, groups))
    return Explained(frame, known_of_columns(attribution, values), attribution)


@pytest.fixture(scope="session")
def known(small_cohort: Cohort, as_of: date) -> KnownRecords:
    """Cut the records of the small cohort at the as-of date."""
    return small_cohort.records.known_on(as_of)
