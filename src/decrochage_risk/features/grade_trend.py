"""Features read from ``grades``, beyond the contract: slopes, falls of subjects, missed work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import trajectory_kernels
from decrochage_risk.features.absence_facts import BLOCK_DAYS
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import code_of, ratio
from decrochage_risk.features.families import MARKS_CHANGE, MARKS_LEVEL, MISSED_WORK, NOT_TOLD
from decrochage_risk.features.grades import LOW_MARK, change_in_marks
from decrochage_risk.features.mark_facts import (
    missed_share,
    period_average_change,
    subject_falls,
    subject_means,
)
from decrochage_risk.features.sources import (
    ABC,
    ALLENSWORTH_EASTON,
    BOWERS,
    BOWERS_GRADES,
    CEREQ,
    GPDS,
)
from decrochage_risk.features.windows import BEFORE_12W, LAST_12W, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

    Floats = npt.NDArray[np.float64]

__all__ = ["GRADE_TREND_FEATURES"]

LEAST_MARKS = 4
"""Marks under which neither a slope nor a spread is known."""

GENERAL_CORE = ("french", "maths", "modern_language_1")


def _slope(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    marks, events = facts.marks, facts.mark_events
    return trajectory_kernels.slope_of_rows(
        events.day, marks.mark, marks.coefficient, events.bound(first), events.bound(after), LEAST_MARKS,
        float(BLOCK_DAYS),
    )  # fmt: skip


def _volatility(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    events = facts.mark_events
    return trajectory_kernels.spread_of_rows(
        facts.marks.mark, events.bound(first), events.bound(after), LEAST_MARKS
    )


def _low_share_change(facts: Facts) -> Floats:
    return facts.mark_share(LOW_MARK, *LAST_12W.span(facts.known)) - facts.mark_share(
        LOW_MARK, *BEFORE_12W.span(facts.known)
    )


def _subjects_below(facts: Facts) -> Floats:
    means = subject_means(facts, YEAR)
    return np.where(np.isnan(means).all(axis=1), np.nan, (means < LOW_MARK).sum(axis=1))


def _core_mean(facts: Facts) -> Floats:
    # Added one subject after the other, so that the sum does not depend on how many pupils there are.
    means = subject_means(facts, YEAR)
    total, known = np.zeros(facts.pupils), np.zeros(facts.pupils)
    for subject in GENERAL_CORE:
        column = means[:, code_of("grades", "subject", subject)]
        total += np.where(np.isnan(column), 0.0, column)
        known += ~np.isnan(column)
    return ratio(total, known)


def _professional_mean(facts: Facts) -> Floats:
    column: Floats = subject_means(facts, YEAR)[:, code_of("grades", "subject", "professional")].copy()
    return column


GRADE_TREND_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="grade_slope_year",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="points",
        direction=-1,
        source=f"{BOWERS_GRADES} ; {BOWERS}",
        definition=(
            "Pente des notes de l'année, en points par 4 semaines (droite des moindres carrés, notes sur 20 pondérées par leur "
            "coefficient). Inconnu sous 4 notes, ou si elles sont toutes du même jour."
        ),
        compute=_slope,
        wording=change_in_marks(
            "notes en hausse de {value} {noun} toutes les 4 semaines, en moyenne, {since}",
            "notes en baisse de {value} {noun} toutes les 4 semaines, en moyenne, {since}",
            "notes ni en hausse ni en baisse, en moyenne, {since}",
        ),
    ),
    Feature(
        name="term_average_change",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="points",
        direction=-1,
        source=f"{ALLENSWORTH_EASTON} ; {BOWERS_GRADES}",
        definition=(
            "Dernière moyenne de période de chaque matière moins la précédente de l'année, en moyenne sur les matières qui en "
            "ont deux (celles d'un même jour comptent pour leur moyenne). Inconnu s'il n'y en a pas."
        ),
        compute=period_average_change,
        wording=change_in_marks(
            "moyennes du trimestre ou du semestre en hausse de {value} {noun}, en moyenne, par rapport au précédent (au "
            "{as_of})",
            "moyennes du trimestre ou du semestre en baisse de {value} {noun}, en moyenne, par rapport au précédent (au "
            "{as_of})",
            "moyennes du trimestre ou du semestre stables, en moyenne, par rapport au précédent (au {as_of})",
        ),
    ),
    Feature(
        name="worst_subject_fall_12w",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="points",
        direction=-1,
        source=f"{GPDS} ; {BOWERS_GRADES}",
        definition=(
            "De toutes les matières, la plus basse des évolutions (moyenne des 12 dernières semaines moins celle du début de "
            "l'année) comparée à l'évolution moyenne des autres matières de l'élève. Inconnu sous 2 matières notées dans les "
            "deux périodes."
        ),
        latest=LAST_12W,
        compute=lambda facts: subject_falls(facts)[1],
        wording=Wording(
            "dans une matière, évolution de la moyenne supérieure de {value} {noun} à celle des autres {lately}, par "
            "rapport à la période {earlier}",
            noun=("point", "points"),
            zero=(
                "même évolution de la moyenne dans toutes les matières {lately}, par rapport à la période {earlier}"
            ),
            negative=(
                "dans une matière, évolution de la moyenne inférieure de {value} {noun} à celle des autres {lately}, par "
                "rapport à la période {earlier}"
            ),
            recent=LAST_12W,
        ),
    ),
    Feature(
        name="subjects_falling_12w",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="subjects",
        direction=1,
        source=f"{GPDS} ; {BOWERS_GRADES}",
        definition=(
            "Matières dont la moyenne des 12 dernières semaines est inférieure de 2 points ou plus à celle du début de "
            "l'année. Inconnu si aucune matière n'est notée dans les deux périodes."
        ),
        latest=LAST_12W,
        compute=lambda facts: subject_falls(facts)[0],
        wording=Wording(
            "{value} {noun} de 2 points ou plus {lately}, par rapport à la période {earlier}",
            noun=("matière en baisse", "matières en baisse"),
            zero="aucune matière en baisse de 2 points ou plus {lately}, par rapport à la période {earlier}",
            recent=LAST_12W,
        ),
    ),
    Feature(
        name="low_marks_share_change",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="share_points",
        direction=1,
        source=BOWERS,
        definition=(
            "Part des notes inférieures à 8/20 sur les 12 dernières semaines moins cette part au début de l'année. Inconnu si "
            "l'une des deux l'est."
        ),
        latest=LAST_12W,
        compute=_low_share_change,
        wording=Wording(
            "part des notes sous 8/20 : {value} {noun} de plus {lately} que {earlier}",
            noun=("point", "points"),
            zero="part des notes sous 8/20 : la même {lately} que {earlier}",
            negative="part des notes sous 8/20 : {value} {noun} de moins {lately} que {earlier}",
            recent=LAST_12W,
        ),
    ),
    Feature(
        name="grade_volatility_year",
        family=NOT_TOLD,
        table="grades",
        window=YEAR,
        unit="points",
        direction=0,
        source=BOWERS,
        definition="Écart type des notes de l'année, sur 20, sans pondération. Inconnu sous 4 notes.",
        compute=_volatility,
        wording=Wording(
            "notes dispersées de {value} {noun} autour de leur moyenne {since}", noun=("point", "points")
        ),
    ),
    Feature(
        name="subjects_below_8_year",
        family=MARKS_LEVEL,
        table="grades",
        window=YEAR,
        unit="subjects",
        direction=1,
        source=f"{ABC} ; {ALLENSWORTH_EASTON}",
        definition="Matières dont la moyenne de l'année est inférieure à 8/20. Inconnu sans aucune moyenne.",
        compute=_subjects_below,
        wording=Wording(
            "{value} {noun} {since}",
            noun=("matière sous 8/20 de moyenne", "matières sous 8/20 de moyenne"),
            zero="aucune matière sous 8/20 de moyenne {since}",
        ),
    ),
    Feature(
        name="core_mean_year",
        family=MARKS_LEVEL,
        table="grades",
        window=YEAR,
        unit="/20",
        direction=-1,
        source=f"{ABC} ; {ALLENSWORTH_EASTON}",
        definition=(
            "Moyenne des moyennes de l'année en français, mathématiques et langue vivante 1, parmi celles que l'élève a."
        ),
        compute=_core_mean,
        wording=Wording(
            "moyenne de {value} dans les matières notées parmi français, mathématiques et langue vivante 1 {since}"
        ),
    ),
    Feature(
        name="professional_mean_year",
        family=MARKS_LEVEL,
        table="grades",
        window=YEAR,
        unit="/20",
        direction=-1,
        source=CEREQ,
        definition="Moyenne de l'année dans les enseignements professionnels. Inconnu sans note dans ces matières.",
        compute=_professional_mean,
        wording=Wording("moyenne de {value} dans les enseignements professionnels {since}"),
    ),
    Feature(
        name="missed_work_share_12w",
        family=MISSED_WORK,
        table="grades",
        window=LAST_12W,
        unit="share",
        direction=1,
        source=f"{GPDS} ; {CEREQ}",
        definition=(
            "Évaluations non faites ou travaux non rendus, rapportés à leur somme avec les notes, sur les 12 dernières "
            "semaines. Inconnu sans évaluation."
        ),
        compute=lambda facts: missed_share(facts, LAST_12W),
        wording=Wording(
            "{value} des évaluations et des travaux non faits ou non rendus {since}",
            zero="aucune évaluation non faite, aucun travail non rendu {since}",
        ),
    ),
    Feature(
        name="missed_work_share_change",
        family=MISSED_WORK,
        table="grades",
        window=YEAR,
        unit="share_points",
        direction=1,
        source=f"{GPDS} ; {BOWERS}",
        definition=(
            "Part des évaluations non faites ou non rendues sur les 12 dernières semaines moins cette part au début de "
            "l'année. Inconnu si l'une des deux l'est."
        ),
        latest=LAST_12W,
        compute=lambda facts: missed_share(facts, LAST_12W) - missed_share(facts, BEFORE_12W),
        wording=Wording(
            "part des évaluations et des travaux non faits ou non rendus : {value} {noun} de plus {lately} que {earlier}",
            noun=("point", "points"),
            zero="part des évaluations et des travaux non faits ou non rendus : la même {lately} que {earlier}",
            negative=(
                "part des évaluations et des travaux non faits ou non rendus : {value} {noun} de moins {lately} que {earlier}"
            ),
            recent=LAST_12W,
        ),
    ),
)
"""Slopes, falls of subjects, missed work."""
