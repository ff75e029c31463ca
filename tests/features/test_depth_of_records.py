"""What a feature says of a pupil does not grow with the number of years that the extract holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from feature_matrix import matrix_of
from random_records import as_frames
from tiny_rows import AS_OF, absence, enrolment, lateness, mark, missed, tables

from decrochage_risk.features import CATALOGUE

if TYPE_CHECKING:
    import pandas as pd
    from tiny_rows import Row

    from decrochage_risk.school_year import SchoolCalendar

LEVELS = {2021: "4e", 2022: "3e", 2023: "2de_pro", 2024: "1re_pro"}
COUNTS = {"half-days", "months", "events", "days", "changes", "subjects"}


def rows_of(year: int) -> tuple[list[Row], list[Row]]:
    """Write the same troubled year again: absences, lateness, exclusion, marks and missed work."""
    absences = [
        *(absence(f"{year}-{day}", 2) for day in ("09-12", "09-13", "10-10", "11-15", "12-05")),
        *(absence(f"{year + 1}-{day}", 2) for day in ("03-14", "03-15", "03-28", "03-29")),
        absence(f"{year}-11-22", 2, justified=None, kind="exclusion"),
        lateness(f"{year}-11-24"),
    ]
    grades = [
        mark(f"{year}-09-20", "maths", 9),
        mark(f"{year}-11-25", "maths", 7),
        mark(f"{year}-12-02", "french", 8),
        missed(f"{year}-11-30", "absent"),
        missed(f"{year + 1}-03-21", "not_handed_in"),
    ]
    return absences, grades


def known_from(first: int, calendar: SchoolCalendar) -> pd.Series:
    """Compute the features of the pupil from records that begin with a school year, each year like the others."""
    years = [year for year in LEVELS if year >= first]
    absences, grades = zip(*(rows_of(year) for year in years), strict=True)
    rows = tables(
        [enrolment(year, LEVELS[year]) for year in years],
        absences=[row for part in absences for row in part if row["date"] < AS_OF],
        grades=[row for part in grades for row in part if row["date"] < AS_OF],
        orientation=[],
    )
    return matrix_of(as_frames(rows), AS_OF, calendar).loc["p"]


def test_a_count_is_the_same_however_far_back_the_records_reach(calendar: SchoolCalendar) -> None:
    """Of a pupil whose years are alike, no count that is known twice grows with one more year of records.

    A model that learnt from two years would otherwise read a third as a rise in risk, for everybody.
    """
    short, middle, long = (known_from(first, calendar) for first in (2023, 2022, 2021))
    counted = [
        feature.name
        for feature in CATALOGUE
        if feature.unit in COUNTS and feature.direction and not feature.of_records
    ]
    assert {"months_over_threshold_last_year", "missed_assessments_last_year"} <= set(counted)
    for name in counted:
        known = [value for value in (short[name], middle[name], long[name]) if not np.isnan(value)]
        assert len(set(known)) <= 1, f"{name}: {known}"
    assert (long[counted].notna() & (long[counted] != 0)).sum() > 12
