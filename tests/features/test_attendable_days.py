"""What a pupil could not attend is neither presence nor absence: whole weeks of placement and exclusion, worked by hand.

Monday 20 January 2025: the twelve weeks hold nine weeks of school, from 4 November on.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import nan
from typing import TYPE_CHECKING

import numpy as np
import pytest
from random_records import as_frames
from tiny_rows import AS_OF, Row, absence, enrolment, lateness, mark, tables

from decrochage_risk.explain import Attribution, find_reasons
from decrochage_risk.features import CATALOGUE
from decrochage_risk.features.definition import LEAST_BASE
from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from conftest import Worked
    from decrochage_risk.records import KnownRecords

NEEDS_ATTENDANCE = [feature.name for feature in CATALOGUE if feature.needs_attendance]


def away(first: str, last: str, kind: str = "placement") -> list[Row]:
    """Write a row for each weekday from ``first`` to ``last``: 2 half-days, 1 on a Wednesday."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [start + timedelta(n) for n in range((end - start).days + 1)]
    return [
        absence(day.isoformat(), 1 if day.weekday() == 2 else 2, kind=kind, justified=None)
        for day in days
        if day.weekday() < 5
    ]


WHOLE_12W = away("2024-11-04", "2025-01-19")
WHOLE_YEAR = away("2024-09-02", "2025-01-19")
NINE_OF_12W = away(
    "2024-11-18", "2025-01-12"
)  # leaves the weeks of 4 and 12 (Armistice) November, and 13 January


@pytest.mark.parametrize("kind", ["placement", "exclusion"])
@pytest.mark.parametrize(
    "name",
    ["absent_weeks_share_12w", "absent_weeks_change_12w", "longest_absence_run_12w", "quiet_weeks_share_12w",
     "absence_rate_4w", "unjustified_against_last_year_12w", "lateness_change_4w"],
)  # fmt: skip
def test_nothing_attendable_in_the_window(worked: Worked, name: str, kind: str) -> None:
    """On placement or excluded for every half-day of the twelve weeks, their rhythm is not known: never 0."""
    rows = [row | {"kind": kind} for row in WHOLE_12W]
    worked(name, tables([enrolment(2023, "4e"), enrolment(2024, "3e")], absences=rows, grades=[]), nan)


@pytest.mark.parametrize("name", ["current_absence_run", "months_since_threshold_year"])
def test_nothing_attendable_in_the_year(worked: Worked, name: str) -> None:
    """Away since September, neither the last day at school nor the months are known."""
    worked(name, tables(absences=WHOLE_YEAR), nan)


@pytest.mark.parametrize(
    "name",
    ["months_over_threshold_last_year", "missed_assessments_last_year", "absent_weeks_share_last_year"],
)
def test_nothing_attendable_last_year(worked: Worked, name: str) -> None:
    """Of a school year spent away as a whole, nothing is known, although the pupil was enrolled."""
    path = [enrolment(2023, "1re_pro"), enrolment(2024, "tle_pro")]
    rows = away("2023-09-01", "2024-07-10")
    worked(name, tables(path, absences=rows, grades=[]), nan)


def test_absent_weeks_are_those_attendable(worked: Worked) -> None:
    """Of three attendable weeks in nine, one with an absence is 1/3; a half-day left of a week makes it attendable."""
    rows = [*NINE_OF_12W, absence("2025-01-14", 1)]
    worked("absent_weeks_share_12w", tables(absences=rows), 1 / 3)
    without_a_morning = [row for row in rows if row["date"] != date(2025, 1, 8)]
    worked("absent_weeks_share_12w", tables(absences=without_a_morning), 1 / 4)


def test_an_absence_noted_in_a_week_away_counts_for_no_week(worked: Worked) -> None:
    """A half-day of absence beside a placement on a Wednesday, which holds one, falls in no attendable week."""
    rows = [*NINE_OF_12W, absence("2024-12-04", 1)]
    worked("absent_weeks_share_12w", tables(absences=rows), 0)
    worked("longest_absence_run_year", tables(absences=rows), 0)


def test_a_placement_does_not_break_a_run(worked: Worked) -> None:
    """Absent the two days before a placement of eight weeks and the three after it: a run of five, still going on."""
    days = ["2024-11-14", "2024-11-15", "2025-01-15", "2025-01-16", "2025-01-17"]
    rows = [*away("2024-11-18", "2025-01-14"), *(absence(day, 1) for day in days)]
    for name in ("longest_absence_run_year", "longest_absence_run_12w", "current_absence_run"):
        worked(name, tables(absences=rows), 5)


