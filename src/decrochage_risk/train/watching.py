"""What each table tells of the outcome, against what it told in training: where a change of meaning is to be looked for.

A slope of all risks hides it when absences come to tell less while marks tell as much. So the outcome is fitted on the
announced log-odds, taken as they are, and once more on the part of them that comes from one table: its coefficient is 0
while the table tells what it told, -0.5 where it tells half as much. (Steyerberg et al., Validation and updating of
predictive logistic regression models, Statistics in Medicine 23, 2004, 2567-2586, of single predictors.)

The checks of the drift watch that read matured labels: level and slope of the calibration, and what each table tells.

The watch between two trainings: whether pupils, records and outcomes are still those that the model knows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error, refuse_other_kinds
from decrochage_risk.evaluate import calibration_slope_intercept
from decrochage_risk.evaluate.baselines import fit_logistic
from decrochage_risk.evaluate.drift import ALPHA, DriftReport, DriftSign, UnitDrift, worst
from decrochage_risk.evaluate.rows import sorted_codes
from decrochage_risk.explain import attribute
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.french import join, school_year
from decrochage_risk.model import (
    MINIMUM_DAYS,
    SCORE,
    TrainedModel,
    days_of_data,
    matrix_with_context,
    score_rows,
    take_snapshots,
)
from decrochage_risk.model.scored_rows import mature_dates
from decrochage_risk.model.updating import refuse_training_years, updated_years
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.risk import fit_offset
from decrochage_risk.risk.fitting import refuse_seed
from decrochage_risk.school_year import school_year_of, to_date, to_dates
from decrochage_risk.small_cells import PUBLISHED, hidden_counts
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.drift_signs import (
    TABLES,
    alike_extent,
    bounded_sign,
    comparable_columns,
    current_columns,
    knowledge_sign,
    missing_table_signs,
    not_measured,
    shift_signs,
    two_sample_sign,
    uncompared_sign,
    within_extent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.model import FeatureDistributions
    from decrochage_risk.model.scored_rows import ScoredRows

    Floats = npt.NDArray[np.float64]


__all__ = [
    "calibration_signs",
    "judged_tables",
    "table_signs",
    "told_by_table",
    "training_error",
    "watch_drift",
]

LEAST_SPREAD: Final = 0.25
"""Standard deviation of a table's part of the log-odds under which the labels of a year cannot judge it."""
WATCH: Final = (0.75, 1.33)
STOP: Final = (0.5, 2.0)
"""A table is to be watched where it tells a quarter less or a third more than it did, beyond chance; its risks are not to
be used before a look where the whole interval lies beyond half or twice."""


def told_by_table(model: TrainedModel, scored: ScoredRows) -> dict[str, Floats]:
    """Sum the contributions of each row, in calibrated log-odds, by the table that their features come from."""
    features, groups, risk_model = scored.snapshots.features, scored.groups, model.risk_model
    attribution = attribute(
        risk_model, risk_model.filled(features, groups), risk_model.reference_rows(features, groups)
    )
    parts: dict[str, Floats] = {}
    for column, values in zip(attribution.columns, attribution.contributions.T, strict=True):
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
    signs = []
    for table, part in parts.items():
        # Centred, so that the level takes nothing of what the table tells.
        fit = fit_logistic([ones, part - part.mean()], outcome, offset=log_odds, clusters=codes)
        if fit is not None:
            figure = 1.0 + float(fit.coefficients[1]), reach * float(np.sqrt(fit.covariance[1, 1]))
            label = TABLES.get(table, table)
            words = f"{label} : lien avec l'issue (1 : comme à l'apprentissage)"
            signs.append(
                bounded_sign("relation", f"lien de l'issue, {label}", words, figure, 1.0, WATCH, STOP)
            )
    return signs


