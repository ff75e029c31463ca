from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import PolicyError
from decrochage_risk.policy import (
    HeldOutPupils,
    load_policy,
    threshold_counts,
    threshold_frame,
    threshold_table,
)
from decrochage_risk.risk import jeffreys_interval
from decrochage_risk.small_cells import is_small

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel

LAWS = settings(max_examples=15, deadline=None)


def _drawn(seed: int, pupils: int = 600) -> HeldOutPupils:
    random = np.random.default_rng(seed)
    risk = random.beta(1, 4, pupils)
    levels = random.choice(["4e", "3e", "2de_pro", "tle_gt"], pupils)
    return HeldOutPupils.of(levels, risk, (random.random(pupils) < risk).astype(float))


@pytest.mark.whole
@LAWS
@given(st.integers(0, 10_000), st.sampled_from(["group", "level"]))
def test_every_figure_is_a_recount(seed: int, by: Any) -> None:
    """Listed, hits, recall and precision are counted again by hand; a count with a cell of 1 to 10 is not shown."""
    held_out = _drawn(seed)
    for row in threshold_frame(threshold_counts(held_out), by=by).to_dict("records"):
        levels = [row["level"]] if by == "level" else [
            level for group in load_policy().table.groups if group.code == row["group"] for level in group.levels
        ]  # fmt: skip
        inside = np.isin(held_out.levels, levels)
        above = inside & (held_out.risk >= row["threshold"])
        listed, hits, left = (
            int(above.sum()),
            int((above & held_out.left).sum()),
            int((inside & held_out.left).sum()),
        )
        below, kept = int(inside.sum()) - listed, left - hits
        cells = (listed, hits, listed - hits, below, kept, below - kept)
        if is_small(*cells):
            assert pd.isna(row["listed"])
        if pd.isna(row["listed"]):
            assert pd.isna(row["precision"])
            assert pd.isna(row["recall"])
        else:
            assert (row["listed"], row["hits"], row["pupils"], row["left"]) == (
                listed,
                hits,
                inside.sum(),
                left,
            )
            assert row["recall"] == (
                pytest.approx(hits / left) if left else pytest.approx(np.nan, nan_ok=True)
            )
            assert row["listed_per_100"] == pytest.approx(100 * listed / inside.sum())
            if listed:
                low, high = jeffreys_interval(hits, listed)
                assert row["precision"] == pytest.approx(hits / listed)
                assert (row["precision_low"], row["precision_high"]) == (
                    pytest.approx(low),
                    pytest.approx(high),
                )


@pytest.mark.whole
@LAWS
@given(st.integers(0, 10_000))
def test_no_two_rows_of_a_block_differ_by_a_few(seed: int) -> None:
    """Between two thresholds that are shown side by side lie no 1 to 10 pupils who left, or who did not."""
    for _, block in threshold_frame(threshold_counts(_drawn(seed)), by="group").groupby("group"):
        rows = block[block["listed"].notna()]
        for count in (rows["hits"], rows["listed"] - rows["hits"]):
            assert not is_small(*(-count.diff().dropna()).astype(int))


