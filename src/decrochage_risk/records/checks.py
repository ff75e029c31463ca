"""Bringing one table to its declared shape and finding every fault of its columns, cells and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from decrochage_risk.records.cells import Cells, Marks, empty_cells, read_cells
from decrochage_risk.records.limits import keep_within_limits
from decrochage_risk.records.row_rules import ROW_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.records.tables import Column, Table

__all__ = ["Conformed", "conform"]


@dataclass(frozen=True, slots=True)
class Conformed:
    """One table in its declared shape.

    Attributes
    ----------
    frame : DataFrame
        Exactly the declared columns, in declared order, one row per row that came (index 0, 1, 2 ...). Text is
        ``str``, choices are categorical in declared order, days ``datetime64[s]``, integers ``Int64``, numbers
        ``float64``, flags ``boolean``. A cell with an error is missing.
    faults : tuple of FaultGroup
        Every fault of columns, cells and rows.
    missing_optional : tuple of str
        Optional columns that did not come; they are there, empty or with their default.
    """

    frame: pd.DataFrame
    faults: tuple[FaultGroup, ...]
    missing_optional: tuple[str, ...]


def conform(table: Table, frame: pd.DataFrame) -> Conformed:
    """Bring a frame to the declared shape of a table and report every fault in it.

    Parameters
    ----------
    table : Table
        The declaration, from ``TABLES``.
    frame : DataFrame
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
    came = {str(name): position for position, name in reversed(list(enumerate(frame.columns)))}
    duplicated = frame.columns.astype(str)[frame.columns.astype(str).duplicated()].unique()
    faults = list(_table_faults(table, frame))
    columns: dict[str, Any] = {}
    marks_of: dict[str, Marks] = {}
    for column in table.columns:
        if column.name not in came or column.name in duplicated:
            absent = empty_cells(column, len(frame))
            columns[column.name] = _canonical(column, _filled(column, absent))
            continue
        cells = frame.iloc[:, came[column.name]].reset_index(drop=True)
        read = _filled(column, keep_within_limits(column, read_cells(column, cells)))
        columns[column.name], marks_of[column.name] = _canonical(column, read), read.marks
        faults.extend(_cell_faults(table, column, cells, read.marks))
    conformed = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), copy=False)
    faults.extend(_row_faults(table, conformed, marks_of))
    missing = tuple(name for name in table.optional if name not in came)
    return Conformed(conformed, tuple(faults), missing)


def _table_faults(table: Table, frame: pd.DataFrame) -> Iterator[FaultGroup]:
    names = [str(name) for name in frame.columns]
    listed = ", ".join(names) or "no column"
    for name in table.required if names or len(frame) else ():
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
    if table.mandatory and frame.empty:
        yield EMPTY_TABLE.fault(table.name, values=[f"{len(frame)} rows"])


def _is_missing(values: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - an array of the column's own type
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return np.asarray(values < 0)
    return np.asarray(pd.isna(values), dtype=np.bool_)


def _filled(column: Column, read: Cells) -> Cells:
    """Give missing cells their default, and mark those that have none but may not be missing."""
    if column.nullable:
        return read
    missing = _is_missing(read.array)
    if not missing.any():
        return read
    for mask in read.marks.values():
        missing &= ~mask
    if column.default is not None:
        values = np.where(_is_missing(read.array), float(str(column.default)), read.array)
        return Cells(values, read.marks)
    return Cells(read.array, {**read.marks, MISSING_VALUE: missing} if missing.any() else read.marks)


def _canonical(column: Column, read: Cells) -> Any:  # noqa: ANN401 - a pandas array of the declared type
    if column.kind == "choice":
        return pd.Categorical.from_codes(read.array, categories=pd.Index(column.choices, dtype="str"))
    if column.kind in {"integer", "flag"}:
        missing = np.isnan(read.array)
        whole = np.where(missing, 0, read.array)
        if column.kind == "flag":
            return pd.arrays.BooleanArray(whole.astype(np.bool_), missing)
        return pd.arrays.IntegerArray(whole.astype(np.int64), missing)
    return read.array


def _cell_faults(table: Table, column: Column, cells: pd.Series, marks: Marks) -> Iterator[FaultGroup]:
    for rule, mask in marks.items():
        rows = np.flatnonzero(mask)
        values = cells.iloc[rows].astype(object).to_numpy()
        expected, hint = words_for(rule, column, values)
        yield rule.fault(table.name, column.name, rows=rows, values=values, expected=expected, hint=hint)


def _row_faults(table: Table, frame: pd.DataFrame, marks_of: dict[str, Marks]) -> Iterator[FaultGroup]:
    for row_rule in ROW_RULES:
        absent = [name for name in row_rule.columns if name not in marks_of]
        if row_rule.table != table.name or any(name in table.required for name in absent):
            continue
        broken = row_rule.broken(frame)
        for name in row_rule.columns:
            for rule, mask in marks_of.get(name, {}).items():
                broken &= ~mask if rule.severity == "error" else True
        if broken.any():
            rows = np.flatnonzero(broken)
            values = frame[row_rule.columns[0]].iloc[rows].astype(object).to_numpy()
            yield row_rule.rule.fault(table.name, row_rule.columns[0], rows=rows, values=values)
