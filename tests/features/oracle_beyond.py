"""The features beyond the contract, recomputed slowly from their definitions in ``docs/features.md``, without the package.

Over the same plain view of one pupil as the contract features (``oracle.py``); sums are exact fractions.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from oracle_rows import (
    FOURTH,
    FOURTH_OR_ABOVE,
    LOW_MARK,
    MIN_POSSIBLE,
    MONTH_THRESHOLD,
    NAN,
    THIRD,
    Tables,
    as_float,
    difference,
    is_enrolled,
    longest_run,
    mark_of,
    weight_of,
    weighted_mean,
    year_start,
)

from oracle import views

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from oracle_rows import Row

    from oracle import PupilView

BLOCK = timedelta(28)
FALL = 2
FIRST_VOCATIONAL = ("2de_pro", "cap1")


def ratio(part: float, whole: float) -> float:
    """Divide; NaN by nothing."""
    return part / whole if whole else NAN


def week(day: date) -> tuple[int, int]:
    """Return the ISO week of a day."""
    return day.isocalendar()[:2]


def absent(pupil: PupilView, start: date, end: date) -> list[tuple[date, int]]:
    """List the days and half-days of counted absences."""
    return [(row["date"], n) for row, n in pupil.counted(start, end) if row["kind"] == "absence"]


def absent_weeks(pupil: PupilView, start: date, end: date) -> float:
    """Return the share of the attendable weeks of a window that hold an absent half-day."""
    weeks = pupil.attendable_weeks(start, end)
    return ratio(len(weeks & {week(day) for day, n in absent(pupil, start, end) if n > 0}), len(weeks))


def school_weeks(pupil: PupilView, start: date, end: date) -> int:
    """Count the weeks with school while enrolled."""
    return len({week(day) for day in pupil.enrolled_school_days(start, end)})


def slope(points: Sequence[tuple[float, Fraction, Fraction]]) -> Fraction | None:
    """Return the weighted least squares slope of (x, y, weight), None when every x is the same."""
    weight = sum((w for _, _, w in points), Fraction(0))
    x_mean = sum((x * w for x, _, w in points), Fraction(0)) / weight
    y_mean = sum((y * w for _, y, w in points), Fraction(0)) / weight
    down = sum((w * (x - x_mean) ** 2 for x, _, w in points), Fraction(0))
    return sum((w * (x - x_mean) * (y - y_mean) for x, y, w in points), Fraction(0)) / down if down else None


def after_holidays(pupil: PupilView, start: date, end: date) -> list[date]:
    """List the days that are among the first two school days after five days or more without school."""
    found = []
    for day in pupil.school_days(start, end):
        earlier, before, gap = 0, day - timedelta(1), 0
        while earlier < 2 and gap < 5:
            if pupil.half_days(before) > 0:
                earlier, gap = earlier + 1, 0
            else:
                gap += 1
            before -= timedelta(1)
        if gap >= 5 and earlier < 2:
            found.append(day)
    return found


def absence_beyond(pupil: PupilView) -> dict[str, float]:
    """Return the features of the absences of this year."""
    start, end, four, six, twelve = pupil.start, pupil.as_of, *(pupil.back(n) for n in (28, 42, 84))
    year = absent(pupil, start, end)
    total = sum(n for _, n in year)
    at_edges = sum(n for day, n in year if day.weekday() in (0, 4))
    back = set(after_holidays(pupil, start, end))
    away = sum(
        n for row, n in pupil.counted(start, end)
        if row["kind"] in ("exclusion", "placement") and row["date"] in back
    )  # fmt: skip
    possible = sum(pupil.half_days(day) for day in back if is_enrolled(pupil.enrolments, day)) - away
    blocks = [pupil.rate([(end - (k + 1) * BLOCK, end - k * BLOCK)]) for k in range((end - start).days // 28)]
    known = [(-k, rate, Fraction(1)) for k, rate in enumerate(blocks) if rate is not None]
    absent_days = {day for day, n in year if n > 0}

    running = 0
    for day in reversed(pupil.run_days(start, end)):
        if day not in absent_days:
            break
        running += 1
    recent = sum(n for day, n in year if day >= twelve)
    unjustified = sum(n for _, n in pupil.unjustified(twelve, end))
    possible_12w = pupil.possible(twelve, end)
    late = [row["date"] for row, _ in pupil.counted(start, end) if row["kind"] == "lateness"]
    before = max(start, end - BLOCK)
    return {
        "monday_friday_share_year": at_edges / total if total >= 4 else NAN,
        "absence_after_holidays_year": (
            sum(n for day, n in year if day in back) / possible if possible >= 3 else NAN
        ),
        "absence_slope_year": as_float(slope(known)) if len(known) >= 3 else NAN,
        "absence_acceleration_12w": (
            NAN if len(blocks) < 3 or None in blocks[:3] else float(blocks[0] - 2 * blocks[1] + blocks[2])  # type: ignore[operator]
        ),
        "absent_weeks_change_12w": absent_weeks(pupil, six, end) - absent_weeks(pupil, twelve, six),
        "longest_absence_run_12w": (
            longest_run(day in absent_days for day in pupil.run_days(twelve, end))
            if pupil.attendable_days(twelve, end)
            else NAN
        ),
        "current_absence_run": running if pupil.attendable_days(start, end) else NAN,
        "months_since_threshold_year": months_since_threshold(pupil),
        "justified_absence_rate_12w": (
            (recent - unjustified) / possible_12w if possible_12w >= MIN_POSSIBLE else NAN
        ),
        "lateness_change_4w": ratio(sum(d >= four for d in late), len(pupil.attendable_weeks(four, end)))
        - ratio(sum(d < before for d in late), len(pupil.attendable_weeks(start, before))),
        "exclusion_half_days_12w": pupil.total(("exclusion",), twelve, end),
    }


def unjustified_by_month(pupil: PupilView, start: date, end: date) -> dict[int, int]:
    """Sum the unjustified half-days per calendar month, in months since year 0."""
    months: dict[int, int] = {}
    for row, n in pupil.unjustified(start, end):
        month = 12 * row["date"].year + row["date"].month
        months[month] = months.get(month, 0) + n
    return months


def months_since_threshold(pupil: PupilView) -> float:
    """Count the first month over the threshold and the later ones with an attendable day; NaN if no day could be attended."""
    over = [
        m for m, n in unjustified_by_month(pupil, pupil.start, pupil.as_of).items() if n >= MONTH_THRESHOLD
    ]
    months = {12 * day.year + day.month for day in pupil.attendable_days(pupil.start, pupil.as_of)}
    if not over:
        return 0 if months else NAN
    return 1 + sum(month > min(over) for month in months)


def missed_in(pupil: PupilView, start: date, end: date) -> int:
    """Count the assessments missed in a window."""
    return sum(start <= r["date"] < end and r["status"] in ("absent", "not_handed_in") for r in pupil.grades)


def grade_beyond(pupil: PupilView) -> dict[str, float]:
    """Return the features of the grades of this year."""
    start, end, twelve = pupil.start, pupil.as_of, pupil.back(84)
    year, recent, early = (pupil.marks_in(a, b) for a, b in ((start, end), (twelve, end), (start, twelve)))
    weighted = [
        (Fraction((row["date"] - start).days, 28), mark_of(row), weight_of(row))
        for row in year
        if weight_of(row)
    ]
    line = slope(weighted) if len(weighted) >= 4 else None
    values = [mark_of(row) for row in year]
    centre = sum(values, Fraction(0)) / max(len(values), 1)
    means, now, then = (pupil.subject_means(a, b) for a, b in ((start, end), (twelve, end), (start, twelve)))
    changes = {s: now[s] - then[s] for s in now if s in then and twelve > start}
    total = sum(changes.values(), Fraction(0))
    against = [c - (total - c) / (len(changes) - 1) for c in changes.values()] if len(changes) > 1 else []
    core = [means[s] for s in ("french", "maths", "modern_language_1") if s in means]
    low = [[mark_of(r) < LOW_MARK for r in marks] for marks in (recent, early)]
    last = max((row["date"] for row in year), default=None)
    weeks = pupil.attendable_weeks(twelve, end)
    quiet = weeks - {week(row["date"]) for row in recent}

    def missed_share(first: date, after: date, marks: list[Row]) -> float:
        missed = missed_in(pupil, first, after)
        return ratio(missed, missed + len(marks))

    return {
        "grade_slope_year": as_float(line),
        "term_average_change": term_average_change(pupil),
        "worst_subject_fall_12w": as_float(min(against, default=None)),
        "subjects_falling_12w": sum(c <= -FALL for c in changes.values()) if changes else NAN,
        "low_marks_share_change": ratio(sum(low[0]), len(low[0])) - ratio(sum(low[1]), len(low[1])),
        "grade_volatility_year": (
            math.sqrt(sum((v - centre) ** 2 for v in values) / len(values)) if len(values) >= 4 else NAN
        ),
        "subjects_below_8_year": sum(mean < LOW_MARK for mean in means.values()) if means else NAN,
        "core_mean_year": as_float(sum(core, Fraction(0)) / len(core)) if core else NAN,
        "professional_mean_year": as_float(means.get("professional")),
        "missed_work_share_12w": missed_share(twelve, end, recent),
        "missed_work_share_change": missed_share(twelve, end, recent) - missed_share(start, twelve, early),
        "school_days_since_mark": (
            NAN if last is None else len(pupil.attendable_days(last + timedelta(1), end))
        ),
        "quiet_weeks_share_12w": ratio(len(quiet), len(weeks)),
        "marks_per_week_change": ratio(len(recent), len(weeks))
        - ratio(len(early), len(pupil.attendable_weeks(start, twelve))),
    }


def term_average_change(pupil: PupilView) -> float:
    """Mean over subjects of the last day's averages minus those of the day before it."""
    by_subject: dict[str, dict[date, list[Fraction]]] = {}
    for row in pupil.grades:
        if row["kind"] == "term_average" and row["status"] == "graded" and row["date"] >= pupil.start:
            by_subject.setdefault(row["subject"], {}).setdefault(row["date"], []).append(mark_of(row))
    changes = []
    for days in by_subject.values():
        means = [sum(days[day], Fraction(0)) / len(days[day]) for day in sorted(days)]
        if len(means) > 1:
            changes.append(means[-1] - means[-2])
    return float(sum(changes, Fraction(0)) / len(changes)) if changes else NAN


