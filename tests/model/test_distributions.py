"""Laws of the distributions kept from a training: rounded counts, every value in one bin, back from JSON as they were."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.model import FeatureDistributions

GROUPS = ["3e@03"] * 300 + ["cap1@03"] * 200 + ["4e@03"] * 20


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Draw a continuous column with gaps, a count, and a column never known."""
    rng = np.random.default_rng(3)
    marks = rng.normal(11, 3, len(GROUPS))
    marks[rng.random(len(GROUPS)) < 0.1] = np.nan
    return pd.DataFrame(
        {"marks": marks, "absences": rng.poisson(1, len(GROUPS)).astype(float), "never": np.nan}
    )


@pytest.fixture(scope="module")
def kept(table: pd.DataFrame) -> FeatureDistributions:
    return FeatureDistributions.fit(table, GROUPS)


def test_no_small_count_is_kept(kept: FeatureDistributions) -> None:
    """Every count is a multiple of five, groups under 50 rows and columns never known are not kept."""
    assert set(kept.counts) == {"3e@03", "cap1@03"}
    assert kept.columns == ("absences", "marks")
    assert all((found % 5 == 0).all() for group in kept.counts.values() for found in group.values())


def test_counts_are_those_of_the_rows(kept: FeatureDistributions, table: pd.DataFrame) -> None:
    """Counted again by hand each bin is within the rounding, the missing values first."""
    rows = table["marks"].to_numpy()[:300]
    counts = kept.counts["3e@03"]["marks"]
    assert abs(counts[0] - np.isnan(rows).sum()) <= 2.5
    for bin_, (low, high) in enumerate(
        zip([-np.inf, *kept.edges["marks"]], [*kept.edges["marks"], np.inf], strict=True)
    ):
        assert abs(counts[bin_ + 1] - ((rows >= low) & (rows < high)).sum()) <= 2.5


@settings(max_examples=50)
@given(st.floats(-1e6, 1e6))
def test_every_value_has_one_bin(kept: FeatureDistributions, value: float) -> None:
    """A known value falls into the bin whose edges hold it, an unknown one into the first."""
    edges = kept.edges["marks"]
    assert kept.bins("marks", np.array([value, np.nan])).tolist() == [1 + int((edges <= value).sum()), 0]


def test_neighbouring_values_share_a_bin() -> None:
    """Rates of two calendars, k in 9 and k in 10, fall into the same bins: cuts lie in the widest gaps."""
    rates = np.concatenate([np.repeat(np.arange(4) / 9, 50), np.repeat(np.arange(4) / 10, 50)])
    found = FeatureDistributions.fit(pd.DataFrame({"rate": rates}), ["3e@03"] * len(rates))
    assert (found.bins("rate", np.arange(3) / 9) == found.bins("rate", np.arange(3) / 10)).all()
    assert len(set(found.bins("rate", np.arange(3) / 9).tolist())) == 3


def test_expected_shares_follow_the_composition(kept: FeatureDistributions) -> None:
    """Of one group they are its own shares, of both their mixture, and never surer than the rows they come from."""
    own = {
        label: kept.counts[label]["absences"] / kept.counts[label]["absences"].sum() for label in kept.counts
    }
    alone, rows = kept.expected("absences", ["3e@03"] * 7)
    assert alone == pytest.approx(own["3e@03"])
    assert rows == pytest.approx(kept.counts["3e@03"]["absences"].sum())
    mixed, both = kept.expected("absences", ["3e@03", "cap1@03", "cap1@03", "cap1@03"])
    assert mixed == pytest.approx(0.25 * own["3e@03"] + 0.75 * own["cap1@03"])
    assert both <= sum(group["absences"].sum() for group in kept.counts.values()) + 1e-9


def test_json_gives_them_back(kept: FeatureDistributions) -> None:
    """Written and read they are the same; another shape is refused."""
    again = FeatureDistributions.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert again.to_dict() == kept.to_dict()
    with pytest.raises(ModelError, match="cannot be read"):
        FeatureDistributions.from_dict({"edges": {"marks": ["x"]}, "counts": {}})
