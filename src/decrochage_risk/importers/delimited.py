"""The one reader of tables in exports: delimited text of any encoding and separator, and spreadsheets.

What is settled here: encoding, separator, title lines before the header, one or two header rows, a last separator on
some or all lines, footers and rows of totals. What the cells mean is the business of each reader.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import fold, names_somebody, squeeze

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import date, datetime, time, timedelta

    import numpy.typing as npt

    from decrochage_risk.importers.extract import Extract

__all__ = [
    "OLE2",
    "DelimitedTable",
    "Sheet",
    "decode",
    "is_spreadsheet",
    "is_total",
    "peek_rows",
    "read_delimited",
    "sheets_of",
]

SEPARATORS = ";\t,|"
LOOKED_AT = 10
"""Rows among which the header is looked for: two title lines are usual, a logo and a date make five."""

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of an .xls."""

MAX_CELLS = 20_000_000
"""Cells of one spreadsheet, beyond which it is refused: 100 columns for 200,000 rows, more than any school's."""

_ONLY_IN_CP1252 = re.compile(rb"[\x80-\x9f]")
_LATIN_9_LETTER = re.compile(
    rb"[A-Za-z\xc0-\xff][\xa6\xa8\xb4\xb8\xbc\xbd\xbe]|[\xa6\xa8\xb4\xb8\xbc\xbd\xbe][A-Za-z\xc0-\xff]"
)
_TOTAL = re.compile(
    r"^(?:SOUS )?TOTAL(?:\b|$)|^TOTAUX\b|^MOYENNES? (?:DE LA |DU |GENERALE|CLASSE|DE L )|^MOY(?:ENNE)? CLASSE|^EFFECTIF\b|^ENSEMBLE$"
)


@dataclass(frozen=True)
class Sheet:
    """Cells of a text or of one sheet of a spreadsheet, as they stand; rows that hold nothing are left out.

    Attributes
    ----------
    name : str
        Name of the sheet; empty for a text.
    rows : list of list of str
        Cells.
    lines : list of int
        1-based number of the line on which each row begins.
    encoding, separator : str
        How a text was read; empty for a spreadsheet.
    """

    name: str
    rows: list[list[str]] = field(repr=False)
    lines: list[int] = field(repr=False)
    encoding: str = ""
    separator: str = ""


@dataclass(frozen=True)
class DelimitedTable:
    """Rows of text under one header.

    Attributes
    ----------
    header : tuple of str
        Folded names (:func:`decrochage_risk.importers.cells.fold`), in file order, an empty last one left out.
    names : tuple of str
        The names as the file writes them.
    groups : tuple of str
        Folded cells of the row of groups above the header, each carried to the right until the next (the subject of the
        columns under it); empty when there is no such row.
    group_names : tuple of str
        The same as the file writes them.
    titles : tuple of str
        Text of the lines before the header, the row above it included.
    frame : DataFrame
        Text or missing, columns 0..n-1; cells are stripped, an empty one is missing.
    lines : array of int
        Line of each row of ``frame``.
    left_out : dict of str to list of int
        Reason code -> lines that are not in ``frame``: ``wrong_length``, ``total_row``.
    broken : tuple of (int, tuple of str)
        Line and cells of the rows left out as ``wrong_length``: whose they are may still be read.
    loose : dict of int to tuple of str
        Line -> cells of the rows of ``frame`` that end with one empty cell too many: a last separator, or a last column that
        is empty after a separator too many.
    sheet, encoding, separator : str
        Where and how it was read.
    """

    header: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    group_names: tuple[str, ...]
    titles: tuple[str, ...]
    frame: pd.DataFrame = field(repr=False)
    lines: npt.NDArray[np.int64] = field(repr=False)
    left_out: dict[str, list[int]]
    broken: tuple[tuple[int, tuple[str, ...]], ...] = field(default=(), repr=False)
    loose: dict[int, tuple[str, ...]] = field(default_factory=dict, repr=False)
    sheet: str = ""
    encoding: str = ""
    separator: str = ""

    def position(self, *names: str) -> int | None:
        r"""Find the first column named by one of ``names``, tried in order; they are folded first.

        Examples
        --------
        >>> read_delimited(b"Nom;Classe \nA;3 A\n").position("Division", "classe")
        1
        """
        for name in names:
            if fold(name) in self.header:
                return self.header.index(fold(name))
        return None

    def column(self, *names: str) -> pd.Series | None:
        """Give the column of one of ``names``, or None when the file has none of them."""
        at = self.position(*names)
        return None if at is None else self.frame[at]

    def text(self, *names: str) -> pd.Series:
        """Give the column of one of ``names``; all missing when the file has none of them."""
        column = self.column(*names)
        return pd.Series(None, index=self.frame.index, dtype="str") if column is None else column

    @property
    def rows_read(self) -> int:
        """Rows under the header, those that were left out included."""
        return len(self.frame) + sum(len(lines) for lines in self.left_out.values())

    def count_into(self, extract: Extract) -> None:
        """Count what was left out here, and the rows read, in the extract of a reader."""
        extract.rows_read += self.rows_read
        for reason, lines in self.left_out.items():
            for line in lines:
                extract.leave_out(reason, line)


