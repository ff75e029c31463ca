"""Every form in which records may come, through the public door: frames of three libraries, folders, other orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import decrochage_risk as dr
from decrochage_risk.features import build_features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Rows


def test_columns_in_another_order_change_nothing(rows: Rows) -> None:
    """Columns are found by their names."""
    tables = rows.tables(absences=[rows.absence(), rows.absence("b", half_days=2)], grades=[rows.grade()])
    frames = {name: pd.DataFrame(table) for name, table in tables.items()}
    turned = {name: frame[frame.columns[::-1]] for name, frame in frames.items()}
    pd.testing.assert_frame_equal(
        build_features(dr.PupilRecords(**turned), "2025-01-20"),
        build_features(dr.PupilRecords(**frames), "2025-01-20"),
    )


@pytest.mark.parametrize(
    "convert", [pl.DataFrame, pa.Table.from_pylist, pd.DataFrame], ids=["polars", "arrow", "pandas"]
)
def test_every_kind_of_frame_gives_the_same_records(rows: Rows, convert: Callable[[Any], Any]) -> None:
    """Lists of dicts, pandas, polars and pyarrow tables give the same bits."""
    tables = rows.tables(
        absences=[
            rows.absence(justified_on="2024-10-20"),
            rows.absence("b", half_days=2, justified_on="2024-10-09"),
        ],
        grades=[rows.grade(), rows.grade("b", value=3.25)],
        orientation=[rows.event()],
    )
    given = dr.PupilRecords(**{name: convert(table) for name, table in tables.items()})
    plain = dr.PupilRecords(**tables)
    for name in tables:
        pd.testing.assert_frame_equal(getattr(given, name), getattr(plain, name))
    pd.testing.assert_frame_equal(build_features(given, "2025-01-20"), build_features(plain, "2025-01-20"))


def test_the_callers_frames_are_not_changed(rows: Rows) -> None:
    """Reading a caller's frames leaves them as they were, faulty cells included."""
    frame = pd.DataFrame([rows.grade(value="12,5"), rows.grade("b", value="Abs")])
    before = frame.copy(deep=True)
    dr.PupilRecords(**rows.tables(grades=frame), on_fault="quarantine")
    pd.testing.assert_frame_equal(frame, before)


def test_a_csv_in_iso_8859_15_is_read_and_said(rows: Rows, tmp_path: Path) -> None:
    """A CSV in ISO-8859-15 with ; and decimal commas is read as it is, and the records say so."""
    tables = rows.tables(grades=[rows.grade(value="12,5", kind="assessment")])
    for name, table in tables.items():
        text = pd.DataFrame(table).replace({"a": "élève €"}).to_csv(index=False, sep=";")
        (tmp_path / f"{name}.csv").write_bytes(text.encode("iso-8859-15"))
    records = dr.PupilRecords.read(tmp_path)
    assert records.pupils["pupil_id"].tolist() == ["élève €", "b"]
    assert records.grades is not None
    assert records.grades["value"].tolist() == [12.5]
    notes = [note for note in records.notes if "ISO-8859-15" in note or "Windows-1252" in note]
    assert len(notes) == 3
    assert all("';'" in note for note in notes)


def test_a_truncated_parquet_file_is_refused_by_name(rows: Rows, tmp_path: Path) -> None:
    """A Parquet file that was cut off is refused with its name, and so is every other unreadable file, at once."""
    for name, table in rows.tables(grades=[rows.grade()]).items():
        pq.write_table(pa.Table.from_pylist(table), tmp_path / f"{name}.parquet")
    whole = (tmp_path / "grades.parquet").read_bytes()
    (tmp_path / "grades.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "pupils.parquet").write_bytes(b"")
    with pytest.raises(dr.UnreadableRecordsError) as caught:
        dr.PupilRecords.read(tmp_path)
    message = str(caught.value)
    assert "grades.parquet" in message
    assert "pupils.parquet is empty (0 bytes)" in message
    assert message.count("Expected:") == message.count("Hint:") == 2


def test_files_that_are_not_read_are_said(rows: Rows, tmp_path: Path) -> None:
    """Nothing of a folder is passed over in silence: each file that was not read stands in the notes and the repr."""
    for name, table in rows.tables().items():
        pd.DataFrame(table).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "notes_T1.csv").write_text("x\n1\n")
    (tmp_path / "lisez-moi.txt").write_text("bonjour")
    records = dr.PupilRecords.read(tmp_path)
    for file in ("notes_T1.csv", "lisez-moi.txt"):
        assert sum(note.startswith(f"{file} was not read") for note in records.notes) == 1
        assert file in repr(records)
