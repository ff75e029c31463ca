"""The records of a set of pupils: read, checked, and cut in time."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.checked_tables import check_tables
from decrochage_risk.records.coverage import COVERED_TABLES, find_coverage, first_named
from decrochage_risk.records.encoded import encode
from decrochage_risk.records.known import KnownRecords, cut
from decrochage_risk.records.reading import as_raw, read_folder, read_json
from decrochage_risk.school_year import SchoolCalendar, to_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.records.coverage import Coverage
    from decrochage_risk.records.encoded import Encoded
    from decrochage_risk.records.raw_tables import RawTable
    from decrochage_risk.records.reading import Folder

__all__ = ["PupilRecords", "TableLike"]

OnFault = Literal["raise", "quarantine"]


class ArrowStream(Protocol):
    """A table of another library (polars, pyarrow, duckdb) with the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the table as an Arrow stream."""


TableLike: TypeAlias = "pd.DataFrame | ArrowStream | list[dict[str, Any]]"
"""What a table may come as."""


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
    context : table, optional
        Reference values of classes and schools, made by ``build_context``.
    outcomes : table, optional
        Checked with the others; used by training and evaluation only, never by a feature.
    on_fault : {"raise", "quarantine"}
        What to do with errors: raise one report of them all, or set the faulty rows aside in ``faults`` (in
        ``pupils`` a faulty cell is blanked instead, so that nobody is lost). Warnings are kept and counted.
    calendar : SchoolCalendar, optional
        One calendar for all pupils; zone B by default.
    not_sent : mapping of str to iterable of str, optional
        Per table (``absences``, ``grades``, ``orientation``), pupils for whom it was not sent; filled by
        :meth:`from_json`.
    notes : iterable of str, optional
        What was decided while reading; filled by :meth:`read`.

    Attributes
    ----------
    faults : FaultReport
        Every fault that was found: errors (set aside) and warnings (kept).
    calendar : SchoolCalendar
        The calendar of all pupils.
    notes : tuple of str
        What was decided while reading: encoding and separator of each CSV, files that were not read. ``print`` of
        the records shows them.

    Raises
    ------
    FaultyRecordsError
        With every fault of every table, when there is an error and ``on_fault="raise"``, or when a required table
        cannot be used at all.
    RecordsError
        Another ``on_fault``; ``not_sent`` of a table that is always sent whole.

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

    def __init__(  # noqa: PLR0913 - one argument per table
        self,
        pupils: TableLike,
        enrolments: TableLike,
        *,
        absences: TableLike | None = None,
        grades: TableLike | None = None,
        orientation: TableLike | None = None,
        coverage: TableLike | None = None,
        context: TableLike | None = None,
        outcomes: TableLike | None = None,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
        not_sent: Mapping[str, Iterable[str]] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        _refuse_other_choice(on_fault)
        given = {
            "pupils": pupils, "enrolments": enrolments, "absences": absences, "grades": grades,
            "orientation": orientation, "coverage": coverage, "context": context, "outcomes": outcomes,
        }  # fmt: skip
        raw = {name: as_raw(table) for name, table in given.items() if table is not None}
        self._check(raw, on_fault=on_fault, calendar=calendar, not_sent=not_sent, notes=notes)

    def _check(
        self,
        raw: dict[str, RawTable],
        *,
        on_fault: OnFault,
        calendar: SchoolCalendar | None,
        not_sent: Mapping[str, Iterable[str]] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        _refuse_other_choice(on_fault)
        self.calendar = calendar if calendar is not None else SchoolCalendar.for_zone("B")
        self.notes = tuple(notes)
        self._not_sent = _ids_not_sent(not_sent or {})
        checked = check_tables(raw, self.calendar, quarantine=on_fault == "quarantine")
        self.faults, self._tables, self._uncertain = checked.faults, checked.tables, checked.uncertain
        self._pupils, self._orders, self._lost = checked.pupils, checked.orders, checked.lost
        self._frames: dict[str, pd.DataFrame] = {}
        self._elsewhere: Mapping[str, int] = {}

    @classmethod
    def read(
        cls, folder: str | Path, *, on_fault: OnFault = "raise", calendar: SchoolCalendar | None = None
    ) -> Self:
        """Read a folder of Parquet or CSV files named after the tables.

        An optional ``calendar.csv`` (``date``, ``half_days``) in the folder is the calendar, unless one is given.
        Files that are not tables are not read; ``notes`` names them, with the encoding and separator of each CSV.

        Raises
        ------
        UnreadableRecordsError
            No such folder, no table in it, files that cannot be read: all of them at once.
        FaultyRecordsError
            As for the class.
        """
        return cls.of_folder(read_folder(folder), on_fault=on_fault, calendar=calendar)

    @classmethod
    def of_folder(
        cls, found: Folder, *, on_fault: OnFault = "raise", calendar: SchoolCalendar | None = None
    ) -> Self:
        """Check the tables of a folder that was read; as :meth:`read`. The folder's tables are given away.

        Raises
        ------
        FaultyRecordsError
            As for the class.
        """
        if calendar is None and found.calendar is not None:
            calendar = SchoolCalendar.from_csv(found.calendar)
        records = cls.__new__(cls)
        records._check(  # noqa: SLF001 - of its own class
            found.raw, on_fault=on_fault, calendar=calendar, notes=_reading_notes(found)
        )
        return records

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

        Raises
        ------
        UnreadableRecordsError
            No JSON, unknown keys, shapes that are not pupils: all of it at once.
        FaultyRecordsError
            As for the class.
        """
        sent = read_json(payload)
        records = cls.__new__(cls)
        records._check(  # noqa: SLF001 - of its own class
            sent.raw, on_fault=on_fault, calendar=calendar, not_sent=sent.not_sent
        )
        return records

    def __len__(self) -> int:
        return len(self._tables["pupils"])

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,}" for name, table in self._tables.items())
        faults = f"{len(self.faults.errors)} errors, {len(self.faults.warnings)} warnings"
        read = f"; {'; '.join(self.notes)}" if self.notes else ""
        return f"<PupilRecords: {sizes}; {faults}{read}>"

    @property
    def pupils(self) -> pd.DataFrame:
        """One row per pupil: ``pupil_id``, ``birth_date``, ``sex``."""
        return self._frame_of("pupils")

    @property
    def enrolments(self) -> pd.DataFrame:
        """One row per enrolment."""
        return self._frame_of("enrolments")

    @property
    def absences(self) -> pd.DataFrame | None:
        """Absences, lateness, exclusions and placements, or ``None`` when not known."""
        return self._frame_of("absences") if "absences" in self._tables else None

    @property
    def grades(self) -> pd.DataFrame | None:
        """Marks, or ``None`` when not known."""
        return self._frame_of("grades") if "grades" in self._tables else None

    @property
    def orientation(self) -> pd.DataFrame | None:
        """Wishes, decisions, assignments and changes of track, or ``None`` when not known."""
        return self._frame_of("orientation") if "orientation" in self._tables else None

    @property
    def coverage(self) -> pd.DataFrame | None:
        """Spans for which tables are in the extract, or ``None``: everything is."""
        return self._frame_of("coverage") if "coverage" in self._tables else None

    @property
    def context(self) -> pd.DataFrame | None:
        """Reference values of classes and schools, or ``None`` when not known."""
        return self._frame_of("context") if "context" in self._tables else None

    @property
    def outcomes(self) -> pd.DataFrame | None:
        """What became of the pupils (training and evaluation only), or ``None``."""
        return self._frame_of("outcomes") if "outcomes" in self._tables else None

    def _frame_of(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = self._tables[name].frame()
        return self._frames[name]

    @cached_property
    def set_aside(self) -> pd.Series[int]:
        """Rows, and cells of ``pupils``, that were set aside, per pupil."""
        index = pd.Index(self._encoded.pupils.words, dtype="str", name="pupil_id")
        return pd.Series(self.set_aside_counts, index=index)

    @cached_property
    def set_aside_counts(self) -> npt.NDArray[np.int64]:
        """The same as an array, in the order of ``pupils``."""
        lost = Counter(chain.from_iterable(self._lost.values()))
        return np.array([lost[pupil] for pupil in self._encoded.pupils.words], dtype=np.int64)

    @cached_property
    def _encoded(self) -> Encoded:
        return encode(self._tables, self._pupils, self._orders)

    @cached_property
    def _coverage(self) -> dict[str, Coverage]:
        return find_coverage(
            self._encoded,
            self.coverage,
            self._not_sent,
            uncertain=self._uncertain,
            elsewhere=self._elsewhere,
        )

    @property
    def first_named(self) -> dict[str, int]:
        """Per table that ``coverage`` names, the day number from which it does not cover everyone."""
        return first_named(self.coverage, self._uncertain)

    def named_elsewhere(self, first_days: Mapping[str, int]) -> None:
        """Tell what the coverage of other pupils of the same extract names (:attr:`first_named`); before any cut.

        A table that ``coverage`` names for some pupils is not known for the others, wherever their records are.
        """
        self._elsewhere = dict(first_days)

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
        return cut(self._encoded, self._tables, day, calendar=self.calendar, coverage=self._coverage)


def _refuse_other_choice(on_fault: str) -> None:
    if on_fault not in {"raise", "quarantine"}:
        raise RecordsError(
            explain_error(
                f"on_fault={on_fault!r}",
                expected='"raise" or "quarantine"',
                hint="Leave it out to be told of every fault at once.",
            )
        )


def _ids_not_sent(not_sent: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    faults = [f"the table {name!r}" for name in not_sent if name not in COVERED_TABLES]
    faults += [f"the text {ids!r} for {name}" for name, ids in not_sent.items() if isinstance(ids, str)]
    if faults:
        raise RecordsError(
            explain_error(
                f"not_sent holds {' and '.join(faults)}",
                expected=f"lists of pupil ids under {', '.join(COVERED_TABLES)}",
                hint='For example not_sent={"grades": ["a1", "b2"]}; leave a table out when it came for everyone.',
            )
        )
    return {name: tuple(ids) for name, ids in not_sent.items()}


def _reading_notes(found: Folder) -> tuple[str, ...]:
    silent = [name for name in found.ignored if not any(note.startswith(f"{name} ") for note in found.notes)]
    return (*found.notes, *(f"{name} was not read: it is not named after a table" for name in silent))
