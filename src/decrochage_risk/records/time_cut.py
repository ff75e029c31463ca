"""The cut in time: records as they were known on the morning of the as-of date.

:func:`cut` is the only place where time is cut: nothing above this module ever sees a row dated or recorded on or after
the as-of date. A stay that was open then is open, a justification that came later has not come yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, CalendarError, explain_error
from decrochage_risk.records.encoded_tables import NEVER, NO_DAY, Absences, Encoded, Enrolments
from decrochage_risk.school_year import SchoolCalendar, day_number, school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.coverage import Coverage, SpanPairs
    from decrochage_risk.records.encoded_tables import Grades, Orientation


__all__ = ["KnownRecords", "cut"]

_Whole = TypeVar("_Whole", bound=np.integer[Any])


@dataclass(frozen=True)
class KnownRecords:
    """Records as they were known on the morning of ``as_of``.

    Attributes
    ----------
    as_of : date
        Rows dated or recorded on or after this day are not here.
    school_year : int
        School year that holds ``as_of`` (2024 = 2024-25).
    arrays : Encoded
        Sorted arrays, cut; an enrolment's end that was not known yet is 31 August of its school year.
    coverage : mapping of str to Coverage
        Per table, the days that are in the extract; a table that is not a key covers everyone.
    declared : frozenset of str
        Tables that the ``coverage`` of the extract names: what it says of their gaps is meant.
    vouched : bool
        Whether the tables came as JSON: a key that is there is complete up to ``as_of``.
    set_aside : mapping of str to int array, shape (pupils,)
        Per table of events of which rows were set aside, how many of the school year, up to the day, are each pupil's.
    pupils, enrolments, absences, grades, orientation : DataFrame or None
        The same rows as frames, in the order of the records.
    """

    as_of: date
    school_year: int
    calendar: SchoolCalendar
    arrays: Encoded
    coverage: Mapping[str, Coverage]
    _tables: Mapping[str, CodedTable]
    declared: frozenset[str] = frozenset()
    vouched: bool = False
    set_aside: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def __repr__(self) -> str:
        events = ("enrolments", "absences", "grades", "orientation")
        tables = ((name, getattr(self.arrays, name)) for name in events)
        sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in tables if rows is not None)
        return f"<KnownRecords on {self.as_of.isoformat()}: pupils {self.pupil_count:,}, {sizes}>"

    @cached_property
    def as_of_day(self) -> int:
        """The as-of date as days since 1970-01-01."""
        return day_number(self.as_of)

    @cached_property
    def year_start_day(self) -> int:
        """1 September of the school year, as days since 1970-01-01."""
        return day_number(year_start(self.school_year))

    @property
    def pupil_ids(self) -> pd.Index[str]:
        """Ids of every pupil of the records, enrolled or not, in the order of ``pupils``."""
        return self.arrays.pupil_ids

    @property
    def school_ids(self) -> list[str]:
        """Ids of the schools; ``school`` is a position in it."""
        return self.arrays.schools.words

    @property
    def pupil_count(self) -> int:
        """How many pupils the records hold."""
        return len(self.arrays.pupils.words)

    @cached_property
    def current_enrolment(self) -> npt.NDArray[np.intp]:
        """Row of ``arrays.enrolments`` with the latest start of each pupil, -1 without any known enrolment."""
        latest = np.full(self.pupil_count, -1, dtype=np.intp)
        # Rows are sorted by start, so that of several the last one written is the latest.
        latest[self.arrays.enrolments.pupil] = np.arange(len(self.arrays.enrolments))
        return latest

    @cached_property
    def level(self) -> npt.NDArray[np.int8]:
        """Position in ``LEVELS`` of each pupil's current level, -1 without any known enrolment."""
        return self._of_current(self.arrays.enrolments.level, -1)

    @cached_property
    def enrolled(self) -> npt.NDArray[np.bool_]:
        """Whether a known enrolment of the pupil is open on ``as_of``."""
        rows = self.arrays.enrolments
        is_open = np.zeros(self.pupil_count, dtype=np.bool_)
        is_open[rows.pupil[rows.end >= self.as_of_day]] = True
        return is_open

    @cached_property
    def school(self) -> npt.NDArray[np.int32]:
        """Position in ``arrays.school_ids`` of each pupil's current school, -1 without one."""
        return self._of_current(self.arrays.enrolments.school, -1)

    @cached_property
    def current_enrolment_row(self) -> npt.NDArray[np.int32]:
        """Row of the records' ``enrolments`` frame that is current for each pupil, -1 without one."""
        return self._of_current(self.arrays.enrolments.row, -1)

    def not_covered(self, table: str, first: int, after: int) -> npt.NDArray[np.bool_]:
        """Pupils with an enrolled day in [first, after), day numbers, on which ``table`` is not in the extract."""
        if table not in self.coverage:
            return np.zeros(self.pupil_count, dtype=np.bool_)
        coverage, enrolments = self.coverage[table], self.arrays.enrolments
        if table not in self._span_pairs:
            self._span_pairs[table] = coverage.pairs(enrolments)
        return coverage.missing(enrolments, self.pupil_count, first, after, self._span_pairs[table])

    def of_pupils(self, pupils: slice | npt.NDArray[np.intp]) -> KnownRecords:
        """Give what was known of some pupils alone, counted anew from 0: a slice (copied where it must be), or rising positions."""
        places = np.arange(pupils.start, pupils.stop) if isinstance(pupils, slice) else pupils
        return replace(
            self,
            arrays=self.arrays.of_pupils(pupils),
            coverage={table: spans.of_pupils(places) for table, spans in self.coverage.items()},
            set_aside={table: rows[pupils] for table, rows in self.set_aside.items()},
        )

    @cached_property
    def _span_pairs(self) -> dict[str, SpanPairs]:
        # Some hundred windows of features ask of the same spans.
        return {}

    def _of_current(self, column: npt.NDArray[_Whole], missing: int) -> npt.NDArray[_Whole]:
        current = self.current_enrolment
        values = np.append(column, np.array(missing, dtype=column.dtype))  # position -1 is the missing one
        return values[current]

    @cached_property
    def pupils(self) -> pd.DataFrame:
        """The ``pupils`` table; nothing in it is dated."""
        return self._tables["pupils"].frame()

    @cached_property
    def enrolments(self) -> pd.DataFrame:
        """Known enrolments; an end on or after ``as_of`` is missing, as nobody knew it."""
        rows = _frame_of(self._tables["enrolments"], self.arrays.enrolments)
        # Exports carry leaving dates that lie in the future: on this morning they are nobody's knowledge.
        return rows.assign(end_date=rows["end_date"].where(rows["end_date"] < pd.Timestamp(self.as_of)))

    @cached_property
    def absences(self) -> pd.DataFrame | None:
        """Known absences; one justified on or after ``as_of`` is not justified yet."""
        rows = self._events("absences", self.arrays.absences)
        if rows is None:
            return None
        # Negated, so that a missing day (neither before nor after) counts as settled.
        is_settled = ~(rows["justified_on"] >= pd.Timestamp(self.as_of))
        return rows.assign(
            justified=rows["justified"] & is_settled, justified_on=rows["justified_on"].where(is_settled)
        )

    @cached_property
    def grades(self) -> pd.DataFrame | None:
        """Known grades, ``None`` when the table is not known."""
        return self._events("grades", self.arrays.grades)

    @cached_property
    def orientation(self) -> pd.DataFrame | None:
        """Known orientation events, ``None`` when the table is not known."""
        return self._events("orientation", self.arrays.orientation)

    def _events(self, name: str, rows: Absences | Grades | Orientation | None) -> pd.DataFrame | None:
        if rows is None:
            return None
        return _frame_of(self._tables[name], rows)


