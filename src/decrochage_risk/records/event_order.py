"""The order of event rows: by pupil, day and every other column, found once per table and used ever after.

Every column is in the keys, so that neither the order of the input nor the other pupils of the batch can change a
single bit of what is computed from the sorted rows; equal neighbours are repeats of one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.records import kernels
from decrochage_risk.records.coded import NO_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable, Texts

__all__ = ["EVENT_TABLES", "EventOrder", "PupilCodes", "granted_order"]

_ALL_EQUAL = 1
_NUMBERS_TOO = 2


@dataclass(frozen=True, slots=True, eq=False)
class PupilCodes:
    """Whose each row of a table is.

    Attributes
    ----------
    codes : (n,) int32 array
        Position of the pupil in ``pupils``; unknown pupils have codes from ``pupils`` on, a missing id the last one.
    pupils : int
        How many pupils are known.
    kinds : int
        How many codes there are.
    """

    codes: npt.NDArray[np.int32]
    pupils: int
    kinds: int

    @classmethod
    def of(cls, place_of: Mapping[str, int], pupils: int, ids: Texts) -> PupilCodes:
        """Look every different id up once."""
        of_word = np.array([place_of.get(word, NO_CODE) for word in ids.words], dtype=np.int32)
        unknown = np.flatnonzero(of_word < 0)
        of_word[unknown] = pupils + np.arange(unknown.size)
        missing = pupils + int(unknown.size)
        return cls(ids.translate(of_word, missing), pupils, missing + 1)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which rows are of a known pupil."""
        return self.codes < self.pupils

    @property
    def unknown(self) -> npt.NDArray[np.bool_]:
        """Which rows have an id that nobody has; a missing id is not one."""
        return (self.codes >= self.pupils) & (self.codes < self.kinds - 1)


@dataclass(frozen=True, slots=True, eq=False)
class EventOrder:
    """The rows of one event table in order.

    Attributes
    ----------
    rows : (n,) int32 array
        Positions of the rows, by pupil, day and every other column; rows of no known pupil come last.
    starts : (kinds + 1,) int64 array
        First place of each pupil code in ``rows``, and one past the end.
    repeated : (n,) bool array
        Rows (as they came) that equal an earlier one in every column.
    """

    rows: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    repeated: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, events: CodedTable, pupils: PupilCodes) -> EventOrder:
        """Sort the rows of ``absences``, ``grades`` or ``orientation``."""
        keys = _KEYS[events.table.name](events)
        rows = np.empty(len(events), dtype=np.int32)
        starts = kernels.sort_by_pupil(pupils.codes, pupils.kinds, rows)
        kernels.sort_within(rows, starts, *keys)
        numbers = (events["value"], events["out_of"]) if events.table.name == "grades" else keys[1:3]
        repeated = kernels.repeated_rows(rows, starts, *keys, *numbers)
        repeated[rows[starts[-2] :]] = False
        return cls(rows, starts, repeated)

    def kept(self, rows: npt.NDArray[np.bool_], pupils: int) -> npt.NDArray[np.int32] | None:
        """Order of the rows that are kept, counted among themselves; None when it is the order they have.

        Only rows of the first ``pupils`` codes are asked for.
        """
        found = self.rows[: self.starts[pupils]]
        if not rows.all():
            found = found[rows[found]]
            found = (np.cumsum(rows, dtype=np.int32) - 1)[found]
        in_order = found.size < 1 or (found[0] == 0 and bool((found[1:] > found[:-1]).all()))
        return None if in_order else found


Keys = tuple[Any, Any, Any, Any, int]
"""Four arrays in the order in which they are compared, and how many of them count."""


def _key(events: CodedTable, *parts: tuple[str, int]) -> npt.NDArray[np.int64]:
    """Pack columns into one whole number per row; ``bits`` of a day are its own."""
    keys = np.zeros(len(events), dtype=np.int64)
    for name, bits in parts:
        if bits:
            kernels.push_codes(keys, events[name], bits)
        else:
            kernels.push_days(keys, events[name])
    return keys


def _absence_keys(absences: CodedTable) -> Keys:
    keys = _key(absences, ("date", 0), ("kind", 3))
    half_days = absences["half_days"]
    kernels.push_codes(keys, np.where(np.isnan(half_days), NO_CODE, half_days).astype(np.int8), 3)
    kernels.push_codes(keys, np.maximum(absences["justified"], np.int8(0)), 2)
    for name in ("justified_on", "recorded_on"):
        kernels.push_days(keys, absences[name])
    kernels.push_codes(keys, absences["justified"], 2)
    return keys, half_days, half_days, keys, _ALL_EQUAL


def _grade_keys(grades: CodedTable) -> Keys:
    first = _key(grades, ("date", 0), ("subject", 6))
    last = _key(grades, ("status", 3), ("kind", 2), ("recorded_on", 0))
    return first, 20.0 * grades["value"] / grades["out_of"], grades["coefficient"], last, _NUMBERS_TOO


def _orientation_keys(orientation: CodedTable) -> Keys:
    first = _key(orientation, ("date", 0), ("recorded_on", 0))
    rank = orientation["rank"]
    kernels.push_codes(first, np.where(np.isnan(rank), NO_CODE, rank).astype(np.int8), 8)
    kernels.push_codes(first, granted_order(orientation["granted"]), 3)
    target = orientation["target"].ranks().astype(np.float64)
    return first, target, rank, _key(orientation, ("event", 4)), _NUMBERS_TOO


def granted_order(granted: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """0 true, 1 not known, 2 false: a refusal known the same day comes last."""
    return np.array([2, 0, 1], dtype=np.int8)[granted]


_KEYS: Mapping[str, Callable[[CodedTable], Keys]] = {
    "absences": _absence_keys,
    "grades": _grade_keys,
    "orientation": _orientation_keys,
}

EVENT_TABLES = tuple(_KEYS)
"""Tables whose rows are events of a pupil, with a day."""
