"""The records as sorted arrays of numbers: factorised once, shared by every as-of date.

Pupil ids become positions in the ``pupils`` table and days become days since 1970-01-01. Event rows are ordered once per
table by pupil, day and every other column, so that neither the order of the input nor the other pupils of the batch can
change a single bit of what is computed from them; equal neighbours are repeats of one row. The table ``context`` is found
by the codes of the enrolments.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd

from decrochage_risk.records import kernels
from decrochage_risk.records.coded_columns import NEVER, NO_CODE, NO_DAY
from decrochage_risk.threads import over_columns, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable, Texts

    Array = npt.NDArray[Any]


__all__ = [
    "EVENT_TABLES",
    "NEVER",
    "NO_DAY",
    "Absences",
    "ContextValues",
    "Encoded",
    "Enrolments",
    "EventOrder",
    "Grades",
    "Ids",
    "Orientation",
    "PupilCodes",
    "encode",
    "encode_context",
    "granted_order",
]


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
        places = map(place_of.get, ids.words, repeat(NO_CODE))
        of_word = np.fromiter(places, dtype=np.int32, count=len(ids.words))
        (unknown,) = (of_word < 0).nonzero()
        # Unknown ids get codes of their own past the pupils, so that their rows are sorted and reported like
        # any.
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
        # The last code of all is that of a missing id: reported as a missing value, not as an unknown pupil.
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
        others = [name for name in events.table.column_names if name not in keys.packed]
        # Placed by pupil they are there once more: as they came, only an order by further columns asks for them.
        if keys.more and not others:
            keys.first.forget()
        # Compared only where the first key ties: most rows are ordered by one whole number alone.
        rest = (keys.second, keys.third, keys.last.packed, keys.more)
        # Cut between pupils: each thread sorts rows that no other thread touches, so any number gives one
        # order.
        edges = _equal_parts(starts, threads_for(len(events)))
        over_columns(partial(_sort_between, (first, rows, starts, rest)), edges, len(events))
        # 10/20 and 5/10 are one mark, and still two rows: repeats are told by what came.
        came = (events["value"], events["out_of"]) if events.table.name == "grades" else rest[:2]
        repeats = kernels.repeated_rows(first, rows, starts, rest, *came)
        if others:
            rows, repeats = _ordered_by_others(events, keys, rows, starts, others)
        # Rows without an id are nobody's: none repeats another.
        repeats[rows[starts[-2] :]] = False
        # The sorted keys hold the columns already: unpacking them is cheaper than gathering each column by
        # rows.
        columns = keys.first.read_back(first)
        # A region's keys are a sixth of what its marks take here.
        del first
        if keys.more:
            last, *numbers = _gathered(rows, (keys.last.packed, keys.second, keys.third))
            columns |= keys.last.read_back(last) | dict(zip(keys.numbers, numbers, strict=False))
        return cls(rows, starts, repeats, columns)

    def kept(self, rows: npt.NDArray[np.bool_] | None, pupils: int) -> EventOrder:
        """Order of the rows that are kept (None: all), of the first ``pupils`` codes only, counted among themselves."""
        count = int(self.starts[pupils])
        if rows is None or rows.all():
            places: Any = slice(count)
            return self._cut(places, self.rows[:count], self.starts[: pupils + 1])
        stays = rows[self.rows[:count]]
        before = np.concatenate(([0], np.cumsum(stays)))
        # Position that each row will have once the others are gone.
        positions = np.cumsum(rows, dtype=np.int32) - 1
        return self._cut(stays, positions[self.rows[:count][stays]], before[self.starts[: pupils + 1]])

    def with_pupils(self, more: int) -> EventOrder:
        """Count further pupils, without a row, after all others."""
        starts = np.concatenate([self.starts, np.full(more, self.starts[-1])])
        return EventOrder(self.rows, starts, self.repeated, self.columns)

    def _cut(self, places: Any, rows: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]) -> EventOrder:  # noqa: ANN401 - an index
        columns = {
            name: values[: int(self.starts[starts.size - 1])][places] for name, values in self.columns.items()
        }
        return EventOrder(rows, starts, self.repeated, columns)


def _sort_between(events: tuple[Any, ...], ends: tuple[int, int]) -> None:
    keys, rows, starts, rest = events
    kernels.sort_within(keys, rows, starts, *ends, rest)


def _gathered(
    rows: npt.NDArray[np.int32],
    columns: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give three columns in the order of the rows."""
    results = (np.empty(rows.size, np.int64), np.empty(rows.size), np.empty(rows.size))
    if threads_for(rows.size) == 1:
        kernels.gather(rows, 0, rows.size, columns, results)
        return results
    edges = np.linspace(0, rows.size, threads_for(rows.size) + 1).astype(int).tolist()
    over_columns(lambda ends: kernels.gather(rows, *ends, columns, results), list(pairwise(edges)), rows.size)
    return results


