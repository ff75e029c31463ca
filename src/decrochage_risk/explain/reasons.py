"""Reasons: contributions summed per family and told as dated facts in French, never causes, never labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.explain.choosing import sum_by_family, told_families
from decrochage_risk.explain.sentences import tell
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model.calibration import probability

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from decrochage_risk.explain.attribution import Attribution
    from decrochage_risk.records.known import KnownRecords

    Floats = npt.NDArray[np.float64]

__all__ = ["FLOOR", "MOST_AGGRAVATING", "MOST_PROTECTIVE", "Reason", "ReasonTable", "find_reasons"]

FLOOR = 0.10
"""Log-odds under which a family is not told: about 2.5 points of probability at most."""

MOST_AGGRAVATING = 3
MOST_PROTECTIVE = 2

_HALF = 0.5
"""A fourth aggravating reason is told when the first three hold less than this share of the aggravating sum."""


class Reason(BaseModel):
    """One reason: a family of facts that moves a pupil's risk away from the reference pupil's.

    Attributes
    ----------
    code : str
        Feature that words the reason (the strongest of its family).
    family, family_label : str
        Reason family, and what a school reads.
    direction : {"aggravating", "protective"}
    value, reference : float
        Value of the feature, and that of the reference pupil (same level, same time of year).
    unit : str
        Unit of both.
    period : str
        The days looked at, "2025-02-03/2025-03-02"; "../2025-03-02" as far back as the pupil's records go.
    points : float
        Points of probability that the family adds (removes, if negative), against the reference pupil.
    text : str
        The dated fact, in French.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    family: str
    family_label: str
    direction: Literal["aggravating", "protective"]
    value: float
    reference: float
    unit: str
    period: str
    points: float
    text: str


@dataclass(frozen=True)
class ReasonTable:
    """Reasons of several pupils, as columns.

    Attributes
    ----------
    columns : dict of str to array
        One entry per reason in each, in the order told: ``row`` (position of the pupil among those explained),
        ``position`` and the fields of :class:`Reason`.
    family_sums : array, shape (n, families)
        Calibrated log-odds per family, in the order of ``FAMILIES``.
    base : array, shape (n,)
        Calibrated log-odds of the reference pupil: with the families they sum to those of the pupil.
    other_points : array, shape (n,)
        Points of probability of what is not told ("autres éléments"): all points sum to risk minus reference risk.
    """

    columns: dict[str, npt.NDArray[Any]]
    family_sums: Floats
    base: Floats
    other_points: Floats

    @cached_property
    def reasons(self) -> pd.DataFrame:
        """The reasons as a frame, one row per reason."""
        return pd.DataFrame(self.columns)

    @cached_property
    def families(self) -> pd.DataFrame:
        """Calibrated log-odds per family and ``base``, one row per pupil."""
        codes = [family.code for family in FAMILIES]
        return pd.DataFrame(self.family_sums, columns=codes).assign(base=self.base)


def find_reasons(attribution: Attribution, known_values: Floats, known: KnownRecords) -> ReasonTable:
    """Choose and word the reasons of the explained pupils.

    Parameters
    ----------
    attribution : Attribution
        Contributions of n pupils.
    known_values : array of float64, shape (n, columns)
        Values before the missing ones were filled: NaN is never told.
    known : KnownRecords
        For the dates of the windows.

    Returns
    -------
    ReasonTable
    """
    family = _family_of_columns(attribution.columns)
    families = sum_by_family(attribution.contributions, family, len(FAMILIES))
    risk_points = _points_per_log_odds(attribution)
    told = told_families(families, FLOOR, MOST_AGGRAVATING, MOST_PROTECTIVE, _HALF)
    rows, columns = np.nonzero(told)
    strongest = _strongest(attribution, known_values, families, rows, columns)
    keep = strongest >= 0
    rows, columns, strongest = rows[keep], columns[keep], strongest[keep]
    contribution = families[rows, columns]
    points = contribution * risk_points[rows]
    order = np.lexsort((columns, -np.abs(contribution), contribution < 0, rows))
    rows, columns, strongest, points = rows[order], columns[order], strongest[order], points[order]
    values = known_values[rows, strongest]
    total = 100.0 * (probability(attribution.log_odds) - probability(attribution.base))
    other = total - np.bincount(rows, weights=points, minlength=len(total))
    told_columns = _worded(attribution, known, rows, columns, strongest, values, points)
    return ReasonTable(told_columns, families, attribution.base, other)


