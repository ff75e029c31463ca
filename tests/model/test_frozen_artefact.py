"""A model that an earlier version saved: read by a kept reader, or refused with what to do. Never half of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decrochage_risk import load_model, score_pupils
from decrochage_risk.artefact import FORMAT, READERS
from decrochage_risk.errors import ContractMismatchError, DemoModelWarning
from decrochage_risk.features import contract

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort

FROZEN = sorted((Path(__file__).resolve().parents[1] / "frozen").glob("model-format-*.zip"))


@pytest.fixture(params=FROZEN, ids=lambda path: path.stem)
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Unpack one of the models that are kept as an earlier version wrote them."""
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(tmp_path / "model")
    return tmp_path / "model"


def trained_otherwise(folder: Path) -> list[str]:
    """Name the features that the frozen model reads and that mean something else today, or nothing."""
    here = {entry["name"]: entry for entry in contract()}
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    references = json.loads((folder / "references.json").read_text(encoding="utf-8"))
    columns = set(references["references"]["columns"])
    return [
        entry["name"]
        for entry in manifest["feature_contract"]
        if entry["name"] in columns and entry != here.get(entry["name"])
    ]


def test_there_is_a_reader_for_each_older_format() -> None:
    """Every format up to today's has its reader and its frozen model."""
    assert sorted(READERS) == list(range(1, FORMAT))
    assert [path.stem for path in FROZEN][: len(READERS)] == [
        f"model-format-{number}" for number in sorted(READERS)
    ]


def test_a_frozen_model_scores_or_is_refused_by_name(frozen: Path, small_cohort: Cohort) -> None:
    """While the features mean the same it scores; once one of them changed it is refused, naming each and the remedy."""
    changed = trained_otherwise(frozen)
    if changed:
        with pytest.raises(ContractMismatchError) as caught:
            load_model(frozen)
        assert [name for name in changed if f"  {name}: trained on" not in str(caught.value)] == []
        assert "train its configuration again" in str(caught.value)
    else:
        with pytest.warns(DemoModelWarning):
            scores = score_pupils(small_cohort.records, as_of="2025-03-05", model=load_model(frozen))
        assert scores.frame["risk"].dropna().between(0, 1).all()
        assert scores.frame["risk"].notna().any()
