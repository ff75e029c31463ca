"""Laws on the true probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import AsOfError
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.synthetic import Cohort

DAYS = ("2024-11-05", "2024-11-06", "2024-12-28", "2025-01-23", "2025-03-10", "2025-05-07", "2025-07-20")
LIMIT = 4.0
"""Standard errors; with fixed seeds a true law stays within them and a wrong one leaves them by far."""


@pytest.mark.whole
@pytest.mark.parametrize("as_of", DAYS)
@pytest.mark.parametrize("column", ["probability", "latent_probability"])
def test_share_that_leaves_is_the_mean_of_the_truth(
    cohort: Cohort,
    hidden_cohort: Cohort,
    truth_and_outcome: Callable[..., pd.DataFrame],
    surprise: Callable[..., float],
    as_of: str,
    column: str,
) -> None:
    """On any day, in a holiday and within a week too, the share that leaves is the mean of the truth."""
    for one in (cohort, hidden_cohort):
        known = truth_and_outcome(one, as_of)
        assert surprise(known[column], known["left"]) < LIMIT


@pytest.mark.whole
@pytest.mark.parametrize("column", ["probability", "latent_probability"])
def test_truth_is_calibrated_in_every_part_of_its_range(
    cohort: Cohort,
    hidden_cohort: Cohort,
    truth_and_outcome: Callable[..., pd.DataFrame],
    surprise: Callable[..., float],
    column: str,
) -> None:
    """Among pupils of about the same truth, the share that leaves is that truth, from the least to the greatest."""
    for one in (cohort, hidden_cohort):
        known = truth_and_outcome(one, "2024-11-26")
        parts = known.groupby(pd.qcut(known[column], 10, duplicates="drop"), observed=True)
        assert len(parts) > 5
        assert max(surprise(part[column], part["left"]) for _, part in parts) < LIMIT


def test_truth_tells_apart_what_a_day_of_the_week_has_already_shown(
    cohort: Cohort, truth_and_outcome: Callable[..., pd.DataFrame], surprise: Callable[..., float]
) -> None:
    """In the middle of a week, the truth is calibrated among those already absent that week and among the others."""
    known = truth_and_outcome(cohort, "2025-01-24")
    rows = cohort.tables["absences"]
    this_week = rows[(rows["date"] >= "2025-01-20") & (rows["date"] < "2025-01-24") & not_excused(rows)]
    absent = known["pupil_id"].isin(this_week["pupil_id"])
    assert absent.sum() > 50
    for part in (known[absent], known[~absent]):
        assert surprise(part["probability"], part["left"]) < LIMIT


@pytest.mark.whole
@pytest.mark.parametrize(("first", "second"), [("2024-11-05", "2024-12-17"), ("2025-01-24", "2025-03-12")])
def test_truth_is_a_martingale(cohort: Cohort, hidden_cohort: Cohort, first: str, second: str) -> None:
    """What the truth will be later, 1 for who has left meanwhile, is on average what it is now."""
    for one in (cohort, hidden_cohort):
        now, later = (one.truth_at(day).set_index("pupil_id")["probability"] for day in (first, second))
        stays = one.tables["enrolments"].query("school_year == 2024")
        last = stays.sort_values("start_date").drop_duplicates("pupil_id", keep="last")
        last = last.set_index("pupil_id")["end_date"].reindex(now.index)
        gone = last < pd.Timestamp(second)
        change = np.where(gone, 1.0, later.reindex(now.index)) - now
        assert gone.any()
        assert change.notna().all()
        assert abs(change.sum()) < LIMIT * np.sqrt((change**2).sum())


def test_truth_is_a_function_of_what_the_records_show(cohort: Cohort) -> None:
    """At "observable", pupils of whom the records show the same facts, in schools alike, have the same truth."""
    as_of = "2025-03-24"
    truth = cohort.truth_at(as_of).set_index("pupil_id")["probability"]
    facts = shown_facts(cohort.tables, pd.Timestamp(as_of)).loc[truth.index]
    facts["climate"] = climate_of_first_school(cohort).loc[truth.index]
    groups = truth.groupby([facts[column] for column in facts.columns])
    assert (groups.size() > 1).sum() > 300
    assert groups.nunique().max() == 1


@pytest.mark.whole
def test_hidden_classes_move_the_truth_only_when_they_are_asked_for(
    cohort: Cohort, hidden_cohort: Cohort
) -> None:
    """The latent truth is the visible one at "observable", and another at "realistic"."""
    visible, hidden = cohort.truth, hidden_cohort.truth
    assert visible["probability"].equals(visible["latent_probability"].rename("probability"))
    assert (hidden["probability"] - hidden["latent_probability"]).abs().max() > 0.1


def test_truth_is_given_for_those_enrolled_that_day(cohort: Cohort) -> None:
    """The truth of a day holds each pupil with a known open enrolment once, and nobody else."""
    for as_of in map(pd.Timestamp, ("2023-11-13", "2024-11-05", "2025-06-20", "2025-08-01")):
        year = as_of.year - (as_of.month < 9)
        stays = cohort.tables["enrolments"]
        stays = stays[stays["school_year"] == year]
        known_open = (stays["start_date"] < as_of) & ~(stays["end_date"] < as_of)
        found = cohort.truth_at(as_of)
        assert sorted(found["pupil_id"]) == sorted(stays.loc[known_open, "pupil_id"])
        assert found["probability"].between(0, 1).all()


@pytest.mark.whole
def test_default_truth_covers_every_year(cohort: Cohort) -> None:
    """The kept truth holds five days of each year, from November to May, as ``truth_at`` gives them."""
    days = cohort.truth["as_of"].drop_duplicates()
    assert len(days) == 5 * len(cohort.school_years)
    assert set(days.dt.month) <= {11, 12, 1, 2, 3, 4, 5}
    pd.testing.assert_frame_equal(cohort.truth, cohort.truth_at(*days))


@pytest.mark.parametrize("days", [("2022-11-05",), ("2024-09-03",), ("2025-11-05", "2024-11-05"), ()])
def test_day_without_truth_is_refused(days: tuple[str, ...]) -> None:
    """A day outside the years, in the first week, or no day at all: what came, what was expected, what to do."""
    with pytest.raises(
        AsOfError, match=r"(?s)asked for on .*Expected: days .*2024.*Hint: .*Ask for|ask for"
    ) as caught:
        make_cohort(30, [2024], seed=0).truth_at(*days)
    assert all(day in str(caught.value) for day in days if day != "2024-11-05")


def not_excused(rows: pd.DataFrame) -> pd.Series:
    """Absences that were not excused when they were recorded, however they were settled later."""
    never = ~rows["justified"].fillna(value=False).astype(bool)
    return (rows["kind"] == "absence") & (never | (rows["justified_on"] > rows["recorded_on"]))


def monday(days: pd.Series) -> pd.Series:
    """Monday of the week of each day."""
    return days - pd.to_timedelta(days.dt.day_of_week, unit="D")


def shown_facts(tables: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> pd.DataFrame:
    """Read off the records known on a Monday all that the risk of the school year 2024-25 depends on."""
    stays = tables["enrolments"]
    known = stays[(stays["start_date"] < as_of) & (stays["school_year"] == 2024)]
    now = known.sort_values("start_date").groupby("pupil_id").last()
    facts = pd.DataFrame({"level": now["level"].astype(str)})
    born = tables["pupils"].set_index("pupil_id")["birth_date"].dt.year.reindex(facts.index)
    normal = facts["level"].map({name: level.normal_age for name, level in LEVEL_BY_NAME.items()})
    facts["behind"] = (2024 - born - normal).clip(0, 2)
    facts["wish"] = shown_wish(tables["orientation"], as_of).reindex(facts.index).fillna(0)
    facts["band"] = shown_band(tables["grades"]).reindex(facts.index)
    facts["past"] = shown_past(tables).reindex(facts.index)
    facts["upheaval"] = facts.index.isin(shown_upheaval(tables))
    return facts.join(shown_weeks(tables, as_of)).fillna(value=False)


def climate_of_first_school(cohort: Cohort) -> pd.Series:
    """Absence climate of the school in which each pupil began 2024-25."""
    schools = cohort._blocks[0].schools
    climate = pd.Series(schools.climate, index=schools.uai)
    stays = cohort.tables["enrolments"].query("school_year == 2024").sort_values("start_date")
    return stays.drop_duplicates("pupil_id").set_index("pupil_id")["school_id"].map(climate)


def shown_wish(orientation: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """1 first wish, 2 a later one, 3 none, of the latest assignment."""
    known = orientation[(orientation["event"] == "assignment") & (orientation["date"] < as_of)]
    latest = known.sort_values("date", kind="stable").drop_duplicates("pupil_id", keep="last")
    rank = latest.set_index("pupil_id")["rank"]
    return rank.clip(1, 2).fillna(3).astype(int)


def shown_band(grades: pd.DataFrame) -> pd.Series:
    """Band of the mean of the two tests of the first week."""
    assessed = grades[grades["kind"] == "assessment"]
    first = assessed[(assessed["date"] >= "2024-09-01") & (assessed["date"] <= "2024-09-08")]
    return pd.cut(first.groupby("pupil_id")["value"].mean(), [-1, 6.99, 8.99, 10.99, 13.49, 20]).cat.codes


def shown_past(tables: dict[str, pd.DataFrame]) -> pd.Series:
    """0 to 2: share of the school weeks of 2023-24, placements aside, with an absence not excused; 3 not enrolled."""
    rows = tables["absences"]
    rows = rows[rows["date"] < "2024-09-01"]
    weeks = monday(rows["date"])
    marked = weeks[not_excused(rows)].groupby(rows["pupil_id"]).nunique()
    placed = weeks[rows["kind"] == "placement"].groupby(rows["pupil_id"]).nunique()
    all_weeks = weeks.nunique()
    share = marked / (all_weeks - placed.reindex(marked.index).fillna(0))
    past = pd.cut(share, [-1, 0.0999999, 0.2999999, 1]).cat.codes
    enrolled = tables["enrolments"].query("school_year == 2023")["pupil_id"]
    return past.reindex(tables["pupils"]["pupil_id"]).fillna(enrolled_or_not(tables, enrolled))


def enrolled_or_not(tables: dict[str, pd.DataFrame], enrolled: pd.Series) -> pd.Series:
    """0 for a pupil who was enrolled, 3 for one who was not."""
    ids = tables["pupils"]["pupil_id"]
    return pd.Series(np.where(ids.isin(enrolled), 0, 3), index=ids)


def shown_upheaval(tables: dict[str, pd.DataFrame]) -> set[str]:
    """Pupils with a change of track on the first day, or with two schools in 2023-24."""
    stays = tables["enrolments"].query("school_year == 2023").groupby("pupil_id").size()
    orientation = tables["orientation"]
    changed = orientation[(orientation["event"] == "track_change") & (orientation["date"] >= "2024-09-01")]
    return set(stays.index[stays > 1]) | set(changed["pupil_id"])


def shown_weeks(tables: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> pd.DataFrame:
    """Which of the last four weeks in school had an absence not excused, which of the last two maths marks were low."""
    rows, grades = tables["absences"], tables["grades"]
    year = (rows["date"] >= "2024-09-01") & (rows["date"] < as_of) & ~(rows["recorded_on"] >= as_of)
    rows = rows[year]
    marks = grades[
        (grades["kind"] == "assessment") & (grades["date"] >= "2024-09-01") & (grades["date"] < as_of)
    ]
    weeks = sorted(monday(rows["date"]).unique())
    grid = pd.MultiIndex.from_product([marks["pupil_id"].unique(), weeks], names=["pupil_id", "week"])
    marked = on_grid(rows[not_excused(rows)], grid)
    placed = on_grid(rows[rows["kind"] == "placement"], grid)
    in_school = marked[~placed]
    last_four = in_school.groupby("pupil_id").tail(4)
    maths = marks[(marks["subject"] == "maths") & (marks["date"] > "2024-09-08")].sort_values("date")
    low = (maths["status"] != "graded") | (20 * maths["value"] / maths["out_of"] < 8)
    return spread(last_four, "week").join(
        spread(low.set_axis(maths["pupil_id"]).groupby("pupil_id").tail(2), "low")
    )


def on_grid(rows: pd.DataFrame, grid: pd.MultiIndex) -> pd.Series:
    """Whether each pupil has such a row in each week."""
    found = pd.MultiIndex.from_arrays([rows["pupil_id"], monday(rows["date"])])
    return pd.Series(grid.isin(found), index=grid)


def spread(flags: pd.Series, name: str) -> pd.DataFrame:
    """Lay the flags of each pupil side by side, the last one first."""
    flat = flags.reset_index(name="flag")[["pupil_id", "flag"]]
    flat["back"] = flat.groupby("pupil_id").cumcount(ascending=False)
    return flat.pivot_table(index="pupil_id", columns="back", values="flag", aggfunc="first").add_prefix(name)
