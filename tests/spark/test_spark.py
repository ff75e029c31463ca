"""Spark gives what one machine gives: the same files, faults, errors and models, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import decrochage_risk.spark as engine
from decrochage_risk.errors import DecrochageError, RecordsError, TamperedArtefactError
from decrochage_risk.features import build_context
from decrochage_risk.model import load_trained_model
from decrochage_risk.partitions.parts import ROW_ID, score_part
from decrochage_risk.records import PupilRecords
from decrochage_risk.risk import FitOptions
from decrochage_risk.score import load_demo_model, score_pupils
from decrochage_risk.spark import score_spark, snapshots_spark
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.messy import messy_tables
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decrochage_risk.records.faults import FaultReport

AS_OF = "2025-03-05"
NAMES = ("pupils", "enrolments", "absences", "grades", "orientation")

pytestmark = [
    pytest.mark.filterwarnings("ignore::decrochage_risk.errors.DecrochageWarning"),
    # Of the engine itself: pandas 3, sockets that it closes late.
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def clean_extract() -> dict[str, pa.Table]:
    """Draw typed tables with the coverage of schools and of one pupil, and the context of the day."""
    tables = make_cohort(80, [2024], seed=9).tables
    own = {name: tables[name] for name in NAMES}
    schools = sorted(own["enrolments"]["school_id"].unique())[:3]
    spans = [{"school_id": school, "pupil_id": None, "table": "grades"} for school in schools]
    spans.append({"school_id": None, "pupil_id": own["pupils"]["pupil_id"].iloc[0], "table": "grades"})
    start, end = pd.Timestamp("2024-09-02"), pd.Timestamp("2025-07-04")
    own["coverage"] = pd.DataFrame(spans).assign(start=start, end=end)
    own["context"] = build_context(PupilRecords(**{name: own[name] for name in NAMES}), AS_OF)
    return {name: pa.Table.from_pandas(table, preserve_index=False) for name, table in own.items()}


def faulty_extract() -> dict[str, pa.Table]:
    """Draw an extract in which every rule about rows is broken somewhere, as text."""
    rows = messy_tables(make_cohort(120, [2023, 2024], seed=9).tables, seed=5)["rows"]
    return {
        name: text_table(table) for name, table in rows.items() if name in {*NAMES, "outcomes", "coverage"}
    }


def text_table(table: pd.DataFrame) -> pa.Table:
    """Give a table whose cells are text or missing."""
    return pa.table(
        {
            name: pa.array([None if pd.isna(cell) else str(cell) for cell in table[name]], pa.string())
            for name in table
        }
    )


def frames_of(spark: Any, tables: dict[str, pa.Table]) -> dict[str, Any]:
    """Give tables to Spark, rows shuffled, with their numbers."""
    random = np.random.default_rng(1)
    frames = {}
    for name, table in tables.items():
        numbered = table.append_column(ROW_ID, pa.array(np.arange(len(table))))
        frames[name] = spark.createDataFrame(numbered.take(pa.array(random.permutation(len(table)))))
    return frames


def files_of(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of_faults(report: FaultReport) -> dict[tuple[str, str | None, str, str], list[int]]:
    """Give the rows of the extract that break each rule."""
    return {
        (group.table, group.column, group.rule, group.hint): group.rows.tolist() for group in report.groups
    }


def files_in_memory(tables: dict[str, pa.Table], folder: Path, **choices: Any) -> dict[str, bytes]:
    """Score the whole extract at once."""
    records = PupilRecords(**tables, on_fault="quarantine")
    score_pupils(records, as_of=AS_OF, **choices).write(folder)
    return files_of(folder)


@pytest.mark.parametrize(("extract", "parts"), [(clean_extract, 3), (faulty_extract, 4)])
def test_results_are_those_of_one_machine(
    spark: Any, extract: Callable[[], dict[str, pa.Table]], parts: int, tmp_path: Path
) -> None:
    """Every file, school lists included, is the same byte for byte, and so are the faults and the DataFrame of scores."""
    tables = extract()
    run = score_spark(
        frames_of(spark, tables), as_of=AS_OF, parts=parts, on_fault="quarantine", explain="all"
    )
    run.write(tmp_path / "spark")
    expected = files_in_memory(tables, tmp_path / "memory", explain="all")
    assert files_of(tmp_path / "spark") == expected
    assert any(name.startswith("listes/") for name in expected)
    report = PupilRecords(**tables, on_fault="quarantine").faults
    assert rows_of_faults(run.faults) == rows_of_faults(report)
    scores = run.table("scores").toArrow().sort_by(ROW_ID).select(["pupil_id", "risk", "cause"])
    written = pd.read_parquet(tmp_path / "memory" / "scores.parquet", columns=["pupil_id", "risk", "cause"])
    pd.testing.assert_frame_equal(scores.to_pandas(), written, check_dtype=False, check_exact=True)


@pytest.fixture(scope="module")
def clean_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Score the clean extract on one machine, as Spark is asked to by default."""
    return files_in_memory(clean_extract(), tmp_path_factory.mktemp("clean") / "memory")


