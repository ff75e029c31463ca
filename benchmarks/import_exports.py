"""Exports of schools to an imported folder: seconds for a pile of files, and memory as the files become more.

Run ``python benchmarks/import_exports.py``. What is imported is what ``cohort --as siecle,gepi`` writes: the SIECLE pack, the dated
absences, the averages and one mark book per class and subject of each school and year. Three schools and two years of 1,200
pupils make some eight hundred files. Seconds are those of the processor, which other work on the machine hardly changes: an
import uses one core, so that a quiet machine shows the same on its clock.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.exports import write_exports
from measured import Measured, peak_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

PUPILS = 1_200
SCHOOLS = 3
YEARS = [2023, 2024]
EXPORTED_ON = "2025-03-04"
WANTED_SECONDS = 10.0
SPLIT = 8
PACKS = 8
_BOOK_HEAD = 6
"""Lines of a mark book above its pupils."""

IMPORT = """
import sys
from time import perf_counter, process_time
from decrochage_risk.importers import import_exports
begun, begun_work = perf_counter(), process_time()
done = import_exports(sys.argv[1], key=bytes(range(32)), column_maps=tuple(sys.argv[3:]))
done.write(sys.argv[2])
files = done.report.files
rows = sum(sum(file.rows.values()) for file in files)
print(process_time() - begun_work, perf_counter() - begun, len(files), rows)
"""
NOTHING = "import decrochage_risk.importers.importing, pandas, pyarrow.parquet, lxml.etree, numba"


def merged_schools(tables: Mapping[str, pd.DataFrame], schools: int) -> dict[str, pd.DataFrame]:
    """Make a few large schools out of the many small ones of a cohort; two small ones share their classes."""
    enrolments = tables["enrolments"]
    codes, names = pd.factorize(enrolments["school_id"], sort=True)
    classes = enrolments["class_id"].astype("str") + [str(code // schools // 2) for code in codes]
    names_kept = pd.Series(codes % schools, index=enrolments.index).map(dict(enumerate(names)))
    merged = enrolments.assign(school_id=names_kept, class_id=classes.where(enrolments["class_id"].notna()))
    return {**tables, "enrolments": merged}


def write_pile(
    folder: Path, pupils: int, schools: int, *, years: list[int] | None = None, seed: int = 1
) -> int:
    """Write the exports of a few schools; give the number of files."""
    tables = merged_schools(make_cohort(pupils, years or YEARS, seed=seed).tables, schools)
    return len(write_exports(folder, tables, ["siecle", "gepi"], exported_on=EXPORTED_ON))


def split_books(folder: Path, target: Path, parts: int) -> int:
    """Copy exports with every mark book cut into several, each with some of its pupils; give the number of files."""
    shutil.copytree(folder, target)
    for path in sorted(target.rglob("cahier *.csv")):
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="cp1252")), delimiter=";"))
        path.unlink()
        for part in range(parts):
            pupils = rows[_BOOK_HEAD + part :: parts]
            if pupils:
                # A folder below: the name of the file is what its subject is declared by.
                place = path.parent / str(part) / path.parent.name
                place.mkdir(parents=True, exist_ok=True)
                text = io.StringIO()
                csv.writer(text, delimiter=";", lineterminator="\n").writerows([*rows[:_BOOK_HEAD], *pupils])
                (place / path.name).write_text(text.getvalue(), encoding="cp1252")
    return sum(1 for path in target.rglob("*") if path.is_file())


def imported(folder: Path, out: Path) -> tuple[float, float, int, int]:
    """Import a folder in a fresh process; give seconds of work and of the clock, without the start of Python, files and rows."""
    command = [sys.executable, "-c", IMPORT, str(folder), str(out), str(folder / "declarations.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    work, clock, files, row_count = done.stdout.split()
    return float(work), float(clock), int(files), int(row_count)


def memory(folder: Path, out: Path) -> tuple[int, int]:
    """Peak memory of an import above that of its libraries, and its files."""
    base, _ = peak_memory(NOTHING)
    peak, told = peak_memory(IMPORT, str(folder), str(out), str(folder / "declarations.toml"))
    return peak - base, int(told.split()[2])


def rows(pupils: int) -> list[Measured]:
    """Seconds over the ten that are wanted; memory of the same rows in more files, and of more schools."""
    del pupils  # the pile that the target is about
    with tempfile.TemporaryDirectory() as home:
        pile = Path(home, "pile")
        write_pile(pile, PUPILS, SCHOOLS)
        times = [imported(pile, Path(home, "out")) for _ in range(3)]
        work, clock, files, row_count = sorted(times)[1]
        speed = Measured(
            f"import of {PUPILS:,} pupils, {SCHOOLS} schools, {len(YEARS)} years / {WANTED_SECONDS:.0f} s",
            work / WANTED_SECONDS,
            1.0,
            f"{work:.1f} s of one core, {clock:.1f} s by the clock of that run, {files} files, {row_count:,} rows",
        )
        return [speed, *memory_rows(Path(home))]


def memory_rows(home: Path) -> list[Measured]:
    """Peak memory above that of the libraries: the same rows in more files, and a school beside eight of its size."""
    one, eight, cut = home / "one", home / "eight", home / "cut"
    size = PUPILS // SCHOOLS
    write_pile(one, size, 1)
    write_pile(eight, PACKS * size, PACKS)
    split_books(one, cut, SPLIT)
    (own, files), (more, more_files), (packs, pack_files) = (
        memory(folder, home / f"out-{folder.name}") for folder in (one, cut, eight)
    )
    return [
        Measured(
            f"memory of an import, the same rows in {SPLIT} times as many mark books / in theirs",
            more / own,
            1.15,
            f"{more >> 20} MB of {more_files} files, {own >> 20} MB of {files}, libraries taken off",
        ),
        Measured(
            f"memory of an import, {PACKS} schools / 1 (tables {PACKS} times as long)",
            packs / own,
            float(PACKS),
            f"{packs >> 20} MB of {pack_files} files, {own >> 20} MB of {files}, libraries taken off",
        ),
    ]


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    for each in rows(PUPILS):
        print(f"{each.name}: {each.ratio:.2f} (target {each.wanted}); {each.detail}", flush=True)


if __name__ == "__main__":
    main()
