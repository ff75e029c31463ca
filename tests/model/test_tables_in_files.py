"""Large tables of a training lie in files and are read some rows at a time: nothing that is computed may hang on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decrochage_risk.risk import FitOptions, RiskModel, numeric_table, signed_logistic
from decrochage_risk.risk.numeric_table import (
    compact_matrix,
    copied,
    give_back,
    new_table,
    numeric_matrix,
    rows_of,
)
from decrochage_risk.risk.signed_logistic import fit_signed_logistic

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 600


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put every table into a file, and read seven rows at a time."""
    monkeypatch.setattr(numeric_table, "HELD", 1)
    monkeypatch.setattr(numeric_table, "ROWS_AT_A_TIME", 7)


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "absences": rng.poisson(3, ROWS).astype(float),
            "mean_grade": rng.normal(11, 3, ROWS),
            "never": np.full(ROWS, np.nan),
            "level": rng.integers(0, 2, ROWS).astype(float),
        }
    )
    frame.loc[rng.random(ROWS) < 0.2, "mean_grade"] = np.nan
    return frame


def model_of(table: pd.DataFrame, kind: str = "trees") -> dict[str, str]:
    """Fit a small model of three periods, with everything that a training of pupils has."""
    rng = np.random.default_rng(5)
    odds = 0.5 * table["absences"] - 2.0 + table["level"]
    model = RiskModel.fit(
        table,
        rng.random(ROWS) < 1 / (1 + np.exp(-odds)),
        directions={"absences": 1, "mean_grade": -1},
        context=["level"],
        knowledge={"not_known_marks": ["mean_grade"]},
        time=np.arange(ROWS) % 3,
        groups=np.arange(ROWS) // 3,
        clusters=np.arange(ROWS) // 3 % 20,
        reference_groups=np.where(table["level"] > 0, "3e@11", "4e@11"),
        options=FitOptions(kind=kind, max_rounds=12, members=2, linear_share=0.5, penalty=10.0),  # type: ignore[arg-type]
    )
    return model.to_files()


def test_a_model_has_the_same_bytes_with_its_tables_in_files(
    table: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    """Boosters, calibration and references do not depend on where a table lies, nor on how many rows are read at a time."""
    in_memory = model_of(table)
    request.getfixturevalue("in_files")
    assert model_of(table) == in_memory


def test_logistic_members_have_the_same_bytes_with_their_table_in_a_file(
    table: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    """Nor do the members of a logistic regression."""
    in_memory = model_of(table, "logistic")
    request.getfixturevalue("in_files")
    assert model_of(table, "logistic") == in_memory


@pytest.mark.usefixtures("in_files")
def test_a_fit_leaves_the_frame_of_its_caller_as_it_was(table: pd.DataFrame) -> None:
    """What is filled and sorted is a copy."""
    before = table.copy(deep=True)
    model_of(table)
    pd.testing.assert_frame_equal(table, before)


def test_the_regression_streams_to_the_same_slopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 7 rows give the intercept and slopes of all rows at once, up to rounding, and of chosen rows those of their copy."""
    rng = np.random.default_rng(6)
    matrix = np.column_stack([rng.normal(5, 2, 400), rng.poisson(2, 400), np.ones(400)])
    outcome = (rng.random(400) < 1 / (1 + np.exp(3 - 0.5 * matrix[:, 1]))).astype(float)
    rows, ways = np.flatnonzero(np.arange(400) % 5 > 0), np.array([0, 1, 0])
    level, slopes = fit_signed_logistic(matrix[rows], outcome[rows], ways, penalty=3.0)
    assert fit_signed_logistic(matrix, outcome, ways, penalty=3.0, rows=rows)[0] == level
    monkeypatch.setattr(signed_logistic, "_BLOCK", 7)
    streamed_level, streamed = fit_signed_logistic(
        matrix.astype(np.float32).astype(float), outcome, ways, penalty=3.0, rows=rows
    )
    again, of_copy = fit_signed_logistic(
        matrix[rows].astype(np.float32).astype(float), outcome[rows], ways, penalty=3.0
    )
    assert (again, of_copy.tolist()) == (streamed_level, streamed.tolist())
    np.testing.assert_allclose([streamed_level, *streamed], [level, *slopes], rtol=1e-5)
    assert streamed[2] == 0.0


def test_means_and_spreads_are_those_of_all_rows_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of columns go on from block to block in the order of the rows, as numpy sums a table."""
    matrix = np.random.default_rng(7).normal(3, 9, (100, 5))
    monkeypatch.setattr(numeric_table, "ROWS_AT_A_TIME", 7)
    design = signed_logistic._Design.of(matrix, np.arange(100))
    assert design.means.tolist() == matrix.mean(axis=0).tolist()
    assert design.scales.tolist() == matrix.std(axis=0).tolist()


CELLS = st.one_of(
    st.floats(-1e15, 1e15), st.sampled_from([np.nan, 0.0, -0.0, 1 / 3, 1e-42, 2.0**-149, 1e-300])
)


@settings(max_examples=60)
@given(arrays(np.float64, (9, 3), elements=CELLS))
def test_half_the_memory_holds_the_same_values(cells: np.ndarray) -> None:
    """The table of a training has every value of `numeric_matrix`, in single precision unless one would be lost by it."""
    frame = pd.DataFrame(cells, columns=list("abc"))
    plain, compact = numeric_matrix(frame), compact_matrix(frame)
    np.testing.assert_array_equal(compact.astype(np.float64), plain)
    with np.errstate(under="ignore"):
        fits = np.array_equal(plain.astype(np.float32), plain, equal_nan=True)
    assert compact.dtype == (np.float32 if fits else np.float64)


@pytest.fixture
def mask() -> Iterator[Any]:
    return np.random.default_rng(8).random(2 * ROWS) < 0.3


@pytest.mark.usefixtures("in_files")
def test_a_copy_of_frames_is_that_of_pandas(table: pd.DataFrame, mask: np.ndarray) -> None:
    """Rows of frames one above the other, by mask or position, columns left empty: as concat and a mask give them."""
    both = pd.concat([table, table], ignore_index=True)
    kept = both[mask].reset_index(drop=True).assign(level=np.nan)
    for rows in (mask, np.flatnonzero(mask)):
        copy = copied(table, table, rows=rows, without=["level"])
        pd.testing.assert_frame_equal(copy, kept)
    # Sums over rows keep their last bit only in the same layout.
    assert copy.to_numpy().flags.f_contiguous
    assert kept[["level"]].isna().all(axis=None)


@pytest.mark.usefixtures("in_files")
def test_what_is_given_back_is_read_again(table: pd.DataFrame) -> None:
    """The pages of a table that lies in a file hold what was written, and a part of it is a table of its own."""
    values = table.to_numpy()
    stored = new_table(*values.shape)
    stored[:] = values
    give_back(stored, pd.DataFrame(stored, copy=False), values)
    np.testing.assert_array_equal(stored, values)
    part = rows_of(stored, np.arange(20, 0, -1))
    stored[:] = 0.0
    np.testing.assert_array_equal(part, values[20:0:-1])


@pytest.mark.usefixtures("in_files")
def test_a_full_disk_is_found_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room for the file the table is held in memory: a full disk must not end the training."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    stored = new_table(40, 3, np.float32, order="F")
    assert (stored.base, stored.shape, stored.dtype) == (None, (40, 3), np.float32)
