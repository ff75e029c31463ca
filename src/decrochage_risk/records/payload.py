"""JSON payloads into raw frames: pupils with their rows nested, or flat tables.

A key whose value is ``[]`` says *known, no rows*; a key that is absent or ``null`` says *not known*. That difference
is kept: :attr:`Payload.not_sent` names the pupils that came without a table which others have.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate, chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.errors import UnreadableRecordsError, explain_error
from decrochage_risk.records.faults import RowPlaces
from decrochage_risk.records.raw_tables import RawTable
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from decrochage_risk.records.faults import FaultReport

__all__ = ["Payload", "parse_json", "payload_schema", "read_json", "read_shapes", "shape_error"]

NESTED = tuple(name for name in TABLES if "pupil_id" in TABLES[name].column_names and name != "pupils")
FLAT = tuple(name for name in TABLES if name not in NESTED and name != "pupils")
# Only of these does a key that is left out mean "not known": coverage and outcomes are asked of nobody.
EVENTS = tuple(name for name in NESTED if name not in {"enrolments", "coverage", "outcomes"})
MAX_FAULTS_LISTED = 20
EXPECTED = (
    'a list of pupils, or {"pupils": [...]}: each pupil an object with pupil_id and the lists '
    + ", ".join(NESTED)
    + "; or flat tables under these names"
)


@dataclass(frozen=True)
class Payload:
    """The raw tables of a payload.

    Parameters
    ----------
    raw : dict of str to RawTable
        Only the tables that came, ``pupils`` always among them. Cells are as JSON gave them.
    not_sent : dict of str to tuple of str
        Per event table that came for somebody, the pupils that came without that key: not known for them, which is
        not the same as "no rows".
    places : dict of str to RowPlaces
        Per table, where its rows stood.
    """

    raw: dict[str, RawTable]
    not_sent: dict[str, tuple[str, ...]]
    places: dict[str, RowPlaces]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The raw tables as pandas frames."""
        return {name: table.frame() for name, table in self.raw.items()}


def payload_schema() -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of a payload, out of the declared tables.

    Rows nested in a pupil say what the rows of a flat table say, without the ``pupil_id``.

    Examples
    --------
    >>> schema = payload_schema()
    >>> [form["title"] for form in schema["anyOf"]]
    ['pupils', 'one pupil', 'tables']
    >>> schema["$defs"]["pupil"]["required"]
    ['pupil_id']
    """
    rows = {name: table.model.model_json_schema() for name, table in TABLES.items()}
    nested_rows = {
        name: rows[name] | {"required": [column for column in rows[name]["required"] if column != "pupil_id"]}
        for name in NESTED
    }
    lists = {
        name: {
            "description": f"{rows[name]['description']} [] = known, no rows; null, or no such key = not known.",
            "type": ["array", "null"],
            "items": {"$ref": f"#/$defs/{name}_of_the_pupil"},
        }
        for name in NESTED
    }
    pupil = rows["pupils"] | {"title": "pupil", "properties": rows["pupils"]["properties"] | lists}
    pupils = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/pupil"}}
    tables = {
        name: {"type": ["array", "null"], "items": {"$ref": f"#/$defs/{name}"}} for name in (*NESTED, *FLAT)
    }
    flat = {
        "title": "tables",
        "type": "object",
        "properties": {"pupils": pupils, **tables},
        "required": ["pupils"],
        "additionalProperties": False,
    }
    one = {"title": "one pupil", "$ref": "#/$defs/pupil"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pupil_records",
        "description": f"What PupilRecords.from_json reads: {EXPECTED}. A table is nested or flat, not both.",
        "anyOf": [{"title": "pupils", **pupils}, one, flat],
        "$defs": {
            "pupil": pupil,
            **{f"{name}_of_the_pupil": schema for name, schema in nested_rows.items()},
            **{name: rows[name] for name in (*NESTED, *FLAT)},
        },
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one table that came together: where they stood, and whose they are (``None``: they say it)."""

    where: str
    rows: list[Any]
    pupil_id: Any = None


