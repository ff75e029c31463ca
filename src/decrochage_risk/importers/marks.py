"""Marks and averages: what a cell of marks says, long lists, grids with two header rows, GEPI's mark books.

A cell is a number, a number "on" something (12,5/20), or a word; a word is what it says (absent, not handed in, exempt), never 0,
and an empty cell is nothing. PRONOTE's codes |6 and |7 are zeros that it counts in its mean: here they are an absence and a
piece of work not handed in, which the report says.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.absences import told_by_titles
from decrochage_risk.importers.cells import day_of, days_of, fold, number_of, numbers_of
from decrochage_risk.importers.declared_maps import (
    ColumnMap,
    bundled_maps,
    facts_of_file,
    miss_broken_rows,
    persons_of,
    read_column_map,
    read_table,
)
from decrochage_risk.importers.delimited import sheets_of
from decrochage_risk.importers.extract import ColumnLists, Extract, Head, Person, Reader
from decrochage_risk.importers.nomenclatures import OTHER, SUBJECTS, SubjectNames
from decrochage_risk.records.table_schemas import MARK_WORDS
from decrochage_risk.school_year import school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = [
    "READERS",
    "GradeRow",
    "Mark",
    "grid_reader",
    "mark_of",
    "marks_reader",
    "say_subjects",
    "take_grades",
    "term_end",
    "term_of_text",
    "undated_term",
]

OUT_OF = 20.0
_LABELS_SHOWN = 8

_WORDS = {
    **{fold(word) or word.strip(): status for word, status in MARK_WORDS.items()},
    "N NOT": "exempt",
    "NON NOTEE": "exempt",
    "N RDU": "not_handed_in",
    "N RENDU": "not_handed_in",
    "DISPENSE": "exempt",
    "DISPENSEE": "exempt",
    "ABSENTE": "absent",
    "AB": "absent",
    "EA": "exempt",
}
_BARE = {word.strip(): status for word, status in MARK_WORDS.items() if not fold(word)}
_PRONOTE_CODES = {
    "1": "absent",
    "2": "exempt",
    "3": "exempt",
    "4": "exempt",
    "5": "not_handed_in",
    "6": "absent",
    "7": "not_handed_in",
    "8": "exempt",
}
"""pronotepy, ``dataClasses.py``: Absent, Dispense, NonNote, Inapte, NonRendu, AbsentZero, NonRenduZero, Felicitations."""

_ZEROS = ("6", "7")
_ON = re.compile(r"(.+?)\s*/\s*([0-9]+(?:[.,][0-9]+)?)")
_PERIOD = re.compile(
    r"\b(T|S)(?:RIM(?:ESTRE)?|EM(?:ESTRE)?)? ?([1-3])\b|\b([1-3]) ?(?:ER|ERE|E|EME|ND|NDE)? ?(T|S)(?:RIM(?:ESTRE)?|EM(?:ESTRE)?)\b"
)


class Mark(NamedTuple):
    """What a cell of marks says.

    Attributes
    ----------
    value : float or None
        As it is written; None without a mark.
    out_of : float or None
        What it is on, where the cell says it.
    status : str
        Of the table ``grades``; empty when the cell says nothing that is known.
    is_zero : bool
        Whether the software counts it as 0 in its own means.
    """

    value: float | None
    out_of: float | None
    status: str
    is_zero: bool = False


@lru_cache(maxsize=65_536)
def mark_of(text: str) -> Mark:
    """Read a cell of marks.

    Examples
    --------
    >>> mark_of("12,5/20"), mark_of("Abs"), mark_of("|6").status, mark_of("undefined/20").status
    (Mark(value=12.5, out_of=20.0, status='graded', is_zero=False), Mark(value=None, out_of=None, status='absent', is_zero=False),
     'absent', '')
    """
    plain = text.strip()
    if plain.startswith("|"):
        code = plain[1:].strip()
        return Mark(None, None, _PRONOTE_CODES.get(code, ""), code in _ZEROS)
    number = number_of(plain)
    if number is not None:
        return Mark(number, None, "graded") if number >= 0 else Mark(None, None, "")
    match = _ON.fullmatch(plain)
    if match:
        value, out_of = number_of(match[1]), number_of(match[2])
        if value is None:
            return Mark(None, None, _WORDS.get(fold(match[1]), ""))
        return Mark(value, out_of, "graded") if out_of and value >= 0 else Mark(None, None, "")
    return Mark(None, None, _BARE.get(plain) or _WORDS.get(fold(plain), ""))


class GradeRow(NamedTuple):
    """One mark of a file, before it is a row of ``grades``."""

    person: int
    line: int
    day: date | None
    subject: str
    cell: str
    out_of: float = OUT_OF
    coefficient: float = 1.0
    kind: str = "term_average"
    recorded_on: date | None = None


def take_grades(
    extract: Extract, rows: Iterable[GradeRow], options: ImportOptions, *, until: date | None = None
) -> None:
    """Make the table ``grades`` of an extract out of its marks, and say which days it covers.

    Parameters
    ----------
    extract : Extract
        Its ``school_year`` holds back rows of other years, where it is known.
    rows : iterable of GradeRow
        An empty cell is nothing; what is neither a number nor a known word, or above its own scale, is counted.
    options : ImportOptions
    until : date, optional
        Last day that the file vouches for; the export day, else its last row.
    """
    grades: list[tuple[object, ...]] = []
    zeros: list[int] = []
    years: dict[date, int] = {}
    for person, line, day, subject, cell, scale, coefficient, kind, recorded_on in rows:
        if not cell or cell.isspace():
            continue
        mark = mark_of(cell)
        out_of = mark.out_of or scale
        if day is not None and day not in years:
            years[day] = school_year_of(day)
        if not mark.status:
            extract.leave_out("not_a_mark", line)
        elif day is None and kind == "term_average":
            extract.leave_out("no_term_date", line)
        elif day is None:
            extract.leave_out("bad_date", line)
            extract.miss(line, extract.persons[person])
        elif extract.school_year is not None and years[day] != extract.school_year:
            extract.leave_out("outside_school_year", line)
        elif mark.value is not None and mark.value > out_of:
            extract.leave_out("mark_above_out_of", line)
        else:
            zeros += [line] if mark.is_zero else []
            grades.append(
                (person, line, day, subject, mark.value, out_of, coefficient, mark.status, kind, recorded_on)
            )
    columns: list[list[Any]] = list(map(list, zip(*grades, strict=True))) or [[] for _ in _GRADE_DTYPES]
    table = ColumnLists(dict(zip(_GRADE_DTYPES, columns, strict=True)), _GRADE_DTYPES)
    extract.tables["grades"] = table
    if zeros:
        extract.warn(
            "zeros_that_count",
            f"{french.plural(len(zeros), 'zéro')} pour une absence ou un travail non rendu : le logiciel le compte dans sa moyenne, "
            "ici c’est une absence ou un travail non rendu. Les moyennes diffèrent.",
            tuple(zeros),
        )
    _cover(extract, table.columns["date"], until or extract.exported_on or options.extracted_on)


_GRADE_DTYPES = {
    "person": "int64",
    "line": "int64",
    "date": "datetime64[s]",
    "subject": "str",
    "value": "float64",
    "out_of": "float64",
    "coefficient": "float64",
    "status": "str",
    "kind": "str",
    "recorded_on": "datetime64[s]",
}


def _cover(extract: Extract, days: Iterable[date], until: date | None) -> None:
    days = set(days)
    years = sorted({school_year_of(day) for day in days})
    if extract.school_year is None and years:
        extract.school_year = years[-1]
    first = extract.school_year if not years else years[0]
    end = until or max(days, default=None)
    if first is not None and end is not None:
        start, last = (
            year_start(first),
            year_end(extract.school_year if extract.school_year is not None else first),
        )
        extract.covers["grades"] = (start, max(start, min(end, last)))


# Periods


def term_of_text(text: str) -> tuple[str, int] | None:
    """Find a term (T) or a semester (S) and its number in a text.

    Examples
    --------
    >>> term_of_text("Trimestre 1"), term_of_text("2e semestre"), term_of_text("1er Trimestre"), term_of_text("Année")
    (('T', 1), ('S', 2), ('T', 1), None)
    """
    match = _PERIOD.search(fold(text))
    if match is None:
        return None
    return (match[1], int(match[2])) if match[1] else (match[4], int(match[3]))


def term_end(text: str, options: ImportOptions, uai: str | None, school_year: int | None) -> date | None:
    """Find the last day of a period: as the school declared it (``[periods]``), else as its Communs.xml tells it.

    Parameters
    ----------
    text : str
        Name of the period, or its number alone.
    options : ImportOptions
    uai : str or None
    school_year : int or None
    """
    for path in options.column_maps:
        for name, day in read_column_map(path).get("periods", {}).items():
            if fold(str(name)) == fold(text) or (term_of_text(str(name)) or 0) == term_of_text(text):
                end = day if isinstance(day, date) else day_of(str(day))
                if end is not None and (school_year is None or school_year_of(end) == school_year):
                    return end
    periods = options.facts(uai, school_year).periods
    term = term_of_text(text)
    for row in periods[periods["end"].notna()].to_dict("records"):
        names = {fold(str(row[name])) for name in ("label", "code") if isinstance(row[name], str)}
        if fold(text) in names or (term is not None and term in map(term_of_text, names)):
            return pd.Timestamp(row["end"]).date()
    return _by_index(periods, text, term)


def _by_index(periods: pd.DataFrame, text: str, term: tuple[str, int] | None) -> date | None:
    """Find a period by its number alone, where the school has no two periods of that number."""
    number = term[1] if term else number_of(text)
    if number is None or periods.empty:
        return None
    near = periods[pd.to_numeric(periods["index"], errors="coerce") == number]
    if term is not None:
        letters = near["type"].fillna("").astype("str").map(fold).str[:1]
        near = near[letters.isin([term[0], ""])] if letters.isin(["T", "S"]).any() else near
    ends = sorted(set(pd.to_datetime(near["end"]).dropna().to_list()))
    return ends[0].date() if len(ends) == 1 else None


def _need_period(what: str, path: str) -> UnreadableExportError:
    return UnreadableExportError(
        explain_error(
            f"{path}: the end of {what} is not known",
            expected="Communs.xml of the school, a table [periods] in a file of --columns, or --extracted-on",
            hint="Say the school and the year of a file that holds neither (--uai, --year), "
            'or declare [periods] "Trimestre 1" = 2024-11-29.',
        ),
        # Communs.xml may well be there: its periods are those of a school, and some exports do not say theirs.
        french=f"La date de fin de {what} n’est dite par aucun fichier : joignez Communs.xml et, si ce fichier ne dit ni "
        "son établissement ni son année, donnez-les (--uai, --year, ou [files] dans --columns) ; ou déclarez la période "
        '([periods] "Trimestre 1" = 2024-11-29 dans --columns).',
    )


def say_subjects(extract: Extract, names: SubjectNames) -> None:
    """Say which labels of subjects are told by nothing."""
    if not names.unknown:
        return
    plain = extract.plain_labels(names.unknown)
    examples = ", ".join(f"« {label[:40]} »" for label in plain[:_LABELS_SHOWN]) or "(libellés non montrés)"
    extract.warn(
        "unknown_subjects",
        f"{french.plural(len(names.unknown), 'matière non reconnue', 'matières non reconnues')}, prises comme « autre enseignement » : "
        f"{examples}. Déclarez-les (--columns, [subjects]).",
    )


# Long lists


def read_marks(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a list with one mark or average per line.

    Raises
    ------
    UnreadableExportError
        A column that the map needs is not there; averages of periods whose end nobody tells.
    """
    table = read_table(source, options, column_map)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.school_year, extract.exported_on = told_by_titles(table.titles, options)
    extract.school_year = extract.school_year or options.facts(extract.uai).school_year
    apart = column_map.text(table, "number") if column_map.has(table, "number") else None
    extract.persons, person = persons_of(table, column_map, apart=apart)
    names = SubjectNames(options.facts(extract.uai, extract.school_year), options.column_maps)
    kind = str(column_map.settings.get("kind", "assessment"))
    dates = _dates(table, column_map, options, extract, source.path, kind=kind)
    rows = _long_rows(table, column_map, person, dates, names, kind)
    take_grades(extract, _without_doubles(rows, extract, apart is not None), options)
    miss_broken_rows(table, column_map, extract)
    say_subjects(extract, names)
    return extract


