"""Laws of outcomes given apart from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import decrochage_risk as dr
from decrochage_risk.records.outcome_table import outcomes_for

if TYPE_CHECKING:
    from conftest import Rows


def outcome(pupil: str = "a", what: str = "continued", **cells: object) -> dict[str, Any]:
    return {"pupil_id": pupil, "school_year": 2024, "outcome": what, "date": None, **cells}


def test_outcomes_given_apart_equal_those_of_the_records(rows: Rows) -> None:
    """The same table gives the same frame, in the records or apart, as dicts or as a polars frame."""
    table = [outcome(date="2025-03-01", what="left_without_diploma"), outcome("b")]
    inside = dr.PupilRecords(**rows.tables(outcomes=table))
    apart = dr.PupilRecords(**rows.tables())
    expected = outcomes_for(inside)
    pd.testing.assert_frame_equal(outcomes_for(apart, table), expected)
    pd.testing.assert_frame_equal(outcomes_for(apart, pl.DataFrame(table)), expected)
    assert outcomes_for(inside, table[:1])["pupil_id"].tolist() == ["a"]


def test_without_outcomes_it_says_where_to_put_them(rows: Rows) -> None:
    """Training without outcomes is refused with where they are looked for."""
    with pytest.raises(dr.RecordsError) as caught:
        outcomes_for(dr.PupilRecords(**rows.tables()))
    message = str(caught.value)
    assert message.startswith("There is no outcomes table")
    assert "Expected: outcomes with pupil_id, school_year, outcome" in message
    assert "Hint: Pass outcomes=..., or put outcomes.parquet" in message


def test_all_faults_of_outcomes_come_at_once(rows: Rows) -> None:
    """Faults of cells and faults between rows and tables come in one report."""
    table = [outcome(what="contnued"), outcome("zz"), outcome("b"), outcome("b", "graduated")]
    with pytest.raises(dr.FaultyRecordsError) as caught:
        outcomes_for(dr.PupilRecords(**rows.tables()), table)
    assert caught.value.report.counts == {
        ("outcomes", "unknown_choice"): 1, ("outcomes", "unknown_pupil"): 1, ("outcomes", "duplicate_outcome"): 1,
    }  # fmt: skip
    assert "'contnued' may be 'continued'" in str(caught.value)


def test_a_missing_column_of_outcomes_is_refused(rows: Rows) -> None:
    """Outcomes without a required column are refused with the columns that came."""
    with pytest.raises(dr.FaultyRecordsError, match="a column named 'school_year'"):
        outcomes_for(dr.PupilRecords(**rows.tables()), [{"pupil_id": "a", "outcome": "continued"}])


def test_what_is_odd_in_outcomes_is_said(rows: Rows) -> None:
    """A column that is not known is passed over with a warning, not in silence."""
    with pytest.warns(dr.RecordsWarning, match="unknown_column: table outcomes, column remarque"):
        kept = outcomes_for(
            dr.PupilRecords(**rows.tables()), [outcome(remarque="x"), outcome("b", remarque="y")]
        )
    assert kept["outcome"].tolist() == ["continued", "continued"]
