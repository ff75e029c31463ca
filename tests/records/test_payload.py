"""Laws of JSON payloads: nested and flat say the same, and "not known" is never "no rows"."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import UnreadableRecordsError
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.payload import parse_json, read_json
from decrochage_risk.records.table_schemas import TABLES

EVENTS = ["absences", "grades", "orientation"]
ROWS = st.lists(st.fixed_dictionaries({"date": st.just("2024-10-01"), "n": st.integers(0, 9)}), max_size=3)
PUPILS = st.lists(
    st.fixed_dictionaries(
        {"sex": st.sampled_from("FM")}, optional={name: ROWS | st.none() for name in EVENTS}
    ),
    min_size=1,
    max_size=5,
).map(lambda pupils: [{"pupil_id": f"é{place}", **pupil} for place, pupil in enumerate(pupils)])


@settings(max_examples=60)
@given(PUPILS)
def test_nested_rows_keep_their_pupil(pupils: list[dict[str, Any]]) -> None:
    """Each nested row is found once, in order, under its pupil; absent keys are named, empty lists are not."""
    sent = read_json(json.dumps(pupils))
    assert sent.tables["pupils"]["pupil_id"].tolist() == [pupil["pupil_id"] for pupil in pupils]
    for name in EVENTS:
        having = [pupil for pupil in pupils if pupil.get(name) is not None]
        expected = [(pupil["pupil_id"], row["n"]) for pupil in having for row in pupil[name]]
        assert (name in sent.tables) == bool(having)
        if expected:
            table = sent.tables[name]
            assert list(zip(table["pupil_id"], table["n"], strict=True)) == expected
        without = tuple(pupil["pupil_id"] for pupil in pupils if pupil not in having)
        assert sent.not_sent.get(name, ()) == (without if having else ())


def test_the_forms_agree() -> None:
    """Text, bytes, parsed, a list, one pupil, {"pupils": ...} and flat tables give the same frames."""
    row = {"date": "2024-10-01", "half_days": 2}
    pupil = {"pupil_id": "a", "sex": "F", "absences": [row]}
    flat = {"pupils": [{"pupil_id": "a", "sex": "F"}], "absences": [{"pupil_id": "a", **row}]}
    own = {**pupil, "absences": [{"pupil_id": "a", **row}]}
    text = json.dumps([pupil])
    forms: list[Any] = [
        text,
        "\ufeff" + text,
        text.encode(),
        [pupil],
        pupil,
        {"pupils": [pupil]},
        flat,
        [own],
    ]
    for form in forms:
        for name, table in read_json(form).tables.items():
            pd.testing.assert_frame_equal(table, read_json([pupil]).tables[name])


@pytest.mark.parametrize(
    "payload", [[{"pupil_id": "a", "grades": []}], {"pupils": [{"pupil_id": "a"}], "grades": []}]
)
def test_known_and_empty(payload: Any) -> None:
    """An empty list is a table without rows that has its declared columns."""
    sent = read_json(payload)
    assert sent.tables["grades"].columns.tolist() == list(TABLES["grades"].column_names)
    assert len(sent.tables["grades"]) == 0
    assert sent.not_sent == {}


def test_null_is_not_known() -> None:
    """A table that is null, in a pupil or at the top, did not come."""
    assert set(read_json({"pupils": [{"pupil_id": "a", "grades": None}], "absences": None}).tables) == {
        "pupils"
    }


def test_odd_ids_come_through() -> None:
    """Accents, spaces, emoji and 10,000 characters are left as they are for the checks."""
    ids = ["é e\u0301", " a b ", "🎒", "x" * 10_000]
    sent = read_json(json.dumps([{"pupil_id": pupil_id, "grades": [{"value": 1}]} for pupil_id in ids]))
    assert sent.tables["grades"]["pupil_id"].tolist() == ids


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ('[{"pupil_id": "a",}]', "line 1, column"),
        ("[\n{\n", "at line 3, column 1"),
        (b"[\xff]", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"pupil_id": ' + "1" * 5000 + "}", "no JSON"),
        ('[{"pupil_id": "a", "x": NaN}]', "NaN is no JSON value"),
        ('[{"pupil_id": "a", "pupil_id": "b"}]', "'pupil_id' more than once"),
        ("[]", "no pupil"),
        ('{"pupils": []}', "no pupil"),
        ("3", "the payload is a number"),
        ('{"pupil": [{"pupil_id": "a"}]}', "did you mean 'pupils'"),
        ('[{"pupil_id": "a", "abscences": [{"date": "2024-10-01"}]}]', "did you mean 'absences'"),
        ('[{"pupil_id": "a", "abscences": null}]', "did you mean 'absences'"),
        ('[{"pupil_id": "a", "zzz": []}]', "key 'zzz' of 1 pupils is not known"),
        ('[{"sex": "F"}]', "pupils[0] has no pupil_id"),
        ('[{"pupil_id": {}}]', "pupils[0] has no pupil_id"),
        ('["a"]', "pupils[0] is a text, not an object"),
        ('[{"pupil_id": "a", "grades": {}}]', "pupils[0].grades is an object, not a list"),
        ('[{"pupil_id": "a", "grades": [3]}]', "pupils[0].grades[0] is a number, not an object"),
        ('[{"pupil_id": "a", "grades": [{"value": [1]}]}]', "column 'value' holds lists"),
        (
            '[{"pupil_id": "a", "grades": [{"pupil_id": "b"}]}]',
            "pupils[0].grades[0] says another pupil_id than the pupil that it stands in",
        ),
        ('{"pupils": [{"pupil_id": "a", "grades": []}], "grades": []}', "both as a flat table and inside"),
        ('{"pupils": [{"pupil_id": "a"}], "grades": 3}', "'grades' is a number, not a list"),
        ('[{"pupil_id": "\\ud800"}]', "cannot be written in UTF-8"),
    ],
)
def test_what_cannot_be_read(payload: str | bytes, said: str) -> None:
    """A payload of another shape is refused with the place, what was expected and what to do."""
    with pytest.raises(UnreadableRecordsError) as caught:
        read_json(payload)
    message = str(caught.value)
    assert said in message
    assert "Expected: a list of pupils" in message
    assert "Hint: " in message


def test_all_faults_at_once() -> None:
    """One error lists the faults of every pupil, and counts those beyond the first twenty."""
    pupils: list[Any] = [{"pupil_id": "a", "grades": 1}, 3, {"pupil_id": "b", "abscence": []}]
    with pytest.raises(UnreadableRecordsError) as caught:
        read_json(pupils)
    for said in ("faults: 3", "pupils[0].grades", "pupils[1]", "'abscence'"):
        assert said in str(caught.value)
    with pytest.raises(UnreadableRecordsError, match="and 5 more"):
        read_json([3] * 25 + [{"pupil_id": "a"}])


def test_unknown_single_values_are_left_to_the_checks() -> None:
    """A further column of pupils is passed on, as it would be from a file."""
    assert "remark" in read_json([{"pupil_id": "a", "remark": "x"}]).tables["pupils"]


def test_half_a_character_is_refused_as_bytes_too() -> None:
    """A text cut inside a character cannot be written anywhere: refused, whether it comes escaped or as raw bytes."""
    row = b'[{"pupil_id": "a%s", "enrolments": []}]'
    for half in (b"\\ud800", b"\xed\xa0\x80"):
        with pytest.raises(UnreadableRecordsError, match="cannot be written in UTF-8"):
            read_json(row % half)


def test_faults_of_shape_and_of_rows_come_together() -> None:
    """A payload with faults of both kinds is corrected once: the error holds each shape fault and each fault of a row."""
    stay = {"school_year": 2024, "school_id": "0670001M", "level": "3e", "start_date": "2024-09-02"}
    marks = [
        {"date": "32/01", "subject": "french", "value": 9},
        {"date": "2024-10-01", "subject": "french", "value": 31},
    ]
    pupils = [
        {"pupil_id": "a", "enrolments": [stay], "abscences": []},
        {"pupil_id": "b", "enrolments": [stay | {"level": "3eme"}], "grades": marks},
        {"pupil_id": "c", "enrolments": [stay], "orientation": 3},
    ]
    with pytest.raises(UnreadableRecordsError) as caught:
        PupilRecords.from_json(pupils)
    assert len(caught.value.faults) == 2
    report = caught.value.report
    assert report is not None
    assert set(report.errors.frame["path"]) == {
        "pupils[1].grades[0].date",
        "pupils[1].grades[1].value",
        "pupils[1].enrolments[0].level",
    }
    assert "'abscences'" in str(caught.value)
    assert "pupils[1].enrolments[0].level" in str(caught.value)


def test_a_fault_of_shape_brings_no_fault_of_rows_with_it() -> None:
    """Rows that are lost because of the shape are one fault, not one more per row that leans on them."""
    both = {"pupils": [{"pupil_id": "a", "grades": [{"value": 3}]}], "grades": [{"pupil_id": "a"}]}
    for payload in (both, [3], [{"pupil_id": "a", "enrolments": 3}], [{"pupil_id": "a", "target": "\ud800"}]):
        with pytest.raises(UnreadableRecordsError) as caught:
            PupilRecords.from_json(payload)
        assert caught.value.faults
        assert caught.value.report is None, caught.value.report


# Objects as lists of pairs, so that a key may be there twice; texts and keys that look like keys and colons.
WORDS = st.sampled_from(["pupils", "grades", "date", "a:b", '":', 'a"b', "\\", "é", " :"])
OBJECTS = st.recursive(
    st.none() | st.integers(0, 9) | WORDS,
    lambda inside: st.lists(inside, max_size=3) | st.lists(st.tuples(WORDS, inside), max_size=4).map(tuple),
    max_leaves=12,
)


def _json_text(value: Any, between: str) -> str:
    if isinstance(value, tuple):
        members = (f"{json.dumps(key)}{between}{_json_text(item, between)}" for key, item in value)
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_json_text(item, between) for item in value)}]"
    return json.dumps(value)


def _has_twice(value: Any) -> bool:
    items = [item for _, item in value] if isinstance(value, tuple) else value
    own = isinstance(value, tuple) and len({key for key, _ in value}) < len(value)
    return own or (isinstance(items, list) and any(map(_has_twice, items)))


@settings(max_examples=300)
@given(OBJECTS, st.sampled_from([":", ": ", " :", "\n: "]), st.booleans())
def test_a_key_twice_is_a_fault_wherever_it_stands(value: Any, between: str, as_bytes: bool) -> None:  # noqa: FBT001 - of Hypothesis
    """Parsing gives what json gives, and a fault exactly where some object holds a key twice, whatever its texts look like."""
    text, faults = _json_text(value, between), list[str]()
    assert parse_json(text.encode() if as_bytes else text, faults) == json.loads(text)
    assert bool(faults) == _has_twice(value)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["date", "n", "status"]), st.integers(0, 3)), min_size=1, max_size=4
    )
)
def test_rows_become_columns_whatever_keys_they_lack(rows: list[dict[str, int]]) -> None:
    """Columns come in the order in which their keys first come, and a key that a row lacks is a missing cell."""
    sent = read_json({"pupils": [{"pupil_id": "a"}], "absences": rows})
    raw = sent.raw["absences"]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    assert list(raw.names) == keys
    assert list(raw.cells) == [[row.get(key) for row in rows] for key in keys]
