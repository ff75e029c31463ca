"""One table of an extract, streamed once and parted by pupil into files that each fit in memory.

A pupil's part is a hash of the id's text, the same on every machine, so that every row of a pupil, of any table, comes to
the same part. Rows keep their order and, beside the file, the number they had in the table that came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.errors import UnreadableRecordsError
from decrochage_risk.records.parquet_files import parts_of_folder, refuse_twice, unlike_parts, unreadable
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["EVERY_PART", "TableSplitter", "blocks_of_parquet", "part_of_pupils", "texts_of_ids"]

EVERY_PART = -1
"""Part of a row that belongs to no pupil: every part holds it."""

BLOCK_ROWS = 500_000
"""Rows held at once while a table is streamed."""

_SMALL_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32())


def texts_of_ids(ids: Any) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Write ids as the checks read them: text and whole numbers as text, anything else is no id and becomes null."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    kind = ids.type
    if pa.types.is_integer(kind) or any(
        is_text(kind) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    ):
        return ids.cast(pa.string())
    return pa.nulls(len(ids), pa.string())


def part_of_pupils(ids: Any, parts: int) -> npt.NDArray[np.int64]:  # noqa: ANN401 - pyarrow ships no types
    """Part of each id, from 0 to ``parts`` - 1; :data:`EVERY_PART` where there is no id.

    Examples
    --------
    >>> part_of_pupils(pa.array(["a1", "b2", None, "a1"]), 5).tolist()
    [4, 3, -1, 4]
    """
    coded = texts_of_ids(ids).dictionary_encode()
    texts = np.asarray(coded.dictionary.to_pylist(), dtype=object)
    hashed = pd.util.hash_array(texts, categorize=False) if texts.size else np.empty(0, dtype=np.uint64)
    of_text = np.append((hashed % np.uint64(parts)).astype(np.int64), EVERY_PART)
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.int64] = of_text[codes]
    return found


def blocks_of_parquet(path: Path) -> Iterator[Any]:
    """Stream a Parquet file, or a folder of parts, in blocks of rows of one schema; the first may be empty.

    Whole numbers of under 64 bits that are missing somewhere become floats in every block, as they do when the table is
    read at once.

    Raises
    ------
    UnreadableRecordsError
        Parts that cannot be read or do not fit together.
    """
    files = parts_of_folder(path)[0] if path.is_dir() else [path]
    schema = _schema_of(path, files)
    yield schema.empty_table()
    for file in files:
        name = f"{path.name}/{file.name}" if path.is_dir() else file.name
        try:
            for block in _blocks_of(file):
                yield pa.concat_tables([schema.empty_table(), block], promote_options="permissive").cast(
                    schema
                )
        except (pa.ArrowException, OSError) as error:
            raise unreadable(file, name, error) from error


def _schema_of(path: Path, files: list[Path]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Give the schema of all files, as the whole table would have it."""
    schemas, missing, faults = [], set[str](), []
    for file in files:
        name = f"{path.name}/{file.name}" if path.is_dir() else file.name
        try:
            with pq.ParquetFile(file) as opened:
                schemas.append(opened.schema_arrow)
                missing |= _with_missing(opened)
        except (pa.ArrowException, OSError) as error:
            faults.append(str(unreadable(file, name, error)))
    if faults:
        raise UnreadableRecordsError("\n\n".join(faults))
    refuse_twice(schemas[0].names)
    try:
        whole = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise unlike_parts(path, error) from error
    missing |= {name for schema in schemas for name in whole.names if name not in schema.names}
    for place, field in enumerate(whole):
        if field.type in _SMALL_INTEGERS and field.name in missing:
            whole = whole.set(place, field.with_type(pa.float64()))
    return whole.remove_metadata()


