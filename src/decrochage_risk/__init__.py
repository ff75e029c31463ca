"""Early, calibrated and explained view of the risk of leaving school without a diploma.

The one public door. Everything is loaded on first use, so that ``import decrochage_risk`` stays cheap::

    import decrochage_risk as dr

    records = dr.PupilRecords.read("extracts")
    scores = dr.score_pupils(records, as_of="2025-03-05", model=dr.load_model("models/2025"))
    scores.frame                      # one row per pupil
    scores["a1b2"].reasons            # why, in French

A folder larger than memory goes from files to files: ``dr.score_folder``, ``dr.train_folder``.

Layers, each in its own subpackage: ``records`` -> ``features``, ``risk`` -> ``model`` -> ``explain``, ``evaluate``,
``policy`` -> ``score``, ``train`` -> ``partitions`` -> ``notices``, ``journal``, ``feedback`` -> ``report`` -> ``cli``. ``pages`` is the look of every page.
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
        LeakError,
        ModelError,
        NotEnoughDataError,
        PolicyError,
        RecordsError,
        RecordsWarning,
        TamperedArtefactError,
        TrainingWarning,
        UnknownFormatError,
        UnreadableExportError,
        UnreadableRecordsError,
    )
    from decrochage_risk.evaluate import DriftReport, EvaluationReport, ModelComparison
    from decrochage_risk.explain import ChangeReason, Reason
    from decrochage_risk.features import build_context
    from decrochage_risk.feedback import Feedback, judged_flags, read_feedback
    from decrochage_risk.importers import Imported, ImportReport, import_exports
    from decrochage_risk.journal import Journal
    from decrochage_risk.model import TrainedModel, recalibrate
    from decrochage_risk.model import load_trained_model as load_model
    from decrochage_risk.notices import Notice, notice
    from decrochage_risk.partitions import FolderScores, score_folder, train_folder
    from decrochage_risk.policy import CapacityList, Policy, capacity_list, load_policy, threshold_table
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.report import TerritoryReport, territory_report, write_report
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.score import (
        Changes,
        Counterfactual,
        Counterfactuals,
        PupilChange,
        PupilRisk,
        RiskScores,
        RunFacts,
        ScoreDocument,
        Signals,
        score_pupils,
        signals,
        warm_up,
        what_could_help,
    )
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
    "CapacityList": "policy",
    "ChangeReason": "explain",
    "Changes": "score",
    "Counterfactual": "score",
    "Counterfactuals": "score",
    "DriftReport": "evaluate",
    "EvaluationReport": "evaluate",
    "Feedback": "feedback",
    "FolderScores": "partitions",
    "ImportReport": "importers",
    "Imported": "importers",
    "Journal": "journal",
    "ModelComparison": "evaluate",
    "Notice": "notices",
    "Policy": "policy",
    "PupilChange": "score",
    "PupilRecords": "records",
    "PupilRisk": "score",
    "Reason": "explain",
    "RetrainConfig": "train",
    "RetrainResult": "train",
    "RiskScores": "score",
    "RunFacts": "score",
    "SchoolCalendar": "school_year",
    "ScoreDocument": "score",
    "Signals": "score",
    "TerritoryReport": "report",
    "TrainedModel": "model",
    "build_context": "features",
    "capacity_list": "policy",
    "compare_models": "train",
    "evaluate_model": "train",
    "import_exports": "importers",
    "judged_flags": "feedback",
    "load_model": "model:load_trained_model",
    "load_policy": "policy",
    "notice": "notices",
    "read_feedback": "feedback",
    "recalibrate": "model",
    "retrain": "train",
    "score_folder": "partitions",
    "score_pupils": "score",
    "signals": "score",
    "territory_report": "report",
    "threshold_table": "policy",
    "train_folder": "partitions",
    "train_model": "train",
    "warm_up": "score",
    "watch_drift": "train",
    "what_could_help": "score",
    "write_report": "report",
}

__all__ = [
    "ArtefactError",
    "AsOfError",
    "CalendarError",
    "CapacityList",
    "ChangeReason",
    "Changes",
    "ColumnsError",
    "ContractMismatchError",
    "Counterfactual",
    "Counterfactuals",
    "DecrochageError",
    "DecrochageWarning",
    "DemoModelWarning",
    "DriftReport",
    "EvaluationReport",
    "FaultyRecordsError",
    "Feedback",
    "FolderScores",
    "ImportReport",
    "Imported",
    "Journal",
    "JournalError",
    "LeakError",
    "ModelComparison",
    "ModelError",
    "NotEnoughDataError",
    "Notice",
    "Policy",
    "PolicyError",
    "PupilChange",
    "PupilRecords",
    "PupilRisk",
    "Reason",
    "RecordsError",
    "RecordsWarning",
    "RetrainConfig",
    "RetrainResult",
    "RiskScores",
    "RunFacts",
    "SchoolCalendar",
    "ScoreDocument",
    "Signals",
    "TamperedArtefactError",
    "TerritoryReport",
    "TrainedModel",
    "TrainingWarning",
    "UnknownFormatError",
    "UnreadableExportError",
    "UnreadableRecordsError",
    "build_context",
    "capacity_list",
    "compare_models",
    "evaluate_model",
    "import_exports",
    "judged_flags",
    "load_model",
    "load_policy",
    "notice",
    "read_feedback",
    "recalibrate",
    "retrain",
    "score_folder",
    "score_pupils",
    "signals",
    "territory_report",
    "threshold_table",
    "train_folder",
    "train_model",
    "warm_up",
    "watch_drift",
    "what_could_help",
    "write_report",
]


_SCORES = frozenset(("RiskScores", "score_pupils", "warm_up"))
"""Names that give scores: ``report``, which stands above them, completes them with ``scores.report``."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the door opens on anything public
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    home, _, original = _HOME.get(name, "errors").partition(":")
    value = getattr(import_module(f"{__name__}.{home}"), original or name)
    if name in _SCORES:
        # Whoever enters by this door finds scores whole; a layer below never asks for the pages above it.
        import decrochage_risk.report  # noqa: F401, PLC0415 - registers the writer of pages on RiskScores
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
