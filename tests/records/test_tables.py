"""The declared tables and their columns."""

from __future__ import annotations

import jsonschema
import pytest
from pydantic import ValidationError

from decrochage_risk.records.levels import LEVELS
from decrochage_risk.records.table_schemas import TABLES
from records_page import schemas

ENROLMENT = {
    "pupil_id": "é 🙂 1",
    "school_year": 2024,
    "school_id": "0382032C",
    "level": "2de_pro",
    "start_date": "2024-09-02",
}


def test_tables_are_those_of_the_design() -> None:
    """The tables, the mandatory ones and their required columns are the contract of the design."""
    assert list(TABLES) == [
        "pupils",
        "enrolments",
        "absences",
        "grades",
        "orientation",
        "outcomes",
        "coverage",
        "context",
    ]
    assert [name for name, table in TABLES.items() if table.mandatory] == ["pupils", "enrolments"]
    assert {name: " ".join(table.required) for name, table in TABLES.items()} == {
        "pupils": "pupil_id",
        "enrolments": "pupil_id school_year school_id level start_date",
        "absences": "pupil_id date half_days kind",
        "grades": "pupil_id date subject value status kind",
        "orientation": "pupil_id date event",
        "outcomes": "pupil_id school_year outcome",
        "coverage": "table start end",
        "context": "as_of school_id measure value pupils",
    }


def test_columns_are_read_out_of_the_models() -> None:
    """Each model field is one column, in the same order, and nothing else is."""
    for table in TABLES.values():
        assert table.column_names == tuple(table.model.model_fields)
        assert set(table.required) | set(table.optional) == set(table.column_names)


def test_every_column_says_what_it_is_in_both_languages() -> None:
    """No column, and no choice of a column, is without its words."""
    for table in TABLES.values():
        for column in table.columns:
            assert column.description.endswith(".")
            assert column.label
            assert column.meaning.endswith(".")
            assert tuple(column.labels) == column.choices
            assert all(column.labels.values())


def test_choices_carry_what_others_rely_on() -> None:
    """The levels are the declared ones with their labels, and the subjects hold those of the features."""
    level = TABLES["enrolments"].column("level")
    assert level.labels == {level.name: level.label for level in LEVELS}
    core = {"french", "maths", "modern_language_1", "professional", "other", "pe", "arts"}
    assert core <= set(TABLES["grades"].column("subject").choices)


def test_defaults_and_bounds_of_marks() -> None:
    """A mark is out of 20 with weight 1 unless said otherwise, and out_of is never 0."""
    out_of, coefficient = (TABLES["grades"].column(name) for name in ("out_of", "coefficient"))
    assert (out_of.default, out_of.minimum, out_of.above_minimum) == (20, 0, True)
    assert (coefficient.default, coefficient.minimum, coefficient.maximum) == (1, 0, 100)


def test_unknown_column_name() -> None:
    """A column that is not declared is not found."""
    with pytest.raises(KeyError):
        TABLES["pupils"].column("nationality")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pupil_id", " a"),
        ("pupil_id", "a\tb"),
        ("pupil_id", ""),
        ("pupil_id", "x" * 257),
        ("level", "4ème"),
        ("school_id", "382032C"),
        ("school_year", 24),
        ("start_date", "02/09/24"),
    ],
)
def test_model_and_schema_refuse_the_same_cells(column: str, value: object) -> None:
    """A good row passes the row model and the JSON Schema; a bad cell is refused by both."""
    table, schema = TABLES["enrolments"], schemas()["enrolments"]
    check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert table.model.model_validate(ENROLMENT)
    check.validate([ENROLMENT])
    bad = {**ENROLMENT, column: value}
    with pytest.raises(ValidationError):
        table.model.model_validate(bad)
    assert not check.is_valid([bad])
