"""The contract features as one would write them in pandas: what the package's speed is held against.

Group by, merge and map, each event read once per window that needs it; no compiled loop of our own. It reads the same
tables, gives the same values (held against the package by ``features_speed.py``), and checks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import AT_3E, AT_4E, FROM_4E, LEVELS, LYCEE

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.school_year import SchoolCalendar

TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")
CORE = ["french", "maths", "modern_language_1", "professional"]
NORMAL_AGE = {level.name: level.normal_age for level in LEVELS}
DAY = pd.Timedelta(days=1)
Span = tuple[pd.Timestamp, pd.Timestamp]


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the Parquet files of a folder."""
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}


def features_in_pandas(tables: dict[str, pd.DataFrame], as_of: str, calendar: SchoolCalendar) -> pd.DataFrame:
    """One row per pupil, the columns of the contract in any order."""
    return _Pandas(tables, pd.Timestamp(as_of), calendar).features()


def _september(year: int) -> pd.Timestamp:
    return pd.Timestamp(year, 9, 1)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


class _Pandas:
    """Tables cut at one morning, and what is asked of them."""

    def __init__(
        self, tables: dict[str, pd.DataFrame], as_of: pd.Timestamp, calendar: SchoolCalendar
    ) -> None:
        self.as_of = as_of
        self.year = as_of.year - (as_of.month < 9)
        self.pupils = tables["pupils"].set_index("pupil_id")
        self.ids = self.pupils.index
        days = pd.date_range(calendar.first_day, calendar.last_day)
        self.half_days = pd.Series(np.asarray(calendar.values).astype("float64"), index=days)
        self.enrolments = self._enrolments(tables["enrolments"])
        self.absences = self._absences(tables["absences"])
        self.grades = self._known(tables["grades"])
        self.marks = self._marks(self.grades)
        self.orientation = self._known(tables["orientation"])
        self.whole_year: Span = (_september(self.year), as_of)
        self.weeks_4, self.weeks_12 = (
            (max(_september(self.year), as_of - weeks * 7 * DAY), as_of) for weeks in (4, 12)
        )

    def _known(self, events: pd.DataFrame) -> pd.DataFrame:
        return events[(events["date"] < self.as_of) & ~(events["recorded_on"] >= self.as_of)]

    def _enrolments(self, table: pd.DataFrame) -> pd.DataFrame:
        known = table[table["start_date"] < self.as_of].copy()
        summer = pd.to_datetime((known["school_year"] + 1).astype("str") + "-08-31")
        known["end_date"] = known["end_date"].where(known["end_date"] < self.as_of).fillna(summer)
        return known.sort_values(["pupil_id", "start_date"])

    def _absences(self, table: pd.DataFrame) -> pd.DataFrame:
        known = self._known(table)
        settled = ~(known["justified_on"] >= self.as_of)
        known = known.assign(justified=known["justified"].fillna(value=False).astype(bool) & settled)
        held = known["date"].map(self.half_days).fillna(0)
        known = known.assign(half_days=np.minimum(known["half_days"], held))[held > 0].reset_index(drop=True)
        spans = self.enrolments[["pupil_id", "start_date", "end_date"]]
        pairs = known[["pupil_id", "date"]].reset_index().merge(spans, on="pupil_id")
        inside = pairs[(pairs["start_date"] <= pairs["date"]) & (pairs["date"] <= pairs["end_date"])]
        return known.loc[inside["index"].unique()]

    def _marks(self, grades: pd.DataFrame) -> pd.DataFrame:
        graded = grades[grades["status"] == "graded"]
        year = graded["date"].dt.year - (graded["date"].dt.month < 9)
        assessment = graded["kind"] == "assessment"
        assessed = assessment.groupby([graded["pupil_id"], year]).transform("any")
        used = graded[assessment | ~assessed]
        mark = 20.0 * used["value"] / used["out_of"]
        return used.assign(mark=mark, weighted=mark * used["coefficient"])

    def _in(self, rows: pd.DataFrame, span: Span) -> pd.DataFrame:
        return rows[(rows["date"] >= span[0]) & (rows["date"] < span[1])]

    def _sum(self, rows: pd.DataFrame, column: str) -> pd.Series:
        return rows.groupby("pupil_id")[column].sum().reindex(self.ids, fill_value=0.0)

    def _count(self, rows: pd.DataFrame) -> pd.Series:
        return rows.groupby("pupil_id").size().reindex(self.ids, fill_value=0).astype(float)

    def _school_days(self, span: Span) -> pd.Series:
        before = pd.Series(
            np.concatenate([[0.0], self.half_days.cumsum()]),
            index=[*self.half_days.index, self.half_days.index[-1] + DAY],
        )
        start = self.enrolments["start_date"].clip(lower=span[0])
        after = (self.enrolments["end_date"] + DAY).clip(upper=span[1])
        held = (after.map(before) - start.map(before)).where(start < after, 0.0)
        return held.groupby(self.enrolments["pupil_id"]).sum().reindex(self.ids, fill_value=0.0)

    def _absent_and_possible(self, span: Span) -> tuple[pd.Series, pd.Series]:
        rows = self._in(self.absences, span)
        away = self._sum(rows[rows["kind"].isin(["exclusion", "placement"])], "half_days")
        return self._sum(rows[rows["kind"] == "absence"], "half_days"), self._school_days(span) - away

    def _rate(self, span: Span) -> pd.Series:
        if span[1] <= span[0]:
            return pd.Series(np.nan, index=self.ids)
        absent, possible = self._absent_and_possible(span)
        return _ratio(absent, possible).where(possible >= 8)

    def _unjustified(self, span: Span) -> pd.Series:
        rows = self._in(self.absences, span)
        return self._sum(rows[(rows["kind"] == "absence") & ~rows["justified"]], "half_days")

    def _months_over(self) -> pd.Series:
        rows = self._in(self.absences, self.whole_year)
        rows = rows[(rows["kind"] == "absence") & ~rows["justified"]]
        month = rows["date"].dt.year * 12 + rows["date"].dt.month
        sums = rows.groupby(["pupil_id", month.rename("month")])["half_days"].sum()
        return (sums >= 4).groupby("pupil_id").sum().reindex(self.ids, fill_value=0).astype(float)

    def _barred(self) -> pd.DataFrame:
        """Days of the year that a pupil could not attend, with the half-days that they hold."""
        rows = self._in(self.absences, self.whole_year)
        rows = rows[rows["kind"].isin(["exclusion", "placement"])]
        away = rows.groupby(["pupil_id", "date"], as_index=False)["half_days"].sum()
        return away.assign(held=away["date"].map(self.half_days)).query("half_days >= held")

    def _absent_weeks(self) -> pd.Series:
        rows = self._in(self.absences, self.weeks_12)
        rows, barred = rows[rows["kind"] == "absence"], self._barred()
        weeks, absent = pd.Series(0.0, index=self.ids), pd.Series(0.0, index=self.ids)
        for monday in pd.date_range(
            self.weeks_12[0] - self.weeks_12[0].day_of_week * DAY, self.as_of - DAY, freq="7D"
        ):
            span = (max(monday, self.weeks_12[0]), min(monday + 7 * DAY, self.as_of))
            is_open = self._school_days(span) > self._sum(self._in(barred, span), "held")
            weeks += is_open
            absent += is_open & (self._count(self._in(rows, span)) > 0)
        return _ratio(absent, weeks)

    def _longest_run(self) -> pd.Series:
        rows, barred = self._in(self.absences, self.whole_year), self._barred()
        days = rows.loc[rows["kind"] == "absence", ["pupil_id", "date"]].assign(off=0)
        days = (
            pd.concat([days, barred[["pupil_id", "date"]].assign(off=1)])
            .groupby(["pupil_id", "date"])["off"]
            .max()
        )
        days = days.reset_index().sort_values(["pupil_id", "date"])
        place = days["date"].map((self.half_days > 0).cumsum()) - days.groupby("pupil_id")["off"].cumsum()
        days = days.assign(day=place)[days["off"] == 0]
        new = (days["pupil_id"] != days["pupil_id"].shift()) | (days["day"] != days["day"].shift() + 1)
        runs = days.groupby([days["pupil_id"], new.cumsum().rename("run")]).size()
        return runs.groupby("pupil_id").max().reindex(self.ids, fill_value=0).astype(float)

    def _mean(self, span: Span) -> pd.Series:
        rows = self._in(self.marks, span)
        return _ratio(self._sum(rows, "weighted"), self._sum(rows, "coefficient"))

    def _subjects(self) -> pd.DataFrame:
        rows = self._in(self.marks, self.whole_year)
        sums = rows.groupby(["pupil_id", "subject"], observed=True)[["weighted", "coefficient"]].sum()
        return _ratio(sums["weighted"], sums["coefficient"]).unstack().reindex(self.ids)  # noqa: PD010 - there is nothing to pivot

    def _levels(self) -> pd.DataFrame:
        """Level of each pupil (row) in each school year (column)."""
        last = self.enrolments.groupby(["pupil_id", "school_year"])["level"].last().astype(object)
        years = range(min(int(self.enrolments["school_year"].min()), self.year), self.year + 1)
        return last.unstack().reindex(index=self.ids, columns=years)  # noqa: PD010 - the same

    def _first_year_in(self, levels: pd.DataFrame, names: frozenset[str]) -> pd.Series:
        found = levels.isin(names)
        return found.idxmax(axis=1).where(found.any(axis=1), self.year + 1)

    def _changes_of_school(self) -> pd.Series:
        rows = self.enrolments
        before = rows.groupby("pupil_id")[["school_id", "level"]].shift()
        moved = before["school_id"].notna() & (before["school_id"] != rows["school_id"])
        to_lycee = before["level"].isin(AT_3E) & rows["level"].isin(LYCEE)
        return self._count(rows[moved & ~to_lycee & (rows["start_date"] >= _september(self.year - 2))])

    def _latest(self, event: str) -> pd.DataFrame:
        rows = self.orientation[self.orientation["event"] == event]
        rows = rows.assign(order=rows["granted"].astype(object).map({True: 0.0, False: 2.0}).fillna(1.0))
        rows = rows.sort_values(["date", "recorded_on", "rank", "order", "target"], na_position="first")
        return rows.drop_duplicates("pupil_id", keep="last").set_index("pupil_id").reindex(self.ids)

    def _since_4e(self, levels: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        from_4e, at_4e = (self._first_year_in(levels, names) for names in (FROM_4E, AT_4E))
        absent, possible, change = (pd.Series(value, index=self.ids) for value in (0.0, 0.0, np.nan))
        now = self._mean(self.whole_year)
        for year in levels.columns[:-1]:
            span = (_september(year), _september(year + 1))
            this = self._absent_and_possible(span)
            absent += this[0].where(from_4e <= year, 0.0)
            possible += this[1].where(from_4e <= year, 0.0)
            change = change.where(at_4e != year, now - self._mean(span))
        return _ratio(absent, possible).where(possible >= 8), change

    def features(self) -> pd.DataFrame:
        """Every feature."""
        subjects, levels = self._subjects(), self._levels()
        year_mean, mean_12w = self._mean(self.whole_year), self._mean(self.weeks_12)
        september, last = _september(self.year), _september(self.year - 1)
        marks, exams = self._in(self.marks, self.weeks_12), self._in(self.grades, self.weeks_12)
        known, late = self._in(self.absences, self.whole_year), self._in(self.absences, self.weeks_12)
        tracks = self._in(self.orientation, self.whole_year)
        assigned, council = self._latest("assignment"), self._latest("council_decision")
        current = self.enrolments.groupby("pupil_id")["level"].last().astype(object).reindex(self.ids)
        since = self._since_4e(levels)
        columns = {
            **{f"unjustified_half_days_{name}": self._unjustified(span) for name, span in (("4w", self.weeks_4), ("12w", self.weeks_12), ("year", self.whole_year))},
            "absence_rate_4w": self._rate(self.weeks_4),
            "absence_rate_year": self._rate(self.whole_year),
            "absence_rate_change": self._rate(self.weeks_4) - self._rate((september, max(september, self.as_of - 28 * DAY))),
            "months_over_threshold_year": self._months_over(),
            "absent_weeks_share_12w": self._absent_weeks(),
            "longest_absence_run_year": self._longest_run(),
            "lateness_12w": self._count(late[late["kind"] == "lateness"]),
            "exclusion_half_days_year": self._sum(known[known["kind"] == "exclusion"], "half_days"),
            "mean_grade_12w": mean_12w,
            "mean_grade_year": year_mean,
            "grade_change_term": mean_12w - self._mean((september, max(september, self.as_of - 84 * DAY))),
            "grade_change_last_year": year_mean - self._mean((last, september)),
            "lowest_core_grade_year": subjects.reindex(columns=CORE).min(axis=1),
            "low_marks_share_12w": _ratio(self._count(marks[marks["mark"] < 8]), self._count(marks)),
            "subject_spread_year": subjects.std(axis=1, ddof=0).where(subjects.notna().sum(axis=1) > 1),
            "missed_assessments_12w": self._count(exams[exams["status"].isin(["absent", "not_handed_in"])]),
            "years_behind": self.year - self.pupils["birth_date"].dt.year - current.map(NORMAL_AGE).astype(float),
            "repeated_years": (levels.eq(levels.shift(axis=1)) & levels.notna()).sum(axis=1).astype(float),
            "school_changes_3y": self._changes_of_school(),
            "track_changes_year": self._count(tracks[tracks["event"] == "track_change"]),
            "assigned_wish_rank": assigned["rank"].astype(float),
            "first_wish_refused": (assigned["rank"] != 1).fillna(value=True).astype(float).where(assigned["event"].notna()),
            "council_against_wish": council["granted"].astype(object).map({True: 0.0, False: 1.0}).astype(float),
            "absence_rate_since_4e": since[0],
            "grade_change_since_4e": since[1],
        }  # fmt: skip
        return pd.DataFrame(columns, index=self.ids)
