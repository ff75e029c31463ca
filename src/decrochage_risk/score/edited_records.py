"""Known records with edited facts: some pupils alone, without some of their rows; the records themselves stay as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from decrochage_risk.features.facts import code_of
from decrochage_risk.features.windows import LAST_4W
from decrochage_risk.records.coverage import Coverage
from decrochage_risk.records.encoded import Ids

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.encoded import Absences, Grades
    from decrochage_risk.records.known import KnownRecords

    Positions = npt.NDArray[np.intp]

__all__ = ["MISSED", "only", "recent_missed_work", "recent_unjustified", "without_rows"]

_Rows = TypeVar("_Rows", bound=Any)

MISSED = ("absent", "not_handed_in")
"""Statuses of a grade that stand for missed work."""


def only(known: KnownRecords, pupils: Positions) -> KnownRecords:
    """Keep some pupils and their rows; what is computed of them does not change by a bit.

    Parameters
    ----------
    known : KnownRecords
        Known records.
    pupils : array of int
        Positions of the pupils to keep, each once; they come in this order.
    """
    position = np.full(known.pupil_count, -1, dtype=np.int32)
    position[pupils] = np.arange(len(pupils), dtype=np.int32)
    arrays = known.arrays
    kept = replace(
        arrays,
        pupils=Ids([arrays.pupils.words[pupil] for pupil in pupils.tolist()]),
        birth_day=arrays.birth_day[pupils],
        birth_year=arrays.birth_year[pupils],
        enrolments=_of(arrays.enrolments, position),
        absences=_of(arrays.absences, position),
        grades=_of(arrays.grades, position),
        orientation=_of(arrays.orientation, position),
    )
    coverage = {table: _covering(spans, position) for table, spans in known.coverage.items()}
    return replace(known, arrays=kept, coverage=coverage)


def _of(rows: _Rows, position: npt.NDArray[np.int32]) -> _Rows:
    """Keep the rows of the kept pupils, sorted by their new positions, the order within each pupil as it was."""
    if rows is None:
        return rows
    kept = np.flatnonzero(position[rows.pupil] >= 0)
    kept = kept[np.argsort(position[rows.pupil[kept]], kind="stable")]
    taken: _Rows = rows.take(kept).with_columns(pupil=position[rows.pupil[kept]])
    return taken


def _covering(coverage: Coverage, position: npt.NDArray[np.int32]) -> Coverage:
    pupil = coverage.spans["pupil"].to_numpy()
    now = np.where(pupil >= 0, position[np.maximum(pupil, 0)], -1)
    spans = coverage.spans.assign(pupil=now)[(pupil < 0) | (now >= 0)]
    not_sent = position[coverage.not_sent]
    return Coverage(spans, not_sent[not_sent >= 0])


def recent_unjustified(known: KnownRecords) -> npt.NDArray[np.bool_]:
    """Which rows of ``arrays.absences`` are unjustified absences of the last 4 weeks.

    Parameters
    ----------
    known : KnownRecords
        With absences.
    """
    rows: Absences = _table(known, "absences")
    absence: npt.NDArray[np.bool_] = (rows.kind == code_of("absences", "kind", "absence")) & ~rows.justified
    return absence & _recent(rows.day, known)


def recent_missed_work(known: KnownRecords) -> npt.NDArray[np.bool_]:
    """Which rows of ``arrays.grades`` are missed work of the last 4 weeks.

    Parameters
    ----------
    known : KnownRecords
        With grades.
    """
    rows: Grades = _table(known, "grades")
    missed = np.isin(rows.status, [code_of("grades", "status", status) for status in MISSED])
    return missed & _recent(rows.day, known)


def without_rows(known: KnownRecords, table: str, rows: npt.NDArray[np.bool_]) -> KnownRecords:
    """Leave some rows of a table out.

    Parameters
    ----------
    known : KnownRecords
        Known records; not changed.
    table : {"absences", "grades"}
        Which table.
    rows : array of bool
        Rows of ``known.arrays`` to leave out.
    """
    return replace(known, arrays=replace(known.arrays, **{table: _table(known, table).take(~rows)}))


def _table(known: KnownRecords, table: str) -> Any:  # noqa: ANN401 - the rows of either table
    rows = getattr(known.arrays, table)
    if rows is None:
        raise LookupError(table)
    return rows


def _recent(day: npt.NDArray[np.int32], known: KnownRecords) -> npt.NDArray[np.bool_]:
    first, after = LAST_4W.span(known)
    found: npt.NDArray[np.bool_] = (day >= first) & (day < after)
    return found
