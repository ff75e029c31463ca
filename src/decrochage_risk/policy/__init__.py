"""What a school does with a risk: vigilance by level, three tiers, suggested measures. Data, not code.

The two tables beside this file (``vigilance.toml``, ``measures.toml``) hold every threshold, age, window and source;
`load_policy` reads them, or those of the caller.
"""

from __future__ import annotations

from decrochage_risk.policy.loading import Policy, load_policy
from decrochage_risk.policy.measures import FactCondition, Measure, MeasureRule, OpeningFact, Window
from decrochage_risk.policy.vigilance import Assessment, LevelGroup, VigilanceTable

__all__ = [
    "Assessment",
    "FactCondition",
    "LevelGroup",
    "Measure",
    "MeasureRule",
    "OpeningFact",
    "Policy",
    "VigilanceTable",
    "Window",
    "load_policy",
]
