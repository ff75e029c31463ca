"""The list actually issued: how many situations it holds, how many leavers it finds, how many it misses.

A list is a mark per row: above the thresholds of a policy, or the first so many of each school on each date.
"""

from __future__ import annotations

from datetime import date  # pydantic reads the annotation at run time
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.evaluate.groups import share_of
from decrochage_risk.evaluate.rows import checked_rows, sorted_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.groups import Share
    from decrochage_risk.evaluate.rows import Codes, Floats

CAPACITY: Final = 20
"""Situations that a school is taken to be able to look at on one date, unless it says otherwise."""
LEVEL: Final = 0.95
_RANGE: Final = (0.1, 0.5, 0.9)


class ListFigures(BaseModel):
    """What one list holds, on one date or on all of them.

    Attributes
    ----------
    name : str
        Which list, in French.
    as_of : date or None
        The date; None = all dates together, pupils then counting once per date.
    rows, listed, events, hits : int or None
        Rows, rows on the list, rows with the event, and those of them on the list; None where hidden
        (`decrochage_risk.small_cells`), with the figures that follow from them.
    expected, expected_low, expected_high : float or None
        Leavers that the announced risks promise among the listed, with a 95 % interval of what may come.
    precision, recall, false_alarm : float or None, each with ``_low`` and ``_high``
        Share of the listed with the event; of those with the event that are listed; of those without that are.
    lift : float or None
        Precision over the rate of all rows.
    per_school, per_school_low, per_school_high : float or None
        Situations on the list of a school on one date: median, first and last tenth of the schools;
        None for under 11 schools in a report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    as_of: date | None = None
    rows: int | None
    listed: int | None
    events: int | None
    hits: int | None
    expected: float | None
    expected_low: float | None
    expected_high: float | None
    precision: float | None = None
    precision_low: float | None = None
    precision_high: float | None = None
    recall: float | None = None
    recall_low: float | None = None
    recall_high: float | None = None
    false_alarm: float | None = None
    false_alarm_low: float | None = None
    false_alarm_high: float | None = None
    lift: float | None = None
    per_school: float | None = None
    per_school_low: float | None = None
    per_school_high: float | None = None


def capacity_list(
    risk: npt.ArrayLike,
    schools: Any,  # noqa: ANN401  # any column
    as_of: Any,  # noqa: ANN401  # any column
    *,
    capacity: int = CAPACITY,
    tie_break: npt.ArrayLike | None = None,
    aside: npt.ArrayLike | None = None,
) -> npt.NDArray[np.bool_]:
    """Mark the `capacity` highest risks of each school on each date.

    Parameters
    ----------
    risk : array_like of shape (rows,)
        Announced risk.
    schools, as_of : array_like of shape (rows,)
        School and date of each row.
    capacity : int
        Situations that a school can look at on one date, at least 1.
    tie_break : array_like of shape (rows,), optional
        Pupil ids that order equal risks, compared as text; the order of the rows otherwise.
    aside : array_like of bool of shape (rows,), optional
        Rows that are on no list and take no place: no known fact raises their risk.

    Raises
    ------
    ModelError
        A capacity under 1.

    Examples
    --------
    >>> capacity_list([0.3, 0.1, 0.2, 0.1], ["a", "a", "a", "b"], ["2025-03-05"] * 4, capacity=2).tolist()
    [True, False, True, True]
    """
    if capacity < 1:
        raise ModelError(
            explain_error(
                f"capacity={capacity}",
                expected="a whole number from 1",
                hint="Say how many situations a school can look at on one date.",
            )
        )
    is_aside = (
        np.zeros(len(np.asarray(risk)), dtype=np.bool_)
        if aside is None
        else np.asarray(aside, dtype=np.bool_)
    )
    # Under every risk: the places that they would take go to pupils of whom a fact is known.
    risks = np.where(is_aside, -np.inf, np.asarray(risk, dtype=np.float64))
    # School and date as one number.
    lists = sorted_codes(schools) * (len(risks) + 1) + sorted_codes(as_of)
    ties = np.arange(len(risks)) if tie_break is None else sorted_codes(tie_break)
    # lexsort takes its last key first: by list, then the highest risk, then the tie-break.
    order = np.lexsort((ties, -risks, lists))
    keys = lists[order]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]][: len(keys)])
    rank = np.arange(len(keys)) - np.repeat(first, np.diff(np.r_[first, len(keys)]))
    marks = np.empty(len(risks), dtype=np.bool_)
    marks[order] = rank < capacity
    return marks & ~is_aside


def list_figures(
    name: str,
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    listed: npt.ArrayLike,
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    schools: Any = None,  # noqa: ANN401  # any column
    as_of: Any = None,  # noqa: ANN401  # any column
) -> tuple[ListFigures, ...]:
    """Measure a list: on all dates together, then on each.

    Intervals of shares allow for several rows of one pupil. The interval of the leavers to expect treats pupils as
    independent and the dates of one pupil as one event (the widest case): normal, from zero to the listed.

    Parameters
    ----------
    name : str
        Which list, in French.
    outcome, risk : array_like of shape (rows,)
        0 or 1; the announced probability.
    listed : array_like of bool of shape (rows,)
        Whether the row is on the list.
    pupils, schools, as_of : array_like of shape (rows,), optional
        Pupil, school and date of each row.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> (whole,) = list_figures("liste", [1, 0, 1, 0], [0.9, 0.5, 0.2, 0.1], [True, True, False, False])
    >>> whole.listed, whole.hits, whole.expected, whole.precision, whole.recall, whole.lift
    (2, 1, 1.4, 0.5, 0.5, 1.0)
    """
    optional = {"listed": listed, "pupils": pupils, "schools": schools, "as_of": as_of}
    columns = {key: values for key, values in optional.items() if values is not None}
    outcomes, risks = checked_rows(outcome, risk, probability=True, columns=columns)
    people = np.arange(len(outcomes)) if pupils is None else sorted_codes(pupils)
    marks = np.asarray(listed, dtype=np.bool_)
    places = None if schools is None else sorted_codes(schools)
    everywhere = np.ones(len(outcomes), dtype=np.bool_)
    days = np.zeros(len(outcomes), dtype=np.intp) if as_of is None else sorted_codes(as_of)
    parts = [(None, everywhere)]
    if as_of is not None:
        values = np.asarray(as_of, dtype=object)
        parts += [(values[days == day][0], days == day) for day in range(int(days.max()) + 1)]
    return tuple(
        _figures(name, day, outcomes[rows], risks[rows], marks[rows], people[rows])
        if places is None
        else _figures(name, day, outcomes[rows], risks[rows], marks[rows], people[rows]).model_copy(
            update=_workload(marks[rows], places[rows], days[rows])
        )
        for day, rows in parts
    )


def _figures(
    name: str, day: date | None, outcome: Floats, risk: Floats, marks: npt.NDArray[np.bool_], pupils: Codes
) -> ListFigures:
    event = outcome == 1
    expectation, half = _expected(risk[marks], pupils[marks])
    precision = share_of(event, marks, pupils)
    shares = {
        **_bounds("precision", precision),
        **_bounds("recall", share_of(marks, event, pupils)),
        **_bounds("false_alarm", share_of(marks, ~event, pupils)),
    }
    rate = float(event.mean())
    return ListFigures(
        name=name,
        as_of=day,
        rows=len(outcome),
        listed=int(marks.sum()),
        events=int(event.sum()),
        hits=int((event & marks).sum()),
        expected=expectation,
        expected_low=max(expectation - half, 0.0),
        expected_high=min(expectation + half, float(marks.sum())),
        lift=precision.share / rate if precision is not None and rate else None,
        **shares,
    )


def _bounds(name: str, share: Share | None) -> dict[str, float]:
    if share is None:
        return {}
    return {name: share.share, f"{name}_low": share.low, f"{name}_high": share.high}


def _expected(risk: Floats, pupils: Codes) -> tuple[float, float]:
    """Sum of the risks, and half the interval of the events that may come."""
    if not len(risk):
        return 0.0, 0.0
    order = np.lexsort((risk, pupils))
    # Deviations of one pupil add up before they are squared: the dates of a pupil leave or stay together.
    spread = np.bincount(pupils[order], weights=np.sqrt(risk * (1 - risk))[order])
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return float(risk[order].sum()), reach * sqrt(float((spread**2).sum()))


def _workload(marks: npt.NDArray[np.bool_], schools: Codes, days: Codes) -> dict[str, float]:
    """Situations per school and date, over the schools that have rows that day."""
    # Over the schools that have rows that day: one without a listed pupil counts as 0, one without rows not
    # at all.
    _, place = np.unique(schools * (int(days.max()) + 1) + days, return_inverse=True)
    low, middle, high = np.quantile(np.bincount(place, weights=marks), _RANGE)
    return {"per_school": float(middle), "per_school_low": float(low), "per_school_high": float(high)}
