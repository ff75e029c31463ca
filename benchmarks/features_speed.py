"""How fast records and features are: held against reading the files, against plain pandas, and against themselves.

Run ``python benchmarks/features_speed.py`` (``--pupils 208000`` is a region: 6 M absence rows, 15 M marks). Every figure
is a ratio within one run: the two sides take turns, and the median of the pairs counts. Memory is the peak of a process
of its own. Values are held against those of plain pandas before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl

from decrochage_risk.features import CATALOGUE, build_features, values_of
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.checks import conform
from decrochage_risk.records.raw_tables import RawTable, read_parquet
from decrochage_risk.records.table_schemas import TABLES as DECLARED
from decrochage_risk.synthetic import write_cohort
from measured import Measured
from pandas_features import TABLES, features_in_pandas, read_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLOCK = [time.perf_counter]
AS_OF, LATER = "2025-02-03", "2025-03-03"
SCHOOL_YEAR = 2024
ONE_PUPIL_ROWS = 90


def seconds(work: Callable[[], object]) -> float:
    """Time one call, its result thrown away afterwards."""
    began = CLOCK[0]()
    made = work()
    took = CLOCK[0]() - began
    del made
    return took


def paired(
    one: Callable[[], object], other: Callable[[], object], repeats: int
) -> tuple[float, float, float]:
    """Median seconds of both, taken in turns, and the median of the ratios of the pairs."""
    pairs = [(seconds(one), seconds(other)) for _ in range(repeats)]
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


def read_with_polars(folder: Path) -> list[pl.DataFrame]:
    """Read the same columns, nothing else."""
    return [pl.read_parquet(folder / f"{name}.parquet") for name in TABLES]


CONTRACT = CATALOGUE[:28]
"""The features that plain pandas computes too; they come first."""


def contract_of(records: PupilRecords, day: str = AS_OF) -> Any:  # noqa: ANN401 - a numpy array
    """Compute the contract features alone."""
    return values_of(records.known_on(day), CONTRACT)


def ours(folder: Path) -> Any:  # noqa: ANN401 - a numpy array
    """Read, check and compute, from the files to the matrix."""
    return contract_of(PupilRecords.read(folder))


def plain_pandas(folder: Path, calendar: Any) -> pd.DataFrame:  # noqa: ANN401 - a SchoolCalendar
    """Compute the same matrix in plain pandas, nothing checked."""
    return features_in_pandas(read_tables(folder), AS_OF, calendar)


def check_equal(folder: Path) -> PupilRecords:
    """Hold our matrix against the one of plain pandas, for every pupil."""
    records = PupilRecords.read(folder)
    found = build_features(records, AS_OF)[[feature.name for feature in CONTRACT]]
    expected = plain_pandas(folder, records.calendar).loc[found.index, found.columns].astype("float64")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-9, check_names=False)
    return records


def features_alone(folder: Path, records: PupilRecords, repeats: int) -> tuple[str, str, str]:
    """Plain pandas on loaded frames against ours on loaded records, both from the cut in time on."""
    frames = read_tables(folder)
    slow, fast, ratio = paired(
        lambda: features_in_pandas(frames, AS_OF, records.calendar),
        lambda: contract_of(records),
        repeats,
    )
    return "plain pandas / ours, features of loaded tables", f"{slow:.2f} s / {fast:.2f} s", f"{ratio:.1f}"


def first_and_later(folder: Path, repeats: int) -> list[tuple[str, str, str]]:
    """One more as-of date on the same records, against the first."""
    rows = []
    for _ in range(repeats):
        began = CLOCK[0]()
        records = PupilRecords.read(folder)
        loaded = CLOCK[0]()
        contract_of(records)
        first = CLOCK[0]()
        contract_of(records, LATER)
        rows.append((loaded - began, first - loaded, CLOCK[0]() - first))
    read, first, later = (median(column) for column in zip(*rows, strict=True))
    return [
        ("reading and checks", f"{read:.2f} s", ""),
        ("first date on loaded records", f"{first:.2f} s", ""),
        ("one more date / first, reading included", f"{later:.2f} s", f"{later / (read + first):.0%}"),
        ("one more date / first, features alone", "", f"{later / first:.0%}"),
    ]


def checks_of_marks(folder: Path, repeats: int) -> tuple[str, str, str]:
    """Column checks of the marks against reading them."""

    def read() -> RawTable:
        file = read_parquet(folder / "grades.parquet")
        return RawTable.of_arrow(file.table, file.texts)

    raw = read()
    check, reading, ratio = paired(lambda: conform(DECLARED["grades"], raw), read, repeats)
    return (
        f"column checks of {raw.size:,} marks / reading them",
        f"{check:.2f} s / {reading:.2f} s",
        f"{ratio:.2f}",
    )


def one_pupil(folder: Path, repeats: int) -> tuple[str, str, str]:
    """From the JSON text of one pupil to the matrix."""
    texts = _payloads(read_tables(folder), 40)
    took = []
    for _ in range(repeats + 1):
        for text in texts:
            began = CLOCK[0]()
            contract_of(PupilRecords.from_json(text))
            took.append(CLOCK[0]() - began)
    measured = np.array(took[len(texts) :]) * 1000
    parsing = median(seconds(lambda text=text: json.loads(text)) for text in texts) * 1000
    shown = f"p50 {np.median(measured):.2f} ms, p99 {np.percentile(measured, 99):.2f} ms"
    return "one pupil, JSON to matrix", shown, f"{np.median(measured) / parsing:.0f} × parsing the JSON"


def _payloads(tables: dict[str, pd.DataFrame], count: int) -> list[str]:
    """JSON of some pupils who have about as many event rows as the median pupil."""
    ids = tables["pupils"]["pupil_id"].iloc[: 20 * count]
    rows = {name: tables[name][tables[name]["pupil_id"].isin(ids)] for name in TABLES}
    events = sum(
        rows[name].groupby("pupil_id").size().reindex(ids, fill_value=0) for name in ("absences", "grades")
    )
    chosen = (events - ONE_PUPIL_ROWS).abs().sort_values(kind="stable").index[:count]
    return [json.dumps(_payload(rows, pupil_id)) for pupil_id in chosen]


def _payload(rows: dict[str, pd.DataFrame], pupil_id: str) -> dict[str, Any]:
    nested = {}
    for name, table in rows.items():
        own = table[table["pupil_id"] == pupil_id].drop(columns="pupil_id")
        text = own.to_json(orient="records", date_format="iso", date_unit="s") or "[]"
        nested[name] = [
            {key: str(cell)[:10] if key in DAYS and cell else cell for key, cell in row.items()}
            for row in json.loads(text)
        ]
    return {"pupil_id": pupil_id, **nested.pop("pupils")[0], **nested}


DAYS = {"birth_date", "start_date", "end_date", "date", "recorded_on", "justified_on"}


def peak_megabytes(what: str, folder: Path) -> float:
    """Peak memory of one side, in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", what, "--folder", str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this very script
    return float(told.stdout)


