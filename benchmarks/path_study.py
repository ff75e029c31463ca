"""How good the risk over three years is in 4e and 3e: a cohort of 40,000 pupils over eight school years, of a seed that no choice touched.

Run ``python benchmarks/path_study.py --folder FOLDER`` (``--stage snapshots``, then ``--stage figures``, to do it in two
pieces; each takes some five minutes). The rows are taken once and kept in ``FOLDER``, with the true probability of each row of
the last year. The figures are those of the last year whose third school year is over, which no choice touched: predicted by
models that learnt only from labels known by then, never from the pupil (``backtest``, as in every training). Beside the model
stands the true probability given all that the cohort knows of the pupil: its recall is what can be reached at that workload.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.evaluate import calibration_slope_intercept, measure
from decrochage_risk.model import Snapshots, default_as_of_dates, take_snapshots
from decrochage_risk.records.levels import AT_3E, AT_4E
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import backtest

PUPILS = 40_000
RECORDS = list(range(2017, 2025))
LEARNT_FROM = 2018
"""First year whose pupils have a year before in the records."""
SEED = 15_110_728
HORIZON = 3
WORKLOAD = 0.10
LEVELS = (("4e", AT_4E), ("3e", AT_3E))
SMALLEST = 1e-9
Floats = npt.NDArray[np.float64]


def take(pupils: int, seed: int, folder: Path) -> None:
    """Draw the cohort, and keep its rows and the truth of those of the last year."""
    cohort = make_cohort(pupils, RECORDS, seed)
    years = range(LEARNT_FROM, RECORDS[-1] - HORIZON + 2)
    snapshots = take_snapshots(
        cohort.records, cohort.outcomes, default_as_of_dates(years), horizon_years=HORIZON
    )
    folder.mkdir(parents=True, exist_ok=True)
    snapshots.features.to_parquet(folder / "features.parquet")
    snapshots.rows.assign(outcome=snapshots.outcome).to_parquet(folder / "rows.parquet")
    days = default_as_of_dates([years[-1]])
    truth = pd.concat([cohort.probability_3y(day) for day in days], ignore_index=True)
    truth.to_parquet(folder / "truth.parquet")
    print(f"{len(snapshots.rows):,} rows of {years[0]} to {years[-1]}, {snapshots.outcome.mean():.4f} leave")


def load(folder: Path) -> Snapshots:
    """Read back the rows that :func:`take` kept."""
    rows = pd.read_parquet(folder / "rows.parquet")
    rows["as_of"] = pd.to_datetime(rows["as_of"]).dt.date
    features = pd.read_parquet(folder / "features.parquet")
    return Snapshots(features, rows["outcome"].to_numpy(), rows.drop(columns="outcome"), {})


def log_odds(risk: Floats) -> Floats:
    """Log-odds of probabilities, those of 0 and 1 finite."""
    odds: Floats = np.log(np.clip(risk, SMALLEST, 1 - SMALLEST)) - np.log1p(
        -np.clip(risk, SMALLEST, 1 - SMALLEST)
    )
    return odds


def recall_at(risk: Floats, rows: pd.DataFrame, outcome: Floats) -> tuple[float, float]:
    """Recall and precision of the tenth of the rows of each as-of date with the highest risk."""
    listed = np.zeros(len(risk), dtype=np.bool_)
    for day in sorted(set(rows["as_of"])):
        at = np.flatnonzero((rows["as_of"] == day).to_numpy())
        listed[at[np.argsort(-risk[at], kind="stable")[: int(WORKLOAD * len(at))]]] = True
    hits = float(outcome[listed].sum())
    return hits / float(outcome.sum()), hits / float(listed.sum())


def line_of(label: str, risk: Floats, truth: Floats, rows: pd.DataFrame, outcome: Floats) -> str:
    """One line of the table."""
    fit = calibration_slope_intercept(outcome, log_odds(risk), pupils=rows["pupil_id"].to_numpy())
    figures = measure(outcome, risk)
    recall, precision = recall_at(risk, rows, outcome)
    best, _ = recall_at(truth, rows, outcome)
    slope = f"{fit.slope:.3f} [{fit.slope_low:.3f}, {fit.slope_high:.3f}]"
    return (
        f"| {label} | {len(outcome):,} | {rows['pupil_id'].nunique():,} | {100 * outcome.mean():.1f} % | {100 * risk.mean():.1f} % "
        f"| {slope} | {figures.auc:.4f} | {figures.log_loss:.4f} | {recall:.3f} | {precision:.3f} | {best:.3f} "
        f"| {measure(outcome, truth).auc:.4f} |"
    )


def report(folder: Path, seed: int) -> None:
    """Train on what was known then, and print the table of the untouched year."""
    snapshots = load(folder)
    predictions: list[tuple[Snapshots, Floats]] = []
    backtest(
        snapshots, seed=seed, synthetic=True, hold_out_schools=False, progress=print,
        predicted=lambda test, risk: predictions.append((replace(test), risk)),
    )  # fmt: skip
    ((test, risk),) = predictions
    truth = pd.read_parquet(folder / "truth.parquet")
    keys = [
        frame[["pupil_id", "as_of"]].assign(as_of=pd.to_datetime(frame["as_of"]).astype("datetime64[s]"))
        for frame in (test.rows, truth)
    ]
    known = (
        keys[0]
        .merge(keys[1].assign(truth=truth["probability_3y"].to_numpy()), how="left")["truth"]
        .to_numpy()
    )
    print(
        "| level | rows | pupils | rate | announced | slope | AUC | log loss | recall at 10 in 100 | precision | recall of the truth "
        "| AUC of the truth |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    for label, levels in LEVELS:
        own = test.rows["level"].isin(levels).to_numpy()
        print(line_of(label, risk[own], known[own], test.rows[own], test.outcome[own]))
    print(line_of("all levels", risk, known, test.rows, test.outcome))


def main() -> None:
    """Take the rows, then print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=PUPILS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--stage", choices=("snapshots", "figures", "both"), default="both")
    choices = parser.parse_args()
    if choices.stage != "figures":
        take(choices.pupils, choices.seed, choices.folder)
    if choices.stage != "snapshots":
        report(choices.folder, choices.seed)


if __name__ == "__main__":
    main()
