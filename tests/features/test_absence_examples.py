"""Each contract feature of the absences table on tiny tables, the value worked out by hand (calendar of zone B)."""

from __future__ import annotations

from datetime import date
from math import nan
from typing import TYPE_CHECKING

import pytest
from tiny_rows import absence, enrolment, lateness, tables

if TYPE_CHECKING:
    from conftest import Worked

JANUARY = [
    absence("2025-01-06", 2),
    absence("2025-01-08", 2, justified=None),  # a Wednesday holds 1; not known to be justified: 1
    absence("2025-01-09", 2, justified=True),  # justified, no day given: 0 unjustified, 2 absent
    absence(
        "2025-01-10", 1, justified=True, justified_on="2025-01-20"
    ),  # justified that day, not known in the morning: 1
    absence("2025-01-13", 1, justified=True, justified_on="2025-01-19"),  # 0 unjustified, 1 absent
    absence("2025-01-11", 2),  # a Saturday: nothing
    absence("2025-01-14", 2, recorded="2025-01-20"),  # not known yet
    absence("2025-01-15", 1, recorded="2025-01-19"),  # 1
    absence("2025-01-20", 2),  # the day itself is not known
]
DECEMBER = [absence("2024-12-20", 2)]  # the last school day before 4w
NOVEMBER = [absence("2024-11-04", 1), absence("2024-10-28", 2)]  # 28 October opens 12w, but is a holiday
OCTOBER = [absence("2024-10-18", 2)]  # the last school day before 12w

ABSENCES = [
    "unjustified_half_days_4w", "unjustified_half_days_12w", "unjustified_half_days_year", "absence_rate_4w",
    "absence_rate_year", "absence_rate_change", "months_over_threshold_year", "absent_weeks_share_12w",
    "longest_absence_run_year", "lateness_12w", "exclusion_half_days_year", "absence_rate_since_4e",
]  # fmt: skip


@pytest.mark.parametrize("name", ABSENCES)
def test_unknown_absences(worked: Worked, name: str) -> None:
    """Without the absences table, each of its features is not known: never zero."""
    worked(name, tables([enrolment(2023, "4e"), enrolment(2024, "3e")]), nan)


@pytest.mark.parametrize("name", ABSENCES)
def test_no_row_of_absences(worked: Worked, name: str) -> None:
    """A pupil without a row in a table that is there has 0 half-days, events, and rates of 0."""
    worked(name, tables(absences=JANUARY), 0, pupil="q")


def test_unjustified_half_days_4w(worked: Worked) -> None:
    """The January rows hold 2 + 1 + 1 + 1 = 5 unjustified half-days in 4w; one more unjustified half-day makes 6."""
    worked("unjustified_half_days_4w", tables(absences=JANUARY + DECEMBER), 5)
    worked("unjustified_half_days_4w", tables(absences=[*JANUARY, absence("2025-01-17", 1)]), 6)


def test_unjustified_half_days_4w_bound(worked: Worked) -> None:
    """On 10 December, 4w begins on 12 November: that Tuesday counts (1), the Friday before does not."""
    rows = [absence("2024-11-08", 2), absence("2024-11-12", 1)]
    worked("unjustified_half_days_4w", tables(absences=rows), 1, as_of=date(2024, 12, 10))


def test_unjustified_half_days_12w(worked: Worked) -> None:
    """12w adds 2 on 20 December and 1 on 4 November to the 5 of January; the holiday adds nothing: 8."""
    worked("unjustified_half_days_12w", tables(absences=JANUARY + DECEMBER + NOVEMBER + OCTOBER), 8)


def test_unjustified_half_days_year(worked: Worked) -> None:
    """The year adds 2 on 18 October to the 8 of 12w: 10; a row of June before the summer never counts."""
    rows = JANUARY + DECEMBER + NOVEMBER + OCTOBER
    worked("unjustified_half_days_year", tables(absences=[*rows, absence("2024-06-04", 2)]), 10)


def test_trailing_window_stops_at_september(worked: Worked) -> None:
    """On 20 September, 12w begins on 1 September: 2 half-days of June do not count, 1 of September does."""
    rows = [absence("2024-07-02", 2), absence("2024-09-02", 1)]
    enrolments = [enrolment(2023, "4e"), enrolment(2024, "3e")]
    worked("unjustified_half_days_12w", tables(enrolments, absences=rows), 1, as_of=date(2024, 9, 20))


