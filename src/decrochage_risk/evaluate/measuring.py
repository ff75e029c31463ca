"""Measure the rows of a report: groups, lists, paired differences with the baselines, all on the same rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.evaluate.bootstrap import paired_bootstrap
from decrochage_risk.evaluate.groups import GroupFigures, figures_by_group
from decrochage_risk.evaluate.issued import CAPACITY, ListFigures, capacity_list, list_figures
from decrochage_risk.evaluate.maturity import SMALL_CELL
from decrochage_risk.french import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.evaluate.baselines import Baseline
    from decrochage_risk.evaluate.bootstrap import PairedDifference, Statistic

DRAWS: Final = 200
"""Samples of pupils of each paired difference of a report."""
SCHOOL: Final = "school"


@dataclass(frozen=True, slots=True)
class MeasuredRows:
    """The rows that a report is made of: one entry per pupil and as-of date, outcome known.

    Attributes
    ----------
    outcome, risk : array_like of shape (rows,)
        0 or 1; the announced probability.
    pupils, schools : array_like of shape (rows,), optional
        Pupil and school of each row.
    dimensions : mapping of str to array_like of shape (rows,)
        What the figures are divided by (``level``, ``pathway``, ``sex``, ``years_behind``, ``network``, ``month`` ...).
    exit_kinds : array_like of shape (rows,), optional
        Kind of exit of the rows with the event.
    as_of : array_like of date of shape (rows,), optional
        As-of date of each row; the lists are then measured by date too.
    listed : array_like of bool of shape (rows,), optional
        Whether the row is on the list actually issued; without it there are no lists and no fairness gates.
    list_name : str
        What the list is, in French.
    capacity : int
        Situations that a school can look at on one date.
    """

    outcome: npt.ArrayLike
    risk: npt.ArrayLike
    pupils: Any = None
    schools: Any = None
    dimensions: Mapping[str, Any] = field(default_factory=dict)
    exit_kinds: Any = None
    as_of: Any = None
    listed: Any = None
    list_name: str = "liste émise"
    capacity: int = CAPACITY

    def gated_dimensions(self) -> dict[str, Any]:
        """Dimensions whose groups are gated: all but the month, which is no group of pupils."""
        return {name: values for name, values in self.dimensions.items() if name != "month"}


def groups_of(rows: MeasuredRows) -> tuple[GroupFigures, ...]:
    """Measure every group.

    Of a group of under 5 pupils not even the size is kept. Schools too small to be measured are summed up in one entry.
    """
    found = figures_by_group(rows.outcome, rows.risk, rows.dimensions, pupils=rows.pupils, listed=rows.listed)
    kept = tuple(_without_small_size(one) for one in found if one.dimension != SCHOOL or not one.too_small)
    small = [one for one in found if one.dimension == SCHOOL and one.too_small]
    if not small:
        return kept
    name = plural(len(small), "établissement trop petit", "établissements trop petits")
    whole = GroupFigures(
        dimension=SCHOOL, group=name, rows=sum(one.rows or 0 for one in small), too_small=True
    )
    return (*kept, whole)


def _without_small_size(group: GroupFigures) -> GroupFigures:
    if group.pupils is None or group.pupils >= SMALL_CELL:
        return group
    return group.model_copy(update={"rows": None, "pupils": None, "hidden": True})


def lists_of(rows: MeasuredRows) -> tuple[ListFigures, ...]:
    """Measure the list actually issued and, where schools and dates are told, the list at school capacity."""
    if rows.listed is None:
        return ()
    told = {"pupils": rows.pupils, "schools": rows.schools, "as_of": rows.as_of}
    found = list_figures(rows.list_name, rows.outcome, rows.risk, rows.listed, **told)
    if rows.schools is None or rows.as_of is None:
        return found
    first = capacity_list(rows.risk, rows.schools, rows.as_of, capacity=rows.capacity, tie_break=rows.pupils)
    name = f"{plural(rows.capacity, 'situation')} par établissement et date"
    return (*found, *list_figures(name, rows.outcome, rows.risk, first, **told))


def above_chance(rows: MeasuredRows) -> PairedDifference | None:
    """AUC of the model against that of a score that says nothing."""
    flat = np.zeros(np.shape(rows.outcome)[0])
    return paired_bootstrap(rows.outcome, rows.risk, flat, "auc", pupils=rows.pupils, draws=DRAWS)


def differences_with(rows: MeasuredRows, baseline: Baseline) -> tuple[PairedDifference, ...]:
    """Compare the model with one baseline: AUC, and log loss where the baseline announces a probability."""
    statistics: tuple[Statistic, ...] = ("log_loss", "auc") if baseline.is_probability else ("auc",)
    found = [
        paired_bootstrap(rows.outcome, rows.risk, baseline.score, name, pupils=rows.pupils, draws=DRAWS)
        for name in statistics
    ]
    return tuple(one for one in found if one is not None)
