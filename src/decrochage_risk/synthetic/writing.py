"""Writing tables block by block into one file each, so that memory holds one block at a time.

A cohort replaces an earlier one in its folder as a whole; a folder of tables without a ``truth`` is not a cohort, and
is left alone: those could be real extracts.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from decrochage_risk.csv_files import write_csv
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

__all__ = ["FileFormat", "checked_format", "write_blocks"]

FileFormat = Literal["parquet", "csv"]
_FILE_FORMATS = ("parquet", "csv")

TRUTH = "truth"
"""The table that only a synthetic cohort has: its true probabilities."""


def checked_format(file_format: str) -> str:
    """Return the file format; ``parquet`` or ``csv``."""
    if file_format not in _FILE_FORMATS:
        raise RecordsError(
            explain_error(
                f"file_format={file_format!r}",
                expected=f"one of {', '.join(_FILE_FORMATS)}",
                hint="Parquet is smaller and keeps the types of the columns.",
            )
        )
    return file_format


def write_blocks(
    folder: str | Path, blocks: Iterable[Mapping[str, pd.DataFrame]], file_format: FileFormat = "parquet"
) -> dict[Path, int]:
    """Write the tables of some blocks, one file per table; an earlier cohort in the folder is replaced as a whole.

    Parameters
    ----------
    folder : path
        Made if it is not there. Files that are no table stay.
    blocks : iterable of mappings of str to DataFrame
        A table has the same columns in every block.
    file_format : {"parquet", "csv"}

    Returns
    -------
    dict of Path to int
        The files, in the order of the tables, and how many rows each holds.

    Raises
    ------
    RecordsError
        The folder cannot be made, or holds tables that are no synthetic cohort.
    """
    target = Path(folder)
    checked_format(file_format)
    _make_room(target)
    writer = _ParquetFiles(target) if file_format == "parquet" else _CsvFiles(target)
    rows: Counter[str] = Counter()
    try:
        for block in blocks:
            for name, table in block.items():
                writer.add(name, table)
                rows[name] += len(table)
    finally:
        writer.close()
    return {path: rows[name] for name, path in writer.paths.items()}


def _make_room(folder: Path) -> None:
    """Make the folder; take an earlier cohort away, of which a table could outlive this one; spare other tables."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise RecordsError(
            explain_error(
                f"{folder} is a file, or would be inside one",
                expected="a folder, there or to be made",
                hint="Choose another folder.",
            )
        ) from error
    suffixes = (".parquet", ".csv")
    tables = [
        path
        for name in (*TABLES, TRUTH)
        for suffix in suffixes
        if (path := folder / (name + suffix)).exists()
    ]
    if tables and not any(path.stem == TRUTH for path in tables):
        raise RecordsError(
            explain_error(
                f"{folder} holds {', '.join(path.name for path in tables)} and no {TRUTH}: no synthetic cohort",
                expected="a new or empty folder, or a synthetic cohort to replace",
                hint="Choose another folder: real extracts are never written over.",
            )
        )
    for path in tables:
        path.unlink()


class _ParquetFiles:
    """One Parquet file per table; a block is a row group of each (two of more than a million rows)."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, Path] = {}
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Append a table to its file."""
        import pyarrow as pa  # noqa: PLC0415 - only who writes loads it
        from pyarrow import parquet  # noqa: PLC0415 - same

        rows = pa.Table.from_pandas(table, preserve_index=False)
        if name not in self._writers:
            self.paths[name] = self._folder / f"{name}.parquet"
            self._writers[name] = parquet.ParquetWriter(self.paths[name], rows.schema)
        self._writers[name].write_table(rows)

    def close(self) -> None:
        """Finish every file."""
        for writer in self._writers.values():
            writer.close()


class _CsvFiles:
    """One CSV file per table, in UTF-8 with ``;``; the first block writes the header."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, Path] = {}
        self._folder = folder

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Append a table to its file."""
        first = name not in self.paths
        self.paths.setdefault(name, self._folder / f"{name}.csv")
        write_csv(table, self.paths[name], for_machines=True, append=not first)

    def close(self) -> None:
        """Nothing stays open between two blocks."""
