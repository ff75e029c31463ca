"""Pages that people look at: a school, a class list to print, a pupil, a network's diagnosis; all from one run."""

from __future__ import annotations

from decrochage_risk.report.situations import School, SchoolClass, Situation, Way, way_onto_list
from decrochage_risk.report.writing import ReportFolder, write_report

__all__ = ["ReportFolder", "School", "SchoolClass", "Situation", "Way", "way_onto_list", "write_report"]
