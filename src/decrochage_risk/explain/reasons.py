"""Reasons: contributions summed per family and told as dated facts in French, never causes, never labels.

This year's facts come first; the path and earlier years are told where they leave a place, and only what a school report
holds (marks, unjustified half-days, repeated years). A fact that hardly differs from the reference pupil's is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from decrochage_risk.explain.attribution import attribute, known_of_columns
from decrochage_risk.explain.sentences import starts_of_fact, tell
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.features.definition import ABSENCE_LEVEL, ABSENCE_PATTERN, PATH, SINCE_4E
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.records.kernels import compiled
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.uncertainty import member_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from decrochage_risk.explain.attribution import Attribution
    from decrochage_risk.features import Feature
    from decrochage_risk.features.wording import Companion
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.risk import RiskModel

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
    "facts_only",
    "families_with_a_fact",
    "family_of_columns",
    "family_sums",
    "find_reasons",
    "position_in_group",
    "rests_on_gaps",
    "secant",
    "strongest_first",
    "sum_by_family",
    "tell_past",
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
    choice = np.zeros(families.shape, np.bool_)
    for row in range(families.shape[0]):
        push = _tell_strongest(families[row], choice[row], 1.0, floor, most)
        whole = 0.0
        for value in families[row]:
            whole += max(value, 0.0)
        if push < share * whole:
            _tell_strongest(families[row], choice[row], 1.0, floor, 1)
        _tell_strongest(families[row], choice[row], -1.0, floor, most_protective)
    return choice


@compiled
def families_with_a_fact(families: Floats, push: Floats, family: Ints) -> Floats:
    """Keep the sum of each family that a fact of its own direction may tell, 0 for the others; ``push`` is that of each fact."""
    may_tell = np.zeros(families.shape)
    for row in range(families.shape[0]):
        for column in range(family.size):
            own = family[column]
            if own >= 0 and push[row, column] * np.sign(families[row, own]) > 0.0:
                may_tell[row, own] = families[row, own]
    return may_tell


@compiled
def tell_past(choice: Flags, families: Floats, past: Floats, floor: float, most: int, side: float) -> None:
    """Mark the strongest ``past`` families of one side in the places of ``most`` that the told ones leave."""
    for row in range(families.shape[0]):
        free = most
        for family in range(families.shape[1]):
            free -= int(choice[row, family] and side * families[row, family] > 0.0)
        _tell_strongest(past[row], choice[row], side, floor, free)


@compiled
def _tell_strongest(values: Floats, choice: Flags, side: float, floor: float, most: int) -> float:
    """Mark up to ``most`` further families of one side as told; give their sum."""
    push = 0.0
    for _ in range(most):
        best = -1
        for family in range(values.size):
            strength = side * values[family]
            # Strictly stronger: of equal families the first one stays.
            if strength >= floor and not choice[family] and (best < 0 or strength > side * values[best]):
                best = family
        if best < 0:
            break
        choice[best] = True
        push += side * values[best]
    return push


FLOOR = 0.10
"""Log-odds under which a family is not told: about 2.5 points of probability at most."""

SUPPORT_FLOOR = 0.0005
"""Log-odds from which a fact on the side of less risk is a point of support, though its family's sum is not protective.

Small on purpose: the reference pupil has about the best values there are (no absence, no missed work), so that what
lowers a high risk is mostly a movement (marks that rise, absences that fall), to which a model gives little weight. A
point of support is told for what it says, a true fact better than the reference's, with the points that it has."""

LEAST_DIFFERENCE: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("half-days", "events", "days", "subjects"), 2.0),
        **dict.fromkeys(("months", "years", "rank", "0/1", "weeks"), 1.0),
        **dict.fromkeys(("/20", "points"), 0.5),
        "share": 0.10,
        "share_points": 0.05,
        "per_week": 0.5,
    }
)
"""Difference from the reference under which a fact is not told, by unit: 2 absences against 1 say nothing of a pupil."""

_ROUNDING = 1e-9
_OF_ABSENCE = (ABSENCE_LEVEL, ABSENCE_PATTERN)
_MONTHS_OVER = "months_over_threshold_year"
_IS_PAST = np.array([family in {PATH, SINCE_4E} for family in FAMILIES])
"""Families of the years before and of the path: told after those of this year, and only in the places that are left."""

