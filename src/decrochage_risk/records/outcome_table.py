"""The ``outcomes`` table given apart from the records: checked by the same rules."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.errors import FaultyRecordsError, RecordsError, RecordsWarning, explain_error
from decrochage_risk.records.checks import conform
from decrochage_risk.records.cross_checks import cross_check
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.reading import as_frame
from decrochage_risk.records.shifted_years import refuse_shifted_years
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["outcomes_for"]


def outcomes_for(records: PupilRecords, outcomes: Any = None) -> pd.DataFrame:  # noqa: ANN401 - any table
    """Return the canonical ``outcomes`` table, given apart or held by the records, of the right school years.

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
        When there are no outcomes at all, or those of a school year are another one's
        (:mod:`decrochage_risk.records.shifted_years`).

    Warns
    -----
    RecordsWarning
        When something in outcomes given apart is odd but kept (a column that is not known).
    """
    found = _own(records) if outcomes is None else _apart(records, outcomes)
    enrolments = records.enrolments
    refuse_shifted_years(found, enrolments if "pupil_id" in enrolments else None)
    return found


def _own(records: PupilRecords) -> pd.DataFrame:
    if records.outcomes is not None:
        return records.outcomes
    raise RecordsError(
        explain_error(
            "There is no outcomes table",
            expected="outcomes with pupil_id, school_year, outcome and, for leavers, date",
            hint="Pass outcomes=..., or put outcomes.parquet or outcomes.csv into the folder.",
        )
    )


def _apart(records: PupilRecords, outcomes: Any) -> pd.DataFrame:  # noqa: ANN401 - any table
    conformed = conform(TABLES["outcomes"], as_frame(outcomes))
    report = FaultReport(tuple(conformed.faults))
    if all(group.rows.size for group in report.errors.groups):
        whole = conformed.frame.drop(index=pd.Index(report.rows("outcomes", "error")))
        frames = {"pupils": records.pupils, "enrolments": records.enrolments, "outcomes": whole}
        found = [group for group in cross_check(frames, records.calendar) if group.table == "outcomes"]
        report = report + FaultReport(tuple(found))
    if report.errors:
        raise FaultyRecordsError(report)
    if report:
        warnings.warn(str(report), RecordsWarning, stacklevel=4)
    return conformed.frame
