"""Whoever hands over the wrong kind of object is told at the door what was asked for, in the words of the package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.errors import DecrochageError
from decrochage_risk.features import build_context, build_features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

DAY = "2025-03-05"
FRAME = pd.DataFrame({"pupil_id": ["a1"], "name": ["Camille D."]})


@dataclass(frozen=True)
class Given:
    """What is at hand, of which one thing is handed over in the place of another."""

    cohort: Cohort
    scores: dr.RiskScores
    model: TrainedModel
    folder: Path


WRONG: dict[str, Callable[[Any], object]] = {
    "a frame to score": lambda given: dr.score_pupils(FRAME, as_of=DAY, model=given.model),
    "a folder to score": lambda given: dr.score_pupils("tables", as_of=DAY, model=given.model),
    "the folder of a model": lambda given: dr.score_pupils(given.cohort.records, as_of=DAY, model="modeles"),
    "the file of a policy": lambda given: dr.score_pupils(
        given.cohort.records, as_of=DAY, model=given.model, policy="p.toml"
    ),
    "a word as transmission": lambda given: dr.score_pupils(
        given.cohort.records, as_of=DAY, model=given.model, transmission="x"
    ),
    "a zone as calendar": lambda given: dr.PupilRecords(**given.cohort.tables, calendar="A"),
    "a frame to build features": lambda _: build_features(FRAME, DAY),
    "a frame to build context": lambda _: build_context(FRAME, DAY),
    "a frame to watch": lambda given: dr.watch_drift(given.model, FRAME, date(2025, 3, 5)),
    "a frame of scores": lambda given: given.scores.since(given.scores.frame),
    "a frame of names": lambda given: given.scores.report(given.folder / "pages", names=FRAME),
    "a list of names": lambda given: given.scores.report(given.folder / "pages", names=["Camille D."]),
    "a missing file of names": lambda given: given.scores.report(given.folder / "pages", names="noms.csv"),
    "a folder as model of pages": lambda given: given.scores.report(given.folder / "pages", model="modeles"),
    "a folder to compare": lambda given: dr.compare_models(
        "a",
        given.model,
        given.cohort.records,
        given.cohort.outcomes,
        as_of_dates=[DAY],
        labels_known_on="2026-11-15",
    ),
    "a frame to evaluate on": lambda given: dr.evaluate_model(given.model, FRAME, None, as_of_dates=[DAY]),
    "a frame to train on": lambda given: dr.train_model(FRAME, given.cohort.outcomes),
    "a model as thresholds": lambda _: dr.threshold_table("modeles"),
}


@pytest.mark.parametrize("what", WRONG)
def test_another_kind_is_refused_at_the_door(
    what: str, small_cohort: Cohort, small_scores: dr.RiskScores, small_model: TrainedModel, tmp_path: Path
) -> None:
    """The error is one of the package, of three lines; nothing is written before it."""
    with pytest.raises(DecrochageError) as caught:
        WRONG[what](Given(small_cohort, small_scores, small_model, tmp_path))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:3]] == ["Expected", "Hint"]
    assert not (tmp_path / "pages").exists()
