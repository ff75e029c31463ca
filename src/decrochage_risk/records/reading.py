"""Anything the package accepts as records, into raw pandas frames: tables, a folder of files, a JSON payload, a workbook.

Nothing is judged here but whether it can be read at all; the checks look at what the cells hold. CSV files are read
by :mod:`decrochage_risk.csv_files`, Arrow and Parquet by :mod:`decrochage_risk.records.raw_tables`,
payloads by :mod:`decrochage_risk.records.payload`. A workbook (``.xlsx``, through an optional reader) is what a person keeps:
titles above the header, columns without a name and empty rows are refused or told, never guessed at.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from decrochage_risk.csv_files import TITLE_LINES, read_csv
from decrochage_risk.errors import UnreadableRecordsError, explain_error
from decrochage_risk.records.payload import Payload, read_json, read_shapes, shape_error
from decrochage_risk.records.raw_tables import (
    RawTable,
    frame_of_arrow,
    plain_columns,
    read_parquet,
    refuse_twice,
)
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from decrochage_risk.records.table_mapping import TableMapping

__all__ = [
    "EXCEL_HINT",
    "Folder",
    "Payload",
    "as_frame",
    "as_raw",
    "excel_engine",
    "read_excel",
    "read_folder",
    "read_json",
    "read_shapes",
    "read_table_file",
    "schools_and_years",
    "shape_error",
]

EXCEL_HINT = (
    "install a reader of workbooks (pip install python-calamine, or openpyxl), or save the sheet as CSV UTF-8"
)
# In order of preference: the one that the extra `excel` installs comes first.
_ENGINES = {"python_calamine": "calamine", "openpyxl": "openpyxl"}
_EXPECTED = "a workbook whose first sheet has one header line and the rows below it"


def excel_engine() -> Any:  # noqa: ANN401 - the name that pandas gives the reader, or None
    """Name the reader that is installed, None without one."""
    return next((engine for module, engine in _ENGINES.items() if find_spec(module) is not None), None)


def read_excel(path: Path, columns: Collection[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read the first sheet of a workbook; rows without anything are left out.

    Parameters
    ----------
    path : Path
        The workbook.
    columns : collection of str
        Names that the header may hold, to tell a title above it.

    Raises
    ------
    UnreadableRecordsError
        No workbook, an encrypted or damaged one, no reader installed, an empty sheet, a title above the header, columns
        that are there twice.
    """
    engine = excel_engine()
    if engine is None:
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name} is an Excel workbook", expected=_EXPECTED, hint=f"Please {EXCEL_HINT}."
            )
        )
    try:
        # As objects and without a header: pandas would guess types, and rename columns that are there twice.
        book = pd.read_excel(path, sheet_name=None, header=None, dtype=object, engine=engine)
    except Exception as error:  # each reader raises errors of its own, also bare ones of zip and XML
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name} cannot be read as a workbook ({type(error).__name__}: {error})",
                expected=_EXPECTED,
                hint="It may be damaged, encrypted or of another kind: open it, and save it again or as CSV UTF-8.",
            )
        ) from error
    sheets = [str(name) for name in book]
    cells = next(iter(book.values()), pd.DataFrame())
    has_cells = cells.notna().any(axis=1)
    if not has_cells.any():
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name}: the first sheet is empty", expected=_EXPECTED, hint="Export it again."
            )
        )
    header = int(has_cells.to_numpy().argmax())
    _refuse_title(path.name, cells, header, columns)
    frame = _below(path.name, cells, header)
    blank = frame.isna().all(axis=1)
    notes = [f"{path.name}: read from the sheet {sheets[0]!r}"]
    if sheets[1:]:
        notes.append(f"{path.name}: the other sheets were not read: {', '.join(sheets[1:])}")
    if count := int(blank.sum()):
        notes.append(f"{path.name}: {count} empty rows were left out; rows are counted without them")
    return frame[~blank].reset_index(drop=True), tuple(notes)


