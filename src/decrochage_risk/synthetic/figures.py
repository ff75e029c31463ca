"""Published figures that the cohort is calibrated to, each with its source and the tolerance set beforehand.

The cohort is measured in its tables alone, as the ministry's statistics count in theirs: what is held against a
published figure is what a user of the tables would find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import AT_3E, LEVEL_BY_NAME, LYCEE, USUAL_LEVEL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from decrochage_risk.school_year import SchoolCalendar


__all__ = ["PUBLISHED", "Published", "measure_figures", "tolerance_at"]

_FULL = 50_000


@dataclass(frozen=True, slots=True)
class Published:
    """One figure.

    Attributes
    ----------
    name : str
        Key of ``figures.measure_figures``.
    words : str
        What it is.
    value, tolerance : float
        As published, and how far a cohort of 50,000 pupils over two years may lie from it: half the last digit of the
        source, what differs between sources and years, and twice the spread between seeds.
    unit : str
    source : str
    """

    name: str
    words: str
    value: float
    tolerance: float
    unit: str
    source: str


def tolerance_at(figure: Published, pupils: int) -> float:
    """Tolerance for a smaller cohort: that of 50,000 pupils, wider by the square root of how much smaller it is.

    Examples
    --------
    >>> tolerance_at(PUBLISHED[0], 12_500) / PUBLISHED[0].tolerance
    2.0
    """
    tolerance: float = figure.tolerance * max(1.0, (_FULL / pupils) ** 0.5)
    return tolerance


_LETTER = "letter of the recteur de région académique, 23 April 2024 (2022-23)"
_DEPP = "DEPP, note d'information 24.12 (2022-23)"
_HEAVY_SOURCE = "DEPP (2021-22), when 4.2 / 5.9 / 12.9 % missed 4 half-days or more"
_SHAPE = "DEPP (2022-23): September 3.6, March 12, May 10.9 %; relative shape only"
_SCHOOLS = "DEPP (2015-16): mean 4.5, median under 2.1, top decile over 13.2 %"
_REPEATS = "DEPP (2022)"
_ORIENTATION = "DEPP (2020)"
_AFFELNET = (
    "Affelnet points of Paris, 3e (2021): maths 3.95, French 3.34, history 3.21, languages 3.10, PE 2.10"
)

PUBLISHED: tuple[Published, ...] = (
    Published("left_from_3e", "leave without a diploma, 3e to terminale", 6.6, 0.5, "%", _LETTER),
    Published("left_pro", "of these in lycée professionnel", 18.0, 1.2, "%", _LETTER),
    Published("left_elsewhere", "elsewhere", 3.3, 0.4, "%", _LETTER),
    Published("leavers_pro", "share of lycée professionnel among them", 61.0, 4.0, "%", _LETTER),
    Published("left_in_year", "of them within the year, the others not back in September", 40.0, 5.0, "%",
              "Boudesseul, Céreq (2011): some 80,000 of 130,000 not back"),
    Published("leavers_boys", "boys among the leavers", 60.0, 5.0, "%", "panel 1995: 60 % (48 % of them girls in all)"),
    Published("left_boys_to_girls", "boys' rate over girls'", 1.57, 0.3, "ratio",
              "early leavers at 18-24: men 9.6, women 6.1 % (2021)"),
    Published("absence_college", "4 half-days not excused in a month, collège", 4.9, 0.8, "%", _DEPP),
    Published("absence_gt", "same, lycée général et technologique", 8.7, 1.5, "%", _DEPP),
    Published("absence_pro", "same, lycée professionnel", 16.7, 2.5, "%", _DEPP),
    Published("absence_all", "same, all", 7.0, 0.8, "%", _DEPP),
    Published("heavy_absence_college", "10 half-days in a month, collège", 0.9, 0.6, "%", _HEAVY_SOURCE),
    Published("heavy_absence_gt", "same, lycée général et technologique", 1.6, 1.0, "%", _HEAVY_SOURCE),
    Published("heavy_absence_pro", "same, lycée professionnel", 3.9, 2.0, "%", _HEAVY_SOURCE),
    Published("absence_peak_month", "month of the peak", 3.0, 0.5, "month", _SHAPE),
    Published("absence_march_to_september", "March over September", 3.3, 1.0, "ratio", _SHAPE),
    Published("absence_may_to_march", "May over March", 0.91, 0.25, "ratio", _SHAPE),
    Published("absence_tenth_of_schools", "share of it in a tenth of the schools", 50.0, 10.0, "%", _SCHOOLS),
    Published("absence_median_school", "median school over the mean", 0.47, 0.15, "ratio", _SCHOOLS),
    Published("absence_top_decile_school", "top decile of the schools over the mean", 2.9, 0.8, "ratio", _SCHOOLS),
    Published("lost_college", "school time lost, collège", 7.0, 0.8, "%", _DEPP),
    Published("lost_gt", "same, lycée général et technologique", 8.8, 0.8, "%", _DEPP),
    Published("lost_pro", "same, lycée professionnel", 10.4, 1.0, "%", _DEPP),
    Published("lost_all", "same, all", 7.7, 0.6, "%", _DEPP),
    Published("lost_not_excused", "of which not excused", 1.9, 0.4, "%", _DEPP),
    Published("behind_6e", "behind by a year or more, 6e", 9.9, 2.5, "%", "DEPP (2014): 9.7 to 10.1"),
    Published("behind_3e", "same, 3e", 10.0, 3.0, "%", "about 10 % today (24 % in 2013); from memory"),
    Published("repeat_6e", "repeat the 6e", 0.8, 0.4, "%", _REPEATS),
    Published("repeat_5e", "repeat the 5e", 0.5, 0.4, "%", _REPEATS),
    Published("repeat_4e", "repeat the 4e", 0.5, 0.4, "%", _REPEATS),
    Published("repeat_3e", "repeat the 3e", 2.2, 0.6, "%", _REPEATS),
    Published("repeat_2de_gt", "repeat the 2de générale et technologique", 4.0, 0.9, "%", _REPEATS),
    Published("repeat_1re_gt", "repeat the 1re", 2.6, 0.8, "%", _REPEATS),
    Published("repeat_tle_gt", "repeat the terminale", 2.8, 0.8, "%", _REPEATS),
    Published("after_3e_gt", "2de générale et technologique after the 3e", 64.8, 3.0, "%", _ORIENTATION),
    Published("after_3e_pro", "voie professionnelle after the 3e", 32.1, 3.0, "%", _ORIENTATION),
    Published("asks_gt_girls", "girls who ask for the 2de générale et technologique", 78.0, 4.0, "%", _ORIENTATION),
    Published("asks_gt_boys", "boys who do", 64.0, 4.0, "%", _ORIENTATION),
    Published("first_wish_gt", "first wish met, 2de générale et technologique", 93.0, 3.0, "%",
              "over 90 % (reply to a senator for Moselle, 2014)"),
    Published("first_wish_pro", "same, voie professionnelle", 75.0, 5.0, "%", "70 to 80 %; from memory"),
    Published("mark_mean_college", "mean of the pupils' yearly means, collège", 12.5, 0.6, "of 20", "from memory"),
    Published("mark_spread_college", "their standard deviation", 3.0, 0.6, "of 20", "from memory"),
    Published("mark_mean_pro", "same mean, lycée professionnel", 11.75, 0.7, "of 20", "11.5 to 12; from memory"),
    Published("mark_spread_pro", "their standard deviation", 3.0, 0.8, "of 20", "from memory"),
    Published("spread_french_to_maths", "spread of French over that of maths, 3e", 0.85, 0.12, "ratio", _AFFELNET),
    Published("spread_history_geography_to_maths", "same, history and geography", 0.81, 0.12, "ratio", _AFFELNET),
    Published("spread_modern_language_1_to_maths", "same, first language", 0.78, 0.12, "ratio", _AFFELNET),
    Published("spread_pe_to_maths", "same, physical education", 0.53, 0.12, "ratio", _AFFELNET),
)  # fmt: skip
"""Every figure. Sources are those that the project could read, mostly secondary ones; "from memory" says which are not."""


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
    unexcused_days = absences[~absences["excused"] & absences["month"].isin(_MONTHS)]
    monthly = unexcused_days.groupby([*key, "month"])["half_days"].sum().reset_index()
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
    lost_days = absences.merge(years[[*key, "pathway"]], on=key, validate="many_to_one")
    possible = years["school_year"].map(school).groupby(years["pathway"].replace("segpa", "college")).sum()
    sums = lost_days.groupby(lost_days["pathway"].replace("segpa", "college"))["half_days"].sum()
    for pathway in _PATHWAYS:
        yield f"lost_{pathway}", 100 * sums[pathway] / possible[pathway]
    yield "lost_all", 100 * sums.sum() / possible.sum()
    yield "lost_not_excused", 100 * lost_days.loc[~lost_days["excused"], "half_days"].sum() / possible.sum()


def _paths(years: pd.DataFrame, orientation: pd.DataFrame) -> Iterator[tuple[str, float]]:
    before_last = years[years["school_year"] < years["school_year"].max()]
    for level in USUAL_LEVEL_NAMES:
        of_level = before_last[before_last["level"] == level]
        if LEVEL_BY_NAME[level].pathway in {"college", "gt"} and len(of_level):
            yield f"repeat_{level}", 100 * (of_level["level_next"] == level).mean()
    third = before_last[before_last["level"].isin(AT_3E) & before_last["level_next"].notna()]
    yield "after_3e_gt", 100 * (third["level_next"] == "2de_gt").mean()
    yield "after_3e_pro", 100 * third["level_next"].isin(["2de_pro", "cap1"]).mean()
    for level in ("6e", "3e"):
        yield f"behind_{level}", 100 * years.loc[years["level"] == level, "behind"].mean()
    wishes = orientation[(orientation["event"] == "wish") & (orientation["rank"] == _FIRST_RANK)]
    wishes = wishes.assign(school_year=wishes["date"].dt.year - 1).merge(
        years[["pupil_id", "school_year", "level", "sex"]], on=["pupil_id", "school_year"]
    )
    wishes = wishes[wishes["level"] == "3e"]
    for sex, name in (("F", "girls"), ("M", "boys")):
        yield f"asks_gt_{name}", 100 * (wishes.loc[wishes["sex"] == sex, "target"] == "2de_gt").mean()
    assignments = orientation[orientation["event"] == "assignment"]
    first = assignments["rank"].fillna(0) == _FIRST_RANK
    general = assignments["target"] == "2de_gt"
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
