"""Laws on the calibration: the cohort against the published figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.figures import PUBLISHED, measure_figures, tolerance_at

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort

YEARS = [2022, 2023]


def out_of_tolerance(pupils: int, seed: int) -> dict[str, tuple[float, float]]:
    """Measure a cohort, and give what is out of tolerance: published, found."""
    cohort = make_cohort(pupils, YEARS, seed)
    found = measure_figures(cohort.tables, cohort.calendar)
    assert {figure.name for figure in PUBLISHED} <= set(found)
    return {
        figure.name: (figure.value, found[figure.name])
        for figure in PUBLISHED
        if abs(found[figure.name] - figure.value) > tolerance_at(figure, pupils)
    }


@pytest.mark.whole
def test_small_cohort_is_near_the_published_figures() -> None:
    """With 8,000 pupils every figure is within its tolerance, 2.5 times that of the full size."""
    assert not out_of_tolerance(8_000, seed=32)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_cohort_is_near_the_published_figures(seed: int) -> None:
    """With 50,000 pupils every figure is within the tolerance that was set beforehand."""
    assert not out_of_tolerance(50_000, seed)


@pytest.mark.slow
def test_mean_of_cohorts_is_near_the_published_figures() -> None:
    """Chance aside (mean of six cohorts of 50,000 pupils), every figure is within its tolerance."""
    cohorts = (make_cohort(50_000, YEARS, seed) for seed in range(21, 27))
    found = pd.DataFrame([measure_figures(cohort.tables, cohort.calendar) for cohort in cohorts]).mean()
    out = [figure.name for figure in PUBLISHED if abs(found[figure.name] - figure.value) > figure.tolerance]
    assert not out


def test_tolerance_grows_as_the_cohort_shrinks() -> None:
    """The tolerance is that of 50,000 pupils for any larger cohort, and grows by the square root below."""
    (figure,) = (figure for figure in PUBLISHED if figure.name == "left_pro")
    assert tolerance_at(figure, 50_000) == tolerance_at(figure, 500_000) == figure.tolerance
    assert tolerance_at(figure, 12_500) == pytest.approx(2 * figure.tolerance)


def test_figures_are_counted_as_they_say(cohort: Cohort) -> None:
    """Some figures recomputed from the tables in another way: leavers of the 3e on, and of these who was in LP."""
    found = measure_figures(cohort.tables, cohort.calendar)
    first = cohort.tables["enrolments"].drop_duplicates(["pupil_id", "school_year"])
    rows = first.set_index(["pupil_id", "school_year"]).join(
        cohort.outcomes.set_index(["pupil_id", "school_year"])
    )
    level = rows["level"].astype(str)
    late = rows[~level.isin(["6e", "5e", "4e", "6e_segpa", "5e_segpa", "4e_segpa"])]
    left = late["outcome"].astype(str) == "left_without_diploma"
    pro = late["level"].astype(str).str.contains("pro|cap")
    assert found["left_from_3e"] == pytest.approx(100 * left.mean())
    assert found["leavers_pro"] == pytest.approx(100 * (left & pro).sum() / left.sum())
    counted = many_months(cohort)
    assert found["absence_all"] == pytest.approx(100 * counted / (9 * len(rows)))


def many_months(cohort: Cohort) -> int:
    """Count the pupil-months of September to May with four half-days or more that were never excused."""
    rows = cohort.tables["absences"]
    rows = rows[(rows["kind"] == "absence") & ~rows["justified"].fillna(value=False).astype(bool)]
    rows = rows[~rows["date"].dt.month.isin([6, 7, 8])]
    month = pd.PeriodIndex(rows["date"], freq="M")
    return int((rows.groupby([rows["pupil_id"], month])["half_days"].sum() >= 4).sum())
