"""Features of the vigilance from the 4e on: first signs in the 4e, the path since, this year against the pupil's own past.

Last come those of the school year before: what a pupil brings along, in a window that is the same however far records
reach back. A count since the 4e would grow with every year that the extract holds: a model that learnt from two years of records
would read three years as a rise in risk, for everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import kernels
from decrochage_risk.features.definition import (
    BOWERS,
    BOWERS_GRADES,
    GPDS,
    LEGAL_THRESHOLD,
    LETTER,
    NOLTEMEYER,
    NOT_TOLD,
    SINCE_4E,
    Feature,
)
from decrochage_risk.features.event_windows import (
    absent_weeks_share,
    enrolled_days,
    last_year_span,
    missed_rows,
    months_of,
    rate,
    rate_of_year_at,
    same_weeks_last_year,
    since_4e_rate,
)
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.windows import (
    EARLIER_YEARS,
    LAST_12W,
    PREVIOUS_YEAR,
    SINCE_FIRST,
    YEAR,
    YEAR_AND_PREVIOUS,
)
from decrochage_risk.features.wording import LEGAL_MONTHLY_THRESHOLD, Wording
from decrochage_risk.records.levels import AT_4E
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


__all__ = ["LAST_YEAR_FEATURES", "VIGILANCE_FEATURES"]


def _rate_in_4e(facts: Facts) -> Floats:
    return rate_of_year_at(facts, facts.first_year_in(AT_4E), facts.absence_rate)


def _unjustified_in_4e(facts: Facts) -> Floats:
    def of_year(first: int, after: int) -> Floats:
        return _where_attended(facts, facts.absence_sum("unjustified", first, after), first, after)

    return rate_of_year_at(facts, facts.first_year_in(AT_4E), of_year)


def _where_attended(facts: Facts, values: Floats, first: int, after: int) -> Floats:
    """Values of the pupils who could attend a day of [first, after): a count of nobody's days says nothing."""
    return np.where(facts.attendable_days(first, after) > 0, values, np.nan)


def _marks_in_4e(facts: Facts) -> Floats:
    values, first = np.full(facts.pupils, np.nan), facts.first_year_in(AT_4E)
    for year in range(facts.first_year, facts.known.school_year):
        mean = facts.mean_mark(day_number(year_start(year)), day_number(year_start(year + 1)))
        # The year in progress is left out of the loop: it has features of its own.
        values = np.where(first == year, mean, values)
    return values


def _rate_against_past(facts: Facts) -> Floats:
    return facts.absence_rate(*YEAR.span(facts.known)) - since_4e_rate(facts)


def _rate_against_last_year(facts: Facts) -> Floats:
    if not facts.known.calendar.covers_year(facts.known.school_year - 1):
        return np.full(facts.pupils, np.nan)
    # The same days of the year before, since absence rises from September to March in every school.
    return facts.absence_rate(*YEAR.span(facts.known)) - facts.absence_rate(*last_year_span(facts))


def _unjustified_against_last_year(facts: Facts) -> Floats:
    then = same_weeks_last_year(facts)
    if not facts.known.calendar.covers_year(facts.known.school_year - 1) or then[0] >= then[1]:
        return np.full(facts.pupils, np.nan)

    # Shares, not counts: weeks on placement in one of the two years would be told as a change.
    def share(span: tuple[int, int]) -> Floats:
        possible = enrolled_days(facts, "half-days", *span) - facts.absence_sum("away", *span)
        return rate(facts.absence_sum("unjustified", *span), possible)

    return share(LAST_12W.span(facts.known)) - share(then)


def _marks_against_last_year(facts: Facts) -> Floats:
    return facts.mean_mark(*YEAR.span(facts.known)) - facts.mean_mark(*last_year_span(facts))


