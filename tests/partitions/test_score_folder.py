"""Scores of a folder: the same bytes at once and in parts, also after a run that was stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from decrochage_risk import threads
from decrochage_risk.errors import (
    AsOfError,
    CalendarError,
    DemoModelWarning,
    FaultyRecordsError,
    RecordsError,
    RecordsWarning,
    UnreadableRecordsError,
)
from decrochage_risk.features import catalogue
from decrochage_risk.partitions import score_folder, splitting
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.records import raw_tables
from decrochage_risk.result_folders import ResultFolder, work_beside
from decrochage_risk.risk import FitOptions, numeric_table
from decrochage_risk.score import scoring
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.messy import messy_tables
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.partitions import FolderScores

AS_OF = "2025-03-05"


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Draw a cohort of which many are flagged."""
    return make_cohort(200, [2023, 2024], seed=5).tables


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """Train a tiny model that is not called synthetic."""
    cohort = make_cohort(400, [2022, 2023], seed=3)
    return train_model(
        cohort.records,
        cohort.outcomes,
        hold_out_schools=False,
        options=FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=100.0),
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """Load thresholds that some pupils reach."""
    bundled = (resources.files("decrochage_risk.policy") / "vigilance.toml").read_text(encoding="utf-8")
    low = bundled
    for name, value in (("base_rate", 0.001), ("targeted", 0.03), ("secured", 0.06)):
        low = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", low)
    path = tmp_path_factory.mktemp("policy") / "vigilance.toml"
    path.write_text(low, encoding="utf-8")
    return load_policy(path)