def _with_missing(file: Any) -> set[str]:  # noqa: ANN401 - pyarrow ships no types
    """Small whole-number columns of a file in which a cell is missing."""
    found = set()
    for name in file.schema_arrow.names:
        place = file.schema_arrow.get_field_index(name)
        if place < 0 or file.schema_arrow.field(place).type not in _SMALL_INTEGERS:
            continue
        for group in range(file.num_row_groups):
            statistics = file.metadata.row_group(group).column(place).statistics
            if statistics is not None and statistics.has_null_count:
                nulls = statistics.null_count
            else:
                nulls = file.read_row_group(group, columns=[name]).column(0).null_count
            if nulls:
                found.add(name)
                break
    return found


def _blocks_of(file: Path) -> Iterator[Any]:
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
        batches, rows = [], 0
        for batch in opened.iter_batches(batch_size=1 << 16):
            batches.append(batch)
            rows += len(batch)
            if rows >= BLOCK_ROWS:
                yield pa.Table.from_batches(batches)
                batches, rows = [], 0
        if batches:
            yield pa.Table.from_batches(batches)


class TableSplitter:
    """Writes the rows of one table into one file per part, with their numbers beside it.

    Parameters
    ----------
    name : str
        The table.
    folder : Path
        Where ``00000/NAME.parquet`` and ``rows/NAME-00000.i64`` are written, one for each part.
    parts : int
        How many.

    Attributes
    ----------
    rows : int
        Rows so far.
    of_pupils : int
        How many of them belong to a pupil.
    """

    def __init__(self, name: str, folder: Path, parts: int) -> None:
        self.rows = self.of_pupils = 0
        self._name, self._folder, self._parts = name, folder, parts
        self._writers: list[Any] = []
        (folder / "rows").mkdir(exist_ok=True)

    def add(self, block: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
        """Write one block; the first one, which may be empty, sets the schema."""
        if not self._writers:
            self._open(block.schema)
        of_row = self._part_of_rows(block)
        number = np.arange(self.rows, self.rows + len(block), dtype="<i8")
        order = np.argsort(of_row, kind="stable")
        bounds = np.searchsorted(of_row[order], np.arange(EVERY_PART, self._parts + 1))
        sorted_block = block.take(pa.array(order))
        shared = order[: bounds[1]]
        for part, writer in enumerate(self._writers):
            first, after = bounds[part + 1], bounds[part + 2]
            rows = order[first:after]
            piece = sorted_block.slice(first, after - first)
            if shared.size:
                rows = np.sort(np.concatenate([shared, rows]))
                piece = block.take(pa.array(rows))
            if rows.size:
                writer.write_table(piece)
                _append(number[rows], self._folder / "rows" / f"{self._name}-{part:05}.i64")
        if shared.size:
            _append(number[np.sort(shared)], self._folder / "rows" / f"{self._name}-shared.i64")
        self.rows += len(block)
        self.of_pupils += len(block) - shared.size

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers:
            writer.close()

    def _open(self, schema: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
        for part in range(self._parts):
            file = self._folder / f"{part:05}" / f"{self._name}.parquet"
            file.parent.mkdir(exist_ok=True)
            self._writers.append(pq.ParquetWriter(file, schema))

    def _part_of_rows(self, block: Any) -> npt.NDArray[np.int64]:  # noqa: ANN401 - pyarrow ships no types
        """Part of each row: what belongs to no pupil goes to every part, or, where it is a fault, to the first."""
        names, may_be_shared = block.column_names, self._name in _MAY_BE_SHARED
        of_nobody = EVERY_PART if may_be_shared else 0
        unusable = any(name not in names for name in TABLES[self._name].required)
        if "pupil_id" not in names or (may_be_shared and unusable):
            return np.full(len(block), of_nobody, dtype=np.int64)
        found = part_of_pupils(block.column("pupil_id"), self._parts)
        return np.where(found == EVERY_PART, of_nobody, found)


_MAY_BE_SHARED = frozenset(
    name
    for name, table in TABLES.items()
    if "pupil_id" not in table.column_names or table.column("pupil_id").nullable
)
"""Tables with rows of a school, a class or everyone."""


def _append(numbers: npt.NDArray[np.int64], path: Path) -> None:
    with path.open("ab") as file:
        file.write(numbers.astype("<i8").tobytes())