VIGILANCE_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="absence_rate_in_4e",
        family=NOT_TOLD,
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
            "Demi-journées d'absence non justifiées de la première année scolaire en 4e. Inconnu si c'est l'année en cours, ou "
            "si la présence n'y était attendue aucun jour."
        ),
        revision=2,
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
        family=NOT_TOLD,
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
        family=NOT_TOLD,
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
        family=NOT_TOLD,
        table="absences",
        window=YEAR_AND_PREVIOUS,
        unit="share_points",
        direction=1,
        source=f"{LETTER} ; {BOWERS}",
        definition=(
            "Demi-journées non justifiées rapportées aux demi-journées possibles, sur les 12 dernières semaines, moins cette "
            "part aux mêmes semaines un an plus tôt (52 semaines avant, dans l'année scolaire précédente). Inconnu si l'une des "
            "deux périodes compte moins de 8 demi-journées possibles."
        ),
        revision=2,
        latest=LAST_12W,
        compute=_unjustified_against_last_year,
        wording=Wording(
            "part des demi-journées non justifiées : {value} {noun} de plus {lately} qu'aux mêmes semaines de l'année "
            "précédente",
            noun=("point", "points"),
            zero="part des demi-journées non justifiées : la même {lately} qu'aux mêmes semaines de l'année précédente",
            negative=(
                "part des demi-journées non justifiées : {value} {noun} de moins {lately} qu'aux mêmes semaines de l'année "
                "précédente"
            ),
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


_KNOWN = "Inconnu sans inscription l'année précédente."
_EXPECTED = "Inconnu sans inscription l'année précédente, ou si la présence n'y était attendue aucun jour."


def _enrolled_then(facts: Facts, values: Floats) -> Floats:
    # Without an enrolment a count of 0 would be nobody's good year.
    there = facts.levels[:, -2] >= 0 if facts.levels.shape[1] > 1 else np.zeros(facts.pupils, np.bool_)
    return np.where(there, values, np.nan)


def _in_calendar(facts: Facts, values: Floats) -> Floats:
    is_inside = facts.known.calendar.covers_year(facts.known.school_year - 1)
    return _enrolled_then(facts, values) if is_inside else np.full(facts.pupils, np.nan)


def _absent_weeks_share(facts: Facts) -> Floats:
    return _in_calendar(facts, absent_weeks_share(facts, PREVIOUS_YEAR))


def _months_over(facts: Facts) -> Floats:
    low, high = (facts.absence_events.bound(day) for day in PREVIOUS_YEAR.span(facts.known))
    months = kernels.count_months_over(
        months_of(facts), facts.absence_values("unjustified"), low, high, LEGAL_MONTHLY_THRESHOLD
    )
    return _in_calendar(facts, _where_attended(facts, months, *PREVIOUS_YEAR.span(facts.known)))


def _exclusions(facts: Facts) -> Floats:
    return _in_calendar(facts, facts.absence_sum("exclusion", *PREVIOUS_YEAR.span(facts.known)))


def _missed(facts: Facts) -> Floats:
    misses = facts.grade_events.sum("missed", missed_rows(facts), *PREVIOUS_YEAR.span(facts.known))
    return _enrolled_then(facts, _where_attended(facts, misses, *PREVIOUS_YEAR.span(facts.known)))


# Never told: R131-6 closes the absence file with its school year, and nobody can act on it (LAW.md, section
# 1).
LAST_YEAR_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="absent_weeks_share_last_year",
        family=NOT_TOLD,
        table="absences",
        window=PREVIOUS_YEAR,
        unit="share",
        direction=1,
        source=f"{BOWERS} ; {GPDS}",
        definition=(
            "Des semaines (lundi à dimanche) de l'année scolaire précédente où la présence était attendue au moins une "
            f"demi-journée, la part de celles qui comptent au moins une demi-journée d'absence. {_EXPECTED}"
        ),
        revision=2,
        compute=_absent_weeks_share,
        wording=Wording(
            "au moins une absence, justifiée ou non, dans {value} des semaines de classe de l'année précédente, {until}",
            zero="aucune absence, toutes les semaines de classe de l'année précédente, {until}",
        ),
    ),
    Feature(
        name="months_over_threshold_last_year",
        family=NOT_TOLD,
        table="absences",
        window=PREVIOUS_YEAR,
        unit="months",
        direction=1,
        source=f"{BOWERS} ; {LEGAL_THRESHOLD}",
        definition=(
            "Mois de l'année scolaire précédente comptant au moins 4 demi-journées d'absence non justifiées. "
            + _EXPECTED
        ),
        revision=2,
        compute=_months_over,
        wording=Wording(
            "{value} mois avec au moins 4 demi-journées non justifiées l'année précédente, {until}",
            zero="aucun mois avec au moins 4 demi-journées non justifiées l'année précédente, {until}",
        ),
    ),
    Feature(
        name="exclusion_half_days_last_year",
        family=NOT_TOLD,
        table="absences",
        window=PREVIOUS_YEAR,
        unit="half-days",
        direction=1,
        source=NOLTEMEYER,
        definition=f"Demi-journées d'exclusion temporaire de l'année scolaire précédente. {_KNOWN}",
        compute=_exclusions,
        wording=Wording(
            "{value} {noun} l'année précédente, {until}",
            noun=("demi-journée d'exclusion temporaire", "demi-journées d'exclusion temporaire"),
            zero="aucune demi-journée d'exclusion temporaire l'année précédente, {until}",
        ),
    ),
    Feature(
        name="missed_assessments_last_year",
        family=NOT_TOLD,
        table="grades",
        window=PREVIOUS_YEAR,
        unit="events",
        direction=1,
        source=GPDS,
        definition=f"Évaluations non faites ou travaux non rendus de l'année scolaire précédente. {_EXPECTED}",
        revision=2,
        compute=_missed,
        wording=Wording(
            "{value} {noun} l'année précédente, {until}",
            noun=(
                "évaluation non faite ou travail non rendu",
                "évaluations non faites ou travaux non rendus",
            ),
            zero="aucune évaluation non faite, aucun travail non rendu l'année précédente, {until}",
        ),
    ),
)
"""Absence, exclusions and missed work of the year before."""
