"""Scores of one artefact are the same numbers with every version of Python, numpy and LightGBM that can read it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from decrochage_risk.artefact import unseal
from decrochage_risk.risk import RiskModel

FROZEN = Path(__file__).resolve().parents[1] / "frozen"


def frozen_model(place: Path) -> RiskModel:
    """Unpack the oldest frozen model; its features need not mean the same today, only its numbers are read."""
    with zipfile.ZipFile(FROZEN / "model-format-1.zip") as archive:
        archive.extractall(place)
    return RiskModel.from_files(unseal(place).files)


def fixed_rows(model: RiskModel) -> pd.DataFrame:
    """Make rows without a random number: each column runs through its range at a pace of its own, every seventh is unknown."""
    spans = model.training_range
    assert spans is not None
    place = np.arange(40)[:, None]
    share = ((place + 1) * (np.arange(len(spans.columns)) + 3) % 17) / 16.0
    values = spans.lowest + share * (spans.highest - spans.lowest)
    values[(place + np.arange(len(spans.columns))) % 7 == 0] = np.nan
    table = pd.DataFrame(values, columns=list(spans.columns))
    return table.reindex(columns=list(model.columns), fill_value=0.0)


def test_log_odds_are_the_frozen_ones_to_the_last_bit(tmp_path: Path) -> None:
    """Whatever the versions, the calibrated log-odds of forty fixed rows have the bits that were kept."""
    model = frozen_model(tmp_path / "model")
    kept = json.loads((FROZEN / "log-odds-format-1.json").read_text(encoding="utf-8"))
    assert [value.hex() for value in model.log_odds(fixed_rows(model)).tolist()] == kept
    assert len(set(kept)) > 30
