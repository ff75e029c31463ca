"""Reading the cells of one column: what came becomes one declared type, what cannot be read is marked.

Everything is column-wise; text columns of few different values (days, choices, marks) are read once per value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.records.cell_rules import (
    BAD_DATE,
    MARK_WORD,
    TIME_OF_DAY,
    UNKNOWN_CHOICE,
    WRONG_TYPE,
)
from decrochage_risk.records.coded import NO_CODE, NO_DAY, Texts, days_of
from decrochage_risk.records.natures import Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.faults import Rule
    from decrochage_risk.records.tables import Column

__all__ = ["Cells", "Marks", "read_cells"]

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
        """Give the same cells as a :class:`~decrochage_risk.records.coded.CodedTable` holds them."""
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
    >>> from decrochage_risk.records.tables import TABLES
    >>> read_cells(TABLES["grades"].column("value"), pd.Series(["12,5", "Abs"])).array.tolist()
    [12.5, nan]
    """
    parts = parts_of(cells)
    if len(parts) == 1 and parts[0].rows is None:
        return _read_part(column, parts[0])
    return _scatter(column, len(cells), [(part.rows, _read_part(column, part)) for part in parts])


def _read_part(column: Column, part: Part) -> Cells:
    if part.nature == "coded":
        coded = part.cells.cat
        return read_cells(column, coded.categories.to_series()).take(coded.codes.to_numpy().astype(np.intp))
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
    given = words.ne("").to_numpy(dtype=np.bool_)
    return Cells(cells.array, _only_some({rule: mask & given for rule, mask in cells.marks.items()}))


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
    shaped = fields["year"].notna().to_numpy(dtype=np.bool_)
    year, month, day = (
        fields[name].fillna("1").astype("int64").to_numpy() for name in ("year", "month", "day")
    )
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (np.clip(month, 1, _MONTHS) - 1)
    days = months.astype("datetime64[D]") + (day - 1)
    is_day = (
        shaped & (month >= 1) & (month <= _MONTHS) & (day >= 1) & (days.astype("datetime64[M]") == months)
    )
    time = fields["time"].fillna("T00")
    has_time = ~time.str.fullmatch(_MIDNIGHT).to_numpy(dtype=np.bool_) & is_day
    given = texts.notna().to_numpy(dtype=np.bool_)
    days[~is_day] = np.datetime64("NaT")
    return Cells(days.astype(_DAY), _only_some({BAD_DATE: given & ~is_day, TIME_OF_DAY: has_time}))


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
        given = part.cells.notna().to_numpy(dtype=np.bool_)
        return Cells(values, _only_some({WRONG_TYPE: given & np.isnan(values)}))
    if part.nature not in {"flag", "integer", "float"}:
        return _wrong(column, part)
    values = part.cells.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isnan(values) & (values != 0) & (values != 1)
    return Cells(np.where(wrong, np.nan, values), _only_some({WRONG_TYPE: wrong}))


def _read_choice(column: Column, part: Part) -> Cells:
    given = part.cells.notna().to_numpy(dtype=np.bool_)
    if part.nature == "text":
        codes = pd.Index(column.choices).get_indexer(pd.Index(part.cells)).astype(np.int16)
    else:
        codes = np.full(len(given), -1, dtype=np.int16)
    return Cells(codes, _only_some({UNKNOWN_CHOICE: given & (codes < 0)}))


_READERS: Mapping[str, Callable[[Column, Part], Cells]] = {
    "text": _read_text,
    "day": _read_day,
    "integer": _read_number,
    "number": _read_number,
    "flag": _read_flag,
    "choice": _read_choice,
}


def _wrong(column: Column, part: Part) -> Cells:
    given = part.cells.notna().to_numpy(dtype=np.bool_)
    return replace(_empty_cells(column, len(given)), marks=_only_some({WRONG_TYPE: given}))


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