LEVEL_WATCH: Final = 0.10
LEVEL_STOP: Final = 0.25
SLOPE_WATCH: Final = (0.9, 1.1)
SLOPE_STOP: Final = (0.75, 1.33)
"""Calibration: to watch when the figure lies beyond the bounds that a model must meet when it is trained and its interval
excludes what is expected; to stop when the whole interval lies beyond those at which it is not used (the bounds are the
gates' of :mod:`decrochage_risk.evaluate.gates`)."""
LEAST_LABELS: Final = 300
_NORMAL_975: Final = 1.959963984540054


def calibration_signs(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any,  # noqa: ANN401 - any table
    labels_as_of: Iterable[object],
    labels_known_on: object,
) -> list[DriftSign]:
    """Hold the risks against matured labels: the level, the slope, and what each table tells.

    Each interval counts the error of the training too (:func:`training_error`), and the chance of a false alarm
    (:data:`~decrochage_risk.evaluate.drift.ALPHA`) is divided among all of them (Bonferroni). A level that an update has
    moved to these outcomes is not judged on them.
    """
    label_days = to_dates(labels_as_of, "labels_as_of")
    if not label_days:
        return [not_measured("calibration", "niveau moyen", "aucune issue close n'a été donnée")]
    month, last = model.trained_on["outcome_closes"]
    horizon = model.horizon_years
    if labels_known_on is None:
        raise ModelError(
            explain_error(
                "labels_as_of came without labels_known_on",
                expected="the day on which the outcomes were extracted, beside the as-of dates of the labels",
                hint="Give it too (--labels-known-on), or leave labels_as_of out.",
            )
        )
    dates, _ = mature_dates(label_days, labels_known_on, (month, last), horizon)
    refuse_training_years(model, dates)
    table = outcomes_for(records, outcomes)
    snapshots = take_snapshots(records, table, dates, closes=(month, last), horizon_years=horizon)
    scored_rows = score_rows(model, snapshots)
    left = scored_rows.snapshots.rows[["pupil_id"]].assign(left=scored_rows.snapshots.outcome)
    people = left.groupby("pupil_id")["left"].max()
    if len(people) < LEAST_LABELS or not 0 < people.mean() < 1:
        why = f"moins de {LEAST_LABELS} issues closes, ou une seule issue"
        return [not_measured("calibration", "niveau moyen", why)]
    updated_before = sorted({school_year_of(day) for day in dates} & updated_years(model))
    return _judged(model, scored_rows, training_error(model, float(people.sum())), updated_before)


def _judged(
    model: TrainedModel, scored: ScoredRows, own_error: float, moved: Sequence[int] = ()
) -> list[DriftSign]:
    """Judge level, slope and tables, each with its share of the chance of a false alarm."""
    from scipy.stats import norm  # noqa: PLC0415  # heavy: loaded on first use

    parts = judged_tables(told_by_table(model, scored))
    reach = float(norm.isf(ALPHA / (2 * (2 + len(parts))))) * own_error
    outcome, pupils = scored.snapshots.outcome, scored.snapshots.rows["pupil_id"].to_numpy()
    odds = scored.log_odds
    # level and slope are judged in any case, hence the 2 beside the tables in `reach`
    signs = [_level_sign(model, scored, odds, reach, moved)]
    line = calibration_slope_intercept(outcome, odds, pupils=pupils)
    if line.slope is not None and line.slope_low is not None and line.slope_high is not None:
        half = reach * (line.slope_high - line.slope_low) / (2.0 * _NORMAL_975)
        reading = (line.slope, half), 1.0, SLOPE_WATCH, SLOPE_STOP
        signs.append(bounded_sign("slope", "pente", "pente de calibration", *reading))
    return [*signs, *table_signs(outcome, odds, parts, pupils, reach=reach)]


