"""The workbooks of a run: what a spreadsheet opens, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils import get_column_letter

from decrochage_risk import french
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
        _, sheet, explained = openpyxl.load_workbook(path).worksheets
        table = school_list(small_scores, rows)
        assert [cell.value for cell in sheet[1]] == list(table.columns)
        for line, told in zip(
            sheet.iter_rows(min_row=2, values_only=True), table.itertuples(index=False), strict=True
        ):
            assert [cell or "" for cell in line] == ["" if pd.isna(value) else value for value in told]
        assert isinstance(
            sheet.cell(2, 1 + list(table.columns).index("Risque estimé (%)")).value, int | float
        )
        # The pupil stays in sight, on the screen and on each page across.
        pupil = 1 + list(table.columns).index("Élève")
        letter, after = get_column_letter(pupil), get_column_letter(pupil + 1)
        assert (sheet.freeze_panes, sheet.print_title_cols) == (f"{after}2", f"${letter}:${letter}")
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
        for sheet in openpyxl.load_workbook(path):
            for cell in (cell for row in sheet.iter_rows(min_row=2) for cell in row):
                assert cell.data_type != "f"
                texts.add(cell.value)
    assert any(isinstance(text, str) and text.startswith("=") for text in texts)


@pytest.mark.whole
def test_workbooks_of_an_earlier_run_are_gone(small_scores: RiskScores, tmp_path: Path) -> None:
    """A run without workbooks leaves none of an earlier one, which would be taken for its own."""
    small_scores.write(tmp_path, excel=True, despite_verdict=True)
    small_scores.write(tmp_path)
    assert not list((tmp_path / "listes").glob("*.xlsx"))


def test_the_first_sheet_is_read_on_paper(small_scores: RiskScores, folder: Path) -> None:
    """On A4 in landscape the columns fit at full size, the heading is on each page, the school and the page at its foot."""
    for school, rows in list(small_scores.flagged.groupby("school_id"))[:6]:
        sheet = openpyxl.load_workbook(folder / f"{school}.xlsx").worksheets[0]
        set_up = sheet.page_setup
        assert (set_up.orientation, int(set_up.paperSize)) == ("landscape", 9)
        assert (set_up.fitToWidth or 1, set_up.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        heading = next(row for row in range(1, 8) if sheet.cell(row, 1).value == "Classe")
        assert sheet.print_title_rows == f"${heading}:${heading}"
        assert sheet.freeze_panes == f"C{heading + 1}"
        assert sheet.auto_filter.ref == f"A{heading}:I{heading + len(rows)}"
        # In the file a width has its margins of 5 pixels in it; 7 pixels a letter, 96 to the inch, and A4 less both margins.
        widths = [each.width * (each.max - each.min + 1) for each in sheet.column_dimensions.values()]
        inches = sum(widths) * 7 / 96
        assert inches <= 11.69 - sheet.page_margins.left - sheet.page_margins.right
        assert str(school) in sheet.oddFooter.left.text
        assert "&P" in sheet.oddFooter.right.text
        for row in sheet.iter_rows(min_row=heading + 1):
            assert all(cell.alignment.wrap_text for cell in row)
            assert row[0].font.size >= 9


def test_the_first_sheet_tells_the_facts_of_the_list(small_scores: RiskScores, folder: Path) -> None:
    """Each pupil of the list has a line, in its order, with the estimate, every fact and every measure; room is left for the follow-up."""
    for school, rows in list(small_scores.flagged.groupby("school_id"))[:6]:
        sheet = openpyxl.load_workbook(folder / f"{school}.xlsx").worksheets[0]
        cells = [row for row in sheet.iter_rows(values_only=True) if row[1]]
        table = school_list(small_scores, rows)
        assert [row[1] for row in cells[1:]] == table["Élève"].tolist()
        assert cells[0][-1] == "Suite donnée (qui, quand)"
        for row, (_, told) in zip(cells[1:], table.iterrows(), strict=True):
            assert row[4].startswith(french.number(told["Risque estimé (%)"], 1))
            assert told["Fourchette"] in row[4]
            for name, cell in told.items():
                if str(name).startswith("Point d'") and cell:
                    assert cell.partition(" ; élève type")[0] in row[5 if "attention" in name else 6]
            assert (row[7] or "").replace("\n", " ; ") == told["Mesures possibles"]
            assert not row[8]
        notice = table["Avis de la fiche du modèle"].iloc[0] if "Avis de la fiche du modèle" in table else ""
        assert notice in {row[0] or "" for row in sheet.iter_rows(values_only=True, max_row=4)} | {""}


def test_every_sheet_has_the_school_at_its_foot(folder: Path) -> None:
    """A page that lies alone on a printer says of which school it is, and that it is confidential."""
    path = min(folder.glob("*.xlsx"))
    for sheet in openpyxl.load_workbook(path):
        assert path.stem in sheet.oddFooter.left.text
        assert "confidentiel" in sheet.oddFooter.left.text
        assert sheet.print_title_rows
