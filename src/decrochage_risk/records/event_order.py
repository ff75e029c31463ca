"""The order of event rows: by pupil, day and every other column, found once per table and used ever after.

Every column is in the keys, so that neither the order of the input nor the other pupils of the batch can change a
single bit of what is computed from the sorted rows; equal neighbours are repeats of one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from decrochage_risk.records import kernels
from decrochage_risk.records.coded import NO_CODE, NO_DAY
from decrochage_risk.records.threads import spread, workers_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable, Texts

__all__ = ["EVENT_TABLES", "EventOrder", "PupilCodes", "granted_order"]


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
    columns : dict of str to array
        Some columns, in order: read back from the keys, which lie in order already.
    """

    rows: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    repeated: npt.NDArray[np.bool_]
    columns: dict[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, events: CodedTable, pupils: PupilCodes) -> EventOrder:
        """Sort the rows of ``absences``, ``grades`` or ``orientation``."""
        keys = _KEYS[events.table.name](events)
        rows, first = np.empty(len(events), dtype=np.int32), np.empty(len(events), dtype=np.int64)
        starts = kernels.place_by_pupil(pupils.codes, pupils.kinds, keys.first.packed, rows, first)
        rest = (keys.second, keys.third, keys.last.packed, keys.more)
        edges = _equal_parts(starts, workers_for(len(events)))
        spread(lambda ends: kernels.sort_within(first, rows, starts, *ends, rest), edges, len(events))
        numbers = (events["value"], events["out_of"]) if events.table.name == "grades" else rest[:2]
        repeated = kernels.repeated_rows(first, rows, starts, rest, *numbers)
        repeated[rows[starts[-2] :]] = False
        columns = keys.first.read_back(first)
        if keys.more:
            columns |= keys.last.read_back(keys.last.packed[rows])
            columns |= dict(zip(keys.numbers, (keys.second[rows], keys.third[rows]), strict=False))
        return cls(rows, starts, repeated, columns)

    def kept(self, rows: npt.NDArray[np.bool_], pupils: int) -> EventOrder:
        """Order of the rows that are kept, of the first ``pupils`` codes only, counted among themselves."""
        known = int(self.starts[pupils])
        if rows.all():
            places: Any = slice(known)
            return self._cut(places, self.rows[:known], self.starts[: pupils + 1])
        stays = rows[self.rows[:known]]
        before = np.concatenate(([0], np.cumsum(stays)))
        positions = np.cumsum(rows, dtype=np.int32) - 1
        return self._cut(stays, positions[self.rows[:known][stays]], before[self.starts[: pupils + 1]])

    def _cut(self, places: Any, rows: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]) -> EventOrder:  # noqa: ANN401 - an index
        columns = {
            name: values[: int(self.starts[starts.size - 1])][places] for name, values in self.columns.items()
        }
        return EventOrder(rows, starts, self.repeated, columns)


def _equal_parts(starts: npt.NDArray[np.int64], parts: int) -> list[tuple[int, int]]:
    """Cut the pupils into stretches of about as many rows each."""
    rows = np.linspace(0, starts[-1], parts + 1)[1:-1]
    edges = [0, *np.searchsorted(starts[:-1], rows).tolist(), starts.size - 1]
    return list(pairwise(edges))


class _Key:
    """Columns packed into one whole number per row, the first one foremost."""

    def __init__(self, size: int) -> None:
        self.packed = np.zeros(size, dtype=np.int64)
        self._parts: list[tuple[str, int]] = []

    def days(self, name: str, days: npt.NDArray[np.int32]) -> _Key:
        """Append a column of days."""
        kernels.push_days(self.packed, days)
        self._parts.append((name, 0))
        return self

    def codes(self, name: str, codes: npt.NDArray[np.int8], bits: int) -> _Key:
        """Append a column of codes below 2 ** ``bits`` - 1."""
        kernels.push_codes(self.packed, codes, bits)
        self._parts.append((name, bits))
        return self

    def read_back(self, packed: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Give the columns of some packed rows."""
        columns: dict[str, npt.NDArray[Any]] = {}
        shift = 0
        for name, bits in reversed(self._parts):
            if bits:
                columns[name] = kernels.pop_codes(packed, shift, bits)
            else:
                columns[name] = kernels.pop_days(packed, shift, NO_DAY)
            shift += bits or kernels.DAY_BITS
        return columns


class _Keys(NamedTuple):
    """What rows are ordered by: ``first``, and if there is ``more``, the others one after the other.

    ``numbers`` names ``second`` and ``third`` where they are asked for again.
    """

    first: _Key
    second: npt.NDArray[np.float64]
    third: npt.NDArray[np.float64]
    last: _Key
    more: bool
    numbers: tuple[str, ...] = ()


def _absence_keys(absences: CodedTable) -> _Keys:
    justified = absences["justified"]
    key = _Key(len(absences)).days("date", absences["date"]).codes("kind", absences["kind"], 3)
    key.codes("half_days", _small(absences["half_days"]), 3).codes(
        "is_justified", np.maximum(justified, np.int8(0)), 2
    )
    key.days("justified_on", absences["justified_on"]).days("recorded_on", absences["recorded_on"])
    key.codes("justified", justified, 2)
    return _Keys(key, absences["half_days"], absences["half_days"], key, more=False)


def _grade_keys(grades: CodedTable) -> _Keys:
    first = _Key(len(grades)).days("date", grades["date"]).codes("subject", grades["subject"], 6)
    last = _Key(len(grades)).codes("status", grades["status"], 3).codes("kind", grades["kind"], 2)
    last.days("recorded_on", grades["recorded_on"])
    return _Keys(
        first,
        20.0 * grades["value"] / grades["out_of"],
        grades["coefficient"],
        last,
        more=True,
        numbers=("mark", "coefficient"),
    )


def _orientation_keys(orientation: CodedTable) -> _Keys:
    first = _Key(len(orientation)).days("date", orientation["date"])
    first.days("recorded_on", orientation["recorded_on"]).codes("small_rank", _small(orientation["rank"]), 8)
    first.codes("granted_order", granted_order(orientation["granted"]), 3)
    last = _Key(len(orientation)).codes("event", orientation["event"], 4)
    return _Keys(
        first, orientation["target"].ranks().astype(np.float64), orientation["rank"], last, more=True
    )


def _small(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    return np.where(np.isnan(numbers), NO_CODE, numbers).astype(np.int8)


def granted_order(granted: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """0 true, 1 not known, 2 false: a refusal known the same day comes last."""
    return np.array([2, 0, 1], dtype=np.int8)[granted]


_KEYS: Mapping[str, Callable[[CodedTable], _Keys]] = {
    "absences": _absence_keys,
    "grades": _grade_keys,
    "orientation": _orientation_keys,
}

EVENT_TABLES = tuple(_KEYS)
"""Tables whose rows are events of a pupil, with a day."""
