"""Features read from ``absences``: unjustified absence, its rhythm, lateness and exclusions.

First those of the contract; then, beyond it, when in the week, after holidays, how fast, until today. A day that a pupil
could not attend (placement, exclusion) is neither presence nor absence in any of them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from decrochage_risk import french
from decrochage_risk.features import kernels
from decrochage_risk.features.definition import (
    ABC,
    ABSENCE_LEVEL,
    ABSENCE_PATTERN,
    ALLENSWORTH_EASTON,
    BOWERS,
    GPDS,
    LATENESS_EXCLUSIONS,
    LEGAL_THRESHOLD,
    NOLTEMEYER,
    NOT_TOLD,
    Feature,
)
from decrochage_risk.features.event_windows import (
    a_week,
    absent_weeks_share,
    attendable_months,
    attended_weeks,
    block_rates,
    current_absence_run,
    enrolled_days,
    longest_absence_run,
    months_of,
    rate,
    ratio,
)
from decrochage_risk.features.windows import (
    BEFORE_4W,
    BEFORE_6W,
    LAST_4W,
    LAST_6W,
    LAST_12W,
    PRECEDING_4W,
    YEAR,
    days_after_holidays,
)
from decrochage_risk.features.wording import LEGAL_MONTHLY_THRESHOLD, Companion, Wording

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.features.windows import Window

    Compute = Callable[[Facts], npt.NDArray[np.float64]]
    Floats = npt.NDArray[np.float64]


__all__ = [
    "ABSENCE_FEATURES",
    "ABSENCE_TREND_FEATURES",
    "LONGEST_RUN",
]

LONGEST_RUN = Wording(
    "plus longue suite de jours de classe avec une absence {since} : {value} {noun}",
    noun=("jour", "jours"),
    zero="aucune absence {since}",
)
"""Words of the longest run of school days with an absence, over a window."""

_HALF_DAYS = ("demi-journée non justifiée", "demi-journées non justifiées")
_ATTENDABLE = "Une journée passée tout entière en milieu professionnel ou en exclusion n'est ni une présence ni une absence."
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
    # Against the rest of the year, not the year, which would hold the recent weeks too.
    return recent - facts.absence_rate(*BEFORE_4W.span(facts.known))


def _months_over(facts: Facts) -> npt.NDArray[np.float64]:
    first, after = YEAR.span(facts.known)
    events = facts.absence_events
    half_days = facts.absence_values("unjustified")
    return kernels.count_months_over(
        months_of(facts), half_days, events.bound(first), events.bound(after), LEGAL_MONTHLY_THRESHOLD
    )


def _months_so_far(facts: Facts) -> npt.NDArray[np.float64]:
    # A month that could not be attended is none of the months that a count is out of; one that reached the threshold is.
    _, is_attendable = attendable_months(facts)
    months: Floats = np.maximum(is_attendable.sum(axis=1).astype(np.float64), _months_over(facts))
    return months


def _first_months(facts: Facts) -> npt.NDArray[np.int64]:
    """First calendar month of the year at the threshold, in months since January 1970; ``NOBODY`` where there is none."""
    first, after = YEAR.span(facts.known)
    events = facts.absence_events
    return kernels.first_month_over(
        months_of(facts), facts.absence_values("unjustified"), events.bound(first), events.bound(after),
        LEGAL_MONTHLY_THRESHOLD,
    )  # fmt: skip


def _first_month_words(facts: Facts) -> npt.NDArray[np.object_]:
    # No year: a school year holds each month once.
    months = _first_months(facts)
    names = [french.month(date(1970, 1 + month % 12, 1)) for month in months.tolist()]
    return np.where(months > kernels.NOBODY, np.array(names, dtype=object), "")


def _recent_part(what: str, none: str, whole: str) -> Companion:
    return Companion("part", "absences", LAST_4W, _sum_of(what, LAST_4W), none=none, whole=whole)


_RECENT_UNJUSTIFIED = _recent_part("unjustified", "aucune", "toutes")
# Only told when the four weeks are whole: after a start of year they would be too few to compare with.
_UNJUSTIFIED_BEFORE = Companion(
    "before", "absences", PRECEDING_4W, _sum_of("unjustified", PRECEDING_4W), days=28, none="aucune"
)


def _unjustified_beside(window: Window, kind: Literal["beside", "lately"] = "beside") -> Companion:
    return Companion(
        kind,
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
        needs_attendance=True,
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
            "{value} des demi-journées de classe à suivre manquées {since}",
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
        needs_attendance=True,
        wording=Wording(
            "{value} mois avec au moins 4 demi-journées non justifiées {since}{subject}",
            zero="aucun mois avec au moins 4 demi-journées non justifiées {since}",
            companion=_unjustified_beside(LAST_12W, "lately"),
            counted="seuil légal de 4 demi-journées non justifiées atteint {value} mois sur {whole} {since}{subject}",
            whole=_months_so_far,
            subjects=_first_month_words,
            subject_form=", la première fois en {}",
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
            "Des semaines (lundi à dimanche) des 12 dernières où la présence était attendue au moins une demi-journée, la "
            f"part de celles qui comptent au moins une demi-journée d'absence. Inconnu sans telle semaine. {_ATTENDABLE} "
            f"{_COUNTED}"
        ),
        revision=2,
        compute=lambda facts: absent_weeks_share(facts, LAST_12W),
        wording=Wording(
            "au moins une absence, justifiée ou non, dans {value} des semaines de classe {since}",
            noun=("semaine de classe", "semaines de classe"),
            zero="aucune absence, toutes les semaines de classe {since}",
            companion=_unjustified_beside(LAST_12W),
            counted=(
                "au moins une absence, justifiée ou non, dans {count} {noun} sur {whole}, soit {value}, {since}"
            ),
            whole=lambda facts: attended_weeks(facts, LAST_12W),
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
            "Plus longue suite de jours de classe consécutifs avec au moins une demi-journée d'absence. Week-ends, vacances "
            "et journées passées tout entières en milieu professionnel ou en exclusion ne comptent pas et n'interrompent pas "
            "la suite ; un jour de classe sans inscription ouverte l'interrompt."
        ),
        revision=2,
        needs_attendance=True,
        compute=lambda facts: longest_absence_run(facts, YEAR),
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
        needs_attendance=True,
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


LEAST_FOR_WEEKDAYS = 4.0
"""Absent half-days under which no share of them says anything of a weekday."""
LEAST_AFTER_HOLIDAYS = 3.0
"""Possible half-days of two school days after holidays: 3 when one of them is a Wednesday."""
# Two points always lie on a line: a slope says something from three on.
LEAST_BLOCKS = 3
_MONDAY_1970 = 3
_DAYS_A_WEEK = 7
_MONDAY, _FRIDAY = 0, 4


def _monday_friday(facts: Facts) -> Floats:
    span = YEAR.span(facts.known)
    # Day 0, 1 January 1970, was a Thursday: three days after a Monday.
    weekday = (facts.absence_events.day + _MONDAY_1970) % _DAYS_A_WEEK
    at_edges = np.where((weekday == _MONDAY) | (weekday == _FRIDAY), facts.absence_values("absent"), 0.0)
    absent = facts.absence_sum("absent", *span)
    share = ratio(facts.absence_events.sum("monday or friday", at_edges, *span), absent)
    return np.where(absent >= LEAST_FOR_WEEKDAYS, share, np.nan)


def _after_holidays(facts: Facts) -> Floats:
    span, events, calendar = YEAR.span(facts.known), facts.absence_events, facts.known.calendar
    # Days outside the calendar read some day inside; their half-days are 0, so they add nothing.
    is_after = days_after_holidays(calendar)[facts.calendar_position]
    absent, away = (
        events.sum(f"{what} after holidays", np.where(is_after, facts.absence_values(what), 0.0), *span)
        for what in ("absent", "away")
    )
    # Half-days away are taken off: a placement that begins after the holidays is no absence.
    possible = enrolled_days(facts, "after holidays", *span) - away
    return np.where(possible >= LEAST_AFTER_HOLIDAYS, ratio(absent, possible), np.nan)


def _justified_rate(facts: Facts) -> Floats:
    span = LAST_12W.span(facts.known)
    possible = enrolled_days(facts, "half-days", *span) - facts.absence_sum("away", *span)
    # Justified is what is left of absent, as the two sums of whole half-days are exact.
    return rate(facts.absence_sum("absent", *span) - facts.absence_sum("unjustified", *span), possible)


def _acceleration(facts: Facts) -> Floats:
    rates = block_rates(facts)
    if rates.shape[1] < LEAST_BLOCKS:
        return np.full(facts.pupils, np.nan)
    return (rates[:, 0] - rates[:, 1]) - (rates[:, 1] - rates[:, 2])


def _absent_weeks_change(facts: Facts) -> Floats:
    return absent_weeks_share(facts, LAST_6W) - absent_weeks_share(facts, BEFORE_6W)


def _longest_run_12w(facts: Facts) -> Floats:
    # Twelve weeks may be one long placement; a run of 0 would then praise nobody's presence.
    is_attendable = facts.attendable_days(*LAST_12W.span(facts.known)) > 0
    return np.where(is_attendable, longest_absence_run(facts, LAST_12W), np.nan)


def _months_since_threshold(facts: Facts) -> Floats:
    start = _first_months(facts)
    months, is_attendable = attendable_months(facts)
    # The month that reached the threshold counts, whatever else it held.
    months_since = (is_attendable & (months > start[:, None])).sum(axis=1) + 1.0
    count = np.where(start > kernels.NOBODY, months_since, 0.0)
    return np.where(is_attendable.any(axis=1) | (count > 0), count, np.nan)


def _lateness_change(facts: Facts) -> Floats:
    def rhythm(window: Window) -> Floats:
        return a_week(facts, facts.absence_sum("lateness", *window.span(facts.known)), window)

    return rhythm(LAST_4W) - rhythm(BEFORE_4W)


ABSENCE_TREND_FEATURES: tuple[Feature, ...] = (
    Feature(
        # No direction: a share of what was missed, it falls when a pupil comes to miss every day.
        name="monday_friday_share_year",
        family=NOT_TOLD,
        table="absences",
        window=YEAR,
        unit="share",
        direction=0,
        source=GPDS,
        definition=(
            "Part des demi-journées d'absence de l'année qui tombent un lundi ou un vendredi (4 demi-journées de classe "
            "sur 9, soit 44 %, si l'absence ne choisit pas ses jours). Inconnu sous 4 demi-journées d'absence."
        ),
        compute=_monday_friday,
        wording=Wording(
            "{value} des demi-journées d'absence un lundi ou un vendredi {since}",
            zero="aucune demi-journée d'absence un lundi ou un vendredi {since}",
        ),
    ),
    Feature(
        name="absence_after_holidays_year",
        family=ABSENCE_PATTERN,
        table="absences",
        window=YEAR,
        unit="share",
        direction=1,
        source=GPDS,
        definition=(
            "Demi-journées d'absence des deux premiers jours de classe qui suivent au moins 5 jours sans classe (rentrée de "
            "septembre comprise), rapportées aux demi-journées possibles de ces jours-là. Inconnu sous 3 demi-journées "
            "possibles."
        ),
        compute=_after_holidays,
        wording=Wording(
            "aux retours de vacances (deux premiers jours de classe), {value} des demi-journées manquées {since}",
            zero="aux retours de vacances (deux premiers jours de classe), aucune demi-journée manquée {since}",
        ),
    ),
    Feature(
        name="absence_slope_year",
        family=ABSENCE_PATTERN,
        table="absences",
        window=YEAR,
        unit="share_points",
        direction=1,
        source=BOWERS,
        definition=(
            "Pente du taux d'absence sur les périodes entières de 4 semaines de l'année, comptées à rebours depuis la date "
            "d'observation (droite des moindres carrés, par période). Inconnu sous 3 périodes d'au moins 8 demi-journées "
            "possibles."
        ),
        latest=LAST_12W,
        compute=lambda facts: kernels.slope_of_blocks(block_rates(facts), LEAST_BLOCKS),
        wording=Wording(
            "cette année (au {as_of}), taux d'absence en hausse de {value} {noun} toutes les 4 semaines, en moyenne",
            noun=("point", "points"),
            zero="cette année (au {as_of}), taux d'absence ni en hausse ni en baisse, en moyenne",
            negative=(
                "cette année (au {as_of}), taux d'absence en baisse de {value} {noun} toutes les 4 semaines, en moyenne"
            ),
        ),
    ),
    Feature(
        # No direction: a rise that slows and a fall that quickens give the same sign.
        name="absence_acceleration_12w",
        family=NOT_TOLD,
        table="absences",
        window=LAST_12W,
        unit="share_points",
        direction=0,
        source=BOWERS,
        definition=(
            "Variation du taux d'absence entre les deux dernières périodes de 4 semaines, moins sa variation entre les deux "
            "périodes d'avant. Inconnu si l'une des trois périodes commence avant le 1er septembre ou compte moins de 8 "
            "demi-journées possibles."
        ),
        compute=_acceleration,
        wording=Wording(
            "variation du taux d'absence supérieure de {value} {noun} à celle de la période précédente (au {as_of})",
            noun=("point", "points"),
            zero="variation du taux d'absence égale à celle de la période précédente (au {as_of})",
            negative=(
                "variation du taux d'absence inférieure de {value} {noun} à celle de la période précédente (au {as_of})"
            ),
        ),
    ),
    Feature(
        name="absent_weeks_change_12w",
        family=ABSENCE_PATTERN,
        table="absences",
        window=LAST_12W,
        unit="share_points",
        direction=1,
        source=GPDS,
        definition=(
            "Des semaines où la présence était attendue au moins une demi-journée, la part de celles qui comptent une "
            "demi-journée d'absence, sur les 6 dernières semaines, moins cette part de 12 à 6 semaines avant la date. Inconnu "
            f"si l'une des deux périodes est sans telle semaine. {_ATTENDABLE}"
        ),
        revision=2,
        compute=_absent_weeks_change,
        wording=Wording(
            "absences dans une plus grande part des semaines de classe {lately} que {earlier}, de {value} {noun}",
            noun=("point", "points"),
            zero="absences dans la même part des semaines de classe {lately} que {earlier}",
            negative="absences dans une moindre part des semaines de classe {lately} que {earlier}, de {value} {noun}",
            recent=LAST_6W,
        ),
    ),
    Feature(
        name="longest_absence_run_12w",
        family=ABSENCE_PATTERN,
        table="absences",
        window=LAST_12W,
        unit="days",
        direction=1,
        source=GPDS,
        definition=(
            "Plus longue suite de jours de classe consécutifs avec au moins une demi-journée d'absence, sur les 12 dernières "
            "semaines. Week-ends, vacances et journées passées tout entières en milieu professionnel ou en exclusion ne "
            "comptent pas et n'interrompent pas la suite ; un jour de classe sans inscription ouverte l'interrompt. Inconnu si "
            "la présence n'était attendue aucun jour."
        ),
        revision=2,
        compute=_longest_run_12w,
        wording=LONGEST_RUN,
    ),
    Feature(
        name="current_absence_run",
        family=ABSENCE_PATTERN,
        table="absences",
        window=YEAR,
        unit="days",
        direction=1,
        source=GPDS,
        definition=(
            "Jours de classe consécutifs avec au moins une demi-journée d'absence, jusqu'au dernier jour où la présence était "
            "attendue avant la date d'observation ; 0 si ce jour-là est sans absence. Week-ends, vacances et journées passées "
            "tout entières en milieu professionnel ou en exclusion ne comptent pas et n'interrompent pas la suite ; un jour de "
            "classe sans inscription ouverte l'interrompt. Inconnu si la présence n'était attendue aucun jour de l'année."
        ),
        revision=2,
        latest=LAST_4W,
        compute=current_absence_run,
        wording=Wording(
            "{value} {noun} jour de classe à suivre avant le {as_of}",
            noun=(
                "jour avec une absence, le dernier",
                "jours de classe de suite avec une absence, jusqu'au dernier",
            ),
            zero="aucune absence le dernier jour de classe à suivre avant le {as_of}",
        ),
    ),
    Feature(
        name="months_since_threshold_year",
        family=ABSENCE_LEVEL,
        table="absences",
        window=YEAR,
        unit="months",
        direction=1,
        source=LEGAL_THRESHOLD,
        definition=(
            "Mois civils depuis le premier mois de l'année scolaire à 4 demi-journées non justifiées ou plus, ce mois compris, "
            "jusqu'à la veille de la date d'observation ; 0 s'il n'y a pas eu de tel mois. Un mois où la présence n'était "
            "attendue aucun jour ne compte pas. Inconnu si tous les mois de l'année sont dans ce cas."
        ),
        revision=2,
        compute=_months_since_threshold,
        wording=Wording(
            "seuil légal d'absence atteint pour la première fois{subject}, soit {value} mois de classe, celui-ci compris "
            "(au {as_of})",
            zero="seuil légal d'absence jamais atteint cette année (au {as_of})",
            subjects=_first_month_words,
            subject_form=" en {}",
            is_reason=False,  # it grows with the calendar alone: the months at the threshold word the reason
        ),
    ),
    Feature(
        # Never told: an absence that is justified is nobody's fault, and no motive is in the records.
        name="justified_absence_rate_12w",
        family=NOT_TOLD,
        table="absences",
        window=LAST_12W,
        unit="share",
        direction=0,
        source=GPDS,
        definition=(
            "Demi-journées d'absence justifiées rapportées aux demi-journées possibles, sur les 12 dernières semaines. Inconnu "
            "sous 8 demi-journées possibles. Jamais donné comme motif : une absence justifiée ne se reproche pas."
        ),
        compute=_justified_rate,
        wording=Wording(
            "{value} des demi-journées de classe à suivre manquées avec une justification {since}",
            zero="aucune demi-journée de classe manquée avec une justification {since}",
        ),
    ),
    Feature(
        name="lateness_change_4w",
        family=LATENESS_EXCLUSIONS,
        table="absences",
        window=YEAR,
        unit="per_week",
        direction=1,
        source=GPDS,
        definition=(
            "Retards par semaine où la présence était attendue sur les 4 dernières semaines, moins les retards par telle "
            "semaine du 1er septembre jusqu'à 4 semaines avant la date. Inconnu si l'une des deux périodes est sans telle "
            f"semaine. {_ATTENDABLE}"
        ),
        revision=2,
        latest=LAST_4W,
        compute=_lateness_change,
        wording=Wording(
            "{value} {noun} de plus par semaine de classe {lately} que {earlier}",
            noun=("retard", "retards"),
            zero="autant de retards par semaine de classe {lately} que {earlier}",
            negative="{value} {noun} de moins par semaine de classe {lately} que {earlier}",
            recent=LAST_4W,
        ),
    ),
    Feature(
        name="exclusion_half_days_12w",
        family=LATENESS_EXCLUSIONS,
        table="absences",
        window=LAST_12W,
        unit="half-days",
        direction=1,
        source=NOLTEMEYER,
        definition="Demi-journées d'exclusion temporaire des 12 dernières semaines, les jours de classe.",
        compute=lambda facts: facts.absence_sum("exclusion", *LAST_12W.span(facts.known)),
        wording=Wording(
            "{value} {noun} {since}",
            noun=("demi-journée d'exclusion temporaire", "demi-journées d'exclusion temporaire"),
            zero="aucune demi-journée d'exclusion temporaire {since}",
        ),
    ),
)
"""When in the week, after holidays, how fast, until today. A share of lateness in the first hour is not among them:
the records hold days, not hours."""
