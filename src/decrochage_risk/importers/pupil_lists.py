"""Lists of pupils other than SIECLE's XML: ElevesComplete, agricultural lycées, SYGNE; what lets nobody be followed is refused.

ElevesComplete and the CSV of agricultural lycées say neither their school nor their school year: the caller does, or the other
files of the same import. A list without any number of the pupils is refused, since it lets nobody be followed from one year to
the next; so is the answer of a portal of families (PRONOTE, ÉcoleDirecte), which is one pupil without the pupil in it: each is
recognised so that who gives one learns what to ask for.

SYGNE gives the enrolments of an académie (JSON, one object per schooling), with the fields that two public programs of the
ministry read; a pupil who disappears without ``dateFinSco`` is closed by the merge with the next extract, one who comes back
opens again.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of, flag_of, fold
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import Extract, Head, Reader
from decrochage_risk.importers.nomenclatures import normalise_mef
from decrochage_risk.importers.roster import (
    RosterRow,
    add_rows,
    choose_ine,
    normal_ine,
    tell_two_divisions,
)
from decrochage_risk.importers.sources import parse_json
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = ["READERS"]

_COMPLETE = ("Id National", "Code MEF", "Num. Elève Etab", "Code Structure", "Date Naissance")
_AGRICULTURAL = ("Identifiant unique", "Nom de famille", "Statut", "Code MEF", "Division")
_ONDE = ("INE", "Cycle", "Niveau", "Libellé classe")
_LOCAL_NUMBER = re.compile(r"[0-9]{11}")


def read_complete(source: SourceFile, options: ImportOptions) -> Extract:
    """Read ElevesComplete (.xls, .xlsx, .ods or re-saved as CSV): one row per structure of a pupil."""
    table = read_delimited(source.content, expected=_COMPLETE, name=source.path)
    extract = Extract(source.kind, exported_on=options.extracted_on)
    for reason, lines in table.left_out.items():
        for line in lines:
            extract.leave_out(reason, line)
    uai, year = _place(table, source, options)
    extract.uai, extract.school_year = uai, year
    rows = [_complete_row(cells, line, uai, year) for line, cells in _cells_of(table)]
    if options.school_year is None:
        _check_year(rows, year, source)
        extract.warn(
            "year_of_others", "Année prise des autres fichiers de l’établissement, la liste ne la dit pas."
        )
    pupils = _one_per_pupil(rows)
    add_rows(pupils, options, extract)
    if two := [row.line for row in pupils if row.other_classes]:
        tell_two_divisions(extract, two)
    # Rows of the file: add_rows has seen the pupils only.
    extract.rows_read = table.rows_read
    if len(pupils) < len(rows):
        extract.warn(
            "row_per_structure",
            f"Une ligne par structure : {french.plural(len(rows), 'ligne')} pour {french.plural(len(pupils), 'élève')}.",
        )
    return extract


def read_agricultural(source: SourceFile, options: ImportOptions) -> Extract:
    """Read the CSV of agricultural lycées: 15 columns, stars in the headers."""
    table = read_delimited(source.content, expected=_AGRICULTURAL, name=source.path)
    extract = Extract(source.kind, uai=options.uai, exported_on=options.extracted_on)
    facts = options.facts(None)
    extract.uai, extract.school_year = options.uai or facts.uai, options.school_year or facts.school_year
    _need_place(source, extract.uai, extract.school_year)
    rows = [
        RosterRow(
            line=line,
            uai=extract.uai,
            school_year=extract.school_year,
            ine=choose_ine(None, cells("Identifiant unique"), None)[0],
            family_name=cells("Nom de famille"),
            usage_name=cells("Nom d'usage"),
            first_name=cells("Premier prénom"),
            birth_date=day_of(cells("Date de naissance (jj/mm/aaaa)", "Date de naissance") or ""),
            sex=cells("Code sexe", "Sexe"),
            mef=normalise_mef(cells("Code MEF")),
            class_name=cells("Division"),
            status=cells("Statut"),
        )
        for line, cells in _cells_of(table)
    ]
    add_rows(rows, options, extract)
    table.count_into(extract)
    extract.rows_read = table.rows_read
    return extract


def _cells_of(table: DelimitedTable) -> Iterator[tuple[int, Callable[..., str | None]]]:
    """Give, row by row, its line and how to ask for a cell by name."""
    for line, record in zip(table.lines.tolist(), table.frame.to_numpy(dtype=object), strict=True):
        # The record is bound here: a closure would read that of the last row.
        def cells(*names: str, record: Any = record) -> str | None:  # noqa: ANN401 - a row of an array
            at = table.position(*names)
            text = None if at is None else record[at]
            return text if isinstance(text, str) and text else None

        yield int(line), cells


def _complete_row(
    cells: Callable[..., str | None], line: int, uai: str | None, year: int | None
) -> RosterRow:
    kind = fold(cells("Type Structure") or "D")
    ine, other = choose_ine(cells("INE RNIE"), cells("Id National"), cells("INE BEA"))
    return RosterRow(
        line=line,
        uai=uai,
        school_year=year,
        ine=ine,
        other_ine=other,
        # Five digits of the pupil, then six of the school.
        elenoet=cells("Elève No Etab") or (cells("Num. Elève Etab") or "")[:5] or None,
        family_name=cells("Nom de famille"),
        usage_name=cells("Nom d'usage"),
        first_name=cells("Prénom"),
        birth_date=day_of(cells("Date Naissance") or ""),
        sex=cells("Sexe"),
        mef=normalise_mef(cells("Code MEF")),
        mef_label=cells("Lib. MEF"),
        class_name=cells("Code Structure") if kind == "D" else None,
        regime=cells("Code Régime"),
        regime_label=cells("Lib. Régime"),
        motive_label=cells("Motif Sortie"),
        entry=day_of(cells("Date Entrée") or ""),
        leaving=day_of(cells("Date Sortie") or ""),
        repeats=flag_of(cells("Doublement") or ""),
    )


def _one_per_pupil(rows: list[RosterRow]) -> list[RosterRow]:
    """Keep one row per pupil, the one of the division; two persons of one number stay two (their birth dates tell).

    Of two divisions the first in the order of their names, whatever the order of the rows.
    """
    by_person: dict[object, list[RosterRow]] = {}
    for row in rows:
        who = (row.ine or row.elenoet or (row.family_name, row.first_name), row.birth_date)
        by_person.setdefault(who, []).append(row)
    pupils = []
    for of in by_person.values():
        own = min(of, key=lambda row: (row.class_name is None, row.class_name or "", row.mef or "", row.line))
        others = {row.class_name for row in of if row.class_name is not None} - {own.class_name}
        pupils.append(replace(own, other_classes=tuple(sorted(filter(None, others)))))
    return pupils


def _place(
    table: DelimitedTable, source: SourceFile, options: ImportOptions
) -> tuple[str | None, int | None]:
    """Settle school and year: the middle of the number is in "Num. Elève Etab", the rest comes from the caller or the other files."""
    middle = _middle_of_uai(table.column("Num. Elève Etab"))
    near = {uai for uai, _ in options.schools} | ({options.uai} if options.uai else set())
    fits = {uai for uai in near if middle is None or uai[1:7] == middle}
    if options.uai is not None and options.uai not in fits:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} is of another school than the one that was asked for",
                expected=f"the export of {options.uai}",
                hint="In a site of several schools, check which one the export comes from.",
            ),
            french=f"Fichier d’un autre établissement que {options.uai} (numéro …{middle}…) : rien n’en est pris. Dans une cité "
            "scolaire, vérifiez de quel établissement vient l’export.",
        )
    uai = options.uai or (next(iter(fits)) if len(fits) == 1 else None)
    years = {year for school, year in options.schools if school == uai}
    year = options.school_year or (next(iter(years)) if len(years) == 1 else None)
    _need_place(source, uai, year)
    return uai, year


def _check_year(rows: list[RosterRow], year: int | None, source: SourceFile) -> None:
    """Refuse a year that nobody entered in: every list of a year holds pupils who came with it."""
    entries = [row.entry for row in rows if row.entry is not None]
    if entries and not any(school_year_of(day) == year for day in entries):
        raise UnreadableExportError(
            explain_error(
                f"{source.path} does not say its year, and no pupil of it entered in {year}",
                expected="the school year, from the caller",
                hint="Give school_year.",
            ),
            french=f"Cette liste ne dit pas son année, et aucune entrée n’y est de {year}-{(year or 0) + 1}, l’année des autres fichiers : "
            "donnez --year.",
        )


def _middle_of_uai(column: pd.Series | None) -> str | None:
    """Give the six digits of the school in the pupils' local numbers (five of the pupil, six of the school)."""
    numbers = [] if column is None else [text for text in column.dropna() if _LOCAL_NUMBER.fullmatch(text)]
    middles = {text[5:] for text in numbers}
    return middles.pop() if len(middles) == 1 else None