def read_json(payload: str | bytes | list[Any] | dict[str, Any]) -> Payload:
    """Turn a payload, as text or already parsed, into raw frames.

    Parameters
    ----------
    payload : str, bytes, list or dict
        A list of pupils, ``{"pupils": [...]}`` or one pupil, each with its rows nested (without ``pupil_id``), or
        flat tables ``{"pupils": [...], "enrolments": [...], ...}`` whose rows carry ``pupil_id``. A table may be
        nested or flat, not both.

    Raises
    ------
    UnreadableRecordsError
        Text that is no JSON (with line and column), keys that are twice there, unknown keys (with the nearest known
        one), shapes that are not those above, rows that name another pupil than theirs. All at once.

    Examples
    --------
    >>> sent = read_json('[{"pupil_id": "a", "absences": []}, {"pupil_id": "b", "enrolments": []}]')
    >>> {name: len(table) for name, table in sent.tables.items()}
    {'pupils': 2, 'enrolments': 0, 'absences': 0}
    >>> sent.not_sent
    {'absences': ('b',)}
    """
    tables, faults = read_shapes(payload)
    if faults:
        raise shape_error(faults)
    return tables


def read_shapes(payload: str | bytes | list[Any] | dict[str, Any]) -> tuple[Payload, list[str]]:
    """Read what can be read of a payload, beside the faults of its shape: as :func:`read_json`, which raises them.

    Raises
    ------
    UnreadableRecordsError
        Text that is no JSON.
    """
    faults: list[str] = []
    value = parse_json(payload, faults) if isinstance(payload, str | bytes | bytearray) else payload
    pupils, parts = _top_level(value, faults)
    plain, ids = _flatten(pupils, parts, faults)
    # Before the tables are made: a pupil with [] gives no row, and yet sent the table.
    ids_with = {name: [part.pupil_id for part in parts[name] if part.pupil_id is not None] for name in EVENTS}
    tables = {"pupils": _raw_table("pupils", [_Part("pupils", plain)], faults)}
    tables |= {name: _raw_table(name, rows_of, faults) for name, rows_of in parts.items() if rows_of}
    faults.extend(_cut_texts(payload, tables))
    not_sent = {
        name: tuple(str(pupil_id) for pupil_id in ids if pupil_id not in with_it)
        for name, ids_of in ids_with.items()
        # A table that nobody sent is simply absent; a pupil without it is only told where others have it.
        if (with_it := set(ids_of))
    }
    places = {name: _places(rows_of) for name, rows_of in parts.items() if rows_of}
    places["pupils"] = _places([_Part("pupils", plain)])
    return Payload(tables, {name: missing for name, missing in not_sent.items() if missing}, places), faults


def _places(parts: list[_Part]) -> RowPlaces:
    """Say where the rows of a table stood; lists without a row hold none of them."""
    # Empty lists would share a start with the next list, and searchsorted would name the wrong one.
    parts_with_rows = [part for part in parts if part.rows] or parts[:1]
    ends = accumulate((len(part.rows) for part in parts_with_rows[:-1]), initial=0)
    starts = np.array(list(ends), dtype=np.int64)
    return RowPlaces(tuple(part.where for part in parts_with_rows), starts)


def parse_json(text: str | bytes | bytearray, faults: list[str]) -> Any:  # noqa: ANN401  JSON can be anything
    """Parse JSON text strictly: NaN, or a key twice in an object, is one more of the ``faults``.

    Raises
    ------
    UnreadableRecordsError
        Text that is no JSON, with line and column.

    Examples
    --------
    >>> faults = []
    >>> parse_json('{"rank": NaN}', faults), faults
    ({'rank': None}, ['NaN is no JSON value (a value that is not known is null)'])
    """
    value = _parsed_plainly(text)
    if value is not None:
        return value

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
            faults.append(f"an object holds {', '.join(map(repr, twice))} more than once")
        return members

    def refuse(constant: str) -> None:
        faults.append(f"{constant} is no JSON value (a value that is not known is null)")

    try:
        # json refuses a byte order mark in a text, and takes one in bytes.
        text = text.removeprefix("\ufeff") if isinstance(text, str) else text
        # Left to itself json keeps the last of two equal keys, and reads NaN, which JSON does not have.
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except json.JSONDecodeError as error:
        came = f"The payload is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        came = f"The payload is no JSON: {error}"
    hint = "Give the JSON text itself (not a path), in UTF-8, complete."
    raise UnreadableRecordsError(explain_error(came, expected=EXPECTED, hint=hint))


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


_PLAIN = json.JSONDecoder(parse_constant=_refuse_constant)


