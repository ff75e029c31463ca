"""Figures by group: each is that of its rows alone, small groups say so, nobody is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.errors import ColumnsError
from decrochage_risk.evaluate.figures import measure
from decrochage_risk.evaluate.groups import NOT_KNOWN, figures_by_exit, figures_by_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows


def test_a_group_is_measured_on_its_rows_alone(simulate: Callable[..., Rows]) -> None:
    """Each group's figures are those of `measure` on its rows, and the groups hold every row."""
    case = simulate()
    parts = figures_by_group(case.outcome, case.risk, {"school": case.schools}, pupils=case.pupils)
    assert sum(part.rows for part in parts) == len(case.outcome)
    for part in parts:
        inside = case.schools == part.group
        alone = measure(case.outcome[inside], case.risk[inside], pupils=case.pupils[inside])
        for name in (
            "rows",
            "pupils",
            "events",
            "base_rate",
            "mean_risk",
            "auc",
            "average_precision",
            "log_loss",
            "brier",
            "ici",
            "slope",
            "slope_low",
            "intercept_high",
        ):
            assert getattr(part, name) == getattr(alone, name)


@pytest.mark.parametrize(
    ("rows", "events", "small"),
    [(100, 20, False), (99, 40, True), (100, 19, True), (100, 81, True), (100, 80, False)],
)
def test_small_groups_have_a_size_and_no_figure(rows: int, events: int, *, small: bool) -> None:
    """Under 100 pupils, 20 events or 20 rows without the event a group shows its size and nothing else."""
    outcome = np.repeat([1, 0], [events, rows - events])
    risk = np.linspace(0.1, 0.9, rows)[np.random.default_rng(0).permutation(rows)]
    (part,) = figures_by_group(outcome, risk, {"level": ["3e"] * rows})
    assert part.too_small == small
    assert part.rows == rows
    hidden = (part.events, part.base_rate, part.mean_risk, part.auc, part.slope, part.intercept)
    assert (hidden == (None,) * 6) == small


def test_pupils_count_not_their_rows() -> None:
    """200 rows of 50 pupils are 50 pupils: too small."""
    outcome = np.tile([0, 0, 0, 1], 50)
    risk = np.linspace(0.1, 0.5, 200)
    assert not figures_by_group(outcome, risk, {"level": ["3e"] * 200})[0].too_small
    (part,) = figures_by_group(outcome, risk, {"level": ["3e"] * 200}, pupils=np.arange(200) % 50)
    assert (part.too_small, part.pupils, part.rows) == (True, 50, 200)


def test_a_missing_group_is_a_group() -> None:
    """Rows without a value are listed as "non renseigné"; dimensions keep their order, groups are sorted."""
    values = {"sex": ["M", None, "F"], "level": ["3e", "3e", np.nan]}
    parts = figures_by_group([0, 1, 0], [0.1, 0.2, 0.3], values)
    assert [(part.dimension, part.group, part.rows) for part in parts] == [
        ("sex", "F", 1),
        ("sex", "M", 1),
        ("sex", NOT_KNOWN, 1),
        ("level", "3e", 2),
        ("level", NOT_KNOWN, 1),
    ]


def test_each_kind_of_exit_is_held_against_all_who_stayed(simulate: Callable[..., Rows]) -> None:
    """The AUC of a kind of exit is over its events and all non-events; calibration is not given for it."""
    case = simulate()
    kinds = np.where(np.arange(2000) % 3 == 0, "in_year", "non_return").astype(object)
    kinds[case.outcome == 0] = None
    parts = {part.group: part for part in figures_by_exit(case.outcome, case.risk, kinds)}
    assert set(parts) == {"in_year", "non_return"}
    assert sum(part.events for part in parts.values()) == case.outcome.sum()
    for kind, part in parts.items():
        inside = (case.outcome == 0) | (kinds == kind)
        assert part.auc == measure(case.outcome[inside], case.risk[inside]).auc
        assert (part.slope, part.intercept, part.mean_risk, part.base_rate) == (None,) * 4


def test_events_without_a_kind_are_listed() -> None:
    """An event whose kind is not known is counted under "non renseigné"."""
    parts = figures_by_exit([0, 1, 1], [0.1, 0.2, 0.3], [None, None, "in_year"])
    assert [part.group for part in parts] == ["in_year", NOT_KNOWN]


def test_a_dimension_of_another_length_is_refused() -> None:
    """A dimension from other rows is named with both lengths and what to do."""
    with pytest.raises(
        ColumnsError, match=r"Dimension 'sex' has 1 row\(s\), the outcome 2(.|\n)*Expected(.|\n)*Hint: Take"
    ):
        figures_by_group([0, 1], [0.1, 0.2], {"sex": ["F"]})