def test_a_killed_worker_changes_nothing(
    spark: Any, monkeypatch: pytest.MonkeyPatch, clean_files: dict[str, bytes], tmp_path: Path
) -> None:
    """A worker process that is killed by its pid while it scores is replaced, and every file is the same."""
    trace, make_worker = str(tmp_path / "killed"), engine._worker

    def make_mortal(part_function: Any, *rest: Any) -> Any:
        work = make_worker(part_function, *rest)

        def killed_once(batches: Iterator[Any]) -> Iterator[Any]:
            if part_function is score_part:
                try:
                    os.close(os.open(trace, os.O_CREAT | os.O_EXCL))
                    os.kill(os.getpid(), signal.SIGKILL)
                except FileExistsError:
                    pass  # the second try
            yield from work(batches)

        return killed_once

    monkeypatch.setattr(engine, "_worker", make_mortal)
    tables = clean_extract()
    score_spark(frames_of(spark, tables), as_of=AS_OF, parts=2).write(tmp_path / "spark")
    assert Path(trace).exists()
    assert files_of(tmp_path / "spark") == clean_files


def test_skew_and_empty_parts_change_nothing(spark: Any, tmp_path: Path) -> None:
    """Six pupils in nine parts, one of them with thousands of marks, rows of everyone in one task: the same files."""
    tables = {name: table for name, table in clean_extract().items() if name in NAMES}
    few = tables["pupils"]["pupil_id"].to_pylist()[:6]
    tables = {
        name: table.filter(pa.compute.is_in(table["pupil_id"], pa.array(few)))
        for name, table in tables.items()
    }
    marks = tables["grades"].to_pandas()
    one = marks[marks["pupil_id"] == marks["pupil_id"].iloc[0]]
    many = pd.concat([marks, *[one.assign(value=value / 8) for value in range(160)]], ignore_index=True)
    tables["grades"] = pa.Table.from_pandas(many, schema=tables["grades"].schema, preserve_index=False)
    frames = {name: frame.coalesce(1) for name, frame in frames_of(spark, tables).items()}
    run = score_spark(frames, as_of=AS_OF, parts=9, on_fault="quarantine", work=str(tmp_path / "work"))
    run.write(tmp_path / "spark")
    assert files_of(tmp_path / "spark") == files_in_memory(tables, tmp_path / "memory")


def test_a_model_from_spark_has_the_same_checksum(spark: Any) -> None:
    """Rows of a training that were made on Spark train the same model, to the byte."""
    cohort = make_cohort(300, [2022, 2023], seed=3)
    tables = {
        name: pa.Table.from_pandas(cohort.tables[name], preserve_index=False) for name in (*NAMES, "outcomes")
    }
    choices: dict[str, Any] = {
        "as_of_dates": ["2022-11-05", "2023-03-05", "2024-03-05"],
        "options": FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=100.0),
    }
    model = train_model(snapshots_spark(frames_of(spark, tables), parts=3), **choices)
    assert model.sha256 == train_model(PupilRecords(**tables), **choices).sha256


def test_errors_are_those_of_one_machine(spark: Any) -> None:
    """Faults to be raised, a day before everyone and an unknown pupil to be explained are the same errors, in the same words."""
    clean = clean_extract()
    for tables, choices in (
        (faulty_extract(), {"as_of": AS_OF}),
        (clean, {"as_of": "2020-03-04"}),
        (clean, {"as_of": AS_OF, "explain": ["nobody"]}),
    ):
        with pytest.raises(DecrochageError) as expected:
            score_pupils(PupilRecords(**tables), **choices)
        with pytest.raises(expected.type) as refused:
            score_spark(frames_of(spark, tables), parts=2, **choices)
        assert type(refused.value) is expected.type
        assert str(refused.value) == str(expected.value)


def test_tables_of_other_names_are_refused(spark: Any) -> None:
    """A table that no declaration knows, or missing enrolments, is refused before anything runs."""
    with pytest.raises(RecordsError, match="enrolments"):
        score_spark({"pupils": spark.range(1), "abscences": spark.range(1)}, as_of=AS_OF)


def test_a_worker_refuses_another_model(spark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model that is not the driver's stops the run with the error, and in the words, of opening it on one machine."""
    model = load_demo_model()
    packed = engine._PackedModel.of(model)
    assert packed.unpacked().sha256 == model.sha256
    other = "0" * 64
    monkeypatch.setattr(engine._PackedModel, "of", lambda _model: replace(packed, sha256=other))
    model.save(tmp_path / "model")
    with pytest.raises(TamperedArtefactError) as expected:
        load_trained_model(tmp_path / "model", sha256=other)
    with pytest.raises(TamperedArtefactError) as refused:
        score_spark(frames_of(spark, clean_extract()), as_of=AS_OF, parts=2)
    assert str(refused.value).splitlines()[1:] == str(expected.value).splitlines()[1:]


CONNECTED = """
import sys
from pyspark.sql import SparkSession
from decrochage_risk.spark import score_spark
from test_spark import AS_OF, clean_extract, frames_of
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
run = score_spark(frames_of(spark, clean_extract()), as_of=AS_OF, parts=2)
run.write(sys.argv[2])
assert "connect" in type(run.table("scores")).__module__
spark.stop()
"""


def test_spark_connect_gives_the_same_files(
    spark: Any,  # noqa: ARG001 - the server
    connect_port: int,
    clean_files: dict[str, bytes],
    tmp_path: Path,
) -> None:
    """A client in a process of its own, without a Java, that speaks to its engine over Spark Connect writes the same files."""
    places = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "JAVA_HOME": "", "PATH": ""}
    command = [
        sys.executable,
        "-c",
        CONNECTED,
        f"sc://127.0.0.1:{connect_port}",
        str(tmp_path / "spark"),
    ]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert files_of(tmp_path / "spark") == clean_files
