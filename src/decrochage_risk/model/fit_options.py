"""The few settings of a training, with their bounds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Final, Literal, TypeAlias, get_args

from decrochage_risk.errors import ModelError, explain_error

__all__ = ["FitOptions"]

ModelKind: TypeAlias = Literal["trees", "logistic"]

_BOUNDS: Final[dict[str, tuple[float, float]]] = {
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
    "l2": (0.0, 1e6),
}
_FRACTIONS: Final = ("column_share", "learning_rate", "linear_share", "l2")
_SETTLED_BY_ROWS: Final = ("rows_per_leaf", "learning_rate", "linear_share", "l2")


@dataclass(frozen=True)
class FitOptions:
    """How the bag is trained. The class balance cannot be changed: it would wreck the calibration.

    Attributes
    ----------
    kind : {"trees", "logistic"}
        Boosted trees, or a logistic regression with the declared signs (which reads ``members``, ``pupil_folds``,
        ``test_times`` and ``out_of_time_members`` alone).
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
        `decrochage_risk.model.linear_start`; by default 0.5 from 5,000 rows on, 0 on smaller tables.
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
    column_share: float = 0.5
    rows_per_leaf: int | None = None
    pupil_folds: int = 3
    test_times: int = 5
    out_of_time_members: int = 3

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)!r} ({told})" for name in _BOUNDS if (told := self._fault_of(name))
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
        if value is None and name in _SETTLED_BY_ROWS:
            return ""
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            return f"a {'whole ' if whole else ''}number from {low:g} to {high:g}"
        if name == "max_rounds" and isinstance(self.min_rounds, Real):
            low = max(low, self.min_rounds)
        return "" if low <= float(value) <= high else f"from {low:g} to {high:g}"

    def to_dict(self) -> dict[str, Any]:
        """Give the options as JSON values."""
        return {option.name: getattr(self, option.name) for option in fields(self)}
