"""What every reader of an export gets and gives back; nothing in it is written anywhere.

A reader is a function ``(SourceFile, ImportOptions) -> Extract``. Names of persons live in an :class:`Extract` only, in
memory, until :mod:`decrochage_risk.importers.identity` has replaced them by pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from decrochage_risk.importers.cells import fold, names_somebody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import time
    from pathlib import Path

    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "EVENT_TABLES",
    "NO_FACTS",
    "REASONS",
    "ColumnLists",
    "Extract",
    "Head",
    "ImportOptions",
    "Notice",
    "Person",
    "Reader",
    "SchoolFacts",
    "SourceFile",
    "Subject",
    "UnreadRow",
    "make_persons",
]

EVENT_TABLES = ("absences", "grades", "orientation")
"""Tables of events: an extract of one of them covers a span of days (:attr:`Extract.covers`)."""


@dataclass(frozen=True)
class SourceFile:
    """One recognised content: a file, or one member of a zip.

    Attributes
    ----------
    path : str
        As the report names it: the file's name, or ``archive.zip!member.xml``.
    content : bytes
        The whole content.
    sha256 : str
        Of the content.
    kind : str
        Key of :data:`decrochage_risk.importers.recognition.READERS`.
    """

    path: str
    content: bytes = field(repr=False)
    sha256: str
    kind: str


class Person(NamedTuple):
    """One person of a file, as the file writes them; what it does not say is None.

    Attributes
    ----------
    ine, other_ine : str or None
        National number, and another one of the same pupil (BEA beside RNIE).
    elenoet, eleve_id, uai : str or None
        Number in the school, id within one SIECLE export, school.
    family_name, usage_name, first_name : str or None
    full_name : str or None
        Of exports that write the family name and the first name in one cell, whose limit nobody can tell.
    class_name : str or None
    birth_date : date or None
    sex : str or None
    """

    ine: str | None = None
    other_ine: str | None = None
    elenoet: str | None = None
    eleve_id: str | None = None
    uai: str | None = None
    family_name: str | None = None
    usage_name: str | None = None
    first_name: str | None = None
    full_name: str | None = None
    class_name: str | None = None
    birth_date: date | None = None
    sex: str | None = None

    def names(self) -> tuple[str, ...]:
        """Give the names that the file has of them."""
        names = (self.family_name, self.usage_name, self.first_name, self.full_name)
        return tuple(name for name in names if name)


@dataclass
class ColumnLists:
    """Rows of a table as one list per column: a file per class and subject pays more for a frame than for its rows.

    Attributes
    ----------
    columns : dict of str to list
        All of one length.
    dtypes : mapping of str to str
        Of the columns of the frame that they become.
    """

    columns: dict[str, list[Any]] = field(repr=False)
    dtypes: Mapping[str, str] = field(repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def frame(self) -> pd.DataFrame:
        """Make one frame of them.

        Examples
        --------
        >>> lists = ColumnLists({"day": [date(2025, 3, 4), None]}, {"day": "datetime64[s]"})
        >>> lists.frame()["day"].isna().tolist()
        [False, True]
        """
        return pd.DataFrame({name: self._column(name, values) for name, values in self.columns.items()})

    def _column(self, name: str, values: list[Any]) -> Any:  # noqa: ANN401 - an array of numpy or of pandas
        dtype = self.dtypes[name]
        if dtype == "str":
            return pd.array(values, dtype="str")
        if dtype.startswith("datetime"):
            # Each distinct day is read once: numpy takes a microsecond for each object.
            plain = {day: np.datetime64(day, "D") for day in dict.fromkeys(values)}
            numbers = {day: value.astype(np.int64) for day, value in plain.items()}
            return (
                np.array([numbers[day] for day in values], dtype=np.int64).view("datetime64[D]").astype(dtype)
            )
        return np.array(values, dtype=dtype)


@dataclass(frozen=True)
class Subject:
    """One subject of a school's nomenclature: its national code, its short code and its labels.

    A local subject has the code of the national one it stands for in ``national_code``.
    """

    code: str | None
    short_code: str | None
    label: str | None
    national_code: str | None = None


@dataclass(frozen=True)
class SchoolFacts:
    """What the files of one school and year told before the present one was read.

    Attributes
    ----------
    uai : str or None
        School; None when nothing is known.
    school_year : int or None
        Year in which the school year begins.
    mefstat : mapping of str to str
        CODE_MEFSTAT (11 characters) of each CODE_MEF.
    mef_labels, mef_parents : mapping of str to str
        Long label, and the national MEF that a local one is attached to.
    regimes, exit_motives : mapping of str to str
        Labels (short and long, joined) of CODE_REGIME and CODE_MOTIF_SORTIE.
    subjects : tuple of Subject
        MATIERES of the nomenclature.
    class_mefs : mapping of str to tuple of str
        MEF codes of each division (Structures.xml).
    periods : DataFrame
        ``code``, ``label``, ``index`` (int), ``type``, ``start``, ``end`` (days) of terms and semesters.
    closures : DataFrame
        ``start``, ``end`` (days, both included), ``label``: days without school.
    """

    uai: str | None = None
    school_year: int | None = None
    mefstat: Mapping[str, str] = field(default_factory=dict)
    mef_labels: Mapping[str, str] = field(default_factory=dict)
    mef_parents: Mapping[str, str] = field(default_factory=dict)
    regimes: Mapping[str, str] = field(default_factory=dict)
    exit_motives: Mapping[str, str] = field(default_factory=dict)
    subjects: tuple[Subject, ...] = ()
    class_mefs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    periods: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["code", "label", "index", "type", "start", "end"])
    )
    closures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["start", "end", "label"]))

    def updated_by(self, new: SchoolFacts) -> SchoolFacts:
        """Join what two files of one school and year tell; the later one wins where both speak."""
        return SchoolFacts(
            uai=new.uai,
            school_year=new.school_year,
            mefstat={**self.mefstat, **new.mefstat},
            mef_labels={**self.mef_labels, **new.mef_labels},
            mef_parents={**self.mef_parents, **new.mef_parents},
            regimes={**self.regimes, **new.regimes},
            exit_motives={**self.exit_motives, **new.exit_motives},
            subjects=tuple(dict.fromkeys((*new.subjects, *self.subjects))),
            class_mefs={**self.class_mefs, **new.class_mefs},
            periods=new.periods if len(new.periods) else self.periods,
            closures=new.closures if len(new.closures) else self.closures,
        )


NO_FACTS = SchoolFacts()
"""Nothing is known of the school."""


@dataclass(frozen=True)
class ImportOptions:
    """What the caller says about files that do not say it themselves.

    Attributes
    ----------
    uai : str or None
        School of the files that name none.
    school_year : int or None
        School year of the files that name none.
    extracted_on : date or None
        Day on which files without an export date were made.
    half_day_cut : time or None
        Limit between morning and afternoon; None: the preset of each source (GEPI 11:50, else 12:00).
    monthly_totals : bool
        Accept totals of periods, one file per month, and take their differences.
    totals_period : tuple of (date, date) or None
        First and last day of totals whose file does not say it.
    campaign_date : date or None
        Day on which wishes of a campaign were made, for files without any date.
    column_maps : tuple of Path
        TOML files of columns that a school corrected or declared.
    motives : mapping of str to bool
        Whether a motive justifies, for files with a motive and no flag.
    outcomes_of : int or None
        Closed school year whose outcomes are built.
    search_complete : bool
        The caller's word that the year after was looked at everywhere: all schools, apprenticeship, diplomas.
    calendar : SchoolCalendar or None
        Days with school; None: zone B and the closures that the files tell.
    schools : mapping of (str, int) to SchoolFacts
        What the files of each school and year told so far; filled by the import itself.
    pupils_like_totals : frozenset of (str, str)
        Folded family name and first name of the pupils of the lists whose name reads like a row of totals; filled by the
        import itself.
    """

    uai: str | None = None
    school_year: int | None = None
    extracted_on: date | None = None
    half_day_cut: time | None = None
    monthly_totals: bool = False
    totals_period: tuple[date, date] | None = None
    campaign_date: date | None = None
    column_maps: tuple[Path, ...] = ()
    motives: Mapping[str, bool] = field(default_factory=dict)
    outcomes_of: int | None = None
    search_complete: bool = False
    calendar: SchoolCalendar | None = None
    schools: Mapping[tuple[str, int], SchoolFacts] = field(default_factory=dict)
    pupils_like_totals: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    def facts(self, uai: str | None, school_year: int | None = None) -> SchoolFacts:
        """Give what is known of a school and year; of the only school known when the file names none.

        Examples
        --------
        >>> options = ImportOptions(schools={("0990001N", 2024): SchoolFacts(uai="0990001N", school_year=2024)})
        >>> options.facts(None).uai, options.facts("0990001N").school_year, options.facts("0990002P").uai
        ('0990001N', 2024, None)
        """
        uai = uai or self.uai
        year = school_year or self.school_year
        near = [
            facts
            for (school, of), facts in sorted(self.schools.items())
            if (uai is None or school == uai) and (year is None or of == year)
        ]
        # A file that names no school could be of any of them: nothing is better than another school's codes.
        if uai is None and len({facts.uai for facts in near}) > 1:
            return NO_FACTS
        return near[-1] if near else NO_FACTS


@dataclass(frozen=True)
class Notice:
    """Something that a person must know of a file: French text without any pupil's value.

    Attributes
    ----------
    code : str
        Stable name, for programs and tests.
    text : str
        French sentence.
    lines : tuple of int
        Lines or record numbers it is about, when there are some.
    level : {"info", "warning"}
    """

    code: str
    text: str
    lines: tuple[int, ...] = ()
    level: Literal["info", "warning"] = "warning"


def make_persons(columns: Mapping[str, Iterable[object]], rows: int) -> list[Person]:
    """Make the persons of a file out of the columns that it has; what is missing or empty is None.

    Examples
    --------
    >>> person = make_persons({"ine": ["000000001AA"], "birth_date": [pd.Timestamp("2010-04-03")]}, 1)[0]
    >>> person.ine, person.birth_date, person.class_name
    ('000000001AA', datetime.date(2010, 4, 3), None)
    """
    nothing: list[None] = [None] * rows
    cells: list[list[Any]] = []
    for name in Person._fields:
        column = columns.get(name)
        read = _day_or_none if name == "birth_date" else _text_or_none
        cells.append(nothing if column is None else [read(value) for value in column])
    return [Person(*values) for values in zip(*cells, strict=True)]


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _day_or_none(value: object) -> date | None:
    if value is None or value is pd.NaT:
        return None
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None


class UnreadRow(NamedTuple):
    """One row of events that could not be read: what it says of its pupil is not known, which is not zero.

    Attributes
    ----------
    line : int
    persons : tuple of Person
        Whom it may be of, as its cells say.
    aligned : bool
        Whether its cells stand under their headers; else each person is a guess at where they stand.
    """

    line: int
    persons: tuple[Person, ...]
    aligned: bool = True


@dataclass
class Extract:
    """What one reader gives back: nothing is pseudonymous yet, nothing leaves the memory.

    Attributes
    ----------
    kind : str
        As in :class:`SourceFile`.
    uai, school_year, exported_on : str, int, date or None
        What the file says of itself.
    persons : list of Person
        One per person row of the file.
    tables : dict of str to DataFrame or ColumnLists
        ``pupils``, ``enrolments``, ``absences``, ``grades``, ``orientation``, ``outcome_evidence``: columns of our
        tables, with ``person`` (place in ``persons``) in place of ``pupil_id``, and ``line`` (1-based line of the
        file, or number of the record). A table of which the file holds no row is there, with its columns and no row.
    counts : dict of str to list of int
        Code of :data:`REASONS` -> lines that were left out.
    warnings : list of Notice
    unread : list of UnreadRow
        Rows that something was said in and that could not be read: the file vouches for none of their pupils.
    covers : dict of str to (date, date)
        Table -> first and last day that the file vouches for.
    rows_read : int
        Rows (records) of the file, whatever became of them.
    other_years : list of Extract
        The parts of a list over several school years that are of its other years, each with its own persons, rows and span.
    facts : SchoolFacts or None
        What the file says of its school and year, for the readers that come after.
    is_roster : bool
        Whether the persons are those that names of other files are joined to.
    other_classes : dict of int to tuple of str
        Person of a list of pupils -> divisions that it gives him besides the one of his stay.
    term : tuple of (str, int) or None
        Term (T) or semester (S) whose averages the file holds, where it names one.
    undated_term : str
        Its name as the file writes it, where nobody tells its end and the day of the export stands in for it; empty otherwise.
    """

    kind: str
    uai: str | None = None
    school_year: int | None = None
    exported_on: date | None = None
    persons: list[Person] = field(default_factory=list, repr=False)
    tables: dict[str, pd.DataFrame | ColumnLists] = field(default_factory=dict, repr=False)
    counts: dict[str, list[int]] = field(default_factory=dict)
    warnings: list[Notice] = field(default_factory=list)
    unread: list[UnreadRow] = field(default_factory=list, repr=False)
    covers: dict[str, tuple[date, date]] = field(default_factory=dict)
    rows_read: int = 0
    facts: SchoolFacts | None = None
    is_roster: bool = False
    other_years: list[Extract] = field(default_factory=list, repr=False)
    other_classes: dict[int, tuple[str, ...]] = field(default_factory=dict, repr=False)
    term: tuple[str, int] | None = None
    undated_term: str = ""

    def leave_out(self, reason: str, line: int) -> None:
        """Count one line that is left out.

        Raises
        ------
        KeyError
            A reason without a sentence in :data:`REASONS`.
        """
        # A reason without French words could not be told to a school.
        if reason not in REASONS:
            raise KeyError(reason)
        self.counts.setdefault(reason, []).append(int(line))

    def miss(self, line: int, *persons: Person, aligned: bool = True) -> None:
        """Note a row that could not be read, and whom it may be of; :meth:`leave_out` says why."""
        self.unread.append(UnreadRow(int(line), persons, aligned))

    def plain_labels(self, labels: Iterable[str]) -> list[str]:
        """Give, in order, the labels that hold no word of any pupil's name, nor the name of somebody else: only these may be written."""
        words = {
            word
            for person in self.persons
            for name in person.names()
            for word in fold(name).split()
            if len(word) > 1
        }
        return sorted(
            {label for label in labels if not set(fold(label).split()) & words and not names_somebody(label)}
        )

    def warn(self, code: str, text: str, lines: tuple[int, ...] = ()) -> None:
        """Add a notice of level ``warning``."""
        self.warnings.append(Notice(code, text, lines))


