"""How well a score ranks pupils: AUC, average precision, precision and recall among the first k, within schools.

Every figure here is unchanged by a strictly increasing transform of the score and by the order of the rows.
A figure that one class alone does not define comes back as ``None``; `decrochage_risk.evaluate.report.measure`
then states the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.evaluate.rows import checked_rows, is_one_class, sorted_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats


@dataclass(frozen=True, slots=True)
class TopFigures:
    """What the `k` rows with the highest scores hold.

    Attributes
    ----------
    k : int
        Rows taken.
    n : int
        Rows in all.
    hits : float
        Events among the `k` (a fraction when a tie at the edge is shared).
    expected : float
        Sum of the scores of the `k`: the events announced, when the score is a probability.
    precision : float
        `hits / k`.
    recall : float or None
        `hits` over all events; None without any event.
    lift : float or None
        Precision over the base rate; None without any event.
    """

    k: int
    n: int
    hits: float
    expected: float
    precision: float
    recall: float | None
    lift: float | None


def auc(outcome: npt.ArrayLike, score: npt.ArrayLike) -> float | None:
    """Area under the ROC curve: the chance that a row with the event is scored above one without.

    Returns
    -------
    float or None
        None when all rows have the same outcome.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  # heavy: loaded on first use

    outcomes, scores = checked_rows(outcome, score)
    return None if is_one_class(outcomes) else float(roc_auc_score(outcomes, scores))


def average_precision(outcome: npt.ArrayLike, score: npt.ArrayLike) -> float | None:
    """Average precision: mean of the precision at each event's rank; the base rate for a score that says nothing.

    Returns
    -------
    float or None
        None when all rows have the same outcome.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    from sklearn.metrics import average_precision_score  # noqa: PLC0415  # heavy: loaded on first use

    outcomes, scores = checked_rows(outcome, score)
    return None if is_one_class(outcomes) else float(average_precision_score(outcomes, scores))


def at_k(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    k: int | None = None,
    share: float | None = None,
    tie_break: npt.ArrayLike | None = None,
) -> TopFigures:
    """Precision, recall and lift among the `k` highest scores.

    Ties: rows with the same score are taken in the ascending order of `tie_break` (compared as text). Rows that
    are still tied at the edge (same id twice, or no `tie_break`) share the places left: each counts for the
    same fraction, the mean over all their orders. The order of the rows never matters.

    Parameters
    ----------
    outcome, score : array_like of shape (rows,)
        As in `auc`.
    k : int
        Places, from 1 to the number of rows. Give `k` or `share`, not both.
    share : float
        Share of the rows, in (0, 1]; `k` is then `share * rows` rounded half up, at least 1.
    tie_break : array_like of shape (rows,), optional
        Ids that order equal scores.

    Raises
    ------
    ModelError
        Neither or both of `k` and `share`, or a value out of range.
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> top = at_k([0, 1, 1, 0], [0.9, 0.8, 0.2, 0.1], k=2)
    >>> top.precision, top.recall, top.lift
    (0.5, 0.5, 1.0)
    """
    others = {} if tie_break is None else {"tie_break": tie_break}
    outcomes, scores = checked_rows(outcome, score, columns=others)
    ties = np.zeros(len(scores), dtype=np.intp) if tie_break is None else sorted_codes(tie_break)
    places = _places(len(scores), k, share)
    weight = _places_taken(scores, ties, places)
    # Summed in sorted order: the order in which rows came does not change the last bits.
    hits, events = float(np.sort(weight * outcomes).sum()), float(outcomes.sum())
    precision = hits / places
    return TopFigures(
        k=places,
        n=len(scores),
        hits=hits,
        expected=float(np.sort(weight * scores).sum()),
        precision=precision,
        recall=hits / events if events else None,
        lift=precision * len(scores) / events if events else None,
    )


def _places(rows: int, k: int | None, share: float | None) -> int:
    if k is not None and share is None and 1 <= k <= rows:
        return k
    if share is not None and k is None and 0 < share <= 1:
        return max(1, int(np.floor(share * rows + 0.5)))
    message = explain_error(
        f"k = {k} and share = {share} came for {rows} row(s)",
        expected=f"either k from 1 to {rows}, or share above 0 and at most 1",
        hint="Give one of the two: k for a school's capacity, share for a part of the pupils.",
    )
    raise ModelError(message)


def _places_taken(score: Floats, ties: Codes, places: int) -> Floats:
    """Weight of each row in the list: 1 above the edge, 0 below, a shared fraction for the rows tied at it."""
    order = np.lexsort((ties, -score))
    edge = order[places - 1]
    # Rows tied at the edge share the places that are left: no order of theirs may decide a precision.
    ahead = (score > score[edge]) | ((score == score[edge]) & (ties < ties[edge]))
    level = (score == score[edge]) & (ties == ties[edge])
    return np.where(ahead, 1.0, np.where(level, (places - ahead.sum()) / level.sum(), 0.0))


def within_group_auc(outcome: npt.ArrayLike, score: npt.ArrayLike, groups: Any) -> float | None:  # noqa: ANN401  # any column
    """AUC over the pairs of pupils of one group (a school): what the score says inside it.

    The mean of the groups' AUC weighted by their numbers of pairs (events x non-events), that is, all pairs of
    two rows of one group taken together; ties count one half. Groups of one class hold no pair.

    Parameters
    ----------
    outcome, score : array_like of shape (rows,)
        As in `auc`.
    groups : array_like of shape (rows,)
        The group of each row.

    Returns
    -------
    float or None
        None when no group holds both outcomes.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    The score ranks the two schools, and says nothing inside them:

    >>> outcome, score, school = [0, 1, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8], list("aaabbb")
    >>> within_group_auc(outcome, score, school)
    0.5
    """
    outcomes, scores = checked_rows(outcome, score, columns={"groups": groups})
    codes = sorted_codes(groups)
    # The AUC by ranks (Mann and Whitney): pairs within all schools at once, without listing them.
    ranks = pd.Series(scores).groupby(codes).rank(method="average").to_numpy()
    events = np.bincount(codes, weights=outcomes)
    others = np.bincount(codes) - events
    wins = np.bincount(codes, weights=ranks * outcomes) - events * (events + 1) / 2
    pairs = float((events * others).sum())
    return float(wins.sum()) / pairs if pairs else None


def school_only_auc(outcome: npt.ArrayLike, schools: Any) -> float | None:  # noqa: ANN401  # any column
    """AUC of the schools' own observed rates in these rows: what knowing the school alone could reach at best.

    No score that is the same for all pupils of a school ranks these rows better, since it uses their outcomes.
    A ceiling, not a forecast: the honest forecast is `decrochage_risk.evaluate.baselines.school_rate`.

    Returns
    -------
    float or None
        None when all rows have the same outcome.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> school_only_auc([0, 0, 1, 0, 1, 1], list("aaabbb"))
    0.6666666666666667
    """
    outcomes, _ = checked_rows(outcome, np.zeros(np.shape(outcome)[0]), columns={"schools": schools})
    codes = sorted_codes(schools)
    rate = np.bincount(codes, weights=outcomes) / np.bincount(codes)
    return auc(outcomes, rate[codes])
