from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from cohort_parts import payload_of, records_of, tables_of, told_of

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.model import load_trained_model
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.score import score_pupils

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="module")
def some(small_scores: RiskScores, flagged_ids: list[str]) -> list[str]:
    """Choose flagged pupils, others with a score, and some without."""
    frame = small_scores.frame
    quiet = frame.loc[frame["risk"].notna() & ~frame["flagged"], "pupil_id"]
    unscored = frame.loc[frame["risk"].isna(), "pupil_id"]
    return [*flagged_ids[:15], *quiet[:15], *unscored[:5]]


@pytest.mark.whole
def test_a_pupil_alone_is_as_in_the_batch(
    small_cohort: Cohort, small_scores: RiskScores, some: list[str], score: Callable[..., RiskScores]
) -> None:
    """Records of one pupil give the same JSON of that pupil, to the byte, as the whole cohort."""
    for pupil_id in some:
        alone = score(records_of(tables_of(small_cohort, [pupil_id])), explain="all")
        assert len(alone) == 1
        assert alone[pupil_id].model_dump_json() == small_scores[pupil_id].model_dump_json()


@pytest.mark.whole
def test_the_order_of_rows_changes_nothing(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores]
) -> None:
    """Every table shuffled: the pupils come in their new order, each with the same JSON to the byte."""
    tables = tables_of(small_cohort, small_scores.frame["pupil_id"])
    shuffled = {name: table.sample(frac=1, random_state=5) for name, table in tables.items()}
    scores = score(records_of(shuffled), explain="all")
    assert scores.frame["pupil_id"].tolist() == shuffled["pupils"]["pupil_id"].tolist()
    assert scores.frame["pupil_id"].tolist() != small_scores.frame["pupil_id"].tolist()
    assert told_of(scores) == told_of(small_scores)


@pytest.mark.whole
def test_what_comes_later_changes_nothing(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], as_of: date
) -> None:
    """Without the rows, ends and moves that the as-of date does not know, each pupil has the same JSON to the byte."""
    day = pd.Timestamp(as_of)
    tables = tables_of(small_cohort, small_scores.frame["pupil_id"])
    for name in ("absences", "grades", "orientation"):
        late = (tables[name]["date"] >= day) | (tables[name]["recorded_on"] >= day)
        assert late.any()
        tables[name] = tables[name][~late].reset_index(drop=True)
    enrolments = tables["enrolments"][tables["enrolments"]["start_date"] < day].reset_index(drop=True)
    assert (enrolments["end_date"] >= day).any()
    enrolments["end_date"] = enrolments["end_date"].mask(enrolments["end_date"] >= day)
    scores = score(records_of({**tables, "enrolments": enrolments}), explain="all")
    assert told_of(scores) == told_of(small_scores)


def test_json_payload_and_frames_give_the_same(
    small_cohort: Cohort, small_scores: RiskScores, some: list[str], score: Callable[..., RiskScores]
) -> None:
    """Pupils sent as nested JSON get the same result, to the byte, as from frames."""
    payload = payload_of(tables_of(small_cohort, some))
    scores = score(PupilRecords.from_json(payload), explain="all")
    assert told_of(scores) == {pupil: told for pupil, told in told_of(small_scores).items() if pupil in some}


def test_a_table_that_was_not_sent_is_not_an_empty_one(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], gap_model: TrainedModel
) -> None:
    """Without the key "absences" the counts are missing; with an empty list they are 0."""
    scored = small_scores.frame.loc[small_scores.frame["risk"].notna(), "pupil_id"].tolist()[:2]
    not_sent, empty = payload_of(tables_of(small_cohort, scored))
    del not_sent["absences"]
    empty["absences"] = []
    scores = score(
        PupilRecords.from_json([not_sent, empty]), explain="all", gaps=["absences"], model=gap_model
    )
    counts = scores.features["unjustified_half_days_year"]
    assert counts.isna().tolist() == [True, False]
    assert counts.iloc[1] == 0
    assert "unjustified_half_days_year" in scores[not_sent["pupil_id"]].data.missing
    assert "unjustified_half_days_year" not in scores[empty["pupil_id"]].data.missing
    assert scores.frame["risk"].notna().all()


def test_other_pupils_never_change_a_flag(
    small_cohort: Cohort, small_scores: RiskScores, some: list[str], score: Callable[..., RiskScores]
) -> None:
    """A flag rests on the pupil's own risk: among few flagged pupils or the whole cohort it is the same."""
    part = score(records_of(tables_of(small_cohort, some))).frame.set_index("pupil_id")
    whole = small_scores.frame.set_index("pupil_id").loc[part.index]
    assert part["flagged"].tolist() == whole["flagged"].tolist()
    assert part["tier"].tolist() == whole["tier"].tolist()


def test_flags_come_from_the_thresholds_of_the_level(small_scores: RiskScores) -> None:
    """Who is flagged has a risk at or above the threshold that the policy table gives to the level, and nobody else."""
    table = load_policy().table
    scored = small_scores.frame[small_scores.frame["risk"].notna()]
    for row in scored.itertuples():
        group = table.group_of(row.level)
        assert row.flagged == (row.risk >= group.targeted)
        assert row.tier == 1 + (row.risk >= group.targeted) + (row.risk >= group.secured)
    unscored = small_scores.frame[small_scores.frame["risk"].isna()]
    assert not unscored["flagged"].any()
    assert (unscored["tier"] == 0).all()


def test_eight_threads_give_the_same_bytes(
    small_cohort: Cohort, small_model: TrainedModel, some: list[str], as_of: date, tmp_path: Path
) -> None:
    """Eight calls at once on a model that no call has warmed up give the bytes of one call."""
    small_model.save(tmp_path / "model")
    model = load_trained_model(tmp_path / "model")
    records = records_of(tables_of(small_cohort, some))
    start = Barrier(8)

    def call(_: int) -> str:
        start.wait()
        return score_pupils(records, as_of=as_of, model=model, explain="all").to_json()

    with pytest.warns(DemoModelWarning), ThreadPoolExecutor(8) as pool:
        told = list(pool.map(call, range(8)))
    with pytest.warns(DemoModelWarning):
        once = score_pupils(records, as_of=as_of, model=small_model, explain="all").to_json()
    assert set(told) == {once}


def test_sex_has_no_influence(
    small_cohort: Cohort, small_scores: RiskScores, some: list[str], score: Callable[..., RiskScores]
) -> None:
    """Sex exchanged or left out: not one byte of the result changes."""
    tables = tables_of(small_cohort, some)
    pupils = tables["pupils"]
    assert pupils["sex"].nunique() == 2
    expected = {pupil: told for pupil, told in told_of(small_scores).items() if pupil in some}
    exchanged = pupils.assign(sex=pupils["sex"].map({"F": "M", "M": "F"}))
    for changed in (exchanged, pupils.drop(columns="sex")):
        assert told_of(score(records_of(tables | {"pupils": changed}), explain="all")) == expected
    assert not [name for name in small_scores.frame if "sex" in name]
    assert not [name for name in small_scores.features if "sex" in name]