@dataclass(frozen=True)
class Head:
    """The beginning of a content: all that a file is recognised by, never its name.

    Attributes
    ----------
    form : {"xml", "rows", "json"}
        ``rows`` are delimited text and spreadsheets.
    root : str
        Local name of the root of an XML, in upper case.
    attributes : mapping of str to str
        Attributes of that root, local names in upper case.
    rows : tuple of tuple of str
        Folded cells of the first rows (of every sheet).
    keys : frozenset of str
        Keys of a JSON, of the first element of each list too, as they are written, to the third depth.
    """

    form: Literal["xml", "rows", "json"]
    root: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[tuple[str, ...], ...] = ()
    keys: frozenset[str] = frozenset()

    def has(self, *names: str) -> bool:
        """Tell whether one of the first rows holds all of these names; they are folded first.

        Examples
        --------
        >>> Head("rows", rows=(("NOM", "PRENOM", "CLASSE"),)).has("Prénom", "classe")
        True
        """
        folded_names = {fold(name) for name in names}
        return any(folded_names <= set(row) for row in self.rows)


@dataclass(frozen=True)
class Reader:
    """One kind of export that can be read.

    Attributes
    ----------
    kind : str
        Stable name.
    label : str
        What a school reads: software and list.
    recognises : callable
        Tells by the head of a content whether it is of this kind. The readers are asked in the order of
        :data:`decrochage_risk.importers.recognition.READERS`; the first one wins.
    read : callable
        Reads it. It raises ``UnreadableExportError`` for a content that cannot be read, or that is refused.
    stage : int
        0: tells facts of the school (nomenclatures, calendar); 1: rosters, which names are joined to; 2: the rest.
    gives : str
        What a school reads of what is taken from it; empty for an export that is refused.
    basis : {"fixtures", "specification", "code", "assumed"}
        What the reader was written on: files of public test suites, the ministry's specification, the code of the software
        that writes the export (or of one that reads it), or an assumption that no real file has confirmed.
    """

    kind: str
    label: str
    recognises: Callable[[Head], bool] = field(repr=False)
    read: Callable[[SourceFile, ImportOptions], Extract] = field(repr=False)
    stage: Literal[0, 1, 2] = 2
    gives: str = ""
    basis: Literal["fixtures", "specification", "code", "assumed"] = "code"


