from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.explain import attribute
from decrochage_risk.features import CATALOGUE, CONTEXT_COLUMNS, FAMILIES
from decrochage_risk.risk import FitOptions, RiskModel

if TYPE_CHECKING:
    import numpy.typing as npt
    from explained import Explained

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores

    Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6


def logit(risk: Floats) -> Floats:
    return np.log(risk) - np.log1p(-risk)


@pytest.fixture(scope="module")
def narrow() -> tuple[RiskModel, Floats]:
    """Fit a model on five columns, with a reference group and interactions; give 12 of its rows."""
    rng = np.random.default_rng(4)
    rows = 900
    table = pd.DataFrame(
        {
            "up": rng.poisson(3, rows).astype(float),
            "down": rng.normal(11, 3, rows).round(1),
            "free": rng.normal(size=rows),
            "gaps": np.where(rng.random(rows) < 0.3, np.nan, rng.normal(size=rows)),
            "level": rng.integers(0, 2, rows).astype(float),
        }
    )
    odds = (
        -1.5 + 0.6 * (table["up"] - 3) * table["level"] - 0.3 * (table["down"] - 11) + np.abs(table["free"])
    )
    outcome = rng.random(rows) < 1 / (1 + np.exp(-odds.to_numpy()))
    model = RiskModel.fit(
        table,
        outcome,
        directions={"up": 1, "down": -1, "gaps": 1},
        reference_groups=table["level"].astype(str).to_numpy(),
        context=["level"],
        options=FitOptions(max_rounds=40, members=2, linear_share=0.5, penalty=100.0),
    )
    return model, table.to_numpy()[:12]


def shapley_by_hand(model: RiskModel, row: Floats, reference: Floats) -> Floats:
    """Average what each column adds over all coalitions, the others at their reference (Shapley 1953)."""
    count = row.size
    subsets = [set(chosen) for size in range(count + 1) for chosen in combinations(range(count), size)]
    mixed = np.array([[row[c] if c in chosen else reference[c] for c in range(count)] for chosen in subsets])
    raw = np.mean([booster.predict(mixed, raw_score=True) for booster in model.boosters], axis=0)
    worth = {frozenset(chosen): value for chosen, value in zip(subsets, raw, strict=True)}
    share = np.zeros(count)
    for chosen in subsets:
        weight = factorial(len(chosen)) * factorial(count - len(chosen) - 1) if len(chosen) < count else 0
        for column in set(range(count)) - chosen:
            gain = worth[frozenset(chosen | {column})] - worth[frozenset(chosen)]
            share[column] += weight / factorial(count) * gain
    return share


def test_contributions_are_the_shapley_values_over_all_coalitions(narrow: tuple[RiskModel, Floats]) -> None:
    """The raw contribution of each column is its Shapley value, averaged by hand over all 64 coalitions."""
    model, values = narrow
    groups = values[:, -1].astype(str)
    filled, references = model.filled(values, groups), model.reference_rows(values, groups)
    got = attribute(model, filled, references).raw
    expected = [shapley_by_hand(model, row, base) for row, base in zip(filled, references, strict=True)]
    assert np.abs(np.array(expected)).max() > 0.1
    np.testing.assert_allclose(got, expected, atol=TOLERANCE)


def test_each_row_has_its_own_reference(narrow: tuple[RiskModel, Floats]) -> None:
    """Rows with references of their own, in any order, are attributed each against its own."""
    model, values = narrow
    filled = model.filled(values)
    references = filled[::-1].copy()
    got = attribute(model, filled, references)
    for row, (own, base) in enumerate(zip(filled, references, strict=True)):
        np.testing.assert_array_equal(got.raw[row], attribute(model, own[None], base[None]).raw[0])
        np.testing.assert_allclose(got.raw[row], shapley_by_hand(model, own, base), atol=TOLERANCE)


def test_no_row_gives_an_empty_attribution(narrow: tuple[RiskModel, Floats]) -> None:
    """Nobody to explain is not an error."""
    model, values = narrow
    empty = attribute(model, model.filled(values[:0]), model.reference_rows(values[:0]))
    assert empty.raw.shape == (0, 6)
    assert empty.base.shape == empty.additive.shape == (0,)


def test_raw_contributions_add_up_to_the_raw_score(explained: Explained, small_model: TrainedModel) -> None:
    """For each of over 1,000 pupils, base plus raw contributions is LightGBM's own raw score to 1e-6."""
    attribution = explained.attribution
    boosters = small_model.risk_model.boosters
    raw = np.mean([booster.predict(attribution.filled, raw_score=True) for booster in boosters], axis=0)
    base = np.mean([booster.predict(attribution.references, raw_score=True) for booster in boosters], axis=0)
    assert len(raw) >= 1_000
    assert np.std(raw) > 0.1
    np.testing.assert_allclose(attribution.raw_base, base, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        attribution.raw_base + attribution.raw.sum(axis=1), raw, rtol=0, atol=TOLERANCE
    )
    assert attribution.additive.all()


def test_scaled_contributions_add_up_to_the_calibrated_log_odds(explained: Explained) -> None:
    """For each pupil, calibrated base plus contributions is the log-odds of the risk that was given."""
    attribution = explained.attribution
    total = attribution.base + attribution.contributions.sum(axis=1)
    np.testing.assert_allclose(total, logit(explained.frame["risk"].to_numpy()), rtol=0, atol=TOLERANCE)


def test_family_sums_add_up_to_the_risk(small_scores: RiskScores) -> None:
    """For each pupil, the contributions of the families plus the base are the log-odds of the risk."""
    scored = small_scores.frame["risk"].notna().to_numpy()
    told = small_scores.contributions[scored]
    assert list(told.columns) == [*(family.code for family in FAMILIES), "base"]
    risk = small_scores.frame.loc[scored, "risk"].to_numpy()
    np.testing.assert_allclose(told.sum(axis=1), logit(risk), rtol=0, atol=TOLERANCE)
    assert small_scores.contributions[~scored].isna().all(axis=None)


def test_reference_values_get_no_credit(explained: Explained) -> None:
    """A value that equals the reference contributes exactly 0."""
    attribution = explained.attribution
    same = attribution.filled == attribution.references
    assert 0 < same.sum() < same.size
    assert not attribution.raw[same].any()
    assert attribution.raw[~same].any()


def test_missing_values_get_no_credit(explained: Explained) -> None:
    """A value that is not known contributes exactly 0, whatever the column."""
    missing = np.isnan(explained.known)
    assert missing.any()
    assert not explained.attribution.raw[missing].any()


def test_context_gets_no_credit(explained: Explained) -> None:
    """The level, the pathway and the time of year contribute exactly 0, though the trees read them."""
    context = np.isin(explained.attribution.columns, CONTEXT_COLUMNS)
    assert context.any()
    assert not explained.attribution.raw[:, context].any()


@pytest.mark.parametrize("direction", [1, -1])
def test_no_contribution_points_the_wrong_way(explained: Explained, direction: int) -> None:
    """Where more means more risk, a value above its reference never protects and one below never aggravates."""
    attribution = explained.attribution
    names = [feature.name for feature in CATALOGUE if feature.direction == direction]
    chosen = np.isin(attribution.columns, names)
    gap = direction * np.sign(attribution.filled - attribution.references)[:, chosen]
    contribution = attribution.contributions[:, chosen]
    assert (np.abs(contribution) > 0.05).any()
    # shap sums in an order of its own: the last bits of 0 are allowed, nothing more.
    assert (gap * contribution >= -1e-9).all()
