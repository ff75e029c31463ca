"""One school year of the cohort: what the weeks bring, the rows of every table, who goes on to what, and what lists say of it.

The order is that of a year: schools and first tests, the weeks, orientation, the end. What an extract does not tell
(gaps, outcomes that lists get wrong) is applied last, so that the truth stays that of the whole year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.chain import Facts, make_chain, walk_year
from decrochage_risk.synthetic.events import absence_rows, first_day_rows, round_rows
from decrochage_risk.synthetic.marks import draw_first_tests, mark_rows, with_averages, with_habits
from decrochage_risk.synthetic.places import Move, draw_moves, enrolment_rows, settle, with_gaps
from decrochage_risk.synthetic.population import (
    ENTRY_TO_LYCEE,
    IN_3E,
    Orientation,
    YearEnd,
    draw_orientation,
    draw_year_end,
    entry_ranks,
)
from decrochage_risk.synthetic.settings import ABSENCE, RISK
from decrochage_risk.synthetic.weeks import stack

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain, Walk
    from decrochage_risk.synthetic.marks import FirstTests
    from decrochage_risk.synthetic.places import Gaps, Place
    from decrochage_risk.synthetic.population import Population
    from decrochage_risk.synthetic.schools import YearRegime
    from decrochage_risk.synthetic.settings import Difficulty
    from decrochage_risk.synthetic.weeks import Columns, SchoolWeeks


__all__ = [
    "CONTINUED",
    "NO_DATE",
    "OUTCOMES",
    "WISH_OF_RANK",
    "YEARS_OUT",
    "YearTrace",
    "as_listed",
    "draw_outcomes",
    "outcome_rows",
    "past_of",
    "run_year",
]

NO_DATE = -1
"""Day of an outcome without one."""
OUTCOMES = ("continued", "graduated", "left_without_diploma", "unknown")
CONTINUED, _GRADUATED, _LEFT, _UNKNOWN = range(4)


def draw_outcomes(walk: Walk, year_end: YearEnd, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Outcome of each pupil; unknown falls on anyone, whatever became of them."""
    outcome = np.where(walk.left, _LEFT, np.where(year_end.graduates, _GRADUATED, CONTINUED))
    return np.where(rng.random(outcome.size) < RISK.unknown, _UNKNOWN, outcome)


