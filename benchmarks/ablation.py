"""What each family of features adds, out of time: on synthetic pupils and on real dated records.

Run ``python benchmarks/ablation.py``; ``--data FOLDER`` adds the real records of ``benchmarks/real_data.py``. Each line is a model
trained in the same way on the school years before, with the same context columns (level, pathway, time of year, school),
and measured on a last year that it never saw: with every feature, with the 28 of the contract, without attendance of earlier years (``--only history``), without one family, and
with one family alone. Differences are to the model with every feature; the one in log loss has its paired standard error.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import decrochage_risk as dr
from decrochage_risk.evaluate import measure
from decrochage_risk.evaluate.tables import markdown_table
from decrochage_risk.features import CATALOGUE, CONTEXT_COLUMNS, FAMILIES, build_context
from decrochage_risk.features.against_class import ENVIRONMENT_COLUMNS
from decrochage_risk.features.definition import AGAINST_CLASS
from decrochage_risk.model import Snapshots, default_as_of_dates, take_snapshots
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model
from decrochage_risk.train.training import PAST_ATTENDANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

CONTRACT = 28
"""The first features of the catalogue are those of the contract, in its order."""
WITHOUT_CONTEXT = "without the table `context`"
WITHOUT_HISTORY = "history=False: without attendance of earlier years"
SYNTHETIC_YEARS = [2021, 2022, 2023, 2024]
CLOSES = (10, 1)
OULAD_TRAIN = ("2013-03-01", "2013-03-29", "2013-10-29", "2013-11-26", "2014-03-01", "2014-03-29")
OULAD_TEST = {"OULAD, day 28": "2014-10-29", "OULAD, day 56": "2014-11-26"}
HEADER = [
    "test", "features", "columns", "rows", "events", "AUC", "Δ AUC", "AP", "log loss", "Δ log loss", "± (s.e.)",
    "precision at 10 %", "ECE",
]  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Rows to learn on, and rows to measure on by name."""

    train: Snapshots
    tests: dict[str, Snapshots]


def with_context(records: dr.PupilRecords, days: Sequence[object]) -> dr.PupilRecords:
    """Give the records the reference values of their classes and schools on some days."""
    return dr.PupilRecords(
        records.pupils, records.enrolments, absences=records.absences, grades=records.grades,
        orientation=records.orientation, coverage=records.coverage, outcomes=records.outcomes,
        context=build_context(records, list(days)), calendar=records.calendar,
    )  # fmt: skip


def synthetic(pupils: int, seed: int) -> Split:
    """Learn on one cohort's earlier years; measure on the last year of another one."""
    first, other = (make_cohort(pupils, SYNTHETIC_YEARS, seed + shift) for shift in (0, 1))
    before, last = default_as_of_dates(SYNTHETIC_YEARS[:-1]), default_as_of_dates(SYNTHETIC_YEARS[-1:])
    train = take_snapshots(with_context(first.records, before), first.outcomes, before)
    test = take_snapshots(with_context(other.records, last), other.outcomes, last)
    return Split(train, {"synthetic": test})


def real(folder: Path) -> Split:
    """Learn on the presentations before 2014J of the Open University; measure on it at days 28 and 56."""
    records = dr.PupilRecords.read(folder)
    records = with_context(records, [*OULAD_TRAIN, *OULAD_TEST.values()])
    outcomes = records.outcomes
    if outcomes is None:
        message = f"{folder} holds no outcomes"
        raise SystemExit(message)
    train = take_snapshots(records, outcomes, OULAD_TRAIN, closes=CLOSES)
    tests = {
        name: take_snapshots(records, outcomes, [day], closes=CLOSES) for name, day in OULAD_TEST.items()
    }
    return Split(train, tests)


