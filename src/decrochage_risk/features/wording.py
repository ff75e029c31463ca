"""The words of a feature: a dated fact in French, never a cause, never a label.

Words are outside the feature contract: a better sentence never forces a retraining. A second fact (:class:`Companion`)
completes the sentence of a feature - the weeks before, the recent part of what is counted, or what else belongs to it -
so that a reader sees whether things are under way: "6 demi-journées non justifiées depuis le 5 février (1 du 8 janvier
au 4 février)". It is no feature: it enters no model and no contract. :class:`MonthlyAbsence` holds the facts that the
law counts by month, not by window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from decrochage_risk import french
from decrochage_risk.features.event_windows import Facts, attendable_months
from decrochage_risk.school_year import day_number, school_year_of
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.features.windows import Window
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.school_year import SchoolCalendar


__all__ = [
    "FINEST_DECIMALS",
    "LEGAL_MONTHLY_THRESHOLD",
    "MONTH_FACT",
    "PERSISTENT_MONTHLY_THRESHOLD",
    "Companion",
    "MonthlyAbsence",
    "Wording",
    "amount",
    "days_of_window",
    "decimals_of",
    "first_days_enrolled",
    "first_school_day",
    "since_words",
]

_TWO = 2
"""French plural starts at 2."""
_DECIMALS = {"share": 1, "/20": 1, "points": 1, "share_points": 1, "per_week": 1}
FINEST_DECIMALS = 3
"""No reason is told with more decimals than this, however close the value is to its reference."""


def decimals_of(unit: str) -> int:
    """Decimals that a school reads for a unit: 1 for rates and marks, none for counts."""
    return _DECIMALS.get(unit, 0)


def amount(value: float, unit: str, decimals: int) -> str:
    """Write a bare amount: a percentage for shares, a mark on 20, a rank as such, a number otherwise.

    A mark keeps its decimals (7,0/20); any other whole number is written without (50 %, 1 point).

    Examples
    --------
    >>> amount(8.5, "/20", 1), amount(6.0, "half-days", 0), amount(0.125, "share_points", 1), amount(1.0, "points", 1)
    ('8,5/20', '6', '12,5', '1')
    """
    text = french.number(100.0 * value if unit in {"share", "share_points"} else value, decimals)
    if unit == "/20":
        return f"{text}/20"
    whole, _, part = text.partition(",")
    # "12", not "12,0": a decimal that says nothing looks like precision.
    text = text if part.strip("0") else whole
    return {"share": f"{text}{french.NO_BREAK_SPACE}%", "rank": f"rang {text}"}.get(unit, text)


@dataclass(frozen=True)
class Wording:
    """How a value of a feature is told.

    In the sentences, ``{value}`` is the amount (without its sign in ``negative``), ``{noun}`` agrees with it,
    ``{since}`` is the start of the window ("depuis le 3 février"), ``{until}`` its last day ("jusqu'au 31 août 2024"),
    ``{as_of}`` the as-of date, ``{lately}`` the start of ``recent`` ("depuis le 5 février") and ``{earlier}`` the days of
    the window before it ("du 1er septembre au 4 février"). A day of another school year carries its year.

    Attributes
    ----------
    sentence : str
        For any value, or for positive ones when the two others are given.
    noun : tuple of str
        Singular and plural of what is counted.
    zero, negative : str, optional
        For a value of 0, and below 0. A change that rounds to 0 is told as 0; any other amount must be 0 exactly.
    answers : tuple of str
        What the reference pupil's 0 and 1 stand for, for a value that is one or the other.
    companion : Companion, optional
        A second fact, told in brackets.
    recent : Window, optional
        The last weeks of the window, for a fact that holds them against the days before.
    counted : str, optional
        For a value other than 0 whose base is known: ``{whole}`` is the base (weeks, marks, months), ``{count}`` the part
        of it that a share stands for, with which ``{noun}`` agrees ("8 semaines de classe sur 9, soit 89 %").
    whole : callable, optional
        From the engine to the base of ``counted`` per pupil, NaN where it is not known.
    subjects : callable, optional
        From the engine to what the value is of, as French words per pupil: school subjects ("mathématiques"), a month
        ("octobre"); empty where none. ``{subject}`` is their place.
    subject_form : str
        How they are written there; in brackets, unless said otherwise.
    is_reason : bool
        Whether the fact may word a reason; one that may not counts in its family, in other words.
    """

    sentence: str
    noun: tuple[str, str] = ("", "")
    zero: str | None = None
    negative: str | None = None
    answers: tuple[str, str] = ("", "")
    companion: Companion | None = None
    recent: Window | None = None
    counted: str | None = None
    whole: Callable[[Facts], npt.NDArray[np.float64]] | None = None
    subjects: Callable[[Facts], npt.NDArray[np.object_]] | None = None
    subject_form: str = " ({})"
    is_reason: bool = True

    def tell(  # noqa: PLR0913 - the days and the amounts of one sentence
        self,
        value: float,
        unit: str,
        *,
        start: date,
        end: date,
        as_of: date,
        decimals: int,
        recent: date | None = None,
        whole: float = float("nan"),
        subject: str = "",
        after_holidays: bool = False,
    ) -> str:
        """Write the fact.

        Parameters
        ----------
        value : float
            Value of the feature, known.
        unit : str
            Its unit.
        start, end, as_of : date
            First and last day of the window, and the as-of date.
        decimals : int
            Decimals of the amount.
        recent : date, optional
            First day of ``recent``; the start of the window by default.
        whole : float
            Base of ``counted``; NaN tells the value alone.
        subject : str
            School subjects or month that the value is of; empty leaves them out.
        after_holidays : bool
            Whether ``start`` is the first school day after holidays ("depuis la rentrée du 4 novembre").

        Examples
        --------
        >>> from datetime import date
        >>> late = Wording("{value} {noun} {since}", noun=("retard", "retards"))
        >>> days = {"start": date(2025, 2, 3), "end": date(2025, 3, 2), "as_of": date(2025, 3, 3)}
        >>> late.tell(2.0, "events", **days, decimals=0)
        '2 retards depuis le 3 février'
        """
        figure = french.rounded(100.0 * value if unit in {"share", "share_points"} else value, decimals)
        sentence, size = self.sentence, value
        # A change that rounds to 0 is told as none; a count or rate above 0 never is.
        nothing = value == 0 if self.negative is None else figure == 0
        if nothing and self.zero is not None:
            sentence = self.zero
        elif figure < 0 and self.negative is not None:
            sentence, size = self.negative, -value
        elif self.counted is not None and value != 0 and whole > 0:
            sentence = self.counted
        # The share was made of whole numbers, so that rounding gives back the number it was made of.
        count = round(value * whole) if whole > 0 else 0
        number = count if sentence is self.counted and unit == "share" else figure
        year, lately = school_year_of(as_of), start if recent is None else recent
        return sentence.format(
            value=amount(size, unit, decimals),
            noun=self.noun[0] if abs(number) < _TWO else self.noun[1],
            since=since_words(start, with_year=school_year_of(start) != year, after_holidays=after_holidays),
            until=french.until(end, with_year=school_year_of(end) != year),
            as_of=french.day(as_of),
            lately=french.since(lately, with_year=school_year_of(lately) != year),
            earlier=_before(start, lately),
            subject=self.subject_form.format(subject) if subject else "",
            whole=french.number(whole) if whole > 0 else "",
            count=french.number(count),
        )


def since_words(start: date, *, with_year: bool, after_holidays: bool) -> str:
    """Write the start of a window that goes on; the first school day after holidays as such.

    Examples
    --------
    >>> since_words(date(2024, 11, 4), with_year=False, after_holidays=True)
    'depuis la rentrée du 4 novembre'
    """
    words = french.since(start, with_year=with_year)
    return words.replace("depuis le ", "depuis la rentrée du ", 1) if after_holidays else words


def _before(start: date, recent: date) -> str:
    """Write the days from ``start`` to the eve of ``recent``; where there are none, that nothing came before."""
    # Early in the year the comparison has no days of its own, and a period would end before it begins.
    if start >= recent:
        return f"avant le {french.day(recent)}"
    days = french.period(start, recent - timedelta(days=1))
    return f"du {days.removeprefix('le ')}" if days.startswith("le ") else days


@dataclass(frozen=True)
class Companion:
    """What is told in brackets after a fact: the same amount on other days, or another one on the same days.

    Attributes
    ----------
    kind : {"before", "part", "beside", "lately"}
        The same amount on the days before; the part of a count that is recent ("dont 4 depuis ..."); another count, on
        the days of the fact; or another count, of the last weeks ("aucune ... depuis ...").
    table : str
        The table that it reads.
    window : Window
        Its days; nothing is told for a pupil with an enrolled day of it outside ``coverage``.
    days : int
        Days that the window must hold for the comparison to be a fair one; 0 for any number.
    compute : callable
        From :class:`~decrochage_risk.features.event_windows.Facts` to one float64 value per pupil, NaN where not known.
    none : str, optional
        For nothing at all ("aucune"); the amount when left out.
    whole : str
        For a part that is everything: "toutes".
    unit : str
        Of what stands beside the fact; that of the fact otherwise.
    noun : tuple of str
        Singular and plural of what stands beside the fact.
    """

    kind: Literal["before", "part", "beside", "lately"]
    table: str
    window: Window
    compute: Callable[[Facts], npt.NDArray[np.float64]]
    days: int = 0
    none: str | None = None
    whole: str = ""
    unit: str = ""
    noun: tuple[str, str] = ("", "")

    def values(self, facts: Facts) -> npt.NDArray[np.float64]:
        """One value per pupil, NaN where it is not known.

        Parameters
        ----------
        facts : Facts
            The engine over known records.

        Returns
        -------
        array of float64, shape (pupils,)
        """
        if not facts.has(self.table):
            return np.full(facts.pupils, np.nan)
        span = self.window.span(facts.known)
        # Nothing counted where no day could be attended is no second fact: it would be told as a change.
        is_unknown = facts.not_covered(self.table, *span) | (facts.attendable_days(*span) <= 0)
        return np.where(is_unknown, np.nan, np.asarray(self.compute(facts), dtype=np.float64))

    def is_told(
        self, own: npt.NDArray[np.float64] | float, window: Window, known: KnownRecords
    ) -> npt.NDArray[np.bool_] | np.bool_:
        """Whether it says more than the fact alone: days enough, no part of one event nor of a window as short, nothing of nothing.

        Parameters
        ----------
        own : float or array
            Values of the fact.
        window : Window
            Days of the fact.
        known : KnownRecords
            For the as-of date.
        """
        first, after = self.window.span(known)
        if self.kind in {"beside", "lately"}:
            # Early in the year the last weeks are the year, whose amounts have been told.
            return np.greater(own, 0) & (self.kind == "beside" or first > window.span(known)[0])
        is_whole = after - first >= max(self.days, 1)
        if self.kind == "before":
            return np.isfinite(own) & is_whole
        # Part of one event is the event, and of a window as short as this one, the whole.
        return np.greater_equal(own, _TWO) & is_whole & (first > window.span(known)[0])

    def tell(self, value: float, own: float, unit: str, known: KnownRecords, since: int | None = None) -> str:
        """Write the brackets, with the space before them.

        Parameters
        ----------
        value, own : float
            The value of the companion and that of the fact, both known.
        unit : str
            Unit of the fact.
        known : KnownRecords
            For the dates.
        since : int, optional
            As for :func:`days_of_window`.
        """
        is_none, own_unit = value == 0 and self.none is not None, self.unit or unit
        phrase = self.none if is_none else amount(value, own_unit, decimals_of(own_unit))
        counted = phrase if is_none else f"{phrase} {self.noun[0] if value < _TWO else self.noun[1]}"
        if self.kind == "beside":
            return f" ({counted})"
        if self.kind == "before":
            return f" ({phrase} {self._days(known, since)})"
        if self.kind == "part":
            counted = self.whole if value == own else phrase if is_none else f"dont {phrase}"
        first, is_return = first_school_day(*days_of_window(self.window, known, since), known)
        return f" ({counted} {since_words(first, with_year=False, after_holidays=is_return)})"

    def _days(self, known: KnownRecords, since: int | None) -> str:
        first, last = days_of_window(self.window, known, since)
        return french.period(first, last, with_year=school_year_of(last) != known.school_year)


HOLIDAYS = 5
"""Days without school in a row after which the next school day is a return."""


def first_school_day(day: date, last: date, cut: KnownRecords) -> tuple[date, bool]:
    """Find the first day with school from ``day`` on, and whether it is a return from holidays.

    ``day`` itself where there is no school up to ``last``, or where the calendar does not say.

    Parameters
    ----------
    day, last : date
        First and last day of a window.
    cut : KnownRecords
        For the calendar.
    """
    return _first_school_day(day, last, cut.calendar)


@lru_cache(maxsize=4_096)
def _first_school_day(day: date, last: date, calendar: SchoolCalendar) -> tuple[date, bool]:
    number = day_number(day)
    days = np.arange(number - HOLIDAYS, day_number(last) + 1)
    inside = (days >= calendar.first_day_number) & (days <= day_number(calendar.last_day))
    with_school = days[(calendar.half_days_zero_outside(days) > 0) & inside]
    from_here = with_school[with_school >= number]
    # At the edge of the calendar nobody knows whether holidays came before.
    if not inside.all() or not from_here.size:
        return day, False
    first = int(from_here[0])
    before = np.arange(first - HOLIDAYS, first)
    is_return = bool((calendar.half_days_zero_outside(before) == 0).all())
    return date_of_number(first), is_return


def days_of_window(window: Window, known: KnownRecords, since: int | None = None) -> tuple[date, date]:
    """First and last day of a window, both included.

    Parameters
    ----------
    window : Window
        Any window.
    known : KnownRecords
        For the as-of date.
    since : int, optional
        Day number before which no day is a pupil's (see :func:`first_days_enrolled`).
    """
    first, after = window.span(known)
    return date_of_number(first if since is None else max(first, since)), date_of_number(after - 1)


def first_days_enrolled(window: Window, facts: Facts) -> npt.NDArray[np.int64]:
    """First day of a window on which each pupil is enrolled, as a day number: what is told of the window begins then.

    Of whoever is enrolled on none of its days, and of a window that goes back as far as the records do, the first day of the
    window.

    Parameters
    ----------
    window : Window
    facts : Facts
        The engine over known records.
    """
    first, after = window.span(facts.known)

    def find() -> npt.NDArray[np.int64]:
        stays = facts.known.arrays.enrolments
        days = np.full(facts.pupils, after, dtype=np.int64)
        inside = (stays.end >= first) & (stays.start < after)
        np.minimum.at(days, stays.pupil[inside], np.maximum(stays.start[inside], first))
        return np.where((days < after) & (not window.open_start), days, first)

    return facts.once(("first day enrolled", first, after, window.open_start), find)


LEGAL_MONTHLY_THRESHOLD = 4.0
"""Unjustified half-days in a month from which the head reports to the DASEN (code de l'éducation, L131-8, R131-7)."""

PERSISTENT_MONTHLY_THRESHOLD = 10.0
"""Unjustified half-days in a month from which absence is persistent (circulaire 2014-159, MENE1427925C)."""

MONTH_FACT = "unjustified_half_days_month"
"""The larger of the unjustified half-days of the month of the as-of date (so far) and of the month before."""


@dataclass(frozen=True, eq=False)
class MonthlyAbsence:
    """Unjustified half-days per pupil in each calendar month of the school year, the last one so far.

    Counted as the features count them: days with an enrolment and school, motives settled by then left out. The
    thresholds of the law are per calendar month (code de l'éducation, L131-8, R131-7; circulaire 2014-159).

    Attributes
    ----------
    months : tuple of date
        First day of each month, from September of the school year to the month of the day before the as-of date.
    half_days : array of float64, shape (pupils, months)
        NaN where absences are not known for the pupil over the whole of that month and the known ones are under the
        threshold of the law, or where there was no day to attend.
    last_day : array of int64, shape (pupils,)
        Day of the last unjustified half-day of the school year, as days since 1970-01-01; -1 without any.
    """

    months: tuple[date, ...]
    half_days: npt.NDArray[np.float64]
    last_day: npt.NDArray[np.int64]

    @classmethod
    def of(cls, cut: KnownRecords, sent_until: npt.NDArray[np.int64] | None = None) -> MonthlyAbsence:
        """Count every month of the school year for every pupil.

        Parameters
        ----------
        cut : KnownRecords
        sent_until : array of int64, shape (pupils,), optional
            Day of the last row that the pupil's school sent, where it sent none or stopped (see
            :func:`~decrochage_risk.records.transmission.find_silence`): a later month is not known.
        """
        months = _months_between(date_of_number(cut.year_start_day), cut.as_of - timedelta(days=1))
        edges = np.array([*(day_number(month) for month in months), cut.as_of_day])
        facts = Facts.of(cut)
        counts = np.full((facts.pupils, len(months)), np.nan)
        last_day = np.full(facts.pupils, -1, dtype=np.int64)
        if facts.has("absences"):
            counts = facts.absence_sums("unjustified", edges)
            is_whole = np.ones(counts.shape, dtype=np.bool_)
            if "absences" in cut.coverage:
                for month, span in enumerate(pairwise(edges.tolist())):
                    is_whole[:, month] = ~facts.not_covered("absences", *span)
            if sent_until is not None:
                is_whole &= sent_until[:, None] >= edges[None, 1:] - 1
            # What is known of a part of a month is enough to say that it reached the threshold, never that it did not.
            counts[~is_whole & (counts < LEGAL_MONTHLY_THRESHOLD)] = np.nan
            _, is_attendable = attendable_months(facts)
            # A month before the pupil came, of work placement or of the summer says nothing of absences.
            counts[~is_attendable & (counts == 0)] = np.nan
            rows, is_counted = facts.absence_rows, facts.absence_values("unjustified") > 0
            of_the_year = is_counted & (rows.day >= cut.year_start_day)
            last_day[rows.pupil[of_the_year]] = rows.day[
                of_the_year
            ]  # rows are sorted by day: the last one stays
        return cls(months, counts, last_day)

    def most(self, row: int) -> float:
        """Value of `MONTH_FACT` for a pupil: the larger of the last two months, NaN when neither is known."""
        recent = self.half_days[row, -2:]
        # Not nanmax, which warns when neither month is known.
        values = recent[~np.isnan(recent)]
        return float(values.max()) if values.size else float("nan")

    def told(self, row: int) -> str:
        """Write the month that `most` comes from; of two equal ones, the later.

        Examples
        --------
        >>> absence = MonthlyAbsence((date(2025, 2, 1), date(2025, 3, 1)), np.array([[5.0, 1.0]]), np.array([20_150]))
        >>> absence.most(0), absence.told(0)
        (5.0, '5 demi-journées non justifiées en février 2025')
        """
        recent = self.half_days[row, -2:]
        # Counted from the end, as in early September there is one month only.
        place = int(np.flatnonzero(recent == self.most(row))[-1]) - recent.size
        noun = ("demi-journée non justifiée", "demi-journées non justifiées")
        return f"{french.plural(self.most(row), *noun)} en {french.month(self.months[place], with_year=True)}"


def _months_between(first: date, last: date) -> tuple[date, ...]:
    """First days of the calendar months from that of ``first`` to that of ``last``; none where it comes before."""
    start, count = first.replace(day=1), (last.year - first.year) * 12 + last.month - first.month + 1
    return tuple(
        date(start.year + (start.month - 1 + step) // 12, (start.month - 1 + step) % 12 + 1, 1)
        for step in range(count)
    )