def _need_place(source: SourceFile, uai: str | None, year: int | None) -> None:
    if uai is None or year is None:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} does not say its school and school year",
                expected="both, from the caller or from the Nomenclature of the same import",
                hint="Give uai and school_year.",
            ),
            french="Cette liste ne dit ni son établissement ni son année : donnez --uai et --year, ou joignez Nomenclature.xml.",
        )


def _refused(french_text: str, hint: str) -> Callable[[SourceFile, ImportOptions], Extract]:
    def refuse(source: SourceFile, options: ImportOptions) -> Extract:
        del options
        raise UnreadableExportError(
            explain_error(
                f"{source.path} is no list that pupils can be known by",
                expected="ElevesSansAdresses.xml",
                hint=hint,
            ),
            french=french_text,
        )

    return refuse


def _is_complete(head: Head) -> bool:
    return head.has("Id National", "Code MEF") and (head.has("Elève No Etab") or head.has("Num. Elève Etab"))


def _is_agricultural(head: Head) -> bool:
    return head.has(*_AGRICULTURAL)


def _is_onde(head: Head) -> bool:
    return head.has(*_ONDE)


def _is_pronote_list(head: Head) -> bool:
    return head.has("Nom", "Prénom", "Né(e) le", "Classe") and not head.has("INE")


