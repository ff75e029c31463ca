"""Features that set a pupil against the class or the school: NaN without the table ``context``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.definition import Feature
from decrochage_risk.features.environment import ReferenceValues
from decrochage_risk.features.families import AGAINST_CLASS
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.mark_facts import subject_means
from decrochage_risk.features.sources import BOWERS, BOWERS_GRADES, CEREQ
from decrochage_risk.features.windows import LAST_4W, LAST_12W, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

    Floats = npt.NDArray[np.float64]

__all__ = ["AGAINST_CLASS_FEATURES"]


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
    for subject in np.flatnonzero(~np.isnan(means).all(axis=0)):
        gap = means[:, subject] - _references(facts).of_class("mean_grade_year", int(subject))
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
