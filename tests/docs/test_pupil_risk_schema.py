"""The published JSON Schema of a result holds for every result, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pupil_risk_schema import pupil_risk_schema

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

PUBLISHED = Path(__file__).resolve().parents[2] / "data" / "schema" / "pupil_risk.schema.json"


@pytest.fixture(scope="module")
def validator() -> Any:
    """Read the published file."""
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def test_the_published_schema_is_the_models(validator: Any) -> None:
    """The file is what the model says today; ``docs/generate.py`` writes it."""
    assert validator.schema == pupil_risk_schema()


@pytest.mark.whole
def test_every_result_is_valid(validator: Any, small_scores: RiskScores) -> None:
    """Scored, abstained, explained or not: each object of the JSON of a run holds to the schema."""
    told = json.loads(small_scores.to_json())["pupils"]
    chosen = [pupil for pupil in told if pupil["flagged"]] + told[:200]
    assert {pupil["tier"] for pupil in chosen} >= {0, 1, 2}
    for pupil in chosen:
        validator.validate(pupil)


@pytest.mark.parametrize(
    "change",
    [
        {"automated_decision": True},
        {"risk": "0.3"},
        {"as_of": "5 mars"},
        {"rank": 3},
        {"reasons": [{"text": "sans valeur"}]},
        {"tier_precision": {"text": "environ 1 sur 4"}},
    ],
)
def test_other_objects_are_not_valid(
    validator: Any,
    small_scores: RiskScores,
    change: dict[str, Any],
) -> None:
    """Another type, an unknown field, a field less or an automated decision does not hold to it."""
    pupil = json.loads(small_scores[small_scores.flagged["pupil_id"].iloc[0]].model_dump_json())
    assert not validator.is_valid({**pupil, **change})
    for name in pupil:
        assert not validator.is_valid({key: value for key, value in pupil.items() if key != name})