REASONS: Mapping[str, str] = MappingProxyType(
    {
        # rows of any file
        "wrong_length": "nombre de cellules différent de celui de l’en-tête",
        "total_row": "ligne de total ou de moyenne de la classe",
        "footer": "ligne de pied ou de titre",
        "bad_date": "date illisible",
        "bad_number": "nombre illisible",
        "outside_school_year": "date hors de l’année scolaire du fichier",
        "repeated_row": "ligne déjà lue dans un autre fichier",
        "older_event": "ligne d’un export que le plus récent de la même source remplace",
        # who is who
        "no_identity": "ni INE, ni numéro d’établissement, ni nom utilisable",
        "name_unmatched": "nom absent de la liste des élèves de l’établissement",
        "name_ambiguous": "nom porté par plusieurs élèves de la classe",
        "other_class": "autre classe que dans la liste des élèves, et nom porté par plusieurs élèves de l’établissement",
        "class_unknown": "classe qui ne se rattache à aucune division de la liste des élèves",
        "no_roster": "aucune liste d’élèves de cet établissement et de cette année dans l’import",
        "not_in_tables": "élève hors des tables (apprenti, division « Inactifs », niveau hors du périmètre)",
        "number_of_two": "numéro d’établissement donné à plusieurs élèves, d’une année à l’autre",
        "duplicate_ine": "INE présent deux fois dans le fichier pour deux personnes",
        "ine_two_birth_dates": "INE déjà connu avec une autre date de naissance",
        "other_school": "élève d’un autre établissement",
        # pupils and enrolments
        "inactive": "division « Inactifs »",
        "apprentice": "apprenti ou autre statut que scolaire, hors du périmètre",
        "unknown_level": "niveau hors du périmètre ou inconnu",
        "post_diploma": "formation d’après diplôme (MC, CS, BMA…), hors du périmètre",
        "agricultural_capa": "CAP agricole, sans niveau dans les tables",
        "no_school_year": "année scolaire inconnue",
        "bad_uai": "numéro UAI impossible : donnez --uai si vous savez de quel établissement vient le fichier",
        "deceased": "élève décédé",
        "never_came": "sortie avant la rentrée",
        "undated_exit": "sortie sans date, dans un export sans date (--extracted-on)",
        "no_diploma": "examen non obtenu, ou qui n’est pas un diplôme de fin d’études",
        "double_enrolment": "seconde scolarité commencée le même jour (autre établissement, niveau ou division)",
        "older_extract": "scolarité remplacée par celle d’un export plus récent",
        # absences
        "dropped_type": "type qui n’est ni une absence ni un retard (infirmerie, sortie scolaire, exclusion de cours…)",
        "entry_error": "saisie signalée comme une erreur",
        "no_obligation": "sans manquement à l’obligation de présence",
        "unknown_type": "type d’absence inconnu",
        "end_before_start": "fin avant le début",
        "event_too_long": "événement de plus de 200 jours",
        "outside_calendar": "date hors du calendrier connu",
        "no_school_day": "jour sans école (week-end, vacances, fermeture)",
        "zero_half_days": "zéro demi-journée d’après le fichier",
        "unjustified_above_total": "plus de demi-journées non justifiées que de demi-journées",
        # marks
        "no_mark": "rien n’est noté",
        "not_a_mark": "ni un nombre, ni un mot connu pour une note absente",
        "mark_above_out_of": "note au-dessus du barème",
        "bad_scale": "barème ou coefficient illisible",
        "positioning": "positionnement ou compétence, qui n’est pas une note",
        "not_significant": "note déclarée non significative",
        "no_term_date": "période sans date de fin connue",
        # orientation
        "unknown_event": "étape d’orientation inconnue",
        "bad_rank": "rang de vœu illisible",
    }
)
"""What a school reads for each reason why a line was left out."""
