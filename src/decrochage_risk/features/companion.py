"""A second fact told with the first: the weeks before, the recent part of what is counted, or what else belongs to it.

It is no feature: it enters no model and no contract. It only completes the sentence of one, so that a reader sees
whether things are under way: "6 demi-journées non justifiées depuis le 5 février (1 du 8 janvier au 4 février)"; or, of
absences of every kind, how many are not justified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from decrochage_risk import french
from decrochage_risk.features.wording import amount, decimals_of
from decrochage_risk.school_year import school_year_of
from decrochage_risk.school_year.dates import date_of_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.windows import Window
    from decrochage_risk.records.known import KnownRecords

__all__ = ["Companion", "days_of_window"]

_TWO = 2


@dataclass(frozen=True)
class Companion:
    """What is told in brackets after a fact: the same amount on other days, or another one on the same days.

    Attributes
    ----------
    kind : {"before", "part", "beside"}
        The same amount on the days before; the part of a count that is recent ("dont 4 depuis ..."); or another count, on
        the days of the fact.
    table : str
        The table that it reads.
    window : Window
        Its days; nothing is told for a pupil with an enrolled day of it outside ``coverage``.
    days : int
        Days that the window must hold for the comparison to be a fair one; 0 for any number.
    compute : callable
        From :class:`~decrochage_risk.features.facts.Facts` to one float64 value per pupil, NaN where not known.
    none : str, optional
        For nothing at all ("aucune"); the amount when left out.
    whole : str
        For a part that is everything: "toutes".
    unit : str
        Of what stands beside the fact; that of the fact otherwise.
    noun : tuple of str
        Singular and plural of what stands beside the fact.
    """

    kind: Literal["before", "part", "beside"]
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
        unknown = facts.not_covered(self.table, *self.window.span(facts.known))
        return np.where(unknown, np.nan, np.asarray(self.compute(facts), dtype=np.float64))

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
        if self.kind == "beside":
            return np.greater(own, 0)
        first, after = self.window.span(known)
        is_whole = after - first >= max(self.days, 1)
        if self.kind == "before":
            return np.isfinite(own) & is_whole
        return np.greater_equal(own, _TWO) & is_whole & (first > window.span(known)[0])

    def tell(self, value: float, own: float, unit: str, known: KnownRecords) -> str:
        """Write the brackets, with the space before them.

        Parameters
        ----------
        value, own : float
            The value of the companion and that of the fact, both known.
        unit : str
            Unit of the fact.
        known : KnownRecords
            For the dates.
        """
        is_none, own_unit = value == 0 and self.none is not None, self.unit or unit
        shown = self.none if is_none else amount(value, own_unit, decimals_of(own_unit))
        if self.kind == "beside":
            return (
                f" ({shown})" if is_none else f" ({shown} {self.noun[0] if value < _TWO else self.noun[1]})"
            )
        if self.kind == "before":
            return f" ({shown} {self._days(known)})"
        told = self.whole if value == own else shown if is_none else f"dont {shown}"
        first, _ = days_of_window(self.window, known)
        return f" ({told} {french.since(first)})"

    def _days(self, known: KnownRecords) -> str:
        first, last = days_of_window(self.window, known)
        return french.period(first, last, with_year=school_year_of(last) != known.school_year)


def days_of_window(window: Window, known: KnownRecords) -> tuple[date, date]:
    """First and last day of a window, both included.

    Parameters
    ----------
    window : Window
        Any window.
    known : KnownRecords
        For the as-of date.
    """
    first, after = window.span(known)
    return date_of_number(first), date_of_number(after - 1)
