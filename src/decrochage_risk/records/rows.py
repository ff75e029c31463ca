"""The row models of the records, one per table: the only place where a column is declared.

The column checks, the JSON schemas and the page ``docs/records.md`` are all derived from these models. To add a
column, add one field here and run ``docs/generate.py``.
"""

from __future__ import annotations

# pydantic reads the annotations of the models at run time, so what they name is imported for real.
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from decrochage_risk.records.kinds import Day, Identifier, OneOf, SchoolYear, Uai, column
from decrochage_risk.records.levels import LEVELS

__all__ = [
    "AbsenceRow",
    "CoverageRow",
    "EnrolmentRow",
    "GradeRow",
    "OrientationRow",
    "OutcomeRow",
    "PupilRow",
    "Row",
    "Subject",
]

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
