"""The ``outcomes`` table given apart from the records: checked by the same rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import FaultyRecordsError, RecordsError, explain_error
from decrochage_risk.records.checks import conform
from decrochage_risk.records.cross_checks import cross_check
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.reading import as_frame
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["outcomes_for"]


def outcomes_for(records: PupilRecords, outcomes: Any = None) -> pd.DataFrame:  # noqa: ANN401 - any table
    """Return the canonical ``outcomes`` table, given apart or held by the records.

    Parameters
    ----------
    records : PupilRecords
        Whose pupils the outcomes are of.
    outcomes : table, optional
        The records' own when left out.

    Raises
    ------
    FaultyRecordsError
        With every fault, when there is an error.
    RecordsError
        When there are no outcomes at all.
    """
    if outcomes is None:
        if records.outcomes is None:
            raise RecordsError(
                explain_error(
                    "There is no outcomes table",
                    expected="outcomes with pupil_id, school_year, outcome and, for leavers, date",
                    hint="Pass outcomes=..., or put outcomes.parquet or outcomes.csv into the folder.",
                )
            )
        return records.outcomes
    conformed = conform(TABLES["outcomes"], as_frame(outcomes))
    report = FaultReport(tuple(conformed.faults))
    if not report.errors:
        frames = {"pupils": records.pupils, "enrolments": records.enrolments, "outcomes": conformed.frame}
        found = [group for group in cross_check(frames, records.calendar) if group.table == "outcomes"]
        report = report + FaultReport(tuple(found))
    if report.errors:
        raise FaultyRecordsError(report)
    return conformed.frame
