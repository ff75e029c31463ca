"""The checks of measured rows: every fault at once, nothing measured on rows that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import ColumnsError, NotEnoughDataError
from decrochage_risk.evaluate.rows import checked_rows, sorted_codes


def test_every_fault_is_in_one_message() -> None:
    """All faults of all arrays come in one message, with what was expected and what to do."""
    with pytest.raises(ColumnsError) as caught:
        checked_rows(
            [0, 2, np.nan],
            [0.5, np.nan, 1.5, 0.2],
            probability=True,
            columns={"pupils": ["a", None, "b", "c"]},
        )
    message = str(caught.value)
    for part in (
        "outcome is neither 0 nor 1 in 2 row(s): row 1 (2), row 2 (nan)",
        "risk is missing or infinite in 1 row(s): row 1",
        "risk is outside [0, 1] in 1 row(s): row 2 (1.5)",
        "pupils is missing in 1 row(s)",
        "lengths differ: outcome 3, risk 4, pupils 4",
        "Expected: equal lengths",
        "Hint: Leave out the rows whose outcome is not known",
    ):
        assert part in message


@pytest.mark.parametrize("outcome", [["a", "b"], [[0], [1]], 1.0, [0, "x"]])
def test_an_outcome_that_is_no_column_of_numbers_is_refused(outcome: object) -> None:
    """Text, tables and scalars are refused with a message, never converted."""
    with pytest.raises(
        ColumnsError, match=r"outcome is not a one-dimensional numeric column(.|\n)*Expected(.|\n)*Hint"
    ):
        checked_rows(outcome, [0.1, 0.2])  # type: ignore[arg-type]  # the bad type is what is tested


def test_no_row_is_refused() -> None:
    """Without a row there is nothing to measure, and the message says what to check."""
    with pytest.raises(NotEnoughDataError, match=r"no row(.|\n)*at least one row(.|\n)*Check the test years"):
        checked_rows([], [])


def test_a_score_that_only_ranks_may_leave_0_1_but_not_be_infinite() -> None:
    """Scores outside [0, 1] pass when they are not probabilities; infinite ones never do."""
    assert checked_rows([0, 1], [-3.0, 9.0])[1].tolist() == [-3.0, 9.0]
    with pytest.raises(ColumnsError, match=r"score is missing or infinite in 1 row\(s\): row 1 \(inf\)"):
        checked_rows([0, 1], [0.0, np.inf])


def test_nullable_and_boolean_outcomes_are_read() -> None:
    """Pandas' nullable integers and booleans mean the same as 0 and 1."""
    expected = [0.0, 1.0]
    for outcome in (
        pd.Series([0, 1], dtype="Int64"),
        [False, True],
        pd.array([False, True], dtype="boolean"),
    ):
        assert checked_rows(outcome, [0.1, 0.2])[0].tolist() == expected


def test_codes_follow_the_values_not_the_order_of_the_rows() -> None:
    """The code of a value does not depend on where it stands."""
    assert sorted_codes(["é", "a", "é"]).tolist() == [1, 0, 1]
    assert sorted_codes(["é", "a", "é"][::-1]).tolist() == [1, 0, 1]
    assert sorted_codes(["a", "é"]).tolist() == [0, 1]
