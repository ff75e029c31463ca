"""The notice: what a pupil or a family is told, on request, of the processing of one situation (CRPA, R311-3-1-2)."""

from __future__ import annotations

from decrochage_risk.notices.building import FamilyWeight, Notice, TableSource, notice

__all__ = ["FamilyWeight", "Notice", "TableSource", "notice"]
