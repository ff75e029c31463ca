"""Templates to pages: Jinja2 with autoescape, the filters that a French page needs, the one stylesheet.

The filters set what French typography asks for: narrow spaces before signs, unbroken numbers and dates, the curly
apostrophe. Names that become CSS or file names are written so that nothing of them can end the string.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.french.dates import MONTHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

__all__ = ["french_spaces", "page_name", "render", "stylesheet"]

_BEFORE_SIGN = re.compile(r" +(?=[;:?!%»](?:\s|$|[.,)]))")
_DAY_AND_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}}(?:er)?) (?={'|'.join(MONTHS)})")
_MARKED = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<style>.*?</style>|<[^>]*>)", re.DOTALL)
_LONGEST_NAME = 40
_SAFE_IN_CSS = re.compile(r"[^A-Za-z0-9]")


def french_spaces(text: str) -> str:
    r"""Set the spaces and the apostrophe of a French page: nothing breaks before a sign, nor inside a number.

    Examples
    --------
    >>> french_spaces("Aujourd'hui : 6 « faits » ; 27 %") == "Aujourd’hui\u00a0: 6 «\u00a0faits\u00a0»\u202f; 27\u00a0%"
    True
    """
    page_text = _BEFORE_SIGN.sub("\u202f", str(text)).replace("« ", "«\u00a0").replace("\u202f»", "\u00a0»")
    page_text = _DAY_AND_MONTH.sub("\\1\u00a0", page_text)
    return page_text.replace("\u202f:", "\u00a0:").replace("\u202f%", "\u00a0%").replace("'", "’")


def css_text(text: str) -> str:
    r"""Write a text as a CSS string, every sign but letters and digits as its number: nothing of it can end the string.

    Examples
    --------
    >>> css_text('a"</style>')
    '"a\\000022\\00003c\\00002fstyle\\00003e"'
    """
    content = _SAFE_IN_CSS.sub(lambda sign: f"\\{ord(sign.group()):06x}", " ".join(str(text).split()))
    return f'"{content}"'


def _css(text: str) -> Any:  # noqa: ANN401 - Markup, which loads with Jinja
    from markupsafe import Markup  # noqa: PLC0415 - Jinja brings it, and loads on first use

    return Markup(css_text(text))  # noqa: S704 - css_text leaves letters, digits and backslashes only


def _fr(value: object) -> object:
    """Set French spaces in a text; what is Markup already stays as it is."""
    return value if hasattr(value, "__html__") else french_spaces(str(value))


def page_name(kind: str, name: str, suffix: str = "html") -> str:
    """Name the file of a page: its kind, a safe part of the name, and a checksum that tells names apart.

    Examples
    --------
    >>> page_name("notice", "../a b")
    'notice-a-b-2c2c791a.html'
    """
    safe = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_LONGEST_NAME]
    return f"{kind}-{safe}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:8]}.{suffix}"


@cache
def stylesheet() -> str:
    """Give the one stylesheet, without its comments."""
    text = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - loads on first use
    from markupsafe import Markup  # noqa: PLC0415 - same

    def source(name: str) -> str:
        package, _, file = name.partition("/")
        text = files(package).joinpath(file).read_text(encoding="utf-8")
        # The words of a template get the same spaces as the words that it shows; its tags are left alone.
        parts = _MARKED.split(text)
        return "".join(part if place % 2 else french_spaces(part) for place, part in enumerate(parts))

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["stylesheet"] = Markup(stylesheet())  # noqa: S704 - our own file
    environment.filters.update(_filters())
    return environment


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "count": french.plural,
        "css": _css,
        "day": lambda day: french.day(day, with_year=True),
        "fr": _fr,
        "number": french.number,
        "percent": french.percent,
        "points": lambda points: french.signed(points, 1),
        "years": lambda years: french.join([french.school_year(year) for year in years]),
    }


def render(template: str, **context: Any) -> str:  # noqa: ANN401 - whatever the page shows
    """Write a page.

    Parameters
    ----------
    template : str
        f"{__package__}/file.html.j2": a template stands beside the code that fills it, and extends
        "decrochage_risk.pages/frame.html.j2".
    **context
        What the page shows; ``foot`` (text at the foot of each sheet) and ``trail`` (names and links of "vous êtes ici", or
        nothing) are asked for by the frame.

    Returns
    -------
    str
        One HTML file; the same context gives the same bytes.
    """
    page = _environment().get_template(template).render({"trail": (), "foot": ""} | context)
    return re.sub(r"\n\s*\n+", "\n", page).lstrip()
