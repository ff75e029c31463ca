from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from decrochage_risk.risk import fitting as module
from decrochage_risk.risk.fit_input import FitInput, FitOptions
from decrochage_risk.risk.fitting import out_of_time

if TYPE_CHECKING:
    from conftest import Table

OPTIONS = FitOptions(out_of_time_members=1, test_times=4)


def prepare(table: Table, **changes: Any) -> FitInput:  # arrays
    labels = {
        "groups": table.groups,
        "time": table.time,
        "observed": None,
        "matured": None,
        "reference_groups": None,
    }
    return FitInput.prepare(table.features, table.outcome, directions={}, labels=labels | changes, context=())


def spy(monkeypatch: pytest.MonkeyPatch, seen: list[tuple[np.ndarray, np.ndarray]]) -> None:
    original = module._learn_and_predict

    def noted(
        fit_input: FitInput, train: np.ndarray, test: np.ndarray, *rest: Any
    ) -> np.ndarray:  # passed on
        seen.append((train, test))
        return original(fit_input, train, test, *rest)

    monkeypatch.setattr(module, "_learn_and_predict", noted)


def test_neither_the_pupil_nor_the_period_was_seen(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training part is earlier than its test part and shares no pupil with it; test parts cover the periods once."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    spy(monkeypatch, seen)
    fit_input = prepare(table)
    held = out_of_time(fit_input, rounds=5, options=OPTIONS, seed=0)
    assert held is not None
    assert fit_input.time is not None
    for train, test in seen:
        assert fit_input.time[train].max() < fit_input.time[test].min()
        assert not set(fit_input.groups[train]) & set(fit_input.groups[test])
    tested = np.sum([test for _, test in seen], axis=0)
    np.testing.assert_array_equal(tested, fit_input.time > 2020)
    np.testing.assert_array_equal(np.sort(held.rows), np.flatnonzero(table.time > 2020))
    np.testing.assert_array_equal(held.outcome, table.outcome[held.rows])
    np.testing.assert_array_equal(held.time, table.time[held.rows])


def test_rows_tell_how_much_more_the_final_bag_learns_from(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growth is the events of the whole training over those that the predicting boosters saw: less in later periods."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    spy(monkeypatch, seen)
    fit_input = prepare(table)
    held = out_of_time(fit_input, rounds=5, options=OPTIONS, seed=0)
    assert held is not None
    assert held.time is not None
    expected = np.full(len(table.outcome), np.nan)
    for train, test in seen:
        expected[test] = fit_input.outcome.sum() / fit_input.outcome[train].sum()
    rows = np.flatnonzero(~np.isnan(expected))
    np.testing.assert_array_equal(held.growth, expected[rows])
    assert held.growth.min() > 1
    periods = np.unique(held.time)
    means = [held.growth[held.time == period].mean() for period in periods]
    assert means == sorted(means, reverse=True)


def test_a_label_that_had_not_matured_teaches_nothing(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embargo reaches the training parts, and a period without matured labels before it is left out."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    spy(monkeypatch, seen)
    observed, matured = table.time * 10.0, table.time * 10.0 + 15
    fit_input = prepare(table, observed=observed, matured=matured)
    held = out_of_time(fit_input, rounds=5, options=OPTIONS, seed=0)
    assert held is not None
    assert held.time is not None
    assert set(held.time.tolist()) == {2022, 2023}
    assert fit_input.observed is not None
    assert fit_input.matured is not None
    for train, test in seen:
        assert fit_input.matured[train].max() <= fit_input.observed[test].min()


def test_only_the_latest_periods_are_tested(table: Table) -> None:
    """The option bounds the cost of long histories."""
    held = out_of_time(prepare(table), rounds=5, options=replace(OPTIONS, test_times=2), seed=0)
    assert held is not None
    assert held.time is not None
    assert set(held.time.tolist()) == {2022, 2023}


@pytest.mark.parametrize("periods", [1, 2])
def test_fewer_than_three_periods_are_not_predicted_out_of_time(table: Table, periods: int) -> None:
    """One period to fit a choice and one to judge it are needed, after one to learn from."""
    assert out_of_time(prepare(table, time=table.time % periods), rounds=5, options=OPTIONS, seed=0) is None


def test_progress_counts_the_parts(table: Table) -> None:
    """Three periods and three folds are nine parts."""
    told: list[tuple[str, int, int]] = []
    out_of_time(prepare(table), rounds=5, options=OPTIONS, seed=0, progress=lambda *news: told.append(news))
    assert told == [("out of time", done, 9) for done in range(1, 10)]
