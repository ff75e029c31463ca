"""Reads the numbers of a French text, without calling what writes them."""

from __future__ import annotations

import re


def numbers_in(text: str) -> list[float]:
    """List the numbers in order; a narrow no-break space parts thousands, a comma the decimals.

    >>> numbers_in("1\u202f400 élèves, soit 2,5 % [2-3 %]")
    [1400.0, 2.5, 2.0, 3.0]
    """
    found = re.findall(r"\d{1,3}(?:\u202f\d{3})+(?:,\d+)?|\d+(?:,\d+)?", text)
    return [float(number.replace("\u202f", "").replace(",", ".")) for number in found]
