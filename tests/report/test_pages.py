from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from decrochage_risk import french
from decrochage_risk.errors import RecordsError
from decrochage_risk.explain.sentences import fact_of, reference_of
from decrochage_risk.french import forbidden_in
from decrochage_risk.pages import french_spaces
from decrochage_risk.records import PupilRecords
from decrochage_risk.report import ReportFolder, write_report
from decrochage_risk.report.facts import PupilFacts
from decrochage_risk.report.pupil_page import pupil_page
from decrochage_risk.report.school_pages import class_page, school_page
from decrochage_risk.report.situations import schools_of
from decrochage_risk.result_folders import hold
from decrochage_risk.score.run_facts import load_demo_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.report.situations import School, Situation
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="module")
def schools(small_scores: RiskScores) -> list[School]:
    """List the schools of the small cohort that have a situation."""
    return [school for school in schools_of(small_scores, despite_verdict=True) if school.situations]


@pytest.fixture(scope="module")
def facts(small_scores: RiskScores) -> PupilFacts:
    """Gather the facts over time of everybody."""
    return PupilFacts(small_scores.known, small_scores.records, small_scores.silence)


def _text(page: str) -> str:
    """Give the words of a page, without its head, tags and entities."""
    body = page[page.index("<body>") :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def _shown(text: str) -> str:
    return " ".join(french_spaces(text).split())


def _situations(schools: list[School], count: int = 25) -> list[Situation]:
    return [one for school in schools for one in school.situations][:count]


def test_every_number_of_a_pupils_page_is_that_of_the_result(
    small_scores: RiskScores, schools: list[School], facts: PupilFacts
) -> None:
    """Reasons, measures, comparable pupils, interval and points stand on the page as the result holds them."""
    for one in _situations(schools):
        text = _text(pupil_page(one, small_scores.run, facts))
        pupil = one.pupil
        for reason in (*pupil.reasons, *pupil.protective):
            assert _shown(fact_of(reason.text))[1:] in text
            assert _shown(reference_of(reason.text))[1:] in text
            assert _shown(french.signed(reason.points, 1)) in text
        for measure in pupil.measures:
            assert _shown(measure.label) in text
            assert all(_shown(fact.text) in text for fact in measure.facts)
        if pupil.risk is not None and pupil.comparable is not None and pupil.interval is not None:
            assert _shown(french.percent(pupil.risk, 1)) in text
            assert _shown(french.percent(pupil.interval.low)) in text
            assert _shown(french.number(pupil.comparable.pupils)) in text
            left = round(100 * pupil.comparable.share)
            assert f"environ {100 - left} n’ont pas quitté" in text
        if pupil.cause is not None:
            assert _shown(pupil.cause) in text


def test_nothing_is_in_case_of_an_exit_for_who_has_left(
    small_scores: RiskScores, schools: list[School], facts: PupilFacts
) -> None:
    """Measures for an exit stand apart on the page of an enrolled pupil, and among those of now on that of one who has left."""
    kinds = set()
    for one in _situations(schools, 60):
        text = _text(pupil_page(one, small_scores.run, facts)).replace("\u2019", "'")
        has_left = "departure" in one.pupil.ways
        has_some = any(measure.after_leaving for measure in one.pupil.measures)
        assert ("Si l'élève quittait l'établissement" in text) is (has_some and not has_left)
        kinds.add((has_left, has_some))
    assert {(True, True), (False, True)} <= kinds


def test_counts_of_a_school_are_those_of_its_classes(small_scores: RiskScores, schools: list[School]) -> None:
    """The table of a school sums to its total line, and its total to the pupils and situations of the run."""
    for school in schools:
        page = school_page(school, small_scores.run, classes={})
        rows = [
            re.findall(r'<td class="num">([^<]*)</td>', row)
            for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)
        ]
        numbers = [
            [0 if cell == "–" else int(cell.replace("\u202f", "")) for cell in row] for row in rows if row
        ]
        *classes, total = numbers
        assert [sum(column) for column in zip(*classes, strict=True)] == total
        assert total[0] == school.pupils
        assert total[-1] == len(school.situations)


