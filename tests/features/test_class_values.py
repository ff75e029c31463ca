"""The table ``context``: what build_context puts in it, what a pupil is set against, and what it never changes."""

from __future__ import annotations

import math
import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from feature_matrix import assert_same_bits, matrix_of
from oracle_rows import as_float
from random_records import as_frames, random_rows, uai

from decrochage_risk.errors import FaultyRecordsError, NotEnoughDataError, RecordsWarning
from decrochage_risk.features import CATALOGUE, CONTEXT_COLUMNS, build_context, build_features, context_of
from decrochage_risk.features.catalogue import LEAST_PUPILS
from decrochage_risk.features.definition import AGAINST_CLASS
from decrochage_risk.records import PupilRecords
from oracle import contract_features, views

if TYPE_CHECKING:
    from decrochage_risk.school_year import SchoolCalendar
    from oracle import Tables

AS_OF = date(2025, 1, 20)
AGAINST = [feature.name for feature in CATALOGUE if feature.family is AGAINST_CLASS]
MEASURES = ("mean_grade_12w", "mean_grade_year", "absence_rate_4w", "absence_rate_year")
ENVIRONMENT = ["context_school_absence_rate", "context_school_mean_grade"]


def records_of(tables: dict[str, Any], calendar: SchoolCalendar, **more: Any) -> PupilRecords:
    """Make records without a word about odd but allowed rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordsWarning)
        given = {name: frame for name, frame in tables.items() if frame is not None}
        return PupilRecords(**given, calendar=calendar, **more)


@pytest.fixture(scope="module")
def rows() -> Tables:
    """Give 160 random pupils in five schools, every table there."""
    return random_rows(5, 160, as_ofs=[AS_OF], absent_tables=False)


@pytest.fixture(scope="module")
def context(rows: Tables, calendar: SchoolCalendar) -> pd.DataFrame:
    """Make their context."""
    return build_context(records_of(as_frames(rows), calendar), AS_OF)


def places(rows: Tables) -> dict[Any, tuple[str, str | None]]:
    """Give the school and class of each pupil enrolled on the day."""
    found = {}
    for pupil_id, pupil in views(rows, AS_OF, lambda _: 0, ()):
        if pupil.enrolments:
            latest = pupil.enrolments[-1]
            still = any(
                (row["end_date"] or date(row["school_year"] + 1, 8, 31)) >= AS_OF for row in pupil.enrolments
            )
            if still:
                found[pupil_id] = (latest["school_id"], latest.get("class_id"))
    return found


def recomputed(
    rows: Tables, calendar: SchoolCalendar
) -> dict[tuple[str, str | None, str | None, str], list[float]]:
    """List the known values of each class, school, subject and measure, by plain Python."""
    where = places(rows)
    values = contract_features(rows, AS_OF, calendar.half_days, calendar.known_years)
    subjects = {
        pupil_id: pupil.subject_means()
        for pupil_id, pupil in views(rows, AS_OF, calendar.half_days, calendar.known_years)
    }
    cells: dict[tuple[str, str | None, str | None, str], list[float]] = {}
    for pupil_id, (school, of_class) in where.items():
        told = [(None, measure, values[pupil_id][measure]) for measure in MEASURES]
        told += [(subject, "mean_grade_year", float(mean)) for subject, mean in subjects[pupil_id].items()]
        for subject, measure, value in told:
            for scope in {None, of_class}:
                if not math.isnan(value):
                    cells.setdefault((school, scope, subject, measure), []).append(value)
    return cells


def looked_up(context: pd.DataFrame) -> dict[tuple[str, str | None, str | None, str], tuple[float, int]]:
    """Read the table as a dict."""
    plain = context.astype(object).where(context.notna(), None)
    keys = zip(plain["school_id"], plain["class_id"], plain["subject"], plain["measure"], strict=True)
    return dict(zip(keys, zip(plain["value"], plain["pupils"], strict=True), strict=True))


def test_context_is_the_mean_of_each_class_and_school(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """Each value is the mean over the enrolled pupils that have it; under 5 pupils there is none."""
    cells = {key: values for key, values in recomputed(rows, calendar).items() if len(values) >= LEAST_PUPILS}
    found = looked_up(context)
    assert set(found) == set(cells)
    assert len(found) > 40
    for key, values in cells.items():
        assert found[key] == (pytest.approx(math.fsum(values) / len(values), rel=1e-12), len(values))
    assert set(pd.to_datetime(context["as_of"]).dt.date) == {AS_OF}


@pytest.mark.whole
def test_a_pupil_is_set_against_its_class(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """Each feature is the pupil's own value minus that of the class or school, NaN where either is not known."""
    own = contract_features(rows, AS_OF, calendar.half_days, calendar.known_years)
    means = {
        pupil_id: pupil.subject_means()
        for pupil_id, pupil in views(rows, AS_OF, calendar.half_days, calendar.known_years)
    }
    where, table = places(rows), looked_up(context)
    got = matrix_of({**as_frames(rows), "context": context}, AS_OF, calendar)
    known = 0
    for pupil_id, values in own.items():
        school, of_class = where.get(pupil_id, ("", None))

        def value(measure: str, scope: str | None, subject: str | None = None, of: str = school) -> float:
            return table.get((of, scope, subject, measure), (math.nan, 0))[0]

        def gap(measure: str, inside: str | None = of_class, mine: dict[str, float] = values) -> float:
            return math.nan if inside is None else mine[measure] - value(measure, inside)

        gaps = [
            as_float(mean) - value("mean_grade_year", of_class, subject)
            for subject, mean in means[pupil_id].items()
            if of_class is not None
        ]
        expected = {
            "grade_against_class_12w": gap("mean_grade_12w"),
            "worst_subject_against_class_year": min((g for g in gaps if not math.isnan(g)), default=math.nan),
            "absence_rate_against_class_year": gap("absence_rate_year"),
            "absence_rate_against_school_4w": values["absence_rate_4w"] - value("absence_rate_4w", None),
        }
        assert sorted(expected) == sorted(AGAINST)
        assert got.loc[pupil_id, list(expected)].to_dict() == pytest.approx(expected, abs=1e-9, nan_ok=True)
        known += sum(not math.isnan(number) for number in expected.values())
    assert known > 100