def _parsed_plainly(text: str | bytes | bytearray) -> Any:  # noqa: ANN401  JSON can be anything
    """Parse a text in which every key is there once in its object, as a count of all keys tells; None for any other.

    Most of the time of parsing strictly goes into looking at each object: a text is read strictly only where counting its keys
    cannot rule a fault out.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        value = _PLAIN.decode(text)
    except (ValueError, RecursionError):
        return None
    # A colon stands after each key, and some may stand in texts: as many colons as keys that are left, and no key was lost.
    return value if text.count(":") == _count_keys(value) else None


def _count_keys(value: object) -> int:
    """Count the keys of the objects in the forms of a payload; what lies deeper than a row is not counted."""
    inside = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    # A list of pupils or one pupil, and their rows; {"pupils": [...]} is one level more.
    levels = 3 if isinstance(value, dict) and "pupils" in value else 2
    count = 0
    for level in range(levels):
        objects = [item for item in inside if type(item) is dict]
        count += sum(map(len, objects))
        if level < levels - 1:
            values = chain.from_iterable(item.values() for item in objects)
            inside = list(chain.from_iterable(rows for rows in values if type(rows) is list))
    return count


def _top_level(value: Any, faults: list[str]) -> tuple[list[Any], dict[str, list[_Part]]]:  # noqa: ANN401  unknown yet
    """Tell the forms apart: the pupils, and the tables that came flat."""
    parts: dict[str, list[_Part]] = {name: [] for name in (*NESTED, *FLAT)}
    if isinstance(value, dict) and "pupils" not in value and "pupil_id" in value:
        value = [value]
    if isinstance(value, list):
        value = {"pupils": value}
    if not isinstance(value, dict):
        faults.append(f"the payload is {_kind(value)}")
        return [], parts
    faults.extend(_unknown(key, (), f"key {key!r}") for key in value if key not in TABLES)
    for name in TABLES:
        rows = value.get(name)
        if rows is not None and not isinstance(rows, list):
            faults.append(f"{name!r} is {_kind(rows)}, not a list")
        elif rows is not None and name != "pupils":
            parts[name].append(_Part(name, rows))
    pupils = value.get("pupils")
    if not pupils:
        faults.append("the payload holds no pupil")
    return (pupils if isinstance(pupils, list) else []), parts


def _flatten(
    pupils: list[Any], parts: dict[str, list[_Part]], faults: list[str]
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Take the nested lists out of the pupils, into ``parts``; give the bare pupils and their ids."""
    flat = {name for name, rows_of in parts.items() if rows_of}
    plain: list[dict[str, Any]] = []
    for place, pupil in enumerate(pupils):
        if not isinstance(pupil, dict):
            faults.append(f"pupils[{place}] is {_kind(pupil)}, not an object")
            continue
        pupil_id = pupil.get("pupil_id")
        if pupil_id is None or isinstance(pupil_id, dict | list):
            faults.append(f"pupils[{place}] has no pupil_id")
            continue
        plain.append({key: value for key, value in pupil.items() if key not in parts})
        for name in NESTED:
            rows = pupil.get(name)
            if isinstance(rows, list):
                parts[name].append(_Part(f"pupils[{place}].{name}", rows, pupil_id))
            elif rows is not None:
                faults.append(f"pupils[{place}].{name} is {_kind(rows)}, not a list")
    faults.extend(
        f"{name!r} came both as a flat table and inside pupils"
        for name in flat
        if parts[name][-1].pupil_id is not None
    )
    faults.extend(_misplaced_keys(plain))
    return plain, [pupil["pupil_id"] for pupil in plain]


def _misplaced_keys(plain: list[dict[str, Any]]) -> list[str]:
    """Find keys of pupils that must be tables with another name; other unknown columns are for the checks."""
    columns = set(_columns("pupils"))
    faults = []
    for key in dict.fromkeys(chain.from_iterable(plain)):
        if key in columns:
            continue
        holders = [pupil for pupil in plain if isinstance(pupil.get(key), list | dict)]
        if holders or get_close_matches(key, NESTED, n=1, cutoff=0.8):
            faults.append(_unknown(key, tuple(columns), f"key {key!r} of {len(holders) or 'some'} pupils"))
    return faults


