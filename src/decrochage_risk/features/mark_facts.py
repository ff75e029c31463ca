"""What several features ask of the grades: means per subject of a window, missed work, averages of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.features import trajectory_kernels
from decrochage_risk.features.facts import code_of, ratio
from decrochage_risk.features.windows import BEFORE_12W, LAST_12W, YEAR
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.features.facts import Facts
    from decrochage_risk.features.windows import Window

    Floats = npt.NDArray[np.float64]

__all__ = [
    "FALL",
    "mark_count",
    "missed_rows",
    "missed_share",
    "period_average_change",
    "subject_falls",
    "subject_means",
]

SUBJECT_COUNT = len(TABLES["grades"].column("subject").choices)

FALL = 2.0
"""Points on 20 that make a fall: about half a standard deviation of the marks of a subject between pupils."""


def subject_means(facts: Facts, window: Window) -> Floats:
    """Weighted mean per pupil and subject over a window, NaN where none, shape (pupils, subjects)."""

    def computed() -> Floats:
        marks, events = facts.marks, facts.mark_events
        first, after = window.span(facts.known)
        low, high = events.bound(first), events.bound(max(first, after))
        return trajectory_kernels.means_by_code(
            marks.subject, marks.mark, marks.coefficient, low, high, SUBJECT_COUNT
        )

    return facts.once(("subject means", window.name), computed)


def subject_falls(facts: Facts) -> Floats:
    """Subjects that fell between the start of the year and the last 12 weeks; worst fall against the others."""
    return facts.once(
        "subject falls",
        lambda: trajectory_kernels.falls(
            subject_means(facts, LAST_12W), subject_means(facts, BEFORE_12W), FALL
        ),
    )


def missed_rows(facts: Facts) -> Floats:
    """1 for each row of grades that was missed (absent, not handed in), else 0."""

    def found() -> Floats:
        status = facts.grade_rows.status
        absent, late = (code_of("grades", "status", name) for name in ("absent", "not_handed_in"))
        missed: npt.NDArray[np.bool_] = (status == absent) | (status == late)
        return missed.astype(np.float64)

    return facts.once("missed", found)


def mark_count(facts: Facts, window: Window) -> Floats:
    """Count the marks of a window."""
    ones = facts.once("ones", lambda: np.ones(len(facts.marks)))
    return facts.mark_events.sum("count", ones, *window.span(facts.known))


def missed_share(facts: Facts, window: Window) -> Floats:
    """Missed work over missed work and marks of a window, NaN without either."""
    missed = facts.grade_events.sum("missed", missed_rows(facts), *window.span(facts.known))
    return ratio(missed, missed + mark_count(facts, window))


def period_average_change(facts: Facts) -> Floats:
    """Mean over subjects of the latest average of a period minus the one before it, in the year."""
    rows, events = facts.grade_rows, facts.grade_events
    first, after = YEAR.span(facts.known)
    chosen = (rows.kind == code_of("grades", "kind", "term_average")) & (
        rows.status == code_of("grades", "status", "graded")
    )
    return trajectory_kernels.change_of_latest(
        rows.day, rows.subject, rows.mark, chosen, events.bound(first), events.bound(after), SUBJECT_COUNT
    )