def test_absence_rate_4w(worked: Worked) -> None:
    """Of 18 half-days, an exclusion takes 2 and a Wednesday on placement 1: 2 absent of 15; one more makes 3 of 15."""
    rows = [
        absence("2025-01-06", 2, justified=True),
        absence("2025-01-07", 2, justified=None, kind="exclusion"),
        absence("2025-01-15", 2, justified=None, kind="placement"),
    ]
    worked("absence_rate_4w", tables(absences=rows), 2 / 15)
    worked("absence_rate_4w", tables(absences=[*rows, absence("2025-01-16", 1)]), 3 / 15)


def test_absence_rate_needs_eight_half_days(worked: Worked) -> None:
    """Enrolled since Monday 13 January there are 9 possible half-days: 2 / 9; since Tuesday only 7: not known."""
    rows = [absence("2025-01-16", 2)]
    worked("absence_rate_4w", tables([enrolment(2024, "3e", "2025-01-13")], absences=rows), 2 / 9)
    worked("absence_rate_4w", tables([enrolment(2024, "3e", "2025-01-14")], absences=rows), nan)


def test_absence_rate_after_leaving(worked: Worked) -> None:
    """After a known end on 10 January, 9 half-days were possible and a row of the 13th does not count: 1 / 9."""
    rows = [absence("2025-01-10", 1), absence("2025-01-13", 2)]
    worked("absence_rate_4w", tables([enrolment(2024, "3e", end="2025-01-10")], absences=rows), 1 / 9)


def test_absence_rate_year(worked: Worked) -> None:
    """124 half-days up to 20 December and 9 since 13 January; the row in the gap does not count: 3 / 133."""
    rows = [absence("2024-09-10", 2), absence("2025-01-07", 2), absence("2025-01-14", 1)]
    enrolments = [enrolment(2024, "3e", end="2024-12-20"), enrolment(2024, "3e", "2025-01-13", school=2)]
    worked("absence_rate_year", tables(enrolments, absences=rows), 3 / 133)


def test_end_that_lies_ahead(worked: Worked) -> None:
    """An end date of 1 February is not known on 20 January: 142 half-days were possible, 5 absent."""
    rows = [absence("2024-09-10", 2), absence("2025-01-07", 2), absence("2025-01-14", 1)]
    worked("absence_rate_year", tables([enrolment(2024, "3e", end="2025-02-01")], absences=rows), 5 / 142)


def test_absence_rate_change(worked: Worked) -> None:
    """3 of 18 half-days in 4w, 2 of 124 before: 3/18 - 2/124; more absence lately raises it."""
    rows = [absence("2025-01-06", 2), absence("2025-01-07", 1), absence("2024-10-01", 2)]
    worked("absence_rate_change", tables(absences=rows), 3 / 18 - 2 / 124)
    worked("absence_rate_change", tables(absences=[*rows, absence("2025-01-09", 1)]), 4 / 18 - 2 / 124)


def test_absence_rate_change_early(worked: Worked) -> None:
    """On 29 September nothing lies before 4w; on 3 October only 5 half-days do: not known. On 7 October, 9 do."""
    rows = [absence("2024-09-03", 2), absence("2024-09-10", 1)]
    for day in (29, 30):
        worked("absence_rate_change", tables(absences=rows), nan, as_of=date(2024, 9, day))
    worked("absence_rate_change", tables(absences=rows), nan, as_of=date(2024, 10, 3))
    # 4w = [9 September, 7 October): 9 + 9 + 9 + 9 = 36 half-days.
    worked("absence_rate_change", tables(absences=rows), 1 / 36 - 2 / 9, as_of=date(2024, 10, 7))


def test_months_over_threshold_year(worked: Worked) -> None:
    """September holds 4, October 3, November 4 justified, January 4: 2 months; one half-day more in October, 3."""
    rows = [
        absence("2024-09-10", 2), absence("2024-09-12", 2), absence("2024-10-01", 2), absence("2024-10-03", 1),
        absence("2024-11-12", 2, justified=True), absence("2024-11-14", 2, justified=True), absence("2025-01-06", 2),
        absence("2025-01-07", 2),
    ]  # fmt: skip
    worked("months_over_threshold_year", tables(absences=rows), 2)
    worked("months_over_threshold_year", tables(absences=[*rows, absence("2024-10-04", 1)]), 3)


