"""One checked table as columns of numbers: what the checks, the sort and the features work on.

Text is kept as codes into the list of its different words, so that a rule about text looks at each word once; days
are day numbers, choices and flags small codes. A pandas frame is made of it only for who asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.records.table_schemas import Column, Table


__all__ = [
    "NEVER",
    "NO_CODE",
    "NO_DAY",
    "CodedTable",
    "Texts",
    "days_of",
    "empty_values",
    "is_missing",
    "known",
]

NO_DAY = np.iinfo(np.int32).min
"""A day that is missing and sorts first (a ``recorded_on`` that nobody wrote down)."""

NEVER = np.iinfo(np.int32).max
"""A day that is missing and sorts last (an ``end_date`` that nobody wrote down)."""

NO_CODE = -1
"""The code of a missing text, choice or flag."""

# Integers as floats, since only floats hold a gap; the smallest types, since a region has millions of rows.
_DTYPES = {"day": np.int32, "choice": np.int8, "flag": np.int8, "integer": np.float64, "number": np.float64}


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column of text.

    Attributes
    ----------
    codes : (n,) int32 array
        Position of each cell's text in ``words``; -1 for a missing cell.
    words : list of str
        The different texts; some may be used by no cell.
    """

    codes: npt.NDArray[np.int32]
    words: list[str]

    def __len__(self) -> int:
        return int(self.codes.size)

    def take(self, rows: npt.NDArray[Any]) -> Texts:
        """Keep some cells."""
        return Texts(self.codes[rows], self.words)

    def translate(self, code_of_word: npt.NDArray[Any], missing: int = NO_CODE) -> npt.NDArray[Any]:
        """Give each cell what stands at its word's place in an array, and missing cells ``missing``."""
        # The code of a missing cell is -1, which reads the last place.
        table = np.empty(code_of_word.size + 1, dtype=code_of_word.dtype)
        table[:-1], table[-1] = code_of_word, missing
        return table[self.codes]

    def ranks(self) -> npt.NDArray[np.int32]:
        """Code the cells anew, in the order of their texts; -1 stays -1."""
        # By code points, not by a locale: the order must be the same on every machine.
        order = sorted(range(len(self.words)), key=self.words.__getitem__)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return self.translate(rank)

    def in_order(self) -> Texts:
        """Give the same cells with their words in order, so that codes compare as texts do."""
        return Texts(self.ranks(), sorted(self.words))

    def array(self) -> Any:  # noqa: ANN401 - a pandas str array
        """Give the texts as a pandas ``str`` array."""
        words = pd.array(self.words, dtype="str")
        return words.take(self.codes, allow_fill=True)


def empty_values(column: Column, size: int) -> Any:  # noqa: ANN401 - Texts, or an array of the column's kind
    """Make as many missing cells of a column as asked for."""
    if column.kind == "text":
        return Texts(np.full(size, NO_CODE, dtype=np.int32), [])
    missing = {"day": NO_DAY, "choice": NO_CODE, "flag": NO_CODE}.get(column.kind, np.nan)
    return np.full(size, missing, dtype=_DTYPES[column.kind])


