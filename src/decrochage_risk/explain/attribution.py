"""Baseline Shapley values: how each column moves a pupil's log-odds away from the reference pupil's.

Against one reference row, the pupil of the same level and time of year with median values: a column that equals its
reference gets exactly no credit, and on a monotone model no contribution can point the wrong way. Source: Sundararajan
and Najmi, "The many Shapley values for model explanation", ICML 2020 (baseline Shapley).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.explain.shapley import shapley_values
from decrochage_risk.explain.trees import Trees
from decrochage_risk.model.linear_members import LinearMembers
from decrochage_risk.model.threads import over_rows
from decrochage_risk.model.uncertainty import member_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model import RiskModel
    from decrochage_risk.model.members import Members

    Floats = npt.NDArray[np.float64]

__all__ = ["ADDITIVITY_TOLERANCE", "Attribution", "attribute", "trees_of"]

ADDITIVITY_TOLERANCE = 1e-6
"""Largest allowed gap between base plus contributions and LightGBM's own raw score, in log-odds."""

_MOST_REMEMBERED = 10_000
"""Reference rows whose score is kept, per model."""

_trees: WeakKeyDictionary[Members, Trees] = WeakKeyDictionary()
_scored: WeakKeyDictionary[Members | LinearMembers, dict[bytes, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Attribution:
    """Contributions of some pupils, raw (before calibration) and calibrated.

    Attributes
    ----------
    columns : tuple of str
        Columns of the model.
    raw : array, shape (n, columns)
        Contributions to the mean raw log-odds of the bag.
    raw_base : array, shape (n,)
        Raw log-odds of the reference pupil of each row.
    contributions, base : arrays
        The same on the calibrated scale: ``base + contributions.sum(axis=1)`` are the calibrated log-odds.
    log_odds : array, shape (n,)
        The calibrated log-odds themselves, as the model gives them.
    additive : array of bool, shape (n,)
        Whether base plus contributions equal LightGBM's raw score within ``ADDITIVITY_TOLERANCE``.
    filled, references : arrays, shape (n, columns)
        What the boosters saw, and the reference pupil's values.
    """

    columns: tuple[str, ...]
    raw: Floats
    raw_base: Floats
    contributions: Floats
    base: Floats
    log_odds: Floats
    additive: npt.NDArray[np.bool_]
    filled: Floats
    references: Floats


def attribute(
    model: RiskModel,
    filled: Floats,
    references: Floats,
    scores: Floats | None = None,
) -> Attribution:
    """Attribute the log-odds of some rows to their columns.

    Parameters
    ----------
    model : RiskModel
        The model.
    filled : array of float64, shape (n, columns)
        Rows as the boosters see them, from ``model.filled``.
    references : array of float64, shape (n, columns)
        Reference row of each, from ``model.reference_rows``.
    scores : array of float64, shape (n,), optional
        LightGBM's mean raw log-odds of the rows, where the caller has them.

    Returns
    -------
    Attribution
    """
    raw = _raw_contributions(model, filled, references)
    if scores is None:
        scores = member_mean(model.member_log_odds(filled))
    reference_scores = _reference_scores(model, references)
    return Attribution(
        columns=model.columns,
        raw=raw,
        raw_base=reference_scores,
        contributions=model.calibration.slope * raw,
        base=model.calibration.apply(reference_scores),
        log_odds=model.calibration.apply(scores),
        additive=np.abs(reference_scores + raw.sum(axis=1) - scores) <= ADDITIVITY_TOLERANCE,
        filled=filled,
        references=references,
    )


def _raw_contributions(model: RiskModel, filled: Floats, references: Floats) -> Floats:
    """Baseline Shapley values of the mean of the members; of an additive model they need no search."""
    if isinstance(model.members, LinearMembers):
        return model.members.contributions(filled, references)
    trees = trees_of(model)
    parts = over_rows(lambda part: shapley_values(trees, filled[part], references[part]), len(filled))
    return np.concatenate(parts) if parts else np.zeros_like(filled)


def trees_of(model: RiskModel) -> Trees:
    """Give the trees of a model, read once.

    Raises
    ------
    ModelError
        When they cannot be read.
    """
    members = model.members
    if isinstance(members, LinearMembers):
        raise ModelError(
            explain_error(
                "The members are logistic regressions",
                expected="a model of trees",
                hint="Their contributions need no tree: attribute(model, ...) gives them.",
            )
        )
    found = _trees.get(members)
    if found is None:
        # No lock, which a process forked meanwhile would find held for ever: two threads may both read the trees.
        found = _trees.setdefault(members, Trees.read(members.texts))
    return found


def _reference_scores(model: RiskModel, references: Floats) -> Floats:
    """LightGBM's mean raw log-odds of some reference rows; a handful per day are distinct, and each is predicted once."""
    known = _scored.get(model.members)
    if known is None:
        known = _scored.setdefault(model.members, {})
    cells = np.ascontiguousarray(references).view(
        np.dtype((np.void, references.itemsize * references.shape[1]))
    )
    distinct, first, place = np.unique(cells.ravel(), return_index=True, return_inverse=True)
    keys = [cell.tobytes() for cell in distinct]
    found = [known.get(key) for key in keys]
    new = [at for at, score in enumerate(found) if score is None]
    if new:
        scores = member_mean(model.member_log_odds(references[first[new]])).tolist()
        for at, score in zip(new, scores, strict=True):
            found[at] = score
        if len(known) + len(new) > _MOST_REMEMBERED:
            known.clear()
        known.update({keys[at]: score for at, score in zip(new, scores, strict=True)})
    return np.array(found, dtype=np.float64)[place]