def read_sygne(source: SourceFile, options: ImportOptions) -> Extract:
    """Read a list of schoolings, or several lists one after the other."""
    answer = parse_json(source.content, source.path)
    records = _flat(answer)
    if records is None:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} is no list of schoolings",
                expected="a JSON list of objects",
                hint="Give the answer as it came.",
            ),
            french="Ce n’est pas une liste de scolarités telle que SYGNE la donne.",
        )
    rows = [_row(line, record) for line, record in enumerate(records, start=1)]
    extract = Extract(source.kind, exported_on=options.extracted_on)
    extract.uai = _only({row.uai for row in rows})
    extract.school_year = _only({row.school_year for row in rows})
    add_rows(rows, options, extract)
    return extract


def _flat(document: object) -> list[dict[str, Any]] | None:
    if isinstance(document, dict):
        inside = [value for value in document.values() if isinstance(value, list)]
        return _flat(inside[0]) if len(inside) == 1 else [document] if "codeUai" in document else None
    if not isinstance(document, list):
        return None
    flat: list[dict[str, Any]] = []
    for value in document:
        if isinstance(value, list):
            flat.extend(one for one in value if isinstance(one, dict))
        elif isinstance(value, dict):
            flat.append(value)
    return flat


def _row(line: int, record: dict[str, Any]) -> RosterRow:
    text = {
        name: str(value).strip() for name, value in record.items() if value is not None and str(value).strip()
    }
    year = text.get("anneeScolaire", "")[:4]
    return RosterRow(
        line=line,
        uai=text.get("codeUai", "").upper() or None,
        school_year=int(year) if year.isdigit() else None,
        ine=normal_ine(text.get("ine")),
        family_name=text.get("nom") or text.get("nomFamille"),
        usage_name=text.get("nomUsage"),
        first_name=text.get("prenom"),
        birth_date=day_of(text.get("dateNaissance", "")),
        sex=text.get("codeSexe"),
        mef=normalise_mef(text.get("codeMef")),
        mefstat=text.get("niveau"),
        mef_label=text.get("libelleLongMef"),
        class_name=text.get("classe"),
        status=text.get("codeStatut"),
        regime=text.get("codeRegime"),
        regime_label=text.get("libelleRegime"),
        entry=day_of(text.get("dateDebSco", "")),
        leaving=day_of(text.get("dateFinSco", "")),
    )


