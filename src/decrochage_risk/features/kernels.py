"""Compiled loops over rows sorted by pupil and day.

Each kernel walks the rows of one pupil at a time, so that a value depends on that pupil's rows and on nothing
else. They are compiled once by numba and cached on disk; ``NUMBA_DISABLE_JIT=1`` runs the same source as plain
Python for debugging.

Compiled loops of the trajectory features: blocks of weeks, slopes, runs, falls of a subject.

Like those of :mod:`decrochage_risk.features.kernels`, each walks the rows of one pupil at a time, in their sorted
order, so that neither the batch nor the order of the input changes a bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.kernels import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int8]
    Ints = npt.NDArray[np.int64]
    Days = npt.NDArray[np.int32]
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]


__all__ = [
    "absence_blocks",
    "attendable_weeks",
    "barred_rows",
    "calendar_half_days",
    "change_of_latest",
    "count_months_over",
    "current_run",
    "days_up_to",
    "enrolled_blocks",
    "enrolled_from",
    "enrolled_weeks",
    "falls",
    "first_month_over",
    "first_row_from",
    "first_row_on",
    "first_rows",
    "longest_run",
    "marks_that_count",
    "mean_of_columns",
    "means_by_code",
    "open_on_day",
    "ratios",
    "rows_between",
    "running_sums",
    "slope_of_blocks",
    "slope_of_rows",
    "spread_of_rows",
    "sum_of_rows",
    "sums_between",
    "sums_by_code",
    "values_on",
    "weeks_with_rows",
    "window_sums",
]

DAYS_A_WEEK = 7
THURSDAY = 3
"""1970-01-01 was a Thursday: adding 3 to a day number makes whole weeks start on Monday (ISO 8601)."""


@compiled
def first_rows(pupil: Days, pupils: int) -> Ints:
    """First row of each pupil in rows sorted by pupil, and one past the end."""
    starts = np.zeros(pupils + 1, np.int64)
    for row in range(pupil.size):
        starts[pupil[row] + 1] += 1
    for place in range(pupils):
        starts[place + 1] += starts[place]
    return starts


@compiled
def _search(days: Days, low: int, high: int, day: int) -> int:
    """First of the rows [low, high) whose day is ``day`` or later, ``high`` without one (binary search)."""
    while low < high:
        middle = (low + high) // 2
        if days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def first_row_from(days: Days, starts: Ints, first: Ints) -> Ints:
    """First row of each pupil whose day is ``first[pupil]`` or later."""
    rows = np.empty(starts.size - 1, np.int64)
    for pupil in range(starts.size - 1):
        rows[pupil] = _search(days, starts[pupil], starts[pupil + 1], first[pupil])
    return rows


@compiled
def first_row_on(days: Days, starts: Ints, day: int) -> Ints:
    """First row of each pupil whose day is ``day`` or later."""
    rows = np.empty(starts.size - 1, np.int64)
    for pupil in range(starts.size - 1):
        rows[pupil] = _search(days, starts[pupil], starts[pupil + 1], day)
    return rows


@compiled
def running_sums(values: Floats, starts: Ints) -> Floats:
    """Sum the rows before each row, restarting at each pupil; one entry more per pupil than rows."""
    pupils = starts.size - 1
    sums = np.empty(values.size + pupils, np.float64)
    for pupil in range(pupils):
        total = 0.0
        # Restarted at each pupil: one sum over the whole table would err by more than 1e-9, and differ with
        # the batch.
        sums[starts[pupil] + pupil] = 0.0
        for row in range(starts[pupil], starts[pupil + 1]):
            total += values[row]
            sums[row + pupil + 1] = total
    return sums


@compiled
def window_sums(sums: Floats, low: Ints, high: Ints) -> Floats:
    """Sum over rows [low, high) of each pupil, as a difference of two running sums."""
    result = np.empty(low.size, np.float64)
    for pupil in range(low.size):
        # Each pupil before this one has one sum more than rows.
        result[pupil] = sums[high[pupil] + pupil] - sums[low[pupil] + pupil]
    return result


@compiled
def rows_between(days: Days, starts: Ints, edges: Ints) -> Floats:
    """Count the rows of each pupil from each edge on and before the next one, (pupils, edges - 1)."""
    result = np.empty((starts.size - 1, edges.size - 1), np.float64)
    for pupil in range(starts.size - 1):
        row = _search(days, starts[pupil], starts[pupil + 1], edges[0])
        for span in range(edges.size - 1):
            after = _search(days, row, starts[pupil + 1], edges[span + 1])
            result[pupil, span] = after - row
            row = after
    return result


@compiled
def sums_between(values: Floats, days: Days, starts: Ints, edges: Ints) -> Floats:
    """Sum the rows of each pupil from each edge on and before the next one, (pupils, edges - 1)."""
    result = np.zeros((starts.size - 1, edges.size - 1), np.float64)
    for pupil in range(starts.size - 1):
        row = _search(days, starts[pupil], starts[pupil + 1], edges[0])
        for span in range(edges.size - 1):
            while row < starts[pupil + 1] and days[row] < edges[span + 1]:
                result[pupil, span] += values[row]
                row += 1
    return result


@compiled
def values_on(values: Codes, first: int, days: Days) -> Codes:
    """Value of each day, ``values[0]`` being that of the day ``first``; 0 for a day outside."""
    result = np.zeros(days.size, np.int8)
    for row in range(days.size):
        if 0 <= days[row] - first < values.size:
            result[row] = values[days[row] - first]
    return result


@compiled
def mean_of_columns(values: Floats, columns: Ints) -> Floats:
    """Mean of the known cells of some columns, added in their order; NaN for a row without one."""
    result = np.full(values.shape[0], np.nan)
    for row in range(values.shape[0]):
        total, count = 0.0, 0
        for column in columns:
            if not np.isnan(values[row, column]):
                total += values[row, column]
                count += 1
        if count > 0:
            result[row] = total / count
    return result


@compiled
def ratios(part: Floats, whole: Floats, least: float) -> Floats:
    """Divide cell by cell, NaN where the whole is not positive or under ``least``."""
    # One pass and one call: masks and a division of numpy's cost one pupil ten times as much.
    result = np.full(part.shape, np.nan)
    for cell in np.ndindex(part.shape):
        if whole[cell] > 0.0 and whole[cell] >= least:
            result[cell] = part[cell] / whole[cell]
    return result


@compiled
def open_on_day(pupil: Days, day: Days, starts: Ints, first: Days, last: Days) -> Flags:
    """Whether an enrolment (``first`` to ``last``, included; rows ``starts`` per pupil) is open on each row's day."""
    result = np.zeros(day.size, np.bool_)
    for row in range(day.size):
        for enrolment in range(starts[pupil[row]], starts[pupil[row] + 1]):
            if first[enrolment] <= day[row] <= last[enrolment]:
                result[row] = True
                break
    return result


