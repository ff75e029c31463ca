"""Folds of whole schools where there is a context, and wider intervals where a school is new."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.risk import Comparable, FitOptions, RiskModel
from decrochage_risk.risk.folds import cluster_folds, rows_to_learn
from decrochage_risk.risk.risk_model import PENALTIES, likelihood_weights
from decrochage_risk.risk.uncertainty import fit_cluster_spread, jackknife_interval

QUICK = FitOptions(max_rounds=20, min_rounds=5, patience=10, linear_share=0.5, penalty=30.0)


def schools(
    rows: int = 3_000, spread: float = 0.8, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Draw pupils of sixty schools with levels of their own, which a column of the context half tells."""
    rng = np.random.default_rng(seed)
    school = rng.integers(0, 60, rows)
    level = rng.normal(0, spread, 60)
    table = pd.DataFrame(
        {
            "absences": rng.poisson(3, rows).astype(float),
            "school_rate": (level + rng.normal(0, spread, 60))[school],
        }
    )
    odds = -1.5 + 0.3 * (table["absences"] - 3) + level[school]
    return (
        table,
        (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float),
        np.array([f"s{n}" for n in school], dtype=object),
    )


@pytest.fixture(scope="module")
def model() -> RiskModel:
    table, left, school = schools()
    return RiskModel.fit(
        table, left, directions={"absences": 1}, context=["school_rate"], clusters=school, options=QUICK
    )


def test_a_fold_holds_whole_schools_and_as_many_events() -> None:
    """No school is in two folds, and the folds have events in equal parts, in any order of the rows."""
    _, left, school = schools()
    codes = np.unique(school, return_inverse=True)[1]
    fold = cluster_folds(codes, 5, 3, outcome=left)
    assert all(len(np.unique(fold[codes == one])) == 1 for one in range(60))
    events = np.bincount(fold, weights=left)
    assert events.max() <= 1.1 * events.min()
    order = np.random.default_rng(1).permutation(len(codes))
    assert (cluster_folds(codes[order], 5, 3, outcome=left[order]) == fold[order]).all()


def test_nobody_learns_from_a_pupil_of_the_fold() -> None:
    """A row of another school is left out when its pupil has a row in the fold."""
    fold, groups = np.array([0, 1, 1, 0]), np.array([7, 7, 2, 3])
    assert rows_to_learn(fold, groups, 0).tolist() == [False, False, True, False]
    assert rows_to_learn(fold, groups, 1).tolist() == [False, False, False, True]


def test_schools_are_held_out_with_a_context_only(model: RiskModel) -> None:
    """Without a column that could learn a school by heart, or with few schools, pupils are held out."""
    table, left, school = schools(600)
    plain = RiskModel.fit(table[["absences"]], left, directions={}, clusters=school, options=QUICK)
    few = RiskModel.fit(
        table, left, directions={}, context=["school_rate"], clusters=np.where(school < "s3", "a", "b"), options=QUICK
    )  # fmt: skip
    assert [one.held_out_by for one in (model, plain, few)] == ["clusters", "pupils", "pupils"]
    assert plain.cluster_spread == few.cluster_spread == 0.0


def test_intervals_of_a_new_school_are_wider_and_cover(model: RiskModel) -> None:
    """The spread of held-out schools is found; a new school has wider intervals, one of the training the same as before."""
    assert 0.3 < model.cluster_spread < 1.2
    rows = schools(50, seed=5)[0]
    known, new = (model.interval(rows, clusters=[name] * 50) for name in ("s1", "never seen"))
    np.testing.assert_array_equal(known, model.interval(rows))
    assert (new[0] < known[0]).all()
    assert (new[1] > known[1]).all()
    risk = model.risk(rows)
    assert (
        model.comparable_to(risk, ["s1"] * 50) == model.comparable.table[model.comparable.bins_of(risk)]
    ).all()
    wide = model.comparable_to(risk, ["never seen"] * 50)
    assert (wide[:, 3] < model.comparable_to(risk)[:, 3]).all()
    again = RiskModel.from_files(model.to_files())
    assert again.spread_of(["s1", "never seen", None]).tolist() == [
        0.0,
        model.cluster_spread,
        model.cluster_spread,
    ]