# DESIGN.md, section 7: at most three (a fourth if needed) and two; more is not read.
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
        Value of the feature, and that of the reference pupil: same level, same time of year, or all levels where the text
        says so.
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
    whole : float or None
        Base of the value where the text tells it as a count ("5 notes sur 8": 8).
    subject : str or None
        School subjects that the text names.
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
    whole: float | None = None
    subject: str | None = None

    @field_validator("companion", "companion_unit", "companion_period", "whole", "subject", mode="before")
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
    known_values = known_of_columns(attribution, known_values)
    if pupils is not None:
        known_values = facts_only(attribution.columns, known_values, pupils, known)
    push = _telling(attribution, known_values)
    choice = _chosen(attribution, families, push)
    is_good = _is_good(attribution, known_values) & ~_is_held_against(attribution, known_values, choice)
    choice = _with_supports(choice, attribution, np.where(is_good, push, 0.0))
    risk_points = secant(attribution.base, attribution.contributions.sum(axis=1))
    points = choice.log_odds * risk_points[choice.rows]
    # The other elements close the sum, so that what a reader adds up is the risk that is printed.
    total = 100.0 * (probability(attribution.log_odds) - probability(attribution.base))
    other = total - np.bincount(choice.rows, weights=points, minlength=len(total))
    details = _details(attribution.columns, choice, known_values, pupils, known)
    table = _worded(attribution, known, choice, points, details)
    return ReasonTable(table, families, attribution.base, other)


def rests_on_gaps(
    risk_model: RiskModel,
    known_values: Floats,
    filled: Floats,
    groups: npt.NDArray[np.object_],
    raw: Floats,
    *,
    known: KnownRecords | None = None,
    pupils: Positions | None = None,
) -> Flags:
    """Say of which pupils no known fact raises the risk, but what is not known of them does.

    Parameters
    ----------
    risk_model : RiskModel
    known_values : array of float64, shape (n, columns)
        NaN = not known.
    filled : array of float64, shape (n, columns)
        What the boosters saw.
    groups : array of str, shape (n,)
        Reference groups.
    raw : array of float64, shape (n,)
        Log-odds before calibration.
    known, pupils
        As for :func:`find_reasons`; without them a count of 0 over days without attendance stays a fact, which raises no risk.

    Returns
    -------
    array of bool, shape (n,)
    """
    result = np.zeros(len(filled), dtype=np.bool_)
    flags = slice(len(risk_model.references.value_columns), None)
    some = np.flatnonzero((filled[:, flags] > 0).any(axis=1))
    if not some.size:
        return result
    references = risk_model.reference_rows(filled[some], groups[some])
    attribution = attribute(risk_model, filled[some], references, raw[some])
    values = known_of_columns(attribution, known_values[some])
    if known is not None and pupils is not None:
        values = facts_only(attribution.columns, values, pupils[some], known)
    choice = _chosen(attribution, family_sums(attribution), _telling(attribution, values))
    has_fact = np.isin(np.arange(some.size), choice.rows[choice.log_odds > 0])
    # The flags raise the risk where the reference pupil of whom everything is known stands lower.
    everything_known = references.copy()
    everything_known[:, flags] = 0.0
    lower = risk_model.reference_rows(everything_known, groups[some])
    is_raised = attribution.raw_base > member_mean(risk_model.member_log_odds(lower))
    # Contributions that do not add up say nothing: such a pupil stays on the list, without reasons.
    result[some] = ~has_fact & is_raised & attribution.additive
    return result


@dataclass(frozen=True)
class _Choice:
    """The reasons of all pupils, in the order told: position of the pupil, family, wording column, log-odds."""

    rows: Positions
    families: Positions
    columns: Positions
    log_odds: Floats

    def in_order(self) -> _Choice:
        """Sort by pupil, aggravating first, this year's families before those of the path, the strongest first."""
        is_past = _IS_PAST[self.families]
        # The last key is the foremost; the family comes last of all, so that no tie is left to chance.
        order = np.lexsort((self.families, -np.abs(self.log_odds), is_past, self.log_odds < 0, self.rows))
        return _Choice(self.rows[order], self.families[order], self.columns[order], self.log_odds[order])


@dataclass(frozen=True)
class _Traits:
    """What the choice of reasons asks of the columns of a model; columns of the context have no feature, and are never told."""

    may_tell: Flags
    least: Floats
    is_change: Flags
    is_absence: Flags
    direction: Floats
    of_nothing: tuple[tuple[int, Feature], ...]
    """Place and feature of the columns of which a 0 may say nothing."""


