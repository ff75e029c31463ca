"""A day without records: what sentences need to name the days of a window when the records themselves are gone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from datetime import date

    from decrochage_risk.records.known import KnownRecords

__all__ = ["day_alone"]


def day_alone(as_of: date) -> KnownRecords:
    """Make known records of nobody in particular, for the dates of the windows alone.

    Windows that go back as far as a pupil's own records do ("scolarité connue") have no first day of their own here;
    no sentence names it.

    Parameters
    ----------
    as_of : date
        The as-of date; the calendar need not hold it, nothing is counted.

    Examples
    --------
    >>> from datetime import date
    >>> from decrochage_risk.features.windows import LAST_4W
    >>> LAST_4W.period(day_alone(date(2025, 3, 5)))
    '2025-02-05/2025-03-04'
    """
    return replace(_somebody(), as_of=as_of, school_year=school_year_of(as_of))


@cache
def _somebody() -> KnownRecords:
    enrolment = {
        "pupil_id": "nobody",
        "school_year": 2024,
        "school_id": "0990001N",
        "level": "4e",
        "start_date": "2024-09-02",
    }
    return PupilRecords(pupils=[{"pupil_id": "nobody"}], enrolments=[enrolment]).known_on("2025-03-05")