@pytest.fixture(scope="module")
def messy(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write extracts that break every rule about rows; no test may change them."""
    folder = tmp_path_factory.mktemp("messy")
    for name, table in messy_tables(tables, seed=2)["rows"].items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def extracts(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Path:
    """Write clean extracts as Parquet."""
    folder = tmp_path / "extraits"
    folder.mkdir()
    for name in ("pupils", "enrolments", "absences", "grades", "orientation"):
        tables[name].to_parquet(folder / f"{name}.parquet", index=False)
    return folder


class _StoppedError(Exception):
    """Stands for whatever stops a run."""


def score(folder: Path, out: Path, model: TrainedModel, **choices: Any) -> FolderScores:
    """Score a folder with the tiny model."""
    return score_folder(folder, out, **{"as_of": AS_OF, "model": model} | choices)


def files_of(folder: Path) -> dict[str, bytes]:
    """Give the content of every file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_blocks_tiny(patch: pytest.MonkeyPatch) -> None:
    """Cut whatever large tables are cut by (blocks, parts, threads, tables in files) at a few rows."""
    sizes = (
        (raw_tables, "_BLOCK_ROWS", 150), (threads, "SMALL_BATCH", 7), (threads, "_LARGE_TABLE", 20),
        (catalogue, "PART_PUPILS", 11), (scoring, "PART_PUPILS", 11), (splitting, "BLOCK_ROWS", 130),
        (numeric_table, "ROWS_AT_A_TIME", 5), (numeric_table, "HELD", 1_000),
    )  # fmt: skip
    for room, name, size in sizes:
        patch.setattr(room, name, size)
    whole = pq.ParquetFile.iter_batches
    patch.setattr(pq.ParquetFile, "iter_batches", lambda file, **_: whole(file, batch_size=60))


@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
@pytest.mark.whole
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("kind", ["messy", "covered"])
def test_no_size_of_blocks_changes_a_byte(
    request: pytest.FixtureRequest, model: TrainedModel, policy: Policy, tmp_path: Path, kind: str, parts: int
) -> None:
    """Where large tables are cut moves nothing: not with every fault of rows, nor where coverage names a few pupils only."""
    source: Path = request.getfixturevalue("messy" if kind == "messy" else "extracts")
    if kind == "covered":
        few_groups = {"index": False, "row_group_size": 97}
        for path in source.glob("*.parquet"):
            pd.read_parquet(path).to_parquet(path, **few_groups)
        some = pd.read_parquet(source / "pupils.parquet")["pupil_id"][3:60:19]
        spans = [
            {"pupil_id": pupil, "table": table, "start": "2024-09-01", "end": "2025-07-01"}
            for pupil in some
            for table in ("absences", "grades")
        ]
        pd.DataFrame(spans).to_parquet(source / "coverage.parquet", **few_groups)
    choices = {"on_fault": "quarantine", "explain": "all", "policy": policy, "partitions": parts}
    score(source, tmp_path / "whole", model, **choices)
    with pytest.MonkeyPatch.context() as patch:
        make_blocks_tiny(patch)
        score(source, tmp_path / "cut", model, **choices)
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")


# Its declared gap has no training: said, and the same in parts.
@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
@pytest.mark.whole
@pytest.mark.parametrize(("explain", "parts"), [("flagged", 2), ("all", 7)])
def test_parts_give_the_same_bytes(
    messy: Path, model: TrainedModel, policy: Policy, tmp_path: Path, explain: str, parts: int
) -> None:
    """Every file is the same byte for byte at once and in parts, on extracts with every fault of rows."""
    choices = {"on_fault": "quarantine", "explain": explain, "policy": policy}
    at_once = score(messy, tmp_path / "1", model, partitions=1, **choices)
    expected = files_of(tmp_path / "1")
    assert len([name for name in expected if name.startswith("listes/")]) > 1
    assert len(at_once.digest.run.faults) > 30
    done = score(messy, tmp_path / "p", model, partitions=parts, **choices)
    assert files_of(tmp_path / "p") == expected
    assert (done.digest, done.notes, done.ignored) == (at_once.digest, at_once.notes, at_once.ignored)
    assert done.parts == parts
    assert not work_beside(tmp_path / "p").exists()


@pytest.mark.whole
def test_pupils_named_by_id_are_found_in_every_part(
    extracts: Path, tables: dict[str, pd.DataFrame], model: TrainedModel, tmp_path: Path
) -> None:
    """Reasons for some ids, and pupils left out, are the same; a stranger to leave out is told once."""
    ids = tables["pupils"]["pupil_id"].tolist()
    choices = {"explain": ids[5:25], "exclude": [ids[0], "nobody", ids[6]]}
    with pytest.warns(RecordsWarning, match="exclude names 1 pupil .* 'nobody'"):
        score(extracts, tmp_path / "1", model, partitions=1, **choices)
    with pytest.warns(RecordsWarning, match="exclude names 1 pupil .* 'nobody'") as told:
        score(extracts, tmp_path / "5", model, partitions=5, **choices)
    assert len(told) == 1
    assert files_of(tmp_path / "5") == files_of(tmp_path / "1")
    frame = pd.read_parquet(tmp_path / "5" / "scores.parquet").set_index("pupil_id")
    assert frame.loc[[ids[0], ids[6]], "cause"].eq("traitement refusé").all()
    assert frame["explained"].sum() == frame.loc[ids[5:25], "risk"].notna().sum()


def test_pupils_to_explain_who_are_nowhere_are_refused(
    extracts: Path, model: TrainedModel, tmp_path: Path
) -> None:
    """An id to explain that no part holds is the same error as at once, and nothing is left behind."""
    messages = []
    for parts in (1, 3):
        with pytest.raises(RecordsError, match="explain names 1 unknown pupil: 'nobody'") as refused:
            score(extracts, tmp_path / "s", model, partitions=parts, explain=["nobody"])
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert not work_beside(tmp_path / "s").exists()


@pytest.mark.whole
def test_every_fault_of_every_part_is_raised(messy: Path, model: TrainedModel, tmp_path: Path) -> None:
    """Without quarantine the report is that of all parts, the same as at once, and nothing is written."""
    messages = []
    for parts in (1, 4):
        with pytest.raises(FaultyRecordsError) as refused:
            score(messy, tmp_path / "s", model, partitions=parts)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert not (tmp_path / "s").exists()
    assert not work_beside(tmp_path / "s").exists()


def test_nobody_enrolled_yet_is_refused_as_at_once(
    extracts: Path, model: TrainedModel, tmp_path: Path
) -> None:
    """A day before every enrolment, or outside the calendar, is the same error."""
    for day, kind in (("2023-08-01", AsOfError), ("2060-01-01", CalendarError)):
        messages = []
        for parts in (1, 4):
            with pytest.raises(kind) as refused:
                score(extracts, tmp_path / "s", model, partitions=parts, as_of=day)
            messages.append(str(refused.value))
        assert messages[0] == messages[1]


@pytest.mark.whole
def test_parts_in_which_nobody_is_enrolled_yet_lose_nobody(
    extracts: Path, model: TrainedModel, tmp_path: Path
) -> None:
    """Pupils whose part holds no enrolment that has started, or none at all, have their result all the same."""
    enrolments = pd.read_parquet(extracts / "enrolments.parquet")
    few = enrolments["pupil_id"].unique()[:3]
    late = enrolments["pupil_id"].unique()[3:60]
    enrolments = enrolments[enrolments["pupil_id"].isin([*few, *late])]
    enrolments = enrolments.drop_duplicates("pupil_id", keep="last")
    enrolments.loc[enrolments["pupil_id"].isin(late), "start_date"] = pd.Timestamp("2025-04-01")
    enrolments["end_date"] = pd.NaT
    enrolments.to_parquet(extracts / "enrolments.parquet", index=False)
    for parts in (1, 25):
        score(extracts, tmp_path / str(parts), model, partitions=parts, on_fault="quarantine")
    assert files_of(tmp_path / "25") == files_of(tmp_path / "1")
    frame = pd.read_parquet(tmp_path / "25" / "scores.parquet")
    assert len(frame) == 200
    assert 0 < frame["risk"].notna().sum() <= len(few)


def test_results_within_the_extracts_are_no_extract(
    extracts: Path, model: TrainedModel, tmp_path: Path
) -> None:
    """Results may stand in the folder of the extracts: neither they nor the work in progress are taken for a change."""
    lines: list[str] = []

    def stop(line: str, done: int, _all: int) -> None:
        lines.append(line)
        if line == "Scores et motifs" and done == 1 and lines.count("Répartition de grades") == 1:
            lines.append("Répartition de grades")
            raise _StoppedError

    with pytest.raises(_StoppedError):
        score(extracts, extracts / "scores", model, partitions=2, progress=stop)
    score(extracts, extracts / "scores", model, partitions=2, progress=stop)
    assert lines.count("Répartition de grades") == 2  # once, and once by the test itself
    done = score(extracts, tmp_path / "1", model, partitions=1)
    assert files_of(extracts / "scores") == files_of(tmp_path / "1")
    assert done.ignored == ("scores",)


def test_future_rows_change_nothing_in_parts(
    extracts: Path, tables: dict[str, pd.DataFrame], model: TrainedModel, tmp_path: Path
) -> None:
    """Rows of the future in one part change no score of any part."""
    score(extracts, tmp_path / "a", model, partitions=3, on_fault="quarantine")
    rows = tables["absences"].head(40).assign(date=pd.Timestamp("2025-03-10"), half_days=2, kind="exclusion")
    for name in ("recorded_on", "justified_on"):
        rows[name] = pd.NaT
    rows["justified"] = None
    more = pd.concat([tables["absences"], rows.drop_duplicates("pupil_id")])
    more.to_parquet(extracts / "absences.parquet", index=False)
    score(extracts, tmp_path / "b", model, partitions=3, on_fault="quarantine")
    for name in ("reasons.parquet", "contributions.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    risks = [pd.read_parquet(tmp_path / name / "scores.parquet")["risk"] for name in "ab"]
    assert np.array_equal(*risks, equal_nan=True)


@pytest.mark.whole
def test_a_stopped_run_goes_on(extracts: Path, model: TrainedModel, tmp_path: Path) -> None:
    """Parts that were finished are not scored again, and the results are those of a run that was not stopped."""
    out = tmp_path / "s"

    def stop(line: str, done: int, _all: int) -> None:
        if line == "Scores et motifs" and done == 3:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        score(extracts, out, model, partitions=5, progress=stop)
    assert not out.exists()
    finished = sorted((work_beside(out) / "done").glob("0*"))
    assert len(finished) == 3
    written = {path: path.stat().st_mtime_ns for folder in finished for path in folder.iterdir()}
    seen: list[tuple[str, dict[Any, int]]] = []

    def watch(line: str, done: int, _all: int) -> None:
        if line == "Écriture":
            seen.append((line, {path: path.stat().st_mtime_ns for path in written}))
        assert line not in {"Recensement", "Répartition de grades"}, done

    score(extracts, out, model, partitions=5, progress=watch)
    assert seen == [("Écriture", written)]
    score(extracts, tmp_path / "1", model, partitions=1)
    assert files_of(out) == files_of(tmp_path / "1")


@pytest.mark.whole
@pytest.mark.parametrize("changed", ["file", "day", "model", "parts"])
def test_a_changed_question_starts_again(
    extracts: Path, tables: dict[str, pd.DataFrame], model: TrainedModel, tmp_path: Path, changed: str
) -> None:
    """Nothing of a stopped run is used when a file, a choice or the number of parts has changed since."""
    out = tmp_path / "s"

    def stop(line: str, done: int, _all: int) -> None:
        if line == "Scores et motifs" and done == 2:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        score(extracts, out, model, partitions=4, progress=stop)
    choices: dict[str, Any] = {"partitions": 4}
    if changed == "file":
        kept = tables["grades"].iloc[1:]
        kept.to_parquet(extracts / "grades.parquet", index=False)
    elif changed == "day":
        choices["as_of"] = "2025-03-06"
    elif changed == "model":
        choices["model"] = None
    else:
        choices["partitions"] = 3
    lines: list[str] = []
    told = pytest.warns(DemoModelWarning) if changed == "model" else _nothing()
    with told:
        score(
            extracts, out, **{"model": model} | choices, progress=lambda line, _done, _all: lines.append(line)
        )
    assert "Répartition de grades" in lines
    assert lines.count("Scores et motifs") == choices["partitions"]


def _nothing() -> Any:
    from contextlib import nullcontext  # noqa: PLC0415 - only here

    return nullcontext()


KILLED = """
import os, signal, sys, warnings
from decrochage_risk import load_model, score_folder
def kill(line, done, whole):
    if (line, done) == ("Scores et motifs", 2):
        os.kill(os.getpid(), signal.SIGKILL)
folder, out, model = sys.argv[1:]
score_folder(folder, out, as_of="2025-03-05", model=load_model(model), partitions=4, progress=kill)
"""


@pytest.mark.whole
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process cannot be killed here")
def test_a_killed_process_goes_on(extracts: Path, model: TrainedModel, tmp_path: Path) -> None:
    """A process that is killed in the middle of its work loses the part that it was working on, nothing else."""
    model.save(tmp_path / "model")
    command = [sys.executable, "-c", KILLED, str(extracts), str(tmp_path / "s"), str(tmp_path / "model")]
    ran = subprocess.run(command, check=False, env=os.environ, capture_output=True)  # noqa: S603 - our own code
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    lines: list[tuple[str, int]] = []
    score(
        extracts,
        tmp_path / "s",
        model,
        partitions=4,
        progress=lambda line, done, _all: lines.append((line, done)),
    )
    assert not any(line.startswith("Répartition") for line, _ in lines)
    score(extracts, tmp_path / "1", model, partitions=1)
    assert files_of(tmp_path / "s") == files_of(tmp_path / "1")


def test_results_of_an_earlier_run_are_replaced(extracts: Path, model: TrainedModel, tmp_path: Path) -> None:
    """A list of an earlier run does not stay; one of somebody else is an error that names it, and stays."""
    with ResultFolder(tmp_path / "s") as former:
        (former.draft / "scores.parquet").write_bytes(b"ancien")
        (former.draft / "stale.csv").write_text("ancien", encoding="utf-8")
    done = score(extracts, tmp_path / "s", model, partitions=2)
    assert not (tmp_path / "s" / "stale.csv").exists()
    mine = tmp_path / "s" / "listes" / "les-miens.csv"
    mine.write_text("notes", encoding="utf-8")
    for parts in (1, 2):
        with pytest.raises(RecordsError, match=r"les-miens\.csv"):
            score(extracts, tmp_path / "s", model, partitions=parts)
    assert mine.read_text(encoding="utf-8") == "notes"
    run = json.loads((tmp_path / "s" / "run.json").read_text(encoding="utf-8"))
    assert run == done.digest.run.to_dict()


def test_the_demonstration_model_is_said_once(extracts: Path, tmp_path: Path) -> None:
    """One warning for a run in parts, and every result says it."""
    with pytest.warns(DemoModelWarning) as told:
        done = score_folder(extracts, tmp_path / "s", as_of=AS_OF, partitions=3, explain="none")
    assert len(told) == 1
    assert "modèle de démonstration" in done.digest.summary
    assert pd.read_parquet(tmp_path / "s" / "scores.parquet")["demo"].all()


def test_what_cannot_be_used_is_refused(extracts: Path, model: TrainedModel, tmp_path: Path) -> None:
    """Numbers of parts out of range, other words, no folder, and a place that is a file."""
    for choices in ({"partitions": 0}, {"partitions": 1_000}, {"partitions": 2.5}, {"on_fault": "ignore"}):
        with pytest.raises(RecordsError, match="Hint: "):
            score(extracts, tmp_path / "s", model, **choices)
    with pytest.raises(UnreadableRecordsError, match="There is no folder"):
        score(tmp_path / "rien", tmp_path / "s", model, partitions=2)
    assert not work_beside(tmp_path / "s").exists()
    for parts in (1, 2):
        with pytest.raises(RecordsError, match="explain=5"):
            score(extracts, tmp_path / "s", model, partitions=parts, explain=5)
    with pytest.raises(RecordsError, match="model is a dict, not TrainedModel; policy is a str, not Policy"):
        score_folder(extracts, tmp_path / "s", as_of=AS_OF, model={}, policy="mine")
    with pytest.raises(RecordsError, match="exclude=3"):
        score(extracts, tmp_path / "s", model, partitions=2, exclude=3)
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="cannot be"):
        score(extracts, tmp_path / "file" / "s", model, partitions=2)
