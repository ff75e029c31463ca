"""From timed events to half-days: which half-days an event takes, and one row per pupil, day and half.

The one place where hours become half-days. A reader gives :func:`half_days_of` its events; after the persons of all
files are known, :func:`merge_half_days` makes one row per pupil, day and half out of all of them, and
:func:`absence_table` the rows of the table ``absences``.

An event takes the morning of a day when a part of it lies before the cut, the afternoon when a part of it lies at or
after it; any part counts as the whole half-day, and a half-day is unjustified when any part of it is (GEPI,
``mod_abs2``, ``Eleve.php``). On a day of one half-day (Wednesday), morning and afternoon are the same half-day. A day
without school has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import CalendarError, explain_error

if TYPE_CHECKING:
    from datetime import time

    import numpy.typing as npt

    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "EVENT_COLUMNS",
    "HALF_DAY_COLUMNS",
    "LONGEST_EVENT",
    "absence_table",
    "half_days_of",
    "is_possible",
    "merge_half_days",
    "no_half_days",
]

MORNING, AFTERNOON, NO_HALF = 0, 1, -1

LONGEST_EVENT = 200
"""Days of an event beyond which it is a typing error: a work placement lasts some weeks, a school year 300 days."""

EVENT_COLUMNS = (
    "person",
    "line",
    "start",
    "end",
    "timed",
    "half_days",
    "kind",
    "justified",
    "recorded_on",
    "justified_on",
)
"""Columns of the events of :func:`half_days_of`."""

HALF_DAY_COLUMNS = (
    "person",
    "line",
    "date",
    "half",
    "at",
    "half_days",
    "kind",
    "justified",
    "recorded_on",
    "justified_on",
)
"""Columns of the table ``absences`` of an :class:`~decrochage_risk.importers.extract.Extract`: those of our table, and
``half`` (0 morning, 1 afternoon, -1 of a lateness) and ``at`` (minute of the day at which a lateness began, -1 not
known), which :func:`merge_half_days` needs and no file receives."""

_FIRST = {"exclusion": 0, "placement": 1, "absence": 2}
"""Of two kinds in one half-day the one that counts: who is excluded or in a company is missing at the roll call too."""

_MINUTES = 24 * 60
_NOT_KNOWN, _YES = 1, 2  # no is 0: the least of several flags is the flag of all


def no_half_days() -> pd.DataFrame:
    """Make a table of half-days without any row.

    Examples
    --------
    >>> list(no_half_days().columns)[:4]
    ['person', 'line', 'date', 'half']
    """
    return pd.DataFrame(
        {
            "person": np.empty(0, dtype=np.int64),
            "line": np.empty(0, dtype=np.int64),
            "date": np.empty(0, dtype="datetime64[s]"),
            "half": np.empty(0, dtype=np.int8),
            "at": np.empty(0, dtype=np.int16),
            "half_days": np.empty(0, dtype=np.int64),
            "kind": pd.array([], dtype="str"),
            "justified": pd.array([], dtype="boolean"),
            "recorded_on": np.empty(0, dtype="datetime64[s]"),
            "justified_on": np.empty(0, dtype="datetime64[s]"),
        }
    )


def half_days_of(
    events: pd.DataFrame, calendar: SchoolCalendar, cut: time
) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """Turn events into half-days, one row per half-day that each event takes.

    Parameters
    ----------
    events : DataFrame
        Columns :data:`EVENT_COLUMNS`. ``start``, ``end`` : ``datetime64[s]``; a missing end is an absence still open.
        ``timed`` : whether the two hold times; without them an event takes its days from the first to the last.
        ``half_days`` : half-days that the file tells for the whole event, used when there are no times: rounded up,
        taken from the first day on. ``kind`` : of the table ``absences``; a ``lateness`` takes no half-day.
        ``justified`` : ``boolean``.
    calendar : SchoolCalendar
        Days with school.
    cut : time
        Limit between morning and afternoon.

    Returns
    -------
    rows : DataFrame
        Columns :data:`HALF_DAY_COLUMNS`, in the order of the events, then of the days.
    left_out : dict of str to list of int
        Reason -> lines of events that gave nothing: ``bad_date`` (no start), ``end_before_start``, ``event_too_long``,
        ``outside_calendar``, ``bad_number`` (less than 0 half-days), ``zero_half_days``, ``no_school_day``.

    Raises
    ------
    CalendarError
        A cut at midnight.

    Examples
    --------
    >>> from datetime import time
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> events = pd.DataFrame({
    ...     "person": [0], "line": [4], "start": pd.to_datetime(["2024-11-05 14:00"]), "timed": [True],
    ...     "end": pd.to_datetime(["2024-11-07 10:00"]), "half_days": [np.nan], "kind": ["absence"],
    ...     "justified": pd.array([False], dtype="boolean"), "recorded_on": pd.NaT, "justified_on": pd.NaT,
    ... })
    >>> rows, _ = half_days_of(events, SchoolCalendar.for_zone("B"), time(12))
    >>> list(zip(rows["date"].dt.day, rows["half"]))
    [(5, 1), (6, 0), (7, 0)]
    """
    # With midnight as the cut every half-day would be an afternoon.
    if (cut.hour, cut.minute) == (0, 0):
        raise CalendarError(
            explain_error(
                "The cut between morning and afternoon is midnight",
                expected="a time of day such as 12:00",
                hint="Give the hour at which the school's afternoon begins.",
            )
        )
    events, left_out = _usable(events.reset_index(drop=True), calendar)
    late = (events["kind"] == "lateness").to_numpy()
    has_times = events["timed"].to_numpy(dtype=bool)
    has_count = ~has_times & events["half_days"].notna().to_numpy()
    whole = _halves_between(events[~late & ~has_count], calendar, cut)
    first_halves = _first_halves(events[~late & has_count], calendar)
    rows = pd.concat([_late_rows(events[late]), whole, first_halves]).sort_values(
        ["event", "date", "half"], kind="stable"
    )
    empty = ~np.isin(np.arange(len(events)), rows["event"].to_numpy())
    counts = np.where(has_count & ~late, events["half_days"].to_numpy(dtype=np.float64), np.nan)
    lines = events["line"].to_numpy()
    _count(left_out, "bad_number", lines[counts < 0])
    # The software counted the event and found nothing: that is no day without school.
    _count(left_out, "zero_half_days", lines[counts == 0])
    _count(left_out, "no_school_day", lines[empty & ~(counts <= 0)])
    return _placed(rows.drop(columns="event").reset_index(drop=True), calendar), left_out


def merge_half_days(rows: pd.DataFrame, by: str = "pupil_id") -> pd.DataFrame:
    """Merge half-days into one row per pupil, day and half.

    Parameters
    ----------
    rows : DataFrame
        Columns of :data:`HALF_DAY_COLUMNS`, with ``by`` among them. Rows of ``lateness`` are events, not half-days:
        they are merged only when day and minute are the same and known.
    by : str
        Column that names the pupil.

    Returns
    -------
    DataFrame
        The same columns, sorted. Exclusion goes before placement, placement before absence. Of the rows of the kind that
        stays: unjustified if any is, not known if any is not known, else justified, on the last of their
        ``justified_on``; recorded on the first of their ``recorded_on``, which is not known when one is missing.

    Examples
    --------
    >>> rows = no_half_days().reindex(range(2)).assign(
    ...     person=7, date=pd.Timestamp("2024-11-05"), half=0, half_days=1, kind="absence", line=[3, 4],
    ...     justified=pd.array([True, False], dtype="boolean"), at=-1)
    >>> merge_half_days(rows, "person")[["person", "half", "kind", "justified", "line"]].values.tolist()
    [[7, 0, 'absence', False, 3]]
    """
    rows = rows.reset_index(drop=True)
    late = (rows["kind"] == "lateness").to_numpy()
    moment = late & (rows["at"] >= 0).to_numpy()
    parts = [
        # Without its minute a lateness may be another one: it is merged with none.
        rows[late & ~moment],
        _merged(rows[moment], [by, "date", "at"]),
        _merged(rows[~late], [by, "date", "half"]),
    ]
    return (
        pd.concat(parts)[list(rows.columns)]
        .sort_values([by, "date", "half", "at", "line"], kind="stable")
        .reset_index(drop=True)
    )


def absence_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Make rows of the table ``absences`` out of merged half-days: the two of one day are one row when all else agrees.

    Parameters
    ----------
    rows : DataFrame
        As :func:`merge_half_days` gives it, with ``pupil_id``.

    Returns
    -------
    DataFrame
        ``pupil_id``, ``date``, ``half_days``, ``kind``, ``justified``, ``recorded_on``, ``justified_on``.
    """
    keys = ["pupil_id", "date", "kind", "justified", "recorded_on", "justified_on"]
    late = rows["kind"] == "lateness"
    days = rows[~late].groupby(keys, dropna=False, sort=False, as_index=False)["half_days"].sum()
    parts: list[pd.DataFrame] = [pd.DataFrame(days), rows.loc[late, [*keys, "half_days"]]]
    table = pd.concat(parts, ignore_index=True)
    columns = ["pupil_id", "date", "half_days", "kind", "justified", "recorded_on", "justified_on"]
    return table.sort_values(["pupil_id", "date", "kind"], kind="stable")[columns].reset_index(drop=True)


