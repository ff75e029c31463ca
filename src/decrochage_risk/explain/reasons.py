"""Which families of reasons are told: sums per family and their ranks, one compiled pass per pupil.

Reasons: contributions summed per family and told as dated facts in French, never causes, never labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from decrochage_risk.explain.sentences import tell
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.records.kernels import compiled
from decrochage_risk.risk.calibration import probability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from decrochage_risk.explain.attribution import Attribution
    from decrochage_risk.features import Feature
    from decrochage_risk.features.wording import Companion
    from decrochage_risk.records.pupil_records import KnownRecords

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]
    Flags = npt.NDArray[np.bool_]
    Positions = npt.NDArray[np.intp]


__all__ = [
    "FLOOR",
    "MOST_AGGRAVATING",
    "MOST_PROTECTIVE",
    "Reason",
    "ReasonTable",
    "family_of_columns",
    "family_sums",
    "find_reasons",
    "position_in_group",
    "secant",
    "strongest_first",
    "sum_by_family",
    "told_families",
]


@compiled
def sum_by_family(contributions: Floats, family: Ints, families: int) -> Floats:
    """Sum the contributions of each family, column by column: a pupil alone and in a batch add up alike.

    ``family`` is the family of each column, -1 for columns that are never told.
    """
    sums = np.zeros((contributions.shape[0], families))
    for row in range(contributions.shape[0]):
        for column in range(contributions.shape[1]):
            if family[column] >= 0:
                sums[row, family[column]] += contributions[row, column]
    return sums


@compiled
def told_families(families: Floats, floor: float, most: int, most_protective: int, share: float) -> Flags:
    """Which families are told: the strongest on each side from the floor on, the first of equal ones.

    One more than ``most`` aggravating families are told when the first ``most`` hold less than ``share`` of the
    aggravating sum.
    """
    told = np.zeros(families.shape, np.bool_)
    for row in range(families.shape[0]):
        held = _tell_strongest(families[row], told[row], 1.0, floor, most)
        whole = 0.0
        for value in families[row]:
            whole += max(value, 0.0)
        if held < share * whole:
            _tell_strongest(families[row], told[row], 1.0, floor, 1)
        _tell_strongest(families[row], told[row], -1.0, floor, most_protective)
    return told


@compiled
def _tell_strongest(values: Floats, told: Flags, side: float, floor: float, most: int) -> float:
    """Mark up to ``most`` further families of one side as told; give their sum."""
    held = 0.0
    for _ in range(most):
        best = -1
        for family in range(values.size):
            strength = side * values[family]
            if strength >= floor and not told[family] and (best < 0 or strength > side * values[best]):
                best = family
        if best < 0:
            break
        told[best] = True
        held += side * values[best]
    return held


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
    companion : float or None
        Value of the second fact that the text gives in brackets; None when it gives none.
    companion_unit : str or None
        Unit of that second fact: that of the value, or another where the sentence counts something else.
    companion_period : str or None
        The days of that second fact.
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
    companion: float | None = None
    companion_unit: str | None = None
    companion_period: str | None = None

    @field_validator("companion", "companion_unit", "companion_period", mode="before")
    @classmethod
    def _nothing(cls, value: object) -> object:
        """Read NaN, which a column of numbers holds where there is nothing, as None."""
        return None if isinstance(value, float) and np.isnan(value) else value


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


def find_reasons(
    attribution: Attribution, known_values: Floats, known: KnownRecords, *, pupils: Positions | None = None
) -> ReasonTable:
    """Choose and word the reasons of the explained pupils.

    Parameters
    ----------
    attribution : Attribution
        Contributions of n pupils.
    known_values : array of float64, shape (n, columns)
        Values before the missing ones were filled: NaN is never told.
    known : KnownRecords
        For the dates of the windows.
    pupils : array of int, shape (n,), optional
        Position of each in ``known``, for the second facts that some sentences name (none is told without it) and for the
        counts that are no fact of a pupil who could attend no day of their window.

    Returns
    -------
    ReasonTable
    """
    families = family_sums(attribution)
    if pupils is not None:
        known_values = _facts_only(attribution.columns, known_values, pupils, known)
    risk_points = secant(attribution.base, attribution.contributions.sum(axis=1))
    may_tell = np.where([family.told for family in FAMILIES], families, 0.0)
    told = told_families(may_tell, FLOOR, MOST_AGGRAVATING, MOST_PROTECTIVE, _HALF)
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
    asked = None if pupils is None else pupils[rows]
    seconds = _second_facts(attribution.columns, strongest, values, asked, known)
    told_columns = _worded(attribution, known, rows, columns, strongest, values, points, seconds)
    return ReasonTable(told_columns, families, attribution.base, other)


@cache
def family_of_columns(columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
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


def family_sums(attribution: Attribution) -> Floats:
    """Sum the contributions of each family, column by column: a pupil alone and in a batch add up alike."""
    family = family_of_columns(attribution.columns)
    return sum_by_family(attribution.contributions, family, len(FAMILIES))


def secant(start: Floats, moved: Floats) -> Floats:
    """Secant of the logistic curve from ``start`` over ``moved`` log-odds, in points of probability per log-odds.

    Examples
    --------
    >>> secant(np.array([0.0]), np.array([0.0]))  # the tangent
    array([25.])
    """
    low, high = probability(start), probability(start + moved)
    still = np.abs(moved) < 1e-9  # noqa: PLR2004 - under this the secant is the tangent
    return 100.0 * np.where(still, low * (1.0 - low), (high - low) / np.where(still, 1.0, moved))


def strongest_first(strength: Floats) -> npt.NDArray[np.int64]:
    """Rank of each family by strength, ties by the order of FAMILIES; -1 where the strength is 0."""
    order = np.argsort(-strength, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(strength.shape[1])[None, :].repeat(len(strength), 0), axis=1)
    return np.where(strength > 0, rank, -1)


def _strongest(
    attribution: Attribution,
    known_values: Floats,
    families: Floats,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Column that words each reason: the known one that pushes most in the family's own direction; -1 if none."""
    family = family_of_columns(attribution.columns)
    push = attribution.contributions[rows] * np.sign(families[rows, columns])[:, None]
    eligible = (family[None, :] == columns[:, None]) & ~np.isnan(known_values[rows])
    push = np.where(eligible, push, -np.inf)
    best = np.argmax(push, axis=1) if push.size else np.zeros(0, dtype=np.intp)
    return np.where(push[np.arange(best.size), best] > 0, best, -1)


