"""The risk that a model gives to pupils, the tier that follows from it, and whom only missing data would put on the list.

A pupil whose risk passes a threshold though no known fact raises it, and of whom something is not known that does, is on no
list of the risk: nobody could say why, and a missing record is nobody's fault. Such a pupil keeps the estimate, is in the
first tier, and stands on a list of data to complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.explain import rests_on_gaps
from decrochage_risk.features.catalogue import records_of_few
from decrochage_risk.features.event_windows import is_one_of
from decrochage_risk.model.snapshots import places_of
from decrochage_risk.risk.uncertainty import member_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Assessment, Policy
    from decrochage_risk.records.time_cut import KnownRecords

    Bools = npt.NDArray[np.bool_]

__all__ = ["COMPLETE_FIRST", "PATH_YEARS", "Predictions", "policy_columns", "predict"]

PATH_YEARS: Final = 3
COMPLETE_FIRST: Final = (
    "données à compléter avant tout : aucun fait connu n'élève l'estimation au-dessus du seuil"
)
"""The rule of a pupil whom only missing data would put on the list of the risk."""
_LISTED: Final = 2
"""Tier from which a pupil is on the list of the risk."""


@dataclass(frozen=True)
class Predictions:
    """What one model gives to the pupils that have a risk.

    Attributes
    ----------
    rows : array of int
        Positions of the pupils.
    known : array of float64
        Values of the columns of the model, NaN = not known.
    filled : array of float64
        What the boosters saw.
    groups : array of str
        Reference groups.
    members : array of float64
        Raw log-odds of the members.
    """

    rows: npt.NDArray[np.intp]
    known: npt.NDArray[np.float64]
    filled: npt.NDArray[np.float64]
    groups: npt.NDArray[np.object_]
    members: npt.NDArray[np.float64]

    def take(self, pupils: Bools) -> Predictions:
        """Keep those of some pupils, given by a mask over all of them."""
        mask = pupils[self.rows]
        return Predictions(
            self.rows[mask],
            self.known[mask],
            self.filled[mask],
            self.groups[mask],
            self.members[mask],
        )


def predict(
    model: TrainedModel,
    cut: KnownRecords,
    features: npt.NDArray[np.float64],
    cause: npt.NDArray[np.object_],
) -> Predictions:
    """Score the pupils without a cause against it.

    Parameters
    ----------
    model : TrainedModel
    cut : KnownRecords
    features : (n, ``MATRIX_COLUMNS``) array
        NaN = not known.
    cause : (n,) array of str or None
        Why a pupil is not scored.
    """
    rows = np.flatnonzero(cause == None)  # noqa: E711 - cell by cell
    values = features[rows[:, None], places_of(model.risk_model.columns)]
    groups = model.groups_of_levels(cut.level[rows], cut.as_of)
    inputs = model.risk_model.filled(values, groups)
    return Predictions(rows, values, inputs, groups, model.risk_model.member_log_odds(inputs))


def _without_facts(model: TrainedModel, predictions: Predictions, listed: Bools, cut: KnownRecords) -> Bools:
    """Which of the listed pupils no known fact raises, but what is not known of them does."""
    result = np.zeros(len(listed), dtype=np.bool_)
    if not listed.any():
        return result
    some = predictions.take(listed)
    known, pupils = records_of_few(cut, some.rows)
    result[some.rows] = rests_on_gaps(
        model.risk_model,
        some.known,
        some.filled,
        some.groups,
        member_mean(some.members),
        known=known,
        pupils=pupils,
    )
    return result


def policy_columns(
    policy: Policy,
    cut: KnownRecords,
    risks: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    models: tuple[TrainedModel, TrainedModel | None],
    predictions: tuple[Predictions, Predictions | None],
) -> dict[str, npt.NDArray[Any]]:
    """Tier, list and rule of either horizon: the higher tier holds, each rule is told with its horizon.

    Parameters
    ----------
    policy : Policy
    cut : KnownRecords
    risks : two float64 arrays of shape (n,)
        Of the year and of the path, NaN = no score.
    models, predictions : pairs
        Of the year and of the path; None without a path.
    """
    year = policy.assess_codes(cut.level, risks[0])
    has_threshold = is_one_of(policy.table.path_levels)[cut.level]
    path = policy.of_horizon(PATH_YEARS).assess_codes(cut.level, np.where(has_threshold, risks[1], np.nan))
    year_tier, year_gap = _told_tier(year, models[0], predictions[0], cut)
    path_tier, path_gap = _told_tier(path, models[1], predictions[1], cut)
    rule = np.where(path_tier > year_tier, path.rule, year.rule)
    both = (path_tier == year_tier) & (year_tier >= _LISTED)
    rule[both] = [
        f"{first} ; {second}" for first, second in zip(year.rule[both], path.rule[both], strict=True)
    ]
    tier = np.maximum(year_tier, path_tier)
    to_complete = (year_gap | path_gap) & (tier < _LISTED)
    rule[to_complete] = COMPLETE_FIRST
    has_tier = tier > 0
    rule[~has_tier] = None
    return {
        "tier": tier,
        "flagged": tier >= _LISTED,
        "to_complete": to_complete,
        "flag_rule": rule,
        "reinforced": year.reinforced,
        "year_tier": year_tier,
        "path_tier": path_tier,
        "path_flagged": path_tier >= _LISTED,
    }


def _told_tier(
    assessment: Assessment, model: TrainedModel | None, predictions: Predictions | None, cut: KnownRecords
) -> tuple[npt.NDArray[np.int8], Bools]:
    """Give the tier of each pupil, the first for whom only missing data would raise it, and who these are."""
    tier = assessment.tier.copy()
    if model is None or predictions is None:
        return tier, np.zeros(len(tier), dtype=np.bool_)
    gap = _without_facts(model, predictions, assessment.flagged, cut)
    tier[gap] = 1
    return tier, gap
