"""Compiled loops over rows sorted by pupil and day.

Each kernel walks the rows of one pupil at a time, so that a value depends on that pupil's rows and on nothing
else. They are compiled once by numba and cached on disk; ``NUMBA_DISABLE_JIT=1`` runs the same source as plain
Python for debugging.
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
    "calendar_half_days",
    "count_months_over",
    "count_weeks",
    "enrolled_weeks",
    "first_row_from",
    "first_rows",
    "longest_run",
    "marks_that_count",
    "open_on_day",
    "running_sums",
    "sums_by_code",
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
def first_row_from(days: Days, starts: Ints, first: Ints) -> Ints:
    """First row of each pupil whose day is ``first[pupil]`` or later (binary search)."""
    found = np.empty(starts.size - 1, np.int64)
    for pupil in range(starts.size - 1):
        low, high = starts[pupil], starts[pupil + 1]
        while low < high:
            middle = (low + high) // 2
            if days[middle] < first[pupil]:
                low = middle + 1
            else:
                high = middle
        found[pupil] = low
    return found


@compiled
def running_sums(values: Floats, starts: Ints) -> Floats:
    """Sum the rows before each row, restarting at each pupil; one entry more per pupil than rows."""
    pupils = starts.size - 1
    sums = np.empty(values.size + pupils, np.float64)
    for pupil in range(pupils):
        total = 0.0
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
        result[pupil] = sums[high[pupil] + pupil] - sums[low[pupil] + pupil]
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
        reached = np.int64(low)
        for enrolment in range(starts[pupil], starts[pupil + 1]):
            begin = max(np.int64(first[enrolment]), reached)
            end = min(np.int64(last[enrolment]) + 1, np.int64(high))
            if begin < end:
                result[pupil] += prefix[end] - prefix[begin]
                reached = end
    return result


@compiled
def enrolled_weeks(
    prefix: Ints, starts: Ints, first: Days, last: Days, low: int, high: int, origin: int
) -> Floats:
    """ISO weeks of [low, high) with at least one school half-day on a day when an enrolment is open."""
    result = np.zeros(starts.size - 1, np.float64)
    for pupil in range(starts.size - 1):
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
def count_weeks(days: Days, values: Floats, low: Ints, high: Ints) -> Floats:
    """ISO weeks with at least one positive value among rows [low, high) of each pupil."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        previous = np.int64(-(2**62))
        for row in range(low[pupil], high[pupil]):
            week = (np.int64(days[row]) + THURSDAY) // DAYS_A_WEEK
            if values[row] > 0.0 and week != previous:
                result[pupil] += 1.0
                previous = week
    return result


@compiled
def count_months_over(months: Days, values: Floats, low: Ints, high: Ints, threshold: float) -> Floats:
    """Calendar months whose sum over rows [low, high) of each pupil reaches ``threshold``."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        total, previous, counted = 0.0, np.int64(-(2**62)), False
        for row in range(low[pupil], high[pupil]):
            if months[row] != previous:
                total, previous, counted = 0.0, np.int64(months[row]), False
            total += values[row]
            if total >= threshold and not counted:
                result[pupil] += 1.0
                counted = True
    return result


@compiled
def longest_run(ordinals: Days, values: Floats, low: Ints, high: Ints) -> Floats:
    """Longest run of consecutive school days (by ``ordinals``) with a positive value among rows [low, high)."""
    result = np.zeros(low.size, np.float64)
    for pupil in range(low.size):
        run, previous = 0.0, np.int64(-(2**62))
        for row in range(low[pupil], high[pupil]):
            if values[row] <= 0.0:
                continue
            ordinal = np.int64(ordinals[row])
            if ordinal == previous + 1:
                run += 1.0
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
    assessed = np.zeros(years[-1] + 1, np.bool_)
    for pupil in range(starts.size - 1):
        assessed[:] = False
        for row in range(starts[pupil], starts[pupil + 1]):
            if status[row] == graded and kind[row] == assessment:
                assessed[years[days[row] - first]] = True
                result[row] = True
        for row in range(starts[pupil], starts[pupil + 1]):
            if status[row] == graded and not assessed[years[days[row] - first]]:
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
