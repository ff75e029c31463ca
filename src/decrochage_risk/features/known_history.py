"""Features of the path that are never a reason: they say the level again, or how much is known of a pupil."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.definition import Feature
from decrochage_risk.features.families import NOT_TOLD
from decrochage_risk.features.journey import first_day_here
from decrochage_risk.features.sources import CEREQ, LETTER, RECORDS, RUMBERGER_LARSON
from decrochage_risk.features.windows import EVER, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

    Floats = npt.NDArray[np.float64]

__all__ = ["KNOWN_HISTORY_FEATURES"]

FIRST_YEARS_VOCATIONAL = frozenset({"2de_pro", "cap1"})
_DAYS_A_WEEK = 7


def _weeks_here(facts: Facts) -> Floats:
    first = first_day_here(facts, 0)
    return np.where(first > 0, (facts.known.as_of_day - first) // _DAYS_A_WEEK, np.nan)


def _vocational_entry(facts: Facts) -> Floats:
    at = facts.level_in(FIRST_YEARS_VOCATIONAL)
    entered = at[:, -1] & ~(at[:, -2] if at.shape[1] > 1 else np.zeros(facts.pupils, dtype=np.bool_))
    return np.where(facts.levels[:, -1] >= 0, entered, np.nan)


def _weeks_enrolled(facts: Facts) -> Floats:
    weeks: Floats = facts.school_weeks(YEAR)
    return weeks


KNOWN_HISTORY_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="vocational_entry_year",
        family=NOT_TOLD,
        table="enrolments",
        window=YEAR,
        unit="0/1",
        direction=0,
        source=f"{CEREQ} ; {LETTER}",
        definition=(
            "1 pour une première année en 2de professionnelle ou en 1re année de CAP, 0 sinon, redoublement compris. Redit "
            "surtout le niveau : jamais donné comme motif."
        ),
        compute=_vocational_entry,
        wording=Wording(
            "entrée cette année en lycée professionnel ou en CAP (au {as_of})",
            zero="pas d'entrée cette année en lycée professionnel ou en CAP (au {as_of})",
            answers=("pas d'entrée cette année", "entrée cette année"),
        ),
    ),
    Feature(
        name="weeks_in_school",
        family=NOT_TOLD,
        table="enrolments",
        window=EVER,
        unit="weeks",
        direction=0,
        source=RUMBERGER_LARSON,
        definition="Semaines entières depuis la première inscription connue dans l'établissement actuel.",
        of_records=True,
        compute=_weeks_here,
        wording=Wording(
            "{value} {noun} depuis l'arrivée dans l'établissement (au {as_of})", noun=("semaine", "semaines")
        ),
    ),
    Feature(
        name="years_known",
        family=NOT_TOLD,
        table="enrolments",
        window=EVER,
        unit="years",
        direction=0,
        source=RECORDS,
        definition="Années scolaires dont une inscription est connue.",
        of_records=True,
        compute=lambda facts: (facts.levels >= 0).sum(axis=1).astype(np.float64),
        wording=Wording(
            "{value} {noun} (au {as_of})", noun=("année scolaire connue", "années scolaires connues")
        ),
    ),
    Feature(
        name="school_weeks_year",
        family=NOT_TOLD,
        table="enrolments",
        window=YEAR,
        unit="weeks",
        direction=0,
        source=RECORDS,
        definition="Semaines de classe de l'année, inscription ouverte : ce que l'on peut savoir de l'année.",
        of_records=True,
        compute=_weeks_enrolled,
        wording=Wording("{value} {noun} {since}", noun=("semaine de classe", "semaines de classe")),
    ),
)
"""Entry into a vocational path, and how much is known."""
