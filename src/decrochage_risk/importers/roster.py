"""From one pupil's row in a list of pupils (SIECLE, SYGNE, agricultural CSV) to persons, enrolments and what became of them.

The formats differ in how they write; what a row means is said here once: who belongs to the tables, from when to when,
at which level, and which facts of a leaver are evidence for an outcome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.cells import fold
from decrochage_risk.importers.extract import make_persons
from decrochage_risk.importers.nomenclatures import find_level
from decrochage_risk.records.fault_hints import UAI_LETTERS
from decrochage_risk.school_year import SchoolCalendar, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.importers.extract import Extract, ImportOptions, Person, SchoolFacts

__all__ = [
    "EVIDENCE_COLUMNS",
    "ROSTER_TABLES",
    "Attended",
    "RosterRow",
    "add_rows",
    "choose_ine",
    "exit_meaning",
    "first_school_day",
    "is_uai",
    "last_school_day",
    "normal_ine",
    "school_of_file",
    "tell_two_divisions",
]

ROSTER_TABLES = {
    "pupils": ("person", "line", "birth_date", "sex"),
    "enrolments": (
        "person", "line", "school_year", "school_id", "level", "start_date", "end_date", "class_id", "boarder", "basis",
    ),
    "outcome_evidence": ("person", "line", "school_year", "path", "start", "end"),
}  # fmt: skip
"""Columns of the tables that a list of pupils gives; ``basis`` of an enrolment: ``file``, or ``year_before`` when
another year's file only remembers it. They never reach a written file."""

EVIDENCE_COLUMNS = ROSTER_TABLES["outcome_evidence"]
"""``path``: ``exit_continued``, ``exit_abroad``, ``exit_unknown``, ``enrolled_elsewhere`` (a formation outside the tables),
``apprenticeship``, ``diploma``, ``deceased``; ``start`` and ``end``: the days it holds for."""

_INE = re.compile(r"[0-9A-Z]{11}")
_UAI = re.compile(r"[0-9]{7}[A-Z]")
_IN_SCHOOL = frozenset({"ST", "SCOLAIRE", "STATUT SCOLAIRE"})
_BOARDER_CODES = {"3": True, "IN": True, "0": False, "2": False, "EX": False, "DP": False}
_SEX = {"1": "M", "M": "M", "G": "M", "H": "M", "MASCULIN": "M", "2": "F", "F": "F", "FEMININ": "F"}
_CONTINUED = re.compile(r"^SE |SUITE|APPRENTI|\bCFA\b")
_MOTIVE_CODES: dict[str, Literal["continued", "deceased", "abroad", "unknown"]] = {
    "10": "continued",
    "43": "deceased",
    "99": "unknown",
}
"""The only motives of the ministry's specification (SFD Exportations XML 17.4, 3.13); the school's Nomenclature gives the rest."""


@dataclass(frozen=True, slots=True)
class Attended:
    """Where a pupil was the year before, as the file of this year remembers it."""

    mef: str | None = None
    label: str | None = None
    class_name: str | None = None
    uai: str | None = None


@dataclass(frozen=True, slots=True)
class RosterRow:
    """What one row says of one pupil, as text; None where it says nothing.

    Attributes
    ----------
    line : int
        Line of the file, or number of the record.
    ine, other_ine : str or None
        The number to go by, and another one of the same pupil (BEA beside RNIE).
    other_classes : tuple of str
        Divisions besides ``class_name``: rows of other files may name any of them.
    mef, mefstat, mef_label, class_name, status, regime, regime_label, motive, motive_label : str or None
    entry, leaving : date or None
    repeats : bool or None
    before : Attended or None
    """

    line: int
    uai: str | None = None
    school_year: int | None = None
    ine: str | None = None
    other_ine: str | None = None
    elenoet: str | None = None
    eleve_id: str | None = None
    family_name: str | None = None
    usage_name: str | None = None
    first_name: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    mef: str | None = None
    mefstat: str | None = None
    mef_label: str | None = None
    class_name: str | None = None
    other_classes: tuple[str, ...] = ()
    status: str | None = None
    regime: str | None = None
    regime_label: str | None = None
    motive: str | None = None
    motive_label: str | None = None
    entry: date | None = None
    leaving: date | None = None
    repeats: bool | None = None
    before: Attended | None = None


