"""A share told as people count: "environ 1 sur 4"."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from decrochage_risk.french.refusal import refused

__all__ = ["about", "proportion"]

_WHOLES: Final = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80,
                  100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000)  # fmt: skip
_TOLD: Final = (
    Fraction(9, 20),
    Fraction(2, 5),
    Fraction(3, 8),
    Fraction(3, 10),
    *(Fraction(1, whole) for whole in _WHOLES),
)
_HALF: Final = 0.5


def proportion(share: float) -> tuple[int, int]:
    """Find the nearest of the fractions that people say, never more than 2.5 points or a seventh of the rarer side away.

    Parameters
    ----------
    share : float
        From 0 to 1.

    Returns
    -------
    tuple of int
        Parts and whole; ``(0, 1000)`` below 1 in 1000, ``(1000, 1000)`` above 999 in 1000.

    Raises
    ------
    ValueError
        A value that is no share.

    Examples
    --------
    >>> proportion(0.26), proportion(0.74), proportion(0.031)
    ((1, 4), (3, 4), (1, 30))
    """
    if not 0.0 <= share <= 1.0:
        raise refused(f"The share {share!r}", "a number from 0 to 1", "Divide a percentage by 100.")
    rare = min(share, 1.0 - share)
    if rare < 1 / _WHOLES[-1]:
        return (0, _WHOLES[-1]) if share < _HALF else (_WHOLES[-1], _WHOLES[-1])
    told = min(_TOLD, key=lambda fraction: abs(float(fraction) - rare))
    parts = told.numerator if share <= _HALF else told.denominator - told.numerator
    return parts, told.denominator


def about(share: float) -> str:
    """Write a share as a proportion, in words and figures.

    Examples
    --------
    >>> about(0.26), about(0.0), about(1.0)
    ('environ 1 sur 4', 'moins de 1 sur 1000', 'plus de 999 sur 1000')
    """
    parts, whole = proportion(share)
    if parts == 0:
        return f"moins de 1 sur {whole}"
    return f"plus de {whole - 1} sur {whole}" if parts == whole else f"environ {parts} sur {whole}"
