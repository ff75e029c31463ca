"""The 28 contract features of the package equal their independent recomputation on random records."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from feature_matrix import matrix_of
from oracle_rows import CONTRACT
from random_records import AS_OFS, as_frames, random_rows
from tiny_rows import absence, enrolment, tables

from decrochage_risk.features import CATALOGUE
from oracle import contract_features

if TYPE_CHECKING:
    from conftest import Worked
    from decrochage_risk.school_year import SchoolCalendar
    from oracle import Tables

COUNTS = {
    "unjustified_half_days_4w", "unjustified_half_days_12w", "unjustified_half_days_year", "lateness_12w",
    "months_over_threshold_year", "longest_absence_run_year", "exclusion_half_days_year", "missed_assessments_12w",
    "track_changes_year", "assigned_wish_rank", "first_wish_refused", "council_against_wish", "years_behind",
    "repeated_years", "school_changes_3y",
}  # fmt: skip
NEVER_MISSING = COUNTS - {"assigned_wish_rank", "first_wish_refused", "council_against_wish", "years_behind"}
LOWER_IS_WORSE = {
    "mean_grade_12w", "mean_grade_year", "grade_change_term", "grade_change_last_year", "lowest_core_grade_year",
    "grade_change_since_4e",
}  # fmt: skip
NO_DIRECTION = {"subject_spread_year"}


def agree(name: str, got: float, expected: float) -> bool:
    """Tell whether two values agree: counts exactly, the rest to 1e-9, NaN with NaN only."""
    if math.isnan(got) or math.isnan(expected):
        return math.isnan(got) and math.isnan(expected)
    return got == expected if name in COUNTS else math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)


def rows_of_pupil(rows: Tables, pupil: object) -> str:
    """Print every row of a pupil, one per line, in order of day."""
    lines = []
    for table, found in rows.items():
        if found is None:
            lines.append(f"  {table}: absent")
            continue
        own = [row for row in found if row["pupil_id"] == pupil]
        own.sort(key=lambda row: str(row.get("date") or row.get("start_date")))
        lines += [
            f"  {table}: " + ", ".join(f"{k}={v}" for k, v in row.items() if k != "pupil_id") for row in own
        ]
    return "\n".join(lines)


def assert_equal_to_recomputation(rows: Tables, as_of: date, calendar: SchoolCalendar) -> None:
    """Compare every contract feature of every pupil; a failure shows the values, and the rows of the first pupil."""
    expected = contract_features(rows, as_of, calendar.half_days, calendar.known_years)
    matrix = matrix_of(as_frames(rows), as_of, calendar)
    assert list(matrix.index) == list(expected)
    got = matrix[list(CONTRACT)].to_dict(orient="index")
    wrong = [
        (pupil, name, got[pupil][name], value)
        for pupil, values in expected.items()
        for name, value in values.items()
        if not agree(name, got[pupil][name], value)
    ]
    if wrong:
        cells = "\n".join(f"  {pupil!r} {name}: {a} instead of {b}" for pupil, name, a, b in wrong[:12])
        rows_shown = rows_of_pupil(rows, wrong[0][0])
        pytest.fail(
            f"as of {as_of}: {len(wrong)} values differ\n{cells}\nrows of {wrong[0][0]!r}:\n{rows_shown}"
        )


@pytest.mark.parametrize("seed", range(26))
def test_equal_to_recomputation(seed: int, calendar: SchoolCalendar) -> None:
    """On random records, each contract feature is what a recomputation from its definition gives."""
    as_ofs = AS_OFS[seed % 4 :: 4]
    rows = random_rows(seed, as_ofs=as_ofs)
    for as_of in as_ofs:
        assert_equal_to_recomputation(rows, as_of, calendar)


@pytest.mark.whole
@pytest.mark.parametrize("seed", range(100, 103))
def test_days_around_1_september(seed: int, calendar: SchoolCalendar) -> None:
    """The same on every second day from late August to early October, where windows are cut by 1 September."""
    days = [date(2024, 8, 28) + timedelta(n) for n in range(0, 36, 2)]
    rows = random_rows(seed, 12, as_ofs=days[::3])
    for as_of in days:
        assert_equal_to_recomputation(rows, as_of, calendar)


@pytest.mark.parametrize("name", CONTRACT)
def test_random_records_are_telling(name: str, calendar: SchoolCalendar) -> None:
    """The random records give each contract feature several values and, where a row can leave it unknown, NaN too."""
    values = [features[name] for seed in range(4) for features in _recomputed(seed, calendar)]
    known = {value for value in values if not math.isnan(value)}
    assert len(known) >= (2 if name in ("first_wish_refused", "council_against_wish") else 3)
    assert name in NEVER_MISSING or any(math.isnan(value) for value in values)


_CACHE: dict[int, list[dict[str, float]]] = {}


def _recomputed(seed: int, calendar: SchoolCalendar) -> list[dict[str, float]]:
    if seed not in _CACHE:
        as_ofs = AS_OFS[seed % 4 :: 4]
        rows = random_rows(seed, as_ofs=as_ofs)
        _CACHE[seed] = [
            values
            for as_of in as_ofs
            for values in contract_features(rows, as_of, calendar.half_days, calendar.known_years).values()
        ]
    return _CACHE[seed]


def test_contract_is_in_the_catalogue() -> None:
    """Each contract feature is one entry of the catalogue, with the direction of its definition."""
    directions = {entry.name: entry.direction for entry in CATALOGUE if entry.name in CONTRACT}
    expected = {name: -1 if name in LOWER_IS_WORSE else 0 if name in NO_DIRECTION else 1 for name in CONTRACT}
    assert len(CONTRACT) == 28
    assert directions == expected


def test_years_outside_the_calendar_are_left_out(worked: Worked, calendar: SchoolCalendar) -> None:
    """A school year before the calendar begins counts for nothing in the absence rate since the 4e, NaN if it is alone."""
    first = min(calendar.known_years)
    absent = absence(f"{first}-05-15", 2)  # in the school year that ends as the calendar begins
    as_of = date(first + 2, 1, 20)
    early, now = enrolment(first - 1, "4e"), enrolment(first + 1, "2de_gt")
    both = _of_p(tables([early, enrolment(first, "3e"), now], absences=[absent]))
    worked("absence_rate_since_4e", both, 0, as_of=as_of)
    worked("absence_rate_since_4e", _of_p(tables([early, now], absences=[absent])), math.nan, as_of=as_of)


def _of_p(found: Tables) -> Tables:
    return {
        name: None if rows is None else [row for row in rows if row["pupil_id"] == "p"]
        for name, rows in found.items()
    }
