"""The cells of one column, whatever they came as: each becomes one declared type, what cannot be read is marked.

A column of one type is one part. A column of Python objects of several types is split by type, so that each part can be
read column-wise and a wrong type is a fault of its own rows only. Text columns of few different values (days, choices,
marks) are read once per value. Columns that came in the type they should have are read faster, and to the same values, by
:mod:`decrochage_risk.records.usual_cells`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from decrochage_risk.records.coded_columns import NO_CODE, NO_DAY, Texts, days_of
from decrochage_risk.records.rules import (
    BAD_DATE,
    MARK_WORD,
    TIME_OF_DAY,
    UNKNOWN_CHOICE,
    WRONG_TYPE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.faults import Rule
    from decrochage_risk.records.table_schemas import Column


__all__ = [
    "Cells",
    "Marks",
    "Nature",
    "Part",
    "parts_of",
    "read_cells",
]

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
    cells: pd.Series = pa.chunked_array(column.array.__arrow_array__()).to_pandas(date_as_object=False)
    return cells


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
        nature_of_cell, _ = _converted(nature, pd.Series([cell], dtype=object))
    except (ValueError, TypeError, OverflowError):
        return False
    return nature_of_cell != "zoned"


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


Marks = dict["Rule", "npt.NDArray[np.bool_]"]
"""Per rule, the rows that break it; only rules that some row breaks are keys."""

_DAY = "datetime64[s]"
_MONTHS = 12
_ISO_DAY = r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})(?P<time>[T ][0-9:.]+)?$"
_PLAIN_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FRENCH_DAY = r"^(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})/(?P<year>[0-9]{4})(?P<time> [0-9:.]+)?$"
_NUMBER = r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
_MIDNIGHT = r"[T ]0{1,2}(?::0{2})*(?:\.0+)?"
_FLAGS: Mapping[str, float] = {
    **dict.fromkeys(("true", "vrai", "1", "1.0", "oui", "o", "yes", "y"), 1.0),
    **dict.fromkeys(("false", "faux", "0", "0.0", "non", "n", "no"), 0.0),
}


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells that were read.

    Attributes
    ----------
    array : array
        ``datetime64[s]`` days, ``float64`` numbers and flags (0, 1), ``int16`` codes of choices (-1 missing),
        or pandas ``str`` text; of :meth:`coded` cells the values that a ``CodedTable`` holds.
    marks : dict of Rule to bool array
        Rows with a fault; a cell with an error is missing in ``array``.
    """

    array: Any
    marks: Marks

    def take(self, codes: npt.NDArray[np.intp]) -> Cells:
        """Repeat cells by their positions; -1 is a missing cell."""
        marks = {rule: np.append(mask, [False])[codes] for rule, mask in self.marks.items()}
        if isinstance(self.array, np.ndarray):
            return Cells(np.append(self.array, _missing(self.array.dtype))[codes], marks)
        return Cells(self.array.take(codes, allow_fill=True), marks)

    def coded(self, column: Column) -> Cells:
        """Give the same cells as a :class:`~decrochage_risk.records.coded_columns.CodedTable` holds them."""
        if column.kind == "text":
            codes, words = pd.factorize(self.array)
            return Cells(Texts(codes.astype(np.int32), list(words)), self.marks)
        if column.kind == "day":
            return Cells(days_of(pd.Series(self.array), NO_DAY), self.marks)
        if column.kind == "flag":
            return Cells(np.where(np.isnan(self.array), NO_CODE, self.array).astype(np.int8), self.marks)
        if column.kind == "choice":
            return Cells(self.array.astype(np.int8), self.marks)
        return Cells(np.require(self.array, np.float64, ["C", "W"]), self.marks)


def read_cells(column: Column, cells: pd.Series) -> Cells:
    """Read one column.

    Parameters
    ----------
    column : Column
        Its declaration.
    cells : Series
        What came, of any type.

    Returns
    -------
    Cells
        As many as came. Bounds, patterns and missing cells are not looked at here.

    Examples
    --------
    >>> from decrochage_risk.records.table_schemas import TABLES
    >>> read_cells(TABLES["grades"].column("value"), pd.Series(["12,5", "Abs"])).array.tolist()
    [12.5, nan]
    """
    parts = parts_of(cells)
    if len(parts) == 1 and parts[0].rows is None:
        return _read_part(column, parts[0])
    return _scatter(column, len(cells), [(part.rows, _read_part(column, part)) for part in parts])


def _read_part(column: Column, part: Part) -> Cells:
    if part.nature == "coded":
        categories = part.cells.cat
        return read_cells(column, categories.categories.to_series()).take(
            categories.codes.to_numpy().astype(np.intp)
        )
    if part.nature == "missing":
        return _empty_cells(column, len(part.cells))
    if part.nature == "text" and column.kind != "text":
        codes, texts = pd.factorize(part.cells)
        words = pd.Series(texts, dtype="str").str.strip()
        read = _READERS[column.kind](column, replace(part, cells=words))
        return _blanks_missing(read, words).take(codes)
    return _READERS[column.kind](column, part)


def _blanks_missing(cells: Cells, words: pd.Series) -> Cells:
    """Take the marks off blank texts: a blank cell is a missing one, not a wrong one."""
    filled_in = words.ne("").to_numpy(dtype=np.bool_)
    return Cells(cells.array, _only_some({rule: mask & filled_in for rule, mask in cells.marks.items()}))