@compiled
def calendar_half_days(prefix: Ints, starts: Ints, first: Days, last: Days, low: int, high: int) -> Floats:
    """School half-days in [low, high) on days when an enrolment is open; each day counts once.

    ``prefix[i]`` holds the half-days before day i; ``low``, ``high``, ``first`` and ``last`` count from the same
    day, and [low, high) lies inside the calendar.
    """
    result = np.zeros(starts.size - 1, np.float64)
    for pupil in range(starts.size - 1):
        begin_at = np.int64(low)
        for enrolment in range(starts[pupil], starts[pupil + 1]):
            begin = max(np.int64(first[enrolment]), begin_at)
            end = min(np.int64(last[enrolment]) + 1, np.int64(high))
            if begin < end:
                result[pupil] += prefix[end] - prefix[begin]
                begin_at = end
    return result


@compiled
def enrolled_weeks(
    prefix: Ints, starts: Ints, first: Days, last: Days, low: int, high: int, origin: int
) -> Floats:
    """ISO weeks of [low, high) with at least one school half-day on a day when an enrolment is open."""
    result = np.zeros(starts.size - 1, np.float64)
    for pupil in range(starts.size - 1):
        # the first week may begin before the window: its days count from `low` on only
        monday = low - (low + origin + THURSDAY) % DAYS_A_WEEK
        while monday < high:
            for enrolment in range(starts[pupil], starts[pupil + 1]):
                begin = max(np.int64(first[enrolment]), np.int64(max(monday, low)))
                end = min(np.int64(last[enrolment]) + 1, np.int64(min(monday + DAYS_A_WEEK, high)))
                if begin < end and prefix[end] > prefix[begin]:
                    result[pupil] += 1.0
                    break
            monday += DAYS_A_WEEK
    return result


