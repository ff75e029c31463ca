"""The pages as people will see them: no fault that axe-core finds, nothing cut, so many sheets, a keyboard that gets everywhere."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.evaluate import card_page
from decrochage_risk.notices import notice
from decrochage_risk.records import PupilRecords
from decrochage_risk.report import write_report
from decrochage_risk.report.school_pages import class_page
from decrochage_risk.report.situations import SchoolClass, schools_of
from decrochage_risk.score import score_pupils

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

KINDS = ("index", "school", "class", "pupil", "notice", "network", "card", "short card")
PHONE, TABLET, DESKTOP = 390, 768, 1280
SHEET, SHEET_ACROSS = 703, 1017
"""Pixels of an A4 sheet between its margins, upright and across."""
SHEETS = {"index": 2, "school": 1, "pupil": 3, "notice": 2, "network": 4}
"""Sheets of A4 at most."""

_CUT = """() => [...document.querySelectorAll("main *, header *")].filter(one => {
  if (one.closest("details:not([open])") || one.closest(".scroll, svg, table.stack thead") || !one.textContent.trim()) return false
  const box = one.getBoundingClientRect()
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1)
}).map(one => one.tagName + " " + one.textContent.trim().slice(0, 40))"""

_WORDS_OVER_WORDS = """() => {
  const found = []
  for (const drawing of document.querySelectorAll("svg[role=img]")) {
    if (drawing.closest("details:not([open])")) continue
    const frame = drawing.getBoundingClientRect()
    const words = [...drawing.querySelectorAll("text")].map(one => [one.textContent, one.getBoundingClientRect()])
    for (const [text, box] of words)
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.bottom > frame.bottom + 2) found.push("cut: " + text)
    for (let i = 0; i < words.length; i++) for (let j = i + 1; j < words.length; j++) {
      const [a, b] = [words[i][1], words[j][1]]
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
      if (wide > 2 && high > 5) found.push(words[i][0] + " over " + words[j][0])
    }
  }
  return found
}"""


_BROKEN_NUMBERS = """() => {
  const broken = []
  for (const cell of document.querySelectorAll("td.num, td.hid")) {
    if (cell.closest("details:not([open])") || !cell.firstChild) continue
    const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
    for (let node = words.nextNode(); node; node = words.nextNode())
      for (const word of node.textContent.matchAll(/[^ \\n]+/g)) {
        const range = document.createRange()
        range.setStart(node, word.index)
        range.setEnd(node, word.index + word[0].length)
        if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) broken.push(word[0])
      }
  }
  return broken
}"""


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Open pages at a width; nothing of them may ask for the network."""
    opened = []

    def at(path: Path, width: int = DESKTOP) -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900})
        opened.append(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        assert [address for address in asked if not address.startswith("file:")] == []
        return page

    yield at
    for page in opened:
        page.close()


def sheets_of(page: Any) -> int:
    """Print a page to PDF and count its sheets."""
    from pypdf import PdfReader  # noqa: PLC0415 - an extra of these tests

    return len(PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))).pages)


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(open_page: Any, pages: dict[str, Path], kind: str, width: int) -> None:
    """Contrast, headings, language, names of drawings, scopes of tables: axe-core has nothing to say, folds open or not."""
    page = open_page(pages[kind], width)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    for opened in (False, True):
        if opened:
            page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
        result = page.evaluate("async () => await axe.run(document)")
        faults = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in result["violations"]]
        assert faults == []


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut(open_page: Any, pages: dict[str, Path], kind: str, width: int) -> None:
    """No page is wider than its screen, no text leaves it, no word of a drawing is cut or lies over another."""
    page = open_page(pages[kind], width)
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(_CUT) == []
    assert page.evaluate(_WORDS_OVER_WORDS) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_on_paper(open_page: Any, pages: dict[str, Path], kind: str) -> None:
    """No table or drawing is wider than the sheet, and no number of a cell is broken in two."""
    page = open_page(pages[kind], SHEET_ACROSS if kind == "class" else SHEET)
    page.emulate_media(media="print")
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(_BROKEN_NUMBERS) == []


