"""What the documentation site needs beside mkdocs: files of the project that lie outside of ``docs``, and links to them.

A link is written so that it holds in the checkout (``../notebooks/02_reentrainer.ipynb``). The site has the same files under the same
names, and this module turns the links; a target that is nowhere stays as it is, and mkdocs, which is strict, stops on it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "examples/**/*.py",
    "examples/**/*.toml",
    "models/demo/*.md",
    "notebooks/*.ipynb",
    "src/decrochage_risk/**/*.toml",
)
"""Files of the project that pages may link to, as patterns; those that end in .md or .ipynb become pages."""

_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


@event_priority(100)  # before the notebooks are looked for
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that lie outside of ``docs``, under their path in the project."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """Turn the links of a page from places in the project to places in the site."""
    return turned(markdown, page.file.src_uri)


def turned(markdown: str, page: str) -> str:
    """Turn the relative links of one page, named as in the site.

    Examples
    --------
    >>> turned("[a](../CHANGELOG.md) [b](records.md#x)", "imports.md")
    '[a](CHANGELOG.md) [b](records.md#x)'
    >>> turned("[a](docs/records.md)", "CONTRIBUTING.md")
    '[a](records.md)'
    """
    in_project = f"docs/{page}" if (ROOT / "docs" / page).is_file() else page

    def turn(link: re.Match[str]) -> str:
        target = link[2]
        if "://" in target or target.startswith(("/", "mailto:")):
            return link[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(in_project), target))
        in_site = place.removeprefix("docs/") if place.startswith("docs/") else place
        return link[1] + posixpath.relpath(in_site, posixpath.dirname(page) or ".") + link[3]

    return _LINK.sub(turn, markdown)
