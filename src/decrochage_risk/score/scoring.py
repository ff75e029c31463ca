"""Scoring: from records and a day to one result per pupil, nobody left out.

Here too: the checks of what ``score_pupils`` takes, and ``warm_up``, which takes the start-up cost of a first score in
advance.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import (
    DemoModelWarning,
    RecordsError,
    RecordsWarning,
    explain_error,
    refuse_other_kinds,
    warn_caller,
)
from decrochage_risk.explain import attribute, find_reasons
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.features.catalogue import PART_PUPILS, records_of_few
from decrochage_risk.features.event_windows import Facts, is_one_of
from decrochage_risk.model import (
    MINIMUM_DAYS,
    TrainedModel,
    days_of_data,
    values_with_context,
)
from decrochage_risk.model.snapshots import places_of
from decrochage_risk.model.trained_model import made_up_pupil
from decrochage_risk.model.unknown_flags import FLAG_TABLES, gap_flags, gaps_not_learnt, unknown_counts
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.records.encoded_tables import NO_DAY
from decrochage_risk.records.levels import LEVEL_NAMES, PATH_LEVELS
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.transmission import (
    SENT,
    WATCHED_TABLES,
    Transmission,
    UsualPace,
    check_gaps,
    find_silence,
    find_transmission,
    much_set_aside,
)
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.uncertainty import member_mean
from decrochage_risk.score.predictions import Predictions, policy_columns, predict
from decrochage_risk.score.risk_scores import RiskScores
from decrochage_risk.score.run_facts import (
    DEMO_NOTICE,
    NOT_LEARNT,
    NOT_READ,
    NOT_SENT,
    RunFacts,
    count_gap_causes,
    load_demo_model,
)
from decrochage_risk.score.scored_pupils import Results
from decrochage_risk.score.ways import (
    LEAST_NOT_RETURNED,
    NOT_RETURNED,
    SchoolReturns,
    WayFacts,
    ways_of,
)
from decrochage_risk.threads import progress_bar

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model.unknown_flags import UnknownCount
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.records.transmission import Silence


__all__ = [
    "Explain",
    "age_years",
    "chosen_pupils",
    "excluded_pupils",
    "refuse_other_inputs",
    "score_pupils",
    "unknown_exclude",
    "unknown_explain",
    "warm_up",
    "warn_of_demo",
]

Explain = Literal["flagged", "all", "none"]


def refuse_other_inputs(model: object, policy: object, *records: object) -> None:
    """Refuse other kinds of objects than a run takes, all of them at once."""
    refuse_other_kinds(
        {
            **({"records": (records[0], PupilRecords)} if records else {}),
            "model": (model, TrainedModel | None),
            "policy": (policy, Policy | None),
        },
        hint="records: PupilRecords(pupils=..., enrolments=...), PupilRecords.read(folder) or .from_json(payload); "
        "model: load_model(folder); policy: load_policy(...). Leave model and policy out for the bundled ones.",
    )


def excluded_pupils(known: KnownRecords, exclude: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which pupils are left out, because their family objected."""
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
    objectors = np.zeros(known.pupil_count, dtype=np.bool_)
    pupil_ids = list(exclude)
    if not pupil_ids:
        return objectors
    ids = pd.Index(pupil_ids, dtype="object")
    position = pd.Index(known.pupil_ids, dtype="object").get_indexer(ids)
    if (position < 0).any():
        warn_caller(unknown_exclude(ids[position < 0].tolist()))
    objectors[position[position >= 0]] = True
    return objectors


