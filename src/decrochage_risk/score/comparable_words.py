"""What became of comparable pupils, in words."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from decrochage_risk import french
from decrochage_risk.score.pupil_risk import Comparable

__all__ = ["comparable_of"]

_ONE_PERCENT = 0.01


def comparable_of(row: dict[str, Any]) -> Comparable:
    """Word the comparable pupils of one row of ``scores.frame``."""
    share, low, high = (row[f"comparable_{name}"] for name in ("share", "low", "high"))
    return _comparable(int(row["comparable_pupils"]), int(row["comparable_left"]), share, low, high)


@lru_cache(maxsize=1_000)
def _comparable(pupils: int, left: int, share: float, low: float, high: float) -> Comparable:
    """Word one bin of comparable pupils; a model has a few dozen."""
    decimals = 1 if share < _ONE_PERCENT else 0  # "8 ..., soit 0 %" would contradict itself
    verb = "aucun n'a" if left == 0 else "1 a" if left == 1 else f"{french.number(left)} ont"
    text = (
        f"Parmi {french.plural(pupils, 'élève comparable', 'élèves comparables')} des années passées, "
        f"{verb} quitté l'école sans diplôme, soit {french.percent(share, decimals if left else 0)} "
        f"[{french.interval_percent(low, high, decimals)}]"
    )
    return Comparable(pupils=pupils, left=left, share=share, low=low, high=high, text=text)
