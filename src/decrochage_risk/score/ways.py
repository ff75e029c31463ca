"""The ways onto a list that need no model: the legal threshold of absence, and a departure.

A pupil can be on three lists, each named and never mixed into one score: *risk* (the tier of the estimated risk),
*legal* (4 or 10 unjustified half-days in a calendar month of this school year, whatever the risk) and *departure* (an
enrolment that ended, or was not renewed, before the as-of date). The last two are facts of the records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import RecordsWarning
from decrochage_risk.features import LEGAL_MONTHLY_THRESHOLD, PERSISTENT_MONTHLY_THRESHOLD, MonthlyAbsence
from decrochage_risk.features.event_windows import is_one_of
from decrochage_risk.records.levels import with_own_levels
from decrochage_risk.records.transmission import Silence
from decrochage_risk.school_year import day_number, year_end, year_start
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.policy import Measure
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "LEAST_NOT_RETURNED",
    "NOT_ENROLLING",
    "NOT_RETURNED",
    "WAYS",
    "WAY_COLUMNS",
    "Departure",
    "LegalSignal",
    "SchoolReturns",
    "Way",
    "WayFacts",
    "counts_of_ways",
    "measures_by_time",
    "ways_of",
]

Way = Literal["risk", "legal", "departure"]

WAYS: dict[Way, str] = {
    "risk": "risque estimé",
    "legal": "seuil légal d'absence",
    "departure": "sortie à vérifier",
}
"""The lists, in the order in which they are told, and their French names."""

WAY_COLUMNS: dict[Way, str] = {"risk": "flagged", "legal": "legal_listed", "departure": "departure_listed"}
"""The column of a frame that says who is on each list."""

DepartureKind = Literal["left_this_year", "not_returned", "cycle_end", "earlier"]

_END_OF_CYCLE = with_own_levels({"3e", "3e_pm", "3e_segpa", "tle_gt", "tle_pro", "cap2", "cap3"})
"""Levels after which a pupil normally leaves the school: no enrolment the year after is no sign of a rupture there."""
_EXAMS = 6, 1
"""Month and day from which the end of an enrolment in a last year of a cycle is the end of that year."""
NOT_RETURNED: Final = "not_returned"
_KINDS = np.array([None, "left_this_year", NOT_RETURNED, "cycle_end", "earlier"], dtype=object)
_PLACE: Final = {kind: place for place, kind in enumerate(_KINDS.tolist()) if kind}
_LISTED = ("left_this_year", NOT_RETURNED)
NOT_ENROLLING: Final = "Nobody is enrolled this year"
"""How the warning of a school that seems to have emptied begins: who says it otherwise knows it by these words."""
LEAST_NOT_RETURNED: Final = 10
"""Pupils of a school who all stay away: fewer may be a class that closed, or the few pupils of another place's extract."""
# The month of the day, which may have just begun, and the one before.
_RECENT_MONTHS = 2
_OBLIGATIONS = (
    (16, "moins de 16 ans : obligation d'instruction"),
    (18, "16-18 ans : obligation de formation"),
    (26, "18 ans et plus : droit au retour en formation, jusqu'à 25 ans révolus"),
)
"""Age under which each line is told; L131-1, L114-1, and L122-2 with D122-3-1."""
_NO_OBLIGATION = "plus de 25 ans : ni obligation, ni droit au retour"
_AGE_UNKNOWN = "âge non connu : obligation d'instruction avant 16 ans, de formation de 16 à 18 ans"


class LegalSignal(BaseModel):
    """Calendar months of this school year at or over the legal thresholds of unjustified absence.

    Attributes
    ----------
    threshold : int
        The highest threshold reached: 4 (L131-8, R131-7) or 10 (circulaire 2014-159) half-days in a month.
    months, persistent_months : int
        Months at 4 or more, and at 10 or more.
    known_months : int
        Months of the school year so far whose absences are known.
    first_month : date
        First day of the first month at 4 or more.
    recent : bool
        Whether one of the last two months is at 4 or more.
    text : str
        The fact in French, dated.
    """

    model_config = ConfigDict(frozen=True)

    threshold: Literal[4, 10]
    months: int
    persistent_months: int
    known_months: int
    first_month: date
    recent: bool
    text: str


