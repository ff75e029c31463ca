"""How much of a notice two sheets of paper hold: lines counted from its texts, and the spacing that they leave room for.

A page cannot measure itself before it is printed, and a family's notice has two sheets, in 11 points, whatever it holds:
first how far apart its lines stand gives way, then what a fold on the screen tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Sheets", "count_lines"]

# All measured in print, on the longest notices of synthetic cohorts.
SIGNS_A_LINE: Final = 96
"""Signs of a line in 11 points."""
_ROOM_OF_HELP, _ROOM_OF_LAW = 20, 26
"""Lines up to which a sheet has room for lines further apart."""
_LINES_OF_HELP, _LINES_OF_LAW = 24, 31
"""Lines up to which each part has its own sheet."""
_LINES_OF_BOTH, _LINES_OF_VERY_LONG = 57, 76
"""Lines up to which two sheets hold both parts with ease; with closer lines, but space between the paragraphs."""


def count_lines(texts: Iterable[str]) -> int:
    """Count the lines that texts take on paper, each beginning its own.

    Examples
    --------
    >>> count_lines(["a" * 96, "b" * 97, ""])
    3
    """
    return sum(-(-len(text) // SIGNS_A_LINE) for text in texts)


@dataclass(frozen=True)
class Sheets:
    """The two sheets of one notice, the help first and the law after.

    Attributes
    ----------
    help_texts, law_texts : tuple of str
        Sentences of each part, across the whole width.
    cells : tuple of str
        Cells of the table of weights, which hold two thirds of what a line does.

    Examples
    --------
    >>> short = Sheets(("Un entretien.",), ("Les opérations.",), ())
    >>> short.has_each, short.spacing
    (True, ' roomy')
    """

    help_texts: tuple[str, ...]
    law_texts: tuple[str, ...]
    cells: tuple[str, ...]

    @cached_property
    def lines_of_help(self) -> int:
        """Lines of the help."""
        return count_lines(self.help_texts)

    @cached_property
    def lines_of_law(self) -> int:
        """Lines of the law, the table of weights included."""
        return count_lines(self.law_texts) + count_lines(text + text[len(text) // 2 :] for text in self.cells)

    @property
    def has_all_help(self) -> bool:
        """Whether the help fits the first sheet; otherwise what concerns an exit is named there, and told in a fold."""
        return self.lines_of_help <= _LINES_OF_HELP

    @property
    def has_each(self) -> bool:
        """Whether the law fits a sheet of its own too; otherwise it begins under the help, in the same 11 points."""
        return self.has_all_help and self.lines_of_law <= _LINES_OF_LAW

    @property
    def is_long(self) -> bool:
        """Whether two sheets hold it only with closer lines, still in 11 points."""
        return self.lines_of_help + self.lines_of_law > _LINES_OF_BOTH

    @property
    def spacing(self) -> str:
        """Classes of the page: lines further apart where both sheets have room, closer where two sheets need them."""
        if self.is_long:
            is_very_long = self.lines_of_help + self.lines_of_law > _LINES_OF_VERY_LONG
            return " close tight" if is_very_long else " close"
        has_room = self.lines_of_help <= _ROOM_OF_HELP and self.lines_of_law <= _ROOM_OF_LAW
        return " roomy" if has_room else ""
