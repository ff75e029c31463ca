"""A school's own calendar file: round trip, and every bad file with its message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import CalendarError
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

HEADER = "date,half_days\n"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first_day=st.dates(), values=st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_round_trip(tmp_path: Path, first_day: date, values: list[int]) -> None:
    """A calendar written to a file and read back is the same calendar."""
    if first_day.toordinal() + len(values) > type(first_day).max.toordinal():
        values = values[:1]
    calendar = SchoolCalendar(first_day, np.array(values), name="x")
    calendar.to_csv(tmp_path / "calendar.csv")
    assert SchoolCalendar.from_csv(tmp_path / "calendar.csv", name="x") == calendar


def test_a_zone_round_trips(tmp_path: Path) -> None:
    """A zone written and read back keeps its span and values; its years are then the school's, not official."""
    zone = SchoolCalendar.for_zone("B")
    zone.to_csv(tmp_path / "calendar.csv")
    read = SchoolCalendar.from_csv(tmp_path / "calendar.csv")
    assert (read.first_day, read.last_day) == (zone.first_day, zone.last_day)
    assert np.array_equal(read.values, zone.values)
    assert read.name == "calendrier calendar.csv"
    assert read.unofficial_years == zone.known_years


@pytest.mark.parametrize(
    "text",
    [
        "date,half_days\n2024-11-05,2\n2024-11-06,1\n",
        "date;half_days\r\n2024-11-05;2\r\n2024-11-06;1\r\n",
        "half_days\tdate\n1\t2024-11-06\n2\t2024-11-05\n",
        '\ufeff"date";"half_days";"note"\n\n"2024-11-06";"1";"conseil ; bulletins"\n 2024-11-05 ; 2 ;\n;;\n\n',
        "Date,Half_days\n2024-11-06,1\n2024-11-05,2",
        "date;half_days\n05/11/2024;2,0\n06/11/2024;1,0\n",
        "sep=;\ndate;half_days;\n2024-11-05T00:00:00Z;2\n2024-11-06;1;;\n;;\n",
    ],
    ids=["commas", "semicolons", "tabs", "excel", "order", "french", "trailing"],
)
def test_forms_that_are_read(tmp_path: Path, text: str) -> None:
    """Separators, quotes, a BOM, blank lines, further columns and the order of lines do not matter."""
    (tmp_path / "c.csv").write_text(text, encoding="utf-8", newline="")
    expected = SchoolCalendar("2024-11-05", [2, 1], name="x")
    assert SchoolCalendar.from_csv(tmp_path / "c.csv", name="x") == expected


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("", "is empty"),
        ("\n ; \n", "is empty"),
        (HEADER, "has a header and no day"),
        (
            "jour;demi_journees\n2024-11-05;2\n",
            "one column date and one half_days (header: ['jour', 'demi_journees'])",
        ),
        ("date,date,half_days\n2024-11-05,2024-11-05,2\n", "column 'date' is there 2 times"),
        (HEADER + "05/31/2024,2\n", "line 2: '05/31/2024' is not a day such as 2024-11-05"),
        (HEADER + "2024-02-30,2\n", "line 2: '2024-02-30' is not a day"),
        (HEADER + "2024-11-05,3\n", "line 2: half_days '3' is not 0, 1 or 2"),
        (HEADER + "2024-11-05,1.5\n", "line 2: half_days '1.5' is not 0, 1 or 2"),
        (HEADER + "2024-11-05,\n", "line 2: half_days '' is not 0, 1 or 2"),
        (HEADER + "2024-11-05\n", "line 2 has 1 cells"),
        (HEADER + "2024-11-05,2\n2024-11-05,2\n", "line 3: 2024-11-05 is there already"),
        (HEADER + "2024-11-05,2\n2024-11-09,0\n", "no line for 2024-11-06 to 2024-11-08 (3 day(s))"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, came: str) -> None:
    """A file that cannot be used is refused with its name, the fault, what was expected and what to do."""
    (tmp_path / "ecole.csv").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarError) as refused:
        SchoolCalendar.from_csv(tmp_path / "ecole.csv")
    assert "The calendar file 'ecole.csv' " in str(refused.value)
    assert came in str(refused.value)
    assert "Expected: columns date (2024-11-05) and half_days (0, 1 or 2)" in str(refused.value)
    assert "Hint: Correct these lines; SchoolCalendar.for_zone(...).to_csv(path)" in str(refused.value)


def test_every_fault_at_once(tmp_path: Path) -> None:
    """All faults of a file come in one message, with the lines of the file as an editor counts them."""
    lines = ["", "2024-11-05,2", "05/31/2024,1", "2024-11-05,deux", "2024-11-08,2", "2024-11-12,9"]
    (tmp_path / "c.csv").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CalendarError) as refused:
        SchoolCalendar.from_csv(tmp_path / "c.csv")
    for fault in (
        "has 6 fault(s)",
        "line 4: '05/31/2024'",
        "line 5: half_days 'deux'",
        "line 7: half_days '9'",
        "line 5: 2024-11-05 is there already",
        "no line for 2024-11-06 to 2024-11-07 (2 day(s))",
        "no line for 2024-11-09 to 2024-11-11 (3 day(s))",
    ):
        assert fault in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file or a folder is a calendar error too."""
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(CalendarError, match="cannot be opened") as refused:
            SchoolCalendar.from_csv(path)
        assert "Hint: " in str(refused.value)


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are read as in every other table, and shown as they were meant."""
    (tmp_path / "c.csv").write_bytes("date;half_days\nétrange;2\n".encode("iso-8859-15"))
    with pytest.raises(CalendarError, match="line 2: 'étrange' is not a day"):
        SchoolCalendar.from_csv(tmp_path / "c.csv")
