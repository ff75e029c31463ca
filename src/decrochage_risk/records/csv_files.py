"""One CSV file, as schools and exports really write them, into a frame of text columns.

Encoding (UTF-8, UTF-16 with its mark, else Windows-1252 or ISO-8859-15), separator (``;``, ``,`` or tab) and the
shape of the rows are settled here; what the cells mean is the business of the checks.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CSV_EXPECTED", "read_csv"]

CSV_EXPECTED = "a CSV with one header line, the same number of cells on every line, separated by ; , or a tab"
SEPARATORS = ";\t,"
MAX_LINES_LISTED = 5
BLOCK_BYTES = 1 << 20
# é, œ, € or ’ written in UTF-8; read as Latin they would be "Ã©" and the like, which no French word holds.
UTF8_LETTER = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xc5[\x92\x93]|\xe2\x82\xac|\xe2\x80\x99")
# Control characters in ISO-8859-15, quotes, dashes, œ and € in Windows-1252.
ONLY_IN_CP1252 = re.compile(rb"[\x80-\x9f]")


def read_csv(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    r"""Read one CSV (or ``.csv.gz``) with every column as text.

    An empty cell, quoted or not, is missing; ``NA``, ``NN`` or ``Abs`` stay text, and so does a decimal comma.
    Blank lines are skipped. A last column without a name whose cells are all empty (lines that end with a
    separator) is left out, and the notes say so.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    frame : pandas.DataFrame
        One ``str`` column per header cell, in file order.
    notes : tuple of str
        Which encoding and separator were used, and what was left out.

    Raises
    ------
    UnreadableRecordsError
        Empty file, NUL bytes, undecodable or mixed encodings, duplicate or empty column names, lines with too few
        or too many cells, a quote that is never closed; with line numbers.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "grades.csv")
    ...     _ = path.write_bytes("pupil_id;value\né1;12,5\n".encode("iso-8859-15"))
    ...     frame, notes = read_csv(path)
    >>> frame.values.tolist()
    [['é1', '12,5']]
    >>> notes[0]
    "grades.csv: read as ISO-8859-15, separator ';'"
    """
    data, encoding = _as_utf8(_content(path), path.name)
    _refuse_nul(data, path.name)
    if not data.strip():
        raise UnreadableRecordsError(
            explain_error(f"{path.name} holds no line", expected=CSV_EXPECTED, hint="Export the table again.")
        )
    header, rows = _split_header(data)
    separator = max(SEPARATORS, key=lambda mark: _outside_quotes(header, mark))
    names = next(csv.reader([header], delimiter=separator))
    notes = [f"{path.name}: read as {encoding}, separator {separator!r}"]
    nameless_last = len(names) > 1 and not names[-1].strip()
    _refuse_bad_names([name.strip() for name in (names[:-1] if nameless_last else names)], path.name)
    table, is_ragged = _parse(rows, len(names), separator, newlines=b'"' in data)
    if is_ragged or (b'"' in data and (data.count(b'"') % 2 or _holds_newlines(table))):
        _refuse_bad_rows(data, len(names), separator, path.name, ragged=is_ragged)
    frame: pd.DataFrame = table.to_pandas()
    frame.columns = pd.Index([name.strip() for name in names], dtype="str")
    if nameless_last:
        frame = _without_empty_last(frame, path.name)
        notes.append(f"{path.name}: the empty last column (lines end with {separator!r}) was left out")
    return frame, tuple(notes)


def _content(path: Path) -> bytes:
    """Give the bytes of the file, unpacked when it is gzipped."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as archive:
            return archive.read()
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name} ({path.stat().st_size} bytes) cannot be unpacked: {error}",
                expected="a complete gzip file",
                hint="Copy or export the file again; it was probably cut short.",
            )
        ) from error


