"""The watch between two trainings: whether pupils, records and outcomes are still those that the model knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.evaluate.comparison import suppressed
from decrochage_risk.evaluate.drift import DriftReport, DriftSign, UnitDrift, worst
from decrochage_risk.model import MINIMUM_DAYS, SCORE, days_of_data, matrix_with_context
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.school_year import to_date
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.drift_labels import calibration_signs
from decrochage_risk.train.drift_signs import missing_table_signs, shift_signs, two_sample_sign
from decrochage_risk.train.drift_windows import (
    alike_extent,
    comparable_columns,
    current_columns,
    uncompared_sign,
    within_extent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from decrochage_risk.model import FeatureDistributions, TrainedModel
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["watch_drift"]

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
    """

    features: pd.DataFrame
    groups: npt.NDArray[np.object_]
    schools: npt.NDArray[np.object_]
    pupils: npt.NDArray[np.object_]

    def take(self, mask: npt.NDArray[np.bool_]) -> _Population:
        return _Population(
            self.features[mask].reset_index(drop=True),
            self.groups[mask],
            self.schools[mask],
            self.pupils[mask],
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
    the window lies in the school year) and of the raw score, against the training's shares at the same level and month,
    judged where both can be compared (:mod:`decrochage_risk.train.drift_windows`); tables that are missing; with matured labels, the level and slope of the calibration and what each table tells; with a year more of
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
    >>> from decrochage_risk.model import FitOptions
    >>> from decrochage_risk.synthetic import make_cohort
    >>> from decrochage_risk.train import train_model
    >>> cohort = make_cohort(1200, [2022, 2023, 2024], seed=3)
    >>> model = train_model(cohort.records, cohort.outcomes, as_of_dates=["2023-03-06", "2024-03-06"], synthetic=True,
    ...                     school_years=[2022, 2023], hold_out_schools=False, options=FitOptions(max_rounds=12, members=2))
    >>> watch_drift(model, cohort.records, "2025-03-05").verdict
    'ok'
    """
    kept = _distributions(model)
    day = to_date(as_of)
    now, left_out = _population(model, records, day)
    if len(now) < LEAST_PUPILS:
        raise NotEnoughDataError(
            explain_error(
                f"{len(now)} pupils can be scored on {day}",
                expected=f"at least {LEAST_PUPILS}",
                hint="Watch more schools together, or a day with more pupils.",
            )
        )
    year_before = day.replace(year=day.year - 1, day=min(day.day, 28))
    before = _population(model, records, year_before)[0] if can_be_known(records, year_before) else None
    current = current_columns(kept.columns)
    references = {name: kept.expected(name, now.groups) for name in kept.columns}
    in_time = comparable_columns(kept.columns, records.calendar, day, _training_days(model, now))
    alike = alike_extent(kept, now.features, now.groups)
    judged = [name for name in (in_time if alike else within_extent(in_time)) if name != SCORE]
    same = comparable_columns(within_extent(kept.columns), records.calendar, day, [year_before])
    both = current_columns(same)
    signs = [
        *shift_signs(kept, now.features, {name: references[name] for name in judged}, current=current),
        *missing_table_signs(now.features, {name: references[name][0][0] for name in current}, current),
        *_score_signs(kept, now, in_time=SCORE in in_time, alike=alike),
        uncompared_sign(kept.columns, in_time, judged),
        *calibration_signs(model, records, outcomes, labels_as_of, labels_known_on),
        two_sample_sign(
            (_binned(kept, now, both), now.pupils),
            None if before is None else (_binned(kept, before, both), before.pupils),
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
    schools = _schools(kept, now, before, current, same)
    stopped = sum(unit.pupils or 0 for unit in schools if unit.verdict == "stop")
    verdict = worst([overall.verdict, "watch" if stopped >= _TENTH * len(now) else "ok"])
    return DriftReport(
        model=model.model_id,
        as_of=day,
        rows=len(now),
        left_out=left_out,
        overall=overall,
        schools=tuple(schools),
        verdict=verdict,
    )


def _score_signs(
    kept: FeatureDistributions, now: _Population, *, in_time: bool, alike: bool
) -> list[DriftSign]:
    """Hold the score against the training's; told and not judged where holidays or the archive move it by themselves."""
    shares = {SCORE: kept.expected(SCORE, now.groups)}
    found = shift_signs(kept, now.features, shares, current=[SCORE], tests=len(kept.columns))
    causes = {
        "les vacances coupent autrement les semaines dont il dépend": in_time,
        "l'historique connu a une autre étendue qu'à l'apprentissage": alike,
    }
    why = " et ".join(cause for cause, holds in causes.items() if not holds)
    if not why:
        return found
    return [
        sign.model_copy(update={"verdict": "not_measured", "sentence": f"{sign.sentence}, non jugé : {why}"})
        for sign in found
    ]


