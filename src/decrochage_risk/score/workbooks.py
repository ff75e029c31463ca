"""One workbook per school: a sheet to print, one with all the cells of the list, one that explains the columns.

The cells are those of the CSV list, in the same order: by class and id. A text is written as a text, whatever it
begins with, and no clock goes into the file: the same scores give the same bytes. The list has some 25 columns: on one page they
would be printed a sixth of their size, so the first sheet holds what a meeting needs, at a size that is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain.sentences import fact_of
from decrochage_risk.score.writing import COLUMNS_TOLD, completion_list, lists_to_write, school_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.score.run_facts import RunFacts
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = ["write_workbook", "write_workbooks"]

_WIDTHS: Final = {
    "Avis de la fiche du modèle": 24, "Élève": 13, "Niveau": 20, "Classe": 11, "Liste": 15, "Autres listes": 18,
    "Risque estimé (%)": 10, "Fourchette": 11, "Risque sur le parcours (%)": 11, "Fourchette du parcours": 11,
    "Action proposée": 18, "Décision automatique": 12,
}  # fmt: skip
_WIDE = 38
_PERCENTS = ("Risque estimé (%)", "Risque sur le parcours (%)")
_A4 = 9
_NOTICE = "Avis de la fiche du modèle"
_PAGES_ACROSS = 4
"""Pages side by side of the sheet of all columns, the pupil on each: text of half its size, which can still be read."""

_TO_PRINT: Final = {
    "Classe": 9, "Élève": 13, "Niveau": 14, "Vient par": 14, "Risque estimé": 10, "Points d'attention": 34,
    "Points d'appui": 18, "Mesures possibles": 19, "Suite donnée (qui, quand)": 13,
}  # fmt: skip
"""Columns of the sheet to print, and their widths: 144 together, what A4 in landscape holds at full size."""
_PRINT_SIZE = 9
_LINE_POINTS = 13
_TITLE = "Situations à examiner"
_COMPLETION = "Données à compléter"
_IS_NOT = "Ni une décision, ni un classement, ni la liste de tous les élèves en difficulté."


def write_workbooks(scores: ScoredPupils, folder: str | Path, *, despite_verdict: bool = False) -> list[Path]:
    """Write a workbook for each school that has a situation to be looked at, or data to complete, beside its CSV lists.

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
        situations, completions = (
            {str(school): of_school for school, of_school in rows.groupby("school_id", sort=True)}
            for rows in (scores.flagged, scores.to_complete)
        )
        return [
            write_workbook(
                school_list(scores, situations[school]) if school in situations else pd.DataFrame(),
                lists / f"{school}.xlsx",
                scores.run,
                school,
                completion_list(scores, completions[school]) if school in completions else None,
            )
            for school in sorted({*situations, *completions})
        ]
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"A workbook cannot be written into {lists} ({error.strerror or error})",
                expected="a folder that can be written, and files that no spreadsheet holds open",
                hint="Close the spreadsheet, or choose another folder.",
            )
        ) from error


