"""What a school does with a risk: vigilance by level, three tiers, suggested measures. Data, not code.

What the thresholds meant on pupils that no choice touched is counted here too: the precision of each tier, the table
from which thresholds are chosen, and the list of the pupils that a school can meet.

The two tables beside this file (``vigilance.toml``, ``measures.toml``) hold every threshold, age, window and source;
`load_policy` reads them, or those of the caller.
"""

from __future__ import annotations

from decrochage_risk.policy.capacity import CapacityList, capacity_list
from decrochage_risk.policy.loading import (
    FactCondition,
    Measure,
    MeasureRule,
    OpeningFact,
    Policy,
    Window,
    load_policy,
)
from decrochage_risk.policy.thresholds import (
    level_recalls,
    threshold_counts,
    threshold_frame,
    threshold_table,
    thresholds_at_workload,
)
from decrochage_risk.policy.tier_counts import (
    GRID,
    WORKLOADS,
    HeldOutPupils,
    HeldOutTables,
    TierPrecision,
    tier_counts,
    tier_precision,
)
from decrochage_risk.policy.vigilance import Assessment, LevelGroup, VigilanceTable

__all__ = [
    "GRID",
    "WORKLOADS",
    "Assessment",
    "CapacityList",
    "FactCondition",
    "HeldOutPupils",
    "HeldOutTables",
    "LevelGroup",
    "Measure",
    "MeasureRule",
    "OpeningFact",
    "Policy",
    "TierPrecision",
    "VigilanceTable",
    "Window",
    "capacity_list",
    "level_recalls",
    "load_policy",
    "threshold_counts",
    "threshold_frame",
    "threshold_table",
    "thresholds_at_workload",
    "tier_counts",
    "tier_precision",
]
