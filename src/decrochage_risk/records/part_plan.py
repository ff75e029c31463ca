"""Which parts of an extract are worked on together, and what each must be told of the others.

Only pupils, enrolments, coverage and outcomes are looked at: a small share of the rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from decrochage_risk.errors import FaultyRecordsError
from decrochage_risk.records.cell_rules import EMPTY_TABLE
from decrochage_risk.records.merged_faults import merge_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.records.partitions import SplitFolder
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["PartPlan", "faults_of_all", "plan_parts"]


@dataclass(frozen=True)
class PartPlan:
    """What is worked on together, and what is known of the whole extract.

    Attributes
    ----------
    groups : tuple of tuples of int
        Parts that are read as one: mostly each by itself; one in which nobody is enrolled (before the day) joins the next.
        None at all when nobody is enrolled anywhere.
    named : mapping of str to int
        Per table that the coverage of single pupils names, the day number from which it does not cover everyone.
    school_years : tuple of int
        Those of ``outcomes``.
    first_start : str or None
        First day of the earliest enrolment, ISO.
    """

    groups: tuple[tuple[int, ...], ...]
    named: Mapping[str, int]
    school_years: tuple[int, ...]
    first_start: str | None

    def to_json(self) -> str:
        """Write the plan as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PartPlan:
        """Read what :meth:`to_json` wrote."""
        kept = json.loads(text)
        groups = tuple(tuple(group) for group in kept["groups"])
        return cls(groups, kept["named"], tuple(kept["school_years"]), kept["first_start"])


def plan_parts(
    split: SplitFolder,
    calendar: SchoolCalendar,
    *,
    started_before: date | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> PartPlan:
    """Look at the people of every part.

    Parameters
    ----------
    split : SplitFolder
        The parts.
    calendar : SchoolCalendar
        Of all parts.
    started_before : date, optional
        Only enrolments that start before count, unless there is none.
    progress : callable, optional
        Called with a French line, how many parts were looked at and how many there are.

    Raises
    ------
    FaultyRecordsError
        A table that no record can do without cannot be used; with every fault of every part.
    """
    last = "9999" if started_before is None else started_before.isoformat()
    groups: list[tuple[int, ...]] = []
    facts: list[PartPlan] = []
    waiting: tuple[int, ...] = ()
    for part in range(split.parts):
        if progress is not None:
            progress("Recensement", part, split.parts)
        people = _people(split, (part,), calendar)
        if people is None or (_facts(people).first_start or last) >= last:
            waiting = (*waiting, part)
            continue
        group, waiting = (*waiting, part), ()
        groups.append(group)
        facts.append(_facts(people if len(group) == 1 else split.people(group, calendar)))
    if not groups and started_before is not None:
        return plan_parts(split, calendar, progress=progress)
    if groups and waiting:
        groups[-1] = (*groups[-1], *waiting)
        facts[-1] = _facts(split.people(groups[-1], calendar))
    return _whole(groups, facts, split)


def _whole(groups: list[tuple[int, ...]], facts: list[PartPlan], split: SplitFolder) -> PartPlan:
    named: dict[str, int] = {}
    if split.coverage_of_pupils:
        for found in facts:
            named |= {table: min(day, named.get(table, day)) for table, day in found.named.items()}
    years = tuple(sorted({year for found in facts for year in found.school_years}))
    starts = [found.first_start for found in facts if found.first_start is not None]
    return PartPlan(tuple(groups), named, years, min(starts, default=None))


def _people(split: SplitFolder, parts: tuple[int, ...], calendar: SchoolCalendar) -> PupilRecords | None:
    """Give the people of some parts; None when a required table is empty there."""
    try:
        return split.people(parts, calendar)
    except FaultyRecordsError as error:
        errors = merge_faults([split.faults_of(error, parts)]).errors
        # A table that cannot be used is so in every part; one that is empty here may hold rows in the next.
        if {group.rule for group in errors.groups if not group.rows.size} == {EMPTY_TABLE.name}:
            return None
    raise FaultyRecordsError(faults_of_all(split, calendar))


def faults_of_all(
    split: SplitFolder, calendar: SchoolCalendar, groups: tuple[tuple[int, ...], ...] = ()
) -> FaultReport:
    """Read and check every part, or the groups that can be checked together, for their faults alone."""
    found = []
    for group in groups or tuple((part,) for part in range(split.parts)):
        try:
            found.append(split.read(group, calendar).faults)
        except FaultyRecordsError as error:
            found.append(split.faults_of(error, group))
    return merge_faults(found, split.shared)


def _facts(people: PupilRecords) -> PartPlan:
    outcomes = people.outcomes
    years = () if outcomes is None else tuple(int(year) for year in outcomes["school_year"].unique())
    start = people.enrolments["start_date"].min()
    first = None if len(people.enrolments) == 0 else start.date().isoformat()
    return PartPlan((), people.first_named, years, first)
