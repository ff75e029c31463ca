"""What a training starts from: checked, filled, and in an order that does not depend on how the rows came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.model.folds import moments, sorted_codes
from decrochage_risk.model.numeric_table import FloatArray, IntArray, binary_outcome, numeric_matrix
from decrochage_risk.model.references import References

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = ["LEAST_OF_A_CLASS", "LEAST_ROWS", "FitInput", "canonical_order", "enough"]

LEAST_ROWS = 20
"""Rows without which nothing is fitted."""
LEAST_OF_A_CLASS = 5
"""Groups (pupils) of each outcome without which nothing is fitted: one per member of the bag."""


@dataclass(frozen=True, eq=False)
class FitInput:
    """A training table in its canonical order.

    Attributes
    ----------
    references : References
        Medians, kept and dropped columns.
    matrix : (n, p) array
        The kept columns without NaN.
    outcome : (n,) array of 0/1
    groups : (n,) int array
        Number of the pupil (of the row, when no groups were given).
    time : (n,) array or None
        Period of each row.
    observed, matured : (n,) array or None
        As-of day, and the day the outcome window closes.
    directions : (p,) int array
        -1, 0 or 1 per kept column.
    order : (n,) int array
        Position of each row in the table as it came.
    """

    references: References
    matrix: FloatArray
    outcome: FloatArray
    groups: IntArray
    time: npt.NDArray[Any] | None
    observed: npt.NDArray[Any] | None
    matured: npt.NDArray[Any] | None
    directions: IntArray
    order: IntArray

    @classmethod
    def prepare(
        cls,
        features: pd.DataFrame,
        outcome: npt.ArrayLike,
        *,
        directions: Mapping[str, int],
        labels: Mapping[str, npt.ArrayLike | None],
        context: Sequence[str],
    ) -> FitInput:
        """Check everything and put the rows in order.

        Parameters
        ----------
        features, outcome, directions, context
            As in ``RiskModel.fit``.
        labels : mapping
            The optional arrays of ``RiskModel.fit`` by name: ``groups``, ``time``, ``observed``, ``matured``,
            ``reference_groups``.

        Returns
        -------
        FitInput

        Raises
        ------
        ColumnsError, ModelError, NotEnoughDataError
            As in ``RiskModel.fit``.
        """
        known, names = numeric_matrix(features), [str(name) for name in features.columns]
        references = References.of_matrix(known, names, labels["reference_groups"], context=context)
        kept = [names.index(name) for name in references.columns]
        matrix = references.filled_matrix(known[:, kept], labels["reference_groups"])
        rows = len(matrix)
        happened = binary_outcome(outcome, rows)
        signs = _signs(directions, references)
        given = _codes_and_days(labels, rows)
        keys = [
            given[name] for name in ("groups", "time_code", "observed", "matured") if given[name] is not None
        ]
        order = canonical_order(keys, matrix, happened)
        owner = given["groups"]
        fit_input = cls(
            references=references,
            matrix=np.ascontiguousarray(matrix[order]),
            outcome=happened[order],
            groups=np.arange(rows) if owner is None else owner[order],
            time=None if given["time"] is None else given["time"][order],
            observed=None if given["observed"] is None else given["observed"][order],
            matured=None if given["matured"] is None else given["matured"][order],
            directions=signs,
            order=order,
        )
        fit_input.refuse_too_little(grouped=owner is not None)
        return fit_input

    def refuse_too_little(self, *, grouped: bool) -> None:
        """Raise unless there are rows and outcomes enough to fit a bag."""
        if enough(self.outcome, self.groups):
            return
        positives = int(self.outcome.sum())
        of_groups = (
            f", {len(np.unique(self.groups[self.outcome == 1]))} groups with a 1 and "
            f"{len(np.unique(self.groups[self.outcome == 0]))} with a 0"
            if grouped
            else ""
        )
        raise NotEnoughDataError(
            explain_error(
                f"{len(self.outcome)} rows came, {positives} with outcome 1 and {len(self.outcome) - positives} with "
                f"outcome 0{of_groups}",
                expected=f"at least {LEAST_ROWS} rows, and both outcomes in at least {LEAST_OF_A_CLASS} rows and "
                "groups each",
                hint="Train on more pupils or more school years; check that the outcome is not the same for all.",
            )
        )


def enough(outcome: FloatArray, groups: IntArray) -> bool:
    """Tell whether a bag can be fitted: rows, and groups of both outcomes.

    Examples
    --------
    >>> enough(np.tile([0.0, 1.0], 10), np.arange(20)), enough(np.zeros(20), np.arange(20))
    (True, False)
    """
    of_a_class = min(len(np.unique(groups[outcome == value])) for value in (0, 1))
    return len(outcome) >= LEAST_ROWS and of_a_class >= LEAST_OF_A_CLASS


def canonical_order(keys: Sequence[npt.NDArray[Any]], matrix: FloatArray, outcome: FloatArray) -> IntArray:
    """Sort rows by keys, then by every column from the first to the last, then by outcome.

    Rows that remain tied are equal in everything, so the sorted table is the same for every order of the rows.

    Parameters
    ----------
    keys : sequence of (n,) arrays
        Most important first.
    matrix : (n, p) array
        Without NaN.
    outcome : (n,) array

    Returns
    -------
    (n,) int64 array
        Positions of the rows, in their canonical order.

    Examples
    --------
    >>> canonical_order([np.array([1, 0, 1])], np.array([[5.0], [9.0], [2.0]]), np.zeros(3))
    array([1, 2, 0])
    """
    rows = len(matrix)
    order = np.lexsort(tuple(reversed(keys))) if keys else np.arange(rows)
    new = np.zeros(rows, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[order][1:] != key[order][:-1]
    alone = new & np.r_[new[1:], True][:rows]
    tied = np.flatnonzero(~alone)
    among = order[tied]
    by = (outcome[among], *matrix[among].T[::-1], np.cumsum(new)[tied])
    order[tied] = among[np.lexsort(by)]
    return order.astype(np.int64)


def _signs(directions: Mapping[str, int], references: References) -> IntArray:
    known = {*references.columns, *references.dropped}
    faults = [f"unknown column {name!r}" for name in directions if name not in known]
    faults += [
        f"{value!r} for {name!r}"
        for name, value in directions.items()
        if isinstance(value, bool) or value not in (-1, 0, 1)
    ]
    if faults:
        raise ModelError(
            explain_error(
                f"directions holds {', '.join(faults)}",
                expected="1 (a greater value raises the risk), -1 (lowers it) or 0 (either), by column of the table",
                hint="Correct these entries; a column left out counts as 0.",
            )
        )
    return np.array([int(directions.get(name, 0)) for name in references.columns], dtype=np.int64)


def _codes_and_days(labels: Mapping[str, npt.ArrayLike | None], rows: int) -> dict[str, Any]:
    groups, time = labels["groups"], labels["time"]
    given: dict[str, Any] = {"groups": None, "time": None, "time_code": None}
    if groups is not None:
        given["groups"] = sorted_codes(groups, rows, "groups")[0]
    if time is not None:
        given["time_code"], periods = sorted_codes(time, rows, "time")
        given["time"] = periods[given["time_code"]]
    for name in ("observed", "matured"):
        values = labels[name]
        given[name] = None if values is None else moments(values, rows, name)
    return given
