"""The facts of one pupil over time, from the rows that the features count: what the drawings show.

The same counted rows (enrolled, a day with school, never more half-days than the day holds, motives settled by then) and the
same weighted means as the features, so that a drawing can never say another number than a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.features.event_windows import Facts, starts_of
from decrochage_risk.records.levels import LEVEL_BY_NAME, LEVELS
from decrochage_risk.records.table_schemas import TABLES, code_of
from decrochage_risk.records.transmission import SENT
from decrochage_risk.school_year import day_number, school_year_of, year_start
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.records.transmission import Silence

__all__ = ["Marks", "Month", "PathYear", "Presence", "PupilFacts", "SchoolDay", "SubjectMarks"]

PRESENT, UNJUSTIFIED, JUSTIFIED, EXCLUSION, PLACEMENT, NOT_SENT, ELSEWHERE = "pujxs?-"
"""What a half-day was: at school, absent without or with a motive, excluded, at work, not known, not enrolled."""

LEGAL, HEAVY = 4, 10
"""Unjustified half-days in a month from which a dialogue (R131-7), then a referent (circ. 2014-159) are due."""


@cache
def _words(table: str, column: str) -> dict[str, str]:
    """Values of a column with the words that a school reads."""
    return dict(next(one for one in TABLES[table].columns if one.name == column).labels)


@dataclass(frozen=True, slots=True)
class SchoolDay:
    """A day with school: what each of its half-days was."""

    day: date
    half_days: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the school year, as far as it is over.

    Attributes
    ----------
    first : date
        Its first day.
    unjustified, justified, exclusion, placement, possible : int or None
        Half-days; None where absences were not sent for the whole of it. The unjustified ones that are known are given all
        the same where they reach the threshold of the law.
    is_whole : bool
        Whether absences were sent for the whole of it.
    """

    first: date
    unjustified: int | None
    justified: int | None
    exclusion: int | None
    placement: int | None
    possible: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Presence:
    """The half-days of this school year.

    Attributes
    ----------
    days : tuple of SchoolDay
    months : tuple of Month
    """

    days: tuple[SchoolDay, ...]
    months: tuple[Month, ...]

    @property
    def unjustified(self) -> int:
        """Unjustified half-days since the start of the year, where known."""
        return sum(month.unjustified or 0 for month in self.months)


