"""Label maturity: what was known on a day, date by date, and nothing about labels that were not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.evaluate.maturity import mature_on, maturity_table
from decrochage_risk.school_year import day_number

NOVEMBER, MARCH = date(2023, 11, 5), date(2024, 3, 5)
CLOSES = date(2024, 11, 1)


def rows() -> tuple[pd.DataFrame, np.ndarray]:
    """40 rows of November with 10 events, 30 of March with 3."""
    observed = np.repeat([day_number(NOVEMBER), day_number(MARCH)], [40, 30])
    table = pd.DataFrame({"school_year": 2023, "observed": observed, "matured": day_number(CLOSES)})
    return table, np.r_[np.arange(40) < 10, np.arange(30) < 3].astype(float)


@pytest.mark.parametrize(
    ("day", "known"), [(date(2024, 10, 31), False), (CLOSES, True), (date(2025, 1, 1), True)]
)
def test_a_label_is_known_from_the_closing_day_on(day: date, *, known: bool) -> None:
    """The window closes on its day: the day before the label is not known, on that day it is."""
    table, outcome = rows()
    assert (mature_on(table["matured"], day) == known).all()
    assert {one.mature for one in maturity_table(table, outcome, on=day)} == {known}


def test_dates_are_in_order_with_their_counts() -> None:
    """One entry per date, whatever the order of the rows; nothing is hidden before a report is."""
    table, outcome = rows()
    order = np.random.default_rng(0).permutation(70)
    first, second = maturity_table(table.iloc[order], outcome[order], on=CLOSES)
    assert (first.as_of, first.closes_on, first.rows, first.events) == (NOVEMBER, CLOSES, 40, 10)
    assert (second.as_of, second.rows, second.events) == (
        MARCH,
        30,
        int(outcome[table["observed"] == table["observed"].max()].sum()),
    )


def test_events_of_labels_that_are_not_mature_are_not_counted() -> None:
    """Before the closing day no number of events is given: it would be too low."""
    assert [one.events for one in maturity_table(*rows(), on=date(2024, 6, 1))] == [None, None]
    assert [one.mature for one in maturity_table(*rows())] == [None, None]
