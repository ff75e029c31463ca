"""The facts of a pupil, worded: the features, and what the law counts by calendar month, which may open a measure."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

from decrochage_risk.explain.sentences import tell_fact
from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT, MonthlyAbsence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decrochage_risk.records.known import KnownRecords

__all__ = ["OpeningFacts"]


class OpeningFacts:
    """Facts of the pupils of a run; the months are counted when a first measure asks for them.

    Parameters
    ----------
    known : KnownRecords or None
        What was known; without it the facts by month are not, and nothing is worded.
    """

    def __init__(self, known: KnownRecords | None) -> None:
        self._known = known

    def of(self, row: int, features: Mapping[str, float]) -> tuple[dict[str, float], Callable[[str], str]]:
        """Give the values of a pupil's facts by name, and what words each of them in French, dated.

        Parameters
        ----------
        row : int
            Position of the pupil.
        features : mapping of str to float
            Value of every feature; NaN = not known, or refused.
        """
        values = {**features, MONTH_FACT: self._most_in_a_month(row, features)}

        def told(name: str) -> str:
            if name == MONTH_FACT:
                return self._months.told(row) if self._months is not None else ""
            return self._worded(name, values[name])

        return values, told

    def worded(self, features: Mapping[str, float]) -> dict[str, str]:
        """Give every known feature of a pupil as a dated fact in French, in the order of the catalogue."""
        known = {name: features[name] for name in FEATURE_BY_NAME if not math.isnan(features[name])}
        return {name: self._worded(name, value) for name, value in known.items() if self._known is not None}

    def _worded(self, name: str, value: float) -> str:
        return "" if self._known is None else tell_fact(FEATURE_BY_NAME[name], value, self._known)

    def _most_in_a_month(self, row: int, features: Mapping[str, float]) -> float:
        """Value of `MONTH_FACT`, NaN when not known: a pupil whose family objected has no known feature at all."""
        of_the_year = features["unjustified_half_days_year"]
        if of_the_year == 0:
            return 0.0
        refused = math.isnan(of_the_year) and math.isnan(features["unjustified_half_days_4w"])
        return math.nan if refused or self._months is None else self._months.most(row)

    @cached_property
    def _months(self) -> MonthlyAbsence | None:
        return None if self._known is None else MonthlyAbsence.of(self._known)
