"""Rows of ``grades`` of one year: the tests of the first week, assessments subject by subject, term averages.

Maths marks are drawn on the side of 8 that the chain says, and recorded the same day, for its state is read off them;
the other subjects follow the pupil's level. Marking habits of a school and the averages come once every assessment is
drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.levels import USUAL_LEVELS
from decrochage_risk.synthetic.chain import MARKED, assessment_day, sigmoid
from decrochage_risk.synthetic.settings import MARKS, SUBJECTS
from decrochage_risk.synthetic.weeks import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from decrochage_risk.synthetic.chain import Chain, Walk
    from decrochage_risk.synthetic.weeks import Columns, SchoolWeeks


__all__ = [
    "GRADE_KINDS",
    "STATUSES",
    "FirstTests",
    "draw_first_tests",
    "mark_rows",
    "with_averages",
    "with_habits",
]

STATUSES = ("graded", "absent", "not_handed_in")
_GRADED, _ABSENT, _NOT_HANDED_IN = range(3)
_PATHWAY_SHIFT = np.array([dict(MARKS.by_pathway)[level.pathway] for level in USUAL_LEVELS])
_TAKES = np.array([[level.pathway in subject.pathways for level in USUAL_LEVELS] for subject in SUBJECTS])
_MATHS, _FRENCH = 0, 1
_TOP = 20.0
_EVERY = 3  # weeks between two assessments of a subject, maths aside
_OUT_OF_TEN_EVERY, _DOUBLE_EVERY = 5, 4
_RECORDED_AFTER = (1, 8)
_HALF_OF_MISSED = 0.5


@dataclass(frozen=True, slots=True)
class FirstTests:
    """Maths and French tests of the first week: marks on 20 by half points, their mean, and its band (0 to 4)."""

    maths: npt.NDArray[np.float64]
    french: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    band: npt.NDArray[np.intp]


def draw_first_tests(
    ability: npt.NDArray[np.float64],
    level: npt.NDArray[np.intp],
    school_shift: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> FirstTests:
    """Draw the two tests of the first week."""
    centre = MARKS.centre + _PATHWAY_SHIFT[level] + MARKS.ability_sd * ability + school_shift
    maths, french = (_half_points(centre + MARKS.test_sd * rng.standard_normal(level.size)) for _ in range(2))
    mean = (maths + french) / 2.0
    return FirstTests(
        maths, french, mean, np.searchsorted(MARKS.band_edges, mean, side="right").astype(np.intp)
    )


def mark_rows(
    chain: Chain,
    walk: Walk,
    weeks: SchoolWeeks,
    tests: FirstTests,
    pupils: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    rng: np.random.Generator,
) -> Iterator[Columns]:
    """Yield the rows of each assessment, week by week; ``pupils``: level and class (a number) of each.

    Where the mark of a maths assessment is low or missing is given by the walk; the other subjects follow the first
    tests, and fall with the marked weeks.
    """
    level, group = pupils
    everyone = np.arange(level.size)
    for subject, marks in ((_MATHS, tests.maths), (_FRENCH, tests.french)):
        day = weeks.days[0, assessment_day(group, subject, 0, int(weeks.count[0]))]
        status = np.full(level.size, _GRADED)
        yield _rows(everyone, day, subject, marks, status, 1, 0, rng)
    for week in range(2, len(weeks)):
        present = (walk.leaving_week >= week) & ~chain.placement[walk.row, week]
        for subject in range(len(SUBJECTS)):
            due = chain.has_round(week) if subject == _MATHS else (week + subject) % _EVERY == 0
            if due:
                who = np.flatnonzero(present & _TAKES[subject][level])
                yield _assessment(walk, weeks, tests, group, who, subject, week, rng)


def _assessment(
    walk: Walk,
    weeks: SchoolWeeks,
    tests: FirstTests,
    group: npt.NDArray[np.intp],
    who: npt.NDArray[np.intp],
    subject: int,
    week: int,
    rng: np.random.Generator,
) -> Columns:
    marked_weeks = MARKED[walk.states[week, who]]
    place = assessment_day(group[who], subject, week, int(weeks.count[week]))
    away = ((walk.absent_days[week, who] >> place) & 1) == 1
    mark = _draw_marks(tests.mean[who], marked_weeks, subject, rng)
    if subject == _MATHS:
        low = walk.low[week, who]
        mark = _on_its_side(mark, low)
        is_missing = low & (rng.random(who.size) < np.take(MARKS.missed_when_low, marked_weeks))
    else:
        is_missing = away | (rng.random(who.size) < sigmoid(np.take(MARKS.missed_logit, marked_weeks)))
    absent = away | (rng.random(who.size) < _HALF_OF_MISSED)
    status = np.where(is_missing, np.where(absent, _ABSENT, _NOT_HANDED_IN), _GRADED)
    coefficient = 2 if (week + subject) % _DOUBLE_EVERY == 0 else 1
    return _rows(who, weeks.days[week, place], subject, mark, status, coefficient, week, rng)


def _draw_marks(
    mean: npt.NDArray[np.float64], marked_weeks: npt.NDArray[np.intp], subject: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    one = SUBJECTS[subject]
    mean_mark = (
        MARKS.centre
        + one.offset
        + one.slope * (mean - MARKS.centre)
        - MARKS.fall_by_marked_weeks * marked_weeks
    )
    return _half_points(mean_mark + one.noise_sd * rng.standard_normal(mean.size))


def _on_its_side(mark: npt.NDArray[np.float64], low: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Mirror marks that lie on the wrong side of 8, so that a low mark is under 8 and no other is."""
    below, above = MARKS.low_threshold - 0.5, MARKS.low_threshold
    mirror = below + above - mark
    return np.where(
        low,
        np.clip(np.where(mark >= above, mirror, mark), 0.0, below),
        np.maximum(np.where(mark < above, mirror, mark), above),
    )


