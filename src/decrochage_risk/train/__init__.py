"""Training and evaluation: ``train_model``, ``evaluate_model``."""

from __future__ import annotations

from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.training import train_model

__all__ = ["evaluate_model", "train_model"]
