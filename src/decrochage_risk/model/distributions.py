"""How each feature and the raw score were distributed in training, by level and month, so that later pupils can be held against it.

Counts per bin, the missing values in a bin of their own, before anything was filled. Only rounded counts of groups of
50 rows or more are kept: no pupil can be found in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.intp]

__all__ = ["SCORE", "FeatureDistributions"]

SCORE: Final = "score"
"""Name under which the raw log-odds are kept beside the features: before calibration, so that an update leaves them."""
LEAST_ROWS: Final = 50
"""Rows of a group under which nothing of it is kept."""
ROUNDED_TO: Final = 5
"""Counts are multiples of this: a count of 1 to 4 is never written."""
_NEAR: Final = 0.1 + 1e-9
_QUANTILES: Final = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True, eq=False)
class FeatureDistributions:
    """Rounded counts per bin, for every column and group.

    Attributes
    ----------
    edges : mapping of str to array
        Per column, the lower edges of all bins but the first: near the deciles of the known values, each once.
    counts : mapping of str to mapping of str to array
        Per group and column: rows without a value, then rows per bin.

    Examples
    --------
    >>> table = pd.DataFrame({"absences": np.arange(100.0)})
    >>> found = FeatureDistributions.fit(table, ["3e@03"] * 100)
    >>> found.counts["3e@03"]["absences"].tolist()
    [0, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
    >>> found.bins("absences", np.array([np.nan, -1.0, 95.0])).tolist()
    [0, 1, 10]
    """

    edges: Mapping[str, Floats]
    counts: Mapping[str, Mapping[str, npt.NDArray[np.int64]]]

    @classmethod
    def fit(cls, columns: pd.DataFrame, groups: npt.ArrayLike) -> FeatureDistributions:
        """Count the rows of a training.

        Parameters
        ----------
        columns : DataFrame of float64, n rows
            Features and :data:`SCORE`, NaN = not known; columns never known are left out.
        groups : (n,) array_like of str
            Reference group of each row.
        """
        known = sorted(str(name) for name in columns.columns if columns[name].notna().any())
        edges = {name: _edges(columns[name].to_numpy(dtype=np.float64)) for name in known}
        labels = np.asarray(groups, dtype=object)
        empty = cls(edges, {})
        codes = {name: empty.bins(name, columns[name].to_numpy(dtype=np.float64)) for name in known}
        counts = {}
        for label, rows in pd.Series(np.arange(len(labels))).groupby(labels):
            if len(rows) >= LEAST_ROWS:
                at = rows.to_numpy()
                counts[str(label)] = {
                    name: _rounded(np.bincount(codes[name][at], minlength=len(edges[name]) + 2))
                    for name in known
                }
        return cls(edges, counts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that were known in training, sorted."""
        return tuple(self.edges)

    def bins(self, column: str, values: Floats) -> Codes:
        """Give the bin of each value: 0 when it is not known."""
        found = np.searchsorted(self.edges[column], values, side="right") + 1
        return np.where(np.isnan(values), 0, found).astype(np.intp)

    def expected(self, column: str, groups: npt.ArrayLike) -> tuple[Floats, float]:
        """Mix the training's shares as these rows are composed of groups.

        Parameters
        ----------
        column : str
        groups : (n,) array_like of str
            Groups of the rows, all of them kept in :attr:`counts`.

        Returns
        -------
        shares : array
            Expected share of each bin, the missing one first.
        rows : float
            Rows of an ungrouped training sample of the same precision.
        """
        labels, weights = np.unique(np.asarray(groups, dtype=str), return_counts=True)
        share = weights / weights.sum()
        tables = np.array([self.counts[str(label)][column] for label in labels], dtype=np.float64)
        sizes = tables.sum(axis=1)
        effective = 1.0 / float((share**2 / sizes).sum())
        return (share[:, None] * tables / sizes[:, None]).sum(axis=0), effective

    def to_dict(self) -> dict[str, Any]:
        """Give edges and counts as JSON values; the counts of a column in one text."""
        return {
            "edges": {name: values.tolist() for name, values in self.edges.items()},
            "counts": {
                label: {name: " ".join(map(str, found.tolist())) for name, found in table.items()}
                for label, table in self.counts.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureDistributions:
        """Rebuild what :meth:`to_dict` gave.

        Raises
        ------
        ModelError
            It has another shape.
        """
        try:
            edges = {name: np.array(found, dtype=np.float64) for name, found in values["edges"].items()}
            counts = {
                label: {name: np.array(text.split(), dtype=np.int64) for name, text in table.items()}
                for label, table in values["counts"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                explain_error(
                    f"The distributions of the training cannot be read ({type(error).__name__}: {error})",
                    expected="edges and counts, as to_dict gives them",
                    hint="Load the model from an unedited copy of its folder.",
                )
            ) from error
        return cls(edges, counts)


def _edges(values: Floats) -> Floats:
    """Cut near each decile, in the widest gap, the nearest of equal ones.

    Rates of one year and another fall on neighbouring values, not across a cut.
    """
    found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(found) < 2:  # noqa: PLR2004  # nothing to cut
        return np.zeros(0)
    below = np.cumsum(counts)[:-1] / counts.sum()
    gaps, middles = np.round(np.diff(found), 12), (found[1:] + found[:-1]) / 2.0
    edges = []
    for share in _QUANTILES:
        near = np.flatnonzero(np.abs(below - share) <= _NEAR)
        if near.size:
            nearest = np.lexsort((np.abs(below[near] - share), -gaps[near]))[0]
            edges.append(middles[near[nearest]])
    return np.unique(edges) if edges else middles[[int(np.abs(below - 0.5).argmin())]]


def _rounded(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Round to multiples of 5, so that small counts are not told; at least one bin keeps a count."""
    found = ((2 * counts + ROUNDED_TO) // (2 * ROUNDED_TO) * ROUNDED_TO).astype(np.int64)
    if not found.any():
        found[int(counts.argmax())] = ROUNDED_TO
    return found
