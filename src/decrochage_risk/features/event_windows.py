"""Windows over known records: what features read, as differences of running sums between search bounds.

Rows are sorted by pupil and day once; a window then costs one binary search per pupil and bound, shared by every
feature that asks for the same one. The first half, :class:`Facts`, holds the tables; after it comes what several
features read of the absences and the calendar (attendable weeks and runs, blocks of four weeks, days after holidays,
past years) and of the grades (means per subject, missed work, averages of a period).

A day that a pupil could not attend - on placement or excluded for all of its half-days - is neither presence nor
absence: weeks, runs, months and days since a mark count attendable days only.
"""

from __future__ import annotations

from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from decrochage_risk import french
from decrochage_risk.features import kernels
from decrochage_risk.features.windows import (
    BEFORE_12W,
    LAST_12W,
    YEAR,
    calendar_sums,
    monday_of,
    months_and_edges,
    week_edges,
    years_of_days,
)
from decrochage_risk.records.levels import FROM_4E, LEVELS
from decrochage_risk.records.table_schemas import TABLES, code_of
from decrochage_risk.school_year import day_number, school_year_of, year_start
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import numpy.typing as npt

    from decrochage_risk.features.windows import Window
    from decrochage_risk.records.encoded_tables import Absences, Grades, Orientation
    from decrochage_risk.records.time_cut import KnownRecords

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


__all__ = [
    "BLOCK_DAYS",
    "FALL",
    "Facts",
    "a_week",
    "absent_weeks_share",
    "attendable_months",
    "attendance_order",
    "block_rates",
    "current_absence_run",
    "enrolled_days",
    "enrolled_sum",
    "enrolled_sum_from",
    "is_one_of",
    "last_year_span",
    "longest_absence_run",
    "mark_count",
    "missed_rows",
    "missed_share",
    "months_of",
    "period_average_change",
    "rate",
    "rate_of_year_at",
    "ratio",
    "same_weeks_last_year",
    "since_4e_rate",
    "starts_of",
    "subject_falls",
    "subject_means",
]

_Made = TypeVar("_Made")

MINIMUM_POSSIBLE_HALF_DAYS = 8.0
"""A rate over fewer possible half-days than this is NaN (FEATURES, conventions)."""


