"""How the faults of a policy table are worded: where, what came, what was expected; all of them in one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from decrochage_risk.errors import PolicyError, explain_error
from decrochage_risk.records.levels import LEVEL_NAMES

__all__ = ["entries_of", "faulty", "repeated_codes", "worded"]

_LONGEST = 60
"""Characters of a value that are shown."""


def worded(name: str, raw: Mapping[str, Any], fault: Mapping[str, Any]) -> str:
    """Say where a fault is, what came and what was expected, with the entry's own code where it has one.

    Parameters
    ----------
    name : str
        Name of the table.
    raw : mapping
        The table as it was read.
    fault : mapping
        One of pydantic's errors.

    Examples
    --------
    >>> raw = {"groups": [{"code": "pro", "targeted": 27}]}
    >>> fault = {"loc": ("groups", 0, "targeted"), "input": 27, "msg": "Input should be less than 1"}
    >>> worded("vigilance.toml", raw, fault)
    'vigilance.toml, groups[0] (pro).targeted: 27 came; Input should be less than 1'
    """
    place = ""
    entry: Any = raw
    for step in fault["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
        entry = entry[step] if _holds(entry, step) else None
        if isinstance(step, int) and isinstance(entry, Mapping) and "code" in entry:
            place += f" ({entry['code']})"
    came = "" if isinstance(fault["input"], Mapping) else f"{_short(fault['input'])} came; "
    return f"{name}, {place or 'table'}: {came}{fault['msg'].removeprefix('Value error, ')}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _holds(entry: object, step: int | str) -> bool:
    if isinstance(step, int):
        return isinstance(entry, list) and step < len(entry)
    return isinstance(entry, Mapping) and step in entry


def entries_of(raw: Mapping[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """Give the entries of a table that are tables themselves, none when there is no such list."""
    listed = (raw or {}).get(key)
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def repeated_codes(name: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the codes that several entries of a table have.

    Examples
    --------
    >>> repeated_codes("measures.toml", [{"code": "tdo"}, {"code": "tdo"}, {"code": "pafi"}])
    ["measures.toml: code 'tdo' is used 2 times"]
    """
    counts = Counter(str(entry["code"]) for entry in entries if "code" in entry)
    return [f"{name}: code {code!r} is used {n} times" for code, n in counts.items() if n > 1]


def faulty(faults: Sequence[str]) -> PolicyError:
    """Put every fault of both tables into one error."""
    listed = "\n".join(f"  - {fault}" for fault in faults)
    return PolicyError(
        explain_error(
            f"The policy holds {len(faults)} fault(s):\n{listed}",
            expected="every level in exactly one group, 0 < base_rate < targeted < secured < 1, "
            "and measures with a code, label, text, valid_from and source",
            hint=f"Correct each line; the levels are {', '.join(LEVEL_NAMES)}.",
        )
    )
