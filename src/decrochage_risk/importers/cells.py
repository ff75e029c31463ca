"""What French exports write in a cell: days, times, numbers, yes and no, and names to be compared.

Each reader of this module looks at every distinct text once, so that a column of a million rows costs what its
distinct values cost. What cannot be read is missing in the result; the caller counts it where the text was not empty.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "after_day",
    "day_of",
    "days_of",
    "flag_of",
    "flags_of",
    "fold",
    "fold_name",
    "half_of",
    "has_time",
    "moment_of",
    "moments_of",
    "names_somebody",
    "number_of",
    "numbers_of",
    "squeeze",
]

_BLANKS = re.compile(r"[\s\u00a0\u202f\u2007\u2009\ufeff\u200b]+")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]+")
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "½": " 1/2 "}
)

_FRENCH_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?!\d)")
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?!\d)")
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_TIME = re.compile(r"(\d{1,2}) ?[:hH] ?(\d{2})?(?: ?[:m] ?(\d{2}))?")
_POINT_TIME = re.compile(r"[\s\-–]*(\d{1,2})\.(\d{2})(?:\.(\d{2}))?\s*")
# Day 0 of a spreadsheet, whose calendar has a 29 February 1900 that never was.
_SERIAL_ORIGIN = datetime(1899, 12, 30)  # noqa: DTZ001 - wall time of a school
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_CENTURY = 2000
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def squeeze(text: str) -> str:
    """Make every run of blanks (no-break ones included) one blank, none at the ends.

    Examples
    --------
    >>> squeeze("  3\u00a0 A ")
    '3 A'
    """
    if "\ufeff" in text or "\u200b" in text:
        text = text.replace("\ufeff", " ").replace("\u200b", " ")
    return " ".join(text.split())


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Fold a header or a label: no accents, upper case, anything but letters and digits a blank.

    Examples
    --------
    >>> fold(" Libellé  Option"), fold("½ j. d'absences"), fold("Nom d’usage")
    ('LIBELLE OPTION', '1 2 J D ABSENCES', 'NOM D USAGE')
    """
    plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES)).upper()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _NOT_ALPHANUMERIC.sub(" ", plain).strip()


@lru_cache(maxsize=65_536)
def fold_name(text: str) -> str:
    """Fold the name of a person or a class for exact comparison: as :func:`fold`, blanks left out.

    Examples
    --------
    >>> fold_name("D’Essai--Fictif") == fold_name("D'ESSAI FICTIF")
    True
    """
    return fold(text).replace(" ", "")


_CIVILITY = re.compile(
    r"\b(?:M|MM|MR|MME|MMES|MLLE|MLLES|MONSIEUR|MADAME|MADEMOISELLE|DR|PR|PROF|PROFESSEURE?)\b"
)
_INITIAL = re.compile(r"(?<![\w.])[A-Z]\.(?=\s|$)")


def names_somebody(text: str) -> bool:
    """Tell whether a label holds a civility or an initial, as the names of teachers do: it is not to be written.

    Examples
    --------
    >>> [names_somebody(text) for text in ("Mme ESSAI", "ESSAI A.", "MATHS - M. ESSAI", "Mathématiques", "S.V.T.")]
    [True, True, True, False, False]
    """
    return _CIVILITY.search(fold(text)) is not None or _INITIAL.search(text) is not None