# Asked for each pupil, and the same for all of a model.
@cache
def _traits_of(columns: tuple[str, ...]) -> _Traits:
    features = [FEATURE_BY_NAME.get(name) for name in columns]
    return _Traits(
        may_tell=np.array([f is not None and f.family.told and f.wording.is_reason for f in features]),
        least=np.array([0.0 if f is None else LEAST_DIFFERENCE.get(f.unit, 0.0) for f in features]),
        is_change=np.array([f is not None and f.wording.negative is not None for f in features]),
        is_absence=np.array([f is not None and f.family in _OF_ABSENCE for f in features]),
        direction=np.array([0.0 if f is None else f.direction for f in features]),
        of_nothing=tuple(
            (place, f)
            for place, f in enumerate(features)
            if f is not None and (f.needs_attendance or f.has_base)
        ),
    )


def _telling(attribution: Attribution, known_values: Floats) -> Floats:
    """Give the contributions of the facts that may be told, 0 elsewhere.

    Such a fact is known, of a family and a wording that may be a reason, and apart from the reference by more than a trifle.
    """
    columns = _traits_of(attribution.columns)
    # A difference of exactly the least one is told: 0.6 - 0.5 is under 0.1 in floating point.
    apart = np.abs(known_values - attribution.references) >= columns.least - _ROUNDING
    push = np.where(columns.may_tell & apart, attribution.contributions, 0.0)
    # "Ce qui va bien : au moins une absence dans 2 semaines (18 demi-journées non justifiées)" wounds who is called in for them.
    return np.where((push < 0) & _is_absence(attribution, known_values), 0.0, push)


def _is_absence(attribution: Attribution, known_values: Floats) -> Flags:
    """Say which values are absences of a pupil who reached the threshold of the law this year: no credit, however few others have."""
    columns = _traits_of(attribution.columns)
    if _MONTHS_OVER not in attribution.columns:
        return np.zeros(known_values.shape, dtype=np.bool_)
    over = known_values[:, attribution.columns.index(_MONTHS_OVER)] >= 1  # NaN is never at least
    result: Flags = over[:, None] & columns.is_absence & ~columns.is_change & (known_values != 0)
    return result


def _is_held_against(attribution: Attribution, known_values: Floats, choice: _Choice) -> Flags:
    """Say which values are amounts, not movements nor none at all, of a family that is told as raising the risk."""
    columns = _traits_of(attribution.columns)
    raising = np.zeros((len(known_values), len(FAMILIES) + 1), dtype=np.bool_)
    against = choice.log_odds > 0
    raising[choice.rows[against], choice.families[against]] = True
    # The last family is that of the columns without one.
    held: Flags = (
        raising[:, family_of_columns(attribution.columns)] & ~columns.is_change & (known_values != 0)
    )
    return held


def _chosen(attribution: Attribution, families: Floats, push: Floats) -> _Choice:
    """Choose the families of each pupil, each with the fact that pushes most in its direction.

    Those of the path take the places that this year's leave free.
    """
    family = family_of_columns(attribution.columns)
    # A family is told by a fact of its own direction, or not at all.
    may_tell = families_with_a_fact(families, push, family)
    limits = (FLOOR, MOST_AGGRAVATING, MOST_PROTECTIVE, _HALF)
    is_told = told_families(np.where(_IS_PAST, 0.0, may_tell), *limits)
    past = np.where(_IS_PAST, may_tell, 0.0)
    for side, most in ((1.0, MOST_AGGRAVATING), (-1.0, MOST_PROTECTIVE)):
        # Earlier years get the places that this year's facts leave: they cannot be acted on any more.
        tell_past(is_told, families, past, FLOOR, most, side)
    rows, codes = np.nonzero(is_told)
    sign = np.sign(families[rows, codes])
    own = np.where(family[None, :] == codes[:, None], push[rows] * sign[:, None], 0.0)
    # argmax refuses an empty axis.
    columns = np.argmax(own, axis=1) if own.size else np.zeros(0, dtype=np.intp)
    return _Choice(rows, codes, columns, families[rows, codes]).in_order()


def _is_good(attribution: Attribution, known_values: Floats) -> Flags:
    """Say which values are good in themselves: better than the reference's, and of a change, going the right way."""
    columns = _traits_of(attribution.columns)
    better = columns.direction * (known_values - attribution.references) < 0
    good: Flags = better & (~columns.is_change | (columns.direction * known_values < 0))
    return good


