"""Pages of a region, some whole schools at a time: time and memory of the reports, against the number of pupils.

Run ``python benchmarks/report_pages.py --pupils 208000``: a quarter of these pupils is drawn below ``build/``, written four times
over under other ids and other schools, and scored; then the pages of both are written (schools, class lists, pupils, notices,
the counts of every network), each in a process of its own that tells the most memory that it held. Schools are held some at a
time in both, the same number of pupils at once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.records.fault_hints import uai_letters
from decrochage_risk.report.streaming import PUPILS_AT_ONCE
from measured import Measured, peak_memory
from partitions import PARTS, PLACE, TABLES, TIMES, extract_of

TENTH = 20_800
SCORE = """
import sys, warnings
from decrochage_risk import score_folder
warnings.simplefilter("ignore")
folder, out, parts = sys.argv[1:]
score_folder(folder, out, as_of="2025-03-05", partitions=int(parts), on_fault="quarantine")
"""
REPORT = """
import json, sys, warnings
from pathlib import Path
from decrochage_risk.report import ReportFolder, count_territory, merge_territories
from decrochage_risk.records.fault_hints import uai_letters
from decrochage_risk.report.streaming import WrittenRun
warnings.simplefilter("ignore")
scores, records, out, pupils = sys.argv[1:]
run, counted = WrittenRun.read(Path(scores)), []
with ReportFolder(Path(out), despite_verdict=True) as pages:
    for part in run.scores(Path(records), on_fault="quarantine", calendar=None, pupils=int(pupils)):
        pages.add(part)
        counted.append(count_territory(part, despite_verdict=True))
        del part
networks = len(merge_territories(counted).networks)
print(json.dumps({"pages": pages.pages, "schools": run.schools, "pupils": len(run.frame), "networks": networks}))
"""


def region_of(folder: Path, times: int) -> Path:
    """Write an extract several times over, each copy with pupils and schools of its own, once."""
    target = folder.with_name(f"{folder.name}-schools-{times}")
    if not (target / "done").is_file():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for name in TABLES:
            with (
                pq.ParquetFile(folder / f"{name}.parquet") as file,
                pq.ParquetWriter(target / f"{name}.parquet", file.schema_arrow) as writer,
            ):
                for copy in range(times):
                    for batch in file.iter_batches():
                        writer.write_table(_renamed(pa.Table.from_batches([batch]), copy))
        (target / "done").touch()
    return target


def _renamed(rows: pa.Table, copy: int) -> pa.Table:
    """Give pupils another id, schools another number, whose first digit counts the copies, with its letter."""
    for name in ("pupil_id", "school_id"):
        if name not in rows.schema.names:
            continue
        place = rows.schema.get_field_index(name)
        kind, words = rows.schema.field(place).type, rows.column(place).cast(pa.string()).to_pandas()
        if name == "pupil_id":
            other = words + f"-{copy}"
        else:
            schools = words.dropna().drop_duplicates().reset_index(drop=True)
            numbers = str(copy) + schools.str[1:7]
            other = words.map(dict(zip(schools, numbers + uai_letters(numbers), strict=True)))
        rows = rows.set_column(
            place, rows.schema.field(place), pa.array(other, pa.string(), from_pandas=True).cast(kind)
        )
    return rows


def run(folder: Path, parts: int, pupils_at_once: int) -> dict[str, Any]:
    """Score a folder, write its pages; give what was written, the peak memory (MB) and the seconds of the pages alone."""
    with tempfile.TemporaryDirectory(dir=PLACE) as out:
        peak_memory(SCORE, str(folder), f"{out}/scores", str(parts))
        begun = perf_counter()
        peak, told = peak_memory(REPORT, f"{out}/scores", str(folder), f"{out}/pages", str(pupils_at_once))
        seconds = perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(out, "pages").rglob("*.html"))
    return json.loads(told) | {"memory": peak / 1e6, "seconds": seconds, "size": size / 1e6}


def rows(pupils: int) -> list[Measured]:
    """Take a tenth of a region at most: its pages and those of a quarter of it, already a thousand files and more."""
    return measured(min(pupils, TENTH))


def measured(pupils: int) -> list[Measured]:
    """Peak memory and time of four times the pupils over those of a quarter of them."""
    small = extract_of(max(2_000, pupils // TIMES))
    held = pq.read_metadata(small / "pupils.parquet").num_rows
    at_once = min(PUPILS_AT_ONCE, max(500, held // PARTS))
    few = run(small, PARTS, at_once)
    many = run(region_of(small, TIMES), PARTS * TIMES, at_once)
    told = "; ".join(
        f"{one['pages']:,} pages ({one['size']:,.0f} MB) of {one['pupils']:,} pupils, {one['schools']:,} schools, "
        f"{one['networks']} networks: {one['seconds']:.0f} s, {one['memory']:,.0f} MB of memory"
        for one in (few, many)
    )
    told += f"; {at_once:,} pupils at once"
    return [
        Measured("peak memory of the pages, 4N / N pupils", many["memory"] / few["memory"], 1.25, told),
        Measured("time of the pages, 4N / N pupils", many["seconds"] / few["seconds"], 4.5, told),
    ]


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=20_000)
    asked = parser.parse_args()
    for one in measured(asked.pupils):
        print(f"{one.name}: {one.ratio:.2f} (wanted {one.wanted}); {one.detail}", flush=True)


if __name__ == "__main__":
    main()
