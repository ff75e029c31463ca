"""The table ``context`` as arrays: reference values of classes and schools, found by the codes of the enrolments."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ContextValues", "encode_context"]


@dataclass(frozen=True, slots=True)
class ContextValues:
    """Rows of ``context`` about schools and classes of the enrolments, in no particular order.

    ``school`` and ``classroom`` are the codes of the enrolments, ``classroom`` -1 for a whole school; ``subject`` is -1
    for all subjects.
    """

    day: npt.NDArray[np.int32]
    school: npt.NDArray[np.int32]
    classroom: npt.NDArray[np.int32]
    subject: npt.NDArray[np.int8]
    measure: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> ContextValues:
        """Keep some rows, in their order."""
        return ContextValues(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def encode_context(frame: pd.DataFrame, schools: pd.Index[str], classes: pd.Index[str]) -> ContextValues:
    """Encode the canonical table ``context``; rows about schools or classes without an enrolment are left out.

    Parameters
    ----------
    frame : DataFrame
        The canonical table.
    schools, classes : Index
        Ids whose positions are the codes of the enrolments.
    """
    whole = frame["class_id"].isna().to_numpy(dtype=np.bool_)
    school = schools.get_indexer(pd.Index(frame["school_id"])).astype(np.int32)
    classroom = classes.get_indexer(pd.Index(frame["class_id"])).astype(np.int32)
    rows = ContextValues(
        day=frame["as_of"].to_numpy(dtype="datetime64[s]").astype("datetime64[D]").astype(np.int32),
        school=school,
        classroom=np.where(whole, -1, classroom).astype(np.int32),
        subject=frame["subject"].cat.codes.to_numpy().astype(np.int8),
        measure=frame["measure"].cat.codes.to_numpy().astype(np.int8),
        value=frame["value"].to_numpy(dtype=np.float64),
    )
    return rows.take((school >= 0) & (whole | (classroom >= 0)))
