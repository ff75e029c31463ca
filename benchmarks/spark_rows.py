"""Rows scored a second by each core: Spark on this machine against ``score_folder`` in as many parts.

Run ``python benchmarks/spark_rows.py --pupils 8000`` with the extra ``spark`` and a Java runtime. Synthetic extracts of a quarter
of the pupils and of all of them are scored by both, in turn, in one process: Spark with two workers (``local[2]``), that read
Parquet and write scores, reasons and contributions as Parquet; ``score_folder`` on one core, from Parquet to its folder of
results. The marginal rate leaves out what either pays once: more rows over more seconds. Below some size one machine is faster
whatever the rate, because Spark starts, reads the people first and hands every table over twice: the seconds of both are told.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from decrochage_risk import score_folder
from decrochage_risk.spark import score_spark
from measured import Measured
from partitions import PARTS, TABLES, TIMES, extract_of, grown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AS_OF = "2025-03-05"
CORES = 2
SMALLEST, LARGEST = 4_000, 40_000
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


def on_spark(spark: Any, folder: Path, parts: int) -> float:  # noqa: ANN401 - an extra
    """Seconds from Parquet to Parquet."""
    began = perf_counter()
    with tempfile.TemporaryDirectory() as out:
        tables = {name: spark.read.parquet(str(folder / f"{name}.parquet")) for name in TABLES}
        run = score_spark(tables, as_of=AS_OF, parts=parts, on_fault="quarantine")
        for name in TABLES_WRITTEN:
            run.table(name).write.parquet(f"{out}/{name}")
    return perf_counter() - began


def on_one_core(folder: Path, parts: int) -> float:
    """Seconds from Parquet to a folder of results."""
    began = perf_counter()
    with tempfile.TemporaryDirectory() as out:
        score_folder(folder, f"{out}/scores", as_of=AS_OF, partitions=parts, on_fault="quarantine")
    return perf_counter() - began


def marginal(seconds: Callable[[Path, int], float], small: Path, large: Path) -> tuple[float, float, float]:
    """Rows a second between the small extract and the large one, and the seconds of each."""
    seconds(small, PARTS)
    few, many = seconds(small, PARTS), seconds(large, PARTS * TIMES)
    return (_rows(large) - _rows(small)) / (many - few), few, many


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
        alone, few_alone, many_alone = marginal(on_one_core, small, large)
        spark = start()
        engine, few, many = marginal(lambda folder, parts: on_spark(spark, folder, parts), small, large)
        spark.stop()
    told = (
        f"{engine / CORES:,.0f} and {alone:,.0f} rows/s per core; {_rows(small):,} rows: {few:.1f} s on {CORES} cores of Spark, "
        f"{few_alone:.1f} s on one core alone; {_rows(large):,} rows: {many:.1f} s and {many_alone:.1f} s"
    )
    return [
        Measured(
            "Spark marginal rows/s per core / score_folder", engine / CORES / alone, 0.6, told, at_least=True
        )
    ]


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=8_000)
    for line in rows(parser.parse_args().pupils):
        print(f"{line.name}: {line.ratio:.2f} (wanted {line.wanted}); {line.detail}")


if __name__ == "__main__":
    main()
