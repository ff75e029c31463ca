"""How long it takes to import the package, against importing pandas, each in a fresh process.

Run ``python benchmarks/import_time.py``. The time that Python itself needs to start is taken off both sides, and told. Beside
the import stand what a user waits for: ``decrochage-risk --help``, and the first score of a process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median

from measured import Measured, paired

FIRST_SCORE = """
import warnings
warnings.simplefilter("ignore")
from decrochage_risk import PupilRecords, score_pupils
records = PupilRecords(
    pupils=[{"pupil_id": "a"}],
    enrolments=[{"pupil_id": "a", "school_year": 2024, "school_id": "0990001N", "level": "2de_pro",
                 "start_date": "2024-09-02"}],
    absences=[{"pupil_id": "a", "date": "2025-03-03", "half_days": 2, "kind": "absence"}],
    grades=[{"pupil_id": "a", "date": "2025-02-03", "subject": "maths", "value": 4.0}],
)
"""
WITHOUT = 'score_pupils(records, as_of="2025-03-05", explain="none")'
WITH = 'score_pupils(records, as_of="2025-03-05", explain="all")'
HELP = "import sys; sys.argv[1:] = ['--help']; from decrochage_risk.cli import main; main()"


def fresh(code: str) -> None:
    """Run some code in a process of its own."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own code


def seconds(code: str, rounds: int) -> tuple[float, float]:
    """Median seconds of some code, and of a process that does nothing, in turn."""
    found = paired(lambda: fresh(code), lambda: fresh("pass"), rounds)
    return found.first, found.second


def rows(pupils: int) -> list[Measured]:
    """Import of the package over import of pandas, without the start of Python."""
    del pupils  # the same for any number
    ours, theirs = [], []
    for _ in range(3):
        (own, start), (pandas, its_start) = (
            seconds(f"import {name}", 5) for name in ("decrochage_risk", "pandas")
        )
        ours.append(own - start)
        theirs.append(pandas - its_start)
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    told = f"{1000 * median(ours):.0f} ms and {1000 * median(theirs):.0f} ms, without the start of Python"
    return [Measured("import decrochage_risk / import pandas", ratio, 1.2, told)]


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for found in rows(0):
        print(f"{found.name}: {found.ratio:.3f} (wanted {found.wanted}); {found.detail}", flush=True)
    waits = {
        "decrochage-risk --help": HELP,
        "from decrochage_risk import PupilRecords": "from decrochage_risk import PupilRecords",
        "from decrochage_risk import score_pupils": "from decrochage_risk import score_pupils",
        "first score of a process, one pupil, without reasons": FIRST_SCORE + WITHOUT,
        "first score of a process, one pupil, with reasons": FIRST_SCORE + WITH,
    }
    for name, code in waits.items():
        wait, start = seconds(code, rounds)
        print(f"{name}: {wait:.2f} s, of which {start:.2f} s is the start of Python", flush=True)


if __name__ == "__main__":
    main()
