"""What a run found, as arrays: one entry per pupil, or per reason. Frames are made of them when asked for.

A service that scores one pupil reads the arrays and never waits for a data frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model import MATRIX_COLUMNS

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["Results", "or_none"]

_FEATURES = tuple(FEATURE_BY_NAME)


@dataclass(frozen=True, eq=False)
class Results:
    """Results of n pupils.

    Attributes
    ----------
    columns : dict of str to array or scalar
        Columns of ``RiskScores.frame`` but where the pupil is enrolled, in their order.
    reasons : dict of str to array
        One entry per reason in each, sorted by ``row`` (position of the pupil) and by the order told.
    explained : array of int
        Positions of the explained pupils.
    contributions : array, shape (explained, families + 1)
        Calibrated log-odds per family, then the base.
    features : array of float64, shape (n, ``MATRIX_COLUMNS``)
        NaN = not known, or refused.
    records, known : PupilRecords, KnownRecords
        What was scored.
    """

    columns: dict[str, Any]
    reasons: dict[str, npt.NDArray[Any]]
    explained: npt.NDArray[np.intp]
    contributions: npt.NDArray[np.float64]
    features: npt.NDArray[np.float64]
    records: PupilRecords
    known: KnownRecords

    @property
    def pupil_ids(self) -> npt.NDArray[np.object_]:
        """Ids, in the order of ``pupils``."""
        ids: npt.NDArray[np.object_] = self.columns["pupil_id"]
        return ids

    def frame(self) -> pd.DataFrame:
        """One row per pupil: the columns, and where the pupil is enrolled."""
        row = self.known.current_enrolment_row
        enrolments = self.records.enrolments
        places = {
            name: or_none(row >= 0, enrolments[name].astype(object).to_numpy()[np.maximum(row, 0)])
            for name in ("school_id", "class_id", "network_id")
        }
        names = list(self.columns)
        split = names.index("school_year") + 1
        ordered = {name: self.columns[name] for name in names[:split]} | places
        ordered["as_of"] = pd.Timestamp(self.known.as_of)
        return pd.DataFrame(ordered | {name: self.columns[name] for name in names[split:]})

    def reasons_frame(self) -> pd.DataFrame:
        """One row per reason, in the order told."""
        told = {name: column for name, column in self.reasons.items() if name != "row"}
        return pd.DataFrame({"pupil_id": self.pupil_ids[self.reasons["row"]], **told})

    def contributions_frame(self) -> pd.DataFrame:
        """Calibrated log-odds per family and ``base``, NaN for pupils who were not explained."""
        families = [*(family.code for family in FAMILIES), "base"]
        values = np.full((len(self.pupil_ids), len(families)), np.nan)
        values[self.explained] = self.contributions
        return pd.DataFrame(values, index=self._index, columns=families)

    def features_frame(self) -> pd.DataFrame:
        """Value of every feature."""
        return pd.DataFrame(self.features, index=self._index, columns=list(MATRIX_COLUMNS))

    def facts(self, position: int) -> dict[str, float]:
        """Value of every feature of one pupil, by name."""
        return dict(zip(MATRIX_COLUMNS, self.features[position].tolist(), strict=True))

    def missing(self, position: int) -> tuple[str, ...]:
        """Features that are not known for one pupil."""
        unknown = np.isnan(self.features[position, : len(_FEATURES)])
        return tuple(_FEATURES[column] for column in np.flatnonzero(unknown).tolist())

    def reasons_of(self, position: int) -> list[dict[str, Any]]:
        """Fields of the reasons of one pupil, in the order told."""
        first, after = np.searchsorted(self.reasons["row"], [position, position + 1]).tolist()
        told = self._told
        return [{name: cells[at] for name, cells in told.items()} for at in range(first, after)]

    @cached_property
    def _told(self) -> dict[str, list[Any]]:
        return {
            name: column.tolist() for name, column in self.reasons.items() if name not in {"row", "position"}
        }

    @property
    def _index(self) -> pd.Index[str]:
        return pd.Index(self.pupil_ids, name="pupil_id")


def or_none(keep: npt.NDArray[np.bool_], values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Values where ``keep``, None elsewhere."""
    kept = values.copy()
    kept[~keep] = None
    return kept
