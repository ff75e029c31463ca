"""How rows of one table are tied to rows of another: positions of pupils, spans of enrolments, days as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultGroup, Rule

__all__ = ["Spans", "day_numbers", "fault_at", "pupil_positions", "septembers"]

_SPAN = 2**20
"""More days than any two dates of the records lie apart, so that (pupil, day) fits one whole number."""


def pupil_positions(ids: pd.Series, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Find where the pupil of each row stands in a list of distinct ids; -1 for one who is not in it."""
    found = pc.index_in(pa.array(frame["pupil_id"].array), value_set=pa.array(ids.array), skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def day_numbers(days: pd.Series) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01; a missing day is 0."""
    numbers = days.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(days.isna().to_numpy(), 0, numbers)


def fault_at(
    rule: Rule,
    table: str,
    column: str | None,
    frame: pd.DataFrame,
    broken: npt.NDArray[np.bool_],
    *,
    expected: str | None = None,
    hint: str | None = None,
) -> Iterator[FaultGroup]:
    """Report the rows that break a rule, if any; a fault of whole rows shows their pupil and day."""
    rows = np.flatnonzero(broken)
    if not rows.size:
        return
    if column is None:
        some = frame[["pupil_id", "date"]].iloc[rows]
        values = (some["pupil_id"] + " on " + some["date"].dt.strftime("%Y-%m-%d")).astype(object).to_numpy()
    else:
        values = frame[column].iloc[rows].astype(object).to_numpy()
    order = np.argsort(frame.index.to_numpy()[rows], kind="stable")
    labels = frame.index.to_numpy()[rows][order]
    yield rule.fault(table, column, rows=labels, values=values[order], expected=expected, hint=hint)


def septembers(school_years: pd.Series) -> npt.NDArray[np.datetime64]:
    """First month of each school year, as ``datetime64[M]``; NaT where the school year is missing."""
    years = school_years.to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(years)
    months = np.full(len(years), np.datetime64("NaT", "M"))
    months[known] = (years[known] - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 8
    return months


def _running_maximum(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.maximum.accumulate(numbers) if len(numbers) else numbers


@dataclass(frozen=True, slots=True)
class Spans:
    """The days on which enrolments are open, sorted by pupil, start, end, school and level.

    Attributes
    ----------
    rows : (n,) int array
        Positions in the enrolments; rows without a known pupil or start, or open on no day, are left out.
    starts : (n,) int64 array
        Pupil and first day as one number.
    reach : (n,) int64 array
        Pupil and last day open so far, over this span and the ones of the pupil before it, as one number.
    ends : (n,) int64 array
        Pupil and last day as one number.
    """

    rows: npt.NDArray[np.intp]
    starts: npt.NDArray[np.int64]
    reach: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, enrolments: pd.DataFrame, positions: npt.NDArray[np.int64]) -> Spans:
        """Sort the spans; without ``end_date`` an enrolment is open until 31 August of its school year."""
        start, end = day_numbers(enrolments["start_date"]), day_numbers(enrolments["end_date"])
        summer = (septembers(enrolments["school_year"]) + 12).astype("datetime64[D]") - 1
        open_ended = enrolments["end_date"].isna().to_numpy() & ~np.isnat(summer)
        end = np.where(open_ended, summer.astype(np.int64), end)
        usable = (positions >= 0) & enrolments["start_date"].notna().to_numpy() & (end >= start)
        rows = np.flatnonzero(usable)
        starts, ends = (positions[rows] * _SPAN + day for day in (start[rows], end[rows]))
        school = pd.factorize(enrolments["school_id"].iloc[rows], sort=True)[0]
        level = enrolments["level"].cat.codes.to_numpy()[rows]
        order = np.lexsort([level, school, ends, starts])
        starts, ends = starts[order], ends[order]
        return cls(rows[order], starts, _running_maximum(ends), ends)

    def overlapping(self) -> npt.NDArray[np.intp]:
        """Find the enrolments to leave out so that no two of a pupil share a day, the earliest kept.

        Each round leaves out the first overlapping span of every pupil, so that a span is not blamed for sharing
        a day with one that is left out itself.
        """
        left = np.arange(len(self.rows))
        out: list[npt.NDArray[np.intp]] = []
        while True:
            before = np.append([-1], _running_maximum(self.ends[left])[:-1])[: len(left)]
            late = np.flatnonzero(self.starts[left] <= before)
            if not late.size:
                return np.asarray(self.rows[np.concatenate([*out, late])])
            _, first = np.unique(self.starts[left[late]] // _SPAN, return_index=True)
            out.append(left[late[first]])
            left = np.delete(left, late[first])

    def contain(self, positions: npt.NDArray[np.int64], days: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether some span of each pupil holds each day."""
        wanted = positions * _SPAN + days
        before = np.searchsorted(self.starts, wanted, side="right") - 1
        reach = np.append(self.reach, -1)[before]
        return np.asarray(reach >= wanted)
