"""Whoever hands over the wrong kind of object is told at the door what was asked for, in the words of the package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.errors import DecrochageError
from decrochage_risk.features import build_context, build_features
from decrochage_risk.model import RiskModel, recalibrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

DAY = "2025-03-05"
FRAME = pd.DataFrame({"pupil_id": ["a1"], "name": ["Camille D."]})
LEFT_OUT = pd.DataFrame({"pupil_id": ["a1", "b2"], "as_of": date(2025, 3, 5), "risk": [0.1, 0.2]})
TABLE, HAPPENED = pd.DataFrame({"a": np.arange(40.0)}), np.tile([0.0, 1.0], 20)


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
    "a folder to evaluate": lambda given: dr.evaluate_model(
        "modeles", given.cohort.records, given.cohort.outcomes, as_of_dates=[DAY]
    ),
    "a folder to recalibrate": lambda given: recalibrate(
        "modeles", given.cohort.records, as_of_dates=[DAY], labels_known_on="2026-11-15", reason="essai"
    ),
    "a folder to watch": lambda given: dr.watch_drift("modeles", given.cohort.records, DAY),
    "a seed below zero to watch": lambda given: dr.watch_drift(
        given.model, given.cohort.records, DAY, seed=-1
    ),
    "one day to watch labels of": lambda given: dr.watch_drift(
        given.model, given.cohort.records, DAY, labels_as_of=DAY, labels_known_on="2026-11-15"
    ),
    "the file of a policy to evaluate": lambda given: dr.evaluate_model(
        given.model, given.cohort.records, given.cohort.outcomes, as_of_dates=[DAY], policy="p.toml"
    ),
    "half a capacity to evaluate": lambda given: dr.evaluate_model(
        given.model, given.cohort.records, given.cohort.outcomes, as_of_dates=[DAY], capacity=2.5
    ),
    "one day to evaluate on": lambda given: dr.evaluate_model(
        given.model, given.cohort.records, given.cohort.outcomes, as_of_dates=date(2025, 3, 5)
    ),
    **{
        f"{name}={value!r} to train": lambda given, name=name, value=value: dr.train_model(
            given.cohort.records, given.cohort.outcomes, **{name: value}
        )
        for name, value in (
            ("policy", "p.toml"),
            ("options", {}),
            ("as_of_dates", date(2025, 3, 5)),
            ("as_of_dates", DAY),
            ("school_years", 2023),
            ("school_years", ["2023-24"]),
            ("school_years", [2023.5]),
            ("allow_leaks", None),
            ("legal_basis", 7),
            ("legal_basis", "a" * 501),
            ("name", None),
            ("name", ""),
            ("name", "a\tb"),
            ("name", "n" * 201),
            ("name", "\ud800"),
        )
    },
    **{
        f"{what} as left-out risks": lambda given, table=table: dr.compare_models(
            given.model,
            given.model,
            given.cohort.records,
            given.cohort.outcomes,
            as_of_dates=[DAY],
            labels_known_on="2026-11-15",
            left_out=table,
        )
        for what, table in (
            ("a list", [0.1]),
            ("no risk", LEFT_OUT.drop(columns="risk")),
            ("a row twice", pd.concat([LEFT_OUT, LEFT_OUT])),
            ("a risk of 7", LEFT_OUT.assign(risk=7.0)),
            ("texts", LEFT_OUT.assign(risk="0.1")),
        )
    },
    **{
        f"{name}={value!r} to compare": lambda given, name=name, value=value: dr.compare_models(
            given.model,
            given.model,
            given.cohort.records,
            given.cohort.outcomes,
            **{"as_of_dates": [DAY], "labels_known_on": "2026-11-15", name: value},
        )
        for name, value in (
            ("capacity", "a"),
            ("capacity", 2.5),
            ("margin", "a"),
            ("policy", "p.toml"),
            ("as_of_dates", DAY),
        )
    },
    "no configuration": lambda _: dr.retrain(None),
    "a dict as configuration": lambda _: dr.retrain({"records": "extraits"}),
    "no folder of a model": lambda _: dr.load_model(None),
    "an array to fit": lambda _: RiskModel.fit(TABLE.to_numpy(), HAPPENED, directions={}),
    **{
        f"{name} of another kind to fit": lambda _, name=name, value=value: RiskModel.fit(
            TABLE, HAPPENED, **{"directions": {}, name: value}
        )
        for name, value in (
            ("directions", ["a"]),
            ("directions", None),
            ("options", {}),
            ("knowledge", ["a"]),
            ("calibration_groups", ["a"]),
            ("time", [date(2024, 1, 1), 1] * 20),
            ("groups", [{}] * 40),
            ("clusters", [[1], [2]] * 20),
        )
    },
    "numbers beside days to fit": lambda _: RiskModel.fit(
        TABLE,
        HAPPENED,
        directions={},
        time=np.arange(40) % 3,
        observed=np.arange(40),
        matured=pd.date_range("2024", periods=40),
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
