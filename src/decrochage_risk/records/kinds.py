"""The kinds of cell that the row models are made of: ids, school numbers, days, choices, with their bounds."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["FIRST_DAY", "ID_LENGTH", "LAST_DAY", "Day", "Identifier", "OneOf", "SchoolYear", "Uai", "column"]

ID_LENGTH = 256
"""Longest id, in characters; every known id of the exports has at most 11, a keyed hash in hexadecimal 64."""

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
"""First and last day that can be meant; a year like 0025 or 2204 is a typing error."""

_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BLANK = _CONTROL + " \u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff"


class _Notes:
    """Facts that belong into the JSON Schema of a cell but that pydantic has no argument for."""

    def __init__(self, **notes: object) -> None:
        self.notes = notes

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), **self.notes}


class OneOf:
    """A cell that holds one of some values; ``labels`` gives each the words that a school reads.

    Examples
    --------
    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Annotated[str, OneOf({"F": "fille", "M": "garçon"})]).validate_python("F")
    'F'
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = dict(labels)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.labels))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "type": "string", "x-labels": self.labels}


Identifier = Annotated[
    str,
    Field(min_length=1, max_length=ID_LENGTH, pattern=f"^[^{_BLANK}](?:[^{_CONTROL}]*[^{_BLANK}])?$"),
]
"""Opaque text: any characters, accents, inner spaces and emoji included, but no control character and no blank
at either end, which would make two ids that look the same."""

Uai = Annotated[str, Field(pattern="^[0-9]{7}[A-Z]$"), _Notes(**{"x-check": "uai"})]
"""National number of a school: seven digits and the letter that checks them."""

Day = Annotated[
    date,
    Field(ge=FIRST_DAY, le=LAST_DAY),
    _Notes(formatMinimum=FIRST_DAY.isoformat(), formatMaximum=LAST_DAY.isoformat()),
]
"""A day without a time."""

SchoolYear = Annotated[int, Field(ge=FIRST_DAY.year, le=LAST_DAY.year)]
"""The year in which a school year begins: 2024 is 2024-25."""


def column(
    description: str,
    label: str,
    meaning: str,
    *,
    default: object = ...,
    words: Mapping[str, str] | None = None,
    **bounds: float,
) -> Any:  # noqa: ANN401 - like pydantic's Field, whose value stands for a field of any type
    """Declare a column of a row model.

    Parameters
    ----------
    description : str
        What it is, in English, for developers.
    label, meaning : str
        The same in French, for a school.
    default : object, default no default
        Value of a missing column or cell; a column without one must be there.
    words : mapping of str to str, optional
        Words found in place of numbers, with the ``status`` that says the same.
    **bounds : float
        ``ge``, ``gt``, ``le``, as in ``pydantic.Field``.

    Returns
    -------
    FieldInfo
    """
    extra: dict[str, Any] = {"x-label": label, "x-meaning": meaning}
    if words:
        extra["x-words"] = dict(words)
    bounded: Any = bounds
    return Field(default=default, description=description, json_schema_extra=extra, **bounded)