def _level_sign(
    model: TrainedModel, scored: ScoredRows, odds: Floats, reach: float, moved: Sequence[int]
) -> DriftSign:
    """Judge the level, unless an update has moved it to these very outcomes: it would then be right by itself."""
    if moved:
        years = join([school_year(year) for year in moved])
        why = f"le niveau du modèle a été mis à jour sur les issues de {years}"
        return not_measured("calibration", "niveau moyen", why)
    outcome, pupils = scored.snapshots.outcome, scored.snapshots.rows["pupil_id"].to_numpy()
    offset, error = fit_offset(odds, outcome, pupils)
    bounds = (-LEVEL_WATCH, LEVEL_WATCH), (-LEVEL_STOP, LEVEL_STOP)
    words = f"niveau moyen de calibration{_other_extent(model, scored)}"
    return bounded_sign("calibration", "niveau moyen", words, (offset, reach * error), 0.0, *bounds)


def _other_extent(model: TrainedModel, scored: ScoredRows) -> str:
    """Say when these pupils' records go back otherwise than those of the training: that alone moves the level."""
    reference = model.distributions
    if reference is None:
        return ""
    has_reference = np.isin(scored.groups, list(reference.counts))
    features = scored.snapshots.features[has_reference].reset_index(drop=True)
    if not has_reference.any() or alike_extent(reference, features, scored.groups[has_reference]):
        return ""
    return " (historique d'une autre étendue qu'à l'apprentissage, qui à lui seul le déplace)"


def training_error(model: TrainedModel, leavers: float) -> float:
    """Give the factor by which the training's own error widens that of the labels.

    A level learnt from k times the leavers has an error of its own, of a k-th of the variance: without a change, the two
    years differ by both. A leaver of the training has a row per as-of date of a school year.

    Parameters
    ----------
    model : TrainedModel
    leavers : float
        Pupils among the labels who left.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> told = {"events": 800, "as_of": ["2022-11-05", "2023-03-05", "2023-11-05", "2024-03-05"], "school_years": [2022, 2023]}
    >>> round(training_error(SimpleNamespace(trained_on=told), 100), 3)
    1.118
    >>> round(training_error(SimpleNamespace(trained_on={**told, "events": None}), 100), 3)  # hidden: 10 at most
    4.583
    """
    facts = model.trained_on
    rows_each = len(facts["as_of"]) / len(facts["school_years"])
    # A manifest that does not say how many left lets nothing be judged, rather than everything; None stands for few pupils.
    events = facts.get("events", 0)
    events = PUBLISHED - 1 if events is None else events
    return float(np.sqrt(1.0 + leavers * rows_each / max(events, 1)))


LEAST_PUPILS: Final = 30
"""Pupils of a school under which it is looked at together with the other small ones."""
POOLED: Final = "petits établissements"
EVERYBODY: Final = "ensemble"
_TENTH: Final = 0.1


@dataclass(frozen=True)
class _Population:
    """Pupils that a model can score on one day.

    Attributes
    ----------
    features : DataFrame
        Catalogue columns before anything is filled, and the raw score.
    groups, schools, pupils : arrays of shape (rows,)
    is_learnt : array of bool, shape (rows,)
        Whose pattern of knowledge the training held often enough.
    """

    features: pd.DataFrame
    groups: npt.NDArray[np.object_]
    schools: npt.NDArray[np.object_]
    pupils: npt.NDArray[np.object_]
    is_learnt: npt.NDArray[np.bool_]

    def take(self, mask: npt.NDArray[np.bool_]) -> _Population:
        return _Population(
            self.features[mask].reset_index(drop=True),
            self.groups[mask],
            self.schools[mask],
            self.pupils[mask],
            self.is_learnt[mask],
        )

    def __len__(self) -> int:
        return len(self.groups)


