"""Two features: exclusions of the year, and lateness of the last four weeks; a family of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.features.definition import Family, Feature
from decrochage_risk.features.windows import LAST_4W, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts

LIFE_AT_SCHOOL = Family("life_at_school", "Vie à l'internat et à l'exploitation")


def _lateness(facts: Facts) -> npt.NDArray:
    return facts.absence_sum("lateness", *LAST_4W.span(facts.known))


def _days_of_absence(facts: Facts) -> npt.NDArray:
    return facts.absence_sum("unjustified", *YEAR.span(facts.known)) / 2


FEATURES = (
    Feature(
        name="agri_lateness_4w",
        family=LIFE_AT_SCHOOL,
        table="absences",
        window=LAST_4W,
        unit="events",
        direction=1,
        definition="Retards, 4 dernières semaines.",
        compute=_lateness,
        wording=Wording(
            "{value} {noun} aux travaux pratiques {since}",
            noun=("retard", "retards"),
            zero="aucun retard aux travaux pratiques {since}",
        ),
        source="conseil de vie scolaire",
    ),
    Feature(
        name="agri_unjustified_days_year",
        family=LIFE_AT_SCHOOL,
        table="absences",
        window=YEAR,
        unit="days",
        direction=1,
        definition="Journées d'absence non justifiées, année scolaire en cours.",
        compute=_days_of_absence,
        wording=Wording(
            "{value} {noun} non justifiées sur l'exploitation {since}",
            noun=("journée", "journées"),
            zero="aucune journée non justifiée sur l'exploitation {since}",
        ),
        source="conseil de vie scolaire",
    ),
)
