"""Context columns: the level, the pathway, the time of year and the school's own values, which set the base of a risk.

They enter the model without direction and equal the reference pupil by construction: never a reason. Without
them, the gap between 18 % in lycée professionnel and 3 % elsewhere could only enter by proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.features.environment import ENVIRONMENT_COLUMNS, environment_of
from decrochage_risk.records.levels import LEVELS
from decrochage_risk.school_year import weeks_since_september

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

__all__ = ["CONTEXT_COLUMNS", "context_of", "context_values"]

_PATHWAYS = tuple(dict.fromkeys(level.pathway for level in LEVELS))
_PATHWAY_OF_LEVEL = np.array([*(_PATHWAYS.index(level.pathway) for level in LEVELS), -1])

CONTEXT_COLUMNS: tuple[str, ...] = (
    *(f"level_{level.name}" for level in LEVELS),
    *(f"pathway_{pathway}" for pathway in _PATHWAYS),
    "weeks_since_september",
    *ENVIRONMENT_COLUMNS,
)
"""Columns of the context, in order; those of the environment come out of the table ``context``, NaN without it."""


def context_of(known: KnownRecords) -> pd.DataFrame:
    """Context columns of every pupil: one-hot level and pathway (all 0 without a level), weeks since September, school.

    Returns
    -------
    DataFrame of float64
        One row per pupil, indexed by ``pupil_id``, columns ``CONTEXT_COLUMNS``.
    """
    return pd.DataFrame(
        context_values(known), index=pd.Index(known.pupil_ids, name="pupil_id"), columns=list(CONTEXT_COLUMNS)
    )


def context_values(known: KnownRecords) -> npt.NDArray[np.float64]:
    """Context columns as an array, in the order of ``CONTEXT_COLUMNS``."""
    level = known.level
    pathway = _PATHWAY_OF_LEVEL[level]
    columns = np.zeros((known.pupil_count, len(CONTEXT_COLUMNS)))
    rows = np.flatnonzero(level >= 0)
    columns[rows, level[rows]] = 1.0
    columns[rows, len(LEVELS) + pathway[rows]] = 1.0
    columns[:, len(LEVELS) + len(_PATHWAYS)] = weeks_since_september(known.as_of)
    columns[:, -len(ENVIRONMENT_COLUMNS) :] = environment_of(known)
    return columns