def test_a_class_list_names_no_risk_and_no_rank(small_scores: RiskScores, schools: list[School]) -> None:
    """What lies on the table of a meeting holds no percentage of risk, no rank and no word that labels a pupil."""
    for school in schools[:8]:
        for group in school.classes:
            text = _text(class_page(school, group, small_scores.run, pupils={}))
            for one in group.situations:
                assert one.name in text
                if one.pupil.risk is not None:
                    assert french.percent(one.pupil.risk, 1) not in text
            assert forbidden_in(text) == []
            assert "rang " not in re.sub(r"vœu de rang \d+", "", text)


def test_pages_are_whole_and_ask_nothing_of_the_network(
    small_scores: RiskScores, schools: list[School], facts: PupilFacts
) -> None:
    """A page names its language and title, holds its style, and no address, script or picture from elsewhere."""
    school = schools[0]
    one = school.situations[0]
    pages = [
        school_page(school, small_scores.run, classes={}),
        class_page(school, school.classes[0], small_scores.run, pupils={}),
        pupil_page(one, small_scores.run, facts),
    ]
    for page in pages:
        assert '<html lang="fr">' in page
        assert re.search(r"<title>[^<]+</title>", page)
        assert not re.search(r"(?:https?:)?//[a-z]|<link|<img|@import|url\(", page)
        assert page.count("<h1") == 1
        assert forbidden_in(_text(page)) == []
        assert not re.search(r"\bNone\b|\bnan\b|\{\{|\{%", page)