def _with_supports(choice: _Choice, attribution: Attribution, push: Floats) -> _Choice:
    """Add a point of support for each pupil without a protective family who has a true one of this year.

    ``push`` is 0 but for the facts that are good in themselves.

    Its log-odds leave those of its family where that is told, so that nothing counts twice.
    """
    family = family_of_columns(attribution.columns)
    has_one = np.zeros(len(push), dtype=np.bool_)
    has_one[choice.rows[choice.log_odds < 0]] = True
    of_year = (family >= 0) & ~_IS_PAST[family]
    best = (
        np.argmin(np.where(of_year, push, 0.0), axis=1) if push.size else np.zeros(len(push), dtype=np.intp)
    )
    strength = push[np.arange(len(push)), best] if push.size else np.zeros(len(push))
    rows = np.flatnonzero(~has_one & of_year[best] & (strength <= -SUPPORT_FLOOR))
    log_odds = choice.log_odds.copy()
    of_pupil = np.full(len(push), -1)
    of_pupil[rows] = family[best[rows]]
    of_same_family = choice.families == of_pupil[choice.rows]
    # Its family may be told as aggravating: what the support takes must not count twice in the sum.
    log_odds[of_same_family] -= strength[choice.rows[of_same_family]]
    return _Choice(
        np.concatenate([choice.rows, rows]),
        np.concatenate([choice.families, family[best[rows]]]),
        np.concatenate([choice.columns, best[rows]]),
        np.concatenate([log_odds, strength[rows]]),
    ).in_order()


