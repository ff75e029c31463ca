"""The families of reasons: one reason each, in the order in which equal ones are told.

The last one is never told: what it holds says how much is known of a pupil, is not fit to be said (an absence that is
justified is nobody's fault), or has no declared direction (scattered marks would be a point of attention for one pupil and of
support for the next). What it adds to a risk is part of "autres éléments".

How much a pupil is absent is one family, whether it is counted in all half-days or in those without a reason: the two
counts move together, and a model that learnt from other pupils shares the same risk otherwise between them. As families
of their own they took each other's place among the first reasons (`benchmarks/reasons.py`, Jaccard@3 across refits).
"""

from __future__ import annotations

from decrochage_risk.features.definition import Family

__all__ = [
    "ABSENCE_LEVEL",
    "ABSENCE_PATTERN",
    "AGAINST_CLASS",
    "ASSESSMENT_RHYTHM",
    "FAMILIES",
    "LATENESS_EXCLUSIONS",
    "MARKS_CHANGE",
    "MARKS_LEVEL",
    "MISSED_WORK",
    "NOT_TOLD",
    "ORIENTATION",
    "PATH",
    "SINCE_4E",
]

ABSENCE_LEVEL = Family("absence_level", "Volume des absences")
ABSENCE_PATTERN = Family("absence_pattern", "Rythme des absences")
LATENESS_EXCLUSIONS = Family("lateness_exclusions", "Retards et exclusions")
MARKS_LEVEL = Family("marks_level", "Niveau des notes")
MARKS_CHANGE = Family("marks_change", "Évolution des notes")
MISSED_WORK = Family("missed_work", "Évaluations non faites")
ASSESSMENT_RHYTHM = Family("assessment_rhythm", "Rythme des évaluations")
AGAINST_CLASS = Family("against_class", "Écart avec la classe")
ORIENTATION = Family("orientation", "Orientation")
PATH = Family("path", "Parcours scolaire")
SINCE_4E = Family("path_since_4e", "Années précédentes")
NOT_TOLD = Family("not_told", "Éléments jamais donnés comme motif", told=False)

FAMILIES = (
    ABSENCE_LEVEL,
    ABSENCE_PATTERN,
    LATENESS_EXCLUSIONS,
    MARKS_LEVEL,
    MARKS_CHANGE,
    MISSED_WORK,
    ASSESSMENT_RHYTHM,
    AGAINST_CLASS,
    ORIENTATION,
    PATH,
    SINCE_4E,
    NOT_TOLD,
)
