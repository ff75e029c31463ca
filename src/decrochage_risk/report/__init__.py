"""Pages that people look at: a school, a class list to print, a pupil, a network's diagnosis; all from one run."""

from __future__ import annotations

from decrochage_risk.report.situations import School, SchoolClass, Situation, Way, way_onto_list
from decrochage_risk.report.territory import Territory, count_territory, merge_territories
from decrochage_risk.report.territory_page import TerritoryReport, territory_report
from decrochage_risk.report.writing import ReportFolder, names_of_file, write_report
from decrochage_risk.score import RiskScores

__all__ = [
    "ReportFolder",
    "School",
    "SchoolClass",
    "Situation",
    "Territory",
    "TerritoryReport",
    "Way",
    "count_territory",
    "merge_territories",
    "names_of_file",
    "territory_report",
    "way_onto_list",
    "write_report",
]

RiskScores.report_with(write_report)
