"""Elision, lists, and the words that no text holds."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk import french

LAWS = settings(max_examples=60)

FOUND = [
    "décrocheur",
    "décrocheuses",
    "DECROCHEURS",
    "absentéiste",
    "démissionnaire",
    "irrécupérables",
    "élève à problèmes",
    "cas social",
    "est un cas",
    "va décrocher",
    "prédit décrocheur",
    "origine sociale",
    "milieu défavorisé",
    "problèmes familiaux",
    "difficultés de santé",
    "maladie",
    "décrochera",
    "cancre",
    "perturbateurs",
    "mauvais élève",
    "élève en échec",
    "dernier de la classe",
]
CAUSAL = [
    "à cause d'absences",
    "parce que",
    "en raison des notes",
    "faute de travail",
    "dû à l'absence",
    "car",
    "provoque",
    "causées",
    "prédit",
]
PRIVATE = ["santé", "troubles", "parents", "origine", "boursière", "garçons"]
ALLOWED = [
    "absentéisme",
    "absence",
    "décrochage",
    "accrochage",
    "en cas de besoin",
    "le cas échéant",
    "la famille peut demander un entretien",
    "élève en risque de rupture",
    "problème d'inscription à l'établissement",
    "établissement d'origine",
    "maladresse",
]


@pytest.mark.parametrize(
    "word",
    ["absence", "élève", "heures", "avril", "œuvre", "exclusion", "Îles", "Yvelines", "habitude", "hiver"],
)
def test_elided(word: str) -> None:
    """Before a vowel or a mute h, "de" loses its e."""
    assert french.de(word) == f"d'{word}"


@pytest.mark.parametrize(
    "word", ["notes", "hausse", "Haut-Rhin", "hors", "huit", "onze", "oui", "yaourt", "8,5", ""]
)
def test_not_elided(word: str) -> None:
    """Before a consonant, an aspirated h or a figure, "de" stays whole."""
    assert french.de(word) == f"de {word}"


@LAWS
@given(
    st.lists(st.text(st.characters(categories=["Ll"], max_codepoint=255), min_size=3, max_size=8), max_size=6)
)
def test_a_list_reads_back(words: list[str]) -> None:
    """A list reads back as its words, with one "et" before the last."""
    text = french.join(words)
    assert [word for word in re.split(", | et ", text) if word] == words
    assert text.count(" et ") == (len(words) > 1)


@pytest.mark.parametrize("words", FOUND)
def test_forbidden_words_are_found(words: str) -> None:
    """A label, a forecast or a cause is found in a sentence, decomposed or with no-break spaces too, as written."""
    sentence = f"Fait : {words}."
    assert french.forbidden_in(sentence)
    assert french.forbidden_in(sentence)[0] in sentence
    assert french.forbidden_in(unicodedata.normalize("NFD", sentence)) == french.forbidden_in(sentence)
    assert french.forbidden_in(sentence.replace(" ", "\u00a0")) == french.forbidden_in(sentence)


@pytest.mark.parametrize(
    ("lexicon", "words"),
    [(french.CAUSAL_WORDS, words) for words in CAUSAL] + [(french.PRIVATE_WORDS, words) for words in PRIVATE],
)
def test_causes_and_private_matters_are_found(lexicon: tuple[str, ...], words: str) -> None:
    """A causal word or a private matter is found with a straight or a curved apostrophe."""
    assert french.forbidden_in(f"Fait : {words}.", lexicon)
    assert french.forbidden_in(f"Fait : {words}.".replace("'", "\u2019"), lexicon)


@pytest.mark.parametrize(
    "words",
    [
        "6 demi-journées non justifiées depuis le 3 février",
        "carnet rendu",
        "moyenne de 8,4/20",
        "vœu non retenu par le dernier conseil de classe",
        "premier vœu obtenu à la dernière affectation",
    ],
)
def test_plain_facts_are_no_cause_and_no_private_matter(words: str) -> None:
    """The facts of the catalogue pass the stricter lexicons; a word inside another is not found."""
    assert french.forbidden_in(words, french.CAUSAL_WORDS + french.PRIVATE_WORDS) == []


@pytest.mark.parametrize("words", ALLOWED)
def test_allowed_words_are_not(words: str) -> None:
    """The words of the field stay possible."""
    assert french.forbidden_in(f"Fait : {words}.") == []


def test_several_are_all_found_in_order() -> None:
    """All the forbidden words of a text are listed, in order."""
    assert french.forbidden_in("Absentéiste, décrocheur : il va décrocher.") == [
        "Absentéiste",
        "décrocheur",
        "va décrocher",
    ]


@pytest.mark.parametrize("pattern", french.FORBIDDEN_WORDS)
def test_each_pattern_is_needed(pattern: str) -> None:
    """Each pattern compiles and finds at least one of the examples on its own."""
    assert any(re.search(pattern, words, re.IGNORECASE) for words in FOUND)


@pytest.mark.parametrize("pattern", french.CAUSAL_WORDS + french.PRIVATE_WORDS)
def test_each_stricter_pattern_is_needed(pattern: str) -> None:
    """Each pattern of the stricter lexicons finds at least one of their examples on its own."""
    assert any(re.search(rf"\b(?:{pattern})", words, re.IGNORECASE) for words in CAUSAL + PRIVATE)


def test_the_package_is_the_door() -> None:
    """Every public name is there, sorted."""
    assert french.__all__ == sorted(french.__all__)
    assert all(hasattr(french, name) for name in french.__all__)