def watch_drift(
    model: TrainedModel,
    records: PupilRecords,
    as_of: object,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    labels_as_of: Iterable[object] = (),
    labels_known_on: object = None,
    seed: int = 0,
) -> DriftReport:
    """Hold the pupils of a day against those of the training, and each school against itself a year before.

    Everybody: population stability index of every feature before anything is filled (missing in a bin of its own where
    the window lies in the school year) and of the raw score, and what is known together, against the training's shares at the same level and month,
    judged where both can be compared (:mod:`decrochage_risk.train.drift_signs`); tables that are missing; with matured labels, the level and slope of the calibration and what each table tells; with a year more of
    records, how well a classifier tells this year's pupils from last year's (Lopez-Paz and Oquab, ICLR 2017).
    Each school of 30 pupils or more: the same indices and tables against the same school a year before; without
    that year in the records, its missing tables alone. Smaller schools are looked at together.

    Parameters
    ----------
    model : TrainedModel
        With the distributions of its training.
    records : PupilRecords
    as_of : date or ISO text
    outcomes : table, optional
        Matured outcomes, the records' own when left out; read only when ``labels_as_of`` is given.
    labels_as_of : iterable of date
        As-of dates whose outcomes have closed, of school years after the training.
    labels_known_on : date, optional
        Day on which the outcomes were extracted; needed with ``labels_as_of``.
    seed : int
        Of the classifier's folds.

    Returns
    -------
    DriftReport
        Verdicts ``ok``, ``watch`` (look at it before the next training) and ``stop`` (look at it before the scores are
        used). Thresholds: :mod:`decrochage_risk.evaluate.drift`.

    Raises
    ------
    ModelError
        A model without distributions; labels that are not mature, or of a year that it has learnt from.
    NotEnoughDataError
        Under 30 pupils that the model can score.

    Examples
    --------
    >>> from decrochage_risk.score import load_demo_model  # or train_model(...)
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(600, [2023, 2024], seed=3)
    >>> watch_drift(load_demo_model(), cohort.records, "2025-03-05").verdict
    'ok'
    """
    refuse_other_kinds({"model": (model, TrainedModel)}, hint="model=load_model(folder).", error=ModelError)
    refuse_seed(seed)
    reference = _distributions(model)
    day = to_date(as_of)
    now, left_out = _population(model, records, day)
    _refuse_few(now, day)
    # the 28th at most: 29 February has no day a year before
    year_before = day.replace(year=day.year - 1, day=min(day.day, 28))
    before = _population(model, records, year_before)[0] if can_be_known(records, year_before) else None
    in_time = comparable_columns(reference.columns, records.calendar, day, _training_days(model, now))
    same = comparable_columns(within_extent(reference.columns), records.calendar, day, [year_before])
    both = current_columns(same)
    signs = [
        *_signs_against_training(reference, now, in_time),
        *calibration_signs(model, records, outcomes, labels_as_of, labels_known_on),
        two_sample_sign(
            (_binned(reference, now, both), now.pupils),
            None if before is None else (_binned(reference, before, both), before.pupils),
            seed,
        ),
    ]
    overall = UnitDrift(
        unit=EVERYBODY,
        pupils=len(now),
        compared_with="l'apprentissage",
        verdict=worst(sign.verdict for sign in signs),
        signs=tuple(signs),
    )
    schools = _schools(reference, now, before, current_columns(reference.columns), same)
    stopped_pupils = sum(unit.pupils or 0 for unit in schools if unit.verdict == "stop")
    sizes = hidden_counts({unit.unit: unit.pupils or 0 for unit in schools})
    verdict = worst([overall.verdict, "watch" if stopped_pupils >= _TENTH * len(now) else "ok"])
    return DriftReport(
        model=model.model_id,
        as_of=day,
        rows=len(now),
        left_out=hidden_counts(left_out, total=False),
        overall=overall,
        schools=tuple(unit.model_copy(update={"pupils": sizes[unit.unit]}) for unit in schools),
        verdict=verdict,
    )


def _refuse_few(now: _Population, day: date) -> None:
    if len(now) < LEAST_PUPILS:
        raise NotEnoughDataError(
            explain_error(
                f"{len(now)} pupils can be scored on {day}",
                expected=f"at least {LEAST_PUPILS}",
                hint="Watch more schools together, or a day with more pupils.",
            )
        )


