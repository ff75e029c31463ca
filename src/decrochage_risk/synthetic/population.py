"""The pupils: who they are, when they enter the cohort, what they carry from one year into the next, and where they go.

The first year holds all levels; each later one brings newcomers at the youngest levels and a few others. Sex moves
delay, marks and wishes as published figures have it; the risk itself ignores it.

Orientation after the 3e and the level of the next year (promotion, repeats, diplomas, changes of track) have the rates of the
settings. They are drawn for everyone, those who leave included, so that leaving does not change what the others get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.levels import AT_3E, USUAL_LEVEL_NAMES, USUAL_LEVELS
from decrochage_risk.synthetic.chain import sigmoid
from decrochage_risk.synthetic.settings import LEVEL_RATES, MOVES

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

__all__ = [
    "ENTRY_TO_LYCEE",
    "IN_3E",
    "NORMAL_AGES",
    "NO_PAST",
    "NO_RANK",
    "YOUNGEST",
    "Orientation",
    "Population",
    "YearEnd",
    "draw_orientation",
    "draw_population",
    "draw_year_end",
    "entry_ranks",
    "level_shares",
    "yearly_pupils",
]

NORMAL_AGES = np.array([level.normal_age for level in USUAL_LEVELS])
_IS_PRO = np.array([level.pathway == "pro" for level in USUAL_LEVELS])
_ENTRY_LEVELS = {"6e": ("6e", "6e_segpa"), "3e": ("3e", "3e_pm", "3e_segpa")}
_FIRST_AGE = {"6e": 11, "3e": 14}
YOUNGEST = tuple(_ENTRY_LEVELS)
"""Levels that a cohort may begin with."""
_GIRLS = np.array([rates.girls for rates in LEVEL_RATES])
_AHEAD, _TWICE_BEHIND = 0.02, 0.15
_MOST_BEHIND = 2
NO_PAST = 3
"""``past`` of a pupil without records of the year before."""


@dataclass(slots=True)
class Population:
    """Every pupil of the cohort, one array element each; those from ``home`` on change from year to year.

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
    back_in : school year in which who has left is enrolled again, 0 = never
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
    back_in: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.pupil_id)

    def enrolled(self, school_year: int) -> npt.NDArray[np.intp]:
        """Positions of the pupils who are there when this school year begins."""
        return np.flatnonzero((self.entry_year <= school_year) & (~self.gone | (self.back_in == school_year)))

    def take_back(self, who: npt.NDArray[np.intp]) -> None:
        """Enrol again those of ``who`` who had left: nothing is on record of the year before, and the school is new to them."""
        back = who[self.gone[who]]
        self.gone[back] = False
        self.past[back] = NO_PAST
        self.upheaval[back] = 1

    def take(self, who: npt.NDArray[np.intp]) -> Population:
        """Copy some pupils."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["pupil_id"] = self.pupil_id.iloc[who]
        return Population(
            **{name: value if name == "pupil_id" else value[who] for name, value in values.items()}
        )

    def years_behind(self, who: npt.NDArray[np.intp], school_year: int) -> npt.NDArray[np.intp]:
        """School year less birth year less the normal age of the level, kept within 0 to 2."""
        birth_year = (
            self.birth_day[who].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        )
        behind = school_year - birth_year - NORMAL_AGES[self.level[who]]
        years: npt.NDArray[np.intp] = np.clip(behind, 0, _MOST_BEHIND).astype(np.intp)
        return years


def level_shares(youngest: str) -> npt.NDArray[np.float64]:
    """Share of each level among the pupils of a year, from a youngest level on."""
    stock = np.array([rates.stock for rates in LEVEL_RATES])
    weights = np.where(_FIRST_AGE[youngest] <= NORMAL_AGES, stock, 0.0)
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def yearly_pupils(pupils: int, years: int, youngest: str) -> int:
    """Pupils of one year when so many distinct pupils pass through so many years."""
    renewal = float(level_shares(youngest)[np.isin(USUAL_LEVEL_NAMES, _ENTRY_LEVELS[youngest])].sum())
    # Each later year brings as many newcomers as the entry levels hold.
    return max(1, round(pupils / (1.0 + (years - 1) * renewal)))


def draw_population(
    pupil_id: pd.Series, school_years: list[int], youngest: str, rng: np.random.Generator
) -> Population:
    """Draw everyone who is ever in the cohort, as they are when they enter it."""
    pupils = len(pupil_id)
    entry_year = _entry_years(pupils, school_years, youngest, rng)
    level = _entry_levels(entry_year > school_years[0], youngest, rng)
    girl = rng.random(pupils) < _GIRLS[level]
    ability = rng.standard_normal(pupils) - 0.7 * _IS_PRO[level]
    ability += np.where(girl, MOVES.ability_girls, -MOVES.ability_girls)
    late = sigmoid(
        MOVES.behind_logit
        + MOVES.behind_logit_pro * _IS_PRO[level]
        + MOVES.behind_by_ability * ability
        + MOVES.behind_boys * ~girl
    )
    draw = rng.random(pupils)
    behind = np.where(
        draw < late, np.where(draw < _TWICE_BEHIND * late, 2, 1), np.where(draw > 1 - _AHEAD, -1, 0)
    )
    birth_year = entry_year - NORMAL_AGES[level] - behind
    first = (birth_year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return Population(
        pupil_id=pupil_id,
        birth_day=(first + rng.integers(0, 365, pupils)).astype(np.int32),
        girl=girl,
        entry_year=entry_year,
        ability=ability,
        home=rng.random(pupils),
        level=level,
        wish=np.zeros(pupils, dtype=np.intp),
        past=np.full(pupils, NO_PAST, dtype=np.intp),
        upheaval=np.zeros(pupils, dtype=np.intp),
        changed_track=np.zeros(pupils, dtype=np.bool_),
        gone=np.zeros(pupils, dtype=np.bool_),
        back_in=np.zeros(pupils, dtype=np.intp),
    )


def _entry_years(
    pupils: int, school_years: list[int], youngest: str, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Most are there in the first year; the others enter in equal numbers in each later one."""
    later = pupils - yearly_pupils(pupils, len(school_years), youngest)
    years = np.full(pupils, school_years[0], dtype=np.intp)
    if later:
        years[:later] = np.resize(np.array(school_years[1:]), later)
    return rng.permutation(years)


