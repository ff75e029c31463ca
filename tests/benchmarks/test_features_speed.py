"""The benchmark of records and features: what it compares is the same."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.features import build_features
from decrochage_risk.records import PupilRecords
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from types import ModuleType

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def in_pandas(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the plain features."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "pandas_features", raising=False)
    return import_module("pandas_features")


@pytest.mark.whole
@pytest.mark.parametrize("as_of", ["2023-12-04", "2024-09-20", "2025-05-05"])
def test_plain_pandas_gives_the_same_matrix(in_pandas: ModuleType, as_of: str) -> None:
    """The slow side of the benchmark computes every contract feature with the same values, over several school years."""
    tables = {
        name: table
        for name, table in make_cohort(300, [2022, 2023, 2024], seed=9).tables.items()
        if name in in_pandas.TABLES
    }
    records = PupilRecords(**tables)
    found = build_features(records, as_of)
    plain = in_pandas.features_in_pandas(tables, as_of, records.calendar)
    same = plain.loc[found.index].astype("float64")
    pd.testing.assert_frame_equal(found[same.columns], same, rtol=1e-9, atol=1e-9, check_names=False)
