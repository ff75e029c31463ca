"""The table ``context`` as arrays: reference values of classes and schools, found by the codes of the enrolments."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable, Texts

__all__ = ["ContextValues", "encode_context"]


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


def _codes(texts: Texts, known: Sequence[str]) -> npt.NDArray[np.int32]:
    """Position of each cell's text among the known ones, -1 where it is none of them."""
    place = {word: position for position, word in enumerate(known)}
    codes = np.array([place.get(word, -1) for word in texts.words], dtype=np.int32)
    return texts.translate(codes)
