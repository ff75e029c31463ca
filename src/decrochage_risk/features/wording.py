"""The words of a feature: a dated fact in French, never a cause, never a label.

Words are outside the feature contract: a better sentence never forces a retraining.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from datetime import date

    from decrochage_risk.features.companion import Companion
    from decrochage_risk.features.windows import Window

__all__ = ["FINEST_DECIMALS", "Wording", "amount", "decimals_of"]

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
    text = text if part.strip("0") else whole
    return {"share": f"{text}{french.NO_BREAK_SPACE}%", "rank": f"rang {text}"}.get(unit, text)


@dataclass(frozen=True)
class Wording:
    """How a value of a feature is told.

    In the sentences, ``{value}`` is the amount (without its sign in ``negative``), ``{noun}`` agrees with it,
    ``{since}`` is the start of the window ("depuis le 3 février"), ``{until}`` its last day ("jusqu'au 31 août 2024"),
    ``{as_of}`` the as-of date, ``{lately}`` the start of ``recent`` ("depuis le 5 février") and ``{earlier}`` the days of
    the window before it ("du 1er septembre au 4 février"), ``{months}`` as many calendar months as the value, up to the
    last of the window ("d'octobre à mars"). A day of another school year carries its year.

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
    """

    sentence: str
    noun: tuple[str, str] = ("", "")
    zero: str | None = None
    negative: str | None = None
    answers: tuple[str, str] = ("", "")
    companion: Companion | None = None
    recent: Window | None = None

    def tell(
        self,
        value: float,
        unit: str,
        *,
        start: date,
        end: date,
        as_of: date,
        decimals: int,
        recent: date | None = None,
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

        Examples
        --------
        >>> from datetime import date
        >>> late = Wording("{value} {noun} {since}", noun=("retard", "retards"))
        >>> days = {"start": date(2025, 2, 3), "end": date(2025, 3, 2), "as_of": date(2025, 3, 3)}
        >>> late.tell(2.0, "events", **days, decimals=0)
        '2 retards depuis le 3 février'
        """
        shown = french.rounded(100.0 * value if unit in {"share", "share_points"} else value, decimals)
        sentence, told = self.sentence, value
        nothing = value == 0 if self.negative is None else shown == 0
        if nothing and self.zero is not None:
            sentence = self.zero
        elif shown < 0 and self.negative is not None:
            sentence, told = self.negative, -value
        year, lately = school_year_of(as_of), start if recent is None else recent
        return sentence.format(
            value=amount(told, unit, decimals),
            noun=self.noun[0] if abs(shown) < 2 else self.noun[1],  # noqa: PLR2004 - French plural starts at 2
            since=french.since(start, with_year=school_year_of(start) != year),
            until=french.until(end, with_year=school_year_of(end) != year),
            as_of=french.day(as_of),
            lately=french.since(lately, with_year=school_year_of(lately) != year),
            earlier=_before(start, lately),
            months=french.months_until(end, max(1, int(shown))),
        )


def _before(start: date, recent: date) -> str:
    """Write the days from ``start`` to the eve of ``recent``; where there are none, that nothing came before."""
    if start >= recent:
        return f"avant le {french.day(recent)}"
    days = french.period(start, recent - timedelta(days=1))
    return f"du {days.removeprefix('le ')}" if days.startswith("le ") else days
