"""Features read from ``grades``: level of marks, change in marks, missed work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.companion import Companion
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import code_of
from decrochage_risk.features.families import MARKS_CHANGE, MARKS_LEVEL, MISSED_WORK, NOT_TOLD
from decrochage_risk.features.mark_facts import missed_rows, subject_means
from decrochage_risk.features.sources import ABC, ALLENSWORTH_EASTON, BOWERS, BOWERS_GRADES, CEREQ, GPDS
from decrochage_risk.features.windows import (
    BEFORE_12W,
    LAST_4W,
    LAST_12W,
    PREVIOUS_YEAR,
    YEAR,
    YEAR_AND_PREVIOUS,
)
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.windows import Window

__all__ = ["CORE_SUBJECTS", "GRADE_FEATURES", "LOW_MARK", "change_in_marks"]

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
    lowest: npt.NDArray[np.float64] = np.fmin.reduce(means[:, columns], axis=1)
    return lowest


def _subject_spread(facts: Facts) -> npt.NDArray[np.float64]:
    means = subject_means(facts, YEAR)
    known = ~np.isnan(means)
    count = known.sum(axis=1)
    safe = np.maximum(count, 1)
    centre = np.where(known, means, 0.0).sum(axis=1) / safe
    squares = np.where(known, (means - centre[:, None]) ** 2, 0.0).sum(axis=1)
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
        wording=Wording("plus basse des moyennes des matières principales {since} : {value}"),
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
        wording=Wording("{value} de notes sous 8/20 {since}", zero="aucune note sous 8/20 {since}"),
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
