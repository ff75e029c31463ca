"""What became of the pupils of a closed year: where each is found again, and who is found nowhere.

A pupil is ``left_without_diploma`` only when found nowhere *and* the look was complete: all schools of the year after,
apprenticeship and diplomas. Otherwise the outcome is ``unknown``. Lists made by not finding people count too many (the
interministerial exchanges of France do, by their own reports): each path is counted in the report.

Also the two kinds of extract that are evidence and nothing else: apprenticeship, and lists of diplomas given.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.cells import day_of, flag_of, fold
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import Extract, Notice, Person, Reader
from decrochage_risk.importers.roster import EVIDENCE_COLUMNS, normal_ine
from decrochage_risk.records.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import Head, ImportOptions, SourceFile

__all__ = ["READERS", "build_outcomes", "closing_day"]

TERMINAL_LEVELS = frozenset({"tle_gt", "tle_pro", "cap2", "cap3"})
"""Levels at whose end a diploma is given."""

_CONTINUED_PATHS = ("enrolled", "enrolled_elsewhere", "apprenticeship", "exit_continued")
_NOT_A_DIPLOMA = re.compile(
    r"\bDNB\b|\bBREVET\b(?! (?:PROFESSIONNEL\b|D ETUDES\b|DES METIERS\b|DE TECHNICIEN\b))|\bCFG\b|CERTIFICAT DE FORMATION GENERALE"
    r"|\bASSR|\bPIX\b|\bB2I\b|\bBIA\b|\bBSR\b|\bPSC ?1\b|\bSST\b|\bDELF\b|\bDALF\b|ATTESTATION|CERTIFICATION|EPREUVES? ANTICIPEE"
)
"""The diplomas of the end of collège, and what is no diploma: who leaves with these alone counts as without a diploma. A brevet is
that of the end of collège unless the words after it are those of a diploma of a trade."""

_PASSED = re.compile(r"^(?:ADMIS|RECU)E?\b")
_ANOTHER_ROUND = re.compile(
    r"\b(?:PASSER|PRESENTER|SECOND|2ND|2E|2EME|DEUXIEME|ORAL|ORAUX|RATTRAPAGE|RESERVE)\b"
)
_AFTER_IT = re.compile(r"\b(?:ISSUE|APRES|SUITE)\b")

_IN_COLLEGE = frozenset(level.name for level in LEVELS if level.usual_pathway in {"college", "segpa"})
"""Levels at which no diploma can be had: a list of results that names no exam may be one of the brevet."""

_GIVEN_UP = "0"


# Outcomes


def closing_day(school_year: int, closes: tuple[int, int] = (11, 1)) -> date:
    """Give the day on which the outcome of a school year is settled.

    Examples
    --------
    >>> closing_day(2023)
    datetime.date(2024, 11, 1)
    """
    return date(school_year + 1, *closes)


def build_outcomes(
    enrolments: pd.DataFrame,
    evidence: pd.DataFrame,
    school_year: int,
    *,
    complete: bool,
    seen_until: date | None,
    closes: tuple[int, int] = (11, 1),
) -> tuple[pd.DataFrame, dict[str, int], list[Notice]]:
    """Build the outcomes of a closed year.

    Parameters
    ----------
    enrolments : DataFrame
        Merged stays of all years, with ``basis``: only pupils of a list of that year count, not those whom a later list
        remembers (all of them were found again, by construction).
    evidence : DataFrame
        ``pupil_id``, ``school_year``, ``path``, ``start``, ``end``.
    school_year : int
        The closed year.
    complete : bool
        The caller's word that every place was looked at.
    seen_until : date or None
        Day of the newest list of the year after.
    closes : (int, int)
        Month and day on which an outcome is settled.

    Returns
    -------
    outcomes : DataFrame
        ``pupil_id``, ``school_year``, ``outcome``, ``date``.
    counts : dict of str to int
        Path -> pupils.
    notices : list of Notice
    """
    day = closing_day(school_year, closes)
    own = enrolments[(enrolments["school_year"] == school_year) & (enrolments["basis"] == "file")]
    last = own.sort_values("start_date").groupby("pupil_id").last()
    pupils = last.index
    evidence, in_college = _without_diplomas_in_college(evidence, last, school_year)
    paths = _paths(pupils, enrolments, evidence, school_year, day)
    diplomas_seen = bool((evidence["path"] == "diploma").any()) if len(evidence) else False
    after = bool((enrolments["school_year"] == school_year + 1).any())
    look_complete = complete and after and seen_until is not None and seen_until >= day
    notices = (
        []
        if look_complete
        else [_why_unknown(school_year, day, complete=complete, after=after, seen_until=seen_until)]
    )
    if in_college:
        notices.append(
            Notice(
                "diploma_in_college",
                f"Un examen obtenu par {french.plural(in_college, 'élève')} de collège n’est pas pris pour un diplôme de fin d’études : "
                "au collège, c’est le brevet ou le CFG.",
            )
        )
    terminal = last["level"].isin(TERMINAL_LEVELS).to_numpy()
    nowhere = paths == ""
    # Without any list of diplomas, one that was given in a last year is told nowhere.
    unsure = nowhere & (~np.full(len(pupils), look_complete) | (terminal & (not diplomas_seen)))
    if (terminal & nowhere).any() and look_complete and not diplomas_seen:
        notices.append(
            Notice(
                "no_diplomas",
                "Aucune liste de diplômes : les élèves de dernière année non retrouvés restent de situation inconnue.",
            )
        )
    outcome = np.select(
        [
            np.isin(paths, _CONTINUED_PATHS),
            paths == "diploma",
            unsure | np.isin(paths, ("deceased", "exit_abroad")),
        ],
        ["continued", "graduated", "unknown"],
        default="left_without_diploma",
    )
    frame = pd.DataFrame(
        {
            "pupil_id": pupils.astype("str"),
            "school_year": school_year,
            "outcome": outcome,
            "date": _dates(pupils, paths, last, evidence, school_year),
        }
    )
    counts = _count_paths(np.where(nowhere, np.where(unsure, "unknown", "left"), paths))
    return frame.reset_index(drop=True), counts, notices


def _without_diplomas_in_college(
    evidence: pd.DataFrame, last: pd.DataFrame, school_year: int
) -> tuple[pd.DataFrame, int]:
    """Leave out the diplomas of the year of pupils who were in collège then, with how many pupils that is."""
    if evidence.empty:
        return evidence, 0
    in_college = last.index[last["level"].isin(_IN_COLLEGE)]
    rows = (
        (evidence["path"] == "diploma")
        & (evidence["school_year"] == school_year)
        & evidence["pupil_id"].isin(in_college)
    )
    return evidence[~rows], int(evidence.loc[rows, "pupil_id"].nunique())


def _count_paths(paths: np.ndarray[Any, Any]) -> dict[str, int]:
    counts = pd.Series(paths).value_counts(sort=False).sort_index()
    return {str(path): int(count) for path, count in counts.items()}


def _paths(
    pupils: pd.Index, enrolments: pd.DataFrame, evidence: pd.DataFrame, school_year: int, day: date
) -> np.ndarray[Any, Any]:
    """Give the first path, in the order of what it proves, on which each pupil is found; empty for nowhere."""
    closing = pd.Timestamp(day)
    after = enrolments[enrolments["school_year"] == school_year + 1]
    open_then = (after["start_date"] <= closing) & (after["end_date"].isna() | (after["end_date"] >= closing))
    sets: list[tuple[str, set[str]]] = []
    if len(evidence):
        start, end = pd.to_datetime(evidence["start"]), pd.to_datetime(evidence["end"])
        then = (start.isna() | (start <= closing)) & (end.isna() | (end >= closing))
        year, path = evidence["school_year"], evidence["path"]
        near = year.isin([school_year, school_year + 1])
        sets = [
            ("deceased", _ids(evidence, near & (path == "deceased"))),
            ("diploma", _ids(evidence, (year == school_year) & (path == "diploma"))),
            ("enrolled", set(after.loc[open_then, "pupil_id"])),
            (
                "enrolled_elsewhere",
                _ids(evidence, (year == school_year + 1) & then & (path == "enrolled_elsewhere")),
            ),
            ("apprenticeship", _ids(evidence, near & then & (path == "apprenticeship"))),
            ("exit_continued", _ids(evidence, (year == school_year) & (path == "exit_continued"))),
            ("exit_abroad", _ids(evidence, (year == school_year) & (path == "exit_abroad"))),
        ]
    else:
        sets = [("enrolled", set(after.loc[open_then, "pupil_id"]))]
    first_paths = np.full(len(pupils), "", dtype=object)
    # From the last to the first: what proves more overrides what proves less.
    for name, ids in reversed(sets):
        first_paths[pupils.isin(ids)] = name
    return first_paths


def _ids(evidence: pd.DataFrame, rows: pd.Series) -> set[str]:
    return set(evidence.loc[rows, "pupil_id"])


def _dates(
    pupils: pd.Index,
    paths: np.ndarray[Any, Any],
    last: pd.DataFrame,
    evidence: pd.DataFrame,
    school_year: int,
) -> pd.Series:
    """Give the day of a diploma, else of the last departure of the year where it is known."""
    days = pd.Series(last["end_date"].to_numpy(), index=pupils).astype("datetime64[s]")
    days = days.mask(np.isin(paths, ("enrolled", "enrolled_elsewhere", "apprenticeship")))
    if len(evidence):
        diplomas = evidence[(evidence["path"] == "diploma") & (evidence["school_year"] == school_year)]
        diploma_day = pd.to_datetime(diplomas["start"]).groupby(diplomas["pupil_id"]).min().reindex(pupils)
        days = days.mask(paths == "diploma", diploma_day.astype("datetime64[s]"))
    return days.reset_index(drop=True).set_axis(range(len(pupils)))


def _why_unknown(
    school_year: int, day: date, *, complete: bool, after: bool, seen_until: date | None
) -> Notice:
    if not after:
        why = f"aucune liste d’élèves de {school_year + 1}-{school_year + 2} dans l’import"
    elif seen_until is None or seen_until < day:
        why = f"les listes de l’année suivante datent d’avant le {day:%d/%m/%Y}, ou ne disent pas leur date"
    elif not complete:
        why = "la recherche n’est pas déclarée complète (--search-complete : tous les établissements, l’apprentissage, les diplômes)"
    else:
        why = "la recherche n’est pas complète"
    return Notice(
        "search_incomplete",
        f"Situations de {school_year}-{school_year + 1} : personne n’est compté comme sorti sans diplôme, car {why}. Les élèves non "
        "retrouvés sont de situation inconnue.",
    )


# Evidence of apprenticeship


def read_apprenticeship(source: SourceFile, options: ImportOptions) -> Extract:
    """Read an extract of apprentices (fields of the national exchange of CFA, version 3): who goes on, from when to when."""
    table = read_delimited(
        source.content, expected=("ine_apprenant", "statut_apprenant", "annee_scolaire"), name=source.path
    )
    extract = Extract(source.kind, exported_on=options.extracted_on)
    table.count_into(extract)
    persons: list[tuple[str | None, date | None]] = []
    rows: list[tuple[Any, ...]] = []
    for line, cells in _records(table):
        person = len(persons)
        persons.append(
            (normal_ine(cells.get("INE APPRENANT")), day_of(cells.get("DATE DE NAISSANCE APPRENANT", "")))
        )
        year = cells.get("ANNEE SCOLAIRE", "")[:4]
        school_year = int(year) if year.isdigit() else options.school_year
        if school_year is None:
            extract.leave_out("no_school_year", line)
            continue
        rows.append((person, line, school_year, "apprenticeship", *_span(cells)))
        diploma = cells.get("OBTENTION DIPLOME FORMATION", "")
        if (diploma_day := day_of(diploma)) is not None or flag_of(diploma):
            rows.append(
                (
                    person,
                    line,
                    school_year,
                    "diploma",
                    diploma_day or day_of(cells.get("DATE FIN FORMATION", "")),
                    None,
                )
            )
    _finish(extract, persons, rows)
    return extract


def _span(cells: dict[str, str]) -> tuple[date | None, date | None]:
    """Give the days from the first to the last of a training; a contract that is broken does not end the training by itself."""
    names = [name for name in cells if re.fullmatch(r"CONTRAT DATE DEBUT(?: [2-4])?", name)]
    starts = [
        day_of(cells.get(name, ""))
        for name in ("DATE ENTREE FORMATION", "DATE INSCRIPTION FORMATION", *names)
    ]
    starts_known = [day for day in starts if day is not None]
    ends = [day_of(cells.get("DATE EXCLUSION FORMATION", "")), day_of(cells.get("DATE FIN FORMATION", ""))]
    if cells.get("STATUT APPRENANT") == _GIVEN_UP:
        ends.append(day_of(cells.get("DATE METIER MISE A JOUR STATUT", "")))
    over = [day for day in ends if day is not None]
    return (min(starts_known) if starts_known else None), (min(over) if over else None)


# Evidence of diplomas


def read_diplomas(source: SourceFile, options: ImportOptions) -> Extract:
    """Read a list of results of exams with the national number; its columns are assumed, no export of results was found."""
    table = read_delimited(
        source.content, expected=("INE", "Résultat", "Session", "Examen"), name=source.path
    )
    extract = Extract(source.kind, exported_on=options.extracted_on)
    table.count_into(extract)
    persons: list[tuple[str | None, date | None]] = []
    rows: list[tuple[Any, ...]] = []
    for line, cells in _records(table):
        person = len(persons)
        birth = day_of(cells.get("DATE DE NAISSANCE") or cells.get("DATE NAISSANCE") or "")
        persons.append((normal_ine(cells.get("INE") or cells.get("NUMERO NATIONAL")), birth))
        session = re.search(r"20\d\d", cells.get("SESSION", ""))
        result = fold(
            next(
                (
                    cells[name]
                    for name in ("RESULTAT", "DECISION", "DECISION DU JURY", "ADMIS")
                    if name in cells
                ),
                "",
            )
        )
        exam = fold(cells.get("EXAMEN") or cells.get("DIPLOME") or "")
        is_pass = _is_pass(result)
        if session is None:
            extract.leave_out("no_school_year", line)
        elif is_pass and not _NOT_A_DIPLOMA.search(exam):
            diploma_day = day_of(cells.get("DATE", "") or cells.get("DATE DU JURY", ""))
            rows.append((person, line, int(session.group()) - 1, "diploma", diploma_day, None))
        else:
            extract.leave_out("no_diploma", line)
    _finish(extract, persons, rows)
    extract.warn(
        "assumed_columns",
        "Aucun export de résultats d’examen n’a été vu : colonnes INE, Examen, Session, Résultat supposées.",
    )
    return extract


def _is_pass(result: str) -> bool:
    """Tell whether a folded result gives the diploma; who is let into another round of the exam has none yet.

    Examples
    --------
    >>> [_is_pass(text) for text in ("ADMIS MENTION BIEN", "ADMISSIBLE", "ADMIS AU SECOND GROUPE", "ADMISE A L ISSUE DU SECOND GROUPE")]
    [True, False, False, True]
    """
    if _PASSED.match(result):
        return not _ANOTHER_ROUND.search(result) or _AFTER_IT.search(result) is not None
    return flag_of(result) is True


def _records(table: DelimitedTable) -> list[tuple[int, dict[str, str]]]:
    """Give the filled cells of each row by folded name, with its line."""
    records = []
    for line, row in zip(table.lines.tolist(), table.frame.to_numpy(dtype=object), strict=True):
        cells = {
            name: text for name, text in zip(table.header, row, strict=True) if isinstance(text, str) and text
        }
        records.append((int(line), cells))
    return records


def _finish(
    extract: Extract, persons: Sequence[tuple[str | None, date | None]], rows: list[tuple[Any, ...]]
) -> None:
    extract.persons = [Person(ine=ine or None, birth_date=birth) for ine, birth in persons]
    extract.tables["outcome_evidence"] = pd.DataFrame(rows, columns=list(EVIDENCE_COLUMNS))


def _is_apprenticeship(head: Head) -> bool:
    return head.has("ine_apprenant", "statut_apprenant")


def _is_diplomas(head: Head) -> bool:
    with_result = any(
        head.has("INE", "Session", name) for name in ("Résultat", "Décision", "Décision du jury", "Admis")
    )
    return with_result and not head.has("Code MEF")


READERS: tuple[Reader, ...] = (
    Reader(
        "apprenticeship", "Apprentis d’un CFA (échange national, version 3)", _is_apprenticeship, read_apprenticeship, 2,
        gives="preuve qu’un jeune sorti poursuit, jamais un niveau",
    ),
    Reader(
        "diplomas", "Résultats d’examen", _is_diplomas, read_diplomas, 2,
        gives="diplômes obtenus (situations d’une année close)", basis="assumed",
    ),
)  # fmt: skip
