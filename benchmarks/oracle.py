"""How far the model is from an oracle that knows the true probability, at each level of difficulty.

Run ``python benchmarks/oracle.py``. A model is trained with ``train_model`` on the school years before the last, and
judged on other pupils in the last one. Beside it stand two oracles of the same rows: one that knows the true probability
given the records (``probability``), and one that knows what is hidden too (``latent_probability``). An oracle is not
perfect: it knows the probability, not who leaves. Its AUC is the best that can be reached.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.evaluate import measure
from decrochage_risk.model import default_as_of_dates, take_snapshots
from decrochage_risk.synthetic import Cohort, make_cohort
from decrochage_risk.train import train_model

YEARS = [2022, 2023, 2024]
DIFFICULTIES = ("observable", "realistic", "hard")
SMALLEST = 1e-9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Rows of the test: outcome, announced risk, and both truths."""

    outcome: Floats
    risk: Floats
    truth: Floats
    latent: Floats


def judge(difficulty: str, pupils: int, seed: int) -> Judged:
    """Train on one cohort, and predict the last year of another."""
    cohort = make_cohort(pupils, YEARS, seed, difficulty)
    model = train_model(
        cohort.records, cohort.outcomes, school_years=YEARS[:-1], name="oracle", synthetic=True, seed=seed
    )
    other = make_cohort(pupils, YEARS, seed + 1, difficulty)
    days = default_as_of_dates(YEARS[-1:])
    test = take_snapshots(other.records, other.outcomes, days)
    test = test.take(test.rows["level"].isin(model.levels).to_numpy())
    risk = model.risk_model.risk(test.features, test.rows["reference_group"].to_numpy())
    truth = truth_of(other, test.rows)
    return Judged(test.outcome, risk, truth["probability"].to_numpy(), truth["latent_probability"].to_numpy())


def truth_of(cohort: Cohort, rows: pd.DataFrame) -> pd.DataFrame:
    """Both truths of each row."""
    keys = rows[["pupil_id", "as_of"]].assign(as_of=pd.to_datetime(rows["as_of"]).astype("datetime64[s]"))
    truth = cohort.truth_at(*sorted(set(rows["as_of"])))
    return keys.merge(truth, on=["pupil_id", "as_of"], how="left", validate="one_to_one")


def excess_log_loss(truth: Floats, announced: Floats) -> float:
    """Log loss that is lost on average by announcing this where that is true (Kullback-Leibler divergence)."""
    p, q = (np.clip(values, SMALLEST, 1.0 - SMALLEST) for values in (truth, announced))
    return float(np.mean(p * np.log(p / q) + (1.0 - p) * np.log((1.0 - p) / (1.0 - q))))


def lines_of(difficulty: str, rows: Judged) -> list[str]:
    """Three lines: the model, and both oracles."""
    lines = []
    announced = {"model": rows.risk, "oracle, records": rows.truth, "oracle, all": rows.latent}
    for name, values in announced.items():
        figures = measure(rows.outcome, values)
        excess = f"{excess_log_loss(rows.truth, values):.5f}" if name != "oracle, all" else "(knows more)"
        away = f"{np.sqrt(np.mean((values - rows.truth) ** 2)):.4f}"
        lines.append(
            f"| {difficulty} | {name} | {figures.log_loss:.5f} | {excess} | {away} | {figures.auc:.4f} |"
        )
    return lines


def main() -> None:
    """Print the table, and what the oracle is ahead of the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=70)
    parser.add_argument("--difficulty", nargs="*", default=list(DIFFICULTIES))
    asked = parser.parse_args()
    print("| difficulty | who | log loss | excess log loss over the truth | RMSE to the truth | AUC |")
    print("|---|---|--:|--:|--:|--:|")
    ahead = []
    for difficulty in asked.difficulty:
        rows = judge(difficulty, asked.pupils, asked.seed)
        print("\n".join(lines_of(difficulty, rows)), flush=True)
        model, oracle = measure(rows.outcome, rows.risk), measure(rows.outcome, rows.truth)
        behind = {
            name: (getattr(oracle, name) or 0.0) - (getattr(model, name) or 0.0)
            for name in ("auc", "log_loss")
        }
        ahead.append(
            f"{difficulty}: the oracle of the records is ahead by {-behind['log_loss']:.5f} log loss and "
            f"{behind['auc']:.4f} AUC over {len(rows.outcome):,} rows."
        )
    print("\n" + "\n".join(ahead))


if __name__ == "__main__":
    main()
