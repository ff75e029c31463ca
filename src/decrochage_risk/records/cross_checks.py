"""The checks between rows and between tables: duplicates, unknown pupils, overlaps, days without school."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.records import cross_rules as rules
from decrochage_risk.records.absence_days import check_absence_days
from decrochage_risk.records.advice import close_names
from decrochage_risk.records.checks import conform
from decrochage_risk.records.coded import NO_DAY, CodedTable
from decrochage_risk.records.event_order import EVENT_TABLES, EventOrder, PupilCodes
from decrochage_risk.records.links import Spans, fault_at, first_days_of_years
from decrochage_risk.records.repeats import repeated_keys
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["Links", "check_links", "cross_check", "link_tables", "missing_columns"]

_YOUNGEST, _OLDEST = 8, 25


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Tables tied to each other by their pupils.

    Attributes
    ----------
    tables : dict of str to CodedTable
        The declared tables; ``pupils`` without repeated pupils and rows without id.
    repeated : tuple of FaultGroup
        The pupils that are there more than once.
    pupils : dict of str to PupilCodes
        Whose each row is; of ``pupils`` itself there is none.
    orders : dict of str to EventOrder
        The rows of each event table in order.
    """

    tables: dict[str, CodedTable]
    repeated: tuple[FaultGroup, ...]
    pupils: dict[str, PupilCodes]
    orders: dict[str, EventOrder]


def link_tables(tables: Mapping[str, CodedTable]) -> Links:
    """Find whose each row is, and sort the events; ``pupils`` must be among the tables."""
    pupils = tables["pupils"]
    repeated = tuple(repeated_keys(rules.DUPLICATE_PUPIL, pupils, "pupil_id"))
    for group in repeated:
        pupils = pupils.without(group.rows)
    ids = pupils["pupil_id"]
    if (ids.codes < 0).any():
        pupils = pupils.take(pupils.given("pupil_id"))
        ids = pupils["pupil_id"]
    place_of = {ids.words[code]: place for place, code in enumerate(ids.codes.tolist())}
    codes = {
        name: PupilCodes.of(place_of, len(pupils), table["pupil_id"])
        for name, table in tables.items()
        if name != "pupils" and "pupil_id" in table.columns
    }
    orders = {name: EventOrder.of(tables[name], codes[name]) for name in EVENT_TABLES if name in tables}
    return Links({**tables, "pupils": pupils}, repeated, codes, orders)


def cross_check(
    tables: Mapping[str, pd.DataFrame],
    calendar: SchoolCalendar,
    *,
    missing_optional: Mapping[str, Collection[str]] | None = None,
) -> list[FaultGroup]:
    """Find the faults between rows and between tables.

    Parameters
    ----------
    tables : mapping of str to DataFrame
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
    >>> import pandas as pd
    >>> from decrochage_risk.records.checks import conform
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> came = pd.DataFrame({"pupil_id": ["a", "b", "a"]})
    >>> frames = {"pupils": conform(TABLES["pupils"], came).frame}
    >>> [(fault.rule, fault.rows.tolist()) for fault in cross_check(frames, SchoolCalendar.for_zone("B"))]
    [('missing_table', []), ('duplicate_pupil', [2])]
    """
    coded = {name: _coded(name, frame) for name, frame in tables.items() if name in TABLES}
    faults = [*_table_names(tables), *missing_columns(coded, missing_optional or {})]
    if "pupils" not in coded:
        return faults
    return [*faults, *check_links(link_tables(coded), calendar)]


def _coded(name: str, frame: pd.DataFrame) -> CodedTable:
    coded = conform(TABLES[name], frame).coded
    return CodedTable(coded.table, coded.columns, coded.size, frame.index.to_numpy(dtype=np.int64))


