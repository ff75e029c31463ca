"""The row models of the records, one per table: the only place where a column is declared.

The column checks, the JSON schemas and the page ``docs/records.md`` are all derived from these models. To add a
column, add one field here and run ``docs/generate.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from decrochage_risk.records.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


__all__ = [
    "FIRST_DAY",
    "ID_LENGTH",
    "LAST_DAY",
    "TABLES",
    "AbsenceRow",
    "Column",
    "ContextRow",
    "CoverageRow",
    "Day",
    "EnrolmentRow",
    "GradeRow",
    "Identifier",
    "Kind",
    "OneOf",
    "OrientationRow",
    "OutcomeRow",
    "PupilRow",
    "Row",
    "SchoolYear",
    "Subject",
    "Table",
    "Uai",
    "code_of",
    "column",
    "declare_table",
]

ID_LENGTH = 256
"""Longest id, in characters; every known id of the exports has at most 11, a keyed hash in hexadecimal 64."""

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
"""First and last day that can be meant; a year like 0025 or 2204 is a typing error."""

_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BLANK = _CONTROL + " \u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff"


class _Notes:
    """Facts that belong into the JSON Schema of a cell but that pydantic has no argument for."""

    def __init__(self, **notes: object) -> None:
        self.notes = notes

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), **self.notes}


class OneOf:
    """A cell that holds one of some values; ``labels`` gives each the words that a school reads.

    Examples
    --------
    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Annotated[str, OneOf({"F": "fille", "M": "garçon"})]).validate_python("F")
    'F'
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = dict(labels)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.labels))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "type": "string", "x-labels": self.labels}


Identifier = Annotated[
    str,
    Field(min_length=1, max_length=ID_LENGTH, pattern=f"^[^{_BLANK}](?:[^{_CONTROL}]*[^{_BLANK}])?$"),
]
"""Opaque text: any characters, accents, inner spaces and emoji included, but no control character and no blank
at either end, which would make two ids that look the same."""

Uai = Annotated[str, Field(pattern="^[0-9]{7}[A-Z]$"), _Notes(**{"x-check": "uai"})]
"""National number of a school: seven digits and the letter that checks them."""

Day = Annotated[
    date,
    Field(ge=FIRST_DAY, le=LAST_DAY),
    _Notes(formatMinimum=FIRST_DAY.isoformat(), formatMaximum=LAST_DAY.isoformat()),
]
"""A day without a time."""

SchoolYear = Annotated[int, Field(ge=FIRST_DAY.year, le=LAST_DAY.year)]
"""The year in which a school year begins: 2024 is 2024-25."""


def column(
    description: str,
    label: str,
    meaning: str,
    *,
    default: object = ...,
    words: Mapping[str, str] | None = None,
    **bounds: float,
) -> Any:  # noqa: ANN401 - like pydantic's Field, whose value stands for a field of any type
    """Declare a column of a row model.

    Parameters
    ----------
    description : str
        What it is, in English, for developers.
    label, meaning : str
        The same in French, for a school.
    default : object, default no default
        Value of a missing column or cell; a column without one must be there.
    words : mapping of str to str, optional
        Words found in place of numbers, with the ``status`` that says the same.
    **bounds : float
        ``ge``, ``gt``, ``le``, as in ``pydantic.Field``.

    Returns
    -------
    FieldInfo
    """
    extra: dict[str, Any] = {"x-label": label, "x-meaning": meaning}
    if words:
        extra["x-words"] = dict(words)
    limits: Any = bounds
    return Field(default=default, description=description, json_schema_extra=extra, **limits)


# pydantic reads the annotations of the models at run time, so what they name is imported for real.


