"""Training, evaluation and what follows from them: ``train_model``, ``evaluate_model``, ``compare_models``, ``retrain``, ``watch_drift``."""

from __future__ import annotations

from decrochage_risk.train.comparing import compare_models
from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.publication import combine_horizons
from decrochage_risk.train.retraining import RetrainConfig, RetrainResult, retrain
from decrochage_risk.train.run_folder import StepReport
from decrochage_risk.train.training import train_model
from decrochage_risk.train.watching import watch_drift

__all__ = [
    "RetrainConfig",
    "RetrainResult",
    "StepReport",
    "combine_horizons",
    "compare_models",
    "evaluate_model",
    "retrain",
    "train_model",
    "watch_drift",
]
