"""Schools that do not exist: UAI with a right check letter in départements without a number, classes, networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import LEVEL_NAMES, LEVELS
from decrochage_risk.synthetic.settings import LEVEL_RATES, MARKS

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MOST_PUPILS", "Schools", "class_numbers", "make_schools"]

_CHECK_LETTERS = np.array(list("ABCDEFGHJKLMNPRSTUVWXYZ"))
_DEPARTMENTS = np.array([99, 98, 97, 96])  # no département has these as 096 to 099
_A_DEPARTMENT = 10_000
_NETWORK_SCHOOLS = 8
_CLASS_SIZE = 26
_KINDS = ("college", "gt", "pro")
_PUPILS_A_SCHOOL = {"college": 480, "gt": 900, "pro": 420}
MOST_PUPILS = 10_000_000
"""More than this would need more schools than there are numbers for."""
_KIND_OF_LEVEL = np.array(
    [_KINDS.index({"segpa": "college"}.get(level.pathway, level.pathway)) for level in LEVELS]
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
    """

    uai: npt.NDArray[np.object_]
    network: npt.NDArray[np.object_]
    first: npt.NDArray[np.intp]
    count: npt.NDArray[np.intp]
    mark_shift: npt.NDArray[np.float64]

    def near(self, home: npt.NDArray[np.float64], level: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """School of each pupil: ``home`` (0 to 1, place on the map) and level decide."""
        kind = _KIND_OF_LEVEL[level]
        place = np.minimum((home * self.count[kind]).astype(np.intp), self.count[kind] - 1)
        school: npt.NDArray[np.intp] = self.first[kind] + place
        return school


def make_schools(pupils: int, rng: np.random.Generator) -> Schools:
    """Make as many schools as so many pupils of one year need."""
    stock = np.array([level.stock for level in LEVEL_RATES])
    shares = np.bincount(_KIND_OF_LEVEL, weights=stock) / stock.sum()
    sizes = np.array([_PUPILS_A_SCHOOL[kind] for kind in _KINDS])
    count = np.maximum(1, np.round(pupils * shares / sizes)).astype(np.intp)
    total = int(count.sum())
    number = rng.permutation(_DEPARTMENTS.size * _A_DEPARTMENT)[:total]
    digits = _DEPARTMENTS[number // _A_DEPARTMENT] * _A_DEPARTMENT + number % _A_DEPARTMENT
    text = pd.Series(digits).astype(str).str.zfill(7)
    uai = (text + _CHECK_LETTERS[digits % _CHECK_LETTERS.size]).to_numpy(dtype=object)
    networks = rng.permutation(total) // _NETWORK_SCHOOLS
    network = ("RES" + pd.Series(networks).astype(str).str.zfill(4)).to_numpy(dtype=object)
    shift = MARKS.school_sd * rng.standard_normal(total)
    return Schools(uai, network, (np.cumsum(count) - count).astype(np.intp), count, shift)


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
    key = (school * len(LEVEL_NAMES) + level)[order]
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if key.size else np.zeros(0, dtype=np.intp)
    sizes = np.diff(np.r_[start, key.size])
    rank = np.arange(key.size) - np.repeat(start, sizes)
    classes = np.repeat(-(-sizes // _CLASS_SIZE), sizes)
    numbers = np.empty(school.size, dtype=np.intp)
    numbers[order] = rank % classes
    return numbers
