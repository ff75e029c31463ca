"""Laws of silence: a table that was not sent, or that a school stopped sending, never lowers a risk without a word."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.score.cohort_parts import payload_of, tables_of

from decrochage_risk import (
    DemoModelWarning,
    PupilRecords,
    RecordsError,
    RecordsWarning,
    score_pupils,
    signals,
)
from decrochage_risk.cli.program import app
from decrochage_risk.records.transmission import (
    Transmission,
    find_silence,
    find_transmission,
    usual_pace,
)
from decrochage_risk.risk.knowledge import LEAST_LEARNT, ROUNDED_TO
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

AS_OF = "2025-03-05"
STOP = pd.Timestamp("2024-12-01")
DATES = ("2024-09-25", "2024-11-05", "2024-12-15", "2025-01-06", "2025-03-05", "2025-05-05")


def _scores(records: PupilRecords, **arguments: Any) -> tuple[RiskScores, list[str]]:
    """Score; also give the texts of the warnings about records."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = score_pupils(records, **{"as_of": AS_OF, "explain": "none"} | arguments)
    return scores, [str(each.message) for each in caught if issubclass(each.category, RecordsWarning)]


def _stopped(
    tables: dict[str, Any], table: str, pupils: set[str], day: pd.Timestamp = STOP
) -> dict[str, Any]:
    """Leave out the rows of some pupils from a day on."""
    rows = tables[table]
    gone = rows["pupil_id"].isin(pupils) & (pd.to_datetime(rows["date"]) >= day)
    return tables | {table: rows[~gone].reset_index(drop=True)}


@pytest.fixture(scope="module")
def tables(small_cohort: Cohort) -> dict[str, Any]:
    names = ("pupils", "enrolments", "absences", "grades", "orientation")
    return {name: small_cohort.tables[name] for name in names}


@pytest.fixture(scope="module")
def one_school(tables: dict[str, Any]) -> tuple[str, set[str]]:
    """Choose a school, and whoever was ever in it this year."""
    of_year = tables["enrolments"].query("school_year == 2024")
    school = of_year["school_id"].value_counts().index[0]
    return str(school), set(of_year.loc[of_year["school_id"] == school, "pupil_id"])


@pytest.mark.parametrize("table", ["absences", "grades"])
def test_a_forgotten_table_gives_nobody_a_risk(
    small_model: TrainedModel, gap_model: TrainedModel, tables: dict[str, Any], table: str
) -> None:
    """Every enrolled pupil has no risk, the cause names the table, a warning and the run count them."""
    word = {"absences": "absences", "grades": "notes"}[table]
    records = PupilRecords(**{name: rows for name, rows in tables.items() if name != table})
    scores, told = _scores(records, model=small_model)
    enrolled = scores.frame["enrolled"]
    assert scores.frame["risk"].isna().all()
    assert set(scores.frame.loc[enrolled, "cause"]) == {f"{word} non transmises pour cet établissement"}
    assert sum(scores.run.not_sent.values()) == enrolled.sum()
    assert len(told) == 1
    assert str(int(enrolled.sum())) in told[0]
    assert scores.run.to_dict()["not_sent"] == scores.run.not_sent
    meant, told = _scores(records, model=gap_model, gaps=[table])
    assert meant.frame["risk"].notna().any()
    assert not meant.run.not_sent
    assert ["Less is known of these pupils" in text for text in told] == [True]


@pytest.mark.parametrize(("table", "word"), [("absences", "absences"), ("grades", "notes")])
def test_a_declared_gap_that_was_not_learnt_gives_nobody_a_risk(
    small_model: TrainedModel, tables: dict[str, Any], table: str, word: str
) -> None:
    """Nobody lacked that table in the training: who lacks it has no risk, the cause says so, a warning and the run count them."""
    assert not any(word in pattern for pattern in small_model.risk_model.knowledge.rows)
    records = PupilRecords(**{name: rows for name, rows in tables.items() if name != table})
    scores, told = _scores(records, model=small_model, gaps=[table])
    frame = scores.frame
    why = f"{word} non connues : cas trop rare à l'apprentissage pour une estimation"
    scored_otherwise = frame["enrolled"] & (frame["days_of_data"] >= 21)
    assert scored_otherwise.sum() > 1_000
    assert frame["risk"].isna().all()
    assert set(frame.loc[frame["enrolled"], "cause"]) == {why}
    assert scores.run.to_dict()["not_learnt"] == {why: int((frame["cause"] == why).sum())}
    assert len(told) == 1
    assert "hardly held pupils with the declared gap" in told[0]


