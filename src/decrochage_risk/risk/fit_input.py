"""What a training starts from: its few settings, with their bounds, and the table, checked, filled and in canonical order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, get_args

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error, refuse_other_kinds
from decrochage_risk.risk.calibration import group_codes
from decrochage_risk.risk.folds import moments, refuse_two_clocks, sorted_codes
from decrochage_risk.risk.numeric_table import (
    FloatArray,
    IntArray,
    TableArray,
    binary_outcome,
    compact_matrix,
    refuse_long_names,
    rows_of,
)
from decrochage_risk.risk.references import References

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from decrochage_risk.risk.knowledge import KnowledgeGroups


__all__ = ["LEAST_OF_A_CLASS", "LEAST_ROWS", "FitInput", "FitOptions", "canonical_order", "enough"]

ModelKind: TypeAlias = Literal["trees", "logistic"]

_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    # Two at least, as a spread needs two; DESIGN.md, section 6, allows five members of 15 leaves at most.
    "members": (2, 5),
    "leaves": (2, 15),
    "max_rounds": (1, 10_000),
    "min_rounds": (1, 10_000),
    "patience": (1, 10_000),
    "column_share": (0.01, 1.0),
    "pupil_folds": (2, 5),
    "test_times": (2, 100),
    "out_of_time_members": (1, 5),
    "rows_per_leaf": (1, 1_000_000),
    "learning_rate": (1e-4, 1.0),
    "linear_share": (0.0, 1.0),
    "penalty": (1e-3, 1e6),
    "l2": (0.0, 1e6),
}
_FRACTIONS: Final = ("column_share", "learning_rate", "linear_share", "penalty", "l2")
_SETTLED_LATER: Final = ("rows_per_leaf", "learning_rate", "linear_share", "penalty", "l2")


@dataclass(frozen=True)
class FitOptions:
    """How the bag is trained. The class balance cannot be changed: it would wreck the calibration.

    Attributes
    ----------
    kind : {"trees", "logistic"}
        Boosted trees, or a logistic regression with the declared signs (which reads ``members``, ``pupil_folds``,
        ``test_times``, ``out_of_time_members`` and ``penalty`` alone).
    members : int
        Boosters of the bag, 2 to 5.
    leaves : int
        Leaves of a boosted tree, 2 to 15.
    learning_rate : float or None
        Shrinkage of each round; by default 0.1 where thresholds are drawn by lot, 0.05 where they are not.
    max_rounds, min_rounds : int
        Bounds of the number of rounds, which is chosen on the left-out pupils.
    patience : int
        Rounds without a better left-out log loss after which the training stops.
    l2 : float or None
        Ridge penalty on leaf values; by default one for 2,000 rows, within 5 and 30.
    drawn_thresholds : bool or None
        Whether each split draws its threshold by lot instead of searching the best one (Geurts, Ernst and Wehenkel,
        Machine Learning 63, 2006): with some hundred events among many rows the best one is mostly noise. By default
        from 5,000 rows on; on small tables with one strong column the search was better (``benchmarks/real_data.py``).
    linear_share : float or None
        Share, 0 to 1, of a logistic regression with the declared signs that boosting starts from, see
        `decrochage_risk.risk.signed_logistic`; by default the average of some, weighted inside the training by
        what they predict of rows that they had not seen.
    penalty : float or None
        Ridge penalty of that regression, or of those of ``kind="logistic"``; by default settled in the same way.
    column_share : float
        Share of the columns that each tree may use.
    rows_per_leaf : int or None
        Least rows of a leaf; by default one row in 200, within 20 (one in 15 of a small table) and 100.
    pupil_folds : int
        Folds of pupils in the out-of-time predictions.
    test_times : int
        Latest periods that are predicted out of time.
    out_of_time_members : int
        Members trained for each of these predictions, at most ``members``. Fewer save time, but a smaller bag
        scatters more, and the slope fitted on it comes out a little flatter.

    Raises
    ------
    ModelError
        An option out of its bounds; all of them are named.

    Examples
    --------
    >>> FitOptions(max_rounds=50).leaves
    8
    """

    kind: ModelKind = "trees"
    members: int = 5
    leaves: int = 8
    learning_rate: float | None = None
    max_rounds: int = 400
    min_rounds: int = 10
    patience: int = 40
    l2: float | None = None
    drawn_thresholds: bool | None = None
    linear_share: float | None = None
    penalty: float | None = None
    column_share: float = 0.5
    rows_per_leaf: int | None = None
    pupil_folds: int = 3
    test_times: int = 5
    out_of_time_members: int = 3

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)!r} ({bounds})"
            for name in _BOUNDS
            if (bounds := self._fault_of(name))
        ]
        if self.kind not in get_args(ModelKind):
            faults.append(f"kind={self.kind!r} (one of {', '.join(get_args(ModelKind))})")
        if not isinstance(self.drawn_thresholds, bool | None):
            faults.append(f"drawn_thresholds={self.drawn_thresholds!r} (True, False or None)")
        if faults:
            raise ModelError(
                explain_error(
                    f"Options out of their bounds: {', '.join(faults)}",
                    expected="values within the bounds given in brackets",
                    hint="Leave an option out to take its default.",
                )
            )

    def _fault_of(self, name: str) -> str:
        """Give the bounds of an option that is not within them; empty where it is."""
        value, (low, high), whole = getattr(self, name), _BOUNDS[name], name not in _FRACTIONS
        if value is None and name in _SETTLED_LATER:
            return ""
        # True is an int in Python.
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            return f"a {'whole ' if whole else ''}number from {low:g} to {high:g}"
        if name == "max_rounds" and isinstance(self.min_rounds, Real):
            low = min(max(low, self.min_rounds), high)
        # Compared as it came: Python's integers have no largest one, its floats have.
        return "" if low <= cast("float", value) <= high else f"from {low:g} to {high:g}"

    def to_dict(self) -> dict[str, Any]:
        """Give the options as JSON values."""
        return {option.name: getattr(self, option.name) for option in fields(self)}


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
        The kept columns without NaN, in single precision where that loses nothing; a large one lies in a file.
    outcome : (n,) array of 0/1
    groups : (n,) int array
        Number of the pupil (of the row, when no groups were given).
    clusters : (n,) int array or None
        Number of the school; None when folds are not to keep schools whole.
    time : (n,) array or None
        Period of each row.
    observed, matured : (n,) array or None
        As-of day, and the day the outcome window closes.
    directions : (p,) int array
        -1, 0 or 1 per kept column.
    order : (n,) int array
        Position of each row in the table as it came.
    calibration_group : (n,) int array or None
        Number of the group whose calibration may be its own, 0 for none; None when no groups were given.
    """

    references: References
    matrix: TableArray
    outcome: FloatArray
    groups: IntArray
    clusters: IntArray | None
    time: npt.NDArray[Any] | None
    observed: npt.NDArray[Any] | None
    matured: npt.NDArray[Any] | None
    directions: IntArray
    order: IntArray
    calibration_group: IntArray | None = None

    @classmethod
    def prepare(
        cls,
        features: pd.DataFrame,
        outcome: npt.ArrayLike,
        *,
        directions: Mapping[str, int],
        labels: Mapping[str, npt.ArrayLike | None],
        context: Sequence[str],
        knowledge: KnowledgeGroups | None = None,
        calibration_groups: Mapping[str, Sequence[str]] | None = None,
    ) -> FitInput:
        """Check everything and put the rows in order.

        Parameters
        ----------
        features, outcome, directions, context, knowledge, calibration_groups
            As in ``RiskModel.fit``.
        labels : mapping
            The optional arrays of ``RiskModel.fit`` by name: ``groups``, ``clusters``, ``time``, ``observed``,
            ``matured``, ``reference_groups``.

        Returns
        -------
        FitInput

        Raises
        ------
        ColumnsError, ModelError, NotEnoughDataError
            As in ``RiskModel.fit``.
        """
        refuse_other_kinds(
            {
                "directions": (directions, Mapping),
                "knowledge": (knowledge, Mapping | None),
                "calibration_groups": (calibration_groups, Mapping | None),
            },
            hint="directions={'absences': 1, 'mean_grade': -1}; knowledge and calibration_groups name columns by flag and by group.",
            error=ModelError,
        )
        refuse_long_names("calibration_groups", calibration_groups or {})
        reference_groups = labels["reference_groups"]
        # Handed over at once: neither the table as it came nor the checked one is held beside the one that is learnt from.
        references, matrix = References.with_table(
            compact_matrix(features),
            [str(name) for name in features.columns],
            reference_groups,
            context=context,
            knowledge=knowledge,
        )
        # Filled before training as before scoring: not known is then the same number on both sides.
        matrix = references.filled_matrix(matrix, reference_groups)
        rows = len(matrix)
        target = binary_outcome(outcome, rows)
        signs = _signs(directions, references)
        labels_read = _codes_and_days(labels, rows)
        keys = [
            labels_read[name]
            for name in ("groups", "time_code", "observed", "matured")
            if labels_read[name] is not None
        ]
        order = canonical_order(keys, matrix, target, last=labels_read["clusters"])
        matrix = rows_of(matrix, order)
        # Schools matter where the context may learn their level; without it, folds of pupils waste less.
        owner, cluster = labels_read["groups"], labels_read["clusters"] if context else None
        fit_input = cls(
            references=references,
            matrix=matrix,
            outcome=target[order],
            groups=np.arange(rows) if owner is None else owner[order],
            clusters=None if cluster is None or not _several(cluster) else cluster[order],
            time=None if labels_read["time"] is None else labels_read["time"][order],
            observed=None if labels_read["observed"] is None else labels_read["observed"][order],
            matured=None if labels_read["matured"] is None else labels_read["matured"][order],
            directions=signs,
            order=order,
            calibration_group=_calibration_codes(matrix, references, calibration_groups or {}),
        )
        fit_input.refuse_too_little(grouped=owner is not None)
        return fit_input

    def take(self, rows: npt.NDArray[np.bool_]) -> FitInput:
        """Keep some rows, in their order."""

        def part(values: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
            return None if values is None else values[rows]

        clusters = part(self.clusters)
        # A part of the rows may hold too few schools for folds of them, though the whole had enough.
        few = clusters is None or len(np.unique(clusters)) < LEAST_CLUSTERS
        return replace(
            self,
            matrix=rows_of(self.matrix, rows),
            outcome=self.outcome[rows],
            groups=self.groups[rows],
            clusters=None if few else clusters,
            time=part(self.time),
            observed=part(self.observed),
            matured=part(self.matured),
            order=self.order[rows],
            calibration_group=part(self.calibration_group),
        )

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


LEAST_CLUSTERS = 10
"""Schools under which folds are of pupils: two for each member of the bag."""


def _several(clusters: IntArray) -> bool:
    return int(clusters.max(initial=-1)) + 1 >= LEAST_CLUSTERS


def enough(outcome: FloatArray, groups: IntArray) -> bool:
    """Tell whether a bag can be fitted: rows, and groups of both outcomes.

    Examples
    --------
    >>> enough(np.tile([0.0, 1.0], 10), np.arange(20)), enough(np.zeros(20), np.arange(20))
    (True, False)
    """
    of_a_class = min(len(np.unique(groups[outcome == value])) for value in (0, 1))
    return len(outcome) >= LEAST_ROWS and of_a_class >= LEAST_OF_A_CLASS


def canonical_order(
    keys: Sequence[npt.NDArray[Any]],
    matrix: TableArray,
    outcome: FloatArray,
    *,
    last: npt.NDArray[Any] | None = None,
) -> IntArray:
    """Sort rows by keys, then by every column from the first to the last, then by outcome, then by a last key.

    Rows that remain tied are equal in everything, so the sorted table is the same for every order of the rows.

    Parameters
    ----------
    keys : sequence of (n,) arrays
        Most important first.
    matrix : (n, p) array
        Without NaN.
    outcome : (n,) array
    last : (n,) array, optional
        What may still differ between rows that are the same in all of these: the school, say, which folds keep whole.

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
    # lexsort sorts by its last key first.
    order = np.lexsort(tuple(reversed(keys))) if keys else np.arange(rows)
    new = np.zeros(rows, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[order][1:] != key[order][:-1]
    alone = new & np.r_[new[1:], True][:rows]
    # Columns are compared only among rows that the keys leave equal: almost none, and each costs a sort.
    tied = np.flatnonzero(~alone)
    among = order[tied]
    ends = () if last is None else (last[among],)
    by = (*ends, outcome[among], *matrix[among].T[::-1], np.cumsum(new)[tied])
    order[tied] = among[np.lexsort(by)]
    return order.astype(np.int64)


def _signs(directions: Mapping[str, int], references: References) -> IntArray:
    names = {*references.columns, *references.dropped}
    faults = [f"unknown column {name!r}" for name in directions if name not in names]
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


def _calibration_codes(
    matrix: TableArray, references: References, groups: Mapping[str, Sequence[str]]
) -> IntArray | None:
    """Give the number of the calibration group of each row; None without groups.

    Raises
    ------
    ModelError
        A column that is not of the context: a reason would then move the calibration that it is measured by.
    """
    outside = sorted(
        {column for columns in groups.values() for column in columns}
        - {*references.context, *references.dropped}
    )
    if outside:
        raise ModelError(
            explain_error(
                f"calibration_groups names {', '.join(map(repr, outside))}",
                expected="columns of the context, which equal the reference by construction",
                hint="Name them in context too, or leave them out.",
            )
        )
    return group_codes(matrix, references.columns, list(groups.values())) if groups else None


def _codes_and_days(labels: Mapping[str, npt.ArrayLike | None], rows: int) -> dict[str, Any]:
    groups, time = labels["groups"], labels["time"]
    labels_read: dict[str, Any] = {"groups": None, "clusters": None, "time": None, "time_code": None}
    if groups is not None:
        labels_read["groups"] = sorted_codes(groups, rows, "groups")[0]
    if labels.get("clusters") is not None:
        labels_read["clusters"] = sorted_codes(np.asarray(labels["clusters"]), rows, "clusters")[0]
    if time is not None:
        labels_read["time_code"], periods = sorted_codes(time, rows, "time")
        labels_read["time"] = periods[labels_read["time_code"]]
    for name in ("observed", "matured"):
        values = labels[name]
        labels_read[name] = None if values is None else moments(values, rows, name)
    refuse_two_clocks(labels_read["observed"], labels_read["matured"])
    return labels_read