def test_schools_that_scatter_by_chance_have_no_spread() -> None:
    """Where all schools have one level, the spread is small; with fewer than ten schools nothing is said."""
    rng = np.random.default_rng(2)
    school, odds = np.repeat(np.arange(50), 60), np.full(3_000, -1.0)
    left = (rng.random(3_000) < 1 / (1 + np.exp(1.0))).astype(float)
    assert fit_cluster_spread(odds, left, school) < 0.2
    assert fit_cluster_spread(odds, left, school % 9) == 0.0


def test_the_spread_adds_up_as_independent_errors_do() -> None:
    """Of members that agree, the interval is that of the spread alone."""
    low, high = jackknife_interval(np.zeros((1, 5)), cluster_spread=0.5)
    reach = 1.6448536269514722 * 0.5
    assert (low[0], high[0]) == pytest.approx((1 / (1 + np.exp(reach)), 1 / (1 + np.exp(-reach))))
    bins = Comparable(np.array([0.0]), np.array([200]), np.array([40]))
    narrow, wide = bins.lookup([0.2]), bins.lookup([0.2], spread=0.5)
    assert wide["low"][0] < narrow["low"][0] < narrow["high"][0] < wide["high"][0]


@given(st.lists(st.floats(0.0, 2_000.0), min_size=2, max_size=6), st.floats(-500.0, 500.0))
def test_candidates_count_by_their_likelihood(losses: list[float], shift: float) -> None:
    """Weights add up to 1, are as far apart as the likelihoods, and do not know what all candidates have in common."""
    weights = likelihood_weights(np.array(losses))
    assert weights.sum() == pytest.approx(1.0)
    assert weights.argmax() == int(np.argmin(losses)) or weights.max() == pytest.approx(
        weights[np.argmin(losses)]
    )
    expected = [
        1.0 / sum(np.exp(one - other) if one - other < 700 else np.inf for other in losses) for one in losses
    ]
    assert weights == pytest.approx(expected, abs=1e-12)
    assert likelihood_weights(np.array(losses) + shift) == pytest.approx(weights, abs=1e-9)


@pytest.mark.whole
def test_another_seed_settles_nearly_the_same() -> None:
    """The same rows dealt by another seed move the share and the penalty a little, never from one end to the other."""
    table, left, _ = schools(1_500)
    settled = [
        RiskModel.fit(
            table,
            left,
            directions={"absences": 1},
            seed=seed,
            options=FitOptions(max_rounds=10, min_rounds=2),
        ).options
        for seed in range(4)
    ]
    shares = [one.linear_share or 0.0 for one in settled]
    penalties = [one.penalty or 0.0 for one in settled]
    assert max(shares) - min(shares) <= 0.25
    assert max(penalties) <= 2.0 * min(penalties)


@pytest.mark.whole
def test_penalty_and_share_are_chosen_inside_the_training() -> None:
    """What is left open is settled and kept with the model; what is given stays; the same rows choose the same."""
    table, left, _ = schools(400)
    options = FitOptions(max_rounds=10, min_rounds=2)
    model = RiskModel.fit(table, left, directions={"absences": 1}, options=options)
    assert min(PENALTIES) <= (model.options.penalty or 0.0) <= max(PENALTIES)
    assert 0.0 <= (model.options.linear_share if model.options.linear_share is not None else -1.0) <= 1.0
    order = np.random.default_rng(4).permutation(400)
    again = RiskModel.fit(table.iloc[order], left[order], directions={"absences": 1}, options=options)
    assert again.to_files() == model.to_files()
    given = RiskModel.fit(table, left, directions={"absences": 1}, options=FitOptions(max_rounds=10, penalty=7.0, linear_share=0.4))  # fmt: skip
    assert (given.options.penalty, given.options.linear_share) == (7.0, 0.4)
    linear = RiskModel.fit(table, left, directions={"absences": 1}, options=FitOptions(kind="logistic"))
    assert linear.options.penalty == model.options.penalty
    assert linear.options.linear_share is None