def test_a_declared_gap_is_scored_from_two_hundred_rows_on(
    small_model: TrainedModel, tables: dict[str, Any]
) -> None:
    """With 100 rows of each of the pupils' patterns in the training nobody is scored, with 200 everybody who could be."""
    records = PupilRecords(**{name: rows for name, rows in tables.items() if name != "grades"})
    risk_model = small_model.risk_model
    names = risk_model.knowledge.names
    patterns = [
        "+".join(name for at, name in enumerate(names) if number >> at & 1)
        for number in range(2 ** len(names))
    ]
    scored = []
    for rows in (LEAST_LEARNT - ROUNDED_TO, LEAST_LEARNT):
        knowledge = replace(risk_model.knowledge, rows=dict.fromkeys(patterns, rows))
        references = replace(risk_model.references, knowledge=knowledge)
        model = replace(small_model, risk_model=replace(risk_model, references=references))
        scored.append(_scores(records, model=model, gaps=["grades"])[0].frame["risk"].notna().sum())
    assert scored[0] == 0
    assert scored[1] > 1_000


def test_what_is_known_is_held_against_the_training(
    gap_model: TrainedModel, small_cohort: Cohort, tables: dict[str, Any]
) -> None:
    """Marks of a third of the pupils not sent: the run counts them beside those expected, and warns; with all of them it does not."""
    enrolled = small_cohort.tables["enrolments"]["pupil_id"].drop_duplicates().sort_values()
    for without in ([], enrolled[::3].tolist()):
        records = PupilRecords(**tables, not_sent={"grades": without} if without else None)
        scores, told = _scores(records, model=gap_model, gaps=["grades"])
        count = scores.run.unknown["not_known_marks"]
        frame = scores.frame
        groups = gap_model.reference_groups(frame["level"], scores.run.as_of)
        assert gap_model.distributions is not None
        compared = frame["risk"].notna() & np.isin(groups, list(gap_model.distributions.counts))
        lacking = compared & scores.features["mean_grade_year"].isna().to_numpy()
        assert (count.pupils, count.unknown) == (int(compared.sum()), int(lacking.sum()))
        assert count.pupils > 1_000
        assert count.expected < 0.02 * count.pupils
        assert [text.startswith("Less is known") for text in told] == [True] * bool(without)
        assert scores.run.to_dict()["unknown"]["not_known_marks"]["unknown"] == count.unknown


@pytest.mark.whole
@pytest.mark.parametrize("table", ["absences", "grades"])
def test_all_pupils_of_a_school_that_stopped_and_nobody_else(
    small_model: TrainedModel, tables: dict[str, Any], one_school: tuple[str, set[str]], table: str
) -> None:
    """From 1 December on one school sends no row: each of its pupils has that cause, the others keep every number."""
    school, pupils = one_school
    whole, _ = _scores(PupilRecords(**tables), model=small_model)
    scores, told = _scores(PupilRecords(**_stopped(tables, table, pupils)), model=small_model)
    assert not whole.run.not_sent
    mine = (scores.frame["school_id"] == school) & scores.frame["enrolled"]
    assert mine.sum() > 20
    assert scores.frame.loc[mine, "risk"].isna().all()
    assert scores.frame.loc[mine, "cause"].str.contains("non transmises depuis le").all()
    assert len(told) == 1
    columns = ["pupil_id", "risk", "cause", "tier", "flagged"]
    # Who was there earlier in the year lost rows too.
    others = ~scores.frame["pupil_id"].isin(pupils)
    pd.testing.assert_frame_equal(scores.frame.loc[others, columns], whole.frame.loc[others, columns])
    covered = pd.DataFrame(
        {"school_id": [school], "table": [table], "start": ["2022-09-01"], "end": ["2024-11-30"]}
    )
    everybody = tables["enrolments"][["school_id"]].drop_duplicates().query(f"school_id != '{school}'")
    spans = everybody.assign(table=table, start="2022-09-01", end="2025-08-31")
    declared = PupilRecords(
        **_stopped(tables, table, pupils), coverage=pd.concat([covered, spans], ignore_index=True)
    )
    assert not _scores(declared, model=small_model)[0].run.not_sent


def test_a_school_that_never_sent_a_table(
    small_model: TrainedModel, tables: dict[str, Any], one_school: tuple[str, set[str]]
) -> None:
    """A school that lacks its absences from the first day on has no risk; the cause names no day."""
    school, pupils = one_school
    records = PupilRecords(**_stopped(tables, "absences", pupils, pd.Timestamp("2024-09-01")))
    frame = _scores(records, model=small_model)[0].frame
    mine = (frame["school_id"] == school) & frame["enrolled"]
    assert set(frame.loc[mine, "cause"]) == {"absences non transmises pour cet établissement"}


