"""Laws of the training rows: who is at risk, what is counted, and that the future is not read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import AsOfError, NotEnoughDataError
from decrochage_risk.features import CONTEXT_COLUMNS, build_features
from decrochage_risk.model import Snapshots, days_of_data, default_as_of_dates, take_snapshots
from decrochage_risk.model.snapshots import reference_label
from decrochage_risk.records import PupilRecords
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort

AS_OF = date(2025, 1, 20)
Row = dict[str, Any]


def enrolment(pupil: str, **cells: object) -> Row:
    school_year = {"school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
    return {"pupil_id": pupil, **school_year, **cells}


def outcome(pupil: str, what: str = "continued", **cells: object) -> Row:
    return {"pupil_id": pupil, "school_year": 2024, "outcome": what, "date": None, **cells}


def snapshots_of(enrolments: list[Row], outcomes: list[Row], **tables: object) -> Snapshots:
    pupils = [{"pupil_id": pupil} for pupil in dict.fromkeys(row["pupil_id"] for row in enrolments)]
    given = {"absences": [], **tables}
    records = PupilRecords(pupils, enrolments, outcomes=outcomes, **given)
    assert records.outcomes is not None
    return take_snapshots(records, records.outcomes, [AS_OF])


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort(80, [2022, 2023], seed=5)


def test_at_risk_is_who_is_enrolled_that_day_with_three_weeks_of_data() -> None:
    """Only pupils with an enrolment open that day, three weeks of covered data and an outcome have a row."""
    enrolments = [
        enrolment("open"),
        enrolment("gone", end_date="2025-01-19"),
        enrolment("leaves today", end_date="2025-01-20"),
        enrolment("starts today", start_date="2025-01-20"),
        enrolment("20 days", start_date="2024-12-31"),
        enrolment("21 days", start_date="2024-12-30"),
        enrolment("censored"),
        enrolment("no outcome"),
        enrolment("not covered", school_id="0990002P"),
    ]
    ids = [row["pupil_id"] for row in enrolments]
    outcomes = [outcome(pupil, "unknown" if pupil == "censored" else "continued") for pupil in ids]
    outcomes = [row for row in outcomes if row["pupil_id"] != "no outcome"]
    span = {"table": "absences", "school_id": "0990001N", "start": "2024-09-01", "end": "2025-08-31"}
    taken = snapshots_of(enrolments, outcomes, coverage=[span])
    assert taken.rows["pupil_id"].tolist() == ["21 days", "leaves today", "open"]
    assert taken.left_out == {
        "no outcome for this school year": 1,
        "outcome unknown": 1,
        "under 3 weeks of covered data": 2,
    }


def test_marks_alone_are_data_and_without_any_table_nobody_has_a_row() -> None:
    """Absences or grades make three weeks of data; orientation does not, and without either nobody is at risk."""
    one, known = [enrolment("a")], [outcome("a")]
    assert len(snapshots_of(one, known, absences=None, grades=[]).outcome) == 1
    with pytest.raises(NotEnoughDataError) as caught:
        snapshots_of(one, known, absences=None, orientation=[])
    assert "(1 under 3 weeks of covered data)" in str(caught.value)
    assert "Expected: pupils enrolled on the as-of dates" in str(caught.value)
    assert "Hint: Check the as-of dates and the school_year" in str(caught.value)


def test_days_of_data_are_counted_over_all_schools_of_the_year() -> None:
    """Enrolled days since 1 September add up over moves; those of an earlier year do not count."""
    enrolments = [
        enrolment("a", school_year=2023, level="5e", start_date="2023-09-04", end_date="2024-08-31"),
        enrolment("a", start_date="2024-09-02", end_date="2024-09-11"),
        enrolment("a", start_date="2025-01-10"),
    ]
    records = PupilRecords([{"pupil_id": "a"}], enrolments, absences=[])
    assert days_of_data(records.known_on(AS_OF)).tolist() == [20]


def test_the_rows_say_what_was_known_that_day() -> None:
    """Level and school are those of the enrolment known that day, the label group is level and month."""
    enrolments = [
        enrolment("a", end_date="2024-11-30"),
        enrolment("a", level="3e_pm", school_id="0990002P", network_id="R1", start_date="2024-12-01", end_date="2025-02-01"),
        enrolment("a", level="2de_pro", school_id="0990003R", start_date="2025-02-02"),
    ]  # fmt: skip
    taken = snapshots_of(enrolments, [outcome("a", "left_without_diploma", date="2025-02-10")])
    row = taken.rows.iloc[0]
    assert (row["level"], row["school_id"], row["network_id"]) == ("3e_pm", "0990002P", "R1")
    assert row["reference_group"] == "3e_pm@01" == reference_label("3e_pm", AS_OF)
    assert (row["as_of"], row["school_year"], row["exit_kind"]) == (AS_OF, 2024, "in_year")
    days = np.array(["2025-01-20", "2025-11-01"], dtype="datetime64[D]").astype(np.int64)
    assert [row["observed"], row["matured"]] == days.tolist()
    assert taken.outcome.tolist() == [1.0]


def test_features_are_those_of_build_features_and_context(cohort: Cohort) -> None:
    """The features of a row are those that scoring builds for that pupil and day."""
    day = date(2024, 3, 5)
    taken = take_snapshots(cohort.records, cohort.outcomes, [day])
    built = build_features(cohort.records, day).loc[taken.rows["pupil_id"]]
    pd.testing.assert_frame_equal(taken.features[list(built.columns)], built.reset_index(drop=True))
    assert set(taken.features.columns) == {*built.columns, *CONTEXT_COLUMNS}
    level = taken.rows["level"]
    assert all((taken.features[f"level_{name}"] == (level == name)).all() for name in level.unique())


def test_every_enrolled_pupil_has_a_row_or_is_counted(cohort: Cohort) -> None:
    """Rows and the counts of those left out add up to the pupils enrolled on each date."""
    days = default_as_of_dates(cohort.school_years)
    outcomes = cohort.outcomes.copy()
    outcomes.loc[outcomes.index[::10], "outcome"] = "unknown"
    taken = take_snapshots(cohort.records, outcomes, days)
    enrolled = sum(int(cohort.records.known_on(day).enrolled.sum()) for day in days)
    assert len(taken.outcome) + sum(taken.left_out.values()) == enrolled
    assert sum(taken.left_out.values()) > 0


def test_neither_the_order_of_rows_nor_that_of_dates_matters(cohort: Cohort) -> None:
    """Shuffled tables, shuffled and repeated dates give the same rows in the same order, to the bit."""
    days = default_as_of_dates([2022])
    rng = np.random.default_rng(0)
    tables = {
        name: table.iloc[rng.permutation(len(table))].reset_index(drop=True)
        for name, table in cohort.tables.items()
    }
    shuffled = PupilRecords(**tables, calendar=cohort.calendar)
    assert shuffled.outcomes is not None
    taken = take_snapshots(cohort.records, cohort.outcomes, days)
    again = take_snapshots(shuffled, shuffled.outcomes, [*days[::-1], days[0]])
    pd.testing.assert_frame_equal(again.features, taken.features, check_exact=True)
    pd.testing.assert_frame_equal(again.rows, taken.rows)
    np.testing.assert_array_equal(again.outcome, taken.outcome)
    assert again.left_out == taken.left_out


def test_no_row_of_the_future_is_read(cohort: Cohort) -> None:
    """Records cut off after the as-of date, and records with the future made extreme, give the same rows."""
    day = date(2023, 3, 6)
    morning = pd.Timestamp(day)
    past: dict[str, pd.DataFrame] = {}
    extreme: dict[str, pd.DataFrame] = {}
    for name, when in (
        ("absences", "date"),
        ("grades", "date"),
        ("orientation", "date"),
        ("enrolments", "start_date"),
    ):
        table = cohort.tables[name]
        later = table[when] >= morning
        assert later.any()
        past[name], extreme[name] = table[~later], table.copy()
        if name == "grades":
            extreme[name].loc[later & (table["status"] == "graded"), "value"] = 0.0
        if name == "absences":
            extreme[name].loc[later & (table["kind"] == "absence"), "justified"] = False
    pupils = cohort.tables["pupils"]
    taken, cut, made_extreme = (
        take_snapshots(PupilRecords(pupils, **tables, calendar=cohort.calendar), cohort.outcomes, [day])
        for tables in ({name: cohort.tables[name] for name in past}, past, extreme)
    )
    for other in (cut, made_extreme):
        pd.testing.assert_frame_equal(other.features, taken.features, check_exact=True)
        pd.testing.assert_frame_equal(other.rows, taken.rows)


def test_default_dates_are_four_a_year_in_order() -> None:
    """5 November, 6 January, 5 March and 5 May of each year, each year once."""
    days = default_as_of_dates([2024, 2022, 2024])
    assert [day.isoformat() for day in days] == [
        "2022-11-05", "2023-01-06", "2023-03-05", "2023-05-05",
        "2024-11-05", "2025-01-06", "2025-03-05", "2025-05-05",
    ]  # fmt: skip


def test_progress_is_told_once_per_date(cohort: Cohort) -> None:
    """Each date is announced once, in order."""
    told: list[str] = []
    take_snapshots(cohort.records, cohort.outcomes, ["2023-03-06", "2022-11-07"], progress=told.append)
    assert told == ["Lecture au 2022-11-07", "Lecture au 2023-03-06"]


def test_dates_that_cannot_be_used_are_refused(cohort: Cohort) -> None:
    """No date at all, or one before every enrolment, is refused."""
    with pytest.raises(NotEnoughDataError, match="nobody was enrolled"):
        take_snapshots(cohort.records, cohort.outcomes, [])
    with pytest.raises(AsOfError, match="No enrolment has started"):
        take_snapshots(cohort.records, cohort.outcomes, ["2018-01-15"])


def test_taking_rows_keeps_everything_aligned(cohort: Cohort) -> None:
    """A mask keeps the same rows of features, outcome and description."""
    taken = take_snapshots(cohort.records, cohort.outcomes, ["2023-03-06"])
    mask = taken.features["absence_rate_year"].to_numpy() > 0.02
    kept = taken.take(mask)
    assert 0 < len(kept.outcome) < len(taken.outcome)
    assert kept.rows["pupil_id"].tolist() == taken.rows["pupil_id"][mask].tolist()
    np.testing.assert_array_equal(kept.outcome, taken.outcome[mask])
    assert (kept.features["absence_rate_year"] > 0.02).all()
    assert kept.left_out == taken.left_out


def test_left_out_are_told_by_their_pupils_not_their_rows(cohort: Cohort) -> None:
    """Ten pupils with an unknown outcome are hidden on four dates as on one; eleven are told, by their rows."""
    dates = default_as_of_dates([2023])
    staying = take_snapshots(cohort.records, cohort.outcomes, dates).rows.groupby("pupil_id").size()
    always = staying.index[staying == len(dates)]
    for few, told in ((3, None), (10, None), (11, 44)):
        table = cohort.outcomes.assign(
            outcome=np.where(cohort.outcomes["pupil_id"].isin(always[:few]), "unknown", "continued"),
            date=pd.NaT,
        )
        rows = take_snapshots(cohort.records, table, dates)
        assert rows.left_out["outcome unknown"] == 4 * few
        assert rows.pupils_left_out["outcome unknown"] == few
        assert rows.told_left_out()["outcome unknown"] == told


def test_rows_set_apart_are_counted_with_their_pupils(cohort: Cohort) -> None:
    """Each cause has its rows and distinct pupils; one that came without its pupils is taken for one of few."""
    rows = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates([2022, 2023]))
    cause = np.where(rows.rows["level"] == "3e", "of 3e", "").astype(object)
    kept = rows.set_apart(cause)
    of_3e = rows.rows[rows.rows["level"] == "3e"]
    assert (kept.left_out["of 3e"], kept.pupils_left_out["of 3e"]) == (
        len(of_3e),
        of_3e["pupil_id"].nunique(),
    )
    assert len(kept.outcome) + len(of_3e) == len(rows.outcome)
    assert replace(kept, pupils_left_out={}).told_left_out()["of 3e"] is None


@settings(max_examples=60, deadline=None)
@given(
    day=st.dates(date(2024, 10, 1), date(2025, 8, 31)),
    closes=st.sampled_from([(1, 1), (2, 1), (5, 5), (7, 1), (11, 1)]),
)
def test_nothing_is_foreseen_after_its_closing_day(day: date, closes: tuple[int, int]) -> None:
    """A date on or after the day on which its outcome closes is refused, whatever the closing day; one before it is not."""
    records = PupilRecords([{"pupil_id": "a"}], [enrolment("a")], absences=[], outcomes=[outcome("a")])
    assert records.outcomes is not None
    if day < date(2025, *closes):
        assert len(take_snapshots(records, records.outcomes, [day], closes=closes).outcome) == 1
    else:
        with pytest.raises(AsOfError, match=rf"{day}.*closed on 2025-"):
            take_snapshots(
                records, records.outcomes, [AS_OF.replace(month=10, year=2024), day], closes=closes
            )
