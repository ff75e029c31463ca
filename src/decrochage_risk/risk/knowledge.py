"""What is known of a row: one 0/1 column per group of columns of which none is known, and the pattern that they make.

A value that could have been known and is not says something of its own: whose marks are not entered leaves more often than
who stands at the median. Taken for the reference value alone, it lifts the risk of those who truly stand there and hides
that of the others. As columns without direction, in the context, the flags let the risk of the unknown be learnt and are
never a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from decrochage_risk.errors import ModelError, explain_error, refuse_other_kinds
from decrochage_risk.risk.numeric_table import LONGEST_NAME, refuse_long_names, row_blocks

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from decrochage_risk.risk.numeric_table import FloatArray, IntArray, TableArray

__all__ = ["EVERYTHING_KNOWN", "LEAST_LEARNT", "LEAST_UNKNOWN", "Knowledge", "KnowledgeGroups"]

KnowledgeGroups: TypeAlias = Mapping[str, Sequence[str]]
"""Name of each flag, and the columns of which it says that none is known."""

LEAST_UNKNOWN: Final = 20
"""Rows with and rows without a flag under which none is made of its own accord: nothing could be learnt from it."""
MOST_FLAGS: Final = 60
"""Flags of one model, so that a pattern is one number; of more, those that tell most rows apart are kept."""
LEAST_LEARNT: Final = 200
"""Rows of the training with a pattern from which what it says of the outcome is learnt; under them it is a guess."""
ROUNDED_TO: Final = 100
"""Counts of patterns are kept in full steps of so many, rounded down: a pupil has up to seven rows, so that no count tells
of 10 pupils or fewer, and ``LEAST_LEARNT``, a multiple of it, is held against the count as if it were whole."""
EVERYTHING_KNOWN: Final = ""
"""The pattern without a flag."""
_PREFIX: Final = "not_known_"


@dataclass(frozen=True)
class Knowledge:
    """The flags of a model.

    Attributes
    ----------
    groups : mapping of str to tuple of str
        Columns of each flag.
    columns : tuple of str
        The value columns, in the order of the rows.
    rows : mapping of str to int
        Rows of the training with each pattern, in full steps of ``ROUNDED_TO``; patterns under one step are left out.
        Empty for a model of format 1, which held no counts.

    Examples
    --------
    >>> groups = {"not_known_marks": ("mean", "slope"), "not_known_absences": ("absences",)}
    >>> knowledge = Knowledge(groups, ("absences", "mean", "slope"))
    >>> flags = knowledge.flags(np.array([[3.0, 12.0, np.nan], [np.nan, np.nan, np.nan]]))
    >>> flags
    array([[0., 0.],
           [1., 1.]])
    >>> [knowledge.name_of(code) for code in knowledge.patterns(flags).tolist()]
    ['', 'not_known_marks+not_known_absences']
    """

    groups: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...]
    rows: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_matrix(
        cls, matrix: TableArray, names: Sequence[str], groups: KnowledgeGroups | None = None
    ) -> Knowledge:
        """Find the flags of a training.

        Parameters
        ----------
        matrix : (n, p) array
            NaN = not known; each column with a known value.
        names : sequence of str
            Its columns.
        groups : mapping, optional
            The flags to make; columns that are not there are left out. By default one per set of columns that are always
            unknown together, where at least ``LEAST_UNKNOWN`` rows have it and as many do not.

        Returns
        -------
        Knowledge
        """
        flag_groups = _apparent_groups(matrix, names) if groups is None else _declared_groups(groups, names)
        knowledge = cls(flag_groups, tuple(names))
        codes, counts = np.unique(knowledge.patterns(knowledge.flags(matrix)), return_counts=True)
        steps = counts // ROUNDED_TO * ROUNDED_TO
        rows = {
            knowledge.name_of(code): count
            for code, count in zip(codes.tolist(), steps.tolist(), strict=True)
            # Of a small training too, something must say that counts are held: no entry at all is a model of format 1.
            if count or code == 0
        } or {EVERYTHING_KNOWN: 0}
        return cls(flag_groups, tuple(names), rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the flags, in order."""
        return tuple(self.groups)

    @cached_property
    def _places(self) -> tuple[npt.NDArray[np.intp], ...]:
        position = {name: place for place, name in enumerate(self.columns)}
        return tuple(np.array([position[name] for name in group]) for group in self.groups.values())

    def flags(self, matrix: TableArray) -> FloatArray:
        """Flag the rows of which no column of a group is known.

        Parameters
        ----------
        matrix : (n, p) array
            The value columns, NaN = not known.

        Returns
        -------
        (n, flags) array of 0 and 1
        """
        flags = np.empty((len(matrix), len(self.groups)))
        for rows in row_blocks(len(matrix), matrix):
            unknown = np.isnan(matrix[rows])
            for place, columns in enumerate(self._places):
                # None known at all: one mark of twelve weeks is knowledge, though some of its columns may be
                # missing.
                flags[rows, place] = unknown[:, columns].all(axis=1)
        return flags

    def patterns(self, flags: TableArray) -> IntArray:
        """Give the pattern of each row of flags a number: the sum of 2 to the place of each flag."""
        # At most 60 flags: 63 bits hold them with room for the sign.
        weights = np.int64(1) << np.arange(flags.shape[1], dtype=np.int64)
        codes: IntArray = np.where(flags > 0, weights, 0).sum(axis=1)
        return codes

    def name_of(self, pattern: int) -> str:
        """Name a pattern by its flags, joined by "+"; empty where everything is known."""
        return "+".join(name for place, name in enumerate(self.groups) if pattern >> place & 1)

    def rows_like(self, matrix: FloatArray) -> IntArray:
        """Count the rows of the training with the pattern of each row, in steps of ``ROUNDED_TO``; 0 for a rare pattern."""
        codes, at = np.unique(self.patterns(self.flags(matrix)), return_inverse=True)
        counts = np.array([self.rows.get(self.name_of(code), 0) for code in codes.tolist()], dtype=np.int64)
        like: IntArray = counts[at] if len(counts) else np.zeros(len(matrix), dtype=np.int64)
        return like

    def is_learnt(self, matrix: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell which rows have a pattern with at least ``LEAST_LEARNT`` rows in the training.

        A model without counts (format 1) cannot be held to them: every row is then taken as learnt, as it was before.
        """
        if not self.rows:
            return np.ones(len(matrix), dtype=np.bool_)
        return self.rows_like(matrix) >= LEAST_LEARNT

    def to_dict(self) -> dict[str, Any]:
        """Give groups and counts as JSON values."""
        return {
            "groups": [[name, list(columns)] for name, columns in self.groups.items()],
            "rows": dict(self.rows),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], columns: Sequence[str]) -> Knowledge:
        """Rebuild what :meth:`to_dict` gave, for these value columns."""
        groups = {str(name): tuple(group) for name, group in values["groups"]}
        return cls(_declared_groups(groups, columns), tuple(columns), dict(values["rows"]))


def _apparent_groups(matrix: TableArray, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Group the columns that are always unknown together."""
    unknown = np.empty(matrix.shape, dtype=np.bool_)
    for rows in row_blocks(len(matrix), matrix):
        np.isnan(matrix[rows], out=unknown[rows])
    count = unknown.sum(axis=0)
    telling = np.flatnonzero((count >= LEAST_UNKNOWN) & (count <= len(matrix) - LEAST_UNKNOWN))
    together: dict[bytes, list[int]] = {}
    for column in telling.tolist():
        # Eight rows to a byte: the pattern of a column is a key of moderate size.
        together.setdefault(np.packbits(unknown[:, column]).tobytes(), []).append(column)
    # Most telling first; the order of the columns settles ties, and then is the order of the flags.
    spread = {group[0]: int(count[group[0]] * (len(matrix) - count[group[0]])) for group in together.values()}
    sets = sorted(together.values(), key=lambda group: (-spread[group[0]], group[0]))[:MOST_FLAGS]
    groups = [tuple(names[column] for column in group) for group in sorted(sets)]
    flags: dict[str, tuple[str, ...]] = {}
    for group in groups:
        flags[_flag_name(group[0], {*names, *flags})] = group
    return flags


def _flag_name(column: str, taken: Collection[str]) -> str:
    """Name a flag after its first column, as a pattern and a saved model can hold it, and unlike any other name."""
    # "+" joins the flags of a pattern.
    name = whole = f"{_PREFIX}{column.replace('+', '_')}"[:LONGEST_NAME]
    number = 1
    while name in taken:
        number += 1
        name = f"{whole[: LONGEST_NAME - len(str(number)) - 1]}_{number}"
    return name


def _declared_groups(groups: KnowledgeGroups, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    refuse_other_kinds(
        {"knowledge": (groups, Mapping)},
        hint="knowledge={'not_known_marks': ['mean_grade']}; leave it out to have the flags made.",
        error=ModelError,
    )
    refuse_long_names("flags", groups)
    faults = [f"{name!r} is a column of the table" for name in groups if name in names]
    faults += [f"{name!r} holds '+'" for name in groups if "+" in name]
    faults += [f"{name!r} is one text" for name, columns in groups.items() if isinstance(columns, str)]
    if len(groups) > MOST_FLAGS:
        faults.append(f"{len(groups)} flags")
    if faults:
        raise ModelError(
            explain_error(
                f"knowledge cannot be used: {'; '.join(faults)}",
                expected=f"at most {MOST_FLAGS} names of flags that are no column, each with a list of columns",
                hint="Rename these flags, or leave knowledge out to have them made.",
            )
        )
    own = {name: tuple(column for column in columns if column in names) for name, columns in groups.items()}
    return {name: columns for name, columns in own.items() if columns}
