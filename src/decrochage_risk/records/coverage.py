"""Which days of which pupils are in the extract of each table, what of it was set aside, what one has (``PupilRecords.describe``).

A table that is present covers everyone, unless ``coverage`` names it (then only the spans given there are
covered) or a pupil came in a JSON payload without its key (then nothing of it is known for that pupil).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from decrochage_risk.records.coded_columns import NEVER, NO_DAY, days_of
from decrochage_risk.school_year import day_number, school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from decrochage_risk.records.encoded_tables import Encoded, Enrolments

__all__ = [
    "COVERED_TABLES",
    "Coverage",
    "LostRows",
    "RecordsDescription",
    "SpanPairs",
    "count_lost",
    "describe_tables",
    "find_coverage",
    "first_named",
    "lost_by_table",
]

SpanPairs: TypeAlias = "tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]"
"""Row of an enrolment, first and last day of a span that speaks of it."""

COVERED_TABLES = ("absences", "grades", "orientation")


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days on which one table's rows are in the extract.

    Attributes
    ----------
    spans : DataFrame
        ``school``, ``pupil`` (positions, -1 = not given), ``start``, ``end`` (day numbers, both included). No row
        at all: every day is covered.
    not_sent : array of int
        Positions of the pupils for whom the table was not sent at all.
    """

    spans: pd.DataFrame
    not_sent: npt.NDArray[np.int32]

    def before(self, day: int) -> Coverage:
        """Keep the spans that start before ``day``: later ones are not known yet."""
        return Coverage(self.spans[self.spans["start"] < day], self.not_sent)

    def of_pupils(self, pupils: npt.NDArray[np.intp]) -> Coverage:
        """Keep what is said of schools and of some pupils (rising positions), who are counted anew from 0."""
        pupil = self.spans["pupil"].to_numpy()
        of_one = pupil >= 0
        spans = self.spans[~of_one | np.isin(pupil, pupils)]
        if spans.empty:
            # Spans of others only: the table covers none of these, while no span at all would cover everyone.
            spans = self.spans[:1].assign(school=-1, pupil=-1)
        place = np.where(spans["pupil"] >= 0, np.searchsorted(pupils, spans["pupil"]), -1)
        not_sent = self.not_sent[np.isin(self.not_sent, pupils)]
        return Coverage(spans.assign(pupil=place), np.searchsorted(pupils, not_sent).astype(np.int32))

    def pairs(self, enrolments: Enrolments) -> SpanPairs:
        """Put each span beside the enrolments that it speaks of; they hold for any window of days.

        Returns
        -------
        tuple of three arrays, each of shape (pairs,)
            Row of ``enrolments``, first and last day of the span.
        """
        stays = pd.DataFrame({"pupil": enrolments.pupil, "school": enrolments.school}).astype("int64")
        stays["row"] = np.arange(len(stays))
        # A span names a school or a pupil: -1 stands for the other, which matches no stay.
        both = pd.concat(
            [stays.merge(self.spans, on=key, suffixes=("", "_span")) for key in ("school", "pupil")]
        )
        row, first, last = (both[name].to_numpy(dtype=np.int64) for name in ("row", "start", "end"))
        return row, first, last

    def missing(
        self, enrolments: Enrolments, pupils: int, first: int, after: int, pairs: SpanPairs | None = None
    ) -> npt.NDArray[np.bool_]:
        """Pupils with at least one enrolled day in [first, after) on which the table is not known.

        Parameters
        ----------
        enrolments : Enrolments
            Known enrolments.
        pupils : int
            Number of pupils.
        first, after : int
            Days since 1970-01-01; ``after`` is left out.
        pairs : tuple of arrays, optional
            What :meth:`pairs` gives for these enrolments: made once, it serves every window.

        Returns
        -------
        array of bool, shape (pupils,)
        """
        lacks = np.zeros(pupils, dtype=np.bool_)
        # A pupil whose payload lacked the key lacks the table on every day.
        lacks[self.not_sent] = True
        if after <= first or self.spans.empty:
            return lacks
        start = np.maximum(enrolments.start, first).astype(np.int64)
        end = np.minimum(enrolments.end, after - 1).astype(np.int64)
        row, span_first, span_last = self.pairs(enrolments) if pairs is None else pairs
        days_present = _days_covered(
            row, np.maximum(start[row], span_first), np.minimum(end[row], span_last), len(start)
        )
        # Every enrolled day must be covered: a gap of one week is a week of silence that would pass for
        # presence.
        lacks[enrolments.pupil[(start <= end) & (days_present < end - start + 1)]] = True
        return lacks