def test_without_the_table_nothing_is_known(rows: Tables, calendar: SchoolCalendar) -> None:
    """Without context, and with a context of other schools, what needs it is NaN, and nothing else changes a bit."""
    frames = as_frames(rows)
    without = matrix_of(frames, AS_OF, calendar)
    elsewhere = {"as_of": AS_OF, "school_id": uai(77), "measure": MEASURES[0], "value": 10.0, "pupils": 9}
    other = matrix_of({**frames, "context": pd.DataFrame([elsewhere])}, AS_OF, calendar)
    assert without[AGAINST].isna().all(axis=None)
    assert_same_bits(other, without, "a context of other schools")
    environment = context_of(records_of(frames, calendar).known_on(AS_OF))
    assert list(environment.columns) == list(CONTEXT_COLUMNS)
    assert environment[ENVIRONMENT].isna().all(axis=None)
    assert environment.drop(columns=ENVIRONMENT).notna().all(axis=None)


@pytest.mark.whole
def test_others_in_the_batch_change_nothing(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """With the same context, a pupil without the others has the same bits, whatever the order of the rows."""
    frames = {**as_frames(rows), "context": context}
    batch = matrix_of(frames, AS_OF, calendar)
    shuffled = frames | {"context": context.sample(frac=1.0, random_state=3)}
    assert_same_bits(matrix_of(shuffled, AS_OF, calendar), batch, "shuffled context")
    for pupil in [*places(rows)][:12]:
        alone = {
            name: frame if name == "context" else frame[frame["pupil_id"] == pupil]
            for name, frame in frames.items()
            if frame is not None
        }
        assert_same_bits(matrix_of(alone, AS_OF, calendar), batch.loc[[pupil]], f"{pupil} alone")


def test_order_of_pupils_changes_no_bit_of_the_context(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """The values of a class do not depend on the order of its pupils, to the last bit."""
    turned = {name: None if frame is None else frame.iloc[::-1] for name, frame in as_frames(rows).items()}
    again = build_context(records_of(turned, calendar), AS_OF)
    pd.testing.assert_frame_equal(again, context, check_exact=True)


def test_the_latest_value_of_the_year_known_that_morning_counts(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """Values of a later day or of another school year change no bit; of several known ones the latest counts."""
    frames = as_frames(rows)
    expected = matrix_of({**frames, "context": context}, AS_OF, calendar)

    def moved(day: date) -> pd.DataFrame:
        return context.assign(as_of=pd.Timestamp(day), value=context["value"] * 0.5 + 0.125)

    others = [AS_OF + timedelta(1), AS_OF - timedelta(1), date(2024, 8, 31), date(2024, 9, 1)]
    several = pd.concat([context, *(moved(day) for day in others)])
    assert_same_bits(matrix_of({**frames, "context": several}, AS_OF, calendar), expected, "several days")
    for day, known in ((AS_OF + timedelta(1), False), (date(2024, 8, 31), False), (date(2024, 9, 1), True)):
        got = matrix_of({**frames, "context": moved(day)}, AS_OF, calendar)
        assert got[AGAINST].notna().any(axis=None) == known


def test_the_environment_is_that_of_the_school(
    rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar
) -> None:
    """The context columns of the risk are the school's absence rate and mean mark, NaN for who is not enrolled."""
    known = records_of({**as_frames(rows), "context": context}, calendar).known_on(AS_OF)
    got, table, where = context_of(known)[ENVIRONMENT], looked_up(context), places(rows)
    for pupil in got.index:
        school = where[pupil][0] if pupil in where else ""
        expected = [
            table.get((school, None, None, measure), (math.nan, 0))[0]
            for measure in ("absence_rate_year", "mean_grade_year")
        ]
        np.testing.assert_array_equal(got.loc[pupil].to_numpy(), expected)
    assert got.notna().any().all()


def test_several_days_at_once(rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar) -> None:
    """Several days give the rows of each day; no day at all is refused."""
    records = records_of(as_frames(rows), calendar)
    earlier = date(2024, 11, 25)
    both = build_context(records, [AS_OF, earlier, AS_OF])
    pd.testing.assert_frame_equal(
        both, pd.concat([build_context(records, earlier), context], ignore_index=True)
    )
    with pytest.raises(NotEnoughDataError, match="No day came"):
        build_context(records, [])


def test_small_cells_are_refused(rows: Tables, context: pd.DataFrame, calendar: SchoolCalendar) -> None:
    """A context that comes with a value of fewer than 5 pupils is a fault."""
    with pytest.raises(FaultyRecordsError, match="out_of_range"):
        records_of({**as_frames(rows), "context": context.assign(pupils=4)}, calendar)


def test_uncovered_pupils_are_not_in_the_mean(calendar: SchoolCalendar) -> None:
    """A pupil outside the coverage of grades is in no mean of marks, and has no gap."""
    ids = [f"p{number}" for number in range(LEAST_PUPILS + 1)]
    enrolled = {
        "school_year": 2024,
        "school_id": uai(1),
        "level": "3e",
        "start_date": "2024-09-02",
        "class_id": "A",
    }
    marks = [
        {"pupil_id": pupil, "date": "2025-01-10", "subject": "maths", "value": 10 + number, "status": "graded",
         "kind": "assessment"}
        for number, pupil in enumerate(ids)
    ]  # fmt: skip
    span = {"table": "grades", "start": "2024-09-01", "end": "2025-08-31"}
    tables: dict[str, Any] = {
        "pupils": [{"pupil_id": pupil} for pupil in ids],
        "enrolments": [{"pupil_id": pupil, **enrolled} for pupil in ids],
        "grades": marks,
        "coverage": [{"pupil_id": pupil, **span} for pupil in ids[:-1]],
    }
    made = build_context(records_of(tables, calendar), AS_OF)
    assert set(made["pupils"]) == {LEAST_PUPILS}
    assert set(made["value"]) == {12.0}
    got = build_features(records_of(tables, calendar, context=made), AS_OF)["grade_against_class_12w"]
    assert got.tolist()[:-1] == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert math.isnan(got.iloc[-1])
