"""Explanations: baseline Shapley values against a reference pupil, and the reasons told from them."""

from __future__ import annotations

from decrochage_risk.explain.attribution import Attribution, attribute
from decrochage_risk.explain.changes import ChangeReason, ChangeTable, Side, find_changes
from decrochage_risk.explain.reasons import Reason, ReasonTable, find_reasons, rests_on_gaps

__all__ = [
    "Attribution",
    "ChangeReason",
    "ChangeTable",
    "Reason",
    "ReasonTable",
    "Side",
    "attribute",
    "find_changes",
    "find_reasons",
    "rests_on_gaps",
]
