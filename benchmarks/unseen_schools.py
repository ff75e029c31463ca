"""Schools that the model never saw: do intervals and counts of comparable pupils hold what they announce there.

    python benchmarks/unseen_schools.py

A third of the schools of a synthetic cohort is held out, with every pupil who ever was in one. For each of them and the rows of
one date of the last year: the pupils who left against those that the counts of comparable pupils announce. ``z`` is the distance
in standard errors (chance alone, and with the spread of new schools); coverage is the share of schools whose number of leavers lies
in the 90 % interval; of the risks, the share of true probabilities inside their intervals.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from decrochage_risk.evaluate.tables import text_table
from decrochage_risk.model import default_as_of_dates, take_snapshots
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model

YEARS = [2021, 2022, 2023, 2024]
LEAST_EXPECTED = 2.0
Z_90 = 1.6448536269514722


def z_of_schools(
    risk: np.ndarray, outcome: np.ndarray, school: np.ndarray, spread: float
) -> tuple[np.ndarray, int]:
    """Distances, in standard errors, of the leavers of each school from those announced."""
    codes = np.unique(school, return_inverse=True)[1]
    expected, events = np.bincount(codes, weights=risk), np.bincount(codes, weights=outcome)
    variance = np.bincount(codes, weights=risk * (1 - risk))
    large = expected >= LEAST_EXPECTED
    z = (events - expected) / np.sqrt(variance + (spread * variance) ** 2)
    return z[large], int(large.sum())


def main() -> int:
    """Draw, hold out, fit, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pupils", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 42])
    chosen = parser.parse_args()
    rows = []
    for seed in chosen.seeds:
        cohort = make_cohort(chosen.pupils, YEARS, seed=seed)
        snapshots = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(YEARS))
        school = snapshots.rows["school_id"].astype(str).to_numpy()
        names = np.random.default_rng(seed).permutation(np.unique(school))
        unseen = np.isin(school, names[: len(names) // 3])
        pupils = snapshots.rows["pupil_id"]
        theirs = pupils.isin(set(pupils[unseen])).to_numpy()
        years = snapshots.rows["school_year"].to_numpy()
        model = fit_risk_model(snapshots.take(~theirs & (years < years.max())), seed=seed)
        dates = snapshots.rows["as_of"].to_numpy()
        last = snapshots.take(unseen & (dates == max(dates)))
        groups = last.rows["reference_group"].to_numpy()
        risk = model.risk(last.features, groups)
        share = model.comparable_to(risk)[:, 2]
        of_school = last.rows["school_id"].astype(str).to_numpy()
        truth = cohort.truth.assign(as_of=pd.to_datetime(cohort.truth["as_of"]))
        known = last.rows[["pupil_id"]].merge(
            truth[truth["as_of"] == pd.Timestamp(max(dates))], on="pupil_id", how="left"
        )["probability"].to_numpy()  # fmt: skip
        for label, spread, clusters in (
            ("as of a known school", 0.0, None),
            ("new school", model.cluster_spread, of_school),
        ):
            z, count = z_of_schools(share, last.outcome, of_school, spread)
            low, high = model.interval(last.features, reference_groups=groups, clusters=clusters)
            upper = risk >= np.quantile(risk, 0.9)
            inside = (low <= known) & (known <= high)
            rows.append([
                str(seed), label, str(count), f"{spread:.2f}", f"{z.mean():.2f}", f"{z.std(ddof=1):.2f}",
                f"{100 * np.mean(np.abs(z) <= Z_90):.0f}", f"{100 * np.nanmean(inside[upper]):.0f}",
            ])  # fmt: skip
    head = [
        "cohort",
        "intervals",
        "schools",
        "spread",
        "mean z",
        "SD of z",
        "coverage (%)",
        "truth inside, upper tenth (%)",
    ]
    print(text_table(head, rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
