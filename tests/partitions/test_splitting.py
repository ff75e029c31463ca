"""Extracts parted by pupil: the same rows, faults and coverage as at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decrochage_risk.errors import FaultyRecordsError, UnreadableRecordsError
from decrochage_risk.partitions.merged_faults import PartFaults, merge_counts, merge_faults
from decrochage_risk.partitions.parts import (
    NO_FACTS,
    ROW_ID,
    ExtractFacts,
    PartRecords,
    extract_facts,
    read_or_report,
    read_part,
)
from decrochage_risk.partitions.splitting import EVERY_PART, SplitFolder, part_of_pupils, split_folder
from decrochage_risk.records import PupilRecords
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.messy import messy_tables

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.records.faults import FaultReport

CALENDAR = SchoolCalendar.for_zone("B")
TABLES = ("pupils", "enrolments", "absences", "grades", "orientation", "outcomes", "coverage")


@pytest.fixture(scope="module")
def clean() -> dict[str, pd.DataFrame]:
    """Draw the tables of a small cohort."""
    return make_cohort(160, [2023, 2024], seed=4).tables


@pytest.fixture(scope="module")
def messy(clean: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the extract that breaks every rule about rows, as CSV; no test may change it."""
    folder = tmp_path_factory.mktemp("messy")
    for name, table in messy_tables(clean, seed=2)["rows"].items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def written(folder: Path, tables: dict[str, pd.DataFrame]) -> Path:
    """Write tables as Parquet."""
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def parts_of(folder: Path, work: Path, count: int) -> tuple[SplitFolder, list[PartRecords]]:
    """Split a folder and read every part."""
    split = split_folder(folder, work, count)
    return split, [read_part(split.tables(part), calendar=CALENDAR, row_id=ROW_ID) for part in range(count)]


def shown(report: FaultReport) -> tuple[str, list[Any]]:
    """Give all that a report says, in an order of its own."""
    rows = report.frame.astype(object).where(report.frame.notna(), None)
    return str(report), sorted(map(repr, rows.to_numpy().tolist()))


@pytest.mark.whole
@pytest.mark.parametrize("count", [1, 2, 7])
def test_faults_of_all_parts_are_the_faults_of_the_whole(messy: Path, tmp_path: Path, count: int) -> None:
    """Every fault of every rule is told with the same row, value, expectation and hint, and nothing else is."""
    whole = PupilRecords.read(messy, on_fault="quarantine", calendar=CALENDAR)
    split, parts = parts_of(messy, tmp_path / "w", count)
    merged = merge_faults([part.faults for part in parts], split.shared)
    assert shown(merged) == shown(whole.faults)
    assert merged.counts == whole.faults.counts
    counted = merge_counts((part.faults for part in parts), split.shared)
    assert sum(counted.values()) == len(whole.faults)


@pytest.mark.whole
@pytest.mark.parametrize("count", [1, 2, 7])
def test_rows_of_all_parts_are_the_rows_of_the_whole(messy: Path, tmp_path: Path, count: int) -> None:
    """What is kept of each table, and what is set aside per pupil, is the same; nobody is there twice."""
    whole = PupilRecords.read(messy, on_fault="quarantine", calendar=CALENDAR)
    _, parts = parts_of(messy, tmp_path / "w", count)
    order = np.argsort(np.concatenate([part.place for part in parts]))
    pupils = pd.concat([part.records.pupils for part in parts], ignore_index=True).iloc[order]
    pd.testing.assert_frame_equal(pupils.reset_index(drop=True), whole.pupils)
    set_aside = pd.concat([part.records.set_aside for part in parts])
    assert set_aside[whole.set_aside.index].tolist() == whole.set_aside.tolist()
    for name in TABLES[1:-1]:
        tables = pd.concat([getattr(part.records, name) for part in parts], ignore_index=True)
        expected = getattr(whole, name)
        keys = list(expected.columns)
        pd.testing.assert_frame_equal(
            tables.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
        )


def test_faults_come_back_from_their_file(messy: Path, tmp_path: Path) -> None:
    """Faults that were written and read again say the same."""
    split = split_folder(messy, tmp_path / "w", 1)
    faults = read_part(split.tables(0), calendar=CALENDAR, row_id=ROW_ID).faults
    faults.save(tmp_path / "faults.arrow")
    again = PartFaults.load(tmp_path / "faults.arrow")
    assert shown(merge_faults([again], split.shared)) == shown(merge_faults([faults], split.shared))


def test_the_part_of_an_id_depends_on_its_text_alone() -> None:
    """Text, coded text and whole numbers of one text are in one part, whatever stands beside them; no id is in none."""
    ids = ["12", "7", None, "12", "900"]
    texts = pa.array(ids)
    expected = part_of_pupils(texts, 5)
    assert expected.tolist()[2] == EVERY_PART
    assert len({*expected.tolist()}) > 2
    numbers = pa.array([None if text is None else int(text) for text in ids])
    for other in (
        texts.dictionary_encode(),
        texts.cast(pa.large_string()),
        numbers,
        numbers.cast(pa.int16()),
    ):
        assert part_of_pupils(other, 5).tolist() == expected.tolist()
    assert part_of_pupils(texts[3:], 5).tolist() == expected.tolist()[3:]


