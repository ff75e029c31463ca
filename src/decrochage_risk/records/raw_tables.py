"""A table as it came (a pandas frame, an Arrow table or lists), whose cells nobody has looked at yet.

Parquet files are read into such tables here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from decrochage_risk.errors import UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt


__all__ = [
    "ArrowFile",
    "RawTable",
    "TextCodes",
    "as_objects",
    "frame_of_arrow",
    "give_back",
    "parts_of_folder",
    "plain_columns",
    "read_parquet",
    "refuse_twice",
    "series_of_arrow",
    "text_of_bytes",
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

    Columns of lists or structures become Python objects: nobody may need them.

    Raises
    ------
    UnreadableRecordsError
        A column name that is twice there, or a column of a type that cannot be turned into Python objects.

    Examples
    --------
    >>> frame_of_arrow(pa.table({"pupil_id": ["a", "b"], "justified": [True, None]})).dtypes.astype(str).to_dict()
    {'pupil_id': 'str', 'justified': 'boolean'}
    """
    table = plain_columns(table)
    columns = [series_of_arrow(column) for column in table.columns]
    if not columns:
        return pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    whole: pd.DataFrame = pd.concat(columns, axis=1)
    return whole.set_axis(list(table.column_names), axis=1)


def series_of_arrow(cells: Any) -> pd.Series:  # noqa: ANN401  pyarrow ships no types
    """Turn an Arrow column into a pandas one, as :func:`frame_of_arrow` does."""
    try:
        return _typed_series(cells)
    except (pa.ArrowException, *_UNUSUAL):
        # A dictionary that names a text twice, a time zone that nobody knows, a type without a pandas kind
        # ...
        return pd.Series(_objects_of(cells), dtype=object)


_UNUSUAL = (TypeError, ValueError, OverflowError, NotImplementedError, KeyError)


def _typed_series(cells: Any) -> pd.Series:  # noqa: ANN401  as above
    kind = cells.type
    if pa.types.is_null(kind):
        # A column of nothing has no type; as text it can be read as any.
        cells = pa.chunked_array([pa.nulls(len(cells), pa.string())])
    elif pa.types.is_decimal(kind):
        # Databases write marks as decimals, which pandas would keep as Python objects.
        cells = cells.cast(pa.float64())
    elif pa.types.is_string_view(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Arrow does not look whether a text is UTF-8; bytes that are not stay bytes, for the checks to name.
        cells = cells.cast(pa.large_binary()).cast(pa.large_string())
    elif pa.types.is_dictionary(kind):
        return _series_of_dictionary(cells)
    # Only where cells are missing: the plain kinds are smaller and faster.
    masked_types = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    types = masked_types if cells.null_count else {}
    column: pd.Series = pa.table({"cells": cells}).to_pandas(
        # The metadata of pandas could make an index of a column, which would then be missing from the table.
        date_as_object=False,
        ignore_metadata=True,
        types_mapper=types.get,
    )["cells"]
    return column.rename(None)


def _series_of_dictionary(cells: Any) -> pd.Series:  # noqa: ANN401  as above
    # Each chunk of a file has a dictionary of its own: the same code means different words in them.
    cells = pa.chunked_array(cells.chunks, cells.type).unify_dictionaries()
    if not cells.num_chunks:
        return pd.Series(dtype="str")
    words = series_of_arrow(pa.chunked_array([cells.chunk(0).dictionary]))
    codes = np.concatenate(
        [
            pc.fill_null(pc.cast(chunk.indices, pa.int64()), -1).to_numpy(zero_copy_only=False)
            for chunk in cells.chunks
        ]
    )
    if isinstance(words.dtype, pd.StringDtype) and words.notna().all() and words.is_unique:
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(words)))
    objects = np.append(words.astype(object).to_numpy(), [None])
    return pd.Series(objects[codes], dtype=object)


def _objects_of(cells: Any) -> list[Any]:  # noqa: ANN401  as above
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        cells = cells.cast(pa.large_binary())
    try:
        return list(cells.to_pylist())
    except (pa.ArrowException, *_UNUSUAL) as error:
        raise UnreadableRecordsError(
            explain_error(
                f"A column of the Arrow type {cells.type} cannot be read ({error})",
                expected="columns of text, numbers, days, times or flags",
                hint="Leave the column out if nobody needs it, or write it as text.",
            )
        ) from error


def _comparable(cells: pd.Series) -> pd.Series:
    """Replace cells that raise as soon as they are looked at (a signalling NaN of ``decimal``) by the name of their type."""
    if cells.dtype != object:
        return cells
    try:
        pd.isna(cells)
    except ArithmeticError:
        return cells.map(_or_type_name)
    return cells


