"""Work on the parts of an extract, one after the other, that goes on where it was stopped.

How much memory the records of a folder will take decides into how many parts they are split. The working folder belongs to
one question: the same files and the same choices. What is finished in it is kept; when anything has changed since, it is
emptied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
from decrochage_risk.partitions.parts import NO_FACTS, ROW_ID, ExtractFacts, check_part, extract_facts
from decrochage_risk.partitions.splitting import MOST_PARTS, SplitFolder, split_folder, write_whole
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import WORK_KEY, restrict
from decrochage_risk.school_year import day_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.school_year import SchoolCalendar

    Progress = Callable[[str, int, int], None]
    Work = Callable[..., Mapping[str, pa.Table]]


__all__ = [
    "Finished",
    "PartEngine",
    "PartRuns",
    "choose_parts",
    "empty_folder",
    "files_of_extract",
    "fingerprint",
    "free_memory",
    "memory_needed",
    "table_bytes",
]

BYTES_PER_ROW = 400
"""Memory for each row of all tables while they are read, checked and scored: 253 bytes were measured from 1 to 4 million rows
(``benchmarks/partitions.py --at-once``), and extracts with many faults take more."""

# A low guess: more rows than there are means more parts than needed, never too few.
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
    # In a container /proc tells of the whole machine, of which it may take only a part.
    limits = [each for each in (_system_memory(), _group_memory()) if each is not None]
    return min(limits, default=None)


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
    bytes_needed = memory_needed(Path(folder))
    if free is None or bytes_needed <= _AT_ONCE * free:
        return 1
    return min(MOST_PARTS, max(2, -int(-bytes_needed // max(1.0, _PER_PART * free))))


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
    # Reading will say what is wrong with it; here it only counts for nothing.
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


FORMAT = 4  # 4: faults say from which day on their row is known
"""Of the working folder: another version never goes on with it."""

_KEY, _FACTS = WORK_KEY, "facts.json"
_BATCH = 4_096


@dataclass(frozen=True)
class Finished:
    """What the work on one part has left.

    Attributes
    ----------
    folder : Path
        One Arrow file per table.
    """

    folder: Path

    @property
    def faults(self) -> PartFaults:
        """Faults of the part, in rows of the extract."""
        return PartFaults.from_arrow(self.table("faults"))

    def path(self, name: str) -> Path:
        """Where one of the tables is."""
        return self.folder / f"{name}.arrow"

    def table(self, name: str) -> pa.Table:
        """Read one of the tables."""
        with self.path(name).open("rb") as file:
            return pa.ipc.open_file(file).read_all()


def table_bytes(table: pa.Table) -> bytes:
    """Write a table as an Arrow file, in batches that can be merged a few rows at a time."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=_BATCH)
    table_in_bytes: bytes = sink.getvalue().to_pybytes()
    return table_in_bytes