@cache
def is_one_of(names: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Say of the code of each level whether it is one of the named ones; one more at the end, which -1 (none) reads."""
    members = np.array([*(level.name in names for level in LEVELS), False], dtype=np.bool_)
    # The cache hands out one array to all callers.
    members.setflags(write=False)
    return members


def starts_of(pupil: npt.NDArray[np.int32], pupils: int) -> npt.NDArray[np.int64]:
    """First row of each pupil in rows sorted by pupil, and one past the end."""
    return kernels.first_rows(pupil, pupils)


class _Events:
    """Rows of one event table with their running sums and search bounds, computed once."""

    def __init__(self, pupil: npt.NDArray[np.int32], day: npt.NDArray[np.int32], pupils: int) -> None:
        self.day = day
        self.starts = starts_of(pupil, pupils)
        # By day: many features share a few bounds, and the search is what a window costs.
        self._bounds: dict[int, npt.NDArray[np.int64]] = {}
        self._sums: dict[str, Floats] = {}
        self._sums_of_windows: dict[tuple[str, int, int], Floats] = {}

    def bound(self, day: int) -> npt.NDArray[np.int64]:
        """First row of each pupil on or after ``day``."""
        if day not in self._bounds:
            self._bounds[day] = kernels.first_row_on(self.day, self.starts, day)
        return self._bounds[day]

    def count(self, first: int, after: int) -> Floats:
        """Rows of each pupil over the days [first, after)."""
        return (self.bound(after) - self.bound(first)).astype(np.float64)

    def sum(self, key: str, values: Floats | Callable[[], Floats], first: int, after: int) -> Floats:
        """Sum of ``values`` (one per row, or what makes them; named by ``key``) over the days [first, after)."""
        # Named by the caller, as an array has no hash: two kinds of values must not share a name.
        window = key, first, after
        if window not in self._sums_of_windows:
            if key not in self._sums:
                self._sums[key] = kernels.running_sums(values() if callable(values) else values, self.starts)
            self._sums_of_windows[window] = kernels.window_sums(
                self._sums[key], self.bound(first), self.bound(after)
            )
        return self._sums_of_windows[window]


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

    @classmethod
    def of(cls, known: KnownRecords) -> Self:
        """Give the facts of these records that somebody holds, with all that was found of them; new ones otherwise.

        Whoever asks several times of the same records holds the facts meanwhile: nothing here keeps them alive.
        """
        # By identity: facts hold their records, so that no other ones can have the same while the facts live.
        facts = _in_use.get(id(known))
        if not isinstance(facts, cls):
            facts = _in_use[id(known)] = cls(known)
        return facts

    def has(self, table: str) -> bool:
        """Whether a table is known at all."""
        return table in self._tables

    @cached_property
    def _tables(self) -> frozenset[str]:
        optional = ("absences", "grades", "orientation", "context")
        tables = (name for name in optional if getattr(self.known.arrays, name) is not None)
        return frozenset(("pupils", "enrolments", *tables))

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Give what ``make`` returns, made once under ``key``: what several features share."""
        # Lives and dies with these records: a cache of the module would keep a whole region in memory.
        cache: dict[Hashable, Any] = self.__dict__.setdefault("_shared", {})
        if key not in cache:
            cache[key] = make()
        value: _Made = cache[key]
        return value

    def not_covered(self, table: str, first: int, after: int) -> npt.NDArray[np.bool_]:
        """Pupils with an enrolled day in [first, after) on which ``table`` is not in the extract, found once."""
        return self.once(
            ("not_covered", table, first, after), lambda: self.known.not_covered(table, first, after)
        )

    # Enrolments and levels ----------------------------------------------------------------------------------

    @cached_property
    def _stays(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """First and last day of each enrolment, counted from the first day of the calendar."""
        rows = self.known.arrays.enrolments
        return self._relative(rows.start), self._relative(rows.end)

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
        # A row may name a later school year than its start lies in (a warning only): it has no column here.
        inside = rows.school_year <= self.known.school_year
        # Rows are sorted by start: of several in a year, the latest is written last and stays.
        table[rows.pupil[inside], rows.school_year[inside] - self.first_year] = rows.level[inside]
        return table

    def level_in(self, names: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Which cells of ``levels`` are one of the named levels."""
        is_level: npt.NDArray[np.bool_] = is_one_of(names)[self.levels]
        return is_level

    def first_year_in(self, names: frozenset[str]) -> npt.NDArray[np.int64]:
        """First school year of each pupil at one of the named levels; a year past the current where none."""
        return self.once(("first year in", names), lambda: self._first_year_in(names))

    def _first_year_in(self, names: frozenset[str]) -> npt.NDArray[np.int64]:
        is_level = self.level_in(names)
        # argmax of a row without any is 0: it has to be asked first.
        first = np.where(is_level.any(axis=1), is_level.argmax(axis=1), is_level.shape[1])
        years: npt.NDArray[np.int64] = (first + self.first_year).astype(np.int64)
        return years

    # The calendar -------------------------------------------------------------------------------------------

    @cached_property
    def _origin(self) -> int:
        return self.known.calendar.first_day_number

    @cached_property
    def _calendar_end(self) -> int:
        return self._origin + self.known.calendar.values.size

    def inside(self, day: int) -> int:
        """Give a day, or the end of the calendar that it lies beyond."""
        # Plain comparisons: numpy takes 40 times as long over two numbers, and some hundred windows ask.
        return min(max(day, self._origin), self._calendar_end)

    def _relative(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return (days - self._origin).astype(np.int32)

    def school_half_days(self, first: int, after: int) -> Floats:
        """School half-days in [first, after) while enrolled, before placements and exclusions are taken off."""
        return self.calendar_sum("half-days", first, after)

    def calendar_sum(self, what: str, first: int, after: int) -> Floats:
        """Sum half-days, school days or half-days after holidays of [first, after) while enrolled."""
        prefix, origin = calendar_sums(self.known.calendar, what), self._origin
        return kernels.calendar_half_days(
            prefix, self.enrolment_starts, *self._stays, first - origin, after - origin
        )

    def school_weeks(self, window: Window) -> Floats:
        """ISO weeks of the window with at least one school half-day while enrolled."""
        (first, after), origin = window.span(self.known), self._origin
        return kernels.enrolled_weeks(
            calendar_sums(self.known.calendar, "half-days"), self.enrolment_starts, *self._stays, first - origin,
            after - origin, origin,
        )  # fmt: skip

    # Absences -----------------------------------------------------------------------------------------------

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
        # Filtered once here: every feature of absences counts the same rows, or they would contradict each
        # other.
        return rows.take(is_open & (self._half_days_of(rows.day) > 0))

    def _half_days_of(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        """Half-days of each day; school years outside the known calendar are never counted."""
        calendar = self.known.calendar
        return kernels.values_on(calendar.values, calendar.first_day_number, days)

    @cached_property
    def absence_events(self) -> _Events:
        """Counted absence rows, with bounds and running sums."""
        return _Events(self.absence_rows.pupil, self.absence_rows.day, self.pupils)

    @cached_property
    def calendar_position(self) -> npt.NDArray[np.int32]:
        """Place in the calendar of the day of each counted row; a day outside reads some day inside."""
        days = self._relative(self.absence_events.day)
        # Not np.clip, which takes five times as long over the rows of one pupil.
        return np.minimum(np.maximum(days, 0), self.known.calendar.values.size - 1)

    @cached_property
    def barred_days(self) -> _Events:
        """Enrolled school days that a pupil could not attend: every half-day spent on placement or excluded.

        What is not known of placements bars no day: without the table ``absences``, every enrolled school day is
        attendable.
        """
        if not self.has("absences"):
            return _Events(np.zeros(0, np.int32), np.zeros(0, np.int32), self.pupils)
        rows, events = self.absence_rows, self.absence_events
        capacity = self._half_days_of(rows.day).astype(np.float64)
        whole = kernels.barred_rows(rows.day, self.absence_values("away"), capacity, events.starts)
        return _Events(rows.pupil[whole], rows.day[whole], self.pupils)

    def attendable_days(self, first: int, after: int) -> Floats:
        """Days of [first, after) that each pupil could attend, in part or whole."""
        return self.once(
            ("attendable days", first, after),
            lambda: enrolled_days(self, "days", first, after) - self.barred_days.count(first, after),
        )

    def attendable_weeks(self, window: Window) -> npt.NDArray[np.bool_]:
        """Whether each ISO week of a window holds an attendable day, (pupils, weeks), the earliest first."""
        first, after = (self.inside(day) for day in window.span(self.known))
        return self.once(("attendable weeks", first, after), lambda: self._attendable_weeks(first, after))

    def _attendable_weeks(self, first: int, after: int) -> npt.NDArray[np.bool_]:
        closures = self.barred_days
        return kernels.attendable_weeks(
            calendar_sums(self.known.calendar, "days"), self.enrolment_starts, *self._stays,
            self._relative(closures.day), closures.starts, week_edges(first, after) - self._origin,
        )  # fmt: skip

    def weeks_with(self, events: _Events, values: Floats, window: Window) -> Floats:
        """Attendable weeks of a window with at least one row of a positive value, on any day of the window."""
        first, after = (self.inside(day) for day in window.span(self.known))
        return kernels.weeks_with_rows(
            events.day, values, events.bound(first), events.bound(after), self.attendable_weeks(window), monday_of(first)
        )  # fmt: skip

    def absence_values(self, what: str) -> Floats:
        """Half-days (rows for ``lateness``) per counted row: absent, unjustified, exclusion, away or lateness."""
        return self._absence_values[what]

    @cached_property
    def _absence_values(self) -> dict[str, Floats]:
        rows = self.absence_rows
        # At most what the day holds: two half-days on a Wednesday are an entry of a whole day.
        half_days = np.minimum(rows.half_days, self._half_days_of(rows.day)).astype(np.float64)
        kind = {name: rows.kind == code_of("absences", "kind", name) for name in _KINDS}
        absent = np.where(kind["absence"], half_days, 0.0)
        return {
            "absent": absent,
            # What is not known to be justified is not justified, as the law counts (L131-8).
            "unjustified": np.where(rows.justified, 0.0, absent),
            "exclusion": np.where(kind["exclusion"], half_days, 0.0),
            "away": np.where(kind["exclusion"] | kind["placement"], half_days, 0.0),
            "lateness": kind["lateness"].astype(np.float64),
        }

    def absence_sum(self, what: str, first: int, after: int) -> Floats:
        """Sum of :meth:`absence_values` over the days [first, after)."""
        return self.absence_events.sum(what, self.absence_values(what), first, after)

    def absence_sums(self, what: str, edges: Ints) -> Floats:
        """Sum :meth:`absence_values` from each day of ``edges`` to the eve of the next one, (pupils, edges - 1)."""
        events = self.absence_events
        return kernels.sums_between(self.absence_values(what), events.day, events.starts, edges)

    def absence_rate(self, first: int, after: int) -> Floats:
        """Absent over possible half-days in [first, after); NaN under 8 possible half-days."""
        return self.once(("absence rate", first, after), lambda: self._absence_rate(first, after))

    def _absence_rate(self, first: int, after: int) -> Floats:
        if after <= first:
            return np.full(self.pupils, np.nan)
        possible = self.school_half_days(first, after) - self.absence_sum("away", first, after)
        return rate(self.absence_sum("absent", first, after), possible)

    def absence_rate_of_years(self, first_years: npt.NDArray[np.int64]) -> Floats:
        """Rate over the known school years before the current one, from each pupil's first year on."""
        absent, possible = np.zeros(self.pupils), np.zeros(self.pupils)
        for year in range(self.first_year, self.known.school_year):
            # A year half in the calendar would give half of its possible half-days, and a rate twice too
            # high.
            if not self.known.calendar.covers_year(year):
                continue
            first, after = day_number(year_start(year)), day_number(year_start(year + 1))
            is_counted = first_years <= year
            away = self.absence_sum("away", first, after)
            absent += np.where(is_counted, self.absence_sum("absent", first, after), 0.0)
            possible += np.where(is_counted, self.school_half_days(first, after) - away, 0.0)
        return rate(absent, possible)

    # Grades -------------------------------------------------------------------------------------------------

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
        first, last = (
            school_year_of(date_of_number(day)) for day in (int(rows.day.min()), int(rows.day.max()))
        )
        is_mark = kernels.marks_that_count(
            self.grade_events.starts, rows.day, rows.status, rows.kind,
            code_of("grades", "status", "graded"), code_of("grades", "kind", "assessment"),
            day_number(year_start(first)), years_of_days(first, last),
        )  # fmt: skip
        return rows.take(is_mark)

    @cached_property
    def mark_events(self) -> _Events:
        """Marks, with bounds and running sums."""
        return _Events(self.marks.pupil, self.marks.day, self.pupils)

    def mean_mark(self, first: int, after: int) -> Floats:
        """Weighted mean of the marks over the days [first, after); NaN where the weights sum to 0."""
        return self.once(("mean mark", first, after), lambda: self._mean_mark(first, after))

    def _mean_mark(self, first: int, after: int) -> Floats:
        marks, events = self.marks, self.mark_events
        # Lambdas: the products are made only when no window has asked for them yet.
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

    # Orientation --------------------------------------------------------------------------------------------

    @cached_property
    def orientation_rows(self) -> Orientation:
        """All known rows of ``orientation``, in the order in which the last one is the latest."""
        rows = self.known.arrays.orientation
        if rows is None:
            raise LookupError("orientation")  # Feature.values asks `has` first
        return rows

    def latest(self, event: str) -> tuple[Orientation, npt.NDArray[np.intp]]:
        """Rows of one event, and the position of each pupil's latest one in them (-1 = none)."""
        return self.once(("latest", event), lambda: self._latest(event))

    def _latest(self, event: str) -> tuple[Orientation, npt.NDArray[np.intp]]:
        rows = self.orientation_rows
        of_event = rows.take(rows.event == code_of("orientation", "event", event))
        position = np.full(self.pupils, -1, dtype=np.intp)
        position[of_event.pupil] = np.arange(len(of_event))
        return of_event, position


_in_use: WeakValueDictionary[int, Facts] = WeakValueDictionary()
"""The facts that somebody holds, by the identity of their records."""

_KINDS = ("absence", "lateness", "exclusion", "placement")


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where the whole is not positive."""
    return kernels.ratios(part, whole, 0.0)


def rate(absent: Floats, possible: Floats) -> Floats:
    """Absent over possible half-days, NaN under the minimum of possible half-days."""
    # Under a week of school, a single absence would make a rate like that of a long one.
    return kernels.ratios(absent, possible, MINIMUM_POSSIBLE_HALF_DAYS)


BLOCK_DAYS = 28
"""Days of a block: four weeks, so that each weekday counts as often."""

# 52 whole weeks: 365 days would set Mondays against Sundays.
SAME_WEEKDAY_LAST_YEAR = 364


def enrolled_days(facts: Facts, what: str, first: int, after: int) -> Floats:
    """Sum half-days, school days or half-days after holidays of [first, after) while enrolled, one value per pupil.

    Days outside the calendar count for nothing.
    """
    return facts.calendar_sum(what, facts.inside(first), facts.inside(after))


def enrolled_sum(facts: Facts, what: str, spans: Sequence[tuple[int, int]]) -> Floats:
    """Give :func:`enrolled_days` of several spans, shape (pupils, spans)."""
    rows = facts.known.arrays.enrolments
    lows, highs = (np.array([facts.inside(span[edge]) for span in spans], np.int64) for edge in (0, 1))
    return kernels.enrolled_blocks(
        calendar_sums(facts.known.calendar, what), facts.enrolment_starts, rows.start, rows.end, lows, highs,
        facts.known.calendar.first_day_number,
    )  # fmt: skip


def enrolled_sum_from(facts: Facts, what: str, lows: Ints, after: int) -> Floats:
    """Sum from a day of each pupil's own, included, to ``after``, left out, while enrolled."""
    rows, calendar = facts.known.arrays.enrolments, facts.known.calendar
    first = calendar.first_day_number
    return kernels.enrolled_from(
        calendar_sums(facts.known.calendar, what), facts.enrolment_starts, rows.start, rows.end,
        np.minimum(np.maximum(lows, first), first + calendar.values.size), facts.inside(after), first,
    )  # fmt: skip


def block_rates(facts: Facts) -> Floats:
    """Absence rate of each whole block of four weeks of the year, the latest first, shape (pupils, blocks)."""

    def computed() -> Floats:
        start, as_of = facts.known.year_start_day, facts.known.as_of_day
        # Counted back from the as-of date, so that the latest block is always whole.
        blocks = (as_of - start) // BLOCK_DAYS
        spans = [(as_of - BLOCK_DAYS * (k + 1), as_of - BLOCK_DAYS * k) for k in range(blocks)]
        events = facts.absence_events
        absent, away = kernels.absence_blocks(
            events.day, facts.absence_values("absent"), facts.absence_values("away"), events.bound(start),
            events.bound(as_of), as_of, BLOCK_DAYS, blocks,
        )  # fmt: skip
        return rate(absent, enrolled_sum(facts, "half-days", spans) - away)

    return facts.once("block rates", computed)


def attended_weeks(facts: Facts, window: Window) -> Floats:
    """Count the attendable weeks of a window."""
    return facts.once(
        ("attended weeks", window.name),
        lambda: facts.attendable_weeks(window).sum(axis=1).astype(np.float64),
    )


def absent_weeks_share(facts: Facts, window: Window) -> Floats:
    """Share of the attendable weeks of a window with at least one absent half-day; NaN without such a week."""
    absent = facts.weeks_with(facts.absence_events, facts.absence_values("absent"), window)
    return ratio(absent, attended_weeks(facts, window))


def a_week(facts: Facts, count: Floats, window: Window) -> Floats:
    """Count per attendable week of a window; NaN without such a week."""
    return ratio(count, attended_weeks(facts, window))


def attendance_order(facts: Facts) -> tuple[npt.NDArray[np.int32], Floats]:
    """Return a number for each counted row of absences, by its day, and the absent half-days that a run is made of.

    The number counts the school days up to that one, less those that the pupil could not attend: two attendable days
    follow each other when their numbers do. A day without an open enrolment keeps its number, and so breaks a run.
    What is noted on a day that could not be attended is no part of one.
    """

    def numbers() -> tuple[npt.NDArray[np.int32], Floats]:
        events, away_days = facts.absence_events, facts.barred_days
        # Days that do not count must not break a run: days are numbered by the school days up to them.
        school = calendar_sums(facts.known.calendar, "days")[1:].astype(np.int32)
        number = school[facts.calendar_position]
        count, is_barred = kernels.days_up_to(events.day, events.starts, away_days.day, away_days.starts)
        # Barred days are taken out of the numbering too, so that a placement neither counts nor breaks.
        return (number - count).astype(np.int32), np.where(is_barred, 0.0, facts.absence_values("absent"))

    return facts.once("attendance order", numbers)


def longest_absence_run(facts: Facts, window: Window) -> Floats:
    """Longest run of attendable days of a window with an absence each."""
    (first, after), events = window.span(facts.known), facts.absence_events
    return kernels.longest_run(*attendance_order(facts), events.bound(first), events.bound(after))


def current_absence_run(facts: Facts) -> Floats:
    """Run of attendable days with an absence each that lasts until the as-of date; NaN without an attendable day."""
    first, after = YEAR.span(facts.known)
    events, calendar = facts.absence_events, facts.known.calendar
    school = int(calendar_sums(calendar, "days")[after - calendar.first_day_number])
    away_days = facts.barred_days.bound(after) - facts.barred_days.starts[:-1]
    run = kernels.current_run(
        *attendance_order(facts),
        events.bound(first),
        events.bound(after),
        (school - away_days).astype(np.int64),
    )
    return np.where(facts.attendable_days(first, after) > 0, run, np.nan)


def attendable_months(facts: Facts) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Calendar months of the year up to the eve of the as-of date, since January 1970, and which hold an attendable day.

    Returns
    -------
    months : array of int64, shape (months,)
    attendable : array of bool, shape (pupils, months)
    """
    first, after = YEAR.span(facts.known)
    months, edges = months_and_edges(first, after)
    closures = facts.barred_days
    away_days = kernels.rows_between(closures.day, closures.starts, edges)
    days = enrolled_sum(facts, "days", tuple(pairwise(edges.tolist()))) - away_days
    return months, days > 0


def months_of(facts: Facts) -> npt.NDArray[np.int32]:
    """Calendar month of each counted row of absences, in months since January 1970."""

    def looked_up() -> npt.NDArray[np.int32]:
        days = facts.absence_events.day
        if not days.size:
            return np.zeros(0, dtype=np.int32)
        first = int(days.min())
        every = np.arange(first, int(days.max()) + 1).astype("datetime64[D]").astype("datetime64[M]")
        return every.astype(np.int32)[days - first]

    return facts.once("months", looked_up)


def last_year_span(facts: Facts) -> tuple[int, int]:
    """Find the same days of the school year before: from its 1 September, as many days as this year has had."""
    records = facts.known
    first = day_number(year_start(records.school_year - 1))
    return first, min(first + records.as_of_day - records.year_start_day, records.year_start_day)


def same_weeks_last_year(facts: Facts) -> tuple[int, int]:
    """Find the last 12 weeks, 52 weeks earlier, within the school year before."""
    records = facts.known
    first, after = (day - SAME_WEEKDAY_LAST_YEAR for day in LAST_12W.span(records))
    return max(first, day_number(year_start(records.school_year - 1))), min(after, records.year_start_day)


def since_4e_rate(facts: Facts) -> Floats:
    """Absence rate of the known school years before this one, from each pupil's first year in 4e or above."""
    return facts.once("since 4e rate", lambda: facts.absence_rate_of_years(facts.first_year_in(FROM_4E)))


def rate_of_year_at(facts: Facts, years: Ints, of_year: Callable[[int, int], Floats]) -> Floats:
    """Value of a past school year of each pupil's own: NaN where it is this year, later, or outside the calendar."""
    values = np.full(facts.pupils, np.nan)
    for year in range(facts.first_year, facts.known.school_year):
        at = years == year
        if at.any() and facts.known.calendar.covers_year(year):
            span = day_number(year_start(year)), day_number(year_start(year + 1))
            values = np.where(at, of_year(*span), values)
    return values


SUBJECT_COUNT = len(TABLES["grades"].column("subject").choices)

FALL = 2.0
"""Points on 20 that make a fall: about half a standard deviation of the marks of a subject between pupils."""


def subject_means(facts: Facts, window: Window) -> Floats:
    """Weighted mean per pupil and subject over a window, NaN where none, shape (pupils, subjects)."""

    def computed() -> Floats:
        marks, events = facts.marks, facts.mark_events
        first, after = window.span(facts.known)
        # A window before the trailing one may be empty, its end before its start, in September.
        low, high = events.bound(first), events.bound(max(first, after))
        return kernels.means_by_code(marks.subject, marks.mark, marks.coefficient, low, high, SUBJECT_COUNT)

    return facts.once(("subject means", window.name), computed)


def subject_falls(facts: Facts) -> Floats:
    """Subjects that fell between the start of the year and the last 12 weeks; worst fall against the others."""
    return facts.once(
        "subject falls",
        lambda: kernels.falls(subject_means(facts, LAST_12W), subject_means(facts, BEFORE_12W), FALL),
    )


def subject_changes(facts: Facts) -> Floats:
    """Mean of the last 12 weeks minus that of the start of the year, shape (pupils, subjects); NaN where one is not known."""
    changes: Floats = subject_means(facts, LAST_12W) - subject_means(facts, BEFORE_12W)
    return changes


_SUBJECT_LABELS = next(column for column in TABLES["grades"].columns if column.name == "subject").labels


def subject_names(
    chosen: npt.NDArray[np.bool_], columns: Sequence[int] | None = None
) -> npt.NDArray[np.object_]:
    """Name the school subjects of each pupil in French: "mathématiques et français"; empty for none.

    Parameters
    ----------
    chosen : bool array, shape (pupils, subjects)
        Which subjects.
    columns : sequence of int, optional
        Codes of the subjects; every code in its order when left out.
    """
    labels = list(_SUBJECT_LABELS.values())
    names = labels if columns is None else [labels[code] for code in columns]
    # Few sets of subjects occur among many pupils: each is named once.
    sets, of_pupil = np.unique(chosen @ (1 << np.arange(len(names))), return_inverse=True)
    texts = [
        french.join([name for place, name in enumerate(names) if subjects >> place & 1]) if subjects else ""
        for subjects in sets.tolist()
    ]
    named: npt.NDArray[np.object_] = np.array(texts, dtype=object)[of_pupil]
    return named


def missed_rows(facts: Facts) -> Floats:
    """1 for each row of grades that was missed (absent, not handed in), else 0."""

    def flags() -> Floats:
        status = facts.grade_rows.status
        absent, late = (code_of("grades", "status", name) for name in ("absent", "not_handed_in"))
        is_missed: npt.NDArray[np.bool_] = (status == absent) | (status == late)
        return is_missed.astype(np.float64)

    return facts.once("missed", flags)


def mark_count(facts: Facts, window: Window) -> Floats:
    """Count the marks of a window."""
    ones = facts.once("ones", lambda: np.ones(len(facts.marks)))
    return facts.mark_events.sum("count", ones, *window.span(facts.known))


def missed_count(facts: Facts, window: Window) -> Floats:
    """Count the missed work of a window."""
    return facts.grade_events.sum("missed", missed_rows(facts), *window.span(facts.known))


def missed_share(facts: Facts, window: Window) -> Floats:
    """Missed work over missed work and marks of a window, NaN without either."""
    misses = missed_count(facts, window)
    return ratio(misses, misses + mark_count(facts, window))


def period_average_change(facts: Facts) -> Floats:
    """Mean over subjects of the latest average of a period minus the one before it, in the year."""
    rows, events = facts.grade_rows, facts.grade_events
    first, after = YEAR.span(facts.known)
    is_average = (rows.kind == code_of("grades", "kind", "term_average")) & (
        rows.status == code_of("grades", "status", "graded")
    )
    return kernels.change_of_latest(
        rows.day, rows.subject, rows.mark, is_average, events.bound(first), events.bound(after), SUBJECT_COUNT
    )
