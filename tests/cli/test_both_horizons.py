"""Both horizons from the command line: trained into one folder, retrained by a configuration, and scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.records.levels import PATH_LEVELS
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.slow
VERDICTS = {0, 3, 4}
"""Exit codes of a training that ended: use, do not use, look."""


@pytest.fixture(scope="module")
def long_extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four school years: the path of the first two is over."""
    folder = tmp_path_factory.mktemp("long") / "extraits"
    make_cohort(1_200, [2021, 2022, 2023, 2024], seed=6).write(folder)
    (folder / "truth.parquet").unlink()
    return folder


@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.TrainingWarning")
def test_one_training_gives_both_horizons_and_score_tells_both(
    run: Callable[..., Result], long_extracts: Path, tmp_path: Path
) -> None:
    """``train --horizon both`` writes one folder; ``score`` with it gives 4e and 3e two numbers and a list of the path."""
    model = tmp_path / "modele"
    days = [option for day in ("2021-11-05", "2022-11-05", "2023-11-06") for option in ("--as-of", day)]
    trained = run("train", long_extracts, "--out", model, "--horizon", "both", "--synthetic", *days)
    assert trained.exit_code in VERDICTS, trained.output
    assert dr.load_model(model).path is not None
    out = tmp_path / "resultats"
    options = ("--as-of", "2025-03-05", "--model", model, "--out", out, "--despite-verdict")
    scored = run("score", long_extracts, *options, "--capacity-path", "1")
    assert scored.exit_code == 0, scored.output
    frame = pd.read_parquet(out / "scores.parquet")
    of_path = frame["level"].isin(PATH_LEVELS) & frame["risk"].notna()
    assert frame.loc[of_path, "path_risk"].notna().any()
    assert frame.loc[~of_path, "path_risk"].isna().all()
    assert "Liste de capacité sur le parcours (4e et 3e)" in scored.output
    assert (out / "capacite-parcours.csv").is_file()


@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.TrainingWarning")
def test_a_configuration_with_the_path_retrains_both(
    run: Callable[..., Result], long_extracts: Path, tmp_path: Path
) -> None:
    """``retrain`` with ``path = true`` ends with one model of both horizons, whose card has a section for each."""
    config = tmp_path / "annee.toml"
    config.write_text(
        f'records = "{long_extracts}"\nrun = "run"\nlabels_known_on = 2025-11-15\nname = "annuel"\npath = true\n'
        "synthetic = true\nas_of = [2021-11-05, 2022-11-05, 2023-11-06]\n[options]\nmax_rounds = 20\nmembers = 2\n"
        "linear_share = 0.5\npenalty = 100.0\n",
        encoding="utf-8",
    )
    done = run("retrain", config)
    assert done.exit_code in VERDICTS, done.output
    model = dr.load_model(tmp_path / "run" / "model")
    assert model.path is not None
    assert "Second horizon : le parcours" in model.card
