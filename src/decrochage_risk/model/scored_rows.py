"""Rows with an outcome, as a trained model scores them: those it cannot score are counted, labels not mature refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error
from decrochage_risk.model.snapshots import closing_day
from decrochage_risk.risk.uncertainty import member_mean
from decrochage_risk.school_year import school_year_of, to_date, to_dates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model.snapshots import Snapshots
    from decrochage_risk.model.trained_model import TrainedModel

__all__ = ["ScoredRows", "groups_of", "mature_dates", "score_rows", "why_not_scored"]

UNKNOWN_LEVEL = "level not seen in training"
OUTSIDE_TRAINING = "outside the range of the training"
"""Why a row cannot be scored; added to the causes of :class:`Snapshots`."""


@dataclass(frozen=True)
class ScoredRows:
    """Rows that a model can score, and its raw log-odds of them.

    Attributes
    ----------
    snapshots : Snapshots
        The rows that remain; ``left_out`` counts the others by cause.
    groups : array of str, shape (rows,)
        Reference group of each row.
    raw_log_odds, log_odds : arrays of float64, shape (rows,)
        Before and after calibration.
    """

    snapshots: Snapshots
    groups: npt.NDArray[np.object_]
    raw_log_odds: npt.NDArray[np.float64]
    log_odds: npt.NDArray[np.float64]


def score_rows(model: TrainedModel, snapshots: Snapshots) -> ScoredRows:
    """Score the rows that a model gives a risk, each against the references of its own as-of date.

    Raises
    ------
    NotEnoughDataError
        No row is of a level that the model knows, within the range of its training.
    """
    cause = why_not_scored(model, snapshots)
    if (cause != "").all():
        raise NotEnoughDataError(_none_scored(model, snapshots, cause))
    rows = snapshots.set_apart(cause)
    groups = groups_of(model, rows)
    matrix = model.risk_model.filled(rows.features, groups)
    raw = member_mean(model.risk_model.member_log_odds(matrix))
    return ScoredRows(rows, groups, raw, model.risk_model.calibration_of(matrix).apply(raw))


def why_not_scored(model: TrainedModel, snapshots: Snapshots) -> npt.NDArray[np.object_]:
    """Give the cause for which a model has no risk for a row, as in scoring; empty where it has one."""
    is_level = snapshots.rows["level"].isin(model.levels).to_numpy(dtype=np.bool_)
    outside = model.risk_model.outside_training(snapshots.features)
    causes = np.select([~is_level, outside], [UNKNOWN_LEVEL, OUTSIDE_TRAINING], "")
    return causes.astype(object)


def _none_scored(model: TrainedModel, snapshots: Snapshots, cause: npt.NDArray[np.object_]) -> str:
    levels = ", ".join(sorted(set(snapshots.rows["level"])))
    what = (
        f"None of the {len(cause)} rows is of a level that {model.model_id} was trained on: they are of {levels}"
        if (cause == UNKNOWN_LEVEL).all()
        else f"None of the {len(cause)} rows is within the range of the training of {model.model_id}"
    )
    return explain_error(
        what,
        expected=f"pupils of {', '.join(model.levels)}, with values such as those of the training",
        hint="Take records of these levels, in the same units, or train a model on the others.",
    )


def groups_of(model: TrainedModel, snapshots: Snapshots) -> npt.NDArray[np.object_]:
    """Find the reference group of each row, on its own as-of date."""
    level, as_of = snapshots.rows["level"].to_numpy(), snapshots.rows["as_of"].to_numpy()
    groups = np.full(len(level), "", dtype=object)
    # One call per date: a reference group hangs on level and month.
    for day in set(as_of):
        groups[as_of == day] = model.reference_groups(level[as_of == day], day)
    return groups


def mature_dates(
    as_of_dates: Iterable[object],
    labels_known_on: object,
    closes: tuple[int, int],
    horizon_years: int = 1,
) -> tuple[list[date], date]:
    """Read as-of dates whose outcomes had closed on the day that the outcomes were known.

    Parameters
    ----------
    as_of_dates : iterable of date or ISO text
        At least one.
    labels_known_on : date or ISO text
        Day on which the outcomes were extracted.
    closes : tuple of int
        Month and day on which the outcome of a school year closes.
    horizon_years : int
        School years after which it closes.

    Raises
    ------
    ModelError
        No date, or labels that were not mature: every such school year is named.

    Examples
    --------
    >>> mature_dates(["2025-03-05"], "2025-11-01", (11, 1))[0]
    [datetime.date(2025, 3, 5)]
    """
    day = to_date(labels_known_on)
    dates = sorted(set(to_dates(as_of_dates)))
    years = sorted({school_year_of(one) for one in dates})
    early = [
        f"{year}-{year + 1} closes on {last_day}"
        for year in years
        if (last_day := closing_day(year, closes, horizon_years)) > day
    ]
    if not dates or early:
        raise ModelError(
            explain_error(
                f"Labels are not mature: the outcomes were known on {day}, and {'; '.join(early)}"
                if early
                else "No as-of date came",
                expected="as-of dates of school years whose outcome window closed on or before that day",
                hint="Until then a leaver may still come back, and who has not left yet would count as staying: wait, "
                "or leave these as-of dates out.",
            )
        )
    return dates, day