Sex = Annotated[str, OneOf({"F": "fille", "M": "garçon"})]
LevelName = Annotated[str, OneOf({level.name: level.label for level in LEVELS})]
AbsenceKind = Annotated[
    str,
    OneOf(
        {
            "absence": "absence",
            "lateness": "retard",
            "exclusion": "exclusion temporaire",
            "placement": "période en entreprise ou stage",
        }
    ),
]
Subject = Annotated[
    str,
    OneOf(
        {
            "french": "français",
            "maths": "mathématiques",
            "modern_language_1": "langue vivante 1",
            "modern_language_2": "langue vivante 2",
            "modern_language_3": "langue vivante 3",
            "ancient_languages": "langues anciennes",
            "history_geography": "histoire-géographie",
            "civics": "enseignement moral et civique",
            "economics": "sciences économiques et sociales, économie-gestion",
            "philosophy": "philosophie",
            "sciences": "sciences, enseignement scientifique",
            "life_sciences": "sciences de la vie et de la Terre",
            "physics_chemistry": "physique-chimie",
            "technology": "technologie",
            "computing": "sciences numériques, informatique",
            "arts": "arts plastiques, arts appliqués",
            "music": "éducation musicale",
            "pe": "éducation physique et sportive",
            "health_environment": "prévention, santé, environnement",
            "professional": "enseignements professionnels",
            "other": "autre enseignement",
        }
    ),
]
GradeStatus = Annotated[
    str,
    OneOf(
        {"graded": "noté", "absent": "absent", "not_handed_in": "non rendu", "exempt": "dispensé ou non noté"}
    ),
]
GradeKind = Annotated[str, OneOf({"assessment": "évaluation", "term_average": "moyenne de la période"})]
OrientationEvent = Annotated[
    str,
    OneOf(
        {
            "wish": "vœu",
            "council_decision": "décision du conseil de classe",
            "appeal": "appel de la décision",
            "assignment": "affectation",
            "track_change": "changement de voie ou de formation",
        }
    ),
]
Outcome = Annotated[
    str,
    OneOf(
        {
            "continued": "poursuit sa formation",
            "graduated": "diplômé",
            "left_without_diploma": "sorti de formation sans diplôme",
            "unknown": "situation inconnue",
        }
    ),
]
CoveredTable = Annotated[
    str, OneOf({"absences": "absences", "grades": "notes", "orientation": "orientation"})
]

MARK_WORDS = {
    "abs": "absent",
    "absent": "absent",
    "disp": "exempt",
    "dispensé": "exempt",
    "inapte": "exempt",
    "inap": "exempt",
    "ne": "exempt",
    "nn": "exempt",
    "non noté": "exempt",
    "nr": "not_handed_in",
    "n.rdu": "not_handed_in",
    "non rendu": "not_handed_in",
    "—": "exempt",
    "–": "exempt",
    "-": "exempt",
}
"""What PRONOTE, GEPI and ÉcoleDirecte write in place of a mark, and the status that says it."""


class Row(BaseModel):
    """One row of a table; frozen."""

    model_config = ConfigDict(frozen=True)


def _pupil() -> Identifier:
    return column(  # type: ignore[no-any-return]  # the value of a pydantic field
        "Opaque, pseudonymous id of the pupil, the same in every table and every year.",
        "Identifiant de l’élève",
        "Pseudonyme opaque, le même dans toutes les tables et toutes les années. Une suite de chiffres se lit "
        "comme du texte : un zéro de tête compte.",
    )


class PupilRow(Row):
    """One pupil; each pupil has exactly one row."""

    model_config = ConfigDict(json_schema_extra={"x-label": "Élèves"})

    pupil_id: Identifier = _pupil()
    birth_date: Day | None = column(
        "Birth date; without it the years behind are not known.",
        "Date de naissance",
        "Sert à l’écart d’âge avec le niveau ; sans elle, cet écart n’est pas connu.",
        default=None,
    )
    sex: Sex | None = column(
        "For audits of fairness only; never a feature.",
        "Sexe",
        "Sert seulement aux contrôles d’équité ; jamais au calcul du risque.",
        default=None,
    )


class EnrolmentRow(Row):
    """One stay of a pupil in a school, level and class; two stays of a pupil share no day."""

    model_config = ConfigDict(json_schema_extra={"x-label": "Scolarités"})

    pupil_id: Identifier = _pupil()
    school_year: SchoolYear = column(
        "Year in which the school year begins: 2024 is 2024-25.",
        "Année scolaire",
        "Année de la rentrée : 2024 pour 2024-2025.",
    )
    school_id: Uai = column(
        "National number of the school (UAI), check letter included.",
        "Établissement (UAI)",
        "Numéro UAI : sept chiffres et la lettre qui les contrôle.",
    )
    level: LevelName = column("Level of the pupil.", "Niveau", "Niveau et voie de l’élève.")
    start_date: Day = column(
        "First day of the stay.", "Début", "Premier jour dans cet établissement et ce niveau."
    )
    end_date: Day | None = column(
        "Last day of the stay, included; missing = open until 31 August of the school year.",
        "Fin",
        "Dernier jour, compris ; sans date, jusqu’au 31 août de l’année scolaire.",
        default=None,
    )
    class_id: Identifier | None = column(
        "Class, within the school and year.",
        "Classe",
        "Division, dans l’établissement et l’année.",
        default=None,
    )
    network_id: Identifier | None = column(
        "FoQualE network of the school.", "Réseau FoQualE", "Réseau FoQualE de l’établissement.", default=None
    )
    boarder: bool | None = column(
        "Whether the pupil is a boarder.", "Interne", "Oui si l’élève est interne.", default=None
    )