def test_months_of_a_school_that_sent_nothing_are_not_known(
    small_model: TrainedModel, tables: dict[str, Any], one_school: tuple[str, set[str]]
) -> None:
    """On the legal list too silence is no 0, with a model and without; of a school that stopped, what came before counts."""
    school, pupils = one_school
    records = PupilRecords(**_stopped(tables, "absences", pupils, pd.Timestamp("2024-09-01")))
    lists = signals(records, as_of=AS_OF)
    for frame in (_scores(records, model=small_model)[0].frame, lists.frame):
        mine = (frame["school_id"] == school) & frame["enrolled"]
        assert frame.loc[mine, ["legal_threshold", "legal_months"]].isna().all(axis=None)
        assert (frame.loc[~mine & frame["enrolled"], "legal_threshold"].notna()).mean() > 0.9
    assert f"{int(mine.sum())} élèves dont les absences ne sont pas connues" in lists.summary
    stopped = PupilRecords(**_stopped(tables, "absences", pupils))
    whole, part = (signals(each, as_of=AS_OF).frame for each in (PupilRecords(**tables), stopped))
    before = whole["legal_listed"] & (whole["school_id"] == school)
    assert part.loc[before, "legal_threshold"].isin([4.0, 10.0]).any()


def test_lateness_alone_is_no_table_of_absences(
    small_model: TrainedModel, tables: dict[str, Any], one_school: tuple[str, set[str]]
) -> None:
    """A school of which lateness, exclusions and placements came, but no absence, has not sent its absences."""
    school, pupils = one_school
    rows = tables["absences"]
    gone = rows["pupil_id"].isin(pupils) & (rows["date"] >= "2024-09-01") & (rows["kind"] == "absence")
    records = PupilRecords(**tables | {"absences": rows[~gone].reset_index(drop=True)})
    frame = _scores(records, model=small_model)[0].frame
    mine = (frame["school_id"] == school) & frame["enrolled"]
    assert set(frame.loc[mine, "cause"]) == {"absences non transmises pour cet établissement"}


def test_who_came_from_a_silent_school_is_not_known_either(
    small_model: TrainedModel, tables: dict[str, Any], one_school: tuple[str, set[str]]
) -> None:
    """Months spent this year in a school that sent nothing are not months without absence, wherever the pupil is now."""
    school, pupils = one_school
    enrolments = tables["enrolments"]
    other = str(enrolments.query("school_year == 2024 and school_id != @school")["school_id"].iloc[0])
    mine = (enrolments["school_year"] == 2024) & (enrolments["school_id"] == school)
    mine &= enrolments["end_date"].isna() | (enrolments["end_date"] >= "2025-06-01")
    moved = sorted(enrolments.loc[mine, "pupil_id"])[:12]
    moves = mine & enrolments["pupil_id"].isin(moved)
    later = enrolments[moves].assign(school_id=other, start_date=pd.Timestamp("2025-02-03"), end_date=pd.NaT)
    closed = enrolments.assign(end_date=enrolments["end_date"].mask(moves, pd.Timestamp("2025-02-02")))
    changed = _stopped(tables, "absences", pupils, pd.Timestamp("2024-09-01"))
    changed["enrolments"] = pd.concat([closed, later], ignore_index=True)
    frame = _scores(PupilRecords(**changed), model=small_model)[0].frame.set_index("pupil_id")
    assert set(frame.loc[moved, "school_id"]) == {other}
    assert frame.loc[moved, "risk"].isna().all()
    assert frame.loc[moved, "cause"].str.startswith("absences non transmises").all()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "pupils"), [(101, 450), (102, 900), (103, 300)])
def test_no_clean_cohort_is_silent(small_model: TrainedModel, seed: int, pupils: int) -> None:
    """On clean cohorts of any size, at any time of the year, nobody is said to lack a table; with both sets of limits."""
    cohort = make_cohort(pupils, [2023, 2024], seed=seed)
    for model in (small_model, None):
        for day in DATES:
            scores, told = _scores(cohort.records, as_of=day, model=model)
            assert (scores.run.not_sent, told) == ({}, [])


def test_a_few_pupils_alone_are_never_silent(
    small_cohort: Cohort, small_model: TrainedModel, small_scores: RiskScores
) -> None:
    """Nine diligent pupils without an absence for weeks say nothing of their school: alone they are scored."""
    absent = small_cohort.tables["absences"].query("date >= '2025-02-01'")["pupil_id"]
    scored = small_scores.frame.loc[small_scores.frame["risk"].notna(), "pupil_id"]
    diligent = sorted(set(scored) - set(absent))[:9]
    assert len(diligent) == 9
    for pupils in (diligent, diligent[:1]):
        part = tables_of(small_cohort, pupils)
        frames = {name: part[name] for name in ("pupils", "enrolments", "absences", "grades", "orientation")}
        assert not _scores(PupilRecords(**frames), model=small_model)[0].run.not_sent


