"""CSV files: the one reader, of files as schools and exports really write them, and the one writer.

Encoding (UTF-8, UTF-16 with its mark, else Windows-1252 or ISO-8859-15), separator (``;``, ``,`` or tab) and the
shape of the rows are settled here; what the cells mean is the business of the checks. What is written opens in a French
spreadsheet without becoming a formula, a date or another number.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = [
    "CSV_EXPECTED",
    "TITLE_LINES",
    "guarded",
    "lines_of_rows",
    "read_csv",
    "text_as_exported",
    "write_csv",
    "write_csv_rows",
]

CSV_EXPECTED = "a CSV with one header line, the same number of cells on every line, separated by ; , or a tab"
SEPARATORS = ";\t,"
MAX_LINES_LISTED = 5
BLOCK_BYTES = 1 << 20
# é, œ, € or ’ written in UTF-8; read as Latin they would be "Ã©" and the like, which no French word holds.
UTF8_LETTER = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xc5[\x92\x93]|\xe2\x82\xac|\xe2\x80\x99")
# Control characters in ISO-8859-15, quotes, dashes, œ and € in Windows-1252.
ONLY_IN_CP1252 = re.compile(rb"[\x80-\x9f]")


def read_csv(
    path: Path, columns: Collection[str] = (), *, skip_titles: bool = False
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    r"""Read one CSV (or ``.csv.gz``) with every column as text.

    An empty cell, quoted or not, is missing; ``NA``, ``NN`` or ``Abs`` stay text, and so does a decimal comma.
    Blank lines are skipped, rows that hold separators only too, counted. A first line ``sep=;`` names the separator. Rows,
    or the header, may end with further separators as long as nothing stands there.

    Parameters
    ----------
    path : Path
        The file.
    columns : collection of str
        Names that the header may hold, to tell a title above it.
    skip_titles : bool
        Leave out lines above the header, told in the notes, instead of refusing them: for an extract whose names a person
        declares, and whose tool writes them each time.

    Returns
    -------
    frame : pandas.DataFrame
        One ``str`` column per header cell, in file order.
    notes : tuple of str
        Which encoding and separator were used, and what was left out.

    Raises
    ------
    UnreadableRecordsError
        A file that cannot be opened, an empty one, NUL bytes, undecodable or mixed encodings, a title above the header,
        duplicate or empty column names, lines with too few or too many cells (a footer), a quote that is never closed;
        with line numbers.

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
    text = _text_of(path)
    header = _header_of(text, columns, skip_titles=skip_titles)
    notes = [f"{path.name}: read as {text.encoding}, separator {header.separator!r}"]
    if header.titles:
        notes.append(
            f"{path.name}: title lines above the header left out: {header.titles} (header on line {header.line})"
        )
    frame = _cells_of(text, header)
    if header.trailing:
        notes.append(f"{path.name}: the empty last column (lines end with {header.separator!r}) was left out")
    is_blank = _blank_rows(frame)
    # Excel writes a line of separators for each row that was once used: told, not refused.
    if count := int(is_blank.sum()):
        frame = frame[~is_blank].reset_index(drop=True)
        rows = "1 row that holds" if count == 1 else f"{count} rows that hold"
        left_out = "was" if count == 1 else "were"
        notes.append(
            f"{path.name}: {rows} separators only {left_out} left out; rows are counted without them"
        )
    return frame, tuple(notes)


def lines_of_rows(path: Path) -> list[int]:
    """Give the line, from 1, on which each row of :func:`read_csv` begins; for small files."""
    text = _text_of(path)
    header = _header_of(text)
    return [line for line, row in _rows_with_lines(text, header) if any(cell.strip() for cell in row)]


@dataclass(frozen=True, slots=True)
class _Text:
    """What a file holds, in UTF-8 without mark."""

    name: str
    data: bytes
    encoding: str


@dataclass(frozen=True, slots=True)
class _Header:
    """The names of the columns.

    ``end`` is where the rows begin, in bytes, ``line`` the number of the header's line; ``cells`` counts its cells, those
    after the last name (``trailing``) among them; ``titles`` counts the lines above it that were left out.
    """

    names: list[str]
    cells: int
    separator: str
    end: int
    line: int
    titles: int = 0

    @property
    def trailing(self) -> bool:
        """Whether it ends with cells without a name."""
        return self.cells > len(self.names)


