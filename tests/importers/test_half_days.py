from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import CalendarError
from decrochage_risk.importers.half_days import (
    EVENT_COLUMNS,
    LONGEST_EVENT,
    absence_table,
    half_days_of,
    merge_half_days,
)
from decrochage_risk.school_year import SchoolCalendar

ZONE_B = SchoolCalendar.for_zone("B")
KINDS = ("absence", "lateness", "exclusion", "placement")
RANK = {"exclusion": 0, "placement": 1, "absence": 2}


def at(*parts: int) -> datetime:
    return datetime(*parts)


def events_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    filled = [
        {
            "person": 0,
            "line": position + 2,
            "end": None,
            "timed": True,
            "half_days": np.nan,
            "kind": "absence",
            "justified": None,
            "recorded_on": None,
            "justified_on": None,
            **row,
        }
        for position, row in enumerate(rows)
    ]
    frame = pd.DataFrame(filled, columns=list(EVENT_COLUMNS))
    for name in ("start", "end", "recorded_on", "justified_on"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["justified"] = pd.array(frame["justified"], dtype="boolean")
    frame["half_days"] = frame["half_days"].astype("float64")
    return frame


def halves_by_hand(
    events: list[dict[str, object]], cut: time
) -> dict[tuple[object, date, int], tuple[str, bool | None]]:
    """Go through every minute-wide question one event and one day at a time: the rule read aloud."""
    taken: dict[tuple[object, date, int], list[tuple[str, bool | None]]] = defaultdict(list)
    for event in events:
        if event["kind"] == "lateness":
            continue
        start, end = event["start"], event["end"] or event["start"]
        day = start.date()
        while day <= end.date():
            possible = ZONE_B.half_days(day)
            noon, midnight = datetime.combine(day, cut), datetime.combine(day, time(0))
            tomorrow = midnight + timedelta(days=1)
            if event["timed"]:
                begin, stop = start, max(end, start + timedelta(minutes=1))
            else:
                begin, stop = midnight, tomorrow
            morning = begin < noon and stop > midnight
            afternoon = stop > noon and begin < tomorrow
            if possible == 1:
                morning, afternoon = morning or afternoon, False
            for half, is_taken in enumerate((morning, afternoon)):
                if possible and is_taken:
                    taken[event["person"], day, half].append((event["kind"], event["justified"]))
            day += timedelta(days=1)
    merged = {}
    for key, parts in taken.items():
        kind = min((kind for kind, _ in parts), key=RANK.__getitem__)
        flags = [justified for of, justified in parts if of == kind]
        merged[key] = (kind, False if False in flags else None if None in flags else True)
    return merged


@st.composite
def timed_events(draw: st.DrawFn) -> list[dict[str, object]]:
    events = []
    for _ in range(draw(st.integers(0, 12))):
        day = at(2024, 11, 4) + timedelta(days=draw(st.integers(0, 12)))
        start = day + timedelta(minutes=draw(st.sampled_from([0, 480, 485, 709, 710, 720, 840, 1050, 1439])))
        length = draw(st.sampled_from([0, 1, 15, 120, 240, 600, 1440, 3000, 9000]))
        end = draw(st.sampled_from([None, start + timedelta(minutes=length)]))
        events.append(
            {
                "person": draw(st.integers(0, 2)),
                "start": start,
                "end": end,
                "timed": draw(st.booleans()),
                "kind": draw(st.sampled_from(KINDS)),
                "justified": draw(st.sampled_from([True, False, None])),
            }
        )
    return events


@pytest.mark.whole
@settings(max_examples=40)
@given(timed_events(), st.sampled_from([time(11, 50), time(12), time(13, 30)]))
def test_half_days_are_those_of_a_slow_walk_over_every_day(
    events: list[dict[str, object]], cut: time
) -> None:
    """The vectorised half-days, merged, are those that going through every event and day one by one gives."""
    rows, _ = half_days_of(events_of(events), ZONE_B, cut)
    merged = merge_half_days(rows, "person")
    merged = merged[merged["kind"] != "lateness"]
    flags = merged["justified"].astype(object).where(merged["justified"].notna(), None)
    got = {
        (row.person, row.date.date(), row.half): (row.kind, flag)
        for row, flag in zip(merged.itertuples(), flags, strict=True)
    }
    assert got == halves_by_hand(events, cut)
    assert len(got) == len(merged)


@pytest.mark.whole
@settings(max_examples=40)
@given(timed_events())
def test_merging_twice_or_in_two_parts_changes_nothing(events: list[dict[str, object]]) -> None:
    """Merging is idempotent, and merging merged parts is merging the whole: files can be read in any grouping."""
    rows, _ = half_days_of(events_of(events), ZONE_B, time(12))
    whole = merge_half_days(rows, "person")
    parts = [merge_half_days(rows.iloc[::2], "person"), merge_half_days(rows.iloc[1::2], "person")]
    compared = ["person", "date", "half", "at", "kind", "justified", "recorded_on", "justified_on"]
    for again in (merge_half_days(whole, "person"), merge_half_days(pd.concat(parts), "person")):
        pd.testing.assert_frame_equal(
            again[compared].sort_values(compared).reset_index(drop=True),
            whole[compared].sort_values(compared).reset_index(drop=True),
        )


@pytest.mark.whole
@settings(max_examples=40)
@given(timed_events())
def test_no_day_holds_more_half_days_than_the_calendar(events: list[dict[str, object]]) -> None:
    """After merging, a pupil never misses more half-days of a day than the calendar gives it."""
    rows, _ = half_days_of(events_of(events), ZONE_B, time(12))
    merged = merge_half_days(rows, "person").rename(columns={"person": "pupil_id"})
    table = absence_table(merged)
    total = table.groupby(["pupil_id", "date"])["half_days"].sum()
    for (_, day), half_days in total.items():
        assert half_days <= ZONE_B.half_days(day.date())
    assert set(table.loc[table["kind"] != "lateness", "half_days"]) <= {1, 2}
    assert set(table.loc[table["kind"] == "lateness", "half_days"]) <= {0}


@pytest.mark.parametrize(("told", "expected"), [(0.5, 1), (1, 1), (1.5, 2), (3.5, 4), (9, 9), (40, 9)])
def test_half_days_told_without_times_are_rounded_up_and_never_more_than_the_days_have(
    told: float, expected: int
) -> None:
    """A number of half-days without times is rounded up, laid from the first day on, and capped by the calendar."""
    events = events_of(
        [{"start": at(2024, 11, 4), "end": at(2024, 11, 8), "timed": False, "half_days": told}]
    )
    rows, _ = half_days_of(events, ZONE_B, time(12))
    merged = merge_half_days(rows, "person")
    assert len(merged) == min(math.ceil(told), 9) == expected
    assert merged["date"].iloc[0] == pd.Timestamp(2024, 11, 4)


def test_two_half_days_of_unknown_half_on_one_day_are_its_two_halves() -> None:
    """Two events of one half-day each on one day, of which the file does not tell the half, are both counted."""
    day = at(2024, 11, 5)
    one = {"start": day, "end": day, "timed": False, "half_days": 1.0}
    morning = {"start": day.replace(hour=8), "end": day.replace(hour=10)}
    for rows in ([one, one], [morning, one], [one, one, one]):
        halves, _ = half_days_of(events_of(rows), ZONE_B, time(12))
        assert merge_half_days(halves, "person")["half"].tolist() == [0, 1]


def test_an_open_absence_takes_only_the_half_day_of_its_start() -> None:
    """An absence without an end is known to have begun: its first half-day counts, none after it."""
    rows, _ = half_days_of(events_of([{"start": at(2024, 11, 5, 14)}]), ZONE_B, time(12))
    assert rows[["date", "half"]].to_numpy().tolist() == [[pd.Timestamp(2024, 11, 5), 1]]


def test_every_event_that_gives_nothing_is_counted_with_its_line() -> None:
    """No day, an end before the start, a typing error of a year, a day without school: each is counted, none is lost."""
    rows, left_out = half_days_of(
        events_of(
            [
                {"start": None},
                {"start": at(2024, 11, 5, 10), "end": at(2024, 11, 5, 8)},
                {
                    "start": at(2024, 11, 5),
                    "end": at(2024, 11, 5) + timedelta(days=LONGEST_EVENT),
                },
                {"start": at(2004, 11, 5, 8), "end": at(2004, 11, 5, 9)},
                {"start": at(2024, 11, 10, 8), "end": at(2024, 11, 10, 9)},
            ]
        ),
        ZONE_B,
        time(12),
    )
    assert rows.empty
    assert left_out == {
        "bad_date": [2],
        "end_before_start": [3],
        "event_too_long": [4],
        "outside_calendar": [5],
        "no_school_day": [6],
    }


def test_a_lateness_is_merged_only_with_the_same_minute() -> None:
    """Two lessons missed the beginning of are two events; the same one in two files is one."""
    late = [{"start": at(2024, 11, 5, hour, 5), "kind": "lateness"} for hour in (8, 14, 8)]
    rows, _ = half_days_of(events_of(late), ZONE_B, time(12))
    merged = merge_half_days(rows, "person")
    assert merged["at"].tolist() == [485, 845]
    assert absence_table(merged.rename(columns={"person": "pupil_id"}))["half_days"].tolist() == [0, 0]


def test_a_half_day_is_justified_on_the_last_of_its_parts_and_recorded_on_the_first() -> None:
    """Days merge as their meaning says: all parts justified, the last day; a part known, the half-day is."""
    parts = [
        {
            "start": at(2024, 11, 5, hour),
            "end": at(2024, 11, 5, hour + 1),
            "justified": True,
            "justified_on": date(2024, 11, day),
            "recorded_on": date(2024, 11, day - 1),
        }
        for hour, day in ((8, 7), (10, 12))
    ]
    rows, _ = half_days_of(events_of(parts), ZONE_B, time(12))
    (row,) = merge_half_days(rows, "person").itertuples()
    assert (row.justified_on, row.recorded_on) == (pd.Timestamp(2024, 11, 12), pd.Timestamp(2024, 11, 6))


def test_a_cut_at_midnight_is_refused() -> None:
    """A day without a morning is a mistake of the caller, said as one."""
    with pytest.raises(CalendarError, match="midnight"):
        half_days_of(events_of([]), ZONE_B, time(0))
