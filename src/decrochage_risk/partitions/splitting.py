"""A folder of extracts split by pupil, in one streaming pass, into parts that each fit in memory.

A pupil's part is a hash of the id's text (but for what an export may lose of it), the same on every machine, so that every row of a pupil, of any table, comes to
the same part. Rows keep their order and, beside the file, the number they had in the table that came. A part gives the same
bits as its pupils give within the whole, because nothing that is computed of a pupil depends on the others.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.errors import RecordsError, UnreadableRecordsError, explain_error
from decrochage_risk.partitions.parts import PEOPLE, ROW_ID, texts_of_ids
from decrochage_risk.records.cross_checks import alike_id
from decrochage_risk.records.raw_tables import (
    RawTable,
    parts_of_folder,
    refuse_twice,
    unlike_parts,
    unreadable,
)
from decrochage_risk.records.reading import read_folder, read_table_file
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import restrict
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import numpy.typing as npt


__all__ = [
    "EVERY_PART",
    "MOST_PARTS",
    "SMALL_INTEGERS",
    "SplitFolder",
    "TableSplitter",
    "blocks_of_parquet",
    "checked_parts",
    "part_of_pupils",
    "part_of_rows",
    "split_folder",
    "write_whole",
]

EVERY_PART = -1
"""Part of a row that belongs to no pupil: every part holds it."""

BLOCK_ROWS = 500_000
"""Rows held at once while a table is streamed."""

SMALL_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32())
"""Types whose columns are read as floats where a cell is missing anywhere in the extract."""


def part_of_pupils(ids: Any, parts: int) -> npt.NDArray[np.int64]:  # noqa: ANN401 - pyarrow ships no types
    """Part of each id, from 0 to ``parts`` - 1; :data:`EVERY_PART` where there is no id.

    Examples
    --------
    >>> part_of_pupils(pa.array(["a1", "b2", None, "a1"]), 5).tolist()
    [4, 3, -1, 4]
    """
    codes_and_texts = texts_of_ids(ids).dictionary_encode()
    texts = np.asarray(codes_and_texts.dictionary.to_pylist(), dtype=object)
    # Ids that an export may have split in two (a lost zero, a blank, case) come together: only there can they
    # be told.
    alike = np.array([alike_id(text) for text in texts.tolist()], dtype=object)
    hashes = pd.util.hash_array(alike, categorize=False) if texts.size else np.empty(0, dtype=np.uint64)
    of_text = np.append((hashes % np.uint64(parts)).astype(np.int64), EVERY_PART)
    codes = codes_and_texts.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    parts_of_rows: npt.NDArray[np.int64] = of_text[codes]
    return parts_of_rows


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
    # An empty block first: a table without rows must reach every part as a table, not as nothing.
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
            with pq.ParquetFile(file) as parquet:
                schemas.append(parquet.schema_arrow)
                missing |= _with_missing(parquet)
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
        if field.type in SMALL_INTEGERS and field.name in missing:
            whole = whole.set(place, field.with_type(pa.float64()))
    return whole.remove_metadata()


def _with_missing(file: Any) -> set[str]:  # noqa: ANN401 - pyarrow ships no types
    """Small whole-number columns of a file in which a cell is missing."""
    columns = set()
    for name in file.schema_arrow.names:
        place = file.schema_arrow.get_field_index(name)
        if place < 0 or file.schema_arrow.field(place).type not in SMALL_INTEGERS:
            continue
        for group in range(file.num_row_groups):
            statistics = file.metadata.row_group(group).column(place).statistics
            if statistics is not None and statistics.has_null_count:
                nulls = statistics.null_count
            else:
                nulls = file.read_row_group(group, columns=[name]).column(0).null_count
            if nulls:
                columns.add(name)
                break
    return columns


def _blocks_of(file: Path) -> Iterator[Any]:
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as parquet:
        batches, rows = [], 0
        for batch in parquet.iter_batches(batch_size=1 << 16):
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
        of_row = part_of_rows(self._name, block, self._parts)
        number = np.arange(self.rows, self.rows + len(block), dtype="<i8")
        # Stable: rows of a part keep the order of the extract.
        order = np.argsort(of_row, kind="stable")
        bounds = np.searchsorted(of_row[order], np.arange(EVERY_PART, self._parts + 1))
        sorted_block = block.take(pa.array(order))
        shared_rows = order[: bounds[1]]
        for part, writer in enumerate(self._writers):
            first, after = bounds[part + 1], bounds[part + 2]
            rows = order[first:after]
            piece = sorted_block.slice(first, after - first)
            if shared_rows.size:
                rows = np.sort(np.concatenate([shared_rows, rows]))
                piece = block.take(pa.array(rows))
            if rows.size:
                writer.write_table(piece)
                _append(number[rows], self._folder / "rows" / f"{self._name}-{part:05}.i64")
        if shared_rows.size:
            _append(number[np.sort(shared_rows)], self._folder / "rows" / f"{self._name}-shared.i64")
        self.rows += len(block)
        self.of_pupils += len(block) - shared_rows.size

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers:
            writer.close()

    def _open(self, schema: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
        for part in range(self._parts):
            file = self._folder / f"{part:05}" / f"{self._name}.parquet"
            file.parent.mkdir(exist_ok=True)
            self._writers.append(pq.ParquetWriter(file, schema))


def part_of_rows(name: str, block: Any, parts: int) -> npt.NDArray[np.int64]:  # noqa: ANN401 - pyarrow ships no types
    """Part of each row of a table: what belongs to no pupil goes to every part, or, where it is a fault, to the first.

    Parameters
    ----------
    name : str
        The table.
    block : Arrow table
        Some of its rows.
    parts : int
        How many.

    Returns
    -------
    (rows,) int64 array
        From 0 to ``parts`` - 1, or :data:`EVERY_PART`.

    Examples
    --------
    >>> part_of_rows("grades", pa.table({"pupil_id": ["a1", None]}), 5).tolist()
    [4, 0]
    """
    names, may_be_shared = block.column_names, name in _MAY_BE_SHARED
    of_nobody = EVERY_PART if may_be_shared else 0
    unusable = any(column not in names for column in TABLES[name].required)
    if "pupil_id" not in names or (may_be_shared and unusable):
        return np.full(len(block), of_nobody, dtype=np.int64)
    of_pupils = part_of_pupils(block.column("pupil_id"), parts)
    return np.where(of_pupils == EVERY_PART, of_nobody, of_pupils)


_MAY_BE_SHARED = frozenset(
    name
    for name, table in TABLES.items()
    if "pupil_id" not in table.column_names or table.column("pupil_id").nullable
)
"""Tables with rows of a school, a class or everyone."""


def _append(numbers: npt.NDArray[np.int64], path: Path) -> None:
    with path.open("ab") as file:
        file.write(numbers.astype("<i8").tobytes())


MOST_PARTS = 200
"""Each part is an open file while a table is split, and systems allow 256 or more."""

_STATE = "split.json"


def checked_parts(partitions: int, on_fault: str) -> int:
    """Give the number of parts, or refuse it and other choices than "raise" and "quarantine".

    Raises
    ------
    RecordsError
    """
    wrong = []
    if not isinstance(partitions, int) or not 1 <= partitions <= MOST_PARTS:
        wrong.append(f"partitions={partitions!r}")
    if on_fault not in {"raise", "quarantine"}:
        wrong.append(f"on_fault={on_fault!r}")
    if wrong:
        raise RecordsError(
            explain_error(
                " and ".join(wrong),
                expected=f'partitions from 1 to {MOST_PARTS}, on_fault "raise" or "quarantine"',
                hint="Leave them out: the number follows the files and the memory, and every fault is told at once.",
            )
        )
    return partitions


@dataclass(frozen=True)
class SplitFolder:
    """Where the parts of an extract are.

    Attributes
    ----------
    folder : Path
        ``00000``, ``00001`` ..., one folder of extracts per part, and ``rows``.
    parts : int
        How many.
    rows : dict of str to int
        Rows of each table of the extract.
    calendar : Path or None
        The extract's own ``calendar.csv``.
    notes, ignored : tuple of str
        What was decided, and what was not read, while reading the extract.
    coverage_of_pupils : bool
        Whether some rows of ``coverage`` are of single pupils, so that parts must be told of one another's.
    """

    folder: Path
    parts: int
    rows: dict[str, int]
    calendar: Path | None
    notes: tuple[str, ...]
    ignored: tuple[str, ...]
    coverage_of_pupils: bool

    @classmethod
    def load(cls, folder: Path) -> SplitFolder | None:
        """Give the parts that an earlier run has finished writing, if it has."""
        state = folder / _STATE
        if not state.is_file():
            return None
        values = json.loads(state.read_text(encoding="utf-8"))
        calendar = None if values["calendar"] is None else Path(values["calendar"])
        return cls(
            **values
            | {
                "folder": folder,
                "calendar": calendar,
                "notes": tuple(values["notes"]),
                "ignored": tuple(values["ignored"]),
            }
        )

    def save(self) -> None:
        """Say that every part is written."""
        values = asdict(self) | {
            "folder": None,
            "calendar": None if self.calendar is None else str(self.calendar),
        }
        text = json.dumps(values, ensure_ascii=False)
        write_whole(self.folder / _STATE, text)

    def calendar_or(self, given: SchoolCalendar | None) -> SchoolCalendar:
        """Give the calendar of all parts: the one given, the extract's own, or zone B."""
        if given is not None:
            return given
        return (
            SchoolCalendar.for_zone("B") if self.calendar is None else SchoolCalendar.from_csv(self.calendar)
        )

    def tables(self, part: int, only: Collection[str] | None = None) -> dict[str, pa.Table]:
        """Read the tables of one part, or some of them, as the part contract takes them: with the rows of the extract.

        A table of which the part holds no row is there with its columns.
        """
        tables_by_name = {}
        for name in self.rows if only is None else [name for name in only if name in self.rows]:
            table = pq.read_table(self.folder / f"{part:05}" / f"{name}.parquet", partitioning=None)
            tables_by_name[name] = table.append_column(ROW_ID, pa.array(self._rows_of(name, part)))
        return tables_by_name

    def people(self, part: int) -> dict[str, pa.Table]:
        """Read the pupils of one part, their enrolments, coverage and outcomes alone."""
        return self.tables(part, PEOPLE)

    @property
    def shared(self) -> dict[str, npt.NDArray[np.int64]]:
        """Rows of the extract that every part holds, per table that has some."""
        rows_by_table = {name: self.shared_rows(name) for name in self.rows}
        return {name: rows for name, rows in rows_by_table.items() if rows.size}

    def shared_rows(self, name: str) -> npt.NDArray[np.int64]:
        """Rows of a table that every part holds, in rows of the extract."""
        path = self.folder / "rows" / f"{name}-shared.i64"
        return np.fromfile(path, dtype="<i8") if path.is_file() else np.empty(0, dtype=np.int64)

    def _rows_of(self, name: str, part: int) -> npt.NDArray[np.int64]:
        path = self.folder / "rows" / f"{name}-{part:05}.i64"
        return np.fromfile(path, dtype="<i8") if path.is_file() else np.empty(0, dtype=np.int64)


