"""From which day on a faulty row is known, and the faults of what was known on a day.

The law of time covers faults too: what is judged is what was known, so a row that is dated or entered later refuses
nothing, sets nothing aside and is counted nowhere on that day.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.coded_columns import NEVER, NO_DAY
from decrochage_risk.records.fault_hints import worded_again
from decrochage_risk.records.faults import FaultReport, cut_value
from decrochage_risk.records.rules import OUT_OF_RANGE
from decrochage_risk.records.table_schemas import LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.faults import FaultGroup


__all__ = ["dated", "days_known", "faults_known_before"]

_DATES = {
    "enrolments": ("start_date",),
    "absences": ("date", "recorded_on"),
    "grades": ("date", "recorded_on"),
    "orientation": ("date", "recorded_on"),
    "coverage": ("start",),
    "context": ("as_of",),
    "outcomes": ("date",),
}
"""Per table, the columns that say from when a row is known; in ``pupils`` nothing is dated."""


def dated(report: FaultReport, came: Mapping[str, CodedTable]) -> FaultReport:
    """Say of each faulty row from which day on it is known."""
    days = {
        name: days_known(came[name], report)
        for name in dict.fromkeys(group.table for group in report.groups if group.rows.size)
    }
    groups = (
        replace(group, known=days[group.table][group.rows]) if group.rows.size else group
        for group in report.groups
    )
    return FaultReport(tuple(groups), report.places)


def days_known(table: CodedTable, report: FaultReport) -> npt.NDArray[np.int64]:
    """Day number from which each row of a table as it came is known; ``NO_DAY`` where nothing says so."""
    days = np.full(len(table), NO_DAY, dtype=np.int64)
    for name in _DATES.get(table.table.name, ()):
        # References are made on the morning of their day, out of what was known before it.
        days = np.maximum(days, table[name] - (name == "as_of"))
        days[_beyond_all_days(report, table.table.name, name)] = NEVER
    return days


def _beyond_all_days(report: FaultReport, table: str, column: str) -> list[int]:
    """Rows whose day lies after every day that can be meant: whatever the as-of date, they are of the future."""
    return [
        int(row)
        for group in report.errors.groups
        if (group.table, group.column, group.rule) == (table, column, OUT_OF_RANGE.name)
        for row, value in zip(group.rows, group.values, strict=True)
        if (year := re.search(r"[0-9]{4,}", cut_value(value))) and int(year.group()) > LAST_DAY.year
    ]


def faults_known_before(report: FaultReport, day: int | None) -> FaultReport:
    """Keep the faults of whole tables, and of rows that were known before a day: what is judged is what was known.

    Parameters
    ----------
    report : FaultReport
        As the checks give it.
    day : int or None
        Day number of the as-of date; None: everything is judged.
    """
    if day is None:
        return report
    groups = (_known_before(group, day) for group in report.groups)
    return FaultReport(tuple(group for group in groups if group is not None), report.places)


def _known_before(group: FaultGroup, day: int) -> FaultGroup | None:
    if group.known is None or (rows := group.known < day).all():
        return group
    if not rows.any():
        return None
    values = group.values[rows]
    return worded_again(replace(group, rows=group.rows[rows], values=values, known=group.known[rows]))
