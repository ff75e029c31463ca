"""What is predicted: leaving without a diploma between the as-of date and the closing day.

Somebody moved abroad, deceased or lost from sight is censored: never counted as having stayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.records.known import KnownRecords

__all__ = ["CENSORED", "DEFAULT_CLOSES", "Labels", "closing_day", "label"]

DEFAULT_CLOSES = (11, 1)
"""Month and day on which the outcome of a school year closes, after the year (DESIGN: 1 November)."""

CENSORED = ("left before the as-of date", "outcome unknown", "no outcome for this school year")
"""Why an outcome is neither 1 nor 0."""

_LAST_DAY_IN_YEAR = (6, 30)
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


def closing_day(school_year: int, closes: tuple[int, int] = DEFAULT_CLOSES) -> date:
    """Day on which the outcome of a school year closes.

    Parameters
    ----------
    school_year : int
        2024 = 2024-25.
    closes : tuple of int
        Month and day, in the calendar year in which the school year ends.

    Raises
    ------
    ModelError
        When the pair is no day of a year.

    Examples
    --------
    >>> closing_day(2024)
    datetime.date(2025, 11, 1)
    """
    try:
        return date(school_year + 1, *closes)
    except (TypeError, ValueError) as error:
        raise ModelError(
            explain_error(
                f"outcome_closes={closes!r}",
                expected="a month and a day such as (11, 1)",
                hint="1 November after the school year is the default.",
            )
        ) from error


def label(outcomes: pd.DataFrame, known: KnownRecords, closes: tuple[int, int] = DEFAULT_CLOSES) -> Labels:
    """Label every pupil of the records, as seen from ``known.as_of``.

    A leaver is positive when the leaving date is on or after ``as_of`` and before the closing day, or is not known.
    A leaver dated before ``as_of`` had already left and is censored; one dated on or after the closing day had not
    left yet and is negative.

    Parameters
    ----------
    outcomes : DataFrame
        Canonical ``outcomes`` table, one row per pupil and school year.
    known : KnownRecords
        Records cut at the as-of date.
    closes : tuple of int
        Month and day on which the outcome closes.
    """
    of_year = outcomes[outcomes["school_year"] == known.school_year].set_index("pupil_id")
    found = of_year.reindex(known.pupil_ids)
    event = found["outcome"].astype("str").to_numpy(dtype=object)
    day = found["date"].to_numpy(dtype="datetime64[D]")
    as_of, closed = np.datetime64(known.as_of), np.datetime64(closing_day(known.school_year, closes))
    left = event == "left_without_diploma"
    already, later = left & (day < as_of), left & (day >= closed)
    positive = left & ~already & ~later
    negative = np.isin(event, ["continued", "graduated"]) | later
    already_left, unknown, no_row = CENSORED
    cause = np.select([positive | negative, already, event == "unknown"], ["", already_left, unknown], no_row)
    in_year = day <= np.datetime64(date(known.school_year + 1, *_LAST_DAY_IN_YEAR))
    exit_kind = np.where(positive, np.where(in_year, "in_year", "non_return"), "")
    return Labels(np.select([positive, negative], [1.0, 0.0], np.nan), cause, exit_kind)