def test_in_json_a_key_that_is_there_is_vouched_for(small_cohort: Cohort, small_model: TrainedModel) -> None:
    """Empty lists are no silence; a key that is absent or null is, and the cause speaks of the pupil."""
    pupils = sorted(small_cohort.tables["pupils"]["pupil_id"])[:60]
    sent = payload_of(tables_of(small_cohort, pupils))
    for pupil in sent:
        pupil["absences"] = []
    vouched, _ = _scores(PupilRecords.from_json(sent), model=small_model)
    assert not vouched.run.not_sent
    enrolled = vouched.frame.loc[vouched.frame["enrolled"], "pupil_id"].tolist()
    for pupil in sent:
        if pupil["pupil_id"] == enrolled[0]:
            del pupil["absences"]
    scores, _ = _scores(PupilRecords.from_json(sent), model=small_model)
    assert scores[enrolled[0]].cause == "absences non transmises pour cet élève"
    assert sum(scores.run.not_sent.values()) == 1


def test_what_a_school_sent_is_a_fact_of_the_extract(
    tables: dict[str, Any], one_school: tuple[str, set[str]]
) -> None:
    """The facts of two halves put together are those of the whole; with them a part abstains as the whole does."""
    _, pupils = one_school
    stopped = _stopped(tables, "absences", pupils)
    ids = sorted(stopped["pupils"]["pupil_id"])
    halves = [
        {name: rows[rows["pupil_id"].isin(some)].reset_index(drop=True) for name, rows in stopped.items()}
        for some in (set(ids[::2]), set(ids[1::2]))
    ]
    whole = find_transmission(PupilRecords(**stopped).known_on(AS_OF))
    parts = [find_transmission(PupilRecords(**half).known_on(AS_OF)) for half in halves]
    merged = Transmission.merged(parts)
    by = ["school_id", "table"]
    pd.testing.assert_frame_equal(
        merged.schools.sort_values(by, ignore_index=True),
        whole.schools.sort_values(by, ignore_index=True),
        check_dtype=False,
    )
    again = Transmission.from_dict(json.loads(json.dumps(merged.to_dict())))
    one = PupilRecords(**tables_of_one(stopped, min(pupils))).known_on(AS_OF)
    silent = find_silence(one, tables=["absences"], transmission=again).pupils
    assert silent.tolist() == [True]
    with pytest.raises(RecordsError, match="of 0 days"):
        Transmission.merged([])


def tables_of_one(tables: dict[str, Any], pupil: str) -> dict[str, Any]:
    """Keep the rows of one pupil."""
    return {name: rows[rows["pupil_id"] == pupil].reset_index(drop=True) for name, rows in tables.items()}


def test_the_model_keeps_the_pace_of_its_training(small_model: TrainedModel, small_cohort: Cohort) -> None:
    """A trained model stores, rounded, how often rows came and how old the last one was; both tables are there."""
    pace = small_model.trained_on["transmission"]
    assert set(pace) == {"absences", "grades"}
    days = small_model.trained_on["as_of"]
    found = usual_pace(
        (find_transmission(small_cohort.records.known_on(day)) for day in days), small_cohort.records.calendar
    )
    assert {table: each.to_dict() for table, each in found.items()} == pace
    for each in pace.values():
        assert 0 < each["rows"] < 1
        assert each["half_days"] % 9 == 0 or each["half_days"] in {10, 18}


def test_gaps_that_name_no_such_table_are_refused(small_cohort: Cohort, small_model: TrainedModel) -> None:
    """``gaps`` takes absences and grades, alone as a text too; anything else is an error that says what it takes."""
    for wrong in (["orientation"], "notes", 5, [None]):
        with pytest.raises(RecordsError, match="gaps="), pytest.warns(DemoModelWarning):
            score_pupils(small_cohort.records, as_of=AS_OF, model=small_model, gaps=wrong)  # type: ignore[arg-type]


@pytest.mark.whole
def test_the_command_says_it_last(tables: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    """``score`` ends with the pupils that a missing table leaves without a score; ``--gap`` says that it is meant."""
    extracts = tmp_path / "extraits"
    extracts.mkdir()
    for name, rows in tables.items():
        if name != "absences":
            rows.to_parquet(extracts / f"{name}.parquet")
    for parts in ("1", "2"):
        command = [
            "score",
            str(extracts),
            "--as-of",
            AS_OF,
            "--out",
            str(tmp_path / "out"),
            "--partitions",
            parts,
        ]
        app(command, standalone_mode=False)
        last = capsys.readouterr().out.strip().splitlines()[-1]
        assert "sans score" in last
        assert "absences non transmises pour cet établissement" in last
        assert "--gap absences" in last
        run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
        assert sum(run["not_sent"].values()) > 0
        app([*command, "--gap", "absences"], standalone_mode=False)
        assert "non transmises" not in capsys.readouterr().out