def as_listed(
    outcome: npt.NDArray[np.intp], walk: Walk, difficulty: Difficulty, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Outcome as the lists have it: some who stay are listed as leavers, some who are not back are not listed."""
    draw = rng.random(outcome.size)
    stays = (outcome == CONTINUED) | (outcome == _GRADUATED)
    not_back = (outcome == _LEFT) & walk.not_back
    list_outcome = np.where(stays & (draw < difficulty.wrongly_left), _LEFT, outcome)
    return np.where(not_back & (draw < difficulty.wrongly_stayed), CONTINUED, list_outcome)


def outcome_rows(outcome: npt.NDArray[np.intp], walk: Walk, weeks: SchoolWeeks) -> Columns:
    """One row per pupil; dated for who left within the year only."""
    in_year = (walk.leaving_week < len(weeks)) & (outcome == _LEFT)
    last_week = np.minimum(walk.leaving_week, len(weeks) - 1)
    return {
        "pupil": np.arange(outcome.size),
        "school_year": np.full(outcome.size, weeks.school_year),
        "outcome": outcome.astype(np.int8),
        "date": np.where(in_year, weeks.last_days[last_week], NO_DATE).astype(np.int32),
    }


_STREAMS = 6
YEARS_OUT = 2
"""School years from that of leaving to that of coming back: a whole one lies between."""
WISH_OF_RANK = np.array([3, 1, 2, 2])
"""``wish`` by rank: no wish obtained, first wish, a later one."""


@dataclass(frozen=True, slots=True)
class YearTrace:
    """What the truth of one year is computed from; one element per pupil of the year.

    Attributes
    ----------
    who : int array
        Positions in the population.
    level : int array
    group : int array
        Number of the class, on which the days of assessments depend.
    people : Population
        The pupils of the year as they were on its first day.
    band : int array
        Of the first-week tests.
    regime : YearRegime
        The settings and the schools of the year.
    difficulty : Difficulty
    """

    weeks: SchoolWeeks
    who: npt.NDArray[np.intp]
    level: npt.NDArray[np.intp]
    group: npt.NDArray[np.intp]
    chain: Chain
    walk: Walk
    move: Move
    people: Population
    band: npt.NDArray[np.intp]
    regime: YearRegime
    difficulty: Difficulty


def run_year(
    population: Population,
    weeks: SchoolWeeks,
    regime: YearRegime,
    difficulty: Difficulty,
    gaps: Gaps,
    seed: np.random.SeedSequence,
) -> tuple[YearTrace, dict[str, Columns]]:
    """Draw one year, and move the population on to the next.

    Returns
    -------
    trace : YearTrace
    rows : dict of str to Columns
        ``enrolments``, ``absences``, ``grades``, ``orientation``, ``coverage``, ``outcomes``; ``pupil`` is a position
        in the population.
    """
    # A stream for each step: one that draws more leaves what the others draw as it is.
    streams = map(np.random.default_rng, seed.spawn(_STREAMS))
    place_rng, walk_rng, absence_rng, mark_rng, end_rng, return_rng = streams
    schools = regime.schools
    who = population.enrolled(weeks.school_year)
    population.take_back(who)
    level = population.level[who]
    place = settle(schools, population.home[who], level, place_rng)
    first_day = list(_first_day(population, who, weeks, place_rng))
    tests = draw_first_tests(population.ability[who], level, schools.mark_shift[place.school], place_rng)
    move = draw_moves(schools, place, population.home[who], len(weeks), place_rng)
    facts = _facts(population, who, weeks.school_year, tests.band, schools.climate[place.school])
    cell, cells = facts.cells()
    chain = make_chain(cells, difficulty, weeks, regime.risk, regime.rates)
    walk = walk_year(chain, cell, weeks, walk_rng)
    people = population.take(who)
    trace = YearTrace(
        weeks, who, level, place.group, chain, walk, move, people, tests.band, regime, difficulty
    )
    orientation = draw_orientation(level, tests.band, population.girl[who], end_rng)
    year_end = draw_year_end(level, orientation, end_rng)
    outcome = draw_outcomes(trace.walk, year_end, end_rng)
    rows = _event_rows(trace, place, tests, schools.habit[place.school], (absence_rng, mark_rng))
    round_of_3e = round_rows(orientation, year_end.repeats, level, trace.walk, weeks)
    rows["orientation"] = stack([*first_day, *round_of_3e])
    rows["outcomes"] = outcome_rows(as_listed(outcome, trace.walk, difficulty, end_rng), trace.walk, weeks)
    # Last: term averages are those of all marks, a gap is only what is not sent.
    rows = with_gaps(rows, gaps, place, move, weeks)
    for columns in rows.values():
        if "pupil" in columns:
            columns["pupil"] = who[columns["pupil"]].astype(np.int32)
    rows["outcomes"] = stack([rows["outcomes"], _back_rows(population, weeks.school_year)])
    _go_on(population, trace, outcome, year_end, orientation, return_rng)
    return trace, rows


def _back_rows(population: Population, school_year: int) -> Columns:
    """Say of those who are out in this year and enrolled again when it closes, on 1 November, that they go on."""
    back = np.flatnonzero(population.gone & (population.back_in == school_year + 1))
    return {
        "pupil": back.astype(np.int32),
        "school_year": np.full(back.size, school_year),
        "outcome": np.full(back.size, CONTINUED, dtype=np.int8),
        "date": np.full(back.size, NO_DATE, dtype=np.int32),
    }


def _event_rows(
    trace: YearTrace,
    place: Place,
    tests: FirstTests,
    habit: npt.NDArray[np.float64],
    streams: tuple[np.random.Generator, np.random.Generator],
) -> dict[str, Columns]:
    """Rows of ``enrolments``, ``absences`` and ``grades``."""
    chain, walk, weeks = trace.chain, trace.walk, trace.weeks
    absence_rng, mark_rng = streams
    marks = stack(mark_rows(chain, walk, weeks, tests, (place.level, place.group), mark_rng))
    return {
        "enrolments": enrolment_rows(place, trace.move, walk, weeks),
        "absences": stack(absence_rows(chain, walk, weeks, place.level, absence_rng)),
        "grades": with_averages(with_habits(marks, habit), walk, weeks),
    }


def _first_day(
    population: Population, who: npt.NDArray[np.intp], weeks: SchoolWeeks, rng: np.random.Generator
) -> list[Columns]:
    """Enter what is known on the first day: assignments of pupils new to the cohort, changes of track."""
    level = population.level[who]
    newcomers = np.flatnonzero((population.entry_year[who] == weeks.school_year) & ENTRY_TO_LYCEE[level])
    rank = entry_ranks(level[newcomers], rng)
    population.wish[who[newcomers]] = WISH_OF_RANK[rank]
    track_changers = np.flatnonzero(population.changed_track[who])
    return list(first_day_rows(weeks, level, rank, newcomers, track_changers))


def _facts(
    population: Population,
    who: npt.NDArray[np.intp],
    school_year: int,
    band: npt.NDArray[np.intp],
    climate: npt.NDArray[np.intp],
) -> Facts:
    return Facts(
        level=population.level[who],
        behind=population.years_behind(who, school_year),
        wish=population.wish[who],
        band=band,
        past=population.past[who],
        upheaval=population.upheaval[who],
        climate=climate,
    )


def _go_on(
    population: Population,
    trace: YearTrace,
    outcome: npt.NDArray[np.intp],
    year_end: YearEnd,
    orientation: Orientation,
    rng: np.random.Generator,
) -> None:
    """Carry what the year brought into the next one, and draw who of the leavers comes back, and when."""
    who, weeks = trace.who, trace.weeks
    comes_back = (outcome == _LEFT) & (rng.random(who.size) < trace.regime.risk.returns)
    population.back_in[who] = np.where(comes_back, weeks.school_year + YEARS_OUT, 0)
    is_assigned = IN_3E[population.level[who]] & ~year_end.repeats
    wish = np.where(is_assigned & ~comes_back, WISH_OF_RANK[orientation.rank], population.wish[who])
    has_moved = trace.move.week < len(weeks)
    population.gone[who] = outcome != CONTINUED
    population.wish[who] = wish
    marked_weeks = (trace.walk.absent_days > 0).sum(axis=0)
    population.past[who] = past_of(trace.chain, trace.walk.row, marked_weeks)
    population.upheaval[who] = (has_moved | year_end.changes_track).astype(np.intp)
    population.changed_track[who] = year_end.changes_track & ~comes_back
    population.home[who] = trace.move.home
    population.level[who] = np.where(comes_back, trace.level, year_end.level)


def past_of(
    chain: Chain, row: npt.NDArray[np.intp], marked_weeks: npt.NDArray[np.integer]
) -> npt.NDArray[np.intp]:
    """Share of the school weeks (those in a company aside) with an absence not excused when recorded: 0 to 2."""
    possible = (~chain.placement).sum(axis=1)[row]
    past: npt.NDArray[np.intp] = np.searchsorted(ABSENCE.past_shares, marked_weeks / possible, side="right")
    return past
