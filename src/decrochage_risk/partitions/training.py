"""Records of an extract larger than memory, as training sees them: outcomes, dates and snapshots, part by part.

Only the rows of the training (pupils at risk on the as-of dates, with their features) are held at once; the events that
they are made of are not.

Training on a folder of extracts, at once or, when it is larger than memory, part by part.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import DecrochageError, FaultyRecordsError, RecordsError, explain_error
from decrochage_risk.features import contract
from decrochage_risk.model import Snapshots, take_snapshots
from decrochage_risk.model.snapshots import no_rows_error
from decrochage_risk.partitions.merged_faults import CountedFaults, merge_counts
from decrochage_risk.partitions.runs import PartRuns, choose_parts, fingerprint
from decrochage_risk.partitions.splitting import checked_parts
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.reading import read_folder
from decrochage_risk.school_year import SchoolCalendar, to_date
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.training import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.partitions.splitting import Part


__all__ = ["FolderTraining", "PartedRecords", "train_folder", "train_on_folder"]

_LINE = "Situations aux dates d'observation"


@dataclass(frozen=True)
class _Faults:
    errors: CountedFaults
    warnings: CountedFaults


class PartedRecords:
    """What ``train_model`` asks of records, answered from the parts of an extract.

    Parameters
    ----------
    runs : PartRuns
        The parts, and where the work on them is kept.
    raise_faults : bool
        Whether an error in the records is raised.
    """

    def __init__(self, runs: PartRuns, *, raise_faults: bool) -> None:
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
        if "outcomes" not in self._runs.split.rows:
            return None
        tables = [self._runs.split.people(group, self.calendar).outcomes for group in self._runs.plan.groups]
        kept = [table for table in tables if table is not None]
        return pd.concat(kept, ignore_index=True) if kept else None

    @cached_property
    def enrolments(self) -> pd.DataFrame:
        """The first day of the earliest enrolment, as the only row."""
        first = np.array([self._runs.plan.first_start], dtype="datetime64[s]")
        return pd.DataFrame({"start_date": first})

    @cached_property
    def faults(self) -> _Faults:
        """Counts of the faults of every part."""
        counted = merge_counts((each.faults for each in self._finished), self._runs.split.shared)
        return _Faults(CountedFaults.of(counted, "error"), CountedFaults.of(counted, "warning"))

    def snapshots(self, dates: Sequence[date], *, closes: tuple[int, int]) -> Snapshots:
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
            lambda part, folder: _take(part, folder, days, closes), _LINE, raise_faults=self._raise_faults
        )
        return _in_order([_load(each.folder) for each in self._finished])

    def refuse_faults(self, error: Exception) -> None:
        """Raise the faults of the records, which come before any other error, when they are to be raised."""
        if self._raise_faults and not isinstance(error, FaultyRecordsError):
            self._runs.raise_faults()


def _take(part: Part, folder: Path, days: Sequence[date], closes: tuple[int, int]) -> None:
    """Take the rows of one part, on the days on which somebody of it is known, and write them."""
    known = [day for day in days if can_be_known(part.records, day)]
    outcomes = part.records.outcomes
    kept: dict[str, Any] = {"left_out": {}, "columns": {}}
    if known and outcomes is not None:
        found = take_snapshots(part.records, outcomes, known, closes=closes, may_be_empty=True)
        _write(folder / "features.arrow", found.features.assign(**{_OUTCOME: found.outcome}))
        _write(folder / "rows.arrow", found.rows)
        kept = {"left_out": found.left_out, "columns": _kinds(found.rows)}
    (folder / "snapshots.json").write_text(json.dumps(kept), encoding="utf-8")


_OUTCOME = "outcome of the row"


def _write(path: Path, table: pd.DataFrame) -> None:
    rows = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    with path.open("wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)


def _kinds(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Kind of each column, and what stands for a missing cell of it."""
    return {
        str(name): [
            str(column.dtype),
            "none" if any(cell is None for cell in column[column.isna()]) else "nan",
        ]
        for name, column in rows.items()
    }


def _load(folder: Path) -> tuple[Snapshots | None, dict[str, int]]:
    kept = json.loads((folder / "snapshots.json").read_text(encoding="utf-8"))
    if not (folder / "rows.arrow").is_file():
        return None, kept["left_out"]
    features = _read(folder / "features.arrow")
    rows = _read(folder / "rows.arrow")
    for name, (kind, missing) in kept["columns"].items():
        column = rows[name].astype(kind)
        rows[name] = column.where(column.notna(), None) if missing == "none" else column
    outcome = features.pop(_OUTCOME).to_numpy(dtype=np.float64)
    return Snapshots(features, outcome, rows, kept["left_out"]), kept["left_out"]


