"""One sentence per reason: the fact, then the same amount for the reference pupil."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from decrochage_risk.features.wording import FINEST_DECIMALS, amount, decimals_of

if TYPE_CHECKING:
    from decrochage_risk.features import Feature
    from decrochage_risk.records.known import KnownRecords

__all__ = ["REFERENCE_PUPIL", "tell", "tell_fact"]

REFERENCE_PUPIL = "élève type du même niveau"
"""How the reference pupil is called: the median pupil of the same level at the same time of year."""


def tell(feature: Feature, value: float, reference: float, known: KnownRecords) -> str:
    """Word one fact.

    Decimals are those of the unit, more when the value and the reference would read the same.

    Parameters
    ----------
    feature : Feature
        Whose wording is used.
    value, reference : float
        Value of the pupil and of the reference pupil, both known.
    known : KnownRecords
        For the dates.

    Returns
    -------
    str
        For example "6 demi-journées non justifiées depuis le 3 février ; élève type du même niveau : 0".
    """
    decimals = _decimals(feature.unit, value, reference)
    fact = tell_fact(feature, value, known, decimals=decimals)
    return f"{fact} ; {REFERENCE_PUPIL} : {_reference(feature, reference, decimals)}"


def tell_fact(feature: Feature, value: float, known: KnownRecords, *, decimals: int | None = None) -> str:
    """Word one fact alone.

    Parameters
    ----------
    feature, value, known
        As for :func:`tell`.
    decimals : int, optional
        Decimals of the amount; those of the unit by default.
    """
    first, _ = feature.window.span(known)
    return feature.wording.tell(
        value,
        feature.unit,
        start=date(1970, 1, 1) + timedelta(days=first),
        as_of=known.as_of,
        decimals=decimals_of(feature.unit) if decimals is None else decimals,
    )


def _decimals(unit: str, value: float, reference: float) -> int:
    decimals = decimals_of(unit)
    if unit in {"half-days", "events", "months", "days", "years", "changes", "rank", "0/1"}:
        return decimals
    while decimals < FINEST_DECIMALS and amount(value, unit, decimals) == amount(reference, unit, decimals):
        decimals += 1
    return decimals


def _reference(feature: Feature, reference: float, decimals: int) -> str:
    if feature.unit == "0/1":
        return feature.wording.answers[int(reference)]
    text = amount(reference, feature.unit, decimals)
    is_change = feature.unit in {"points", "share_points"} and feature.direction != 0
    return f"+{text}" if is_change and reference > 0 and text.strip("0,") else text