def _text_of(path: Path) -> _Text:
    data, encoding = _as_utf8(_content(path), path.name)
    _refuse_nul(data, path.name)
    if not data.strip():
        raise UnreadableRecordsError(
            explain_error(f"{path.name} holds no line", expected=CSV_EXPECTED, hint="Export the table again.")
        )
    return _Text(path.name, data, encoding)


_SEPARATOR_LINE = re.compile(rb"""\s*"?sep=(?P<mark>[;,\t])"?[;,\t]*\s*?(?=[\r\n]|$)""", re.IGNORECASE)
_NOTHING = ' \t;,"\xa0'
TITLE_LINES: Final = 30
"""Lines above a header that may be titles, in a CSV and in a sheet alike; further down, a line of names is a row of data."""


def _header_of(text: _Text, columns: Collection[str] = (), *, skip_titles: bool = False) -> _Header:
    """Find the header: the first line that holds more than separators, after ``sep=;`` if that is there."""
    # Excel's own mark for other programs, no header.
    declaration = _SEPARATOR_LINE.match(text.data)
    start = declaration.end() if declaration else 0
    lines: Iterator[tuple[re.Match[bytes], str]] = (
        (match, line)
        for match in re.finditer(rb"[^\r\n]+", memoryview(text.data)[start:])
        if (line := match.group().decode()).strip(_NOTHING)
    )
    titles = 0
    if skip_titles:
        head = list(islice(lines, TITLE_LINES))
        titles = _titles([line for _, line in head], columns)
        lines = chain(head[titles:], lines)
    first = next(lines, None)
    if first is None:
        raise UnreadableRecordsError(
            explain_error(
                f"{text.name} holds separators only", expected=CSV_EXPECTED, hint="Export the table again."
            )
        )
    match, line = first
    mark = declaration.group("mark").decode() if declaration else ""
    # On the header alone: further down commas stand in decimals and texts. Ties go to ";", the first.
    separator = mark or max(SEPARATORS, key=lambda each: _outside_quotes(line, each))
    cells = next(csv.reader([line], delimiter=separator))
    names = [name.strip() for name in cells]
    # exports often end each line with a separator: a last column without a name or value is no column
    while len(names) > 1 and not names[-1]:
        names.pop()
    number = _line(text.data, start + match.start())
    header = _Header(names, len(cells), separator, start + match.end(), number, titles)
    if columns and not _shared_names(line, columns):
        for later, other in islice(lines, TITLE_LINES):
            if _shared_names(other, columns) > 1:
                _refuse_title(text, number, _line(text.data, start + later.start()))
    _refuse_bad_names(names, text.name, number)
    return header


def _titles(lines: Sequence[str], columns: Collection[str]) -> int:
    """Count the lines above the header: up to the first that holds names of the columns, or more than one cell."""
    named = (place for place, line in enumerate(lines) if columns and _shared_names(line, columns) > 1)
    if (header := next(named, None)) is not None:
        return header
    # The separator of the rows: a title is a sentence, and may hold commas.
    separator = max(SEPARATORS, key=lambda each: _outside_quotes(lines[-1], each)) if lines else ";"
    several = (
        place
        for place, line in enumerate(lines)
        if sum(bool(cell.strip(_NOTHING)) for cell in line.split(separator)) > 1
    )
    # A table of one column has no such line: its first is the header.
    return next(several, 0)


def _shared_names(line: str, columns: Collection[str]) -> int:
    """Count the cells of a line that name a column, whatever the separator."""
    cells = {cell.strip(_NOTHING).lower() for cell in re.split(r"[;,\t]", line)}
    return len(cells & {name.lower() for name in columns})


def _refuse_title(text: _Text, title: int, header: int) -> None:
    lines = f"line {title}" if header - title == 1 else f"lines {title} to {header - 1}"
    raise UnreadableRecordsError(
        explain_error(
            f"{text.name}: line {title} is a title, the columns are named on line {header}",
            expected=CSV_EXPECTED,
            hint=f"Remove {lines}.",
        )
    )


