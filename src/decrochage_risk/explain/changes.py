"""What moved between two days: changes of contribution per family, told as dated facts with what they were before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from decrochage_risk import french
from decrochage_risk.explain.attribution import known_of_columns
from decrochage_risk.explain.reasons import (
    FLOOR,
    facts_only,
    family_of_columns,
    family_sums,
    position_in_group,
    secant,
    strongest_first,
)
from decrochage_risk.explain.sentences import reference_pupil, starts_of_fact, tell_amount, tell_fact
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.features.wording import FINEST_DECIMALS, decimals_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.explain.attribution import Attribution
    from decrochage_risk.features import Feature
    from decrochage_risk.records.time_cut import KnownRecords

    Floats = npt.NDArray[np.float64]

__all__ = ["MISSING", "MOST_CHANGES", "ChangeReason", "ChangeTable", "Side", "find_changes", "then_on"]

MOST_CHANGES = 3
"""Changes told in each direction, at most."""

MISSING = "donnée manquante"
NOTHING_COUNTED = "sans objet"
"""Of a 0 that was no fact on the day before: no day to attend (work placement, exclusion), or rows set aside."""


class ChangeReason(BaseModel):
    """One family of facts that moved a pupil's risk between two days.

    Attributes
    ----------
    code : str
        Feature that words the change: of its family, the one that pushed most.
    family, family_label : str
        Reason family, and what a school reads.
    direction : {"up", "down"}
        Whether it raised or lowered the risk.
    value, value_before : float or None
        Value of the feature on both days; None before when it was not known.
    reference, reference_before : float
        Values of the reference pupil on both days.
    unit : str
        Unit of them all.
    points : float
        Points of probability that the change of the family added (removed, if negative).
    text : str
        The fact, what it was before, and the reference pupil, in French.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    family: str
    family_label: str
    direction: Literal["up", "down"]
    value: float
    value_before: float | None
    reference: float
    reference_before: float
    unit: str
    points: float
    text: str

    @field_validator("value_before", mode="before")
    @classmethod
    def _not_known(cls, value: float | None) -> float | None:
        """Read NaN, which a column of numbers holds where nothing was known, as None."""
        return None if value is None or np.isnan(value) else value


@dataclass(frozen=True)
class Side:
    """The same n pupils on one of the two days.

    Attributes
    ----------
    attribution : Attribution
        Their contributions.
    value : array, shape (n, columns)
        Their values, NaN where not known.
    known : KnownRecords
        For the dates.
    pupils : array of int, shape (n,), optional
        Position of each in ``known``, for the counts of 0 that are no fact (see :func:`facts_only`); without it every 0 is one.
    """

    attribution: Attribution
    value: Floats
    known: KnownRecords
    pupils: npt.NDArray[np.intp] | None = None

    def facts(self) -> Side:
        """Give the values that are facts: known, of a column that the model has, and no 0 of nothing."""
        values = known_of_columns(self.attribution, self.value)
        if self.pupils is not None:
            values = facts_only(self.attribution.columns, values, self.pupils, self.known)
        return replace(self, value=values)


@dataclass(frozen=True)
class ChangeTable:
    """Changes of n pupils.

    Attributes
    ----------
    reasons : DataFrame
        One row per change told, in order: ``row``, ``position`` and the fields of :class:`ChangeReason`.
    families : DataFrame, shape (n, families + 1)
        Change of the calibrated log-odds per family, and of ``base``, the reference pupil's; they sum to the change.
    reference_points, other_points : array, shape (n,)
        Points of the change of the reference pupil, and of what is not told; with the points of the reasons they
        sum to 100 times the change of the risk.
    """

    reasons: pd.DataFrame
    families: pd.DataFrame
    reference_points: Floats
    other_points: Floats


