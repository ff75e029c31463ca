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
    Rest = tuple[Floats, Floats, Keys, bool]

__all__ = [
    "compiled",
    "half_days_of_the_day",
    "outside_spans",
    "place_by_pupil",
    "pop_codes",
    "pop_days",
    "push_codes",
    "push_days",
    "repeated_rows",
    "sort_within",
    "within_bounds",
]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

DAY_BITS = 16
"""Enough for every day that a cell may hold (1990 to 2100) and a missing one."""

FIRST_DAY = 7305
"""1990-01-01 as a day number."""

# A usual size for insertion before merging; it changes the speed only, never the order.
_SHORT_RUN = 12


def compiled(function: _Function) -> _Function:
    """Compile with numba, cached on disk where the disk allows it."""
    try:
        # nogil: threads sort the rows of different pupils at the same time.
        return cast("_Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no writable place for the cache
        return cast("_Function", numba.njit(nogil=True)(function))


@compiled
def push_days(keys: Keys, days: Days) -> None:
    """Append a day to each key; a missing day comes before every other."""
    for row in range(keys.size):
        offset = np.int64(days[row]) - FIRST_DAY + 1
        # Offset by one, so that 0 is left for the missing day, which then sorts first.
        keys[row] = (keys[row] << DAY_BITS) | max(offset, np.int64(0))


@compiled
def push_codes(keys: Keys, codes: Codes, bits: int) -> None:
    """Append a code of at most ``bits`` bits to each key; a missing one (-1) comes before every other."""
    for row in range(keys.size):
        keys[row] = (keys[row] << bits) | (np.int64(codes[row]) + 1)


@compiled
def pop_days(keys: Keys, shift: int, missing: int) -> Days:
    """Read a day back that has ``shift`` bits after it."""
    days = np.empty(keys.size, np.int32)
    for row in range(keys.size):
        offset = (keys[row] >> shift) & ((1 << DAY_BITS) - 1)
        days[row] = missing if offset == 0 else offset + FIRST_DAY - 1
    return days


@compiled
def pop_codes(keys: Keys, shift: int, bits: int) -> Codes:
    """Read a code of ``bits`` bits back that has ``shift`` bits after it."""
    codes = np.empty(keys.size, np.int8)
    for row in range(keys.size):
        codes[row] = ((keys[row] >> shift) & ((1 << bits) - 1)) - 1
    return codes


@compiled
def place_by_pupil(pupil: Days, kinds: int, keys: Keys, order: Order, placed: Keys) -> Keys:
    """Put the rows pupil by pupil, else as they came: their positions into ``order``, their keys into ``placed``.

    Returns the first place of each pupil code (0 to ``kinds`` - 1), and one past the end.
    """
    starts = np.zeros(kinds + 1, np.int64)
    for row in range(pupil.size):
        # Counting sort: one pass to count, one to place; no comparison of millions of ids.
        starts[pupil[row] + 1] += 1
    for place in range(kinds):
        starts[place + 1] += starts[place]
    place_of = starts[:-1].copy()
    for row in range(pupil.size):
        place = place_of[pupil[row]]
        order[place] = row
        placed[place] = keys[row]
        place_of[pupil[row]] = place + 1
    return starts


@compiled
def _rest_differs(a: int, b: int, rest: Rest) -> int:
    """Order two rows whose first keys are equal by the rest, if it counts; a missing number comes after every other."""
    second, third, last, more = rest
    if not more:
        return 0
    for values in (second, third):
        one, other = values[a], values[b]
        # NaN equals nothing, itself neither: without the second test two missing marks would have no fixed
        # order.
        if one != other and not (np.isnan(one) and np.isnan(other)):
            return -1 if one < other or np.isnan(other) else 1
    if last[a] != last[b]:
        return -1 if last[a] < last[b] else 1
    return 0


@compiled
def _after(key: int, row: int, other_key: int, other_row: int, rest: Rest) -> bool:
    """Whether a row comes after another."""
    if key != other_key:
        return bool(key > other_key)
    return bool(_rest_differs(row, other_row, rest) > 0)


@compiled
def _insert(keys: Keys, order: Order, low: int, high: int, rest: Rest) -> None:
    """Sort a short run of rows by insertion."""
    for place in range(low + 1, high):
        key, row, gap = keys[place], order[place], place
        # Strictly after: equal rows stay as they came, so the sort is stable.
        while gap > low and _after(keys[gap - 1], order[gap - 1], key, row, rest):
            keys[gap], order[gap] = keys[gap - 1], order[gap - 1]
            gap -= 1
        keys[gap], order[gap] = key, row


@compiled
def _merge(
    keys: Keys, order: Order, spare_keys: Keys, spare: Order, low: int, middle: int, high: int, rest: Rest
) -> None:
    """Merge two sorted runs that lie side by side."""
    # Extracts mostly come sorted by day: then the two runs are in order and nothing moves.
    if not _after(keys[middle - 1], order[middle - 1], keys[middle], order[middle], rest):
        return
    count = middle - low
    for place in range(count):
        spare_keys[place], spare[place] = keys[low + place], order[low + place]
    left, right, place = 0, middle, low
    while left < count:
        if right < high and _after(spare_keys[left], spare[left], keys[right], order[right], rest):
            keys[place], order[place] = keys[right], order[right]
            right += 1
        else:
            keys[place], order[place] = spare_keys[left], spare[left]
            left += 1
        place += 1


@compiled
def sort_within(keys: Keys, order: Order, starts: Keys, low_pupil: int, high_pupil: int, rest: Rest) -> None:
    """Sort the rows of some pupils by their keys, in place; equal rows stay as they came.

    ``keys`` and ``order`` are placed by pupil, the others (``rest``) are as the rows came. Runs of
    ``_SHORT_RUN`` rows are sorted by insertion and merged; rows that are in order already cost one pass.
    """
    longest = 0
    for pupil in range(low_pupil, high_pupil):
        longest = max(longest, starts[pupil + 1] - starts[pupil])
    # One spare run for all pupils: allocating per pupil would cost more than sorting.
    spare_keys, spare = np.empty(longest, np.int64), np.empty(longest, np.int32)
    for pupil in range(low_pupil, high_pupil):
        low, high = starts[pupil], starts[pupil + 1]
        for begin in range(low, high, _SHORT_RUN):
            _insert(keys, order, begin, min(begin + _SHORT_RUN, high), rest)
        width = _SHORT_RUN
        while width < high - low:
            for begin in range(low, high - width, 2 * width):
                end = min(begin + 2 * width, high)
                _merge(keys, order, spare_keys, spare, begin, begin + width, end, rest)
            width *= 2


@compiled
def repeated_rows(keys: Keys, order: Order, starts: Keys, rest: Rest, one: Floats, other: Floats) -> Flags:
    """Rows that equal an earlier row of their pupil in every key and, if there is a rest, in two more columns."""
    repeats = np.zeros(order.size, np.bool_)
    for pupil in range(starts.size - 1):
        group = starts[pupil]
        for place in range(starts[pupil] + 1, starts[pupil + 1]):
            row = order[place]
            if keys[place - 1] != keys[place] or _rest_differs(order[place - 1], row, rest):
                group = place
                continue
            # Equal keys do not make neighbours equal in the two other columns: the whole run is looked at.
            for before in range(group, place):
                earlier = order[before]
                # Without a rest the keys hold every column: neighbours that tie are repeats.
                if not rest[3] or (_same(one[row], one[earlier]) and _same(other[row], other[earlier])):
                    repeats[row] = True
                    break
    return repeats


@compiled
def _same(one: float, other: float) -> bool:
    return bool(one == other or (np.isnan(one) and np.isnan(other)))


@compiled
def within_bounds(values: Floats, low: float, high: float, above: bool, whole: bool) -> bool:  # noqa: FBT001 - a kernel takes plain values
    """Whether each number that is known is finite and from ``low`` (left out if ``above``) to ``high``, ``whole`` ones whole."""
    for value in values:
        if np.isnan(value):
            continue
        if not low <= value <= high or (above and value == low) or np.isinf(value):
            return False
        if whole and value != np.floor(value):
            return False
    return True


@compiled
def outside_spans(pupil: Days, day: Days, missing: int, starts: Keys, first: Days, last: Days) -> Flags:
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
    order: Order,
    starts: Keys,
    pupils: int,
    day: Days,
    missing: int,
    kind: Codes,
    lateness: int,
    half_days: Codes,
) -> Codes:
    """Half-days missed by the pupil on the day of each row, over all its rows of that day; 127 stands for more.

    ``day``, ``kind`` and ``half_days`` are in order, the result is as the rows came: 0 for a lateness, a row without
    kind or day, and for the pupils after the first ``pupils``.
    """
    result = np.zeros(order.size, np.int8)
    for pupil in range(pupils):
        begin = starts[pupil]
        while begin < starts[pupil + 1]:
            today, end, total = day[begin], begin, 0
            while end < starts[pupil + 1] and day[end] == today:
                if kind[end] >= 0 and kind[end] != lateness:
                    # A missing number of half-days is -1: it adds nothing.
                    total += max(half_days[end], 0)
                end += 1
            for place in range(begin, end if today != missing else begin):
                if kind[place] >= 0 and kind[place] != lateness:
                    # Cells are int8: a thousand rows of one day must not wrap around to a negative number.
                    result[order[place]] = min(total, 127)
            begin = end
    return result
