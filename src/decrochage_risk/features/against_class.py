"""What the table ``context`` says of each pupil's class and school: references, made once, never out of this batch.

Features that set a pupil against the class or the school: NaN without the table ``context``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.features.definition import AGAINST_CLASS, BOWERS, BOWERS_GRADES, CEREQ, Feature
from decrochage_risk.features.event_windows import subject_means
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.windows import LAST_4W, LAST_12W, YEAR
from decrochage_risk.features.wording import Wording
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.records.time_cut import KnownRecords

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


__all__ = ["AGAINST_CLASS_FEATURES", "ENVIRONMENT_COLUMNS", "SUBJECTS", "ReferenceValues", "environment_of"]

ENVIRONMENT_COLUMNS: Final = ("context_school_absence_rate", "context_school_mean_grade")
"""Context columns out of the table ``context``."""

MEASURES: Final = TABLES["context"].column("measure").choices
SUBJECTS: Final = TABLES["context"].column("subject").choices
_ALL_SUBJECTS = -1


class ReferenceValues:
    """The latest values of this school year, as they were known on the as-of date.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date; without the table ``context``, every value is NaN.
    """

    def __init__(self, known: KnownRecords) -> None:
        rows = known.arrays.enrolments
        # School and class as one number: place 0 of a school is the school itself, its classes follow.
        classes = int(rows.classroom.max(initial=-1)) + 2
        # A pupil who left is set against nobody: the values are those of the pupils who are there.
        school = np.where(known.enrolled, known.school, -1).astype(np.int64)
        classroom = np.append(rows.classroom, np.int32(-1))[known.current_enrolment].astype(np.int64)
        self._places, self._values = _latest(known, classes)
        self._class = self._position(
            np.where((school < 0) | (classroom < 0), -1, school * classes + classroom + 1)
        )
        self._school = self._position(np.where(school < 0, -1, school * classes))

    def of_class(self, measure: str, subject: int = _ALL_SUBJECTS) -> Floats:
        """Value of each pupil's class; NaN for a pupil who is not enrolled or whose class is not known."""
        return self._of(self._class, measure, subject)

    def of_school(self, measure: str) -> Floats:
        """Value of each pupil's school; NaN for a pupil who is not enrolled."""
        return self._of(self._school, measure, _ALL_SUBJECTS)

    def _of(self, line: Ints, measure: str, subject: int) -> Floats:
        column = (subject + 1) * len(MEASURES) + MEASURES.index(measure)
        values: Floats = self._values[line, column]
        return values

    def _position(self, places: Ints) -> Ints:
        """Line of each place in the values; the last line, of NaN, for one without values."""
        at = np.searchsorted(self._places, places).astype(np.int64)
        # -2 is no place at all, -1 that of nobody: past the end nothing may match.
        is_there = np.append(self._places, -2)[at] == places
        return np.where(is_there, at, self._places.size)


def _latest(known: KnownRecords, classes: int) -> tuple[Ints, Floats]:
    """Places (schools and classes, sorted) and their latest values of the year, one more line of NaN at the end."""
    context = known.arrays.context
    columns = len(MEASURES) * (len(SUBJECTS) + 1)
    if context is None:
        return np.zeros(0, dtype=np.int64), np.full((1, columns), np.nan)
    # Classes are formed anew each September: last year's value is that of other pupils.
    rows = context.take(context.day >= known.year_start_day)
    rows = rows.take(np.argsort(rows.day, kind="stable"))
    place, line = np.unique(rows.school.astype(np.int64) * classes + rows.classroom + 1, return_inverse=True)
    values = np.full((place.size + 1, columns), np.nan)
    # Rows are sorted by day: of several, the latest is written last and stays.
    values[line, (rows.subject.astype(np.int64) + 1) * len(MEASURES) + rows.measure] = rows.value
    return place, values


def environment_of(known: KnownRecords) -> Floats:
    """Values of each pupil's school for the context of the risk, (pupils, columns of ``ENVIRONMENT_COLUMNS``)."""
    if known.arrays.context is None:
        # NaN, not 0: the model has a place of its own for what is not known.
        return np.full((known.pupil_count, len(ENVIRONMENT_COLUMNS)), np.nan)
    values = ReferenceValues(known)
    return np.stack([values.of_school("absence_rate_year"), values.of_school("mean_grade_year")], axis=1)


def _references(facts: Facts) -> ReferenceValues:
    return facts.once("reference values", lambda: ReferenceValues(facts.known))


def _unknown(facts: Facts) -> Floats:
    return np.full(facts.pupils, np.nan)


