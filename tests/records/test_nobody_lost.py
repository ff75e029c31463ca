"""Laws of the population: it is that of the input before any filter, and what is judged is what was known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decrochage_risk import DemoModelWarning, FaultyRecordsError, PupilRecords, score_pupils
from decrochage_risk.score import load_demo_model

if TYPE_CHECKING:
    from tests.records.conftest import Rows

    from decrochage_risk.model import TrainedModel

AS_OF = "2025-03-05"
SET_ASIDE = "non inscrit à cette date d'après les lignes gardées : d'autres, fautives, ont été mises de côté"


@cache
def _model_of_every_gap() -> TrainedModel:
    """Give the bundled model without counts of what was known together, as one of format 1: every gap of these few rows is scored.

    Made once: each new model reads its trees from their text again.
    """
    model, risk_model = load_demo_model(), load_demo_model().risk_model
    references = replace(risk_model.references, knowledge=replace(risk_model.knowledge, rows={}))
    return replace(model, path=None, risk_model=replace(risk_model, references=references))


def _causes(tables: dict[str, Any], **arguments: Any) -> dict[str, str | None]:
    absences = pd.DataFrame(columns=["pupil_id", "date", "half_days", "kind"])
    records = PupilRecords(**{"absences": absences} | tables, on_fault="quarantine")
    with pytest.warns(DemoModelWarning):
        scores = score_pupils(
            records,
            as_of=AS_OF,
            explain="none",
            gaps=["absences", "grades"],
            model=_model_of_every_gap(),
            **arguments,
        )
    return {pupil.pupil_id: pupil.cause for pupil in scores}


@pytest.mark.parametrize("bad", ["a ", "\u00a0a", "a\tb", "x" * 300, 12.5, "\ud800a"], ids=ascii)
def test_an_id_that_cannot_be_used_is_in_the_result(rows: Rows, bad: Any) -> None:
    """Who has a blank at the end of the id in every table comes back under that id, without a score, with the cause.

    So does who has half a character in it, which no file can hold: under its escape.
    """
    in_result = str(bad).encode("utf-8", "backslashreplace").decode()
    tables = rows.tables("bc", absences=pd.DataFrame([rows.absence(bad), rows.absence("b")], dtype=object))
    tables["pupils"] = pd.DataFrame([{"pupil_id": bad}, *tables["pupils"]], dtype=object)
    tables["enrolments"] = pd.DataFrame([rows.enrolment(bad), *tables["enrolments"]], dtype=object)
    causes = _causes(tables)
    assert causes == {"b": None, "c": None, in_result: SET_ASIDE}
    records = PupilRecords(**tables, on_fault="quarantine")
    assert records.set_aside.tolist() == [0, 0, 3]
    with pytest.raises(FaultyRecordsError):
        PupilRecords(**tables)


def test_who_stands_in_enrolments_only_is_in_the_result(rows: Rows) -> None:
    """A pupil of enrolments whom pupils lacks is a result of its own; one of absences only is none."""
    tables = rows.tables("b", absences=[rows.absence("b"), rows.absence("nobody")])
    tables["enrolments"] = [*tables["enrolments"], rows.enrolment("d"), rows.enrolment("e ")]
    assert _causes(tables) == {"b": None, "d": SET_ASIDE, "e ": SET_ASIDE}


def test_a_pupil_whose_rows_are_all_set_aside_is_in_the_result(rows: Rows) -> None:
    """Nothing of the pupil can be used: the result says so."""
    tables = rows.tables("b")
    tables["pupils"] = [*tables["pupils"], {"pupil_id": "d", "birth_date": "17/05/09"}]
    tables["enrolments"] = [*tables["enrolments"], rows.enrolment("d", level="bts1")]
    assert _causes(tables) == {"b": None, "d": SET_ASIDE}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_as_many_results_as_pupils_whatever_is_wrong(rows: Rows, data: st.DataObject) -> None:
    """Whatever cells are wrong, the results are the ids of pupils and enrolments, each once."""
    ids = st.sampled_from(["a", "b", "c", "c ", " c", "", None, "d\n", "e"])
    pupils = data.draw(st.lists(ids, min_size=1, max_size=6))
    enrolled = data.draw(st.lists(ids, max_size=6))
    levels = st.sampled_from(["4e", "bts1", None])
    tables = {
        "pupils": [{"pupil_id": "good"}, *({"pupil_id": pupil} for pupil in pupils)],
        "enrolments": [
            rows.enrolment("good"),
            *(rows.enrolment(pupil, level=data.draw(levels)) for pupil in enrolled),  # type: ignore[arg-type]
        ],
    }
    named = {pupil for pupil in [*pupils, *enrolled] if pupil}
    records = PupilRecords(**tables, on_fault="quarantine")
    came = records.pupils["pupil_id"].tolist()
    assert sorted(came) == sorted({"good", *named})
    assert len(_causes(tables)) == len(came)


def test_a_transfer_on_the_leaving_day_is_accepted(rows: Rows) -> None:
    """The last day of one stay is the first of the next: a warning; the later stay counts from that day on."""
    stays = [
        rows.enrolment(end_date="2025-01-20"),
        rows.enrolment(start_date="2025-01-20", school_id="0990002P", level="3e"),
    ]
    records = PupilRecords(**rows.tables("a") | {"enrolments": stays})
    assert records.faults.counts == {("enrolments", "same_day_transfer"): 1}
    for day, school in (("2025-01-20", "0990001N"), ("2025-01-21", "0990002P"), (AS_OF, "0990002P")):
        known = records.known_on(day)
        assert known.school_ids[known.school[0]] == school
        assert known.enrolled.tolist() == [True]


def test_in_quarantine_the_newest_stay_wins_over_one_never_closed(rows: Rows) -> None:
    """A stale stay ends the day before the newest starts, once that is known; raised otherwise, and counted."""
    stays = [rows.enrolment(), rows.enrolment(start_date="2025-01-20", school_id="0990002P", level="3e")]
    tables = rows.tables("a") | {"enrolments": stays}
    with pytest.raises(FaultyRecordsError):
        PupilRecords(**tables)
    records = PupilRecords(**tables, on_fault="quarantine")
    for day, school in (("2025-01-20", "0990001N"), (AS_OF, "0990002P")):
        known = records.known_on(day)
        assert known.school_ids[known.school[0]] == school
    assert records.set_aside_on(AS_OF).tolist() == [1]
    assert records.set_aside_on("2025-01-20").tolist() == [0]
    assert _causes(tables) == {"a": None}


_FUTURE: tuple[dict[str, Any], ...] = (
    {"level": "bts1"},
    {"end_date": "2025-03-06"},
    {"school_id": "0990001X"},
    {},
    {"start_date": "2204-09-01"},
    {"start_date": "2025-03-05"},
)


@pytest.mark.parametrize("cells", _FUTURE)
def test_a_faulty_enrolment_of_the_future_changes_nothing(rows: Rows, cells: dict[str, Any]) -> None:
    """Faults of rows that start on or after the as-of date change no cause, no count and no level of anybody."""
    tables = rows.tables("ab")
    tables["enrolments"][1]["end_date"] = "2025-01-10"
    later = [rows.enrolment(pupil, **{"start_date": "2025-06-01", **cells}) for pupil in "ab"]
    after = tables | {"enrolments": [*tables["enrolments"], *later]}
    assert _causes(after) == _causes(tables) == {"a": None, "b": "non inscrit à cette date"}
    records = [PupilRecords(**each, on_fault="quarantine") for each in (tables, after)]
    before, now = (each.known_on(AS_OF) for each in records)
    assert now.level.tolist() == before.level.tolist()
    assert now.enrolled.tolist() == before.enrolled.tolist()
    assert records[1].set_aside_on(AS_OF).tolist() == [0, 0]


@pytest.mark.parametrize("table", ["absences", "grades", "orientation"])
def test_faulty_events_of_the_future_are_not_counted(rows: Rows, table: str) -> None:
    """A faulty row dated or entered on or after the as-of date is not set aside of what was known; an earlier one is."""
    make = {"absences": rows.absence, "grades": rows.grade, "orientation": rows.event}[table]
    wrong: dict[str, Any] = {
        "absences": {"half_days": 9},
        "grades": {"value": -1},
        "orientation": {"rank": 0},
    }[table]
    for cells, count in (({"date": "2025-03-05"}, 0), ({"recorded_on": "2025-03-05"}, 0), ({}, 1)):
        records = PupilRecords(**rows.tables("a", **{table: [make(**wrong, **cells)]}), on_fault="quarantine")
        assert records.set_aside_on(AS_OF).tolist() == [count]
