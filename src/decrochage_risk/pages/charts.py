"""Drawings as inline SVG: each with its title and description for a screen reader, and every sign readable in grey.

A drawing has its true size in pixels; panels wrap on a narrow screen and are never shrunk, so that a letter stays 11 px.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.pages.rendering import french_spaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

    from decrochage_risk.pages.rendering import PageTable

__all__ = [
    "BLUE",
    "INK",
    "OCHRE",
    "PALE",
    "SOFT",
    "Chart",
    "Dot",
    "Drawing",
    "Line",
    "Panel",
    "dot_panel",
    "hundred_squares",
    "line_panel",
    "sign",
]

# Told apart in grey too: pages are printed in black and white, and read by the colour-blind.
INK, SOFT, PALE, BLUE, OCHRE = "#1b1b1b", "#57534c", "#dcd7cc", "#1d4f7c", "#8a4a00"
_STEPS = (1, 2, 3, 5, 10, 20, 25, 30, 50, 100)
_MOST_TICKS = 4


class Drawing:
    """An SVG in the making.

    Parameters
    ----------
    width, height : int
        Pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def path(
        self, d: str, *, fill: str = "none", stroke: str = "none", width: float = 1.0, dash: str = ""
    ) -> None:
        """Draw a path; many rectangles of one kind go into one path, which keeps a page small."""
        stroke_attributes = "" if stroke == "none" else f' stroke="{stroke}" stroke-width="{width:g}"'
        dash_attribute = f' stroke-dasharray="{dash}"' if dash else ""
        if d:
            self._parts.append(f'<path d="{d}" fill="{fill}"{stroke_attributes}{dash_attribute}/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, **look: Any) -> None:  # noqa: ANN401 - see path
        """Draw a line."""
        self.path(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", **({"stroke": PALE} | look))

    def dot(self, x: float, y: float, radius: float = 4.0, *, fill: str = BLUE, stroke: str = "none") -> None:
        """Draw a filled circle, or a hollow one."""
        edge = "" if stroke == "none" else f' stroke="{stroke}" stroke-width="1.5"'
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"{edge}/>')

    def text(self, x: float, y: float, words: str, classes: str = "") -> None:
        """Write words; they are escaped."""
        of_class = f' class="{classes}"' if classes else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}"{of_class}>{escape(french_spaces(words), quote=False)}</text>'
        )

    def hatched(self, x: float, y: float, width: float, height: float) -> None:
        """Hatch a rectangle: hidden, or not known."""
        strokes = []
        step = 5.0
        at = -height
        # Lines of our own: an SVG pattern needs an id, which two drawings of a page would share.
        while at < width:
            x1, x2 = max(at, 0.0), min(at + height, width)
            if x2 > x1:
                strokes.append(
                    f"M{x + x1:g} {y + height - (x1 - at):g}L{x + x2:g} {y + height - (x2 - at):g}"
                )
            at += step
        self.path("".join(strokes), stroke="#a59f93", width=0.8)

    def markup(self, title: str, description: str) -> Markup:
        """Give the SVG, with what a screen reader says of it."""
        from markupsafe import Markup  # noqa: PLC0415 - Jinja brings it, and loads on first use

        captions = "".join(
            f"<{tag}>{escape(french_spaces(words), quote=False)}</{tag}>"
            for tag, words in (("title", title), ("desc", description))
            if words
        )
        return Markup(  # noqa: S704 - every text in it was escaped above
            f'<svg width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}" role="img">'
            f"{captions}{''.join(self._parts)}</svg>"
        )

    def hidden(self) -> Markup:
        """Give the SVG as a mere sign, which its words beside it explain."""
        from markupsafe import Markup  # noqa: PLC0415 - Jinja brings it, and loads on first use

        return Markup(  # noqa: S704 - numbers and colours of this module only
            f'<svg width="{self.width}" height="{self.height}" aria-hidden="true">{"".join(self._parts)}</svg>'
        )


def sign(width: int, height: int, draw: Callable[[Drawing], None]) -> Markup:
    """Draw a sign for a legend."""
    drawing = Drawing(width, height)
    draw(drawing)
    return drawing.hidden()


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing of a figure, under its heading if it has one."""

    svg: Markup
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure: a sentence that says how to read it, its panels, its legend, its numbers as tables.

    Attributes
    ----------
    name : str
        Stable name, of its CSV file too.
    title, how : str
        What it shows, and how to read it.
    panels : tuple of Panel
    tables : tuple of PageTable
        The same numbers.
    key : tuple of (sign, words)
    marks : tuple of int
        Numbers of the reasons that the figure shows.
    tight : bool
        Small multiples, closer to each other.
    level : int
        Level of the headings of the panels.
    """

    name: str
    title: str
    how: str
    panels: tuple[Panel, ...]
    tables: tuple[PageTable, ...]
    key: tuple[tuple[Markup, str], ...] = ()
    marks: tuple[int, ...] = ()
    tight: bool = False
    level: int = 3


@dataclass(frozen=True, slots=True)
class Dot:
    """One line of a dot plot.

    Attributes
    ----------
    label : str
    value, low, high : float or None
        The dot and its interval; None: there is none.
    reference : float or None
        The line to hold it against.
    shown : str
        What is written at the right.
    hidden : bool
        Not published: the line is hatched.
    heading : bool
        A line that only holds words.
    """

    label: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    shown: str = ""
    hidden: bool = False
    heading: bool = False


def nice_top(largest: float) -> tuple[float, float]:
    """Find the end of a scale that begins at 0, and the distance of its marks.

    Examples
    --------
    >>> nice_top(13.4), nice_top(0.4), nice_top(0)
    ((15.0, 5.0), (1.0, 1.0), (1.0, 1.0))
    """
    step = next((float(one) for one in _STEPS if largest <= one * _MOST_TICKS), float(_STEPS[-1]))
    top = step
    while top < largest:
        top += step
    return top, step


