"""LSU, periodic reports of collège (urn:fr:edu:scolarite:lsun:bilans:import): averages of each subject and period.

An average is any text of one to eight characters for the schema: "18/20", "11.5/20", "12,5/20", "57.5/100", "11.5" (on 20), "Abs".
Levels of competence (positionnements 1 to 4) are no marks. Subjects go by the id of their discipline, for two of them may share
a code; its national code goes before the local one. The file holds no INE: pupils are joined by their SIECLE id (``id-be``), or by
name and class. Texts, teachers and parents are never read; absences are totals of a period, which tell no day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.importers.cells import day_of, number_of
from decrochage_risk.importers.extract import Extract, Head, Person, Reader
from decrochage_risk.importers.marks import GradeRow, say_subjects, take_grades, term_end
from decrochage_risk.importers.nomenclatures import SubjectNames
from decrochage_risk.importers.sources import local_name, records_of
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from lxml import etree

    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = ["READERS", "read_lsu"]

_RECORDS = frozenset({"ETABLISSEMENT", "ELEVE", "PERIODE", "DISCIPLINE", "BILAN-PERIODIQUE"})
_PERIOD_NAMES = {"2": "Semestre", "3": "Trimestre"}
_YES = frozenset({"1", "true"})


@dataclass
class _Document:
    """Records of one file, by the ids that its reports name: a report may stand before what it names."""

    pupils: dict[str, int] = field(default_factory=dict)
    persons: list[Person] = field(default_factory=list)
    periods: dict[str, dict[str, str]] = field(default_factory=dict)
    disciplines: dict[str, dict[str, str]] = field(default_factory=dict)
    reports: list[tuple[dict[str, str], list[dict[str, str]], bool]] = field(default_factory=list)


def read_lsu(source: SourceFile, options: ImportOptions) -> Extract:
    """Read the averages of LSU reports.

    Raises
    ------
    UnreadableExportError
        Truncated or malformed XML.
    """
    extract = Extract(source.kind, uai=options.uai, exported_on=options.extracted_on)
    document = _document_of(source, extract)
    extract.persons = document.persons
    years = {
        int(period["MILLESIME"])
        for period in document.periods.values()
        if period.get("MILLESIME", "").isdigit()
    }
    # Periods of two years in one file leave open which year a report is of: only the caller can say.
    extract.school_year = years.pop() if len(years) == 1 else options.school_year
    extract.rows_read = len(document.reports)
    names = SubjectNames(options.facts(extract.uai, extract.school_year), options.column_maps)
    rows: list[GradeRow] = []
    for number, (report, marks, _) in enumerate(document.reports, start=1):
        person = document.pupils.get(report.get("ELEVE-REF", ""))
        if person is None:
            extract.leave_out("no_identity", number)
            continue
        day = _day(report, document.periods.get(report.get("PERIODE-REF", ""), {}), options, extract)
        rows.extend(_rows(person, number, day, marks, document.disciplines, names, extract))
    take_grades(extract, rows, options)
    say_subjects(extract, names)
    totals = sum(has for *_, has in document.reports)
    if totals:
        extract.warn(
            "totals_not_read",
            f"Totaux d’absences et de retards dans {french.plural(totals, 'bilan')} : ils ne disent aucun jour et ne sont pas pris. "
            "Donnez la liste datée du logiciel de vie scolaire.",
        )
    return extract


def _document_of(source: SourceFile, extract: Extract) -> _Document:
    """Read the records of a file by their kind, and its school into the extract."""
    document = _Document()
    for tag, element in records_of(source.content, _RECORDS, source.path):
        attributes = _attributes(element)
        if tag == "ETABLISSEMENT":
            extract.uai = (element.text or "").strip().upper() or extract.uai
        elif tag == "ELEVE" and "ID" in attributes:
            document.pupils[attributes["ID"]] = len(document.persons)
            document.persons.append(
                Person(
                    eleve_id=attributes.get("ID-BE") or None,
                    family_name=attributes.get("NOM") or None,
                    first_name=attributes.get("PRENOM") or None,
                    class_name=attributes.get("CODE-DIVISION") or None,
                )
            )
        elif tag == "PERIODE" and "ID" in attributes:
            document.periods[attributes["ID"]] = attributes
        elif tag == "DISCIPLINE" and "ID" in attributes:
            document.disciplines[attributes["ID"]] = attributes
        elif tag == "BILAN-PERIODIQUE":
            document.reports.append((attributes, list(_marks_of(element)), _has_totals(element)))
    return document


def _attributes(element: etree._Element) -> dict[str, str]:
    return {local_name(name): str(value) for name, value in element.attrib.items()}


def _marks_of(report: etree._Element) -> Iterator[dict[str, str]]:
    for element in report.iter():
        if local_name(element.tag) == "ACQUIS":
            yield _attributes(element)


def _has_totals(report: etree._Element) -> bool:
    return any(local_name(element.tag) == "VIE-SCOLAIRE" for element in report)


def _day(
    report: dict[str, str], period: dict[str, str], options: ImportOptions, extract: Extract
) -> date | None:
    """Give the day of the averages: the end of the period, else the council of the class in that school year."""
    index, of = period.get("INDICE", ""), period.get("NB-PERIODES", "")
    name = f"{_PERIOD_NAMES[of]} {index}" if of in _PERIOD_NAMES else index
    end = term_end(name, options, extract.uai, extract.school_year) if index else None
    if end is not None:
        return end
    council = day_of(report.get("DATE-CONSEIL-CLASSE", ""))
    millesime = number_of(period.get("MILLESIME", ""))
    if council is None or (millesime is not None and school_year_of(council) != int(millesime)):
        return None
    return council


def _rows(
    person: int,
    line: int,
    day: date | None,
    marks: list[dict[str, str]],
    disciplines: dict[str, dict[str, str]],
    names: SubjectNames,
    extract: Extract,
) -> Iterator[GradeRow]:
    for mark in marks:
        discipline: dict[str, Any] = disciplines.get(mark.get("DISCIPLINE-REF", ""), {})
        national, local = discipline.get("CODE-NATIONAL"), discipline.get("CODE")
        subject = names.subject(code=national or local, label=discipline.get("LIBELLE"))
        average = mark.get("MOYENNE-ELEVE", "").strip()
        if average:
            yield GradeRow(person, line, day, subject, average)
        elif mark.get("ELEVE-NON-NOTE") in _YES:
            yield GradeRow(person, line, day, subject, "NN")
        else:
            extract.leave_out("positioning" if mark.get("POSITIONNEMENT") else "no_mark", line)


def _is_lsu(head: Head) -> bool:
    return head.form == "xml" and head.root == "LSUN-BILANS"


READERS: tuple[Reader, ...] = (
    Reader(
        "lsu",
        "LSU, bilans périodiques de collège (XML)",
        _is_lsu,
        read_lsu,
        gives="moyennes de période",
        basis="specification",
    ),
)
"""Reports of LSU."""
