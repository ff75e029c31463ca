"""The records as sorted arrays of numbers: factorised once, shared by every as-of date.

Pupil ids become positions in the ``pupils`` table, days become days since 1970-01-01, and each table is sorted
by pupil, day and then every other column, so that neither the order of the input rows nor the other pupils of
the batch can change a single bit of what is computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from decrochage_risk.records.coded import NEVER, NO_DAY
from decrochage_risk.records.context_values import encode_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable
    from decrochage_risk.records.context_values import ContextValues
    from decrochage_risk.records.event_order import EventOrder

    Array = npt.NDArray[Any]

__all__ = [
    "NEVER",
    "NO_DAY",
    "Absences",
    "Encoded",
    "Enrolments",
    "Grades",
    "Ids",
    "Orientation",
    "encode",
]


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
        if name.startswith("_") or name not in type(self).__dataclass_fields__:
            raise AttributeError(name)
        if self._whole is not None:
            column: Array = getattr(self._whole, name)[self._chosen]
        else:
            made = self._columns[name]
            column = made() if callable(made) else made
        self.__dict__[name] = column
        return column

    def take(self, rows: Array) -> Self:
        """Keep some rows (a mask or positions), in their order."""
        if rows.dtype == np.bool_:
            if rows.all():
                return self
            rows = np.flatnonzero(rows).astype(np.int32)
        taken = type(self)()
        taken.__dict__["_whole"] = self if self._whole is None else self._whole
        taken.__dict__["_chosen"] = rows if self._chosen is None else self._chosen[rows]
        return taken

    def with_columns(self, **columns: Array) -> Self:
        """Replace some columns."""
        others = (name for name in type(self).__dataclass_fields__ if name not in columns)
        return type(self)(**{name: partial(getattr, self, name) for name in others}, **columns)


@dataclass(init=False, repr=False, eq=False)
class Enrolments(_Rows):
    """Enrolments, by pupil, ``start``, ``end`` (none last), school, level; ``end`` is the last day, included.

    ``classroom`` and ``network`` are codes that can only be compared with each other, -1 where missing; ``boarder`` is
    1, 0, or -1 where missing.
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
    years = born.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970.0
    enrolments, schools = _enrolments(tables["enrolments"], pupils["enrolments"])
    context = tables.get("context")
    made = {
        name: make(_Sorted(tables[name], orders[name], len(own)))
        for name, make in _MAKERS.items()
        if name in tables
    }
    return Encoded(
        pupils=Ids([words[code] for code in own["pupil_id"].codes.tolist()]),
        birth_day=born,
        birth_year=np.where(born == NO_DAY, np.nan, years),
        enrolments=enrolments,
        absences=made.get("absences"),
        grades=made.get("grades"),
        orientation=made.get("orientation"),
        context=None
        if context is None
        else encode_context(context, schools.words, tables["enrolments"]["class_id"]),
        schools=schools,
    )


def _enrolments(table: CodedTable, pupil: npt.NDArray[np.int32]) -> tuple[Enrolments, Ids]:
    schools = table["school_id"]
    used = sorted(np.unique(schools.codes).tolist(), key=schools.words.__getitem__)
    rank = np.zeros(len(schools.words), dtype=np.int32)
    rank[used] = np.arange(len(used), dtype=np.int32)
    end = table["end_date"]
    rows = Enrolments(
        pupil=pupil,
        start=table["start_date"],
        end=np.where(end == NO_DAY, np.int32(NEVER), end),
        school=rank[schools.codes],
        level=table["level"],
        school_year=table["school_year"].astype(np.int32),
        classroom=table["class_id"].codes,
        network=table["network_id"].codes,
        boarder=table["boarder"],
        row=np.arange(len(table), dtype=np.int32),
    )
    keys = (rows.school_year, rows.level, rows.school, rows.end, rows.start, rows.pupil)
    return rows.take(np.lexsort(keys)), Ids([schools.words[code] for code in used])


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Makers of the columns of an event table, in order."""

    table: CodedTable
    order: EventOrder
    pupils: int

    def named(self, **columns: str) -> dict[str, Callable[[], Array]]:
        """Columns that are those of the table under another name, and the ones that all events have."""
        named = {"day": "date", "recorded_on": "recorded_on", **columns}
        return {
            "pupil": self.pupil,
            "row": lambda: self.order.rows,
            **{name: partial(self.column, of) for name, of in named.items()},
        }

    def pupil(self) -> Array:
        """Position of the pupil of each row."""
        return np.repeat(np.arange(self.pupils, dtype=np.int32), np.diff(self.order.starts))

    def column(self, name: str) -> Array:
        """One column of the table."""
        ordered = self.order.columns.get(name)
        return self.table[name][self.order.rows] if ordered is None else ordered


def _absences(rows: _Sorted) -> Absences:
    named = rows.named(kind="kind", justified_on="justified_on", half_days="half_days")
    return Absences(**named, justified=lambda: rows.column("justified") == 1)


def _grades(rows: _Sorted) -> Grades:
    columns = ("subject", "mark", "coefficient", "status", "kind")
    return Grades(**rows.named(**{name: name for name in columns}))


def _orientation(rows: _Sorted) -> Orientation:
    table, order = rows.table, rows.order.rows
    named = rows.named(rank="rank", event="event", granted_order="granted_order")
    return Orientation(**named, target=lambda: table["target"].ranks()[order])


_MAKERS: Mapping[str, Callable[..., Any]] = {
    "absences": _absences,
    "grades": _grades,
    "orientation": _orientation,
}
