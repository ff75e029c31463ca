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

if TYPE_CHECKING:
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.score import RiskScores

__all__ = ["FORMAT", "checked_time", "line_of", "scoring_entry", "table_hash"]

FORMAT = 1
_TABLES = ("pupils", "enrolments", "absences", "grades", "orientation", "coverage")
_ID_LENGTH = 16


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
    """
    frame = scores.frame
    causes = frame.loc[frame["risk"].isna(), "cause"].value_counts().sort_index()
    content = {
        "as_of": scores.run.as_of.isoformat(),
        "model": scores.run.model.model_dump(mode="json", include={"id", "sha256", "demo"}),
        "policy_version": scores.run.policy_version,
        "calendar_version": scores.run.calendar_version,
        "package_version": version("decrochage-risk"),
        "inputs": {
            "features": table_hash(scores.features.reset_index()),
            **({} if records is None else _hashes(records)),
        },
        "results": table_hash(frame[["pupil_id", "risk", "tier", "flagged"]]),
        "counts": {
            "pupils": len(frame),
            "scored": int(frame["risk"].notna().sum()),
            "flagged": int(frame["flagged"].sum()),
            "explained": int(frame["explained"].sum()),
            "not_scored": {str(cause): int(count) for cause, count in causes.items()},
        },
        "faults": dict(sorted(scores.run.faults.items())),
        "flagged": sorted(frame.loc[frame["flagged"], "pupil_id"]),
    }
    run_id = hashlib.sha256(line_of(content)).hexdigest()[:_ID_LENGTH]
    return {"format": FORMAT, "kind": "scoring", "at": checked_time(at), "run_id": run_id, **content}


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
