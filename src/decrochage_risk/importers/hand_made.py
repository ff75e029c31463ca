"""A first mapping for tables made by hand: what each file, column and value of a folder probably means, for a person to confirm.

Proposals come from the words that French extracts use, then from likeness; likeness is marked. Only values of columns with
few of them (level, subject, kind...) are listed, never those of a column that could hold names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, UnreadableRecordsError, explain_error
from decrochage_risk.importers.cells import flag_of, fold
from decrochage_risk.importers.extract import NO_FACTS
from decrochage_risk.importers.nomenclatures import find_level, level_of_label
from decrochage_risk.records.reading import read_table_file
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from decrochage_risk.records.table_schemas import Column

__all__ = ["draft_mapping"]

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_MOST_VALUES = 400
"""Different values beyond which a column is no list of choices."""

_LIKENESS = 0.78
_LONG_ENOUGH = 3
"""Letters of a word that others may be like: an initial is like too much."""

_TABLE_WORDS: dict[str, tuple[str, ...]] = {
    "pupils": ("ELEVE", "ELEVES", "IDENTITE", "JEUNES"),
    "enrolments": ("SCOLARITE", "SCOLARITES", "INSCRIPTION", "INSCRIPTIONS", "EFFECTIF", "EFFECTIFS"),
    "absences": ("ABSENCE", "ABSENCES", "ASSIDUITE", "RETARDS", "VIE SCOLAIRE"),
    "grades": ("NOTE", "NOTES", "BULLETIN", "BULLETINS", "EVALUATIONS", "MOYENNES"),
    "orientation": ("ORIENTATION", "VOEU", "VOEUX", "AFFECTATION", "AFFELNET"),
    "outcomes": ("DEVENIR", "DEVENIRS", "SITUATION", "SITUATIONS", "SORTIES", "INSERTION"),
    "coverage": ("PERIMETRE", "COUVERTURE"),
}
_PUPIL = (
    "IDENTIFIANT",
    "ID",
    "INE",
    "IDENTIFIANT ELEVE",
    "ID ELEVE",
    "NUMERO ELEVE",
    "MATRICULE",
    "CODE ELEVE",
    "PSEUDONYME",
)
_COLUMN_WORDS: dict[str, tuple[str, ...]] = {
    "pupil_id": _PUPIL,
    "birth_date": ("DATE DE NAISSANCE", "DATE NAISSANCE", "NAISSANCE", "NE E LE", "DDN"),
    "sex": ("SEXE", "GENRE", "S"),
    "school_year": ("ANNEE SCOLAIRE", "ANNEE", "RENTREE"),
    "school_id": (
        "UAI",
        "RNE",
        "UAJ",
        "CODE UAI",
        "ETABLISSEMENT",
        "CODE ETABLISSEMENT",
        "NUMERO ETABLISSEMENT",
    ),
    "level": ("NIVEAU", "MEF", "CODE MEF", "FORMATION", "LIBELLE MEF", "LIB MEF"),
    "start_date": ("DEBUT", "DATE DEBUT", "DATE DE DEBUT", "DATE ENTREE", "DATE D ENTREE", "ENTREE"),
    "end_date": ("FIN", "DATE FIN", "DATE DE FIN", "DATE SORTIE", "DATE DE SORTIE", "SORTIE"),
    "class_id": ("CLASSE", "DIVISION", "CODE STRUCTURE", "CODE CLASSE"),
    "network_id": ("RESEAU", "RESEAU FOQUALE"),
    "boarder": ("INTERNE", "INTERNAT"),
    "date": (
        "DATE",
        "JOUR",
        "DATE ABSENCE",
        "DATE DE L ABSENCE",
        "DATE NOTE",
        "DATE EVALUATION",
        "DATE DU DEVOIR",
    ),
    "half_days": (
        "DEMI JOURNEES",
        "NB DEMI JOURNEES",
        "NOMBRE DE DEMI JOURNEES",
        "DJ",
        "NB DJ",
        "1 2 JOURNEES",
    ),
    "kind": ("TYPE", "NATURE", "TYPE ABSENCE", "TYPE DE NOTE"),
    "justified": ("JUSTIFIEE", "JUSTIFIE", "JUSTIFICATION", "MOTIF VALABLE", "REGULARISE"),
    "recorded_on": ("SAISIE LE", "DATE SAISIE", "DATE DE SAISIE"),
    "justified_on": ("JUSTIFIEE LE", "DATE JUSTIFICATION", "DATE DE JUSTIFICATION"),
    "subject": ("MATIERE", "DISCIPLINE", "LIBELLE MATIERE"),
    "value": ("NOTE", "MOYENNE", "VALEUR", "NOTE BULLETIN"),
    "out_of": ("BAREME", "NOTE SUR", "SUR", "NOTATION SUR"),
    "coefficient": ("COEFFICIENT", "COEF", "COEFF"),
    "status": ("STATUT", "STATUT NOTE"),
    "event": ("EVENEMENT", "ETAPE"),
    "rank": ("RANG", "RANG DU VOEU", "NUMERO DU VOEU", "ORDRE"),
    "target": ("VOEU", "FORMATION DEMANDEE", "CIBLE", "FORMATION SOUHAITEE"),
    "granted": ("ACCORDEE", "ACCORDE", "FAVORABLE"),
    "outcome": ("SITUATION", "DEVENIR", "ISSUE"),
    "table": ("TABLE",),
    "start": ("DEBUT", "DATE DEBUT"),
    "end": ("FIN", "DATE FIN"),
}
_CHOICE_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "sex": {"F": ("FEMININ", "FILLE", "2", "FEMME"), "M": ("MASCULIN", "GARCON", "G", "H", "1", "HOMME")},
    "kind": {
        "absence": ("ABSENCE", "ABSENCE SCOLAIRE", "ABS"),
        "lateness": ("RETARD", "RETARD EXTERIEUR", "RETARD INTERIEUR"),
        "exclusion": ("EXCLUSION", "EXCLUSION TEMPORAIRE", "EXCLUSION DE L ETABLISSEMENT"),
        "placement": ("STAGE", "PFMP", "PERIODE EN ENTREPRISE"),
        "assessment": ("DEVOIR", "EVALUATION", "CONTROLE", "DS", "DM"),
        "term_average": ("MOYENNE", "MOYENNE DE PERIODE", "BULLETIN"),
    },
    "status": {
        "graded": ("NOTE", "NOTEE"),
        "absent": ("ABS", "ABSENT"),
        "exempt": ("DISP", "DISPENSE", "NON NOTE", "NN", "INAPTE"),
        "not_handed_in": ("NON RENDU", "NR"),
    },
    "event": {
        "wish": ("VOEU", "VOEUX"),
        "council_decision": ("DECISION", "DECISION DU CONSEIL", "CONSEIL DE CLASSE"),
        "appeal": ("APPEL",),
        "assignment": ("AFFECTATION", "AFFECTE"),
        "track_change": ("CHANGEMENT", "REORIENTATION"),
    },
    "outcome": {
        "continued": ("POURSUITE", "POURSUIT", "EN FORMATION", "SCOLARISE"),
        "graduated": ("DIPLOME", "DIPLOMEE", "ADMIS"),
        "left_without_diploma": ("SORTI SANS DIPLOME", "SORTIE SANS DIPLOME", "SANS SOLUTION"),
        "unknown": ("INCONNU", "INCONNUE", "NON RENSEIGNE"),
    },
    "subject": {
        "french": ("FRANCAIS", "FRANC", "LETTRES"),
        "maths": ("MATHEMATIQUES", "MATHS"),
        "modern_language_1": ("LV1", "LVA", "ANGLAIS LV1", "ALLEMAND LV1", "AGL1", "ALL1", "ESP1"),
        "modern_language_2": (
            "LV2",
            "LVB",
            "ESPAGNOL LV2",
            "ALLEMAND LV2",
            "ANGLAIS LV2",
            "ESP2",
            "ALL2",
            "AGL2",
        ),
        "modern_language_3": ("LV3", "LVC"),
        "ancient_languages": ("LATIN", "GREC", "LCA LATIN", "LCA GREC"),
        "history_geography": ("HISTOIRE GEOGRAPHIE", "HISTOIRE", "GEOGRAPHIE", "HIGEO"),
        "civics": ("EMC", "ENSEIGNEMENT MORAL ET CIVIQUE", "EDUCATION CIVIQUE"),
        "economics": ("SES", "ECONOMIE GESTION", "SCIENCES ECONOMIQUES ET SOCIALES", "ECONOMIE DROIT"),
        "philosophy": ("PHILOSOPHIE", "PHILO"),
        "sciences": ("SCIENCES", "ENSEIGNEMENT SCIENTIFIQUE", "SCIENCES ET TECHNOLOGIE"),
        "life_sciences": ("SVT", "SCIENCES DE LA VIE ET DE LA TERRE", "SCIENCES VIE ET TERRE"),
        "physics_chemistry": ("PHYSIQUE CHIMIE", "PHYSIQUE", "PH CH"),
        "technology": ("TECHNOLOGIE", "TECHN"),
        "computing": ("SNT", "NSI", "INFORMATIQUE", "SCIENCES NUMERIQUES ET TECHNOLOGIE"),
        "arts": ("ARTS PLASTIQUES", "ARTS APPLIQUES", "A PLA"),
        "music": ("EDUCATION MUSICALE", "MUSIQUE", "EDMUS"),
        "pe": ("EPS", "EDUCATION PHYSIQUE ET SPORTIVE"),
        "health_environment": ("PSE", "PREVENTION SANTE ENVIRONNEMENT"),
        "professional": ("ENSEIGNEMENT PROFESSIONNEL", "ATELIER", "ENSEIGNEMENTS PROFESSIONNELS"),
    },
    "table": {"absences": ("ABSENCES",), "grades": ("NOTES",), "orientation": ("ORIENTATION",)},
}
_YEARS = re.compile(r"(20\d\d)\s*[-/–]\s*(?:20)?\d\d")
_MEF = re.compile(r"[0-9]{3}[0-9A-Z]{7,8}")
_OUT_OF_SCOPE = re.compile(
    r"APPREN|\bCFA\b|ALTERNANCE|\bBTS|\bMC\b|MENTION COMPL|\bCS\b|BMA|CPGE|LICENCE|\bC[EM][12]\b|\bCP\b"
)


@dataclass
class _FileDraft:
    """What one file probably is."""

    name: str
    table: str
    columns: dict[str, str] = field(default_factory=dict)
    likely: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    proposals: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsure: dict[str, dict[str, str]] = field(default_factory=dict)
    out: dict[str, list[str]] = field(default_factory=dict)


def draft_mapping(folder: str | Path, *, translate: Callable[[str], str] = str) -> str:
    r"""Write a first mapping of a folder of tables made by hand.

    Parameters
    ----------
    folder : path
        CSV and Parquet files, of any name; title lines above a header are left out.
    translate : callable
        What puts the message of a file that cannot be read into the language of who reads the draft.

    Returns
    -------
    str
        TOML, with ``confirmed = false``; ``PupilRecords.read(folder, mapping=...)`` takes it once a person has confirmed.

    Raises
    ------
    RecordsError
        No such folder, or no table in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = Path(place, "scolarites.csv").write_text("Identifiant;Année;Formation\na1;2023-2024;TERMINALE PRO MELEC\n")
    ...     lines = draft_mapping(place).splitlines()
    >>> [line for line in lines if "MELEC" in line or "2023-2024" in line]
    ['"2023-2024" = 2023', '"TERMINALE PRO MELEC" = "tle_pro"']
    """
    place = Path(folder)
    if not place.is_dir():
        raise RecordsError(
            explain_error(
                f"There is no folder {place}", expected="a folder of tables", hint="Check the path."
            )
        )
    files = [
        path
        for path in sorted(place.iterdir())
        if path.name.lower().endswith(_SUFFIXES) and path.name != "calendar.csv"
    ]
    drafts, unreadable = [], []
    for path in files:
        try:
            raw, _ = read_table_file(path, names=())
        except UnreadableRecordsError as error:
            unreadable.append(translate(str(error).splitlines()[0]))
            continue
        drafts.append(_draft(path.name, raw.frame()))
    if not drafts:
        raise RecordsError(
            explain_error(
                f"No table could be read in {place}" + (f" ({'; '.join(unreadable)})" if unreadable else ""),
                expected="CSV or Parquet files",
                hint="Give the folder that holds the tables.",
            )
        )
    return _toml(drafts, unreadable)


def _draft(name: str, frame: pd.DataFrame) -> _FileDraft:
    table = _table(name, [str(column) for column in frame.columns])
    draft = _FileDraft(name, table)
    columns_used: set[str] = set()
    # Exact names of all columns first, so that a mere likeness takes none of their places.
    for likely in (False, True):
        for column in map(str, frame.columns):
            if column in draft.columns:
                continue
            ours = _column(column, table, columns_used, likely=likely)
            if ours is not None:
                draft.columns[column] = ours
                columns_used.add(ours)
                draft.likely |= {column} if likely else set()
    draft.others = [str(column) for column in frame.columns if str(column) not in draft.columns]
    for column, ours in draft.columns.items():
        _draft_values(draft, TABLES[table].column(ours), frame[column])
    return draft


def _table(name: str, columns: list[str]) -> str:
    """Choose the table of a file: by its name, then by the number of its columns that are known there."""
    words = fold(name.split(".", maxsplit=1)[0]).split()
    plain = " ".join(words)
    scores = {}
    for table in TABLES:
        matches = [column for column in columns if _column(column, table, set(), likely=False) is not None]
        by_name = plain == fold(table) or any(
            word in f" {plain} " for word in (f" {text} " for text in _TABLE_WORDS.get(table, ()))
        )
        scores[table] = (
            # The file's own name outweighs a few columns, as ids and dates are in every table.
            (10 if by_name else 0) + len(matches) / max(len(TABLES[table].column_names), 1) * 4 + len(matches)
        )
    return max(scores, key=lambda table: scores[table])


def _column(name: str, table: str, columns_in_use: set[str], *, likely: bool) -> str | None:
    plain = fold(name)
    columns_free = [column for column in TABLES[table].column_names if column not in columns_in_use]
    if not likely:
        for column in columns_free:
            label = fold(TABLES[table].column(column).label)
            if plain in {fold(column), label} or plain in _COLUMN_WORDS.get(column, ()):
                return column
        return None
    spellings = {
        word: column
        for column in columns_free
        for word in (*_COLUMN_WORDS.get(column, ()), fold(column))
        if len(word) >= _LONG_ENOUGH
    }
    near = get_close_matches(plain, list(spellings), n=1, cutoff=_LIKENESS)
    return spellings[near[0]] if near else None


def _draft_values(draft: _FileDraft, column: Column, cells: pd.Series) -> None:
    if column.kind not in {"choice", "integer", "flag"}:
        _draft_words(draft, column, cells)
        return
    texts = cells.dropna().astype("string").str.strip().str.replace(r"^(-?\d+)\.0$", r"\1", regex=True)
    words = sorted(set(texts[texts != ""]))
    if len(words) > _MOST_VALUES:
        return
    for word in words:
        ours, sure, out = _value(word, column)
        if out:
            draft.out.setdefault(column.name, []).append(word)
        elif ours is None:
            draft.unsure.setdefault(column.name, {})[word] = ""
        elif str(ours) != word:
            if sure:
                draft.proposals.setdefault(column.name, {})[word] = ours
            else:
                draft.unsure.setdefault(column.name, {})[word] = str(ours)


def _draft_words(draft: _FileDraft, column: Column, cells: pd.Series) -> None:
    """Propose the status that known words in the place of marks say; other words are never listed."""
    if not column.words:
        return
    for word in sorted(set(cells.dropna().astype("string").str.strip())):
        if status := column.words.get(word.lower()):
            draft.proposals.setdefault(column.name, {})[word] = status


def _value(word: str, column: Column) -> tuple[Any, bool, bool]:
    """Give our value, whether it is sure, and whether the row is out of scope."""
    if column.kind == "flag":
        flag = flag_of(word)
        return (None if flag is None else str(flag).lower()), flag is not None, False
    if column.kind == "integer":
        years = _YEARS.fullmatch(word) if column.name == "school_year" else None
        number: Any = int(years[1]) if years is not None else word if re.fullmatch(r"-?\d+", word) else None
        return number, number is not None, False
    if word in column.choices:
        return word, True, False
    return _level(word) if column.name == "level" else _choice(word, column)


def _choice(word: str, column: Column) -> tuple[str | None, bool, bool]:
    words = _CHOICE_WORDS.get(column.name, {})
    spellings = {fold(text): choice for choice in column.choices for text in (choice, column.labels[choice])}
    spellings |= {text: choice for choice in column.choices for text in words.get(choice, ())}
    plain = fold(word)
    near = [plain] if plain in spellings else get_close_matches(plain, list(spellings), n=1, cutoff=_LIKENESS)
    return (spellings[near[0]] if near else None), plain in spellings, False


def _level(word: str) -> tuple[str | None, bool, bool]:
    """Read a level from a MEF or a label; an apprentice's is out of scope, whatever it looks like."""
    plain = fold(word)
    if _OUT_OF_SCOPE.search(plain):
        return None, True, True
    if _MEF.fullmatch(plain.replace(" ", "")):
        mef_level = find_level(plain.replace(" ", ""), NO_FACTS)
        return mef_level.level, True, mef_level.reason == "post_diploma"
    return level_of_label(word), True, False