class LostRows(NamedTuple):
    """Rows of one table that were set aside.

    Attributes
    ----------
    pupil_ids : list of str
        Whose each row is, as it came; rows without an id are nobody's.
    days : (n,) int array
        Day number from which each row is known: its date and the day on which it was entered; ``NO_DAY`` without any.
    """

    pupil_ids: list[str]
    days: npt.NDArray[np.int64]


def count_lost(
    tables: Iterable[LostRows], pupil_ids: Sequence[str], *, before: int, since: int = int(NO_DAY)
) -> npt.NDArray[np.int64]:
    """Count the rows of each pupil that were set aside and are known from a day in [since, before).

    A row whose days cannot be read counts always: nobody can say that it is of another time.

    Examples
    --------
    >>> rows = LostRows(["a1", "a1", "b2"], np.array([20_000, int(NO_DAY), 20_100]))
    >>> count_lost([rows], ["a1", "b2", "c3"], before=20_050, since=19_990).tolist()
    [2, 0, 0]
    """
    count_of = Counter[str]()
    for rows in tables:
        counts = ((rows.days >= since) | (rows.days == NO_DAY)) & (rows.days < before)
        count_of.update(pupil for pupil, is_so in zip(rows.pupil_ids, counts.tolist(), strict=True) if is_so)
    return np.array([count_of[pupil] for pupil in pupil_ids], dtype=np.int64)


def lost_by_table(
    tables: Mapping[str, LostRows], pupil_ids: Sequence[str], as_of: date
) -> dict[str, npt.NDArray[np.int64]]:
    """Count the same per table of which rows were set aside (enrolments, events), of the school year up to the day before ``as_of``."""
    since, before = day_number(year_start(school_year_of(as_of))), day_number(as_of)
    return {
        table: count_lost([tables[table]], pupil_ids, since=since, before=before)
        for table in ("enrolments", *COVERED_TABLES)
        if table in tables and tables[table].pupil_ids
    }


def _days_covered(
    of: npt.NDArray[np.int64], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], enrolments: int
) -> npt.NDArray[np.int64]:
    """Days of each enrolment that lie in at least one of its spans (spans may overlap)."""
    some = start <= end
    of, start, end = of[some], start[some], end[some]
    order = np.lexsort((end, start, of))
    # Enrolments are spread apart on one axis, so that one running maximum serves them all.
    # A day number fits 32 bits with its sign: one bit more keeps two enrolments from touching.
    shift = of[order] << 33
    start, end = start[order] + shift, end[order] + shift
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(end)))[: end.size]
    # Only the days after all earlier spans count: overlapping spans must not cover a day twice.
    fresh = np.maximum(end - np.maximum(start, before + 1) + 1, 0)
    # Sums of whole numbers in floats are exact far beyond any number of days.
    return np.bincount(of[order], weights=fresh, minlength=enrolments).astype(np.int64)