def _or_type_name(cell: object) -> object:
    try:
        pd.isna(cell)  # type: ignore[call-overload]  # any object at all
    except ArithmeticError:
        return f"<{type(cell).__name__}>"
    return cell


def text_of_bytes(cells: Any) -> Any:  # noqa: ANN401 - see RawTable.cells; an Arrow column of text, or None
    """Give an Arrow column of bytes as text, None for any other column or where some bytes are not UTF-8."""
    if not isinstance(cells, pa.ChunkedArray):
        return None
    kind = cells.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        cells = cells.cast(kind) if _is_bytes(kind) else cells
    if not _is_bytes(kind):
        return None
    try:
        return cells.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowException:
        return None


def _is_bytes(kind: Any) -> bool:  # noqa: ANN401 - an Arrow type
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def as_objects(cells: pd.Series) -> npt.NDArray[np.object_]:
    """Give cells as Python objects; times that Python has no date for stay numpy's."""
    try:
        return cells.astype(object).to_numpy()
    except (ValueError, OverflowError, TypeError):
        values = cells.to_numpy()
        objects = np.empty(len(values), dtype=object)
        for place, value in enumerate(values):
            objects[place] = value
        return objects


def plain_columns(table: Any) -> Any:  # noqa: ANN401  pyarrow ships no types
    """Leave out a pandas index without a name.

    Raises
    ------
    UnreadableRecordsError
        A column name that is twice there.
    """
    refuse_twice(table.column_names)
    return table.select(
        [name for name in table.column_names if not re.fullmatch(r"__index_level_\d+__", name)]
    )


_MUCH_MEMORY = 250_000


def give_back(rows: int) -> None:
    """Give the memory of tables that are done with back to the system, where they had many rows."""
    # Arrow keeps what it freed for its next table, while what comes next, sorting and features, takes numpy's memory.
    if rows >= _MUCH_MEMORY:
        pa.default_memory_pool().release_unused()


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
        Naming every file that cannot be read, its size and the remedy; a column name that is twice there.
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
    # Spark writes _SUCCESS and hidden checksums beside the parts; sorted, as its part names count the rows.
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
            # The smallest set of text columns so far, as a column that is text in one part only cannot be a
            # dictionary in all.
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
        # As dictionaries: a class or a choice is read once per word instead of once per row. Not so ids, which are as many
        # as pupils: Arrow codes them several times slower than we do.
        with pq.ParquetFile(path, read_dictionary=sorted(texts - {_IDS}), pre_buffer=False) as file:
            # A name that is twice there has no one place; it is refused by who asked for the table.
            place = file.schema_arrow.get_field_index(_IDS) if _IDS in texts else -1
            return file.read() if place < 0 or not file.num_row_groups else _with_coded_ids(file, place)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, name, error) from error


_IDS = "pupil_id"
_BLOCK_ROWS = 1_000_000


def _with_coded_ids(file: Any, place: int) -> Any:  # noqa: ANN401  pyarrow ships no types
    """Read a Parquet file some row groups at a time, the ids of each coded at once: as text they take most of a table."""
    codes, blocks = TextCodes(), []
    for groups in _blocks_of_groups(file.metadata):
        rows = file.read_row_groups(groups)
        coded = pa.chunked_array([codes.add(chunk) for chunk in rows.column(place).chunks], pa.int32())
        blocks.append(rows.set_column(place, _IDS, coded))
    whole = pa.concat_tables(blocks)
    ids = whole.column(place).combine_chunks()
    return whole.set_column(place, _IDS, pa.DictionaryArray.from_arrays(ids, codes.words))


def _blocks_of_groups(metadata: Any) -> Iterator[list[int]]:  # noqa: ANN401  pyarrow ships no types
    """Gather row groups into blocks: some writers make thousands of small ones."""
    block: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        block.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= _BLOCK_ROWS:
            yield block
            block, rows = [], 0
    if block:
        yield block


