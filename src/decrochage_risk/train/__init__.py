"""Training, evaluation and what follows from them: ``train_model``, ``evaluate_model``, ``compare_models``, ``retrain``, ``watch_drift``."""

from __future__ import annotations

from decrochage_risk.train.comparing import compare_models
from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.folder import FolderTraining, train_folder, train_on_folder
from decrochage_risk.train.retrain_config import RetrainConfig
from decrochage_risk.train.retraining import RetrainResult, retrain
from decrochage_risk.train.training import train_model
from decrochage_risk.train.watching import watch_drift

__all__ = [
    "FolderTraining",
    "RetrainConfig",
    "RetrainResult",
    "compare_models",
    "evaluate_model",
    "retrain",
    "train_folder",
    "train_model",
    "train_on_folder",
    "watch_drift",
]