def check_links(links: Links, calendar: SchoolCalendar) -> Iterator[FaultGroup]:
    """Find the faults between rows and between tables that are tied to each other."""
    yield from links.repeated
    for name, pupils in links.pupils.items():
        yield from fault_at(rules.UNKNOWN_PUPIL, "pupil_id", links.tables[name], pupils.unknown)
    if "enrolments" in links.tables:
        yield from _enrolment_faults(links)
    for name, order in links.orders.items():
        yield from fault_at(rules.IDENTICAL_ROWS, None, links.tables[name], order.repeated)
    if "absences" in links.tables:
        yield from check_absence_days(
            links.tables["absences"], links.pupils["absences"], links.orders["absences"], calendar
        )
    if "outcomes" in links.tables:
        yield from repeated_keys(rules.DUPLICATE_OUTCOME, links.tables["outcomes"], "pupil_id", "school_year")
    if "context" in links.tables:
        key = ("as_of", "school_id", "class_id", "subject", "measure")
        yield from repeated_keys(
            rules.DUPLICATE_CONTEXT, links.tables["context"], *key, optional=("class_id", "subject")
        )


def missing_columns(
    tables: Mapping[str, CodedTable], missing: Mapping[str, Collection[str]]
) -> Iterator[FaultGroup]:
    """Say which optional columns were missed, of those whose lack changes what can be learnt."""
    if len(tables.get("absences", ())) and "justified_on" in missing.get("absences", ()):
        yield rules.NO_JUSTIFIED_ON.fault("absences", "justified_on", values=["no such column"])


def _enrolment_faults(links: Links) -> Iterator[FaultGroup]:
    enrolments = links.tables["enrolments"]
    spans = Spans.of(enrolments, links.pupils["enrolments"])
    overlapping = np.zeros(len(enrolments), dtype=np.bool_)
    overlapping[spans.overlapping()] = True
    yield from fault_at(rules.OVERLAPPING_ENROLMENTS, "start_date", enrolments, overlapping)
    yield from _school_years_and_ages(links)
    for name in links.orders:
        events = links.tables[name]
        outside = spans.leave_out(links.pupils[name], events["date"])
        yield from fault_at(rules.OUTSIDE_ENROLMENT, "date", events, outside)
    if "coverage" in links.tables:
        yield from _unknown_schools(links.tables["coverage"], enrolments)


def _school_years_and_ages(links: Links) -> Iterator[FaultGroup]:
    enrolments, pupils = links.tables["enrolments"], links.pupils["enrolments"]
    start, years = enrolments["start_date"], enrolments["school_year"]
    september, dated = first_days_of_years(years), ~np.isnan(years)
    outside = dated & (start != NO_DAY) & ((start < september) | (start >= first_days_of_years(years + 1)))
    yield from fault_at(rules.OUTSIDE_SCHOOL_YEAR, "start_date", enrolments, outside)
    birth = np.append(links.tables["pupils"]["birth_date"], np.int32(NO_DAY))[
        np.minimum(pupils.codes, pupils.pupils)
    ]
    known = dated & (birth != NO_DAY)
    months = _month_of(september) - _month_of(np.where(known, birth, 0))
    unlikely = known & ((months < 12 * _YOUNGEST) | (months > 12 * (_OLDEST + 1)))
    yield from fault_at(rules.UNLIKELY_AGE, "pupil_id", enrolments, unlikely)


def _month_of(days: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _table_names(tables: Mapping[str, pd.DataFrame]) -> Iterator[FaultGroup]:
    came = f"tables {', '.join(tables) or '(none)'}"
    for table in TABLES.values():
        if table.mandatory and table.name not in tables:
            yield rules.MISSING_TABLE.fault(table.name, values=[came])
    for name in tables:
        if name not in TABLES:
            yield rules.UNKNOWN_TABLE.fault(
                name,
                values=[f"a table named {name!r}"],
                expected=rules.UNKNOWN_TABLE.expected.format(tables=", ".join(TABLES)),
                hint=rules.UNKNOWN_TABLE.hint.format(close=close_names(name, TABLES)),
            )


def _unknown_schools(coverage: CodedTable, enrolments: CodedTable) -> Iterator[FaultGroup]:
    named, schools = coverage["school_id"], enrolments["school_id"]
    used = {schools.words[code] for code in np.unique(schools.codes) if code >= 0}
    stranger = np.array([word not in used for word in named.words], dtype=np.bool_)
    yield from fault_at(rules.UNKNOWN_SCHOOL, "school_id", coverage, named.translate(stranger, missing=False))
