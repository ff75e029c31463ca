"""Laws of the gate on swapped or shifted school years: what tells of another year, and what does not."""

from __future__ import annotations

import pandas as pd
import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.records.outcome_table import refuse_shifted_years


def leavers(count: int, *, seen_again: int, then: str) -> pd.DataFrame:
    """Draw undated leavers of 2022, of whom some have a row of the next year too."""
    left = [
        {"pupil_id": f"p{at}", "school_year": 2022, "outcome": "left_without_diploma"} for at in range(count)
    ]
    again = [{**row, "school_year": 2023, "outcome": then} for row in left[:seen_again]]
    return pd.DataFrame([*left, *again]).assign(date=pd.NaT)


@pytest.mark.parametrize("then", ["left_without_diploma", "unknown"])
def test_who_is_listed_again_without_being_there_is_no_sign(then: str) -> None:
    """A register that keeps telling of those who left, as left or as unknown, is of the right years."""
    refuse_shifted_years(leavers(40, seen_again=40, then=then))


@pytest.mark.parametrize("then", ["continued", "graduated"])
def test_who_goes_on_the_year_after_is_a_sign(then: str) -> None:
    """When all leavers of a year go on or get their diploma in the next one, the column is wrong."""
    with pytest.raises(RecordsError, match="there a year after their school year: 40 of 40 of 2022"):
        refuse_shifted_years(leavers(40, seen_again=40, then=then))


def test_who_is_enrolled_the_year_after_is_a_sign() -> None:
    """Enrolments tell it where the outcomes end with the year."""
    outcomes = leavers(40, seen_again=0, then="continued")
    refuse_shifted_years(outcomes, outcomes[["pupil_id", "school_year"]])
    with pytest.raises(RecordsError, match="40 of 40 of 2022"):
        refuse_shifted_years(outcomes, outcomes[["pupil_id"]].assign(school_year=2023))


@pytest.mark.parametrize(
    ("count", "again", "refused"), [(4, 4, False), (5, 5, True), (40, 38, False), (40, 39, True)]
)
def test_some_who_come_back_are_no_sign(count: int, again: int, *, refused: bool) -> None:
    """Up to 95 % of the leavers may be there again, and four alone may all be: on either side of both bounds."""
    table = leavers(count, seen_again=again, then="continued")
    if not refused:
        refuse_shifted_years(table)
        return
    with pytest.raises(RecordsError, match=f"{again} of {count} of 2022"):
        refuse_shifted_years(table)