def choices(split: Split) -> Iterator[tuple[str, list[str]]]:
    """Name each choice of features with its columns; families without a known value here are left out."""
    known = split.train.features.notna().any()
    names = [feature.name for feature in CATALOGUE if known[feature.name]]
    yield "every feature", names
    of_class = {feature.name for feature in CATALOGUE if feature.family is AGAINST_CLASS}
    yield WITHOUT_CONTEXT, [name for name in names if name not in of_class]
    yield (
        f"the contract (28), {WITHOUT_CONTEXT}",
        [feature.name for feature in CATALOGUE[:CONTRACT] if known[feature.name]],
    )
    yield "the contract (28)", [feature.name for feature in CATALOGUE[:CONTRACT] if known[feature.name]]
    yield WITHOUT_HISTORY, [name for name in names if name not in PAST_ATTENDANCE]
    for family in FAMILIES:
        own = {feature.name for feature in CATALOGUE if feature.family is family and known[feature.name]}
        if own:
            yield f"without `{family.code}`", [name for name in names if name not in own]
    for family in FAMILIES:
        own = {feature.name for feature in CATALOGUE if feature.family is family and known[feature.name]}
        if own:
            yield f"`{family.code}` alone", [name for name in names if name in own]


def predicted(split: Split, names: Sequence[str], context: Sequence[str], members: int) -> dict[str, Floats]:
    """Risks of each test, by a model that reads these features and context columns."""
    columns = [*names, *context]
    train = split.train
    model = fit_risk_model(
        Snapshots(train.features[columns], train.outcome, train.rows, {}),
        seed=0,
        options=FitOptions(members=members),
    )
    return {
        name: model.risk(test.features[columns], test.rows["reference_group"].to_numpy())
        for name, test in split.tests.items()
    }


def losses(outcome: Floats, risk: Floats) -> Floats:
    """Log loss of each row."""
    return -np.log(np.where(outcome == 1, risk, 1.0 - risk))


def lines(split: Split, only: str, members: int) -> Iterator[list[str]]:
    """One line per choice of features and test."""
    whole: dict[str, Floats] = {}
    for choice, names in choices(split):
        if only not in choice and whole:
            continue
        context = [
            name
            for name in CONTEXT_COLUMNS
            if WITHOUT_CONTEXT not in choice or name not in ENVIRONMENT_COLUMNS
        ]
        risks = predicted(split, names, context, members)
        whole = whole or risks
        for test, risk in risks.items():
            line = [test, choice, str(len(names)), *cells(split.tests[test], risk, whole[test])]
            print(" | ".join(line), file=sys.stderr, flush=True)
            yield line


def cells(rows: Snapshots, risk: Floats, whole: Floats) -> list[str]:
    """Figures of a choice, and its differences to the model with every feature."""
    found, full = measure(rows.outcome, risk), measure(rows.outcome, whole)
    change = losses(rows.outcome, risk) - losses(rows.outcome, whole)
    by_pupil = np.bincount(np.unique(rows.rows["pupil_id"], return_inverse=True)[1], weights=change)
    error = float(np.sqrt(np.square(by_pupil - by_pupil.mean()).sum()) / len(change))
    return [
        str(found.rows), str(found.events), f"{found.auc:.4f}", f"{(found.auc or 0) - (full.auc or 0):+.4f}",
        f"{found.average_precision:.4f}", f"{found.log_loss:.5f}", f"{change.mean():+.5f}", f"{error:.5f}",
        f"{found.precision_at_10:.4f}", f"{found.ece:.4f}",
    ]  # fmt: skip


def main() -> None:
    """Print one table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="folder of the real data (see real_data.py)"
    )
    parser.add_argument("--pupils", type=int, default=8_000, help="synthetic pupils; 0 for none")
    parser.add_argument("--seed", type=int, default=90)
    parser.add_argument("--members", type=int, default=5, help="boosters of each model")
    parser.add_argument("--only", default="", help="only the choices whose name holds this")
    asked = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", dr.DecrochageWarning
        )  # cautions that hold by construction of this data
        splits = [synthetic(asked.pupils, asked.seed)] if asked.pupils else []
        splits += [real(asked.data / "oulad_records")] if asked.data else []
        rows = [line for split in splits for line in lines(split, asked.only, asked.members)]
    print(markdown_table(HEADER, sorted(rows, key=lambda line: line[0])))


if __name__ == "__main__":
    main()
