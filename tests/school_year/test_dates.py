"""Days, school years and terms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import AsOfError
from decrochage_risk.school_year import (
    day_number,
    school_year_of,
    term_of,
    to_date,
    weeks_since_september,
    year_end,
    year_start,
)
from decrochage_risk.school_year.dates import date_of_number

LAWS = settings(max_examples=60)
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@LAWS
@given(DAYS)
def test_every_writing_of_a_day_reads_the_same(day: date) -> None:
    """A date, a datetime, a Timestamp, a datetime64 and ISO text of one day are that day."""
    at_noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    writings = [day, at_noon, pd.Timestamp(day), pd.Timestamp(at_noon), np.datetime64(day), day.isoformat()]
    writings += [np.datetime64(day, unit) for unit in ("h", "s", "ms", "us", "ns")]
    assert {to_date(writing) for writing in writings} == {day}
    assert {type(to_date(writing)) for writing in writings} == {date}


@pytest.mark.parametrize(
    "value",
    [
        20241105,
        738000.0,
        None,
        True,
        "05/11/2024",
        "2024-11-5",
        "2024-02-30",
        "20241105",
        "٢٠٢٤-١١-٠٥",
        "2024-11-05T08:00",
        "",
        "demain",
        pd.NaT,
        np.datetime64("NaT", "D"),
        np.datetime64("2024-11"),
        np.datetime64("12024-11-05"),
        float("nan"),
        ["2024-11-05"],
    ],
)
def test_what_is_not_a_day_is_refused(value: object) -> None:
    """Anything else is refused with what came, what was expected and what to do."""
    with pytest.raises(AsOfError) as refused:
        to_date(value)
    assert str(refused.value).startswith(f"{value!r} ({type(value).__name__}) is not a day")
    assert "Expected: a date, a datetime" in str(refused.value)
    assert 'Hint: Write the day as year-month-day, for example "2024-11-05"' in str(refused.value)


@LAWS
@given(DAYS)
def test_day_number_counts_days(day: date) -> None:
    """The number of a day is numpy's, and gives the day back."""
    assert day_number(day) == np.datetime64(day, "D").astype(int)
    assert date_of_number(day_number(day)) == day


@LAWS
@given(DAYS)
def test_a_day_is_in_its_school_year(day: date) -> None:
    """A day lies between the start and the end of its school year, which the next one follows at once."""
    year = school_year_of(day)
    assert year_start(year) <= day <= year_end(year)
    assert year_end(year) + timedelta(days=1) == year_start(year + 1)


@LAWS
@given(st.integers(1990, 2060))
def test_terms_follow_each_other(year: int) -> None:
    """Over a school year the term changes twice, after 30 November and after 15 March."""
    days = [year_start(year) + timedelta(days=n) for n in range((year_end(year) - year_start(year)).days + 1)]
    terms = [term_of(day) for day in days]
    changes = {
        day: after for day, before, after in zip(days[1:], terms, terms[1:], strict=False) if before != after
    }
    assert terms[0] == "1er trimestre"
    assert changes == {date(year, 12, 1): "2e trimestre", date(year + 1, 3, 16): "3e trimestre"}


@LAWS
@given(DAYS)
def test_weeks_since_september(day: date) -> None:
    """Seven times the weeks since September are the days since the start of the school year."""
    weeks = weeks_since_september(day)
    assert year_start(school_year_of(day)) + timedelta(days=round(7 * weeks)) == day
    assert 0 <= weeks < 53
