"""A whole score with reasons for the flagged, beside the feature matrix and LightGBM's own predict of the same bag.

Run ``python benchmarks/score_speed.py [--pupils N]``; 208,000 is a region. Records of a synthetic cohort of one school year are
in memory, checked and sorted. One side is ``score_pupils`` with its table of results; the other builds the feature matrix and lets
LightGBM predict it with two threads by the bags of both horizons (the path for the levels that have one), nothing else. Paired
runs in one process, the median of their ratios.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

import numpy as np

import decrochage_risk as dr
from decrochage_risk.features import build_features
from decrochage_risk.features.event_windows import is_one_of
from decrochage_risk.model import matrix_with_context
from decrochage_risk.score.run_facts import load_demo_model
from decrochage_risk.synthetic import make_cohort
from measured import Measured, paired

if TYPE_CHECKING:
    import pandas as pd

AS_OF = "2025-03-05"
THREADS = 2


def rows(pupils: int = 20_000, rounds: int = 3) -> list[Measured]:
    """Measure on a cohort of ``pupils``."""
    records = make_cohort(pupils, [int(AS_OF[:4]) - 1], seed=1).records
    model = load_demo_model()
    dr.warm_up(model)

    def whole() -> dr.RiskScores:
        scores = dr.score_pupils(records, as_of=AS_OF, model=model)
        _ = scores.frame, scores.reasons, scores.contributions
        return scores

    def parts() -> None:
        cut = records.known_on(AS_OF)
        frame = matrix_with_context(cut)
        predict(model, frame)
        if model.path is not None:
            predict(model.path, frame[is_one_of(frozenset(model.path.levels))[cut.level]])

    def predict(bag: dr.TrainedModel, frame: pd.DataFrame) -> None:
        values = frame[list(bag.risk_model.columns)].to_numpy()
        # The boosters read the flags of what is not known beside the values.
        matrix = np.column_stack([values, bag.risk_model.knowledge.flags(values)])
        for booster in bag.risk_model.boosters:
            booster.predict(matrix, raw_score=True, num_threads=THREADS)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        time = paired(whole, parts, rounds)
        matrix_only = paired(lambda: build_features(records, AS_OF), parts, rounds)
        scores = whole()
    flagged = int(scores.frame["flagged"].sum())
    return [
        Measured(
            "whole score with reasons for the flagged / (feature matrix + LightGBM predict of both horizons, 2 threads)",
            time.ratio,
            1.2,
            f"{pupils:,} pupils, {flagged:,} flagged and explained; {time.first:.2f} s against {time.second:.2f} s, of which "
            f"features {matrix_only.first:.2f} s",
        )
    ]


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=20_000, help="size of the synthetic cohort")
    for line in rows(parser.parse_args().pupils):
        print(f"{line.name}: {line.ratio:.2f} (target {line.wanted})\n    {line.detail}")


if __name__ == "__main__":
    main()
