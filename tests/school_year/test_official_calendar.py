"""The zones against their vacations, written down a second time from the calendars of the Ministry."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from decrochage_risk.errors import CalendarError
from decrochage_risk.school_year import SchoolCalendar, year_end, year_start
from decrochage_risk.school_year import school_calendar as official_calendar
from decrochage_risk.school_year.school_calendar import OFFICIAL_TEXTS, ZONES, declared_calendars

WEEK = (2, 2, 1, 2, 2, 0, 0)

# Return of the pupils; Toussaint, Noël (first day off, day of return); "pont" off; first day of the summer.
COMMON = {
    2017: ("0904", ("1021", "1106"), ("1223", "0108"), None, "0707"),
    2018: ("0903", ("1020", "1105"), ("1222", "0107"), "0531", "0706"),
    2019: ("0902", ("1019", "1104"), ("1221", "0106"), "0522", "0704"),
    2020: ("0901", ("1017", "1102"), ("1219", "0104"), "0514", "0707"),
    2021: ("0902", ("1023", "1108"), ("1218", "0103"), "0527", "0708"),
    2022: ("0901", ("1022", "1107"), ("1217", "0103"), "0519", "0708"),
    2023: ("0904", ("1021", "1106"), ("1223", "0108"), "0510", "0706"),
    2024: ("0902", ("1019", "1104"), ("1221", "0106"), "0530", "0705"),
    2025: ("0901", ("1018", "1103"), ("1220", "0105"), "0515", "0704"),
    2026: ("0901", ("1017", "1102"), ("1219", "0104"), "0507", "0703"),
}

# Winter and spring of zones A, B, C (first day off, day of return).
BY_ZONE = {
    2017: ("0210 0226 0407 0423", "0224 0312 0421 0507", "0217 0305 0414 0430"),
    2018: ("0216 0304 0413 0429", "0209 0225 0406 0423", "0223 0311 0420 0506"),
    2019: ("0222 0309 0418 0504", "0215 0302 0411 0427", "0208 0224 0404 0420"),
    2020: ("0206 0222 0410 0426", "0220 0308 0410 0426", "0213 0301 0410 0426"),
    2021: ("0212 0228 0416 0502", "0205 0221 0409 0425", "0219 0307 0423 0509"),
    2022: ("0204 0220 0408 0424", "0211 0227 0415 0502", "0218 0306 0422 0509"),
    2023: ("0217 0304 0413 0429", "0224 0311 0420 0506", "0210 0226 0406 0422"),
    2024: ("0222 0310 0419 0505", "0208 0224 0405 0422", "0215 0303 0412 0428"),
    2025: ("0207 0223 0404 0420", "0214 0302 0411 0427", "0221 0309 0418 0504"),
    2026: ("0213 0301 0410 0426", "0220 0308 0417 0503", "0206 0222 0403 0419"),
}


def in_school_year(school_year: int, month_day: str) -> date:
    month, day = int(month_day[:2]), int(month_day[2:])
    return date(school_year if month >= 9 else school_year + 1, month, day)


def easter(year: int) -> date:
    """Anonymous Gregorian computus (Meeus)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def public_holidays(year: int, *, alsace_moselle: bool) -> set[date]:
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    moving = [1, 39, 50]
    if alsace_moselle:
        fixed, moving = [*fixed, (12, 26)], [*moving, -2]
    return {date(year, *day) for day in fixed} | {easter(year) + timedelta(days=shift) for shift in moving}


def expected_half_days(school_year: int, zone: str, *, alsace_moselle: bool) -> dict[date, int]:
    start, toussaint, noel, bridge, summer = COMMON[school_year]
    winter_off, winter_back, spring_off, spring_back = BY_ZONE[school_year]["ABC".index(zone)].split()
    off = [toussaint, noel, (winter_off, winter_back), (spring_off, spring_back)]
    holidays = public_holidays(school_year, alsace_moselle=alsace_moselle)
    holidays |= public_holidays(school_year + 1, alsace_moselle=alsace_moselle)
    if bridge is not None:
        holidays.add(in_school_year(school_year, bridge))
    half_days = {}
    day = year_start(school_year)
    while day <= year_end(school_year):
        inside = in_school_year(school_year, start) <= day < in_school_year(school_year, summer)
        on_holiday = any(
            in_school_year(school_year, first) <= day < in_school_year(school_year, back)
            for first, back in off
        )
        half_days[day] = WEEK[day.weekday()] if inside and not on_holiday and day not in holidays else 0
        day += timedelta(days=1)
    return half_days


