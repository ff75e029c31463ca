"""What the table ``context`` says of each pupil's class and school: references, made once, never out of this batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.context_values import ContextValues
    from decrochage_risk.records.known import KnownRecords

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["ENVIRONMENT_COLUMNS", "SUBJECTS", "ReferenceValues", "environment_of"]

ENVIRONMENT_COLUMNS: Final = ("context_school_absence_rate", "context_school_mean_grade")
"""Context columns out of the table ``context``."""

MEASURES: Final = TABLES["context"].column("measure").choices
SUBJECTS: Final = TABLES["context"].column("subject").choices
_WHOLE_SCHOOL = -1
_ALL_SUBJECTS = -1


class ReferenceValues:
    """The latest values of this school year, as they were known on the as-of date.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date; without the table ``context``, every value is NaN.
    """

    def __init__(self, known: KnownRecords) -> None:
        self._known = known
        rows = known.arrays.enrolments
        self._classes = int(rows.classroom.max(initial=-1)) + 2
        self._school = np.where(known.enrolled, known.school, -1).astype(np.int64)
        self._classroom = np.append(rows.classroom, np.int32(-1))[known.current_enrolment].astype(np.int64)
        self._keys, self._values = self._latest(known.arrays.context)

    def of_class(self, measure: str, subject: int = _ALL_SUBJECTS) -> Floats:
        """Value of each pupil's class; NaN for a pupil who is not enrolled or whose class is not known."""
        school = np.where(self._classroom >= 0, self._school, -1)
        return self._found(school, self._classroom, subject, measure)

    def of_school(self, measure: str) -> Floats:
        """Value of each pupil's school; NaN for a pupil who is not enrolled."""
        whole = np.full(self._school.size, _WHOLE_SCHOOL, dtype=np.int64)
        return self._found(self._school, whole, _ALL_SUBJECTS, measure)

    def _latest(self, context: ContextValues | None) -> tuple[Ints, Floats]:
        if context is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        rows = context.take(context.day >= self._known.year_start_day)
        keys = self._key(
            rows.school.astype(np.int64),
            rows.classroom.astype(np.int64),
            rows.subject.astype(np.int64),
            rows.measure,
        )
        order = np.lexsort((rows.day, keys))
        keys, values = keys[order], rows.value[order]
        last = np.append(keys[1:] != keys[:-1], True)[: keys.size]
        return keys[last], values[last]

    def _key(
        self, school: Ints, classroom: Ints, subject: Ints | int, measure: npt.NDArray[np.int8] | int
    ) -> Ints:
        within = (school * self._classes + classroom + 1) * (len(SUBJECTS) + 1) + subject + 1
        return within * len(MEASURES) + measure

    def _found(self, school: Ints, classroom: Ints, subject: int, measure: str) -> Floats:
        wanted = self._key(school, classroom, subject, MEASURES.index(measure))
        at = np.searchsorted(self._keys, wanted)
        keys, values = np.append(self._keys, np.int64(-1)), np.append(self._values, np.nan)
        hit = (school >= 0) & (keys[at] == wanted)
        return np.where(hit, values[at], np.nan)


def environment_of(known: KnownRecords) -> Floats:
    """Values of each pupil's school for the context of the risk, (pupils, columns of ``ENVIRONMENT_COLUMNS``)."""
    if known.arrays.context is None:
        return np.full((known.pupil_count, len(ENVIRONMENT_COLUMNS)), np.nan)
    values = ReferenceValues(known)
    return np.stack([values.of_school("absence_rate_year"), values.of_school("mean_grade_year")], axis=1)
