"""What the table ``context`` says of each pupil's class and school: references, made once, never out of this batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["ENVIRONMENT_COLUMNS", "SUBJECTS", "ReferenceValues", "environment_of"]

ENVIRONMENT_COLUMNS: Final = ("context_school_absence_rate", "context_school_mean_grade")
"""Context columns out of the table ``context``."""

MEASURES: Final = TABLES["context"].column("measure").choices
SUBJECTS: Final = TABLES["context"].column("subject").choices
_ALL_SUBJECTS = -1


class ReferenceValues:
    """The latest values of this school year, as they were known on the as-of date.

    Parameters
    ----------
    known : KnownRecords
        Records cut at the as-of date; without the table ``context``, every value is NaN.
    """

    def __init__(self, known: KnownRecords) -> None:
        rows = known.arrays.enrolments
        classes = int(rows.classroom.max(initial=-1)) + 2
        school = np.where(known.enrolled, known.school, -1).astype(np.int64)
        classroom = np.append(rows.classroom, np.int32(-1))[known.current_enrolment].astype(np.int64)
        self._places, self._values = _latest(known, classes)
        self._class = self._position(
            np.where((school < 0) | (classroom < 0), -1, school * classes + classroom + 1)
        )
        self._school = self._position(np.where(school < 0, -1, school * classes))

    def of_class(self, measure: str, subject: int = _ALL_SUBJECTS) -> Floats:
        """Value of each pupil's class; NaN for a pupil who is not enrolled or whose class is not known."""
        return self._of(self._class, measure, subject)

    def of_school(self, measure: str) -> Floats:
        """Value of each pupil's school; NaN for a pupil who is not enrolled."""
        return self._of(self._school, measure, _ALL_SUBJECTS)

    def _of(self, line: Ints, measure: str, subject: int) -> Floats:
        column = (subject + 1) * len(MEASURES) + MEASURES.index(measure)
        found: Floats = self._values[line, column]
        return found

    def _position(self, places: Ints) -> Ints:
        """Line of each place in the values; the last line, of NaN, for one without values."""
        at = np.searchsorted(self._places, places).astype(np.int64)
        found = np.append(self._places, -2)[at] == places
        return np.where(found, at, self._places.size)


def _latest(known: KnownRecords, classes: int) -> tuple[Ints, Floats]:
    """Places (schools and classes, sorted) and their latest values of the year, one more line of NaN at the end."""
    context = known.arrays.context
    columns = len(MEASURES) * (len(SUBJECTS) + 1)
    if context is None:
        return np.zeros(0, dtype=np.int64), np.full((1, columns), np.nan)
    rows = context.take(context.day >= known.year_start_day)
    rows = rows.take(np.argsort(rows.day, kind="stable"))
    place, line = np.unique(rows.school.astype(np.int64) * classes + rows.classroom + 1, return_inverse=True)
    values = np.full((place.size + 1, columns), np.nan)
    # Rows are sorted by day: of several, the latest is written last and stays.
    values[line, (rows.subject.astype(np.int64) + 1) * len(MEASURES) + rows.measure] = rows.value
    return place, values


def environment_of(known: KnownRecords) -> Floats:
    """Values of each pupil's school for the context of the risk, (pupils, columns of ``ENVIRONMENT_COLUMNS``)."""
    if known.arrays.context is None:
        return np.full((known.pupil_count, len(ENVIRONMENT_COLUMNS)), np.nan)
    values = ReferenceValues(known)
    return np.stack([values.of_school("absence_rate_year"), values.of_school("mean_grade_year")], axis=1)
