"""Laws of an update between two trainings: the intercept alone, from matured labels alone, on the record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from decrochage_risk.errors import ArtefactError, ModelError, NotEnoughDataError
from decrochage_risk.model import (
    TrainedModel,
    load_trained_model,
    previous_model,
    recalibrate,
    score_rows,
    take_snapshots,
)
from decrochage_risk.model.scored_rows import UNKNOWN_LEVEL
from decrochage_risk.model.updating import updated_years
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import fit_offset, log_loss, probability
from decrochage_risk.synthetic import Cohort, make_cohort
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAYS = ["2024-11-05", "2025-03-05"]
ASKED: dict[str, Any] = {
    "as_of_dates": DAYS,
    "labels_known_on": "2025-11-01",
    "reason": "niveau de 2024-2025",
}


@pytest.fixture(scope="module")
def shifted() -> Cohort:
    """Draw two years; in the second, 1.3 times as many leave."""
    return make_cohort(1_400, [2023, 2024], seed=8, regimes=["prior_shift"])


@pytest.fixture(scope="module")
def model(shifted: Cohort) -> TrainedModel:
    """Fit on the first year."""
    rows = take_snapshots(shifted.records, shifted.outcomes, ["2023-11-06", "2024-03-05"])
    return TrainedModel(
        risk_model=fit_risk_model(
            rows, seed=0, options=FitOptions(max_rounds=25, members=2, linear_share=0.5, penalty=100.0)
        ),
        name="essai",
        demo=True,
        levels=tuple(sorted(set(rows.rows["level"]))),
        trained_on={"school_years": [2023], "as_of": ["2024-03-05"], "outcome_closes": [11, 1]},
        report={},
        card="# Fiche\n",
    )


@pytest.fixture(scope="module")
def update(model: TrainedModel, shifted: Cohort) -> Callable[..., TrainedModel]:
    """Return ``recalibrate`` on the second year, with some arguments changed."""

    def _update(**changed: Any) -> TrainedModel:
        arguments = {"model": model, "outcomes": shifted.outcomes, **ASKED, **changed}
        return recalibrate(arguments.pop("model"), shifted.records, **arguments)

    return _update


@pytest.fixture(scope="module")
def moved(update: Callable[..., TrainedModel]) -> TrainedModel:
    return update()


def test_the_mean_risk_becomes_the_observed_share(
    model: TrainedModel, moved: TrainedModel, shifted: Cohort
) -> None:
    """On the rows of the update, mean risk and share of leavers are the same number; before they were not."""
    scored = score_rows(model, take_snapshots(shifted.records, shifted.outcomes, DAYS))
    share = scored.snapshots.outcome.mean()
    before, after = (
        probability(one.risk_model.calibration.apply(scored.raw_log_odds)).mean() for one in (model, moved)
    )
    assert after == pytest.approx(share, abs=1e-9)
    assert abs(before - share) > 0.005


def test_nothing_but_the_intercept_moves(model: TrainedModel, moved: TrainedModel) -> None:
    """Slope, trees, references and comparable pupils are the same objects, and the model is another one."""
    assert moved.risk_model.calibration.slope == model.risk_model.calibration.slope
    for part in ("members", "references", "comparable", "spread_factor"):
        assert getattr(moved.risk_model, part) is getattr(model.risk_model, part)
    assert moved.model_id != model.model_id


def test_the_record_says_what_was_done(model: TrainedModel, moved: TrainedModel, shifted: Cohort) -> None:
    """One record: the day, the labels (a pupil once, whatever the dates), both intercepts, the model before."""
    (record,) = moved.updates
    rows = score_rows(model, take_snapshots(shifted.records, shifted.outcomes, DAYS)).snapshots
    assert record["labels"] == rows.rows["pupil_id"].nunique() < record["rows"] == len(rows.outcome)
    assert record["events"] == rows.rows["pupil_id"][rows.outcome == 1].nunique()
    assert record["on"] == "2025-11-01"
    assert record["as_of"] == DAYS
    assert record["base_sha256"] == model.sha256
    assert record["before"] == model.risk_model.calibration.to_dict()
    assert record["intercept"] == moved.risk_model.calibration.intercept
    assert record["shift_low"] < record["shift"] < record["shift_high"]
    assert record["shift"] == pytest.approx(record["intercept"] - record["before"]["intercept"], abs=1e-12)
    assert "niveau de 2024-2025" in moved.card


def test_the_chain_of_records_goes_back(
    model: TrainedModel, update: Callable[..., TrainedModel], tmp_path: Path
) -> None:
    """Saved, loaded and undone step by step, an updated model is byte for byte the one before."""
    twice = update(model=update(as_of_dates=DAYS[:1]), as_of_dates=DAYS[1:], reason="mars")
    twice.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    assert loaded.sha256 == twice.sha256
    assert [record["reason"] for record in loaded.updates] == ["niveau de 2024-2025", "mars"]
    once = previous_model(loaded)
    assert once.sha256 == twice.updates[1]["base_sha256"]
    assert previous_model(once).sha256 == model.sha256
    with pytest.raises(ModelError, match="was never updated"):
        previous_model(model)


def test_a_model_knows_the_years_that_its_level_was_moved_to(
    model: TrainedModel, moved: TrainedModel
) -> None:
    """The year of an update is told by its as-of dates; without an update there is none."""
    assert updated_years(moved) == {2024}
    assert updated_years(model) == set()


def test_an_edited_record_breaks_the_chain(moved: TrainedModel) -> None:
    """A record that was changed afterwards no longer leads to the model it names."""
    forged = replace(moved, updates=({**moved.updates[0], "labels": 9_999},))
    with pytest.raises(ArtefactError, match="a chain of updates"):
        previous_model(forged)


def test_fewer_than_300_labels_are_refused(update: Callable[..., TrainedModel], shifted: Cohort) -> None:
    """Rows of several dates do not make up for pupils: 200 pupils seen twice are 200 labels."""
    rows = take_snapshots(shifted.records, shifted.outcomes, DAYS)
    some = rows.rows["pupil_id"].drop_duplicates().head(200)
    few = shifted.outcomes[shifted.outcomes["pupil_id"].isin(some)]
    with pytest.raises(NotEnoughDataError, match="200 matured outcomes came"):
        update(outcomes=few)


def test_labels_that_are_not_mature_are_refused(update: Callable[..., TrainedModel]) -> None:
    """The day before the outcome closes, not one label of the year counts."""
    with pytest.raises(ModelError, match="2024-2025 closes on 2025-11-01") as caught:
        update(labels_known_on="2025-10-31")
    assert "Labels are not mature" in str(caught.value)


def test_years_of_the_training_are_refused(update: Callable[..., TrainedModel]) -> None:
    """A model is never recalibrated on what it has learnt from, nor on what came before."""
    with pytest.raises(ModelError, match="was trained on school years up to 2023; as-of dates of 2023 came"):
        update(as_of_dates=["2024-03-05", *DAYS])


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"prior": 0.12}, "guessed without outcomes"),
        ({"class_weight": "balanced"}, "change the share of leavers"),
        ({"oversample": True}, "change the share of leavers"),
        ({"slope": 0.8}, "the intercept alone moves"),
        ({"reason": "  "}, "the audit record says why"),
    ],
)
def test_what_wrecks_a_calibration_is_refused_with_its_reason(
    update: Callable[..., TrainedModel], request_: dict[str, object], why: str
) -> None:
    """Label-free priors, weights, resampling, a slope and an update without reason: each refusal says why."""
    with pytest.raises(ModelError, match=why) as caught:
        update(**request_)
    assert next(iter(request_)) in str(caught.value)


def test_all_refused_requests_are_told_at_once(update: Callable[..., TrainedModel]) -> None:
    """Two refused requests come back in one message; an unknown word is a TypeError, as in any call."""
    with pytest.raises(ModelError, match=r"prior: .*smote: "):
        update(prior=0.1, smote=1)
    with pytest.raises(TypeError, match="colour"):
        update(colour="red")


def test_pupils_of_unknown_levels_are_counted(model: TrainedModel, shifted: Cohort) -> None:
    """Rows of a level that the model never saw are left out and counted; with none left it is refused."""
    rows = take_snapshots(shifted.records, shifted.outcomes, DAYS)
    narrow = replace(model, levels=("3e",))
    scored = score_rows(narrow, rows)
    assert set(scored.snapshots.rows["level"]) == {"3e"}
    assert scored.snapshots.left_out[UNKNOWN_LEVEL] == (rows.rows["level"] != "3e").sum()
    with pytest.raises(NotEnoughDataError, match="None of the"):
        score_rows(replace(model, levels=("nowhere",)), rows)


def test_the_offset_is_the_maximum_of_the_likelihood() -> None:
    """No other constant gives a smaller log loss, and doubling every row of a pupil leaves the error as it was."""
    rng = np.random.default_rng(5)
    odds = rng.normal(-2, 1, 900)
    outcome = (rng.random(900) < probability(odds + 0.6)).astype(float)
    shift, error = fit_offset(odds, outcome)
    best = log_loss(odds + shift, outcome)
    assert all(log_loss(odds + shift + step, outcome) > best for step in (-0.01, 0.01))
    assert abs(shift - 0.6) < 3 * error
    twice = fit_offset(np.repeat(odds, 2), np.repeat(outcome, 2), np.repeat(np.arange(900), 2))
    assert twice == pytest.approx((shift, error), abs=1e-9)


def test_the_page_of_the_card_tells_the_update_too(
    model: TrainedModel, update: Callable[..., TrainedModel]
) -> None:
    """The card as a page holds the same section, its marks escaped, and loses it again with the update."""
    paged = replace(model, card_html="<html><body>\n</body></html>\n")
    moved = update(model=paged, reason="plus de départs <2024>")
    assert "plus de départs &lt;2024&gt;" in moved.card_html
    assert previous_model(moved).sha256 == paged.sha256


@pytest.mark.parametrize("few", [6, 10, 11])
def test_few_leavers_of_an_update_are_not_in_the_card(
    model: TrainedModel, update: Callable[..., TrainedModel], shifted: Cohort, few: int
) -> None:
    """The section of an update says how many left from 11 on; it can be undone either way."""
    rows = take_snapshots(shifted.records, shifted.outcomes, DAYS)
    leavers = list(dict.fromkeys(rows.rows["pupil_id"][rows.outcome == 1]))
    stays = shifted.outcomes["pupil_id"].isin(leavers[few:])
    table = shifted.outcomes.assign(
        outcome=shifted.outcomes["outcome"].mask(stays, "continued"),
        date=shifted.outcomes["date"].mask(stays),
    )
    changed = update(outcomes=table)
    assert changed.updates[0]["events"] == few
    for text in (changed.card, changed.card_html or changed.card):
        assert (f"dont {few} sorties sans diplôme" in text) == (few > 10)
        assert ("effectif des sorties masqué" in text) == (few < 11)
    assert previous_model(changed).sha256 == model.sha256
