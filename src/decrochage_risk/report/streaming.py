"""The run of a folder again, some whole schools at a time, so that the pages of a region fit in memory.

Pages need what no file of scores holds: facts over time, measures, weights. The pupils of some schools are read and scored
again, which gives the same bits (nothing that is computed of a pupil depends on the others), and this is checked against the
scores that were written: pages of other numbers are never made.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import DemoModelWarning, RecordsError, RecordsWarning, explain_error
from decrochage_risk.policy import load_policy
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.raw_tables import RawTable
from decrochage_risk.records.reading import read_folder, read_table_file
from decrochage_risk.score import load_demo_model, score_pupils

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Policy
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.score import RiskScores

__all__ = ["PUPILS_AT_ONCE", "WrittenRun"]

PUPILS_AT_ONCE = 25_000
"""Pupils of the schools that are held at once; a larger school is held whole."""
REFUSED = "traitement refusé"


@dataclass(frozen=True)
class WrittenRun:
    """Scores as they were written, and what gave them.

    Attributes
    ----------
    frame : DataFrame
        ``scores.parquet``: one row per pupil.
    as_of : date
    model : TrainedModel
    policy : Policy
    """

    frame: pd.DataFrame
    as_of: date
    model: TrainedModel
    policy: Policy

    @classmethod
    def read(
        cls, folder: Path, model: TrainedModel | None = None, policy: Policy | None = None
    ) -> WrittenRun:
        """Read a folder that ``score`` wrote.

        Raises
        ------
        RecordsError
            Not such a folder; another model or policy than those of the run: both are named.
        """
        try:
            run: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            columns = ["pupil_id", "school_id", "risk", "cause"]
            frame = pd.read_parquet(folder / "scores.parquet", columns=columns)
        except (OSError, ValueError, KeyError) as error:
            raise RecordsError(
                explain_error(
                    f"{folder} does not hold the scores of a run ({error})",
                    expected="run.json and scores.parquet, as the command score writes them",
                    hint="Run decrochage-risk score first, and give its folder.",
                )
            ) from error
        trained_model, rules = model or load_demo_model(), policy or load_policy()
        faults = []
        if run["model"]["sha256"] != trained_model.sha256:
            faults.append(f"the scores are of model {run['model']['id']}, not of {trained_model.model_id}")
        if run["policy_version"] != rules.version:
            faults.append(f"the scores are of policy {run['policy_version']}, not of {rules.version}")
        if faults:
            raise RecordsError(
                explain_error(
                    f"Pages cannot be made: {'; '.join(faults)}",
                    expected="the model and the policy that gave the scores",
                    hint="Give them with --model and --policy, or score again.",
                )
            )
        return cls(frame, date.fromisoformat(run["as_of"]), trained_model, rules)

    @property
    def schools(self) -> int:
        """How many schools the run holds."""
        return int(self.frame["school_id"].nunique(dropna=False))

    def batches(self, pupils: int = PUPILS_AT_ONCE) -> list[list[str]]:
        """Part the pupils by whole schools, some schools at a time."""
        batches: list[list[str]] = [[]]
        for _, rows in self.frame.groupby("school_id", sort=True, dropna=False):
            if batches[-1] and len(batches[-1]) + len(rows) > pupils:
                batches.append([])
            batches[-1] += rows["pupil_id"].tolist()
        return batches

    def scores(
        self, source: Path, *, on_fault: str, calendar: SchoolCalendar | None, pupils: int = PUPILS_AT_ONCE
    ) -> Iterator[RiskScores]:
        """Score some whole schools at a time, and hold the result against what was written.

        Parameters
        ----------
        source : Path
            The folder of extracts.
        on_fault, calendar
            As for ``PupilRecords.read``.
        pupils : int
            How many at once.

        Raises
        ------
        RecordsError
            Extracts that give other scores than those written.
        """
        objectors = set(self.frame.loc[self.frame["cause"] == REFUSED, "pupil_id"])
        batches = self.batches(pupils)
        for batch in batches:
            records = _read_pupils(
                source, batch if len(batches) > 1 else None, on_fault, calendar, self.as_of
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DemoModelWarning)  # every page says it
                warnings.simplefilter("ignore", RecordsWarning)  # said by the command score
                scores = score_pupils(
                    records,
                    as_of=self.as_of,
                    model=self.model,
                    policy=self.policy,
                    exclude=[pupil for pupil in batch if pupil in objectors],
                )
            self._check(scores, batch)
            yield scores
            del records, scores  # else these schools stay in memory while the next are read

    def _check(self, scores: RiskScores, batch: list[str]) -> None:
        risks_before = self.frame.set_index("pupil_id")["risk"].reindex(batch)
        again = scores.frame.set_index("pupil_id")["risk"].reindex(batch)
        other = ~((risks_before == again) | (risks_before.isna() & again.isna())).to_numpy()
        strangers = len(scores) - len(batch)
        if other.any() or strangers:
            examples = ", ".join(repr(pupil) for pupil in np.array(batch, dtype=object)[other][:3])
            raise RecordsError(
                explain_error(
                    f"The extracts give other scores than those written for {int(other.sum())} of {len(batch)} pupils"
                    f"{f' ({examples})' if examples else ''}{f', and {strangers} pupils more' if strangers > 0 else ''}",
                    expected="the extracts, the calendar and the choices that gave the scores",
                    hint="Score these extracts again, then write the pages.",
                )
            )


def _read_pupils(
    source: Path, pupils: list[str] | None, on_fault: str, calendar: SchoolCalendar | None, as_of: date
) -> PupilRecords:
    """Read the extracts of some pupils; of everybody when they are not named."""
    read = None if pupils is None else _Chosen(pupils)
    folder = read_folder(source, read)
    return PupilRecords.of_folder(folder, on_fault=on_fault, calendar=calendar, as_of=as_of)  # type: ignore[arg-type]


class _Chosen:
    """Reads the rows of some pupils of a table, and those that belong to nobody."""

    def __init__(self, pupils: list[str]) -> None:
        self.pupils = pupils

    def __call__(self, path: Path) -> tuple[RawTable, tuple[str, ...]]:
        import pyarrow as pa  # noqa: PLC0415 - loads on first use
        import pyarrow.compute as pc  # noqa: PLC0415 - same
        import pyarrow.dataset as ds  # noqa: PLC0415 - same

        if path.suffix.lower() != ".parquet":
            table, notes = read_table_file(path)
            frame = table.frame()
            if "pupil_id" in frame:
                keep = frame["pupil_id"].astype("str").isin(set(self.pupils)) | frame["pupil_id"].isna()
                frame = frame[keep].reset_index(drop=True)
            return RawTable.of_frame(frame), notes
        data = ds.dataset(path, format="parquet")
        if "pupil_id" not in data.schema.names:
            return read_table_file(path)
        ids = pc.field("pupil_id").cast(pa.string())
        rows = data.to_table(filter=ids.isin(pa.array(self.pupils, pa.string())) | ids.is_null())
        return RawTable.of_arrow(rows), ()
