"""Features read from enrolments and orientation: delay, repeats, changes, wishes, and the path since the 4e."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features.definition import Feature
from decrochage_risk.features.facts import code_of
from decrochage_risk.features.families import ORIENTATION, PATH, SINCE_4E
from decrochage_risk.features.grades import change_in_marks
from decrochage_risk.features.sources import (
    BOWERS,
    BOWERS_GRADES,
    CEREQ,
    GPDS,
    JIMERSON,
    LETTER,
    RUMBERGER_LARSON,
)
from decrochage_risk.features.windows import EARLIER_YEARS, EVER, THREE_YEARS, YEAR, YEAR_AND_FIRST_4E
from decrochage_risk.features.wording import Wording
from decrochage_risk.records.levels import AT_3E, AT_4E, FROM_4E, LEVELS, LYCEE
from decrochage_risk.school_year import day_number, year_start

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts

__all__ = ["PATH_FEATURES"]

_REFUSED = 2  # granted_order of a refusal


def _years_behind(facts: Facts) -> npt.NDArray[np.float64]:
    ages = np.array([level.normal_age for level in LEVELS] + [np.nan])
    normal: npt.NDArray[np.float64] = ages[facts.known.level]
    return facts.known.school_year - facts.known.arrays.birth_year - normal


def _repeated_years(facts: Facts) -> npt.NDArray[np.float64]:
    before, after = facts.levels[:, :-1], facts.levels[:, 1:]
    repeated: npt.NDArray[np.bool_] = (before == after) & (after >= 0)
    return np.asarray(repeated.sum(axis=1), dtype=np.float64)


def _school_changes(facts: Facts) -> npt.NDArray[np.float64]:
    rows = facts.known.arrays.enrolments
    if len(rows) < 2:  # noqa: PLR2004 - a change takes two enrolments
        return np.zeros(facts.pupils)
    level = np.array([(item.name in AT_3E, item.name in LYCEE) for item in LEVELS])
    moved = (rows.pupil[1:] == rows.pupil[:-1]) & (rows.school[1:] != rows.school[:-1])
    to_lycee = level[rows.level[:-1], 0] & level[rows.level[1:], 1]
    recent = rows.start[1:] >= day_number(year_start(facts.known.school_year - 2))
    changed = moved & recent & ~to_lycee
    return np.bincount(rows.pupil[1:][changed], minlength=facts.pupils).astype(np.float64)


def _track_changes(facts: Facts) -> npt.NDArray[np.float64]:
    rows = facts.orientation_rows
    first, after = YEAR.span(facts.known)
    changed = rows.event == code_of("orientation", "event", "track_change")
    inside = changed & (rows.day >= first) & (rows.day < after)
    return np.bincount(rows.pupil[inside], minlength=facts.pupils).astype(np.float64)


def _of_latest(
    facts: Facts, event: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.int8]]:
    """Whether each pupil has such a row, and the rank and granted order of the latest."""
    rows, position = facts.latest(event)
    found = position >= 0
    rank, granted = np.full(facts.pupils, np.nan), np.full(facts.pupils, -1, dtype=np.int8)
    rank[found], granted[found] = rows.rank[position[found]], rows.granted_order[position[found]]
    return found, rank, granted


def _assigned_rank(facts: Facts) -> npt.NDArray[np.float64]:
    return _of_latest(facts, "assignment")[1]


def _first_wish_refused(facts: Facts) -> npt.NDArray[np.float64]:
    found, rank, _ = _of_latest(facts, "assignment")
    return np.where(found, np.where(rank == 1, 0.0, 1.0), np.nan)


def _council_against(facts: Facts) -> npt.NDArray[np.float64]:
    _, _, granted = _of_latest(facts, "council_decision")
    return np.select([granted == _REFUSED, granted == 0], [1.0, 0.0], np.nan)


def _absence_since_4e(facts: Facts) -> npt.NDArray[np.float64]:
    return facts.absence_rate_of_years(facts.first_year_in(FROM_4E))


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
        family=SINCE_4E,
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
