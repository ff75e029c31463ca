"""What a school declares in TOML files, so that a name that was assumed wrongly is corrected without code.

::

    [classes]                     # names of classes in other software -> divisions of SIECLE
    "3E A" = "3 A"

    [names.siecle_communs]        # names in the file -> names that the reader assumes
    "DEBUT" = "DATE_DEBUT"

    [files."*2023/*.csv"]         # what files of such a path do not say themselves
    uai = "0990001N"
    year = 2023
    extracted_on = 2024-07-05
    campaign_date = 2024-05-13    # wishes
    totals = [2024-09-01, 2024-09-30]
    subject = "maths"             # a mark book of GEPI
"""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from decrochage_risk.importers.extract import ImportOptions

__all__ = ["class_aliases", "declared_names", "facts_of_file", "options_of_file", "read_column_map"]

_FACTS = {
    "uai": str,
    "year": int,
    "extracted_on": date,
    "campaign_date": date,
    "totals": list,
    "subject": str,
}
_OPTIONS = {
    "uai": "uai",
    "year": "school_year",
    "extracted_on": "extracted_on",
    "campaign_date": "campaign_date",
}


@lru_cache(maxsize=32)
def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecordsError(
            explain_error(
                f"The column map {name} is no TOML ({error})",
                expected="a TOML file in UTF-8",
                hint="docs/imports.md shows one.",
            )
        ) from error


def read_column_map(path: Path) -> dict[str, Any]:
    """Read one file.

    Raises
    ------
    RecordsError
        It cannot be read, or is no TOML.
    """
    try:
        return _parsed(path.read_text(encoding="utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(
            explain_error(
                f"The column map {path.name} cannot be read ({type(error).__name__})",
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
    for file in maps:
        for pattern, declaration in read_column_map(file).get("files", {}).items():
            wrong = [
                name
                for name, value in declaration.items()
                if name not in _FACTS or not isinstance(value, _FACTS[name])
            ]
            if wrong:
                raise RecordsError(
                    explain_error(
                        f"{file.name}, [files.{pattern!r}]: {', '.join(wrong)} cannot be",
                        expected=", ".join(f"{name} ({of.__name__})" for name, of in _FACTS.items()),
                        hint="Days are written without quotes: 2024-09-30.",
                    )
                )
            if fnmatch.fnmatch(path.replace("\\", "/").casefold(), str(pattern).casefold()):
                facts |= declaration
    return facts


def options_of_file(options: ImportOptions, path: str) -> ImportOptions:
    """Give the options of one file: what is declared of it goes before what is said of all."""
    facts = facts_of_file(options.column_maps, path)
    overrides = {option: facts[name] for name, option in _OPTIONS.items() if name in facts}
    if len(facts.get("totals", ())) == len(("first", "last")):
        overrides["totals_period"] = tuple(facts["totals"])
    return replace(options, **overrides) if overrides else options