def _dates(
    table: DelimitedTable,
    column_map: ColumnMap,
    options: ImportOptions,
    extract: Extract,
    path: str,
    *,
    kind: str,
) -> list[date | None]:
    """Give the day of each row: its own, else the end of its period, or the export day where that is before the end."""
    if column_map.has(table, "date"):
        return [None if pd.isna(day) else day.date() for day in days_of(column_map.text(table, "date"))]
    texts = [text if isinstance(text, str) else "" for text in column_map.text(table, "period")]
    ends = {
        text: term_end(text, options, extract.uai, extract.school_year)
        for text in dict.fromkeys(texts)
        if text
    }
    if kind == "term_average" and ends and not any(ends.values()):
        raise _need_period("la période", path)
    export_day = extract.exported_on
    day_of_period = {
        text: min(end, export_day) if end is not None and export_day is not None else end
        for text, end in ends.items()
    }
    return [day_of_period.get(text) for text in texts]


def _long_rows(
    table: DelimitedTable,
    column_map: ColumnMap,
    person: Any,  # noqa: ANN401 - an array of positions
    dates: list[date | None],
    names: SubjectNames,
    kind: str,
) -> list[GradeRow]:
    def texts(field: str) -> list[str | None]:
        cells = column_map.text(table, field).to_numpy(dtype=object)
        return [text if isinstance(text, str) else None for text in cells]

    # Lists: one cell of a column after the other costs ten times as much.
    out_of = numbers_of(column_map.text(table, "out_of")).fillna(OUT_OF).tolist()
    coefficient = numbers_of(column_map.text(table, "coefficient")).fillna(1.0).tolist()
    record_days = days_of(column_map.text(table, "recorded_on")).tolist()
    subjects = [
        names.subject(code=code, short_code=code, label=label)
        for code, label in zip(texts("subject_code"), texts("subject"), strict=True)
    ]
    cells = texts("value")
    return [
        GradeRow(
            person_at,
            line,
            day,
            subject,
            cell or "",
            scale,
            weight,
            kind,
            None if record_day is pd.NaT else record_day.date(),
        )
        for person_at, line, day, subject, cell, scale, weight, record_day in zip(
            person.tolist(),
            table.lines.tolist(),
            dates,
            subjects,
            cells,
            out_of,
            coefficient,
            record_days,
            strict=True,
        )
    ]