@pytest.mark.parametrize("school_year", sorted(COMMON))
@pytest.mark.parametrize(("zone", "alsace_moselle"), [("A", False), ("B", False), ("C", False), ("B", True)])
def test_every_day_of_every_zone(school_year: int, zone: str, alsace_moselle: bool) -> None:  # noqa: FBT001 (parametrised)
    """Every day of every known year and zone holds the half-days that the Ministry's dates and Easter give."""
    calendar = SchoolCalendar.for_zone(zone, alsace_moselle=alsace_moselle)
    expected = expected_half_days(school_year, zone, alsace_moselle=alsace_moselle)
    found = {day: calendar.half_days(day) for day in expected}
    assert {day: (found[day], expected[day]) for day in expected if found[day] != expected[day]} == {}


@pytest.mark.parametrize(
    ("alsace_moselle", "totals"),
    [(False, (312, 315, 310, 310)), (True, (310, 313, 310, 308))],
)
def test_half_days_per_year(alsace_moselle: bool, totals: tuple[int, ...]) -> None:  # noqa: FBT001 (parametrised)
    """Zone B holds the published half-days a year from 2022-2023 on, with and without the local holidays."""
    calendar = SchoolCalendar.for_zone("B", alsace_moselle=alsace_moselle)
    found = tuple(calendar.half_days_between(year_start(y), year_start(y + 1)) for y in range(2022, 2026))
    assert found == totals


@pytest.mark.parametrize(
    ("school_year", "months"),
    [
        (2022, "40 27 30 22 38 18 41 16 31 40 9"),
        (2023, "36 27 34 29 32 31 27 25 29 36 9"),
        (2024, "38 25 34 27 36 18 38 19 32 36 7"),
        (2025, "40 23 34 27 36 18 40 19 28 40 5"),
    ],
)
def test_half_days_per_month(school_year: int, months: str) -> None:
    """Zone B holds the published half-days of every month from September to July, and none in August."""
    calendar = SchoolCalendar.for_zone("B")
    starts = [date(school_year + (m > 12), (m - 1) % 12 + 1, 1) for m in range(9, 22)]
    found = [calendar.half_days_between(a, b) for a, b in pairwise(starts)]
    assert found == [*map(int, months.split()), 0]


@pytest.mark.parametrize(
    ("day", "half_days"),
    [("2018-05-11", 2), ("2021-05-17", 2), ("2021-07-06", 2), ("2022-07-07", 2), ("2021-09-01", 0)],
)
def test_departures_from_the_library(day: str, half_days: int) -> None:
    """Where the library or the habit of a bridge departs from the arrêtés, the arrêtés win, in all zones."""
    assert {SchoolCalendar.for_zone(zone).half_days(day) for zone in ZONES} == {half_days}


def test_spring_2021_is_the_same_in_all_zones() -> None:
    """From 10 April to 9 May 2021 the three zones hold the same days, as the holidays were unified."""
    found = [
        [SchoolCalendar.for_zone(zone).half_days(date(2021, 4, 10) + timedelta(days=n)) for n in range(30)]
        for zone in ZONES
    ]
    assert found[0] == found[1] == found[2]
    assert found[0][:16] == [0] * 16


def test_spring_2020_is_not_a_holiday() -> None:
    """The closures of March to May 2020 hold school half-days, as the official calendar says."""
    assert SchoolCalendar.for_zone("B").half_days_between("2020-03-16", "2020-03-23") == 9


def test_official_years() -> None:
    """Every known year of the zones is official, and a text is named for it."""
    calendar = SchoolCalendar.for_zone("C")
    assert (
        calendar.known_years == calendar.official_years == tuple(range(2017, 2027)) == tuple(OFFICIAL_TEXTS)
    )
    assert calendar.unofficial_years == ()
    assert all(OFFICIAL_TEXTS.values())