@cache
def _family_of_columns(columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Position in FAMILIES of each column's family, -1 for context columns."""
    codes = [family.code for family in FAMILIES]
    found = np.array(
        [
            codes.index(FEATURE_BY_NAME[name].family.code) if name in FEATURE_BY_NAME else -1
            for name in columns
        ],
        dtype=np.intp,
    )
    found.setflags(write=False)
    return found


def _points_per_log_odds(attribution: Attribution) -> Floats:
    """Secant of the logistic curve between the reference and the pupil, in points of probability per log-odds."""
    moved = attribution.contributions.sum(axis=1)
    start, end = probability(attribution.base), probability(attribution.base + moved)
    tangent = start * (1.0 - start)
    still = np.abs(moved) < 1e-9  # noqa: PLR2004 - under this the secant is the tangent
    return 100.0 * np.where(still, tangent, (end - start) / np.where(still, 1.0, moved))


def _strongest(
    attribution: Attribution,
    known_values: Floats,
    families: Floats,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Column that words each reason: the known one that pushes most in the family's own direction; -1 if none."""
    family = _family_of_columns(attribution.columns)
    push = attribution.contributions[rows] * np.sign(families[rows, columns])[:, None]
    eligible = (family[None, :] == columns[:, None]) & ~np.isnan(known_values[rows])
    push = np.where(eligible, push, -np.inf)
    best = np.argmax(push, axis=1) if push.size else np.zeros(0, dtype=np.intp)
    return np.where(push[np.arange(best.size), best] > 0, best, -1)


def _worded(
    attribution: Attribution,
    known: KnownRecords,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    strongest: npt.NDArray[np.intp],
    values: Floats,
    points: Floats,
) -> dict[str, npt.NDArray[Any]]:
    references = attribution.references[rows, strongest]
    code = [attribution.columns[column] for column in strongest.tolist()]
    text, unit, period = _words(code, values.tolist(), references.tolist(), known)
    return {
        "row": rows,
        "position": _position_in_group(rows),
        "code": _texts(code),
        "family": _FAMILY_CODES[columns],
        "family_label": _FAMILY_LABELS[columns],
        "direction": np.where(points > 0, "aggravating", "protective").astype(object),
        "value": values,
        "reference": references,
        "points": points,
        "unit": _texts(unit),
        "period": _texts(period),
        "text": _texts(text),
    }


def _words(
    codes: list[str], values: list[float], references: list[float], known: KnownRecords
) -> tuple[list[str], list[str], list[str]]:
    """Text, unit and period of each reason; a fact that several pupils share is worded once."""
    texts: dict[tuple[str, float, float], str] = {}
    facts = list(zip(codes, values, references, strict=True))
    for fact in facts:
        if fact not in texts:
            texts[fact] = tell(FEATURE_BY_NAME[fact[0]], fact[1], fact[2], known)
    periods = {code: FEATURE_BY_NAME[code].window.period(known) for code in dict.fromkeys(codes)}
    return (
        [texts[fact] for fact in facts],
        [FEATURE_BY_NAME[code].unit for code in codes],
        [periods[code] for code in codes],
    )


def _texts(values: Iterable[str]) -> npt.NDArray[np.object_]:
    return np.array(list(values), dtype=object)


_FAMILY_CODES = _texts(family.code for family in FAMILIES)
_FAMILY_LABELS = _texts(family.label for family in FAMILIES)


def _position_in_group(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give each reason its number among those of its pupil, from 1; ``rows`` is sorted."""
    return np.arange(1, rows.size + 1, dtype=np.intp) - np.searchsorted(rows, rows)
