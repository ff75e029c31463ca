"""All tables through all checks: what is usable, what is set aside, and the one report of every fault.

A table is first brought to its declared shape (columns, cells, rows by themselves); then rows are held against each other
and against other tables (`decrochage_risk.records.cross_checks`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import FaultyRecordsError
from decrochage_risk.records import rules
from decrochage_risk.records.cells import Cells, Marks, read_cells
from decrochage_risk.records.coded_columns import NO_DAY, CodedTable, Texts, empty_values, is_missing
from decrochage_risk.records.coverage import COVERED_TABLES, LostRows
from decrochage_risk.records.cross_checks import (
    Links,
    alike_id,
    check_links,
    link_tables,
    with_contradictions_unknown,
)
from decrochage_risk.records.fault_hints import (
    close_names,
    dated,
    days_known,
    faults_known_before,
    keep_within_limits,
    words_for,
)
from decrochage_risk.records.faults import FaultReport, text_of
from decrochage_risk.records.raw_tables import RawTable, as_objects, give_back, text_of_bytes
from decrochage_risk.records.rules import (
    BAD_BYTES,
    BAD_PATTERN,
    BYTES_AS_TEXT,
    DUPLICATE_COLUMN,
    EMPTY_TABLE,
    MISSING_COLUMN,
    MISSING_TABLE,
    MISSING_VALUE,
    ROW_RULES,
    TOO_LONG,
    UNKNOWN_COLUMN,
    WRONG_TYPE,
)
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.records.usual_cells import read_quickly
from decrochage_risk.threads import over_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.encoded_tables import EventOrder
    from decrochage_risk.records.faults import FaultGroup, RowPlaces
    from decrochage_risk.records.table_schemas import Column, Table
    from decrochage_risk.school_year import SchoolCalendar


__all__ = [
    "MANDATORY",
    "CheckedTables",
    "Conformed",
    "check_tables",
    "conform",
    "cross_check",
    "missing_columns",
]


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
    >>> from decrochage_risk.records.table_schemas import LAST_DAY, TABLES
    >>> came = pd.DataFrame({"pupil_id": ["a1", "é 2"], "birth_date": ["30/09/2009", "2009-02-30"]})
    >>> pupils = conform(TABLES["pupils"], came)
    >>> [(fault.rule, fault.rows.tolist(), fault.values.tolist()) for fault in pupils.faults]
    [('bad_date', [1], ['2009-02-30'])]
    >>> pupils.missing_optional
    ('sex',)
    """
    raw = RawTable.of_frame(came) if isinstance(came, pd.DataFrame) else came
    faults = list(_table_faults(table, raw))
    usable = {name: place for place, name in enumerate(raw.names)}
    if len(usable) < len(raw.names):
        # Of two columns of one name nobody knows which is meant: neither is read.
        usable = {name: place for name, place in usable.items() if raw.names.count(name) == 1}
    cells = over_columns(lambda column: _read(column, raw, usable.get(column.name)), table.columns, raw.size)
    marks_of: dict[str, Marks] = {}
    for column, cells_of_column in zip(table.columns, cells, strict=True):
        if column.name in usable:
            marks_of[column.name] = cells_of_column.marks
        faults.extend(
            rule.fault(table.name, column.name, values=[f"column {column.name!r}"])
            for rule in cells_of_column.column_rules
        )
        if cells_of_column.marks:
            faults.extend(_cell_faults(table, column, raw.series(usable[column.name]), cells_of_column.marks))
    columns = {
        column.name: cells_of_column.array
        for column, cells_of_column in zip(table.columns, cells, strict=True)
    }
    columns_of_table = CodedTable(table, columns, raw.size)
    faults.extend(_row_faults(columns_of_table, marks_of))
    missing = tuple(name for name in table.optional if name not in raw.names)
    return Conformed(columns_of_table, tuple(faults), missing)


def _read(column: Column, raw: RawTable, place: int | None) -> Cells:
    """Read a column, hold it against its limits and fill its gaps; without a place it did not come."""
    if place is None:
        return _filled(column, Cells(empty_values(column, raw.size), {}), came=False)
    # First the fast reader, which gives up at the first unusual cell; then the one that knows every spelling.
    came = raw.cells[place]
    if isinstance(came, list) and not came:
        return Cells(empty_values(column, 0), {})
    text = None if isinstance(came, list) else text_of_bytes(came)
    values = read_quickly(column, came if text is None else text)
    if values is None:
        # Lists come from a payload: its cells are judged one by one, so that a pupil alone is read as in a
        # batch.
        is_column = not isinstance(came, list)
        cells = read_cells(column, raw.series(place), is_column=is_column).coded(column)
    else:
        cells = Cells(values, {}, () if text is None else (BYTES_AS_TEXT,))
    return _filled(column, keep_within_limits(column, cells))