def test_a_source_with_a_hole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that lacks the vacations of a year is refused with the year, never read as school days."""
    from vacances_scolaires_france import SchoolHolidayDates  # noqa: PLC0415 (patched here only)

    whole = SchoolHolidayDates.holidays_for_year_and_zone

    def without_2027(self: object, year: int, zone: str) -> dict[date, object]:
        return {} if year == 2027 else whole(self, year, zone)

    monkeypatch.setattr(SchoolHolidayDates, "holidays_for_year_and_zone", without_2027)
    with pytest.raises(CalendarError) as refused:
        official_calendar.official_half_days("B", alsace_moselle=False)
    assert "2026-2027: " in str(refused.value)
    assert "Expected: 290 to 330" in str(refused.value)
    assert "Hint: Upgrade vacances-scolaires-france" in str(refused.value)


ACADEMIES = ["Corse", "Guadeloupe", "Guyane", "Martinique", "Mayotte", "Réunion"]


@pytest.mark.parametrize("name", ACADEMIES)
def test_an_academie_has_36_weeks_of_its_own(name: str) -> None:
    """Each known year of an académie of Corsica or overseas holds some 36 weeks of 9 half-days; its days differ from every zone's."""
    calendar = SchoolCalendar.for_zone(name)
    assert calendar.known_years == calendar.official_years == (2022, 2023, 2024, 2025)
    assert calendar.official_zone == name == calendar.name
    for year in calendar.known_years:
        start, end = date(year, 9, 1), date(year + 1, 9, 1)
        assert 304 <= calendar.half_days_between(start, end) <= 316
        days = [start + timedelta(days=n) for n in range((end - start).days)]
        own = [calendar.half_days(day) for day in days]
        for zone in ZONES:
            assert own != [SchoolCalendar.for_zone(zone).half_days(day) for day in days]


@pytest.mark.parametrize(
    ("name", "held", "off"),
    [
        # académie de Corse, as its press printed it: back on 2 September 2025, the 8th off, the 8 December, the bridge of May
        (
            "Corse",
            "2025-09-02 2025-11-03 2026-01-05 2026-07-03",
            "2025-09-01 2025-09-08 2025-12-08 2026-02-16 2026-05-15",
        ),
        # Guadeloupe 2024-2025: leaves on Tuesday 22 October after class; Mi-carême; the week of May
        (
            "Guadeloupe",
            "2024-10-22 2025-05-05",
            "2024-10-23 2025-03-27 2025-04-18 2025-05-26 2025-05-27 2025-05-30",
        ),
        # La Réunion: back in August, off a month from 20 December (abolition of slavery, a holiday there)
        (
            "Réunion",
            "2024-08-19 2024-12-19 2025-01-21 2026-08-18 2027-02-01",
            "2024-08-16 2024-12-20 2025-01-20 2026-10-12",
        ),
        ("Mayotte", "2026-05-18 2026-08-24", "2025-12-15 2026-03-02 2026-05-15 2026-08-21"),
        ("Guyane", "2023-05-12 2026-04-16", "2023-05-15 2026-04-02 2026-06-10 2026-05-15"),
        ("Martinique", "2026-03-27 2026-04-13", "2026-03-30 2026-05-15 2026-05-22"),
    ],
)
def test_days_of_an_academie(name: str, held: str, off: str) -> None:
    """Days as académies and the press printed them, the day of leaving and of return held, are those of the calendar."""
    calendar = SchoolCalendar.for_zone(name)
    assert all(calendar.half_days(day) for day in held.split())
    assert not any(calendar.half_days(day) for day in off.split())


def test_a_calendar_ends_where_its_source_ends() -> None:
    """A day after the last that was read is an error, never a school day or a holiday that nobody read."""
    for name, declared in declared_calendars().items():
        calendar = SchoolCalendar.for_zone(name)
        assert calendar.last_day == declared.last_day
        with pytest.raises(CalendarError, match="outside the calendar"):
            calendar.half_days(declared.last_day + timedelta(days=1))
        assert declared.source


@pytest.mark.parametrize("word", ["réunion", "REUNION", "Réunion", "re\u0301union"])
def test_the_name_of_an_academie_is_read_as_it_is_typed(word: str) -> None:
    """Accents and capitals do not matter, and the calendar is one."""
    assert SchoolCalendar.for_zone(word) is SchoolCalendar.for_zone("Réunion")
    with pytest.raises(CalendarError, match="Alsace"):
        SchoolCalendar.for_zone(word, alsace_moselle=True)
