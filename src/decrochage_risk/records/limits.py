"""Bounds, shapes and check letters: readable cells that are beyond what their column allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from decrochage_risk.records.cell_rules import (
    BAD_CHECK_LETTER,
    BAD_PATTERN,
    NOT_FINITE,
    NOT_WHOLE,
    OUT_OF_RANGE,
    TOO_LONG,
)
from decrochage_risk.records.cells import Cells

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.cells import Marks
    from decrochage_risk.records.tables import Column

__all__ = ["UAI_LETTERS", "keep_within_limits", "uai_letters"]

UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""Check letters of school numbers: the remainder of the seven digits divided by 23 is a position in it
(``DOMAIN.md`` 2.3, held against six published numbers there)."""


def keep_within_limits(column: Column, cells: Cells) -> Cells:
    """Mark and blank the cells that are readable but not allowed.

    Parameters
    ----------
    column : Column
        Its declaration.
    cells : Cells
        As ``read_cells`` gives them.

    Returns
    -------
    Cells
        At most one rule of limits per cell; what it marks is missing. A text of blanks only is missing, not wrong.
    """
    blank: npt.NDArray[np.bool_] | None = None
    if column.kind == "text":
        marks, blank = _beyond_text(column, cells.array)
    elif column.kind == "day":
        low, high = (np.datetime64(str(bound), "s") for bound in (column.minimum, column.maximum))
        marks = {OUT_OF_RANGE: (cells.array < low) | (cells.array > high)}
    elif column.kind in {"number", "integer"}:
        marks = _beyond_numbers(column, cells.array)
    else:
        return cells
    marks = {rule: mask for rule, mask in marks.items() if mask.any()}
    rows = [*marks.values(), *(() if blank is None else (blank,))]
    values = _blanked(cells.array, np.logical_or.reduce(rows)) if rows else cells.array
    return Cells(values, {**cells.marks, **marks})


def _blanked(values: Any, rows: npt.NDArray[np.bool_]) -> Any:  # noqa: ANN401 - an array of the column's own type
    values = values.copy()
    is_day = isinstance(values, np.ndarray) and values.dtype.kind == "M"
    values[rows] = np.datetime64("NaT", "s") if is_day else np.nan
    return values


def _beyond_numbers(column: Column, values: npt.NDArray[np.float64]) -> Marks:
    low = -np.inf if column.minimum is None else float(str(column.minimum))
    high = np.inf if column.maximum is None else float(str(column.maximum))
    infinite = np.isinf(values)
    outside = ((values <= low if column.above_minimum else values < low) | (values > high)) & ~infinite
    marks: Marks = {NOT_FINITE: infinite, OUT_OF_RANGE: outside}
    if column.kind == "integer":
        fraction = ~(infinite | outside | np.isnan(values))
        fraction[fraction] = values[fraction] % 1 != 0
        marks[NOT_WHOLE] = fraction
    return marks


def _beyond_text(column: Column, values: Any) -> tuple[Marks, npt.NDArray[np.bool_] | None]:  # noqa: ANN401 - a pandas str array
    """Mark texts, and say which are blank (None if none is): the pattern of every column refuses blank texts."""
    texts = pa.array(values)
    given = _flags(texts.is_valid())
    misfit = given & ~_flags(pc.match_substring_regex(texts, column.pattern))
    marks: Marks = {}
    if column.max_length is not None:
        marks[TOO_LONG] = _flags(pc.greater(pc.utf8_length(texts), column.max_length))
    if column.check == "uai":
        marks[BAD_CHECK_LETTER] = _wrong_letters(values, given & ~misfit)
    if not misfit.any():
        return marks, None
    blank = np.zeros(len(given), dtype=np.bool_)
    blank[misfit] = pd.Series(values[misfit]).str.strip().eq("").to_numpy(dtype=np.bool_)
    marks[BAD_PATTERN] = misfit & ~blank
    for rule in (TOO_LONG, BAD_CHECK_LETTER):
        if rule in marks:
            marks[rule] &= ~misfit
    return marks, blank


def _flags(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(array, fill_value=False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _wrong_letters(values: Any, shaped: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - a pandas str array
    wrong = np.zeros(len(shaped), dtype=np.bool_)
    codes, numbers = pd.factorize(pd.Series(values[shaped]))
    if len(numbers):
        texts = pd.Series(numbers, dtype="str")
        bad = (texts.str[7] != uai_letters(texts)).to_numpy(dtype=np.bool_)
        wrong[shaped] = bad[codes]
    return wrong


def uai_letters(numbers: pd.Series) -> pd.Series:
    """Compute the letters that check school numbers.

    Parameters
    ----------
    numbers : Series of str
        Texts that begin with seven digits.

    Returns
    -------
    Series of str
        One letter each: position ``digits % 23`` of ``UAI_LETTERS``.

    Examples
    --------
    >>> uai_letters(pd.Series(["0382032", "0910715"])).tolist()
    ['C', 'H']
    """
    digits = numbers.str[:7].astype("int64").to_numpy()
    return pd.Series(np.array(list(UAI_LETTERS))[digits % len(UAI_LETTERS)], dtype="str")
