"""Laws on the extracts that break every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from decrochage_risk.errors import FaultyRecordsError, UnreadableRecordsError
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.checks import conform, cross_check
from decrochage_risk.records.faults import FaultReport
from decrochage_risk.records.rules import CELL_RULES, CROSS_RULES, ROW_RULES
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.messy import FAULTS_OF_EXTRACT, messy_tables, write_messy

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

# No file of text holds a column of bytes; a lone midnight of UTC is mended in payloads, whose cells are read one by one.
NOT_IN_FILES = {"bytes_as_text", "bad_bytes", "utc_midnight"}
EVERY_RULE = {
    rule.name for rule in (*CELL_RULES, *CROSS_RULES, *(row.rule for row in ROW_RULES))
} - NOT_IN_FILES


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Draw clean tables."""
    return make_cohort(400, [2023, 2024], seed=3).tables


def found_in(extract: dict[str, pd.DataFrame]) -> set[str]:
    """Check an extract table by table, then across, and name the rules that it breaks."""
    known = {name: conform(TABLES[name], table) for name, table in extract.items() if name in TABLES}
    own = [fault for table in known.values() for fault in table.faults]
    frames = {name: extract[name] for name in extract if name not in TABLES}
    for name, table in known.items():
        wrong = [row for fault in table.faults if fault.severity == "error" for row in fault.rows]
        frames[name] = table.frame.drop(index=wrong)
    missing = {name: table.missing_optional for name, table in known.items()}
    across = cross_check(frames, SchoolCalendar.for_zone("B"), missing_optional=missing)
    return {fault.rule for fault in (*own, *across)}


def report_of(error: FaultyRecordsError) -> FaultReport:
    """Give the report of an error."""
    assert isinstance(error.report, FaultReport)
    return error.report


def test_extracts_break_every_rule_of_the_catalogue() -> None:
    """Together the extracts are said to break each rule that the records have, and no other."""
    assert set().union(*FAULTS_OF_EXTRACT.values()) == EVERY_RULE


@pytest.mark.whole
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_check_finds_each_fault(tables: dict[str, pd.DataFrame], seed: int) -> None:
    """In each extract the checks find every rule that it is said to break, whatever the seed."""
    for name, extract in messy_tables(tables, seed).items():
        assert not FAULTS_OF_EXTRACT[name] - found_in(extract), name


@pytest.mark.whole
def test_written_extracts_are_told_faulty(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """Read from their files, the faults of rows and columns are in one report; the other extracts are refused."""
    write_messy(tmp_path, tables, seed=4)
    for name in ("rows", "columns"):
        with pytest.raises(FaultyRecordsError) as caught:
            PupilRecords.read(tmp_path / name)
        assert not FAULTS_OF_EXTRACT[name] - {group.rule for group in report_of(caught.value).groups}
    with pytest.raises(FaultyRecordsError, match="empty_table"):
        PupilRecords.read(tmp_path / "tables")
    with pytest.raises(UnreadableRecordsError, match=r"(?s)value.*Hint"):
        PupilRecords.read(tmp_path / "twice")


def test_clean_rows_stay_and_the_seed_decides(tables: dict[str, pd.DataFrame]) -> None:
    """Every clean row is still there; the same seed spoils the same rows, another seed others."""
    first, again, other = (messy_tables(tables, seed)["rows"] for seed in (5, 5, 6))
    for name, table in tables.items():
        assert set(table["pupil_id"]) <= set(first[name]["pupil_id"])
        assert len(table) < len(first[name]) < len(table) + 20
        assert first[name].equals(again[name])
        assert not first[name].equals(other[name])
