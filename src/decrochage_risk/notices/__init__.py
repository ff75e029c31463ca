"""The notice: what a pupil or a family is told, on request, of the processing of one situation (CRPA, R311-3-1-2)."""

from __future__ import annotations

from decrochage_risk.notices.building import FamilyWeight, Notice, TableSource, notice
from decrochage_risk.score.run_facts import AI_ACT, ProcessingFacts

__all__ = ["AI_ACT", "FamilyWeight", "Notice", "ProcessingFacts", "TableSource", "notice"]