def find_changes(now: Side, before: Side) -> ChangeTable:
    """Choose and word what moved the risk of some pupils between two days, under one model.

    Parameters
    ----------
    now, before : Side
        The same pupils, in the same order, with the same columns.

    Returns
    -------
    ChangeTable
    """
    counted_before = known_of_columns(before.attribution, before.value)
    now, before = now.facts(), before.facts()
    families = family_sums(now.attribution) - family_sums(before.attribution)
    base = now.attribution.base - before.attribution.base
    shift = now.attribution.log_odds - before.attribution.log_odds
    # One rate for all families, so that their points add up to the change of the risk.
    rate = secant(before.attribution.log_odds, shift)
    rows, columns = np.nonzero(_told(families))
    strongest = _strongest(now, before, families, rows, columns)
    # A family of which no fact moved has nothing to tell: it goes to the other elements.
    keep = strongest >= 0
    rows, columns, strongest = rows[keep], columns[keep], strongest[keep]
    # lexsort sorts by its last key first: pupil, what rose before what fell, size, order of the families.
    order = np.lexsort((columns, -np.abs(families[rows, columns]), families[rows, columns] < 0, rows))
    rows, columns, strongest = rows[order], columns[order], strongest[order]
    points = families[rows, columns] * rate[rows]
    reasons = _worded(now, before, counted_before, (rows, columns, strongest), points)
    reference = base * rate
    other = shift * rate - reference - np.bincount(rows, weights=points, minlength=len(base))
    frame = pd.DataFrame(families, columns=[family.code for family in FAMILIES])
    return ChangeTable(reasons, frame.assign(base=base), reference, other)


def _told(families: Floats) -> npt.NDArray[np.bool_]:
    """Which families are told: in each direction the strongest above the floor, ties by the order of FAMILIES."""
    fit = np.where([family.told for family in FAMILIES], families, 0.0)
    ranks = [strongest_first(np.where(side >= FLOOR, side, 0.0)) for side in (fit, -fit)]
    choice: npt.NDArray[np.bool_] = np.logical_or(*((rank >= 0) & (rank < MOST_CHANGES) for rank in ranks))
    return choice


