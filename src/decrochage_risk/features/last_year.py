"""Features of the school year before: what a pupil brings along, in a window that is the same however far records reach back.

A count since the 4e would grow with every year that the extract holds: a model that learnt from two years of records
would read three years as a rise in risk, for everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import kernels
from decrochage_risk.features.absence import LEGAL_MONTHLY_THRESHOLD
from decrochage_risk.features.absence_facts import absent_weeks, months_of
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import ratio
from decrochage_risk.features.families import SINCE_4E
from decrochage_risk.features.mark_facts import missed_rows
from decrochage_risk.features.sources import BOWERS, GPDS, LEGAL_THRESHOLD, NOLTEMEYER
from decrochage_risk.features.windows import PREVIOUS_YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

    Floats = npt.NDArray[np.float64]

__all__ = ["LAST_YEAR_FEATURES"]

_KNOWN = "Inconnu sans inscription l'année précédente."


def _enrolled_then(facts: Facts, values: Floats) -> Floats:
    there = facts.levels[:, -2] >= 0 if facts.levels.shape[1] > 1 else np.zeros(facts.pupils, np.bool_)
    return np.where(there, values, np.nan)


def _in_calendar(facts: Facts, values: Floats) -> Floats:
    held = facts.known.calendar.covers_year(facts.known.school_year - 1)
    return _enrolled_then(facts, values) if held else np.full(facts.pupils, np.nan)


def _absent_weeks_share(facts: Facts) -> Floats:
    absent = absent_weeks(facts, *PREVIOUS_YEAR.span(facts.known))
    return _in_calendar(facts, ratio(absent, facts.school_weeks(PREVIOUS_YEAR)))


def _months_over(facts: Facts) -> Floats:
    low, high = (facts.absence_events.bound(day) for day in PREVIOUS_YEAR.span(facts.known))
    months = kernels.count_months_over(
        months_of(facts), facts.absence_values("unjustified"), low, high, LEGAL_MONTHLY_THRESHOLD
    )
    return _in_calendar(facts, months)


def _exclusions(facts: Facts) -> Floats:
    return _in_calendar(facts, facts.absence_sum("exclusion", *PREVIOUS_YEAR.span(facts.known)))


def _missed(facts: Facts) -> Floats:
    missed = facts.grade_events.sum("missed", missed_rows(facts), *PREVIOUS_YEAR.span(facts.known))
    return _enrolled_then(facts, missed)


LAST_YEAR_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="absent_weeks_share_last_year",
        family=SINCE_4E,
        table="absences",
        window=PREVIOUS_YEAR,
        unit="share",
        direction=1,
        source=f"{BOWERS} ; {GPDS}",
        definition=(
            "Part des semaines de classe (lundi à dimanche) de l'année scolaire précédente comptant au moins une "
            f"demi-journée d'absence. {_KNOWN}"
        ),
        compute=_absent_weeks_share,
        wording=Wording(
            "au moins une absence, justifiée ou non, dans {value} des semaines de classe de l'année précédente, {until}",
            zero="aucune semaine de classe avec une absence l'année précédente, {until}",
        ),
    ),
    Feature(
        name="months_over_threshold_last_year",
        family=SINCE_4E,
        table="absences",
        window=PREVIOUS_YEAR,
        unit="months",
        direction=1,
        source=f"{BOWERS} ; {LEGAL_THRESHOLD}",
        definition=(
            "Mois de l'année scolaire précédente comptant au moins 4 demi-journées d'absence non justifiées. "
            + _KNOWN
        ),
        compute=_months_over,
        wording=Wording(
            "{value} mois avec au moins 4 demi-journées non justifiées l'année précédente, {until}",
            zero="aucun mois avec au moins 4 demi-journées non justifiées l'année précédente, {until}",
        ),
    ),
    Feature(
        name="exclusion_half_days_last_year",
        family=SINCE_4E,
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
        family=SINCE_4E,
        table="grades",
        window=PREVIOUS_YEAR,
        unit="events",
        direction=1,
        source=GPDS,
        definition=f"Évaluations non faites ou travaux non rendus de l'année scolaire précédente. {_KNOWN}",
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
