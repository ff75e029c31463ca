"""Training on a folder of extracts, at once or, when it is larger than memory, part by part.

Only the rows of the training (pupils at risk on the as-of dates, with their features) are there at once; the events that they
are made of are not.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from decrochage_risk.errors import DecrochageError, FaultyRecordsError, RecordsError, explain_error
from decrochage_risk.features import contract
from decrochage_risk.partitions.merged_faults import CountedFaults, merge_counts
from decrochage_risk.partitions.parts import SNAPSHOT_TABLES, snapshot_part, snapshots_of
from decrochage_risk.partitions.runs import PartRuns, choose_parts, fingerprint
from decrochage_risk.partitions.splitting import checked_parts
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.reading import read_folder
from decrochage_risk.school_year import SchoolCalendar, to_dates
from decrochage_risk.threads import progress_bar
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.training import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    import pandas as pd

    from decrochage_risk.model import Snapshots, TrainedModel
    from decrochage_risk.partitions.runs import Finished, PartEngine

__all__ = ["FolderTraining", "PartedRecords", "train_folder", "train_on_folder"]

_LINE = "Situations aux dates d'observation"


@dataclass(frozen=True)
class _Faults:
    errors: CountedFaults
    warnings: CountedFaults


class _TablesOnDisk(Mapping[str, pa.Table]):
    """The tables of a finished part, each read when it is asked for."""

    def __init__(self, part: Finished) -> None:
        self._part = part

    def __getitem__(self, name: str) -> pa.Table:
        return self._part.table(name)

    def __iter__(self) -> Iterator[str]:
        return iter(SNAPSHOT_TABLES)

    def __len__(self) -> int:
        return len(SNAPSHOT_TABLES)


class PartedRecords:
    """What ``train_model`` asks of records, answered from the parts of an extract.

    Parameters
    ----------
    runs : PartEngine
        The parts, and where the work on them is kept.
    raise_faults : bool
        Whether an error in the records is raised.
    """

    def __init__(self, runs: PartEngine, *, raise_faults: bool) -> None:
        self._runs, self._raise_faults = runs, raise_faults
        if raise_faults and not runs.anybody:
            runs.raise_faults()

    @property
    def calendar(self) -> SchoolCalendar:
        """The calendar of all pupils."""
        return self._runs.calendar

    @cached_property
    def outcomes(self) -> pd.DataFrame | None:
        """What became of all pupils, without the rows that are set aside; None without the table."""
        return self._of_people[1] if "outcomes" in self._runs.names else None

    @cached_property
    def enrolments(self) -> pd.DataFrame:
        """Who was enrolled in which school year, from which day on: nothing else of them is asked for."""
        return self._of_people[0]

    @cached_property
    def _of_people(self) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        # Read once for both tables, and no column more than is asked for: they stay as long as the training.
        people = self._runs.people()
        return people.enrolments[["pupil_id", "school_year", "start_date"]].copy(), people.outcomes

    @cached_property
    def faults(self) -> _Faults:
        """Counts of the faults of every part."""
        counts = merge_counts((each.faults for each in self._finished), self._runs.shared)
        return _Faults(CountedFaults.of(counts, "error"), CountedFaults.of(counts, "warning"))

    def snapshots(
        self, dates: Sequence[date], *, closes: tuple[int, int], horizon_years: int = 1
    ) -> Snapshots:
        """Take the rows of every date from each part, and put them in the order that all records give.

        Raises
        ------
        NotEnoughDataError, AsOfError, CalendarError, FaultyRecordsError
            As when all records are there.
        """
        days = sorted(set(dates))
        for day in days:
            if not can_be_known(self, day):
                self._runs.people().known_on(day)  # says why
        self._finished = self._runs.run(
            snapshot_part,
            {
                "dates": days,
                "closes": closes,
                "horizon_years": horizon_years,
                "on_fault": "raise" if self._raise_faults else "quarantine",
            },
            _LINE,
            raise_faults=self._raise_faults,
        )
        return snapshots_of(map(_TablesOnDisk, self._finished))

    def refuse_faults(self, error: Exception) -> None:
        """Raise the faults of the records, which come before any other error, when they are to be raised."""
        if self._raise_faults and not isinstance(error, FaultyRecordsError):
            self._runs.raise_faults()


@dataclass(frozen=True)
class FolderTraining:
    """A model, and what is to be told of the extracts that it was trained on.

    Attributes
    ----------
    model : TrainedModel
    parts : int
        Into how many parts the pupils were split.
    notes, ignored : tuple of str
        What was decided, and which files were not read, while reading.
    errors, warnings : int
        Faulty rows set aside, and odd ones kept.
    """

    model: TrainedModel
    parts: int
    notes: tuple[str, ...]
    ignored: tuple[str, ...]
    errors: int
    warnings: int


def train_folder(
    folder: str | Path,
    *,
    on_fault: str = "raise",
    calendar: SchoolCalendar | None = None,
    partitions: int | None = None,
    work: str | Path | None = None,
    progress: bool | Callable[[str], None] = False,
    **choices: Any,  # noqa: ANN401 - the arguments of train_model
) -> TrainedModel:
    """Train a model on a folder of extracts with their ``outcomes``; the same bytes as ``train_model`` on its records.

    A folder that does not fit in memory is split by pupil, in one pass, into parts that do. What grows with the
    rows of the training, one per pupil at risk and as-of date, is little more than their binned values for each member; the rows
    themselves lie in temporary files (docs/performance.md says how much).

    Parameters
    ----------
    folder : str or Path
        Extracts, as for ``PupilRecords.read``.
    on_fault, calendar
        As for ``PupilRecords.read``.
    partitions : int, optional
        Into how many parts to split; 1 reads everything at once. By the size of the files and the memory that is free when
        left out.
    work : str or Path, optional
        Folder of the work in progress: a run that was stopped goes on there when it is started again with the same files
        and choices; removed at the end. A temporary one when left out.
    progress : bool or callable
        True shows the steps on a bar; a callable is told a French line per step.
    **choices
        ``as_of_dates``, ``school_years``, ``outcome_closes``, ``name``, ``synthetic``, ``seed``, ``options``: as for
        ``train_model``.

    Returns
    -------
    TrainedModel

    Raises
    ------
    DecrochageError
        As for ``PupilRecords.read`` and ``train_model``.

    Warns
    -----
    TrainingWarning
        As for ``train_model``.
    """
    with progress_bar(progress) as tell:
        training = train_on_folder(
            folder,
            on_fault=on_fault,
            calendar=calendar,
            partitions=partitions,
            work=work,
            progress=tell,
            **choices,
        )
    return training.model


def train_on_folder(
    folder: str | Path,
    *,
    on_fault: str,
    calendar: SchoolCalendar | None,
    partitions: int | None,
    work: str | Path | None,
    progress: Callable[[str], None],
    **choices: Any,  # noqa: ANN401 - the arguments of train_model
) -> FolderTraining:
    """Train as :func:`train_folder`, and tell what is to be known of the extracts."""
    source = Path(folder)
    parts = checked_parts(choose_parts(source) if partitions is None else partitions, on_fault)
    raise_faults = on_fault == "raise"
    if choices.get("as_of_dates") is not None:
        choices["as_of_dates"] = to_dates(choices["as_of_dates"])
    if parts == 1:
        return _at_once(source, calendar, progress, raise_faults=raise_faults, choices=choices)
    try:
        if work is not None:
            return _in_parts(source, Path(work), parts, calendar, progress, raise_faults, choices)
        with tempfile.TemporaryDirectory() as place:
            return _in_parts(source, Path(place, "work"), parts, calendar, progress, raise_faults, choices)
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The work in progress cannot be written ({error.strerror or error})",
                expected="a disk with room for a copy of the extracts",
                hint="Make room, or pass work=folder on another disk; started again, the run goes on there.",
            )
        ) from error


def _at_once(
    source: Path,
    calendar: SchoolCalendar | None,
    progress: Callable[[str], None],
    *,
    raise_faults: bool,
    choices: dict[str, Any],
) -> FolderTraining:
    extracts = read_folder(source)
    records = PupilRecords.of_folder(
        extracts, on_fault="raise" if raise_faults else "quarantine", calendar=calendar
    )
    model = train_model(records, progress=progress, **choices)
    faults = records.faults
    return FolderTraining(
        model, 1, extracts.notes, extracts.ignored, len(faults.errors), len(faults.warnings)
    )


def _in_parts(
    source: Path,
    work: Path,
    parts: int,
    calendar: SchoolCalendar | None,
    progress: Callable[[str], None],
    raise_faults: bool,  # noqa: FBT001 - one of many, always passed on
    choices: dict[str, Any],
) -> FolderTraining:
    def tell(line: str, done: int, whole: int) -> None:
        progress(f"{line} ({done + 1}/{whole})" if whole else line)

    # Only what the rows depend on: another seed or other options begin with the same rows.
    rows = {name: choices.get(name) for name in ("as_of_dates", "school_years", "outcome_closes")}
    question = {
        name: None if value is None else [str(each) for each in value] for name, value in rows.items()
    }
    question |= {"horizon_years": [str(choices.get("horizon_years", 1))]}
    question |= {
        "calendar": None if calendar is None else [calendar.version],
        "on_fault": [str(raise_faults)],
    }
    question |= {"features": [json.dumps(each, sort_keys=True) for each in contract()]}
    runs = PartRuns(source, work, parts, key=fingerprint(source, question), calendar=calendar, progress=tell)
    records = PartedRecords(runs, raise_faults=raise_faults)
    try:
        model = train_model(records, progress=progress, **choices)
    except DecrochageError as error:
        records.refuse_faults(error)
        runs.clear()
        raise
    split = runs.split
    errors, warnings = len(records.faults.errors), len(records.faults.warnings)
    runs.clear()
    return FolderTraining(model, parts, split.notes, split.ignored, errors, warnings)
