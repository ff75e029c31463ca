"""The true probability over three school years: out without a diploma on 1 November after the third of them.

The rest of the year and the two years after it are drawn many times for every pupil, from the chains that the cohort itself is
drawn from: weeks, tests, moves, orientation, repeats, diplomas. Whether a pupil leaves is never drawn: along each path the chance
of it is computed, week by week, so the mean over the paths has the scatter of the paths alone. An exact recursion would need every
combination of marks, schools and wishes of two years; the standard error says how far a mean of paths may be from it.

Known to it is all that the cohort knows of the pupil on that morning (ability, school, hidden class, a move of the year), not
the wishes that are on record: orientation is drawn anew. Nobody's outcome is lost: it is the chance of those who are not censored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.chain import Facts, make_chain, next_states, sigmoid
from decrochage_risk.synthetic.marks import draw_first_tests
from decrochage_risk.synthetic.places import draw_moves, settle
from decrochage_risk.synthetic.population import IN_3E, NO_PAST, draw_orientation, draw_year_end
from decrochage_risk.synthetic.year import WISH_OF_RANK, past_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain
    from decrochage_risk.synthetic.population import Population
    from decrochage_risk.synthetic.weeks import SchoolWeeks
    from decrochage_risk.synthetic.year import YearTrace

    Floats = npt.NDArray[np.float64]
    Chances = Callable[[int, npt.NDArray[np.intp], npt.NDArray[np.intp]], tuple[Floats, Floats]]

__all__ = ["chance_over_three_years", "stay_to_the_end"]

YEARS = 3


def stay_to_the_end(
    chain: Chain,
    weeks: SchoolWeeks,
    row: npt.NDArray[np.intp],
    state: npt.NDArray[np.intp],
    first_week: int,
    rng: np.random.Generator,
    of_first_week: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Draw the weeks of a year to its end, and give the chance of being there until 1 November after it.

    Parameters
    ----------
    chain : Chain
    weeks : SchoolWeeks
    row, state : int arrays
        Row of the chain of each pupil, and the state at the start of ``first_week``.
    first_week : int
        Where the drawing begins.
    rng : Generator
    of_first_week : pair of arrays, optional
        Chances of an absence and of a low mark in the first week, of which some days may have passed.

    Returns
    -------
    stays : float array
        Chance, along the path that was drawn, of not leaving.
    absent_weeks : int array
        Weeks of the path with an absence that is not excused.
    """
    stays, absent_weeks = np.ones(row.size), np.zeros(row.size, dtype=np.intp)
    for week in range(first_week, len(weeks)):
        in_company = chain.placement[row, week]
        if week == first_week and of_first_week is not None:
            absence, low = of_first_week
        else:
            daily = sigmoid(chain.absence[row, state] + chain.absence_season[week])
            absence = 1.0 - (1.0 - daily) ** int(weeks.count[week])
            low = sigmoid(chain.low[row, state])
        # The first week is that of the tests: no absence, nobody leaves.
        is_marked = (rng.random(row.size) < absence) & ~in_company & (week > 0)
        is_low = rng.random(row.size) < low
        after = next_states(state, marked=is_marked, low=is_low if chain.has_round(week) else None)
        state = np.where(in_company | (week == 0), state, after)
        absent_weeks += is_marked
        if week > 0:
            stays *= 1.0 - sigmoid(chain.leaving[row, state] + chain.leaving_season[week])
    return stays * (1.0 - sigmoid(chain.summer[row, state])), absent_weeks


