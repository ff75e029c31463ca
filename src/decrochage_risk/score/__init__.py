"""Scoring: ``score_pupils`` and its result objects."""

from __future__ import annotations

from decrochage_risk.score.changes import Changes, PupilChange
from decrochage_risk.score.counterfactuals import Counterfactual, Counterfactuals
from decrochage_risk.score.demo_model import DEMO_NOTICE, demo_model_folder, load_demo_model
from decrochage_risk.score.digest import ScoreDigest, Situation
from decrochage_risk.score.edited_facts import what_could_help
from decrochage_risk.score.folder import score_folder
from decrochage_risk.score.pupil_risk import Comparable, DataFacts, Interval, ModelFacts, PupilRisk
from decrochage_risk.score.risk_scores import RiskScores
from decrochage_risk.score.run_facts import RunFacts
from decrochage_risk.score.score_request import FolderScores
from decrochage_risk.score.scoring import score_pupils

__all__ = [
    "DEMO_NOTICE",
    "Changes",
    "Comparable",
    "Counterfactual",
    "Counterfactuals",
    "DataFacts",
    "FolderScores",
    "Interval",
    "ModelFacts",
    "PupilChange",
    "PupilRisk",
    "RiskScores",
    "RunFacts",
    "ScoreDigest",
    "Situation",
    "demo_model_folder",
    "load_demo_model",
    "score_folder",
    "score_pupils",
    "what_could_help",
]
