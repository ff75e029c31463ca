"""Cells that can be read but are not allowed (bounds, shapes, check letters), and the words for faulty cells.

The expectation and the remedy of the report are made for the column and for what came. Here too: from which day on a faulty
row is known, as what is judged is what was known.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.records.cells import Cells
from decrochage_risk.records.coded_columns import NEVER, NO_CODE, NO_DAY, Texts
from decrochage_risk.records.faults import FaultReport, cut_value, text_of
from decrochage_risk.records.kernels import OUTSIDE, gaps_of_days, gaps_of_numbers
from decrochage_risk.records.rules import (
    BAD_CHECK_LETTER,
    BAD_PATTERN,
    CELL_RULES,
    NOT_FINITE,
    NOT_WHOLE,
    OUT_OF_RANGE,
    TOO_LONG,
    UNKNOWN_CHOICE,
    WRONG_TYPE,
)
from decrochage_risk.records.table_schemas import LAST_DAY, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.cells import Marks
    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.faults import FaultGroup, Rule
    from decrochage_risk.records.table_schemas import Column


__all__ = [
    "UAI_LETTERS",
    "close_names",
    "dated",
    "days_known",
    "describe_bounds",
    "faults_known_before",
    "keep_within_limits",
    "uai_letters",
    "worded_again",
    "words_for",
]

_CELL_RULE = {rule.name: rule for rule in CELL_RULES}

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
    if column.kind not in {"day", "number", "integer"}:
        return cells
    # The usual case in one pass that writes nothing; what is wrong with the others is looked at below.
    gaps = _gaps_within_limits(column, cells.array)
    if gaps != OUTSIDE:
        return Cells(cells.array, cells.marks, cells.column_rules, gaps)
    marks = (
        _beyond_days(column, cells.array) if column.kind == "day" else _beyond_numbers(column, cells.array)
    )
    values = cells.array.copy()
    values[np.logical_or.reduce(list(marks.values()))] = NO_DAY if column.kind == "day" else np.nan
    return replace(cells, array=values, marks={**cells.marks, **marks})


def _gaps_within_limits(column: Column, values: npt.NDArray[Any]) -> int:
    """Count the missing cells of a column of days or numbers, ``OUTSIDE`` if one of the others breaks a limit."""
    if column.kind == "day":
        return int(gaps_of_days(values, *_day_bounds(column.minimum, column.maximum), NO_DAY))
    low, high = _number_bounds(column.minimum, column.maximum)
    return int(gaps_of_numbers(values, low, high, column.above_minimum, column.kind == "integer"))


def _beyond_days(column: Column, days: npt.NDArray[np.int32]) -> Marks:
    low, high = _day_bounds(column.minimum, column.maximum)
    return {OUT_OF_RANGE: (days != NO_DAY) & ((days < low) | (days > high))}


@lru_cache(maxsize=64)
def _day_bounds(minimum: object, maximum: object) -> tuple[int, int]:
    first, last = np.array([str(minimum), str(maximum)], dtype="datetime64[D]").astype(np.int64).tolist()
    return first, last


@lru_cache(maxsize=64)
def _number_bounds(minimum: object, maximum: object) -> tuple[float, float]:
    """Both bounds as floats; without one, the last that is finite, so that infinite numbers lie outside."""
    most = float(np.finfo(np.float64).max)
    return (
        -most if minimum is None else float(str(minimum)),
        most if maximum is None else float(str(maximum)),
    )


def _beyond_numbers(column: Column, values: npt.NDArray[np.float64]) -> Marks:
    low, high = _number_bounds(column.minimum, column.maximum)
    infinite = np.isinf(values)
    # Comparisons with NaN are false: missing cells break no bound.
    outside = ((values <= low if column.above_minimum else values < low) | (values > high)) & ~infinite
    marks: Marks = {NOT_FINITE: infinite, OUT_OF_RANGE: outside}
    if column.kind == "integer":
        fraction = ~(infinite | outside | np.isnan(values))
        fraction[fraction] = values[fraction] % 1 != 0
        marks[NOT_WHOLE] = fraction
    # An infinite number is neither beyond a bound nor a fraction: one rule per cell.
    return {rule: mask for rule, mask in marks.items() if mask.any()}


def _texts_within(column: Column, cells: Cells) -> Cells:
    texts: Texts = cells.array
    if _plainly_allowed(column, texts.words):
        return cells
    # Once per different word: ids repeat hundreds of times over the rows of a year.
    rule_of = np.array([_word_rule(column, word) for word in texts.words] or [0], dtype=np.int8)
    if not rule_of.any():
        return cells
    # A refused word gets the code of a missing cell; the list of words stays, as other codes point into it.
    codes, rule_of_cell = (
        np.where(rule_of == 0, np.arange(rule_of.size), NO_CODE).astype(np.int32),
        texts.translate(rule_of, 0),
    )
    marks = {rule: mask for number, rule in _TEXT_RULES.items() if (mask := rule_of_cell == number).any()}
    return replace(cells, array=Texts(texts.translate(codes), texts.words), marks={**cells.marks, **marks})


def _plainly_allowed(column: Column, words: list[str]) -> bool:
    """Whether all words are ASCII letters, digits, hyphens and underscores: no identifier refuses them."""
    if column.check is not None or column.max_length is None or "" in words:
        return False
    # One test of all words joined instead of a regular expression per word: a region has a million ids.
    letters = "".join(words).replace("-", "").replace("_", "")
    return letters.isascii() and letters.isalnum() and max(map(len, words)) <= column.max_length


_BLANK = 1
_TEXT_RULES = {2: BAD_PATTERN, 3: TOO_LONG, 4: BAD_CHECK_LETTER}


def _word_rule(column: Column, word: str) -> int:
    """Find the rule of ``_TEXT_RULES`` that a word breaks: 0 for none, ``_BLANK`` for blanks only."""
    if column.pattern is not None and _compiled(column.pattern).fullmatch(word) is None:
        # Blanks only are an empty cell, not a malformed id.
        return 2 if word.strip() else _BLANK
    if column.max_length is not None and len(word) > column.max_length:
        return 3
    # Last, because the letter can be computed only of a number that has the right shape.
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


# Hints are made from the first cells: a report of a million faults must not read them all.
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
_LEVEL_HINT = (
    "; decrochage_risk.records.levels.level_of_mefstat4 gives the level of a MEFSTAT4 code, and `check DOSSIER "
    "--draft-mapping FILE` proposes the level of MEF codes and labels. Out of scope, to leave out: apprenticeship, primary "
    "school, and what follows a diploma (BTS, MC, CS, BMA)"
)
_OUT_OF_SCOPE = re.compile(
    r"appren|\bcfa\b|alternance|contrat|bts|\bmc\b|mention compl|\bcs\b|bma|cpge|licence|\bcm[12]\b|\bce[12]\b|\bcp\b"
)
"""Words of a level that is none of ours, however near it is spelled to one: an apprentice is no pupil of a lycée."""


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
    came = list(dict.fromkeys(map(text_of, values[:_LOOKED_AT])))
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


def worded_again(group: FaultGroup) -> FaultGroup:
    """Word the advice on cells anew for the rows of a group, after rows came or went; other advice stays."""
    rule = _CELL_RULE.get(group.rule)
    if rule is None or group.column is None or not group.rows.size:
        return group
    requirement, hint = words_for(rule, TABLES[group.table].column(group.column), group.values)
    return replace(group, expected=requirement, hint=hint)


def describe_bounds(column: Column) -> str:
    """Say the bounds of a column in English.

    Examples
    --------
    >>> from decrochage_risk.records.table_schemas import LAST_DAY, TABLES
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
    # 0.6 is the default of difflib: a hint may be wrong, since a person reads it before anything changes.
    near = get_close_matches(name.strip().lower(), list(others), n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def _shape(column: Column) -> str:
    if column.check == "uai":
        return "a school number (UAI): seven digits and a capital letter, such as 0382032C"
    return "text without a blank at either end and without control characters"


def _right_letters(came: list[str]) -> str:
    numbers = pd.Series(came[:_SHOWN], dtype="str")
    return ", ".join(
        f"{number[:7]} has {letter}" for number, letter in zip(numbers, uai_letters(numbers), strict=True)
    )


_LEVEL_WORDS = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), word)
    for pattern, word in (
        (r"6 ?e(?:me)?|sixieme", "6e"),
        (r"5 ?e(?:me)?|cinquieme", "5e"),
        (r"4 ?e(?:me)?|quatrieme", "4e"),
        (r"3 ?e(?:me)?|troisieme", "3e"),
        (r"2 ?(?:nde|nd|de|e|eme)|seconde|deuxieme", "2de"),
        (r"1 ?(?:ere|er|re|e)|premiere", "1re"),
        (r"terminale|term|tale|tle", "tle"),
        (r"professionnelle|pro", "pro"),
    )
)
"""Ways of writing a year and a pathway -> the one of our names of levels."""

