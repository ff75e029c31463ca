"""What one cell of marks says: a mark or the word for a missing one, the scale that it is on, the weight that it has.

A cell is a number, a number "on" something (12,5/20), or a word; a word is what it says (absent, not handed in, exempt), never 0,
and an empty cell is nothing. PRONOTE's codes |6 and |7 are zeros that it counts in its mean: here they are an absence and a
piece of work not handed in.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from decrochage_risk.importers.cells import fold, number_of
from decrochage_risk.records.table_schemas import MARK_WORDS

__all__ = ["OUT_OF", "Mark", "mark_of", "scale_of", "weight_of"]

OUT_OF = 20.0

_WORDS = {
    **{fold(word) or word.strip(): status for word, status in MARK_WORDS.items()},
    "N NOT": "exempt",
    "NON NOTEE": "exempt",
    "N RDU": "not_handed_in",
    "N RENDU": "not_handed_in",
    "DISPENSE": "exempt",
    "DISPENSEE": "exempt",
    "ABSENTE": "absent",
    "AB": "absent",
    "EA": "exempt",
}
_BARE = {word.strip(): status for word, status in MARK_WORDS.items() if not fold(word)}
_PRONOTE_CODES = {
    "1": "absent",
    "2": "exempt",
    "3": "exempt",
    "4": "exempt",
    "5": "not_handed_in",
    "6": "absent",
    "7": "not_handed_in",
    "8": "exempt",
}
"""pronotepy, ``dataClasses.py``: Absent, Dispense, NonNote, Inapte, NonRendu, AbsentZero, NonRenduZero, Felicitations."""

_ZEROS = ("6", "7")
_ON = re.compile(r"(.+?)\s*(?:/|\bsur\b)\s*([0-9]+(?:[.,][0-9]+)?)", re.IGNORECASE)
_SCALE = re.compile(r"(?:/|sur\b)?\s*([0-9]+(?:[.,][0-9]+)?)\s*(?:pts?\.?|points?)?", re.IGNORECASE)
_WEIGHT = re.compile(r"(?:[x×*]|coef(?:f|ficient)?\.?)?\s*[:=]?\s*([0-9]*[.,]?[0-9]+)\s*%?", re.IGNORECASE)


class Mark(NamedTuple):
    """What a cell of marks says.

    Attributes
    ----------
    value : float or None
        As it is written; None without a mark.
    out_of : float or None
        What it is on, where the cell says it.
    status : str
        Of the table ``grades``; empty when the cell says nothing that is known.
    is_zero : bool
        Whether the software counts it as 0 in its own means.
    """

    value: float | None
    out_of: float | None
    status: str
    is_zero: bool = False


@lru_cache(maxsize=65_536)
def mark_of(text: str) -> Mark:
    """Read a cell of marks.

    Examples
    --------
    >>> mark_of("12,5/20"), mark_of("Abs"), mark_of("|6").status, mark_of("undefined/20").status
    (Mark(value=12.5, out_of=20.0, status='graded', is_zero=False), Mark(value=None, out_of=None, status='absent', is_zero=False),
     'absent', '')
    """
    plain = text.strip()
    if plain.startswith("|"):
        code = plain[1:].strip()
        return Mark(None, None, _PRONOTE_CODES.get(code, ""), code in _ZEROS)
    number = number_of(plain)
    if number is not None:
        return Mark(number, None, "graded") if number >= 0 else Mark(None, None, "")
    match = _ON.fullmatch(plain)
    if match:
        value, out_of = number_of(match[1]), number_of(match[2])
        if value is None:
            return Mark(None, None, _WORDS.get(fold(match[1]), ""))
        return Mark(value, out_of, "graded") if out_of and value >= 0 else Mark(None, None, "")
    return Mark(None, None, _BARE.get(plain) or _WORDS.get(fold(plain), ""))


@lru_cache(maxsize=4096)
def scale_of(text: str) -> float:
    """Read what marks are on: 20 where nothing is written, not a number where it cannot be read.

    Examples
    --------
    >>> scale_of("/10"), scale_of("10 pts"), scale_of("sur 40"), scale_of(""), scale_of("ABCD")
    (10.0, 10.0, 40.0, 20.0, nan)
    """
    if not fold(text):
        return OUT_OF
    match = _SCALE.fullmatch(text.strip())
    scale = number_of(match[1]) if match else number_of(text)
    return scale if scale is not None and scale > 0 else math.nan


@lru_cache(maxsize=4096)
def weight_of(text: str) -> float:
    """Read a coefficient: 1 where nothing is written, not a number where it cannot be read; 0 is a weight.

    Examples
    --------
    >>> weight_of("x2"), weight_of("coef. 0,5"), weight_of("0"), weight_of(""), weight_of("fort")
    (2.0, 0.5, 0.0, 1.0, nan)
    """
    if not fold(text):
        return 1.0
    match = _WEIGHT.fullmatch(text.strip())
    weight = number_of(match[1] if match else text)
    return math.nan if weight is None or weight < 0 else weight
