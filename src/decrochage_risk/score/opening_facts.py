"""The facts of a pupil, worded: the features, and what the law counts by calendar month, which may open a measure."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

from decrochage_risk.explain.sentences import tell_fact
from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT, MonthlyAbsence

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from decrochage_risk.records.known import KnownRecords

__all__ = ["OpeningFacts"]


class OpeningFacts:
    """Facts of every pupil of a run; the months are counted when a first measure asks for them.

    Parameters
    ----------
    features : DataFrame
        Values of every feature, one row per pupil; NaN = not known, or refused.
    known : KnownRecords or None
        What was known; without it the facts by month are not.
    """

    def __init__(self, features: pd.DataFrame, known: KnownRecords | None) -> None:
        self._features = features
        self._known = known

    def of(self, row: int) -> tuple[dict[str, float], Callable[[str], str]]:
        """Give the values of a pupil's facts by name, and what words each of them in French, dated."""
        values = {str(name): float(value) for name, value in self._features.iloc[row].items()}
        values[MONTH_FACT] = self._most_in_a_month(row, values)

        def told(name: str) -> str:
            if name == MONTH_FACT:
                return self._months.told(row) if self._months is not None else ""
            return self._worded(name, values[name])

        return values, told

    def worded(self, row: int) -> dict[str, str]:
        """Give every known feature of a pupil as a dated fact in French, in the order of the catalogue."""
        values = self._features.iloc[row]
        told = {
            name: self._worded(name, float(values[name]))
            for name in FEATURE_BY_NAME
            if not math.isnan(values[name])
        }
        return {name: text for name, text in told.items() if text}

    def _worded(self, name: str, value: float) -> str:
        return "" if self._known is None else tell_fact(FEATURE_BY_NAME[name], value, self._known)

    def _most_in_a_month(self, row: int, values: dict[str, float]) -> float:
        """Value of `MONTH_FACT`, NaN when not known: a pupil whose family objected has no known feature at all."""
        of_the_year = values["unjustified_half_days_year"]
        if of_the_year == 0:
            return 0.0
        refused = math.isnan(of_the_year) and math.isnan(values["unjustified_half_days_4w"])
        return math.nan if refused or self._months is None else self._months.most(row)

    @cached_property
    def _months(self) -> MonthlyAbsence | None:
        return None if self._known is None else MonthlyAbsence.of(self._known)
