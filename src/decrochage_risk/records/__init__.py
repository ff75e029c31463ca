"""The records of pupils: tables, their checks, reading, and the only cut in time."""

from __future__ import annotations

from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.time_cut import KnownRecords

__all__ = ["FaultReport", "KnownRecords", "PupilRecords"]