def read_delimited(  # noqa: PLR0913 - the ways in which a table is written
    content: bytes,
    *,
    expected: Iterable[str] = (),
    sheet: str | None = None,
    name: str = "file",
    keep_totals: bool = False,
    unquoted: bool = False,
    open_column: Iterable[str] = (),
    pupils: Collection[tuple[str, str]] = (),
    is_group: Callable[[str], bool] | None = None,
) -> DelimitedTable:
    r"""Read one table out of a text or a spreadsheet.

    Parameters
    ----------
    content : bytes
        The file.
    expected : iterable of str
        Names that the header holds: the row with the most of them is the header. Without any, it is the row with
        the most cells of text among the first ten.
    sheet : str, optional
        Sheet of a spreadsheet (folded comparison); the first one that holds an expected name by default.
    name : str
        Name of the file, for messages.
    keep_totals : bool
        Keep the rows of totals and class means.
    unquoted : bool
        The software puts no quotes round its cells: where the quotes of a text do not hold together, they are letters.
    open_column : iterable of str
        Names of the one column that may hold the separator itself, of software that puts no quotes round its cells.
    pupils : collection of (str, str)
        Folded family name and first name of the pupils whose name reads like a total: their rows are none.
    is_group : callable, optional
        Tells the name of a group of columns: of several rows above the header (subjects, teachers) the groups are those of the
        one with the most of them. Without it, they are those of the row just above the header.

    Raises
    ------
    UnreadableExportError
        Nothing in it, an encoding that does not hold, a quote never closed or closed some rows later, a spreadsheet that
        cannot be opened.

    Examples
    --------
    >>> table = read_delimited("Titre\nNom;Classe;Note;\nZoé;3 A;12,5;\nTotal;;12,5\n".encode("cp1252"))
    >>> table.header, table.frame.values.tolist(), table.lines.tolist(), table.left_out
    (('NOM', 'CLASSE', 'NOTE'), [['Zoé', '3 A', '12,5']], [3], {'total_row': [4]})
    """
    target_names = frozenset(fold(text) for text in expected)
    grid = _chosen(sheets_of(content, name=name, unquoted=unquoted), target_names, sheet, name)
    at = _header_row(grid.rows, target_names)
    cells = grid.rows[at]
    width = _width(cells, grid.rows[at + 1 :])
    names = tuple(squeeze(cell) for cell in [*cells, *[""] * width][:width])
    above = _row_of_groups(grid.rows[:at], width, is_group)
    groups = _carried([*above, *[""] * width][:width]) if above else ()
    header = tuple(fold(cell) for cell in names)
    spill = next((header.index(fold(text)) for text in open_column if fold(text) in header), None)
    rows, lines, left_out, odd = _body(grid, at, width, keep_totals=keep_totals, spill=spill, pupils=pupils)
    taken = set(lines)
    return DelimitedTable(
        header=header,
        names=names,
        groups=tuple(fold(cell) for cell in groups),
        group_names=groups,
        titles=tuple(squeeze(" ".join(filter(None, row))) for row in grid.rows[:at]),
        frame=_frame(rows, width),
        lines=np.array(lines, dtype=np.int64),
        left_out=left_out,
        broken=tuple((line, cells) for line, cells in odd.items() if line not in taken),
        loose={line: cells for line, cells in odd.items() if line in taken},
        sheet=grid.name,
        encoding=grid.encoding,
        separator=grid.separator,
    )


