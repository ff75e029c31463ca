"""Scoring: from records and a day to one result per pupil, nobody left out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.explain import attribute, find_reasons
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import (
    MATRIX_COLUMNS,
    MINIMUM_DAYS,
    TrainedModel,
    days_of_data,
    values_with_context,
)
from decrochage_risk.model.calibration import probability
from decrochage_risk.model.uncertainty import member_mean
from decrochage_risk.policy import load_policy
from decrochage_risk.records.encoded import NO_DAY
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.score.asked import chosen_pupils, excluded_pupils, refuse_other_kinds
from decrochage_risk.score.demo_model import DEMO_NOTICE, load_demo_model
from decrochage_risk.score.results import Results, or_none
from decrochage_risk.score.risk_scores import RiskScores
from decrochage_risk.score.run_facts import RunFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.policy import Policy
    from decrochage_risk.records.known import KnownRecords
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.score.asked import Explain

__all__ = ["score_pupils"]

REFUSED = "traitement refusé"
NOT_ENROLLED = "non inscrit à cette date"
SET_ASIDE = "non inscrit à cette date d'après les lignes gardées : d'autres, fautives, ont été mises de côté"
UNKNOWN_LEVEL = "niveau jamais vu par le modèle"
TOO_LITTLE = "moins de 3 semaines de données"
OUT_OF_RANGE = "hors du domaine d'apprentissage, avec beaucoup de valeurs jamais vues par le modèle"
NOT_VERIFIED = "explication non vérifiée : les contributions ne redonnent pas le score"


_LEVELS = np.array([*LEVEL_NAMES, None], dtype=object)
_RISK_COLUMNS = (
    *("risk", "risk_low", "risk_high"),
    *("comparable_pupils", "comparable_left", "comparable_share", "comparable_low", "comparable_high"),
)
_CAUSES = np.array(
    [None, OUT_OF_RANGE, TOO_LITTLE, UNKNOWN_LEVEL, NOT_ENROLLED, SET_ASIDE, REFUSED], dtype=object
)
"""By rising precedence: who is refused is nothing else."""


@dataclass(frozen=True)
class _Scored:
    """Pupils that have a risk: positions, values, what the boosters saw, reference groups, raw log-odds of the members."""

    rows: npt.NDArray[np.intp]
    known: npt.NDArray[np.float64]
    filled: npt.NDArray[np.float64]
    groups: npt.NDArray[np.object_]
    members: npt.NDArray[np.float64]


def score_pupils(
    records: PupilRecords,
    *,
    as_of: object,
    model: TrainedModel | None = None,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Iterable[str] = (),
) -> RiskScores:
    """Score every pupil of the records, as known on the morning of ``as_of``.

    Parameters
    ----------
    records : PupilRecords
        Checked records.
    as_of : date or ISO text
        Only what was dated and recorded before this day is used.
    model : TrainedModel, optional
        The bundled demonstration model, trained on synthetic pupils, when left out; every result then says so.
    policy : Policy, optional
        Thresholds, tiers and measures; the bundled ones when left out.
    explain : {"flagged", "all", "none"} or collection of pupil ids
        Whom to give reasons.
    exclude : iterable of str
        Pupils whose family objected: they come back with ``risk = None`` and "traitement refusé".

    Returns
    -------
    RiskScores
        As many results as pupils, in the order of ``records.pupils``. ``risk`` is missing, with the cause, for a
        pupil who is excluded, not enrolled that day, at a level the model never saw, with under 3 weeks of data, or
        outside the range of the training in many features.

    Raises
    ------
    AsOfError
        When ``as_of`` is not a date, or lies before every enrolment.
    CalendarError
        When the calendar does not hold the school year up to ``as_of``.
    RecordsError
        When ``records`` are not PupilRecords, ``exclude`` is no collection of ids, or ``explain`` names unknown pupils.

    Warns
    -----
    DemoModelWarning
        When the demonstration model is used.
    RecordsWarning
        When ``exclude`` names pupils that the records do not hold.

    Examples
    --------
    >>> import warnings
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(30, [2023, 2024], seed=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the demonstration model says that it is one
    ...     scores = score_pupils(cohort.records, as_of="2025-03-05")
    >>> len(scores)
    30
    """
    refuse_other_kinds(model, policy, records)
    model, policy = model or load_demo_model(), policy or load_policy()
    if model.demo:
        hint = "Hint: train_model(records, outcomes) trains a model on your own data."
        warnings.warn(f"{DEMO_NOTICE} {hint}", DemoModelWarning, stacklevel=2)
    known = records.known_on(as_of)
    refused = excluded_pupils(known, exclude)
    # Nothing is computed, shown or suggested from the rows of a pupil whose family objected.
    features = values_with_context(known)
    features[refused, : len(FEATURE_BY_NAME)] = np.nan
    set_aside = records.set_aside_counts
    days = days_of_data(known)
    cause = _causes(
        known, model, days, refused=refused, faulty=set_aside > 0, outside=_outside_training(model, features)
    )
    scored = _predict(model, known, features, cause)
    columns = _base_columns(known, cause, days, set_aside)
    columns |= _risks(known.pupil_count, model, scored)
    columns |= _policy_columns(policy, known.level, columns["risk"])
    columns["missing_features"] = np.isnan(features[:, : len(FEATURE_BY_NAME)]).sum(axis=1)
    columns["model_id"], columns["demo"] = model.model_id, model.demo
    chosen = chosen_pupils(explain, known, columns)[scored.rows]
    run = RunFacts.of(model, policy, known, records)
    results = _explained(columns, features, scored, chosen, records, known, model)
    return RiskScores(results, run, policy, model)


def _causes(
    known: KnownRecords,
    model: TrainedModel,
    days: npt.NDArray[np.int64],
    *,
    refused: npt.NDArray[np.bool_],
    faulty: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
) -> npt.NDArray[np.object_]:
    """Why a pupil is not scored, None for those who are."""
    absent = ~known.enrolled
    seen = np.array([*(level in model.levels for level in LEVEL_NAMES), False])
    cause = np.zeros(known.pupil_count, dtype=np.int8)
    rising = (outside, days < MINIMUM_DAYS, ~seen[known.level], absent, absent & faulty, refused)
    for code, holds in enumerate(rising, start=1):
        cause[holds] = code
    found: npt.NDArray[np.object_] = _CAUSES[cause]
    return found


def _outside_training(model: TrainedModel, features: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    seen = model.risk_model.training_range
    if seen is None:
        return np.zeros(len(features), dtype=np.bool_)
    return seen.outside_values(features[:, _places(seen.columns)])


def _predict(
    model: TrainedModel,
    known: KnownRecords,
    features: npt.NDArray[np.float64],
    cause: npt.NDArray[np.object_],
) -> _Scored:
    rows = np.flatnonzero(pd.isna(cause))
    values = features[rows[:, None], _places(model.risk_model.columns)]
    groups = model.groups_of_levels(known.level[rows], known.as_of)
    filled = model.risk_model.filled(values, groups)
    return _Scored(rows, values, filled, groups, model.risk_model.member_log_odds(filled))


@cache
def _places(columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Find the columns of a model in the matrix."""
    return np.array([MATRIX_COLUMNS.index(name) for name in columns], dtype=np.intp)


def _base_columns(
    known: KnownRecords,
    cause: npt.NDArray[np.object_],
    days: npt.NDArray[np.int64],
    set_aside: npt.NDArray[np.int64],
) -> dict[str, Any]:
    return {
        "pupil_id": np.array(known.arrays.pupils.words, dtype=object),
        "as_of": known.as_of,
        "school_year": known.school_year,
        "level": _LEVELS[known.level],
        "enrolled": known.enrolled,
        "cause": cause,
        "days_of_data": days,
        "set_aside": set_aside,
        "age_years": _age_years(known.arrays.birth_day, known.as_of),
    }


def _age_years(born: npt.NDArray[np.int32], as_of: date) -> npt.NDArray[np.float64]:
    """Completed years on the as-of date, NaN without a birth date."""
    days = born.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    to_come = (days - months).astype(np.int64) >= as_of.day
    completed = (np.datetime64(as_of, "M") - months).astype(np.int64) - to_come
    return np.where(born == NO_DAY, np.nan, completed // 12)


def _risks(pupils: int, model: TrainedModel, scored: _Scored) -> dict[str, npt.NDArray[np.float64]]:
    """Risk, interval and comparable pupils, NaN for pupils without a score."""
    risk_model = model.risk_model
    risk, low, high = risk_model.risk_and_interval(scored.members)
    alike = risk_model.comparable.table[risk_model.comparable.bins_of(risk)]
    found = np.full((pupils, len(_RISK_COLUMNS)), np.nan)
    found[scored.rows] = np.column_stack([risk, low, high, alike])
    return dict(zip(_RISK_COLUMNS, np.ascontiguousarray(found.T), strict=True))


def _policy_columns(
    policy: Policy, level: npt.NDArray[np.int8], risk: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[Any]]:
    assessment = policy.assess_codes(level, risk)
    return {
        "tier": assessment.tier,
        "flagged": assessment.flagged,
        "flag_rule": or_none(assessment.tier > 0, assessment.rule),
        "reinforced": assessment.reinforced,
    }


def _explained(
    columns: dict[str, Any],
    features: npt.NDArray[np.float64],
    scored: _Scored,
    chosen: npt.NDArray[np.bool_],
    records: PupilRecords,
    known: KnownRecords,
    model: TrainedModel,
) -> Results:
    """Add the explanation to the columns; a pupil whose contributions do not add up has none, and says why."""
    rows, filled = scored.rows[chosen], scored.filled[chosen]
    references = model.risk_model.reference_rows(filled, scored.groups[chosen])
    attribution = attribute(model.risk_model, filled, references, member_mean(scored.members[chosen]))
    table = find_reasons(attribution, scored.known[chosen], known, pupils=rows)
    good = attribution.additive
    columns["explained"] = np.zeros(known.pupil_count, dtype=np.bool_)
    columns["explained"][rows[good]] = True
    columns["explanation_cause"] = _spread(None, rows[~good], NOT_VERIFIED, known.pupil_count)
    base = probability(attribution.base[good])
    columns["reference_risk"] = _spread(np.nan, rows[good], base, known.pupil_count)
    columns["other_points"] = _spread(np.nan, rows[good], table.other_points[good], known.pupil_count)
    kept = good[table.columns["row"]]
    reasons = {name: column[kept] for name, column in table.columns.items()}
    reasons["row"] = rows[reasons["row"]]
    contributions = np.column_stack([table.family_sums, table.base])[good]
    return Results(columns, reasons, rows[good], contributions, features, records, known)


def _spread(empty: object, rows: npt.NDArray[np.intp], values: object, pupils: int) -> npt.NDArray[Any]:
    """Give one entry per pupil: the values at their rows, ``empty`` elsewhere."""
    column = np.full(pupils, empty)
    column[rows] = values
    return column
