"""What could have been known of a pupil and is not: the flags of the school's model, their columns and their words.

A flag says that no value of one kind is known on the as-of date: the marks of the year, say. It enters the model without
direction and is never a reason; a missing record is nobody's fault. There are few: one per table and, of what is read of
earlier years, one of its own. Finer flags predicted later years no better (``benchmarks/unknown_values.py --groupings``), and
would make of each pupil a pattern of its own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.features import CATALOGUE
from decrochage_risk.features.definition import ABSENCE_LEVEL, MARKS_LEVEL, PATH, SINCE_4E
from decrochage_risk.risk.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.features.definition import Family

__all__ = ["UNKNOWN_FLAGS", "UNKNOWN_LABELS", "label_of_pattern", "patterns_of", "with_unknown_flags"]


def _columns(family: Family, table: str) -> tuple[str, ...]:
    return tuple(feature.name for feature in CATALOGUE if feature.family is family and feature.table == table)


UNKNOWN_FLAGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "not_known_absences": _columns(ABSENCE_LEVEL, "absences"),
        "not_known_marks": _columns(MARKS_LEVEL, "grades"),
        "not_known_orientation": _columns(PATH, "orientation"),
        "not_known_earlier_years": (*_columns(SINCE_4E, "absences"), *_columns(SINCE_4E, "grades")),
    }
)
"""Columns of each flag: it is 1 where none of them is known."""

UNKNOWN_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_known_absences": "absences de l'année",
        "not_known_marks": "notes de l'année",
        "not_known_orientation": "orientation",
        "not_known_earlier_years": "années précédentes",
    }
)
"""What a school reads for each flag, after "inconnu :"."""


def label_of_pattern(pattern: str) -> str:
    """Write a pattern of knowledge (names of flags, joined by "+") for a school.

    Examples
    --------
    >>> label_of_pattern(""), label_of_pattern("not_known_marks+not_known_absences")
    ('tout est connu', "inconnu : notes de l'année, absences de l'année")
    """
    if not pattern:
        return "tout est connu"
    return f"inconnu : {', '.join(UNKNOWN_LABELS.get(name, name) for name in pattern.split('+'))}"


LEAST_ROWS = 100
"""Rows of a pattern under which it is not told apart in a report."""
OTHER_PATTERN = "autre combinaison"


def _knowledge_of(features: pd.DataFrame) -> tuple[Knowledge, npt.NDArray[np.float64]]:
    values = features.to_numpy(dtype=np.float64)
    return Knowledge.of_matrix(values, [str(name) for name in features.columns], UNKNOWN_FLAGS), values


def with_unknown_flags(features: pd.DataFrame) -> pd.DataFrame:
    """Add the flags to a table of features, as further columns."""
    knowledge, values = _knowledge_of(features)
    return features.assign(**dict(zip(knowledge.names, knowledge.flags(values).T, strict=True)))


def patterns_of(features: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Name what is known of each row, for a report: patterns of fewer than ``LEAST_ROWS`` rows are one group.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({name: np.zeros(200) for name in UNKNOWN_FLAGS["not_known_absences"]})
    >>> table.iloc[:100] = np.nan
    >>> np.unique(patterns_of(table).astype(str)).tolist()
    ["inconnu : absences de l'année", 'tout est connu']
    """
    knowledge, values = _knowledge_of(features)
    codes, at, count = np.unique(
        knowledge.patterns(knowledge.flags(values)), return_inverse=True, return_counts=True
    )
    names = [
        # Code 0, everything known, is told even when it is rare: it is what the others are held against.
        label_of_pattern(knowledge.name_of(code)) if rows >= LEAST_ROWS or code == 0 else OTHER_PATTERN
        for code, rows in zip(codes.tolist(), count.tolist(), strict=True)
    ]
    return np.array(names, dtype=object)[at] if names else np.zeros(0, dtype=object)