def orientation_beyond(pupil: PupilView) -> dict[str, float]:
    """Return the features of the wishes of this year."""
    wishes = [r for r in pupil.orientation if r["event"] == "wish" and r["date"] >= pupil.start]
    first = {r["target"] for r in wishes if r.get("rank") == 1 and r.get("target") is not None}
    asked = (
        is_enrolled(pupil.enrolments, pupil.as_of)
        and pupil.enrolments[-1]["level"] in THIRD
        and pupil.as_of >= date(pupil.year + 1, 3, 1)
    )
    return {
        "orientation_pending": float(not wishes) if asked else NAN,
        "wishes_year": len(wishes),
        "first_wish_changed_year": float(len(first) > 1) if first else NAN,
    }


def changes_of(pupil: PupilView, column: str, since: date) -> float:
    """Count the changes of a column between consecutive enrolments that have it, NaN without two of them."""
    known = [row for row in pupil.enrolments if row.get(column) is not None]
    pairs = list(pairwise(known))
    changed = sum(a[column] != b[column] and b["start_date"] >= since for a, b in pairs)
    return changed if pairs else NAN


def path_beyond(pupil: PupilView) -> dict[str, float]:
    """Return the features of the enrolments."""
    names = (
        "mid_year_arrival_year", "days_without_enrolment_52w", "late_return_days", "boarding_change_year",
        "network_changes_3y", "vocational_entry_year", "weeks_in_school", "years_known", "school_weeks_year",
    )  # fmt: skip
    if not pupil.enrolments:
        return dict.fromkeys(names, NAN) | {"years_known": 0, "school_weeks_year": 0}
    here = [r for r in pupil.enrolments if r["school_id"] == pupil.enrolments[-1]["school_id"]]
    first_here = min(r["start_date"] for r in here)
    this_year = [r["start_date"] for r in here if r["start_date"] >= pupil.start]
    low = max(pupil.as_of - timedelta(364), pupil.enrolments[0]["start_date"])
    away = [d for d in pupil.school_days(low, pupil.as_of) if not is_enrolled(pupil.enrolments, d)]
    openings = [
        max(r["start_date"], pupil.start)
        for r in pupil.enrolments
        if (r["end_date"] or date(r["school_year"] + 1, 8, 31)) >= pupil.start
    ]
    levels = pupil.level_by_year()
    entered = (
        levels.get(pupil.year) in FIRST_VOCATIONAL and levels.get(pupil.year - 1) not in FIRST_VOCATIONAL
    )
    boarding = changes_of(pupil, "boarder", pupil.start)
    return {
        "mid_year_arrival_year": float(min(this_year) > date(pupil.year, 9, 30)) if this_year else NAN,
        "days_without_enrolment_52w": len(away),
        "late_return_days": len(pupil.school_days(pupil.start, min(openings))) if openings else NAN,
        "boarding_change_year": boarding if math.isnan(boarding) else float(boarding > 0),
        "network_changes_3y": changes_of(pupil, "network_id", year_start(pupil.year - 2)),
        "vocational_entry_year": float(entered) if pupil.year in levels else NAN,
        "weeks_in_school": (pupil.as_of - first_here).days // 7,
        "years_known": len(levels),
        "school_weeks_year": school_weeks(pupil, pupil.start, pupil.as_of),
    }


