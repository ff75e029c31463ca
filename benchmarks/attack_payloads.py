"""JSON payloads of a service in which values, keys and the text itself were changed: refused, or everybody has a result."""

from __future__ import annotations

import json
import random
import warnings
from typing import Any

from attack import REFUSED, SURVIVED, Outcome, Section, apart, sorted_out
from rows_attacked import HOSTILE, extract, facts_of

__all__ = ["SECTION", "attempt"]

_PLAIN = tuple(
    value for value in HOSTILE if value is None or isinstance(value, str | int | float | list | dict)
)


def _payload(chance: random.Random) -> list[dict[str, Any]]:
    tables = json.loads(json.dumps(extract(chance, pupils=4), default=str))
    return [
        pupil
        | {
            name: [
                {key: value for key, value in row.items() if key != "pupil_id"}
                for row in rows
                if row["pupil_id"] == pupil["pupil_id"]
            ]
            for name, rows in tables.items()
            if name != "pupils"
        }
        for pupil in tables["pupils"]
    ]


def attempt(seed: int) -> str:
    """Change one to three entries of a payload, at any depth, or its text, and read it."""
    import decrochage_risk as dr  # noqa: PLC0415 - in the process apart

    warnings.simplefilter("ignore")
    chance = random.Random(seed)  # noqa: S311 - tries that can be repeated
    payload: Any = _payload(chance)
    for _ in range(chance.randrange(1, 4)):
        here = payload
        while isinstance(here, dict | list) and here:
            key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
            inner = here[key]
            if not isinstance(inner, dict | list) or not inner or chance.random() < 0.1:
                if chance.random() < 0.2:
                    del here[key]
                else:
                    here[key] = chance.choice(_PLAIN)
                break
            here = inner
    sent: Any = payload
    if chance.random() < 0.3:
        text = json.dumps(payload)
        cut = chance.randrange(len(text))
        sent = chance.choice(
            [text, text[:cut], text[:cut] + chance.choice(["\x00", "}", '"', "[" * 2000]) + text[cut:]]
        )
    try:
        records = dr.PupilRecords.from_json(sent, on_fault=chance.choice(["raise", "quarantine"]))
        facts = facts_of(records)
    except dr.DecrochageError as error:
        str(error)
        return REFUSED
    return facts if isinstance(facts, str) else SURVIVED


def run(tries: int, seed: int) -> Outcome:
    """Try some payloads."""
    return sorted_out((f"seed {case}", answer) for case, answer in apart(attempt, range(seed, seed + tries)))


SECTION = Section("payloads", 1700, run)
