"""When labels mature: which outcomes are known on a given day, and which would be learnt before they happened.

The outcome of a row (a pupil at an as-of date) is known once its window has closed. A label read earlier looks like
"did not leave" for everyone who is still to leave: it is never learnt from and never measured on.
"""

from __future__ import annotations

from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.school_year.dates import date_of_number, day_number

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


class MaturityRow(BaseModel):
    """The labels of one as-of date.

    Attributes
    ----------
    school_year : int
        2024 = 2024-2025.
    as_of : date
        When the rows were observed.
    closes_on : date
        When their outcome window closes.
    rows : int or None
        Pupils at risk that day; None where hidden.
    events : int or None
        Of them, those with the event; None for labels that are not mature, and where hidden.
    mature : bool or None
        Whether the window had closed on the day that was asked about; None when no day was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    school_year: int
    as_of: date
    closes_on: date
    rows: int | None
    events: int | None
    mature: bool | None


def mature_on(matured: npt.ArrayLike, day: date) -> npt.NDArray[np.bool_]:
    """Whether each label is known on the morning of a day: its window closed on or before it.

    Parameters
    ----------
    matured : array_like of int, shape (rows,)
        Day number (days since 1970) on which the outcome window of each row closes.
    day : date
        The day.

    Examples
    --------
    >>> closes = day_number("2024-11-01")
    >>> mature_on([closes], date(2024, 11, 1)), mature_on([closes], date(2024, 10, 31))
    (array([ True]), array([False]))
    """
    return np.asarray(np.asarray(matured) <= day_number(day), dtype=np.bool_)


def maturity_table(
    rows: pd.DataFrame, outcome: npt.NDArray[np.float64], *, on: date | None = None
) -> tuple[MaturityRow, ...]:
    """List the as-of dates with the day their labels close, nothing hidden (a report hides what it must).

    Parameters
    ----------
    rows : DataFrame
        With ``school_year``, ``observed`` and ``matured`` (day numbers), as in ``Snapshots.rows``.
    outcome : array of 0/1 of shape (rows,)
        Outcome of each row.
    on : date, optional
        The day on which labels must be known: the first as-of date of a test, or the day of the extract.

    Returns
    -------
    tuple of MaturityRow
        In the order of the as-of dates.

    Examples
    --------
    >>> import pandas as pd
    >>> day, closes = day_number("2024-03-05"), day_number("2024-11-01")
    >>> rows = pd.DataFrame({"school_year": [2023] * 9, "observed": [day] * 9, "matured": [closes] * 9})
    >>> (one,) = maturity_table(rows, np.repeat([0.0, 1.0], [3, 6]), on=date(2024, 9, 1))
    >>> one.closes_on.isoformat(), one.rows, one.events, one.mature
    ('2024-11-01', 9, None, False)
    """
    keys = rows[["observed", "matured", "school_year"]].assign(event=outcome)
    counts = keys.groupby(["observed", "matured", "school_year"])["event"].agg(["size", "sum"])
    return tuple(
        _row((int(as_of_day), int(closing_day), int(year)), int(size), int(events), on)
        for (as_of_day, closing_day, year), size, events in zip(
            counts.index, counts["size"], counts["sum"], strict=True
        )
    )


def _row(key: tuple[int, int, int], rows: int, events: int, on: date | None) -> MaturityRow:
    as_of_day, closing_day, year = key
    mature = None if on is None else closing_day <= day_number(on)
    return MaturityRow(
        school_year=year,
        as_of=date_of_number(as_of_day),
        closes_on=date_of_number(closing_day),
        rows=rows,
        # Before its window has closed a count of leavers is a guess from below.
        events=None if mature is False else events,
        mature=mature,
    )