def same_period(pupil: PupilView) -> tuple[date, date]:
    """Return the same days since 1 September of the school year before."""
    first = year_start(pupil.year - 1)
    return first, min(first + (pupil.as_of - pupil.start), pupil.start)


def vigilance_absences(pupil: PupilView) -> dict[str, float]:
    """Return the features of the absences since the 4e."""
    start, end, twelve = pupil.start, pupil.as_of, pupil.back(84)
    fourth, since = pupil.first_year(FOURTH), pupil.first_year(FOURTH_OR_ABOVE)
    past = fourth is not None and fourth < pupil.year and fourth in pupil.known_years
    in_fourth = (year_start(fourth), year_start(fourth + 1)) if past and fourth is not None else None
    now = pupil.rate([(start, end)])
    years = [y for y in range(pupil.year if since is None else since, pupil.year) if y in pupil.known_years]
    before = pupil.rate([(year_start(y), year_start(y + 1)) for y in years])
    last_year_known = pupil.year - 1 in pupil.known_years
    year_ago = timedelta(364)
    then = max(twelve - year_ago, year_start(pupil.year - 1)), min(end - year_ago, start)

    def unjustified_share(first: date, after: date) -> Fraction | None:
        possible = pupil.possible(first, after)
        missed = sum(n for _, n in pupil.unjustified(first, after))
        return Fraction(missed, possible) if possible >= MIN_POSSIBLE else None

    return {
        "absence_rate_in_4e": NAN if in_fourth is None else as_float(pupil.rate([in_fourth])),
        "unjustified_half_days_in_4e": (
            sum(n for _, n in pupil.unjustified(*in_fourth))
            if in_fourth is not None and pupil.attendable_days(*in_fourth)
            else NAN
        ),
        "absence_rate_against_own_past": difference(now, before),
        "absence_rate_against_last_year": (
            difference(now, pupil.rate([same_period(pupil)])) if last_year_known else NAN
        ),
        "unjustified_against_last_year_12w": (
            difference(unjustified_share(twelve, end), unjustified_share(*then))
            if last_year_known and then[0] < then[1]
            else NAN
        ),
    }


