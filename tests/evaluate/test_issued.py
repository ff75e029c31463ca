"""Lists: counts are those of the rows, capacity holds in every school and on every date, intervals hold what comes."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.evaluate.issued import capacity_list, list_figures

DAYS = (date(2024, 11, 5), date(2025, 3, 5))


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_capacity_takes_the_highest_of_each_school_and_date(seed: int, capacity: int) -> None:
    """Each school has on each date at most so many, exactly so many when it has them, and nobody above is left out."""
    random = np.random.default_rng(seed)
    risk, schools = random.random(60), random.choice(list("abc"), 60)
    days, pupils = random.choice(["x", "y"], 60), np.arange(60).astype(str)
    listed = capacity_list(risk, schools, days, capacity=capacity, tie_break=pupils)
    sizes = Counter(zip(schools, days, strict=True))
    for (school, day), size in sizes.items():
        here = (schools == school) & (days == day)
        assert listed[here].sum() == min(capacity, size)
        if (here & ~listed).any():
            assert risk[here & listed].min() >= risk[here & ~listed].max()
    order = random.permutation(60)
    again = capacity_list(
        risk[order], schools[order], days[order], capacity=capacity, tie_break=pupils[order]
    )
    np.testing.assert_array_equal(again, listed[order])


def test_equal_risks_go_by_the_id() -> None:
    """Of equal risks the first id is taken, whatever the order of the rows."""
    listed = capacity_list([0.2, 0.2, 0.2], ["s"] * 3, ["d"] * 3, capacity=1, tie_break=["c", "a", "b"])
    assert listed.tolist() == [False, True, False]


def test_a_capacity_of_nobody_is_refused() -> None:
    """A list of none is no list."""
    with pytest.raises(ModelError, match=r"capacity=0(.|\n)*Hint"):
        capacity_list([0.1], ["s"], ["d"], capacity=0)


def test_figures_are_those_of_the_rows() -> None:
    """Counts, precision, recall, false alarms and lift are recomputed by hand, on all dates and on each."""
    random = np.random.default_rng(0)
    risk = random.uniform(0.05, 0.6, 400)
    outcome = (random.random(400) < risk).astype(float)
    days = np.array(DAYS, dtype=object)[np.arange(400) % 2]
    schools, listed = random.choice(list("abcd"), 400), risk > 0.4
    whole, *parts = list_figures("l", outcome, risk, listed, schools=schools, as_of=days)
    assert [one.as_of for one in parts] == list(DAYS)
    for one, rows in ((whole, np.ones(400, bool)), (parts[0], days == DAYS[0]), (parts[1], days == DAYS[1])):
        event, mark = outcome[rows] == 1, listed[rows]
        assert (one.rows, one.listed, one.events) == (rows.sum(), mark.sum(), event.sum())
        assert one.hits == (event & mark).sum()
        assert one.precision == pytest.approx(event[mark].mean())
        assert one.recall == pytest.approx(mark[event].mean())
        assert one.false_alarm == pytest.approx(mark[~event].mean())
        assert one.lift == pytest.approx(event[mark].mean() / event.mean())
        assert one.expected == pytest.approx(risk[rows][mark].sum())
        per_school = [mark[schools[rows] == school].sum() for school in "abcd"]
        if one.as_of is not None:
            assert one.per_school == pytest.approx(np.median(per_school))


def test_the_interval_of_what_to_expect_holds_what_comes() -> None:
    """Of 300 draws of outcomes from the risks, 92 to 99 % lie in the interval of the leavers to expect."""
    random = np.random.default_rng(1)
    risk = random.uniform(0.1, 0.6, 150)
    held = 0
    for _ in range(300):
        outcome = (random.random(150) < risk).astype(float)
        (whole,) = list_figures("l", outcome, risk, np.ones(150, bool))
        held += whole.expected_low <= whole.hits <= whole.expected_high
    assert 0.92 <= held / 300 <= 0.99


def test_several_dates_of_a_pupil_widen_what_to_expect() -> None:
    """Four rows of one pupil are one event that may come or not: the interval is twice as wide."""
    risk = np.full(40, 0.5)
    (once,) = list_figures("l", np.zeros(40), risk, np.ones(40, bool))
    (four,) = list_figures("l", np.zeros(40), risk, np.ones(40, bool), pupils=np.arange(40) // 4)
    assert four.expected_high - four.expected == pytest.approx(2 * (once.expected_high - once.expected))


def test_an_empty_list_has_no_precision() -> None:
    """Nobody listed: no precision and no lift, a recall of 0."""
    (none,) = list_figures("l", [0, 1, 0], [0.1, 0.2, 0.3], [False] * 3)
    assert (none.listed, none.precision, none.lift, none.recall, none.expected_high) == (
        0,
        None,
        None,
        0.0,
        0.0,
    )
