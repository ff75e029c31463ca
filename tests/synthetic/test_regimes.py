"""Laws on the regimes of the last school year, the levels of difficulty, and what the extract does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.records import PupilRecords
from decrochage_risk.synthetic import REGIMES, make_cohort
from decrochage_risk.synthetic.settings import DIFFICULTIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.synthetic import Cohort

PUPILS, YEARS = 6_000, [2023, 2024]


@pytest.fixture(scope="module")
def ordinary() -> Cohort:
    """Draw two ordinary years."""
    return make_cohort(PUPILS, YEARS, seed=40)


@pytest.fixture(scope="module")
def changed() -> Callable[[str], Cohort]:
    """Draw the same pupils, with a regime in the last year."""
    return lambda regime: make_cohort(PUPILS, YEARS, seed=40, regimes=[regime])


def mean_truth(cohort: Cohort, day: str) -> float:
    """Mean truth of a day."""
    return float(cohort.truth_at(day)["probability"].mean())


@pytest.mark.whole
@pytest.mark.parametrize("regime", list(REGIMES))
def test_regime_leaves_the_years_before_as_they_were(regime: str) -> None:
    """No row of an earlier year is changed by a regime, every table passes the checks, and something is changed."""
    ordinary = make_cohort(1_000, YEARS, seed=46)
    cohort = make_cohort(1_000, YEARS, seed=46, regimes=[regime])
    assert not cohort.records.faults
    for name, table in ordinary.tables.items():
        day = {"enrolments": "start_date", "outcomes": None, "pupils": None}.get(name, "date")
        if day is not None:
            before, now = (rows[rows[day] < "2024-08-01"] for rows in (table, cohort.tables[name]))
            pd.testing.assert_frame_equal(before.reset_index(drop=True), now.reset_index(drop=True))
    assert any(not table.equals(cohort.tables[name]) for name, table in ordinary.tables.items())


def test_prior_shift_multiplies_leaving(ordinary: Cohort, changed: Callable[[str], Cohort]) -> None:
    """With the prior shift 1.3 times as many leave in the last year, and as many as ever before it."""
    shifted = changed("prior_shift")
    assert mean_truth(shifted, "2024-11-05") / mean_truth(ordinary, "2024-11-05") == pytest.approx(
        1.3, abs=0.04
    )
    assert mean_truth(shifted, "2023-11-06") == mean_truth(ordinary, "2023-11-06")


def test_prior_shift_keeps_the_order(ordinary: Cohort, changed: Callable[[str], Cohort]) -> None:
    """With the prior shift the truth of those in the same state is ordered as before."""
    first, second = (
        cohort.truth_at("2024-09-10").set_index("pupil_id")["probability"]
        for cohort in (ordinary, changed("prior_shift"))
    )
    both = pd.concat([first, second], axis=1, keys=["first", "second"]).dropna()
    assert both["first"].corr(both["second"], method="spearman") > 0.999


def test_concept_drift_changes_the_order_more_than_the_rate(
    ordinary: Cohort, changed: Callable[[str], Cohort]
) -> None:
    """With the drift the truth is ordered otherwise, while about as many leave."""
    drifted = changed("concept_drift")
    assert mean_truth(drifted, "2024-11-05") / mean_truth(ordinary, "2024-11-05") == pytest.approx(
        1.0, abs=0.2
    )
    first, second = (
        cohort.truth_at("2025-03-10").set_index("pupil_id")["probability"] for cohort in (ordinary, drifted)
    )
    both = pd.concat([first, second], axis=1, keys=["first", "second"]).dropna()
    assert both["first"].corr(both["second"], method="spearman") < 0.99


def test_school_that_stops_recording_is_covered_until_then(
    ordinary: Cohort, changed: Callable[[str], Cohort]
) -> None:
    """One lycée has no absence row from 15 January on, and its coverage ends the day before; the truth is the same."""
    cohort = changed("stops_recording")
    coverage = cohort.tables["coverage"]
    assert set(coverage["table"].astype(str)) == {"absences"}
    (stops,) = coverage.loc[coverage["end"] == "2025-01-14", "school_id"]
    stays = cohort.tables["enrolments"].query("school_year == 2024")
    always = stays[~stays.duplicated("pupil_id", keep=False) & (stays["school_id"] == stops)]
    of_school = cohort.tables["absences"]
    of_school = of_school[
        of_school["pupil_id"].isin(always["pupil_id"]) & (of_school["date"] >= "2024-09-01")
    ]
    assert len(of_school) > 0
    assert of_school["date"].max() < pd.Timestamp("2025-01-15")
    pd.testing.assert_frame_equal(cohort.truth_at("2025-03-10"), ordinary.truth_at("2025-03-10"))


@pytest.mark.whole
def test_new_marking_lowers_marks_and_nothing_else(
    ordinary: Cohort, changed: Callable[[str], Cohort]
) -> None:
    """In a third of the schools every mark of the last year is two points lower; absences and outcomes are the same."""
    cohort = changed("new_marking")
    for name in ("absences", "outcomes", "enrolments", "orientation"):
        pd.testing.assert_frame_equal(cohort.tables[name], ordinary.tables[name])
    old, new = (
        tables["grades"].loc[tables["grades"]["kind"] == "assessment"]
        for tables in (ordinary.tables, cohort.tables)
    )
    change = 20 * (new["value"].to_numpy() - old["value"].to_numpy()) / old["out_of"].to_numpy()
    change = change[~np.isnan(change)]
    assert set(np.round(change, 6)) >= {0.0, -2.0}
    assert change.min() >= -2.0
    last_year = (old["date"] >= "2024-09-01").mean()
    assert (change < 0).mean() / last_year == pytest.approx(1 / 3, abs=0.12)


def test_merged_school_gives_its_pupils_to_the_other(
    ordinary: Cohort, changed: Callable[[str], Cohort]
) -> None:
    """One school of the year before has no pupil left, and the others are all still there."""
    cohort = changed("merged_school")
    before, after = (
        set(cohort.tables["enrolments"].query("school_year == @year")["school_id"]) for year in YEARS
    )
    unmerged = set(ordinary.tables["enrolments"].query("school_year == 2024")["school_id"])
    assert before == unmerged
    assert len(before - after) == 1


@pytest.mark.whole
@pytest.mark.parametrize("difficulty", list(DIFFICULTIES))
def test_every_difficulty_passes_the_checks_and_keeps_the_rate(difficulty: str) -> None:
    """At each difficulty the records have no fault, and the mean truth is about that of the region."""
    assert not make_cohort(1_000, YEARS, seed=41, difficulty=difficulty, youngest="3e").records.faults
    cohort = make_cohort(PUPILS, YEARS, seed=41, difficulty=difficulty, youngest="3e")
    assert mean_truth(cohort, "2023-09-12") == pytest.approx(0.066, abs=0.013)


def test_gaps_leave_out_whole_schools_and_say_so() -> None:
    """A school whose table is not covered has no row of it; one that sends averages only has no assessment."""
    cohort = make_cohort(PUPILS, [2024], seed=42, difficulty="hard")
    coverage, stays = cohort.tables["coverage"], cohort.tables["enrolments"]
    school = stays[~stays.duplicated("pupil_id", keep=False)].set_index("pupil_id")["school_id"]
    for name in ("absences", "grades", "orientation"):
        covered = coverage.loc[coverage["table"].astype(str) == name, "school_id"]
        missing = set(stays["school_id"]) - set(covered)
        assert missing
        of_rows = cohort.tables[name]["pupil_id"].map(school)
        assert not of_rows.isin(missing).any()
    kinds = cohort.tables["grades"].groupby(cohort.tables["grades"]["pupil_id"].map(school))["kind"].nunique()
    assert 0 < (kinds == 1).sum() < len(kinds)


@pytest.mark.whole
def test_quiet_leavers_are_harder_to_see(truth_and_outcome: Callable[..., pd.DataFrame]) -> None:
    """Even the oracle of the records separates leavers less where more is hidden."""
    separations = []
    for difficulty in DIFFICULTIES:
        cohort = make_cohort(20_000, [2024], seed=43, difficulty=difficulty, youngest="3e")
        known = truth_and_outcome(cohort, "2025-01-24")
        rank = known["probability"].rank()
        left = known["left"] == 1
        separations.append((rank[left].mean() - rank[~left].mean()) / len(known))
    assert separations == sorted(separations, reverse=True)


@pytest.mark.whole
def test_wrong_outcomes_are_at_hard_only() -> None:
    """At "hard" some who are enrolled the year after are listed as leavers; otherwise nobody is."""
    for difficulty in DIFFICULTIES:
        cohort = make_cohort(PUPILS, YEARS, seed=44, difficulty=difficulty)
        listed = cohort.outcomes[
            (cohort.outcomes["school_year"] == YEARS[0])
            & (cohort.outcomes["outcome"] == "left_without_diploma")
        ]
        back = cohort.tables["enrolments"].query("school_year == @YEARS[1]")["pupil_id"]
        assert listed["pupil_id"].isin(back).any() == (difficulty == "hard")


def test_term_averages_are_the_means_of_the_term(ordinary: Cohort) -> None:
    """Each average is the weighted mean of the marks of its pupil, subject and term, and is known once the term ends."""
    grades = ordinary.tables["grades"]
    grades = grades[(grades["date"] >= "2024-09-01") & (grades["date"] <= "2024-11-30")]
    averages = grades[grades["kind"] == "term_average"].set_index(["pupil_id", "subject"])["value"]
    marks = grades[(grades["kind"] == "assessment") & grades["value"].notna()]
    weighted = (20 * marks["value"] / marks["out_of"] * marks["coefficient"]).groupby(
        [marks["pupil_id"], marks["subject"]], observed=True
    ).sum() / marks.groupby(["pupil_id", "subject"], observed=True)["coefficient"].sum()
    assert len(averages) > 10_000
    assert (averages - weighted.reindex(averages.index)).abs().max() <= 0.00501


def test_cohort_from_the_3e_has_no_younger_level() -> None:
    """A cohort that begins with the 3e holds no 6e, 5e or 4e, in any year."""
    cohort = make_cohort(900, [2022, 2023, 2024], seed=45, youngest="3e")
    assert not cohort.tables["enrolments"]["level"].astype(str).str.match(r"[456]e").any()
    assert isinstance(cohort.records, PupilRecords)
