"""The outcome over three school years, case by case, and what a model of that horizon says of itself."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import DemoModelWarning, ModelError, NotEnoughDataError, TrainingWarning
from decrochage_risk.model import check_horizon
from decrochage_risk.model.snapshots import CENSORED, closing_day, label, take_snapshots
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk import FitOptions
from decrochage_risk.train import train_model
from decrochage_risk.train.training import mature_only

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.model.snapshots import Labels
    from decrochage_risk.synthetic import Cohort

LEFT = "left_without_diploma"
ALREADY, UNKNOWN, NO_ROW, ENROLLED = CENSORED
Row = tuple[int, str, str | None]


def labels_of(*rows: Row, last: int = 2026) -> Labels:
    """Label one pupil of 2024-25 over three years; another pupil's row says that ``last`` is in the table."""
    pupils = ("a", "other")
    records = PupilRecords(
        pupils=[{"pupil_id": pupil} for pupil in pupils],
        enrolments=[
            {"pupil_id": pupil, "school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}
            for pupil in pupils
        ],
        outcomes=[
            {"pupil_id": pupil, "school_year": year, "outcome": what, "date": day}
            for pupil, (year, what, day) in [("other", (last, "continued", None)), *(("a", row) for row in rows)]
        ],
    )  # fmt: skip
    return label(records.outcomes, records.known_on("2025-01-20"), horizon_years=3)


@pytest.mark.parametrize(
    ("rows", "outcome", "cause"),
    [
        ([(2024, "continued", None), (2025, "continued", None), (2026, "continued", None)], 0, ""),
        ([(2024, "continued", None), (2025, "continued", None), (2026, LEFT, "2027-02-01")], 1, ""),
        ([(2024, "continued", None), (2025, LEFT, None)], 1, ""),
        ([(2024, LEFT, "2025-03-01")], 1, ""),
        ([(2024, LEFT, "2025-12-15")], 1, ""),  # after the closing of its year, before that of the path
        ([(2024, LEFT, "2025-03-01"), (2025, "continued", None), (2026, "continued", None)], 0, ""),
        ([(2024, LEFT, "2025-03-01"), (2026, "continued", None)], 0, ""),
        ([(2024, LEFT, "2025-03-01"), (2025, "continued", None), (2026, LEFT, None)], 1, ""),
        ([(2024, LEFT, "2025-03-01"), (2025, "continued", None)], math.nan, NO_ROW),
        ([(2024, "continued", None), (2025, "graduated", None)], 0, ""),
        ([(2024, "continued", None), (2025, "graduated", None), (2026, LEFT, None)], 0, ""),
        ([(2024, "continued", None), (2026, LEFT, "2027-11-01")], 0, ""),
        ([(2024, "continued", None), (2025, "unknown", None)], math.nan, UNKNOWN),
        ([(2024, "continued", None), (2025, "unknown", None), (2026, "continued", None)], math.nan, UNKNOWN),
        ([(2024, "continued", None)], math.nan, NO_ROW),
        (
            [(2024, LEFT, "2025-01-19"), (2025, "continued", None), (2026, "continued", None)],
            math.nan,
            ALREADY,
        ),
        ([], math.nan, NO_ROW),
    ],
)
def test_each_case_over_three_years(rows: list[Row], outcome: float, cause: str) -> None:
    """What counts is where the pupil stands at the end: back is back, a diploma is one, lost from sight is censored."""
    labels = labels_of(*rows)
    np.testing.assert_array_equal(labels.outcome[:1], [outcome])
    assert labels.cause[0] == cause
    assert (labels.exit_kind[0] != "") == (outcome == 1)


@pytest.mark.parametrize(
    ("rows", "stay", "outcome", "cause"),
    [
        ([(2024, LEFT, None)], 2025, math.nan, ENROLLED),
        ([(2024, LEFT, None)], 2027, 1, ""),  # back after years away: gone on the closing day of the year that was left
        ([(2024, "continued", None), (2025, "continued", None), (2026, LEFT, None)], 2027, math.nan, ENROLLED),
        ([(2024, "continued", None), (2025, "continued", None), (2026, LEFT, None)], 2026, 1, ""),
        ([(2024, LEFT, None), (2025, "continued", None), (2026, "continued", None)], 2025, 0, ""),
        ([(2024, "graduated", None), (2026, LEFT, None)], 2027, 0, ""),
    ],
)  # fmt: skip
def test_who_is_enrolled_after_the_last_leaving_has_not_left(
    rows: list[Row], stay: int, outcome: float, cause: str
) -> None:
    """Over three years, a leaving that settles the path is held against the enrolments of the closing day after it."""
    outcomes = pd.DataFrame(
        [
            {"pupil_id": pupil, "school_year": year, "outcome": what, "date": pd.Timestamp(day) if day else pd.NaT}
            for pupil, (year, what, day) in [("other", (2026, "continued", None)), *(("a", row) for row in rows)]
        ]
    )  # fmt: skip
    stays = [
        {"pupil_id": pupil, "school_year": year, "school_id": "0990001N", "level": "4e", "start_date": f"{year}-09-02"}
        for pupil, year in (("a", 2024), ("other", 2024), ("a", stay))
    ]  # fmt: skip
    # A stay that is there twice is no matter of this law.
    records = PupilRecords(
        pupils=[{"pupil_id": "a"}, {"pupil_id": "other"}],
        enrolments=[one for at, one in enumerate(stays) if one not in stays[:at]],
    )
    labels = label(outcomes, records.known_on("2025-01-20"), (11, 1), 3, records.enrolments)
    np.testing.assert_array_equal(labels.outcome[:1], [outcome])
    assert labels.cause[0] == cause


def test_nobody_has_an_outcome_before_the_last_year_is_known() -> None:
    """A leaver of the first year may still come back: without the third year in the table there is no label."""
    labels = labels_of((2024, LEFT, "2025-03-01"), (2025, LEFT, None), last=2025)
    assert np.isnan(labels.outcome).all()
    assert set(labels.cause) == {NO_ROW}


def test_one_year_is_the_year_itself(small_cohort: Cohort) -> None:
    """The horizon of one year gives the labels of before, to the bit."""
    cut = small_cohort.records.known_on("2024-03-05")
    for name in ("outcome", "cause", "exit_kind"):
        one, same = (
            getattr(label(small_cohort.outcomes, cut, **more), name) for more in ({}, {"horizon_years": 1})
        )
        np.testing.assert_array_equal(one, same)


def test_more_leave_within_three_years_than_within_one(small_cohort: Cohort) -> None:
    """Who has left by the end of the year and has not come back has left by the end of the third."""
    cut = small_cohort.records.known_on("2023-03-05")
    one, three = (label(small_cohort.outcomes, cut, horizon_years=years) for years in (1, 3))
    both = ~np.isnan(one.outcome) & ~np.isnan(three.outcome)
    assert three.outcome[both].mean() > one.outcome[both].mean()


def test_a_row_matures_with_its_last_year(small_cohort: Cohort) -> None:
    """A label of three years closes on 1 November after the third, and is left out when the outcomes were known before."""
    rows = take_snapshots(small_cohort.records, small_cohort.outcomes, ["2023-03-05"], horizon_years=3)
    assert set(rows.rows["matured"]) == {(date(2025, 11, 1) - date(1970, 1, 1)).days}
    assert len(mature_only(rows, date(2025, 11, 1)).outcome) == len(rows.outcome)
    with pytest.raises(NotEnoughDataError):
        mature_only(rows, date(2025, 10, 31))
    with pytest.raises(NotEnoughDataError):
        take_snapshots(small_cohort.records, small_cohort.outcomes, ["2024-03-05"], horizon_years=3)


@pytest.mark.parametrize("horizon", [0, 2, 3.0, True, "3", None])
def test_a_horizon_that_is_none_is_refused(horizon: object) -> None:
    """Only 1 and 3 are horizons; the error says what they mean."""
    with pytest.raises(ModelError, match=r"(?s)horizon_years=.*one of 1, 3.*second school year after it"):
        check_horizon(horizon)


def test_closing_days_of_both_horizons() -> None:
    """A school year closes on 1 November after it, a path on that of two years later."""
    assert closing_day(2024) == date(2025, 11, 1)
    assert closing_day(2024, (10, 1), 3) == date(2027, 10, 1)


@pytest.fixture(scope="module")
def path_model(small_cohort: Cohort) -> TrainedModel:
    """Train a small model of three years; the only year whose path is known cannot also be kept aside."""
    with pytest.warns(TrainingWarning):
        return train_model(
            small_cohort.records,
            small_cohort.outcomes,
            horizon_years=3,
            synthetic=True,
            options=FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=100.0),
        )


@pytest.mark.slow
def test_a_model_of_three_years_says_so(
    path_model: TrainedModel, small_model: TrainedModel, small_cohort: Cohort
) -> None:
    """Model, card, run and every result name the horizon; a model of one year is as it was."""
    assert (path_model.horizon_years, small_model.horizon_years) == (3, 1)
    assert path_model.trained_on["closes_on"] == ["2025-11-01"]
    assert path_model.trained_on["school_years"] == [2022]
    assert "horizon_years" not in small_model.trained_on
    assert "la troisième année scolaire" in path_model.card
    assert "la troisième année scolaire" not in small_model.card
    from decrochage_risk.score import score_pupils  # noqa: PLC0415 - a higher layer, for this test alone

    with pytest.warns(DemoModelWarning):
        scores = score_pupils(small_cohort.records, as_of="2025-03-05", model=path_model, explain="none")
    assert scores.run.to_dict()["horizon_years"] == 3
    assert {pupil.horizon_years for pupil in scores} == {3}
