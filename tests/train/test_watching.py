"""Laws of the drift watch: no alarm without a change, and each change is found where it is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import ModelError, NotEnoughDataError, TrainingWarning
from decrochage_risk.evaluate import UnitDrift, drift_plot
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import SCORE, FeatureDistributions, load_trained_model, recalibrate
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model, watch_drift, watching
from decrochage_risk.train.drift_signs import (
    knowledge_sign,
    missing_table_signs,
    shift_signs,
    two_sample_sign,
)
from decrochage_risk.train.watching import _Population, _score_signs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.evaluate import DriftReport
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole

DAY = "2025-03-05"
LABELS = ["2024-11-05", DAY]


def drawn(*regimes: str) -> Cohort:
    """Draw two years, the second with what changes."""
    return make_cohort(2_000, [2023, 2024], seed=2, youngest="3e", regimes=regimes)


@pytest.fixture(scope="module")
def ordinary() -> Cohort:
    return drawn()


@pytest.fixture(scope="module")
def model(ordinary: Cohort) -> TrainedModel:
    """Train on the first year."""
    with pytest.warns(TrainingWarning, match="No year is untouched"):
        return train_model(
            ordinary.records,
            ordinary.outcomes,
            as_of_dates=["2023-11-06", "2024-03-05"],
            synthetic=True,
            options=FitOptions(max_rounds=80, members=3, linear_share=0.5, penalty=100.0),
        )


@pytest.fixture(scope="module")
def calm(model: TrainedModel, ordinary: Cohort) -> DriftReport:
    return watch_drift(model, ordinary.records, DAY)


@pytest.fixture(scope="module")
def watched(model: TrainedModel, ordinary: Cohort) -> Callable[..., DriftReport]:
    """Return the watch of the second year under a regime, with its labels."""

    def _watched(*regimes: str) -> DriftReport:
        cohort = drawn(*regimes) if regimes else ordinary
        return watch_drift(
            model, cohort.records, DAY, cohort.outcomes, labels_as_of=LABELS, labels_known_on="2025-11-01"
        )

    return _watched


def test_without_a_change_nobody_is_alarmed(calm: DriftReport) -> None:
    """An ordinary year after an ordinary year: everybody and every school are ok; small schools are together."""
    assert calm.verdict == "ok"
    assert {unit.verdict for unit in calm.schools} <= {"ok", "too_small"}
    told = {sign.check: sign.verdict for sign in calm.overall.signs if sign.check != "feature"}
    assert told["two_sample"] == told["knowledge"] == "ok"
    assert told["calibration"] == "not_measured"
    assert calm.rows == calm.overall.pupils == sum(unit.pupils or 0 for unit in calm.schools)


def test_a_school_that_stops_recording_is_named(
    watched: Callable[..., DriftReport], calm: DriftReport
) -> None:
    """The one school whose absences are no longer there is to be looked at before use, for that cause."""
    found = watched("stops_recording")
    (stopped,) = [unit for unit in found.schools if unit.verdict == "stop"]
    missing = [sign for sign in stopped.signs if sign.check == "missing_table"]
    assert [sign.subject for sign in missing] == ["absences"]
    assert "absences : données non connues pour 100" in missing[0].sentence
    assert stopped.unit not in {unit.unit for unit in calm.schools if unit.verdict != "ok"}


def test_more_leavers_are_seen_in_the_labels_alone(watched: Callable[..., DriftReport]) -> None:
    """With 1.3 times as many leavers the level of the calibration is off, while no feature says so."""
    ordinary, shifted = (
        next(sign for sign in watched(*regimes).overall.signs if sign.check == "calibration")
        for regimes in ((), ("prior_shift",))
    )
    assert ordinary.figure is not None
    assert shifted.figure is not None
    assert shifted.figure - ordinary.figure == pytest.approx(np.log(1.3), abs=0.15)


def test_new_marking_is_seen_in_a_school_of_common_size() -> None:
    """Two points less in a school of 500 pupils is found, against itself a year before; no change is not."""
    rng = np.random.default_rng(4)
    name = "mean_grade_year"
    kept = FeatureDistributions.fit(pd.DataFrame({name: rng.normal(11.5, 2.8, 5_000)}), ["3e@03"] * 5_000)
    before = np.bincount(kept.bins(name, rng.normal(12, 2.8, 500)), minlength=len(kept.edges[name]) + 2) / 500
    for points, verdict in ((0.0, "ok"), (-2.0, "stop")):
        now = pd.DataFrame({name: rng.normal(12 + points, 2.8, 500)})
        (sign,) = shift_signs(kept, now, {name: (before, 500.0)}, current=[name], tests=800, coarse=True)
        assert sign.verdict == verdict


@pytest.mark.parametrize(
    ("known", "verdict"),
    [(1.0, "ok"), (0.97, "ok"), (0.85, "watch"), (0.72, "watch"), (0.68, "stop"), (0.3, "stop")],
)
def test_a_missing_table_is_judged_by_its_share(known: float, verdict: str) -> None:
    """A table is known where one feature of it is; the rise over what was expected is judged."""
    rows = 400
    marks = np.where(np.arange(rows) < known * rows, 12.0, np.nan)
    features = pd.DataFrame({"mean_grade_year": marks, "mean_grade_12w": np.nan})
    (sign,) = missing_table_signs(
        features, {"mean_grade_year": 0.0, "mean_grade_12w": 0.5}, list(features.columns)
    )
    assert sign.verdict == verdict
    assert sign.figure == pytest.approx(1 - known)


@pytest.mark.parametrize(
    ("rare", "verdict"), [(0, "ok"), (49, "ok"), (51, "watch"), (299, "watch"), (300, "stop")]
)
def test_patterns_that_were_not_learnt_are_judged_by_their_share(rare: int, verdict: str) -> None:
    """Pupils of whom the training hardly knew the like: from a twentieth on they are watched, from 30 % on they stop."""
    sign = knowledge_sign(np.arange(1_000) >= rare)
    assert (sign.check, sign.verdict) == ("knowledge", verdict)
    assert sign.figure == pytest.approx(rare / 1_000)


def test_few_pupils_with_a_rare_pattern_are_not_told() -> None:
    """A share that would tell of one to ten pupils is hidden."""
    sign = knowledge_sign(np.arange(1_000) >= 4)
    assert sign.figure is None
    assert "masquée" in sign.sentence


def test_without_the_year_before_schools_are_held_against_missing_tables_alone(model: TrainedModel) -> None:
    """Records of one year: no school is compared with itself, nor the two years with each other."""
    cohort = make_cohort(900, [2024], seed=2)
    found = watch_drift(model, cohort.records, DAY)
    assert all(
        "tables manquantes" in unit.compared_with or unit.verdict == "too_small" for unit in found.schools
    )
    two = next(sign for sign in found.overall.signs if sign.check == "two_sample")
    assert two.verdict == "not_measured"


def test_the_report_is_the_same_bytes_and_words(
    calm: DriftReport, model: TrainedModel, ordinary: Cohort
) -> None:
    """Watched again it is the same JSON; text, Markdown and table say the verdict."""
    assert watch_drift(model, ordinary.records, DAY).to_json() == calm.to_json()
    assert "Verdict : rien à signaler (ok)" in str(calm)
    assert calm.to_markdown().startswith("# Veille au 5 mars 2025")
    assert len(calm.to_frame()) >= len(calm.overall.signs)


def test_the_signs_of_a_drift_are_drawn(calm: DriftReport) -> None:
    """The plot has a bar per sign that is a figure, as long as the figure."""
    figures = [sign.figure for sign in calm.overall.signs if sign.figure is not None]
    axes = drift_plot(calm)
    assert [bar.get_width() for bar in axes.patches] == figures
    assert len(axes.get_yticklabels()) == len(figures)
    # From top to bottom in the order of the report, no bar over another.
    places = [bar.get_y() for bar in axes.patches]
    assert all(
        upper - lower > bar.get_height()
        for (upper, lower), bar in zip(pairwise(places), axes.patches, strict=False)
    )


def test_the_plot_of_a_drift_has_no_code(calm: DriftReport) -> None:
    """Every feature is named in French beside its bar, each otherwise, and marks have a decimal comma."""
    axes = drift_plot(calm)
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    subjects = [sign.subject for sign in calm.overall.signs if sign.figure is not None]
    assert len(set(names)) == len(names)
    assert set(subjects) & set(FEATURE_BY_NAME)
    for name, subject in zip(names, subjects, strict=True):
        assert "_" not in name
        words = FEATURE_BY_NAME[subject].title if subject in FEATURE_BY_NAME else subject
        assert words.startswith(name.partition(" : ")[2].removesuffix(" …"))
    assert axes.xaxis.get_major_formatter()(0.5, None) == "0,5"


def test_titles_of_features_tell_them_apart() -> None:
    """Each feature has a title of its own, without brackets nor a dot at its end, and without a code."""
    titles = [feature.title for feature in FEATURE_BY_NAME.values()]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title or "(" in title or title.endswith(".") for title in titles)


def test_distributions_are_saved_with_the_model(
    model: TrainedModel, tmp_path: Path, calm: DriftReport, ordinary: Cohort
) -> None:
    """A saved and loaded model watches as before; one without distributions says what to do."""
    model.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    assert watch_drift(loaded, ordinary.records, DAY).to_json() == calm.to_json()
    with pytest.raises(ModelError, match="holds no distributions"):
        watch_drift(replace(model, distributions=None), ordinary.records, DAY)


@pytest.mark.parametrize(("apart", "verdict"), [(0.0, "ok"), (0.9, "watch"), (2.0, "stop")])
def test_two_years_that_a_classifier_tells_apart_alarm(apart: float, verdict: str) -> None:
    """The farther the rows of a year lie from those of the year before, the graver; a pupil of both is one group."""
    rng = np.random.default_rng(5)
    people = np.array([f"p{pupil}" for pupil in range(600)], dtype=object)
    before, now = (
        np.digitize(rng.normal(shift, 1, (600, 2)), np.linspace(-2, 4, 12)) for shift in (0, apart)
    )
    sign = two_sample_sign((now, people), (before, people), seed=0)
    assert (sign.check, sign.verdict) == ("two_sample", verdict)


@pytest.mark.parametrize(("share", "verdict"), [(0.11, "watch"), (0.09, "ok")])
def test_schools_that_must_be_looked_at_count_for_everybody(
    model: TrainedModel,
    ordinary: Cohort,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    verdict: str,
) -> None:
    """When schools to be looked at before use hold a tenth of the pupils, the verdict of all is watch at least."""

    def stopped(_: object, now: _Population, *_rest: object) -> list[UnitDrift]:
        pupils = int(share * len(now)) + 1
        return [UnitDrift(unit="x", pupils=pupils, compared_with="-", verdict="stop", signs=())]

    monkeypatch.setattr(watching, "_schools", stopped)
    found = watch_drift(model, ordinary.records, DAY)
    assert found.overall.verdict == "ok"
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("in_time", "alike", "verdict"),
    [(True, True, "watch"), (False, True, "not_measured"), (True, False, "not_measured")],
)
def test_a_score_that_moves_by_itself_is_told_and_not_judged(
    verdict: str, *, in_time: bool, alike: bool
) -> None:
    """The same shift of the score alarms where both days are alike, and is told with the cause where they are not."""
    rng = np.random.default_rng(3)
    kept = FeatureDistributions.fit(pd.DataFrame({SCORE: rng.normal(size=8_000)}), ["3e@03"] * 8_000)
    moved = _Population(
        pd.DataFrame({SCORE: rng.normal(0.42, 1.0, 8_000)}),
        *(np.array(["3e@03"] * 8_000, dtype=object),) * 3,
        is_learnt=np.ones(8_000, dtype=np.bool_),
    )
    (sign,) = _score_signs(kept, moved, in_time=in_time, alike=alike)
    assert (sign.check, sign.verdict) == ("score", verdict)
    assert sign.figure is not None
    assert sign.figure > 0.1
    assert ("non jugé" in sign.sentence) == (verdict == "not_measured")


def test_the_score_of_everybody_is_always_told(calm: DriftReport) -> None:
    """One sign of the score stands in every report, judged or with the cause."""
    (sign,) = [sign for sign in calm.overall.signs if sign.check == "score"]
    assert sign.figure is not None


def test_labels_of_the_training_say_nothing(model: TrainedModel, ordinary: Cohort) -> None:
    """A model looks well calibrated on the year it has learnt from: such labels are refused, as for recalibrate."""
    with pytest.raises(ModelError, match="was trained on school years up to 2023; as-of dates of 2023 came"):
        watch_drift(model, ordinary.records, DAY, labels_as_of=["2024-03-05"], labels_known_on="2025-11-01")


def test_a_level_moved_to_these_labels_is_not_judged_on_them(model: TrainedModel, ordinary: Cohort) -> None:
    """After an update the level is right on its own outcomes whatever happens; slope and tables are judged as before."""
    labels = {"labels_as_of": LABELS, "labels_known_on": "2025-11-01"}
    moved = recalibrate(
        model,
        ordinary.records,
        ordinary.outcomes,
        as_of_dates=LABELS,
        labels_known_on="2025-11-01",
        reason="essai",
    )
    before, after = (
        watch_drift(one, ordinary.records, DAY, ordinary.outcomes, **labels).overall.signs  # type: ignore[arg-type]
        for one in (model, moved)
    )
    checks = [sign.check for sign in before]
    assert [sign.check for sign in after] == checks
    (level,) = [sign for sign in after if sign.check == "calibration"]
    assert (level.figure, level.verdict) == (None, "not_measured")
    assert "mis à jour sur les issues de 2024-2025" in level.sentence
    judged = [sign for sign in before if sign.check in {"slope", "relation"}]
    for sign in judged:
        (same,) = [one for one in after if one.subject == sign.subject]
        assert same.figure == pytest.approx(sign.figure, abs=1e-3)
        assert same.verdict == sign.verdict


def test_records_that_go_back_otherwise_are_said_beside_the_level(
    watched: Callable[..., DriftReport],
) -> None:
    """With a year more of history than the training had, the level says that this alone moves it."""
    (sign,) = [sign for sign in watched().overall.signs if sign.check == "calibration"]
    assert "historique d'une autre étendue" in sign.sentence


def test_too_few_pupils_are_not_watched(model: TrainedModel) -> None:
    """Twenty pupils say nothing about a shift."""
    cohort = make_cohort(20, [2024], seed=1)
    with pytest.raises(NotEnoughDataError, match="can be scored"):
        watch_drift(model, cohort.records, DAY)
