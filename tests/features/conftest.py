"""Makes the helpers of this folder importable by name, and holds what its tests share."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from decrochage_risk.school_year import SchoolCalendar

sys.path.insert(0, str(Path(__file__).parent))

from feature_matrix import matrix_of
from oracle_beyond import beyond_features
from oracle_rows import CONTRACT
from random_records import as_frames
from tiny_rows import AS_OF

from oracle import contract_features

if TYPE_CHECKING:
    from datetime import date

    from tiny_rows import Tables


class Worked(Protocol):
    """Checks one worked value."""

    def __call__(
        self, name: str, tables: Tables, expected: float, *, as_of: date = AS_OF, pupil: str = "p"
    ) -> None:
        """Check that the package and the recomputation both give the value worked out by hand."""


@pytest.fixture(scope="session")
def calendar() -> SchoolCalendar:
    """Return the calendar of zone B, the one of every example and law of this folder."""
    return SchoolCalendar.for_zone("B")


@pytest.fixture(scope="session")
def worked(calendar: SchoolCalendar) -> Worked:
    """Return the check of one worked value: the package and the recomputation must both give it."""

    def check(name: str, tables: Tables, expected: float, *, as_of: date = AS_OF, pupil: str = "p") -> None:
        recompute = contract_features if name in CONTRACT else beyond_features
        again = recompute(tables, as_of, calendar.half_days, calendar.known_years)[pupil][name]
        assert again == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), (
            "the recomputation is wrong"
        )
        got = matrix_of(as_frames(tables), as_of, calendar).loc[pupil, name]
        assert math.isnan(got) == math.isnan(expected), f"{name} of {pupil}: {got} instead of {expected}"
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), f"{name} of {pupil}"

    return check