def _read(path: Path) -> pd.DataFrame:
    with path.open("rb") as file:
        found: pd.DataFrame = pa.ipc.open_file(file).read_all().to_pandas()
    return found


def _in_order(found: list[tuple[Snapshots | None, dict[str, int]]]) -> Snapshots:
    """Put the rows of all parts in the order of dates and ids."""
    left_out: Counter[str] = Counter()
    for _, gone in found:
        left_out.update(gone)
    parts = [part for part, _ in found if part is not None and len(part.outcome)]
    if not parts:
        raise no_rows_error(left_out)
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    order = np.argsort(rows["pupil_id"].to_numpy(dtype=object), kind="stable")
    order = order[np.argsort(rows["observed"].to_numpy()[order], kind="stable")]
    features = np.concatenate([part.features.to_numpy(dtype=np.float64) for part in parts])[order]
    return Snapshots(
        pd.DataFrame(features, columns=parts[0].features.columns),
        np.concatenate([part.outcome for part in parts])[order],
        rows.iloc[order].reset_index(drop=True),
        dict(sorted(left_out.items())),
    )


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
    progress: Callable[[str], None] | None = None,
    **choices: Any,  # noqa: ANN401 - the arguments of train_model
) -> TrainedModel:
    """Train a model on a folder of extracts with their ``outcomes``; the same bytes as ``train_model`` on its records.

    A folder that does not fit in memory is split by pupil, in one pass, into parts that do. The rows of the training, one
    per pupil at risk and as-of date, must fit: 8 bytes for each feature of each of them, several times over.

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
    progress : callable, optional
        Called with a French line per step.
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
    found = train_on_folder(
        folder,
        on_fault=on_fault,
        calendar=calendar,
        partitions=partitions,
        work=work,
        progress=progress,
        **choices,
    )
    return found.model


def train_on_folder(
    folder: str | Path,
    *,
    on_fault: str,
    calendar: SchoolCalendar | None,
    partitions: int | None,
    work: str | Path | None,
    progress: Callable[[str], None] | None,
    **choices: Any,  # noqa: ANN401 - the arguments of train_model
) -> FolderTraining:
    """Train as :func:`train_folder`, and tell what is to be known of the extracts."""
    source = Path(folder)
    parts = checked_parts(choose_parts(source) if partitions is None else partitions, on_fault)
    raised = on_fault == "raise"
    if choices.get("as_of_dates") is not None:
        choices["as_of_dates"] = [to_date(day) for day in cast("Iterable[object]", choices["as_of_dates"])]
    if parts == 1:
        return _at_once(source, calendar, progress, raise_faults=raised, choices=choices)
    try:
        if work is not None:
            return _in_parts(source, Path(work), parts, calendar, progress, raised, choices)
        with tempfile.TemporaryDirectory() as place:
            return _in_parts(source, Path(place, "work"), parts, calendar, progress, raised, choices)
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
    progress: Callable[[str], None] | None,
    *,
    raise_faults: bool,
    choices: dict[str, Any],
) -> FolderTraining:
    found = read_folder(source)
    records = PupilRecords.of_folder(
        found, on_fault="raise" if raise_faults else "quarantine", calendar=calendar
    )
    model = train_model(records, progress=progress, **choices)
    faults = records.faults
    return FolderTraining(model, 1, found.notes, found.ignored, len(faults.errors), len(faults.warnings))


def _in_parts(
    source: Path,
    work: Path,
    parts: int,
    calendar: SchoolCalendar | None,
    progress: Callable[[str], None] | None,
    raise_faults: bool,  # noqa: FBT001 - one of many, always passed on
    choices: dict[str, Any],
) -> FolderTraining:
    def tell(line: str, done: int, whole: int) -> None:
        if progress is not None:
            progress(f"{line} ({done + 1}/{whole})" if whole else line)

    # Only what the rows depend on: another seed or other options begin with the same rows.
    rows = {name: choices.get(name) for name in ("as_of_dates", "school_years", "outcome_closes")}
    asked = {name: None if value is None else [str(each) for each in value] for name, value in rows.items()}
    asked |= {"calendar": None if calendar is None else [calendar.version], "on_fault": [str(raise_faults)]}
    asked |= {"features": [json.dumps(each, sort_keys=True) for each in contract()]}
    runs = PartRuns(source, work, parts, key=fingerprint(source, asked), calendar=calendar, progress=tell)
    records = PartedRecords(runs, raise_faults=raise_faults)
    try:
        model = train_model(cast("PupilRecords", records), progress=progress, **choices)
    except DecrochageError as error:
        records.refuse_faults(error)
        runs.clear()
        raise
    found = runs.split
    errors, warnings = len(records.faults.errors), len(records.faults.warnings)
    runs.clear()
    return FolderTraining(model, parts, found.notes, found.ignored, errors, warnings)
