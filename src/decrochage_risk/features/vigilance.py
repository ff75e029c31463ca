"""Features of the vigilance from the 4e on: first signs in the 4e, the path since, this year against the pupil's own past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.absence_facts import (
    enrolled_sum,
    last_year_span,
    rate_of_year_at,
    same_weeks_last_year,
    since_4e_rate,
)
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.families import SINCE_4E
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.sources import BOWERS, BOWERS_GRADES, LEGAL_THRESHOLD, LETTER
from decrochage_risk.features.windows import EARLIER_YEARS, LAST_12W, SINCE_FIRST, YEAR, YEAR_AND_PREVIOUS
from decrochage_risk.features.wording import Wording
from decrochage_risk.records.levels import AT_4E, FROM_4E
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["VIGILANCE_FEATURES"]


def _first_4e(facts: Facts) -> Ints:
    return facts.once("first 4e", lambda: facts.first_year_in(AT_4E))


def _from_4e(facts: Facts) -> Ints:
    return facts.once("from 4e", lambda: facts.first_year_in(FROM_4E))


def _rate_in_4e(facts: Facts) -> Floats:
    return rate_of_year_at(facts, _first_4e(facts), facts.absence_rate)


def _unjustified_in_4e(facts: Facts) -> Floats:
    return rate_of_year_at(
        facts, _first_4e(facts), lambda first, after: facts.absence_sum("unjustified", first, after)
    )


def _marks_in_4e(facts: Facts) -> Floats:
    values, first = np.full(facts.pupils, np.nan), _first_4e(facts)
    for year in range(facts.first_year, facts.known.school_year):
        mean = facts.mean_mark(day_number(year_start(year)), day_number(year_start(year + 1)))
        values = np.where(first == year, mean, values)
    return values


def _rate_against_past(facts: Facts) -> Floats:
    return facts.absence_rate(*YEAR.span(facts.known)) - since_4e_rate(facts, _from_4e(facts))


def _rate_against_last_year(facts: Facts) -> Floats:
    if not facts.known.calendar.covers_year(facts.known.school_year - 1):
        return np.full(facts.pupils, np.nan)
    return facts.absence_rate(*YEAR.span(facts.known)) - facts.absence_rate(*last_year_span(facts))


def _unjustified_against_last_year(facts: Facts) -> Floats:
    then = same_weeks_last_year(facts)
    if not facts.known.calendar.covers_year(facts.known.school_year - 1) or then[0] >= then[1]:
        return np.full(facts.pupils, np.nan)
    change = facts.absence_sum("unjustified", *LAST_12W.span(facts.known)) - facts.absence_sum(
        "unjustified", *then
    )
    return np.where(enrolled_sum(facts, "half-days", [then])[:, 0] > 0, change, np.nan)


def _marks_against_last_year(facts: Facts) -> Floats:
    return facts.mean_mark(*YEAR.span(facts.known)) - facts.mean_mark(*last_year_span(facts))


VIGILANCE_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="absence_rate_in_4e",
        family=SINCE_4E,
        table="absences",
        window=EARLIER_YEARS,
        unit="share",
        direction=1,
        source=f"{LETTER} ; {BOWERS}",
        definition=(
            "Demi-journées d'absence rapportées aux demi-journées possibles, sur la première année scolaire en 4e. Inconnu si "
            "c'est l'année en cours, ou sous 8 demi-journées possibles."
        ),
        compute=_rate_in_4e,
        wording=Wording(
            "{value} des demi-journées de classe manquées pendant l'année de 4e (au {as_of})",
            zero="aucune demi-journée de classe manquée pendant l'année de 4e (au {as_of})",
        ),
    ),
    Feature(
        name="unjustified_half_days_in_4e",
        family=SINCE_4E,
        table="absences",
        window=EARLIER_YEARS,
        unit="half-days",
        direction=1,
        source=f"{LETTER} ; {LEGAL_THRESHOLD}",
        definition=(
            "Demi-journées d'absence non justifiées de la première année scolaire en 4e. Inconnu si c'est l'année en cours."
        ),
        compute=_unjustified_in_4e,
        wording=Wording(
            "{value} {noun} pendant l'année de 4e (au {as_of})",
            noun=("demi-journée non justifiée", "demi-journées non justifiées"),
            zero="aucune demi-journée non justifiée pendant l'année de 4e (au {as_of})",
        ),
    ),
    Feature(
        name="mean_grade_in_4e",
        family=SINCE_4E,
        table="grades",
        window=EARLIER_YEARS,
        unit="/20",
        direction=-1,
        source=f"{LETTER} ; {BOWERS_GRADES}",
        definition="Moyenne des notes de la première année scolaire en 4e. Inconnu si c'est l'année en cours.",
        compute=_marks_in_4e,
        wording=Wording("moyenne de {value} pendant l'année de 4e (au {as_of})"),
    ),
    Feature(
        name="absence_rate_against_own_past",
        family=SINCE_4E,
        table="absences",
        window=SINCE_FIRST,
        unit="share_points",
        direction=1,
        source=f"{LETTER} ; {BOWERS}",
        definition=(
            "Taux d'absence de l'année scolaire en cours moins celui des années passées depuis la première en 4e ou au-delà. "
            "Inconnu si l'un des deux l'est."
        ),
        compute=_rate_against_past,
        wording=Wording(
            "taux d'absence en hausse de {value} {noun} cette année (au {as_of}), par rapport aux années précédentes connues "
            "depuis la 4e",
            noun=("point", "points"),
            zero="même taux d'absence cette année (au {as_of}) que les années précédentes connues depuis la 4e",
            negative=(
                "taux d'absence en baisse de {value} {noun} cette année (au {as_of}), par rapport aux années précédentes "
                "connues depuis la 4e"
            ),
        ),
    ),
    Feature(
        name="absence_rate_against_last_year",
        family=SINCE_4E,
        table="absences",
        window=YEAR_AND_PREVIOUS,
        unit="share_points",
        direction=1,
        source=BOWERS,
        definition=(
            "Taux d'absence de l'année scolaire en cours moins celui du même nombre de jours, depuis le 1er septembre, de "
            "l'année précédente. Inconnu si l'un des deux l'est."
        ),
        compute=_rate_against_last_year,
        wording=Wording(
            "taux d'absence en hausse de {value} {noun} par rapport à la même période de l'année précédente (au {as_of})",
            noun=("point", "points"),
            zero="même taux d'absence qu'à la même période de l'année précédente (au {as_of})",
            negative=(
                "taux d'absence en baisse de {value} {noun} par rapport à la même période de l'année précédente (au {as_of})"
            ),
        ),
    ),
    Feature(
        name="unjustified_against_last_year_12w",
        family=SINCE_4E,
        table="absences",
        window=YEAR_AND_PREVIOUS,
        unit="half-days",
        direction=1,
        source=f"{LETTER} ; {BOWERS}",
        definition=(
            "Demi-journées non justifiées des 12 dernières semaines moins celles des mêmes semaines un an plus tôt (52 semaines "
            "avant, dans l'année scolaire précédente). Inconnu si l'élève n'avait alors pas classe."
        ),
        latest=LAST_12W,
        compute=_unjustified_against_last_year,
        wording=Wording(
            "{value} {noun} de plus {lately} qu'aux mêmes semaines de l'année précédente",
            noun=("demi-journée non justifiée", "demi-journées non justifiées"),
            zero="autant de demi-journées non justifiées {lately} qu'aux mêmes semaines de l'année précédente",
            negative="{value} {noun} de moins {lately} qu'aux mêmes semaines de l'année précédente",
            recent=LAST_12W,
        ),
    ),
    Feature(
        name="grade_change_same_period",
        family=SINCE_4E,
        table="grades",
        window=YEAR_AND_PREVIOUS,
        unit="points",
        direction=-1,
        source=f"{BOWERS_GRADES} ; {BOWERS}",
        definition=(
            "Moyenne des notes de l'année scolaire en cours moins celle du même nombre de jours, depuis le 1er septembre, de "
            "l'année précédente. Inconnu si l'une des deux l'est."
        ),
        compute=_marks_against_last_year,
        wording=change_in_marks(
            "moyenne en hausse de {value} {noun} par rapport à la même période de l'année précédente (au {as_of})",
            "moyenne en baisse de {value} {noun} par rapport à la même période de l'année précédente (au {as_of})",
            "moyenne stable par rapport à la même période de l'année précédente (au {as_of})",
        ),
    ),
)
"""First signs in the 4e, the path since, and this year against the pupil's own past."""
