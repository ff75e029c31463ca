"""Extracts larger than memory: split by pupil, scored and trained on in parts, merged to the same bits."""

from __future__ import annotations

from decrochage_risk.partitions.scoring import FolderScores, score_folder
from decrochage_risk.partitions.training import FolderTraining, train_folder, train_on_folder

__all__ = ["FolderScores", "FolderTraining", "score_folder", "train_folder", "train_on_folder"]