@pytest.mark.parametrize("kind", ["index", "network"])
def test_tables_that_everybody_reads_fit_a_phone(open_page: Any, pages: dict[str, Path], kind: str) -> None:
    """The counts of schools and of a network are read on a phone without moving them sideways, folds open or not."""
    page = open_page(pages[kind], PHONE)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    wide = "() => [...document.querySelectorAll('.scroll')].map(one => one.scrollWidth - one.clientWidth).filter(one => one > 0)"
    assert page.evaluate(wide) == []


@pytest.mark.parametrize("kind", sorted(SHEETS))
def test_a_page_fits_its_sheets(open_page: Any, pages: dict[str, Path], kind: str) -> None:
    """On paper each page has the sheets that the index says, at most."""
    assert sheets_of(open_page(pages[kind])) <= SHEETS[kind]


def test_a_class_of_thirty_with_four_situations_is_one_sheet(
    open_page: Any,
    small_scores: RiskScores,
    tmp_path: Path,
) -> None:
    """The list of a meeting is one sheet, even with the four longest situations of the cohort."""
    schools = list(schools_of(small_scores, despite_verdict=True))
    longest = sorted(
        (one for school in schools for one in school.situations),
        key=lambda one: -(len(one.fact) + sum(len(each.label) for each in one.pupil.measures)),
    )
    group = SchoolClass("2de_pro-1", 30, longest[:4], [f"P{number:06d}" for number in range(26)])
    path = tmp_path / "classe.html"
    path.write_text(class_page(schools[0], group, small_scores.run, pupils={}), encoding="utf-8")
    assert sheets_of(open_page(path)) == 1


_SMALLEST = """() => Math.min(...[...document.querySelectorAll("header *, main *, footer *")]
  .filter(one => !one.closest("details:not([open]), .screen, .n") && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
  .map(one => parseFloat(getComputedStyle(one).fontSize) * 0.75))"""
"""Points of the smallest text of a page."""


