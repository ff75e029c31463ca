"""Laws that hold for every feature of the catalogue, down to the bit, whatever the feature is."""

from __future__ import annotations

import random
import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from feature_matrix import assert_same_bits, bits, matrix_of
from future_rows import with_future_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_rows import ABSENCE_FEATURES, CONTRACT, GRADE_FEATURES, ORIENTATION_FEATURES, is_enrolled
from random_records import AS_OFS, as_frame, as_frames, random_rows, uai

from decrochage_risk.errors import RecordsWarning
from decrochage_risk.features import CATALOGUE, catalogue
from decrochage_risk.features.catalogue import FEATURE_BY_NAME
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.features.windows import EARLIER_YEARS, PREVIOUS_YEAR
from decrochage_risk.records import PupilRecords
from oracle import views

if TYPE_CHECKING:
    from random_records import Frames, Row, Tables

    from decrochage_risk.school_year import SchoolCalendar

few = settings(max_examples=10, database=None)
seeds = st.integers(0, 10_000)
as_ofs = st.sampled_from(AS_OFS)

MEASURED_UNITS = {"share", "share_points", "points", "/20", "per_week"}
YEARS_START = date(2021, 9, 1)
EVENT_TABLES = ("absences", "grades", "orientation")
READ_BY_CONTRACT = {
    "absences": ABSENCE_FEATURES,
    "grades": GRADE_FEATURES,
    "orientation": ORIENTATION_FEATURES,
}
DAYS_TAKEN_OFF = {
    "school_days_since_mark",
    "quiet_weeks_share_12w",
    "marks_per_week_change",
    "missed_assessments_last_year",
}
"""Features of the marks that count attendable days."""
SENSITIVE = {
    "sex", "sexe", "gender", "genre", "girl", "boy", "female", "male", "nationality", "nationalite", "citizenship",
    "origin", "ethnicity", "language_at_home", "religion", "address", "adresse", "postcode", "commune", "district",
    "city", "scholarship", "bourse", "disability", "handicap", "ulis", "pps", "pap", "health", "sante", "pregnancy",
    "income", "pcs", "ips", "parent", "parents", "family", "name", "nom", "prenom", "uai", "pupil", "id",
}  # fmt: skip


def changed(tables: Tables, name: str, change: Any) -> Tables:
    """Change cells of every row of a table."""
    return tables | {
        name: None if tables[name] is None else [row | change(row) for row in tables[name] or []]
    }


def renamed(tables: Tables, column: str, names: dict[str, str]) -> Tables:
    """Rename the values of a column consistently in all tables."""

    def rename(row: Row) -> Row:
        return row | ({column: names[row[column]]} if column in row else {})

    return {name: None if rows is None else [rename(row) for row in rows] for name, rows in tables.items()}


