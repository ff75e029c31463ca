"""What the commands print: plain lines, and a bar of the steps while somebody is looking.

Into a file or a pipe lines are never cut nor wrapped, so that ``grep`` finds them; on a terminal they break at blanks, within its
width. Colours and bars are for terminals only, and ``NO_COLOR`` is honoured (Rich looks at it).
"""

from __future__ import annotations

import codecs
import io
import re
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["bar", "console", "replace_unwritable", "say", "shown_id", "steps", "within"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAINER = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2212": "-", "…": "...", "’": "'", "œ": "oe"})
_LONGEST_ID = 32
_PROGRAM = "decrochage-risk "


def console(*, stderr: bool = False) -> Console:
    """Make a console that takes text as it is: no markup, no emoji codes, no guessed highlights."""
    from rich.console import Console  # noqa: PLC0415 - --help needs no Rich

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def say(text: str = "", *, stderr: bool = False) -> None:
    """Print lines; control characters, which could drive a terminal, are shown as a mark.

    Examples
    --------
    >>> say("23 situations à examiner")
    23 situations à examiner
    """
    terminal = console(stderr=stderr)
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    terminal.print(within(clean, terminal.width) if terminal.is_terminal else clean, soft_wrap=True)


def within(text: str, width: int) -> str:
    """Break long lines at blanks; a line that goes on keeps its indent, a command stays whole, to be copied.

    Parameters
    ----------
    text : str
        Lines.
    width : int
        Characters that a line holds at most, unless one word is longer.

    Examples
    --------
    >>> print(within("  remède : compléter la table", 18))
      remède :
      compléter la
      table
    """
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    if len(line) <= width or line.lstrip().startswith(_PROGRAM):
        return line
    indent = line[: len(line) - len(line.lstrip(" "))]
    # Only at blanks: a number keeps its narrow no-break space, a path and an id their hyphens.
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
    )


def shown_id(text: str, longest: int = _LONGEST_ID) -> str:
    """Show an id on one line: control characters as a mark, the middle of a very long one cut out.

    Examples
    --------
    >>> shown_id("x" * 10_000, longest=9)
    'xxxx…xxxx'
    """
    clean = re.sub(r"\s", " ", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
    if len(clean) <= longest:
        return clean
    side = longest // 2
    return f"{clean[:side]}…{clean[-side:]}"


@contextmanager
def steps(total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on stderr, only on a terminal.

    Parameters
    ----------
    total : int, optional
        How many steps there will be; a bar that moves without end when left out.

    Yields
    ------
    callable
        To call with a French line at the beginning of each step.
    """
    from decrochage_risk.threads import progress_bar  # noqa: PLC0415 - --help needs no numpy

    with progress_bar(True, lines=False) as tell:  # noqa: FBT003 - the bar is drawn
        steps_begun = 0

        def begin(line: str) -> None:
            nonlocal steps_begun
            tell(line, steps_begun, total or 0)
            steps_begun += 1

        yield begin


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on stderr, only on a terminal, for work whose size is known on the way.

    Yields
    ------
    callable
        To call with a French line, how much is done and how much there is (0: not known).
    """
    from decrochage_risk.threads import progress_bar  # noqa: PLC0415 - --help needs no numpy

    with progress_bar(True, lines=False) as tell:  # noqa: FBT003 - the bar is drawn
        yield tell


def replace_unwritable() -> None:
    """Let stdout and stderr write French in any encoding: a mark that it lacks is replaced, never an error.

    A pipe may be Windows-1252 or ASCII, which lack the narrow no-break space and the minus sign.
    """
    codecs.register_error("decrochage_risk", _plainer)
    # A stream that a caller has replaced (by a StringIO, say) has no encoding to set.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="decrochage_risk")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Give the nearest text that the encoding of a stream can write."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAINER)
    return text.encode(error.encoding, "replace").decode(error.encoding), error.end
