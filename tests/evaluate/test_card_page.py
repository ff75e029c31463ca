"""The card as a web page: the same text, nothing that runs, nothing that calls elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from decrochage_risk import french
from decrochage_risk.evaluate.card_page import card_page
from decrochage_risk.pages import french_spaces
from decrochage_risk.score import load_demo_model

CARD = "# Fiche du modèle essai\n\n> **Note.**\n\n## Données\n\n- une `ligne`\n\n| groupe | taux |\n|---|---:|\n| F & M | 3,5 % |\n"


class Reader(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag; a meta tag is never closed."""
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold the end against the last tag that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_holds_the_text_of_the_card() -> None:
    """Every word of headings, lists and tables is in the page, every tag is closed, the table is a table."""
    reader = read(card_page(CARD))
    text = " ".join(" ".join(reader.text).split())
    for part in ("Fiche du modèle essai", "Note.", "Données", "ligne", "groupe", "F & M", "3,5 %"):
        assert part in text
    assert {"h1", "h2", "blockquote", "li", "code", "table", "th", "td", "strong"} <= set(reader.tags)


@pytest.mark.parametrize(
    "bad", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))"]
)
def test_nothing_in_a_name_becomes_a_tag(bad: str) -> None:
    """A model, school or network whose name holds markup is text in the title, in a paragraph and in a table."""
    reader = read(card_page(f"# Fiche {bad}\n\n{bad}\n\n| a |\n|---|\n| {bad} |\n"))
    assert not {"script", "img"} & set(reader.tags)
    assert not {"onerror", "src"} & set(reader.attributes)
    assert "href" not in reader.attributes


def test_the_page_calls_nothing_and_never_changes() -> None:
    """No address, no script; the same card gives the same bytes."""
    page = card_page(CARD)
    assert "http" not in page
    assert "<script" not in page
    assert page == card_page(CARD)
    assert page.startswith("<!DOCTYPE html>")
    assert '<html lang="fr">' in page


def test_codes_of_features_come_last() -> None:
    """Variables have French names in the card; each code stands once, in a table of the last section."""
    card = "# Fiche\n\n## Modèle\n\n- Variables (2) : `mean_grade_12w`, `lateness_12w`\n\n## Fin\n\nVoir `repeated_years`, `autre`.\n"
    text = " ".join(" ".join(read(card_page(card)).text).split())
    before, _, last = text.rpartition("Variables et leurs codes")
    for code in ("mean_grade_12w", "lateness_12w", "repeated_years"):
        assert code not in before
        assert last.count(code) == 1
    assert "autre" in before
    assert "Moyenne des notes, 12 dernières semaines" in last
    assert "Variables (2)" in before


def test_definitions_of_features_are_read_once_with_their_code() -> None:
    """The section that a card has of its variables becomes its last table: definition, group, code, each code once."""
    model = load_demo_model()
    page = card_page(model.card, model.report)
    text = " ".join(" ".join(read(page).text).split())
    _, _, last = text.rpartition("Variables et leurs codes")
    assert page.count(">Variables et leurs codes</h2>") == 1
    assert "Ce que c’est Groupe Code" in last
    assert last.count("mean_grade_12w ") == last.count("lateness_12w ") == 1
    assert "« Retards notés" not in last


def test_only_columns_of_numbers_are_set_to_the_right() -> None:
    """A name in a column stands to the left whatever its alignment in the Markdown; a hidden number stays in one piece."""
    table = "| | groupe | élèves |\n|---|---:|---:|\n| niveau | 1re année de CAP | trop petit |\n| niveau | 3e | 1\u202f389 |\n"
    page = card_page(f"# Fiche\n\n## Par groupe\n\n{table}")
    assert "<td>1re année de CAP</td>" in page
    assert "<td>3e</td>" in page
    assert '<td class="num">trop\u00a0petit</td>' in page
    assert '<td class="num">1\u202f389</td>' in page


def test_numbers_of_the_front_are_those_of_the_report() -> None:
    """Errors by group, recall and workload by level stand in the drawings, their texts and their tables as the report holds them."""
    model = load_demo_model()
    page = card_page(model.card, model.report)
    text = " ".join(read(page).text)
    measured = [one for one in model.report["groups"] if one["missed"] is not None]
    shown = [one for one in measured if one["dimension"] in {"sex", "years_behind", "pathway"}]
    assert shown
    for one in shown:
        words = french_spaces(french.percent(one["missed"], 1))
        assert text.count(words) + page.count(f": {words}") >= 2
    for one in measured:
        if one["dimension"] == "level":
            assert french_spaces(french.percent(1 - one["missed"], 1)) in text
            assert french_spaces(french.percent(one["listed"] / one["rows"], 1)) in text
