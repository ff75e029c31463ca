"""Laws on the tables of the cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.records import PupilRecords
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.synthetic import Cohort

CHECK_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@pytest.mark.parametrize(
    ("pupils", "years"), [(1, [2024]), (2, [2022, 2023, 2024]), (600, [2022, 2023]), (40, [2017])]
)
def test_records_pass_every_check(pupils: int, years: list[int]) -> None:
    """The records have neither an error nor a warning, however few the pupils."""
    cohort = make_cohort(pupils, years, seed=4)
    assert len(cohort.records) == pupils
    assert not cohort.records.faults.errors.groups
    assert not cohort.records.faults.warnings.groups


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_same_seed_same_bytes(tmp_path: Path, file_format: str) -> None:
    """The same seed writes the same bytes whatever the global random state; another seed writes others."""
    written = []
    for number, seed in enumerate((5, 5, 6)):
        np.random.seed(number)  # noqa: NPY002 - the global state is what must not matter
        cohort = make_cohort(120, [2023, 2024], seed=seed)
        files = cohort.write(tmp_path / str(number), file_format)  # type: ignore[arg-type]  # one of the two
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert all(written[0][name] != content for name, content in written[2].items())


@pytest.mark.whole
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_written_cohort_is_read_back(tmp_path: Path, file_format: str) -> None:
    """A written folder reads as records without a fault, equal to those of the cohort."""
    cohort = make_cohort(60, [2023, 2024], seed=8)
    cohort.write(tmp_path, file_format)  # type: ignore[arg-type]  # one of the two
    back = PupilRecords.read(tmp_path)
    assert not back.faults.errors.groups
    assert not back.faults.warnings.groups
    for name in ("pupils", "enrolments", "absences", "grades", "orientation"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(cohort.records, name))


@pytest.mark.parametrize("pupils", [1, 7, 500])
def test_pupils_are_distinct_and_all_enrolled(pupils: int) -> None:
    """There are as many pupils as asked for, each with an id of its own, and each is enrolled at least once."""
    tables = make_cohort(pupils, [2022, 2023, 2024], seed=2).tables
    assert tables["pupils"]["pupil_id"].nunique() == len(tables["pupils"]) == pupils
    assert set(tables["enrolments"]["pupil_id"]) == set(tables["pupils"]["pupil_id"])


def test_ids_tell_nothing(cohort: Cohort) -> None:
    """The order of the ids has nothing to do with birth, level or outcome."""
    outcome = cohort.outcomes.groupby("pupil_id")["outcome"].last().eq("left_without_diploma")
    born = cohort.tables["pupils"].set_index("pupil_id")["birth_date"].astype("int64")
    rank = pd.Series(np.arange(len(born)), index=sorted(born.index))
    limit = 4 / np.sqrt(len(born))
    assert abs(np.corrcoef(rank, born.loc[rank.index])[0, 1]) < limit
    assert abs(np.corrcoef(rank, outcome.loc[rank.index].astype(float))[0, 1]) < limit


def test_schools_do_not_exist_and_have_the_right_letter(cohort: Cohort) -> None:
    """Every UAI lies in a département without a number, and its letter checks its digits."""
    for uai in cohort.tables["enrolments"]["school_id"].unique():
        assert uai[:3] in {"096", "097", "098", "099"}
        assert uai[-1] == CHECK_LETTERS[int(uai[:7]) % 23]


def test_each_stay_has_one_outcome_a_year(cohort: Cohort) -> None:
    """Pupils have one outcome for each school year in which they are enrolled; further ones say who is back after a year out."""
    key = ["pupil_id", "school_year"]
    stays = cohort.tables["enrolments"][key].drop_duplicates()
    assert not cohort.outcomes.duplicated(key).any()
    both = stays.merge(cohort.outcomes, how="outer", indicator=True)
    assert not (both["_merge"] == "left_only").any()
    back = both[both["_merge"] == "right_only"]
    assert (back["outcome"] == "continued").all()
    left = cohort.outcomes.query("school_year == 2023 and outcome == 'left_without_diploma'")["pupil_id"]
    assert (back["school_year"] == 2024).all()
    assert set(back["pupil_id"]) <= set(left)


def test_one_leaver_in_ten_comes_back_after_a_year_out_at_the_level_that_was_left(
    long_cohort: Cohort,
) -> None:
    """Who comes back is out for one whole school year, then enrolled at the same level, with an outcome like anybody's."""
    stays = long_cohort.tables["enrolments"].drop_duplicates(["pupil_id", "school_year"], keep="last")
    level = stays.set_index(["pupil_id", "school_year"])["level"].astype(str)
    left = long_cohort.outcomes[long_cohort.outcomes["outcome"] == "left_without_diploma"]
    left = left[left["school_year"] <= long_cohort.school_years[-1] - 2]
    gone = pd.MultiIndex.from_frame(left[["pupil_id", "school_year"]])
    next_year, year_after = (
        pd.MultiIndex.from_arrays([left["pupil_id"], left["school_year"] + years]) for years in (1, 2)
    )
    assert not next_year.isin(level.index).any()
    back = year_after.isin(level.index)
    assert abs(back.mean() - 0.1) < 4 * np.sqrt(0.09 / len(left))
    assert (level.loc[gone[back]].to_numpy() == level.loc[year_after[back]].to_numpy()).all()


