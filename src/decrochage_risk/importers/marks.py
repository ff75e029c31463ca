"""Marks and averages: long lists, grids with two header rows, GEPI's mark books.

PRONOTE's codes |6 and |7 are zeros that it counts in its mean: here they are an absence and a piece of work not handed in, which
the report says.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of, days_of, fold, number_of
from decrochage_risk.importers.declarations import facts_of_file, read_column_map
from decrochage_risk.importers.declared_maps import (
    ColumnMap,
    bundled_maps,
    miss_broken_rows,
    persons_of,
    read_table,
)
from decrochage_risk.importers.delimited import sheets_of
from decrochage_risk.importers.extract import ColumnLists, Extract, Head, Person, Reader
from decrochage_risk.importers.list_spans import (
    LEAST_DAYS,
    ListYears,
    forget_persons,
    part_of_year,
    period_of_title,
    say_years,
    told_by_titles,
)
from decrochage_risk.importers.mark_cells import OUT_OF, Mark, mark_of, scale_of, weight_of
from decrochage_risk.importers.nomenclatures import OTHER, SUBJECTS, SubjectNames
from decrochage_risk.school_year import school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = [
    "READERS",
    "GradeRow",
    "grid_reader",
    "marks_reader",
    "say_subjects",
    "take_grades",
    "term_end",
    "term_of_text",
    "undated_term",
]

_LABELS_SHOWN = 8

_PERIOD = re.compile(
    r"\b(T|S)(?:RIM(?:ESTRE)?|EM(?:ESTRE)?)? ?([1-3])\b|\b([1-3]) ?(?:ER|ERE|E|EME|ND|NDE)? ?(T|S)(?:RIM(?:ESTRE)?|EM(?:ESTRE)?)\b"
)


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
        Its ``school_year`` holds back rows of other years, where it is known; else it gets a part for each other year of the list.
    rows : iterable of GradeRow
        An empty cell is nothing; what is neither a number nor a known word, or above its own scale, is counted. A scale or a
        coefficient that is not a number could not be read.
    options : ImportOptions
    until : date, optional
        Last day that the file vouches for; the export day, else its last row.
    """
    rows = [row for row in rows if row.cell and not row.cell.isspace()]
    rows_of_day = Counter(row.day for row in rows if row.day is not None)
    # The day of an average is that of a period: nobody wrote it row by row.
    least_days = LEAST_DAYS if any(row.kind != "term_average" for row in rows) else 1
    years = ListYears.of(rows_of_day, extract.school_year, least_days)
    year_of = {day: school_year_of(day) for day in rows_of_day}
    grades: dict[int | None, list[tuple[Any, ...]]] = {year: [] for year in years.own or (None,)}
    zeros: list[int] = []
    # Line, person and year (None: of any year of the list) of what was marked and could not be read.
    missed: list[tuple[int, int, int | None]] = []
    outside: set[int] = set()
    for row in rows:
        mark = mark_of(row.cell)
        out_of = mark.out_of or row.out_of
        year = None if row.day is None else year_of[row.day]
        reason = _left_out(row, mark, out_of, year, years)
        if reason is not None:
            extract.leave_out(reason, row.line)
            if reason == "outside_school_year":
                outside.add(row.person)
            if reason in _UNREADABLE or (
                reason == "outside_school_year" and year is not None and years.is_stray(year)
            ):
                missed.append((row.line, row.person, year if reason == "bad_scale" else None))
            continue
        zeros += [row.line] if mark.is_zero else []
        out_of = OUT_OF if math.isnan(out_of) else out_of
        grades[year].append(
            (
                row.person,
                row.line,
                row.day,
                row.subject,
                mark.value,
                out_of,
                row.coefficient,
                mark.status,
                row.kind,
                row.recorded_on,
            )
        )
    if zeros:
        extract.warn(
            "zeros_that_count",
            f"{french.plural(len(zeros), 'zéro')} pour une absence ou un travail non rendu : le logiciel le compte dans sa moyenne, "
            "ici c’est une absence ou un travail non rendu. Les moyennes diffèrent.",
            tuple(zeros),
        )
    until = until or extract.exported_on or options.extracted_on
    persons = list(extract.persons)
    for part, own in _parts(extract, grades, outside):
        for line, person, year in missed:
            if year in {None, part.school_year}:
                part.miss(line, persons[person])
        columns: list[list[Any]] = list(map(list, zip(*own, strict=True))) or [[] for _ in _GRADE_DTYPES]
        table = ColumnLists(dict(zip(_GRADE_DTYPES, columns, strict=True)), _GRADE_DTYPES)
        part.tables["grades"] = table
        if years.holds_rows:
            goes_on = part.school_year != max(years.own, default=None)
            _cover(part, table.columns["date"], until, goes_on=goes_on)
    say_years(extract, years)


_UNREADABLE = frozenset({"bad_date", "bad_scale"})
"""Reasons of a mark that was given and could not be read."""


