"""The part contract: what parts give by themselves, put together, is what the whole gives; and its declared types."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from decrochage_risk.errors import NotEnoughDataError
from decrochage_risk.model import take_snapshots
from decrochage_risk.partitions.merged_faults import PartFaults
from decrochage_risk.partitions.parts import (
    ROW_ID,
    SCHEMAS,
    SCORE_TABLES,
    SNAPSHOT_TABLES,
    ExtractFacts,
    extract_facts,
    merge_parts,
    score_part,
    snapshot_part,
    snapshots_of,
)
from decrochage_risk.records import PupilRecords
from decrochage_risk.score import score_pupils
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.messy import messy_tables

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel

AS_OF = date(2025, 3, 5)
DATES = [date(2023, 11, 6), date(2024, 3, 4), AS_OF]
NAMES = ("pupils", "enrolments", "absences", "grades", "orientation", "outcomes", "coverage")

pytestmark = pytest.mark.filterwarnings("ignore::decrochage_risk.errors.DemoModelWarning")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Draw an extract in which every rule about rows is broken somewhere."""
    clean = make_cohort(150, [2023, 2024], seed=9).tables
    return {name: table for name, table in messy_tables(clean, seed=5)["rows"].items() if name in NAMES}


def arrow_of(tables: dict[str, pd.DataFrame], part: int, count: int) -> dict[str, pa.Table]:
    """Give one part as an engine would: by a hash of the id, what belongs to no pupil in each; with its row numbers."""
    own = {}
    for name, table in tables.items():
        ids = table["pupil_id"] if "pupil_id" in table else pd.Series(None, index=table.index, dtype=object)
        of_part = pd.util.hash_array(ids.astype(str).to_numpy(dtype=object)) % count == part
        shared = ids.isna().to_numpy() if name == "coverage" else np.zeros(len(table), dtype=bool)
        rows = np.flatnonzero(of_part | shared)
        texts = (
            table.iloc[rows]
            .astype(object)
            .where(table.iloc[rows].notna(), None)
            .map(lambda cell: None if cell is None else str(cell))
        )
        own[name] = pa.table(
            {column: pa.array(texts[column], pa.string()) for column in texts}
        ).append_column(ROW_ID, pa.array(rows, pa.int64()))
    return own


def facts_of(parts: list[dict[str, pa.Table]]) -> ExtractFacts:
    """Put together the facts of the people of each part."""
    people = ("pupils", "enrolments", "coverage", "outcomes")
    return ExtractFacts.merged(
        extract_facts(**{name: part[name] for name in people if name in part}, row_id=ROW_ID)
        for part in parts
    )


def whole_of(tables: dict[str, pd.DataFrame]) -> PupilRecords:
    """Check the whole extract at once."""
    (whole,) = [arrow_of(tables, 0, 1)]
    return PupilRecords(
        **{name: table.drop_columns([ROW_ID]) for name, table in whole.items()}, on_fault="quarantine"
    )


# Its declared gap has no training: said, and the same in parts.
@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
@pytest.mark.whole
@pytest.mark.parametrize("count", [1, 3, 12])
def test_parts_scored_alone_are_the_whole(
    tables: dict[str, pd.DataFrame], small_model: TrainedModel, count: int
) -> None:
    """Scores, reasons, contributions and counts of faults of all parts are, to the bit, those of the whole extract."""
    parts = [arrow_of(tables, part, count) for part in range(count)]
    facts = facts_of(parts)
    done = [
        score_part(part, facts, as_of=AS_OF, model=small_model, explain="all", row_id=ROW_ID)
        for part in parts
    ]
    merged = merge_parts(done[::-1])
    scores = score_pupils(whole_of(tables), as_of=AS_OF, model=small_model, explain="all")
    for name, expected in (
        ("scores", scores.frame),
        ("reasons", scores.reasons),
        ("contributions", scores.contributions.reset_index()),
    ):
        columns = [column for column in SCHEMAS[name].names if column != ROW_ID]
        frame = merged[name].select(columns).to_pandas()
        whole = pa.Table.from_pandas(expected[columns]).to_pandas()
        pd.testing.assert_frame_equal(frame, whole, check_dtype=False, check_exact=True)


