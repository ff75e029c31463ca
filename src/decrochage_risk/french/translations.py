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
_BETWEEN_PARTS = re.compile(r"(; |, )")
_DEEPEST = 3


class Catalogue:
    r"""Templates of English sentences, each with its French.

    Parameters
    ----------
    french_of : mapping of str to str
        English to French, without the full stop at the end; ``{0}`` to ``{9}`` stand for what differs from one message to the
        next. What a field holds is translated too when it is itself a whole template.

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
        if (whole := self._whole(text, 0)) is not None:
            return whole
        pieces = _BETWEEN_SENTENCES.split(text)
        return "".join(
            piece if place % 2 or (said := self._whole(piece, 0)) is None else said
            for place, piece in enumerate(pieces)
        )

    def _whole(self, text: str, depth: int) -> str | None:
        """Find the template with the most letters of its own that is the whole text."""
        stem, stop = (text[:-1], ".") if text.endswith(".") else (text, "")
        for candidate in dict.fromkeys((text, stem)):
            for english, literals in self._templates:
                if any(literal not in candidate for literal in literals):
                    continue
                match = _compiled(english).fullmatch(candidate)
                if match is not None:
                    french = self._filled(english, match, depth)
                    return french + (
                        stop if candidate == stem and not french.endswith((".", "!", "?")) else ""
                    )
        return None

    def _filled(self, english: str, match: re.Match[str], depth: int) -> str:
        fields = [self._field(field, depth + 1) for field in match.groups()]
        numbers = [int(number) for number in _FIELD.findall(english)]
        value_of = dict(zip(numbers, fields, strict=True))
        return _FIELD.sub(lambda field: value_of[int(field[1])], self.french_of[english])

    def _field(self, text: str, depth: int) -> str:
        if depth > _DEEPEST or not text:
            return text
        if (whole := self._whole(text, depth)) is not None:
            return whole
        pieces = _BETWEEN_PARTS.split(text)
        if len(pieces) == 1:
            return text
        return "".join(
            piece if place % 2 or (said := self._whole(piece, depth)) is None else said
            for place, piece in enumerate(pieces)
        )

    @cached_property
    def _templates(self) -> list[tuple[str, list[str]]]:
        """Each template with its own letters, the one with most of them first."""
        with_letters = [
            (english, [piece for place, piece in enumerate(_FIELD.split(english)) if piece and not place % 2])
            for english in self.french_of
        ]
        return sorted(with_letters, key=lambda pair: -sum(map(len, pair[1])))


def _label(text: str) -> str:
    for english, french in _LABELS.items():
        if text.endswith(english):
            return text.removesuffix(english) + french
    return text


@cache
def _compiled(english: str) -> re.Pattern[str]:
    pieces = _FIELD.split(english)
    return re.compile(
        "".join("(.*?)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)), re.DOTALL
    )