def test_ids_classes_and_names_stay_text(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """An id, a class, a network or a name that holds markup is text on every page, in its drawings and in its style."""
    bad = '</style><script>alert(1)</script>"\\ <img src=x onerror=alert(1)>'
    chosen = small_scores.flagged["pupil_id"].tolist()[:2]
    tables: dict[str, Any] = {}
    for name in ("pupils", "enrolments", "absences", "grades", "orientation"):
        rows = small_cohort.tables[name]
        rows = rows[rows["pupil_id"].isin(chosen)].reset_index(drop=True)
        tables[name] = rows.assign(
            pupil_id=rows["pupil_id"].map({chosen[0]: f"{bad}1", chosen[1]: f"{bad}2"})
        )
    tables["enrolments"] = tables["enrolments"].assign(class_id=bad, network_id=bad)
    scores = score(PupilRecords(**tables))
    index = write_report(
        scores, tmp_path / "pages", names={f"{bad}1": f"{bad}n"}, contact=bad, networks=[bad]
    )
    pages = list(index.parent.rglob("*.html"))
    assert len(pages) > 6
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img" not in text
        assert text.count("</style>") == 1
        assert re.fullmatch(r"[A-Za-z0-9-]+\.html", page.name)


@pytest.mark.whole
def test_a_report_replaces_only_what_a_run_listed(small_scores: RiskScores, tmp_path: Path) -> None:
    """Somebody's file, an edited page, a link, a second run at once: each is named and stays; a report of ours is replaced."""
    folder, mine = tmp_path / "pages", tmp_path / "mine.html"
    mine.write_text("mine")
    write_report(small_scores, folder)
    write_report(small_scores, folder, notices=False)
    assert not list(folder.rglob("notice-*.html"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with hold(folder), pytest.raises(RecordsError, match=r"another run \(process"):
        write_report(small_scores, folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(RecordsError, match=r"notes\.txt"):
        write_report(small_scores, folder)
    (folder / "notes.txt").unlink()
    (folder / "lien.html").symlink_to(mine)
    with pytest.raises(RecordsError, match=r"lien\.html \(a link\)"):
        write_report(small_scores, folder)
    (folder / "lien.html").unlink()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    (folder / "index.html").write_text("a note of mine")
    with pytest.raises(RecordsError, match=r"index\.html \(changed since\)"):
        write_report(small_scores, folder)
    assert (folder / "index.html").read_text() == "a note of mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "pages"]


@pytest.mark.whole
def test_every_link_of_a_report_leads_to_a_page(small_scores: RiskScores, tmp_path: Path) -> None:
    """Index, schools, classes, pupils and notices: each address in a page is that of a file of the report."""
    index = write_report(small_scores, tmp_path / "pages")
    pages = list(index.parent.rglob("*.html"))
    seen = set()
    for page in pages:
        for link in re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            assert target.is_file(), f"{page.name} -> {link}"
            seen.add(target)
    assert {page.resolve() for page in pages} - seen <= {index.resolve()}


@pytest.mark.whole
def test_scores_write_their_own_report(small_scores: RiskScores, tmp_path: Path) -> None:
    """``scores.report`` writes the same pages as the function of the door."""
    one = small_scores.report(tmp_path / "one", notices=False)
    two = write_report(small_scores, tmp_path / "two", notices=False)
    names = sorted(path.relative_to(one.parent) for path in one.parent.rglob("*.html"))
    assert names == sorted(path.relative_to(two.parent) for path in two.parent.rglob("*.html"))
    assert all((one.parent / name).read_bytes() == (two.parent / name).read_bytes() for name in names)


def test_numbers_of_the_index_and_of_class_lists_are_those_of_the_run(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """Pupils, situations by way and first facts of the index and of every class list are recounted from the result."""
    frame = small_scores.frame
    chosen = frame.loc[frame["flagged"], "school_id"].dropna().unique()[:2]
    ids = set(frame.loc[frame["school_id"].isin(chosen), "pupil_id"])
    tables = {
        name: small_cohort.tables[name][small_cohort.tables[name]["pupil_id"].isin(ids)].reset_index(
            drop=True
        )
        for name in ("pupils", "enrolments", "absences", "grades", "orientation")
    }
    scores = score(PupilRecords(**tables))
    index = write_report(scores, tmp_path / "pages", despite_verdict=True, notices=False)
    lines = re.findall(
        r'<tr><th scope="row"><a href="([^"]+)">([^<]+)</a>(.*?)</tr>', index.read_text(encoding="utf-8")
    )
    cells = {
        school: (
            link,
            [int(cell.replace("–", "0")) for cell in re.findall(r'<td class="num">([^<]*)</td>', row)],
        )
        for link, school, row in lines
        if 'class="num"' in row
    }
    assert set(cells) == set(chosen)
    for school in chosen:
        link, counts = cells[school]
        here = scores.frame[scores.frame["school_id"] == school]
        pupils = [scores[pupil] for pupil in here["pupil_id"]]
        on_list = [pupil for pupil in pupils if pupil.ways]
        by_way = [sum(way in pupil.ways for pupil in on_list) for way in ("risk", "legal", "departure")]
        assert counts == [int(here["enrolled"].sum()), *by_way, len(on_list)]
        lists = " ".join(
            _text(page.read_text(encoding="utf-8"))
            for page in (index.parent / link).parent.glob("classe-*.html")
        )
        for pupil in on_list:
            assert pupil.pupil_id in lists
        for one in next(
            each for each in schools_of(scores, despite_verdict=True) if each.school_id == school
        ).situations:
            assert _shown(one.fact)[1:] in lists


def test_both_horizons_have_a_card_with_its_curve(tmp_path: Path, small_scores: RiskScores) -> None:
    """The demonstration model has a card per horizon in a report; each opens with the curve of what came true, as a drawing and a table."""
    model = load_demo_model()
    assert model.path is not None
    with ReportFolder(tmp_path / "pages", notices=False) as pages:
        pages._run = small_scores.run  # the cards alone, without the pages of schools
        pages.card(model)
    for name, one in (("fiche.html", model), ("fiche-parcours.html", model.path)):
        page = (tmp_path / "pages" / name).read_text(encoding="utf-8")
        assert "<title>Sorties constatées selon le risque annoncé</title>" in page
        assert name in (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
        words = _text(page)
        for each in one.report["reliability"]:
            assert _shown(french.percent(each["observed"], 1)) in words
            assert _shown(french.percent(each["mean_risk"], 1)) in words
