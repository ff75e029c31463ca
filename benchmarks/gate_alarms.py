"""How often the fairness gates raise an alarm on a model that is perfectly calibrated, and on one that is not.

Each pupil has four rows whose risks are the exact probabilities of one outcome given more and more of what decides it
(a probit chain), so every group is calibrated by construction. Groups are drawn apart from the risks, from some
pupils to half of the cohort. ``python benchmarks/gate_alarms.py [draws]``
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import expit, logit, ndtr

from decrochage_risk.evaluate import fairness_gates, worst_verdict

PUPILS = 12_000
STEPS = np.array([1.0, 0.5, 0.4, 0.3])
LAST = 0.8
BASE = -1.6


def calibrated(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, exact risks and pupils, four rows each."""
    spread = float(np.sqrt((STEPS**2).sum() + LAST**2))
    known = BASE * spread + np.cumsum(rng.normal(size=(PUPILS, len(STEPS))) * STEPS, axis=1)
    left = np.sqrt(spread**2 - np.cumsum(STEPS**2))
    outcome = (known[:, -1] + rng.normal(size=PUPILS) * LAST > 0).astype(float)
    return np.repeat(outcome, 4), ndtr(known / left).ravel(), np.repeat(np.arange(PUPILS), 4)


def groups(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Give 46 groups: two sexes, four pathways, sixteen levels, twenty-four schools of unequal sizes."""
    sizes = {"sex": 2, "pathway": 4, "level": 16, "school": 24}
    drawn = {
        name: rng.choice(count, PUPILS, p=rng.dirichlet(np.full(count, 5.0))) for name, count in sizes.items()
    }
    names = {"sex": np.array(["F", "M"])}
    return {
        name: np.repeat(names.get(name, np.arange(count).astype(str))[drawn[name]], 4)
        for name, count in sizes.items()
    }


def main(draws: int) -> None:
    """Print the verdicts of the calibration gates, by how far the risks of one pathway are distorted."""
    for shift, slope in ((0.0, 1.0), (0.3, 1.0), (0.6, 1.0), (0.0, 0.7)):
        verdicts: dict[str, int] = {}
        for draw in range(draws):
            rng = np.random.default_rng(draw)
            outcome, risk, pupils = calibrated(rng)
            parts = groups(rng)
            distorted = expit(logit(risk) / slope - shift)
            announced = np.where(parts["pathway"] == "0", distorted, risk)
            found = fairness_gates(outcome, announced, announced > 0.3, parts, pupils=pupils)
            verdict = worst_verdict(one for one in found if one.name.startswith("calibration"))
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
        print(f"one pathway: intercept {shift:+.1f}, slope {slope}: {verdicts} of {draws}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
