"""Early, calibrated and explained view of the risk of leaving school without a diploma.

The one public door. Everything is loaded on first use, so that ``import decrochage_risk`` stays cheap::

    import decrochage_risk as dr

    records = dr.PupilRecords.read("extracts")
    scores = dr.score_pupils(records, as_of="2025-03-05", model=dr.load_model("models/2025"))
    scores.frame                      # one row per pupil
    scores["a1b2"].reasons            # why, in French

Layers, each in its own subpackage: ``records`` -> ``features`` -> ``model`` -> ``explain``, ``evaluate``, ``policy``
-> ``score``, ``train`` -> ``notices``, ``journal``, ``feedback`` -> ``cli``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decrochage_risk.errors import (
        ArtefactError,
        AsOfError,
        CalendarError,
        ColumnsError,
        ContractMismatchError,
        DecrochageError,
        DecrochageWarning,
        DemoModelWarning,
        FaultyRecordsError,
        JournalError,
        ModelError,
        NotEnoughDataError,
        PolicyError,
        RecordsError,
        RecordsWarning,
        TamperedArtefactError,
        TrainingWarning,
        UnknownFormatError,
        UnreadableRecordsError,
    )
    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.explain import Reason
    from decrochage_risk.feedback import Feedback, judged_flags, read_feedback
    from decrochage_risk.journal import Journal
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.model import load_trained_model as load_model
    from decrochage_risk.notices import Notice, notice
    from decrochage_risk.policy import CapacityList, Policy, capacity_list, load_policy, threshold_table
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.score import PupilRisk, RiskScores, score_pupils
    from decrochage_risk.train import evaluate_model, train_model

_HOME = {
    "CapacityList": "policy",
    "EvaluationReport": "evaluate",
    "Feedback": "feedback",
    "Journal": "journal",
    "Notice": "notices",
    "Policy": "policy",
    "PupilRecords": "records",
    "PupilRisk": "score",
    "Reason": "explain",
    "RiskScores": "score",
    "SchoolCalendar": "school_year",
    "TrainedModel": "model",
    "capacity_list": "policy",
    "evaluate_model": "train",
    "judged_flags": "feedback",
    "load_model": "model:load_trained_model",
    "load_policy": "policy",
    "notice": "notices",
    "read_feedback": "feedback",
    "score_pupils": "score",
    "threshold_table": "policy",
    "train_model": "train",
}

__all__ = [
    "ArtefactError",
    "AsOfError",
    "CalendarError",
    "CapacityList",
    "ColumnsError",
    "ContractMismatchError",
    "DecrochageError",
    "DecrochageWarning",
    "DemoModelWarning",
    "EvaluationReport",
    "FaultyRecordsError",
    "Feedback",
    "Journal",
    "JournalError",
    "ModelError",
    "NotEnoughDataError",
    "Notice",
    "Policy",
    "PolicyError",
    "PupilRecords",
    "PupilRisk",
    "Reason",
    "RecordsError",
    "RecordsWarning",
    "RiskScores",
    "SchoolCalendar",
    "TamperedArtefactError",
    "TrainedModel",
    "TrainingWarning",
    "UnknownFormatError",
    "UnreadableRecordsError",
    "capacity_list",
    "evaluate_model",
    "judged_flags",
    "load_model",
    "load_policy",
    "notice",
    "read_feedback",
    "score_pupils",
    "threshold_table",
    "train_model",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the door opens on anything public
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    home, _, original = _HOME.get(name, "errors").partition(":")
    value = getattr(import_module(f"{__name__}.{home}"), original or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