def _read_text(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return Cells(part.cells.array, {})
    if part.nature == "integer":
        return Cells(part.cells.astype("str").array, {})
    return _wrong(column, part)


def _read_day(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return _days_of_text(part.cells)
    if part.nature != "day":
        return _wrong(column, part)
    times = part.cells.to_numpy()
    days = times.astype("datetime64[D]")
    marks = {} if times.dtype == days.dtype else {TIME_OF_DAY: ~np.isnat(times) & (days != times)}
    return Cells(days.astype(_DAY), _only_some(marks))


def _plain_days(texts: pd.Series) -> Any:  # noqa: ANN401 - an array of days, or None
    """Days of texts that are all written 2024-11-05 and exist; None as soon as one does not."""
    if not texts.str.fullmatch(_PLAIN_DAY).all():
        return None
    try:
        return texts.to_numpy(dtype="U10").astype("datetime64[D]").astype(_DAY)
    except ValueError:
        return None


def _days_of_text(texts: pd.Series) -> Cells:
    plain = _plain_days(texts)
    if plain is not None:
        return Cells(plain, {})
    iso, french = (texts.str.extract(shape) for shape in (_ISO_DAY, _FRENCH_DAY))
    fields = iso.where(iso["year"].notna(), french[iso.columns])
    has_shape = fields["year"].notna().to_numpy(dtype=np.bool_)
    year, month, day = (
        fields[name].fillna("1").astype("int64").to_numpy() for name in ("year", "month", "day")
    )
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (np.clip(month, 1, _MONTHS) - 1)
    days = months.astype("datetime64[D]") + (day - 1)
    is_day = (
        has_shape & (month >= 1) & (month <= _MONTHS) & (day >= 1) & (days.astype("datetime64[M]") == months)
    )
    time = fields["time"].fillna("T00")
    has_time = ~time.str.fullmatch(_MIDNIGHT).to_numpy(dtype=np.bool_) & is_day
    present = texts.notna().to_numpy(dtype=np.bool_)
    days[~is_day] = np.datetime64("NaT")
    return Cells(days.astype(_DAY), _only_some({BAD_DATE: present & ~is_day, TIME_OF_DAY: has_time}))


def _read_number(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return _numbers_of_text(column, part.cells)
    if part.nature in {"integer", "float"}:
        return Cells(part.cells.to_numpy(dtype=np.float64, na_value=np.nan), {})
    return _wrong(column, part)


def _numbers_of_text(column: Column, texts: pd.Series) -> Cells:
    is_number = texts.str.fullmatch(_NUMBER).fillna(value=False).to_numpy(dtype=np.bool_)
    is_word = texts.str.lower().isin(list(column.words)).to_numpy(dtype=np.bool_)
    values = np.full(len(texts), np.nan)
    values[is_number] = texts[is_number].str.replace(",", ".", regex=False).astype("float64")
    wrong = texts.notna().to_numpy(dtype=np.bool_) & ~is_number & ~is_word
    return Cells(values, _only_some({MARK_WORD: is_word & ~is_number, WRONG_TYPE: wrong}))


def _read_flag(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        values = part.cells.str.lower().map(_FLAGS).to_numpy(dtype=np.float64)
        present = part.cells.notna().to_numpy(dtype=np.bool_)
        return Cells(values, _only_some({WRONG_TYPE: present & np.isnan(values)}))
    if part.nature not in {"flag", "integer", "float"}:
        return _wrong(column, part)
    values = part.cells.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isnan(values) & (values != 0) & (values != 1)
    return Cells(np.where(wrong, np.nan, values), _only_some({WRONG_TYPE: wrong}))


def _read_choice(column: Column, part: Part) -> Cells:
    present = part.cells.notna().to_numpy(dtype=np.bool_)
    if part.nature == "text":
        codes = pd.Index(column.choices).get_indexer(pd.Index(part.cells)).astype(np.int16)
    else:
        codes = np.full(len(present), -1, dtype=np.int16)
    return Cells(codes, _only_some({UNKNOWN_CHOICE: present & (codes < 0)}))


_READERS: Mapping[str, Callable[[Column, Part], Cells]] = {
    "text": _read_text,
    "day": _read_day,
    "integer": _read_number,
    "number": _read_number,
    "flag": _read_flag,
    "choice": _read_choice,
}


def _wrong(column: Column, part: Part) -> Cells:
    present = part.cells.notna().to_numpy(dtype=np.bool_)
    return replace(_empty_cells(column, len(present)), marks=_only_some({WRONG_TYPE: present}))


def _empty_cells(column: Column, size: int) -> Cells:
    """Make as many missing cells of a column as asked for."""
    if column.kind == "text":
        return Cells(pd.array([None] * size, dtype="str"), {})
    dtype = {"day": _DAY, "choice": "int16"}.get(column.kind, "float64")
    return Cells(np.full(size, _missing(np.dtype(dtype))), {})


def _missing(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a scalar of the given type
    if dtype.kind == "M":
        return np.datetime64("NaT", "s")
    return np.int16(-1) if dtype.kind == "i" else np.nan


def _scatter(column: Column, size: int, parts: Iterable[tuple[npt.NDArray[np.intp] | None, Cells]]) -> Cells:
    """Put parts back to where they stood; cells of no part are missing."""
    whole = _empty_cells(column, size)
    values = whole.array.astype(object) if column.kind == "text" else whole.array
    marks: Marks = {}
    for rows, cells in parts:
        values[rows] = cells.array
        for rule, mask in cells.marks.items():
            marks.setdefault(rule, np.zeros(size, dtype=np.bool_))[rows] |= mask
    return Cells(pd.array(values, dtype="str") if column.kind == "text" else values, marks)


def _only_some(marks: Marks) -> Marks:
    return {rule: mask for rule, mask in marks.items() if mask.any()}
