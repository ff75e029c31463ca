"""The notebooks run from the first cell to the last, and are stored without outputs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COHORT = ROOT / "notebooks" / "01_scorer_une_cohorte.ipynb"
RETRAIN = ROOT / "notebooks" / "02_reentrainer.ipynb"
TERRITORY = ROOT / "notebooks" / "03_diagnostic_territoire.ipynb"

CHECKS = """
import json

import numpy as np

risque_situation = 1 / (1 + np.exp(-somme))
print(json.dumps({
    "pupils": len(records.pupils),
    "scores": len(scores),
    "without_score": int(scores.frame["risk"].isna().sum()),
    "causes": int(scores.frame["cause"].notna().sum()),
    "flagged": int(scores.frame["flagged"].sum()),
    "listed": sum(
        int(pd.read_csv(path, sep=";")["Élève"].notna().sum())  # a school with nobody on its list says so in a line
        for path in listes
        if path.stem.endswith("_risque")
    ),
    "rules": sorted(fautes.loc[fautes["severity"] == "error", "rule"]),
    "gap": abs(risque_situation - situation.risk),
    "reasons": [reason.text for reason in (*situation.reasons, *situation.protective)],
    "shown_months": [float(value) for value in de_eleve],
    "told_of_outcome": len(parti),
    "written_in": str(travail),
}))
"""

RETRAIN_CHECKS = """
print(json.dumps({
    "verdict": resultat.verdict,
    "written": json.loads((travail / "passage" / "verdict.json").read_text(encoding="utf-8"))["verdict"],
    "steps": list(resultat.redone),
    "again": [list(encore.redone), list(encore.kept)],
    "inputs": len(empreintes),
    "shift": remis.updates[-1]["shift"],
    "calibration": [sign.figure for sign in veille.overall.signs if sign.check == "calibration"],
    "written_in": str(travail),
}))
"""


TERRITORY_CHECKS = """
import json

print(json.dumps({
    "told": {row[0]: list(row[1:]) for row in situations.astype(str).itertuples(index=False)},
    "enrolled": int((scores.frame["enrolled"] & (scores.frame["network_id"] == reseau.network)).sum()),
    "files": fichiers,
    "charts": sorted(reseau.csv_tables()),
    "pages": len(pages),
    "schools": int(scores.frame["school_id"].nunique()),
    "written_in": str(travail),
}))
"""


def _read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat ships no types


def run_notebook(
    path: Path, checks: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, dict[str, Any], Path]:
    """Run a notebook in an empty folder; give it, what the added last cell says, and the folder."""
    notebook = _read(path)
    last = copy.deepcopy(next(cell for cell in notebook.cells if cell.cell_type == "code"))
    last.update(id="checks", source=checks)
    notebook.cells.append(last)
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patch.setenv("TMPDIR", str(home))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(home / "jupyter"))
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(work)}}
        )
        client.execute()
    found: dict[str, Any] = json.loads(notebook.cells[-1].outputs[-1]["text"])
    found["home"] = str(home)
    return notebook, found, work


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], Path]:
    """Run the first notebook."""
    return run_notebook(COHORT, CHECKS, tmp_path_factory)


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], Path]:
    """Run the second notebook."""
    return run_notebook(RETRAIN, RETRAIN_CHECKS, tmp_path_factory)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_stored_without_outputs(path: Path) -> None:
    """A stored notebook is valid, has no output, no execution count, and starts with its title."""
    notebook = _read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


def test_everyone_comes_back(executed: tuple[Any, dict[str, Any], Path]) -> None:
    """As many results as pupils; those without a score have a cause, and only those."""
    _, found, _ = executed
    assert found["scores"] == found["pupils"]
    assert 0 < found["without_score"] == found["causes"] < found["pupils"]
    assert found["told_of_outcome"] > found["pupils"] / 2


def test_lists_hold_every_situation_once(executed: tuple[Any, dict[str, Any], Path]) -> None:
    """The risk lists of the schools hold together as many lines as there are pupils flagged for their risk."""
    _, found, _ = executed
    assert 0 < found["flagged"] == found["listed"]


def test_contributions_of_the_situation_sum_to_its_risk(
    executed: tuple[Any, dict[str, Any], Path],
) -> None:
    """The plotted contributions and their base give the risk shown above the plot, to 1e-6."""
    assert executed[1]["gap"] < 1e-6


def test_both_faults_are_shown(executed: tuple[Any, dict[str, Any], Path]) -> None:
    """The faulty extract of the notebook is refused for its two faults together."""
    assert executed[1]["rules"] == ["out_of_range", "unknown_pupil"]


def test_reasons_are_printed_as_they_are(executed: tuple[Any, dict[str, Any], Path]) -> None:
    """Each reason of the pupil looked at is printed, three at least, and months of absences are counted."""
    notebook, found, _ = executed
    printed = "".join(
        output.get("text", "") for cell in notebook.cells[:-1] for output in cell.get("outputs", [])
    )
    assert len(found["reasons"]) >= 3
    assert all(text in printed for text in found["reasons"])
    assert "Modèle de démonstration" in printed
    assert sum(found["shown_months"]) > 0


def test_three_figures_and_nothing_in_the_current_folder(
    executed: tuple[Any, dict[str, Any], Path],
) -> None:
    """The notebook draws three figures, each with words and numbers in its place, and writes in its temporary folder only."""
    notebook, found, work = executed
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
    for one in pictures:
        alternative = one["metadata"]["image/png"]["alt"]
        assert any(sign.isdigit() for sign in alternative)
        assert '<img alt="' in one["data"]["text/html"]
    assert list(work.iterdir()) == []
    assert found["written_in"].startswith(found["home"])


def test_the_retraining_goes_through_and_is_found_done(retrained: tuple[Any, dict[str, Any], Path]) -> None:
    """Every step is run once, the second call finds them all done, and the verdict written is the one shown."""
    _, found, work = retrained
    steps = ["check", "train", "candidate", "evaluate", "compare", "card"]
    assert found["steps"] == steps
    assert found["again"] == [[], steps]
    assert found["verdict"] == found["written"]
    assert found["inputs"] > 8
    assert list(work.iterdir()) == []
    assert found["written_in"].startswith(found["home"])


def test_the_level_that_the_watch_finds_is_the_one_that_is_moved(
    retrained: tuple[Any, dict[str, Any], Path],
) -> None:
    """The shift of the update is the figure of the watch, to the last digit."""
    _, found, _ = retrained
    assert found["calibration"] == [found["shift"]]
    assert found["shift"] > 0


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], Path]:
    """Run the third notebook."""
    return run_notebook(TERRITORY, TERRITORY_CHECKS, tmp_path_factory)


@pytest.mark.slow
def test_a_network_is_told_with_its_files(diagnosed: tuple[Any, dict[str, Any], Path]) -> None:
    """Each drawing has its file, the enrolled pupils are counted or hidden, and every school has its pages."""
    _, found, _ = diagnosed
    assert found["files"] == [f"{name}.csv" for name in found["charts"]]
    assert found["told"]["Élèves inscrits"][-1] in {str(found["enrolled"]), "masqué"}
    assert found["pages"] > found["schools"]
