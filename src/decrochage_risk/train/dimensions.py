"""What figures are divided by: the group of each row, in the words that a reader of the report knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.records.levels import LEVEL_BY_NAME, PATHWAY_LABELS

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model import Snapshots

    Labels = npt.NDArray[np.object_]

__all__ = ["dimensions_of"]

YEARS_BEHIND: Final = ("à l'heure ou en avance", "1 an de retard", "2 ans de retard ou plus")
NOT_KNOWN: Final = "non renseigné"


def dimensions_of(snapshots: Snapshots) -> dict[str, Labels]:
    """Name the groups of each row, by dimension.

    Level, pathway, sex, years behind, network, school, month of the as-of date, and two intersections: sex and
    pathway, sex and years behind. A value that is not known is a group of its own.
    """
    rows = snapshots.rows
    level = rows["level"].map(lambda name: LEVEL_BY_NAME[name])
    pathway = level.map(lambda found: PATHWAY_LABELS[found.pathway]).to_numpy(dtype=object)
    sex = rows["sex"].where(rows["sex"].notna(), "?").to_numpy(dtype=object)
    behind = _years_behind(snapshots.features)
    return {
        "level": level.map(lambda found: found.label).to_numpy(dtype=object),
        "pathway": pathway,
        "sex": sex,
        "years_behind": behind,
        "network": rows["network_id"].to_numpy(dtype=object),
        "school": rows["school_id"].to_numpy(dtype=object),
        "sex_pathway": _joined(sex, pathway),
        "sex_years_behind": _joined(sex, behind),
        "month": rows["as_of"].map(french.month).to_numpy(dtype=object),
    }


def _years_behind(features: pd.DataFrame) -> Labels:
    if "years_behind" not in features:
        return np.full(len(features), NOT_KNOWN, dtype=object)
    years = features["years_behind"].to_numpy(dtype=np.float64)
    known = np.clip(np.nan_to_num(years), 0, len(YEARS_BEHIND) - 1).astype(int)
    return np.where(np.isnan(years), NOT_KNOWN, np.array(YEARS_BEHIND, dtype=object)[known])


def _joined(first: Labels, second: Labels) -> Labels:
    return (
        pd.Series(first, dtype=object).astype(str) + ", " + pd.Series(second, dtype=object).astype(str)
    ).to_numpy(dtype=object)
