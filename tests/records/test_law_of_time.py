"""The law of time over faults: what is judged is what was known, whether errors are raised or set aside."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decrochage_risk import DemoModelWarning, FaultyRecordsError, PupilRecords, score_pupils

if TYPE_CHECKING:
    from tests.records.conftest import Rows

    Mode = Literal["raise", "quarantine"]

AS_OF = "2025-03-05"
PUPILS = "abc"
LATE = st.sampled_from(["2025-03-05", "2025-03-06", "2025-06-30", "2204-09-01"])
"""Days on or after the as-of date, the last one beyond every calendar."""

_FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "absences": ({"half_days": 9}, {"kind": "vacances"}, {"half_days": None}, {"justified": "peut-être"}, {"half_days": 2}),
    "grades": ({"value": -50.0}, {"subject": "alchimie"}, {"status": "Abs"}, {"out_of": 0.0}, {"value": "douze"}),
    "orientation": ({"rank": 0}, {"event": "rumeur"}, {"granted": True}),
    "enrolments": ({"level": "bts1"}, {"school_id": "0990001X"}, {"end_date": "2024-09-01"}, {"school_year": 1890}, {}),
    "coverage": ({"table": "cantine"}, {"school_id": "0990001X"}, {"end": "2020-01-01"}, {}),
}  # fmt: skip
_RECORDED = frozenset({"absences", "grades", "orientation"})


def known_tables(rows: Rows, *, faulty: bool) -> dict[str, Any]:
    """Write what was known; with a faulty row in each table when asked."""
    tables = rows.tables(
        PUPILS,
        absences=[rows.absence("a"), rows.absence("b", recorded_on="2024-10-08"), rows.absence("b", half_days=2, date="2024-10-09")],
        grades=[rows.grade("a"), rows.grade("c", value=3.0)],
        orientation=[rows.event("a"), rows.event("b", rank=2)],
        coverage=[{"table": "absences", "school_id": rows.schools[0], "start": "2024-09-01", "end": "2025-08-31"}],
    )  # fmt: skip
    if faulty:
        tables["absences"] = [*tables["absences"], rows.absence("c", half_days=9)]
        tables["enrolments"] = [
            *tables["enrolments"],
            rows.enrolment("b", level="bts1", school_year=2023, start_date="2023-09-04"),
        ]
    return tables


def drawn_future(data: st.DataObject, rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Draw rows that were not known on the as-of date, most of them faulty."""
    make = {
        "absences": rows.absence,
        "grades": rows.grade,
        "orientation": rows.event,
        "enrolments": rows.enrolment,
    }
    later: dict[str, list[dict[str, Any]]] = {name: [] for name in _FAULTS}
    for _ in range(data.draw(st.integers(1, 6))):
        name = data.draw(st.sampled_from(sorted(_FAULTS)))
        cells = dict(data.draw(st.sampled_from(_FAULTS[name])))
        pupil = data.draw(st.sampled_from([*PUPILS, "nobody"] if name in _RECORDED else PUPILS))
        if name == "coverage":
            row = {
                "table": "grades",
                "school_id": rows.schools[0],
                "start": data.draw(LATE),
                "end": "2025-08-31",
            }
            later[name].append(row | cells)
        elif name in _RECORDED and data.draw(st.booleans()):
            later[name].append(
                make[name](pupil, **{"date": "2024-10-07", **cells, "recorded_on": data.draw(LATE)})
            )
        else:
            column = "start_date" if name == "enrolments" else "date"
            later[name].append(make[name](pupil, **{**cells, column: data.draw(LATE)}))
    return later


def judgement(tables: dict[str, Any], mode: Mode) -> Any:
    """Say all that is told of what was known: faults, counts, causes, risks; the report of errors where it is raised."""
    try:
        records = PupilRecords(**tables, on_fault=mode, as_of=AS_OF)
    except FaultyRecordsError as error:
        return str(error)
    with pytest.warns(DemoModelWarning):
        scores = score_pupils(records, as_of=AS_OF, explain="none", gaps=["absences", "grades"])
    pupils = [(one.pupil_id, one.risk, one.cause, one.data.set_aside, one.level) for one in scores]
    return records.faults_on(AS_OF).text(), scores.run.faults, pupils


