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
    Words = npt.NDArray[np.uint64]
    Columns = tuple[Keys, Floats, Floats]
    TextBytes = tuple[Words, Keys, Flags]
    TextTable = tuple[Words, Words, Keys, Keys]
    Rest = tuple[Floats, Floats, Keys, bool]

__all__ = [
    "OUTSIDE",
    "code_texts",
    "compiled",
    "first_septembers",
    "gaps_of_days",
    "gaps_of_numbers",
    "gather",
    "half_days_of_the_day",
    "outside_spans",
    "place_by_pupil",
    "pop_codes",
    "pop_days",
    "push_codes",
    "push_days",
    "recode",
    "rehash",
    "repeated_rows",
    "sort_within",
    "whole_days",
]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

DAY_BITS = 16
"""Enough for every day that a cell may hold (1990 to 2100) and a missing one."""

FIRST_DAY = 7305
"""1990-01-01 as a day number."""

_DAYS_32 = 2**31
"""Day numbers are 32 bits wide."""

_LEAP_DAYS_UNTIL_1969 = 1969 // 4 - 1969 // 100 + 1969 // 400
_DAYS_BEFORE_SEPTEMBER = 243

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
def gather(rows: Order, low: int, high: int, sources: Columns, results: Columns) -> None:
    """Put what stands at ``rows`` of three columns beside one another, for the places ``low`` to ``high``.

    Three at a time: rows are far apart in memory, and the processor waits for all three at once.
    """
    (one, two, three), (first, second, third) = sources, results
    for place in range(low, high):
        row = rows[place]
        first[place], second[place], third[place] = one[row], two[row], three[row]


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


# Between two looks at whether a fault came: inside a block nothing branches, so that several cells are compared at once.
_BLOCK = 4096
OUTSIDE = -1
"""What :func:`gaps_of_numbers` and :func:`gaps_of_days` give where a cell breaks a limit."""


@compiled
def gaps_of_numbers(values: Floats, low: float, high: float, above: bool, whole: bool) -> int:  # noqa: FBT001 - a kernel takes plain values
    """Count the missing numbers; ``OUTSIDE`` unless each other one is from ``low`` (left out if ``above``) to ``high``.

    ``whole`` ones must be whole. Of finite limits no infinite number is inside.
    """
    gaps = 0
    for begin in range(0, values.size, _BLOCK):
        faults = 0
        for place in range(begin, min(begin + _BLOCK, values.size)):
            value = values[place]
            is_gap = value != value  # noqa: PLR0124 - true of NaN alone
            fits = ((value > low) | ((value == low) & (not above))) & (value <= high)
            fits &= (not whole) | (value == np.floor(value))
            gaps += is_gap
            faults += not (fits | is_gap)
        if faults:
            return OUTSIDE
    return gaps


@compiled
def gaps_of_days(days: Days, low: int, high: int, missing: int) -> int:
    """Count the missing days; ``OUTSIDE`` unless each other one is from ``low`` to ``high``."""
    gaps = 0
    for begin in range(0, days.size, _BLOCK):
        faults = 0
        for place in range(begin, min(begin + _BLOCK, days.size)):
            day = days[place]
            is_gap = day == missing
            gaps += is_gap
            faults += not (((day >= low) & (day <= high)) | is_gap)
        if faults:
            return OUTSIDE
    return gaps


@compiled
def whole_days(times: Keys, validity: Flags, per_day: int, missing: int, days: Days) -> bool:
    """Write the day numbers of times of ``per_day`` units a day into ``days``; False if one is no midnight, or beyond 32 bits.

    ``validity`` tells which times are not missing, or is empty where none is.
    """
    share, all_known = 1.0 / per_day, validity.size == 0
    for begin in range(0, times.size, _BLOCK):
        faults = 0
        for place in range(begin, min(begin + _BLOCK, times.size)):
            # The nearest day, by a product instead of a division: of a midnight it is the day itself, others are faults.
            day = np.int64(np.floor(times[place] * share + 0.5))
            is_day = -_DAYS_32 <= day < _DAYS_32 and day * per_day == times[place]
            is_known = all_known or validity[place]
            days[place] = day if is_known else missing
            faults += is_known and not is_day
        if faults:
            return False
    return True