def _usable(events: pd.DataFrame, calendar: SchoolCalendar) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """Leave out what has no day, ends before it starts, lasts too long or lies outside the calendar."""
    left_out: dict[str, list[int]] = {}
    first = events["start"].to_numpy("datetime64[D]").astype(np.int64)
    is_open = events["end"].isna().to_numpy()
    last = np.where(is_open, first, events["end"].to_numpy("datetime64[D]").astype(np.int64))
    none = events["start"].isna().to_numpy()
    backwards = _ends_before_start(events)
    long = _is_too_long(events)
    low = calendar.first_day_number
    outside = ~none & ~backwards & ~long & ((first < low) | (last >= low + len(calendar.values)))
    lines = events["line"].to_numpy()
    for reason, rows in (
        ("bad_date", none),
        ("end_before_start", backwards),
        ("event_too_long", long),
        ("outside_calendar", outside),
    ):
        _count(left_out, reason, lines[rows])
    usable = ~(none | backwards | long | outside)
    return events[usable].reset_index(drop=True), left_out


def is_possible(events: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which events have a day, and end on one that is neither before it nor too long after it."""
    has_day = np.asarray(events["start"].notna(), dtype=bool)
    return has_day & ~_ends_before_start(events) & ~_is_too_long(events)


def _ends_before_start(events: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray(events["end"] < events["start"], dtype=bool)


def _is_too_long(events: pd.DataFrame) -> npt.NDArray[np.bool_]:
    length = events["end"].dt.normalize() - events["start"].dt.normalize()
    return np.asarray(length >= pd.Timedelta(days=LONGEST_EVENT), dtype=bool)


def _count(left_out: dict[str, list[int]], reason: str, lines: npt.NDArray[np.int64]) -> None:
    if lines.size:
        left_out[reason] = [int(line) for line in lines]


def _late_rows(events: pd.DataFrame) -> pd.DataFrame:
    start = events["start"].to_numpy("datetime64[s]")
    minute = (start - start.astype("datetime64[D]")) // np.timedelta64(1, "m")
    return _rows(
        events,
        np.arange(len(events)),
        start.astype("datetime64[D]").astype(np.int64),
        np.full(len(events), NO_HALF, dtype=np.int8),
    ).assign(
        half_days=0,
        at=np.where(events["timed"].to_numpy(dtype=bool), minute.astype(np.int64), -1).astype(np.int16),
    )


def _halves_between(events: pd.DataFrame, calendar: SchoolCalendar, cut: time) -> pd.DataFrame:
    """Half-days that lie between the start and the end of each event."""
    start, end = _minutes_of(events)
    limit = cut.hour * 60 + cut.minute
    # The end is the first minute after: an event until midnight takes nothing of the next day.
    which, day = _days(start // _MINUTES, (end - 1) // _MINUTES)
    begin = np.maximum(start[which] - day * _MINUTES, 0)
    stop = np.minimum(end[which] - day * _MINUTES, _MINUTES)
    halves = np.stack([begin < limit, stop > limit], axis=1)
    possible = calendar.half_days_on(day)
    halves[possible == 0] = False
    one = possible == 1
    # On a Wednesday, an event of the afternoon is told for the only half-day there is.
    halves[one, MORNING] |= halves[one, AFTERNOON]
    halves[one, AFTERNOON] = False
    at, half = np.nonzero(halves)
    return _rows(events, which[at], day[at], half.astype(np.int8))


def _minutes_of(events: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First minute of each event, and the first one after it, from 1 January 1970.

    An event without times takes its whole days. One still open takes what holds its start, and one that ends when it
    starts its only minute: both are known to have begun.
    """
    minute = np.timedelta64(1, "m")
    epoch = np.datetime64(0, "s")
    start = (events["start"].to_numpy("datetime64[s]") - epoch) // minute
    end = np.where(
        events["end"].isna(),
        start,
        (events["end"].fillna(events["start"]).to_numpy("datetime64[s]") - epoch) // minute,
    )
    has_times = events["timed"].to_numpy(dtype=bool)
    start = np.where(has_times, start, start // _MINUTES * _MINUTES)
    end = np.where(has_times, np.maximum(end, start + 1), (end // _MINUTES + 1) * _MINUTES)
    return start.astype(np.int64), end.astype(np.int64)


def _days(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Every day of every event: the event's position, and the day's number."""
    length = last - first + 1
    which = np.repeat(np.arange(length.size), length)
    within = np.arange(which.size) - np.repeat(np.cumsum(length) - length, length)
    return which, first[which] + within


def _first_halves(events: pd.DataFrame, calendar: SchoolCalendar) -> pd.DataFrame:
    """As many half-days as the file tells, from the first school day of the event on; which half is not known."""
    first = events["start"].to_numpy("datetime64[D]").astype(np.int64)
    last = events["end"].fillna(events["start"]).to_numpy("datetime64[D]").astype(np.int64)
    which, day = _days(first, last)
    possible = calendar.half_days_on(day).astype(np.int64)
    before = np.cumsum(possible) - possible
    begins = np.searchsorted(which, np.arange(len(events)))
    # Counted from the beginning of each event, not of the first one.
    before -= before[begins][which] if which.size else before
    amount = np.ceil(np.nan_to_num(events["half_days"].to_numpy(dtype=np.float64))).astype(np.int64)
    counts = np.clip(amount[which] - before, 0, possible)
    at = np.repeat(np.arange(which.size), counts)
    return _rows(events, which[at], day[at], np.full(at.size, NO_HALF, dtype=np.int8))


def _rows(
    events: pd.DataFrame, which: npt.NDArray[np.int64], day: npt.NDArray[np.int64], half: npt.NDArray[np.int8]
) -> pd.DataFrame:
    rows = events[["person", "line", "kind", "justified", "recorded_on", "justified_on"]].iloc[which]
    return rows.assign(
        event=events.index.to_numpy()[which],
        date=day.astype("datetime64[D]").astype("datetime64[s]"),
        half=half,
        at=np.int16(-1),
        half_days=1,
    )[["event", *HALF_DAY_COLUMNS]]


def _placed(rows: pd.DataFrame, calendar: SchoolCalendar) -> pd.DataFrame:
    """Give each half-day whose half is not known the first half of the day that its pupil has free, else the morning."""
    unknown = ((rows["half"] == NO_HALF) & (rows["kind"] != "lateness")).to_numpy()
    if not unknown.any():
        return rows
    days = ["person", "date"]
    slots = rows[~unknown & (rows["half"] >= 0).to_numpy()].drop_duplicates([*days, "half"])
    busy = rows[unknown][days].merge(
        slots.assign(morning=slots["half"] == MORNING, afternoon=slots["half"] == AFTERNOON)
        .groupby(days, as_index=False)[["morning", "afternoon"]]
        .any(),
        on=days,
        how="left",
    )
    morning = busy["morning"].eq(other=True).to_numpy()
    afternoon = busy["afternoon"].eq(other=True).to_numpy()
    one = calendar.half_days_on(busy["date"].to_numpy("datetime64[D]").astype(np.int64)) == 1
    rank = rows[unknown].groupby(days).cumcount().to_numpy()
    second = np.where(morning, rank == 0, (rank == 1) & ~afternoon)
    half = np.where(~one & ~afternoon & second, AFTERNOON, MORNING)
    halves = rows["half"].to_numpy(dtype=np.int8, copy=True)
    halves[unknown] = half
    return rows.assign(half=halves)


def _merged(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if rows.empty:
        return rows
    group = rows.groupby(keys, sort=False).ngroup().to_numpy()
    groups = int(group.max()) + 1
    first = rows["kind"].map(_FIRST).fillna(0).to_numpy(dtype=np.int64)
    best = _least(first, group, groups)
    rows, group = rows[first == best[group]], group[first == best[group]]
    # No 0, not known 1, yes 2: the least of several entries is that of the half-day.
    state = rows["justified"].astype("Int64").mul(_YES).fillna(_NOT_KNOWN).to_numpy(dtype=np.int64)
    worst = _least(state, group, groups)
    first_rows = rows.iloc[np.unique(group, return_index=True)[1]]
    never = np.iinfo(np.int64).max
    recorded_days = _day_numbers(rows["recorded_on"], missing=-never)
    justified_days = _day_numbers(rows["justified_on"], missing=never)
    # Known since the first entry; settled when the last part of it is.
    recorded_on = _least(recorded_days, group, groups)
    justified_on = -_least(-justified_days, group, groups)
    flags = pd.array(np.array([False, None, True], dtype=object)[worst], dtype="boolean")
    return first_rows.assign(
        justified=pd.Series(flags, index=first_rows.index),
        recorded_on=pd.Series(_as_days(recorded_on, -never), index=first_rows.index),
        justified_on=pd.Series(
            _as_days(np.where(worst == _YES, justified_on, never), never), index=first_rows.index
        ),
    )


def _least(values: npt.NDArray[Any], group: npt.NDArray[Any], groups: int) -> npt.NDArray[np.int64]:
    least = np.full(groups, np.iinfo(np.int64).max)
    np.minimum.at(least, group, values)
    return least


def _day_numbers(days: pd.Series, *, missing: int) -> npt.NDArray[np.int64]:
    numbers = days.to_numpy("datetime64[D]").astype(np.int64)
    return np.where(days.isna(), missing, numbers)


def _as_days(numbers: npt.NDArray[np.int64], missing: int) -> npt.NDArray[np.datetime64]:
    days = np.where(numbers == missing, 0, numbers).astype("datetime64[D]").astype("datetime64[s]")
    return np.where(numbers == missing, np.datetime64("NaT", "s"), days)
