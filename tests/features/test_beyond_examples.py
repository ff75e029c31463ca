"""Each feature beyond the contract on tiny tables, the value worked out by hand.

The school half-days of the blocks of four weeks before Monday 20 January 2025, in zone B: 18 (from 23 December), 36 (from
25 November), 25 (from 28 October), 27 (from 30 September), 36 (from 2 September): 142 in the year, in 16 weeks.
"""

from __future__ import annotations

from datetime import date
from math import nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

import pytest
from test_beyond_features import BEYOND
from tiny_rows import AS_OF, absence, enrolment, event, lateness, mark, missed, tables, term_average

if TYPE_CHECKING:
    from tiny_rows import Row

    from conftest import Worked


class Case(NamedTuple):
    """One worked value of pupil ``p``."""

    name: str
    expected: float
    enrolments: list[Row] | None = None
    absences: list[Row] | None = None
    grades: list[Row] | None = None
    orientation: list[Row] | None = None
    as_of: date = AS_OF


def justified(day: str, half_days: int) -> Row:
    """Write a justified absence."""
    return absence(day, half_days, justified=True)


def exclusion(day: str, half_days: int) -> Row:
    """Write a temporary exclusion."""
    return absence(day, half_days, justified=None, kind="exclusion")


def wish(day: str, target: str, rank: int = 1) -> Row:
    """Write a wish."""
    return event(day, "wish", rank) | {"target": target}


WEEK_OF_6_JANUARY = [absence(f"2025-01-{n:02d}", 1 if n == 8 else 2) for n in range(6, 11)]
WEEK_OF_25_NOVEMBER = [absence(f"2024-11-{n}", 1 if n == 27 else 2) for n in range(25, 30)]
AUTUMN = [mark("2024-09-10", s, 12) for s in ("maths", "french", "history_geography")]
FALLING = [
    *AUTUMN, mark("2024-12-02", "maths", 8), mark("2024-12-02", "french", 12), mark("2024-12-02", "history_geography", 13),
]  # fmt: skip
# September 2022 has 40 school half-days in zone B, September 2023 has 36 (DOMAIN, section 7).
SINCE_4E = [enrolment(2022, "4e", end="2022-09-30"), enrolment(2024, "2de_pro")]
LAST_YEAR = [enrolment(2023, "3e", end="2023-09-30"), enrolment(2024, "2de_pro")]
THREE_YEARS = [enrolment(2021, "5e"), enrolment(2022, "4e"), enrolment(2024, "2de_pro")]
TWO_YEARS = [enrolment(2023, "4e"), enrolment(2024, "3e")]
MOVED = [enrolment(2024, "3e", end="2024-10-11"), enrolment(2024, "3e", "2024-11-04", school=2)]
BOARDER = [enrolment(2023, "4e") | {"boarder": True}, enrolment(2024, "3e") | {"boarder": False}]
NETWORKS = [
    enrolment(2021, "6e") | {"network_id": "R0"}, enrolment(2022, "5e") | {"network_id": "R1"},
    enrolment(2023, "4e") | {"network_id": None}, enrolment(2024, "3e") | {"network_id": "R2"},
]  # fmt: skip

