"""What each column of the records is, read out of the row models; the one list of all tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from decrochage_risk.records.context_row import ContextRow
from decrochage_risk.records.rows import (
    AbsenceRow,
    CoverageRow,
    EnrolmentRow,
    GradeRow,
    OrientationRow,
    OutcomeRow,
    PupilRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

__all__ = ["TABLES", "Column", "Kind", "Table", "declare_table"]

Kind = Literal["text", "day", "integer", "number", "flag", "choice"]

_KIND_OF_JSON_TYPE: Mapping[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "flag",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column.

    Attributes
    ----------
    name, kind : str
        Its name, and how its cells are read: ``text``, ``day``, ``integer``, ``number``, ``flag``, ``choice``.
    required : bool
        Whether the column must be there.
    nullable : bool
        Whether a cell may be missing. A missing cell of a column with a ``default`` takes the default.
    choices : tuple of str
        Allowed values of a ``choice``, in declared order; empty otherwise.
    labels : mapping of str to str
        What a school reads for each choice.
    minimum, maximum : float, date or None
        Bounds, allowed themselves unless ``above_minimum``.
    above_minimum : bool
        The minimum itself is not allowed.
    pattern, max_length : str, int or None
        What a text must match as a whole, and its longest length in characters.
    check : str or None
        A check that no pattern can say: ``"uai"`` is the check letter of a school number.
    words : mapping of str to str
        Words that stand in a column of numbers in real extracts, with the ``status`` that says the same.
    default : object
        Value of a missing column or cell, or None.
    description : str
        What it is, in English, for developers.
    label, meaning : str
        The same in French, for a school.
    """

    name: str
    kind: Kind
    required: bool
    nullable: bool
    choices: tuple[str, ...]
    labels: Mapping[str, str]
    minimum: float | date | None
    maximum: float | date | None
    above_minimum: bool
    pattern: str | None
    max_length: int | None
    check: str | None
    words: Mapping[str, str]
    default: object
    description: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One declared table.

    Attributes
    ----------
    name : str
        Its name: the key of a payload, the name of its file.
    model : type of BaseModel
        The pydantic model of one row: the declaration that everything else is read from.
    columns : tuple of Column
        In declared order.
    mandatory : bool
        Whether records cannot be without it (``pupils``, ``enrolments``).
    label : str
        What a school reads.

    Examples
    --------
    >>> TABLES["pupils"].column_names
    ('pupil_id', 'birth_date', 'sex')
    >>> TABLES["pupils"].required
    ('pupil_id',)
    """

    name: str
    model: type[BaseModel]
    columns: tuple[Column, ...]
    mandatory: bool
    label: str

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in declared order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """Names of the columns that may be left out."""
        return tuple(column.name for column in self.columns if not column.required)

    def column(self, name: str) -> Column:
        """Find one column by its name (``KeyError`` if there is none)."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def declare_table(name: str, model: type[BaseModel], *, mandatory: bool = False) -> Table:
    """Read a table out of its row model, whose ``x-label`` is what a school reads."""
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    columns = tuple(
        _column(column, declared, required=column in required)
        for column, declared in schema["properties"].items()
    )
    return Table(name, model, columns, mandatory, str(schema["x-label"]))


def _column(name: str, declared: dict[str, Any], *, required: bool) -> Column:
    branches = declared.get("anyOf", [declared])
    facts: dict[str, Any] = {
        **next(branch for branch in branches if branch.get("type") != "null"),
        **declared,
    }
    return Column(
        name=name,
        kind=_kind(facts),
        required=required,
        nullable=any(branch.get("type") == "null" for branch in branches),
        choices=tuple(facts.get("enum", ())),
        labels=MappingProxyType({choice: facts["x-labels"][choice] for choice in facts.get("enum", ())}),
        minimum=_day(facts.get("formatMinimum")) or facts.get("minimum", facts.get("exclusiveMinimum")),
        maximum=_day(facts.get("formatMaximum")) or facts.get("maximum"),
        above_minimum="exclusiveMinimum" in facts,
        pattern=facts.get("pattern"),
        max_length=facts.get("maxLength"),
        check=facts.get("x-check"),
        words=MappingProxyType(dict(facts.get("x-words", {}))),
        default=facts.get("default"),
        description=str(facts["description"]),
        label=str(facts["x-label"]),
        meaning=str(facts["x-meaning"]),
    )


def _kind(facts: Mapping[str, Any]) -> Kind:
    if "enum" in facts:
        return "choice"
    return "day" if facts.get("format") == "date" else _KIND_OF_JSON_TYPE[facts["type"]]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            declare_table("pupils", PupilRow, mandatory=True),
            declare_table("enrolments", EnrolmentRow, mandatory=True),
            declare_table("absences", AbsenceRow),
            declare_table("grades", GradeRow),
            declare_table("orientation", OrientationRow),
            declare_table("outcomes", OutcomeRow),
            declare_table("coverage", CoverageRow),
            declare_table("context", ContextRow),
        )
    }
)
"""Every table of the records, by name; ``outcomes`` is used for training only."""