def _strongest(
    now: Side, before: Side, families: Floats, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Column that words each change: a fact now and another one than before, pushing most that way; -1 if none."""
    if not rows.size:
        return np.zeros(0, dtype=np.intp)
    sides = now.attribution, before.attribution
    push = (sides[0].contributions[rows] - sides[1].contributions[rows]) * np.sign(families[rows, columns])[
        :, None
    ]
    # The same fact moved nothing: the time of year did, or what else is known of the pupil, through the reference.
    same = now.value[rows] == before.value[rows]
    of_family = family_of_columns(now.attribution.columns)[None, :] == columns[:, None]
    of_family &= [
        name in FEATURE_BY_NAME and FEATURE_BY_NAME[name].wording.is_reason
        for name in now.attribution.columns
    ]
    # Nor what moved the other way: fewer absences are not told as raising a risk, because the reference pupil has fewer still.
    moved = now.value[rows] - before.value[rows]  # NaN is neither way
    directions = np.array(
        [
            FEATURE_BY_NAME[name].direction if name in FEATURE_BY_NAME else 0
            for name in now.attribution.columns
        ]
    )
    is_opposite = directions * moved * np.sign(families[rows, columns])[:, None] < 0
    push = np.where(of_family & ~same & ~is_opposite & ~np.isnan(now.value[rows]), push, -np.inf)
    best = np.argmax(push, axis=1)
    return np.where(push[np.arange(best.size), best] > 0, best, -1)


def _worded(
    now: Side,
    before: Side,
    counted_before: Floats,
    places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]],
    points: Floats,
) -> pd.DataFrame:
    rows, columns, strongest = places
    codes = [now.attribution.columns[column] for column in strongest.tolist()]
    amounts: dict[str, npt.NDArray[Any]] = {
        "value": now.value[rows, strongest],
        "value_before": counted_before[rows, strongest],
        "reference": now.attribution.references[rows, strongest],
        "reference_before": before.attribution.references[rows, strongest],
    }
    facts = list(zip(codes, *(column.tolist() for column in amounts.values()), strict=True))
    was_fact = ~np.isnan(before.value[rows, strongest])
    starts = _starts(now, rows, strongest)
    general = [side.attribution.general[rows, strongest].tolist() for side in (now, before)]
    return pd.DataFrame(
        {
            "row": rows,
            "position": position_in_group(rows),
            "code": pd.Series(codes, dtype=object),
            "family": [FAMILIES[column].code for column in columns.tolist()],
            "family_label": [FAMILIES[column].label for column in columns.tolist()],
            "direction": np.where(points > 0, "up", "down").astype(object),
            **amounts,
            "unit": [FEATURE_BY_NAME[code].unit for code in codes],
            "points": points,
            "text": [
                _tell(
                    FEATURE_BY_NAME[code], rest, of_all, (now.known, before.known), was_fact=fact, since=since
                )
                for (code, *rest), fact, since, *of_all in zip(
                    facts, was_fact.tolist(), starts, *general, strict=True
                )
            ],
        }
    )


def _starts(
    now: Side, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> list[tuple[int | None, int | None]]:
    """Give the first day of each fact on which its pupil is enrolled."""
    if now.pupils is None or not rows.size:
        return [(None, None)] * rows.size
    facts, names = Facts.of(now.known), now.attribution.columns
    starts: list[tuple[int | None, int | None]] = [(None, None)] * rows.size
    for column in sorted(set(columns.tolist())):
        places = np.flatnonzero(columns == column)
        of_column = starts_of_fact(FEATURE_BY_NAME[names[column]], facts, now.pupils[rows[places]])
        for place, start in zip(places.tolist(), of_column, strict=True):
            starts[place] = start
    return starts


def _tell(
    feature: Feature,
    amounts: list[float],
    general: list[bool],
    days: tuple[KnownRecords, KnownRecords],
    *,
    was_fact: bool,
    since: tuple[int | None, int | None],
) -> str:
    """Word one change: the fact, the same amount before, and the reference pupil on both days when it moved too."""
    value, value_before, reference, reference_before = amounts
    now, before = days
    decimals = _decimals(feature, value, value_before)
    then = then_on(now, before)
    was = tell_amount(feature, value_before, decimals) if was_fact else NOTHING_COUNTED
    was = MISSING if np.isnan(value_before) else was
    fact = f"{tell_fact(feature, value, now, decimals=decimals, since=since)} ; {then} : {was}"
    references = [tell_amount(feature, amount, decimals) for amount in (reference, reference_before)]
    pupils = [reference_pupil(general=of_all) for of_all in general]
    sentence = f"{fact} ; {pupils[0]} : {references[0]}"
    if pupils[0] != pupils[1]:
        return f"{sentence} ({then}, {pupils[1]} : {references[1]})"
    return sentence if references[0] == references[1] else f"{sentence} ({then} : {references[1]})"


def _decimals(feature: Feature, value: float, value_before: float) -> int:
    """Decimals of the unit, more when the two days would read the same."""
    decimals = decimals_of(feature.unit)
    if np.isnan(value_before) or value == value_before:
        return decimals
    while (
        decimals
        and decimals < FINEST_DECIMALS
        and tell_amount(feature, value, decimals) == tell_amount(feature, value_before, decimals)
    ):
        decimals += 1
    return decimals


def then_on(now: KnownRecords, before: KnownRecords) -> str:
    """Name the day before: "au 6 janvier", with its year when of another school year; "auparavant" on the same day.

    Parameters
    ----------
    now, before : KnownRecords
        For their as-of dates.
    """
    if now.as_of == before.as_of:
        return "auparavant"
    return f"au {french.day(before.as_of, with_year=now.school_year != before.school_year)}"