# Its declared gap has no training: said, and the same in parts.
@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
@pytest.mark.whole
def test_every_part_gives_the_declared_columns_and_types(
    tables: dict[str, pd.DataFrame], small_model: TrainedModel
) -> None:
    """However few pupils a part has, none included, each table is of the declared schema; the frames hold no other column."""
    parts = [arrow_of(tables, part, 16) for part in range(16)]
    parts.append({name: table.slice(0, 0) for name, table in parts[0].items()})
    facts = facts_of(parts)
    for part in parts:
        done = score_part(part, facts, as_of=AS_OF, model=small_model, row_id=ROW_ID)
        rows = snapshot_part(part, facts, dates=DATES, row_id=ROW_ID)
        assert tuple(done) == SCORE_TABLES
        assert set(rows) == set(SNAPSHOT_TABLES)
        for name, table in (*done.items(), *rows.items()):
            assert dict(zip(table.schema.names, table.schema.types, strict=True)) == dict(
                zip(SCHEMAS[name].names, SCHEMAS[name].types, strict=True)
            ), name
        assert len(done["scores"]) <= len(part["pupils"])
    scores = score_pupils(whole_of(tables), as_of=AS_OF, model=small_model)
    assert [*scores.frame, ROW_ID] == SCHEMAS["scores"].names
    assert [*scores.reasons, ROW_ID] == SCHEMAS["reasons"].names
    assert {*scores.contributions, "pupil_id", ROW_ID} == set(SCHEMAS["contributions"].names)


def test_a_part_where_nobody_is_enrolled_gives_unscored_pupils(small_model: TrainedModel) -> None:
    """Pupils without any enrolment in their part have a result with its cause, while others of the extract are enrolled."""
    part = {
        "pupils": pa.table({"pupil_id": ["a", "b"], ROW_ID: [7, 3]}),
        "enrolments": pa.table(
            {
                **{
                    name: pa.array([], pa.string())
                    for name in ("pupil_id", "school_year", "school_id", "level", "start_date")
                },
                ROW_ID: pa.array([], pa.int64()),
            }
        ),
    }
    facts = ExtractFacts("2024-09-02", {}, ())
    done = score_part(part, facts, as_of=AS_OF, model=small_model, row_id=ROW_ID)
    assert done["scores"].column("pupil_id").to_pylist() == ["b", "a"]
    assert done["scores"].column(ROW_ID).to_pylist() == [3, 7]
    assert done["scores"].column("risk").null_count == 2
    assert all(done["scores"].column("cause").to_pylist())


def test_faults_and_warnings_come_back_as_rows(
    tables: dict[str, pd.DataFrame], small_model: TrainedModel, recwarn: pytest.WarningsRecorder
) -> None:
    """A part warns nobody and raises nothing: its faults are rows, and with "raise" they are all that it gives."""
    part = arrow_of(tables, 0, 1)
    facts = facts_of([part])
    done = score_part(part, facts, as_of=AS_OF, model=small_model, row_id=ROW_ID, on_fault="raise")
    assert PartFaults.from_arrow(done["faults"]).any_error
    assert len(done["scores"]) == 0
    unusable = {**part, "enrolments": part["enrolments"].drop_columns(["level"])}
    done = score_part(unusable, facts, as_of=AS_OF, model=small_model, row_id=ROW_ID)
    assert "missing_column" in done["faults"].column("rule").to_pylist()
    assert len(recwarn) == 0


@pytest.mark.whole
def test_training_rows_of_parts_are_those_of_the_whole(tables: dict[str, pd.DataFrame]) -> None:
    """Rows, features, outcomes and what was left out are the same, in the same order."""
    parts = [arrow_of(tables, part, 7) for part in range(7)]
    facts = facts_of(parts)
    taken = snapshots_of(snapshot_part(part, facts, dates=DATES, row_id=ROW_ID) for part in parts)
    records = whole_of(tables)
    expected = take_snapshots(records, records.outcomes, DATES, closes=(11, 1))
    pd.testing.assert_frame_equal(taken.rows, expected.rows)
    pd.testing.assert_frame_equal(taken.features, expected.features)
    np.testing.assert_array_equal(taken.outcome, expected.outcome)
    assert taken.left_out == expected.left_out
    assert taken.pupils_left_out == expected.pupils_left_out


def test_no_training_row_anywhere_is_an_error(tables: dict[str, pd.DataFrame]) -> None:
    """Parts without any row are refused together, as the whole is."""
    part: dict[str, Any] = arrow_of(tables, 0, 1)
    without = {name: table for name, table in part.items() if name != "outcomes"}
    with pytest.raises(NotEnoughDataError):
        snapshots_of([snapshot_part(without, facts_of([part]), dates=DATES, row_id=ROW_ID)])


def test_facts_come_back_from_their_text() -> None:
    """What parts must know of one another is small, and is the same once sent elsewhere."""
    facts = ExtractFacts("2023-09-01", {"grades": 19_700}, (2023, 2024))
    assert ExtractFacts.from_json(facts.to_json()) == facts
    assert not facts.started_before(date(2023, 9, 1))
    assert facts.started_before(date(2023, 9, 2))
