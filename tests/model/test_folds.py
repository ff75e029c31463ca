from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.risk.folds import moments, pupil_folds, rolling_origin, sorted_codes

groups_of_rows = st.lists(st.integers(0, 30).map(str), min_size=10, max_size=150).filter(
    lambda of: len(set(of)) >= 5
)


@settings(max_examples=50)
@given(groups_of_rows, st.integers(0, 1000), st.randoms())
def test_a_pupil_is_never_on_both_sides_of_a_fold(groups: list[str], seed: int, shuffle: object) -> None:
    """Every pupil has one fold, folds have equal numbers of pupils, and row order changes nothing."""
    fold = pupil_folds(groups, 5, seed)
    of_pupil = dict(zip(groups, fold, strict=True))
    assert [of_pupil[group] for group in groups] == fold.tolist()
    sizes = np.bincount(list(of_pupil.values()), minlength=5)
    assert sizes.max() - sizes.min() <= 1
    order = list(range(len(groups)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert pupil_folds([groups[row] for row in order], 5, seed).tolist() == fold[order].tolist()


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["1", "0", "01"]), min_size=10, max_size=80), st.integers(0, 100))
def test_every_fold_gets_its_share_of_both_outcomes(kinds: list[str], seed: int) -> None:
    """With five pupils of each outcome, however mixed, every fold holds both outcomes."""
    kinds = [*kinds, *["1"] * 5, *["0"] * 5]
    rows = [(f"p{number}", float(value)) for number, kind in enumerate(kinds) for value in kind]
    outcome = np.array([value for _, value in rows])
    fold = pupil_folds([group for group, _ in rows], 5, seed, outcome=outcome)
    for part in range(5):
        assert set(outcome[fold == part]) == {0.0, 1.0}


@pytest.mark.parametrize("count", [1, 4])
def test_more_folds_than_pupils_are_refused(count: int) -> None:
    """One fold is no fold, and an empty one neither."""
    with pytest.raises(ModelError, match=f"{count} folds of 3 distinct groups") as error:
        pupil_folds(["a", "b", "c"], count, 0)
    assert "Hint" in str(error.value)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(2018, 2023), st.integers(0, 300), st.integers(0, 900)), min_size=2, max_size=60
    )
)
def test_training_rows_are_earlier_and_had_matured(rows: list[tuple[int, int, int]]) -> None:
    """Exactly the rows of earlier periods whose label was closed on the first test day may teach."""
    year = np.array([row[0] for row in rows])
    observed = (year - 2018) * 365 + np.array([row[1] for row in rows])
    matured = observed + np.array([row[2] for row in rows])
    splits = rolling_origin(year, observed=observed, matured=matured)
    assert [value for value, _, _ in splits] == sorted(set(year.tolist()))[1:]
    for value, train, test in splits:
        first_day = min(day for day, of in zip(observed, year, strict=True) if of == value)
        expected = [of < value and closed <= first_day for of, closed in zip(year, matured, strict=True)]
        assert train.tolist() == expected
        assert test.tolist() == [of == value for of in year]


def test_days_of_any_kind_give_the_same_embargo() -> None:
    """Dates, timestamps, ISO text and numbers of days are days."""
    days = [dt.date(2022, 11, 7), dt.date(2023, 3, 6), dt.date(2023, 11, 6)]
    closes = [dt.date(2023, 11, 1), dt.date(2023, 11, 7), dt.date(2024, 11, 1)]
    forms = [
        (days, closes),
        (pd.Series(pd.to_datetime(days), index=[5, 6, 7]), pd.to_datetime(pd.Series(closes))),
        ([day.isoformat() for day in days], [day.isoformat() for day in closes]),
        ([day.toordinal() for day in days], [day.toordinal() for day in closes]),
    ]
    for observed, matured in forms:
        [(year, train, test)] = rolling_origin([2022, 2022, 2023], observed=observed, matured=matured)
        assert (int(year), train.tolist(), test.tolist()) == (
            2023,
            [True, False, False],
            [False, False, True],
        )


def test_half_an_embargo_is_refused() -> None:
    """One day alone says nothing about what was known when."""
    with pytest.raises(ModelError, match="Only observed was given") as error:
        rolling_origin([1, 2], observed=[1, 2])
    assert "observed and matured together" in str(error.value)


def test_missing_labels_are_refused_with_their_row() -> None:
    """A row without a pupil belongs to no fold."""
    with pytest.raises(ModelError, match="groups is missing in 1 of 3 rows, first in row 1") as error:
        sorted_codes(["a", None, "b"], 3, "groups")
    assert "Hint" in str(error.value)


def test_labels_of_another_length_are_refused() -> None:
    """Rows and labels go in step."""
    with pytest.raises(ModelError, match=r"time has shape \(2,\)") as error:
        sorted_codes([1, 2], 3, "time")
    assert "shape (3,)" in str(error.value)


def test_what_is_no_day_is_refused() -> None:
    """Text that no calendar knows."""
    with pytest.raises(ModelError, match="observed cannot be read as days") as error:
        moments(["la rentrée"], 1, "observed")
    assert "pandas.to_datetime" in str(error.value)


def test_a_day_that_is_missing_is_refused() -> None:
    """A label that closes nobody knows when cannot be embargoed."""
    with pytest.raises(ModelError, match="matured is missing in 1 of 2 rows"):
        moments([dt.date(2024, 1, 1), None], 2, "matured")
