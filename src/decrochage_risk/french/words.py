"""Small words of a French sentence, and the words that no sentence of this package holds."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORBIDDEN_WORDS", "de", "forbidden_in", "join"]

PAIR: Final = 2
_ELIDED_FIRST: Final = "aeiouyhœæ"
_NO_ELISION: Final = re.compile(
    r"(?:onz|oui\b|h(?:a(?:l[lt]|ndicap|rc|sard|ut|uss)|eros|ierarch|ont|ors|uit)|y[aeiou])",
)

FORBIDDEN_WORDS: Final = (
    r"d[ée]crocheu(?:r|se)s?",
    r"absent[ée]istes?",
    r"d[ée]missionnaires?",
    r"irr[ée]cup[ée]rables?",
    r"[ée]l[èe]ves? [àa] probl[èe]mes?",
    r"cas (?:soci(?:al|aux)|lourds?|difficiles?|d[ée]sesp[ée]r[ée]s?|probl[èe]mes?)",
    r"(?:est|sont|reste(?:nt)?) (?:un|des) cas",
    r"(?:va|vont|ira|iront) (?:d[ée]crocher|abandonner)",
    r"pr[ée]di(?:t|sent|re) (?:le |un |son )?d[ée]croch\w*",
    r"origines? (?:sociales?|familiales?|ethniques?|[ée]trang[èe]res?|culturelles?)",
    r"(?:milieu|contexte) (?:familial|social|d[ée]favoris[ée])",
    r"(?:probl[èe]mes?|difficult[ée]s?) (?:familiales?|familiaux|de famille|de sant[ée]|psychologiques?)",
    r"malad(?:ies?|es?)",
)
"""Regular expressions of what no text says of a pupil: labels, forecasts of a fate, causes (family, origin, health).

Source: the words that the field avoids (Cnesco, GPDS, letter of the Grand Est of 2024). "Absentéisme", "en cas de"
and the family as a reader remain possible. A raw rank, a colour alone or a percentage without its base are
to be avoided too, but no word gives them away.
"""

_FORBIDDEN: Final = re.compile(rf"\b(?:{'|'.join(FORBIDDEN_WORDS)})(?!\w)", re.IGNORECASE)


def de(word: str) -> str:
    """Put "de" or "d'" before a word; the usual words with an aspirated h, "onze" and "oui" are not elided.

    Examples
    --------
    >>> de("absence"), de("notes"), de("heures"), de("hausse")
    ("d'absence", 'de notes', "d'heures", 'de hausse')
    """
    letters = _without_accents(word).lower()
    elided = letters[:1] and letters[0] in _ELIDED_FIRST and not _NO_ELISION.match(letters)
    return f"d'{word}" if elided else f"de {word}"


def join(words: Sequence[str]) -> str:
    """Write a list: "a, b et c".

    Examples
    --------
    >>> join(["a", "b", "c"]), join(["a"]), join([])
    ('a, b et c', 'a', '')
    """
    if len(words) < PAIR:
        return "".join(words)
    return f"{', '.join(words[:-1])} et {words[-1]}"


def forbidden_in(text: str) -> list[str]:
    """List the forbidden words found in a text, as written there, in order.

    Examples
    --------
    >>> forbidden_in("Cet élève, absentéiste, va décrocher.")
    ['absentéiste', 'va décrocher']
    """
    readable = " ".join(unicodedata.normalize("NFC", text).split())
    return [found.group() for found in _FORBIDDEN.finditer(readable)]


def _without_accents(text: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFD", text) if not unicodedata.combining(mark))
