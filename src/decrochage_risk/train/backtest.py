"""The headline figures: a last school year that no choice touched, predicted by models that never saw it.

No pupil is on both sides: where a pupil of the last year was also there before, the pupils are cut into folds and
each fold is predicted by a model trained on the other folds' earlier years. (Dropping those pupils from training
instead would leave mostly leavers in it: whoever comes back did not leave.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk import french
from decrochage_risk.evaluate import (
    Baseline,
    EvaluationReport,
    MeasuredRows,
    build_report,
    legal_absence_flag,
    logistic_baseline,
    on_track_flag,
    school_rate,
)
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import RiskModel, Snapshots, pupil_folds
from decrochage_risk.records.levels import LEVEL_BY_NAME, PATHWAY_LABELS
from decrochage_risk.school_year import school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.model import FitOptions
    from decrochage_risk.records.pupil_records import PupilRecords

    Floats = npt.NDArray[np.float64]

__all__ = ["backtest", "can_be_known", "fit_risk_model", "last_year_rows", "learnt_baselines", "report_on"]

SPREAD_FACTOR = 2.6
"""Factor on the jackknife error that makes the 90 % interval cover the truth of the upper tenth of the risks, where
situations are looked at, on synthetic cohorts, the only place where it is known (``benchmarks/spread_factor.py``)."""

_FOLDS = 3
_BASELINE_COLUMNS = ("mean_grade_year", "lowest_core_grade_year", "months_over_threshold_year")


def fit_risk_model(
    snapshots: Snapshots,
    *,
    seed: int,
    options: FitOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> RiskModel:
    """Fit the risk model on snapshots: directions from the catalogue, context columns without direction."""
    rows, names = snapshots.rows, [str(name) for name in snapshots.features]
    fitted = RiskModel.fit(
        snapshots.features,
        snapshots.outcome,
        directions={name: FEATURE_BY_NAME[name].direction for name in names if name in FEATURE_BY_NAME},
        context=[name for name in names if name not in FEATURE_BY_NAME],
        time=rows["school_year"].to_numpy(),
        groups=rows["pupil_id"].to_numpy(),
        reference_groups=rows["reference_group"].to_numpy(),
        observed=rows["observed"].to_numpy(),
        matured=rows["matured"].to_numpy(),
        seed=seed,
        options=options,
        progress=progress,
    )
    return fitted.with_spread_factor(SPREAD_FACTOR)


def can_be_known(records: PupilRecords, day: date) -> bool:
    """Tell whether the records and their calendar reach back far enough for an as-of date."""
    calendar = records.calendar
    in_calendar = calendar.first_day <= year_start(school_year_of(day)) and day <= calendar.last_day
    return in_calendar and bool((records.enrolments["start_date"] < np.datetime64(day)).any())


def last_year_rows(snapshots: Snapshots) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Masks of the rows of the last school year, and of the earlier rows whose outcome was known by then."""
    years = snapshots.rows["school_year"].to_numpy()
    last = years == years.max()
    first_day = snapshots.rows["observed"].to_numpy()[last].min()
    return last, (years < years.max()) & (snapshots.rows["matured"].to_numpy() <= first_day)


def backtest(
    snapshots: Snapshots,
    *,
    seed: int,
    synthetic: bool,
    options: FitOptions | None = None,
    progress: Callable[[str], None] | None = None,
    predicted: Callable[[Snapshots, Floats], None] | None = None,
) -> EvaluationReport:
    """Measure the procedure on the last school year, with models and baselines that saw only earlier ones.

    Parameters
    ----------
    snapshots : Snapshots
        Rows of two school years at least.
    seed : int
        Of the folds and the boosters.
    synthetic : bool
        Whether the pupils are.
    options, progress
        As in ``train_model``.
    predicted : callable, optional
        Given the rows of the last school year and their risks, by models that never saw them.
    """
    last, earlier = last_year_rows(snapshots)
    test = snapshots.take(last)
    risk = np.full(len(test.outcome), np.nan)
    learnt = [np.full(len(test.outcome), np.nan) for _ in range(2)]
    for number, (mask, train) in enumerate(_without_common_pupils(snapshots, test, earlier, seed)):
        if progress is not None:
            progress(f"Année témoin, partie {number + 1}")
        model = fit_risk_model(train, seed=seed, options=options)
        part = test.take(mask)
        risk[mask] = model.risk(part.features, part.rows["reference_group"].to_numpy())
        for scores, baseline in zip(learnt, learnt_baselines(train, part), strict=True):
            scores[mask] = baseline.score
    if predicted is not None:
        predicted(test, risk)
    return report_on(
        test, risk, learnt, title="Dernière année, jamais utilisée pour choisir", synthetic=synthetic
    )


