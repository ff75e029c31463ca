"""The counts that a trained model keeps of pupils that no choice touched: by tier, and by threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from decrochage_risk.model import Snapshots
from decrochage_risk.policy import HeldOutPupils, load_policy, threshold_counts, tier_counts

if TYPE_CHECKING:
    from decrochage_risk.policy import Policy

__all__ = ["HeldOutCounts", "Predicted"]

Predicted: TypeAlias = Callable[[Snapshots, npt.NDArray[np.float64]], None]
"""Told rows that were predicted without having been learnt from, and their risks."""


class HeldOutCounts:
    """Takes held-out rows as a training predicts them, and counts them.

    Parameters
    ----------
    policy : Policy or None
        Whose tiers are counted; the bundled ones when None.
    """

    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy or load_policy()
        self._counts: dict[str, Any] = {}

    def take(self, test: Snapshots, risk: npt.NDArray[np.float64]) -> None:
        """Count some rows, in place of those taken before."""
        rows = test.rows
        held_out = HeldOutPupils.of(
            rows["level"].to_numpy(dtype=object),
            risk,
            test.outcome,
            pupils=rows["pupil_id"].to_numpy(dtype=object),
            years=rows["school_year"].to_numpy(),
        )
        self._counts = {
            "policy_version": self._policy.version,
            "school_years": sorted({int(year) for year in rows["school_year"]}),
            "tiers": tier_counts(held_out, self._policy),
            "thresholds": threshold_counts(held_out, policy=self._policy),
        }

    def told(self, *, untouched: bool) -> dict[str, Any]:
        """Give the counts as JSON values, with whether every choice left the school year of these rows untouched."""
        return {**self._counts, "untouched": untouched}
