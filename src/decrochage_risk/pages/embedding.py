"""What a notebook shows: a page in a frame of its own, so that neither style disturbs the other; a figure with its words."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from decrochage_risk.french import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "embedded", "picture"]


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
        shown = {
            "text/html": f'<img alt="{words}" src="data:image/png;base64,{data}" style="max-width:100%">',
            "image/png": data,
            "text/plain": self.alternative,
        }
        return shown, {"image/png": {"alt": self.alternative}}


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
                axis.set_major_formatter(lambda value, _: number(value))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    plt.close(figure)
    return Picture(file.getvalue(), alternative)
