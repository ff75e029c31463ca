"""The checks between rows and between tables: duplicates, unknown pupils, overlaps, days without school."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records import cross_rules as rules
from decrochage_risk.records.absence_days import check_absence_days
from decrochage_risk.records.advice import close_names
from decrochage_risk.records.links import Spans, day_numbers, fault_at, pupil_positions
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultGroup, Rule
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["cross_check"]

_EVENTS = ("absences", "grades", "orientation")
_YOUNGEST, _OLDEST = 8, 25


def cross_check(frames: Mapping[str, pd.DataFrame], calendar: SchoolCalendar) -> list[FaultGroup]:
    """Find the faults between rows and between tables.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Canonical frames, as ``conform`` gives them; rows may have been left out, their index still tells where
        they stood in the table that came.
    calendar : SchoolCalendar
        Half-days of school per day.

    Returns
    -------
    list of FaultGroup
        ``rows`` are index labels of the frames. Cells that ``conform`` blanked are not reported again.

    Examples
    --------
    >>> from decrochage_risk.records.checks import conform
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> came = pd.DataFrame({"pupil_id": ["a", "b", "a"]})
    >>> frames = {"pupils": conform(TABLES["pupils"], came).frame}
    >>> [(fault.rule, fault.rows.tolist()) for fault in cross_check(frames, SchoolCalendar.for_zone("B"))]
    [('missing_table', []), ('duplicate_pupil', [2])]
    """
    return list(_faults(frames, calendar))


def _faults(frames: Mapping[str, pd.DataFrame], calendar: SchoolCalendar) -> Iterator[FaultGroup]:
    yield from _table_names(frames)
    if "pupils" not in frames:
        return
    pupils = frames["pupils"]
    yield from _repeated(rules.DUPLICATE_PUPIL, "pupils", pupils, ["pupil_id"])
    ids = pupils["pupil_id"].dropna().drop_duplicates().reset_index(drop=True)
    positions = {
        name: pupil_positions(ids, frame)
        for name, frame in frames.items()
        if name in TABLES and name != "pupils" and "pupil_id" in frame
    }
    for name, known in positions.items():
        unknown = (known < 0) & frames[name]["pupil_id"].notna().to_numpy(dtype=np.bool_)
        yield from fault_at(rules.UNKNOWN_PUPIL, name, "pupil_id", frames[name], unknown)
    if "enrolments" in frames:
        spans = Spans.of(frames["enrolments"], positions["enrolments"])
        yield from _enrolments(frames["enrolments"], positions["enrolments"], spans, pupils, ids)
        for name in _EVENTS:
            if name in frames:
                yield from _outside_enrolment(name, frames[name], positions[name], spans)
    for name in _EVENTS:
        if name in frames:
            yield from _identical(name, frames[name], positions[name])
    if "absences" in frames:
        yield from check_absence_days(frames["absences"], positions["absences"], calendar)
    if "outcomes" in frames:
        yield from _repeated(
            rules.DUPLICATE_OUTCOME, "outcomes", frames["outcomes"], ["pupil_id", "school_year"]
        )
    if "coverage" in frames and "enrolments" in frames:
        yield from _unknown_schools(frames["coverage"], frames["enrolments"])


def _table_names(frames: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    came = f"tables {', '.join(frames) or '(none)'}"
    for table in TABLES.values():
        if table.mandatory and table.name not in frames:
            yield rules.MISSING_TABLE.fault(table.name, values=[came])
    for name in frames:
        if name not in TABLES:
            yield rules.UNKNOWN_TABLE.fault(
                name,
                values=[f"a table named {name!r}"],
                expected=rules.UNKNOWN_TABLE.expected.format(tables=", ".join(TABLES)),
                hint=rules.UNKNOWN_TABLE.hint.format(close=close_names(name, TABLES)),
            )


def _repeated(rule: Rule, table: str, frame: pd.DataFrame, key: list[str]) -> Iterator[FaultGroup]:
    """Rows that repeat a key, the first in the order of all columns left out; identical and conflicting apart."""
    complete = frame[key].notna().all(axis=1)
    repeated = frame[frame.duplicated(key, keep=False) & complete]
    if repeated.empty:
        return
    ordered = repeated.sort_values(list(frame.columns), kind="stable", na_position="last")
    later = ordered[ordered.duplicated(key, keep="first")].sort_index()
    kept = ordered.drop_duplicates(key).set_index(key)
    same_as_kept = _same(later.set_index(key), kept)
    for same, how in (
        (same_as_kept, "The rows are identical: keep one of them"),
        (~same_as_kept, "The rows contradict each other: find out which one is true"),
    ):
        yield from fault_at(rule, table, key[0], later, same, hint=rule.hint.format(how=how))


def _same(rows: pd.DataFrame, kept: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows equal, in every column, the row kept under the same key (two missing cells are equal)."""
    other = kept.reindex(rows.index)
    same = np.ones(len(rows), dtype=np.bool_)
    for name in rows.columns:
        first, second = rows[name].astype(object).to_numpy(), other[name].astype(object).to_numpy()
        both_missing = pd.isna(first) & pd.isna(second)
        either_missing = pd.isna(first) | pd.isna(second)
        equal = np.zeros(len(rows), dtype=np.bool_)
        equal[~either_missing] = first[~either_missing] == second[~either_missing]
        same &= equal | both_missing
    return same


