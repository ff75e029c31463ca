"""Absences held against the days they are dated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.records.checks import conform, cross_check
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from decrochage_risk.records.faults import FaultGroup

CALENDAR = SchoolCalendar.for_zone("B")
STAY = {
    "pupil_id": "a",
    "school_year": 2024,
    "school_id": "0990001N",
    "level": "3e",
    "start_date": "2024-09-02",
}
ABSENCE = {"pupil_id": "a", "date": "2024-10-01", "half_days": 1, "kind": "absence"}
WEDNESDAY, SUNDAY, HOLIDAY = "2024-10-02", "2024-10-06", "2024-11-11"


def _faults(absences: list[dict[str, Any]], stay: dict[str, Any] = STAY) -> list[FaultGroup]:
    tables = {"pupils": [{"pupil_id": "a"}], "enrolments": [stay], "absences": absences}
    return cross_check(
        {name: conform(TABLES[name], pd.DataFrame(rows)).frame for name, rows in tables.items()}, CALENDAR
    )


def _only_fault(absences: list[dict[str, Any]], stay: dict[str, Any] = STAY) -> FaultGroup:
    (fault,) = _faults(absences, stay)
    return fault


def test_more_than_two_half_days_of_one_day() -> None:
    """Absence, exclusion and placement of one pupil on one day may not exceed 2 half-days; every row is reported."""
    rows = [
        ABSENCE | {"half_days": 2},
        ABSENCE | {"kind": "exclusion"},
        ABSENCE | {"kind": "lateness", "half_days": 0},
        ABSENCE | {"date": "2024-10-03", "half_days": 2},
    ]
    fault = _only_fault(rows)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("too_many_half_days", "error", [0, 1])
    assert "counted twice" in fault.hint
    assert _faults([ABSENCE, ABSENCE | {"kind": "placement"}]) == []


def test_a_row_recorded_later_does_not_set_aside_an_earlier_one() -> None:
    """Of a day with too many half-days, only the rows with which it came to hold too many are reported."""
    first, later = ABSENCE | {"half_days": 2}, ABSENCE | {"recorded_on": "2024-10-20", "kind": "exclusion"}
    assert _only_fault([later, first]).rows.tolist() == [0]
    assert _only_fault([first | {"recorded_on": "2024-10-20"}, later]).rows.tolist() == [0, 1]
    fault = _only_fault([later | {"recorded_on": "2024-10-30"}, first | {"recorded_on": "2024-10-05"}, later])
    assert fault.rows.tolist() == [0, 2]


def test_days_without_school() -> None:
    """An absence, or a lateness, on a Sunday or a public holiday is a warning."""
    late = {"kind": "lateness", "half_days": 0}
    rows = [
        ABSENCE,
        ABSENCE | {"date": SUNDAY},
        ABSENCE | {"date": HOLIDAY},
        ABSENCE | {"date": SUNDAY} | late,
    ]
    fault = _only_fault(rows)
    assert (fault.rule, fault.severity, fault.rows.tolist()) == ("no_school_day", "warning", [1, 2, 3])
    assert "counts for nothing" in fault.hint


def test_more_than_the_day_holds() -> None:
    """Two half-days on a Wednesday, in one row or in two, are a warning."""
    assert _faults([ABSENCE | {"date": WEDNESDAY}]) == []
    one = _only_fault([ABSENCE | {"date": WEDNESDAY, "half_days": 2}])
    assert (one.rule, one.severity, one.rows.tolist()) == ("beyond_the_day", "warning", [0])
    two = _only_fault([ABSENCE | {"date": WEDNESDAY}, ABSENCE | {"date": WEDNESDAY, "kind": "exclusion"}])
    assert (two.rule, two.rows.tolist()) == ("beyond_the_day", [0, 1])


def test_days_outside_the_calendar() -> None:
    """An absence on a day that the calendar does not know is a warning, never a day without school."""
    fault = _only_fault(
        [ABSENCE | {"date": "2000-10-03"}], STAY | {"school_year": 2000, "start_date": "2000-09-05"}
    )
    assert (fault.rule, fault.severity) == ("outside_calendar", "warning")
    assert str(CALENDAR.first_day) in fault.expected
    assert str(CALENDAR.last_day) in fault.expected
