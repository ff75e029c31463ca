"""Rows scored a second by each core: Spark on this machine against ``score_folder`` in as many parts.

Run ``python benchmarks/spark_rows.py --pupils 8000`` with the extra ``spark`` and a Java runtime. Synthetic extracts of a quarter
of the pupils and of all of them are scored by both, in turn, in one process, after a first run of each that is not counted: Spark
with two workers (``local[2]``), that read Parquet and write scores, reasons and contributions as Parquet; ``score_folder`` on one
core, from Parquet to its folder of results. The marginal rate leaves out what either pays once: more rows over more seconds. It
is told by the clock, which needs quiet cores, and by processor time (of this process, the JVM and its workers), which does not.
Below some size one machine is faster whatever the rate, because Spark starts, reads the people first and hands every table over
twice: the seconds of both are told.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from decrochage_risk import score_folder
from decrochage_risk.spark import score_spark
from measured import Measured
from partitions import PARTS, TABLES, TIMES, extract_of, grown

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = "2025-03-05"
CORES = 2
SMALLEST, LARGEST = 4_000, 40_000
ROUNDS = 3
TABLES_WRITTEN = ("scores", "reasons", "contributions")


def start() -> Any:  # noqa: ANN401 - an extra
    """Start Spark on this machine."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{CORES},4]")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "2g",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def on_spark(spark: Any, folder: Path, parts: int) -> None:  # noqa: ANN401 - an extra
    """Score from Parquet to Parquet."""
    with tempfile.TemporaryDirectory() as out:
        tables = {name: spark.read.parquet(str(folder / f"{name}.parquet")) for name in TABLES}
        run = score_spark(tables, as_of=AS_OF, parts=parts, on_fault="quarantine")
        for name in TABLES_WRITTEN:
            run.table(name).write.parquet(f"{out}/{name}")


def on_one_core(folder: Path, parts: int) -> None:
    """Score from Parquet to a folder of results."""
    with tempfile.TemporaryDirectory() as out:
        score_folder(folder, f"{out}/scores", as_of=AS_OF, partitions=parts, on_fault="quarantine")


def processor_seconds() -> float:
    """Processor time so far of this process and of every one below it; 0 where there is no ``/proc``."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        process = int(path.parent.name)
        parents[process], ticks[process] = int(fields[1]), int(fields[11]) + int(fields[12])
    own = {os.getpid()}
    while below := {process for process, parent in parents.items() if parent in own} - own:
        own |= below
    return sum(ticks.get(process, 0) for process in own) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Seconds:
    """What one run took."""

    clock: float
    processor: float


def timed(score: Callable[[Path, int], None], folder: Path, parts: int) -> Seconds:
    """Score once."""
    began, used = perf_counter(), processor_seconds()
    score(folder, parts)
    return Seconds(perf_counter() - began, processor_seconds() - used)


def _rows(folder: Path) -> int:
    return sum(pq.read_metadata(folder / f"{name}.parquet").num_rows for name in TABLES)


def rows(pupils: int) -> list[Measured]:
    """Marginal rows a second of each core, over those of ``score_folder``; nothing where Spark cannot start."""
    if find_spec("pyspark") is None or shutil.which("java") is None:
        print("spark_rows: no pyspark or no java here, see make test-spark", file=sys.stderr)
        return []
    small = extract_of(min(max(pupils, SMALLEST), LARGEST) // TIMES)
    large = grown(small, TIMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark = start()
        engines = {"alone": on_one_core, "spark": lambda folder, parts: on_spark(spark, folder, parts)}
        for score in engines.values():
            score(small, PARTS)
        runs = [
            {(name, size): timed(score, folder, parts)
             for name, score in engines.items()
             for size, folder, parts in (("few", small, PARTS), ("many", large, PARTS * TIMES))}
            for _ in range(ROUNDS)
        ]  # fmt: skip
        spark.stop()
    return [_measured(runs, _rows(small), _rows(large))]


def _measured(runs: list[dict[tuple[str, str], Seconds]], few: int, many: int) -> Measured:
    def of_run(run: dict[tuple[str, str], Seconds], clock: str) -> dict[str, float]:
        return {name: getattr(run[name, "many"], clock) - getattr(run[name, "few"], clock)
                for name in ("alone", "spark")}  # fmt: skip

    by_clock = [of_run(run, "clock") for run in runs]
    by_processor = [of_run(run, "processor") for run in runs]
    middle = {key: median(run[key].clock for run in runs) for key in runs[0]}
    rates = {name: (many - few) / median(each[name] for each in by_clock) for name in ("alone", "spark")}
    told = (
        f"{rates['spark'] / CORES:,.0f} and {rates['alone']:,.0f} rows/s per core, "
        f"{median(each['alone'] / each['spark'] for each in by_processor):.2f} by processor time; "
        f"{few:,} rows: {middle['spark', 'few']:.1f} s on {CORES} cores of Spark, {middle['alone', 'few']:.1f} s on one core "
        f"alone; {many:,} rows: {middle['spark', 'many']:.1f} s and {middle['alone', 'many']:.1f} s"
    )
    ratio = median(each["alone"] / each["spark"] / CORES for each in by_clock)
    return Measured("Spark marginal rows/s per core / score_folder", ratio, 0.6, told, at_least=True)


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=8_000)
    for line in rows(parser.parse_args().pupils):
        print(f"{line.name}: {line.ratio:.2f} (wanted {line.wanted}); {line.detail}")


if __name__ == "__main__":
    main()