def _cells_of(text: _Text, header: _Header) -> pd.DataFrame:
    """Read the rows below the header; those that end with more separators than it, or fewer, are read all the same."""
    rows = memoryview(text.data)[header.end :]
    has_quotes = b'"' in text.data
    # GEPI ends its header with a separator and, in one of its exports, not its rows: both widths are tried.
    width = _width_of_first_row(text, header)
    table, is_ragged = _parse(rows, max(width, len(header.names)), header.separator, newlines=has_quotes)
    # A quote that is never closed swallows lines; Arrow then gives one cell and no error.
    if is_ragged or (has_quotes and (text.data.count(b'"') % 2 or _holds_newlines(table))):
        # Quotes must be read line by line to be trusted; rows of other lengths, to see what stands beyond the
        # header.
        even = _evened(text, header, is_ragged=is_ragged)
        if is_ragged:
            table, _ = _parse(memoryview(even), len(header.names), header.separator, newlines=True)
    frame: pd.DataFrame = table.to_pandas()
    names = len(header.names)
    beyond = frame.iloc[:, names:]
    if line_count := int(beyond.notna().any(axis=1).sum()) if beyond.shape[1] else 0:
        raise UnreadableRecordsError(
            explain_error(
                f"{text.name}: the last column has no name, but {line_count} lines hold a value there",
                expected="a name for each column that holds something",
                hint="Name the column in the header, or empty it.",
            )
        )
    frame = frame.iloc[:, :names]
    # Names last: until here columns are numbered, as a name could be there twice.
    frame.columns = pd.Index(header.names, dtype="str")
    return frame


def _width_of_first_row(text: _Text, header: _Header) -> int:
    """Cells of the first row that holds something."""
    for match in re.finditer(rb"[^\r\n]+", memoryview(text.data)[header.end :]):
        line = match.group().decode()
        if line.strip(_NOTHING):
            try:
                return len(next(csv.reader([line], delimiter=header.separator)))
            except csv.Error:  # a cell beyond what the standard library takes
                break
    return header.cells


def _blank_rows(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Rows without anything but blanks."""
    # Column by column on the rows that may still be blank: almost none are, after the first.
    maybe = _is_blank(frame.iloc[:, 0])
    for name in frame.columns[1:] if maybe.any() else ():
        maybe[maybe] = _is_blank(frame.loc[maybe, name])
    return maybe


def _is_blank(cells: pd.Series) -> npt.NDArray[np.bool_]:
    missing = cells.isna().to_numpy(dtype=np.bool_)
    texts = cells[~missing]
    blank = missing.copy()
    blank[~missing] = texts.str.strip().eq("").to_numpy(dtype=np.bool_)
    return blank


def _content(path: Path) -> bytes:
    """Give the bytes of the file, unpacked when it is gzipped."""
    if path.suffix.lower() != ".gz":
        try:
            return path.read_bytes()
        except OSError as error:
            raise UnreadableRecordsError(
                explain_error(
                    f"{path.name} cannot be opened ({error.strerror or error})",
                    expected="a file that can be read",
                    hint="It may have been moved, or taken away from you: check it, and start again.",
                )
            ) from error
    try:
        with gzip.open(path) as archive:
            return archive.read()
    except (EOFError, zlib.error, OSError) as error:  # BadGzipFile is an OSError
        raise UnreadableRecordsError(
            explain_error(
                f"{path.name}{_size(path)} cannot be unpacked: {error}",
                expected="a complete gzip file",
                hint="Copy or export the file again; it was probably cut short or damaged.",
            )
        ) from error


def _size(path: Path) -> str:
    """Size of a file in words, nothing when it vanished in the meantime."""
    try:
        return f" ({path.stat().st_size} bytes)"
    except OSError:
        return ""


def _as_utf8(data: bytes, name: str) -> tuple[bytes, str]:
    """Give the content in UTF-8 without mark, and the name of the encoding it came in."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16", name).encode(), "UTF-16"
    # the mark would become part of the first column's name
    data = data.removeprefix(codecs.BOM_UTF8)
    if _is_utf8(data):
        return data, "UTF-8"
    # Before any Latin reading, which never fails: half a file of "Ã©" would pass for names.
    _refuse_part_utf8(data, name)
    # any bytes decode as ISO-8859-15: only those that are control characters there tell Windows-1252
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


def _outside_quotes(line: str, mark: str) -> int:
    """Count a separator in a line, quoted cells apart."""
    return re.sub(r'"[^"]*"', "", line).count(mark)


