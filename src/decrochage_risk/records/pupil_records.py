"""The records of a set of pupils: read and checked; :meth:`PupilRecords.known_on` cuts them in time (`time_cut`)."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias, cast

import pandas as pd

from decrochage_risk.errors import FaultyRecordsError, RecordsError, explain_error, refuse_other_kinds
from decrochage_risk.records.checks import check_tables
from decrochage_risk.records.coverage import (
    COVERED_TABLES,
    RecordsDescription,
    count_lost,
    describe_tables,
    find_coverage,
    first_named,
    lost_by_table,
)
from decrochage_risk.records.encoded_tables import NEVER, Encoded, encode
from decrochage_risk.records.fault_hints import faults_known_before
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.reading import Payload, as_raw, read_folder, read_shapes, shape_error
from decrochage_risk.records.table_mapping import TableMapping, read_mapping
from decrochage_risk.records.time_cut import cut
from decrochage_risk.school_year import (
    SchoolCalendar,
    day_number,
    to_date,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.records.coverage import Coverage
    from decrochage_risk.records.faults import RowPlaces
    from decrochage_risk.records.raw_tables import RawTable
    from decrochage_risk.records.reading import Folder
    from decrochage_risk.records.time_cut import KnownRecords


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
        ``pupils`` a faulty cell is blanked instead). Warnings are kept and counted. Nobody is lost: who has an id that
        cannot be used, or stands in ``enrolments`` only, is among the pupils, under the id that came, without any row.
    calendar : SchoolCalendar, optional
        One calendar for all pupils; zone B by default.
    not_sent : mapping of str to iterable of str, optional
        Per table (``absences``, ``grades``, ``orientation``), pupils for whom it was not sent; filled by
        :meth:`from_json`.
    notes : iterable of str, optional
        What was decided while reading; filled by :meth:`read`.
    as_of : date, datetime, Timestamp, datetime64 or ISO text, optional
        Day on which the records will be judged. With ``on_fault="raise"``, errors of rows dated or recorded on or after it
        are set aside, as a quarantine does: what is judged is what was known. :meth:`known_on` of a later day raises them.

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
        as_of: object = None,
    ) -> None:
        _refuse_other_choice(on_fault)
        tables = {
            "pupils": pupils, "enrolments": enrolments, "absences": absences, "grades": grades,
            "orientation": orientation, "coverage": coverage, "context": context, "outcomes": outcomes,
        }  # fmt: skip
        raw = {name: as_raw(table) for name, table in tables.items() if table is not None}
        self._check(raw, on_fault=on_fault, calendar=calendar, not_sent=not_sent, notes=notes, as_of=as_of)

    def _check(
        self,
        raw: dict[str, RawTable],
        *,
        on_fault: OnFault,
        calendar: SchoolCalendar | None,
        not_sent: Mapping[str, Iterable[str]] | None = None,
        notes: Iterable[str] = (),
        may_be_empty: bool = False,
        places: Mapping[str, RowPlaces] | None = None,
        as_of: object = None,
    ) -> None:
        _refuse_other_choice(on_fault)
        self.calendar = calendar if calendar is not None else SchoolCalendar.for_zone("B")
        refuse_other_kinds(
            {"calendar": (self.calendar, SchoolCalendar)},
            hint='SchoolCalendar.for_zone("A"), or .from_csv(path).',
        )
        self.notes = tuple(notes)
        self._not_sent = _ids_not_sent(not_sent or {})
        outcome = check_tables(
            raw,
            self.calendar,
            quarantine=on_fault == "quarantine",
            may_be_empty=may_be_empty,
            places=places,
            judged_on=None if as_of is None else day_number(to_date(as_of)),
        )
        self._raises = on_fault == "raise"
        self.faults, self._tables, self._uncertain = outcome.faults, outcome.tables, outcome.uncertain
        self._pupils, self._orders, self._lost = outcome.pupils, outcome.orders, outcome.lost
        self._frames: dict[str, pd.DataFrame] = {}
        self._elsewhere: Mapping[str, int] = {}
        self._first_start_elsewhere: int | None = None
        self._vouched = False

    @classmethod
    def read(
        cls,
        folder: str | Path,
        *,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
        mapping: str | Path | TableMapping | None = None,
        as_of: object = None,
    ) -> Self:
        """Read a folder of Parquet or CSV files named after the tables, or as a mapping says.

        ``mapping`` is a TOML file that names files, columns and values of tables made by hand
        (``decrochage-risk check DOSSIER --draft-mapping FILE`` writes a first one).

        An optional ``calendar.csv`` (``date``, ``half_days``) in the folder is the calendar, unless one is given.
        Files that are not tables are not read; ``notes`` names them, with the encoding and separator of each CSV.
        ``as_of`` as for the class.

        Raises
        ------
        UnreadableRecordsError
            No such folder, no table in it, files that cannot be read: all of them at once.
        FaultyRecordsError
            As for the class.
        """
        table_mapping = (
            mapping if mapping is None or isinstance(mapping, TableMapping) else read_mapping(mapping)
        )
        return cls.of_folder(
            read_folder(folder, mapping=table_mapping), on_fault=on_fault, calendar=calendar, as_of=as_of
        )

    @classmethod
    def of_folder(
        cls,
        found: Folder,
        *,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
        as_of: object = None,
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
            found.raw, on_fault=on_fault, calendar=calendar, notes=_reading_notes(found), as_of=as_of
        )
        return records

    @classmethod
    def from_json(
        cls,
        payload: str | bytes | list[Any] | dict[str, Any],
        *,
        on_fault: OnFault = "raise",
        calendar: SchoolCalendar | None = None,
        as_of: object = None,
    ) -> Self:
        """Read pupils with their rows nested (or flat tables) from JSON text or parsed JSON.

        A pupil without the key of a table is *not known* in that table; an empty list means: known, no rows.
        ``as_of`` as for the class.

        Raises
        ------
        UnreadableRecordsError
            No JSON, unknown keys, shapes that are not pupils: all of it at once (``faults``), with the faults of the
            rows that could be read all the same (``report``).
        FaultyRecordsError
            As for the class.
        """
        tables, shape_faults = read_shapes(payload)
        if shape_faults:
            raise shape_error(shape_faults, _faults_of_rows(tables, calendar))
        records = cls.__new__(cls)
        records._check(  # noqa: SLF001 - of its own class
            tables.raw,
            on_fault=on_fault,
            calendar=calendar,
            not_sent=tables.not_sent,
            places=tables.places,
            as_of=as_of,
        )
        # The sender of a payload says of each pupil what is known ([] or no key): no silence is guessed.
        records._vouched = True  # noqa: SLF001 - same
        return records

    def __len__(self) -> int:
        return len(self._tables["pupils"])

    def describe(self) -> RecordsDescription:
        """Say what these records hold: years, schools, tables, months without a row; a table, and a picture (``.plot()``).

        Examples
        --------
        >>> from decrochage_risk.synthetic import make_cohort
        >>> make_cohort(40, [2024], seed=1).records.describe().frame["table"].tolist()
        ['enrolments', 'absences', 'grades', 'orientation']
        """
        tables = {name: getattr(self, name) for name in COVERED_TABLES}
        return describe_tables(
            self.enrolments, {name: table for name, table in tables.items() if table is not None}
        )

    def __getstate__(self) -> dict[str, Any]:
        # What is computed on demand, frames that were handed out among it, is computed again.
        return {name: value for name, value in self.__dict__.items() if name not in _ON_DEMAND} | {
            "_frames": {}
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,}" for name, table in self._tables.items())
        faults = f"{len(self.faults.errors)} errors, {len(self.faults.warnings)} warnings"
        notes = f"; {'; '.join(self.notes)}" if self.notes else ""
        return f"<PupilRecords: {sizes}; {faults}{notes}>"

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
        # Copied on write: what somebody does to a frame that was handed out stays theirs.
        return self._frames[name].copy(deep=False)

    @cached_property
    def set_aside(self) -> pd.Series[int]:
        """Rows, and cells of ``pupils``, that were set aside, per pupil."""
        index = pd.Index(self._encoded.pupils.words, dtype="str", name="pupil_id")
        return pd.Series(self.set_aside_counts, index=index)

    @cached_property
    def set_aside_counts(self) -> npt.NDArray[np.int64]:
        """The same as an array, in the order of ``pupils``."""
        return self._count_lost(NEVER)

    def faults_on(self, as_of: object) -> FaultReport:
        """Give the faults of what was known on the morning of a day: later rows tell nothing of it."""
        return faults_known_before(self.faults, day_number(to_date(as_of)))

    def set_aside_on(self, as_of: object) -> npt.NDArray[np.int64]:
        """Count the same of the rows that were known on the morning of a day: faults of the future tell nothing of it."""
        return self._count_lost(day_number(to_date(as_of)))

    def _count_lost(self, day: int) -> npt.NDArray[np.int64]:
        return count_lost(self._lost.values(), self._encoded.pupils.words, before=day)

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

    @classmethod
    def of_part(
        cls,
        tables: Mapping[str, TableLike],
        *,
        calendar: SchoolCalendar,
        first_days: Mapping[str, int] | None = None,
        first_start: str | None = None,
    ) -> Self:
        """Make the records of some pupils of an extract, faulty rows set aside; nobody need be among them.

        Parameters
        ----------
        tables : mapping of str to table
            By name, as for the class.
        calendar : SchoolCalendar
            Of the whole extract.
        first_days : mapping of str to int, optional
            What the coverage of other pupils names (:attr:`first_named`): a table that ``coverage`` names for some
            pupils is not known for the others, wherever their records are.
        first_start : str, optional
            First day of the earliest enrolment of the extract, ISO: while somebody is enrolled elsewhere, a day on which
            nobody is enrolled here is no mistake.

        Raises
        ------
        FaultyRecordsError
            A table that no record can do without cannot be used at all.
        """
        part = cls.__new__(cls)
        raw = {name: as_raw(table) for name, table in tables.items()}
        part._check(raw, on_fault="quarantine", calendar=calendar, may_be_empty=True)  # noqa: SLF001 - its own class
        part._elsewhere = dict(first_days or {})  # noqa: SLF001 - its own class
        part._first_start_elsewhere = None if first_start is None else day_number(to_date(first_start))  # noqa: SLF001 - its own class
        return part

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
        FaultyRecordsError
            The records were to raise errors, and some are of rows that were known by ``as_of``, though not on the day on
            which they were judged.
        """
        day: date = to_date(as_of)
        if self._raises and self.faults.errors and (report := self.faults_on(day)).errors:
            raise FaultyRecordsError(report)
        view = cut(
            self._encoded,
            self._tables,
            day,
            calendar=self.calendar,
            coverage=self._coverage,
            first_start_elsewhere=self._first_start_elsewhere,
        )
        return replace(
            view,
            declared=self._declared_before(day_number(day)),
            vouched=self._vouched,
            set_aside=lost_by_table(self._lost, self._encoded.pupils.words, day),
        )

    def _declared_before(self, day: int) -> frozenset[str]:
        pairs = (*self.first_named.items(), *self._elsewhere.items())
        return frozenset(table for table, first in pairs if first < day)


_ON_DEMAND = frozenset(
    name for name, value in vars(PupilRecords).items() if isinstance(value, cached_property)
)


def _faults_of_rows(payload: Payload, calendar: SchoolCalendar | None) -> FaultReport | None:
    """Find the faults of the rows of a payload whose shape is faulty elsewhere, so that a sender corrects once."""
    raw = {name: table for name, table in payload.raw.items() if table.names}
    calendar = calendar if calendar is not None else SchoolCalendar.for_zone("B")
    try:
        report = check_tables(raw, calendar, quarantine=False, places=payload.places).faults
    except FaultyRecordsError as error:
        report = cast("FaultReport", error.report)
    except UnicodeError:  # half a character, said already, is in the rows
        return None
    # A table that is missing, or without a row, is so because of its shape, which is said already.
    groups = tuple(group for group in report.groups if group.rows.size)
    return FaultReport(groups, report.places) if groups else None


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


def _reading_notes(folder: Folder) -> tuple[str, ...]:
    silent = [
        name for name in folder.ignored if not any(note.startswith(f"{name} ") for note in folder.notes)
    ]
    return (*folder.notes, *(f"{name} was not read: it is not named after a table" for name in silent))
