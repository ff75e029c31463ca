"""Laws of pseudonymised folders: the same rows, no id left, nothing overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.errors import RecordsError, UnreadableRecordsError
from decrochage_risk.records.pseudonyms import Pseudonymiser, pseudonymise_folder
from decrochage_risk.records.reading import read_folder

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
IDS = ["INE0000001É", "INE0000002B", "INE0000003C"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give extracts of three pupils, in every kind of file."""
    folder = tmp_path / "extract"
    (folder / "grades").mkdir(parents=True)
    (folder / "pupils.csv").write_bytes(
        b"pupil_id;nom;sex\n" + "".join(f"{one};x;F\n" for one in IDS).encode("iso-8859-15")
    )
    enrolments = {"pupil_id": IDS, "school_id": ["0990001Z"] * 3, "class_id": ["4A", "4A ", None]}
    pd.DataFrame(enrolments).to_parquet(folder / "enrolments.parquet")
    pd.DataFrame({"pupil_id": [" " + IDS[0], None], "value": [12.5, 3.0]}).to_parquet(
        folder / "grades" / "0.parquet"
    )
    (folder / "calendar.csv").write_text("date,half_days\n2024-09-02,2\n")
    (folder / "noms.txt").write_text("IDS")
    return folder


def test_rows_stay_and_ids_go(source: Path, tmp_path: Path) -> None:
    """Every row is written in its order with its other cells, under one pseudonym per pupil in all tables."""
    done = pseudonymise_folder(source, tmp_path / "out", KEY)
    before, after = read_folder(source).tables, read_folder(tmp_path / "out").tables
    expected = Pseudonymiser(KEY).pseudonym(pd.Series(IDS)).tolist()
    assert after["pupils"]["pupil_id"].tolist() == after["enrolments"]["pupil_id"].tolist() == expected
    assert after["grades"]["pupil_id"].fillna("").tolist() == [expected[0], ""]
    for table, column in [("pupils", "sex"), ("enrolments", "school_id"), ("grades", "value")]:
        pd.testing.assert_series_equal(after[table][column], before[table][column])
    classes = after["enrolments"]["class_id"]
    assert classes[0] == classes[1] != "4A"
    assert pd.isna(classes[2])
    assert done.rows == {name: len(table) for name, table in after.items()}


def test_no_id_or_name_is_left(source: Path, tmp_path: Path) -> None:
    """No file of the target holds an id or an undeclared column, and only tables and the calendar are there."""
    pseudonymise_folder(source, tmp_path / "out", KEY)
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == [
        "calendar.csv",
        "enrolments.parquet",
        "files.json",
        "grades.parquet",
        "pupils.csv",
    ]
    for path in files:
        content = path.read_bytes()
        assert b"INE000000" not in content
        assert b"nom" not in content


@pytest.mark.parametrize("as_category", [False, True])
def test_words_that_nothing_declares_are_emptied(tmp_path: Path, *, as_category: bool) -> None:
    """A name typed into a column of choices, days, numbers or codes is nowhere in the target, and counted; faults in digits stay."""
    source = tmp_path / "extract"
    source.mkdir()
    absences = pd.DataFrame(
        {
            "pupil_id": ["a1", "a2", "a3"],
            "date": ["2024-11-05", "vu avec Zzyzx", "32/13/2024"],
            "half_days": ["1", "une (Zzyzx)", "9"],
            "kind": ["absence", "chez Zzyzx", "lateness"],
            "justified": ["oui", "oui", "mot de Zzyzx"],
        }
    )
    if as_category:
        absences["kind"] = pd.Categorical(absences["kind"], categories=[*absences["kind"], "Zzyzx, absent"])
    absences.attrs["note"] = "Zzyzx"
    absences.to_parquet(source / "absences.parquet")
    enrolments = (
        "pupil_id;school_year;school_id;level;start_date\na1;2024;Collège Zzyzx;4e chez Zzyzx;2024-09-02\n"
    )
    (source / "enrolments.csv").write_text(enrolments, encoding="utf-8")
    (source / "pupils.csv").write_text("pupil_id;sex\na1;F\na2;Zzyzx\na3;\n")
    done = pseudonymise_folder(source, tmp_path / "out", KEY)
    assert done.blanked == {
        "absences.date": 1,
        "absences.half_days": 1,
        "absences.kind": 1,
        "absences.justified": 1,
        "enrolments.school_id": 1,
        "enrolments.level": 1,
        "pupils.sex": 1,
    }
    for path in (tmp_path / "out").iterdir():
        assert b"Zzyzx" not in path.read_bytes()
    after = read_folder(tmp_path / "out").tables["absences"]
    assert after["date"].fillna("").tolist() == ["2024-11-05", "", "32/13/2024"]
    assert after["half_days"].fillna("").tolist() == ["1", "", "9"]
    assert after["kind"].fillna("").tolist() == ["absence", "", "lateness"]


def test_the_report_counts(source: Path, tmp_path: Path) -> None:
    """The report counts ids, merged spellings and missing cells, and names what was not written."""
    told: list[tuple[str, int, int]] = []
    done = pseudonymise_folder(
        source, tmp_path / "out", KEY, progress=lambda name, step, steps: told.append((name, step, steps))
    )
    assert done.distinct == {"pupil_id": 3, "class_id": 1}
    assert done.merged == {"pupil_id": 1, "class_id": 1}
    assert done.missing == {"pupil_id": 1, "class_id": 1}
    assert done.dropped == {"pupils": ("nom",)}
    assert done.ignored == ("noms.txt",)
    assert done.notes == ("pupils.csv: read as ISO-8859-15, separator ';'",)
    assert done.files["pupils"] == tmp_path / "out" / "pupils.csv"
    assert done.key_fingerprint == Pseudonymiser(KEY).fingerprint
    assert told == [("pupils", 1, 3), ("enrolments", 2, 3), ("grades", 3, 3)]


def test_twice_the_same_bytes(source: Path, tmp_path: Path) -> None:
    """The same extracts and key give the same files; an empty folder may be the target."""
    (tmp_path / "b").mkdir()
    first, second = (pseudonymise_folder(source, tmp_path / name, Pseudonymiser(KEY)) for name in "ab")
    for name, path in first.files.items():
        assert path.read_bytes() == second.files[name].read_bytes()


@pytest.mark.parametrize("where", ["extract", "extract/out", "extract/../extract", "used"])
def test_targets_that_are_refused(source: Path, tmp_path: Path, where: str) -> None:
    """The source itself, a folder inside it and a folder in use are refused, and nothing is changed."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("x")
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(RecordsError) as caught:
        pseudonymise_folder(source, tmp_path / where, KEY)
    for part in ("The target", "Expected: a new or empty folder", "Hint: Choose another folder"):
        assert part in str(caught.value)
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_failure_leaves_no_target(source: Path, tmp_path: Path) -> None:
    """When a table cannot be read or written, no target is left, not even a part of one."""
    (source / "absences.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableRecordsError, match=r"absences\.parquet \(4 bytes\)"):
        pseudonymise_folder(source, tmp_path / "out", KEY)
    pd.DataFrame({"pupil_id": [1.5]}).to_parquet(source / "absences.parquet")
    with pytest.raises(RecordsError, match="decimals"):
        pseudonymise_folder(source, tmp_path / "out", KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["extract"]