def _refuse_title(file: str, cells: pd.DataFrame, header: int, columns: Collection[str]) -> None:
    column_names = {name.lower() for name in columns}
    name_counts = [
        len({str(cell).strip().lower() for cell in row if pd.notna(cell)} & column_names)
        for row in cells.iloc[header : header + TITLE_LINES].to_numpy(dtype=object)
    ]
    # Two names of ours in a row are a header; one may be a word of a title ("Notes de la classe").
    names = next((place for place, count in enumerate(name_counts) if count > 1), 0)
    if column_names and not name_counts[0] and names:
        lines = f"line {header + 1}" if names == 1 else f"lines {header + 1} to {header + names}"
        raise UnreadableRecordsError(
            explain_error(
                f"{file}: line {header + 1} is a title, the columns are named on line {header + names + 1}",
                expected=_EXPECTED,
                hint=f"Remove {lines}.",
            )
        )


def _below(file: str, cells: pd.DataFrame, header: int) -> pd.DataFrame:
    """Give the rows below the header under its names; columns without a name must hold nothing."""
    names = ["" if pd.isna(cell) else str(cell).strip() for cell in cells.iloc[header]]
    rows = cells.iloc[header + 1 :]
    nameless = [place for place, name in enumerate(names) if not name]
    faults = [
        f"column {place + 1} has no name, but holds something"
        for place in nameless
        if rows[place].notna().any()
    ]
    faults += [f"column {name!r} is there {names.count(name)} times" for name in dict.fromkeys(names)
               if name and names.count(name) > 1]  # fmt: skip
    if faults:
        raise UnreadableRecordsError(
            explain_error(
                f"{file}: {'; '.join(faults)}",
                expected=_EXPECTED,
                hint="Name each column once, in the header.",
            )
        )
    places = [place for place in range(len(names)) if place not in nameless]
    frame: pd.DataFrame = rows[places].set_axis([names[place] for place in places], axis=1)
    return frame.apply(_whole_numbers)


def _whole_numbers(cells: pd.Series) -> pd.Series:
    """Write the numbers of a column as whole ones where all are: a sheet knows no other kind, and an id is no decimal."""
    # Of a column with one real decimal nothing is changed: it is one of measures, not of ids.
    is_float = cells.map(_is_number)
    if is_float.any() and all(cell.is_integer() for cell in cells[is_float]):
        return cells.map(lambda cell: int(cell) if _is_number(cell) else cell)
    return cells


def _is_number(cell: object) -> bool:
    return isinstance(cell, float) and not math.isnan(cell)


CALENDAR_FILE = "calendar.csv"
SUFFIXES = (".parquet", ".csv", ".csv.gz")
WORKBOOK = ".xlsx"
_MAPPING_HINT = "tables made by hand, with names of their own: decrochage-risk check DOSSIER --draft-mapping FILE proposes a mapping"
EXPECTED_FILES = "files named after the tables: " + ", ".join(
    f"{name}.parquet or {name}.csv" for name in TABLES
)
# What French exports call these tables, without accents; only used to word a hint.
FRENCH_NAMES = {
    "eleves": "pupils",
    "inscriptions": "enrolments",
    "scolarites": "enrolments",
    "notes": "grades",
    "voeux": "orientation",
    "calendrier": "calendar",
    "devenirs": "outcomes",
}