CASES = [
    # 2 on a Monday and 1 on a Friday, of 4.
    Case("monday_friday_share_year", 0.75, absences=[
        absence("2024-09-09", 2), absence("2024-09-13", 1), absence("2024-09-10", 1)]),
    Case("monday_friday_share_year", nan, absences=[absence("2024-09-09", 2), absence("2024-09-13", 1)]),
    # 2 and 3 September, 4 and 5 November, 6 and 7 January: 12; the Wednesday is the third day.
    Case("absence_after_holidays_year", 3 / 12, absences=[
        absence("2024-11-04", 2), absence("2025-01-06", 1), absence("2025-01-08", 1)]),
    Case("absence_after_holidays_year", 3 / 10, absences=[
        absence("2024-11-04", 2), absence("2025-01-06", 1), exclusion("2024-11-05", 2)]),
    Case("absence_after_holidays_year", nan, [enrolment(2024, "3e", "2024-11-06", "2025-01-05")], absences=[]),
    # Rates 0.5 then four times 0: (2 x 0.5) / (4 + 1 + 0 + 1 + 4).
    Case("absence_slope_year", 0.1, absences=WEEK_OF_6_JANUARY),
    Case("absence_slope_year", nan, [enrolment(2024, "3e", "2024-11-25")], absences=WEEK_OF_6_JANUARY),
    # 0.5 after 0 and 0; then 0.5 after 0.25 and 0: it rises as before.
    Case("absence_acceleration_12w", 0.5, absences=WEEK_OF_6_JANUARY),
    Case("absence_acceleration_12w", 0, absences=WEEK_OF_6_JANUARY + WEEK_OF_25_NOVEMBER),
    # 2 of the 4 school weeks from 9 December, 1 of the 5 from 28 October.
    Case("absent_weeks_change_12w", 2 / 4 - 1 / 5, absences=[
        absence("2024-12-10", 1), absence("2025-01-07", 1), absence("2024-11-12", 2), absence("2024-11-14", 2)]),
    # A Friday, then the Monday and Tuesday after the holidays; four days in September are too old.
    Case("longest_absence_run_12w", 3, absences=[
        absence("2024-12-20", 1), absence("2025-01-06", 1), absence("2025-01-07", 2),
        *(absence(f"2024-09-{n:02d}", 1) for n in range(9, 13))]),
    Case("current_absence_run", 2, absences=[absence("2025-01-16", 1), absence("2025-01-17", 2), absence("2025-01-14", 2)]),
    Case("current_absence_run", 0, absences=[absence("2025-01-16", 1)]),
    # November, December, January.
    Case("months_since_threshold_year", 3, absences=[absence("2024-11-12", 2), absence("2024-11-14", 2)]),
    Case("months_since_threshold_year", 0, absences=[absence("2024-11-12", 2), absence("2024-12-03", 2)]),
    Case("justified_absence_rate_12w", 2 / 79, absences=[justified("2024-11-12", 2), absence("2024-11-14", 2)]),
    # 3 in 2 weeks, 7 in the 14 weeks before.
    Case("lateness_change_4w", 3 / 2 - 7 / 14, absences=[
        *(lateness(f"2025-01-{n:02d}") for n in (7, 8, 9)), *(lateness(f"2024-09-{n}") for n in range(16, 21)),
        lateness("2024-12-20"), lateness("2024-12-19")]),
    Case("exclusion_half_days_12w", 2, absences=[exclusion("2024-11-12", 2), exclusion("2024-09-10", 2)]),
    # One point more every 28 days; three marks are too few.
    Case("grade_slope_year", 1, grades=[
        mark(day, "maths", 10 + n) for n, day in enumerate(("2024-09-02", "2024-09-30", "2024-10-28", "2024-11-25"))]),
    Case("grade_slope_year", nan, grades=FALLING[:3]),
    # Maths 12 to 9, French 11 to 12: a point less on average; a subject with one average does not count.
    Case("term_average_change", -1, grades=[
        term_average("2024-11-29", "maths", 12), term_average("2025-01-10", "maths", 9), mark("2024-10-01", "maths", 3),
        term_average("2024-11-29", "french", 11), term_average("2025-01-10", "french", 12),
        term_average("2025-01-10", "music", 2)]),
    # Maths -4, French 0, history +1: -4 - 0.5.
    Case("worst_subject_fall_12w", -4.5, grades=FALLING),
    Case("worst_subject_fall_12w", nan, grades=[FALLING[0], FALLING[3]]),
    Case("subjects_falling_12w", 1, grades=FALLING),
    Case("subjects_falling_12w", 2, grades=[*FALLING, mark("2024-12-03", "french", 8)]),
    Case("subjects_falling_12w", nan, grades=AUTUMN),
    Case("low_marks_share_change", 0.5, grades=[
        *AUTUMN, mark("2024-12-02", "maths", 7), mark("2024-12-02", "french", 8)]),
    # 8, 10, 12, 14: squares 9 + 1 + 1 + 9 over 4.
    Case("grade_volatility_year", sqrt(5), grades=[mark("2024-12-02", "maths", 8 + 2 * n) for n in range(4)]),
    Case("grade_volatility_year", nan, grades=[mark("2024-12-02", "maths", 8 + 2 * n) for n in range(3)]),
    Case("subjects_below_8_year", 1, grades=[mark("2024-12-02", "maths", 7.9), mark("2024-12-02", "french", 8)]),
    Case("subjects_below_8_year", nan, grades=[]),
    # French 10, maths (13 + 15) / 2.
    Case("core_mean_year", 12, grades=[
        mark("2024-12-02", "french", 10), mark("2024-12-02", "maths", 13), mark("2024-12-03", "maths", 15),
        mark("2024-12-02", "history_geography", 2)]),
    Case("professional_mean_year", 13, grades=[
        mark("2024-12-02", "professional", 15), mark("2024-12-03", "professional", 12, coefficient=2)]),
    Case("professional_mean_year", nan, grades=AUTUMN),
    Case("missed_work_share_12w", 1 / 4, grades=[*FALLING, missed("2024-12-03", "absent")]),
    Case("missed_work_share_12w", nan, grades=AUTUMN),
    # 1 of 4 lately, 1 of 2 before.
    Case("missed_work_share_change", 1 / 4 - 1 / 2, grades=[
        AUTUMN[0], *FALLING[3:], missed("2024-12-03", "not_handed_in"), missed("2024-09-12", "absent")]),
    # 13 to 17 January.
    Case("school_days_since_mark", 5, grades=[mark("2025-01-10", "maths", 10)]),
    Case("school_days_since_mark", nan, grades=[mark("2024-06-10", "maths", 10)]),
    # Marks in 2 of 9 weeks.
    Case("quiet_weeks_share_12w", 7 / 9, grades=[
        mark("2024-11-12", "maths", 10), mark("2024-11-14", "maths", 10), mark("2025-01-10", "maths", 10)]),
    # 9 in 9 weeks, 14 in the 7 before.
    Case("marks_per_week_change", -1, grades=[
        *(mark("2024-12-02", "maths", 10) | {"coefficient": 1 + n} for n in range(9)),
        *(mark("2024-09-12", "maths", 10) | {"coefficient": 1 + n} for n in range(14))]),
    Case("orientation_pending", 1, orientation=[wish("2024-08-30", "cap1")], as_of=date(2025, 3, 10)),
    Case("orientation_pending", 0, orientation=[wish("2025-03-03", "cap1")], as_of=date(2025, 3, 10)),
    Case("orientation_pending", nan, orientation=[], as_of=date(2025, 2, 28)),
    Case("orientation_pending", nan, [enrolment(2024, "2de_gt")], orientation=[], as_of=date(2025, 3, 10)),
    Case("wishes_year", 2, orientation=[
        wish("2025-01-10", "cap1"), wish("2025-01-10", "2de_pro", 2), wish("2024-06-10", "cap1")]),
    Case("first_wish_changed_year", 1, orientation=[wish("2024-12-10", "2de_gt"), wish("2025-01-10", "cap1")]),
    Case("first_wish_changed_year", 0, orientation=[
        wish("2024-12-10", "cap1"), wish("2025-01-10", "cap1"), wish("2025-01-10", "2de_pro", 2)]),
    Case("first_wish_changed_year", nan, orientation=[wish("2025-01-10", "2de_pro", 2), event("2025-01-10", "wish", 1)]),
    Case("mid_year_arrival_year", 1, MOVED),
    Case("mid_year_arrival_year", 0, [enrolment(2024, "3e", "2024-09-30")]),
    Case("mid_year_arrival_year", 1, [enrolment(2024, "3e", "2024-10-01")]),
    # 14 to 18 October; the days before the first enrolment are nobody's.
    Case("days_without_enrolment_52w", 5, MOVED),
    # 2 to 6 September.
    Case("late_return_days", 5, [enrolment(2024, "3e", "2024-09-09")]),
    Case("late_return_days", nan, [enrolment(2023, "4e")]),
    Case("boarding_change_year", 1, BOARDER),
    Case("boarding_change_year", 0, [BOARDER[0], BOARDER[1] | {"boarder": True}]),
    Case("boarding_change_year", nan, [BOARDER[0], BOARDER[1] | {"boarder": None}]),
    # R0 to R1 since 1 September 2022, R1 to R2 over the year that says nothing.
    Case("network_changes_3y", 2, NETWORKS),
    Case("network_changes_3y", nan, NETWORKS[:1]),
    Case("vocational_entry_year", 1, LAST_YEAR),
    Case("vocational_entry_year", 0, [enrolment(2023, "2de_pro"), enrolment(2024, "cap1")]),
    # 77 days.
    Case("weeks_in_school", 11, MOVED),
    Case("years_known", 3, THREE_YEARS),
    Case("school_weeks_year", 16),
    Case("absence_rate_in_4e", 4 / 40, SINCE_4E, [absence("2022-09-12", 2), justified("2022-09-13", 2)]),
    Case("absence_rate_in_4e", nan, [enrolment(2024, "4e")], [absence("2024-09-12", 2)]),
    Case("unjustified_half_days_in_4e", 3, SINCE_4E, [
        absence("2022-09-12", 2), absence("2022-09-16", 1), justified("2022-09-13", 2), absence("2024-09-12", 2)]),
    Case("mean_grade_in_4e", 13, SINCE_4E, grades=[
        mark("2022-09-12", "maths", 12), mark("2023-05-12", "maths", 14), mark("2024-09-12", "maths", 3)]),
    Case("mean_grade_in_4e", nan, [enrolment(2024, "4e")], grades=[mark("2024-09-12", "maths", 3)]),
    Case("absence_rate_against_own_past", 9 / 142 - 4 / 40, SINCE_4E, [
        *WEEK_OF_6_JANUARY, absence("2022-09-12", 2), absence("2022-09-13", 2)]),
    Case("absence_rate_against_last_year", 9 / 142 - 9 / 36, LAST_YEAR, [
        *WEEK_OF_6_JANUARY, *(absence(f"2023-09-{n}", 1 if n == 20 else 2) for n in (18, 19, 20, 21, 22))]),
    # 4 of 79 half-days since 28 October; 1 of 81 from 30 October 2023 to 21 January 2024.
    Case("unjustified_against_last_year_12w", 4 / 79 - 1 / 81, [enrolment(2023, "3e"), enrolment(2024, "2de_pro")], [
        absence("2024-11-12", 2), absence("2024-11-14", 2), absence("2023-11-14", 1), absence("2023-10-03", 2),
        justified("2023-11-16", 2)]),
    Case("unjustified_against_last_year_12w", nan, LAST_YEAR, [absence("2024-11-12", 2)]),
    # 11 this year, 14 until 19 January 2024.
    Case("grade_change_same_period", -3, LAST_YEAR, grades=[
        mark("2024-10-01", "maths", 11), mark("2023-09-12", "maths", 14), mark("2024-01-20", "maths", 2)]),
    # The weeks of 18 September and 9 October 2023, of 36; the week of 11 November 2024 is of this year.
    Case("absent_weeks_share_last_year", 2 / 36, TWO_YEARS, [
        absence("2023-09-18", 2), justified("2023-09-22", 1), absence("2023-10-09", 2), absence("2024-11-12", 2)]),
    Case("absent_weeks_share_last_year", nan, [enrolment(2024, "5e")], WEEK_OF_6_JANUARY),
    # September 2023, with 4; October with 3 and November 2024 are left out.
    Case("months_over_threshold_last_year", 1, TWO_YEARS, [
        absence("2023-09-12", 2), absence("2023-09-14", 2), absence("2023-10-09", 2), absence("2023-10-11", 1),
        absence("2024-11-12", 2), absence("2024-11-14", 2)]),
    Case("months_over_threshold_last_year", nan, [enrolment(2024, "5e")], WEEK_OF_6_JANUARY),
    Case("exclusion_half_days_last_year", 3, TWO_YEARS, [
        exclusion("2022-09-12", 2), exclusion("2023-09-12", 2), exclusion("2024-04-05", 1), exclusion("2024-11-13", 1)]),
    Case("missed_assessments_last_year", 2, TWO_YEARS, grades=[
        missed("2022-09-12", "absent"), missed("2023-09-12", "absent"), missed("2024-05-13", "not_handed_in"),
        missed("2024-11-13", "absent")]),
    Case("missed_assessments_last_year", nan, [enrolment(2024, "5e")], grades=[missed("2023-11-13", "absent")]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}={case.expected:.3g}")
def test_worked_value(worked: Worked, case: Case) -> None:
    """The value worked out by hand is what the package and the recomputation give."""
    rows = tables(case.enrolments, absences=case.absences, grades=case.grades, orientation=case.orientation)
    worked(case.name, rows, case.expected, as_of=case.as_of)


def test_every_feature_has_a_worked_value() -> None:
    """No feature beyond the contract is without a known value worked out by hand."""
    assert {case.name for case in CASES if case.expected == case.expected} == set(BEYOND)


def test_a_silent_pupil(worked: Worked) -> None:
    """A pupil without a row in tables that are there: counts are 0, a run is 0, means and changes are not known."""
    rows = tables(absences=WEEK_OF_6_JANUARY, grades=FALLING, orientation=[])
    for name in (
        "current_absence_run", "longest_absence_run_12w", "months_since_threshold_year", "exclusion_half_days_12w",
        "absence_slope_year", "wishes_year",
        "absence_rate_against_own_past",
    ):  # fmt: skip
        worked(name, rows, 0, pupil="q")
    for name in (
        "grade_slope_year",
        "missed_work_share_12w",
        "school_days_since_mark",
        "subjects_below_8_year",
    ):
        worked(name, rows, nan, pupil="q")
    worked("quiet_weeks_share_12w", rows, 1, pupil="q")
