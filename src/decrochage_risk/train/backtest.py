"""What figures are divided by: the group of each row, in the words that a reader of the report knows.

The headline figures: a last school year that no choice touched, predicted by models that never saw it.

No pupil is on both sides: where a pupil of the last year was also there before, the pupils are cut into folds and
each fold is predicted by a model trained on the other folds' earlier years. (Dropping those pupils from training
instead would leave mostly leavers in it: whoever comes back did not leave.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import NotEnoughDataError
from decrochage_risk.evaluate import (
    ABC_COLUMNS,
    CAPACITY,
    Baseline,
    EvaluationReport,
    Figures,
    MeasuredRows,
    abc_flag,
    build_report,
    legal_absence_flag,
    logistic_baseline,
    mature_on,
    maturity_table,
    measure,
    on_track_flag,
    school_rate,
)
from decrochage_risk.evaluate.disclosure import ALL, EVENT, STAYED, CountedRows
from decrochage_risk.explain import rests_on_gaps
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model.unknown_flags import UNKNOWN_FLAGS, patterns_of
from decrochage_risk.policy import load_policy
from decrochage_risk.records.levels import AT_3E, AT_4E, LEVEL_BY_NAME, PATHWAY_LABELS
from decrochage_risk.risk import RiskModel, pupil_folds
from decrochage_risk.risk.numeric_table import row_blocks
from decrochage_risk.school_year import school_year_of, year_start
from decrochage_risk.school_year.dates import date_of_number
from decrochage_risk.small_cells import HIDDEN, Publication, is_small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model import Snapshots
    from decrochage_risk.policy import Policy
    from decrochage_risk.records.outcome_table import TrainingTables
    from decrochage_risk.risk import FitOptions

    Labels = npt.NDArray[np.object_]
    Flags = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]


__all__ = [
    "backtest",
    "can_be_known",
    "completion_notes",
    "dimensions_of",
    "fit_risk_model",
    "last_year_rows",
    "learnt_baselines",
    "report_on",
    "rows_to_complete",
]

YEARS_BEHIND: Final = ("à l'heure ou en avance", "1 an de retard", "2 ans de retard ou plus")
NOT_KNOWN: Final = "non renseigné"


def dimensions_of(snapshots: Snapshots) -> dict[str, Labels]:
    """Name the groups of each row, by dimension.

    Level, pathway, sex, years behind, network, school, what is known of the pupil, month of the as-of date, and two
    intersections: sex and pathway, sex and years behind. A value that is not known is a group of its own.
    """
    rows = snapshots.rows
    level = rows["level"].map(lambda name: LEVEL_BY_NAME[name])
    pathway = level.map(lambda found: PATHWAY_LABELS[found.pathway]).to_numpy(dtype=object)
    sex = rows["sex"].where(rows["sex"].notna(), "?").to_numpy(dtype=object)
    behind = _years_behind(snapshots.features)
    return {
        "level": level.map(lambda found: found.label).to_numpy(dtype=object),
        "pathway": pathway,
        "sex": sex,
        "years_behind": behind,
        "network": rows["network_id"].to_numpy(dtype=object),
        "school": rows["school_id"].to_numpy(dtype=object),
        "sex_pathway": _joined(sex, pathway),
        "sex_years_behind": _joined(sex, behind),
        "knowledge": patterns_of(snapshots.features),
        "month": rows["as_of"].map(french.month).to_numpy(dtype=object),
    }


def _years_behind(features: pd.DataFrame) -> Labels:
    if "years_behind" not in features:
        return np.full(len(features), NOT_KNOWN, dtype=object)
    years = features["years_behind"].to_numpy(dtype=np.float64)
    whole_years = np.clip(np.nan_to_num(years), 0, len(YEARS_BEHIND) - 1).astype(int)
    return np.where(np.isnan(years), NOT_KNOWN, np.array(YEARS_BEHIND, dtype=object)[whole_years])


def _joined(first: Labels, second: Labels) -> Labels:
    return (
        pd.Series(first, dtype=object).astype(str) + ", " + pd.Series(second, dtype=object).astype(str)
    ).to_numpy(dtype=object)


SPREAD_FACTOR = 1.95
"""Factor on the jackknife error that makes the 90 % interval cover the truth of the upper tenth of the risks, where
situations are looked at, on synthetic cohorts, the only place where it is known (``benchmarks/spread_factor.py``)."""

PATH_GROUPS: Final = {
    "4e": tuple(f"level_{level}" for level in sorted(AT_4E)),
    "3e": tuple(f"level_{level}" for level in sorted(AT_3E)),
}
"""Levels that may have a calibration of their own over three years, by the context columns that say them: three years from the
4e end before the 1re, three from a terminale with a diploma, so a column may weigh more at one level than at another."""

_FOLDS = 3
_HELD_OUT_SHARE = 3
"""One school in so many is held out for the second view."""
_BASELINE_COLUMNS = (*ABC_COLUMNS, "months_over_threshold_year")


def fit_risk_model(
    snapshots: Snapshots,
    *,
    seed: int,
    options: FitOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> RiskModel:
    """Fit the risk model on snapshots: directions from the catalogue, context columns and flags without direction."""
    rows, names = snapshots.rows, [str(name) for name in snapshots.features]
    risk_model = RiskModel.fit(
        snapshots.features,
        snapshots.outcome,
        directions={name: FEATURE_BY_NAME[name].direction for name in names if name in FEATURE_BY_NAME},
        context=[name for name in names if name not in FEATURE_BY_NAME],
        knowledge=UNKNOWN_FLAGS,
        time=rows["school_year"].to_numpy(),
        # As pandas holds them: an object of Python for each row would live as long as the fit.
        groups=rows["pupil_id"],
        clusters=rows["school_id"],
        reference_groups=rows["reference_group"].to_numpy(),
        observed=rows["observed"].to_numpy(),
        matured=rows["matured"].to_numpy(),
        calibration_groups=PATH_GROUPS if horizon_of(snapshots) > 1 else None,
        seed=seed,
        options=options,
        progress=progress,
    )
    return risk_model.with_spread_factor(SPREAD_FACTOR)


def can_be_known(records: TrainingTables, day: date) -> bool:
    """Tell whether the records and their calendar reach back far enough for an as-of date."""
    calendar = records.calendar
    in_calendar = calendar.first_day <= year_start(school_year_of(day)) and day <= calendar.last_day
    return in_calendar and bool((records.enrolments["start_date"] < np.datetime64(day)).any())


def last_year_rows(snapshots: Snapshots) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Masks of the rows of the last school year, and of the earlier rows whose outcome was known by then."""
    years = snapshots.rows["school_year"].to_numpy()
    last = years == years.max()
    # On the first test day: later, the model could have learnt what it is asked to foresee.
    labels_known = mature_on(snapshots.rows["matured"].to_numpy(), _first_day(snapshots, last))
    return last, (years < years.max()) & labels_known