def _only(values: set[Any]) -> Any:  # noqa: ANN401 - a school or a year
    """Give the only value, or None: an académie's answer has many schools."""
    return next(iter(values)) if len(values) == 1 else None


def _is_sygne(head: Head) -> bool:
    return head.form == "json" and {"ine", "codeUai", "anneeScolaire", "codeMef"} <= head.keys


_KEYS = (
    ("pronote_portal", "PRONOTE, réponse de l’espace des familles (JSON)", ("listeDevoirs", "listeAbsences")),
    (
        "ecoledirecte_portal",
        "ÉcoleDirecte, réponse de l’espace des familles (JSON)",
        ("absencesRetards", "ensembleMatieres"),
    ),
)


def _refuse(source: SourceFile, options: ImportOptions) -> Extract:
    del options
    raise UnreadableExportError(
        explain_error(
            f"{source.path} is the answer of a portal of families: one pupil, without any identity",
            expected="a list of the whole school",
            hint="Ask the school for its dated list of absences, and its averages by class.",
        ),
        french="Réponse de l’espace des familles : un seul élève, dont rien ne dit qui il est. Demandez à l’établissement la liste "
        "datée des absences et les moyennes par classe.",
    )


def _reader(kind: str, label: str, keys: tuple[str, ...]) -> Reader:
    def recognises(head: Head) -> bool:
        return head.form == "json" and any(key in head.keys for key in keys)

    return Reader(kind, label, recognises, _refuse, basis="code")


READERS: tuple[Reader, ...] = (
    *(
        Reader(
            "siecle_complete",
            "SIECLE, ElevesComplete (tableur)",
            _is_complete,
            read_complete,
            1,
            gives="élèves, scolarités de l’année, sorties",
            basis="fixtures",
        ),
        Reader(
            "agricultural",
            "Liste d’élèves de l’enseignement agricole (CSV)",
            _is_agricultural,
            read_agricultural,
            1,
            gives="élèves, scolarités de l’année",
            basis="fixtures",
        ),
        Reader(
            "onde",
            "ONDE, élèves du premier degré (CSV)",
            _is_onde,
            _refused(
                "Les élèves du premier degré n’ont pas de niveau dans les tables : rien n’en est pris.",
                "Leave it out.",
            ),
            2,
        ),
        Reader(
            "pronote_pupils",
            "PRONOTE, liste d’élèves",
            _is_pronote_list,
            _refused(
                "Cette liste n’a ni INE ni numéro d’élève : elle ne permet de suivre personne. Demandez l’export SIECLE "
                "ElevesSansAdresses.",
                "Ask for ElevesSansAdresses.xml: this list has no number of any pupil.",
            ),
            2,
            basis="assumed",
        ),
    ),
    *(
        Reader(
            "sygne",
            "SYGNE, scolarités d’une académie (JSON)",
            _is_sygne,
            read_sygne,
            1,
            gives="élèves, scolarités de tous les établissements",
        ),
    ),
    *tuple(_reader(*facts) for facts in _KEYS),
)
"""Lists as tables, SYGNE, and the answers of portals that are refused."""