def _refuse_bad_names(names: list[str], file: str, line: int) -> None:
    """Refuse column names that are twice there or empty: cells would be lost or nameless."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    faults = [f"column {name!r} is there {names.count(name)} times" for name in twice]
    faults += [f"column {place} has no name" for place, name in enumerate(names, start=1) if not name]
    if faults:
        raise UnreadableRecordsError(
            explain_error(
                f"{file}, line {line}: {'; '.join(faults)}",
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
    # Arrow refuses a file without a row.
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
                    # All as text: Arrow's guess would eat the leading zeros of ids.
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    null_values=[""],
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


def _rows_with_lines(text: _Text, header: _Header) -> Iterator[tuple[int, list[str]]]:
    """Give each row below the header that is not blank, with the line on which it begins.

    Raises
    ------
    csv.Error
        Quotes that cannot be read.
    """
    lines = io.StringIO(text.data[header.end :].decode(), newline="")
    # Strict: otherwise a stray quote changes where cells end, without a word.
    reader = csv.reader(lines, delimiter=header.separator, strict=True)
    first_line = header.line
    for row in reader:
        if row:
            yield first_line, row
        first_line = header.line + reader.line_num


def _evened(text: _Text, header: _Header, *, is_ragged: bool) -> bytes:
    """Write the rows again with as many cells as the header has names, or raise with the lines where that cannot be."""
    names = len(header.names)
    widest = max(header.cells, names) if not is_ragged else names
    faults: list[tuple[int, str]] = []
    even = io.StringIO()
    writer = csv.writer(even, delimiter=header.separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    start, last = header.line + 1, header.line
    try:
        for start, row in _rows_with_lines(text, header):
            last = start
            while len(row) > names and not row[-1].strip():
                row.pop()
            if len(row) == names:
                writer.writerow(row)
            elif any(cell.strip() for cell in row):
                faults.append((start, f"line {start} has {len(row)} cells"))
            else:
                writer.writerow([""] * names)
    except csv.Error as error:
        faults.append((last + 1, f"the quotes from line {last + 1} on cannot be read ({error})"))
    if faults:
        _refuse_lines(faults, text.name, widest, last)
    return even.getvalue().encode()


def _refuse_lines(faults: list[tuple[int, str]], file: str, cells: int, last: int) -> None:
    """Raise with the lines at fault; those that end the file are a footer."""
    phrases = [phrase for _, phrase in faults[:MAX_LINES_LISTED]]
    if more := len(faults) - len(phrases):
        phrases.append(f"and {more} more")
    lines = [line for line, _ in faults]
    is_footer = lines[-1] == last and len(lines) <= _FOOTER_LINES and lines == list(range(lines[0], last + 1))
    hint = "A cell that holds the separator or a quote must stand between quotes, its quotes doubled."
    if is_footer:
        some = f"line {last}" if len(lines) == 1 else f"lines {lines[0]} to {last}"
        hint = f"If {some} at the end of the file holds a total or a note, remove it. {hint}"
    raise UnreadableRecordsError(
        explain_error(
            f"{file}: {'; '.join(phrases)}; the header has {cells}", expected=CSV_EXPECTED, hint=hint
        )
    )


# A total, an author, a date: exports end with a few such lines at most.
_FOOTER_LINES = 5


# What Excel, LibreOffice and Google Sheets take for a formula; a tab or a return before it is skipped by
# some, and the
# full-width signs are read as the plain ones (OWASP, CSV injection).
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_SIGNED_NUMBER = re.compile(r"[+-][0-9]+(?:[.,][0-9]+)?")
_MONTHS = (
    r"janv?(?:ier|uary)?|f[eé]v(?:r(?:ier)?)?|feb(?:ruary)?|mars?|march|avr(?:il)?|apr(?:il)?|mai|may|juin|june?|juil(?:let)?"
    r"|july?|ao[uû]t|aug(?:ust)?|sept?(?:emb(?:re|er))?|oct(?:ob(?:re|er))?|nov(?:emb(?:re|er))?|d[eé]c(?:emb(?:re|er))?"
)
_CHANGED_BY_SPREADSHEETS = re.compile(
    r"0[0-9]+|[0-9]{16,}"  # a number that loses its zeros, or its last digits
    r"|[0-9]+(?:[.,][0-9]+)?e[+-]?[0-9]+"  # 3e-1 is a class, and 0.3
    r"|[0-9]{1,4}[/-][0-9]{1,2}(?:[/-][0-9]{1,4})?"  # 3-1 is a class, and 3 January
    r"|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,4}"
    r"|[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2})?"  # a time
    rf"|[0-9]{{1,4}}[ ./-]?(?:{_MONTHS})\.?(?:[ ./-]?[0-9]{{1,4}})?"  # 2 mai, 3-MARS-25
    rf"|(?:{_MONTHS})\.?[ ./-]?[0-9]{{1,4}}",  # SEPT2, MARS-1
    re.IGNORECASE,
)


def guarded(cell: object, *, is_id: bool = False, is_number: bool = False) -> object:
    """Put an apostrophe before a text that a spreadsheet would read as a formula, another number or a date.

    Parameters
    ----------
    cell : object
        What will be written; anything but a text stays.
    is_id : bool
        An id must join back to the school's own: only what would be a formula is guarded.
    is_number : bool
        A text that is a number with its sign stays.

    Examples
    --------
    >>> [guarded(text) for text in ("=1+1", "3-1", "SEPT2", "3e-A", "0101")], guarded("0101", is_id=True)
    (["'=1+1", "'3-1", "'SEPT2", '3e-A', "'0101"], '0101')
    """
    if not isinstance(cell, str):
        return cell
    # "-3,5" begins like a formula and is none.
    if is_number and _SIGNED_NUMBER.fullmatch(cell):
        return cell
    needs_guard = _FORMULA.match(cell) or (not is_id and _CHANGED_BY_SPREADSHEETS.fullmatch(cell))
    return f"'{cell}" if needs_guard else cell


def text_as_exported(rows: Iterable[Sequence[object]], *, all_quoted: bool = False, end: str = "\n") -> str:
    r"""Write rows as the software of a school exports them, guarded against nothing: for made exports alone.

    Examples
    --------
    >>> text_as_exported([["Nom", "Classe"], ["A", "3-1"]])
    'Nom;Classe\nA;3-1\n'
    """
    text = io.StringIO()
    lines = csv.writer(
        text, delimiter=";", quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL, lineterminator=end
    )
    lines.writerows(rows)
    return text.getvalue()


def write_csv_rows(rows: Iterable[Sequence[object]], path: Path) -> Path:
    """Write rows of texts as a CSV that Excel opens in France (``;``, a mark, CRLF); numbers in them keep their sign.

    Parameters
    ----------
    rows : iterable of sequence
        Texts, with their decimal commas; the header is one of them.
    path : Path
        The file.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file, delimiter=";", lineterminator="\r\n")
        lines.writerows([guarded(cell, is_number=True) for cell in row] for row in rows)
    return path