def _frame_of(table: CodedTable, rows: Enrolments | Absences | Grades | Orientation) -> pd.DataFrame:
    # In the order of the file, which a person can compare, not in that of the sort.
    return table.take(np.sort(rows.row)).renumbered().frame()


def cut(
    encoded: Encoded,
    tables: Mapping[str, CodedTable],
    as_of: date,
    *,
    calendar: SchoolCalendar,
    coverage: Mapping[str, Coverage],
    first_start_elsewhere: int | None = None,
) -> KnownRecords:
    """Cut encoded records at the morning of ``as_of``.

    Raises
    ------
    CalendarError
        When the calendar does not hold every day from 1 September to ``as_of``.
    AsOfError
        When no enrolment has started before ``as_of``.
    """
    _check_calendar(calendar, as_of)
    day = day_number(as_of)
    # A part of an extract may hold nobody who has started yet, while the extract as a whole does.
    if first_start_elsewhere is None or first_start_elsewhere >= day:
        _check_enrolments(encoded, day, as_of)
    arrays = replace(
        encoded,
        enrolments=_known_enrolments(encoded.enrolments, day),
        absences=_known_absences(encoded.absences, day),
        grades=None if encoded.grades is None else encoded.grades.take(_known(encoded.grades, day)),
        orientation=(
            None
            if encoded.orientation is None
            else encoded.orientation.take(_known(encoded.orientation, day))
        ),
        # Made for the morning of its day, out of what was known before it.
        context=None if encoded.context is None else encoded.context.take(encoded.context.day <= day),
    )
    coverage_then = {table: spans.before(day) for table, spans in coverage.items()}
    return KnownRecords(as_of, school_year_of(as_of), calendar, arrays, coverage_then, tables)


