"""Absences held against the days they are dated: half-days per day, and the days on which there is school."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records import cross_rules as rules
from decrochage_risk.records import kernels
from decrochage_risk.records.coded import NO_DAY
from decrochage_risk.records.links import fault_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable
    from decrochage_risk.records.event_order import EventOrder, PupilCodes
    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["check_absence_days"]

_A_DAY = 2
_UNKNOWN = 3
_EPOCH = date(1970, 1, 1)


def check_absence_days(
    absences: CodedTable, pupils: PupilCodes, order: EventOrder, calendar: SchoolCalendar
) -> Iterator[FaultGroup]:
    """Find absences that their day cannot hold.

    Parameters
    ----------
    absences : CodedTable
        The table.
    pupils : PupilCodes
        Whose each row is.
    order : EventOrder
        Its rows in order.
    calendar : SchoolCalendar
        Half-days of school per day.

    Yields
    ------
    FaultGroup
        More than 2 half-days of absence, exclusion and placement of one pupil on one day (the rows with which the
        day came to hold too many, never the ones recorded before them: a row recorded later must not set aside what
        was known earlier); days without school, days shorter than what was missed, days that the calendar does not know.
    """
    days = absences["date"]
    lateness = absences.table.column("kind").choices.index("lateness")
    day, kind, half_days = (order.columns[name] for name in ("date", "kind", "half_days"))
    total = kernels.half_days_of_the_day(
        order.rows, order.starts, pupils.pupils, day, NO_DAY, kind, lateness, half_days
    )
    too_many = np.flatnonzero(total > _A_DAY)
    if too_many.size:
        broken = np.zeros(len(absences), dtype=np.bool_)
        broken[too_many] = _half_days_by_then(absences.take(too_many), pupils.codes[too_many]) > _A_DAY
        yield from fault_at(rules.TOO_MANY_HALF_DAYS, "half_days", absences, broken)
    held = _half_days_held(days, calendar)
    yield from fault_at(rules.NO_SCHOOL_DAY, "date", absences, held == 0)
    beyond = (held > 0) & (held < _UNKNOWN) & (total > held) & (total <= _A_DAY)
    yield from fault_at(rules.BEYOND_THE_DAY, "half_days", absences, beyond)
    first, last = (
        _EPOCH + timedelta(days=int(calendar.first_day_number) + more)
        for more in (0, len(calendar.values) - 1)
    )
    yield from fault_at(
        rules.OUTSIDE_CALENDAR,
        "date",
        absences,
        (held == _UNKNOWN) & (days != NO_DAY),
        expected=rules.OUTSIDE_CALENDAR.expected.format(first=first, last=last),
    )


def _half_days_held(days: npt.NDArray[np.int32], calendar: SchoolCalendar) -> npt.NDArray[np.int8]:
    """Half-days of school of each day, ``_UNKNOWN`` for a day that the calendar does not hold."""
    values = np.append(calendar.values, np.int8(_UNKNOWN))
    outside = len(values) - 1
    since_first = days - np.int64(calendar.first_day_number)
    return values[np.where((since_first >= 0) & (since_first < outside), since_first, outside)]


def _half_days_by_then(absences: CodedTable, pupil: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Half-days of the pupil and day of each row, over the rows known no later than it."""
    days = absences["date"]
    known = np.maximum(days, absences["recorded_on"])
    by = pd.MultiIndex.from_arrays([pupil, days, known], names=["pupil", "day", "known"])
    half_days = pd.Series(absences["half_days"].astype(np.int64), index=by)
    each = half_days.groupby(level=[0, 1, 2]).sum()
    return each.groupby(level=[0, 1]).cumsum().loc[by].to_numpy(dtype=np.int64)