def normal_ine(text: str | None) -> str | None:
    """Give the one spelling of a national number (11 letters and digits, upper case), or None when it is none.

    Examples
    --------
    >>> normal_ine(" 000000001aa "), normal_ine("0"), normal_ine("00000000000")
    ('000000001AA', None, None)
    """
    plain = re.sub(r"\s", "", text or "").upper()
    return plain if _INE.fullmatch(plain) and len(set(plain)) > 1 else None


def choose_ine(rnie: str | None, national: str | None, bea: str | None) -> tuple[str | None, str | None]:
    """Choose the national number to go by, and another one of the same pupil if there is one: RNIE, then the plain one, then BEA.

    Examples
    --------
    >>> choose_ine("000000001AA", "0000000001B", None)
    ('000000001AA', '0000000001B')
    """
    numbers = [number for number in map(normal_ine, (rnie, national, bea)) if number is not None]
    others = [number for number in numbers if number != numbers[0]]
    return (numbers[0] if numbers else None), (others[0] if others else None)


def is_uai(text: str | None) -> bool:
    """Tell whether a text is a school number with the right check letter.

    Examples
    --------
    >>> is_uai("0990001N"), is_uai("0750001A"), is_uai("123ABC"), is_uai(None)
    (True, False, False, False)
    """
    plain = text or ""
    return bool(_UAI.fullmatch(plain)) and plain[7] == UAI_LETTERS[int(plain[:7]) % len(UAI_LETTERS)]


def school_of_file(told: str | None, options: ImportOptions, extract: Extract) -> str | None:
    """Settle the school of a file: what it says when that is a number, else what the caller says; tell either way."""
    plain = (told or "").strip().upper()
    if is_uai(plain):
        return plain
    if options.uai is not None:
        if plain:
            extract.warn(
                "bad_uai_replaced",
                "Le numéro d’établissement du fichier est impossible (lettre de contrôle) : celui de la commande est pris.",
            )
        return options.uai
    return None


def exit_meaning(
    code: str | None, label: str | None, facts: SchoolFacts
) -> Literal["continued", "deceased", "abroad", "unknown"] | None:
    """Tell what the motive of a departure says; None when there is no motive.

    Examples
    --------
    >>> from decrochage_risk.importers.extract import NO_FACTS
    >>> [exit_meaning(*given, NO_FACTS) for given in (("10", None), (None, "SE 2D PUAC"), ("77", None), (None, None))]
    ['continued', 'continued', 'unknown', None]
    """
    words = fold(facts.exit_motives.get(code or "", "") or label or "")
    if not words:
        return None if not code else _MOTIVE_CODES.get(code, "unknown")
    if "DECES" in words:
        return "deceased"
    if "ETRANGER" in words:
        return "abroad"
    return "continued" if _CONTINUED.search(words) else "unknown"


def first_school_day(calendar: SchoolCalendar | None, school_year: int) -> date:
    """Give the first day with school of a year; 1 September for a year that the calendar does not hold.

    Examples
    --------
    >>> first_school_day(None, 2024)
    datetime.date(2024, 9, 2)
    """
    return _school_day(calendar, school_year, first=True)


def last_school_day(calendar: SchoolCalendar | None, school_year: int) -> date:
    """Give the last day with school of a year; 31 August for a year that the calendar does not hold.

    Examples
    --------
    >>> last_school_day(None, 2024)
    datetime.date(2025, 7, 4)
    """
    return _school_day(calendar, school_year, first=False)


def _school_day(calendar: SchoolCalendar | None, school_year: int, *, first: bool) -> date:
    days = calendar or SchoolCalendar.for_zone("B")
    bound = year_start(school_year) if first else year_end(school_year)
    if not days.covers_year(school_year):
        return bound
    low = year_start(school_year).toordinal() - days.first_day.toordinal()
    values = days.values[low : low + (year_end(school_year) - year_start(school_year)).days + 1]  # noqa: PD011 - a calendar's own
    with_school = [at for at, half_days in enumerate(values) if half_days]
    if not with_school:
        return bound
    return date.fromordinal(year_start(school_year).toordinal() + with_school[0 if first else -1])


class _Years:
    """First and last days of school, looked up once per year."""

    def __init__(self, calendar: SchoolCalendar | None) -> None:
        self._calendar = calendar
        self._days: dict[int, tuple[date, date]] = {}

    def of(self, school_year: int) -> tuple[date, date]:
        if school_year not in self._days:
            self._days[school_year] = (
                first_school_day(self._calendar, school_year),
                last_school_day(self._calendar, school_year),
            )
        return self._days[school_year]


