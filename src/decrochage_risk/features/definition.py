"""What a feature is: one entry that holds its value, its contract and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.features.windows import Window  # noqa: TC001 - a dataclass field, shown by documentation

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.wording import Wording

__all__ = ["Family", "Feature"]


@dataclass(frozen=True)
class Family:
    """A family of reasons: contributions are summed per family, one reason each.

    Attributes
    ----------
    code : str
        Stable identifier, in English.
    label : str
        What a school reads.
    told : bool
        Whether it may be a reason. What it adds to a risk is otherwise part of "autres éléments".
    """

    code: str
    label: str
    told: bool = True


@dataclass(frozen=True)
class Feature:
    """One feature: value, contract and words in a single entry.

    Attributes
    ----------
    name : str
        Column name; never changes its meaning.
    family : Family
        Reason family.
    table : str
        The table that it reads; a table that is not known gives NaN for everybody.
    window : Window
        Days that it looks at; a pupil with an enrolled day of it outside ``coverage`` gets NaN.
    unit : str
        Key of ``french.UNITS``.
    direction : int
        +1 more means more risk, -1 less, 0 not constrained.
    definition : str
        Exact definition, in French, readable by a CPE.
    compute : callable
        From :class:`~decrochage_risk.features.facts.Facts` to one float64 value per pupil.
    wording : Wording
        The sentence of a reason; outside the contract.
    source : str
        Where it comes from, in French: a publication, a text, the words of the field; outside the contract.
    revision : int
        Raised when the same name starts to mean something else; makes old artefacts refuse to load.
    latest : Window, optional
        The last weeks that the value rests on, inside a longer window: values of two days can be compared where these
        weeks, too, hold as much school. Outside the contract.
    of_records : bool
        It says how much is known, or how far the year has gone, and nothing of what pupils do: it is never a drift of
        pupils. Outside the contract.
    """

    name: str
    family: Family
    table: str
    window: Window
    unit: str
    direction: int
    definition: str
    compute: Callable[[Facts], npt.NDArray[np.float64]]
    wording: Wording
    source: str
    revision: int = 1
    latest: Window | None = None
    of_records: bool = False

    def values(self, facts: Facts) -> npt.NDArray[np.float64]:
        """One value per pupil, NaN where not known.

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
        values = np.asarray(self.compute(facts), dtype=np.float64)
        unknown = facts.not_covered(self.table, *self.window.span(facts.known))
        return np.where(unknown, np.nan, values) if unknown.any() else values

    @property
    def contract(self) -> dict[str, Any]:
        """What a trained model relies on; written into its artefact and compared at load."""
        return {
            "name": self.name,
            "unit": self.unit,
            "window": self.window.name,
            "direction": self.direction,
            "revision": self.revision,
        }
