"""Two scores on the same rows: the difference of each figure, with an interval from a bootstrap over pupils.

Both scores are resampled together: a pupil drawn twice counts twice for both, so that what makes rows hard or easy
cancels out. Rows of one pupil are drawn together (Davison and Hinkley, Bootstrap Methods and their Application, 1997, ch. 3.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import NotEnoughDataError, explain_error
from decrochage_risk.evaluate.rows import checked_rows, is_one_class, sorted_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats

DRAWS = 500
LEVEL = 0.95
_SMALLEST_RISK = 1e-15


class Difference(BaseModel):
    """One figure of two models on the same rows.

    Attributes
    ----------
    name : str
        ``log_loss`` (nats per row, smaller is better), ``auc``, ``average_precision`` or ``precision_at_capacity``
        (larger is better).
    champion, challenger : float
        The figure of each.
    difference, low, high : float
        Challenger minus champion, with its 95 % percentile interval over pupils.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float


class _Ranked(NamedTuple):
    """A score sorted once: the group of equal scores of each row, from the lowest."""

    group: Codes
    groups: int


def paired_differences(
    outcome: npt.ArrayLike,
    champion: npt.ArrayLike,
    challenger: npt.ArrayLike,
    *,
    pupils: Any,  # noqa: ANN401  # any column
    lists: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Measure the differences of log loss, AUC, average precision and precision of two lists of the same length.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1, both present.
    champion, challenger : array_like of shape (rows,)
        Announced probabilities.
    pupils : array_like of shape (rows,)
        Pupil of each row.
    lists : pair of array_like of bool, optional
        Who stands on each model's list; the lists are held fixed while pupils are resampled. Nothing is said of the
        precision when one of them is empty.
    draws, seed : int
        Of the bootstrap.

    Raises
    ------
    ColumnsError
        Every fault of the arrays in one message.
    NotEnoughDataError
        No row, or one outcome only.

    Examples
    --------
    >>> outcome, good, flat = [0, 0, 1, 1] * 25, [0.1, 0.2, 0.3, 0.6] * 25, [0.5] * 100
    >>> for found in paired_differences(outcome, flat, good, pupils=range(100), draws=200):
    ...     print(found.name, round(found.champion, 3), round(found.challenger, 3), found.low < found.difference < found.high)
    log_loss 0.693 0.511 True
    auc 0.5 1.0 False
    average_precision 0.5 1.0 True
    """
    measured, first = checked_rows(outcome, champion, probability=True, columns={"pupils": pupils})
    _, second = checked_rows(outcome, challenger, probability=True)
    if is_one_class(measured):
        raise NotEnoughDataError(
            explain_error(
                f"All {len(measured)} rows have the outcome {measured[0]:g}",
                expected="rows with both outcomes",
                hint="Compare on more pupils or as-of dates.",
            )
        )
    if lists is not None and not all(np.any(listed) for listed in lists):
        lists = None
    codes = sorted_codes(pupils)
    weight = np.ones(len(measured))
    both = [
        _Sums(measured, risk, None if lists is None else np.asarray(lists[at], dtype=np.float64))
        for at, risk in enumerate((first, second))
    ]
    whole = [sums.figures(weight) for sums in both]
    drawn: dict[str, list[float]] = {name: [] for name in whole[0]}
    rng, people = np.random.default_rng(seed), int(codes.max()) + 1
    for _ in range(draws):
        weight = np.bincount(rng.integers(0, people, people), minlength=people)[codes].astype(np.float64)
        old, new = (sums.figures(weight) for sums in both)
        for name, values in drawn.items():
            values.append(new[name] - old[name])
    tail = (1.0 - LEVEL) / 2.0
    found = []
    for name, values in drawn.items():
        low, high = np.nanquantile(values, [tail, 1.0 - tail])
        old_figure, new_figure = whole[0][name], whole[1][name]
        found.append(
            Difference(
                name=name,
                champion=old_figure,
                challenger=new_figure,
                difference=new_figure - old_figure,
                low=float(low),
                high=float(high),
            )
        )
    return tuple(found)


class _Sums:
    """One score, prepared so that each weighting of the rows costs one pass over them."""

    def __init__(self, outcome: Floats, risk: Floats, listed: Floats | None) -> None:
        kept = np.clip(risk, _SMALLEST_RISK, 1.0 - _SMALLEST_RISK)
        self._outcome = outcome
        self._loss = -np.where(outcome == 1, np.log(kept), np.log1p(-kept))
        distinct, group = np.unique(risk, return_inverse=True)
        self._ranked = _Ranked(np.asarray(group, dtype=np.intp), len(distinct))
        self._listed = listed

    def figures(self, weight: Floats) -> dict[str, float]:
        """Figures under these weights; NaN where one outcome has no weight."""
        events = self._per_score(weight * self._outcome)
        rows = self._per_score(weight)
        others = rows - events
        found = {
            "log_loss": float((weight * self._loss).sum() / weight.sum()),
            "auc": _auc(events, others),
            "average_precision": _average_precision(events, rows),
        }
        if self._listed is not None:
            places = float((weight * self._listed).sum())
            hits = float((weight * self._listed * self._outcome).sum())
            found["precision_at_capacity"] = hits / places if places else float("nan")
        return found

    def _per_score(self, weight: Floats) -> Floats:
        return np.bincount(self._ranked.group, weight, self._ranked.groups).astype(np.float64)


def _auc(events: Floats, others: Floats) -> float:
    """Share of (event, other) pairs in the right order, ties for one half; groups from the lowest score."""
    below = np.cumsum(others) - others
    pairs = float(events.sum() * others.sum())
    return float((events * (below + others / 2.0)).sum()) / pairs if pairs else float("nan")


def _average_precision(events: Floats, rows: Floats) -> float:
    """Mean over the events of the precision among the rows scored at least as high."""
    hits, taken = np.cumsum(events[::-1]), np.cumsum(rows[::-1])
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    return float((events[::-1] * precision).sum() / hits[-1]) if hits[-1] else float("nan")