@compiled
def attendable_weeks(
    prefix: Ints, starts: Ints, first: Days, last: Days, barred: Days, barred_starts: Ints, edges: Ints
) -> Flags:
    """Whether each span of days between two ``edges`` holds an attendable day, (pupils, spans).

    ``prefix[i]`` holds the school days before day i; all days count from the same one. ``barred`` are the enrolled
    school days that a pupil could not attend, each once.
    """
    weeks = max(edges.size - 1, 0)
    result = np.zeros((starts.size - 1, weeks), np.bool_)
    for pupil in range(starts.size - 1):
        row = barred_starts[pupil]
        for week in range(weeks):
            begin_at, after = edges[week], edges[week + 1]
            # The first week is cut at the window: days before it belong to no week.
            while row < barred_starts[pupil + 1] and barred[row] < begin_at:
                row += 1
            days_left = 0
            while row < barred_starts[pupil + 1] and barred[row] < after:
                row += 1
                days_left -= 1
            # Enrolments are sorted by start: a day that two of them hold counts once.
            for enrolment in range(starts[pupil], starts[pupil + 1]):
                begin = max(np.int64(first[enrolment]), begin_at)
                end = min(np.int64(last[enrolment]) + 1, after)
                if begin < end:
                    days_left += prefix[end] - prefix[begin]
                    begin_at = end
            result[pupil, week] = days_left > 0
    return result


@compiled
def weeks_with_rows(days: Days, values: Floats, low: Ints, high: Ints, weeks: Flags, monday: int) -> Floats:
    """How many of each pupil's flagged weeks hold a positive value among rows [low, high).

    ``weeks`` has one column per ISO week, the first of them beginning on day ``monday``.
    """
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        previous = np.int64(-1)
        for row in range(low[pupil], high[pupil]):
            week = (np.int64(days[row]) - monday) // DAYS_A_WEEK
            inside = 0 <= week < weeks.shape[1]
            # Rows are sorted by day, so a week that was counted is always the previous one.
            if values[row] > 0.0 and week != previous and inside and weeks[pupil, week]:
                result[pupil] += 1.0
                previous = week
    return result


@compiled
def barred_rows(days: Days, away: Floats, capacity: Floats, starts: Ints) -> Flags:
    """First row of each pupil and day on which the half-days away take up all that the day holds."""
    result = np.zeros(days.size, np.bool_)
    for pupil in range(starts.size - 1):
        row = starts[pupil]
        while row < starts[pupil + 1]:
            first, total = row, 0.0
            while row < starts[pupil + 1] and days[row] == days[first]:
                total += away[row]
                row += 1
            result[first] = total >= capacity[first]
    return result


@compiled
def days_up_to(days: Days, starts: Ints, others: Days, other_starts: Ints) -> tuple[Ints, Flags]:
    """How many of a pupil's ``others`` fall on or before the day of each row, and whether one falls on it.

    Both are sorted by pupil and day.
    """
    count, same = np.zeros(days.size, np.int64), np.zeros(days.size, np.bool_)
    for pupil in range(starts.size - 1):
        other = other_starts[pupil]
        for row in range(starts[pupil], starts[pupil + 1]):
            while other < other_starts[pupil + 1] and others[other] <= days[row]:
                other += 1
            count[row] = other - other_starts[pupil]
            same[row] = other > other_starts[pupil] and others[other - 1] == days[row]
    return count, same


