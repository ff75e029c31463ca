"""Training and evaluation: ``train_model``, ``train_folder``, ``evaluate_model``."""

from __future__ import annotations

from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.folder import FolderTraining, train_folder, train_on_folder
from decrochage_risk.train.training import train_model

__all__ = ["FolderTraining", "evaluate_model", "train_folder", "train_model", "train_on_folder"]
