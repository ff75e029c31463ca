"""Reading the feedback table: the same checks and the same report of faults as for the records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk.errors import FaultyRecordsError, RecordsError, UnreadableRecordsError, explain_error
from decrochage_risk.feedback.rows import FEEDBACK, MEASURE_WITHOUT_DAY, NOTHING_SAID, TWO_JUDGEMENTS
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.checks import conform
from decrochage_risk.records.cross_rules import UNKNOWN_PUPIL
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.links import fault_at
from decrochage_risk.records.reading import as_frame, read_table_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decrochage_risk.records.coded import CodedTable
    from decrochage_risk.records.faults import FaultGroup

__all__ = ["Feedback", "read_feedback"]

OnFault = Literal["raise", "quarantine"]


@dataclass(frozen=True, eq=False)
class Feedback:
    """Checked feedback.

    Attributes
    ----------
    frame : DataFrame
        ``pupil_id``, ``as_of``, ``judgement``, ``measure``, ``measure_started_on``; rows at fault are not in it.
    faults : FaultReport
        Every fault: errors (set aside) and warnings (kept).
    """

    frame: pd.DataFrame
    faults: FaultReport

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<Feedback: {len(self)} rows of {self.frame['pupil_id'].nunique()} pupils, {len(self.faults)} faults>"

    def measures_started(self) -> pd.DataFrame:
        """Pupils for whom a measure has begun: ``pupil_id``, ``started_on``, one row per beginning, without duplicates.

        "Déjà suivi" without a day counts as begun on the as-of date of the result at the latest. Give the table to
        ``train_model(supported=...)``.
        """
        followed = self.frame["judgement"].eq("already_supported").to_numpy(dtype=bool, na_value=False)
        started = self.frame["measure_started_on"]
        started = started.where(started.notna() | ~followed, self.frame["as_of"])
        found = pd.DataFrame({"pupil_id": self.frame["pupil_id"], "started_on": started}).dropna()
        return found.drop_duplicates().sort_values(["pupil_id", "started_on"], ignore_index=True)


def read_feedback(
    source: Any,  # noqa: ANN401 - a path or any table
    pupils: PupilRecords | Iterable[str],
    *,
    on_fault: OnFault = "raise",
) -> Feedback:
    """Read and check what people said.

    Parameters
    ----------
    source : path or table
        A CSV or Parquet file, a DataFrame, anything with the Arrow PyCapsule interface, or a list of dicts. Columns:
        ``pupil_id``, ``as_of``, and ``judgement`` (pertinent, not_pertinent, already_supported), ``measure``,
        ``measure_started_on``, each of which may be missing.
    pupils : PupilRecords or iterable of str
        Whom it may speak of: the records, or their ids.
    on_fault : {"raise", "quarantine"}
        Raise one report of every error, or set the rows at fault aside.

    Returns
    -------
    Feedback

    Raises
    ------
    FaultyRecordsError
        With every fault: unknown pupils, unreadable cells, rows that say nothing, two judgements of one result.
    UnreadableRecordsError
        A file that is not there, or cannot be read.
    RecordsError
        Another ``on_fault``; ids that are none.

    Examples
    --------
    >>> said = [{"pupil_id": "a", "as_of": "2025-03-05", "judgement": "pertinent", "measure": "pafi",
    ...          "measure_started_on": "2025-03-17"}]
    >>> read_feedback(said, ["a", "b"]).measures_started().to_numpy().tolist()
    [['a', Timestamp('2025-03-17 00:00:00')]]
    """
    if on_fault not in ("raise", "quarantine"):
        expected = '"raise" or "quarantine"'
        raise RecordsError(
            explain_error(
                f"on_fault={on_fault!r}", expected=expected, hint="Leave it out to be told of every fault."
            )
        )
    ids = _ids(pupils)
    conformed = conform(FEEDBACK, _frame(source))
    report = FaultReport(conformed.faults)
    if all(group.rows.size for group in report.errors.groups):
        whole = conformed.coded.without(report.rows("feedback", "error"))
        report = report + FaultReport(tuple(_cross_faults(whole, ids)))
    if report.errors and (on_fault == "raise" or not all(group.rows.size for group in report.errors.groups)):
        raise FaultyRecordsError(report)
    kept = conformed.frame.drop(index=pd.Index(report.rows("feedback", "error")))
    return Feedback(kept.reset_index(drop=True), report)


def _frame(source: Any) -> pd.DataFrame:  # noqa: ANN401 - a path or any table
    if not isinstance(source, str | Path):
        return as_frame(source)
    path = Path(source)
    if not path.exists():
        raise UnreadableRecordsError(
            explain_error(
                f"There is no file {path}",
                expected="a CSV or Parquet file",
                hint="Check the path of the feedback.",
            )
        )
    return read_table_file(path)[0].frame()


def _ids(pupils: PupilRecords | Iterable[str]) -> list[str]:
    if isinstance(pupils, PupilRecords):
        ids: list[str] = pupils.pupils["pupil_id"].tolist()
        return ids
    if isinstance(pupils, str) or not isinstance(pupils, Iterable):
        raise RecordsError(
            explain_error(
                f"pupils={pupils!r}", expected="PupilRecords, or ids", hint='For one pupil: pupils=["a1"].'
            )
        )
    return [str(pupil) for pupil in pupils]  # as the ids of a table are read: 12 is the pupil '12'


def _cross_faults(table: CodedTable, ids: list[str]) -> Iterator[FaultGroup]:
    """Faults between cells, rows and tables; cells that cannot be read are not reported again."""
    frame, known = table.frame(), set(ids)
    unknown = ~frame["pupil_id"].astype(object).isin(known).to_numpy()
    yield from fault_at(UNKNOWN_PUPIL, "pupil_id", table, unknown)
    judged, started = table.given("judgement"), table.given("measure_started_on")
    yield from fault_at(NOTHING_SAID, "judgement", table, ~judged & ~started)
    repeated = np.zeros(len(frame), dtype=np.bool_)
    repeated[judged] = frame.loc[judged, ["pupil_id", "as_of"]].duplicated(keep=False)
    yield from fault_at(TWO_JUDGEMENTS, "judgement", table, repeated)
    yield from fault_at(MEASURE_WITHOUT_DAY, "measure", table, table.given("measure") & ~started)