def chosen_pupils(
    explain: Explain | Collection[str], known: KnownRecords, columns: dict[str, Any]
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
        is_flagged: npt.NDArray[np.bool_] = columns["flagged"]
        return is_flagged if explain == "flagged" else np.full(known.pupil_count, explain == "all")
    pupil_ids = list(explain)
    unknown = [pupil for pupil in pupil_ids if pupil not in known.pupil_ids]
    if unknown:
        raise unknown_explain(unknown)
    return np.isin(columns["pupil_id"], np.array(pupil_ids, dtype=object))


def unknown_exclude(ids: Sequence[str]) -> RecordsWarning:
    """Word the warning for pupils to leave out whom the records do not hold."""
    return RecordsWarning(
        f"exclude names {len(ids)} pupil{'s' * (len(ids) > 1)} that the records do not hold, "
        f"for example {ids[0]!r}; check that these ids are written as in pupils."
    )


def unknown_explain(ids: Sequence[str]) -> RecordsError:
    """Word the error for pupils to explain whom the records do not hold."""
    return RecordsError(
        explain_error(
            f"explain names {len(ids)} unknown pupil{'s' * (len(ids) > 1)}: {french.join([repr(pupil) for pupil in ids[:5]])}",
            expected="ids of the pupils table",
            hint='Use explain="all" for everybody.',
        )
    )


REFUSED = "traitement refusé"
NOT_ENROLLED = "non inscrit à cette date"
SET_ASIDE = "non inscrit à cette date d'après les lignes gardées : d'autres, fautives, ont été mises de côté"
UNKNOWN_LEVEL = "niveau jamais vu par le modèle"
TOO_LITTLE = "moins de 3 semaines de données"
OUT_OF_RANGE = "hors du domaine d'apprentissage, avec beaucoup de valeurs jamais vues par le modèle"
NOT_ASKED = "motifs non demandés"
NO_RISK = "pas de score, donc pas de motif"
NOT_VERIFIED = "explication non vérifiée : les contributions ne redonnent pas le score"


_LEVELS = np.array([*LEVEL_NAMES, None], dtype=object)
NO_PATH = "modèle sans estimation sur le parcours"
NOT_A_PATH_LEVEL = "parcours estimé en 4e et en 3e seulement"
_RISK_COLUMNS = (
    *("risk", "risk_low", "risk_high"),
    *("comparable_pupils", "comparable_left", "comparable_share", "comparable_low", "comparable_high"),
)
_CAUSES = np.array(
    [None, OUT_OF_RANGE, TOO_LITTLE, UNKNOWN_LEVEL, NOT_ENROLLED, SET_ASIDE, REFUSED], dtype=object
)
"""By rising precedence: who is refused is nothing else."""


_STEPS = 4


def score_pupils(  # noqa: PLR0913 - the choices of a scoring, each with its default
    records: PupilRecords,
    *,
    as_of: object,
    model: TrainedModel | None = None,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Iterable[str] = (),
    gaps: Collection[str] = (),
    transmission: Transmission | None = None,
    progress: bool | Callable[..., None] = False,
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
    gaps : collection of {"absences", "grades"}
        Tables whose gaps are meant. Otherwise a pupil whose school did not send such a table, or stopped sending it, comes
        back with ``risk = None`` and that cause, unless ``coverage`` says which days it holds. A gap that is declared, here
        or there, is scored only where the training held at least 200 rows of pupils of whom the same was not known.
    transmission : Transmission, optional
        What each school of the whole extract sent, when these are some of its pupils only:
        ``find_transmission(records.known_on(as_of))`` of the whole, or merged. Found in these records when left out.
    progress : bool or callable
        True shows the steps on a bar; a callable is told each with a French line, how much is done and how much there is.

    Returns
    -------
    RiskScores
        As many results as pupils, in the order of ``records.pupils``. With a model of both horizons, pupils of 4e and 3e
        have the risk over three school years (``path_risk``) beside that of the year (``risk``); either may put them on
        the list, by its own threshold, and those whom the path puts there are explained by it. Whom no known fact, but only what is
        not known of them, would put there is not on it: ``to_complete`` says so. ``risk`` is missing, with the cause, for a
        pupil who is excluded, not enrolled that day, at a level the model never saw, with under 3 weeks of data, or
        outside the range of the training in many features.

    Raises
    ------
    AsOfError
        When ``as_of`` is not a date, or lies before every enrolment.
    CalendarError
        When the calendar does not hold the school year up to ``as_of``.
    RecordsError
        When ``records`` are not PupilRecords, ``exclude`` is no collection of ids, ``explain`` names unknown pupils, or
        ``gaps`` names other tables.

    Warns
    -----
    DemoModelWarning
        When the demonstration model is used.
    RecordsWarning
        When ``exclude`` names pupils that the records do not hold, when schools did not send a table, when a declared
        gap was too rare in the training, when much more is not known of these pupils than of those of the training, or when
        nobody is enrolled this year in a school where all pupils of last year would have left.

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
    refuse_other_inputs(model, policy, records)
    refuse_other_kinds(
        {"transmission": (transmission, Transmission | None)},
        hint="find_transmission(records.known_on(as_of)) of the whole.",
    )
    model, policy = _in_use(model, policy)
    with progress_bar(progress) as tell:
        tell("Ce qui était connu à la date", 0, _STEPS)
        cut = records.known_on(as_of)
        objectors = excluded_pupils(cut, exclude)
        return _scored((records, cut, objectors), model, policy, explain, gaps, transmission, tell)


def _scored(
    whom: tuple[PupilRecords, KnownRecords, npt.NDArray[np.bool_]],
    model: TrainedModel,
    policy: Policy,
    explain: Explain | Collection[str],
    gaps: Collection[str],
    transmission: Transmission | None,
    tell: Callable[..., None],
) -> RiskScores:
    """Score as :func:`score_pupils`, whose arguments these are: the records, what was known of them, who objected."""
    records, cut, objectors = whom
    tell("Indicateurs", 1, _STEPS)
    # Held for this function: features, ways and reasons ask the same of few pupils, and the memory of a region is spared.
    _facts = Facts.of(cut) if cut.pupil_count < PART_PUPILS else None
    # Nothing is computed, shown or suggested from the rows of a pupil whose family objected.
    features = values_with_context(cut)
    features[objectors, : len(FEATURE_BY_NAME)] = np.nan
    set_aside = np.where(objectors, 0, records.set_aside_on(cut.as_of))
    days = np.where(objectors, 0, days_of_data(cut))
    gap_tables = frozenset(check_gaps(gaps)) | cut.declared
    if transmission is None and not cut.vouched:
        transmission = find_transmission(cut)
    silence = _silence_of(cut, model, transmission)
    cause = _causes(
        cut,
        model,
        days,
        objectors=objectors,
        faulty=set_aside > 0,
        outside=_outside_training(model, features),
        not_sent=_not_sent_or_learnt(cut, model, features, frozenset(gaps), silence),
    )
    tell("Risques", 2, _STEPS)
    unknown = _unknown(model, cut, features, cause)
    predictions = predict(model, cut, features, cause)
    columns = _base_columns(cut, cause, days, set_aside, objectors)
    columns |= _risks(cut.pupil_count, model, predictions, _schools(cut, predictions.rows))
    path_cause = _path_causes(cut, model, features, cause, gap_tables)
    is_asked = model.path is not None and bool(_is_none(path_cause).any())
    on_path = predict(model.path, cut, features, path_cause) if model.path and is_asked else None
    # In the order of the declared schema: the files of parts have it too.
    columns |= _path_risks(cut, model.path, on_path)
    columns["path_cause"] = path_cause
    columns |= policy_columns(
        policy,
        cut,
        (columns["risk"], columns["path_risk"]),
        (model, model.path),
        (predictions, on_path),
    )
    ways = ways_of(cut, objectors, silence)
    columns |= ways.columns()
    columns["missing_features"] = np.isnan(features[:, : len(FEATURE_BY_NAME)]).sum(axis=1)
    columns["model_id"], columns["demo"] = model.model_id, model.demo
    run = _run_facts(RunFacts.of(model, policy, cut, records), columns, cause, unknown)
    for warning in (*run.warnings(), *_not_enrolling(cut, ways)):
        warn_caller(warning)
    tell("Motifs", 3, _STEPS)
    selection = chosen_pupils(explain, cut, columns)
    parts = _explained_parts(model, cut, columns, selection, predictions, on_path)
    table = _explained(columns, parts, cut.pupil_count)
    results = Results(columns, table.reasons, table.rows, table.contributions, features, records, cut, ways)
    return RiskScores(results, run, policy, model)


def warn_of_demo(model: TrainedModel) -> None:
    """Say that the demonstration model is one, to who called the function that calls a helper that calls this."""
    if model.demo:
        hint = "Hint: train_model(records, outcomes) trains a model on your own data."
        warn_caller(f"{DEMO_NOTICE} {hint}", DemoModelWarning)


def _in_use(model: TrainedModel | None, policy: Policy | None) -> tuple[TrainedModel, Policy]:
    """Fill in the bundled model and thresholds; the demonstration model says that it is one."""
    model = model or load_demo_model()
    warn_of_demo(model)
    return model, (policy or load_policy()).of_horizon(model.horizon_years)


def _not_sent_or_learnt(
    cut: KnownRecords,
    model: TrainedModel,
    features: npt.NDArray[np.float64],
    gaps: frozenset[str],
    silence: Silence,
) -> npt.NDArray[np.object_]:
    """Causes that lie with the extract, None elsewhere: a table that a school did not send, a declared gap that was not learnt."""
    watched = _watched_tables(model)
    causes = _not_sent(silence.of(watched.difference(gaps)), cut)
    # Told before what follows from it, as a table that was not sent is.
    for others in (_unread(cut, watched), _gap_causes(model, features, gaps | cut.declared)):
        causes = np.where(_is_none(causes), others, causes)
    return causes


def _silence_of(cut: KnownRecords, model: TrainedModel, transmission: Transmission | None) -> Silence:
    """Whose tables were not sent, at the pace of the training: those that the model leans on, and those of which facts are told."""
    pace = {table: UsualPace(**pace) for table, pace in model.trained_on.get("transmission", {}).items()}
    return find_silence(cut, tables=WATCHED_TABLES, transmission=transmission, pace=pace)


def _unread(cut: KnownRecords, tables: Collection[str]) -> npt.NDArray[np.object_]:
    """Cause of each pupil of whom much of a table was set aside, None for the others."""
    causes = np.full(cut.pupil_count, None, dtype=object)
    lacks = much_set_aside(cut, tables)
    if not lacks:
        return causes
    words = np.array([*map(_TABLE_WORDS.get, lacks)], dtype=object)
    for pupil in np.flatnonzero(np.logical_or.reduce([*lacks.values()])):
        whose = [word for word, lack in zip(words, lacks.values(), strict=True) if lack[pupil]]
        causes[pupil] = f"{french.join(whose)} : {NOT_READ}"
    return causes


def _run_facts(
    run: RunFacts,
    columns: Mapping[str, npt.NDArray[Any]],
    cause: npt.NDArray[np.object_],
    unknown: dict[str, UnknownCount],
) -> RunFacts:
    """Add what was counted among these pupils."""
    counts = {
        **count_gap_causes(cause.tolist()),
        "to_complete": int(columns["to_complete"].sum()),
        "unknown": unknown,
    }
    return run.model_copy(update=counts)


def _explained_parts(
    model: TrainedModel,
    cut: KnownRecords,
    columns: Mapping[str, npt.NDArray[Any]],
    selection: npt.NDArray[np.bool_],
    predictions: Predictions,
    on_path: Predictions | None,
) -> list[_ExplainedPart]:
    """Explain the pupils who were chosen: whoever is on the list for the path is told the facts of the path."""
    by_path = selection & columns["path_flagged"]
    parts = [_explained_part(model, predictions.take(selection & ~by_path), cut)]
    if model.path is not None and on_path is not None and by_path.any():
        parts.append(_explained_part(model.path, on_path.take(by_path), cut))
    return parts


def _causes(
    cut: KnownRecords,
    model: TrainedModel,
    days: npt.NDArray[np.int64],
    *,
    objectors: npt.NDArray[np.bool_],
    faulty: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    not_sent: npt.NDArray[np.object_],
) -> npt.NDArray[np.object_]:
    """Why a pupil is not scored, None for those who are."""
    absent = ~cut.enrolled
    has_level = is_one_of(frozenset(model.levels))
    cause = np.zeros(cut.pupil_count, dtype=np.int8)
    # Rising precedence, as a later line overrides the earlier ones: an objection comes before all.
    rising = (outside, days < MINIMUM_DAYS, ~has_level[cut.level], absent, absent & faulty, objectors)
    for code, holds in enumerate(rising, start=1):
        cause[holds] = code
    causes: npt.NDArray[np.object_] = _CAUSES[cause]
    # What a school did not send explains better than its consequences, too few days or values never seen.
    return np.where(~_is_none(not_sent) & (cause < _LEVEL_NEVER_SEEN), not_sent, causes)


def _is_none(cells: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    empty: npt.NDArray[np.bool_] = cells == None  # noqa: E711 - cell by cell
    return empty


_LEVEL_NEVER_SEEN = 3


@cache
def _tables_of(columns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(FEATURE_BY_NAME[name].table for name in columns if name in FEATURE_BY_NAME)


def _watched_tables(model: TrainedModel) -> frozenset[str]:
    """Tables that the model leans on, over either horizon."""
    return frozenset().union(*(_tables_of(one.risk_model.columns) for one in model.horizons.values()))


_TABLE_WORDS = {"absences": "absences", "grades": "notes"}


def _not_sent(silence: Silence, cut: KnownRecords) -> npt.NDArray[np.object_]:
    """Cause of each pupil of whom tables were not sent, None for the others."""
    causes = np.full(cut.pupil_count, None, dtype=object)
    if not silence.last_days:
        return causes
    # Few schools, few days: each combination is worded once.
    lacks = np.column_stack(list(silence.last_days.values()))
    whose = np.flatnonzero((lacks != SENT).any(axis=1))
    if not whose.size:
        return causes
    combinations, place = np.unique(lacks[whose], axis=0, return_inverse=True)
    whom = "cet élève" if cut.vouched else "cet établissement"
    texts = [
        _silence_text(dict(zip(silence.last_days, row, strict=True)), whom) for row in combinations.tolist()
    ]
    causes[whose] = np.array([*texts, None], dtype=object)[place.reshape(-1)]
    return causes


def _silence_text(last_days: dict[str, int], whom: str = "cet établissement") -> str:
    """Word what was not sent.

    Examples
    --------
    >>> _silence_text({"absences": 20056, "grades": SENT})
    'absences non transmises depuis le 30 novembre 2024 pour cet établissement'
    """
    phrases: dict[str, list[str]] = {}
    for table, last in last_days.items():
        if last != SENT:
            first = date.fromordinal(max(last, 0) + 1 + date(1970, 1, 1).toordinal())
            since = "" if last == NO_DAY else f" depuis le {french.day(first, with_year=True)}"
            phrases.setdefault(since, []).append(_TABLE_WORDS[table])
    sentences = [f"{french.join(tables)} {NOT_SENT}{since}" for since, tables in phrases.items()]
    return f"{french.join(sentences)} pour {whom}"


def _gap_causes(
    model: TrainedModel, features: npt.NDArray[np.float64], tables: Collection[str]
) -> npt.NDArray[np.object_]:
    """Cause of each pupil with a declared gap that the training hardly held, None for the others."""
    causes = np.full(len(features), None, dtype=object)
    if not tables:
        return causes
    flags = gap_flags(model, features, tables)
    not_learnt = gaps_not_learnt(model, features, flags)
    # Told of each pupil: a declared gap of which rows came all the same is none.
    for row in np.flatnonzero(not_learnt).tolist():
        words = [_TABLE_WORDS[FLAG_TABLES[name]] for name, is_set in flags.items() if is_set[row]]
        causes[row] = f"{french.join(words)} non connues : {NOT_LEARNT}"
    return causes


def _unknown(
    model: TrainedModel, cut: KnownRecords, features: npt.NDArray[np.float64], cause: npt.NDArray[np.object_]
) -> dict[str, UnknownCount]:
    """Hold what is known of the pupils to score against what was known of those of the training, before they are scored."""
    rows = np.flatnonzero(_is_none(cause))
    return unknown_counts(model, features[rows], model.groups_of_levels(cut.level[rows], cut.as_of))


def _outside_training(model: TrainedModel, features: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    training_range = model.risk_model.training_range
    if training_range is None:
        return np.zeros(len(features), dtype=np.bool_)
    return training_range.outside_values(features[:, places_of(training_range.columns)])


def _base_columns(
    cut: KnownRecords,
    cause: npt.NDArray[np.object_],
    days: npt.NDArray[np.int64],
    set_aside: npt.NDArray[np.int64],
    objectors: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    age = age_years(cut.arrays.birth_day, cut.as_of)
    # Nothing is computed of a pupil whose family objected.
    age[objectors] = np.nan
    return {
        "pupil_id": np.array(cut.arrays.pupils.words, dtype=object),
        "as_of": cut.as_of,
        "school_year": cut.school_year,
        "level": _LEVELS[cut.level],
        "enrolled": cut.enrolled,
        "cause": cause,
        "days_of_data": days,
        "set_aside": set_aside,
        "age_years": age,
    }


def age_years(born: npt.NDArray[np.int32], as_of: date) -> npt.NDArray[np.float64]:
    """Completed years on the as-of date, NaN without a birth date."""
    days = born.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    # Days of a month count from 0 here, those of a date from 1.
    to_come = (days - months).astype(np.int64) >= as_of.day
    age_months = (np.datetime64(as_of, "M") - months).astype(np.int64) - to_come
    return np.where(born == NO_DAY, np.nan, age_months // 12)


def _schools(cut: KnownRecords, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """School of some pupils, where they are or were last."""
    # From the codes: a frame of the enrolments would cost one pupil more than the whole score.
    return np.array(cut.school_ids, dtype=object)[cut.school[rows]]


def _not_enrolling(cut: KnownRecords, ways: WayFacts) -> list[RecordsWarning]:
    """Word the warning of schools that seem to have emptied."""
    # A few pupils say nothing of a school, and one alone would pay for the count.
    if np.count_nonzero(ways.departure == NOT_RETURNED) < LEAST_NOT_RETURNED:
        return []
    schools = _schools(cut, np.arange(cut.pupil_count))
    return SchoolReturns.of(schools, cut.enrolled, ways.departure).warnings()


def _risks(
    pupils: int, model: TrainedModel, predictions: Predictions, schools: npt.NDArray[np.object_]
) -> dict[str, npt.NDArray[np.float64]]:
    """Risk, interval and comparable pupils, NaN for pupils without a score."""
    risk_model = model.risk_model
    risk, low, high = risk_model.risk_and_interval(predictions.filled, predictions.members, schools)
    alike = risk_model.comparable_to(risk, schools)
    table = np.full((pupils, len(_RISK_COLUMNS)), np.nan)
    table[predictions.rows] = np.column_stack([risk, low, high, alike])
    return dict(zip(_RISK_COLUMNS, np.ascontiguousarray(table.T), strict=True))


def _path_causes(
    known: KnownRecords,
    model: TrainedModel,
    features: npt.NDArray[np.float64],
    cause: npt.NDArray[np.object_],
    gap_tables: Collection[str],
) -> npt.NDArray[np.object_]:
    """Why there is no risk over three years, None for those who have one: no other pupil than those with one of a year."""
    of_path = is_one_of(frozenset(PATH_LEVELS))[known.level]
    why = np.full(known.pupil_count, None, dtype=object)
    if model.path is None:
        why[:] = NO_PATH
    elif of_path.any():
        why[_outside_training(model.path, features)] = OUT_OF_RANGE
        why[~is_one_of(frozenset(model.path.levels))[known.level]] = UNKNOWN_LEVEL
    why[~of_path] = NOT_A_PATH_LEVEL
    if model.path is not None and of_path.any():
        is_open = _is_none(why)
        why[is_open] = _gap_causes(model.path, features, gap_tables)[is_open]
    own = ~_is_none(cause)
    why[own] = cause[own]
    return why


def _path_risks(
    known: KnownRecords, path: TrainedModel | None, on_path: Predictions | None
) -> dict[str, npt.NDArray[np.float64]]:
    """Risk over three years, its interval and comparable pupils, NaN for pupils without."""
    if path is None or on_path is None or not on_path.rows.size:
        empty = np.full((len(_RISK_COLUMNS), known.pupil_count), np.nan)
        return {f"path_{name}": column for name, column in zip(_RISK_COLUMNS, empty, strict=True)}
    risks = _risks(known.pupil_count, path, on_path, _schools(known, on_path.rows))
    return {f"path_{name}": column for name, column in risks.items()}


@dataclass(frozen=True)
class _ExplainedPart:
    """Explanation of the pupils of one horizon: those asked for, and of them the ones that add up."""

    horizon_years: int
    rows: npt.NDArray[np.intp]
    good: npt.NDArray[np.bool_]
    reference_risk: npt.NDArray[np.float64]
    other_points: npt.NDArray[np.float64]
    reasons: dict[str, npt.NDArray[Any]]
    contributions: npt.NDArray[np.float64]


def _explained_part(model: TrainedModel, scored: Predictions, known: KnownRecords) -> _ExplainedPart:
    """Explain the risk that one model gave to some pupils."""
    medians = model.risk_model.references
    attribution = attribute(
        model.risk_model,
        scored.filled,
        medians.references_of(scored.filled, scored.groups),
        member_mean(scored.members),
        general=medians.general_of(scored.filled, scored.groups),
    )
    records, pupils = records_of_few(known, scored.rows)
    table = find_reasons(attribution, scored.known, records, pupils=pupils)
    good = attribution.additive
    of_good = good[table.columns["row"]]
    reasons = {name: column[of_good] for name, column in table.columns.items()}
    reasons["row"] = scored.rows[reasons["row"]]
    return _ExplainedPart(
        horizon_years=model.horizon_years,
        rows=scored.rows,
        good=good,
        reference_risk=probability(attribution.base[good]),
        other_points=table.other_points[good],
        reasons=reasons,
        contributions=np.column_stack([table.family_sums, table.base])[good],
    )


@dataclass(frozen=True)
class _Explained:
    """Reasons of some pupils, their positions, and their calibrated log-odds per family."""

    reasons: dict[str, npt.NDArray[Any]]
    rows: npt.NDArray[np.intp]
    contributions: npt.NDArray[np.float64]


def _explained(columns: dict[str, Any], parts: list[_ExplainedPart], pupils: int) -> _Explained:
    """Add the explanations to the columns; a pupil whose contributions do not add up has none, and says why."""
    rows = np.concatenate([part.rows[part.good] for part in parts])
    rows_not_verified = np.concatenate([part.rows[~part.good] for part in parts])
    columns["explained"] = np.zeros(pupils, dtype=np.bool_)
    columns["explained"][rows] = True
    horizon = np.concatenate([np.full(part.good.sum(), float(part.horizon_years)) for part in parts])
    columns["explained_horizon_years"] = _spread(np.nan, rows, horizon, pupils)
    # From the most general cause to the most particular: each line overrides those before it.
    columns["explanation_cause"] = _spread(NOT_ASKED, rows_not_verified, NOT_VERIFIED, pupils)
    columns["explanation_cause"][rows] = None
    # Last: who has no risk was not left unexplained by choice.
    columns["explanation_cause"][np.isnan(columns["risk"])] = NO_RISK
    for name in ("reference_risk", "other_points"):
        columns[name] = _spread(np.nan, rows, np.concatenate([getattr(part, name) for part in parts]), pupils)
    if len(parts) == 1:
        # Of one part all stands in the order of the pupils already.
        return _Explained(parts[0].reasons, rows, parts[0].contributions)
    reasons = {
        name: np.concatenate(
            [part.reasons[name] for part in parts if len(part.rows)] or [parts[0].reasons[name]]
        )
        for name in parts[0].reasons
    }
    # Stable: the order of the reasons of one pupil is the order in which they are told.
    by_pupil = np.argsort(reasons["row"], kind="stable")
    in_order = np.argsort(rows, kind="stable")
    return _Explained(
        {name: column[by_pupil] for name, column in reasons.items()},
        rows[in_order],
        np.concatenate([part.contributions for part in parts])[in_order],
    )


def _spread(empty: object, rows: npt.NDArray[np.intp], values: object, pupils: int) -> npt.NDArray[Any]:
    """Give one entry per pupil: the values at their rows, ``empty`` elsewhere."""
    column = np.full(pupils, empty, dtype=object if isinstance(empty, str) else None)
    column[rows] = values
    return column


def warm_up(model: TrainedModel | None = None) -> None:
    """Take the start-up cost of a first score before the first call: libraries, compiled code, trees, words, policy.

    A made-up pupil with every table is scored, from JSON to JSON, explained.

    Parameters
    ----------
    model : TrainedModel, optional
        Whose trees are to be read; it warms up without the warning of a demonstration model. The bundled one when left
        out.

    Examples
    --------
    >>> warm_up()
    """
    model = load_demo_model() if model is None else model
    as_of, pupil = made_up_pupil(model.levels[0])
    records = PupilRecords.from_json([pupil])
    # The warning of a demonstration model is for who scores, not for who warms up.
    score_pupils(records, as_of=as_of, model=replace(model, demo=False), explain="all").to_json()
    for one in model.horizons.values():
        # The made-up pupil is of one level, and may be asked nothing of the path.
        nobody = np.zeros((1, len(one.risk_model.booster_columns)))
        _ = attribute(one.risk_model, nobody, nobody)
    _ = model.model_id