def dot_panel(
    dots: Sequence[Dot], *, title: str, unit: str = "%", top: float | None = None, labels: int = 64
) -> Markup:
    """Draw dots with their intervals against a reference, one line each, on a scale from 0.

    Parameters
    ----------
    dots : sequence of Dot
        In their order.
    title : str
        For a screen reader; the description is made of the lines.
    unit : str
        Written at the end of the scale.
    top : float, optional
        End of the scale; by the values when left out.
    labels : int
        Pixels for the labels.
    """
    plot, right, line = 92, 50, 19
    bounds = [v for dot in dots for v in (dot.value, dot.high, dot.reference) if v is not None]
    end, step = nice_top(max(bounds, default=0.0)) if top is None else (top, nice_top(top)[1])
    drawing = Drawing(labels + plot + right, line * len(dots) + 22)

    def at(value: float) -> float:
        return labels + plot * min(value, end) / end

    bottom = line * len(dots) + 4
    tick = 0.0
    while tick <= end:
        drawing.line(at(tick), 2, at(tick), bottom)
        drawing.text(at(tick), bottom + 13, french.number(tick), "s m")
        tick += step
    drawing.text(labels + plot + 14, bottom + 13, unit, "s")
    for number, dot in enumerate(dots):
        y = line * number + 12
        drawing.text(0, y + 4, dot.label, "b" if dot.heading else "")
        if dot.hidden:
            drawing.hatched(labels, y - 5, plot, 10)
        if dot.reference is not None:
            drawing.line(at(dot.reference), y - 8, at(dot.reference), y + 8, stroke=INK, width=2)
        if dot.low is not None and dot.high is not None:
            drawing.line(at(dot.low), y, at(dot.high), y, stroke=BLUE, width=2)
        if dot.value is not None:
            drawing.dot(at(dot.value), y)
        drawing.text(
            labels + plot + right, y + 4, dot.shown, "r s" if dot.hidden or dot.value is None else "r f"
        )
    sentences = [f"{dot.label} : {dot.shown or '—'}" for dot in dots if not dot.heading]
    return drawing.markup(title, " ; ".join(sentences))


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a line panel.

    Attributes
    ----------
    values : tuple of float or None
        One per place on the axis; None leaves a gap.
    hidden : tuple of bool
        Places that are not published.
    stroke, dash : str
    width : float
    dots : bool
        Whether each value has its dot.
    """

    values: tuple[float | None, ...]
    hidden: tuple[bool, ...] = ()
    stroke: str = BLUE
    width: float = 2.0
    dash: str = ""
    dots: bool = False


def line_panel(
    lines: Sequence[Line], places: Sequence[str], *, title: str, description: str, top: float | None = None
) -> Markup:
    """Draw curves over the same places (months), on a scale from 0; a place that is hidden has a crossed square."""
    left, plot, height = 22, 176, 64
    largest = max((v for one in lines for v in one.values if v is not None), default=0.0)
    end = nice_top(largest)[0] if top is None else top
    drawing = Drawing(left + plot + 8, height + 30)

    def x(place: float) -> float:
        return left + plot * place / max(1, len(places) - 1)

    def y(value: float) -> float:
        return 8 + height * (1 - value / end)

    for mark in (0.0, end / 2, end):
        drawing.line(left, y(mark), left + plot, y(mark))
        drawing.text(left - 4, y(mark) + 4, french.number(mark, None), "s r")
    for number, name in enumerate(places):
        drawing.text(x(number), height + 24, name, "s m")
    for one in lines:
        points = [(x(n), y(v)) if v is not None else None for n, v in enumerate(one.values)]
        d = "".join(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" for a, b in pairwise(points) if a and b)
        drawing.path(d, stroke=one.stroke, width=one.width, dash=one.dash)
        for point in points if one.dots else ():
            if point:
                drawing.dot(point[0], point[1], 2.6, fill=one.stroke)
        for number, is_hidden in enumerate(one.hidden):
            if is_hidden:
                corner = f"M{x(number) - 3.5:.1f} {height + 4.5:.1f}h7v7h-7z"
                drawing.path(f"{corner}m0 0l7 7m0 -7l-7 7", fill="#fff", stroke=SOFT)
    return drawing.markup(title, description)


def hundred_squares(filled: int, *, title: str, description: str) -> Markup:
    """Draw a hundred squares, some of them filled, the last ones.

    Raises
    ------
    ValueError
        Not between 0 and 100.
    """
    if not 0 <= filled <= 100:  # noqa: PLR2004 - of a hundred
        message = f"{filled} squares of a hundred came; expected 0 to 100"
        raise ValueError(message)
    drawing = Drawing(20 * _STEP + _GAP, 5 * _STEP)
    squares = _squares()
    drawing.path("".join(squares[: 100 - filled]), fill="#fff", stroke=SOFT, width=1.2)
    drawing.path("".join(squares[100 - filled :]), fill=INK, stroke=INK, width=1.2)
    return drawing.markup(title, description)


_STEP, _GAP, _SIDE = 16, 8, 11


@cache
def _squares() -> tuple[str, ...]:
    """Outline a hundred squares: five rows of two tens each, the tens apart."""
    return tuple(
        f"M{place % 20 * _STEP + (_GAP if place % 20 >= 10 else 0) + 1} {place // 20 * _STEP + 1}"  # noqa: PLR2004 - two tens a row
        f"h{_SIDE}v{_SIDE}h-{_SIDE}z"
        for place in range(100)
    )
