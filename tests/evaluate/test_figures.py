"""All figures together: each equals its own function, none depends on the row order, what is missing has a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from decrochage_risk.errors import ColumnsError, NotEnoughDataError
from decrochage_risk.evaluate import ranking, reliability
from decrochage_risk.evaluate import reliability as recalibration
from decrochage_risk.evaluate.baselines import log_odds
from decrochage_risk.evaluate.figures import Figures, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows


def test_each_figure_is_that_of_its_own_function(simulate: Callable[..., Rows]) -> None:
    """`measure` adds nothing of its own to the figures but rounding to ten decimals."""
    case = simulate()
    found = measure(case.outcome, case.risk, pupils=case.pupils, schools=case.schools)
    fit = recalibration.calibration_slope_intercept(case.outcome, log_odds(case.risk), pupils=case.pupils)
    top = ranking.at_k(case.outcome, case.risk, share=0.10)
    parts = reliability.brier_parts(case.outcome, case.risk)
    expected = {
        "rows": 2000,
        "pupils": 1000,
        "events": case.outcome.sum(),
        "base_rate": case.outcome.mean(),
        "mean_risk": case.risk.mean(),
        "auc": ranking.auc(case.outcome, case.risk),
        "average_precision": ranking.average_precision(case.outcome, case.risk),
        "within_school_auc": ranking.within_group_auc(case.outcome, case.risk, case.schools),
        "school_only_auc": ranking.school_only_auc(case.outcome, case.schools),
        "precision_at_10": top.precision,
        "recall_at_10": top.recall,
        "lift_at_10": top.lift,
        "precision_at_5": ranking.at_k(case.outcome, case.risk, k=100).precision,
        "log_loss": reliability.log_loss(case.outcome, case.risk),
        "brier": parts.brier,
        "brier_skill": 1 - parts.brier / (case.outcome.mean() * (1 - case.outcome.mean())),
        "resolution": parts.resolution,
        "slope": fit.slope,
        "slope_low": fit.slope_low,
        "intercept": fit.intercept,
        "intercept_high": fit.intercept_high,
        "ece": reliability.ece(case.outcome, case.risk),
        "ece_debiased": reliability.ece_debiased(case.outcome, case.risk),
        "ici": recalibration.ici(case.outcome, case.risk),
        "spiegelhalter_p": reliability.spiegelhalter(case.outcome, case.risk)[1],
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-9), name
    assert found.notes == ()


@pytest.mark.parametrize("seed", range(3))
def test_figures_do_not_depend_on_the_row_order(simulate: Callable[..., Rows], seed: int) -> None:
    """Shuffled rows give the same figures, to the last bit."""
    case = simulate(700)
    mixed = case.shuffled(seed)
    assert measure(case.outcome, case.risk, pupils=case.pupils, schools=case.schools) == measure(
        mixed.outcome, mixed.risk, pupils=mixed.pupils, schools=mixed.schools
    )


def test_one_outcome_leaves_figures_out_with_their_causes() -> None:
    """Rows of one outcome: losses are measured, ranking, slope and ICI are None and each cause is noted."""
    found = measure([0, 0, 0], [0.1, 0.2, 0.3])
    assert (found.auc, found.average_precision, found.recall_at_10, found.slope, found.ici) == (None,) * 5
    assert found.brier == pytest.approx(0.14 / 3)
    assert found.brier_skill is None
    notes = " / ".join(found.notes)
    for part in ("classement non mesuré", "pente et ordonnée", "ICI non mesuré"):
        assert part in notes


def test_a_flag_has_no_calibration() -> None:
    """A score that only ranks gets its ranking figures, no calibration, and a note that says why."""
    found = measure([0, 1, 1, 0], [0.0, 1.0, 0.0, 0.0], probability=False)
    assert found.auc == 0.75
    assert (found.log_loss, found.brier, found.slope, found.ece, found.mean_risk) == (None,) * 5
    assert "n'annonce pas de probabilité" in found.notes[0]


def test_certain_risks_have_no_spiegelhalter_and_say_so() -> None:
    """Risks of 0 and 1 leave the test without variance; the note says so."""
    assert any("Spiegelhalter" in note for note in measure([0, 1, 1, 0], [0.0, 1.0, 0.0, 1.0]).notes)


def test_bad_rows_are_refused_at_once() -> None:
    """Faults of outcome, risk, pupils and lengths come in one message; no row is its own error."""
    with pytest.raises(
        ColumnsError, match=r"outcome is neither(.|\n)*outside \[0, 1\](.|\n)*schools is missing"
    ):
        measure([0, 3], [0.5, 2.0], schools=["a", None])
    with pytest.raises(NotEnoughDataError, match=r"no row(.|\n)*Hint"):
        measure([], [])


def test_figures_are_frozen_and_finite() -> None:
    """Figures cannot be changed, hold no NaN and no unknown name."""
    found = measure([0, 1], [0.2, 0.4])
    with pytest.raises(ValidationError, match="frozen"):
        found.auc = 1.0  # type: ignore[misc]  # that it is refused is the test
    with pytest.raises(ValidationError, match="finite"):
        Figures(rows=1, events=0, base_rate=float("nan"))
    with pytest.raises(ValidationError, match="Extra"):
        Figures(rows=1, events=0, base_rate=0.0, accuracy=0.9)  # type: ignore[call-arg]  # same
