"""Who may learn from whom: folds of whole pupils, and the rolling origin in time.

In time, a label may be learnt only when it had closed by the first day of the test: the embargo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray


__all__ = [
    "BoolArray",
    "cluster_folds",
    "moments",
    "pupil_folds",
    "refuse_two_clocks",
    "rolling_origin",
    "rows_to_learn",
    "sorted_codes",
]

BoolArray: TypeAlias = npt.NDArray[np.bool_]


def sorted_codes(labels: npt.ArrayLike, rows: int, name: str) -> tuple[IntArray, npt.NDArray[Any]]:
    """Give labels numbers in sorted order, so that the numbers do not depend on the order of the rows.

    Parameters
    ----------
    labels : (n,) array_like
        Labels of any sortable type.
    rows : int
        The length they must have.
    name : str
        How an error message calls them.

    Returns
    -------
    codes : (n,) int64 array
    values : array of the distinct labels, sorted

    Raises
    ------
    ModelError
        Another length, missing labels, or ones that cannot be put in order.

    Examples
    --------
    >>> sorted_codes(["b", "a", "b"], rows=3, name="groups")[0]
    array([1, 0, 1])
    """
    # .array keeps pandas' own types, of which numpy would make objects.
    values = labels.array if isinstance(labels, pd.Series | pd.Index) else np.asarray(labels)
    if values.ndim != 1 or len(values) != rows:
        raise ModelError(
            explain_error(
                f"{name} has shape {tuple(values.shape)}",
                expected=f"one value per row, shape ({rows},)",
                hint=f"Pass {name} in the order of the rows of the table.",
            )
        )
    try:
        codes, uniques = pd.factorize(pd.Series(values), sort=True)
    except TypeError as error:
        raise ModelError(
            explain_error(
                f"{name} holds labels that cannot be told apart and put in order: {error}",
                expected="numbers, texts or days, all of one kind",
                hint=f"Give {name} as texts: [str(label) for label in {name}].",
            )
        ) from error
    missing = codes < 0
    if missing.any():
        raise ModelError(
            explain_error(
                f"{name} is missing in {int(missing.sum())} of {rows} rows, first in row {int(missing.argmax())}",
                expected="a value in every row",
                hint=f"Fill {name}, or leave these rows out of the training.",
            )
        )
    return codes.astype(np.int64), np.asarray(uniques)


def pupil_folds(
    groups: npt.ArrayLike, count: int, seed: int, *, outcome: FloatArray | None = None
) -> IntArray:
    """Deal whole pupils into folds of equal size.

    The distinct labels are sorted, shuffled by ``seed`` and dealt one by one, so the folds depend neither on the
    order of the rows nor on how many rows a pupil has. With an ``outcome``, pupils with positives are dealt first,
    then the others: every fold gets its share, which matters when positives are few.

    Parameters
    ----------
    groups : (n,) array_like
        The pupil of each row.
    count : int
        Number of folds, at least 2.
    seed : int
        Seed of the shuffle.
    outcome : (n,) array of 0/1, optional
        Outcome of each row, to balance the folds.

    Returns
    -------
    (n,) int64 array
        Fold of each row, from 0 to ``count - 1``.

    Raises
    ------
    ModelError
        Fewer than 2 folds, fewer pupils than folds, or missing labels.

    Examples
    --------
    >>> folds = pupil_folds(["a", "a", "b", "c", "d"], count=2, seed=0)
    >>> bool(folds[0] == folds[1]), np.bincount(folds[1:]).tolist()
    (True, [2, 2])
    """
    codes, labels = sorted_codes(groups, len(np.asarray(groups)), "groups")
    if not 1 < count <= len(labels):
        raise ModelError(
            explain_error(
                f"{count} folds of {len(labels)} distinct groups",
                expected="at least 2 folds, and at least as many groups as folds",
                hint="Ask for fewer folds, or give more groups (pupils).",
            )
        )
    # Labels are in sorted order, so that a seed deals the same pupils whatever the order of the rows.
    dealing_order = np.random.default_rng(seed).permutation(len(labels))
    if outcome is not None:
        positives = np.bincount(codes, weights=outcome, minlength=len(labels))
        share = positives / np.bincount(codes, minlength=len(labels))
        # all positive, then mixed, then all negative: both classes are runs of pupils dealt in turn
        kind = np.where(share == 1, 0, np.where(share > 0, 1, 2))
        dealing_order = dealing_order[np.argsort(kind[dealing_order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    # Dealt in turn like cards, not drawn: folds differ by one pupil at most.
    fold[dealing_order] = np.arange(len(labels)) % count
    return fold[codes]


def cluster_folds(clusters: IntArray, count: int, seed: int, *, outcome: FloatArray) -> IntArray:
    """Deal whole clusters (schools) into folds with as many events each.

    The clusters are shuffled by ``seed``, sorted by their events, and each is put into the fold that has had fewest, so
    that a fold is of several sizes of schools. It depends on neither the order of the rows nor their number of dates.

    Parameters
    ----------
    clusters : (n,) int array
        Number of the cluster of each row.
    count : int
        Number of folds.
    seed : int
        Seed of the shuffle.
    outcome : (n,) array of 0/1

    Returns
    -------
    (n,) int64 array
        Fold of each row, from 0 to ``count - 1``.

    Examples
    --------
    >>> cluster_folds(np.array([0, 0, 1, 2, 3]), 2, 0, outcome=np.array([1.0, 1.0, 1.0, 1.0, 0.0])).tolist()
    [0, 0, 1, 1, 0]
    """
    numbers, codes = np.unique(clusters, return_inverse=True)
    events = np.bincount(codes, weights=outcome, minlength=len(numbers))
    rows = np.bincount(codes, minlength=len(numbers))
    dealing_order = np.random.default_rng(seed).permutation(len(numbers))
    largest_first = dealing_order[np.lexsort((-rows[dealing_order], -events[dealing_order]))]
    load, fold = np.zeros((2, count)), np.empty(len(numbers), dtype=np.int64)
    for cluster in largest_first.tolist():
        # events first: they are what a fold lacks; rows only break ties
        least = int(np.lexsort((load[1], load[0]))[0])
        fold[cluster] = least
        load[:, least] += events[cluster], rows[cluster]
    return fold[codes]


def rows_to_learn(fold: IntArray, groups: IntArray, number: int) -> BoolArray:
    """Rows that a model may learn from which predicts a fold: of the other folds, and of no pupil who has a row in it.

    Where folds are of pupils, these are all rows of the other folds; where they are of schools, not the rows that a pupil
    of the fold has had in another school.
    """
    in_fold = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.bool_)
    # A pupil who changed school has rows in two folds: all are left out.
    in_fold[groups[fold == number]] = True
    learnt: BoolArray = (fold != number) & ~in_fold[groups]
    return learnt


def moments(values: npt.ArrayLike, rows: int, name: str) -> npt.NDArray[Any]:
    """Read days (dates, timestamps or text in ISO form) or numbers as an array that can be compared.

    Parameters
    ----------
    values : (n,) array_like
        Dates or numbers.
    rows : int
        The length they must have.
    name : str
        How an error message calls them.

    Returns
    -------
    (n,) array of float64 or datetime64

    Raises
    ------
    ModelError
        Another length, missing values, or values that are neither days nor numbers.

    Examples
    --------
    >>> import datetime
    >>> moments([datetime.date(2024, 11, 4)], rows=1, name="observed").dtype.kind
    'M'
    """
    series = pd.Series(values.to_numpy() if isinstance(values, pd.Series) else np.asarray(values))
    try:
        is_number = pd.api.types.is_numeric_dtype(series.dtype)
        read = series.astype(np.float64) if is_number else pd.to_datetime(series)
    except (ValueError, TypeError) as error:
        raise ModelError(
            explain_error(
                f"{name} cannot be read as days: {error}",
                expected="dates, timestamps, or numbers (of days)",
                hint=f"Convert {name} with pandas.to_datetime.",
            )
        ) from error
    # for its checks alone: the length, and no missing value
    sorted_codes(read, rows, name)
    return read.to_numpy()


def refuse_two_clocks(observed: npt.NDArray[Any] | None, matured: npt.NDArray[Any] | None) -> None:
    """Refuse days beside numbers, and days with a zone beside days without one: nobody can say which comes first."""
    if observed is None or matured is None or observed.dtype.kind == matured.dtype.kind:
        return
    raise ModelError(
        explain_error(
            f"observed holds {observed.dtype}, matured {matured.dtype}, which cannot be compared",
            expected="both as days without a time zone, or both as numbers of days",
            hint="Convert both with pandas.to_datetime, and take off a zone with .dt.tz_localize(None).",
        )
    )


def rolling_origin(
    time: npt.ArrayLike, *, observed: npt.ArrayLike | None = None, matured: npt.ArrayLike | None = None
) -> list[tuple[Any, BoolArray, BoolArray]]:
    """Split a history the way the model will be used: learn from the past, predict the next period.

    For each distinct ``time`` after the first, the test rows are those of that time, the training rows those of
    earlier times whose outcome was known by then: a label counts only if its window closed (``matured``) on or
    before the first test day (smallest ``observed`` of the test rows). This is the embargo: without it the model would
    learn from outcomes that nobody knew yet.

    The same pupil may stand in both masks, in different years. Dropping the pupils of the test year from the
    training would bias the base rate, because those who come back are those who did not leave. To keep pupils apart
    as well, cross these masks with :func:`pupil_folds`: for each test time and each fold, learn from the
    earlier rows of the *other* folds and predict the test rows of this fold.

    Parameters
    ----------
    time : (n,) array_like
        The period of each row (a school year, say), sortable.
    observed : (n,) array_like of days, optional
        The as-of day of each row. With ``matured`` or not at all.
    matured : (n,) array_like of days, optional
        The day on which the outcome window of each row closes.

    Returns
    -------
    list of (test_value, train_mask, test_mask)
        In the order of time. A training mask may be empty when nothing had matured.

    Raises
    ------
    ModelError
        ``observed`` without ``matured`` or the reverse, other lengths, missing values.

    Examples
    --------
    >>> for year, train, test in rolling_origin([2022, 2022, 2023, 2024]):
    ...     print(year, train.astype(int), test.astype(int))
    2023 [1 1 0 0] [0 0 1 0]
    2024 [1 1 1 0] [0 0 0 1]
    """
    rows = len(np.asarray(time))
    codes, values = sorted_codes(time, rows, "time")
    days = _embargo_days(observed, matured, rows)
    splits = []
    for position in range(1, len(values)):
        test = codes == position
        train = codes < position
        if days is not None:
            # Embargo: only labels that had closed by the first day of the test could have been learnt then.
            train &= days[1] <= days[0][test].min()
        splits.append((values[position], train, test))
    return splits


def _embargo_days(
    observed: npt.ArrayLike | None, matured: npt.ArrayLike | None, rows: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    if observed is None and matured is None:
        return None
    if observed is None or matured is None:
        alone = "observed" if matured is None else "matured"
        raise ModelError(
            explain_error(
                f"Only {alone} was given",
                expected="observed and matured together, or neither",
                hint="The embargo compares the day a label closed (matured) with the day of the test (observed).",
            )
        )
    days = moments(observed, rows, "observed"), moments(matured, rows, "matured")
    refuse_two_clocks(*days)
    return days
