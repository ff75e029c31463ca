"""How much memory the records of a folder will take, and into how many parts they must be split to fit.

Which parts of an extract are worked on together, and what each must be told of the others.

Only pupils, enrolments, coverage and outcomes are looked at: a small share of the rows.

Work on the parts of an extract, one after the other, that goes on where it was stopped.

The working folder belongs to one question: the same files and the same choices. What is finished in it is kept; when
anything has changed since, it is emptied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.errors import (
    CalendarError,
    DecrochageError,
    FaultyRecordsError,
    RecordsError,
    explain_error,
)
from decrochage_risk.partitions.merged_faults import PartFaults, merge_faults
from decrochage_risk.partitions.splitting import MOST_PARTS, SplitFolder, split_folder, write_whole
from decrochage_risk.records.cells import EMPTY_TABLE
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from decrochage_risk.partitions.splitting import Part
    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar

    Progress = Callable[[str, int, int], None]


__all__ = [
    "Finished",
    "PartPlan",
    "PartRuns",
    "choose_parts",
    "empty_folder",
    "faults_of_all",
    "files_of_extract",
    "fingerprint",
    "free_memory",
    "memory_needed",
    "plan_parts",
    "work_beside",
]

BYTES_PER_ROW = 400
"""Memory for each row of all tables while they are read, checked and scored: 253 bytes were measured from 1 to 4 million rows
(``benchmarks/partitions.py --at-once``), and extracts with many faults take more."""

_CSV_BYTES_PER_ROW = 25
_GZIP = 6
_AT_ONCE, _PER_PART = 0.5, 0.2
_UNITS = 1024


def memory_needed(folder: Path) -> int:
    """Bytes of memory that the records of a folder may take when they are read and scored at once.

    Rows of Parquet are counted, those of CSV are guessed from the size of the file; what is no table counts too, a little
    more is no harm. A file that cannot be read counts nothing here: reading says so.
    """
    return sum(_rows_of(path) for path in files_of_extract(folder)) * BYTES_PER_ROW


def free_memory() -> int | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    found = [each for each in (_system_memory(), _group_memory()) if each is not None]
    return min(found, default=None)


def choose_parts(folder: str | Path, memory: int | None = None) -> int:
    """Into how many parts to split a folder: 1 when it fits in half of the memory, else parts of a fifth of it.

    Parameters
    ----------
    folder : str or Path
        The extracts; a folder that is not there counts as small.
    memory : int, optional
        Bytes; what is free when left out. Where the system does not say, everything is read at once.
    """
    free = free_memory() if memory is None else memory
    needed = memory_needed(Path(folder))
    if free is None or needed <= _AT_ONCE * free:
        return 1
    return min(MOST_PARTS, max(2, -int(-needed // max(1.0, _PER_PART * free))))


def files_of_extract(folder: Path) -> list[Path]:
    """Files that may be read of an extract: those directly in it, and those of the folders named after tables."""
    if not folder.is_dir():
        return []
    inside = sorted(folder.iterdir())
    parts = [path for path in inside if path.is_dir() and path.name.lower() in TABLES]
    return [
        path
        for path in (*inside, *(file for part in parts for file in sorted(part.iterdir())))
        if path.is_file()
    ]


def _rows_of(path: Path) -> int:
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return int(pq.read_metadata(path).num_rows)
        size = path.stat().st_size
    except (pa.ArrowException, OSError):
        return 0
    return (
        size if name.endswith(".csv") else size * _GZIP if name.endswith(".csv.gz") else 0
    ) // _CSV_BYTES_PER_ROW


def _system_memory() -> int | None:
    facts = Path("/proc/meminfo")
    if facts.is_file():
        lines = dict(line.split(":", 1) for line in facts.read_text(encoding="ascii").splitlines())
        if "MemAvailable" in lines:
            return int(lines["MemAvailable"].split()[0]) * _UNITS
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _group_memory() -> int | None:
    """Give what a container may still take (control groups, version 2)."""
    group = Path("/sys/fs/cgroup")
    try:
        most, now = (
            (group / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current")
        )
        return max(0, int(most) - int(now))
    except (OSError, ValueError):
        return None


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


FORMAT = 1
"""Of the working folder: another version never goes on with it."""

_KEY, _PLAN, _FAULTS = "key.txt", "plan.json", "faults.json"


@dataclass(frozen=True)
class Finished:
    """What the work on one group of parts has left.

    Attributes
    ----------
    folder : Path
        Its files.
    """

    folder: Path

    @property
    def faults(self) -> PartFaults:
        """Faults of the group, in rows of the extract."""
        return PartFaults.load(self.folder / _FAULTS)


def fingerprint(folder: Path, choices: Mapping[str, object]) -> str:
    """SHA-256 of every file of a folder, the choices made and the versions used: what a result depends on.

    Parameters
    ----------
    folder : Path
        The extracts.
    choices : mapping of str to JSON values
        Everything else.
    """
    versions = {name: version(name) for name in ("decrochage-risk", "lightgbm", "numpy", "pandas", "pyarrow")}
    asked = {**choices, "format": FORMAT, "versions": versions}
    seal = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for path in files_of_extract(folder):
        seal.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        with path.open("rb") as file:
            seal.update(hashlib.file_digest(file, "sha256").digest())
    return seal.hexdigest()


class PartRuns:
    """The parts of one extract, and what has been done with them so far.

    Parameters
    ----------
    folder : Path
        The extracts.
    work : Path
        The working folder; made, gone on with, or emptied when it belongs to another question.
    parts : int
        How many.
    key : str
        The question (:func:`fingerprint`).
    calendar : SchoolCalendar, optional
        As for ``PupilRecords.read``.
    started_before : date, optional
        In each group of parts, somebody's enrolment starts before this day.
    progress : callable, optional
        Called with a French line, how much is done and how much there is, at the beginning of each step.
    """

    def __init__(
        self,
        folder: Path,
        work: Path,
        parts: int,
        *,
        key: str,
        calendar: SchoolCalendar | None = None,
        started_before: date | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.work, self._progress = work, progress or (lambda _line, _done, _all: None)
        kept = work / _KEY
        if not (kept.is_file() and kept.read_text(encoding="utf-8") == f"{key} {parts}"):
            _refuse_other_folder(work)
            empty_folder(work)
            write_whole(kept, f"{key} {parts}")
        self._started_before = started_before
        try:
            self.split = SplitFolder.load(work / "parts") or split_folder(
                folder, work / "parts", parts, self._progress
            )
        except DecrochageError:
            self.clear()
            raise
        self.calendar = self.split.calendar_or(calendar)

    @cached_property
    def plan(self) -> PartPlan:
        """Which parts are worked on together; made once per working folder."""
        kept = self.work / _PLAN
        if not kept.is_file():
            made = plan_parts(
                self.split, self.calendar, started_before=self._started_before, progress=self._progress
            )
            write_whole(kept, made.to_json())
        return PartPlan.from_json(kept.read_text(encoding="utf-8"))

    @property
    def anybody(self) -> bool:
        """Whether somebody is enrolled, before the day that was given."""
        first, day = self.plan.first_start, self._started_before
        return first is not None and (day is None or first < day.isoformat())

    def run(self, do: Callable[[Part, Path], None], line: str, *, raise_faults: bool) -> list[Finished]:
        """Do something with each group of parts that is not done yet.

        Parameters
        ----------
        do : callable
            Called with the records of a group and a folder for its files; not any more once there is an error that will be
            raised.
        line : str
            What is being done, in French.
        raise_faults : bool
            Look for every fault of every part, and raise when there is an error.

        Returns
        -------
        list of Finished
            One for each group, in order; none when nobody is enrolled before the day.

        Raises
        ------
        FaultyRecordsError
            Every fault of the extract.
        """
        if not self.anybody:
            if raise_faults:
                self.raise_faults()
            return []
        found = []
        for done, group in enumerate(self.plan.groups):
            self._progress(line, done, len(self.plan.groups))
            target = self.work / "done" / f"{done:05}"
            if not target.is_dir():
                self._do(group, target, do, raise_faults=raise_faults)
            found.append(Finished(target))
        return found

    def _do(
        self, group: tuple[int, ...], target: Path, do: Callable[[Part, Path], None], *, raise_faults: bool
    ) -> None:
        draft = target.with_name(f".{target.name}")
        empty_folder(draft)
        part = self.split.read(group, self.calendar)
        if raise_faults and part.faults.any_error:
            self.raise_faults()
        part.records.named_elsewhere(self.plan.named)
        part.faults.save(draft / _FAULTS)
        try:
            do(part, draft)
        except CalendarError:
            if raise_faults:
                self.raise_faults()
            raise
        draft.replace(target)

    def raise_faults(self) -> None:
        """Raise every fault of every part when there is an error among them."""
        self._progress("Vérification", 0, 0)
        report = faults_of_all(self.split, self.calendar, self.plan.groups)
        if report.errors:
            raise FaultyRecordsError(report)

    def people(self) -> PupilRecords:
        """Give the pupils and enrolments of the whole extract."""
        return self.split.people(range(self.split.parts), self.calendar)

    def clear(self) -> None:
        """Remove the working folder."""
        shutil.rmtree(self.work, ignore_errors=True)


def _refuse_other_folder(work: Path) -> None:
    """Never empty a folder that is not a working folder."""
    if work.exists() and not (work / _KEY).is_file() and (work.is_file() or any(work.iterdir())):
        raise RecordsError(
            explain_error(
                f"{work} holds something that is no work in progress",
                expected="a new or empty folder, or the working folder of an earlier run",
                hint="Choose another folder for the work in progress; nothing was touched.",
            )
        )


def work_beside(target: Path) -> Path:
    """Give the working folder of a result: hidden, beside it, on the same disk."""
    place = target.absolute()
    return place.with_name(f".{place.name}.partitions")


def empty_folder(folder: Path) -> None:
    """Make a folder with nothing in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"{folder} cannot be made ({error.strerror or error})",
                expected="a folder for the work in progress",
                hint="Choose another place for the results: the work is kept beside them until it is done.",
            )
        ) from error
