"""Baseline Shapley values: how each column moves a pupil's log-odds away from the reference pupil's.

``shap.TreeExplainer`` in interventional mode with one background row, the reference pupil of the same level and
time of year: a column that equals its reference gets exactly no credit, and on a monotone model no contribution can
point the wrong way. Source: Lundberg et al., "From local explanations to global understanding with explainable AI
for trees", Nature Machine Intelligence 2, 2020; baseline Shapley: Sundararajan and Najmi, 2020.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from decrochage_risk.model.linear_members import LinearMembers
from decrochage_risk.model.uncertainty import member_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.model import RiskModel

    Floats = npt.NDArray[np.float64]

__all__ = ["ADDITIVITY_TOLERANCE", "Attribution", "attribute"]

ADDITIVITY_TOLERANCE = 1e-6
"""Largest allowed gap between base plus contributions and LightGBM's own raw score, in log-odds."""

_explainers: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()
_parsing = Lock()


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


def attribute(model: RiskModel, filled: Floats, references: Floats) -> Attribution:
    """Attribute the log-odds of some rows to their columns.

    Parameters
    ----------
    model : RiskModel
        The model.
    filled : array of float64, shape (n, columns)
        Rows as the boosters see them, from ``model.filled``.
    references : array of float64, shape (n, columns)
        Reference row of each, from ``model.reference_rows``.

    Returns
    -------
    Attribution
    """
    raw = _raw_contributions(model, filled, references)
    scores = member_mean(model.member_log_odds(filled))
    raw_base = member_mean(model.member_log_odds(references))
    slope = model.calibration.slope
    return Attribution(
        columns=model.columns,
        raw=raw,
        raw_base=raw_base,
        contributions=slope * raw,
        base=model.calibration.apply(raw_base),
        log_odds=model.calibration.apply(scores),
        additive=np.abs(raw_base + raw.sum(axis=1) - scores) <= ADDITIVITY_TOLERANCE,
        filled=filled,
        references=references,
    )


def _raw_contributions(model: RiskModel, filled: Floats, references: Floats) -> Floats:
    """Baseline Shapley values of the mean of the members; of an additive model they need no search."""
    if isinstance(model.members, LinearMembers):
        return model.members.contributions(filled, references)
    raw = np.zeros_like(filled)
    for rows, background in _by_reference(references):
        for explainer in _explainers_of(model):
            raw[rows] += _with_background(explainer, background).shap_values(
                filled[rows], check_additivity=False
            )
    raw /= len(model.boosters)
    return raw


def _by_reference(references: Floats) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
    """Rows that share a reference, and that reference; a handful per call (one per level)."""
    if not len(references):
        return
    distinct, inverse = np.unique(references, axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    for group, rows in enumerate(np.split(order, np.cumsum(np.bincount(inverse))[:-1])):
        yield rows, distinct[group : group + 1]


def _explainers_of(model: RiskModel) -> tuple[Any, ...]:
    """One explainer per booster, parsed once per model; the background is set per call."""
    # catch_warnings changes the filters of the whole process: one thread at a time.
    with _parsing:
        if model not in _explainers:
            _explainers[model] = _parsed(model)
        return _explainers[model]


def _parsed(model: RiskModel) -> tuple[Any, ...]:
    with warnings.catch_warnings():
        # shap's plots call what matplotlib will retire; with -W error the import alone would fail.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        from shap import TreeExplainer  # noqa: PLC0415 - shap loads on first use, seconds on a cold machine

    zero = np.zeros((1, len(model.columns)))
    return tuple(
        TreeExplainer(booster, data=zero, feature_perturbation="interventional", model_output="raw")
        for booster in model.boosters
    )


def _with_background(explainer: Any, background: Floats) -> Any:  # noqa: ANN401 - shap ships no types
    """Copy an explainer onto another background row (parsing the trees again would cost 30 ms each)."""
    other = copy.copy(explainer)
    other.data = background
    other.data_missing = np.zeros(background.shape, dtype=np.bool_)
    return other
