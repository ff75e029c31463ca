"""The numeric table that comes in: every check on columns and values before a number is used.

The model layer takes any numeric table. What it refuses, it refuses with the complete list of faults: text or
date columns, columns named twice, infinite or huge values, columns that the model needs and did not get.

Where the training says something: the range of each column, and rows that lie outside in many of them.

Trees are flat beyond the values they saw, so a row far outside gets the risk of the nearest edge and nothing shows it.
One odd value is common in real extracts and does no harm; many at once mean another kind of pupil, or a table in
another unit: no risk is then better than a confident one.

Where a training keeps its large tables: in files without a name, read and written some rows or columns at a time.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ColumnsError, ModelError, explain_error, refuse_other_kinds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pandas.api.extensions import ExtensionDtype


__all__ = [
    "COLUMNS_AT_A_TIME",
    "HELD",
    "HUGE",
    "LARGEST_SAVED",
    "LONGEST_NAME",
    "ROWS_AT_A_TIME",
    "SIGNIFICANT_BITS",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "TableArray",
    "TrainingRange",
    "binary_outcome",
    "columns_of",
    "compact_matrix",
    "copied",
    "give_back",
    "new_table",
    "numeric_matrix",
    "refuse_long_names",
    "row_blocks",
    "rows_of",
    "some_columns",
    "trim_memory",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
TableArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""A large table, in single precision where that loses nothing."""

HUGE = 1e15
"""Largest absolute value taken. Beyond it float64 no longer holds units, and the value is a mistake of the source."""

LARGEST_SAVED = 2 * HUGE
"""Largest absolute value that a saved model may hold: one rounded to its bits, or outward with the span of its column, passes ``HUGE``."""

LONGEST_NAME = 200
"""Characters of the name of a column, a flag or a group in a saved model."""

SIGNIFICANT_BITS = 20
"""Precision that the boosters see, about one part in a million.

Two values that differ by the last bits of a division would otherwise get a threshold between them, which another
machine may put on the other side. A threshold half-way between two values of 20 bits is exact in single precision,
so that tools which hold thresholds there (``shap``) read the same trees.
"""

_SHOWN = 40
_DROPPED_BITS = 53 - SIGNIFICANT_BITS
ROWS_AT_A_TIME = 4_096
"""As many as stay in the caches."""
COLUMNS_AT_A_TIME = 16
"""As many of one row lie in one line of the cache."""
HELD = 32_000_000
"""Bytes up to which a table of a training is held in memory; the libraries alone take several times as much."""


def new_table(
    rows: int, columns: int, dtype: type[np.floating[Any]] = np.float64, *, order: Literal["C", "F"] = "C"
) -> TableArray:
    """Make room for a table: in memory where it is small, in a file of the folder for temporary files beyond.

    The file has no name and ends with the process, however that ends. Its pages are read and written like memory, and count as
    memory only until :func:`give_back`. Numbers are the same either way.

    Parameters
    ----------
    rows, columns : int
    dtype : type
        ``float64`` or ``float32``.
    order : {"C", "F"}
        Row after row, or column after column.

    Returns
    -------
    (rows, columns) array
        Whatever was there.
    """
    size = rows * columns * np.dtype(dtype).itemsize
    if size > HELD and hasattr(os, "posix_fallocate") and hasattr(mmap, "MADV_DONTNEED"):
        with tempfile.TemporaryFile() as file:
            try:
                # All the room is taken now: a disk found full at the first write to a page would kill the process.
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                return np.empty((rows, columns), dtype, order=order)
            pages = mmap.mmap(file.fileno(), size)
        return np.frombuffer(pages, dtype).reshape((rows, columns), order=order)
    return np.empty((rows, columns), dtype, order=order)


