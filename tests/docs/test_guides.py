"""The guides are true: each Python block of a page runs as it is printed, on small tables made here."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import decrochage_risk as dr
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.model import TrainedModel

pytestmark = [
    pytest.mark.whole,
    pytest.mark.filterwarnings("ignore::decrochage_risk.errors.DecrochageWarning"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs"
AUTUMN = "2024-12-05"
RETRAINING = """
records = "tables"
run = "runs/2026"
labels_known_on = 2026-11-15
as_of = [2022-11-05, 2023-11-06, 2024-11-05]
synthetic = true

[options]
max_rounds = 10
members = 2
linear_share = 0.5
penalty = 100.0
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with tables of three school years, of which one pupil has the id that the guides name."""
    cohort = make_cohort(1_000, [2022, 2023, 2024], seed=6)
    named = cohort.records.known_on("2025-03-05")
    renamed = {named.pupil_ids[int(named.enrolled.argmax())]: "a1b2"}
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, table in {**cohort.tables, "outcomes": cohort.outcomes}.items():
        ids = table["pupil_id"].replace(renamed)
        table.assign(pupil_id=ids).to_parquet(folder / f"{name}.parquet", index=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def model(small_model: TrainedModel, tmp_path: Path) -> TrainedModel:
    """Save one trained model under the names that the guides give."""
    named = replace(small_model, demo=False)
    for year in (2025, 2026):
        named.save(tmp_path / "modeles" / str(year))
    return named


def run_blocks(
    page: str, given: Mapping[str, object], edits: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run every Python block of a page one after the other; what is edited for the test must stand there."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for printed, tried in (edits or {}).items():
        assert printed in text
        text = text.replace(printed, tried)
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    names = dict(given)
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own file, run on purpose
    return names


def scores_of(day: str) -> dr.RiskScores:
    """Score the tables on a day."""
    return dr.score_pupils(dr.PupilRecords.read("tables"), as_of=day, explain="all")


def test_the_front_page() -> None:
    """Its lines give one row per pupil."""
    names = run_blocks("index.md", {})
    assert names["scores"].frame["pupil_id"].is_unique


@pytest.mark.usefixtures("tables")
def test_scoring(model: TrainedModel, tmp_path: Path) -> None:
    """Read, load, score, compare with the run before, write a workbook."""
    pin = f'sha256="{dr.load_model(tmp_path / "modeles" / "2025").sha256}"'
    names = run_blocks("guides/scorer.md", {"precedents": scores_of(AUTUMN)}, {'sha256="..."': pin})
    assert names["scores"].run.model.sha256 == model.sha256
    assert list((tmp_path / "sorties" / "mars" / "listes").glob("*.xlsx"))


@pytest.mark.usefixtures("tables")
def test_pages(tmp_path: Path) -> None:
    """The pages of a run, with what moved since an earlier one and the names that a school keeps."""
    (tmp_path / "noms.csv").write_text("pupil_id;name\na1b2;Camille D.\n", encoding="utf-8")
    given = {"scores": scores_of("2025-03-05"), "scores_de_janvier": scores_of("2025-01-06")}
    run_blocks("guides/pages.md", given)
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "pages" / "mars").rglob("*.html")]
    assert any("Camille D." in page for page in pages)


@pytest.mark.usefixtures("model")
def test_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds of a model of one's own, and a policy read back."""
    monkeypatch.chdir(tmp_path)
    bundled = resources.files("decrochage_risk.policy") / "vigilance.toml"
    (tmp_path / "mes_seuils.toml").write_text(bundled.read_text(encoding="utf-8"), encoding="utf-8")
    assert run_blocks("guides/seuils.md", {})["policy"]


class Tracker(ModuleType):
    """What the guide asks of MLflow, as strict as it is: names of few signs, numbers, files that are there."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.metrics: dict[str, float] = {}
        self.tags: dict[str, str] = {}

    def start_run(self, *, run_name: str) -> nullcontext[str]:
        """Begin a run."""
        return nullcontext(run_name)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Take numbers under names of letters, digits and few signs."""
        assert [
            name for name in metrics if not re.fullmatch(r"[/\w.\- :]{1,250}", name, flags=re.ASCII)
        ] == []
        assert all(type(value) is float for value in metrics.values())
        self.metrics |= metrics

    def log_artifact(self, path: str, artifact_path: str) -> None:
        """Take a file."""
        assert Path(path).is_file()
        assert artifact_path

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Take texts."""
        self.tags |= tags


@pytest.mark.usefixtures("tables")
def test_tracking(small_model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retraining tells a tracker its figures under names that it takes, its files and its verdict."""
    (tmp_path / "annee-2026.toml").write_text(RETRAINING, encoding="utf-8")
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, "mlflow", tracker)
    report = dr.EvaluationReport.model_validate(
        {
            name: value
            for name, value in small_model.report.items()
            if name in dr.EvaluationReport.model_fields
        }
    )
    run_blocks("guides/suivi.md", {"report": report})
    assert {"check.rows.absences", "evaluate.evaluation.figures.auc"} <= set(tracker.metrics)
    assert any("etablissement" in name for name in tracker.metrics)
    assert set(tracker.tags) == {"verdict", "sha256"}


def test_cohorts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cohort in memory, and one written block by block, smaller here."""
    monkeypatch.chdir(tmp_path)
    run_blocks("cohort.md", {}, {"make_cohort(8_000": "make_cohort(80", "208_000": "90"})
    assert (tmp_path / "out" / "region" / "pupils.parquet").is_file()


class Base:
    """Stands for a connection of DuckDB or ADBC: the columns of one table, as Arrow."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.query = folder, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> Self:
        """Give the connection itself."""
        return self

    def sql(self, query: str) -> Self:
        """Keep the query."""
        self.query = query
        return self

    execute = sql

    def to_arrow_table(self) -> pa.Table:
        """Give what was asked for."""
        asked = re.fullmatch(r"select (.*) from (\w+)", self.query)
        assert asked
        name = {"eleves": "pupils", "inscriptions": "enrolments"}.get(asked[2], asked[2])
        return pq.read_table(self.folder / f"{name}.parquet", columns=asked[1].split(", "))

    fetch_arrow_table = to_arrow_table


def test_databases(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns that the queries name are those of the records, whatever driver hands them over as Arrow."""
    duckdb, driver = ModuleType("duckdb"), ModuleType("adbc_driver_postgresql")
    duckdb.__dict__["connect"] = lambda *_, **__: Base(tables)
    dbapi = ModuleType("adbc_driver_postgresql.dbapi")
    dbapi.__dict__["connect"] = duckdb.__dict__["connect"]
    driver.__dict__["dbapi"] = dbapi
    monkeypatch.setitem(sys.modules, "duckdb", duckdb)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", driver)
    names = run_blocks("guides/bases.md", {})
    assert len(names["records"].absences) == names["absences"].num_rows