def test_parts_are_even() -> None:
    """Consecutive numbers, as schools give them, are spread over the parts."""
    counts = np.bincount(part_of_pupils(pa.array(range(20_000)), 8))
    assert counts.min() > 0.9 * 20_000 / 8


def test_whole_numbers_with_gaps_are_read_as_at_once(clean: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """A column of small whole numbers with a missing cell is of one kind in all parts: the kind it has at once."""
    folder = written(tmp_path / "in", {name: clean[name] for name in ("pupils", "enrolments", "absences")})
    table = pq.read_table(folder / "absences.parquet")
    half_days = table.column("half_days").to_pylist()
    half_days[0], half_days[1] = None, 9
    place = table.column_names.index("half_days")
    for first in (0, 40):  # missing in the first part file only
        piece = table.slice(first, 40 if first == 0 else None).set_column(
            place, "half_days", pa.array(half_days[first:][: 40 if first == 0 else None], pa.int8())
        )
        (folder / "absences").mkdir(exist_ok=True)
        pq.write_table(piece, folder / "absences" / f"{first:03}.parquet")
    (folder / "absences.parquet").unlink()
    whole = PupilRecords.read(folder, on_fault="quarantine", calendar=CALENDAR)
    _, parts = parts_of(folder, tmp_path / "w", 3)
    assert shown(merge_faults([part.faults for part in parts])) == shown(whole.faults)
    assert ("absences", "out_of_range") in whole.faults.counts


def test_coverage_of_single_pupils_concerns_the_others_too(
    clean: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """A table that is named for one pupil is not known for anybody else, in whichever part they are."""
    someone = clean["pupils"]["pupil_id"].iloc[0]
    coverage = pd.DataFrame(
        {
            "pupil_id": [someone, someone],
            "table": ["absences", "grades"],
            "start": ["2024-09-01", "2025-05-01"],  # the second is not known yet: grades still cover everyone
            "end": ["2025-08-31", "2025-08-31"],
        }
    )
    folder = written(tmp_path / "in", clean | {"coverage": coverage})
    (folder / "truth.parquet").unlink(missing_ok=True)
    whole = PupilRecords.read(folder, calendar=CALENDAR).known_on("2025-03-05")
    split, parts = parts_of(folder, tmp_path / "w", 3)
    assert split.coverage_of_pupils
    facts = ExtractFacts.merged(
        extract_facts(**split.people(part), calendar=CALENDAR, row_id=ROW_ID) for part in range(3)
    )
    for number in range(len(parts)):
        part = read_part(split.tables(number), facts, calendar=CALENDAR, row_id=ROW_ID)
        known = part.records.known_on("2025-03-05")
        place = whole.pupil_ids.get_indexer(known.pupil_ids)
        for table in ("absences", "grades", "orientation"):
            first, after = whole.year_start_day, whole.as_of_day
            expected = whole.not_covered(table, first, after)[place]
            assert known.not_covered(table, first, after).tolist() == expected.tolist()
    assert whole.not_covered("absences", first, after).any()


def test_what_cannot_be_read_is_refused_as_at_once(clean: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """All unreadable files are named in one error, the same as when the folder is read at once."""
    folder = written(tmp_path / "in", {name: clean[name] for name in ("pupils", "enrolments", "grades")})
    (folder / "grades.parquet").write_bytes(b"PAR1 cut short")
    (folder / "absences.csv").write_bytes(b"")
    with pytest.raises(UnreadableRecordsError) as at_once:
        PupilRecords.read(folder)
    with pytest.raises(UnreadableRecordsError) as parted:
        split_folder(folder, tmp_path / "w", 2)
    told, expected = str(parted.value).splitlines(), str(at_once.value).splitlines()
    assert [line.split(" cannot be read")[0] for line in told] == [
        line.split(" cannot be read")[0] for line in expected
    ]
    assert sum("grades.parquet" in line or "absences.csv" in line for line in told) == 2
    assert SplitFolder.load(tmp_path / "w") is None


def test_a_missing_table_is_a_fault_of_every_part(clean: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """Without enrolments no part can be read, and the merged report says it once."""
    folder = written(tmp_path / "in", {name: clean[name] for name in ("pupils", "grades")})
    with pytest.raises(FaultyRecordsError) as at_once:
        PupilRecords.read(folder)
    split = split_folder(folder, tmp_path / "w", 3)
    reports = [read_or_report(split.tables(part), NO_FACTS, CALENDAR, ROW_ID) for part in range(3)]
    assert [records for records, _ in reports] == [None] * 3
    assert str(merge_faults([faults for _, faults in reports])) == str(at_once.value)


def test_what_is_written_is_loaded_again(clean: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """A folder that was split is known again, notes and all."""
    folder = written(tmp_path / "in", {name: clean[name] for name in ("pupils", "enrolments")})
    (folder / "autre.txt").write_text("rien", encoding="utf-8")
    split = split_folder(folder, tmp_path / "w", 2)
    assert split.ignored == ("autre.txt",)
    assert SplitFolder.load(tmp_path / "w") == split
