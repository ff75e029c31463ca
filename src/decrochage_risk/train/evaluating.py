"""Evaluation of a trained model on records and outcomes that it did not learn from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.errors import (
    ModelError,
    NotEnoughDataError,
    TrainingWarning,
    refuse_other_kinds,
    warn_caller,
)
from decrochage_risk.evaluate import CAPACITY, maturity_table
from decrochage_risk.french import day as french_day
from decrochage_risk.french import join, number, school_year
from decrochage_risk.model import Snapshots, TrainedModel, closing_day, score_rows, take_snapshots
from decrochage_risk.model.scored_rows import OUTSIDE_TRAINING, UNKNOWN_LEVEL
from decrochage_risk.model.snapshots import CENSORED, TOO_SHORT
from decrochage_risk.model.updating import updated_years
from decrochage_risk.policy import Policy
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.risk.calibration import probability
from decrochage_risk.school_year import school_year_of, to_date
from decrochage_risk.small_cells import HIDDEN, is_small
from decrochage_risk.threads import progress_bar
from decrochage_risk.train.backtest import (
    can_be_known,
    completion_notes,
    learnt_baselines,
    report_on,
    rows_to_complete,
)
from decrochage_risk.train.training import NOT_CLOSED, mature_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["evaluate_model", "learnt_later"]

_NOT_MEASURED = "Régression logistique et taux d'établissement non mesurés"
_CAUSES = {
    TOO_SHORT: "moins de 3 semaines de données",
    NOT_CLOSED: "issue pas encore close",
    UNKNOWN_LEVEL: "niveau jamais vu par le modèle",
    OUTSIDE_TRAINING: "hors du domaine d'apprentissage",
    **dict(
        zip(
            CENSORED,
            (
                "déjà parti à cette date",
                "issue inconnue",
                "pas d'issue pour cette année scolaire",
                "dit sorti, mais inscrit au jour de clôture",
            ),
            strict=True,
        )
    ),
}


def evaluate_model(  # noqa: PLR0913 - the choices of an evaluation, each with its default
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    as_of_dates: Iterable[object],
    outcome_closes: tuple[int, int] | None = None,
    labels_known_on: object = None,
    policy: Policy | None = None,
    capacity: int = CAPACITY,
    progress: bool | Callable[[str], None] = False,
) -> EvaluationReport:
    """Measure a model on the pupils at risk on some as-of dates, beside the standing baselines.

    The logistic regression and the school rate are learnt on the model's own training dates, when the records hold
    them; otherwise the report says that they were not.

    Parameters
    ----------
    model : TrainedModel
        The model.
    records : PupilRecords
        Records that hold the as-of dates, and best those of the training too.
    outcomes : table, optional
        The records' own when left out.
    as_of_dates : iterable of date
        Dates to evaluate on, of school years that the model was not trained on.
    outcome_closes : tuple of int, optional
        Month and day on which the outcome closes; the model's own when left out.
    labels_known_on : date, optional
        Day on which the outcomes were extracted: rows whose outcome window had not closed by then are left out and
        counted. All labels count when left out.
    policy : Policy, optional
        Whose thresholds make the list actually issued; the bundled one when left out.
    capacity : int
        Situations that a school can look at on one date, for the list at school capacity.
    progress : bool or callable
        True shows the steps on a bar; a callable is told a French line per step.

    Raises
    ------
    NotEnoughDataError
        No row with an outcome on these dates, or none that the model gives a risk.
    ModelError
        Another kind of model, policy or capacity.

    Warns
    -----
    TrainingWarning
        When an evaluated school year is one that the model was trained on or updated to, or the model learnt from outcomes that were
        not known on the first of these dates.
    """
    refuse_other_kinds(
        {
            "model": (model, TrainedModel),
            "policy": (policy, Policy | None),
            "capacity": (capacity, int | np.integer),
        },
        hint="model=load_model(folder), policy=load_policy(path), capacity=20.",
        error=ModelError,
    )
    month, day = outcome_closes or model.trained_on["outcome_closes"]
    table = outcomes_for(records, outcomes)
    with progress_bar(progress) as tell:
        test = take_snapshots(
            records,
            table,
            as_of_dates,
            closes=(month, day),
            horizon_years=model.horizon_years,
            progress=tell,
        )
        # Before scoring: an outcome that is not settled yet counts for nobody.
        test = mature_only(test, None if labels_known_on is None else to_date(labels_known_on))
        scored_rows = score_rows(model, test)
        test = scored_rows.snapshots
        notes = [*_left_out(test), *_seen_years(model, test), *_learnt_too_late(model, test)]
        risk = probability(scored_rows.log_odds)
        to_complete = rows_to_complete(model.risk_model, test, risk, scored_rows.groups, policy)
        notes += completion_notes(to_complete)
        learnt, missing = _learnt(model, records, table, test, (month, day), tell)
    report = report_on(
        test,
        risk,
        learnt,
        title=f"Évaluation de {model.model_id}"
        + ("" if model.horizon_years == 1 else f", horizon de {model.horizon_years} ans"),
        synthetic=model.demo,
        notes=(*notes, *missing),
        policy=policy,
        capacity=capacity,
        publish=False,
        to_complete=to_complete,
    )
    return report.model_copy(update={"maturity": maturity_table(test.rows, test.outcome)}).published()


def _left_out(test: Snapshots) -> list[str]:
    """Say how many pupils and dates were left out, and why."""
    if not test.left_out:
        return []
    counts = test.told_left_out(total=True)
    causes = ", ".join(
        f"{_CAUSES[cause]} : {HIDDEN if count is None else number(count)}" for cause, count in counts.items()
    )
    # All of them are at least as many pupils as the largest cause.
    is_few = is_small(max(test.people_left_out().values()))
    total = HIDDEN if is_few else number(sum(test.left_out.values()))
    return [f"Lignes laissées de côté : {total} ({causes})."]


def _seen_years(model: TrainedModel, test: Snapshots) -> list[str]:
    """Warn when the model has learnt from a year that it is measured on, in its training or in an update of its level."""
    measured_years = {int(year) for year in test.rows["school_year"]}
    learnt = sorted(measured_years & set(model.trained_on["school_years"]))
    updated_before = sorted(measured_years & updated_years(model))
    notes = []
    if learnt:
        years = ", ".join(map(str, learnt))
        _warn(f"The school years {years} were in the training of {model.model_id}: these figures flatter it.")
        notes.append(f"Le modèle a appris sur les années {years} : ces chiffres sont trop favorables.")
    if updated_before:
        _warn(
            f"The level of {model.model_id} was moved to the outcomes of the school years {', '.join(map(str, updated_before))}: "
            "its calibration on them flatters it."
        )
        years_text = join([school_year(year) for year in updated_before])
        notes.append(
            f"Le niveau moyen du modèle a été mis à jour sur les issues de {years_text} : sa calibration y est trop favorable."
        )
    return notes


def _warn(what: str) -> None:
    warn_caller(f"{what} Hint: evaluate on a later school year.", TrainingWarning)


def learnt_later(model: TrainedModel, test: Snapshots) -> list[date]:
    """Find when the outcomes of other years that a model has learnt from closed, after the first date of some rows.

    Of its training, and of an update of its level.
    """
    first, years = min(test.rows["as_of"]), {int(year) for year in test.rows["school_year"]}
    month, last = model.trained_on["outcome_closes"]
    learnt_years = {*model.trained_on["school_years"], *updated_years(model)} - years
    closes = (closing_day(year, (month, last), model.horizon_years) for year in sorted(learnt_years))
    return [day for day in closes if day > first]


def _learnt_too_late(model: TrainedModel, test: Snapshots) -> list[str]:
    """Warn when the model learnt from outcomes of other years that nobody knew on the first evaluated date."""
    first, late = min(test.rows["as_of"]), learnt_later(model, test)
    if not late:
        return []
    warn_caller(
        f"{model.model_id} learnt from outcomes that closed after {first.isoformat()}, the first evaluated date (on "
        f"{', '.join(day.isoformat() for day in late)}): this is no evaluation in time. Hint: evaluate on dates after its training.",
        TrainingWarning,
    )
    days_text = join([french_day(closes, with_year=True) for closes in late])
    sentence = (
        f"Le modèle a appris d'issues connues seulement le {days_text}, après la première date évaluée : ces chiffres ne "
        "sont pas ceux d'une évaluation dans le temps."
    )
    return [sentence]


def _learnt(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: pd.DataFrame,
    test: Snapshots,
    closes: tuple[int, int],
    progress: Callable[[str], None],
) -> tuple[Sequence[npt.NDArray[np.float64]], tuple[str, ...]]:
    """Scores of the baselines that learn, on the model's training dates; none, with the cause, without them."""
    trained_dates = map(date.fromisoformat, model.trained_on["as_of"])
    # A closing day asked for here may lie before dates of the training.
    dates = [
        day for day in trained_dates if day < closing_day(school_year_of(day), closes, model.horizon_years)
    ]
    if not all(can_be_known(records, day) for day in dates):
        return (), (f"{_NOT_MEASURED} : années d'apprentissage absentes.",)
    try:
        train = take_snapshots(
            records, outcomes, dates, closes=closes, horizon_years=model.horizon_years, progress=progress
        )
    except NotEnoughDataError:
        return (), (f"{_NOT_MEASURED} : aucune ligne d'apprentissage.",)
    # A logistic regression of one outcome has no finite intercept.
    if len(set(train.outcome.tolist())) == 1:
        return (), (f"{_NOT_MEASURED} : une seule issue à l'apprentissage.",)
    return [baseline.score for baseline in learnt_baselines(train, test)], ()