def peek_rows(content: bytes, *, name: str = "file") -> list[tuple[str, ...]]:
    """Give the folded cells of the first rows of every sheet, to recognise a file by."""
    sheets = sheets_of(content, name=name, rows=LOOKED_AT)
    return [tuple(fold(cell) for cell in row) for sheet in sheets for row in sheet.rows[:LOOKED_AT]]


def is_spreadsheet(content: bytes) -> bool:
    """Tell whether the bytes are those of an .xls, .xlsx or .ods."""
    if content.startswith(OLE2):
        return True
    if not content.startswith(b"PK\x03\x04"):
        return False
    import zipfile  # noqa: PLC0415 - one use

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = set(archive.namelist())
            if "mimetype" in members and archive.getinfo("mimetype").file_size < 100:  # noqa: PLR2004 - a media type
                return b"opendocument.spreadsheet" in archive.read("mimetype")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return False
    return any(member.startswith("xl/") for member in members)


def sheets_of(
    content: bytes, *, name: str = "file", rows: int | None = None, unquoted: bool = False
) -> list[Sheet]:
    """Give the cells of a text (one sheet) or of every sheet of a spreadsheet.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name, for messages.
    rows : int, optional
        Only so many rows of each sheet.
    unquoted : bool
        As for :func:`read_delimited`.

    Raises
    ------
    UnreadableExportError
        As for :func:`read_delimited`.
    """
    if is_spreadsheet(content):
        return _spreadsheet(content, name, rows)
    text, encoding = decode(content, name)
    if rows is not None:
        # A few kilobytes hold the first rows: the rest of a large file is not cut into cells to be recognised.
        text = text[: rows * 8192]
    separator = _separator(text)
    return [_text_sheet(text, encoding, separator, name, rows, unquoted=unquoted)]


