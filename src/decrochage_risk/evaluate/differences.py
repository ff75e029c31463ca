"""Two models on the same rows: the difference of each figure, challenger minus champion, with its interval over pupils."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import NotEnoughDataError, explain_error
from decrochage_risk.evaluate.bootstrap import DRAWS, LEVEL, PairedDifference, Statistic, paired_bootstrap
from decrochage_risk.evaluate.rows import checked_rows, is_one_class, sorted_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats

STATISTICS: Final[tuple[Statistic, ...]] = ("log_loss", "auc", "average_precision")
PRECISION: Final = "precision_at_capacity"


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
    found = [
        _of(paired_bootstrap(measured, second, first, statistic, pupils=pupils, draws=draws, seed=seed))
        for statistic in STATISTICS
    ]
    if lists is not None and all(np.any(listed) for listed in lists):
        found.append(_precision(measured, lists, sorted_codes(pupils), draws, seed))
    return tuple(one for one in found if one is not None)


def _of(found: PairedDifference | None) -> Difference | None:
    """Write a paired difference, challenger first, in the words of a comparison."""
    if found is None:
        return None
    return Difference(
        name=found.statistic,
        champion=found.second,
        challenger=found.first,
        difference=found.difference,
        low=found.low,
        high=found.high,
    )


def _precision(
    outcome: Floats, lists: tuple[npt.ArrayLike, npt.ArrayLike], pupils: Codes, draws: int, seed: int
) -> Difference:
    """Precision of two lists as they were issued, pupils drawn whole."""
    people = int(pupils.max()) + 1
    listed = [np.asarray(one, dtype=np.float64) for one in lists]
    places = [np.bincount(pupils, weights=one, minlength=people) for one in listed]
    hits = [np.bincount(pupils, weights=one * outcome, minlength=people) for one in listed]
    rng, gaps = np.random.default_rng(seed), []
    for _ in range(draws):
        weight = np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float64)
        taken = [float(weight @ one) for one in places]
        if min(taken) > 0:
            gaps.append(float(weight @ hits[1]) / taken[1] - float(weight @ hits[0]) / taken[0])
    whole = [float(hit.sum() / place.sum()) for hit, place in zip(hits, places, strict=True)]
    low, high = np.quantile(gaps or [whole[1] - whole[0]], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(
        name=PRECISION,
        champion=whole[0],
        challenger=whole[1],
        difference=whole[1] - whole[0],
        low=float(low),
        high=float(high),
    )
