"""Absences held against the days they are dated: half-days per day, and the days on which there is school."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records import cross_rules as rules
from decrochage_risk.records.links import day_numbers, fault_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["check_absence_days"]

_A_DAY = 2
_EPOCH = date(1970, 1, 1)


def check_absence_days(
    absences: pd.DataFrame, positions: npt.NDArray[np.int64], calendar: SchoolCalendar
) -> Iterator[FaultGroup]:
    """Find absences that their day cannot hold.

    Parameters
    ----------
    absences : DataFrame
        Canonical frame.
    positions : (n,) int64 array
        Position of each row's pupil, -1 if unknown.
    calendar : SchoolCalendar
        Half-days of school per day.

    Yields
    ------
    FaultGroup
        More than 2 half-days of absence, exclusion and placement of one pupil on one day (the rows with which the
        day came to hold too many, never the ones recorded before them: a row recorded later must not set aside what
        was known earlier); days without school, days shorter than what was missed, days that the calendar does not know.
    """
    dated = absences["date"].notna().to_numpy(dtype=np.bool_)
    days = day_numbers(absences["date"])
    total = _half_days_of_the_day(absences, positions, days, dated)
    too_many = np.flatnonzero(total > _A_DAY)
    broken = np.zeros(len(absences), dtype=np.bool_)
    broken[too_many] = _half_days_by_then(absences.iloc[too_many], positions[too_many]) > _A_DAY
    yield from fault_at(rules.TOO_MANY_HALF_DAYS, "absences", "half_days", absences, broken)
    since_first = days - calendar.first_day_number
    inside = dated & (since_first >= 0) & (since_first < len(calendar.values))
    held = np.asarray(calendar.values)[np.where(inside, since_first, 0)]
    yield from fault_at(rules.NO_SCHOOL_DAY, "absences", "date", absences, inside & (held == 0))
    beyond = inside & (held > 0) & (total > held) & (total <= _A_DAY)
    yield from fault_at(rules.BEYOND_THE_DAY, "absences", "half_days", absences, beyond)
    first = _EPOCH + timedelta(days=int(calendar.first_day_number))
    last = first + timedelta(days=len(calendar.values) - 1)
    yield from fault_at(
        rules.OUTSIDE_CALENDAR,
        "absences",
        "date",
        absences,
        dated & ~inside,
        expected=rules.OUTSIDE_CALENDAR.expected.format(first=first, last=last),
    )


def _half_days_of_the_day(
    absences: pd.DataFrame,
    positions: npt.NDArray[np.int64],
    days: npt.NDArray[np.int64],
    dated: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Half-days missed by the pupil on the day of each row, over all its rows of that day; 0 for a lateness."""
    lateness = absences["kind"].cat.categories.get_indexer(pd.Index(["lateness"]))[0]
    kinds = absences["kind"].cat.codes.to_numpy()
    half_days = absences["half_days"].to_numpy(dtype=np.int64, na_value=0)
    rows = np.flatnonzero(dated & (positions >= 0) & (kinds >= 0) & (kinds != lateness))
    total = np.zeros(len(absences), dtype=np.int64)
    total[rows] = half_days[rows]
    pupil_days = positions[rows] * 2**20 + days[rows]
    shared = np.flatnonzero(pd.Series(pupil_days).duplicated(keep=False).to_numpy())
    codes, _ = pd.factorize(pupil_days[shared])
    sums = np.zeros(codes.max() + 1 if codes.size else 0, dtype=np.int64)
    np.add.at(sums, codes, half_days[rows[shared]])
    total[rows[shared]] = sums[codes]
    return total


def _half_days_by_then(absences: pd.DataFrame, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Half-days of the pupil and day of each row, over the rows known no later than it."""
    days = day_numbers(absences["date"])
    known = np.maximum(days, day_numbers(absences["recorded_on"]))
    by = pd.MultiIndex.from_arrays([positions, days, known], names=["pupil", "day", "known"])
    half_days = pd.Series(absences["half_days"].to_numpy(dtype=np.int64), index=by)
    each = half_days.groupby(level=[0, 1, 2]).sum()
    return each.groupby(level=[0, 1]).cumsum().loc[by].to_numpy(dtype=np.int64)
