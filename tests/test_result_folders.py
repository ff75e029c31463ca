"""Laws of folders of results: as a whole or not at all, nothing of somebody else's, one run at a time, owner alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.csv_files import read_csv, write_csv, write_csv_rows
from decrochage_risk.errors import RecordsError
from decrochage_risk.result_folders import (
    MANIFEST,
    WORK_KEY,
    ResultFolder,
    adding_to_result,
    hold,
    leftovers,
    private_file,
    remove_leftovers,
    work_beside,
)

if TYPE_CHECKING:
    from pathlib import Path


def write(target: Path, *names: str, text: str = "ours", group: bool = False) -> None:
    """Write a result of some files."""
    with ResultFolder(target, group=group) as result:
        for name in names:
            path = result.draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


def fail_midway(target: Path) -> None:
    """Write one file of a result, then find the disk full."""
    with ResultFolder(target) as result:
        (result.draft / "scores.parquet").write_text("half", encoding="utf-8")
        raise OSError(28, "full")


def contents(target: Path) -> dict[str, str]:
    """Read every file of a folder."""
    return {
        path.relative_to(target).as_posix(): path.read_text(encoding="utf-8")
        for path in target.rglob("*")
        if path.is_file()
    }


def mode(path: Path) -> int:
    """Give the rights of a file."""
    return path.stat().st_mode & 0o777


def test_what_an_earlier_run_listed_is_replaced_and_goes(tmp_path: Path) -> None:
    """A later run leaves its own files and the list of them, none of the run before, and nothing beside the folder."""
    out = tmp_path / "out"
    write(out, "scores.parquet", "listes/a.csv", "listes/b.csv")
    write(out, "scores.parquet", "listes/a.csv", text="newer")
    files = contents(out)
    assert set(json.loads(files.pop(MANIFEST))["files"]) == set(files) == {"scores.parquet", "listes/a.csv"}
    assert set(files.values()) == {"newer"}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["listes/les-miens.csv", "run.json", "notes/mine.txt", ".hidden"])
@pytest.mark.parametrize("manifest", [True, False])
def test_a_file_of_somebody_else_is_an_error_that_names_it(
    tmp_path: Path, name: str, *, manifest: bool
) -> None:
    """Whoever put it there, with or without results of ours around it, it is named and stays, and so does the rest."""
    out = tmp_path / "out"
    if manifest:
        write(out, "scores.parquet")
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine", encoding="utf-8")
    before = contents(out)
    with pytest.raises(RecordsError, match=name):
        write(out, "scores.parquet", text="newer")
    assert contents(out) == before


def test_a_file_of_ours_that_was_edited_since_is_not_lost(tmp_path: Path) -> None:
    """Notes that somebody typed into a list are theirs: the next run names the list and leaves it."""
    out = tmp_path / "out"
    write(out, "listes/a.csv")
    (out / "listes" / "a.csv").write_text("ours, and a note", encoding="utf-8")
    with pytest.raises(RecordsError, match=r"listes/a\.csv \(changed since\)"):
        write(out, "listes/a.csv")
    assert contents(out)["listes/a.csv"] == "ours, and a note"


@pytest.mark.parametrize("linked", ["listes", "scores.parquet"])
def test_a_link_out_of_the_folder_is_never_followed(tmp_path: Path, linked: str) -> None:
    """A link in the place of the lists, or of a file, is named; what it leads to stays as it is."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.csv").write_text("mine", encoding="utf-8")
    out.mkdir()
    (out / linked).symlink_to(elsewhere if linked == "listes" else elsewhere / "a.csv")
    with pytest.raises(RecordsError, match=rf"{linked} \(a link\)"):
        write(out, "scores.parquet", "listes/a.csv")
    assert contents(elsewhere) == {"a.csv": "mine"}


def test_after_a_failure_midway_the_old_result_stands_unmixed(tmp_path: Path) -> None:
    """A run that fails after some of its files changes nothing, and leaves nothing beside."""
    out = tmp_path / "out"
    write(out, "scores.parquet", "listes/a.csv")
    before = contents(out)
    with pytest.raises(OSError, match="full"):
        fail_midway(out)
    assert contents(out) == before
    assert list(tmp_path.iterdir()) == [out]


KINDS = {
    "tables": "pupils.parquet",
    "scores": "scores.parquet",
    "pages": "index.html",
    "another kind": "x.txt",
}


