"""The additive model that is shipped when it predicts better: signed, exact, the same after saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from decrochage_risk.errors import ModelError
from decrochage_risk.explain import attribute
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.members import LinearMembers
from decrochage_risk.risk.signed_logistic import fit_signed_logistic

LOGISTIC = FitOptions(kind="logistic")


def rows(seed: int = 0, count: int = 900) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"absences": random.poisson(3, count).astype(float), "mean": random.normal(11, 3, count)}
    )
    table["noise"] = random.normal(size=count)
    log_odds = 0.5 * table["absences"] - 0.4 * (table["mean"] - 11) - 2.5
    outcome = (random.random(count) < 1 / (1 + np.exp(-log_odds))).astype(float)
    table.loc[::7, "mean"] = np.nan
    return table, outcome


@pytest.fixture(scope="module")
def model() -> RiskModel:
    table, outcome = rows()
    years = np.repeat([2021, 2022, 2023], 300)
    return RiskModel.fit(table, outcome, directions={"absences": 1, "mean": -1}, time=years, options=LOGISTIC)


def test_without_signs_it_is_scikit_learns() -> None:
    """With no direction the fit is that of scikit-learn on standardised columns with C = 1."""
    table, outcome = rows()
    matrix = table.fillna(11.0).to_numpy()
    level, slopes = fit_signed_logistic(matrix, outcome, np.zeros(3, dtype=np.int64), penalty=1.0)
    standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    other = LogisticRegression(C=1.0, tol=1e-10, max_iter=2000).fit(standard, outcome)
    np.testing.assert_allclose(slopes * matrix.std(axis=0), other.coef_[0], atol=1e-4)
    np.testing.assert_allclose(level + (slopes * matrix.mean(axis=0)).sum(), other.intercept_[0], atol=1e-4)


def test_a_sign_is_kept_whatever_the_data_say() -> None:
    """A column declared the other way gets slope 0; a constant one too."""
    table, outcome = rows()
    matrix = np.column_stack([table["absences"], np.ones(900)])
    _, slopes = fit_signed_logistic(matrix, outcome, np.array([-1, 0]))
    assert slopes.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [0.1, 0.7, 1e9 / 7])
def test_a_constant_column_has_no_slope(value: float) -> None:
    """Whatever its value, though its mean in floats may differ from it by a rounding: the others are as without it."""
    table, outcome = rows(count=901)
    one = table[["absences"]].to_numpy()
    assert np.full(901, value).std() > 0
    level, slopes = fit_signed_logistic(
        np.column_stack([one, np.full(901, value)]), outcome, np.array([1, 0])
    )
    alone = fit_signed_logistic(one, outcome, np.array([1]))
    assert slopes[1] == 0.0
    assert [level, slopes[0]] == pytest.approx([alone[0], alone[1][0]], rel=1e-5)


def test_risks_move_only_the_declared_way(model: RiskModel) -> None:
    """No step of a directed column moves the risk the wrong way; a missing value scores as the reference."""
    steps = pd.DataFrame({"absences": np.arange(40.0), "mean": 11.0, "noise": 0.0})
    assert (np.diff(model.risk(steps)) >= 0).all()
    steps = pd.DataFrame({"absences": 2.0, "mean": np.linspace(0, 20, 40), "noise": 0.0})
    assert (np.diff(model.risk(steps)) <= 0).all()
    missing = pd.DataFrame({"absences": [2.0], "mean": np.nan, "noise": 0.1})
    reference, replaced = model.reference_rows(missing), model.filled(missing)
    replaced[:, 1] = reference[:, 1]
    assert model.risk(missing) == model.risk(replaced)


def test_contributions_add_up_exactly(model: RiskModel) -> None:
    """Base plus contributions is the score, a value equal to its reference gets nothing, and all rows are verified."""
    table, _ = rows(1, 60)
    filled, references = model.filled(table), model.reference_rows(table)
    found = attribute(model, filled, references)
    assert found.additive.all()
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), model.log_odds(table), atol=1e-9)
    assert (found.contributions[found.filled == found.references] == 0).all()


def test_saved_and_loaded_it_is_the_same(model: RiskModel) -> None:
    """Text files without a booster, and a difference of 0.0 after loading."""
    table, _ = rows(2, 50)
    files = model.to_files()
    assert "linear.json" in files
    assert not any(name.startswith("booster") for name in files)
    again = RiskModel.from_files(files)
    assert isinstance(again.members, LinearMembers)
    assert (again.risk(table) == model.risk(table)).all()
    assert again.to_files() == files
    assert model.calibrated_on == "out-of-time"


def test_a_row_alone_has_the_bits_of_a_row_in_a_batch(model: RiskModel) -> None:
    """Risks and intervals of a row do not depend on the others; the order of the training rows changes nothing."""
    table, outcome = rows(3, 40)
    whole = model.risk(table)
    assert all(model.risk(table.iloc[[row]])[0] == whole[row] for row in range(40))
    low, high = model.interval(table)
    assert ((low <= whole) & (whole <= high) & (low < high)).all()
    table, outcome = rows()
    order = np.random.default_rng(1).permutation(900)
    first, second = (
        RiskModel.fit(table.iloc[at], outcome[at], directions={"absences": 1}, groups=at, options=LOGISTIC)
        for at in (np.arange(900), order)
    )
    assert first.to_files() == second.to_files()


def test_an_unknown_kind_is_refused() -> None:
    """Only trees and logistic are kinds of model."""
    with pytest.raises(ModelError, match=r"kind='forest'(.|\n)*Hint"):
        FitOptions(kind="forest")  # type: ignore[arg-type]
