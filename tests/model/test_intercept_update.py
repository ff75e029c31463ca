from __future__ import annotations

import numpy as np
import pytest

from decrochage_risk.errors import NotEnoughDataError
from decrochage_risk.model.calibration import Calibration, probability
from decrochage_risk.model.intercept_update import update_intercept


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.5, 1.5, rows)
    return truth, (rng.random(rows) < probability(truth)).astype(float)


def test_the_updated_intercept_meets_the_new_level() -> None:
    """The mean risk becomes the observed share, the slope stays."""
    truth, outcome = draw(20_000, 5)
    moved = update_intercept(Calibration("platt", 0.9, 1.3), truth, outcome)
    assert moved.slope == 1.3
    assert moved.kind == "platt"
    assert probability(moved.apply(truth)).mean() == pytest.approx(outcome.mean(), abs=1e-3)


@pytest.mark.parametrize(("rows", "positives"), [(299, 40), (400, 4), (400, 397)])
def test_too_few_new_outcomes_move_nothing(rows: int, positives: int) -> None:
    """Under 300 labels, or five of a class, the update is refused with what came."""
    outcome = (np.arange(rows) < positives).astype(float)
    with pytest.raises(
        NotEnoughDataError, match=f"{rows} matured outcomes came, {positives} of them positive"
    ) as error:
        update_intercept(Calibration("identity"), np.zeros(rows), outcome)
    assert "at least 300 outcomes" in str(error.value)
    assert "Hint" in str(error.value)