def test_leavers_stop_appearing(cohort: Cohort) -> None:
    """Who has left is not enrolled in the next year; a dated leaver has that last day, and no event after it."""
    left = cohort.outcomes[cohort.outcomes["outcome"] == "left_without_diploma"]
    later = cohort.tables["enrolments"].merge(left, on="pupil_id", suffixes=("", "_left"))
    assert not (later["school_year"] > later["school_year_left"]).any()
    in_year = left[left["date"].notna()].set_index("pupil_id")["date"]
    assert 0.25 < len(in_year) / len(left) < 0.55
    last = cohort.tables["enrolments"].groupby("pupil_id")["end_date"].max()
    assert last.loc[in_year.index].eq(in_year).all()
    for name in ("absences", "grades", "orientation"):
        after = cohort.tables[name].groupby("pupil_id")["date"].max().reindex(in_year.index)
        assert not (after > in_year).any()


def test_non_return_leaves_no_trace_in_the_records(cohort: Cohort) -> None:
    """Who is not back in September has no last day: the records of the year do not tell."""
    left = cohort.outcomes[cohort.outcomes["outcome"] == "left_without_diploma"]
    not_back = left.loc[left["date"].isna(), ["pupil_id", "school_year"]]
    stays = cohort.tables["enrolments"].merge(not_back).sort_values("start_date")
    assert stays.groupby("pupil_id").tail(1)["end_date"].isna().all()


def test_pupils_move_through_the_levels(cohort: Cohort) -> None:
    """From one year to the next, a pupil repeats or is in a level whose normal age is one year higher."""
    first, second = (
        cohort.tables["enrolments"].query("school_year == @year").drop_duplicates("pupil_id", keep="last")
        for year in (2023, 2024)
    )
    both = first.merge(second, on="pupil_id", suffixes=("", "_next"))
    ages = {name: level.normal_age for name, level in LEVEL_BY_NAME.items()}
    step = both["level_next"].map(ages).astype(int) - both["level"].map(ages).astype(int)
    repeats = both["level_next"].astype(str) == both["level"].astype(str)
    assert (step[~repeats] == 1).all()
    assert 0.005 < repeats.mean() < 0.05
    after_3e = both.loc[both["level"].astype(str) == "3e", "level_next"].astype(str)
    assert set(after_3e) == {"2de_gt", "2de_pro", "cap1", "3e"}
    assert 0.55 < (after_3e == "2de_gt").mean() < 0.75


def test_shares_that_leave_are_those_of_the_region(cohort: Cohort) -> None:
    """About 6.6 % leave from the 3e on, 18 % in lycée professionnel, 3.3 % elsewhere, few before the 3e."""
    level = cohort.tables["enrolments"].drop_duplicates(["pupil_id", "school_year"])
    joined = cohort.outcomes.merge(level, on=["pupil_id", "school_year"])
    left = joined["outcome"] == "left_without_diploma"
    pathway = joined["level"].astype(str).map({name: level.pathway for name, level in LEVEL_BY_NAME.items()})
    before_3e = joined["level"].astype(str).str.match(r"[456]e")
    assert left[pathway == "pro"].mean() == pytest.approx(0.18, abs=0.03)
    assert left[~before_3e & (pathway != "pro")].mean() == pytest.approx(0.033, abs=0.012)
    assert left[~before_3e].mean() == pytest.approx(0.066, abs=0.015)
    assert left[before_3e].mean() < 0.01


def test_events_are_recorded_late_and_settled_late_for_some(cohort: Cohort) -> None:
    """Some rows are recorded after their day, and some absences are justified after they were recorded; none before."""
    absences, grades = cohort.tables["absences"], cohort.tables["grades"]
    for rows in (absences, grades):
        delay = (rows["recorded_on"] - rows["date"]).dt.days
        assert delay.min() == 0
        assert 0.01 < (delay > 0).mean() < 0.4
    settled = absences[absences["justified_on"].notna()]
    assert (settled["justified_on"] >= settled["recorded_on"]).all()
    assert (settled["justified_on"] > settled["recorded_on"]).any()


def test_absences_warn_of_leaving(cohort: Cohort) -> None:
    """Those who leave within the year missed more half-days without an excuse than the others of their pathway."""
    absences = cohort.tables["absences"]
    unjustified = absences[
        (absences["kind"] == "absence") & ~absences["justified"].fillna(value=False).astype(bool)
    ]
    count = (
        unjustified[unjustified["date"].between("2024-09-01", "2024-12-31")]
        .groupby("pupil_id")["half_days"]
        .sum()
    )
    now = (
        cohort.tables["enrolments"]
        .query("school_year == 2024")
        .drop_duplicates("pupil_id")
        .set_index("pupil_id")
    )
    outcome = cohort.outcomes.query("school_year == 2024").set_index("pupil_id")["outcome"]
    pro = now.index[now["level"].astype(str).isin(["2de_pro", "1re_pro", "tle_pro", "cap1", "cap2", "cap3"])]
    missed = count.reindex(pro).fillna(0).astype(float)
    left = outcome.loc[pro] == "left_without_diploma"
    assert missed[left].mean() > 2 * missed[~left].mean()


def test_progress_is_told_before_each_year() -> None:
    """The caller hears of each school year in order."""
    heard: list[str] = []
    make_cohort(3, [2022, 2023], seed=0, progress=heard.append)
    assert heard == ["2022-2023", "2023-2024"]