_YEAR_OF_LEVEL = re.compile(r"(?<![0-9])[1-6](?![0-9])|\btle\b")


def _level_words(text: str) -> str:
    """Fold the name of a level past accents, signs and the ways of writing its year."""
    letters = unicodedata.normalize("NFKD", text.lower())
    plain = " ".join(
        re.findall(r"[a-z0-9]+", "".join(one for one in letters if not unicodedata.combining(one)))
    )
    for pattern, word in _LEVEL_WORDS:
        plain = pattern.sub(word, plain)
    return plain


def _year_of_level(text: str) -> str | None:
    match = _YEAR_OF_LEVEL.search(_level_words(text))
    return match[0] if match else None


def _near_choices(column: Column, came: list[str]) -> str:
    # Both our name and the French label: an extract holds words that a school reads.
    name_of = {spelling.lower(): name for name in column.choices for spelling in (name, column.labels[name])}
    near = []
    for word in came[:_SHOWN]:
        match = _near_level(word, name_of) if column.name == "level" else _nearest(word, name_of)
        if match:
            near.append(f"{word[:40]!r} may be {name_of[match]!r}")
    return (f": {', '.join(near)}" if near else "") + (_LEVEL_HINT if column.name == "level" else "")


def _nearest(word: str, spellings: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(word.strip().lower(), list(spellings), n=1, cutoff=0.6)), None)


