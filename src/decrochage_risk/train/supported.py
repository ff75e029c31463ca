"""Pupils whom a measure has helped: what training does with their rows.

A support changes the outcome that the model learns from, and those who get one are not like the others. Three ways,
none of them right for every use:

``keep`` (the default)
    Every row is learnt from as it happened. The risk then reads "with the support that schools give today", which is
    what calibration is checked against, and what a school that goes on supporting will see. Supports that work make
    the same signs look less serious than they would be alone, the more so the more pupils they reach.
``censor``
    The outcome of a school year in which a measure started is not known as it would have been: its rows are left out,
    unless the pupil had left before the start. Earlier and later school years are learnt from.
``exclude``
    Rows of the school year of the first measure and of all later ones are left out.

Both of the latter take away rows of pupils who mostly had high risks, and more of those who stayed than of those who
left: what remains can be calibrated worse for the pupils who matter most. Hence the default, with the count of
supported rows in the card, so that the choice can be looked at again as supports become more frequent.
(Van Geloven et al., "Prediction meets causal inference", European Journal of Epidemiology 2020, on predicting under
treatment.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, RecordsError, TrainingWarning, explain_error, warn_caller
from decrochage_risk.evaluate.disclosure import pupils_tell_few
from decrochage_risk.french import plural
from decrochage_risk.records.reading import as_frame
from decrochage_risk.school_year import day_number, to_date, year_start
from decrochage_risk.small_cells import HIDDEN, is_small

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.model import Snapshots

__all__ = ["SUPPORTED", "Helped", "set_apart_supported"]

Helped = Literal["keep", "exclude", "censor"]

SUPPORTED = "outcome changed by a support"
"""Why a row was left out of training, in ``Snapshots.left_out``."""

_WORDS = {"keep": "gardées", "exclude": "laissées de côté", "censor": "laissées de côté (issue censurée)"}


def set_apart_supported(
    snapshots: Snapshots,
    outcomes: pd.DataFrame,
    supported: Any,  # noqa: ANN401 - any table
    helped: Helped,
) -> tuple[Snapshots, list[str]]:
    """Keep, exclude or censor the rows of supported pupils.

    Parameters
    ----------
    snapshots : Snapshots
        Rows of training.
    outcomes : DataFrame
        Canonical ``outcomes`` table, for the days of exit.
    supported : table or None
        ``pupil_id`` and ``started_on``, one row per measure.
    helped : {"keep", "exclude", "censor"}
        See the module.

    Returns
    -------
    tuple of Snapshots and list of str
        The rows to learn from, and a French line for the card.

    Raises
    ------
    RecordsError
        Another ``helped``, or one without the table it needs; a table without its columns, or with unreadable days.

    Warns
    -----
    TrainingWarning
        No supported pupil has a row.
    """
    if helped not in get_args(Helped):
        choices = '"keep", "exclude" or "censor"'
        raise RecordsError(
            explain_error(f"helped={helped!r}", expected=choices, hint="Leave it out to keep every row.")
        )
    if supported is None:
        if helped == "keep":
            return snapshots, []
        hint = "Pass supported=feedback.measures_started()."
        raise RecordsError(
            explain_error(f"helped={helped!r} without supported", expected="the supported pupils", hint=hint)
        )
    starts = _starts(supported)
    _warn_of_strangers(starts, snapshots)
    out = _touched(snapshots, starts, outcomes, later_years=helped == "exclude")
    line = (
        f"{_rows_told(snapshots.rows, out)} : {_WORDS[helped]} ({_starts_told(snapshots.rows, out, starts)})"
    )
    if helped == "keep":
        return snapshots, [line]
    return snapshots.set_apart(np.where(out, SUPPORTED, "").astype(object)), [line]


def _rows_told(rows: pd.DataFrame, out: npt.NDArray[np.bool_]) -> str:
    """Say how many rows of how many pupils a support may have changed, as far as the card may print it."""
    whom, pupils = "pour qui une mesure avait commencé", rows["pupil_id"]
    # The others are what is missing from the rows of the card.
    if is_small(pupils[out].nunique(), pupils[~out].nunique()):
        return f"lignes d'élèves {whom}, effectif {HIDDEN}"
    count = plural(int(out.sum()), "ligne")
    if pupils_tell_few(pupils[out], rows["as_of"][out].astype(str)):
        return f"{count} d'élèves (effectif {HIDDEN}) {whom}"
    return f"{count} de {plural(pupils[out].nunique(), 'élève')} {whom}"


def _starts_told(rows: pd.DataFrame, out: npt.NDArray[np.bool_], starts: pd.DataFrame) -> str:
    """Say how many starts are known, unless they are of few pupils, or tell of few that they have two, or no row."""
    more = len(starts) - rows["pupil_id"][out].nunique()
    if is_small(starts["pupil_id"].nunique(), abs(more)):
        return f"débuts de mesure connus : {HIDDEN}s"
    return plural(len(starts), "début de mesure connu", "débuts de mesure connus")


def _warn_of_strangers(starts: pd.DataFrame, snapshots: Snapshots) -> None:
    """Warn when no supported pupil has a row: ids of another pseudonymisation would otherwise pass as nobody helped."""
    pupil_ids = set(snapshots.rows["pupil_id"].astype(str))
    if len(starts) and not starts["pupil_id"].isin(pupil_ids).any():
        warn_caller(
            f"None of the {starts['pupil_id'].nunique()} pupils of supported has a row of training. Hint: check that its "
            "pupil_id are pseudonymised as those of the extracts.",
            TrainingWarning,
        )


def _starts(supported: Any) -> pd.DataFrame:  # noqa: ANN401 - any table
    """Read the table: a pupil and the day number of a start per row."""
    frame = as_frame(supported)
    missing = [name for name in ("pupil_id", "started_on") if name not in frame.columns]
    first_days = [] if missing else frame["started_on"].tolist()
    start = [_day_of(value) for value in first_days]
    unread = [value for value, day in zip(first_days, start, strict=True) if day is None]
    if missing or unread:
        came = (
            f"supported lacks {', '.join(missing)}"
            if missing
            else f"{len(unread)} starts that are no day, the first is {unread[0]!r}"
        )
        raise RecordsError(
            explain_error(
                came,
                expected='a table with pupil_id and started_on, a day in every row, as text "2025-03-17"',
                hint="Feedback.measures_started() gives it.",
            )
        )
    pupils = frame["pupil_id"].astype(str).to_numpy(dtype=object)
    return pd.DataFrame({"pupil_id": pupils, "start": np.array(start, dtype=np.int64)})


def _day_of(value: object) -> int | None:
    """Give the number of a day; None for what is none, or has to be guessed at (03/04/2025, 20250403)."""
    try:
        return day_number(to_date(value))
    except AsOfError:
        return None


def _touched(
    snapshots: Snapshots, starts: pd.DataFrame, outcomes: pd.DataFrame, *, later_years: bool
) -> npt.NDArray[np.bool_]:
    """Rows whose outcome a support may have changed."""
    rows = snapshots.rows
    first_day = rows["school_year"].map(
        {year: day_number(year_start(year)) for year in set(rows["school_year"])}
    )
    spans = pd.DataFrame(
        {
            "row": np.arange(len(rows)),
            "pupil_id": rows["pupil_id"].astype(str).to_numpy(dtype=object),
            # Before any day: with "exclude" a start of any earlier year counts too.
            "first_day": np.full(len(rows), -(10**9)) if later_years else first_day.to_numpy(),
            "matured": rows["matured"].to_numpy(),
        }
    )
    spans_with_start = spans.merge(starts, on="pupil_id")
    spans_with_start = spans_with_start[
        (spans_with_start["start"] >= spans_with_start["first_day"])
        & (spans_with_start["start"] <= spans_with_start["matured"])
    ]
    has_start = np.zeros(len(rows), dtype=np.bool_)
    has_start[spans_with_start["row"]] = True
    if later_years:
        return has_start
    first_start = spans_with_start.groupby("row")["start"].min().reindex(np.arange(len(rows))).to_numpy()
    # A comparison with NaN is false: an undated leaver may have left after the start.
    gone_before = (snapshots.outcome == 1) & (_exit_day(rows, outcomes) < first_start)
    affects_label: npt.NDArray[np.bool_] = has_start & ~gone_before
    return affects_label


def _exit_day(rows: pd.DataFrame, outcomes: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Day number of the dated outcome of each row's pupil and school year; NaN without one."""
    keys = ["pupil_id", "school_year"]
    exit_dates = outcomes.loc[outcomes["date"].notna(), [*keys, "date"]].drop_duplicates(keys)
    days = exit_dates["date"].to_numpy().astype("datetime64[D]").astype(np.float64)
    index = pd.MultiIndex.from_arrays(
        [exit_dates["pupil_id"].astype(str), exit_dates["school_year"].astype(np.int64)]
    )
    row_keys = pd.MultiIndex.from_arrays([rows["pupil_id"].astype(str), rows["school_year"].astype(np.int64)])
    return np.asarray(pd.Series(days, index=index).reindex(row_keys), dtype=np.float64)