def _check_calendar(calendar: SchoolCalendar, as_of: date) -> None:
    # A day of the year 1 has no school year before it: its calendar is missing all the same.
    start = as_of if as_of < calendar.first_day else year_start(school_year_of(as_of))
    if start < calendar.first_day or as_of > calendar.last_day:
        raise CalendarError(
            explain_error(
                f"The as-of date {as_of.isoformat()} needs every day from {start.isoformat()} on, but the calendar "
                f"{calendar.name!r} holds {calendar.first_day.isoformat()} to {calendar.last_day.isoformat()}",
                expected="a calendar that holds the school year up to the as-of date",
                hint="Pass calendar=SchoolCalendar.from_csv(path) with these days, or choose another as-of date.",
            )
        )


def _check_enrolments(encoded: Encoded, day: int, as_of: date) -> None:
    if len(encoded.enrolments) and int(encoded.enrolments.start.min()) < day:
        return
    first = "none at all"
    if len(encoded.enrolments):
        first = f"the first on {np.datetime64(int(encoded.enrolments.start.min()), 'D')}"
    raise AsOfError(
        explain_error(
            f"No enrolment has started before the as-of date {as_of.isoformat()} (enrolments: {first})",
            expected="an as-of date after the start of at least one enrolment",
            hint="Check the as-of date, and that the enrolments of this school year are in the records.",
        )
    )


def _known(rows: Absences | Grades | Orientation, day: int) -> npt.NDArray[np.bool_]:
    # A missing recorded_on (NO_DAY) is known from its date.
    rows_then: npt.NDArray[np.bool_] = (rows.day < day) & (rows.recorded_on < day)
    return rows_then


def _known_absences(rows: Absences | None, day: int) -> Absences | None:
    if rows is None:
        return None
    rows_then = rows.take(_known(rows, day))
    justified_then = rows_then.justified & (rows_then.justified_on < day)
    # A later settlement may still order rows of one day and kind: nothing that counts half-days can tell.
    return rows_then.with_columns(
        # The later date is wiped too: a feature that read it would see the future.
        justified=justified_then,
        justified_on=np.where(justified_then, rows_then.justified_on, NO_DAY),
    )


def _known_enrolments(rows: Enrolments, day: int) -> Enrolments:
    rows_then = rows.take(rows.start < day)
    years, inverse = np.unique(rows_then.school_year, return_inverse=True)
    year_ends = np.array([day_number(year_end(int(year))) for year in years], dtype=np.int32)
    last_day = year_ends[inverse] if years.size else rows_then.end
    # First as unknown, for the order in which "latest" is defined; then as 31 August, for counting days.
    end = np.where(rows_then.end < day, rows_then.end, NEVER)
    # Again, as the ends that were cut have changed places.
    order = rows_then.order(end)
    effective = np.where(end == NEVER, last_day, end).astype(np.int32)
    return _newest_wins(rows_then.with_columns(end=effective).take(order))


def _newest_wins(rows: Enrolments) -> Enrolments:
    """End each stay the day before the next one of the pupil starts: a transfer on its last day, or one never closed.

    Stays that start later than the as-of date are not among the rows: a stay of the future closes nothing.
    """
    if len(rows) < 2:  # noqa: PLR2004 - nothing follows
        return rows
    # Decided here and not in the checks: which stay is the newest depends on the morning of the cut.
    before_next = np.append(np.where(rows.pupil[1:] == rows.pupil[:-1], rows.start[1:] - 1, NEVER), NEVER)
    if (rows.end <= before_next).all():
        return rows
    end = np.minimum(rows.end, before_next).astype(np.int32)
    return rows.with_columns(end=end).take(end >= rows.start)
