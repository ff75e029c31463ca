"""Of the gap between girls and boys who leave and are missing from the list, how much the cohort itself makes.

Girls leave less often, so their probabilities are lower and fewer of them pass the same threshold: under the list of the true
probability more of the girls who leave are missing from it. Run ``python benchmarks/gap_of_the_truth.py``: the cohort of the bundled
demonstration model, the school year that its report leaves untouched, the bundled thresholds. "Expected" is the
gap over many outcomes, "drawn" the gap in the outcomes that happened to be drawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from decrochage_risk.evaluate.tables import markdown_table
from decrochage_risk.model import default_as_of_dates, take_snapshots
from decrochage_risk.policy import load_policy
from decrochage_risk.synthetic import make_cohort
from oracle import Floats, truth_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))


def missed(weight: Floats, listed: Floats) -> float:
    """Share of the weight that is not on the list."""
    return float(1.0 - (weight * listed).sum() / weight.sum())


def main() -> None:
    """Print the shares of girls and boys, and the gap, in points."""
    import retrain_demo as demo  # noqa: PLC0415 - found through the path above

    cohort = make_cohort(demo.PUPILS, demo.RECORDS, seed=demo.SEED)
    rows = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(demo.SCHOOL_YEARS[-1:]))
    truth = truth_of(cohort, rows.rows)["probability"].to_numpy()
    listed = load_policy().assess(rows.rows["level"].to_numpy(dtype=object), truth).flagged.astype(np.float64)
    sex = rows.rows["sex"].to_numpy()
    lines = []
    for name, weight in (("expected", truth), ("drawn", rows.outcome)):
        girls, boys = (missed(weight[sex == one], listed[sex == one]) for one in ("F", "M"))
        lines.append([name, f"{100 * girls:.1f} %", f"{100 * boys:.1f} %", f"{100 * (girls - boys):+.1f}"])
    print(markdown_table(["leavers missing from the list of the truth", "girls", "boys", "points"], lines))


if __name__ == "__main__":
    main()