def _raw_table(name: str, parts: list[_Part], faults: list[str]) -> RawTable:
    """Make one raw table of the rows that came, their pupil's id in front."""
    rows = [row for part in parts for row in part.rows]
    # Flat and nested at once is a fault already said: what is missing in the rows of one form is not one more.
    if parts[0].pupil_id is None and parts[-1].pupil_id is not None:
        return RawTable((), (), 0)
    if not set(map(type, rows)) <= {dict}:
        faults.extend(_not_objects(parts) + _of_another_pupil(parts))
        return RawTable((), (), 0)
    if not rows:
        return RawTable.of_lists({column: [] for column in _columns(name)}, 0)
    columns = _columns_of(rows)
    if parts[0].pupil_id is not None:
        if "pupil_id" in columns:
            faults.extend(_of_another_pupil(parts))
        columns = {"pupil_id": [part.pupil_id for part in parts for _ in part.rows]} | {
            key: values for key, values in columns.items() if key != "pupil_id"
        }
    list_columns = [key for key, values in columns.items() if not {dict, list}.isdisjoint(map(type, values))]
    list_columns = [key for key in list_columns if name != "pupils" or key in _columns(name)]
    faults.extend(f"{name}: column {key!r} holds lists or objects, not single values" for key in list_columns)
    return RawTable.of_lists(columns, len(rows))


def _columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns, by the keys of all rows in the order in which they first come; a key that a row lacks is None."""
    keys = list(rows[0])
    # As many keys in all as if each row had those of the first one: then they are the same, or one of them is not there.
    if sum(map(len, rows)) == len(keys) * len(rows):
        try:
            return {key: list(map(itemgetter(key), rows)) for key in keys}
        except KeyError:
            pass
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(chain.from_iterable(rows))}


def _cut_texts(payload: object, tables: Mapping[str, RawTable]) -> Iterator[str]:
    """Find texts that end in the middle of a character; most JSON text cannot hold any."""
    # Half a character comes as an escape, or as the bytes ED A0 to ED BF, which the parser lets through.
    if isinstance(payload, bytes | bytearray) and b"\\u" not in payload and b"\xed" not in payload:
        return
    if isinstance(payload, str) and payload.isascii() and "\\u" not in payload:
        return
    for name, table in tables.items():
        texts = [cell for cells in table.cells for cell in cells if type(cell) is str and not cell.isascii()]
        cut = next((text for text in texts if not _writable(text)), None)
        if cut is not None:
            yield f"{name} holds a text that cannot be written in UTF-8"


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_objects(parts: list[_Part]) -> list[str]:
    """Say where rows are not objects."""
    return [
        f"{part.where}[{place}] is {_kind(row)}, not an object"
        for part in parts
        for place, row in enumerate(part.rows)
        if not isinstance(row, dict)
    ]


def _of_another_pupil(parts: list[_Part]) -> list[str]:
    """Say which nested rows carry the id of another pupil than the one they stand in."""
    return [
        f"{part.where}[{place}] says another pupil_id than the pupil that it stands in"
        for part in parts
        for place, row in enumerate(part.rows)
        if part.pupil_id is not None and isinstance(row, dict)
        if row.get("pupil_id", part.pupil_id) != part.pupil_id
    ]


def _columns(name: str) -> tuple[str, ...]:
    """Give the declared columns of a table."""
    return TABLES[name].column_names


def _unknown(key: str, also_known: tuple[str, ...], what: str) -> str:
    """Say that a key is not known, with the nearest one that is."""
    near = get_close_matches(str(key), (*TABLES, *also_known), n=1, cutoff=0.6)
    return f"{what} is not known" + (f" (did you mean {near[0]!r}?)" if near else "")


def _kind(value: object) -> str:
    """Name what came in the words of JSON."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")


def shape_error(faults: list[str], report: FaultReport | None = None) -> UnreadableRecordsError:
    """Make one error of every fault of the shape of a payload, and of those of the rows that could be read."""
    lines = faults[:MAX_FAULTS_LISTED]
    if len(faults) > len(lines):
        lines.append(f"and {len(faults) - len(lines)} more")
    message = explain_error(
        f"The payload cannot be read (faults: {len(faults)}): " + "; ".join(lines),
        expected=EXPECTED,
        hint="Correct what is listed; leave a key out when a table is not known, send [] when it is known and empty.",
    )
    besides = f"\nIn the rows that could be read: {report}" if report else ""
    return UnreadableRecordsError(message + besides, faults=faults, report=report)
