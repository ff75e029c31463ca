"""Figures of a cohort, counted in its tables alone, as the ministry's statistics count them in theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import AT_3E, LEVEL_BY_NAME, LEVEL_NAMES, LYCEE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["measure_figures"]

_MONTHS = (9, 10, 11, 12, 1, 2, 3, 4, 5)
_PATHWAYS = ("college", "gt", "pro")
_SEPTEMBER = 9
_LEGAL, _HEAVY = 4, 10
_FIRST_RANK = 1
_SUBJECTS = ("french", "history_geography", "modern_language_1", "pe")


def measure_figures(tables: Mapping[str, pd.DataFrame], calendar: SchoolCalendar) -> dict[str, float]:
    """Measure every figure that has a published counterpart (``published.PUBLISHED``).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Those of a cohort of two school years at least, without gaps.
    calendar : SchoolCalendar
        School days of these years.

    Returns
    -------
    dict of str to float
        Shares in percent, marks on 20, ratios as they are.

    Examples
    --------
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(2_000, [2023, 2024], seed=1)
    >>> bool(2 < measure_figures(cohort.tables, cohort.calendar)["left_from_3e"] < 12)
    True
    """
    years = _pupil_years(tables)
    absences = _absences(tables)
    return {
        **dict(_leaving(years)),
        **dict(_legal_absence(years, absences)),
        **dict(_lost_time(years, absences, calendar)),
        **dict(_paths(years, tables["orientation"])),
        **dict(_marks(years, tables["grades"])),
    }


def _pupil_years(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per pupil and school year: first school, level, pathway, sex, outcome, level of the next year."""
    stays = tables["enrolments"].sort_values("start_date", kind="stable")
    years = stays.drop_duplicates(["pupil_id", "school_year"])[
        ["pupil_id", "school_year", "school_id", "level"]
    ].merge(tables["outcomes"], on=["pupil_id", "school_year"], validate="one_to_one")
    years = years.merge(tables["pupils"], on="pupil_id", validate="many_to_one")
    years["level"] = years["level"].astype(str)
    years["pathway"] = years["level"].map({name: level.pathway for name, level in LEVEL_BY_NAME.items()})
    years["left"] = years["outcome"] == "left_without_diploma"
    following = years[["pupil_id", "school_year", "level"]].assign(school_year=years["school_year"] - 1)
    years = years.merge(
        following, on=["pupil_id", "school_year"], how="left", suffixes=("", "_next"), validate="one_to_one"
    )
    normal = years["level"].map({name: level.normal_age for name, level in LEVEL_BY_NAME.items()})
    years["behind"] = years["school_year"] - years["birth_date"].dt.year > normal
    return years