@compiled
def first_septembers(school_years: Floats) -> Keys:
    """Day number of 1 September of each year; 0 where it is missing."""
    days = np.zeros(school_years.size, np.int64)
    for row in range(school_years.size):
        if not np.isnan(school_years[row]):
            year = np.int64(school_years[row])
            # 29 February of the year itself, if it has one, has passed by then.
            leap_days = year // 4 - year // 100 + year // 400 - _LEAP_DAYS_UNTIL_1969
            days[row] = 365 * (year - 1970) + leap_days + _DAYS_BEFORE_SEPTEMBER
    return days


@compiled
def recode(codes: Codes | Order, code_of: Codes | Order, missing: int, result: Codes | Order) -> None:
    """Write into ``result`` what ``code_of`` says of each code, and ``missing`` for codes below 0."""
    for place in range(codes.size):
        code = codes[place]
        result[place] = code_of[code] if code >= 0 else missing


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


_WORD_BYTES = 8
_BATCH = 512
_ONE, _ODD, _OTHER_ODD = np.uint64(1), np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_HALF, _SHIFT, _BITS, _LOW = np.uint64(32), np.uint64(29), np.uint64(64), np.uint64(0xFFFFFFFF)


@compiled
def _word(data: Words, at: int, size: int) -> Any:  # noqa: ANN401 - numba's unsigned number
    """Up to eight bytes from the byte ``at`` on, as one number."""
    place, shift = at >> 3, np.uint64((at & 7) << 3)
    word = data[place] >> shift
    if shift:
        word |= data[place + 1] << (_BITS - shift)
    if size < _WORD_BYTES:
        word &= (_ONE << np.uint64(size << 3)) - _ONE
    return word


@compiled
def _mixed(word: Any) -> Any:  # noqa: ANN401 - numba's unsigned number
    """Spread the bits of a number; no two numbers give the same."""
    word *= _ODD
    word ^= word >> _HALF
    word *= _OTHER_ODD
    return word ^ (word >> _SHIFT)


@compiled
def _hash(data: Words, at: int, size: int) -> Any:  # noqa: ANN401 - numba's unsigned number
    if not size:
        return np.uint64(0)
    number = _mixed(_word(data, at, size))
    for more in range(_WORD_BYTES, size, _WORD_BYTES):
        number = _mixed(number ^ _word(data, at + more, size - more))
    return number


@compiled
def _equal_text(data: Words, at: int, size: int, texts: Words, first: int) -> bool:
    for more in range(0, size, _WORD_BYTES):
        if texts[first + (more >> 3)] != _word(data, at + more, size - more):
            return False
    return True


@compiled
def _hash_batch(came: TextBytes, row: int, hashes: Words) -> int:
    """Hash the texts from ``row`` on; give how many words of eight bytes they have."""
    data, ends, _ = came
    words = 0
    for place in range(hashes.size):
        size = ends[row + place + 1] - ends[row + place]
        hashes[place] = _hash(data, ends[row + place], size)
        words += (size + 7) >> 3
    return words


@compiled
def _slot_of(came: TextBytes, place: int, number: Any, table: TextTable) -> int:  # noqa: ANN401 - numba's unsigned number
    """Find the slot of a text by its hash: the one that holds it, or the first free one."""
    data, ends, _ = came
    slots, texts, places, _ = table
    at, size, mask = ends[place], ends[place + 1] - ends[place], np.int64(slots.size) - 1
    slot = int((np.int64(number) << 1) & mask)
    while slots[slot + 1]:
        tag = slots[slot + 1]
        # Of up to eight bytes, hash and size are the text itself.
        if (
            slots[slot] == number
            and tag >> _HALF == np.uint64(size + 1)
            and (size <= _WORD_BYTES or _equal_text(data, at, size, texts, places[np.int64(tag & _LOW)]))
        ):
            break
        slot = int((slot + 2) & mask)
    return slot


