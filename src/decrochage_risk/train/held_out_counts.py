"""The counts that a trained model keeps of pupils that no choice touched: by tier, and by threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decrochage_risk.policy import HeldOutPupils, load_policy, threshold_counts, tier_counts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.model import Snapshots
    from decrochage_risk.policy import Policy

__all__ = ["held_out_counts"]


def held_out_counts(
    test: Snapshots, risk: npt.NDArray[np.float64], *, policy: Policy | None, untouched: bool
) -> dict[str, Any]:
    """Count held-out pupils by tier and threshold, as JSON values.

    Parameters
    ----------
    test : Snapshots
        Rows that were predicted without having been learnt from.
    risk : array, shape (rows,)
        Their predicted probabilities.
    policy : Policy or None
        The bundled one when None.
    untouched : bool
        Whether their school year was left untouched by every choice.
    """
    policy = policy or load_policy()
    rows = test.rows
    held_out = HeldOutPupils.of(
        rows["level"].to_numpy(dtype=object),
        risk,
        test.outcome,
        pupils=rows["pupil_id"].to_numpy(dtype=object),
        years=rows["school_year"].to_numpy(),
    )
    return {
        "policy_version": policy.version,
        "school_years": sorted({int(year) for year in rows["school_year"]}),
        "untouched": untouched,
        "tiers": tier_counts(held_out, policy),
        "thresholds": threshold_counts(held_out, policy=policy),
    }