def write_workbook(
    table: pd.DataFrame, path: Path, run: RunFacts, school: str, completion: pd.DataFrame | None = None
) -> Path:
    """Write the lists of a school as a workbook; texts are texts, whatever they begin with.

    Parameters
    ----------
    table : DataFrame
        As `decrochage_risk.score.writing.school_list` makes it; empty where only data are to be completed.
    path : Path
        File to write.
    run : RunFacts
        What the run rests on, told on the second sheet.
    school : str
        Number of the school, told at the foot of each sheet.
    completion : DataFrame, optional
        As `decrochage_risk.score.writing.completion_list` makes it: a sheet of its own, never mixed with the list of the risk.
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
    book.set_properties({"title": f"{_TITLE}, {school}, {day}", "created": _midnight(run)})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2})
    # "@" keeps a cell a text when somebody edits it: an id with leading zeros stays whole.
    text = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    foot = f"{school} · {day} · document de travail, confidentiel"
    if len(table):
        _print_sheet(book, table, f"{_TITLE}, {school}, {day}", foot)
        _all_columns(book, table, "Toutes les colonnes", (head, text), foot)
    if completion is not None:
        _all_columns(book, completion, _COMPLETION, (head, text), foot)
    _explain(book, run, [*table.columns], (head, text), foot)
    book.close()
    return path


def _print_sheet(book: Any, table: pd.DataFrame, title: str, foot: str) -> None:  # noqa: ANN401 - XlsxWriter ships no types
    """Write what a meeting looks at, a line per pupil; above it the title, what the card concludes and what the list is not."""
    sheet = book.add_worksheet(_TITLE)
    looks = {"text_wrap": True, "valign": "top", "font_size": _PRINT_SIZE}
    head = book.add_format({**looks, "bold": True, "bottom": 2})
    text = book.add_format({**looks, "num_format": "@", "bottom": 1, "bottom_color": "#999999"})
    above = [(title, book.add_format({"bold": True, "font_size": 14})), (_IS_NOT, book.add_format(looks))]
    notice = table[_NOTICE].iloc[0] if _NOTICE in table and len(table) else ""
    above += [(notice, book.add_format(looks))] if notice else []
    across = sum(_TO_PRINT.values())
    for row, (words, look) in enumerate(above):
        sheet.merge_range(row, 0, row, len(_TO_PRINT) - 1, "", look)
        sheet.write_string(row, 0, words, look)
        # No spreadsheet finds the height of a merged cell by itself.
        sheet.set_row(row, 20 if row == 0 else _LINE_POINTS * (1 + len(words) // across))
    top = len(above)
    for column, (name, width) in enumerate(_TO_PRINT.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(top, column, name, head)
    for row, line in enumerate(table.to_dict("records"), start=top + 1):
        for column, words in enumerate(_printed(line)):
            _write_cell(sheet, row, column, words, text)
    sheet.freeze_panes(top + 1, 2)
    sheet.autofilter(top, 0, top + max(len(table), 1), len(_TO_PRINT) - 1)
    _print_set_up(sheet, foot, pages=1)
    sheet.repeat_rows(top)


def _printed(line: Mapping[Any, Any]) -> list[str]:
    """Words of a pupil's line on paper, in the order of the columns; facts without the pupil that they are held against."""
    risks = [
        "" if line[name] != line[name] or line[name] is None else f"{french.number(line[name], 1)} %{words}"
        for name, words in zip(_PERCENTS, ("", " sur le parcours"), strict=True)
        if name in line
    ]
    ranges = [str(line.get(name) or "") for name in ("Fourchette", "Fourchette du parcours")]
    estimates = [
        f"{risk}\n[{span}]" if span else risk for risk, span in zip(risks, ranges, strict=False) if risk
    ]
    ways = [str(line.get(name) or "") for name in ("Liste", "Autres listes")]
    facts = {
        kind: [
            fact_of(str(cell))
            for name, cell in line.items()
            if name.startswith(kind) and isinstance(cell, str) and cell
        ]
        for kind in ("Point d'attention", "Point d'appui")
    }
    return [
        *(str(line.get(name) or "") for name in ("Classe", "Élève", "Niveau")),
        "\n".join(way for way in ways if way),
        "\n".join(estimates),
        *("\n".join(f"• {fact}" for fact in each) for each in facts.values()),
        str(line.get("Mesures possibles") or "").replace(" ; ", "\n"),
        "",
    ]


def _all_columns(book: Any, table: pd.DataFrame, title: str, looks: tuple[Any, Any], foot: str) -> None:  # noqa: ANN401 - same
    """Write every cell of a list, typed, for who filters and reads on a screen."""
    head, text = looks
    sheet = book.add_worksheet(title)
    number = book.add_format({"valign": "top", "num_format": "0.0"})
    for column, name in enumerate(table.columns):
        sheet.set_column(column, column, _WIDTHS.get(name, _WIDE))
        sheet.write_string(0, column, name, head)
    for row, line in enumerate(table.itertuples(index=False), start=1):
        for column, (name, value) in enumerate(zip(table.columns, line, strict=True)):
            _write_cell(sheet, row, column, value, number if name in _PERCENTS else text)
    pupil = list(table.columns).index("Élève")
    sheet.freeze_panes(1, pupil + 1)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)
    _print_set_up(sheet, foot, pages=_PAGES_ACROSS)
    sheet.repeat_rows(0)
    sheet.repeat_columns(pupil)


def _write_cell(sheet: Any, row: int, column: int, value: object, looks: Any) -> None:  # noqa: ANN401 - XlsxWriter ships no types
    """Write a number as a number and a text as a text; what is missing stays empty."""
    if isinstance(value, str):
        sheet.write_string(row, column, value, looks)
    # Excel has no NaN: xlsxwriter would raise.
    elif isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is not itself
        sheet.write_number(row, column, float(value), looks)
    else:
        sheet.write_blank(row, column, None, looks)


def _print_set_up(sheet: Any, foot: str, *, pages: int) -> None:  # noqa: ANN401 - same
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(pages, 0)
    sheet.set_margins(left=0.3, right=0.3, top=0.5, bottom=0.6)
    # In a footer & begins a code of Excel; without the blank a school's number would be read as a part of the size.
    sheet.set_footer(f"&L&8 {foot.replace('&', '&&')}&R&8 page &P / &N")


def _explain(book: Any, run: RunFacts, columns: list[str], looks: tuple[Any, Any], foot: str) -> None:  # noqa: ANN401 - same
    """Write the sheet that says what each column holds, and what the list is not."""
    head, text = looks
    sheet = book.add_worksheet("Lire cette liste")
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 110)
    lines = [
        ("Colonne", "Ce qu'elle contient"),
        *(
            (name, COLUMNS_TOLD.get(name, COLUMNS_TOLD.get(name.rstrip(" 0123456789"), "")))
            for name in columns
        ),
        ("", ""),
        (
            "Ce que cette liste n'est pas",
            _IS_NOT,
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
    sheet.repeat_rows(0)
    _print_set_up(sheet, foot, pages=1)


def _midnight(run: RunFacts) -> object:
    """Give the day of the run in place of a clock, so that the same scores give the same bytes."""
    from datetime import datetime, time  # noqa: PLC0415 - only here

    return datetime.combine(run.as_of, time())