def chance_over_three_years(
    trace: YearTrace,
    who: npt.NDArray[np.intp],
    week: int,
    of_week: tuple[Floats, Floats] | None,
    later: Mapping[int, tuple[SchoolWeeks, YearTrace]],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Mean chance over some paths of being out without a diploma when the third school year closes; and its standard error.

    Parameters
    ----------
    trace : YearTrace
        Of the year of the day.
    who : int array
        Positions in the year.
    week : int
        The first week that is not over; the number of weeks when the year is.
    of_week : pair of arrays or None
        Chances of an absence and of a low mark in that week; None when no week is left.
    later : mapping of int to (SchoolWeeks, YearTrace)
        Weeks of the two school years after, and the trace whose regime they have.
    draws : int
        Paths of each pupil, 2 or more.
    rng : Generator

    Returns
    -------
    probability, standard_error : float arrays
    """
    total, squares = np.zeros(who.size), np.zeros(who.size)
    for _ in range(draws):
        chance = _one_path(trace, who, week, of_week, later, rng)
        total += chance
        squares += chance**2
    mean = total / draws
    scatter = np.maximum(squares / draws - mean**2, 0.0) * draws / (draws - 1)
    return mean, np.sqrt(scatter / draws)


def _one_path(
    trace: YearTrace,
    who: npt.NDArray[np.intp],
    week: int,
    of_week: tuple[Floats, Floats] | None,
    later: Mapping[int, tuple[SchoolWeeks, YearTrace]],
    rng: np.random.Generator,
) -> Floats:
    """Chance along one path: leaving this year and not back, or going on and leaving in one of the two years after."""
    first, walk, row = trace.weeks.school_year, trace.walk, trace.walk.row[who]
    state = walk.states[week, who].astype(np.intp)
    stays, absent_weeks = stay_to_the_end(trace.chain, trace.weeks, row, state, week, rng, of_week)
    absent_weeks += (walk.absent_days[:week, who] > 0).sum(axis=0)
    past = past_of(trace.chain, row, absent_weeks)
    people = trace.people.take(who)
    people.home = trace.move.home[who]
    has_moved = trace.move.week[who] < len(trace.weeks)
    left_level, returners = people.level.copy(), trace.people.take(who)
    returners.home = people.home.copy()
    graduates = _go_on(people, trace.band[who], past, has_moved, rng)
    stays_second, graduates_second = _year(people, *later[first + 1], rng, goes_on=True)
    stays_third, _ = _year(people, *later[first + 2], rng, goes_on=False)
    # Back after a year out, at the level that was left, with nothing on record of the year before.
    returners.level, returners.past, returners.upheaval = (
        left_level,
        np.full(who.size, NO_PAST, dtype=np.intp),
        np.ones(who.size, dtype=np.intp),
    )
    stays_back, _ = _year(returners, *later[first + 2], rng, goes_on=False)
    back = (trace.regime.risk.returns, later[first + 1][1].regime.risk.returns)
    if_left = (1.0 - back[0]) + back[0] * (1.0 - stays_back)
    # Who leaves in the second year and comes back is enrolled again on the closing day of the third.
    third = np.where(graduates_second, 0.0, 1.0 - stays_third)
    goes_on = (1.0 - stays_second) * (1.0 - back[1]) + stays_second * third
    chance: Floats = (1.0 - stays) * if_left + stays * np.where(graduates, 0.0, goes_on)
    return chance


def _year(
    people: Population, weeks: SchoolWeeks, trace: YearTrace, rng: np.random.Generator, *, goes_on: bool
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Draw a whole later year: the chance of staying, and who graduates at its end; ``people`` moves on if asked."""
    regime = trace.regime
    schools = regime.schools
    place = settle(schools, people.home, people.level, rng)
    tests = draw_first_tests(people.ability, people.level, schools.mark_shift[place.school], rng)
    everyone = np.arange(len(people))
    facts = Facts(
        level=people.level,
        behind=people.years_behind(everyone, weeks.school_year),
        wish=people.wish,
        band=tests.band,
        past=people.past,
        upheaval=people.upheaval,
        climate=schools.climate[place.school],
    )
    cell, cells = facts.cells()
    chain = make_chain(cells, trace.difficulty, weeks, regime.risk, regime.rates)
    classes = chain.hidden_classes
    row = cell * classes + rng.choice(classes, size=cell.size, p=chain.shares)
    stays, absent_weeks = stay_to_the_end(chain, weeks, row, np.zeros(cell.size, dtype=np.intp), 0, rng)
    if not goes_on:
        return stays, np.zeros(cell.size, dtype=np.bool_)
    move = draw_moves(schools, place, people.home, len(weeks), rng)
    people.home = move.home
    past = past_of(chain, row, absent_weeks)
    return stays, _go_on(people, tests.band, past, move.week < len(weeks), rng)


def _go_on(
    people: Population,
    band: npt.NDArray[np.intp],
    past: npt.NDArray[np.intp],
    has_moved: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Move pupils who stay into the next year, as a year of the cohort does; and say who graduates."""
    orientation = draw_orientation(people.level, band, people.girl, rng)
    year_end = draw_year_end(people.level, orientation, rng)
    is_assigned = IN_3E[people.level] & ~year_end.repeats
    people.wish = np.where(is_assigned, WISH_OF_RANK[orientation.rank], people.wish)
    people.past = past
    people.upheaval = (has_moved | year_end.changes_track).astype(np.intp)
    people.level = year_end.level
    return year_end.graduates
