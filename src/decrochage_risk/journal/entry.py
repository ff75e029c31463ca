"""One line of the journal: what a scoring rested on and whom it pointed out, never a value of a pupil's records."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import JournalError, explain_error
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.sizing import files_of_extract
from decrochage_risk.score import RiskScores

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.score import FolderScores, RunFacts

__all__ = ["FORMAT", "checked_time", "folder_entry", "line_of", "scoring_entry", "table_hash"]

FORMAT = 1
_TABLES = ("pupils", "enrolments", "absences", "grades", "orientation", "coverage", "context")
_ID_LENGTH = 16
_RESULT = ("pupil_id", "risk", "tier", "flagged")
_READ = (*_RESULT, "cause", "explained")


def scoring_entry(scores: RiskScores, *, at: object, records: PupilRecords | None = None) -> dict[str, Any]:
    """Describe a scoring.

    Parameters
    ----------
    scores : RiskScores
        The run.
    at : datetime or ISO text
        When it was made, with its time zone.
    records : PupilRecords, optional
        What was scored: the SHA-256 of each table is kept, which later proves whether the same extract is at hand.

    Returns
    -------
    dict
        JSON values. ``run_id`` is a hash of everything but the time: the same records, model, policy and date give
        the same id, so that a repeated run is seen to be one.

    Raises
    ------
    JournalError
        Other things than scores and records; a time that is none.
    """
    _refuse_other_kinds(scores, records)
    inputs = {"features": table_hash(scores.features.reset_index())}
    return _entry(scores.frame, scores.run, inputs | ({} if records is None else _hashes(records)), at)


def folder_entry(done: FolderScores, extracts: Path, *, at: object) -> dict[str, Any]:
    """Describe the scoring of a folder of extracts from the files that it left.

    Parameters
    ----------
    done : FolderScores
        The run.
    extracts : Path
        The folder that was scored: the SHA-256 of each of its files is kept, those of tables in several files too.
    at : datetime or ISO text
        When it was made, with its time zone.

    Raises
    ------
    JournalError
        A folder without a file; a time that is none.
    """
    files = {path.relative_to(extracts).as_posix(): path for path in files_of_extract(extracts)}
    if not files:
        raise JournalError(
            explain_error(
                f"There is no extract in {extracts}",
                expected="the folder that was scored",
                hint="Give the same folder as to score_folder: the hashes of its files are kept.",
            )
        )
    inputs = {name: _file_hash(path) for name, path in sorted(files.items())}
    frame = pd.read_parquet(done.folder / "scores.parquet", columns=list(_READ))
    return _entry(frame, done.digest.run, inputs, at)


def _refuse_other_kinds(scores: object, records: object) -> None:
    wrong = [] if isinstance(scores, RiskScores) else [f"scores is a {type(scores).__name__}"]
    if records is not None and not isinstance(records, PupilRecords):
        wrong.append(f"records is a {type(records).__name__}")
    if wrong:
        raise JournalError(
            explain_error(
                "; ".join(wrong),
                expected="what score_pupils gave, and the PupilRecords that it was given",
                hint="journal.record(scores, at=..., records=records), not a frame of theirs.",
            )
        )


def _entry(frame: pd.DataFrame, run: RunFacts, inputs: dict[str, str], at: object) -> dict[str, Any]:
    causes = frame.loc[frame["risk"].isna(), "cause"].value_counts().sort_index()
    content = {
        "as_of": run.as_of.isoformat(),
        "model": run.model.model_dump(mode="json", include={"id", "sha256", "demo"}),
        "policy_version": run.policy_version,
        "calendar_version": run.calendar_version,
        "package_version": version("decrochage-risk"),
        "inputs": inputs,
        "results": table_hash(frame[list(_RESULT)]),
        "counts": {
            "pupils": len(frame),
            "scored": int(frame["risk"].notna().sum()),
            "flagged": int(frame["flagged"].sum()),
            "explained": int(frame["explained"].sum()),
            "not_scored": {str(cause): int(count) for cause, count in causes.items()},
        },
        "faults": dict(sorted(run.faults.items())),
        "flagged": sorted(frame.loc[frame["flagged"], "pupil_id"]),
    }
    run_id = hashlib.sha256(line_of(content)).hexdigest()[:_ID_LENGTH]
    return {"format": FORMAT, "kind": "scoring", "at": checked_time(at), "run_id": run_id, **content}


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def line_of(entry: dict[str, Any]) -> bytes:
    """Write an entry as one line of JSON, keys sorted, ending with a line break."""
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"


def table_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of a table whatever the order of its rows."""
    plain = frame.astype(
        {name: object for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    )
    rows = np.sort(pd.util.hash_pandas_object(plain, index=False).to_numpy())
    names = json.dumps([str(name) for name in frame.columns]).encode()
    return hashlib.sha256(names + rows.astype("<u8").tobytes()).hexdigest()


def _hashes(records: PupilRecords) -> dict[str, str]:
    tables = {name: getattr(records, name) for name in _TABLES}
    return {name: table_hash(table) for name, table in tables.items() if table is not None}


def checked_time(at: object) -> str:
    """Bring a moment to UTC, to the second.

    Raises
    ------
    JournalError
        No moment, or one without a time zone, which a log cannot put in order.

    Examples
    --------
    >>> checked_time("2025-03-05T08:30:00+01:00")
    '2025-03-05T07:30:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise JournalError(
            explain_error(
                f"at={at!r}",
                expected="a moment with its time zone",
                hint="datetime.now(tz=UTC), or an ISO text such as 2025-03-05T08:30:00+01:00.",
            )
        )
    return moment.astimezone(UTC).isoformat(timespec="seconds")
