"""The engine: windows over known records as differences of running sums between search bounds.

Rows are sorted by pupil and day once; a window then costs one binary search per pupil and bound, shared by every
feature that asks for the same one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from decrochage_risk.features import kernels
from decrochage_risk.records.levels import LEVELS
from decrochage_risk.records.tables import TABLES
from decrochage_risk.school_year import day_number, school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt

    from decrochage_risk.features.windows import Window
    from decrochage_risk.records.encoded import Absences, Grades, Orientation
    from decrochage_risk.records.known import KnownRecords

    Floats = npt.NDArray[np.float64]

__all__ = ["Facts", "code_of", "rate", "ratio", "starts_of"]

_Made = TypeVar("_Made")

MINIMUM_POSSIBLE_HALF_DAYS = 8
"""A rate over fewer possible half-days than this is NaN (FEATURES, conventions)."""


def code_of(table: str, column: str, choice: str) -> int:
    """Position of ``choice`` among the declared choices of a column: its code in the sorted arrays."""
    found = next(declared for declared in TABLES[table].columns if declared.name == column)
    return found.choices.index(choice)


def starts_of(pupil: npt.NDArray[np.int32], pupils: int) -> npt.NDArray[np.int64]:
    """First row of each pupil in rows sorted by pupil, and one past the end."""
    return kernels.first_rows(pupil, pupils)


class _Events:
    """Rows of one event table with their running sums and search bounds, computed once."""

    def __init__(self, pupil: npt.NDArray[np.int32], day: npt.NDArray[np.int32], pupils: int) -> None:
        self.day = day
        self.starts = starts_of(pupil, pupils)
        self._bounds: dict[int, npt.NDArray[np.int64]] = {}
        self._sums: dict[str, Floats] = {}

    def bound(self, day: int) -> npt.NDArray[np.int64]:
        """First row of each pupil on or after ``day``."""
        if day not in self._bounds:
            first = np.full(self.starts.size - 1, day, dtype=np.int64)
            self._bounds[day] = kernels.first_row_from(self.day, self.starts, first)
        return self._bounds[day]

    def sum(self, key: str, values: Floats | Callable[[], Floats], first: int, after: int) -> Floats:
        """Sum of ``values`` (one per row, or what makes them; named by ``key``) over the days [first, after)."""
        if key not in self._sums:
            self._sums[key] = kernels.running_sums(values() if callable(values) else values, self.starts)
        return kernels.window_sums(self._sums[key], self.bound(first), self.bound(after))


class Facts:
    """What features ask of known records; every answer is one value per pupil.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date.
    """

    def __init__(self, known: KnownRecords) -> None:
        self.known = known
        self.pupils = known.pupil_count
        self._subject_means: dict[tuple[int, int], Floats] = {}

    def has(self, table: str) -> bool:
        """Whether a table is known at all."""
        return table in {"pupils", "enrolments"} or getattr(self.known.arrays, table) is not None

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Give what ``make`` returns, made once under ``key``: what several features share."""
        shared: dict[Hashable, Any] = self.__dict__.setdefault("_shared", {})
        if key not in shared:
            shared[key] = make()
        made: _Made = shared[key]
        return made

    def not_covered(self, table: str, first: int, after: int) -> npt.NDArray[np.bool_]:
        """Pupils with an enrolled day in [first, after) on which ``table`` is not in the extract, found once."""
        return self.once(
            ("not_covered", table, first, after), lambda: self.known.not_covered(table, first, after)
        )

    # Enrolments and levels -------------------------------------------------------------------------------------

    @cached_property
    def enrolment_starts(self) -> npt.NDArray[np.int64]:
        """First enrolment row of each pupil."""
        return starts_of(self.known.arrays.enrolments.pupil, self.pupils)

    @cached_property
    def first_year(self) -> int:
        """Earliest school year of any known enrolment (at most the current one)."""
        years = self.known.arrays.enrolments.school_year
        return min(int(years.min()), self.known.school_year) if years.size else self.known.school_year

    @cached_property
    def levels(self) -> npt.NDArray[np.int8]:
        """Level of each pupil (row) in each school year (column) from ``first_year`` to the current; -1 none."""
        rows = self.known.arrays.enrolments
        table = np.full((self.pupils, self.known.school_year - self.first_year + 1), -1, dtype=np.int8)
        inside = rows.school_year <= self.known.school_year
        # Rows are sorted by start: of several in a year, the latest is written last and stays.
        table[rows.pupil[inside], rows.school_year[inside] - self.first_year] = rows.level[inside]
        return table

    def level_in(self, names: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Which cells of ``levels`` are one of the named levels."""
        member = np.array([level.name in names for level in LEVELS] + [False], dtype=np.bool_)
        found: npt.NDArray[np.bool_] = member[self.levels]
        return found

    def first_year_in(self, names: frozenset[str]) -> npt.NDArray[np.int64]:
        """First school year of each pupil at one of the named levels; a year past the current where none."""
        found = self.level_in(names)
        first = np.where(found.any(axis=1), found.argmax(axis=1), found.shape[1])
        years: npt.NDArray[np.int64] = (first + self.first_year).astype(np.int64)
        return years

    # The calendar ----------------------------------------------------------------------------------------------

    @cached_property
    def _prefix(self) -> npt.NDArray[np.int64]:
        """School half-days before each day of the calendar."""
        return np.concatenate(([0], np.cumsum(self.known.calendar.values, dtype=np.int64)))

    @property
    def _origin(self) -> int:
        return self.known.calendar.first_day_number

    def _relative(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return (days - self._origin).astype(np.int32)

    def school_half_days(self, first: int, after: int) -> Floats:
        """School half-days in [first, after) while enrolled, before placements and exclusions are taken off."""
        rows = self.known.arrays.enrolments
        return kernels.calendar_half_days(
            self._prefix, self.enrolment_starts, self._relative(rows.start), self._relative(rows.end),
            first - self._origin, after - self._origin,
        )  # fmt: skip

    def school_weeks(self, window: Window) -> Floats:
        """ISO weeks of the window with at least one school half-day while enrolled."""
        first, after = window.span(self.known)
        rows = self.known.arrays.enrolments
        return kernels.enrolled_weeks(
            self._prefix, self.enrolment_starts, self._relative(rows.start), self._relative(rows.end),
            first - self._origin, after - self._origin, self._origin,
        )  # fmt: skip

    # Absences --------------------------------------------------------------------------------------------------

    @cached_property
    def absence_rows(self) -> Absences:
        """Rows of ``absences`` that count: an enrolment is open, there is school, at most that day's half-days."""
        rows = self.known.arrays.absences
        if rows is None:
            raise LookupError("absences")  # Feature.values asks `has` first
        enrolments = self.known.arrays.enrolments
        is_open = kernels.open_on_day(
            rows.pupil, rows.day, self.enrolment_starts, enrolments.start, enrolments.end
        )
        return rows.take(is_open & (self._half_days_of(rows.day) > 0))

    def _half_days_of(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        """Half-days of each day; school years outside the known calendar are never counted."""
        return self.known.calendar.half_days_zero_outside(days)

    @cached_property
    def absence_events(self) -> _Events:
        """Counted absence rows, with bounds and running sums."""
        return _Events(self.absence_rows.pupil, self.absence_rows.day, self.pupils)

    def absence_values(self, what: str) -> Floats:
        """Half-days (rows for ``lateness``) per counted row: absent, unjustified, exclusion, away or lateness."""
        return self._absence_values[what]

    @cached_property
    def _absence_values(self) -> dict[str, Floats]:
        rows = self.absence_rows
        half_days = np.minimum(rows.half_days, self._half_days_of(rows.day)).astype(np.float64)
        kind = {name: rows.kind == code_of("absences", "kind", name) for name in _KINDS}
        absent = np.where(kind["absence"], half_days, 0.0)
        return {
            "absent": absent,
            "unjustified": np.where(rows.justified, 0.0, absent),
            "exclusion": np.where(kind["exclusion"], half_days, 0.0),
            "away": np.where(kind["exclusion"] | kind["placement"], half_days, 0.0),
            "lateness": kind["lateness"].astype(np.float64),
        }

    def absence_sum(self, what: str, first: int, after: int) -> Floats:
        """Sum of :meth:`absence_values` over the days [first, after)."""
        return self.absence_events.sum(what, self.absence_values(what), first, after)

    def absence_rate(self, first: int, after: int) -> Floats:
        """Absent over possible half-days in [first, after); NaN under 8 possible half-days."""
        if after <= first:
            return np.full(self.pupils, np.nan)
        possible = self.school_half_days(first, after) - self.absence_sum("away", first, after)
        return rate(self.absence_sum("absent", first, after), possible)

    def absence_rate_of_years(self, first_years: npt.NDArray[np.int64]) -> Floats:
        """Rate over the known school years before the current one, from each pupil's first year on."""
        absent, possible = np.zeros(self.pupils), np.zeros(self.pupils)
        for year in range(self.first_year, self.known.school_year):
            if not self.known.calendar.covers_year(year):
                continue
            first, after = day_number(year_start(year)), day_number(year_start(year + 1))
            counted = first_years <= year
            away = self.absence_sum("away", first, after)
            absent += np.where(counted, self.absence_sum("absent", first, after), 0.0)
            possible += np.where(counted, self.school_half_days(first, after) - away, 0.0)
        return rate(absent, possible)

    # Grades ----------------------------------------------------------------------------------------------------

    @cached_property
    def grade_rows(self) -> Grades:
        """All known rows of ``grades``."""
        rows = self.known.arrays.grades
        if rows is None:
            raise LookupError("grades")  # Feature.values asks `has` first
        return rows

    @cached_property
    def marks(self) -> Grades:
        """The marks: graded rows; term averages only in school years without a graded assessment."""
        rows = self.grade_rows
        if not len(rows):
            return rows
        first, last = int(rows.day.min()), int(rows.day.max())
        counted = kernels.marks_that_count(
            self.grade_events.starts, rows.day, rows.status, rows.kind,
            code_of("grades", "status", "graded"), code_of("grades", "kind", "assessment"),
            first, _school_years(first, last),
        )  # fmt: skip
        return rows.take(counted)

    @cached_property
    def mark_events(self) -> _Events:
        """Marks, with bounds and running sums."""
        return _Events(self.marks.pupil, self.marks.day, self.pupils)

    def mean_mark(self, first: int, after: int) -> Floats:
        """Weighted mean of the marks over the days [first, after); NaN where the weights sum to 0."""
        marks, events = self.marks, self.mark_events
        weight = events.sum("weight", lambda: marks.coefficient, first, after)
        total = events.sum("total", lambda: marks.coefficient * marks.mark, first, after)
        return ratio(total, weight)

    def mark_share(self, below: float, first: int, after: int) -> Floats:
        """Unweighted share of the marks under ``below`` over the days [first, after)."""
        marks, events = self.marks, self.mark_events
        low = events.sum(f"below {below}", lambda: (marks.mark < below).astype(np.float64), first, after)
        return ratio(low, (events.bound(after) - events.bound(first)).astype(np.float64))

    def subject_means(self, first: int, after: int) -> Floats:
        """Weighted mean per pupil (row) and subject (column) over the days [first, after), NaN where none."""
        if (first, after) not in self._subject_means:
            marks, events = self.marks, self.mark_events
            subjects = len(next(c for c in TABLES["grades"].columns if c.name == "subject").choices)
            weight, total = kernels.sums_by_code(
                marks.subject,
                subjects,
                marks.coefficient,
                marks.mark,
                events.bound(first),
                events.bound(after),
            )
            self._subject_means[first, after] = ratio(total, weight)
        return self._subject_means[first, after]

    @cached_property
    def grade_events(self) -> _Events:
        """All known rows of ``grades``, with bounds and running sums."""
        return _Events(self.grade_rows.pupil, self.grade_rows.day, self.pupils)

    # Orientation -----------------------------------------------------------------------------------------------

    @cached_property
    def orientation_rows(self) -> Orientation:
        """All known rows of ``orientation``, in the order in which the last one is the latest."""
        rows = self.known.arrays.orientation
        if rows is None:
            raise LookupError("orientation")  # Feature.values asks `has` first
        return rows

    def latest(self, event: str) -> tuple[Orientation, npt.NDArray[np.intp]]:
        """Rows of one event, and the position of each pupil's latest one in them (-1 = none)."""
        rows = self.orientation_rows
        chosen = rows.take(rows.event == code_of("orientation", "event", event))
        position = np.full(self.pupils, -1, dtype=np.intp)
        position[chosen.pupil] = np.arange(len(chosen))
        return chosen, position


_KINDS = ("absence", "lateness", "exclusion", "placement")


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where the whole is not positive."""
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def rate(absent: Floats, possible: Floats) -> Floats:
    """Absent over possible half-days, NaN under the minimum of possible half-days."""
    return np.where(possible >= MINIMUM_POSSIBLE_HALF_DAYS, ratio(absent, possible), np.nan)


def _school_years(first: int, last: int) -> npt.NDArray[np.int64]:
    """School year of each day number from ``first`` to ``last``, counted from that of ``first``."""
    edges = [school_year_of(np.datetime64(edge, "D").item()) for edge in (first, last)]
    starts = [day_number(year_start(year)) for year in range(edges[0] + 1, edges[1] + 1)]
    return np.searchsorted(np.array(starts, dtype=np.int64), np.arange(first, last + 1), side="right")