@dataclass(frozen=True)
class Folder:
    """What a folder holds.

    Parameters
    ----------
    raw : dict of str to RawTable
        The raw tables, in the order of their declaration.
    calendar : Path or None
        ``calendar.csv``, when there is one.
    files : dict of str to Path
        Per table, the file or folder of parts that it was read from.
    ignored : tuple of str
        Names of the files and folders that were not read.
    notes : tuple of str
        Encoding and separator of each CSV, what was left out, and files whose name is near a table's.
    """

    raw: dict[str, RawTable]
    calendar: Path | None
    files: dict[str, Path]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The raw tables as pandas frames."""
        return {name: table.frame() for name, table in self.raw.items()}


def as_frame(table: object) -> pd.DataFrame:
    """Give a table as a pandas frame.

    Parameters
    ----------
    table : table
        A pandas DataFrame (returned as it is, without copy; its index is not used), anything with the Arrow
        PyCapsule interface ``__arrow_c_stream__`` (polars, pyarrow, duckdb), or a list of dicts.

    Raises
    ------
    UnreadableRecordsError
        For anything else, and for a table in which a column name is there twice, or made of several levels.

    Examples
    --------
    >>> as_frame([{"pupil_id": "a", "value": 12.5}, {"pupil_id": "b"}])
      pupil_id  value
    0        a   12.5
    1        b    NaN
    """
    if isinstance(table, pd.DataFrame):
        _refuse_levels(table.columns)
        refuse_twice(table.columns)
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return frame_of_arrow(_arrow_of_stream(table))
    if not isinstance(table, list) or not all(isinstance(row, dict) for row in table):
        raise UnreadableRecordsError(_not_a_table(table))
    try:
        return pd.DataFrame(table)
    except UnicodeEncodeError as error:
        raise UnreadableRecordsError(
            explain_error(
                "A table holds a text that cannot be written in UTF-8",
                expected="text",
                hint="It was cut in the middle of a character, or read with the wrong encoding: correct the source.",
            )
        ) from error


def as_raw(table: object) -> RawTable:
    """Give a table that came as anything :func:`as_frame` accepts, an Arrow table without making a frame of it."""
    if isinstance(table, RawTable):
        return table
    if not isinstance(table, pd.DataFrame) and hasattr(table, "__arrow_c_stream__"):
        return RawTable.of_arrow(_arrow_of_stream(table))
    return RawTable.of_frame(as_frame(table))


def _refuse_levels(columns: pd.Index) -> None:
    if columns.nlevels > 1:
        raise UnreadableRecordsError(
            explain_error(
                f"A table has column names of {columns.nlevels} levels, for example {columns[0]!r}",
                expected="one text per column name",
                hint="Keep one level, for example table.columns = table.columns.get_level_values(0).",
            )
        )


def _arrow_of_stream(table: object) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Read an Arrow stream; a stream of something else than rows and columns is no table."""
    try:
        return plain_columns(pa.RecordBatchReader.from_stream(table).read_all())
    except (pa.ArrowException, TypeError) as error:
        raise UnreadableRecordsError(f"{_not_a_table(table)} ({error})") from error


def _not_a_table(table: object) -> str:
    """Compose what to do with something that is not a table."""
    hints: dict[type, str] = {
        str: "A folder is read with PupilRecords.read(folder), JSON text with PupilRecords.from_json(text).",
        dict: "Give a list of dicts, one per row; nested JSON is read with PupilRecords.from_json(payload).",
        list: "Every element of the list must be a dict: one row, column name to value.",
    }
    hint = hints.get(
        str if isinstance(table, Path) else type(table), "Convert it, for example with pandas.DataFrame(...)."
    )
    return explain_error(
        f"A table came as {type(table).__module__}.{type(table).__qualname__}",
        expected="a pandas DataFrame, a table with the Arrow PyCapsule interface (polars, pyarrow), or a list of dicts",
        hint=hint,
    )