def give_back(*tables: pd.DataFrame | TableArray) -> None:
    """Give the memory of tables that lie in files back to the system; what they hold is read again when it is asked for."""
    for table in tables:
        # Most trainings are small: walking over the columns of a frame costs more than what it would give back.
        if isinstance(table, pd.DataFrame) and table.size * np.dtype(np.float64).itemsize <= HELD:
            continue
        arrays = (
            [table[name].to_numpy() for name in table.columns] if isinstance(table, pd.DataFrame) else [table]
        )
        for pages in {id(pages): pages for pages in map(_pages_of, arrays) if pages is not None}.values():
            pages.madvise(mmap.MADV_DONTNEED)


def _pages_of(array: npt.NDArray[Any]) -> mmap.mmap | None:
    """Find the file that an array lies in; None where it is memory."""
    base: object = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base if isinstance(base, mmap.mmap) else None


def row_blocks(rows: int, *tables: pd.DataFrame | TableArray) -> Iterator[slice]:
    """Walk over so many rows, some at a time, giving the memory of the tables that are read or written back after each.

    Examples
    --------
    >>> list(row_blocks(5_000))
    [slice(0, 4096, None), slice(4096, 5000, None)]
    """
    for first in range(0, rows, ROWS_AT_A_TIME):
        yield slice(first, min(first + ROWS_AT_A_TIME, rows))
        # Not for a few rows: one pupil at a time is how a service asks.
        if rows > ROWS_AT_A_TIME:
            give_back(*tables)


def columns_of(*frames: pd.DataFrame, names: Sequence[str] | None = None) -> Iterator[tuple[str, FloatArray]]:
    """Walk over columns of frames that lie one below the other, or over some, giving their memory back after each."""
    for name in frames[0].columns if names is None else names:
        parts = [frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for frame in frames]
        yield str(name), parts[0] if len(parts) == 1 else np.concatenate(parts)
        give_back(*frames)


def copied(
    *frames: pd.DataFrame, rows: npt.NDArray[np.bool_ | np.intp] | None = None, without: Collection[str] = ()
) -> pd.DataFrame:
    """Copy frames of float64 into one, the first above the second; a large one lies in a file.

    Parameters
    ----------
    *frames : DataFrame
        With the same columns.
    rows : array, optional
        Mask or positions of the rows to copy; all when left out.
    without : collection of str
        Columns to leave empty.

    Returns
    -------
    DataFrame
        Rows numbered anew.

    Examples
    --------
    >>> frame = pd.DataFrame({"absences": [3.0, 0.0, 8.0], "late": [1.0, 2.0, 0.0]})
    >>> copied(frame, frame, rows=np.array([0, 5]), without=["late"]).to_numpy().tolist()
    [[3.0, nan], [8.0, nan]]
    """
    names = list(frames[0].columns)
    count = sum(map(len, frames))
    if rows is not None:
        count = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
    # Column after column, as pandas lays a frame: sums over the rows keep their last bit.
    table = new_table(count, len(names), order="F")
    for place, (name, values) in enumerate(columns_of(*frames)):
        table[:, place] = np.nan if name in without else values if rows is None else values[rows]
        give_back(table)
    return pd.DataFrame(table, columns=names, copy=False)


def some_columns(table: TableArray, at: slice, rows: IntArray | None = None) -> TableArray:
    """Copy some columns, of all rows or of some."""
    count = len(table) if rows is None else len(rows)
    part = np.empty((count, len(range(*at.indices(table.shape[1])))), dtype=table.dtype)
    for block in row_blocks(count, table):
        part[block] = table[block, at] if rows is None else table[rows[block], at]
    return part


def trim_memory() -> None:
    """Give what was freed back to the system: the C library keeps it where something that lives on lies behind it."""
    with suppress(OSError, AttributeError, TypeError):  # other systems and libraries have no such call
        ctypes.CDLL(None).malloc_trim(0)


