"""Memory of a whole training over the bytes of its own table: rows times columns, 8 bytes each.

Run ``python benchmarks/training_memory.py`` (150,000 rows; ``--rows N``, ``--rounds K``). A small cohort of three school years is
drawn once below ``build/``, its training rows are taken, and the same rows are handed out several times over, each copy with pupils
of its own in the same schools, as ``train_folder`` hands out those of its parts: the events behind them are never held. A fresh process then
does all that ``train_model`` does (choices, boosters, calibration out of time, the untouched year, schools held out, report, card), and
its high-water mark is told above that of a process that only loads the libraries. ``--where`` looks at the process twenty times
a second, and prints the steps at which it held more than ever before; ``--seal`` prints the checksum of the model, to hold two versions of the code together.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.model import Snapshots, default_as_of_dates, take_snapshots
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.numeric_table import give_back, new_table
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.train import train_model
from measured import Measured, peak_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

PLACE = Path(__file__).resolve().parent.parent / "build" / "benchmarks" / "training-rows"
COHORT, YEARS, SEED = 1_500, [2021, 2022, 2023], 5
ROWS = 150_000
ROUNDS = 30
"""Trees of a member: more of them cost time and a few bytes of text, no memory of rows."""
ROWS_PER_PUPIL = 6
"""Training rows of a pupil of a region in six dates: what ``make bench`` calls so many pupils is so many rows times this."""
TARGET = 1.5
HERE = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parent)!r}); import training_memory; "
NOTHING = HERE + "training_memory.load_libraries()"
TRAIN = HERE + "training_memory.train(*map(int, sys.argv[1:3]), watch=sys.argv[3:] == ['where'])"


def load_libraries() -> None:
    """Load what a training loads, with one fit of a few rows: part of the base."""
    import lightgbm  # noqa: PLC0415 - the point
    import scipy.linalg  # noqa: PLC0415 - the point
    import scipy.optimize  # noqa: F401, PLC0415 - the point
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - the point

    column, outcome = np.arange(40.0)[:, None], np.arange(40) % 2
    LogisticRegression().fit(column, outcome)
    lightgbm.train({"verbosity": -1}, lightgbm.Dataset(column, label=outcome), 1)


def draw() -> None:
    """Draw the small cohort and keep its training rows, once."""
    if (PLACE / "done").is_file():
        return
    from decrochage_risk.synthetic import make_cohort  # noqa: PLC0415 - not what is measured

    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    cohort = make_cohort(COHORT, YEARS, seed=SEED)
    taken = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(YEARS))
    np.save(PLACE / "features.npy", taken.features.to_numpy())
    (PLACE / "columns.json").write_text(json.dumps(list(taken.features)))
    taken.rows.assign(outcome=taken.outcome).to_pickle(PLACE / "rows.pkl")
    cohort.outcomes.to_pickle(PLACE / "outcomes.pkl")
    (PLACE / "done").touch()


class _NoFaults:
    class warnings:  # noqa: N801 - the shape of a report
        counts: dict[tuple[str, str], int] = {}  # noqa: RUF012 - read alone


class Repeated:
    """Records that hand out the same rows several times over, under other ids; `decrochage_risk.model.snapshots.TrainingRecords`."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.calendar = SchoolCalendar.for_zone("B")
        self.outcomes = pd.read_pickle(PLACE / "outcomes.pkl")  # noqa: S301 - our own
        self.enrolments = pd.DataFrame(
            {
                "pupil_id": ["a"],
                "school_year": [2021],
                "start_date": np.array(["2021-09-01"], dtype="datetime64[s]"),
            }
        )
        self.faults = _NoFaults()

    def snapshots(
        self, dates: Sequence[date], *, closes: tuple[int, int], horizon_years: int = 1
    ) -> Snapshots:
        """Give the rows in the order of dates and ids; the table itself is made once."""
        del dates, closes, horizon_years  # those of the cohort
        few, names = np.load(PLACE / "features.npy"), json.loads((PLACE / "columns.json").read_text())
        rows: pd.DataFrame = pd.read_pickle(PLACE / "rows.pkl")  # noqa: S301 - our own
        copies = -(-self._rows // len(rows))
        at = np.tile(np.arange(len(rows)), copies)[: self._rows]
        copy = np.repeat(np.arange(copies), len(rows))[: self._rows].astype(str).astype(object)
        # By date, then copy, then id: the ids begin with their copy.
        order = np.lexsort((at, copy, rows["observed"].to_numpy()[at]))
        at, copy = at[order], copy[order]
        many = rows.iloc[at].reset_index(drop=True)
        texts = (pd.Series(copy) + "-" + many["pupil_id"].astype(object)).to_numpy(dtype=object)
        many["pupil_id"] = pd.Series(texts, dtype=many["pupil_id"].dtype)
        # As the parts of an extract are put together, see decrochage_risk.partitions.parts.snapshots_of.
        table = new_table(len(at), len(names), order="F")
        for place in range(len(names)):
            table[:, place] = few[at, place]
            give_back(table)
        outcome = many.pop("outcome").to_numpy()
        return Snapshots(pd.DataFrame(table, columns=names, copy=False), outcome, many, {})


def train(rows: int, rounds: int, *, watch: bool = False) -> None:
    """Train on so many rows; print the columns, the seconds and the checksum of the model as JSON."""
    warnings.simplefilter("ignore")
    load_libraries()
    records = Repeated(rows)
    steps = Steps() if watch else None
    if steps is not None:
        steps.start()
    began = time.perf_counter()
    # Penalty and share are chosen on 5,000 rows, whatever the training: time, no memory.
    options = FitOptions(max_rounds=rounds, linear_share=0.5, penalty=100.0)
    model = train_model(records, synthetic=True, options=options)
    seconds = time.perf_counter() - began
    if steps is not None:
        steps.stop()
        print("\n".join(steps.told()), file=sys.stderr)
    columns = len(json.loads((PLACE / "columns.json").read_text()))
    print(
        json.dumps(
            {
                "columns": columns,
                "seconds": seconds,
                "kind": model.risk_model.options.kind,
                "rounds": model.risk_model.rounds,
                "sha256": model.sha256,
            }
        )
    )


class Steps(threading.Thread):
    """Looks at the main thread again and again: which function of the package it is in, and what the process holds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._main, self._done = threading.main_thread().ident, threading.Event()
        self._rises: list[tuple[int, str]] = [(0, "")]

    def run(self) -> None:
        """Look until :meth:`stop`."""
        while not self._done.wait(0.05):
            frame: Any = sys._current_frames().get(self._main or 0)  # noqa: SLF001 - there is no other way
            names = []
            while frame is not None:
                code = frame.f_code
                if "decrochage_risk" in code.co_filename:
                    names.append(f"{code.co_name}:{frame.f_lineno}")
                frame = frame.f_back
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            if pages * 4096 > self._rises[-1][0] * _RISE:
                self._rises.append((pages * 4096, " > ".join(reversed(names[:5]))))

    def stop(self) -> None:
        """End the looks."""
        self._done.set()
        self.join()

    def told(self) -> list[str]:
        """Tell the steps at which the process held more than ever before, in MB of the whole process."""
        return [f"{held >> 20:6d} MB  {place}" for held, place in self._rises[1:]]


_RISE = 1.02
"""Of what was held at most before, from which a step is told."""


def measure(rows: int, rounds: int = ROUNDS, *, where: bool = False) -> tuple[float, int, dict[str, Any]]:
    """Peak above the base in bytes, that of the table, and what the process told of itself."""
    draw()
    base, _ = peak_memory(NOTHING)
    peak, told = peak_memory(TRAIN, str(rows), str(rounds), *(["where"] if where else []))
    facts = json.loads(told.strip().splitlines()[-1])
    return peak - base, 8 * rows * facts["columns"], facts


def rows(pupils: int) -> list[Measured]:
    """Peak of a training of a twelfth of a region's rows over the bytes of its table."""
    count = min(max(20_000, pupils * ROWS_PER_PUPIL), ROWS)
    peak, table, facts = measure(count)
    return [
        Measured(
            "peak memory of train_model above the libraries / (8 bytes x columns x rows)",
            peak / table,
            TARGET,
            f"{peak / 1e6:,.0f} MB for {count:,} rows of {facts['columns']} columns ({table / 1e6:,.0f} MB), "
            f"{peak / count:,.0f} bytes a row, {facts['kind']}, {facts['seconds']:.0f} s",
        )
    ]


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--where", action="store_true")
    parser.add_argument("--seal", action="store_true")
    asked = parser.parse_args()
    peak, table, facts = measure(asked.rows, asked.rounds, where=asked.where)
    print(
        f"{peak / table:.2f} times the table: {peak / 1e6:,.0f} MB above the libraries, {peak / asked.rows:,.0f} bytes a row; "
        f"{asked.rows:,} rows of {facts['columns']} columns, {facts['kind']}, {facts['rounds']} rounds, {facts['seconds']:.0f} s"
    )
    if asked.seal:
        print(facts["sha256"])


if __name__ == "__main__":
    main()