class Departure(BaseModel):
    """A pupil of the records who is enrolled nowhere on the as-of date.

    Attributes
    ----------
    kind : {"left_this_year", "not_returned", "cycle_end", "earlier"}
        An enrolment of this school year ended while there was school; none this year after one last year; the same
        after the last year of a cycle that was not cut short, which is normal; or an older one.
    last_day : date
        Last day of the last enrolment.
    listed : bool
        Whether the situation is to be verified: the first two kinds.
    obligation : str
        What holds at the pupil's age, in French.
    text : str
        The fact in French, dated.
    """

    model_config = ConfigDict(frozen=True)

    kind: DepartureKind
    last_day: date
    listed: bool
    obligation: str
    text: str


def measures_by_time(
    measures: Iterable[Measure], *, has_left: bool
) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    """Part measures into those of now, and those of a case to come: an exit, or a failed examination.

    Of a pupil whose departure is to be verified none is of a case to come: what the law says of who has left (obligation
    d'instruction before 16, droit au retour) is then of now.
    """
    if has_left:
        return tuple(measures), ()
    each = tuple(measures)
    return (
        tuple(measure for measure in each if not measure.after_leaving),
        tuple(measure for measure in each if measure.after_leaving),
    )


@dataclass(frozen=True, eq=False)
class WayFacts:
    """What the records say of the two ways that need no model, one entry per pupil.

    Attributes
    ----------
    as_of : date
    absence : MonthlyAbsence
        Unjustified half-days by month.
    departure : object array
        Kind of departure; None for a pupil who is enrolled, never was, or whose family objected.
    last_day : int64 array
        Last day of the last enrolment, as days since 1970-01-01; -1 without a departure.
    is_cut_short : bool array
        Whether that enrolment ended while there was school.
    enrolled : bool array
    refused : bool array
        Pupils whose family objected: nothing is said of them.
    silence : Silence
        Of whom tables were not sent.
    """

    as_of: date
    absence: MonthlyAbsence
    departure: npt.NDArray[np.object_]
    last_day: npt.NDArray[np.int64]
    is_cut_short: npt.NDArray[np.bool_]
    enrolled: npt.NDArray[np.bool_]
    refused: npt.NDArray[np.bool_]
    silence: Silence

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Columns of a frame: the legal signal, the departure, and who is on which list."""
        counts = self.absence.half_days
        has_count = ~np.isnan(counts)
        at_legal = counts >= LEGAL_MONTHLY_THRESHOLD  # NaN is never at least
        months = np.where(has_count.any(axis=1) & ~self.refused, at_legal.sum(axis=1), np.nan)
        is_persistent = (counts >= PERSISTENT_MONTHLY_THRESHOLD).any(axis=1)
        threshold = np.where(months > 0, LEGAL_MONTHLY_THRESHOLD, 0.0)
        threshold = np.where(is_persistent, PERSISTENT_MONTHLY_THRESHOLD, threshold)
        # 0 for a pupil whose months are known and under it, NaN where none is known.
        threshold = np.where(np.isnan(months), np.nan, threshold)
        return {
            "legal_threshold": threshold,
            "legal_months": months,
            "legal_recent": at_legal[:, -_RECENT_MONTHS:].any(axis=1) & ~self.refused,
            "legal_listed": (months > 0) & self.enrolled,
            "departure": self.departure,
            "last_enrolled_on": np.where(
                (self.last_day < 0) | self.refused, np.iinfo(np.int64).min, self.last_day
            ).astype("datetime64[D]"),
            "departure_listed": np.logical_or.reduce([self.departure == kind for kind in _LISTED]),
        }

    def legal(self, row: int) -> LegalSignal | None:
        """Word the legal signal of a pupil; None where no known month is at 4 or more."""
        counts = self.absence.half_days[row]
        over = np.flatnonzero(counts >= LEGAL_MONTHLY_THRESHOLD)  # NaN is never at least
        if self.refused[row] or not over.size:
            return None
        persistent = int((counts >= PERSISTENT_MONTHLY_THRESHOLD).sum())
        month_count = int((~np.isnan(counts)).sum())
        return LegalSignal(
            threshold=10 if persistent else 4,
            months=over.size,
            persistent_months=persistent,
            known_months=month_count,
            first_month=self.absence.months[over[0]],
            recent=bool(over[-1] >= counts.size - _RECENT_MONTHS),
            text=self._legal_text(row, over, persistent, month_count),
        )

    def _legal_text(self, row: int, over: npt.NDArray[np.intp], persistent: int, month_count: int) -> str:
        months, counts = self.absence.months, self.absence.half_days[row]
        first = months[over[0]]
        when = f"en {french.month(first)}" if over.size == 1 else f"la première fois en {french.month(first)}"
        amount = french.plural(counts[over[0]], "demi-journée non justifiée", "demi-journées non justifiées")
        beyond = [f"dont {persistent} à 10 ou plus"] if persistent and over.size > 1 else []
        whole = f"{over.size} mois sur {month_count}{' connus' if month_count < len(months) else ''}"
        text = ", ".join([f"seuil légal de 4 demi-journées atteint {whole}", *beyond, f"{when} ({amount})"])
        highest = int(np.nanargmax(counts))
        if highest != over[0]:
            text += f", au plus {french.number(counts[highest])} en {french.month(months[highest])}"
        last = date_of_number(int(self.absence.last_day[row]))
        return f"{text} ; la dernière le {french.day(last)}"

    def left(self, row: int, age_years: float | None) -> Departure | None:
        """Word the departure of a pupil; None for one who is enrolled or of whom nothing is said."""
        kind: DepartureKind | None = self.departure[row]
        if kind is None:
            return None
        last_day = date_of_number(int(self.last_day[row]))
        day = french.day(last_day, with_year=True)
        text = {
            "left_this_year": f"sorti depuis le {day}, situation à vérifier",
            "not_returned": f"sorti depuis le {day}, non réinscrit depuis, situation à vérifier"
            if self.is_cut_short[row]
            else f"non réinscrit à la rentrée (scolarité jusqu'au {day}), situation à vérifier",
            "cycle_end": f"fin de cycle : scolarité jusqu'au {day}, suite hors de ces données",
            "earlier": f"scolarité jusqu'au {day}, une année antérieure",
        }[kind]
        return Departure(
            kind=kind, last_day=last_day, listed=kind in _LISTED, obligation=_obligation(age_years), text=text
        )


def counts_of_ways(columns: Mapping[str, Any]) -> dict[Way, int]:
    """Count the pupils on each list; the lists of a run without a model have no risk.

    Parameters
    ----------
    columns : mapping of str to array
        Columns of a frame.
    """
    return {way: int(columns[column].sum()) for way, column in WAY_COLUMNS.items() if column in columns}


@dataclass(frozen=True)
class SchoolReturns:
    """Of each school, how many are enrolled on the day, and how many of last year are enrolled nowhere this year.

    A school of which nobody is enrolled while all of last year's pupils seem gone has most likely not sent this year's
    enrolments: its departures are none.

    Attributes
    ----------
    counts : dict of str to (int, int)
        By school: enrolled, and not returned.

    Examples
    --------
    >>> SchoolReturns({"0990001A": (0, 240), "0990002B": (310, 12)}).not_sent
    {'0990001A': 240}
    """

    counts: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, schools: npt.ArrayLike, enrolled: npt.ArrayLike, departure: npt.ArrayLike) -> SchoolReturns:
        """Count pupils by the school where they are or were last; arrays of one value for each of them."""
        names = np.asarray(schools, dtype=object)
        has_school = np.array([isinstance(name, str) for name in names], dtype=np.bool_)
        words, codes = np.unique(names[has_school].astype(str), return_inverse=True)
        marks = np.asarray(enrolled, dtype=np.bool_), np.asarray(departure, dtype=object) == NOT_RETURNED
        here, gone = (np.bincount(codes[mark[has_school]], minlength=len(words)).tolist() for mark in marks)
        return cls(dict(zip(words.tolist(), zip(here, gone, strict=True), strict=True)))

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> SchoolReturns:
        """Count the pupils of a table of results."""
        return cls.of(frame["school_id"], frame["enrolled"], frame["departure"])

    @classmethod
    def merged(cls, parts: Iterable[SchoolReturns]) -> SchoolReturns:
        """Add up the counts of several groups of pupils."""
        counts: dict[str, tuple[int, int]] = {}
        for part in parts:
            for school, (enrolled, gone) in part.counts.items():
                before = counts.get(school, (0, 0))
                counts[school] = before[0] + enrolled, before[1] + gone
        return cls(dict(sorted(counts.items())))

    @property
    def nobody_enrolled(self) -> bool:
        """Whether no school has anybody on the day."""
        return not any(enrolled for enrolled, _ in self.counts.values())

    @property
    def not_sent(self) -> dict[str, int]:
        """Pupils not returned of each school of which nobody is enrolled."""
        return {
            school: gone
            for school, (enrolled, gone) in self.counts.items()
            if not enrolled and gone >= LEAST_NOT_RETURNED
        }

    def warnings(self) -> list[RecordsWarning]:
        """Word the warning of the schools whose enrolments of this year seem not to have come."""
        if not self.not_sent:
            return []
        each = ", ".join(f"{school} ({gone} pupils)" for school, gone in self.not_sent.items())
        return [
            RecordsWarning(
                f"{NOT_ENROLLING} in {len(self.not_sent)} school(s) where all pupils of last year would have left: {each}. "
                "Their departures are most likely none. Hint: complete the table enrolments with this school year."
            )
        ]


def _obligation(age_years: float | None) -> str:
    if age_years is None or np.isnan(age_years):
        return _AGE_UNKNOWN
    return next((words for under, words in _OBLIGATIONS if age_years < under), _NO_OBLIGATION)


def ways_of(cut: KnownRecords, refused: npt.NDArray[np.bool_], silence: Silence | None = None) -> WayFacts:
    """Read the legal signal and the departure of every pupil, as known on the as-of date.

    Parameters
    ----------
    cut : KnownRecords
        What was known.
    refused : bool array, shape (pupils,)
        Pupils whose family objected.
    silence : Silence, optional
        Of whom the absences were not sent: their months are not known, never 0.
    """
    kind, last_day, is_cut_short = _departures(cut)
    kind[refused] = 0
    # Also of pupils who objected: nothing is said of them, not even a day.
    last_day[kind == 0] = -1
    silence = Silence({}) if silence is None else silence
    absence = MonthlyAbsence.of(cut, silence.last_days.get("absences"))
    return WayFacts(cut.as_of, absence, _KINDS[kind], last_day, is_cut_short, cut.enrolled, refused, silence)


def _departures(
    cut: KnownRecords,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Position in ``_KINDS`` of each pupil's departure, the last day of the last enrolment, whether school went on after it."""
    current = cut.current_enrolment
    has_left = ~cut.enrolled & (current >= 0)
    rows = cut.arrays.enrolments
    # Who was never enrolled has row -1, which reads the value at the end.
    end, year = (np.append(column, -1)[current] for column in (rows.end, rows.school_year))
    of_cycle_end = is_one_of(_END_OF_CYCLE)[cut.level]
    this_year, last_year = year == cut.school_year, year == cut.school_year - 1
    # A year that was ended is no departure: an end on or after the last day with school says nothing of the next year.
    is_cut_short = (this_year & (end < _year_ended(cut, cut.school_year, of_cycle_end))) | (
        last_year & (end < _year_ended(cut, cut.school_year - 1, of_cycle_end))
    )
    kind = np.zeros(cut.pupil_count, dtype=np.int8)
    # Each line overrides those before it: an older enrolment, last year's, this year's, one that was cut short.
    kind[has_left] = _PLACE["earlier"]
    # A cycle that was left in November did not end.
    has_ended = of_cycle_end & ~is_cut_short
    kind[has_left & last_year] = np.where(has_ended, _PLACE["cycle_end"], _PLACE[NOT_RETURNED])[
        has_left & last_year
    ]
    kind[has_left & this_year] = np.where(of_cycle_end, _PLACE["cycle_end"], 0)[has_left & this_year]
    kind[has_left & this_year & is_cut_short] = _PLACE["left_this_year"]
    stayed_away = kind == _PLACE[NOT_RETURNED]
    # Until a day of school has passed nobody's enrolment of the year is known, and nobody has stayed away since last year.
    if not _has_begun(cut):
        kind[stayed_away & ~is_cut_short] = 0
    # An enrolment of this year came, and could not be kept: nobody knows from it that the pupil is gone.
    lost = cut.set_aside.get("enrolments")
    if lost is not None:
        kind[(lost > 0) & last_year & has_left] = 0
    return kind, end.astype(np.int64), is_cut_short


def _year_ended(
    cut: KnownRecords, school_year: int, of_cycle_end: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """First day on which an enrolment of a school year may end as the year does, per pupil."""
    last = _last_school_day(cut.calendar, school_year)
    if last is None:
        # A calendar without an earlier year says of no enrolment of it that it was cut short.
        last = cut.as_of_day if school_year == cut.school_year else np.iinfo(np.int64).min
    return np.where(of_cycle_end, day_number(date(school_year + 1, *_EXAMS)), last)


def _has_begun(cut: KnownRecords) -> bool:
    """Whether a day with school of the school year has passed by the as-of date."""
    days = np.arange(cut.year_start_day, cut.as_of_day)
    return bool((cut.calendar.half_days_zero_outside(days) > 0).any())


@lru_cache(maxsize=32)
def _last_school_day(calendar: SchoolCalendar, school_year: int) -> int | None:
    """Last day with school of a school year, as far as the calendar holds it; None without one."""
    days = np.arange(day_number(year_start(school_year)), day_number(year_end(school_year)) + 1)
    with_school = days[calendar.half_days_zero_outside(days) > 0]
    return int(with_school[-1]) if with_school.size else None
