"""English messages of the package said in French, by a catalogue of sentence templates.

The exceptions and warnings of the Python API are English. A program that speaks French to a school translates them where
they leave it, by templates: ``"There is no folder {0}" = "Le dossier {0} n'existe pas"``. What no template knows stays as it
is, so that nothing is lost.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Catalogue"]

_FIELD = re.compile(r"\{([0-9])\}")
_LABELS = {"Expected: ": "Attendu : ", "Hint: ": "Conseil : "}
_LABEL = re.compile(r"(\.?\n(?:Expected|Hint): |\.? Hint: )")
_BETWEEN_SENTENCES = re.compile(r"((?<=[.!?])\s+|\n\s*)")
_LISTS = ((re.compile(r"(\n\s*)"), None), (re.compile(r"(; )"), " ; "))
_QUOTED = re.compile(r"(?s)(['\"«]).*['\"»]")
_COMMA = re.compile(r"(, )")
# A field may hold a phrase with fields again; deeper than this, a template matches its own output.
_DEEPEST = 4
_LEAST_LETTERS = 4


class Catalogue:
    r"""Templates of English sentences, each with its French.

    Parameters
    ----------
    french_of : mapping of str to str
        English to French, without the full stop at the end; ``{0}`` to ``{9}`` stand for what differs from one message to the
        next. What a field holds is translated too when it is itself a whole template, or a list of some.

    Examples
    --------
    >>> catalogue = Catalogue({"{0} is a file": "{0} est un fichier", "a folder of tables": "un dossier de tables"})
    >>> print(catalogue.translate("x.csv is a file.\nExpected: a folder of tables.\nHint: Look."))
    x.csv est un fichier.
    Attendu : un dossier de tables.
    Conseil : Look.
    """

    def __init__(self, french_of: Mapping[str, str]) -> None:
        self.french_of = dict(french_of)

    @classmethod
    def from_toml(cls, *paths: Path) -> Catalogue:
        """Read files of one flat table each, English to French."""
        pairs: dict[str, str] = {}
        for path in paths:
            pairs |= tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(pairs)

    def translate(self, text: str) -> str:
        """Say a message in French: whole, or else label by label and sentence by sentence.

        Parameters
        ----------
        text : str
            One message, or several set apart by an empty line.

        Returns
        -------
        str
            The same lines; sentences without a template as they came.
        """
        return "\n\n".join(self._message(part) for part in text.split("\n\n"))

    def phrase(self, text: str) -> str | None:
        """Say one phrase in French, None when no template is the whole of it."""
        return self._whole(text, 0)

    def _message(self, text: str) -> str:
        pieces = _LABEL.split(text)
        return "".join(
            _label(piece) if place % 2 else self._sentences(piece) for place, piece in enumerate(pieces)
        )

    def _sentences(self, text: str) -> str:
        # The whole first: a sentence that holds a full stop would be cut in two that no template knows.
        if (whole := self._whole(text, 0)) is not None:
            return whole
        pieces = _BETWEEN_SENTENCES.split(text)
        return "".join(
            piece if place % 2 or (translation := self._whole(piece, 0)) is None else translation
            for place, piece in enumerate(pieces)
        )

    def _whole(self, text: str, depth: int, *, loose: bool = False) -> str | None:
        """Find the first template that is the whole text."""
        # Templates are written without the full stop that some messages get when they are put together.
        stem, stop = (text[:-1], ".") if text.endswith(".") else (text, "")
        for candidate in dict.fromkeys((stem, text)):
            for english, literals in self._loose if loose else self._tight:
                # Most templates are ruled out here, before their regular expression is made.
                if any(literal not in candidate for literal in literals):
                    continue
                match = _compiled(english).fullmatch(candidate)
                if match is not None and not (loose and self._mixes(match, depth)):
                    french = self._filled(english, match, depth)
                    return french + (
                        stop if candidate == stem and not french.endswith((".", "!", "?")) else ""
                    )
        return None

    def _mixes(self, match: re.Match[str], depth: int) -> bool:
        """Whether some field is a phrase of which no French is known: between French words it would mix two languages."""
        return any(
            " " in field and not _QUOTED.fullmatch(field) and self._field(field, depth + 1) == field
            for field in match.groups()
        )

    def _filled(self, english: str, match: re.Match[str], depth: int) -> str:
        fields = [self._field(field, depth + 1) for field in match.groups()]
        numbers = [int(number) for number in _FIELD.findall(english)]
        value_of = dict(zip(numbers, fields, strict=True))
        return _FIELD.sub(lambda field: value_of[int(field[1])], self.french_of[english])

    def _field(self, text: str, depth: int) -> str:
        if depth > _DEEPEST or not text:
            return text
        for between, mark in _LISTS:
            if between.search(text):
                return self._list(text, between, mark, depth)
        if (whole := self._whole(text, depth)) is not None:
            return whole
        # After the whole: many phrases hold a comma of their own.
        if ", " in text:
            return self._list(text, _COMMA, None, depth)
        # Last, since "{0} of {1}" fits almost anything.
        translation = self._whole(text, depth, loose=True)
        return text if translation is None else translation

    def _list(self, text: str, between: re.Pattern[str], mark: str | None, depth: int) -> str:
        """Say the parts of a list one by one; a text of which nothing is known keeps its marks."""
        pieces = between.split(text)
        translations = [
            piece if place % 2 else self._field(piece, depth + 1) for place, piece in enumerate(pieces)
        ]
        if translations == pieces:
            return text
        return "".join(
            mark if place % 2 and mark is not None else piece for place, piece in enumerate(translations)
        )

    @cached_property
    def _templates(self) -> list[tuple[str, list[str]]]:
        """Each template with its own letters, the ones that say most first."""
        with_letters = [
            (english, [piece for place, piece in enumerate(_FIELD.split(english)) if piece and not place % 2])
            for english in self.french_of
        ]
        return sorted(with_letters, key=_order)

    @cached_property
    def _tight(self) -> list[tuple[str, list[str]]]:
        return [pair for pair in self._templates if not _is_loose(pair[1], len(_FIELD.findall(pair[0])))]

    @cached_property
    def _loose(self) -> list[tuple[str, list[str]]]:
        return [pair for pair in self._templates if _is_loose(pair[1], len(_FIELD.findall(pair[0])))]


def _order(template: tuple[str, list[str]]) -> tuple[int, int]:
    """Put sentences without a field first, then those that begin with a word, then those with most letters."""
    english, literals = template
    first = _FIELD.search(english)
    kind = 0 if first is None else 1 if first.start() else 2
    return kind, -sum(map(len, literals))


def _is_loose(literals: list[str], fields: int) -> bool:
    """Whether a template that begins with one of several fields has no word of four letters between them."""
    longest = max(sum(map(str.isalpha, literal)) for literal in literals)
    return fields > 1 and not literals[0][0].isalpha() and longest < _LEAST_LETTERS


def _label(text: str) -> str:
    for english, french in _LABELS.items():
        if text.endswith(english):
            return text.removesuffix(english) + french
    return text


@cache
def _compiled(english: str) -> re.Pattern[str]:
    pieces = _FIELD.split(english)
    return re.compile(
        # Lazy, so that a field ends at the first place where the next words begin; across lines too.
        "".join("(.*?)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)),
        re.DOTALL,
    )
