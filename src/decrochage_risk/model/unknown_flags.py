"""What could have been known of a pupil and is not: the flags of the school's model, their columns and their words.

A flag says that no value of one kind is known on the as-of date: the marks of the year, say. It enters the model without
direction and is never a reason; a missing record is nobody's fault. There are few: one per table and, of what is read of
earlier years, one of its own. Finer flags predicted later years no better (``benchmarks/unknown_values.py --groupings``), and
would make of each pupil a pattern of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.features import CATALOGUE
from decrochage_risk.features.definition import ABSENCE_LEVEL, MARKS_LEVEL, PATH, SINCE_4E
from decrochage_risk.model.snapshots import places_of
from decrochage_risk.risk.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.features.definition import Family
    from decrochage_risk.model.trained_model import TrainedModel

__all__ = [
    "FLAG_TABLES",
    "UNKNOWN_FLAGS",
    "UNKNOWN_LABELS",
    "UnknownCount",
    "gap_flags",
    "gaps_not_learnt",
    "label_of_pattern",
    "patterns_of",
    "unknown_counts",
    "with_unknown_flags",
]


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

FLAG_TABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"not_known_absences": "absences", "not_known_marks": "grades"}
)
"""The table that a flag is the gap of, for those whose gap can be declared."""

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


def gaps_not_learnt(
    model: TrainedModel, features: npt.NDArray[np.float64], flags: Mapping[str, npt.NDArray[np.bool_]]
) -> npt.NDArray[np.bool_]:
    """Tell whose declared gap is a pattern of knowledge that the training hardly held.

    Parameters
    ----------
    model : TrainedModel
    features : (n, ``MATRIX_COLUMNS``) array
        NaN = not known.
    flags : mapping of str to (n,) bool array
        Those of the tables whose gaps the caller declared, see :func:`gap_flags`.

    Returns
    -------
    (n,) bool array
        True where one of these flags is set and fewer than ``LEAST_LEARNT`` rows of the training had the whole pattern.
    """
    knowledge = model.risk_model.knowledge
    has_gap = np.zeros(len(features), dtype=np.bool_)
    for is_set in flags.values():
        has_gap |= is_set
    not_learnt: npt.NDArray[np.bool_] = has_gap & ~knowledge.is_learnt(
        features[:, places_of(knowledge.columns)]
    )
    return not_learnt


def gap_flags(
    model: TrainedModel, features: npt.NDArray[np.float64], tables: Collection[str]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell whose flags of what is not known are set, by flag, of some tables: those whose gaps the caller declared."""
    knowledge = model.risk_model.knowledge
    flags = knowledge.flags(features[:, places_of(knowledge.columns)]) > 0
    return {name: flags[:, at] for at, name in enumerate(knowledge.names) if FLAG_TABLES.get(name) in tables}


@dataclass(frozen=True)
class UnknownCount:
    """One flag among the pupils of a day, and what the training expects of pupils of their levels and month.

    Attributes
    ----------
    pupils : int
        Pupils of a level and month that the training had.
    unknown : int
        Of them, those with the flag.
    expected_millionths : int
        How many would have it if they were as the pupils of the training, in millionths: whole numbers, so that the sum
        over parts of an extract is that over everybody, to the last bit.
    """

    pupils: int
    unknown: int
    expected_millionths: int

    def __add__(self, other: UnknownCount) -> UnknownCount:
        return UnknownCount(
            self.pupils + other.pupils,
            self.unknown + other.unknown,
            self.expected_millionths + other.expected_millionths,
        )

    @property
    def expected(self) -> float:
        """How many would have the flag if they were as the pupils of the training."""
        return self.expected_millionths / MILLION

    @property
    def is_unlike(self) -> bool:
        """Whether the flag is so much more frequent than in the training that its risks were learnt from others."""
        rise = (self.unknown - self.expected) / max(self.pupils, 1)
        return self.pupils >= LEAST_PUPILS and rise >= UNLIKE


LEAST_PUPILS: Final = 30
"""Pupils under which patterns of knowledge are not held against the training: one class may lack its marks."""
MILLION: Final = 1_000_000
UNLIKE: Final = 0.20
"""Rise of the share of a flag from which it is told: a fifth is more than a school that enters late, a convention."""


def unknown_counts(
    model: TrainedModel, features: npt.NDArray[np.float64], groups: npt.NDArray[np.object_]
) -> dict[str, UnknownCount]:
    """Hold what is known of some pupils against what was known of those of the training, at the same level and month.

    Parameters
    ----------
    model : TrainedModel
    features : (n, ``MATRIX_COLUMNS``) array
        NaN = not known.
    groups : (n,) array of str
        Reference groups.

    Returns
    -------
    dict of str to UnknownCount
        By flag; empty for a model without the distributions of its training.
    """
    distributions, knowledge = model.distributions, model.risk_model.knowledge
    if distributions is None or not knowledge.names:
        return {}
    has_group = np.array([group in distributions.counts for group in groups.tolist()], dtype=np.bool_)
    flags = knowledge.flags(features[has_group][:, places_of(knowledge.columns)])
    pupils, shares = Counter(groups[has_group].tolist()), model.unknown_millionths
    for label in pupils.keys() - shares.keys():
        shares[label] = _millionths(distributions.counts[label], knowledge)
    unknown, whole = flags.sum(axis=0).tolist(), int(has_group.sum())
    return {
        name: UnknownCount(
            whole, int(unknown[at]), sum(count * shares[label][at] for label, count in pupils.items())
        )
        for at, name in enumerate(knowledge.groups)
    }


def _millionths(counts: Mapping[str, npt.NDArray[np.int64]], knowledge: Knowledge) -> list[int]:
    """Share of the pupils of a group of the training of whom each flag is set, in millionths."""
    # All columns of a flag are unknown at most as often as the one that is known most often.
    shares = (
        min((counts[name][0] / max(counts[name].sum(), 1) for name in columns if name in counts), default=0.0)
        for columns in knowledge.groups.values()
    )
    return [round(MILLION * float(share)) for share in shares]
