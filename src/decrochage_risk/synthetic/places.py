"""Who is in which school and class in one year, changes of school within the year, and rows of ``enrolments``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.columns import stack
from decrochage_risk.synthetic.schools import class_numbers
from decrochage_risk.synthetic.settings import MOVES

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.walk import Walk
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["OPEN_END", "Move", "Place", "draw_moves", "enrolment_rows", "settle"]

OPEN_END = -1
"""End of an enrolment without one."""
_NO_MOVE_WEEKS = 6  # no change of school in the first and last weeks of a year


@dataclass(frozen=True, slots=True)
class Place:
    """Level, school and class of each pupil at the start of the year.

    ``group`` numbers the class; the days of assessments depend on it.
    """

    level: npt.NDArray[np.intp]
    school: npt.NDArray[np.intp]
    class_number: npt.NDArray[np.intp]

    @property
    def group(self) -> npt.NDArray[np.intp]:
        """The same number for pupils of the same class."""
        return self.class_number + self.school + self.level


@dataclass(frozen=True, slots=True)
class Move:
    """Change of school in the year: week of arrival (number of weeks of the year = none), new place on the map, school."""

    week: npt.NDArray[np.intp]
    home: npt.NDArray[np.float64]
    school: npt.NDArray[np.intp]


def settle(
    schools: Schools, home: npt.NDArray[np.float64], level: npt.NDArray[np.intp], rng: np.random.Generator
) -> Place:
    """Send each pupil to the school of its home and level, and share them into classes."""
    school = schools.near(home, level)
    return Place(level, school, class_numbers(school, level, rng))


def draw_moves(
    schools: Schools, place: Place, home: npt.NDArray[np.float64], weeks: int, rng: np.random.Generator
) -> Move:
    """Draw who changes school in the year; where there is no other school, nobody does."""
    pupils = home.size
    new_home = rng.random(pupils)
    new_school = schools.near(new_home, place.level)
    moves = (rng.random(pupils) < MOVES.school_change) & (new_school != place.school)
    week = rng.integers(_NO_MOVE_WEEKS, weeks - _NO_MOVE_WEEKS, pupils)
    return Move(
        np.where(moves, week, weeks),
        np.where(moves, new_home, home),
        np.where(moves, new_school, place.school),
    )


def enrolment_rows(place: Place, move: Move, walk: Walk, weeks: SchoolWeeks) -> Columns:
    """One row per stay; only who leaves within the year has a last day, and the first stay of who changes school.

    A new stay begins on the first school day of its week, the old one ends on the Sunday before.
    """
    pupils = np.arange(place.level.size)
    leaves_in_year = walk.leaving_week < len(weeks)
    last_week = np.minimum(walk.leaving_week, len(weeks) - 1)
    end = np.where(leaves_in_year, weeks.last_days[last_week], OPEN_END)
    moved = np.flatnonzero((move.week < len(weeks)) & (walk.leaving_week >= move.week))
    first_end = end.copy()
    first_end[moved] = weeks.monday(move.week[moved]) - 1
    first = _stays(place, pupils, np.full(pupils.size, weeks.first_day), first_end, place.school)
    second = _stays(place, moved, weeks.days[move.week[moved], 0], end[moved], move.school[moved])
    rows = stack([first, second])
    rows["school_year"] = np.full(rows["pupil"].size, weeks.school_year)
    return rows


def _stays(
    place: Place,
    who: npt.NDArray[np.intp],
    start: npt.NDArray[np.integer],
    end: npt.NDArray[np.integer],
    school: npt.NDArray[np.intp],
) -> Columns:
    return {
        "pupil": who,
        "school": school,
        "level": place.level[who],
        "class_number": place.class_number[who],
        "start": start.astype(np.int32),
        "end": end.astype(np.int32),
    }
