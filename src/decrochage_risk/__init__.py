"""Early, calibrated and explained view of the risk of leaving school without a diploma.

The one public door. Everything is loaded on first use, so that ``import decrochage_risk`` stays cheap::

    import decrochage_risk as dr

    records = dr.PupilRecords.read("extracts")
    scores = dr.score_pupils(records, as_of="2025-03-05", model=dr.load_model("models/2025"))
    scores.frame                      # one row per pupil
    scores["a1b2"].reasons            # why, in French

A folder larger than memory goes from files to files: ``dr.score_folder``, ``dr.train_folder``.

Layers, each in its own subpackage: ``records`` -> ``features`` -> ``model`` -> ``explain``, ``evaluate``, ``policy``
-> ``score``, ``train`` -> ``cli``.
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
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.model import load_trained_model as load_model
    from decrochage_risk.policy import Policy, load_policy
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.score import FolderScores, PupilRisk, RiskScores, score_folder, score_pupils
    from decrochage_risk.train import evaluate_model, train_folder, train_model

_HOME = {
    "EvaluationReport": "evaluate",
    "FolderScores": "score",
    "Policy": "policy",
    "PupilRecords": "records",
    "PupilRisk": "score",
    "Reason": "explain",
    "RiskScores": "score",
    "SchoolCalendar": "school_year",
    "TrainedModel": "model",
    "evaluate_model": "train",
    "load_model": "model:load_trained_model",
    "load_policy": "policy",
    "score_folder": "score",
    "score_pupils": "score",
    "train_folder": "train",
    "train_model": "train",
}

__all__ = [
    "ArtefactError",
    "AsOfError",
    "CalendarError",
    "ColumnsError",
    "ContractMismatchError",
    "DecrochageError",
    "DecrochageWarning",
    "DemoModelWarning",
    "EvaluationReport",
    "FaultyRecordsError",
    "FolderScores",
    "ModelError",
    "NotEnoughDataError",
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
    "evaluate_model",
    "load_model",
    "load_policy",
    "score_folder",
    "score_pupils",
    "train_folder",
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