def _absences(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    rows = tables["absences"]
    rows = rows[rows["kind"] == "absence"]
    month = rows["date"].dt.month
    return pd.DataFrame(
        {
            "pupil_id": rows["pupil_id"],
            "school_year": rows["date"].dt.year - (month < _SEPTEMBER),
            "month": month,
            "half_days": rows["half_days"].astype(np.int64),
            "excused": rows["justified"].fillna(value=False).astype(bool),
        }
    )


def _leaving(years: pd.DataFrame) -> Iterator[tuple[str, float]]:
    late = years[years["level"].isin(AT_3E | LYCEE)]
    pro, left = late["pathway"] == "pro", late["left"]
    boys = late["sex"] == "M"
    yield "left_from_3e", 100 * left.mean()
    yield "left_pro", 100 * left[pro].mean()
    yield "left_elsewhere", 100 * left[~pro].mean()
    yield "left_in_year", 100 * late.loc[left, "date"].notna().mean()
    yield "leavers_pro", 100 * pro[left].mean()
    yield "leavers_boys", 100 * boys[left].mean()
    yield "left_boys_to_girls", left[boys].mean() / left[~boys].mean()


def _legal_absence(years: pd.DataFrame, absences: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Shares of pupils with so many half-days not excused in a month, the months of September to May as one mean."""
    key = ["pupil_id", "school_year"]
    counted = absences[~absences["excused"] & absences["month"].isin(_MONTHS)]
    monthly = counted.groupby([*key, "month"])["half_days"].sum().reset_index()
    monthly = monthly.merge(years[[*key, "pathway", "school_id"]], on=key, validate="many_to_one")
    many, heavy = monthly[monthly["half_days"] >= _LEGAL], monthly[monthly["half_days"] >= _HEAVY]
    possible = years["pathway"].replace("segpa", "college").value_counts() * len(_MONTHS)
    for pathway in _PATHWAYS:
        for name, rows in (("absence", many), ("heavy_absence", heavy)):
            share = (rows["pathway"].replace("segpa", "college") == pathway).sum() / possible[pathway]
            yield f"{name}_{pathway}", 100 * share
    yield "absence_all", 100 * len(many) / possible.sum()
    by_month = many["month"].value_counts()
    yield "absence_march_to_september", by_month[3] / by_month[9]
    yield "absence_may_to_march", by_month[5] / by_month[3]
    yield "absence_peak_month", float(by_month.index[int(by_month.argmax())])
    yield from _between_schools(years, many)


def _between_schools(years: pd.DataFrame, many: pd.DataFrame) -> Iterator[tuple[str, float]]:
    pupils = years["school_id"].value_counts()
    count = many["school_id"].value_counts().reindex(pupils.index, fill_value=0)
    rate = count / pupils
    most = rate.sort_values(ascending=False).index[: max(1, round(len(rate) / 10))]
    yield "absence_tenth_of_schools", 100 * count[most].sum() / count.sum()
    mean = float(count.sum() / pupils.sum())
    yield "absence_median_school", float(rate.median()) / mean
    yield "absence_top_decile_school", float(rate.quantile(0.9)) / mean


def _lost_time(
    years: pd.DataFrame, absences: pd.DataFrame, calendar: SchoolCalendar
) -> Iterator[tuple[str, float]]:
    """Half-days missed over half-days of school, for everyone as if enrolled all year."""
    key = ["pupil_id", "school_year"]
    school = {
        year: calendar.half_days_between(f"{year}-09-01", f"{year + 1}-08-31")
        for year in set(years["school_year"])
    }
    lost = absences.merge(years[[*key, "pathway"]], on=key, validate="many_to_one")
    possible = years["school_year"].map(school).groupby(years["pathway"].replace("segpa", "college")).sum()
    missed = lost.groupby(lost["pathway"].replace("segpa", "college"))["half_days"].sum()
    for pathway in _PATHWAYS:
        yield f"lost_{pathway}", 100 * missed[pathway] / possible[pathway]
    yield "lost_all", 100 * missed.sum() / possible.sum()
    yield "lost_not_excused", 100 * lost.loc[~lost["excused"], "half_days"].sum() / possible.sum()


def _paths(years: pd.DataFrame, orientation: pd.DataFrame) -> Iterator[tuple[str, float]]:
    before_last = years[years["school_year"] < years["school_year"].max()]
    for level in LEVEL_NAMES:
        of_level = before_last[before_last["level"] == level]
        if LEVEL_BY_NAME[level].pathway in {"college", "gt"} and len(of_level):
            yield f"repeat_{level}", 100 * (of_level["level_next"] == level).mean()
    third = before_last[before_last["level"].isin(AT_3E) & before_last["level_next"].notna()]
    yield "after_3e_gt", 100 * (third["level_next"] == "2de_gt").mean()
    yield "after_3e_pro", 100 * third["level_next"].isin(["2de_pro", "cap1"]).mean()
    for level in ("6e", "3e"):
        yield f"behind_{level}", 100 * years.loc[years["level"] == level, "behind"].mean()
    asked = orientation[(orientation["event"] == "wish") & (orientation["rank"] == _FIRST_RANK)]
    asked = asked.assign(school_year=asked["date"].dt.year - 1).merge(
        years[["pupil_id", "school_year", "level", "sex"]], on=["pupil_id", "school_year"]
    )
    asked = asked[asked["level"] == "3e"]
    for sex, name in (("F", "girls"), ("M", "boys")):
        yield f"asks_gt_{name}", 100 * (asked.loc[asked["sex"] == sex, "target"] == "2de_gt").mean()
    assigned = orientation[orientation["event"] == "assignment"]
    first = assigned["rank"].fillna(0) == _FIRST_RANK
    general = assigned["target"] == "2de_gt"
    yield "first_wish_gt", 100 * first[general].mean()
    yield "first_wish_pro", 100 * first[~general].mean()


def _marks(years: pd.DataFrame, grades: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Mean and spread of the yearly means of the pupils, all subjects and by subject (in the 3e)."""
    marks = grades[(grades["kind"] == "assessment") & grades["value"].notna()]
    marks = pd.DataFrame(
        {
            "pupil_id": marks["pupil_id"],
            "school_year": marks["date"].dt.year - (marks["date"].dt.month < _SEPTEMBER),
            "subject": marks["subject"].astype(str),
            "on_20": 20 * marks["value"] / marks["out_of"],
        }
    )
    key = ["pupil_id", "school_year"]
    means = marks.groupby([*key, "subject"])["on_20"].mean().reset_index()
    means = means.merge(years[[*key, "level", "pathway"]], on=key, validate="many_to_one")
    overall = means.groupby([*key, "pathway"])["on_20"].mean()
    for pathway in ("college", "pro"):
        of_pathway = overall.xs(pathway, level="pathway")
        yield f"mark_mean_{pathway}", of_pathway.mean()
        yield f"mark_spread_{pathway}", of_pathway.std()
    spread = means[means["level"] == "3e"].groupby("subject")["on_20"].std()
    for subject in _SUBJECTS:
        yield f"spread_{subject}_to_maths", spread[subject] / spread["maths"]