def _left_out(row: GradeRow, mark: Mark, out_of: float, year: int | None, years: ListYears) -> str | None:
    """Give the reason why a mark is left out, or None."""
    if not mark.status:
        return "not_a_mark"
    if year is None:
        return "no_term_date" if row.kind == "term_average" else "bad_date"
    if year not in years.own:
        return "outside_school_year"
    if math.isnan(row.coefficient) or (mark.value is not None and math.isnan(out_of)):
        return "bad_scale"
    return "mark_above_out_of" if mark.value is not None and mark.value > out_of else None


def _parts(
    extract: Extract, grades: dict[int | None, list[tuple[Any, ...]]], outside: set[int]
) -> list[tuple[Extract, list[tuple[Any, ...]]]]:
    """Give each school year of a list with its marks; the main one is the list itself."""
    (main, own), *others = grades.items()
    parts = []
    for year, of_year in others:
        part, place = part_of_year(extract, year or 0, (row[0] for row in of_year))
        extract.other_years.append(part)
        parts.append((part, [(place[row[0]], *row[1:]) for row in of_year]))
        outside |= {row[0] for row in of_year}
    extract.school_year = main
    gone = outside - {row[0] for row in own}
    if gone:
        place = forget_persons(extract, gone)
        own = [(place[row[0]], *row[1:]) for row in own]
    return [(extract, own), *parts]


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


def _cover(extract: Extract, days: Iterable[date], until: date | None, *, goes_on: bool) -> None:
    """Say which days of its school year a list vouches for; one that goes on in a later year, all until then."""
    year = extract.school_year
    end = until or max(days, default=None)
    if year is None or end is None:
        return
    start, last = year_start(year), year_end(year)
    extract.covers["grades"] = (start, last if goes_on else max(start, min(end, last)))


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


def say_subjects(extract: Extract, names: SubjectNames, *, shown: bool = True) -> None:
    """Say which labels of subjects are told by nothing; ``shown`` tells whether they are sure to be labels of subjects."""
    if not names.unknown:
        return
    plain = extract.plain_labels(names.unknown) if shown else []
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
    if not column_map.has(table, "date"):
        # A name of a period is of a year that it does not say; a day is of its own.
        extract.school_year = extract.school_year or options.facts(extract.uai).school_year
    apart = column_map.text(table, "number") if column_map.has(table, "number") else None
    extract.persons, person = persons_of(table, column_map, apart=apart)
    names = SubjectNames(options.facts(extract.uai, extract.school_year), options.column_maps)
    kind = str(column_map.settings.get("kind", "assessment"))
    dates = _dates(table, column_map, options, extract, source.path, kind=kind)
    rows = _long_rows(table, column_map, person, dates, names, kind)
    take_grades(extract, _without_doubles(rows, extract, apart is not None), options)
    for part in (extract, *extract.other_years):
        miss_broken_rows(table, column_map, part)
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
    out_of = [scale_of(text or "") for text in texts("out_of")]
    coefficient = [weight_of(text or "") for text in texts("coefficient")]
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
    known = SubjectNames(options.facts(options.uai), options.column_maps)
    table = read_table(source, options, column_map, is_group=known.knows)
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
    for part in (extract, *extract.other_years):
        miss_broken_rows(table, column_map, part)
    # A row without any subject that is known may be one of teachers.
    say_subjects(extract, names, shown=any(map(known.knows, table.group_names)))
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
    one that is over are older than their export. Where nothing names a period nobody can tell: it is said.
    """
    export_day = extract.exported_on
    declared = facts_of_file(options.column_maps, path).get("period")
    titles = (declared,) if declared is not None else table.titles
    period = period_of_title(titles)
    end = period[1] if period is not None else None
    for title in titles:
        term = term_of_text(title)
        # What is declared of a file is the name of a period, whatever it looks like.
        if term is None and declared is None:
            continue
        extract.term = term
        known = term_end(title, options, extract.uai, extract.school_year)
        if known is not None:
            end = known
            break
        extract.undated_term = title if term is None else _name_of_term(term)
    if end is not None:
        extract.undated_term = ""
        return min(end, export_day) if export_day is not None else end
    if export_day is None:
        raise _need_period("la période de ce tableau", path)
    year = school_year_of(export_day) if extract.school_year is None else extract.school_year
    if extract.undated_term and extract.term is not None and _is_over(extract.term, year, export_day):
        raise undated_term(extract.undated_term, path)
    if not extract.undated_term:
        extract.warn(
            "unnamed_period",
            f"Ce tableau ne dit pas sa période : ses moyennes sont datées du jour de l’export, le {french.day(export_day)}. Si la période "
            'était close, déclarez-la (--columns, [files."nom du fichier"] period = "Trimestre 1").',
        )
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
        scale = scale_of(_cell(facts.get("GEPI_DEV_NOTE_SUR", []), at) or "")
        coefficient = weight_of(_cell(facts.get("GEPI_DEV_COEF", []), at) or "")
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