class PartEngine(Protocol):
    """What works on the parts of an extract: one after the other on this machine, or many machines at once.

    Scoring and training ask for nothing else (``score_runs``, ``PartedRecords``), so that there is one path.
    """

    @property
    def calendar(self) -> SchoolCalendar:
        """The calendar of all pupils."""

    @property
    def names(self) -> Sequence[str]:
        """Tables of the extract."""

    @property
    def shared(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Rows of the extract that every part holds, per table that has some."""

    @property
    def facts(self) -> ExtractFacts:
        """What parts must know of one another; FaultyRecordsError where a table cannot be used at all."""

    @property
    def anybody(self) -> bool:
        """Whether somebody is enrolled, before the day that matters."""

    def run(
        self,
        part_function: Work,
        choices: Mapping[str, Any],
        line: str,
        *,
        raise_faults: bool,
        step: str = "done",
    ) -> list[Finished]:
        """Call a function of the part contract on every part; see :meth:`PartRuns.run`."""

    def raise_faults(self) -> None:
        """Raise every fault of every part when there is an error among them."""

    def people(self) -> PupilRecords:
        """Give the pupils and enrolments of the whole extract."""


def fingerprint(folder: Path, choices: Mapping[str, object]) -> str:
    """SHA-256 of every file of a folder, the choices made and the versions used: what a result depends on.

    Parameters
    ----------
    folder : Path
        The extracts.
    choices : mapping of str to JSON values
        Everything else.
    """
    # Other versions of these may give other bits: their parts must not be mixed.
    versions = {name: version(name) for name in ("decrochage-risk", "lightgbm", "numpy", "pandas", "pyarrow")}
    question = {**choices, "format": FORMAT, "versions": versions}
    seal = hashlib.sha256(json.dumps(question, sort_keys=True).encode())
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
        The as-of date: in each group of parts, somebody's enrolment starts before this day, and errors of rows that were
        not known before it are never raised.
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
        key_file = work / _KEY
        # Another question, another number of parts or another version: nothing of it can be gone on with.
        if not (key_file.is_file() and key_file.read_text(encoding="utf-8") == f"{key} {parts}"):
            _refuse_other_folder(work)
            empty_folder(work)
            write_whole(key_file, f"{key} {parts}")
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
    def facts(self) -> ExtractFacts:
        """What parts must know of one another; made once per working folder.

        Raises
        ------
        FaultyRecordsError
            A table that no record can do without cannot be used; with every fault of every part.
        """
        path = self.work / _FACTS
        if not path.is_file():
            write_whole(path, ExtractFacts.merged(self._facts_of_parts()).to_json())
        return ExtractFacts.from_json(path.read_text(encoding="utf-8"))

    def _facts_of_parts(self) -> Iterator[ExtractFacts]:
        for part in range(self.split.parts):
            self._progress("Recensement", part, self.split.parts)
            try:
                yield extract_facts(**self.split.people(part), calendar=self.calendar, row_id=ROW_ID)
            except FaultyRecordsError as error:
                raise FaultyRecordsError(self._faults_of_all(NO_FACTS)) from error

    @property
    def anybody(self) -> bool:
        """Whether somebody is enrolled, before the day that was given."""
        day = self._started_before
        return self.facts.first_start is not None if day is None else self.facts.started_before(day)

    @property
    def names(self) -> Sequence[str]:
        """Tables of the extract."""
        return tuple(self.split.rows)

    @cached_property
    def shared(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Rows of the extract that every part holds, per table that has some."""
        return self.split.shared

    def run(
        self,
        part_function: Work,
        choices: Mapping[str, Any],
        line: str,
        *,
        raise_faults: bool,
        step: str = "done",
    ) -> list[Finished]:
        """Work on each part that is not done yet.

        Parameters
        ----------
        part_function : callable
            Of the part contract: from the tables of a part, with the rows of the extract in the column ``ROW_ID``, and the facts
            of the extract to tables, ``faults`` among them; not called any more once there is an error that will be raised.
        choices : mapping of str to object
            Its further arguments, beside ``calendar`` and ``row_id``.
        line : str
            What is being done, in French.
        raise_faults : bool
            Look for every fault of every part, and raise when there is an error.
        step : str
            Folder of what this step gives.

        Returns
        -------
        list of Finished
            One for each part, in order; none when nobody is enrolled before the day.

        Raises
        ------
        FaultyRecordsError
            Every fault of the extract.
        """
        if not self.anybody:
            if raise_faults:
                self.raise_faults()
            return []
        parts = []
        for part in range(self.split.parts):
            self._progress(line, part, self.split.parts)
            target = self.work / step / f"{part:05}"
            if not target.is_dir():
                self._do(part, target, part_function, choices, raise_faults=raise_faults)
            parts.append(Finished(target))
        return parts

    def _do(
        self, part: int, target: Path, part_function: Work, choices: Mapping[str, Any], *, raise_faults: bool
    ) -> None:
        draft = target.with_name(f".{target.name}")
        empty_folder(draft)
        try:
            tables = part_function(
                self.split.tables(part), self.facts, calendar=self.calendar, row_id=ROW_ID, **choices
            )
        except CalendarError:
            if raise_faults:
                self.raise_faults()
            raise
        if raise_faults and self._judged(PartFaults.from_arrow(tables["faults"])).any_error:
            self.raise_faults()
        for name, table in tables.items():
            (draft / f"{name}.arrow").write_bytes(table_bytes(table))
        draft.replace(target)

    def raise_faults(self) -> None:
        """Raise every fault of what was known, over all parts, when there is an error among them."""
        self._progress("Vérification", 0, 0)
        report = self._faults_of_all(self.facts)
        if report.errors:
            raise FaultyRecordsError(report)

    def _faults_of_all(self, facts: ExtractFacts) -> FaultReport:
        reports = [
            self._judged(
                PartFaults.from_arrow(
                    check_part(self.split.tables(part), facts, calendar=self.calendar, row_id=ROW_ID)[
                        "faults"
                    ]
                )
            )
            for part in range(self.split.parts)
        ]
        return merge_faults(reports, self.shared)

    def _judged(self, faults: PartFaults) -> PartFaults:
        day = self._started_before
        return faults if day is None else faults.known_before(day_number(day))

    def people(self) -> PupilRecords:
        """Give the pupils and enrolments of the whole extract."""
        parts = [self.split.people(part) for part in range(self.split.parts)]
        tables = {
            name: pa.concat_tables([part[name] for part in parts]).drop_columns([ROW_ID]) for name in parts[0]
        }
        return PupilRecords.of_part(tables, calendar=self.calendar)

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


def empty_folder(folder: Path) -> None:
    """Make a folder with nothing in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        restrict(folder)  # it holds a copy of the extracts
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"{folder} cannot be made ({error.strerror or error})",
                expected="a folder for the work in progress",
                hint="Choose another place for the results: the work is kept beside them until it is done.",
            )
        ) from error
