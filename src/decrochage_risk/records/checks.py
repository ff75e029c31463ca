"""Bringing one table to its declared shape and finding every fault of its columns, cells and rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.advice import close_names, words_for
from decrochage_risk.records.cell_rules import (
    DUPLICATE_COLUMN,
    EMPTY_TABLE,
    MISSING_COLUMN,
    MISSING_VALUE,
    UNKNOWN_COLUMN,
)
from decrochage_risk.records.cells import Cells, Marks, read_cells
from decrochage_risk.records.coded import CodedTable, empty_values, is_missing
from decrochage_risk.records.limits import keep_within_limits
from decrochage_risk.records.quick_cells import read_quickly
from decrochage_risk.records.raw_tables import RawTable
from decrochage_risk.records.row_rules import ROW_RULES
from decrochage_risk.records.threads import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.records.tables import Column, Table

__all__ = ["Conformed", "conform"]


@dataclass(frozen=True)
class Conformed:
    """One table in its declared shape.

    Attributes
    ----------
    coded : CodedTable
        Exactly the declared columns, in declared order, one row per row that came. A cell with an error is missing.
    faults : tuple of FaultGroup
        Every fault of columns, cells and rows.
    missing_optional : tuple of str
        Optional columns that did not come; they are there, empty or with their default.
    """

    coded: CodedTable
    faults: tuple[FaultGroup, ...]
    missing_optional: tuple[str, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as a pandas frame (index 0, 1, 2 ...): see :meth:`CodedTable.frame`."""
        return self.coded.frame()


def conform(table: Table, came: pd.DataFrame | RawTable) -> Conformed:
    """Bring a table to its declared shape and report every fault in it.

    Parameters
    ----------
    table : Table
        The declaration, from ``TABLES``.
    came : DataFrame or RawTable
        What came: columns in any order and of any type.

    Returns
    -------
    Conformed
        Nothing is raised and no row is dropped: what to do with faults is the caller's choice.

    Examples
    --------
    >>> from decrochage_risk.records.tables import TABLES
    >>> came = pd.DataFrame({"pupil_id": ["a1", "é 2"], "birth_date": ["30/09/2009", "2009-02-30"]})
    >>> pupils = conform(TABLES["pupils"], came)
    >>> [(fault.rule, fault.rows.tolist(), fault.values.tolist()) for fault in pupils.faults]
    [('bad_date', [1], ['2009-02-30'])]
    >>> pupils.missing_optional
    ('sex',)
    """
    raw = RawTable.of_frame(came) if isinstance(came, pd.DataFrame) else came
    place_of = {name: place for place, name in reversed(list(enumerate(raw.names)))}
    twice = {name for name in raw.names if raw.names.count(name) > 1}
    faults = list(_table_faults(table, raw))
    usable = {name: place for name, place in place_of.items() if name not in twice}
    cells = spread(lambda column: _read(column, raw, usable.get(column.name)), table.columns, raw.size)
    marks_of: dict[str, Marks] = {}
    for column, read in zip(table.columns, cells, strict=True):
        if column.name in usable:
            marks_of[column.name] = read.marks
        if read.marks:
            faults.extend(_cell_faults(table, column, raw.series(usable[column.name]), read.marks))
    columns = {column.name: read.array for column, read in zip(table.columns, cells, strict=True)}
    coded = CodedTable(table, columns, raw.size)
    faults.extend(_row_faults(coded, marks_of))
    missing = tuple(name for name in table.optional if name not in place_of)
    return Conformed(coded, tuple(faults), missing)


def _read(column: Column, raw: RawTable, place: int | None) -> Cells:
    """Read a column, hold it against its limits and fill its gaps; without a place it did not come."""
    if place is None:
        return _filled(column, Cells(empty_values(column, raw.size), {}), came=False)
    values = read_quickly(column, raw.cells[place])
    read = read_cells(column, raw.series(place)).coded(column) if values is None else Cells(values, {})
    return _filled(column, keep_within_limits(column, read))


def _table_faults(table: Table, came: RawTable) -> Iterator[FaultGroup]:
    names = came.names
    if (
        came.size
        and len(set(names)) == len(names)
        and set(table.required) <= set(names) <= set(table.column_names)
    ):
        return
    listed = ", ".join(names) or "no column"
    for name in table.required if names or came.size else ():
        if name not in names:
            close = close_names(name, [other for other in names if other not in table.column_names])
            description = table.column(name).description.rstrip(".").lower()
            yield MISSING_COLUMN.fault(
                table.name,
                name,
                values=[f"columns {listed}"],
                expected=MISSING_COLUMN.expected.format(column=name),
                hint=MISSING_COLUMN.hint.format(description=description, close=close),
            )
    for name in dict.fromkeys(names):
        if names.count(name) > 1 and name in table.column_names:
            yield DUPLICATE_COLUMN.fault(table.name, name, values=[f"{names.count(name)} columns {name!r}"])
        if name not in table.column_names:
            yield UNKNOWN_COLUMN.fault(
                table.name,
                name,
                values=[name],
                expected=UNKNOWN_COLUMN.expected.format(columns=", ".join(table.column_names)),
                hint=UNKNOWN_COLUMN.hint.format(close=close_names(name, table.column_names)),
            )
    if table.mandatory and not (names and came.size):
        yield EMPTY_TABLE.fault(table.name, values=[f"{came.size} rows"])


def _filled(column: Column, read: Cells, *, came: bool = True) -> Cells:
    """Give missing cells their default, and mark those that have none but may not be missing."""
    if column.nullable:
        return read
    missing = is_missing(column, read.array)
    if not missing.any():
        return read
    if column.default is not None:
        return Cells(np.where(missing, float(str(column.default)), read.array), read.marks)
    if not came:
        return read
    for mask in read.marks.values():
        missing &= ~mask
    return Cells(read.array, {**read.marks, MISSING_VALUE: missing} if missing.any() else read.marks)


def _cell_faults(table: Table, column: Column, cells: pd.Series, marks: Marks) -> Iterator[FaultGroup]:
    for rule, mask in marks.items():
        rows = np.flatnonzero(mask)
        values = cells.iloc[rows].astype(object).to_numpy()
        expected, hint = words_for(rule, column, values)
        yield rule.fault(table.name, column.name, rows=rows, values=values, expected=expected, hint=hint)


def _row_faults(coded: CodedTable, marks_of: dict[str, Marks]) -> Iterator[FaultGroup]:
    table = coded.table
    for row_rule in ROW_RULES:
        absent = [name for name in row_rule.columns if name not in marks_of]
        if row_rule.table != table.name or any(name in table.required for name in absent):
            continue
        broken = row_rule.broken(coded)
        for name in row_rule.columns:
            for rule, mask in marks_of.get(name, {}).items():
                broken &= ~mask if rule.severity == "error" else True
        if broken.any():
            rows = np.flatnonzero(broken)
            blamed = row_rule.columns[0]
            yield row_rule.rule.fault(table.name, blamed, rows=rows, values=coded.objects(blamed, rows))
