"""Where the training says something: the range of each column, and rows that lie outside in many of them.

Trees are flat beyond the values they saw, so a row far outside gets the risk of the nearest edge and nothing shows it.
One odd value is common in real extracts and does no harm; many at once mean another kind of pupil, or a table in
another unit: no risk is then better than a confident one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.model.numeric_table import FloatArray, numeric_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

__all__ = ["TrainingRange"]

LEEWAY: Final = 0.5
"""How far a value may lie beyond the smallest and the largest of the training, in parts of the distance between them."""
LEAST_COLUMNS: Final = 3
LEAST_SHARE: Final = 0.25
"""A row is outside with at least so many columns outside, and at least this share of those that are known."""


@dataclass(frozen=True, eq=False)
class TrainingRange:
    """Smallest and largest known value of each column that has a meaning of its own.

    Attributes
    ----------
    columns : tuple of str
        The columns, context columns left out.
    lowest, highest : (p,) arrays
        Over the known values of the training.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"absences": [0.0, 8.0], "mean": [5.0, 15.0], "late": [0.0, 4.0], "level": [0.0, 1.0]})
    >>> inside = TrainingRange.fit(seen, ["absences", "mean", "late"])
    >>> rows = pd.DataFrame({"absences": [3.0, 90.0, 90.0], "mean": [9.0, 9.0, 80.0], "late": [1.0, 1.0, 60.0]})
    >>> inside.outside(rows)
    array([False, False,  True])
    """

    columns: tuple[str, ...]
    lowest: FloatArray
    highest: FloatArray

    @classmethod
    def fit(cls, features: pd.DataFrame, columns: Sequence[str]) -> TrainingRange:
        """Find the range of some columns, each with at least one known value."""
        matrix = numeric_matrix(features, tuple(columns))
        return cls(tuple(columns), np.nanmin(matrix, axis=0), np.nanmax(matrix, axis=0))

    def outside(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Tell which rows lie outside the training in many columns; a value that is not known is not outside.

        Parameters
        ----------
        features : DataFrame, n rows
            The columns, in any order, further ones ignored.

        Returns
        -------
        (n,) bool array
        """
        return self.outside_values(numeric_matrix(features, self.columns))

    def outside_values(self, matrix: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell the same of rows in the order of ``columns``."""
        reach = LEEWAY * (self.highest - self.lowest)
        beyond = ((matrix < self.lowest - reach) | (matrix > self.highest + reach)).sum(axis=1)
        known = (~np.isnan(matrix)).sum(axis=1)
        return np.asarray((beyond >= LEAST_COLUMNS) & (beyond >= LEAST_SHARE * known), dtype=np.bool_)

    def to_dict(self) -> dict[str, Any]:
        """Give the range as JSON values, exact to the last bit."""
        return {
            "columns": list(self.columns),
            "lowest": self.lowest.tolist(),
            "highest": self.highest.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingRange:
        """Rebuild what :meth:`to_dict` gave."""
        return cls(
            tuple(values["columns"]),
            np.array(values["lowest"], dtype=np.float64),
            np.array(values["highest"], dtype=np.float64),
        )
