"""All tables through all checks: what is kept, what is set aside, and the one report of every fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decrochage_risk.errors import FaultyRecordsError
from decrochage_risk.records.checks import conform
from decrochage_risk.records.coverage import COVERED_TABLES
from decrochage_risk.records.cross_checks import check_links, link_tables, missing_columns
from decrochage_risk.records.cross_rules import MISSING_TABLE
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.raw_tables import RawTable
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.records.checks import Conformed
    from decrochage_risk.records.coded import CodedTable
    from decrochage_risk.records.cross_checks import Links
    from decrochage_risk.records.event_order import EventOrder
    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["MANDATORY", "CheckedTables", "check_tables"]

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
        Per table other than ``pupils``, the position of each row's pupil.
    orders : dict of str to EventOrder
        The rows of each event table in order.
    faults : FaultReport
        Every fault of every table.
    lost : dict of str to list of str
        Per table, the ids of the pupils of the rows that were set aside; in ``pupils`` also of rows of which a cell
        was blanked.
    uncertain : frozenset of str
        Tables of which a row of ``coverage`` was set aside.
    """

    tables: dict[str, CodedTable]
    pupils: dict[str, npt.NDArray[np.int32]]
    orders: dict[str, EventOrder]
    faults: FaultReport
    lost: dict[str, list[str]]
    uncertain: frozenset[str]


def check_tables(raw: dict[str, RawTable], calendar: SchoolCalendar, *, quarantine: bool) -> CheckedTables:
    """Conform and cross-check every table; drop what is faulty; report everything.

    Parameters
    ----------
    raw : dict of str to RawTable
        Tables as they came; emptied on the way, so that no table is held twice.
    calendar : SchoolCalendar
        Half-days of school per day.
    quarantine : bool
        Whether to go on without the faulty rows; otherwise any error is raised.

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
    conformed: dict[str, Conformed] = {}
    for name in came:
        table = raw.pop(name, None)
        conformed[name] = conform(TABLES[name], _NOTHING if table is None else table)
        own.extend(conformed[name].faults if table is not None else ())
    report = FaultReport(tuple(own))
    unusable = {group.table for group in report.errors.groups if not group.rows.size}
    lost = {name: table.coded for name, table in conformed.items()}
    tables = {name: _without_faulty(table, report) for name, table in lost.items() if name not in unusable}
    if not unusable.isdisjoint(MANDATORY):
        raise FaultyRecordsError(report)
    links = link_tables(tables)
    missing = {name: table.missing_optional for name, table in conformed.items()}
    across = FaultReport((*missing_columns(tables, missing), *check_links(links, calendar)))
    report += across
    if report.errors and not quarantine:
        raise FaultyRecordsError(report)
    kept, pupils, orders = _kept(links, across)
    return CheckedTables(
        kept,
        pupils,
        orders,
        report,
        {name: _lost_ids(table, report) for name, table in lost.items()} if report.errors else {},
        _uncertain(conformed, report, whole="coverage" in unusable),
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
    given = table.given("pupil_id")
    return table if given.all() else table.take(given)


def _kept(
    links: Links, across: FaultReport
) -> tuple[dict[str, CodedTable], dict[str, npt.NDArray[np.int32]], dict[str, EventOrder]]:
    """Drop the rows that the other tables contradict: of the tables, of the pupils' positions, of the orders."""
    kept = {name: ~table.among(across.rows(name, "error")) for name, table in links.tables.items()}
    whole = {name: bool(rows.all()) for name, rows in kept.items()}
    tables = {
        name: (table if whole[name] else table.take(kept[name])).renumbered()
        for name, table in links.tables.items()
    }
    pupils = {name: of.codes if whole[name] else of.codes[kept[name]] for name, of in links.pupils.items()}
    orders = {name: order.kept(kept[name], links.pupils[name].pupils) for name, order in links.orders.items()}
    return tables, pupils, orders


def _lost_ids(table: CodedTable, report: FaultReport) -> list[str]:
    if "pupil_id" not in table.columns:
        return []
    rows = report.rows(table.table.name, "error")
    ids = table["pupil_id"]
    return [ids.words[code] for code in ids.codes[rows].tolist() if code >= 0]


def _uncertain(conformed: Mapping[str, Conformed], report: FaultReport, *, whole: bool) -> frozenset[str]:
    """Tables that a coverage row set aside restricted: without that row they must not seem to cover everyone."""
    if "coverage" not in conformed:
        return frozenset()
    tables = conformed["coverage"].frame["table"]
    lost = tables if whole else tables.iloc[report.rows("coverage", "error")]
    nameless = lost.isna().any() or (whole and lost.empty)
    return frozenset(COVERED_TABLES if nameless else lost)