def _marks_12w(facts: Facts) -> Floats:
    if not facts.has("context"):
        return _unknown(facts)
    return facts.mean_mark(*LAST_12W.span(facts.known)) - _references(facts).of_class("mean_grade_12w")


def _worst_subject(facts: Facts) -> Floats:
    worst = _unknown(facts)
    if not facts.has("context"):
        return worst
    means = subject_means(facts, YEAR)
    # Subjects that nobody here has are passed over; the others are looked up pupil by pupil all the same.
    for subject in np.flatnonzero(~np.isnan(means).all(axis=0)):
        gap = means[:, subject] - _references(facts).of_class("mean_grade_year", int(subject))
        # fmin passes over NaN: one subject without a class value does not hide the others.
        worst = np.fmin(worst, gap)
    return worst


def _absence_in_class(facts: Facts) -> Floats:
    if not facts.has("context"):
        return _unknown(facts)
    return facts.absence_rate(*YEAR.span(facts.known)) - _references(facts).of_class("absence_rate_year")


def _absence_in_school(facts: Facts) -> Floats:
    if not facts.has("context"):
        return _unknown(facts)
    return facts.absence_rate(*LAST_4W.span(facts.known)) - _references(facts).of_school("absence_rate_4w")


_FROM_CONTEXT = (
    "La valeur de référence est la dernière connue de l'année dans la table `context`, qui compte au moins 5 élèves. Inconnu "
    "sans elle."
)

AGAINST_CLASS_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="grade_against_class_12w",
        family=AGAINST_CLASS,
        table="grades",
        window=LAST_12W,
        unit="points",
        direction=-1,
        source=BOWERS_GRADES,
        definition=f"Moyenne des notes des 12 dernières semaines moins celle de la classe. {_FROM_CONTEXT}",
        compute=_marks_12w,
        wording=change_in_marks(
            "moyenne supérieure de {value} {noun} à celle de la classe sur les 12 dernières semaines (au {as_of})",
            "moyenne inférieure de {value} {noun} à celle de la classe sur les 12 dernières semaines (au {as_of})",
            "moyenne égale à celle de la classe sur les 12 dernières semaines (au {as_of})",
        ),
    ),
    Feature(
        name="worst_subject_against_class_year",
        family=AGAINST_CLASS,
        table="grades",
        window=YEAR,
        unit="points",
        direction=-1,
        source=BOWERS_GRADES,
        definition=(
            "De toutes les matières, le plus bas des écarts entre la moyenne de l'année de l'élève et celle de la classe. "
            f"{_FROM_CONTEXT}"
        ),
        compute=_worst_subject,
        wording=change_in_marks(
            "dans chaque matière, moyenne supérieure d'au moins {value} {noun} à celle de la classe (au {as_of})",
            "dans une matière, moyenne inférieure de {value} {noun} à celle de la classe (au {as_of})",
            "dans chaque matière, moyenne au moins égale à celle de la classe (au {as_of})",
        ),
    ),
    Feature(
        name="absence_rate_against_class_year",
        family=AGAINST_CLASS,
        table="absences",
        window=YEAR,
        unit="share_points",
        direction=1,
        source=f"{BOWERS} ; {CEREQ}",
        definition=f"Taux d'absence de l'année moins celui de la classe. {_FROM_CONTEXT}",
        compute=_absence_in_class,
        wording=Wording(
            "taux d'absence supérieur de {value} {noun} à celui de la classe cette année (au {as_of})",
            noun=("point", "points"),
            zero="taux d'absence égal à celui de la classe cette année (au {as_of})",
            negative="taux d'absence inférieur de {value} {noun} à celui de la classe cette année (au {as_of})",
        ),
    ),
    Feature(
        name="absence_rate_against_school_4w",
        family=AGAINST_CLASS,
        table="absences",
        window=LAST_4W,
        unit="share_points",
        direction=1,
        source=f"{BOWERS} ; {CEREQ}",
        definition=f"Taux d'absence des 4 dernières semaines moins celui de l'établissement. {_FROM_CONTEXT}",
        compute=_absence_in_school,
        wording=Wording(
            "taux d'absence supérieur de {value} {noun} à celui de l'établissement sur les 4 dernières semaines (au {as_of})",
            noun=("point", "points"),
            zero="taux d'absence égal à celui de l'établissement sur les 4 dernières semaines (au {as_of})",
            negative=(
                "taux d'absence inférieur de {value} {noun} à celui de l'établissement sur les 4 dernières semaines (au "
                "{as_of})"
            ),
        ),
    ),
)
"""A pupil's marks and absences against those of the class or the school."""
