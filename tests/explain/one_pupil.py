"""Records of one pupil, cut at a day: the words need the day and nothing else."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from decrochage_risk.records.time_cut import KnownRecords


@cache
def known_on(as_of: date) -> KnownRecords:
    """Cut the records of a pupil enrolled since 1 September 2024, or the day before for that very day."""
    first = date(2024, 8, 31) if as_of == date(2024, 9, 1) else date(2024, 9, 1)
    enrolment = {
        "pupil_id": "a",
        "school_year": 2024,
        "school_id": "0990001N",
        "level": "4e",
        "start_date": first,
    }
    return PupilRecords(pupils=[{"pupil_id": "a"}], enrolments=[enrolment]).known_on(as_of)