def day_of(text: str) -> date | None:
    """Read a day: 05/11/2024, 05/11/24, 2024-11-05, a spreadsheet's day number, with or without a time after it.

    What no school can mean (31/12/9999 for "never", the year 24) is no day.

    Examples
    --------
    >>> day_of("05/11/2024 - 08:00"), day_of("2024-11-05T08:00"), day_of("45601"), day_of("31/02/2024"), day_of("31/12/9999")
    (datetime.date(2024, 11, 5), datetime.date(2024, 11, 5), datetime.date(2024, 11, 5), None, None)
    """
    text = squeeze(text)
    if match := _ISO_DAY.match(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _FRENCH_DAY.match(text):
        day, month, year = (int(part) for part in match.groups())
        # Two digits are read as 20yy; a birth date of before 2000 needs all four.
        year += _CENTURY if len(match[3]) == len("yy") else 0
    elif _SERIAL.fullmatch(text):
        day_number = (_SERIAL_ORIGIN + timedelta(days=float(text.replace(",", ".")))).date()
        year, month, day = day_number.year, day_number.month, day_number.day
    else:
        return None
    try:
        return date(year, month, day) if _FIRST_YEAR <= year <= _LAST_YEAR else None
    except ValueError:
        return None


def moment_of(text: str) -> datetime | None:
    """Read a day and the time after it; a day alone is its midnight.

    Examples
    --------
    >>> moment_of("05/11/24 08h00"), moment_of("05/11/2024 - 11:50")
    (datetime.datetime(2024, 11, 5, 8, 0), datetime.datetime(2024, 11, 5, 11, 50))
    """
    text = squeeze(text)
    day = day_of(text)
    if day is None:
        return None
    if _SERIAL.fullmatch(text):
        moment = _SERIAL_ORIGIN + timedelta(days=float(text.replace(",", ".")))
        return (
            moment
            # To the second: a time is a fraction of a day, and 8:00 comes out a few microseconds early.
            + timedelta(microseconds=500_000)
            - timedelta(microseconds=(moment.microsecond + 500_000) % 10**6)
        )
    return datetime.combine(day, time_of(after_day(text)) or time(0))


def after_day(text: str) -> str:
    """Give what is written after a day; nothing where there is no day, or a spreadsheet's number alone.

    Examples
    --------
    >>> after_day("05/11/2024 matin"), after_day("45601,33")
    (' matin', '')
    """
    text = squeeze(text)
    match = _ISO_DAY.match(text) or _FRENCH_DAY.match(text)
    return text[match.end() :] if match else ""


def has_time(text: str) -> bool:
    """Tell whether a day has a time of day after it.

    Examples
    --------
    >>> has_time("05/11/2024 08.00"), has_time("45601,333"), has_time("05/11/2024 25h00")
    (True, True, False)
    """
    text = squeeze(text)
    if _SERIAL.fullmatch(text):
        return not text.isdigit()
    return day_of(text) is not None and time_of(after_day(text)) is not None


_HALVES: tuple[tuple[re.Pattern[str], Literal["morning", "afternoon", "either", "day"]], ...] = (
    (re.compile(r"(?:LE |AU |UN |1 )?(?:M|MAT|MATIN|MATINEE)"), "morning"),
    (re.compile(r"(?:L |LE |EN |UN |UNE |1 )?(?:APRES ?MIDI|APREM|APM|P ?M)"), "afternoon"),
    (re.compile(r"A ?M|(?:1|UNE) (?:DEMI JOURNEE|DJ)|DEMI JOURNEE|1 2(?: JOURNEE| J)?"), "either"),
    (re.compile(r"(?:LA |UNE |1 |TOUTE LA )?(?:J|JOUR|JOURNEE)(?: ENTIERE| COMPLETE)?"), "day"),
)


def half_of(text: str) -> Literal["morning", "afternoon", "either", "day"] | None:
    """Read the word of a half-day; "AM" is a morning in some software and an afternoon in other: one of the two.

    Examples
    --------
    >>> half_of("Matin"), half_of(" après-midi"), half_of("AM"), half_of("journée"), half_of("M1")
    ('morning', 'afternoon', 'either', 'day', None)
    """
    plain = fold(text)
    return next((half for pattern, half in _HALVES if pattern.fullmatch(plain)), None)


def time_of(text: str) -> time | None:
    """Read the first time of day of a text: 08:00, 8h, 08h30; 08.00 where nothing else is written.

    Examples
    --------
    >>> time_of("8h"), time_of(" - 11:50"), time_of("08.00")
    (datetime.time(8, 0), datetime.time(11, 50), datetime.time(8, 0))
    """
    match = _TIME.search(text) or _POINT_TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes = int(match[1]), int(match[2] or 0)
    try:
        return time(hours, minutes, int(match[3] or 0))
    except ValueError:
        return None


def number_of(text: str) -> float | None:
    """Read a number: decimal comma or point, blanks as thousands, ``%`` left out.

    Examples
    --------
    >>> number_of("1 234,5"), number_of("12.4"), number_of("Abs"), number_of("NaN")
    (1234.5, 12.4, None, None)
    """
    plain = _BLANKS.sub("", text).removesuffix("%").replace(",", ".")
    return float(plain) if _NUMBER.fullmatch(plain) else None


_YES = frozenset({"OUI", "O", "TRUE", "VRAI", "1", "YES", "X", "JUSTIFIEE", "JUSTIFIE", "VALABLE"})
_NO = frozenset({"NON", "N", "FALSE", "FAUX", "0", "NO", "INJUSTIFIEE", "INJUSTIFIE"})


def flag_of(text: str) -> bool | None:
    """Read yes or no; the negative wording is looked for first ("Injustifiée" holds "justifiée").

    Examples
    --------
    >>> flag_of("Oui"), flag_of("Injustifiée"), flag_of("Non justifiée"), flag_of("Justifiée"), flag_of("en attente")
    (True, False, False, True, None)
    """
    word = fold(text)
    if word in _NO or word.startswith(("NON ", "INJUST", "PAS ")):
        return False
    return True if word in _YES else None


def days_of(cells: pd.Series) -> pd.Series:
    """Read a column of days (``datetime64[s]``); what is no day is missing.

    Examples
    --------
    >>> days_of(pd.Series(["05/11/2024", "hier", None])).isna().tolist()
    [False, True, True]
    """
    return _each(cells, day_of, "datetime64[s]", pd.NaT)


def moments_of(cells: pd.Series) -> pd.Series:
    """Read a column of days with times (``datetime64[s]``); what is none is missing."""
    return _each(cells, moment_of, "datetime64[s]", pd.NaT)


def numbers_of(cells: pd.Series) -> pd.Series:
    """Read a column of numbers (``float64``); what is no number is missing."""
    return _each(cells, number_of, "float64", np.nan)


def flags_of(cells: pd.Series) -> pd.Series:
    """Read a column of yes and no (``boolean``); what is neither is missing."""
    return _each(cells, flag_of, "boolean", pd.NA)


def _each(cells: pd.Series, read: Callable[[str], Any], dtype: str, missing: object) -> pd.Series:
    """Read each distinct text once."""
    codes, spellings = pd.factorize(cells)
    values = [read(str(text)) for text in spellings]
    pool: Any = pd.array([missing if value is None else value for value in values] + [missing], dtype=dtype)  # type: ignore[call-overload]
    return pd.Series(
        pool.take(codes), index=cells.index, name=cells.name
    )  # -1, a missing cell, takes the last
