from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.features import MonthlyAbsence
from decrochage_risk.records import PupilRecords
from decrochage_risk.school_year import day_number

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort


def _months(rows: list[dict[str, object]] | None, as_of: date) -> MonthlyAbsence:
    records = PupilRecords(
        pupils=[{"pupil_id": "a"}],
        enrolments=[
            {
                "pupil_id": "a",
                "school_year": 2024,
                "school_id": "0990001N",
                "level": "2de_pro",
                "start_date": "2024-09-02",
            }
        ],
        absences=rows if rows is None else [{"pupil_id": "a", "kind": "absence", **row} for row in rows],
    )
    return MonthlyAbsence.of(records.known_on(as_of))


def _absences(*days: str, half_days: int = 2) -> list[dict[str, object]]:
    return [{"date": day, "half_days": half_days, "justified": False, "justified_on": None} for day in days]


def test_the_month_of_the_law_is_a_calendar_month() -> None:
    """Half-days of February and of March are told apart; the larger counts, and is told with its month."""
    rows = _absences("2025-02-03", "2025-02-04", "2025-01-30") + _absences("2025-03-03", half_days=1)
    found = _months(rows, date(2025, 3, 6))

    assert found.months == (
        *(date(2024, month, 1) for month in (9, 10, 11, 12)),
        *(date(2025, month, 1) for month in (1, 2, 3)),
    )
    assert found.half_days.tolist() == [[0.0, 0.0, 0.0, 0.0, 2.0, 4.0, 1.0]]
    assert found.most(0) == 4.0
    assert found.last_day.tolist() == [day_number(date(2025, 3, 3))]
    assert found.told(0) == "4 demi-journées non justifiées en février 2025"


def test_the_day_itself_and_a_motive_given_in_time_do_not_count() -> None:
    """What happens on the as-of date is not known; an absence justified before it is no unjustified one."""
    rows = [
        *_absences("2025-03-03", "2025-03-06"),
        {"date": "2025-03-04", "half_days": 2, "justified": True, "justified_on": "2025-03-05"},
        {"date": "2025-03-05", "half_days": 1, "justified": True, "justified_on": "2025-03-20"},
    ]
    assert _months(rows, date(2025, 3, 6)).half_days[0, -2:].tolist() == [0.0, 3.0]


def test_on_the_first_of_a_month_the_last_one_is_whole() -> None:
    """On 1 April the current month is March: nobody's absences fall between two months."""
    found = _months(_absences("2025-03-31", "2025-02-28"), date(2025, 4, 1))
    assert found.months[-2:] == (date(2025, 2, 1), date(2025, 3, 1))
    assert found.half_days[0, -1] == 2.0


def test_absences_that_are_not_known_are_no_zero() -> None:
    """Without the table no month is known; with a table that was sent the months begin with the school year."""
    assert math.isnan(_months(None, date(2025, 3, 6)).most(0))
    september = _months([], date(2024, 9, 10))
    assert september.months == (date(2024, 9, 1),)
    assert september.most(0) == 0.0
    assert september.last_day.tolist() == [-1]


@pytest.mark.whole
@pytest.mark.parametrize("as_of", [date(2025, 3, 5), date(2024, 11, 5), date(2025, 1, 7)])
def test_months_equal_a_count_by_hand(small_cohort: Cohort, as_of: date) -> None:
    """On real calendars the months of every pupil equal a plain count of the rows, capped by the day's half-days."""
    known = small_cohort.records.known_on(as_of)
    found = MonthlyAbsence.of(known)
    calendar = small_cohort.records.calendar
    counts = {pupil: [0.0] * len(found.months) for pupil in known.pupil_ids}
    assert known.absences is not None
    rows = known.absences[
        (known.absences["kind"] == "absence") & ~known.absences["justified"].fillna(value=False)
    ]
    rows = rows[rows["date"].dt.strftime("%Y-%m").isin([month.strftime("%Y-%m") for month in found.months])]
    stays = dict(list(known.enrolments.groupby("pupil_id")))
    for pupil, day, half_days in zip(rows["pupil_id"], rows["date"].dt.date, rows["half_days"], strict=True):
        place = [month.strftime("%Y-%m") for month in found.months]
        own = stays[pupil]
        last = own["end_date"].dt.date.where(own["end_date"].notna(), date(2025, 8, 31))
        enrolled = ((own["start_date"].dt.date <= day) & (last >= day)).any()
        if day.strftime("%Y-%m") in place and enrolled:
            counts[pupil][place.index(day.strftime("%Y-%m"))] += min(half_days, calendar.half_days(day))
    away = known.absences[known.absences["kind"].isin(["placement", "exclusion"])]
    taken = away.groupby(["pupil_id", away["date"].dt.date])["half_days"].sum().to_dict()
    days = [date(2024, 9, 1) + timedelta(days=at) for at in range((as_of - date(2024, 9, 1)).days)]
    open_days = [day for day in days if calendar.half_days(day)]
    for pupil in known.pupil_ids:
        own = stays.get(pupil)
        spans = [] if own is None else list(zip(own["start_date"].dt.date, own["end_date"], strict=True))
        attended = {
            day.strftime("%Y-%m")
            for day in open_days
            for start, end in spans
            if start
            <= day
            <= (end.date() if end == end else date(2025, 8, 31) if start >= date(2024, 9, 1) else start)  # noqa: PLR0124
            and calendar.half_days(day) > taken.get((pupil, day), 0)
        }
        for at, month in enumerate(found.months):
            # A month without a day to attend is no month without absences.
            if not counts[pupil][at] and month.strftime("%Y-%m") not in attended:
                counts[pupil][at] = math.nan
    expected = np.array([counts[pupil] for pupil in known.pupil_ids])
    assert np.array_equal(found.half_days, expected, equal_nan=True)
