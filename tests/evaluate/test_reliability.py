"""Log loss, Brier, ECE and Spiegelhalter against their formulas, and on risks that are the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from decrochage_risk.errors import ColumnsError
from decrochage_risk.evaluate import ranking, reliability
from decrochage_risk.small_cells import is_small

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows

LAWS = settings(max_examples=40)
rows = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=16)), min_size=1, max_size=60)


@LAWS
@given(rows)
def test_losses_equal_scikit_learns(table: list[tuple[int, float]]) -> None:
    """Log loss and Brier score are scikit-learn's."""
    outcome, risk = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    kept = np.clip(risk, 1e-15, 1 - 1e-15)
    assert reliability.log_loss(outcome, risk) == pytest.approx(
        metrics.log_loss(outcome, kept, labels=[0, 1])
    )
    assert reliability.brier_score(outcome, risk) == pytest.approx(np.mean((risk - outcome) ** 2))


@LAWS
@given(rows)
def test_the_parts_of_brier_sum_to_it(table: list[tuple[int, float]]) -> None:
    """Reliability less resolution plus uncertainty plus the within-bin part is the Brier score."""
    outcome, risk = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    parts = reliability.brier_parts(outcome, risk)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert total == pytest.approx(parts.brier, abs=1e-12)
    assert parts.brier == pytest.approx(reliability.brier_score(outcome, risk))


def test_one_risk_per_bin_leaves_nothing_within() -> None:
    """With as many bins as distinct risks, Murphy's three parts are exact."""
    risk = np.repeat([0.1, 0.3, 0.8], 20)
    outcome = (np.arange(60) % 5 == 0).astype(float)
    assert reliability.brier_parts(outcome, risk, bins=3).within_bins == pytest.approx(0.0, abs=1e-15)


@LAWS
@given(rows, st.integers(1, 12))
def test_equal_risks_share_a_bin_and_bins_follow_the_risk(table: list[tuple[int, float]], bins: int) -> None:
    """Bins never split equal risks, never overlap, are numbered without gaps and are at most as many as asked."""
    risk = np.array([row[1] for row in table])
    codes = reliability.equal_mass_bins(risk, bins)
    order = np.argsort(risk, kind="stable")
    assert (np.diff(codes[order]) >= 0).all()
    assert all(len(set(codes[risk == value])) == 1 for value in risk)
    assert set(codes) == set(range(codes.max() + 1))
    assert codes.max() < bins


def test_distinct_risks_fill_the_bins_equally() -> None:
    """100 distinct risks go ten by ten into ten bins."""
    codes = reliability.equal_mass_bins(np.random.default_rng(0).permutation(100) / 100)
    assert np.bincount(codes).tolist() == [10] * 10


def test_ece_by_hand(simulate: Callable[..., Rows]) -> None:
    """ECE and its debiased form equal a recomputation bin by bin over the sorted rows."""
    case = simulate(1000, slope=0.6)
    order = np.argsort(case.risk)
    gaps, squares = [], []
    for part in np.split(order, 10):
        observed = case.outcome[part].mean()
        gap = observed - case.risk[part].mean()
        gaps.append(abs(gap))
        squares.append(gap**2 - observed * (1 - observed) / (len(part) - 1))
    assert reliability.ece(case.outcome, case.risk) == pytest.approx(np.mean(gaps))
    assert reliability.squared_gap_debiased(case.outcome, case.risk) == pytest.approx(np.mean(squares))
    assert reliability.ece_debiased(case.outcome, case.risk) == pytest.approx(np.sqrt(np.mean(squares)))


def test_debiased_ece_of_the_truth_is_about_zero_and_plain_ece_is_not(simulate: Callable[..., Rows]) -> None:
    """Over 60 draws of true risks, the debiased squared gap averages 0 within its error; plain ECE never is."""
    cases = [simulate(1500, seed=seed) for seed in range(60)]
    squared = [reliability.squared_gap_debiased(case.outcome, case.risk) for case in cases]
    plain = [reliability.ece(case.outcome, case.risk) for case in cases]
    debiased = [reliability.ece_debiased(case.outcome, case.risk) for case in cases]
    assert abs(np.mean(squared)) < 3 * np.std(squared) / np.sqrt(len(squared))
    assert min(plain) > 0.008
    assert np.mean(debiased) < np.mean(plain) / 2


def test_debiased_ece_still_sees_a_shift(simulate: Callable[..., Rows]) -> None:
    """A real gap of five points stays in the debiased figure."""
    case = simulate(20_000)
    moved = np.clip(case.risk + 0.05, 0, 1)
    assert reliability.ece_debiased(case.outcome, moved) == pytest.approx(0.05, abs=0.01)