def find_coverage(
    encoded: Encoded,
    coverage: pd.DataFrame | None,
    not_sent: Mapping[str, Iterable[str]],
    *,
    uncertain: Mapping[str, int] | None = None,
    elsewhere: Mapping[str, int] | None = None,
) -> dict[str, Coverage]:
    """Coverage of every table that is not simply known for everyone.

    Parameters
    ----------
    encoded : Encoded
        The records as arrays.
    coverage : DataFrame or None
        The canonical ``coverage`` table.
    not_sent : mapping of str to iterable of str
        Per table, the pupils of a JSON payload that came without it; those who are not in the records are passed over.
    uncertain : mapping of str to int, optional
        Tables of which a coverage row was set aside, with the first day on which such a row is known: from then on they
        cover the other spans alone, nobody when there is none.
    elsewhere : mapping of str to int, optional
        Tables that the coverage of other pupils names, with the first day on which it does (:func:`first_named`): from then
        on they do not cover everyone.
    """
    coverage_of = {}
    anything = coverage is not None or not_sent or uncertain or elsewhere
    for table in COVERED_TABLES if anything else ():
        nobody = [days[table] for days in (uncertain, elsewhere) if days and table in days]
        spans = _spans_of(encoded, coverage, table, nobody)
        positions = encoded.pupil_ids.get_indexer(pd.Index(tuple(not_sent.get(table, ())), dtype="str"))
        absent = positions[positions >= 0].astype(np.int32)
        if absent.size or len(spans):
            coverage_of[table] = Coverage(spans, absent)
    return coverage_of


def first_named(coverage: pd.DataFrame | None, uncertain: Mapping[str, int]) -> dict[str, int]:
    """First day, as a day number, from which each table does not cover everyone.

    Parameters
    ----------
    coverage : DataFrame or None
        The canonical ``coverage`` table.
    uncertain : mapping of str to int
        Tables of which a coverage row was set aside, with the first day on which such a row is known.
    """
    if coverage is None:
        return dict(uncertain)
    day = pd.Series(days_of(coverage["start"], NO_DAY))
    first = day.groupby(coverage["table"].to_numpy(dtype=object)).min()
    first_days = {str(table): int(first[table]) for table in first.index}
    return {
        table: min(days[table] for days in (first_days, uncertain) if table in days)
        for table in dict.fromkeys((*first_days, *uncertain))
    }


def _spans_of(
    encoded: Encoded, coverage: pd.DataFrame | None, table: str, nobody_from: list[int]
) -> pd.DataFrame:
    columns = ("school", "pupil", "start", "end")
    # A span that covers nobody keeps the table from covering everyone, from the day on which it is known.
    nobody = pd.DataFrame([(-1, -1, day, day) for day in nobody_from], columns=columns, dtype="int64")
    if coverage is None:
        return nobody
    rows = coverage[coverage["table"] == table]
    spans = pd.DataFrame(
        {
            "school": encoded.school_ids.get_indexer(pd.Index(rows["school_id"])),
            "pupil": encoded.pupil_ids.get_indexer(pd.Index(rows["pupil_id"])),
            "start": days_of(rows["start"], NO_DAY),
            "end": days_of(rows["end"], NEVER),
        },
        dtype="int64",
    )
    return pd.concat([spans, nobody], ignore_index=True)


_SCHOOL_MONTHS = (9, 10, 11, 12, 1, 2, 3, 4, 5, 6)
_TABLE_WORDS = {"absences": "absences", "grades": "notes", "orientation": "orientation"}


