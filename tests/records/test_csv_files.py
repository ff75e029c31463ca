"""Laws of reading one CSV: every cell as it was written, or one clear error."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.csv_files import read_csv
from decrochage_risk.errors import UnreadableRecordsError

LATIN9 = st.characters(codec="iso-8859-15", exclude_categories=["Cc"])
ANY = st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")
CELLS = {"utf-8": st.text(ANY, max_size=8), "iso-8859-15": st.text(LATIN9, max_size=8)}


def read(tmp_path: Path, content: bytes, name: str = "grades.csv") -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write a file and read it."""
    (tmp_path / name).write_bytes(content)
    return read_csv(tmp_path / name)


def written(rows: list[list[str]], separator: str, encoding: str) -> bytes:
    """Write rows with the standard library, every cell between quotes."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode(encoding)


def cells(frame: pd.DataFrame) -> list[list[str]]:
    """Give the cells, a missing one as empty text."""
    return [[str(cell) for cell in row] for row in frame.fillna("").to_numpy()]


@settings(max_examples=60)
@given(
    data=st.data(),
    separator=st.sampled_from(";,\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_cell_comes_back(data: st.DataObject, separator: str, encoding: str) -> None:
    """Whatever separator and Unicode encoding, each cell is read as it was written and only empty ones are missing."""
    rows = data.draw(st.lists(st.lists(CELLS["utf-8"], min_size=2, max_size=2), max_size=5))
    with TemporaryDirectory() as home:
        frame, notes = read(Path(home), written([["pupil_id", "a b;,"], *rows], separator, encoding))
    assert cells(frame) == [row for row in rows if "".join(row).strip()]
    assert frame.columns.tolist() == ["pupil_id", "a b;,"]
    assert {str(dtype) for dtype in frame.dtypes} == {"str"}
    assert repr(separator) in notes[0]


@settings(max_examples=60)
@given(word=st.text("abcéèêàùçœŒŸ€ÉÀÎ '-", min_size=1, max_size=20).map(lambda text: "x" + text + "é"))
@pytest.mark.parametrize(("encoding", "said"), [("iso-8859-15", "ISO-8859-15"), ("cp1252", "Windows-1252")])
def test_french_single_byte_files(word: str, encoding: str, said: str) -> None:
    """French text in ISO-8859-15 or Windows-1252 is read right, and the note says which it was."""
    with TemporaryDirectory() as home:
        frame, notes = read(
            Path(home),
            f"pupil_id;subject\nœ–é;{word}\n".replace("–", "" if "iso" in encoding else "–").encode(encoding),
        )
    assert frame["subject"].tolist() == [word]
    assert said in notes[0]


@settings(max_examples=40)
@given(rows=st.lists(st.lists(st.text("aé;,\t1.\"' ", max_size=6), min_size=3, max_size=3), max_size=6))
def test_pandas_reads_the_same(rows: list[list[str]]) -> None:
    """The reader gives what pandas gives with every column as text, but for rows without anything but blanks."""
    content = written([["a", "b", "c"], *rows], ";", "utf-8")
    with TemporaryDirectory() as home:
        frame, _ = read(Path(home), content)
    expected = pd.read_csv(io.BytesIO(content), sep=";", dtype="str", keep_default_na=False, na_values=[""])
    blank = expected.fillna("").apply(lambda column: column.str.strip()).eq("").all(axis=1)
    pd.testing.assert_frame_equal(frame, expected[~blank.to_numpy(dtype=bool)].reset_index(drop=True))


def test_words_and_decimal_commas_stay_text(tmp_path: Path) -> None:
    """``NA``, ``NN``, ``Abs``, leading zeros and decimal commas are left for the checks."""
    frame, _ = read(tmp_path, b"pupil_id;value;status\n007;12,5;NA\n;NN;\n")
    assert frame.iloc[0].tolist() == ["007", "12,5", "NA"]
    assert frame.isna().to_numpy().tolist() == [[False] * 3, [True, False, True]]


@pytest.mark.parametrize("content", [b"a;b", b"a;b\n", b"\n\na;b\r\n\r\n", b"\xef\xbb\xbfa;b\n"])
def test_header_only(tmp_path: Path, content: bytes) -> None:
    """A header without rows is a table without rows, of text columns."""
    frame, _ = read(tmp_path, content)
    assert frame.shape == (0, 2)
    assert frame.dtypes.astype(str).tolist() == ["str", "str"]


def test_gzip_and_long_cells(tmp_path: Path) -> None:
    """A gzipped file is read like its content, cells of any length included."""
    long = "x" * 3_000_000
    frame, _ = read(tmp_path, gzip.compress(f"a;b\n{long};1\n2;\n".encode()), "grades.csv.gz")
    assert frame["a"].tolist() == [long, "2"]


def test_lines_that_end_with_a_separator(tmp_path: Path) -> None:
    """A nameless last column is left out when it is empty, said in the notes, and refused when it is not."""
    frame, notes = read(tmp_path, b"a;b;\n1;2;\n")
    assert frame.columns.tolist() == ["a", "b"]
    assert any("left out" in note for note in notes)
    with pytest.raises(UnreadableRecordsError, match="no name, but 1 lines"):
        read(tmp_path, b"a;b;\n1;2;\n1;2;3\n")


@pytest.mark.parametrize(
    ("content", "said", "to_do"),
    [
        (b"\n\n", "holds no line", "Export the table again"),
        (
            b"a;b\n1;2\n\n3;4;5\n6\n",
            "line 4 has 3 cells; line 5 has 1 cells; the header has 2",
            "between quotes",
        ),
        (b'a;b\n"x\ny";2\n3\n', "line 4 has 1 cells", "between quotes"),
        (b"a;b;a;b\n1;2;3;4\n", "column 'a' is there 2 times; column 'b' is there 2 times", "Rename"),
        (b"a;;b\n1;2;3\n", "column 2 has no name", "Rename"),
        (b"a;b\n1;\x00\n", "1 NUL bytes, the first on line 2", "CSV UTF-8"),
        (b'a;b\n1;2\n"x;2\n3;4\n', "the quotes from line 3", "between quotes"),
        (b'a;b\n"x;2\n"3;4\n', "the quotes from line 2", "between quotes"),
        (
            "a;b\né;1\n".encode() + "é;2\n".encode("iso-8859-15"),
            "line 2 holds UTF-8 letters, line 3 is not",
            "save both",
        ),
        ("a;b\né;é".encode()[:-1], "damaged", "export again"),
        (b"a;b\n\x81\xe9;1\n", "line 2: byte 0x81", "CSV UTF-8"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, said: str, to_do: str) -> None:
    """A file that cannot be read right is refused with the file, the line and the remedy."""
    with pytest.raises(UnreadableRecordsError) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert message.startswith("grades.csv")
    assert said in message
    assert "Expected: " in message
    assert to_do in message.split("Hint: ")[1]


def test_truncated_gzip(tmp_path: Path) -> None:
    """A gzipped file that was cut short is refused with its size."""
    with pytest.raises(UnreadableRecordsError, match=r"grades\.csv\.gz \(20 bytes\) cannot be unpacked"):
        read(tmp_path, gzip.compress(b"a;b\n1;2\n" * 100)[:20], "grades.csv.gz")


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    """Beyond the first lines at fault, the others are counted."""
    with pytest.raises(UnreadableRecordsError, match=r"line 6 has 1 cells; and 45 more"):
        read(tmp_path, b"a;b\n" + b"1\n" * 50)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("a;b;", ["1;2", "3;4"]),  # the header ends with a separator, the rows do not
        ("a;b", ["1;2;", "3;4;"]),  # the reverse, as GEPI writes it
        ("a;b", ["1;2;;;", "3;4"]),
        ("a;b;;", ["1;2;", "3;4;;"]),
        ("a;b", [";;", "1;2", " ; ", "3;4", ";"]),
        ("sep=;\na;b", ["1;2", "3;4"]),
        ('"sep=;"\na;b', ["1;2;", '3;"4"']),
        ("\ufeffsep=;\n\na;b", ["1;2", "", "3;4"]),
        ("sep=,\na,b", ["1,2", "3,4"]),
    ],
)
def test_cells_beyond_the_header_that_are_empty_do_no_harm(
    tmp_path: Path, header: str, rows: list[str]
) -> None:
    """N or more cells are the same n cells when the extra ones are empty; rows of separators only are no rows."""
    frame, notes = read(tmp_path, "\r\n".join([header, *rows, ""]).encode())
    assert frame.columns.tolist() == ["a", "b"]
    assert cells(frame) == [["1", "2"], ["3", "4"]]
    blank = sum(not row.strip("; ") and row != "" for row in rows)
    assert any("separators only" in note for note in notes) == bool(blank)
    assert not blank or any(f"{blank} rows" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a;b\n1;2\n3;4;x\n5;6\n", "line 3 has 3 cells"),
        ("a;b\n1;2;\n3\n5;6\n", "line 3 has 1 cells"),
        ("a;b;\n1;2;x\n3;4;\n", "the last column has no name, but 1 lines hold a value there"),
        ("a;b\n1;2\n3;4\nTotal : 2\n", "If line 4 at the end of the file holds a total or a note, remove it"),
        ("a;b\n1;2\n\nExport du 3 mars\nPage 1\n", "If lines 4 to 5 at the end of the file"),
    ],
)
def test_cells_that_would_be_lost_are_named_with_their_line(tmp_path: Path, text: str, part: str) -> None:
    """A cell beyond the header that holds something, a short row, a footer: the line, and what to remove."""
    with pytest.raises(UnreadableRecordsError) as refused:
        read(tmp_path, text.encode())
    assert part in str(refused.value)


@pytest.mark.parametrize(
    "above", [["Export PRONOTE"], ["Collège;;", "2024-2025;;"], ["Liste des notes", "", "Classe;4e"]]
)
def test_a_title_above_the_header_is_told_with_the_line_to_remove(tmp_path: Path, above: list[str]) -> None:
    """The columns are looked for below a title: the message names their line, and the lines to remove."""
    content = "\n".join([*above, "pupil_id;date;value", "a;2024-10-07;12"]).encode()
    (tmp_path / "grades.csv").write_bytes(content)
    with pytest.raises(UnreadableRecordsError) as refused:
        read_csv(tmp_path / "grades.csv", ["pupil_id", "date", "value"])
    last = len(above)
    assert f"the columns are named on line {last + 1}" in str(refused.value)
    assert ("Remove line 1." if last == 1 else f"Remove lines 1 to {last}.") in str(refused.value)


def test_a_file_that_vanishes_is_an_error_of_ours(tmp_path: Path) -> None:
    """A file that was listed and is gone when it is opened, or a folder of that name, is told as such."""
    for name in ("gone.csv", "gone.csv.gz"):
        with pytest.raises(UnreadableRecordsError):
            read_csv(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UnreadableRecordsError, match="cannot be opened"):
        read_csv(tmp_path / "folder.csv")
