"""Is one score better than another? Paired bootstrap over whole pupils, on the same rows.

Pupils are drawn with replacement, each with all of their rows (a cluster bootstrap: Field and Welsh, Journal of the
Royal Statistical Society B 69, 2007, 369-390), and both scores are measured on the same draw, so that what they
have in common cancels out. A draw is a weight per pupil: nothing is sorted again.

Two models on the same rows: the difference of each figure, challenger minus champion, with its interval over pupils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.evaluate.rows import checked_rows, is_one_class, sorted_codes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats


Statistic: TypeAlias = Literal["log_loss", "brier", "auc", "average_precision"]

DRAWS: Final = 500
LEVEL: Final = 0.95
_LOWER_IS_BETTER: Final = ("log_loss", "brier")
# Fewer draws do not hold both ends of a 95 % interval.
_LEAST_DRAWS: Final = 20
_SMALLEST: Final = 1e-15


class PairedDifference(BaseModel):
    """A figure of two scores on the same rows, and how far apart they are.

    Attributes
    ----------
    statistic : {"log_loss", "brier", "auc", "average_precision"}
        What was measured.
    first, second : float
        On all rows.
    difference, low, high : float
        First minus second, with its percentile interval.
    level : float
        Nominal coverage.
    draws : int
        Samples of pupils that held both outcomes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    statistic: Statistic
    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    draws: int

    @property
    def better(self) -> Literal["first", "second", "undecided"]:
        """Which score is better, when the interval leaves no doubt about the sign."""
        if self.low <= 0 <= self.high:
            return "undecided"
        return "first" if (self.difference < 0) == (self.statistic in _LOWER_IS_BETTER) else "second"


def paired_bootstrap(
    outcome: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    statistic: Statistic,
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> PairedDifference | None:
    """Compare two scores on the same rows.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1.
    first, second : array_like of shape (rows,)
        Two scores of each row; probabilities for ``log_loss`` and ``brier``.
    statistic : {"log_loss", "brier", "auc", "average_precision"}
        What to compare.
    pupils : array_like of shape (rows,), optional
        Pupil of each row, drawn whole; each row by itself when left out.
    draws : int
        Samples of pupils, at least 20.
    level : float
        Nominal coverage of the interval.
    seed : int
        Same rows in any order, same seed: same figures.

    Returns
    -------
    PairedDifference or None
        None when all rows have the same outcome and the statistic is a ranking.

    Raises
    ------
    ModelError
        An unknown statistic, fewer than 20 draws, or a level outside 0..1.
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> outcome, risk = np.tile([0, 0, 0, 1], 50), np.tile([0.1, 0.2, 0.2, 0.6], 50)
    >>> found = paired_bootstrap(outcome, risk, np.full(200, 0.25), "log_loss")
    >>> found.better, round(found.difference, 3), bool(found.low < found.difference < found.high < 0)
    ('first', -0.297, True)
    """
    _refuse(statistic, draws, level)
    probability = statistic in _LOWER_IS_BETTER
    columns = {} if pupils is None else {"pupils": pupils}
    outcomes, one = checked_rows(outcome, first, probability=probability, columns=columns)
    _, two = checked_rows(outcome, second, probability=probability)
    # A log loss of one class can be measured, a ranking cannot.
    if is_one_class(outcomes) and not probability:
        return None
    if pupils is None:  # without names, the values themselves give the rows an order
        order = np.lexsort((two, one, outcomes))
        people = np.arange(len(outcomes))
    else:
        codes = sorted_codes(pupils)
        # sums of floats depend on their order: rows in any order must give the same figures
        order = np.lexsort((two, codes, outcomes, one))
        people = codes[order]
    outcomes, one, two = outcomes[order], one[order], two[order]
    parts = [_measurer(statistic, outcomes, score, people) for score in (one, two)]
    return _compared(statistic, parts, people, outcomes, draws=draws, level=level, seed=seed)


def _compared(
    statistic: Statistic,
    parts: list[Callable[[Floats], float]],
    people: Codes,
    outcomes: Floats,
    *,
    draws: int,
    level: float,
    seed: int,
) -> PairedDifference | None:
    count = int(people.max()) + 1
    whole = [part(np.ones(count)) for part in parts]
    events = np.bincount(people, weights=outcomes, minlength=count)
    others = np.bincount(people, weights=1 - outcomes, minlength=count)
    random = np.random.default_rng(seed)
    gaps = []
    for _ in range(draws):
        weight = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        # A draw of one class has no ranking: it is left out, and `draws` says how many remain.
        if statistic in _LOWER_IS_BETTER or min(weight @ events, weight @ others) > 0:
            gaps.append(parts[0](weight) - parts[1](weight))
    if not gaps:
        return None
    low, high = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2])
    return PairedDifference(
        statistic=statistic,
        first=whole[0],
        second=whole[1],
        difference=whole[0] - whole[1],
        low=float(low),
        high=float(high),
        level=level,
        draws=len(gaps),
    )


def _refuse(statistic: str, draws: int, level: float) -> None:
    statistics = ("log_loss", "brier", "auc", "average_precision")
    faults = [] if statistic in statistics else [f"statistic {statistic!r}"]
    faults += [] if draws >= _LEAST_DRAWS else [f"draws={draws}"]
    faults += [] if 0 < level < 1 else [f"level={level}"]
    if faults:
        raise ModelError(
            explain_error(
                f"A paired bootstrap came with {', '.join(faults)}",
                expected=f"a statistic among {', '.join(statistics)}, at least {_LEAST_DRAWS} draws, a level within 0..1",
                hint="Leave draws and level out to take their defaults.",
            )
        )