def write_csv(
    frame: pd.DataFrame,
    path: Path,
    *,
    ids: Collection[str] = (),
    for_machines: bool = False,
    append: bool = False,
) -> Path:
    """Write a frame as a CSV that Excel opens in France (``;``, a mark, decimal comma, CRLF).

    Parameters
    ----------
    frame : DataFrame
        One line per row; the index is not written.
    path : Path
        The file.
    ids : collection of str
        Columns of ids, which join back to those of the school: guarded against formulas alone.
    for_machines : bool
        For a table that is read again (no mark, decimal point, LF): texts are guarded against formulas alone, numbers
        with a sign are left.
    append : bool
        Rows more of a file that was begun, without its header.

    Returns
    -------
    Path
        ``path``.
    """
    texts = {
        name: frame[name].map(
            lambda cell, name=name: guarded(cell, is_id=for_machines or name in ids, is_number=for_machines)
        )
        for name in frame.columns
        # Numbers and days are written by pandas: they cannot hold a formula.
        if not pd.api.types.is_numeric_dtype(frame[name])
        and not pd.api.types.is_datetime64_any_dtype(frame[name])
    }
    table = frame.assign(**texts).rename(columns=lambda name: str(guarded(str(name), is_id=True)))
    table.to_csv(
        path,
        mode="a" if append else "w",
        header=not append,
        sep=";",
        decimal="." if for_machines else ",",
        index=False,
        encoding="utf-8" if for_machines else "utf-8-sig",
        lineterminator="\n" if for_machines else "\r\n",
    )
    return path