def read_folder(
    folder: str | Path,
    read: Callable[[Path], tuple[RawTable, tuple[str, ...]]] | None = None,
    *,
    mapping: TableMapping | None = None,
) -> Folder:
    r"""Read every table of a folder.

    A table is ``NAME.parquet``, ``NAME.csv``, ``NAME.csv.gz`` or a folder ``NAME`` of Parquet parts, whatever the
    case of its letters; ``NAME.xlsx`` when none of these is there and a reader of workbooks is installed. Other files are not read and are listed in ``ignored``.

    Parameters
    ----------
    folder : str or Path
        The folder.
    read : callable, optional
        What reads one table instead of :func:`read_table_file`, with the same answer and errors; not with a mapping.
    mapping : TableMapping, optional
        Names of files, columns and values of a folder that somebody else made.

    Raises
    ------
    UnreadableRecordsError
        No such folder, a folder without any table, or without a required one while a file has a name near it, a table there twice, files that cannot be read: all unreadable
        files in one error.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "pupils.csv").write_text("pupil_id;sex\na1;F\n")
    ...     found = read_folder(folder)
    >>> found.tables["pupils"].values.tolist(), found.notes
    ([['a1', 'F']], ("pupils.csv: read as UTF-8, separator ';'",))
    """
    folder = Path(folder)
    sources = _sources(_entries(folder), mapping)
    # The list of files that a run of ours wrote is nobody's table.
    not_read = tuple(path.name for path in sources.pop("", []) if path.name != MANIFEST)
    calendars = sources.pop("calendar", [])
    # Told, never read: a file that looks like a table may be last year's.
    near = tuple(hint for name in not_read if (hint := _near_name(name)))
    if not sources:
        raise UnreadableRecordsError(_no_table(folder, not_read, near))
    # Before anything is read: "enrolments missing" would send the reader to look for an extract that is
    # there.
    _refuse_misnamed(folder, set(sources), not_read)
    tables, notes, faults = {}, list(near), []
    for name in (name for name in TABLES if name in sources):
        try:
            if mapping is not None:
                tables[name], remarks = _mapped(name, sources[name], mapping)
            else:
                tables[name], remarks = (read or read_table_file)(_only_one(name, sources[name]))
            notes.extend(remarks)
        except UnreadableRecordsError as error:
            faults.append(str(error))
        except OSError as error:  # it vanished, or the disk did
            faults.append(str(_unopened(sources[name][0], error)))
    if faults:
        raise UnreadableRecordsError(
            f"{len(faults)} of {len(sources)} tables of {folder.name!r} cannot be read.\n\n"
            + "\n\n".join(faults)
        )
    calendar = _only_one("calendar", calendars) if calendars else None
    return Folder(tables, calendar, {name: sources[name][0] for name in tables}, not_read, tuple(notes))


def schools_and_years(folder: str | Path) -> tuple[frozenset[str], frozenset[int]]:
    r"""Read the schools and the school years of the enrolments of a folder, for who must choose a calendar before reading it.

    Nothing, where the folder has a calendar of its own, or where they cannot be read: the reading that follows says why.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "enrolments.csv").write_text("pupil_id;school_id;school_year\na1;9740001X;2024\n")
    ...     schools_and_years(folder)
    (frozenset({'9740001X'}), frozenset({2024}))
    """
    names = ["school_id", "school_year"]
    try:
        sources = _sources(_entries(Path(folder)), None)
        paths = sources.get("enrolments", [])
        if "calendar" in sources or len(paths) != 1:
            return frozenset(), frozenset()
        is_parquet = paths[0].is_dir() or paths[0].suffix.lower() == ".parquet"
        frame = _two_columns(paths[0], names) if is_parquet else read_table_file(paths[0])[0].frame()[names]
        schools = frozenset(map(str, frame["school_id"].dropna().unique()))
        years = frozenset(int(year) for year in frame["school_year"].dropna().unique())
    except (UnreadableRecordsError, OSError, ValueError, KeyError, TypeError):
        return frozenset(), frozenset()
    return schools, years


def _two_columns(path: Path, names: list[str]) -> pd.DataFrame:
    import pyarrow.parquet as pq  # noqa: PLC0415 - loads on first use

    # These columns alone: enrolments of a region are read a second time right after.
    frame: pd.DataFrame = pq.read_table(path, columns=names).to_pandas()
    return frame


