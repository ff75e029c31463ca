"""Each contract feature of orientation and path on tiny tables, the value worked out by hand."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import pytest
from tiny_rows import enrolment, event, tables

if TYPE_CHECKING:
    from conftest import Worked

ORIENTATION = ["track_changes_year", "assigned_wish_rank", "first_wish_refused", "council_against_wish"]


@pytest.mark.parametrize("name", ORIENTATION)
def test_unknown_orientation(worked: Worked, name: str) -> None:
    """Without the orientation table, each of its features is not known."""
    worked(name, tables(), nan)


@pytest.mark.parametrize("name", ORIENTATION)
def test_no_row_of_orientation(worked: Worked, name: str) -> None:
    """A pupil without a row in a table that is there has 0 changes of track; the rest is not known."""
    rows = [event("2024-06-20", "assignment", 2)]
    worked(name, tables(orientation=rows), 0 if name == "track_changes_year" else nan, pupil="q")


@pytest.mark.parametrize(
    ("level", "birth", "years"),
    [
        ("3e", "2010-01-01", 0),  # 2024 - 2010 - 14
        ("3e", "2009-12-31", 1),
        ("3e_pm", "2009-12-31", 1),
        ("4e_segpa", "2009-05-12", 2),  # 2024 - 2009 - 13
        ("2de_gt", "2010-05-12", -1),
        ("cap2", "2007-05-12", 1),  # 2024 - 2007 - 16
        ("tle_pro", "2005-05-12", 2),
        ("6e", "2013-05-12", 0),
    ],
)
def test_years_behind(worked: Worked, level: str, birth: str, years: float) -> None:
    """School year less birth year less the normal age of the level; an earlier birth raises it."""
    worked("years_behind", tables([enrolment(2024, level)], birth=birth), years)


def test_years_behind_takes_the_latest_enrolment(worked: Worked) -> None:
    """The level is that of the known enrolment with the latest start: 2de_pro since November, 2024 - 2009 - 15 = 0."""
    enrolments = [
        enrolment(2024, "2de_pro", "2024-11-12", "2025-01-19"),
        enrolment(2024, "cap2", "2025-01-20"),
        enrolment(2024, "1re_gt", end="2024-11-08"),
    ]
    worked("years_behind", tables(enrolments, birth="2009-05-12"), 0)


def test_years_behind_missing(worked: Worked) -> None:
    """NaN without a birth date, and without a known enrolment."""
    worked("years_behind", tables(), nan)
    worked("years_behind", tables([enrolment(2024, "3e", "2025-01-20")], birth="2009-05-12"), nan)
    worked("years_behind", tables([], birth="2009-05-12"), nan)


def test_repeated_years(worked: Worked) -> None:
    """4e twice is 1 repeated year, 3e thereafter none; a year at another level or away between two is no repeat."""
    path = [enrolment(2021, "5e"), enrolment(2022, "4e"), enrolment(2023, "4e")]
    worked("repeated_years", tables([*path, enrolment(2024, "3e")]), 1)
    worked("repeated_years", tables([*path, enrolment(2024, "4e")]), 2)
    worked("repeated_years", tables([enrolment(2022, "4e"), enrolment(2024, "4e")]), 0)
    worked("repeated_years", tables([]), 0)


def test_repeated_years_take_the_latest_level(worked: Worked) -> None:
    """The level of 2023-24 is the cap1 of spring, so a cap1 in 2024-25 repeats it; one not started yet does not."""
    path = [enrolment(2023, "2de_pro", end="2024-03-01"), enrolment(2023, "cap1", "2024-03-04")]
    worked("repeated_years", tables([*path, enrolment(2024, "cap1")]), 1)
    worked("repeated_years", tables([*path, enrolment(2024, "cap1", "2025-01-20")]), 0)


def test_school_changes_3y(worked: Worked) -> None:
    """A new school on 1 September 2022, the first day, and one in November: 2; 2021 and a later start do not count."""
    path = [
        enrolment(2020, "6e", school=1),
        enrolment(2021, "5e", school=2),
        enrolment(2022, "4e", school=3),
        enrolment(2023, "3e", school=3),
        enrolment(2024, "3e", end="2024-11-08", school=3),
        enrolment(2024, "3e", "2024-11-12", "2025-01-19", school=4),
        enrolment(2024, "3e", "2025-01-20", school=5),
    ]
    worked("school_changes_3y", tables(path), 2)
    worked("school_changes_3y", tables([*path[:5]]), 1)
    worked("school_changes_3y", tables([]), 0)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("3e", "2de_pro", 0),
        ("3e_pm", "cap1", 0),
        ("3e_segpa", "1re_gt", 0),
        ("3e", "3e_pm", 1),
        ("4e", "2de_pro", 1),
    ],
)
def test_school_changes_from_3e_to_lycee(worked: Worked, before: str, after: str, changes: float) -> None:
    """Another school counts as a change, except from a 3e level to a lycée level."""
    path = [enrolment(2023, before, school=1), enrolment(2024, after, school=2)]
    worked("school_changes_3y", tables(path), changes)


def test_track_changes_year(worked: Worked) -> None:
    """1 September and 19 January count, 31 August and 20 January do not: 2; no other event counts."""
    days = ("2024-08-31", "2024-09-01", "2025-01-19", "2025-01-20")
    rows = [event(day, "track_change") for day in days]
    rows += [event("2025-01-10", "wish", 1), event("2025-01-10", "track_change", recorded="2025-01-20")]
    worked("track_changes_year", tables(orientation=rows), 2)
    worked("track_changes_year", tables(orientation=[*rows, event("2024-10-01", "track_change")]), 3)


def test_assigned_wish_rank(worked: Worked) -> None:
    """The latest assignment gives the rank: 3 in July, not 1 in June; a later wish is no assignment."""
    rows = [
        event("2024-07-02", "assignment", 3),
        event("2024-06-20", "assignment", 1),
        event("2024-09-10", "wish", 4),
    ]
    worked("assigned_wish_rank", tables(orientation=rows), 3)
    worked("assigned_wish_rank", tables(orientation=[*rows, event("2024-09-03", "assignment")]), nan)
    worked("assigned_wish_rank", tables(orientation=rows[2:]), nan)


def test_assigned_wish_rank_ties(worked: Worked) -> None:
    """On one day the later record wins, a missing record is the earliest; then the greater rank, a missing one last."""
    first = event("2024-07-02", "assignment", 5)
    later = event("2024-07-02", "assignment", 2, recorded="2024-07-03")
    without = event("2024-07-02", "assignment", recorded="2024-07-03")
    for rows in ([first, later, without], [without, later, first]):
        worked("assigned_wish_rank", tables(orientation=rows), 2)
    greater = event("2024-07-02", "assignment", 4, recorded="2024-07-03")
    worked("assigned_wish_rank", tables(orientation=[greater, later, first]), 4)


@pytest.mark.parametrize(("rank", "refused"), [(1, 0), (2, 1), (None, 1)])
def test_first_wish_refused(worked: Worked, rank: int | None, refused: float) -> None:
    """0 when the latest assignment is the first wish, 1 when it is another or none; NaN without an assignment."""
    rows = [event("2024-06-20", "assignment", 1 if refused else 3), event("2024-07-02", "assignment", rank)]
    worked("first_wish_refused", tables(orientation=rows), refused)
    worked("first_wish_refused", tables(orientation=[event("2024-07-02", "wish", rank)]), nan)


def test_council_against_wish(worked: Worked) -> None:
    """The latest council decision: 1 if not granted, 0 if granted, NaN if it is not said."""
    granted = event("2024-03-10", "council_decision", granted=True)
    refused = event("2024-06-10", "council_decision", granted=False)
    unsaid = event("2024-06-17", "council_decision")
    worked("council_against_wish", tables(orientation=[refused, granted]), 1)
    worked("council_against_wish", tables(orientation=[granted]), 0)
    worked("council_against_wish", tables(orientation=[refused, granted, unsaid]), nan)
    worked("council_against_wish", tables(orientation=[event("2024-06-10", "assignment", 1)]), nan)


def test_council_against_wish_ties(worked: Worked) -> None:
    """On one day a refusal is later than a decision not said, and that later than a granted one, in any row order."""
    granted = event("2024-06-10", "council_decision", granted=True)
    unsaid = event("2024-06-10", "council_decision")
    refused = event("2024-06-10", "council_decision", granted=False)
    worked("council_against_wish", tables(orientation=[refused, granted, unsaid]), 1)
    worked("council_against_wish", tables(orientation=[unsaid, granted]), nan)
