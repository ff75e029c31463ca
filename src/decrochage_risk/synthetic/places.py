"""Who is in which school and class in one year, changes of school within the year, and rows of ``enrolments``.

What the extract does not hold: schools that do not send a table, or stop recording one, and the ``coverage`` rows.

The pupils live their year as the others do; only rows are left out. So the truth stays that of a complete extract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.schools import class_numbers
from decrochage_risk.synthetic.settings import MOVES
from decrochage_risk.synthetic.weeks import stack

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Walk
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.settings import Difficulty
    from decrochage_risk.synthetic.weeks import Columns, SchoolWeeks


__all__ = [
    "GAP_TABLES",
    "OPEN_END",
    "Gaps",
    "Move",
    "Place",
    "draw_gaps",
    "draw_moves",
    "enrolment_rows",
    "settle",
    "stop_one_school",
    "with_gaps",
]

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
    movers = np.flatnonzero((move.week < len(weeks)) & (walk.leaving_week >= move.week))
    first_end = end.copy()
    first_end[movers] = weeks.monday(move.week[movers]) - 1
    first = _stays(place, pupils, np.full(pupils.size, weeks.first_day), first_end, place.school)
    second = _stays(place, movers, weeks.days[move.week[movers], 0], end[movers], move.school[movers])
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


GAP_TABLES = ("absences", "grades", "orientation")
_ASSESSMENTS = "assessments"
_ASSESSMENT = 0  # code of ``grades.kind``
_NEVER = np.iinfo(np.int32).max
_PRO = 2
_STOPS = "01-15"

Gaps = dict[str, "npt.NDArray[np.int64]"]
"""Per table, the first day from which each school's rows are not in the extract; ``assessments``: of these alone."""


def draw_gaps(schools: Schools, difficulty: Difficulty, rng: np.random.Generator) -> Gaps:
    """Draw which schools never send which table."""
    return {
        table: np.where(rng.random(len(schools)) < share, 0, _NEVER).astype(np.int64)
        for table, share in difficulty.gaps
    }


def stop_one_school(gaps: Gaps, schools: Schools, school_year: int) -> Gaps:
    """Let the first lycée professionnel record no absence from 15 January of the year on."""
    stops = gaps.get("absences", np.full(len(schools), _NEVER, dtype=np.int64)).copy()
    day = int(np.datetime64(f"{school_year + 1}-{_STOPS}").astype(np.int64))
    stops[schools.first[_PRO]] = min(day, int(stops[schools.first[_PRO]]))
    return {**gaps, "absences": stops}


def with_gaps(
    rows: dict[str, Columns], gaps: Gaps, place: Place, move: Move, weeks: SchoolWeeks
) -> dict[str, Columns]:
    """Leave out what is not sent, and add ``coverage`` rows of every school of the year for each table with a gap."""
    rows_sent = dict(rows)
    for table in GAP_TABLES:
        if table in gaps:
            stops = gaps[table][_school_of_rows(rows[table], place, move, weeks)]
            rows_sent[table] = _only(rows[table], rows[table]["date"] < stops)
    if _ASSESSMENTS in gaps:
        marks = rows_sent["grades"]
        stops = gaps[_ASSESSMENTS][_school_of_rows(marks, place, move, weeks)]
        rows_sent["grades"] = _only(marks, (marks["date"] < stops) | (marks["kind"] != _ASSESSMENT))
    rows_sent["coverage"] = _coverage(gaps, np.unique(rows["enrolments"]["school"]), weeks.school_year)
    return rows_sent


def _school_of_rows(rows: Columns, place: Place, move: Move, weeks: SchoolWeeks) -> npt.NDArray[np.intp]:
    """School in which each row was recorded: that of the stay of its day."""
    moved_on = np.where(move.week < len(weeks), weeks.monday(np.minimum(move.week, len(weeks) - 1)), _NEVER)
    pupil = rows["pupil"]
    school: npt.NDArray[np.intp] = np.where(
        rows["date"] < moved_on[pupil], place.school[pupil], move.school[pupil]
    )
    return school


def _only(rows: Columns, mask: npt.NDArray[np.bool_]) -> Columns:
    return {name: column[mask] for name, column in rows.items()}


def _coverage(gaps: Gaps, schools: npt.NDArray[np.intp], school_year: int) -> Columns:
    first = int(np.datetime64(f"{school_year}-09-01").astype(np.int64))
    last = int(np.datetime64(f"{school_year + 1}-08-31").astype(np.int64))
    blocks = [_covered(GAP_TABLES[0], schools, np.zeros(0, dtype=np.int64), first, last)]
    blocks += [
        _covered(table, schools, gaps[table][schools], first, last) for table in GAP_TABLES if table in gaps
    ]
    return stack(blocks)


def _covered(
    table: str, schools: npt.NDArray[np.intp], stops: npt.NDArray[np.int64], first: int, last: int
) -> Columns:
    """One row per school whose rows are sent for one day at least."""
    senders = np.flatnonzero(stops > first)
    return {
        "school": schools[senders],
        "table": np.full(senders.size, GAP_TABLES.index(table), dtype=np.int8),
        "start": np.full(senders.size, first, dtype=np.int32),
        "end": np.minimum(stops[senders] - 1, last).astype(np.int32),
    }
