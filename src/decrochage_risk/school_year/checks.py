"""What a calendar is given: half-days and day numbers, refused with their remedy when they are something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import CalendarError, explain_error

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["checked_day_numbers", "checked_half_days"]

MOST_HALF_DAYS = 2


def checked_half_days(half_days: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Return a read-only int8 copy of half-days, or raise :class:`CalendarError` with every bad value."""
    given = np.asarray(half_days)
    if given.ndim != 1 or given.size == 0 or not np.issubdtype(given.dtype, np.integer):
        raise CalendarError(
            explain_error(
                f"The half-days are an array of {given.dtype}, of shape {given.shape}",
                expected="whole numbers 0, 1 or 2, one per day, at least one day",
                hint="Pass a one-dimensional int8 array that starts on first_day and has no gap.",
            ),
        )
    bad = np.flatnonzero((given < 0) | (given > MOST_HALF_DAYS))
    if bad.size:
        listed = ", ".join(f"{given[position]} at position {position}" for position in bad)
        raise CalendarError(
            explain_error(
                f"{bad.size} value(s) are not half-days of a day: {listed}",
                expected="0, 1 or 2 half-days a day",
                hint="Count half-days, not hours: 2 on a full day, 1 on a Wednesday morning, 0 without school.",
            ),
        )
    values = given.astype(np.int8)
    values.setflags(write=False)
    return values


def checked_day_numbers(days: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return days from 1 January 1970 as int64, or raise :class:`CalendarError` when they are not integers."""
    given = np.asarray(days)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise CalendarError(
            explain_error(
                f"The days are an array of {given.dtype}",
                expected="whole numbers, days from 1 January 1970",
                hint='Convert with day_number(), or with series.to_numpy("datetime64[D]").astype("int64").',
            ),
        )
    return given.astype(np.int64)
