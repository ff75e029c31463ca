"""Laws of the documentation site that need no generator: every public name has one place, every page stands in the menu."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import decrochage_risk
from conclusions_page import conclusions_files

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MENU = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
LAWS = sorted(page for page in (DOCS / "lois").glob("*.md") if page.name != "index.md")


def test_every_public_name_has_one_page() -> None:
    """Each name of the top package stands once in the API reference and in its index, and no other name does."""
    pages = [page.read_text(encoding="utf-8") for page in sorted((DOCS / "api").glob("*.md"))]
    names = re.findall(r"^::: decrochage_risk\.(\w+)$", "\n".join(pages), flags=re.MULTILINE)
    assert sorted(names) == sorted(decrochage_risk.__all__)
    index = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    table = [line for line in index.splitlines() if line.startswith("| [")]
    assert sorted(re.findall(r"`(\w+)`", "\n".join(table))) == sorted(decrochage_risk.__all__)


def test_every_page_stands_in_the_menu() -> None:
    """Each page of docs is in the menu once; what the menu names is there."""
    named = re.findall(r"[\w/.-]+\.(?:md|ipynb)", MENU)
    assert len(named) == len(set(named))
    assert {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} <= set(named)
    assert [name for name in named if not ((DOCS / name).is_file() or (ROOT / name).is_file())] == []


@pytest.mark.parametrize("page", LAWS, ids=lambda page: page.stem)
def test_every_law_names_tests_that_are_there(page: Path) -> None:
    """A page of a law names the files that try it, and they are there."""
    tests = re.findall(r"`(tests/[\w/]+\.py)`", page.read_text(encoding="utf-8"))
    assert tests
    assert [name for name in tests if not (ROOT / name).is_file()] == []


def test_the_glossary_holds_each_term_once() -> None:
    """No French term of the glossary comes twice, and each has its English and its meaning."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "glossaire.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ][1:]
    assert len(rows) > 40
    assert all(len(row) == 3 and all(row) for row in rows)
    assert len({row[0] for row in rows}) == len(rows)


def test_the_keys_of_retrain_are_all_on_their_page() -> None:
    """The page on yearly training lists every key of the file of ``retrain``, and no other one."""
    page = (DOCS / "guides" / "entrainer.md").read_text(encoding="utf-8")
    keys = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert sorted(keys) == sorted(decrochage_risk.RetrainConfig.model_fields)


def test_pictures_and_conclusions_are_those_of_the_model() -> None:
    """The page of conclusions and its pictures are what the report of the demonstration model says now."""
    for name, text in conclusions_files().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name