def _without_doubles(rows: list[GradeRow], extract: Extract, apart: bool) -> list[GradeRow]:  # noqa: FBT001 - one caller
    """Leave out the persons of one name whom only the file's own counter tells apart: nobody can say which is which."""
    if not apart:
        return rows
    spellings = [person._replace(sex=None) for person in extract.persons]
    counts = Counter(spellings)
    namesakes = {at for at, spelling in enumerate(spellings) if counts[spelling] > 1}
    if not namesakes:
        return rows
    for row in rows:
        if row.person in namesakes:
            extract.leave_out("name_ambiguous", row.line)
            extract.miss(row.line, extract.persons[row.person])
    return [row for row in rows if row.person not in namesakes]


# Grids


def read_average_grid(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a table of averages: one row per pupil, subjects in the row above the header, their averages below it.

    Sub-columns (written and oral marks, counts of absences) are parts of the average or no marks: they are not read.

    Raises
    ------
    UnreadableExportError
        No row of subjects above the header; no day for the averages.
    """
    table = read_table(source, options, column_map)
    columns = _average_columns(table, column_map, source.path)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.school_year, extract.exported_on = told_by_titles(table.titles, options)
    extract.school_year = extract.school_year or options.facts(extract.uai).school_year
    extract.persons, person = persons_of(
        table, column_map, apart=pd.Series(range(len(table.frame)), dtype="int64")
    )
    day = _grid_day(table, options, extract, source.path)
    names = SubjectNames(options.facts(extract.uai, extract.school_year), options.column_maps)
    rows = [
        GradeRow(
            int(person[at]),
            int(table.lines[at]),
            day,
            names.subject(short_code=table.group_names[column], label=table.group_names[column]),
            cell if isinstance(cell, str) else "",
        )
        for column in columns
        for at, cell in enumerate(table.frame[column])
    ]
    take_grades(extract, _without_doubles(rows, extract, apart=True), options)
    miss_broken_rows(table, column_map, extract)
    say_subjects(extract, names)
    parts = len([name for at, name in enumerate(table.header) if at >= columns[0] and at not in columns])
    if parts:
        extract.warn(
            "parts_not_read",
            f"Seule la moyenne est lue, sans {french.plural(parts, 'sous-colonne')} (écrit, oral, nombre d’absences).",
        )
    return extract


def _average_columns(table: DelimitedTable, column_map: ColumnMap, path: str) -> list[int]:
    """Give the places of the averages that have a subject above them."""
    averages = {fold(name) for name in column_map.names("average")}
    columns = [
        at for at, name in enumerate(table.header) if name in averages and table.groups and table.groups[at]
    ]
    if not columns:
        raise UnreadableExportError(
            explain_error(
                f"{path} has no row of subjects above its averages",
                expected="two header rows: subjects, then Moy. and its sub-columns",
                hint="Export the table with its two header rows.",
            ),
            french="Il manque la ligne des matières au-dessus des colonnes « Moy. » : exportez le tableau avec ses deux lignes d’en-tête.",
        )
    return columns


def _grid_day(table: DelimitedTable, options: ImportOptions, extract: Extract, path: str) -> date:
    """Give the day of the averages of a grid: the end of the period declared of its file or in its titles, else the export's.

    The day of the export stands in for the end of a period that is named only while that period may still run: the averages of
    one that is over are older than their export.
    """
    export_day = extract.exported_on
    period = facts_of_file(options.column_maps, path).get("period")
    for title in (period,) if period is not None else table.titles:
        term = term_of_text(title)
        if term:
            extract.term = term
            end = term_end(title, options, extract.uai, extract.school_year)
            if end is not None:
                return min(end, export_day) if export_day is not None else end
            extract.undated_term = _name_of_term(term)
    if export_day is None:
        raise _need_period("la période de ce tableau", path)
    year = school_year_of(export_day) if extract.school_year is None else extract.school_year
    if extract.undated_term and extract.term is not None and _is_over(extract.term, year, export_day):
        raise undated_term(extract.undated_term, path)
    return export_day


def _name_of_term(term: tuple[str, int]) -> str:
    return f"{'Trimestre' if term[0] == 'T' else 'Semestre'} {term[1]}"


_LATEST_END = {("T", 1): (12, 20), ("T", 2): (4, 1), ("S", 1): (2, 15)}
"""Month and day after which a term or a semester is over in every school; the last ones end with the school year."""


def _is_over(term: tuple[str, int], school_year: int, day: date) -> bool:
    month, number = _LATEST_END.get(term, (8, 31))
    first = year_start(school_year)
    return day > date(first.year + (month < first.month), month, number)


def undated_term(name: str, path: str) -> UnreadableExportError:
    """Compose the refusal of the averages of a term that is over and whose end nobody tells."""
    return UnreadableExportError(
        explain_error(
            f"{path}: {name} is over, and its end is not known",
            expected="Communs.xml of the school, or a table [periods] in a file of --columns",
            hint=f'Declare [periods] "{name}" = 2024-11-29, the last day of that period: the day of the export is not its end.',
        ),
        french=f"La période « {name} » est close, et sa date de fin n’est dite par aucun fichier : ses moyennes seraient prises pour celles du jour "
        "de l’export. Joignez Communs.xml et, si ce fichier ne dit ni son établissement ni son année, donnez-les (--uai, --year, ou "
        f'[files] dans --columns) ; ou déclarez la période ([periods] "{name}" = 2024-11-29 dans --columns).',
    )


# GEPI's mark books

_DEV = ("GEPI_DEV_NOM_COURT", "GEPI_DEV_COEF", "GEPI_DEV_NOTE_SUR", "GEPI_DEV_DATE")
_PUPIL = "GEPI_LOGIN_ELEVE"
_FIRST = "GEPI_COL_1ER_DEVOIR"


def read_gepi_book(source: SourceFile, options: ImportOptions) -> Extract:
    """Read a mark book of GEPI (cahier_notes/export_cahier_notes.php): line types in the first column.

    The file does not say its subject; the school may (``[files."..."]``, ``subject``).

    Raises
    ------
    UnreadableExportError
        No line of dates or no column of the first assessment.
    """
    grid = sheets_of(source.content, name=source.path)[0]
    rows = [[cell.strip() for cell in row] for row in grid.rows]
    head = next((row for row in rows if _FIRST in row), None)
    facts = {row[0]: row for row in rows if row and row[0] in _DEV}
    if head is None or "GEPI_DEV_DATE" not in facts:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} has no column {_FIRST} or no line GEPI_DEV_DATE",
                expected="a mark book as GEPI exports it",
                hint="Export it again, without editing it.",
            ),
            french="Le carnet de notes n’a pas sa première colonne de devoir, ou pas la ligne des dates : exportez-le de nouveau.",
        )
    extract = Extract(source.kind, uai=options.uai, exported_on=options.extracted_on)
    extract.school_year = options.school_year
    subject = _declared_subject(source.path, options)
    places = {name: head.index(name) for name in ("NOM", "PRENOM", "CLASSE") if name in head}
    pupils = [(row, line) for row, line in zip(rows, grid.lines, strict=True) if row and row[0] == _PUPIL]
    extract.rows_read = len(pupils)
    extract.persons = [
        Person(
            family_name=_cell(row, places.get("NOM", -1)),
            first_name=_cell(row, places.get("PRENOM", -1)),
            class_name=_cell(row, places.get("CLASSE", -1)),
        )
        for row, _ in pupils
    ]
    marks = _book_rows(pupils, facts, head.index(_FIRST), subject or OTHER)
    take_grades(extract, _without_doubles(marks, extract, apart=True), options)
    if subject is None:
        extract.warn(
            "no_subject",
            "Un carnet de GEPI ne dit pas sa matière : ses notes sont prises comme « autre enseignement ». Déclarez-la "
            '(--columns, [files."*maths*"] subject = "maths").',
        )
    return extract


def _book_rows(
    pupils: list[tuple[list[str], int]], facts: dict[str, list[str]], first: int, subject: str
) -> list[GradeRow]:
    """Give one row per pupil and assessment; the lines above the pupils say the day, the scale and the weight of each."""
    assessments = []
    for at in range(first, max((len(row) for row, _ in pupils), default=first)):
        scale = number_of(_cell(facts.get("GEPI_DEV_NOTE_SUR", []), at) or "") or OUT_OF
        weight = number_of(_cell(facts.get("GEPI_DEV_COEF", []), at) or "")
        # A weight of 0 is allowed, and is not a missing one.
        coefficient = 1.0 if weight is None else weight
        assessments.append((day_of(_cell(facts["GEPI_DEV_DATE"], at) or ""), scale, coefficient))
    return [
        GradeRow(person, line, day, subject, cell, scale, coefficient, "assessment")
        for person, (row, line) in enumerate(pupils)
        for cell, (day, scale, coefficient) in zip(row[first:], assessments, strict=False)
    ]


def _cell(row: list[str], at: int) -> str | None:
    return row[at] if 0 <= at < len(row) and row[at] else None


def _declared_subject(path: str, options: ImportOptions) -> str | None:
    """Give the subject that the school declared for files of this name."""
    subject = facts_of_file(options.column_maps, path).get("subject")
    if subject is None or subject in SUBJECTS:
        return subject
    return SubjectNames(options.facts(None), options.column_maps).subject(label=subject)


def marks_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of long lists of marks."""
    return Reader(
        column_map.kind,
        column_map.label,
        lambda head: head.form == "rows" and head.has(*column_map.recognised_by),
        partial(read_marks, column_map=column_map),
        gives=column_map.gives or "notes",
        basis=column_map.basis,
    )


def grid_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of grids of averages."""
    return Reader(
        column_map.kind,
        column_map.label,
        lambda head: head.form == "rows" and head.has(*column_map.recognised_by),
        partial(read_average_grid, column_map=column_map),
        gives=column_map.gives or "moyennes de période",
        basis=column_map.basis,
    )


def _is_gepi_book(head: Head) -> bool:
    return head.form == "rows" and head.has("GEPI_INFOS", _PUPIL)


READERS: tuple[Reader, ...] = (
    Reader(
        "gepi_book",
        "GEPI, carnet de notes",
        _is_gepi_book,
        read_gepi_book,
        gives="notes, devoir par devoir",
        basis="code",
    ),
    *(
        {"marks": marks_reader, "average_grid": grid_reader}[column_map.reads](column_map)
        for column_map in bundled_maps()
        if column_map.reads in {"marks", "average_grid"}
    ),
)
"""GEPI's mark books, and every bundled map of marks."""