def _mapped(name: str, paths: list[Path], mapping: TableMapping) -> tuple[RawTable, tuple[str, ...]]:
    """Read the files that a mapping declares as one table, one under the other."""
    frames, notes = [], []
    for path in paths:
        raw, reading_notes = read_table_file(path, names=mapping.columns.get(name, ()))
        frame, mapping_notes = mapping.apply(name, raw.frame())
        frames.append(frame)
        notes += [*reading_notes, *mapping_notes]
    return RawTable.of_frame(pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]), tuple(
        notes
    )


def _sources(entries: list[Path], mapping: TableMapping | None) -> dict[str, list[Path]]:
    """Sort the files of a folder by the table that they are named after; a workbook counts where nothing else does."""
    sources: dict[str, list[Path]] = defaultdict(list)
    workbooks: dict[str, list[Path]] = defaultdict(list)
    for path in entries:
        if mapping is not None and (table := mapping.table_of(path.name)):
            sources[table].append(path)
            continue
        is_workbook = path.suffix.lower() == WORKBOOK and path.is_file() and path.stem.lower() in TABLES
        (workbooks[path.stem.lower()] if is_workbook else sources[_table_of(path)]).append(path)
    for name, paths in workbooks.items():
        # Beside another file of that name it is listed as not read: never a second source of one table.
        is_read = name not in sources and excel_engine() is not None
        sources[name if is_read else ""].extend(paths)
    return sources


def _refuse_misnamed(folder: Path, names: set[str], not_read: tuple[str, ...]) -> None:
    """Refuse a folder that lacks a table which no records do without, while a file there has a name near it."""
    hints = [
        f"{file} looks like the table {table}: {_right_name(file, table)}"
        for file in not_read
        if (table := _near_table(file)) in TABLES and TABLES[table].mandatory and table not in names
    ]
    if hints:
        raise UnreadableRecordsError(
            explain_error(
                f"The folder {folder.name} lacks {' and '.join(sorted(name for name in TABLES if TABLES[name].mandatory and name not in names))}",
                expected=EXPECTED_FILES,
                # Files of somebody else's names mostly have somebody else's columns too: a mapping names both.
                hint="; ".join([*hints, _MAPPING_HINT]) + ".",
            )
        )


def _entries(folder: Path) -> list[Path]:
    """List a folder, or say what is wrong with it."""
    if folder.is_file():
        raise UnreadableRecordsError(
            explain_error(
                f"{folder} is a file",
                expected="a folder of tables",
                hint=f"Give its folder, {folder.parent}.",
            )
        )
    if not folder.is_dir():
        near = get_close_matches(folder.name, [path.name for path in _folders_beside(folder)], n=1)
        raise UnreadableRecordsError(
            explain_error(
                f"There is no folder {folder}",
                expected=f"a folder with {EXPECTED_FILES}",
                hint=f"Did you mean {folder.with_name(near[0])}?" if near else "Check the path.",
            )
        )
    # Sorted, as the order of a directory differs between machines.
    return sorted(folder.iterdir())


def _folders_beside(folder: Path) -> list[Path]:
    """List the folders that stand where this one was looked for."""
    return [path for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []


def _table_of(path: Path) -> str:
    """Give the table that a file or folder is named after, "calendar", or nothing."""
    name = path.name.lower()
    if path.is_dir():
        return name if name in TABLES else ""
    if name == CALENDAR_FILE:
        return "calendar"
    stem = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), "")
    return stem if stem in TABLES else ""


def _near_table(file: str) -> str:
    """Find the table that a file of another name may hold, "" for none."""
    # Without accents: "élèves" is spelt with and without them in file names.
    stem = unicodedata.normalize("NFKD", file.lower().split(".")[0]).encode("ascii", "ignore").decode()
    table_of = {name: name for name in (*TABLES, "calendar")} | FRENCH_NAMES
    near = get_close_matches(stem, table_of, n=1, cutoff=0.75)
    words = [word for word in re.split(r"[^a-z]+", stem) if word]
    near += [name for word in words for name in get_close_matches(word, table_of, n=1, cutoff=0.8)]
    return table_of[near[0]] if near else ""