def vigilance_grades(pupil: PupilView) -> dict[str, float]:
    """Return the features of the grades since the 4e."""
    fourth = pupil.first_year(FOURTH)
    marks = pupil.marks_of_year(fourth) if fourth is not None and fourth < pupil.year else []
    now = weighted_mean(pupil.marks_in(pupil.start, pupil.as_of))
    return {
        "mean_grade_in_4e": as_float(weighted_mean(marks)),
        "grade_change_same_period": difference(now, weighted_mean(pupil.marks_in(*same_period(pupil)))),
    }


def last_year_absences(pupil: PupilView) -> dict[str, float]:
    """Return the features of the absences of the school year before."""
    span = year_start(pupil.year - 1), pupil.start
    could_attend = pupil.year - 1 in pupil.known_years and bool(pupil.attendable_days(*span))
    found = {
        "absent_weeks_share_last_year": absent_weeks(pupil, *span) if could_attend else NAN,
        "months_over_threshold_last_year": (
            sum(n >= MONTH_THRESHOLD for n in unjustified_by_month(pupil, *span).values())
            if could_attend
            else NAN
        ),
        "exclusion_half_days_last_year": pupil.total(("exclusion",), *span),
    }
    known = pupil.year - 1 in pupil.level_by_year() and pupil.year - 1 in pupil.known_years
    return found if known else dict.fromkeys(found, NAN)


def last_year_grades(pupil: PupilView) -> dict[str, float]:
    """Return the features of the grades of the school year before."""
    span = year_start(pupil.year - 1), pupil.start
    could_attend = pupil.year - 1 in pupil.known_years and bool(pupil.attendable_days(*span))
    is_known = could_attend and pupil.year - 1 in pupil.level_by_year()
    return {"missed_assessments_last_year": missed_in(pupil, *span) if is_known else NAN}


def beyond_features(
    tables: Tables, as_of: date, half_days: Callable[[date], int], known_years: Collection[int]
) -> dict[Any, dict[str, float]]:
    """Compute the features beyond the contract of every pupil; the arguments are those of ``contract_features``."""
    result: dict[Any, dict[str, float]] = {}
    for pupil_id, pupil in views(tables, as_of, half_days, known_years):
        values = path_beyond(pupil)
        for table, computes in (
            ("absences", (absence_beyond, vigilance_absences, last_year_absences)),
            ("grades", (grade_beyond, vigilance_grades, last_year_grades)),
            ("orientation", (orientation_beyond,)),
        ):
            for compute in computes:
                found = compute(pupil)
                values |= dict.fromkeys(found, NAN) if tables.get(table) is None else found
        result[pupil_id] = {name: float(value) for name, value in values.items()}
    return result
