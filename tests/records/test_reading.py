"""Laws of reading tables and folders: the same rows whatever the form, and no file lost in silence."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import UnreadableRecordsError
from decrochage_risk.records.raw_tables import TextCodes
from decrochage_risk.records.reading import as_frame, read_folder, read_table_file
from decrochage_risk.records.table_schemas import TABLES

ROWS: list[dict[str, Any]] = [
    {"pupil_id": "é1", "date": dt.date(2024, 10, 1), "value": 12.5, "justified": True},
    {"pupil_id": "b 2", "date": None, "value": None, "justified": None},
]


def assert_explains(message: str, *parts: str) -> None:
    """Hold a message against the one shape: what came, what was expected, what to do."""
    assert "Expected: " in message
    assert "Hint: " in message
    for part in parts:
        assert part in message


def unreadable(folder: Path) -> str:
    """Give the message of a folder that cannot be read."""
    with pytest.raises(UnreadableRecordsError) as caught:
        read_folder(folder)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with two readable tables."""
    (tmp_path / "Pupils.CSV").write_text("pupil_id;sex\na;F\n")
    pl.DataFrame({"pupil_id": ["a"], "level": ["4e"]}).write_parquet(tmp_path / "enrolments.parquet")
    return tmp_path


def test_pandas_is_returned_as_it_is() -> None:
    """A pandas frame comes back as the same object."""
    frame = pd.DataFrame(ROWS, index=[7, 3])
    assert as_frame(frame) is frame


def test_column_names_of_several_levels_are_refused() -> None:
    """A frame left with several levels of column names, as a pivot leaves it, is refused with what to do."""
    columns = pd.MultiIndex.from_tuples([("pupil_id", ""), ("value", "mean")])
    with pytest.raises(UnreadableRecordsError) as caught:
        as_frame(pd.DataFrame([["a", 12.5]], columns=columns))
    assert_explains(str(caught.value), "2 levels", "('pupil_id', '')", "get_level_values(0)")


@pytest.mark.parametrize(
    "form", [pl.DataFrame, pa.Table.from_pylist, lambda rows: pl.DataFrame(rows).to_arrow()]
)
def test_arrow_forms_agree(form: Any) -> None:
    """Every Arrow form gives the same values, without Python objects in the cells."""
    frame = as_frame(form(ROWS))
    assert frame["pupil_id"].dtype == "str"
    assert frame["date"].dtype.kind == "M"
    assert frame["justified"].dtype == "boolean"
    assert "object" not in frame.dtypes.astype(str).tolist()
    assert frame["pupil_id"].tolist() == ["é1", "b 2"]
    assert frame["date"].isna().tolist() == frame["value"].isna().tolist() == [False, True]
    assert frame.loc[0, "date"] == pd.Timestamp(2024, 10, 1)


def test_arrow_kinds() -> None:
    """Categories stay categories, decimals become floats, large integers stay exact, empty columns are text."""
    table = pa.table(
        {
            "level": pa.array(["4e", "3e"]).dictionary_encode(),
            "value": pa.array([Decimal("12.50"), None]),
            "number": pa.array([2**53 + 1, None], pa.int64()),
            "nothing": pa.nulls(2),
            "old": pa.array([dt.date(25, 1, 1), None]),
            "__index_level_0__": [1, 2],
        }
    )
    frame = as_frame(table)
    assert frame.dtypes.astype(str).to_dict() == {
        "level": "category", "value": "float64", "number": "Int64", "nothing": "str", "old": "datetime64[ms]",
    }  # fmt: skip
    assert frame.loc[0, "number"] == 2**53 + 1
    assert frame["old"].dt.year.tolist()[0] == 25


