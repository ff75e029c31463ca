"""From values to a page: templates, French typography, tables that are also CSV files, and pages shown in a notebook.

Jinja2 renders with autoescape and the one stylesheet. The filters set what French typography asks for: narrow spaces before
signs, unbroken numbers and dates, the curly apostrophe. Names that become CSS or file names are written so that nothing of
them can end the string. The one small script sorts a table by the heading that is pressed; without it nothing is lost. In a
notebook a page stands in a frame of its own, so that neither style disturbs the other.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Self

from markupsafe import Markup

from decrochage_risk import french
from decrochage_risk.french import number
from decrochage_risk.french.dates import MONTHS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from jinja2 import Environment
    from matplotlib.figure import Figure

__all__ = [
    "HIDDEN",
    "SORTING",
    "Cell",
    "PageTable",
    "Picture",
    "embedded",
    "french_spaces",
    "page_name",
    "picture",
    "render",
    "stylesheet",
    "write_csv",
]


def embedded(page: str, title: str, *, height: int = 640) -> str:
    """Put a whole page into a frame; nothing in it may run.

    Parameters
    ----------
    page : str
        One HTML file.
    title : str
        What a screen reader says of the frame.
    height : int
        Pixels.
    """
    return (
        f'<iframe title="{escape(title)}" srcdoc="{escape(page)}" sandbox loading="lazy" '
        f'style="width:100%;height:{height}px;border:1px solid #dcd7cc"></iframe>'
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as a picture with its alternative, for whoever does not see it.

    Attributes
    ----------
    png : bytes
    alternative : str
        What the figure shows, with its numbers.
    """

    png: bytes
    alternative: str

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = base64.b64encode(self.png).decode()
        words = escape(self.alternative)
        forms = {
            "text/html": f'<img alt="{words}" src="data:image/png;base64,{data}" style="max-width:100%">',
            "image/png": data,
            "text/plain": self.alternative,
        }
        return forms, {"image/png": {"alt": self.alternative}}