@dataclass(frozen=True, slots=True)
class SubjectMarks:
    """The marks of one subject this school year, all on 20.

    Attributes
    ----------
    label : str
    days, marks : tuple
        One each per mark.
    missed : tuple of date
        Assessments not done, or work not handed in: never a 0.
    mean, last_year, of_class : float or None
        Weighted means: this year's, the pupil's of the year before, and that of the class where it is known.
    """

    label: str
    days: tuple[date, ...]
    marks: tuple[float, ...]
    missed: tuple[date, ...]
    mean: float | None
    last_year: float | None
    of_class: float | None


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of this school year: subjects by number of marks, and the mean of all."""

    subjects: tuple[SubjectMarks, ...]
    mean: float | None


@dataclass(frozen=True, slots=True)
class PathYear:
    """One school year of a pupil: where, and what is known of the orientation."""

    school_year: int
    places: tuple[str, ...]
    events: tuple[str, ...]


class PupilFacts:
    """The facts of the pupils of a run, one pupil at a time.

    Parameters
    ----------
    known : KnownRecords
        What was known on the day.
    records : PupilRecords
        For the reference values of classes (``context``), if there are any.
    silence : Silence
        Whose schools did not send a table, or stopped: what was not sent is drawn as that, never as presence.
    """

    def __init__(self, known: KnownRecords, records: PupilRecords, silence: Silence) -> None:
        self._known = known
        self._silence = silence
        self._facts = Facts(known)
        self._context = records.context
        self._starts: dict[str, npt.NDArray[np.int64]] = {}

    @cached_property
    def _months(self) -> list[tuple[date, int, int]]:
        """First day, first and last day number (left out) of each month of the year until the day of the run."""
        months, first = [], year_start(self._known.school_year)
        while day_number(first) < self._known.as_of_day:
            # 32 days on from any first of a month lie in the next one.
            after = (first + timedelta(days=32)).replace(day=1)
            months.append((first, day_number(first), min(day_number(after), self._known.as_of_day)))
            first = after
        return months

    @cached_property
    def _not_sent(self) -> npt.NDArray[np.bool_]:
        """Which months (column) of which pupils (row) have days whose absences were not sent."""
        pupils = self._known.pupil_count
        return np.stack(
            [
                self._known.not_covered("absences", first, after)
                | self._silence.not_sent("absences", after, pupils)
                for _, first, after in self._months
            ],
            axis=1,
        )

    @cached_property
    def _sent_until(self) -> npt.NDArray[np.int64]:
        """Day of the last row of absences of the school of each pupil, where it sent none or stopped."""
        return self._silence.last_days.get("absences", np.full(self._known.pupil_count, SENT, dtype=np.int64))

    @cached_property
    def _calendar(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """Days of the year until the day of the run that have school, and their half-days."""
        days = np.arange(self._known.year_start_day, self._known.as_of_day, dtype=np.int32)
        half_days = self._known.calendar.half_days_zero_outside(days)
        return days[half_days > 0], half_days[half_days > 0]

    def presence(self, row: int) -> Presence | None:
        """Give the half-days of a pupil this year; None when absences are not in the extract at all."""
        if not self._facts.has("absences"):
            return None
        signs = self._absence_signs(row)
        if bool(self._not_sent[row].all()) and not signs:
            return None
        days, holds = self._calendar
        is_enrolled = self._enrolled_days(row, days)
        sent_until = int(self._sent_until[row])
        school_days, signs_of_months = [], [""] * len(self._months)
        for day, hold, is_open, month in zip(
            days.tolist(), holds.tolist(), is_enrolled.tolist(), self._month_of.tolist(), strict=True
        ):
            if not is_open:
                text = ELSEWHERE * hold
            else:
                # A month of which days are not covered is not drawn as presence; one that a school stopped in is, until then.
                is_unsent = self._not_sent[row, month] and (day > sent_until or sent_until == SENT)
                # Never more signs than half-days: what leaves no room for the others comes first.
                text = (signs.get(day, "") + (NOT_SENT if is_unsent else PRESENT) * hold)[:hold]
            school_days.append(SchoolDay(date_of_number(day), text))
            signs_of_months[month] += text
        return Presence(
            tuple(school_days),
            tuple(self._month(row, number, signs) for number, signs in enumerate(signs_of_months)),
        )

    @cached_property
    def _month_of(self) -> npt.NDArray[np.intp]:
        """Position of the month of each day of the year that has school."""
        return np.searchsorted([first for _, first, _ in self._months], self._calendar[0], side="right") - 1

    def _month(self, row: int, number: int, signs: str) -> Month:
        first = self._months[number][0]
        possible = len(signs.replace(ELSEWHERE, ""))
        if self._not_sent[row, number]:
            count = signs.count(UNJUSTIFIED)
            return Month(first, count if count >= LEGAL else None, None, None, None, possible, is_whole=False)
        return Month(
            first,
            unjustified=signs.count(UNJUSTIFIED),
            justified=signs.count(JUSTIFIED),
            exclusion=signs.count(EXCLUSION),
            placement=signs.count(PLACEMENT),
            possible=possible,
        )

    def _enrolled_days(self, row: int, days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        rows = self._known.arrays.enrolments
        first, after = self._span("enrolments", row)
        is_open = np.zeros(len(days), dtype=np.bool_)
        for start, end in zip(rows.start[first:after], rows.end[first:after], strict=True):
            is_open |= (days >= start) & (days <= end)
        return is_open

    def _absence_signs(self, row: int) -> dict[int, str]:
        """Signs of each day number: exclusion and placement first, as they leave no room for an absence."""
        rows = self._facts.absence_rows
        first, after = self._span("absences", row)
        kinds = list(_words("absences", "kind"))
        signs_of_day: dict[int, list[str]] = {}
        for place in range(first, after):
            day = int(rows.day[place])
            if day < self._known.year_start_day:
                continue
            kind, half_days = kinds[int(rows.kind[place])], int(rows.half_days[place])
            if kind != "lateness":
                is_justified = bool(rows.justified[place])
                absence = JUSTIFIED if is_justified else UNJUSTIFIED
                sign = {"exclusion": EXCLUSION, "placement": PLACEMENT}.get(kind, absence)
                signs_of_day.setdefault(day, []).append(sign * half_days)
        # The order in which the features take half-days off: away first, then absences.
        order = {EXCLUSION: 0, PLACEMENT: 1, UNJUSTIFIED: 2, JUSTIFIED: 3}
        return {
            day: "".join(sorted("".join(parts), key=order.__getitem__)) for day, parts in signs_of_day.items()
        }

    # Marks --------------------------------------------------------------------------------------------------

    def marks(self, row: int, school_id: str | None, class_id: str | None) -> Marks | None:
        """Give the marks of a pupil this year; None when they are not in the extract, or not sent for this pupil."""
        start, today = self._known.year_start_day, self._known.as_of_day
        if not self._facts.has("grades") or self._facts.not_covered("grades", start, today)[row]:
            return None
        before = day_number(year_start(self._known.school_year - 1))
        means = self._facts.subject_means(start, today)[row].tolist()
        past = self._facts.subject_means(before, start)[row].tolist()
        subjects = []
        marks_by_code, undone_by_code = (
            self._marks_by_subject(row, start),
            self._missed_by_subject(row, start),
        )
        words = list(_words("grades", "subject").items())
        for code in sorted({*marks_by_code, *undone_by_code}):
            name, label = words[code]
            days, values = marks_by_code.get(code, ([], []))
            subjects.append(
                SubjectMarks(
                    label=label[0].upper() + label[1:],
                    days=tuple(days),
                    marks=tuple(values),
                    missed=tuple(undone_by_code.get(code, ())),
                    mean=_or_none(means[code]),
                    last_year=_or_none(past[code]),
                    of_class=self._class_mean(school_id, class_id, name),
                )
            )
        # Most marks first: a screen shows the first rows of panels.
        subjects.sort(key=lambda one: (-len(one.marks), one.label))
        return Marks(tuple(subjects), _or_none(self._mean_marks[row]))

    @cached_property
    def _mean_marks(self) -> npt.NDArray[np.float64]:
        """Mean of this year's marks of every pupil."""
        return self._facts.mean_mark(self._known.year_start_day, self._known.as_of_day)

    def _marks_by_subject(self, row: int, start: int) -> dict[int, tuple[list[date], list[float]]]:
        """Days and marks of this year by code of the subject."""
        rows = self._facts.marks
        first, after = self._span("marks", row)
        marks_by_code: dict[int, tuple[list[date], list[float]]] = {}
        for day, subject, mark in zip(
            rows.day[first:after].tolist(),
            rows.subject[first:after].tolist(),
            rows.mark[first:after].tolist(),
            strict=True,
        ):
            if day >= start:
                days, marks = marks_by_code.setdefault(subject, ([], []))
                days.append(date_of_number(day))
                marks.append(mark)
        return marks_by_code

    def _missed_by_subject(self, row: int, start: int) -> dict[int, list[date]]:
        """Days of the assessments of this year that were not done, by code of the subject."""
        rows = self._facts.grade_rows
        first, after = self._span("grades", row)
        days_by_code: dict[int, list[date]] = {}
        for day, subject, status, kind in zip(
            rows.day[first:after].tolist(), rows.subject[first:after].tolist(),
            rows.status[first:after].tolist(), rows.kind[first:after].tolist(), strict=True,
        ):  # fmt: skip
            if day >= start and status in self._missing and kind == self._assessment:
                days_by_code.setdefault(subject, []).append(date_of_number(day))
        return days_by_code

    @cached_property
    def _missing(self) -> set[int]:
        return {code_of("grades", "status", status) for status in ("absent", "not_handed_in")}

    @cached_property
    def _assessment(self) -> int:
        return code_of("grades", "kind", "assessment")

    def _span(self, table: str, row: int) -> tuple[int, int]:
        """First and last place (left out) of the rows of a pupil."""
        if table not in self._starts:
            rows: Any = self._known.arrays.enrolments if table == "enrolments" else self._events_of(table)
            self._starts[table] = starts_of(rows.pupil, self._known.pupil_count)
        return int(self._starts[table][row]), int(self._starts[table][row + 1])

    def _events_of(self, table: str) -> Any:  # noqa: ANN401 - rows of one of three kinds
        if table == "absences":
            return self._facts.absence_rows
        return self._facts.marks if table == "marks" else self._facts.grade_rows

    def _class_mean(self, school_id: str | None, class_id: str | None, subject: str) -> float | None:
        if school_id is None or class_id is None:
            return None
        return self._class_means.get((school_id, class_id, subject))

    @cached_property
    def _class_means(self) -> dict[tuple[str, str, str], float]:
        """Latest mean of this year by school, class and subject."""
        rows = self._context
        if rows is None:
            return {}
        means = rows[
            (rows["measure"] == "mean_grade_year")
            & (rows["as_of"] >= pd.Timestamp(year_start(self._known.school_year)))
            & (rows["as_of"] <= pd.Timestamp(self._known.as_of))
        ].sort_values("as_of", kind="stable")
        keys = zip(means["school_id"], means["class_id"], means["subject"], strict=True)
        # The latest of a key comes last, and stays.
        return {key: float(value) for key, value in zip(keys, means["value"], strict=True)}

    # Path ---------------------------------------------------------------------------------------------------

    def path(self, row: int) -> tuple[PathYear, ...]:
        """Give the school years of a pupil, as far as the records reach back."""
        enrolments = self._known.arrays.enrolments
        first, after = self._span("enrolments", row)
        schools = self._known.arrays.school_ids
        places: dict[int, list[str]] = {}
        levels: dict[int, int] = {}
        for place in range(first, after):
            year, level = int(enrolments.school_year[place]), int(enrolments.level[place])
            words = f"{LEVELS[level].label}, {schools[int(enrolments.school[place])]}"
            if words not in places.setdefault(year, []):
                places[year].append(words)
            levels[year] = level
        events = self._events(row)
        school_years = []
        for year in sorted({*places, *events}):
            steps = list(events.get(year, ()))
            if year in levels and levels.get(year - 1) == levels[year]:
                steps.insert(0, "seconde année dans ce niveau")
            school_years.append(PathYear(year, tuple(places.get(year, ())), tuple(steps)))
        return tuple(school_years)

    def _events(self, row: int) -> dict[int, list[str]]:
        if not self._facts.has("orientation"):
            return {}
        rows = self._orientation.get(str(self._known.pupil_ids[row]), [])
        words_by_year: dict[int, list[str]] = {}
        for day, event, rank, target, is_granted in rows:
            year = school_year_of(day)
            words = _event_words(event, rank, target, is_granted)
            # An extract may hold a step twice; it is told once.
            if words not in words_by_year.setdefault(year, []):
                words_by_year[year].append(words)
        return words_by_year

    @cached_property
    def _orientation(self) -> dict[str, list[tuple[date, str, int | None, str | None, bool | None]]]:
        """Events of each pupil in the order of their days, wishes by rank; None for what is missing."""
        frame = self._known.orientation
        if frame is None:
            return {}
        events = frame.sort_values(["pupil_id", "date", "event", "rank"], kind="stable")
        cells = [
            events[name].astype(object).where(events[name].notna(), None).tolist()
            for name in ("pupil_id", "date", "event", "rank", "target", "granted")
        ]
        events_by_pupil: dict[str, list[tuple[date, str, int | None, str | None, bool | None]]] = {}
        for pupil, day, event, rank, target, is_granted in zip(*cells, strict=True):
            row = (day.date(), str(event), None if rank is None else int(rank), target, is_granted)
            events_by_pupil.setdefault(str(pupil), []).append(row)
        return events_by_pupil


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _event_words(event: str, rank: int | None, target: str | None, is_granted: bool | None) -> str:  # noqa: FBT001 - a cell
    """Tell one step of the orientation, as its row says it and no more."""
    aim = LEVEL_BY_NAME[target].label if target is not None and target in LEVEL_BY_NAME else target
    words = _words("orientation", "event")[event] + ("" if aim is None else f" : {aim}")
    if event == "wish" and rank is not None:
        words += f" (rang {rank})"
    if event == "council_decision" and is_granted is not None:
        words += " (vœu suivi)" if is_granted else " (vœu non suivi)"
    if event == "assignment":
        words += " (aucun vœu obtenu)" if rank is None else f" (vœu de rang {rank})"
    return words