def _without_common_pupils(
    snapshots: Snapshots, test: Snapshots, earlier: npt.NDArray[np.bool_], seed: int
) -> Iterator[tuple[npt.NDArray[np.bool_], Snapshots]]:
    """Yield (mask of the test rows, training rows) with no pupil in both."""
    before = set(snapshots.rows["pupil_id"][earlier])
    if before.isdisjoint(test.rows["pupil_id"]):
        yield np.ones(len(test.outcome), dtype=np.bool_), snapshots.take(earlier)
        return
    everyone = np.concatenate([snapshots.rows["pupil_id"][earlier], test.rows["pupil_id"]])
    fold = pupil_folds(everyone, _FOLDS, seed)
    of_train, of_test = fold[: int(earlier.sum())], fold[int(earlier.sum()) :]
    train = snapshots.take(earlier)
    for number in range(_FOLDS):
        yield of_test == number, train.take(of_train != number)


def learnt_baselines(train: Snapshots, test: Snapshots) -> tuple[Baseline, Baseline]:
    """Learn the logistic regression and the school's rate on some rows, and apply both to others."""
    known = train.features.columns[train.features.notna().any()]
    logistic = logistic_baseline(train.features[known], train.outcome)
    rate = school_rate(train.rows["school_id"], train.outcome, test.rows["school_id"])
    return logistic(test.features[known]), rate


def report_on(
    test: Snapshots,
    risk: Floats,
    learnt: Sequence[Floats],
    *,
    title: str,
    synthetic: bool,
    notes: Sequence[str] = (),
) -> EvaluationReport:
    """Build the report: the model, the learnt baselines (their scores on the same rows) and the two flags.

    Parameters
    ----------
    test : Snapshots
        Rows that were predicted.
    risk : array, shape (rows,)
        Predicted probabilities.
    learnt : sequence of arrays, each of shape (rows,)
        Scores of the logistic regression and of the school rate; empty when they could not be learnt.
    title, synthetic, notes
        As in ``build_report``.
    """
    names = (
        ("régression logistique", "mêmes colonnes, médianes pour les valeurs inconnues"),
        (
            "taux de l'établissement seul",
            "taux d'apprentissage de l'établissement, ramené vers le taux global",
        ),
    )
    baselines = [
        Baseline(name, score, is_probability=True, not_judged=0, note=note)
        for (name, note), score in zip(names, learnt, strict=False)
    ]
    readable = all(
        test.features[column].notna().any() for column in _BASELINE_COLUMNS if column in test.features
    )
    flags = test.features.reindex(columns=list(_BASELINE_COLUMNS))
    baselines += [on_track_flag(flags), legal_absence_flag(flags)]
    if not readable:
        notes = (*notes, "Des tables manquent : un repère qui ne peut rien lire ne signale personne.")
    rows = test.rows
    return build_report(
        MeasuredRows(
            outcome=test.outcome,
            risk=risk,
            pupils=rows["pupil_id"].to_numpy(),
            schools=rows["school_id"].to_numpy(),
            dimensions=_dimensions(rows),
            exit_kinds=rows["exit_kind"].to_numpy(),
        ),
        baselines,
        title=title,
        synthetic=synthetic,
        test_years=sorted({int(year) for year in rows["school_year"]}),
        as_of=sorted(set(rows["as_of"])),
        notes=notes,
    )


def _dimensions(rows: pd.DataFrame) -> dict[str, npt.NDArray[np.object_]]:
    """Name what the figures are divided by, in the words that a reader of the report knows."""
    level = rows["level"].map(lambda name: LEVEL_BY_NAME[name])
    return {
        "level": level.map(lambda found: found.label).to_numpy(dtype=object),
        "pathway": level.map(lambda found: PATHWAY_LABELS[found.pathway]).to_numpy(dtype=object),
        "sex": rows["sex"].where(rows["sex"].notna(), "?").to_numpy(dtype=object),
        "month": rows["as_of"].map(french.month).to_numpy(dtype=object),
    }
