"""What the extract does not hold: schools that do not send a table, or stop recording one, and the ``coverage`` rows.

The pupils live their year as the others do; only rows are left out. So the truth stays that of a complete extract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.columns import stack

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.difficulty import Difficulty
    from decrochage_risk.synthetic.places import Move, Place
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.weeks import SchoolWeeks

__all__ = ["GAP_TABLES", "Gaps", "draw_gaps", "stop_one_school", "with_gaps"]

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
    kept = dict(rows)
    for table in GAP_TABLES:
        if table in gaps:
            stops = gaps[table][_school_of_rows(rows[table], place, move, weeks)]
            kept[table] = _only(rows[table], rows[table]["date"] < stops)
    if _ASSESSMENTS in gaps:
        marks = kept["grades"]
        stops = gaps[_ASSESSMENTS][_school_of_rows(marks, place, move, weeks)]
        kept["grades"] = _only(marks, (marks["date"] < stops) | (marks["kind"] != _ASSESSMENT))
    kept["coverage"] = _coverage(gaps, np.unique(rows["enrolments"]["school"]), weeks.school_year)
    return kept


def _school_of_rows(rows: Columns, place: Place, move: Move, weeks: SchoolWeeks) -> npt.NDArray[np.intp]:
    """School in which each row was recorded: that of the stay of its day."""
    moved_on = np.where(move.week < len(weeks), weeks.monday(np.minimum(move.week, len(weeks) - 1)), _NEVER)
    pupil = rows["pupil"]
    school: npt.NDArray[np.intp] = np.where(
        rows["date"] < moved_on[pupil], place.school[pupil], move.school[pupil]
    )
    return school


def _only(rows: Columns, kept: npt.NDArray[np.bool_]) -> Columns:
    return {name: column[kept] for name, column in rows.items()}


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
    sent = np.flatnonzero(stops > first)
    return {
        "school": schools[sent],
        "table": np.full(sent.size, GAP_TABLES.index(table), dtype=np.int8),
        "start": np.full(sent.size, first, dtype=np.int32),
        "end": np.minimum(stops[sent] - 1, last).astype(np.int32),
    }
