"""Orientation after the 3e, and the level of the next year: promotion, repeats, diplomas, changes of track.

The rates are those of the settings. What is drawn here is drawn for everyone, those who leave
included, so that leaving does not change what the others get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.levels import AT_3E, USUAL_LEVEL_NAMES
from decrochage_risk.synthetic.settings import LEVEL_RATES, MOVES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "ENTRY_TO_LYCEE",
    "IN_3E",
    "NO_RANK",
    "Orientation",
    "YearEnd",
    "draw_orientation",
    "draw_year_end",
    "entry_ranks",
]

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
