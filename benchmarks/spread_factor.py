"""How much wider than the jackknife the interval of the risk must be, measured where the truth is known.

For several synthetic cohorts a model is trained on three school years and its members are compared with the true
probability of other pupils, a year later. The constant ``SPREAD_FACTOR`` of ``train/backtest.py`` comes from here.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from decrochage_risk import DemoModelWarning, score_pupils
from decrochage_risk.model import default_as_of_dates, take_snapshots
from decrochage_risk.risk import fit_spread_factor
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model

YEARS = [2021, 2022, 2023, 2024]
COHORTS = tuple((seed, pupils) for pupils in (3_000, 6_000, 12_000) for seed in (11, 12, 13))
TEST_PUPILS = 4_000
AS_OF = "2025-03-05"


def factors(seed: int, pupils: int) -> tuple[float, float, float]:
    """Factors that cover 90 % of the truth: everybody, the upper half, and the upper tenth of the risks."""
    cohort = make_cohort(pupils, YEARS, seed=seed)
    model = fit_risk_model(
        take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(YEARS[:-1])), seed=0
    )
    other = make_cohort(TEST_PUPILS, YEARS, seed=seed + 100)
    dates = default_as_of_dates(YEARS[-1:])
    test = take_snapshots(other.records, other.outcomes, dates)
    filled = model.filled(test.features, test.rows["reference_group"].to_numpy())
    members = model.calibration_of(filled).apply(model.member_log_odds(filled))
    truth = pd.concat([other.truth_at(day) for day in dates])
    keys = [
        frame.assign(as_of=pd.to_datetime(frame["as_of"]))[["pupil_id", "as_of"]]
        for frame in (test.rows, truth)
    ]
    probability = keys[0].merge(keys[1].assign(p=truth["probability"].to_numpy()), how="left")["p"].to_numpy()
    true_log_odds = np.log(probability / (1.0 - probability))
    mean = members.mean(axis=1)
    upper = [mean >= np.quantile(mean, share) for share in (0.0, 0.5, 0.9)]
    everybody, half, tenth = (fit_spread_factor(members[rows], true_log_odds[rows]) for rows in upper)
    return everybody, half, tenth


def coverage() -> None:
    """Print how wide the intervals of the bundled model are on pupils it never saw, and how often they hold the truth."""
    cohort = make_cohort(8_000, [2022, 2023, 2024], seed=77)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DemoModelWarning)
        frame = score_pupils(cohort.records, as_of=AS_OF, explain="none").frame.set_index("pupil_id")
    truth = cohort.truth_at(AS_OF).set_index("pupil_id")["probability"]
    scored = frame[frame["risk"].notna()].join(truth, how="inner")
    for name, rows in (("scored", scored), ("flagged", scored[scored["flagged"]])):
        inside = rows["probability"].between(rows["risk_low"], rows["risk_high"]).mean()
        width = (rows["risk_high"] - rows["risk_low"]).median()
        print(f"{name:>8}: {len(rows)} pupils, truth inside {inside:.3f}, median width {width:.3f}")


def main() -> None:
    """Print one line per cohort, the median of each factor, and what the bundled model's intervals then cover."""
    print(f"{'pupils':>8} {'everybody':>10} {'upper half':>11} {'upper tenth':>12}")
    rows = []
    for seed, pupils in COHORTS:
        rows.append(factors(seed, pupils))
        print(f"{pupils:>8} " + "{:>10.2f} {:>11.2f} {:>12.2f}".format(*rows[-1]))
    print(f"{'median':>8} " + "{:>10.2f} {:>11.2f} {:>12.2f}".format(*np.median(rows, axis=0)))
    coverage()


if __name__ == "__main__":
    main()