def print_peak(what: str, folder: Path) -> None:
    """Do one side's work, and print the peak memory of this process in megabytes."""
    from decrochage_risk.school_year import SchoolCalendar  # noqa: PLC0415 - as each side would

    made = ours(folder) if what == "ours" else plain_pandas(folder, SchoolCalendar.for_zone("B"))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")))
    del made


def figures(folder: Path, small: Path, repeats: int) -> Iterator[tuple[str, str, str]]:
    """Yield every figure as it is measured: what, seconds, ratio."""
    records = check_equal(folder)
    calendar = records.calendar
    ours(small)
    whole, reading, ratio = paired(lambda: ours(folder), lambda: read_with_polars(folder), repeats)
    yield "files to matrix / polars reading the files", f"{whole:.2f} s / {reading:.2f} s", f"{ratio:.1f}"
    everything, contract, ratio = paired(
        lambda: build_features(records, AS_OF), lambda: contract_of(records), repeats
    )
    told = f"{everything:.2f} s / {contract:.2f} s"
    yield (
        f"{len(CATALOGUE)} features / the {len(CONTRACT)} of the contract, loaded records",
        told,
        f"{ratio:.1f}",
    )
    yield from first_and_later(folder, repeats)
    eight, one, ratio = paired(lambda: ours(folder), lambda: ours(small), repeats)
    yield "8 N / N pupils, files to matrix", f"{eight:.2f} s / {one:.2f} s", f"{ratio:.1f}"
    yield checks_of_marks(folder, repeats)
    yield one_pupil(small, repeats)
    yield features_alone(folder, records, repeats)
    slow, fast, ratio = paired(lambda: plain_pandas(folder, calendar), lambda: ours(folder), repeats)
    yield "plain pandas / ours, from the files", f"{slow:.2f} s / {fast:.2f} s", f"{ratio:.1f}"
    peaks = [peak_megabytes(what, folder) for what in ("ours", "pandas")]
    told = f"{peaks[0]:.0f} MB / {peaks[1]:.0f} MB"
    yield "peak memory, ours / plain pandas", told, f"{peaks[0] / peaks[1]:.2f}"


TARGETS = {
    "files to matrix / polars reading the files": (5.0, False),
    "plain pandas / ours, features of loaded tables": (8.0, True),
    "one more date / first, reading included": (0.25, False),
    "8 N / N pupils, files to matrix": (9.0, False),
    "column checks of": (0.4, False),
    "peak memory, ours / plain pandas": (0.6, False),
}
"""Of the table of ``make bench``: by how the figure begins, and whether more is better."""


def rows(pupils: int) -> list[Measured]:
    """Measure what has a target."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, small = _cohorts(Path(temporary), pupils)
        return [
            Measured(what, number_of(ratio), target[0], took, target[1])
            for what, took, ratio in figures(folder, small, 3)
            if (target := _target(what)) is not None
        ]


def number_of(ratio: str) -> float:
    """Read a ratio that is printed."""
    return float(ratio.removesuffix("%")) / (100 if ratio.endswith("%") else 1)


def _target(what: str) -> tuple[float, bool] | None:
    return next((target for name, target in TARGETS.items() if what.startswith(name)), None)


def _cohorts(home: Path, pupils: int) -> tuple[Path, Path]:
    """Write a cohort and one of an eighth of its pupils, where they are not there yet."""
    folder, small = home / f"pupils-{pupils}", home / f"pupils-{pupils // 8}"
    for target, count in ((folder, pupils), (small, pupils // 8)):
        if not target.exists():
            write_cohort(target, count, [SCHOOL_YEAR], seed=1, youngest="3e")
    return folder, small


def main() -> None:
    """Write a cohort, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=26_000, help="a region has 208000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, help="where the cohorts are kept; a temporary folder by default"
    )
    parser.add_argument("--peak-of", choices=("ours", "pandas"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: where others use the cores too"
    )
    asked = parser.parse_args()
    CLOCK[0] = time.process_time if asked.clock == "cpu" else time.perf_counter
    if asked.peak_of:
        print_peak(asked.peak_of, asked.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, small = _cohorts(asked.folder or Path(temporary), asked.pupils)
        load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
        print(
            f"{asked.pupils:,} synthetic pupils; {os.cpu_count()} cores, {platform.machine()}, {asked.clock} clock, load {load}"
        )
        print("\n| what | time | ratio |\n|---|--:|--:|")
        for what, took, ratio in figures(folder, small, asked.repeats):
            print(f"| {what} | {took} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
