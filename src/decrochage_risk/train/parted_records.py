"""Records of an extract larger than memory, as training sees them: outcomes, dates and snapshots, part by part.

Only the rows of the training (pupils at risk on the as-of dates, with their features) are held at once; the events that
they are made of are not.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import FaultyRecordsError
from decrochage_risk.model import Snapshots, take_snapshots
from decrochage_risk.model.snapshots import no_rows_error
from decrochage_risk.records.merged_faults import CountedFaults, merge_counts
from decrochage_risk.train.backtest import can_be_known

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from decrochage_risk.records.part_runs import PartRuns
    from decrochage_risk.records.partitions import Part
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["PartedRecords"]

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
            if not can_be_known(self, day):  # type: ignore[arg-type]  # has the two attributes that are asked
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
