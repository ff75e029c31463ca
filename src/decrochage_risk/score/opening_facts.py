"""The facts that may open a measure for a pupil: the features, and what the law counts by calendar month."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT, MonthlyAbsence
from decrochage_risk.features.wording import amount, decimals_of

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
            feature = FEATURE_BY_NAME[name]
            value = amount(values[name], feature.unit, decimals_of(feature.unit))
            return f"{feature.definition.partition('.')[0]} : {value}"

        return values, told

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