class AbsenceRow(Row):
    """An absence, a lateness, an exclusion or a placement of a pupil on one day."""

    model_config = ConfigDict(
        json_schema_extra={"x-label": "Absences, retards, exclusions, périodes en entreprise"}
    )

    pupil_id: Identifier = _pupil()
    date: Day = column("Day of the absence.", "Jour", "Jour de l’absence.")
    half_days: int = column(
        "Half-days missed on that day: 1 or 2; 0 for a lateness.",
        "Demi-journées",
        "1 ou 2 ; 0 pour un retard.",
        ge=0,
        le=2,
    )
    kind: AbsenceKind = column("What happened.", "Nature", "Nature de l’événement.")
    justified: bool | None = column(
        "Whether a legitimate motive was given; missing counts as not justified.",
        "Justifiée",
        "Oui si un motif légitime est connu ; sans réponse, l’absence compte comme non justifiée.",
        default=None,
    )
    recorded_on: Day | None = column(
        "Day on which the row was entered; the row is not known before.",
        "Saisie le",
        "Jour de la saisie : la ligne n’est pas connue avant.",
        default=None,
    )
    justified_on: Day | None = column(
        "Day on which the motive was given; the absence is unjustified before.",
        "Justifiée le",
        "Jour de la justification : avant, l’absence compte comme non justifiée.",
        default=None,
    )


class GradeRow(Row):
    """A mark of a pupil, or a piece of work without a mark."""

    model_config = ConfigDict(json_schema_extra={"x-label": "Notes"})

    pupil_id: Identifier = _pupil()
    date: Day = column("Day of the assessment.", "Jour", "Jour de l’évaluation ou de la fin de période.")
    subject: Subject = column("Subject.", "Matière", "Matière de l’évaluation.")
    value: float | None = column(
        "The mark, between 0 and out_of; missing unless graded.",
        "Note",
        "La note, entre 0 et le barème ; vide si le statut n’est pas « graded ».",
        words=MARK_WORDS,
        ge=0,
        le=1000,
    )
    out_of: float = column(
        "Highest possible mark.", "Barème", "Note la plus haute possible.", default=20, gt=0, le=1000
    )
    coefficient: float = column(
        "Weight of the mark.", "Coefficient", "Poids de la note.", default=1, ge=0, le=100
    )
    status: GradeStatus = column(
        "Whether there is a mark.", "Statut", "Dit s’il y a une note, et sinon pourquoi."
    )
    kind: GradeKind = column(
        "One assessment, or the average of a term.", "Nature", "Une évaluation, ou la moyenne d’une période."
    )
    recorded_on: Day | None = column(
        "Day on which the row was entered; the row is not known before.",
        "Saisie le",
        "Jour de la saisie : la ligne n’est pas connue avant.",
        default=None,
    )


class OrientationRow(Row):
    """One step of a pupil's orientation, dated by the day on which it was known."""

    model_config = ConfigDict(json_schema_extra={"x-label": "Orientation"})

    pupil_id: Identifier = _pupil()
    date: Day = column("Day on which it was known.", "Jour", "Jour où l’événement a été connu.")
    event: OrientationEvent = column("What happened.", "Événement", "Étape de l’orientation.")
    rank: int | None = column(
        "Rank of the wish; of an assignment: rank of the wish obtained, missing if none was.",
        "Rang",
        "Rang du vœu ; pour une affectation, rang du vœu obtenu, vide si aucun ne l’a été.",
        default=None,
        ge=1,
        le=100,
    )
    target: Identifier | None = column(
        "Level, track or programme aimed at.", "Vers", "Niveau, voie ou formation visée.", default=None
    )
    granted: bool | None = column(
        "Of a council decision: whether it follows the family's wish.",
        "Accordée",
        "Pour une décision du conseil de classe : oui si elle suit le vœu de la famille.",
        default=None,
    )
    recorded_on: Day | None = column(
        "Day on which the row was entered; the row is not known before.",
        "Saisie le",
        "Jour de la saisie : la ligne n’est pas connue avant.",
        default=None,
    )


