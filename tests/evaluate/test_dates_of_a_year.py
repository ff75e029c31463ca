"""The dates of one school year are of nearly the same pupils: what they differ by is a count of pupils, guarded like the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from decrochage_risk.evaluate.disclosure import ALL, EVENT, STAYED, CountedRows, pupils_tell_few
from decrochage_risk.evaluate.maturity import maturity_table
from decrochage_risk.evaluate.report import EvaluationReport, MeasuredRows, build_report
from decrochage_risk.school_year import day_number
from decrochage_risk.small_cells import PUBLISHED, WIDTH, Publication, is_small

DAYS = (date(2024, 11, 5), date(2025, 1, 6), date(2025, 3, 5), date(2025, 5, 5))
MONTHS = ("novembre", "janvier", "mars", "mai")
KINDS = ("rows", "left", "stayed")
EVERYBODY = "everybody"


@dataclass
class School:
    """Rows of one school year, and what is truly so of each date."""

    rows: pd.DataFrame
    truth: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for day, part in self.rows.groupby("day"):
            left = int(part["left"].sum())
            self.truth |= {(day, "rows"): len(part), (day, "left"): left, (day, "stayed"): len(part) - left}
        self.truth[EVERYBODY, "rows"] = self.rows["pupil"].nunique()

    def report(self) -> EvaluationReport:
        """Build its report, not protected yet."""
        days = [DAYS[at] for at in self.rows["day"]]
        at, left = self.rows["day"].to_numpy(), self.rows["left"].to_numpy(dtype=float)
        risk = np.random.default_rng(0).uniform(0.05, 0.3, len(left)) + 0.4 * left
        measured = MeasuredRows(
            left,
            risk,
            pupils=self.rows["pupil"].to_numpy(),
            dimensions={"sex": np.where(self.rows["pupil"] % 2, "F", "M"), "month": np.array(MONTHS)[at]},
            as_of=days,
            listed=risk > 0.28,
        )
        report = build_report(
            measured, title="t", synthetic=True, test_years=[2024], as_of=sorted(set(days)), publish=False
        )
        closes = day_number(date(2025, 11, 1))
        observed = [day_number(day) for day in days]
        table = pd.DataFrame({"school_year": 2024, "observed": observed, "matured": closes})
        return report.model_copy(update={"maturity": maturity_table(table, left)})


@st.composite
def schools(draw: st.DrawFn) -> School:
    """Draw a school year of two to four dates: nearly all are there on all of them, a few leave or come in between."""
    dates, stayers = draw(st.integers(2, 4)), draw(st.integers(60, 150))
    moves = st.integers(0, 14)
    always_left = draw(st.integers(0, 40))
    pupils = [(False, 0, dates)] * stayers + [(True, 0, dates)] * always_left
    for at in range(1, dates):
        pupils += [(True, 0, at)] * draw(moves)
        pupils += [(False, 0, at)] * draw(st.sampled_from([0, 0, 0, 1, 3]))
        pupils += [(False, at, dates)] * draw(st.sampled_from([0, 0, 0, 2, 12]))
    rows = [(pupil, at, left) for pupil, (left, first, end) in enumerate(pupils) for at in range(first, end)]
    return School(pd.DataFrame(rows, columns=["pupil", "day", "left"]))


def read_off(  # noqa: C901, PLR0912 - a reader reads many tables
    report: EvaluationReport,
) -> dict[Any, float]:
    """Read every count of a date that a report tells, or that one of its figures gives by a rule of three."""
    found: dict[Any, float | None] = {(EVERYBODY, "rows"): report.figures.pupils}

    def read(day: int, kind: str, value: float | None) -> None:
        if value is not None:
            assert found.setdefault((day, kind), value) == pytest.approx(value)

    for row in report.maturity:
        read(DAYS.index(row.as_of), "rows", row.rows)
        read(DAYS.index(row.as_of), "left", row.events)
    for group in report.groups:
        if group.dimension == "month":
            day = MONTHS.index(group.group)
            read(day, "rows", group.rows)
            read(day, "rows", group.pupils)
            read(day, "left", group.events)
            if group.base_rate:
                assert group.rows is not None
                read(day, "left", group.base_rate * group.rows)
    for one in report.lists:
        if one.as_of is None:
            continue
        day = DAYS.index(one.as_of)
        read(day, "rows", one.rows)
        read(day, "left", one.events)
        if one.recall and one.hits:
            read(day, "left", one.hits / one.recall)
        if one.false_alarm and one.listed is not None and one.hits is not None:
            read(day, "stayed", (one.listed - one.hits) / one.false_alarm)
        if one.lift and one.precision and one.events:
            read(day, "rows", one.events * one.lift / one.precision)
    for day in range(len(DAYS)):
        # two of the three give the third
        rows, left, stayed = (found.get((day, kind)) for kind in KINDS)
        if rows is None and left is not None and stayed is not None:
            found[day, "rows"] = left + stayed
        elif rows is not None and left is not None:
            found[day, "stayed"] = rows - left
        elif rows is not None and stayed is not None:
            found[day, "left"] = rows - stayed
    return {name: value for name, value in found.items() if value is not None}


def pairs(school: School) -> list[tuple[Any, Any]]:
    """Give whatever can be subtracted: two dates, or all pupils and a date."""
    dates = sorted(school.rows["day"].unique().tolist())
    between = [((one, kind), (other, kind)) for one, other in combinations(dates, 2) for kind in KINDS]
    return between + [((EVERYBODY, "rows"), (day, "rows")) for day in dates]


def subtracted(report: EvaluationReport, school: School) -> dict[Any, float]:
    """Subtract whatever is told, and give the differences that are of a few pupils."""
    told = read_off(report)
    gaps = {pair: abs(told[pair[0]] - told[pair[1]]) for pair in pairs(school) if set(pair) <= set(told)}
    return {pair: gap for pair, gap in gaps.items() if 0.5 < gap < PUBLISHED - 0.5}


def solved(  # noqa: C901 - a reader writes down what stands in many tables
    report: EvaluationReport, school: School
) -> dict[Any, tuple[float, float]]:
    """Find the interval of each difference of a few pupils for a reader who solves all that is told together.

    The reader knows of two dates in a row which has more rows, leavers and stayers: that hardly anybody comes in the year.
    """
    order = list(school.truth)
    places = {name: at for at, name in enumerate(order)}
    equal, sums, above = [], [], []

    def add(to: list[list[float]], factors: dict[Any, float]) -> None:
        row = [0.0] * len(order)
        for name, factor in factors.items():
            row[places[name]] = factor
        to.append(row)

    dates = sorted(school.rows["day"].unique().tolist())
    for day in dates:
        add(equal, {(day, "rows"): 1.0, (day, "left"): -1.0, (day, "stayed"): -1.0})
        sums.append(0.0)
        add(above, {(day, "rows"): 1.0, (EVERYBODY, "rows"): -1.0})
    for kind, total in (("rows", report.figures.rows), ("left", report.figures.events)):
        if total is not None:
            add(equal, {(day, kind): 1.0 for day in dates})
            sums.append(float(total))
    for name, value in read_off(report).items():
        add(equal, {name: 1.0})
        sums.append(value)
    for one, other in pairwise(dates):
        for kind in KINDS:
            small, large = sorted(((one, kind), (other, kind)), key=lambda name: school.truth[name])
            add(above, {small: 1.0, large: -1.0})
    found = {}
    for one, other in pairs(school):
        gap = school.truth[one] - school.truth[other]
        if is_small(abs(gap)):
            goal, ends = np.zeros(len(order)), []
            goal[places[one]], goal[places[other]] = np.sign(gap), -np.sign(gap)
            for sign in (1.0, -1.0):
                way = linprog(
                    sign * goal,
                    A_ub=above,
                    b_ub=np.zeros(len(above)),
                    A_eq=equal,
                    b_eq=sums,
                    bounds=(0, None),
                )
                ends.append(sign * way.fun if way.status == 0 else -sign * np.inf)
            found[one, other] = (ends[0], ends[1])
    return found


@settings(max_examples=20, deadline=None)
@given(schools())
def test_no_two_dates_of_a_year_differ_by_a_few_pupils(school: School) -> None:
    """Rows, leavers and stayers that are told of two dates of a year, or of all its pupils, differ by 0 or by 11 at least."""
    assert subtracted(school.report().published(), school) == {}


@settings(max_examples=20, deadline=None)
@given(schools())
def test_who_solves_all_that_is_told_does_not_find_who_left_in_between(school: School) -> None:
    """From totals, pupils, dates, months and lists together, the few between two dates have an interval of 5 at least."""
    narrow = {
        pair: ends
        for pair, ends in solved(school.report().published(), school).items()
        if ends[1] - ends[0] < WIDTH - 1e-4
    }
    assert narrow == {}


@settings(max_examples=20, deadline=None)
@given(schools())
def test_the_totals_of_the_year_stay_told(school: School) -> None:
    """For the sake of its dates alone no total of rows is hidden: it is what all else is read by."""
    published = school.report().published()
    everybody = school.truth[EVERYBODY, "rows"]
    leavers = school.rows.loc[school.rows["left"], "pupil"].nunique()
    if not is_small(leavers, everybody - leavers):
        assert published.figures.rows == len(school.rows)
        assert published.figures.events == int(school.rows["left"].sum())


def leaving(*leavers: int, stayers: int = 400) -> School:
    """Give a school that so many pupils leave after each date; the last ones leave after the year."""
    pupils = [(False, len(leavers))] * stayers
    for at, count in enumerate(leavers, 1):
        pupils += [(True, at)] * count
    rows = [(pupil, at, left) for pupil, (left, end) in enumerate(pupils) for at in range(end)]
    return School(pd.DataFrame(rows, columns=["pupil", "day", "left"]))


def test_a_reader_finds_them_where_nothing_is_hidden() -> None:
    """The same readers find one pupil, a leaver, in a report that was not protected: the attack is one that can succeed."""
    school = leaving(4, 2, 1, 13)
    assert any(gap == pytest.approx(1) for gap in subtracted(school.report(), school).values())
    assert any(high - low < 1e-4 for low, high in solved(school.report(), school).values())


@pytest.mark.parametrize("leavers", [(20, 30, 25, 40), (0, 0, 0, 40), (11, 0, 30, 25)])
def test_dates_that_differ_by_none_or_by_many_are_all_told(leavers: tuple[int, ...]) -> None:
    """Nothing is hidden of dates that nobody left in between, or eleven pupils and more."""
    school = leaving(*leavers)
    published = school.report().published()
    told = [(row.rows, row.events) for row in published.maturity]
    assert told == [(school.truth[day, "rows"], school.truth[day, "left"]) for day in range(4)]
    assert published.figures.pupils == school.truth[EVERYBODY, "rows"]


def test_leavers_of_a_date_are_told_where_only_its_stayers_are_few() -> None:
    """Where two stayers more or fewer are all that a date would give away, its rows are hidden and its leavers and lists told."""
    school = leaving(30, 30, 30, 40)
    extra = pd.DataFrame({"pupil": np.repeat([9001, 9002], 3), "day": [0, 1, 3] * 2, "left": False})
    school = School(pd.concat([school.rows, extra], ignore_index=True))
    published = school.report().published()
    assert subtracted(published, school) == {}
    assert any(row.rows is None for row in published.maturity)
    assert all(row.events is not None for row in published.maturity)
    assert all(one.recall is not None for one in published.lists)


@settings(max_examples=20, deadline=None)
@given(schools(), schools())
def test_two_tables_of_the_same_dates_hide_the_same(school: School, earlier: School) -> None:
    """Where a table of several years counts the dates of the report again, the two together tell no more than one."""
    publication = Publication()
    report = school.report()
    report.add_to(publication)
    before = earlier.rows.assign(pupil=earlier.rows["pupil"] + 10_000)
    rows = pd.concat([school.rows, before], ignore_index=True)
    days = [DAYS[at].isoformat() for at in school.rows["day"]]
    days += [DAYS[at].replace(year=DAYS[at].year - 1).isoformat() for at in before["day"]]
    table = CountedRows(publication, "dates", rows["pupil"].to_numpy())
    left = rows["left"].to_numpy(dtype=bool)
    measures = {ALL: np.ones(len(left), dtype=bool), EVENT: left, STAYED: ~left}
    table.add(
        {"as_of": np.array(days)}, measures, [(ALL, (EVENT, STAYED))], lambda _, __, name: name != STAYED
    )
    assert report.tables is not None
    assert report.tables.rows is not None
    table.same_dates(report.tables.rows)
    hidden = publication.hidden()
    published = report.published(hidden, dates=table)
    assert subtracted(published, school) == {}
    # The other year is in that table alone.
    told = {
        (at, kind): earlier.truth[at, kind]
        for at in set(before["day"])
        for kind, measure in (("rows", ALL), ("left", EVENT))
        if table.key("as_of", DAYS[at].replace(year=DAYS[at].year - 1).isoformat(), measure) not in hidden
    }
    for one, other in combinations(told, 2):
        if one[1] == other[1]:
            assert not is_small(abs(told[one] - told[other]))


@settings(deadline=None, max_examples=60)
@given(schools())
def test_pupils_beside_rows_tell_of_few_neither_that_they_miss_a_date_nor_that_they_have_one_row(
    school: School,
) -> None:
    """Where distinct pupils are told beside the rows, those who miss a date, or have one row alone, are nobody or 11 at least."""
    rows, days = school.rows.groupby("pupil")["day"].nunique(), school.rows["day"].nunique()
    pupils, day = school.rows["pupil"].to_numpy(), school.rows["day"].to_numpy()
    missing = [len(rows) - len(part) for _, part in school.rows.groupby("day")]
    few = is_small(*missing, int((rows < rows.max()).sum()), int((rows > 1).sum()))
    assert pupils_tell_few(pupils, day) == few
    if not few and days == 2:
        assert not is_small(2 * len(rows) - len(school.rows))
    assert school.report().published().figures.pupils == (None if few else len(rows))


@given(late=st.lists(st.integers(0, 60), min_size=3, max_size=3), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_distinct_pupils_of_groups_tell_no_few_who_miss_a_date(late: list[int], seed: int) -> None:
    """Twice the pupils of a group less its rows are nobody or no few, in every group whose pupils two dates print; or in none."""
    size, groups = 300, ("cap1", "2de_pro", "3e")
    level = np.repeat(groups, size)
    missing = np.concatenate([np.arange(at * size, at * size + count) for at, count in enumerate(late)])
    first = np.setdiff1d(np.arange(3 * size), missing)
    at = np.r_[first, np.arange(3 * size)]
    day = np.array([date(2024, 11, 5)] * len(first) + [date(2025, 3, 5)] * 3 * size)
    randoms = np.random.default_rng(seed)
    left = (randoms.random(3 * size) < 0.2).astype(float)
    report = build_report(
        MeasuredRows(
            left[at], randoms.random(len(at)) / 2, pupils=at, dimensions={"level": level[at]}, as_of=day
        ),
        title="t",
        synthetic=True,
        test_years=[2024],
        as_of=sorted(set(day.tolist())),
    )
    told = [one for one in report.groups if one.dimension == "level" and one.pupils is not None]
    assert len(told) in {0, 3}
    assert not any(is_small(2 * one.pupils - one.rows) for one in told if one.rows and one.pupils)
    if is_small(*late):
        assert not told
        assert any("effectifs d'élèves distincts" in note for note in report.figures.notes)