def decode(content: bytes, name: str = "file") -> tuple[str, str]:
    r"""Decode a text: UTF-8 or UTF-16 with or without mark, else Windows-1252, or ISO-8859-15 where œ or € says so.

    Raises
    ------
    UnreadableExportError
        No text at all: bytes of zero outside UTF-16, or a part that does not decode.

    Examples
    --------
    >>> decode("½ j. d’absence".encode("cp1252"))[1], decode("Cœur".encode("iso-8859-15"))[1]
    ('Windows-1252', 'ISO-8859-15')
    >>> decode("Nom\tClasse".encode("utf-16-le"))
    ('Nom\tClasse', 'UTF-16')
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(content, "utf-16", name), "UTF-16"
    head = content[:2000]
    # UTF-16 without its mark: every second byte of Latin text is zero.
    if head[1::2].count(0) > len(head) // 4:
        return _decoded(content, "utf-16-le", name), "UTF-16"
    if b"\0" in head:
        raise UnreadableExportError(
            explain_error(
                f"{name} is no text: it holds bytes of value zero",
                expected="an export as text (CSV), XML, JSON, or a spreadsheet",
                hint="Export it again; a file copied during its writing is often filled with zeros.",
            ),
            french="Ce n’est pas un texte : exportez le fichier de nouveau.",
        )
    plain = content.removeprefix(codecs.BOM_UTF8)
    try:
        return plain.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        if _LATIN_9_LETTER.search(plain) and not _ONLY_IN_CP1252.search(plain):
            return _decoded(plain, "iso-8859-15", name), "ISO-8859-15"
        # Five bytes stand for nothing in Windows-1252: one of them is no reason to refuse a file.
        return plain.decode("cp1252", errors="replace"), "Windows-1252"


def _decoded(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableExportError(
            explain_error(
                f"{name} cannot be decoded as {encoding}: byte {error.start} of {len(content)}",
                expected="one encoding from the first line to the last",
                hint="The file is cut or was made of two parts: export it again.",
            ),
            french=f"Le texte ne se lit pas jusqu’au bout en {encoding} : fichier coupé ou fait de deux morceaux. "
            "Exportez-le de nouveau.",
        ) from error


def _separator(text: str) -> str:
    """Choose the separator on the first rows, outside quotes: the one of which most of them hold the same number.

    Commas of decimals and of sentences may be more than the semicolons of a table, but differ from row to row.
    """
    head = [line for line in text[: LOOKED_AT * 8192].splitlines() if line.strip()][:LOOKED_AT]

    def agreement(mark: str) -> tuple[int, int]:
        counts = Counter(count for line in head if (count := _outside_quotes(line, mark)) > 0)
        return max(((rows, count) for count, rows in counts.items()), default=(0, 0))

    return max(SEPARATORS, key=agreement)


def _outside_quotes(line: str, mark: str) -> int:
    return sum(part.count(mark) for part in line.split('"')[::2])


def _text_sheet(
    text: str, encoding: str, separator: str, name: str, limit: int | None, *, unquoted: bool = False
) -> Sheet:
    sheet, broken_at, why = _cut(text, encoding, separator, limit)
    if broken_at is not None and unquoted and not _saved_with_quotes(text, separator):
        # A quote is a letter here: the row that holds it is read like any other, and so are those after it.
        sheet, broken_at, why = _cut(text, encoding, separator, limit, quoting=csv.QUOTE_NONE)
    if broken_at is not None:
        raise UnreadableExportError(
            explain_error(
                f"{name}, line {broken_at}: {why}",
                expected="cells separated by ; , or a tab, with every quote closed",
                hint='Look for a quote (") that is never closed on that line, or export again.',
            ),
            french=f'Un guillemet (") ouvert à la ligne {broken_at} ne se ferme pas dans sa cellule : les lignes suivantes seraient '
            "prises pour le texte de cette cellule, et rien n’est lu du fichier. Enlevez ce guillemet, ou exportez de nouveau.",
        )
    return sheet


def _cut(
    text: str, encoding: str, separator: str, limit: int | None, *, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
) -> tuple[Sheet, int | None, str]:
    """Cut a text into cells; with the line of the first quote that swallowed what follows it, and what is wrong there."""
    rows: list[list[str]] = []
    lines: list[int] = []
    tall: list[int] = []
    # newline="": a line end inside quotes is left to the reader of CSV, which counts it. The end is marked where all is read:
    # inside a quote that is still open the mark is no row of its own.
    ends = limit is None and quoting == csv.QUOTE_MINIMAL and '"' in text
    whole = f"{text}\n{_END}\n" if ends else text
    reader = csv.reader(io.StringIO(whole, newline=""), delimiter=separator, quoting=quoting)
    before = 0
    try:
        for row in reader:
            if any(map(str.strip, row)):
                rows.append(row)
                lines.append(before + 1)
                if reader.line_num - before > 1:
                    tall.append(len(rows) - 1)
            # The line on which a row ends; the next one begins after it, however many lines it takes.
            before = reader.line_num
            if limit is not None and len(rows) >= limit:
                break
    except csv.Error as error:
        return Sheet("", rows, lines, encoding, separator), before + 1, str(error)
    sheet = Sheet("", rows, lines, encoding, separator)
    if ends:
        if rows[-1] != [_END]:
            return sheet, lines[-1], "a quote is never closed"
        del rows[-1], lines[-1]
    # Only in a whole text: its beginning alone, to recognise a file by, may well end within a cell.
    at = None if limit is not None else _swallower(rows, tall, separator)
    return sheet, None if at is None else lines[at], "a quote is closed some rows later"


_END = "\x1fend of the text\x1f"
"""A row that no file holds."""


def _swallower(rows: list[list[str]], tall: list[int], separator: str) -> int | None:
    """Find the first row of several lines of which two, taken for rows, are as wide as the table's: a stray quote joined them.

    A text of several lines in a cell leaves the first or the other lines too short for that.
    """
    if not tall:
        return None
    widths = Counter(len(row) for row in rows if len(row) > 1)
    usual = max(widths, key=lambda width: (widths[width], width), default=2)
    for at in tall:
        first, *others = (
            line.count(separator) for line in re.split(r"\r\n?|\n", separator.join(rows[at])) if line.strip()
        )
        if first >= usual - 1 and any(count >= usual - 1 for count in others):
            return at
    return None


def _saved_with_quotes(text: str, separator: str) -> bool:
    """Tell whether another program saved a text again with quotes round every cell: they are no letters then."""
    head = text[: LOOKED_AT * 8192].splitlines()[:LOOKED_AT]
    return any(line.startswith('"') and f'"{separator}"' in line for line in head)


def _spreadsheet(content: bytes, name: str, limit: int | None) -> list[Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - a library of its own, on first use

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = []
        for title in book.sheet_names:
            sheet = book.get_sheet_by_name(title)
            if sheet.total_height * sheet.total_width > MAX_CELLS:
                raise UnreadableExportError(
                    explain_error(
                        f"{name}: the sheet holds {sheet.total_height} rows of {sheet.total_width} cells",
                        expected=f"at most {MAX_CELLS} cells",
                        hint="Delete the empty rows and columns under and beside the table.",
                    ),
                    french="La feuille est trop grande : supprimez les lignes et colonnes vides autour du tableau.",
                )
            cells = [
                [_cell_text(cell) for cell in row]
                for row in sheet.to_python(nrows=limit, skip_empty_area=False)
            ]
            filled_rows = [(line, row) for line, row in enumerate(cells, start=1) if any(row)]
            sheets.append(Sheet(title, [row for _, row in filled_rows], [line for line, _ in filled_rows]))
    except (CalamineError, OSError, ValueError) as error:
        raise UnreadableExportError(
            explain_error(
                f"{name} cannot be opened as a spreadsheet ({type(error).__name__})",
                expected="a complete .xls, .xlsx or .ods without password",
                hint="Open it in a spreadsheet program and save it again, or export it as CSV.",
            ),
            french="Le classeur ne s’ouvre pas (coupé, ou protégé par un mot de passe) : enregistrez-le de nouveau, "
            "ou exportez-le en CSV.",
        ) from error
    return sheets


def _cell_text(cell: str | float | bool | datetime | date | time | timedelta) -> str:  # noqa: FBT001 - what a cell may hold
    """Write a cell as text: a whole number without its ".0", a day as 2024-11-05."""
    if isinstance(cell, str):
        return cell.strip()
    # Before the numbers: True is an int in Python.
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def _chosen(sheets: list[Sheet], target_names: frozenset[str], sheet: str | None, name: str) -> Sheet:
    candidates = [grid for grid in sheets if grid.rows]
    if not candidates:
        raise UnreadableExportError(
            explain_error(
                f"{name} holds no line", expected="a header and rows under it", hint="Export the table again."
            ),
            french="Le fichier est vide : exportez-le de nouveau.",
        )
    if sheet is not None:
        candidates = [grid for grid in candidates if fold(grid.name) == fold(sheet)] or candidates
    return max(candidates, key=lambda grid: max(_hits(row, target_names) for row in grid.rows[:LOOKED_AT]))


def _hits(row: Sequence[str], target_names: frozenset[str]) -> int:
    return len(target_names & {fold(cell) for cell in row})


def _header_row(rows: list[list[str]], target_names: frozenset[str]) -> int:
    head = rows[:LOOKED_AT]
    hits = [_hits(row, target_names) for row in head]
    if max(hits) > 0:
        return hits.index(max(hits))
    # Nothing known to look for: a header has more cells with letters than a title or a row of values.
    texts = [sum(1 for cell in row if re.search(r"[^\W\d_]", cell)) for row in head]
    return texts.index(max(texts))


def _width(header: list[str], body: list[list[str]]) -> int:
    """Columns of the table: those of the header, empty last ones left out where no row fills them."""
    width = len(header)
    while (
        width > 1
        and not header[width - 1].strip()
        and not any(len(row) == len(header) and row[width - 1].strip() for row in body)
    ):
        width -= 1
    return width


def _is_group_row(row: list[str], width: int) -> bool:
    """Tell a row of groups (several cells, not wider than the table) from a title (one cell)."""
    return sum(1 for cell in row if cell.strip()) > 1 and len(row) <= width + 1


def _row_of_groups(above: list[list[str]], width: int, is_group: Callable[[str], bool] | None) -> list[str]:
    """Choose the row of groups among those above the header, the nearest of two that may be; none where there is no such row."""
    if is_group is None:
        return above[-1] if above and _is_group_row(above[-1], width) else []
    near = [row for row in reversed(above) if _is_group_row(row, width)]
    groups = {cell for row in near for cell in row if cell.strip() and is_group(cell)}
    # A row of teachers between the subjects and the header names no group, nor one of which nothing is known.
    return max(
        near,
        key=lambda row: (sum(cell in groups for cell in row), not any(map(names_somebody, row))),
        default=[],
    )


def _carried(cells: list[str]) -> tuple[str, ...]:
    groups_so_far, last = [], ""
    for cell in cells:
        last = squeeze(cell) or last
        groups_so_far.append(last)
    return tuple(groups_so_far)


def is_total(text: str) -> bool:
    """Tell whether a text reads like the label of a row of totals or of class means.

    Examples
    --------
    >>> is_total("Total général"), is_total("Moyenne de la classe"), is_total("TOTAL"), is_total("Totalini")
    (True, True, True, False)
    """
    return _TOTAL.match(fold(text)) is not None


def _is_total_row(row: list[str], pupils: Collection[tuple[str, str]]) -> bool:
    if not is_total(next((cell for cell in row if cell.strip()), "")):
        return False
    cells = [fold(cell) for cell in row]

    def begins(cell: str, words: str) -> bool:
        return cell == words or cell.startswith(f"{words} ")

    # TOTAL is a family name too: the pupil whom a list of the import knows keeps his rows.
    return not any(
        any(begins(cell, f"{family} {first}") for cell in cells)
        or (family in cells and any(begins(cell, first) for cell in cells))
        for family, first in pupils
    )


def _body(
    grid: Sheet,
    at: int,
    width: int,
    *,
    keep_totals: bool,
    spill: int | None = None,
    pupils: Collection[tuple[str, str]] = (),
) -> tuple[list[list[str]], list[int], dict[str, list[int]], dict[int, tuple[str, ...]]]:
    rows, lines = [], []
    left_out: dict[str, list[int]] = {}
    odd: dict[int, tuple[str, ...]] = {}
    for row, line in zip(grid.rows[at + 1 :], grid.lines[at + 1 :], strict=True):
        if not keep_totals and _is_total_row(row, pupils):
            left_out.setdefault("total_row", []).append(line)
        elif len(row) == width or (len(row) > width and not any(map(str.strip, row[width:]))):
            rows.append(row[:width])
            lines.append(line)
            if grid.separator and len(row) > len(grid.rows[at]):
                odd[line] = tuple(row)
        elif grid.separator and spill is not None and len(row) > width:
            # Only one column can hold the separator: what is too much is a part of its text.
            end = spill + len(row) - width + 1
            rows.append([*row[:spill], grid.separator.join(row[spill:end]), *row[end:]])
            lines.append(line)
        # Only in a text: rows of a spreadsheet are as wide as the sheet, or end with empty cells.
        elif grid.separator and len(row) != width:
            if sum(1 for cell in row if cell.strip()) == 1:
                left_out.setdefault("footer", []).append(line)
            else:
                left_out.setdefault("wrong_length", []).append(line)
                odd[line] = tuple(row)
        else:
            rows.append([*row, *[""] * width][:width])
            lines.append(line)
    return rows, lines, left_out, odd


def _frame(rows: list[list[str]], width: int) -> pd.DataFrame:
    columns: dict[int, Any] = {}
    for at in range(width):
        cells = [row[at] for row in rows]
        # A column holds the same texts again and again: each is looked at once.
        plain = {cell: squeeze(cell) or None for cell in set(cells)}
        columns[at] = pd.array([plain[cell] for cell in cells], dtype="str")
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def most_usual(cells: Iterable[str]) -> str | None:
    """Give the text that comes most often, the first one on a tie."""
    counts = Counter(cells)
    return counts.most_common(1)[0][0] if counts else None
