"""Tables made by hand: the column and value names of somebody else's extract onto ours, declared in a TOML file.

The file says everything and guesses nothing; ``decrochage-risk check DOSSIER --draft-mapping FILE`` writes a first one, which
holds ``confirmed = false`` until a person has read it. ::

    confirmed = true

    [files]
    "scolarites 2024.csv" = "enrolments"

    [enrolments.columns]
    "Identifiant" = "pupil_id"
    "Formation" = "level"

    [enrolments.values.level]
    "TERMINALE PRO MELEC" = "tle_pro"

    [enrolments.leave_out]
    level = ["BTS 1"]

    [enrolments.constants]
    school_id = "0990001N"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.fault_hints import close_names
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["TableMapping", "read_mapping"]

_PARTS = ("columns", "values", "leave_out", "constants")
_SHOWN = 8


@dataclass(frozen=True)
class TableMapping:
    """Names of an extract onto ours.

    Attributes
    ----------
    files : mapping of str to str
        File name -> table.
    columns : mapping of str to mapping
        Table -> column of the extract -> our column.
    values : mapping of str to mapping
        Table -> our column -> value of the extract (as text) -> our value; an empty text is a missing cell. A word that
        stands in the place of a mark is given its status: ``[grades.values.value]``, ``"Abs" = "absent"``.
    leave_out : mapping of str to mapping
        Table -> our column -> values of the extract whose rows are not of these tables.
    constants : mapping of str to mapping
        Table -> our column -> the one value of every row, for columns that the extract does not have.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    leave_out: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    constants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def table_of(self, file: str) -> str | None:
        """Give the table that a file is declared as, or None."""
        return self.files.get(file)

    def apply(self, table: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Rename columns and values of one table.

        Returns
        -------
        frame : DataFrame
            Rows that are left out are gone; the others keep their order.
        notes : tuple of str
            How many rows were left out, and by which column; columns that were declared and did not come.

        Examples
        --------
        >>> mapping = TableMapping(columns={"pupils": {"Sexe": "sex"}}, values={"pupils": {"sex": {"Féminin": "F"}}})
        >>> mapping.apply("pupils", pd.DataFrame({"Sexe": ["Féminin", "M"]}))[0]["sex"].tolist()
        ['F', 'M']
        """
        new_names = self.columns.get(table, {})
        frame = frame.rename(columns=dict(new_names))
        notes = [
            f"{table}: the mapping names a column {name!r} that did not come"
            for name, ours in new_names.items()
            # A note, not an error: one mapping may serve extracts of several years, with and without a
            # column.
            if ours not in frame.columns
        ]
        # Before the values are translated: the words to leave out are those of the extract.
        for column, words in self.leave_out.get(table, {}).items():
            if column in frame.columns:
                out = _texts(frame[column]).isin(words).to_numpy()
                if out.any():
                    notes.append(
                        f"{table}: {int(out.sum())} rows left out by the mapping, for their {column}"
                    )
                frame = frame[~out].reset_index(drop=True)
        for column, values in self.values.get(table, {}).items():
            if column in frame.columns:
                frame = frame.assign(**{column: _translated(frame[column], values)})
        for column, value in self.constants.get(table, {}).items():
            frame = frame.assign(**{column: value})
        # Last: a constant status is that of the marks, which a word in the place of one overrides.
        return _status_of_words(table, frame), tuple(notes)


def read_mapping(path: str | Path, *, confirmed: bool = True) -> TableMapping:
    """Read a mapping; every fault of it in one error.

    Parameters
    ----------
    path : path
        TOML file in UTF-8.
    confirmed : bool
        Refuse one that nobody has confirmed.

    Raises
    ------
    RecordsError
    """
    file = Path(path)
    try:
        # Editors of Windows put a mark at the beginning of UTF-8, which tomllib refuses.
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecordsError(
            explain_error(
                f"The mapping {file.name} cannot be read ({error})",
                expected="a TOML file in UTF-8",
                hint="decrochage-risk check DOSSIER --draft-mapping FILE writes one to start from.",
            )
        ) from error
    faults = list(_faults(document))
    # A drafted mapping holds guesses; a wrong level would give pupils another reference and another risk.
    if confirmed and document.get("confirmed") is not True:
        faults.append("it is not confirmed: read it, correct it, then set confirmed = true")
    if faults:
        raise RecordsError(
            explain_error(
                f"The mapping {file.name} has {len(faults)} fault(s):\n  " + "\n  ".join(faults),
                expected=f"[files], and per table {', '.join(_PARTS)}",
                hint=f"Tables and columns: {', '.join(TABLES)}; docs/records.md lists their columns.",
            )
        )
    tables = {name: part for name, part in document.items() if name in TABLES}
    return TableMapping(
        files=document.get("files", {}),
        columns={name: part.get("columns", {}) for name, part in tables.items()},
        values={name: part.get("values", {}) for name, part in tables.items()},
        leave_out={
            name: {column: tuple(map(str, words)) for column, words in part.get("leave_out", {}).items()}
            for name, part in tables.items()
        },
        constants={name: part.get("constants", {}) for name, part in tables.items()},
    )


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    for file, table in document.get("files", {}).items():
        if table not in TABLES:
            yield f"files: {file!r} is said to be {table!r}, which is no table{close_names(str(table), TABLES)}"
    for name, part in document.items():
        if name in {"files", "confirmed"}:
            continue
        if name not in TABLES or not isinstance(part, dict):
            yield f"{name!r} is no table{close_names(name, TABLES)}"
            continue
        yield from _part_faults(name, part)


def _part_faults(table: str, part: Mapping[str, Any]) -> Iterator[str]:
    column_names = TABLES[table].column_names
    for name in part:
        if name not in _PARTS:
            yield f"{table}: {name!r} is none of {', '.join(_PARTS)}"
    targets = list(part.get("columns", {}).values())
    for ours in dict.fromkeys(targets):
        if ours not in column_names:
            yield f"{table}.columns: {ours!r} is no column{close_names(str(ours), column_names)}"
        elif targets.count(ours) > 1:
            yield f"{table}.columns: two columns are said to be {ours!r}"
    for name in ("values", "leave_out", "constants"):
        strange = [column for column in part.get(name, {}) if column not in column_names]
        yield from (
            f"{table}.{name}: {column!r} is no column{close_names(column, column_names)}"
            for column in strange
        )
    yield from _value_faults(table, part)


def _value_faults(table: str, part: Mapping[str, Any]) -> Iterator[str]:
    column_names = TABLES[table].column_names
    for column, values in part.get("values", {}).items():
        choices = TABLES[table].column(column).choices if column in column_names else ()
        wrong = [value for value in values.values() if choices and value not in {"", *choices}]
        if wrong:
            yield f"{table}.values.{column}: {', '.join(map(repr, wrong[:_SHOWN]))} not among {', '.join(choices)}"


def _status_of_words(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Move the statuses that a mapping gave for words in the place of marks into their own column."""
    if table != "grades" or "value" not in frame.columns:
        return frame
    statuses = [status for status in TABLES["grades"].column("status").choices if status != "graded"]
    words = _texts(frame["value"])
    is_status = words.isin(statuses).to_numpy()
    if not is_status.any():
        return frame
    status = (
        frame["status"].astype("object") if "status" in frame.columns else pd.Series("graded", frame.index)
    )
    return frame.assign(
        value=frame["value"].mask(is_status), status=status.mask(is_status, words).astype("str")
    )


def _texts(cells: pd.Series) -> pd.Series:
    """Give cells as text without blanks at the ends; a whole number without ".0"."""
    texts = cells.astype("string").str.strip()
    # pandas makes decimals of a column of whole numbers with a gap.
    return texts.str.replace(r"^(-?\d+)\.0$", r"\1", regex=True).astype("str")


def _translated(cells: pd.Series, values: Mapping[str, Any]) -> pd.Series:
    """Translate the cells whose text is named; the others stay as they came."""
    texts = _texts(cells)
    to_translate = texts.isin(list(values))
    if not to_translate.any():
        return cells
    ours = texts.map({name: None if value == "" else str(value) for name, value in values.items()})
    return pd.Series(ours.where(to_translate, texts).array, index=cells.index, dtype="str")