def add_rows(rows: Sequence[RosterRow], options: ImportOptions, extract: Extract) -> None:
    """Put the persons and the tables of a list of pupils into an extract, and count what is left out.

    Parameters
    ----------
    rows : sequence of RosterRow
        In file order.
    options : ImportOptions
        Facts of the schools, calendar.
    extract : Extract
        Gets persons (all rows), ``pupils``, ``enrolments``, ``outcome_evidence``, counts and notices; its
        ``exported_on`` dates the leavers without a date.
    """
    extract.is_roster = True
    extract.rows_read += len(rows)
    extract.persons = _persons(rows)
    extract.other_classes = {
        person: row.other_classes for person, row in enumerate(rows) if row.other_classes
    }
    tables: dict[str, list[tuple[object, ...]]] = {name: [] for name in ROSTER_TABLES}
    years, notes = _Years(options.calendar), _Notes()
    for person, row in enumerate(rows):
        _add_row(person, row, options, extract, tables, years, notes)
    for name, columns in ROSTER_TABLES.items():
        extract.tables[name] = pd.DataFrame(tables[name], columns=list(columns))
    notes.tell(extract)


def tell_two_divisions(extract: Extract, lines: Sequence[int]) -> None:
    """Say of which pupils a list gives two divisions: the order in which it does so means nothing."""
    extract.warn(
        "two_structures",
        "Deux divisions ou deux blocs de structures pour un élève : la première dans l’ordre de leurs noms est prise, et les "
        "lignes des autres fichiers se rattachent par l’une comme par l’autre.",
        tuple(lines),
    )


class _Notes:
    """Lines that a notice is about, by notice."""

    TEXTS = {  # noqa: RUF012 - a constant
        "undated_exit": "Sortie sans date : la date de l’export en tient lieu.",
        "planned_exit": "Date de sortie à venir et sans motif : ce n’est pas un départ, elle n’est pas prise.",
        "no_birth_date": "Date de naissance absente ou illisible : l’écart d’âge ne sera pas connu.",
        "class_level": "Niveau pris de la division (Structures), faute de MEF.",
        "label_level": "Niveau pris du libellé de la formation, faute d’un MEF connu.",
        "last_year_outside": "Scolarité de l’an dernier sans niveau connu : elle n’est pas prise.",
        "broken_character": "Caractère remplacé par « ? » dans un nom : l’élève ne se rattachera pas par le nom.",
    }

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}

    def add(self, code: str, line: int) -> None:
        self.lines.setdefault(code, []).append(line)

    def tell(self, extract: Extract) -> None:
        for code, lines in self.lines.items():
            text = self.TEXTS[code].removesuffix(".")
            extract.warn(code, f"{text} ({french.plural(len(lines), 'ligne')}).", tuple(lines))


def _persons(rows: Sequence[RosterRow]) -> list[Person]:
    names = (
        "ine",
        "other_ine",
        "elenoet",
        "eleve_id",
        "uai",
        "family_name",
        "usage_name",
        "first_name",
        "class_name",
    )
    columns: dict[str, list[object]] = {name: [getattr(row, name) for row in rows] for name in names}
    columns["birth_date"] = [row.birth_date for row in rows]
    columns["sex"] = [_SEX.get(fold(row.sex or "")) for row in rows]
    return make_persons(columns, len(rows))


