"""The pupils: who they are, when they enter the cohort, and what they carry from one year into the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import LEVEL_NAMES, LEVELS
from decrochage_risk.synthetic.chain import sigmoid
from decrochage_risk.synthetic.settings import LEVEL_RATES, MOVES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NORMAL_AGES", "NO_PAST", "Population", "draw_population", "yearly_pupils"]

NORMAL_AGES = np.array([level.normal_age for level in LEVELS])
_IS_PRO = np.array([level.pathway == "pro" for level in LEVELS])
_FIRST_LEVELS = ("6e", "6e_segpa")
_GIRLS = 0.49
_AHEAD, _TWICE_BEHIND = 0.02, 0.15
_MOST_BEHIND = 2
NO_PAST = 3
"""``past`` of a pupil without records of the year before."""


@dataclass(slots=True)
class Population:
    """Every pupil of the cohort, one array element each; the last six change from year to year.

    Attributes
    ----------
    pupil_id : opaque ids, in an order without meaning
    birth_day : days since 1970-01-01
    entry_year : first school year in the cohort
    ability : what the first-week tests measure with noise, mean 0 and standard deviation 1
    home : place on the map, 0 to 1
    level, wish, past, upheaval : as in ``chain.Facts``
    changed_track : changed track in the last summer
    gone : has left the cohort
    """

    pupil_id: pd.Series
    birth_day: npt.NDArray[np.int32]
    girl: npt.NDArray[np.bool_]
    entry_year: npt.NDArray[np.intp]
    ability: npt.NDArray[np.float64]
    home: npt.NDArray[np.float64]
    level: npt.NDArray[np.intp]
    wish: npt.NDArray[np.intp]
    past: npt.NDArray[np.intp]
    upheaval: npt.NDArray[np.intp]
    changed_track: npt.NDArray[np.bool_]
    gone: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pupil_id)

    def enrolled(self, school_year: int) -> npt.NDArray[np.intp]:
        """Positions of the pupils who are there when this school year begins."""
        return np.flatnonzero((self.entry_year <= school_year) & ~self.gone)

    def years_behind(self, who: npt.NDArray[np.intp], school_year: int) -> npt.NDArray[np.intp]:
        """School year less birth year less the normal age of the level, kept within 0 to 2."""
        birth_year = (
            self.birth_day[who].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        )
        behind = school_year - birth_year - NORMAL_AGES[self.level[who]]
        kept: npt.NDArray[np.intp] = np.clip(behind, 0, _MOST_BEHIND).astype(np.intp)
        return kept


def yearly_pupils(pupils: int, years: int) -> int:
    """Pupils of one year when so many distinct pupils pass through so many years."""
    return max(1, round(pupils / (1.0 + (years - 1) * MOVES.renewal)))


def draw_population(pupils: int, school_years: list[int], rng: np.random.Generator) -> Population:
    """Draw everyone who is ever in the cohort, as they are when they enter it."""
    entry_year = _entry_years(pupils, school_years, rng)
    level = _entry_levels(entry_year > school_years[0], rng)
    ability = rng.standard_normal(pupils) - 0.7 * _IS_PRO[level]
    late = sigmoid(
        MOVES.behind_logit + MOVES.behind_logit_pro * _IS_PRO[level] + MOVES.behind_by_ability * ability
    )
    draw = rng.random(pupils)
    behind = np.where(
        draw < late, np.where(draw < _TWICE_BEHIND * late, 2, 1), np.where(draw > 1 - _AHEAD, -1, 0)
    )
    birth_year = entry_year - NORMAL_AGES[level] - behind
    first = (birth_year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return Population(
        pupil_id=_opaque_ids(pupils, rng),
        birth_day=(first + rng.integers(0, 365, pupils)).astype(np.int32),
        girl=rng.random(pupils) < _GIRLS,
        entry_year=entry_year,
        ability=ability,
        home=rng.random(pupils),
        level=level,
        wish=np.zeros(pupils, dtype=np.intp),
        past=np.full(pupils, NO_PAST, dtype=np.intp),
        upheaval=np.zeros(pupils, dtype=np.intp),
        changed_track=np.zeros(pupils, dtype=np.bool_),
        gone=np.zeros(pupils, dtype=np.bool_),
    )


def _entry_years(pupils: int, school_years: list[int], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Most are there in the first year; the others enter in equal numbers in each later one."""
    later = pupils - yearly_pupils(pupils, len(school_years))
    years = np.full(pupils, school_years[0], dtype=np.intp)
    if later:
        years[:later] = np.resize(np.array(school_years[1:]), later)
    return rng.permutation(years)


def _entry_levels(later: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Levels at entry: all of them in the first year, the 6e (and a few others) after."""
    stock = np.array([rates.stock for rates in LEVEL_RATES])
    first = np.where(np.isin(LEVEL_NAMES, _FIRST_LEVELS), stock, 0.0)
    everywhere = rng.choice(len(stock), size=later.size, p=stock / stock.sum())
    entering = rng.choice(len(stock), size=later.size, p=first / first.sum())
    regular = later & (rng.random(later.size) >= MOVES.late_entries)
    return np.where(regular, entering, everywhere).astype(np.intp)


def _opaque_ids(pupils: int, rng: np.random.Generator) -> pd.Series:
    """``P`` and digits drawn without order: nothing can be read from an id."""
    numbers = pd.Series(rng.permutation(pupils) + 1)
    width = max(6, len(str(pupils)))
    return "P" + numbers.astype("str").str.zfill(width)