def test_spiegelhalter_is_the_standardised_brier_score(simulate: Callable[..., Rows]) -> None:
    """The statistic is the Brier score less its mean under the risks, over its standard deviation; p is two-sided normal."""
    case = simulate(800)
    p, n = case.risk, len(case.risk)
    mean = np.mean(p * (1 - p))
    deviation = np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p))) / n
    expected = (reliability.brier_score(case.outcome, p) - mean) / deviation
    found = reliability.spiegelhalter(case.outcome, p)
    assert found is not None
    assert found[0] == pytest.approx(expected)
    assert found[1] == pytest.approx(2 * stats.norm.sf(abs(expected)))


def test_spiegelhalter_rejects_true_risks_as_often_as_it_should(simulate: Callable[..., Rows]) -> None:
    """Of 200 draws of true risks about 5 % are rejected at 5 %; of risks made too extreme, nearly all."""
    tests = [
        reliability.spiegelhalter(c.outcome, c.risk) for c in (simulate(1000, seed=s) for s in range(200))
    ]
    extreme = [
        reliability.spiegelhalter(c.outcome, c.risk) for c in (simulate(4000, s, 0.6) for s in range(20))
    ]
    assert 2 <= sum(test is not None and test[1] < 0.05 for test in tests) <= 20
    assert sum(test is not None and test[1] < 0.05 for test in extreme) >= 19


def test_spiegelhalter_without_variance_is_not_measured() -> None:
    """Risks of 0, 1/2 and 1 leave the statistic without variance: None, no division by zero."""
    assert reliability.spiegelhalter([0, 1, 1], [0.0, 1.0, 0.5]) is None


def test_a_certain_risk_that_is_wrong_costs_much_but_not_everything() -> None:
    """A risk of 0 for what happened costs -log(1e-15), not infinity."""
    assert reliability.log_loss([1], [0.0]) == pytest.approx(-np.log(1e-15))


def test_the_table_counts_every_row_and_holds_jeffreys_intervals(simulate: Callable[..., Rows]) -> None:
    """Bins hold all rows and events, and their interval is that of the beta quantiles."""
    case = simulate(500)
    table = reliability.reliability_table(case.outcome, case.risk)
    assert table["rows"].sum() == 500
    assert table["events"].sum() == case.outcome.sum()
    first = table.iloc[0]
    low = stats.beta(first["events"] + 0.5, first["rows"] - first["events"] + 0.5).ppf(0.025)
    assert first["low"] == pytest.approx(low)
    assert ((table["low"] < table["observed"]) | (table["events"] == 0)).all()


@pytest.mark.parametrize(
    "figure", [reliability.log_loss, reliability.ece, reliability.brier_parts, reliability.spiegelhalter]
)
def test_log_odds_are_not_taken_for_risks(figure: Callable[..., object]) -> None:
    """A score outside [0, 1] is refused, with the row and the range."""
    with pytest.raises(
        ColumnsError, match=r"outside \[0, 1\] in 1 row\(s\): row 0 \(-2\)(.|\n)*Expected(.|\n)*Hint"
    ):
        figure([0, 1], [-2.0, 0.5])


@LAWS
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.floats(0, 1, width=16), st.booleans()), min_size=1, max_size=120),
    st.integers(0, 2**31),
)
def test_no_bin_of_a_curve_is_of_few_pupils(each: int, pupils: list[tuple[float, bool]], seed: int) -> None:
    """Those who left in a bin, and those who stayed, are nobody or 11 pupils at least, whatever rows each has; bins add up to all rows."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(pupils)), each)
    risk = np.clip(np.repeat([risk for risk, _ in pupils], each) + rng.choice([0, 0.25], len(people)), 0, 1)
    left = np.repeat([float(left) for _, left in pupils], each)
    bins = reliability.reliability_bins(left, risk, pupils=people)
    order, first = np.argsort(risk, kind="stable"), 0
    for one in bins:
        part = order[first : first + one.rows]
        first += one.rows
        cells = [len(set(people[part][left[part] == outcome])) for outcome in (0, 1)]
        assert not is_small(*cells), cells
        assert left[part].mean() == pytest.approx(one.observed)
        assert first == len(risk) or risk[order[first]] > risk[part].max()
    assert first == len(risk) or (not bins and is_small(*(len(set(people[left == one])) for one in (0, 1))))


@pytest.mark.parametrize("rows", [4573, 4576, 5001])
def test_no_row_lies_between_a_bin_and_a_share_of_the_highest_scores(rows: int) -> None:
    """The first tenth of a curve holds the rows of the precision among the highest 10 %: their difference would be one pupil."""
    rng = np.random.default_rng(rows)
    risk = rng.permutation(rows) / rows
    left = (rng.random(rows) < risk).astype(float)
    top = reliability.reliability_bins(left, risk)[-1]
    tenth = ranking.at_k(left, risk, share=0.10)
    assert (top.rows, top.rows * top.observed) == (tenth.k, pytest.approx(tenth.hits))
