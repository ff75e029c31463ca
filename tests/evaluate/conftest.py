"""Simulated rows whose true probability is known, shared by the tests of the evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


@dataclass(frozen=True)
class Rows:
    """Simulated rows: what happened, what was announced, who and where."""

    outcome: npt.NDArray[np.float64]
    risk: npt.NDArray[np.float64]
    pupils: npt.NDArray[np.str_]
    schools: npt.NDArray[np.str_]

    def shuffled(self, seed: int) -> Rows:
        """Give the same rows in another order."""
        order = np.random.default_rng(seed).permutation(len(self.outcome))
        return Rows(self.outcome[order], self.risk[order], self.pupils[order], self.schools[order])


@pytest.fixture
def simulate() -> Callable[..., Rows]:
    """Rows whose announced risk is the true one, unless `slope` or `shift` distort the truth's log-odds."""

    def build(rows: int = 2000, seed: int = 0, slope: float = 1.0, shift: float = 0.0) -> Rows:
        random = np.random.default_rng(seed)
        log_odds = random.normal(-1.5, 1.2, rows)
        truth = 1 / (1 + np.exp(-(slope * log_odds + shift)))
        numbers = np.arange(rows)
        return Rows(
            outcome=(random.random(rows) < truth).astype(np.float64),
            risk=1 / (1 + np.exp(-log_odds)),
            pupils=np.char.add("p", (numbers // 2).astype(str)),
            schools=np.char.add("s", (numbers % 7).astype(str)),
        )

    return build
