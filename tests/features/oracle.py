"""The 28 contract features, recomputed slowly from the pages that define them, without the package.

Plain Python over dicts and dates, one pupil, one definition, one row at a time; sums are exact fractions. It shares
no line with the library, so that an equal value is evidence. Where the definitions leave a choice, the choice is
written at the function that makes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from oracle_rows import (
    ABSENCE_FEATURES,
    CORE_SUBJECTS,
    FOURTH,
    FOURTH_OR_ABOVE,
    GRADE_FEATURES,
    LOW_MARK,
    LYCEE,
    MIN_POSSIBLE,
    MONTH_THRESHOLD,
    NAN,
    NORMAL_AGE,
    ORIENTATION_FEATURES,
    THIRD,
    Row,
    Tables,
    as_float,
    days,
    difference,
    is_enrolled,
    is_known,
    is_unjustified,
    known_enrolments,
    latest,
    longest_run,
    mark_of,
    school_year_of,
    weighted_mean,
    year_start,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence


@dataclass(frozen=True)
class PupilView:
    """What is known of one pupil on the morning of ``as_of``, and the definitions over it."""

    birth_date: date | None
    enrolments: list[Row]
    absences: list[Row]
    grades: list[Row]
    orientation: list[Row]
    as_of: date
    half_days: Callable[[date], int]
    known_years: Collection[int]

    @property
    def year(self) -> int:
        """School year of ``as_of``."""
        return school_year_of(self.as_of)

    @property
    def start(self) -> date:
        """First day of the school year of ``as_of``."""
        return year_start(self.year)

    def back(self, n: int) -> date:
        """Return the first day of a trailing window, which never crosses the summer."""
        return max(self.start, self.as_of - timedelta(n))

    def counted(self, start: date, end: date) -> list[tuple[Row, int]]:
        """Pair the rows that count in ``[start, end)`` with their half-days, each row capped by its school day.

        A row counts while enrolled and on a day with school, lateness included.
        """
        pairs = []
        for row in self.absences:
            if start <= row["date"] < end and is_enrolled(self.enrolments, row["date"]):
                held = self.half_days(row["date"])
                if held > 0:
                    pairs.append((row, min(row["half_days"], held)))
        return pairs

    def total(self, kinds: Collection[str], start: date, end: date) -> int:
        """Sum the counted half-days of some kinds."""
        return sum(n for row, n in self.counted(start, end) if row["kind"] in kinds)

    def unjustified(self, start: date, end: date) -> list[tuple[Row, int]]:
        """Keep the counted absences that are unjustified."""
        counted = self.counted(start, end)
        return [
            (row, n) for row, n in counted if row["kind"] == "absence" and is_unjustified(row, self.as_of)
        ]

    def school_days(self, start: date, end: date) -> list[date]:
        """List the days of a window with at least one school half-day."""
        return [day for day in days(start, end) if self.half_days(day) > 0]

    def enrolled_school_days(self, start: date, end: date) -> list[date]:
        """List the school days of a window on which the pupil is enrolled."""
        return [day for day in self.school_days(start, end) if is_enrolled(self.enrolments, day)]

    def attendable_days(self, start: date, end: date) -> list[date]:
        """List the enrolled school days of a window that exclusions and placements do not take up whole."""
        away: dict[date, int] = {}
        for row, n in self.counted(start, end):
            if row["kind"] in ("exclusion", "placement"):
                away[row["date"]] = away.get(row["date"], 0) + n
        return [d for d in self.enrolled_school_days(start, end) if self.half_days(d) > away.get(d, 0)]

    def attendable_weeks(self, start: date, end: date) -> set[tuple[int, int]]:
        """Return the ISO weeks of a window with an attendable day."""
        return {day.isocalendar()[:2] for day in self.attendable_days(start, end)}

    def run_days(self, start: date, end: date) -> list[date]:
        """List the school days that a run is made of or broken by: attendable ones, and those without an enrolment."""
        attendable = set(self.attendable_days(start, end))
        return [
            day
            for day in self.school_days(start, end)
            if day in attendable or not is_enrolled(self.enrolments, day)
        ]

    def possible(self, start: date, end: date) -> int:
        """Count the possible half-days: school while enrolled, less exclusions and placements (capped alike)."""
        held = sum(self.half_days(day) for day in self.enrolled_school_days(start, end))
        return held - self.total(("exclusion", "placement"), start, end)

    def rate(self, windows: Sequence[tuple[date, date]]) -> Fraction | None:
        """Return absent over possible half-days over some windows together, None under 8 possible half-days."""
        possible = sum(self.possible(start, end) for start, end in windows)
        absent = sum(self.total(("absence",), start, end) for start, end in windows)
        return Fraction(absent, possible) if possible >= MIN_POSSIBLE else None

    @cached_property
    def marks(self) -> list[Row]:
        """All marks: in a school year with a graded assessment, its term averages are left out."""
        graded = [row for row in self.grades if row["status"] == "graded"]
        assessed = {school_year_of(row["date"]) for row in graded if row["kind"] == "assessment"}
        return [r for r in graded if r["kind"] == "assessment" or school_year_of(r["date"]) not in assessed]

    def marks_in(self, start: date, end: date) -> list[Row]:
        """List the marks of a window."""
        return [row for row in self.marks if start <= row["date"] < end]

    def marks_of_year(self, school_year: int) -> list[Row]:
        """List the marks of a school year."""
        return self.marks_in(year_start(school_year), year_start(school_year + 1))

    def subject_means(self, start: date | None = None, end: date | None = None) -> dict[str, Fraction]:
        """Return the weighted means of the school year, or of a window, by subject, those that have one."""
        marks = self.marks_in(start or self.start, end or self.as_of)
        means = {
            subject: weighted_mean([row for row in marks if row["subject"] == subject])
            for subject in {row["subject"] for row in marks}
        }
        return {subject: mean for subject, mean in means.items() if mean is not None}

    def level_by_year(self) -> dict[int, str]:
        """Return the level of each school year: that of its latest known enrolment."""
        return {row["school_year"]: row["level"] for row in self.enrolments}

    def first_year(self, levels: Collection[str]) -> int | None:
        """Return the first school year at one of some levels."""
        return min((year for year, level in self.level_by_year().items() if level in levels), default=None)


def absence_features(pupil: PupilView) -> dict[str, float]:
    """Return the features of the absences table."""
    four, twelve, start, end = pupil.back(28), pupil.back(84), pupil.start, pupil.as_of
    before = (start, end - timedelta(28))
    rate_4w = pupil.rate([(four, end)])
    rate_before = pupil.rate([before]) if before[0] < before[1] else None
    months: dict[int, int] = {}
    for row, n in pupil.unjustified(start, end):
        months[row["date"].month] = months.get(row["date"].month, 0) + n
    absent_days = {row["date"] for row, n in pupil.counted(start, end) if row["kind"] == "absence" and n > 0}
    open_weeks = pupil.attendable_weeks(twelve, end)
    absent_weeks = open_weeks & {day.isocalendar()[:2] for day in absent_days if day >= twelve}
    since = pupil.first_year(FOURTH_OR_ABOVE)
    years = [y for y in range(pupil.year if since is None else since, pupil.year) if y in pupil.known_years]
    return {
        "unjustified_half_days_4w": sum(n for _, n in pupil.unjustified(four, end)),
        "unjustified_half_days_12w": sum(n for _, n in pupil.unjustified(twelve, end)),
        "unjustified_half_days_year": sum(n for _, n in pupil.unjustified(start, end)),
        "absence_rate_4w": as_float(rate_4w),
        "absence_rate_year": as_float(pupil.rate([(start, end)])),
        "absence_rate_change": difference(rate_4w, rate_before),
        "months_over_threshold_year": sum(n >= MONTH_THRESHOLD for n in months.values()),
        "absent_weeks_share_12w": len(absent_weeks) / len(open_weeks) if open_weeks else NAN,
        "longest_absence_run_year": longest_run(day in absent_days for day in pupil.run_days(start, end)),
        "lateness_12w": sum(row["kind"] == "lateness" for row, _ in pupil.counted(twelve, end)),
        "exclusion_half_days_year": pupil.total(("exclusion",), start, end),
        "absence_rate_since_4e": as_float(pupil.rate([(year_start(y), year_start(y + 1)) for y in years])),
    }


def grade_features(pupil: PupilView) -> dict[str, float]:
    """Return the features of the grades table."""
    twelve, start, end = pupil.back(84), pupil.start, pupil.as_of
    recent = pupil.marks_in(twelve, end)
    year_mean = weighted_mean(pupil.marks_in(start, end))
    means = pupil.subject_means()
    core = [mean for subject, mean in means.items() if subject in CORE_SUBJECTS]
    centre = sum(means.values(), Fraction(0)) / len(means) if means else Fraction(0)
    variance = sum(((mean - centre) ** 2 for mean in means.values()), Fraction(0)) / max(len(means), 1)
    fourth = pupil.first_year(FOURTH)
    marks_fourth = [] if fourth is None or fourth == pupil.year else pupil.marks_of_year(fourth)
    missed = [
        r for r in pupil.grades if twelve <= r["date"] < end and r["status"] in ("absent", "not_handed_in")
    ]
    return {
        "mean_grade_12w": as_float(weighted_mean(recent)),
        "mean_grade_year": as_float(year_mean),
        "grade_change_term": difference(
            weighted_mean(recent), weighted_mean(pupil.marks_in(start, end - timedelta(84)))
        ),
        "grade_change_last_year": difference(year_mean, weighted_mean(pupil.marks_of_year(pupil.year - 1))),
        "lowest_core_grade_year": as_float(min(core, default=None)),
        "low_marks_share_12w": sum(mark_of(r) < LOW_MARK for r in recent) / len(recent) if recent else NAN,
        "subject_spread_year": math.sqrt(variance) if len(means) > 1 else NAN,
        "missed_assessments_12w": len(missed),
        "grade_change_since_4e": difference(year_mean, weighted_mean(marks_fourth)),
    }


def orientation_features(pupil: PupilView) -> dict[str, float]:
    """Return the features of the orientation table."""
    assignment = latest(pupil.orientation, "assignment")
    rank = None if assignment is None else assignment.get("rank")
    council = latest(pupil.orientation, "council_decision")
    granted = None if council is None else council.get("granted")
    changes = [r for r in pupil.orientation if r["event"] == "track_change" and r["date"] >= pupil.start]
    return {
        "track_changes_year": len(changes),
        "assigned_wish_rank": NAN if rank is None else rank,
        "first_wish_refused": NAN if assignment is None else float(rank != 1),
        "council_against_wish": NAN if granted is None else float(not granted),
    }


def path_features(pupil: PupilView) -> dict[str, float]:
    """Return the features of the pupils and enrolments tables."""
    by_year = pupil.level_by_year()
    changes = 0
    for earlier, later in zip(pupil.enrolments, pupil.enrolments[1:], strict=False):
        to_lycee = earlier["level"] in THIRD and later["level"] in LYCEE
        moved = earlier["school_id"] != later["school_id"]
        changes += moved and not to_lycee and later["start_date"] >= year_start(pupil.year - 2)
    behind = NAN
    if pupil.birth_date is not None and pupil.enrolments:
        behind = pupil.year - pupil.birth_date.year - NORMAL_AGE[pupil.enrolments[-1]["level"]]
    return {
        "years_behind": behind,
        "repeated_years": sum(by_year.get(year - 1) == level for year, level in by_year.items()),
        "school_changes_3y": changes,
    }


def rows_of(tables: Tables, table: str) -> dict[Any, list[Row]]:
    """Group the rows of a table by pupil; an absent table has no rows."""
    grouped: dict[Any, list[Row]] = {}
    for row in tables.get(table) or []:
        grouped.setdefault(row["pupil_id"], []).append(row)
    return grouped


def views(
    tables: Tables, as_of: date, half_days: Callable[[date], int], known_years: Collection[int]
) -> Iterator[tuple[Any, PupilView]]:
    """Yield each pupil's id and what is known of it on the morning of ``as_of``."""
    by_table = {name: rows_of(tables, name) for name in ("enrolments", "absences", "grades", "orientation")}
    held = cache(half_days)
    for row in tables["pupils"] or []:
        own = {name: rows.get(row["pupil_id"], []) for name, rows in by_table.items()}
        events = {t: [r for r in own[t] if is_known(r, as_of)] for t in ("absences", "grades", "orientation")}
        yield (
            row["pupil_id"],
            PupilView(
                birth_date=row.get("birth_date"),
                enrolments=known_enrolments(own["enrolments"], as_of),
                as_of=as_of,
                half_days=held,
                known_years=known_years,
                **events,
            ),
        )


def contract_features(
    tables: Tables, as_of: date, half_days: Callable[[date], int], known_years: Collection[int]
) -> dict[Any, dict[str, float]]:
    """Compute the 28 contract features of every pupil on the morning of ``as_of``.

    Parameters
    ----------
    tables : dict of str to list of dict, or None
        The tables of the records as rows; None or no key = the table is absent. A missing cell is None or no key.
    as_of : date
        Only what is known on the morning of this day counts.
    half_days : callable
        School half-days of a day; called only for days of known school years.
    known_years : collection of int
        School years that lie wholly inside the calendar.

    Returns
    -------
    dict of pupil id to dict of feature name to float
        NaN where the value is not known.
    """
    result: dict[Any, dict[str, float]] = {}
    for pupil_id, pupil in views(tables, as_of, half_days, known_years):
        values = path_features(pupil)
        for table, names, compute in (
            ("absences", ABSENCE_FEATURES, absence_features),
            ("grades", GRADE_FEATURES, grade_features),
            ("orientation", ORIENTATION_FEATURES, orientation_features),
        ):
            values |= dict.fromkeys(names, NAN) if tables.get(table) is None else compute(pupil)
        result[pupil_id] = {name: float(value) for name, value in values.items()}
    return result
