"""The records as sorted arrays of numbers: factorised once, shared by every as-of date.

Pupil ids become positions in the ``pupils`` table, days become days since 1970-01-01, and each table is sorted
by pupil, day and then every other column, so that neither the order of the input rows nor the other pupils of
the batch can change a single bit of what is computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self, TypeVar, cast

import numpy as np
import pandas as pd

from decrochage_risk.records.context_values import encode_context
from decrochage_risk.records.levels import LEVEL_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.records.context_values import ContextValues

__all__ = [
    "NEVER",
    "NO_DAY",
    "Absences",
    "Encoded",
    "Enrolments",
    "Grades",
    "Orientation",
    "days_of",
    "encode",
]

NO_DAY = np.iinfo(np.int32).min
"""A day that is missing and sorts first (a ``recorded_on`` that nobody wrote down)."""

NEVER = np.iinfo(np.int32).max
"""A day that is missing and sorts last (an ``end_date`` that nobody wrote down)."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Columns of one table, all of one length, sorted by pupil, day, and the rest."""

    pupil: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.pupil.size)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        """Keep some rows, in their order."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


_AnyRows = TypeVar("_AnyRows", bound=_Rows)


@dataclass(frozen=True, slots=True)
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
    row: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Absences(_Rows):
    """Rows of ``absences``; ``kind`` follows the declared order of the choices."""

    day: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    half_days: npt.NDArray[np.int8]
    justified: npt.NDArray[np.bool_]
    justified_on: npt.NDArray[np.int32]
    recorded_on: npt.NDArray[np.int32]
    row: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Grades(_Rows):
    """Rows of ``grades``; ``mark`` is on 20 (NaN unless graded)."""

    day: npt.NDArray[np.int32]
    subject: npt.NDArray[np.int8]
    mark: npt.NDArray[np.float64]
    coefficient: npt.NDArray[np.float64]
    status: npt.NDArray[np.int8]
    kind: npt.NDArray[np.int8]
    recorded_on: npt.NDArray[np.int32]
    row: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
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
    row: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Every table as sorted arrays; ``None`` for a table that is not known."""

    pupil_ids: pd.Index[str]
    birth_year: npt.NDArray[np.float64]
    enrolments: Enrolments
    absences: Absences | None
    grades: Grades | None
    orientation: Orientation | None
    context: ContextValues | None
    school_ids: pd.Index[str]


def encode(frames: Mapping[str, pd.DataFrame]) -> Encoded:
    """Encode canonical frames (dtypes of ``records.checks``), whose pupil ids are all known.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``pupils`` and ``enrolments``, and whichever of ``absences``, ``grades``, ``orientation``, ``context`` are
        known.

    Returns
    -------
    Encoded
    """
    ids = pd.Index(frames["pupils"]["pupil_id"])
    school_codes, school_ids = pd.factorize(frames["enrolments"]["school_id"], sort=True)
    absences, grades, orientation, context = map(frames.get, ("absences", "grades", "orientation", "context"))
    class_codes, class_ids = pd.factorize(frames["enrolments"]["class_id"])
    return Encoded(
        pupil_ids=ids,
        birth_year=frames["pupils"]["birth_date"].dt.year.to_numpy(dtype=np.float64, na_value=np.nan),
        enrolments=_enrolments(ids, frames["enrolments"], school_codes, class_codes),
        absences=None if absences is None else _absences(ids, absences),
        grades=None if grades is None else _grades(ids, grades),
        orientation=None if orientation is None else _orientation(ids, orientation),
        context=None
        if context is None
        else encode_context(context, pd.Index(school_ids), pd.Index(class_ids)),
        school_ids=pd.Index(school_ids),
    )


def _positions(ids: pd.Index[str], frame: pd.DataFrame) -> npt.NDArray[np.int32]:
    return ids.get_indexer(pd.Index(frame["pupil_id"])).astype(np.int32)


def days_of(column: pd.Series, missing: int) -> npt.NDArray[np.int32]:
    """Days since 1970-01-01 of a date column, ``missing`` where there is none."""
    values = column.to_numpy(dtype="datetime64[s]").astype("datetime64[D]")
    numbers = values.astype(np.int64)
    return np.where(np.isnat(values), missing, numbers).astype(np.int32)


