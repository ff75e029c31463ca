"""What the sections on tables, payloads and the future share: a small honest extract, and what a result must hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import random

    from decrochage_risk.records import PupilRecords

__all__ = ["AS_OF", "HOSTILE", "Rows", "extract", "facts_of"]

AS_OF = date(2025, 3, 5)
Rows = list[dict[str, Any]]
_LEVELS = ("4e", "3e", "2de_pro", "1re_pro", "tle_pro", "2de_gt", "cap1")

HOSTILE: tuple[Any, ...] = (
    *(None, "", " ", "x", "é\u0301", "\ud800", "\u0000", "=1+1", "x" * 5000, "0", "-1", "1e400", "NaN", "inf", "12,5"),
    *(True, False, 0, 1, -1, 3, 2**31, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("2025-02-30", "0001-01-01", "9999-12-31", "infinity", "45614", "2025-01-06T23:00:00Z", date(1, 1, 1)),
    *(date(9999, 12, 31), datetime.fromisoformat("2025-01-06T23:00:00"), Decimal("1e50"), Decimal("NaN"), b"\xff", [], {}, [[1]]),
    *(np.datetime64("NaT", "ns"), np.datetime64("2262-04-12"), np.int64(-1), np.float32("nan"), object()),
)  # fmt: skip


def extract(chance: random.Random, pupils: int = 8) -> dict[str, Rows]:
    """Draw a small extract in which nothing is wrong."""
    tables: dict[str, Rows] = {
        name: [] for name in ("pupils", "enrolments", "absences", "grades", "orientation")
    }
    days = [date(2024, 9, 3) + timedelta(weeks=week) for week in range(26)]
    days = [day for day in days if not date(2024, 10, 19) <= day < date(2024, 11, 4)]
    days = [
        day
        for day in days
        if not date(2024, 12, 21) <= day < date(2025, 1, 6) and not day >= date(2025, 2, 8)
    ]
    for number in range(pupils):
        pupil = f"{number:04}"
        level = chance.choice(_LEVELS)
        tables["pupils"].append({"pupil_id": pupil, "birth_date": date(2009, 1 + number % 12, 5), "sex": "F"})
        tables["enrolments"].append(
            {"pupil_id": pupil, "school_year": 2024, "school_id": "0671234C", "level": level, "class_id": "A",
             "start_date": date(2024, 9, 2), "end_date": None}
        )  # fmt: skip
        for day in chance.sample(days, 6):
            tables["absences"].append(
                {"pupil_id": pupil, "date": day, "half_days": 1, "kind": "absence", "justified": False}
            )
            tables["grades"].append(
                {
                    "pupil_id": pupil,
                    "date": day,
                    "subject": "maths",
                    "kind": "assessment",
                    "status": "graded",
                    "value": float(chance.randrange(41)) / 2,
                }
            )
        tables["orientation"].append(
            {"pupil_id": pupil, "date": days[-1], "event": "wish", "rank": 1, "target": "2de_gt"}
        )
    return tables


def facts_of(records: PupilRecords) -> dict[str, tuple[tuple[float, ...], int]] | str:
    """Compute every feature, and count what was set aside of what was known; a sentence when a value is no number."""
    from decrochage_risk.features import build_features  # noqa: PLC0415 - in the process apart

    features = build_features(records, AS_OF)
    values = features.to_numpy()
    if len(features) != len(records.pupils):
        return f"{len(records.pupils)} pupils became {len(features)} rows"
    if np.isinf(values).any():
        return "a feature is infinite"
    lost = records.set_aside_on(AS_OF)
    return {
        str(pupil): (tuple(np.nan_to_num(row, nan=-1e9).tolist()), int(count))
        for pupil, row, count in zip(features.index, values, lost, strict=True)
    }
