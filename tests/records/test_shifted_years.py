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


@pytest.mark.parametrize("told", ["everybody", "those who are there now"])
def test_chosen_pupils_are_no_sign(told: str) -> None:
    """Of pupils who were chosen because they are there now every earlier leaver came back: labels of a class say nothing of years."""
    register = pd.DataFrame(
        [
            {"pupil_id": f"s{at}", "school_year": year}
            for at in range(400)
            for year in (2022, 2023)
            if at < 300 or year == 2022
        ]
    )
    back = [{"pupil_id": f"p{at}", "school_year": year} for at in range(8) for year in (2022, 2023)]
    enrolments = pd.concat([register, pd.DataFrame(back)], ignore_index=True)
    left = leavers(8, seen_again=8, then="continued")
    if told == "everybody":
        whole = register.assign(outcome="continued", date=pd.NaT)
        with pytest.raises(RecordsError, match="8 of 8 of 2022"):
            refuse_shifted_years(pd.concat([left, whole], ignore_index=True), enrolments)
    refuse_shifted_years(left, enrolments)
    stayed = enrolments[~enrolments["pupil_id"].isin([f"s{at}" for at in range(300, 400)])]
    own = stayed[stayed["pupil_id"].str.startswith("s")].assign(outcome="continued", date=pd.NaT)
    refuse_shifted_years(pd.concat([left, own], ignore_index=True), stayed)