def _near_level(word: str, spellings: Iterable[str]) -> str | None:
    """Propose the level that a word names in another spelling, else the nearest one of the year that it says; no year is guessed."""
    # A spelling near to a level of ours would put an apprentice into a lycée.
    if _OUT_OF_SCOPE.search(word.lower()):
        return None
    same_year = [one for one in spellings if _year_of_level(one) == _year_of_level(word)]
    same = (one for one in same_year if _level_words(one) == _level_words(word))
    return next(same, None) or _nearest(word, same_year)


def _advice(rule: Rule, column: Column, values: npt.NDArray[np.object_]) -> str:
    if rule is WRONG_TYPE:
        return _type_advice(column, values)
    if rule is OUT_OF_RANGE:
        return _range_advice(column, values)
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


def _range_advice(column: Column, values: npt.NDArray[np.object_]) -> str:
    if column.kind == "day":
        # Five digits at the front are a year beyond 9999; of text they may be a day count instead.
        if any(cut_value(value)[:5].isdigit() for value in values[:_LOOKED_AT] if not isinstance(value, str)):
            return "A day beyond the year 9999 is the 'infinity' of a database: leave the cell empty where there is no end."
        return "Check the year: 0025 is 2025 typed with two digits; write four."
    if column.name == "half_days":
        return "A day holds two half-days at most: write one row per day."
    if column.name == "out_of":
        return "Write the highest possible mark, such as 20; leave the cell empty for 20."
    return "Correct the value; a huge number mostly comes from a lost decimal sign or another unit."


_DATES = {
    "enrolments": ("start_date",),
    "absences": ("date", "recorded_on"),
    "grades": ("date", "recorded_on"),
    "orientation": ("date", "recorded_on"),
    "coverage": ("start",),
    "context": ("as_of",),
    "outcomes": ("date",),
}
"""Per table, the columns that say from when a row is known; in ``pupils`` nothing is dated."""


def dated(report: FaultReport, came: Mapping[str, CodedTable]) -> FaultReport:
    """Say of each faulty row from which day on it is known."""
    days = {
        name: days_known(came[name], report)
        for name in dict.fromkeys(group.table for group in report.groups if group.rows.size)
    }
    groups = (
        replace(group, known=days[group.table][group.rows]) if group.rows.size else group
        for group in report.groups
    )
    return FaultReport(tuple(groups), report.places)


def days_known(table: CodedTable, report: FaultReport) -> npt.NDArray[np.int64]:
    """Day number from which each row of a table as it came is known; ``NO_DAY`` where nothing says so."""
    days = np.full(len(table), NO_DAY, dtype=np.int64)
    for name in _DATES.get(table.table.name, ()):
        # References are made on the morning of their day, out of what was known before it.
        days = np.maximum(days, table[name] - (name == "as_of"))
        days[_beyond_all_days(report, table.table.name, name)] = NEVER
    return days


def _beyond_all_days(report: FaultReport, table: str, column: str) -> list[int]:
    """Rows whose day lies after every day that can be meant: whatever the as-of date, they are of the future."""
    return [
        int(row)
        for group in report.errors.groups
        if (group.table, group.column, group.rule) == (table, column, OUT_OF_RANGE.name)
        for row, value in zip(group.rows, group.values, strict=True)
        # The value is what came, in any spelling (text, time, numpy): its year is all that matters.
        if (year := re.search(r"[0-9]{4,}", cut_value(value))) and int(year.group()) > LAST_DAY.year
    ]


def faults_known_before(report: FaultReport, day: int | None) -> FaultReport:
    """Keep the faults of whole tables, and of rows that were known before a day: what is judged is what was known.

    Parameters
    ----------
    report : FaultReport
        As the checks give it.
    day : int or None
        Day number of the as-of date; None: everything is judged.
    """
    if day is None:
        return report
    groups = (_known_before(group, day) for group in report.groups)
    return FaultReport(tuple(group for group in groups if group is not None), report.places)


def _known_before(group: FaultGroup, day: int) -> FaultGroup | None:
    if group.known is None or (rows := group.known < day).all():
        return group
    if not rows.any():
        return None
    values = group.values[rows]  # noqa: PD011 - a field of FaultGroup
    return worded_again(replace(group, rows=group.rows[rows], values=values, known=group.known[rows]))
