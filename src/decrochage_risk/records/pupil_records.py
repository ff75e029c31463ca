"""The records of a set of pupils: read, checked, and cut in time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from decrochage_risk.errors import FaultyRecordsError, RecordsError, explain_error
from decrochage_risk.records.checks import conform
from decrochage_risk.records.coverage import find_coverage
from decrochage_risk.records.cross_checks import cross_check
from decrochage_risk.records.encoded import encode
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.known import KnownRecords, cut
from decrochage_risk.records.reading import as_frame, read_folder, read_json
from decrochage_risk.records.tables import TABLES
from decrochage_risk.school_year import SchoolCalendar, to_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from decrochage_risk.records.coverage import Coverage
    from decrochage_risk.records.encoded import Encoded

__all__ = ["PupilRecords"]

OnFault = Literal["raise", "quarantine"]
_REQUIRED = ("pupils", "enrolments")


class PupilRecords:
    """Checked records of a set of pupils.

    Every table is a pandas DataFrame with the declared columns and dtypes, or ``None`` when it is not known (which
    is never the same as a table without rows).

    Parameters
    ----------
    pupils, enrolments : table
        Required. A table is a pandas DataFrame, anything with the Arrow PyCapsule interface (polars included), or
        a list of dicts. Columns: ``docs/records.md``.
    absences, grades, orientation, coverage : table, optional
        Tables that may be not known.
    outcomes : table, optional
        Checked with the others; used by training and evaluation only, never by a feature.
    on_fault : {"raise", "quarantine"}
        What to do with errors: raise one report of them all, or set the faulty rows aside in ``faults`` (in
        ``pupils`` a faulty cell is blanked instead, so that nobody is lost). Warnings are kept and counted.
    calendar : SchoolCalendar, optional
        One calendar for all pupils; zone B by default.
    not_sent : mapping of str to iterable of str, optional
        Per table, pupils for whom it was not sent; filled by :meth:`from_json`.

    Raises
    ------
    FaultyRecordsError
        With every fault of every table, when there is an error and ``on_fault="raise"``, or when a required table
        cannot be used at all.

    Examples
    --------
    >>> records = PupilRecords(
    ...     pupils=[{"pupil_id": "a1"}],
    ...     enrolments=[{"pupil_id": "a1", "school_year": 2024, "school_id": "0990001N", "level": "4e",
    ...                  "start_date": "2024-09-02"}],
    ... )
    >>> len(records)
    1
    """

    def __init__(
        self,
        pupils: Any,
        enrolments: Any,
        *,
        absences: Any = None,
        grades: Any = None,
        orientation: Any = None,
        coverage: Any = None,
        outcomes: Any = None,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
        not_sent: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        if on_fault not in {"raise", "quarantine"}:
            raise RecordsError(
                explain_error(
                    f"on_fault={on_fault!r}",
                    expected='"raise" or "quarantine"',
                    hint="Leave it out to be told of every fault at once.",
                )
            )
        given = {
            "pupils": pupils, "enrolments": enrolments, "absences": absences, "grades": grades,
            "orientation": orientation, "coverage": coverage, "outcomes": outcomes,
        }  # fmt: skip
        raw = {name: as_frame(table) for name, table in given.items() if table is not None}
        self.calendar = calendar if calendar is not None else SchoolCalendar.for_zone("B")
        self._not_sent = {} if not_sent is None else {name: tuple(ids) for name, ids in not_sent.items()}
        self._frames, self.faults, self.set_aside = _checked(raw, self.calendar, on_fault)

    @classmethod
    def read(
        cls, folder: str | Path, *, on_fault: OnFault = "raise", calendar: SchoolCalendar | None = None
    ) -> Self:
        """Read a folder of Parquet or CSV files named after the tables.

        An optional ``calendar.csv`` (``date``, ``half_days``) in the folder is the calendar, unless one is given.
        """
        found = read_folder(folder)
        if calendar is None and found.calendar is not None:
            calendar = SchoolCalendar.from_csv(found.calendar)
        tables: dict[str, Any] = dict.fromkeys(_REQUIRED) | dict(found.tables)
        return cls(**tables, on_fault=on_fault, calendar=calendar)

    @classmethod
    def from_json(
        cls,
        payload: str | bytes | list[Any] | dict[str, Any],
        *,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
    ) -> Self:
        """Read pupils with their rows nested (or flat tables) from JSON text or parsed JSON.

        A pupil without the key of a table is *not known* in that table; an empty list means: known, no rows.
        """
        sent = read_json(payload)
        tables: dict[str, Any] = dict.fromkeys(_REQUIRED) | dict(sent.tables)
        return cls(**tables, on_fault=on_fault, calendar=calendar, not_sent=sent.not_sent)

    def __len__(self) -> int:
        return len(self.pupils)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(frame):,}" for name, frame in self._frames.items())
        return f"<PupilRecords: {sizes}; {len(self.faults.errors)} errors, {len(self.faults.warnings)} warnings>"

    @property
    def pupils(self) -> pd.DataFrame:
        """One row per pupil: ``pupil_id``, ``birth_date``, ``sex``."""
        return self._frames["pupils"]

    @property
    def enrolments(self) -> pd.DataFrame:
        """One row per enrolment."""
        return self._frames["enrolments"]

    @property
    def absences(self) -> pd.DataFrame | None:
        """Absences, lateness, exclusions and placements, or ``None`` when not known."""
        return self._frames.get("absences")

    @property
    def grades(self) -> pd.DataFrame | None:
        """Marks, or ``None`` when not known."""
        return self._frames.get("grades")

    @property
    def orientation(self) -> pd.DataFrame | None:
        """Wishes, decisions, assignments and changes of track, or ``None`` when not known."""
        return self._frames.get("orientation")

    @property
    def coverage(self) -> pd.DataFrame | None:
        """Spans for which tables are in the extract, or ``None``: everything is."""
        return self._frames.get("coverage")

    @property
    def outcomes(self) -> pd.DataFrame | None:
        """What became of the pupils (training and evaluation only), or ``None``."""
        return self._frames.get("outcomes")

    @cached_property
    def _encoded(self) -> Encoded:
        return encode(self._frames)

    @cached_property
    def _coverage(self) -> dict[str, Coverage]:
        return find_coverage(self._encoded, self.coverage, self._not_sent)

    def known_on(self, as_of: object) -> KnownRecords:
        """Cut the records at the morning of ``as_of``: the only place where time is cut.

        Parameters
        ----------
        as_of : date, datetime, Timestamp, datetime64 or ISO text
            Rows dated or recorded on or after this day are not known.

        Raises
        ------
        AsOfError
            When ``as_of`` is not a date, or no enrolment has started before it.
        CalendarError
            When the calendar does not hold the school year up to ``as_of``.
        """
        day: date = to_date(as_of)
        return cut(self._encoded, self._frames, day, calendar=self.calendar, coverage=self._coverage)


def _checked(
    raw: Mapping[str, pd.DataFrame], calendar: SchoolCalendar, on_fault: OnFault
) -> tuple[dict[str, pd.DataFrame], FaultReport, pd.Series]:
    """Conform and cross-check every table; drop what is faulty; report everything."""
    conformed = {name: conform(TABLES[name], raw.get(name, pd.DataFrame())) for name in raw | dict.fromkeys(_REQUIRED)}
    own = FaultReport(tuple(fault for table in conformed.values() for fault in table.faults))
    unusable = {group.table for group in own.errors.groups if not group.rows.size}
    frames = {
        name: _without_faulty(name, table.frame, own) for name, table in conformed.items() if name not in unusable
    }
    across = FaultReport()
    if not unusable & set(_REQUIRED):
        missing = {name: table.missing_optional for name, table in conformed.items()}
        across = FaultReport(tuple(cross_check(frames, calendar, missing_optional=missing)))
    report = own + across
    if report.errors and (on_fault == "raise" or unusable & set(_REQUIRED)):
        raise FaultyRecordsError(report)
    kept = {name: frame.drop(index=across.rows(name, "error"), errors="ignore") for name, frame in frames.items()}
    set_aside = _count_set_aside(conformed, kept, report)
    return {name: frame.reset_index(drop=True) for name, frame in kept.items()}, report, set_aside


def _without_faulty(name: str, frame: pd.DataFrame, report: FaultReport) -> pd.DataFrame:
    """Drop rows with errors; in ``pupils`` only those without a usable id (their faulty cells are blank)."""
    if name == "pupils":
        return frame[frame["pupil_id"].notna()]
    return frame.drop(index=report.rows(name, "error"))


def _count_set_aside(
    conformed: Mapping[str, Any], kept: Mapping[str, pd.DataFrame], report: FaultReport
) -> pd.Series:
    """Rows (in ``pupils``, also cells) set aside, per pupil of the kept ``pupils`` table."""
    counts = pd.Series(0, index=pd.Index(kept["pupils"]["pupil_id"]), dtype=np.int64)
    for name, table in conformed.items():
        rows = report.rows(name, "error")
        ids = table.frame["pupil_id"].loc[rows] if "pupil_id" in table.frame else pd.Series(dtype="str")
        counts = counts.add(ids.value_counts().reindex(counts.index, fill_value=0))
    return counts.astype(np.int64)