def _table_faults(table: Table, came: RawTable) -> Iterator[FaultGroup]:
    names = came.names
    if (
        came.size
        # The usual case first: a table without a fault in its columns pays for no wording.
        and len(set(names)) == len(names)
        and set(table.required) <= set(names) <= set(table.column_names)
    ):
        return
    all_names = ", ".join(names) or "no column"
    # Of a table without any column only its emptiness is told, not every column that it lacks.
    for name in table.required if names or came.size else ():
        if name not in names:
            close = close_names(name, [other for other in names if other not in table.column_names])
            description = table.column(name).description.rstrip(".").lower()
            yield MISSING_COLUMN.fault(
                table.name,
                name,
                values=[f"columns {all_names}"],
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
    if column.nullable or read.gaps == 0:
        return read
    missing = is_missing(column, read.array)
    if not np.count_nonzero(missing):
        return read
    if column.default is not None:
        # Before the limits of rows are looked at: "value above out_of" needs the 20 of a mark without a
        # scale.
        return replace(read, array=np.where(missing, float(str(column.default)), read.array))
    if not came:
        return read
    # A cell that another rule blanked is wrong, not missing: it is reported once.
    for mask in read.marks.values():
        missing &= ~mask
    return replace(read, marks={**read.marks, MISSING_VALUE: missing}) if missing.any() else read


def _cell_faults(table: Table, column: Column, cells: pd.Series, marks: Marks) -> Iterator[FaultGroup]:
    for rule, mask in marks.items():
        rows = np.flatnonzero(mask)
        values = as_objects(cells.iloc[rows])
        expectation, hint = words_for(rule, column, values)
        yield rule.fault(table.name, column.name, rows=rows, values=values, expected=expectation, hint=hint)


def _row_faults(coded: CodedTable, marks_of: dict[str, Marks]) -> Iterator[FaultGroup]:
    table = coded.table
    for row_rule in _RULES_OF_ROWS.get(table.name, ()) if coded.size else ():
        breaks = row_rule.broken(coded)
        if not np.count_nonzero(breaks):
            continue
        absent = [name for name in row_rule.columns if name not in marks_of]
        # A required column that did not come is a fault of its own: what rows then lack is not blamed on
        # them.
        if any(name in table.required for name in absent):
            continue
        for name in row_rule.columns:
            for rule, mask in marks_of.get(name, {}).items():
                # A cell that is wrong by itself was blanked: what its row then seems to break is no second
                # fault.
                breaks &= ~mask if rule.severity == "error" else True
        if breaks.any():
            rows = np.flatnonzero(breaks)
            blame = row_rule.columns[0]
            yield row_rule.rule.fault(table.name, blame, rows=rows, values=coded.objects(blame, rows))


_RULES_OF_ROWS = {name: [rule for rule in ROW_RULES if rule.table == name] for name in TABLES}


def cross_check(
    tables: Mapping[str, pd.DataFrame],
    calendar: SchoolCalendar,
    *,
    missing_optional: Mapping[str, Collection[str]] | None = None,
) -> list[FaultGroup]:
    """Find the faults between rows and between tables.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Canonical frames, as ``conform`` gives them; rows may have been left out, their index still tells where
        they stood in the table that came.
    calendar : SchoolCalendar
        Half-days of school per day.
    missing_optional : mapping of str to collection of str, optional
        Per table, the optional columns that did not come (``Conformed.missing_optional``).

    Returns
    -------
    list of FaultGroup
        ``rows`` are index labels of the frames. Cells that ``conform`` blanked are not reported again.

    Examples
    --------
    >>> import pandas as pd
    >>> from decrochage_risk.records.checks import conform
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> came = pd.DataFrame({"pupil_id": ["a", "b", "a"]})
    >>> frames = {"pupils": conform(TABLES["pupils"], came).frame}
    >>> [(fault.rule, fault.rows.tolist()) for fault in cross_check(frames, SchoolCalendar.for_zone("B"))]
    [('missing_table', []), ('duplicate_pupil', [2])]
    """
    # Tables under another name are only reported: nothing says what their columns mean.
    columns_of = {name: _coded(name, frame) for name, frame in tables.items() if name in TABLES}
    faults = [*_table_names(tables), *missing_columns(columns_of, missing_optional or {})]
    if "pupils" not in columns_of:
        return faults
    return [*faults, *check_links(link_tables(columns_of), calendar)]


def _coded(name: str, frame: pd.DataFrame) -> CodedTable:
    columns = conform(TABLES[name], frame).coded
    return CodedTable(columns.table, columns.columns, columns.size, frame.index.to_numpy(dtype=np.int64))


def missing_columns(
    tables: Mapping[str, CodedTable], missing: Mapping[str, Collection[str]]
) -> Iterator[FaultGroup]:
    """Say which optional columns were missed, of those whose lack changes what can be learnt."""
    # Only this column: without it training knows justifications that scoring day cannot (see the rule).
    if len(tables.get("absences", ())) and "justified_on" in missing.get("absences", ()):
        yield rules.NO_JUSTIFIED_ON.fault("absences", "justified_on", values=["no such column"])


def _table_names(tables: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    came = f"tables {', '.join(tables) or '(none)'}"
    for table in TABLES.values():
        if table.mandatory and table.name not in tables:
            yield rules.MISSING_TABLE.fault(table.name, values=[came])
    for name in tables:
        if name not in TABLES:
            yield rules.UNKNOWN_TABLE.fault(
                name,
                values=[f"a table named {name!r}"],
                expected=rules.UNKNOWN_TABLE.expected.format(tables=", ".join(TABLES)),
                hint=rules.UNKNOWN_TABLE.hint.format(close=close_names(name, TABLES)),
            )


MANDATORY = tuple(table.name for table in TABLES.values() if table.mandatory)
"""Tables without which there are no records."""


@dataclass(frozen=True, slots=True)
class CheckedTables:
    """What is left of the tables after the checks.

    Attributes
    ----------
    tables : dict of str to CodedTable
        The tables without their faulty rows; a table that cannot be used at all is not there.
    pupils : dict of str to array
        Per table other than ``pupils`` and those in ``orders``, the position of each row's pupil.
    orders : dict of str to EventOrder
        The rows of each event table in order.
    faults : FaultReport
        Every fault of every table.
    lost : dict of str to LostRows
        Per table, the rows that were set aside; in ``pupils`` also rows of which a cell was blanked.
    uncertain : dict of str to int
        Tables of which a row of ``coverage`` was set aside, with the day number from which that row is known.
    """

    tables: dict[str, CodedTable]
    pupils: dict[str, npt.NDArray[np.int32]]
    orders: dict[str, EventOrder]
    faults: FaultReport
    lost: dict[str, LostRows]
    uncertain: dict[str, int]


def check_tables(
    raw: dict[str, RawTable],
    calendar: SchoolCalendar,
    *,
    quarantine: bool,
    may_be_empty: bool = False,
    places: Mapping[str, RowPlaces] | None = None,
    judged_on: int | None = None,
) -> CheckedTables:
    """Conform and cross-check every table; drop what is faulty; report everything.

    Parameters
    ----------
    raw : dict of str to RawTable
        Tables as they came; emptied on the way, so that no table is held twice.
    calendar : SchoolCalendar
        Half-days of school per day.
    quarantine : bool
        Whether to go on without the faulty rows; otherwise any error is raised.
    may_be_empty : bool
        Whether a mandatory table may hold no row: in one part of an extract, nobody may be enrolled.
    places : mapping of str to RowPlaces, optional
        Where the rows stood in a payload.
    judged_on : int, optional
        Day number of the as-of date: errors of rows that were not known before it are set aside, never raised.

    Raises
    ------
    FaultyRecordsError
        With every fault of every table, when there is an error and no quarantine, or when a mandatory table cannot
        be used at all.

    Examples
    --------
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> came = {name: RawTable.of_lists({"pupil_id": ["a1"]}, 1) for name in ("pupils", "enrolments")}
    >>> check_tables(came, SchoolCalendar.for_zone("B"), quarantine=True)
    Traceback (most recent call last):
    decrochage_risk.errors.FaultyRecordsError: 4 errors in the records. ...
    """
    own = list(_missing_tables(raw))
    came = [*raw, *(name for name in MANDATORY if name not in raw)]
    shapes: dict[str, Conformed] = {}
    rows = sum(table.size for table in raw.values())
    give_back(rows)
    for name in came:
        # Popped: a raw table may be gigabytes, and is freed as soon as it is in its declared shape.
        table = raw.pop(name, None)
        shapes[name] = conform(TABLES[name], _NOTHING if table is None else table)
        faults = shapes[name].faults if table is not None else ()
        own.extend(fault for fault in faults if not (may_be_empty and fault.rule == EMPTY_TABLE.name))
    give_back(rows)
    report = FaultReport(tuple(own), places or {})
    # A fault without rows is one of the whole table: no row of it can be trusted.
    unusable = {group.table for group in report.errors.groups if not group.rows.size}
    columns_of = {name: table.coded for name, table in shapes.items()}
    tables = {
        name: _without_faulty(table, report) for name, table in columns_of.items() if name not in unusable
    }
    # Without pupils or enrolments there are no records, whatever the quarantine would set aside.
    if not unusable.isdisjoint(MANDATORY):
        raise FaultyRecordsError(faults_known_before(dated(report, columns_of), judged_on))
    links = link_tables(tables)
    missing = {name: table.missing_optional for name, table in shapes.items()}
    across = FaultReport((*missing_columns(tables, missing), *check_links(links, calendar)))
    # All faults are collected before anything is raised: a school corrects its extract once.
    report = dated(report + across, columns_of)
    known_report = faults_known_before(report, judged_on)
    if known_report.errors and not quarantine:
        raise FaultyRecordsError(known_report)
    # Of the columns as they came: what was set aside is no longer in the usable ones.
    usable, pupils, orders = _kept(links, across)
    losses = {name: _lost_rows(table, report) for name, table in columns_of.items()} if report.errors else {}
    # Nobody is lost: a pupil whose only row was set aside is still scored, as "not known", with the cause.
    strangers = _strangers(report, columns_of, usable["pupils"])
    if strangers:
        usable["pupils"] = _with_pupils(usable["pupils"], strangers)
        orders = {name: order.with_pupils(len(strangers)) for name, order in orders.items()}
    if losses:
        losses = _of_nearest(losses, _ids_of(usable["pupils"]))
    return CheckedTables(
        usable, pupils, orders, report, losses, _uncertain(shapes, report, whole="coverage" in unusable)
    )


_NOTHING = RawTable((), (), 0)


def _missing_tables(raw: Mapping[str, RawTable]) -> Iterator[FaultGroup]:
    came = f"tables {', '.join(raw) or '(none)'}"
    for name in MANDATORY:
        if name not in raw:
            yield MISSING_TABLE.fault(name, values=[came])


def _without_faulty(table: CodedTable, report: FaultReport) -> CodedTable:
    """Drop rows with errors; in ``pupils`` only those without a usable id (their faulty cells are blank)."""
    if table.table.name != "pupils":
        return table.without(report.rows(table.table.name, "error"))
    # A wrong birth date must not lose the pupil: only a row without an id belongs to nobody.
    has_id = table.given("pupil_id")
    return table if has_id.all() else table.take(has_id)


def _kept(
    links: Links, across: FaultReport
) -> tuple[dict[str, CodedTable], dict[str, npt.NDArray[np.int32]], dict[str, EventOrder]]:
    """Drop the rows that the other tables contradict: of the tables, of the pupils' positions, of the orders."""
    # Of stays that overlap, the newest wins from its first day on, which only the cut in time can say: none
    # is dropped.
    contradictions = FaultReport(
        tuple(group for group in across.errors.groups if group.rule != rules.OVERLAPPING_ENROLMENTS.name)
    )
    faulty = {name: contradictions.rows(name) for name in links.tables}
    # Of a table that is not there all rows stay.
    stays = {name: ~links.tables[name].among(rows) for name, rows in faulty.items() if rows.size}
    # Before its other rows go: what is left of two outcomes must not be taken for the one that is true.
    linked = links.tables
    if "outcomes" in stays:
        linked = {**linked, "outcomes": with_contradictions_unknown(linked["outcomes"])}
    tables = {
        name: (table.take(stays[name]) if name in stays else table).renumbered()
        for name, table in linked.items()
    }
    pupils = {
        name: of.codes[stays[name]] if name in stays else of.codes
        for name, of in links.pupils.items()
        if name not in links.orders  # an order tells whose its rows are
    }
    orders = {
        name: order.kept(stays.get(name), links.pupils[name].pupils) for name, order in links.orders.items()
    }
    return tables, pupils, orders


_ID_RULES = frozenset(
    rule.name for rule in (BAD_PATTERN, TOO_LONG, WRONG_TYPE, BAD_BYTES, rules.UNKNOWN_PUPIL)
)


def _ids_that_came(report: FaultReport, table: str) -> dict[int, str]:
    """Ids that no rule let through, by the row in which they stood, as they came; half a character as its escape."""
    return {
        # Whoever came is in the result, and half a surrogate pair can be written into none of its files.
        int(row): text_of(value).encode("utf-8", "backslashreplace").decode()
        for group in report.errors.groups
        if group.table == table and group.column == "pupil_id" and group.rule in _ID_RULES
        for row, value in zip(group.rows, group.values, strict=True)
    }


def _lost_rows(table: CodedTable, report: FaultReport) -> LostRows:
    """Give the rows with errors of one table: whose they are, and from which day on they are known."""
    if "pupil_id" not in table.columns:
        return LostRows([], np.empty(0, dtype=np.int64))
    rows = report.rows(table.table.name, "error")
    came = _ids_that_came(report, table.table.name)
    ids = table["pupil_id"]
    texts = [
        came.get(row) or (ids.words[code] if code >= 0 else "")
        for row, code in zip(rows.tolist(), ids.codes[rows].tolist(), strict=True)
    ]
    days = days_known(table, report)[rows]
    has_id = np.array([bool(text) for text in texts], dtype=np.bool_)
    return LostRows([text for text in texts if text], days[has_id])


def _of_nearest(losses: Mapping[str, LostRows], pupil_ids: Iterable[str]) -> dict[str, LostRows]:
    """Give rows under an id that no pupil has to the one pupil whose id differs by what an export may lose."""
    own, alike = set(pupil_ids), dict[str, str | None]()
    if all(own.issuperset(rows.pupil_ids) for rows in losses.values()):
        return dict(losses)
    for pupil in own:
        key = alike_id(pupil)
        # Of two pupils that are alike, it is neither's.
        alike[key] = None if key in alike else pupil
    return {
        name: rows._replace(
            pupil_ids=[text if text in own else alike.get(alike_id(text)) or text for text in rows.pupil_ids]
        )
        for name, rows in losses.items()
    }


def _strangers(report: FaultReport, came: Mapping[str, CodedTable], pupils: CodedTable) -> list[str]:
    """Find who would be lost with their rows: ids of ``pupils`` and ``enrolments``, as they came, that no pupil has."""
    if not report.errors:
        return []
    pupil_ids = set(_ids_of(pupils))
    strangers: dict[str, None] = {}
    for table in MANDATORY:
        strangers |= dict.fromkeys(_ids_of(came[table]))
        # Sorted by row: the order of the pupils in the result must not hang on the order of the rules.
        strangers |= dict.fromkeys(text for _, text in sorted(_ids_that_came(report, table).items()))
    return [text for text in strangers if text not in pupil_ids]


def _ids_of(table: CodedTable) -> list[str]:
    ids = table["pupil_id"]
    return [ids.words[code] for code in pd.unique(ids.codes).tolist() if code >= 0]


def _with_pupils(pupils: CodedTable, ids: list[str]) -> CodedTable:
    """Append pupils of whom nothing is known but the id."""
    columns: dict[str, Any] = {}
    for column in pupils.table.columns:
        values, more = pupils[column.name], empty_values(column, len(ids))
        if column.name == "pupil_id":
            first = len(values.words)
            codes = np.concatenate([values.codes, first + np.arange(len(ids), dtype=np.int32)])
            columns[column.name] = Texts(codes.astype(np.int32), [*values.words, *ids])
        else:
            columns[column.name] = np.concatenate([values, more])
    return CodedTable(pupils.table, columns, len(pupils) + len(ids))


def _uncertain(shapes: Mapping[str, Conformed], report: FaultReport, *, whole: bool) -> dict[str, int]:
    """Tables that a coverage row set aside restricted: without that row they must not seem to cover everyone."""
    if "coverage" not in shapes:
        return {}
    tables = shapes["coverage"].frame["table"]
    if whole:
        nameless = tables.isna().any() or tables.empty
        return dict.fromkeys(COVERED_TABLES if nameless else tables, int(NO_DAY))
    rows = report.rows("coverage", "error")
    first_days: dict[str, int] = {}
    days = days_known(shapes["coverage"].coded, report)[rows].tolist()
    for name, day in zip(tables.iloc[rows], days, strict=True):
        for table in COVERED_TABLES if pd.isna(name) else (name,):
            first_days[table] = min(day, first_days.get(table, day))
    return first_days