@dataclass(frozen=True, eq=False)
class RecordsDescription:
    """What records hold: years, schools, tables, and the months without a row.

    Attributes
    ----------
    frame : DataFrame
        One row per table and school year: ``table``, ``school_year``, ``rows``, ``pupils``, ``schools``, ``first`` and ``last`` day, and
        ``empty_months``: months of that year, from September to June and between the first and the last row of any table, without
        any row of this one: a gap of the extract, more often than a month in which nothing happened.
    months : DataFrame
        Rows of each table (column) in each month.
    """

    frame: pd.DataFrame
    months: pd.DataFrame

    def __repr__(self) -> str:
        return self.frame.to_string(index=False)

    def _repr_html_(self) -> str:
        return self.frame.to_html(index=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rows of each table by month, on axes of one's own or on a new figure: gaps are seen at once."""
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy: loads on first use

        axes = Figure(figsize=(8.0, 3.5), layout="constrained").subplots() if ax is None else ax
        days = [month.to_timestamp() for month in self.months.index]
        looks = (("-", "o"), ("--", "s"), (":", "^"))
        for name, (line, mark) in zip(self.months, looks, strict=False):
            axes.plot(
                days,
                self.months[name],
                linestyle=line,
                marker=mark,
                markersize=3,
                label=_TABLE_WORDS.get(str(name), str(name)),
            )
        axes.set(xlabel="Mois", ylabel="Lignes", title="Ce que contient l'extrait")
        if len(self.months.columns):
            axes.legend()
        return axes


def describe_tables(enrolments: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> RecordsDescription:
    """Describe enrolments and dated tables.

    Parameters
    ----------
    enrolments : DataFrame
    tables : mapping of str to DataFrame
        Tables with ``pupil_id`` and ``date``; one that is not known is left out.

    Examples
    --------
    >>> stays = pd.DataFrame({"pupil_id": ["a"], "school_year": [2024], "school_id": ["0670001M"], "start_date": pd.to_datetime(["2024-09-02"])})
    >>> days = pd.to_datetime(["2024-09-10", "2024-11-12"])
    >>> description = describe_tables(stays, {"absences": pd.DataFrame({"pupil_id": ["a", "a"], "date": days})})
    >>> description.frame[["table", "rows", "empty_months"]].to_dict("list")
    {'table': ['enrolments', 'absences'], 'rows': [1, 2], 'empty_months': ['', '2024-10']}
    """
    schools_of = enrolments.drop_duplicates(["pupil_id", "school_year"])[
        ["pupil_id", "school_year", "school_id"]
    ]
    dated_tables = {
        name: table.assign(school_year=_school_years(table["date"])) for name, table in tables.items()
    }
    months = pd.DataFrame(
        {name: table["date"].dt.to_period("M").value_counts() for name, table in dated_tables.items()}
    )
    months = months.sort_index().fillna(0).astype("int64")
    if len(months):
        months = months.reindex(pd.period_range(months.index[0], months.index[-1], freq="M"), fill_value=0)
    stays = enrolments.rename(columns={"start_date": "date"})
    rows = [_described("enrolments", of_year, "") for _, of_year in stays.groupby("school_year")]
    for name, table in dated_tables.items():
        with_schools = table.merge(schools_of, on=["pupil_id", "school_year"], how="left")
        for year, of_year in with_schools.groupby("school_year"):
            rows.append(_described(name, of_year, _empty_months(months[name], int(str(year)))))
    columns = ["table", "school_year", "rows", "pupils", "schools", "first", "last", "empty_months"]
    return RecordsDescription(pd.DataFrame(rows, columns=columns), months)


def _school_years(days: pd.Series[pd.Timestamp]) -> pd.Series[int]:
    return days.dt.year - (days.dt.month < 9)  # noqa: PLR2004 - September


def _empty_months(rows: pd.Series[int], year: int) -> str:
    """Name the school months of a year without a row, among those that any table reaches."""
    months = pd.PeriodIndex(rows.index)
    of_year = months.year - (months.month < 9) == year  # noqa: PLR2004 - September
    is_empty = (rows.to_numpy() == 0) & of_year & np.isin(months.month, _SCHOOL_MONTHS)
    return ", ".join(months[is_empty].astype(str))


def _described(table: str, rows: pd.DataFrame, empty: str) -> dict[str, object]:
    return {
        "table": table,
        "school_year": int(rows["school_year"].iloc[0]),
        "rows": len(rows),
        "pupils": rows["pupil_id"].nunique(),
        "schools": rows["school_id"].nunique(),
        "first": rows["date"].min(),
        "last": rows["date"].max(),
        "empty_months": empty,
    }
