"""The bundled demonstration model: trained on synthetic pupils, and it says so everywhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from decrochage_risk.errors import ArtefactError, explain_error
from decrochage_risk.model import TrainedModel, load_trained_model

__all__ = ["DEMO_NOTICE", "demo_model_folder", "load_demo_model"]

DEMO_NOTICE = "Modèle de démonstration, entraîné sur des élèves synthétiques : ses scores ne décrivent aucun élève réel."


def demo_model_folder() -> Path:
    """Folder of the bundled model: inside an installed package, or ``models/demo`` of a checkout.

    Raises
    ------
    ArtefactError
        When neither is there.
    """
    packaged = Path(str(files("decrochage_risk"))) / "models" / "demo"
    checkout = Path(__file__).resolve().parents[3] / "models" / "demo"
    for folder in (packaged, checkout):
        if (folder / "manifest.json").is_file():
            return folder
    raise ArtefactError(
        explain_error(
            "The bundled demonstration model is not there",
            expected="models/demo in the package or in the checkout",
            hint="Reinstall the package, or pass your own model=load_model(folder).",
        )
    )


@cache
def load_demo_model() -> TrainedModel:
    """Load the bundled demonstration model, once per process."""
    return load_trained_model(demo_model_folder())
