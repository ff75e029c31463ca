"""The bundled demonstration model: what the pages say of it is what it holds, and it can be made again."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decrochage_risk import load_model

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "models" / "demo"
COLUMNS = (
    "auc", "within_school_auc", "average_precision", "log_loss", "brier", "slope", "intercept", "ece",
)  # fmt: skip
ROWS = {
    "on-track flag": "repère de Chicago (on-track)",
    "legal absence flag": "règle légale d'absence",
    "logistic regression, same columns": "régression logistique",
    "school's rate alone": "taux de l'établissement seul",
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Load the training script, writing into an empty folder."""
    spec = importlib.util.spec_from_file_location("retrain_demo", ROOT / "models" / "retrain_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "demo")
    return module


def test_the_page_of_evidence_holds_the_figures_of_the_model() -> None:
    """The table of the demonstration model in docs/evidence.md is the report in its manifest, to four decimals."""
    report = load_model(DEMO).report
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    section = page.partition("### The bundled demonstration model")[2].partition("###")[0]
    told = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", section, flags=re.MULTILINE))
    for label, figures in {
        "model": report["figures"],
        **{label: report["baselines"][name] for label, name in ROWS.items()},
    }.items():
        values = [figures[column] for column in COLUMNS]
        assert told[label].split(" | ") == ["-" if value is None else f"{value:.4f}" for value in values]
    counts = (report["figures"][name] for name in ("rows", "pupils", "events"))
    assert all(f"{count:,}" in section for count in counts)


@pytest.mark.slow
def test_the_model_can_be_made_again_to_the_byte(script: ModuleType) -> None:
    """Trained again by its script with the versions that it names, every file of the model is the same."""
    # Told where to: the default of its argument was read before FOLDER was another one.
    script.main(folder=script.FOLDER)
    made, kept = load_model(script.FOLDER), load_model(DEMO)
    if made.trained_on["libraries"] != kept.trained_on["libraries"]:
        pytest.skip(
            "other versions of the libraries than those of the bundled model: its bytes are not promised"
        )
    names = sorted(path.name for path in DEMO.iterdir())
    assert sorted(path.name for path in script.FOLDER.iterdir()) == names
    assert [name for name in names if (script.FOLDER / name).read_bytes() != (DEMO / name).read_bytes()] == []
