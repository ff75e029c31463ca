"""What a school declares of its exports besides the maps of their columns: the other tables of a file of ``--columns``.

Names of classes and subjects, motives that justify, ends of terms, and what single files do not say (school, year, day of
export). Whatever stands at a place is read, or named as a fault of the file, all at once.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.importers.cells import day_of, fold
from decrochage_risk.records.table_schemas import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from decrochage_risk.importers.extract import ImportOptions

__all__ = [
    "class_aliases",
    "declared_motives",
    "declared_names",
    "facts_of_file",
    "is_of_kind",
    "options_of_file",
    "read_column_map",
]

_FACTS = {
    "uai": str,
    "year": int,
    "extracted_on": date,
    "campaign_date": date,
    "totals": list,
    "subject": str,
    "period": str,
}
_OPTIONS = {
    "uai": "uai",
    "year": "school_year",
    "extracted_on": "extracted_on",
    "campaign_date": "campaign_date",
}


def _where(error: tomllib.TOMLDecodeError) -> str:
    line = re.search(r"line [0-9]+", str(error))
    return line[0] if line else "at its end"


@lru_cache(maxsize=32)
def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecordsError(
            explain_error(
                f"The column map {name} is no TOML, {_where(error)}",
                expected="a TOML file in UTF-8",
                hint="docs/imports.md shows one.",
            )
        ) from error
    if faults := list(_faults_of_tables(tables)):
        raise RecordsError(
            explain_error(
                f"The column map {name} has faults: {'; '.join(faults)}",
                expected="tables as docs/imports.md shows them",
                hint="Texts are written between quotes, days and years without: 2024-09-30.",
            )
        )
    return tables


_A_SPAN = 2
"""Its first day and its last."""

_TABLES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "classes": (str, int),
        "motives": (bool,),
        # A day as a French text is read too: "29/11/2024".
        "periods": (date, str),
        "subjects": (str,),
        "files": (dict,),
        "names": (dict,),
    }
)
"""Tables besides ``maps``, and what each of their keys holds."""


def is_of_kind(value: object, kinds: tuple[type, ...]) -> bool:
    """Tell whether a value of a TOML is of one of these kinds: yes is no number, and a moment no day."""
    return isinstance(value, kinds) and type(value) not in {bool, datetime} - set(kinds)


def _faults_of_tables(tables: Mapping[str, Any]) -> Iterator[str]:
    """Name what stands where a table, a text, a day or a yes belongs, in all that is declared besides maps."""
    for name, kinds in _TABLES.items():
        table = tables.get(name, {})
        if not isinstance(table, Mapping):
            yield f"{name} = {_shown(table)}, not a table"
            continue
        for key, value in table.items():
            if not is_of_kind(value, kinds):
                # A text is never false: "non" would justify.
                what: dict[tuple[type, ...], str] = {
                    (dict,): "not a table",
                    (bool,): "expected one of true, false",
                }
                yield f"{name}.{key} = {_shown(value)}, {what.get(kinds, 'not of its type')}"
            elif name == "periods" and not _is_day(value):
                yield f"{name}.{key} = {_shown(value)}, not of its type"
            elif name == "names":
                yield from (
                    f"{name}.{key}.{inside} = {_shown(of)}, not of its type"
                    for inside, of in value.items()
                    if not isinstance(of, str)
                )


def _is_fact(fact: str, value: object) -> bool:
    """Tell whether a fact of a file exists, and its value is one that it can have."""
    if fact not in _FACTS or not is_of_kind(value, (_FACTS[fact],)):
        return False
    if isinstance(value, date):
        return _is_day(value)
    return not isinstance(value, list) or _is_span(value)


def _is_day(value: date | str) -> bool:
    day = day_of(value) if isinstance(value, str) else value
    return day is not None and FIRST_DAY <= day <= LAST_DAY


def _is_span(days: list[Any]) -> bool:
    return (
        len(days) == _A_SPAN
        and all(is_of_kind(day, (date,)) and _is_day(day) for day in days)
        and days[0] <= days[1]
    )


def _shown(value: object) -> str:
    """Write a value as a TOML has it, days without the name of their class."""
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def read_column_map(path: Path) -> dict[str, Any]:
    """Read one file.

    Raises
    ------
    RecordsError
        It cannot be read, is no TOML, or holds something else than the tables that a school declares: all faults at once.
    """
    return _parsed(_text_of(path), path.name)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise RecordsError(
            explain_error(
                f"The column map {path.name} cannot be read ({why})",
                expected="a TOML file in UTF-8",
                hint="Check the path; docs/imports.md shows one.",
            )
        ) from error


def class_aliases(maps: Iterable[Path]) -> dict[str, str]:
    """Give the declared names of classes, of all files; a later file wins."""
    aliases: dict[str, str] = {}
    for path in maps:
        aliases |= {
            str(name): str(division) for name, division in read_column_map(path).get("classes", {}).items()
        }
    return aliases


def declared_names(maps: Iterable[Path], kind: str) -> dict[str, str]:
    """Give the declared names of one kind of export: as the file writes them -> as the reader assumes them, upper case."""
    names: dict[str, str] = {}
    for path in maps:
        names_of_kind = read_column_map(path).get("names", {}).get(kind, {})
        names |= {str(name).upper(): str(reader_name).upper() for name, reader_name in names_of_kind.items()}
    return names


def facts_of_file(maps: Iterable[Path], path: str) -> dict[str, Any]:
    """Give what is declared of a file by the patterns that its path matches; a later one wins.

    Raises
    ------
    RecordsError
        A fact that does not exist, or is not of its type.
    """
    facts: dict[str, Any] = {}
    plain = path.replace("\\", "/").casefold()
    for file in maps:
        by_name, others = _patterns(_text_of(file), file.name)
        near = [*by_name.get(plain.rpartition("/")[2], ()), *others]
        for _, pattern, declaration in sorted(near, key=itemgetter(0)):
            if _matches(plain, pattern):
                facts |= declaration
    return facts


_Pattern = tuple[int, str, dict[str, Any]]
_JOKERS = frozenset("*?[")


def _matches(path: str, pattern: str) -> bool:
    """Tell whether a path matches; what most patterns are, a star and an end written out, needs no expression of its own."""
    if pattern.startswith("*") and not _JOKERS & set(pattern[1:]):
        return path.endswith(pattern[1:])
    return fnmatch.fnmatchcase(path, pattern)


@lru_cache(maxsize=32)
def _patterns(text: str, name: str) -> tuple[dict[str, list[_Pattern]], list[_Pattern]]:
    """Give the declared files by the last part of their path, where it is written out, and the others, each with its place.

    A school declares a subject for each of its mark books: trying every pattern on every file would cost their square.
    """
    by_name: dict[str, list[_Pattern]] = {}
    others: list[_Pattern] = []
    for at, (pattern, declaration) in enumerate(_parsed(text, name).get("files", {}).items()):
        wrong = [fact for fact, value in declaration.items() if not _is_fact(fact, value)]
        if wrong:
            raise RecordsError(
                explain_error(
                    f"{name}, [files.{pattern!r}]: {', '.join(wrong)} cannot be",
                    expected=f"among {', '.join(_FACTS)}",
                    hint="Texts are written between quotes, days and years without: 2024-09-30.",
                )
            )
        lower_pattern = str(pattern).casefold()
        tail = lower_pattern.rpartition("/")[2]
        row = (at, lower_pattern, declaration)
        if _JOKERS & set(tail):
            others.append(row)
        else:
            by_name.setdefault(tail, []).append(row)
    return by_name, others


def options_of_file(options: ImportOptions, path: str) -> ImportOptions:
    """Give the options of one file: what is declared of it goes before what is said of all."""
    facts = facts_of_file(options.column_maps, path)
    if not FIRST_DAY.year <= facts.get("year", FIRST_DAY.year) <= LAST_DAY.year:
        raise RecordsError(
            explain_error(
                f"[files]: the year of {path} is {facts['year']}",
                expected="the calendar year in which a school year begins, 2024",
                hint="Write it in the file of --columns.",
            )
        )
    overrides = {option: facts[name] for name, option in _OPTIONS.items() if name in facts}
    if "totals" in facts:
        overrides["totals_period"] = tuple(facts["totals"])
    return replace(options, **overrides) if overrides else options


def declared_motives(options: ImportOptions) -> dict[str, bool]:
    """Give the motives that justify, and those that do not, as the school declared them; folded."""
    motives = {fold(name): bool(value) for name, value in options.motives.items()}
    for path in options.column_maps:
        motives |= {fold(name): value for name, value in read_column_map(path).get("motives", {}).items()}
    return motives