class OutcomeRow(Row):
    """What became of a pupil by 1 November after a school year; used for training only."""

    model_config = ConfigDict(
        json_schema_extra={"x-label": "Situations à l’issue de l’année (entraînement seulement)"}
    )

    pupil_id: Identifier = _pupil()
    school_year: SchoolYear = column(
        "School year whose outcome it is.", "Année scolaire", "Année de la rentrée : 2024 pour 2024-2025."
    )
    outcome: Outcome = column("What became of the pupil.", "Situation", "Situation constatée.")
    date: Day | None = column(
        "Day of the outcome, where known.",
        "Jour",
        "Jour du constat ou de la sortie, s’il est connu.",
        default=None,
    )


class CoverageRow(Row):
    """A span of days for which the rows of a table are in the extract, for a school or a pupil."""

    model_config = ConfigDict(json_schema_extra={"x-label": "Périmètre de l’extraction"})

    school_id: Uai | None = column(
        "School that is covered.", "Établissement (UAI)", "Établissement couvert.", default=None
    )
    pupil_id: Identifier | None = column(
        "Pupil who is covered.", "Identifiant de l’élève", "Élève couvert.", default=None
    )
    table: CoveredTable = column("Table that is covered.", "Table", "Table couverte.")
    start: Day = column("First day covered.", "Début", "Premier jour couvert.")
    end: Day = column("Last day covered, included.", "Fin", "Dernier jour couvert, compris.")


# pydantic reads the annotations of the model at run time, so what they name is imported for real.


ContextMeasure = Annotated[
    str,
    OneOf(
        {
            "mean_grade_12w": "moyenne des notes, 12 dernières semaines",
            "mean_grade_year": "moyenne des notes, année scolaire en cours",
            "absence_rate_4w": "taux d’absence, 4 dernières semaines",
            "absence_rate_year": "taux d’absence, année scolaire en cours",
        }
    ),
]


class ContextRow(Row):
    """A reference value of a class or a school on one day, made by ``build_context``; never of fewer than 5 pupils."""

    model_config = ConfigDict(
        json_schema_extra={"x-label": "Valeurs de référence des classes et des établissements"}
    )

    as_of: Day = column(
        "Day whose morning the value was made for; the row is not known before.",
        "Valeur au",
        "Date d’observation de la valeur : la ligne n’est pas connue avant.",
    )
    school_id: Uai = column("School.", "Établissement (UAI)", "Établissement.")
    class_id: Identifier | None = column(
        "Class, within the school and year; missing = the whole school.",
        "Classe",
        "Division ; vide pour l’établissement entier.",
        default=None,
    )
    subject: Subject | None = column(
        "Subject of a mean of marks; missing = all subjects together.",
        "Matière",
        "Matière d’une moyenne ; vide pour toutes les matières.",
        default=None,
    )
    measure: ContextMeasure = column(
        "Which value of the pupils: a feature of the catalogue.",
        "Mesure",
        "L’indicateur dont c’est la moyenne sur les élèves.",
    )
    value: float = column(
        "Mean of the measure over the pupils for whom it is known, each counting once.",
        "Valeur",
        "Moyenne sur les élèves dont la valeur est connue, chacun comptant une fois.",
        ge=0,
        le=20,
    )
    pupils: int = column(
        "Pupils in the mean, 5 or more.",
        "Élèves",
        "Élèves de la moyenne, 5 au moins : une valeur de moins de 5 élèves n’est pas transmise.",
        ge=5,
        le=100000,
    )


Kind = Literal["text", "day", "integer", "number", "flag", "choice"]

