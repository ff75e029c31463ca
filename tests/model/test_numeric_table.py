from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.risk.numeric_table import SIGNIFICANT_BITS, binary_outcome, numeric_matrix


def message(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "Expected: " in text
    assert "Hint: " in text
    return text


def test_nullable_and_arrow_columns_equal_numpy_ones() -> None:
    """The kind of storage changes no bit; NA becomes NaN."""
    plain = pd.DataFrame({"a": [1.0, np.nan], "b": [1.0, 0.0]})
    nullable = pd.DataFrame(
        {"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, False], dtype="boolean")}
    )
    arrow = pd.DataFrame({"a": pd.array([1, None], dtype="int64[pyarrow]"), "b": [True, False]})
    for other in (nullable, arrow):
        np.testing.assert_array_equal(numeric_matrix(other), numeric_matrix(plain))


def test_negative_zero_has_the_bytes_of_zero() -> None:
    """Equal values have equal bytes."""
    assert (
        numeric_matrix(pd.DataFrame({"a": [-0.0]})).tobytes()
        == numeric_matrix(pd.DataFrame({"a": [0]})).tobytes()
    )


def test_column_order_and_further_columns_do_not_matter() -> None:
    """The columns asked for come in the order asked for."""
    frame = pd.DataFrame({"x": ["text"], "b": [2], "a": [1]})
    assert numeric_matrix(frame, ["a", "b"]).tolist() == [[1.0, 2.0]]


def test_every_column_that_is_not_numeric_is_named() -> None:
    """Text, dates, categories and objects are refused together, with the remedy."""
    frame = pd.DataFrame(
        {
            "ok": [1],
            "text": ["a"],
            "day": [dt.datetime(2024, 1, 1)],  # a plain date column
            "object": pd.Series([1], dtype=object),
            "category": pd.Series([1], dtype="category"),
            "complex": [1j],
        }
    )
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(frame)
    text = message(error)
    assert all(repr(name) in text for name in ("text", "day", "object", "category", "complex"))
    assert "'ok'" not in text
    assert "get_dummies" in text


def test_infinite_and_huge_values_are_refused_with_their_place() -> None:
    """Each column with such a value is named, with its first row."""
    frame = pd.DataFrame({"a": [0.0, np.inf], "b": [1.0, np.nan], "c": [-2e15, 0.0], "d": [1e15, 0.0]})
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(frame)
    text = message(error)
    assert "'a' (1 rows, first row 1: inf)" in text
    assert "'c' (1 rows, first row 0: -2e+15)" in text
    assert "'b'" not in text
    assert "'d'" not in text


def test_columns_named_twice_or_not_by_text_are_refused_together() -> None:
    """Both faults stand in one message."""
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(pd.DataFrame([[1, 2, 3]], columns=["a", "a", 7]))
    text = message(error)
    assert "named twice: a" in text
    assert "not text: 7" in text


def test_missing_columns_are_named_with_what_came_instead() -> None:
    """The message is a diff."""
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(pd.DataFrame({"a": [1], "C": [1]}), ["a", "b", "c"])
    text = message(error)
    assert "2 of 3 columns are missing: b, c" in text
    assert "not used: C" in text


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros(2), np.array([["a", "b"]])])
def test_an_array_needs_the_width_of_the_model(array: np.ndarray) -> None:
    """An array has no names: only its shape and type can be checked, and they are."""
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(array, ["a", "b"])
    assert "(n, 2)" in message(error)


def test_an_array_is_no_table_to_fit_on() -> None:
    """Without names there are no directions."""
    with pytest.raises(ColumnsError) as error:
        numeric_matrix(np.zeros((2, 2)))
    assert "a DataFrame" in message(error)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ([1, 0], "2 values for 3 rows"),
        ([1, 0, np.nan], "1 missing values, first in row 2"),
        ([1, 2, 0], "1 values other than 0 and 1, the first is 2"),
        (["1", "0", "1"], "values of type"),
    ],
)
def test_an_outcome_that_is_not_0_or_1_is_refused(outcome: list[object], said: str) -> None:
    """The message counts the bad values and says where the first is."""
    with pytest.raises(ModelError) as error:
        binary_outcome(outcome, 3)
    assert said in message(error)


@pytest.mark.parametrize("kind", ["bool", "int64", "float64", "Int64", "boolean", "int8[pyarrow]"])
def test_an_outcome_of_any_numeric_storage_is_read(kind: str) -> None:
    """Bool, int, float and their nullable forms are the same outcome."""
    assert binary_outcome(pd.Series([1, 0, 1]).astype(kind), 3).tolist() == [1.0, 0.0, 1.0]


@given(st.lists(st.floats(-1e14, 1e14, allow_subnormal=False), min_size=1, max_size=20))
def test_rounding_keeps_the_order_and_the_value(values: list[float]) -> None:
    """Sorted values stay sorted, move by at most half of the last bit kept, and stay put when rounded again."""
    given_values = np.sort(values)
    once = numeric_matrix(pd.DataFrame({"a": given_values}))
    assert (np.diff(once[:, 0]) >= 0).all()
    assert (np.abs(once[:, 0] - given_values) <= np.abs(given_values) * 2.0**-SIGNIFICANT_BITS).all()
    assert numeric_matrix(pd.DataFrame({"a": once[:, 0]})).tobytes() == once.tobytes()


def test_whole_numbers_and_quarters_up_to_100_000_are_exact() -> None:
    """Counts, marks and days keep their value."""
    values = np.arange(-400_000, 400_001) / 4
    np.testing.assert_array_equal(numeric_matrix(pd.DataFrame({"a": values}))[:, 0], values)


def test_every_kind_of_nan_stays_nan() -> None:
    """NaN has many bit patterns, of either sign and payload."""
    patterns = np.array([0x7FF8 << 48, 0xFFF8 << 48, 2**63 - 1, 2**64 - 1], dtype=np.uint64).view(np.float64)
    assert np.isnan(numeric_matrix(pd.DataFrame({"a": patterns}))).all()