def _facts_only(columns: tuple[str, ...], values: Floats, pupils: Positions, known: KnownRecords) -> Floats:
    """Values with NaN for each count of 0 over days of which the pupil could attend none: it is nobody's credit."""
    features = [
        (place, FEATURE_BY_NAME[name])
        for place, name in enumerate(columns)
        if name in FEATURE_BY_NAME and FEATURE_BY_NAME[name].needs_attendance
    ]
    if not features or not (values[:, [place for place, _ in features]] == 0).any():
        return values
    facts, facts_only = Facts(known), values.copy()
    for place, feature in features:
        facts_only[feature.is_silent(facts)[pupils] & (values[:, place] == 0), place] = np.nan
    return facts_only


def _worded(
    attribution: Attribution,
    known: KnownRecords,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    strongest: npt.NDArray[np.intp],
    values: Floats,
    points: Floats,
    seconds: Floats,
) -> dict[str, npt.NDArray[Any]]:
    references = attribution.references[rows, strongest]
    code = [attribution.columns[column] for column in strongest.tolist()]
    text = _words(code, values.tolist(), references.tolist(), seconds.tolist(), known)
    return {
        "row": rows,
        "position": position_in_group(rows),
        "code": _texts(code),
        "family": _FAMILY_CODES[columns],
        "family_label": _FAMILY_LABELS[columns],
        "direction": np.where(points > 0, "aggravating", "protective").astype(object),
        "value": values,
        "reference": references,
        "points": points,
        "unit": _texts(FEATURE_BY_NAME[name].unit for name in code),
        "period": _periods(code, known),
        "text": _texts(text),
        "companion": seconds,
        "companion_unit": _of_companions(
            code, seconds, lambda feature, companion: companion.unit or feature.unit
        ),
        "companion_period": _of_companions(
            code, seconds, lambda _feature, companion: companion.window.period(known)
        ),
    }


def _second_facts(
    names: tuple[str, ...],
    strongest: Positions,
    values: Floats,
    pupils: Positions | None,
    known: KnownRecords,
) -> Floats:
    """Value of the second fact of each reason, NaN where its wording names none or it adds nothing."""
    found = np.full(strongest.size, np.nan)
    if pupils is None:
        return found
    facts = None
    for column in np.unique(strongest).tolist():
        feature = FEATURE_BY_NAME[names[column]]
        if (companion := feature.wording.companion) is not None:
            facts = facts or Facts(known)
            places = np.flatnonzero(strongest == column)
            told = companion.is_told(values[places], feature.window, known)
            found[places] = np.where(told, companion.values(facts)[pupils[places]], np.nan)
    return found


def _words(
    codes: list[str], values: list[float], references: list[float], seconds: list[float], known: KnownRecords
) -> list[str]:
    """Text of each reason; a fact that several pupils share is worded once."""
    texts: dict[tuple[str, float, float, str], str] = {}
    found = []
    for code, value, reference, second in zip(codes, values, references, seconds, strict=True):
        fact = (code, value, reference, second.hex())
        if fact not in texts:
            texts[fact] = tell(FEATURE_BY_NAME[code], value, reference, known, companion=second)
        found.append(texts[fact])
    return found


def _periods(codes: list[str], known: KnownRecords) -> npt.NDArray[np.object_]:
    periods = {code: FEATURE_BY_NAME[code].window.period(known) for code in dict.fromkeys(codes)}
    return _texts(periods[code] for code in codes)


def _of_companions(
    codes: list[str], seconds: Floats, tell_of: Callable[[Feature, Companion], str]
) -> npt.NDArray[np.object_]:
    """Give what is to be told of each second fact, None where there is none."""
    features = [FEATURE_BY_NAME[code] for code in dict.fromkeys(codes)]
    told = {
        feature.name: tell_of(feature, companion)
        for feature in features
        if (companion := feature.wording.companion) is not None
    }
    known = ~np.isnan(seconds)
    return np.where(known, _texts(told.get(code) for code in codes), np.array(None, dtype=object))


def _texts(values: Iterable[str | None]) -> npt.NDArray[np.object_]:
    return np.array(list(values), dtype=object)


_FAMILY_CODES = _texts(family.code for family in FAMILIES)
_FAMILY_LABELS = _texts(family.label for family in FAMILIES)


def position_in_group(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give each reason its number among those of its pupil, from 1; ``rows`` is sorted."""
    return np.arange(1, rows.size + 1, dtype=np.intp) - np.searchsorted(rows, rows)
