"""The published JSON Schema of a result, written out of the declared model."""

from __future__ import annotations

from typing import Any

from decrochage_risk.score.pupil_risk import PupilRisk

__all__ = ["pupil_risk_schema"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def pupil_risk_schema() -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of one pupil's result, as ``PupilRisk.model_dump_json`` writes it.

    Every field is always written, and no other one: a reader may rely on both.

    Returns
    -------
    dict

    Examples
    --------
    >>> schema = pupil_risk_schema()
    >>> schema["properties"]["automated_decision"]["const"], schema["additionalProperties"]
    (False, False)
    """
    schema = PupilRisk.model_json_schema(mode="serialization")
    for declared in (schema, *schema["$defs"].values()):
        if "properties" in declared:
            declared["additionalProperties"] = False
            declared["required"] = list(declared["properties"])
        if "description" in declared:
            declared["description"] = declared["description"].partition("\n")[0]
    return {"$schema": _DRAFT, **schema}
