"""Compiled loops over the rows of a table: keys, the order of rows within each pupil, repeats, days.

They are compiled once by numba and cached on disk; ``NUMBA_DISABLE_JIT=1`` runs the same source as plain Python for
debugging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Order = npt.NDArray[np.int32]
    Keys = npt.NDArray[np.int64]
    Days = npt.NDArray[np.int32]
    Codes = npt.NDArray[np.int8]
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = [
    "compiled",
    "half_days_of_the_day",
    "outside_spans",
    "push_codes",
    "push_days",
    "repeated_rows",
    "sort_by_pupil",
    "sort_within",
]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

DAY_BITS = 16
"""Enough for every day that a cell may hold (1990 to 2100) and a missing one."""

FIRST_DAY = 7305
"""1990-01-01 as a day number."""

_SHORT_RUN = 12


def compiled(function: _Function) -> _Function:
    """Compile with numba, cached on disk where the disk allows it."""
    try:
        return cast("_Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no writable place for the cache
        return cast("_Function", numba.njit(nogil=True)(function))


@compiled
def push_days(keys: Keys, days: Days) -> None:
    """Append a day to each key; a missing day comes before every other."""
    for row in range(keys.size):
        shifted = np.int64(days[row]) - FIRST_DAY + 1
        keys[row] = (keys[row] << DAY_BITS) | max(shifted, np.int64(0))


@compiled
def push_codes(keys: Keys, codes: Codes, bits: int) -> None:
    """Append a code of at most ``bits`` bits to each key; a missing one (-1) comes before every other."""
    for row in range(keys.size):
        keys[row] = (keys[row] << bits) | (np.int64(codes[row]) + 1)


@compiled
def _compare(a: int, b: int, first: Keys, second: Floats, third: Floats, last: Keys, depth: int) -> int:
    """Order two rows by ``depth`` of the keys; a missing number comes after every other."""
    if first[a] != first[b]:
        return -1 if first[a] < first[b] else 1
    if depth == 1:
        return 0
    for values in (second, third):
        one, other = values[a], values[b]
        if one != other and not (np.isnan(one) and np.isnan(other)):
            return -1 if one < other or np.isnan(other) else 1
    if last[a] != last[b]:
        return -1 if last[a] < last[b] else 1
    return 0


@compiled
def sort_by_pupil(pupil: Days, pupils: int, order: Order) -> npt.NDArray[np.int64]:
    """Count rows per pupil and put their positions, pupil by pupil and else as they came, into ``order``.

    Returns the first place of each pupil in ``order``, and one past the end. Codes from 0 to ``pupils`` - 1.
    """
    starts = np.zeros(pupils + 1, np.int64)
    for row in range(pupil.size):
        starts[pupil[row] + 1] += 1
    for place in range(pupils):
        starts[place + 1] += starts[place]
    place_of = starts[:-1].copy()
    for row in range(pupil.size):
        order[place_of[pupil[row]]] = row
        place_of[pupil[row]] += 1
    return starts


@compiled
def sort_within(
    order: Order, starts: Keys, first: Keys, second: Floats, third: Floats, last: Keys, depth: int
) -> None:
    """Sort the rows of each pupil by their keys, in place; equal rows stay as they came.

    Runs of ``_SHORT_RUN`` rows are sorted by insertion, longer ones merged; rows that are in order already cost one pass.
    """
    longest = 0
    for pupil in range(starts.size - 1):
        longest = max(longest, starts[pupil + 1] - starts[pupil])
    spare = np.empty(longest, np.int32)
    for pupil in range(starts.size - 1):
        low, high = starts[pupil], starts[pupil + 1]
        in_order = True
        for place in range(low + 1, high):
            if _compare(order[place - 1], order[place], first, second, third, last, depth) > 0:
                in_order = False
                break
        if in_order:
            continue
        for begin in range(low, high, _SHORT_RUN):
            for place in range(begin + 1, min(begin + _SHORT_RUN, high)):
                row, gap = order[place], place
                while gap > begin and _compare(order[gap - 1], row, first, second, third, last, depth) > 0:
                    order[gap] = order[gap - 1]
                    gap -= 1
                order[gap] = row
        width = _SHORT_RUN
        while width < high - low:
            for begin in range(low, high - width, 2 * width):
                _merge(order, spare, begin, begin + width, min(begin + 2 * width, high), first, second, third, last, depth)
            width *= 2


@compiled
def _merge(
    order: Order, spare: Order, low: int, middle: int, high: int,
    first: Keys, second: Floats, third: Floats, last: Keys, depth: int,
) -> None:  # fmt: skip
    """Merge two sorted runs that lie side by side."""
    if _compare(order[middle - 1], order[middle], first, second, third, last, depth) <= 0:
        return
    count = middle - low
    for place in range(count):
        spare[place] = order[low + place]
    left, right, place = 0, middle, low
    while left < count and right < high:
        if _compare(spare[left], order[right], first, second, third, last, depth) <= 0:
            order[place] = spare[left]
            left += 1
        else:
            order[place] = order[right]
            right += 1
        place += 1
    while left < count:
        order[place] = spare[left]
        left += 1
        place += 1


@compiled
def repeated_rows(
    order: Order, starts: Keys, first: Keys, second: Floats, third: Floats, last: Keys, depth: int,
    one: Floats, other: Floats,
) -> Flags:  # fmt: skip
    """Rows that equal an earlier row of their pupil in every key and in two more columns."""
    repeated = np.zeros(order.size, np.bool_)
    for pupil in range(starts.size - 1):
        group = starts[pupil]
        for place in range(starts[pupil] + 1, starts[pupil + 1]):
            row = order[place]
            if _compare(order[place - 1], row, first, second, third, last, depth) != 0:
                group = place
                continue
            for before in range(group, place):
                earlier = order[before]
                if _same(one[row], one[earlier]) and _same(other[row], other[earlier]):
                    repeated[row] = True
                    break
    return repeated


@compiled
def _same(one: float, other: float) -> bool:
    return bool(one == other or (np.isnan(one) and np.isnan(other)))


@compiled
def outside_spans(
    pupil: Days, day: Days, missing: int, starts: Keys, first: Days, last: Days
) -> Flags:
    """Rows whose day lies in no span (``first`` to ``last``, included; rows ``starts`` per pupil) of their pupil.

    Rows without a day, or of a pupil beyond ``starts``, are not among them.
    """
    result = np.zeros(day.size, np.bool_)
    for row in range(day.size):
        if day[row] == missing or pupil[row] >= starts.size - 1:
            continue
        result[row] = True
        for span in range(starts[pupil[row]], starts[pupil[row] + 1]):
            if first[span] <= day[row] <= last[span]:
                result[row] = False
                break
    return result


@compiled
def half_days_of_the_day(
    order: Order, starts: Keys, pupils: int, day: Days, missing: int, kind: Codes, lateness: int, half_days: Floats
) -> npt.NDArray[np.int64]:
    """Half-days missed by the pupil on the day of each row, over all its rows of that day.

    0 for a lateness, a row without kind or day, and for the pupils after the first ``pupils``.
    """
    result = np.zeros(order.size, np.int64)
    for pupil in range(min(pupils, starts.size - 1)):
        begin = starts[pupil]
        while begin < starts[pupil + 1]:
            today, end, total = day[order[begin]], begin, 0.0
            while end < starts[pupil + 1] and day[order[end]] == today:
                row = order[end]
                if kind[row] >= 0 and kind[row] != lateness and not np.isnan(half_days[row]):
                    total += half_days[row]
                end += 1
            for place in range(begin, end if today != missing else begin):
                row = order[place]
                if kind[row] >= 0 and kind[row] != lateness:
                    result[row] = np.int64(total)
            begin = end
    return result
