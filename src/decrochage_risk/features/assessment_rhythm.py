"""Features of how often marks come: a pupil who is silent, week after week, is seen here and in no absence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import kernels
from decrochage_risk.features.absence_facts import enrolled_sum_from
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import ratio
from decrochage_risk.features.families import ASSESSMENT_RHYTHM, NOT_TOLD
from decrochage_risk.features.mark_facts import mark_count
from decrochage_risk.features.sources import BOWERS, GPDS, JANOSZ
from decrochage_risk.features.windows import BEFORE_12W, LAST_4W, LAST_12W, YEAR
from decrochage_risk.features.wording import Wording

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.windows import Window

    Floats = npt.NDArray[np.float64]

__all__ = ["ASSESSMENT_RHYTHM_FEATURES"]


def _days_since_mark(facts: Facts) -> Floats:
    first, after = YEAR.span(facts.known)
    events = facts.mark_events
    low, high = events.bound(first), events.bound(after)
    marked = high > low
    day = np.where(marked, np.append(events.day, 0)[np.maximum(high - 1, 0)].astype(np.int64) + 1, after)
    return np.where(marked, enrolled_sum_from(facts, "days", day, after), np.nan)


def _quiet_weeks(facts: Facts) -> Floats:
    first, after = LAST_12W.span(facts.known)
    events, weeks = facts.mark_events, facts.school_weeks(LAST_12W)
    marked = kernels.count_weeks(
        events.day, np.ones(len(facts.marks)), events.bound(first), events.bound(after)
    )
    return ratio(np.maximum(weeks - marked, 0.0), weeks)


def _marks_a_week_change(facts: Facts) -> Floats:
    def a_week(window: Window) -> Floats:
        return ratio(mark_count(facts, window), facts.school_weeks(window))

    return a_week(LAST_12W) - a_week(BEFORE_12W)


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
            "Jours de classe, inscription ouverte, depuis le lendemain de la dernière note de l'année (périodes en milieu "
            "professionnel comprises). Inconnu sans note dans l'année."
        ),
        latest=LAST_4W,
        compute=_days_since_mark,
        wording=Wording(
            "{value} {noun} depuis la dernière note (au {as_of})",
            noun=("jour de classe", "jours de classe"),
            zero="aucun jour de classe depuis la dernière note (au {as_of})",
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
            "Semaines de classe moins semaines avec au moins une note (0 au moins), rapportées aux semaines de classe des 12 "
            "dernières semaines, inscription ouverte. Inconnu sans semaine de classe."
        ),
        compute=_quiet_weeks,
        wording=Wording(
            "{value} de semaines de classe sans note {since}",
            zero="aucune semaine de classe sans note {since}",
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
            "Notes par semaine de classe sur les 12 dernières semaines, moins les notes par semaine de classe du début de "
            "l'année. Inconnu si l'une des deux périodes est sans classe."
        ),
        latest=LAST_12W,
        compute=_marks_a_week_change,
        wording=Wording(
            "{value} {noun} de plus par semaine {lately} que {earlier}",
            noun=("note", "notes"),
            zero="autant de notes par semaine {lately} que {earlier}",
            negative="{value} {noun} de moins par semaine {lately} que {earlier}",
            recent=LAST_12W,
        ),
    ),
)
"""How often marks come."""