def _add_row(
    person: int,
    row: RosterRow,
    options: ImportOptions,
    extract: Extract,
    tables: dict[str, list[tuple[object, ...]]],
    years: _Years,
    notes: _Notes,
) -> None:
    reason = _outside(row)
    if reason is not None:
        extract.leave_out(reason, row.line)
        # No pupil of the tables, and found all the same: an apprentice has not left without a diploma.
        if reason == "apprentice" and row.school_year is not None:
            tables["outcome_evidence"].append(
                _evidence(person, row, "apprenticeship", row.entry, row.leaving)
            )
        return
    year, uai = row.school_year, row.uai
    if year is None or uai is None:  # told by _outside already; for the type checker
        return
    facts = options.facts(uai, year)
    meaning = exit_meaning(row.motive, row.motive_label, facts)
    if meaning == "deceased":
        extract.leave_out("deceased", row.line)
        tables["outcome_evidence"].append(_evidence(person, row, "deceased", row.leaving, None))
        return
    before = row.before or Attended()
    mef_level = find_level(
        row.mef,
        facts,
        label=row.mef_label,
        mefstat=row.mefstat,
        class_name=row.class_name,
        last_mef=before.mef,
        repeats=row.repeats,
    )
    if mef_level.level is None:
        extract.leave_out(mef_level.reason or "unknown_level", row.line)
        tables["outcome_evidence"].append(
            _evidence(person, row, "enrolled_elsewhere", row.entry, row.leaving)
        )
        return
    if mef_level.how in {"class", "label"}:
        notes.add(f"{mef_level.how}_level", row.line)
    if row.birth_date is None:
        notes.add("no_birth_date", row.line)
    if "?" in f"{row.family_name}{row.first_name}":
        notes.add("broken_character", row.line)
    tables["pupils"].append((person, row.line, row.birth_date, _SEX.get(fold(row.sex or ""))))
    _add_stay(
        person, row, mef_level.level, meaning, extract, tables, years, notes, boarder=_boarder(row, facts)
    )
    _add_year_before(person, row, year, facts, tables, notes)


def _outside(row: RosterRow) -> str | None:
    """Tell why a row is no pupil of the tables, before anything is looked up."""
    if not is_uai(row.uai):
        return "bad_uai"
    if row.school_year is None:
        return "no_school_year"
    if fold(row.class_name or "") == "INACTIFS":
        return "inactive"
    if row.status and fold(row.status) not in _IN_SCHOOL:
        return "apprentice"
    return None


def _evidence(
    person: int, row: RosterRow, path: str, start: date | None, end: date | None
) -> tuple[object, ...]:
    return (person, row.line, row.school_year, path, start, end)


def _add_stay(  # noqa: PLR0913 - one row and where its parts go
    person: int,
    row: RosterRow,
    level: str,
    meaning: str | None,
    extract: Extract,
    tables: dict[str, list[tuple[object, ...]]],
    years: _Years,
    notes: _Notes,
    *,
    boarder: bool | None,
) -> None:
    year = row.school_year or 0
    first, last = years.of(year)
    start = max(row.entry or first, first)
    end = row.leaving
    export_day = extract.exported_on
    has_motive = row.motive is not None or row.motive_label is not None
    if end is not None and not has_motive and (end >= last or (export_day is not None and end > export_day)):
        if end < last:
            notes.add("planned_exit", row.line)
        end = None  # the end of the year, written in advance
    elif end is None and has_motive:
        if export_day is None:
            extract.leave_out("undated_exit", row.line)
            return
        notes.add("undated_exit", row.line)
        end = max(export_day, start)
    if meaning is not None or end is not None:
        tables["outcome_evidence"].append(_evidence(person, row, f"exit_{meaning or 'unknown'}", end, None))
    if start > year_end(year):
        extract.leave_out("outside_school_year", row.line)
    elif end is not None and end < start:
        extract.leave_out("never_came", row.line)
    else:
        if end is not None and end > year_end(year):
            end = None
        stay = (person, row.line, year, row.uai, level, start, end, row.class_name, boarder, "file")
        tables["enrolments"].append(stay)


def _boarder(row: RosterRow, facts: SchoolFacts) -> bool | None:
    label = fold(row.regime_label or "") or fold(facts.regimes.get(row.regime or "", ""))
    if label:
        return label.startswith("INTERN")
    return _BOARDER_CODES.get(fold(row.regime or ""))


def _add_year_before(
    person: int,
    row: RosterRow,
    year: int,
    facts: SchoolFacts,
    tables: dict[str, list[tuple[object, ...]]],
    notes: _Notes,
) -> None:
    before = row.before
    if before is None or not is_uai(before.uai):
        return
    # The Nomenclature of this year names last year's MEF of this school too; another school's come from the bundled rule.
    mef_level = find_level(before.mef, facts, label=before.label)
    if mef_level.level is None:
        if before.mef is not None:
            notes.add("last_year_outside", row.line)
        return
    stay = (
        person, row.line, year - 1, before.uai, mef_level.level, year_start(year - 1), None, before.class_name, None, "year_before",
    )  # fmt: skip
    tables["enrolments"].append(stay)