def _first_day(snapshots: Snapshots, rows: npt.NDArray[np.bool_]) -> date:
    return date_of_number(int(snapshots.rows["observed"].to_numpy()[rows].min()))


def backtest(  # noqa: PLR0913 - the choices of a report, each with its default
    snapshots: Snapshots,
    *,
    seed: int,
    synthetic: bool,
    options: FitOptions | None = None,
    policy: Policy | None = None,
    hold_out_schools: bool = True,
    progress: Callable[[str], None] | None = None,
    predicted: Callable[[Snapshots, Floats], None] | None = None,
    publish: bool = True,
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
    hold_out_schools : bool
        Whether to measure the second view too: schools that the model never saw. It costs one more training.
    options, policy, progress
        As in ``train_model``.
    predicted : callable, optional
        Given the rows of the last school year and their risks, by models that never saw them.
    publish : bool
        False leaves everything in the report, for a caller who publishes it with other tables.
    """
    last, earlier = last_year_rows(snapshots)
    test = snapshots.take(last)
    parts = _without_common_pupils(snapshots, test, earlier, seed)
    risk, to_complete, learnt = _predict_parts(test, parts, seed, options, policy, progress)
    if predicted is not None:
        predicted(test, risk)
    report = report_on(
        test,
        risk,
        learnt,
        title="Dernière année, jamais utilisée pour choisir",
        synthetic=synthetic,
        notes=completion_notes(to_complete),
        policy=policy,
        publish=False,
        to_complete=to_complete,
    )
    if progress is not None and hold_out_schools:
        progress("Année témoin, établissements tenus à l'écart")
    unseen_schools, unseen = None, None
    if hold_out_schools:
        unseen_schools, unseen = _on_unseen_schools(snapshots, last, earlier, seed, options)
    ready = maturity_table(snapshots.rows, snapshots.outcome, on=_first_day(snapshots, last))
    if report.tables is not None and unseen is not None:
        report.tables.unseen = unseen
    report = report.model_copy(update={"maturity": ready, "hold_out": unseen_schools})
    return _publish(report, snapshots) if publish else report


def _predict_parts(
    test: Snapshots,
    parts: Iterable[tuple[Flags, Snapshots]],
    seed: int,
    options: FitOptions | None,
    policy: Policy | None,
    progress: Callable[[str], None] | None,
) -> tuple[Floats, Flags, list[Floats]]:
    """Predict each part of the last year from its own training rows: the risk, who is to complete, both learnt baselines."""
    risk = np.full(len(test.outcome), np.nan)
    to_complete = np.zeros(len(risk), dtype=np.bool_)
    learnt = [np.full(len(risk), np.nan) for _ in range(2)]
    for number, (mask, train) in enumerate(parts):
        if progress is not None:
            progress(f"Année témoin, partie {number + 1}")
        model = fit_risk_model(train, seed=seed, options=options)
        part = test.take(mask)
        risk[mask] = _risk_of(model, part)
        groups = part.rows["reference_group"].to_numpy()
        to_complete[mask] = rows_to_complete(model, part, risk[mask], groups, policy)
        for scores, baseline in zip(learnt, learnt_baselines(train, part), strict=True):
            scores[mask] = baseline.score
    return risk, to_complete, learnt


def rows_to_complete(
    risk_model: RiskModel, rows: Snapshots, risk: Floats, groups: Labels, policy: Policy | None = None
) -> Flags:
    """Mark the rows above a threshold that no known fact raises, but what is not known does: scoring lists them apart.

    Parameters
    ----------
    risk_model : RiskModel
        Which predicted the rows.
    rows : Snapshots
        Any that it can score.
    risk : array of float64, shape (rows,)
        Their probabilities.
    groups : array of str, shape (rows,)
        Their reference groups.
    policy : Policy, optional
        Whose thresholds make the list; the bundled one when left out.

    Returns
    -------
    array of bool, shape (rows,)
    """
    own_policy = (policy or load_policy()).of_horizon(horizon_of(rows))
    above = np.flatnonzero(own_policy.assess(rows.rows["level"].to_numpy(dtype=object), risk).flagged)
    marks = np.zeros(len(risk), dtype=np.bool_)
    if above.size:
        features = rows.features.iloc[above]
        marks[above] = rests_on_gaps(
            risk_model,
            features[list(risk_model.columns)].to_numpy(dtype=np.float64),
            risk_model.filled(features, groups[above]),
            groups[above],
            risk_model.raw_log_odds(features, groups[above]),
        )
    return marks


def completion_notes(marks: Flags) -> list[str]:
    """Count apart the rows that are on no list because nothing known raises them."""
    count = int(marks.sum())
    if not count:
        return []
    number = HIDDEN if is_small(count) else french.number(count)
    sentence = (
        f"Données à compléter : {number} (lignes au-dessus du seuil sans aucun fait connu qui élève l'estimation), sur aucune liste, "
        "comptées à part."
    )
    return [sentence]


def _risk_of(model: RiskModel, snapshots: Snapshots) -> Floats:
    """Predict some rows at a time: nothing of a row depends on the others, and their filled table is never whole."""
    groups = snapshots.rows["reference_group"].to_numpy()
    risk = np.empty(len(groups))
    for rows in row_blocks(len(groups), snapshots.features):
        risk[rows] = model.risk(snapshots.features.iloc[rows], groups[rows])
    return risk


def _publish(report: EvaluationReport, snapshots: Snapshots) -> EvaluationReport:
    """Hide the small cells of a report and of its table of dates, as one publication."""
    publication = Publication()
    report.add_to(publication)
    dates = CountedRows(publication, "dates", snapshots.rows["pupil_id"].to_numpy())
    left = snapshots.outcome == 1
    closed_dates = {one.as_of.isoformat() for one in report.maturity if one.events is not None}
    dates.add(
        {"as_of": np.array([day.isoformat() for day in snapshots.rows["as_of"]])},
        {ALL: np.ones(len(left), dtype=np.bool_), EVENT: left, STAYED: ~left},
        [(ALL, (EVENT, STAYED))],
        lambda dimension, group, measure: (
            dimension == "as_of" and (measure == ALL or (measure == EVENT and group in closed_dates))
        ),
    )
    if report.tables is not None and report.tables.rows is not None:
        # The dates of the untouched year stand in both tables: what one hides, the other must not tell.
        dates.same_dates(report.tables.rows)
    return report.published(publication.hidden(), dates=dates)


def _on_unseen_schools(
    snapshots: Snapshots,
    last: npt.NDArray[np.bool_],
    earlier: npt.NDArray[np.bool_],
    seed: int,
    options: FitOptions | None,
) -> tuple[Figures | None, npt.NDArray[np.bool_] | None]:
    """Measure a third of the schools in the last year with a model that saw neither them nor their pupils.

    None when there are too few schools or too little data; otherwise with the mask of their rows of the last year.
    """
    school = snapshots.rows["school_id"].to_numpy()
    names = np.unique(school.astype(str))
    if len(names) < _HELD_OUT_SHARE:
        return None, None
    chosen_schools = np.random.default_rng(seed).permutation(len(names))[: len(names) // _HELD_OUT_SHARE]
    unseen = np.isin(school.astype(str), names[chosen_schools])
    pupils = snapshots.rows["pupil_id"]
    # A pupil of these schools may have been in another one before: that row would give the pupil away.
    theirs = pupils.isin(set(pupils[last & unseen])).to_numpy()
    test, train = snapshots.take(last & unseen), snapshots.take(earlier & ~unseen & ~theirs)
    try:
        model = fit_risk_model(train, seed=seed, options=options)
        risk = _risk_of(model, test)
        figures = measure(
            test.outcome,
            risk,
            pupils=test.rows["pupil_id"].to_numpy(),
            schools=test.rows["school_id"].to_numpy(),
        )
    except NotEnoughDataError:
        return None, None
    return figures, unseen[last]


def _without_common_pupils(
    snapshots: Snapshots, test: Snapshots, earlier: npt.NDArray[np.bool_], seed: int
) -> Iterator[tuple[npt.NDArray[np.bool_], Snapshots]]:
    """Yield (mask of the test rows, training rows) with no pupil in both."""
    of_earlier, of_test = _fold_of_common(snapshots.rows["pupil_id"][earlier], test.rows["pupil_id"], seed)
    train = snapshots.take(earlier)
    # One model instead of three where nobody is on both sides.
    if of_earlier is None or of_test is None:
        yield np.ones(len(test.outcome), dtype=np.bool_), train
        return
    for number in range(_FOLDS):
        yield of_test == number, train.take(of_earlier != number)


def _fold_of_common(
    earlier: pd.Series[str], test: pd.Series[str], seed: int
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None]:
    """Deal the pupils of both sides into folds; None where nobody is on both."""
    if set(earlier).isdisjoint(test):
        return None, None
    fold = pupil_folds(np.concatenate([earlier, test]), _FOLDS, seed)
    return fold[: len(earlier)], fold[len(earlier) :]


def learnt_baselines(train: Snapshots, test: Snapshots) -> tuple[Baseline, Baseline]:
    """Learn the logistic regression and the school's rate on some rows, and apply both to others."""
    # It leaves out a column without any value: there is no median to fill with.
    logistic = logistic_baseline(train.features, train.outcome)
    rate = school_rate(train.rows["school_id"], train.outcome, test.rows["school_id"])
    return logistic(test.features), rate


def horizon_of(snapshots: Snapshots) -> int:
    """School years after which the labels of some rows close: from the first row's school year and closing day."""
    rows = snapshots.rows
    closes = np.datetime64(int(rows["matured"].iloc[0]), "D").astype("datetime64[Y]").astype(np.int64) + 1970
    return int(closes - int(rows["school_year"].iloc[0]))


def report_on(  # noqa: PLR0913 - the choices of a report, each with its default
    test: Snapshots,
    risk: Floats,
    learnt: Sequence[Floats],
    *,
    title: str,
    synthetic: bool,
    notes: Sequence[str] = (),
    policy: Policy | None = None,
    capacity: int = CAPACITY,
    publish: bool = True,
    to_complete: Flags | None = None,
) -> EvaluationReport:
    """Build the report: the model, the learnt baselines (their scores on the same rows) and the three flags.

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
    policy : Policy, optional
        Whose thresholds make the list actually issued; the bundled one when left out.
    capacity : int
        Situations that a school can look at on one date.
    publish : bool
        As in ``build_report``.
    to_complete : array of bool, shape (rows,), optional
        Rows above a threshold that no known fact raises: on no list.
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
    # Missing columns become NaN: the flag then judges nobody, and says so.
    flags = test.features.reindex(columns=list(_BASELINE_COLUMNS))
    baselines += [on_track_flag(flags), abc_flag(flags), legal_absence_flag(flags)]
    if not readable:
        notes = (*notes, "Des tables manquent : un repère qui ne peut rien lire ne signale personne.")
    rows = test.rows
    own_policy = (policy or load_policy()).of_horizon(horizon_of(test))
    on_list = own_policy.assess(rows["level"].to_numpy(dtype=object), risk).flagged
    return build_report(
        MeasuredRows(
            outcome=test.outcome,
            risk=risk,
            pupils=rows["pupil_id"].to_numpy(),
            schools=rows["school_id"].to_numpy(),
            dimensions=dimensions_of(test),
            exit_kinds=rows["exit_kind"].to_numpy(),
            as_of=rows["as_of"].to_numpy(dtype=object),
            listed=on_list if to_complete is None else on_list & ~to_complete,
            to_complete=to_complete,
            list_name="liste émise (seuils de vigilance)",
            capacity=capacity,
        ),
        baselines,
        title=title,
        synthetic=synthetic,
        test_years=sorted({int(year) for year in rows["school_year"]}),
        as_of=sorted(set(rows["as_of"])),
        notes=notes,
        publish=publish,
    )
