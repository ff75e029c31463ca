"""A table that is shown on a page and written as a CSV, from one and the same cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["HIDDEN", "Cell", "PageTable", "write_csv"]

HIDDEN = "masqué"
"""What stands in a cell that is not published."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what is read, the value behind it for a CSV, and whether it is hidden.

    Attributes
    ----------
    text : str
        As read on the page, in French.
    value : float, str or None
        The same for a machine; the text when there is no other.
    hidden : bool
        Not published: too small, or it would give away a small one.
    """

    text: str
    value: float | str | None = None
    hidden: bool = False

    @classmethod
    def masked(cls) -> Self:
        """Give a cell that is not published."""
        return cls(HIDDEN, HIDDEN, hidden=True)

    @property
    def plain(self) -> str:
        """What the CSV holds, with a decimal comma."""
        if isinstance(self.value, float):
            return f"{self.value:.6g}".replace(".", ",")
        return self.text if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table with its caption.

    Attributes
    ----------
    caption, note : str
        What it is, and what must be known to read it.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of Cell
        The first cell of a row is its heading.
    numeric : frozenset of int
        Columns whose cells are numbers.
    total : bool
        Whether the last row is that of all.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    numeric: frozenset[int] = field(default_factory=frozenset)
    total: bool = False

    @classmethod
    def of(
        cls,
        caption: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        note: str = "",
        numeric: Iterable[int] = (),
        total: bool = False,
    ) -> Self:
        """Make a table; a cell that is no :class:`Cell` is its text.

        Examples
        --------
        >>> PageTable.of("Par classe", ["Classe", "Élèves"], [["3e-1", 24]], numeric=[1]).rows[0][1].text
        '24'
        """
        cells = tuple(
            tuple(cell if isinstance(cell, Cell) else Cell("" if cell is None else str(cell)) for cell in row)
            for row in rows
        )
        return cls(caption, tuple(columns), cells, note, frozenset(numeric), total)


def write_csv(tables: Sequence[PageTable], path: Path) -> Path:
    """Write tables one after the other as a CSV that a spreadsheet opens in France."""
    from decrochage_risk.csv_files import write_csv_rows  # noqa: PLC0415 - pandas loads on first use

    rows: list[list[object]] = []
    for number, table in enumerate(tables):
        if number:
            rows.append([])
        rows.append([table.caption + (f" ({table.note})" if table.note else "")])
        rows.append(list(table.columns))
        rows += [[cell.plain for cell in row] for row in table.rows]
    return write_csv_rows(rows, path)
