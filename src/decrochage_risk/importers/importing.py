"""From exports to checked records: recognise, read, join by person, merge, check, write; nothing named is ever written.

Three passes over the sources, one content in memory at a time: facts of the schools (nomenclatures, calendars), then the
lists of pupils, then everything that names pupils or counts them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import (
    RecordsError,
    RecordsWarning,
    UnreadableExportError,
    explain_error,
)
from decrochage_risk.importers.absences import monthly_absences
from decrochage_risk.importers.cells import fold_name
from decrochage_risk.importers.covered_spans import (
    coverage_table,
    first_days,
    joined_spans,
    not_known_words,
    span_of,
)
from decrochage_risk.importers.declarations import class_aliases, options_of_file
from decrochage_risk.importers.earlier_import import date_events, read_earlier
from decrochage_risk.importers.extract import (
    EVENT_TABLES,
    ColumnLists,
    ImportOptions,
    Notice,
    SchoolFacts,
    SourceFile,
)
from decrochage_risk.importers.half_days import absence_table, merge_half_days
from decrochage_risk.importers.identity import Register, notices_of
from decrochage_risk.importers.imported import REPORT_NAME, TOTALS_NAME, Imported
from decrochage_risk.importers.marks import undated_term
from decrochage_risk.importers.merging import (
    TableRows,
    age_of,
    merge_enrolments,
    merge_events,
    merge_pupils,
)
from decrochage_risk.importers.outcomes import build_outcomes
from decrochage_risk.importers.recognition import readers_of, recognise
from decrochage_risk.importers.report import FileReport, ImportReport, french_year
from decrochage_risk.importers.roster import is_uai
from decrochage_risk.importers.sources import Content, UnreadContent, contents_of
from decrochage_risk.records.pseudonyms import Pseudonymiser
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar, day_number
from decrochage_risk.threads import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from decrochage_risk.importers.extract import Extract, Reader, UnreadRow
    from decrochage_risk.importers.identity import Resolved

__all__ = ["REPORT_NAME", "Imported", "import_exports"]


def import_exports(
    paths: Iterable[str | Path] | str | Path,
    *,
    key: Pseudonymiser | bytes | str | Path,
    options: ImportOptions | None = None,
    previous: str | Path | None = None,
    links: bool = False,
    progress: bool | Callable[[str, int, int], None] = False,
    **choices: Any,  # noqa: ANN401 - the fields of ImportOptions
) -> Imported:
    """Read any mix of exports of French schools into records.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders (all that is under them) and zips; several schools and years at once.
    key : Pseudonymiser, bytes, or path of a key file
        What pseudonyms are made with (``generate_key_file``); the same one every year.
    options : ImportOptions, optional
        What the files do not say themselves; its fields may be given as keyword arguments instead.
    previous : path, optional
        Folder of the import before this one: what is new since gets its day of recording.
    links : bool
        Keep the way back from pseudonyms to pupils in the result.
    progress : bool or callable
        True shows the steps on a bar; a callable is told each with a French line, how much is done and how much there is.

    Returns
    -------
    Imported

    Raises
    ------
    UnreadableRecordsError
        A path that is not there.
    UnreadableExportError
        No list of pupils among the files; ``french`` says what became of each of them.
    RecordsError
        A key that cannot be used; an option that does not exist.

    Examples
    --------
    >>> import tempfile, zipfile
    >>> xml = '''<BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>0990001N</UAJ><ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE>
    ... <DATE_EXPORT>15/03/2025</DATE_EXPORT></PARAMETRES><DONNEES><ELEVES><ELEVE ELEVE_ID="1" ELENOET="101">
    ... <INE_RNIE>000000001AA</INE_RNIE><DATE_NAISS>03/04/2010</DATE_NAISS><CODE_STATUT>ST</CODE_STATUT>
    ... <CODE_MEF>10310019110</CODE_MEF></ELEVE></ELEVES></DONNEES></BEE_ELEVES>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "ExportXML_ElevesSansAdresses.zip")
    ...     with zipfile.ZipFile(path, "w") as archive:
    ...         archive.writestr("ElevesSansAdresses.xml", xml)
    ...     done = import_exports(path, key=bytes(range(32)))
    >>> done.records.enrolments[["school_year", "school_id", "level"]].values.tolist()
    [[2024, '0990001N', '3e']]
    """
    by_key = _key_of(key)
    all_options = _options_of(options, choices)
    source_paths = [paths] if isinstance(paths, str | Path) else list(paths)
    run = _Run(
        source_paths, by_key, all_options, previous=None if previous is None else Path(previous), links=links
    )
    with progress_bar(progress) as tell:
        tell("Reconnaissance des fichiers", 0, 4)
        # Schools, then who the pupils are, then what is said of them: the files come in any order.
        run.recognise()
        tell("Listes d’élèves", 1, 4)
        run.read_rosters()
        tell("Absences, notes, orientation", 2, 4)
        run.read_events()
        tell("Contrôle", 3, 4)
        return run.result()


def _key_of(key: Pseudonymiser | bytes | str | Path) -> Pseudonymiser:
    if isinstance(key, Pseudonymiser):
        return key
    return Pseudonymiser(key) if isinstance(key, bytes) else Pseudonymiser.from_file(key)


def _options_of(options: ImportOptions | None, choices: Mapping[str, Any]) -> ImportOptions:
    field_names = set(ImportOptions.__dataclass_fields__) - {"schools", "pupils_like_totals"}
    unknown = sorted(set(choices) - field_names)
    if unknown:
        raise RecordsError(
            explain_error(
                f"import_exports was given {', '.join(unknown)}",
                expected=f"among {', '.join(sorted(field_names))}",
                hint="Check the spelling.",
            )
        )
    all_options = replace(options or ImportOptions(), **choices)
    if all_options.uai is not None and not is_uai(all_options.uai.strip().upper()):
        raise RecordsError(
            explain_error(
                f"The school number {all_options.uai!r} cannot be",
                expected="seven digits and the letter that checks them",
                hint="Copy it from the official directory.",
            )
        )
    return replace(
        all_options,
        uai=None if all_options.uai is None else all_options.uai.strip().upper(),
        column_maps=tuple(map(Path, all_options.column_maps)),
    )


@dataclass
class _Source:
    """One content of the run: its report and the place of it, and who reads it."""

    report: FileReport
    reader: Reader | None
    at: int


class _Run:
    """One import from its first file to its records."""

    def __init__(
        self,
        paths: list[str | Path],
        key: Pseudonymiser,
        options: ImportOptions,
        *,
        previous: Path | None,
        links: bool,
    ) -> None:
        self.paths = paths
        self.options = options
        self.earlier = None if previous is None else read_earlier(previous, REPORT_NAME, key.fingerprint)
        self.keep_links = links
        self.register = Register(key, class_aliases=class_aliases(options.column_maps), keep_links=links)
        self.declared = readers_of(options.column_maps)
        self.report = ImportReport(key_fingerprint=key.fingerprint)
        self.sources: dict[str, _Source] = {}
        self.rows: dict[str, TableRows] = {
            name: TableRows()
            for name in ("pupils", "enrolments", "outcome_evidence", "absence_totals", *EVENT_TABLES)
        }
        self.event_tables: set[str] = set()
        self.in_tables: frozenset[str] = frozenset()
        self.copies: list[tuple[FileReport, FileReport]] = []
        self.coverage: list[dict[str, Any]] = []
        self.unread: list[dict[str, Any]] = []
        self.schools: dict[tuple[str, int], SchoolFacts] = {}
        self.homes: dict[str, set[str]] = {}

    # Passes over the sources

    def recognise(self) -> None:
        """Tell what each content is, and read those that tell facts of a school."""
        first_of: dict[str, str] = {}
        for content in contents_of(self.paths):
            if isinstance(content, UnreadContent):
                self._add(content.path, None, FileReport(content.path, refusal=content.why))
                continue
            report = FileReport(content.path, content.sha256)
            reader = None
            if content.sha256 in first_of:
                first = self.sources[first_of[content.sha256]].report
                report.kind, report.label = first.kind, first.label
                report.refusal = f"Même contenu que {first.path} : lu une fois."
                self.copies.append((report, first))
            else:
                # By content, not by name: a browser adds "(1)" to a second download.
                first_of[content.sha256] = content.path
                reader = self._recognised(content, report)
            self._add(content.path, reader, report)
            if reader is not None and reader.stage == 0:
                extract = self._extract(reader, content, report)
                if extract is not None:
                    self._learn_facts(extract, report)

    def _add(self, path: str, reader: Reader | None, report: FileReport) -> None:
        self.sources[path] = _Source(report, reader, len(self.report.files))
        self.report.files.append(report)

    def _recognised(self, content: Content, report: FileReport) -> Reader | None:
        try:
            reader = recognise(content.content, content.path, self.declared)
        except UnreadableExportError as error:
            report.refusal = error.french
            return None
        if reader is None:
            report.refusal = (
                "Aucun export connu n’a cet en-tête. S’il s’agit d’une liste de l’établissement, déclarez ses colonnes "
                "(--columns, docs/imports.md)."
            )
            return None
        report.kind, report.label = reader.kind, reader.label
        return reader

    def _contents_at(self, stage: int) -> Iterable[tuple[Content, _Source]]:
        due_paths = {
            path
            for path, source in self.sources.items()
            if source.reader is not None and source.reader.stage == stage and not source.report.refusal
        }
        if not due_paths:
            return
        for content in contents_of(self.paths, due_paths.copy()):
            if isinstance(content, Content) and content.path in due_paths:
                due_paths.discard(content.path)
                yield content, self.sources[content.path]

    def _extract(self, reader: Reader, content: Content, report: FileReport) -> Extract | None:
        """Read one content; what a reader refuses becomes a line of the report."""
        source = SourceFile(content.path, content.content, content.sha256, reader.kind)
        try:
            extract = reader.read(
                source,
                replace(
                    options_of_file(self.options, content.path),
                    schools=self.schools,
                    pupils_like_totals=self.register.pupils_like_totals,
                ),
            )
        except UnreadableExportError as error:
            report.refusal = error.french
            return None
        school_asked = self.options.uai
        if school_asked is not None and extract.uai is not None and extract.uai != school_asked:
            report.uai = extract.uai
            report.refusal = (
                f"Fichier de l’établissement {extract.uai}, alors que l’import est demandé pour {school_asked} : rien n’en est pris. "
                "Dans une cité scolaire, vérifiez de quel établissement vient l’export."
            )
            return None
        report.uai, report.school_year, report.exported_on = (
            extract.uai,
            extract.school_year,
            extract.exported_on,
        )
        report.rows_read = extract.rows_read
        report.notices.extend(extract.warnings)
        for reason, lines in extract.counts.items():
            report.left_out[reason] = list(lines)
        return extract

    def _learn_facts(self, extract: Extract, report: FileReport) -> None:
        facts = extract.facts
        if facts is None or facts.uai is None or facts.school_year is None:
            report.notices.append(
                Notice(
                    "facts_of_nobody",
                    "L’établissement ou l’année n’y sont pas dits : ce fichier ne sert pas. Donnez --uai et --year.",
                )
            )
            return
        place = (facts.uai, facts.school_year)
        earlier = self.schools.get(place)
        self.schools[place] = facts if earlier is None else earlier.updated_by(facts)
        report.rows["facts"] = report.rows_read

    def read_rosters(self) -> None:
        """Read the lists of pupils: numbers first, so that a pupil met under two of them has one pseudonym."""
        extracts: list[tuple[Extract, _Source]] = []
        for content, source in self._contents_at(1):
            if source.reader is None:
                continue
            extract = self._extract(source.reader, content, source.report)
            if extract is not None:
                extracts.append((extract, source))
        extracts.sort(key=lambda pair: age_of(pair[1].report))
        for extract, _ in extracts:
            self.register.meet(extract)
        # The newest first: where two lists contradict each other on a birth date, it is believed.
        for order, (extract, source) in enumerate(reversed(extracts)):
            self._take(extract, source, order)
        self.in_tables = frozenset(self._all("pupils")["pupil_id"])
        enrolments = self._all("enrolments")
        if not enrolments.empty:
            own_lists = enrolments[enrolments["basis"] == "file"]
            for school, pupils in own_lists.groupby("school_id")["pupil_id"]:
                self.homes[str(school)] = set(pupils)

    def read_events(self) -> None:
        """Read everything that names pupils: events, marks, wishes, evidence."""
        undated: list[tuple[Extract, _Source]] = []
        terms: set[tuple[str | None, int | None, tuple[str, int]]] = set()
        for content, source in self._contents_at(2):
            if source.reader is None:
                continue
            extract = self._extract(source.reader, content, source.report)
            if extract is None:
                continue
            if extract.term is not None:
                terms.add((extract.uai, extract.school_year, extract.term))
            if extract.undated_term:
                undated.append((extract, source))
            else:
                self._take(extract, source, source.at)
        for extract, source in undated:
            self._take_undated(extract, source, terms)

    def _take_undated(
        self,
        extract: Extract,
        source: _Source,
        terms: Collection[tuple[str | None, int | None, tuple[str, int]]],
    ) -> None:
        """Take averages that the day of their export dates, unless a file of a later term says that theirs is over."""
        report = source.report
        kind, number = extract.term or ("", 0)
        is_over = any(
            (uai, year, letter) == (extract.uai, extract.school_year, kind) and later > number
            for uai, year, (letter, later) in terms
        )
        if is_over:
            # What was read of it is not taken: the report says of the file that it was not read.
            report.refusal = undated_term(extract.undated_term, report.path).french
            report.notices.clear()
            report.left_out.clear()
            return
        day = "" if extract.exported_on is None else f", le {french.day(extract.exported_on)}"
        report.notices.append(
            Notice(
                "undated_term",
                f"La date de fin de « {extract.undated_term} » n’est dite par aucun fichier : ses moyennes sont datées du jour de "
                f"l’export{day}. Si la période était close, joignez Communs.xml ou déclarez-la (--columns, [periods]).",
            )
        )
        self._take(extract, source, source.at)

    def _take(self, extract: Extract, source: _Source, order: int) -> None:
        """Take the rows of an extract, those of each school year by the lists of pupils of that year."""
        for part in (extract, *extract.other_years):
            self._take_year(part, source, order)
        # What is said of two years of one file in the same words is said once.
        source.report.notices[:] = dict.fromkeys(source.report.notices)

    def _take_year(self, extract: Extract, source: _Source, order: int) -> None:
        """Replace the persons of an extract by pseudonyms, count who is not found, and keep the rows."""
        answer, report = self.register.resolve(extract), source.report
        school = extract.uai or self.options.uai or self._school_of(answer.pupil_ids)
        if report.uai is None and not extract.is_roster:
            report.uai = school
        for name, table in extract.tables.items():
            ids, mask = self._pupils_of_rows(name, table, extract, answer, report)
            facts: dict[str, Any] = {"file": source.at, "order": order}
            if name in EVENT_TABLES:
                facts |= span_of(name, extract, school)
            elif name == "absence_totals":
                facts["source"] = f"{extract.kind}|{school}"
                report.notices.append(
                    Notice(
                        "totals_without_days",
                        f"Totaux d’une période : ils sont comptés dans {TOTALS_NAME}, à lire par l’établissement. Le modèle a besoin "
                        "des jours : pour lui, les absences de ces élèves restent « non connues », jamais zéro.",
                    )
                )
            report.rows[name] = report.rows.get(name, 0) + _rows_of_table(name, table, ids, mask)
            self.event_tables |= {name} if any(mask) else set()
            self.rows[name].add(table, ids, mask, facts)
        report.notices.extend(notices_of(extract, answer))
        self._cover(extract, report, school, answer)

    def _pupils_of_rows(
        self,
        name: str,
        table: pd.DataFrame | ColumnLists,
        extract: Extract,
        answer: Resolved,
        report: FileReport,
    ) -> tuple[list[str | None], list[bool]]:
        """Give the pupil of each row of a table and whether it is taken; count those that are not, by reason."""
        columns = table.columns if isinstance(table, ColumnLists) else table
        persons, lines = columns["person"], columns["line"]
        ids = [answer.pupil_ids[int(person)] for person in persons]
        anybody = extract.is_roster or name == "outcome_evidence"
        mask = [pupil is not None and (anybody or pupil in self.in_tables) for pupil in ids]
        if not all(mask):
            for person, line, pupil, is_taken in zip(persons, lines, ids, mask, strict=True):
                if not is_taken:
                    reason = (
                        answer.reasons.get(int(person), "no_identity") if pupil is None else "not_in_tables"
                    )
                    report.leave_out(reason, int(line))
        return ids, mask

    def _cover(self, extract: Extract, report: FileReport, school: str | None, answer: Resolved) -> None:
        """Write down which days of which school a file vouches for, but for the pupils whose rows it may have lost."""
        tables = {table: span for table, span in extract.covers.items() if table in EVENT_TABLES}
        self.event_tables |= set(tables)
        if not tables:
            return
        if school is None:
            report.notices.append(
                Notice(
                    "coverage_of_nobody",
                    "L’établissement de ce fichier n’est pas connu : ses lignes sont prises, mais l’absence de ligne n’y veut "
                    "rien dire. Donnez --uai.",
                )
            )
            return
        if (extract.persons or extract.unread) and not any(answer.pupil_ids):
            year = extract.school_year
            of_year = "" if year in {None, report.school_year} else f" de l’année {french_year(year or 0)}"
            report.notices.append(
                Notice(
                    "nobody_joined",
                    f"Aucune ligne{of_year} de ce fichier ne se rattache à un élève : qu’un élève n’y ait rien ne veut rien dire, et ce "
                    f"que le fichier porte{of_year} reste non connu pour tous.",
                )
            )
            return
        doubtful = answer.doubtful | self._of_classes_not_joined(extract, school, answer)
        if doubtful:
            report.notices.append(
                Notice(
                    "pupils_not_vouched_for",
                    f"Des lignes laissées peuvent être celles de {french.plural(len(doubtful), 'élève')} (homonymes, ou classes "
                    "qui ne se rattachent pas) : ce que ce fichier porte est pour eux « non connu », et non zéro.",
                )
            )
        for table, (start, end) in tables.items():
            span = {"school_id": school, "table": table, "start": start, "end": end}
            unread = self._of_unread_rows(table, extract, school, answer, report)
            # No other file makes them known either: it was this one that had something to say of them on these days.
            self.unread += [{**span, "pupils": unread}] if unread else []
            self.coverage.append({**span, "without": doubtful})

    def _of_unread_rows(
        self, table: str, extract: Extract, school: str, answer: Resolved, report: FileReport
    ) -> frozenset[str]:
        """Give the pupils whom the rows that could not be read may be of: the one that a row names, else all it may be of."""
        persons = list(dict.fromkeys(person for row in extract.unread for person in row.persons))
        found = self.register.resolve(replace(extract, persons=persons, is_roster=False))
        pupil_of = dict(zip(persons, found.pupil_ids, strict=True))
        ambiguous = {
            persons[at] for at, reason in found.reasons.items() if reason in {"name_ambiguous", "other_class"}
        }
        pupils: set[str] = set(found.doubtful)
        named: list[int] = []
        nobody: list[int] = []
        for row in extract.unread:
            own = {pupil_of[person] for person in row.persons} - {None}
            if own or ambiguous & set(row.persons):
                pupils |= {pupil for pupil in own if pupil is not None}
                named.append(row.line)
            # A whole row without a pupil of the list is counted under its reason, as one that could be read is.
            elif not row.aligned:
                pupils |= self._may_be_of(table, row, extract, school, answer)
                nobody.append(row.line)
        pupils &= self.in_tables
        if named and pupils:
            report.notices.append(
                Notice(
                    "unread_rows",
                    "Des lignes qui n’ont pas pu être lues (cellule illisible, type inconnu, autre année) sont celles d’élèves de la liste : ce "
                    "que ce fichier porte est pour eux « non connu » sur toute sa période, et non zéro. Corrigez ces lignes, ou déclarez "
                    "ce que leurs mots veulent dire (--columns), et importez de nouveau.",
                    tuple(sorted(set(named))),
                )
            )
        if nobody and pupils:
            report.notices.append(
                Notice(
                    "unread_rows_of_nobody",
                    "Des lignes illisibles ne disent pas de quel élève elles sont : ce que ce fichier porte est « non connu », et non "
                    f"zéro, pour tous ceux dont elles peuvent être ({french.plural(len(pupils), 'élève')} en tout). Corrigez-les, ou "
                    "enlevez-les si elles ne parlent d’aucun élève, et importez de nouveau.",
                    tuple(sorted(set(nobody))),
                )
            )
        return frozenset(pupils)

    def _may_be_of(
        self, table: str, row: UnreadRow, extract: Extract, school: str, answer: Resolved
    ) -> set[str]:
        """Give all whom a row without a readable pupil may be of: its class, else the classes or the school of its file."""
        own = self._all("enrolments")
        own = own[own["school_id"] == school]
        if extract.school_year is not None:
            own = own[own["school_year"] == extract.school_year]
        divisions = {
            division
            for person in row.persons
            if person.class_name is not None
            for division in self.register.divisions(person.class_name, school, extract.school_year)
        }
        folded = own["class_id"].map(fold_name, na_action="ignore")
        near = folded.isin(divisions)
        # A list of absences speaks of the whole school, one of marks of the classes that are in it.
        if not near.any() and table != "absences":
            near = folded.isin(set(folded[own["pupil_id"].isin({*answer.pupil_ids} - {None})].dropna()))
        return set(own.loc[near, "pupil_id"] if near.any() else own["pupil_id"])

    def _of_classes_not_joined(self, extract: Extract, school: str, answer: Resolved) -> frozenset[str]:
        """Give the pupils of the classes that a file does not name, where it names a class that nobody can place."""
        if "class_unknown" not in answer.reasons.values():
            return frozenset()
        own = self._all("enrolments")
        own = own[own["school_id"] == school]
        if extract.school_year is not None:
            own = own[own["school_year"] == extract.school_year]
        own_classes = set(own.loc[own["pupil_id"].isin({*answer.pupil_ids} - {None}), "class_id"].dropna())
        return frozenset(own.loc[~own["class_id"].isin(own_classes), "pupil_id"])

    def _school_of(self, pupil_ids: Iterable[str | None]) -> str | None:
        """Give the only school in which all the pupils of a file are; the only one of the import for a file without a row."""
        pupils = set(pupil_ids) - {None}
        if not pupils:
            return next(iter(self.homes)) if len(self.homes) == 1 else None
        homes = [school for school, of in self.homes.items() if pupils <= of]
        return homes[0] if len(homes) == 1 else None

    def _all(self, name: str) -> pd.DataFrame:
        return self.rows[name].frame()

    # From rows to records

    def result(self) -> Imported:
        """Merge, check and report."""
        files = self.report.files
        for copy, first in self.copies:
            # Whether the first one could be read is known once all are.
            if first.refusal:
                copy.refusal = f"Même contenu que {first.path}, qui n’est pas lu non plus."
        pupils = merge_pupils(self._all("pupils"))
        if pupils.empty:
            sentences = "\n".join(line for file in files for line in file.lines())
            raise UnreadableExportError(
                explain_error(
                    f"No list of pupils could be read among {len(files)} file(s)",
                    expected="ElevesSansAdresses.xml, ElevesComplete, or an extract of SYGNE",
                    hint="Give the list of pupils with the other exports; the attribute french says what became of each file.",
                ),
                french=f"Aucune liste d’élèves n’a pu être lue : rien n’est écrit. Donnez l’export SIECLE ElevesSansAdresses, "
                f"ElevesComplete ou un extrait SYGNE avec les autres fichiers. Pour des tables faites à la main : "
                f"decrochage-risk check DOSSIER --draft-mapping export.toml.\n\n{sentences}",
            )
        enrolments, notices = merge_enrolments(self._all("enrolments"), files)
        self.report.notices.extend(notices)
        pupils = pupils[pupils["pupil_id"].isin(enrolments["pupil_id"])]
        tables: dict[str, Any] = {"pupils": pupils, "enrolments": enrolments.drop(columns="basis")}
        if self.options.outcomes_of is not None:
            tables["outcomes"] = self._outcomes(enrolments, self.options.outcomes_of)
        schools = set(enrolments["school_id"])
        # A school without pupils in the tables covers nobody: its files are told with what they leave out.
        self.coverage = [row for row in self.coverage if row["school_id"] in schools]
        spans = [coverage_table(self.coverage, self.unread, enrolments)] if self.coverage else []
        tables_with_coverage = {str(table) for part in spans for table in part["table"]}
        # A table of which the rows that could not be read leave nobody is vouched for by no file.
        self.coverage = [row for row in self.coverage if row["table"] in tables_with_coverage]
        spans = [part for part in spans if len(part)]
        tables |= self._event_tables(pupils, enrolments)
        spans += [
            first_days(name, tables[name])
            for name in EVENT_TABLES
            if name in tables and name not in tables_with_coverage
        ]
        if spans:
            tables["coverage"] = pd.concat(spans, ignore_index=True)
        calendar = self._calendar()
        with warnings.catch_warnings():
            # The report of the import tells the faults.
            warnings.simplefilter("ignore", RecordsWarning)
            records = PupilRecords(
                **tables, on_fault="quarantine", calendar=calendar or self.options.calendar
            )
        self._report_records(records)
        links = self.register.links() if self.keep_links else None
        return Imported(records, self.report, calendar, links, self._totals())

    def _event_tables(self, pupils: pd.DataFrame, enrolments: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Merge the events of each table that came, of the pupils who are enrolled."""
        tables = {}
        for name in EVENT_TABLES:
            if name in self.event_tables:
                rows = self._all(name)
                events = merge_events(name, rows, self.report.files) if len(rows) else _empty(name)
                events = self._dated(name, events, enrolments)
                events = events[events["pupil_id"].isin(pupils["pupil_id"])]
                # An empty table that no file vouches for would seem to say that nobody has a row.
                if len(events) or any(row["table"] == name for row in self.coverage):
                    tables[name] = events
        return tables

    def _totals(self) -> pd.DataFrame | None:
        """Give the counts of absences by period, where totals were asked for and came."""
        rows = self._all("absence_totals")
        if rows.empty:
            return None
        counts, notices = monthly_absences(rows)
        self.report.notices.extend(notices)
        return counts.sort_values(["pupil_id", "start", "end"], ignore_index=True)

    def _dated(self, name: str, events: pd.DataFrame, enrolments: pd.DataFrame) -> pd.DataFrame:
        """Give the days of recording and justification that the import before tells."""
        if self.earlier is not None:
            events, notices = date_events(name, events, self.earlier, enrolments)
            self.report.notices.extend(notices)
        return events.drop(columns="exported", errors="ignore")

    def _outcomes(self, enrolments: pd.DataFrame, school_year: int) -> pd.DataFrame:
        """Build what became of the pupils of a closed year, and count each path."""
        evidence = self._all("outcome_evidence").reindex(
            columns=["pupil_id", "school_year", "path", "start", "end"]
        )
        export_days = [
            file.exported_on for file in self.report.files if file.exported_on and file.rows.get("enrolments")
        ]
        outcomes, self.report.outcomes, notices = build_outcomes(
            enrolments,
            evidence,
            school_year,
            complete=self.options.search_complete,
            seen_until=max(export_days, default=None),
        )
        self.report.notices.extend(notices)
        return outcomes

    def _report_records(self, records: PupilRecords) -> None:
        report = self.report
        for name in TABLES:
            table = getattr(records, name)
            if table is not None:
                report.tables[name] = len(table)
        errors = records.faults.errors.frame
        if len(errors):
            report.set_aside = {
                str(rule): int(count) for rule, count in errors["rule"].value_counts().items()
            }
        report.coverage = (
            [
                {str(key): str(value) for key, value in row.items()}
                for row in joined_spans(self.coverage)
                .assign(
                    start=lambda frame: frame["start"].dt.strftime("%Y-%m-%d"),
                    end=lambda frame: frame["end"].dt.strftime("%Y-%m-%d"),
                )
                .to_dict("records")
            ]
            if self.coverage
            else []
        )
        report.missing = not_known_words(records, self.coverage)

    def _calendar(self) -> SchoolCalendar | None:
        """Give the calendar of the import: that of the zone without the days that all schools of a year are closed on."""
        closures = {place: facts.closures for place, facts in self.schools.items() if len(facts.closures)}
        if not closures:
            return None
        base = self.options.calendar or SchoolCalendar.for_zone("B")
        values = np.array(base.values)
        for year in sorted({year for _, year in closures}):
            if not base.covers_year(year):
                self.report.notices.append(
                    Notice(
                        "calendar_year",
                        f"Le calendrier ne connaît pas l’année {year} : les fermetures de Communs.xml n’y sont pas prises.",
                    )
                )
                continue
            closed_days = [_closed_days(frame) for (_, of), frame in closures.items() if of == year]
            # One calendar per import: a day that one school alone is closed stays a school day of the others.
            common = set.intersection(*closed_days)
            if any(days != common for days in closed_days):
                self.report.notices.append(
                    Notice(
                        "closures_differ",
                        f"En {year}-{year + 1}, les établissements ne ferment pas les mêmes jours : seuls les jours communs sont fermés "
                        "dans le calendrier (un seul par import).",
                    )
                )
            first = base.first_day_number
            for day in common:
                at = day_number(day) - first
                if 0 <= at < len(values):
                    values[at] = 0
        return SchoolCalendar(base.first_day, values, name=f"{base.name} et fermetures des établissements")


def _rows_of_table(
    name: str, table: pd.DataFrame | ColumnLists, pupil_ids: list[str | None], mask: list[bool]
) -> int:
    """Count the rows that a file gives to a table as the table counts them: two half-days of one day may be one row of absences."""
    if name != "absences" or isinstance(table, ColumnLists):
        return sum(mask)
    halves = table.drop(columns="person").assign(pupil_id=pd.array(pupil_ids, dtype="str"))
    return len(absence_table(merge_half_days(halves[np.array(mask, dtype=np.bool_)])))


def _closed_days(closures: pd.DataFrame) -> set[date]:
    days: set[date] = set()
    for start, end in zip(closures["start"].tolist(), closures["end"].tolist(), strict=True):
        days |= {date.fromordinal(day) for day in range(start.toordinal(), end.toordinal() + 1)}
    return days


def _empty(table: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TABLES[table].required))