def _right_name(file: str, table: str) -> str:
    """Say what to do with a file so that it is read as a table."""
    suffix = next((suffix for suffix in (*SUFFIXES, WORKBOOK) if file.lower().endswith(suffix)), ".csv")
    if table == "calendar":
        return f"name it {CALENDAR_FILE}"
    if suffix == WORKBOOK and excel_engine() is None:
        return f"{EXCEL_HINT} as {table}.csv"
    return f"name it {table}{suffix}"


def _near_name(file: str) -> str:
    """Word a hint when a file that is not read looks like a table with another name or format."""
    table = _near_table(file)
    if not table:
        return ""
    names = CALENDAR_FILE if table == "calendar" else f"{table}.parquet, {table}.csv or {table}{WORKBOOK}"
    hint = f"{file} was not read: {table} are read from {names}".replace("calendar are", "the calendar is")
    return f"{hint} ({EXCEL_HINT})" if file.lower().endswith(WORKBOOK) and excel_engine() is None else hint


def _no_table(folder: Path, other_files: tuple[str, ...], near: tuple[str, ...]) -> str:
    """Compose the message for a folder in which no table was found."""
    came = f"The folder {folder} holds " + (
        f"no table, only {', '.join(other_files)}" if other_files else "nothing"
    )
    hint = (
        "; ".join([*near, _MAPPING_HINT]) + "."
        if near
        else f"Name the files after the tables, with .parquet, .csv or .csv.gz; {_MAPPING_HINT}."
    )
    return explain_error(came, expected=EXPECTED_FILES, hint=hint)


def _only_one(name: str, paths: list[Path]) -> Path:
    """Give the one source of a table, or refuse to choose between two."""
    if len(paths) > 1:
        raise UnreadableRecordsError(
            explain_error(
                f"The table {name!r} is there {len(paths)} times: {', '.join(path.name for path in paths)}",
                expected="one file per table",
                hint="Remove the older one.",
            )
        )
    return paths[0]


def read_table_file(path: Path, *, names: Collection[str] | None = None) -> tuple[RawTable, tuple[str, ...]]:
    """Read one table: a CSV, a Parquet file, or a folder of Parquet parts.

    Parameters
    ----------
    path : Path
        The file.
    names : collection of str, optional
        Names of the columns of somebody else's extract, or an empty one where they are not known: title lines above
        such a header are left out, and told. Without it they are refused.

    Returns
    -------
    table : RawTable
        The raw table.
    notes : tuple of str
        What was decided while reading.

    Raises
    ------
    UnreadableRecordsError
        Naming the file, its size and the remedy.
    """
    if path.is_dir():
        return _raw_parquet(path)
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name} is empty (0 bytes)", expected="a table", hint="Export or copy it again."
            )
        )
    if path.suffix.lower() == ".parquet":
        return _raw_parquet(path)
    if path.suffix.lower() == WORKBOOK:
        columns = TABLES[path.stem.lower()].column_names if names is None else tuple(names)
        frame, notes = read_excel(path, columns)
        return RawTable.of_frame(frame), notes
    if names is None:
        frame, notes = read_csv(path, _columns_of(path))
    else:
        frame, notes = read_csv(path, names, skip_titles=True)
    return RawTable.of_frame(frame), notes


def _columns_of(path: Path) -> tuple[str, ...]:
    """Give the columns of the table that a file is named after."""
    name = _table_of(path)
    return TABLES[name].column_names if name in TABLES else ()


def _unopened(path: Path, error: OSError) -> UnreadableRecordsError:
    return UnreadableRecordsError(
        explain_error(
            f"{path.name} cannot be opened ({error.strerror or error})",
            expected="a file that can be read",
            hint="It may have been moved, or taken away from you: check it, and start again.",
        )
    )


def _raw_parquet(path: Path) -> tuple[RawTable, tuple[str, ...]]:
    file = read_parquet(path)
    return RawTable.of_arrow(file.table, file.texts), file.notes
