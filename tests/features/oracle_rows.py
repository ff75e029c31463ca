"""The conventions of the contract features over plain rows: what is known, open, a mark, the latest row.

First half of the independent recomputation (``oracle.py`` is the second); it shares no line with the library.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = dict[str, Any]
Tables = dict[str, list[Row] | None]

NAN = math.nan
MIN_POSSIBLE = 8
MONTH_THRESHOLD = 4
LOW_MARK = 8
CORE_SUBJECTS = ("french", "maths", "modern_language_1", "professional")
FOURTH = ("4e", "4e_segpa")
THIRD = ("3e", "3e_pm", "3e_segpa")
NORMAL_AGE = {
    "6e": 11, "6e_segpa": 11, "5e": 12, "5e_segpa": 12, "4e": 13, "4e_segpa": 13,
    "3e": 14, "3e_pm": 14, "3e_segpa": 14, "2de_gt": 15, "2de_pro": 15, "cap1": 15,
    "1re_gt": 16, "1re_pro": 16, "cap2": 16, "cap3": 17, "tle_gt": 17, "tle_pro": 17,
}  # fmt: skip
LYCEE = tuple(level for level, age in NORMAL_AGE.items() if age >= NORMAL_AGE["2de_gt"])
FOURTH_OR_ABOVE = tuple(level for level, age in NORMAL_AGE.items() if age >= NORMAL_AGE["4e"])

ABSENCE_FEATURES = (
    "unjustified_half_days_4w", "unjustified_half_days_12w", "unjustified_half_days_year", "absence_rate_4w",
    "absence_rate_year", "absence_rate_change", "months_over_threshold_year", "absent_weeks_share_12w",
    "longest_absence_run_year", "lateness_12w", "exclusion_half_days_year", "absence_rate_since_4e",
)  # fmt: skip
GRADE_FEATURES = (
    "mean_grade_12w", "mean_grade_year", "grade_change_term", "grade_change_last_year", "lowest_core_grade_year",
    "low_marks_share_12w", "subject_spread_year", "missed_assessments_12w", "grade_change_since_4e",
)  # fmt: skip
ORIENTATION_FEATURES = (
    "track_changes_year",
    "assigned_wish_rank",
    "first_wish_refused",
    "council_against_wish",
)
PATH_FEATURES = ("years_behind", "repeated_years", "school_changes_3y")
CONTRACT = ABSENCE_FEATURES + GRADE_FEATURES + ORIENTATION_FEATURES + PATH_FEATURES


def school_year_of(day: date) -> int:
    """Return the school year (1 September to 31 August) that holds a day."""
    return day.year if day.month >= 9 else day.year - 1


def year_start(school_year: int) -> date:
    """Return 1 September of a school year."""
    return date(school_year, 9, 1)


def days(start: date, end: date) -> list[date]:
    """List the days of the half-open window ``[start, end)``."""
    return [start + timedelta(n) for n in range((end - start).days)]


def is_known(row: Row, as_of: date) -> bool:
    """Tell whether an event row is known on the morning of ``as_of``; no ``recorded_on`` = known from its date."""
    recorded = row.get("recorded_on")
    return row["date"] < as_of and (recorded is None or recorded < as_of)


def is_unjustified(row: Row, as_of: date) -> bool:
    """Tell whether an absence counts as unjustified: not justified, not known to be, or only later."""
    if row.get("justified") is not True:
        return True
    on = row.get("justified_on")
    return on is not None and on >= as_of


def known_enrolments(rows: Iterable[Row], as_of: date) -> list[Row]:
    """Keep the enrolments that have started, without the leaving dates that lie ahead, earliest first."""
    known = []
    for row in rows:
        if row["start_date"] < as_of:
            end = row.get("end_date")
            known.append(row | {"end_date": end if end is not None and end < as_of else None})
    return sorted(
        known, key=lambda r: (r["start_date"], r["end_date"] or date.max, r["school_id"], r["level"])
    )


def last_open_day(enrolment: Row) -> date:
    """Return the last day of an enrolment: its known end, or 31 August of its school year."""
    return enrolment["end_date"] or date(enrolment["school_year"] + 1, 8, 31)


def is_enrolled(enrolments: Sequence[Row], day: date) -> bool:
    """Tell whether any enrolment is open on a day; two open at once count the day once."""
    return any(e["start_date"] <= day <= last_open_day(e) for e in enrolments)


def exact(number: float) -> Fraction:
    """Read a float as the decimal that a person would write for it."""
    return Fraction(repr(float(number)))


def or_default(number: float | None, default: float) -> float:
    """Return the number, or the default of its column where none is given."""
    return default if number is None else number


def mark_of(row: Row) -> Fraction:
    """Return a mark out of 20."""
    return 20 * exact(row["value"]) / exact(or_default(row.get("out_of"), 20))


def weight_of(row: Row) -> Fraction:
    """Return the weight of a mark."""
    return exact(or_default(row.get("coefficient"), 1))


def weighted_mean(marks: Sequence[Row]) -> Fraction | None:
    """Return the exact weighted mean of marks, or None when the weights sum to 0."""
    weight = sum((weight_of(row) for row in marks), Fraction(0))
    return sum((weight_of(row) * mark_of(row) for row in marks), Fraction(0)) / weight if weight else None


def as_float(number: Fraction | None) -> float:
    """Return a float, NaN for None."""
    return NAN if number is None else float(number)


def difference(later: Fraction | None, earlier: Fraction | None) -> float:
    """Subtract, NaN when either is not known."""
    return NAN if later is None or earlier is None else float(later - earlier)


def longest_run(flags: Iterable[bool]) -> int:
    """Return the length of the longest run of True."""
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return longest


def latest(rows: Iterable[Row], event: str) -> Row | None:
    """Return the latest row of an event: date, recorded_on, rank (missing first), granted (False last), target."""
    granted_order = {True: 0, None: 1, False: 2}
    found = [row for row in rows if row["event"] == event]
    return max(
        found,
        key=lambda r: (
            r["date"],
            r.get("recorded_on") or date.min,
            -1 if r.get("rank") is None else r["rank"],
            granted_order[r.get("granted")],
            r.get("target") or "",
        ),
        default=None,
    )
