"""Scoring: ``score_pupils`` and its result objects."""

from __future__ import annotations

from decrochage_risk.score.changes import Changes, PupilChange
from decrochage_risk.score.counterfactuals import Counterfactual, Counterfactuals, what_could_help
from decrochage_risk.score.digest import ScoreDigest, Situation
from decrochage_risk.score.pupil_risk import Comparable, DataFacts, Interval, ModelFacts, PupilRisk
from decrochage_risk.score.risk_scores import RiskScores
from decrochage_risk.score.run_facts import DEMO_NOTICE, RunFacts, demo_model_folder, load_demo_model
from decrochage_risk.score.scoring import FolderScores, score_pupils, warm_up

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
    "score_pupils",
    "warm_up",
    "what_could_help",
]
