"""Scoring: from records and a day to one result per pupil, nobody left out."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import DemoModelWarning, RecordsError, RecordsWarning, explain_error
from decrochage_risk.explain import attribute, find_reasons
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model import MINIMUM_DAYS, TrainedModel, days_of_data, matrix_with_context
from decrochage_risk.model.calibration import probability
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.score.demo_model import DEMO_NOTICE, load_demo_model
from decrochage_risk.score.risk_scores import RiskScores, RunFacts

if TYPE_CHECKING:
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

__all__ = ["score_pupils"]

Explain = Literal["flagged", "all", "none"]

REFUSED = "traitement refusé"
NOT_ENROLLED = "non inscrit à cette date"
SET_ASIDE = "non inscrit à cette date d'après les lignes gardées : d'autres, fautives, ont été mises de côté"
UNKNOWN_LEVEL = "niveau jamais vu par le modèle"
TOO_LITTLE = "moins de 3 semaines de données"
OUT_OF_RANGE = "hors du domaine d'apprentissage : beaucoup de valeurs jamais vues par le modèle"
NOT_VERIFIED = "explication non vérifiée : les contributions ne redonnent pas le score"


@dataclass(frozen=True)
class _Scored:
    """Pupils that have a risk: their positions, what the boosters saw, and their references."""

    rows: npt.NDArray[np.intp]
    known: npt.NDArray[np.float64]
    filled: npt.NDArray[np.float64]
    references: npt.NDArray[np.float64]


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
    _check_inputs(records, model, policy)
    model, policy = model or load_demo_model(), policy or load_policy()
    if model.demo:
        hint = "Hint: train_model(records, outcomes) trains a model on your own data."
        warnings.warn(f"{DEMO_NOTICE} {hint}", DemoModelWarning, stacklevel=2)
    known = records.known_on(as_of)
    refused = _excluded(known, exclude)
    # Nothing is computed, shown or suggested from the rows of a pupil whose family objected.
    features = matrix_with_context(known)
    features.loc[refused, list(FEATURE_BY_NAME)] = np.nan
    level = np.array([*LEVEL_NAMES, None], dtype=object)[known.level]
    days = days_of_data(known)
    cause = _causes(known, model, level, days, refused=refused, faulty=records.set_aside.to_numpy() > 0)
    outside = pd.isna(cause) & model.risk_model.outside_training(features)
    cause[outside] = OUT_OF_RANGE
    scored = _fill(model, known, features, level, cause)
    frame = _base_frame(records, known, level, cause, days)
    frame = _with_risks(frame, model, scored)
    frame = _with_policy(frame, policy)
    frame["missing_features"] = features[list(FEATURE_BY_NAME)].isna().sum(axis=1).to_numpy()
    frame["model_id"], frame["demo"] = model.model_id, model.demo
    chosen = _chosen(explain, known, frame)[scored.rows]
    run = RunFacts.of(model, policy, known, records)
    return _explained(frame, features, scored, chosen, known, model, run, policy)


_HOW_TO_PASS = {
    "records": "PupilRecords(pupils=..., enrolments=...), PupilRecords.read(folder) or .from_json(payload).",
    "model": "model=load_model(folder), or leave it out for the demonstration model.",
    "policy": "policy=load_policy(...), or leave it out for the bundled one.",
}


def _check_inputs(records: object, model: object, policy: object) -> None:
    """Refuse other kinds of objects, all of them at once."""
    wrong = {
        name: f"{name} is a {type(came).__name__}, not {kind.__name__}"
        for name, came, kind, optional in (
            ("records", records, PupilRecords, False),
            ("model", model, TrainedModel, True),
            ("policy", policy, Policy, True),
        )
        if not (isinstance(came, kind) or (optional and came is None))
    }
    if wrong:
        raise RecordsError(
            explain_error(
                "; ".join(wrong.values()),
                expected="score_pupils(PupilRecords, as_of=..., model=TrainedModel, policy=Policy)",
                hint=" ".join(_HOW_TO_PASS[name] for name in wrong),
            )
        )


def _excluded(known: KnownRecords, exclude: Iterable[str]) -> npt.NDArray[np.bool_]:
    if isinstance(exclude, str):
        exclude = (exclude,)
    if not isinstance(exclude, Iterable):
        raise RecordsError(
            explain_error(
                f"exclude={exclude!r}",
                expected="ids of pupils, of those whose family objected",
                hint='For one pupil: exclude=["a1"]; for nobody, leave exclude out.',
            )
        )
    ids = pd.Index(list(exclude), dtype="object")
    position = pd.Index(known.pupil_ids, dtype="object").get_indexer(ids)
    if (position < 0).any():
        warnings.warn(
            f"exclude names {int((position < 0).sum())} pupils that the records do not hold, "
            f"for example {ids[position < 0][0]!r}; check that these ids are written as in pupils.",
            RecordsWarning,
            stacklevel=3,
        )
    refused = np.zeros(known.pupil_count, dtype=np.bool_)
    refused[position[position >= 0]] = True
    return refused


def _causes(
    known: KnownRecords,
    model: TrainedModel,
    level: npt.NDArray[np.object_],
    days: npt.NDArray[np.int64],
    *,
    refused: npt.NDArray[np.bool_],
    faulty: npt.NDArray[np.bool_],
) -> npt.NDArray[np.object_]:
    """Why a pupil is not scored, None for those who are."""
    absent = ~known.enrolled
    return np.select(
        [refused, absent & faulty, absent, ~np.isin(level, model.levels), days < MINIMUM_DAYS],
        [REFUSED, SET_ASIDE, NOT_ENROLLED, UNKNOWN_LEVEL, TOO_LITTLE],
        np.array(None, dtype=object),
    )


def _fill(
    model: TrainedModel,
    known: KnownRecords,
    features: pd.DataFrame,
    level: npt.NDArray[np.object_],
    cause: npt.NDArray[np.object_],
) -> _Scored:
    rows = np.flatnonzero(pd.isna(cause))
    columns = list(model.risk_model.columns)
    values = np.ascontiguousarray(features[columns].to_numpy(dtype=np.float64)[rows])
    groups = model.reference_groups(level[rows], known.as_of)
    filled = model.risk_model.filled(values, groups)
    return _Scored(rows, values, filled, model.risk_model.reference_rows(values, groups))


def _base_frame(
    records: PupilRecords,
    known: KnownRecords,
    level: npt.NDArray[np.object_],
    cause: npt.NDArray[np.object_],
    days: npt.NDArray[np.int64],
) -> pd.DataFrame:
    row = known.current_enrolment_row
    current = {
        name: _or_none(row >= 0, records.enrolments[name].astype(object).to_numpy()[np.maximum(row, 0)])
        for name in ("school_id", "class_id", "network_id")
    }
    return pd.DataFrame(
        {
            "pupil_id": np.asarray(known.pupil_ids, dtype=object),
            "as_of": pd.Timestamp(known.as_of),
            "school_year": known.school_year,
            **current,
            "level": level,
            "cause": cause,
            "days_of_data": days,
            "set_aside": records.set_aside.to_numpy(),
            "age_years": _age_years(records.pupils["birth_date"], known.as_of).to_numpy(),
        }
    )


def _or_none(keep: npt.NDArray[np.bool_], values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    kept = values.copy()
    kept[~keep] = None
    return kept


def _age_years(born: pd.Series, as_of: date) -> pd.Series:
    """Completed years on the as-of date, NaN without a birth date."""
    to_come = born.dt.month * 100 + born.dt.day > as_of.month * 100 + as_of.day
    years: pd.Series = as_of.year - born.dt.year - to_come
    return years.astype(np.float64)


def _with_risks(frame: pd.DataFrame, model: TrainedModel, scored: _Scored) -> pd.DataFrame:
    risk_model = model.risk_model
    risk = risk_model.risk(scored.filled)
    low, high = risk_model.interval(scored.filled)
    alike = risk_model.comparable.lookup(risk).rename(
        columns={"n": "comparable_pupils", "left": "comparable_left", "share": "comparable_share",
                 "low": "comparable_low", "high": "comparable_high"}
    )  # fmt: skip
    own = pd.DataFrame({"risk": risk, "risk_low": low, "risk_high": high})
    found = pd.concat([own, alike.astype(np.float64)], axis=1).set_axis(scored.rows, axis=0)
    return pd.concat([frame, found.reindex(frame.index)], axis=1)


def _with_policy(frame: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    assessment = policy.assess(frame["level"].to_numpy(dtype=object), frame["risk"].to_numpy())
    return frame.assign(
        tier=assessment.tier,
        flagged=assessment.flagged,
        flag_rule=_or_none(assessment.tier > 0, assessment.rule),
        reinforced=assessment.reinforced,
    )


def _chosen(
    explain: Explain | Collection[str], known: KnownRecords, frame: pd.DataFrame
) -> npt.NDArray[np.bool_]:
    """Which pupils to explain."""
    is_word = isinstance(explain, str)
    if (is_word and explain not in {"flagged", "all", "none"}) or not isinstance(explain, Collection):
        raise RecordsError(
            explain_error(
                f"explain={explain!r}",
                expected='"flagged", "all", "none" or a collection of pupil ids',
                hint=f"For one pupil: explain=[{explain if is_word else 'a1'!r}].",
            )
        )
    if isinstance(explain, str):
        return frame["flagged"].to_numpy() if explain == "flagged" else np.full(len(frame), explain == "all")
    asked = list(explain)
    unknown = [pupil for pupil in asked if pupil not in known.pupil_ids]
    if unknown:
        raise RecordsError(
            explain_error(
                f"explain names {len(unknown)} unknown pupils: {french.join([repr(pupil) for pupil in unknown[:5]])}",
                expected="ids of the pupils table",
                hint='Use explain="all" for everybody.',
            )
        )
    return frame["pupil_id"].isin(asked).to_numpy()


def _explained(
    frame: pd.DataFrame,
    features: pd.DataFrame,
    scored: _Scored,
    chosen: npt.NDArray[np.bool_],
    known: KnownRecords,
    model: TrainedModel,
    run: RunFacts,
    policy: Policy,
) -> RiskScores:
    rows = scored.rows[chosen]
    attribution = attribute(model.risk_model, scored.filled[chosen], scored.references[chosen])
    table = find_reasons(attribution, scored.known[chosen], known)
    good = attribution.additive
    reasons = table.reasons[good[table.reasons["row"].to_numpy(dtype=np.intp)]].copy()
    reasons.insert(
        0, "pupil_id", frame["pupil_id"].to_numpy()[rows[reasons.pop("row").to_numpy(dtype=np.intp)]]
    )
    frame["explained"] = False
    frame.loc[rows[good], "explained"] = True
    frame["explanation_cause"] = pd.Series(None, index=frame.index, dtype=object)
    frame.loc[rows[~good], "explanation_cause"] = NOT_VERIFIED
    frame["reference_risk"] = np.nan
    frame.loc[rows[good], "reference_risk"] = probability(attribution.base[good])
    frame["other_points"] = np.nan
    frame.loc[rows[good], "other_points"] = table.other_points[good]
    families = [*(family.code for family in FAMILIES), "base"]
    index = pd.Index(frame["pupil_id"], name="pupil_id")
    contributions = pd.DataFrame(np.nan, index=index, columns=families)
    contributions.iloc[rows[good]] = table.families[families].to_numpy()[good]
    return RiskScores(frame, reasons.reset_index(drop=True), contributions, features, run, policy)
