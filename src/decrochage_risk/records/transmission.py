"""What each school of an extract sent of a table, and whether it stopped: silence is not zero.

A table that was forgotten, or that one school stopped sending, looks like pupils who are never absent. Whether it is so
cannot be seen in the pupils who happen to be present (alone, half of the diligent have no absence row in 28 days): it is a
fact of the whole extract, made once per folder or batch by :func:`find_transmission` and handed to whoever scores a part of
it. It is held against the extract that the model was trained on (:class:`UsualPace`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.coded_columns import NO_DAY
from decrochage_risk.records.table_schemas import code_of
from decrochage_risk.school_year import day_number, school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.records.encoded_tables import Absences, Enrolments, Grades
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "DEFAULT_PACE",
    "LEAST_EXPECTED",
    "SENT",
    "WATCHED_TABLES",
    "Silence",
    "Transmission",
    "UsualPace",
    "check_gaps",
    "find_silence",
    "find_transmission",
    "much_set_aside",
    "silent_schools",
    "usual_pace",
]

WATCHED_TABLES: Final = ("absences", "grades")
"""Tables whose rows come all year; orientation is rare by nature, so its silence says nothing."""

_COLUMNS: Final = ("school_id", "table", "pupils", "rows", "first_day", "last_day")

LEAST_EXPECTED: Final = 10.0
"""Rows that the pupils of a school should have given since its last one, at the training's slowest pace, before its silence
is one: at a pace of ten, chance alone leaves none in 5 of 100,000."""

_LEAST_HALF_DAYS: Final = {"absences": 10, "grades": 18}
"""Possible half-days since the last row under which no school is silent: one week of school, two for marks."""


@dataclass(frozen=True, slots=True)
class UsualPace:
    """How often the schools of a training gave rows of one table.

    Attributes
    ----------
    rows : float
        Rows per enrolled pupil and possible half-day, of the slowest schools (lowest twentieth).
    half_days : int
        Possible half-days since the last row above which a school is silent.
    """

    rows: float
    half_days: int

    def to_dict(self) -> dict[str, float | int]:
        """Give both as JSON values."""
        return {"rows": self.rows, "half_days": self.half_days}


DEFAULT_PACE: Final[Mapping[str, UsualPace]] = {
    "absences": UsualPace(0.02, 12),
    "grades": UsualPace(0.04, 24),
}
"""For models that do not know that of their training: over a week of school without an absence, over two and a half without a mark, at somewhat less than the
pace of the slowest schools of the synthetic cohorts (a choice of this project)."""


@dataclass(frozen=True, eq=False)
class Transmission:
    """What the schools of an extract sent, as known on the morning of a day.

    Attributes
    ----------
    as_of : date
        The day.
    schools : DataFrame
        One row per school and table that is in the extract: ``school_id``, ``table``, ``pupils`` (enrolled that day),
        ``rows`` (of the school year, dated while the pupil was in the school), ``first_day`` (first day of the school year
        with a pupil enrolled) and ``last_day`` (of a row, the day before ``first_day`` without any), as day numbers.
    """

    as_of: date
    schools: pd.DataFrame

    @classmethod
    def merged(cls, parts: Sequence[Transmission]) -> Transmission:
        """Put together what the parts of one extract say, of the same day.

        Raises
        ------
        RecordsError
            No part, or parts of different days.
        """
        days = {part.as_of for part in parts}
        if len(days) != 1:
            raise RecordsError(
                explain_error(
                    f"The transmissions of {len(parts)} parts are of {len(days)} days",
                    expected="parts of one extract, all of the same as-of date",
                    hint="Call find_transmission(records, as_of) of each part with the same as_of.",
                )
            )
        whole = pd.concat([part.schools for part in parts], ignore_index=True)
        # A part without a row says the day before its first, which must not pass for the day of a row.
        last = whole["last_day"].where(whole["rows"] > 0, NO_DAY)
        schools = (
            whole.assign(last_day=last)
            .groupby(["school_id", "table"], sort=True)
            .agg({"pupils": "sum", "rows": "sum", "first_day": "min", "last_day": "max"})
            .reset_index()
        )
        none = schools["rows"] == 0
        schools["last_day"] = schools["last_day"].mask(none, schools["first_day"] - 1)
        return cls(days.pop(), schools[list(_COLUMNS)])

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values; :meth:`from_dict` reads them back."""
        return {"as_of": self.as_of.isoformat(), "schools": self.schools.to_dict(orient="list")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Transmission:
        """Read what :meth:`to_dict` gave."""
        schools = pd.DataFrame(values["schools"], columns=list(_COLUMNS))
        return cls(date.fromisoformat(values["as_of"]), schools)


def find_transmission(known: KnownRecords) -> Transmission:
    """Find what each school sent of the tables that come all year.

    Parameters
    ----------
    known : KnownRecords
        Records of a whole extract (or of a part of it, to be merged), cut at the as-of date.

    Examples
    --------
    >>> from decrochage_risk.synthetic import make_cohort
    >>> known = make_cohort(60, [2024], seed=1).records.known_on("2025-03-05")
    >>> sorted(find_transmission(known).schools["table"].unique())
    ['absences', 'grades']
    """
    arrays, start = known.arrays, known.year_start_day
    schools = len(arrays.schools.words)
    # Today's pupils: a school that all have left is not silent, it is empty.
    own = known.school[known.enrolled & (known.school >= 0)]
    pupils = np.bincount(own, minlength=schools)
    stays = arrays.enrolments
    of_year = stays.end >= start
    # From the first stay of the year on: a school that opened in January is not silent since September.
    first = np.full(schools, known.as_of_day, dtype=np.int64)
    np.minimum.at(first, stays.school[of_year], np.maximum(stays.start[of_year], start))
    frames = []
    for table in WATCHED_TABLES:
        rows = getattr(arrays, table)
        if rows is None:
            continue
        count, last = _rows_of_schools(table, rows, stays, start, first - 1)
        columns = dict(zip(_COLUMNS, (arrays.schools.words, table, pupils, count, first, last), strict=True))
        frames.append(pd.DataFrame(columns)[pupils > 0])
    if not frames:
        return Transmission(known.as_of, pd.DataFrame(columns=list(_COLUMNS)))
    return Transmission(known.as_of, pd.concat(frames, ignore_index=True))


def _rows_of_schools(
    table: str, rows: Absences | Grades, stays: Enrolments, start: int, before: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows since ``start`` of each school, by the stay that was open on their day, and the day of the last one."""
    recent = rows.day >= start
    if table == "absences":
        # Lateness and placements may come from another office: they are no sign that absences were sent.
        recent &= rows.kind == code_of("absences", "kind", "absence")
    pupil, day = rows.pupil[recent].astype(np.int64), rows.day[recent].astype(np.int64)
    # One axis for all pupils: the stay of a row is the last one that starts on or before its day.
    starts = (stays.pupil.astype(np.int64) << 32) + stays.start
    stay = np.searchsorted(starts, (pupil << 32) + day, side="right") - 1
    own = stay >= 0
    own[own] = (stays.pupil[stay[own]] == pupil[own]) & (stays.end[stay[own]] >= day[own])
    school = stays.school[stay[own]]
    last = before.copy()
    np.maximum.at(last, school, day[own])
    return np.bincount(school, minlength=before.size), last


def silent_schools(
    transmission: Transmission, calendar: SchoolCalendar, pace: Mapping[str, UsualPace]
) -> pd.DataFrame:
    """Find the schools that did not send a table, or stopped sending it.

    Parameters
    ----------
    transmission : Transmission
        Of the whole extract.
    calendar : SchoolCalendar
        Possible half-days.
    pace : mapping of str to UsualPace
        Per table, that of the training.

    Returns
    -------
    DataFrame
        Rows of ``transmission.schools``.
    """
    schools = transmission.schools
    since = _half_days_since(schools["last_day"], transmission.as_of, calendar)
    usual = [pace[table] for table in schools["table"]]
    limit = np.array([each.half_days for each in usual], dtype=np.int64)
    expectation = np.array([each.rows for each in usual]) * schools["pupils"].to_numpy(dtype=np.int64) * since
    # A handful of pupils is no extract: nothing is said of the schools that they are from.
    in_extract = schools.groupby("table")["pupils"].transform("sum").to_numpy(dtype=np.int64)
    is_extract = in_extract >= _LEAST_PUPILS
    silent: pd.DataFrame = schools[(since > limit) & (expectation >= LEAST_EXPECTED) & is_extract]
    return silent


def _half_days_since(days: pd.Series, as_of: date, calendar: SchoolCalendar) -> npt.NDArray[np.int64]:
    """Possible half-days after each day, before ``as_of``, of the school year."""
    start, after = day_number(year_start(school_year_of(as_of))), day_number(as_of)
    # School half-days, not days: two weeks of holidays without a row are no silence.
    running = np.concatenate([[0], np.cumsum(calendar.half_days_on(np.arange(start, after)), dtype=np.int64)])
    since: npt.NDArray[np.int64] = (
        running[-1] - running[np.clip(days.to_numpy(dtype=np.int64) + 1 - start, 0, after - start)]
    )
    return since


def usual_pace(transmissions: Iterable[Transmission], calendar: SchoolCalendar) -> dict[str, UsualPace]:
    """Measure how often the schools of a training gave rows, and how old their last row was.

    Rounded, so that no single school shows: the pace to one digit, the age up to whole weeks.

    Parameters
    ----------
    transmissions : iterable of Transmission
        Of every as-of date of the training.
    calendar : SchoolCalendar
        Possible half-days.

    Returns
    -------
    dict of str to UsualPace
        Of the tables that came.
    """
    rows = [
        each.schools.assign(
            since=_half_days_since(each.schools["last_day"], each.as_of, calendar),
            possible=_half_days_since(each.schools["first_day"] - 1, each.as_of, calendar),
        )
        for each in transmissions
    ]
    if not rows:
        return {}
    whole = pd.concat(rows, ignore_index=True)
    # A school of few pupils, or one that gave nothing, says nothing of how often rows come.
    enough = (whole["pupils"] >= _LEAST_PUPILS) & (whole["rows"] > 0) & (whole["possible"] >= _WEEK)
    whole = whole[enough]
    pace = whole["rows"] / whole["pupils"] / whole["possible"]
    return {
        table: _pace_of(
            table,
            whole.loc[of_table, "since"].to_numpy(dtype=np.float64),
            pace[of_table].to_numpy(dtype=np.float64),
        )
        for table in WATCHED_TABLES
        if (of_table := whole["table"] == table).any()
    }


# The same number on both sides: a pace learnt from schools of this size is asked of schools of this size.
_LEAST_PUPILS: Final = 10
# Half-days of a week of school: two a day, one on Wednesday.
_WEEK: Final = 9


def _pace_of(table: str, ages: npt.NDArray[np.float64], paces: npt.NDArray[np.float64]) -> UsualPace:
    # Half the pace of the slowest twentieth, twice the age of the oldest: a later year is not the training's.
    slow = float(np.quantile(paces, 0.05)) / 2.0
    weeks = int(np.ceil(2.0 * float(np.quantile(ages, 0.95)) / _WEEK)) * _WEEK
    # One digit, whole weeks: a model that is handed on tells of no single school.
    return UsualPace(float(f"{slow:.0e}"), max(weeks, _LEAST_HALF_DAYS[table]))


def check_gaps(gaps: object) -> tuple[str, ...]:
    """Give the tables whose gap is meant.

    Raises
    ------
    RecordsError
        Other names, or no names at all.

    Examples
    --------
    >>> check_gaps(["absences"])
    ('absences',)
    """
    names = (gaps,) if isinstance(gaps, str) else gaps
    if not isinstance(names, list | tuple | set | frozenset) or not set(names) <= set(WATCHED_TABLES):
        raise RecordsError(
            explain_error(
                f"gaps={gaps!r}",
                expected=f"names of tables: {', '.join(WATCHED_TABLES)}",
                hint='For example gaps=["absences"] when no school is meant to send its absences.',
            )
        )
    return tuple(name for name in WATCHED_TABLES if name in names)


@dataclass(frozen=True, eq=False)
class Silence:
    """Pupils of whom a table that the model leans on was not sent.

    Attributes
    ----------
    last_days : mapping of str to array
        Per table, and pupil of the records, the day of the last row of the pupil's school: ``SENT`` where the table came,
        ``NO_DAY`` where none was sent at all.
    """

    last_days: Mapping[str, npt.NDArray[np.int64]]

    @property
    def pupils(self) -> npt.NDArray[np.bool_]:
        """Which pupils lack at least one table."""
        lacks = [days != SENT for days in self.last_days.values()]
        return np.logical_or.reduce(lacks) if lacks else np.zeros(0, dtype=np.bool_)

    def of(self, tables: Collection[str]) -> Silence:
        """Keep what is said of some tables."""
        return Silence({table: days for table, days in self.last_days.items() if table in tables})

    def not_sent(self, table: str, after: int, pupils: int) -> npt.NDArray[np.bool_]:
        """Say of which pupils the last days before a day were not sent.

        Parameters
        ----------
        table : str
        after : int
            Day number; any window that ends before it, and after the last row of a silent school, is not known.
        pupils : int
            How many there are.
        """
        days = self.last_days.get(table)
        return np.zeros(pupils, dtype=np.bool_) if days is None else days < after - 1


LEAST_SET_ASIDE: Final = 3
"""Rows set aside of one pupil and table under which what is left is taken for the whole: one mark typed wrong is no gap."""

SET_ASIDE_SHARE: Final = 0.2
"""Share of a pupil's rows of the school year from which, set aside, they leave a table that says too little: a choice of this
project, at which a pupil absent one day in ten could pass for one absent one day in twelve, no more."""


def much_set_aside(known: KnownRecords, tables: Collection[str]) -> dict[str, npt.NDArray[np.bool_]]:
    """Find the pupils of whom much of a table was set aside as faulty: what is left must not pass for the whole.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date; their rows of the school year are held against those that were set aside.
    tables : collection of str
        Tables that the model leans on.

    Returns
    -------
    dict of str to array of bool, shape (pupils,)
        Per table of `WATCHED_TABLES` of which rows were set aside.
    """
    lacks = {}
    for table in (name for name in WATCHED_TABLES if name in tables and name in known.set_aside):
        lost, rows = known.set_aside[table], getattr(known.arrays, table)
        rest = np.zeros(known.pupil_count, dtype=np.int64)
        if rows is not None:
            of_year = rows.day >= known.year_start_day
            rest = np.bincount(rows.pupil[of_year], minlength=known.pupil_count)
        lacks[table] = (lost >= LEAST_SET_ASIDE) & (lost >= SET_ASIDE_SHARE * (lost + rest))
    return lacks


SENT: Final = np.iinfo(np.int64).max
"""The last day of a table that goes on."""


def find_silence(
    known: KnownRecords,
    *,
    tables: Collection[str],
    transmission: Transmission | None = None,
    pace: Mapping[str, UsualPace] | None = None,
) -> Silence:
    """Find the pupils whose school did not send, or stopped sending, some tables.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date.
    tables : collection of str
        Tables that the model leans on, and whose gap nobody declared.
    transmission : Transmission, optional
        Of the whole extract of which these are some pupils; found in these records when left out. What came as JSON is
        vouched for: only a table that is not there was not sent.
    pace : mapping of str to UsualPace, optional
        That of the training.
    """
    usual = {**DEFAULT_PACE, **(pace or {})}
    schools = None
    last_days = {}
    for table in (name for name in WATCHED_TABLES if name in tables):
        days = np.full(known.pupil_count, SENT, dtype=np.int64)
        if getattr(known.arrays, table) is None:
            days[:] = NO_DAY
        # Who says in `coverage` which days a table holds has said so already.
        elif table not in known.declared:
            if table in known.coverage:
                days[known.coverage[table].not_sent] = NO_DAY
            if not known.vouched:
                if schools is None:
                    schools = silent_schools(transmission or find_transmission(known), known.calendar, usual)
                silent = schools[schools["table"] == table]
                place = pd.Index(known.school_ids).get_indexer(pd.Index(silent["school_id"]))
                of_school = np.full(len(known.school_ids) + 1, SENT, dtype=np.int64)
                last = np.where(
                    silent["rows"].to_numpy() > 0, silent["last_day"].to_numpy(dtype=np.int64), NO_DAY
                )
                of_school[place[place >= 0]] = last[place >= 0]
                days = np.where(days == SENT, of_school[known.school], days)
                _of_earlier_schools(known, of_school, days)
        last_days[table] = days
    return Silence(last_days)


_LEAST_STAY: Final = 14
"""Days of a stay of this school year under which the silence of that school is no gap: a few days of another's year."""


def _of_earlier_schools(
    known: KnownRecords, of_school: npt.NDArray[np.int64], days: npt.NDArray[np.int64]
) -> None:
    """Lower the last day of the pupils who were in a silent school before, this year: that part of their year is not known."""
    if (of_school == SENT).all():
        return
    stays = known.arrays.enrolments
    first = np.maximum(stays.start.astype(np.int64), known.year_start_day)
    last = np.minimum(stays.end.astype(np.int64), known.as_of_day - 1)
    sent_until = of_school[stays.school]
    # A school that stopped after the pupil had gone has sent the whole of the stay.
    is_gap = (last - first + 1 >= _LEAST_STAY) & (sent_until < last)
    np.minimum.at(days, stays.pupil[is_gap], sent_until[is_gap])
