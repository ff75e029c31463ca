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
from decrochage_risk.records.raw_tables import series_of_arrow
from decrochage_risk.records.rules import (
    BAD_BYTES,
    BAD_DATE,
    BYTES_AS_TEXT,
    MARK_WORD,
    SERIAL_DATE,
    SERIAL_DATES,
    TIME_OF_DAY,
    UNKNOWN_CHOICE,
    UTC_MIDNIGHT,
    UTC_MIDNIGHTS,
    WRONG_TYPE,
)
from decrochage_risk.school_year.day_cells import (
    days_of_serials,
    days_of_texts,
    days_of_times,
    days_of_zoned,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.faults import Rule
    from decrochage_risk.records.table_schemas import Column
    from decrochage_risk.school_year.day_cells import Days


__all__ = [
    "Cells",
    "Marks",
    "Nature",
    "Part",
    "parts_of",
    "read_cells",
]

Nature = Literal["missing", "text", "bytes", "integer", "float", "flag", "day", "zoned", "coded", "other"]

_NATURE_OF_OBJECTS: dict[str, Nature] = {
    "empty": "missing",
    "string": "text",
    "bytes": "bytes",
    "boolean": "flag",
    "integer": "integer",
    "floating": "float",
    "decimal": "float",
    # For pandas three natures, for the records one: a day, with or without a time in it.
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
    is_column : bool
        Whether what only all cells together can tell may be looked for.
    """

    nature: Nature
    cells: pd.Series
    rows: npt.NDArray[np.intp] | None = None
    is_column: bool = False


def parts_of(column: pd.Series, *, is_column: bool = False) -> tuple[Part, ...]:
    """Split a column into parts of one nature each.

    Parameters
    ----------
    column : Series
        Any column: numpy, pandas or Arrow typed, categorical, or Python objects of any type.
    is_column : bool
        Whether the cells are a whole column of an extract (see :func:`read_cells`); a part of it is not.

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
        # Only a column of one type may be mended as a whole (day counts, UTC midnights): a mixed one has no
        # rule to learn.
        parts = tuple(_parts_of_objects(column))
        whole = len(parts) == 1 and parts[0].rows is None
        return (replace(parts[0], is_column=is_column),) if whole else parts
    nature = _nature_of_typed(column)
    if nature == "text":
        # Other string types keep their own missing value and their own comparison: one type from here on.
        column = column.astype("str")
    return (Part(nature, column, is_column=is_column),)


def _from_arrow(column: pd.Series) -> pd.Series:
    arrow = cast("pd.ArrowDtype", column.dtype).pyarrow_dtype
    if pa.types.is_integer(arrow):
        # Masked integers: through numpy a gap would make floats of them, and ids above 2 ** 53 would be
        # rounded.
        return column.astype("UInt64" if arrow == pa.uint64() else "Int64")
    if pa.types.is_boolean(arrow):
        return column.astype("boolean")
    return series_of_arrow(pa.chunked_array(column.array.__arrow_array__()))


def _nature_of_typed(column: pd.Series) -> Nature:
    dtype = column.dtype
    natures: tuple[tuple[bool, Nature], ...] = (
        (isinstance(dtype, pd.CategoricalDtype), "coded"),
        (isinstance(dtype, pd.StringDtype), "text"),
        (isinstance(dtype, pd.DatetimeTZDtype), "zoned"),
        # The order matters: of a categorical of booleans, pandas says that it is boolean.
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
    # By the exact type: True equals 1 and 1.0, so that a factorize of the cells would join what must stay
    # apart.
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
        # Only now one by one: a single bad cell must not make the others of its type unreadable.
        fits = column.map(lambda cell: _fits(nature, cell)).to_numpy(dtype=np.bool_)
        rows = np.arange(len(column)) if rows is None else rows
        yield Part(*_converted(nature, column[fits]), rows[fits])
        yield Part("other", column[~fits], rows[~fits])


def _fits(nature: Nature, cell: object) -> bool:
    try:
        nature_of_cell, _ = _converted(nature, pd.Series([cell], dtype=object))
    except (ValueError, TypeError, OverflowError):
        return False
    # A time with a zone converts alone, but not among days without one: it goes to its own part.
    return nature_of_cell != "zoned"


def _converted(nature: Nature, column: pd.Series) -> tuple[Nature, pd.Series]:
    if nature == "text":
        return nature, column.astype("str")
    if nature == "bytes":
        return nature, column
    if nature == "flag":
        return nature, column.astype("boolean")
    if nature == "float":
        return nature, column.astype("float64")
    if nature == "integer":
        column.dropna().astype("float64")  # raises on integers that no float can hold
    if nature == "day":
        # A column of Python times with a zone is only recognised once it is converted.
        days = pd.to_datetime(column)
        return ("zoned" if isinstance(days.dtype, pd.DatetimeTZDtype) else "day"), days
    return nature, column


Marks = dict["Rule", "npt.NDArray[np.bool_]"]
"""Per rule, the rows that break it; only rules that some row breaks are keys."""

_DAY = "datetime64[s]"
# Stricter than float(): that takes "nan", "inf", "1_000" and digits of other scripts.
_NUMBER = r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
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
    column_rules : tuple of Rule
        Warnings about the column as a whole, such as texts that came as bytes.
    gaps : int or None
        How many cells are missing, where they were counted on the way.
    """

    array: Any
    marks: Marks
    column_rules: tuple[Rule, ...] = ()
    gaps: int | None = None

    def take(self, codes: npt.NDArray[np.intp]) -> Cells:
        """Repeat cells by their positions; -1 is a missing cell, and a cell that is not used marks no row."""
        # The code -1 reads what is appended at the end: no mark, and a missing cell.
        marks = _only_some({rule: np.append(mask, [False])[codes] for rule, mask in self.marks.items()})
        if isinstance(self.array, np.ndarray):
            array: Any = np.append(self.array, _missing(self.array.dtype))[codes]
        else:
            array = self.array.take(codes, allow_fill=True)
        return Cells(array, marks, self.column_rules)

    def coded(self, column: Column) -> Cells:
        """Give the same cells as a :class:`~decrochage_risk.records.coded_columns.CodedTable` holds them."""
        return replace(self, array=self._coded(column))

    def _coded(self, column: Column) -> Any:  # noqa: ANN401 - Texts, or an array of the column's kind
        if column.kind == "text":
            codes, words = pd.factorize(self.array)
            return Texts(codes.astype(np.int32), list(words))
        if column.kind == "day":
            # Every column of days is coded with the missing day first; who needs it last (an end) turns it
            # around.
            return days_of(pd.Series(self.array), NO_DAY)
        if column.kind == "flag":
            return np.where(np.isnan(self.array), NO_CODE, self.array).astype(np.int8)
        if column.kind == "choice":
            return self.array.astype(np.int8)
        # A column of a frame may be strided or read-only: the compiled loops take neither.
        return np.require(self.array, np.float64, ["C", "W"])


def read_cells(column: Column, cells: pd.Series, *, is_column: bool = True) -> Cells:
    """Read one column.

    Parameters
    ----------
    column : Column
        Its declaration.
    cells : Series
        What came, of any type.
    is_column : bool
        Whether they are a column of an extract. Then what only all cells together can tell (day counts of a spreadsheet,
        midnights stored as UTC) is mended, and told. The rows of a payload are judged one by one, so that a pupil sent
        alone is read as in a batch.

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
    parts = parts_of(cells, is_column=is_column)
    if len(parts) == 1 and parts[0].rows is None:
        return _read_part(column, parts[0])
    return _scatter(column, len(cells), [(part.rows, _read_part(column, part)) for part in parts])


def _read_part(column: Column, part: Part) -> Cells:
    if part.nature == "coded":
        categories = part.cells.cat
        codes = categories.codes.to_numpy().astype(np.intp)
        # Only the categories that some row has: a filtered frame still declares the others.
        used = np.unique(codes[codes >= 0])
        place = np.full(len(categories.categories) + 1, -1, dtype=np.intp)
        place[used] = np.arange(used.size)
        words = pd.Series(categories.categories[used])
        return read_cells(column, words, is_column=part.is_column).take(place[codes])
    if part.nature == "missing":
        return _empty_cells(column, len(part.cells))
    if part.nature == "bytes":
        return _read_bytes(column, part)
    if part.nature == "text" and column.kind != "text":
        # A column of days or choices holds few different texts: each is parsed once, not once per row.
        codes, texts = pd.factorize(part.cells)
        words = pd.Series(texts, dtype="str").str.strip()
        read = _READERS[column.kind](column, replace(part, cells=words))
        return _blanks_missing(read, words).take(codes)
    return _READERS[column.kind](column, part)


def _read_bytes(column: Column, part: Part) -> Cells:
    """Read bytes as UTF-8 text, as old Spark and Impala write it; bytes that are not are a fault of their own."""
    codes, contents = pd.factorize(part.cells.to_numpy(dtype=object))
    words = [_decoded(content) for content in contents]
    # The blank at the end is what the code -1 of a missing cell reads.
    is_wrong = np.array([word is None for word in (*words, "")], dtype=np.bool_)[codes]
    texts = pd.Series(pd.array([*words, None], dtype="str").take(codes))
    cells = _read_part(column, Part("text", texts, is_column=part.is_column))
    return Cells(
        cells.array, _only_some({**cells.marks, BAD_BYTES: is_wrong}), (BYTES_AS_TEXT, *cells.column_rules)
    )


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _blanks_missing(cells: Cells, words: pd.Series) -> Cells:
    """Take the marks off blank texts: a blank cell is a missing one, not a wrong one."""
    filled_in = words.ne("").to_numpy(dtype=np.bool_)
    return replace(cells, marks=_only_some({rule: mask & filled_in for rule, mask in cells.marks.items()}))


def _read_text(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return Cells(part.cells.array, {})
    # A float is refused as text: an id that became one has lost its leading zeros, and perhaps its last
    # digits.
    if part.nature == "integer":
        return Cells(part.cells.astype("str").array, {})
    return _wrong(column, part)


def _read_day(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return _of_days(days_of_texts(part.cells, is_column=part.is_column))
    if part.nature == "zoned":
        return _of_days(days_of_zoned(part.cells, is_column=part.is_column))
    if part.nature == "day":
        return _of_days(days_of_times(part.cells.to_numpy(), is_column=part.is_column))
    # A lone number is no day: only a whole column of such numbers says that a spreadsheet counted days.
    if part.nature in {"integer", "float"} and part.is_column:
        days = days_of_serials(part.cells.to_numpy(dtype=np.float64, na_value=np.nan))
        return _wrong(column, part) if days is None else _of_days(days)
    return _wrong(column, part)


def _of_days(days: Days) -> Cells:
    marks = {
        # One cell breaks one rule, so the two must not overlap; a day count has another remedy than a typing
        # error.
        BAD_DATE: days.unreadable & ~days.serial,
        SERIAL_DATE: days.unreadable & days.serial,
        TIME_OF_DAY: days.has_time,
        UTC_MIDNIGHT: days.moved,
    }
    rules = {"serials": SERIAL_DATES, "utc": UTC_MIDNIGHTS}
    column_rules = (rules[days.mended],) if days.mended else ()
    return Cells(days.days.astype(_DAY), _only_some(marks), column_rules)


def _read_number(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        return _numbers_of_text(column, part.cells)
    if part.nature in {"integer", "float"}:
        return Cells(part.cells.to_numpy(dtype=np.float64, na_value=np.nan), {})
    return _wrong(column, part)


def _numbers_of_text(column: Column, texts: pd.Series) -> Cells:
    is_number = texts.str.fullmatch(_NUMBER).fillna(value=False).to_numpy(dtype=np.bool_)
    # "Abs", "Disp" and the like are no zeros: told apart from nonsense, because the remedy is a status, not a
    # number.
    is_word = texts.str.lower().isin(list(column.words)).to_numpy(dtype=np.bool_)
    values = np.full(len(texts), np.nan)
    values[is_number] = texts[is_number].str.replace(",", ".", regex=False).astype("float64")
    wrong = texts.notna().to_numpy(dtype=np.bool_) & ~is_number & ~is_word
    return Cells(values, _only_some({MARK_WORD: is_word & ~is_number, WRONG_TYPE: wrong}))


def _read_flag(column: Column, part: Part) -> Cells:
    if part.nature == "text":
        # Excel writes VRAI and FAUX, other programs True or oui: case says nothing here.
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
    column_rules: dict[Rule, None] = {}
    # An Arrow-backed str array is copied whole at every write: objects first, one conversion at the end.
    values = whole.array.astype(object) if column.kind == "text" else whole.array
    marks: Marks = {}
    for rows, cells in parts:
        values[rows] = cells.array
        column_rules |= dict.fromkeys(cells.column_rules)
        for rule, mask in cells.marks.items():
            marks.setdefault(rule, np.zeros(size, dtype=np.bool_))[rows] |= mask
    array = pd.array(values, dtype="str") if column.kind == "text" else values
    return Cells(array, marks, tuple(column_rules))


def _only_some(marks: Marks) -> Marks:
    return {rule: mask for rule, mask in marks.items() if mask.any()}
