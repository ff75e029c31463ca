"""The calendar object: additivity, refusals, immutability, identity."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import CalendarError
from decrochage_risk.school_year import SchoolCalendar, day_number, school_calendar
from decrochage_risk.school_year.school_calendar import official_half_days

if TYPE_CHECKING:
    from collections.abc import Callable

LAWS = settings(max_examples=60)
FIRST, LAST = date(2017, 9, 1), date(2027, 8, 31)
BEFORE, AFTER = FIRST - timedelta(days=1), LAST + timedelta(days=1)
BOUNDS = st.dates(FIRST, AFTER)
INSIDE = st.dates(FIRST, LAST)


@pytest.fixture
def zone_b() -> SchoolCalendar:
    return SchoolCalendar.for_zone("B")


@LAWS
@given(st.tuples(BOUNDS, BOUNDS, BOUNDS).map(sorted))
def test_windows_add_up(bounds: list[date]) -> None:
    """Two windows that touch hold together what the whole window holds."""
    start, middle, end = bounds
    between = SchoolCalendar.for_zone("B").half_days_between
    assert between(start, middle) + between(middle, end) == between(start, end)


@LAWS
@given(INSIDE)
def test_the_end_is_left_out(day: date) -> None:
    """The window from a day to the next holds that day, and the window from a day to itself nothing."""
    calendar = SchoolCalendar.for_zone("B")
    assert calendar.half_days_between(day, day + timedelta(days=1)) == calendar.half_days(day)
    assert calendar.half_days_between(day, day) == 0


@LAWS
@given(st.lists(INSIDE, max_size=20))
def test_many_days_at_once(days: list[date]) -> None:
    """Half-days of many days are those of each day, in any shape."""
    calendar = SchoolCalendar.for_zone("B")
    numbers = np.array([day_number(day) for day in days], dtype=np.int64)
    found = calendar.half_days_on(numbers)
    assert found.dtype == np.int8
    assert found.tolist() == [calendar.half_days(day) for day in days]
    assert calendar.half_days_on(numbers[:, None]).shape == (len(days), 1)
    assert np.array_equal(calendar.half_days_zero_outside(numbers), found)


@pytest.mark.parametrize("day", [BEFORE, AFTER, date(25, 9, 1), date(9999, 12, 31)])
@pytest.mark.parametrize(
    "call",
    [
        lambda calendar, day: calendar.half_days(day),
        lambda calendar, day: calendar.half_days_between(
            min(day, FIRST), max(day, FIRST) + timedelta(days=day == AFTER)
        ),
        lambda calendar, day: calendar.half_days_on([day_number(FIRST), day_number(day)]),
    ],
    ids=["half_days", "half_days_between", "half_days_on"],
)
def test_a_day_outside_is_refused(zone_b: SchoolCalendar, call: Callable[..., Any], day: date) -> None:
    """A day outside the known years is refused by every entry point, with the day and the known span."""
    with pytest.raises(CalendarError) as refused:
        call(zone_b, day)
    assert "outside the calendar 'zone B' (first: " in str(refused.value)
    assert "Expected: days from 2017-09-01 to 2027-08-31" in str(refused.value)
    assert "Hint: Check these dates; for other years, pass a calendar" in str(refused.value)


def test_the_days_outside_are_counted(zone_b: SchoolCalendar) -> None:
    """Of many days, those outside are counted and the first three shown."""
    numbers = [day_number(AFTER) + n for n in (3, 0, 1, 2)] + [day_number(LAST)]
    with pytest.raises(CalendarError, match=r"4 day\(s\).*first: 2027-09-01, 2027-09-02, 2027-09-03\)"):
        zone_b.half_days_on(numbers)


def test_zero_outside_is_asked_for(zone_b: SchoolCalendar) -> None:
    """Only the entry point that says so gives 0 outside the span, at both ends."""
    numbers = [day_number(BEFORE), day_number("2024-11-05"), day_number(AFTER), -(10**9), 10**9]
    assert zone_b.half_days_zero_outside(numbers).tolist() == [0, 2, 0, 0, 0]


def test_a_window_backwards_is_refused(zone_b: SchoolCalendar) -> None:
    """A window whose start is after its end is refused with both days."""
    with pytest.raises(CalendarError, match="starts on 2025-01-08 and ends on 2025-01-06") as refused:
        zone_b.half_days_between("2025-01-08", "2025-01-06")
    assert "Hint: Swap the two days" in str(refused.value)


@pytest.mark.parametrize("days", [[20000.5], ["2024-11-05"], np.array(["2024-11-05"], dtype="datetime64[D]")])
def test_day_numbers_are_integers(zone_b: SchoolCalendar, days: Any) -> None:
    """Days that are not whole numbers are refused by both vectorised entry points."""
    for call in (zone_b.half_days_on, zone_b.half_days_zero_outside):
        with pytest.raises(CalendarError, match="Expected: whole numbers, days from 1 January 1970"):
            call(days)


@pytest.mark.parametrize("zone", ["D", "b", "", None, "Polynésie"])
def test_unknown_zone(zone: Any) -> None:
    """A zone that is not A, B or C is refused with the zones there are."""
    with pytest.raises(CalendarError, match="is not known") as refused:
        SchoolCalendar.for_zone(zone)
    assert "Expected: one of A, B, C" in str(refused.value)
    assert "Hint: The académies of Nancy-Metz, Reims and Strasbourg are in zone B" in str(refused.value)


@pytest.mark.parametrize("zone", ["A", "C"])
def test_alsace_moselle_is_in_zone_b(zone: str) -> None:
    """The local holidays of Alsace and Moselle with another zone are refused with the way out."""
    with pytest.raises(CalendarError, match=f"alsace_moselle=True came with zone {zone}") as refused:
        SchoolCalendar.for_zone(zone, alsace_moselle=True)
    assert 'Hint: Use SchoolCalendar.for_zone("B", alsace_moselle=True)' in str(refused.value)


@pytest.mark.parametrize(
    ("half_days", "came"),
    [
        ([], "of shape (0,)"),
        ([[1, 2]], "of shape (1, 2)"),
        ([1.0, 2.0], "an array of float64"),
        ([2, 3, 1, -1], "2 value(s) are not half-days of a day: 3 at position 1, -1 at position 3"),
    ],
)
def test_bad_values_are_refused(half_days: Any, came: str) -> None:
    """Values that are not half-days of days are refused, every one of them listed."""
    with pytest.raises(CalendarError) as refused:
        SchoolCalendar("2024-09-01", half_days, name="x")
    assert came in str(refused.value)
    assert "Expected: " in str(refused.value)
    assert "Hint: " in str(refused.value)


def test_official_years_are_known() -> None:
    """An official year that the span does not wholly hold is refused."""
    with pytest.raises(
        CalendarError, match=r"The official years \[2025\] are not wholly inside 2024-09-01 to"
    ) as refused:
        SchoolCalendar("2024-09-01", [0] * 400, name="x", official_years=[2024, 2025])
    assert "Expected: some of the known school years [2024]" in str(refused.value)


@LAWS
@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(1, 1500))
def test_known_years_are_whole(first_day: date, length: int) -> None:
    """A school year is known exactly when its 1 September and its 31 August are in the span."""
    calendar = SchoolCalendar(first_day, np.zeros(length, dtype=np.int8), name="x")
    assert calendar.last_day == first_day + timedelta(days=length - 1)
    years = range(1995, 2040)
    whole = [y for y in years if first_day <= date(y, 9, 1) and date(y + 1, 8, 31) <= calendar.last_day]
    assert list(calendar.known_years) == whole == [y for y in years if calendar.covers_year(y)]
    assert calendar.unofficial_years == calendar.known_years


def test_immutable(zone_b: SchoolCalendar) -> None:
    """Nothing given out or taken in can change a calendar."""
    given = np.array([2, 2, 1], dtype=np.int8)
    calendar = SchoolCalendar("2024-09-02", given, name="x")
    given[0] = 0
    assert calendar.values.tolist() == [2, 2, 1]
    with pytest.raises(ValueError, match="read-only"):
        zone_b.values[0] = 1
    for name in ("name", "first_day", "values", "anything"):
        with pytest.raises(AttributeError):
            setattr(zone_b, name, 1)


def test_equality_and_version_follow_the_content() -> None:
    """Calendars are equal, hash alike and share a version when name, first day and values are the same."""
    base = SchoolCalendar("2024-09-02", [2, 2, 1], name="x")
    same = SchoolCalendar(date(2024, 9, 2), np.array([2, 2, 1]), name="x")
    assert base == same
    assert hash(base) == hash(same)
    assert base.version == same.version
    others = [
        SchoolCalendar("2024-09-03", [2, 2, 1], name="x"),
        SchoolCalendar("2024-09-02", [2, 2, 2], name="x"),
        SchoolCalendar("2024-09-02", [2, 2, 1], name="y"),
    ]
    assert all(other != base and other.version != base.version for other in others)
    assert base != "x"
    assert repr(base) == f"<SchoolCalendar 'x', 2024-09-02 to 2024-09-04, version {base.version}>"


def test_a_zone_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that ask for a zone together get one and the same calendar, built once."""
    builds: list[str] = []
    build = official_half_days

    def counted(zone: str, *, alsace_moselle: bool) -> Any:
        builds.append(zone)
        return build(zone, alsace_moselle=alsace_moselle)

    monkeypatch.setattr(school_calendar, "official_half_days", counted)
    school_calendar._zone_calendar.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: SchoolCalendar.for_zone("B"), range(16)))
    assert builds == ["B"]
    assert len({id(calendar) for calendar in found}) == 1