class TextCodes:
    """Codes of texts that come block by block: each text has one code, in the order in which they first come.

    A hash over the words of eight bytes of a text; texts are equal by their bytes, never by their hash alone.

    Examples
    --------
    >>> codes = TextCodes()
    >>> codes.add(pa.array(["b", "a", None, "b"])).to_pylist(), codes.add(pa.array(["c", "a"])).to_pylist()
    ([0, 1, None, 0], [2, 1])
    >>> codes.words.to_pylist()
    ['b', 'a', 'c']
    """

    def __init__(self) -> None:
        self._slots = np.zeros(2**14, dtype=np.uint64)
        self._texts, self._places = np.empty(2**12, dtype=np.uint64), np.empty(2**12, dtype=np.int64)
        # Codes so far, and words of eight bytes of the long texts among them.
        self._counts = np.zeros(2, dtype=np.int64)
        self._words: list[Any] = []

    @property
    def words(self) -> Any:  # noqa: ANN401  pyarrow ships no types
        """The texts, by their codes, as an Arrow array of the type that came."""
        return pa.concat_arrays(self._words) if self._words else pa.array([], pa.large_string())

    def add(self, cells: Any) -> Any:  # noqa: ANN401  pyarrow ships no types
        """Code the cells of an Arrow array of ``string`` or ``large_string``; missing ones stay missing."""
        from decrochage_risk.records import kernels  # noqa: PLC0415  tables that need no coding load no compiler

        ends, data = _bytes_of(cells)
        validity = np.asarray(cells.is_valid()) if cells.null_count else np.empty(0, dtype=np.bool_)
        codes, firsts = np.empty(len(cells), dtype=np.int32), np.empty(len(cells), dtype=np.int64)
        row = 0
        while row < len(cells):
            before = int(self._counts[0])
            table = (self._slots, self._texts, self._places, self._counts)
            # Hashes wrap around, which numpy would warn of where the loops run without a compiler.
            with np.errstate(over="ignore"):
                row = kernels.code_texts((data, ends, validity), row, table, codes, firsts)
            self._words.append(cells.take(pa.array(firsts[: int(self._counts[0]) - before])))
            if row < len(cells):
                self._grow(kernels)
        return pa.array(codes, mask=~validity if validity.size else None)

    def _grow(self, kernels: Any) -> None:  # noqa: ANN401 - the module
        """Make more room, of each kind: which one was full hardly matters, as all double."""
        larger = np.zeros(2 * self._slots.size, dtype=np.uint64)
        kernels.rehash(self._slots, larger)
        self._slots = larger
        self._texts, self._places = (
            np.concatenate([held, np.empty_like(held)]) for held in (self._texts, self._places)
        )


def _bytes_of(cells: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:  # noqa: ANN401 - pyarrow ships no types
    """Where each text of an Arrow array begins and the last one ends, and the bytes of all, as words of eight."""
    _, ends, data = cells.buffers()
    kind = np.int64 if pa.types.is_large_string(cells.type) else np.int32
    count = 0 if data is None else data.size
    # Two words more than whole ones: a word is read together with the next one.
    words = np.zeros(count // 8 + 2, dtype="<u8")
    if count:
        words.view(np.uint8)[:count] = np.frombuffer(data, dtype=np.uint8)
    starts = np.frombuffer(ends, dtype=kind)[cells.offset : cells.offset + len(cells) + 1]
    return starts.astype(np.int64), words.astype(np.uint64, copy=False)


def unreadable(path: Path, name: str, error: Exception) -> UnreadableRecordsError:
    """Word the error for a Parquet file that cannot be read."""
    return UnreadableRecordsError(
        explain_error(
            f"{name}{_size(path)} cannot be read: {error}",
            expected="a complete Parquet file",
            hint="It was probably cut short or is not Parquet: copy or export it again.",
        )
    )


def _size(path: Path) -> str:
    try:
        return f" ({path.stat().st_size} bytes)"
    except OSError:  # it vanished
        return ""


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
        # By place: of a name that is there twice, frame[name] would give both.
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
            return _comparable(cells.reset_index(drop=True))
        if isinstance(cells, list):
            return pd.Series(cells) if cells else pd.Series(dtype="str")
        return series_of_arrow(self._plain(place))

    def _is_dictionary(self, place: int) -> bool:
        return self.names[place] in self.texts and pa.types.is_dictionary(self.cells[place].type)

    def _plain(self, place: int) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray
        cells = self.cells[place]
        return cells.cast(pa.large_string()) if self._is_dictionary(place) else cells

    def frame(self) -> pd.DataFrame:
        """Give the table as a pandas frame."""
        if not self.cells:
            return pd.DataFrame(index=pd.RangeIndex(self.size))
        if isinstance(self.cells[0], pa.ChunkedArray):
            plain = [self._plain(place) for place in range(len(self.names))]
            return frame_of_arrow(pa.table(plain, names=list(self.names)))
        whole: pd.DataFrame = pd.concat([self.series(place) for place in range(len(self.names))], axis=1)
        return whole.set_axis(list(self.names), axis=1)
