"""What happened to comparable pupils: observed frequencies by risk, as counts that anyone can check.

"Of 140 comparable pupils, 38 left" needs no trust in the model: the pupils are ranked by it, the outcomes are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.folds import sorted_codes
from decrochage_risk.risk.uncertainty import normal_quantile
from decrochage_risk.small_cells import PUBLISHED, is_small

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.risk.numeric_table import FloatArray, IntArray


__all__ = ["Comparable", "jeffreys_interval", "one_per_pupil"]

# Some hundred rows make a share that differs by a few points from one draw to the next.
ROWS_PER_BIN = 100
PUPILS_PER_OUTCOME = PUBLISHED
LEVEL = 0.9
"""Nominal coverage of an interval, unless another is asked for."""

WORTH = 0.9
"""Independent pupils that a counted one is worth: who is in a bin is uncertain too, and one pupil may be counted in
several school years. With it the interval covers the true frequency of the comparable pupils of the next year
as often as it says, or a little more (``benchmarks/targets.py``)."""
LEAST_WIDTH = 0.25
"""Log-odds that a bin spans at least: finer bins would tell apart pupils whom the score hardly does."""


def jeffreys_interval(
    positives: npt.ArrayLike, rows: npt.ArrayLike, *, level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Jeffreys interval of a share: quantiles of Beta(k + 1/2, n - k + 1/2).

    At ``k = 0`` the lower bound is 0 and at ``k = n`` the upper one is 1 (Brown, Cai and DasGupta 2001).

    Parameters
    ----------
    positives, rows : array_like of int
        ``k`` and ``n``.
    level : float
        Nominal coverage.

    Returns
    -------
    low, high : float64 arrays

    Examples
    --------
    >>> low, high = jeffreys_interval([38], [140])
    >>> low.round(2), high.round(2)
    (array([0.21]), array([0.34]))
    """
    from scipy.special import betaincinv  # noqa: PLC0415  # scipy loads on first use

    normal_quantile(level)
    k, n = np.asarray(positives, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    # At the ends the interval is closed by hand (Brown, Cai and DasGupta 2001): none left does not rule out
    # 0.
    low = np.where(k == 0, 0.0, betaincinv(k + 0.5, n - k + 0.5, (1 - level) / 2))
    high = np.where(k == n, 1.0, betaincinv(k + 0.5, n - k + 0.5, (1 + level) / 2))
    return low, high


@dataclass(frozen=True, eq=False)
class Comparable:
    """How often the event happened among pupils with a comparable risk.

    Bins of risk, counted on rows that the model did not learn from, one row per pupil and period: the counts are
    pupils, not snapshots of them.

    Attributes
    ----------
    lower : (bins,) array
        Smallest risk of each bin, ascending.
    rows, positives : (bins,) int arrays
        Pupils of the bin, and those for whom the event happened.

    Examples
    --------
    >>> risk = np.repeat([0.05, 0.4], 200)
    >>> happened = np.r_[np.arange(200) < 12, np.arange(200) < 75].astype(float)
    >>> comparable = Comparable.fit(risk, happened)
    >>> comparable.lookup([0.38, 0.9])[["n", "left"]].to_numpy().tolist()
    [[200, 12], [200, 75]]
    """

    lower: FloatArray
    rows: IntArray
    positives: IntArray

    @classmethod
    def fit(
        cls,
        risk: FloatArray,
        outcome: FloatArray,
        *,
        groups: npt.ArrayLike | None = None,
        time: npt.ArrayLike | None = None,
    ) -> Comparable:
        """Cut the risks into bins and count.

        From the highest risk down, a bin closes once it has ``ROWS_PER_BIN`` pupils, ``PUPILS_PER_OUTCOME`` of each outcome
        and spans ``LEAST_WIDTH`` in log-odds; equal risks stay together. A rest under ``ROWS_PER_BIN``, or of fewer of an
        outcome (but for none at all), joins the bin above: a model is read by many, and holds no count of a few pupils.

        Parameters
        ----------
        risk : (n,) array
            Calibrated risks of rows that the model did not learn from.
        outcome : (n,) array of 0/1
            What happened.
        groups, time : (n,) array_like, optional
            Pupil and period of each row; of the rows of one pupil and period one is kept, drawn by a hash of the
            row's values (the same one in every run and every row order).

        Returns
        -------
        Comparable

        Raises
        ------
        NotEnoughDataError
            No row at all.
        """
        one_each = one_per_pupil(risk, outcome, groups, time)
        if not len(one_each):
            raise NotEnoughDataError(
                explain_error(
                    "No held-out row came",
                    expected="risks and outcomes of at least one row",
                    hint="Pass the out-of-time or out-of-fold predictions.",
                )
            )
        # Highest risks first: bins are cut where pupils are few and differ most.
        down = one_each[np.argsort(-risk[one_each], kind="stable")]
        ends = _bin_ends(risk[down], outcome[down])
        starts = np.r_[0, ends[:-1]]
        positives = np.add.reduceat(outcome[down].astype(np.int64), starts)
        return cls(
            lower=np.ascontiguousarray(risk[down][ends - 1][::-1]),
            rows=(ends - starts)[::-1].astype(np.int64),
            positives=positives[::-1].astype(np.int64),
        )

    def _interval(self, level: float, spread: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Jeffreys interval of each bin, on the rows that its pupils are worth, and wider by the spread of new schools."""
        low, high = jeffreys_interval(WORTH * self.positives, WORTH * self.rows, level=level)
        if spread == 0:
            return low, high
        # From the share of the bin, half the interval and the spread add up as independent errors do, in
        # log-odds.
        share = (self.positives + 0.5) / (self.rows + 1.0)
        reach = normal_quantile(level) * spread
        down, up = (_log_odds(share) - _log_odds(low), _log_odds(high) - _log_odds(share))
        return (
            probability(_log_odds(share) - np.hypot(down, reach)),
            probability(_log_odds(share) + np.hypot(up, reach)),
        )

    def lookup(self, risk: npt.ArrayLike, *, level: float = LEVEL, spread: float = 0.0) -> pd.DataFrame:
        """Find the comparable pupils of each risk.

        Parameters
        ----------
        risk : (m,) array_like
            Calibrated risks.
        level : float
            Nominal coverage of the Jeffreys interval, on ``WORTH`` times the counts.
        spread : float
            Standard deviation, in log-odds, of the level of a school that the model never saw; 0 for one that it did.

        Returns
        -------
        DataFrame, m rows
            ``n`` pupils, ``left`` of them for whom the event happened, their ``share``, and its ``low`` and ``high``.

        Raises
        ------
        ModelError
            A risk that is missing or outside 0..1.
        """
        low, high = self._interval(level, spread)
        at = self.bins_of(risk)
        return pd.DataFrame(
            {
                "n": self.rows[at],
                "left": self.positives[at],
                "share": (self.positives / self.rows)[at],
                "low": low[at],
                "high": high[at],
            }
        )

    @cached_property
    def table(self) -> FloatArray:
        """Columns of :meth:`lookup` at its default level, one row per bin, shape (bins, 5)."""
        return self.table_with(0.0)

    def table_with(self, spread: float) -> FloatArray:
        """Give :attr:`table` for pupils of a school that the model never saw, see :meth:`lookup`."""
        # Made once for each spread, and a model has two: none, and that of its schools.
        if spread not in self._tables:
            low, high = self._interval(LEVEL, spread)
            columns = [self.rows, self.positives, self.positives / self.rows, low, high]
            self._tables[spread] = np.column_stack(columns)
        return self._tables[spread]

    @cached_property
    def _tables(self) -> dict[float, FloatArray]:
        return {}

    def bins_of(self, risk: npt.ArrayLike) -> IntArray:
        """Find the bin of each risk: its row of :attr:`table`.

        Raises
        ------
        ModelError
            A risk that is missing or outside 0..1.
        """
        values = np.atleast_1d(np.asarray(risk, dtype=np.float64))
        bad = ~((values >= 0) & (values <= 1))
        if bad.any():
            raise ModelError(
                explain_error(
                    f"{int(bad.sum())} risks are missing or outside 0..1, the first is {values[bad][0]}",
                    expected="probabilities",
                    hint="Look up only pupils who have a risk.",
                )
            )
        # Without the first edge: a risk below all that was seen belongs to the lowest bin.
        bins: IntArray = np.searchsorted(self.lower[1:], values, side="right")
        return bins

    def to_dict(self) -> dict[str, Any]:
        """Give the bins as JSON values."""
        return {name: getattr(self, name).tolist() for name in ("lower", "rows", "positives")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparable:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(
            lower=np.array(values["lower"], dtype=np.float64),
            rows=np.array(values["rows"], dtype=np.int64),
            positives=np.array(values["positives"], dtype=np.int64),
        )


def _log_odds(share: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        odds: FloatArray = np.log(share) - np.log1p(-share)
    return odds


def one_per_pupil(
    risk: FloatArray, outcome: FloatArray, groups: npt.ArrayLike | None, time: npt.ArrayLike | None
) -> IntArray:
    """Positions of one row per pupil and period, drawn by a hash of the row's values: the same in every run and order."""
    if groups is None:
        return np.arange(len(risk), dtype=np.int64)
    owner, _ = sorted_codes(groups, len(risk), "groups")
    period = np.zeros_like(owner) if time is None else sorted_codes(time, len(risk), "time")[0]
    # Not the first nor the worst date of a pupil, which would make the year look better or worse than it was.
    draw = pd.util.hash_pandas_object(pd.DataFrame({"owner": owner, "risk": risk}), index=False).to_numpy()
    order = np.lexsort((outcome, draw, period, owner))
    first = np.r_[True, (np.diff(owner[order]) != 0) | (np.diff(period[order]) != 0)][: len(order)]
    rows: IntArray = order[first].astype(np.int64)
    return rows


def _bin_ends(risk: FloatArray, outcome: FloatArray) -> IntArray:
    """End of each bin in rows sorted by falling risk."""
    with np.errstate(divide="ignore"):
        height = np.log(1 - risk) - np.log(risk)  # minus the log-odds: ascending
    counts = np.cumsum(np.column_stack([outcome, 1 - outcome]), axis=0)
    ends: list[int] = []
    start, rows = 0, len(risk)
    while start < rows:
        before = counts[start - 1] if start else np.zeros(2)
        # Both outcomes in 11 pupils at least, so that no bin tells a few of them.
        enough = max(
            int(np.searchsorted(counts[:, side], before[side] + PUPILS_PER_OUTCOME)) + 1 for side in (0, 1)
        )
        wide = np.searchsorted(height, height[start] + LEAST_WIDTH)
        end = min(max(start + ROWS_PER_BIN, enough, int(wide)), rows)
        # Equal risks stay together: a bin is found by the risk alone.
        end = int(np.searchsorted(-risk, -risk[end - 1], side="right"))
        few = is_small(*(counts[end - 1] - before).astype(int).tolist())
        # What is left at the end joins the bin before it.
        if ends and (end - start < ROWS_PER_BIN or few):
            ends[-1] = end
        else:
            ends.append(end)
        start = end
    return np.array(ends, dtype=np.int64)