@compiled
def count_months_over(months: Days, values: Floats, low: Ints, high: Ints, threshold: float) -> Floats:
    """Calendar months whose sum over rows [low, high) of each pupil reaches ``threshold``."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        # no month has this number: the first row always opens one
        total, previous, is_over = 0.0, np.int64(-(2**62)), False
        for row in range(low[pupil], high[pupil]):
            if months[row] != previous:
                total, previous, is_over = 0.0, np.int64(months[row]), False
            total += values[row]
            if total >= threshold and not is_over:
                result[pupil] += 1.0
                is_over = True
    return result


@compiled
def longest_run(ordinals: Days, values: Floats, low: Ints, high: Ints) -> Floats:
    """Longest run of days of consecutive ``ordinals`` with a positive value among rows [low, high)."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        run, previous = 0.0, np.int64(-(2**62))
        for row in range(low[pupil], high[pupil]):
            if values[row] <= 0.0:
                continue
            ordinal = np.int64(ordinals[row])
            if ordinal == previous + 1:
                run += 1.0
            # Several rows of one day neither lengthen nor break the run.
            elif ordinal != previous:
                run = 1.0
            previous = ordinal
            result[pupil] = max(result[pupil], run)
    return result


@compiled
def marks_that_count(
    starts: Ints,
    days: Days,
    status: Codes,
    kind: Codes,
    graded: int,
    assessment: int,
    first: int,
    years: Ints,
) -> Flags:
    """Graded rows; of other kinds than ``assessment`` only in years in which the pupil has no graded assessment.

    ``years[i]`` is the year of day ``first`` + i.
    """
    result = np.zeros(days.size, np.bool_)
    # One array for all pupils: allocating per pupil would cost more than the loop.
    has_assessment = np.zeros(years[-1] + 1, np.bool_)
    for pupil in range(starts.size - 1):
        has_assessment[:] = False
        for row in range(starts[pupil], starts[pupil + 1]):
            if status[row] == graded and kind[row] == assessment:
                has_assessment[years[days[row] - first]] = True
                result[row] = True
        for row in range(starts[pupil], starts[pupil + 1]):
            if status[row] == graded and not has_assessment[years[days[row] - first]]:
                result[row] = True
    return result


@compiled
def sums_by_code(
    codes: Codes, size: int, weights: Floats, values: Floats, low: Ints, high: Ints
) -> tuple[Floats, Floats]:
    """Sum of the weights and of the weighted values per pupil (row) and code (column), over rows [low, high)."""
    weight, total = np.zeros((low.size, size), np.float64), np.zeros((low.size, size), np.float64)
    for pupil in range(low.size):
        for row in range(low[pupil], high[pupil]):
            weight[pupil, codes[row]] += weights[row]
            total[pupil, codes[row]] += weights[row] * values[row]
    return weight, total


NOBODY = -(2**62)
"""A day, a month or a rank that no row has."""


@compiled
def enrolled_blocks(
    prefix: Ints, starts: Ints, first: Days, last: Days, lows: Ints, highs: Ints, origin: int
) -> Floats:
    """Sum a calendar over the days of each block [low, high) on which an enrolment is open, (pupils, blocks).

    ``prefix[i]`` holds the sum over the days before ``origin + i``; ``first`` and ``last`` (included) are the days of
    the enrolments, sorted by start, ``starts`` the first one of each pupil. A day counts once.
    """
    result = np.zeros((starts.size - 1, lows.size), np.float64)
    for pupil in range(starts.size - 1):
        for block in range(lows.size):
            begin_at, high = lows[block], highs[block]
            for row in range(starts[pupil], starts[pupil + 1]):
                begin = max(np.int64(first[row]), begin_at)
                end = min(np.int64(last[row]) + 1, high)
                if begin < end:
                    result[pupil, block] += prefix[end - origin] - prefix[begin - origin]
                    begin_at = end
    return result


@compiled
def enrolled_from(
    prefix: Ints, starts: Ints, first: Days, last: Days, lows: Ints, high: int, origin: int
) -> Floats:
    """Sum a calendar over [lows[pupil], high) on days when an enrolment is open, as :func:`enrolled_blocks`."""
    result = np.zeros(starts.size - 1, np.float64)
    for pupil in range(starts.size - 1):
        begin_at = lows[pupil]
        for row in range(starts[pupil], starts[pupil + 1]):
            begin = max(np.int64(first[row]), begin_at)
            end = min(np.int64(last[row]) + 1, np.int64(high))
            if begin < end:
                result[pupil] += prefix[end - origin] - prefix[begin - origin]
                begin_at = end
    return result