@pytest.mark.whole
@few
@given(seed=seeds, as_of=as_ofs)
def test_future_rows_change_no_bit(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """Rows dated or recorded on or after the day, however extreme, change not one bit."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    before = matrix_of(as_frames(tables), as_of, calendar)
    after = matrix_of(as_frames(with_future_rows(tables, as_of)), as_of, calendar)
    assert_same_bits(after, before, f"future rows as of {as_of}, seed {seed}")


@few
@given(seed=seeds, as_of=as_ofs)
def test_future_rows_alone_are_as_none(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """Records whose unknown rows are taken out give the same bits as the records that hold them."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    known: Tables = dict(tables)
    for name in EVENT_TABLES:
        rows = tables[name]
        if rows is not None:
            known[name] = [
                row for row in rows if row["date"] < as_of and (row.get("recorded_on") or row["date"]) < as_of
            ]
    known["enrolments"] = [row for row in tables["enrolments"] or [] if row["start_date"] < as_of]
    got = matrix_of(as_frames(known), as_of, calendar)
    assert_same_bits(got, matrix_of(as_frames(tables), as_of, calendar), f"cut at {as_of}, seed {seed}")


@few
@given(seed=seeds, as_of=as_ofs)
def test_order_of_rows_changes_no_bit(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """Every table in another row order gives the same bits for the same pupil."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    rng = random.Random(seed + 1)  # noqa: S311 - test data, not a secret
    shuffled: Tables = {
        name: None if rows is None else rng.sample(rows, len(rows)) for name, rows in tables.items()
    }
    before = matrix_of(as_frames(tables), as_of, calendar)
    after = matrix_of(as_frames(shuffled), as_of, calendar)
    assert list(after.index) == [row["pupil_id"] for row in shuffled["pupils"] or []]
    assert_same_bits(after.loc[before.index], before, f"shuffled rows, seed {seed}, as of {as_of}")


def only(tables: Tables, ids: set[str]) -> Tables:
    """Keep the rows of some pupils; a table that is there stays there, without rows if need be."""
    return {
        name: None if rows is None else [row for row in rows if row["pupil_id"] in ids]
        for name, rows in tables.items()
    }


@pytest.mark.whole
@pytest.mark.parametrize(("seed", "as_of"), [(1, AS_OFS[3]), (2, AS_OFS[8]), (3, AS_OFS[11])])
def test_alone_or_in_a_batch(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """A pupil alone has the bits that the pupil has in the batch; one not enrolled yet comes with a companion."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    batch = matrix_of(as_frames(tables), as_of, calendar)
    started = {row["pupil_id"] for row in tables["enrolments"] or [] if row["start_date"] < as_of}
    companion = min(started)
    for pupil in batch.index:
        few_pupils = only(tables, {pupil} if pupil in started else {pupil, companion})
        frames = {name: None if rows is None else as_frame(name, rows) for name, rows in few_pupils.items()}
        alone = matrix_of(frames, as_of, calendar)
        assert_same_bits(alone.loc[[pupil]], batch.loc[[pupil]], f"alone, seed {seed}, as of {as_of}")


def frames_with_coverage(seed: int, as_of: date, covered: str) -> Frames:
    """Draw records, of which spans of coverage name nobody, two pupils, or these and a school."""
    rows = random_rows(seed, 19, as_ofs=[as_of])
    frames = as_frames(rows)
    pupil, other = (row["pupil_id"] for row in (rows["pupils"] or [])[3:15:11])
    school = (rows["enrolments"] or [])[0]["school_id"]
    span = {"start": as_of - timedelta(days=60), "end": as_of}
    owners = {
        "nobody": [],
        "pupils": [{"pupil_id": pupil}, {"pupil_id": other}],
        "school": [{"pupil_id": pupil}, {"pupil_id": other}, {"school_id": school}],
    }[covered]
    if owners:
        frames["coverage"] = pd.DataFrame(
            [owner | span | {"table": name} for owner in owners for name in ("absences", "grades")]
        )
    return frames


coverages = st.sampled_from(["nobody", "pupils", "school"])


@few
@given(seed=seeds, as_of=as_ofs, part=st.integers(1, 9), covered=coverages)
def test_features_of_parts_are_those_of_the_whole(
    calendar: SchoolCalendar, seed: int, as_of: date, part: int, covered: str
) -> None:
    """Pupils by parts of any size have the bits that they have at once: what a part has no span of is not covered there."""
    frames = frames_with_coverage(seed, as_of, covered)
    at_once = matrix_of(frames, as_of, calendar)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "PART_PUPILS", part)
        assert_same_bits(
            matrix_of(frames, as_of, calendar), at_once, f"parts of {part}, seed {seed}, {as_of}"
        )


@few
@given(seed=seeds, as_of=as_ofs, covered=coverages, chosen=st.sets(st.integers(0, 18)))
def test_features_of_some_pupils_are_those_of_the_whole(
    calendar: SchoolCalendar, seed: int, as_of: date, covered: str, chosen: set[int]
) -> None:
    """Any pupils taken out of the records have the bits that they have among the others, and the same words of subjects."""
    given = {
        name: frame for name, frame in frames_with_coverage(seed, as_of, covered).items() if frame is not None
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordsWarning)
        known = PupilRecords(**given, calendar=calendar).known_on(as_of)
    pupils = np.array(sorted(chosen), dtype=np.intp)
    some = known.of_pupils(pupils)
    at_once = catalogue.matrix_of(known)
    assert_same_bits(catalogue.matrix_of(some), at_once.iloc[pupils], f"seed {seed}, {as_of}, {chosen}")
    for feature in CATALOGUE:
        if feature.wording.subjects is not None and Facts(known).has(feature.table):
            words = feature.wording.subjects(Facts(known))[pupils]
            assert feature.wording.subjects(Facts(some)).tolist() == words.tolist(), feature.name


@few
@given(seed=seeds, as_of=as_ofs)
def test_shape_of_the_matrix(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """One row per pupil in the order of pupils, one float64 column per feature in the catalogue's order, finite or NaN."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    matrix = matrix_of(as_frames(tables), as_of, calendar)
    assert list(matrix.index) == [row["pupil_id"] for row in tables["pupils"] or []]
    assert matrix.index.name == "pupil_id"
    assert list(matrix.columns) == [entry.name for entry in CATALOGUE]
    assert {str(dtype) for dtype in matrix.dtypes} == {"float64"}
    assert not np.isinf(matrix.to_numpy()).any()


@pytest.mark.whole
@pytest.mark.parametrize("table", EVENT_TABLES)
def test_missing_table_is_not_zero(calendar: SchoolCalendar, table: str) -> None:
    """A feature that an emptied table changes is NaN for everybody when the table is absent; others keep their bits.

    The rhythm of the marks takes the days of a placement off: without absences, no such day is known, as in an empty table.
    """
    tables = random_rows(11, 60, absent_tables=False)
    absent = as_frames(tables | {table: None})
    empty = as_frames(tables | {table: []})
    reads: set[str] = set()
    for as_of in AS_OFS[1::3]:
        full = matrix_of(as_frames(tables), as_of, calendar)
        changes = (bits(matrix_of(empty, as_of, calendar)) != bits(full)).any(axis=0)
        reads |= set(full.columns[changes])
    assert set(READ_BY_CONTRACT[table]) <= reads
    rhythm = sorted({name for name in reads if FEATURE_BY_NAME[name].table != table})
    assert set(rhythm) <= DAYS_TAKEN_OFF
    reads -= set(rhythm)
    for as_of in AS_OFS[1::3]:
        without = matrix_of(absent, as_of, calendar)
        known = without[sorted(reads)].notna().any()
        assert not known.any(), f"as of {as_of}, without {table}: {sorted(known.index[known])} are known"
        assert_same_bits(
            without[rhythm], matrix_of(empty, as_of, calendar)[rhythm], f"as of {as_of}, days taken off"
        )
        others = [name for name in CONTRACT if name not in reads]
        full = matrix_of(as_frames(tables), as_of, calendar)
        assert_same_bits(without[others], full[others], f"as of {as_of}, without {table}")


@pytest.mark.whole
@few
@given(seed=seeds, as_of=as_ofs)
def test_sex_and_names_change_no_bit(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """The other sex, other school ids and other pupil ids in reverse order change not one bit."""
    tables = random_rows(seed, 25, as_ofs=[as_of])
    before = matrix_of(as_frames(tables), as_of, calendar)
    other_sex = changed(tables, "pupils", lambda row: {"sex": {"F": "M", "M": "F"}.get(row["sex"], "F")})
    assert_same_bits(matrix_of(as_frames(other_sex), as_of, calendar), before, f"sex, seed {seed}")
    schools = sorted({row["school_id"] for row in tables["enrolments"] or []})
    school_names = {name: uai(90 - number) for number, name in enumerate(schools)}
    other_schools = renamed(tables, "school_id", school_names)
    assert_same_bits(matrix_of(as_frames(other_schools), as_of, calendar), before, f"school ids, seed {seed}")
    pupil_names = {name: f"é{999 - number}" for number, name in enumerate(sorted(before.index))}
    other_ids = matrix_of(as_frames(renamed(tables, "pupil_id", pupil_names)), as_of, calendar)
    assert list(other_ids.index) == [pupil_names[name] for name in before.index]
    assert_same_bits(other_ids, before, f"pupil ids, seed {seed}")


def test_no_sensitive_attribute() -> None:
    """No feature is named after sex, origin, address, scholarship, disability, health, family or an id."""
    named = [
        entry.name
        for entry in CATALOGUE
        if SENSITIVE & set(entry.name.split("_")) or "school_id" in entry.name
    ]
    assert not named


def test_whatever_may_be_a_reason_has_a_declared_direction() -> None:
    """A sentence never turns from a point of attention into one of support: only what has a direction is told."""
    assert [entry.name for entry in CATALOGUE if entry.family.told and entry.direction == 0] == []


def test_entries_are_whole() -> None:
    """Each name is unique, each entry has a unit, a window, a family, a direction of +1, 0 or -1 and a revision."""
    names = [entry.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)
    for entry in CATALOGUE:
        assert entry.direction in (-1, 0, 1), entry.name
        assert entry.unit, entry.name
        assert entry.window, entry.name
        assert entry.family, entry.name
        assert entry.revision >= 1, entry.name


@few
@given(seed=seeds, as_of=as_ofs)
def test_every_value_can_be_told(calendar: SchoolCalendar, seed: int, as_of: date) -> None:
    """A value below 0 has a sentence for it, a mark lies on 20, an answer is yes or no, a count is whole."""
    matrix = matrix_of(as_frames(random_rows(seed, 25, as_ofs=[as_of])), as_of, calendar)
    for entry in CATALOGUE:
        values = matrix[entry.name].dropna().to_numpy()
        assert entry.wording.negative is not None or (values >= 0).all(), entry.name
        if entry.unit == "/20":
            assert (values <= 20 + 1e-9).all(), entry.name
        if entry.unit == "0/1":
            assert np.isin(values, (0.0, 1.0)).all(), entry.name
        if entry.unit not in MEASURED_UNITS:
            assert (values == np.round(values)).all(), entry.name


@pytest.mark.parametrize("table", ["absences", "grades", "orientation"])
def test_days_outside_the_extract_are_not_known(calendar: SchoolCalendar, table: str) -> None:
    """When the extract stops the day before the last, whatever looks up to the as-of date is NaN for who is enrolled."""
    as_of = AS_OFS[11]
    tables = random_rows(2, 30, as_ofs=[as_of], absent_tables=False)
    frames = as_frames(tables)
    schools = sorted({row["school_id"] for row in tables["enrolments"] or []})
    last = as_of - timedelta(2)
    spans = [{"school_id": name, "table": table, "start": YEARS_START, "end": last} for name in schools]
    matrix = matrix_of({**frames, "coverage": pd.DataFrame(spans)}, as_of, calendar)
    whole = matrix_of(frames, as_of, calendar)
    eve = [
        pupil_id
        for pupil_id, pupil in views(tables, as_of, calendar.half_days, calendar.known_years)
        if is_enrolled(pupil.enrolments, as_of - timedelta(1))
    ]
    past = (EARLIER_YEARS, PREVIOUS_YEAR)
    to_now = [entry.name for entry in CATALOGUE if entry.table == table and entry.window not in past]
    others = [entry.name for entry in CATALOGUE if entry.table != table]
    assert len(eve) > 5
    assert len(to_now) > 3
    assert matrix.loc[eve, to_now].isna().all(axis=None)
    assert_same_bits(matrix[others], whole[others], f"coverage of {table}")


def test_every_feature_says_where_it_comes_from() -> None:
    """No entry is without its source, and the first 28 are those of the contract."""
    assert all(entry.source for entry in CATALOGUE)
    assert {entry.name for entry in CATALOGUE[:28]} == set(CONTRACT)
    assert len(CATALOGUE) >= 60
