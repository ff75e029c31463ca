"""Numbers, units, plurals, dates and small words in French: what a sentence needs, nothing about features.

Spaces: inside a number and before a symbol nothing may break, so thousands are set apart by a narrow no-break
space (U+202F) and ``%`` is preceded by a no-break space (U+00A0). Before a word (``6 demi-journées``,
``3 février``) the space is an ordinary one, so that a search for the words finds them. The minus sign is
U+2212; the apostrophe is the ASCII one.

``quantities``
    numbers, percentages, plurals, ordinals, values with their unit;
``proportions``
    shares as people count ("environ 1 sur 4");
``dates``
    days, periods, months, school years;
``words``
    elision, lists, and the words that no text says of a pupil.
"""

from __future__ import annotations

from decrochage_risk.french.dates import SHORT_MONTHS, day, month, period, school_year, since, until
from decrochage_risk.french.quantities import (
    MINUS,
    NARROW_NO_BREAK_SPACE,
    NO_BREAK_SPACE,
    UNITS,
    Unit,
    about,
    interval_percent,
    number,
    ordinal,
    percent,
    plural,
    proportion,
    quantity,
    rounded,
    signed,
)
from decrochage_risk.french.words import (
    CAUSAL_WORDS,
    FORBIDDEN_WORDS,
    HIDDEN,
    PRIVATE_WORDS,
    de,
    forbidden_in,
    join,
)

__all__ = [
    "CAUSAL_WORDS",
    "FORBIDDEN_WORDS",
    "HIDDEN",
    "MINUS",
    "NARROW_NO_BREAK_SPACE",
    "NO_BREAK_SPACE",
    "PRIVATE_WORDS",
    "SHORT_MONTHS",
    "UNITS",
    "Unit",
    "about",
    "day",
    "de",
    "forbidden_in",
    "interval_percent",
    "join",
    "month",
    "number",
    "ordinal",
    "percent",
    "period",
    "plural",
    "proportion",
    "quantity",
    "rounded",
    "school_year",
    "signed",
    "since",
    "until",
]
