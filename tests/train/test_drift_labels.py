"""Laws of the calibration's interval: two years without a change differ by the chance of both, more is found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.evaluate.drift import ALPHA
from decrochage_risk.risk.calibration import Calibration
from decrochage_risk.train import watching as drift_labels
from decrochage_risk.train.watching import training_error

pytestmark = pytest.mark.whole


def trained(leavers: int, years: int, days: int) -> Any:
    """Stand for a model trained on some leavers a year, each seen on as many days of it."""
    told = {
        "events": leavers * years * days,
        "as_of": [f"{year}-{day}" for year in range(years) for day in range(days)],
        "school_years": list(range(years)),
    }
    return SimpleNamespace(trained_on=told)


@pytest.mark.parametrize("years", [1, 2, 5])
def test_the_error_is_that_of_a_difference_of_two_counts(years: int) -> None:
    """The logarithms of the leavers of a training and of a year scatter as much more than those of the year alone."""
    rng = np.random.default_rng(7)
    now, before = rng.poisson(400, 20_000), rng.poisson(400 * years, 20_000)
    ratio = np.std(np.log(now) - np.log(before)) / np.std(np.log(now))
    assert training_error(trained(400, years, 4), 400.0) == pytest.approx(ratio, rel=0.03)


def test_the_days_of_a_year_are_one_leaver() -> None:
    """The same leavers seen on more days are no more of them."""
    assert training_error(trained(300, 2, 1), 100.0) == pytest.approx(
        training_error(trained(300, 2, 6), 100.0)
    )


def judged(seed: int, pupils: int, *, level: float, own_error: float = 1.0) -> dict[str, str]:
    """Judge the level of a model whose log-odds are exact but for a constant, on pupils seen once."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2.6, 0.8, pupils)
    outcome = (rng.random(pupils) < 1 / (1 + np.exp(-odds - level))).astype(np.float64)
    stands = SimpleNamespace(
        risk_model=SimpleNamespace(calibration=Calibration("identity", 0.0, 1.0)), distributions=None
    )
    rows = pd.DataFrame({"pupil_id": [f"p{pupil}" for pupil in range(pupils)]})
    scored = SimpleNamespace(snapshots=SimpleNamespace(outcome=outcome, rows=rows), log_odds=odds)
    signs = drift_labels._judged(stands, scored, own_error)  # type: ignore[arg-type]
    return {sign.check: sign.verdict for sign in signs}


@pytest.fixture
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge level and slope alone: what tables tell has tests of its own."""
    monkeypatch.setattr(drift_labels, "told_by_table", lambda *_: {})


@pytest.mark.usefixtures("no_tables")
def test_chance_alone_hardly_ever_alarms() -> None:
    """Of 300 ordinary years whose training was exact, the stated 5 % alarm at most, within two standard errors."""
    found = [set(judged(seed, 2_000, level=0.0).values()) for seed in range(300)]
    assert sum(one != {"ok"} for one in found) <= 300 * ALPHA + 2 * np.sqrt(300 * ALPHA * (1 - ALPHA))


@pytest.mark.usefixtures("no_tables")
def test_a_third_more_leavers_are_found() -> None:
    """With some 900 leavers a level of 0.3 is found nine times of ten; one of 0.05, that is tolerated, hardly ever."""
    found = [judged(seed, 10_000, level=0.3)["calibration"] for seed in range(60)]
    assert sum(verdict != "ok" for verdict in found) >= 54
    small = [judged(seed, 10_000, level=0.05)["calibration"] for seed in range(60)]
    assert sum(verdict != "ok" for verdict in small) <= 6


@pytest.mark.usefixtures("no_tables")
def test_a_training_of_few_leavers_widens_the_interval() -> None:
    """What alarms beside an exact training may be chance beside one whose own error is as large again."""
    exact, rough = (
        [judged(seed, 2_000, level=0.35, own_error=error)["calibration"] for seed in range(30)]
        for error in (1.0, 2.5)
    )
    assert sum(verdict != "ok" for verdict in exact) > 20
    assert sum(verdict != "ok" for verdict in rough) < 10
