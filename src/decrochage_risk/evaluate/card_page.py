"""The model card as a web page: the same text and figures, for a reader who opens no Markdown.

One file without scripts or outside links, that prints well. The Markdown is read by markdown-it (which rich brings)
with raw HTML switched off, the frame around it is a Jinja2 template with autoescape: a name holding ``<`` stays text.
"""

from __future__ import annotations

from importlib.resources import files

_TABLE, _IN_BOX = ("<table>", "</table>"), ('<div class="table"><table>', "</table></div>")


def card_page(card: str) -> str:
    r"""Write a model card as HTML.

    Parameters
    ----------
    card : str
        The card in Markdown, from `decrochage_risk.evaluate.card.model_card`.

    Returns
    -------
    str
        A whole page, the same bytes for the same card.

    Examples
    --------
    >>> page = card_page("# Fiche <b>\n\n| a |\n|---|\n| 1 |\n")
    >>> "<title>Fiche &lt;b&gt;</title>" in page, "<h1>Fiche &lt;b&gt;</h1>" in page, "<td>1</td>" in page
    (True, True, True)
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  # loaded on first use
    from markdown_it import MarkdownIt  # noqa: PLC0415  # loaded on first use
    from markupsafe import Markup  # noqa: PLC0415  # jinja2 brings it

    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(card)
    for plain, boxed in zip(_TABLE, _IN_BOX, strict=True):
        rendered = rendered.replace(plain, boxed)
    title = next((line[2:] for line in card.splitlines() if line.startswith("# ")), "")
    template = files(__package__).joinpath("card.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    # markdown-it has escaped the text: what comes here holds no tag but its own
    return environment.from_string(template).render(title=title, body=Markup(rendered))  # noqa: S704
