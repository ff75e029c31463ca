"""Thresholds chosen for a workload, per level, and what the policy says of the risk over three years."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.model import TrainedModel
from decrochage_risk.policy import (
    WORKLOADS,
    HeldOutPupils,
    HeldOutTables,
    level_recalls,
    load_policy,
    thresholds_at_workload,
)
from decrochage_risk.policy.tier_counts import thresholds_listing
from decrochage_risk.records.levels import LEVEL_NAMES, PATH_LEVELS
from decrochage_risk.small_cells import Publication

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@given(
    st.lists(st.integers(0, 990).map(lambda step: step / 1000), min_size=1, max_size=80),
    st.floats(0.01, 0.9),
)
def test_the_lowest_threshold_of_a_workload(risk: list[float], share: float) -> None:
    """The list at the threshold is no longer than the share asked for, and one step lower it would be."""
    values = np.array(risk)
    (threshold,) = thresholds_listing(values, [share])
    most = int(share * len(values) + 1e-9)
    assert (values >= threshold).sum() <= most
    assert round(threshold * 1000) / 1000 == threshold
    assert threshold <= 0.001 or (values >= threshold - 0.001 - 1e-12).sum() > most


def held_out(levels: list[str]) -> HeldOutPupils:
    """Draw 2,000 pupils of each level whose risk is true."""
    rng = np.random.default_rng(7)
    risk = rng.beta(1.0, 8.0, 2_000 * len(levels))
    return HeldOutPupils.of(np.repeat(levels, 2_000), risk, (rng.random(risk.size) < risk).astype(float))


def counted(pupils: HeldOutPupils, horizon: int) -> list[dict[str, object]]:
    """Count the thresholds as a training publishes them."""
    tables, told = (
        HeldOutTables(pupils, load_policy().of_horizon(horizon), workloads=WORKLOADS),
        Publication(),
    )
    tables.add_to(told)
    return tables.thresholds(told.hidden())


def test_the_choice_meets_the_workload() -> None:
    """Per level, the chosen threshold lists at most 10 pupils in 100, nearly as many, and its recall is that of these pupils."""
    pupils = held_out(["4e", "3e"])
    model = object.__new__(TrainedModel)
    vars(model).update(
        held_out={"thresholds": counted(pupils, 3)}, trained_on={"horizon_years": 3}, path=None
    )
    table = thresholds_at_workload(model, per_100=10).set_index("level")
    assert list(table.index) == ["4e", "3e"]
    for level in table.index:
        own = pupils.at_levels([str(level)])
        on_list = own.risk >= table.loc[level, "threshold"]
        assert 9.5 < table.loc[level, "listed_per_100"] <= 10
        assert table.loc[level, "listed"] == on_list.sum()
        assert table.loc[level, "recall"] == own.left[on_list].sum() / own.left.sum()
        assert table.loc[level, "horizon_years"] == 3


@pytest.mark.parametrize("per_100", [0, 100, -1, True, "10", float("nan")])
def test_a_workload_that_is_none_is_refused(per_100: object) -> None:
    """A workload is a number of pupils in 100, above 0 and under 100."""
    with pytest.raises(PolicyError, match="at most 10 pupils in 100"):
        thresholds_at_workload(SimpleNamespace(), per_100=per_100)  # type: ignore[arg-type]


def test_recall_at_the_threshold_of_the_policy() -> None:
    """Workload and recall of a level are those of the pupils at or above the threshold of its own group."""
    pupils = held_out(["4e"])
    table = level_recalls(counted(pupils, 3), PATH_LEVELS)
    threshold = load_policy().of_horizon(3).table.group_of("4e").targeted
    on_list = pupils.risk >= threshold
    assert table["threshold"].tolist() == [threshold]
    assert table["recall"].tolist() == [pupils.left[on_list].sum() / pupils.left.sum()]


def test_a_policy_per_horizon() -> None:
    """Every level has a group over each horizon: its own over three years in 4e and 3e, that of the year elsewhere."""
    policy = load_policy()
    path = policy.of_horizon(3)
    assert policy.table.path_levels == PATH_LEVELS
    assert path.of_horizon(3).table == path.table
    assert path.version == policy.version
    for level in LEVEL_NAMES:
        year, three = (one.table.group_of(level) for one in (policy, path))
        assert (three.code != year.code) == (level in PATH_LEVELS)
    assert path.assess(["4e"], [0.99]).rule[0].endswith("(4e, parcours de trois ans, vigilance renforcée)")


def test_a_path_table_that_cannot_be(edited: Callable[..., Path]) -> None:
    """A path threshold for a lycée, or two for one level, is refused by name."""
    folder = edited("vigilance.toml", ('levels = ["4e_segpa"]', 'levels = ["4e", "tle_gt"]'))
    with pytest.raises(
        PolicyError, match=r"(?s)level 'tle_gt' has no risk over three years.*level '4e' is listed 2 times"
    ):
        load_policy(folder)