def _signs_against_training(
    reference: FeatureDistributions, now: _Population, in_time: Sequence[str]
) -> list[DriftSign]:
    """Hold features, tables, patterns of knowledge and score against the shares of the training."""
    current = current_columns(reference.columns)
    references = {name: reference.expected(name, now.groups) for name in reference.columns}
    alike = alike_extent(reference, now.features, now.groups)
    columns = [name for name in (in_time if alike else within_extent(in_time)) if name != SCORE]
    return [
        *shift_signs(reference, now.features, {name: references[name] for name in columns}, current=current),
        *missing_table_signs(now.features, {name: references[name][0][0] for name in current}, current),
        knowledge_sign(now.is_learnt),
        *_score_signs(reference, now, in_time=SCORE in in_time, alike=alike),
        uncompared_sign(reference.columns, in_time, columns),
    ]


def _score_signs(
    kept: FeatureDistributions, now: _Population, *, in_time: bool, alike: bool
) -> list[DriftSign]:
    """Hold the score against the training's; told and not judged where holidays or the archive move it by themselves."""
    shares = {SCORE: kept.expected(SCORE, now.groups)}
    signs = shift_signs(kept, now.features, shares, current=[SCORE], tests=len(kept.columns))
    causes = {
        "les vacances coupent autrement les semaines dont il dépend": in_time,
        "l'historique connu a une autre étendue qu'à l'apprentissage": alike,
    }
    why = " et ".join(cause for cause, holds in causes.items() if not holds)
    if not why:
        return signs
    return [
        sign.model_copy(update={"verdict": "not_measured", "sentence": f"{sign.sentence}, non jugé : {why}"})
        for sign in signs
    ]


def _training_days(model: TrainedModel, now: _Population) -> list[date]:
    """Give the as-of dates of the training in the months that these pupils are held against."""
    months = {int(str(label).rpartition("@")[2]) for label in set(now.groups)}
    return [day for day in map(date.fromisoformat, model.trained_on["as_of"]) if day.month in months]


def _binned(kept: FeatureDistributions, rows: _Population, columns: list[str]) -> npt.NDArray[np.intp]:
    """Give the bins of some columns: a rate of 9 in 180 and one of 9 in 182 are the same."""
    columns_left = [name for name in columns if name != SCORE]
    codes = [kept.bins(name, rows.features[name].to_numpy(dtype=np.float64)) for name in columns_left]
    return np.column_stack(codes) if codes else np.zeros((len(rows), 0), dtype=np.intp)


def _distributions(model: TrainedModel) -> FeatureDistributions:
    if model.distributions is None:
        raise ModelError(
            explain_error(
                f"{model.model_id} holds no distributions of its training",
                expected="a model trained by a version of this package that keeps them",
                hint="Train it again: train_model keeps them, in rounded counts.",
            )
        )
    return model.distributions


def _population(model: TrainedModel, records: PupilRecords, day: date) -> tuple[_Population, dict[str, int]]:
    """Find the pupils that a model can score on a day, and count the other enrolled ones by cause."""
    reference = _distributions(model)
    refuse_other_kinds({"records": (records, PupilRecords)}, hint="PupilRecords.read(folder), for example.")
    cut = records.known_on(day)
    level = np.array([*LEVEL_NAMES, ""], dtype=object)[cut.level]
    groups = model.reference_groups(level, day)
    cause = np.select(
        [
            ~cut.enrolled,
            ~np.isin(level, model.levels),
            days_of_data(cut) < MINIMUM_DAYS,
            ~np.isin(groups, list(reference.counts)),
        ],
        [
            "",
            "niveau jamais vu par le modèle",
            "moins de 3 semaines de données",
            "niveau trop rare à l'apprentissage",
        ],
        "kept",
    )
    left_out = Counter(str(one) for one in cause[cut.enrolled & (cause != "kept")])
    # By id: the two-sample check draws rows, and must draw the same ones whatever the order of the extract.
    order = np.argsort(cut.pupil_ids.to_numpy(dtype=object), kind="stable")
    rows = order[cause[order] == "kept"]
    matrix = matrix_with_context(cut).iloc[rows].reset_index(drop=True)
    row = np.append(records.enrolments["school_id"].to_numpy(dtype=object), [None])[cut.current_enrolment_row]
    features = matrix[[name for name in reference.columns if name in matrix]].assign(
        **{SCORE: model.risk_model.raw_log_odds(matrix, groups[rows]) if len(rows) else np.zeros(0)}
    )
    knowledge = model.risk_model.knowledge
    population = _Population(
        features,
        groups[rows],
        row[rows],
        cut.pupil_ids.to_numpy(dtype=object)[rows],
        knowledge.is_learnt(matrix[list(knowledge.columns)].to_numpy(dtype=np.float64)),
    )
    return population, dict(sorted(left_out.items()))


