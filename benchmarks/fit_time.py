"""What the training of a region costs beside LightGBM's own work in it.

Run ``python benchmarks/fit_time.py`` (208,000 pupils on six as-of dates of one school year; ``--pupils 20000`` for a quick
look). The features are computed before anything is timed. LightGBM's own work is what it does for all members of all
folds: binning the rows, growing the trees, judging them on the left-out pupils. Everything is counted in processor time, of
all threads.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from decrochage_risk.model import Snapshots, take_snapshots
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.synthetic import write_cohort
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = 208_000
SCHOOL_YEAR = 2023
DATES = ("2023-11-05", "2023-12-15", "2024-01-25", "2024-03-05", "2024-04-02", "2024-05-05")
TARGET = 1.5


def rows_of_a_region(pupils: int) -> Snapshots:
    """Draw the pupils, write and read them as extracts, and compute the rows of the six dates."""
    with tempfile.TemporaryDirectory() as folder:
        write_cohort(folder, pupils, [SCHOOL_YEAR], seed=11)
        records = PupilRecords.read(folder)
        return take_snapshots(records, outcomes_for(records, None), DATES)


@contextmanager
def lightgbm_time() -> Iterator[list[float]]:
    """Collect the processor time of the outermost calls into LightGBM, of every thread."""
    import lightgbm  # noqa: PLC0415  # loads on first use

    spent: list[float] = []
    inside = threading.local()
    places = [
        (lightgbm.Dataset, "construct"),
        *((lightgbm.Booster, at) for at in ("__init__", "update", "eval_valid")),
    ]
    plain = [getattr(kind, name) for kind, name in places]

    def timed(method: Any) -> Any:  # noqa: ANN401 - a method
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever LightGBM takes
            if getattr(inside, "busy", False):
                return method(*arguments, **named)
            inside.busy, start = True, time.thread_time()
            try:
                return method(*arguments, **named)
            finally:
                inside.busy = False
                spent.append(time.thread_time() - start)

        return call

    for (kind, name), method in zip(places, plain, strict=True):
        setattr(kind, name, timed(method))
    try:
        yield spent
    finally:
        for (kind, name), method in zip(places, plain, strict=True):
            setattr(kind, name, method)


def fit_of_a_region(pupils: int) -> tuple[str, str, bool]:
    """Time one fit; give what was measured, the figure, and whether it meets the target."""
    rows = rows_of_a_region(pupils)
    with lightgbm_time() as spent:
        began, on_the_wall = time.process_time(), time.perf_counter()
        model = fit_risk_model(rows, seed=0)
        whole, on_the_wall = time.process_time() - began, time.perf_counter() - on_the_wall
    own = sum(spent)
    told = (
        f"{whole / own:.2f} ({len(rows.outcome):,} rows, {len(model.columns)} columns, {model.rounds} rounds; "
        f"{whole:.0f} / {own:.0f} s of processor time, {on_the_wall:.0f} s on the wall)"
    )
    return f"fit, features aside, over LightGBM's own fits, at most {TARGET}", told, whole / own <= TARGET


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=REGION)
    what, figure, meets = fit_of_a_region(parser.parse_args().pupils)
    print(f"{what}: {figure}, {'met' if meets else 'missed'}")


if __name__ == "__main__":
    main()
