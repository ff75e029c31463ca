"""Training rows: the pupils at risk on several as-of dates a year, with what was known then and what came of it.

What is predicted is leaving without a diploma between the as-of date and the closing day, of the same school year
(horizon of one year) or of the second one after it (three years, for the vigilance from the 4e on). Somebody moved abroad,
deceased or lost from sight is censored: never counted as having stayed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, ModelError, NotEnoughDataError, explain_error
from decrochage_risk.features import CONTEXT_COLUMNS, FEATURE_BY_NAME, context_values, values_of
from decrochage_risk.records.cross_checks import leavers_enrolled
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.outcome_table import TrainingTables
from decrochage_risk.records.transmission import find_transmission
from decrochage_risk.risk.numeric_table import copied
from decrochage_risk.school_year import day_number, school_year_of, to_dates
from decrochage_risk.small_cells import hidden_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.records.transmission import Transmission


__all__ = [
    "CENSORED",
    "DEFAULT_CLOSES",
    "HORIZONS",
    "LAST_DAY_IN_YEAR",
    "MATRIX_COLUMNS",
    "MINIMUM_DAYS",
    "TOO_SHORT",
    "Labels",
    "Snapshots",
    "TrainingRecords",
    "check_horizon",
    "closing_day",
    "days_of_data",
    "default_as_of_dates",
    "label",
    "matrix_with_context",
    "no_rows_error",
    "places_of",
    "reference_label",
    "take_snapshots",
    "values_with_context",
]

DEFAULT_CLOSES = (11, 1)
"""Month and day on which the outcome of a school year closes, after the year (DESIGN: 1 November)."""

HORIZONS = (1, 3)
"""School years after which the outcome closes: the year (lycée), or the path (collège, from the 4e on)."""

CENSORED = (
    "left before the as-of date",
    "outcome unknown",
    "no outcome for this school year",
    "left, but enrolled on the closing day",
)
"""Why an outcome is neither 1 nor 0."""

LAST_DAY_IN_YEAR = (6, 30)
"""A leaver dated up to this day left during the year; later, or without a date: did not come back in September."""


@dataclass(frozen=True)
class Labels:
    """Outcome of each pupil of the records, seen from one as-of date.

    Attributes
    ----------
    outcome : array of float64, shape (pupils,)
        1 left without a diploma by the closing day, 0 did not, NaN censored.
    cause : array of str, shape (pupils,)
        Why a pupil is censored (a key of ``CENSORED``), "" otherwise.
    exit_kind : array of str, shape (pupils,)
        "in_year" or "non_return" for leavers, "" otherwise.
    """

    outcome: npt.NDArray[np.float64]
    cause: npt.NDArray[np.str_]
    exit_kind: npt.NDArray[np.str_]


def check_horizon(horizon_years: object) -> int:
    """Give a horizon that is one.

    Raises
    ------
    ModelError
        When it is neither 1 nor 3.

    Examples
    --------
    >>> check_horizon(3)
    3
    """
    if isinstance(horizon_years, int) and not isinstance(horizon_years, bool) and horizon_years in HORIZONS:
        return horizon_years
    raise ModelError(
        explain_error(
            f"horizon_years={horizon_years!r}",
            expected=f"one of {', '.join(map(str, HORIZONS))}",
            hint="1: leaving by the closing day of the school year; 3: by that of the second school year after it.",
        )
    )


def closing_day(school_year: int, closes: tuple[int, int] = DEFAULT_CLOSES, horizon_years: int = 1) -> date:
    """Day on which the outcome of a school year closes.

    Parameters
    ----------
    school_year : int
        2024 = 2024-25.
    closes : tuple of int
        Month and day, in the calendar year in which the school year ends.
    horizon_years : int
        1 for the school year's own closing day, 3 for that of the second school year after it.

    Raises
    ------
    ModelError
        When the pair is no day of a year.

    Examples
    --------
    >>> closing_day(2024), closing_day(2024, horizon_years=3)
    (datetime.date(2025, 11, 1), datetime.date(2027, 11, 1))
    """
    try:
        return date(school_year + horizon_years, *closes)
    except (TypeError, ValueError) as error:
        raise ModelError(
            explain_error(
                f"outcome_closes={closes!r}",
                expected="a month and a day such as (11, 1)",
                hint="1 November after the school year is the default.",
            )
        ) from error


def label(
    outcomes: pd.DataFrame,
    known: KnownRecords,
    closes: tuple[int, int] = DEFAULT_CLOSES,
    horizon_years: int = 1,
    enrolments: pd.DataFrame | None = None,
) -> Labels:
    """Label every pupil of the records, as seen from ``known.as_of``.

    A leaver is positive when the leaving date is on or after ``as_of`` and before the closing day, or is not known.
    A leaver dated before ``as_of`` had already left and is censored; one dated on or after the closing day had not
    left yet and is negative. Who left by the outcomes and is enrolled on the closing day by the enrolments is neither: one of
    the two is wrong, and nobody knows which.

    Over three years, what counts is where the pupil stands at the end: a leaver who came back is none, unless gone again; a
    diploma of any of the years is one; who has no row in the last year has left if the last row said so, and is otherwise
    censored, like a pupil whose outcome of any year on the way is unknown. Nobody has an outcome before the table holds the
    last year.

    Parameters
    ----------
    outcomes : DataFrame
        Canonical ``outcomes`` table, one row per pupil and school year.
    known : KnownRecords
        Records cut at the as-of date.
    closes : tuple of int
        Month and day on which the outcome closes.
    horizon_years : int
        1, or 3: see `HORIZONS`.
    enrolments : DataFrame, optional
        Canonical ``enrolments`` table, the stays after ``as_of`` too: they tell of the outcome, as ``outcomes`` do.
    """
    if horizon_years > 1:
        return _label_path(outcomes, known, closes, horizon_years, enrolments)
    of_year = outcomes[outcomes["school_year"] == known.school_year].set_index("pupil_id")
    outcome_rows = of_year.reindex(known.pupil_ids)
    event = outcome_rows["outcome"].astype("str").to_numpy(dtype=object)
    day = outcome_rows["date"].to_numpy(dtype="datetime64[D]")
    as_of, closing = np.datetime64(known.as_of), np.datetime64(closing_day(known.school_year, closes))
    left = event == "left_without_diploma"
    # NaT compares as false both ways: a leaver without a date is neither already nor later, so positive
    already, later = left & (day < as_of), left & (day >= closing)
    back = left & ~already & ~later & _enrolled_again(of_year, enrolments, closes, known.pupil_ids)
    positive = left & ~already & ~later & ~back
    negative = np.isin(event, ["continued", "graduated"]) | later
    already_left, unknown, no_row, enrolled = CENSORED
    cause = np.select(
        [positive | negative, already, event == "unknown", back],
        ["", already_left, unknown, enrolled],
        no_row,
    )
    in_year = day <= np.datetime64(date(known.school_year + 1, *LAST_DAY_IN_YEAR))
    exit_kind = np.where(positive, np.where(in_year, "in_year", "non_return"), "")
    return Labels(np.select([positive, negative], [1.0, 0.0], np.nan), cause, exit_kind)


def _enrolled_again(
    of_year: pd.DataFrame,
    enrolments: pd.DataFrame | None,
    closes: tuple[int, int],
    pupil_ids: pd.Index[str],
) -> npt.NDArray[np.bool_]:
    """Tell which pupils left by the outcomes of one year and are enrolled on its closing day all the same."""
    left = of_year[of_year["outcome"] == "left_without_diploma"].reset_index()
    if enrolments is None or left.empty:
        return np.zeros(len(pupil_ids), dtype=np.bool_)
    later = enrolments[enrolments["school_year"] > int(left["school_year"].iloc[0])]
    rows = leavers_enrolled(left, later, closes)["outcome_row"]
    return pupil_ids.isin(left.loc[rows, "pupil_id"])


def _label_path(
    outcomes: pd.DataFrame,
    known: KnownRecords,
    closes: tuple[int, int],
    horizon_years: int,
    enrolments: pd.DataFrame | None,
) -> Labels:
    """Label over several school years: the state that the pupil's rows of these years end in."""
    already_left, unknown, no_row, enrolled = CENSORED
    pupils, last_year = known.pupil_count, known.school_year + horizon_years - 1
    state, exit_kind = np.full(pupils, np.nan), np.full(pupils, "", dtype=object)
    # Without any outcome of the last year, nobody's path is known to its end: no row is a 0.
    if not (outcomes["school_year"] >= last_year).any():
        return Labels(state, np.full(pupils, no_row), exit_kind.astype(str))
    closing = np.datetime64(closing_day(known.school_year, closes, horizon_years))
    is_already, is_unknown, has_diploma, is_last, is_back = np.zeros((5, pupils), dtype=np.bool_)
    for year in range(known.school_year, last_year + 1):
        rows_of_year = outcomes[outcomes["school_year"] == year].set_index("pupil_id")
        of_year = rows_of_year.reindex(known.pupil_ids)
        event = of_year["outcome"].astype("str").to_numpy(dtype=object)
        day = of_year["date"].to_numpy(dtype="datetime64[D]")
        left = event == "left_without_diploma"
        is_already |= left & (day < np.datetime64(known.as_of))
        # not `day < closing`: a leaver without a date (NaT) has left
        exits = left & ~(day >= closing)
        here = np.isin(event, ["continued", "graduated"]) | (left & ~exits)
        # Later years overwrite: who left and came back has not left for good.
        state = np.select([exits, here], [1.0, 0.0], state)
        back = _enrolled_again(rows_of_year, enrolments, closes, known.pupil_ids)
        is_back = np.select([exits, here], [back, False], is_back)
        in_year = day <= np.datetime64(date(year + 1, *LAST_DAY_IN_YEAR))
        exit_kind = np.select([exits, here], [np.where(in_year, "in_year", "non_return"), ""], exit_kind)
        is_unknown |= event == "unknown"
        has_diploma |= event == "graduated"
        is_last = exits | here
    # Without a row in the last year: gone for good if the last row said so, lost from sight otherwise.
    is_settled = has_diploma | is_last | (state == 1.0)
    causes = [
        (is_already, already_left),
        (is_unknown & ~has_diploma, unknown),
        (~is_settled, no_row),
        (is_back & ~has_diploma, enrolled),
    ]
    cause = np.select([holds for holds, _ in causes], [words for _, words in causes], "")
    # A diploma settles it, whatever came after.
    outcome = np.where(cause != "", np.nan, np.where(has_diploma, 0.0, state))
    return Labels(outcome, cause, np.where(outcome == 1.0, exit_kind, "").astype(str))