def test_list_of_dicts() -> None:
    """A list of dicts gives one row per dict, any key among them a column."""
    frame = as_frame([OrderedDict(pupil_id="a"), {"value": 3}])
    assert frame.columns.tolist() == ["pupil_id", "value"]
    assert frame["pupil_id"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("table", "said", "to_do"),
    [
        ("some/folder", "builtins.str", "PupilRecords.read(folder)"),
        (Path("some/folder"), "Path", "PupilRecords.read(folder)"),
        ({"pupil_id": ["a"]}, "builtins.dict", "PupilRecords.from_json(payload)"),
        ([["a"]], "builtins.list", "must be a dict"),
        (pd.Series([1]), "Series", "pandas.DataFrame"),
        (None, "NoneType", "pandas.DataFrame"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns a more than once", "Rename"),
        (pa.table([[1], [2]], names=["a", "a"]), "columns a more than once", "Rename"),
        ([{"pupil_id": "\ud800"}], "cannot be written in UTF-8", "correct the source"),
    ],
)
def test_what_is_no_table(table: object, said: str, to_do: str) -> None:
    """Anything else is refused with what came, what is accepted and how to get there."""
    with pytest.raises(UnreadableRecordsError) as caught:
        as_frame(table)
    assert_explains(str(caught.value), said, to_do)


def test_folder(folder: Path) -> None:
    """A folder gives its tables in declared order whatever the case of the names, its calendar, and what it left."""
    (folder / "calendar.csv").write_text("date,half_days\n2024-09-02,2\n")
    (folder / "README.md").write_text("hello")
    found = read_folder(str(folder))
    assert list(found.tables) == ["pupils", "enrolments"]
    assert found.files["pupils"].name == "Pupils.CSV"
    assert found.calendar == folder / "calendar.csv"
    assert found.ignored == ("README.md",)
    assert found.notes == ("Pupils.CSV: read as UTF-8, separator ';'",)


@pytest.mark.parametrize("name", TABLES)
def test_every_declared_table_is_read(tmp_path: Path, name: str) -> None:
    """Each declared table is found by its name, from CSV and from Parquet alike."""
    for suffix in (".csv", ".parquet"):
        home = tmp_path / suffix[1:]
        home.mkdir()
        if suffix == ".csv":
            (home / f"{name}.csv").write_text("pupil_id\na\n")
        else:
            pq.write_table(pa.table({"pupil_id": ["a"]}), home / f"{name}.parquet")
        assert read_folder(home).tables[name]["pupil_id"].tolist() == ["a"]


def test_parts(folder: Path) -> None:
    """A folder of Parquet parts is one table, in the order of the names; marks of the writer are left out."""
    (folder / "absences").mkdir()
    pq.write_table(pa.table({"pupil_id": ["b"], "half_days": [2.0]}), folder / "absences" / "part-1.parquet")
    pq.write_table(pa.table({"pupil_id": ["a"], "half_days": [1]}), folder / "absences" / "part-0.parquet")
    (folder / "absences" / "_SUCCESS").touch()
    (folder / "absences" / "notes.txt").touch()
    found = read_folder(folder)
    assert found.tables["absences"]["pupil_id"].tolist() == ["a", "b"]
    assert found.tables["absences"]["half_days"].tolist() == [1.0, 2.0]
    assert "absences/notes.txt was not read" in found.notes


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("absence.csv", "absences"),
        ("Élèves.csv", "pupils"),
        ("Notes.xlsx", "grades"),
        ("Export_absences_2024.csv", "absences"),
        ("calendrier.csv", "calendar"),
    ],
)
def test_near_names_are_told(folder: Path, name: str, table: str) -> None:
    """A file that looks like a table with another name or format is listed, with the name it should have."""
    (folder / name).write_text("pupil_id\na\n")
    found = read_folder(folder)
    assert found.ignored == (name,)
    assert any(note.startswith(f"{name} was not read") and table in note for note in found.notes)


