"""Standing baselines: their definitions, their missing values, their bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from decrochage_risk.errors import ColumnsError, NotEnoughDataError
from decrochage_risk.evaluate.baselines import (
    legal_absence_flag,
    logistic_baseline,
    on_track_flag,
    school_rate,
)

LAWS = settings(max_examples=40)
marks = st.one_of(st.just(float("nan")), st.integers(0, 40).map(lambda half: half / 2))


def table(seed: int = 0, rows: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """Two informative columns with holes, one constant, one never known, and an outcome."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=rows), random.normal(5, 3, rows)
    outcome = (random.random(rows) < 1 / (1 + np.exp(-(first - 0.3 * second)))).astype(float)
    holes = random.random(rows) < 0.2
    frame = pd.DataFrame({"a": np.where(holes, np.nan, first), "b": second, "constant": 1.0, "never": np.nan})
    return frame, outcome


def test_the_logistic_baseline_is_scikit_learns_pipeline() -> None:
    """Median filling, standardisation and LogisticRegression in a scikit-learn pipeline give the same risks."""
    frame, outcome = table()
    fresh, _ = table(seed=1)
    used = ["a", "b"]
    pipeline = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(tol=1e-10)
    )
    expected = pipeline.fit(frame[used].to_numpy(), outcome).predict_proba(fresh[used].to_numpy())[:, 1]
    found = logistic_baseline(frame, outcome)(fresh)
    assert found.score == pytest.approx(expected, abs=1e-5)
    assert found.is_probability


def test_the_logistic_baseline_lists_what_it_drops_and_counts_what_it_fills() -> None:
    """A constant column and one never known are listed; rows with a filled value are counted and said."""
    frame, outcome = table()
    scorer = logistic_baseline(frame, outcome)
    scored = scorer(frame)
    holes = int(frame["a"].isna().sum())
    assert (scorer.columns, scorer.dropped) == (("a", "b"), ("constant", "never"))
    assert scored.not_judged == holes
    assert f"lignes concernées : {holes}" in scored.note


def test_a_row_alone_scores_as_in_the_batch() -> None:
    """Column order, other columns and other rows change no bit of a logistic score."""
    frame, outcome = table()
    scorer = logistic_baseline(frame, outcome)
    batch = scorer(frame).score
    assert scorer(frame[["never", "b", "a"]]).score.tobytes() == batch.tobytes()
    assert scorer(frame.iloc[[7]]).score[0] == batch[7]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda frame: frame.drop(columns="a"), "missing: a"),
        (lambda frame: frame.assign(a="x"), "not numeric: a"),
        (lambda frame: frame.assign(b=np.inf), "infinite values: b"),
        (lambda frame: frame.drop(columns="a").assign(b=np.inf), "missing: a; infinite values: b"),
    ],
)
def test_features_that_cannot_serve_are_all_named(change: object, part: str) -> None:
    """Missing, textual and infinite columns are named together, with what to pass."""
    frame, outcome = table()
    scorer = logistic_baseline(frame, outcome)
    with pytest.raises(ColumnsError) as caught:
        scorer(change(frame))  # type: ignore[operator]  # a function per case
    assert part in str(caught.value)
    assert "Expected: the numeric column(s) a, b" in str(caught.value)
    assert "Hint: Pass the frame of build_features" in str(caught.value)


@pytest.mark.parametrize("case", ["one outcome", "no varying column"])
def test_a_training_without_contrast_is_refused(case: str) -> None:
    """One outcome, or no column that varies: the message counts rows, events and columns, and says what to do."""
    frame, outcome = table()
    if case == "one outcome":
        outcome = np.zeros(len(frame))
    else:
        frame = frame[["constant", "never"]]
    with pytest.raises(
        NotEnoughDataError,
        match=r"400 training row\(s\) with \d+ event(.|\n)*Expected(.|\n)*Hint: Train on more",
    ):
        logistic_baseline(frame, outcome)


@LAWS
@given(st.lists(st.tuples(marks, marks), min_size=1, max_size=20))
def test_on_track_says_what_its_docstring_says(rows: list[tuple[float, float]]) -> None:
    """Flagged: year mean under 10 or lowest core mean under 8; NaN never flags, and is counted where it decided."""
    frame = pd.DataFrame(rows, columns=["mean_grade_year", "lowest_core_grade_year"])
    flag = on_track_flag(frame)
    expected = [float(mean < 10 or core < 8) for mean, core in rows]
    blind = sum(
        1
        for (mean, core), raised in zip(rows, expected, strict=True)
        if not raised and np.isnan([mean, core]).any()
    )
    assert flag.score.tolist() == expected
    assert flag.not_judged == blind
    assert f"faute de données : {blind} sur {len(rows)}" in flag.note
    assert not flag.is_probability


def test_the_legal_rule_needs_one_month() -> None:
    """One month over the threshold is enough, none is not, not known is not flagged and is counted."""
    flag = legal_absence_flag(pd.DataFrame({"months_over_threshold_year": [0.0, 1.0, 3.0, np.nan]}))
    assert flag.score.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert flag.not_judged == 1
    assert "R131-7" in flag.note


@pytest.mark.parametrize("flag", [on_track_flag, legal_absence_flag])
def test_a_flag_without_its_columns_is_refused(flag: object) -> None:
    """A missing column is an error that names it, never a table of zeros."""
    with pytest.raises(ColumnsError, match=r"missing: \w+_year(.|\n)*Expected(.|\n)*Hint"):
        flag(pd.DataFrame({"x": [1.0]}))  # type: ignore[operator]  # a function per case


@LAWS
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1)), min_size=1, max_size=40))
def test_school_rates_lie_between_the_schools_and_the_overall_rate(train: list[tuple[str, int]]) -> None:
    """Each rate is (events + 20 x overall) / (rows + 20); an unseen school gets the overall rate and is counted."""
    schools, outcome = ([row[i] for row in train] for i in (0, 1))
    overall = sum(outcome) / len(outcome)
    found = school_rate(schools, outcome, ["a", "z", "b"])
    for place, school in enumerate("azb"):
        inside = [event for name, event in train if name == school]
        assert found.score[place] == pytest.approx((sum(inside) + 20 * overall) / (len(inside) + 20))
    assert found.not_judged == len({"a", "z", "b"} - set(schools))


def test_a_larger_prior_draws_closer_to_the_overall_rate() -> None:
    """The prior's weight is the caller's: 0 rows give the plain rate."""
    schools, outcome = ["a"] * 10 + ["b"] * 10, [1] * 10 + [0] * 10
    plain, drawn = (school_rate(schools, outcome, ["a"], prior_rows=weight).score[0] for weight in (0, 1000))
    assert plain == 1.0
    assert drawn == pytest.approx(0.5, abs=0.01)