_KIND_OF_JSON_TYPE: Mapping[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "flag",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column.

    Attributes
    ----------
    name, kind : str
        Its name, and how its cells are read: ``text``, ``day``, ``integer``, ``number``, ``flag``, ``choice``.
    required : bool
        Whether the column must be there.
    nullable : bool
        Whether a cell may be missing. A missing cell of a column with a ``default`` takes the default.
    choices : tuple of str
        Allowed values of a ``choice``, in declared order; empty otherwise.
    labels : mapping of str to str
        What a school reads for each choice.
    minimum, maximum : float, date or None
        Bounds, allowed themselves unless ``above_minimum``.
    above_minimum : bool
        The minimum itself is not allowed.
    pattern, max_length : str, int or None
        What a text must match as a whole, and its longest length in characters.
    check : str or None
        A check that no pattern can say: ``"uai"`` is the check letter of a school number.
    words : mapping of str to str
        Words that stand in a column of numbers in real extracts, with the ``status`` that says the same.
    default : object
        Value of a missing column or cell, or None.
    description : str
        What it is, in English, for developers.
    label, meaning : str
        The same in French, for a school.
    """

    name: str
    kind: Kind
    required: bool
    nullable: bool
    choices: tuple[str, ...]
    labels: Mapping[str, str]
    minimum: float | date | None
    maximum: float | date | None
    above_minimum: bool
    pattern: str | None
    max_length: int | None
    check: str | None
    words: Mapping[str, str]
    default: object
    description: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One declared table.

    Attributes
    ----------
    name : str
        Its name: the key of a payload, the name of its file.
    model : type of BaseModel
        The pydantic model of one row: the declaration that everything else is read from.
    columns : tuple of Column
        In declared order.
    mandatory : bool
        Whether records cannot be without it (``pupils``, ``enrolments``).
    label : str
        What a school reads.

    Examples
    --------
    >>> TABLES["pupils"].column_names
    ('pupil_id', 'birth_date', 'sex')
    >>> TABLES["pupils"].required
    ('pupil_id',)
    """

    name: str
    model: type[BaseModel]
    columns: tuple[Column, ...]
    mandatory: bool
    label: str

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in declared order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """Names of the columns that may be left out."""
        return tuple(column.name for column in self.columns if not column.required)

    def __reduce__(self) -> tuple[Callable[[str], Table], tuple[str]]:
        # A declaration is never copied: what is read back in another process is the one that is declared there.
        return _declared_table, (self.name,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Table:
        return self

    def column(self, name: str) -> Column:
        """Find one column by its name (``KeyError`` if there is none)."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _declared_table(name: str) -> Table:
    return TABLES[name]


def declare_table(name: str, model: type[BaseModel], *, mandatory: bool = False) -> Table:
    """Read a table out of its row model, whose ``x-label`` is what a school reads."""
    schema = model.model_json_schema()
    required_names = set(schema.get("required", ()))
    columns = tuple(
        _column(column, facts, required=column in required_names)
        for column, facts in schema["properties"].items()
    )
    return Table(name, model, columns, mandatory, str(schema["x-label"]))


def _column(name: str, schema: dict[str, Any], *, required: bool) -> Column:
    branches = schema.get("anyOf", [schema])
    facts: dict[str, Any] = {
        **next(branch for branch in branches if branch.get("type") != "null"),
        **schema,
    }
    return Column(
        name=name,
        kind=_kind(facts),
        required=required,
        nullable=any(branch.get("type") == "null" for branch in branches),
        choices=tuple(facts.get("enum", ())),
        labels=MappingProxyType({choice: facts["x-labels"][choice] for choice in facts.get("enum", ())}),
        minimum=_day(facts.get("formatMinimum")) or facts.get("minimum", facts.get("exclusiveMinimum")),
        maximum=_day(facts.get("formatMaximum")) or facts.get("maximum"),
        above_minimum="exclusiveMinimum" in facts,
        pattern=facts.get("pattern"),
        max_length=facts.get("maxLength"),
        check=facts.get("x-check"),
        words=MappingProxyType(dict(facts.get("x-words", {}))),
        default=facts.get("default"),
        description=str(facts["description"]),
        label=str(facts["x-label"]),
        meaning=str(facts["x-meaning"]),
    )


def _kind(facts: Mapping[str, Any]) -> Kind:
    if "enum" in facts:
        return "choice"
    return "day" if facts.get("format") == "date" else _KIND_OF_JSON_TYPE[facts["type"]]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            declare_table("pupils", PupilRow, mandatory=True),
            declare_table("enrolments", EnrolmentRow, mandatory=True),
            declare_table("absences", AbsenceRow),
            declare_table("grades", GradeRow),
            declare_table("orientation", OrientationRow),
            declare_table("outcomes", OutcomeRow),
            declare_table("coverage", CoverageRow),
            declare_table("context", ContextRow),
        )
    }
)
"""Every table of the records, by name; ``outcomes`` is used for training only."""


@cache
def code_of(table: str, column: str, choice: str) -> int:
    """Position of ``choice`` among the declared choices of a column: its code in the sorted arrays."""
    return TABLES[table].column(column).choices.index(choice)