def _toml(drafts: list[_FileDraft], unreadable: list[str]) -> str:
    lines = [
        "# Correspondance proposée par « decrochage-risk check --draft-mapping ». Rien n'est lu avec elle tant qu'une personne",
        "# ne l'a pas relue : corrigez, enlevez le # des lignes à dire, puis écrivez confirmed = true.",
        "confirmed = false",
        "",
        "[files]",
    ]
    lines += [f"{_quoted(draft.name)} = {_quoted(draft.table)}" for draft in drafts]
    lines += [f"# illisible : {text}" for text in unreadable]
    for table in dict.fromkeys(draft.table for draft in drafts):
        lines += _table_lines(table, [draft for draft in drafts if draft.table == table])
    return "\n".join(lines) + "\n"


def _table_lines(table: str, drafts: list[_FileDraft]) -> list[str]:
    columns = {name: ours for draft in drafts for name, ours in draft.columns.items()}
    likely = {name for draft in drafts for name in draft.likely}
    lines = ["", f"[{table}.columns]"]
    targets: set[str] = set()
    for name, ours in columns.items():
        mark = "  # à confirmer : par ressemblance" if name in likely else ""
        twice = (
            "# " if ours in targets else ""
        )  # two files name one column in two ways: one of them has to be renamed
        lines.append(f"{twice}{_quoted(name)} = {_quoted(ours)}{mark}")
        targets.add(ours)
    others = list(dict.fromkeys(name for draft in drafts for name in draft.others))
    lines += [f'# {_quoted(name)} = ""  # non reconnue : pas lue' for name in others]
    missing = [name for name in TABLES[table].required if name not in targets]
    if missing:
        lines += ["", f"[{table}.constants]"]
        lines += [_constant_line(TABLES[table].column(name)) for name in missing]
    for column in TABLES[table].column_names:
        sure = {word: ours for draft in drafts for word, ours in draft.proposals.get(column, {}).items()}
        unsure = {word: ours for draft in drafts for word, ours in draft.unsure.get(column, {}).items()}
        if sure or unsure:
            lines += ["", f"[{table}.values.{column}]"]
            lines += [
                f"{_quoted(word)} = {ours if isinstance(ours, int) else _quoted(str(ours))}"
                for word, ours in sure.items()
            ]
            lines += [
                f"# {_quoted(word)} = {_quoted(ours)}  # {'à confirmer : par ressemblance' if ours else 'à dire'}"
                for word, ours in unsure.items()
            ]
    out = {column: words for draft in drafts for column, words in draft.out.items()}
    if out:
        lines += [
            "",
            f"[{table}.leave_out]  # hors du périmètre : apprentissage, premier degré, après un diplôme",
        ]
        lines += [f"{column} = [{', '.join(map(_quoted, words))}]" for column, words in out.items()]
    return lines


def _constant_line(column: Column) -> str:
    """Ask for the value of a needed column that the extract does not have: the first choice, then the others."""
    others = f" ; ou {', '.join(map(_quoted, column.choices[1:]))}" if column.choices else ""
    first = _quoted(column.choices[0] if column.choices else "")
    return f"# {column.name} = {first}  # colonne nécessaire absente : {column.label}{others}"


def _quoted(text: str) -> str:
    """Write a text as TOML does: a JSON string is one."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
