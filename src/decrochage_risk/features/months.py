"""Unjustified half-days of the last two calendar months: the facts that the law counts by month, not by window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk import french
from decrochage_risk.features.facts import Facts
from decrochage_risk.school_year import day_number

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

__all__ = ["MONTH_FACT", "MonthlyAbsence"]

MONTH_FACT = "unjustified_half_days_month"
"""The larger of the unjustified half-days of the month of the as-of date (so far) and of the month before."""


@dataclass(frozen=True, eq=False)
class MonthlyAbsence:
    """Unjustified half-days per pupil in the month before the as-of date's, and in that month so far.

    Counted as the features count them: days with an enrolment and school, motives settled by then left out. The
    threshold of the law is per calendar month (code de l'éducation, L131-8, R131-7).

    Attributes
    ----------
    months : tuple of two date
        First day of each month.
    half_days : array of float64, shape (pupils, 2)
        NaN where absences are not known for the pupil over that month.
    """

    months: tuple[date, date]
    half_days: npt.NDArray[np.float64]

    @classmethod
    def of(cls, known: KnownRecords) -> MonthlyAbsence:
        """Count both months for every pupil."""
        last_day = known.as_of - timedelta(days=1)
        current = last_day.replace(day=1)
        before = (current - timedelta(days=1)).replace(day=1)
        spans = [(day_number(before), day_number(current)), (day_number(current), known.as_of_day)]
        facts = Facts(known)
        columns = [_counted(facts, max(first, known.year_start_day), after) for first, after in spans]
        return cls((before, current), np.stack(columns, axis=1))

    def most(self, row: int) -> float:
        """Value of `MONTH_FACT` for a pupil: the larger of what is known, NaN when neither month is."""
        known = self.half_days[row][~np.isnan(self.half_days[row])]
        return float(known.max()) if known.size else float("nan")

    def told(self, row: int) -> str:
        """Write the month that `most` comes from; of two equal ones, the later.

        Examples
        --------
        >>> found = MonthlyAbsence((date(2025, 2, 1), date(2025, 3, 1)), np.array([[5.0, 1.0]]))
        >>> found.most(0), found.told(0)
        (5.0, '5 demi-journées non justifiées en février 2025')
        """
        place = 1 if self.half_days[row, 1] == self.most(row) else 0
        noun = ("demi-journée non justifiée", "demi-journées non justifiées")
        return f"{french.plural(self.most(row), *noun)} en {french.month(self.months[place], with_year=True)}"


def _counted(facts: Facts, first: int, after: int) -> npt.NDArray[np.float64]:
    """Unjustified half-days in [first, after); NaN for pupils whose absences are not known there."""
    if not facts.has("absences") or after <= first:
        return np.full(facts.pupils, np.nan)
    counts = facts.absence_sum("unjustified", first, after)
    return np.where(facts.known.not_covered("absences", first, after), np.nan, counts)
