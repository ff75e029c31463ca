"""Days, periods and school years in French."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk import french

LAWS = settings(max_examples=60)
MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()  # noqa: SIM905 (read as a line)


def read_day(text: str) -> date:
    """Read "3 février 2025" back."""
    number, month, year = text.split()
    return date(int(year), MONTHS.index(month) + 1, int(number.removesuffix("er")))


@LAWS
@given(st.dates(date(1900, 1, 1)))
def test_a_day_reads_back(day: date) -> None:
    """A day with its year reads back as the same day, and only the first of a month is "1er"."""
    text = french.day(day, with_year=True)
    assert read_day(text) == day
    assert text.startswith("1er ") == (day.day == 1)
    assert text == f"{french.day(day)} {day.year}"
    assert french.since(day, with_year=True) == f"depuis le {text}"
    assert french.month(day, with_year=True) == " ".join(text.split()[1:])


@LAWS
@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 800))
def test_a_period_reads_back(start: date, length: int) -> None:
    """From a period with its years both days read back, whatever they share."""
    end = start + timedelta(days=length)
    text = french.period(start, end, with_year=True)
    if length == 0:
        assert text == f"le {french.day(start, with_year=True)}"
        return
    first, last = text.removeprefix("du ").split(" au ")
    shared = last.split()[len(first.split()) :]
    assert read_day(last) == end
    assert read_day(" ".join([first, *shared])) == start


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (date(2025, 2, 3), date(2025, 3, 2), "du 3 février au 2 mars"),
        (date(2024, 12, 16), date(2025, 1, 12), "du 16 décembre au 12 janvier"),
        (date(2025, 3, 1), date(2025, 3, 28), "du 1er au 28 mars"),
        (date(2024, 3, 1), date(2025, 3, 28), "du 1er mars au 28 mars"),
        (pd.Timestamp("2025-02-03 08:00"), pd.Timestamp("2025-02-03 10:00"), "le 3 février"),
    ],
)
def test_periods(start: date, end: date, text: str) -> None:
    """A period names what its two days do not share."""
    assert french.period(start, end) == text


def test_a_period_backwards_is_refused() -> None:
    """A period whose start is after its end is refused with both days."""
    with pytest.raises(ValueError, match="The period 2025-03-02 to 2025-02-03") as refused:
        french.period(date(2025, 3, 2), date(2025, 2, 3))
    assert "Expected: a start on or before the end" in str(refused.value)
    assert "Hint: Swap the two days" in str(refused.value)


def test_school_year() -> None:
    """A school year is written with its two years."""
    assert french.school_year(2024) == "2024-2025"
    assert french.school_year(1999) == "1999-2000"


def test_a_shared_year_is_written_once() -> None:
    """A period inside a year names it once, a period over two years names both."""
    in_2025 = french.period(date(2025, 2, 3), date(2025, 3, 2), with_year=True)
    over_two = french.period(date(2024, 12, 16), date(2025, 1, 12), with_year=True)
    assert in_2025 == "du 3 février au 2 mars 2025"
    assert over_two == "du 16 décembre 2024 au 12 janvier 2025"
