"""Evaluation of a trained model on records and outcomes that it did not learn from."""

from __future__ import annotations

import warnings
from datetime import date
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import NotEnoughDataError, TrainingWarning
from decrochage_risk.french import number
from decrochage_risk.model import Snapshots, TrainedModel, take_snapshots
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.train.backtest import LearntBaselines, report_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["evaluate_model"]


def evaluate_model(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    as_of_dates: Iterable[object],
    outcome_closes: tuple[int, int] | None = None,
    progress: Callable[[str], None] | None = None,
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
    progress : callable, optional
        Called with a French line per step.

    Raises
    ------
    NotEnoughDataError
        No row with an outcome on these dates.

    Warns
    -----
    TrainingWarning
        When an evaluated school year is one that the model was trained on.
    """
    month, day = outcome_closes or model.trained_on["outcome_closes"]
    table = outcomes_for(records, outcomes)
    test = take_snapshots(records, table, as_of_dates, closes=(month, day), progress=progress)
    test = test.take(test.rows["level"].isin(model.levels).to_numpy())
    notes = _notes(model, test)
    groups = (
        model.reference_groups(test.rows["level"], date(2000, 1, 1))
        if not len(test.rows)
        else _groups(model, test)
    )
    risk = model.risk_model.risk(test.features, groups)
    learnt, missing = _learnt(model, records, table, test, (month, day), progress)
    return report_on(
        test,
        risk,
        learnt,
        title=f"Évaluation de {model.model_id}",
        synthetic=model.demo,
        notes=(*notes, *missing),
    )


def _groups(model: TrainedModel, test: Snapshots) -> npt.NDArray[np.object_]:
    """Reference group of each row: those of its own as-of date."""
    import pandas as pd  # noqa: PLC0415 - only here

    groups = pd.Series("", index=test.rows.index, dtype=object)
    for day, of_day in test.rows.groupby("as_of"):
        groups.loc[of_day.index] = model.reference_groups(of_day["level"], day)
    return groups.to_numpy(dtype=object)


def _notes(model: TrainedModel, test: Snapshots) -> list[str]:
    seen = sorted(set(model.trained_on["school_years"]) & {int(year) for year in test.rows["school_year"]})
    notes = (
        [f"Lignes laissées de côté : {number(sum(test.left_out.values()))} ({_causes(test)})."]
        if test.left_out
        else []
    )
    if seen:
        years = ", ".join(map(str, seen))
        warnings.warn(
            f"The school years {years} were in the training of {model.model_id}: these figures flatter it. "
            "Hint: evaluate on a later school year.",
            TrainingWarning,
            stacklevel=3,
        )
        notes.append(f"Le modèle a appris sur les années {years} : ces chiffres sont trop favorables.")
    return notes


def _causes(test: Snapshots) -> str:
    return ", ".join(f"{cause} : {number(count)}" for cause, count in test.left_out.items())


def _learnt(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: pd.DataFrame,
    test: Snapshots,
    closes: tuple[int, int],
    progress: Callable[[str], None] | None,
) -> tuple[Sequence[npt.NDArray[np.float64]], tuple[str, ...]]:
    """Scores of the baselines that learn, on the model's training dates; none, with the cause, without them."""
    first = records.enrolments["start_date"].min().date()
    dates = [date.fromisoformat(day) for day in model.trained_on["as_of"]]
    if any(day <= first for day in dates):
        return (), (
            "Régression logistique et taux d'établissement non mesurés : années d'apprentissage absentes.",
        )
    try:
        train = take_snapshots(records, outcomes, dates, closes=closes, progress=progress)
    except NotEnoughDataError:
        return (), (
            "Régression logistique et taux d'établissement non mesurés : aucune ligne d'apprentissage.",
        )
    if len(set(train.outcome.tolist())) == 1:
        return (), (
            "Régression logistique et taux d'établissement non mesurés : une seule issue à l'apprentissage.",
        )
    return [baseline.score for baseline in LearntBaselines.fit(train)(test)], ()
