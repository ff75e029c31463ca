"""After 1.3 times as many pupils leave: how far the mean risk is from the truth, before and after an update of the intercept.

A model is trained on ordinary synthetic years. In the next one 1.3 times as many leave. From 50 draws of 1,000 matured labels
each the intercept is updated, and the mean risk of the other pupils is held against their true probability.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from decrochage_risk import TrainingWarning, recalibrate, train_model
from decrochage_risk.model import score_rows, take_snapshots
from decrochage_risk.risk.calibration import probability
from decrochage_risk.synthetic import make_cohort

YEARS = [2021, 2022, 2023, 2024]
PUPILS, LABELS, DRAWS = 12_000, 1_000, 50
AS_OF, KNOWN_ON = "2025-03-05", "2025-11-01"


def main() -> None:
    """Print the mean error before, and its median and 9th decile over the draws after."""
    cohort = make_cohort(PUPILS, YEARS, seed=31, regimes=["prior_shift"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        model = train_model(cohort.records, cohort.outcomes, school_years=YEARS[:-1], synthetic=True)
    scored = score_rows(model, take_snapshots(cohort.records, cohort.outcomes, [AS_OF]))
    pupils = scored.snapshots.rows["pupil_id"]
    truth = pupils.map(cohort.truth_at(AS_OF).set_index("pupil_id")["probability"]).to_numpy()
    before = probability(scored.log_odds)
    print(
        f"{len(pupils)} pupils, share of leavers {scored.snapshots.outcome.mean():.4f}, truth {truth.mean():.4f}"
    )
    print(f"before: mean risk {before.mean():.4f}, error {before.mean() - truth.mean():+.4f}")
    errors = []
    for draw in range(DRAWS):
        chosen = pd.Index(np.random.default_rng(draw).choice(pupils, LABELS, replace=False))
        labels = cohort.outcomes[cohort.outcomes["pupil_id"].isin(chosen)]
        moved = recalibrate(
            model, cohort.records, labels, as_of_dates=[AS_OF], labels_known_on=KNOWN_ON, reason="benchmark"
        )
        others = ~pupils.isin(chosen).to_numpy()
        after = probability(score_rows(moved, scored.snapshots).log_odds[others])
        errors.append(after.mean() - truth[others].mean())
    size = np.abs(errors)
    print(
        f"after {LABELS} labels, {DRAWS} draws: mean error {np.mean(errors):+.4f}, "
        f"abs(mean error) median {np.median(size):.4f}, 9th decile {np.quantile(size, 0.9):.4f} (target: median <= 0.01)"
    )


if __name__ == "__main__":
    main()
