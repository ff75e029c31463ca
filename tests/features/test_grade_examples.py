"""Each contract feature of the grades table on tiny tables, the value worked out by hand."""

from __future__ import annotations

from datetime import date
from math import nan, sqrt
from typing import TYPE_CHECKING

import pytest
from tiny_rows import enrolment, mark, missed, tables, term_average

if TYPE_CHECKING:
    from conftest import Worked

# In 12w (from 28 October): 16 (8 of 10) once, 9 twice: 34 / 3. In the year, 5 once more: 39 / 4 = 9.75.
# The term average is left out, as this year has assessments; a mark of the day itself or recorded on it is not known.
MARKS = [
    mark("2024-11-12", "french", 8, out_of=10),
    mark("2024-12-02", "maths", 9, coefficient=2),
    mark("2024-10-27", "other", 5),
    term_average("2024-11-29", "french", 2),
    mark("2025-01-20", "maths", 0, coefficient=100),
    mark("2025-01-10", "maths", 0, coefficient=100, recorded="2025-01-20"),
    missed("2024-12-03", "exempt"),
]
GRADES = [
    "mean_grade_12w", "mean_grade_year", "grade_change_term", "grade_change_last_year", "lowest_core_grade_year",
    "low_marks_share_12w", "subject_spread_year", "missed_assessments_12w", "grade_change_since_4e",
]  # fmt: skip
WITHOUT_WEIGHT = [
    mark("2024-11-12", "french", 12, coefficient=0),
    mark("2024-09-12", "french", 12, coefficient=0),
]


@pytest.mark.parametrize("name", GRADES)
def test_unknown_grades(worked: Worked, name: str) -> None:
    """Without the grades table, each of its features is not known, the count too."""
    worked(name, tables([enrolment(2023, "4e"), enrolment(2024, "3e")]), nan)


@pytest.mark.parametrize("name", GRADES)
def test_no_row_of_grades(worked: Worked, name: str) -> None:
    """A pupil without a row in a table that is there has means that are not known and a count of 0."""
    worked(name, tables(grades=MARKS), 0 if name == "missed_assessments_12w" else nan, pupil="q")


@pytest.mark.parametrize(
    "name", [name for name in GRADES if name not in ("missed_assessments_12w", "low_marks_share_12w")]
)
def test_marks_without_weight(worked: Worked, name: str) -> None:
    """Marks whose coefficients sum to 0 have no mean: whatever needs one is not known."""
    worked(name, tables(grades=WITHOUT_WEIGHT), nan)


def test_mean_grade_12w(worked: Worked) -> None:
    """(16 + 2 x 9) / 3 = 34 / 3; a poor mark lowers it: 34 / 4."""
    worked("mean_grade_12w", tables(grades=MARKS), 34 / 3)
    worked("mean_grade_12w", tables(grades=[*MARKS, mark("2025-01-17", "french", 0)]), 34 / 4)
    worked("mean_grade_12w", tables(grades=[mark("2024-10-27", "french", 12)]), nan)


def test_term_averages_alone(worked: Worked) -> None:
    """With term averages only, they are the marks (12 and 15: 13.5), also when an assessment is not known yet."""
    terms = [term_average("2024-11-29", "french", 12), term_average("2024-11-29", "maths", 15)]
    worked("mean_grade_12w", tables(grades=terms), 13.5)
    worked("mean_grade_12w", tables(grades=[*terms, missed("2024-11-12", "absent")]), 13.5)
    late = mark("2024-11-12", "french", 2, recorded="2025-01-20")
    worked("mean_grade_12w", tables(grades=[*terms, late]), 13.5)


def test_mean_grade_year(worked: Worked) -> None:
    """(16 + 2 x 9 + 5) / 4 = 9.75; a poor mark in September lowers it: 39 / 5; June before the summer is out."""
    worked("mean_grade_year", tables(grades=MARKS), 9.75)
    worked("mean_grade_year", tables(grades=[*MARKS, mark("2024-09-03", "french", 0)]), 39 / 5)
    worked("mean_grade_year", tables(grades=[mark("2024-06-03", "french", 12)]), nan)


def test_grade_change_term(worked: Worked) -> None:
    """34 / 3 since 28 October, 5 before: 34 / 3 - 5; a poor mark lately lowers it; NaN without marks before."""
    worked("grade_change_term", tables(grades=MARKS), 34 / 3 - 5)
    worked("grade_change_term", tables(grades=[*MARKS, mark("2025-01-17", "french", 0)]), 34 / 4 - 5)
    worked("grade_change_term", tables(grades=MARKS[:2]), nan)
    worked("grade_change_term", tables(grades=[MARKS[2]]), nan)
    worked(
        "grade_change_term", tables(grades=MARKS), nan, as_of=date(2024, 11, 20)
    )  # 12w reaches 1 September


