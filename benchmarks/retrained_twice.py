"""The yearly retraining as one command, run twice: every file of both runs has the same bytes.

Run ``python benchmarks/retrained_twice.py`` for a synthetic region (208,000 pupils and two school years; ``--pupils 5000`` for
a quick look), with ``--data FOLDER`` for the dated records of the Open University too (the folder of
``benchmarks/real_data.py``). Each run is ``decrochage-risk retrain`` in a process of its own: it reads and checks the
extracts, trains, evaluates, compares with a model in use and writes the card. Nothing is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import decrochage_risk as dr
from decrochage_risk.synthetic import write_cohort

REGION = 208_000
YEARS = [2024, 2025]
DEMO = Path(__file__).resolve().parents[1] / "models" / "demo"
SYNTHETIC = """\
records = "extraits"
run = "{run}"
champion = "champion"
labels_known_on = 2026-11-15
synthetic = true
name = "region"
"""
OULAD = """\
records = "{records}"
run = "{run}"
champion = "champion"
labels_known_on = 2015-10-15
outcome_closes = [10, 1]
as_of = [2013-03-01, 2013-03-29, 2013-10-29, 2013-11-26, 2014-10-29, 2014-11-26]
name = "oulad"
"""


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a run."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_twice(home: Path, config: str) -> str:
    """Run the command in two folders, hold them against each other, and tell what came of it."""
    found, seconds, codes = [], [], []
    for number in (1, 2):
        run = f"run-{number}"
        (home / "config.toml").write_text(config.replace("{run}", run), encoding="utf-8")
        began = time.perf_counter()
        command = [sys.executable, "-m", "decrochage_risk.cli", "retrain", str(home / "config.toml")]
        ended = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        seconds.append(time.perf_counter() - began)
        codes.append(ended.returncode)
        found.append(checksums(home / run))
    verdict = json.loads((home / "run-1" / "verdict.json").read_text(encoding="utf-8"))
    different = sorted(name for name in {*found[0], *found[1]} if found[0].get(name) != found[1].get(name))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    same = f"{len(found[0])} files, {len(different)} of them different"
    codes_of = Counter(cause["code"] for cause in verdict["causes"])
    causes = ", ".join(f"{code} ({count})" for code, count in codes_of.most_common()) or "none"
    return (
        f"{same}; verdict {verdict['verdict']} (causes: {causes}), exit codes {codes}; "
        f"{seconds[0]:.0f} and {seconds[1]:.0f} s, at most {peak:,.0f} MB{''.join(f'; differs: {name}' for name in different)}"
    )


def region(pupils: int) -> str:
    """Two school years of synthetic pupils, against the bundled demonstration model."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        write_cohort(home / "extraits", pupils, YEARS, seed=5)
        (home / "extraits" / "truth.parquet").unlink()
        shutil.copytree(DEMO, home / "champion")
        return run_twice(home, SYNTHETIC)


def oulad(data: Path) -> str:
    """Three years of learners, against a model of the first year."""
    folder = (data / "oulad_records").resolve()
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        home = Path(place)
        records = dr.PupilRecords.read(folder)
        first = dr.train_model(
            records, as_of_dates=["2013-03-01", "2013-03-29"], outcome_closes=(10, 1), name="first-year"
        )
        first.save(home / "champion")
        return run_twice(home, OULAD.replace("{records}", folder.as_posix()))


def main() -> None:
    """Print what came of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=REGION, help="of the synthetic region; 0 for none")
    parser.add_argument("--data", type=Path, help="folder of the real data")
    asked = parser.parse_args()
    if asked.pupils:
        print(f"synthetic region, {asked.pupils:,} pupils: {region(asked.pupils)}", flush=True)
    if asked.data:
        print(f"dated records of the Open University: {oulad(asked.data)}", flush=True)


if __name__ == "__main__":
    main()