@compiled
def absence_blocks(
    days: Days, absent: Floats, away: Floats, low: Ints, high: Ints, as_of: int, width: int, blocks: int
) -> Floats:
    """Sum ``absent`` and ``away`` per block of ``width`` days counted back from ``as_of``: (2, pupils, blocks)."""
    result = np.zeros((2, low.size, blocks), np.float64)
    for pupil in range(low.size):
        for row in range(low[pupil], high[pupil]):
            block = (as_of - 1 - np.int64(days[row])) // width
            if block < blocks:
                result[0, pupil, block] += absent[row]
                result[1, pupil, block] += away[row]
    return result


@compiled
def slope_of_blocks(rates: Floats, least: int) -> Floats:
    """Least squares slope per block, towards the most recent one (column 0); NaN under ``least`` known blocks."""
    result = np.full(rates.shape[0], np.nan)
    for pupil in range(rates.shape[0]):
        count, middle = 0, 0.0
        for block in range(rates.shape[1]):
            if not np.isnan(rates[pupil, block]):
                count += 1
                # Block 0 is the latest, so time runs as minus the block.
                middle -= block
        if count < least:
            continue
        middle /= count
        up, down = 0.0, 0.0
        for block in range(rates.shape[1]):
            if not np.isnan(rates[pupil, block]):
                up += (-block - middle) * rates[pupil, block]
                down += (-block - middle) ** 2
        if down > 0.0:
            result[pupil] = up / down
    return result


@compiled
def slope_of_rows(
    days: Days, values: Floats, weights: Floats, low: Ints, high: Ints, least: int, width: float
) -> Floats:
    """Weighted least squares slope of the rows [low, high), per ``width`` days.

    NaN under ``least`` rows with a weight, or when they are all of one day.
    """
    result = np.full(low.size, np.nan)
    for pupil in range(low.size):
        count, total, at, level = 0, 0.0, 0.0, 0.0
        for row in range(low[pupil], high[pupil]):
            if weights[row] > 0.0:
                count += 1
                total += weights[row]
                # From the pupil's first mark, not from 1970: large day numbers would eat the digits of the
                # sums.
                at += weights[row] * (days[row] - days[low[pupil]])
                level += weights[row] * values[row]
        if count < least:
            continue
        at, level = at / total, level / total
        up, down = 0.0, 0.0
        several, day = False, np.int64(NOBODY)
        for row in range(low[pupil], high[pupil]):
            if weights[row] > 0.0:
                # Not by down > 0: rounding can leave a tiny positive spread on a single day, and a huge
                # slope.
                several = several or (day != NOBODY and day != days[row])
                day = np.int64(days[row])
                away = (days[row] - days[low[pupil]]) - at
                up += weights[row] * away * (values[row] - level)
                down += weights[row] * away * away
        if several:
            result[pupil] = width * up / down
    return result


@compiled
def spread_of_rows(values: Floats, low: Ints, high: Ints, least: int) -> Floats:
    """Compute the population standard deviation of the rows [low, high); NaN under ``least`` rows."""
    result = np.full(low.size, np.nan)
    for pupil in range(low.size):
        rows = high[pupil] - low[pupil]
        if rows < least:
            continue
        total = 0.0
        for row in range(low[pupil], high[pupil]):
            total += values[row]
        centre, squares = total / rows, 0.0
        for row in range(low[pupil], high[pupil]):
            squares += (values[row] - centre) ** 2
        result[pupil] = np.sqrt(squares / rows)
    return result