def _entry_levels(
    later: npt.NDArray[np.bool_], youngest: str, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Levels at entry: all of them in the first year, the youngest (and a few others) after."""
    shares = level_shares(youngest)
    first = np.where(np.isin(USUAL_LEVEL_NAMES, _ENTRY_LEVELS[youngest]), shares, 0.0)
    everywhere = rng.choice(len(shares), size=later.size, p=shares)
    entering = rng.choice(len(shares), size=later.size, p=first / first.sum())
    regular = later & (rng.random(later.size) >= MOVES.late_entries)
    return np.where(regular, entering, everywhere).astype(np.intp)


_CODE = {name: code for code, name in enumerate(USUAL_LEVEL_NAMES)}

IN_3E = np.isin(USUAL_LEVEL_NAMES, sorted(AT_3E))
"""Levels with a round of orientation."""

ENTRY_TO_LYCEE = np.isin(USUAL_LEVEL_NAMES, ["2de_gt", "2de_pro", "cap1"])
"""Levels that an assignment leads to."""

NO_RANK = 0
"""Rank of an assignment when none of the wishes was obtained."""

_NEXT = {
    "6e": "5e", "5e": "4e", "4e": "3e", "6e_segpa": "5e_segpa", "5e_segpa": "4e_segpa", "4e_segpa": "3e_segpa",
    "2de_gt": "1re_gt", "1re_gt": "tle_gt", "2de_pro": "1re_pro", "1re_pro": "tle_pro", "cap1": "cap2", "cap2": "cap3",
}  # fmt: skip

_NEXT_LEVEL = np.array([_CODE[_NEXT.get(name, name)] for name in USUAL_LEVEL_NAMES])

_REPEAT = np.array([rates.repeat for rates in LEVEL_RATES])

_GRADUATES = np.array([dict(MOVES.graduates).get(name, 0.0) for name in USUAL_LEVEL_NAMES])

_LAST_YEAR = _GRADUATES > 0

_OFFERS_AFTER = {"3e_pm": 0.4, "3e_segpa": 0.95}


@dataclass(frozen=True, slots=True)
class Orientation:
    """The round of the 3e, one element per pupil of the year; meaningless outside the 3e.

    Attributes
    ----------
    wished, assigned : int arrays, levels
    granted : bool array
        Whether the council follows the first wish.
    rank : int array
        Rank of the wish obtained, 0 for none.
    wishes : int array
        How many wishes were made, 1 to 3.
    """

    wished: npt.NDArray[np.intp]
    assigned: npt.NDArray[np.intp]
    granted: npt.NDArray[np.bool_]
    rank: npt.NDArray[np.intp]
    wishes: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class YearEnd:
    """What the end of the year brings to those who stay: one element per pupil of the year."""

    level: npt.NDArray[np.intp]
    repeats: npt.NDArray[np.bool_]
    graduates: npt.NDArray[np.bool_]
    changes_track: npt.NDArray[np.bool_]


def draw_orientation(
    level: npt.NDArray[np.intp],
    band: npt.NDArray[np.intp],
    girl: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> Orientation:
    """Draw wishes, council decisions and assignments from level and band of marks; girls ask for the GT more."""
    pupils = level.size
    general = level == _CODE["3e"]
    wanting = np.take(MOVES.wants_gt, band) + np.where(girl, MOVES.wants_gt_girls, -MOVES.wants_gt_girls)
    wants_gt = general & (rng.random(pupils) < wanting)
    is_granted = ~wants_gt | (rng.random(pupils) < np.take(MOVES.grants_gt, band))
    cap_share = np.full(len(USUAL_LEVEL_NAMES), MOVES.cap_share)
    cap_share[[_CODE[name] for name in _OFFERS_AFTER]] = list(_OFFERS_AFTER.values())
    vocational = np.where(rng.random(pupils) < cap_share[level], _CODE["cap1"], _CODE["2de_pro"])
    wish_level = np.where(wants_gt, _CODE["2de_gt"], vocational)
    assigned_level = np.where(is_granted, wish_level, vocational)
    rank = entry_ranks(assigned_level, rng)
    # A first wish that the council refused is not the one obtained; and the one obtained was made.
    rank = np.where(~is_granted & (rank == 1), 2, rank)
    wishes = np.maximum(rng.integers(1, 4, pupils), rank)
    return Orientation(wish_level, assigned_level, is_granted, rank, wishes)


def entry_ranks(assigned: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Rank of the wish obtained, by the level of the assignment; 0 for none."""
    draw = rng.random(assigned.size)
    pro = np.searchsorted(np.cumsum(MOVES.ranks_pro[:3]), draw, side="right") + 1
    general = np.where(draw < MOVES.first_wish_gt, 1, 2)
    rank = np.where(assigned == _CODE["2de_gt"], general, pro)
    return np.where(rank > len(MOVES.ranks_pro) - 1, NO_RANK, rank).astype(np.intp)


def draw_year_end(level: npt.NDArray[np.intp], orientation: Orientation, rng: np.random.Generator) -> YearEnd:
    """Draw the level of the next year, for everyone; whoever leaves does not get to use it."""
    pupils = level.size
    graduates = rng.random(pupils) < _GRADUATES[level]
    repeats = np.where(_LAST_YEAR[level], ~graduates, rng.random(pupils) < _REPEAT[level])
    draw = rng.random(pupils)
    goes_on = (level == _CODE["cap2"]) & (draw < MOVES.cap_in_three_years)
    graduates, repeats = graduates & ~goes_on, repeats & ~goes_on
    # One draw for three levels: nobody is at two of them.
    to_pm = (level == _CODE["4e"]) & (draw < MOVES.college_to_pm)
    changes = (level == _CODE["2de_gt"]) & (draw < MOVES.gt_to_pro) & ~repeats
    following = np.where(IN_3E[level], orientation.assigned, _NEXT_LEVEL[level])
    following = np.where(to_pm, _CODE["3e_pm"], following)
    following = np.where(changes, _CODE["1re_pro"], following)
    return YearEnd(np.where(repeats, level, following).astype(np.intp), repeats, graduates, changes)