def rows_of(table: TableArray, rows: npt.NDArray[np.bool_] | IntArray) -> TableArray:
    """Copy some rows of a table, by mask or by position, in that order."""
    at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
    part = new_table(len(at), table.shape[1], table.dtype.type)
    for block in row_blocks(len(at), table, part):
        part[block] = table[at[block]]
    return part


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
        frame, names = _checked_frame(features, columns)
        matrix = _plain(frame)
    else:
        matrix, names = _array_matrix(features, columns)
    result = np.empty(matrix.shape)
    for first in range(0, len(matrix), ROWS_AT_A_TIME):
        part = slice(first, first + ROWS_AT_A_TIME)
        if not _read_rows(matrix[part], result[part]):
            _refuse_values(matrix, names)
    return result


def compact_matrix(features: pd.DataFrame) -> TableArray:
    """Check the table of a training and return it as :func:`numeric_matrix` does, in half the memory, which a file may be.

    Values of 20 bits are exact in single precision, but for some below 1e-38: with one of these the table is of double precision.

    Raises
    ------
    ColumnsError
        As :func:`numeric_matrix`; or names that a saved model could not hold.
    """
    refuse_other_kinds(
        {"features": (features, pd.DataFrame)},
        hint="One named numeric column per feature: pandas.DataFrame(array, columns=[...]).",
        error=ColumnsError,
    )
    frame, names = _checked_frame(features, None)
    refuse_long_names("columns", names)
    table = new_table(len(frame), len(names), np.float32)
    for part in row_blocks(len(frame), frame, table):
        values = _plain(frame.iloc[part])
        rows = np.empty(values.shape)
        if not _read_rows(values, rows):
            _refuse_values(_plain(frame), names)
        table[part] = rows
        if table.dtype != np.float64 and not np.array_equal(table[part], rows, equal_nan=True):
            table = table.astype(np.float64)
            table[part] = rows
    return table


def refuse_long_names(what: str, names: Iterable[object]) -> None:
    """Refuse names with which a model could be fitted and saved, but not be loaded.

    Raises
    ------
    ColumnsError
        A name that is no text, empty, or longer than ``LONGEST_NAME``: all of them.
    """
    wrong = [name for name in names if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME]
    if wrong:
        shown = ", ".join(
            repr(name) if len(repr(name)) <= _SHOWN else f"{repr(name)[:_SHOWN]}..." for name in wrong
        )
        raise ColumnsError(
            explain_error(
                f"{len(wrong)} names of {what} cannot be saved: {shown}",
                expected=f"texts of 1 to {LONGEST_NAME} characters",
                hint="Rename them before training.",
            )
        )


def _read_rows(values: FloatArray, rows: FloatArray) -> bool:
    """Put some rows of a table into their place, rounded; False where one cannot be used."""
    # Adding 0 makes 0.0 of -0.0, which would have other bits and other hashes.
    np.add(values, 0.0, out=rows)
    unknown = np.isnan(rows)
    if not (unknown | (np.abs(rows) <= HUGE)).all():
        return False
    _snap(rows)
    # NaN has a payload of bits, which the rounding may have turned into an infinity.
    rows[unknown] = np.nan
    return True


def _snap(rows: FloatArray) -> None:
    """Round in place to ``SIGNIFICANT_BITS``, half away from zero: a monotone map, so no order is ever turned round."""
    bits = rows.view(np.int64)
    # Doubles order like integers of their bits, sign apart: half of the last kept bit is added, the rest cut
    # off.
    bits += np.int64(1) << np.int64(_DROPPED_BITS - 1)
    bits >>= np.int64(_DROPPED_BITS)
    bits <<= np.int64(_DROPPED_BITS)


def _plain(frame: pd.DataFrame) -> FloatArray:
    return frame.to_numpy(dtype=np.float64, na_value=np.nan)


def _checked_frame(frame: pd.DataFrame, columns: Sequence[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """Give the columns to read and their names; refuse names that are wrong and columns that are not numeric."""
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
    return part, names


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
