"""What a training leaves behind for the drift watch: how its features and risks were distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import SCORE, FeatureDistributions

if TYPE_CHECKING:
    from decrochage_risk.model import RiskModel, Snapshots

__all__ = ["distributions_of"]


def distributions_of(snapshots: Snapshots, risk_model: RiskModel) -> FeatureDistributions:
    """Count the features of a training before anything is filled, and the scores of pupils left out of the fit.

    Parameters
    ----------
    snapshots : Snapshots
        The training rows.
    risk_model : RiskModel
        Just fitted on them; held-out scores where it has them, its own otherwise.
    """
    names = [name for name in snapshots.features.columns if name in FEATURE_BY_NAME]
    held = risk_model.out_of_fold
    groups = snapshots.rows["reference_group"].to_numpy()
    if held is None:
        score = risk_model.raw_log_odds(snapshots.features, groups)
    else:
        score = np.full(len(groups), np.nan)
        score[held.rows] = held.log_odds
    return FeatureDistributions.fit(snapshots.features[names].assign(**{SCORE: score}), groups)
