"""Numbers, percentages, plurals and values with their unit, in French.

Numbers are rounded half away from zero on their decimal writing, as a school rounds marks: 0.125 gives 0,13.
A value that is not finite is a :class:`ValueError`: no sentence says "nan".

A share told as people count: "environ 1 sur 4".
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from decrochage_risk.french.words import refused

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = [
    "MINUS",
    "NARROW_NO_BREAK_SPACE",
    "NO_BREAK_SPACE",
    "UNITS",
    "Unit",
    "about",
    "interval_percent",
    "number",
    "ordinal",
    "percent",
    "plural",
    "proportion",
    "quantity",
    "rounded",
    "signed",
]

NO_BREAK_SPACE: Final = "\u00a0"
NARROW_NO_BREAK_SPACE: Final = "\u202f"
MINUS: Final = "\u2212"
MOST_DECIMALS: Final = 2
MOST_PERCENT_DECIMALS: Final = 1
PLURAL_FROM: Final = 2

# Large enough for any float written in full (1.8e308), which the default context of 28 digits is not.
_EXACT: Final = Context(prec=700, rounding=ROUND_HALF_UP)


class Unit(NamedTuple):
    """A unit in French; a symbol is the same in the singular and the plural."""

    singular: str
    plural: str


UNITS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "half-days": Unit("demi-journée", "demi-journées"),
        "events": Unit("événement", "événements"),
        "months": Unit("mois", "mois"),
        "weeks": Unit("semaine", "semaines"),
        "days": Unit("jour", "jours"),
        "years": Unit("an", "ans"),
        "changes": Unit("changement", "changements"),
        "subjects": Unit("matière", "matières"),
        "wishes": Unit("vœu", "vœux"),
        "per_week": Unit("par semaine", "par semaine"),
        "points": Unit("point", "points"),
        "share": Unit("%", "%"),
        "/20": Unit("/20", "/20"),
        "rank": Unit("rang", "rangs"),
        "0/1": Unit("oui ou non", "oui ou non"),
    },
)
"""The unit codes of the features, with their French words."""


def number(x: float, decimals: int | None = None) -> str:
    """Write a number with a decimal comma.

    Parameters
    ----------
    x : float
        Any finite number.
    decimals : int, optional
        Exactly so many decimals; by default at most two, without trailing zeros.

    Examples
    --------
    >>> number(8.5), number(8.5, 2), number(-0.001)
    ('8,5', '8,50', '0')
    """
    if type(x) in {int, float}:
        return _number(x, decimals)
    return _write(_rounded(x, MOST_DECIMALS if decimals is None else decimals), strip=decimals is None)


@lru_cache(maxsize=8_192)
def _number(x: float, decimals: int | None) -> str:
    """Write a number once: pages repeat small ones by the thousand."""
    return _write(_rounded(x, MOST_DECIMALS if decimals is None else decimals), strip=decimals is None)


def rounded(x: float, decimals: int) -> float:
    """Round as :func:`number` writes, half away from zero on the decimal writing.

    Examples
    --------
    >>> rounded(1.95, 1), round(1.95, 1)
    (2.0, 1.9)
    """
    return float(_rounded(x, decimals))


def signed(x: float, decimals: int | None = None) -> str:
    """Write a number with its sign; zero has none.

    Examples
    --------
    >>> signed(1.5), signed(0)
    ('+1,5', '0')
    """
    # A value that rounds to zero has no sign: "+0" would tell of a rise that cannot be seen.
    text = number(x, decimals)
    return f"+{text}" if x > 0 and text.strip("0,") else text


def percent(share: float, decimals: int | None = 0) -> str:
    """Write a share (0.27) as a percentage.

    Parameters
    ----------
    share : float
        1 is 100 %.
    decimals : int or None
        Exactly so many decimals; ``None`` for at most one, without a trailing zero.

    Examples
    --------
    >>> percent(0.27).replace(NO_BREAK_SPACE, " "), percent(0.124, None).replace(NO_BREAK_SPACE, " ")
    ('27 %', '12,4 %')
    """
    text_number = _rounded(share, MOST_PERCENT_DECIMALS if decimals is None else decimals, scale=100)
    return f"{_write(text_number, strip=decimals is None)}{NO_BREAK_SPACE}%"


def interval_percent(low: float, high: float, decimals: int = 0) -> str:
    """Write an interval of shares in percents, whole ones by default; one number when both bounds round to it.

    Examples
    --------
    >>> interval_percent(0.21, 0.35).replace(NO_BREAK_SPACE, " ")
    '21-35 %'
    >>> interval_percent(0.0005, 0.0017, 1).replace(NO_BREAK_SPACE, " ")
    '0,1-0,2 %'
    """
    if low > high:
        raise refused(f"The interval [{low}, {high}]", "a low bound below the high one", "Swap the bounds.")
    # A plain hyphen between them: the bounds are never negative, so it is no minus.
    bounds = [_write(_rounded(bound, decimals, scale=100), strip=False) for bound in (low, high)]
    return f"{'-'.join(dict.fromkeys(bounds))}{NO_BREAK_SPACE}%"


def plural(n: float, singular: str, plural: str | None = None) -> str:
    """Write a count and its noun; under 2 in absolute value, French takes the singular.

    Parameters
    ----------
    n : float
        The count; its written form decides (1.999 is written 2, hence plural).
    singular : str
        Noun in the singular.
    plural : str, optional
        Noun in the plural; by rule (-s, -x, -aux) for one word, required for several.

    Examples
    --------
    >>> plural(6, "demi-journée"), plural(0, "jour"), plural(2, "élève comparable", "élèves comparables")
    ('6 demi-journées', '0 jour', '2 élèves comparables')
    """
    many = abs(_rounded(n, MOST_DECIMALS)) >= PLURAL_FROM
    return f"{number(n)} {_plural_of(singular, plural) if many else singular}"


def ordinal(n: int, *, feminine: bool = False) -> str:
    """Write a rank: 1er, 1re, 2e.

    Examples
    --------
    >>> ordinal(1), ordinal(1, feminine=True), ordinal(3)
    ('1er', '1re', '3e')
    """
    if n < 1 or n != int(n):
        raise refused(
            f"The rank {n!r}", "a whole number from 1", "Use number() for a value that is not a rank."
        )
    first = "re" if feminine else "er"
    return f"{int(n)}{first if n == 1 else 'e'}"


def quantity(value: float, unit: str) -> str:
    """Write a value with its unit.

    Parameters
    ----------
    value : float
        In the unit; a share is 0.27 for 27 %. Points carry their sign. Of a 0/1 value, what is neither is written
        as the share of "oui".
    unit : str
        A code of :data:`UNITS`.

    Raises
    ------
    ValueError
        The unit is unknown, or the value is not finite.

    Examples
    --------
    >>> quantity(6, "half-days"), quantity(8.5, "/20"), quantity(1, "months"), quantity(1.5, "points")
    ('6 demi-journées', '8,5/20', '1 mois', '+1,5 point')
    """
    if unit not in UNITS:
        raise refused(f"The unit {unit!r}", f"one of {', '.join(UNITS)}", "Add the unit to french.UNITS.")
    if unit == "share" or (unit == "0/1" and value not in (0, 1)):
        return percent(value, None)
    if unit == "0/1":
        return "oui" if value else "non"
    if unit == "/20":
        return f"{number(value)}/20"
    if unit == "rank":
        return f"rang {number(value)}"
    text = plural(value, *UNITS[unit])
    return f"+{text}" if unit == "points" and signed(value).startswith("+") else text


_AGREED = 10
"""Decimals to which a value is the same for anyone who computes it."""
_SMALL = 1e5


def _rounded(x: float, decimals: int, *, scale: int = 1) -> Decimal:
    try:
        # The decimal writing, not the binary value: 2.675 is below the half in binary, and a school rounds it
        # up.
        exact = Decimal(str(x))
        if exact.is_finite():
            # Values agree to 1e-9: what lies nearer to a half than that is the half, whoever added the
            # numbers up.
            exact = Decimal(str(round(x, _AGREED))) if abs(x) < _SMALL else exact
            return _EXACT.quantize(_EXACT.multiply(exact, Decimal(scale)), Decimal((0, (1,), -decimals)))
    except InvalidOperation:
        pass
    raise refused(
        f"The value {x!r}", "a finite number", "Say that the value is missing instead of writing it."
    )


def _write(value: Decimal, *, strip: bool) -> str:
    # English marks first, then exchanged: locale.format would need French installed, and change for all
    # threads.
    text = f"{abs(value):,f}"
    if strip and "." in text:
        text = text.rstrip("0").rstrip(".")
    text = text.replace(",", NARROW_NO_BREAK_SPACE).replace(".", ",")
    return f"{MINUS}{text}" if value < 0 else text


def _plural_of(singular: str, plural: str | None) -> str:
    if plural is not None:
        return plural
    # The plural of a phrase marks several words or the first alone: no rule knows.
    if " " in singular:
        raise refused(f"The phrase {singular!r}", "its plural too", f"Call plural(n, {singular!r}, '...').")
    if singular.endswith(("s", "x", "z")):
        return singular
    if singular.endswith("al"):
        return f"{singular[:-2]}aux"
    return f"{singular}{'x' if singular.endswith(('au', 'eu', 'œu')) else 's'}"


# Numbers that people say, about equally far apart in proportion; 1 in 7 and 1 in 9 are the finest.
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
    # Of two equally near the first of the list is taken, which is the more common one.
    fraction_words = min(_TOLD, key=lambda fraction: abs(float(fraction) - rare))
    parts = (
        fraction_words.numerator if share <= _HALF else fraction_words.denominator - fraction_words.numerator
    )
    return parts, fraction_words.denominator


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
