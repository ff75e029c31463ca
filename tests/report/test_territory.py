from __future__ import annotations

import csv
import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.pages.rendering import HIDDEN, french_spaces
from decrochage_risk.report import TerritoryReport, count_territory, merge_territories, territory_report
from decrochage_risk.report.territory import ALL
from decrochage_risk.small_cells import attack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.report import Territory
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="module")
def territory(small_scores: RiskScores, small_cohort: Cohort) -> Territory:
    """Count the region of the small cohort, some blocks only, so that hiding takes seconds."""
    counted = count_territory(small_scores, outcomes=small_cohort.outcomes, despite_verdict=True)
    months = {month.isoformat() for month in counted.months[:3]}
    kept = {
        key: share
        for key, share in counted.shares.items()
        if key[0] != "month" or (key[3] == "now" and key[4] in months)
    }
    return replace(counted, shares=kept)


@pytest.fixture(scope="module")
def report(small_scores: RiskScores, territory: Territory) -> TerritoryReport:
    """Tell of the first network."""
    return territory_report(small_scores, territory.networks[0], territory=territory)


def test_counts_are_those_of_the_records(
    small_scores: RiskScores, small_cohort: Cohort, territory: Territory
) -> None:
    """Enrolled pupils, flagged ones and leavers are recounted from the tables, for each network and the region."""
    frame = small_scores.frame
    enrolled = frame[frame["enrolled"]]
    told = territory.shares["situation", "all", "ensemble"]
    assert told.count[:-1].tolist() == [
        int((enrolled["network_id"] == one).sum()) for one in territory.networks
    ]
    assert told.count[-1] == len(enrolled)
    flagged = territory.shares["situation", "risk", "ensemble"]
    assert flagged.count[-1] == int(frame["flagged"].sum())
    outcomes = small_cohort.outcomes
    assert territory.years == (2022, 2023)
    for year in territory.years:
        left = outcomes[(outcomes["school_year"] == year) & (outcomes["outcome"] == "left_without_diploma")]
        shares = [
            share for key, share in territory.shares.items() if key[0] == "left" and key[3] == str(year)
        ]
        assert sum(int(share.count[-1]) for share in shares) == left["pupil_id"].nunique()


@pytest.mark.whole
def test_parts_of_a_region_add_up(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores]
) -> None:
    """Counted school by school in two halves and merged, a region has the counts that it has as a whole."""
    from decrochage_risk.records import PupilRecords  # noqa: PLC0415 - only here

    now = small_scores.frame.set_index("pupil_id")["school_id"]
    half = set(sorted(now.unique())[: now.nunique() // 2])
    parts = []
    for inside in (True, False):
        ids = set(now.index[now.isin(half) == inside])
        tables = {
            name: small_cohort.tables[name][small_cohort.tables[name]["pupil_id"].isin(ids)]
            for name in ("pupils", "enrolments", "absences", "grades", "orientation")
        }
        parts.append(count_territory(score(PupilRecords(**tables), explain="none")))
    merged, whole = merge_territories(parts), count_territory(small_scores)
    assert merged.networks == whole.networks
    for key, share in whole.shares.items():
        assert merged.shares[key].count.tolist() == share.count.tolist(), key
        assert merged.shares[key].base.tolist() == share.base.tolist(), key


@pytest.mark.whole
@pytest.mark.parametrize("least", [0, 3, 4])
def test_no_count_of_a_few_pupils_can_be_asked_for(small_scores: RiskScores, least: int) -> None:
    """The law allows no cell of 1 to 4: fewer than five is refused, in Python as by the command."""
    with pytest.raises(RecordsError, match=f"least={least}"):
        count_territory(small_scores, least=least)


def test_no_small_cell_can_be_reached(territory: Territory) -> None:
    """The linear programme of a reader who holds all pages finds no count of 1 to 4 within less than 5."""
    told = territory.publication
    small = [name for name in told.guarded if name[0] in {"situation", "left", "next", "again"}]
    assert small
    chosen = small[:: max(1, len(small) // 40)]
    for name, (low, high) in attack(told, territory.hidden, names=chosen).items():
        assert high - low >= 4.99, name
        assert not (low >= 1 and high <= 4), name


@pytest.mark.whole
def test_the_page_and_its_files_hold_what_is_told_and_no_more(
    report: TerritoryReport, tmp_path: Path
) -> None:
    """A hidden cell is hidden in the drawing, the table and the CSV alike; a told one is the count of the territory."""
    page = report.write(tmp_path / "reseau")
    text = page.read_text(encoding="utf-8")
    territory = report.territory
    place = territory.place(report.network)
    hidden_there = 0
    lines = (tmp_path / "reseau" / "situations.csv").read_text(encoding="utf-8-sig").splitlines()
    rows = list(csv.reader(lines, delimiter=";"))
    for kind, row in zip(("all", "risk", "legal", "departure"), rows[2:6], strict=True):
        for voie, cell in zip(("college", "gt", "pro", "ensemble"), row[1:], strict=True):
            share = territory.shares.get(("situation", kind, voie))
            if share is None:
                assert cell == "–"
            elif territory.is_hidden(share.key, report.network):
                hidden_there += 1
                assert cell == HIDDEN
            else:
                assert int(cell) == share.count[place]
    assert hidden_there
    assert text.count('class="num hid"') + text.count('class=" hid"') >= hidden_there
    names = {path.stem for path in (tmp_path / "reseau").glob("*.csv")}
    assert names == set(report.csv_tables())


def test_every_cell_of_the_page_is_that_of_its_file(report: TerritoryReport) -> None:
    """Row by row, the tables of the page are those that the CSV files are written from: no other number, none left out."""
    page = report.to_html()
    on_page = {
        tuple(" ".join(html.unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in cells)
        for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)
        if (cells := re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)) and "<td" in row
    }
    of_files = {
        tuple(" ".join(french_spaces(cell.text).split()) for cell in row)
        for tables in report.csv_tables().values()
        for table in tables
        for row in table.rows
    }
    assert len(of_files) > 50
    assert on_page == of_files


def test_a_network_is_never_told_school_by_school(report: TerritoryReport, small_scores: RiskScores) -> None:
    """No school is named on a diagnosis but to say what it did not send; the region is the only thing it is held against."""
    page = report.to_html()
    named = set(re.findall(r"\b\d{7}[A-Z]\b", page))
    assert named <= {one.school_id for one in report.territory.missing}
    assert "classement" in page
    assert small_scores.run.model.id in page


def test_gaps_are_told_with_how_many_were_tried(report: TerritoryReport) -> None:
    """The brief says how many comparisons were made, and tells a gap only when it is rare after all of them."""
    assert any(re.match(r"\d+ comparaisons? faites?", line) for line in report.brief)


def test_an_unknown_network_is_refused(small_scores: RiskScores, territory: Territory) -> None:
    """The error names the networks that are there."""
    with pytest.raises(RecordsError, match=territory.networks[0]):
        territory_report(small_scores, "RES9999", territory=territory)


def test_region_shares_are_sums(territory: Territory) -> None:
    """The region holds at least its networks together, in every count."""
    for share in territory.shares.values():
        assert np.all(share.count <= share.base)
        assert share.count[:-1].sum() <= share.count[ALL]