def test_a_reader_of_all_rows_finds_nobody() -> None:
    """Whoever knows every printed count of groups and levels finds an interval of 5 at least for each band and count."""
    from scipy.optimize import linprog  # noqa: PLC0415 - only here

    held_out, policy = _drawn(7, pupils=1500), load_policy()
    counts = threshold_counts(held_out, policy=policy)
    assert sum(row["listed"] is not None for row in counts) > 20
    assert any(row["listed"] is None for row in counts)
    edges = sorted({row["threshold"] for row in counts})
    levels = sorted(set(held_out.levels))
    # unknowns, as a reader would set them: pupils by level, band of risk and outcome
    place = {
        key: at for at, key in enumerate((level, band, left) for level in levels for band in range(len(edges) + 1) for left in (0, 1))
    }  # fmt: skip
    band = np.searchsorted(edges, held_out.risk, side="right")
    truth = np.zeros(len(place))
    for key in zip(held_out.levels, band, held_out.left.astype(int), strict=True):
        truth[place[key]] += 1

    def row_of(names: Any, first: int, outcomes: tuple[int, ...]) -> np.ndarray:
        row = np.zeros(len(place))
        for key, at in place.items():
            row[at] = key[0] in names and key[1] >= first and key[2] in outcomes
        return row

    groups = {group.code: group.levels for group in policy.table.groups}
    equations, sums, secrets = [], [], []
    for row in counts:
        names = (row["name"],) if row["by"] == "level" else groups[row["name"]]
        first = edges.index(row["threshold"]) + 1
        for what, at, outcomes in (
            ("pupils", 0, (0, 1)),
            ("left", 0, (1,)),
            ("listed", first, (0, 1)),
            ("hits", first, (1,)),
        ):
            equation = row_of(names, at, outcomes)
            if row[what] is not None:
                equations.append(equation)
                sums.append(row[what])
            elif is_small(int(equation @ truth)):
                secrets.append(equation)
        secrets += [
            one
            for outcomes in ((0,), (1,), (0, 1))
            if is_small(int((one := row_of(names, first, outcomes)) @ truth))
        ]
    assert secrets
    matrix = np.unique(np.column_stack([equations, sums]), axis=0)
    totals, matrix = matrix[:, -1], matrix[:, :-1]
    for secret in np.unique(secrets, axis=0):
        ends = [linprog(sign * secret, A_eq=matrix, b_eq=totals, bounds=(0, None)) for sign in (1.0, -1.0)]
        low, high = ends[0].fun, -ends[1].fun if ends[1].status == 0 else np.inf
        assert high - low >= 5 - 1e-6, (secret @ truth, low, high)


def test_thresholds_of_the_policy_are_in_the_table() -> None:
    """Each group shows where its tiers 2 and 3 begin."""
    table = threshold_frame(threshold_counts(_drawn(1)))
    for group in load_policy().table.groups:
        own = table[(table["group"] == group.code) & table["tier"].notna()]
        assert own.empty or own[["threshold", "tier"]].to_numpy().tolist() == [
            [group.targeted, 2],
            [group.secured, 3],
        ]
    assert table["tier"].notna().any()


def test_a_model_keeps_its_table_through_a_file(small_model: TrainedModel, tmp_path: Any) -> None:
    """What a training counted on its untouched year is the same after saving and loading."""
    from decrochage_risk.model import load_trained_model  # noqa: PLC0415 - only here

    small_model.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    assert loaded.held_out == small_model.held_out
    assert loaded.held_out["school_years"] == [2024]
    assert loaded.held_out["untouched"] is True
    pd.testing.assert_frame_equal(threshold_table(loaded), threshold_table(small_model))


@pytest.mark.parametrize("thresholds", [[0.0], [1.0], [0.1234], [float("nan")], ["0,1"], [True]])
def test_thresholds_that_cannot_be_are_refused(thresholds: Any) -> None:
    """A threshold outside 0-1, finer than the policy can hold, or no number says what was expected."""
    with pytest.raises(PolicyError, match="1 thresholds that cannot be") as refused:
        threshold_counts(_drawn(1), thresholds=thresholds)
    assert "Hint:" in str(refused.value)


def test_a_model_without_counts_and_another_division_are_refused(small_model: TrainedModel) -> None:
    """An artefact of an earlier version says to train again; another word says which are known."""
    from dataclasses import replace  # noqa: PLC0415 - only here

    with pytest.raises(PolicyError, match="keeps no held-out counts"):
        threshold_table(replace(small_model, held_out={}))
    with pytest.raises(PolicyError, match="by='school'"):
        threshold_table(small_model, by="school")  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="model is a str"):
        threshold_table("models/2025")  # type: ignore[arg-type]
