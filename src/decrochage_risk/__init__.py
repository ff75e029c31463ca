"""Early, calibrated and explained view of the risk of leaving school without a diploma.

The one public door. Everything is loaded on first use, so that ``import decrochage_risk`` stays cheap::

    import decrochage_risk as dr

    records = dr.PupilRecords.read("extracts")
    scores = dr.score_pupils(records, as_of="2025-03-05", model=dr.load_model("models/2025"))
    scores.frame                      # one row per pupil
    scores["a1b2"].reasons            # why, in French

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
    from decrochage_risk.evaluate import DriftReport, EvaluationReport, ModelComparison
    from decrochage_risk.explain import Reason
    from decrochage_risk.model import TrainedModel, recalibrate
    from decrochage_risk.model import load_trained_model as load_model
    from decrochage_risk.policy import Policy, load_policy
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.score import PupilRisk, RiskScores, score_pupils
    from decrochage_risk.train import (
        RetrainConfig,
        RetrainResult,
        compare_models,
        evaluate_model,
        retrain,
        train_model,
        watch_drift,
    )

_HOME = {
    "DriftReport": "evaluate",
    "EvaluationReport": "evaluate",
    "ModelComparison": "evaluate",
    "Policy": "policy",
    "PupilRecords": "records",
    "PupilRisk": "score",
    "Reason": "explain",
    "RetrainConfig": "train",
    "RetrainResult": "train",
    "RiskScores": "score",
    "SchoolCalendar": "school_year",
    "TrainedModel": "model",
    "compare_models": "train",
    "evaluate_model": "train",
    "load_model": "model:load_trained_model",
    "load_policy": "policy",
    "recalibrate": "model",
    "retrain": "train",
    "score_pupils": "score",
    "train_model": "train",
    "watch_drift": "train",
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
    "DriftReport",
    "EvaluationReport",
    "FaultyRecordsError",
    "ModelComparison",
    "ModelError",
    "NotEnoughDataError",
    "Policy",
    "PolicyError",
    "PupilRecords",
    "PupilRisk",
    "Reason",
    "RecordsError",
    "RecordsWarning",
    "RetrainConfig",
    "RetrainResult",
    "RiskScores",
    "SchoolCalendar",
    "TamperedArtefactError",
    "TrainedModel",
    "TrainingWarning",
    "UnknownFormatError",
    "UnreadableRecordsError",
    "compare_models",
    "evaluate_model",
    "load_model",
    "load_policy",
    "recalibrate",
    "retrain",
    "score_pupils",
    "train_model",
    "watch_drift",
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