def _half_points(marks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.clip(np.round(2.0 * marks) / 2.0, 0.0, _TOP)


def _rows(
    who: npt.NDArray[np.intp],
    day: npt.NDArray[np.int32],
    subject: int,
    mark: npt.NDArray[np.float64],
    status: npt.NDArray[np.intp],
    coefficient: int,
    week: int,
    rng: np.random.Generator,
) -> Columns:
    out_of = _TOP / 2 if week % _OUT_OF_TEN_EVERY == 1 else _TOP
    # Never of maths nor of the first tests: the state is read off rows that are on record the same day.
    late = (rng.random(who.size) < MARKS.recorded_late) & (subject != _MATHS) & (week > 0)
    return {
        "pupil": who,
        "date": day,
        "subject": np.full(who.size, subject, dtype=np.int8),
        "value": np.where(status == _GRADED, mark * (out_of / _TOP), np.nan),
        "out_of": np.full(who.size, out_of),
        "coefficient": np.full(who.size, float(coefficient)),
        "status": status.astype(np.int8),
        "kind": np.zeros(who.size, dtype=np.int8),
        "recorded_on": (day + np.where(late, rng.integers(*_RECORDED_AFTER, who.size), 0)).astype(np.int32),
    }


GRADE_KINDS = ("assessment", "term_average")
_TERM_ENDS = ((0, "11-30"), (1, "03-15"), (1, "06-10"))
_SCALE, _GRADED_STATUS = 20.0, 0


def with_habits(rows: Columns, points: npt.NDArray[np.float64]) -> Columns:
    """Add points of 20 to every mark; ``points`` of each pupil of the year."""
    if not points.any():
        return rows
    scale = rows["out_of"] / _SCALE
    value = np.clip(rows["value"] + points[rows["pupil"]] * scale, 0.0, rows["out_of"])
    return {**rows, "value": value}


def with_averages(rows: Columns, walk: Walk, weeks: SchoolWeeks) -> Columns:
    """Add the average of each subject at the end of each term, for those who are still there.

    Weighted by coefficient, on 20, to the hundredth; dated and recorded on the last school day of the term (30
    November, 15 March, 10 June, or before). Marks after the last term are in no average.
    """
    ends = _term_ends(weeks)
    # left: a mark of the last day of a term is of that term.
    term = np.searchsorted(ends, rows["date"], side="left")
    is_graded = (rows["status"] == _GRADED_STATUS) & (term < ends.size)
    key = (rows["pupil"] * len(SUBJECTS) + rows["subject"])[is_graded] * ends.size + term[is_graded]
    on_20 = _SCALE * rows["value"][is_graded] / rows["out_of"][is_graded]
    weight = np.bincount(key, weights=rows["coefficient"][is_graded])
    total = np.bincount(key, weights=rows["coefficient"][is_graded] * on_20)
    keys = np.flatnonzero(weight)
    pupil, day = keys // (len(SUBJECTS) * ends.size), ends[keys % ends.size]
    last_day = weeks.last_days[np.minimum(walk.leaving_week, len(weeks) - 1)]
    there = last_day[pupil] >= day
    keys, pupil, day = keys[there], pupil[there], day[there]
    return stack(
        [
            rows,
            {
                "pupil": pupil,
                "date": day,
                "subject": (keys // ends.size % len(SUBJECTS)).astype(np.int8),
                "value": np.round(total[keys] / weight[keys], 2),
                "out_of": np.full(keys.size, _SCALE),
                "coefficient": np.ones(keys.size),
                "status": np.zeros(keys.size, dtype=np.int8),
                "recorded_on": day,
                "kind": np.ones(keys.size, dtype=np.int8),
            },
        ]
    )


def _term_ends(weeks: SchoolWeeks) -> npt.NDArray[np.int32]:
    """Last school day of each term."""
    days = np.sort(weeks.days[weeks.half_days > 0])
    after = [
        int(np.datetime64(f"{weeks.school_year + later}-{day}").astype(np.int64)) for later, day in _TERM_ENDS
    ]
    ends: npt.NDArray[np.int32] = days[np.searchsorted(days, after, side="right") - 1]
    return ends
