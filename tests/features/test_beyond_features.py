"""The features beyond the contract equal their independent recomputation on random records."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from feature_matrix import matrix_of
from oracle_beyond import beyond_features
from oracle_rows import CONTRACT
from random_records import AS_OFS, as_frames, random_rows

from decrochage_risk.features import CATALOGUE
from decrochage_risk.features.definition import AGAINST_CLASS

if TYPE_CHECKING:
    from decrochage_risk.school_year import SchoolCalendar
    from oracle import Tables

WHOLE_UNITS = {
    "half-days",
    "events",
    "months",
    "weeks",
    "days",
    "years",
    "changes",
    "subjects",
    "wishes",
    "0/1",
}
BEYOND = tuple(f.name for f in CATALOGUE if f.name not in CONTRACT and f.family is not AGAINST_CLASS)
EXACT = {feature.name for feature in CATALOGUE if feature.unit in WHOLE_UNITS}


def agree(name: str, got: float, expected: float) -> bool:
    """Tell whether two values agree: counts exactly, the rest to 1e-9, NaN with NaN only."""
    if math.isnan(got) or math.isnan(expected):
        return math.isnan(got) and math.isnan(expected)
    return got == expected if name in EXACT else math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)


def assert_equal_to_recomputation(rows: Tables, as_of: date, calendar: SchoolCalendar) -> None:
    """Compare every feature beyond the contract of every pupil."""
    expected = beyond_features(rows, as_of, calendar.half_days, calendar.known_years)
    got = matrix_of(as_frames(rows), as_of, calendar).to_dict(orient="index")
    wrong = [
        f"{pupil!r} {name}: {got[pupil][name]} instead of {value}"
        for pupil, values in expected.items()
        for name, value in values.items()
        if not agree(name, got[pupil][name], value)
    ]
    assert not wrong, f"as of {as_of}: {len(wrong)} values differ\n" + "\n".join(wrong[:12])


@pytest.mark.whole
@pytest.mark.parametrize("seed", range(12))
def test_equal_to_recomputation(seed: int, calendar: SchoolCalendar) -> None:
    """On random records, each feature beyond the contract is what a recomputation from its definition gives."""
    as_ofs = AS_OFS[seed % 4 :: 4]
    rows = random_rows(seed, 25, as_ofs=as_ofs)
    for as_of in as_ofs:
        assert_equal_to_recomputation(rows, as_of, calendar)


@pytest.mark.whole
@pytest.mark.parametrize("seed", [100])
def test_days_around_1_september(seed: int, calendar: SchoolCalendar) -> None:
    """The same from late August to early October, where windows are cut by 1 September."""
    days = [date(2024, 8, 28) + timedelta(n) for n in range(0, 36, 3)]
    rows = random_rows(seed, 12, as_ofs=days[::3])
    for as_of in days:
        assert_equal_to_recomputation(rows, as_of, calendar)


def test_every_feature_is_recomputed(calendar: SchoolCalendar) -> None:
    """Each feature of the catalogue that is not of the contract has its own recomputation, and no other has."""
    found = next(
        iter(beyond_features(random_rows(1, 2), AS_OFS[3], calendar.half_days, calendar.known_years).values())
    )
    assert sorted(found) == sorted(BEYOND)


@pytest.mark.whole
def test_random_records_are_telling(calendar: SchoolCalendar) -> None:
    """The random records give each feature several values."""
    seen: dict[str, set[float]] = {name: set() for name in BEYOND}
    for seed in range(4):
        as_ofs = AS_OFS[seed % 4 :: 4]
        rows = random_rows(seed, 25, as_ofs=as_ofs, absent_tables=False)
        for as_of in as_ofs:
            for values in beyond_features(rows, as_of, calendar.half_days, calendar.known_years).values():
                for name, value in values.items():
                    seen[name] |= set() if math.isnan(value) else {value}
    units = {feature.name: feature.unit for feature in CATALOGUE}
    poor = {
        name: len(values) for name, values in seen.items() if len(values) < (2 if units[name] == "0/1" else 3)
    }
    assert not poor
