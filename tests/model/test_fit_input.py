from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decrochage_risk.errors import ModelError, NotEnoughDataError
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.fit_input import FitInput, canonical_order, enough
from decrochage_risk.risk.numeric_table import numeric_matrix

NONE: dict[str, object] = dict.fromkeys(("groups", "time", "observed", "matured", "reference_groups"))


def prepare(features: pd.DataFrame, outcome: object, **changes: object) -> FitInput:
    directions = changes.pop("directions", {})
    return FitInput.prepare(features, outcome, directions=directions, labels=NONE | changes, context=())  # type: ignore[arg-type]  # on purpose


@settings(max_examples=60)
@given(arrays(np.float64, (25, 5), elements=st.integers(0, 2)), st.permutations(range(25)), st.integers(0, 2))
def test_the_sorted_table_is_the_same_for_every_order_of_the_rows(
    cells: np.ndarray, order: list[int], key_count: int
) -> None:
    """Sorted as Python sorts tuples of keys, columns and outcome."""
    keys, matrix, outcome = [cells[:, 3], cells[:, 2]][:key_count], cells[:, :3], cells[:, 4]
    found = canonical_order(keys, matrix, outcome)
    whole = np.column_stack([*keys, matrix, outcome])
    assert whole[found].tolist() == sorted(whole.tolist())
    again = canonical_order([key[order] for key in keys], matrix[order], outcome[order])
    assert whole[order][again].tolist() == whole[found].tolist()


@settings(max_examples=60)
@given(arrays(np.float64, (25, 4), elements=st.integers(0, 1)), st.permutations(range(25)))
def test_a_last_key_settles_what_the_rows_leave_equal_and_nothing_else(
    cells: np.ndarray, order: list[int]
) -> None:
    """Rows that are the same in everything but their school lie in the order of the schools; rows that differ stay where they were."""
    matrix, outcome, school = cells[:, :2], cells[:, 2], cells[:, 3]
    found = canonical_order([], matrix, outcome, last=school)
    assert cells[found].tolist() == sorted(cells.tolist())
    again = canonical_order([], matrix[order], outcome[order], last=school[order])
    assert cells[order][again].tolist() == cells[found].tolist()
    plain = canonical_order([], matrix, outcome)
    assert cells[plain][:, :3].tolist() == cells[found][:, :3].tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_tied_rows_of_several_schools_in_any_order_give_the_same_bytes(seed: int) -> None:
    """Where folds keep schools whole, a fit of coarse columns does not hang on the order of its rows."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"a": rng.integers(0, 3, 300), "level": rng.integers(0, 2, 300)}).astype(float)
    outcome = (rng.random(300) < 0.2 + 0.2 * table["a"]).to_numpy()
    schools = rng.integers(0, 14, 300).astype(str)
    options = FitOptions(max_rounds=12, members=2, linear_share=0.5, penalty=10.0)
    found = []
    for order in (np.arange(300), rng.permutation(300), np.arange(300)[::-1]):
        model = RiskModel.fit(
            table.iloc[order], outcome[order], directions={"a": 1}, context=["level"], clusters=schools[order], options=options,
        )  # fmt: skip
        found.append(model.to_files())
    assert found[0] == found[1] == found[2]


def test_the_order_leads_back_to_the_rows_that_came() -> None:
    """Row i of the prepared table is row order[i] of the table given."""
    rng = np.random.default_rng(0)
    features = pd.DataFrame({"a": rng.normal(size=40), "b": rng.integers(0, 3, 40)})
    outcome = np.tile([0, 1], 20)
    table = prepare(features, outcome, time=np.arange(40) % 3, groups=np.arange(40) // 2)
    np.testing.assert_array_equal(table.matrix, numeric_matrix(features)[table.order])
    np.testing.assert_array_equal(table.outcome, outcome[table.order])
    assert table.time is not None
    np.testing.assert_array_equal(table.time, (np.arange(40) % 3)[table.order])


@pytest.mark.parametrize(
    ("rows", "positives", "said"),
    [
        (19, 9, "19 rows came, 9 with outcome 1"),
        (40, 4, "4 with outcome 1"),
        (40, 0, "0 with outcome 1"),
        (40, 40, "0 with outcome 0"),
    ],
)
def test_too_little_to_learn_from_is_refused(rows: int, positives: int, said: str) -> None:
    """Few rows, few outcomes or a single class: the message counts them."""
    with pytest.raises(NotEnoughDataError, match=said) as error:
        prepare(pd.DataFrame({"a": np.arange(rows)}), np.arange(rows) < positives)
    assert "at least 20 rows" in str(error.value)
    assert "Hint" in str(error.value)


def test_many_rows_of_few_pupils_are_few() -> None:
    """Ten positive rows of two pupils are two pupils."""
    with pytest.raises(NotEnoughDataError, match="2 groups with a 1 and 15 with a 0"):
        prepare(
            pd.DataFrame({"a": np.arange(40)}),
            np.arange(40) < 10,
            groups=np.r_[np.repeat([0, 1], 5), np.arange(30) // 2 + 2],
        )
    assert not enough(np.tile([0.0, 1.0], 20), np.zeros(40))


def test_every_wrong_direction_is_named() -> None:
    """Unknown columns and values other than -1, 0 and 1, all in one message."""
    features = pd.DataFrame({"a": np.arange(40), "b": 1.0, "c": 1.0})
    wrong = {"absence": 1, "a": 2, "b": True, "c": -1}
    with pytest.raises(ModelError) as error:
        prepare(features, np.tile([0, 1], 20), directions=wrong)
    text = str(error.value)
    assert all(
        said in text for said in ("unknown column 'absence'", "2 for 'a'", "True for 'b'", "Expected", "Hint")
    )
    assert "'c'" not in text


def test_a_direction_of_a_dropped_column_is_no_fault() -> None:
    """A catalogue declares directions for columns that one table may not know."""
    features = pd.DataFrame({"a": np.arange(40), "never": np.nan})
    assert prepare(features, np.tile([0, 1], 20), directions={"never": 1, "a": -1}).directions.tolist() == [
        -1
    ]
