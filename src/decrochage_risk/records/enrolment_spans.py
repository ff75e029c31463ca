"""The days on which enrolments are open, and events held against days.

Found here: stays that overlap, transfers written on one day, rows outside every stay, half-days that their day cannot
hold. A row that was recorded later never sets aside what was known before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records import kernels, rules
from decrochage_risk.records.coded_columns import NO_DAY
from decrochage_risk.school_year import zone_of_school

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.encoded_tables import EventOrder, PupilCodes
    from decrochage_risk.records.faults import FaultGroup, Rule
    from decrochage_risk.school_year import SchoolCalendar


__all__ = ["Spans", "check_absence_days", "fault_at", "first_days_of_years", "of_other_zones"]

_SPAN = 2**20
"""More days than any two dates of the records lie apart, so that (pupil, day) fits one whole number."""


def fault_at(
    rule: Rule,
    column: str | None,
    rows: CodedTable,
    broken: npt.NDArray[np.bool_],
    *,
    expected: str | None = None,
    hint: str | None = None,
) -> Iterator[FaultGroup]:
    """Report the rows that break a rule, if any; a fault of whole rows shows their pupil and day."""
    positions = np.flatnonzero(broken)
    if not positions.size:
        return
    if column is None:
        # Only the faulty rows become a frame: the table may hold millions.
        some = rows.take(positions).frame()
        values = (some["pupil_id"] + " on " + some["date"].dt.strftime("%Y-%m-%d")).astype(object).to_numpy()
    else:
        values = rows.objects(column, positions)
    labels = rows.where(positions)
    # By the place in the file, whatever order the check worked in.
    order = np.argsort(labels, kind="stable")
    yield rule.fault(
        rows.table.name, column, rows=labels[order], values=values[order], expected=expected, hint=hint
    )


def first_days_of_years(school_years: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Day number of 1 September of each school year; 0 where it is missing."""
    # Any year stands in for a missing one: its day is replaced below.
    years = np.where(np.isnan(school_years), 1969, school_years).astype(np.int64)
    # 8 months after January: 1 September.
    months = (years - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 8
    days = months.astype("datetime64[D]").astype(np.int64)
    return np.where(np.isnan(school_years), 0, days)


@dataclass(frozen=True, slots=True)
class Spans:
    """The days on which enrolments are open, sorted by pupil, start, end, school and level.

    Attributes
    ----------
    rows : (n,) int array
        Positions in the enrolments; rows without a known pupil or start, or open on no day, are left out.
    pupil, start, end : (n,) int array
        Code of the pupil, first and last day.
    pupils : int
        How many pupils there are.
    """

    rows: npt.NDArray[np.intp]
    pupil: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    pupils: int

    @classmethod
    def of(cls, enrolments: CodedTable, pupils: PupilCodes) -> Spans:
        """Sort the spans; without ``end_date`` an enrolment is open until 31 August of its school year."""
        start, end, years = enrolments["start_date"], enrolments["end_date"], enrolments["school_year"]
        open_ended = (end == NO_DAY) & ~np.isnan(years)
        if open_ended.any():
            end = np.where(open_ended, first_days_of_years(years + 1) - 1, end).astype(np.int32)
        # Stays that end before they start are reported by another rule, and are open on no day.
        rows = np.flatnonzero(pupils.known & (start != NO_DAY) & (end >= start))
        # lexsort sorts by its last key first: pupil, start, end, school, level.
        keys = (
            enrolments["level"][rows], enrolments["school_id"].ranks()[rows], end[rows], start[rows], pupils.codes[rows],
        )  # fmt: skip
        rows = rows[np.lexsort(keys)]
        return cls(rows, pupils.codes[rows], start[rows], end[rows], pupils.pupils)

    def overlapping(self) -> npt.NDArray[np.intp]:
        """Find the enrolments to leave out so that no two of a pupil share a day, the earliest kept.

        Each round leaves out the first overlapping span of every pupil, so that a span is not blamed for sharing
        a day with one that is left out itself.
        """
        starts, ends = (self.pupil.astype(np.int64) * _SPAN + day for day in (self.start, self.end))
        left = np.arange(len(self.rows))
        out: list[npt.NDArray[np.intp]] = []
        while True:
            late = np.flatnonzero(_overlaps(starts[left], ends[left]))
            if not late.size:
                return np.asarray(self.rows[np.concatenate([*out, late])])
            # One stay per pupil and round: leaving one out may free those after it.
            _, first = np.unique(starts[left[late]] // _SPAN, return_index=True)
            out.append(left[late[first]])
            left = np.delete(left, late[first])

    def transfers(self, overlapping: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Find the enrolments that start on the last day of the one before, as SIECLE writes a transfer.

        Parameters
        ----------
        overlapping : array of bool
            Enrolments left out, by their positions.
        """
        left = np.flatnonzero(~overlapping[self.rows])
        pupil, start, end = self.pupil[left], self.start[left], self.end[left]
        same_day = np.zeros(left.size, dtype=np.bool_)
        # Neighbours only: without overlaps, the stay before a transfer is the one that sorts just before it.
        same_day[1:] = (pupil[1:] == pupil[:-1]) & (start[1:] == end[:-1])
        return np.asarray(self.rows[left[same_day]])

    def leave_out(self, pupils: PupilCodes, days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Rows of known pupils whose day lies in no span of theirs."""
        first = np.searchsorted(self.pupil, np.arange(self.pupils + 1))
        return kernels.outside_spans(pupils.codes, days, NO_DAY, first, self.start, self.end)


def _overlaps(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which spans, in order, share days with an earlier one; the last day of a stay that began before may be shared."""
    # The latest end so far, not the neighbour's: a long stay may cover several later ones.
    before = np.append([-1], np.maximum.accumulate(ends)[:-1])[: len(ends)]
    begun_before = np.append([True], starts[1:] > starts[:-1])[: len(starts)]
    return np.asarray((starts < before) | ((starts == before) & ~begun_before))


# Half-days of a full day (DESIGN.md, section 3): more than that is counted twice.
_A_DAY = 2
# More than any day can hold, so that one array says both.
_UNKNOWN = 3
_EPOCH = date(1970, 1, 1)


def check_absence_days(
    absences: CodedTable, pupils: PupilCodes, order: EventOrder, calendar: SchoolCalendar
) -> Iterator[FaultGroup]:
    """Find absences that their day cannot hold.

    Parameters
    ----------
    absences : CodedTable
        The table.
    pupils : PupilCodes
        Whose each row is.
    order : EventOrder
        Its rows in order.
    calendar : SchoolCalendar
        Half-days of school per day.

    Yields
    ------
    FaultGroup
        More than 2 half-days of absence, exclusion and placement of one pupil on one day; days without school, days
        shorter than what was missed, days that the calendar does not know. Of a day that holds too much, the rows with
        which it came to do so, never the ones recorded before them: a row recorded later tells nothing of what was known.
    """
    days = absences["date"]
    lateness = absences.table.column("kind").choices.index("lateness")
    day, kind, half_days = (order.columns[name] for name in ("date", "kind", "half_days"))
    total = kernels.half_days_of_the_day(
        order.rows, order.starts, pupils.pupils, day, NO_DAY, kind, lateness, half_days
    )
    possible = _half_days_held(days, calendar)
    full = np.flatnonzero((total > _A_DAY) | ((possible > 0) & (total > possible)))
    if full.size and absences.given("recorded_on").any():
        total = total.astype(np.int64)
        total[full] = _half_days_by_then(absences.take(full), pupils.codes[full])
    yield from fault_at(rules.TOO_MANY_HALF_DAYS, "half_days", absences, total > _A_DAY)
    # A warning only, as real extracts are full of them; such a row counts for nothing in the features.
    yield from fault_at(rules.NO_SCHOOL_DAY, "date", absences, possible == 0)
    beyond = (possible > 0) & (possible < _UNKNOWN) & (total > possible) & (total <= _A_DAY)
    yield from fault_at(rules.BEYOND_THE_DAY, "half_days", absences, beyond)
    first, last = (
        _EPOCH + timedelta(days=int(calendar.first_day_number) + more)
        for more in (0, len(calendar.values) - 1)
    )
    yield from fault_at(
        rules.OUTSIDE_CALENDAR,
        "date",
        absences,
        (possible == _UNKNOWN) & (days != NO_DAY),
        expected=rules.OUTSIDE_CALENDAR.expected.format(first=first, last=last),
    )


def _half_days_held(days: npt.NDArray[np.int32], calendar: SchoolCalendar) -> npt.NDArray[np.int8]:
    """Half-days of school of each day, ``_UNKNOWN`` for a day that the calendar does not hold."""
    # One place more, which every day outside the calendar reads.
    values = np.append(calendar.values, np.int8(_UNKNOWN))
    outside = len(values) - 1
    since_first = days - np.int64(calendar.first_day_number)
    return values[np.where((since_first >= 0) & (since_first < outside), since_first, outside)]


def _half_days_by_then(absences: CodedTable, pupil: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Half-days of the pupil and day of each row, over the rows known no later than it."""
    days = absences["date"]
    # A row without recorded_on (the smallest number) is known from its day on.
    known_on = np.maximum(days, absences["recorded_on"])
    by = pd.MultiIndex.from_arrays([pupil, days, known_on], names=["pupil", "day", "known"])
    half_days = pd.Series(absences["half_days"].astype(np.int64), index=by)
    each = half_days.groupby(level=[0, 1, 2]).sum()
    return each.groupby(level=[0, 1]).cumsum().loc[by].to_numpy(dtype=np.int64)


def of_other_zones(enrolments: CodedTable, calendar: SchoolCalendar) -> npt.NDArray[np.bool_]:
    """One enrolment, the first to start, of each school whose place has other holidays than the calendar of a zone."""
    # A calendar of the school's own says nothing about zones: whoever gave it knows where the school is.
    zone = calendar.official_zone
    ids = enrolments["school_id"]
    if zone is None:
        return np.zeros(len(enrolments), dtype=np.bool_)
    elsewhere = np.array([zone_of_school(word) not in {None, zone} for word in ids.words], dtype=np.bool_)
    rows = np.flatnonzero(ids.translate(elsewhere, missing=False))
    # One row says it for the whole school; the earliest, so that no later one takes its place.
    rows = rows[np.argsort(enrolments["start_date"][rows], kind="stable")]
    _, first = np.unique(ids.codes[rows], return_index=True)
    one_each = np.zeros(len(enrolments), dtype=np.bool_)
    one_each[rows[first]] = True
    return one_each
