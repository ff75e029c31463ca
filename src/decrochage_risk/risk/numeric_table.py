"""The numeric table that comes in: every check on columns and values before a number is used.

The model layer takes any numeric table. What it refuses, it refuses with the complete list of faults: text or
date columns, columns named twice, infinite or huge values, columns that the model needs and did not get.

Where the training says something: the range of each column, and rows that lie outside in many of them.

Trees are flat beyond the values they saw, so a row far outside gets the risk of the nearest edge and nothing shows it.
One odd value is common in real extracts and does no harm; many at once mean another kind of pupil, or a table in
another unit: no risk is then better than a confident one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ColumnsError, ModelError, explain_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pandas.api.extensions import ExtensionDtype


__all__ = [
    "HUGE",
    "ROWS_AT_A_TIME",
    "SIGNIFICANT_BITS",
    "FloatArray",
    "IntArray",
    "TrainingRange",
    "binary_outcome",
    "numeric_matrix",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

HUGE = 1e15
"""Largest absolute value taken. Beyond it float64 no longer holds units, and the value is a mistake of the source."""

SIGNIFICANT_BITS = 20
"""Precision that the boosters see, about one part in a million.

Two values that differ by the last bits of a division would otherwise get a threshold between them, which another
machine may put on the other side. A threshold half-way between two values of 20 bits is exact in single precision,
so that tools which hold thresholds there (``shap``) read the same trees.
"""

_DROPPED_BITS = 53 - SIGNIFICANT_BITS
ROWS_AT_A_TIME = 4_096
"""As many as stay in the caches."""


def numeric_matrix(
    features: pd.DataFrame | npt.ArrayLike, columns: Sequence[str] | None = None
) -> FloatArray:
    """Check a table and return it as a matrix.

    Parameters
    ----------
    features : DataFrame or (n, p) array
        Bool, integer or float columns (nullable and Arrow-backed ones too); NaN or NA means "not known". An
        array is taken only with ``columns``, whose order it must have.
    columns : sequence of str, optional
        The columns to return, in this order; further ones are ignored. All columns of the frame by default.

    Returns
    -------
    (n, p) float64 array, C order
        Negative zeros are turned into zeros, so that equal values have equal bytes, and values are rounded to
        ``SIGNIFICANT_BITS``.

    Raises
    ------
    ColumnsError
        Columns missing, named twice, not numeric, infinite or beyond ``HUGE``; every one of them is named.

    Examples
    --------
    >>> table = pd.DataFrame({"absences": [3, 0], "boarder": [True, False]})
    >>> numeric_matrix(table, ["boarder", "absences"])
    array([[1., 3.],
           [0., 0.]])
    """
    if isinstance(features, pd.DataFrame):
        matrix, names = _frame_matrix(features, columns)
    else:
        matrix, names = _array_matrix(features, columns)
    result = np.empty(matrix.shape)
    for first in range(0, len(matrix), ROWS_AT_A_TIME):
        part = slice(first, first + ROWS_AT_A_TIME)
        # Adding 0 makes 0.0 of -0.0, which would have other bits and other hashes.
        rows = np.add(matrix[part], 0.0, out=result[part])
        unknown = np.isnan(rows)
        if not (unknown | (np.abs(rows) <= HUGE)).all():
            _refuse_values(matrix, names)
        _snap(rows)
        # NaN has a payload of bits, which the rounding may have turned into an infinity.
        rows[unknown] = np.nan
    return result


def _snap(rows: FloatArray) -> None:
    """Round in place to ``SIGNIFICANT_BITS``, half away from zero: a monotone map, so no order is ever turned round."""
    bits = rows.view(np.int64)
    # Doubles order like integers of their bits, sign apart: half of the last kept bit is added, the rest cut
    # off.
    bits += np.int64(1) << np.int64(_DROPPED_BITS - 1)
    bits >>= np.int64(_DROPPED_BITS)
    bits <<= np.int64(_DROPPED_BITS)


def _frame_matrix(frame: pd.DataFrame, columns: Sequence[str] | None) -> tuple[FloatArray, list[str]]:
    names = [str(name) for name in frame.columns] if columns is None else list(columns)
    _refuse_names(frame, columns)
    part = frame if columns is None else frame.loc[:, names]
    bad = [
        f"{name!r} ({dtype})" for name, dtype in zip(names, part.dtypes, strict=True) if not _is_real(dtype)
    ]
    if bad:
        raise ColumnsError(
            explain_error(
                f"{len(bad)} of {len(names)} columns are not numeric: {', '.join(bad)}",
                expected="bool, integer or float columns, NaN for what is not known",
                hint="Encode categories as 0/1 columns (pandas.get_dummies), turn dates into numbers of days, and text "
                "numbers into floats (pandas.to_numeric), or leave these columns out.",
            )
        )
    return part.to_numpy(dtype=np.float64, na_value=np.nan), names


def _is_real(dtype: np.dtype[Any] | ExtensionDtype) -> bool:
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biuf"
    is_number = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    return is_number and not isinstance(dtype, pd.CategoricalDtype)


def _refuse_names(frame: pd.DataFrame, columns: Sequence[str] | None) -> None:
    present = frame.columns
    names = present if columns is None else pd.Index(list(columns))
    faults = []
    not_text = [repr(name) for name in names if not isinstance(name, str)]
    if not_text:
        faults.append(f"column names that are not text: {', '.join(not_text)}")
    twice = sorted({str(name) for name in present[present.duplicated()] if name in names})
    if twice:
        faults.append(f"columns named twice: {', '.join(twice)}")
    missing = [str(name) for name in names if name not in present]
    if missing:
        extra = [str(name) for name in present if name not in names]
        faults.append(f"{len(missing)} of {len(names)} columns are missing: {', '.join(missing)}")
        faults.append(f"columns that came and are not used: {', '.join(extra) or 'none'}")
    if faults:
        raise ColumnsError(
            explain_error(
                "The table has " + "; ".join(faults),
                expected="each column of the model once, named by text, in any order"
                if columns is not None
                else "columns named once each, by text",
                hint="Rename or add the columns; a value that is not known is NaN, not a column left out.",
            )
        )


def _array_matrix(features: npt.ArrayLike, columns: Sequence[str] | None) -> tuple[FloatArray, list[str]]:
    matrix = np.asarray(features)
    expectation = (
        "a DataFrame" if columns is None else f"a DataFrame, or a numeric array of shape (n, {len(columns)})"
    )
    if (
        columns is None
        or matrix.dtype.kind not in "biuf"
        or matrix.shape != ((*matrix.shape[:1], len(columns)))
    ):
        raise ColumnsError(
            explain_error(
                f"The features came as {type(features).__name__} of shape {matrix.shape} and type {matrix.dtype}",
                expected=expectation,
                hint="Pass a pandas DataFrame with one named numeric column per feature.",
            )
        )
    return matrix.astype(np.float64), list(columns)


def _refuse_values(matrix: FloatArray, names: Sequence[str]) -> None:
    # Looked for only now: the usual table pays one comparison per cell.
    bad = np.abs(np.nan_to_num(matrix, nan=0.0, posinf=np.inf, neginf=-np.inf)) > HUGE
    counts = bad.sum(axis=0)
    faults = [
        f"{names[column]!r} ({counts[column]} rows, first row {int(bad[:, column].argmax())}: "
        f"{matrix[int(bad[:, column].argmax()), column]:g})"
        for column in np.flatnonzero(counts).tolist()
    ]
    raise ColumnsError(
        explain_error(
            f"{len(faults)} columns hold infinite or huge values: {', '.join(faults)}",
            expected=f"finite numbers of at most {HUGE:g} in absolute value, NaN for what is not known",
            hint="Correct the values at their source, or replace them by NaN when they mean 'not known'.",
        )
    )


def binary_outcome(outcome: npt.ArrayLike, rows: int) -> FloatArray:
    """Check a 0/1 outcome and return it as floats.

    Parameters
    ----------
    outcome : (n,) array_like of bool or 0/1
        1 where the event happened.
    rows : int
        The number of rows it must have.

    Returns
    -------
    (n,) float64 array of 0.0 and 1.0

    Raises
    ------
    ModelError
        Another length, another type, missing values, or values other than 0 and 1.

    Examples
    --------
    >>> binary_outcome([True, False, True], rows=3)
    array([1., 0., 1.])
    """
    series = outcome if isinstance(outcome, pd.Series) else pd.Series(np.asarray(outcome).ravel())
    faults = [] if len(series) == rows else [f"{len(series)} values for {rows} rows"]
    if _is_real(series.dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        unknown = np.isnan(values)
        other = ~unknown & (values != 0) & (values != 1)
        if unknown.any():
            faults.append(f"{int(unknown.sum())} missing values, first in row {int(unknown.argmax())}")
        if other.any():
            faults.append(f"{int(other.sum())} values other than 0 and 1, the first is {values[other][0]:g}")
        if not faults:
            return values + 0.0
    else:
        faults.append(f"values of type {series.dtype}")
    raise ModelError(
        explain_error(
            f"The outcome has {'; '.join(faults)}",
            expected=f"{rows} values, each 0 or 1 (or False, True)",
            hint="Leave rows whose outcome is not known out of the training: they are censored, not negative.",
        )
    )


LEEWAY: Final = 0.5
"""How far a value may lie beyond the smallest and the largest of the training, in parts of the distance between them."""
LEAST_COLUMNS: Final = 3
LEAST_SHARE: Final = 0.25
"""A row is outside with at least so many columns outside, and at least this share of those that are known."""


@dataclass(frozen=True, eq=False)
class TrainingRange:
    """Range of each column that has a meaning of its own; a training gives that of all but a few rows, rounded outward.

    Attributes
    ----------
    columns : tuple of str
        The columns, context columns left out.
    lowest, highest : (p,) arrays
        Over the known values of the training.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"absences": [0.0, 8.0], "mean": [5.0, 15.0], "late": [0.0, 4.0], "level": [0.0, 1.0]})
    >>> inside = TrainingRange.fit(seen, ["absences", "mean", "late"])
    >>> rows = pd.DataFrame({"absences": [3.0, 90.0, 90.0], "mean": [9.0, 9.0, 80.0], "late": [1.0, 1.0, 60.0]})
    >>> inside.outside(rows)
    array([False, False,  True])
    """

    columns: tuple[str, ...]
    lowest: FloatArray
    highest: FloatArray

    @classmethod
    def fit(cls, features: pd.DataFrame, columns: Sequence[str]) -> TrainingRange:
        """Find the range of some columns, each with at least one known value."""
        matrix = numeric_matrix(features, tuple(columns))
        return cls(tuple(columns), np.nanmin(matrix, axis=0), np.nanmax(matrix, axis=0))

    def outside(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Tell which rows lie outside the training in many columns; a value that is not known is not outside.

        Parameters
        ----------
        features : DataFrame, n rows
            The columns, in any order, further ones ignored.

        Returns
        -------
        (n,) bool array
        """
        return self.outside_values(numeric_matrix(features, self.columns))

    def outside_values(self, matrix: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell the same of rows in the order of ``columns``."""
        reach = LEEWAY * (self.highest - self.lowest)
        beyond = ((matrix < self.lowest - reach) | (matrix > self.highest + reach)).sum(axis=1)
        count = (~np.isnan(matrix)).sum(axis=1)
        return np.asarray((beyond >= LEAST_COLUMNS) & (beyond >= LEAST_SHARE * count), dtype=np.bool_)

    def to_dict(self) -> dict[str, Any]:
        """Give the range as JSON values, exact to the last bit."""
        return {
            "columns": list(self.columns),
            "lowest": self.lowest.tolist(),
            "highest": self.highest.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingRange:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(
            tuple(values["columns"]),
            np.array(values["lowest"], dtype=np.float64),
            np.array(values["highest"], dtype=np.float64),
        )
