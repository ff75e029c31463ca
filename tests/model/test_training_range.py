"""The range of the training: what was seen is inside, many values far beyond it at once are outside."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.risk.numeric_table import TrainingRange

COLUMNS = list("abcdefgh")


def seen(seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(50, 8)), columns=COLUMNS)
    return table.mask(random.random((50, 8)) < 0.2)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_nobody_of_the_training_is_outside(seed: int) -> None:
    """Every row that was learnt from is inside, whatever is missing in it."""
    table = seen(seed)
    assert not TrainingRange.fit(table, COLUMNS).outside(table).any()


@pytest.mark.parametrize(("beyond", "outside"), [(0, False), (2, False), (3, True), (8, True)])
def test_many_values_beyond_are_outside(beyond: int, *, outside: bool) -> None:
    """Two odd values of eight are no reason to abstain, three are."""
    row = pd.DataFrame([[99.0] * beyond + [0.0] * (8 - beyond)], columns=COLUMNS)
    assert TrainingRange.fit(seen(), COLUMNS).outside(row).tolist() == [outside]


def test_of_many_known_values_a_quarter_must_be_beyond() -> None:
    """Three of sixteen are not many, three of twelve known ones are: unknown values do not count."""
    names = [f"c{number}" for number in range(16)]
    trained = TrainingRange.fit(pd.DataFrame(np.eye(16), columns=names), names)
    row = pd.DataFrame([[-9.0] * 3 + [0.5] * 13], columns=names)
    assert trained.outside(row).tolist() == [False]
    row.iloc[0, 12:] = np.nan
    assert trained.outside(row).tolist() == [True]


def test_a_little_beyond_is_still_inside() -> None:
    """Half of the span is allowed on each side, no more."""
    trained = TrainingRange.fit(pd.DataFrame({name: [0.0, 2.0] for name in COLUMNS}), COLUMNS)
    for value, outside in ((3.0, False), (3.001, True), (-1.0, False), (-1.001, True)):
        assert trained.outside(pd.DataFrame([[value] * 8], columns=COLUMNS)).tolist() == [outside]


def test_nothing_known_is_not_outside() -> None:
    """A row without one known value is not out of range; it has too little data, which others judge."""
    row = pd.DataFrame([[np.nan] * 8], columns=COLUMNS)
    assert TrainingRange.fit(seen(), COLUMNS).outside(row).tolist() == [False]


def test_json_and_back_is_the_same_range() -> None:
    """The range is written to the last bit."""
    trained = TrainingRange.fit(seen(), COLUMNS)
    again = TrainingRange.from_dict(json.loads(json.dumps(trained.to_dict())))
    assert again.columns == trained.columns
    np.testing.assert_array_equal(again.lowest, trained.lowest)
    np.testing.assert_array_equal(again.highest, trained.highest)
