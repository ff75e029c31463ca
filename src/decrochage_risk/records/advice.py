"""What the report says about a faulty cell: the expectation and the remedy, made for the column and what came."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.cell_rules import (
    BAD_CHECK_LETTER,
    BAD_PATTERN,
    OUT_OF_RANGE,
    TOO_LONG,
    UNKNOWN_CHOICE,
    WRONG_TYPE,
)
from decrochage_risk.records.limits import uai_letters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from decrochage_risk.records.faults import Rule
    from decrochage_risk.records.tables import Column

__all__ = ["close_names", "describe_bounds", "words_for"]

_LOOKED_AT = 1_000
_SHOWN = 3

_KIND_WORDS = {
    "text": "text",
    "day": "a day, as a date or as text like 2024-09-30 or 30/09/2024",
    "integer": "a whole number",
    "number": "a number (a decimal comma is accepted in text)",
    "flag": "true or false (1/0, oui/non, O/N)",
    "choice": "text",
}
_LEVEL_HINT = "; decrochage_risk.records.levels.level_of_mefstat4 gives the level of a MEFSTAT4 code"


def words_for(rule: Rule, column: Column, values: npt.NDArray[np.object_]) -> tuple[str, str]:
    """Word the expectation and the remedy of one rule for one column.

    Parameters
    ----------
    rule : Rule
        The rule that is broken.
    column : Column
        The column at fault.
    values : (n,) object array
        What stood in the faulty cells; only the first thousand are looked at.

    Returns
    -------
    expected, hint : str
    """
    came = list(dict.fromkeys(map(str, values[:_LOOKED_AT])))
    facts = {
        "column": column.name,
        "kind": _KIND_WORDS[column.kind],
        "choices": ", ".join(column.choices),
        "bounds": describe_bounds(column),
        "longest": column.max_length,
        "shape": _shape(column),
        "letters": _right_letters(came) if rule is BAD_CHECK_LETTER else "",
        "close": _near_choices(column, came) if rule is UNKNOWN_CHOICE else "",
        "advice": _advice(rule, column, values),
    }
    return rule.expected.format(**facts), rule.hint.format(**facts)


def describe_bounds(column: Column) -> str:
    """Say the bounds of a column in English.

    Examples
    --------
    >>> from decrochage_risk.records.tables import TABLES
    >>> describe_bounds(TABLES["grades"].column("out_of"))
    'more than 0 and at most 1000'
    """
    low, high = column.minimum, column.maximum
    if low is None and high is None:
        return "any value"
    if high is None:
        return f"more than {low}" if column.above_minimum else f"at least {low}"
    return f"more than {low} and at most {high}" if column.above_minimum else f"between {low} and {high}"


def close_names(name: str, others: Iterable[str]) -> str:
    """Propose the declared names nearest to one that came, as the end of a sentence.

    Examples
    --------
    >>> close_names("pupilid", ["pupil_id", "sex"])
    " (did you mean 'pupil_id'?)"
    """
    near = get_close_matches(name.strip().lower(), list(others), n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def _shape(column: Column) -> str:
    if column.check == "uai":
        return "a school number (UAI): seven digits and a capital letter, such as 0382032C"
    return "text without a blank at either end and without control characters"


def _right_letters(came: list[str]) -> str:
    shown = pd.Series(came[:_SHOWN], dtype="str")
    return ", ".join(
        f"{number[:7]} has {letter}" for number, letter in zip(shown, uai_letters(shown), strict=True)
    )


def _near_choices(column: Column, came: list[str]) -> str:
    spelled = {spelling.lower(): name for name in column.choices for spelling in (name, column.labels[name])}
    near = []
    for word in came[:_SHOWN]:
        match = get_close_matches(word.strip().lower(), list(spelled), n=1, cutoff=0.6)
        if match:
            near.append(f"{word[:40]!r} may be {spelled[match[0]]!r}")
    return (f": {', '.join(near)}" if near else "") + (_LEVEL_HINT if column.name == "level" else "")


def _advice(rule: Rule, column: Column, values: npt.NDArray[np.object_]) -> str:
    if rule is WRONG_TYPE:
        return _type_advice(column, values)
    if rule is OUT_OF_RANGE:
        return _range_advice(column)
    if rule is BAD_PATTERN and column.check == "uai":
        return (
            "Write the number as in the national directory: no blank, capital letter, its leading zero kept."
        )
    if rule is TOO_LONG:
        return ""
    return "Trim the text; accents, inner spaces and emoji are allowed."


def _type_advice(column: Column, values: npt.NDArray[np.object_]) -> str:
    numeric = any(isinstance(value, int | float | np.number) for value in values[:_LOOKED_AT])
    if column.kind == "text" and numeric:
        return (
            "An id that was read as a number with decimals has lost its leading zeros: read this column as text "
            "(for example dtype={'" + column.name + "': 'str'} in pandas.read_csv)."
        )
    if column.kind == "day" and numeric:
        return "A number in a date column is mostly a spreadsheet's day count: export the column as text or dates."
    if column.kind == "day":
        return "Convert times with a time zone to local days first."
    if column.name == "value":
        return "Write the mark as a plain number; '11.5/20' goes into two columns: value 11.5, out_of 20."
    return "Correct the cells, or leave them empty where the column allows it."


def _range_advice(column: Column) -> str:
    if column.kind == "day":
        return "Check the year: 0025 is 2025 typed with two digits; write four."
    if column.name == "half_days":
        return "A day holds two half-days at most: write one row per day."
    if column.name == "out_of":
        return "Write the highest possible mark, such as 20; leave the cell empty for 20."
    return "Correct the value; a huge number mostly comes from a lost decimal sign or another unit."
