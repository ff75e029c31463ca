"""One sentence per reason: the fact, then the same amount for the reference pupil.

The days of a fact begin with school, a second fact stands in brackets behind it where it adds something.
"""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING, TypeAlias

from decrochage_risk import french
from decrochage_risk.features import CATALOGUE, FAMILIES
from decrochage_risk.features.wording import (
    FINEST_DECIMALS,
    amount,
    days_of_window,
    decimals_of,
    first_days_enrolled,
    first_school_day,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.features import Feature
    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.records.time_cut import KnownRecords

__all__ = [
    "NO_REASON",
    "OTHERS",
    "REFERENCE_PUPIL",
    "fact_of",
    "reference_of",
    "reference_pupil",
    "tell",
    "tell_amount",
    "tell_fact",
    "tell_missing",
]

REFERENCE_PUPIL = "élève type"
"""How the reference pupil is called: the median, feature by feature, of training pupils of whom as much is known."""

_MEDIAN_OF_LEVEL = "médian du même niveau"
_MEDIAN_OF_ALL = "médian de tous les niveaux"
"""Whose median it is: that of the pupils of the level, at the same time of year; of all levels where that one has too few."""

NO_REASON = "Aucun motif dominant"
"""What is said when no family stands out."""

OTHERS = "autres éléments"
"""What is not told, and closes the sum of the points."""


def reference_pupil(*, general: bool) -> str:
    """Say whose median a reference value is.

    Parameters
    ----------
    general : bool
        Whether it is that of all levels together, as too few pupils of the level were known in the same way.

    Examples
    --------
    >>> reference_pupil(general=False)
    'élève type, médian du même niveau'
    """
    return f"{REFERENCE_PUPIL}, {_MEDIAN_OF_ALL if general else _MEDIAN_OF_LEVEL}"


def fact_of(text: str) -> str:
    """Take the fact alone out of the text of a reason.

    Examples
    --------
    >>> fact_of("2 absences depuis le 3 février ; élève type, médian du même niveau : 0")
    '2 absences depuis le 3 février'
    """
    return text.partition(_BEFORE_REFERENCE)[0]


def reference_of(text: str) -> str:
    """Take what the reference pupil had out of the text of a reason; empty where it does not say.

    Examples
    --------
    >>> reference_of("2 absences depuis le 3 février ; élève type, médian du même niveau : 0")
    'élève type, médian du même niveau : 0'
    """
    _, mark, beside = text.partition(_BEFORE_REFERENCE)
    return f"{REFERENCE_PUPIL}, {beside}" if mark else ""


Starts: TypeAlias = "tuple[int | None, int | None]"

_BEFORE_REFERENCE = f" ; {REFERENCE_PUPIL}, "


def tell(  # noqa: PLR0913 - the amounts and the days of one sentence
    feature: Feature,
    value: float,
    reference: float,
    known: KnownRecords,
    *,
    companion: float = nan,
    whole: float = nan,
    subject: str = "",
    general: bool = False,
    since: Starts = (None, None),
) -> str:
    """Word one fact, held against the reference pupil.

    Decimals are those of the unit, more when the value and the reference would read the same.

    Parameters
    ----------
    feature : Feature
        Whose wording is used.
    value, reference : float
        Value of the pupil and of the reference pupil, both known.
    known : KnownRecords
        For the dates.
    companion : float
        Value of the second fact that the wording may name, NaN when it is not known.
    whole : float
        Base of a share or of a count of months, NaN when it is not known.
    subject : str
        School subjects that the value is of.
    general : bool
        Whether the reference is that of all levels together.
    since : tuple of two int or None
        First day on which the pupil is enrolled, as a day number, in the days of the fact and in those of the second one.

    Returns
    -------
    str
        For example "6 demi-journées non justifiées depuis le 3 février (1 du 6 janvier au 2 février) ; élève type,
        médian du même niveau : 0".
    """
    decimals = _decimals(feature.unit, value, reference)
    fact = tell_fact(
        feature,
        value,
        known,
        companion=companion,
        decimals=decimals,
        whole=whole,
        subject=subject,
        since=since,
    )
    return f"{fact} ; {reference_pupil(general=general)} : {tell_amount(feature, reference, decimals)}"


def tell_fact(
    feature: Feature,
    value: float,
    known: KnownRecords,
    *,
    companion: float = nan,
    decimals: int | None = None,
    whole: float = nan,
    subject: str = "",
    since: Starts = (None, None),
) -> str:
    """Word one fact alone; its days begin with school, and with the pupil's enrolment.

    Parameters
    ----------
    feature, value, known, companion, whole, subject, since
        As for :func:`tell`.
    decimals : int, optional
        Decimals of the amount; those of the unit by default.
    """
    first, last = days_of_window(feature.window, known, since[0])
    start, is_return = first_school_day(first, last, known)
    recent = feature.wording.recent
    fact = feature.wording.tell(
        value,
        feature.unit,
        start=start,
        end=last,
        as_of=known.as_of,
        decimals=decimals_of(feature.unit) if decimals is None else decimals,
        recent=None
        if recent is None
        else first_school_day(*days_of_window(recent, known, since[0]), known)[0],
        whole=whole,
        subject=subject,
        after_holidays=is_return,
    )
    second = feature.wording.companion
    # Asked again here, as a caller may word a reason that was stored with its second fact.
    if second is None or isnan(companion) or not second.is_told(value, feature.window, known):
        return fact
    return fact + second.tell(companion, value, feature.unit, known, since[1])


def tell_amount(feature: Feature, value: float, decimals: int | None = None) -> str:
    """Write the amount of a feature alone, as for the reference pupil: "0", "11,6/20", "+1,2", "premier vœu obtenu"."""
    if feature.unit == "0/1":
        return feature.wording.answers[int(value)]
    text = amount(value, feature.unit, decimals_of(feature.unit) if decimals is None else decimals)
    is_change = feature.wording.negative is not None and feature.unit != "years"
    return f"+{text}" if is_change and value > 0 and text.strip("0,") else text


def tell_missing(names: Collection[str]) -> str:
    """Say which indicators are not known, by family: apart from the reasons, and never one of them.

    Parameters
    ----------
    names : collection of str
        Features that are not known for a pupil.

    Returns
    -------
    str
        Empty when everything is known.

    Examples
    --------
    >>> tell_missing(["lateness_12w"]).startswith("donnée manquante : retards et exclusions (1 indicateur sur ")
    True
    """
    parts = []
    for family in FAMILIES:
        own = [feature for feature in CATALOGUE if feature.family is family]
        missing = sum(feature.name in names for feature in own)
        if missing and family.told:
            label = family.label[0].lower() + family.label[1:]
            parts.append(f"{label} ({french.plural(missing, 'indicateur')} sur {len(own)})")
    return f"donnée manquante : {french.join(parts)}" if parts else ""


def starts_of_fact(feature: Feature, facts: Facts, pupils: npt.NDArray[np.integer]) -> list[Starts]:
    """Give the first days on which some pupils are enrolled, in the days of a fact and in those of its second fact.

    Parameters
    ----------
    feature : Feature
    facts : Facts
        The engine over known records.
    pupils : array of int
        Positions in these records.
    """
    windows = [
        feature.window,
        *([] if feature.wording.companion is None else [feature.wording.companion.window]),
    ]
    days = [first_days_enrolled(window, facts)[pupils].tolist() for window in windows]
    return list(zip(days[0], days[-1], strict=True))


def _decimals(unit: str, value: float, reference: float) -> int:
    decimals = decimals_of(unit)
    # Two amounts that read the same would make the sentence say nothing.
    while (
        decimals
        and decimals < FINEST_DECIMALS
        and amount(value, unit, decimals) == amount(reference, unit, decimals)
    ):
        decimals += 1
    return decimals
