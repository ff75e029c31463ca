"""Telling apart what came in a column: text, whole numbers, floats, flags, days, or something else.

A column of one type is one part. A column of Python objects of several types is split by type, so that each
part can be read column-wise and a wrong type is a fault of its own rows only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["Nature", "Part", "parts_of"]

Nature = Literal["missing", "text", "integer", "float", "flag", "day", "zoned", "coded", "other"]

_NATURE_OF_OBJECTS: dict[str, Nature] = {
    "empty": "missing",
    "string": "text",
    "boolean": "flag",
    "integer": "integer",
    "floating": "float",
    "decimal": "float",
    "date": "day",
    "datetime": "day",
    "datetime64": "day",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Cells of one nature.

    Attributes
    ----------
    nature : str
        ``zoned`` are times with a time zone, ``coded`` a categorical column, ``other`` what no cell can be.
    cells : Series
        What came.
    rows : (n,) int array or None
        Where they stand in the column; None for the whole column.
    """

    nature: Nature
    cells: pd.Series
    rows: npt.NDArray[np.intp] | None = None


def parts_of(column: pd.Series) -> tuple[Part, ...]:
    """Split a column into parts of one nature each.

    Parameters
    ----------
    column : Series
        Any column: numpy, pandas or Arrow typed, categorical, or Python objects of any type.

    Returns
    -------
    tuple of Part
        Missing cells of a mixed column are in no part.

    Examples
    --------
    >>> [part.nature for part in parts_of(pd.Series(["a", 1, 2.5, None], dtype=object))]
    ['text', 'integer', 'float']
    """
    if isinstance(column.dtype, pd.ArrowDtype):
        column = _from_arrow(column)
    if column.dtype == object:
        return tuple(_parts_of_objects(column))
    nature = _nature_of_typed(column)
    if nature == "text":
        column = column.astype("str")
    return (Part(nature, column),)


def _from_arrow(column: pd.Series) -> pd.Series:
    arrow = cast("pd.ArrowDtype", column.dtype).pyarrow_dtype
    if pa.types.is_integer(arrow):
        return column.astype("UInt64" if arrow == pa.uint64() else "Int64")
    if pa.types.is_boolean(arrow):
        return column.astype("boolean")
    if pa.types.is_decimal(arrow):
        return column.astype("float64")
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return column.astype("str")
    made: pd.Series = pa.chunked_array(column.array.__arrow_array__()).to_pandas(date_as_object=False)
    return made


def _nature_of_typed(column: pd.Series) -> Nature:
    dtype = column.dtype
    natures: tuple[tuple[bool, Nature], ...] = (
        (isinstance(dtype, pd.CategoricalDtype), "coded"),
        (isinstance(dtype, pd.StringDtype), "text"),
        (isinstance(dtype, pd.DatetimeTZDtype), "zoned"),
        (types.is_bool_dtype(dtype), "flag"),
        (types.is_integer_dtype(dtype), "integer"),
        (types.is_float_dtype(dtype), "float"),
        (types.is_datetime64_dtype(dtype), "day"),
    )
    return next((nature for holds, nature in natures if holds), "other")


def _parts_of_objects(column: pd.Series) -> Iterator[Part]:
    nature = _NATURE_OF_OBJECTS.get(types.infer_dtype(column, skipna=True))
    if nature is not None:
        yield from _typed_objects(nature, column, None)
        return
    values = column.to_numpy()
    present = np.flatnonzero(~pd.isna(values))
    codes, kinds = pd.factorize(np.fromiter(map(type, values[present]), dtype=object, count=present.size))
    for code in range(len(kinds)):
        rows = present[codes == code]
        same = pd.Series(values[rows], dtype=object)
        nature = _NATURE_OF_OBJECTS.get(types.infer_dtype(same), "other")
        yield from _typed_objects(nature, same, rows)


def _typed_objects(nature: Nature, column: pd.Series, rows: npt.NDArray[np.intp] | None) -> Iterator[Part]:
    """Give objects of one nature their type; cells that no type can hold become parts of their own."""
    try:
        yield Part(*_converted(nature, column), rows)
    except (
        ValueError,
        TypeError,
        OverflowError,
    ):  # UnicodeEncodeError, mixed time zones, integers over 1e308
        fits = column.map(lambda cell: _fits(nature, cell)).to_numpy(dtype=np.bool_)
        rows = np.arange(len(column)) if rows is None else rows
        yield Part(*_converted(nature, column[fits]), rows[fits])
        yield Part("other", column[~fits], rows[~fits])


def _fits(nature: Nature, cell: object) -> bool:
    try:
        made, _ = _converted(nature, pd.Series([cell], dtype=object))
    except (ValueError, TypeError, OverflowError):
        return False
    return made != "zoned"


def _converted(nature: Nature, column: pd.Series) -> tuple[Nature, pd.Series]:
    if nature == "text":
        return nature, column.astype("str")
    if nature == "flag":
        return nature, column.astype("boolean")
    if nature == "float":
        return nature, column.astype("float64")
    if nature == "integer":
        column.dropna().astype("float64")  # raises on integers that no float can hold
    if nature == "day":
        days = pd.to_datetime(column)
        return ("zoned" if isinstance(days.dtype, pd.DatetimeTZDtype) else "day"), days
    return nature, column
