"""Arrow tables and Parquet files into raw frames: the forms that polars, pyarrow and data warehouses write.

A table as it came: a pandas frame, an Arrow table or lists, whose cells nobody has looked at yet.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


__all__ = [
    "ArrowFile",
    "RawTable",
    "frame_of_arrow",
    "parts_of_folder",
    "plain_columns",
    "read_parquet",
    "refuse_twice",
    "unlike_parts",
    "unreadable",
]


def refuse_twice(names: Iterable[object]) -> None:
    """Refuse a table in which a column name is there twice: one of the two would be lost."""
    if twice := sorted(str(name) for name, times in Counter(names).items() if times > 1):
        raise UnreadableRecordsError(
            explain_error(
                f"A table holds the columns {', '.join(twice)} more than once",
                expected="each column once",
                hint="Rename or drop the columns that are there twice.",
            )
        )


def frame_of_arrow(table: Any) -> pd.DataFrame:  # noqa: ANN401  pyarrow ships no types
    """Turn an Arrow table into a frame without Python objects in its cells.

    Text becomes ``str``, dictionaries become categoricals, days and times datetime64, decimals float64; booleans and
    64-bit integers with missing cells become pandas' masked kinds, so that no value is rounded. A pandas index stored
    in the table is left out when it has no name.

    Raises
    ------
    UnreadableRecordsError
        A column name that is twice there, or columns of lists or structures.

    Examples
    --------
    >>> frame_of_arrow(pa.table({"pupil_id": ["a", "b"], "justified": [True, None]})).dtypes.astype(str).to_dict()
    {'pupil_id': 'str', 'justified': 'boolean'}
    """
    table = plain_columns(table)
    for place, column in enumerate(table.schema):
        if pa.types.is_null(column.type):
            table = table.set_column(place, column.name, pa.nulls(len(table), pa.string()))
        elif pa.types.is_decimal(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.float64()))
    masked = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    with_missing = {
        column.type for column, cells in zip(table.schema, table.columns, strict=True) if cells.null_count
    }
    kinds = {kind: dtype for kind, dtype in masked.items() if kind in with_missing}
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, ignore_metadata=True, types_mapper=kinds.get)
    return frame


def plain_columns(table: Any) -> Any:  # noqa: ANN401  pyarrow ships no types
    """Leave out a pandas index without a name, and refuse what is no table of single values.

    Raises
    ------
    UnreadableRecordsError
        A column name that is twice there, or columns of lists or structures.
    """
    refuse_twice(table.column_names)
    table = table.select(
        [name for name in table.column_names if not re.fullmatch(r"__index_level_\d+__", name)]
    )
    if nested := [column.name for column in table.schema if pa.types.is_nested(column.type)]:
        raise UnreadableRecordsError(
            explain_error(
                f"The columns {', '.join(nested)} of a table hold lists or structures",
                expected="one value per cell",
                hint="Give them as a table of their own, one row per element.",
            )
        )
    return table


@dataclass(frozen=True, slots=True)
class ArrowFile:
    """What a Parquet file holds.

    Attributes
    ----------
    table : Table
        The Arrow table; its columns of text are dictionaries, so that each text is there once.
    texts : frozenset of str
        The names of these columns.
    notes : tuple of str
        What was not read.
    """

    table: Any
    texts: frozenset[str]
    notes: tuple[str, ...] = ()


def read_parquet(path: Path) -> ArrowFile:
    """Read a Parquet file, or a folder of Parquet parts as one table.

    Raises
    ------
    UnreadableRecordsError
        Naming every file that cannot be read, its size and the remedy; a column name that is twice there, or columns
        of lists or structures.
    """
    if path.is_dir():
        return _read_parts(path)
    texts = _texts_of(path, path.name)
    return ArrowFile(plain_columns(_arrow_of(path, path.name, texts)), texts)


def parts_of_folder(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """List the Parquet parts of a table, in the order of its rows, and say what beside them is not read.

    Raises
    ------
    UnreadableRecordsError
        No part, or folders inside.
    """
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    parts = [path for path in inside if path.suffix.lower() == ".parquet" and path.is_file()]
    others = [path for path in inside if path not in parts]
    if not parts or any(path.is_dir() for path in others):
        raise UnreadableRecordsError(
            explain_error(
                f"The folder {folder.name} holds {len(parts)} Parquet parts and {', '.join(p.name for p in others) or 'nothing else'}",
                expected="Parquet files directly in it, no folders (their names would be lost columns)",
                hint="Write the parts flat, every column inside the files.",
            )
        )
    return parts, tuple(f"{folder.name}/{path.name} was not read" for path in others)


def _read_parts(folder: Path) -> ArrowFile:
    """Read a folder of Parquet parts as one table; every part that cannot be read is named."""
    parts, notes = parts_of_folder(folder)
    tables, texts, faults = [], set(), []
    for path in parts:
        try:
            texts.add(_texts_of(path, f"{folder.name}/{path.name}"))
            tables.append(_arrow_of(path, f"{folder.name}/{path.name}", min(texts, key=len)))
        except UnreadableRecordsError as error:
            faults.append(str(error))
    if faults:
        raise UnreadableRecordsError("\n\n".join(faults))
    if len(texts) > 1:  # parts of different types fit together as plain columns only
        texts = {frozenset[str]()}
        tables = [_arrow_of(path, path.name, frozenset()) for path in parts]
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise unlike_parts(folder, error) from error
    return ArrowFile(plain_columns(whole), texts.pop(), notes)


def unlike_parts(folder: Path, error: Exception) -> UnreadableRecordsError:
    """Word the error for parts whose columns cannot be put under one another."""
    return UnreadableRecordsError(
        explain_error(
            f"The parts of {folder.name} do not fit together: {error}",
            expected="the same columns with the same types in every part",
            hint="Write the parts again from one export.",
        )
    )


def _texts_of(path: Path, name: str) -> frozenset[str]:
    """Names of the columns of text of a Parquet file."""
    import pyarrow.parquet as pq  # noqa: PLC0415  a service that reads JSON never needs it

    try:
        with path.open("rb") as file:
            schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, name, error) from error
    return frozenset(
        column.name
        for column in schema
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    )


def _arrow_of(path: Path, name: str, texts: frozenset[str]) -> Any:  # noqa: ANN401  pyarrow ships no types
    """Read one Parquet file, some columns as dictionaries."""
    import pyarrow.parquet as pq  # noqa: PLC0415  a service that reads JSON never needs it

    try:
        with pq.ParquetFile(path, read_dictionary=sorted(texts), pre_buffer=False) as file:
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, name, error) from error


def unreadable(path: Path, name: str, error: Exception) -> UnreadableRecordsError:
    """Word the error for a Parquet file that cannot be read."""
    return UnreadableRecordsError(
        explain_error(
            f"{name} ({path.stat().st_size} bytes) cannot be read: {error}",
            expected="a complete Parquet file",
            hint="It was probably cut short or is not Parquet: copy or export it again.",
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Columns as they came.

    Attributes
    ----------
    names : tuple of str
        Names of the columns; a name may be there twice.
    cells : tuple
        Per column a pandas Series, an Arrow ``ChunkedArray`` or a list of Python values.
    size : int
        Number of rows.
    texts : frozenset of str
        Columns of text that were read as Arrow dictionaries.
    """

    names: tuple[str, ...]
    cells: tuple[Any, ...]
    size: int
    texts: frozenset[str] = frozenset()

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> RawTable:
        """Take the columns of a pandas frame; its index is not used."""
        cells = tuple(frame.iloc[:, place] for place in range(frame.shape[1]))
        return cls(tuple(map(str, frame.columns)), cells, len(frame))

    @classmethod
    def of_arrow(cls, table: Any, texts: frozenset[str] = frozenset()) -> RawTable:  # noqa: ANN401 - pyarrow ships no types
        """Take the columns of an Arrow table."""
        return cls(tuple(table.column_names), tuple(table.columns), table.num_rows, texts)

    @classmethod
    def of_lists(cls, columns: Mapping[str, list[Any]], size: int) -> RawTable:
        """Take columns that are lists of one length."""
        return cls(tuple(columns), tuple(columns.values()), size)

    def series(self, place: int) -> pd.Series:
        """Give one column as a pandas Series, rows counted from 0."""
        cells = self.cells[place]
        if isinstance(cells, pd.Series):
            return cells.reset_index(drop=True)
        if isinstance(cells, list):
            return pd.Series(cells) if cells else pd.Series(dtype="str")
        made: pd.Series = frame_of_arrow(pa.table({"cells": self._plain(place)}))["cells"]
        return made

    def _plain(self, place: int) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray
        cells = self.cells[place]
        return cells.cast(pa.large_string()) if self.names[place] in self.texts else cells

    def frame(self) -> pd.DataFrame:
        """Give the table as a pandas frame."""
        if not self.cells:
            return pd.DataFrame(index=pd.RangeIndex(self.size))
        if isinstance(self.cells[0], pa.ChunkedArray):
            plain = [self._plain(place) for place in range(len(self.names))]
            return frame_of_arrow(pa.table(plain, names=list(self.names)))
        made: pd.DataFrame = pd.concat([self.series(place) for place in range(len(self.names))], axis=1)
        return made.set_axis(list(self.names), axis=1)
