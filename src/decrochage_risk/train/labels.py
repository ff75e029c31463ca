"""Which labels may be used: those of the right school year, and known on the day that counts."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import NotEnoughDataError, RecordsError, explain_error
from decrochage_risk.evaluate import mature_on
from decrochage_risk.model import Snapshots
from decrochage_risk.school_year import year_start

__all__ = ["NOT_CLOSED", "mature_only", "refuse_shifted_years"]

NOT_CLOSED: Final = "outcome window not closed yet"
"""Why a row is left out when its label was read before its time."""
_SHARE: Final = 0.5
_LEAST: Final = 5


def mature_only(snapshots: Snapshots, day: date | None) -> Snapshots:
    """Keep the rows whose outcome was known on a day, and count the others.

    Parameters
    ----------
    snapshots : Snapshots
        Rows with their labels.
    day : date or None
        The day on which the outcomes were extracted; None keeps every row.

    Raises
    ------
    NotEnoughDataError
        When no outcome window had closed.
    """
    if day is None:
        return snapshots
    known = mature_on(snapshots.rows["matured"].to_numpy(), day)
    if known.all():
        return snapshots
    if not known.any():
        raise NotEnoughDataError(
            explain_error(
                f"None of the {len(known)} labels was known on {day.isoformat()}: their outcome windows close later",
                expected="at least one school year whose outcome window had closed",
                hint="Add earlier school years, or wait for the closing day before training and evaluating.",
            )
        )
    kept = snapshots.take(known)
    left_out = {**snapshots.left_out, NOT_CLOSED: int((~known).sum())}
    return Snapshots(kept.features, kept.outcome, kept.rows, dict(sorted(left_out.items())))


def refuse_shifted_years(outcomes: pd.DataFrame) -> None:
    """Refuse outcomes whose school years were swapped or shifted.

    A leaver of a school year leaves from 1 September of that year to the end of the year after. When most of the dated
    leavers of a year lie outside, the column ``school_year`` is wrong, and every label with it.

    Parameters
    ----------
    outcomes : DataFrame
        Canonical ``outcomes`` table.

    Raises
    ------
    RecordsError
        Naming every school year of which this holds.

    Examples
    --------
    >>> left = {"outcome": "left_without_diploma", "date": pd.Timestamp("2024-03-01")}
    >>> refuse_shifted_years(pd.DataFrame([{"school_year": 2023, **left}] * 9))
    >>> refuse_shifted_years(pd.DataFrame([{"school_year": 2022, **left}] * 9))
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.RecordsError: Leavers are dated outside their school year: 9 of 9 of 2022.
    ...
    """
    dated = outcomes[(outcomes["outcome"] == "left_without_diploma") & outcomes["date"].notna()]
    if dated.empty:
        return
    year = dated["school_year"].astype(int)
    first = year.map(lambda one: pd.Timestamp(year_start(one)))
    last = year.map(lambda one: pd.Timestamp(date(one + 1, 12, 31)))
    outside = ((dated["date"] < first) | (dated["date"] > last)).to_numpy(dtype=np.bool_)
    counted = pd.Series(outside).groupby(year.to_numpy()).agg(["sum", "size"])
    wrong = counted[(counted["sum"] > _SHARE * counted["size"]) & (counted["sum"] >= _LEAST)]
    if len(wrong):
        told = ", ".join(f"{row['sum']} of {row['size']} of {one}" for one, row in wrong.iterrows())
        raise RecordsError(
            explain_error(
                f"Leavers are dated outside their school year: {told}",
                expected="school_year 2023 for somebody who left from September 2023 to the end of 2024",
                hint="Check that the school years of outcomes were not swapped or shifted by one.",
            )
        )
