"""Who enters and who leaves the list when one model replaces another, and the reason family that moves each most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk.evaluate.comparison import ENTERS, LEAVES
from decrochage_risk.explain import attribute
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model import score_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model import Snapshots, TrainedModel

    Floats = npt.NDArray[np.float64]

__all__ = ["FAMILY_COLUMN", "LEVEL_AND_CALIBRATION", "changed_sides"]

FAMILY_COLUMN: Final = "family"
LEVEL_AND_CALIBRATION: Final = "Niveau moyen et calibration"
"""What moves a pupil besides the facts: the risk of the reference pupil itself."""
_FLAGGED = 2


def changed_sides(
    models: tuple[TrainedModel, TrainedModel],
    rows: Snapshots,
    risks: tuple[Floats, Floats],
    tiers: tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]],
) -> pd.DataFrame:
    """List the rows that change side, each with the family whose contribution moves most in that direction.

    Parameters
    ----------
    models : pair of TrainedModel
        In use, and new.
    rows : Snapshots
        Rows that both models score.
    risks : pair of arrays, each of shape (rows,)
        Their risks.
    tiers : pair of arrays of int, each of shape (rows,)
        Their tiers; 2 and 3 are on the list.

    Returns
    -------
    DataFrame
        One row per row that changes side, indexed by its position: ``pupil_id``, ``as_of``, ``school_id``, ``level``,
        ``side`` ("enters", "leaves"), both risks and tiers, ``family`` (French label), and one ``moved_...`` column
        per family, in log-odds (new minus in use; ``moved_base``: the reference pupil's risk).
    """
    old, new = (tier >= _FLAGGED for tier in tiers)
    at = np.flatnonzero(old != new)
    part = _taken(rows, at)
    frame = part.rows[["pupil_id", "as_of", "school_id", "level"]].set_axis(at, axis=0)
    frame["side"] = np.where(new[at], ENTERS, LEAVES)
    for name, risk, tier in zip(("champion", "challenger"), risks, tiers, strict=True):
        frame[f"risk_{name}"], frame[f"tier_{name}"] = risk[at], tier[at]
    moved = (
        _families(models[1], part) - _families(models[0], part)
        if len(at)
        else np.zeros((0, len(FAMILIES) + 1))
    )
    labels = np.array([*(family.label for family in FAMILIES), LEVEL_AND_CALIBRATION], dtype=object)
    toward = np.where(new[at], 1.0, -1.0)[:, None] * moved
    frame[FAMILY_COLUMN] = labels[toward.argmax(axis=1)] if len(at) else labels[:0]
    codes = [*(family.code for family in FAMILIES), "base"]
    return pd.concat(
        [frame, pd.DataFrame(moved, index=at, columns=[f"moved_{code}" for code in codes])], axis=1
    )


def _taken(rows: Snapshots, at: npt.NDArray[np.intp]) -> Snapshots:
    mask = np.zeros(len(rows.outcome), dtype=np.bool_)
    mask[at] = True
    return rows.take(mask)


def _families(model: TrainedModel, rows: Snapshots) -> Floats:
    """Calibrated log-odds per family, the reference pupil's in the last column."""
    groups = score_rows(model, rows).groups
    risk_model = model.risk_model
    found = attribute(
        risk_model,
        risk_model.filled(rows.features, groups),
        risk_model.reference_rows(rows.features, groups),
    )
    codes = [family.code for family in FAMILIES]
    sums = np.zeros((len(rows.outcome), len(codes) + 1))
    for column, values in zip(found.columns, found.contributions.T, strict=True):
        if column in FEATURE_BY_NAME:
            sums[:, codes.index(FEATURE_BY_NAME[column].family.code)] += values
    sums[:, -1] = found.base
    return sums
