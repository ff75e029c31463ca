"""The true probability of leaving without a diploma, as it is on the morning of any as-of date.

Exact, by backward recursion over the weeks on the 64 visible states of each cell: after the last week, the odds of not
being back in September; before it, leaving at the end of the week or going on from the state after it. Inside a week,
the days and the assessment that are already on record are held fixed. Where classes of pupils are hidden, the visible
truth is the mean over the classes, weighted by what the records of the year say about them (forward filter), and
the latent truth is that of the pupil's own class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import AsOfError, explain_error
from decrochage_risk.synthetic.chain import EVERY_STATE, assessment_day, next_states, sigmoid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain
    from decrochage_risk.synthetic.year import YearTrace

__all__ = ["at_risk", "chance_from_start", "truth_on"]

_MATHS = 0


def truth_on(
    trace: YearTrace, days: Iterable[int]
) -> Iterator[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Yield, for each as-of day of the year: the day, who is enrolled, visible and latent probability.

    Parameters
    ----------
    trace : YearTrace
    days : iterable of int
        Days since 1970-01-01 within the school year.

    Yields
    ------
    day : int
    who : int array
        Positions in the year (not in the population).
    probability, latent : float arrays
        Of leaving without a diploma between the day and 1 November after the year.

    Raises
    ------
    AsOfError
        A day before the end of the first school week, whose tests the risk depends on.
    """
    sorted_days = sorted(set(days))
    weeks = {day: trace.weeks.week_at(day) for day in sorted_days}
    _refuse_first_week(trace, [day for day in sorted_days if weeks[day] == 0])
    ahead = _ahead(trace.chain, trace.weeks.count, set(weeks.values()))
    for day in sorted_days:
        who = np.flatnonzero(at_risk(trace, day))
        by_class = _by_class(trace, who, day, weeks[day], ahead[weeks[day]])
        own_class = trace.walk.row[who] % trace.chain.hidden_classes
        latent = by_class[own_class, np.arange(who.size)]
        weights = _class_weights(trace, who, day, weeks[day])
        yield day, who, (weights * by_class).sum(axis=0), latent


def at_risk(trace: YearTrace, day: int) -> npt.NDArray[np.bool_]:
    """Whether each pupil of the year has, on the morning of ``day``, a known enrolment that is open.

    An enrolment is known the day after its first day; one that has begun that very morning is not.
    """
    weeks, walk, move = trace.weeks, trace.walk, trace.move
    last_week = np.minimum(walk.leaving_week, len(weeks) - 1)
    stays = (walk.leaving_week == len(weeks)) | (weeks.last_days[last_week] >= day)
    arrival = np.minimum(move.week, len(weeks) - 1)
    # The first stay is closed, the second one not known yet.
    between = (weeks.monday(arrival) <= day) & (day <= weeks.days[arrival, 0])
    moving = (move.week < len(weeks)) & (walk.leaving_week >= move.week) & between
    mask: npt.NDArray[np.bool_] = stays & ~moving & (weeks.first_day < day)
    return mask


