"""The files that are generated from the declared tables."""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from decrochage_risk.records.rules import CELL_RULES, CROSS_RULES, ROW_RULES
from decrochage_risk.records.table_schemas import TABLES
from records_page import records_page, schemas

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
RULES = [*CELL_RULES, *(row_rule.rule for row_rule in ROW_RULES), *CROSS_RULES]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _other_versions() -> list[str]:
    """Name what is installed in another version than the one that the generated files were written with."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    written_with = dict(pin.split("==") for pin in pins if pin.count("==") == 1)
    return [name for name in ("pydantic", "scikit-learn") if version(name) != written_with[name]]


@pytest.mark.skipif(
    bool(_other_versions()),
    reason=f"other versions than those of constraints.txt: {_other_versions()}",
)
def test_generated_files_are_fresh() -> None:
    """Every generated file on disk is what the code would write now; if not, run python docs/generate.py."""
    generator = _generator()
    assert list(generator.stale_files()) == [], "stale files: run python docs/generate.py"
    generated = generator.generated_files()
    on_disk = {f"data/schema/{path.name}" for path in (ROOT / "data" / "schema").iterdir()}
    assert on_disk == {name for name in generated if name.startswith("data/schema/")}


@pytest.mark.parametrize("name", TABLES)
def test_schemas_are_valid_and_stable(name: str) -> None:
    """Every schema is a valid draft 2020-12 schema of all columns, and writing it twice gives the same text."""
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert tuple(schema["items"]["properties"]) == TABLES[name].column_names
    assert tuple(schema["items"]["required"]) == TABLES[name].required
    assert json.dumps(schema) == json.dumps(schemas()[name])


def test_page_names_every_column_choice_and_rule() -> None:
    """The French page holds every table, column, choice and rule with its remedy."""
    page = records_page()
    for table in TABLES.values():
        section = page.split(f"`{table.name}`\n\nTable", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
        for column in table.columns:
            assert f"| `{column.name}` |" in section
            assert all(f"`{choice}` ({column.labels[choice]})" in section for choice in column.choices)
    for rule in RULES:
        assert f"| `{rule.name}` |" in page
        assert rule.meaning in page
        assert rule.remedy in page


def test_every_rule_has_its_words() -> None:
    """Every rule says what was expected and what to do in English, and what is meant and the remedy in French."""
    for rule in RULES:
        assert rule.severity in {"error", "warning"}
        assert rule.expected
        assert rule.hint
        assert rule.meaning.endswith(".")
        assert rule.remedy.endswith(".")
        assert "|" not in rule.meaning + rule.remedy
