"""What a school declares in TOML files, so that a name that was assumed wrongly is corrected without code.

::

    [classes]                     # names of classes in other software -> divisions of SIECLE
    "3E A" = "3 A"

    [names.siecle_communs]        # names in the file -> names that the reader assumes
    "DEBUT" = "DATE_DEBUT"
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["class_aliases", "declared_names", "read_column_map"]


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
        names |= {str(name).upper(): str(assumed).upper() for name, assumed in names_of_kind.items()}
    return names
