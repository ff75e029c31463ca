"""Schools that the model never saw: do intervals and counts of comparable pupils hold what they announce there.

    python benchmarks/unseen_schools.py --table    # schools with levels of their own: a made table, for the risk model alone
    python benchmarks/unseen_schools.py            # the synthetic cohort, whose schools differ by what the records hold alone

Of the table, sixty schools are learnt from and as many others judged. Of the cohort, a third of the schools of a synthetic cohort is held out, with every pupil who ever was in one. For each of them and the rows of
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
from decrochage_risk.risk import RiskModel
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import SPREAD_FACTOR, fit_risk_model

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


def made_table(
    seed: int, rows: int = 8_000, schools: int = 80, spread: float = 0.6
) -> tuple[pd.DataFrame, ...]:
    """Draw pupils of schools whose levels lie apart by ``spread`` log-odds, which a column of the context half tells."""
    rng = np.random.default_rng(seed)
    school, level = rng.integers(0, schools, rows), rng.normal(0, spread, schools)
    table = pd.DataFrame(
        {
            "absences": rng.poisson(3, rows).astype(float),
            "mean": rng.normal(11, 3, rows),
            "school_rate": (level + rng.normal(0, spread, schools))[school],
        }
    )
    truth = 1 / (1 + np.exp(2 - 0.3 * (table["absences"] - 3) + 0.2 * (table["mean"] - 11) - level[school]))
    return (
        table,
        (rng.random(rows) < truth).astype(float),
        np.array([f"{seed}-{one}" for one in school]),
        truth,
    )


def of_tables(seeds: list[int]) -> list[list[str]]:
    """Fit on the schools of one table, and judge those of another."""
    lines = []
    for seed in seeds:
        table, left, school, _ = made_table(seed)
        model = RiskModel.fit(
            table, left, directions={"absences": 1, "mean": -1}, context=["school_rate"], clusters=school, seed=seed
        ).with_spread_factor(SPREAD_FACTOR)  # fmt: skip
        others, happened, elsewhere, truth = made_table(1_000 + seed)
        risk = model.risk(others)
        share = model.comparable_to(risk)[:, 2]
        for label, spread, clusters in (
            ("as of a known school", 0.0, None),
            ("new school", model.cluster_spread, elsewhere),
        ):
            z, count = z_of_schools(share, happened, elsewhere, spread)
            low, high = model.interval(others, clusters=clusters)
            inside, upper = (low <= truth) & (truth <= high), risk >= np.quantile(risk, 0.9)
            lines.append(_line(seed, label, count, spread, z, float(inside[upper].mean())))
    return lines


def _line(seed: int, label: str, count: int, spread: float, z: np.ndarray, inside: float) -> list[str]:
    figures = [f"{spread:.2f}", f"{z.mean():.2f}", f"{z.std(ddof=1):.2f}"]
    return [
        str(seed),
        label,
        str(count),
        *figures,
        f"{100 * np.mean(np.abs(z) <= Z_90):.0f}",
        f"{100 * inside:.0f}",
    ]


def main() -> int:
    """Draw, hold out, fit, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pupils", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 42])
    parser.add_argument("--table", action="store_true", help="a made table instead of the cohort")
    chosen = parser.parse_args()
    rows = of_tables(chosen.seeds) if chosen.table else []
    for seed in [] if chosen.table else chosen.seeds:
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
            rows.append(_line(seed, label, count, spread, z, float(np.nanmean(inside[upper]))))
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