@cache
def _judgement_before(rows: Rows, mode: Mode, *, faulty: bool) -> Any:
    return judgement(known_tables(rows, faulty=faulty), mode)


@pytest.mark.whole
# Declared gaps: the causes are compared.
@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
@pytest.mark.parametrize("mode", ["raise", "quarantine"])
@pytest.mark.parametrize("faulty", [False, True])
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_faults_of_the_future_change_nothing_that_is_told(
    rows: Rows, mode: Mode, data: st.DataObject, *, faulty: bool
) -> None:
    """Whatever is wrong in rows dated or entered on or after the as-of date: same report, counts, causes and risks."""
    tables = known_tables(rows, faulty=faulty)
    later = drawn_future(data, rows)
    after = tables | {name: [*tables[name], *more] for name, more in later.items()}
    assert judgement(after, mode) == _judgement_before(rows, mode, faulty=faulty)


def test_a_later_day_raises_what_is_known_by_then(rows: Rows) -> None:
    """Strict records that were judged on one day still refuse a later day on which an error of theirs is known."""
    tables = rows.tables("a", absences=[rows.absence("a", half_days=9, date="2025-03-10")])
    with pytest.raises(FaultyRecordsError):
        PupilRecords(**tables)
    records = PupilRecords(**tables, as_of=AS_OF)
    assert len(records.faults.errors) == 1
    assert not records.faults_on(AS_OF).errors
    assert records.known_on("2025-03-10").pupil_count == 1
    with pytest.raises(FaultyRecordsError, match="1 error"):
        records.known_on("2025-03-11")


def test_a_row_whose_day_cannot_be_read_is_judged(rows: Rows) -> None:
    """A faulty row that does not say its day may have been known: strict records refuse it on any day."""
    tables = rows.tables("a", absences=[rows.absence("a", half_days=9, date=None)])
    with pytest.raises(FaultyRecordsError):
        PupilRecords(**tables, as_of="2024-09-10")


def test_a_later_entry_gives_an_earlier_row_no_warning(rows: Rows) -> None:
    """Half-days entered later make a short day too full: only the rows of that entry are warned about."""
    short = {"date": "2024-10-09"}  # a Wednesday holds one half-day
    tables = rows.tables("a", absences=[rows.absence("a", **short)])
    later = rows.absence("a", recorded_on="2025-03-05", **short)
    after = PupilRecords(**tables | {"absences": [*tables["absences"], later]})
    assert [group.rule for group in after.faults_on(AS_OF).warnings.groups] == [
        group.rule for group in PupilRecords(**tables).faults.warnings.groups
    ]
    assert after.faults.rows("absences", "warning").tolist() == [1]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("ends", [(None, None), ("2025-06-10", None), (None, "2025-06-10")])
def test_which_of_two_stays_is_the_later_hangs_on_neither_order_nor_future(
    ends: tuple[str | None, str | None], *, reverse: bool
) -> None:
    """Two stays that begin the same day in one school: order of rows and ends to come choose neither class nor boarding."""
    shared = {
        "pupil_id": "a",
        "school_year": 2024,
        "school_id": "0990001N",
        "level": "2de_pro",
        "start_date": "2024-09-02",
    }
    stays = [
        {**shared, "class_id": name, "boarder": boarder, "end_date": end}
        for name, boarder, end in zip(("2P1", "2P2"), (True, False), ends, strict=True)
    ]
    records = PupilRecords(
        pupils=[{"pupil_id": "a", "birth_date": "2009-01-05"}],
        enrolments=stays[::-1] if reverse else stays,
        on_fault="quarantine",
    )
    known = records.known_on("2025-03-05")
    row = int(known.current_enrolment_row[0])
    assert records.enrolments["class_id"].iloc[row] == "2P2"
    assert not records.enrolments["boarder"].iloc[row]