@pytest.mark.parametrize("former", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_replaces_its_own_kind_alone(tmp_path: Path, former: str, kind: str) -> None:
    """Tables, scores and pages never take each other's place: the folder stays as it was; those of its kind are replaced."""
    out = tmp_path / "out"
    write(out, KINDS[former])
    before = contents(out)
    if former == kind:
        write(out, KINDS[kind], text="newer")
        assert contents(out)[KINDS[kind]] == "newer"
        return
    with pytest.raises(RecordsError, match=former):
        write(out, KINDS[kind], text="newer")
    assert contents(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_without_a_lock_is_no_other_run(tmp_path: Path) -> None:
    """Where no file can be made the error of the system is told, not that another run writes there."""
    (tmp_path / "closed").mkdir()
    name = "x" * 250  # the name of its lock is too long for any file
    with pytest.raises(OSError, match="too long"), hold(tmp_path / "closed" / name):
        pass


def test_a_run_killed_between_the_two_steps_of_a_swap_loses_nothing(tmp_path: Path) -> None:
    """The former result that stands aside is put back before anything else, so that a failure cannot lose it either."""
    out = tmp_path / "out"
    write(out, "scores.parquet")
    before = contents(out)
    out.rename(tmp_path / ".out.former")
    with pytest.raises(OSError, match="full"), ResultFolder(out):
        raise OSError(28, "full")
    assert contents(out) == before


def test_the_second_run_says_who_holds_the_folder(tmp_path: Path) -> None:
    """Two runs into one folder: the second is refused with the number of the process, and the first one ends well."""
    out = tmp_path / "out"
    with ResultFolder(out) as result:
        with pytest.raises(RecordsError, match=rf"another run \(process {os.getpid()} on "):
            write(out, "scores.parquet")
        (result.draft / "scores.parquet").write_text("first", encoding="utf-8")
    assert contents(out)["scores.parquet"] == "first"


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    """The lock goes with its process: after a kill the next run writes, though the draft of the former is still there."""
    out = tmp_path / "out"
    code = (
        "import os, pathlib, sys\nfrom decrochage_risk.result_folders import ResultFolder\n"
        "with ResultFolder(pathlib.Path(sys.argv[1])) as result:\n"
        "    (result.draft / 'half').write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], check=False)  # noqa: S603 - our own code
    assert done.returncode == -9
    assert (tmp_path / ".out.partial" / "half").is_file()
    write(out, "scores.parquet")
    assert set(contents(out)) == {"scores.parquet", MANIFEST}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
@pytest.mark.parametrize(("group", "rights"), [(False, (0o600, 0o700)), (True, (0o640, 0o750))])
def test_results_are_closed_to_others(tmp_path: Path, rights: tuple[int, int], *, group: bool) -> None:
    """Files are 0600 in 0700, or 0640 in 0750 for the group, whatever the umask, and a later file is like the others."""
    out = tmp_path / "out"
    former = os.umask(0)
    try:
        write(out, "scores.parquet", "listes/a.csv", group=group)
        with adding_to_result(out, "nouveaux.csv") as draft:
            draft.write_text("more", encoding="utf-8")
        with private_file(tmp_path / "faults.csv", group=group) as draft:
            draft.write_text("rows", encoding="utf-8")
    finally:
        os.umask(former)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {mode(path) for path in [*files, tmp_path / "faults.csv"]} == {rights[0]}
    assert {mode(path) for path in (out, out / "listes")} == {rights[1]}


def test_a_file_added_later_is_listed_and_replaced_with_the_others(tmp_path: Path) -> None:
    """What is added to a result belongs to it; a file of somebody else with that name is refused."""
    out = tmp_path / "out"
    write(out, "scores.parquet")
    for text in ("more", "more again"):
        with adding_to_result(out, "nouveaux.csv") as draft:
            draft.write_text(text, encoding="utf-8")
    assert contents(out)["nouveaux.csv"] == "more again"
    (out / "capacite.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(RecordsError, match=r"capacite\.csv"), adding_to_result(out, "capacite.csv"):
        pass
    (out / "capacite.csv").unlink()
    write(out, "scores.parquet")
    assert "nouveaux.csv" not in contents(out)


def test_working_copies_that_a_kill_left_are_listed_and_removed(tmp_path: Path) -> None:
    """Those with our mark go, unless a run works there; a hidden folder of somebody else stays."""
    for name in ("a", "b"):
        copy = work_beside(tmp_path / name)
        copy.mkdir()
        (copy / WORK_KEY).write_text("key", encoding="utf-8")
    (tmp_path / ".mine.partitions").mkdir()
    (tmp_path / ".mine").mkdir()
    copies = [work_beside(tmp_path / name) for name in ("a", "b")]
    assert leftovers(tmp_path) == copies
    with hold(tmp_path / "b"):
        assert remove_leftovers(tmp_path) == copies[:1]
    assert remove_leftovers(tmp_path) == copies[1:]
    assert {path.name for path in tmp_path.iterdir()} == {".mine.partitions", ".mine"}


def test_ids_of_digits_join_back_to_those_of_the_school(tmp_path: Path) -> None:
    """The column of ids is written letter by letter, save what would be a formula; other columns are guarded."""
    ids = ["0101", "00001234567", "3-1", "=1+1", "\uff1d1+1", "é;1"]
    table = pd.DataFrame({"Élève": ids, "Classe": ["3-1", "0101", "SEPT2", "@x", "3e-A", "-2"]})
    frame, _ = read_csv(write_csv(table, tmp_path / "liste.csv", ids=["Élève"]))
    assert frame["Élève"].tolist() == ["0101", "00001234567", "3-1", "'=1+1", "'\uff1d1+1", "é;1"]
    assert frame["Classe"].tolist() == ["'3-1", "'0101", "'SEPT2", "'@x", "3e-A", "'-2"]


def test_rows_of_texts_keep_their_signed_numbers(tmp_path: Path) -> None:
    """A table of a page holds numbers as texts: their signs are no formulas, other texts are guarded."""
    path = write_csv_rows([["a", "b"], ["-3,5", "=1"], ["+2", "\t=1"]], tmp_path / "page.csv")
    text = path.read_bytes().decode("utf-8-sig")
    assert text == "a;b\r\n-3,5;'=1\r\n+2;'\t=1\r\n"
