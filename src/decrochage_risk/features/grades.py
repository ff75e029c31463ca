"""Features read from ``grades``: level of marks, change in marks, missed work, and how often marks come.

First those of the contract; then, beyond it, slopes, falls of subjects and missed work; last the rhythm of assessments: a
pupil who is silent, week after week, is seen here and in no absence. A rhythm counts attendable days only: on placement
or excluded, no mark could come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import kernels
from decrochage_risk.features.definition import (
    ABC,
    ALLENSWORTH_EASTON,
    ASSESSMENT_RHYTHM,
    BOWERS,
    BOWERS_GRADES,
    CEREQ,
    GPDS,
    JANOSZ,
    MARKS_CHANGE,
    MARKS_LEVEL,
    MISSED_WORK,
    NOT_TOLD,
    Feature,
)
from decrochage_risk.features.event_windows import (
    BLOCK_DAYS,
    FALL,
    a_week,
    attended_weeks,
    enrolled_sum_from,
    mark_count,
    missed_count,
    missed_rows,
    missed_share,
    period_average_change,
    ratio,
    subject_changes,
    subject_falls,
    subject_means,
    subject_names,
)
from decrochage_risk.features.windows import (
    BEFORE_12W,
    LAST_4W,
    LAST_12W,
    PREVIOUS_YEAR,
    YEAR,
    YEAR_AND_PREVIOUS,
)
from decrochage_risk.features.wording import Companion, Wording
from decrochage_risk.records.table_schemas import code_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.features.windows import Window

    Floats = npt.NDArray[np.float64]


__all__ = [
    "ASSESSMENT_RHYTHM_FEATURES",
    "CORE_SUBJECTS",
    "GRADE_FEATURES",
    "GRADE_TREND_FEATURES",
    "LOW_MARK",
    "change_in_marks",
]

LOW_MARK = 8.0
"""A mark under this, on 20, is a low one (FEATURES)."""

CORE_SUBJECTS = ("french", "maths", "modern_language_1", "professional")
_MARKS = "Notes ramenées sur 20, pondérées par leur coefficient ; les moyennes de période ne servent que sans évaluation."


def change_in_marks(rise: str, fall: str, stable: str, recent: Window | None = None) -> Wording:
    """Words of a change in marks, told by its sign."""
    return Wording(rise, noun=("point", "points"), zero=stable, negative=fall, recent=recent)


_MEAN_BEFORE = Companion(
    "before", "grades", BEFORE_12W, lambda facts: facts.mean_mark(*BEFORE_12W.span(facts.known))
)


def _mean_mark(window: Window) -> Feature:
    return Feature(
        name=f"mean_grade_{window.name}",
        family=MARKS_LEVEL,
        table="grades",
        window=window,
        unit="/20",
        direction=-1,
        source=f"{BOWERS_GRADES} ; {ALLENSWORTH_EASTON}",
        definition=f"Moyenne des notes, {window.label}. {_MARKS}",
        compute=lambda facts: facts.mean_mark(*window.span(facts.known)),
        wording=Wording(
            "moyenne des notes de {value} {since}", companion=_MEAN_BEFORE if window is LAST_12W else None
        ),
    )


def _term_change(facts: Facts) -> npt.NDArray[np.float64]:
    return facts.mean_mark(*LAST_12W.span(facts.known)) - facts.mean_mark(*BEFORE_12W.span(facts.known))


def _change_last_year(facts: Facts) -> npt.NDArray[np.float64]:
    return facts.mean_mark(*YEAR.span(facts.known)) - facts.mean_mark(*PREVIOUS_YEAR.span(facts.known))


def _lowest_core(facts: Facts) -> npt.NDArray[np.float64]:
    means = subject_means(facts, YEAR)
    columns = [code_of("grades", "subject", subject) for subject in CORE_SUBJECTS]
    # fmin passes over NaN, and numpy's nanmin would warn of pupils without any.
    lowest: npt.NDArray[np.float64] = np.fmin.reduce(means[:, columns], axis=1)
    return lowest


def _lowest_core_subject(facts: Facts) -> npt.NDArray[np.object_]:
    columns = [code_of("grades", "subject", subject) for subject in CORE_SUBJECTS]
    means = subject_means(facts, YEAR)[:, columns]
    # All subjects that tie are named: which one came first would hang on the order of the columns.
    return subject_names(means == np.fmin.reduce(means, axis=1)[:, None], columns)


def _subject_spread(facts: Facts) -> npt.NDArray[np.float64]:
    means = subject_means(facts, YEAR)
    has_mean = ~np.isnan(means)
    count = has_mean.sum(axis=1)
    # Against a division by zero; what has fewer than two subjects is NaN below.
    safe = np.maximum(count, 1)
    centre = np.where(has_mean, means, 0.0).sum(axis=1) / safe
    squares = np.where(has_mean, (means - centre[:, None]) ** 2, 0.0).sum(axis=1)
    return np.where(count > 1, np.sqrt(squares / safe), np.nan)


def _missed_assessments(window: Window) -> Callable[[Facts], npt.NDArray[np.float64]]:
    return lambda facts: facts.grade_events.sum("missed", missed_rows(facts), *window.span(facts.known))


GRADE_FEATURES: tuple[Feature, ...] = (
    _mean_mark(LAST_12W),
    _mean_mark(YEAR),
    Feature(
        name="grade_change_term",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR,
        unit="points",
        direction=-1,
        source=f"{BOWERS_GRADES} ; {BOWERS}",
        definition=(
            "Moyenne des 12 dernières semaines moins celle du début de l'année, du 1er septembre jusqu'à 12 semaines avant la date. Inconnu si l'une des "
            f"deux l'est. {_MARKS}"
        ),
        latest=LAST_12W,
        compute=_term_change,
        wording=change_in_marks(
            "moyenne en hausse de {value} {noun} {lately}, par rapport à la période {earlier}",
            "moyenne en baisse de {value} {noun} {lately}, par rapport à la période {earlier}",
            "moyenne stable {lately}, par rapport à la période {earlier}",
            LAST_12W,
        ),
    ),
    Feature(
        name="grade_change_last_year",
        family=MARKS_CHANGE,
        table="grades",
        window=YEAR_AND_PREVIOUS,
        unit="points",
        direction=-1,
        source=f"{BOWERS_GRADES} ; {BOWERS}",
        definition=f"Moyenne de l'année scolaire en cours moins celle de l'année précédente. {_MARKS}",
        compute=_change_last_year,
        wording=change_in_marks(
            "moyenne de l'année en hausse de {value} {noun} par rapport à l'année précédente (au {as_of})",
            "moyenne de l'année en baisse de {value} {noun} par rapport à l'année précédente (au {as_of})",
            "moyenne de l'année stable par rapport à l'année précédente (au {as_of})",
        ),
    ),
    Feature(
        name="lowest_core_grade_year",
        family=MARKS_LEVEL,
        table="grades",
        window=YEAR,
        unit="/20",
        direction=-1,
        source=f"{ALLENSWORTH_EASTON} ; {ABC}",
        definition=(
            "Plus basse des moyennes de l'année en français, mathématiques, langue vivante 1 et enseignement "
            f"professionnel, parmi celles que l'élève a. {_MARKS}"
        ),
        compute=_lowest_core,
        wording=Wording(
            "plus basse des moyennes des matières principales{subject} {since} : {value}",
            subjects=_lowest_core_subject,
        ),
    ),
    Feature(
        name="low_marks_share_12w",
        family=MARKS_LEVEL,
        table="grades",
        window=LAST_12W,
        unit="share",
        direction=1,
        source=ALLENSWORTH_EASTON,
        definition="Part des notes inférieures à 8/20 parmi celles des 12 dernières semaines, sans pondération.",
        compute=lambda facts: facts.mark_share(LOW_MARK, *LAST_12W.span(facts.known)),
        wording=Wording(
            "{value} de notes sous 8/20 {since}",
            zero="aucune note sous 8/20 {since}",
            noun=("note", "notes"),
            counted="{count} {noun} sous 8/20 sur {whole}, soit {value}, {since}",
            whole=lambda facts: mark_count(facts, LAST_12W),
        ),
    ),
    Feature(
        name="subject_spread_year",
        family=NOT_TOLD,
        table="grades",
        window=YEAR,
        unit="points",
        direction=0,
        source=BOWERS,
        definition=f"Écart type entre les moyennes des matières de l'année. Inconnu sous 2 matières. {_MARKS}",
        compute=_subject_spread,
        wording=Wording(
            "moyennes des matières dispersées de {value} {noun} autour de leur moyenne {since}",
            noun=("point", "points"),
        ),
    ),
    Feature(
        name="missed_assessments_12w",
        family=MISSED_WORK,
        table="grades",
        window=LAST_12W,
        unit="events",
        direction=1,
        source=f"{GPDS} ; {CEREQ}",
        definition="Évaluations non faites ou travaux non rendus au cours des 12 dernières semaines.",
        compute=_missed_assessments(LAST_12W),
        needs_attendance=True,
        wording=Wording(
            "{value} {noun} {since}",
            noun=(
                "évaluation non faite ou travail non rendu",
                "évaluations non faites ou travaux non rendus",
            ),
            zero="aucune évaluation non faite, aucun travail non rendu {since}",
            companion=Companion(
                "part", "grades", LAST_4W, _missed_assessments(LAST_4W), none="aucun", whole="tous"
            ),
        ),
    ),
)


LEAST_MARKS = 4
"""Marks under which neither a slope nor a spread is known."""

GENERAL_CORE = ("french", "maths", "modern_language_1")
_GENERAL_CORE = np.array([code_of("grades", "subject", subject) for subject in GENERAL_CORE])


def _slope(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    marks, events = facts.marks, facts.mark_events
    return kernels.slope_of_rows(
        events.day, marks.mark, marks.coefficient, events.bound(first), events.bound(after), LEAST_MARKS,
        float(BLOCK_DAYS),
    )  # fmt: skip


def _volatility(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    events = facts.mark_events
    return kernels.spread_of_rows(facts.marks.mark, events.bound(first), events.bound(after), LEAST_MARKS)


def _low_share_change(facts: Facts) -> Floats:
    return facts.mark_share(LOW_MARK, *LAST_12W.span(facts.known)) - facts.mark_share(
        LOW_MARK, *BEFORE_12W.span(facts.known)
    )


def _subjects_below(facts: Facts) -> Floats:
    means = subject_means(facts, YEAR)
    # A comparison with NaN is false, so a pupil without any mean would count 0 subjects.
    return np.where(np.isnan(means).all(axis=1), np.nan, (means < LOW_MARK).sum(axis=1))


def _subjects_below_8(facts: Facts) -> npt.NDArray[np.object_]:
    return subject_names(subject_means(facts, YEAR) < LOW_MARK)


def _falling_subjects(facts: Facts) -> npt.NDArray[np.object_]:
    return subject_names(subject_changes(facts) <= -FALL)


def _worst_fall_subject(facts: Facts) -> npt.NDArray[np.object_]:
    changes = subject_changes(facts)
    return subject_names(changes == np.fmin.reduce(changes, axis=1)[:, None])


def _core_mean(facts: Facts) -> Floats:
    # Added one subject after the other, so that the sum does not depend on how many pupils there are.
    return kernels.mean_of_columns(subject_means(facts, YEAR), _GENERAL_CORE)


def _professional_mean(facts: Facts) -> Floats:
    # A copy: the means are shared between features.
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
            "dans une matière{subject}, moyenne qui évolue de {value} {noun} de plus que celle des autres {lately}, par "
            "rapport à la période {earlier}",
            noun=("point", "points"),
            zero=(
                "même évolution de la moyenne dans toutes les matières {lately}, par rapport à la période {earlier}"
            ),
            negative=(
                "dans une matière{subject}, moyenne qui évolue de {value} {noun} de moins que celle des autres {lately}, par "
                "rapport à la période {earlier}"
            ),
            recent=LAST_12W,
            subjects=_worst_fall_subject,
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
            "{value} {noun} de 2 points ou plus{subject} {lately}, par rapport à la période {earlier}",
            noun=("matière en baisse", "matières en baisse"),
            zero="aucune matière en baisse de 2 points ou plus {lately}, par rapport à la période {earlier}",
            recent=LAST_12W,
            subjects=_falling_subjects,
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
            "{value} {noun}{subject} {since}",
            noun=("matière sous 8/20 de moyenne", "matières sous 8/20 de moyenne"),
            zero="aucune matière sous 8/20 de moyenne {since}",
            subjects=_subjects_below_8,
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
            "moyenne de {value} en français, mathématiques et langue vivante 1 (matières notées) {since}"
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
            noun=(
                "évaluation ou travail non fait ou non rendu",
                "évaluations ou travaux non faits ou non rendus",
            ),
            counted="{count} {noun} sur {whole}, soit {value}, {since}",
            whole=lambda facts: missed_count(facts, LAST_12W) + mark_count(facts, LAST_12W),
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


def _days_since_mark(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    events = facts.mark_events
    low, high = events.bound(first), events.bound(after)
    has_mark = high > low
    # One zero more, so that pupils without a row read something; has_mark decides what counts.
    day = np.where(has_mark, np.append(events.day, 0)[np.maximum(high - 1, 0)].astype(np.int64) + 1, after)
    away_days = facts.barred_days
    since = kernels.first_row_from(away_days.day, away_days.starts, day)
    days = enrolled_sum_from(facts, "days", day, after) - (away_days.bound(after) - since)
    return np.where(has_mark, days, np.nan)


def _quiet_weeks(facts: Facts) -> Floats:
    weeks = attended_weeks(facts, LAST_12W)
    with_mark = facts.weeks_with(facts.mark_events, np.ones(len(facts.marks)), LAST_12W)
    return ratio(weeks - with_mark, weeks)


def _marks_a_week_change(facts: Facts) -> Floats:
    def rhythm(window: Window) -> Floats:
        return a_week(facts, mark_count(facts, window), window)

    return rhythm(LAST_12W) - rhythm(BEFORE_12W)


_EXPECTED = "La présence n'est attendue ni en milieu professionnel ni pendant une exclusion, telles que la table `absences` les donne."


ASSESSMENT_RHYTHM_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="school_days_since_mark",
        family=ASSESSMENT_RHYTHM,
        table="grades",
        window=YEAR,
        unit="days",
        direction=1,
        source=f"{JANOSZ} ; {GPDS}",
        definition=(
            "Jours de classe où la présence était attendue, au moins une demi-journée, depuis le lendemain de la dernière note "
            f"de l'année. Inconnu sans note dans l'année. {_EXPECTED}"
        ),
        revision=2,
        latest=LAST_4W,
        compute=_days_since_mark,
        wording=Wording(
            "{value} {noun} depuis la dernière note (au {as_of})",
            noun=("jour de classe à suivre", "jours de classe à suivre"),
            zero="aucun jour de classe à suivre depuis la dernière note (au {as_of})",
        ),
    ),
    Feature(
        name="quiet_weeks_share_12w",
        family=ASSESSMENT_RHYTHM,
        table="grades",
        window=LAST_12W,
        unit="share",
        direction=1,
        source=f"{JANOSZ} ; {GPDS}",
        definition=(
            "Des semaines (lundi à dimanche) des 12 dernières où la présence était attendue au moins une demi-journée, la "
            f"part de celles qui n'ont aucune note. Inconnu sans telle semaine. {_EXPECTED}"
        ),
        revision=2,
        compute=_quiet_weeks,
        wording=Wording(
            "aucune note dans {value} des semaines de classe {since}",
            noun=("semaine de classe", "semaines de classe"),
            counted="aucune note dans {count} {noun} sur {whole}, soit {value}, {since}",
            whole=lambda facts: attended_weeks(facts, LAST_12W),
            zero="au moins une note, chaque semaine de classe {since}",
        ),
    ),
    Feature(
        name="marks_per_week_change",
        family=NOT_TOLD,
        table="grades",
        window=YEAR,
        unit="per_week",
        direction=0,
        source=f"{JANOSZ} ; {BOWERS}",
        definition=(
            "Notes par semaine où la présence était attendue sur les 12 dernières semaines, moins les notes par telle semaine "
            f"du début de l'année. Inconnu si l'une des deux périodes est sans telle semaine. {_EXPECTED}"
        ),
        revision=2,
        latest=LAST_12W,
        compute=_marks_a_week_change,
        wording=Wording(
            "{value} {noun} de plus par semaine de classe {lately} que {earlier}",
            noun=("note", "notes"),
            zero="autant de notes par semaine de classe {lately} que {earlier}",
            negative="{value} {noun} de moins par semaine de classe {lately} que {earlier}",
            recent=LAST_12W,
        ),
    ),
)
"""How often marks come."""
