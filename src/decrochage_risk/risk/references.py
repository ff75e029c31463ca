"""The reference value of every column: what "not known" stands for, and what a pupil is compared with.

One median per column and group label (a level and a time of year, say), global where a group knows too little.
A missing value is replaced by it *before* the boosters see the row, in training and in serving, so that "not
known" and "as the reference" are the same number to the last bit. LightGBM itself would read NaN as 0 in a
column that had none in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ColumnsError, ModelError, explain_error
from decrochage_risk.risk.numeric_table import ROWS_AT_A_TIME, FloatArray, IntArray, numeric_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["ENOUGH_KNOWN", "References"]

ENOUGH_KNOWN = 20
"""Known values that a group must have in a column for a median of its own; the global median below that."""


@dataclass(frozen=True, eq=False)
class References:
    """Median of every column, globally and per group label.

    The median is the *lower* one (of an even count, the smaller of the two middle values), so that it is always a
    value that some pupil had: a reference pupil has 0 or 1 repeated years, never 0.5.

    Attributes
    ----------
    columns : tuple of str
        The columns kept, in the order of the boosters.
    dropped : tuple of str
        Columns without one known value in training: nothing can be learnt from them.
    context : tuple of str
        Columns in which the reference of a row is the row's own value.
    labels : tuple of str
        The group labels, as text, sorted.
    overall : (p,) array
        Median over all known values.
    by_label : (labels, p) array
        Median per group label.

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

    @classmethod
    def fit(
        cls, features: pd.DataFrame, labels: npt.ArrayLike | None = None, *, context: Sequence[str] = ()
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
        return cls.of_matrix(
            numeric_matrix(features), [str(name) for name in features.columns], labels, context=context
        )

    @classmethod
    def of_matrix(
        cls,
        matrix: FloatArray,
        names: Sequence[str],
        labels: npt.ArrayLike | None = None,
        *,
        context: Sequence[str] = (),
    ) -> References:
        """Compute the medians of what :func:`numeric_matrix` gave, see :meth:`fit`."""
        _refuse_context(context, names)
        known = ~np.isnan(matrix).all(axis=0)
        if not known.any():
            raise ColumnsError(
                explain_error(
                    f"None of the {len(names)} columns has a known value in {len(matrix)} rows",
                    expected="at least one column with a known value",
                    hint="Check that the tables the features are computed from were read.",
                )
            )
        kept = tuple(names[at] for at in np.flatnonzero(known).tolist())
        held = matrix if known.all() else matrix[:, known]
        overall, _ = _lower_medians(held)
        found, by_label = _medians_by_label(held, labels, overall)
        return cls(
            columns=kept,
            dropped=tuple(name for name in names if name not in kept),
            context=tuple(name for name in kept if name in context),
            labels=found,
            overall=overall,
            by_label=by_label,
        )

    def filled(
        self, features: pd.DataFrame | npt.ArrayLike, reference_groups: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Replace every value that is not known by the reference of the row's group.

        Parameters
        ----------
        features : DataFrame or (n, p) array
            The kept columns, in any order (a frame) or in the order of ``columns`` (an array).
        reference_groups : (n,) array_like, optional
            Group label per row; an unknown or missing label, or none at all, stands for the global medians.

        Returns
        -------
        (n, p) float64 array, C order, without NaN
        """
        return self.filled_matrix(numeric_matrix(features, self.columns), reference_groups)

    def filled_matrix(self, matrix: FloatArray, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Fill what :func:`numeric_matrix` gave, in place; see :meth:`filled`."""
        codes = _label_codes(reference_groups, len(matrix), self._position)
        for first in range(0, len(matrix), ROWS_AT_A_TIME):
            rows = matrix[first : first + ROWS_AT_A_TIME]
            missing = np.isnan(rows)
            if missing.any():
                np.copyto(rows, self._medians[codes[first : first + ROWS_AT_A_TIME]], where=missing)
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
        own = self.filled(features, reference_groups)
        rows = self._rows_of(len(own), reference_groups)
        rows[:, self._context_places] = own[:, self._context_places]
        return rows

    def _rows_of(self, rows: int, reference_groups: npt.ArrayLike | None) -> FloatArray:
        return self._medians[_label_codes(reference_groups, rows, self._position)]

    @cached_property
    def _medians(self) -> FloatArray:
        return np.vstack([self.by_label, self.overall])

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
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> References:
        """Rebuild what :meth:`to_dict` gave."""
        labels = tuple(sorted(values["by_label"]))
        overall = np.array(values["overall"], dtype=np.float64)
        rows = [values["by_label"][label] for label in labels]
        return cls(
            columns=tuple(values["columns"]),
            dropped=tuple(values["dropped"]),
            context=tuple(values["context"]),
            labels=labels,
            overall=overall,
            by_label=np.array(rows, dtype=np.float64).reshape(len(labels), overall.size),
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


def _lower_medians(matrix: FloatArray) -> tuple[FloatArray, IntArray]:
    """Lower median of the known values of each column (NaN where there is none), and their number."""
    known = (~np.isnan(matrix)).sum(axis=0)
    ordered = np.sort(matrix, axis=0)  # NaN comes last
    middle = np.maximum(known - 1, 0) // 2
    return ordered[middle, np.arange(matrix.shape[1])], known


def _medians_by_label(
    matrix: FloatArray, labels: npt.ArrayLike | None, overall: FloatArray
) -> tuple[tuple[str, ...], FloatArray]:
    if labels is None:
        return (), np.empty((0, overall.size))
    texts, missing = _label_texts(labels, len(matrix))
    found, codes = np.unique(texts[~missing], return_inverse=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(found) + 1))
    rows = np.flatnonzero(~missing)[order]
    by_label = np.empty((len(found), overall.size))
    for label in range(len(found)):
        medians, known = _lower_medians(matrix[rows[bounds[label] : bounds[label + 1]]])
        by_label[label] = np.where(known >= ENOUGH_KNOWN, medians, overall)
    return tuple(str(label) for label in found), by_label


def _label_texts(labels: npt.ArrayLike, rows: int) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    values = np.asarray(labels, dtype=object)
    if values.shape != (rows,):
        raise ModelError(
            explain_error(
                f"reference_groups has shape {values.shape}",
                expected=f"one label per row, shape ({rows},)",
                hint="Pass the labels in the order of the rows, or None for the global reference.",
            )
        )
    missing = np.asarray(pd.isna(values), dtype=bool)
    codes, uniques = pd.factorize(values)
    texts = np.array([str(label) for label in uniques], dtype=object)
    return (texts[codes] if len(texts) else values), missing


def _label_codes(labels: npt.ArrayLike | None, rows: int, position: Mapping[str, int]) -> IntArray:
    """Row of each label in the stacked medians; the last row is the global one."""
    if labels is None:
        return np.full(rows, len(position), dtype=np.int64)
    values = np.asarray(labels, dtype=object)
    if values.shape == (1,) == (rows,):
        known = not pd.isna(values[0])
        return np.array(
            [position.get(str(values[0]), len(position)) if known else len(position)], dtype=np.int64
        )
    texts, missing = _label_texts(labels, rows)
    codes, uniques = pd.factorize(texts)
    lookup = np.array([position.get(text, len(position)) for text in uniques], dtype=np.int64)
    return np.where(missing, len(position), lookup[codes] if len(lookup) else len(position))
