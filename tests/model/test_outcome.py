"""Every case of the outcome, by hand: positive, negative, censored, and how a leaver left."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.model.snapshots import CENSORED, Labels, closing_day, label
from decrochage_risk.records import PupilRecords

AS_OF = "2025-01-20"
LEFT = "left_without_diploma"
ALREADY, UNKNOWN, NO_ROW, ENROLLED = CENSORED


def labels_of(
    *outcomes: tuple[str, int, str, str | None], closes: tuple[int, int] = (11, 1), pupils: str = "a"
) -> Labels:
    """Label pupils enrolled since September 2024, given rows (pupil, school year, outcome, date)."""
    records = PupilRecords(
        pupils=[{"pupil_id": pupil} for pupil in pupils],
        enrolments=[
            {"pupil_id": pupil, "school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
            for pupil in pupils
        ],
        outcomes=[
            {"pupil_id": pupil, "school_year": year, "outcome": what, "date": day}
            for pupil, year, what, day in outcomes
        ],
    )  # fmt: skip
    assert records.outcomes is not None
    return label(records.outcomes, records.known_on(AS_OF), closes)


@pytest.mark.parametrize(
    ("what", "day", "outcome", "cause", "kind"),
    [
        ("continued", None, 0, "", ""),
        ("continued", "2025-03-01", 0, "", ""),
        ("graduated", "2025-07-05", 0, "", ""),
        ("unknown", None, math.nan, UNKNOWN, ""),
        ("unknown", "2025-03-01", math.nan, UNKNOWN, ""),
        (LEFT, "2025-01-19", math.nan, ALREADY, ""),
        (LEFT, "2025-01-20", 1, "", "in_year"),
        (LEFT, "2025-03-01", 1, "", "in_year"),
        (LEFT, "2025-06-30", 1, "", "in_year"),
        (LEFT, "2025-07-01", 1, "", "non_return"),
        (LEFT, "2025-09-01", 1, "", "non_return"),
        (LEFT, "2025-10-31", 1, "", "non_return"),
        (LEFT, None, 1, "", "non_return"),
        (LEFT, "2025-11-01", 0, "", ""),
        (LEFT, "2026-02-01", 0, "", ""),
    ],
)
def test_each_case(what: str, day: str | None, outcome: float, cause: str, kind: str) -> None:
    """A leaver counts from the as-of date until the day before the closing; earlier is censored, later did not leave."""
    labels = labels_of(("a", 2024, what, day))
    np.testing.assert_array_equal(labels.outcome, [outcome])
    assert (labels.cause.tolist(), labels.exit_kind.tolist()) == ([cause], [kind])


@pytest.mark.parametrize("year", [2023, 2025])
def test_the_outcome_of_another_year_says_nothing(year: int) -> None:
    """A pupil with an outcome of another school year only is censored, with the cause."""
    labels = labels_of(("a", year, LEFT, None))
    assert math.isnan(labels.outcome[0])
    assert labels.cause.tolist() == [NO_ROW]


def test_the_order_of_the_pupils_is_kept() -> None:
    """Each pupil has its own label, in the order of the records, whatever the order of the outcomes."""
    labels = labels_of(
        ("d", 2024, "unknown", None), ("b", 2024, LEFT, None), ("b", 2023, "continued", None),
        ("a", 2024, "continued", None), pupils="abcd",
    )  # fmt: skip
    np.testing.assert_array_equal(labels.outcome, [0, 1, math.nan, math.nan])
    assert labels.cause.tolist() == ["", "", NO_ROW, UNKNOWN]


@pytest.mark.parametrize(("closes", "expected"), [((10, 1), 0), ((10, 2), 1), ((11, 1), 1), ((1, 1), 0)])
def test_the_closing_day_is_a_parameter(closes: tuple[int, int], expected: int) -> None:
    """A leaver of 1 October counts only when the outcome closes later."""
    assert labels_of(("a", 2024, LEFT, "2025-10-01"), closes=closes).outcome.tolist() == [expected]


def test_the_closing_day_lies_in_the_year_in_which_the_school_year_ends() -> None:
    """1 November 2025 closes 2024-25; the leap day closes only a year that has one."""
    assert closing_day(2024) == date(2025, 11, 1)
    assert closing_day(2023, (2, 29)) == date(2024, 2, 29)


@pytest.mark.parametrize("closes", [(13, 1), (11, 31), (11,), ("11", 1), (11, 1, 1)])
def test_a_closing_day_that_is_none_is_refused(closes: Any) -> None:
    """A pair that is no day of the year is refused with what came, what was expected and what to do."""
    with pytest.raises(ModelError) as caught:
        closing_day(2024, closes)
    assert f"outcome_closes={closes!r}" in str(caught.value)
    assert "Expected: a month and a day such as (11, 1)" in str(caught.value)
    assert "Hint: 1 November" in str(caught.value)


def test_no_pupil_is_both_labelled_and_censored() -> None:
    """A cause stands exactly where the outcome is missing, an exit kind exactly where it is 1."""
    what = ["continued", "graduated", LEFT, "unknown"]
    days = [None, "2024-12-01", "2025-03-01", "2025-09-01", "2025-12-01"]
    pairs = [(one, day) for one in what for day in days]
    pupils = "abcdefghijklmnopqrst"
    labels = labels_of(
        *((p, 2024, one, day) for p, (one, day) in zip(pupils, pairs, strict=True)), pupils=pupils
    )
    assert (np.isnan(labels.outcome) == (labels.cause != "")).all()
    assert ((labels.outcome == 1) == (labels.exit_kind != "")).all()
    assert set(pd.unique(labels.exit_kind)) == {"", "in_year", "non_return"}


DAYS = st.one_of(st.none(), st.dates(date(2024, 9, 1), date(2026, 6, 30)))
STAYS = st.lists(
    st.tuples(st.integers(2023, 2027), DAYS.filter(bool), DAYS).filter(
        lambda stay: stay[2] is None or stay[2] >= stay[1]
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(day=DAYS, stays=STAYS, month=st.sampled_from([2, 7, 10, 11]))
def test_who_is_enrolled_on_the_closing_day_has_not_left(
    day: date | None, stays: list[tuple[int, date, date | None]], month: int
) -> None:
    """A leaver with a later stay, begun after the leaving and open on the closing day, is neither gone nor stayed; no other stay matters."""
    outcomes = pd.DataFrame(
        {
            "pupil_id": ["a"],
            "school_year": [2024],
            "outcome": [LEFT],
            "date": pd.to_datetime(pd.Series([day])),
        }
    )
    enrolments = pd.DataFrame(
        [
            {"pupil_id": "a", "school_year": year, "start_date": start, "end_date": end}
            for year, start, end in stays
        ],
        columns=["pupil_id", "school_year", "start_date", "end_date"],
    ).astype({"school_year": "Int64", "start_date": "datetime64[s]", "end_date": "datetime64[s]"})
    known = PupilRecords(
        pupils=[{"pupil_id": "a"}],
        enrolments=[
            {"pupil_id": "a", "school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
        ],
    ).known_on(AS_OF)  # fmt: skip
    plain = label(outcomes, known, (month, 1))
    labels = label(outcomes, known, (month, 1), 1, enrolments)
    closing = closing_day(2024, (month, 1))
    back = any(
        year > 2024 and start <= closing and (end is None or end >= closing) and (day is None or start > day)
        for year, start, end in stays
    )
    if back and plain.outcome[0] == 1:
        assert math.isnan(labels.outcome[0])
        assert (labels.cause[0], labels.exit_kind[0]) == (ENROLLED, "")
    else:
        np.testing.assert_array_equal(labels.outcome, plain.outcome)
        assert labels.cause.tolist() == plain.cause.tolist()
