"""Small words of a French sentence, and the words that no sentence of this package holds.

The lexicons are what texts are held against: labels and forecasts of a fate, words that make a cause of a
fact, private matters. Here too is the one error of the French texts: a value that no sentence can hold.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from decrochage_risk.errors import explain_error

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "CAUSAL_WORDS",
    "FORBIDDEN_WORDS",
    "HIDDEN",
    "PRIVATE_WORDS",
    "de",
    "forbidden_in",
    "join",
    "refused",
]

HIDDEN = "masqué"
"""What is printed for a hidden count, small or not: "under 11" would say which of them are small."""


def refused(came: str, expected: str, hint: str) -> ValueError:
    """Compose the error of a value that no sentence can hold."""
    return ValueError(explain_error(f"{came} cannot be written in French", expected=expected, hint=hint))


PAIR: Final = 2
_ELIDED_FIRST: Final = "aeiouyhœæ"
# An aspirated h cannot be told from its letters: the words that occur in labels are listed.
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
    # Also as a fact: the motive of an absence is a matter of health.
    r"malad(?:ies?|es?)",
    r"d[ée]crochera(?:it|ient|nt)?|d[ée]crocheront",
    r"cancres?|fain[ée]ant(?:e?s?|ise)|paresseu(?:x|ses?)|tire-au-flanc",
    r"d[ée]linquant(?:e?s?)|perturbat(?:eurs?|rices?)|r[ée]fractaires?|inadapt[ée](?:e?s?)",
    r"(?:mauvais|bon|petit)s? [ée]l[èe]ves?",
    r"[ée]l[èe]ves? (?:difficiles?|faibles?|perdue?s?|en [ée]chec|[àa] risques?|d[ée]sengag[ée]e?s?)",
    r"(?:dernier|derni[èe]re|premier|premi[èe]re)s? de (?:la|sa) classe",
)
"""Regular expressions of what no text says of a pupil: labels, forecasts of a fate, causes (family, origin, health).

Source: the words that the field avoids (Cnesco, GPDS, letter of the Grand Est of 2024). "Absentéisme", "en cas de"
and the family as a reader remain possible. A raw rank, a colour alone or a percentage without its base are
to be avoided too, but no word gives them away.
"""

CAUSAL_WORDS: Final = (
    r"[àa] cause (?:de|du|des|d')",
    r"parce qu(?:e|')",
    r"en raison (?:de|du|des|d')",
    r"(?:du fait|faute|gr[âa]ce|[àa] force|par suite) (?:de|du|des|d'|[àa]|aux?)",
    r"(?:dus?|dues?|d[ûu]|d[ûu]es?|imputables?|li[ée]e?s?) (?:[àa]|aux?)",
    r"car|puisqu(?:e|')|(?:c'est|voil[àa]) pourquoi|donc",
    r"provoqu\w+|entra[îi]n(?:e|ent|er|[ée]e?s?|ant)|engendr\w+|expliqu\w+|responsables?",
    r"caus(?:e|es|er|ent|[ée]e?s?|ant|al|ale|ales)",
    r"pr[ée](?:di(?:t|te|ts|tes|re|sent|ction|ctions)|dispos\w+|destin[ée]\w*)",
)
"""Regular expressions of words that make a cause or a prophecy of a fact; no sentence of a reason or a measure holds them."""

PRIVATE_WORDS: Final = (
    r"sant[ée]|m[ée]dic\w+|m[ée]decins?|infirm\w+|h[ôo]pita\w*|hospital\w+|handicap\w*|d[ée]press\w+|d[ée]prim\w+",
    r"psych\w+|troubles?|addict\w+|grossesses?|enceinte|phobi\w+",
    r"famil\w+|parent\w*|p[èe]res?|m[èe]res?|divorc\w+|monoparent\w+|fratries?|foyers?|s[ée]par[ée]e?s?",
    r"origines?|[ée]trang[èe]r\w*|nationalit[ée]s?|immigr\w+|migrant\w*|allophones?|religi\w+|ethni\w+",
    r"quartiers?|bourse?|boursi[èe]r\w*|pauvre\w*|d[ée]favoris\w+|sociale?s?|sociaux|revenus?",
    r"filles?|gar[çc]ons?|sexes?|m[âa]le|f[ée]minin\w*|masculin\w*",
)
"""Regular expressions of private matters, which no fact told of a pupil touches: health, family, origin, means, sex."""


def de(word: str) -> str:
    """Put "de" or "d'" before a word; the usual words with an aspirated h, "onze" and "oui" are not elided.

    Examples
    --------
    >>> de("absence"), de("notes"), de("heures"), de("hausse")
    ("d'absence", 'de notes', "d'heures", 'de hausse')
    """
    letters = _without_accents(word).lower()
    with_apostrophe = letters[:1] and letters[0] in _ELIDED_FIRST and not _NO_ELISION.match(letters)
    return f"d'{word}" if with_apostrophe else f"de {word}"


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


def forbidden_in(text: str, words: Sequence[str] = FORBIDDEN_WORDS) -> list[str]:
    """List the forbidden words found in a text, as written there, in order.

    Parameters
    ----------
    text : str
        French.
    words : sequence of str
        Regular expressions, whole words; several lexicons may be joined.

    Examples
    --------
    >>> forbidden_in("Cet élève, absentéiste, va décrocher.")
    ['absentéiste', 'va décrocher']
    >>> forbidden_in("6 absences, parce que la santé", CAUSAL_WORDS + PRIVATE_WORDS)
    ['parce que', 'santé']
    """
    # An accent may come as a sign of its own, an apostrophe as a curly one.
    readable = " ".join(unicodedata.normalize("NFC", text).replace("\u2019", "'").split())
    return [match.group().strip() for match in _pattern(tuple(words)).finditer(readable)]


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    # A word that ends with an apostrophe ("parce qu'") runs into the next one: it needs no end of word.
    return re.compile(rf"\b(?:{'|'.join(words)})(?:(?<=')|(?!\w))", re.IGNORECASE)


def _without_accents(text: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFD", text) if not unicodedata.combining(mark))
