from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "lightgbm",
    "lxml",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scipy.special",
    "shap",
    "sklearn",
)
MODEL_LIBRARIES = {
    "lightgbm",
    "lxml",
    "matplotlib",
    "scipy.special",
    "shap",
    "sklearn",
}  # numba loads the bare "scipy"

SCORE = """
import warnings
from decrochage_risk import PupilRecords, score_pupils
records = PupilRecords(
    pupils=[{"pupil_id": "a"}],
    enrolments=[{"pupil_id": "a", "school_year": 2024, "school_id": "0990001N", "level": "2de_pro",
                 "start_date": "2024-09-02"}],
    absences=[{"pupil_id": "a", "date": "2025-03-03", "half_days": 2, "kind": "absence"}],
    grades=[{"pupil_id": "a", "date": "2025-02-28", "subject": "maths", "value": 12, "status": "graded", "kind": "assessment"}],
)
warnings.simplefilter("ignore", UserWarning)
scores = score_pupils(records, as_of="2025-03-05", explain="all")
assert 0 < scores["a"].risk < 1
assert scores["a"].explained
scores.to_json()
scores._repr_html_()
"""


def loaded_by(code: str) -> set[str]:
    """Run some code in a Python of its own, warnings as errors; tell which heavy libraries it loaded."""
    tail = f"\nimport sys\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", code + tail]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rpartition("loaded:")[2].split())


def test_importing_the_package_loads_no_library() -> None:
    """``import decrochage_risk``, its names listed and its errors named, loads none of the heavy libraries."""
    assert loaded_by("import decrochage_risk; dir(decrochage_risk); decrochage_risk.RecordsError") == set()


@pytest.mark.whole
def test_reading_records_loads_no_model() -> None:
    """Records are read and checked without the libraries of the model, its explanations or its plots."""
    assert not loaded_by("from decrochage_risk import PupilRecords") & MODEL_LIBRARIES


@pytest.mark.whole
def test_importing_every_layer_loads_no_model_library() -> None:
    """All layers can be imported without LightGBM, shap, scikit-learn, SciPy's parts or matplotlib: first use loads them."""
    layers = [
        "cli",
        "evaluate",
        "explain",
        "features",
        "feedback",
        "importers",
        "journal",
        "model",
        "notices",
        "policy",
        "records",
        "score",
        "synthetic",
        "train",
    ]
    loaded = loaded_by("\n".join(f"import decrochage_risk.{layer}" for layer in layers))
    assert "numba" in loaded
    assert not loaded & MODEL_LIBRARIES


@pytest.mark.whole
def test_scoring_loads_no_plots() -> None:
    """A score, its reasons, its JSON and its table need neither shap nor matplotlib: only plots load them."""
    assert not loaded_by(SCORE) & {"matplotlib", "shap"}
