"""Bounds, shapes and check letters: readable cells that are beyond what their column allows."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.cell_rules import (
    BAD_CHECK_LETTER,
    BAD_PATTERN,
    NOT_FINITE,
    NOT_WHOLE,
    OUT_OF_RANGE,
    TOO_LONG,
)
from decrochage_risk.records.cells import Cells
from decrochage_risk.records.coded import NO_CODE, NO_DAY, Texts

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
        Coded cells. Every different text is looked at once.

    Returns
    -------
    Cells
        At most one rule of limits per cell; what it marks is missing. A text of blanks only is missing, not wrong.
    """
    if column.kind == "text":
        return _texts_within(column, cells)
    if column.kind == "day":
        marks = _beyond_days(column, cells.array)
    elif column.kind in {"number", "integer"}:
        marks = _beyond_numbers(column, cells.array)
    else:
        return cells
    if not marks:
        return cells
    values = cells.array.copy()
    values[np.logical_or.reduce(list(marks.values()))] = NO_DAY if column.kind == "day" else np.nan
    return Cells(values, {**cells.marks, **marks})


def _beyond_days(column: Column, days: npt.NDArray[np.int32]) -> Marks:
    low, high = (
        int(np.datetime64(str(bound), "D").astype(np.int64)) for bound in (column.minimum, column.maximum)
    )
    given = days != NO_DAY
    if days.size and days.max() <= high and days.min(where=given, initial=high) >= low:
        return {}
    outside = given & ((days < low) | (days > high))
    return {OUT_OF_RANGE: outside} if outside.any() else {}


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
    return {rule: mask for rule, mask in marks.items() if mask.any()}


def _texts_within(column: Column, cells: Cells) -> Cells:
    texts: Texts = cells.array
    if _plainly_allowed(column, texts.words):
        return cells
    rule_of = np.array([_word_rule(column, word) for word in texts.words] or [0], dtype=np.int8)
    if not rule_of.any():
        return cells
    codes, found = (
        np.where(rule_of == 0, np.arange(rule_of.size), NO_CODE).astype(np.int32),
        texts.translate(rule_of, 0),
    )
    marks = {rule: mask for number, rule in _TEXT_RULES.items() if (mask := found == number).any()}
    return Cells(Texts(texts.translate(codes), texts.words), {**cells.marks, **marks})


def _plainly_allowed(column: Column, words: list[str]) -> bool:
    """Whether all words are ASCII letters, digits, hyphens and underscores: no identifier refuses them."""
    if column.check is not None or column.max_length is None or "" in words:
        return False
    joined = "".join(words).replace("-", "").replace("_", "")
    return joined.isascii() and joined.isalnum() and max(map(len, words)) <= column.max_length


_BLANK = 1
_TEXT_RULES = {2: BAD_PATTERN, 3: TOO_LONG, 4: BAD_CHECK_LETTER}


def _word_rule(column: Column, word: str) -> int:
    """Find the rule of ``_TEXT_RULES`` that a word breaks: 0 for none, ``_BLANK`` for blanks only."""
    if column.pattern is not None and _compiled(column.pattern).fullmatch(word) is None:
        return 2 if word.strip() else _BLANK
    if column.max_length is not None and len(word) > column.max_length:
        return 3
    return 4 if column.check == "uai" and word[7] != UAI_LETTERS[int(word[:7]) % len(UAI_LETTERS)] else 0


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


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