@compiled
def sum_of_rows(values: Floats, low: Ints, high: Ints) -> Floats:
    """Sum the rows [low, high) of each pupil."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        for row in range(low[pupil], high[pupil]):
            result[pupil] += values[row]
    return result


@compiled
def means_by_code(codes: Codes, values: Floats, weights: Floats, low: Ints, high: Ints, size: int) -> Floats:
    """Weighted mean of the rows [low, high) per pupil and code, shape (pupils, ``size``); NaN where weights sum to 0."""
    result = np.full((low.size, size), np.nan)
    total, weight = np.zeros(size), np.zeros(size)
    for pupil in range(low.size):
        total[:] = 0.0
        weight[:] = 0.0
        for row in range(low[pupil], high[pupil]):
            total[codes[row]] += weights[row] * values[row]
            weight[codes[row]] += weights[row]
        for code in range(size):
            if weight[code] > 0.0:
                result[pupil, code] = total[code] / weight[code]
    return result


@compiled
def current_run(ordinals: Days, values: Floats, low: Ints, high: Ints, latest: Ints) -> Floats:
    """Length of the run of days with a positive value that ends on the day of ordinal ``latest[pupil]``."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        ordinal_due = latest[pupil]
        row = high[pupil] - 1
        while row >= low[pupil]:
            ordinal = np.int64(ordinals[row])
            if values[row] > 0.0 and ordinal == ordinal_due:
                result[pupil] += 1.0
                ordinal_due -= 1
            elif ordinal < ordinal_due:
                break
            row -= 1
    return result


@compiled
def first_month_over(months: Days, values: Floats, low: Ints, high: Ints, threshold: float) -> Ints:
    """Return the first calendar month whose sum over rows [low, high) reaches ``threshold``; ``NOBODY`` where none does."""
    result = np.full(low.size, NOBODY, np.int64)
    for pupil in range(low.size):
        total, previous = 0.0, np.int64(NOBODY)
        for row in range(low[pupil], high[pupil]):
            if months[row] != previous:
                total, previous = 0.0, np.int64(months[row])
            total += values[row]
            if total >= threshold:
                result[pupil] = previous
                break
    return result


@compiled
def falls(now: Floats, before: Floats, size: float) -> Floats:
    """Compare the subjects (columns) of two windows: (2, pupils), NaN where too few subjects are in both.

    First line: how many subjects fell by ``size`` or more. Second: the least of a subject's change minus the mean
    change of the other subjects, under two subjects NaN.
    """
    result = np.full((2, now.shape[0]), np.nan)
    for pupil in range(now.shape[0]):
        count, total, fell = 0, 0.0, 0
        for subject in range(now.shape[1]):
            change = now[pupil, subject] - before[pupil, subject]
            if not np.isnan(change):
                count += 1
                total += change
                fell += change <= -size
        if count > 0:
            result[0, pupil] = fell
        if count > 1:
            for subject in range(now.shape[1]):
                change = now[pupil, subject] - before[pupil, subject]
                if not np.isnan(change):
                    against = change - (total - change) / (count - 1)
                    # Negated, as the result begins as NaN, of which every comparison is false.
                    if not result[1, pupil] <= against:
                        result[1, pupil] = against
    return result


@compiled
def change_of_latest(
    days: Days, codes: Codes, values: Floats, chosen: Flags, low: Ints, high: Ints, subjects: int
) -> Floats:
    """Mean over subjects of the latest day's mean minus that of the day before it; NaN without two days.

    Of the chosen rows among [low, high); a day without one is none.
    """
    result = np.full(low.size, np.nan)
    for pupil in range(low.size):
        day = np.full(subjects, NOBODY, np.int64)
        earlier = np.full(subjects, np.nan)
        total, count = np.zeros(subjects), np.zeros(subjects)
        for row in range(low[pupil], high[pupil]):
            if not chosen[row]:
                continue
            subject = codes[row]
            if days[row] != day[subject]:
                if count[subject] > 0.0:
                    earlier[subject] = total[subject] / count[subject]
                day[subject], total[subject], count[subject] = days[row], 0.0, 0.0
            total[subject] += values[row]
            count[subject] += 1.0
        subject_count, change = 0, 0.0
        for subject in range(subjects):
            if not np.isnan(earlier[subject]):
                subject_count += 1
                change += total[subject] / count[subject] - earlier[subject]
        if subject_count > 0:
            result[pupil] = change / subject_count
    return result
