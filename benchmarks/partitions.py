"""Memory and time of scoring a folder part by part, against everybody at once: flat in the number of pupils, or not.

Run ``python benchmarks/partitions.py --pupils 20000``. An extract of that many synthetic pupils is written below ``build/``,
and once more four times as large (the same pupils under other ids). Each is scored in parts of the same number of pupils,
each run in a process of its own that tells the most memory that it held; ``--at-once`` adds the runs without parts.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decrochage_risk.synthetic.cohort import write_cohort
from measured import Measured, peak_memory

PLACE = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
TIMES = 4
PARTS = 4
TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")
SCORE = """
import sys, warnings
from decrochage_risk import score_folder
warnings.simplefilter("ignore")
folder, out, parts = sys.argv[1:]
score_folder(folder, out, as_of="2025-03-05", partitions=int(parts), on_fault="quarantine")
"""


def extract_of(pupils: int) -> Path:
    """Write synthetic extracts of one school year, once."""
    folder = PLACE / f"extract-{pupils}"
    if not (folder / "done").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        write_cohort(folder, pupils, [2024], 9)
        for path in folder.glob("*.parquet"):
            if path.stem not in TABLES:
                path.unlink()
        (folder / "done").touch()
    return folder


def grown(folder: Path, times: int) -> Path:
    """Write the same extract several times over, each copy under ids of its own, once."""
    target = folder.with_name(f"{folder.name}-times-{times}")
    if not (target / "done").is_file():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for name in TABLES:
            copy_table(folder / f"{name}.parquet", target / f"{name}.parquet", times)
        (target / "done").touch()
    return target


def copy_table(source: Path, target: Path, times: int) -> None:
    """Write one table several times over."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow) as writer:
        place = file.schema_arrow.get_field_index("pupil_id")
        kind = file.schema_arrow.field(place).type
        for copy in range(times):
            for batch in file.iter_batches():
                rows = pa.Table.from_batches([batch])
                ids = pc.binary_join_element_wise(rows.column(place).cast(pa.string()), str(copy), "-")
                writer.write_table(rows.set_column(place, rows.schema.field(place), ids.cast(kind)))


def run(folder: Path, parts: int) -> tuple[float, float]:
    """Score a folder; give the peak memory (MB) and the seconds."""
    with tempfile.TemporaryDirectory() as out:
        begun = perf_counter()
        peak, _ = peak_memory(SCORE, str(folder), f"{out}/scores", str(parts))
    return peak / 1e6, perf_counter() - begun


def rows(pupils: int) -> list[Measured]:
    """Peak memory of four times the pupils over that of a quarter of them, in parts of one size."""
    small = extract_of(max(2_000, pupils // TIMES))
    large = grown(small, TIMES)
    (few, few_seconds), (many, many_seconds) = run(small, PARTS), run(large, PARTS * TIMES)
    size = pq.read_metadata(small / "pupils.parquet").num_rows
    held = rows_of(large)
    told = f"{few:,.0f} MB for {size:,} pupils in {PARTS} parts, {many:,.0f} MB for {TIMES * size:,} in {PARTS * TIMES}"
    return [
        Measured("peak memory of score_folder in parts of one size, 4N / N pupils", many / few, 1.15, told),
        Measured(
            "time of score_folder in parts of one size, 4N / N pupils",
            many_seconds / few_seconds,
            4.5,
            f"{few_seconds:.1f} s and {many_seconds:.1f} s, start of the process included; {held:,} rows of the larger, "
            f"{held / many_seconds:,.0f} a second",
        ),
    ]


def rows_of(folder: Path) -> int:
    """Count the rows of all tables of an extract."""
    return sum(pq.read_metadata(folder / f"{name}.parquet").num_rows for name in TABLES)


def at_once(pupils: int) -> list[str]:
    """Tell the memory and time of the same runs without parts."""
    small = extract_of(max(2_000, pupils // TIMES))
    lines = []
    for folder in (small, grown(small, TIMES)):
        peak, seconds = run(folder, 1)
        held = rows_of(folder)
        lines.append(
            f"at once: {peak:,.0f} MB, {seconds:.1f} s for {pq.read_metadata(folder / 'pupils.parquet').num_rows:,} "
            f"pupils, {held:,} rows of all tables, {1e6 * peak / held:.0f} bytes per row"
        )
    return lines


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=20_000)
    parser.add_argument("--at-once", action="store_true")
    asked = parser.parse_args()
    for found in rows(asked.pupils):
        print(f"{found.name}: {found.ratio:.2f} (wanted {found.wanted}); {found.detail}", flush=True)
    if asked.at_once:
        print("\n".join(at_once(asked.pupils)))


if __name__ == "__main__":
    main()
