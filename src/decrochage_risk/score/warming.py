"""The start-up cost of a first score, taken in advance: libraries, compiled code, trees, policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.score.scoring import score_pupils

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel

__all__ = ["warm_up"]


def warm_up(model: TrainedModel) -> None:
    """Score a made-up pupil with every table, from JSON to JSON, explained.

    Parameters
    ----------
    model : TrainedModel
        Whose trees are to be read; the demonstration model warms up without its warning.
    """
    as_of = date(max(SchoolCalendar.for_zone("B").known_years) + 1, 3, 5)
    records = PupilRecords.from_json([_pupil(as_of, model.levels[0])])
    score_pupils(records, as_of=as_of, model=replace(model, demo=False), explain="all").to_json()
    _ = model.model_id


def _pupil(as_of: date, level: str) -> dict[str, Any]:
    year = as_of.year - 1
    days = [(as_of - timedelta(days=back)).isoformat() for back in (2, 40, 80)]
    return {
        "pupil_id": "warm-up",
        "birth_date": f"{year - 14}-05-05",
        "enrolments": [
            {"school_year": year, "school_id": "0990001N", "level": level, "start_date": f"{year}-09-02"}
        ],
        "absences": [{"date": day, "half_days": 1, "kind": "absence"} for day in days],
        "grades": [
            {"date": day, "subject": "maths", "value": 6.0, "status": "graded", "kind": "assessment"}
            for day in days
        ],
        "orientation": [{"date": days[0], "event": "wish", "rank": 1, "target": "voeu"}],
    }
