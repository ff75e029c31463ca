"""What each table tells of the outcome, against what it told in training: where a change of meaning is to be looked for.

A slope of all risks hides it when absences come to tell less while marks tell as much. So the outcome is fitted on the
announced log-odds, taken as they are, and once more on the part of them that comes from one table: its coefficient is 0
while the table tells what it told, -0.5 where it tells half as much. (Steyerberg et al., Validation and updating of
predictive logistic regression models, Statistics in Medicine 23, 2004, 2567-2586, of single predictors.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.evaluate.logistic import fit_logistic
from decrochage_risk.evaluate.rows import sorted_codes
from decrochage_risk.explain import attribute
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.train.drift_signs import TABLES, bounded_sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.evaluate.drift import DriftSign
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.model.scored_rows import ScoredRows

    Floats = npt.NDArray[np.float64]

__all__ = ["judged_tables", "table_signs", "told_by_table"]

LEAST_SPREAD: Final = 0.25
"""Standard deviation of a table's part of the log-odds under which the labels of a year cannot judge it."""
WATCH: Final = (0.75, 1.33)
STOP: Final = (0.5, 2.0)
"""A table is to be watched where it tells a quarter less or a third more than it did, beyond chance; its risks are not to
be used before a look where the whole interval lies beyond half or twice."""


def told_by_table(model: TrainedModel, scored: ScoredRows) -> dict[str, Floats]:
    """Sum the contributions of each row, in calibrated log-odds, by the table that their features come from."""
    features, groups, trained = scored.snapshots.features, scored.groups, model.risk_model
    found = attribute(trained, trained.filled(features, groups), trained.reference_rows(features, groups))
    parts: dict[str, Floats] = {}
    for column, values in zip(found.columns, found.contributions.T, strict=True):
        if column in FEATURE_BY_NAME:
            table = FEATURE_BY_NAME[column].table
            parts[table] = parts.get(table, np.zeros(len(values))) + values
    return parts


def judged_tables(parts: Mapping[str, Floats]) -> dict[str, Floats]:
    """Keep the tables that move the risks enough to be judged.

    Examples
    --------
    >>> list(judged_tables({"absences": np.array([-0.5, 0.5]), "orientation": np.array([0.0, 0.1])}))
    ['absences']
    """
    return {table: part for table, part in parts.items() if part.std() >= LEAST_SPREAD}


def table_signs(
    outcome: Floats,
    log_odds: Floats,
    parts: Mapping[str, Floats],
    pupils: npt.NDArray[np.object_],
    *,
    reach: float,
) -> list[DriftSign]:
    """Judge what each table tells.

    Parameters
    ----------
    outcome, log_odds : arrays of shape (rows,)
        0 or 1; the calibrated log-odds that were announced.
    parts : mapping of str to array of shape (rows,)
        Part of the log-odds that comes from each table, see :func:`told_by_table`.
    pupils : array of shape (rows,)
        Pupil of each row, for the interval.
    reach : float
        Half of an interval, in standard errors of the labels.

    Returns
    -------
    list of DriftSign
        Of check ``relation``, in the order of ``parts``; the figure is 1 where the table tells what it told.
    """
    codes, ones = sorted_codes(pupils), np.ones(len(outcome))
    found = []
    for table, part in parts.items():
        fit = fit_logistic([ones, part - part.mean()], outcome, offset=log_odds, clusters=codes)
        if fit is not None:
            figure = 1.0 + float(fit.coefficients[1]), reach * float(np.sqrt(fit.covariance[1, 1]))
            label = TABLES.get(table, table)
            words = f"{label} : lien avec l'issue (1 : comme à l'apprentissage)"
            found.append(
                bounded_sign("relation", f"lien de l'issue, {label}", words, figure, 1.0, WATCH, STOP)
            )
    return found