def test_absent_weeks_share_12w(worked: Worked) -> None:
    """12w holds 7 weeks with school before Christmas and 2 after: absent in 2 of 9; a third week makes 3 of 9."""
    rows = [
        absence("2024-11-04", 1),
        absence("2024-11-05", 1, justified=True),
        absence("2025-01-06", 1),
        lateness("2025-01-13"),
    ]
    worked("absent_weeks_share_12w", tables(absences=rows), 2 / 9)
    worked("absent_weeks_share_12w", tables(absences=[*rows, absence("2025-01-14", 1)]), 3 / 9)


def test_absent_weeks_share_needs_a_week(worked: Worked) -> None:
    """Enrolled since 6 January, 1 week of 2; enrolled only until 18 October, no week at all: not known."""
    rows = [absence("2024-10-18", 1), absence("2025-01-06", 1)]
    worked("absent_weeks_share_12w", tables([enrolment(2024, "3e", "2025-01-06")], absences=rows), 1 / 2)
    worked("absent_weeks_share_12w", tables([enrolment(2024, "3e", end="2024-10-18")], absences=rows), nan)


def test_longest_absence_run_year(worked: Worked) -> None:
    """18 October, then 4, 5 and 6 November after the holidays: 4 days; excluded the whole 7th, 6; half of it, 4; with the 7th, 7."""
    rows = [
        absence("2024-10-18", 1), absence("2024-11-04", 2), absence("2024-11-05", 1, justified=True), absence("2024-11-06", 1),
        absence("2024-11-08", 1), absence("2024-11-12", 1),
    ]  # fmt: skip
    worked("longest_absence_run_year", tables(absences=rows), 4)
    excluded = absence("2024-11-07", 2, justified=None, kind="exclusion")
    worked("longest_absence_run_year", tables(absences=[*rows, excluded]), 6)
    worked("longest_absence_run_year", tables(absences=[*rows, excluded | {"half_days": 1}]), 4)
    worked("longest_absence_run_year", tables(absences=[*rows, absence("2024-11-07", 1)]), 7)


def test_lateness_12w(worked: Worked) -> None:
    """Once on 4 and twice on 5 November: 3; a public holiday and 18 October, before 12w, do not count."""
    rows = [lateness(f"2024-{day}") for day in ("11-04", "11-05", "11-05", "11-11", "10-18")]
    worked("lateness_12w", tables(absences=rows), 3)
    worked("lateness_12w", tables(absences=[*rows, lateness("2025-01-17")]), 4)


def test_exclusion_half_days_year(worked: Worked) -> None:
    """2 on a Tuesday, 1 on a Wednesday (of 2), none on a Saturday: 3; a placement is no exclusion."""
    rows = [absence(f"2024-09-{day}", 2, justified=None, kind="exclusion") for day in (10, 11, 14)]
    rows.append(absence("2024-09-16", 2, justified=None, kind="placement"))
    worked("exclusion_half_days_year", tables(absences=rows), 3)
    worked(
        "exclusion_half_days_year", tables(absences=[*rows, absence("2024-09-17", 1, kind="exclusion")]), 4
    )


def test_absence_rate_since_4e(worked: Worked) -> None:
    """In 4e from 3 to 14 June 2024, 18 half-days less 2 on placement, 3 absent: 3 / 16; the 5e and 2024-25 are out."""
    enrolments = [
        enrolment(2022, "5e"),
        enrolment(2023, "4e", "2024-06-03", "2024-06-14"),
        enrolment(2024, "3e"),
    ]
    rows = [
        absence("2022-11-15", 2), absence("2024-06-04", 2), absence("2024-06-05", 1, justified=True), absence("2025-01-06", 2),
        absence("2024-06-13", 2, justified=None, kind="placement"),
    ]  # fmt: skip
    worked("absence_rate_since_4e", tables(enrolments, absences=rows), 3 / 16)
    worked("absence_rate_since_4e", tables(enrolments, absences=[*rows, absence("2024-06-06", 1)]), 4 / 16)


def test_absence_rate_since_4e_missing(worked: Worked) -> None:
    """No school year before this one at a 4e level or above, or under 8 half-days in it (3 to 5 June: 5): not known."""
    rows = [absence("2024-06-04", 2), absence("2025-01-06", 2)]
    for earlier in (enrolment(2023, "5e"), enrolment(2023, "4e", "2024-06-03", "2024-06-05")):
        worked("absence_rate_since_4e", tables([earlier, enrolment(2024, "4e")], absences=rows), nan)