def _equal_parts(starts: npt.NDArray[np.int64], parts: int) -> list[tuple[int, int]]:
    """Cut the pupils into stretches of about as many rows each."""
    if parts == 1:
        return [(0, starts.size - 1)]
    rows = np.linspace(0, starts[-1], parts + 1)[1:-1]
    # By rows, not by pupils: some pupils have hundreds of rows, and threads would wait for the slowest.
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

    def forget(self) -> None:
        """Free the packed rows: the names and sizes of the columns stay."""
        self.packed = self.packed[:0].copy()

    def read_back(self, codes: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Give the columns of some packed rows."""
        columns: dict[str, npt.NDArray[Any]] = {}
        shift = 0
        for name, bits in reversed(self._parts):
            if bits:
                columns[name] = kernels.pop_codes(codes, shift, bits)
            else:
                columns[name] = kernels.pop_days(codes, shift, NO_DAY)
            shift += bits or kernels.DAY_BITS
        return columns


class _Keys(NamedTuple):
    """What rows are ordered by: ``first``, and if there is ``more``, the others one after the other.

    ``packed`` names the declared columns that stand in them, ``numbers`` names ``second`` and ``third`` where they are asked
    for again.
    """

    first: _Key
    second: npt.NDArray[np.float64]
    third: npt.NDArray[np.float64]
    last: _Key
    more: bool
    packed: frozenset[str]
    numbers: tuple[str, ...] = ()


def _absence_keys(absences: CodedTable) -> _Keys:
    flags = absences["justified"]
    # 58 of 63 bits: there is no room for another day. Missing is ordered as not justified; the flag itself
    # comes last, for the repeats.
    key = _Key(len(absences)).days("date", absences["date"]).codes("kind", absences["kind"], 3)
    key.codes("half_days", _small(absences["half_days"]), 3).codes(
        "is_justified", np.maximum(flags, np.int8(0)), 2
    )
    key.days("justified_on", absences["justified_on"]).days("recorded_on", absences["recorded_on"])
    key.codes("justified", flags, 2)
    key_columns = {"pupil_id", "date", "kind", "half_days", "justified", "justified_on", "recorded_on"}
    return _Keys(
        key, absences["half_days"], absences["half_days"], key, more=False, packed=frozenset(key_columns)
    )


def _grade_keys(grades: CodedTable) -> _Keys:
    # Subjects are 21, so 6 bits hold them with room; what is packed first is what features read by.
    first = _Key(len(grades)).days("date", grades["date"]).codes("subject", grades["subject"], 6)
    last = _Key(len(grades)).codes("status", grades["status"], 3).codes("kind", grades["kind"], 2)
    last.days("recorded_on", grades["recorded_on"])
    return _Keys(
        first,
        # By the mark on 20, which features sum: sums of floats depend on the order, and this one is fixed.
        20.0 * grades["value"] / grades["out_of"],
        grades["coefficient"],
        last,
        more=True,
        packed=frozenset(
            ("pupil_id", "date", "subject", "value", "out_of", "coefficient", "status", "kind", "recorded_on")
        ),
        numbers=("mark", "coefficient"),
    )


def _orientation_keys(orientation: CodedTable) -> _Keys:
    # The order that FEATURES.md defines "latest" by: date, then recorded_on, rank, granted, target.
    first = _Key(len(orientation)).days("date", orientation["date"])
    first.days("recorded_on", orientation["recorded_on"]).codes("small_rank", _small(orientation["rank"]), 8)
    first.codes("granted_order", granted_order(orientation["granted"]), 3)
    last = _Key(len(orientation)).codes("event", orientation["event"], 4)
    key_columns = {"pupil_id", "date", "recorded_on", "rank", "granted", "event", "target"}
    # By the rank of the text, as codes follow the order in which the rows came; exact in a float.
    target = orientation["target"].ranks().astype(np.float64)
    return _Keys(first, target, orientation["rank"], last, more=True, packed=frozenset(key_columns))


def _ordered_by_others(
    events: CodedTable,
    keys: _Keys,
    rows: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    names: list[str],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Go on ordering rows whose keys are equal by the declared columns that no key packs, as they are declared.

    So that a column that is declared tomorrow counts on the day it is declared: two rows that differ in it alone are two
    rows, in an order of their own, whatever order they came in. Gives the order, and which rows equal an earlier one.
    """
    # Starts at the pupil, then is refined column by column: equal numbers are rows that are equal so far.
    tie = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    for key in (keys.first.packed, *((keys.second, keys.third, keys.last.packed) if keys.more else ())):
        tie = _refined(tie, key[rows])
    others = np.zeros(len(events), dtype=np.int64)
    for name in names:
        others = _refined(others, _comparable(events[name]))
    whole = np.zeros(len(events), dtype=np.int64)
    for name in events.table.column_names:
        whole = _refined(whole, _comparable(events[name])) if name != "pupil_id" else whole
    # lexsort sorts by its last key first.
    order = np.lexsort((rows, whole[rows], others[rows], tie))
    positions, tie = rows[order], tie[order]
    is_repeat = np.zeros(len(events), dtype=np.bool_)
    is_repeat[positions[1:]] = (tie[1:] == tie[:-1]) & (whole[positions[1:]] == whole[positions[:-1]])
    return positions, is_repeat


def _comparable(cells: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - texts, or an array
    ranks: npt.NDArray[Any] = cells.ranks() if hasattr(cells, "ranks") else cells
    return ranks


def _refined(codes: npt.NDArray[np.int64], cells: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Tell rows of one code apart by another column; codes keep their order, what is missing is equal and last."""
    _, more = np.unique(cells, return_inverse=True)
    # Renumbered at every step, so that the product stays far below 63 bits however many columns follow.
    pairs = codes * (int(more.max(initial=0)) + 1) + more
    finer: npt.NDArray[np.int64] = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return finer


def _small(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    return np.where(np.isnan(numbers), NO_CODE, numbers).astype(np.int8)


def granted_order(granted: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """0 true, 1 not known, 2 false: a refusal known the same day comes last."""
    # The code of a missing flag is -1, which reads the last place.
    return np.array([2, 0, 1], dtype=np.int8)[granted]


_KEYS: Mapping[str, Callable[[CodedTable], _Keys]] = {
    "absences": _absence_keys,
    "grades": _grade_keys,
    "orientation": _orientation_keys,
}

EVENT_TABLES = tuple(_KEYS)
"""Tables whose rows are events of a pupil, with a day."""


@dataclass(frozen=True, slots=True)
class ContextValues:
    """Rows of ``context`` about schools and classes of the enrolments, in no particular order.

    ``school`` and ``classroom`` are the codes of the enrolments, ``classroom`` -1 for a whole school; ``subject`` is -1
    for all subjects.
    """

    day: npt.NDArray[np.int32]
    school: npt.NDArray[np.int32]
    classroom: npt.NDArray[np.int32]
    subject: npt.NDArray[np.int8]
    measure: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> ContextValues:
        """Keep some rows, in their order."""
        return ContextValues(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def encode_context(table: CodedTable, schools: Sequence[str], classes: Texts) -> ContextValues:
    """Encode the table ``context``; rows about schools or classes without an enrolment are left out.

    Parameters
    ----------
    table : CodedTable
        The checked table.
    schools : sequence of str
        Ids whose positions are the codes of the enrolments' schools.
    classes : Texts
        The classes of the enrolments.
    """
    # Without a class a row is about the whole school; with one that no enrolment has, it is about nobody.
    whole = ~table.given("class_id")
    school, classroom = _codes(table["school_id"], schools), _codes(table["class_id"], classes.words)
    rows = ContextValues(
        day=table["as_of"],
        school=school,
        classroom=classroom,
        subject=table["subject"],
        measure=table["measure"],
        value=table["value"],
    )
    return rows.take((school >= 0) & (whole | (classroom >= 0)))


def _codes(texts: Texts, vocabulary: Sequence[str]) -> npt.NDArray[np.int32]:
    """Position of each cell's text among the known ones, -1 where it is none of them."""
    place = {word: position for position, word in enumerate(vocabulary)}
    codes = np.array([place.get(word, -1) for word in texts.words], dtype=np.int32)
    return texts.translate(codes)


@dataclass(init=False, repr=False, eq=False)
class _Rows:
    """Columns of one table, all of one length, sorted by pupil, day, and the rest.

    A column is made when it is first asked for: one that nothing reads costs nothing.
    """

    pupil: npt.NDArray[np.int32]

    def __init__(self, **columns: Array | Callable[[], Array]) -> None:
        self._columns = columns
        self._whole: Self | None = None
        self._chosen: Array | None = None

    def __len__(self) -> int:
        return int(self.pupil.size if self._chosen is None else self._chosen.size)

    def __getattr__(self, name: str) -> Array:
        # copy and pickle ask for private names before __init__ has run: without this they would recurse for
        # ever.
        if name.startswith("_") or name not in type(self).__dataclass_fields__:
            raise AttributeError(name)
        if self._whole is not None:
            column: Array = getattr(self._whole, name)[self._chosen]
        else:
            source = self._columns[name]
            column = source() if callable(source) else source
        # Kept where normal look-up finds it: __getattr__ is then not called again for this column.
        self.__dict__[name] = column
        return column

    def __getstate__(self) -> dict[str, Array]:
        # Columns are made on demand by functions that cannot be pickled: what is kept are their values.
        return {name: getattr(self, name) for name in type(self).__dataclass_fields__}

    def __setstate__(self, columns: dict[str, Array]) -> None:
        self.__init__(**columns)  # type: ignore[misc]  # an object made by pickle or copy has no columns yet

    def take(self, rows: Array) -> Self:
        """Keep some rows (a mask or positions), in their order."""
        if rows.dtype == np.bool_:
            if rows.all():
                return self
            # Positions, not the mask: a cut is often read for a few columns only, and each reading costs the
            # rows kept.
            rows = np.flatnonzero(rows).astype(np.int32)
        rows_of_whole = type(self)()
        # A cut of a cut points at the whole table: a column is cut once, when it is read.
        rows_of_whole.__dict__["_whole"] = self if self._whole is None else self._whole
        rows_of_whole.__dict__["_chosen"] = rows if self._chosen is None else self._chosen[rows]
        return rows_of_whole

    def of_pupils(self, pupils: slice | npt.NDArray[np.intp]) -> Self:
        """Give the rows of some pupils, counted anew from 0: a slice without a copy where that can be, or rising positions."""
        if not isinstance(pupils, slice):
            start = np.searchsorted(self.pupil, pupils)
            count = np.searchsorted(self.pupil, pupils, side="right") - start
            place = np.repeat(np.arange(count.size, dtype=np.int32), count)
            rows_before = np.cumsum(count) - count
            rows_of_pupils = np.arange(place.size) + np.repeat(start - rows_before, count)
            return self.take(rows_of_pupils).with_columns(pupil=place)
        first, after = np.searchsorted(self.pupil, (pupils.start, pupils.stop)).tolist()
        pupil = self.pupil[first:after] - np.int32(pupils.start)
        rows = self if self._chosen is None else type(self)()
        if self._chosen is not None:
            rows.__dict__["_whole"], rows.__dict__["_chosen"] = self._whole, self._chosen[first:after]
            first, after = 0, after - first
        names = type(self).__dataclass_fields__
        columns: dict[str, Array | Callable[[], Array]] = {
            name: partial(_between, rows, name, first, after) for name in names
        }
        return type(self)(**{**columns, "pupil": pupil})

    def with_columns(self, **columns: Array) -> Self:
        """Replace some columns."""
        others = (name for name in type(self).__dataclass_fields__ if name not in columns)
        return type(self)(**{name: partial(getattr, self, name) for name in others}, **columns)


def _between(rows: _Rows, name: str, first: int, after: int) -> Array:
    column: Array = getattr(rows, name)
    return column[first:after]


@dataclass(init=False, repr=False, eq=False)
class Enrolments(_Rows):
    """Enrolments, by pupil, ``start``, ``end`` (none last), school, level; ``end`` is the last day, included.

    ``classroom`` and ``network`` are codes that compare as their texts do, -1 where missing; ``boarder`` is 1, 0, or -1
    where missing. All of them break ties: which of two stays is the later one never depends on the order of the rows.
    """

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    school: npt.NDArray[np.int32]
    level: npt.NDArray[np.int8]
    school_year: npt.NDArray[np.int32]
    classroom: npt.NDArray[np.int32]
    network: npt.NDArray[np.int32]
    boarder: npt.NDArray[np.int8]
    row: npt.NDArray[np.int32]

    def order(self, end: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
        """Order by pupil, start and the given ends, then by all else that a row says: equal rows alone keep their order."""
        # lexsort sorts by its last key first.
        return np.lexsort(
            (
                self.boarder, self.network, self.classroom, self.school_year, self.level, self.school, end,
                self.start, self.pupil,
            )
        )  # fmt: skip


@dataclass(init=False, repr=False, eq=False)
class Absences(_Rows):
    """Rows of ``absences``; ``kind`` follows the declared order of the choices."""

    day: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    half_days: npt.NDArray[np.int8]
    justified: npt.NDArray[np.bool_]
    justified_on: npt.NDArray[np.int32]
    recorded_on: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]


@dataclass(init=False, repr=False, eq=False)
class Grades(_Rows):
    """Rows of ``grades``; ``mark`` is on 20 (NaN unless graded)."""

    day: npt.NDArray[np.int32]
    subject: npt.NDArray[np.int8]
    mark: npt.NDArray[np.float64]
    coefficient: npt.NDArray[np.float64]
    status: npt.NDArray[np.int8]
    kind: npt.NDArray[np.int8]
    recorded_on: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]


@dataclass(init=False, repr=False, eq=False)
class Orientation(_Rows):
    """Rows of ``orientation`` in the order that "latest" is defined on: the last row of a pupil is the latest.

    ``granted_order`` is 0 true, 1 not known, 2 false: a refusal known the same day comes last.
    """

    day: npt.NDArray[np.int32]
    recorded_on: npt.NDArray[np.int32]
    rank: npt.NDArray[np.float64]
    granted_order: npt.NDArray[np.int8]
    target: npt.NDArray[np.int32]
    event: npt.NDArray[np.int8]
    row: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ids:
    """Ids of pupils or schools, in order."""

    words: list[str]

    @cached_property
    def index(self) -> pd.Index[str]:
        """The same as a pandas index."""
        return pd.Index(self.words, dtype="str")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Every table as sorted arrays; ``None`` for a table that is not known."""

    pupils: Ids
    birth_day: npt.NDArray[np.int32]
    birth_year: npt.NDArray[np.float64]
    enrolments: Enrolments
    absences: Absences | None
    grades: Grades | None
    orientation: Orientation | None
    context: ContextValues | None
    schools: Ids

    @property
    def pupil_ids(self) -> pd.Index[str]:
        """Ids of the pupils; a row's ``pupil`` is a position in it."""
        return self.pupils.index

    @property
    def school_ids(self) -> pd.Index[str]:
        """Ids of the schools, sorted; a row's ``school`` is a position in it."""
        return self.schools.index

    def of_pupils(self, pupils: slice | npt.NDArray[np.intp]) -> Encoded:
        """Give the records of some pupils, by a slice or rising positions; schools and context are those of all."""
        words = self.pupils.words
        return replace(
            self,
            pupils=Ids(words[pupils] if isinstance(pupils, slice) else [words[place] for place in pupils]),
            birth_day=self.birth_day[pupils],
            birth_year=self.birth_year[pupils],
            enrolments=self.enrolments.of_pupils(pupils),
            absences=None if self.absences is None else self.absences.of_pupils(pupils),
            grades=None if self.grades is None else self.grades.of_pupils(pupils),
            orientation=None if self.orientation is None else self.orientation.of_pupils(pupils),
        )


def encode(
    tables: Mapping[str, CodedTable],
    pupils: Mapping[str, npt.NDArray[np.int32]],
    orders: Mapping[str, EventOrder],
) -> Encoded:
    """Encode checked tables, whose pupil ids are all known.

    Parameters
    ----------
    tables : mapping of str to CodedTable
        ``pupils`` and ``enrolments``, and whichever of ``absences``, ``grades``, ``orientation``, ``context`` are known.
    pupils : mapping of str to array
        Position of each row's pupil.
    orders : mapping of str to EventOrder
        The rows of each event table in order.

    Returns
    -------
    Encoded
    """
    own = tables["pupils"]
    words, born = own["pupil_id"].words, own["birth_date"]
    # numpy counts years from 1970; the missing day gives nonsense here, and is replaced below.
    years = born.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970.0
    classes = tables["enrolments"]["class_id"].in_order()
    enrolments, schools = _enrolments(tables["enrolments"], pupils["enrolments"], classes)
    context = tables.get("context")
    events = {
        name: make(_Sorted(tables[name], orders[name], len(own)))
        for name, make in _MAKERS.items()
        if name in tables
    }
    return Encoded(
        pupils=Ids([words[code] for code in own["pupil_id"].codes.tolist()]),
        birth_day=born,
        birth_year=np.where(born == NO_DAY, np.nan, years),
        enrolments=enrolments,
        absences=events.get("absences"),
        grades=events.get("grades"),
        orientation=events.get("orientation"),
        context=None if context is None else encode_context(context, schools.words, classes),
        schools=schools,
    )


def _enrolments(table: CodedTable, pupil: npt.NDArray[np.int32], classes: Texts) -> tuple[Enrolments, Ids]:
    schools = table["school_id"]
    # Only ids in use: the words of rows that were set aside would count as schools without a pupil.
    used = sorted(np.unique(schools.codes).tolist(), key=schools.words.__getitem__)
    rank = np.zeros(len(schools.words), dtype=np.int32)
    rank[used] = np.arange(len(used), dtype=np.int32)
    end = table["end_date"]
    rows = Enrolments(
        pupil=pupil,
        start=table["start_date"],
        # Open stays sort after closed ones, as "latest" of enrolments asks for (FEATURES.md: none last).
        end=np.where(end == NO_DAY, np.int32(NEVER), end),
        school=rank[schools.codes],
        level=table["level"],
        school_year=table["school_year"].astype(np.int32),
        classroom=classes.codes,
        network=table["network_id"].ranks(),
        boarder=table["boarder"],
        row=np.arange(len(table), dtype=np.int32),
    )
    return rows.take(rows.order(rows.end)), Ids([schools.words[code] for code in used])


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Makers of the columns of an event table, in order."""

    table: CodedTable
    order: EventOrder
    pupils: int

    def named(self, **columns: str) -> dict[str, Callable[[], Array]]:
        """Columns that are those of the table under another name, and the ones that all events have."""
        sources = {"day": "date", "recorded_on": "recorded_on", **columns}
        return {
            "pupil": self.pupil,
            # Lambdas: a column is made when a feature asks for it, and most batches never ask for some.
            "row": lambda: self.order.rows,
            **{name: partial(self.column, of) for name, of in sources.items()},
        }

    def pupil(self) -> Array:
        """Position of the pupil of each row."""
        return np.repeat(np.arange(self.pupils, dtype=np.int32), np.diff(self.order.starts))

    def column(self, name: str) -> Array:
        """One column of the table."""
        from_keys = self.order.columns.get(name)
        return self.table[name][self.order.rows] if from_keys is None else from_keys


def _absences(rows: _Sorted) -> Absences:
    columns = rows.named(kind="kind", justified_on="justified_on", half_days="half_days")
    return Absences(**columns, justified=lambda: rows.column("justified") == 1)


def _grades(rows: _Sorted) -> Grades:
    columns = ("subject", "mark", "coefficient", "status", "kind")
    return Grades(**rows.named(**{name: name for name in columns}))


def _orientation(rows: _Sorted) -> Orientation:
    table, order = rows.table, rows.order.rows
    columns = rows.named(rank="rank", event="event", granted_order="granted_order")
    return Orientation(**columns, target=lambda: table["target"].ranks()[order])


_MAKERS: Mapping[str, Callable[..., Any]] = {
    "absences": _absences,
    "grades": _grades,
    "orientation": _orientation,
}
