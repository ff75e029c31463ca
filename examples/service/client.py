"""A typed client: ``python client.py http://127.0.0.1:8000 pupils.json 2025-03-05``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx

from decrochage_risk import ScoreDocument


def score(url: str, records: object, as_of: str) -> ScoreDocument:
    """Score a batch; an answer that is no success raises ``httpx.HTTPStatusError``, its body holds every fault."""
    reply = httpx.post(f"{url}/v1/pupils", json={"as_of": as_of, "records": records}, timeout=60)
    return ScoreDocument.model_validate_json(reply.raise_for_status().content)


if __name__ == "__main__":
    url, path, as_of = sys.argv[1:]
    for pupil in score(url, json.loads(Path(path).read_text(encoding="utf-8")), as_of).pupils:
        sys.stdout.write(f"{pupil!r}\n")
