"""Features read from enrolments and orientation, beyond the contract: arrivals, gaps, a round of wishes without one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.absence_facts import calendar_sums, enrolled_sum_from
from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import code_of
from decrochage_risk.features.families import NOT_TOLD, ORIENTATION, PATH
from decrochage_risk.features.sources import GPDS, LETTER, RUMBERGER_LARSON
from decrochage_risk.features.windows import THREE_YEARS, YEAR, YEAR_BACK
from decrochage_risk.features.wording import Wording
from decrochage_risk.records.levels import AT_3E, LEVELS
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.records.encoded import Orientation

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["JOURNEY_FEATURES", "first_day_here"]

ROUND_OPENS = (3, 1)
"""Month and day from which a pupil in 3e has been asked for wishes: the provisional round of the second term."""
ARRIVAL_AFTER = (9, 30)
"""Month and day until which a first day in a school is a start of year."""


def _now_at(facts: Facts, names: frozenset[str]) -> Flags:
    member = np.array([level.name in names for level in LEVELS] + [False], dtype=np.bool_)
    found: Flags = member[facts.known.level]
    return found


def _wishes(facts: Facts) -> Orientation:
    """Wishes of the school year."""
    rows = facts.orientation_rows
    wish = rows.event == code_of("orientation", "event", "wish")
    return rows.take(wish & (rows.day >= facts.known.year_start_day))


def _wish_count(facts: Facts) -> Floats:
    return np.bincount(_wishes(facts).pupil, minlength=facts.pupils).astype(np.float64)


def _pending(facts: Facts) -> Floats:
    known = facts.known
    asked = (
        _now_at(facts, AT_3E) & known.enrolled & (known.as_of >= date(known.school_year + 1, *ROUND_OPENS))
    )
    return np.where(asked, _wish_count(facts) == 0, np.nan)


def _wish_changed(facts: Facts) -> Floats:
    rows = _wishes(facts)
    rows = rows.take((rows.rank == 1) & (rows.target >= 0))
    one = np.full(facts.pupils, -1, dtype=np.int32)
    one[rows.pupil] = rows.target
    several = np.zeros(facts.pupils)
    several[rows.pupil[rows.target != one[rows.pupil]]] = 1.0
    return np.where(one >= 0, several, np.nan)


def first_day_here(facts: Facts, since: int) -> npt.NDArray[np.int64]:
    """First day of each pupil in its current school, of the enrolments that start on or after a day; 0 without one."""
    rows = facts.known.arrays.enrolments
    here = (rows.school == facts.known.school[rows.pupil]) & (rows.start >= since)
    first = np.zeros(facts.pupils, dtype=np.int64)
    first[rows.pupil[here][::-1]] = rows.start[here][::-1]
    return first


def _mid_year_arrival(facts: Facts) -> Floats:
    first = first_day_here(facts, facts.known.year_start_day)
    late = first > day_number(date(facts.known.school_year, *ARRIVAL_AFTER))
    return np.where(first > 0, late, np.nan)


def _changed(facts: Facts, values: npt.NDArray[np.int32] | npt.NDArray[np.int8], since: int) -> Floats:
    """Count the changes of a code between consecutive enrolments that have one, the later starting on or after a day.

    NaN for a pupil without two enrolments that have one.
    """
    rows = facts.known.arrays.enrolments
    known = values >= 0
    pupil, value, start = rows.pupil[known], values[known], rows.start[known]
    same = pupil[1:] == pupil[:-1]
    changed = same & (value[1:] != value[:-1]) & (start[1:] >= since)
    count = np.bincount(pupil[1:][changed], minlength=facts.pupils).astype(np.float64)
    return np.where(np.bincount(pupil[1:][same], minlength=facts.pupils) > 0, count, np.nan)


def _boarding_change(facts: Facts) -> Floats:
    changes = _changed(facts, facts.known.arrays.enrolments.boarder, facts.known.year_start_day)
    return np.minimum(changes, 1.0)


def _network_changes(facts: Facts) -> Floats:
    since = day_number(year_start(facts.known.school_year - 2))
    return _changed(facts, facts.known.arrays.enrolments.network, since)


def _first_days(facts: Facts) -> npt.NDArray[np.int64]:
    """First day of the first known enrolment; the as-of date where there is none."""
    first = np.full(facts.pupils, facts.known.as_of_day, dtype=np.int64)
    rows = facts.known.arrays.enrolments
    first[rows.pupil[::-1]] = rows.start[::-1]
    return first


def _days_without_enrolment(facts: Facts) -> Floats:
    low, after = YEAR_BACK.span(facts.known)
    calendar = facts.known.calendar
    since = np.maximum(_first_days(facts), max(low, calendar.first_day_number))
    school = calendar_sums(calendar, "days")
    held = school[after - calendar.first_day_number] - school[since - calendar.first_day_number]
    away = held - enrolled_sum_from(facts, "days", since, after)
    return np.where(_first_days(facts) < facts.known.as_of_day, away, np.nan)


def _late_return(facts: Facts) -> Floats:
    start, calendar = facts.known.year_start_day, facts.known.calendar
    rows = facts.known.arrays.enrolments
    here = rows.end >= start
    first = np.full(facts.pupils, -1, dtype=np.int64)
    first[rows.pupil[here][::-1]] = np.maximum(rows.start[here][::-1], start)
    school = calendar_sums(calendar, "days")
    at = np.maximum(first, start) - calendar.first_day_number
    return np.where(first >= 0, school[at] - school[start - calendar.first_day_number], np.nan)


JOURNEY_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="orientation_pending",
        family=ORIENTATION,
        table="orientation",
        window=YEAR,
        unit="0/1",
        direction=1,
        source=GPDS,
        definition=(
            "À partir du 1er mars, pour un élève inscrit en 3e : 1 si aucun vœu de l'année n'est saisi, 0 sinon. Inconnu avant "
            "le 1er mars et aux autres niveaux."
        ),
        compute=_pending,
        wording=Wording(
            "aucun vœu d'orientation saisi cette année (au {as_of})",
            zero="au moins un vœu d'orientation saisi cette année (au {as_of})",
            answers=("au moins un vœu saisi", "aucun vœu saisi"),
        ),
    ),
    Feature(
        name="wishes_year",
        family=NOT_TOLD,
        table="orientation",
        window=YEAR,
        unit="wishes",
        direction=0,
        source=GPDS,
        definition="Vœux d'orientation saisis au cours de l'année scolaire.",
        compute=_wish_count,
        wording=Wording(
            "{value} {noun} {since}",
            noun=("vœu d'orientation saisi", "vœux d'orientation saisis"),
            zero="aucun vœu d'orientation saisi {since}",
        ),
    ),
    Feature(
        name="first_wish_changed_year",
        family=NOT_TOLD,
        table="orientation",
        window=YEAR,
        unit="0/1",
        direction=0,
        source=GPDS,
        definition=(
            "1 si plusieurs formations différentes ont été demandées en premier vœu dans l'année, 0 s'il n'y en a qu'une. "
            "Inconnu sans premier vœu dont la formation est connue."
        ),
        compute=_wish_changed,
        wording=Wording(
            "premier vœu modifié cette année (au {as_of})",
            zero="premier vœu inchangé cette année (au {as_of})",
            answers=("premier vœu inchangé", "premier vœu modifié"),
        ),
    ),
    Feature(
        name="mid_year_arrival_year",
        family=PATH,
        table="enrolments",
        window=YEAR,
        unit="0/1",
        direction=1,
        source=RUMBERGER_LARSON,
        definition=(
            "1 si le premier jour de l'année scolaire dans l'établissement actuel est postérieur au 30 septembre, 0 sinon. "
            "Inconnu sans inscription qui commence cette année dans cet établissement."
        ),
        compute=_mid_year_arrival,
        wording=Wording(
            "arrivée dans l'établissement cette année, après le mois de septembre (au {as_of})",
            zero="inscription dans l'établissement dès septembre cette année (au {as_of})",
            answers=("inscription dès septembre", "arrivée après septembre"),
        ),
    ),
    Feature(
        name="days_without_enrolment_52w",
        family=PATH,
        table="enrolments",
        window=YEAR_BACK,
        unit="days",
        direction=1,
        source=GPDS,
        definition=(
            "Jours de classe des 52 dernières semaines, depuis la première inscription connue, sans aucune inscription ouverte."
        ),
        compute=_days_without_enrolment,
        wording=Wording(
            "{value} {noun} sans inscription connue sur les 52 dernières semaines (au {as_of})",
            noun=("jour de classe", "jours de classe"),
            zero="aucune interruption d'inscription connue sur les 52 dernières semaines (au {as_of})",
        ),
    ),
    Feature(
        name="late_return_days",
        family=PATH,
        table="enrolments",
        window=YEAR,
        unit="days",
        direction=1,
        source=GPDS,
        definition=(
            "Jours de classe entre le 1er septembre et le premier jour d'inscription de l'année scolaire. Inconnu sans "
            "inscription cette année."
        ),
        compute=_late_return,
        wording=Wording(
            "inscription {value} {noun} après la rentrée (au {as_of})",
            noun=("jour de classe", "jours de classe"),
            zero="inscription dès la rentrée (au {as_of})",
        ),
    ),
    Feature(
        name="boarding_change_year",
        family=NOT_TOLD,
        table="enrolments",
        window=YEAR,
        unit="0/1",
        direction=0,
        source=GPDS,
        definition=(
            "1 si l'élève est devenu interne, ou a cessé de l'être, avec une inscription qui commence cette année scolaire, 0 "
            "sinon. Inconnu sans deux inscriptions qui le disent."
        ),
        compute=_boarding_change,
        wording=Wording(
            "changement de régime (internat) cette année (au {as_of})",
            zero="aucun changement de régime (internat) connu cette année (au {as_of})",
            answers=("aucun changement de régime", "changement de régime"),
        ),
    ),
    Feature(
        name="network_changes_3y",
        family=NOT_TOLD,
        table="enrolments",
        window=THREE_YEARS,
        unit="changes",
        direction=0,
        source=f"{RUMBERGER_LARSON} ; {LETTER}",
        definition=(
            "Changements de réseau FoQualE entre deux inscriptions consécutives qui en ont un, depuis le 1er septembre d'il y a "
            "deux ans. Inconnu sans deux inscriptions qui en ont un."
        ),
        compute=_network_changes,
        wording=Wording(
            "{value} {noun} de réseau d'établissements {since}",
            noun=("changement", "changements"),
            zero="aucun changement de réseau d'établissements {since}",
        ),
    ),
)
"""Arrivals, gaps, changes, wishes."""