def chance_from_start(chain: Chain, days: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Probability, at the end of the first week, of leaving: one per row of the chain; ``days`` of each week."""
    return _ahead(chain, days, {0})[0][:, 0]


def _refuse_first_week(trace: YearTrace, too_early: list[int]) -> None:
    if not too_early:
        return
    dates = ", ".join(str(np.datetime64(day, "D")) for day in too_early)
    first = np.datetime64(int(trace.weeks.last_days[0]) + 1, "D")
    raise AsOfError(
        explain_error(
            f"The true probability was asked for on {dates}",
            expected=f"days from {first} to 31 August {trace.weeks.school_year + 1}",
            hint="The risk depends on the tests of the first school week; ask for a day after it.",
        )
    )


def _ahead(
    chain: Chain, days: npt.NDArray[np.intp], target_weeks: set[int]
) -> dict[int, npt.NDArray[np.float64]]:
    """For each wanted week: probability of leaving from its end on, by the state after it (rows, 64).

    For the number of weeks itself (the year is over): that of not being back, by the last state.
    """
    weeks = len(days)
    value_of_week: dict[int, npt.NDArray[np.float64]] = {}
    value = sigmoid(chain.summer)
    if weeks in target_weeks:
        value_of_week[weeks] = value
    for week in range(weeks - 1, min(target_weeks) - 1, -1):
        leaving = chain.leaving_in(week)
        after = leaving + (1.0 - leaving) * value
        if week in target_weeks:
            value_of_week[week] = after
        value = _before(chain, week, int(days[week]), after)
    return value_of_week


def _before(chain: Chain, week: int, days: int, after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Value by the state at the start of a week of which no day has passed yet."""
    mark_chance = 1.0 - (1.0 - chain.absence_in(week)) ** days
    low = sigmoid(chain.low)
    value = np.zeros_like(after)
    for is_marked in (False, True):
        of_marked = mark_chance if is_marked else 1.0 - mark_chance
        if not chain.has_round(week):
            value += of_marked * after[:, next_states(EVERY_STATE, marked=is_marked, low=None)]
            continue
        value += of_marked * (1.0 - low) * after[:, next_states(EVERY_STATE, marked=is_marked, low=False)]
        value += of_marked * low * after[:, next_states(EVERY_STATE, marked=is_marked, low=True)]
    # A week in a company leaves the state as it is.
    return np.where(chain.placement[:, week, None], after, value)


def _by_class(
    trace: YearTrace, who: npt.NDArray[np.intp], day: int, week: int, after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Probability of each pupil if it were of each hidden class, shape (classes, pupils)."""
    chain, walk = trace.chain, trace.walk
    classes = chain.hidden_classes
    # The rows of a cell lie side by side, one per hidden class.
    rows = walk.row[who] // classes * classes + np.arange(classes)[:, None]
    state = walk.states[week, who].astype(np.intp)
    value_now: npt.NDArray[np.float64] = after[rows, state]
    if week == len(trace.weeks):
        return value_now
    mark_chance, low = (
        _chance_of_mark(trace, who, rows, day, week),
        _chance_of_low(trace, who, rows, day, week),
    )
    value = np.zeros(rows.shape)
    for is_marked in (False, True):
        of_marked = mark_chance if is_marked else 1.0 - mark_chance
        for is_low in (False, True):
            of_low = low if is_low else 1.0 - low
            following = next_states(state, marked=is_marked, low=is_low if chain.has_round(week) else None)
            value += of_marked * of_low * after[rows, following]
    return np.where(chain.placement[rows, week], value_now, value)


def _chance_of_mark(
    trace: YearTrace, who: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Chance that the week ends with an absence not excused: 1 if one is on record, else that of the days to come."""
    days_before = trace.weeks.days_before(week, day)
    has_mark = (trace.walk.absent_days[week, who] & ((1 << days_before) - 1)) > 0
    daily = trace.chain.absence_in(week)[rows, trace.walk.states[week, who]]
    return np.where(has_mark, 1.0, 1.0 - (1.0 - daily) ** (trace.weeks.count[week] - days_before))


def _chance_of_low(
    trace: YearTrace, who: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Chance that the maths assessment of the week is low or missing: 0 or 1 once it has taken place."""
    place = assessment_day(trace.group[who], _MATHS, week, int(trace.weeks.count[week]))
    has_result = place < trace.weeks.days_before(week, day)
    chance = sigmoid(trace.chain.low)[rows, trace.walk.states[week, who]]
    known_or_not: npt.NDArray[np.float64] = np.where(has_result, trace.walk.low[week, who], chance)
    return known_or_not


def _class_weights(
    trace: YearTrace, who: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Weight of each hidden class given the records of the year, shape (classes, pupils); each column sums to 1."""
    chain, walk = trace.chain, trace.walk
    classes = chain.hidden_classes
    if classes == 1:
        return np.ones((1, who.size))
    rows = walk.row[who] // classes * classes + np.arange(classes)[:, None]
    weight = np.repeat(np.log(chain.shares)[:, None], who.size, axis=1)
    # Without the first week: nothing is drawn in it that tells the classes apart.
    for past in range(1, min(week + 1, len(trace.weeks))):
        days_before = trace.weeks.days_before(past, day)
        daily = chain.absence_in(past)[rows, walk.states[past, who]]
        absent = np.bitwise_count(walk.absent_days[past, who] & ((1 << days_before) - 1))
        # In a company no absence can be on record: 0 times the log of 1.
        odds = np.log(np.where(daily > 0, daily, 1.0))
        weight += absent * odds + (days_before - absent) * np.log1p(-daily)
        if past < week:
            # Who is still there did not leave at the end of that week, from the state after it.
            weight += np.log1p(-chain.leaving_in(past)[rows, walk.states[past + 1, who]])
    # Less the largest: the likelihood of a whole year is smaller than a float can hold.
    likelihood = np.exp(weight - weight.max(axis=0))
    weights: npt.NDArray[np.float64] = likelihood / likelihood.sum(axis=0)
    return weights
