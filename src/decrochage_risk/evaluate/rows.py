"""The rows that a figure is measured on: checked once, every fault at once, and brought into one order.

All figures of this layer take plain arrays, one entry per row (a pupil at an as-of date).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ColumnsError, NotEnoughDataError, explain_error

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.intp]

_SHOWN = 5


def checked_rows(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    probability: bool = False,
    columns: Mapping[str, Any] | None = None,
) -> tuple[Floats, Floats]:
    """Outcome and score as float64 arrays, or one error that lists everything wrong with them.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1 (or booleans). Rows whose outcome is not known are the caller's to leave out: they are
        censored, never 0.
    score : array_like of shape (rows,)
        Anything finite that grows with the risk; within [0, 1] when `probability` is true.
    probability : bool
        Whether `score` must be a probability.
    columns : mapping of str to array_like
        Further columns of the same rows (pupils, schools), checked for length and missing values.

    Returns
    -------
    tuple of ndarray
        Outcome and score.

    Raises
    ------
    ColumnsError
        Lengths that differ, values that are missing, not numeric or out of range.
    NotEnoughDataError
        No row at all.

    Examples
    --------
    >>> checked_rows([0, 1], [0.25, 0.5], probability=True)
    (array([0., 1.]), array([0.25, 0.5 ]))
    """
    faults: list[str] = []
    outcomes = _as_floats(outcome, "outcome", faults)
    scores = _as_floats(score, "risk" if probability else "score", faults)
    faults += _outcome_faults(outcomes) + _score_faults(scores, probability=probability)
    others = dict(columns or {})
    faults += _column_faults(others)
    lengths = {"outcome": len(outcomes), "risk": len(scores), **{k: len(v) for k, v in others.items()}}
    if len(set(lengths.values())) > 1:
        faults.append("lengths differ: " + ", ".join(f"{name} {size}" for name, size in lengths.items()))
    if faults:
        message = explain_error(
            "These rows cannot be measured: " + "; ".join(faults),
            expected="equal lengths, outcome 0 or 1, "
            + ("risk within [0, 1]" if probability else "finite scores"),
            hint="Leave out the rows whose outcome is not known and the pupils with risk = None, and count them.",
        )
        raise ColumnsError(message)
    if len(outcomes) == 0:
        message = explain_error(
            "There is no row to measure",
            expected="at least one row with a known outcome",
            hint="Check the test years and as-of dates, and that their outcome window has closed.",
        )
        raise NotEnoughDataError(message)
    return outcomes, scores


def _as_floats(values: npt.ArrayLike, name: str, faults: list[str]) -> Floats:
    """Convert to a one-dimensional float64 array; what cannot be is a fault and comes back empty of values."""
    try:
        # Through pandas' masked type, which takes None, NA and booleans, and refuses text.
        column = pd.Series(pd.array(cast("Any", values), dtype="Float64"))
    except (TypeError, ValueError):
        faults.append(f"{name} is not a one-dimensional numeric column")
        return np.zeros(np.shape(values)[0] if np.ndim(values) else 0)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _outcome_faults(outcome: Floats) -> list[str]:
    wrong = ~np.isin(outcome, (0.0, 1.0))
    return [f"outcome is neither 0 nor 1 in {_where(outcome, wrong)}"] if wrong.any() else []


def _score_faults(score: Floats, *, probability: bool) -> list[str]:
    faults = []
    wrong = ~np.isfinite(score)
    if wrong.any():
        faults.append(
            f"{'risk' if probability else 'score'} is missing or infinite in {_where(score, wrong)}"
        )
    outside = np.isfinite(score) & ((score < 0) | (score > 1))
    if probability and outside.any():
        faults.append(f"risk is outside [0, 1] in {_where(score, outside)}")
    return faults


def _column_faults(columns: Mapping[str, Any]) -> list[str]:
    missing = {name: int(np.asarray(pd.isna(values)).sum()) for name, values in columns.items()}
    return [f"{name} is missing in {count} row(s)" for name, count in missing.items() if count]


def _where(values: Floats, wrong: npt.NDArray[np.bool_]) -> str:
    rows = np.flatnonzero(wrong)
    examples = ", ".join(f"row {row} ({values[row]:g})" for row in rows[:_SHOWN])
    return f"{len(rows)} row(s): {examples}{', ...' if len(rows) > _SHOWN else ''}"


def sorted_codes(values: Any) -> Codes:  # noqa: ANN401  # any column of hashable values
    """Give the distinct values the codes 0, 1, ... in their order as text, whatever the order of the rows.

    Examples
    --------
    >>> sorted_codes(["b", "a", "b"])
    array([1, 0, 1])
    """
    # As text, so that columns of mixed types have an order at all.
    codes, _ = pd.factorize(pd.Series(np.asarray(values)).astype(str), sort=True)
    return np.asarray(codes, dtype=np.intp)


def canonical_order(outcome: Floats, score: Floats, *codes: Codes) -> npt.NDArray[np.intp]:
    """Give the permutation that sorts by score, outcome and codes: float sums then ignore the input order.

    Examples
    --------
    >>> canonical_order(np.array([0.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.25]))
    array([2, 0, 1])
    """
    return np.asarray(np.lexsort((*codes[::-1], outcome, score)), dtype=np.intp)


def sorted_rows(outcome: npt.ArrayLike, risk: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Check outcome and risk, and bring them into their canonical order.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `checked_rows`.

    Examples
    --------
    >>> sorted_rows([1, 0], [0.5, 0.25])
    (array([0., 1.]), array([0.25, 0.5 ]))
    """
    outcomes, risks = checked_rows(outcome, risk, probability=True)
    order = canonical_order(outcomes, risks)
    return outcomes[order], risks[order]


def is_one_class(outcome: Floats) -> bool:
    """Whether every row has the same outcome, so that nothing can be ranked.

    Examples
    --------
    >>> is_one_class(np.array([0.0, 0.0])), is_one_class(np.array([0.0, 1.0]))
    (True, False)
    """
    return bool(outcome.min() == outcome.max())
