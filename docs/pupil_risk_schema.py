"""The published JSON Schemas of results, written out of the declared models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decrochage_risk.score import PupilRisk, ScoreDocument

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["pupil_risk_schema", "risk_scores_schema"]

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
    return _strict(PupilRisk)


def risk_scores_schema() -> dict[str, Any]:
    """Make the JSON Schema of a whole run, as ``RiskScores.to_json`` and the service write it.

    Examples
    --------
    >>> schema = risk_scores_schema()
    >>> schema["required"], "held_out" in schema["$defs"]["RunFacts"]["properties"]
    (['run', 'pupils'], False)
    """
    return _strict(ScoreDocument)


def _strict(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="serialization")
    for declared in (schema, *schema["$defs"].values()):
        if "properties" in declared:
            declared["additionalProperties"] = False
            declared["required"] = list(declared["properties"])
        if "description" in declared:
            declared["description"] = declared["description"].partition("\n")[0]
    return {"$schema": _DRAFT, **schema}