def test_every_notice_is_two_sheets_in_eleven_points(
    open_page: Any, small_scores: RiskScores, tmp_path: Path
) -> None:
    """Flagged, not flagged, without an estimate, gone: no notice needs a third sheet, and no word of one is smaller."""
    flagged = [pupil for pupil in small_scores if pupil.flagged]
    others = [pupil for pupil in small_scores if not pupil.flagged]
    for pupil in [*flagged, *others[:: len(others) // 12]]:
        path = tmp_path / "notice.html"
        path.write_text(notice(small_scores, pupil).to_html(), encoding="utf-8")
        page = open_page(path)
        assert sheets_of(page) <= 2, pupil.pupil_id
        page.emulate_media(media="print")
        assert page.evaluate(_SMALLEST) >= 11, pupil.pupil_id


@pytest.mark.parametrize("kind", KINDS)
def test_headings_go_down_step_by_step(open_page: Any, pages: dict[str, Path], kind: str) -> None:
    """One heading of the first level, and no level left out on the way down."""
    levels = open_page(pages[kind]).evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => +one.tagName[1])"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("kind", ["index", "school", "class", "pupil", "notice", "network", "card"])
def test_the_keyboard_gets_everywhere_in_order(open_page: Any, pages: dict[str, Path], kind: str) -> None:
    """Pressing Tab visits every link, fold and button once, from top to bottom, and shows where it is."""
    page = open_page(pages[kind])
    count = page.evaluate(
        # What lies in a closed fold is reached once it is open.
        "() => [...document.querySelectorAll('a[href], summary, button, [tabindex=\"0\"]')].filter(one => one.checkVisibility()).length"
    )
    places = []
    for _ in range(min(count, 40)):
        page.keyboard.press("Tab")
        places.append(
            page.evaluate("() => { const one = document.activeElement, box = one.getBoundingClientRect(); "
                          "return [box.top + scrollY, box.left, getComputedStyle(one).outlineStyle] }")
        )  # fmt: skip
    assert len(places) == min(count, 40)
    assert all(outline == "solid" for *_, outline in places)
    # Upwards only to the right: into the next column of a list.
    assert all(
        top >= top_before - 40 or left > left_before + 40
        for (top_before, left_before, _), (top, left, _) in pairwise(places)
    )


def test_a_table_is_sorted_by_its_heading(open_page: Any, pages: dict[str, Path]) -> None:
    """Pressed once, the heading of a column sorts it upwards, pressed again downwards; screen readers are told."""
    page = open_page(pages["index"])
    column = "() => [...document.querySelectorAll('table.sortable tbody tr')].map(row => row.cells[2].textContent.trim())"
    button = page.locator("table.sortable thead th:nth-child(3) button")
    button.click()
    upwards = [int(cell.replace("–", "0")) for cell in page.evaluate(column)]
    assert upwards == sorted(upwards)
    assert page.locator("table.sortable thead th:nth-child(3)").get_attribute("aria-sort") == "ascending"
    button.click()
    assert [int(cell.replace("–", "0")) for cell in page.evaluate(column)] == upwards[::-1]


def test_pages_are_read_without_scripts(browser: Any, pages: dict[str, Path]) -> None:
    """With scripts switched off every page has the same words, and folds still open."""
    for kind in KINDS:
        words = []
        for enabled in (True, False):
            context = browser.new_context(java_script_enabled=enabled)
            page = context.new_page()
            page.goto(pages[kind].as_uri())
            words.append(page.locator("main").inner_text())
            context.close()
        assert words[0] == words[1]


def test_a_hidden_link_table_leaves_no_name(open_page: Any, small_scores: RiskScores, tmp_path: Path) -> None:
    """A long name of a school's link table is wrapped, never cut, on the list of its class."""
    school = next(school for school in schools_of(small_scores, despite_verdict=True) if school.situations)
    group = next(group for group in school.classes if group.situations)
    long = replace(group.situations[0], name="Dupont-Beaumarchais de la Tour Anne-Charlotte Emmanuelle")
    path = tmp_path / "classe.html"
    shown = SchoolClass(group.name, group.pupils, [long, *group.situations[1:]], [long.name] * 5)
    path.write_text(class_page(school, shown, small_scores.run, pupils={}), encoding="utf-8")
    for width in (PHONE, DESKTOP):
        page = open_page(path, width)
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.evaluate(_CUT) == []


def test_markup_in_ids_runs_nowhere(
    browser: Any, small_cohort: Cohort, small_model: TrainedModel, tmp_path: Path
) -> None:
    """Ids, classes, networks, names and a contact that hold markup run nothing and add no element, on any page of a report."""
    bad = '</style></title><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    chosen = small_cohort.tables["pupils"]["pupil_id"].tolist()[-60:]
    tables = {
        name: small_cohort.tables[name][small_cohort.tables[name]["pupil_id"].isin(chosen)].reset_index(
            drop=True
        )
        for name in ("pupils", "enrolments", "absences", "grades", "orientation")
    }
    tables = {name: rows.assign(pupil_id=bad + rows["pupil_id"]) for name, rows in tables.items()}
    tables["enrolments"] = tables["enrolments"].assign(class_id=bad, network_id=bad)
    with pytest.warns(DemoModelWarning):
        scores = score_pupils(PupilRecords(**tables), as_of="2025-03-05", model=small_model, explain="all")
    index = write_report(
        scores,
        tmp_path / "pages",
        names={bad + chosen[0]: bad},
        contact=bad,
        networks=[bad],
        despite_verdict=True,
    )
    (index.parent / "fiche.html").write_text(
        card_page(f"# Fiche {bad}\n\n{bad}\n\n| a |\n|---|\n| {bad} |\n"), encoding="utf-8"
    )
    pages = sorted(index.parent.rglob("*.html"))
    kinds = {page.name.partition("-")[0] for page in pages}
    assert {"index.html", "classe", "eleve", "notice", "fiche.html"} <= kinds
    assert any(page.parent.parent.name == "reseaux" for page in pages)
    opened = browser.new_page()
    messages: list[str] = []
    opened.on("dialog", lambda dialog: (messages.append(dialog.message), dialog.dismiss()))
    for page in pages:
        opened.goto(page.as_uri())
        assert opened.evaluate("() => document.querySelectorAll('img, title ~ title').length") == 0, page.name
        assert opened.evaluate("() => document.querySelectorAll('style').length") == 1, page.name
    opened.close()
    assert messages == []