def _as_utf8(data: bytes, name: str) -> tuple[bytes, str]:
    """Give the content in UTF-8 without mark, and the name of the encoding it came in."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16", name).encode(), "UTF-16"
    data = data.removeprefix(codecs.BOM_UTF8)
    if _is_utf8(data):
        return data, "UTF-8"
    _refuse_part_utf8(data, name)
    if ONLY_IN_CP1252.search(data):
        return _decoded(data, "cp1252", name).encode(), "Windows-1252"
    return _decoded(data, "iso-8859-15", name).encode(), "ISO-8859-15"


def _is_utf8(data: bytes) -> bool:
    """Tell whether the bytes are UTF-8, block by block so that no second copy of a large file is held."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), BLOCK_BYTES):
            decoder.decode(view[start : start + BLOCK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(data: bytes, encoding: str, name: str) -> str:
    """Decode, or say at which line the encoding does not hold."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableRecordsError(
            explain_error(
                f"{name}, line {_line(data, error.start)}: byte {data[error.start]:#04x} is no letter of {encoding}",
                expected="UTF-8, ISO-8859-15 or Windows-1252 text",
                hint="Export the file again as CSV UTF-8.",
            )
        ) from error


def _refuse_part_utf8(data: bytes, name: str) -> None:
    """Refuse a file of which some lines are UTF-8 and others are not: any one reading would garble a part."""
    if not (utf8 := UTF8_LETTER.search(data)):
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableRecordsError(
            explain_error(
                f"{name} mixes encodings or is damaged: line {_line(data, utf8.start())} holds UTF-8 letters, "
                f"line {_line(data, error.start)} is not UTF-8",
                expected="one encoding in the whole file",
                hint="If two exports were pasted together, save both as UTF-8 and join them; else export again.",
            )
        ) from error


def _refuse_nul(data: bytes, name: str) -> None:
    """Refuse NUL bytes: a spreadsheet renamed to .csv, or a damaged copy."""
    if (first := data.find(b"\0")) >= 0:
        raise UnreadableRecordsError(
            explain_error(
                f"{name} holds {data.count(0)} NUL bytes, the first on line {_line(data, first)}",
                expected="plain text",
                hint="The file is damaged or no CSV (a spreadsheet that was renamed?): export it again as CSV UTF-8.",
            )
        )


def _line(data: bytes, position: int) -> int:
    """Give the number of the line, from 1, that holds this byte."""
    return len(re.findall(rb"\r\n|\r|\n", data[:position])) + 1


def _split_header(data: bytes) -> tuple[str, memoryview]:
    """Give the first line that is not blank, and what follows it."""
    first_line = re.search(rb"[^\r\n]+", data)
    end = first_line.end() if first_line else 0
    return (first_line.group().decode() if first_line else ""), memoryview(data)[end:]


def _outside_quotes(line: str, mark: str) -> int:
    """Count a separator in a line, quoted cells apart."""
    return re.sub(r'"[^"]*"', "", line).count(mark)


def _refuse_bad_names(names: list[str], file: str) -> None:
    """Refuse column names that are twice there or empty: cells would be lost or nameless."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    faults = [f"column {name!r} is there {names.count(name)} times" for name in twice]
    faults += [f"column {place} has no name" for place, name in enumerate(names, start=1) if not name]
    if faults:
        raise UnreadableRecordsError(
            explain_error(
                f"{file}, line 1: {'; '.join(faults)}",
                expected="each column once, each with its name",
                hint="Rename or remove the columns in the export.",
            )
        )


def _parse(rows: memoryview, cells: int, separator: str, *, newlines: bool) -> tuple[Any, bool]:
    """Give the Arrow table of text columns, and whether some rows had another number of cells."""
    import pyarrow.csv as arrow_csv  # noqa: PLC0415  a service that reads JSON never needs it

    rows_left_out: list[object] = []

    def skip(row: object) -> str:
        rows_left_out.append(row)
        return "skip"

    names = [str(place) for place in range(cells)]
    if not bytes(rows[:BLOCK_BYTES]).strip() and len(rows) <= BLOCK_BYTES:
        return pa.table({name: pa.array([], pa.string()) for name in names}), False
    # A row must fit in a block; one that does not (a very long cell) is worth one block for the whole file.
    for block in (BLOCK_BYTES, len(rows) + 1):
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(pa.py_buffer(rows)),
                read_options=arrow_csv.ReadOptions(column_names=names, block_size=block),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=separator, newlines_in_values=newlines, invalid_row_handler=skip
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
                ),
            )
        except pa.ArrowInvalid:
            if block > len(rows):
                raise
        else:
            break
    return table, bool(rows_left_out)


def _holds_newlines(table: Any) -> bool:  # noqa: ANN401  pyarrow ships no types
    """Tell whether some cell holds a line break: wanted, or the trace of a quote that was never closed."""
    from pyarrow import compute  # noqa: PLC0415  as above

    return any(
        compute.any(compute.match_substring_regex(column, r"[\r\n]"), min_count=0).as_py()
        for column in table.columns
    )


def _bad_rows(data: bytes, cells: int, separator: str) -> Iterator[str]:
    """Yield one phrase per line whose cells or quotes are wrong."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    first_line = 1
    try:
        for row in reader:
            if row and len(row) != cells:
                yield f"line {first_line} has {len(row)} cells"
            first_line = reader.line_num + 1
    except csv.Error as error:
        yield f"the quotes from line {first_line} on cannot be read ({error})"


def _refuse_bad_rows(data: bytes, cells: int, separator: str, file: str, *, ragged: bool) -> None:
    """Raise with the lines at fault; ``ragged`` tells that there are some for certain."""
    rows = _bad_rows(data, cells, separator)
    lines = list(islice(rows, MAX_LINES_LISTED))
    if more := sum(1 for _ in rows):
        lines.append(f"and {more} more")
    if lines or ragged:
        raise UnreadableRecordsError(
            explain_error(
                f"{file}: {'; '.join(lines) or 'some lines have another number of cells'}; the header has {cells}",
                expected=CSV_EXPECTED,
                hint="A cell that holds the separator or a quote must stand between quotes, its quotes doubled.",
            )
        )


def _without_empty_last(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """Drop the nameless last column, or refuse it when it holds something."""
    if (filled_in := int(frame.iloc[:, -1].notna().sum())) > 0:
        raise UnreadableRecordsError(
            explain_error(
                f"{file}: the last column has no name, but {filled_in} lines hold a value there",
                expected="a name for each column that holds something",
                hint="Name the column in the header, or empty it.",
            )
        )
    return frame.iloc[:, :-1]
