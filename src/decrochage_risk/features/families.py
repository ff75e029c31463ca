"""The families of reasons: one reason each, in the order in which equal ones are told."""

from __future__ import annotations

from decrochage_risk.features.definition import Family

__all__ = [
    "ABSENCE_PATTERN",
    "FAMILIES",
    "LATENESS_EXCLUSIONS",
    "MARKS_CHANGE",
    "MARKS_LEVEL",
    "MISSED_WORK",
    "ORIENTATION",
    "PATH",
    "SINCE_4E",
    "UNJUSTIFIED",
]

UNJUSTIFIED = Family("unjustified_absences", "Absences non justifiées")
ABSENCE_PATTERN = Family("absence_pattern", "Rythme des absences")
LATENESS_EXCLUSIONS = Family("lateness_exclusions", "Retards et exclusions")
MARKS_LEVEL = Family("marks_level", "Niveau des notes")
MARKS_CHANGE = Family("marks_change", "Évolution des notes")
MISSED_WORK = Family("missed_work", "Évaluations non faites")
ORIENTATION = Family("orientation", "Orientation")
PATH = Family("path", "Parcours scolaire")
SINCE_4E = Family("path_since_4e", "Parcours depuis la 4e")

FAMILIES = (
    UNJUSTIFIED,
    ABSENCE_PATTERN,
    LATENESS_EXCLUSIONS,
    MARKS_LEVEL,
    MARKS_CHANGE,
    MISSED_WORK,
    ORIENTATION,
    PATH,
    SINCE_4E,
)
