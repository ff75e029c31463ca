"""Work on the parts of an extract, one after the other, that goes on where it was stopped.

The working folder belongs to one question: the same files and the same choices. What is finished in it is kept; when
anything has changed since, it is emptied.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from decrochage_risk.errors import (
    CalendarError,
    DecrochageError,
    FaultyRecordsError,
    RecordsError,
    explain_error,
)
from decrochage_risk.records.merged_faults import PartFaults
from decrochage_risk.records.part_plan import PartPlan, faults_of_all, plan_parts
from decrochage_risk.records.partitions import SplitFolder, split_folder, write_whole
from decrochage_risk.records.sizing import files_of_extract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from decrochage_risk.records.partitions import Part
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar

    Progress = Callable[[str, int, int], None]

__all__ = ["Finished", "PartRuns", "empty_folder", "fingerprint", "work_beside"]

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
