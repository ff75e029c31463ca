"""One small table whose truth is known, and models fitted on it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from decrochage_risk.risk import FitOptions, RiskModel

QUICK = FitOptions(max_rounds=30, min_rounds=5, patience=10, test_times=3)
DIRECTIONS = {"absences": 1, "mean_grade": -1}


@dataclass(frozen=True)
class Table:
    """A table as it would come, with the true log-odds beside it."""

    features: pd.DataFrame
    outcome: npt.NDArray[np.float64]
    time: npt.NDArray[np.int64]
    groups: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    truth: npt.NDArray[np.float64]

    def fit(
        self, rows: npt.NDArray[np.int64] | None = None, **changes: Any
    ) -> RiskModel:  # any argument of fit
        """Fit quickly on these rows, in this order."""
        rows = np.arange(len(self.outcome)) if rows is None else rows
        arguments: dict[str, Any] = {
            "directions": DIRECTIONS,
            "time": self.time[rows],
            "groups": self.groups[rows],
            "reference_groups": self.labels[rows],
            "context": ["level"],
            "options": QUICK,
        } | changes
        return RiskModel.fit(self.features.iloc[rows], self.outcome[rows], **arguments)


def make_table(rows: int = 900, seed: int = 0) -> Table:
    """Draw absences, marks, a level and two columns of noise; the outcome follows the first three."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(
        {
            "absences": rng.poisson(3, rows).astype(float),
            "mean_grade": rng.normal(11, 3, rows).round(1),
            "level": rng.integers(0, 2, rows),
            "noise": rng.normal(size=rows),
            "flag": rng.random(rows) < 0.3,
        }
    )
    truth = (
        -2.2 + 0.5 * (features["absences"] - 3) - 0.3 * (features["mean_grade"] - 11) + features["level"]
    ).to_numpy()
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    known = features.assign(
        absences=features["absences"].mask(rng.random(rows) < 0.1),
        mean_grade=features["mean_grade"].mask(rng.random(rows) < 0.1),
    )
    groups = np.array([f"p{number:04d}" for number in rng.integers(0, rows // 3, rows)], dtype=object)
    labels = np.where(features["level"] == 1, "pro", "gt").astype(object)
    return Table(known, outcome, rng.integers(2020, 2024, rows), groups, labels, truth)


@pytest.fixture(scope="session")
def table() -> Table:
    return make_table()


@pytest.fixture(scope="session")
def model(table: Table) -> RiskModel:
    return table.fit()


@pytest.fixture(scope="session")
def fold_model(table: Table) -> RiskModel:
    """Fit without periods, hence calibrate out of fold."""
    return table.fit(time=None)
