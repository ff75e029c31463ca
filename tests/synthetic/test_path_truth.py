"""Laws on the true probability over three school years."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import AsOfError, RecordsError
from decrochage_risk.model import take_snapshots
from decrochage_risk.records.levels import AT_3E, AT_4E
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.synthetic import Cohort

DAY = "2020-11-05"
LIMIT = 4.0
"""Standard errors; with fixed seeds a true law stays within them and a wrong one leaves them by far."""


@pytest.fixture(scope="module")
def known(long_cohort: Cohort) -> pd.DataFrame:
    """Join the truth of three years with the label that a training gives."""
    truth = long_cohort.probability_3y(DAY, draws=16)
    rows = take_snapshots(long_cohort.records, long_cohort.outcomes, [DAY], horizon_years=3)
    labels = rows.rows[["pupil_id", "level"]].assign(left=rows.outcome)
    return truth.merge(labels, on="pupil_id", validate="one_to_one")


def test_the_share_of_labels_is_the_mean_of_the_truth_at_every_stage(
    known: pd.DataFrame, surprise: Callable[..., float]
) -> None:
    """In 4e, in 3e, elsewhere and together, as many are labelled leavers over three years as the truth expects."""
    stage = np.select([known["level"].isin(AT_4E), known["level"].isin(AT_3E)], ["4e", "3e"], "other")
    for _, part in [*known.groupby(stage), ("all", known)]:
        assert len(part) > 300
        assert surprise(part["probability_3y"], part["left"]) < LIMIT


def test_the_truth_is_calibrated_in_every_part_of_its_range(
    known: pd.DataFrame, surprise: Callable[..., float]
) -> None:
    """Among pupils of about the same truth the share that leaves is that truth, but for the scatter of the paths."""
    parts = known.groupby(pd.qcut(known["probability_3y"], 5), observed=True)
    assert max(surprise(part["probability_3y"], part["left"]) for _, part in parts) < LIMIT


def test_it_is_never_under_what_the_year_alone_brings_less_those_who_come_back(
    long_cohort: Cohort, known: pd.DataFrame
) -> None:
    """Leaving within the year and not coming back is a part of it: nine tenths of the one-year truth bound it from below."""
    of_year = long_cohort.truth_at(DAY).merge(known[["pupil_id", "probability_3y", "standard_error"]])
    below = 0.9 * of_year["probability"] - of_year["probability_3y"]
    assert (below < 0.02 + 6 * of_year["standard_error"]).all()


@pytest.mark.whole
def test_the_same_call_gives_the_same_numbers_and_more_paths_less_scatter() -> None:
    """The draws hang on the day alone; with four times as many paths the standard error halves."""
    cohort = make_cohort(800, [2022], seed=2)
    first, again, more = (cohort.probability_3y("2023-03-06", draws=draws) for draws in (8, 8, 32))
    pd.testing.assert_frame_equal(first, again)
    ratio = more["standard_error"].mean() / first["standard_error"].mean()
    assert 0.4 < ratio < 0.65
    gap = (first["probability_3y"] - more["probability_3y"]).mean()
    assert abs(gap) < 0.01


def test_a_day_after_the_last_week_knows_who_is_still_there() -> None:
    """In July only the summer and the years after are left; at the end of August too."""
    cohort = make_cohort(300, [2022], seed=2)
    for day in ("2023-07-20", "2023-08-31"):
        truth = cohort.probability_3y(day, draws=4)
        assert truth["probability_3y"].between(0, 1).all()


def test_days_and_draws_that_cannot_be_used_are_refused() -> None:
    """A day of another year, of the first week, one path, a calendar that ends too early: each is told."""
    cohort = make_cohort(30, [2024], seed=1)
    with pytest.raises(AsOfError, match="2023-11-06"):
        cohort.probability_3y("2023-11-06")
    with pytest.raises(AsOfError, match="first school week"):
        cohort.probability_3y("2024-09-01")
    with pytest.raises(RecordsError, match="draws=1"):
        cohort.probability_3y("2024-11-06", draws=1)
    late = make_cohort(30, [2025], seed=1)
    with pytest.raises(RecordsError, match=r"\[2026, 2027\]"):
        late.probability_3y("2025-11-06")