def _training_days(model: TrainedModel, now: _Population) -> list[date]:
    """Give the as-of dates of the training in the months that these pupils are held against."""
    months = {int(str(label).rpartition("@")[2]) for label in set(now.groups)}
    return [day for day in map(date.fromisoformat, model.trained_on["as_of"]) if day.month in months]


def _binned(kept: FeatureDistributions, rows: _Population, columns: list[str]) -> npt.NDArray[np.intp]:
    """Give the bins of some columns: a rate of 9 in 180 and one of 9 in 182 are the same."""
    chosen = [name for name in columns if name != SCORE]
    codes = [kept.bins(name, rows.features[name].to_numpy(dtype=np.float64)) for name in chosen]
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
    kept = _distributions(model)
    known = records.known_on(day)
    level = np.array([*LEVEL_NAMES, ""], dtype=object)[known.level]
    groups = model.reference_groups(level, day)
    cause = np.select(
        [
            ~known.enrolled,
            ~np.isin(level, model.levels),
            days_of_data(known) < MINIMUM_DAYS,
            ~np.isin(groups, list(kept.counts)),
        ],
        [
            "",
            "niveau jamais vu par le modèle",
            "moins de 3 semaines de données",
            "niveau trop rare à l'apprentissage",
        ],
        "kept",
    )
    left_out = Counter(str(one) for one in cause[known.enrolled & (cause != "kept")])
    order = np.argsort(known.pupil_ids.to_numpy(dtype=object), kind="stable")
    rows = order[cause[order] == "kept"]
    matrix = matrix_with_context(known).iloc[rows].reset_index(drop=True)
    row = np.append(records.enrolments["school_id"].to_numpy(dtype=object), [None])[
        known.current_enrolment_row
    ]
    features = matrix[[name for name in kept.columns if name in matrix]].assign(
        **{SCORE: model.risk_model.raw_log_odds(matrix, groups[rows]) if len(rows) else np.zeros(0)}
    )
    found = _Population(features, groups[rows], row[rows], known.pupil_ids.to_numpy(dtype=object)[rows])
    return found, dict(sorted(left_out.items()))


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
        theirs = None if before is None else np.isin(before.schools, list(set(now.schools[small])))
        units.append((POOLED, small, theirs))
    found = []
    for name, mask, then in units:
        earlier = None if before is None or then is None else before.take(then)
        found.append(_unit(name, kept, now.take(mask), earlier, current, same, len(units)))
    return found


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
        return UnitDrift(
            unit=name, pupils=suppressed(len(now)), compared_with="-", verdict="too_small", signs=(sign,)
        )
    if then is None or len(then) < LEAST_PUPILS:
        expected = {column: float(kept.expected(column, now.groups)[0][0]) for column in current}
        signs = missing_table_signs(now.features, expected, current, tests=units)
        compared = "l'apprentissage, tables manquantes seulement"
    else:
        shares = {column: _own(kept, column, then) for column in {*current, *same}}
        expected = {column: float(shares[column][0][0]) for column in current}
        signs = [
            *shift_signs(
                kept,
                now.features,
                {column: shares[column] for column in same},
                current=current,
                tests=units * len(same),
                coarse=True,
            ),
            *missing_table_signs(now.features, expected, current, tests=units),
        ]
        compared = "le même établissement un an avant"
    told = tuple(sign for sign in signs if sign.verdict != "ok")
    return UnitDrift(
        unit=name,
        pupils=len(now),
        compared_with=compared,
        verdict=worst(["ok", *(sign.verdict for sign in told)]),
        signs=tuple(sorted(told, key=lambda sign: -(sign.figure or 0.0))),
    )


def _own(kept: FeatureDistributions, column: str, then: _Population) -> tuple[npt.NDArray[np.float64], float]:
    """Shares of a school's own pupils a year before, in the bins of the training."""
    codes = kept.bins(column, then.features[column].to_numpy(dtype=np.float64))
    return np.bincount(codes, minlength=len(kept.edges[column]) + 2) / len(then), float(len(then))
