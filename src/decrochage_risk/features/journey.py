"""Features read from enrolments and orientation, beyond the contract: arrivals, gaps, a round of wishes without one.

Features read from enrolments and orientation: delay, repeats, changes, wishes, and the path since the 4e.

Features of the path that are never a reason: they say the level again, or how much is known of a pupil.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.definition import (
    BOWERS,
    BOWERS_GRADES,
    CEREQ,
    GPDS,
    JIMERSON,
    LETTER,
    NOT_TOLD,
    ORIENTATION,
    PATH,
    RECORDS,
    RUMBERGER_LARSON,
    SINCE_4E,
    Feature,
)
from decrochage_risk.features.event_windows import (
    enrolled_sum_from,
    is_one_of,
    since_4e_rate,
)
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.windows import (
    EARLIER_YEARS,
    EVER,
    THREE_YEARS,
    YEAR,
    YEAR_AND_FIRST_4E,
    YEAR_BACK,
    calendar_sums,
)
from decrochage_risk.features.wording import Wording
from decrochage_risk.records.levels import AT_3E, AT_4E, LEVELS, LYCEE
from decrochage_risk.records.table_schemas import code_of
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.records.encoded_tables import Orientation

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]


__all__ = ["JOURNEY_FEATURES", "KNOWN_HISTORY_FEATURES", "PATH_FEATURES", "first_day_here"]

ROUND_OPENS = (3, 1)
"""Month and day from which a pupil in 3e has been asked for wishes: the provisional round of the second term."""
ARRIVAL_AFTER = (9, 30)
"""Month and day until which a first day in a school is a start of year."""


def _now_at(facts: Facts, names: frozenset[str]) -> Flags:
    is_level: Flags = is_one_of(names)[facts.known.level]
    return is_level


def _wishes(facts: Facts) -> Orientation:
    """Wishes of the school year."""

    def rows_of_wishes() -> Orientation:
        rows = facts.orientation_rows
        wish = rows.event == code_of("orientation", "event", "wish")
        return rows.take(wish & (rows.day >= facts.known.year_start_day))

    return facts.once("wishes", rows_of_wishes)


def _wish_count(facts: Facts) -> Floats:
    return np.bincount(_wishes(facts).pupil, minlength=facts.pupils).astype(np.float64)


def _pending(facts: Facts) -> Floats:
    records = facts.known
    is_due = (
        _now_at(facts, AT_3E)
        & records.enrolled
        # Before the round a pupil without a wish is as everybody: a 1 would only tell the month.
        & (records.as_of >= date(records.school_year + 1, *ROUND_OPENS))
    )
    return np.where(is_due, _wish_count(facts) == 0, np.nan)


def _wish_changed(facts: Facts) -> Floats:
    rows = _wishes(facts)
    # First wishes alone: adding a fourth wish is no change of mind.
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
    # Written backwards, so that of several rows the earliest stays.
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
    has_code = values >= 0
    pupil, value, start = rows.pupil[has_code], values[has_code], rows.start[has_code]
    same = pupil[1:] == pupil[:-1]
    is_change = same & (value[1:] != value[:-1]) & (start[1:] >= since)
    count = np.bincount(pupil[1:][is_change], minlength=facts.pupils).astype(np.float64)
    return np.where(np.bincount(pupil[1:][same], minlength=facts.pupils) > 0, count, np.nan)


def _boarding_change(facts: Facts) -> Floats:
    changes = _changed(facts, facts.known.arrays.enrolments.boarder, facts.known.year_start_day)
    # minimum keeps NaN: not known stays not known.
    return np.minimum(changes, 1.0)


def _network_changes(facts: Facts) -> Floats:
    since = day_number(year_start(facts.known.school_year - 2))
    return _changed(facts, facts.known.arrays.enrolments.network, since)


def _first_days(facts: Facts) -> npt.NDArray[np.int64]:
    """First day of the first known enrolment; the as-of date where there is none."""
    first = np.full(facts.pupils, facts.known.as_of_day, dtype=np.int64)
    rows = facts.known.arrays.enrolments
    # Backwards again: the earliest stays.
    first[rows.pupil[::-1]] = rows.start[::-1]
    return first


def _days_without_enrolment(facts: Facts) -> Floats:
    low, after = YEAR_BACK.span(facts.known)
    calendar = facts.known.calendar
    first = _first_days(facts)
    since = np.maximum(first, max(low, calendar.first_day_number))
    school = calendar_sums(calendar, "days")
    school_days = school[after - calendar.first_day_number] - school[since - calendar.first_day_number]
    away = school_days - enrolled_sum_from(facts, "days", since, after)
    return np.where(first < facts.known.as_of_day, away, np.nan)


def _late_return(facts: Facts) -> Floats:
    start, calendar = facts.known.year_start_day, facts.known.calendar
    rows = facts.known.arrays.enrolments
    # Stays that reach into this year, also those that began before it.
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


_REFUSED = 2  # granted_order of a refusal


def _years_behind(facts: Facts) -> npt.NDArray[np.float64]:
    # NaN at the end is what the level -1 (none) reads.
    ages = np.array([level.normal_age for level in LEVELS] + [np.nan])
    normal: npt.NDArray[np.float64] = ages[facts.known.level]
    return facts.known.school_year - facts.known.arrays.birth_year - normal


def _repeated_years(facts: Facts) -> npt.NDArray[np.float64]:
    # Neighbouring columns are neighbouring years, with a column for years without an enrolment too.
    before, after = facts.levels[:, :-1], facts.levels[:, 1:]
    is_repeat: npt.NDArray[np.bool_] = (before == after) & (after >= 0)
    return np.asarray(is_repeat.sum(axis=1), dtype=np.float64)


def _school_changes(facts: Facts) -> npt.NDArray[np.float64]:
    rows = facts.known.arrays.enrolments
    if len(rows) < 2:  # noqa: PLR2004 - a change takes two enrolments
        return np.zeros(facts.pupils)
    is_move = (rows.pupil[1:] == rows.pupil[:-1]) & (rows.school[1:] != rows.school[:-1])
    # Everybody changes school after the 3e: it says nothing about a pupil.
    to_lycee = is_one_of(AT_3E)[rows.level[:-1]] & is_one_of(LYCEE)[rows.level[1:]]
    recent = rows.start[1:] >= day_number(year_start(facts.known.school_year - 2))
    is_change = is_move & recent & ~to_lycee
    return np.bincount(rows.pupil[1:][is_change], minlength=facts.pupils).astype(np.float64)


def _track_changes(facts: Facts) -> npt.NDArray[np.float64]:
    rows = facts.orientation_rows
    first, after = YEAR.span(facts.known)
    is_change = rows.event == code_of("orientation", "event", "track_change")
    inside = is_change & (rows.day >= first) & (rows.day < after)
    return np.bincount(rows.pupil[inside], minlength=facts.pupils).astype(np.float64)


def _of_latest(
    facts: Facts, event: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.int8]]:
    """Whether each pupil has such a row, and the rank and granted order of the latest."""
    rows, position = facts.latest(event)
    has_row = position >= 0
    rank, order = np.full(facts.pupils, np.nan), np.full(facts.pupils, -1, dtype=np.int8)
    rank[has_row], order[has_row] = rows.rank[position[has_row]], rows.granted_order[position[has_row]]
    return has_row, rank, order


def _assigned_rank(facts: Facts) -> npt.NDArray[np.float64]:
    return _of_latest(facts, "assignment")[1]


def _first_wish_refused(facts: Facts) -> npt.NDArray[np.float64]:
    has_row, rank, _ = _of_latest(facts, "assignment")
    # A comparison with NaN is false: an assignment without a rank is one where no wish was obtained.
    return np.where(has_row, np.where(rank == 1, 0.0, 1.0), np.nan)


def _council_against(facts: Facts) -> npt.NDArray[np.float64]:
    _, _, order = _of_latest(facts, "council_decision")
    # The third value is "not known", which is not a refusal.
    return np.where(order == _REFUSED, 1.0, np.where(order == 0, 0.0, np.nan))


def _absence_since_4e(facts: Facts) -> npt.NDArray[np.float64]:
    return since_4e_rate(facts)


def _marks_since_4e(facts: Facts) -> npt.NDArray[np.float64]:
    change = np.full(facts.pupils, np.nan)
    now = facts.mean_mark(*YEAR.span(facts.known))
    first = facts.first_year_in(AT_4E)
    for year in range(facts.first_year, facts.known.school_year):
        then = facts.mean_mark(day_number(year_start(year)), day_number(year_start(year + 1)))
        change = np.where(first == year, now - then, change)
    return change


PATH_FEATURES: tuple[Feature, ...] = (
    Feature(
        name="years_behind",
        family=PATH,
        table="pupils",
        window=EVER,
        unit="years",
        direction=1,
        source=f"{JIMERSON} ; {BOWERS}",
        definition="Année scolaire moins année de naissance moins âge habituel du niveau. Inconnu sans date de naissance.",
        compute=_years_behind,
        wording=Wording(
            "{value} {noun} de plus que l'âge habituel du niveau (au {as_of})",
            noun=("an", "ans"),
            zero="âge habituel du niveau (au {as_of})",
            negative="{value} {noun} de moins que l'âge habituel du niveau (au {as_of})",
        ),
    ),
    Feature(
        name="repeated_years",
        family=PATH,
        table="enrolments",
        window=EVER,
        unit="years",
        direction=1,
        source=JIMERSON,
        definition="Années scolaires connues dont le niveau est celui de l'année précédente.",
        compute=_repeated_years,
        wording=Wording(
            "{value} {noun} dans la scolarité connue (au {as_of})",
            noun=("année redoublée", "années redoublées"),
            zero="aucune année redoublée dans la scolarité connue (au {as_of})",
        ),
    ),
    Feature(
        name="school_changes_3y",
        family=PATH,
        table="enrolments",
        window=THREE_YEARS,
        unit="changes",
        direction=1,
        source=RUMBERGER_LARSON,
        definition=(
            "Changements d'établissement depuis le 1er septembre d'il y a deux ans, l'entrée au lycée après la 3e n'en "
            "étant pas un."
        ),
        compute=_school_changes,
        wording=Wording(
            "{value} {noun} d'établissement {since}",
            noun=("changement", "changements"),
            zero="aucun changement d'établissement {since}",
        ),
    ),
    Feature(
        name="track_changes_year",
        family=PATH,
        table="orientation",
        window=YEAR,
        unit="changes",
        direction=1,
        source=CEREQ,
        definition="Changements de voie ou de formation au cours de l'année scolaire.",
        compute=_track_changes,
        wording=Wording(
            "{value} {noun} de voie ou de formation {since}",
            noun=("changement", "changements"),
            zero="aucun changement de voie ou de formation {since}",
        ),
    ),
    Feature(
        name="assigned_wish_rank",
        family=ORIENTATION,
        table="orientation",
        window=EVER,
        unit="rank",
        direction=1,
        source=GPDS,
        definition="Rang du vœu obtenu à la dernière affectation. Inconnu sans affectation, ou si aucun vœu n'est obtenu.",
        compute=_assigned_rank,
        wording=Wording("dernière affectation sur le vœu de {value} (au {as_of})"),
    ),
    Feature(
        name="first_wish_refused",
        family=ORIENTATION,
        table="orientation",
        window=EVER,
        unit="0/1",
        direction=1,
        source=GPDS,
        definition="1 si le premier vœu n'est pas celui de la dernière affectation, 0 s'il l'est. Inconnu sans affectation.",
        compute=_first_wish_refused,
        wording=Wording(
            "premier vœu non obtenu à la dernière affectation (au {as_of})",
            zero="premier vœu obtenu à la dernière affectation (au {as_of})",
            answers=("premier vœu obtenu", "premier vœu non obtenu"),
        ),
    ),
    Feature(
        name="council_against_wish",
        family=ORIENTATION,
        table="orientation",
        window=EVER,
        unit="0/1",
        direction=1,
        source=GPDS,
        definition="1 si la dernière décision du conseil de classe n'accorde pas le vœu, 0 si elle l'accorde. Inconnu sinon.",
        compute=_council_against,
        wording=Wording(
            "vœu non retenu par le dernier conseil de classe d'orientation (au {as_of})",
            zero="vœu retenu par le dernier conseil de classe d'orientation (au {as_of})",
            answers=("vœu retenu", "vœu non retenu"),
        ),
    ),
    Feature(
        name="absence_rate_since_4e",
        family=NOT_TOLD,
        table="absences",
        window=EARLIER_YEARS,
        unit="share",
        direction=1,
        source=f"{LETTER} ; {BOWERS}",
        definition=(
            "Demi-journées d'absence rapportées aux demi-journées possibles, sur les années scolaires passées depuis la "
            "première en 4e ou au-delà. Inconnu s'il n'y en a pas."
        ),
        compute=_absence_since_4e,
        wording=Wording(
            "{value} des demi-journées de classe manquées les années précédentes connues depuis la 4e, {until}",
            zero="aucune demi-journée de classe manquée les années précédentes connues depuis la 4e, {until}",
        ),
    ),
    Feature(
        name="grade_change_since_4e",
        family=SINCE_4E,
        table="grades",
        window=YEAR_AND_FIRST_4E,
        unit="points",
        direction=-1,
        source=f"{LETTER} ; {BOWERS_GRADES}",
        definition="Moyenne de l'année en cours moins celle de la première année en 4e. Inconnu si c'est la même année.",
        compute=_marks_since_4e,
        wording=change_in_marks(
            "moyenne de l'année en hausse de {value} {noun} par rapport à la 4e (au {as_of})",
            "moyenne de l'année en baisse de {value} {noun} par rapport à la 4e (au {as_of})",
            "moyenne de l'année stable par rapport à la 4e (au {as_of})",
        ),
    ),
)


FIRST_YEARS_VOCATIONAL = frozenset({"2de_pro", "cap1"})
_DAYS_A_WEEK = 7


def _weeks_here(facts: Facts) -> Floats:
    first = first_day_here(facts, 0)
    return np.where(first > 0, (facts.known.as_of_day - first) // _DAYS_A_WEEK, np.nan)


def _vocational_entry(facts: Facts) -> Floats:
    at = facts.level_in(FIRST_YEARS_VOCATIONAL)
    enters = at[:, -1] & ~(at[:, -2] if at.shape[1] > 1 else np.zeros(facts.pupils, dtype=np.bool_))
    return np.where(facts.levels[:, -1] >= 0, enters, np.nan)


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