MINIMUM_DAYS = 21
"""Enrolled days of the school year, covered by absences or grades, under which nobody is scored (3 weeks)."""

TOO_SHORT = "under 3 weeks of covered data"
"""Why an enrolled pupil is left out of the snapshots whatever the outcome; the other causes censor the outcome."""

# Two months apart, each just after holidays (DESIGN.md, section 5: early November to early May).
_DEFAULT_DAYS = ((11, 5), (1, 6), (3, 5), (5, 5))
"""Month and day of the default as-of dates: early November to early May."""

_SEPTEMBER = 9

MATRIX_COLUMNS: tuple[str, ...] = (*FEATURE_BY_NAME, *CONTEXT_COLUMNS)
"""Columns of the matrix that a model is fitted on: the catalogue, then the context."""


@cache
def places_of(columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Find the columns of a model in the matrix."""
    places = np.array([MATRIX_COLUMNS.index(name) for name in columns], dtype=np.intp)
    # The cache hands out one array to all callers.
    places.setflags(write=False)
    return places


@dataclass(frozen=True)
class Snapshots:
    """Rows of training or evaluation: one per pupil at risk and as-of date.

    Attributes
    ----------
    features : DataFrame of float64, shape (rows, columns)
        Catalogue and context columns; a large table lies in a file, see `decrochage_risk.risk.numeric_table`.
    outcome : array of float64, shape (rows,)
        0 or 1.
    rows : DataFrame, shape (rows, ...)
        ``pupil_id``, ``as_of``, ``school_year``, ``level``, ``school_id``, ``network_id``, ``sex`` (audit only),
        ``exit_kind``, ``reference_group``, ``observed`` and ``matured`` (day numbers).
    left_out : dict of str to int
        Enrolled pupils who were left out, by cause, counted once per as-of date.
    transmissions : tuple of Transmission
        What the schools had sent on each as-of date.
    pupils_left_out : dict of str to int
        Distinct pupils of each cause of ``left_out``; a cause that it does not name is taken for one of few.
    """

    features: pd.DataFrame
    outcome: npt.NDArray[np.float64]
    rows: pd.DataFrame
    left_out: dict[str, int]
    transmissions: tuple[Transmission, ...] = ()
    pupils_left_out: dict[str, int] = field(default_factory=dict)

    def take(self, mask: npt.NDArray[np.bool_]) -> Snapshots:
        """Keep some rows."""
        return Snapshots(
            copied(self.features, rows=mask),
            self.outcome[mask],
            self.rows[mask].reset_index(drop=True),
            self.left_out,
            self.transmissions,
            self.pupils_left_out,
        )

    def with_left_out(self, cause: str, rows: int, pupils: int) -> Snapshots:
        """Count further rows as left out, with their distinct pupils."""
        counts = Counter(self.left_out) + Counter({cause: rows})
        # They may be the same pupils as before: the larger count is what is sure.
        people = {**self.pupils_left_out, cause: max(pupils, self.pupils_left_out.get(cause, 0))}
        return replace(self, left_out=dict(sorted(counts.items())), pupils_left_out=people)

    def set_apart(self, cause: npt.NDArray[np.object_]) -> Snapshots:
        """Keep the rows whose cause is empty, and count the others as left out by theirs."""
        kept, pupils = self.take(cause == ""), self.rows["pupil_id"]
        for why, count in Counter(cause[cause != ""].tolist()).items():
            kept = kept.with_left_out(why, count, pupils[cause == why].nunique())
        return kept

    def told_left_out(self, *, total: bool = False) -> dict[str, int | None]:
        """Give ``left_out`` with what may be printed of it: three pupils have twelve rows on four dates.

        With ``total``, their sum is printed too.
        """
        return hidden_counts(self.left_out, people=self.people_left_out(), total=total)

    def people_left_out(self) -> dict[str, int]:
        """Give the distinct pupils of every cause of ``left_out``, as few as there may be."""
        return {cause: self.pupils_left_out.get(cause, min(rows, 1)) for cause, rows in self.left_out.items()}


def default_as_of_dates(school_years: Iterable[int]) -> tuple[date, ...]:
    """5 November, 6 January, 5 March and 5 May of each school year.

    Examples
    --------
    >>> [day.isoformat() for day in default_as_of_dates([2023])]
    ['2023-11-05', '2024-01-06', '2024-03-05', '2024-05-05']
    """
    return tuple(
        date(year if month >= _SEPTEMBER else year + 1, month, day)
        for year in sorted(set(school_years))
        for month, day in _DEFAULT_DAYS
    )


def reference_label(level: str, as_of: date) -> str:
    """Group of the reference pupil: the same level, the same month of the year."""
    return f"{level}@{as_of.month:02d}"


def matrix_with_context(known: KnownRecords) -> pd.DataFrame:
    """Catalogue and context columns of every pupil, indexed by ``pupil_id``."""
    index = pd.Index(known.pupil_ids, name="pupil_id")
    return pd.DataFrame(values_with_context(known), index=index, columns=list(MATRIX_COLUMNS))


def values_with_context(known: KnownRecords) -> npt.NDArray[np.float64]:
    """Array of :func:`matrix_with_context`: one row per pupil, columns ``MATRIX_COLUMNS``."""
    return np.concatenate([values_of(known), context_values(known)], axis=1)


def days_of_data(known: KnownRecords) -> npt.NDArray[np.int64]:
    """Enrolled days since 1 September of the pupils whose last three weeks are covered, 0 for the others.

    A pupil counts as covered when ``absences`` or ``grades`` is in the extract on every enrolled day of the last
    three weeks.
    """
    first, after = known.year_start_day, known.as_of_day
    rows = known.arrays.enrolments
    days = np.maximum(np.minimum(rows.end, after - 1) - np.maximum(rows.start, first) + 1, 0)
    enrolment_days = np.bincount(rows.pupil, weights=days, minlength=known.pupil_count).astype(np.int64)
    coverage = np.zeros(known.pupil_count, dtype=np.bool_)
    for table in ("absences", "grades"):
        if getattr(known.arrays, table) is not None:
            # One table is enough for something to be known of a pupil.
            coverage |= ~known.not_covered(table, max(first, after - MINIMUM_DAYS), after)
    return np.where(coverage, enrolment_days, 0)


class TrainingRecords(TrainingTables, Protocol):
    """Records that take their own snapshots: in parts, larger than memory, or on another engine.

    ``train_model`` asks for nothing else, so that what holds the events may be anything.
    """

    def snapshots(
        self, dates: Sequence[date], *, closes: tuple[int, int], horizon_years: int = 1
    ) -> Snapshots:
        """Take the rows of every date, in the order that :func:`take_snapshots` gives."""


def take_snapshots(
    records: PupilRecords,
    outcomes: pd.DataFrame,
    as_of_dates: Iterable[object],
    *,
    closes: tuple[int, int] = DEFAULT_CLOSES,
    horizon_years: int = 1,
    may_be_empty: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Snapshots:
    """Take the rows of every as-of date.

    A pupil is at risk on a date when a known enrolment is open that day and three weeks of data are covered. Pupils
    who are not enrolled that day have no row; those who are but have too little data or a censored outcome are left
    out and counted. The rows are in the order of the dates and of the pupil ids, whatever the order of the records.

    Parameters
    ----------
    records : PupilRecords
        Checked records.
    outcomes : DataFrame
        Canonical ``outcomes`` table.
    as_of_dates : iterable of date
        Any order; duplicates count once.
    closes : tuple of int
        Month and day on which the outcome of a school year closes.
    horizon_years : int
        1, or 3: see `HORIZONS`; a row matures on the closing day of its last school year.
    may_be_empty : bool
        Whether no row at all is an answer: these are some pupils of many.
    progress : callable, optional
        Called with a French line per date.

    Raises
    ------
    NotEnoughDataError
        When no row remains, with the causes.
    AsOfError
        When the outcome of a date had closed by then: nothing of it is left to be foreseen.
    """
    parts, apart, left_out = [], [], Counter[str]()
    days = sorted(set(to_dates(as_of_dates)))
    _refuse_closed(days, closes, horizon_years)
    for day in days:
        if progress is not None:
            progress(f"Lecture au {day.isoformat()}")
        part, causes = _snapshot(records.known_on(day), records, outcomes, closes, horizon_years)
        parts.append(part)
        apart.append(causes)
        left_out.update(causes["cause"].tolist())
    if not may_be_empty and not sum(len(part.outcome) for part in parts):
        raise no_rows_error(left_out)
    return Snapshots(
        copied(*(part.features for part in parts)),
        np.concatenate([part.outcome for part in parts]),
        pd.concat([part.rows for part in parts], ignore_index=True),
        dict(sorted(left_out.items())),
        tuple(each for part in parts for each in part.transmissions),
        {
            str(cause): int(count)
            for cause, count in pd.concat(apart).groupby("cause")["pupil_id"].nunique().items()
        },
    )


def _refuse_closed(days: Sequence[date], closes: tuple[int, int], horizon_years: int) -> None:
    closed = {day: closing_day(school_year_of(day), closes, horizon_years) for day in days}
    late = [f"{day.isoformat()} (closed on {end.isoformat()})" for day, end in closed.items() if day >= end]
    if late:
        raise AsOfError(
            explain_error(
                f"As-of dates on or after the day on which their outcome closes: {', '.join(late)}",
                expected="dates before the closing day: who leaves between the two is what is learnt",
                hint="Choose earlier dates, or a later outcome_closes; 1 November after the school year is the default.",
            )
        )


def _snapshot(
    known: KnownRecords,
    records: PupilRecords,
    outcomes: pd.DataFrame,
    closes: tuple[int, int],
    horizon_years: int,
) -> tuple[Snapshots, pd.DataFrame]:
    # The only place where what came later meets what was known: labels here, features from the cut records.
    labels = label(outcomes, known, closes, check_horizon(horizon_years), records.enrolments)
    short = days_of_data(known) < MINIMUM_DAYS
    cause = np.where(short & known.enrolled, TOO_SHORT, labels.cause)
    at_risk = np.flatnonzero(known.enrolled & (cause == ""))
    # By id, so that the rows of a training do not hang on the order of the extract.
    keep = at_risk[np.argsort(known.pupil_ids.to_numpy(dtype=object)[at_risk], kind="stable")]
    rows = pd.DataFrame(
        {
            "pupil_id": np.asarray(known.pupil_ids),
            "as_of": pd.Series([known.as_of] * known.pupil_count, dtype=object),
            "school_year": school_year_of(known.as_of),
            "level": np.array([*LEVEL_NAMES, ""], dtype=object)[known.level],
            "school_id": _current(records, known, "school_id"),
            "network_id": _current(records, known, "network_id"),
            "sex": records.pupils["sex"].astype(object).to_numpy(),
            "exit_kind": labels.exit_kind,
            "observed": known.as_of_day,
            "matured": day_number(closing_day(known.school_year, closes, horizon_years)),
        }
    )
    rows = rows.iloc[keep].reset_index(drop=True)
    # One text per level, not per row.
    labels_of = {level: reference_label(level, known.as_of) for level in rows["level"].unique()}
    rows["reference_group"] = rows["level"].map(labels_of).astype(object)
    features = copied(matrix_with_context(known), rows=keep)
    # Of the enrolled only: nobody else was at risk, so nothing was left out.
    out = known.enrolled & (cause != "")
    apart = pd.DataFrame({"pupil_id": np.asarray(known.pupil_ids)[out], "cause": cause[out]})
    return Snapshots(features, labels.outcome[keep], rows, {}, (find_transmission(known),)), apart


def _current(records: PupilRecords, known: KnownRecords, column: str) -> npt.NDArray[np.object_]:
    values = np.append(records.enrolments[column].to_numpy(dtype=object), [None])
    return values[known.current_enrolment_row]  # -1, nobody's row, is the last one


def no_rows_error(left_out: Mapping[str, int]) -> NotEnoughDataError:
    """Word the error for outcomes of which none is of a pupil at risk, with the causes."""
    causes = (
        "; ".join(f"{count} {cause}" for cause, count in sorted(left_out.items())) or "nobody was enrolled"
    )
    return NotEnoughDataError(
        explain_error(
            f"No pupil with an outcome was at risk on any as-of date ({causes})",
            expected="pupils enrolled on the as-of dates, with a row in outcomes for that school year",
            hint="Check the as-of dates and the school_year column of outcomes; 2024 stands for 2024-25.",
        )
    )
