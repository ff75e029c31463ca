"""Laws on single steps of the truth: what one more day of records may change, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.synthetic.chain import assessment_day, sigmoid
from decrochage_risk.synthetic.cohort import _class_weights, truth_on

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.synthetic import Cohort
    from decrochage_risk.synthetic.year import YearTrace

PLACE = 1
"""The second school day of the week is the one that is played both ways."""


def truth(trace: YearTrace, day: int) -> pd.Series:
    """Visible truth of one morning, by position in the year."""
    ((_, who, probability, _),) = truth_on(trace, [day])
    return pd.Series(probability, index=who)


def with_day(trace: YearTrace, week: int, *, absent: bool) -> YearTrace:
    """Let everyone be absent, or not, on the second school day of a week."""
    days = trace.walk.absent_days.copy()
    days[week] = days[week] | (1 << PLACE) if absent else days[week] & ~np.uint8(1 << PLACE)
    return replace(trace, walk=replace(trace.walk, absent_days=days))


def with_low(trace: YearTrace, week: int, *, low: bool) -> YearTrace:
    """Let everyone have a low mark, or none, in the maths assessment of a week."""
    lows = trace.walk.low.copy()
    lows[week] = low
    return replace(trace, walk=replace(trace.walk, low=lows))


def by_class(trace: YearTrace, who: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Rows of the chain of each pupil for each hidden class, shape (classes, pupils)."""
    classes = trace.chain.hidden_classes
    rows: npt.NDArray[np.intp] = trace.walk.row[who] // classes * classes + np.arange(classes)[:, None]
    return rows


@pytest.fixture(params=["observable", "realistic"])
def trace(request: pytest.FixtureRequest, cohort: Cohort, hidden_cohort: Cohort) -> YearTrace:
    """Last year of a cohort of either difficulty."""
    return (cohort if request.param == "observable" else hidden_cohort)._blocks[0].traces[2024]


@pytest.mark.whole
@pytest.mark.parametrize("week", [5, 17, 30])
def test_truth_of_a_morning_is_the_mean_over_what_the_day_may_bring(trace: YearTrace, week: int) -> None:
    """Absent or not on one day: the truth of the next morning, weighted by the chance of each, is that of this one."""
    today, tomorrow = trace.weeks.days[week, PLACE], trace.weeks.days[week, PLACE + 1]
    now = truth(trace, today)
    who = now.index.to_numpy()
    played = (assessment_day(trace.group[who], 0, week, int(trace.weeks.count[week])) != PLACE) | (
        not trace.chain.has_round(week)
    )
    who = who[played & ~trace.chain.placement[trace.walk.row[who], week]]
    daily = trace.chain.absence_in(week)[by_class(trace, who), trace.walk.states[week, who]]
    chance = (_class_weights(trace, who, today, week) * daily).sum(axis=0)
    absent, there = (truth(with_day(trace, week, absent=flag), tomorrow)[who] for flag in (True, False))
    assert (absent > there + 1e-6).any()
    np.testing.assert_allclose(now[who], chance * absent + (1 - chance) * there, rtol=1e-9, atol=1e-12)


@pytest.mark.whole
@pytest.mark.parametrize("week", [6, 20])
def test_truth_before_an_assessment_is_the_mean_over_its_results(cohort: Cohort, week: int) -> None:
    """Low mark or not: the truth after the assessment, weighted by the chance of each, is that of before."""
    trace = cohort._blocks[0].traces[2024]
    assert trace.chain.has_round(week)
    weeks = trace.weeks
    now = truth(trace, int(weeks.days[week, PLACE]))
    who = now.index.to_numpy()
    today = assessment_day(trace.group[who], 0, week, int(weeks.count[week])) == PLACE
    who = who[today & ~trace.chain.placement[trace.walk.row[who], week]]
    cell = trace.walk.row[who], trace.walk.states[week, who]
    chance, away = sigmoid(trace.chain.low)[cell], trace.chain.absence_in(week)[cell]

    def after(*, absent: bool, low: bool) -> npt.NDArray[np.float64]:
        played = with_low(with_day(trace, week, absent=absent), week, low=low)
        return truth(played, int(weeks.days[week, PLACE + 1]))[who].to_numpy()

    there = chance * after(absent=False, low=True) + (1 - chance) * after(absent=False, low=False)
    gone = chance * after(absent=True, low=True) + (1 - chance) * after(absent=True, low=False)
    assert (after(absent=False, low=True) > after(absent=False, low=False)).all()
    np.testing.assert_allclose(now[who], away * gone + (1 - away) * there, rtol=1e-9)


def test_weights_of_hidden_classes_are_their_shares(
    hidden_cohort: Cohort, surprise: Callable[..., float]
) -> None:
    """Among pupils of about the same weight of a hidden class, the share that is in it is that weight."""
    trace = hidden_cohort._blocks[0].traces[2024]
    week = 28
    day = int(trace.weeks.days[week, 2])
    who = truth(trace, day).index.to_numpy()
    hidden = trace.walk.row[who] % trace.chain.hidden_classes
    weights = _class_weights(trace, who, day, week)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)
    for number, weight in enumerate(weights):
        parts = pd.qcut(weight, 6, labels=False, duplicates="drop")
        assert len(np.unique(parts)) == 6
        for part in range(6):
            inside = parts == part
            assert surprise(pd.Series(weight[inside]), pd.Series((hidden == number)[inside])) < 4