def _schools(
    kept: FeatureDistributions,
    now: _Population,
    before: _Population | None,
    current: list[str],
    same: list[str],
) -> list[UnitDrift]:
    sizes = pd.Series(now.schools, dtype=object).value_counts().sort_index()
    large = [str(school) for school, count in sizes.items() if count >= LEAST_PUPILS]
    units: list[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None]] = [
        (school, now.schools == school, None if before is None else before.schools == school)
        for school in large
    ]
    small = ~np.isin(now.schools, large)
    if small.any():
        # The same schools a year before, even those that were large then.
        theirs = None if before is None else np.isin(before.schools, list(set(now.schools[small])))
        units.append((POOLED, small, theirs))
    units_of_schools = []
    for name, mask, then in units:
        earlier = None if before is None or then is None else before.take(then)
        units_of_schools.append(_unit(name, kept, now.take(mask), earlier, current, same, len(units)))
    return units_of_schools


def _unit(
    name: str,
    kept: FeatureDistributions,
    now: _Population,
    then: _Population | None,
    current: list[str],
    same: list[str],
    units: int,
) -> UnitDrift:
    """Look at one school, against itself a year before where it was large enough."""
    if len(now) < LEAST_PUPILS:
        sign = DriftSign(
            check="size",
            subject="effectif",
            figure=None,
            verdict="too_small",
            sentence="trop petit pour être regardé",
        )
        return UnitDrift(unit=name, pupils=len(now), compared_with="-", verdict="too_small", signs=(sign,))
    if then is None or len(then) < LEAST_PUPILS:
        expectation = {column: float(kept.expected(column, now.groups)[0][0]) for column in current}
        signs = missing_table_signs(now.features, expectation, current, tests=units)
        compared_with = "l'apprentissage, tables manquantes seulement"
    else:
        shares = {column: _own(kept, column, then) for column in {*current, *same}}
        expectation = {column: float(shares[column][0][0]) for column in current}
        signs = [
            *shift_signs(
                kept,
                now.features,
                {column: shares[column] for column in same},
                current=current,
                tests=units * len(same),
                coarse=True,
            ),
            *missing_table_signs(now.features, expectation, current, tests=units),
        ]
        compared_with = "le même établissement un an avant"
    signs_told = tuple(sign for sign in signs if sign.verdict != "ok")
    return UnitDrift(
        unit=name,
        pupils=len(now),
        compared_with=compared_with,
        verdict=worst(["ok", *(sign.verdict for sign in signs_told)]),
        signs=tuple(sorted(signs_told, key=lambda sign: -(sign.figure or 0.0))),
    )


def _own(kept: FeatureDistributions, column: str, then: _Population) -> tuple[npt.NDArray[np.float64], float]:
    """Shares of a school's own pupils a year before, in the bins of the training."""
    codes = kept.bins(column, then.features[column].to_numpy(dtype=np.float64))
    return np.bincount(codes, minlength=len(kept.edges[column]) + 2) / len(then), float(len(then))
