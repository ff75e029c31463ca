"""A page shown inside a notebook: in a frame of its own, so that neither style disturbs the other."""

from __future__ import annotations

from html import escape

__all__ = ["embedded"]


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
