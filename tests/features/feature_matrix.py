"""Runs the package on plain frames: records, the feature matrix, and comparisons down to the bit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import RecordsWarning
from decrochage_risk.features import build_features
from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.school_year import SchoolCalendar


def matrix_of(
    frames: Mapping[str, pd.DataFrame | None], as_of: date, calendar: SchoolCalendar
) -> pd.DataFrame:
    """Build the features of some tables; None = the table is absent. Odd but allowed rows are kept without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordsWarning)
        given = {name: frame for name, frame in frames.items() if frame is not None}
        return build_features(PupilRecords(**given, calendar=calendar), as_of)


def bits(matrix: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """Return the bits of every value."""
    return np.ascontiguousarray(matrix.to_numpy(dtype=np.float64)).view(np.uint64)


def assert_same_bits(got: pd.DataFrame, expected: pd.DataFrame, what: str) -> None:
    """Fail with the first differing cells unless two matrices hold the same bits in the same places."""
    assert list(got.columns) == list(expected.columns), what
    assert got.shape == expected.shape, f"{what}: {got.shape} instead of {expected.shape}"
    different = np.argwhere(bits(got) != bits(expected))
    cells = [
        f"{expected.index[row]!r} {expected.columns[column]}: {float(got.iloc[row, column]).hex()}"
        f" instead of {float(expected.iloc[row, column]).hex()}"
        for row, column in different[:8]
    ]
    assert not cells, f"{what}: {len(different)} values changed\n" + "\n".join(cells)
