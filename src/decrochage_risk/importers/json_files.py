"""JSON of exports: any encoding they come in, and a refusal that shows none of its text."""

from __future__ import annotations

import json

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.delimited import decode

__all__ = ["parse_json"]


def parse_json(content: bytes, name: str) -> object:
    """Parse a JSON of any encoding that exports come in.

    Raises
    ------
    UnreadableExportError
        Truncated, or no JSON.
    """
    text, _ = decode(content, name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UnreadableExportError(
            explain_error(
                f"{name} is truncated or malformed JSON, near line {line}",
                expected="a complete answer of the service",
                hint="Ask for it again.",
            ),
            french=f"Le fichier JSON est coupé ou mal formé vers la ligne {line} : rien n’en est pris.",
        ) from None