def _enrolments(
    enrolments: pd.DataFrame,
    positions: npt.NDArray[np.int64],
    spans: Spans,
    pupils: pd.DataFrame,
    ids: pd.Series,
) -> Iterator[FaultGroup]:
    overlapping = np.zeros(len(enrolments), dtype=np.bool_)
    overlapping[spans.rows[spans.overlapping()]] = True
    yield from fault_at(rules.OVERLAPPING_ENROLMENTS, "enrolments", "start_date", enrolments, overlapping)
    year = enrolments["school_year"].to_numpy(dtype=np.float64, na_value=np.nan)
    start = enrolments["start_date"].to_numpy()
    known = ~np.isnan(year)
    first = np.full(len(enrolments), np.datetime64("NaT", "M"))
    first[known] = (year[known] - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 8
    outside = (start < first) | (start >= first + 12)
    yield from fault_at(rules.OUTSIDE_SCHOOL_YEAR, "enrolments", "start_date", enrolments, outside)
    births = pupils.drop_duplicates("pupil_id").set_index("pupil_id")["birth_date"].reindex(ids).to_numpy()
    birth = np.append(births, np.datetime64("NaT", "s"))[positions].astype("datetime64[M]")
    months = np.where(np.isnat(birth) | np.isnat(first), 12 * _YOUNGEST, (first - birth).astype(np.int64))
    unlikely = (months < 12 * _YOUNGEST) | (months > 12 * (_OLDEST + 1))
    yield from fault_at(rules.UNLIKELY_AGE, "enrolments", "pupil_id", enrolments, unlikely)


def _outside_enrolment(
    name: str, frame: pd.DataFrame, positions: npt.NDArray[np.int64], spans: Spans
) -> Iterator[FaultGroup]:
    days = day_numbers(frame["date"])
    known = (positions >= 0) & frame["date"].notna().to_numpy(dtype=np.bool_)
    outside = known & ~spans.contain(positions, days)
    yield from fault_at(rules.OUTSIDE_ENROLMENT, name, "date", frame, outside)


def _identical(name: str, frame: pd.DataFrame, positions: npt.NDArray[np.int64]) -> Iterator[FaultGroup]:
    """Repeats of rows; a pass over one number per row first finds the few rows that can be repeats at all."""
    number = positions * 2**16 + day_numbers(frame["date"]) % 2**16
    choice = next(column.name for column in TABLES[name].columns if column.kind == "choice")
    number = number * len(TABLES[name].column(choice).choices) + frame[choice].cat.codes.to_numpy()
    candidates = np.flatnonzero(pd.Series(number).duplicated(keep=False).to_numpy())
    repeats = np.zeros(len(frame), dtype=np.bool_)
    repeats[candidates] = frame.iloc[candidates].duplicated(keep="first").to_numpy()
    repeats &= frame["pupil_id"].notna().to_numpy(dtype=np.bool_)
    yield from fault_at(rules.IDENTICAL_ROWS, name, None, frame, repeats)


def _unknown_schools(coverage: pd.DataFrame, enrolments: pd.DataFrame) -> Iterator[FaultGroup]:
    schools = coverage["school_id"]
    unknown = schools.notna() & ~schools.isin(enrolments["school_id"].unique())
    yield from fault_at(
        rules.UNKNOWN_SCHOOL, "coverage", "school_id", coverage, unknown.to_numpy(dtype=np.bool_)
    )
