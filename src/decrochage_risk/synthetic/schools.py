"""Schools that do not exist: UAI with a right check letter in départements without a number, classes, networks.

Also the changes of regime in the last school year of a cohort (other rates, other effects, a school that stops
recording, another marking, two schools that merge), to test what time does to a model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import USUAL_LEVEL_NAMES, USUAL_LEVELS
from decrochage_risk.synthetic.population import level_shares
from decrochage_risk.synthetic.settings import ABSENCE, LEVEL_RATES, MARKS, RISK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    from decrochage_risk.synthetic.settings import LevelRates, RiskSettings


__all__ = [
    "MOST_PUPILS",
    "REGIMES",
    "STOPS_RECORDING",
    "Schools",
    "YearRegime",
    "class_numbers",
    "make_schools",
    "regime_of",
    "school_counts",
    "school_numbers",
]

_CHECK_LETTERS = np.array(list("ABCDEFGHJKLMNPRSTUVWXYZ"))
_DEPARTMENTS = np.array([99, 98, 97, 96])  # no département has these as 096 to 099
_A_DEPARTMENT = 10_000
_NETWORK_SCHOOLS = 8
_CLASS_SIZE = 26
_KINDS = ("college", "gt", "pro")
_PUPILS_A_SCHOOL = {"college": 480, "gt": 900, "pro": 420}
_ENOUGH_SCHOOLS, _FEWEST_PUPILS = 20, 50  # of a kind: a small cohort has small schools, not a single one
_STRICTER_SHARE = 1 / 3
MOST_PUPILS = 10_000_000
"""More than this would need more schools than there are numbers for."""
_KIND_OF_LEVEL = np.array(
    [_KINDS.index({"segpa": "college"}.get(level.pathway, level.pathway)) for level in USUAL_LEVELS]
)


@dataclass(frozen=True, slots=True)
class Schools:
    """Schools by kind (collège, lycée général et technologique, lycée professionnel), the kinds one after the other.

    Attributes
    ----------
    uai, network : object arrays of shape (schools,)
    first, count : int arrays of shape (3,)
        Where each kind starts, and how many schools it has.
    mark_shift : float array of shape (schools,)
        How far the first-week tests of the school lie from those of all, in points of 20.
    climate : int array of shape (schools,)
        Absence climate, 0 the least absence.
    successor : int array of shape (schools,)
        The school itself, or the one that it was merged into.
    habit : float array of shape (schools,)
        Points of 20 added to every mark since a change of marking habits.
    """

    uai: npt.NDArray[np.object_]
    network: npt.NDArray[np.object_]
    first: npt.NDArray[np.intp]
    count: npt.NDArray[np.intp]
    mark_shift: npt.NDArray[np.float64]
    climate: npt.NDArray[np.intp]
    successor: npt.NDArray[np.intp]
    habit: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.uai)

    def near(self, home: npt.NDArray[np.float64], level: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """School of each pupil: ``home`` (0 to 1, place on the map) and level decide."""
        kind = _KIND_OF_LEVEL[level]
        place = np.minimum((home * self.count[kind]).astype(np.intp), self.count[kind] - 1)
        school: npt.NDArray[np.intp] = self.successor[self.first[kind] + place]
        return school

    def merged(self) -> Schools:
        """Merge the second collège of the map into the first; without a second one nothing changes."""
        successor = self.successor.copy()
        if self.count[0] > 1:
            successor[self.first[0] + 1] = self.first[0]
        return replace(self, successor=successor)

    def marking(self, points: float, rng: np.random.Generator) -> Schools:
        """Let a third of the schools, one at least, add so many points to every mark."""
        strict_schools = rng.permutation(len(self))[: max(1, round(_STRICTER_SHARE * len(self)))]
        habit = self.habit.copy()
        habit[strict_schools] += points
        return replace(self, habit=habit)


def school_counts(pupils: int, youngest: str) -> npt.NDArray[np.intp]:
    """How many schools of each kind so many pupils of one year need."""
    shares = np.bincount(_KIND_OF_LEVEL, weights=level_shares(youngest))
    sizes = np.array([_PUPILS_A_SCHOOL[kind] for kind in _KINDS])
    need = np.round(pupils * shares / sizes)
    enough = np.minimum(_ENOUGH_SCHOOLS, pupils * shares // _FEWEST_PUPILS)
    counts: npt.NDArray[np.intp] = np.maximum(1, np.maximum(need, enough)).astype(np.intp)
    return counts


def school_numbers(rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Seven digits of every UAI there is, without order; each block of pupils takes its own."""
    number = rng.permutation(_DEPARTMENTS.size * _A_DEPARTMENT)
    digits: npt.NDArray[np.intp] = (
        _DEPARTMENTS[number // _A_DEPARTMENT] * _A_DEPARTMENT + number % _A_DEPARTMENT
    )
    return digits


def make_schools(
    count: npt.NDArray[np.intp], digits: npt.NDArray[np.intp], first_network: int, rng: np.random.Generator
) -> Schools:
    """Make schools.

    Parameters
    ----------
    count : int array of shape (3,)
        Schools of each kind.
    digits : int array of shape (schools,)
        The seven digits of each UAI.
    first_network : int
        Number of the first FoQualE network.
    rng : Generator
    """
    total = int(count.sum())
    text = pd.Series(digits).astype(str).str.zfill(7)
    uai = (text + _CHECK_LETTERS[digits % _CHECK_LETTERS.size]).to_numpy(dtype=object)
    networks = first_network + rng.permutation(total) // _NETWORK_SCHOOLS
    network = ("RES" + pd.Series(networks).astype(str).str.zfill(4)).to_numpy(dtype=object)
    return Schools(
        uai=uai,
        network=network,
        first=(np.cumsum(count) - count).astype(np.intp),
        count=count,
        mark_shift=np.concatenate([_mark_shifts(int(number), rng) for number in count]),
        climate=np.concatenate([_climates(int(number), rng) for number in count]),
        successor=np.arange(total),
        habit=np.zeros(total),
    )


def _mark_shifts(schools: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Shifts of the schools of one kind, without any on average."""
    draws = MARKS.school_sd * rng.standard_normal(schools)
    shifts: npt.NDArray[np.float64] = draws - draws.mean()
    return shifts


def _climates(schools: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Spread the climates over the schools of one kind in their shares: ranks evenly spaced, in no order."""
    ranks = (rng.permutation(schools) + rng.random()) / schools
    edges = np.cumsum(ABSENCE.climate_shares)[:-1]
    return np.searchsorted(edges, ranks, side="right").astype(np.intp)


def class_numbers(
    school: npt.NDArray[np.intp], level: npt.NDArray[np.intp], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Share the pupils of a school and level into classes of at most 26, at random.

    Returns
    -------
    int array
        Number of the class within its school and level, from 0.
    """
    order = np.lexsort([rng.random(school.size), level, school])
    key = (school * len(USUAL_LEVEL_NAMES) + level)[order]
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if key.size else np.zeros(0, dtype=np.intp)
    sizes = np.diff(np.r_[start, key.size])
    rank = np.arange(key.size) - np.repeat(start, sizes)
    classes = np.repeat(-(-sizes // _CLASS_SIZE), sizes)
    numbers = np.empty(school.size, dtype=np.intp)
    numbers[order] = rank % classes
    return numbers


REGIMES: Mapping[str, str] = MappingProxyType(
    {
        "prior_shift": "1.3 times as many pupils leave, everywhere; what tells them apart stays the same.",
        "concept_drift": "Absence tells half as much about leaving, marks and years behind tell more.",
        "stops_recording": "A lycée professionnel records no absence from 15 January on; its coverage says so.",
        "new_marking": "A third of the schools mark two points lower; who leaves does not change.",
        "merged_school": "One collège is merged into another and has its number from then on.",
    }
)
"""Name of each regime, and what it changes in the last school year."""

_PRIOR_SHIFT = 0.37
_DRIFT_SHIFT = 0.87
_STRICTER = -2.0


@dataclass(frozen=True, slots=True)
class YearRegime:
    """What is different in one school year.

    Attributes
    ----------
    risk : RiskSettings
    schools : Schools
    rates : tuple of LevelRates
    """

    risk: RiskSettings
    schools: Schools
    rates: tuple[LevelRates, ...] = LEVEL_RATES


STOPS_RECORDING = "stops_recording"
"""The one regime that leaves rows out instead of changing what happens."""


def regime_of(regimes: Collection[str], schools: Schools, rng: np.random.Generator) -> YearRegime:
    """Put together what regimes change in their year; none of them = an ordinary year."""
    risk = RISK
    if "prior_shift" in regimes:
        risk = replace(risk, shift=risk.shift + _PRIOR_SHIFT)
    if "concept_drift" in regimes:
        risk = _drifted(risk)
    if "merged_school" in regimes:
        schools = schools.merged()
    if "new_marking" in regimes:
        schools = schools.marking(_STRICTER, rng)
    return YearRegime(risk, schools)


def _drifted(risk: RiskSettings) -> RiskSettings:
    """Halve what absence tells, and let marks and years behind tell half as much again."""
    return replace(
        risk,
        shift=risk.shift + _DRIFT_SHIFT,
        by_marked_weeks=tuple(0.5 * effect for effect in risk.by_marked_weeks),
        by_past=tuple(0.5 * effect for effect in risk.by_past),
        by_band=tuple(1.5 * effect for effect in risk.by_band),
        by_behind=tuple(1.5 * effect for effect in risk.by_behind),
        by_lows=tuple(1.5 * effect for effect in risk.by_lows),
    )
