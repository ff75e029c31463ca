"""Scoring: ``score_pupils`` and its result objects."""

from __future__ import annotations

from decrochage_risk.score.changes import Changes, PupilChange
from decrochage_risk.score.counterfactuals import Counterfactual, Counterfactuals, what_could_help
from decrochage_risk.score.digest import ScoreDigest, Situation
from decrochage_risk.score.pupil_risk import Comparable, DataFacts, Interval, ModelFacts, PupilRisk
from decrochage_risk.score.risk_scores import RiskScores
from decrochage_risk.score.run_facts import DEMO_NOTICE, RunFacts, demo_model_folder, load_demo_model
from decrochage_risk.score.scored_pupils import ScoreDocument
from decrochage_risk.score.scoring import score_pupils, warm_up
from decrochage_risk.score.signal_lists import PupilSignals, Signals, signals
from decrochage_risk.score.ways import WAYS, Departure, LegalSignal

__all__ = [
    "DEMO_NOTICE",
    "WAYS",
    "Changes",
    "Comparable",
    "Counterfactual",
    "Counterfactuals",
    "DataFacts",
    "Departure",
    "Interval",
    "LegalSignal",
    "ModelFacts",
    "PupilChange",
    "PupilRisk",
    "PupilSignals",
    "RiskScores",
    "RunFacts",
    "ScoreDigest",
    "ScoreDocument",
    "Signals",
    "Situation",
    "demo_model_folder",
    "load_demo_model",
    "score_pupils",
    "signals",
    "warm_up",
    "what_could_help",
]
