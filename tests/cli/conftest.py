"""A small synthetic cohort on disk, a tiny model trained on it, and a way to run a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from decrochage_risk.cli.program import app
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import Cohort, make_cohort
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from decrochage_risk.model import TrainedModel

YEARS = [2023, 2024]


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """Draw 1,000 synthetic pupils over two school years."""
    return make_cohort(1_000, YEARS, seed=5)


@pytest.fixture(scope="session")
def extracts(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the records tables of the cohort, and nothing else; no test may change it."""
    folder = tmp_path_factory.mktemp("cohort") / "extraits"
    cohort.write(folder)
    (folder / "truth.parquet").unlink()
    return folder


@pytest.fixture(scope="session")
def model_folder(
    cohort: Cohort, tmp_path_factory: pytest.TempPathFactory, trained_once: Callable[..., TrainedModel]
) -> Path:
    """Folder of a tiny model that is not called synthetic, so that it brings no demonstration warning."""
    folder = tmp_path_factory.mktemp("model") / "modele"
    options = FitOptions(max_rounds=20, members=2, linear_share=0.5, penalty=100.0)
    model = trained_once(
        "cli", lambda: train_model(cohort.records, cohort.outcomes, name="essai", options=options)
    )
    # So tiny a model may be told not to be used: the tests of the verdict are elsewhere.
    replace(model, report=model.report | {"advice": []}).save(folder)
    return folder


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command line as a shell would, in this process; unexpected exceptions are raised."""

    def _run(*arguments: object) -> Any:
        result = CliRunner().invoke(
            app, [str(argument) for argument in arguments], prog_name="decrochage-risk"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return _run


@pytest.fixture
def refused(run: Callable[..., Result]) -> Callable[..., str]:
    """Run a command that must be refused cleanly; give what it said on stderr."""

    def _refused(*arguments: object) -> str:
        result = run(*arguments)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        message: str = result.stderr
        assert "Erreur : " in message
        assert "attendu : " in message.lower()
        assert "conseil : " in message.lower() or "  remède :  " in message
        return message

    return _refused
