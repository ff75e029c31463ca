"""Telling apart what came in a column: text, whole numbers, floats, flags, days, or something else.

A column of one type is one part. A column of Python objects of several types is split by type, so that each
part can be read column-wise and a wrong type is a fault of its own rows only.

The rules that columns and single cells are held against, each with what to do when it is broken.

Reading the cells of one column: what came becomes one declared type, what cannot be read is marked.

Everything is column-wise; text columns of few different values (days, choices, marks) are read once per value.

Reading a column that came in the type it should have: no cell is looked at more than once.

A reader here gives the values of a column, or None as soon as anything about it is unusual: another type, a text that
would have to be trimmed or translated, a time of day. Then :mod:`decrochage_risk.records.cells` reads it, which knows
every spelling and gives the same values where both can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from decrochage_risk.records.coded_columns import NO_CODE, NO_DAY, Texts, days_of, empty_values
from decrochage_risk.records.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.table_schemas import Column


__all__ = [
    "BAD_CHECK_LETTER",
    "BAD_DATE",
    "BAD_PATTERN",
    "CELL_RULES",
    "DUPLICATE_COLUMN",
    "EMPTY_TABLE",
    "MARK_WORD",
    "MISSING_COLUMN",
    "MISSING_VALUE",
    "NOT_FINITE",
    "NOT_WHOLE",
    "OUT_OF_RANGE",
    "TIME_OF_DAY",
    "TOO_LONG",
    "UNKNOWN_CHOICE",
    "UNKNOWN_COLUMN",
    "WRONG_TYPE",
    "Cells",
    "Marks",
    "Nature",
    "Part",
    "parts_of",
    "read_cells",
    "read_quickly",
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


EMPTY_TABLE = Rule(
    "empty_table",
    "error",
    "at least one row",
    "Check the extraction: without a row in this table there is nobody to score.",
    "La table est obligatoire et n’a aucune ligne.",
    "Vérifier l’extraction : sans ligne, il n’y a personne à suivre.",
)
MISSING_COLUMN = Rule(
    "missing_column",
    "error",
    "a column named {column!r}",
    "Add the column, or rename the one that means this: {description}{close}.",
    "Une colonne obligatoire manque.",
    "Ajouter la colonne, ou renommer celle qui en tient lieu.",
)
DUPLICATE_COLUMN = Rule(
    "duplicate_column",
    "error",
    "each column once",
    "Keep one of the columns of this name; none of them was read.",
    "Deux colonnes portent le même nom : aucune n’est lue.",
    "N’en garder qu’une.",
)
UNKNOWN_COLUMN = Rule(
    "unknown_column",
    "warning",
    "only {columns}",
    "The column was not read{close}. Leave it out of the extract if it is not needed.",
    "Une colonne inconnue n’est pas lue.",
    "La renommer si c’est une faute de frappe ; sinon, ne pas l’extraire.",
)
MISSING_VALUE = Rule(
    "missing_value",
    "error",
    "a value in every row",
    "Fill the cell, or leave the row out.",
    "Une cellule obligatoire est vide.",
    "Remplir la cellule, ou retirer la ligne.",
)
WRONG_TYPE = Rule(
    "wrong_type",
    "error",
    "{kind}",
    "{advice}",
    "La cellule n’est pas du type attendu (texte, date, nombre, oui/non).",
    "Corriger la cellule. Un identifiant lu comme un nombre à virgule a perdu ses zéros : lire la colonne comme "
    "du texte.",
)
BAD_DATE = Rule(
    "bad_date",
    "error",
    "a day of the calendar written 2024-09-30 or 30/09/2024",
    "Write four digits for the year, and the day before the month when you use slashes.",
    "Le texte n’est pas une date lisible.",
    "Écrire 2024-09-30 ou 30/09/2024, avec quatre chiffres pour l’année.",
)
TIME_OF_DAY = Rule(
    "time_of_day",
    "warning",
    "a day without a time",
    "The day was kept and the time was dropped; extract the day alone.",
    "La date porte une heure : le jour est gardé, l’heure est ignorée.",
    "Extraire le jour seul.",
)
UNKNOWN_CHOICE = Rule(
    "unknown_choice",
    "error",
    "one of {choices}",
    "Translate the values of your extract into these{close}.",
    "La valeur n’est pas dans la liste de la colonne.",
    "Traduire les valeurs de l’extraction dans celles de la liste.",
)
OUT_OF_RANGE = Rule(
    "out_of_range",
    "error",
    "{bounds}",
    "{advice}",
    "La valeur est hors des bornes de la colonne (une année 0025, une demi-journée de trop, un barème nul).",
    "Corriger la valeur.",
)
NOT_FINITE = Rule(
    "not_finite",
    "error",
    "a finite number",
    "Infinity mostly comes from a division by zero: correct the computation, or leave the cell empty.",
    "Le nombre est infini.",
    "Corriger le calcul d’où il vient (division par zéro), ou laisser la cellule vide.",
)
NOT_WHOLE = Rule(
    "not_whole",
    "error",
    "a whole number",
    "Write it without decimals; half a half-day does not exist.",
    "Le nombre devrait être entier.",
    "L’écrire sans décimales.",
)
MARK_WORD = Rule(
    "mark_word",
    "error",
    "a number, or an empty cell with the status that says why",
    "Leave the cell empty and set status: Abs -> 'absent'; Disp, Inapte, NN, NE, — -> 'exempt'; NR, N.Rdu -> "
    "'not_handed_in'.",
    "Un mot (Abs, Disp, NN, NE, —…) tient lieu de note.",
    "Vider la cellule et mettre le statut : Abs → absent ; Disp, Inapte, NN, NE, — → exempt ; NR → not_handed_in.",
)
BAD_PATTERN = Rule(
    "bad_pattern",
    "error",
    "{shape}",
    "{advice}",
    "Le texte n’a pas la forme attendue (numéro UAI ; identifiant sans blanc au bord ni caractère de contrôle).",
    "Corriger le texte. Accents, espaces intérieures et émojis sont permis dans un identifiant.",
)
TOO_LONG = Rule(
    "too_long",
    "error",
    "at most {longest} characters",
    "Ids of the exports have 11 characters, a keyed hash 64: check which column was read.",
    "Le texte est trop long pour un identifiant.",
    "Vérifier la colonne lue : un identifiant d’export a 11 caractères, un pseudonyme 64.",
)
BAD_CHECK_LETTER = Rule(
    "bad_check_letter",
    "error",
    "the letter that checks the seven digits ({letters})",
    "One of the digits or the letter is mistyped: look the school up in the national directory of schools.",
    "La lettre du numéro UAI ne contrôle pas ses sept chiffres.",
    "Un chiffre ou la lettre est mal saisi : chercher l’établissement dans l’annuaire de l’éducation.",
)

CELL_RULES: tuple[Rule, ...] = (
    EMPTY_TABLE,
    MISSING_COLUMN,
    DUPLICATE_COLUMN,
    UNKNOWN_COLUMN,
    MISSING_VALUE,
    WRONG_TYPE,
    BAD_DATE,
    TIME_OF_DAY,
    UNKNOWN_CHOICE,
    OUT_OF_RANGE,
    NOT_FINITE,
    NOT_WHOLE,
    MARK_WORD,
    BAD_PATTERN,
    TOO_LONG,
    BAD_CHECK_LETTER,
)
"""Every rule of columns and cells, in the order of the documentation."""


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
    days[~is_day] = np.datetime64("NaT", "D")
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
    except pa.ArrowException:
        return None


def _arrow_of(cells: pd.Series) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray, or None
    """Give a pandas column of a plain type as Arrow, without a copy where that can be."""
    if cells.dtype == object or isinstance(cells.dtype, pd.SparseDtype | pd.DatetimeTZDtype | pd.PeriodDtype):
        return None
    made = pa.array(cells, from_pandas=False)
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


# Lists, as JSON gives them ---------------------------------------------------------------------------------------


def _of_list(column: Column, cells: list[Any]) -> Any:  # noqa: ANN401 - Texts, an array or None
    kinds = set(map(type, cells))
    kinds.discard(type(None))
    if not kinds:
        return empty_values(column, len(cells))
    accepted, read = _LISTS[column.kind]
    return read(column, cells) if kinds <= accepted else None


def _texts_of_list(_: Column, cells: list[Any]) -> Texts:
    places = dict.fromkeys(cells)
    places.pop(None, None)
    words = list(places)
    code: dict[str | None, int] = {word: place for place, word in enumerate(words)}
    code[None] = NO_CODE
    return Texts(np.array([code[cell] for cell in cells], dtype=np.int32), words)


def _days_of_list(_: Column, cells: list[Any]) -> npt.NDArray[np.int32] | None:
    days = [NO_DAY if cell is None else _plain_day(cell) for cell in cells]
    return None if None in days else np.array(days, dtype=np.int32)


def _choices_of_list(column: Column, cells: list[Any]) -> npt.NDArray[np.int8] | None:
    code = _codes_of(column.choices)
    codes = [code.get(cell, _UNREADABLE) for cell in cells]
    return None if _UNREADABLE in codes else np.array(codes, dtype=np.int8)


def _numbers_of_list(_: Column, cells: list[Any]) -> npt.NDArray[np.float64] | None:
    try:
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


@lru_cache(maxsize=2**14)
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


# Arrow columns ---------------------------------------------------------------------------------------------------


def _of_arrow(column: Column, cells: Any) -> Any:  # noqa: ANN401 - Texts, an array or None
    kind = cells.type
    if pa.types.is_null(kind):
        return empty_values(column, len(cells))
    if _is_text(kind) and column.kind in _WORDS:
        texts = _texts_of_arrow(cells)
        return None if texts is None else _WORDS[column.kind](column, texts)
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


def _days_of_times(cells: Any) -> npt.NDArray[np.int32] | None:  # noqa: ANN401 - an Arrow ChunkedArray
    days = pc.cast(cells, pa.date32())
    if pc.all(pc.equal(pc.cast(days, cells.type), cells)).as_py() is False:  # a time of day was cut off
        return None
    return _numpy(pc.fill_null(pc.cast(days, pa.int32()), NO_DAY), np.int32)


def _texts_of_arrow(cells: Any) -> Texts | None:  # noqa: ANN401 - an Arrow ChunkedArray
    coded = cells if pa.types.is_dictionary(cells.type) else pc.dictionary_encode(cells)
    coded = coded.unify_dictionaries()
    words = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
    if None in words or len(set(words)) < len(words):
        return None
    codes = np.empty(len(coded), dtype=np.int32)
    place = 0
    for chunk in coded.chunks:
        codes[place : place + len(chunk)] = pc.fill_null(chunk.indices, NO_CODE).to_numpy()
        place += len(chunk)
    return Texts(codes, words)


def _days_of_words(_: Column, texts: Texts) -> npt.NDArray[np.int32] | None:
    days = [_plain_day(word) for word in texts.words]
    return None if None in days else texts.translate(np.array(days, dtype=np.int32), NO_DAY)


def _choices_of_words(column: Column, texts: Texts) -> npt.NDArray[np.int8] | None:
    code = _codes_of(column.choices)
    codes = [code.get(word, _UNREADABLE) for word in texts.words]
    return None if _UNREADABLE in codes else texts.translate(np.array(codes, dtype=np.int8))


_WORDS: dict[str, Callable[[Column, Texts], Any]] = {
    "text": lambda _, texts: texts,
    "day": _days_of_words,
    "choice": _choices_of_words,
}