def split_folder(
    folder: str | Path, target: Path, parts: int, progress: Callable[[str, int, int], None] | None = None
) -> SplitFolder:
    """Part a folder of extracts by pupil, in one streaming pass over each table.

    Parquet is streamed block by block; a CSV is read whole, one table at a time.

    Parameters
    ----------
    folder : str or Path
        The extracts, as for ``PupilRecords.read``.
    target : Path
        Where the parts are written; emptied first.
    parts : int
        How many, from 1.
    progress : callable, optional
        Called with a French line, how many tables are done and how many there are, at the beginning of each.

    Raises
    ------
    UnreadableRecordsError
        As for ``PupilRecords.read``: every file that cannot be read, at once.
    """
    shutil.rmtree(target, ignore_errors=True)
    restrict(target)
    rows: dict[str, int] = {}
    of_pupils: dict[str, int] = {}

    def split(path: Path) -> tuple[RawTable, tuple[str, ...]]:
        name = path.name.lower().split(".", maxsplit=1)[0]
        if progress is not None:
            progress(f"Répartition de {name}", len(rows), 0)
        splitter = TableSplitter(name, target, parts)
        try:
            notes = _stream(path, splitter)
        finally:
            splitter.close()
        rows[name], of_pupils[name] = splitter.rows, splitter.of_pupils
        # The table went to the parts block by block: read_folder only needs its notes.
        return RawTable((), (), 0), notes

    extracts = read_folder(folder, split)
    split_parts = SplitFolder(
        target,
        parts,
        rows,
        extracts.calendar,
        extracts.notes,
        extracts.ignored,
        of_pupils.get("coverage", 0) > 0,
    )
    # Last: the state file says that all parts are whole.
    split_parts.save()
    return split_parts


def _stream(path: Path, splitter: TableSplitter) -> tuple[str, ...]:
    """Send a table block by block; give what was decided while reading it."""
    if path.is_dir() or path.suffix.lower() == ".parquet":
        for block in blocks_of_parquet(path):
            splitter.add(block)
        return parts_of_folder(path)[1] if path.is_dir() else ()
    table, notes = read_table_file(path)
    splitter.add(pa.Table.from_pandas(table.frame(), preserve_index=False).replace_schema_metadata())
    return notes


def write_whole(path: Path, text: str) -> None:
    """Write a file that is either there as a whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
