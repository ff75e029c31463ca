"""The ``outcomes`` table given apart from the records: checked by the same rules, and held against the enrolments.

Outcomes shifted by a school year turn every label into that of another year, and nothing else would show it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np
import pandas as pd

from decrochage_risk.errors import (
    FaultyRecordsError,
    RecordsError,
    RecordsWarning,
    explain_error,
    warn_caller,
)
from decrochage_risk.records.checks import conform, cross_check
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.reading import as_frame
from decrochage_risk.records.rules import LEFT_BUT_ENROLLED
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import year_start

if TYPE_CHECKING:
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["TrainingTables", "outcomes_for", "refuse_shifted_years"]

# A few dates are typing errors; when most leavers of a year are outside it, the year itself is wrong.
_OUTSIDE: Final = 0.5
_THERE: Final = 0.95
"""Share of the leavers of a year above which it is another one's: who left was enrolled in the true year, so that of swapped or
shifted years all are there; of leavers who come back, some."""
# Of fewer leavers a share says nothing: chance alone would refuse a small school.
_LEAST: Final = 5
_MOST_OF: Final = 0.5
"""Share of the pupils of a year under which the outcomes of that year are of chosen ones."""
_SOME_GONE: Final = 0.02
"""Share of the pupils of a year who are gone the year after, under which the records are those of pupils who stayed."""
_THERE_IN_OUTCOMES: Final = ("continued", "graduated")


class TrainingTables(Protocol):
    """What a training reads of records beside their snapshots, whether they are all in memory or in parts."""

    @property
    def calendar(self) -> SchoolCalendar:
        """The calendar of all pupils."""

    @property
    def enrolments(self) -> pd.DataFrame:
        """With ``pupil_id``, ``school_year`` and ``start_date`` at least: who is there when, and how far back the records reach."""

    @property
    def outcomes(self) -> pd.DataFrame | None:
        """Canonical ``outcomes`` table, None without one."""

    @property
    def faults(self) -> Any:  # noqa: ANN401 - a report of rows, or counts alone
        """Faults with ``warnings.counts`` by table and rule."""


def refuse_shifted_years(outcomes: pd.DataFrame, enrolments: pd.DataFrame | None = None) -> None:
    """Refuse outcomes whose school years were swapped or shifted.

    A leaver of a school year leaves from 1 September of that year to the end of the year after, and is not there in the
    next one. When most of the dated leavers of a year lie outside, or nearly all of its leavers are there a year later, the
    column ``school_year`` is wrong, and every label with it.

    Parameters
    ----------
    outcomes : DataFrame
        Canonical ``outcomes`` table.
    enrolments : DataFrame, optional
        Canonical ``enrolments`` table: who is there in which school year, beside those of whom the outcomes say that they
        went on or got their diploma. A pupil listed once more as left, or as unknown, is not there.

    Raises
    ------
    RecordsError
        Naming every school year of which one of the two holds.

    Examples
    --------
    >>> left = {"pupil_id": "a", "outcome": "left_without_diploma", "date": pd.Timestamp("2024-03-01")}
    >>> refuse_shifted_years(pd.DataFrame([{"school_year": 2023, **left}] * 9))
    >>> refuse_shifted_years(pd.DataFrame([{"school_year": 2022, **left}] * 9))
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.RecordsError: Leavers are dated outside their school year: 9 of 9 of 2022.
    ...
    """
    left = outcomes[outcomes["outcome"] == "left_without_diploma"]
    years_of = {
        "Leavers are dated outside their school year": _dated_outside(left[left["date"].notna()]),
        "Leavers are there a year after their school year": _there_later(left, outcomes, enrolments),
    }
    phrases = [f"{what}: {', '.join(years)}" for what, years in years_of.items() if years]
    if phrases:
        raise RecordsError(
            explain_error(
                "; ".join(phrases),
                expected="school_year 2023 for somebody who left from September 2023 to the end of 2024",
                hint="Check that the school years of outcomes were not swapped or shifted by one.",
            )
        )


def _dated_outside(outcomes: pd.DataFrame) -> list[str]:
    if outcomes.empty:
        return []
    year = outcomes["school_year"].astype(int)
    first = year.map(lambda one: pd.Timestamp(year_start(one)))
    last = year.map(lambda one: pd.Timestamp(date(one + 1, 12, 31)))
    return _above(_OUTSIDE, (outcomes["date"] < first) | (outcomes["date"] > last), year)


def _there_later(left: pd.DataFrame, outcomes: pd.DataFrame, enrolments: pd.DataFrame | None) -> list[str]:
    went_on = outcomes[outcomes["outcome"].isin(_THERE_IN_OUTCOMES)]
    tables = [went_on] if enrolments is None else [went_on, enrolments]
    there = {
        (str(pupil), int(year))
        for table in tables
        for pupil, year in zip(table["pupil_id"], table["school_year"], strict=True)
    }
    if enrolments is not None:
        left = left[~left["school_year"].isin(_chosen_years(outcomes, enrolments))]
    year = left["school_year"].astype(int)
    # Somebody who left without a diploma is mostly not enrolled the year after: nearly all there means a
    # shift.
    back = [(str(pupil), one + 1) in there for pupil, one in zip(left["pupil_id"], year, strict=True)]
    return _above(_THERE, pd.Series(back, index=left.index, dtype=np.bool_), year)


def _chosen_years(outcomes: pd.DataFrame, enrolments: pd.DataFrame) -> set[int]:
    """School years of which outcomes or records hold chosen pupils only: of those who are there now, every leaver came back."""
    told, there = (table[["pupil_id", "school_year"]].drop_duplicates() for table in (outcomes, enrolments))
    later = there.assign(school_year=there["school_year"] - 1)
    stays = there.merge(later, on=["pupil_id", "school_year"]).groupby("school_year").size()
    pupils = there.groupby("school_year").size()
    # A whole register tells of most pupils of a year, and some of them are gone a year later: graduates, for one.
    is_part = told.groupby("school_year").size().reindex(pupils.index, fill_value=0) < _MOST_OF * pupils
    all_stay = stays.reindex(pupils.index, fill_value=0) > (1.0 - _SOME_GONE) * pupils
    return {int(year) for year in pupils.index[is_part | all_stay]}


def _above(share: float, wrong: pd.Series, year: pd.Series) -> list[str]:
    """Count the school years in which this holds of more than a share of the leavers, and of some at least."""
    counts = wrong.groupby(year.to_numpy()).agg(["sum", "size"]).astype(int)
    most = counts[(counts["sum"] > share * counts["size"]) & (counts["sum"] >= _LEAST)]
    return [f"{row['sum']} of {row['size']} of {one}" for one, row in most.iterrows()]


def outcomes_for(records: TrainingTables, outcomes: Any = None) -> pd.DataFrame:  # noqa: ANN401 - any table
    """Return the canonical ``outcomes`` table, given apart or held by the records, of the right school years.

    Parameters
    ----------
    records : PupilRecords or TrainingTables
        Whose pupils the outcomes are of.
    outcomes : table, optional
        The records' own when left out.

    Raises
    ------
    FaultyRecordsError
        With every fault, when there is an error.
    RecordsError
        When ``records`` are none, there are no outcomes at all, those of a school year are another one's
        (:mod:`decrochage_risk.records.outcome_table`), or outcomes were given apart from records in parts.

    Warns
    -----
    RecordsWarning
        When something in outcomes given apart is odd but kept (a column that is not known).
    """
    # Records in parts are no PupilRecords: what both have is their calendar.
    if not hasattr(records, "calendar"):
        raise RecordsError(
            explain_error(
                f"records is a {type(records).__name__}, not PupilRecords",
                expected="PupilRecords",
                hint="PupilRecords.read(folder), for example.",
            )
        )
    if outcomes is not None and not hasattr(records, "pupils"):
        # Each part labels its pupils by itself: a table given here would be checked, and never read.
        raise RecordsError(
            explain_error(
                "outcomes=... was given with records in parts, which read their own",
                expected="the outcomes among the tables of the extract",
                hint="Put outcomes.parquet or outcomes.csv into the folder, or read everything at once with partitions=1.",
            )
        )
    if outcomes is None:
        outcomes_of, odd = _own(records), None
    else:
        outcomes_of, odd = _apart(cast("PupilRecords", records), outcomes)
    refuse_shifted_years(outcomes_of, records.enrolments)
    # After the refusal: what is wrong with every row explains what is odd in some.
    if odd:
        warn_caller(RecordsWarning(str(odd), odd))
    return outcomes_of


def _own(records: TrainingTables) -> pd.DataFrame:
    if records.outcomes is not None:
        return records.outcomes
    raise RecordsError(
        explain_error(
            "There is no outcomes table",
            expected="outcomes with pupil_id, school_year, outcome and, for leavers, date",
            hint="Pass outcomes=..., or put outcomes.parquet or outcomes.csv into the folder.",
        )
    )


def _apart(
    records: PupilRecords,
    outcomes: Any,  # noqa: ANN401 - any table
) -> tuple[pd.DataFrame, FaultReport]:
    shape = conform(TABLES["outcomes"], as_frame(outcomes))
    report = FaultReport(tuple(shape.faults))
    # A fault of the whole table leaves no rows to hold against the enrolments.
    if all(group.rows.size for group in report.errors.groups):
        whole = shape.frame.drop(index=pd.Index(report.rows("outcomes", "error")))
        frames = {"pupils": records.pupils, "enrolments": records.enrolments, "outcomes": whole}
        faults = [
            group
            for group in cross_check(frames, records.calendar)
            if group.table == "outcomes" or group.rule == LEFT_BUT_ENROLLED.name
        ]
        report = report + FaultReport(tuple(faults))
    if report.errors:
        raise FaultyRecordsError(report)
    return shape.frame, report