@compiled
def _hold_text(came: TextBytes, place: int, number: Any, slot: int, table: TextTable) -> None:  # noqa: ANN401 - as above
    """Give a text that has none the next code, in a free slot."""
    data, ends, _ = came
    slots, texts, places, counts = table
    at, size, code = ends[place], ends[place + 1] - ends[place], counts[0]
    slots[slot], slots[slot + 1] = number, (np.uint64(size + 1) << _HALF) | np.uint64(code)
    places[code] = counts[1]
    if size > _WORD_BYTES:
        for part in range(0, size, _WORD_BYTES):
            texts[counts[1]] = _word(data, at + part, size - part)
            counts[1] += 1
    counts[0] = code + 1


@compiled
def code_texts(came: TextBytes, row: int, table: TextTable, codes: Order, firsts: Keys) -> int:
    """Give equal texts one code, from row ``row`` on.

    Returns the row before which the table was full, or how many rows there are.

    Parameters
    ----------
    came : tuple
        Bytes of all texts as words of eight, one word more than they need; where each text begins and the last one ends;
        which are not missing, or nothing where none is. A missing one has the code -1.
    row : int
        The first row.
    table : tuple
        Slots, pairs of a hash and of (size + 1, code) in the halves of one number, 0 where they are free; words of the texts of over
        eight bytes; where those of each code begin; how many codes and words there are.
    codes : (rows,) int32 array
        Filled.
    firsts : (rows,) int64 array
        Filled with the rows of the codes that are new, in order.
    """
    _, ends, validity = came
    slots, texts, places, counts = table
    mask, before = np.int64(slots.size) - 1, counts[0]
    hashes, first_tag = np.empty(_BATCH, np.uint64), np.empty(_BATCH, np.uint64)
    first_hash = np.empty(_BATCH, np.uint64)
    while row < ends.size - 1:
        rows = min(_BATCH, ends.size - 1 - row)
        words = _hash_batch(came, row, hashes[:rows])
        # A quarter of the slots at most is used, so that a text stands where its hash says, almost always.
        is_full = 8 * (counts[0] + rows) > slots.size or counts[0] + rows > places.size
        if is_full or counts[1] + words > texts.size:
            break
        # All slots of a batch are read before any is looked at: the processor waits for memory once, not once per row.
        for place in range(rows):
            slot = int((np.int64(hashes[place]) << 1) & mask)
            first_hash[place], first_tag[place] = slots[slot], slots[slot + 1]
        for place in range(rows):
            size, number, tag = ends[row + place + 1] - ends[row + place], hashes[place], first_tag[place]
            if validity.size and not validity[row + place]:
                codes[row + place] = -1
            elif size <= _WORD_BYTES and first_hash[place] == number and tag >> _HALF == np.uint64(size + 1):
                codes[row + place] = np.int64(tag & _LOW)
            else:
                slot = _slot_of(came, row + place, number, table)
                if not slots[slot + 1]:
                    firsts[counts[0] - before] = row + place
                    _hold_text(came, row + place, number, slot, table)
                codes[row + place] = np.int64(slots[slot + 1] & _LOW)
        row += rows
    return row


@compiled
def rehash(slots: Words, larger: Words) -> None:
    """Put what ``slots`` of :func:`code_texts` hold into more of them, which are free."""
    mask = np.int64(larger.size) - 1
    for place in range(0, slots.size, 2):
        if slots[place + 1]:
            slot = (np.int64(slots[place]) << 1) & mask
            while larger[slot + 1]:
                slot = (slot + 2) & mask
            larger[slot], larger[slot + 1] = slots[place], slots[place + 1]