@cache
def family_of_columns(columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Position in FAMILIES of each column's family, -1 for context columns."""
    codes = [family.code for family in FAMILIES]
    families = np.array(
        [
            codes.index(FEATURE_BY_NAME[name].family.code) if name in FEATURE_BY_NAME else -1
            for name in columns
        ],
        dtype=np.intp,
    )
    # The cache hands out one array to all callers.
    families.setflags(write=False)
    return families


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


def facts_only(columns: tuple[str, ...], values: Floats, pupils: Positions, known: KnownRecords) -> Floats:
    """Values with NaN for each 0 that is to nobody's credit: no day to attend, next to nothing counted, rows set aside."""
    features: Iterable[tuple[int, Feature]] = _traits_of(columns).of_nothing
    if known.set_aside:
        every = ((place, FEATURE_BY_NAME.get(name)) for place, name in enumerate(columns))
        features = [
            (place, f)
            for place, f in every
            if f is not None and (f.needs_attendance or f.has_base or f.table in known.set_aside)
        ]
    # The attendable days are asked for only where a 0 could be told.
    has_zero = (values == 0).any(axis=0).tolist()
    facts, facts_only = Facts.of(known), values.copy()
    for place, feature in features:
        if not has_zero[place] or not facts.has(feature.table):
            continue
        is_silent = feature.is_silent(facts)
        if feature.table in known.set_aside:
            # A row that could not be kept may be the very absence that a count of 0 denies.
            is_silent = is_silent | (known.set_aside[feature.table] > 0)
        facts_only[is_silent[pupils] & (values[:, place] == 0), place] = np.nan
    return facts_only


@dataclass(frozen=True)
class _Details:
    """What the sentences of some reasons hold besides the value: second fact, base of a share, school subjects."""

    amounts: Floats
    seconds: Floats
    wholes: Floats
    subjects: npt.NDArray[np.object_]
    starts: list[tuple[int | None, int | None]]


def _worded(
    attribution: Attribution, known: KnownRecords, choice: _Choice, points: Floats, details: _Details
) -> dict[str, npt.NDArray[Any]]:
    references = attribution.references[choice.rows, choice.columns]
    general = attribution.general[choice.rows, choice.columns]
    code = [attribution.columns[column] for column in choice.columns.tolist()]
    return {
        "row": choice.rows,
        "position": position_in_group(choice.rows),
        "code": _texts(code),
        "family": _FAMILY_CODES[choice.families],
        "family_label": _FAMILY_LABELS[choice.families],
        "direction": np.where(choice.log_odds > 0, "aggravating", "protective").astype(object),
        "value": details.amounts,
        "reference": references,
        "points": points,
        "unit": _texts(FEATURE_BY_NAME[name].unit for name in code),
        "period": _periods(code, known),
        "text": _texts(_words(code, references.tolist(), general.tolist(), details, known)),
        "companion": details.seconds,
        "companion_unit": _of_companions(
            code, details.seconds, lambda feature, companion: companion.unit or feature.unit
        ),
        "companion_period": _of_companions(
            code, details.seconds, lambda _feature, companion: companion.window.period(known)
        ),
        "whole": details.wholes,
        "subject": np.where(details.subjects == "", np.array(None, dtype=object), details.subjects),
    }


def _details(
    names: tuple[str, ...],
    choice: _Choice,
    known_values: Floats,
    pupils: Positions | None,
    known: KnownRecords,
) -> _Details:
    """Read the second fact, the base and the subjects of each reason, where its wording has some and they add something."""
    size = choice.rows.size
    values = known_values[choice.rows, choice.columns]
    seconds, wholes = np.full(size, np.nan), np.full(size, np.nan)
    subjects = np.full(size, "", dtype=object)
    starts: list[tuple[int | None, int | None]] = [(None, None)] * size
    if pupils is None:
        return _Details(values, seconds, wholes, subjects, starts)
    facts = Facts.of(known) if size else None
    # By column, not by reason: a fact is computed for all pupils at once anyway.
    for column in sorted(set(choice.columns.tolist())):
        feature, places = FEATURE_BY_NAME[names[column]], np.flatnonzero(choice.columns == column)
        words, rows = feature.wording, pupils[choice.rows[places]]
        if facts is None or not facts.has(feature.table):
            continue
        for place, start in zip(places.tolist(), starts_of_fact(feature, facts, rows), strict=True):
            starts[place] = start
        if words.companion is not None:
            adds = words.companion.is_told(values[places], feature.window, known)
            seconds[places] = np.where(adds, words.companion.values(facts)[rows], np.nan)
        if words.whole is not None:
            is_told = values[places] != 0
            wholes[places] = np.where(is_told, words.whole(facts)[rows], np.nan)
        if words.subjects is not None:
            subjects[places] = np.where(values[places] == 0, "", words.subjects(facts)[rows])
    return _Details(values, seconds, wholes, subjects, starts)


def _words(
    codes: list[str], references: list[float], general: list[bool], details: _Details, known: KnownRecords
) -> list[str]:
    """Text of each reason; a fact that several pupils share is worded once."""
    texts: dict[tuple[object, ...], str] = {}
    words = []
    lists = (
        general,
        details.amounts.tolist(),
        details.seconds.tolist(),
        details.wholes.tolist(),
        details.subjects.tolist(),
        details.starts,
    )
    for code, reference, of_all, value, second, whole, subject, since in zip(
        codes, references, *lists, strict=True
    ):
        # hex: as a key NaN would equal nothing, and a short decimal would join near values.
        fact = (code, value.hex(), reference.hex(), of_all, second.hex(), whole.hex(), subject, since)
        if fact not in texts:
            texts[fact] = tell(
                FEATURE_BY_NAME[code],
                value,
                reference,
                known,
                companion=second,
                whole=whole,
                subject=subject,
                general=of_all,
                since=since,
            )
        words.append(texts[fact])
    return words


def _periods(codes: list[str], known: KnownRecords) -> npt.NDArray[np.object_]:
    periods = {code: FEATURE_BY_NAME[code].window.period(known) for code in dict.fromkeys(codes)}
    return _texts(periods[code] for code in codes)


def _of_companions(
    codes: list[str], seconds: Floats, tell_of: Callable[[Feature, Companion], str]
) -> npt.NDArray[np.object_]:
    """Give what is to be told of each second fact, None where there is none."""
    features = [FEATURE_BY_NAME[code] for code in dict.fromkeys(codes)]
    words = {
        feature.name: tell_of(feature, companion)
        for feature in features
        if (companion := feature.wording.companion) is not None
    }
    has_second = ~np.isnan(seconds)
    return np.where(has_second, _texts(words.get(code) for code in codes), np.array(None, dtype=object))


def _texts(values: Iterable[str | None]) -> npt.NDArray[np.object_]:
    return np.array(list(values), dtype=object)


_FAMILY_CODES = _texts(family.code for family in FAMILIES)
_FAMILY_LABELS = _texts(family.label for family in FAMILIES)


def position_in_group(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give each reason its number among those of its pupil, from 1; ``rows`` is sorted."""
    return np.arange(1, rows.size + 1, dtype=np.intp) - np.searchsorted(rows, rows)