def _measurer(
    statistic: Statistic, outcomes: Floats, score: Floats, people: Codes
) -> Callable[[Floats], float]:
    """Prepare a statistic as a function of the weight of each pupil."""
    if statistic in _LOWER_IS_BETTER:
        # Per pupil once; each draw is then a weighted sum, with no row looked at again.
        return _mean_of(_row_losses(statistic, outcomes, score), people)
    # Sorted once for all draws, which only change the weights.
    order = np.argsort(-score, kind="stable")
    falling, owner, event = score[order], people[order], outcomes[order]
    # tied scores are one step: their order must not count for either model
    ends = np.flatnonzero(np.r_[falling[1:] != falling[:-1], True])
    return _auc_of(owner, event, ends) if statistic == "auc" else _precision_of(owner, event, ends)


def _row_losses(statistic: Statistic, outcomes: Floats, risk: Floats) -> Floats:
    if statistic == "brier":
        return np.asarray((risk - outcomes) ** 2, dtype=np.float64)
    chance = np.clip(risk, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(-np.where(outcomes == 1, np.log(chance), np.log1p(-chance)), dtype=np.float64)


def _mean_of(losses: Floats, people: Codes) -> Callable[[Floats], float]:
    total, rows = np.bincount(people, weights=losses), np.bincount(people)
    return lambda weight: float((weight * total).sum() / (weight * rows).sum())


def _auc_of(owner: Codes, event: Floats, ends: Codes) -> Callable[[Floats], float]:
    def weighted(weight: Floats) -> float:
        with_event, without = _cumulated(weight, owner, event, ends)
        step = np.diff(with_event, prepend=0.0)
        # events of a tie are above those without the event further down, and level with half of those of the
        # tie
        above = without[-1] - without + np.diff(without, prepend=0.0) / 2
        return float((step * above).sum() / (with_event[-1] * without[-1]))

    return weighted


def _precision_of(owner: Codes, event: Floats, ends: Codes) -> Callable[[Floats], float]:
    def weighted(weight: Floats) -> float:
        with_event, without = _cumulated(weight, owner, event, ends)
        places = with_event + without
        precision = np.divide(with_event, places, out=np.zeros_like(places), where=places > 0)
        return float((np.diff(with_event, prepend=0.0) * precision).sum() / with_event[-1])

    return weighted


def _cumulated(weight: Floats, owner: Codes, event: Floats, ends: Codes) -> tuple[Floats, Floats]:
    """Weights with and without the event down to each distinct score, from the highest."""
    row = weight[owner]
    return np.cumsum(row * event)[ends], np.cumsum(row * (1 - event))[ends]


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
    outcomes, first = checked_rows(outcome, champion, probability=True, columns={"pupils": pupils})
    _, second = checked_rows(outcome, challenger, probability=True)
    if is_one_class(outcomes):
        raise NotEnoughDataError(
            explain_error(
                f"All {len(outcomes)} rows have the outcome {outcomes[0]:g}",
                expected="rows with both outcomes",
                hint="Compare on more pupils or as-of dates.",
            )
        )
    differences = [
        _of(paired_bootstrap(outcomes, second, first, statistic, pupils=pupils, draws=draws, seed=seed))
        for statistic in STATISTICS
    ]
    if lists is not None and all(np.any(marks) for marks in lists):
        # Lists are drawn apart, as they are not scores: who is on one was fixed before any draw.
        differences.append(_precision(outcomes, lists, sorted_codes(pupils), draws, seed))
    return tuple(one for one in differences if one is not None)


def _of(gap: PairedDifference | None) -> Difference | None:
    """Write a paired difference, challenger first, in the words of a comparison."""
    if gap is None:
        return None
    return Difference(
        name=gap.statistic,
        champion=gap.second,
        challenger=gap.first,
        difference=gap.difference,
        low=gap.low,
        high=gap.high,
    )


def _precision(
    outcome: Floats, lists: tuple[npt.ArrayLike, npt.ArrayLike], pupils: Codes, draws: int, seed: int
) -> Difference:
    """Precision of two lists as they were issued, pupils drawn whole."""
    people = int(pupils.max()) + 1
    marks = [np.asarray(one, dtype=np.float64) for one in lists]
    places = [np.bincount(pupils, weights=one, minlength=people) for one in marks]
    hits = [np.bincount(pupils, weights=one * outcome, minlength=people) for one in marks]
    rng, gaps = np.random.default_rng(seed), []
    for _ in range(draws):
        weight = np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float64)
        sizes = [float(weight @ one) for one in places]
        # A draw that leaves a list empty has no precision: it is left out.
        if min(sizes) > 0:
            gaps.append(float(weight @ hits[1]) / sizes[1] - float(weight @ hits[0]) / sizes[0])
    whole = [float(hit.sum() / place.sum()) for hit, place in zip(hits, places, strict=True)]
    # Without a usable draw the interval is the point itself.
    low, high = np.quantile(gaps or [whole[1] - whole[0]], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(
        name=PRECISION,
        champion=whole[0],
        challenger=whole[1],
        difference=whole[1] - whole[0],
        low=float(low),
        high=float(high),
    )
