"""Columns that came in the type they should have: no cell is looked at more than once.

A reader here gives the values of a column, or None as soon as anything about it is unusual: another type, a text that
would have to be trimmed or translated, a time of day. Then :mod:`decrochage_risk.records.cells` reads it, which knows
every spelling and gives the same values where both can.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from decrochage_risk.records.coded_columns import NO_CODE, NO_DAY, Texts, empty_values
from decrochage_risk.records.kernels import recode, whole_days

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.records.table_schemas import Column


__all__ = ["read_quickly"]

_UNUSUAL = (TypeError, ValueError, OverflowError, NotImplementedError, RecursionError)
"""What Arrow raises of columns that it has no type or no conversion for."""

_EPOCH = date(1970, 1, 1).toordinal()
_ISO_LENGTH = 10
_UNREADABLE = -2
_FLAG_CODES = {True: 1, False: 0, None: NO_CODE}


def read_quickly(column: Column, cells: Any) -> Any:  # noqa: ANN401 - see RawTable.cells; Texts, an array or None
    """Read a column in its usual type.

    Parameters
    ----------
    column : Column
        Its declaration.
    cells : Series, ChunkedArray or list
        What came.

    Returns
    -------
    Texts, array or None
        The values, as :class:`~decrochage_risk.records.coded_columns.CodedTable` holds them; None when they must be read
        cell by cell.

    Examples
    --------
    >>> from decrochage_risk.records.table_schemas import TABLES
    >>> read_quickly(TABLES["grades"].column("date"), ["1970-01-03", None]).tolist()
    [2, -2147483648]
    >>> read_quickly(TABLES["grades"].column("date"), ["03/01/1970"]) is None
    True
    """
    if isinstance(cells, list):
        return _of_list(column, cells)
    try:
        arrow = _arrow_of(cells) if isinstance(cells, pd.Series) else cells
        return None if arrow is None else _of_arrow(column, arrow)
    except (pa.ArrowException, *_UNUSUAL):
        return None


def _arrow_of(cells: pd.Series) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray, or None
    """Give a pandas column of a plain type as Arrow, without a copy where that can be."""
    if cells.dtype == object or isinstance(cells.dtype, pd.SparseDtype | pd.DatetimeTZDtype | pd.PeriodDtype):
        return None
    # from_pandas would look at every number for NaN, which stands for a missing one here anyway.
    array = pa.array(cells, from_pandas=False)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


# Lists, as JSON gives them ----------------------------------------------------------------------------------


def _of_list(column: Column, cells: list[Any]) -> Any:  # noqa: ANN401 - Texts, an array or None
    codes = _looked_up(column, cells)
    if codes is not None:
        return codes
    # The exact types: isinstance would take True for a number.
    kinds = set(map(type, cells))
    kinds.discard(type(None))
    if not kinds:
        return empty_values(column, len(cells))
    types_of_kind, read = _LISTS[column.kind]
    return read(column, cells) if kinds <= types_of_kind else None


def _looked_up(column: Column, cells: list[Any]) -> npt.NDArray[Any] | None:
    """Code choices, or days that came before; None for others, and for all if one cell is not among these texts."""
    if column.kind not in {"choice", "day"}:
        return None
    code_of = _DAY_OF if column.kind == "day" else _codes_of(column.choices)
    try:
        # What is found among texts is one of them: its type need not be looked at.
        codes = [code_of[cell] for cell in cells]
    except (KeyError, TypeError):  # a list is no key
        return None
    return np.array(codes, dtype=np.int32 if column.kind == "day" else np.int8)


def _texts_of_list(_: Column, cells: list[Any]) -> Texts:
    places = dict.fromkeys(cells)
    places.pop(None, None)
    words = list(places)
    code: dict[str | None, int] = {word: place for place, word in enumerate(words)}
    code[None] = NO_CODE
    return Texts(np.array([code[cell] for cell in cells], dtype=np.int32), words)


def _days_of_list(_: Column, cells: list[Any]) -> npt.NDArray[np.int32] | None:
    # One unreadable cell gives the whole column to the slow reader, which says what is wrong with it.
    days = [NO_DAY if cell is None else _plain_day(cell) for cell in cells]
    if None in days:
        return None
    if len(_DAY_OF) > _MOST_DAYS:
        _DAY_OF.clear()
    _DAY_OF.update(zip(cells, days, strict=True))  # type: ignore[arg-type]  # none of them is None
    return np.array(days, dtype=np.int32)


def _choices_of_list(column: Column, cells: list[Any]) -> npt.NDArray[np.int8] | None:
    code = _codes_of(column.choices)
    codes = [code.get(cell, _UNREADABLE) for cell in cells]
    return None if _UNREADABLE in codes else np.array(codes, dtype=np.int8)


def _numbers_of_list(_: Column, cells: list[Any]) -> npt.NDArray[np.float64] | None:
    try:
        # numpy makes NaN of None here.
        return np.array(cells, dtype=np.float64)
    except OverflowError:
        return None


def _flags_of_list(_: Column, cells: list[Any]) -> npt.NDArray[np.int8]:
    return np.array([_FLAG_CODES[cell] for cell in cells], dtype=np.int8)


_LISTS: dict[str, tuple[frozenset[type], Callable[[Column, list[Any]], Any]]] = {
    "text": (frozenset({str}), _texts_of_list),
    "day": (frozenset({str}), _days_of_list),
    "choice": (frozenset({str}), _choices_of_list),
    "integer": (frozenset({int, float}), _numbers_of_list),
    "number": (frozenset({int, float}), _numbers_of_list),
    "flag": (frozenset({bool}), _flags_of_list),
}


# Some 45 years of days: a service reads the same ones with every pupil.
_MOST_DAYS = 2**14
_DAY_OF: dict[str | None, int] = {}


def _plain_day(text: str) -> int | None:
    """Day number of a text written 2024-11-05, None if it is written in another way or is no day."""
    if len(text) != _ISO_LENGTH or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _codes_of(choices: tuple[str, ...]) -> dict[str | None, int]:
    code: dict[str | None, int] = {choice: place for place, choice in enumerate(choices)}
    code[None] = NO_CODE
    return code


# Arrow columns ----------------------------------------------------------------------------------------------


def _of_arrow(column: Column, cells: Any) -> Any:  # noqa: ANN401 - Texts, an array or None
    kind = cells.type
    if pa.types.is_null(kind):
        return empty_values(column, len(cells))
    if _is_text(kind) and column.kind in _OF_WORDS:
        return _words_of_arrow(column, cells)
    if column.kind == "day" and (pa.types.is_date32(kind) or _is_local_time(kind)):
        return _days_of_times(cells)
    if column.kind in {"number", "integer"} and _is_number(kind):
        return _numpy(pc.cast(cells, pa.float64()), np.float64)
    if column.kind == "flag" and pa.types.is_boolean(kind):
        return _numpy(pc.fill_null(pc.cast(cells, pa.int8()), NO_CODE), np.int8)
    return None


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - an Arrow type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_local_time(kind: Any) -> bool:  # noqa: ANN401 - an Arrow type
    return bool(pa.types.is_timestamp(kind) and kind.tz is None)


def _is_number(kind: Any) -> bool:  # noqa: ANN401 - an Arrow type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numpy(cells: Any, dtype: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - an Arrow ChunkedArray, a numpy type
    """Give the cells as an array of its own, missing numbers NaN."""
    return np.require(cells.to_numpy(), dtype, ["C", "W"])


_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def _days_of_times(cells: Any) -> npt.NDArray[np.int32] | None:  # noqa: ANN401 - an Arrow ChunkedArray
    if pa.types.is_date32(cells.type):
        return _numpy(pc.fill_null(pc.cast(cells, pa.int32()), NO_DAY), np.int32)
    days = np.empty(len(cells), dtype=np.int32)
    place = 0
    for chunk in cells.chunks:
        if not len(chunk):
            continue
        # The bytes of the chunk as they are: as numbers, times with gaps would come as floats.
        times = np.frombuffer(chunk.buffers()[1], dtype=np.int64)[chunk.offset : chunk.offset + len(chunk)]
        validity = np.asarray(chunk.is_valid()) if chunk.null_count else np.empty(0, dtype=np.bool_)
        if not whole_days(times, validity, _A_DAY[cells.type.unit], NO_DAY, days[place : place + len(chunk)]):
            return None  # a time of day would be cut off
        place += len(chunk)
    return days


def _words_of_arrow(column: Column, cells: Any) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray; Texts, an array or None
    """Read a column of text, each different word once."""
    dictionary = cells if pa.types.is_dictionary(cells.type) else pc.dictionary_encode(cells)
    dictionary = dictionary.unify_dictionaries()
    words = dictionary.chunk(0).dictionary.to_pylist() if dictionary.num_chunks else []
    # Some writers leave a null or a repeat in a dictionary: codes would no longer mean one word each.
    if None in words or len(set(words)) < len(words):
        return None
    code_of_word = _OF_WORDS[column.kind](column, words)
    if code_of_word is None:
        return None
    result = np.empty(len(dictionary), dtype=code_of_word.dtype)
    missing = NO_DAY if column.kind == "day" else NO_CODE
    place = 0
    for chunk in dictionary.chunks:
        # Signed: DuckDB's ENUM and polars' Categorical count in unsigned numbers, which have no -1.
        kind = pa.int8() if pa.types.is_int8(chunk.indices.type) else pa.int32()
        indices = pc.fill_null(pc.cast(chunk.indices, kind), NO_CODE).to_numpy()
        if column.kind == "text":
            result[place : place + len(chunk)] = indices
        else:
            recode(indices, code_of_word, missing, result[place : place + len(chunk)])
        place += len(chunk)
    return Texts(result, words) if column.kind == "text" else result


def _days_of_words(_: Column, words: list[str]) -> npt.NDArray[np.int32] | None:
    days = [_plain_day(word) for word in words]
    return None if None in days else np.array(days, dtype=np.int32)


def _choices_of_words(column: Column, words: list[str]) -> npt.NDArray[np.int8] | None:
    code = _codes_of(column.choices)
    codes = [code.get(word, _UNREADABLE) for word in words]
    return None if _UNREADABLE in codes else np.array(codes, dtype=np.int8)


_OF_WORDS: dict[str, Callable[[Column, list[str]], npt.NDArray[Any] | None]] = {
    # Texts are what their codes are.
    "text": lambda _, words: np.arange(len(words), dtype=np.int32),
    "day": _days_of_words,
    "choice": _choices_of_words,
}