def test_folders_that_are_none(tmp_path: Path) -> None:
    """A missing folder, a file, an empty folder and one without tables have each their message."""
    (tmp_path / "extract").mkdir()
    assert_explains(unreadable(tmp_path / "extrat"), "There is no folder", "Did you mean")
    assert_explains(unreadable(tmp_path / "deep" / "none"), "There is no folder", "Check the path")
    assert_explains(unreadable(tmp_path / "extract"), "holds nothing", "Name the files")
    (tmp_path / "extract" / "eleves.csv").write_text("x")
    assert_explains(unreadable(tmp_path / "extract"), "no table, only eleves.csv", "pupils.csv")
    assert_explains(unreadable(tmp_path / "extract" / "eleves.csv"), "is a file", "Give its folder")


def test_a_table_twice(folder: Path) -> None:
    """Two files for one table are refused, both named."""
    (folder / "pupils.csv.gz").touch()
    assert_explains(unreadable(folder), "'pupils' is there 2 times: Pupils.CSV, pupils.csv.gz", "Remove")


def test_all_unreadable_files_at_once(folder: Path) -> None:
    """Truncated, corrupt and empty files are all in one error, each with its size and a remedy."""
    whole = (folder / "enrolments.parquet").read_bytes()
    (folder / "enrolments.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "absences.parquet").write_bytes(b"not parquet at all")
    (folder / "grades.csv").touch()
    (folder / "outcomes").mkdir()
    (folder / "outcomes" / "part-0.parquet").write_bytes(whole[:-1])
    message = unreadable(folder)
    assert_explains(
        message,
        "4 of 5 tables",
        f"enrolments.parquet ({len(whole) // 2} bytes) cannot be read",
        "absences.parquet (18 bytes) cannot be read",
        "grades.csv is empty (0 bytes)",
        f"outcomes/part-0.parquet ({len(whole) - 1} bytes) cannot be read",
        "export it again",
    )
    assert message.count("Hint: ") == 4


def test_parts_that_do_not_fit(folder: Path) -> None:
    """Parts with other types, no part at all, or folders among them are refused."""
    (folder / "grades").mkdir()
    assert_explains(unreadable(folder), "holds 0 Parquet parts", "Write the parts flat")
    pq.write_table(pa.table({"value": ["a"]}), folder / "grades" / "0.parquet")
    pq.write_table(pa.table({"value": [1]}), folder / "grades" / "1.parquet")
    assert_explains(unreadable(folder), "do not fit together", "from one export")
    (folder / "grades" / "year=2024").mkdir()
    assert_explains(unreadable(folder), "year=2024", "every column inside the files")


def test_a_required_table_with_another_name_is_told_by_every_reader(folder: Path) -> None:
    """Without pupils.csv, but with Élèves.csv, the error names that file and what to call it."""
    (folder / "Pupils.CSV").rename(folder / "Élèves.csv")
    assert_explains(
        unreadable(folder), "lacks pupils", "Élèves.csv looks like the table pupils: name it pupils.csv"
    )


def test_workbooks_are_read_where_no_other_file_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sheet of NAME.xlsx is the table: whole numbers are ids, empty rows no rows; without a reader a hint."""
    rows = [
        ["pupil_id", "date", "half_days", "kind", None],
        [101, pd.Timestamp("2024-10-07"), 1, "absence", None],
    ]
    rows += [[None] * 5, ["a2", "08/10/2024", 2, "absence", None]]
    for path in folder.glob("absences*"):
        path.rename(folder / f"old {path.name}")
    pd.DataFrame(rows).to_excel(folder / "Absences.xlsx", header=False, index=False)
    found = read_folder(folder)
    table = found.tables["absences"]
    assert table["pupil_id"].tolist() == [101, "a2"]
    assert table.columns.tolist() == ["pupil_id", "date", "half_days", "kind"]
    assert any("1 empty rows were left out" in note for note in found.notes)
    pd.DataFrame([["Export", *[None] * 4], [None] * 5, *rows]).to_excel(
        folder / "Absences.xlsx", header=False, index=False
    )
    assert_explains(unreadable(folder), "the columns are named on line 3", "Remove lines 1 to 2")
    (folder / "Absences.xlsx").write_bytes(b"PK no workbook")
    assert_explains(unreadable(folder), "Absences.xlsx cannot be read as a workbook", "save it again")
    monkeypatch.setattr("decrochage_risk.records.reading.excel_engine", lambda: None)
    assert any(
        "Absences.xlsx was not read" in note and "calamine" in note for note in read_folder(folder).notes
    )


def test_a_file_that_vanishes_while_a_folder_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is gone between the listing and the reading is one of the unreadable files."""
    for path in sorted(folder.iterdir()):
        monkeypatch.undo()
        listed = sorted(folder.iterdir())
        kept = path.rename(folder.parent / "aside")
        monkeypatch.setattr("decrochage_risk.records.reading._entries", lambda _, listed=listed: listed)
        with pytest.raises(UnreadableRecordsError):
            read_folder(folder)
        kept.rename(path)


_NEAR = st.sampled_from(
    [None, "", "a", "a\0", "é1", "12345678", "123456789", "1234567890123456", "1234567890123457"]
)
_BLOCKS = st.lists(st.lists(_NEAR | st.text(max_size=30), max_size=40), max_size=5)


@given(blocks=_BLOCKS, kind=st.sampled_from([pa.string(), pa.large_string()]), skipped=st.integers(0, 3))
def test_texts_are_coded_as_arrow_codes_them(blocks: list[list[str | None]], kind: Any, skipped: int) -> None:
    """Whatever the texts, their lengths and the blocks they come in, codes and words are those of Arrow's own dictionary."""
    codes = TextCodes()
    cells = [pa.array(block, kind)[skipped:] for block in blocks]
    coded = pa.chunked_array([codes.add(block) for block in cells], pa.int32()).combine_chunks()
    expected = pa.chunked_array(cells, kind).combine_chunks().dictionary_encode()
    assert coded.to_pylist() == expected.indices.to_pylist()
    assert codes.words.to_pylist() == expected.dictionary.to_pylist()


def test_more_texts_than_there_was_room_for_are_coded_too() -> None:
    """Codes stay right while their table grows, of short ids and of ids of more than one word."""
    ids = [f"P{number % 9973:06d}" for number in range(30_000)]
    for cells in (pa.array(ids), pa.array([f"0990001N-{text}-{text}" for text in ids])):
        codes = TextCodes()
        coded = codes.add(cells)
        assert codes.words.take(coded).equals(cells)
        assert len(codes.words) == 9973


@pytest.mark.parametrize("rows_of_a_group", [1, 3, 100])
def test_ids_of_parquet_are_those_that_were_written(tmp_path: Path, rows_of_a_group: int) -> None:
    """Ids are read as they were written, missing ones too, whatever the row groups, alone or beside other columns."""
    ids = ["b", "a", None, "12345678901234567890", "a", "", None, "b"]
    for table in (pa.table({"pupil_id": ids}), pa.table({"date": range(8), "pupil_id": ids, "kind": ids})):
        path = tmp_path / "absences.parquet"
        pq.write_table(table, path, row_group_size=rows_of_a_group)
        frame = read_table_file(path)[0].frame()
        assert frame.columns.tolist() == table.column_names
        pd.testing.assert_series_equal(frame["pupil_id"], pd.Series(ids, dtype="str", name="pupil_id"))
        pq.write_table(table.slice(0, 0), path)
        assert read_table_file(path)[0].frame().shape == (0, table.num_columns)


def test_ids_that_are_twice_there_are_refused(tmp_path: Path) -> None:
    """A Parquet file with two columns of ids is refused, as any other column that is twice there."""
    twice = pa.table([["a"], ["b"]], names=["pupil_id", "pupil_id"])
    pq.write_table(twice, tmp_path / "pupils.parquet")
    assert_explains(unreadable(tmp_path), "pupil_id", "more than once")