def test_a_run_until_a_placement_goes_on(worked: Worked) -> None:
    """The last day that could be attended is the one before the placement: its absence is the current run."""
    rows = [*away("2024-12-02", "2025-01-19"), absence("2024-11-28", 2), absence("2024-11-29", 2)]
    worked("current_absence_run", tables(absences=rows), 2)


def test_a_day_without_enrolment_breaks_a_run(worked: Worked) -> None:
    """A school day between two enrolments breaks a run, a day on placement does not."""
    path = [enrolment(2024, "3e", end="2025-01-13"), enrolment(2024, "3e", "2025-01-15")]
    rows = [absence(day, 1) for day in ("2025-01-10", "2025-01-13", "2025-01-15")]
    worked("longest_absence_run_year", tables(path, absences=rows), 2)


def test_months_away_do_not_count(worked: Worked) -> None:
    """The threshold reached in October, November and December away: October and January are two months."""
    rows = [absence(f"2024-10-{day:02d}", 2) for day in (7, 8)] + away("2024-11-01", "2024-12-31")
    worked("months_since_threshold_year", tables(absences=rows), 2)


def test_days_since_a_mark_are_those_attendable(worked: Worked) -> None:
    """A mark on Friday 15 November, away until 12 January: the five days from 13 to 17 January."""
    rows = tables(absences=NINE_OF_12W, grades=[mark("2024-11-15", "maths", 12)])
    worked("school_days_since_mark", rows, 5)
    worked("quiet_weeks_share_12w", rows, 2 / 3)


def test_without_absences_every_school_day_is_attendable(worked: Worked) -> None:
    """Where placements are not known, days since a mark are the school days: 13 to 17 January."""
    worked("school_days_since_mark", tables(grades=[mark("2025-01-10", "maths", 12)]), 5)


def known_of(rows: list[Row]) -> KnownRecords:
    """Return the records of a pupil with these rows of absences, cut on the usual day."""
    frames = as_frames(tables(absences=rows, grades=[]))
    return PupilRecords(**{name: frame for name, frame in frames.items() if frame is not None}).known_on(
        AS_OF
    )


def reasons_told(name: str, known: KnownRecords) -> list[str]:
    """Codes of the reasons that a value of 0 gives where the reference is 9 and the model takes a point off for it."""
    zero, nine, push = np.zeros((1, 1)), np.full((1, 1), 9.0), np.full((1, 1), -0.9)
    attribution = Attribution(
        columns=(name,),
        raw=push,
        raw_base=np.array([-1.0]),
        contributions=push,
        base=np.array([-1.0]),
        log_odds=np.array([-1.9]),
        additive=np.ones(1, dtype=np.bool_),
        filled=zero,
        references=nine,
        general=np.zeros((1, 1), dtype=np.bool_),
    )
    codes: list[str] = (
        find_reasons(attribution, zero, known, pupils=np.zeros(1, dtype=np.int64)).columns["code"].tolist()
    )
    return codes


@pytest.mark.parametrize("name", NEEDS_ATTENDANCE)
def test_a_count_of_nothing_attended_is_no_reason(name: str) -> None:
    """A count of 0 over days that a pupil could not attend is told of nobody; over days at school it is."""
    assert reasons_told(name, known_of(WHOLE_YEAR)) == []
    assert reasons_told(name, known_of([lateness("2024-09-10")])) == [name]


@pytest.mark.parametrize("name", ["absent_weeks_share_12w", "quiet_weeks_share_12w"])
@pytest.mark.parametrize(("first_week_away", "weeks"), [("2024-11-18", 2), ("2024-11-25", 3)])
def test_a_share_of_two_weeks_is_to_nobodys_credit(name: str, first_week_away: str, weeks: int) -> None:
    """A share of 0 absent or quiet weeks is told from three such weeks on, never of the days around a placement."""
    known = known_of(away(first_week_away, "2025-01-19"))
    assert reasons_told(name, known) == ([name] if weeks >= LEAST_BASE else [])


@pytest.mark.parametrize(("marks", "is_told"), [(2, False), (3, True)])
def test_two_marks_are_to_nobodys_credit(marks: int, *, is_told: bool) -> None:
    """A share of 0 low marks is told from three marks on."""
    name, rows = "low_marks_share_12w", [mark(f"2025-01-{13 + day}", "maths", 12) for day in range(marks)]
    frames = as_frames(tables(absences=[], grades=rows))
    known = PupilRecords(**{key: frame for key, frame in frames.items() if frame is not None}).known_on(AS_OF)
    assert reasons_told(name, known) == ([name] if is_told else [])