def _codes(column: pd.Series) -> npt.NDArray[np.int8]:
    return column.cat.codes.to_numpy().astype(np.int8)


def _sorted_rows(rows: _AnyRows, *keys: str) -> _AnyRows:
    order = np.lexsort([getattr(rows, key) for key in reversed(("pupil", *keys))])
    return rows.take(order)


def _enrolments(
    ids: pd.Index[str],
    frame: pd.DataFrame,
    schools: npt.NDArray[np.integer],
    classes: npt.NDArray[np.integer],
) -> Enrolments:
    rows = Enrolments(
        pupil=_positions(ids, frame),
        start=days_of(frame["start_date"], NO_DAY),
        end=days_of(frame["end_date"], NEVER),
        school=schools.astype(np.int32),
        level=_codes(frame["level"].cat.set_categories(LEVEL_NAMES)),
        school_year=frame["school_year"].to_numpy(dtype=np.int32),
        classroom=classes.astype(np.int32),
        network=pd.factorize(frame["network_id"])[0].astype(np.int32),
        boarder=frame["boarder"].to_numpy(dtype=np.float64, na_value=-1.0).astype(np.int8),
        row=np.arange(len(frame)),
    )
    return _sorted_rows(rows, "start", "end", "school", "level", "school_year")


def _absences(ids: pd.Index[str], frame: pd.DataFrame) -> Absences:
    rows = Absences(
        pupil=_positions(ids, frame),
        day=days_of(frame["date"], NO_DAY),
        kind=_codes(frame["kind"]),
        half_days=frame["half_days"].to_numpy(dtype=np.int8),
        justified=frame["justified"].to_numpy(dtype=np.bool_, na_value=False),
        justified_on=days_of(frame["justified_on"], NO_DAY),
        recorded_on=days_of(frame["recorded_on"], NO_DAY),
        row=np.arange(len(frame)),
    )
    return _sorted_rows(rows, "day", "kind", "half_days", "justified", "justified_on", "recorded_on")


def _grades(ids: pd.Index[str], frame: pd.DataFrame) -> Grades:
    value = frame["value"].to_numpy(dtype=np.float64)
    rows = Grades(
        pupil=_positions(ids, frame),
        day=days_of(frame["date"], NO_DAY),
        subject=_codes(frame["subject"]),
        mark=20.0 * value / frame["out_of"].to_numpy(dtype=np.float64),
        coefficient=frame["coefficient"].to_numpy(dtype=np.float64),
        status=_codes(frame["status"]),
        kind=_codes(frame["kind"]),
        recorded_on=days_of(frame["recorded_on"], NO_DAY),
        row=np.arange(len(frame)),
    )
    return _sorted_rows(rows, "day", "subject", "mark", "coefficient", "status", "kind", "recorded_on")


def _orientation(ids: pd.Index[str], frame: pd.DataFrame) -> Orientation:
    granted = frame["granted"].to_numpy(dtype=np.float64, na_value=np.nan)
    order = np.where(np.isnan(granted), 1, np.where(granted == 1, 0, 2)).astype(np.int8)
    target = pd.factorize(frame["target"], sort=True)[0]  # -1, hence first, where missing
    rows = Orientation(
        pupil=_positions(ids, frame),
        day=days_of(frame["date"], NO_DAY),
        recorded_on=days_of(frame["recorded_on"], NO_DAY),
        rank=frame["rank"].to_numpy(dtype=np.float64, na_value=np.nan),
        granted_order=order,
        target=cast("npt.NDArray[np.int32]", target.astype(np.int32)),
        event=_codes(frame["event"]),
        row=np.arange(len(frame)),
    )
    missing_first = np.where(np.isnan(rows.rank), -np.inf, rows.rank)
    order_keys = (
        rows.event,
        rows.target,
        rows.granted_order,
        missing_first,
        rows.recorded_on,
        rows.day,
        rows.pupil,
    )
    return rows.take(np.lexsort(order_keys))
