"""How a change between two days names them."""

from __future__ import annotations

from datetime import date

from decrochage_risk.explain.changes import then_on
from one_pupil import known_on


def test_the_earlier_day_is_named_with_its_year_when_of_another_school_year() -> None:
    """Same school year: no year; another one: its year; the same day: "auparavant"."""
    now = known_on(date(2025, 3, 5))
    assert then_on(now, known_on(date(2024, 12, 1))) == "au 1er décembre"
    assert then_on(known_on(date(2025, 9, 15)), now) == "au 5 mars 2025"
    assert then_on(now, now) == "auparavant"