def is_missing(column: Column, values: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - Texts or an array
    """Tell which cells are missing."""
    if column.kind == "text":
        return np.asarray(values.codes < 0)
    if column.kind == "day":
        return np.asarray(values == NO_DAY)
    return np.asarray(values < 0 if column.kind in {"choice", "flag"} else np.isnan(values))


def known(column: Column, values: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - Texts or an array
    """Tell which cells are not missing."""
    return ~is_missing(column, values)


def days_of(column: pd.Series, missing: int) -> npt.NDArray[np.int32]:
    """Days since 1970-01-01 of a date column, ``missing`` where there is none."""
    # Seconds, not nanoseconds: pandas' usual unit ends in the year 2262, and an export may hold 9999.
    values = column.to_numpy(dtype="datetime64[s]").astype("datetime64[D]")
    # Days that no 32 bits hold (an "infinity" of a database) stay far outside the bounds instead of wrapping
    # around.
    # One inside both ends, so that such a day is taken neither for a missing one nor for "never".
    numbers = np.clip(values.astype(np.int64), NO_DAY + 1, NEVER - 1)
    return np.where(np.isnat(values), missing, numbers).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class CodedTable:
    """A table in its declared shape.

    Attributes
    ----------
    table : Table
        Its declaration.
    columns : mapping of str to Texts or array
        Every declared column: text as ``Texts``; ``int32`` day numbers (``NO_DAY`` missing); ``int8`` codes of choices
        in declared order and of flags (0, 1), -1 missing; ``float64`` numbers, NaN missing.
    size : int
        Number of rows.
    labels : (n,) int array or None
        Where each row stood in the table that came; None: 0, 1, 2 ...
    """

    table: Table
    columns: Mapping[str, Any]
    size: int
    labels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - Texts, or an array of the column's kind
        return self.columns[name]

    def given(self, name: str) -> npt.NDArray[np.bool_]:
        """Tell which rows have a value in a column."""
        return known(self.table.column(name), self.columns[name])

    def where(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        """Say where some rows stood in the table that came."""
        return rows.astype(np.int64) if self.labels is None else self.labels[rows]

    def take(self, rows: npt.NDArray[Any]) -> CodedTable:
        """Keep some rows (a mask or positions); ``labels`` tell where they stood."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {
            name: values.take(positions) if isinstance(values, Texts) else values[positions]
            for name, values in self.columns.items()
        }
        return CodedTable(self.table, columns, int(positions.size), self.where(positions))

    def without(self, labels: npt.NDArray[np.int64]) -> CodedTable:
        """Leave out the rows with some labels."""
        return self.take(~self.among(labels)) if labels.size else self

    def among(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell which rows have one of some labels."""
        # Labels are those of the table that came: a report names its rows, whatever was taken out since.
        own = np.arange(self.size) if self.labels is None else self.labels
        return np.isin(own, labels)

    def renumbered(self) -> CodedTable:
        """Count the rows from 0 again."""
        return self if self.labels is None else CodedTable(self.table, self.columns, self.size)

    def objects(self, name: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
        """Give some cells of a column as Python objects, as pandas gives them."""
        values = self.columns[name]
        cells = values.take(rows) if isinstance(values, Texts) else values[rows]
        as_objects: npt.NDArray[np.object_] = (
            pd.Series(_as_pandas(self.table.column(name), cells)).astype(object).to_numpy()
        )
        return as_objects

    def frame(self) -> pd.DataFrame:
        """Make a pandas frame of its own, indexed by ``labels``.

        Text is ``str``, choices are categorical in declared order, days ``datetime64[s]``, integers ``Int64``,
        numbers ``float64``, flags ``boolean``.
        """
        columns = {
            column.name: _as_pandas(column, self.columns[column.name]) for column in self.table.columns
        }
        index = pd.RangeIndex(self.size) if self.labels is None else pd.Index(self.labels)
        return pd.DataFrame(columns, index=index, copy=False)


def _as_pandas(column: Column, values: Any) -> Any:  # noqa: ANN401 - from a coded column to a pandas array
    if column.kind == "text":
        return values.array()
    if column.kind == "choice":
        return pd.Categorical.from_codes(values, categories=pd.Index(column.choices, dtype="str"))
    if column.kind == "number":
        return values.copy()
    # Masked types below: with NaN in them, pandas would make floats of whole numbers and objects of flags.
    missing = is_missing(column, values)
    if column.kind == "flag":
        return pd.arrays.BooleanArray(np.where(missing, 0, values).astype(np.bool_), missing)
    if column.kind == "integer":
        return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)
    days = np.where(missing, 0, values).astype("datetime64[D]").astype("datetime64[s]")
    # Set after the conversion: a missing day as a number (the smallest integer) would overflow.
    days[missing] = np.datetime64("NaT", "s")
    return days
