"""The workbooks of a run: what a spreadsheet opens, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import pandas as pd
import pytest

from decrochage_risk.score.writing import school_list

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.score import RiskScores


@pytest.fixture(scope="module")
def folder(small_scores: RiskScores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small cohort with workbooks."""
    target = tmp_path_factory.mktemp("workbooks")
    small_scores.write(target, excel=True, despite_verdict=True)
    return target / "listes"


def test_each_school_has_its_workbook_with_the_cells_of_its_list(
    small_scores: RiskScores, folder: Path
) -> None:
    """One workbook per list; numbers are numbers, texts are the texts, cell by cell, and the same bytes again."""
    schools = sorted(small_scores.flagged["school_id"].unique())
    assert sorted(path.stem for path in folder.glob("*.xlsx")) == schools
    for school, rows in list(small_scores.flagged.groupby("school_id"))[:6]:
        path = folder / f"{school}.xlsx"
        sheet, explained = openpyxl.load_workbook(path).worksheets
        table = school_list(small_scores, rows)
        assert [cell.value for cell in sheet[1]] == list(table.columns)
        for line, told in zip(
            sheet.iter_rows(min_row=2, values_only=True), table.itertuples(index=False), strict=True
        ):
            assert [cell or "" for cell in line] == ["" if pd.isna(value) else value for value in told]
        assert isinstance(
            sheet.cell(2, 1 + list(table.columns).index("Risque estimé (%)")).value, int | float
        )
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref
        assert sheet.print_title_rows == "$1:$1"
        assert sheet.page_setup.orientation == "landscape"
        column = {row[0]: row[1] for row in explained.iter_rows(values_only=True)}
        assert all(column[name] for name in table.columns)


def test_the_same_scores_give_the_same_workbooks(
    small_scores: RiskScores, folder: Path, tmp_path: Path
) -> None:
    """No clock is written: written again, not a byte differs."""
    small_scores.write(tmp_path, excel=True, despite_verdict=True)
    for path in folder.glob("*.xlsx"):
        assert path.read_bytes() == (tmp_path / "listes" / path.name).read_bytes()


def test_no_text_becomes_a_formula(odd_scores: RiskScores, tmp_path: Path) -> None:
    """Ids and classes that begin like a formula stay texts."""
    odd_scores.write(tmp_path, excel=True, despite_verdict=True)
    texts = set()
    for path in (tmp_path / "listes").glob("*.xlsx"):
        for row in openpyxl.load_workbook(path).worksheets[0].iter_rows(min_row=2):
            for cell in row:
                assert cell.data_type != "f"
                texts.add(cell.value)
    assert any(isinstance(text, str) and text.startswith("=") for text in texts)


@pytest.mark.whole
def test_workbooks_of_an_earlier_run_are_gone(small_scores: RiskScores, tmp_path: Path) -> None:
    """A run without workbooks leaves none of an earlier one, which would be taken for its own."""
    small_scores.write(tmp_path, excel=True, despite_verdict=True)
    small_scores.write(tmp_path)
    assert not list((tmp_path / "listes").glob("*.xlsx"))
