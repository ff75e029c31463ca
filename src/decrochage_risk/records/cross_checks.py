"""The checks between rows and between tables: duplicates, unknown pupils, overlaps, days without school."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records import cross_rules as rules
from decrochage_risk.records.absence_days import check_absence_days
from decrochage_risk.records.advice import close_names
from decrochage_risk.records.links import Spans, day_numbers, fault_at, pupil_positions, septembers
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultGroup, Rule
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["cross_check"]

_EVENTS = ("absences", "grades", "orientation")
_YOUNGEST, _OLDEST = 8, 25


def cross_check(
    frames: Mapping[str, pd.DataFrame],
    calendar: SchoolCalendar,
    *,
    missing_optional: Mapping[str, Collection[str]] | None = None,
) -> list[FaultGroup]:
    """Find the faults between rows and between tables.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Canonical frames, as ``conform`` gives them; rows may have been left out, their index still tells where
        they stood in the table that came.
    calendar : SchoolCalendar
        Half-days of school per day.
    missing_optional : mapping of str to collection of str, optional
        Per table, the optional columns that did not come (``Conformed.missing_optional``).

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
    missing = missing_optional or {}
    faults = [*_table_names(frames), *_missing_columns(frames, missing)]
    if "pupils" not in frames:
        return faults
    pupils = frames["pupils"]
    repeated = list(_repeated(rules.DUPLICATE_PUPIL, "pupils", pupils, ["pupil_id"]))
    pupils = pupils.drop(index=[row for group in repeated for row in group.rows])
    pupils = pupils[pupils["pupil_id"].notna()]
    positions = {
        name: pupil_positions(pupils["pupil_id"], frame)
        for name, frame in frames.items()
        if name in TABLES and name != "pupils" and "pupil_id" in TABLES[name].column_names
    }
    return [
        *faults,
        *repeated,
        *_unknown_pupils(frames, positions),
        *_enrolment_faults(frames, positions, pupils),
        *_event_faults(frames, positions, calendar),
        *_outcome_faults(frames),
        *_context_faults(frames),
    ]


def _missing_columns(
    frames: Mapping[str, pd.DataFrame], missing: Mapping[str, Collection[str]]
) -> Iterator[FaultGroup]:
    if len(frames.get("absences", ())) and "justified_on" in missing.get("absences", ()):
        yield rules.NO_JUSTIFIED_ON.fault("absences", "justified_on", values=["no such column"])


def _unknown_pupils(
    frames: Mapping[str, pd.DataFrame], positions: Mapping[str, npt.NDArray[np.int64]]
) -> Iterator[FaultGroup]:
    for name, known in positions.items():
        unknown = (known < 0) & frames[name]["pupil_id"].notna().to_numpy(dtype=np.bool_)
        yield from fault_at(rules.UNKNOWN_PUPIL, name, "pupil_id", frames[name], unknown)


def _enrolment_faults(
    frames: Mapping[str, pd.DataFrame],
    positions: Mapping[str, npt.NDArray[np.int64]],
    pupils: pd.DataFrame,
) -> Iterator[FaultGroup]:
    if "enrolments" not in frames:
        return
    enrolments = frames["enrolments"]
    spans = Spans.of(enrolments, positions["enrolments"])
    overlapping = np.zeros(len(enrolments), dtype=np.bool_)
    overlapping[spans.overlapping()] = True
    yield from fault_at(rules.OVERLAPPING_ENROLMENTS, "enrolments", "start_date", enrolments, overlapping)
    yield from _school_years_and_ages(enrolments, positions["enrolments"], pupils)
    for name in _EVENTS:
        if name in frames:
            yield from _outside_enrolment(name, frames[name], positions[name], spans)
    if "coverage" in frames:
        yield from _unknown_schools(frames["coverage"], enrolments)


def _event_faults(
    frames: Mapping[str, pd.DataFrame],
    positions: Mapping[str, npt.NDArray[np.int64]],
    calendar: SchoolCalendar,
) -> Iterator[FaultGroup]:
    for name in _EVENTS:
        if name in frames:
            yield from _identical(name, frames[name], positions[name])
    if "absences" in frames:
        yield from check_absence_days(frames["absences"], positions["absences"], calendar)


def _outcome_faults(frames: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    if "outcomes" in frames:
        key = ["pupil_id", "school_year"]
        yield from _repeated(rules.DUPLICATE_OUTCOME, "outcomes", frames["outcomes"], key)


def _context_faults(frames: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    if "context" in frames:
        key = ["as_of", "school_id", "class_id", "subject", "measure"]
        context = frames["context"]
        told = context.assign(
            **{name: context[name].astype(object).fillna("") for name in ("class_id", "subject")}
        )
        yield from _repeated(rules.DUPLICATE_CONTEXT, "context", told, key)


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


def _school_years_and_ages(
    enrolments: pd.DataFrame, positions: npt.NDArray[np.int64], pupils: pd.DataFrame
) -> Iterator[FaultGroup]:
    start = enrolments["start_date"].to_numpy()
    september = septembers(enrolments["school_year"])
    outside = (start < september) | (start >= september + 12)
    yield from fault_at(rules.OUTSIDE_SCHOOL_YEAR, "enrolments", "start_date", enrolments, outside)
    birth = np.append(pupils["birth_date"].to_numpy(), np.datetime64("NaT", "s"))[positions]
    known = ~np.isnat(birth) & ~np.isnat(september)
    months = (september - birth.astype("datetime64[M]")).astype(np.int64)
    unlikely = known & ((months < 12 * _YOUNGEST) | (months > 12 * (_OLDEST + 1)))
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