def picture(figure: Figure, alternative: str) -> Picture:
    """Take a figure of a notebook as a picture: decimal commas on its axes, and words for whoever does not see it.

    Parameters
    ----------
    figure : Figure
        Closed afterwards, so that a notebook shows it once.
    alternative : str
        What it shows, with its numbers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.subplots().plot([0, 0.5, 1])
    >>> picture(figure, "une droite de 0 à 1").alternative
    'une droite de 0 à 1'
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415 - heavy: loaded on first use
    from matplotlib.ticker import ScalarFormatter  # noqa: PLC0415 - same

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), ScalarFormatter):
                # Not by a locale, which would need French installed on the machine and change the whole
                # process.
                axis.set_major_formatter(lambda value, _: number(value))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    # pyplot keeps every figure until it is closed: a notebook would fill its memory.
    plt.close(figure)
    return Picture(file.getvalue(), alternative)


SORTING: Final = Markup("""<script>
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells]
  heads.forEach((head, column) => {
    const button = document.createElement("button")
    button.type = "button"
    button.append(...head.childNodes)
    head.append(button)
    head.setAttribute("aria-sort", "none")
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending"
      heads.forEach(other => other.setAttribute("aria-sort", "none"))
      head.setAttribute("aria-sort", up ? "ascending" : "descending")
      const value = row => row.cells[column].textContent.trim()
      const number = text => { const read = parseFloat(text.replace(/[\\s\\u202f\\u00a0]/g, "").replace(",", ".").replace("–", "0")); return isNaN(read) ? null : read }
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = value(a), y = value(b), m = number(x), n = number(y)
        return m !== null && n !== null && m !== n ? m - n : x.localeCompare(y, "fr", { numeric: true })
      })
      table.tBodies[0].append(...(up ? rows : rows.reverse()))
    })
  })
}
</script>""")
"""Sorts the tables of class ``sortable``; each heading becomes a button that a keyboard reaches."""


_BEFORE_SIGN = re.compile(r" +(?=[;:?!%»](?:\s|$|[.,)]))")
_DAY_AND_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}}(?:er)?) (?={'|'.join(MONTHS)})")
# A count stays with what it counts.
_COUNT = re.compile(r"(?<![\w,.])(\d{1,3}) (?=[a-zà-öø-ÿœ]{3})")
_MARKED = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<style>.*?</style>|<[^>]*>)", re.DOTALL)
_LONGEST_NAME = 40
_TEXTS_HELD = 8_192
"""Texts whose French setting is remembered: the headings, labels and small numbers that every page repeats."""
_SAFE_IN_CSS = re.compile(r"[^A-Za-z0-9]")


@lru_cache(maxsize=_TEXTS_HELD)
def french_spaces(text: str) -> str:
    r"""Set the spaces and the apostrophe of a French page: nothing breaks before a sign, nor inside a number.

    Examples
    --------
    >>> french_spaces("Aujourd'hui : 6 « faits » ; 27 %") == "Aujourd’hui\u00a0: 6 «\u00a0faits\u00a0»\u202f; 27\u00a0%"
    True
    >>> french_spaces("5 demi-journées le 3 mars") == "5\u00a0demi-journées le 3\u00a0mars"
    True
    """
    page_text = _BEFORE_SIGN.sub("\u202f", str(text)).replace("« ", "«\u00a0").replace("\u202f»", "\u00a0»")
    page_text = _COUNT.sub("\\1\u00a0", _DAY_AND_MONTH.sub("\\1\u00a0", page_text))
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
    """Set French spaces in a text and escape it, both once per text; what is Markup already stays as it is."""
    return value if hasattr(value, "__html__") else _escaped(str(value))


@lru_cache(maxsize=_TEXTS_HELD)
def _escaped(text: str) -> Markup:
    return Markup.escape(french_spaces(text))


def page_name(kind: str, name: str, suffix: str = "html") -> str:
    """Name the file of a page: its kind, a safe part of the name, and a checksum that tells names apart.

    Examples
    --------
    >>> page_name("notice", "../a b")
    'notice-a-b-2c2c791a.html'
    """
    safe = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_LONGEST_NAME]
    # Two names may have one safe part: "3e A" and "3e-A".
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
        # The templates of an installed package never change while it runs.
        auto_reload=False,
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


HIDDEN = "masqué"
"""What stands in a cell that is not published."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what is read, the value behind it for a CSV, and whether it is hidden.

    Attributes
    ----------
    text : str
        As read on the page, in French.
    value : float, str or None
        The same for a machine; the text when there is no other.
    hidden : bool
        Not published: too small, or it would give away a small one.
    """

    text: str
    value: float | str | None = None
    hidden: bool = False

    @classmethod
    def masked(cls) -> Self:
        """Give a cell that is not published."""
        return cls(HIDDEN, HIDDEN, hidden=True)

    @property
    def plain(self) -> str:
        """What the CSV holds, with a decimal comma."""
        if isinstance(self.value, float):
            return f"{self.value:.6g}".replace(".", ",")
        return self.text if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table with its caption.

    Attributes
    ----------
    caption, note : str
        What it is, and what must be known to read it.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of Cell
        The first cell of a row is its heading.
    numeric : frozenset of int
        Columns whose cells are numbers.
    total : bool
        Whether the last row is that of all.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    numeric: frozenset[int] = field(default_factory=frozenset)
    total: bool = False

    @classmethod
    def of(
        cls,
        caption: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        note: str = "",
        numeric: Iterable[int] = (),
        total: bool = False,
    ) -> Self:
        """Make a table; a cell that is no :class:`Cell` is its text.

        Examples
        --------
        >>> PageTable.of("Par classe", ["Classe", "Élèves"], [["3e-1", 24]], numeric=[1]).rows[0][1].text
        '24'
        """
        cells = tuple(
            tuple(cell if isinstance(cell, Cell) else Cell("" if cell is None else str(cell)) for cell in row)
            for row in rows
        )
        return cls(caption, tuple(columns), cells, note, frozenset(numeric), total)


def write_csv(tables: Sequence[PageTable], path: Path) -> Path:
    """Write tables one after the other as a CSV that a spreadsheet opens in France."""
    from decrochage_risk.csv_files import write_csv_rows  # noqa: PLC0415 - pandas loads on first use

    rows: list[list[object]] = []
    for place, table in enumerate(tables):
        if place:
            rows.append([])
        rows.append([table.caption + (f" ({table.note})" if table.note else "")])
        rows.append(list(table.columns))
        rows += [[cell.plain for cell in row] for row in table.rows]
    return write_csv_rows(rows, path)
