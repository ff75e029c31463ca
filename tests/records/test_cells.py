"""Reading cells: every spelling and type of an id, a day, a number, a flag, a school number."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.records.checks import Conformed, conform
from decrochage_risk.records.fault_hints import UAI_LETTERS
from decrochage_risk.records.table_schemas import TABLES

MARK = {
    "pupil_id": "a",
    "date": "2024-10-01",
    "subject": "maths",
    "value": 1,
    "status": "graded",
    "kind": "assessment",
}
STAY = {
    "pupil_id": "a",
    "school_year": 2024,
    "school_id": "0382032C",
    "level": "3e",
    "start_date": "2024-09-02",
}


def _read(table: str, row: dict[str, object], column: str, cells: list[object]) -> Conformed:
    """Read rows that differ in one column."""
    return conform(TABLES[table], pd.DataFrame([row | {column: cell} for cell in cells], dtype=object))


IDS: list[object] = ["élève 12", "0042", "🙂", "a b c", "名前", "x" * 256]


def test_ids_are_opaque() -> None:
    """Accents, inner spaces, emoji, leading zeros and 256 characters come out as they came in."""
    conformed = _read("pupils", {}, "pupil_id", IDS)
    assert conformed.faults == ()
    assert conformed.frame["pupil_id"].tolist() == IDS


def test_whole_numbers_are_ids_too() -> None:
    """A column of whole numbers, of any type, is read as text, also beyond 64 bits."""
    for column in (
        pd.Series([12, 7]),
        pd.Series([12, 7], dtype="Int64"),
        pd.Series([12, 7], dtype=object),
        pd.Series([12, 7]).astype("category"),
        pd.Series(pd.array([12, 7], dtype=pd.ArrowDtype(pa.int32()))),
    ):
        conformed = conform(TABLES["pupils"], pd.DataFrame({"pupil_id": column}))
        assert conformed.faults == ()
        assert conformed.frame["pupil_id"].tolist() == ["12", "7"]
    assert _read("pupils", {}, "pupil_id", [10**20]).frame["pupil_id"].tolist() == ["1" + "0" * 20]


def test_days_of_every_type_are_the_same_day() -> None:
    """ISO text, French text, dates, times at midnight and Arrow days all mean the same day."""
    day = dt.date(2009, 5, 7)
    columns = [
        pd.Series(["2009-05-07"]),
        pd.Series(["07/05/2009"]),
        pd.Series(["7/5/2009 "]),
        pd.Series(["2009-05-07 00:00:00"]),
        pd.Series([day], dtype=object),
        pd.Series([pd.Timestamp(day)], dtype=object),
        pd.Series(pd.to_datetime(["2009-05-07"])).astype("datetime64[ns]"),
        pd.Series(["2009-05-07"], dtype="category"),
        pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array([day])]))),
    ]
    for column in columns:
        conformed = conform(TABLES["pupils"], pd.DataFrame({"pupil_id": ["a"], "birth_date": column}))
        assert conformed.faults == ()
        assert conformed.frame["birth_date"].tolist() == [pd.Timestamp(day)]


def test_a_time_of_day_is_dropped_with_a_warning() -> None:
    """A date with a time keeps its day and is reported as a warning, from text and from times alike."""
    for value in ("2024-10-01 08:30", "01/10/2024 08:30", dt.datetime(2024, 10, 1, 8, 30)):
        conformed = _read("grades", MARK, "date", [value])
        (fault,) = conformed.faults
        assert (fault.rule, fault.severity) == ("time_of_day", "warning")
        assert "time was dropped" in fault.hint
        assert conformed.frame["date"].tolist() == [pd.Timestamp("2024-10-01")]


def test_numbers_of_every_type_are_the_same_number() -> None:
    """Decimal commas, points, Decimal, Arrow and numpy numbers all mean the same mark."""
    for value in ("12,5", "12.5", " 12,50 ", "1.25e1", 12.5, Decimal("12.5"), np.float32(12.5)):
        conformed = _read("grades", MARK, "value", [value, 3])
        assert conformed.faults == ()
        assert conformed.frame["value"].tolist() == [12.5, 3.0]


def test_flags_of_every_spelling() -> None:
    """Booleans, 0/1, oui/non, O/N in any case are read; blank is missing."""
    spelled: list[object] = [
        True,
        "TRUE",
        "oui",
        "O",
        1,
        "1",
        1.0,
        False,
        "false",
        "Non",
        "n",
        0,
        "0",
        None,
        "",
    ]
    conformed = _read("enrolments", STAY, "boarder", spelled)
    assert conformed.faults == ()
    assert conformed.frame["boarder"].tolist() == [True] * 7 + [False] * 6 + [pd.NA] * 2


@settings(max_examples=60)
@given(st.integers(0, 9_999_999), st.sampled_from(UAI_LETTERS))
def test_exactly_one_letter_checks_a_school_number(digits: int, letter: str) -> None:
    """A letter is accepted if and only if it stands at position digits modulo 23."""
    rules = [fault.rule for fault in _read("enrolments", STAY, "school_id", [f"{digits:07d}{letter}"]).faults]
    assert rules == ([] if UAI_LETTERS.index(letter) == digits % 23 else ["bad_check_letter"])


def test_published_school_numbers_pass() -> None:
    """Six school numbers published by other projects pass the check."""
    known: list[object] = ["0382032C", "0595121W", "0590116F", "0911028Y", "0911029Z", "0910715H"]
    assert _read("enrolments", STAY, "school_id", known).faults == ()


ODD_COLUMNS = [
    pd.Series([pd.Timedelta(1, "D")] * 2),
    pd.Series([1 + 2j, 2]),
    pd.Series(pd.period_range("2024", "2025", freq="Y")),
    pd.Series(pd.interval_range(0, 2)),
    pd.Series([b"x", None], dtype=object),
    pd.Series([{}, []], dtype=object),
    pd.Series(pd.arrays.SparseArray([1, 0])),
    pd.Series([pd.NA, None], dtype=object),
    pd.Series(pd.array([1.5, None], dtype="Float64")),
    pd.Series(["a", None], dtype="string"),
    pd.Series(pd.Categorical([1.5, 2])),
    pd.Series(pd.Categorical([pd.Timestamp("2024-01-01")] * 2)),
    pd.Series([2**63, 1], dtype="uint64"),
    pd.Series([-0.0, 5e-324]),
    pd.Series(["9" * 400, "1e400"]),
    pd.Series([np.True_, 1, "x", dt.date(1, 1, 1)], dtype=object),
    pd.Series(["99999999999999999999-01-01", "0000-00-00"]),
    pd.Series([pd.Timestamp.max, pd.NaT]),
    pd.Series(["\ud800", "a"], dtype=object),
]


@pytest.mark.whole
@pytest.mark.parametrize("cells", ODD_COLUMNS, ids=lambda cells: f"{cells.dtype}")
def test_no_column_is_too_odd(cells: pd.Series) -> None:
    """Whatever comes in whichever column, every row comes out, and what comes out reads the same again."""
    for table in TABLES.values():
        for column in table.columns:
            conformed = conform(table, pd.DataFrame({column.name: cells}))
            assert len(conformed.frame) == len(cells)
            pd.testing.assert_frame_equal(conform(table, conformed.frame).frame, conformed.frame)
