"""The reference value of every column: what "not known" stands for, and what a pupil is compared with.

One median per column, group label (a level and a time of year, say) and pattern of knowledge, see
`decrochage_risk.risk.knowledge`; where a group knows too little, that of a wider one. A missing value is replaced by it
*before* the boosters see the row, in training and in serving, so that "not known" and "as the reference pupil who is not
known either" are the same number to the last bit. LightGBM itself would read NaN as 0 in a column that had none in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ColumnsError, ModelError, explain_error
from decrochage_risk.risk.knowledge import Knowledge
from decrochage_risk.risk.numeric_table import (
    COLUMNS_AT_A_TIME,
    BoolArray,
    FloatArray,
    IntArray,
    TableArray,
    compact_matrix,
    new_table,
    numeric_matrix,
    row_blocks,
    some_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.risk.knowledge import KnowledgeGroups


__all__ = ["ENOUGH_KNOWN", "References"]

TableT = TypeVar("TableT", bound=TableArray)

ENOUGH_KNOWN = 20
"""Rows of a group, and known values of it in a column, for a median of its own; that of a wider group below."""
_STEP, _PATTERN = "@", "|"
"""A label may be a path ("cap1@03"), whose last step is left out first; in the key of a group its pattern follows."""


@dataclass(frozen=True, eq=False)
class References:
    """Median of every column, globally and per group label.

    The median is the *lower* one (of an even count, the smaller of the two middle values), so that it is always a
    value that some pupil had: a reference pupil has 0 or 1 repeated years, never 0.5.

    Attributes
    ----------
    columns : tuple of str
        The columns kept, in the order of the boosters: those with values, then the flags of ``knowledge``.
    dropped : tuple of str
        Columns without one known value in training: nothing can be learnt from them.
    context : tuple of str
        Columns in which the reference of a row is the row's own value; the flags are among them.
    labels : tuple of str
        The groups with medians of their own, sorted: a label, or a part of its path, and the pattern of knowledge.
    overall : (p,) array
        Median over all known values.
    by_label : (labels, p) array
        Median per group: of its known values, or of those of the first wider group that knows enough (label and
        pattern; the path of the label without its last step, and pattern; pattern; all). A row of a pattern without any
        group is compared by its label, as if everything were known.
    general : (labels, p) array of bool
        Where that median is one of all labels together: what such a value is compared with is not of its own label.
    knowledge : Knowledge
        The flags.

    Examples
    --------
    >>> table = pd.DataFrame({"absences": [4.0, 0.0, np.nan], "level": [1, 0, 1]})
    >>> references = References.fit(table, None, context=["level"])
    >>> references.filled(table)
    array([[4., 1.],
           [0., 0.],
           [0., 1.]])
    >>> references.reference_rows(table)
    array([[0., 1.],
           [0., 0.],
           [0., 1.]])
    """

    columns: tuple[str, ...]
    dropped: tuple[str, ...]
    context: tuple[str, ...]
    labels: tuple[str, ...]
    overall: FloatArray
    by_label: FloatArray
    general: BoolArray
    knowledge: Knowledge

    @classmethod
    def fit(
        cls,
        features: pd.DataFrame,
        labels: npt.ArrayLike | None = None,
        *,
        context: Sequence[str] = (),
        knowledge: KnowledgeGroups | None = None,
    ) -> References:
        """Compute the medians of a table.

        Parameters
        ----------
        features : DataFrame, n rows
            Numeric columns, NaN = not known.
        labels : (n,) array_like, optional
            The reference group of each row; read as text, missing = no group.
        context : sequence of str
            Columns that equal the reference by construction.
        knowledge : mapping, optional
            Flags to make, see :meth:`Knowledge.of_matrix`.

        Returns
        -------
        References : the medians, the kept and the dropped columns

        Raises
        ------
        ColumnsError
            The table cannot be used (see :func:`numeric_matrix`), or no column has a known value.
        ModelError
            ``context`` names unknown columns, or ``labels`` has another length.
        """
        names = [str(name) for name in features.columns]
        of_table, _ = cls.with_table(
            compact_matrix(features), names, labels, context=context, knowledge=knowledge
        )
        return of_table

    @classmethod
    def with_table(
        cls,
        matrix: TableArray,
        names: Sequence[str],
        labels: npt.ArrayLike | None = None,
        *,
        context: Sequence[str] = (),
        knowledge: KnowledgeGroups | None = None,
    ) -> tuple[References, TableArray]:
        """Compute the medians of what :func:`compact_matrix` gave, see :meth:`fit`; with the kept columns and flags, not filled."""
        _refuse_context(context, names)
        has_values = np.zeros(len(names), dtype=np.bool_)
        for rows in row_blocks(len(matrix), matrix):
            has_values |= ~np.isnan(matrix[rows]).all(axis=0)
        if not has_values.any():
            raise ColumnsError(
                explain_error(
                    f"None of the {len(names)} columns has a known value in {len(matrix)} rows",
                    expected="at least one column with a known value",
                    hint="Check that the tables the features are computed from were read.",
                )
            )
        columns = tuple(names[at] for at in np.flatnonzero(has_values).tolist())
        if knowledge is None:
            # A column of the context sets the base of a risk for everybody: its gaps are those of a place, not of
            # a row.
            own_places = [at for at, name in enumerate(names) if has_values[at] and name not in context]
            knowledge = Knowledge.of_matrix(matrix[:, own_places], [names[at] for at in own_places]).groups
        flags, table = _flagged_table(matrix, has_values, columns, knowledge)
        overall, _ = _lower_medians(table)
        groups, by_label, general = _medians_by_group(table, labels, overall, flags)
        references = cls(
            columns=(*columns, *flags.names),
            dropped=tuple(name for name in names if name not in columns),
            context=(*(name for name in columns if name in context), *flags.names),
            labels=groups,
            overall=overall,
            by_label=by_label,
            general=general,
            knowledge=flags,
        )
        return references, table

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The kept columns of the table, without the flags."""
        return self.knowledge.columns

    @property
    def group_labels(self) -> tuple[str, ...]:
        """The labels that rows may have: those with a group, whatever is known, and no part of a path alone."""
        labels = {label.partition(_PATTERN)[0] for label in self.labels}
        parents = {label.rpartition(_STEP)[0] for label in labels}
        return tuple(sorted(labels - parents - {""}))

    def filled(
        self, features: pd.DataFrame | npt.ArrayLike, reference_groups: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Replace every value that is not known by the reference of the row's group.

        Parameters
        ----------
        features : DataFrame or (n, p) array
            The kept columns of the table, in any order (a frame) or in their own (an array); or an array with the flags
            after them, as this method gives it.
        reference_groups : (n,) array_like, optional
            Group label per row; an unknown or missing label, or none at all, stands for the global medians.

        Returns
        -------
        (n, p) float64 array, C order, without NaN
        """
        return self.filled_matrix(self._with_flags(features), reference_groups)

    def _with_flags(self, features: pd.DataFrame | npt.ArrayLike) -> FloatArray:
        """Give the columns of a frame, or an array, with every flag."""
        if not isinstance(features, pd.DataFrame) and np.shape(features)[1:] == (len(self.columns),):
            return numeric_matrix(features, self.columns)
        return self.flagged(numeric_matrix(features, self.value_columns))

    def flagged(self, matrix: FloatArray) -> FloatArray:
        """Add the flags to a matrix of the value columns."""
        return np.hstack([matrix, self.knowledge.flags(matrix)]) if self.knowledge.names else matrix

    def filled_matrix(self, matrix: TableT, reference_groups: npt.ArrayLike | None = None) -> TableT:
        """Fill a matrix of all columns, flags included, in place; see :meth:`filled`."""
        if reference_groups is not None:
            # Also where nothing is missing: another length is a mistake, whatever the rows hold.
            _labels_of_rows(reference_groups, len(matrix))
        codes: IntArray | None = None
        for block in row_blocks(len(matrix), matrix):
            rows = matrix[block]
            missing = np.isnan(rows)
            if missing.any():
                # Found at the first gap: rows that are filled already need no group.
                codes = self._codes(matrix, reference_groups) if codes is None else codes
                # Medians are values of the table, so that single precision holds them where it holds the table.
                np.copyto(rows, self._medians[codes[block]], where=missing, casting="same_kind")
        return matrix

    def reference_rows(
        self, features: pd.DataFrame | npt.ArrayLike, reference_groups: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Give the reference of each row: the medians of its group, with the row's own context values.

        Parameters
        ----------
        features : DataFrame or (n, p) array
            As in :meth:`filled`.
        reference_groups : (n,) array_like, optional
            As in :meth:`filled`.

        Returns
        -------
        (n, p) float64 array, C order
        """
        return self.references_of(self.filled(features, reference_groups), reference_groups)

    def references_of(self, filled: FloatArray, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Give :meth:`reference_rows` of rows that :meth:`filled` gave: nothing in them is looked at again."""
        rows = self._medians[self._codes(filled, reference_groups)]
        # The context equals the row's own: it sets the base, and can never be a reason.
        rows[:, self._context_places] = filled[:, self._context_places]
        return rows

    def general_of(self, filled: FloatArray, reference_groups: npt.ArrayLike | None = None) -> BoolArray:
        """Say which references of :meth:`references_of` are those of all labels together, not of the row's own.

        Parameters
        ----------
        filled : (n, p) array
            Rows that :meth:`filled` gave.
        reference_groups : (n,) array_like, optional
            As in :meth:`filled`.

        Returns
        -------
        (n, p) array of bool
        """
        return self._is_general[self._codes(filled, reference_groups)]

    def _codes(self, matrix: TableArray, labels: npt.ArrayLike | None) -> IntArray:
        """Row of each row's group in the stacked medians; the last row is the global one."""
        patterns = self.knowledge.patterns(matrix[:, len(self.value_columns) :])
        return _group_codes(labels, patterns, self.knowledge, self._position)

    @cached_property
    def _medians(self) -> FloatArray:
        return np.vstack([self.by_label, self.overall])

    @cached_property
    def _is_general(self) -> BoolArray:
        return np.vstack([self.general, np.ones(len(self.columns), dtype=np.bool_)])

    @cached_property
    def _context_places(self) -> list[int]:
        return [self.columns.index(name) for name in self.context]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {label: position for position, label in enumerate(self.labels)}

    def to_dict(self) -> dict[str, Any]:
        """Give the medians as JSON values, exact to the last bit."""
        return {
            "columns": list(self.columns),
            "dropped": list(self.dropped),
            "context": list(self.context),
            "overall": self.overall.tolist(),
            "by_label": {label: self.by_label[at].tolist() for at, label in enumerate(self.labels)},
            # A group without a label is of all of them: that needs no saying.
            "general": {
                label: [
                    name
                    for name, is_general in zip(self.columns, self.general[at].tolist(), strict=True)
                    if is_general
                ]
                for at, label in enumerate(self.labels)
                if _has_label(label) and self.general[at].any()
            },
            "knowledge": self.knowledge.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> References:
        """Rebuild what :meth:`to_dict` gave."""
        labels = tuple(sorted(values["by_label"]))
        overall = np.array(values["overall"], dtype=np.float64)
        rows = [values["by_label"][label] for label in labels]
        flags = {name for name, _ in values["knowledge"]["groups"]}
        own = [name for name in values["columns"] if name not in flags]
        general = [
            [not _has_label(label) or name in values["general"].get(label, ()) for name in values["columns"]]
            for label in labels
        ]
        return cls(
            knowledge=Knowledge.from_dict(values["knowledge"], own),
            columns=tuple(values["columns"]),
            dropped=tuple(values["dropped"]),
            context=tuple(values["context"]),
            labels=labels,
            overall=overall,
            by_label=np.array(rows, dtype=np.float64).reshape(len(labels), overall.size),
            general=np.array(general, dtype=np.bool_).reshape(len(labels), overall.size),
        )


def _refuse_context(context: Sequence[str], names: Sequence[str]) -> None:
    unknown = [name for name in context if name not in names]
    if unknown:
        raise ModelError(
            explain_error(
                f"context names columns that the table does not have: {', '.join(map(repr, unknown))}",
                expected=f"names among the {len(names)} columns of the table",
                hint="Correct the names, or leave them out of context.",
            )
        )


def _flagged_table(
    matrix: TableArray, kept: npt.NDArray[np.bool_], columns: Sequence[str], knowledge: KnowledgeGroups
) -> tuple[Knowledge, TableArray]:
    """Put the kept columns and the flags side by side; the flags over all columns, as groups may hold some of the context."""
    values = len(columns)
    count = sum(any(name in columns for name in group) for group in knowledge.values())
    table = new_table(len(matrix), values + count, matrix.dtype.type)
    for rows in row_blocks(len(matrix), matrix, table):
        table[rows, :values] = matrix[rows][:, kept]
    flags = Knowledge.of_matrix(table[:, :values], columns, knowledge)
    table[:, values:] = flags.flags(table[:, :values])
    return flags, table


def _lower_medians(matrix: TableArray, rows: IntArray | None = None) -> tuple[FloatArray, IntArray]:
    """Lower median of the known values of each column (NaN where there is none), and their number; of some rows or of all."""
    medians, counts = np.empty(matrix.shape[1]), np.empty(matrix.shape[1], dtype=np.int64)
    for first in range(0, matrix.shape[1], COLUMNS_AT_A_TIME):
        at = slice(first, first + COLUMNS_AT_A_TIME)
        part = some_columns(matrix, at, rows)
        count = (~np.isnan(part)).sum(axis=0)
        part.sort(axis=0)  # NaN comes last
        # The lower of two middle values is one that some pupil has: "2.5 absences" is nobody's.
        middle = np.maximum(count - 1, 0) // 2
        medians[at], counts[at] = part[middle, np.arange(part.shape[1])], count
    return medians, counts


def _medians_by_group(
    matrix: TableArray, labels: npt.ArrayLike | None, overall: FloatArray, knowledge: Knowledge
) -> tuple[tuple[str, ...], FloatArray, BoolArray]:
    """Keys of the groups with rows enough, sorted, their medians, from the widest groups to the finest, and which are general."""
    texts, _ = _label_texts(labels, len(matrix))
    patterns = knowledge.patterns(matrix[:, len(knowledge.columns) :])
    pairs = pd.DataFrame({"label": texts, "pattern": patterns})
    of_pair, pair = pairs.groupby(["label", "pattern"], sort=True).ngroup(), pairs.drop_duplicates()
    chains = {
        int(of_pair[row]): _chain(str(texts[row]), knowledge.name_of(int(patterns[row])))
        for row in pair.index.tolist()
    }
    members: dict[str, list[int]] = {}
    for number, chain in sorted(chains.items()):
        for key in chain:
            members.setdefault(key, []).append(number)
    order = np.argsort(of_pair.to_numpy(), kind="stable")
    bounds = np.searchsorted(of_pair.to_numpy()[order], np.arange(len(chains) + 1))
    medians: dict[str, FloatArray] = {}
    general: dict[str, BoolArray] = {}
    everywhere = np.ones(overall.size, dtype=np.bool_)
    for key in sorted(members, key=lambda key: (_depth(key), key)):
        rows = np.concatenate([order[bounds[number] : bounds[number + 1]] for number in members[key]])
        if len(rows) < ENOUGH_KNOWN or (key == _PATTERN and not knowledge.names):
            continue
        own, count = _lower_medians(matrix, rows)
        # From wide to narrow, so that the wider group is there already.
        around = next((other for other in _wider(key) if other in medians), None)
        wider, wider_general = (overall, everywhere) if around is None else (medians[around], general[around])
        knows_enough = count >= ENOUGH_KNOWN
        medians[key] = np.where(knows_enough, own, wider)
        general[key] = np.where(knows_enough, not _has_label(key), wider_general)
    keys, shape = tuple(sorted(medians)), (len(medians), overall.size)
    return (
        keys,
        np.array([medians[key] for key in keys]).reshape(shape),
        np.array([general[key] for key in keys], dtype=np.bool_).reshape(shape),
    )


def _chain(label: str, pattern: str) -> list[str]:
    """Keys of the groups that a row is one of, the finest first; all rows are none of them."""
    key = _key(label, pattern)
    return [key, *_wider(key)]


def _compared_with(label: str, pattern: str) -> list[str]:
    """Keys of the groups that a row may be compared with, the finest first.

    A pattern of knowledge that the training hardly held has no group of its own: such a row stands by its label then, as if
    everything were known of it, for the pupils of all levels together are nobody to compare it with.
    """
    return [*_chain(label, pattern), *(_chain(label, "") if pattern and label else [])]


def _wider(key: str) -> list[str]:
    """Keys of the groups around one, the finest first."""
    label, _, pattern = key.partition(_PATTERN)
    wider = []
    while label:
        label = label.rpartition(_STEP)[0]
        wider.append(_key(label, pattern))
    return wider


def _key(label: str, pattern: str) -> str:
    """Key of a group: its label alone where everything is known, with the pattern after it otherwise; "|" for no label."""
    return label if label and not pattern else f"{label}{_PATTERN}{pattern}"


def _has_label(key: str) -> bool:
    """Say whether a group is of one label, or of a part of its path: of the others, all labels are one."""
    return not key.startswith(_PATTERN)


def _depth(key: str) -> int:
    return len(_wider(key))


def _label_texts(
    labels: npt.ArrayLike | None, rows: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Give the label of each row as text, empty where it has none, and where that is."""
    if labels is None:
        return np.full(rows, "", dtype=object), np.ones(rows, dtype=np.bool_)
    values = _labels_of_rows(labels, rows)
    if rows == 1:
        # As below, without factorising: one pupil at a time is how a service asks.
        has_label = not pd.isna(values[0])
        return np.array([str(values[0]) if has_label else ""], dtype=object), np.array([not has_label])
    codes, uniques = pd.factorize(values)
    texts = np.array([*(str(label) for label in uniques), ""], dtype=object)
    return texts[codes], codes < 0


def _labels_of_rows(labels: npt.ArrayLike, rows: int) -> npt.NDArray[np.object_]:
    """Refuse labels of another length."""
    values = np.asarray(labels, dtype=object)
    if values.shape != (rows,):
        raise ModelError(
            explain_error(
                f"reference_groups has shape {values.shape}",
                expected=f"one label per row, shape ({rows},)",
                hint="Pass the labels in the order of the rows, or None for the global reference.",
            )
        )
    return values


def _group_codes(
    labels: npt.ArrayLike | None, patterns: IntArray, knowledge: Knowledge, position: Mapping[str, int]
) -> IntArray:
    """Row of each row's finest group in the stacked medians; the last row is the global one."""

    def code_of(label: str, pattern: int) -> int:
        chain = _compared_with(label, knowledge.name_of(pattern))
        return next((position[key] for key in chain if key in position), len(position))

    texts, _ = _label_texts(labels, len(patterns))
    # One pupil at a time is how a service asks: no factorising for a single row.
    if len(patterns) == 1:
        return np.array([code_of(texts[0], int(patterns[0]))], dtype=np.int64)
    label_codes, uniques = pd.factorize(texts)
    pattern_codes, values = pd.factorize(patterns)
    pair = label_codes.astype(np.int64) * max(len(values), 1) + pattern_codes
    distinct, at = np.unique(pair, return_inverse=True)
    codes = [
        code_of(str(uniques[one // len(values)]), int(values[one % len(values)])) for one in distinct.tolist()
    ]
    return np.array(codes, dtype=np.int64)[at] if codes else np.zeros(0, dtype=np.int64)
