"""How good the risks are: ranking, calibration, standing baselines, groups, report and model card.

Everything takes plain arrays, one entry per row (a pupil at an as-of date), so that any score can be measured::

    rows -> ranking, logistic -> recalibration, reliability -> figures -> groups, gates   -> measuring -> report -> card
         -> bootstrap, ratios -> baselines, maturity                   -> issued, advice  -> tables, sections
         -> differences, gates -> verdict -> comparison -> comparison_text
"""

from __future__ import annotations

from decrochage_risk.evaluate.baselines import (
    ABC_COLUMNS,
    Baseline,
    LogisticBaseline,
    abc_flag,
    legal_absence_flag,
    logistic_baseline,
    on_track_flag,
    school_rate,
)
from decrochage_risk.evaluate.bootstrap import (
    Difference,
    PairedDifference,
    paired_bootstrap,
    paired_differences,
)
from decrochage_risk.evaluate.card import BaseRate, CardFacts, LevelThreshold, model_card, with_changes
from decrochage_risk.evaluate.card_page import card_page
from decrochage_risk.evaluate.comparison import ComparedRows, ModelComparison, changes_section, compare_rows
from decrochage_risk.evaluate.drift import DriftReport, DriftSign, UnitDrift, psi
from decrochage_risk.evaluate.figures import Figures, measure
from decrochage_risk.evaluate.gates import GateResult, Verdict, fairness_gates, worst_verdict
from decrochage_risk.evaluate.groups import GroupFigures, figures_by_exit, figures_by_group
from decrochage_risk.evaluate.issued import CAPACITY, ListFigures, capacity_list, list_figures
from decrochage_risk.evaluate.maturity import MaturityRow, mature_on, maturity_table
from decrochage_risk.evaluate.plots import (
    drift_plot,
    precision_recall_plot,
    pupil_timeline_plot,
    reliability_plot,
    risk_histogram,
    roc_plot,
    workload_plot,
)
from decrochage_risk.evaluate.ranking import (
    TopFigures,
    at_k,
    auc,
    average_precision,
    school_only_auc,
    within_group_auc,
)
from decrochage_risk.evaluate.reliability import (
    BrierParts,
    Recalibration,
    brier_parts,
    brier_score,
    calibration_slope_intercept,
    ece,
    ece_debiased,
    ici,
    log_loss,
    reliability_table,
    spiegelhalter,
)
from decrochage_risk.evaluate.report import (
    EvaluationReport,
    MeasuredRows,
    build_report,
)
from decrochage_risk.evaluate.verdict import Advice, advise, shipped_instead

__all__ = [
    "ABC_COLUMNS",
    "CAPACITY",
    "Advice",
    "BaseRate",
    "Baseline",
    "BrierParts",
    "CardFacts",
    "ComparedRows",
    "Difference",
    "DriftReport",
    "DriftSign",
    "EvaluationReport",
    "Figures",
    "GateResult",
    "GroupFigures",
    "LevelThreshold",
    "ListFigures",
    "LogisticBaseline",
    "MaturityRow",
    "MeasuredRows",
    "ModelComparison",
    "PairedDifference",
    "Recalibration",
    "TopFigures",
    "UnitDrift",
    "Verdict",
    "abc_flag",
    "advise",
    "at_k",
    "auc",
    "average_precision",
    "brier_parts",
    "brier_score",
    "build_report",
    "calibration_slope_intercept",
    "capacity_list",
    "card_page",
    "changes_section",
    "compare_rows",
    "drift_plot",
    "ece",
    "ece_debiased",
    "fairness_gates",
    "figures_by_exit",
    "figures_by_group",
    "ici",
    "legal_absence_flag",
    "list_figures",
    "log_loss",
    "logistic_baseline",
    "mature_on",
    "maturity_table",
    "measure",
    "model_card",
    "on_track_flag",
    "paired_bootstrap",
    "paired_differences",
    "precision_recall_plot",
    "psi",
    "pupil_timeline_plot",
    "reliability_plot",
    "reliability_table",
    "risk_histogram",
    "roc_plot",
    "school_only_auc",
    "school_rate",
    "shipped_instead",
    "spiegelhalter",
    "with_changes",
    "within_group_auc",
    "workload_plot",
    "worst_verdict",
]
