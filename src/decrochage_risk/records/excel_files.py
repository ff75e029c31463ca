"""One table of an Excel workbook (``.xlsx``), through an optional reader: the first sheet, one header line.

A workbook is what a person keeps, so titles above the header, columns without a name and empty rows are refused or
told, never guessed at. The checks read its cells as those of any other source.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.errors import UnreadableRecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["EXCEL_HINT", "excel_engine", "read_excel"]

EXCEL_HINT = (
    "install a reader of workbooks (pip install python-calamine, or openpyxl), or save the sheet as CSV UTF-8"
)
_ENGINES = {"python_calamine": "calamine", "openpyxl": "openpyxl"}
_TITLE_ROWS = 30
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
    shared = [
        len({str(cell).strip().lower() for cell in row if pd.notna(cell)} & column_names)
        for row in cells.iloc[header : header + _TITLE_ROWS].to_numpy(dtype=object)
    ]
    names = next((place for place, count in enumerate(shared) if count > 1), 0)
    if column_names and not shared[0] and names:
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
    is_float = cells.map(_is_number)
    if is_float.any() and all(cell.is_integer() for cell in cells[is_float]):
        return cells.map(lambda cell: int(cell) if _is_number(cell) else cell)
    return cells


def _is_number(cell: object) -> bool:
    return isinstance(cell, float) and not math.isnan(cell)
