"""All tables through all checks: what is kept, what is set aside, and the one report of every fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.errors import FaultyRecordsError
from decrochage_risk.records.checks import conform
from decrochage_risk.records.coverage import COVERED_TABLES
from decrochage_risk.records.cross_checks import cross_check
from decrochage_risk.records.cross_rules import MISSING_TABLE
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from decrochage_risk.records.checks import Conformed
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
    frames : dict of str to DataFrame
        Canonical tables without their faulty rows; a table that cannot be used at all is not there.
    faults : FaultReport
        Every fault of every table.
    set_aside : Series of int, indexed by pupil id
        Rows set aside per pupil; in ``pupils`` also rows of which a cell was blanked.
    uncertain : frozenset of str
        Tables of which a row of ``coverage`` was set aside.
    """

    frames: dict[str, pd.DataFrame]
    faults: FaultReport
    set_aside: pd.Series[int]
    uncertain: frozenset[str]


def check_tables(
    raw: Mapping[str, pd.DataFrame], calendar: SchoolCalendar, *, quarantine: bool
) -> CheckedTables:
    """Conform and cross-check every table; drop what is faulty; report everything.

    Parameters
    ----------
    raw : mapping of str to DataFrame
        Tables as they came.
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
    >>> came = {"pupils": pd.DataFrame({"pupil_id": ["a1"]}), "enrolments": pd.DataFrame({"pupil_id": ["a1"]})}
    >>> check_tables(came, SchoolCalendar.for_zone("B"), quarantine=True)
    Traceback (most recent call last):
    decrochage_risk.errors.FaultyRecordsError: 4 errors in the records. ...
    """
    names = dict.fromkeys((*raw, *MANDATORY))
    conformed = {name: conform(TABLES[name], raw.get(name, pd.DataFrame())) for name in names}
    own = FaultReport((*_missing_tables(raw), *(fault for name in raw for fault in conformed[name].faults)))
    unusable = {group.table for group in own.errors.groups if not group.rows.size}
    frames = {
        name: _without_faulty(name, table.frame, own)
        for name, table in conformed.items()
        if name not in unusable
    }
    across = FaultReport()
    if unusable.isdisjoint(MANDATORY):
        missing = {name: table.missing_optional for name, table in conformed.items()}
        across = FaultReport(tuple(cross_check(frames, calendar, missing_optional=missing)))
    report = own + across
    if report.errors and not (quarantine and unusable.isdisjoint(MANDATORY)):
        raise FaultyRecordsError(report)
    kept = {name: frame.drop(index=_faulty(across, name), errors="ignore") for name, frame in frames.items()}
    return CheckedTables(
        {name: frame.reset_index(drop=True) for name, frame in kept.items()},
        report,
        _count_set_aside(conformed, kept["pupils"], report),
        _uncertain(conformed, report, whole="coverage" in unusable),
    )


def _missing_tables(raw: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    came = f"tables {', '.join(raw) or '(none)'}"
    for name in MANDATORY:
        if name not in raw:
            yield MISSING_TABLE.fault(name, values=[came])


def _faulty(report: FaultReport, name: str) -> pd.Index[int]:
    return pd.Index(report.rows(name, "error"))


def _without_faulty(name: str, frame: pd.DataFrame, report: FaultReport) -> pd.DataFrame:
    """Drop rows with errors; in ``pupils`` only those without a usable id (their faulty cells are blank)."""
    if name == "pupils":
        return frame[frame["pupil_id"].notna()]
    return frame.drop(index=_faulty(report, name))


def _count_set_aside(
    conformed: Mapping[str, Conformed], pupils: pd.DataFrame, report: FaultReport
) -> pd.Series[int]:
    counts = pd.Series(0, index=pd.Index(pupils["pupil_id"]), dtype=np.int64)
    for name, table in conformed.items():
        if "pupil_id" not in table.frame:
            continue
        ids = table.frame["pupil_id"].loc[_faulty(report, name)]
        counts = counts.add(ids.value_counts().reindex(counts.index, fill_value=0))
    return counts.astype(np.int64)


def _uncertain(conformed: Mapping[str, Conformed], report: FaultReport, *, whole: bool) -> frozenset[str]:
    """Tables that a coverage row set aside restricted: without that row they must not seem to cover everyone."""
    if "coverage" not in conformed:
        return frozenset()
    tables = conformed["coverage"].frame["table"]
    lost = tables if whole else tables.loc[_faulty(report, "coverage")]
    nameless = lost.isna().any() or (whole and lost.empty)
    return frozenset(COVERED_TABLES if nameless else lost)
