"""Features read from ``absences``: unjustified absence, its rhythm, lateness and exclusions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.features import kernels
from decrochage_risk.features.absence_facts import months_of, school_day_numbers
from decrochage_risk.features.companion import Companion
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import ratio
from decrochage_risk.features.families import ABSENCE_LEVEL, ABSENCE_PATTERN, LATENESS_EXCLUSIONS
from decrochage_risk.features.sources import (
    ABC,
    ALLENSWORTH_EASTON,
    BOWERS,
    GPDS,
    LEGAL_THRESHOLD,
    NOLTEMEYER,
)
from decrochage_risk.features.windows import BEFORE_4W, LAST_4W, LAST_12W, PRECEDING_4W, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.windows import Window

    Compute = Callable[[Facts], npt.NDArray[np.float64]]

__all__ = ["ABSENCE_FEATURES", "LEGAL_MONTHLY_THRESHOLD", "LONGEST_RUN"]

LEGAL_MONTHLY_THRESHOLD = 4.0
"""Unjustified half-days in a month from which the head reports to the DASEN (code de l'éducation, L131-8, R131-7)."""

LONGEST_RUN = Wording(
    "plus longue suite de jours de classe avec une absence {since} : {value} {noun}",
    noun=("jour", "jours"),
    zero="aucune absence {since}",
)
"""Words of the longest run of school days with an absence, over a window."""

_HALF_DAYS = ("demi-journée non justifiée", "demi-journées non justifiées")
_COUNTED = (
    "Seuls comptent les jours où une inscription est ouverte et où il y a classe, dans la limite des demi-journées "
    "de classe du jour."
)


def _sum_of(what: str, window: Window) -> Compute:
    return lambda facts: facts.absence_sum(what, *window.span(facts.known))


def _rate_of(window: Window) -> Compute:
    return lambda facts: facts.absence_rate(*window.span(facts.known))


def _rate_change(facts: Facts) -> npt.NDArray[np.float64]:
    recent = facts.absence_rate(*LAST_4W.span(facts.known))
    return recent - facts.absence_rate(*BEFORE_4W.span(facts.known))


def _months_over(facts: Facts) -> npt.NDArray[np.float64]:
    first, after = YEAR.span(facts.known)
    events = facts.absence_events
    unjustified = facts.absence_values("unjustified")
    return kernels.count_months_over(
        months_of(facts), unjustified, events.bound(first), events.bound(after), LEGAL_MONTHLY_THRESHOLD
    )


def _absent_weeks_share(facts: Facts) -> npt.NDArray[np.float64]:
    first, after = LAST_12W.span(facts.known)
    events = facts.absence_events
    weeks = kernels.count_weeks(
        events.day, facts.absence_values("absent"), events.bound(first), events.bound(after)
    )
    return ratio(weeks, facts.school_weeks(LAST_12W))


def _longest_run(facts: Facts) -> npt.NDArray[np.float64]:
    first, after = YEAR.span(facts.known)
    events = facts.absence_events
    return kernels.longest_run(
        school_day_numbers(facts), facts.absence_values("absent"), events.bound(first), events.bound(after)
    )


def _recent_part(what: str, none: str, whole: str) -> Companion:
    return Companion("part", "absences", LAST_4W, _sum_of(what, LAST_4W), none=none, whole=whole)


_RECENT_UNJUSTIFIED = _recent_part("unjustified", "aucune", "toutes")
_UNJUSTIFIED_BEFORE = Companion(
    "before", "absences", PRECEDING_4W, _sum_of("unjustified", PRECEDING_4W), days=28, none="aucune"
)


def _unjustified_beside(window: Window) -> Companion:
    return Companion(
        "beside",
        "absences",
        window,
        _sum_of("unjustified", window),
        none="aucune demi-journée non justifiée",
        unit="half-days",
        noun=_HALF_DAYS,
    )


_RATE_BEFORE = Companion("before", "absences", BEFORE_4W, _rate_of(BEFORE_4W), none="aucune")


def _unjustified(window: Window) -> Feature:
    return Feature(
        name=f"unjustified_half_days_{window.name}",
        family=ABSENCE_LEVEL,
        table="absences",
        window=window,
        unit="half-days",
        direction=1,
        source=f"{LEGAL_THRESHOLD} ; {ABC}",
        definition=(
            f"Demi-journées d'absence non justifiées (motif absent, refusé ou pas encore réglé), {window.label}. "
            f"{_COUNTED}"
        ),
        compute=_sum_of("unjustified", window),
        wording=Wording(
            "{value} {noun} {since}",
            noun=_HALF_DAYS,
            zero="aucune demi-journée non justifiée {since}",
            companion=_UNJUSTIFIED_BEFORE if window is LAST_4W else _RECENT_UNJUSTIFIED,
        ),
    )


def _absence_rate(window: Window) -> Feature:
    return Feature(
        name=f"absence_rate_{window.name}",
        family=ABSENCE_LEVEL,
        table="absences",
        window=window,
        unit="share",
        direction=1,
        source=f"{ALLENSWORTH_EASTON} ; {BOWERS}",
        definition=(
            "Demi-journées d'absence, justifiées ou non, rapportées aux demi-journées de classe possibles de l'élève "
            f"(hors exclusions et périodes en milieu professionnel), {window.label}. Inconnu sous 8 demi-journées "
            f"possibles. {_COUNTED}"
        ),
        compute=_rate_of(window),
        wording=Wording(
            "{value} des demi-journées de classe manquées {since}",
            zero="aucune demi-journée de classe manquée {since}",
            companion=_RATE_BEFORE if window is LAST_4W else _unjustified_beside(window),
        ),
    )


ABSENCE_FEATURES: tuple[Feature, ...] = (
    _unjustified(LAST_4W),
    _unjustified(LAST_12W),
    _unjustified(YEAR),
    _absence_rate(LAST_4W),
    _absence_rate(YEAR),
    Feature(
        name="absence_rate_change",
        family=ABSENCE_PATTERN,
        table="absences",
        window=YEAR,
        unit="share_points",
        direction=1,
        source=BOWERS,
        definition=(
            "Taux d'absence des 4 dernières semaines moins celui du début de l'année, du 1er septembre jusqu'à 4 semaines avant la date. Inconnu si l'un "
            "des deux l'est."
        ),
        latest=LAST_4W,
        compute=_rate_change,
        wording=Wording(
            "taux d'absence en hausse de {value} {noun} {lately}, par rapport à la période {earlier}",
            noun=("point", "points"),
            zero="taux d'absence stable {lately}, par rapport à la période {earlier}",
            negative="taux d'absence en baisse de {value} {noun} {lately}, par rapport à la période {earlier}",
            recent=LAST_4W,
        ),
    ),
    Feature(
        name="months_over_threshold_year",
        family=ABSENCE_LEVEL,
        table="absences",
        window=YEAR,
        unit="months",
        direction=1,
        source=LEGAL_THRESHOLD,
        definition=(
            "Mois civils de l'année scolaire comptant au moins 4 demi-journées non justifiées (seuil légal, article "
            f"L131-8 du code de l'éducation). {_COUNTED}"
        ),
        compute=_months_over,
        wording=Wording(
            "{value} mois avec au moins 4 demi-journées non justifiées {since}",
            zero="aucun mois avec au moins 4 demi-journées non justifiées {since}",
        ),
    ),
    Feature(
        name="absent_weeks_share_12w",
        family=ABSENCE_LEVEL,
        table="absences",
        window=LAST_12W,
        unit="share",
        direction=1,
        source=GPDS,
        definition=(
            "Part des semaines de classe (lundi à dimanche) des 12 dernières semaines comptant au moins une "
            f"demi-journée d'absence. {_COUNTED}"
        ),
        compute=_absent_weeks_share,
        wording=Wording(
            "au moins une absence, justifiée ou non, dans {value} des semaines de classe {since}",
            zero="aucune semaine de classe avec une absence {since}",
            companion=_unjustified_beside(LAST_12W),
        ),
    ),
    Feature(
        name="longest_absence_run_year",
        family=ABSENCE_PATTERN,
        table="absences",
        window=YEAR,
        unit="days",
        direction=1,
        source=GPDS,
        definition=(
            "Plus longue suite de jours de classe consécutifs avec au moins une demi-journée d'absence ; week-ends et "
            "vacances ne comptent pas et n'interrompent pas la suite."
        ),
        compute=_longest_run,
        wording=LONGEST_RUN,
    ),
    Feature(
        name="lateness_12w",
        family=LATENESS_EXCLUSIONS,
        table="absences",
        window=LAST_12W,
        unit="events",
        direction=1,
        source=GPDS,
        definition="Retards notés au cours des 12 dernières semaines, les jours de classe.",
        compute=_sum_of("lateness", LAST_12W),
        wording=Wording(
            "{value} {noun} {since}",
            noun=("retard", "retards"),
            zero="aucun retard {since}",
            companion=_recent_part("lateness", "aucun", "tous"),
        ),
    ),
    Feature(
        name="exclusion_half_days_year",
        family=LATENESS_EXCLUSIONS,
        table="absences",
        window=YEAR,
        unit="half-days",
        direction=1,
        source=NOLTEMEYER,
        definition="Demi-journées d'exclusion temporaire de l'année scolaire. " + _COUNTED,
        compute=_sum_of("exclusion", YEAR),
        wording=Wording(
            "{value} {noun} {since}",
            noun=("demi-journée d'exclusion temporaire", "demi-journées d'exclusion temporaire"),
            zero="aucune demi-journée d'exclusion temporaire {since}",
            companion=_recent_part("exclusion", "aucune", "toutes"),
        ),
    ),
)