def test_grade_change_last_year(worked: Worked) -> None:
    """9.75 this year, term averages 14 and 12 the year before, so 13: -3.25; NaN when either year has no mark."""
    last = [term_average("2024-03-08", "french", 14), term_average("2024-06-07", "maths", 12)]
    older = [mark("2023-06-06", "maths", 20)]
    worked("grade_change_last_year", tables(grades=MARKS + last + older), -3.25)
    poor = mark("2025-01-17", "french", 0)
    worked("grade_change_last_year", tables(grades=[*MARKS, *last, poor]), 39 / 5 - 13)
    worked("grade_change_last_year", tables(grades=MARKS + older), nan)
    worked("grade_change_last_year", tables(grades=last), nan)


def test_lowest_core_grade_year(worked: Worked) -> None:
    """Of french 16 and maths 9 the least is 9: 5 in another subject and a subject without weight do not count."""
    rows = [*MARKS, mark("2024-11-14", "professional", 0, coefficient=0)]
    worked("lowest_core_grade_year", tables(grades=rows), 9)
    worked("lowest_core_grade_year", tables(grades=[*rows, mark("2024-11-14", "modern_language_1", 4)]), 4)
    worked("lowest_core_grade_year", tables(grades=[MARKS[2]]), nan)


def test_low_marks_share_12w(worked: Worked) -> None:
    """Of 16, 9, 7.9 and 8 one is below 8: 1 / 4; coefficients do not weigh, so a 0 with coefficient 0 makes 2 / 5."""
    rows = [*MARKS, mark("2024-11-14", "maths", 7.9), mark("2024-11-15", "maths", 4, out_of=10)]
    worked("low_marks_share_12w", tables(grades=rows), 1 / 4)
    worked(
        "low_marks_share_12w", tables(grades=[*rows, mark("2024-11-18", "maths", 0, coefficient=0)]), 2 / 5
    )
    worked("low_marks_share_12w", tables(grades=[MARKS[2]]), nan)


def test_subject_spread_year(worked: Worked) -> None:
    """Means 16, 9 and 5 stand 6, -1 and -5 from 10: sqrt(62 / 3); one subject with a mean has no spread."""
    worked("subject_spread_year", tables(grades=MARKS), sqrt(62 / 3))
    worked(
        "subject_spread_year", tables(grades=[MARKS[0], mark("2024-11-14", "maths", 3, coefficient=0)]), nan
    )
    worked("subject_spread_year", tables(grades=[MARKS[0], mark("2024-11-14", "maths", 16)]), 0)


def test_missed_assessments_12w(worked: Worked) -> None:
    """Absent twice and one not handed in since 28 October: 3; exempt and 27 October do not count."""
    rows = [
        missed("2024-10-27", "absent"), missed("2024-10-28", "absent"), missed("2024-11-12", "absent"),
        missed("2024-12-02", "not_handed_in"), missed("2024-12-03", "exempt"), missed("2025-01-20", "absent"),
    ]  # fmt: skip
    worked("missed_assessments_12w", tables(grades=rows), 3)
    worked("missed_assessments_12w", tables(grades=[*rows, missed("2025-01-19", "not_handed_in")]), 4)


def test_grade_change_since_4e(worked: Worked) -> None:
    """9.75 this year, 14 in the first 4e (the second, with 10, does not count): -4.25; a poor mark lowers it."""
    enrolments = [enrolment(2022, "4e"), enrolment(2023, "4e"), enrolment(2024, "3e")]
    rows = [*MARKS, mark("2022-11-15", "french", 14), mark("2023-11-14", "french", 10)]
    worked("grade_change_since_4e", tables(enrolments, grades=rows), -4.25)
    poor = mark("2025-01-17", "french", 0)
    worked("grade_change_since_4e", tables(enrolments, grades=[*rows, poor]), 39 / 5 - 14)


def test_grade_change_since_4e_missing(worked: Worked) -> None:
    """NaN when the first 4e is this school year, when no 4e is known, or when it has no mark."""
    rows = [*MARKS, mark("2023-11-14", "french", 10)]
    for before, now in (("5e", "4e"), ("3e", "3e"), ("5e", "5e")):
        enrolments = [enrolment(2023, before), enrolment(2024, now)]
        worked("grade_change_since_4e", tables(enrolments, grades=rows), nan)
    segpa = [enrolment(2023, "4e_segpa"), enrolment(2024, "3e_segpa")]
    worked("grade_change_since_4e", tables(segpa, grades=rows), -0.25)
    worked("grade_change_since_4e", tables(segpa, grades=MARKS), nan)
