"""Shares with intervals that allow for several rows of one pupil: precision, misses, false alarms.

A share over rows whose pupils come back at several as-of dates is worth fewer rows than it has. The design effect says
how many (Kish, Survey Sampling, 1965); the interval is then Jeffreys' on that many rows, in the manner of Korn and
Graubard, Survey Methodology 24, 1998, 193-201.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """A share and its interval.

    Attributes
    ----------
    share, low, high : float
        In [0, 1].
    hits, rows : int
        What the share divides.
    effective_rows : float
        Rows that an independent sample of the same precision would have, at most `rows`.
    """

    share: float
    low: float
    high: float
    hits: int
    rows: int
    effective_rows: float


def share_of(
    hits: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_], pupils: Codes, *, level: float = LEVEL
) -> Share | None:
    """Measure the share of `hits` among the rows of `among`, with an interval over whole pupils.

    Parameters
    ----------
    hits, among : ndarray of bool of shape (rows,)
        Numerator and denominator; a hit outside `among` does not count.
    pupils : ndarray of int of shape (rows,)
        Number of the pupil of each row.
    level : float
        Nominal coverage.

    Returns
    -------
    Share or None
        None when no row is in `among`.

    Examples
    --------
    >>> everyone = np.ones(40, dtype=bool)
    >>> alone = share_of(np.arange(40) < 10, everyone, np.arange(40))
    >>> alone.share, round(alone.low, 2), round(alone.high, 2)
    (0.25, 0.14, 0.4)

    Ten pupils, four rows each with one answer, are worth ten rows:

    >>> again = share_of(np.arange(40) < 12, everyone, np.arange(40) // 4)
    >>> again.rows, round(again.effective_rows)
    (40, 9)
    """
    from decrochage_risk.model import jeffreys_interval  # noqa: PLC0415  # scipy loads on first use

    rows = int(among.sum())
    if not rows:
        return None
    hit = (hits & among)[among].astype(np.float64)
    _, owner = np.unique(pupils[among], return_inverse=True)
    worth = _effective_rows(hit, owner)
    share = float(hit.mean())
    low, high = jeffreys_interval([share * worth], [worth], level=level)
    return Share(share, float(low[0]), float(high[0]), int(hit.sum()), rows, worth)


def _effective_rows(hit: npt.NDArray[np.float64], owner: npt.NDArray[np.intp]) -> float:
    """Rows over the design effect; the number of pupils where the share is 0 or 1 and no effect can be seen."""
    people, rows, share = int(owner.max()) + 1, len(hit), hit.mean()
    if share in (0.0, 1.0) or people == 1:
        return float(people)
    total = np.bincount(owner, weights=hit - share)
    variance = float((np.sort(total**2)).sum()) / rows**2 * people / (people - 1)
    plain = share * (1 - share)
    return min(float(rows), plain / variance) if variance > 0 else float(rows)


def difference(first: Share, second: Share) -> tuple[float, float, float]:
    """First share minus the second, with its interval, for shares of different pupils.

    The interval joins the two shares' own (Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10): it keeps
    their asymmetry and never leaves [-1, 1].

    Examples
    --------
    >>> difference(Share(0.5, 0.4, 0.6, 50, 100, 100.0), Share(0.5, 0.4, 0.6, 50, 100, 100.0))[0]
    0.0
    """
    gap = first.share - second.share
    down = sqrt((first.share - first.low) ** 2 + (second.high - second.share) ** 2)
    up = sqrt((first.high - first.share) ** 2 + (second.share - second.low) ** 2)
    return gap, gap - down, gap + up
