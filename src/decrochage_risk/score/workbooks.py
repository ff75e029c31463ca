"""One workbook per school: typed cells, a frozen heading, filters, a set-up for print, a sheet that explains the columns.

The cells are those of the CSV list, in the same order: by class and id. A text is written as a text, whatever it
begins with, and no clock goes into the file: the same scores give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.score.writing import COLUMNS_TOLD, lists_to_write, school_list

if TYPE_CHECKING:
    import pandas as pd

    from decrochage_risk.score.run_facts import RunFacts
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = ["write_workbook", "write_workbooks"]

_WIDTHS: Final = {
    "Élève": 13, "Niveau": 20, "Classe": 11, "Risque estimé (%)": 10, "Fourchette": 11, "Décision automatique": 11,
}  # fmt: skip
_WIDE = 38
_PERCENT = "Risque estimé (%)"
_A4 = 9


def write_workbooks(scores: ScoredPupils, folder: str | Path, *, despite_verdict: bool = False) -> list[Path]:
    """Write a workbook for each school that has a situation to be looked at, beside its CSV list.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    folder : str or Path
        Where the scores were written; workbooks go into its ``listes``.
    despite_verdict : bool
        Write them though the card of the model says not to issue a list of the risk.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    RecordsError
        A file cannot be written.
    """
    lists = Path(folder) / "listes"
    if "risk" not in lists_to_write(scores.run, despite_verdict=despite_verdict):
        return []
    try:
        return [
            write_workbook(school_list(scores, rows), lists / f"{school}.xlsx", scores.run, str(school))
            for school, rows in scores.flagged.groupby("school_id", sort=True)
        ]
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"A workbook cannot be written into {lists} ({error.strerror or error})",
                expected="a folder that can be written, and files that no spreadsheet holds open",
                hint="Close the spreadsheet, or choose another folder.",
            )
        ) from error


def write_workbook(table: pd.DataFrame, path: Path, run: RunFacts, school: str) -> Path:
    """Write the list of a school as a workbook; texts are texts, whatever they begin with.

    Parameters
    ----------
    table : DataFrame
        As `decrochage_risk.score.writing.school_list` makes it.
    path : Path
        File to write.
    run : RunFacts
        What the run rests on, told on the second sheet.
    school : str
        Number of the school, told at the foot of each sheet.
    """
    import xlsxwriter  # noqa: PLC0415 - loads on first use

    # A string is never read as a formula, a number or an address, and no clock is written: same scores, same
    # bytes.
    options = {
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "in_memory": True,
    }
    book = xlsxwriter.Workbook(str(path), options)
    day = french.day(run.as_of, with_year=True)
    book.set_properties({"title": f"Situations à examiner, {school}, {day}", "created": _midnight(run)})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2})
    # "@" keeps a cell a text when somebody edits it: an id with leading zeros stays whole.
    text = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    number = book.add_format({"valign": "top", "num_format": "0.0"})
    sheet = book.add_worksheet("Situations à examiner")
    for column, name in enumerate(table.columns):
        sheet.set_column(column, column, _WIDTHS.get(name, _WIDE))
        sheet.write_string(0, column, name, head)
    for row, line in enumerate(table.itertuples(index=False), start=1):
        for column, (name, value) in enumerate(zip(table.columns, line, strict=True)):
            _write_cell(sheet, row, column, value, number if name == _PERCENT else text)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)
    _print_set_up(sheet, f"{school} · {day} · document de travail, confidentiel")
    sheet.repeat_rows(0)
    _explain(book, run, list(table.columns), head, text)
    book.close()
    return path


def _write_cell(sheet: Any, row: int, column: int, value: object, looks: Any) -> None:  # noqa: ANN401 - XlsxWriter ships no types
    """Write a number as a number and a text as a text; what is missing stays empty."""
    if isinstance(value, str):
        sheet.write_string(row, column, value, looks)
    # Excel has no NaN: xlsxwriter would raise.
    elif isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is not itself
        sheet.write_number(row, column, float(value), looks)
    else:
        sheet.write_blank(row, column, None, looks)


def _print_set_up(sheet: Any, foot: str) -> None:  # noqa: ANN401 - same
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    # In a footer & begins a code of Excel.
    sheet.set_footer(f"&L&8{foot.replace('&', '&&')}&R&8page &P / &N")


def _explain(book: Any, run: RunFacts, columns: list[str], head: Any, text: Any) -> None:  # noqa: ANN401 - same
    """Write the sheet that says what each column holds, and what the list is not."""
    sheet = book.add_worksheet("Lire cette liste")
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    lines = [
        ("Colonne", "Ce qu'elle contient"),
        *(
            (name, COLUMNS_TOLD.get(name, COLUMNS_TOLD.get(name.rstrip(" 0123456789"), "")))
            for name in columns
        ),
        ("", ""),
        (
            "Ce que cette liste n'est pas",
            "Ni une décision, ni un classement, ni la liste de tous les élèves en difficulté.",
        ),
        ("Ordre", "Par classe et identifiant, jamais par risque."),
        ("Faits connus au", f"matin du {french.day(run.as_of, with_year=True)}"),
        ("Modèle", run.model.notice or run.model.id),
        ("Seuils", run.policy_version),
    ]
    for row, (name, words) in enumerate(lines):
        sheet.write_string(row, 0, name, head if row == 0 else text)
        sheet.write_string(row, 1, words, head if row == 0 else text)
    sheet.freeze_panes(1, 0)
    _print_set_up(sheet, "Lire cette liste")


def _midnight(run: RunFacts) -> object:
    """Give the day of the run in place of a clock, so that the same scores give the same bytes."""
    from datetime import datetime, time  # noqa: PLC0415 - only here

    return datetime.combine(run.as_of, time())
